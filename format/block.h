/* block.h - the bytes of every quantised block; spec/quant.md is the prose. No code. */
#ifndef FOX_BLOCK_H
#define FOX_BLOCK_H

#include "format/base/fox.h"

/* Every uint16_t named d or m is an f16, little-endian. "Nibbles": byte i holds weight i in its low half and weight
 * i + n / 2 of its group of n in its high half. source: ggml-common.h, struct block_<type> of each */

/* 32 weights, w[i] = d * (q[i] - 8), q in nibbles */
struct fox_q4_0 {
	uint16_t d;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q4_0) == 18, "q4_0 block");

/* 32 weights, w[i] = d * q[i] + m, q in nibbles */
struct fox_q4_1 {
	uint16_t d, m;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q4_1) == 20, "q4_1 block");

/* 32 weights, w[i] = d * (q[i] - 16), low four bits of q in nibbles */
struct fox_q5_0 {
	uint16_t d;
	uint8_t high[4]; /* bit i of the 32: fifth bit of weight i */
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q5_0) == 22, "q5_0 block");

/* 32 weights, w[i] = d * q[i] + m, bits as in q5_0 */
struct fox_q5_1 {
	uint16_t d, m;
	uint8_t high[4];
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q5_1) == 24, "q5_1 block");

/* 32 weights, w[i] = d * q[i] */
struct fox_q8_0 {
	uint16_t d;
	int8_t q[32];
};
_Static_assert(sizeof(struct fox_q8_0) == 34, "q8_0 block");

/* 32 activations, never in files */
struct fox_q8_1 {
	uint16_t d, s; /* s: d * sum of q */
	int8_t q[32];
};
_Static_assert(sizeof(struct fox_q8_1) == 36, "q8_1 block");

/* 256 activations, never in files */
struct fox_q8_k {
	float d;
	int8_t q[256];
	int16_t sum[16]; /* of 16 q each */
};
_Static_assert(sizeof(struct fox_q8_k) == 292, "q8_k block");

/* 32 weights, w[i] = d * value[q[i]], q in nibbles; value: the table of 16 in spec/quant.md */
struct fox_iq4_nl {
	uint16_t d;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_iq4_nl) == 18, "iq4_nl block");

/* 256 weights in 8 groups of 32, w[i] = d * (scale[g] - 32) * value[q[i]], q in nibbles of each group */
struct fox_iq4_xs {
	uint16_t d;
	uint16_t scale_high;  /* bits 2g and 2g + 1: the high two of scale g */
	uint8_t scale_low[4]; /* the low four: g even in the low half of byte g / 2, g odd in the high half */
	uint8_t q[128];
};
_Static_assert(sizeof(struct fox_iq4_xs) == 136, "iq4_xs block");

/* 32 weights, w[i] = 2^(e - 128) * value[q[i]], q in nibbles; value: E2M1 doubled.  source: OCP Microscaling Formats
 * (MX) Specification 1.0 */
struct fox_mxfp4 {
	uint8_t e;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_mxfp4) == 17, "mxfp4 block");

/* 64 weights in 4 groups of 16, w[i] = d[g] / 2 * value[q[i]], q in nibbles of each group */
struct fox_nvfp4 {
	uint8_t d[4]; /* E4M3 without sign */
	uint8_t q[32];
};
_Static_assert(sizeof(struct fox_nvfp4) == 36, "nvfp4 block");

/* The grid types, 256 weights each, in groups of 32: each q with its high bits names a row of 8 (iq3: 4) magnitudes in
 * the type's grid (kernels/iq_grid.h); signs and scales as spec/quant.md says. */
struct fox_iq2_xxs {
	uint16_t d;
	uint8_t q[64]; /* per group: 4 rows, then a u32 of four 7-bit sign words and a 4-bit scale */
};
_Static_assert(sizeof(struct fox_iq2_xxs) == 66, "iq2_xxs block");

struct fox_iq2_xs {
	uint16_t d;
	uint16_t q[32];   /* 9-bit row and 7-bit sign word */
	uint8_t scale[8]; /* two 4-bit scales per group */
};
_Static_assert(sizeof(struct fox_iq2_xs) == 74, "iq2_xs block");

struct fox_iq2_s {
	uint16_t d;
	uint8_t q[32];
	uint8_t sign[32]; /* bit j: weight j of the row is negative */
	uint8_t high[8];  /* two bits for each of a group's rows */
	uint8_t scale[8];
};
_Static_assert(sizeof(struct fox_iq2_s) == 82, "iq2_s block");

struct fox_iq3_xxs {
	uint16_t d;
	uint8_t q[64];
	uint8_t sign_scale[32]; /* per group a u32 as in iq2_xxs */
};
_Static_assert(sizeof(struct fox_iq3_xxs) == 98, "iq3_xxs block");

struct fox_iq3_s {
	uint16_t d;
	uint8_t q[64];
	uint8_t high[8]; /* one bit for each of a group's rows */
	uint8_t sign[32];
	uint8_t scale[4]; /* one 4-bit scale per group */
};
_Static_assert(sizeof(struct fox_iq3_s) == 110, "iq3_s block");

struct fox_iq1_s {
	uint16_t d;
	uint8_t q[32];
	uint16_t high[8]; /* per group: three bits for each of its rows, a 3-bit scale, the sign of its shift */
};
_Static_assert(sizeof(struct fox_iq1_s) == 50, "iq1_s block");

struct fox_iq1_m {
	uint8_t q[32];
	uint8_t high[16]; /* per row a nibble: three high bits, the sign of its shift */
	uint8_t scale[8]; /* four u16: 3-bit scales of four half groups, and four bits of d each */
};
_Static_assert(sizeof(struct fox_iq1_m) == 56, "iq1_m block");

/* 256 weights, w[i] = d * (t[i] - 1), t in 0..2 */
struct fox_tq1_0 {
	uint8_t q[48];   /* five t each, as a fraction in base 3 */
	uint8_t high[4]; /* four t each */
	uint16_t d;
};
_Static_assert(sizeof(struct fox_tq1_0) == 54, "tq1_0 block");

/* 256 weights, w[i] = d * (t[i] - 1), t in bit pairs */
struct fox_tq2_0 {
	uint8_t q[64];
	uint16_t d;
};
_Static_assert(sizeof(struct fox_tq2_0) == 66, "tq2_0 block");

/* 128 weights, w[i] = d where bit i is set, else -d */
struct fox_q1_0 {
	uint16_t d;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q1_0) == 18, "q1_0 block");

/* 64 weights, w[i] = d * (t[i] - 1), t in 0..3, in bit pairs, rising */
struct fox_q2_0 {
	uint16_t d;
	uint8_t q[16];
};
_Static_assert(sizeof(struct fox_q2_0) == 18, "q2_0 block");

/* The K types: 256 weights in sub-blocks, each with a small scale (and minimum) in units of the block's own.
 * source: ggml-common.h block_q2_K to block_q6_K */

/* 16 sub-blocks of 16, w = d * (scale & 15) * q - dmin * (scale >> 4), q in 0..3 */
struct fox_q2_k {
	uint8_t scales[16]; /* low nibble the scale, high nibble the minimum */
	uint8_t q[64];      /* 128 weights take 32 bytes: weight i is bits 2 (i / 32) of byte i % 32 */
	uint16_t d, dmin;   /* f16 */
};
_Static_assert(sizeof(struct fox_q2_k) == 84, "q2_k block");

/* 16 sub-blocks of 16, w = d * (scale - 32) * q, q in -4..3 */
struct fox_q3_k {
	uint8_t high[32];   /* weight i: bit i / 32 of byte i % 32; a clear bit takes 4 off */
	uint8_t q[64];      /* as in q2_k */
	uint8_t scales[12]; /* 6 bits each: sixteen nibbles, then sixteen pairs */
	uint16_t d;         /* f16 */
};
_Static_assert(sizeof(struct fox_q3_k) == 110, "q3_k block");

/* 8 sub-blocks of 32, w = d * scale * q - dmin * minimum, q in 0..15 */
struct fox_q4_k {
	uint16_t d, dmin;   /* f16 */
	uint8_t scales[12]; /* 6 bits each: eight scales, eight minima */
	uint8_t q[128];     /* 64 weights take 32 bytes: the first 32 the low nibbles, the others the high */
};
_Static_assert(sizeof(struct fox_q4_k) == 144, "q4_k block");

/* As q4_k with q in 0..31 */
struct fox_q5_k {
	uint16_t d, dmin;   /* f16 */
	uint8_t scales[12]; /* as in q4_k */
	uint8_t high[32];   /* weight i: bit i / 32 of byte i % 32 is worth 16 */
	uint8_t q[128];     /* as in q4_k */
};
_Static_assert(sizeof(struct fox_q5_k) == 176, "q5_k block");

/* 16 sub-blocks of 16, w = d * scale * q, q in -32..31 */
struct fox_q6_k {
	uint8_t q[128];    /* 128 weights take 64 bytes: weights 0..63 the low nibbles, 64..127 the high */
	uint8_t high[64];  /* 128 weights take 32 bytes: weight i is bits 2 (i / 32) of byte i % 32, worth 16 each */
	int8_t scales[16]; /* */
	uint16_t d;        /* f16 */
};
_Static_assert(sizeof(struct fox_q6_k) == 210, "q6_k block");

#endif
