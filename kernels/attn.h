/* attn.h - attention over a cache in blocks: how a block lies in memory, and the contracts of its kernels.
 *
 * A block holds FOX_ATTN_BLOCK positions of one key-value head, as two matrices in panels of FOX_ATTN_PANEL columns, a
 * panel [row][16], panels one after the other:
 *
 *   keys    rows are the dim elements of a head, columns are positions: 4 panels of dim rows
 *   values  rows are positions, columns are the elements of a head, filled up to a multiple of 16: panels of 64 rows
 *
 * So both products of attention read a panel from its start to its end, sixteen columns side by side, and nothing is ever
 * transposed or added across lanes.
 *
 *   f32, f16, bf16  as said
 *   q8_0 keys       32 rows of a panel: f16 d[16], int8 q[32][16]; the element is d[column] * q
 *   q8_0 values     two panels: f16 d[64], int8 q[2][64][16]; the element is d[row] * q. dim is a multiple of 32
 *
 * spec/runtime.md 4 has the algorithm. */
#ifndef FOX_ATTN_H
#define FOX_ATTN_H

#include "format/type.h"

#define FOX_ATTN_BLOCK 64u /* positions */
#define FOX_ATTN_PANEL 16u /* columns */

/*
 * mul - y[r][c] = keep[r] * y[r][c] + sum over i < k of x[r][i] * b[first + i][c], for c < 16 n_panels
 *
 * y, x    f32, rows y_step and x_step elements apart; no alignment needed
 * keep    [rows]; NULL: the sum starts at 0 and y is not read
 * b       the first panel of n_panels, `height` rows each; of values with scales, the first of a block, n_panels even
 * first   0 for keys, whose k is height
 * order   one sum for each element, i rising: a row's value does not depend on the rows beside it
 * bound   |y - y_scalar| <= 2 k 2^-24 * sum |x b|, whatever the data; 1e-6 * sum |x b| where roundings are not biased
 */
typedef void fox_attn_mul_fn(float *y, size_t y_step, const float *keep, const float *x, size_t x_step,
    size_t rows, const void *b, size_t height, size_t first, size_t k, size_t n_panels);

/* What becomes of a product before its exponential: x = s * scale; with a cap, cap * tanh(x / cap); then minus slope times
 * the distance in positions. */
struct fox_attn_shape {
	float scale;
	float cap;   /* 0: none */
	float slope; /* ALiBi; 0: none */
};

/* What a row has seen so far. Begins as {-INFINITY, 0}. */
struct fox_attn_seen {
	float max;  /* of shaped scores */
	double sum; /* of exp(score - max) */
};

/*
 * weigh - one row's products with n more positions to weights exp(score - max), max over all seen so far
 *
 * s         [n], 1 <= n <= FOX_ATTN_BLOCK, in place
 * distance  of s[0]; that of s[j] is j less
 * returns   by what to multiply all that was added up before: exp(max before - max)
 * order     weights are added in f32 to 16 partials, s[j] to partial j % 16, j rising; partials pairwise 8, 4, 2, 1 apart; the
 *           result in f64 to sum times what is returned
 * beyond    NaN among s makes sum NaN. While all scores are -Inf, weights, sum and what is returned are 0
 * bound     |w - w_scalar| <= 1e-6 w + 1e-30 where shaped scores are the same, likewise of what is returned; shaped scores
 *           differ by 2^-22 of the largest of their terms at most
 */
typedef float fox_attn_weigh_fn(
    float *s, size_t n, const struct fox_attn_shape *shape, uint32_t distance, struct fox_attn_seen *seen);

/* open - n elements of whole panels (q8_0: groups, pairs of panels) to f32 in the same places. Bit-equal on every ISA. */
typedef void fox_attn_open_fn(float *dst, const void *src, size_t n);

struct fox_attn_cache {
	fox_attn_mul_fn *keys, *values; /* NULL: the type is none of a cache */
	fox_attn_open_fn *open_keys, *open_values;
};

struct fox_attn {
	struct fox_attn_cache cache[FOX_TYPE_LIMIT]; /* f32, f16, bf16, q8_0 */
	fox_attn_weigh_fn *weigh;
};

/* The variants, for the ladders and for tests. */
fox_attn_mul_fn fox_attn_mul_f32_scalar, fox_attn_mul_f16_scalar, fox_attn_mul_bf16_scalar,
    fox_attn_keys_q8_0_scalar, fox_attn_values_q8_0_scalar;
fox_attn_mul_fn fox_attn_mul_f32_avx2, fox_attn_mul_f16_avx2, fox_attn_mul_bf16_avx2, fox_attn_keys_q8_0_avx2,
    fox_attn_values_q8_0_avx2;
fox_attn_mul_fn fox_attn_mul_f32_avx512, fox_attn_mul_f16_avx512, fox_attn_mul_bf16_avx512,
    fox_attn_keys_q8_0_avx512, fox_attn_values_q8_0_avx512;
fox_attn_open_fn fox_attn_open_keys_q8_0_scalar, fox_attn_open_values_q8_0_scalar,
    fox_attn_open_keys_q8_0_avx2, fox_attn_open_values_q8_0_avx2;
fox_attn_weigh_fn fox_attn_weigh_scalar, fox_attn_weigh_avx2, fox_attn_weigh_avx512;

#endif
