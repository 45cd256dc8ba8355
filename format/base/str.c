/* str.c - comparison, whole-string numbers, UTF-8, the growable buffer, and escaping for terminals. */
#include "format/base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int fox_str_cmp(struct fox_str a, struct fox_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

struct fox_str fox_str_line(struct fox_str s, size_t *at)
{
	const char *begin = s.p + *at, *end = memchr(begin, '\n', s.n - *at);
	size_t n = end ? (size_t)(end - begin) : s.n - *at;
	*at += n + (end ? 1 : 0);
	if (n && begin[n - 1] == '\r')
		n--;
	return (struct fox_str){begin, n};
}

bool fox_str_u64(struct fox_str s, uint64_t *out)
{
	uint64_t v = 0;
	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool fox_str_f64(struct fox_str s, double *out)
{
	char text[64], *end;
	if (!s.n || s.n >= sizeof text || memchr(s.p, 0, s.n) || isspace((unsigned char)s.p[0]))
		return false;
	/* strtod also reads hexadecimal, "inf" and "nan": none of them is a decimal number */
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789+-.eE", s.p[i]))
			return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	double v = strtod(text, &end);
	if (end != text + s.n || !isfinite(v))
		return false;
	*out = v;
	return true;
}

/* Unicode 15 table 3-7: the second byte's range depends on the first, later ones are 80..BF. */
int32_t fox_utf8_next(struct fox_str s, size_t *i)
{
	const uint8_t *p = (const uint8_t *)s.p + *i;
	size_t left = s.n - *i, more;
	uint8_t lo = 0x80, hi = 0xBF;
	int32_t code;
	*i += 1;
	if (p[0] < 0x80)
		return p[0];
	if (p[0] >= 0xC2 && p[0] <= 0xDF) {
		more = 1, code = p[0] & 0x1F;
	} else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
		more = 2, code = p[0] & 0x0F;
		lo = p[0] == 0xE0 ? 0xA0 : lo, hi = p[0] == 0xED ? 0x9F : hi;
	} else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		more = 3, code = p[0] & 0x07;
		lo = p[0] == 0xF0 ? 0x90 : lo, hi = p[0] == 0xF4 ? 0x8F : hi;
	} else {
		return -1;
	}
	if (left < more + 1)
		return -1;
	for (size_t k = 1; k <= more; k++) {
		if (p[k] < lo || p[k] > hi)
			return -1;
		code = code << 6 | (p[k] & 0x3F);
		lo = 0x80, hi = 0xBF;
	}
	*i += more;
	return code;
}

size_t fox_utf8_bad(struct fox_str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		if (fox_utf8_next(s, &i) < 0)
			return at;
	}
	return s.n;
}

size_t fox_utf8_put(char out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

void fox_buf_free(struct fox_buf *b)
{
	free(b->p);
	*b = (struct fox_buf){0};
}

void fox_buf_clear(struct fox_buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = 0;
}

static bool reserve(struct fox_buf *b, size_t more)
{
	size_t want;
	if (b->failed)
		return false;
	if (!__builtin_add_overflow(b->n, more, &want) && want < SIZE_MAX / 2) {
		if (want < b->cap)
			return true;
		size_t cap = b->cap ? b->cap * 2 : 128;
		while (cap <= want)
			cap *= 2;
		char *p = realloc(b->p, cap);
		if (p) {
			b->p = p;
			b->cap = cap;
			return true;
		}
	}
	b->failed = true;
	return false;
}

void fox_buf_add(struct fox_buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = 0;
}

void fox_buf_str(struct fox_buf *b, const char *s)
{
	fox_buf_add(b, s, strlen(s));
}

void fox_buf_char(struct fox_buf *b, char c)
{
	fox_buf_add(b, &c, 1);
}

void fox_buf_fmt(struct fox_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

struct fox_str fox_buf_view(const struct fox_buf *b)
{
	return (struct fox_str){b->p ? b->p : "", b->n};
}

/* Code points that change how other text is shown, or that a terminal obeys. */
static bool steers(int32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
	       (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF ||
	       (c >= 0xE0000 && c <= 0xE007F);
}

void fox_buf_escaped(struct fox_buf *b, struct fox_str s, size_t max_bytes)
{
	struct fox_str part = {s.p, s.n < max_bytes ? s.n : max_bytes};
	/* a cut must not make a well-formed sequence ill-formed */
	while (part.n < s.n && part.n && ((uint8_t)s.p[part.n] & 0xC0) == 0x80)
		part.n--;
	for (size_t i = 0; i < part.n;) {
		size_t at = i;
		int32_t c = fox_utf8_next(part, &i);
		if (c < 0)
			fox_buf_fmt(b, "\\x%02X", (uint8_t)part.p[at]);
		else if (c == '\n' || c == '\t' || c == '\r')
			fox_buf_str(b, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
		else if (c == '\\')
			fox_buf_str(b, "\\\\");
		else if (steers(c))
			fox_buf_fmt(b, c < 0x80 ? "\\x%02X" : "\\u{%04X}", (unsigned)c);
		else
			fox_buf_add(b, part.p + at, i - at);
	}
	if (part.n < s.n)
		fox_buf_str(b, "...");
}

char *fox_count_text(char out[32], uint64_t v)
{
	char digits[24], *p = out;
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = 0;
	return out;
}

void fox_buf_count(struct fox_buf *b, uint64_t v)
{
	char text[32];
	fox_buf_str(b, fox_count_text(text, v));
}
