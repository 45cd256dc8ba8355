/* vec_avx2.c - norm, activation, softmax, rope and axpy with eight f32 or four f64 lanes. */
#include <assert.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

/* The first n < 8 lanes, for masked loads and stores. */
static inline __m256i first_lanes(size_t n)
{
	static const int32_t edge[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
	return _mm256_loadu_si256((const __m256i *)(const void *)(edge + 8 - n));
}

static inline float max_lane(__m256 v)
{
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

static inline double add_lanes(__m256d v)
{
	__m128d s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
	return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}

static inline __m256d low_f64(__m256 v)
{
	return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}

static inline __m256d high_f64(__m256 v)
{
	return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}

/*
 * exp8 - e^x in eight lanes, error below 1 unit in the last place (worst found: 0.94); Inf from 88.73 on, 0
 * below -104
 *
 * x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its series to r^7 / 7!, whose next term is below 6e-9; times
 * 2^k in two halves, so that neither leaves the range of f32 before the result does. NaN stays NaN.
 */
static inline __m256 exp8(__m256 x)
{
	/* the constant first: max and min return their second operand when one is NaN */
	x = _mm256_min_ps(_mm256_set1_ps(90), _mm256_max_ps(_mm256_set1_ps(-110), x));
	__m256 k = _mm256_round_ps(
	    _mm256_mul_ps(x, _mm256_set1_ps(0x1.715476p+0f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	/* ln 2 as a float and what that float lacks */
	__m256 r = _mm256_fnmadd_ps(k, _mm256_set1_ps(0x1.62e430p-1f), x);
	r = _mm256_fnmadd_ps(k, _mm256_set1_ps(-0x1.05c610p-29f), r);
	__m256 p = _mm256_set1_ps(1.0f / 5040);
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
	p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
	__m256i whole = _mm256_cvtps_epi32(k), half = _mm256_srai_epi32(whole, 1), bias = _mm256_set1_epi32(127);
	__m256i rest = _mm256_sub_epi32(whole, half);
	__m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
	__m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
	return _mm256_mul_ps(_mm256_mul_ps(p, a), b);
}

void fox_axpy_f32_avx2(float *y, float a, const void *x, size_t n)
{
	const uint8_t *in = x;
	const __m256 va = _mm256_set1_ps(a);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps((const float *)(const void *)(in + 4 * i));
		_mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_mul_ps(va, v)));
	}
	for (; i < n; i++) {
		float v;
		memcpy(&v, in + 4 * i, sizeof v);
		y[i] += a * v;
	}
}

void fox_axpy_f16_avx2(float *y, float a, const void *x, size_t n)
{
	const uint8_t *in = x;
	const __m256 va = _mm256_set1_ps(a);
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(in + 2 * i)));
		_mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_mul_ps(va, v)));
	}
	for (; i < n; i++) {
		uint16_t h;
		memcpy(&h, in + 2 * i, sizeof h);
		y[i] += a * fox_f16_to_f32(h);
	}
}

/* Squares of f32 are exact in f64, and eight partial sums of them differ from one by parts in 10^15. */
void fox_rmsnorm_avx2(float *y, const float *x, const float *w, size_t n, float eps)
{
	__m256d lo = _mm256_setzero_pd(), hi = lo;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		__m256d a = low_f64(v), b = high_f64(v);
		lo = _mm256_fmadd_pd(a, a, lo);
		hi = _mm256_fmadd_pd(b, b, hi);
	}
	double sum = add_lanes(_mm256_add_pd(lo, hi));
	for (; i < n; i++)
		sum += (double)x[i] * x[i];
	float scale = (float)(1 / sqrt(sum / (double)n + (double)eps));
	const __m256 vs = _mm256_set1_ps(scale);
	for (i = 0; i + 8 <= n; i += 8) {
		__m256 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), vs);
		_mm256_storeu_ps(y + i, _mm256_mul_ps(v, _mm256_loadu_ps(w + i)));
	}
	for (; i < n; i++)
		y[i] = x[i] * scale * w[i];
}

static inline __m256 silu8(__m256 g)
{
	__m256 minus_g = _mm256_xor_ps(g, _mm256_set1_ps(-0.0f));
	return _mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1), exp8(minus_g)));
}

void fox_silu_mul_avx2(float *y, const float *g, const float *u, size_t n)
{
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(y + i, _mm256_mul_ps(silu8(_mm256_loadu_ps(g + i)), _mm256_loadu_ps(u + i)));
	if (i < n) {
		__m256i m = first_lanes(n - i);
		__m256 v = _mm256_mul_ps(silu8(_mm256_maskload_ps(g + i, m)), _mm256_maskload_ps(u + i, m));
		_mm256_maskstore_ps(y + i, m, v);
	}
}

void fox_softmax_avx2(float *x, size_t n)
{
	assert(n >= 1);
	const __m256 none = _mm256_set1_ps(-INFINITY);
	const size_t whole = n & ~(size_t)7;
	const __m256i m = first_lanes(n - whole);
	__m256 vmax = none;
	for (size_t i = 0; i < whole; i += 8)
		vmax = _mm256_max_ps(vmax, _mm256_loadu_ps(x + i));
	/* lanes past the end are -Inf, whose exp is 0 */
	__m256 tail = _mm256_blendv_ps(none, _mm256_maskload_ps(x + whole, m), _mm256_castsi256_ps(m));
	vmax = _mm256_set1_ps(max_lane(_mm256_max_ps(vmax, tail)));

	__m256d lo = _mm256_setzero_pd(), hi = lo;
	for (size_t i = 0; i < whole; i += 8) {
		__m256 e = exp8(_mm256_sub_ps(_mm256_loadu_ps(x + i), vmax));
		_mm256_storeu_ps(x + i, e);
		lo = _mm256_add_pd(lo, low_f64(e));
		hi = _mm256_add_pd(hi, high_f64(e));
	}
	tail = exp8(_mm256_sub_ps(tail, vmax));
	lo = _mm256_add_pd(lo, low_f64(tail));
	hi = _mm256_add_pd(hi, high_f64(tail));
	const __m256 scale = _mm256_set1_ps((float)(1 / add_lanes(_mm256_add_pd(lo, hi))));
	for (size_t i = 0; i < whole; i += 8)
		_mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), scale));
	_mm256_maskstore_ps(x + whole, m, _mm256_mul_ps(tail, scale));
}

/* Four pairs at once, in f64: the same roundings as the scalar kernel, so the same bits. */
static inline void rotate4(__m128 *a, __m128 *b, const float *cos, const float *sin)
{
	__m256d va = _mm256_cvtps_pd(*a), vb = _mm256_cvtps_pd(*b);
	__m256d c = _mm256_cvtps_pd(_mm_loadu_ps(cos)), s = _mm256_cvtps_pd(_mm_loadu_ps(sin));
	*a = _mm256_cvtpd_ps(_mm256_sub_pd(_mm256_mul_pd(va, c), _mm256_mul_pd(vb, s)));
	*b = _mm256_cvtpd_ps(_mm256_add_pd(_mm256_mul_pd(va, s), _mm256_mul_pd(vb, c)));
}

static size_t rope_adjacent(float *x, const float *cos, const float *sin, size_t n_pairs)
{
	size_t i = 0;
	for (; i + 4 <= n_pairs; i += 4) {
		__m128 u = _mm_loadu_ps(x + 2 * i), v = _mm_loadu_ps(x + 2 * i + 4);
		__m128 a = _mm_shuffle_ps(u, v, _MM_SHUFFLE(2, 0, 2, 0)),
		       b = _mm_shuffle_ps(u, v, _MM_SHUFFLE(3, 1, 3, 1));
		rotate4(&a, &b, cos + i, sin + i);
		_mm_storeu_ps(x + 2 * i, _mm_unpacklo_ps(a, b));
		_mm_storeu_ps(x + 2 * i + 4, _mm_unpackhi_ps(a, b));
	}
	return i;
}

static size_t rope_halves(float *x, const float *cos, const float *sin, size_t n_pairs)
{
	size_t i = 0;
	for (; i + 4 <= n_pairs; i += 4) {
		__m128 a = _mm_loadu_ps(x + i), b = _mm_loadu_ps(x + n_pairs + i);
		rotate4(&a, &b, cos + i, sin + i);
		_mm_storeu_ps(x + i, a);
		_mm_storeu_ps(x + n_pairs + i, b);
	}
	return i;
}

void fox_rope_avx2(float *x, const float *cos, const float *sin, size_t n_pairs, bool pairs)
{
	size_t i = pairs ? rope_adjacent(x, cos, sin, n_pairs) : rope_halves(x, cos, sin, n_pairs);
	for (; i < n_pairs; i++) {
		float *pa = pairs ? &x[2 * i] : &x[i];
		float *pb = pairs ? &x[2 * i + 1] : &x[i + n_pairs];
		double a = *pa, b = *pb;
		*pa = (float)(a * (double)cos[i] - b * (double)sin[i]);
		*pb = (float)(a * (double)sin[i] + b * (double)cos[i]);
	}
}
