/* ver_tokenizer.c - the container's tokenizer keys against the source's tokenizer files, every one.
 *
 * What must be there is worked out in ver_tokwant.c and ver_tokjson.c.  spec/tokenizer.md 2, 11, spec/verify.md 3.7 */
#include <stdio.h>
#include <stdlib.h>

#include "format/profile.h"
#include "format/tokdata.h"
#include "inspect/ver_tokwant.h"

#define KEY(name) "tokenizer.ggml." name
#define fail fox_want_fail
enum { MAX_FILE = 64 << 20, MAX_LARGE = 256 << 20, MAX_TOLD = 32 };

static void compare_pieces(struct fox_verify *v, const struct fox_want *x)
{
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(v->g, KEY("tokens")),
	                         *scores = fox_gguf_find_key(v->g, KEY("scores")),
	                         *types = fox_gguf_find_key(v->g, KEY("token_type"));
	uint64_t cursor = 0, bad_piece = 0, bad_score = 0, bad_type = 0;
	if (!x->scores && scores)
		fail(v, KEY("scores"), "is there, but the source has merges in their place");
	if (!tokens || !types || types->n_items != x->n || (x->scores && (!scores || scores->n_items != x->n))) {
		fail(v, x->scores ? KEY("scores") : KEY("token_type"), "%s are not %u%s",
		    x->scores ? "scores and types" : "types", x->n, x->scores ? " each" : "");
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
		if (x->scores && (!fox_gguf_item_f64(v->g, scores, i, &score) || (float)score != x->score[i]) &&
		    !bad_score++)
			fail(v, KEY("scores"), "token %u scores %.9g, must be %.9g", i, score, (double)x->score[i]);
		if ((!fox_gguf_item_i64(v->g, types, i, &type) || type != x->type[i]) && !bad_type++)
			fail(v, KEY("token_type"), "token %u has type %lld, must be %d", i, (long long)type, x->type[i]);
	}
}

/* fox.tokenizer.scores: what the scores of a Unigram vocabulary are before they are rounded to f32. */
static void compare_exact(struct fox_verify *v, const struct fox_want *x, bool needed)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, FOX_KEY_TOK_EXACT);
	if (!kv) {
		if (x->exact && needed)
			fail(v, FOX_KEY_TOK_EXACT, "absent, but the source has scores that no f32 holds");
		return;
	}
	if (!x->exact) {
		fail(v, FOX_KEY_TOK_EXACT, "is there, but the source has no scores that no f32 holds");
		return;
	}
	if (kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_F64 || kv->n_items != x->n) {
		fail(v, FOX_KEY_TOK_EXACT, "are not %u scores of 64 bits", x->n);
		return;
	}
	for (uint32_t i = 0; i < x->n; i++) {
		double got = 0;
		if (fox_gguf_item_f64(v->g, kv, i, &got) && got == x->exact[i])
			continue;
		fail(v, FOX_KEY_TOK_EXACT, "token %u scores %.17g, must be %.17g", i, got, x->exact[i]);
		return;
	}
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

/* A list of ids: user-defined pieces, whose type the vocabulary does not show, or added tokens with a flag that llama.cpp
 * has no key for. */
static void compare_list(struct fox_verify *v, const struct fox_want *x, const char *key, const bool *listed,
    const char *what, bool needed)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	uint64_t n = 0, got;
	bool same = !kv || kv->type == FOX_GGUF_ARR;
	for (uint32_t i = 0; i < x->n; i++) {
		if (!listed[i])
			continue;
		same = same && kv && n < kv->n_items && fox_gguf_item_u64(v->g, kv, n, &got) && got == i;
		n++;
	}
	if (kv ? !same || n != kv->n_items : n && needed)
		fail(v, key, "%s the %llu %s", kv ? "are not" : "absent, must list", (unsigned long long)n, what);
}

static void compare_lists(struct fox_verify *v, const struct fox_want *x, bool needed)
{
	compare_list(v, x, FOX_KEY_TOK_USER, x->user, "user-defined pieces of tokenizer.model", needed);
	compare_list(v, x, FOX_KEY_TOK_LSTRIP, x->lstrip,
	    "added tokens of tokenizer_config.json that have lstrip", needed);
	compare_list(v, x, FOX_KEY_TOK_RSTRIP, x->rstrip,
	    "added tokens of tokenizer_config.json that have rstrip", needed);
}

/* A tokenizer key that nothing above expects would be believed by some reader. */
static void compare_others(struct fox_verify *v)
{
	static const char *const known[] = {KEY("model"), KEY("pre"), KEY("tokens"), KEY("scores"),
	    KEY("token_type"), KEY("bos_token_id"), KEY("eos_token_id"), KEY("unknown_token_id"),
	    KEY("seperator_token_id"), KEY("padding_token_id"), KEY("mask_token_id"), KEY("prefix_token_id"),
	    KEY("suffix_token_id"), KEY("middle_token_id"), KEY("eot_token_id"), KEY("add_bos_token"),
	    KEY("add_eos_token"), KEY("add_space_prefix"), KEY("remove_extra_whitespaces"), KEY("merges"),
	    KEY("precompiled_charsmap"), "tokenizer.chat_template", FOX_KEY_TOK_USER, FOX_KEY_TOK_EXACT,
	    FOX_KEY_TOK_LSTRIP, FOX_KEY_TOK_RSTRIP, FOX_KEY_SPM_SPEC, FOX_KEY_HF_SPEC};
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

/* tokenizer.ggml.merges, in order. */
static void compare_merges(struct fox_verify *v, const struct fox_want *x)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, KEY("merges"));
	uint64_t cursor = 0;
	bool strings = kv && kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_STR;
	if (!kv && !x->n_merges && strcmp(x->model, "gpt2"))
		return;
	if (!strings || kv->n_items != x->n_merges) {
		fail(v, KEY("merges"), "%s %zu merges", kv ? "are not" : "absent, must be", x->n_merges);
		return;
	}
	for (size_t i = 0; i < x->n_merges; i++) {
		struct fox_str got = {"", 0};
		if (fox_gguf_next_str(v->g, kv, &cursor, &got) && fox_str_eq(got, x->merge[i]))
			continue;
		fail(v, KEY("merges"), "merge %zu is '%.*s', must be '%.*s'", i, FOX_STR_ARG(got),
		    FOX_STR_ARG(x->merge[i]));
		return;
	}
}

/* The next character of base64 as 6 bits, or -1 at an end or at what is none. */
static int base64_bits(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

/* A Unigram model's character map: the same bytes, however the source writes them. */
static void compare_charsmap(struct fox_verify *v, const struct fox_want *x)
{
	static const char key[] = KEY("precompiled_charsmap");
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	bool bytes = kv && kv->type == FOX_GGUF_ARR && kv->raw.n == kv->n_items, same = bytes;
	bool wanted = !strcmp(x->model, "t5") && (x->charsmap.n || x->charsmap_base64.n);
	size_t n = 0;
	uint32_t bits = 0;
	if (!kv && !wanted)
		return;
	if (!kv || !wanted) {
		fail(v, key, "%s",
		    kv ? "is there, but the source has no character map" : "absent, but the source has one");
		return;
	}
	if (!x->from_json)
		same = bytes && x->charsmap.n == kv->raw.n && !memcmp(x->charsmap.p, kv->raw.p, kv->raw.n);
	for (size_t i = 0; i < x->charsmap_base64.n && base64_bits(x->charsmap_base64.p[i]) >= 0; i++) {
		bits = bits << 6 | (uint32_t)base64_bits(x->charsmap_base64.p[i]);
		if (i % 4) {
			uint8_t byte = (uint8_t)(bits >> (6 - 2 * (i % 4)));
			same = same && n < kv->raw.n && kv->raw.p[n] == byte;
			n++;
		}
	}
	if (!same || (x->from_json && n != kv->raw.n))
		fail(v, key, "is not the source's character map");
}

/* fox.tokenizer.hf: tokenizer.json less model.vocab and model.merges, as values. */
static void compare_hf(struct fox_verify *v, const struct fox_value *want, bool needed)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, FOX_KEY_HF_SPEC);
	struct fox_json *json = NULL;
	struct fox_str text;
	struct fox_buf where = {0};
	if (!kv ? !needed || !want : !want) {
		if (kv)
			fail(v, FOX_KEY_HF_SPEC, "is there, but tokenizer.model is what counts");
		return;
	}
	fox_buf_str(&where, "");
	if (!kv)
		fail(v, FOX_KEY_HF_SPEC, "absent, must be the tokenizer.json without vocabulary and merges");
	else if (fox_gguf_str(v->g, FOX_KEY_HF_SPEC, &text, NULL) || fox_json_parse(&json, text, NULL))
		fail(v, FOX_KEY_HF_SPEC, "is not JSON");
	else if (!fox_want_same(want, fox_json_root(json), 0, &where))
		fail(v, FOX_KEY_HF_SPEC, "is not the tokenizer.json without vocabulary and merges: '%.200s' differs",
		    where.n ? where.p + (where.p[0] == '.') : "the whole");
	fox_json_close(json);
	fox_buf_free(&where);
}

/* tokenizer.ggml.pre of byte-level BPE must be a name under which llama.cpp splits alike. */
static void compare_pre(struct fox_verify *v, const struct fox_value *tokenizer)
{
	static const char key[] = KEY("pre");
	struct fox_str name;
	if (!fox_gguf_find_key(v->g, key)) {
		fox_find_add(&v->found, FOX_NOTE, "source.tokenizer", key,
		    "absent: llama.cpp will not split text as the source");
		return;
	}
	if (fox_gguf_str(v->g, key, &name, NULL)) {
		fail(v, key, "is no string");
		return;
	}
	enum fox_want_pre fits = fox_want_pre_fits(tokenizer, name);
	if (fits == FOX_WANT_PRE_WRONG)
		fail(v, key, "is '%.*s', under which llama.cpp splits text in another way than tokenizer.json says",
		    FOX_STR_ARG(name));
	else if (fits == FOX_WANT_PRE_UNKNOWN)
		fox_find_add(&v->found, FOX_NOTE, "source.tokenizer", key,
		    "'%.*s' is no name that can be proven here: it is llama.cpp's affair, fox goes "
		    "by " FOX_KEY_HF_SPEC,
		    FOX_STR_ARG(name));
}

/* How many tokens there must be. False, with a finding, when nothing else can be compared then. */
static bool count_rows(
    struct fox_want *x, struct fox_verify *v, uint64_t pieces, const struct fox_want_docs *d)
{
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(v->g, KEY("tokens"));
	uint64_t rows, here = tokens && tokens->type == FOX_GGUF_ARR ? tokens->n_items : 0;
	if (!fox_json_u64(fox_json_get(d->config, "vocab_size"), &rows))
		rows = pieces;
	/* what the container holds bounds the memory taken below, whatever config.json says */
	if (here != rows || rows < pieces) {
		fail(v, KEY("tokens"), "holds %llu tokens, must hold %llu, %llu of them pieces of the source",
		    (unsigned long long)here, (unsigned long long)rows, (unsigned long long)pieces);
		return false;
	}
	x->n = (uint32_t)rows;
	return true;
}

static void compare_word(struct fox_verify *v, const char *key, const char *want)
{
	struct fox_str got = {"", 0};
	if (!fox_gguf_find_key(v->g, key))
		fail(v, key, "absent, must be '%s' for this vocabulary", want);
	else if (fox_gguf_str(v->g, key, &got, NULL) || !fox_str_is(got, want))
		fail(v, key, "is '%.*s', must be '%s' for this vocabulary", FOX_STR_ARG(got), want);
}

/* One source's tokenizer: either a tokenizer.model, or a tokenizer.json (read, or made of vocab.json). */
struct origin {
	struct fox_str model, merges; /* tokenizer.model; merges.txt, with vocab */
	struct fox_json *vocab, *made;
	struct fox_buf text; /* of made */
	const char *name;
};

static void compare_all(struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d,
    const struct origin *o, bool fox)
{
	const struct fox_value *tokenizer = fox_want_root(o->made ? o->made : d->fast);
	compare_word(v, KEY("model"), x->model);
	if (strcmp(x->model, "gpt2"))
		compare_word(v, KEY("pre"), "default");
	else
		compare_pre(v, tokenizer);
	compare_pieces(v, x);
	compare_merges(v, x);
	fox_want_compare_ids(v, x, d);
	compare_exact(v, x, fox);
	compare_charsmap(v, x);
	compare_hf(v, x->from_json ? tokenizer : NULL, fox);
	if (x->from_json && fox_gguf_find_key(v->g, FOX_KEY_SPM_SPEC))
		fail(v, FOX_KEY_SPM_SPEC, "is there, but the source has no tokenizer.model");
	else if (!x->from_json)
		compare_spm(v, o->model, fox);
	compare_lists(v, x, fox);
	compare_others(v);
}

static enum fox_status read_json(
    struct fox_json **out, struct fox_source *src, const char *name, struct fox_err *err)
{
	struct fox_str text;
	enum fox_status s = fox_source_read_file(src, name, MAX_LARGE, &text, err);
	if (!s && text.p && (s = fox_json_parse(out, text, err)))
		fox_in_file(err, name);
	return s;
}

/* The file that counts: tokenizer.model, else tokenizer.json, else vocab.json. file: that one alone. */
static enum fox_status open_origin(
    struct origin *o, struct fox_want_docs *d, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct fox_source *src = p->tokenizer ? p->tokenizer : p->src;
	struct fox_str file = p->tokenizer_file ? fox_str_of(p->tokenizer_file) : (struct fox_str){"", 0};
	enum fox_status s;
	bool model = !file.n || fox_str_ends(file, ".model");
	o->name = file.n ? p->tokenizer_file : "tokenizer.model";
	if (model && ((s = fox_source_read_file(src, o->name, MAX_FILE, &o->model, err)) || o->model.p))
		return s ? s : fox_want_open(d, src, err);
	d->whole = true;
	d->fast_name = o->name = file.n ? p->tokenizer_file : "tokenizer.json";
	if ((s = fox_want_open(d, src, err)) || d->fast || file.n)
		return s;
	o->name = "vocab.json";
	if ((s = read_json(&o->vocab, src, o->name, err)) || !o->vocab)
		return s;
	if ((s = fox_source_read_file(src, "merges.txt", MAX_LARGE, &o->merges, err)))
		return s;
	if (!o->merges.p)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "vocab.json without merges.txt");
	if (!(s = fox_want_gpt2(&o->text, d, fox_want_root(o->vocab), err)))
		s = fox_json_parse(&o->made, fox_buf_view(&o->text), err);
	return s;
}

static enum fox_status build(struct fox_want *x, struct fox_verify *v, const struct origin *o,
    const struct fox_want_docs *d, bool *whole, struct fox_err *err)
{
	enum fox_status s;
	*whole = false;
	if (o->model.p) {
		int64_t pieces = fox_want_count(o->model);
		if (pieces <= 0)
			s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "not a SentencePiece model");
		else
			s = (*whole = count_rows(x, v, (uint64_t)pieces, d)) ? fox_want_build(x, o->model, d, err)
			                                                     : FOX_OK;
		return fox_in_file(err, o->name), s;
	}
	const struct fox_value *root = fox_want_root(o->made ? o->made : d->fast),
	                       *vocab = o->made ? fox_want_root(o->vocab)
	                                        : fox_json_get(fox_json_get(root, "model"), "vocab");
	uint64_t pieces = fox_want_json_rows(vocab, fox_json_get(root, "added_tokens"));
	if (!pieces)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no 'model.vocab'");
	else
		s = (*whole = count_rows(x, v, pieces, d)) ? fox_want_json(x, root, vocab, o->merges, err) : FOX_OK;
	return fox_in_file(err, o->name), s;
}

enum fox_status fox_ver_tokenizer(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct fox_want x = {0};
	struct origin o = {0};
	struct fox_want_docs d = {.config = p->config};
	size_t before = v->found.n_fail;
	bool whole = false;
	enum fox_status s = open_origin(&o, &d, p, err);
	if (!s && !o.model.p && !d.fast && !o.made)
		fail(v, KEY("model"), "the source has no tokenizer file to prove it against");
	else if (!s)
		s = build(&x, v, &o, &d, &whole, err);
	if (!s && whole) {
		compare_all(v, &x, &d, &o, p->fox);
		s = compare_template(v, p->tokenizer ? p->tokenizer : p->src, &d, err);
	}
	if (!s && v->found.n_fail == before)
		fox_find_add(&v->found, FOX_PASS, "source.tokenizer", "",
		    "%u pieces, %s, types, special ids and flags are the source's", x.n,
		    x.n_merges && x.scores ? "scores, merges"
		    : x.scores             ? "scores"
		                           : "merges");
	fox_json_close(o.vocab);
	fox_json_close(o.made);
	fox_buf_free(&o.text);
	fox_want_close(&d);
	fox_arena_free(&x.arena);
	return s;
}
