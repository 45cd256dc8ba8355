/* safetensors.c - the safetensors header: JSON, then one byte range per tensor.
 *
 * Refuses unknown members and dtypes, sizes that differ from the shape's, and ranges that leave a hole,
 * overlap or end elsewhere than the file does.  spec/sources.md section 1 */
#include "format/safetensors.h"

#include <stdlib.h>

#include "format/base/json.h"
#include "format/base/map.h"
#include "format/base/num.h"

#define LENGTH_BYTES 8u      /* the u64 before the header */
#define MIN_ENTRY 40u        /* "":{"dtype":"U8","shape":[],"data_offsets":[0,1]} has more */
#define MAX_ENTRY (4u << 20) /* a limit of ours on one member: bounds the JSON tree */

static bool find_dtype(struct fox_str name, enum fox_dtype *out)
{
	for (unsigned i = 0; i < FOX_DT_COUNT; i++) {
		if (fox_str_is(name, fox_dtypes[i].name)) {
			*out = (enum fox_dtype)i;
			return true;
		}
	}
	return false;
}

/* Element i of the array `what`: an integer >= 0. */
static enum fox_status want_size(
    const struct fox_value *array, const char *what, size_t i, uint64_t *out, struct fox_err *err)
{
	const struct fox_value *v = fox_json_at(array, i);
	if (fox_json_u64(v, out))
		return FOX_OK;
	if (fox_json_type(v) == FOX_JSON_INT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s[%zu]' is negative", what, i);
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s[%zu]' is %s, want an integer", what, i,
	    fox_json_type_name(fox_json_type(v)));
}

static enum fox_status want_array(
    const struct fox_value *entry, const char *key, const struct fox_value **out, struct fox_err *err)
{
	*out = fox_json_get(entry, key);
	if (!*out)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no '%s'", key);
	if (fox_json_type(*out) != FOX_JSON_ARRAY)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %s, want an array", key,
		    fox_json_type_name(fox_json_type(*out)));
	return FOX_OK;
}

/* Nothing but the three members of the format: what a reader does not know it must not skip. */
static enum fox_status check_members(const struct fox_value *entry, struct fox_err *err)
{
	struct fox_str key;
	const struct fox_value *value;
	for (void *it = NULL; fox_json_next(entry, &it, &key, &value);) {
		if (!fox_str_is(key, "dtype") && !fox_str_is(key, "shape") && !fox_str_is(key, "data_offsets"))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "unknown member '%.*s'", FOX_STR_ARG(key));
	}
	return FOX_OK;
}

/* Fills n_dims, shape, n_elems and bytes (from the dtype, which is set). */
static enum fox_status parse_shape(
    struct fox_src_tensor *t, const struct fox_value *shape, struct fox_err *err)
{
	size_t n = fox_json_size(shape);
	uint64_t bits;
	if (n > FOX_ST_MAX_DIMS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%zu dimensions, more than %u", n, FOX_ST_MAX_DIMS);
	t->n_dims = (uint32_t)n;
	t->n_elems = 1;
	for (size_t i = 0; i < n; i++) {
		enum fox_status s = want_size(shape, "shape", i, &t->shape[i], err);
		if (s)
			return s;
		if (!fox_mul(&t->n_elems, t->n_elems, t->shape[i]))
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "elements of 'shape' do not fit 64 bits");
	}
	if (!fox_mul(&bits, t->n_elems, fox_dtypes[t->dtype].bits))
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "size of 'shape' does not fit 64 bits");
	if (bits % 8)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "%llu bits of %s do not end on a byte",
		    (unsigned long long)bits, fox_dtypes[t->dtype].name);
	t->bytes = bits / 8;
	return FOX_OK;
}

/* One entry without its name; t->at becomes the first offset within the data section. */
static enum fox_status parse_entry(
    struct fox_src_tensor *t, const struct fox_value *entry, struct fox_err *err)
{
	const struct fox_value *shape, *offsets;
	struct fox_str dtype;
	uint64_t end;
	enum fox_status s;
	if (fox_json_type(entry) != FOX_JSON_OBJECT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "entry is %s, want an object",
		    fox_json_type_name(fox_json_type(entry)));
	if ((s = check_members(entry, err)) || (s = fox_json_want_str(entry, "dtype", &dtype, err)) ||
	    (s = want_array(entry, "shape", &shape, err)) ||
	    (s = want_array(entry, "data_offsets", &offsets, err)))
		return s;
	if (!find_dtype(dtype, &t->dtype))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "unknown dtype '%.*s'", FOX_STR_ARG(dtype));
	if ((s = parse_shape(t, shape, err)))
		return s;
	if (fox_json_size(offsets) != 2)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'data_offsets' has %zu elements, want 2",
		    fox_json_size(offsets));
	if ((s = want_size(offsets, "data_offsets", 0, &t->at, err)) ||
	    (s = want_size(offsets, "data_offsets", 1, &end, err)))
		return s;
	if (end < t->at)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'data_offsets' end at %llu, before their begin %llu",
		    (unsigned long long)end, (unsigned long long)t->at);
	if (end - t->at != t->bytes)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'data_offsets' hold %llu bytes, 'shape' and 'dtype' need %llu",
		    (unsigned long long)(end - t->at), (unsigned long long)t->bytes);
	return FOX_OK;
}

static enum fox_status check_metadata(const struct fox_value *meta, struct fox_err *err)
{
	struct fox_str key;
	const struct fox_value *value;
	if (fox_json_type(meta) != FOX_JSON_OBJECT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'__metadata__' is %s, want an object",
		    fox_json_type_name(fox_json_type(meta)));
	for (void *it = NULL; fox_json_next(meta, &it, &key, &value);) {
		if (fox_json_type(value) != FOX_JSON_STRING)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'__metadata__.%.*s' is %s, want a string",
			    FOX_STR_ARG(key), fox_json_type_name(fox_json_type(value)));
	}
	return FOX_OK;
}

/* By offset; tensors of no bytes come before what starts where they are, and among themselves by name. */
static int by_offset(const void *a, const void *b)
{
	const struct fox_src_tensor *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return fox_str_cmp(x->name, y->name);
}

void fox_st_sort(struct fox_st_tensors *ts)
{
	qsort(ts->list, ts->n, sizeof *ts->list, by_offset);
}

/* The data section, seen from its start: each byte in exactly one tensor. Then makes offsets absolute. */
static enum fox_status check_cover(
    struct fox_st_tensors *ts, uint64_t data_at, uint64_t file_bytes, struct fox_err *err)
{
	uint64_t next = 0, data_bytes = file_bytes - data_at;
	for (size_t i = 0; i < ts->n; i++) {
		struct fox_src_tensor *t = &ts->list[i];
		if (t->at > next)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "hole of %llu bytes in the data before tensor '%.*s'", (unsigned long long)(t->at - next),
			    FOX_STR_ARG(t->name));
		if (t->at < next)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "tensor '%.*s' overlaps tensor '%.*s'",
			    FOX_STR_ARG(t->name), FOX_STR_ARG(ts->list[i - 1].name));
		next += t->bytes; /* the end that the entry states: it fitted 64 bits there */
		if (next > data_bytes)
			return fox_fail(err, FOX_E_TRUNCATED, file_bytes,
			    "file ends %llu bytes before the end of tensor '%.*s'",
			    (unsigned long long)(next - data_bytes), FOX_STR_ARG(t->name));
		t->at += data_at;
	}
	if (next < data_bytes)
		return fox_fail(err, FOX_E_FORMAT, data_at + next, "%llu bytes after the last tensor",
		    (unsigned long long)(data_bytes - next));
	return FOX_OK;
}

/* One pass over the members of the header's object. */
struct scan {
	struct fox_st_tensors *out;
	struct fox_arena *arena;
	struct fox_str json;
	size_t last; /* index of the object's '}' */
	uint32_t file;
	struct fox_map names; /* every key seen */
	struct fox_buf text;  /* one member, as an object of its own */
};

/* The ',' or '}' that ends the member at `from`, or json.n. Exact for valid JSON; the parser judges the rest. */
static size_t member_end(struct fox_str json, size_t from)
{
	size_t depth = 0;
	for (size_t i = from; i < json.n; i++) {
		char c = json.p[i];
		if (c == '"') {
			for (i++; i < json.n && json.p[i] != '"'; i++)
				i += json.p[i] == '\\';
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (depth) {
			depth -= c == '}' || c == ']';
		} else if (c == ',' || c == '}') {
			return i;
		}
	}
	return json.n;
}

static bool is_blank(struct fox_str s)
{
	size_t i = 0;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r'))
		i++;
	return i == s.n;
}

/* The most members that can be tensors: by count, and because the shortest entry takes MIN_ENTRY bytes. */
static size_t count_members(struct fox_str json)
{
	size_t n = 1, most = json.n / MIN_ENTRY + 2;
	for (size_t i = member_end(json, 1); i < json.n && json.p[i] == ',' && n < most;
	     i = member_end(json, i + 1))
		n++;
	return n + 1;
}

static enum fox_status add_member(struct scan *c, const struct fox_value *object, struct fox_err *err)
{
	struct fox_str key = {"", 0}, copy;
	const struct fox_value *value = NULL;
	void *it = NULL;
	enum fox_status s;
	fox_json_next(object, &it, &key, &value);
	copy = (struct fox_str){fox_arena_strdup(c->arena, key), key.n};
	if (!copy.p)
		return fox_fail_nomem(err);
	if (fox_str_is(key, "__metadata__")) {
		s = check_metadata(value, err);
	} else {
		struct fox_src_tensor *t = &c->out->list[c->out->n];
		*t = (struct fox_src_tensor){.name = copy, .file = c->file};
		s = parse_entry(t, value, err);
		if (s)
			fox_in(err, "in tensor '%.*s'", FOX_STR_ARG(key));
		c->out->n += !s;
	}
	if (!s && fox_map_put(&c->names, copy, 0) != FOX_MAP_NONE)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is there twice", FOX_STR_ARG(key));
	return s;
}

static enum fox_status parse_member(struct scan *c, size_t from, size_t end, struct fox_err *err)
{
	struct fox_json *doc = NULL;
	if (end - from > MAX_ENTRY)
		return fox_fail(err, FOX_E_BOUND, LENGTH_BYTES + from, "header member of %zu bytes, more than %u",
		    end - from, MAX_ENTRY);
	fox_buf_clear(&c->text);
	fox_buf_char(&c->text, '{');
	fox_buf_add(&c->text, c->json.p + from, end - from);
	fox_buf_char(&c->text, '}');
	if (c->text.failed)
		return fox_fail_nomem(err);
	enum fox_status s = fox_json_parse(&doc, fox_buf_view(&c->text), err);
	if (s) {
		if (err && err->at != FOX_NOWHERE)
			err->at += LENGTH_BYTES + from - 1;
		fox_in(err, "in the header");
		return s;
	}
	if (fox_json_size(fox_json_root(doc)) == 1)
		s = add_member(c, fox_json_root(doc), err);
	else
		s = fox_fail(err, FOX_E_FORMAT, LENGTH_BYTES + from, "no member where one must be");
	fox_json_close(doc);
	return s;
}

static enum fox_status scan_members(struct scan *c, struct fox_err *err)
{
	size_t at = 1, end = member_end(c->json, at);
	if (end == c->last && is_blank((struct fox_str){c->json.p + 1, end - 1}))
		return FOX_OK; /* no members */
	for (;; at = end + 1, end = member_end(c->json, at)) {
		if (end < c->last && c->json.p[end] == '}')
			return fox_fail(err, FOX_E_FORMAT, LENGTH_BYTES + end + 1, "text after the header's object");
		enum fox_status s = parse_member(c, at, end, err);
		if (s)
			return s;
		if (end == c->json.n)
			return fox_fail(err, FOX_E_FORMAT, LENGTH_BYTES + end, "header's object is not closed");
		if (end == c->last)
			return FOX_OK;
	}
}

/*
 * Member by member, each parsed alone: a tree of the whole header would take twenty times its bytes, and a header may
 * have 100 MB.
 */
static enum fox_status list_tensors(struct scan *c, struct fox_err *err)
{
	struct fox_arena scratch = {0};
	size_t most = count_members(c->json);
	enum fox_status s;
	c->out->list = fox_arena_alloc(c->arena, most, sizeof *c->out->list);
	if (!c->out->list || !fox_map_init(&c->names, &scratch, most))
		s = fox_fail_nomem(err);
	else
		s = scan_members(c, err);
	fox_buf_free(&c->text);
	fox_arena_free(&scratch);
	return s;
}

/* The format wants '{' first and only 0x20 after '}'; *last is the index of that one. */
static enum fox_status check_ends(struct fox_str json, size_t *last, struct fox_err *err)
{
	size_t n = json.n;
	if (!n)
		return fox_fail(err, FOX_E_FORMAT, 0, "header of 0 bytes");
	if (json.p[0] != '{')
		return fox_fail(
		    err, FOX_E_FORMAT, LENGTH_BYTES, "header begins with byte 0x%02X, want '{'", (uint8_t)json.p[0]);
	while (json.p[n - 1] == ' ')
		n--;
	if (json.p[n - 1] != '}')
		return fox_fail(err, FOX_E_FORMAT, LENGTH_BYTES + n - 1,
		    "header ends with byte 0x%02X, want '}' and blanks", (uint8_t)json.p[n - 1]);
	*last = n - 1;
	return FOX_OK;
}

enum fox_status fox_st_parse(struct fox_st_tensors *out, struct fox_arena *a, struct fox_str json,
    uint64_t file_bytes, uint32_t file, struct fox_err *err)
{
	struct scan c = {.out = out, .arena = a, .json = json, .file = file};
	uint64_t data_at;
	enum fox_status s;
	*out = (struct fox_st_tensors){0};
	if (json.n > FOX_ST_MAX_HEADER || !fox_add(&data_at, LENGTH_BYTES, json.n) || data_at > file_bytes)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "header of %zu bytes is not part of the file", json.n);
	if ((s = check_ends(json, &c.last, err)) || (s = list_tensors(&c, err)))
		return s;
	if (out->n)
		fox_st_sort(out);
	return check_cover(out, data_at, file_bytes, err);
}

static enum fox_status read_header(struct fox_st_tensors *out, struct fox_arena *a, const struct fox_file *f,
    uint32_t file, struct fox_err *err)
{
	uint8_t length[LENGTH_BYTES];
	enum fox_status s;
	if (f->size < LENGTH_BYTES)
		return fox_fail(err, FOX_E_TRUNCATED, f->size, "file of %llu bytes, want 8 for the header's length",
		    (unsigned long long)f->size);
	if ((s = fox_file_read(f, 0, length, sizeof length, err)))
		return s;
	uint64_t n = fox_load64(length);
	if (n > FOX_ST_MAX_HEADER)
		return fox_fail(err, FOX_E_BOUND, 0, "header of %llu bytes, more than %u", (unsigned long long)n,
		    FOX_ST_MAX_HEADER);
	if (n > f->size - LENGTH_BYTES)
		return fox_fail(err, FOX_E_TRUNCATED, 0, "header of %llu bytes ends past the file of %llu",
		    (unsigned long long)n, (unsigned long long)f->size);
	char *json = malloc((size_t)n + 1);
	if (!json)
		return fox_fail_nomem(err);
	s = fox_file_read(f, LENGTH_BYTES, json, (size_t)n, err);
	if (!s)
		s = fox_st_parse(out, a, (struct fox_str){json, (size_t)n}, f->size, file, err);
	free(json);
	return s;
}

enum fox_status fox_st_read_header(struct fox_st_tensors *out, struct fox_arena *a, const struct fox_file *f,
    uint32_t file, struct fox_err *err)
{
	*out = (struct fox_st_tensors){0};
	enum fox_status s = read_header(out, a, f, file, err);
	fox_in_file(err, f->path);
	return s;
}
