/* search_block.h - one block's search, shared by search.c (all weights at once) and search_feedback.c (column by column).
 * Private to kernels/. */
#ifndef FOX_SEARCH_BLOCK_H
#define FOX_SEARCH_BLOCK_H

#include "kernels/kernels.h"

enum { FOX_SEARCH_LEN = 256, FOX_SEARCH_SUBS = 16, FOX_SEARCH_SUB = 32 };

/* How a type's block is built: value = d * scale * v - dmin * min, v the value of a code. Codes are counted as values
 * here: lo .. hi, or a table's entries. */
struct fox_scheme {
	enum fox_type type;
	int len, n;             /* weights of a sub-block; sub-blocks */
	float lo, hi;           /* of v */
	int scale_lo, scale_hi; /* both 1: there is only d */
	int min_hi;             /* 0: no minimum; 1 with free_min: dmin alone, of either sign */
	bool free_min, table;
};

/* NULL: no scheme for it. */
const struct fox_scheme *fox_scheme_of(enum fox_type type);

struct fox_search_block {
	float d, dmin; /* values of f16 */
	int scale[FOX_SEARCH_SUBS], min[FOX_SEARCH_SUBS];
	float v[FOX_SEARCH_LEN];
};

/* The value of a code nearest to y; of NaN the lowest. */
float fox_search_nearest(const struct fox_scheme *c, float y);

/* Search all of a block. x, w: [len * n], finite, w >= 0. Returns the sum of w * error^2. */
float fox_search_block(
    struct fox_search_block *out, const struct fox_scheme *c, const float *x, const float *w);

/* Search sub-block j anew with d and dmin as they are, around its scale. x, w: [len]. */
void fox_search_sub(
    struct fox_search_block *b, const struct fox_scheme *c, int j, const float *x, const float *w);

/* What a weight stands for. */
static inline float fox_search_value(const struct fox_search_block *b, const struct fox_scheme *c, int i)
{
	int j = i / c->len;
	return b->d * (float)b->scale[j] * b->v[i] - b->dmin * (float)b->min[j];
}

void fox_search_store(void *dst, const struct fox_scheme *c, const struct fox_search_block *b);

#endif
