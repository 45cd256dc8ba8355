/* gemm_exact_avx2.c - several rows of activations, exact: weight rows decoded to f32, three of them on two columns at a time.
 *
 * The order of fox_dot_fn keeps 16 partials, two vectors, for each output; 3 x 2 outputs take 12 registers, and for their 12
 * FMAs there are 10 loads. So FMA is the bound (16 products a cycle where there are two such units), if what is loaded
 * lies in the first-level cache: weights are taken in blocks of BLOCK columns of the panel, which stay there while all
 * columns pass; partials wait in memory meanwhile. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_types.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* TAIL: what is left of a row is filled up with zeros to as many, as fox_dot_f32_avx2 does. */
enum { ROWS = 12, BLOCK = 512, COLS = 24, TAIL = 32 };

/* The 16 partials of an output. */
struct partials {
	__m256 lo, hi;
};

static size_t panel_bytes(size_t n)
{
	return ROWS * ((n + TAIL - 1) / TAIL * TAIL) * sizeof(float);
}

/* The panel: blocks of at most BLOCK columns, each with its rows one after the other. */
static void pack(const struct fox_type_info *type, fox_decode_fn *decode, float *panel, const uint8_t *w,
    size_t w_step, size_t rows, size_t n)
{
	assert(rows >= 1 && rows <= ROWS && BLOCK % type->elems == 0);
	for (size_t i = 0, now; i < n; i += now) {
		now = n - i < BLOCK ? n - i : BLOCK;
		size_t whole = now / TAIL * TAIL;
		for (size_t r = 0; r < ROWS; r++) {
			const uint8_t *from = w + r * w_step + i / type->elems * type->bytes;
			if (r >= rows)
				memset(panel + r * whole, 0, whole * sizeof *panel);
			else if (whole)
				decode(panel + r * whole, from, whole);
		}
		panel += ROWS * whole;
		if (whole == now)
			continue;
		memset(panel, 0, ROWS * TAIL * sizeof *panel);
		for (size_t r = 0; r < rows; r++) /* of a type of single weights */
			decode(panel + r * TAIL, w + r * w_step + (i + whole) * type->bytes, now - whole);
	}
}

/* Eight products of each output. */
INLINE void add_half(
    __m256 acc[3][2], const float *w, const float *x, size_t x_step, size_t m, const size_t R, const size_t C)
{
	__m256 v[2];
	for (size_t c = 0; c < C; c++)
		v[c] = _mm256_loadu_ps(x + c * x_step);
	for (size_t r = 0; r < R; r++) {
		__m256 u = _mm256_load_ps(w + r * m);
		__asm__("" : "+x"(u)); /* loaded once, not once for each FMA */
		for (size_t c = 0; c < C; c++)
			acc[r][c] = _mm256_fmadd_ps(u, v[c], acc[r][c]);
	}
}

/* Add m products (a multiple of 16) to the partials of R rows and C columns, known when this is inlined. */
INLINE void tile(struct partials *p, const float *w, const float *x, size_t x_step, size_t m, const size_t R,
    const size_t C)
{
	__m256 lo[3][2], hi[3][2];
	for (size_t c = 0; c < C; c++)
		for (size_t r = 0; r < R; r++)
			lo[r][c] = p[c * ROWS + r].lo, hi[r][c] = p[c * ROWS + r].hi;
	for (size_t i = 0; i < m; i += 16) {
		add_half(lo, w + i, x + i, x_step, m, R, C);
		add_half(hi, w + i + 8, x + i + 8, x_step, m, R, C);
	}
	for (size_t c = 0; c < C; c++)
		for (size_t r = 0; r < R; r++)
			p[c * ROWS + r].lo = lo[r][c], p[c * ROWS + r].hi = hi[r][c];
}

static void add_block(
    struct partials *p, const float *w, const float *x, size_t x_step, size_t m, size_t rows, size_t cols)
{
	for (; cols >= 2; cols -= 2, p += 2 * ROWS, x += 2 * x_step)
		for (size_t r = 0; r < rows; r += 3)
			tile(p + r, w + r * m, x, x_step, m, 3, 2);
	if (cols == 1)
		for (size_t r = 0; r < rows; r += 3)
			tile(p + r, w + r * m, x, x_step, m, 3, 1);
}

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(struct partials p)
{
	__m256 p8 = _mm256_add_ps(p.lo, p.hi);
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

static void mul_columns(float *y, size_t y_step, const float *panel, size_t rows, const float *x,
    size_t x_step, size_t n, size_t cols)
{
	struct partials p[COLS * ROWS];
	size_t whole = n / TAIL * TAIL;
	memset(p, 0, cols * ROWS * sizeof *p);
	for (size_t i = 0, now; i < whole; i += now, panel += ROWS * now) {
		now = whole - i < BLOCK ? whole - i : BLOCK;
		add_block(p, panel, x + i, x_step, now, rows, cols);
	}
	if (whole < n) {
		float rest[COLS * TAIL] = {0};
		for (size_t c = 0; c < cols; c++)
			memcpy(rest + c * TAIL, x + c * x_step + whole, (n - whole) * sizeof *rest);
		add_block(p, panel, rest, TAIL, TAIL, rows, cols);
	}
	for (size_t c = 0; c < cols; c++)
		for (size_t r = 0; r < rows; r++)
			y[c * y_step + r] = add_pairwise(p[c * ROWS + r]);
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *x, size_t n, size_t cols)
{
	const float *at = x->q;
	assert(rows >= 1 && rows <= ROWS && cols >= 1);
	for (size_t now; cols > 0; cols -= now, y += now * y_step, at += now * x->step) {
		now = cols < COLS ? cols : COLS;
		mul_columns(y, y_step, panel, rows, at, x->step, n, now);
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

const struct fox_gemm fox_gemm_exact_avx2[FOX_TYPE_LIMIT] = {FOX_GEMM_TYPES(ENTRY, ENTRY)};
