/* fm_scalar.h - what a plain scalar of front matter means: text, null, or something that is no text.
 *
 * Private to frontmatter.c. */
#ifndef FOX_FM_SCALAR_H
#define FOX_FM_SCALAR_H

#include "format/base/str.h"

/* c is one of set; a NUL never is. */
static inline bool fox_fm_in(char c, const char *set)
{
	return c && strchr(set, c);
}

/* The first index from i on whose character is not in set; s.n when there is none. */
static inline size_t fox_fm_span(struct fox_str s, size_t i, const char *set)
{
	while (i < s.n && fox_fm_in(s.p[i], set))
		i++;
	return i;
}

/* NULL for text, and for null (*null set); otherwise what s is: "is a number, not text". */
const char *fox_fm_why_no_text(struct fox_str s, bool *null);

#endif
