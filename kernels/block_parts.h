/* block_parts.h - what a quantized block says, apart from how it is packed. Private to kernels/. */
#ifndef FOX_BLOCK_PARTS_H
#define FOX_BLOCK_PARTS_H

#include "format/type.h"

/* The fields of a block, whatever its type, as they are stored. */
struct fox_block_parts {
	uint16_t d, min;  /* f16 bits: the scale; dmin of the K types, the minimum of q4_1 and q5_1 */
	uint8_t scale[16]; /* q2_k 0..15, q3_k, iq4_xs, q4_k and q5_k 0..63, q6_k in two's complement */
	uint8_t mins[16]; /* q2_k 0..15, q4_k and q5_k 0..63 */
	uint8_t q[256];   /* q8_0: two's complement */
};

/* Write them as a block. type: q4_0, q4_1, q5_0, q5_1, q8_0, q2_k .. q6_k, iq4_nl, iq4_xs. dst needs no alignment. */
void fox_block_pack(enum fox_type type, void *dst, const struct fox_block_parts *p);

#endif
