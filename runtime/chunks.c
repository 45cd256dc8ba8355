/* chunks.c - encodes a text, cuts it, and says whether two vocabularies are one. */
#include "runtime/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/tok.h"

static enum fox_status check_text(struct fox_str text, uint32_t n_ctx, struct fox_err *err)
{
	size_t bad = fox_utf8_bad(text);
	if (n_ctx < 4)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "chunks of %u tokens, want at least 4", n_ctx);
	if (text.n == 0)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "the text is empty");
	if (bad < text.n)
		return fox_fail(err, FOX_E_FORMAT, bad, "the text is not UTF-8");
	return FOX_OK;
}

static enum fox_status encode(
    struct fox_tok_ids *ids, const struct fox_tokdata *vocab, struct fox_str text, struct fox_err *err)
{
	struct fox_tok *tok = NULL;
	if (vocab->add_bos && (vocab->bos < 0 || (uint32_t)vocab->bos >= vocab->n))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the model adds a bos token but has none");
	enum fox_status s = fox_tok_open(&tok, vocab, err);
	if (s)
		return s;
	if (vocab->add_bos) {
		ids->ids = malloc(sizeof *ids->ids);
		if (!ids->ids)
			s = fox_fail_nomem(err);
		else
			ids->ids[0] = vocab->bos, ids->n = ids->cap = 1;
	}
	if (!s)
		s = fox_tok_encode(tok, ids, text, FOX_TOK_NO_BOS, err);
	fox_tok_close(tok);
	return s;
}

enum fox_status fox_chunks_open(struct fox_chunks *out, const struct fox_tokdata *vocab, struct fox_str text,
    uint32_t n_ctx, uint32_t most, struct fox_err *err)
{
	struct fox_tok_ids ids = {0};
	*out = (struct fox_chunks){0};
	n_ctx = n_ctx ? n_ctx : FOX_CHUNKS_CONTEXT;
	text.n -= text.n && text.p[text.n - 1] == '\n';
	enum fox_status s = check_text(text, n_ctx, err);
	if (!s)
		s = encode(&ids, vocab, text, err);
	if (!s && ids.n / 2 < n_ctx)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "the text has %zu tokens, want at least %llu: two chunks of %u", ids.n, 2ull * n_ctx, n_ctx);
	if (s) {
		fox_tok_ids_free(&ids);
		return s;
	}
	uint32_t all = (uint32_t)(ids.n / n_ctx);
	*out = (struct fox_chunks){.ids = ids.ids,
	    .n_ids = ids.n,
	    .n_ctx = n_ctx,
	    .n = most && most < all ? most : all,
	    .bos = vocab->add_bos ? vocab->bos : FOX_TOK_NONE};
	return FOX_OK;
}

void fox_chunks_close(struct fox_chunks *c)
{
	free(c->ids);
	*c = (struct fox_chunks){0};
}

void fox_chunks_get(const struct fox_chunks *c, uint32_t i, int32_t *ids)
{
	memcpy(ids, c->ids + (size_t)i * c->n_ctx, c->n_ctx * sizeof *ids);
	if (c->bos != FOX_TOK_NONE)
		ids[0] = c->bos;
}

/* ---- equal vocabularies */

static enum fox_status differ(struct fox_err *err, const char *what)
{
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: %s", what);
}

static enum fox_status same_rows(
    const struct fox_tokdata *a, const struct fox_tokdata *b, struct fox_err *err)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const char *what = !fox_str_eq(a->piece[i], b->piece[i])                    ? "text"
		                   : a->type[i] != b->type[i]                               ? "type"
		                   : a->score[i] < b->score[i] || a->score[i] > b->score[i] ? "score"
		                                                                            : NULL;
		if (what)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "the two vocabularies differ: %s of token %u, '%.*s' and '%.*s'", what, i,
			    FOX_STR_ARG(a->piece[i]), FOX_STR_ARG(b->piece[i]));
	}
	if (a->n_merges != b->n_merges)
		return differ(err, "number of merges");
	for (uint32_t i = 0; i < a->n_merges; i++)
		if (!fox_str_eq(a->merge[i], b->merge[i]))
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "the two vocabularies differ: merge %u, '%.*s' and '%.*s'", i, FOX_STR_ARG(a->merge[i]),
			    FOX_STR_ARG(b->merge[i]));
	return FOX_OK;
}

static bool same_ids(const uint32_t *a, uint32_t n, const uint32_t *b, uint32_t m)
{
	return n == m && (!n || !memcmp(a, b, n * sizeof *a));
}

static bool same_exact(const struct fox_tokdata *a, const struct fox_tokdata *b)
{
	return !a->exact_score == !b->exact_score &&
	       (!a->exact_score || !memcmp(a->exact_score, b->exact_score, a->n * sizeof *a->exact_score));
}

/* chat_template and spm_spec play no part in encoding; eos and its flag are not put into a text of chunks. */
enum fox_status fox_chunks_same_vocab(
    const struct fox_tokdata *a, const struct fox_tokdata *b, struct fox_err *err)
{
	if (strcmp(a->model, b->model))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: models '%s' and '%s'",
		    a->model, b->model);
	if (a->n != b->n)
		return fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: %u and %u tokens", a->n, b->n);
	enum fox_status s = same_rows(a, b, err);
	if (s)
		return s;
	if (a->add_bos != b->add_bos || (a->add_bos && a->bos != b->bos))
		return differ(err, "bos");
	if (a->unk != b->unk)
		return differ(err, "unknown token");
	if (a->add_space_prefix != b->add_space_prefix)
		return differ(err, "add_space_prefix");
	if (a->remove_extra_whitespaces != b->remove_extra_whitespaces)
		return differ(err, "remove_extra_whitespaces");
	if (!fox_str_eq(a->charsmap, b->charsmap))
		return differ(err, "precompiled_charsmap");
	if (!fox_str_eq(a->hf_spec, b->hf_spec))
		return differ(err, "fox.tokenizer.hf");
	if (!a->hf_spec.n && a->pre && b->pre && strcmp(a->pre, b->pre))
		return differ(err, "pre-tokenizer");
	if (!same_ids(a->user, a->n_user, b->user, b->n_user))
		return differ(err, FOX_KEY_TOK_USER);
	if (!same_ids(a->lstrip, a->n_lstrip, b->lstrip, b->n_lstrip) ||
	    !same_ids(a->rstrip, a->n_rstrip, b->rstrip, b->n_rstrip))
		return differ(err, "lstrip or rstrip");
	return same_exact(a, b) ? FOX_OK : differ(err, FOX_KEY_TOK_EXACT);
}
