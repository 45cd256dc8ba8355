/* tiles_amx.h - the tile instructions that kernels use, by number of the tile register. A test supplies the same names in plain
 * C in place of this header, so that the kernels around them are tested on machines without tiles.
 *
 * A tile is 16 rows of 64 bytes. Configured tiles belong to the calling thread until tiles_release.
 * source: Intel SDM volume 2, LDTILECFG, TILELOADD, TDPBF16PS */
#ifndef FOX_TILES_AMX_H
#define FOX_TILES_AMX_H

#include <immintrin.h>
#include <stdint.h>

/* The operand of LDTILECFG: palette 1, all eight tiles whole. */
struct tiles_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

/* Compilers do not know what tile loads read. */
#define tiles_stored() __asm__ volatile("" : : : "memory")

#define tiles_configure(config) _tile_loadconfig(config)
#define tiles_release() _tile_release()
#define tile_zero(t) _tile_zero(t)
#define tile_load(t, from, step) _tile_loadd(t, from, step) /* step: bytes between rows */
#define tile_store(t, to, step) _tile_stored(t, to, step)
/* sum[m][n] += sum over k < 16 of a[m][2k] b[k][2n] + a[m][2k + 1] b[k][2n + 1]; sum f32, a and b bf16. Even and odd products
 * are two chains of FMAs, added, then added to sum; nearest even whatever MXCSR says, subnormal numbers as 0 in and out. */
#define tile_dot_bf16(sum, a, b) _tile_dpbf16ps(sum, a, b)

#endif
