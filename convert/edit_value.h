/* edit_value.h - `KEY=VALUE` and `KEY:TYPE=VALUE` of a command line as the value of a key. spec/edit.md 2 */
#ifndef FOX_EDIT_VALUE_H
#define FOX_EDIT_VALUE_H

#include "format/base/arena.h"
#include "format/gguf.h"

/*
 * fox_edit_value - read one assignment
 *
 * out     key, type, item, n_items and raw (little-endian) of the new key; `at` is 0. All lies in the arena.
 * text    KEY=VALUE: the type is that of `old`, which the container has. KEY:TYPE=VALUE: TYPE is u8 to u64, i8 to i64, f32, f64,
 *         bool, str, or arr[ITEM] of these. VALUE: a decimal number; true or false; text as it stands; a JSON array.
 *         @PATH takes the value from a file; @@ stands for an @ at its beginning.
 * g       where the key's present type is looked up
 * errors  FOX_E_ARG    no KEY=VALUE; an ill-formed key; no such type; no key of that name and no TYPE; a value that is not
 *                      of the type or out of its range; an empty array; text that is not UTF-8 or holds a NUL
 *         FOX_E_BOUND  past the limits of spec/container.md 7
 *         FOX_E_IO, FOX_E_NOMEM
 */
enum fox_status fox_edit_value(struct fox_gguf_kv *out, const char *text, const struct fox_gguf *g,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* A key that a file may have: 1 to 65,535 bytes of UTF-8 without control characters, blanks or '='. FOX_E_ARG. */
enum fox_status fox_edit_key_check(struct fox_str key, struct fox_err *err) FOX_MUST_CHECK;

/* A value as one line: `4096`, `true`, `"text"`, `[1, 2, 3]`; at most about 60 characters, then "... (N bytes)" or "... (N)". */
struct fox_buf;
void fox_edit_show(struct fox_buf *b, const struct fox_gguf *g, const struct fox_gguf_kv *kv);

#endif
