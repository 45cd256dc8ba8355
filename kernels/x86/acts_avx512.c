/* acts_avx512.c - activations rounded for fast arithmetic, sixteen at a time: the bits of acts_scalar.c. vcvtneps2bf16 is of no
 * use: it drops subnormals. */
#include <assert.h>
#include <immintrin.h>
#include <math.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* The first n of sixteen places, all if there are more. */
INLINE __mmask16 first(size_t n)
{
	return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
}

/* Sixteen bf16. */
INLINE __m256i bf16_of(__m512 x)
{
	__m512i bits = _mm512_castps_si512(x), top = _mm512_srli_epi32(bits, 16);
	__m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
	__m512i near =
	    _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
	__mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
	return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(near, nan, top, _mm512_set1_epi32(0x40)));
}

INLINE __m512 widen(__m256i bf16)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16));
}

void fox_acts_bf16_avx512(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * a->step;
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = first(n - i);
		_mm256_mask_storeu_epi16(q + i, m, bf16_of(_mm512_maskz_loadu_ps(m, x + i)));
	}
}

void fox_acts_bf16x3_avx512(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * 3 * a->step;
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = first(n - i);
		__m512 rest = _mm512_maskz_loadu_ps(m, x + i);
		for (size_t part = 0; part < 3; part++) {
			__m256i top = bf16_of(rest);
			_mm256_mask_storeu_epi16(q + part * a->step + i, m, top);
			rest = _mm512_sub_ps(rest, widen(top));
		}
	}
}

/* The scale of 32 activations, and its reciprocal where it can be used, else 0. */
INLINE float group_scale(__m512 a, __m512 b, float *reciprocal)
{
	const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
	__m512i most = _mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(a), magnitude),
	    _mm512_and_si512(_mm512_castps_si512(b), magnitude));
	float d = fox_f32_of_bits(_mm512_reduce_max_epu32(most)) / 127, r = 1 / d;
	*reciprocal = isfinite(d) && isfinite(r) ? r : 0;
	return d;
}

INLINE void round_row(const struct fox_acts *a, size_t row, const float *x, size_t n, const bool wide)
{
	assert(n % FOX_ACTS_GROUP == 0);
	float *d = a->d + row * (a->step / FOX_ACTS_GROUP);
	int16_t *sum = a->sum + row * (a->step / 16);
	int8_t *q8 = (int8_t *)a->q + row * a->step;
	int16_t *q16 = (int16_t *)a->q + row * a->step;
	for (size_t g = 0; g < n; g += FOX_ACTS_GROUP) {
		__m512 v[2] = {_mm512_loadu_ps(x + g), _mm512_loadu_ps(x + g + 16)};
		float r;
		d[g / FOX_ACTS_GROUP] = group_scale(v[0], v[1], &r);
		/* what r cannot scale becomes 0, NaN too */
		__mmask16 use = r != 0 ? 0xffff : 0;
		for (size_t h = 0; h < 2; h++) {
			__m512i q = _mm512_maskz_cvtps_epi32(use, _mm512_mul_ps(v[h], _mm512_set1_ps(r)));
			sum[g / 16 + h] = (int16_t)_mm512_reduce_add_epi32(q);
			if (wide)
				_mm256_storeu_si256((__m256i *)(void *)(q16 + g + 16 * h), _mm512_cvtepi32_epi16(q));
			else
				_mm_storeu_si128((__m128i *)(void *)(q8 + g + 16 * h), _mm512_cvtepi32_epi8(q));
		}
	}
}

void fox_acts_q8_avx512(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n, false);
}

void fox_acts_q16_avx512(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n, true);
}
