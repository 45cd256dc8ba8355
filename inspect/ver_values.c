/* ver_values.c - values of a container against the values they were made of, type by type.
 *
 * For f32, f16 and bf16 the stored value must be the one that IEEE rounding (nearest, ties to even) gives:
 * this is checked by its definition, through exact doubles and the two neighbours, not by converting again.
 * For q8_0 a stated bound holds, and each weight must be the rounding that the format's reference gives.
 * spec/verify.md 3.1 and 3.2 */
#include <math.h>

#include "format/base/num.h"
#include "inspect/ver_tensors.h"

enum { PART = 256 }; /* values of a quantized row at once: a multiple of every block */

static double source_value(enum fox_dtype d, const uint8_t *p, uint64_t i)
{
	switch (d) {
	case FOX_DT_F64:
		return fox_load_f64(p + 8 * i);
	case FOX_DT_F32:
		return (double)fox_load_f32(p + 4 * i);
	case FOX_DT_F16:
		return fox_ver_f16(fox_load16(p + 2 * i));
	default:
		return fox_ver_bf16(fox_load16(p + 2 * i));
	}
}

/* f32 from a wider or equal source: only f64 can need rounding, and a C cast rounds as IEEE says. */
static bool is_f32_of(double x, const uint8_t *p)
{
	float v = fox_load_f32(p), want = (float)x;
	uint8_t b[4];
	fox_store_f32(b, want);
	return !memcmp(b, p, 4) || (isnan(v) && isnan(want));
}

/* 1 + x with x in f32, which rounding to f32 then rounds once: the double sum is exact where |x| >= 2^-29, since the 24 bits
 * of x end at 2^-52; below, both sums round to 1, for half a step of f32 beside 1 is 2^-25. */
static double plus_one(double x)
{
	return 1.0 + (double)(float)x;
}

void fox_ver_wrong(struct fox_ver_proof *f, uint64_t row, uint64_t col, double got, double want)
{
	if (!f->n_wrong++) {
		f->first_row = row, f->first_col = col;
		f->first_got = got, f->first_want = want;
	}
}

static bool same_type(enum fox_type t, enum fox_dtype d)
{
	return (t == FOX_F32 && d == FOX_DT_F32) || (t == FOX_F16 && d == FOX_DT_F16) ||
	       (t == FOX_BF16 && d == FOX_DT_BF16);
}

/* Equal types: equal bytes. */
static void row_bytes(
    struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	enum fox_dtype d = f->src->dtype;
	size_t item = f->t->type == FOX_F32 ? 4 : 2;
	if (!memcmp(got, src, (size_t)n * item))
		return;
	for (uint64_t i = 0; i < n; i++)
		if (memcmp(got + item * i, src + item * i, item))
			fox_ver_wrong(f, row, i, source_value(d, got, i), source_value(d, src, i));
}

static void row_floats(
    struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	enum fox_type t = f->t->type;
	enum fox_dtype d = f->src->dtype;
	if (!f->add_one && same_type(t, d)) {
		row_bytes(f, row, got, src, n);
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		double x = source_value(d, src, i);
		if (f->add_one)
			x = plus_one(x);
		if (t == FOX_F32) {
			if (!is_f32_of(x, got + 4 * i))
				fox_ver_wrong(f, row, i, (double)fox_load_f32(got + 4 * i), x);
		} else {
			uint16_t h = fox_load16(got + 2 * i);
			/* sources wider than f32 pass through f32, as every converter's arithmetic does */
			if (!fox_ver_is_nearest(d == FOX_DT_F64 ? (double)(float)x : x, h, t))
				fox_ver_wrong(f, row, i, t == FOX_F16 ? fox_ver_f16(h) : fox_ver_bf16(h), x);
		}
	}
}

/* Blocks of 32: scale d = f16(max|x| / 127), weights q with |x - d q| within the bound. */
static void row_q8_0(
    struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	for (uint64_t b = 0; b < n / 32; b++, got += 34) {
		float x[32], most = 0;
		for (int i = 0; i < 32; i++) {
			x[i] = (float)source_value(f->src->dtype, src, 32 * b + (uint64_t)i);
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		}
		float scale = most / 127, inverse = scale != 0 ? 1 / scale : 0;
		double d = fox_ver_f16(fox_load16(got)), bound = fox_ver_q8_0_bound((double)most);
		if (!fox_ver_is_nearest((double)scale, fox_load16(got), FOX_F16)) {
			fox_ver_wrong(f, row, 32 * b, d, (double)scale); /* the whole block stands on it */
			f->n_wrong += 31;
			f->first_is_scale = f->first_is_scale || f->n_wrong == 32;
			continue;
		}
		for (int i = 0; i < 32; i++) {
			int q = (int8_t)got[2 + i];
			double error = fabs((double)x[i] - d * q);
			f->max_error = error > f->max_error ? error : f->max_error;
			if (!(error <= bound))
				fox_ver_wrong(f, row, 32 * b + (uint64_t)i, d * q, (double)x[i]);
			else if ((float)q != roundf(x[i] * inverse))
				f->n_unrounded++;
		}
	}
}

/* Sources wider than f32 pass through f32, as every quantizer's arithmetic does. */
static void row_quantized(
    struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	const struct fox_type_info *info = fox_type_info(f->t->type);
	double x[PART];
	for (uint64_t at = 0; at < n; at += PART) {
		uint64_t part = n - at < PART ? n - at : PART;
		for (uint64_t i = 0; i < part; i++)
			x[i] = (double)(float)source_value(f->src->dtype, src, at + i);
		fox_ver_quant_blocks(&f->quant, f->t->type, row, at, got + at / info->elems * info->bytes, x, part);
	}
	fox_ver_quant_end_row(&f->quant, row);
}

void fox_ver_row(struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	if (f->t->type == FOX_Q8_0 && !f->searched)
		row_q8_0(f, row, got, src, n);
	else if (fox_ver_block_known(f->t->type))
		row_quantized(f, row, got, src, n);
	else
		row_floats(f, row, got, src, n);
}
