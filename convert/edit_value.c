/* edit_value.c - text to typed values, and back for the eye. */
#include "convert/edit_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/json.h"
#include "format/base/num.h"

enum { KEY_MAX = 65535, SHOWN = 60, MAX_FILE = 256 << 20 };

enum fox_status fox_edit_key_check(struct fox_str key, struct fox_err *err)
{
	const char *why = NULL;
	if (!key.n)
		why = "is empty";
	else if (key.n > KEY_MAX)
		why = "is longer than 65535 bytes";
	else if (fox_utf8_bad(key) != key.n)
		why = "is not UTF-8";
	for (size_t i = 0; i < key.n && !why; i++)
		if ((unsigned char)key.p[i] <= ' ' || key.p[i] == 0x7F || key.p[i] == '=')
			why = "has a blank, a control character or '='";
	return why ? fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' %s", FOX_STR_ARG(key), why) : FOX_OK;
}

/* The range of an integer type of 1 to 8 bytes: as a sign and a magnitude, so that u64 and i64 both fit. */
static bool is_signed(enum fox_gguf_type t)
{
	return t == FOX_GGUF_I8 || t == FOX_GGUF_I16 || t == FOX_GGUF_I32 || t == FOX_GGUF_I64;
}

static bool is_real(enum fox_gguf_type t)
{
	return t == FOX_GGUF_F32 || t == FOX_GGUF_F64;
}

/* [-]magnitude as the type's bytes; false: out of range. */
static bool put_int(struct fox_buf *b, enum fox_gguf_type t, bool negative, uint64_t magnitude)
{
	uint32_t bits = 8 * fox_gguf_type_bytes(t);
	uint64_t most = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	if (is_signed(t))
		most = (most >> 1) + negative;
	else if (negative && magnitude)
		return false;
	if (magnitude > most)
		return false;
	uint8_t bytes[8];
	fox_store64(bytes, negative ? 0 - magnitude : magnitude);
	fox_buf_add(b, bytes, bits / 8);
	return true;
}

/* A number that the type cannot hold, or only as 0, is refused; rounding is what the type is. */
static bool put_real(struct fox_buf *b, enum fox_gguf_type t, double v)
{
	uint8_t bytes[8];
	if (t == FOX_GGUF_F64) {
		fox_store_f64(bytes, v);
		fox_buf_add(b, bytes, 8);
		return isfinite(v);
	}
	float f = (float)v;
	fox_store_f32(bytes, f);
	fox_buf_add(b, bytes, 4);
	return isfinite(f) && (f != 0 || v == 0);
}

static enum fox_status not_of(
    const struct fox_gguf_kv *kv, struct fox_str text, uint64_t item, struct fox_err *err)
{
	char where[32] = "";
	if (kv->type == FOX_GGUF_ARR)
		snprintf(where, sizeof where, "element %" PRIu64 " of ", item);
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "%skey '%.*s' is no %s, or out of its range: '%.*s'", where,
	    FOX_STR_ARG(kv->key), fox_gguf_type_name(kv->item), FOX_STR_ARG(text));
}

static enum fox_status put_text(
    struct fox_buf *b, const struct fox_gguf_kv *kv, struct fox_str s, struct fox_err *err)
{
	size_t bad = fox_utf8_bad(s);
	if (bad != s.n)
		return fox_fail(
		    err, FOX_E_ARG, bad, "value is not well-formed UTF-8, in key '%.*s'", FOX_STR_ARG(kv->key));
	const char *nul = memchr(s.p, 0, s.n);
	if (nul)
		return fox_fail(err, FOX_E_ARG, (uint64_t)(nul - s.p), "value holds a NUL byte, in key '%.*s'",
		    FOX_STR_ARG(kv->key));
	if (s.n > FOX_GGUF_MAX_STRING)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "string of %zu bytes is over the limit of %u, in key '%.*s'", s.n, FOX_GGUF_MAX_STRING,
		    FOX_STR_ARG(kv->key));
	uint8_t n[8];
	fox_store64(n, s.n);
	fox_buf_add(b, n, sizeof n);
	fox_buf_add(b, s.p, s.n);
	return FOX_OK;
}

static enum fox_status put_scalar(
    struct fox_buf *b, const struct fox_gguf_kv *kv, struct fox_str s, struct fox_err *err)
{
	double v;
	uint64_t magnitude;
	if (kv->item == FOX_GGUF_STR)
		return put_text(b, kv, s, err);
	bool ok, negative = s.n && s.p[0] == '-';
	if (kv->item == FOX_GGUF_BOOL) {
		ok = fox_str_is(s, "true") || fox_str_is(s, "false");
		fox_buf_char(b, fox_str_is(s, "true"));
	} else if (is_real(kv->item)) {
		ok = fox_str_f64(s, &v) && put_real(b, kv->item, v);
	} else {
		struct fox_str digits = {s.p + negative, s.n - negative};
		ok = fox_str_u64(digits, &magnitude) && put_int(b, kv->item, negative, magnitude);
	}
	return ok ? FOX_OK : not_of(kv, s, 0, err);
}

static enum fox_status put_element(struct fox_buf *b, const struct fox_gguf_kv *kv, uint64_t i,
    const struct fox_value *v, struct fox_err *err)
{
	bool ok = false, yes = false;
	int64_t n = 0;
	double d = 0;
	struct fox_str s;
	if (kv->item == FOX_GGUF_STR) {
		if (fox_json_str(v, &s))
			return put_text(b, kv, s, err);
	} else if (kv->item == FOX_GGUF_BOOL) {
		ok = fox_json_bool(v, &yes);
		fox_buf_char(b, yes);
	} else if (is_real(kv->item)) {
		ok = fox_json_f64(v, &d) && put_real(b, kv->item, d);
	} else {
		ok = fox_json_i64(v, &n) && put_int(b, kv->item, n < 0, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
	}
	if (ok)
		return FOX_OK;
	char text[32];
	if (fox_json_type(v) == FOX_JSON_INT && fox_json_i64(v, &n))
		snprintf(text, sizeof text, "%" PRIi64, n);
	else
		snprintf(text, sizeof text, "%s", fox_json_type_name(fox_json_type(v)));
	return not_of(kv, fox_str_of(text), i, err);
}

static enum fox_status put_array(
    struct fox_buf *b, struct fox_gguf_kv *kv, struct fox_str text, struct fox_err *err)
{
	struct fox_json *j = NULL;
	enum fox_status s = fox_json_parse(&j, text, err);
	if (s) {
		fox_in(err, "in the array of key '%.*s'", FOX_STR_ARG(kv->key));
		if (err && s == FOX_E_FORMAT) /* a command line is wrong, not a file */
			err->code = FOX_E_ARG;
		return s == FOX_E_FORMAT ? FOX_E_ARG : s;
	}
	const struct fox_value *root = fox_json_root(j);
	kv->n_items = fox_json_size(root);
	if (fox_json_type(root) != FOX_JSON_ARRAY)
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key '%.*s' wants a JSON array, not %s",
		    FOX_STR_ARG(kv->key), fox_json_type_name(fox_json_type(root)));
	else if (!kv->n_items)
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "key '%.*s': some programs cannot read an empty array; remove the key", FOX_STR_ARG(kv->key));
	else if (kv->n_items > FOX_GGUF_MAX_ITEMS)
		s = fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "array of %" PRIu64 " elements is over the limit of %u, in key '%.*s'", kv->n_items,
		    FOX_GGUF_MAX_ITEMS, FOX_STR_ARG(kv->key));
	for (uint64_t i = 0; !s && i < kv->n_items; i++)
		s = put_element(b, kv, i, fox_json_at(root, (size_t)i), err);
	fox_json_close(j);
	return s;
}

static bool type_of(struct fox_str s, enum fox_gguf_type *out)
{
	for (int t = 0; t < FOX_GGUF_TYPES; t++)
		if (t != FOX_GGUF_ARR && fox_str_is(s, fox_gguf_type_name((enum fox_gguf_type)t)))
			return *out = (enum fox_gguf_type)t, true;
	return false;
}

/* "u32", "arr[str]". */
static bool take_type(struct fox_str s, struct fox_gguf_kv *kv)
{
	static const char arr[] = "arr[";
	size_t n = sizeof arr - 1;
	if (!fox_str_starts(s, arr) || !fox_str_ends(s, "]"))
		return type_of(s, &kv->type) && type_of(s, &kv->item);
	kv->type = FOX_GGUF_ARR;
	return type_of((struct fox_str){s.p + n, s.n - n - 1}, &kv->item);
}

/* The key and its type: of "name:type", or of the container's key. */
static enum fox_status take_key(struct fox_gguf_kv *kv, struct fox_str name, const struct fox_gguf *g,
    struct fox_arena *arena, struct fox_err *err)
{
	char *key = fox_arena_strdup(arena, name);
	if (!key)
		return fox_fail_nomem(err);
	const struct fox_gguf_kv *old = fox_gguf_find_key(g, key);
	char *colon = strrchr(key, ':');
	kv->key = (struct fox_str){key, name.n};
	if (old) {
		kv->type = old->type;
		kv->item = old->item;
	} else if (colon) {
		*colon = 0;
		kv->key.n = (size_t)(colon - key);
		if (!take_type(fox_str_of(colon + 1), kv))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "type '%.100s' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]",
			    colon + 1);
	} else {
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "no key '%.*s': to add one, name its type: %.*s:TYPE=VALUE", FOX_STR_ARG(name),
		    FOX_STR_ARG(name));
	}
	return fox_edit_key_check(kv->key, err);
}

/* The value's text: as it stands, or out of a file, whose bytes are *owned then. */
static enum fox_status take_text(
    const struct fox_gguf_kv *kv, const char *value, struct fox_str *text, char **owned, struct fox_err *err)
{
	size_t n;
	*owned = NULL;
	*text = fox_str_of(value + (value[0] == '@' && value[1] == '@'));
	if (value[0] != '@' || value[1] == '@')
		return FOX_OK;
	enum fox_status s = fox_path_slurp(value + 1, MAX_FILE, owned, &n, err);
	if (s)
		return s;
	*text = (struct fox_str){*owned, n};
	if (kv->type != FOX_GGUF_STR) /* text is taken as it stands; a number's line may end */
		while (text->n && strchr(" \t\r\n", text->p[text->n - 1]))
			text->n--;
	return FOX_OK;
}

enum fox_status fox_edit_value(struct fox_gguf_kv *out, const char *text, const struct fox_gguf *g,
    struct fox_arena *arena, struct fox_err *err)
{
	const char *equal = strchr(text, '=');
	struct fox_gguf_kv kv = {.n_items = 1};
	struct fox_buf b = {0};
	struct fox_str value;
	char *owned = NULL;
	if (!equal || equal == text)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%.100s' is no KEY=VALUE", text);
	enum fox_status s = take_key(&kv, (struct fox_str){text, (size_t)(equal - text)}, g, arena, err);
	if (!s)
		s = take_text(&kv, equal + 1, &value, &owned, err);
	if (!s)
		s = kv.type == FOX_GGUF_ARR ? put_array(&b, &kv, value, err) : put_scalar(&b, &kv, value, err);
	uint8_t *raw = s ? NULL : fox_arena_alloc(arena, b.n, 1);
	if (!s && (b.failed || !raw))
		s = fox_fail_nomem(err);
	if (!s) {
		memcpy(raw, b.p, b.n);
		kv.raw = (struct fox_span){raw, b.n};
		*out = kv;
	}
	fox_buf_free(&b);
	free(owned);
	return s;
}

/* ---- for the eye */

static void show_text(struct fox_buf *b, struct fox_str s)
{
	fox_buf_char(b, '"');
	fox_buf_escaped(b, s, SHOWN);
	fox_buf_char(b, '"');
	if (s.n > SHOWN)
		fox_buf_fmt(b, " (%zu bytes)", s.n);
}

static void show_number(struct fox_buf *b, const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i)
{
	int64_t n;
	uint64_t u;
	double d;
	bool yes;
	if (fox_gguf_item_bool(g, kv, i, &yes))
		fox_buf_str(b, yes ? "true" : "false");
	else if (fox_gguf_item_u64(g, kv, i, &u))
		fox_buf_fmt(b, "%" PRIu64, u);
	else if (fox_gguf_item_i64(g, kv, i, &n))
		fox_buf_fmt(b, "%" PRIi64, n);
	else if (fox_gguf_item_f64(g, kv, i, &d))
		fox_buf_fmt(b, kv->item == FOX_GGUF_F32 ? "%.9g" : "%.17g", d);
}

void fox_edit_show(struct fox_buf *b, const struct fox_gguf *g, const struct fox_gguf_kv *kv)
{
	uint64_t cursor = 0, i = 0;
	size_t from = b->n;
	bool array = kv->type == FOX_GGUF_ARR;
	struct fox_str s;
	if (array)
		fox_buf_char(b, '[');
	for (; i < kv->n_items && b->n - from < SHOWN && !b->failed; i++) {
		if (i)
			fox_buf_str(b, ", ");
		if (kv->item != FOX_GGUF_STR)
			show_number(b, g, kv, i);
		else if (fox_gguf_next_str(g, kv, &cursor, &s))
			show_text(b, s);
	}
	if (i < kv->n_items)
		fox_buf_fmt(b, ", ... (%" PRIu64 ")", kv->n_items);
	if (array)
		fox_buf_char(b, ']');
}
