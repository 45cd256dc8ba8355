/* frontmatter.h - the YAML at the top of a README.md, as far as model cards use it: one block mapping whose
 * values are scalars on one line, flow lists and block lists of such scalars.
 *
 * Asked for by key; every other key is stepped over. What is not certain is said to be so, never guessed: a
 * value that fox does not read, or, where the lines themselves cannot be told apart, all of it.
 * Plain scalars are typed as YAML 1.1 types them (no is false, 1.0 a number).  spec/modelcard.md 2 */
#ifndef FOX_FRONTMATTER_H
#define FOX_FRONTMATTER_H

#include "format/base/arena.h"
#include "format/base/str.h"

#define FOX_FRONTMATTER_MAX_BYTES (64u << 10)

enum fox_fm_kind {
	FOX_FM_ABSENT,
	FOX_FM_NULL,
	FOX_FM_STR,
	FOX_FM_LIST,  /* of strings */
	FOX_FM_UNSURE /* why says what it is: no string, or nothing that fox reads */
};

struct fox_fm_value {
	const char *key;       /* set by the caller */
	enum fox_fm_kind kind; /* the rest is overwritten */
	unsigned line;         /* of the file, from 1 */
	const char *why;       /* UNSURE: "is a number" */
	struct fox_str str;    /* STR */
	struct fox_str *items; /* LIST */
	size_t n;              /* LIST */
};

/*
 * fox_frontmatter_read - fill in the values of n keys
 *
 * text    the whole file. It has front matter when its first line is "---"; a line "---" ends it
 * why     NULL, or why nothing at all was read (all values are then ABSENT), with *line; no front matter is
 *         no reason
 * Strings and items are the arena's. A key given twice is UNSURE.
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_frontmatter_read(struct fox_fm_value *v, size_t n, struct fox_str text,
    struct fox_arena *arena, const char **why, unsigned *line, struct fox_err *err) FOX_MUST_CHECK;

#endif
