/* quant_fp4.c - mxfp4 and nvfp4: 4-bit floats (E2M1) under a scale of 8 bits.
 *
 * The same bytes as ggml's reference quantizers for finite input, which take the value nearest to x, of two equally near
 * ones that of smaller magnitude, and never -0. NaN counts for nothing and becomes 0.
 * source: OCP Microscaling Formats (MX) 1.0 5.3.3, 5.4.1; ggml-quants.c quantize_row_mxfp4_ref, quantize_row_nvfp4_ref,
 * dequantize_row_mxfp4, dequantize_row_nvfp4 */
#include "kernels/kernels.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/code_values.h"
#include "kernels/half.h"

enum { MX_LEN = 32, NV_LEN = 64, NV_GROUP = 16 };

static const int8_t fp4_value[16] = {FOX_FP4_VALUES};

static float max_magnitude(const float *x, int n)
{
	float max = 0;
	for (int i = 0; i < n; i++)
		max = max < fabsf(x[i]) ? fabsf(x[i]) : max;
	return max;
}

/* The code of x in units of d, a scale that is not 0. The borders between values are exact in f32, because d has at most
 * four significant bits. Under the largest d that x can bring about, 8 d and 12 d are no f32 and no choice. */
static uint8_t nearest(float x, float d)
{
	static const float border[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};
	uint8_t code = 0;
	int top = d > 0x1p124f ? 5 : 7;
	for (int i = 0; i < top; i++)
		code = (uint8_t)(code + (fabsf(x) > border[i] * d));
	return code && x < 0 ? code | 8 : code;
}

/* The same by distances rounded to f32, the first smallest of which wins: far beyond the largest value they are all
 * equal, and the code is 0. */
static uint8_t nearest_by_distance(float x, float d)
{
	uint8_t code = 0;
	float best = fabsf(x);
	for (uint8_t i = 1; i < 16; i++) {
		float distance = fabsf((float)fp4_value[i] * d - x);
		if (distance < best) {
			best = distance;
			code = i;
		}
	}
	return code;
}

static void pack_nibbles(uint8_t *out, const uint8_t *q, int n)
{
	for (int i = 0; i < n / 2; i++)
		out[i] = (uint8_t)(q[i] | q[i + n / 2] << 4);
}

static void decode_group(float *dst, const uint8_t *q, float d, int n)
{
	for (int i = 0; i < n / 2; i++) {
		dst[i] = (float)fp4_value[q[i] & 15] * d;
		dst[i + n / 2] = (float)fp4_value[q[i] >> 4] * d;
	}
}

void fox_encode_mxfp4_scalar(void *dst, const float *src, size_t n)
{
	assert(n % MX_LEN == 0);
	uint8_t *out = dst, q[MX_LEN];
	for (struct fox_mxfp4 b; n > 0; n -= MX_LEN, src += MX_LEN, out += sizeof b) {
		b.e = fox_f32_to_e8m0(max_magnitude(src, MX_LEN));
		float d = fox_e8m0_half(b.e);
		for (int i = 0; i < MX_LEN; i++)
			q[i] = nearest(src[i], d);
		pack_nibbles(b.q, q, MX_LEN);
		memcpy(out, &b, sizeof b);
	}
}

void fox_decode_mxfp4_scalar(float *dst, const void *src, size_t n)
{
	assert(n % MX_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_mxfp4 b; n > 0; n -= MX_LEN, dst += MX_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		decode_group(dst, b.q, fox_e8m0_half(b.e), MX_LEN);
	}
}

static uint8_t encode_nv_group(uint8_t *out, const float *x)
{
	uint8_t q[NV_GROUP], scale;
	float sixth = max_magnitude(x, NV_GROUP) / 6.0f;
	scale = fox_f32_to_e4m3(sixth);
	float d = fox_e4m3_half(scale);
	for (int i = 0; i < NV_GROUP; i++)
		q[i] = sixth > 448 ? nearest_by_distance(x[i], d) : d != 0 ? nearest(x[i], d) : 0;
	pack_nibbles(out, q, NV_GROUP);
	return scale;
}

void fox_encode_nvfp4_scalar(void *dst, const float *src, size_t n)
{
	assert(n % NV_LEN == 0);
	uint8_t *out = dst;
	for (struct fox_nvfp4 b; n > 0; n -= NV_LEN, src += NV_LEN, out += sizeof b) {
		for (int g = 0; g < NV_LEN / NV_GROUP; g++)
			b.d[g] = encode_nv_group(b.q + g * NV_GROUP / 2, src + (ptrdiff_t)g * NV_GROUP);
		memcpy(out, &b, sizeof b);
	}
}

void fox_decode_nvfp4_scalar(float *dst, const void *src, size_t n)
{
	assert(n % NV_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_nvfp4 b; n > 0; n -= NV_LEN, dst += NV_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		for (int g = 0; g < NV_LEN / NV_GROUP; g++)
			decode_group(
			    dst + (ptrdiff_t)g * NV_GROUP, b.q + g * NV_GROUP / 2, fox_e4m3_half(b.d[g]), NV_GROUP);
	}
}
