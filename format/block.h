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

#endif
