/* iq4.h - what the quantizers of iq4_nl and iq4_xs share on every ISA: the table of values and the steps of the search.
 * Private to kernels/. static inline only.  source: ggml-common.h kvalues_iq4nl, ggml-quants.c quantize_row_iq4_nl_impl */
#ifndef FOX_IQ4_H
#define FOX_IQ4_H

#include "kernels/half.h"
#include "kernels/kernels.h"

#define FOX_IQ4_TINY 1e-15f /* a group whose magnitudes are all smaller counts as zero */

enum { FOX_IQ4_TRIES = 16 };

static const int8_t fox_iq4_value[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static const float fox_iq4_border[15] = {
    -115.5f, -93.5f, -74, -57, -42, -28.5f, -16, -4.5f, 7, 19, 31.5f, 45.5f, 61, 79, 101};

/* The inverse scales that are tried: that which makes the largest value 127 times the sign it has in the table's stead,
 * then those which make it -134 .. -120. */
static inline float fox_iq4_inverse(float largest, int try)
{
	if (try == 0)
		return 1 / (-largest / (float)fox_iq4_value[0]);
	return (float)(try - 8 + fox_iq4_value[0]) / largest;
}

/* Sums of w q x and w q q of one try: is its least-squares scale better than the best so far? */
static inline void fox_iq4_choose(int try, float qx, float qq, float *scale, float *best)
{
	if (try == 0)
		*scale = qq > 0 ? qx / qq : 0;
	else if (qq > 0 && qx * qx > *best * qq)
		*scale = qx / qq;
	else
		return;
	*best = *scale * qx;
}

/* The nearest integer, ties to even, kept in -32 .. 31; -32 for what is beyond 2^22, 0 for NaN. */
static inline int fox_iq4_scale_code(float v)
{
	int code = (int)(fox_f32_bits(v + 0x1.8p23f) & 0x7fffff) - 0x400000;
	return code < -32 ? -32 : code > 31 ? 31 : code;
}

#endif
