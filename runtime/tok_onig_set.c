/* tok_onig_set.c - characters, properties and sets of Oniguruma's syntax in PCRE2's. See tok_onig.h.
 *
 * A set becomes one class where it can, else alternatives; operands of && become lookaheads. */
#include "runtime/tok_onig_in.h"

/* The complement of TOK_SPACE, for \S inside a set. */
#define NOT_SPACE                                                                                            \
	"\\x00-\\x08\\x0e-\\x1f\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{"   \
	"2027}"                                                                                                  \
	"\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{d7ff}\\x{e000}-\\x{10ffff}"
#define NOT_HEX "\\x00-/:-@G-`g-\\x{d7ff}\\x{e000}-\\x{10ffff}"

/* ---- characters */

void onig_put_code(struct fox_buf *out, uint32_t code)
{
	if (code < 0x80 && (onig_is_letter((int)code) || onig_is_digit((int)code)))
		fox_buf_char(out, (char)code);
	else
		fox_buf_fmt(out, "\\x{%x}", code);
}

static enum fox_status hex_code(struct onig *o, size_t from, size_t n, uint32_t *code)
{
	uint32_t v = 0;
	if (!n || n > 8 || from + n > o->s.n)
		return onig_refuse(o, from, "a code point that is not hexadecimal");
	for (size_t k = 0; k < n; k++) {
		int c = (uint8_t)o->s.p[from + k];
		int d = onig_is_digit(c) ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0)
			return onig_refuse(o, from, "a code point that is not hexadecimal");
		v = v << 4 | (uint32_t)d;
	}
	if (v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return onig_refuse(o, from, "a code point outside Unicode");
	*code = v;
	return FOX_OK;
}

/* After "\x" or "\u". A raw byte from 0x80 on would be part of a character, so it is refused. */
static enum fox_status hex_escape(struct onig *o, bool four, uint32_t *code)
{
	size_t from = o->i, n = 0;
	enum fox_status s;
	if (four) {
		o->i += 4;
		return hex_code(o, from, 4, code);
	}
	if (onig_eats(o, "{")) {
		while (onig_peek(o, n) >= 0 && onig_peek(o, n) != '}')
			n++;
		if ((s = hex_code(o, o->i, n, code)))
			return s;
		o->i += n;
		return onig_eats(o, "}") ? FOX_OK : onig_refuse(o, from, "\\x{ without }");
	}
	if ((s = hex_code(o, from, 2, code)))
		return s;
	o->i += 2;
	return *code < 0x80 ? FOX_OK : onig_refuse(o, from, "\\xHH from 80 on");
}

/* Escapes that stand for one character: true and *code; the backslash and the letter are eaten. */
enum fox_status onig_escaped_char(struct onig *o, uint32_t *code, bool *is_char)
{
	size_t at = o->i - 1;
	int c = onig_peek(o, 0);
	static const char names[] = "tnrfvae", codes[] = "\t\n\r\f\v\a\x1b";
	*is_char = true;
	if (c < 0)
		return onig_refuse(o, at, "a backslash at the end");
	const char *known = strchr(names, c);
	if (known) {
		o->i++;
		*code = (uint8_t)codes[known - names];
		return FOX_OK;
	}
	if (c == 'x' || c == 'u') {
		o->i++;
		return hex_escape(o, c == 'u', code);
	}
	if (onig_is_letter(c) || onig_is_digit(c)) {
		*is_char = false;
		return FOX_OK;
	}
	int32_t u = fox_utf8_next(o->s, &o->i);
	*code = (uint32_t)u;
	return u < 0 ? onig_refuse(o, at, "ill-formed UTF-8") : FOX_OK;
}

/* ---- properties */

static const char *const categories[] = {"L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl",
    "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn"};
static const char *const long_names[][2] = {{"Letter", "L"}, {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"}, {"Titlecase_Letter", "Lt"}, {"Modifier_Letter", "Lm"}, {"Other_Letter", "Lo"},
    {"Mark", "M"}, {"Number", "N"}, {"Decimal_Number", "Nd"}, {"Punctuation", "P"}, {"Symbol", "S"},
    {"Separator", "Z"}, {"Other", "C"}};
/* In PCRE2 a bare script name means Script_Extensions, in Oniguruma Script. */
static const char *const scripts[] = {"Arabic", "Armenian", "Bengali", "Bopomofo", "Common", "Cyrillic",
    "Devanagari", "Ethiopic", "Georgian", "Greek", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hebrew",
    "Hiragana", "Inherited", "Kannada", "Katakana", "Khmer", "Lao", "Latin", "Malayalam", "Mongolian",
    "Myanmar", "Sinhala", "Tamil", "Telugu", "Thai", "Tibetan"};

/* Both libraries leave out blanks, '-' and '_' and look past case. */
static bool same_name(struct fox_str a, const char *b)
{
	size_t i = 0;
	for (;; i++) {
		while (i < a.n && (a.p[i] == '_' || a.p[i] == '-' || a.p[i] == ' '))
			i++;
		while (*b == '_')
			b++;
		if (i == a.n || !*b)
			return i == a.n && !*b;
		int x = (uint8_t)a.p[i], y = (uint8_t)*b++;
		if ((onig_is_letter(x) ? x | 32 : x) != (onig_is_letter(y) ? y | 32 : y))
			return false;
	}
}

/* After "\p" or "\P". */
enum fox_status onig_property(struct onig *o, struct fox_buf *out, bool negative)
{
	size_t from = o->i, n = 0;
	char what[80];
	if (!onig_eats(o, "{"))
		return onig_refuse(o, from, "\\p without {");
	if (onig_eats(o, "^"))
		negative = !negative;
	while (onig_peek(o, n) >= 0 && onig_peek(o, n) != '}')
		n++;
	struct fox_str name = {o->s.p + o->i, n};
	o->i += n;
	if (!onig_eats(o, "}"))
		return onig_refuse(o, from, "\\p{ without }");
	const char *sign = negative ? "P" : "p";
	for (size_t k = 0; k < FOX_COUNT(categories); k++)
		if (same_name(name, categories[k])) {
			fox_buf_fmt(out, "\\%s{%s}", sign, categories[k]);
			return FOX_OK;
		}
	for (size_t k = 0; k < FOX_COUNT(long_names); k++)
		if (same_name(name, long_names[k][0])) {
			fox_buf_fmt(out, "\\%s{%s}", sign, long_names[k][1]);
			return FOX_OK;
		}
	for (size_t k = 0; k < FOX_COUNT(scripts); k++)
		if (same_name(name, scripts[k])) {
			fox_buf_fmt(out, "\\%s{sc:%s}", sign, scripts[k]);
			return FOX_OK;
		}
	if (same_name(name, "Alphabetic") || same_name(name, "Any")) {
		fox_buf_fmt(out, "\\%s{%s}", sign, same_name(name, "Any") ? "Any" : "Alphabetic");
		return FOX_OK;
	}
	struct fox_buf shown = {0};
	fox_buf_escaped(&shown, name, 40);
	int len = shown.failed || !shown.n ? 0 : (int)shown.n;
	size_t k = 0;
	memcpy(what, "\\p{", 3);
	for (k = 0; k < (size_t)len && k < 60; k++)
		what[3 + k] = shown.p[k];
	memcpy(what + 3 + k, "}", 2);
	fox_buf_free(&shown);
	return onig_refuse(o, from, what);
}

/* ---- sets */

/* The letter classes inside [ ]: as members of a set, or (for \W) as one more alternative. */
static enum fox_status set_class(
    struct onig *o, struct fox_buf *simple, struct fox_buf *complex, bool *has_complex)
{
	size_t at = o->i - 1;
	int c = onig_peek(o, 0);
	o->i++;
	switch (c) {
	case 'd':
		fox_buf_str(simple, "\\p{Nd}");
		return FOX_OK;
	case 'D':
		fox_buf_str(simple, "\\P{Nd}");
		return FOX_OK;
	case 's':
		fox_buf_str(simple, TOK_SPACE);
		return FOX_OK;
	case 'S':
		fox_buf_str(simple, NOT_SPACE);
		return FOX_OK;
	case 'w':
		fox_buf_str(simple, TOK_WORD);
		return FOX_OK;
	case 'W':
		fox_buf_str(complex, "|[^" TOK_WORD "]");
		*has_complex = true;
		return FOX_OK;
	case 'h':
		fox_buf_str(simple, ONIG_HEX);
		return FOX_OK;
	case 'H':
		fox_buf_str(simple, NOT_HEX);
		return FOX_OK;
	case 'p':
	case 'P':
		return onig_property(o, simple, c == 'P');
	}
	char what[] = {'\\', (char)c, ' ', 'i', 'n', ' ', 'a', ' ', 's', 'e', 't', 0};
	return onig_refuse(o, at, what);
}

struct set {
	struct fox_buf simple, complex; /* members as text; alternatives, each with a '|' before it */
	struct fox_buf and;             /* lookaheads for the operands of && before this one */
	bool has_complex, negative, has_and;
};

static void set_free(struct set *t)
{
	fox_buf_free(&t->simple);
	fox_buf_free(&t->complex);
	fox_buf_free(&t->and);
}

/* The union collected so far, as something that matches one character. */
static void put_union(struct fox_buf *out, const struct set *t, bool negative)
{
	if (!t->has_complex) {
		fox_buf_fmt(out, "[%s", negative ? "^" : "");
		fox_buf_add(out, t->simple.p, t->simple.n);
		fox_buf_char(out, ']');
		return;
	}
	fox_buf_str(out, negative ? "(?:(?!" : "(?:");
	if (t->simple.n) {
		fox_buf_char(out, '[');
		fox_buf_add(out, t->simple.p, t->simple.n);
		fox_buf_char(out, ']');
		fox_buf_add(out, t->complex.p, t->complex.n);
	} else {
		fox_buf_add(out, t->complex.p + 1, t->complex.n - 1);
	}
	fox_buf_str(out, negative ? ")(?s:.))" : ")");
}

static void put_set(struct fox_buf *out, const struct set *t)
{
	if (!t->has_and) {
		put_union(out, t, t->negative);
		return;
	}
	fox_buf_str(out, t->negative ? "(?:(?!" : "(?:");
	fox_buf_add(out, t->and.p, t->and.n);
	put_union(out, t, false);
	fox_buf_str(out, t->negative ? ")(?s:.))" : ")");
}

/* One character of a set, or a letter class (then *is_char is false and it is written already). */
static enum fox_status set_item(struct onig *o, struct set *t, uint32_t *code, bool *is_char)
{
	size_t at = o->i;
	if (onig_eats(o, "\\")) {
		enum fox_status s = onig_escaped_char(o, code, is_char);
		if (s || *is_char)
			return s;
		return set_class(o, &t->simple, &t->complex, &t->has_complex);
	}
	int32_t c = fox_utf8_next(o->s, &o->i);
	if (c < 0)
		return onig_refuse(o, at, "ill-formed UTF-8");
	*code = (uint32_t)c;
	*is_char = true;
	return FOX_OK;
}

static enum fox_status read_set(struct onig *o, struct set *t);

static enum fox_status nested_set(struct onig *o, struct set *t)
{
	struct set inner = {0};
	enum fox_status s = read_set(o, &inner);
	if (!s && !inner.negative && !inner.has_and) {
		fox_buf_add(&t->simple, inner.simple.p, inner.simple.n);
		fox_buf_add(&t->complex, inner.complex.p, inner.complex.n);
		t->has_complex |= inner.has_complex;
	} else if (!s) {
		fox_buf_char(&t->complex, '|');
		put_set(&t->complex, &inner);
		t->has_complex = true;
	}
	set_free(&inner);
	return s;
}

static enum fox_status set_range(struct onig *o, struct set *t)
{
	uint32_t from = 0, to = 0;
	bool is_char;
	size_t at = o->i;
	enum fox_status s = set_item(o, t, &from, &is_char);
	if (s || !is_char)
		return s;
	onig_put_code(&t->simple, from);
	if (onig_peek(o, 0) != '-' || onig_peek(o, 1) == ']' || onig_peek(o, 1) < 0)
		return FOX_OK;
	if (onig_peek(o, 1) == '[' || onig_peek(o, 1) == '&')
		return onig_refuse(o, o->i, "a range without an end");
	o->i++;
	s = set_item(o, t, &to, &is_char);
	if (s)
		return s;
	if (!is_char || to < from)
		return onig_refuse(o, at, "a range without an end");
	fox_buf_char(&t->simple, '-');
	onig_put_code(&t->simple, to);
	return FOX_OK;
}

/* After "[", up to and with "]". */
static enum fox_status read_set(struct onig *o, struct set *t)
{
	size_t at = o->i - 1, start;
	enum fox_status s = FOX_OK;
	if (++o->depth > ONIG_MAX_DEPTH)
		return onig_refuse(o, at, "such a depth");
	t->negative = onig_eats(o, "^");
	if (onig_peek(o, 0) == ']')
		return onig_refuse(o, at, "a set that begins with ]");
	for (start = o->i; !s && !onig_eats(o, "]");) {
		if (onig_peek(o, 0) < 0)
			return onig_refuse(o, at, "a set without an end");
		if (onig_peek(o, 0) == '[' && onig_peek(o, 1) == ':')
			return onig_refuse(o, o->i, "a POSIX bracket");
		bool empty = !t->simple.n && !t->has_complex;
		if (onig_eats(o, "&&")) {
			if (empty || onig_peek(o, 0) == ']' || onig_peek(o, 0) == '&')
				return onig_refuse(o, o->i, "&& without an operand");
			fox_buf_str(&t->and, "(?=");
			put_union(&t->and, t, false);
			fox_buf_char(&t->and, ')');
			t->has_and = true;
			fox_buf_clear(&t->simple);
			fox_buf_clear(&t->complex);
			t->has_complex = false;
		} else if (onig_eats(o, "[")) {
			s = nested_set(o, t);
		} else if (onig_peek(o, 0) == '-' && o->i > start && onig_peek(o, 1) != ']') {
			return onig_refuse(o, o->i, "an unescaped - amid a set");
		} else {
			s = set_range(o, t);
		}
	}
	o->depth--;
	return s;
}

enum fox_status onig_set(struct onig *o, struct fox_buf *out)
{
	struct set t = {0};
	enum fox_status s = o->icase ? onig_refuse(o, o->i - 1, "a set under (?i)") : read_set(o, &t);
	if (!s && !t.simple.n && !t.has_complex)
		s = onig_refuse(o, o->i, "&& without an operand");
	if (!s)
		put_set(out, &t);
	if (t.simple.failed || t.complex.failed || t.and.failed)
		out->failed = true;
	set_free(&t);
	return s;
}
