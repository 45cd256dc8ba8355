/* iq_avx2.c - iq1, iq2, iq3, q1_0 blocks to f32, a row of eight weights at a time; bit for bit what quant_iq.c gives. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/iq_rows.h"
#include "kernels/kernels.h"

enum { Q1_LEN = 128 };

static inline float f16_at(const uint16_t *h)
{
	return _cvtsh_ss(fox_load16(h));
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

static inline void put_iq2(float *dst, unsigned row, unsigned signs, float scale)
{
	const __m256 value = _mm256_setr_ps(8, 25, 43, 0, 0, 0, 0, 0);
	put(dst, pairs_in(value, row), signs, scale);
}

/* Codes are three of four bits. */
static inline void put_iq3(float *dst, unsigned row, __m256 value, unsigned signs, float scale)
{
	const __m256i at = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
	__m256i code = _mm256_srlv_epi32(_mm256_set1_epi32((int)row), at);
	put(dst, _mm256_permutevar8x32_ps(value, code), signs, scale);
}

static inline void put_iq3_xxs(float *dst, unsigned row, unsigned signs, float scale)
{
	put_iq3(dst, row, _mm256_setr_ps(4, 12, 20, 28, 36, 44, 52, 62), signs, scale);
}

static inline void put_iq3_s(float *dst, unsigned row, unsigned signs, float scale)
{
	put_iq3(dst, row, _mm256_setr_ps(1, 3, 5, 7, 9, 11, 13, 15), signs, scale);
}

static inline void put_iq1(float *dst, unsigned row, bool down, float scale)
{
	const __m256 up_value = _mm256_setr_ps(-0.875f, 0.125f, 1.125f, 0, 0, 0, 0, 0);
	const __m256 down_value = _mm256_setr_ps(-1.125f, -0.125f, 0.875f, 0, 0, 0, 0, 0);
	__m256 v = pairs_in(down ? down_value : up_value, row);
	_mm256_storeu_ps(dst, _mm256_mul_ps(_mm256_set1_ps(scale), v));
}

void fox_decode_iq2_xxs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_xxs(dst, src, n, put_iq2);
}

void fox_decode_iq2_xs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_xs(dst, src, n, put_iq2);
}

void fox_decode_iq2_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_s(dst, src, n, put_iq2);
}

void fox_decode_iq3_xxs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq3_xxs(dst, src, n, put_iq3_xxs);
}

void fox_decode_iq3_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq3_s(dst, src, n, put_iq3_s);
}

void fox_decode_iq1_s_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq1_s(dst, src, n, put_iq1);
}

void fox_decode_iq1_m_avx2(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq1_m(dst, src, n, put_iq1);
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
