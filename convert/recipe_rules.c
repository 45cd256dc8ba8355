/* recipe_rules.c - REGEX=TYPE: parsing, files of rules, and the first rule that matches. See recipe.h. */
#include "convert/recipe.h"

#include <stdlib.h>

#include "format/base/arena.h"
#include "format/base/io.h"
#include "format/base/near.h"
#include "format/base/regex.h"

#define MAX_FILE (1u << 20)
#define MAX_RULE 4096u /* bytes: PCRE2 has no trouble far beyond */

struct rule {
	struct fox_str text;
	struct fox_regex *re;
	enum fox_type type;
};

struct fox_rules {
	struct fox_arena arena;
	struct fox_matcher *matcher;
	struct rule *rules;
	size_t n, cap;
};

enum fox_status fox_rules_open(struct fox_rules **out, struct fox_err *err)
{
	struct fox_rules *r = calloc(1, sizeof *r);
	*out = NULL;
	if (!r || !(r->matcher = fox_matcher_open())) {
		fox_rules_close(r);
		return fox_fail_nomem(err);
	}
	*out = r;
	return FOX_OK;
}

void fox_rules_close(struct fox_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		fox_regex_close(r->rules[i].re);
	free(r->rules);
	if (r->matcher)
		fox_matcher_close(r->matcher);
	fox_arena_free(&r->arena);
	free(r);
}

/* ---- types */

/* Types that whole tensors of weights are stored in. q8_1 and q8_k hold activations while a product runs. */
static bool holds_weights(enum fox_type t)
{
	switch (t) {
	case FOX_I8:
	case FOX_I16:
	case FOX_I32:
	case FOX_I64:
	case FOX_F64:
	case FOX_Q8_1:
	case FOX_Q8_K:
		return false;
	default:
		return fox_type_info(t) != NULL;
	}
}

enum fox_status fox_recipe_parse_type(struct fox_str name, enum fox_type *out, struct fox_err *err)
{
	char low[16], text[120];
	struct fox_near near = {.word = name};
	enum fox_type t;
	size_t n = name.n < sizeof low ? name.n : sizeof low;
	for (size_t i = 0; i < n; i++)
		low[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
	if (name.n <= sizeof low && !fox_type_parse((struct fox_str){low, n}, &t, NULL)) {
		if (!holds_weights(t))
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "weights are not stored as %s", fox_type_info(t)->name);
		*out = t;
		return FOX_OK;
	}
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++)
		if (fox_type_info(id) && holds_weights((enum fox_type)id))
			fox_near_offer(&near, fox_type_info(id)->name);
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tensor type '%.*s'%s", FOX_STR_ARG(name),
	    fox_near_text(&near, text, sizeof text));
}

/* ---- rules */

/* Letters become lower case, except behind a backslash: \D must not become \d. */
static char *lowered(struct fox_arena *a, struct fox_str s)
{
	char *p = fox_arena_strdup(a, s);
	for (size_t i = 0; p && i < s.n; i++) {
		if (p[i] == '\\')
			i++;
		else if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
	}
	return p;
}

static enum fox_status parse(struct fox_rules *r, struct rule *out, struct fox_str text, struct fox_err *err)
{
	const char *eq = memchr(text.p, '=', text.n);
	if (text.n > MAX_RULE)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "longer than %u bytes", MAX_RULE);
	if (fox_utf8_bad(text) != text.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "not UTF-8");
	if (!eq)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no '=' between an expression and a type");
	struct fox_str re = {text.p, (size_t)(eq - text.p)};
	struct fox_str type = {eq + 1, text.n - re.n - 1};
	if (!re.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no expression before '='");
	if (!type.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no type behind '='");
	enum fox_status s = fox_recipe_parse_type(type, &out->type, err);
	if (s)
		return s;
	const char *copy = fox_arena_strdup(&r->arena, text);
	char *low = lowered(&r->arena, re);
	if (!copy || !low)
		return fox_fail_nomem(err);
	struct fox_err why = {0};
	s = fox_regex_open(&out->re, (struct fox_str){low, re.n}, FOX_REGEX_ECMA, &why);
	if (s)
		return fox_fail(err, s == FOX_E_UNSUPPORTED ? FOX_E_ARG : s, FOX_NOWHERE, "%s", why.text);
	out->text = (struct fox_str){copy, text.n};
	return FOX_OK;
}

enum fox_status fox_rules_add(struct fox_rules *r, struct fox_str text, struct fox_err *err)
{
	struct rule rule = {0};
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		struct rule *more = realloc(r->rules, cap * sizeof *more);
		if (!more)
			return fox_fail_nomem(err);
		r->rules = more;
		r->cap = cap;
	}
	enum fox_status s = parse(r, &rule, text, err);
	if (s)
		return fox_in(err, "in rule '%.*s'", FOX_STR_ARG(text)), s;
	r->rules[r->n++] = rule;
	return FOX_OK;
}

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static enum fox_status add_lines(struct fox_rules *r, struct fox_str text, struct fox_err *err)
{
	size_t line = 1;
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		if (blank(text.p[i])) {
			line += text.p[i++] == '\n';
			continue;
		}
		if (text.p[i] == '#') {
			while (i < text.n && text.p[i] != '\n')
				i++;
			continue;
		}
		while (i < text.n && !blank(text.p[i]))
			i++;
		enum fox_status s = fox_rules_add(r, (struct fox_str){text.p + from, i - from}, err);
		if (s)
			return fox_in(err, "line %zu", line), s;
	}
	return FOX_OK;
}

enum fox_status fox_rules_add_file(struct fox_rules *r, const char *path, struct fox_err *err)
{
	char *text;
	size_t n;
	enum fox_status s = fox_path_slurp(path, MAX_FILE, &text, &n, err);
	if (s)
		return s;
	size_t bad = fox_utf8_bad((struct fox_str){text, n});
	if (bad != n)
		s = fox_fail(err, FOX_E_FORMAT, bad, "not UTF-8");
	if (!s)
		s = add_lines(r, (struct fox_str){text, n}, err);
	if (s)
		fox_in_file(err, path);
	free(text);
	return s;
}

size_t fox_rules_count(const struct fox_rules *r)
{
	return r ? r->n : 0;
}

struct fox_str fox_rules_text(const struct fox_rules *r, size_t i)
{
	return r->rules[i].text;
}

enum fox_type fox_rules_type(const struct fox_rules *r, size_t i)
{
	return r->rules[i].type;
}

enum fox_status fox_rules_find(
    const struct fox_rules *r, struct fox_str name, size_t *rule, struct fox_err *err)
{
	*rule = SIZE_MAX;
	for (size_t i = 0; i < fox_rules_count(r); i++) {
		bool found;
		size_t from, to;
		enum fox_status s = fox_regex_find(r->rules[i].re, r->matcher, name, 0, &found, &from, &to, err);
		if (s)
			return fox_in(err, "in rule '%.*s'", FOX_STR_ARG(r->rules[i].text)), s;
		if (found) {
			*rule = i;
			break;
		}
	}
	return FOX_OK;
}
