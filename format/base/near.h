/* near.h - "did you mean": the names of a list that look most like a word, for messages about unknown names. */
#ifndef FOX_NEAR_H
#define FOX_NEAR_H

#include "format/base/str.h"

#define FOX_NEAR_MAX 4u

/* Zero-initialise and set `word`. Candidates are borrowed. */
struct fox_near {
	struct fox_str word;
	const char *name[FOX_NEAR_MAX]; /* nearest first; of equals, the first offered */
	uint32_t far[FOX_NEAR_MAX];     /* single-character edits, case ignored */
	size_t n;
};

/* Offer a candidate: kept when at most a third of the word's letters (at least 2 edits, fewer than its length) differ,
 * or when one is the beginning of the other. Words over 48 bytes are near nothing. */
void fox_near_offer(struct fox_near *near, const char *name);

/* "; near it: q4_0, q4_1" into buf, or nothing when no candidate was kept. Returns buf. */
const char *fox_near_text(const struct fox_near *near, char *buf, size_t n);

#endif
