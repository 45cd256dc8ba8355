/* gemm_u8_avx2.c - several rows of activations, fast, for types whose codes have up to six bits: panels of panel_u8.h.
 *
 * 16 rows by six columns in 12 registers of 16-bit sums. Each four weights of 16 rows cost a vpmaddubsw and a vpaddw for every
 * eight rows of a column; with all that ends a group (widen, convert, two multiplications), 240 vector operations for
 * 3072 products: about 50 products a cycle where there are four vector units, against 16 of FMA. */
#include <assert.h>
#include <immintrin.h>

#include "kernels/kernels.h"
#include "kernels/x86/panel_u8.h"

#define INLINE static inline __attribute__((always_inline))

enum { COLS = 6 };

/* Columns: the activations from one group of 32 on. */
struct columns {
	const uint8_t *q;
	const float *d;
	size_t q_step, d_step;
};

INLINE __m256i four(const uint8_t *q)
{
	int32_t v;
	__builtin_memcpy(&v, q, sizeof v);
	return _mm256_set1_epi32(v);
}

/* acc += the products of `steps` times four weights, C columns */
INLINE void add_products(__m256i acc[2][COLS], const struct fox_u8_codes *w, const struct columns *x,
    int from, int steps, const int C)
{
	const uint8_t *q[COLS];
	for (int c = 0; c < C; c++) {
		q[c] = x->q + (size_t)c * x->q_step;
		__asm__("" : "+r"(q[c])); /* one register for all steps */
	}
#pragma GCC unroll 8
	for (int i = from; i < from + steps; i++) {
		__m256i w0 = _mm256_load_si256((const __m256i *)(const void *)w->code[i][0]);
		__m256i w1 = _mm256_load_si256((const __m256i *)(const void *)w->code[i][8]);
		for (int c = 0; c < C; c++) {
			__m256i v = four(q[c] + 4 * i);
			acc[0][c] = _mm256_add_epi16(acc[0][c], _mm256_maddubs_epi16(v, w0));
			acc[1][c] = _mm256_add_epi16(acc[1][c], _mm256_maddubs_epi16(v, w1));
			__asm__ volatile("" : "+x"(acc[0][c]), "+x"(acc[1][c]) : : "memory"); /* one column at a time */
		}
	}
}

/* The sums of a group to f32, scaled: which of the activations' four d goes with b is `at`. */
INLINE void end_group(float sum[COLS][FOX_U8_TILE], __m256i acc[2][COLS], const struct fox_u8_scales *s,
    const float *b, const struct columns *x, int at, const int C)
{
	const __m256i ones = _mm256_set1_epi16(1);
	for (int r = 0; r < 2; r++) {
		__m256 a = _mm256_load_ps(s->a + 8 * r);
		for (int c = 0; c < C; c++) {
			const float *d = x->d + (size_t)c * x->d_step;
			__m256 v = _mm256_cvtepi32_ps(_mm256_madd_epi16(acc[r][c], ones)),
			       *to = (__m256 *)(sum[c] + 8 * r);
			__m256 y = _mm256_fmadd_ps(_mm256_mul_ps(v, _mm256_broadcast_ss(d)), a, *to);
			if (b)
				y = _mm256_fmadd_ps(_mm256_broadcast_ss(d + at), _mm256_load_ps(b + 8 * r), y);
			*to = y;
		}
	}
}

/* A tile of rows on C columns; groups to 32 weights and whether there is b are known when this is inlined. */
INLINE void tile(float sum[COLS][FOX_U8_TILE], const uint8_t *panel, struct columns x, size_t n,
    const int groups, const bool has_b, const int C)
{
	for (int c = 0; c < C; c++)
		for (int r = 0; r < 2; r++)
			_mm256_store_ps(sum[c] + 8 * r, _mm256_setzero_ps());
	for (size_t i = 0; i < n; i += 32, x.q += 32, x.d += 4) {
		const struct fox_u8_codes *w = (const void *)panel;
		const struct fox_u8_scales *s = (const void *)(w + 1);
		const float *b = (const void *)(s + groups);
		panel += fox_u8_unit((size_t)groups, has_b);
		for (int g = 0; g < groups; g++) {
			__m256i acc[2][COLS];
			for (int r = 0; r < 2; r++) {
				__m256i minus = _mm256_load_si256((const __m256i *)(const void *)s[g].minus[8 * r]);
				for (int c = 0; c < C; c++)
					acc[r][c] = _mm256_slli_epi16(minus, 7);
			}
			add_products(acc, w, &x, g * 8 / groups, 8 / groups, C);
			end_group(sum, acc, s + g, has_b ? b + g * FOX_U8_TILE : NULL, &x, groups == 1 ? 1 : 2 + g, C);
		}
	}
}

INLINE void some_columns(float *y, size_t y_step, const uint8_t *panel, size_t rows, struct columns x,
    size_t n, const int groups, const bool has_b, const int C)
{
	size_t tile_bytes = n / 32 * fox_u8_unit((size_t)groups, has_b);
	for (size_t r = 0; r < rows; r += FOX_U8_TILE, panel += tile_bytes, y += FOX_U8_TILE) {
		_Alignas(32) float sum[COLS][FOX_U8_TILE];
		size_t now = rows - r < FOX_U8_TILE ? rows - r : FOX_U8_TILE;
		tile(sum, panel, x, n, groups, has_b, C);
		for (int c = 0; c < C; c++)
			__builtin_memcpy(y + (size_t)c * y_step, sum[c], now * sizeof *y);
	}
}

INLINE void mul(float *y, size_t y_step, const uint8_t *panel, size_t rows, const struct fox_acts *a,
    size_t n, size_t cols, const int groups, const bool has_b)
{
	assert(rows >= 1 && rows <= FOX_U8_ROWS && n % 32 == 0 && a->kind == FOX_ACTS_U8);
	struct columns x = {a->q, a->d, a->step, a->step / 8};
	for (; cols >= COLS; cols -= COLS) {
		some_columns(y, y_step, panel, rows, x, n, groups, has_b, COLS);
		y += COLS * y_step, x.q += COLS * x.q_step, x.d += COLS * x.d_step;
	}
	for (; cols >= 2; cols -= 2) {
		some_columns(y, y_step, panel, rows, x, n, groups, has_b, 2);
		y += 2 * y_step, x.q += 2 * x.q_step, x.d += 2 * x.d_step;
	}
	if (cols == 1)
		some_columns(y, y_step, panel, rows, x, n, groups, has_b, 1);
}

#define MUL(NAME, GROUPS, HAS_B)                                                                             \
	void fox_panel_mul_##NAME##_avx2(float *y, size_t y_step, const void *panel, size_t rows,                \
	    const struct fox_acts *x, size_t n, size_t cols)                                                     \
	{                                                                                                        \
		mul(y, y_step, panel, rows, x, n, cols, GROUPS, HAS_B);                                              \
	}

MUL(u8_32, 1, false)
MUL(u8_32b, 1, true)
MUL(u8_16, 2, false)
MUL(u8_16b, 2, true)
