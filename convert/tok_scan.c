/* tok_scan.c - reading strings and numbers out of a large vocabulary in JSON. Strict where JSON is strict: escapes,
 * control characters, UTF-8, digits. */
#include <math.h>
#include <string.h>

#include "convert/tok_hfjson.h"

static void skip_blank(struct tok_scan *s)
{
	while (s->i < s->text.n && s->text.p[s->i] && strchr(" \t\n\r", s->text.p[s->i]))
		s->i++;
}

uint64_t tok_scan_at(const struct tok_scan *s)
{
	return (uint64_t)(s->text.p - s->file.p) + s->i;
}

enum fox_status tok_scan_fail(const struct tok_scan *s, const char *what)
{
	return fox_fail(s->err, FOX_E_FORMAT, tok_scan_at(s), "'%s': want %s", s->name, what);
}

bool tok_scan_take(struct tok_scan *s, char c)
{
	skip_blank(s);
	if (s->i == s->text.n || s->text.p[s->i] != c)
		return false;
	s->i++;
	return true;
}

bool tok_scan_skip(struct tok_scan *s)
{
	skip_blank(s);
	if (s->i < s->text.n && s->text.p[s->i] == '"') {
		for (s->i++; s->i < s->text.n && s->text.p[s->i] != '"'; s->i++)
			s->i += s->text.p[s->i] == '\\';
		return s->i++ < s->text.n;
	}
	while (s->i < s->text.n && !strchr(",]}:", s->text.p[s->i]))
		s->i++;
	return s->i < s->text.n;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX at p[*i], which is past the u; -1 when it is none. */
static int32_t read_unit(struct fox_str t, size_t *i)
{
	int32_t v = 0;
	if (t.n - *i < 4)
		return -1;
	for (int k = 0; k < 4; k++) {
		int d = hex_digit(t.p[(*i)++]);
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* One escape, past its backslash; returns the bytes written, 0 when it is none. */
static size_t read_escape(struct fox_str t, size_t *i, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = t.p[(*i)++];
	const char *simple = c ? strchr(from, c) : NULL;
	if (simple)
		return *out = to[simple - from], 1;
	int32_t v = c == 'u' ? read_unit(t, i) : -1;
	if (v >= 0xD800 && v < 0xDC00) {
		if (t.n - *i < 2 || t.p[*i] != '\\' || t.p[*i + 1] != 'u')
			return 0;
		*i += 2;
		int32_t low = read_unit(t, i);
		v = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00) : -1;
	} else if (v >= 0xDC00 && v < 0xE000) {
		return 0;
	}
	return v < 0 ? 0 : fox_utf8_put(out, (uint32_t)v);
}

static enum fox_status unescape(struct tok_scan *s, struct fox_str raw, struct fox_str *out)
{
	char *p = fox_arena_alloc(s->arena, raw.n, 1);
	size_t n = 0;
	if (!p)
		return fox_fail_nomem(s->err);
	for (size_t i = 0; i < raw.n;) {
		char c = raw.p[i++];
		if (c != '\\') {
			p[n++] = c;
			continue;
		}
		size_t k = read_escape(raw, &i, p + n); /* no escape is longer than it was */
		if (!k)
			return tok_scan_fail(s, "a string, this one has an ill-formed escape");
		n += k;
	}
	*out = (struct fox_str){p, n};
	return FOX_OK;
}

enum fox_status tok_scan_str(struct tok_scan *s, struct fox_str *out)
{
	bool escapes = false;
	skip_blank(s);
	size_t from = s->i;
	if (from == s->text.n || s->text.p[from] != '"')
		return tok_scan_fail(s, "a string");
	size_t i = from + 1;
	for (; i < s->text.n && s->text.p[i] != '"'; i++) {
		if ((unsigned char)s->text.p[i] < 0x20)
			return tok_scan_fail(s, "a string, this one has a control character");
		if (s->text.p[i] == '\\')
			escapes = true, i++;
	}
	if (i >= s->text.n)
		return tok_scan_fail(s, "a string, this one has no end");
	*out = (struct fox_str){s->text.p + from + 1, i - from - 1};
	if (fox_utf8_bad(*out) < out->n)
		return tok_scan_fail(s, "a string, this one has ill-formed UTF-8");
	enum fox_status st = escapes ? unescape(s, *out, out) : FOX_OK;
	if (!st)
		s->i = i + 1;
	return st;
}

/* Past digits; how many. */
static size_t digits(struct fox_str t, size_t *i)
{
	size_t from = *i;
	while (*i < t.n && t.p[*i] >= '0' && t.p[*i] <= '9')
		++*i;
	return *i - from;
}

static bool one_of(struct fox_str t, size_t i, const char *chars)
{
	return i < t.n && t.p[i] && strchr(chars, t.p[i]);
}

/* A number as JSON writes it: no plus, no zeros in front, digits on both sides of a point. Empty: it is none. */
static struct fox_str number(struct tok_scan *s)
{
	skip_blank(s);
	struct fox_str t = s->text;
	size_t i = s->i;
	i += one_of(t, i, "-");
	bool zero = one_of(t, i, "0");
	size_t n = digits(t, &i);
	bool good = n == 1 || (n && !zero);
	if (one_of(t, i, ".")) {
		i++;
		good &= digits(t, &i) > 0;
	}
	if (one_of(t, i, "eE")) {
		i++;
		i += one_of(t, i, "+-");
		good &= digits(t, &i) > 0;
	}
	return (struct fox_str){t.p + s->i, good ? i - s->i : 0};
}

enum fox_status tok_scan_u64(struct tok_scan *s, uint64_t *out)
{
	struct fox_str t = number(s);
	if (!fox_str_u64(t, out))
		return tok_scan_fail(s, "a token id");
	s->i += t.n;
	return FOX_OK;
}

enum fox_status tok_scan_f64(struct tok_scan *s, double *out)
{
	struct fox_str t = number(s);
	if (!fox_str_f64(t, out) || !isfinite((float)*out))
		return tok_scan_fail(s, "a score");
	s->i += t.n;
	return FOX_OK;
}
