/* json.c - typed access over jansson, the only user of it. A fox_value is a json_t seen through our own name.
 */
#include "format/base/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

struct fox_json {
	json_t *root;
};

const char *fox_json_version(void)
{
	return JANSSON_VERSION;
}

static const json_t *in(const struct fox_value *v)
{
	return (const json_t *)v;
}

static const struct fox_value *out_of(const json_t *v)
{
	return (const struct fox_value *)v;
}

/* jansson recurses to 2048 levels: refuse deep text before it does. Brackets inside strings do not count. */
static bool too_deep(struct fox_str t, size_t *at)
{
	unsigned depth = 0;
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (c == '"') {
			for (i++; i < t.n && t.p[i] != '"'; i++)
				i += t.p[i] == '\\';
		} else if ((c == '{' || c == '[') && ++depth > MAX_DEPTH) {
			*at = i;
			return true;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		}
	}
	return false;
}

/* The end of the next integer past 64 bits, from *i on; *i moves there. False: there is none. */
static bool next_big(struct fox_str t, size_t *i)
{
	static const char most[] = "9223372036854775807", number[] = "+-.0123456789eE";
	const size_t limit = sizeof most - 1;
	for (size_t at = *i; at < t.n; at++) {
		if (t.p[at] == '"') {
			for (at++; at < t.n && t.p[at] != '"'; at++)
				at += t.p[at] == '\\';
			continue;
		}
		if (t.p[at] != '-' && (t.p[at] < '0' || t.p[at] > '9'))
			continue;
		size_t from = at + (t.p[at] == '-'), digits = 0;
		bool whole = true;
		for (; at + 1 < t.n && memchr(number, t.p[at + 1], sizeof number - 1); at++)
			;
		for (size_t k = from; k <= at; k++)
			whole &= t.p[k] >= '0' && t.p[k] <= '9', digits++;
		if (whole && (digits > limit || (digits == limit && memcmp(t.p + from, most, limit) > 0))) {
			*i = at + 1;
			return true;
		}
	}
	return false;
}

/* jansson refuses integers past 64 bits, which others read as reals: transformers writes "model_max_length":
 * 1000000000000000019884624838656. An exponent behind each makes them reals here too. */
static json_t *load_wide(struct fox_str text, json_error_t *e, bool *no_memory)
{
	struct fox_buf wide = {0};
	size_t from = 0, i = 0, n = 0;
	while (next_big(text, &i)) {
		fox_buf_add(&wide, text.p + from, i - from);
		fox_buf_str(&wide, "e0");
		from = i;
	}
	fox_buf_add(&wide, text.p + from, text.n - from);
	*no_memory = wide.failed;
	json_t *root = wide.failed ? NULL : json_loadb(wide.p, wide.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, e);
	/* an offset counts in the text as it was */
	for (i = 0; !root && next_big(text, &i) && (int64_t)(i + 2 * (n + 1)) <= e->position;)
		n++;
	e->position -= (int)(2 * n);
	fox_buf_free(&wide);
	return root;
}

enum fox_status fox_json_parse(struct fox_json **out, struct fox_str text, struct fox_err *err)
{
	json_error_t e;
	size_t at;
	bool no_memory = false;
	*out = NULL;
	if (too_deep(text, &at))
		return fox_fail(err, FOX_E_FORMAT, at, "JSON is nested deeper than %d levels", MAX_DEPTH);
	json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (!root && json_error_code(&e) == json_error_numeric_overflow && next_big(text, &(size_t){0}))
		root = load_wide(text, &e, &no_memory);
	if (!root) {
		if (no_memory || json_error_code(&e) == json_error_out_of_memory)
			return fox_fail_nomem(err);
		/* jansson counts what it has consumed, which may be one past the end */
		uint64_t pos = e.position < 0 ? FOX_NOWHERE : (uint64_t)e.position;
		return fox_fail(err, FOX_E_FORMAT, pos, "not valid JSON: %s", e.text);
	}
	struct fox_json *j = malloc(sizeof *j);
	if (!j) {
		json_decref(root);
		return fox_fail_nomem(err);
	}
	j->root = root;
	*out = j;
	return FOX_OK;
}

void fox_json_close(struct fox_json *j)
{
	if (!j)
		return;
	json_decref(j->root);
	free(j);
}

const struct fox_value *fox_json_root(const struct fox_json *j)
{
	return out_of(j->root);
}

enum fox_json_type fox_json_type(const struct fox_value *v)
{
	if (!v)
		return FOX_JSON_NULL;
	switch (json_typeof(in(v))) {
	case JSON_OBJECT:
		return FOX_JSON_OBJECT;
	case JSON_ARRAY:
		return FOX_JSON_ARRAY;
	case JSON_STRING:
		return FOX_JSON_STRING;
	case JSON_INTEGER:
		return FOX_JSON_INT;
	case JSON_REAL:
		return FOX_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return FOX_JSON_BOOL;
	case JSON_NULL:
		break;
	}
	return FOX_JSON_NULL;
}

const char *fox_json_type_name(enum fox_json_type t)
{
	static const char *const names[] = {
	    [FOX_JSON_NULL] = "null",
	    [FOX_JSON_BOOL] = "a boolean",
	    [FOX_JSON_INT] = "an integer",
	    [FOX_JSON_REAL] = "a fraction",
	    [FOX_JSON_STRING] = "a string",
	    [FOX_JSON_ARRAY] = "an array",
	    [FOX_JSON_OBJECT] = "an object",
	};
	return names[t];
}

const struct fox_value *fox_json_get(const struct fox_value *object, const char *key)
{
	return object ? out_of(json_object_get(in(object), key)) : NULL;
}

size_t fox_json_size(const struct fox_value *v)
{
	if (fox_json_type(v) == FOX_JSON_OBJECT)
		return json_object_size(in(v));
	return v ? json_array_size(in(v)) : 0;
}

const struct fox_value *fox_json_at(const struct fox_value *array, size_t i)
{
	return array ? out_of(json_array_get(in(array), i)) : NULL;
}

bool fox_json_next(
    const struct fox_value *object, void **it, struct fox_str *key, const struct fox_value **value)
{
	if (fox_json_type(object) != FOX_JSON_OBJECT)
		return false;
	/* jansson's iterators want a mutable object and change nothing */
	json_t *o = (json_t *)(uintptr_t)object;
	*it = *it ? json_object_iter_next(o, *it) : json_object_iter(o);
	if (!*it)
		return false;
	*key = fox_str_of(json_object_iter_key(*it));
	*value = out_of(json_object_iter_value(*it));
	return true;
}

bool fox_json_is_null(const struct fox_value *v)
{
	return !v || json_is_null(in(v));
}

bool fox_json_bool(const struct fox_value *v, bool *out)
{
	if (!v || !json_is_boolean(in(v)))
		return false;
	*out = json_is_true(in(v));
	return true;
}

bool fox_json_i64(const struct fox_value *v, int64_t *out)
{
	if (!v || !json_is_integer(in(v)))
		return false;
	*out = json_integer_value(in(v));
	return true;
}

bool fox_json_u64(const struct fox_value *v, uint64_t *out)
{
	int64_t i;
	if (!fox_json_i64(v, &i) || i < 0)
		return false;
	*out = (uint64_t)i;
	return true;
}

bool fox_json_f64(const struct fox_value *v, double *out)
{
	if (!v || !json_is_number(in(v)))
		return false;
	*out = json_number_value(in(v));
	return true;
}

bool fox_json_str(const struct fox_value *v, struct fox_str *out)
{
	if (!v || !json_is_string(in(v)))
		return false;
	*out = (struct fox_str){json_string_value(in(v)), json_string_length(in(v))};
	return true;
}

static enum fox_status unwanted(
    const struct fox_value *v, const char *key, const char *want, struct fox_err *err)
{
	if (!v)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no '%s'", key);
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %s, want %s", key,
	    fox_json_type_name(fox_json_type(v)), want);
}

enum fox_status fox_json_want_u64(
    const struct fox_value *object, const char *key, uint64_t *out, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(object, key);
	int64_t i;
	if (fox_json_u64(v, out))
		return FOX_OK;
	if (fox_json_i64(v, &i))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is negative", key);
	return unwanted(v, key, "an integer", err);
}

enum fox_status fox_json_want_f64(
    const struct fox_value *object, const char *key, double *out, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(object, key);
	return fox_json_f64(v, out) ? FOX_OK : unwanted(v, key, "a number", err);
}

enum fox_status fox_json_want_str(
    const struct fox_value *object, const char *key, struct fox_str *out, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(object, key);
	return fox_json_str(v, out) ? FOX_OK : unwanted(v, key, "a string", err);
}
