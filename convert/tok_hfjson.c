/* tok_hfjson.c - stepping over JSON by its brackets and strings. Linear, no recursion, no allocation. */
#include "convert/tok_hfjson.h"

#include <string.h>

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

/* ---- cutting tokenizer.json apart */

/* What numbers and words are of: a blank between two of these is no JSON, and has to stay for that to be seen. */
static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '+' || c == '.';
}

/* As skip_value, but the value goes to out without the blanks outside its strings. */
static bool copy_value(struct fox_str s, size_t *i, struct fox_buf *out)
{
	size_t end = *i;
	char before = 0;
	if (!skip_value(s, &end))
		return false;
	while (*i < end) {
		size_t from = *i;
		skip_blank(s, i);
		if (*i > from && *i < end && is_word(before) && is_word(s.p[*i]))
			fox_buf_char(out, ' ');
		from = *i;
		if (from == end)
			break;
		before = s.p[from];
		if (before == '"')
			skip_string(s, i);
		else
			++*i;
		fox_buf_add(out, s.p + from, *i - from);
	}
	return true;
}

struct split {
	struct fox_str text;
	struct fox_buf *rest;
	struct fox_str *vocab, *merges;
	struct fox_err *err;
	size_t i;
};

static enum fox_status unmatched(const struct split *x)
{
	return fox_fail(
	    x->err, FOX_E_FORMAT, x->i, "not valid JSON: brackets, quotes, colons or commas do not match");
}

/* A member's key with its quotes, up to its value. */
static bool read_key(struct split *x, struct fox_str *key)
{
	skip_blank(x->text, &x->i);
	size_t from = x->i;
	if (x->i == x->text.n || x->text.p[x->i] != '"' || !skip_string(x->text, &x->i))
		return false;
	*key = (struct fox_str){x->text.p + from, x->i - from};
	skip_blank(x->text, &x->i);
	if (x->i == x->text.n || x->text.p[x->i++] != ':')
		return false;
	skip_blank(x->text, &x->i);
	return true;
}

static enum fox_status cut_out(struct split *x, struct fox_str *out)
{
	size_t from = x->i;
	if (out->p)
		return fox_fail(x->err, FOX_E_FORMAT, from, "model.vocab or model.merges is there twice");
	if (!skip_value(x->text, &x->i))
		return unmatched(x);
	while (x->i > from + 1 && strchr(" \t\r\n", x->text.p[x->i - 1]))
		x->i--;
	*out = (struct fox_str){x->text.p + from, x->i - from};
	return FOX_OK;
}

static enum fox_status split_object(struct split *x, bool model)
{
	bool first = true;
	x->i++;
	fox_buf_char(x->rest, '{');
	skip_blank(x->text, &x->i);
	if (x->i < x->text.n && x->text.p[x->i] == '}')
		return x->i++, fox_buf_char(x->rest, '}'), FOX_OK;
	for (;;) {
		struct fox_str key;
		enum fox_status s = FOX_OK;
		if (!read_key(x, &key))
			return unmatched(x);
		struct fox_str *cut = !model                          ? NULL
		                      : fox_str_is(key, "\"vocab\"")  ? x->vocab
		                      : fox_str_is(key, "\"merges\"") ? x->merges
		                                                      : NULL;
		if (cut) {
			s = cut_out(x, cut);
		} else {
			if (!first)
				fox_buf_char(x->rest, ',');
			first = false;
			fox_buf_add(x->rest, key.p, key.n);
			fox_buf_char(x->rest, ':');
			if (!model && fox_str_is(key, "\"model\"") && x->i < x->text.n && x->text.p[x->i] == '{')
				s = split_object(x, true);
			else if (!copy_value(x->text, &x->i, x->rest))
				s = unmatched(x);
		}
		if (s)
			return s;
		skip_blank(x->text, &x->i);
		if (x->i == x->text.n || (x->text.p[x->i] != ',' && x->text.p[x->i] != '}'))
			return unmatched(x);
		if (x->text.p[x->i++] == '}')
			return fox_buf_char(x->rest, '}'), FOX_OK;
	}
}

enum fox_status tok_json_split(struct fox_str text, struct fox_buf *rest, struct fox_str *vocab,
    struct fox_str *merges, struct fox_err *err)
{
	struct split x = {text, rest, vocab, merges, err, 0};
	*vocab = *merges = (struct fox_str){NULL, 0};
	skip_blank(text, &x.i);
	if (x.i == text.n || text.p[x.i] != '{')
		return fox_fail(err, FOX_E_FORMAT, x.i, "not a JSON object");
	enum fox_status s = split_object(&x, false);
	if (s)
		return s;
	skip_blank(text, &x.i);
	if (x.i < text.n)
		return fox_fail(err, FOX_E_FORMAT, x.i, "not valid JSON: text after the end");
	return rest->failed ? fox_fail_nomem(err) : FOX_OK;
}
