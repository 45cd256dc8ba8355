/* search.h - quantizers that look farther than the format's reference: the same blocks, smaller errors.
 *
 * "wide" looks for the scales, minima and codes of a block that together make the sum of importance * error^2 small.
 * "feedback" also lets the columns of a row make up for each other's errors: what rounding one weight does to the product
 * is taken back by the weights still to come, as far as the inputs that the matrix was seen to meet allow it.
 * What both reach is in spec/quant.md.
 *
 * Plain C in f32 with sums in a fixed order: one result on every machine, whatever the number of threads. */
#ifndef FOX_SEARCH_H
#define FOX_SEARCH_H

#include "kernels/kernels.h"

/* q4_0, q4_1, q5_0, q5_1, q8_0, q2_k .. q6_k, iq4_nl, iq4_xs. Other types keep their encoders. */
bool fox_search_has(enum fox_type type);

/*
 * fox_search_wide - encode weights with the smallest error that the search finds
 *
 * type        one that fox_search_has
 * dst         n / elems blocks; no alignment needed
 * src         f32 [n], n a multiple of the type's block. A block with NaN or Inf is left to the type's encoder
 * importance  [n], >= 0 and finite; NULL: all weights count the same
 */
void fox_search_wide(enum fox_type type, void *dst, const float *src, const float *importance, size_t n);

/*
 * fox_search_feedback - encode rows, each column's error fed into the columns after it
 *
 *   for column k, rising:  q = code nearest to w[k],  e = (w[k] - value(q)) / factor[k][k],
 *                          w[t] -= e * factor[k][t]   for t > k
 *
 * A block's scales are searched as in "wide" when its first column is reached, a sub-block's once more when it is, with
 * 1 / factor[k][k]^2 as importance: the error that is left when all later columns have made up for column k's.
 *
 * dst     n_rows rows of blocks
 * src     f32 [n_rows][cols], finite; cols a multiple of the type's block
 * factor  f32 [cols][cols], fox_feedback_factor's
 * work    f32 [FOX_SEARCH_ROWS][cols] of scratch
 * source  Frantar et al. 2022, "GPTQ", algorithm 1; the order of columns is the row's own
 */
#define FOX_SEARCH_ROWS 8u
void fox_search_feedback(enum fox_type type, void *dst, const float *src, size_t n_rows, size_t cols,
    const float *factor, float *work);

#endif
