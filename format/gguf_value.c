/* gguf_value.c - values out of keys: elements by index, strings by walking, and getters that name both types.
 *
 * Relies on open having checked every length; refuses only what is absent or of another type. */
#include "format/gguf.h"

#include <inttypes.h>
#include <math.h>

#include "format/base/num.h"

static const struct {
	const char *name;
	uint32_t bytes;
} value_types[FOX_GGUF_TYPES] = {
    [FOX_GGUF_U8] = {"u8", 1},
    [FOX_GGUF_I8] = {"i8", 1},
    [FOX_GGUF_U16] = {"u16", 2},
    [FOX_GGUF_I16] = {"i16", 2},
    [FOX_GGUF_U32] = {"u32", 4},
    [FOX_GGUF_I32] = {"i32", 4},
    [FOX_GGUF_F32] = {"f32", 4},
    [FOX_GGUF_BOOL] = {"bool", 1},
    [FOX_GGUF_STR] = {"str", 0},
    [FOX_GGUF_ARR] = {"arr", 0},
    [FOX_GGUF_U64] = {"u64", 8},
    [FOX_GGUF_I64] = {"i64", 8},
    [FOX_GGUF_F64] = {"f64", 8},
};

const char *fox_gguf_type_name(enum fox_gguf_type t)
{
	return (unsigned)t < FOX_GGUF_TYPES ? value_types[t].name : "unknown";
}

uint32_t fox_gguf_type_bytes(enum fox_gguf_type t)
{
	return (unsigned)t < FOX_GGUF_TYPES ? value_types[t].bytes : 0;
}

static uint64_t load_u64(const struct fox_gguf *g, const uint8_t *p)
{
	uint64_t v = fox_load64(p);
	return fox_gguf_header(g)->big_endian ? __builtin_bswap64(v) : v;
}

/* The bits of element i, zero-extended; false when elements have no fixed size or i is past the end. */
static bool load_bits(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, uint64_t *out)
{
	bool swap = fox_gguf_header(g)->big_endian;
	uint32_t size = fox_gguf_type_bytes(kv->item);
	if (!size || i >= kv->n_items)
		return false;
	const uint8_t *p = kv->raw.p + i * size;
	switch (size) {
	case 1:
		*out = *p;
		break;
	case 2:
		*out = swap ? __builtin_bswap16(fox_load16(p)) : fox_load16(p);
		break;
	case 4:
		*out = swap ? __builtin_bswap32(fox_load32(p)) : fox_load32(p);
		break;
	default:
		*out = load_u64(g, p);
	}
	return true;
}

/* An integer of any type as its magnitude's bits and a sign: *negative means *out is a two's complement
 * int64. */
static bool load_int(
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, uint64_t *out, bool *negative)
{
	uint64_t v;
	if (!load_bits(g, kv, i, &v))
		return false;
	*negative = false;
	switch (kv->item) {
	case FOX_GGUF_U8:
	case FOX_GGUF_U16:
	case FOX_GGUF_U32:
	case FOX_GGUF_U64:
		break;
	case FOX_GGUF_I8:
	case FOX_GGUF_I16:
	case FOX_GGUF_I32:
	case FOX_GGUF_I64: {
		uint32_t bits = 8 * fox_gguf_type_bytes(kv->item);
		*negative = v >> (bits - 1);
		if (*negative && bits < 64)
			v |= UINT64_MAX << bits;
		break;
	}
	default:
		return false;
	}
	*out = v;
	return true;
}

bool fox_gguf_item_i64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, int64_t *out)
{
	uint64_t v;
	bool negative;
	if (!load_int(g, kv, i, &v, &negative) || (!negative && v > INT64_MAX))
		return false;
	*out = (int64_t)v;
	return true;
}

bool fox_gguf_item_u64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, uint64_t *out)
{
	uint64_t v;
	bool negative;
	if (!load_int(g, kv, i, &v, &negative) || negative)
		return false;
	*out = v;
	return true;
}

bool fox_gguf_item_f64(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, double *out)
{
	uint64_t v;
	if ((kv->item != FOX_GGUF_F32 && kv->item != FOX_GGUF_F64) || !load_bits(g, kv, i, &v))
		return false;
	if (kv->item == FOX_GGUF_F32) {
		uint32_t bits = (uint32_t)v;
		float f;
		memcpy(&f, &bits, sizeof f);
		*out = (double)f;
	} else {
		memcpy(out, &v, sizeof *out);
	}
	return true;
}

bool fox_gguf_item_bool(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, bool *out)
{
	uint64_t v;
	if (kv->item != FOX_GGUF_BOOL || !load_bits(g, kv, i, &v))
		return false;
	*out = v;
	return true;
}

bool fox_gguf_next_str(
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t *cursor, struct fox_str *out)
{
	if (kv->item != FOX_GGUF_STR || *cursor >= kv->raw.n)
		return false;
	const uint8_t *p = kv->raw.p + *cursor;
	*out = (struct fox_str){(const char *)p + 8, load_u64(g, p)};
	*cursor += 8 + out->n;
	return true;
}

static enum fox_status find_scalar(
    const struct fox_gguf *g, const char *key, const struct fox_gguf_kv **out, struct fox_err *err)
{
	*out = fox_gguf_find_key(g, key);
	return *out ? FOX_OK : fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", key);
}

static enum fox_status other_type(
    const struct fox_gguf_kv *kv, const char *key, const char *want, struct fox_err *err)
{
	return fox_fail(
	    err, FOX_E_FORMAT, kv->at, "key '%s' is %s, want %s", key, fox_gguf_type_name(kv->type), want);
}

/* An integer in [0, max]. */
static enum fox_status get_uint(const struct fox_gguf *g, const char *key, uint64_t max, const char *want,
    uint64_t *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv;
	enum fox_status st = find_scalar(g, key, &kv, err);
	if (st)
		return st;
	uint64_t v;
	bool negative;
	if (kv->type == FOX_GGUF_ARR || !load_int(g, kv, 0, &v, &negative))
		return other_type(kv, key, want, err);
	if (negative)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' is %" PRId64 ", which does not fit %s", key,
		    (int64_t)v, want);
	if (v > max)
		return fox_fail(
		    err, FOX_E_FORMAT, kv->at, "key '%s' is %" PRIu64 ", which does not fit %s", key, v, want);
	*out = v;
	return FOX_OK;
}

enum fox_status fox_gguf_u32(const struct fox_gguf *g, const char *key, uint32_t *out, struct fox_err *err)
{
	uint64_t v = 0;
	enum fox_status st = get_uint(g, key, UINT32_MAX, "u32", &v, err);
	if (!st)
		*out = (uint32_t)v;
	return st;
}

enum fox_status fox_gguf_u64(const struct fox_gguf *g, const char *key, uint64_t *out, struct fox_err *err)
{
	return get_uint(g, key, UINT64_MAX, "u64", out, err);
}

enum fox_status fox_gguf_f32(const struct fox_gguf *g, const char *key, float *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv;
	enum fox_status st = find_scalar(g, key, &kv, err);
	if (st)
		return st;
	double v;
	if (kv->type == FOX_GGUF_ARR || !fox_gguf_item_f64(g, kv, 0, &v))
		return other_type(kv, key, "f32", err);
	float f = (float)v;
	if ((double)f != v && !isnan(v))
		return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' is %.17g, which does not fit f32", key, v);
	*out = f;
	return FOX_OK;
}

enum fox_status fox_gguf_bool(const struct fox_gguf *g, const char *key, bool *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv;
	enum fox_status st = find_scalar(g, key, &kv, err);
	if (st)
		return st;
	if (kv->type == FOX_GGUF_ARR || !fox_gguf_item_bool(g, kv, 0, out))
		return other_type(kv, key, "bool", err);
	return FOX_OK;
}

enum fox_status fox_gguf_str(
    const struct fox_gguf *g, const char *key, struct fox_str *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv;
	enum fox_status st = find_scalar(g, key, &kv, err);
	uint64_t cursor = 0;
	if (st)
		return st;
	if (kv->type == FOX_GGUF_ARR || !fox_gguf_next_str(g, kv, &cursor, out))
		return other_type(kv, key, "str", err);
	return FOX_OK;
}
