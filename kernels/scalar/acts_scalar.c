/* acts_scalar.c - activations rounded for fast arithmetic: what every other fox_acts_fn must equal, bit for bit. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

void fox_acts_bf16_scalar(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * a->step;
	for (size_t i = 0; i < n; i++)
		q[i] = fox_f32_to_bf16(x[i]);
}

void fox_acts_bf16x3_scalar(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	uint16_t *q = (uint16_t *)a->q + row * 3 * a->step;
	for (size_t i = 0; i < n; i++) {
		float rest = x[i];
		for (size_t part = 0; part < 3; part++) {
			uint16_t *to = q + part * a->step + i;
			*to = fox_f32_to_bf16(rest);
			rest -= fox_bf16_to_f32(*to); /* exact; of Inf it is NaN, and so is the product */
		}
	}
}

/* The scale of 32 activations, and its reciprocal where it can be used, else 0. */
static float group_scale(const float *x, float *reciprocal)
{
	uint32_t most = 0;
	for (size_t i = 0; i < FOX_ACTS_GROUP; i++) {
		uint32_t bits;
		memcpy(&bits, x + i, sizeof bits);
		bits &= 0x7fffffff;
		most = bits > most ? bits : most;
	}
	float max;
	memcpy(&max, &most, sizeof max);
	float d = max / 127, r = 1 / d;
	*reciprocal = isfinite(d) && isfinite(r) ? r : 0;
	return d;
}

static void round_row(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	assert(n % FOX_ACTS_GROUP == 0);
	float *d = a->d + row * (a->step / FOX_ACTS_GROUP);
	int16_t *sum = a->sum + row * (a->step / 16);
	int8_t *q8 = (int8_t *)a->q + row * a->step;
	int16_t *q16 = (int16_t *)a->q + row * a->step;
	for (size_t g = 0; g < n; g += FOX_ACTS_GROUP) {
		float r;
		d[g / FOX_ACTS_GROUP] = group_scale(x + g, &r);
		sum[g / 16] = sum[g / 16 + 1] = 0;
		for (size_t i = g; i < g + FOX_ACTS_GROUP; i++) {
			int q = r != 0 ? (int)rintf(x[i] * r) : 0;
			sum[i / 16] = (int16_t)(sum[i / 16] + q);
			if (a->kind == FOX_ACTS_Q8)
				q8[i] = (int8_t)q;
			else
				q16[i] = (int16_t)q;
		}
	}
}

void fox_acts_q8_scalar(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n);
}

void fox_acts_q16_scalar(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	round_row(a, row, x, n);
}

void fox_acts_u8_scalar(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	assert(n % FOX_ACTS_GROUP == 0);
	uint8_t *q = (uint8_t *)a->q + row * a->step;
	float *d = a->d + row * (a->step / FOX_ACTS_GROUP * 4);
	for (size_t g = 0; g < n; g += FOX_ACTS_GROUP, d += 4) {
		float r;
		int sum[2] = {0};
		d[0] = group_scale(x + g, &r);
		for (size_t i = 0; i < FOX_ACTS_GROUP; i++) {
			int v = r != 0 ? (int)rintf(x[g + i] * r) : 0;
			sum[i / 16] += v;
			q[g + i] = (uint8_t)(v + 128);
		}
		d[1] = d[0] * (float)(sum[0] + sum[1]);
		d[2] = d[0] * (float)sum[0];
		d[3] = d[0] * (float)sum[1];
	}
}
