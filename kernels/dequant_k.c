/* dequant_k.c - q2_k, q3_k, q4_k, q5_k, q6_k blocks to f32.  source: ggml-quants.c dequantize_row_qX_K */
#include "kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"

enum { LEN = 256 };

static float scale_at(const uint16_t *d)
{
	return fox_f16_to_f32(fox_load16(d));
}

/* Two bits per weight: 128 weights lie in 32 bytes, a quarter in each pair of bits. */
static int pair(const uint8_t *q, int i)
{
	return q[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

/* Four bits: 64 weights in 32 bytes, the first half in the low nibbles. */
static int nibble(const uint8_t *q, int i)
{
	return q[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

void fox_decode_q2_k_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q2_k b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = scale_at(&b.d), dmin = scale_at(&b.dmin);
		for (int i = 0; i < LEN; i++) {
			uint8_t s = b.scales[i / 16];
			dst[i] = d * (float)(s & 15) * (float)pair(b.q, i) - dmin * (float)(s >> 4);
		}
	}
}

void fox_decode_q3_k_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q3_k b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = scale_at(&b.d);
		for (int i = 0; i < LEN; i++) {
			int s = i / 16,
			    scale = (b.scales[s % 8] >> s / 8 * 4 & 15) | (b.scales[8 + s % 4] >> s / 4 * 2 & 3) << 4;
			int q = pair(b.q, i) - (b.high[i % 32] >> i / 32 & 1 ? 0 : 4);
			dst[i] = d * (float)(scale - 32) * (float)q;
		}
	}
}

/* Six bits each of eight scales and eight minima, packed as quant_k.c packs them; s: which. */
static int scale_8x6(const uint8_t *in, int s)
{
	return s < 4 ? in[s] & 63 : (in[s + 4] & 15) | in[s - 4] >> 6 << 4;
}

static int min_8x6(const uint8_t *in, int s)
{
	return s < 4 ? in[s + 4] & 63 : in[s + 4] >> 4 | in[s] >> 6 << 4;
}

void fox_decode_q4_k_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q4_k b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = scale_at(&b.d), dmin = scale_at(&b.dmin);
		for (int i = 0; i < LEN; i++)
			dst[i] = d * (float)scale_8x6(b.scales, i / 32) * (float)nibble(b.q, i) -
			         dmin * (float)min_8x6(b.scales, i / 32);
	}
}

void fox_decode_q5_k_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q5_k b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = scale_at(&b.d), dmin = scale_at(&b.dmin);
		for (int i = 0; i < LEN; i++) {
			int q = nibble(b.q, i) + (b.high[i % 32] >> i / 32 & 1) * 16;
			dst[i] =
			    d * (float)scale_8x6(b.scales, i / 32) * (float)q - dmin * (float)min_8x6(b.scales, i / 32);
		}
	}
}

void fox_decode_q6_k_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q6_k b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = scale_at(&b.d);
		for (int i = 0; i < LEN; i++) {
			int low = b.q[i / 128 * 64 + i % 64] >> i % 128 / 64 * 4 & 15;
			int q = (low | pair(b.high, i) << 4) - 32;
			dst[i] = d * (float)b.scales[i / 16] * (float)q;
		}
	}
}
