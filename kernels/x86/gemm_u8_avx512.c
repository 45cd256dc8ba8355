/* gemm_u8_avx512.c - several rows of activations, fast, for types of codes: the panels of panel_u8.h under vpdpbusd, which adds
 * four products of unsigned by signed bytes to 32 bits, exact for any codes.
 *
 * A vector is four weights of the 16 rows of a tile. Two tiles by six columns: 12 registers of sums of a group, 12 of sums in
 * f32; eight loads for 12 vpdpbusd. 128 products a cycle where there are two such units, less what ends a group: convert,
 * two multiplications. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/x86/panel_u8.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16") /* or accumulators do not become registers */

enum { COLS = 6 };

/* Columns: the activations from one group of 32 on. */
struct columns {
	const uint8_t *q;
	const float *d;
	size_t q_step, d_step;
};

INLINE __m512i four(const uint8_t *q)
{
	int32_t v;
	memcpy(&v, q, sizeof v);
	return _mm512_set1_epi32(v);
}

/* One group: sum += a * d * (products of `steps` times four weights), and b * d * (sum of activations). `at`: which of the
 * activations' four d goes with b. */
INLINE void group(__m512 sum[FOX_U8_TILES][COLS], const struct fox_u8_codes *w[FOX_U8_TILES],
    const struct fox_u8_scales *s[FOX_U8_TILES], const float *b[FOX_U8_TILES], const struct columns *x,
    int from, int steps, int at, const int C)
{
	__m512i acc[FOX_U8_TILES][COLS];
	UNROLL
	for (int t = 0; t < FOX_U8_TILES; t++) {
		/* less 128 times the sum of codes */
		__m512i minus = _mm512_madd_epi16(_mm512_load_si512(s[t]->minus), _mm512_set1_epi16(128));
		UNROLL
		for (int c = 0; c < C; c++)
			acc[t][c] = minus;
	}
	UNROLL
	for (int i = 0; i < steps; i++) {
		__m512i w0 = _mm512_load_si512(w[0]->code[from + i]), w1 = _mm512_load_si512(w[1]->code[from + i]);
		UNROLL
		for (int c = 0; c < C; c++) {
			__m512i v = four(x->q + (size_t)c * x->q_step + 4 * (size_t)(from + i));
			acc[0][c] = _mm512_dpbusd_epi32(acc[0][c], v, w0);
			acc[1][c] = _mm512_dpbusd_epi32(acc[1][c], v, w1);
		}
	}
	UNROLL
	for (int t = 0; t < FOX_U8_TILES; t++) {
		__m512 a = _mm512_load_ps(s[t]->a);
		UNROLL
		for (int c = 0; c < C; c++) {
			const float *d = x->d + (size_t)c * x->d_step;
			__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[t][c]), _mm512_set1_ps(d[0]));
			sum[t][c] = _mm512_fmadd_ps(v, a, sum[t][c]);
			if (b[t])
				sum[t][c] = _mm512_fmadd_ps(_mm512_set1_ps(d[at]), _mm512_load_ps(b[t]), sum[t][c]);
		}
	}
}

/* A panel on C columns; groups to 32 weights and whether there is b are known when this is inlined. */
INLINE void columns_of(float *y, size_t y_step, const uint8_t *panel, size_t rows, struct columns x, size_t n,
    const int groups, const bool has_b, const int C)
{
	size_t unit = fox_u8_unit((size_t)groups, has_b), tile_bytes = n / 32 * unit;
	__m512 sum[FOX_U8_TILES][COLS];
	UNROLL
	for (int c = 0; c < C; c++)
		sum[0][c] = sum[1][c] = _mm512_setzero_ps();
	for (size_t i = 0; i < n; i += 32, x.q += 32, x.d += 4, panel += unit) {
		UNROLL
		for (int g = 0; g < groups; g++) {
			const struct fox_u8_codes *w[FOX_U8_TILES];
			const struct fox_u8_scales *s[FOX_U8_TILES];
			const float *b[FOX_U8_TILES];
			for (int t = 0; t < FOX_U8_TILES; t++) {
				w[t] = (const void *)(panel + (size_t)t * tile_bytes);
				s[t] = (const struct fox_u8_scales *)(const void *)(w[t] + 1) + g;
				b[t] = has_b ? (const float *)(const void *)(s[t] - g + groups) + g * FOX_U8_TILE : NULL;
			}
			group(sum, w, s, b, &x, g * 8 / groups, 8 / groups, groups == 1 ? 1 : 2 + g, C);
		}
	}
	__mmask16 first = rows >= 16 ? 0xffff : (__mmask16)((1u << rows) - 1);
	__mmask16 last = rows > 16 ? (__mmask16)((1u << (rows - 16)) - 1) : 0;
	UNROLL
	for (int c = 0; c < C; c++) {
		_mm512_mask_storeu_ps(y + (size_t)c * y_step, first, sum[0][c]);
		_mm512_mask_storeu_ps(y + (size_t)c * y_step + (rows > 16 ? 16 : 0), last, sum[1][c]);
	}
}

INLINE void mul(float *y, size_t y_step, const uint8_t *panel, size_t rows, const struct fox_acts *a,
    size_t n, size_t cols, const int groups, const bool has_b)
{
	assert(rows >= 1 && rows <= FOX_U8_ROWS && n % 32 == 0 && a->kind == FOX_ACTS_U8);
	struct columns x = {a->q, a->d, a->step, a->step / 8};
	for (size_t now; cols > 0; cols -= now) {
		now = cols >= COLS ? COLS : cols >= 4 ? 4 : cols >= 2 ? 2 : 1;
		switch (now) {
		case 1:
			columns_of(y, y_step, panel, rows, x, n, groups, has_b, 1);
			break;
		case 2:
			columns_of(y, y_step, panel, rows, x, n, groups, has_b, 2);
			break;
		case 4:
			columns_of(y, y_step, panel, rows, x, n, groups, has_b, 4);
			break;
		default:
			columns_of(y, y_step, panel, rows, x, n, groups, has_b, COLS);
			break;
		}
		y += now * y_step, x.q += now * x.q_step, x.d += now * x.d_step;
	}
}

#define MUL(NAME, GROUPS, HAS_B)                                                                             \
	void fox_panel_mul_##NAME##_avx512(float *y, size_t y_step, const void *panel, size_t rows,              \
	    const struct fox_acts *x, size_t n, size_t cols)                                                     \
	{                                                                                                        \
		mul(y, y_step, panel, rows, x, n, cols, GROUPS, HAS_B);                                              \
	}

MUL(u8_32, 1, false)
MUL(u8_32b, 1, true)
MUL(u8_16, 2, false)
MUL(u8_16b, 2, true)
