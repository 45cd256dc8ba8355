/* finding.h - what a check found. Checks that judge collect findings and go on; a status is for "could not
 * judge". */
#ifndef FOX_FINDING_H
#define FOX_FINDING_H

#include "format/base/arena.h"
#include "format/base/err.h"

enum fox_grade { FOX_PASS, FOX_NOTE, FOX_FAIL }; /* NOTE: worth knowing, proves nothing wrong */

struct fox_finding {
	enum fox_grade grade;
	const char *check; /* stable name of the check that owns it: "hash.tensor", "source.key", "logits.nmse" */
	const char *where; /* what it is about: a tensor, a key, a file; may be "" */
	const char *text;  /* one line: what was expected, what was there */
};

struct fox_findings {
	struct fox_finding *list;
	size_t n, cap;
	size_t n_fail;
	struct fox_arena arena;
	bool failed; /* out of memory: the list is not whole */
};

/* Zero-initialise. text is printf-style; check is a literal (kept by reference), where and text are copied.
 */
void fox_find_add(struct fox_findings *f, enum fox_grade grade, const char *check, const char *where,
    const char *fmt, ...) FOX_PRINTF(5, 6);
void fox_findings_free(struct fox_findings *f);

#endif
