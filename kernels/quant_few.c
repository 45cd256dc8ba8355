/* quant_few.c - tq1_0, tq2_0, q1_0, q2_0 blocks to f32: two to four values per weight under one scale. Read only.
 * source: ggml-quants.c dequantize_row_tq1_0 and its like */
#include "kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"

enum { T_LEN = 256, Q1_LEN = 128, Q2_LEN = 64 };

static float f16_at(const uint16_t *h)
{
	return fox_f16_to_f32(fox_load16(h));
}

/* Digit i (the first is 0) of a byte that is a fraction in base 3: multiplying by 3 moves the next one above the point. */
static int trit(uint8_t fraction, int i)
{
	static const uint8_t power[5] = {1, 3, 9, 27, 81};
	uint8_t rest = (uint8_t)(fraction * power[i]);
	return rest * 3 >> 8;
}

/* `digits` rounds over n bytes, the first digit of each first. */
static float *put_trits(float *dst, const uint8_t *in, int n, int digits, float d)
{
	for (int i = 0; i < digits; i++)
		for (int j = 0; j < n; j++)
			*dst++ = (float)(trit(in[j], i) - 1) * d;
	return dst;
}

void fox_decode_tq1_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % T_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_tq1_0 b; n > 0; n -= T_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		dst = put_trits(dst, b.q, 32, 5, d);
		dst = put_trits(dst, b.q + 32, 16, 5, d);
		dst = put_trits(dst, b.high, 4, 4, d);
	}
}

void fox_decode_tq2_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % T_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_tq2_0 b; n > 0; n -= T_LEN, dst += T_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int quarter = 0; quarter < 8; quarter++) /* 128 weights in 32 bytes, 32 in each pair of bits */
			for (int j = 0; j < 32; j++)
				dst[quarter * 32 + j] = (float)((b.q[quarter / 4 * 32 + j] >> quarter % 4 * 2 & 3) - 1) * d;
	}
}

void fox_decode_q1_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % Q1_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q1_0 b; n > 0; n -= Q1_LEN, dst += Q1_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int i = 0; i < Q1_LEN; i++)
			dst[i] = b.q[i / 8] >> i % 8 & 1 ? d : -d;
	}
}

void fox_decode_q2_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % Q2_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q2_0 b; n > 0; n -= Q2_LEN, dst += Q2_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int i = 0; i < Q2_LEN; i++)
			dst[i] = (float)((b.q[i / 4] >> i % 4 * 2 & 3) - 1) * d;
	}
}
