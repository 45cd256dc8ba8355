/* ver_tokenizer.c - the container's tokenizer keys against tokenizer.model and the JSON files beside it, every one.
 *
 * What must be there is worked out in ver_tokwant.c.  spec/tokenizer.md 2, spec/verify.md 3.7 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/profile.h"
#include "format/tokdata.h"
#include "inspect/ver_tokwant.h"

#define KEY(name) "tokenizer.ggml." name
enum { MAX_FILE = 64 << 20, MAX_TOLD = 32 };

static void fail(struct fox_verify *v, const char *key, const char *fmt, ...) FOX_PRINTF(3, 4);
static void fail(struct fox_verify *v, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fox_find_add(&v->found, FOX_FAIL, "source.tokenizer", key, "%s", text);
}

static void compare_pieces(struct fox_verify *v, const struct fox_want *x)
{
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(v->g, KEY("tokens")),
	                         *scores = fox_gguf_find_key(v->g, KEY("scores")),
	                         *types = fox_gguf_find_key(v->g, KEY("token_type"));
	uint64_t cursor = 0, bad_piece = 0, bad_score = 0, bad_type = 0;
	if (!tokens || !scores || !types || scores->n_items != x->n || types->n_items != x->n) {
		fail(v, KEY("scores"), "scores and types are not %u each", x->n);
		return;
	}
	for (uint32_t i = 0; i < x->n; i++) {
		struct fox_str piece = {"", 0};
		double score = 0;
		int64_t type = 0;
		if ((!fox_gguf_next_str(v->g, tokens, &cursor, &piece) || !fox_str_eq(piece, x->piece[i])) &&
		    !bad_piece++)
			fail(v, KEY("tokens"), "token %u is '%.*s', must be '%.*s'", i, FOX_STR_ARG(piece),
			    FOX_STR_ARG(x->piece[i]));
		if ((!fox_gguf_item_f64(v->g, scores, i, &score) || (float)score != x->score[i]) && !bad_score++)
			fail(v, KEY("scores"), "token %u scores %.9g, must be %.9g", i, score, (double)x->score[i]);
		if ((!fox_gguf_item_i64(v->g, types, i, &type) || type != x->type[i]) && !bad_type++)
			fail(v, KEY("token_type"), "token %u has type %lld, must be %d", i, (long long)type, x->type[i]);
	}
}

/* The text of a special token: tokenizer_config.json first, then special_tokens_map.json; string or object.
 */
static bool special_text(const struct fox_want_docs *d, const char *token, struct fox_str *out)
{
	const struct fox_value *const from[] = {fox_want_root(d->tokenizer), fox_want_root(d->special)};
	for (int i = 0; i < 2; i++) {
		const struct fox_value *v = fox_json_get(from[i], token);
		if (fox_json_str(v, out) || fox_json_str(fox_json_get(v, "content"), out))
			return true;
	}
	return false;
}

/* The id that a token of the source has: by its text, else by config.json, else `preset`. *by says which. */
static uint32_t wanted_id(const struct fox_want *x, const struct fox_want_docs *d, const char *token,
    bool ask_config, uint32_t preset, char by[256])
{
	struct fox_str text;
	char key[64];
	uint64_t given;
	uint32_t id = special_text(d, token, &text) ? fox_map_find(&x->by_text, text) : FOX_MAP_NONE;
	snprintf(key, sizeof key, "%s_id", token);
	if (id != FOX_MAP_NONE) {
		snprintf(by, 256, "the id of '%.*s'", FOX_STR_ARG(text));
		return id;
	}
	if (ask_config && fox_json_u64(fox_json_get(d->config, key), &given) && given < x->n) {
		snprintf(by, 256, "by '%s' in config.json", key);
		return (uint32_t)given;
	}
	snprintf(by, 256, "the unknown piece of tokenizer.model");
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
	/* infilling, which CodeLlama's vocabulary alone has, always in this place */
	static const struct {
		const char *key, *piece;
	} infill[] = {
	    {KEY("prefix_token_id"), "<PRE>"},
	    {KEY("suffix_token_id"), "<SUF>"},
	    {KEY("middle_token_id"), "<MID>"},
	    {KEY("eot_token_id"), "<EOT>"},
	};
	char by[256];
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint32_t id =
		    wanted_id(x, d, rows[i].token, rows[i].config, rows[i].unknown ? x->unk : FOX_MAP_NONE, by);
		compare_id(v, rows[i].key, id, by);
		if (i < 2)
			ids[i] = id;
	}
	bool llama = x->n == 32016;
	for (uint32_t i = 0; i < 4 && llama; i++)
		llama = fox_str_ends(x->piece[32007 + i], infill[i].piece);
	for (uint32_t i = 0; i < 4; i++)
		compare_id(v, infill[i].key, llama ? 32007 + i : FOX_MAP_NONE, "the place of its piece");
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
static void compare_add(struct fox_verify *v, const struct fox_want_docs *d, const char *name,
    const char *token, bool last, uint32_t id)
{
	char key[64];
	struct fox_str put, own;
	bool want = false;
	const char *by = "tokenizer_config.json";
	snprintf(key, sizeof key, KEY("%s"), name);
	bool said = fox_json_bool(fox_json_get(fox_want_root(d->tokenizer), name), &want);
	if (!said && (said = template_ends(d, last, &put))) {
		by = "the TemplateProcessing of tokenizer.json";
		want = special_text(d, token, &own) && fox_str_eq(put, own);
	}
	if (!said && !last && id == FOX_MAP_NONE) { /* readers would assume true, and an id */
		said = true;
		by = "there being no such token";
	}
	if (said)
		compare_flag(v, key, want && id != FOX_MAP_NONE, by);
	else if (fox_gguf_find_key(v->g, key))
		fail(v, key, "is there, but the source does not say");
}

static enum fox_status compare_template(
    struct fox_verify *v, struct fox_source *src, const struct fox_want_docs *d, struct fox_err *err)
{
	static const char key[] = "tokenizer.chat_template";
	struct fox_str want = {NULL, 0}, got, name;
	enum fox_status s = fox_source_read_file(src, "chat_template.jinja", MAX_FILE, &want, err);
	if (s)
		return s;
	if (!want.p)
		fox_json_str(fox_json_get(fox_want_root(d->template), "chat_template"), &want);
	const struct fox_value *t = fox_json_get(fox_want_root(d->tokenizer), "chat_template");
	for (size_t i = 0; !want.p && fox_json_type(t) == FOX_JSON_ARRAY && i < fox_json_size(t); i++)
		if (fox_json_str(fox_json_get(fox_json_at(t, i), "name"), &name) && fox_str_is(name, "default"))
			fox_json_str(fox_json_get(fox_json_at(t, i), "template"), &want);
	if (!want.p)
		fox_json_str(t, &want);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	if (kv && !want.p)
		fail(v, key, "is there, but the source has none");
	else if (!kv && want.p)
		fail(v, key, "absent, but the source has one of %zu bytes", want.n);
	else if (kv && (fox_gguf_str(v->g, key, &got, NULL) || !fox_str_eq(got, want)))
		fail(v, key, "is not the source's template");
	return FOX_OK;
}

/* fox.tokenizer.spm: tokenizer.model less its pieces, byte for byte. */
static void compare_spm(struct fox_verify *v, struct fox_str model, bool needed)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, FOX_KEY_SPM_SPEC);
	struct fox_wire w = fox_wire_of(model);
	size_t at = 0;
	bool same = kv && kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_U8;
	if (!kv && !needed)
		return;
	for (const uint8_t *from = w.p; fox_wire_next(&w) == 1; from = w.p) {
		size_t n = (size_t)(w.p - from);
		if (w.field == 1 && w.kind == 2)
			continue;
		same = same && kv->raw.n - at >= n && !memcmp(kv->raw.p + at, from, n);
		at += same ? n : 0;
	}
	if (!kv)
		fail(v, FOX_KEY_SPM_SPEC, "absent, must be tokenizer.model without its pieces");
	else if (!same || at != kv->raw.n)
		fail(v, FOX_KEY_SPM_SPEC, "is not tokenizer.model without its pieces");
}

/* fox.tokenizer.user_defined: the pieces whose type the vocabulary does not show. */
static void compare_user(struct fox_verify *v, const struct fox_want *x, bool needed)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, FOX_KEY_TOK_USER);
	uint64_t n = 0, got;
	bool same = !kv || kv->type == FOX_GGUF_ARR;
	for (uint32_t i = 0; i < x->n; i++) {
		if (!x->user[i] || x->type[i] != FOX_TOK_NORMAL)
			continue;
		same = same && kv && n < kv->n_items && fox_gguf_item_u64(v->g, kv, n, &got) && got == i;
		n++;
	}
	if (kv ? !same || n != kv->n_items : n && needed)
		fail(v, FOX_KEY_TOK_USER, "%s the %llu user-defined pieces of tokenizer.model",
		    kv ? "are not" : "absent, must list", (unsigned long long)n);
}

/* A tokenizer key that nothing above expects would be believed by some reader. */
static void compare_others(struct fox_verify *v)
{
	static const char *const known[] = {KEY("model"), KEY("pre"), KEY("tokens"), KEY("scores"),
	    KEY("token_type"), KEY("bos_token_id"), KEY("eos_token_id"), KEY("unknown_token_id"),
	    KEY("seperator_token_id"), KEY("padding_token_id"), KEY("mask_token_id"), KEY("prefix_token_id"),
	    KEY("suffix_token_id"), KEY("middle_token_id"), KEY("eot_token_id"), KEY("add_bos_token"),
	    KEY("add_eos_token"), KEY("add_space_prefix"), KEY("remove_extra_whitespaces"),
	    "tokenizer.chat_template", FOX_KEY_TOK_USER, FOX_KEY_SPM_SPEC};
	size_t bad = 0;
	for (size_t i = 0; i < fox_gguf_keys(v->g); i++) {
		struct fox_str key = fox_gguf_key(v->g, i)->key;
		char where[201];
		bool found = !fox_str_starts(key, "tokenizer.") && !fox_str_starts(key, "fox.tokenizer.");
		for (size_t k = 0; k < FOX_COUNT(known) && !found; k++)
			found = fox_str_is(key, known[k]);
		if (found || bad++ >= MAX_TOLD)
			continue;
		snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(key));
		fail(v, where, "no file of the source says this");
	}
	if (bad > MAX_TOLD)
		fail(v, "", "%zu more keys like these", bad - MAX_TOLD);
}

/* How many tokens there must be. False, with a finding or an error, when nothing else can be compared then. */
static bool count_rows(struct fox_want *x, struct fox_verify *v, struct fox_str model,
    const struct fox_want_docs *d, enum fox_status *s, struct fox_err *err)
{
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(v->g, KEY("tokens"));
	uint64_t rows, here = tokens && tokens->type == FOX_GGUF_ARR ? tokens->n_items : 0;
	int64_t pieces = fox_want_count(model);
	if (pieces <= 0) {
		fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "not a SentencePiece model");
		fox_in_file(err, "tokenizer.model");
		*s = FOX_E_FORMAT;
		return false;
	}
	if (!fox_json_u64(fox_json_get(d->config, "vocab_size"), &rows))
		rows = (uint64_t)pieces;
	/* what the container holds bounds the memory taken below, whatever config.json says */
	if (here != rows || rows < (uint64_t)pieces) {
		fail(v, KEY("tokens"), "holds %llu tokens, must hold %llu, %lld of them pieces of tokenizer.model",
		    (unsigned long long)here, (unsigned long long)rows, (long long)pieces);
		return false;
	}
	x->n = (uint32_t)rows;
	return true;
}

static void compare_word(struct fox_verify *v, const char *key, const char *want)
{
	struct fox_str got = {"", 0};
	if (!fox_gguf_find_key(v->g, key))
		fail(v, key, "absent, must be '%s' for a SentencePiece model", want);
	else if (fox_gguf_str(v->g, key, &got, NULL) || !fox_str_is(got, want))
		fail(v, key, "is '%.*s', must be '%s' for a SentencePiece model", FOX_STR_ARG(got), want);
}

static void compare_all(struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d,
    struct fox_str model, bool fox)
{
	uint32_t ids[2];
	compare_word(v, KEY("model"), "llama");
	compare_word(v, KEY("pre"), "default");
	compare_pieces(v, x);
	compare_ids(v, x, d, ids);
	compare_flag(v, KEY("add_space_prefix"), x->dummy_prefix, "'add_dummy_prefix' in tokenizer.model");
	if (fox_gguf_find_key(v->g, KEY("remove_extra_whitespaces")) || x->extra_whitespaces)
		compare_flag(v, KEY("remove_extra_whitespaces"), x->extra_whitespaces, "tokenizer.model");
	compare_add(v, d, "add_bos_token", "bos_token", false, ids[0]);
	compare_add(v, d, "add_eos_token", "eos_token", true, ids[1]);
	compare_spm(v, model, fox);
	compare_user(v, x, fox);
	compare_others(v);
}

enum fox_status fox_ver_tokenizer(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct fox_want x = {0};
	struct fox_want_docs d = {.config = p->config};
	struct fox_str model;
	size_t before = v->found.n_fail;
	enum fox_status s = fox_source_read_file(p->src, "tokenizer.model", MAX_FILE, &model, err);
	if (s)
		return s;
	if (!model.p) {
		fail(v, KEY("model"), "the source has no 'tokenizer.model' to prove it against");
		return FOX_OK;
	}
	if ((s = fox_want_open(&d, p->src, err)) || !count_rows(&x, v, model, &d, &s, err) ||
	    (s = fox_want_build(&x, model, &d, err)))
		goto out;
	compare_all(v, &x, &d, model, p->fox);
	s = compare_template(v, p->src, &d, err);
	if (!s && v->found.n_fail == before)
		fox_find_add(&v->found, FOX_PASS, "source.tokenizer", "",
		    "%u pieces, scores, types, special ids and flags are the source's", x.n);
out:
	fox_want_close(&d);
	fox_arena_free(&x.arena);
	return s;
}
