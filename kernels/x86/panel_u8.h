/* panel_u8.h - panels of signed codes for multipliers of unsigned by signed bytes. What pack_u8_avx2.c writes is read by
 * gemm_u8_*.c. No code.
 *
 * w = a * code + b, with an a (and b) for 16 or 32 weights. Activations are FOX_ACTS_U8, that is q + 128, so a sum of
 * products is too large by 128 times the sum of its codes, which the panel brings along.
 *
 * vpmaddubsw adds the products of two neighbours to 16 bits, exact while |code| <= 64. A lane of 16 bits then takes up half
 * of a group's products, wrapping as it may, as long as its true sum fits: |sum code * q| <= 16 * 16 * 127 for groups of 32
 * and codes of -16 .. 16, 8 * 32 * 127 for groups of 16 and codes of -32 .. 32. */
#ifndef FOX_PANEL_U8_H
#define FOX_PANEL_U8_H

#include <stddef.h>
#include <stdint.h>

/* Weight rows side by side in a tile, and tiles in a panel, one after the other. */
enum { FOX_U8_TILE = 16, FOX_U8_TILES = 2, FOX_U8_ROWS = FOX_U8_TILE * FOX_U8_TILES };

/* 32 weights of each row of a tile */
struct fox_u8_codes {
	int8_t code[8][FOX_U8_TILE][4]; /* weight 4 i + j of the 32 is code[i][row][j] */
};

/* What a group adds. minus: less the sum of the codes that fall to a 16-bit lane, those with j of 0, 1 and of 2, 3 */
struct fox_u8_scales {
	int16_t minus[FOX_U8_TILE][2];
	float a[FOX_U8_TILE];
};

/* A tile is n / 32 of: struct fox_u8_codes; one (32) or two (16) of struct fox_u8_scales; as many float b[FOX_U8_TILE], if
 * the type has them. */
static inline size_t fox_u8_unit(size_t groups, size_t has_b)
{
	return sizeof(struct fox_u8_codes) +
	       groups * (sizeof(struct fox_u8_scales) + has_b * FOX_U8_TILE * sizeof(float));
}

#endif
