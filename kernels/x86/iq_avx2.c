/* iq_avx2.c - iq1, iq2, iq3, q1_0 blocks to f32, a row of eight weights at a time; bit for bit what quant_iq.c gives. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/iq_grid.h"
#include "kernels/kernels.h"

enum { LEN = 256, GROUP = 32, GROUPS = LEN / GROUP, Q1_LEN = 128 };

static inline float f16_at(const uint16_t *h)
{
	return _cvtsh_ss(fox_load16(h));
}

/* Eight signs out of seven bits: the eighth makes their number even. */
static inline unsigned signs_of(uint32_t seven)
{
	seven &= 127;
	return seven | (unsigned)__builtin_parity(seven) << 7;
}

/* Bit j of signs as the sign bit of lane j. */
static inline __m256 sign_bits(unsigned signs)
{
	const __m256i up = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
	__m256i bits = _mm256_sllv_epi32(_mm256_set1_epi32((int)signs), up);
	return _mm256_and_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(-0.0f));
}

static inline void put(float *dst, __m256 values, unsigned signs, float scale)
{
	_mm256_storeu_ps(dst, _mm256_xor_ps(_mm256_mul_ps(_mm256_set1_ps(scale), values), sign_bits(signs)));
}

/* The values of a row's eight codes of two bits. */
static inline __m256 pairs_in(__m256 value, unsigned row)
{
	const __m256i at = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
	__m256i code = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32((int)row), at), _mm256_set1_epi32(3));
	return _mm256_permutevar8x32_ps(value, code);
}

static inline void put_iq2_row(float *dst, unsigned row, unsigned signs, float scale)
{
	const __m256 value = _mm256_setr_ps(8, 25, 43, 0, 0, 0, 0, 0);
	put(dst, pairs_in(value, row), signs, scale);
}

/* Two rows of four; codes are three of four bits. */
static inline void put_iq3_rows(
    float *dst, unsigned first, unsigned second, __m256 value, unsigned signs, float scale)
{
	const __m256i at = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
	__m256i code = _mm256_srlv_epi32(_mm256_set1_epi32((int)(first | second << 16)), at);
	put(dst, _mm256_permutevar8x32_ps(value, code), signs, scale);
}

static inline void put_iq1_row(float *dst, unsigned row, bool down, float scale)
{
	const __m256 up_value = _mm256_setr_ps(-0.875f, 0.125f, 1.125f, 0, 0, 0, 0, 0);
	const __m256 down_value = _mm256_setr_ps(-1.125f, -0.125f, 0.875f, 0, 0, 0, 0, 0);
	__m256 v = pairs_in(down ? down_value : up_value, row);
	_mm256_storeu_ps(dst, _mm256_mul_ps(_mm256_set1_ps(scale), v));
}

void fox_decode_iq2_xxs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_xxs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(q + 4);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.25f;
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq2_row(dst, fox_grid_iq2_xxs[q[r]], signs_of(word >> 7 * r), scale);
		}
	}
}

static inline float half_group_scale(float d, uint8_t scale, int half)
{
	return d * (0.5f + (float)(scale >> 4 * half & 15)) * 0.25f;
}

void fox_decode_iq2_xs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_xs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			uint16_t q = fox_load16(&b.q[r]);
			put_iq2_row(dst, fox_grid_iq2_xs[q & 511], signs_of((uint32_t)q >> 9),
			    half_group_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

void fox_decode_iq2_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			unsigned high = b.high[r / 4] >> r % 4 * 2 & 3;
			put_iq2_row(dst, fox_grid_iq2_s[b.q[r] | high << 8], b.sign[r],
			    half_group_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

void fox_decode_iq3_xxs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const __m256 value = _mm256_setr_ps(4, 12, 20, 28, 36, 44, 52, 62);
	const uint8_t *in = src;
	for (struct fox_iq3_xxs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(b.sign_scale + 4 * g);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.5f;
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq3_rows(dst, fox_grid_iq3_xxs[q[2 * r]], fox_grid_iq3_xxs[q[2 * r + 1]], value,
				    signs_of(word >> 7 * r), scale);
		}
	}
}

void fox_decode_iq3_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const __m256 value = _mm256_setr_ps(1, 3, 5, 7, 9, 11, 13, 15);
	const uint8_t *in = src;
	for (struct fox_iq3_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			float scale = d * (float)(1 + 2 * (b.scale[g / 2] >> g % 2 * 4 & 15));
			for (int r = 0; r < 4; r++, dst += 8) {
				unsigned high = b.high[g] >> 2 * r;
				put_iq3_rows(dst, fox_grid_iq3_s[q[2 * r] | (high & 1) << 8],
				    fox_grid_iq3_s[q[2 * r + 1] | (high >> 1 & 1) << 8], value, b.sign[4 * g + r], scale);
			}
		}
	}
}

void fox_decode_iq1_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq1_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			unsigned high = fox_load16(&b.high[g]);
			float scale = d * (float)(2 * (high >> 12 & 7) + 1);
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq1_row(
				    dst, fox_grid_iq1[b.q[4 * g + r] | (high >> 3 * r & 7) << 8], high >> 15 & 1, scale);
		}
	}
}

void fox_decode_iq1_m_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq1_m b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		unsigned d16 = 0;
		for (int i = 0; i < 4; i++)
			d16 |= (unsigned)(fox_load16(b.scale + 2 * i) >> 12) << 4 * i;
		float d = _cvtsh_ss((uint16_t)d16);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			int half = r / 2;
			unsigned code = fox_load16(b.scale + half / 4 * 2) >> half % 4 * 3 & 7;
			unsigned high = b.high[r / 2] >> r % 2 * 4;
			put_iq1_row(
			    dst, fox_grid_iq1[b.q[r] | (high & 7) << 8], high >> 3 & 1, d * (float)(2 * code + 1));
		}
	}
}

void fox_decode_q1_0_avx2(float *dst, const void *src, size_t n)
{
	assert(n % Q1_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q1_0 b; n > 0; n -= Q1_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		__m256 d = _mm256_set1_ps(f16_at(&b.d));
		for (int r = 0; r < Q1_LEN / 8; r++, dst += 8)
			_mm256_storeu_ps(dst, _mm256_xor_ps(d, sign_bits((unsigned)b.q[r] ^ 0xff)));
	}
}
