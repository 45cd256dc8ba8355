/* tok_special.c - special ids, flags and the chat template, out of the JSON files beside a vocabulary.
 *
 * Token texts count before ids, files before config.json; a contradiction is told: spec/tokenizer.md 2.2. */
#include <stdio.h>

#include "convert/tok_parts.h"

/* ---- special ids */

/* "bos_token": a string, or an object with "content". */
static bool token_text(const struct fox_value *object, const char *name, struct fox_str *text)
{
	char key[32];
	snprintf(key, sizeof key, "%s_token", name);
	const struct fox_value *v = fox_json_get(object, key);
	return fox_json_str(v, text) || fox_json_str(fox_json_get(v, "content"), text);
}

bool tok_special_text(const struct tok_import *im, const char *name, struct fox_str *text)
{
	return token_text(tok_root(im, TOK_CONFIG), name, text) ||
	       token_text(tok_root(im, TOK_SPECIAL_MAP), name, text);
}

static int32_t special_id(const struct tok_import *im, const char *name, int64_t given, int32_t preset)
{
	struct fox_str text;
	uint32_t found = FOX_MAP_NONE;
	if (tok_special_text(im, name, &text)) {
		found = fox_map_find(&im->id_of, text);
		if (found == FOX_MAP_NONE)
			tok_tell(im, "%s token '%.*s' is not in the vocabulary", name, FOX_STR_ARG(text));
	}
	if (found != FOX_MAP_NONE) {
		if (given >= 0 && given != found)
			tok_tell(im, "%s token '%.*s' is %u in the vocabulary, %lld in config.json: %u is right", name,
			    FOX_STR_ARG(text), found, (long long)given, found);
		return (int32_t)found;
	}
	if (given >= im->t->n) {
		tok_tell(im, "'%s_token_id' in config.json is %lld, past the %u tokens: left out", name,
		    (long long)given, im->t->n);
		return preset;
	}
	return given >= 0 ? (int32_t)given : preset;
}

/* generation_config.json is carried as it is; a reader should know where it contradicts the vocabulary. */
static void check_generation(const struct tok_import *im, const char *name, int32_t id)
{
	char key[32];
	int64_t v = 0;
	snprintf(key, sizeof key, "%s_token_id", name);
	const struct fox_value *g = fox_json_get(tok_root(im, TOK_GENERATION), key);
	bool list = fox_json_type(g) == FOX_JSON_ARRAY, same = false;
	if (fox_json_is_null(g) || id < 0)
		return;
	for (size_t i = 0; i < (list ? fox_json_size(g) : 1) && !same; i++)
		same = fox_json_i64(list ? fox_json_at(g, i) : g, &v) && v == id;
	if (!same)
		tok_tell(im, "'%s' in generation_config.json does not hold %d, which the vocabulary says", key, id);
}

/* Ids that llama.cpp's converter writes for a whole family by number, because no file says what they are for. Fox
 * writes them where the pieces are the ones meant.   source: llama.cpp conversion/llama.py, conversion/gemma.py */
static void known_ids(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	const struct {
		const char *arch, *ending;
		uint32_t n; /* rows of the embedding, 0: any */
		int32_t id, *field;
	} known[] = {
	    {"llama", "<PRE>", 32016, 32007, &t->prefix},
	    {"llama", "<SUF>", 32016, 32008, &t->suffix},
	    {"llama", "<MID>", 32016, 32009, &t->middle},
	    {"llama", "<EOT>", 32016, 32010, &t->eot},
	    {"gemma", "<|fim_prefix|>", 0, 67, &t->prefix},
	    {"gemma", "<|fim_suffix|>", 0, 69, &t->suffix},
	    {"gemma", "<|fim_middle|>", 0, 68, &t->middle},
	    {"gemma", "<end_of_turn>", 0, 107, &t->eot},
	};
	const char *arch = im->config->arch ? im->config->arch->name : "llama";
	for (size_t i = 0; i < FOX_COUNT(known); i++)
		if (!strcmp(arch, known[i].arch) && (!known[i].n || t->n == known[i].n) &&
		    (uint32_t)known[i].id < t->n && fox_str_ends(t->piece[known[i].id], known[i].ending))
			*known[i].field = known[i].id;
}

enum fox_status tok_read_special(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	if (!fox_map_init(&im->id_of, &t->arena, t->n))
		return fox_fail_nomem(im->err);
	for (uint32_t i = 0; i < t->n; i++)
		fox_map_put(&im->id_of, t->piece[i], i);
	t->bos = special_id(im, "bos", im->config->bos, FOX_TOK_NONE);
	t->eos = special_id(im, "eos", im->config->eos, FOX_TOK_NONE);
	t->unk = special_id(im, "unk", -1, t->unk);
	t->pad = special_id(im, "pad", im->config->pad, FOX_TOK_NONE);
	t->sep = special_id(im, "sep", -1, FOX_TOK_NONE);
	t->mask = special_id(im, "mask", -1, FOX_TOK_NONE);
	check_generation(im, "bos", t->bos);
	check_generation(im, "eos", t->eos);
	known_ids(im);
	return FOX_OK;
}

/* ---- add_bos, add_eos, prefix */

static bool is_special(const struct fox_value *step, struct fox_str *id)
{
	return fox_json_str(fox_json_get(fox_json_get(step, "SpecialToken"), "id"), id);
}

/* What a TemplateProcessing step of tokenizer.json puts around one text. */
static void read_template_step(const struct tok_import *im, const struct fox_value *p)
{
	struct fox_tokdata *t = im->t;
	struct fox_str kind, id, own;
	const struct fox_value *single = fox_json_get(p, "single");
	size_t n = fox_json_size(single);
	if (!fox_json_str(fox_json_get(p, "type"), &kind) || !fox_str_is(kind, "TemplateProcessing") || n < 2)
		return;
	if (!t->add_bos_given && is_special(fox_json_at(single, 0), &id)) {
		t->add_bos = tok_special_text(im, "bos", &own) && fox_str_eq(id, own);
		t->add_bos_given = true;
	}
	if (!t->add_eos_given && is_special(fox_json_at(single, n - 1), &id)) {
		t->add_eos = tok_special_text(im, "eos", &own) && fox_str_eq(id, own);
		t->add_eos_given = true;
	}
}

static enum fox_status read_template(struct tok_import *im)
{
	struct fox_str text, part;
	enum fox_status s = fox_source_read_file(im->files, "tokenizer.json", TOK_FILE_LIMIT, &text, im->err);
	if (s || !text.p || !tok_json_member(text, "post_processor", &part))
		return s;
	struct fox_json *doc;
	if ((s = fox_json_parse(&doc, part, im->err))) {
		fox_in(im->err, "in post_processor");
		return fox_in_file(im->err, "tokenizer.json"), s;
	}
	const struct fox_value *list = fox_json_get(fox_json_root(doc), "processors");
	for (size_t i = 0; i < fox_json_size(list); i++)
		read_template_step(im, fox_json_at(list, i));
	if (!list)
		read_template_step(im, fox_json_root(doc));
	fox_json_close(doc);
	return FOX_OK;
}

enum fox_status tok_read_flags(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	const struct fox_value *config = tok_root(im, TOK_CONFIG);
	bool prefix;
	if (fox_json_bool(fox_json_get(config, "add_prefix_space"), &prefix) && prefix != t->add_space_prefix)
		tok_tell(im,
		    "'add_prefix_space' in tokenizer_config.json is %s, tokenizer.model says %s: the latter is right",
		    prefix ? "true" : "false", prefix ? "false" : "true");
	t->add_bos_given = fox_json_bool(fox_json_get(config, "add_bos_token"), &t->add_bos);
	t->add_eos_given = fox_json_bool(fox_json_get(config, "add_eos_token"), &t->add_eos);
	return t->add_bos_given && t->add_eos_given ? FOX_OK : read_template(im);
}

/* ---- chat template */

/* tokenizer_config.json: one text, or a list of named ones of which "default" counts. */
static bool config_template(const struct tok_import *im, struct fox_str *out)
{
	const struct fox_value *v = fox_json_get(tok_root(im, TOK_CONFIG), "chat_template");
	if (fox_json_is_null(v) || fox_json_str(v, out))
		return !fox_json_is_null(v);
	for (size_t i = 0; i < fox_json_size(v); i++) {
		struct fox_str name;
		const struct fox_value *one = fox_json_at(v, i);
		if (fox_json_str(fox_json_get(one, "name"), &name) && fox_str_is(name, "default") &&
		    fox_json_str(fox_json_get(one, "template"), out))
			return true;
	}
	tok_tell(im, "'chat_template' in tokenizer_config.json has no default template: none is written");
	return false;
}

enum fox_status tok_read_chat_template(struct tok_import *im)
{
	struct fox_str file, text = {NULL, 0}, in_config = {NULL, 0};
	const char *from = "chat_template.jinja";
	enum fox_status s = fox_source_read_file(im->files, from, TOK_JSON_LIMIT, &file, im->err);
	if (s)
		return s;
	if (file.p) {
		text = file;
	} else if (fox_json_str(fox_json_get(tok_root(im, TOK_TEMPLATE), "chat_template"), &text)) {
		from = tok_doc_name[TOK_TEMPLATE];
	}
	size_t bad = text.p ? fox_utf8_bad(text) : 0;
	if (text.p && bad < text.n) {
		fox_fail(im->err, FOX_E_FORMAT, bad, "ill-formed UTF-8");
		return fox_in_file(im->err, from), FOX_E_FORMAT;
	}
	if (config_template(im, &in_config) && text.p && !fox_str_eq(text, in_config))
		tok_tell(im, "the chat template is that of %s; tokenizer_config.json has another", from);
	if (!text.p)
		text = in_config;
	if (text.p && !tok_copy(im, &text))
		return fox_fail_nomem(im->err);
	im->t->chat_template = text;
	return FOX_OK;
}
