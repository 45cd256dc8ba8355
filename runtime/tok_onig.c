/* tok_onig.c - from Oniguruma's syntax to PCRE2's. See tok_onig.h.
 *
 * A pattern is read once, by recursion over its groups and sets (at most ONIG_MAX_DEPTH deep). Whatever is not known to
 * mean the same in both libraries is refused by name: a tokenizer that splits almost right is worse than none. */
#include "runtime/tok_onig_in.h"

enum fox_status onig_refuse(struct onig *o, size_t at, const char *what)
{
	return fox_fail(o->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "regex: %s at byte %zu is not handled", what, at);
}

int onig_peek(const struct onig *o, size_t ahead)
{
	return o->i + ahead < o->s.n ? (uint8_t)o->s.p[o->i + ahead] : -1;
}

bool onig_eats(struct onig *o, const char *word)
{
	size_t n = strlen(word);
	if (o->s.n - o->i < n || memcmp(o->s.p + o->i, word, n))
		return false;
	o->i += n;
	return true;
}

bool onig_is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool onig_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* ---- outside of sets */

static enum fox_status escape(struct onig *o, struct fox_buf *out)
{
	size_t at = o->i - 1;
	uint32_t code = 0;
	bool is_char;
	enum fox_status s = onig_escaped_char(o, &code, &is_char);
	if (s)
		return s;
	if (is_char) {
		if (o->icase && code >= 0x80)
			return onig_refuse(o, at, "a character past ASCII under (?i)");
		onig_put_code(out, code);
		return FOX_OK;
	}
	int c = onig_peek(o, 0);
	static const struct {
		char letter;
		const char *text;
	} known[] = {{'d', "\\p{Nd}"}, {'D', "\\P{Nd}"}, {'s', "[" TOK_SPACE "]"}, {'S', "[^" TOK_SPACE "]"},
	    {'w', "[" TOK_WORD "]"}, {'W', "[^" TOK_WORD "]"}, {'h', "[" ONIG_HEX "]"}, {'H', "[^" ONIG_HEX "]"},
	    {'A', "\\A"}, {'z', "\\z"}, {'Z', "\\Z"},
	    {'b', "(?:(?<=[" TOK_WORD "])(?![" TOK_WORD "])|(?<![" TOK_WORD "])(?=[" TOK_WORD "]))"},
	    {'B', "(?:(?<=[" TOK_WORD "])(?=[" TOK_WORD "])|(?<![" TOK_WORD "])(?![" TOK_WORD "]))"}};
	for (size_t k = 0; k < FOX_COUNT(known); k++)
		if (known[k].letter == c) {
			o->i++;
			fox_buf_str(out, known[k].text);
			return FOX_OK;
		}
	if (c == 'p' || c == 'P') {
		if (o->icase)
			return onig_refuse(o, at, "\\p under (?i)");
		o->i++;
		return onig_property(o, out, c == 'P');
	}
	if (onig_is_digit(c))
		return onig_refuse(o, at, "a back reference or octal escape");
	char what[] = {'\\', (char)c, 0};
	return onig_refuse(o, at, what);
}

/* A quantifier that stands here, or nothing. Ruby's syntax has no possessive {n,m}+, and {n}? means something else. */
static enum fox_status quantifier(struct onig *o, struct fox_buf *out)
{
	size_t at = o->i, n = 1;
	int c = onig_peek(o, 0);
	if (c == '*' || c == '+' || c == '?') {
		o->i++;
		fox_buf_char(out, (char)c);
		c = onig_peek(o, 0);
		if (c == '?' || c == '+') {
			o->i++;
			fox_buf_char(out, (char)c);
		}
	} else if (c == '{') {
		bool low = onig_is_digit(onig_peek(o, n)), comma, high;
		while (onig_is_digit(onig_peek(o, n)))
			n++;
		comma = onig_peek(o, n) == ',';
		n += comma;
		high = onig_is_digit(onig_peek(o, n));
		while (onig_is_digit(onig_peek(o, n)))
			n++;
		if (onig_peek(o, n) != '}' || (!low && !high))
			return onig_refuse(o, at, "a brace that is no quantifier");
		fox_buf_str(out, low ? "{" : "{0");
		fox_buf_add(out, o->s.p + at + 1, n);
		o->i += n + 1;
		c = onig_peek(o, 0);
		if (c == '+' || (c == '?' && !comma))
			return onig_refuse(o, at, "{n}? or {n,m}+");
		if (c == '?') {
			o->i++;
			fox_buf_char(out, '?');
		}
	} else {
		return FOX_OK;
	}
	c = onig_peek(o, 0);
	return c == '*' || c == '+' || c == '?' || c == '{' ? onig_refuse(o, at, "a quantifier of a quantifier")
	                                                    : FOX_OK;
}

static enum fox_status sequence(struct onig *o, struct fox_buf *out, bool in_group);

/* After "(?": options, as in (?i: or (?m-i:. Ruby's m is PCRE2's s. */
static enum fox_status options(struct onig *o, struct fox_buf *out, size_t at)
{
	bool off = false;
	fox_buf_str(out, "(?");
	for (;; o->i++) {
		int c = onig_peek(o, 0);
		if (c == ':')
			break;
		if (c == ')' && at == 0 && fox_str_is(fox_buf_view(out), "(?i")) {
			fox_buf_char(out, ')'); /* before everything else it reads alike in both */
			o->i++;
			return FOX_OK;
		}
		if (c != 'i' && c != 'm' && (c != '-' || off))
			return onig_refuse(o, at, "a group of this kind");
		if (c == 'i')
			o->icase = !off;
		off |= c == '-';
		fox_buf_char(out, c == 'm' ? 's' : (char)c);
	}
	o->i++;
	fox_buf_char(out, ':');
	return sequence(o, out, true);
}

static enum fox_status group(struct onig *o, struct fox_buf *out)
{
	size_t at = o->i - 1;
	static const char *const alike[] = {"?:", "?=", "?!", "?<=", "?<!", "?>"};
	bool icase = o->icase;
	enum fox_status s;
	if (++o->depth > ONIG_MAX_DEPTH)
		return onig_refuse(o, at, "such a depth");
	for (size_t k = 0; k < FOX_COUNT(alike); k++)
		if (onig_eats(o, alike[k])) {
			fox_buf_fmt(out, "(%s", alike[k]);
			s = sequence(o, out, true);
			o->depth--;
			return s;
		}
	if (onig_eats(o, "?<")) {
		while (onig_is_letter(onig_peek(o, 0)) || onig_is_digit(onig_peek(o, 0)) || onig_peek(o, 0) == '_')
			o->i++;
		if (!onig_eats(o, ">"))
			return onig_refuse(o, at, "a group of this kind");
		fox_buf_str(out, "(?:");
		s = sequence(o, out, true);
	} else if (onig_eats(o, "?")) {
		bool whole = at == 0;
		s = options(o, out, at);
		if (whole && !s && o->s.p[o->i - 1] == ')' && out->n == 4) {
			o->depth--; /* (?i) alone: it holds to the end */
			return FOX_OK;
		}
	} else {
		fox_buf_str(out, "(?:");
		s = sequence(o, out, true);
	}
	o->icase = icase;
	o->depth--;
	return s;
}

/* Letters that fold to one character together, which PCRE2 does not do: ss for U+00DF, ff fi fl st for ligatures. */
static bool folds_together(int a, int b)
{
	static const char pairs[] = "ssfffiflst";
	for (size_t k = 0; k < sizeof pairs - 1; k += 2)
		if ((a | 32) == pairs[k] && (b | 32) == pairs[k + 1])
			return onig_is_letter(a) && onig_is_letter(b);
	return false;
}

static enum fox_status literal(struct onig *o, struct fox_buf *out)
{
	size_t at = o->i;
	int32_t code = fox_utf8_next(o->s, &o->i);
	if (code < 0)
		return onig_refuse(o, at, "ill-formed UTF-8");
	if (o->icase && code >= 0x80)
		return onig_refuse(o, at, "a character past ASCII under (?i)");
	if (o->icase && folds_together(code, onig_peek(o, 0)))
		return onig_refuse(o, at, "two letters under (?i) that fold to one character");
	onig_put_code(out, (uint32_t)code);
	return FOX_OK;
}

/* Up to the end, or up to and with the ")" of this group. */
static enum fox_status sequence(struct onig *o, struct fox_buf *out, bool in_group)
{
	size_t from = o->i;
	enum fox_status s = FOX_OK;
	while (!s) {
		int c = onig_peek(o, 0);
		if (c < 0)
			return in_group ? onig_refuse(o, from, "a group without an end") : FOX_OK;
		if (c == '*' || c == '+' || c == '?')
			return onig_refuse(o, o->i, "a quantifier of nothing");
		if (c == ')') {
			o->i++;
			fox_buf_char(out, ')');
			return in_group ? FOX_OK : onig_refuse(o, o->i - 1, "a ) without (");
		}
		if (c == '|' || c == '^') {
			o->i++;
			fox_buf_char(out, (char)c);
			continue;
		}
		if (c == '[') {
			o->i++;
			s = onig_set(o, out);
		} else if (c == '(') {
			o->i++;
			s = group(o, out);
		} else if (c == '\\') {
			o->i++;
			s = escape(o, out);
		} else if (c == '.' || c == '$') {
			o->i++;
			fox_buf_char(out, (char)c);
		} else {
			s = literal(o, out);
		}
		if (!s)
			s = quantifier(o, out);
	}
	return s;
}

enum fox_status tok_onig_translate(struct fox_buf *out, struct fox_str pattern, struct fox_err *err)
{
	struct fox_err own = {0};
	struct onig o = {.s = pattern, .err = err ? err : &own};
	size_t n = out->n;
	struct fox_buf text = {0};
	enum fox_status s = sequence(&o, &text, false);
	if (!s && text.failed)
		s = fox_fail_nomem(err);
	if (!s)
		fox_buf_add(out, text.p, text.n);
	else
		out->n = n;
	fox_buf_free(&text);
	return s;
}
