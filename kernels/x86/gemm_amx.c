/* gemm_amx.c - several rows of activations on tiles: every type in bf16 parts, fast and exact.
 *
 * A number is held as the bf16 nearest to it; in a second part, the bf16 nearest to what that lacks, and in a third: 2^-8 of it is
 * lost at most, 2^-16, 2^-24. bf16 weights are one part, f16 weights two. Of products of parts those are taken whose numbers
 * (0, 1, 2) add up to less than `order`.
 *
 *          weights   activations  order  products  |y - y_real| / S, beside sums
 *   fast   bf16      1            1      1         0
 *          f16: 2    1            2      2         0
 *          f32: 2    1            2      2         2^-16
 *          others: 1 1            1      1         2^-8, the rounded weight; activations lose as much
 *   exact  bf16      3            3      3         2^-24
 *          f16: 2    3            3      5         2 * 2^-24
 *          others: 3 3            3      6         4 * 2^-24
 *
 * Sums cost 2e-6 for one product, more for more: (16 + 1 + products * RUN / DEPTH + n / RUN) 2^-24.
 *
 * A tile of activations is 16 rows of 32, read where they lie; one of weights has two weights of each of 16 rows in a row of its
 * own; one of sums is 16 columns of y by 16 rows of weights, as y lies. Two by two tiles of sums take four loads for four
 * products of 16 x 16 x 32. RUN columns of the panel stay in the first-level cache while activations pass. Exact arithmetic by
 * parts does not have the bits of gemv; so that a row's value does not depend on its company, one row goes this way too
 * (runtime/cpu_matmul.c).  spec/kernels.md 7.1
 *
 * Integer tiles would serve block types: but scales change every 32 weights, so tdpbssd could use half its depth, and 256 sums
 * would have to leave the tile each time, be converted, scaled and added: 16 cycles, and 24 to 32 more. */
#include <assert.h>
#include <string.h>

#include "kernels/gemm_types.h"
#include "kernels/kernels.h"
#ifndef FOX_TILES_AMX_H
#include "kernels/x86/tiles_amx.h"
#endif

#define INLINE static inline __attribute__((always_inline))

/* Rows and columns of a tile of sums; columns of the panel that one product takes; tiles of a block of sums each way. */
enum { TILE = 16, DEPTH = 32, TILES = 2, ROWS = TILE * TILES, COLS = TILE * TILES };
/* A sum is taken over RUN columns of the panel, then added to that of the runs before. Decoders take RUN weights at once. */
enum { RUN = 256, MOST_COLS = 4 * COLS, MOST_PARTS = 3 };

/* Panel: [n / DEPTH, rounded up][parts] of these; columns past n and missing rows are 0. */
struct weights {
	_Alignas(64) uint16_t w[TILES][DEPTH / 2][TILE][2];
};

static size_t panel_bytes_1(size_t n)
{
	return (n + DEPTH - 1) / DEPTH * sizeof(struct weights);
}

static size_t panel_bytes_2(size_t n)
{
	return 2 * panel_bytes_1(n);
}

static size_t panel_bytes_3(size_t n)
{
	return 3 * panel_bytes_1(n);
}

/* ---- pack */

INLINE __m256i halves(const uint16_t *low, const uint16_t *high)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)low);
	return _mm256_inserti128_si256(
	    _mm256_castsi128_si256(a), _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* to[k][0 .. 7] = columns 2k and 2k + 1 of eight rows. Lanes hold four rows each from the start, so nothing crosses them. */
INLINE void transpose(uint16_t (*to)[TILE][2], const uint16_t (*row)[DEPTH])
{
	for (size_t k = 0; k < DEPTH / 2; k += 4, to += 4) {
		__m256i v[4], a, b, c, d;
		for (size_t j = 0; j < 4; j++)
			v[j] = halves(row[j] + 2 * k, row[j + 4] + 2 * k);
		a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
		c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);
		_mm256_store_si256((__m256i *)(void *)to[0], _mm256_unpacklo_epi64(a, c));
		_mm256_store_si256((__m256i *)(void *)to[1], _mm256_unpackhi_epi64(a, c));
		_mm256_store_si256((__m256i *)(void *)to[2], _mm256_unpacklo_epi64(b, d));
		_mm256_store_si256((__m256i *)(void *)to[3], _mm256_unpackhi_epi64(b, d));
	}
}

/* The nearest bf16 of each, ties to even, in the upper half of its lane. NaN stays NaN: 0x7fff is not added to it. */
INLINE __m256i nearest(__m256 x)
{
	__m256i bits = _mm256_castps_si256(x);
	__m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
	__m256i near = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
	__m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
	near = _mm256_blendv_epi8(near, quiet, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
	return _mm256_and_si256(near, _mm256_set1_epi32(-0x10000));
}

/* Upper halves of eight lanes, twice, in their order. */
INLINE void store_upper(uint16_t *to, __m256i a, __m256i b)
{
	__m256i words = _mm256_packus_epi32(_mm256_srli_epi32(a, 16), _mm256_srli_epi32(b, 16));
	_mm256_store_si256((__m256i *)(void *)to, _mm256_permute4x64_epi64(words, 0xd8));
}

/* DEPTH weights of eight rows as parts of a panel's block. */
INLINE void split(struct weights *to, size_t r, const float (*f)[RUN], size_t i, const int parts)
{
	_Alignas(32) uint16_t block[MOST_PARTS][8][DEPTH];
	for (size_t j = 0; j < 8; j++)
		for (size_t k = 0; k < DEPTH; k += 16) {
			__m256 x = _mm256_load_ps(f[j] + i + k), y = _mm256_load_ps(f[j] + i + k + 8);
			for (int part = 0; part < parts; part++) {
				__m256i a = nearest(x), b = nearest(y);
				store_upper(block[part][j] + k, a, b);
				x = _mm256_sub_ps(x, _mm256_castsi256_ps(a)), y = _mm256_sub_ps(y, _mm256_castsi256_ps(b));
			}
		}
	for (int part = 0; part < parts; part++)
		transpose((uint16_t(*)[TILE][2])to[part].w[r / TILE][0][r % TILE], block[part]);
}

INLINE void pack(const struct fox_type_info *type, fox_decode_fn *decode, void *panel, const void *w,
    size_t w_step, size_t rows, size_t n, const int parts)
{
	struct weights *to = panel;
	assert(rows >= 1 && rows <= ROWS && RUN % type->elems == 0);
	for (size_t i = 0, now; i < n; i += now) {
		now = n - i < RUN ? n - i : RUN;
		size_t whole = (now + DEPTH - 1) / DEPTH * DEPTH;
		for (size_t r = 0; r < ROWS; r += 8) {
			_Alignas(32) float f[8][RUN];
			for (size_t j = 0; j < 8; j++) {
				size_t had = r + j < rows ? now : 0;
				if (had)
					decode(f[j], (const uint8_t *)w + (r + j) * w_step + i / type->elems * type->bytes, had);
				memset(f[j] + had, 0, (whole - had) * sizeof f[j][0]);
			}
			for (size_t k = 0; k < whole; k += DEPTH)
				split(to + k / DEPTH * (size_t)parts, r, f, k, parts);
		}
		to += whole / DEPTH * (size_t)parts;
	}
}

/* bf16 weights need only be moved. */
static void pack_moved(void *panel, const void *w, size_t w_step, size_t rows, size_t n)
{
	struct weights *to = panel;
	assert(rows >= 1 && rows <= ROWS);
	for (size_t i = 0, now; i < n; i += now, to++) {
		now = n - i < DEPTH ? n - i : DEPTH;
		for (size_t r = 0; r < ROWS; r += 8) {
			_Alignas(32) uint16_t block[8][DEPTH] = {0};
			for (size_t j = 0; j < 8 && r + j < rows; j++) {
				const uint8_t *from = (const uint8_t *)w + (r + j) * w_step + 2 * i;
				if (now == DEPTH)
					memcpy(block[j], from, sizeof block[j]);
				else
					memcpy(block[j], from, 2 * now);
			}
			transpose((uint16_t(*)[TILE][2])to->w[r / TILE][0][r % TILE], (const uint16_t(*)[DEPTH])block);
		}
	}
}

/* ---- mul */

/* 0 to 3 are sums (column tile times two plus row tile), 4 and 5 activations, 6 and 7 weights. */
static const struct tiles_config whole_tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* Activations: x_parts rows of the same activations are `part` elements apart, activations themselves `step`. */
struct activations {
	const uint16_t *q;
	size_t step, part;
};

/* sum[c] += products of m columns of the panel (a multiple of DEPTH) with 16 activations, or 32 if `two`. Numbers of parts and
 * two are known when this is inlined. */
INLINE void block(float (*sum)[ROWS], const struct weights *w, struct activations x, size_t m,
    const int w_parts, const int x_parts, const int order, const bool two)
{
	_Alignas(64) float out[COLS][ROWS];
	const size_t step = x.step * sizeof *x.q;
	tiles_stored();
	tile_zero(0);
	tile_zero(1);
	if (two) {
		tile_zero(2);
		tile_zero(3);
	}
	for (size_t k = 0; k < m; k += DEPTH)
		for (int i = 0; i < w_parts; i++, w++) {
			tile_load(6, w->w[0], TILE * 4);
			tile_load(7, w->w[1], TILE * 4);
			for (int j = 0; j < x_parts && i + j < order; j++) {
				const uint16_t *q = x.q + (size_t)j * x.part + k;
				tile_load(4, q, step);
				tile_dot_bf16(0, 4, 6);
				tile_dot_bf16(1, 4, 7);
				if (two) {
					tile_load(5, q + TILE * x.step, step);
					tile_dot_bf16(2, 5, 6);
					tile_dot_bf16(3, 5, 7);
				}
			}
		}
	tile_store(0, out[0], sizeof out[0]);
	tile_store(1, out[0] + TILE, sizeof out[0]);
	if (two) {
		tile_store(2, out[TILE], sizeof out[0]);
		tile_store(3, out[TILE] + TILE, sizeof out[0]);
	}
	tiles_stored();
	for (size_t c = 0; c < (two ? COLS : TILE); c++)
		for (size_t r = 0; r < ROWS; r++)
			sum[c][r] += out[c][r];
}

/* The same, of any number of columns of the panel and of activations: missing ones are 0, sums of them are not kept. */
INLINE void run_of(float (*sum)[ROWS], const struct weights *w, struct activations x, size_t m, size_t cols,
    const int w_parts, const int x_parts, const int order)
{
	_Alignas(64) uint16_t copy[MOST_PARTS][COLS][RUN];
	const size_t whole = (m + DEPTH - 1) / DEPTH * DEPTH;
	for (size_t c = 0, now; c < cols; c += now, sum += now, x.q += now * x.step) {
		now = cols - c > TILE ? COLS : TILE;
		struct activations from = x;
		if (whole != m || cols - c < now) {
			for (size_t j = 0; j < (size_t)x_parts; j++)
				for (size_t r = 0; r < now; r++) {
					size_t had = c + r < cols ? m : 0;
					memcpy(copy[j][r], x.q + r * x.step + j * x.part, had * sizeof *x.q);
					memset(copy[j][r] + had, 0, (whole - had) * sizeof *x.q);
				}
			from = (struct activations){copy[0][0], RUN, COLS * RUN};
		}
		if (now == COLS)
			block(sum, w, from, whole, w_parts, x_parts, order, true);
		else
			block(sum, w, from, whole, w_parts, x_parts, order, false);
	}
}

/* Tiles are this thread's only from here to the end: a thread in whose tiles nothing is costs no more to switch. */
INLINE void mul(float *y, size_t y_step, const struct weights *panel, size_t rows, const struct fox_acts *a,
    size_t n, size_t cols, const int w_parts, const int x_parts, const int order)
{
	struct activations x = {a->q, a->step * (size_t)x_parts, a->step};
	assert(rows >= 1 && rows <= ROWS && cols >= 1);
	assert(a->kind == (x_parts == 1 ? FOX_ACTS_BF16 : FOX_ACTS_BF16X3));
	tiles_configure(&whole_tiles);
	for (size_t cs; cols > 0; cols -= cs, y += cs * y_step, x.q += cs * x.step) {
		_Alignas(64) float sum[MOST_COLS][ROWS] = {0};
		const struct weights *w = panel;
		struct activations at = x;
		cs = cols < MOST_COLS ? cols : MOST_COLS;
		for (size_t i = 0; i < n; i += RUN, w += RUN / DEPTH * w_parts, at.q += RUN)
			run_of(sum, w, at, n - i < RUN ? n - i : RUN, cs, w_parts, x_parts, order);
		for (size_t c = 0; c < cs; c++)
			memcpy(y + c * y_step, sum[c], rows * sizeof *y);
	}
	tiles_release();
}

/* mul_WXO: parts of weights, parts of activations, order */
#define MUL(W, X, O)                                                                                         \
	static void mul_##W##X##O(float *y, size_t y_step, const void *panel, size_t rows,                       \
	    const struct fox_acts *a, size_t n, size_t cols)                                                     \
	{                                                                                                        \
		mul(y, y_step, panel, rows, a, n, cols, W, X, O);                                                    \
	}
MUL(1, 1, 1)
MUL(2, 1, 2)
MUL(1, 3, 3)
MUL(2, 3, 3)
MUL(3, 3, 3)

/* pack_PARTS_T */
#define PACK(PARTS, T, TYPE, DECODE)                                                                         \
	static void pack_##PARTS##_##T(void *panel, const void *w, size_t w_step, size_t rows, size_t n)         \
	{                                                                                                        \
		pack(fox_type_info(TYPE), DECODE, panel, w, w_step, rows, n, PARTS);                                 \
	}
#define PACK_WIDE(ID, T)                                                                                     \
	PACK(1, T, FOX_##ID, fox_decode_##T##_avx2)                                                              \
	PACK(3, T, FOX_##ID, fox_decode_##T##_avx2)
#define PACK_PLAIN(ID, T)                                                                                    \
	PACK(1, T, FOX_##ID, fox_decode_##T##_scalar)                                                            \
	PACK(3, T, FOX_##ID, fox_decode_##T##_scalar)
FOX_GEMM_BLOCKS(PACK_WIDE, PACK_PLAIN)
PACK(2, f16, FOX_F16, fox_decode_f16_avx2)
PACK(2, f32, FOX_F32, fox_decode_f32_scalar)
PACK(3, f32, FOX_F32, fox_decode_f32_scalar)

#define LOST_1 0x1p-8f  /* of a number in one part */
#define LOST_2 0x1p-16f /* in two */
#define LOST_3 0x1p-24f /* in three */
#define SUM_1 2e-6f
#define SUM_2 4e-6f
#define SUM_6 6e-6f

#define FAST(ID, T)                                                                                          \
	[FOX_##ID] = {pack_1_##T, mul_111, panel_bytes_1, FOX_ACTS_BF16, ROWS, "amx", LOST_1 + SUM_1},
#define EXACT(ID, T)                                                                                         \
	[FOX_##ID] = {pack_3_##T, mul_333, panel_bytes_3, FOX_ACTS_BF16X3, ROWS, "amx", 4 * LOST_3 + SUM_6},

const struct fox_gemm fox_gemm_fast_amx[FOX_TYPE_LIMIT] = {
    FOX_GEMM_BLOCKS(
        FAST, FAST)[FOX_BF16] = {pack_moved, mul_111, panel_bytes_1, FOX_ACTS_BF16, ROWS, "amx", SUM_1},
    [FOX_F16] = {pack_2_f16, mul_212, panel_bytes_2, FOX_ACTS_BF16, ROWS, "amx", SUM_2},
    [FOX_F32] = {pack_2_f32, mul_212, panel_bytes_2, FOX_ACTS_BF16, ROWS, "amx", LOST_2 + SUM_2},
};

const struct fox_gemm fox_gemm_exact_amx[FOX_TYPE_LIMIT] = {
    FOX_GEMM_BLOCKS(EXACT, EXACT)[FOX_BF16] = {pack_moved, mul_133, panel_bytes_1, FOX_ACTS_BF16X3, ROWS,
        "amx", LOST_3 + SUM_2},
    [FOX_F16] = {pack_2_f16, mul_233, panel_bytes_2, FOX_ACTS_BF16X3, ROWS, "amx", 2 * LOST_3 + SUM_6},
    [FOX_F32] = {pack_3_f32, mul_333, panel_bytes_3, FOX_ACTS_BF16X3, ROWS, "amx", 4 * LOST_3 + SUM_6},
};
