/* block_pack.c - the fields of a block into its bytes, type by type.  spec/quant.md */
#include <assert.h>
#include <string.h>

#include "format/base/num.h"
#include "format/block.h"
#include "kernels/block_parts.h"
#include "kernels/ksearch.h"

enum { LEN = 32, BIG = 256 };

/* Codes i and i + group / 2 of every `group` share a byte. */
static void nibbles(uint8_t *out, const uint8_t *q, int n, int group)
{
	int half = group / 2;
	for (int i = 0; i < n / 2; i++) {
		const uint8_t *p = q + i / half * group + i % half;
		out[i] = (uint8_t)((p[0] & 15) | (p[half] & 15) << 4);
	}
}

static void fifth_bits(uint8_t *out, const uint8_t *q)
{
	uint32_t bits = 0;
	for (int i = 0; i < LEN; i++)
		bits |= (uint32_t)(q[i] >> 4 & 1) << i;
	fox_store32(out, bits);
}

/* Four codes 32 apart share a byte: bits shift and shift + 1 of each. */
static void pairs(uint8_t *out, const uint8_t *q, int shift)
{
	for (int i = 0; i < BIG / 4; i++) {
		const uint8_t *p = q + i / 32 * 128 + i % 32;
		out[i] = (uint8_t)((p[0] >> shift & 3) | (p[32] >> shift & 3) << 2 | (p[64] >> shift & 3) << 4 |
		                   (p[96] >> shift & 3) << 6);
	}
}

/* One bit of eight codes 32 apart. */
static void eighths(uint8_t out[32], const uint8_t *q, int shift)
{
	memset(out, 0, 32);
	for (int i = 0; i < BIG; i++)
		out[i % 32] |= (uint8_t)((q[i] >> shift & 1) << i / 32);
}

static void pack_q2_k(void *dst, const struct fox_block_parts *p)
{
	struct fox_q2_k b;
	for (int s = 0; s < 16; s++)
		b.scales[s] = (uint8_t)(p->scale[s] | p->mins[s] << 4);
	pairs(b.q, p->q, 0);
	fox_store16(&b.d, p->d);
	fox_store16(&b.dmin, p->min);
	memcpy(dst, &b, sizeof b);
}

static void pack_q3_k(void *dst, const struct fox_block_parts *p)
{
	struct fox_q3_k b = {0};
	for (int s = 0; s < 16; s++) {
		b.scales[s % 8] |= (uint8_t)((p->scale[s] & 15) << s / 8 * 4);
		b.scales[8 + s % 4] |= (uint8_t)(p->scale[s] >> 4 << s / 4 * 2);
	}
	eighths(b.high, p->q, 2);
	pairs(b.q, p->q, 0);
	fox_store16(&b.d, p->d);
	memcpy(dst, &b, sizeof b);
}

static void pack_q4_k(void *dst, const struct fox_block_parts *p)
{
	struct fox_q4_k b;
	fox_k_pack_scales(b.scales, p->scale, p->mins);
	nibbles(b.q, p->q, BIG, 64);
	fox_store16(&b.d, p->d);
	fox_store16(&b.dmin, p->min);
	memcpy(dst, &b, sizeof b);
}

static void pack_q5_k(void *dst, const struct fox_block_parts *p)
{
	struct fox_q5_k b;
	fox_k_pack_scales(b.scales, p->scale, p->mins);
	nibbles(b.q, p->q, BIG, 64);
	eighths(b.high, p->q, 4);
	fox_store16(&b.d, p->d);
	fox_store16(&b.dmin, p->min);
	memcpy(dst, &b, sizeof b);
}

static void pack_q6_k(void *dst, const struct fox_block_parts *p)
{
	struct fox_q6_k b;
	nibbles(b.q, p->q, BIG, 128);
	pairs(b.high, p->q, 4);
	memcpy(b.scales, p->scale, sizeof b.scales);
	fox_store16(&b.d, p->d);
	memcpy(dst, &b, sizeof b);
}

static void pack_iq4_xs(void *dst, const struct fox_block_parts *p)
{
	struct fox_iq4_xs b = {0};
	unsigned high = 0;
	for (int s = 0; s < 8; s++) {
		b.scale_low[s / 2] |= (uint8_t)((p->scale[s] & 15) << s % 2 * 4);
		high |= (unsigned)p->scale[s] >> 4 << 2 * s;
	}
	nibbles(b.q, p->q, BIG, LEN);
	fox_store16(&b.scale_high, (uint16_t)high);
	fox_store16(&b.d, p->d);
	memcpy(dst, &b, sizeof b);
}

/* Blocks of 32: the scale, where there is one the minimum, fifth bits, nibbles; in this order and without gaps. */
static void pack_small(uint8_t *dst, const struct fox_block_parts *p, bool min, bool fifth)
{
	fox_store16(dst, p->d);
	dst += 2;
	if (min) {
		fox_store16(dst, p->min);
		dst += 2;
	}
	if (fifth) {
		fifth_bits(dst, p->q);
		dst += 4;
	}
	nibbles(dst, p->q, LEN, LEN);
}

void fox_block_pack(enum fox_type type, void *dst, const struct fox_block_parts *p)
{
	switch (type) {
	case FOX_Q4_0:
	case FOX_IQ4_NL:
		pack_small(dst, p, false, false);
		break;
	case FOX_Q4_1:
		pack_small(dst, p, true, false);
		break;
	case FOX_Q5_0:
		pack_small(dst, p, false, true);
		break;
	case FOX_Q5_1:
		pack_small(dst, p, true, true);
		break;
	case FOX_Q8_0:
		fox_store16(dst, p->d);
		memcpy((uint8_t *)dst + 2, p->q, LEN);
		break;
	case FOX_Q2_K:
		pack_q2_k(dst, p);
		break;
	case FOX_Q3_K:
		pack_q3_k(dst, p);
		break;
	case FOX_Q4_K:
		pack_q4_k(dst, p);
		break;
	case FOX_Q5_K:
		pack_q5_k(dst, p);
		break;
	case FOX_Q6_K:
		pack_q6_k(dst, p);
		break;
	case FOX_IQ4_XS:
		pack_iq4_xs(dst, p);
		break;
	default:
		assert(!"no such block");
	}
}
