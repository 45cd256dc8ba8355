/* attn_avx2.c - attention over one block of the cache with eight f32 lanes.
 *
 * Six rows times a panel of sixteen columns are twelve sums in registers, two of the panel and one of x: twelve FMA a step,
 * which is what bounds it. Where few rows meet a block (decoding), the cache's bytes bound it: then a step has its stored
 * values ready from L1, which prefetches what lies behind them; a head's blocks lie one after the other. */
#include <math.h>

#include "kernels/half.h"
#include "kernels/kernels.h"
#include "kernels/x86/lanes8_avx2.h"

enum {
	PANEL = FOX_ATTN_PANEL,
	BLOCK = FOX_ATTN_BLOCK,
	GROUP = 32,
	GROUP_BYTES = 34 * PANEL,
	PAIR_BYTES = 34 * BLOCK
};
enum kind { F32, F16, BF16, Q8_KEYS, Q8_VALUES };
#define AHEAD 2048u /* bytes from where a panel is read to what is fetched */

struct pair {
	__m256 lo, hi; /* columns 0 to 7, and 8 to 15 */
};

LANES8_INLINE struct pair eight_bit(const uint8_t *q)
{
	const __m128i lo = _mm_loadl_epi64((const __m128i *)(const void *)q);
	const __m128i hi = _mm_loadl_epi64((const __m128i *)(const void *)(q + 8));
	return (struct pair){
	    _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(lo)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(hi))};
}

LANES8_INLINE struct pair halves(const uint8_t *p)
{
	const __m128i *in = (const __m128i *)(const void *)p;
	return (struct pair){_mm256_cvtph_ps(_mm_loadu_si128(in)), _mm256_cvtph_ps(_mm_loadu_si128(in + 1))};
}

LANES8_INLINE __m256 brain(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

/* Where panel p begins. */
LANES8_INLINE const uint8_t *panel_at(enum kind kind, const uint8_t *b, size_t height, size_t p)
{
	switch (kind) {
	case F32:
		return b + p * height * (4 * PANEL);
	case F16:
	case BF16:
		return b + p * height * (2 * PANEL);
	case Q8_KEYS:
		return b + p * (height / GROUP) * GROUP_BYTES;
	case Q8_VALUES:
		break;
	}
	return b + p / 2 * PAIR_BYTES;
}

/* The row at p, decoded. scale: of keys with scales; d: of this row of values. */
LANES8_INLINE struct pair row_of(enum kind kind, const uint8_t *p, struct pair scale, const float *d)
{
	const float *f = (const float *)(const void *)p;
	switch (kind) {
	case F32:
		return (struct pair){_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
	case F16:
		return halves(p);
	case BF16:
		return (struct pair){brain(p), brain(p + 16)};
	case Q8_KEYS:
		break;
	case Q8_VALUES:
		scale.lo = scale.hi = _mm256_broadcast_ss(d);
		break;
	}
	struct pair v = eight_bit(p);
	return (struct pair){_mm256_mul_ps(v.lo, scale.lo), _mm256_mul_ps(v.hi, scale.hi)};
}

#define ROW_BYTES(kind) ((kind) == F32 ? 4 * PANEL : (kind) < Q8_KEYS ? 2 * PANEL : PANEL)

/* The scales of a pair of panels of values. */
LANES8_INLINE void value_scales(float d[BLOCK], const uint8_t *pair)
{
	for (size_t i = 0; i < BLOCK; i += PANEL) {
		struct pair v = halves(pair + 2 * i);
		_mm256_store_ps(d + i, v.lo);
		_mm256_store_ps(d + i + 8, v.hi);
	}
}

/* Row `first` of panel p. */
LANES8_INLINE const uint8_t *start_of(enum kind kind, const uint8_t *panel, size_t p, size_t first)
{
	if (kind == Q8_VALUES)
		return panel + 2 * BLOCK + ((p & 1) * BLOCK + first) * PANEL;
	return panel + first * ROW_BYTES(kind);
}

struct product {
	float *y;
	const float *keep, *x;
	size_t y_step, x_step, height, first, k;
	const uint8_t *b;
};

/* `rows` rows times `panels` panels from the p-th on; both are constants where this is expanded. */
LANES8_INLINE void tile(const struct product *m, enum kind kind, size_t r0, size_t p0, int rows, int panels)
{
	struct pair sum[6][4];
	const float *x = m->x + r0 * m->x_step;
	float *y = m->y + r0 * m->y_step + p0 * PANEL;
	const size_t x_step = m->x_step, y_step = m->y_step, k = m->k;
	const uint8_t *at[4];
	float d[2][BLOCK] __attribute__((aligned(32)));
	for (int p = 0; p < panels; p++) {
		const uint8_t *panel = panel_at(kind, m->b, m->height, p0 + (size_t)p);
		at[p] = start_of(kind, panel, p0 + (size_t)p, m->first);
		if (kind == Q8_VALUES)
			value_scales(d[p / 2], panel);
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++) {
			const float *from = y + (size_t)r * y_step + p * PANEL;
			sum[r][p] = (struct pair){_mm256_setzero_ps(), _mm256_setzero_ps()};
			if (m->keep) {
				__m256 keep = _mm256_set1_ps(m->keep[r0 + (size_t)r]);
				sum[r][p].lo = _mm256_mul_ps(keep, _mm256_loadu_ps(from));
				sum[r][p].hi = _mm256_mul_ps(keep, _mm256_loadu_ps(from + 8));
			}
		}
	}
	const size_t group = kind == Q8_KEYS ? GROUP : k;
	for (size_t from = 0; from < k; from += group) {
		struct pair scale[4];
		for (int p = 0; p < panels; p++) {
			scale[p] = (struct pair){_mm256_setzero_ps(), _mm256_setzero_ps()};
			if (kind == Q8_KEYS) {
				scale[p] = halves(at[p]);
				at[p] += 2 * PANEL;
			}
		}
#pragma GCC unroll 2
		for (size_t i = from; i < from + group; i++) {
			struct pair b[4];
#pragma GCC unroll 4
			for (int p = 0; p < panels; p++) {
				b[p] = row_of(kind, at[p], scale[p], d[p / 2] + m->first + i);
				if (kind != F32)
					_mm_prefetch((const char *)at[p] + AHEAD, _MM_HINT_T0);
				at[p] += ROW_BYTES(kind);
			}
#pragma GCC unroll 6
			for (int r = 0; r < rows; r++) {
				__m256 a = _mm256_broadcast_ss(x + (size_t)r * x_step + i);
#pragma GCC unroll 4
				for (int p = 0; p < panels; p++) {
					sum[r][p].lo = _mm256_fmadd_ps(a, b[p].lo, sum[r][p].lo);
					sum[r][p].hi = _mm256_fmadd_ps(a, b[p].hi, sum[r][p].hi);
				}
			}
		}
	}
#pragma GCC unroll 6
	for (int r = 0; r < rows; r++) {
#pragma GCC unroll 4
		for (int p = 0; p < panels; p++) {
			_mm256_storeu_ps(y + (size_t)r * y_step + p * PANEL, sum[r][p].lo);
			_mm256_storeu_ps(y + (size_t)r * y_step + p * PANEL + 8, sum[r][p].hi);
		}
	}
}

/* Few rows take more panels at once, so that enough sums are under way. */
LANES8_INLINE void mul(const struct product *m, enum kind kind, size_t rows, size_t n_panels)
{
	size_t r, p;
	for (p = 0; p < n_panels; p++) /* the panel stays in L1 while all rows pass */
		for (r = 0; r + 6 <= rows; r += 6)
			tile(m, kind, r, p, 6, 1);
	r = rows / 6 * 6;
	switch (rows - r) {
	case 5:
		for (p = 0; p < n_panels; p++)
			tile(m, kind, r, p, 5, 1);
		break;
	case 4:
		for (p = 0; p < n_panels; p++)
			tile(m, kind, r, p, 4, 1);
		break;
	case 3:
		for (p = 0; p + 2 <= n_panels; p += 2)
			tile(m, kind, r, p, 3, 2);
		for (; p < n_panels; p++)
			tile(m, kind, r, p, 3, 1);
		break;
	case 2:
		for (p = 0; p + 2 <= n_panels; p += 2)
			tile(m, kind, r, p, 2, 2);
		for (; p < n_panels; p++)
			tile(m, kind, r, p, 2, 1);
		break;
	case 1:
		for (p = 0; kind < Q8_KEYS && p + 4 <= n_panels; p += 4)
			tile(m, kind, r, p, 1, 4);
		for (; p + 2 <= n_panels; p += 2)
			tile(m, kind, r, p, 1, 2);
		for (; p < n_panels; p++)
			tile(m, kind, r, p, 1, 1);
		break;
	}
}

#define MUL(name, kind)                                                                                      \
	void name(float *y, size_t y_step, const float *keep, const float *x, size_t x_step, size_t rows,        \
	    const void *b, size_t height, size_t first, size_t k, size_t n_panels)                               \
	{                                                                                                        \
		const struct product m = {y, keep, x, y_step, x_step, height, first, k, b};                          \
		mul(&m, kind, rows, n_panels);                                                                       \
	}
MUL(fox_attn_mul_f32_avx2, F32)
MUL(fox_attn_mul_f16_avx2, F16)
MUL(fox_attn_mul_bf16_avx2, BF16)
MUL(fox_attn_keys_q8_0_avx2, Q8_KEYS)
MUL(fox_attn_values_q8_0_avx2, Q8_VALUES)

void fox_attn_open_keys_q8_0_avx2(float *dst, const void *src, size_t n)
{
	const uint8_t *group = src;
	for (size_t at = 0; at < n; at += GROUP * PANEL, group += GROUP_BYTES) {
		struct pair d = halves(group);
		for (size_t i = 0; i < GROUP; i++) {
			struct pair v = row_of(Q8_KEYS, group + (2 + i) * PANEL, d, NULL);
			_mm256_storeu_ps(dst + at + i * PANEL, v.lo);
			_mm256_storeu_ps(dst + at + i * PANEL + 8, v.hi);
		}
	}
}

void fox_attn_open_values_q8_0_avx2(float *dst, const void *src, size_t n)
{
	const struct pair none = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	float d[BLOCK] __attribute__((aligned(32)));
	for (size_t p = 0; p < n / (BLOCK * PANEL); p++) {
		const uint8_t *pair = panel_at(Q8_VALUES, src, BLOCK, p), *at = start_of(Q8_VALUES, pair, p, 0);
		value_scales(d, pair);
		for (size_t i = 0; i < BLOCK; i++, dst += PANEL) {
			struct pair v = row_of(Q8_VALUES, at + i * PANEL, none, d + i);
			_mm256_storeu_ps(dst, v.lo);
			_mm256_storeu_ps(dst + 8, v.hi);
		}
	}
}

LANES8_INLINE __m256 shaped(__m256 s, const struct fox_attn_shape *shape, uint32_t distance)
{
	s = _mm256_mul_ps(s, _mm256_set1_ps(shape->scale));
	if (shape->cap != 0) {
		const __m256 cap = _mm256_set1_ps(shape->cap);
		s = _mm256_mul_ps(cap, lanes8_tanh(_mm256_div_ps(s, cap)));
	}
	if (shape->slope != 0) {
		const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
		__m256 far = _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_set1_epi32((int)distance), lane));
		s = _mm256_sub_ps(s, _mm256_mul_ps(_mm256_set1_ps(shape->slope), far));
	}
	return s;
}

/* Lanes past n are -Inf, whose weight is 0. vectors is a constant where this is expanded for a whole block. */
LANES8_INLINE float weigh(float *s, size_t vectors, __m256i last, const struct fox_attn_shape *shape,
    uint32_t distance, struct fox_attn_seen *seen)
{
	const __m256 none = _mm256_set1_ps(-INFINITY);
	__m256 v[BLOCK / 8], vmax = _mm256_set1_ps(seen->max);
	for (size_t i = 0; i < vectors; i++) {
		__m256 x = i + 1 < vectors ? _mm256_loadu_ps(s + 8 * i) : _mm256_maskload_ps(s + 8 * i, last);
		v[i] = shaped(x, shape, distance - (uint32_t)(8 * i));
		if (i + 1 == vectors)
			v[i] = _mm256_blendv_ps(none, v[i], _mm256_castsi256_ps(last));
		vmax = _mm256_max_ps(v[i], vmax); /* the maximum where a score is NaN */
	}
	float before = seen->max, max = lanes8_max(vmax), base = max == -INFINITY ? 0 : max;
	const __m256 vbase = _mm256_set1_ps(base);
	__m256 part[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
	for (size_t i = 0; i < vectors; i++) {
		__m256 e = lanes8_exp_below(_mm256_sub_ps(v[i], vbase));
		if (i + 1 < vectors)
			_mm256_storeu_ps(s + 8 * i, e);
		else
			_mm256_maskstore_ps(s + 8 * i, last, e);
		part[i % 2] = _mm256_add_ps(part[i % 2], e);
	}
	float keep = 1;
	if (before != base) /* it rarely moves */
		keep = _mm256_cvtss_f32(lanes8_exp_below(_mm256_set1_ps(before - base)));
	seen->sum = seen->sum * (double)keep + (double)lanes8_add(_mm256_add_ps(part[0], part[1]));
	seen->max = max;
	return keep;
}

float fox_attn_weigh_avx2(
    float *s, size_t n, const struct fox_attn_shape *shape, uint32_t distance, struct fox_attn_seen *seen)
{
	if (n == BLOCK && shape->cap == 0 && shape->slope == 0) {
		const struct fox_attn_shape plain = {shape->scale, 0, 0};
		return weigh(s, BLOCK / 8, _mm256_set1_epi32(-1), &plain, distance, seen);
	}
	return weigh(s, (n + 7) / 8, lanes8_first((n - 1) % 8 + 1), shape, distance, seen);
}
