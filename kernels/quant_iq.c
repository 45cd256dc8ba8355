/* quant_iq.c - iq1, iq2, iq3 blocks to f32: rows of a grid under signs and scales. Read only: nothing is quantized to them.
 *
 * Blocks of 256 weights in groups of 32, one or two scales each. The order of products is that of ggml, bit for bit.
 * source: ggml-quants.c dequantize_row_iqX_Y */
#include "kernels/iq_grid.h"

#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

enum { LEN = 256, GROUP = 32, GROUPS = LEN / GROUP };

static const uint8_t iq2_value[4] = {8, 25, 43, 0}; /* rows have no code 3 */
static const uint8_t iq3_xxs_value[8] = {4, 12, 20, 28, 36, 44, 52, 62};
static const uint8_t iq3_s_value[8] = {1, 3, 5, 7, 9, 11, 13, 15};

static float f16_at(const uint16_t *h)
{
	return fox_f16_to_f32(fox_load16(h));
}

/* Eight signs out of seven bits: the eighth makes their number even. */
static uint8_t signs_of(uint32_t seven)
{
	seven &= 127;
	return (uint8_t)(seven | (uint32_t)__builtin_parity(seven) << 7);
}

static void put_iq2_row(float *dst, unsigned row, uint8_t signs, float scale)
{
	for (int j = 0; j < 8; j++) {
		float v = scale * (float)iq2_value[row >> 2 * j & 3];
		dst[j] = signs >> j & 1 ? -v : v;
	}
}

/* Two rows of four. */
static void put_iq3_rows(
    float *dst, unsigned first, unsigned second, const uint8_t *value, uint8_t signs, float scale)
{
	unsigned row = first | second << 16;
	for (int j = 0; j < 8; j++) {
		float v = scale * (float)value[row >> 4 * j & 7];
		dst[j] = signs >> j & 1 ? -v : v;
	}
}

/* All values of an iq1 row are shifted by an eighth, up or down. */
static void put_iq1_row(float *dst, unsigned row, bool down, float scale)
{
	for (int j = 0; j < 8; j++)
		dst[j] = scale * ((float)((int)(row >> 2 * j & 3) - 1) + (down ? -0.125f : 0.125f));
}

void fox_decode_iq2_xxs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_xxs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(q + 4);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.25f;
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq2_row(dst, fox_grid_iq2_xxs[q[r]], signs_of(word >> 7 * r), scale);
		}
	}
}

/* The scale of the first or second half of a group. */
static float half_group_scale(float d, uint8_t scale, int half)
{
	return d * (0.5f + (float)(scale >> 4 * half & 15)) * 0.25f;
}

void fox_decode_iq2_xs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_xs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			uint16_t q = fox_load16(&b.q[r]);
			put_iq2_row(dst, fox_grid_iq2_xs[q & 511], signs_of((uint32_t)q >> 9),
			    half_group_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

void fox_decode_iq2_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq2_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			unsigned high = b.high[r / 4] >> r % 4 * 2 & 3;
			put_iq2_row(dst, fox_grid_iq2_s[b.q[r] | high << 8], b.sign[r],
			    half_group_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

void fox_decode_iq3_xxs_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq3_xxs b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(b.sign_scale + 4 * g);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.5f;
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq3_rows(dst, fox_grid_iq3_xxs[q[2 * r]], fox_grid_iq3_xxs[q[2 * r + 1]], iq3_xxs_value,
				    signs_of(word >> 7 * r), scale);
		}
	}
}

void fox_decode_iq3_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq3_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			const uint8_t *q = b.q + g * 8;
			float scale = d * (float)(1 + 2 * (b.scale[g / 2] >> g % 2 * 4 & 15));
			for (int r = 0; r < 4; r++, dst += 8) {
				unsigned high = b.high[g] >> 2 * r;
				put_iq3_rows(dst, fox_grid_iq3_s[q[2 * r] | (high & 1) << 8],
				    fox_grid_iq3_s[q[2 * r + 1] | (high >> 1 & 1) << 8], iq3_s_value, b.sign[4 * g + r],
				    scale);
			}
		}
	}
}

void fox_decode_iq1_s_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq1_s b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		for (int g = 0; g < GROUPS; g++) {
			unsigned high = fox_load16(&b.high[g]);
			float scale = d * (float)(2 * (high >> 12 & 7) + 1);
			for (int r = 0; r < 4; r++, dst += 8)
				put_iq1_row(
				    dst, fox_grid_iq1[b.q[4 * g + r] | (high >> 3 * r & 7) << 8], high >> 15 & 1, scale);
		}
	}
}

void fox_decode_iq1_m_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq1_m b; n > 0; n -= LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		unsigned d16 = 0;
		for (int i = 0; i < 4; i++) /* the top four bits of each word */
			d16 |= (unsigned)(fox_load16(b.scale + 2 * i) >> 12) << 4 * i;
		float d = fox_f16_to_f32((uint16_t)d16);
		for (int r = 0; r < LEN / 8; r++, dst += 8) {
			int half = r / 2; /* of a group: a scale for every two rows */
			unsigned code = fox_load16(b.scale + half / 4 * 2) >> half % 4 * 3 & 7;
			unsigned high = b.high[r / 2] >> r % 2 * 4;
			put_iq1_row(
			    dst, fox_grid_iq1[b.q[r] | (high & 7) << 8], high >> 3 & 1, d * (float)(2 * code + 1));
		}
	}
}
