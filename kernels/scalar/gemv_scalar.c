/* gemv_scalar.c - fast gemv of types of small integers: what it computes, for every other ISA.
 *
 *   y = sum over groups of 32 weights of  d_x * sum over halves h of  (scale[h] * sum q x  -  min[h] * sum x)
 *
 * q and x are integers and their sums exact; scale and min are the weights' own, in f32. Groups are added in rising order.
 * Each type says how its codes, scales and minima are stored; spec/quant.md has the bytes. */
#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

enum { GROUP = FOX_ACTS_GROUP, HALF = GROUP / 2 };

/* 32 weights: w[i] = scale[i / 16] * q[i] - min[i / 16] */
struct group {
	int q[GROUP];
	float scale[2], min[2];
};

/* Group g of a row. */
typedef void unpack_fn(struct group *out, const uint8_t *row, size_t g);

static float f16(const void *p)
{
	return fox_f16_to_f32(fox_load16(p));
}

static void scale_both(struct group *out, float scale, float min)
{
	out->scale[0] = out->scale[1] = scale;
	out->min[0] = out->min[1] = min;
}

static void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    unpack_fn *unpack)
{
	assert(n % GROUP == 0 && x->kind == FOX_ACTS_Q8);
	const int8_t *q = x->q;
	for (size_t r = 0; r < rows; r++, w += w_step) {
		float sum = 0;
		for (size_t g = 0; g < n / GROUP; g++) {
			struct group k;
			float of_group = 0;
			unpack(&k, w, g);
			for (size_t h = 0; h < 2; h++) {
				int32_t products = 0;
				for (size_t i = h * HALF; i < (h + 1) * HALF; i++)
					products += k.q[i] * q[g * GROUP + i];
				of_group += k.scale[h] * (float)products - k.min[h] * (float)x->sum[2 * g + h];
			}
			sum += x->d[g] * of_group;
		}
		y[r] = sum;
	}
}

/* ---- one scale for 32 weights */

static void unpack_q8_0(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q8_0 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = b.q[i];
	scale_both(out, f16(&b.d), 0);
}

/* Weight i of n in nibbles. */
static int nibble(const uint8_t *q, size_t i, size_t n)
{
	return i < n / 2 ? q[i] & 15 : q[i - n / 2] >> 4;
}

static int fifth_bit(const uint8_t high[4], size_t i)
{
	return (high[i / 8] >> i % 8 & 1) << 4;
}

static void unpack_q4_0(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q4_0 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = nibble(b.q, i, GROUP) - 8;
	scale_both(out, f16(&b.d), 0);
}

static void unpack_q4_1(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q4_1 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = nibble(b.q, i, GROUP);
	scale_both(out, f16(&b.d), -f16(&b.m));
}

static void unpack_q5_0(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q5_0 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = (nibble(b.q, i, GROUP) | fifth_bit(b.high, i)) - 16;
	scale_both(out, f16(&b.d), 0);
}

static void unpack_q5_1(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q5_1 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = nibble(b.q, i, GROUP) | fifth_bit(b.high, i);
	scale_both(out, f16(&b.d), -f16(&b.m));
}

static void unpack_iq4_nl(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_iq4_nl b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = fox_iq4_value[nibble(b.q, i, GROUP)];
	scale_both(out, f16(&b.d), 0);
}

static const int8_t fp4_value[16] = {FOX_FP4_VALUES};

static void unpack_mxfp4(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_mxfp4 b;
	memcpy(&b, row + g * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = fp4_value[nibble(b.q, i, GROUP)];
	scale_both(out, fox_e8m0_half(b.e), 0);
}

static void unpack_nvfp4(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_nvfp4 b;
	memcpy(&b, row + g / 2 * sizeof b, sizeof b);
	for (size_t h = 0; h < 2; h++) {
		size_t sixteen = g % 2 * 2 + h;
		for (size_t i = 0; i < HALF; i++)
			out->q[h * HALF + i] = fp4_value[nibble(b.q + sixteen * HALF / 2, i, HALF)];
		out->scale[h] = fox_e4m3_half(b.d[sixteen]);
		out->min[h] = 0;
	}
}

/* ---- super-blocks: group s of the eight of a block */

static int pair(const uint8_t *q, size_t s, size_t i)
{
	return q[s / 4 * GROUP + i] >> s % 4 * 2 & 3;
}

static int k_nibble(const uint8_t *q, size_t s, size_t i)
{
	return q[s / 2 * GROUP + i] >> s % 2 * 4 & 15;
}

static void unpack_q2_k(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q2_k b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = pair(b.q, g % 8, i);
	for (size_t h = 0; h < 2; h++) {
		int packed = b.scales[g % 8 * 2 + h];
		out->scale[h] = f16(&b.d) * (float)(packed & 15);
		out->min[h] = f16(&b.dmin) * (float)(packed >> 4);
	}
}

static void unpack_q3_k(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q3_k b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = (pair(b.q, g % 8, i) | (b.high[i] >> g % 8 & 1) << 2) - 4;
	for (size_t h = 0; h < 2; h++) {
		size_t s = g % 8 * 2 + h;
		int scale = (b.scales[s % 8] >> s / 8 * 4 & 15) | (b.scales[8 + s % 4] >> s / 4 * 2 & 3) << 4;
		out->scale[h] = f16(&b.d) * (float)(scale - 32);
		out->min[h] = 0;
	}
}

/* Six bits each of eight scales and eight minima. */
static void scale_8x6(struct group *out, const uint8_t *in, size_t s, float d, float dmin)
{
	int scale = s < 4 ? in[s] & 63 : (in[s + 4] & 15) | in[s - 4] >> 6 << 4;
	int min = s < 4 ? in[s + 4] & 63 : in[s + 4] >> 4 | in[s] >> 6 << 4;
	scale_both(out, d * (float)scale, dmin * (float)min);
}

static void unpack_q4_k(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q4_k b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = k_nibble(b.q, g % 8, i);
	scale_8x6(out, b.scales, g % 8, f16(&b.d), f16(&b.dmin));
}

static void unpack_q5_k(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q5_k b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = k_nibble(b.q, g % 8, i) | (b.high[i] >> g % 8 & 1) << 4;
	scale_8x6(out, b.scales, g % 8, f16(&b.d), f16(&b.dmin));
}

static void unpack_q6_k(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_q6_k b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	for (size_t i = 0; i < GROUP; i++) {
		int low = b.q[g % 8 / 4 * 64 + g % 2 * GROUP + i] >> g % 4 / 2 * 4 & 15;
		out->q[i] = (low | pair(b.high, g % 8, i) << 4) - 32;
	}
	for (size_t h = 0; h < 2; h++) {
		out->scale[h] = f16(&b.d) * (float)b.scales[g % 8 * 2 + h];
		out->min[h] = 0;
	}
}

static void unpack_iq4_xs(struct group *out, const uint8_t *row, size_t g)
{
	struct fox_iq4_xs b;
	memcpy(&b, row + g / 8 * sizeof b, sizeof b);
	size_t s = g % 8;
	for (size_t i = 0; i < GROUP; i++)
		out->q[i] = fox_iq4_value[nibble(b.q + s * HALF, i, GROUP)];
	int scale = (b.scale_low[s / 2] >> s % 2 * 4 & 15) | (fox_load16(&b.scale_high) >> 2 * s & 3) << 4;
	scale_both(out, f16(&b.d) * (float)(scale - 32), 0);
}

#define GEMV(T)                                                                                              \
	void fox_gemv_##T##_scalar(                                                                              \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		gemv(y, w, w_step, rows, x, n, unpack_##T);                                                          \
	}

GEMV(q8_0)
GEMV(q4_0)
GEMV(q4_1)
GEMV(q5_0)
GEMV(q5_1)
GEMV(iq4_nl)
GEMV(mxfp4)
GEMV(nvfp4)
GEMV(q2_k)
GEMV(q3_k)
GEMV(q4_k)
GEMV(q5_k)
GEMV(q6_k)
GEMV(iq4_xs)
