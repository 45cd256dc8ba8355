/* str.h - text: views that borrow, a buffer that grows, UTF-8, and numbers out of text. */
#ifndef FOX_STR_H
#define FOX_STR_H

#include <string.h>

#include "format/base/err.h"

/* A view of a NUL-terminated string, which must outlive it. */
static inline struct fox_str fox_str_of(const char *s)
{
	return (struct fox_str){s, strlen(s)};
}

static inline bool fox_str_eq(struct fox_str a, struct fox_str b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static inline bool fox_str_is(struct fox_str a, const char *b)
{
	return fox_str_eq(a, fox_str_of(b));
}

static inline bool fox_str_starts(struct fox_str a, const char *prefix)
{
	size_t n = strlen(prefix);
	return a.n >= n && !memcmp(a.p, prefix, n);
}

static inline bool fox_str_ends(struct fox_str a, const char *suffix)
{
	size_t n = strlen(suffix);
	return a.n >= n && !memcmp(a.p + a.n - n, suffix, n);
}

/* Order by bytes, shorter first when one is a prefix of the other: <0, 0, >0. */
int fox_str_cmp(struct fox_str a, struct fox_str b);

/* For "%.*s": FOX_STR_ARG(s) expands to the two arguments, at most 200 bytes. */
#define FOX_STR_ARG(s) (int)((s).n < 200 ? (s).n : 200), (s).p

/* The line at *at, without its end (a line feed, or CR LF, or none at the end of the text), and step behind it. *at < s.n */
struct fox_str fox_str_line(struct fox_str s, size_t *at);

/* Whole-string conversions: no sign for u64, no blanks, no trailing text; locale does not matter. False
 * otherwise. */
bool fox_str_u64(struct fox_str s, uint64_t *out);
bool fox_str_f64(struct fox_str s, double *out); /* finite values only */

/*
 * fox_utf8_next - decode one code point at *i and step over it
 *
 * Returns the code point, or -1 for an ill-formed sequence (over-long, surrogate, above U+10FFFF, cut), in
 * which case *i moves by one byte. The caller keeps *i < s.n.   source: Unicode 15 table 3-7
 */
int32_t fox_utf8_next(struct fox_str s, size_t *i);

/* Offset of the first ill-formed byte, or s.n when all of it is well-formed UTF-8. */
size_t fox_utf8_bad(struct fox_str s);

/* Write a code point as UTF-8 into out[4]; returns its length 1..4. */
size_t fox_utf8_put(char out[4], uint32_t code);

/* A number with its digits in threes: 1665271808 as "1,665,271,808". Returns out. */
char *fox_count_text(char out[32], uint64_t v);

/* A growable byte buffer. Zero-initialise; p is NULL until something is added; always NUL-terminated after
 * that. When memory runs out `failed` is set, later additions do nothing, and the owner checks once at the
 * end. */
struct fox_buf {
	char *p;
	size_t n, cap; /* bytes used, allocated */
	bool failed;
};

void fox_buf_free(struct fox_buf *b);
void fox_buf_clear(struct fox_buf *b); /* n = 0, memory kept, failed reset */
void fox_buf_add(struct fox_buf *b, const void *p, size_t n);
void fox_buf_str(struct fox_buf *b, const char *s);
void fox_buf_char(struct fox_buf *b, char c);
void fox_buf_fmt(struct fox_buf *b, const char *fmt, ...) FOX_PRINTF(2, 3);
void fox_buf_count(struct fox_buf *b, uint64_t v); /* 1,665,271,808 */
struct fox_str fox_buf_view(const struct fox_buf *b); /* valid until the next addition */

/*
 * fox_buf_escaped - append text from a stranger so that a terminal shows it and obeys none of it
 *
 * Printable UTF-8 stays; C0 and C1 controls, DEL, bidirectional overrides and ill-formed bytes become \n \t
 * \r \xNN or \u{NNNN}; a backslash is doubled. At most max_bytes of s are looked at; a cut is shown by "...".
 */
void fox_buf_escaped(struct fox_buf *b, struct fox_str s, size_t max_bytes);

#endif
