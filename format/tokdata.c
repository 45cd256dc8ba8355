/* tokdata.c - tokenizer keys of a container, read and declared.
 *
 * Refuses lengths that differ, ids outside the vocabulary, byte tokens that are none, and scores that cannot
 * be ordered. What other writers leave out gets llama.cpp's defaults: spec/tokenizer.md 5. */
#include "format/tokdata.h"

#include <math.h>

#include "format/charsmap.h"
#include "format/profile.h"

#define KEY(name) "tokenizer.ggml." name
#define KEY_CHARSMAP KEY("precompiled_charsmap")

/* Special ids by key. llama.cpp's reader assumes `preset` for SentencePiece vocabularies when the key is
 * absent, `preset_t5` for Unigram ones. The order is that of its writer.   source: llama.cpp src/llama-vocab.cpp,
 * gguf-py/gguf/vocab.py SpecialVocab */
static const struct id_key {
	const char *key;
	size_t field;
	int32_t preset, preset_t5;
	int32_t preset_type; /* and only where the piece is of this type */
} id_keys[] = {
    {KEY("bos_token_id"), offsetof(struct fox_tokdata, bos), 1, FOX_TOK_NONE, FOX_TOK_CONTROL},
    {KEY("eos_token_id"), offsetof(struct fox_tokdata, eos), 2, 1, FOX_TOK_CONTROL},
    {KEY("unknown_token_id"), offsetof(struct fox_tokdata, unk), 0, 2, FOX_TOK_UNKNOWN},
    {KEY("seperator_token_id"), offsetof(struct fox_tokdata, sep), FOX_TOK_NONE, FOX_TOK_NONE,
        0}, /* the key's own spelling */
    {KEY("padding_token_id"), offsetof(struct fox_tokdata, pad), FOX_TOK_NONE, 0, FOX_TOK_CONTROL},
    {KEY("mask_token_id"), offsetof(struct fox_tokdata, mask), FOX_TOK_NONE, FOX_TOK_NONE, 0},
    {KEY("prefix_token_id"), offsetof(struct fox_tokdata, prefix), FOX_TOK_NONE, FOX_TOK_NONE, 0},
    {KEY("suffix_token_id"), offsetof(struct fox_tokdata, suffix), FOX_TOK_NONE, FOX_TOK_NONE, 0},
    {KEY("middle_token_id"), offsetof(struct fox_tokdata, middle), FOX_TOK_NONE, FOX_TOK_NONE, 0},
    {KEY("eot_token_id"), offsetof(struct fox_tokdata, eot), FOX_TOK_NONE, FOX_TOK_NONE, 0},
};

static bool is_unigram(const struct fox_tokdata *t)
{
	return !strcmp(t->model, "t5");
}

static int32_t *id_field(struct fox_tokdata *t, size_t i)
{
	return (int32_t *)(void *)((char *)t + id_keys[i].field);
}

void fox_tokdata_init(struct fox_tokdata *t)
{
	*t = (struct fox_tokdata){.model = "llama", .pre = "default", .add_bos = true, .add_space_prefix = true};
	for (size_t i = 0; i < FOX_COUNT(id_keys); i++)
		*id_field(t, i) = FOX_TOK_NONE;
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
static enum fox_status read_id(struct fox_tokdata *t, const struct fox_gguf *g, const struct id_key *k,
    bool ours, int32_t *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, k->key);
	*out = FOX_TOK_NONE;
	int32_t preset = is_unigram(t) ? k->preset_t5 : k->preset;
	if (!kv) {
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

static enum fox_status read_user(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, FOX_KEY_TOK_USER);
	if (!kv)
		return FOX_OK;
	if (kv->type != FOX_GGUF_ARR)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' is not an array", FOX_KEY_TOK_USER);
	if (kv->n_items > t->n)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "'%s' has %llu elements for %u tokens", FOX_KEY_TOK_USER,
		    (unsigned long long)kv->n_items, t->n);
	t->user = fox_arena_alloc(&t->arena, kv->n_items, sizeof *t->user);
	if (!t->user)
		return fox_fail_nomem(err);
	int64_t last = -1;
	for (uint64_t i = 0; i < kv->n_items; i++) {
		int64_t v;
		if (!fox_gguf_item_i64(g, kv, i, &v) || v <= last || v >= t->n)
			return fox_fail(err, FOX_E_FORMAT, kv->at, "element %llu of '%s' is not a token id that rises",
			    (unsigned long long)i, FOX_KEY_TOK_USER);
		t->user[i] = (uint32_t)v;
		last = v;
	}
	t->n_user = (uint32_t)kv->n_items;
	return FOX_OK;
}

static enum fox_status read_texts(struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err)
{
	struct fox_str s;
	if (fox_gguf_find_key(g, KEY("pre"))) {
		if (fox_gguf_str(g, KEY("pre"), &s, err))
			return err->code;
		t->pre = fox_arena_strdup(&t->arena, s);
		if (!t->pre)
			return fox_fail_nomem(err);
	}
	if (fox_gguf_find_key(g, "tokenizer.chat_template") &&
	    fox_gguf_str(g, "tokenizer.chat_template", &t->chat_template, err))
		return err->code;
	return FOX_OK;
}

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
		s = read_octets(g, KEY_CHARSMAP, &t->charsmap, err);
	if (s || t->charsmap.p || !t->spm_spec.p)
		return s;
	if ((s = fox_charsmap_in_spm(
	         &map, (struct fox_span){(const uint8_t *)t->spm_spec.p, t->spm_spec.n}, err)))
		return fox_in(err, "in '%s'", FOX_KEY_SPM_SPEC), s;
	t->charsmap = (struct fox_str){(const char *)map.p, map.n};
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
	if (fox_str_is(model, "t5")) { /* with what llama.cpp assumes of those */
		t->model = "t5";
		t->add_bos = t->add_space_prefix = false;
		t->add_eos = true;
	} else if (!fox_str_is(model, "llama")) {
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "tokenizer model '%.*s', want 'llama' or 't5'",
		    FOX_STR_ARG(model));
	}
	if ((s = read_pieces(t, g, err)) || (s = read_scores(t, g, err)) || (s = read_types(t, g, err)))
		return s;
	bool ours = fox_gguf_find_key(g, FOX_KEY_PROFILE) != NULL;
	for (size_t i = 0; i < FOX_COUNT(id_keys); i++)
		if ((s = read_id(t, g, &id_keys[i], ours, id_field(t, i), err)))
			return s;
	if ((s = read_flags(t, g, err)) || (s = read_user(t, g, err)) || (s = read_exact(t, g, err)) ||
	    (s = read_texts(t, g, err)))
		return s;
	return read_spm(t, g, err);
}

static enum fox_status put_fox_keys(
    const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	if (t->n_user)
		s = fox_gguf_put_array(w, FOX_KEY_TOK_USER, FOX_GGUF_U32, t->user, t->n_user, err);
	if (!s && t->exact_score)
		s = fox_gguf_put_array(w, FOX_KEY_TOK_EXACT, FOX_GGUF_F64, t->exact_score, t->n, err);
	if (!s && t->spm_spec.n)
		s = fox_gguf_put_array(w, FOX_KEY_SPM_SPEC, FOX_GGUF_U8, t->spm_spec.p, t->spm_spec.n, err);
	return s;
}

enum fox_status fox_tokdata_put(const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err)
{
	enum fox_status s;
	if ((s = fox_gguf_put_str(w, KEY("model"), fox_str_of(t->model), err)) ||
	    (s = fox_gguf_put_str(w, KEY("pre"), fox_str_of(t->pre), err)) ||
	    (s = fox_gguf_put_strings(w, KEY("tokens"), t->piece, t->n, err)) ||
	    (s = fox_gguf_put_array(w, KEY("scores"), FOX_GGUF_F32, t->score, t->n, err)) ||
	    (s = fox_gguf_put_array(w, KEY("token_type"), FOX_GGUF_I32, t->type, t->n, err)))
		return s;
	for (size_t i = 0; i < FOX_COUNT(id_keys); i++) {
		int32_t id;
		memcpy(&id, (const char *)t + id_keys[i].field, sizeof id);
		if (id >= 0 && (s = fox_gguf_put_u32(w, id_keys[i].key, (uint32_t)id, err)))
			return s;
	}
	/* without the key llama.cpp would add its own default id to every text */
	bool unigram = is_unigram(t);
	bool say_bos = t->add_bos_given || (t->bos < 0 && !unigram),
	     say_eos = t->add_eos_given || (t->eos < 0 && unigram);
	if (say_bos && (s = fox_gguf_put_bool(w, KEY("add_bos_token"), t->add_bos && t->bos >= 0, err)))
		return s;
	if (say_eos && (s = fox_gguf_put_bool(w, KEY("add_eos_token"), t->add_eos && t->eos >= 0, err)))
		return s;
	if (t->chat_template.p && (s = fox_gguf_put_str(w, "tokenizer.chat_template", t->chat_template, err)))
		return s;
	if ((s = fox_gguf_put_bool(w, KEY("add_space_prefix"), t->add_space_prefix, err)))
		return s;
	bool extra = t->remove_extra_whitespaces;
	if ((extra || unigram) && (s = fox_gguf_put_bool(w, KEY("remove_extra_whitespaces"), extra, err)))
		return s;
	if (unigram && t->charsmap.n &&
	    (s = fox_gguf_put_array(w, KEY_CHARSMAP, FOX_GGUF_U8, t->charsmap.p, t->charsmap.n, err)))
		return s;
	return put_fox_keys(t, w, err);
}
