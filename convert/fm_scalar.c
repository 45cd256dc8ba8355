/* fm_scalar.c - the type of a plain scalar, by the patterns of YAML 1.1 as PyYAML has them.
 *
 * source: PyYAML 6.0 resolver.py */
#include "convert/fm_scalar.h"

static const char digits[] = "0123456789", digits_[] = "0123456789_";

/* [eE][-+]D+ or nothing, to the end */
static bool ends_as_exponent(struct fox_str s, size_t i)
{
	if (i == s.n)
		return true;
	return i + 2 < s.n && fox_fm_in(s.p[i], "eE") && fox_fm_in(s.p[i + 1], "+-") &&
	       fox_fm_span(s, i + 2, digits) == s.n;
}

/* (:[0-5]?D)+ from i; i itself when there is none */
static size_t sixties(struct fox_str s, size_t i)
{
	while (i + 1 < s.n && s.p[i] == ':') {
		size_t end = fox_fm_span(s, i + 1, digits), n = end - i - 1;
		if (n < 1 || n > 2 || (n == 2 && s.p[i + 1] > '5'))
			return i;
		i = end;
	}
	return i;
}

static bool is_number(struct fox_str s)
{
	size_t i = s.n && fox_fm_in(s.p[0], "+-"), end;
	struct fox_str rest = {s.p + i, s.n - i};
	if (fox_str_is(rest, ".inf") || fox_str_is(rest, ".Inf") || fox_str_is(rest, ".INF") ||
	    fox_str_is(s, ".nan") || fox_str_is(s, ".NaN") || fox_str_is(s, ".NAN"))
		return true;
	if (rest.n > 2 && fox_str_starts(rest, "0b"))
		return fox_fm_span(rest, 2, "01_") == rest.n;
	if (rest.n > 2 && fox_str_starts(rest, "0x"))
		return fox_fm_span(rest, 2, "0123456789abcdefABCDEF_") == rest.n;
	if (s.n > 1 && s.p[0] == '.' && fox_fm_in(s.p[1], digits))
		return ends_as_exponent(s, fox_fm_span(s, 1, digits_));
	if (!rest.n || !fox_fm_in(rest.p[0], digits))
		return false;
	end = fox_fm_span(rest, 0, digits_);
	if (end == rest.n)
		return rest.p[0] != '0' || rest.n == 1 || fox_fm_span(rest, 1, "01234567_") == rest.n;
	if (rest.p[end] == '.')
		return ends_as_exponent(rest, fox_fm_span(rest, end + 1, digits_));
	size_t tail = sixties(rest, end);
	if (tail == end)
		return false;
	return tail == rest.n || (rest.p[tail] == '.' && fox_fm_span(rest, tail + 1, digits_) == rest.n);
}

/* D4-D2-D2, or D4-DD?-DD? followed by T or a blank and more: what follows is not looked at */
static bool is_date(struct fox_str s)
{
	size_t y = fox_fm_span(s, 0, digits);
	if (y != 4 || y == s.n || s.p[y] != '-')
		return false;
	size_t m = fox_fm_span(s, y + 1, digits);
	if (m - y < 2 || m - y > 3 || m == s.n || s.p[m] != '-')
		return false;
	size_t d = fox_fm_span(s, m + 1, digits);
	if (d - m < 2 || d - m > 3)
		return false;
	return d == s.n ? s.n == 10 : fox_fm_in(s.p[d], "Tt ");
}

static bool is_one_of(struct fox_str s, const char *const *words)
{
	for (; *words; words++)
		if (fox_str_is(s, *words))
			return true;
	return false;
}

const char *fox_fm_why_no_text(struct fox_str s, bool *null)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const bools[] = {"yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE",
	    "false", "False", "FALSE", "on", "On", "ON", "off", "Off", "OFF", NULL};
	*null = is_one_of(s, nulls);
	if (is_one_of(s, bools))
		return "is true or false in YAML, not text";
	if (is_number(s))
		return "is a number, not text";
	if (is_date(s))
		return "is a date, not text";
	return fox_str_is(s, "=") || fox_str_is(s, "<<") ? "is not read" : NULL;
}
