/* tok_gpt2.c - vocab.json and merges.txt, as checkpoints had them before tokenizer.json: the pipeline is the one that
 * transformers builds for the tokenizer_class.
 *
 * Refuses classes other than those below by name, since each has a pipeline of its own that only its code says.
 * source: transformers 5.23 models/gpt2/tokenization_gpt2.py, models/qwen2/tokenization_qwen2.py */
#include <stdio.h>
#include <string.h>

#include "convert/tok_parts.h"

enum family { GPT2, QWEN2, FAMILIES };

static const char *const classes[FAMILIES] = {"GPT2Tokenizer", "Qwen2Tokenizer"};

enum { SPECIALS = 7 };
static const char *const specials[SPECIALS] = {"bos", "eos", "unk", "sep", "pad", "cls", "mask"};
/* What a class calls <|endoftext|> when no file names the token. */
static const bool by_default[FAMILIES][SPECIALS] = {
    [GPT2] = {true, true, true}, [QWEN2] = {false, true, true, false, true}};

/* Old checkpoints name no class; transformers goes by the model's type then (models/auto/tokenization_auto.py). */
static const char *class_of_model(const struct fox_arch *arch)
{
	static const char *const own[][2] = {
	    {"gpt2", "GPT2Tokenizer"}, {"qwen2", "Qwen2Tokenizer"}, {"qwen3", "Qwen2Tokenizer"}};
	for (size_t i = 0; arch && i < FOX_COUNT(own); i++)
		if (strcmp(own[i][0], arch->name) == 0)
			return own[i][1];
	return NULL;
}

/* "GPT2TokenizerFast" is the same tokenizer. */
static enum fox_status find_family(const struct tok_import *im, enum family *out)
{
	struct fox_str name = {"", 0};
	const char *otherwise = class_of_model(im->config->arch);
	const struct fox_value *v = fox_json_get(tok_root(im, TOK_CONFIG), "tokenizer_class");
	if (!fox_json_str(v, &name) && otherwise)
		name = fox_str_of(otherwise);
	if (!name.n)
		return fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "no 'tokenizer_class' in tokenizer_config.json says how vocab.json is used");
	struct fox_str base = name;
	if (fox_str_ends(base, "Fast"))
		base.n -= 4;
	for (int i = 0; i < FAMILIES; i++)
		if (fox_str_is(base, classes[i])) {
			*out = (enum family)i;
			return FOX_OK;
		}
	return fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "tokenizer_class '%.*s' with vocab.json is not handled, want GPT2Tokenizer or Qwen2Tokenizer",
	    FOX_STR_ARG(name));
}

/* ---- added tokens, gathered from every file that has some */

struct token {
	uint64_t id;
	struct fox_str content;
	bool single_word, lstrip, rstrip, normalized, special;
};

struct tokens {
	struct token *list; /* by rising id; room for all members of both files */
	size_t n, room;
};

/* What a file says later stands. */
static void put(struct tokens *all, struct token t)
{
	size_t i = all->n;
	for (size_t k = 0; k < all->n; k++)
		if (all->list[k].id == t.id) {
			all->list[k] = t;
			return;
		}
	if (i == all->room)
		return; /* never: room counts the members */
	for (; i && all->list[i - 1].id > t.id; i--)
		all->list[i] = all->list[i - 1];
	all->list[i] = t;
	all->n++;
}

static enum fox_status bad_token(struct tok_import *im, enum tok_doc d, const char *path, struct fox_str key)
{
	fox_fail(
	    im->err, FOX_E_FORMAT, FOX_NOWHERE, "'%s%.*s' is not a token with an id", path, FOX_STR_ARG(key));
	return fox_in_file(im->err, tok_doc_name[d]), FOX_E_FORMAT;
}

static enum fox_status gather(struct tok_import *im, struct tokens *all)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *v, *decoder = fox_json_get(tok_root(im, TOK_CONFIG), "added_tokens_decoder");
	*all = (struct tokens){.room = fox_json_size(decoder) + fox_json_size(tok_root(im, TOK_ADDED))};
	all->list = fox_arena_alloc(&im->t->arena, all->room, sizeof *all->list);
	if (!all->list)
		return fox_fail_nomem(im->err);
	while (fox_json_next(tok_root(im, TOK_ADDED), &it, &key, &v)) {
		struct token t = {.content = key, .normalized = true};
		if (!fox_json_u64(v, &t.id) || t.id >= FOX_TOK_MAX || !key.n)
			return bad_token(im, TOK_ADDED, "", key);
		put(all, t);
	}
	for (it = NULL; fox_json_next(decoder, &it, &key, &v);) {
		struct token t = {.normalized = true};
		if (!fox_str_u64(key, &t.id) || !fox_json_str(fox_json_get(v, "content"), &t.content) || !t.content.n)
			return bad_token(im, TOK_CONFIG, "added_tokens_decoder.", key);
		fox_json_bool(fox_json_get(v, "single_word"), &t.single_word);
		fox_json_bool(fox_json_get(v, "lstrip"), &t.lstrip);
		fox_json_bool(fox_json_get(v, "rstrip"), &t.rstrip);
		fox_json_bool(fox_json_get(v, "special"), &t.special);
		t.normalized = !t.special;
		fox_json_bool(fox_json_get(v, "normalized"), &t.normalized);
		put(all, t);
	}
	return FOX_OK;
}

/* Tokens named as bos, eos, unk, pad and the like become special added tokens, wherever they stand. */
static enum fox_status add_named(struct tok_import *im, enum family family, struct tokens *all)
{
	struct tokens more = {.room = all->n + SPECIALS};
	more.list = fox_arena_alloc(&im->t->arena, more.room, sizeof *more.list);
	if (!more.list)
		return fox_fail_nomem(im->err);
	for (size_t i = 0; i < all->n; i++)
		put(&more, all->list[i]);
	for (size_t i = 0; i < SPECIALS; i++) {
		struct fox_str text;
		if (!tok_special_text(im, specials[i], &text)) {
			if (!by_default[family][i])
				continue;
			text = fox_str_of("<|endoftext|>");
		}
		struct token t = {.id = fox_map_find(&im->id_of, text), .content = text, .special = true};
		for (size_t k = 0; k < all->n; k++)
			if (fox_str_eq(all->list[k].content, text)) {
				t = all->list[k];
				t.special = true;
			}
		if (t.id != FOX_MAP_NONE)
			put(&more, t);
	}
	*all = more;
	return FOX_OK;
}

/* ---- the pipeline as JSON */

static void put_added(struct fox_json_writer *w, const struct tokens *all)
{
	fox_jw_key(w, "added_tokens");
	fox_jw_array(w);
	for (size_t i = 0; i < all->n; i++) {
		const struct token *t = &all->list[i];
		fox_jw_object(w);
		fox_jw_key(w, "id");
		fox_jw_u64(w, t->id);
		fox_jw_key(w, "content");
		fox_jw_str(w, t->content);
		fox_jw_key(w, "single_word");
		fox_jw_bool(w, t->single_word);
		fox_jw_key(w, "lstrip");
		fox_jw_bool(w, t->lstrip);
		fox_jw_key(w, "rstrip");
		fox_jw_bool(w, t->rstrip);
		fox_jw_key(w, "normalized");
		fox_jw_bool(w, t->normalized);
		fox_jw_key(w, "special");
		fox_jw_bool(w, t->special);
		fox_jw_end_object(w);
	}
	fox_jw_end_array(w);
}

static void put_byte_level(struct fox_json_writer *w, bool prefix, bool regex)
{
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, "ByteLevel");
	fox_jw_key(w, "add_prefix_space");
	fox_jw_bool(w, prefix);
	fox_jw_key(w, "trim_offsets");
	fox_jw_bool(w, true);
	fox_jw_key(w, "use_regex");
	fox_jw_bool(w, regex);
	fox_jw_end_object(w);
}

static void put_pipeline(struct fox_json_writer *w, enum family family, bool prefix)
{
	fox_jw_key(w, "normalizer");
	if (family == QWEN2) {
		fox_jw_object(w);
		fox_jw_key(w, "type");
		fox_jw_cstr(w, "NFC");
		fox_jw_end_object(w);
	} else {
		fox_jw_null(w);
	}
	fox_jw_key(w, "pre_tokenizer");
	if (family == GPT2) {
		put_byte_level(w, prefix, true);
		return;
	}
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, "Sequence");
	fox_jw_key(w, "pretokenizers");
	fox_jw_array(w);
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, "Split");
	fox_jw_key(w, "pattern");
	fox_jw_object(w);
	fox_jw_key(w, "Regex");
	fox_jw_cstr(w, FOX_QWEN2_REGEX);
	fox_jw_end_object(w);
	fox_jw_key(w, "behavior");
	fox_jw_cstr(w, "Isolated");
	fox_jw_key(w, "invert");
	fox_jw_bool(w, false);
	fox_jw_end_object(w);
	put_byte_level(w, prefix, false);
	fox_jw_end_array(w);
	fox_jw_end_object(w);
}

static void put_special(struct fox_json_writer *w, const char *name)
{
	fox_jw_object(w);
	fox_jw_key(w, name ? "SpecialToken" : "Sequence");
	fox_jw_object(w);
	fox_jw_key(w, "id");
	fox_jw_cstr(w, name ? name : "A");
	fox_jw_key(w, "type_id");
	fox_jw_u64(w, 0);
	fox_jw_end_object(w);
	fox_jw_end_object(w);
}

/* add_bos_token and add_eos_token of tokenizer_config.json; both absent: false. */
static enum fox_status put_frame(struct tok_import *im, const struct tokens *all, struct fox_json_writer *w)
{
	static const char *const names[] = {"bos", "eos"};
	uint32_t ids[2] = {FOX_MAP_NONE, FOX_MAP_NONE};
	for (int i = 0; i < 2; i++) {
		char key[32];
		bool add = false;
		struct fox_str text;
		snprintf(key, sizeof key, "add_%s_token", names[i]);
		fox_json_bool(fox_json_get(tok_root(im, TOK_CONFIG), key), &add);
		if (!add)
			continue;
		if (tok_special_text(im, names[i], &text))
			for (size_t k = 0; k < all->n; k++)
				if (fox_str_eq(all->list[k].content, text))
					ids[i] = (uint32_t)all->list[k].id;
		if (ids[i] == FOX_MAP_NONE)
			return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'%s' in tokenizer_config.json is true, but no such token is in the vocabulary", key);
	}
	fox_jw_key(w, "post_processor");
	if (ids[0] == FOX_MAP_NONE && ids[1] == FOX_MAP_NONE)
		return fox_jw_null(w), FOX_OK;
	fox_jw_object(w);
	fox_jw_key(w, "type");
	fox_jw_cstr(w, "TemplateProcessing");
	fox_jw_key(w, "single");
	fox_jw_array(w);
	if (ids[0] != FOX_MAP_NONE)
		put_special(w, names[0]);
	put_special(w, NULL);
	if (ids[1] != FOX_MAP_NONE)
		put_special(w, names[1]);
	fox_jw_end_array(w);
	fox_jw_key(w, "special_tokens");
	fox_jw_object(w);
	for (int i = 0; i < 2; i++) {
		if (ids[i] == FOX_MAP_NONE)
			continue;
		fox_jw_key(w, names[i]);
		fox_jw_object(w);
		fox_jw_key(w, "ids");
		fox_jw_array(w);
		fox_jw_u64(w, ids[i]);
		fox_jw_end_array(w);
		fox_jw_end_object(w);
	}
	fox_jw_end_object(w);
	fox_jw_end_object(w);
	return FOX_OK;
}

static enum fox_status write_spec(
    struct tok_import *im, const struct tokens *all, enum family family, struct fox_buf *out)
{
	struct fox_json_writer w = {.out = out, .compact = true};
	bool prefix = false;
	fox_json_bool(fox_json_get(tok_root(im, TOK_CONFIG), "add_prefix_space"), &prefix);
	fox_jw_object(&w);
	fox_jw_key(&w, "version");
	fox_jw_cstr(&w, "1.0");
	put_added(&w, all);
	put_pipeline(&w, family, prefix);
	enum fox_status s = put_frame(im, all, &w);
	fox_jw_key(&w, "decoder");
	put_byte_level(&w, true, true);
	fox_jw_key(&w, "model");
	fox_jw_object(&w);
	fox_jw_key(&w, "type");
	fox_jw_cstr(&w, "BPE");
	fox_jw_end_object(&w);
	fox_jw_end_object(&w);
	return !s && out->failed ? fox_fail_nomem(im->err) : s;
}

enum fox_status tok_from_vocab_json(struct tok_import *im, struct fox_str vocab, struct fox_str merges)
{
	struct tok_scan scan = {vocab, vocab, 0, "model.vocab", &im->t->arena, im->err};
	struct tokens all;
	struct fox_buf text = {0};
	enum family family = GPT2;
	enum fox_status s = find_family(im, &family);
	if (s || (s = gather(im, &all)))
		return s;
	while (scan.text.n && scan.text.p[scan.text.n - 1] <= ' ')
		scan.text.n--;
	im->n_more = (uint32_t)all.n + SPECIALS;
	im->more_end = all.n ? (uint32_t)all.list[all.n - 1].id + 1 : 0;
	if ((s = tok_read_vocab(im, &scan)) || (s = add_named(im, family, &all)))
		return s;
	s = write_spec(im, &all, family, &text);
	if (!s)
		s = tok_set_spec(im, fox_buf_view(&text));
	fox_buf_free(&text);
	if (!s && (s = tok_read_merges_txt(im, merges)))
		return fox_in_file(im->err, "merges.txt"), s;
	return s ? s : tok_settle(im);
}
