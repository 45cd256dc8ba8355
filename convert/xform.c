/* xform.c - casts by way of f32 in tiles that stay in the first-level cache, and the row order of rope. */
#include "convert/xform.h"

#include <assert.h>
#include <math.h>

#include "format/base/num.h"
#include "kernels/kernels.h"

enum { TILE = 2048 }; /* elements: 8 kB of f32, a multiple of every block */

static uint32_t bytes_of(enum fox_dtype d)
{
	return fox_dtypes[d].bits / 8;
}

/* The stored type with the same bits; FOX_TYPE_LIMIT when there is none. */
static enum fox_type same_as(enum fox_dtype d)
{
	switch (d) {
	case FOX_DT_F32:
		return FOX_F32;
	case FOX_DT_F16:
		return FOX_F16;
	case FOX_DT_BF16:
		return FOX_BF16;
	default:
		return FOX_TYPE_LIMIT;
	}
}

bool fox_xform_able(enum fox_dtype from, enum fox_type to)
{
	bool in = from == FOX_DT_F64 || same_as(from) != FOX_TYPE_LIMIT;
	return in && (to == FOX_F32 || to == FOX_F16 || to == FOX_BF16 || to == FOX_Q8_0);
}

bool fox_xform_is_copy(const struct fox_xform *x)
{
	return !x->head_rows && !x->add_one && same_as(x->from) == x->to;
}

uint64_t fox_xform_unit(const struct fox_xform *x)
{
	uint64_t unit;
	if (!x->head_rows)
		return fox_type_info(x->to)->elems;
	return fox_mul(&unit, x->head_rows, x->cols) ? unit : 0;
}

/* Branch-free loops, so that the compiler makes vectors of them; 32-bit sums over at most 2^20 elements at a
 * time. */
static void count_16(const uint8_t *p, size_t n, uint16_t inf, struct fox_cast_report *r)
{
	while (n) {
		size_t m = n < 32768 ? n : 32768;
		uint16_t nan = 0, special = 0; /* 16-bit lanes: twice as many per vector */
		for (size_t i = 0; i < m; i++) {
			int16_t abs = (int16_t)(fox_load16(p + 2 * i) & 0x7fff);
			special += abs >= (int16_t)inf;
			nan += abs > (int16_t)inf;
		}
		r->n_nan += nan;
		r->n_inf += (uint16_t)(special - nan);
		p += 2 * m, n -= m;
	}
}

static void count_32(const uint8_t *p, size_t n, struct fox_cast_report *r)
{
	while (n) {
		size_t m = n < 1u << 20 ? n : 1u << 20;
		uint32_t nan = 0, special = 0;
		for (size_t i = 0; i < m; i++) {
			int32_t abs = (int32_t)(fox_load32(p + 4 * i) & 0x7fffffff);
			special += abs >= 0x7f800000;
			nan += abs > 0x7f800000;
		}
		r->n_nan += nan;
		r->n_inf += special - nan;
		p += 4 * m, n -= m;
	}
}

static void count_64(const uint8_t *p, size_t n, struct fox_cast_report *r)
{
	for (size_t i = 0; i < n; i++) {
		double d = fox_load_f64(p + 8 * i);
		r->n_nan += d != d;
		r->n_inf += d == INFINITY || d == -INFINITY;
	}
}

void fox_xform_count(enum fox_dtype dtype, const void *in, size_t n, struct fox_cast_report *report)
{
	switch (dtype) {
	case FOX_DT_BF16:
		count_16(in, n, 0x7f80, report);
		break;
	case FOX_DT_F16:
		count_16(in, n, 0x7c00, report);
		break;
	case FOX_DT_F32:
		count_32(in, n, report);
		break;
	case FOX_DT_F64:
		count_64(in, n, report);
		break;
	default:
		assert(!"a dtype without codec");
	}
}

/* f64 to f32, to nearest even. What the step loses is counted here; what the next one loses, there. */
static void narrow_64(float *dst, const uint8_t *src, size_t n, struct fox_cast_report *r)
{
	for (size_t i = 0; i < n; i++) {
		double d = fox_load_f64(src + 8 * i);
		dst[i] = (float)d;
		bool finite = d == d && d != INFINITY && d != -INFINITY;
		if (r && finite && (dst[i] == INFINITY || dst[i] == -INFINITY)) {
			r->n_overflow++;
			r->n_inf--; /* the next step takes this Inf for one of the source: unsigned, so the sum comes
			               right */
		}
		if (r && d != 0 && dst[i] == 0)
			r->n_underflow++;
	}
}

static void widen(enum fox_dtype from, float *dst, const uint8_t *src, size_t n, struct fox_cast_report *r)
{
	if (from == FOX_DT_F64)
		narrow_64(dst, src, n, r);
	else
		fox_kernels()->decode[same_as(from)](dst, src, n);
}

/* n elements in their order. */
static void cast_span(
    const struct fox_xform *x, uint8_t *out, const uint8_t *in, size_t n, struct fox_cast_report *report)
{
	if (same_as(x->from) == x->to && !x->add_one) {
		memcpy(out, in, n * bytes_of(x->from));
		fox_xform_count(x->from, in, n, report);
		return;
	}
	const struct fox_type_info *to = fox_type_info(x->to);
	float tile[TILE];
	for (size_t m; n; n -= m) {
		m = n < TILE ? n : TILE;
		widen(x->from, tile, in, m, report);
		for (size_t i = 0; x->add_one && i < m; i++)
			tile[i] += 1;
		fox_cast(x->to, out, tile, m, report);
		in += m * bytes_of(x->from), out += m / to->elems * to->bytes;
	}
}

void fox_xform_run(
    const struct fox_xform *x, void *out, const void *in, size_t n, struct fox_cast_report *report)
{
	if (!x->head_rows) {
		cast_span(x, out, in, n, report);
		return;
	}
	const struct fox_type_info *to = fox_type_info(x->to);
	size_t d = (size_t)x->head_rows, cols = (size_t)x->cols;
	size_t in_row = cols * bytes_of(x->from), out_row = cols / to->elems * to->bytes;
	assert(d % 2 == 0 && cols % to->elems == 0 && n % (d * cols) == 0);
	for (size_t row = 0; row < n / cols; row++) {
		size_t r = row % d, half = r >= d / 2;
		size_t at = row - r + 2 * (r - half * (d / 2)) + half;
		cast_span(x, (uint8_t *)out + at * out_row, (const uint8_t *)in + row * in_row, cols, report);
	}
}

bool fox_xform_exact(enum fox_dtype from, enum fox_type to, const void *in, size_t n)
{
	const uint8_t *p = in;
	float tile[TILE];
	if (same_as(from) == to)
		return true;
	for (size_t m; n; n -= m, p += m * bytes_of(from)) {
		m = n < TILE ? n : TILE;
		widen(from, tile, p, m, NULL);
		for (size_t i = 0; from == FOX_DT_F64 && i < m; i++) {
			double back = tile[i], was = fox_load_f64(p + 8 * i);
			if (memcmp(&back, &was, sizeof back))
				return false;
		}
		if (!fox_cast_is_exact(to, tile, m))
			return false;
	}
	return true;
}
