/* tokdata.c - tokenizer keys of a container, read.
 *
 * Refuses lengths that differ, ids outside the vocabulary, byte tokens and merges that are none, and scores that
 * cannot be ordered. What other writers leave out gets llama.cpp's defaults: spec/tokenizer.md 5. */
#include <math.h>

#include "format/charsmap.h"
#include "format/profile.h"
#include "format/tokdata_keys.h"
#include "format/tokpre.h"

/* Special ids by key. llama.cpp's reader assumes `preset` when the key is absent. The order is that of its writer.
 * source: llama.cpp src/llama-vocab.cpp, gguf-py/gguf/vocab.py SpecialVocab */
const struct tokdata_id tokdata_ids[TOKDATA_IDS] = {
    {KEY("bos_token_id"), offsetof(struct fox_tokdata, bos), FOX_TOK_CONTROL, {1, -1, 11}},
    {KEY("eos_token_id"), offsetof(struct fox_tokdata, eos), FOX_TOK_CONTROL, {2, 1, 11}},
    {KEY("unknown_token_id"), offsetof(struct fox_tokdata, unk), FOX_TOK_UNKNOWN, {0, 2, -1}},
    {KEY("seperator_token_id"), offsetof(struct fox_tokdata, sep), 0,
        {-1, -1, -1}}, /* the key's own spelling */
    {KEY("padding_token_id"), offsetof(struct fox_tokdata, pad), FOX_TOK_CONTROL, {-1, 0, -1}},
    {KEY("mask_token_id"), offsetof(struct fox_tokdata, mask), 0, {-1, -1, -1}},
    {KEY("prefix_token_id"), offsetof(struct fox_tokdata, prefix), 0, {-1, -1, -1}},
    {KEY("suffix_token_id"), offsetof(struct fox_tokdata, suffix), 0, {-1, -1, -1}},
    {KEY("middle_token_id"), offsetof(struct fox_tokdata, middle), 0, {-1, -1, -1}},
    {KEY("eot_token_id"), offsetof(struct fox_tokdata, eot), 0, {-1, -1, -1}},
};

/* tokenizer.ggml.model and what its readers assume. */
static const struct model {
	const char *name;
	bool add_bos, add_eos, add_space_prefix;
} models[TOKDATA_MODELS] = {
    {"llama", true, false, true},
    {"t5", false, true, false},
    {"gpt2", false, false, false},
};

static size_t model_of(struct fox_str name)
{
	size_t i = 0;
	while (i < TOKDATA_MODELS && !fox_str_is(name, models[i].name))
		i++;
	return i;
}

static int32_t *id_field(struct fox_tokdata *t, size_t i)
{
	return (int32_t *)(void *)((char *)t + tokdata_ids[i].field);
}

void fox_tokdata_init(struct fox_tokdata *t)
{
	*t = (struct fox_tokdata){.model = "llama", .pre = "default", .add_bos = true, .add_space_prefix = true};
	for (size_t i = 0; i < TOKDATA_IDS; i++)
		*id_field(t, i) = FOX_TOK_NONE;
}

bool fox_tokdata_set_model(struct fox_tokdata *t, struct fox_str model)
{
	size_t i = model_of(model);
	if (i == TOKDATA_MODELS)
		return false;
	t->model = models[i].name;
	t->pre = i == model_of(fox_str_of("gpt2")) ? NULL : "default";
	t->add_bos = models[i].add_bos;
	t->add_eos = models[i].add_eos;
	t->add_space_prefix = models[i].add_space_prefix;
	return true;
}

bool fox_tokdata_halves(struct fox_str merge, struct fox_str *left, struct fox_str *right)
{
	const char *blank = memchr(merge.p, ' ', merge.n);
	if (!blank)
		return false;
	*left = (struct fox_str){merge.p, (size_t)(blank - merge.p)};
	*right = (struct fox_str){blank + 1, merge.n - left->n - 1};
	return left->n && right->n && !memchr(right->p, ' ', right->n);
}

void fox_tokdata_free(struct fox_tokdata *t)
{
	if (!t)
		return;
	fox_arena_free(&t->arena);
	*t = (struct fox_tokdata){0};
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int fox_tokdata_byte(struct fox_str piece)
{
	if (piece.n != 6 || memcmp(piece.p, "<0x", 3) || piece.p[5] != '>')
		return -1;
	int hi = hex_digit(piece.p[3]), lo = hex_digit(piece.p[4]);
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

/* err is never NULL in these statics: fox_tokdata_from_gguf sees to it. */
static enum fox_status array_of(const struct fox_gguf_kv *kv, uint32_t n, struct fox_err *err)
{
	if (kv->type != FOX_GGUF_ARR)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%.*s' is %s, want an array", FOX_STR_ARG(kv->key),
		    fox_gguf_type_name(kv->type));
	if (kv->n_items != n)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%.*s' has %llu elements for %u tokens",
		    FOX_STR_ARG(kv->key), (unsigned long long)kv->n_items, n);
	return FOX_OK;
}

static enum fox_status read_pieces(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, KEY("tokens"));
	if (!kv)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", KEY("tokens"));
	if (kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is not an array of strings", KEY("tokens"));
	if (!kv->n_items)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is empty", KEY("tokens"));
	if (kv->n_items > FOX_TOK_MAX)
		return fox_fail(err, FOX_E_BOUND, kv->at, "%llu tokens, more than %u",
		    (unsigned long long)kv->n_items, FOX_TOK_MAX);
	t->n = (uint32_t)kv->n_items;
	t->piece = fox_arena_alloc(&t->arena, t->n, sizeof *t->piece);
	t->score = fox_arena_alloc(&t->arena, t->n, sizeof *t->score);
	t->type = fox_arena_alloc(&t->arena, t->n, sizeof *t->type);
	if (!t->piece || !t->score || !t->type)
		return fox_fail_nomem(err);
	uint64_t cursor = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		if (!fox_gguf_next_str(g, kv, &cursor, &t->piece[i]))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' ends at token %u", KEY("tokens"), i);
		if (t->piece[i].n > FOX_TOK_MAX_PIECE)
			return fox_fail(err, FOX_E_BOUND, kv->at, "token %u has %zu bytes, more than %u", i,
			    t->piece[i].n, FOX_TOK_MAX_PIECE);
	}
	return FOX_OK;
}

static bool item_number(const struct fox_gguf *g, const struct fox_gguf_kv *kv, uint64_t i, double *out)
{
	int64_t whole;
	if (fox_gguf_item_f64(g, kv, i, out))
		return true;
	if (!fox_gguf_item_i64(g, kv, i, &whole))
		return false;
	*out = (double)whole;
	return true;
}

static enum fox_status read_scores(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, KEY("scores"));
	if (!kv)
		return FOX_OK; /* the arena gave zeros */
	if (array_of(kv, t->n, err))
		return err->code;
	for (uint32_t i = 0; i < t->n; i++) {
		double v;
		if (!item_number(g, kv, i, &v))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is an array of %s, want f32", KEY("scores"),
			    fox_gguf_type_name(kv->item));
		if (!isfinite(v) || !isfinite((float)v))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "score of token %u is not finite", i);
		t->score[i] = (float)v;
	}
	return FOX_OK;
}

static enum fox_status read_exact(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, FOX_KEY_TOK_EXACT);
	if (!kv)
		return FOX_OK;
	if (array_of(kv, t->n, err))
		return err->code;
	t->exact_score = fox_arena_alloc(&t->arena, t->n, sizeof *t->exact_score);
	if (!t->exact_score)
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < t->n; i++) {
		if (!fox_gguf_item_f64(g, kv, i, &t->exact_score[i]))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is an array of %s, want f64", FOX_KEY_TOK_EXACT,
			    fox_gguf_type_name(kv->item));
		if ((float)t->exact_score[i] != t->score[i])
			return fox_fail(err, FOX_E_FORMAT, kv->at, "element %u of '%s' is not the token's score", i,
			    FOX_KEY_TOK_EXACT);
	}
	return FOX_OK;
}

static enum fox_status read_types(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, KEY("token_type"));
	if (kv && array_of(kv, t->n, err))
		return err->code;
	for (uint32_t i = 0; i < t->n; i++) {
		int64_t v = FOX_TOK_NORMAL;
		if (kv && !fox_gguf_item_i64(g, kv, i, &v))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is an array of %s, want i32", KEY("token_type"),
			    fox_gguf_type_name(kv->item));
		if (v < 0 || v > FOX_TOK_BYTE)
			return fox_fail(err, FOX_E_FORMAT, kv->at, "type of token %u is %lld, want 0 to %d", i,
			    (long long)v, FOX_TOK_BYTE);
		if (v == FOX_TOK_BYTE && fox_tokdata_byte(t->piece[i]) < 0)
			return fox_fail(err, FOX_E_FORMAT, kv->at, "byte token %u is '%.*s', want <0x00> to <0xFF>", i,
			    FOX_STR_ARG(t->piece[i]));
		t->type[i] =
		    v ? (int32_t)v : FOX_TOK_NORMAL; /* 0: "undefined", which llama.cpp too encodes as normal */
	}
	return FOX_OK;
}

/* -1 in any width, also as the largest u32, is how some writers say "none". */
static enum fox_status read_id(struct fox_tokdata *t, const struct fox_gguf *g, const struct tokdata_id *k,
    bool ours, int32_t *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, k->key);
	*out = FOX_TOK_NONE;
	if (!kv) {
		int32_t preset = k->preset[model_of(fox_str_of(t->model))];
		if (!ours && preset >= 0 && (uint32_t)preset < t->n && t->type[preset] == k->preset_type)
			*out = preset;
		return FOX_OK;
	}
	int64_t v;
	if (kv->type == FOX_GGUF_ARR || !fox_gguf_item_i64(g, kv, 0, &v))
		return fox_fail(
		    err, FOX_E_FORMAT, kv->at, "key '%s' is %s, want u32", k->key, fox_gguf_type_name(kv->type));
	if (v == -1 || v == UINT32_MAX)
		return FOX_OK;
	if (v < 0 || v >= t->n)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is %lld, outside the vocabulary of %u tokens",
		    k->key, (long long)v, t->n);
	*out = (int32_t)v;
	return FOX_OK;
}

static enum fox_status read_flag(
    const struct fox_gguf *g, const char *key, bool *value, bool *given, struct fox_err *err)
{
	bool there = fox_gguf_find_key(g, key) != NULL;
	if (given)
		*given = there;
	return there ? fox_gguf_bool(g, key, value, err) : FOX_OK;
}

static enum fox_status read_flags(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	enum fox_status s = read_flag(g, KEY("add_bos_token"), &t->add_bos, &t->add_bos_given, err);
	if (!s)
		s = read_flag(g, KEY("add_eos_token"), &t->add_eos, &t->add_eos_given, err);
	if (!s)
		s = read_flag(g, KEY("add_space_prefix"), &t->add_space_prefix, NULL, err);
	if (!s)
		s = read_flag(g, KEY("remove_extra_whitespaces"), &t->remove_extra_whitespaces, NULL, err);
	return s;
}

/* A list of token ids, which rise. */
static enum fox_status read_list(struct fox_tokdata *t, const struct fox_gguf *g, const char *key,
    uint32_t **ids, uint32_t *n, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	if (!kv)
		return FOX_OK;
	if (kv->type != FOX_GGUF_ARR)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is not an array", key);
	if (kv->n_items > t->n)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' has %llu elements for %u tokens", key,
		    (unsigned long long)kv->n_items, t->n);
	*ids = fox_arena_alloc(&t->arena, kv->n_items, sizeof **ids);
	if (!*ids)
		return fox_fail_nomem(err);
	int64_t last = -1;
	for (uint64_t i = 0; i < kv->n_items; i++) {
		int64_t v;
		if (!fox_gguf_item_i64(g, kv, i, &v) || v <= last || v >= t->n)
			return fox_fail(err, FOX_E_FORMAT, kv->at, "element %llu of '%s' is not a token id that rises",
			    (unsigned long long)i, key);
		(*ids)[i] = (uint32_t)v;
		last = v;
	}
	*n = (uint32_t)kv->n_items;
	return FOX_OK;
}

static enum fox_status read_lists(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	enum fox_status s = read_list(t, g, FOX_KEY_TOK_USER, &t->user, &t->n_user, err);
	if (!s)
		s = read_list(t, g, FOX_KEY_TOK_LSTRIP, &t->lstrip, &t->n_lstrip, err);
	return s ? s : read_list(t, g, FOX_KEY_TOK_RSTRIP, &t->rstrip, &t->n_rstrip, err);
}

static enum fox_status read_merges(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, KEY("merges"));
	if (!kv && !strcmp(t->model, "gpt2"))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", KEY("merges"));
	if (!kv)
		return FOX_OK;
	if (kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is not an array of strings", KEY("merges"));
	if (kv->n_items > FOX_TOK_MAX)
		return fox_fail(err, FOX_E_BOUND, kv->at, "%llu merges, more than %u",
		    (unsigned long long)kv->n_items, FOX_TOK_MAX);
	t->merge = fox_arena_alloc(&t->arena, kv->n_items, sizeof *t->merge);
	if (!t->merge)
		return fox_fail_nomem(err);
	uint64_t cursor = 0;
	for (; t->n_merges < kv->n_items; t->n_merges++) {
		struct fox_str left, right, *m = &t->merge[t->n_merges];
		if (!fox_gguf_next_str(g, kv, &cursor, m))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' ends at merge %u", KEY("merges"), t->n_merges);
		if (!fox_tokdata_halves(*m, &left, &right))
			return fox_fail(err, FOX_E_FORMAT, kv->at,
			    "merge %u is '%.*s', want two texts with a blank between", t->n_merges, FOX_STR_ARG(*m));
	}
	return FOX_OK;
}

/* Bytes, which llama.cpp lets writers call signed. */
static enum fox_status read_octets(
    const struct fox_gguf *g, const char *key, struct fox_str *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	if (!kv)
		return FOX_OK;
	if (kv->type != FOX_GGUF_ARR || (kv->item != FOX_GGUF_U8 && kv->item != FOX_GGUF_I8))
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is not an array of u8", key);
	*out = (struct fox_str){(const char *)kv->raw.p, kv->raw.n};
	return FOX_OK;
}

/* The character map is a key of its own for llama.cpp's Unigram vocabularies, else within the SentencePiece model. */
static enum fox_status read_spm(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	struct fox_span map;
	enum fox_status s = read_octets(g, FOX_KEY_SPM_SPEC, &t->spm_spec, err);
	if (!s)
		s = read_octets(g, KEY("precompiled_charsmap"), &t->charsmap, err);
	if (s || t->charsmap.p || !t->spm_spec.p)
		return s;
	if ((s = fox_charsmap_in_spm(
	         &map, (struct fox_span){(const uint8_t *)t->spm_spec.p, t->spm_spec.n}, err)))
		return fox_in(err, "in '%s'", FOX_KEY_SPM_SPEC), s;
	t->charsmap = (struct fox_str){(const char *)map.p, map.n};
	return FOX_OK;
}

static enum fox_status read_pre(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	struct fox_str s;
	if (!fox_gguf_find_key(g, KEY("pre")))
		return FOX_OK;
	if (fox_gguf_str(g, KEY("pre"), &s, err))
		return err->code;
	t->pre = fox_arena_strdup(&t->arena, s);
	if (!t->pre)
		return fox_fail_nomem(err);
	if (!strcmp(t->model, "gpt2"))
		t->add_bos = fox_tokpre_adds_bos(s);
	return FOX_OK;
}

static enum fox_status read_texts(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	if (fox_gguf_find_key(g, "tokenizer.chat_template") &&
	    fox_gguf_str(g, "tokenizer.chat_template", &t->chat_template, err))
		return err->code;
	if (fox_gguf_find_key(g, FOX_KEY_HF_SPEC) && fox_gguf_str(g, FOX_KEY_HF_SPEC, &t->hf_spec, err))
		return err->code;
	return FOX_OK;
}

enum fox_status fox_tokdata_from_gguf(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	struct fox_err own = {0};
	if (!err)
		err = &own;
	fox_tokdata_init(t);
	struct fox_str model;
	enum fox_status s = fox_gguf_str(g, KEY("model"), &model, err);
	if (s)
		return s;
	if (!fox_tokdata_set_model(t, model))
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tokenizer model '%.*s', want 'llama', 't5' or 'gpt2'", FOX_STR_ARG(model));
	if ((s = read_pieces(t, g, err)) || (s = read_scores(t, g, err)) || (s = read_types(t, g, err)) ||
	    (s = read_merges(t, g, err)) || (s = read_pre(t, g, err)))
		return s;
	bool ours = fox_gguf_find_key(g, FOX_KEY_PROFILE) != NULL;
	for (size_t i = 0; i < TOKDATA_IDS; i++)
		if ((s = read_id(t, g, &tokdata_ids[i], ours, id_field(t, i), err)))
			return s;
	if ((s = read_flags(t, g, err)) || (s = read_lists(t, g, err)) || (s = read_exact(t, g, err)) ||
	    (s = read_texts(t, g, err)))
		return s;
	return read_spm(t, g, err);
}
