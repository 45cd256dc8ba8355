/* dequant_k_avx2.c - q2_k to q6_k blocks to f32: the bits of dequant_k.c, 32 weights at a time. */
#include <assert.h>
#include <string.h>

#include "kernels/x86/lanes_avx2.h"

enum { LEN = FOX_K_LEN };

/* 32 codes as f32; q holds bytes with a sign. */
LANES_INLINE void widen(__m256 v[4], __m256i q)
{
	__m128i lo = _mm256_castsi256_si128(q), hi = _mm256_extracti128_si256(q, 1);
	v[0] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(lo));
	v[1] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(lo, 8)));
	v[2] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(hi));
	v[3] = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(hi, 8)));
}

/* d[0] times the first 16 codes, d[1] times the others; m is taken off, where there is one. */
LANES_INLINE void put_32(float *dst, __m256i q, const float *d, const float *m)
{
	__m256 v[4];
	widen(v, q);
	for (int k = 0; k < 4; k++) {
		v[k] = _mm256_mul_ps(_mm256_set1_ps(d[k / 2]), v[k]);
		if (m)
			v[k] = _mm256_sub_ps(v[k], _mm256_set1_ps(m[k / 2]));
		_mm256_storeu_ps(dst + 8 * k, v[k]);
	}
}

LANES_INLINE __m256i load_32(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Bits `at` to `at + n - 1` of each byte. */
LANES_INLINE __m256i field(__m256i bytes, int at, int n)
{
	return _mm256_and_si256(_mm256_srli_epi16(bytes, at), _mm256_set1_epi8((char)((1 << n) - 1)));
}

void fox_decode_q2_k_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q2_k b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d[16], m[16], d0 = fox_f16_to_f32(b.d), m0 = fox_f16_to_f32(b.dmin);
		for (int s = 0; s < 16; s++) {
			d[s] = d0 * (float)(b.scales[s] & 15);
			m[s] = m0 * (float)(b.scales[s] >> 4);
		}
		for (int i = 0; i < LEN; i += 32, dst += 32)
			put_32(dst, field(load_32(b.q + i / 128 * 32), i % 128 / 16, 2), d + i / 16, m + i / 16);
	}
}

void fox_decode_q3_k_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q3_k b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d[16], d0 = fox_f16_to_f32(b.d);
		for (int s = 0; s < 16; s++) {
			int scale = (b.scales[s % 8] >> s / 8 * 4 & 15) | (b.scales[8 + s % 4] >> s / 4 * 2 & 3) << 4;
			d[s] = d0 * (float)(scale - 32);
		}
		__m256i high = load_32(b.high);
		for (int i = 0; i < LEN; i += 32, dst += 32) {
			__m256i third = _mm256_slli_epi16(field(high, i / 32, 1), 2);
			__m256i q = _mm256_or_si256(field(load_32(b.q + i / 128 * 32), i % 128 / 16, 2), third);
			put_32(dst, _mm256_sub_epi8(q, _mm256_set1_epi8(4)), d + i / 16, NULL);
		}
	}
}

/* What the scales' field stands for, twice each, as put_32 takes them. */
LANES_INLINE void scales_8x32(float d[16], float m[16], const uint8_t packed[12], uint16_t d16, uint16_t m16)
{
	uint8_t scales[8], mins[8];
	float d0 = fox_f16_to_f32(d16), m0 = fox_f16_to_f32(m16);
	fox_k_unpack_scales(scales, mins, packed);
	for (int s = 0; s < 8; s++) {
		d[2 * s] = d[2 * s + 1] = d0 * (float)scales[s];
		m[2 * s] = m[2 * s + 1] = m0 * (float)mins[s];
	}
}

void fox_decode_q4_k_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q4_k b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d[16], m[16];
		scales_8x32(d, m, b.scales, b.d, b.dmin);
		for (int i = 0; i < LEN; i += 32, dst += 32)
			put_32(dst, field(load_32(b.q + i / 64 * 32), i % 64 / 8, 4), d + i / 16, m + i / 16);
	}
}

void fox_decode_q5_k_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q5_k b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d[16], m[16];
		scales_8x32(d, m, b.scales, b.d, b.dmin);
		__m256i high = load_32(b.high);
		for (int i = 0; i < LEN; i += 32, dst += 32) {
			__m256i fifth = _mm256_slli_epi16(field(high, i / 32, 1), 4);
			__m256i q = _mm256_or_si256(field(load_32(b.q + i / 64 * 32), i % 64 / 8, 4), fifth);
			put_32(dst, q, d + i / 16, m + i / 16);
		}
	}
}

void fox_decode_q6_k_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_q6_k b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d[16], d0 = fox_f16_to_f32(b.d);
		for (int s = 0; s < 16; s++)
			d[s] = d0 * (float)b.scales[s];
		for (int i = 0; i < LEN; i += 32, dst += 32) {
			__m256i low = field(load_32(b.q + i / 128 * 64 + i % 64), i % 128 / 64 * 4, 4);
			__m256i top = field(load_32(b.high + i / 128 * 32), i % 128 / 16, 2);
			__m256i q = _mm256_or_si256(low, _mm256_slli_epi16(top, 4));
			put_32(dst, _mm256_sub_epi8(q, _mm256_set1_epi8(32)), d + i / 16, NULL);
		}
	}
}
