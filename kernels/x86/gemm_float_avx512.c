/* gemm_float_avx512.c - several rows of activations in f32: the panels of gemm_exact_avx2.c and gemm_f32_avx2.c, and their bits,
 * in vectors twice as wide.
 *
 * exact: the 16 partials of an output are one vector; four rows by six columns, ten loads for 24 FMAs.
 * fast: 32 rows are two vectors; by twelve columns, two loads for 24 FMAs whose activations come from memory. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/x86/panel_f32.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16") /* or accumulators do not become registers */

/* ---- exact */

enum { EXACT_COLS = 6, EXACT_PASS = 4 * EXACT_COLS, EXACT_HIGH = 4 };

/* Add m products (a multiple of 16) to the partials of four rows and C columns, known when this is inlined. */
INLINE void exact_tile(__m512 *p, const float *w, const float *x, size_t x_step, size_t m, const int C)
{
	__m512 acc[EXACT_HIGH][EXACT_COLS];
	UNROLL
	for (int r = 0; r < EXACT_HIGH; r++) {
		UNROLL
		for (int c = 0; c < C; c++)
			acc[r][c] = p[c * FOX_EXACT_ROWS + r];
	}
	for (size_t i = 0; i < m; i += 16) {
		__m512 v[EXACT_COLS];
		UNROLL
		for (int c = 0; c < C; c++)
			v[c] = _mm512_loadu_ps(x + (size_t)c * x_step + i);
		UNROLL
		for (int r = 0; r < EXACT_HIGH; r++) {
			__m512 u = _mm512_load_ps(w + (size_t)r * m + i);
			UNROLL
			for (int c = 0; c < C; c++)
				acc[r][c] = _mm512_fmadd_ps(u, v[c], acc[r][c]);
		}
	}
	UNROLL
	for (int r = 0; r < EXACT_HIGH; r++) {
		UNROLL
		for (int c = 0; c < C; c++)
			p[c * FOX_EXACT_ROWS + r] = acc[r][c];
	}
}

static void exact_block(
    __m512 *p, const float *w, const float *x, size_t x_step, size_t m, size_t rows, size_t cols)
{
	for (; cols >= EXACT_COLS; cols -= EXACT_COLS, p += EXACT_COLS * FOX_EXACT_ROWS, x += EXACT_COLS * x_step)
		for (size_t r = 0; r < rows; r += EXACT_HIGH)
			exact_tile(p + r, w + r * m, x, x_step, m, EXACT_COLS);
	for (; cols > 0; cols--, p += FOX_EXACT_ROWS, x += x_step)
		for (size_t r = 0; r < rows; r += EXACT_HIGH)
			exact_tile(p + r, w + r * m, x, x_step, m, 1);
}

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(__m512 p)
{
	__m256 p8 = _mm256_add_ps(_mm512_castps512_ps256(p), _mm512_extractf32x8_ps(p, 1));
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

static void exact_columns(float *y, size_t y_step, const float *panel, size_t rows, const float *x,
    size_t x_step, size_t n, size_t cols)
{
	__m512 p[EXACT_PASS * FOX_EXACT_ROWS];
	size_t whole = n / FOX_EXACT_TAIL * FOX_EXACT_TAIL;
	memset(p, 0, cols * FOX_EXACT_ROWS * sizeof *p);
	for (size_t i = 0, now; i < whole; i += now, panel += FOX_EXACT_ROWS * now) {
		now = whole - i < FOX_EXACT_BLOCK ? whole - i : FOX_EXACT_BLOCK;
		exact_block(p, panel, x + i, x_step, now, rows, cols);
	}
	if (whole < n) {
		float rest[EXACT_PASS * FOX_EXACT_TAIL] = {0};
		for (size_t c = 0; c < cols; c++)
			memcpy(rest + c * FOX_EXACT_TAIL, x + c * x_step + whole, (n - whole) * sizeof *rest);
		exact_block(p, panel, rest, FOX_EXACT_TAIL, FOX_EXACT_TAIL, rows, cols);
	}
	for (size_t c = 0; c < cols; c++)
		for (size_t r = 0; r < rows; r++)
			y[c * y_step + r] = add_pairwise(p[c * FOX_EXACT_ROWS + r]);
}

void fox_panel_mul_exact_avx512(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *x, size_t n, size_t cols)
{
	const float *at = x->q;
	assert(rows >= 1 && rows <= FOX_EXACT_ROWS && cols >= 1);
	for (size_t now; cols > 0; cols -= now, y += now * y_step, at += now * x->step) {
		now = cols < EXACT_PASS ? cols : EXACT_PASS;
		exact_columns(y, y_step, panel, rows, at, x->step, n, now);
	}
}

/* ---- fast */

enum { COLS = 12, PASS = 4 * COLS };

/* sum += m products of both tiles on C columns; the second tile is `apart` floats on. */
INLINE void fast_tile(float (*sum)[FOX_F32_ROWS], const float *w, size_t apart, const float *x, size_t x_step,
    size_t m, const int C)
{
	__m512 acc[2][COLS];
	UNROLL
	for (int c = 0; c < C; c++)
		acc[0][c] = acc[1][c] = _mm512_setzero_ps();
	for (size_t k = 0; k < m; k++) {
		__m512 w0 = _mm512_load_ps(w + k * FOX_F32_TILE), w1 = _mm512_load_ps(w + k * FOX_F32_TILE + apart);
		UNROLL
		for (int c = 0; c < C; c++) {
			__m512 v = _mm512_set1_ps(x[(size_t)c * x_step + k]);
			acc[0][c] = _mm512_fmadd_ps(v, w0, acc[0][c]);
			acc[1][c] = _mm512_fmadd_ps(v, w1, acc[1][c]);
		}
	}
	UNROLL
	for (int c = 0; c < C; c++) {
		float *to = sum[c];
		_mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), acc[0][c]));
		_mm512_store_ps(to + 16, _mm512_add_ps(_mm512_load_ps(to + 16), acc[1][c]));
	}
}

/* Functions of their own, so that each has all registers. */
#define TILE_OF(C)                                                                                           \
	static __attribute__((noinline)) void fast_tile_##C(                                                     \
	    float(*sum)[FOX_F32_ROWS], const float *w, size_t apart, const float *x, size_t x_step, size_t m)    \
	{                                                                                                        \
		fast_tile(sum, w, apart, x, x_step, m, C);                                                           \
	}
TILE_OF(1)
TILE_OF(2)
TILE_OF(4)
TILE_OF(12)

void fox_panel_mul_f32_avx512(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *a, size_t n, size_t cols)
{
	const float *x = a->q;
	assert(rows >= 1 && rows <= FOX_F32_ROWS && cols >= 1 && a->kind == FOX_ACTS_F32);
	for (size_t cs; cols > 0; cols -= cs, y += cs * y_step, x += cs * a->step) {
		_Alignas(64) float sum[PASS][FOX_F32_ROWS] = {0};
		const float *w = panel;
		cs = cols < PASS ? cols : PASS;
		for (size_t i = 0, deep; i < n; i += deep, w += FOX_F32_ROWS * deep) {
			deep = n - i < FOX_F32_DEEP ? n - i : FOX_F32_DEEP;
			for (size_t c = 0, now; c < cs; c += now) {
				size_t left = cs - c;
				now = left >= COLS ? COLS : left >= 4 ? 4 : left >= 2 ? 2 : 1;
				void (*const of)(float(*)[FOX_F32_ROWS], const float *, size_t, const float *, size_t,
				    size_t) = now == 12  ? fast_tile_12
				              : now == 4 ? fast_tile_4
				              : now == 2 ? fast_tile_2
				                         : fast_tile_1;
				for (size_t k = 0; k < deep; k += FOX_F32_RUN)
					of(sum + c, w + k * FOX_F32_TILE, deep * FOX_F32_TILE, x + c * a->step + i + k, a->step,
					    deep - k < FOX_F32_RUN ? deep - k : FOX_F32_RUN);
			}
		}
		for (size_t c = 0; c < cs; c++)
			memcpy(y + c * y_step, sum[c], rows * sizeof *y);
	}
}
