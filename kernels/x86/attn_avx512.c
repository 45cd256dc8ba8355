/* attn_avx512.c - attention over one block of the cache with sixteen f32 lanes: a panel's row is one register.
 *
 * Six rows times four panels are 24 sums, with four rows of panels beside them; elements of x are broadcast from memory by the
 * FMA itself. What bounds it is as in attn_avx2.c. */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/x86/lanes16_avx512.h"

enum {
	PANEL = FOX_ATTN_PANEL,
	BLOCK = FOX_ATTN_BLOCK,
	GROUP = 32,
	GROUP_BYTES = 34 * PANEL,
	PAIR_BYTES = 34 * BLOCK
};
enum kind { F32, F16, BF16, Q8_KEYS, Q8_VALUES };
#define AHEAD 2048u /* bytes from where a panel is read to what is fetched */
#define ROW_BYTES(kind) ((kind) == F32 ? 4 * PANEL : (kind) < Q8_KEYS ? 2 * PANEL : PANEL)

LANES16_INLINE __m512 halves(const uint8_t *p)
{
	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

/* The row at p, decoded. scale: of keys with scales; d: of this row of values. */
LANES16_INLINE __m512 row_of(enum kind kind, const uint8_t *p, __m512 scale, const float *d)
{
	switch (kind) {
	case F32:
		return _mm512_loadu_ps(p);
	case F16:
		return halves(p);
	case BF16:
		return _mm512_castsi512_ps(_mm512_slli_epi32(
		    _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p)), 16));
	case Q8_KEYS:
		break;
	case Q8_VALUES:
		scale = _mm512_set1_ps(*d);
		break;
	}
	__m512i q = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
	return _mm512_mul_ps(_mm512_cvtepi32_ps(q), scale);
}

/* Where panel p begins. */
LANES16_INLINE const uint8_t *panel_at(enum kind kind, const uint8_t *b, size_t height, size_t p)
{
	if (kind == Q8_KEYS)
		return b + p * (height / GROUP) * GROUP_BYTES;
	if (kind == Q8_VALUES)
		return b + p / 2 * PAIR_BYTES;
	return b + p * height * ROW_BYTES(kind);
}

struct product {
	float *y;
	const float *keep, *x;
	size_t y_step, x_step, height, first, k;
	const uint8_t *b;
};

/* `rows` rows times `panels` panels from the p-th on; both are constants where this is expanded. */
LANES16_INLINE void tile(const struct product *m, enum kind kind, size_t r0, size_t p0, int rows, int panels)
{
	__m512 sum[6][4];
	const float *x = m->x + r0 * m->x_step;
	float *y = m->y + r0 * m->y_step + p0 * PANEL;
	const size_t x_step = m->x_step, y_step = m->y_step, k = m->k;
	const uint8_t *at[4];
	float d[2][BLOCK] __attribute__((aligned(64)));
	for (int p = 0; p < panels; p++) {
		const uint8_t *panel = panel_at(kind, m->b, m->height, p0 + (size_t)p);
		at[p] = panel + m->first * ROW_BYTES(kind);
		if (kind != Q8_VALUES)
			continue;
		at[p] += 2 * BLOCK + ((p0 + (size_t)p) & 1) * BLOCK * PANEL;
		for (size_t i = 0; i < BLOCK; i += PANEL)
			_mm512_store_ps(d[p / 2] + i, halves(panel + 2 * i));
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++) {
			sum[r][p] = _mm512_setzero_ps();
			if (m->keep)
				sum[r][p] = _mm512_mul_ps(_mm512_set1_ps(m->keep[r0 + (size_t)r]),
				    _mm512_loadu_ps(y + (size_t)r * y_step + p * PANEL));
		}
	}
	const size_t group = kind == Q8_KEYS ? GROUP : k;
	for (size_t from = 0; from < k; from += group) {
		__m512 scale[4];
		for (int p = 0; p < panels; p++) {
			scale[p] = _mm512_setzero_ps();
			if (kind == Q8_KEYS) {
				scale[p] = halves(at[p]);
				at[p] += 2 * PANEL;
			}
		}
		for (size_t i = from; i < from + group; i++) {
			__m512 b[4];
#pragma GCC unroll 4
			for (int p = 0; p < panels; p++) {
				b[p] = row_of(kind, at[p], scale[p], d[p / 2] + m->first + i);
				if (kind != F32)
					_mm_prefetch((const char *)at[p] + AHEAD, _MM_HINT_T0);
				at[p] += ROW_BYTES(kind);
			}
#pragma GCC unroll 6
			for (int r = 0; r < rows; r++) {
				__m512 a = _mm512_set1_ps(x[(size_t)r * x_step + i]);
#pragma GCC unroll 4
				for (int p = 0; p < panels; p++)
					sum[r][p] = _mm512_fmadd_ps(a, b[p], sum[r][p]);
			}
		}
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++)
			_mm512_storeu_ps(y + (size_t)r * y_step + p * PANEL, sum[r][p]);
}

/* All rows of four, two or one panels. */
LANES16_INLINE void all_rows(const struct product *m, enum kind kind, size_t rows, size_t p, int panels)
{
	size_t r = 0;
	for (; r + 6 <= rows; r += 6)
		tile(m, kind, r, p, 6, panels);
	switch (rows - r) {
	case 5:
		tile(m, kind, r, p, 5, panels);
		break;
	case 4:
		tile(m, kind, r, p, 4, panels);
		break;
	case 3:
		tile(m, kind, r, p, 3, panels);
		break;
	case 2:
		tile(m, kind, r, p, 2, panels);
		break;
	case 1:
		tile(m, kind, r, p, 1, panels);
		break;
	}
}

LANES16_INLINE void mul(const struct product *m, enum kind kind, size_t rows, size_t n_panels)
{
	size_t p = 0;
	for (; p + 4 <= n_panels; p += 4)
		all_rows(m, kind, rows, p, 4);
	for (; p + 2 <= n_panels; p += 2)
		all_rows(m, kind, rows, p, 2);
	if (p < n_panels)
		all_rows(m, kind, rows, p, 1);
}

#define MUL(name, kind)                                                                                      \
	void name(float *y, size_t y_step, const float *keep, const float *x, size_t x_step, size_t rows,        \
	    const void *b, size_t height, size_t first, size_t k, size_t n_panels)                               \
	{                                                                                                        \
		const struct product m = {y, keep, x, y_step, x_step, height, first, k, b};                          \
		mul(&m, kind, rows, n_panels);                                                                       \
	}
MUL(fox_attn_mul_f32_avx512, F32)
MUL(fox_attn_mul_f16_avx512, F16)
MUL(fox_attn_mul_bf16_avx512, BF16)
MUL(fox_attn_keys_q8_0_avx512, Q8_KEYS)
MUL(fox_attn_values_q8_0_avx512, Q8_VALUES)

LANES16_INLINE __m512 shaped(__m512 s, const struct fox_attn_shape *shape, uint32_t distance)
{
	s = _mm512_mul_ps(s, _mm512_set1_ps(shape->scale));
	if (shape->cap != 0) {
		const __m512 cap = _mm512_set1_ps(shape->cap);
		s = _mm512_mul_ps(cap, lanes16_tanh(_mm512_div_ps(s, cap)));
	}
	if (shape->slope != 0) {
		const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
		__m512 far = _mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_set1_epi32((int)distance), lane));
		s = _mm512_sub_ps(s, _mm512_mul_ps(_mm512_set1_ps(shape->slope), far));
	}
	return s;
}

/* Lanes past n are -Inf, whose weight is 0. */
float fox_attn_weigh_avx512(
    float *s, size_t n, const struct fox_attn_shape *shape, uint32_t distance, struct fox_attn_seen *seen)
{
	const __m512 none = _mm512_set1_ps(-INFINITY);
	__m512 v[BLOCK / PANEL], vmax = _mm512_set1_ps(seen->max);
	const size_t vectors = (n + PANEL - 1) / PANEL;
	for (size_t i = 0; i < vectors; i++) {
		__mmask16 m = lanes16_first(n - PANEL * i);
		__m512 x = shaped(_mm512_maskz_loadu_ps(m, s + PANEL * i), shape, distance - (uint32_t)(PANEL * i));
		v[i] = _mm512_mask_blend_ps(m, none, x);
		vmax = _mm512_max_ps(v[i], vmax); /* the maximum where a score is NaN */
	}
	float before = seen->max, max = _mm512_reduce_max_ps(vmax), base = max == -INFINITY ? 0 : max;
	const __m512 vbase = _mm512_set1_ps(base);
	__m512 part = _mm512_setzero_ps();
	for (size_t i = 0; i < vectors; i++) {
		__m512 e = lanes16_exp(_mm512_sub_ps(v[i], vbase));
		_mm512_mask_storeu_ps(s + PANEL * i, lanes16_first(n - PANEL * i), e);
		part = _mm512_add_ps(part, e);
	}
	float keep = 1;
	if (before != base) /* it rarely moves */
		keep = _mm512_cvtss_f32(lanes16_exp(_mm512_set1_ps(before - base)));
	seen->sum = seen->sum * (double)keep + (double)lanes16_add(part);
	seen->max = max;
	return keep;
}
