/* block.h - the bytes of every quantised block; spec/quant.md is the prose. No code. */
#ifndef FOX_BLOCK_H
#define FOX_BLOCK_H

#include "format/base/fox.h"

/* 32 weights, w[i] = d * q[i].  source: ggml-common.h block_q8_0 */
struct fox_q8_0 {
	uint16_t d; /* f16 scale, little-endian */
	int8_t q[32];
};
_Static_assert(sizeof(struct fox_q8_0) == 34, "q8_0 block");

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
