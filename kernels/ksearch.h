/* ksearch.h - how the K types find a scale: the searches their quantizers share. Private to kernels/.
 *
 * Every search is given by the order of its f32 operations, which decides its last bits and with them the bytes of a
 * file: sums run in rising order, products associate to the left, nothing is contracted.  source: ggml-quants.c
 * make_qkx2_quants, make_qkx3_quants, make_qx_quants, make_q3_quants, make_qp_quants */
#ifndef FOX_KSEARCH_H
#define FOX_KSEARCH_H

#include "kernels/half.h"
#include "kernels/kernels.h"

/* Weights of a super-block; its sub-blocks at most; super-blocks that vector code takes together. */
enum { FOX_K_LEN = 256, FOX_K_SUBS = 16, FOX_K_BATCH = 8 };

/* Below this magnitude a group counts as zero. */
#define FOX_K_TINY 1e-15f

/* The nearest integer, ties to even, for |v| <= 2^22: adding 1.5 * 2^23 leaves it in the low bits of the sum. What lies
 * beyond, Inf and NaN give some number in -2^22 .. 2^22 - 1, the same everywhere. */
static inline int fox_k_nearest(float v)
{
	return (int)(fox_f32_bits(v + 0x1.8p23f) & 0x7fffff) - 0x400000;
}

static inline int fox_k_clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Which scales a search tries: with r the range of a group and top its largest code, the inverse scales
 * (first + step * i + top) / r for i = 0 .. last */
struct fox_k_steps {
	float first, step;
	int last;
};

/* The weights x ~ scale * q - min of a group, min >= 0. */
struct fox_k_affine {
	float scale, min;
};

/*
 * fox_k_fit_affine - codes q in 0..top, a scale and a minimum for a group with small weighted error
 *
 * The first candidate is the plain range: scale = range / top, offset = the smallest value or 0, codes to nearest. Each step
 * then takes codes to nearest at its inverse scale and the offset of the best candidate so far (which also is one end of
 * r), and for these codes the scale and the offset by weighted least squares, the offset held at or below 0. A candidate
 * with a smaller weighted error becomes the best.
 *
 * q       [n] out, n <= 32
 * x, w    [n] finite values, and their weights
 * absolute  the error is |difference|, not its square
 */
struct fox_k_affine fox_k_fit_affine(uint8_t *q, const float *x, const float *w, int n, int top,
    const struct fox_k_steps *steps, bool absolute);

/*
 * fox_k_fit_symmetric - codes q in 0 .. 2 top - 1, standing for q - top, and a scale (negative where the value of largest
 * magnitude is positive, since -top reaches one step farther than top - 1)
 *
 * Inverse scales -(top + i / 10) / largest, i = 0, then -9 .. 9; each with its least-squares scale; the one that explains
 * most of the weighted square wins, the first among equals.
 *
 * w   [n] weights; NULL: x * x
 */
float fox_k_fit_symmetric(int8_t *q, const float *x, const float *w, int n, int top);

/*
 * fox_k_refine_symmetric - as fox_k_fit_symmetric with weights x * x, from the one inverse scale -top / largest, by moving
 * single codes while that explains more of the weighted square; at most 5 rounds
 */
float fox_k_refine_symmetric(int8_t *q, const float *x, int n, int top);

/*
 * fox_k_fit_scales - codes q and a scale for the sub-blocks' scales themselves (n values >= 0), weighted
 *
 * Inverse scales (top + i / 10) / largest, i = 0, then -4 .. 4, the smallest weighted square error wins; then single
 * codes move as above. Codes are kept in 8 bits: the search does not hold them at or above 0.
 */
float fox_k_fit_scales(uint8_t *q, const float *x, const float *w, int n, int top);

/* The same for eight super-blocks: values[b][s] and weights[b][s] of sub-block s < n (8 or 16) of super-block b; d[b] is the
 * scale as f16. */
void fox_k_fit_scales_avx2(uint8_t codes[][FOX_K_SUBS], uint16_t d[], float values[][FOX_K_SUBS],
    float weights[][FOX_K_SUBS], int n, int top);

/* Without weights: codes[i] of the largest's 1 / top, to nearest. Returns largest / top as f16. */
uint16_t fox_k_plain_scales(uint8_t *codes, const float *x, int n, int top);

/* The value of largest magnitude, the first among equals; 0 when all are 0. */
float fox_k_largest(const float *x, int n);

/* Codes of sixteen scales in units of -largest / top, to nearest, in -top .. top - 1 (top 32 or 128); returns that unit.
 * largest: fox_k_largest of them, not 0. */
float fox_k_symmetric_scales(int8_t *codes, const float *scales, float largest, int top);

/* The scales' field of q4_k and q5_k: six bits each of eight scales and eight minima. Those of 0..3 stand in bytes 0..3 and
 * 4..7; of those of 4..7 the low four bits in bytes 8..11, the high two on top of the others. What a code has beyond
 * six bits spoils a neighbour's, as it does in ggml. */
void fox_k_pack_scales(uint8_t out[12], const uint8_t *scales, const uint8_t *mins);
void fox_k_unpack_scales(uint8_t *scales, uint8_t *mins, const uint8_t in[12]);

#endif
