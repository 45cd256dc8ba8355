/* block_fill.h - rows of any bytes but for their scales, so that their weights are finite and their sums have bounds. */
#ifndef FOX_TEST_BLOCK_FILL_H
#define FOX_TEST_BLOCK_FILL_H

#include "tests/kernels/slow.h"

/* Where a block has its f16: offsets, -1 for none. mxfp4, nvfp4, iq1_m have scales of other kinds. */
struct f16_at {
	enum fox_type type;
	int at[2];
};
static const struct f16_at f16_at[] = {
    {FOX_Q4_0, {0, -1}},
    {FOX_Q4_1, {0, 2}},
    {FOX_Q5_0, {0, -1}},
    {FOX_Q5_1, {0, 2}},
    {FOX_Q8_0, {0, -1}},
    {FOX_Q2_K, {offsetof(struct fox_q2_k, d), offsetof(struct fox_q2_k, dmin)}},
    {FOX_Q3_K, {offsetof(struct fox_q3_k, d), -1}},
    {FOX_Q4_K, {0, 2}},
    {FOX_Q5_K, {0, 2}},
    {FOX_Q6_K, {offsetof(struct fox_q6_k, d), -1}},
    {FOX_IQ4_NL, {0, -1}},
    {FOX_IQ4_XS, {0, -1}},
    {FOX_IQ1_S, {0, -1}},
    {FOX_IQ2_XXS, {0, -1}},
    {FOX_IQ2_XS, {0, -1}},
    {FOX_IQ2_S, {0, -1}},
    {FOX_IQ3_XXS, {0, -1}},
    {FOX_IQ3_S, {0, -1}},
    {FOX_TQ1_0, {offsetof(struct fox_tq1_0, d), -1}},
    {FOX_TQ2_0, {offsetof(struct fox_tq2_0, d), -1}},
    {FOX_Q1_0, {0, -1}},
    {FOX_Q2_0, {0, -1}},
};

/* Gives the block at b the scales s (an f16) and m, where it has them. */
static inline void set_scales(uint8_t *b, enum fox_type type, uint16_t s, uint16_t m)
{
	for (size_t i = 0; i < FOX_COUNT(f16_at); i++)
		if (f16_at[i].type == type) {
			memcpy(b + f16_at[i].at[0], &s, sizeof s);
			if (f16_at[i].at[1] >= 0)
				memcpy(b + f16_at[i].at[1], &m, sizeof m);
		}
	if (type == FOX_MXFP4)
		b[0] = s == 0 ? 0 : (uint8_t)(110 + s % 32);
	for (size_t i = 0; type == FOX_NVFP4 && s == 0 && i < 4; i++)
		b[i] = 0;
	for (size_t i = 0; type == FOX_IQ1_M && i < 4; i++) /* four bits of the f16 in the top of each word */
		b[offsetof(struct fox_iq1_m, scale) + 2 * i + 1] =
		    (uint8_t)((b[offsetof(struct fox_iq1_m, scale) + 2 * i + 1] & 15) | (s >> 4 * i & 15) << 4);
}

/* What is in the rows. */
enum content { ANY_CODES, ZERO_SCALES, ALL_00, ALL_FF, ALL_80, ALL_7F, CONTENTS };

/* Finite weights: any bytes but for the scales. */
static inline void fill(uint8_t *row, enum fox_type type, size_t n, enum content content, uint64_t *seed)
{
	static const uint8_t byte[CONTENTS] = {[ALL_FF] = 0xff, [ALL_80] = 0x80, [ALL_7F] = 0x7f};
	const struct fox_type_info *t = fox_type_info(type);
	for (size_t b = 0; b < n / t->elems; b++, row += t->bytes) {
		uint32_t r = test_rand(seed);
		if (type == FOX_F32) {
			float v = slow_float((r & 0x807fffff) | (r >> 24 & 15) << 23 | 120u << 23);
			memcpy(row, &v, sizeof v);
		} else if (type == FOX_F16 || type == FOX_BF16) {
			uint16_t h =
			    type == FOX_F16 ? (uint16_t)((r & 0x8fff) | 0x2000) : (uint16_t)((r & 0x83ff) | 0x3c00);
			memcpy(row, &h, sizeof h);
		} else {
			for (size_t i = 0; i < t->bytes; i++)
				row[i] = content >= ALL_00 ? byte[content] : (uint8_t)(test_rand(seed) >> 8);
			/* 2^-10 to 2^3, either sign, one in 16 zero */
			uint16_t s = (uint16_t)((r & 0x83ff) | (5u + (r >> 10) % 13) << 10),
			         m = (uint16_t)(s ^ (r >> 16 & 0x9ff));
			bool zero = content == ZERO_SCALES || (content == ANY_CODES && r >> 26 == 0);
			set_scales(row, type, zero ? 0 : s, zero ? 0 : m);
		}
	}
}

/* The minima alone, as decoded from blocks without codes: their terms are added apart. False for types without. */
static inline bool minima(
    float *out, uint8_t *row, enum fox_type type, size_t n, const struct fox_kernels *scalar)
{
	size_t keep[2];
	if (type == FOX_Q4_1 || type == FOX_Q5_1 || type == FOX_Q4_K || type == FOX_Q5_K)
		keep[0] = 0, keep[1] = type == FOX_Q4_1 || type == FOX_Q5_1 ? 4 : 16;
	else if (type == FOX_Q2_K)
		keep[0] = 16, keep[1] = 0;
	else
		return false;
	const struct fox_type_info *t = fox_type_info(type);
	for (size_t b = 0; b < n / t->elems; b++) {
		uint8_t *at = row + b * t->bytes;
		if (type == FOX_Q2_K)
			memset(at + keep[0], 0, sizeof(((struct fox_q2_k *)0)->q));
		else
			memset(at + keep[1], 0, t->bytes - keep[1]);
	}
	scalar->decode[type](out, row, n);
	return true;
}

#endif
