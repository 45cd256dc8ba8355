/* iq_rows.h - the walk over iq1, iq2 and iq3 blocks: which row of a grid, which signs, which scale each eight weights have.
 * How a row becomes eight floats is each ISA's own. Private to kernels/. static inline only.
 *
 * Blocks of 256 weights in groups of 32, one or two scales each. The order of products is that of ggml, bit for bit.
 * source: ggml-quants.c dequantize_row_iqX_Y */
#ifndef FOX_IQ_ROWS_H
#define FOX_IQ_ROWS_H

#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/iq_grid.h"
#include "kernels/kernels.h"

enum { FOX_IQ_LEN = 256 };

/* dst[j] = scale times the value of code j of the row, with bit j of signs as its sign; iq3: two rows of four, the second in
 * the high half. */
typedef void fox_iq_put_fn(float *dst, unsigned row, unsigned signs, float scale);

/* The same of iq1, whose values are shifted by an eighth, up or down. */
typedef void fox_iq1_put_fn(float *dst, unsigned row, bool down, float scale);

/* Eight signs out of seven bits: the eighth makes their number even. */
static inline unsigned fox_iq_signs(uint32_t seven)
{
	seven &= 127;
	return seven | (unsigned)__builtin_parity(seven) << 7;
}

/* The scale of the first or second half of a group. */
static inline float fox_iq_half_scale(float d, uint8_t scale, int half)
{
	return d * (0.5f + (float)(scale >> 4 * half & 15)) * 0.25f;
}

static inline void fox_iq_walk_iq2_xxs(float *dst, const void *src, size_t n, fox_iq_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq2_xxs b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int g = 0; g < FOX_IQ_LEN / 32; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(q + 4);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.25f;
			for (int r = 0; r < 4; r++, dst += 8)
				put(dst, fox_grid_iq2_xxs[q[r]], fox_iq_signs(word >> 7 * r), scale);
		}
	}
}

static inline void fox_iq_walk_iq2_xs(float *dst, const void *src, size_t n, fox_iq_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq2_xs b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int r = 0; r < FOX_IQ_LEN / 8; r++, dst += 8) {
			uint16_t q = fox_load16(&b.q[r]);
			put(dst, fox_grid_iq2_xs[q & 511], fox_iq_signs((uint32_t)q >> 9),
			    fox_iq_half_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

static inline void fox_iq_walk_iq2_s(float *dst, const void *src, size_t n, fox_iq_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq2_s b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int r = 0; r < FOX_IQ_LEN / 8; r++, dst += 8) {
			unsigned high = b.high[r / 4] >> r % 4 * 2 & 3;
			put(dst, fox_grid_iq2_s[b.q[r] | high << 8], b.sign[r],
			    fox_iq_half_scale(d, b.scale[r / 4], r / 2 % 2));
		}
	}
}

static inline void fox_iq_walk_iq3_xxs(float *dst, const void *src, size_t n, fox_iq_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq3_xxs b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int g = 0; g < FOX_IQ_LEN / 32; g++) {
			const uint8_t *q = b.q + g * 8;
			uint32_t word = fox_load32(b.sign_scale + 4 * g);
			float scale = d * (0.5f + (float)(word >> 28)) * 0.5f;
			for (int r = 0; r < 4; r++, dst += 8)
				put(dst, fox_grid_iq3_xxs[q[2 * r]] | (unsigned)fox_grid_iq3_xxs[q[2 * r + 1]] << 16,
				    fox_iq_signs(word >> 7 * r), scale);
		}
	}
}

static inline void fox_iq_walk_iq3_s(float *dst, const void *src, size_t n, fox_iq_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq3_s b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int g = 0; g < FOX_IQ_LEN / 32; g++) {
			const uint8_t *q = b.q + g * 8;
			float scale = d * (float)(1 + 2 * (b.scale[g / 2] >> g % 2 * 4 & 15));
			for (int r = 0; r < 4; r++, dst += 8) {
				unsigned high = b.high[g] >> 2 * r;
				put(dst,
				    fox_grid_iq3_s[q[2 * r] | (high & 1) << 8] |
				        (unsigned)fox_grid_iq3_s[q[2 * r + 1] | (high >> 1 & 1) << 8] << 16,
				    b.sign[4 * g + r], scale);
			}
		}
	}
}

static inline void fox_iq_walk_iq1_s(float *dst, const void *src, size_t n, fox_iq1_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq1_s b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = fox_f16_to_f32(fox_load16(&b.d));
		for (int g = 0; g < FOX_IQ_LEN / 32; g++) {
			unsigned high = fox_load16(&b.high[g]);
			float scale = d * (float)(2 * (high >> 12 & 7) + 1);
			for (int r = 0; r < 4; r++, dst += 8)
				put(dst, fox_grid_iq1[b.q[4 * g + r] | (high >> 3 * r & 7) << 8], high >> 15 & 1, scale);
		}
	}
}

static inline void fox_iq_walk_iq1_m(float *dst, const void *src, size_t n, fox_iq1_put_fn *put)
{
	const uint8_t *in = src;
	for (struct fox_iq1_m b; n > 0; n -= FOX_IQ_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		unsigned d16 = 0;
		for (int i = 0; i < 4; i++) /* the top four bits of each word */
			d16 |= (unsigned)(fox_load16(b.scale + 2 * i) >> 12) << 4 * i;
		float d = fox_f16_to_f32((uint16_t)d16);
		for (int r = 0; r < FOX_IQ_LEN / 8; r++, dst += 8) {
			int half = r / 2; /* of a group: a scale for every two rows */
			unsigned code = fox_load16(b.scale + half / 4 * 2) >> half % 4 * 3 & 7;
			unsigned high = b.high[r / 2] >> r % 2 * 4;
			put(dst, fox_grid_iq1[b.q[r] | (high & 7) << 8], high >> 3 & 1, d * (float)(2 * code + 1));
		}
	}
}

#endif
