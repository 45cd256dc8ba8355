/* attn_scalar.c - the products and weights of attention over one block of the cache: the meaning of each entry. */
#include <math.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

enum {
	PANEL = FOX_ATTN_PANEL,
	BLOCK = FOX_ATTN_BLOCK,
	GROUP = 32,
	GROUP_BYTES = 34 * PANEL,
	PAIR_BYTES = 34 * BLOCK
};

/* Element (row, column) of the panels at b. */
typedef float at_fn(const uint8_t *b, size_t height, size_t row, size_t column);

static size_t flat(size_t height, size_t row, size_t column)
{
	return (column / PANEL * height + row) * PANEL + column % PANEL;
}

static float at_f32(const uint8_t *b, size_t height, size_t row, size_t column)
{
	return fox_load_f32(b + 4 * flat(height, row, column));
}

static float at_f16(const uint8_t *b, size_t height, size_t row, size_t column)
{
	return fox_f16_to_f32(fox_load16(b + 2 * flat(height, row, column)));
}

static float at_bf16(const uint8_t *b, size_t height, size_t row, size_t column)
{
	return fox_bf16_to_f32(fox_load16(b + 2 * flat(height, row, column)));
}

static float at_q8_0_key(const uint8_t *b, size_t height, size_t row, size_t column)
{
	const uint8_t *group = b + (column / PANEL * (height / GROUP) + row / GROUP) * GROUP_BYTES;
	float d = fox_f16_to_f32(fox_load16(group + 2 * (column % PANEL)));
	return d * (float)(int8_t)group[2 * PANEL + row % GROUP * PANEL + column % PANEL];
}

static float at_q8_0_value(const uint8_t *b, size_t height, size_t row, size_t column)
{
	const uint8_t *pair = b + column / (2 * PANEL) * PAIR_BYTES;
	float d = fox_f16_to_f32(fox_load16(pair + 2 * row));
	return d * (float)(int8_t)pair[2 * BLOCK + flat(height, row, column % (2 * PANEL))];
}

static void mul(at_fn *at, float *y, size_t y_step, const float *keep, const float *x, size_t x_step,
    size_t rows, const void *b, size_t height, size_t first, size_t k, size_t n_panels)
{
	for (size_t r = 0; r < rows; r++, y += y_step, x += x_step) {
		for (size_t c = 0; c < n_panels * PANEL; c++) {
			float sum = keep ? keep[r] * y[c] : 0;
			for (size_t i = 0; i < k; i++)
				sum += x[i] * at(b, height, first + i, c);
			y[c] = sum;
		}
	}
}

#define MUL(name, at)                                                                                        \
	void name(float *y, size_t y_step, const float *keep, const float *x, size_t x_step, size_t rows,        \
	    const void *b, size_t height, size_t first, size_t k, size_t n_panels)                               \
	{                                                                                                        \
		mul(at, y, y_step, keep, x, x_step, rows, b, height, first, k, n_panels);                            \
	}
MUL(fox_attn_mul_f32_scalar, at_f32)
MUL(fox_attn_mul_f16_scalar, at_f16)
MUL(fox_attn_mul_bf16_scalar, at_bf16)
MUL(fox_attn_keys_q8_0_scalar, at_q8_0_key)
MUL(fox_attn_values_q8_0_scalar, at_q8_0_value)

void fox_attn_open_keys_q8_0_scalar(float *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = at_q8_0_key(src, n / PANEL, i / PANEL, i % PANEL);
}

void fox_attn_open_values_q8_0_scalar(float *dst, const void *src, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = at_q8_0_value(src, BLOCK, i / PANEL % BLOCK, i / (PANEL * BLOCK) * PANEL + i % PANEL);
}

float fox_attn_weigh_scalar(
    float *s, size_t n, const struct fox_attn_shape *shape, uint32_t distance, struct fox_attn_seen *seen)
{
	float max = seen->max, part[PANEL] = {0};
	for (size_t j = 0; j < n; j++) {
		s[j] *= shape->scale;
		if (shape->cap != 0)
			s[j] = shape->cap * tanhf(s[j] / shape->cap);
		if (shape->slope != 0)
			s[j] -= shape->slope * (float)(distance - (uint32_t)j);
		max = s[j] > max ? s[j] : max;
	}
	float base = max == -INFINITY ? 0 : max;
	for (size_t j = 0; j < n; j++) {
		s[j] = expf(s[j] - base);
		part[j % PANEL] += s[j];
	}
	for (size_t apart = PANEL / 2; apart; apart /= 2)
		for (size_t j = 0; j < apart; j++)
			part[j] += part[j + apart];
	float keep = expf(seen->max - base);
	seen->sum = seen->sum * (double)keep + (double)part[0];
	seen->max = max;
	return keep;
}
