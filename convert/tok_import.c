/* tok_import.c - tokenizer.model and the JSON files beside it to the vocabulary that a container carries.
 *
 * Types, scores and texts as llama.cpp's converter writes them; where fox differs, spec/tokenizer.md 2 says
 * why. Refuses checkpoints without tokenizer.model, more pieces than the embedding has rows, and ids that are
 * none. */
#include "convert/tok_import.h"

#include <stdarg.h>
#include <stdio.h>

#include "convert/tok_hfjson.h"
#include "format/base/map.h"

#define MODEL_LIMIT (64u << 20) /* bytes; the largest known tokenizer.model has 4.7 MB */
#define JSON_LIMIT (16u << 20)
#define TOKENIZER_JSON_LIMIT (256u << 20)
#define ADDED_SCORE (-1000.0f)

enum doc { ADDED, TOKENIZER, SPECIAL_MAP, GENERATION, TEMPLATE, DOCS };
static const char *const doc_name[DOCS] = {"added_tokens.json", "tokenizer_config.json",
    "special_tokens_map.json", "generation_config.json", "chat_template.json"};

struct import {
	struct fox_tokdata *t;
	struct fox_source *src;
	const struct fox_hfconfig *config;
	fox_note_fn *note;
	void *note_ctx;
	struct fox_json *doc[DOCS]; /* NULL: no such file */
	struct fox_map id_of;       /* final texts to ids */
	struct fox_err *err;
};

static void tell(const struct import *im, const char *fmt, ...) FOX_PRINTF(2, 3);
static void tell(const struct import *im, const char *fmt, ...)
{
	char line[768];
	if (!im->note)
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	im->note(im->note_ctx, line);
}

static const struct fox_value *root(const struct import *im, enum doc d)
{
	return im->doc[d] ? fox_json_root(im->doc[d]) : NULL;
}

static enum fox_status read_docs(struct import *im)
{
	for (int d = 0; d < DOCS; d++) {
		struct fox_str text;
		enum fox_status s = fox_source_read_file(im->src, doc_name[d], JSON_LIMIT, &text, im->err);
		if (!s && text.p)
			s = fox_json_parse(&im->doc[d], text, im->err);
		if (!s && im->doc[d] && fox_json_type(root(im, d)) != FOX_JSON_OBJECT)
			s = fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "%s at the top, want an object",
			    fox_json_type_name(fox_json_type(root(im, d))));
		if (s)
			return fox_in_file(im->err, doc_name[d]), s;
	}
	return FOX_OK;
}

static bool copy(struct import *im, struct fox_str *s)
{
	char *p = fox_arena_strdup(&im->t->arena, *s);
	s->p = p;
	return p != NULL;
}

/* ---- pieces */

/* tokenizer.model, then rows up to that of the embedding. */
static enum fox_status read_model(struct import *im)
{
	struct fox_tokdata *t = im->t;
	struct fox_str text;
	enum fox_status s = fox_source_read_file(im->src, "tokenizer.model", MODEL_LIMIT, &text, im->err);
	if (!s && !text.p)
		return fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "no tokenizer.model: only SentencePiece tokenizers are handled");
	if (!s)
		s = fox_tok_spiece(t, (struct fox_span){(const uint8_t *)text.p, text.n}, im->err);
	if (s)
		return fox_in_file(im->err, "tokenizer.model"), s;
	uint32_t n = im->config->hp.n_vocab ? im->config->hp.n_vocab : t->n;
	if (t->n > n)
		return fox_fail(im->err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "tokenizer.model has %u pieces for the %u rows of the embedding", t->n, n);
	if (n > FOX_TOK_MAX)
		return fox_fail(
		    im->err, FOX_E_BOUND, FOX_NOWHERE, "'vocab_size' is %u, more than %u", n, FOX_TOK_MAX);
	if (n == t->n)
		return FOX_OK;
	struct fox_str *piece = fox_arena_alloc(&t->arena, n, sizeof *piece);
	float *score = fox_arena_alloc(&t->arena, n, sizeof *score);
	int32_t *type = fox_arena_alloc(&t->arena, n, sizeof *type);
	char *names = fox_arena_alloc(&t->arena, n - t->n, 20);
	if (!piece || !score || !type || !names)
		return fox_fail_nomem(im->err);
	memcpy(piece, t->piece, t->n * sizeof *piece);
	memcpy(score, t->score, t->n * sizeof *score);
	memcpy(type, t->type, t->n * sizeof *type);
	for (uint32_t i = t->n; i < n; i++, names += 20) {
		int len = snprintf(names, 20, "[PAD%u]", i);
		piece[i] = (struct fox_str){names, (size_t)len};
		score[i] = FOX_TOK_FILL_SCORE;
		type[i] = FOX_TOK_UNUSED;
	}
	t->piece = piece;
	t->score = score;
	t->type = type;
	t->n = n;
	return FOX_OK;
}

/* Set a piece to what a JSON file says of it. */
static enum fox_status set_piece(
    struct import *im, uint64_t id, struct fox_str text, int32_t type, enum doc d)
{
	struct fox_tokdata *t = im->t;
	if (!text.n || text.n > FOX_TOK_MAX_PIECE) {
		fox_fail(im->err, text.n ? FOX_E_BOUND : FOX_E_FORMAT, FOX_NOWHERE,
		    "token %llu has %zu bytes, want 1 to %u", (unsigned long long)id, text.n, FOX_TOK_MAX_PIECE);
		return fox_in_file(im->err, doc_name[d]), text.n ? FOX_E_BOUND : FOX_E_FORMAT;
	}
	if (id >= t->n) {
		tell(im, "%s: token '%.*s' has id %llu, past the %u rows of the embedding: left out", doc_name[d],
		    FOX_STR_ARG(text), (unsigned long long)id, t->n);
		return FOX_OK;
	}
	if (t->type[id] != FOX_TOK_UNUSED && !fox_str_eq(t->piece[id], text))
		tell(im, "%s: token %llu is '%.*s', not '%.*s' as in tokenizer.model", doc_name[d],
		    (unsigned long long)id, FOX_STR_ARG(text), FOX_STR_ARG(t->piece[id]));
	if (!copy(im, &text))
		return fox_fail_nomem(im->err);
	t->piece[id] = text;
	t->score[id] = ADDED_SCORE;
	t->type[id] = type;
	return FOX_OK;
}

static enum fox_status read_added(struct import *im)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	while (fox_json_next(root(im, ADDED), &it, &key, &value)) {
		uint64_t id;
		if (!fox_json_u64(value, &id)) {
			fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is not a token id", FOX_STR_ARG(key));
			return fox_in_file(im->err, doc_name[ADDED]), FOX_E_FORMAT;
		}
		enum fox_status s = set_piece(im, id, key, FOX_TOK_USER, ADDED);
		if (s)
			return s;
	}
	return FOX_OK;
}

/* Added tokens that some publishers forgot to mark special.   source: llama.cpp conversion/base.py */
static bool looks_special(struct fox_str s)
{
	static const char *const whole[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
	for (size_t i = 0; i < FOX_COUNT(whole); i++)
		if (fox_str_is(s, whole[i]))
			return true;
	return (fox_str_starts(s, "<|") && fox_str_ends(s, "|>")) ||
	       (fox_str_starts(s, "<\xEF\xBD\x9C") && fox_str_ends(s, "\xEF\xBD\x9C>")) /* full-width bars */
	       || (fox_str_starts(s, "<unused") && fox_str_ends(s, ">"));
}

/* U+2581 to blanks: llama.cpp matches USER pieces in text whose blanks are still blanks. */
static void blanks(struct fox_buf *out, struct fox_str s)
{
	fox_buf_clear(out);
	for (size_t i = 0; i < s.n; i++) {
		bool space = s.n - i >= 3 && !memcmp(s.p + i, "\xE2\x96\x81", 3);
		fox_buf_char(out, space ? ' ' : s.p[i]);
		i += space ? 2 : 0;
	}
}

static enum fox_status read_decoder(struct import *im)
{
	void *it = NULL;
	struct fox_str key, text;
	const struct fox_value *value, *all = fox_json_get(root(im, TOKENIZER), "added_tokens_decoder");
	struct fox_buf buf = {0};
	enum fox_status s = FOX_OK;
	while (!s && fox_json_next(all, &it, &key, &value)) {
		uint64_t id;
		bool special = false;
		if (!fox_str_u64(key, &id) || !fox_json_str(fox_json_get(value, "content"), &text)) {
			fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'added_tokens_decoder.%.*s' is not a token with an id", FOX_STR_ARG(key));
			fox_in_file(im->err, doc_name[TOKENIZER]);
			s = FOX_E_FORMAT;
			break;
		}
		fox_json_bool(fox_json_get(value, "special"), &special);
		if (special || looks_special(text)) {
			s = set_piece(im, id, text, FOX_TOK_CONTROL, TOKENIZER);
			continue;
		}
		blanks(&buf, text);
		s = buf.failed ? fox_fail_nomem(im->err)
		               : set_piece(im, id, fox_buf_view(&buf), FOX_TOK_USER, TOKENIZER);
	}
	fox_buf_free(&buf);
	return s;
}

/* USER_DEFINED pieces of tokenizer.model become NORMAL, as llama.cpp's converter writes them; their ids are
 * kept. */
static enum fox_status settle_types(struct import *im)
{
	struct fox_tokdata *t = im->t;
	uint32_t n = 0, kept = 0;
	for (uint32_t i = 0; i < t->n; i++)
		n += t->type[i] == FOX_TOK_USER;
	t->user = fox_arena_alloc(&t->arena, n, sizeof *t->user);
	if (!t->user)
		return fox_fail_nomem(im->err);
	n = 0;
	for (uint32_t i = 0; i < t->n; i++)
		if (t->type[i] == FOX_TOK_USER) {
			t->type[i] = FOX_TOK_NORMAL;
			t->user[n++] = i;
		}
	enum fox_status s = read_added(im);
	if (!s)
		s = read_decoder(im);
	for (uint32_t i = 0; i < n; i++) /* less those that the JSON files typed anew */
		if (t->type[t->user[i]] == FOX_TOK_NORMAL)
			t->user[kept++] = t->user[i];
	t->n_user = kept;
	return s;
}

/* ---- special ids */

/* "bos_token": a string, or an object with "content". */
static bool token_text(const struct fox_value *object, const char *name, struct fox_str *text)
{
	char key[32];
	snprintf(key, sizeof key, "%s_token", name);
	const struct fox_value *v = fox_json_get(object, key);
	return fox_json_str(v, text) || fox_json_str(fox_json_get(v, "content"), text);
}

static bool special_text(const struct import *im, const char *name, struct fox_str *text)
{
	return token_text(root(im, TOKENIZER), name, text) || token_text(root(im, SPECIAL_MAP), name, text);
}

static int32_t special_id(const struct import *im, const char *name, int64_t given, int32_t preset)
{
	struct fox_str text;
	uint32_t found = FOX_MAP_NONE;
	if (special_text(im, name, &text)) {
		found = fox_map_find(&im->id_of, text);
		if (found == FOX_MAP_NONE)
			tell(im, "%s token '%.*s' is not in the vocabulary", name, FOX_STR_ARG(text));
	}
	if (found != FOX_MAP_NONE) {
		if (given >= 0 && given != found)
			tell(im, "%s token '%.*s' is %u in the vocabulary, %lld in config.json: %u is right", name,
			    FOX_STR_ARG(text), found, (long long)given, found);
		return (int32_t)found;
	}
	if (given >= im->t->n) {
		tell(im, "'%s_token_id' in config.json is %lld, past the %u tokens: left out", name, (long long)given,
		    im->t->n);
		return preset;
	}
	return given >= 0 ? (int32_t)given : preset;
}

/* generation_config.json is carried as it is; a reader should know where it contradicts the vocabulary. */
static void check_generation(const struct import *im, const char *name, int32_t id)
{
	char key[32];
	int64_t v = 0;
	snprintf(key, sizeof key, "%s_token_id", name);
	const struct fox_value *g = fox_json_get(root(im, GENERATION), key);
	bool list = fox_json_type(g) == FOX_JSON_ARRAY, same = false;
	if (fox_json_is_null(g) || id < 0)
		return;
	for (size_t i = 0; i < (list ? fox_json_size(g) : 1) && !same; i++)
		same = fox_json_i64(list ? fox_json_at(g, i) : g, &v) && v == id;
	if (!same)
		tell(im, "'%s' in generation_config.json does not hold %d, which the vocabulary says", key, id);
}

/* Fill-in-the-middle ids, which only CodeLlama's vocabulary has in this place. */
static void code_llama(struct fox_tokdata *t)
{
	static const char *const names[] = {"<PRE>", "<SUF>", "<MID>", "<EOT>"};
	int32_t *const ids[] = {&t->prefix, &t->suffix, &t->middle, &t->eot};
	if (t->n != 32016)
		return;
	for (uint32_t i = 0; i < 4; i++)
		if (!fox_str_ends(t->piece[32007 + i], names[i]))
			return;
	for (int32_t i = 0; i < 4; i++)
		*ids[i] = 32007 + i;
}

static enum fox_status read_special(struct import *im)
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
	code_llama(t);
	return FOX_OK;
}

/* ---- add_bos, add_eos, prefix */

static bool is_special(const struct fox_value *step, struct fox_str *id)
{
	return fox_json_str(fox_json_get(fox_json_get(step, "SpecialToken"), "id"), id);
}

/* What a TemplateProcessing step of tokenizer.json puts around one text. */
static void read_template_step(const struct import *im, const struct fox_value *p)
{
	struct fox_tokdata *t = im->t;
	struct fox_str kind, id, own;
	const struct fox_value *single = fox_json_get(p, "single");
	size_t n = fox_json_size(single);
	if (!fox_json_str(fox_json_get(p, "type"), &kind) || !fox_str_is(kind, "TemplateProcessing") || n < 2)
		return;
	if (!t->add_bos_given && is_special(fox_json_at(single, 0), &id)) {
		t->add_bos = special_text(im, "bos", &own) && fox_str_eq(id, own);
		t->add_bos_given = true;
	}
	if (!t->add_eos_given && is_special(fox_json_at(single, n - 1), &id)) {
		t->add_eos = special_text(im, "eos", &own) && fox_str_eq(id, own);
		t->add_eos_given = true;
	}
}

static enum fox_status read_template(struct import *im)
{
	struct fox_str text, part;
	enum fox_status s = fox_source_read_file(im->src, "tokenizer.json", TOKENIZER_JSON_LIMIT, &text, im->err);
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

static enum fox_status read_flags(struct import *im)
{
	struct fox_tokdata *t = im->t;
	const struct fox_value *config = root(im, TOKENIZER);
	bool prefix;
	if (fox_json_bool(fox_json_get(config, "add_prefix_space"), &prefix) && prefix != t->add_space_prefix)
		tell(im,
		    "'add_prefix_space' in tokenizer_config.json is %s, tokenizer.model says %s: the latter is right",
		    prefix ? "true" : "false", prefix ? "false" : "true");
	t->add_bos_given = fox_json_bool(fox_json_get(config, "add_bos_token"), &t->add_bos);
	t->add_eos_given = fox_json_bool(fox_json_get(config, "add_eos_token"), &t->add_eos);
	return t->add_bos_given && t->add_eos_given ? FOX_OK : read_template(im);
}

/* ---- chat template */

/* tokenizer_config.json: one text, or a list of named ones of which "default" counts. */
static bool config_template(const struct import *im, struct fox_str *out)
{
	const struct fox_value *v = fox_json_get(root(im, TOKENIZER), "chat_template");
	if (fox_json_is_null(v) || fox_json_str(v, out))
		return !fox_json_is_null(v);
	for (size_t i = 0; i < fox_json_size(v); i++) {
		struct fox_str name;
		const struct fox_value *one = fox_json_at(v, i);
		if (fox_json_str(fox_json_get(one, "name"), &name) && fox_str_is(name, "default") &&
		    fox_json_str(fox_json_get(one, "template"), out))
			return true;
	}
	tell(im, "'chat_template' in tokenizer_config.json has no default template: none is written");
	return false;
}

static enum fox_status read_chat_template(struct import *im)
{
	struct fox_str file, text = {NULL, 0}, in_config = {NULL, 0};
	const char *from = "chat_template.jinja";
	enum fox_status s = fox_source_read_file(im->src, from, JSON_LIMIT, &file, im->err);
	if (s)
		return s;
	if (file.p) {
		text = file;
	} else if (fox_json_str(fox_json_get(root(im, TEMPLATE), "chat_template"), &text)) {
		from = doc_name[TEMPLATE];
	}
	size_t bad = text.p ? fox_utf8_bad(text) : 0;
	if (text.p && bad < text.n) {
		fox_fail(im->err, FOX_E_FORMAT, bad, "ill-formed UTF-8");
		return fox_in_file(im->err, from), FOX_E_FORMAT;
	}
	if (config_template(im, &in_config) && text.p && !fox_str_eq(text, in_config))
		tell(im, "the chat template is that of %s; tokenizer_config.json has another", from);
	if (!text.p)
		text = in_config;
	if (text.p && !copy(im, &text))
		return fox_fail_nomem(im->err);
	im->t->chat_template = text;
	return FOX_OK;
}

enum fox_status fox_tok_import(struct fox_tokdata *t, struct fox_source *src,
    const struct fox_hfconfig *config, fox_note_fn *note, void *note_ctx, struct fox_err *err)
{
	struct fox_err own = {0};
	struct import im = {t, src, config, note, note_ctx, {NULL}, {0}, err ? err : &own};
	fox_tokdata_init(t);
	enum fox_status s;
	if (!(s = read_model(&im)) && !(s = read_docs(&im)) && !(s = settle_types(&im)) &&
	    !(s = read_special(&im)) && !(s = read_flags(&im)))
		s = read_chat_template(&im);
	for (int d = 0; d < DOCS; d++)
		fox_json_close(im.doc[d]);
	return s;
}
