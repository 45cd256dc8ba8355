/* tok_hfjson.c - stepping over JSON by its brackets and strings. Linear, no recursion, no allocation. */
#include "convert/tok_hfjson.h"

static void skip_blank(struct fox_str s, size_t *i)
{
	while (*i < s.n && (s.p[*i] == ' ' || s.p[*i] == '\t' || s.p[*i] == '\n' || s.p[*i] == '\r'))
		++*i;
}

/* From an opening quote to past the closing one; false when it never closes. */
static bool skip_string(struct fox_str s, size_t *i)
{
	for (++*i; *i < s.n; ++*i) {
		if (s.p[*i] == '\\')
			++*i;
		else if (s.p[*i] == '"')
			return ++*i, true;
	}
	return false;
}

/* Past one value: up to the comma or bracket that ends it. */
static bool skip_value(struct fox_str s, size_t *i)
{
	size_t depth = 0;
	while (*i < s.n) {
		char c = s.p[*i];
		if (c == '"') {
			if (!skip_string(s, i))
				return false;
			continue;
		}
		if (!depth && (c == ',' || c == '}' || c == ']'))
			return true;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		++*i;
	}
	return false;
}

bool tok_json_member(struct fox_str text, const char *key, struct fox_str *value)
{
	size_t i = 0;
	skip_blank(text, &i);
	if (i == text.n || text.p[i++] != '{')
		return false;
	for (;;) {
		skip_blank(text, &i);
		size_t from = i;
		if (i == text.n || text.p[i] != '"' || !skip_string(text, &i))
			return false;
		struct fox_str name = {text.p + from + 1, i - from - 2};
		skip_blank(text, &i);
		if (i == text.n || text.p[i++] != ':')
			return false;
		skip_blank(text, &i);
		from = i;
		if (!skip_value(text, &i))
			return false;
		if (fox_str_is(name, key)) {
			*value = (struct fox_str){text.p + from, i - from};
			return true;
		}
		if (text.p[i++] != ',')
			return false;
	}
}
