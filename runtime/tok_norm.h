/* tok_norm.h - inside the tokenizer: the normalizers of a pipeline (utf8proc, its only user). */
#ifndef FOX_TOK_NORM_H
#define FOX_TOK_NORM_H

#include "runtime/tok_split.h"

struct tok_norm; /* immutable after open: shareable between threads */

/*
 * tok_norm_open - prepare the steps, which must outlive it
 *
 * errors  FOX_E_UNSUPPORTED: a regex that is not handled; FOX_E_FORMAT and the like: an ill-formed character map;
 *         FOX_E_NOMEM
 */
enum fox_status tok_norm_open(
    struct tok_norm **out, const struct fox_norm *steps, uint32_t n, struct fox_err *err) FOX_MUST_CHECK;
void tok_norm_close(struct tok_norm *t); /* NULL is fine */

/* "utf8proc: 2.8.0 (Unicode 15.0.0)" for --version. */
const char *tok_norm_version(void);

/*
 * tok_norm_run - run all steps over one text
 *
 * text    well-formed UTF-8; on success the result, which points into the old text or into one of the two buffers
 * buf     working memory of the caller, kept between calls
 * errors  FOX_E_UNSUPPORTED: a regex gave up; FOX_E_NOMEM
 */
enum fox_status tok_norm_run(const struct tok_norm *t, struct fox_matcher *m, struct fox_buf buf[2],
    struct fox_str *text, struct fox_err *err) FOX_MUST_CHECK;

/* Rust's char::is_whitespace (White_Space), and the regex crate's \w: letters, marks, digits, connectors, joiners. */
bool tok_is_space(int32_t code);
bool tok_is_word(int32_t code);

/* A code point that would change under a normal form or StripAccents, and that tokenizers' tables do not know. */
bool tok_after_unicode9(int32_t code);

/* Bytes of the ill-formed sequence that s begins with, which one U+FFFD stands for, as Python's bytes.decode has it:
 * what could still have become a character. At least 1. */
size_t tok_bad_part(struct fox_str s);

/* The 256 characters of GPT-2's byte alphabet, and back: -1 for a code point that is none of them. */
uint32_t tok_byte_char(uint8_t byte);
int tok_char_byte(int32_t code);
/* Append every byte as its character. */
void tok_bytes_as_chars(struct fox_buf *out, struct fox_str s);
/* Append every character as its byte. False, and nothing is appended, when one of them is none of the alphabet. */
bool tok_chars_as_bytes(struct fox_buf *out, struct fox_str s);

#endif
