/* codec_scalar.c - stored weights to f32 and back, one at a time; q8_0 is in quant_legacy.c. */
#include <math.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

void fox_decode_f32_scalar(float *dst, const void *src, size_t n)
{
	const uint8_t *in = src;
	for (size_t i = 0; i < n; i++)
		dst[i] = fox_load_f32(in + 4 * i);
}

void fox_decode_f16_scalar(float *dst, const void *src, size_t n)
{
	const uint8_t *in = src;
	for (size_t i = 0; i < n; i++)
		dst[i] = fox_f16_to_f32(fox_load16(in + 2 * i));
}

void fox_decode_bf16_scalar(float *dst, const void *src, size_t n)
{
	const uint8_t *in = src;
	for (size_t i = 0; i < n; i++)
		dst[i] = fox_bf16_to_f32(fox_load16(in + 2 * i));
}

void fox_encode_f32_scalar(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (size_t i = 0; i < n; i++)
		fox_store_f32(out + 4 * i, src[i]);
}

void fox_encode_f16_scalar(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (size_t i = 0; i < n; i++)
		fox_store16(out + 2 * i, fox_f32_to_f16(src[i]));
}

void fox_encode_bf16_scalar(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (size_t i = 0; i < n; i++)
		fox_store16(out + 2 * i, fox_f32_to_bf16(src[i]));
}

void fox_range_scalar(const float *src, size_t n, uint32_t *min_abs, uint32_t *max_abs)
{
	uint32_t max = 0,
	         min_less_1 = UINT32_MAX; /* subtracting 1 makes 0 the largest, and so not the smallest */
	for (size_t i = 0; i < n; i++) {
		uint32_t abs = fox_f32_bits(src[i]) & 0x7fffffff;
		max = abs > max ? abs : max;
		min_less_1 = abs - 1 < min_less_1 ? abs - 1 : min_less_1;
	}
	*max_abs = max;
	*min_abs = min_less_1 == UINT32_MAX ? UINT32_MAX : min_less_1 + 1;
}

void fox_error_scalar(const float *x, const float *y, size_t n, struct fox_cast_error *e)
{
	double error[8] = {0}, square[8] = {0}, max = e->max_abs_error;
	for (size_t i = 0; i < n; i++) {
		float apart = x[i] - y[i];
		if (!isfinite(apart))
			continue;
		error[i % 8] += (double)apart * (double)apart;
		square[i % 8] += (double)x[i] * (double)x[i];
		max = fabs((double)apart) > max ? fabs((double)apart) : max;
		e->n++;
	}
	for (int half = 4; half > 0; half /= 2)
		for (int j = 0; j < half; j++) {
			error[j] += error[j + half];
			square[j] += square[j + half];
		}
	e->sum_square_error += error[0];
	e->sum_square += square[0];
	e->max_abs_error = max;
}
