/* panel_f32.h - panels of weights decoded to f32: what gemm_exact_avx2.c and gemm_f32_avx2.c write, gemm_float_avx512.c reads
 * too. No code. */
#ifndef FOX_PANEL_F32_H
#define FOX_PANEL_F32_H

/* exact: blocks of at most BLOCK columns, each with its rows one after the other. What is left of a row after a multiple of
 * TAIL columns is a block of TAIL columns, filled up with zeros, as fox_dot_f32_avx2 does. */
enum { FOX_EXACT_ROWS = 24, FOX_EXACT_BLOCK = 256, FOX_EXACT_TAIL = 32 };

/* fast: blocks of at most DEEP columns, in each its tiles, in each its columns of TILE rows. A sum is taken over RUN columns
 * of a block, and then added to the output. */
enum {
	FOX_F32_TILE = 16,
	FOX_F32_TILES = 2,
	FOX_F32_ROWS = FOX_F32_TILE * FOX_F32_TILES,
	FOX_F32_DEEP = 256,
	FOX_F32_RUN = 64
};

#endif
