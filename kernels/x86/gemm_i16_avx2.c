/* gemm_i16_avx2.c - several rows of activations, fast, for types whose codes need eight bits: q8_0, iq4_nl, iq4_xs.
 *
 * Codes and activations are widened to 16 bits, so that vpmaddwd takes any of them: 16 products, and a vpaddd. 16 rows by six
 * columns in 12 registers: 32 products a cycle where there are two multipliers. (Splitting codes into nibbles for
 * vpmaddubsw costs as many operations, and more at the end of a group.) */
#include <assert.h>
#include <string.h>

#include "kernels/x86/unpack_avx2.h"

#define UNROLL _Pragma("GCC unroll 16") /* or accumulators do not become registers */

enum { COLS = 6, TILE = 16, TILES = 2, ROWS = TILE * TILES };

/* 32 weights of each row of a tile, w = a * code; a tile is n / 32 of them, one after the other */
struct unit {
	int16_t code[16][TILE][2]; /* weight 2 i + j of the 32 is code[i][row][j] */
	float a[TILE];
};

/* Columns: the activations from one group of 32 on. */
struct columns {
	const int16_t *q;
	const float *d;
	size_t q_step, d_step;
};

INLINE __m256i two(const int16_t *q)
{
	int32_t v;
	memcpy(&v, q, sizeof v);
	return _mm256_set1_epi32(v);
}

/* A tile of rows on C columns, known when this is inlined. */
INLINE void tile(float sum[COLS][TILE], const struct unit *u, struct columns x, size_t n, const int C)
{
	memset(sum, 0, (size_t)C * sizeof *sum);
	for (size_t i = 0; i < n; i += 32, x.q += 32, x.d++, u++) {
		__m256i acc[2][COLS];
		const int16_t *q[COLS];
		UNROLL
		for (int c = 0; c < C; c++) {
			acc[0][c] = acc[1][c] = _mm256_setzero_si256();
			q[c] = x.q + (size_t)c * x.q_step;
			__asm__("" : "+r"(q[c])); /* one register for all 16 steps */
		}
		UNROLL
		for (int k = 0; k < 16; k++) {
			__m256i w0 = _mm256_load_si256((const __m256i *)(const void *)u->code[k][0]);
			__m256i w1 = _mm256_load_si256((const __m256i *)(const void *)u->code[k][8]);
			UNROLL
			for (int c = 0; c < C; c++) {
				__m256i v = two(q[c] + 2 * k);
				acc[0][c] = _mm256_add_epi32(acc[0][c], _mm256_madd_epi16(v, w0));
				acc[1][c] = _mm256_add_epi32(acc[1][c], _mm256_madd_epi16(v, w1));
				/* one column at a time, or registers do not suffice */
				__asm__ volatile("" : "+x"(acc[0][c]), "+x"(acc[1][c]) : : "memory");
			}
		}
		UNROLL
		for (int r = 0; r < 2; r++) {
			__m256 a = _mm256_load_ps(u->a + 8 * r);
			UNROLL
			for (int c = 0; c < C; c++) {
				__m256 d = _mm256_broadcast_ss(x.d + (size_t)c * x.d_step), *to = (__m256 *)(sum[c] + 8 * r);
				*to = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[r][c]), d), a, *to);
			}
		}
	}
}

INLINE void some_columns(
    float *y, size_t y_step, const struct unit *u, size_t rows, struct columns x, size_t n, const int C)
{
	for (size_t r = 0; r < rows; r += TILE, u += n / 32, y += TILE) {
		_Alignas(32) float sum[COLS][TILE];
		size_t now = rows - r < TILE ? rows - r : TILE;
		tile(sum, u, x, n, C);
		UNROLL
		for (int c = 0; c < C; c++)
			memcpy(y + (size_t)c * y_step, sum[c], now * sizeof *y);
	}
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *a, size_t n, size_t cols)
{
	assert(rows >= 1 && rows <= ROWS && n % 32 == 0 && a->kind == FOX_ACTS_Q16);
	struct columns x = {a->q, a->d, a->step, a->step / 32};
	for (size_t now; cols > 0; cols -= now) {
		now = cols >= COLS ? COLS : cols >= 4 ? 4 : cols >= 2 ? 2 : 1;
		switch (now) {
		case 1:
			some_columns(y, y_step, panel, rows, x, n, 1);
			break;
		case 2:
			some_columns(y, y_step, panel, rows, x, n, 2);
			break;
		case 4:
			some_columns(y, y_step, panel, rows, x, n, 4);
			break;
		default:
			some_columns(y, y_step, panel, rows, x, n, COLS);
			break;
		}
		y += now * y_step, x.q += now * x.q_step, x.d += now * x.d_step;
	}
}

/* ---- panels */

static size_t panel_bytes(size_t n)
{
	return TILES * (n / 32) * sizeof(struct unit);
}

INLINE void pack(void *panel, const uint8_t *w, size_t w_step, size_t rows, size_t n, unpack_fn *unpack)
{
	assert(rows >= 1 && rows <= ROWS && n % 32 == 0);
	for (size_t from = 0; from < ROWS; from += 8)
		for (size_t i = 0; i < n / 32; i++) {
			struct unit *u = (struct unit *)panel + from / TILE * (n / 32) + i;
			size_t at = from % TILE;
			__m256i code[8], half[8], column[8];
			for (size_t r = 0; r < 8; r++) {
				struct scales s = {{0}, {0}};
				code[r] = from + r < rows ? unpack(&s, w + (from + r) * w_step, i) : _mm256_setzero_si256();
				u->a[at + r] = s.a[0];
			}
			for (int h = 0; h < 2; h++) {
				for (int r = 0; r < 8; r++)
					half[r] = _mm256_cvtepi8_epi16(
					    h ? _mm256_extracti128_si256(code[r], 1) : _mm256_castsi256_si128(code[r]));
				transpose(column, half);
				for (int k = 0; k < 8; k++)
					_mm256_store_si256((__m256i *)(void *)u->code[8 * h + k][at], column[k]);
			}
		}
}

#define PACK(T)                                                                                              \
	static void pack_##T(void *panel, const void *w, size_t w_step, size_t rows, size_t n)                   \
	{                                                                                                        \
		pack(panel, w, w_step, rows, n, unpack_##T);                                                         \
	}
PACK(q8_0)
PACK(iq4_nl)
PACK(iq4_xs)

const struct fox_gemm fox_gemm_i16_avx2[FOX_TYPE_LIMIT] = {
    [FOX_Q8_0] = {pack_q8_0, mul, panel_bytes, FOX_ACTS_Q16, ROWS, "avx2"},
    [FOX_IQ4_NL] = {pack_iq4_nl, mul, panel_bytes, FOX_ACTS_Q16, ROWS, "avx2"},
    [FOX_IQ4_XS] = {pack_iq4_xs, mul, panel_bytes, FOX_ACTS_Q16, ROWS, "avx2"},
};
