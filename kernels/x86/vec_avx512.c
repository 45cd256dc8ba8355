/* vec_avx512.c - norms, activations, caps and rope with sixteen f32 or eight f64 lanes; tails are masked. */
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/x86/lanes16_avx512.h"

/* Squares of f32 are exact in f64, and sixteen partial sums of them differ from one by parts in 10^15. */
void fox_rmsnorm_avx512(float *y, const float *x, const float *w, size_t n, float eps)
{
	__m512d lo = _mm512_setzero_pd(), hi = lo;
	for (size_t i = 0; i < n; i += 16) {
		__m512 v = _mm512_maskz_loadu_ps(lanes16_first(n - i), x + i);
		__m512d a = lanes16_low_f64(v), b = lanes16_high_f64(v);
		lo = _mm512_fmadd_pd(a, a, lo);
		hi = _mm512_fmadd_pd(b, b, hi);
	}
	double sum = _mm512_reduce_add_pd(_mm512_add_pd(lo, hi));
	const __m512 scale = _mm512_set1_ps((float)(1 / sqrt(sum / (double)n + (double)eps)));
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), scale);
		_mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, w + i)));
	}
}

void fox_layernorm_avx512(float *y, const float *x, const float *w, const float *b, size_t n, float eps)
{
	__m512d lo = _mm512_setzero_pd(), hi = lo;
	for (size_t i = 0; i < n; i += 16) {
		__m512 v = _mm512_maskz_loadu_ps(lanes16_first(n - i), x + i);
		lo = _mm512_add_pd(lo, lanes16_low_f64(v));
		hi = _mm512_add_pd(hi, lanes16_high_f64(v));
	}
	const __m512d mean = _mm512_set1_pd(_mm512_reduce_add_pd(_mm512_add_pd(lo, hi)) / (double)n);
	lo = hi = _mm512_setzero_pd();
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = _mm512_maskz_loadu_ps(m, x + i);
		__m512d l = _mm512_maskz_sub_pd((__mmask8)m, lanes16_low_f64(v), mean);
		__m512d h = _mm512_maskz_sub_pd((__mmask8)(m >> 8), lanes16_high_f64(v), mean);
		lo = _mm512_fmadd_pd(l, l, lo);
		hi = _mm512_fmadd_pd(h, h, hi);
	}
	double squares = _mm512_reduce_add_pd(_mm512_add_pd(lo, hi));
	const __m512d scale = _mm512_set1_pd(1 / sqrt(squares / (double)n + (double)eps));
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = _mm512_maskz_loadu_ps(m, x + i);
		__m512d l = _mm512_mul_pd(_mm512_sub_pd(lanes16_low_f64(v), mean), scale);
		__m512d h = _mm512_mul_pd(_mm512_sub_pd(lanes16_high_f64(v), mean), scale);
		v = _mm512_mul_ps(lanes16_from_f64(l, h), _mm512_maskz_loadu_ps(m, w + i));
		_mm512_mask_storeu_ps(y + i, m, b ? _mm512_add_ps(v, _mm512_maskz_loadu_ps(m, b + i)) : v);
	}
}

void fox_silu_mul_avx512(float *y, const float *g, const float *u, size_t n)
{
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = _mm512_maskz_loadu_ps(m, g + i);
		__m512 e = lanes16_exp(_mm512_xor_ps(v, _mm512_set1_ps(-0.0f)));
		v = _mm512_div_ps(v, _mm512_add_ps(_mm512_set1_ps(1), e));
		_mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(m, u + i)));
	}
}

/* The operations of t as the scalar kernel rounds them: e^(-2 t) magnifies what they differ by. */
void fox_gelu_mul_avx512(float *y, const float *g, const float *u, size_t n)
{
	const __m512 one = _mm512_set1_ps(1);
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 x = _mm512_maskz_loadu_ps(m, g + i);
		__m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
		__m512 sum = _mm512_add_ps(x, _mm512_mul_ps(_mm512_set1_ps(0.044715f), cube));
		__m512 t = _mm512_mul_ps(_mm512_set1_ps(0.797884560802865356f), sum);
		__m512 e = lanes16_exp(_mm512_mul_ps(_mm512_set1_ps(-2), t));
		__m512 v = _mm512_div_ps(x, _mm512_add_ps(one, e));
		_mm512_mask_storeu_ps(y + i, m, _mm512_mul_ps(v, u ? _mm512_maskz_loadu_ps(m, u + i) : one));
	}
}

void fox_softcap_avx512(float *x, size_t n, float cap)
{
	const __m512 c = _mm512_set1_ps(cap);
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = lanes16_tanh(_mm512_div_ps(_mm512_maskz_loadu_ps(m, x + i), c));
		_mm512_mask_storeu_ps(x + i, m, _mm512_mul_ps(c, v));
	}
}

/* Up to eight pairs at once, in f64: the same roundings as the scalar kernel, so the same bits. */
LANES16_INLINE void rotate8(__m256 *a, __m256 *b, const float *cos, const float *sin, __mmask8 m)
{
	__m512d va = _mm512_cvtps_pd(*a), vb = _mm512_cvtps_pd(*b);
	__m512d c = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(m, cos)),
	        s = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(m, sin));
	*a = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_mul_pd(va, c), _mm512_mul_pd(vb, s)));
	*b = _mm512_cvtpd_ps(_mm512_add_pd(_mm512_mul_pd(va, s), _mm512_mul_pd(vb, c)));
}

void fox_rope_avx512(float *x, const float *cos, const float *sin, size_t n_pairs, bool pairs)
{
	const __m512i apart = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
	const __m512i mixed = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
	for (size_t i = 0; i < n_pairs; i += 8) {
		size_t n = n_pairs - i < 8 ? n_pairs - i : 8;
		__mmask8 m = (__mmask8)lanes16_first(n);
		if (pairs) {
			__mmask16 both = lanes16_first(2 * n);
			__m512 v = _mm512_permutexvar_ps(apart, _mm512_maskz_loadu_ps(both, x + 2 * i));
			__m256 a = _mm512_castps512_ps256(v), b = _mm512_extractf32x8_ps(v, 1);
			rotate8(&a, &b, cos + i, sin + i, m);
			v = _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
			_mm512_mask_storeu_ps(x + 2 * i, both, _mm512_permutexvar_ps(mixed, v));
		} else {
			__m256 a = _mm256_maskz_loadu_ps(m, x + i), b = _mm256_maskz_loadu_ps(m, x + n_pairs + i);
			rotate8(&a, &b, cos + i, sin + i, m);
			_mm256_mask_storeu_ps(x + i, m, a);
			_mm256_mask_storeu_ps(x + n_pairs + i, m, b);
		}
	}
}

void fox_axpy_avx512(float *y, float a, const float *x, size_t n)
{
	const __m512 va = _mm512_set1_ps(a);
	for (size_t i = 0; i < n; i += 16) {
		__mmask16 m = lanes16_first(n - i);
		__m512 v = _mm512_mul_ps(va, _mm512_maskz_loadu_ps(m, x + i));
		_mm512_mask_storeu_ps(y + i, m, _mm512_add_ps(_mm512_maskz_loadu_ps(m, y + i), v));
	}
}
