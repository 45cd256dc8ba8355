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

enum fox_status fox_chunks_same_vocab(
    const struct fox_tokdata *a, const struct fox_tokdata *b, struct fox_err *err)
{
	if (a->n != b->n)
		return fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: %u and %u tokens", a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++)
		if (!fox_str_eq(a->piece[i], b->piece[i]))
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "the two vocabularies differ: token %u is '%.*s' and '%.*s'", i, FOX_STR_ARG(a->piece[i]),
			    FOX_STR_ARG(b->piece[i]));
	return FOX_OK;
}

enum fox_status fox_chunks_same(const struct fox_chunks *a, const struct fox_chunks *b, struct fox_err *err)
{
	if (a->bos != b->bos)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the two tokenizers begin a chunk differently: with token %d and %d (-1: its own first)", a->bos,
		    b->bos);
	for (size_t i = 0; i < a->n_ids && i < b->n_ids; i++)
		if (a->ids[i] != b->ids[i])
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "the two tokenizers cut the text differently: token %zu of it is %d and %d", i, a->ids[i],
			    b->ids[i]);
	if (a->n_ids != b->n_ids)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the two tokenizers cut the text differently: into %zu and %zu tokens", a->n_ids, b->n_ids);
	return FOX_OK;
}
