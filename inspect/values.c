/* values.c - values of a tensor as numbers, their statistics, the distance between two tensors. Decodes with the tables of
 * kernels/; refuses types that no kernel of this build reads. */
#include "inspect/values.h"

#include <math.h>

#include "format/base/num.h"
#include "kernels/kernels.h"

/* Where a block holds 16-bit numbers that a big-endian file stores swapped; nothing makes such files of the block types that
 * are not here. Types of plain numbers are swapped whole.  source: gguf-py gguf_convert_endian.py */
static const struct {
	enum fox_type type;
	uint32_t n, at[2];
} block_words[] = {
    {FOX_Q4_0, 1, {0, 0}},
    {FOX_Q8_0, 1, {0, 0}},
    {FOX_Q4_K, 2, {0, 2}},
    {FOX_Q6_K, 1, {208, 0}},
    {FOX_MXFP4, 0, {0, 0}},
    {FOX_NVFP4, 0, {0, 0}},
};

/* Bytes of one number, for types that are not blocks; 0 for blocks. */
static uint32_t number_bytes(enum fox_type type)
{
	const struct fox_type_info *info = fox_type_info(type);
	return info && info->elems == 1 ? info->bytes : 0;
}

static bool is_integer_or_f64(enum fox_type type)
{
	return type == FOX_I8 || type == FOX_I16 || type == FOX_I32 || type == FOX_I64 || type == FOX_F64;
}

enum fox_status fox_values_readable(const struct fox_tensor *t, bool big_endian, struct fox_err *err)
{
	const struct fox_type_info *info = fox_type_info(t->type);
	if (is_integer_or_f64(t->type))
		return FOX_OK;
	bool words = !big_endian || number_bytes(t->type);
	for (size_t i = 0; i < FOX_COUNT(block_words); i++)
		words |= block_words[i].type == t->type;
	if (fox_kernels()->decode[t->type] && words)
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "values of type %s%s are not read by this build, in tensor '%.*s'", info ? info->name : "unknown",
	    words ? "" : " in a big-endian file", FOX_STR_ARG(t->name));
}

static uint64_t load_number(const uint8_t *p, uint32_t bytes, bool swap)
{
	switch (bytes) {
	case 1:
		return *p;
	case 2:
		return swap ? __builtin_bswap16(fox_load16(p)) : fox_load16(p);
	case 4:
		return swap ? __builtin_bswap32(fox_load32(p)) : fox_load32(p);
	default:
		return swap ? __builtin_bswap64(fox_load64(p)) : fox_load64(p);
	}
}

/* Integers and f64, which no kernel computes with. */
static void read_plain(double *dst, const uint8_t *src, enum fox_type type, size_t n, bool swap)
{
	uint32_t bytes = number_bytes(type);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = load_number(src + i * bytes, bytes, swap);
		if (type == FOX_F64)
			memcpy(&dst[i], &v, sizeof v);
		else
			dst[i] = (double)(type == FOX_I8    ? (int8_t)v
			                  : type == FOX_I16 ? (int16_t)v
			                  : type == FOX_I32 ? (int32_t)v
			                                    : (int64_t)v);
	}
}

/* A copy of n values' bytes with their 16- and 32-bit numbers turned to this machine's order. */
static void swap_into(uint8_t *dst, const uint8_t *src, enum fox_type type, size_t bytes)
{
	uint32_t size = number_bytes(type);
	memcpy(dst, src, bytes);
	if (size) {
		for (size_t i = 0; i < bytes; i += size) {
			uint64_t v = load_number(src + i, size, true);
			memcpy(dst + i, &v, size);
		}
		return;
	}
	for (size_t k = 0; k < FOX_COUNT(block_words); k++) {
		if (block_words[k].type != type)
			continue;
		uint32_t block = fox_type_info(type)->bytes;
		for (size_t i = 0; i < bytes; i += block)
			for (uint32_t w = 0; w < block_words[k].n; w++) {
				uint8_t *p = dst + i + block_words[k].at[w];
				fox_store16(p, __builtin_bswap16(fox_load16(p)));
			}
	}
}

size_t fox_values_read(const struct fox_tensor *t, bool big_endian, uint64_t first, double *dst)
{
	const struct fox_type_info *info = fox_type_info(t->type);
	uint64_t left = t->n_elems - first;
	size_t n = left < FOX_VALUES_CHUNK ? (size_t)left : FOX_VALUES_CHUNK;
	const uint8_t *src = t->data.p + first / info->elems * info->bytes;
	if (is_integer_or_f64(t->type)) {
		read_plain(dst, src, t->type, n, big_endian);
		return n;
	}
	float f[FOX_VALUES_CHUNK];
	uint8_t swapped[FOX_VALUES_CHUNK * sizeof(float)];
	if (big_endian) {
		swap_into(swapped, src, t->type, n / info->elems * info->bytes);
		src = swapped;
	}
	fox_kernels()->decode[t->type](f, src, n);
	for (size_t i = 0; i < n; i++)
		dst[i] = (double)f[i];
	return n;
}

static void count_chunk(struct fox_stats *s, const double *v, size_t n, double *sum, double *squares)
{
	double chunk_sum = 0, chunk_squares = 0;
	for (size_t i = 0; i < n; i++) {
		s->nans += isnan(v[i]);
		s->infs += isinf(v[i]) != 0;
		if (!isfinite(v[i]))
			continue;
		s->zeros += v[i] == 0;
		s->negative += v[i] < 0;
		s->min = v[i] < s->min || isnan(s->min) ? v[i] : s->min;
		s->max = v[i] > s->max || isnan(s->max) ? v[i] : s->max;
		chunk_sum += v[i];
		chunk_squares += v[i] * v[i];
	}
	*sum += chunk_sum;
	*squares += chunk_squares;
}

void fox_values_stats(const struct fox_tensor *t, bool big_endian, struct fox_stats *out)
{
	double v[FOX_VALUES_CHUNK], sum = 0, squares = 0;
	*out = (struct fox_stats){.n = t->n_elems, .min = NAN, .max = NAN};
	for (uint64_t at = 0; at < t->n_elems; at += FOX_VALUES_CHUNK)
		count_chunk(out, v, fox_values_read(t, big_endian, at, v), &sum, &squares);
	uint64_t finite = out->n - out->nans - out->infs;
	out->mean = finite ? sum / (double)finite : NAN;
	out->rms = finite ? sqrt(squares / (double)finite) : NAN;
	double width = (out->max - out->min) / FOX_VALUES_BINS;
	for (uint64_t at = 0; at < t->n_elems && finite; at += FOX_VALUES_CHUNK) {
		size_t n = fox_values_read(t, big_endian, at, v);
		for (size_t i = 0; i < n; i++) {
			if (!isfinite(v[i]))
				continue;
			double place = width > 0 && isfinite(width) ? (v[i] - out->min) / width : 0;
			out->bin[place < FOX_VALUES_BINS ? (size_t)place : FOX_VALUES_BINS - 1]++;
		}
	}
}

void fox_values_distance(const struct fox_tensor *a, bool a_big_endian, const struct fox_tensor *b,
    bool b_big_endian, struct fox_distance *out)
{
	double x[FOX_VALUES_CHUNK], y[FOX_VALUES_CHUNK], error = 0, power = 0;
	*out = (struct fox_distance){0};
	for (uint64_t at = 0; at < a->n_elems; at += FOX_VALUES_CHUNK) {
		size_t n = fox_values_read(a, a_big_endian, at, x);
		double chunk_error = 0, chunk_power = 0;
		fox_values_read(b, b_big_endian, at, y);
		for (size_t i = 0; i < n; i++) {
			if (!isfinite(x[i]) || !isfinite(y[i])) {
				bool same = x[i] == y[i] || (isnan(x[i]) && isnan(y[i]));
				out->n += !same;
				out->n_alien += !same;
				continue;
			}
			double d = fabs(y[i] - x[i]);
			out->n += x[i] != y[i];
			if (d > out->max_abs) {
				out->max_abs = d;
				out->max_at = at + i;
			}
			chunk_error += d * d;
			chunk_power += x[i] * x[i];
		}
		error += chunk_error;
		power += chunk_power;
	}
	out->nmse = error == 0 ? 0 : power > 0 ? error / power : NAN;
}
