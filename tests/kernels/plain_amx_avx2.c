/* plain_amx_avx2.c - kernels/x86/gemm_amx.c over tiles in plain C, under names of its own: so that all of it but the instructions is
 * tested on any machine that has AVX2. What the instructions do is written from Intel SDM volume 2, LDTILECFG, TDPBF16PS; what
 * would fault there ends the program here. */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

#define FOX_TILES_AMX_H /* in place of kernels/x86/tiles_amx.h */

struct tiles_config {
	uint8_t palette, start_row, reserved[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

enum { TILES_ALL = 8, TILE_ROWS = 16, TILE_BYTES = 64 };
static _Thread_local uint8_t tiles[TILES_ALL][TILE_ROWS][TILE_BYTES];
static _Thread_local bool configured;

static void must(bool so)
{
	if (!so)
		abort();
}

static void tiles_configure(const struct tiles_config *config)
{
	must(config->palette == 1 && config->start_row == 0);
	for (size_t i = 0; i < sizeof config->reserved; i++)
		must(config->reserved[i] == 0);
	for (size_t t = 0; t < 16; t++) {
		must(config->row_bytes[t] == (t < TILES_ALL ? TILE_BYTES : 0));
		must(config->rows[t] == (t < TILES_ALL ? TILE_ROWS : 0));
	}
	memset(tiles, 0, sizeof tiles);
	configured = true;
}

static void tiles_release(void)
{
	must(configured);
	configured = false;
}

static void tiles_stored(void)
{
}

static void tile_zero(int t)
{
	must(configured);
	memset(tiles[t], 0, sizeof tiles[t]);
}

static void tile_load(int t, const void *from, size_t step)
{
	must(configured);
	for (size_t r = 0; r < TILE_ROWS; r++)
		memcpy(tiles[t][r], (const uint8_t *)from + r * step, TILE_BYTES);
}

static void tile_store(int t, void *to, size_t step)
{
	must(configured);
	for (size_t r = 0; r < TILE_ROWS; r++)
		memcpy((uint8_t *)to + r * step, tiles[t][r], TILE_BYTES);
}

static float normal_or_zero(float f)
{
	return fabsf(f) < 0x1p-126f ? copysignf(0, f) : f;
}

static float tile_bf16(const uint8_t *at)
{
	uint16_t h;
	memcpy(&h, at, sizeof h);
	uint32_t bits = (uint32_t)h << 16;
	float f;
	memcpy(&f, &bits, sizeof f);
	return normal_or_zero(f);
}

static void tile_dot_bf16(int sum, int a, int b)
{
	must(configured);
	for (size_t m = 0; m < TILE_ROWS; m++)
		for (size_t n = 0; n < TILE_BYTES / 4; n++) {
			float even = 0, odd = 0, s;
			for (size_t k = 0; k < TILE_ROWS; k++) {
				const uint8_t *x = tiles[a][m] + 4 * k, *y = tiles[b][k] + 4 * n;
				even = normal_or_zero(fmaf(tile_bf16(x), tile_bf16(y), even));
				odd = normal_or_zero(fmaf(tile_bf16(x + 2), tile_bf16(y + 2), odd));
			}
			memcpy(&s, tiles[sum][m] + 4 * n, sizeof s);
			s = normal_or_zero(normal_or_zero(s) + normal_or_zero(even + odd));
			memcpy(tiles[sum][m] + 4 * n, &s, sizeof s);
		}
}

#define fox_gemm_fast_amx fox_gemm_fast_plain_avx2
#define fox_gemm_exact_amx fox_gemm_exact_plain_avx2
#include "kernels/x86/gemm_amx.c"
