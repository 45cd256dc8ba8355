/* quant_iq4.c - iq4_nl and iq4_xs: 4-bit codes for the 16 unevenly spaced values of a table.
 *
 * A group's scale is searched: 16 scales are tried, each with the codes nearest to the quotients and then the scale that
 * least squares gives for these codes. Sums run in rising order in f32, products associate to the left: the order decides
 * the last bits, and with them the bytes. The same bytes as ggml's quantizers for finite input; a NaN quotient gets the
 * last code.
 * source: ggml-quants.c quantize_row_iq4_nl_impl, dequantize_row_iq4_nl, dequantize_row_iq4_xs */
#include "kernels/iq4.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"

enum { GROUP = FOX_IQ4_GROUP, XS_LEN = FOX_IQ4_XS_LEN, XS_GROUPS = FOX_IQ4_XS_GROUPS };

/* The code of the value nearest to x; halfway, of the greater one. border[i] lies halfway between values i and i + 1. */
static uint8_t nearest(float x)
{
	unsigned code = 0;
	for (unsigned step = 8; step > 0; step /= 2)
		if (!(x < fox_iq4_border[code + step - 1])) /* true for NaN */
			code += step;
	return (uint8_t)code;
}

/* The error of a value counts with its square or, under importance, with that and the more the larger the value is beside
 * the block's others. */
static void weigh(float *w, const float *x, const float *importance, float mean_square)
{
	for (int i = 0; i < GROUP; i++)
		w[i] = importance ? importance[i] * sqrtf(mean_square + x[i] * x[i]) : x[i] * x[i];
}

/* The scale that explains most of the weighted square, the first of several; 0 for a group of almost nothing. */
static float fit_scale(const float *x, const float *importance, float mean_square)
{
	float w[GROUP];
	float largest = 0, max = 0;
	for (int i = 0; i < GROUP; i++)
		if (fabsf(x[i]) > max) {
			max = fabsf(x[i]);
			largest = x[i];
		}
	if (max < FOX_IQ4_TINY)
		return 0;
	weigh(w, x, importance, mean_square);
	float scale = 0, best = 0;
	for (int try = 0; try < FOX_IQ4_TRIES; try++) {
		float inverse = fox_iq4_inverse(largest, try), qx = 0, qq = 0;
		for (int i = 0; i < GROUP; i++) {
			float q = (float)fox_iq4_value[nearest(inverse * x[i])];
			qx += w[i] * q * x[i];
			qq += w[i] * q * q;
		}
		fox_iq4_choose(try, qx, qq, &scale, &best);
	}
	return scale;
}

static void pack_group(uint8_t *out, const float *x, float inverse)
{
	for (int i = 0; i < GROUP / 2; i++)
		out[i] = (uint8_t)(nearest(inverse * x[i]) | nearest(inverse * x[i + GROUP / 2]) << 4);
}

static const struct fox_iq4_ways ways = {fit_scale, pack_group};

void fox_encode_iq4_nl_scalar(void *dst, const float *src, size_t n)
{
	assert(n % GROUP == 0);
	fox_iq4_encode_nl(dst, src, NULL, n, ways);
}

void fox_encode_weighted_iq4_nl_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % GROUP == 0);
	fox_iq4_encode_nl(dst, src, importance, n, ways);
}

void fox_encode_iq4_xs_scalar(void *dst, const float *src, size_t n)
{
	assert(n % XS_LEN == 0);
	fox_iq4_encode_xs(dst, src, NULL, n, ways);
}

void fox_encode_weighted_iq4_xs_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % XS_LEN == 0);
	fox_iq4_encode_xs(dst, src, importance, n, ways);
}

static void decode_group(float *dst, const uint8_t *q, float d)
{
	for (int i = 0; i < GROUP / 2; i++) {
		dst[i] = d * (float)fox_iq4_value[q[i] & 15];
		dst[i + GROUP / 2] = d * (float)fox_iq4_value[q[i] >> 4];
	}
}

void fox_decode_iq4_nl_scalar(float *dst, const void *src, size_t n)
{
	assert(n % GROUP == 0);
	const uint8_t *in = src;
	for (struct fox_iq4_nl b; n > 0; n -= GROUP, dst += GROUP, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		decode_group(dst, b.q, fox_f16_to_f32(fox_load16(&b.d)));
	}
}

void fox_decode_iq4_xs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % XS_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq4_xs b; n > 0; n -= XS_LEN, dst += XS_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		unsigned high = fox_load16(&b.scale_high);
		for (int g = 0; g < XS_GROUPS; g++) {
			int code = (b.scale_low[g / 2] >> g % 2 * 4 & 15) | (int)(high >> 2 * g & 3) << 4;
			decode_group(dst + (ptrdiff_t)g * GROUP, b.q + g * GROUP / 2, d * (float)(code - 32));
		}
	}
}
