#include "kernels/quant.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/search.h"

#define F32_INF 0x7f800000u

enum { CHUNK = 2048 }; /* elements: source and result stay in the first-level cache between the two passes */

/* The magnitudes, as f32 bits, at which a type's range ends. Between them nothing is lost. */
struct limits {
	uint32_t to_zero; /* largest that becomes 0: half the smallest subnormal, a tie that goes to even */
	uint32_t to_inf;  /* smallest that becomes Inf: half a step above the largest finite value */
};

static struct limits limits_of(enum fox_type type)
{
	switch (type) {
	case FOX_F16:
		return (struct limits){0x33000000, 0x477ff000}; /* 2^-25, 65520 */
	case FOX_BF16:
		return (struct limits){0x00008000, 0x7f7f8000}; /* 2^-134, 2^128 - 2^119 */
	default:
		return (struct limits){0, F32_INF};
	}
}

/* Branch-free, so that the compiler makes vectors of it. n <= CHUNK, so 32 bits hold each count. */
static void count(const float *src, size_t n, struct limits lim, struct fox_cast_report *r)
{
	uint32_t nan = 0, special = 0, above = 0, below = 0, zero = 0;
	for (size_t i = 0; i < n; i++) {
		int32_t abs = (int32_t)(fox_f32_bits(src[i]) & 0x7fffffff);
		nan += abs > (int32_t)F32_INF;
		special += abs >= (int32_t)F32_INF;
		above += abs >= (int32_t)lim.to_inf;
		below += abs <= (int32_t)lim.to_zero;
		zero += abs == 0;
	}
	r->n_nan += nan;
	r->n_inf += special - nan;
	r->n_overflow += above - special;
	r->n_underflow += below - zero;
}

/* Values of a type that share one scale. */
static size_t scale_elems(enum fox_type type)
{
	return type == FOX_NVFP4 ? 16 : fox_type_info(type)->elems;
}

static bool all_zero(const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] != 0)
			return false;
	return true;
}

/* back: the chunk decoded. special: something in it or its source is not finite, so that every value is looked at. */
static void count_blocks(
    const float *src, const float *back, size_t n, size_t unit, bool special, struct fox_cast_report *r)
{
	for (size_t i = 0; i < n; i += unit)
		if (back[i] == 0 && all_zero(back + i, unit))
			count(src + i, unit, (struct limits){F32_INF - 1, F32_INF}, r);
		else if (special)
			count(src + i, unit, (struct limits){0, F32_INF}, r);
	for (size_t i = 0; special && i < n; i++)
		r->n_overflow += isfinite(src[i]) && !isfinite(back[i]);
}

static void decode_and_count(const struct fox_kernels *k, enum fox_type type, const uint8_t *out,
    const float *src, size_t n, struct fox_cast_report *r, struct fox_cast_error *e)
{
	bool is_block = fox_type_info(type)->elems > 1;
	struct limits lim = limits_of(type);
	struct fox_cast_error unused = {0};
	float back[CHUNK];
	uint32_t lo, hi;
	if (r && !is_block) { /* most chunks lose nothing, which their extremes tell in one quick pass */
		k->range(src, n, &lo, &hi);
		if (lo <= lim.to_zero || hi >= lim.to_inf)
			count(src, n, lim, r);
	}
	if (!e && (!r || !is_block))
		return;
	e = e ? e : &unused;
	uint64_t before = e->n;
	k->decode[type](back, out, n);
	k->error(src, back, n, e);
	if (r && is_block)
		count_blocks(src, back, n, scale_elems(type), e->n - before < n, r);
}

/* Account for n values, a chunk at a time. */
static void account(enum fox_type type, const uint8_t *out, const float *src, size_t n,
    struct fox_cast_report *report, struct fox_cast_error *error)
{
	const struct fox_type_info *info = fox_type_info(type);
	for (size_t step; n > 0; n -= step, src += step, out += step / info->elems * info->bytes) {
		step = n < CHUNK ? n : CHUNK;
		decode_and_count(fox_kernels(), type, out, src, step, report, error);
	}
}

/* Encode plainly and account while the chunk is at hand. */
static void cast_span(enum fox_type type, uint8_t *out, const float *src, size_t n,
    struct fox_cast_report *report, struct fox_cast_error *error)
{
	const struct fox_kernels *k = fox_kernels();
	const struct fox_type_info *info = fox_type_info(type);
	assert(info && k->encode[type] && n % info->elems == 0);
	for (size_t step; n > 0; n -= step, src += step, out += step / info->elems * info->bytes) {
		step = n < CHUNK ? n : CHUNK;
		k->encode[type](out, src, step);
		decode_and_count(k, type, out, src, step, report, error);
	}
}

void fox_cast(enum fox_type type, void *dst, const float *src, size_t n, struct fox_cast_report *report)
{
	cast_span(type, dst, src, n, report, NULL);
}

void fox_cast_rows(enum fox_type type, void *dst, const float *src, size_t n_rows, size_t cols,
    const struct fox_cast_how *how, struct fox_cast_report *report, struct fox_cast_error *error)
{
	static const struct fox_cast_how plainly;
	const struct fox_kernels *k = fox_kernels();
	const struct fox_type_info *info = fox_type_info(type);
	assert(info && cols % info->elems == 0);
	how = how ? how : &plainly;
	size_t row_bytes = cols / info->elems * info->bytes;
	bool search = (how->wide || how->factor) && fox_search_has(type);
	bool fed = search && how->factor && fox_all_finite(src, n_rows * cols);
	if (fed)
		fox_search_feedback(type, dst, src, n_rows, cols, how->factor, how->work);
	for (size_t row = 0; row < n_rows; row++) {
		uint8_t *out = (uint8_t *)dst + row * row_bytes;
		const float *x = src + row * cols;
		struct fox_cast_error *e = error ? error + row : NULL;
		if (e)
			*e = (struct fox_cast_error){0};
		if (search && !fed)
			fox_search_wide(type, out, x, how->importance, cols);
		else if (!search && how->importance && k->encode_weighted[type])
			k->encode_weighted[type](out, x, how->importance, cols);
		else if (!search) {
			cast_span(type, out, x, cols, report, e);
			continue;
		}
		account(type, out, x, cols, report, e);
	}
}

void fox_cast_error_add(struct fox_cast_error *sum, const struct fox_cast_error *rows, size_t n_rows)
{
	for (size_t row = 0; row < n_rows; row++) {
		sum->sum_square_error += rows[row].sum_square_error;
		sum->sum_square += rows[row].sum_square;
		if (rows[row].max_abs_error > sum->max_abs_error)
			sum->max_abs_error = rows[row].max_abs_error;
		sum->n += rows[row].n;
	}
}

bool fox_cast_is_exact(enum fox_type type, const float *src, size_t n)
{
	assert(type == FOX_F32 || type == FOX_F16 || type == FOX_BF16);
	if (type == FOX_F32)
		return true;
	const struct fox_kernels *k = fox_kernels();
	uint16_t narrow[512];
	float back[512];
	for (size_t step; n > 0; n -= step, src += step) {
		step = n < FOX_COUNT(back) ? n : FOX_COUNT(back);
		k->encode[type](narrow, src, step);
		k->decode[type](back, narrow, step);
		if (memcmp(back, src, step * sizeof *src))
			return false;
	}
	return true;
}
