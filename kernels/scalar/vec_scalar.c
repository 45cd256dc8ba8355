/* vec_scalar.c - what is done to activations between the products: the meaning of each entry. */
#include <math.h>

#include "kernels/kernels.h"

void fox_axpy_scalar(float *y, float a, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += a * x[i];
}

void fox_rmsnorm_scalar(float *y, const float *x, const float *w, size_t n, float eps)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	float scale = (float)(1 / sqrt(sum / (double)n + (double)eps));
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * scale * w[i];
}

void fox_silu_mul_scalar(float *y, const float *g, const float *u, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = g[i] / (1 + expf(-g[i])) * u[i];
}

void fox_gelu_mul_scalar(float *y, const float *g, const float *u, size_t n)
{
	const float root = 0.797884560802865356f; /* sqrt(2 / pi) */
	for (size_t i = 0; i < n; i++) {
		float x = g[i], t = root * (x + 0.044715f * (x * x * x)), v = x / (1 + expf(-2 * t));
		y[i] = u ? v * u[i] : v;
	}
}

void fox_layernorm_scalar(float *y, const float *x, const float *w, const float *b, size_t n, float eps)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)x[i];
	double mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += ((double)x[i] - mean) * ((double)x[i] - mean);
	double scale = 1 / sqrt(squares / (double)n + (double)eps);
	for (size_t i = 0; i < n; i++) {
		float v = (float)(((double)x[i] - mean) * scale) * w[i];
		y[i] = b ? v + b[i] : v;
	}
}

void fox_softcap_scalar(float *x, size_t n, float cap)
{
	for (size_t i = 0; i < n; i++)
		x[i] = cap * tanhf(x[i] / cap);
}

void fox_rope_scalar(float *x, const float *cos, const float *sin, size_t n_pairs, bool pairs)
{
	for (size_t i = 0; i < n_pairs; i++) {
		float *pa = pairs ? &x[2 * i] : &x[i];
		float *pb = pairs ? &x[2 * i + 1] : &x[i + n_pairs];
		double a = *pa, b = *pb;
		*pa = (float)(a * (double)cos[i] - b * (double)sin[i]);
		*pb = (float)(a * (double)sin[i] + b * (double)cos[i]);
	}
}
