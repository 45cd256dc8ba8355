/* tok_import.c - a checkpoint's tokenizer files to the vocabulary that a container carries: which file counts, and
 * tokenizer.model with the JSON files beside it.
 *
 * Types, scores and texts as llama.cpp's converter writes them; where fox differs, spec/tokenizer.md 2 says
 * why. Refuses checkpoints without a vocabulary, more pieces than the embedding has rows, and ids that are
 * none. */
#include "convert/tok_parts.h"

#include <stdarg.h>
#include <stdio.h>

#define MODEL_LIMIT (64u << 20) /* bytes; the largest known tokenizer.model has 4.7 MB */
#define ADDED_SCORE (-1000.0f)

const char *const tok_doc_name[TOK_DOCS] = {"added_tokens.json", "tokenizer_config.json",
    "special_tokens_map.json", "generation_config.json", "chat_template.json"};

void tok_tell(const struct tok_import *im, const char *fmt, ...)
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

const struct fox_value *tok_root(const struct tok_import *im, enum tok_doc d)
{
	return im->doc[d] ? fox_json_root(im->doc[d]) : NULL;
}

static enum fox_status read_docs(struct tok_import *im)
{
	for (int d = 0; d < TOK_DOCS; d++) {
		struct fox_str text;
		enum fox_status s = fox_source_read_file(
		    d == TOK_GENERATION ? im->src : im->files, tok_doc_name[d], TOK_JSON_LIMIT, &text, im->err);
		if (!s && text.p)
			s = fox_json_parse(&im->doc[d], text, im->err);
		if (!s && im->doc[d] && fox_json_type(tok_root(im, d)) != FOX_JSON_OBJECT)
			s = fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "%s at the top, want an object",
			    fox_json_type_name(fox_json_type(tok_root(im, d))));
		if (s)
			return fox_in_file(im->err, tok_doc_name[d]), s;
	}
	return FOX_OK;
}

bool tok_copy(struct tok_import *im, struct fox_str *s)
{
	char *p = fox_arena_strdup(&im->t->arena, *s);
	s->p = p;
	return p != NULL;
}

/* ---- pieces */

enum fox_status tok_fill_rows(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	uint32_t holes = 0;
	for (uint32_t i = 0; i < t->n; i++)
		holes += !t->piece[i].p;
	char *names = fox_arena_alloc(&t->arena, holes, 20);
	if (!names)
		return fox_fail_nomem(im->err);
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->piece[i].p)
			continue;
		int len = snprintf(names, 20, "[PAD%u]", i);
		t->piece[i] = (struct fox_str){names, (size_t)len};
		t->score[i] = FOX_TOK_FILL_SCORE;
		t->type[i] = FOX_TOK_UNUSED;
		names += 20;
	}
	return FOX_OK;
}

/* The pieces of tokenizer.model, then rows up to that of the embedding. */
static enum fox_status read_model(struct tok_import *im, struct fox_str text)
{
	struct fox_tokdata *t = im->t;
	enum fox_status s = fox_tok_spiece(t, (struct fox_span){(const uint8_t *)text.p, text.n}, im->err);
	if (s)
		return s;
	uint32_t n = im->config->hp.n_vocab ? im->config->hp.n_vocab : t->n;
	if (t->n > n)
		return fox_fail(im->err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "tokenizer.model has %u pieces for the %u rows of the embedding", t->n, n);
	struct fox_str *piece = fox_arena_alloc(&t->arena, n, sizeof *piece);
	float *score = fox_arena_alloc(&t->arena, n, sizeof *score);
	int32_t *type = fox_arena_alloc(&t->arena, n, sizeof *type);
	if (!piece || !score || !type)
		return fox_fail_nomem(im->err);
	memcpy(piece, t->piece, t->n * sizeof *piece);
	memcpy(score, t->score, t->n * sizeof *score);
	memcpy(type, t->type, t->n * sizeof *type);
	t->piece = piece;
	t->score = score;
	t->type = type;
	t->n = n;
	return tok_fill_rows(im);
}

/* Set a piece to what a JSON file says of it. */
static enum fox_status set_piece(
    struct tok_import *im, uint64_t id, struct fox_str text, int32_t type, enum tok_doc d)
{
	struct fox_tokdata *t = im->t;
	if (!text.n || text.n > FOX_TOK_MAX_PIECE) {
		fox_fail(im->err, text.n ? FOX_E_BOUND : FOX_E_FORMAT, FOX_NOWHERE,
		    "token %llu has %zu bytes, want 1 to %u", (unsigned long long)id, text.n, FOX_TOK_MAX_PIECE);
		return fox_in_file(im->err, tok_doc_name[d]), text.n ? FOX_E_BOUND : FOX_E_FORMAT;
	}
	if (id >= t->n) {
		tok_tell(im, "%s: token '%.*s' has id %llu, past the %u rows of the embedding: left out",
		    tok_doc_name[d], FOX_STR_ARG(text), (unsigned long long)id, t->n);
		return FOX_OK;
	}
	if (t->type[id] != FOX_TOK_UNUSED && !fox_str_eq(t->piece[id], text))
		tok_tell(im, "%s: token %llu is '%.*s', not '%.*s' as in tokenizer.model", tok_doc_name[d],
		    (unsigned long long)id, FOX_STR_ARG(text), FOX_STR_ARG(t->piece[id]));
	if (!tok_copy(im, &text))
		return fox_fail_nomem(im->err);
	t->piece[id] = text;
	t->score[id] = ADDED_SCORE;
	t->type[id] = type;
	return FOX_OK;
}

static enum fox_status read_added(struct tok_import *im)
{
	void *it = NULL;
	struct fox_str key;
	const struct fox_value *value;
	while (fox_json_next(tok_root(im, TOK_ADDED), &it, &key, &value)) {
		uint64_t id;
		if (!fox_json_u64(value, &id)) {
			fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is not a token id", FOX_STR_ARG(key));
			return fox_in_file(im->err, tok_doc_name[TOK_ADDED]), FOX_E_FORMAT;
		}
		enum fox_status s = set_piece(im, id, key, FOX_TOK_USER, TOK_ADDED);
		if (s)
			return s;
	}
	return FOX_OK;
}

bool tok_looks_special(struct fox_str s)
{
	static const char *const whole[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
	for (size_t i = 0; i < FOX_COUNT(whole); i++)
		if (fox_str_is(s, whole[i]))
			return true;
	return (fox_str_starts(s, "<|") && fox_str_ends(s, "|>")) ||
	       (fox_str_starts(s, "<\xEF\xBD\x9C") && fox_str_ends(s, "\xEF\xBD\x9C>")) /* full-width bars */
	       || (fox_str_starts(s, "<unused") && fox_str_ends(s, ">"));
}

void tok_blanks(struct fox_buf *out, struct fox_str s)
{
	fox_buf_clear(out);
	for (size_t i = 0; i < s.n; i++) {
		bool space = s.n - i >= 3 && !memcmp(s.p + i, "\xE2\x96\x81", 3);
		fox_buf_char(out, space ? ' ' : s.p[i]);
		i += space ? 2 : 0;
	}
}

/* Which sides of an added token lose their whitespace. Those that tokenizers looks for in normalised text, or only
 * as whole words, are none of them. */
enum { LEFT = 1, RIGHT = 2 };

static uint8_t strips(const struct fox_value *token, bool special)
{
	bool left = false, right = false, word = false, normalized = !special;
	fox_json_bool(fox_json_get(token, "lstrip"), &left);
	fox_json_bool(fox_json_get(token, "rstrip"), &right);
	fox_json_bool(fox_json_get(token, "single_word"), &word);
	fox_json_bool(fox_json_get(token, "normalized"), &normalized);
	return word || normalized ? 0 : (uint8_t)((left ? LEFT : 0) | (right ? RIGHT : 0));
}

/* The rows with this side's bit, as a list of ids. */
static bool list_side(
    struct tok_import *im, const uint8_t *sides, uint8_t side, uint32_t **ids, uint32_t *n_ids)
{
	struct fox_tokdata *t = im->t;
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n; i++)
		n += (sides[i] & side) != 0;
	*n_ids = n;
	*ids = n ? fox_arena_alloc(&t->arena, n, sizeof **ids) : NULL;
	for (uint32_t i = t->n; *ids && i-- > 0;)
		if (sides[i] & side)
			(*ids)[--n] = i;
	return *ids || !n;
}

/* sides: [n] what is stripped at each token, filled by this call. */
static enum fox_status read_decoder(struct tok_import *im, uint8_t *sides)
{
	void *it = NULL;
	struct fox_str key, text;
	const struct fox_value *value, *all = fox_json_get(tok_root(im, TOK_CONFIG), "added_tokens_decoder");
	struct fox_buf buf = {0};
	enum fox_status s = FOX_OK;
	while (!s && fox_json_next(all, &it, &key, &value)) {
		uint64_t id;
		bool special = false;
		if (!fox_str_u64(key, &id) || !fox_json_str(fox_json_get(value, "content"), &text)) {
			fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'added_tokens_decoder.%.*s' is not a token with an id", FOX_STR_ARG(key));
			fox_in_file(im->err, tok_doc_name[TOK_CONFIG]);
			s = FOX_E_FORMAT;
			break;
		}
		fox_json_bool(fox_json_get(value, "special"), &special);
		if (id < im->t->n)
			sides[id] = strips(value, special);
		if (special || tok_looks_special(text)) {
			s = set_piece(im, id, text, FOX_TOK_CONTROL, TOK_CONFIG);
			continue;
		}
		tok_blanks(&buf, text);
		s = buf.failed ? fox_fail_nomem(im->err)
		               : set_piece(im, id, fox_buf_view(&buf), FOX_TOK_USER, TOK_CONFIG);
	}
	fox_buf_free(&buf);
	return s;
}

/* USER_DEFINED pieces of tokenizer.model become NORMAL, as llama.cpp's converter writes them; their ids are
 * kept. */
static enum fox_status settle_types(struct tok_import *im)
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
	uint8_t *sides = fox_arena_alloc(&t->arena, t->n, 1);
	if (!sides)
		return fox_fail_nomem(im->err);
	enum fox_status s = read_added(im);
	if (!s)
		s = read_decoder(im, sides);
	if (!s && (!list_side(im, sides, LEFT, &t->lstrip, &t->n_lstrip) ||
	              !list_side(im, sides, RIGHT, &t->rstrip, &t->n_rstrip)))
		s = fox_fail_nomem(im->err);
	for (uint32_t i = 0; i < n; i++) /* less those that the JSON files typed anew */
		if (t->type[t->user[i]] == FOX_TOK_NORMAL)
			t->user[kept++] = t->user[i];
	t->n_user = kept;
	return s;
}

/* ---- which file */

static enum fox_status from_spiece(struct tok_import *im, struct fox_str text)
{
	enum fox_status s;
	if ((s = read_model(im, text)) || (s = read_docs(im)) || (s = settle_types(im)) ||
	    (s = tok_read_special(im)))
		return s;
	return tok_read_flags(im);
}

static enum fox_status from_json(struct tok_import *im, struct fox_str text)
{
	enum fox_status s;
	if ((s = read_docs(im)) || (s = tok_from_json(im, text)) || (s = tok_read_special(im)))
		return s;
	return tok_settle_flags(im);
}

static enum fox_status from_vocab_json(struct tok_import *im, struct fox_str vocab)
{
	struct fox_str merges;
	enum fox_status s = fox_source_read_file(im->files, "merges.txt", TOK_FILE_LIMIT, &merges, im->err);
	if (!s && !merges.p)
		s = fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "vocab.json without merges.txt");
	if (s || (s = read_docs(im)) || (s = tok_from_vocab_json(im, vocab, merges)) ||
	    (s = tok_read_special(im)))
		return s;
	return tok_settle_flags(im);
}

/* The first of these that is there; with --tokenizer FILE, that one alone. */
static const struct kind {
	const char *name, *ending;
	uint64_t limit;
	enum fox_status (*read)(struct tok_import *im, struct fox_str text);
} kinds[] = {
    {"tokenizer.model", ".model", MODEL_LIMIT, from_spiece},
    {"tokenizer.json", ".json", TOK_FILE_LIMIT, from_json},
    {"vocab.json", NULL, TOK_FILE_LIMIT, from_vocab_json},
};

static enum fox_status read_vocabulary(struct tok_import *im)
{
	const char *file = im->options->file;
	for (size_t i = 0; i < FOX_COUNT(kinds); i++) {
		const struct kind *k = &kinds[i];
		const char *name = file ? file : k->name;
		struct fox_str text;
		if (file && (!k->ending || !fox_str_ends(fox_str_of(file), k->ending)))
			continue;
		enum fox_status s = fox_source_read_file(im->files, name, k->limit, &text, im->err);
		if (!s && !text.p)
			continue;
		if (!s)
			s = k->read(im, text);
		if (s)
			fox_in_file(im->err, name);
		return s;
	}
	return file ? fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	                  "tokenizer '%s' is neither a .model nor a .json file", file)
	            : fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	                  "no tokenizer.model, no tokenizer.json, and no vocab.json with merges.txt");
}

enum fox_status fox_tok_import(struct fox_tokdata *t, struct fox_source *src,
    const struct fox_hfconfig *config, const struct fox_tok_options *options, fox_note_fn *note,
    void *note_ctx, struct fox_err *err)
{
	static const struct fox_tok_options none = {NULL, NULL, NULL, false};
	struct fox_err own = {0};
	struct tok_import im = {
	    .t = t,
	    .src = src,
	    .config = config,
	    .options = options ? options : &none,
	    .note = note,
	    .note_ctx = note_ctx,
	    .err = err ? err : &own,
	};
	im.files = im.options->files ? im.options->files : src;
	fox_tokdata_init(t);
	enum fox_status s;
	if (config->hp.n_vocab > FOX_TOK_MAX)
		s = fox_fail(im.err, FOX_E_BOUND, FOX_NOWHERE, "'vocab_size' is %u, more than %u", config->hp.n_vocab,
		    FOX_TOK_MAX);
	else if (!(s = read_vocabulary(&im)))
		s = tok_read_chat_template(&im);
	for (int d = 0; d < TOK_DOCS; d++)
		fox_json_close(im.doc[d]);
	fox_tokspec_free(&im.spec);
	return s;
}
