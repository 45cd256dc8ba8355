/* gemm_bf16_avx512bf16.c - several rows of activations, fast, bf16 weights: activations rounded to bf16, vdpbf16ps.
 *
 * A vector is two weights of each of 16 rows. 32 rows by twelve columns: 14 loads for 24 instructions of 32 products each.
 * Where vdpbf16ps starts as often as FMA (Zen 4 and later) that doubles the speed of f32; where it starts half as often
 * (Sapphire Rapids, whose AMX takes over) it halves what is read. It counts subnormal numbers as 0. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16") /* or accumulators do not become registers */

/* A sum is taken over RUN columns of the panel, then added to the output. */
enum { TILE = 16, TILES = 2, ROWS = TILE * TILES, RUN = 128, COLS = 12 };

/* Panel: [n / 2, rounded up][ROWS][2], columns past n are 0. */
static size_t panel_bytes(size_t n)
{
	return (n + 1) / 2 * ROWS * 2 * sizeof(uint16_t);
}

/* out[i] dword r = in[r] dword i */
INLINE void transpose(__m256i out[8], const __m256i in[8])
{
	__m256i t[8], u[8];
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_epi32(in[i], in[i + 1]);
		t[i + 1] = _mm256_unpackhi_epi32(in[i], in[i + 1]);
	}
	for (int i = 0; i < 8; i += 4)
		for (int j = 0; j < 2; j++) {
			u[i + 2 * j] = _mm256_unpacklo_epi64(t[i + j], t[i + j + 2]);
			u[i + 2 * j + 1] = _mm256_unpackhi_epi64(t[i + j], t[i + j + 2]);
		}
	for (int i = 0; i < 4; i++) {
		out[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
		out[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
	}
}

static void pack(void *panel, const void *weights, size_t w_step, size_t rows, size_t n)
{
	uint16_t(*to)[ROWS][2] = panel;
	assert(rows >= 1 && rows <= ROWS);
	for (size_t i = 0; i < n; i += 16) {
		size_t now = n - i < 16 ? n - i : 16;
		__mmask16 some = (__mmask16)((1u << now) - 1);
		for (size_t r = 0; r < ROWS; r += 8) {
			__m256i row[8], column[8];
			for (size_t j = 0; j < 8; j++) {
				const uint8_t *w = (const uint8_t *)weights + (r + j) * w_step + 2 * i;
				row[j] = r + j < rows ? _mm256_maskz_loadu_epi16(some, w) : _mm256_setzero_si256();
			}
			transpose(column, row);
			for (size_t k = 0; k < (now + 1) / 2; k++)
				_mm256_store_si256((__m256i *)(void *)to[i / 2 + k][r], column[k]);
		}
	}
}

/* The first of two neighbours, or both, for every row. */
INLINE __m512bh both(const uint16_t *q)
{
	int32_t v;
	memcpy(&v, q, sizeof v);
	return (__m512bh)_mm512_set1_epi32(v);
}

INLINE __m512bh first(const uint16_t *q)
{
	return (__m512bh)_mm512_set1_epi32(*q);
}

/* y = the products of n columns of the panel with C rows of activations, known when this is inlined. */
INLINE void columns_of(float *y, size_t y_step, const uint16_t (*w)[ROWS][2], size_t rows, const uint16_t *x,
    size_t x_step, size_t n, const int C)
{
	__m512 sum[2][COLS];
	UNROLL
	for (int c = 0; c < C; c++)
		sum[0][c] = sum[1][c] = _mm512_setzero_ps();
	for (size_t i = 0, now; i < n; i += now, w += RUN / 2, x += RUN) {
		__m512 acc[2][COLS];
		now = n - i < RUN ? n - i : RUN;
		UNROLL
		for (int c = 0; c < C; c++)
			acc[0][c] = acc[1][c] = _mm512_setzero_ps();
		for (size_t k = 0; k < now / 2; k++) {
			__m512bh w0 = (__m512bh)_mm512_load_si512(w[k][0]), w1 = (__m512bh)_mm512_load_si512(w[k][TILE]);
			UNROLL
			for (int c = 0; c < C; c++) {
				__m512bh v = both(x + (size_t)c * x_step + 2 * k);
				acc[0][c] = _mm512_dpbf16_ps(acc[0][c], v, w0);
				acc[1][c] = _mm512_dpbf16_ps(acc[1][c], v, w1);
			}
		}
		if (now % 2 == 1) {
			size_t k = now / 2;
			__m512bh w0 = (__m512bh)_mm512_load_si512(w[k][0]), w1 = (__m512bh)_mm512_load_si512(w[k][TILE]);
			UNROLL
			for (int c = 0; c < C; c++) {
				__m512bh v = first(x + (size_t)c * x_step + 2 * k);
				acc[0][c] = _mm512_dpbf16_ps(acc[0][c], v, w0);
				acc[1][c] = _mm512_dpbf16_ps(acc[1][c], v, w1);
			}
		}
		UNROLL
		for (int c = 0; c < C; c++) {
			sum[0][c] = _mm512_add_ps(sum[0][c], acc[0][c]);
			sum[1][c] = _mm512_add_ps(sum[1][c], acc[1][c]);
		}
	}
	__mmask16 low = rows >= TILE ? 0xffff : (__mmask16)((1u << rows) - 1);
	__mmask16 high = rows > TILE ? (__mmask16)((1u << (rows - TILE)) - 1) : 0;
	UNROLL
	for (int c = 0; c < C; c++) {
		_mm512_mask_storeu_ps(y + (size_t)c * y_step, low, sum[0][c]);
		_mm512_mask_storeu_ps(y + (size_t)c * y_step + (rows > TILE ? TILE : 0), high, sum[1][c]);
	}
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *a, size_t n, size_t cols)
{
	const uint16_t *x = a->q;
	assert(rows >= 1 && rows <= ROWS && cols >= 1 && a->kind == FOX_ACTS_BF16);
	for (size_t now; cols > 0; cols -= now, y += now * y_step, x += now * a->step) {
		now = cols >= COLS ? COLS : cols >= 4 ? 4 : cols >= 2 ? 2 : 1;
		switch (now) {
		case 1:
			columns_of(y, y_step, panel, rows, x, a->step, n, 1);
			break;
		case 2:
			columns_of(y, y_step, panel, rows, x, a->step, n, 2);
			break;
		case 4:
			columns_of(y, y_step, panel, rows, x, a->step, n, 4);
			break;
		default:
			columns_of(y, y_step, panel, rows, x, a->step, n, COLS);
			break;
		}
	}
}

const struct fox_gemm fox_gemm_bf16_avx512bf16[FOX_TYPE_LIMIT] = {
    [FOX_BF16] = {pack, mul, panel_bytes, FOX_ACTS_BF16, ROWS, "avx512bf16"},
};
