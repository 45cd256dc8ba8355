/* gemm_f32_avx2.c - several rows of activations, fast, for types without a better way: weights decoded to f32, 16 rows by six
 * columns at a time.
 *
 * Rows lie side by side in vectors, so a product needs a sixth of a load for its weight and half of one for its activation,
 * and a sum is one lane; that beats the exact kernel, whose 16 partials an output leave no room to reuse what was loaded. The
 * bound is FMA, 16 products a cycle where there are two such units. Of DEEP columns of the panel the weights stay in the
 * first-level cache while activations pass; sums are taken over RUN of them and then added up, so that roundings stay few. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_types.h"
#include "kernels/kernels.h"
#include "kernels/x86/panel_f32.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16") /* or accumulators do not become registers */

enum {
	TILE = FOX_F32_TILE,
	TILES = FOX_F32_TILES,
	ROWS = FOX_F32_ROWS,
	DEEP = FOX_F32_DEEP,
	RUN = FOX_F32_RUN,
	COLS = 6,
	MOST_COLS = 8 * COLS
};

static size_t panel_bytes(size_t n)
{
	return ROWS * n * sizeof(float);
}

/* out[i][0 .. 7] = column i of eight rows of eight, `step` floats apart */
INLINE void transpose(float *out, const float *in)
{
	__m256 t[8], u[8];
	for (int i = 0; i < 8; i += 2) {
		__m256 a = _mm256_load_ps(in + (ptrdiff_t)i * DEEP),
		       b = _mm256_load_ps(in + (ptrdiff_t)(i + 1) * DEEP);
		t[i] = _mm256_unpacklo_ps(a, b);
		t[i + 1] = _mm256_unpackhi_ps(a, b);
	}
	for (int i = 0; i < 8; i += 4)
		for (int j = 0; j < 2; j++) {
			u[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
			u[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
		}
	for (int i = 0; i < 4; i++) {
		_mm256_store_ps(out + i * TILE, _mm256_permute2f128_ps(u[i], u[i + 4], 0x20));
		_mm256_store_ps(out + (i + 4) * TILE, _mm256_permute2f128_ps(u[i], u[i + 4], 0x31));
	}
}

/* To the panel that panel_f32.h describes. */
static void pack(const struct fox_type_info *type, fox_decode_fn *decode, float *panel, const uint8_t *w,
    size_t w_step, size_t rows, size_t n)
{
	_Alignas(32) float block[8][DEEP];
	assert(rows >= 1 && rows <= ROWS && DEEP % type->elems == 0);
	for (size_t i = 0, now; i < n; i += now, panel += ROWS * now) {
		now = n - i < DEEP ? n - i : DEEP;
		for (size_t r = 0; r < ROWS; r += 8) {
			float *to = panel + r / TILE * TILE * now + r % TILE;
			for (size_t j = 0; j < 8; j++)
				if (r + j < rows)
					decode(block[j], w + (r + j) * w_step + i / type->elems * type->bytes, now);
				else
					memset(block[j], 0, now * sizeof(float));
			size_t k = 0;
			for (; k + 8 <= now; k += 8)
				transpose(to + k * TILE, &block[0][k]);
			for (; k < now; k++)
				for (size_t j = 0; j < 8; j++)
					to[k * TILE + j] = block[j][k];
		}
	}
}

/* sum += m products of a tile of rows on C columns, known when this is inlined. */
INLINE void tile(float (*sum)[TILE], const float *w, const float *x, size_t x_step, size_t m, const int C)
{
	__m256 acc[2][COLS];
	const float *q[COLS];
	UNROLL
	for (int c = 0; c < C; c++) {
		acc[0][c] = acc[1][c] = _mm256_setzero_ps();
		q[c] = x + (size_t)c * x_step;
		__asm__("" : "+r"(q[c])); /* one register for all steps */
	}
#pragma GCC unroll 2
	for (size_t k = 0; k < m; k++) {
		__m256 w0 = _mm256_load_ps(w + k * TILE), w1 = _mm256_load_ps(w + k * TILE + 8);
		UNROLL
		for (int c = 0; c < C; c++) {
			__m256 v = _mm256_broadcast_ss(q[c] + k);
			acc[0][c] = _mm256_fmadd_ps(v, w0, acc[0][c]);
			acc[1][c] = _mm256_fmadd_ps(v, w1, acc[1][c]);
			/* one column at a time, or registers do not suffice */
			__asm__ volatile("" : "+x"(acc[0][c]), "+x"(acc[1][c]) : : "memory");
		}
	}
	UNROLL
	for (int c = 0; c < C; c++) {
		float *to = sum[c];
		_mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), acc[0][c]));
		_mm256_store_ps(to + 8, _mm256_add_ps(_mm256_load_ps(to + 8), acc[1][c]));
	}
}

/* Functions of their own, so that each has all registers. */
#define TILE_OF(C)                                                                                           \
	static __attribute__((noinline)) void tile_##C(                                                          \
	    float(*sum)[TILE], const float *w, const float *x, size_t x_step, size_t m)                          \
	{                                                                                                        \
		tile(sum, w, x, x_step, m, C);                                                                       \
	}
TILE_OF(1)
TILE_OF(2)
TILE_OF(4)
TILE_OF(6)

static void some_columns(
    float (*sum)[TILE], const float *w, const float *x, size_t x_step, size_t m, size_t cols)
{
	for (size_t now; cols > 0; cols -= now, sum += now, x += now * x_step) {
		now = cols >= COLS ? COLS : cols >= 4 ? 4 : cols >= 2 ? 2 : 1;
		void (*const of)(float(*)[TILE], const float *, const float *, size_t, size_t) = now == 6   ? tile_6
		                                                                                 : now == 4 ? tile_4
		                                                                                 : now == 2 ? tile_2
		                                                                                            : tile_1;
		for (size_t i = 0; i < m; i += RUN)
			of(sum, w + i * TILE, x + i, x_step, m - i < RUN ? m - i : RUN);
	}
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *a, size_t n, size_t cols)
{
	const float *x = a->q;
	assert(rows >= 1 && rows <= ROWS && cols >= 1 && a->kind == FOX_ACTS_F32);
	for (size_t cs; cols > 0; cols -= cs, y += cs * y_step, x += cs * a->step) {
		_Alignas(32) float sum[TILES][MOST_COLS][TILE] = {0};
		const float *w = panel;
		cs = cols < MOST_COLS ? cols : MOST_COLS;
		for (size_t i = 0, now; i < n; i += now, w += ROWS * now) {
			now = n - i < DEEP ? n - i : DEEP;
			for (size_t t = 0; t * TILE < rows; t++)
				some_columns(sum[t], w + t * TILE * now, x + i, a->step, now, cs);
		}
		for (size_t c = 0; c < cs; c++)
			for (size_t r = 0; r < rows; r++)
				y[c * y_step + r] = sum[r / TILE][c][r % TILE];
	}
}

#define PACK(ID, T, ISA)                                                                                     \
	static void pack_##T(void *panel, const void *w, size_t w_step, size_t rows, size_t n)                   \
	{                                                                                                        \
		pack(fox_type_info(FOX_##ID), fox_decode_##T##_##ISA, panel, w, w_step, rows, n);                    \
	}
#define PACK_WIDE(ID, T) PACK(ID, T, avx2)
#define PACK_PLAIN(ID, T) PACK(ID, T, scalar)
#define ENTRY(ID, T) [FOX_##ID] = {pack_##T, mul, panel_bytes, FOX_ACTS_F32, ROWS, "avx2"},

FOX_GEMM_TYPES(PACK_WIDE, PACK_PLAIN)

const struct fox_gemm fox_gemm_f32_avx2[FOX_TYPE_LIMIT] = {FOX_GEMM_TYPES(ENTRY, ENTRY)};
