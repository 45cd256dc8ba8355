/* iq4.h - what the quantizers of iq4_nl and iq4_xs share on every ISA: the table of values, the steps of the search, the
 * walk over blocks.
 * Private to kernels/. static inline only.  source: ggml-common.h kvalues_iq4nl, ggml-quants.c quantize_row_iq4_nl_impl */
#ifndef FOX_IQ4_H
#define FOX_IQ4_H

#include <string.h>

#include "format/base/num.h"
#include "kernels/code_values.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

#define FOX_IQ4_TINY 1e-15f /* a group whose magnitudes are all smaller counts as zero */

enum { FOX_IQ4_TRIES = 16 };

static const int8_t fox_iq4_value[16] = {FOX_IQ4_VALUES};

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

/* ---- the walk over groups and blocks: what an ISA does its own way comes as functions, which are inlined */

enum { FOX_IQ4_GROUP = 32, FOX_IQ4_XS_LEN = 256, FOX_IQ4_XS_GROUPS = FOX_IQ4_XS_LEN / FOX_IQ4_GROUP };

struct fox_iq4_ways {
	/* The scale that explains most of the weighted square of a group, the first of several; 0 for almost nothing.
	 * importance may be NULL; mean_square: twice that of the block, with importance. */
	float (*fit)(const float *x, const float *importance, float mean_square);
	/* The codes of a group nearest to x times inverse, to 16 bytes. */
	void (*pack)(uint8_t *out, const float *x, float inverse);
};

/* Twice the mean square of a block. */
static inline float fox_iq4_twice_mean_square(const float *x, int n)
{
	float sum = 0;
	for (int i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum * (2.0f / (float)n);
}

static inline void fox_iq4_encode_nl(
    void *dst, const float *src, const float *importance, size_t n, struct fox_iq4_ways ways)
{
	uint8_t *out = dst;
	for (; n > 0; n -= FOX_IQ4_GROUP, src += FOX_IQ4_GROUP, out += sizeof(struct fox_iq4_nl)) {
		float d = ways.fit(src, importance, importance ? fox_iq4_twice_mean_square(src, FOX_IQ4_GROUP) : 0);
		fox_store16(out, fox_f32_to_f16(d));
		ways.pack(out + offsetof(struct fox_iq4_nl, q), src, d != 0 ? 1 / d : 0);
		importance += importance ? FOX_IQ4_GROUP : 0;
	}
}

/* Groups' scales get 6-bit codes, -32 for the largest whatever its sign, and weights are coded for what these stand for. */
static inline void fox_iq4_xs_block(
    struct fox_iq4_xs *b, const float *x, const float *scale, struct fox_iq4_ways ways)
{
	float max = 0, largest = 0;
	unsigned high = 0;
	for (int g = 0; g < FOX_IQ4_XS_GROUPS; g++) {
		float abs = scale[g] < 0 ? -scale[g] : scale[g];
		if (abs > max) {
			max = abs;
			largest = scale[g];
		}
	}
	float d = -largest / 32, id = d != 0 ? 1 / d : 0;
	fox_store16(&b->d, fox_f32_to_f16(d));
	memset(b->scale_low, 0, sizeof b->scale_low);
	for (int g = 0; g < FOX_IQ4_XS_GROUPS; g++) {
		int code = fox_iq4_scale_code(id * scale[g]);
		float dl = d * (float)code;
		ways.pack(b->q + g * FOX_IQ4_GROUP / 2, x + (ptrdiff_t)g * FOX_IQ4_GROUP, dl != 0 ? 1 / dl : 0);
		unsigned stored = (unsigned)(code + 32);
		b->scale_low[g / 2] |= (uint8_t)((stored & 15) << g % 2 * 4);
		high |= stored >> 4 << 2 * g;
	}
	fox_store16(&b->scale_high, (uint16_t)high);
}

static inline void fox_iq4_encode_xs(
    void *dst, const float *src, const float *importance, size_t n, struct fox_iq4_ways ways)
{
	uint8_t *out = dst;
	float scale[FOX_IQ4_XS_GROUPS];
	for (struct fox_iq4_xs b; n > 0; n -= FOX_IQ4_XS_LEN, src += FOX_IQ4_XS_LEN, out += sizeof b) {
		float mean_square = importance ? fox_iq4_twice_mean_square(src, FOX_IQ4_XS_LEN) : 0;
		for (int g = 0; g < FOX_IQ4_XS_GROUPS; g++) {
			ptrdiff_t at = (ptrdiff_t)g * FOX_IQ4_GROUP;
			scale[g] = ways.fit(src + at, importance ? importance + at : NULL, mean_square);
		}
		fox_iq4_xs_block(&b, src, scale, ways);
		memcpy(out, &b, sizeof b);
		importance += importance ? FOX_IQ4_XS_LEN : 0;
	}
}

#endif
