/* lanes8_avx2.h - functions of eight f32 at once: masks, sums, exp, tanh. Static inlines for *_avx2.c alone. */
#ifndef FOX_LANES8_AVX2_H
#define FOX_LANES8_AVX2_H

#include <immintrin.h>

#define LANES8_INLINE static inline __attribute__((always_inline))

/* The first n < 8 lanes, for masked loads and stores; n 8 and above: all. */
LANES8_INLINE __m256i lanes8_first(size_t n)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < 8 ? (int)n : 8), lane);
}

LANES8_INLINE float lanes8_max(__m256 v)
{
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* Pairwise: 4, 2, 1 apart. */
LANES8_INLINE float lanes8_add(__m256 v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

LANES8_INLINE double lanes8_add_f64(__m256d v)
{
	__m128d s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
	return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

LANES8_INLINE __m256d lanes8_low_f64(__m256 v)
{
	return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}

LANES8_INLINE __m256d lanes8_high_f64(__m256 v)
{
	return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}

/* e^r to r^7 / 7! */
LANES8_INLINE __m256 lanes8_series(__m256 r)
{
	__m256 p = _mm256_set1_ps(1.0f / 5040);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
	return _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
}

/*
 * e^x, error below 1 unit in the last place (worst found: 0.94); Inf from 88.73 on, 0 below -104, 1 at 0
 *
 * x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its series to r^7 / 7!, whose next term is below 6e-9; times
 * 2^k in two halves, so that neither leaves the range of f32 before the result does. NaN stays NaN.
 */
LANES8_INLINE __m256 lanes8_exp(__m256 x)
{
	/* the constant first: max and min return their second operand when one is NaN */
	x = _mm256_min_ps(_mm256_set1_ps(90), _mm256_max_ps(_mm256_set1_ps(-110), x));
	__m256 k = _mm256_round_ps(
	    _mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	/* ln 2 as a float and what that float lacks */
	__m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0x1.62e430p-1f), x);
	__m256 p = lanes8_series(_mm256_fnmadd_ps(k, _mm256_set1_ps(-0x1.05c610p-29f), r));
	__m256i whole = _mm256_cvtps_epi32(k), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
	__m256i rest = _mm256_sub_epi32(whole, half);
	__m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
	__m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
	return _mm256_mul_ps(_mm256_mul_ps(p, a), b);
}

/* e^x for x <= 0, as above but 0 below -86. */
LANES8_INLINE __m256 lanes8_exp_below(__m256 x)
{
	__m256 k = _mm256_round_ps(
	    _mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0x1.62e430p-1f), x);
	__m256 p = lanes8_series(_mm256_fnmadd_ps(k, _mm256_set1_ps(-0x1.05c610p-29f), r));
	__m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(k), 23);
	p = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
	return _mm256_andnot_ps(_mm256_cmp_ps(x, _mm256_set1_ps(-86), _CMP_LT_OQ), p);
}

/*
 * tanh x, error below 2 units in the last place
 *
 * |x| below 5/8: x + x^3 p(x^2), p fitted to (tanh(x) - x) / x^3 (to 5e-9 of the result); above: 1 - 2 / (e^2|x| + 1), whose subtrahend is
 * below 1/2. The sign is put back at the end, so that -0 stays.
 */
LANES8_INLINE __m256 lanes8_tanh(__m256 x)
{
	const __m256 sign = _mm256_set1_ps(-0.0f), one = _mm256_set1_ps(1);
	__m256 a = _mm256_andnot_ps(sign, x), z = _mm256_mul_ps(a, a);
	__m256 e = lanes8_exp(_mm256_add_ps(a, a));
	__m256 far = _mm256_sub_ps(one, _mm256_div_ps(_mm256_set1_ps(2), _mm256_add_ps(e, one)));
	__m256 p = _mm256_set1_ps(-0x1.75e13ep-8f);
	p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(0x1.52267ap-6f));
	p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(-0x1.b83c54p-5f));
	p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(0x1.110726p-3f));
	p = _mm256_fmadd_ps(p, z, _mm256_set1_ps(-0x1.555532p-2f));
	__m256 near = _mm256_fmadd_ps(_mm256_mul_ps(p, z), a, a);
	__m256 y = _mm256_blendv_ps(far, near, _mm256_cmp_ps(a, _mm256_set1_ps(0.625f), _CMP_LT_OQ));
	return _mm256_or_ps(y, _mm256_and_ps(x, sign));
}

#endif
