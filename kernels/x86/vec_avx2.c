/* vec_avx2.c - norms, activations, caps and rope with eight f32 or four f64 lanes. */
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/x86/lanes8_avx2.h"

void fox_axpy_avx2(float *y, float a, const float *x, size_t n)
{
	const __m256 va = _mm256_set1_ps(a);
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(
		    y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), _mm256_mul_ps(va, _mm256_loadu_ps(x + i))));
	for (; i < n; i++)
		y[i] += a * x[i];
}

/* Squares of f32 are exact in f64, and eight partial sums of them differ from one by parts in 10^15. */
void fox_rmsnorm_avx2(float *y, const float *x, const float *w, size_t n, float eps)
{
	__m256d lo = _mm256_setzero_pd(), hi = lo;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		__m256d a = lanes8_low_f64(v), b = lanes8_high_f64(v);
		lo = _mm256_fmadd_pd(a, a, lo);
		hi = _mm256_fmadd_pd(b, b, hi);
	}
	double sum = lanes8_add_f64(_mm256_add_pd(lo, hi));
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
	return _mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1), lanes8_exp(minus_g)));
}

void fox_silu_mul_avx2(float *y, const float *g, const float *u, size_t n)
{
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(y + i, _mm256_mul_ps(silu8(_mm256_loadu_ps(g + i)), _mm256_loadu_ps(u + i)));
	if (i < n) {
		__m256i m = lanes8_first(n - i);
		__m256 v = _mm256_mul_ps(silu8(_mm256_maskload_ps(g + i, m)), _mm256_maskload_ps(u + i, m));
		_mm256_maskstore_ps(y + i, m, v);
	}
}

/* g / (1 + e^(-2 t)), the operations of t as the scalar kernel rounds them: e^(-2 t) magnifies what they differ by. */
static inline __m256 gelu8(__m256 x)
{
	__m256 cube = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
	__m256 sum = _mm256_add_ps(x, _mm256_mul_ps(_mm256_set1_ps(0.044715f), cube));
	__m256 t = _mm256_mul_ps(_mm256_set1_ps(0.797884560802865356f), sum);
	__m256 e = lanes8_exp(_mm256_mul_ps(_mm256_set1_ps(-2), t));
	return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1), e));
}

void fox_gelu_mul_avx2(float *y, const float *g, const float *u, size_t n)
{
	const __m256 one = _mm256_set1_ps(1);
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(
		    y + i, _mm256_mul_ps(gelu8(_mm256_loadu_ps(g + i)), u ? _mm256_loadu_ps(u + i) : one));
	if (i < n) {
		__m256i m = lanes8_first(n - i);
		__m256 v = gelu8(_mm256_maskload_ps(g + i, m));
		_mm256_maskstore_ps(y + i, m, _mm256_mul_ps(v, u ? _mm256_maskload_ps(u + i, m) : one));
	}
}

void fox_softcap_avx2(float *x, size_t n, float cap)
{
	const __m256 c = _mm256_set1_ps(cap);
	for (size_t i = 0; i < n; i += 8) {
		__m256i m = lanes8_first(n - i);
		__m256 v = lanes8_tanh(_mm256_div_ps(_mm256_maskload_ps(x + i, m), c));
		_mm256_maskstore_ps(x + i, m, _mm256_mul_ps(c, v));
	}
}

/* Differences from the mean are taken in f64, as the scalar kernel does: a mean far from 0 costs nothing. */
void fox_layernorm_avx2(float *y, const float *x, const float *w, const float *b, size_t n, float eps)
{
	__m256d lo = _mm256_setzero_pd(), hi = lo;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		lo = _mm256_add_pd(lo, lanes8_low_f64(v));
		hi = _mm256_add_pd(hi, lanes8_high_f64(v));
	}
	double sum = lanes8_add_f64(_mm256_add_pd(lo, hi));
	for (; i < n; i++)
		sum += (double)x[i];
	double mean = sum / (double)n;
	const __m256d vmean = _mm256_set1_pd(mean);
	lo = hi = _mm256_setzero_pd();
	for (i = 0; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		__m256d l = _mm256_sub_pd(lanes8_low_f64(v), vmean), h = _mm256_sub_pd(lanes8_high_f64(v), vmean);
		lo = _mm256_fmadd_pd(l, l, lo);
		hi = _mm256_fmadd_pd(h, h, hi);
	}
	double squares = lanes8_add_f64(_mm256_add_pd(lo, hi));
	for (; i < n; i++)
		squares += ((double)x[i] - mean) * ((double)x[i] - mean);
	double scale = 1 / sqrt(squares / (double)n + (double)eps);
	const __m256d vscale = _mm256_set1_pd(scale);
	for (i = 0; i + 8 <= n; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		__m256d l = _mm256_mul_pd(_mm256_sub_pd(lanes8_low_f64(v), vmean), vscale);
		__m256d h = _mm256_mul_pd(_mm256_sub_pd(lanes8_high_f64(v), vmean), vscale);
		v = _mm256_set_m128(_mm256_cvtpd_ps(h), _mm256_cvtpd_ps(l));
		v = _mm256_mul_ps(v, _mm256_loadu_ps(w + i));
		_mm256_storeu_ps(y + i, b ? _mm256_add_ps(v, _mm256_loadu_ps(b + i)) : v);
	}
	for (; i < n; i++) {
		float v = (float)(((double)x[i] - mean) * scale) * w[i];
		y[i] = b ? v + b[i] : v;
	}
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
