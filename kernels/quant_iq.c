/* quant_iq.c - iq1, iq2, iq3 blocks to f32: rows of a grid under signs and scales. Read only: nothing is quantized to
 * them. */
#include <assert.h>

#include "kernels/code_values.h"
#include "kernels/iq_rows.h"

static void put_iq2(float *dst, unsigned row, unsigned signs, float scale)
{
	static const uint8_t value[4] = {FOX_IQ2_VALUES};
	for (int j = 0; j < 8; j++) {
		float v = scale * (float)value[row >> 2 * j & 3];
		dst[j] = signs >> j & 1 ? -v : v;
	}
}

static void put_iq3(float *dst, unsigned row, const uint8_t *value, unsigned signs, float scale)
{
	for (int j = 0; j < 8; j++) {
		float v = scale * (float)value[row >> 4 * j & 7];
		dst[j] = signs >> j & 1 ? -v : v;
	}
}

static void put_iq3_xxs(float *dst, unsigned row, unsigned signs, float scale)
{
	static const uint8_t value[8] = {FOX_IQ3_XXS_VALUES};
	put_iq3(dst, row, value, signs, scale);
}

static void put_iq3_s(float *dst, unsigned row, unsigned signs, float scale)
{
	static const uint8_t value[8] = {FOX_IQ3_S_VALUES};
	put_iq3(dst, row, value, signs, scale);
}

static void put_iq1(float *dst, unsigned row, bool down, float scale)
{
	for (int j = 0; j < 8; j++)
		dst[j] = scale * ((float)((int)(row >> 2 * j & 3) - 1) + (down ? -0.125f : 0.125f));
}

void fox_decode_iq2_xxs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_xxs(dst, src, n, put_iq2);
}

void fox_decode_iq2_xs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_xs(dst, src, n, put_iq2);
}

void fox_decode_iq2_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq2_s(dst, src, n, put_iq2);
}

void fox_decode_iq3_xxs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq3_xxs(dst, src, n, put_iq3_xxs);
}

void fox_decode_iq3_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq3_s(dst, src, n, put_iq3_s);
}

void fox_decode_iq1_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq1_s(dst, src, n, put_iq1);
}

void fox_decode_iq1_m_scalar(float *dst, const void *src, size_t n)
{
	assert(n % FOX_IQ_LEN == 0);
	fox_iq_walk_iq1_m(dst, src, n, put_iq1);
}
