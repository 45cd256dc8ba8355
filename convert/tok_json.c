/* tok_json.c - tokenizer.json to a vocabulary: pieces with their types, merges, and llama.cpp's keys for the rest.
 *
 * The pipeline itself is kept as text (fox_tokdata.hf_spec) and is what fox runs; the other keys say as much of it as
 * llama.cpp can read. Refuses added tokens under other ids than tokenizers gives them, and models for which
 * llama.cpp has no kind.   source: llama.cpp conversion/base.py get_vocab_base, gguf-py SpecialVocab */
#include "convert/tok_parts.h"
#include "format/charsmap.h"
#include "format/tokpre.h"

/* ---- added tokens */

/* The id that tokenizers gives a token that it reads: its own in the vocabulary, else the next.
 * source: tokenizers 0.23 added_vocabulary.rs */
static uint32_t next_id(const struct tok_import *im, uint32_t n_vocab, int64_t largest, struct fox_str text)
{
	uint32_t known = fox_map_find(&im->id_of, text);
	if (known != FOX_MAP_NONE)
		return known;
	return largest >= (int64_t)n_vocab ? (uint32_t)(largest + 1) : n_vocab;
}

static enum fox_status add_token(struct tok_import *im, struct fox_buf *buf, const struct fox_added *a)
{
	struct fox_tokdata *t = im->t;
	struct fox_str text = a->content;
	if (text.n > FOX_TOK_MAX_PIECE)
		return fox_fail(im->err, FOX_E_BOUND, FOX_NOWHERE, "token %u has %zu bytes, more than %u", a->id,
		    text.n, FOX_TOK_MAX_PIECE);
	bool control = a->special || tok_looks_special(text);
	if (!control) {
		tok_blanks(buf, text);
		text = fox_buf_view(buf);
	}
	if (buf->failed || !tok_copy(im, &text))
		return fox_fail_nomem(im->err);
	t->piece[a->id] = text;
	t->type[a->id] = control ? FOX_TOK_CONTROL : FOX_TOK_USER;
	return FOX_OK;
}

static enum fox_status add_tokens(struct tok_import *im)
{
	const struct fox_tokspec *spec = &im->spec;
	struct fox_buf buf = {0};
	uint32_t n_vocab = (uint32_t)im->id_of.n;
	int64_t largest = -1;
	enum fox_status s = FOX_OK;
	for (uint32_t i = 0; !s && i < spec->n_added; i++) {
		const struct fox_added *a = &spec->added[i];
		uint32_t id = next_id(im, n_vocab, largest, a->content);
		if (id != a->id)
			s = fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'added_tokens[%u].id' is %u, but '%.*s' would get id %u", i, a->id, FOX_STR_ARG(a->content),
			    id);
		else if (im->t->piece[id].p && !fox_str_eq(im->t->piece[id], a->content) &&
		         im->t->type[id] == FOX_TOK_NORMAL)
			s = fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'added_tokens[%u].id' is %u, which '%.*s' has in model.vocab", i, id,
			    FOX_STR_ARG(im->t->piece[id]));
		else
			s = add_token(im, &buf, a);
		fox_map_put(&im->id_of, a->content, a->id);
		largest = a->id > largest ? a->id : largest;
	}
	fox_buf_free(&buf);
	return s;
}

/* tokenizer_config.json repeats the added tokens; one that tokenizer.json lacks would be added by transformers. */
static enum fox_status check_decoder(struct tok_import *im)
{
	void *it = NULL;
	struct fox_str key, text;
	const struct fox_value *value, *all = fox_json_get(tok_root(im, TOK_CONFIG), "added_tokens_decoder");
	while (fox_json_next(all, &it, &key, &value)) {
		uint64_t id = 0;
		bool good = fox_str_u64(key, &id) && fox_json_str(fox_json_get(value, "content"), &text);
		if (!good)
			fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'added_tokens_decoder.%.*s' is not a token with an id", FOX_STR_ARG(key));
		else if (fox_map_find(&im->id_of, text) != id)
			fox_fail(im->err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "'added_tokens_decoder.%.*s' is '%.*s', which tokenizer.json does not have under that id",
			    FOX_STR_ARG(key), FOX_STR_ARG(text));
		else
			continue;
		return fox_in_file(im->err, tok_doc_name[TOK_CONFIG]), im->err->code;
	}
	return FOX_OK;
}

/* ---- kinds of models */

static bool is_mark(struct fox_str s)
{
	return fox_str_is(s, "\xE2\x96\x81");
}

/* SentencePiece's flags, as far as a pipeline made from one shows them. */
static void read_spaces(struct tok_import *im)
{
	const struct fox_tokspec *spec = &im->spec;
	struct fox_tokdata *t = im->t;
	t->add_space_prefix = false;
	for (uint32_t i = 0; i < spec->n_norm; i++) {
		const struct fox_norm *n = &spec->norm[i];
		if (n->kind == FOX_NORM_PREPEND && is_mark(n->content))
			t->add_space_prefix = true;
		if (n->kind == FOX_NORM_REPLACE && n->pattern.regex && fox_str_is(n->pattern.text, " {2,}"))
			t->remove_extra_whitespaces = true;
		if (n->kind == FOX_NORM_PRECOMPILED)
			t->charsmap = (struct fox_str){(const char *)n->charsmap.p, n->charsmap.n}; /* a copy follows */
	}
	for (uint32_t i = 0; i < spec->n_pretok; i++) {
		const struct fox_pretok *p = &spec->pretok[i];
		if (p->kind == FOX_PRETOK_METASPACE && is_mark(p->replacement))
			t->add_space_prefix = p->prepend != FOX_PREPEND_NEVER;
		if (p->kind == FOX_PRETOK_WHITESPACE_SPLIT)
			t->remove_extra_whitespaces = true;
	}
}

static void type_piece(struct tok_import *im, uint32_t id, int32_t type)
{
	if (im->t->type[id] == FOX_TOK_NORMAL)
		im->t->type[id] = type;
}

static void type_bytes(struct tok_import *im)
{
	for (uint32_t i = 0; i < im->t->n; i++)
		if (im->t->piece[i].p && fox_tokdata_byte(im->t->piece[i]) >= 0)
			type_piece(im, i, FOX_TOK_BYTE);
}

static enum fox_status settle_unigram(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	bool rounded = false;
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->type[i] == FOX_TOK_UNUSED)
			t->exact_score[i] = t->score[i];
		rounded |= t->exact_score[i] != t->score[i];
	}
	if (!rounded)
		t->exact_score = NULL;
	fox_tokdata_set_model(t, fox_str_of("t5"));
	if (im->spec.byte_fallback)
		type_bytes(im);
	if (im->spec.unk_id >= 0) {
		t->unk = (int32_t)im->spec.unk_id;
		t->type[t->unk] = FOX_TOK_UNKNOWN; /* also where it is an added token: llama.cpp looks for the type */
	}
	read_spaces(im);
	if (!t->charsmap.n)
		t->charsmap.p = NULL;
	else if (!tok_copy(im, &t->charsmap))
		return fox_fail_nomem(im->err);
	return FOX_OK;
}

/* BPE over characters, as converted from SentencePiece: llama.cpp merges by score, so a piece's score is minus the
 * rank of the first merge that makes it, and pieces that no merge makes come last. */
static enum fox_status settle_spm_like(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	char joined[2 * FOX_TOK_MAX_PIECE];
	fox_tokdata_set_model(t, fox_str_of("llama"));
	for (uint32_t i = 0; i < t->n; i++)
		if (t->type[i] == FOX_TOK_NORMAL)
			t->score[i] = -(float)t->n_merges - 1;
	for (uint32_t i = t->n_merges; i-- > 0;) {
		struct fox_str left, right;
		if (!fox_tokdata_halves(t->merge[i], &left, &right))
			continue; /* never: tok_vocab.c checked */
		memcpy(joined, left.p, left.n);
		memcpy(joined + left.n, right.p, right.n);
		t->score[fox_map_find(&im->id_of, (struct fox_str){joined, left.n + right.n})] = -(float)i;
	}
	type_bytes(im);
	uint32_t unk = im->spec.unk_token.n ? fox_map_find(&im->id_of, im->spec.unk_token) : FOX_MAP_NONE;
	if (unk != FOX_MAP_NONE) {
		t->unk = (int32_t)unk;
		t->type[unk] = FOX_TOK_UNKNOWN;
	}
	read_spaces(im);
	/* hf_spec has the map; llama.cpp has no use for it here, and the pipeline that it lies in goes */
	t->charsmap = (struct fox_str){NULL, 0};
	return FOX_OK;
}

static enum fox_status settle_byte_level(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	const char *arch = im->config->arch ? im->config->arch->name : NULL;
	const char *found = fox_tokpre_name(&im->spec, arch);
	fox_tokdata_set_model(t, fox_str_of("gpt2"));
	t->pre = im->options->pre ? im->options->pre : found;
	if (!t->pre && !im->options->no_pre)
		return fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "llama.cpp has no name for this pre_tokenizer: say which with --pre, or leave it out with "
		    "--no-llama-pre");
	if (t->pre && found && strcmp(t->pre, found))
		tok_tell(im, "the pre_tokenizer is that of '%s', not '%s' as --pre says", found, t->pre);
	return FOX_OK;
}

/* So that a container never holds a character map that cannot be used. */
static enum fox_status check_charsmaps(struct tok_import *im)
{
	enum fox_status s = FOX_OK;
	for (uint32_t i = 0; !s && i < im->spec.n_norm; i++) {
		struct fox_charsmap map;
		struct fox_err own = {0};
		if (im->spec.norm[i].kind == FOX_NORM_PRECOMPILED &&
		    (s = fox_charsmap_parse(&map, im->spec.norm[i].charsmap, &own)))
			fox_fail(im->err, s, FOX_NOWHERE, "precompiled_charsmap in 'normalizer', decoded: %s", own.text);
	}
	return s;
}

enum fox_status tok_settle(struct tok_import *im)
{
	const struct fox_tokspec *spec = &im->spec;
	enum fox_status s = check_charsmaps(im);
	if (!s)
		s = add_tokens(im);
	if (!s)
		s = check_decoder(im);
	if (!s)
		s = tok_fill_rows(im);
	if (s)
		return s;
	if (spec->model == FOX_TOKMODEL_UNIGRAM)
		return settle_unigram(im);
	if (spec->byte_level && !spec->byte_fallback)
		return settle_byte_level(im);
	if (spec->byte_fallback && !spec->byte_level)
		return settle_spm_like(im);
	return fox_fail(im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model' is BPE with %s, which is not handled",
	    spec->byte_level ? "both ByteLevel and byte_fallback" : "neither ByteLevel nor byte_fallback");
}

/* ---- flags */

static bool one_of(const uint32_t *ids, uint32_t n, int32_t id)
{
	return n == 1 && id >= 0 && ids[0] == (uint32_t)id;
}

/* add_bos_token and add_eos_token can say one id on each side. fox itself runs the frame of hf_spec. */
enum fox_status tok_settle_flags(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	const struct fox_tokspec *spec = &im->spec;
	if (t->bos < 0 && spec->n_before == 1)
		t->bos = (int32_t)spec->before[0];
	if (t->eos < 0 && spec->n_after == 1)
		t->eos = (int32_t)spec->after[0];
	t->add_bos = one_of(spec->before, spec->n_before, t->bos);
	t->add_eos = one_of(spec->after, spec->n_after, t->eos);
	t->add_bos_given = t->add_eos_given = true;
	if (spec->n_before && !t->add_bos)
		tok_tell(im, "post_processor puts %u ids before a text that are not bos: llama.cpp will not",
		    spec->n_before);
	if (spec->n_after && !t->add_eos)
		tok_tell(im, "post_processor puts %u ids after a text that are not eos: llama.cpp will not",
		    spec->n_after);
	const struct {
		const char *key;
		bool value;
	} said[] = {{"add_bos_token", t->add_bos}, {"add_eos_token", t->add_eos}};
	for (size_t i = 0; i < FOX_COUNT(said); i++) {
		bool given;
		if (fox_json_bool(fox_json_get(tok_root(im, TOK_CONFIG), said[i].key), &given) &&
		    given != said[i].value)
			tok_tell(im, "'%s' in tokenizer_config.json is %s, tokenizer.json says %s: the latter is right",
			    said[i].key, given ? "true" : "false", said[i].value ? "true" : "false");
	}
	return FOX_OK;
}

/* ---- the file */

enum fox_status tok_set_spec(struct tok_import *im, struct fox_str json)
{
	struct fox_tokdata *t = im->t;
	uint32_t n = im->config->hp.n_vocab ? im->config->hp.n_vocab : FOX_TOK_MAX;
	t->hf_spec = json;
	if (!tok_copy(im, &t->hf_spec))
		return fox_fail_nomem(im->err);
	return fox_tokspec_parse(&im->spec, t->hf_spec, n, im->err);
}

static enum fox_status read_parts(
    struct tok_import *im, struct fox_str text, struct fox_str vocab, struct fox_str merges)
{
	struct tok_scan s = {text, vocab, 0, "model.vocab", &im->t->arena, im->err};
	if (!vocab.p)
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "no 'model.vocab'");
	im->n_more = im->spec.n_added;
	for (uint32_t i = 0; i < im->spec.n_added; i++)
		im->more_end = im->spec.added[i].id >= im->more_end ? im->spec.added[i].id + 1 : im->more_end;
	enum fox_status st = tok_read_vocab(im, &s);
	bool bpe = im->spec.model == FOX_TOKMODEL_BPE;
	if (!st && bpe && !merges.p)
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "no 'model.merges'");
	if (!st && bpe) {
		s = (struct tok_scan){text, merges, 0, "model.merges", &im->t->arena, im->err};
		st = tok_read_merges(im, &s);
	}
	return st;
}

enum fox_status tok_from_json(struct tok_import *im, struct fox_str text)
{
	struct fox_buf rest = {0};
	struct fox_str vocab, merges;
	enum fox_status s = tok_json_split(text, &rest, &vocab, &merges, im->err);
	if (!s)
		s = tok_set_spec(im, fox_buf_view(&rest));
	fox_buf_free(&rest);
	if (!s && im->spec.model == FOX_TOKMODEL_UNIGRAM && merges.p)
		s = fox_fail(
		    im->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'model.merges' is a field that is not handled");
	if (!s)
		s = read_parts(im, text, vocab, merges);
	return s ? s : tok_settle(im);
}
