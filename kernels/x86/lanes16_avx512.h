/* lanes16_avx512.h - functions of sixteen f32 at once: masks, sums, exp, tanh; the same formulas as lanes8_avx2.h. Static
 * inlines for *_avx512.c alone. */
#ifndef FOX_LANES16_AVX512_H
#define FOX_LANES16_AVX512_H

#include <immintrin.h>

#define LANES16_INLINE static inline __attribute__((always_inline))

/* The first n lanes; n 16 and above: all. */
LANES16_INLINE __mmask16 lanes16_first(size_t n)
{
	return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffff);
}

/* Pairwise: 8, 4, 2, 1 apart. */
LANES16_INLINE float lanes16_add(__m512 v)
{
	__m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

LANES16_INLINE __m512d lanes16_low_f64(__m512 v)
{
	return _mm512_cvtps_pd(_mm512_castps512_ps256(v));
}

LANES16_INLINE __m512d lanes16_high_f64(__m512 v)
{
	return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
}

LANES16_INLINE __m512 lanes16_from_f64(__m512d lo, __m512d hi)
{
	return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(lo)), _mm512_cvtpd_ps(hi), 1);
}

/* e^x, error below 1 unit in the last place; Inf from 88.73 on, 0 below -104, 1 at 0. 2^k is put in with one rounding. */
LANES16_INLINE __m512 lanes16_exp(__m512 x)
{
	/* the constant first: max and min return their second operand when one is NaN */
	x = _mm512_min_ps(_mm512_set1_ps(90), _mm512_max_ps(_mm512_set1_ps(-110), x));
	__m512 k = _mm512_roundscale_ps(
	    _mm512_mul_ps(x, _mm512_set1_ps(0x1.715476p+0f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m512 r = _mm512_fnmadd_ps(k, _mm512_set1_ps(0x1.62e430p-1f), x);
	r = _mm512_fnmadd_ps(k, _mm512_set1_ps(-0x1.05c610p-29f), r);
	__m512 p = _mm512_set1_ps(1.0f / 5040);
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
	return _mm512_scalef_ps(p, k);
}

/* tanh x, error below 2 units in the last place: lanes8_tanh has the derivation. */
LANES16_INLINE __m512 lanes16_tanh(__m512 x)
{
	const __m512 sign = _mm512_set1_ps(-0.0f), one = _mm512_set1_ps(1);
	__m512 a = _mm512_andnot_ps(sign, x), z = _mm512_mul_ps(a, a);
	__m512 e = lanes16_exp(_mm512_add_ps(a, a));
	__m512 far = _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2), _mm512_add_ps(e, one)));
	__m512 p = _mm512_set1_ps(-0x1.75e13ep-8f);
	p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(0x1.52267ap-6f));
	p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(-0x1.b83c54p-5f));
	p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(0x1.110726p-3f));
	p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(-0x1.555532p-2f));
	__m512 near = _mm512_fmadd_ps(_mm512_mul_ps(p, z), a, a);
	__m512 y = _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, _mm512_set1_ps(0.625f), _CMP_LT_OQ), far, near);
	return _mm512_or_ps(y, _mm512_and_ps(x, sign));
}

#endif
