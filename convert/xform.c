/* xform.c - casts by way of f32 in tiles that stay in the first-level cache, and the row order of rope. */
#include "convert/xform.h"

#include <assert.h>
#include <math.h>

#include "format/base/num.h"
#include "kernels/search.h"

enum { TILE = 2048 }; /* elements: 8 kB of f32, a multiple of every block */

enum fox_type fox_xform_stored(enum fox_dtype d)
{
	switch (d) {
	case FOX_DT_F64:
		return FOX_F64;
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

/* Bytes of n elements, a whole number of blocks. */
static size_t bytes_of(enum fox_type t, size_t n)
{
	const struct fox_type_info *info = fox_type_info(t);
	return n / info->elems * info->bytes;
}

bool fox_xform_able(enum fox_type from, enum fox_type to)
{
	if (from == to)
		return fox_type_info(to) != NULL;
	if (from >= FOX_TYPE_LIMIT || to >= FOX_TYPE_LIMIT)
		return false;
	return (from == FOX_F64 || fox_kernels()->decode[from]) && fox_kernels()->encode[to];
}

bool fox_xform_is_copy(const struct fox_xform *x, enum fox_type to)
{
	return !x->head_rows && !x->add_one && x->from == to;
}

bool fox_xform_loses(enum fox_type from, enum fox_type to)
{
	return from != to && (to != FOX_F32 || from == FOX_F64); /* what is decoded is f32 */
}

/* With feedback as many rows go together as fox_search_feedback takes, and as much again is what they work in. */
size_t fox_xform_scratch(uint64_t span, bool feedback)
{
	return feedback ? 2 * FOX_SEARCH_ROWS * (size_t)span + TILE : span > TILE ? (size_t)span : TILE;
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

void fox_xform_count(enum fox_type type, const void *in, size_t n, struct fox_cast_report *report)
{
	switch (type) {
	case FOX_BF16:
		count_16(in, n, 0x7f80, report);
		break;
	case FOX_F16:
		count_16(in, n, 0x7c00, report);
		break;
	case FOX_F32:
		count_32(in, n, report);
		break;
	case FOX_F64:
		count_64(in, n, report);
		break;
	default:
		break;
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

static void widen(enum fox_type from, float *dst, const uint8_t *src, size_t n, struct fox_cast_report *r)
{
	if (from == FOX_F64)
		narrow_64(dst, src, n, r);
	else
		fox_kernels()->decode[from](dst, src, n);
}

/* The row of the container that the piece's row becomes. */
static size_t place_of(const struct fox_xform *x, size_t row)
{
	size_t d = (size_t)x->head_rows;
	if (!d)
		return row;
	size_t r = row % d, half = r >= d / 2;
	return row - r + 2 * (r - half * (d / 2)) + half;
}

static void copy_rows(const struct fox_xform *x, const struct fox_xform_out *o, const uint8_t *in, size_t n)
{
	size_t cols = (size_t)x->cols, bytes = bytes_of(x->from, x->head_rows ? cols : n);
	fox_xform_count(x->from, in, n, o->report);
	if (!x->head_rows)
		memcpy(o->bytes, in, bytes);
	for (size_t row = 0; x->head_rows && row < n / cols; row++)
		memcpy((uint8_t *)o->bytes + place_of(x, row) * bytes, in + row * bytes, bytes);
}

/* n_rows rows of span f32 to their place in one container. */
static void encode_rows(const struct fox_xform_out *o, const float *rows, size_t n_rows, size_t span,
    size_t at, uint64_t tensor_row, float *work, const struct fox_cast_report *narrowed)
{
	static const struct fox_quant_help none;
	const struct fox_quant_help *help = o->help ? o->help : &none;
	struct fox_cast_how how = {help->importance, help->wide, help->factor, work};
	if (how.importance && help->matrix_rows)
		how.importance += tensor_row / help->matrix_rows * span;
	fox_cast_rows(o->type, (uint8_t *)o->bytes + at * bytes_of(o->type, span), rows, n_rows, span, &how,
	    o->report, o->error ? o->error + at : NULL);
	o->report->n_overflow += narrowed->n_overflow;
	o->report->n_underflow += narrowed->n_underflow;
	o->report->n_inf += narrowed->n_inf; /* less than 0 in effect: see narrow_64 */
}

/* Rows that are widened together: of one matrix, and in one stretch of the container. */
static size_t rows_at_once(const struct fox_xform *x, const struct fox_xform_out *outs, size_t n_outs,
    size_t span, uint64_t tensor_row, size_t left)
{
	size_t k = x->head_rows ? 1 : TILE / span;
	for (size_t i = 0; i < n_outs; i++) {
		uint64_t rows = outs[i].help ? outs[i].help->matrix_rows : 0;
		if (!x->head_rows && outs[i].help && outs[i].help->factor && k < FOX_SEARCH_ROWS)
			k = FOX_SEARCH_ROWS;
		if (rows && rows - tensor_row % rows < k)
			k = (size_t)(rows - tensor_row % rows);
	}
	k = k ? k : 1;
	return k < left ? k : left;
}

/* What is not a copy, from the widened values; a rest that is no whole span is a row of its own. */
static void encode_all(const struct fox_xform *x, const struct fox_xform_out *outs, size_t n_outs,
    const uint8_t *in, size_t n, size_t span, uint64_t first, float *scratch)
{
	size_t n_rows = n / span, rest = n % span, rows;
	for (size_t row = 0; row < n_rows + (rest != 0); row += rows) {
		bool last = row == n_rows;
		rows = last ? 1 : rows_at_once(x, outs, n_outs, span, first + row, n_rows - row);
		size_t len = last ? rest : span, at = place_of(x, row);
		struct fox_cast_report narrowed = {0};
		widen(x->from, scratch, in + bytes_of(x->from, row * span), rows * len, &narrowed);
		for (size_t i = 0; x->add_one && i < rows * len; i++)
			scratch[i] += 1;
		for (size_t i = 0; i < n_outs; i++)
			if (x->add_one || x->from != outs[i].type) {
				struct fox_xform_out o = outs[i];
				if (last && at) { /* its length is not that of the rows before it */
					o.bytes = (uint8_t *)o.bytes + bytes_of(o.type, at * span);
					o.error = o.error ? o.error + at : NULL;
				}
				encode_rows(&o, scratch, rows, len, last ? 0 : at, first + row, scratch + rows * len, &narrowed);
			}
	}
}

void fox_xform_run(const struct fox_xform *x, const struct fox_xform_out *outs, size_t n_outs, const void *in,
    size_t n, uint64_t span, uint64_t first, float *scratch)
{
	bool all_copied = true;
	assert(!x->head_rows || (x->head_rows % 2 == 0 && span == x->cols && n % (x->head_rows * x->cols) == 0));
	for (size_t i = 0; i < n_outs; i++) {
		bool copied = !x->add_one && x->from == outs[i].type;
		if (copied)
			copy_rows(x, &outs[i], in, n);
		all_copied &= copied;
	}
	if (!all_copied)
		encode_all(x, outs, n_outs, in, n, (size_t)span, first, scratch);
}

bool fox_xform_exact(enum fox_type from, enum fox_type to, const void *in, size_t n)
{
	const uint8_t *p = in;
	float tile[TILE];
	if (from == to)
		return true;
	for (size_t m; n; n -= m, p += bytes_of(from, m)) {
		m = n < TILE ? n : TILE;
		widen(from, tile, p, m, NULL);
		for (size_t i = 0; from == FOX_F64 && i < m; i++) {
			double back = tile[i], was = fox_load_f64(p + 8 * i);
			if (memcmp(&back, &was, sizeof back))
				return false;
		}
		if (!fox_cast_is_exact(to, tile, m))
			return false;
	}
	return true;
}
