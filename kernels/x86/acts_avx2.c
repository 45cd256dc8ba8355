/* acts_avx2.c - activations rounded for fast arithmetic, eight at a time: the bits of acts_scalar.c. */
#include <assert.h>
#include <immintrin.h>
#include <math.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* Bits of eight bf16, each in the low half of its lane. */
INLINE __m256i bf16_bits(__m256 x)
{
	__m256i bits = _mm256_castps_si256(x), top = _mm256_srli_epi32(bits, 16);
	__m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
	__m256i near =
	    _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
	__m256i quiet = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
	__m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
	return _mm256_blendv_epi8(near, quiet, nan);
}

INLINE void store_words(uint16_t *out, __m256i bits)
{
	__m256i packed = _mm256_packus_epi32(bits, bits);
	_mm_storeu_si128((__m128i *)(void *)out, _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}

void fox_acts_bf16_avx2(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * a->step;
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		store_words(q + i, bf16_bits(_mm256_loadu_ps(x + i)));
	for (; i < n; i++)
		q[i] = fox_f32_to_bf16(x[i]);
}

void fox_acts_bf16x3_avx2(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * 3 * a->step;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 rest = _mm256_loadu_ps(x + i);
		for (size_t part = 0; part < 3; part++) {
			__m256i top = bf16_bits(rest);
			store_words(q + part * a->step + i, top);
			rest = _mm256_sub_ps(rest, _mm256_castsi256_ps(_mm256_slli_epi32(top, 16)));
		}
	}
	for (; i < n; i++) {
		float rest = x[i];
		for (size_t part = 0; part < 3; part++) {
			uint16_t *to = q + part * a->step + i;
			*to = fox_f32_to_bf16(rest);
			rest -= fox_bf16_to_f32(*to);
		}
	}
}

/* The scale of 32 activations, and its reciprocal where it can be used, else 0. */
INLINE float group_scale(const __m256 v[4], float *reciprocal)
{
	const __m256 sign = _mm256_set1_ps(-0.0f);
	__m256i m[4];
	for (int k = 0; k < 4; k++)
		m[k] = _mm256_castps_si256(_mm256_andnot_ps(sign, v[k]));
	__m256i most = _mm256_max_epu32(_mm256_max_epu32(m[0], m[1]), _mm256_max_epu32(m[2], m[3]));
	__m128i half = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
	half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0x4e));
	half = _mm_max_epu32(half, _mm_shuffle_epi32(half, 0xb1));
	float d = _mm_cvtss_f32(_mm_castsi128_ps(half)) / 127, r = 1 / d;
	*reciprocal = isfinite(d) && isfinite(r) ? r : 0;
	return d;
}

INLINE int16_t sum_words(__m256i words)
{
	__m256i pairs = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
	return (int16_t)_mm_cvtsi128_si32(s);
}

INLINE void round_row(const struct fox_acts *a, size_t row, const float *x, size_t n, const bool wide)
{
	assert(n % FOX_ACTS_GROUP == 0);
	float *d = a->d + row * (a->step / FOX_ACTS_GROUP);
	int16_t *sum = a->sum + row * (a->step / 16);
	int8_t *q8 = (int8_t *)a->q + row * a->step;
	int16_t *q16 = (int16_t *)a->q + row * a->step;
	for (size_t g = 0; g < n; g += FOX_ACTS_GROUP) {
		__m256 v[4];
		__m256i q[4];
		float r;
		for (int k = 0; k < 4; k++)
			v[k] = _mm256_loadu_ps(x + g + 8 * k);
		d[g / FOX_ACTS_GROUP] = group_scale(v, &r);
		/* what r cannot scale becomes 0, NaN too */
		__m256 rs = _mm256_set1_ps(r), use = _mm256_cmp_ps(rs, _mm256_setzero_ps(), _CMP_NEQ_UQ);
		for (int k = 0; k < 4; k++)
			q[k] = _mm256_cvtps_epi32(_mm256_and_ps(_mm256_mul_ps(v[k], rs), use));
		__m256i lo = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[0], q[1]), 0xd8);
		__m256i hi = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[2], q[3]), 0xd8);
		sum[g / 16] = sum_words(lo);
		sum[g / 16 + 1] = sum_words(hi);
		if (wide) {
			_mm256_storeu_si256((__m256i *)(void *)(q16 + g), lo);
			_mm256_storeu_si256((__m256i *)(void *)(q16 + g + 16), hi);
		} else {
			__m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(lo, hi), 0xd8);
			_mm256_storeu_si256((__m256i *)(void *)(q8 + g), bytes);
		}
	}
}

void fox_acts_q8_avx2(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n, false);
}

void fox_acts_q16_avx2(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n, true);
}
