/* json.h - reading JSON from strangers (typed access, the key path in every error) and writing it.
 *
 * The parser is jansson's: duplicate keys, NUL in strings, trailing bytes, NaN and depth over 64 are refused.
 * Values belong to the document and die with it. Key paths look like "rope_scaling.factor" or "layers[3]". */
#ifndef FOX_JSON_H
#define FOX_JSON_H

#include "format/base/str.h"

struct fox_json;  /* a document */
struct fox_value; /* any value inside one */

enum fox_json_type {
	FOX_JSON_NULL,
	FOX_JSON_BOOL,
	FOX_JSON_INT, /* a number without fraction or exponent that fits int64 */
	FOX_JSON_REAL,
	FOX_JSON_STRING,
	FOX_JSON_ARRAY,
	FOX_JSON_OBJECT
};

/* jansson's version as built with, for --version. */
const char *fox_json_version(void);

/* Parse text (UTF-8, without BOM). Integers past 64 bits become reals. FOX_E_FORMAT with the byte offset. */
enum fox_status fox_json_parse(
    struct fox_json **out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;
void fox_json_close(struct fox_json *j); /* NULL is fine */
const struct fox_value *fox_json_root(const struct fox_json *j);

/* All accept v == NULL (absent), answering NULL, 0 or false. */
enum fox_json_type fox_json_type(const struct fox_value *v); /* NULL for absent */
const char *fox_json_type_name(enum fox_json_type t);
const struct fox_value *fox_json_get(
    const struct fox_value *object, const char *key);                         /* NULL: absent or no object */
size_t fox_json_size(const struct fox_value *v);                              /* members or elements */
const struct fox_value *fox_json_at(const struct fox_value *array, size_t i); /* NULL: out of range */

/* Members in the order of the text: for (it = NULL; fox_json_next(obj, &it, &key, &value);) */
bool fox_json_next(
    const struct fox_value *object, void **it, struct fox_str *key, const struct fox_value **value);

/* Peeking: true and *out only when v is of that type. An INT is accepted where a real is asked for. */
bool fox_json_is_null(const struct fox_value *v); /* true for absent too */
bool fox_json_bool(const struct fox_value *v, bool *out);
bool fox_json_i64(const struct fox_value *v, int64_t *out);
bool fox_json_u64(const struct fox_value *v, uint64_t *out);
bool fox_json_f64(const struct fox_value *v, double *out);
bool fox_json_str(const struct fox_value *v, struct fox_str *out);

/* Demanding: FOX_E_FORMAT "'key' is <type>, want <type>" or "no '<key>'" when absent. */
enum fox_status fox_json_want_u64(
    const struct fox_value *object, const char *key, uint64_t *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_json_want_f64(
    const struct fox_value *object, const char *key, double *out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_json_want_str(
    const struct fox_value *object, const char *key, struct fox_str *out, struct fox_err *err) FOX_MUST_CHECK;

/* Writer: builds text in a fox_buf; commas and indentation (two blanks) are its business. */
struct fox_json_writer {
	struct fox_buf *out;
	uint8_t depth, comma[64]; /* per level: something was written */
	bool after_key, compact;
};
void fox_jw_object(struct fox_json_writer *w);
void fox_jw_array(struct fox_json_writer *w);
void fox_jw_end_object(struct fox_json_writer *w);
void fox_jw_end_array(struct fox_json_writer *w);
void fox_jw_key(struct fox_json_writer *w, const char *key);
void fox_jw_key_str(struct fox_json_writer *w, struct fox_str key);
void fox_jw_str(struct fox_json_writer *w, struct fox_str s); /* ill-formed bytes become U+FFFD */
void fox_jw_cstr(struct fox_json_writer *w, const char *s);
/* A member whole; the second leaves out one whose text is empty. */
void fox_jw_member(struct fox_json_writer *w, const char *key, const char *text);
void fox_jw_member_str(struct fox_json_writer *w, const char *key, struct fox_str text);
void fox_jw_u64(struct fox_json_writer *w, uint64_t v);
void fox_jw_i64(struct fox_json_writer *w, int64_t v);
void fox_jw_f64(
    struct fox_json_writer *w, double v); /* shortest that reads back equal; NaN and Inf become null */
void fox_jw_bool(struct fox_json_writer *w, bool v);
void fox_jw_null(struct fox_json_writer *w);

#endif
