/* ver_config.c - does config.json describe what the container's family computes?
 *
 * A field that changes the maths and has a value that the family does not compute, a field that no list
 * accounts for, and two spellings of one number that disagree: each would make every other proof hollow, since
 * the original model would compute something else.  spec/verify.md 3.4 */
#include <stdio.h>

#include "inspect/verify.h"

enum { MAX_PATH = 200, MAX_TOLD = 32 };

struct walk {
	struct fox_verify *v;
	const struct fox_arch *arch;
	size_t n_bad;
};

static void bad(struct walk *w, const char *path, const char *text)
{
	if (w->n_bad++ < MAX_TOLD)
		fox_find_add(&w->v->found, FOX_FAIL, "source.config", path, "%s", text);
}

/* Does a list hold the path itself (2), paths below it (1), or neither (0)? */
static int holds(const char *list, const char *path)
{
	struct fox_str one;
	size_t n = strlen(path);
	int found = 0;
	while (fox_arch_next(&list, &one)) {
		if (fox_str_is(one, path))
			return 2;
		if (one.n > n && one.p[n] == '.' && !memcmp(one.p, path, n))
			found = 1;
	}
	return found;
}

/* What every family has; read by fox_ver_keys and fox_ver_tokenizer. */
static const char everywhere[] = "architectures|model_type|tie_word_embeddings|bos_token_id|eos_token_id|"
                                 "pad_token_id|_name_or_path|name_or_path";

/* Rotary settings and windows are in `ignored` for this file: fox_ver_rope_read and fox_ver_window_read judge them. */
static int known(const struct fox_arch *arch, const char *path)
{
	const char *const lists[] = {
	    everywhere, arch->ignored, arch->tied, arch->bias_qkv, arch->bias_out, arch->bias_ffn};
	int best = 0, k;
	for (size_t i = 0; i < FOX_COUNT(lists); i++) {
		k = holds(lists[i], path);
		best = k > best ? k : best;
	}
	for (size_t i = 0; i < arch->n_keys && best < 2; i++) {
		k = arch->keys[i].config ? holds(arch->keys[i].config, path) : 0;
		best = k > best ? k : best;
	}
	for (size_t i = 0; i < arch->n_rules && best < 2; i++) {
		k = holds(arch->rules[i].config, path);
		best = k > best ? k : best;
	}
	return best;
}

/* A scalar (or empty container) as the words of a rule spell it; NULL: something that no word stands for. */
static const char *word_of(const struct fox_value *v, char buf[256])
{
	struct fox_str s;
	double d;
	bool b;
	if (fox_json_is_null(v))
		return "null";
	if (fox_json_bool(v, &b))
		return b ? "true" : "false";
	if (fox_json_type(v) == FOX_JSON_OBJECT)
		return fox_json_size(v) ? NULL : "{}";
	if (fox_json_f64(v, &d)) {
		snprintf(buf, 256, "%.17g", d);
		return buf;
	}
	if (!fox_json_str(v, &s) || s.n > 200)
		return NULL;
	snprintf(buf, 256, "%.*s", FOX_STR_ARG(s));
	/* "null" in quotes is a word of its own, which no rule means */
	return fox_str_is(s, "null") || fox_str_is(s, "true") || fox_str_is(s, "false") || fox_str_f64(s, &d)
	           ? NULL
	           : buf;
}

static bool accepted(const char *accept, const struct fox_value *v)
{
	char buf[256];
	if (fox_json_type(v) == FOX_JSON_ARRAY) {
		bool ok = fox_arch_lists(accept, fox_str_of("[]"));
		for (size_t i = 0; ok && i < fox_json_size(v); i++)
			ok = fox_json_type(fox_json_at(v, i)) != FOX_JSON_ARRAY && accepted(accept, fox_json_at(v, i));
		return ok;
	}
	double d;
	const char *word = word_of(v, buf);
	return (word && fox_arch_lists(accept, fox_str_of(word))) ||
	       (fox_json_f64(v, &d) && fox_arch_lists(accept, fox_str_of("any number")));
}

static void check_rules(struct walk *w, const char *path, const struct fox_value *v)
{
	char buf[256], text[512];
	for (size_t i = 0; i < w->arch->n_rules; i++) {
		const struct fox_arch_rule *r = &w->arch->rules[i];
		if (holds(r->config, path) != 2 || accepted(r->accept, v))
			continue;
		const char *word = word_of(v, buf);
		snprintf(text, sizeof text, "is %s, which architecture '%s' does not compute (it does: %s)",
		    word ? word : fox_json_type_name(fox_json_type(v)), w->arch->name, r->accept);
		bad(w, path, text);
	}
}

static void walk(struct walk *w, const struct fox_value *object, const char *prefix, int depth)
{
	struct fox_str name;
	const struct fox_value *v;
	char path[MAX_PATH];
	for (void *it = NULL; fox_json_next(object, &it, &name, &v);) {
		int n = snprintf(path, sizeof path, "%s%s%.*s", prefix, *prefix ? "." : "", FOX_STR_ARG(name));
		int k = n < (int)sizeof path && name.n < 200 ? known(w->arch, path) : 0;
		check_rules(w, path, v);
		if (k == 2 || fox_json_is_null(v))
			continue;
		if (k == 1 && fox_json_type(v) == FOX_JSON_OBJECT && depth < 4)
			walk(w, v, path, depth + 1);
		else
			bad(w, path, "nothing here accounts for this field: it may change what the model computes");
	}
}

/* Names of one number that are there together must agree. */
static void check_spellings(struct walk *w, const struct fox_value *config)
{
	for (size_t i = 0; i < w->arch->n_keys; i++) {
		const char *list = w->arch->keys[i].config;
		struct fox_str path, first = {"", 0};
		double a = 0, b;
		while (fox_arch_next(&list, &path)) {
			const struct fox_value *v = fox_ver_dig(config, path);
			char where[MAX_PATH], text[320];
			if (!v || !fox_json_f64(v, &b))
				continue;
			if (first.n && a != b) {
				snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(path));
				snprintf(text, sizeof text, "is %.9g, but '%.*s' is %.9g", b, FOX_STR_ARG(first), a);
				bad(w, where, text);
			}
			if (!first.n)
				first = path, a = b;
		}
	}
}

enum fox_status fox_ver_config(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct walk w = {.v = v, .arch = p->arch};
	struct fox_str name, type;
	(void)err;
	if (!fox_json_str(fox_json_at(fox_json_get(p->config, "architectures"), 0), &name))
		bad(&w, "architectures", "is not there");
	else if (fox_json_size(fox_json_get(p->config, "architectures")) != 1 ||
	         !fox_arch_lists(p->arch->hf_class, name))
		fox_find_add(&v->found, FOX_FAIL, "source.config", "architectures",
		    "is '%.*s', but the container is a '%s'", FOX_STR_ARG(name), p->arch->name),
		    w.n_bad++;
	if (fox_json_str(fox_json_get(p->config, "model_type"), &type) &&
	    !fox_arch_lists(p->arch->hf_types, type))
		bad(&w, "model_type", "does not go with the class in 'architectures'");
	walk(&w, p->config, "", 0);
	check_spellings(&w, p->config);
	if (w.n_bad > MAX_TOLD)
		fox_find_add(
		    &v->found, FOX_FAIL, "source.config", "", "%zu more fields like these", w.n_bad - MAX_TOLD);
	if (!w.n_bad && !p->bad_config)
		fox_find_add(&v->found, FOX_PASS, "source.config", "",
		    "config.json asks for nothing that architecture '%s' does not compute", p->arch->name);
	return FOX_OK;
}
