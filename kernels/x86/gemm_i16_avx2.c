/* gemm_i16_avx2.c - several rows of activations, fast, for types whose codes need eight bits: q8_0, iq4_nl, iq4_xs.
 *
 * Codes and activations are widened to 16 bits, so that vpmaddwd takes any of them: 16 products, and a vpaddd. 16 rows by six
 * columns in 12 registers: 32 products a cycle where there are two multipliers. (Splitting codes into nibbles for
 * vpmaddubsw costs as many operations, and more at the end of a group.) */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

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
	for (int c = 0; c < C; c++)
		for (int r = 0; r < 2; r++)
			_mm256_store_ps(sum[c] + 8 * r, _mm256_setzero_ps());
	for (size_t i = 0; i < n; i += 32, x.q += 32, x.d++, u++) {
		__m256i acc[2][COLS];
		const int16_t *q[COLS];
		for (int c = 0; c < C; c++) {
			acc[0][c] = acc[1][c] = _mm256_setzero_si256();
			q[c] = x.q + (size_t)c * x.q_step;
			__asm__("" : "+r"(q[c])); /* one register for all 16 steps */
		}
#pragma GCC unroll 16
		for (int k = 0; k < 16; k++) {
			__m256i w0 = _mm256_load_si256((const __m256i *)(const void *)u->code[k][0]);
			__m256i w1 = _mm256_load_si256((const __m256i *)(const void *)u->code[k][8]);
			for (int c = 0; c < C; c++) {
				__m256i v = two(q[c] + 2 * k);
				acc[0][c] = _mm256_add_epi32(acc[0][c], _mm256_madd_epi16(v, w0));
				acc[1][c] = _mm256_add_epi32(acc[1][c], _mm256_madd_epi16(v, w1));
				/* one column at a time, or registers do not suffice */
				__asm__ volatile("" : "+x"(acc[0][c]), "+x"(acc[1][c]) : : "memory");
			}
		}
		for (int r = 0; r < 2; r++) {
			__m256 a = _mm256_load_ps(u->a + 8 * r);
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
		for (int c = 0; c < C; c++)
			memcpy(y + (size_t)c * y_step, sum[c], now * sizeof *y);
	}
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *a, size_t n, size_t cols)
{
	assert(rows >= 1 && rows <= ROWS && n % 32 == 0 && a->kind == FOX_ACTS_Q16);
	struct columns x = {a->q, a->d, a->step, a->step / 32};
	for (; cols >= COLS; cols -= COLS) {
		some_columns(y, y_step, panel, rows, x, n, COLS);
		y += COLS * y_step, x.q += COLS * x.q_step, x.d += COLS * x.d_step;
	}
	for (; cols >= 2; cols -= 2) {
		some_columns(y, y_step, panel, rows, x, n, 2);
		y += 2 * y_step, x.q += 2 * x.q_step, x.d += 2 * x.d_step;
	}
	if (cols == 1)
		some_columns(y, y_step, panel, rows, x, n, 1);
}

/* ---- panels */

static size_t panel_bytes(size_t n)
{
	return TILES * (n / 32) * sizeof(struct unit);
}

/* The u-th 32 weights of a row as bytes with a sign, and their scale. */
typedef __m256i unpack_fn(float *a, const uint8_t *row, size_t u);

INLINE __m256i unpack_q8_0(float *a, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_q8_0);
	*a = _cvtsh_ss(fox_load16(b));
	return _mm256_loadu_si256((const __m256i *)(const void *)(b + offsetof(struct fox_q8_0, q)));
}

/* 16 bytes of nibbles, low ones first, through the table of values */
INLINE __m256i iq4(const uint8_t *q)
{
	const __m128i value = _mm_loadu_si128((const __m128i *)(const void *)fox_iq4_value);
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)q);
	__m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1);
	return _mm256_shuffle_epi8(
	    _mm256_broadcastsi128_si256(value), _mm256_and_si256(both, _mm256_set1_epi8(15)));
}

INLINE __m256i unpack_iq4_nl(float *a, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_iq4_nl);
	*a = _cvtsh_ss(fox_load16(b));
	return iq4(b + offsetof(struct fox_iq4_nl, q));
}

INLINE __m256i unpack_iq4_xs(float *a, const uint8_t *row, size_t u)
{
	struct fox_iq4_xs b; /* all but its codes */
	size_t g = u % 8, head = offsetof(struct fox_iq4_xs, q);
	row += u / 8 * sizeof b;
	memcpy(&b, row, head);
	int scale = (b.scale_low[g / 2] >> g % 2 * 4 & 15) | (b.scale_high >> 2 * g & 3) << 4;
	*a = _cvtsh_ss(b.d) * (float)(scale - 32);
	return iq4(row + head + 16 * g);
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

INLINE void pack(void *panel, const uint8_t *w, size_t w_step, size_t rows, size_t n, unpack_fn *unpack)
{
	assert(rows >= 1 && rows <= ROWS && n % 32 == 0);
	for (size_t from = 0; from < ROWS; from += 8)
		for (size_t i = 0; i < n / 32; i++) {
			struct unit *u = (struct unit *)panel + from / TILE * (n / 32) + i;
			size_t at = from % TILE;
			__m256i code[8], half[8], column[8];
			for (size_t r = 0; r < 8; r++) {
				u->a[at + r] = 0, code[r] = _mm256_setzero_si256();
				if (from + r < rows)
					code[r] = unpack(&u->a[at + r], w + (from + r) * w_step, i);
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
