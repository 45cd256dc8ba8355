/* ver_tokids.c - special ids and flags of a tokenizer: what the source's files make of them, against the container's keys.
 *
 * spec/tokenizer.md 2.2, 11.4 */
#include <stdio.h>

#include "inspect/ver_tokwant.h"

#define KEY(name) "tokenizer.ggml." name
#define fail fox_want_fail

/* The id that a token of the source has: by its text, else by config.json, else `preset`. *by says which. */
static uint32_t wanted_id(const struct fox_want *x, const struct fox_want_docs *d, const char *token,
    bool ask_config, uint32_t preset, char by[256])
{
	struct fox_str text;
	char key[64];
	uint64_t given;
	uint32_t id = fox_want_special(d, token, &text) ? fox_map_find(&x->by_text, text) : FOX_MAP_NONE;
	snprintf(key, sizeof key, "%s_id", token);
	if (id != FOX_MAP_NONE) {
		snprintf(by, 256, "the id of '%.*s'", FOX_STR_ARG(text));
		return id;
	}
	if (ask_config && fox_json_u64(fox_json_get(d->config, key), &given) && given < x->n) {
		snprintf(by, 256, "by '%s' in config.json", key);
		return (uint32_t)given;
	}
	snprintf(by, 256, "the unknown piece of the vocabulary");
	return preset;
}

static void compare_id(struct fox_verify *v, const char *key, uint32_t want, const char *by)
{
	uint32_t got;
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	if (!kv && want == FOX_MAP_NONE)
		return;
	if (!kv)
		fail(v, key, "absent, must be %u, %s", want, by);
	else if (fox_gguf_u32(v->g, key, &got, NULL))
		fail(v, key, "is %s, no id", fox_gguf_type_name(kv->type));
	else if (want == FOX_MAP_NONE)
		fail(v, key, "is %u, but the source names no such token", got);
	else if (got != want)
		fail(v, key, "is %u, must be %u, %s", got, want, by);
}

/* Ids of special tokens; returns that of bos and eos in ids[0] and ids[1]. */
static void compare_ids(
    struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d, uint32_t ids[2])
{
	static const struct {
		const char *token, *key;
		bool config, unknown; /* config.json may name it; the unknown piece stands in for it */
	} rows[] = {
	    {"bos_token", KEY("bos_token_id"), true, false},
	    {"eos_token", KEY("eos_token_id"), true, false},
	    {"unk_token", KEY("unknown_token_id"), false, true},
	    {"sep_token", KEY("seperator_token_id"), false, false},
	    {"pad_token", KEY("padding_token_id"), true, false},
	    {"mask_token", KEY("mask_token_id"), false, false},
	};
	char by[256];
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint32_t id =
		    wanted_id(x, d, rows[i].token, rows[i].config, rows[i].unknown ? x->unk : FOX_MAP_NONE, by);
		const struct fox_want_side *side = i == 0 ? &x->before : i == 1 ? &x->after : NULL;
		if (id == FOX_MAP_NONE && side && side->n == 1) {
			id = side->id;
			snprintf(by, sizeof by, "the id that the post_processor puts %s a text", i ? "after" : "before");
		}
		compare_id(v, rows[i].key, id, by);
		if (i < 2)
			ids[i] = id;
	}
}

/* Ids that no file of the source speaks of: families are known to have them in one place, and have them when the piece that
 * is meant stands there.   source: llama.cpp conversion/llama.py, conversion/gemma.py */
static void compare_places(struct fox_verify *v, const struct fox_want *x)
{
	static const struct {
		const char *key, *llama, *gemma; /* how the piece ends */
		uint32_t llama_id, gemma_id;
	} rows[] = {
	    {KEY("prefix_token_id"), "<PRE>", "<|fim_prefix|>", 32007, 67},
	    {KEY("suffix_token_id"), "<SUF>", "<|fim_suffix|>", 32008, 69},
	    {KEY("middle_token_id"), "<MID>", "<|fim_middle|>", 32009, 68},
	    {KEY("eot_token_id"), "<EOT>", "<end_of_turn>", 32010, 107},
	};
	struct fox_str arch = {"", 0};
	if (fox_gguf_find_key(v->g, "general.architecture"))
		(void)!fox_gguf_str(v->g, "general.architecture", &arch, NULL);
	bool gemma = fox_str_is(arch, "gemma"), llama = (!arch.n || fox_str_is(arch, "llama")) && x->n == 32016;
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint32_t id = gemma ? rows[i].gemma_id : llama ? rows[i].llama_id : FOX_MAP_NONE;
		if (id != FOX_MAP_NONE &&
		    (id >= x->n || !fox_str_ends(x->piece[id], gemma ? rows[i].gemma : rows[i].llama)))
			id = FOX_MAP_NONE;
		compare_id(v, rows[i].key, id, "the place of its piece");
	}
}

/* A flag that must have a value; one that the source does not mention is not judged. */
static void compare_flag(struct fox_verify *v, const char *key, bool want, const char *by)
{
	bool got;
	if (fox_gguf_bool(v->g, key, &got, NULL))
		fail(v, key, "absent, must be %s by %s", want ? "true" : "false", by);
	else if (got != want)
		fail(v, key, "is %s, must be %s by %s", got ? "true" : "false", want ? "true" : "false", by);
}

/* The id of the special token that a TemplateProcessing step of tokenizer.json puts first (or last) around one text. */
static bool template_ends(const struct fox_want_docs *d, bool last, struct fox_str *id)
{
	const struct fox_value *p = fox_json_get(fox_want_root(d->fast), "post_processor"),
	                       *list = fox_json_get(p, "processors");
	for (size_t i = 0; i < (list ? fox_json_size(list) : 1); i++) {
		const struct fox_value *step = list ? fox_json_at(list, i) : p,
		                       *single = fox_json_get(step, "single");
		size_t n = fox_json_size(single);
		struct fox_str type;
		if (n >= 2 && fox_json_str(fox_json_get(step, "type"), &type) &&
		    fox_str_is(type, "TemplateProcessing") &&
		    fox_json_str(
		        fox_json_get(fox_json_get(fox_json_at(single, last ? n - 1 : 0), "SpecialToken"), "id"), id))
			return true;
	}
	return false;
}

/* add_bos_token or add_eos_token. id: the token's, or FOX_MAP_NONE. */
static void compare_add(struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d,
    const char *name, const char *token, bool last, uint32_t id)
{
	char key[64];
	struct fox_str put, own;
	bool want = false;
	const char *by = "tokenizer_config.json";
	snprintf(key, sizeof key, KEY("%s"), name);
	bool said = fox_json_bool(fox_json_get(fox_want_root(d->tokenizer), name), &want);
	if (!said && (said = template_ends(d, last, &put))) {
		by = "the TemplateProcessing of tokenizer.json";
		want = fox_want_special(d, token, &own) && fox_str_eq(put, own);
	}
	if (x->from_json) { /* what is run is the pipeline; the keys can tell one id on each side */
		const struct fox_want_side *side = last ? &x->after : &x->before;
		by = "the post_processor";
		want = side->n == 1 && side->id == id;
		said = true;
	}
	/* an absent add_bos_token means true, but for Unigram, where that is add_eos_token; readers would assume an id too */
	bool assumed = last == !strcmp(x->model, "t5");
	if (!said && assumed && id == FOX_MAP_NONE) {
		said = true;
		by = "there being no such token";
	}
	if (said)
		compare_flag(v, key, want && id != FOX_MAP_NONE, by);
	else if (fox_gguf_find_key(v->g, key))
		fail(v, key, "is there, but the source does not say");
}

/* SentencePiece's two flags. Byte-level BPE has neither. */
static void compare_spaces(struct fox_verify *v, const struct fox_want *x)
{
	const char *by = x->from_json ? "the pipeline of tokenizer.json" : "tokenizer.model";
	bool unigram = !strcmp(x->model, "t5");
	if (!strcmp(x->model, "gpt2")) {
		if (fox_gguf_find_key(v->g, KEY("add_space_prefix")))
			fail(v, KEY("add_space_prefix"), "is there, but byte-level BPE has no such flag");
		if (fox_gguf_find_key(v->g, KEY("remove_extra_whitespaces")))
			fail(v, KEY("remove_extra_whitespaces"), "is there, but byte-level BPE has no such flag");
		return;
	}
	compare_flag(v, KEY("add_space_prefix"), x->dummy_prefix,
	    x->from_json ? by : "'add_dummy_prefix' in tokenizer.model");
	if (fox_gguf_find_key(v->g, KEY("remove_extra_whitespaces")) || x->extra_whitespaces || unigram)
		compare_flag(v, KEY("remove_extra_whitespaces"), x->extra_whitespaces, by);
}

void fox_want_compare_ids(struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d)
{
	uint32_t ids[2];
	compare_ids(v, x, d, ids);
	compare_places(v, x);
	compare_spaces(v, x);
	compare_add(v, x, d, "add_bos_token", "bos_token", false, ids[0]);
	compare_add(v, x, d, "add_eos_token", "eos_token", true, ids[1]);
}
