/* gguf_read.c - the parse of a container, done whole in open.
 *
 * Refuses everything that points outside the file, repeats, wraps, or that readers have understood in
 * different ways; spec/container.md sections 2, 3 and 7. Nothing of the file is copied: keys, names and
 * values are views of the map. */
#include "format/gguf.h"

#include <inttypes.h>
#include <stdlib.h>

#include "format/base/num.h"
#include "format/gguf_cursor.h"
#include "format/planes.h"
#include "format/gguf_in.h"
#include "format/profile.h"

#define KEY_MAX_BYTES 65535u /* GGUF's own limit */
#define MIN_KEY_BYTES                                                                                        \
	14u /* length 8, one byte, type 4, one byte of value: bounds the number of keys by the file */
#define MIN_TENSOR_BYTES 33u /* length 8, one byte, n_dims 4, one dimension 8, type 4, offset 8 */

static enum fox_status take_magic(struct fox_cursor *c, struct fox_gguf_header *h)
{
	static const char lfs[] = "version https://git-lfs";
	uint64_t n = c->n < 4 ? c->n : 4;
	if (!n)
		return fox_fail(c->err, FOX_E_FORMAT, 0, "file is empty");
	if (c->n >= sizeof lfs - 1 && !memcmp(c->p, lfs, sizeof lfs - 1))
		return fox_fail(c->err, FOX_E_FORMAT, 0, "this is a Git-LFS pointer, not the file it stands for");
	if (n == 4 && !memcmp(c->p, FOX_PLANES_MAGIC, 4))
		return fox_fail(c->err, FOX_E_UNSUPPORTED, 0, "this is a compressed container: fox-pack expand FILE");
	if (memcmp(c->p, "GGUF", n))
		return fox_fail(c->err, FOX_E_FORMAT, 0, "magic is not 'GGUF'");
	if (n < 4)
		return fox_fail(c->err, FOX_E_BOUND, 0, "file ends inside the magic");
	c->at = 4;
	enum fox_status st = fox_cursor_u32(c, "version", &h->version);
	if (st)
		return st;
	/* Versions are small: one whose low half is 0 was written by the other byte order. */
	h->big_endian = h->version && !(h->version & 0xffff);
	c->swap = h->big_endian;
	if (c->swap)
		h->version = __builtin_bswap32(h->version);
	if (h->version != 2 && h->version != 3)
		return fox_fail(
		    c->err, FOX_E_UNSUPPORTED, 4, "version %" PRIu32 " is not supported, want 2 or 3", h->version);
	return FOX_OK;
}

/* The two counts, checked against limits and against what the rest of the file can hold, before memory is
 * taken. */
static enum fox_status take_counts(struct fox_cursor *c, uint64_t *n_tensors, uint64_t *n_keys)
{
	enum fox_status st = fox_cursor_u64(c, "tensor count", n_tensors);
	if (!st)
		st = fox_cursor_u64(c, "key count", n_keys);
	if (st)
		return st;
	uint64_t left = c->n - c->at;
	if (*n_tensors > left / MIN_TENSOR_BYTES)
		return fox_fail(c->err, FOX_E_BOUND, 8, "%" PRIu64 " tensors do not fit a file of %" PRIu64 " bytes",
		    *n_tensors, c->n);
	if (*n_keys > left / MIN_KEY_BYTES)
		return fox_fail(c->err, FOX_E_BOUND, 16, "%" PRIu64 " keys do not fit a file of %" PRIu64 " bytes",
		    *n_keys, c->n);
	if (*n_tensors > FOX_GGUF_MAX_TENSORS)
		return fox_fail(c->err, FOX_E_BOUND, 8, "%" PRIu64 " tensors are over the limit of %u", *n_tensors,
		    FOX_GGUF_MAX_TENSORS);
	if (*n_keys > FOX_GGUF_MAX_KEYS)
		return fox_fail(
		    c->err, FOX_E_BOUND, 16, "%" PRIu64 " keys are over the limit of %u", *n_keys, FOX_GGUF_MAX_KEYS);
	return FOX_OK;
}

static enum fox_status take_type(struct fox_cursor *c, const char *what, enum fox_gguf_type *out)
{
	uint32_t t = 0;
	enum fox_status st = fox_cursor_u32(c, what, &t);
	if (st)
		return st;
	if (t >= FOX_GGUF_TYPES)
		return fox_fail(c->err, FOX_E_FORMAT, c->at - 4, "%s %" PRIu32 " is unknown", what, t);
	*out = (enum fox_gguf_type)t;
	return FOX_OK;
}

static enum fox_status take_strings(struct fox_cursor *c, const struct fox_gguf_kv *kv)
{
	if (kv->n_items > (c->n - c->at) / 8)
		return fox_fail(
		    c->err, FOX_E_BOUND, kv->at - 8, "array of %" PRIu64 " str ends past the file", kv->n_items);
	for (uint64_t i = 0; i < kv->n_items; i++) {
		struct fox_str s;
		if (fox_cursor_str(c, "string", FOX_GGUF_MAX_STRING, &s))
			{
			if (kv->type == FOX_GGUF_ARR)
				fox_in(c->err, "in element %" PRIu64, i);
			return c->err->code;
		}
	}
	return FOX_OK;
}

static enum fox_status take_bools(struct fox_cursor *c, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (c->p[c->at + i] > 1)
			return fox_fail(
			    c->err, FOX_E_FORMAT, c->at + i, "bool is %u, want 0 or 1", (unsigned)c->p[c->at + i]);
	return FOX_OK;
}

/* The value's bytes: steps over them, having checked that they are all there. */
static enum fox_status take_value(struct fox_cursor *c, const struct fox_gguf_kv *kv)
{
	if (kv->item == FOX_GGUF_STR && kv->type == FOX_GGUF_ARR)
		return take_strings(c, kv);
	if (kv->item == FOX_GGUF_STR) {
		struct fox_str s;
		return fox_cursor_str(c, "string", FOX_GGUF_MAX_STRING, &s);
	}
	uint64_t bytes;
	if (!fox_mul(&bytes, kv->n_items, fox_gguf_type_bytes(kv->item)) || bytes > c->n - c->at) {
		if (kv->type != FOX_GGUF_ARR)
			return fox_fail(c->err, FOX_E_BOUND, c->at, "file ends inside the value");
		return fox_fail(c->err, FOX_E_BOUND, c->at - 8, "array of %" PRIu64 " %s ends past the file",
		    kv->n_items, fox_gguf_type_name(kv->item));
	}
	if (kv->item == FOX_GGUF_BOOL) {
		enum fox_status st = take_bools(c, kv->n_items);
		if (st)
			return st;
	}
	c->at += bytes;
	return FOX_OK;
}

static enum fox_status take_key_body(struct fox_cursor *c, struct fox_gguf_kv *kv)
{
	enum fox_status st = take_type(c, "value type", &kv->type);
	if (st)
		return st;
	kv->item = kv->type;
	kv->n_items = 1;
	if (kv->type == FOX_GGUF_ARR) {
		st = take_type(c, "element type", &kv->item);
		if (!st && kv->item == FOX_GGUF_ARR)
			st = fox_fail(c->err, FOX_E_UNSUPPORTED, c->at - 4, "array of arrays is not supported");
		if (!st)
			st = fox_cursor_u64(c, "element count", &kv->n_items);
		if (st)
			return st;
	}
	kv->at = c->at;
	st = take_value(c, kv);
	if (!st && kv->n_items > FOX_GGUF_MAX_ITEMS)
		st = fox_fail(c->err, FOX_E_BOUND, kv->at - 8,
		    "array of %" PRIu64 " elements is over the limit of %u", kv->n_items, FOX_GGUF_MAX_ITEMS);
	if (!st)
		kv->raw = (struct fox_span){c->p + kv->at, c->at - kv->at};
	return st;
}

static enum fox_status take_keys(struct fox_gguf *g, struct fox_cursor *c)
{
	g->keys = fox_arena_alloc(&g->arena, g->n_keys, sizeof *g->keys);
	if (!g->keys || !fox_map_init(&g->key_map, &g->arena, g->n_keys))
		return fox_fail_nomem(c->err);
	for (size_t i = 0; i < g->n_keys; i++) {
		struct fox_gguf_kv *kv = &g->keys[i];
		uint64_t from = c->at;
		if (fox_cursor_name(c, "key", KEY_MAX_BYTES, &kv->key))
			return fox_in(c->err, "in key %zu", i), c->err->code;
		uint32_t first = fox_map_put(&g->key_map, kv->key, (uint32_t)i);
		if (first != FOX_MAP_NONE)
			return fox_fail(c->err, FOX_E_FORMAT, from, "key %zu repeats key %" PRIu32 ", '%.*s'", i, first,
			    FOX_STR_ARG(kv->key));
		if (take_key_body(c, kv))
			return fox_in(c->err, "in key '%.*s'", FOX_STR_ARG(kv->key)), c->err->code;
	}
	return FOX_OK;
}

static enum fox_status find_alignment(struct fox_gguf *g, struct fox_err *err)
{
	g->header.alignment = FOX_GGUF_ALIGN;
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, "general.alignment");
	if (!kv)
		return FOX_OK;
	if (kv->type != FOX_GGUF_U32)
		return fox_fail(
		    err, FOX_E_FORMAT, kv->at, "'general.alignment' is %s, want u32", fox_gguf_type_name(kv->type));
	uint64_t v = 0;
	fox_gguf_item_u64(g, kv, 0, &v);
	if (!fox_is_pow2(v))
		return fox_fail(err, FOX_E_FORMAT, kv->at, "alignment %" PRIu64 " is no power of two", v);
	if (v > FOX_GGUF_MAX_ALIGN)
		return fox_fail(
		    err, FOX_E_BOUND, kv->at, "alignment %" PRIu64 " is over the limit of %u", v, FOX_GGUF_MAX_ALIGN);
	g->header.alignment = (uint32_t)v;
	return FOX_OK;
}

static enum fox_status take_dims(struct fox_cursor *c, struct fox_tensor *t)
{
	enum fox_status st = fox_cursor_u32(c, "number of dimensions", &t->n_dims);
	if (st)
		return st;
	if (t->n_dims < 1 || t->n_dims > 4)
		return fox_fail(c->err, FOX_E_BOUND, c->at - 4, "%" PRIu32 " dimensions, want 1 to 4", t->n_dims);
	t->n_elems = 1;
	for (uint32_t d = 0; d < 4; d++) {
		t->dim[d] = 1;
		if (d >= t->n_dims)
			continue;
		st = fox_cursor_u64(c, "dimensions", &t->dim[d]);
		if (st)
			return st;
		if (!t->dim[d])
			return fox_fail(c->err, FOX_E_FORMAT, c->at - 8, "dimension %" PRIu32 " is 0", d);
		if (!fox_mul(&t->n_elems, t->n_elems, t->dim[d]) || t->n_elems > INT64_MAX)
			return fox_fail(c->err, FOX_E_BOUND, c->at - 8, "number of elements does not fit 63 bits");
	}
	return FOX_OK;
}

/* The type, and with it the size in bytes. */
static enum fox_status take_tensor_type(struct fox_cursor *c, struct fox_tensor *t, uint64_t *bytes)
{
	uint32_t id = 0;
	enum fox_status st = fox_cursor_u32(c, "tensor type", &id);
	if (st)
		return st;
	const struct fox_type_info *info = fox_type_info(id);
	if (!info)
		return fox_fail(c->err, FOX_E_UNSUPPORTED, c->at - 4, "tensor type %" PRIu32 " is not supported (%s)",
		    id, fox_type_refusal(id));
	t->type = (enum fox_type)id;
	if (t->dim[0] % info->elems)
		return fox_fail(c->err, FOX_E_FORMAT, c->at - 4,
		    "row of %" PRIu64 " elements is no multiple of the %s block of %" PRIu32, t->dim[0], info->name,
		    info->elems);
	if (!fox_mul(bytes, t->n_elems / info->elems, info->bytes) || *bytes > INT64_MAX)
		return fox_fail(c->err, FOX_E_BOUND, c->at - 4, "number of bytes does not fit 63 bits");
	return FOX_OK;
}

/* Offsets leave no choice: each is the padded end of the tensor before, so no two readers can see different
 * data. */
static enum fox_status take_offset(struct fox_cursor *c, uint64_t want, uint32_t align, uint64_t *out)
{
	enum fox_status st = fox_cursor_u64(c, "tensor offset", out);
	if (st)
		return st;
	if (*out % align)
		return fox_fail(c->err, FOX_E_FORMAT, c->at - 8,
		    "data offset %" PRIu64 " is no multiple of the alignment %" PRIu32, *out, align);
	if (*out > want)
		return fox_fail(c->err, FOX_E_FORMAT, c->at - 8,
		    "data offset %" PRIu64 " leaves a gap, want %" PRIu64, *out, want);
	if (*out < want)
		return fox_fail(
		    c->err, FOX_E_FORMAT, c->at - 8, "data offset %" PRIu64 " overlaps, want %" PRIu64, *out, want);
	return FOX_OK;
}

/* One row of the tensor table. *want: offset this tensor must have; then the next one's. t->at is set
 * relative. */
static enum fox_status take_tensor_body(
    struct fox_cursor *c, uint32_t align, uint64_t *want, struct fox_tensor *t)
{
	uint64_t bytes = 0;
	enum fox_status st = take_dims(c, t);
	if (!st)
		st = take_tensor_type(c, t, &bytes);
	if (!st)
		st = take_offset(c, *want, align, &t->at);
	if (st)
		return st;
	t->data.n = bytes;
	if (!fox_add(want, t->at, bytes) || !fox_align_up(want, *want, align) || *want > INT64_MAX)
		return fox_fail(c->err, FOX_E_BOUND, c->at - 8, "end of the data does not fit 63 bits");
	return FOX_OK;
}

static enum fox_status take_tensors(struct fox_gguf *g, struct fox_cursor *c)
{
	g->tensors = fox_arena_alloc(&g->arena, g->n_tensors, sizeof *g->tensors);
	if (!g->tensors || !fox_map_init(&g->tensor_map, &g->arena, g->n_tensors))
		return fox_fail_nomem(c->err);
	uint64_t want = 0;
	for (size_t i = 0; i < g->n_tensors; i++) {
		struct fox_tensor *t = &g->tensors[i];
		uint64_t from = c->at;
		if (fox_cursor_name(c, "name", FOX_GGUF_MAX_NAME, &t->name))
			return fox_in(c->err, "in tensor %zu", i), c->err->code;
		uint32_t first = fox_map_put(&g->tensor_map, t->name, (uint32_t)i);
		if (first != FOX_MAP_NONE)
			return fox_fail(c->err, FOX_E_FORMAT, from, "tensor %zu repeats tensor %" PRIu32 ", '%.*s'", i,
			    first, FOX_STR_ARG(t->name));
		if (take_tensor_body(c, g->header.alignment, &want, t))
			return fox_in(c->err, "in tensor '%.*s'", FOX_STR_ARG(t->name)), c->err->code;
	}
	return FOX_OK;
}

/* Is a byte of [from, to) that lies inside the file not 0? */
static bool nonzero(const struct fox_gguf *g, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to && i < g->bytes.n; i++)
		if (g->bytes.p[i])
			return true;
	return false;
}

/* Give every tensor its bytes, and take stock of padding and of what follows the last one. */
static enum fox_status place_data(struct fox_gguf *g, struct fox_err *err)
{
	struct fox_gguf_header *h = &g->header;
	if (!fox_align_up(&h->data_at, h->header_end, h->alignment))
		return fox_fail(err, FOX_E_BOUND, h->header_end, "end of the header does not fit 64 bits");
	h->padding_nonzero = nonzero(g, h->header_end, h->data_at);
	if (!g->n_tensors && h->data_at > h->file_bytes)
		h->data_at = h->file_bytes;
	h->data_end = h->data_at;
	uint64_t padded = h->data_at;
	for (size_t i = 0; i < g->n_tensors; i++) {
		struct fox_tensor *t = &g->tensors[i];
		if (!fox_add(&t->at, h->data_at, t->at) || !fox_add(&h->data_end, t->at, t->data.n) ||
		    !fox_align_up(&padded, h->data_end, h->alignment))
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
			    "end of the data does not fit 64 bits, in tensor '%.*s'", FOX_STR_ARG(t->name));
		if (h->data_end > h->file_bytes)
			return fox_fail(err, FOX_E_TRUNCATED, t->at,
			    "data of tensor '%.*s' ends %" PRIu64 " bytes past the file", FOX_STR_ARG(t->name),
			    h->data_end - h->file_bytes);
		t->data.p = g->bytes.p + t->at;
		h->padding_nonzero |= nonzero(g, h->data_end, padded);
	}
	h->trailing = h->file_bytes > padded ? h->file_bytes - padded : 0;
	return FOX_OK;
}

static void attach_hashes(struct fox_gguf *g)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, FOX_KEY_HASH_TENSORS);
	if (!kv || kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_U8 ||
	    kv->n_items != 16 * (uint64_t)g->n_tensors)
		return;
	for (size_t i = 0; i < g->n_tensors; i++) /* an array of bytes: no alignment to keep */
		g->tensors[i].hash = (const struct fox_hash128 *)(kv->raw.p + 16 * i);
}

static enum fox_status parse(struct fox_gguf *g, struct fox_err *err)
{
	struct fox_cursor c = {.p = g->bytes.p, .n = g->bytes.n, .err = err};
	g->header.file_bytes = g->bytes.n;
	uint64_t n_tensors = 0, n_keys = 0;
	enum fox_status st = take_magic(&c, &g->header);
	if (!st)
		st = take_counts(&c, &n_tensors, &n_keys);
	if (st)
		return st;
	g->n_tensors = (size_t)n_tensors;
	g->n_keys = (size_t)n_keys;
	st = take_keys(g, &c);
	if (!st)
		st = find_alignment(g, err);
	if (!st)
		st = take_tensors(g, &c);
	g->header.header_end = c.at;
	if (!st)
		st = place_data(g, err);
	if (!st)
		attach_hashes(g);
	return st;
}

/* Own g from here on: hand it out, or close it. */
static enum fox_status finish_open(
    struct fox_gguf **out, struct fox_gguf *g, const char *path, struct fox_err *err)
{
	g->path = fox_arena_strdup(&g->arena, fox_str_of(path));
	enum fox_status st = g->path ? parse(g, err) : fox_fail_nomem(err);
	if (st) {
		fox_gguf_close(g);
		return fox_in_file(err, path), st;
	}
	*out = g;
	return FOX_OK;
}

enum fox_status fox_gguf_open(struct fox_gguf **out, const char *path, struct fox_err *err)
{
	struct fox_err own = {0};
	*out = NULL;
	struct fox_gguf *g = calloc(1, sizeof *g);
	if (!g)
		return fox_fail_nomem(err);
	if (!err)
		err = &own;
	enum fox_status st = fox_map_open(&g->map, path, err);
	if (st) {
		free(g);
		return fox_in_file(err, path), st;
	}
	g->bytes = g->map.bytes;
	return finish_open(out, g, path, err);
}

enum fox_status fox_gguf_open_bytes(
    struct fox_gguf **out, struct fox_span bytes, const char *path, struct fox_err *err)
{
	struct fox_err own = {0};
	*out = NULL;
	struct fox_gguf *g = calloc(1, sizeof *g);
	if (!g)
		return fox_fail_nomem(err);
	g->bytes = bytes;
	return finish_open(out, g, path, err ? err : &own);
}

enum fox_status fox_gguf_is(bool *yes, const char *path, struct fox_err *err)
{
	struct fox_file f = {0};
	char magic[4] = {0};
	enum fox_status s = fox_file_open(&f, path, err);
	if (s)
		return s;
	if (f.size >= sizeof magic)
		s = fox_file_read(&f, 0, magic, sizeof magic, err);
	*yes = !memcmp(magic, "GGUF", sizeof magic);
	fox_file_close(&f);
	return s;
}

void fox_gguf_close(struct fox_gguf *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_parts; i++)
		fox_gguf_close(g->parts[i]);
	fox_map_close(&g->map);
	fox_arena_free(&g->arena);
	free(g);
}

const struct fox_gguf_header *fox_gguf_header(const struct fox_gguf *g)
{
	return &g->header;
}

void fox_gguf_done_with(const struct fox_gguf *g, struct fox_span part)
{
	const struct fox_gguf *mapped = g->parts ? g->parts[0] : g; /* all files of a set are, and addresses tell them apart */
	fox_map_done_with(&mapped->map, part);
}

const struct fox_file *fox_gguf_file(const struct fox_gguf *g)
{
	return g->map.file.open ? &g->map.file : NULL;
}

struct fox_span fox_gguf_bytes(const struct fox_gguf *g)
{
	return g->bytes;
}

const char *fox_gguf_path(const struct fox_gguf *g)
{
	return g->path;
}

size_t fox_gguf_keys(const struct fox_gguf *g)
{
	return g->n_keys;
}

const struct fox_gguf_kv *fox_gguf_key(const struct fox_gguf *g, size_t i)
{
	return &g->keys[i];
}

const struct fox_gguf_kv *fox_gguf_find_key(const struct fox_gguf *g, const char *key)
{
	uint32_t i = fox_map_find(&g->key_map, fox_str_of(key));
	return i == FOX_MAP_NONE ? NULL : &g->keys[i];
}

size_t fox_gguf_tensors(const struct fox_gguf *g)
{
	return g->n_tensors;
}

const struct fox_tensor *fox_gguf_tensor(const struct fox_gguf *g, size_t i)
{
	return &g->tensors[i];
}

const struct fox_tensor *fox_gguf_find(const struct fox_gguf *g, struct fox_str name)
{
	uint32_t i = fox_map_find(&g->tensor_map, name);
	return i == FOX_MAP_NONE ? NULL : &g->tensors[i];
}
