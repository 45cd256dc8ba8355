/* gguf_put.c - declaring the keys and tensors of a container to be written.
 *
 * Refuses what the reader would refuse, so that no file leaves that cannot be opened again, and the keys that
 * only the writer gives.  spec/container.md sections 1 to 4 */
#include <inttypes.h>
#include <stdlib.h>

#include "format/gguf_set.h"
#include "format/gguf_writer.h"
#include "format/profile.h"

#define KEY_MAX_BYTES 65535u
#define MIN_ALIGN 8u /* GGUF: general.alignment must be a multiple of 8 */

/* n elements of `size` bytes, each reversed when swap is set. */
static void add_items(struct fox_buf *b, const void *items, uint64_t n, uint32_t size, bool swap)
{
	const uint8_t *p = items;
	if (!swap || size == 1) {
		fox_buf_add(b, p, n * size);
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		uint8_t turned[8];
		for (uint32_t k = 0; k < size; k++)
			turned[k] = p[i * size + size - 1 - k];
		fox_buf_add(b, turned, size);
	}
}

static const bool host_swaps = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

static bool name_ok(struct fox_str s, size_t limit)
{
	return s.n && s.n <= limit && !memchr(s.p, 0, s.n) && fox_utf8_bad(s) == s.n;
}

/* Put a name that must be new. *entry as fox_map_put answers. False when out of memory. */
static bool names_put(
    struct fox_names *m, struct fox_arena *a, struct fox_str name, uint32_t value, uint32_t *entry)
{
	if (m->map.n == m->cap) {
		struct fox_map larger = {0};
		size_t cap = m->cap ? 2 * m->cap : 64;
		if (!fox_map_init(&larger, a, cap))
			return false;
		for (size_t i = 0; m->cap && i <= m->map.mask; i++)
			if (m->map.slots[i].used)
				fox_map_put(&larger, m->map.slots[i].key, m->map.slots[i].value);
		m->map = larger;
		m->cap = cap;
	}
	*entry = fox_map_put(&m->map, name, value);
	return true;
}

/* Begin a key: checks it, writes it with its type (and element type and count), and hands out the buffer for
 * the value. */
static enum fox_status begin(struct fox_gguf_writer *w, const char *key, enum fox_gguf_type type,
    enum fox_gguf_type item, uint64_t n, struct fox_buf **out, struct fox_err *err)
{
	struct fox_str name = fox_str_of(key);
	if (w->stage != FOX_WRITER_DECLARING)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' comes after the layout is frozen", key);
	if (!name_ok(name, KEY_MAX_BYTES))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' is ill-formed", FOX_STR_ARG(name));
	if (n > FOX_GGUF_MAX_ITEMS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "array of %" PRIu64 " elements is over the limit of %u, in key '%s'", n, FOX_GGUF_MAX_ITEMS, key);
	if (w->n_puts >= FOX_GGUF_MAX_KEYS - FOX_WRITER_OWN_KEYS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "more than %u keys", FOX_GGUF_MAX_KEYS);
	if (w->n_puts == w->cap_puts) {
		size_t cap = w->cap_puts ? 2 * w->cap_puts : 64;
		struct fox_put *puts = realloc(w->puts, cap * sizeof *puts);
		if (!puts)
			return fox_fail_nomem(err);
		w->puts = puts;
		w->cap_puts = cap;
	}
	char *copy = fox_arena_strdup(&w->arena, name);
	uint32_t first;
	if (!copy || !names_put(&w->keys, &w->arena, (struct fox_str){copy, name.n}, (uint32_t)w->n_puts, &first))
		return fox_fail_nomem(err);
	if (first != FOX_MAP_NONE)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' repeats", key);
	struct fox_put *put = &w->puts[w->n_puts++];
	*put = (struct fox_put){
	    .key = {copy, name.n}, .fox = fox_str_starts(name, "fox."), .type = type, .item = item, .n = n};
	struct fox_buf *b = put->fox ? &w->fox : &w->plain;
	fox_writer_str(b, name);
	fox_writer_u32(b, type);
	if (type == FOX_GGUF_ARR) {
		fox_writer_u32(b, item);
		fox_writer_u64(b, n);
	}
	put->at = b->n;
	*out = b;
	return FOX_OK;
}

static enum fox_status done(struct fox_buf *b, struct fox_err *err)
{
	return b->failed ? fox_fail_nomem(err) : FOX_OK;
}

/* The keys that only the writer gives: their values follow from the file. */
static enum fox_status refuse_own(const char *key, struct fox_err *err)
{
	if (fox_str_starts(fox_str_of(key), "fox.hash.") || !strcmp(key, FOX_KEY_PAD))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' is the writer's own", key);
	return FOX_OK;
}

/* general.alignment in effect; *drop when it is the default, which is never written. */
static enum fox_status take_alignment(struct fox_gguf_writer *w, uint64_t v, bool *drop, struct fox_err *err)
{
	if (!fox_is_pow2(v) || v < MIN_ALIGN || v > FOX_GGUF_MAX_ALIGN)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "alignment %" PRIu64 " is no power of two from %u to %u",
		    v, MIN_ALIGN, FOX_GGUF_MAX_ALIGN);
	if (w->align_put)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key 'general.alignment' repeats");
	w->align_put = true;
	w->align = (uint32_t)v;
	*drop = v == FOX_GGUF_ALIGN;
	return FOX_OK;
}

/* A scalar of fixed size. */
static enum fox_status put_scalar(struct fox_gguf_writer *w, const char *key, enum fox_gguf_type type,
    const void *v, bool swap, struct fox_err *err)
{
	struct fox_buf *b;
	enum fox_status st = refuse_own(key, err);
	bool drop = false;
	if (!st && !strcmp(key, "general.alignment")) {
		if (type != FOX_GGUF_U32)
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "key '%s' is %s, want u32", key, fox_gguf_type_name(type));
		uint32_t align;
		memcpy(&align, v, sizeof align);
		st = take_alignment(w, swap ? __builtin_bswap32(align) : align, &drop, err);
	}
	if (st || drop)
		return st;
	st = begin(w, key, type, type, 1, &b, err);
	if (st)
		return st;
	add_items(b, v, 1, fox_gguf_type_bytes(type), swap != host_swaps);
	return done(b, err);
}

enum fox_status fox_gguf_put_u16(struct fox_gguf_writer *w, const char *key, uint16_t v, struct fox_err *err)
{
	return put_scalar(w, key, FOX_GGUF_U16, &v, false, err);
}

enum fox_status fox_gguf_put_u32(struct fox_gguf_writer *w, const char *key, uint32_t v, struct fox_err *err)
{
	return put_scalar(w, key, FOX_GGUF_U32, &v, false, err);
}

enum fox_status fox_gguf_put_u64(struct fox_gguf_writer *w, const char *key, uint64_t v, struct fox_err *err)
{
	return put_scalar(w, key, FOX_GGUF_U64, &v, false, err);
}

enum fox_status fox_gguf_put_i32(struct fox_gguf_writer *w, const char *key, int32_t v, struct fox_err *err)
{
	return put_scalar(w, key, FOX_GGUF_I32, &v, false, err);
}

enum fox_status fox_gguf_put_f32(struct fox_gguf_writer *w, const char *key, float v, struct fox_err *err)
{
	return put_scalar(w, key, FOX_GGUF_F32, &v, false, err);
}

enum fox_status fox_gguf_put_bool(struct fox_gguf_writer *w, const char *key, bool v, struct fox_err *err)
{
	uint8_t byte = v;
	return put_scalar(w, key, FOX_GGUF_BOOL, &byte, false, err);
}

enum fox_status fox_gguf_put_split(
    struct fox_gguf_writer *w, uint32_t no, uint32_t count, uint32_t tensors, struct fox_err *err)
{
	enum fox_status s = fox_gguf_put_u16(w, FOX_KEY_SPLIT_NO, (uint16_t)no, err);
	if (!s)
		s = fox_gguf_put_u16(w, FOX_KEY_SPLIT_COUNT, (uint16_t)count, err);
	return s ? s : fox_gguf_put_i32(w, FOX_KEY_SPLIT_TENSORS, (int32_t)tensors, err);
}

static enum fox_status check_string(const char *key, uint64_t n, struct fox_err *err)
{
	if (n > FOX_GGUF_MAX_STRING)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "string of %" PRIu64 " bytes is over the limit of %u, in key '%s'", n, FOX_GGUF_MAX_STRING, key);
	return FOX_OK;
}

static enum fox_status refuse_alignment(const char *key, const char *type, struct fox_err *err)
{
	if (!strcmp(key, "general.alignment"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' is %s, want u32", key, type);
	return refuse_own(key, err);
}

enum fox_status fox_gguf_put_str(
    struct fox_gguf_writer *w, const char *key, struct fox_str v, struct fox_err *err)
{
	struct fox_buf *b;
	enum fox_status st = refuse_alignment(key, "str", err);
	if (!st)
		st = check_string(key, v.n, err);
	if (!st)
		st = begin(w, key, FOX_GGUF_STR, FOX_GGUF_STR, 1, &b, err);
	if (st)
		return st;
	fox_writer_str(b, v);
	return done(b, err);
}

static enum fox_status put_items(struct fox_gguf_writer *w, const char *key, enum fox_gguf_type item,
    const void *items, uint64_t n, bool swap, struct fox_err *err)
{
	struct fox_buf *b;
	uint32_t size = fox_gguf_type_bytes(item);
	enum fox_status st = refuse_alignment(key, "arr", err);
	if (!st && !size)
		st = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' is an array of %s, want numbers or bool", key,
		    fox_gguf_type_name(item));
	for (uint64_t i = 0; !st && item == FOX_GGUF_BOOL && i < n; i++)
		if (((const uint8_t *)items)[i] > 1)
			st = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%s' holds a bool other than 0 and 1", key);
	if (!st)
		st = begin(w, key, FOX_GGUF_ARR, item, n, &b, err);
	if (st)
		return st;
	if (n)
		add_items(b, items, n, size, swap);
	return done(b, err);
}

enum fox_status fox_gguf_put_array(struct fox_gguf_writer *w, const char *key, enum fox_gguf_type item,
    const void *items, uint64_t n, struct fox_err *err)
{
	return put_items(w, key, item, items, n, host_swaps, err);
}

enum fox_status fox_gguf_put_strings(
    struct fox_gguf_writer *w, const char *key, const struct fox_str *items, uint64_t n, struct fox_err *err)
{
	struct fox_buf *b;
	enum fox_status st = refuse_alignment(key, "arr", err);
	for (uint64_t i = 0; !st && i < n; i++)
		st = check_string(key, items[i].n, err);
	if (!st)
		st = begin(w, key, FOX_GGUF_ARR, FOX_GGUF_STR, n, &b, err);
	if (st)
		return st;
	for (uint64_t i = 0; i < n; i++)
		fox_writer_str(b, items[i]);
	return done(b, err);
}

enum fox_status fox_gguf_put_copy(
    struct fox_gguf_writer *w, const struct fox_gguf *from, const struct fox_gguf_kv *kv, struct fox_err *err)
{
	char *key = fox_arena_strdup(&w->arena, kv->key);
	if (!key)
		return fox_fail_nomem(err);
	bool swap = fox_gguf_header(from)->big_endian;
	if (kv->item != FOX_GGUF_STR && kv->type != FOX_GGUF_ARR)
		return put_scalar(w, key, kv->type, kv->raw.p, swap != host_swaps, err);
	if (kv->item != FOX_GGUF_STR)
		return put_items(w, key, kv->item, kv->raw.p, kv->n_items, swap, err);
	struct fox_buf *b;
	struct fox_str s;
	uint64_t cursor = 0;
	enum fox_status st = refuse_alignment(key, fox_gguf_type_name(kv->type), err);
	if (!st)
		st = begin(w, key, kv->type, FOX_GGUF_STR, kv->n_items, &b, err);
	if (st)
		return st;
	while (fox_gguf_next_str(from, kv, &cursor, &s))
		fox_writer_str(b, s);
	return done(b, err);
}

enum fox_status fox_gguf_patch_str(
    struct fox_gguf_writer *w, const char *key, uint64_t i, struct fox_str v, struct fox_err *err)
{
	uint32_t k = fox_map_find(&w->keys.map, fox_str_of(key));
	if (k == FOX_MAP_NONE || w->puts[k].item != FOX_GGUF_STR || i >= w->puts[k].n ||
	    w->stage == FOX_WRITER_FINISHED)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no string %" PRIu64 " to replace in key '%s'", i, key);
	const struct fox_put *put = &w->puts[k];
	char *p = w->stage == FOX_WRITER_DECLARING ? (put->fox ? w->fox.p : w->plain.p)
	                                           : w->head.p + (put->fox ? w->fox_base : FOX_WRITER_HEAD);
	p += put->at;
	for (; i; i--)
		p += 8 + fox_load64(p);
	if (fox_load64(p) != v.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "string of %zu bytes cannot replace one of %" PRIu64 ", in key '%s'", v.n, fox_load64(p), key);
	if (v.n)
		memcpy(p + 8, v.p, v.n);
	return FOX_OK;
}

/* Checks the shape; *bytes is the tensor's size. */
static enum fox_status check_shape(struct fox_str name, enum fox_type type, uint32_t n_dims,
    const uint64_t *dim, uint64_t *bytes, struct fox_err *err)
{
	const struct fox_type_info *info = fox_type_info(type);
	if (!info)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor type %d is not supported (%s), in tensor '%.*s'",
		    (int)type, fox_type_refusal(type), FOX_STR_ARG(name));
	if (n_dims < 1 || n_dims > 4)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "%" PRIu32 " dimensions, want 1 to 4, in tensor '%.*s'",
		    n_dims, FOX_STR_ARG(name));
	uint64_t elems = 1;
	for (uint32_t d = 0; d < n_dims; d++)
		if (!dim[d] || !fox_mul(&elems, elems, dim[d]) || elems > INT64_MAX)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "dimension %" PRIu32 " is %" PRIu64 ", which is 0 or too large, in tensor '%.*s'", d, dim[d],
			    FOX_STR_ARG(name));
	if (dim[0] % info->elems)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "row of %" PRIu64 " elements is no multiple of the %s block of %" PRIu32 ", in tensor '%.*s'",
		    dim[0], info->name, info->elems, FOX_STR_ARG(name));
	if (!fox_mul(bytes, elems / info->elems, info->bytes) || *bytes > INT64_MAX)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "number of bytes does not fit 63 bits, in tensor '%.*s'",
		    FOX_STR_ARG(name));
	return FOX_OK;
}

/* Room for one more tensor, and its name, which must be new. */
static enum fox_status add_tensor(struct fox_gguf_writer *w, struct fox_str *name, struct fox_err *err)
{
	if (w->n_tensors == FOX_GGUF_MAX_TENSORS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "more than %u tensors", FOX_GGUF_MAX_TENSORS);
	if (w->n_tensors == w->cap_tensors) {
		size_t cap = w->cap_tensors ? 2 * w->cap_tensors : 64;
		struct fox_put_tensor *tensors = realloc(w->tensors, cap * sizeof *tensors);
		if (!tensors)
			return fox_fail_nomem(err);
		w->tensors = tensors;
		w->cap_tensors = cap;
	}
	uint32_t first;
	char *copy = fox_arena_strdup(&w->arena, *name);
	if (!copy ||
	    !names_put(&w->names, &w->arena, (struct fox_str){copy, name->n}, (uint32_t)w->n_tensors, &first))
		return fox_fail_nomem(err);
	if (first != FOX_MAP_NONE)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor '%.*s' repeats", FOX_STR_ARG(*name));
	name->p = copy;
	return FOX_OK;
}

enum fox_status fox_gguf_put_tensor(struct fox_gguf_writer *w, struct fox_str name, enum fox_type type,
    uint32_t n_dims, const uint64_t *dim, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_DECLARING)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "tensor '%.*s' comes after the layout is frozen", FOX_STR_ARG(name));
	if (!name_ok(name, FOX_GGUF_MAX_NAME))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor name '%.*s' is ill-formed or over %u bytes",
		    FOX_STR_ARG(name), FOX_GGUF_MAX_NAME);
	uint64_t bytes = 0;
	enum fox_status st = check_shape(name, type, n_dims, dim, &bytes, err);
	if (!st)
		st = add_tensor(w, &name, err);
	if (st)
		return st;
	struct fox_put_tensor *t = &w->tensors[w->n_tensors++];
	memset(t, 0, sizeof *t);
	t->name = name;
	t->type = type;
	t->n_dims = n_dims;
	memcpy(t->dim, dim, n_dims * sizeof *dim);
	t->bytes = bytes;
	return FOX_OK;
}
