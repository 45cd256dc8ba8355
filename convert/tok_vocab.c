/* tok_vocab.c - model.vocab and model.merges of a tokenizer.json, 256,000 pieces in a fraction of a second.
 *
 * Refuses pieces and ids given twice, ids past the rows of the embedding, merges of texts that are no pieces, and
 * merges with blanks in them, which the container's "left right" cannot say. */
#include "convert/tok_parts.h"

#include <stdio.h>

/* ---- pieces */

struct counts {
	uint64_t n, end; /* members; one past the largest id */
};

/* First walk over {"piece": id, ...}: how much room it needs. */
static enum fox_status count_object(struct tok_scan s, struct counts *c)
{
	*c = (struct counts){0, 0};
	if (tok_scan_take(&s, '}'))
		return FOX_OK;
	do {
		uint64_t id;
		if (!tok_scan_skip(&s) || !tok_scan_take(&s, ':'))
			return tok_scan_fail(&s, "a piece and a colon");
		enum fox_status st = tok_scan_u64(&s, &id);
		if (st)
			return st;
		c->n++;
		c->end = id >= c->end ? id + 1 : c->end;
	} while (tok_scan_take(&s, ','));
	return FOX_OK;
}

/* First walk over [["piece", score], ...]. */
static enum fox_status count_list(struct tok_scan s, struct counts *c)
{
	*c = (struct counts){0, 0};
	if (tok_scan_take(&s, ']'))
		return FOX_OK;
	do {
		if (!tok_scan_take(&s, '[') || !tok_scan_skip(&s) || !tok_scan_take(&s, ',') || !tok_scan_skip(&s) ||
		    !tok_scan_take(&s, ']'))
			return tok_scan_fail(&s, "a piece with its score");
		c->n++;
	} while (tok_scan_take(&s, ','));
	c->end = c->n;
	return FOX_OK;
}

/* Rows of the embedding, or as many as the ids need where config.json does not say. */
static enum fox_status make_room(struct tok_import *im, const struct counts *c)
{
	struct fox_tokdata *t = im->t;
	uint64_t n = im->config->hp.n_vocab;
	if (!n)
		n = c->end > im->more_end ? c->end : im->more_end;
	if (!c->n)
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE, "'model.vocab' is empty");
	if (n > FOX_TOK_MAX || c->n > FOX_TOK_MAX)
		return fox_fail(im->err, FOX_E_BOUND, FOX_NOWHERE, "%llu tokens, more than %u",
		    (unsigned long long)(n > c->n ? n : c->n), FOX_TOK_MAX);
	if (c->end > n)
		return fox_fail(im->err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "'model.vocab' has ids up to %llu for the %llu rows of the embedding",
		    (unsigned long long)c->end - 1, (unsigned long long)n);
	t->n = (uint32_t)n;
	t->piece = fox_arena_alloc(&t->arena, t->n, sizeof *t->piece);
	t->score = fox_arena_alloc(&t->arena, t->n, sizeof *t->score);
	t->type = fox_arena_alloc(&t->arena, t->n, sizeof *t->type);
	bool doubles = im->spec.model == FOX_TOKMODEL_UNIGRAM;
	if (doubles)
		t->exact_score = fox_arena_alloc(&t->arena, t->n, sizeof *t->exact_score);
	if (!t->piece || !t->score || !t->type || (doubles && !t->exact_score) ||
	    !fox_map_init(&im->id_of, &t->arena, (size_t)c->n + im->n_more))
		return fox_fail_nomem(im->err);
	return FOX_OK;
}

static enum fox_status add_piece(
    struct tok_import *im, const struct tok_scan *s, uint64_t id, struct fox_str piece, double score)
{
	struct fox_tokdata *t = im->t;
	if (piece.n > FOX_TOK_MAX_PIECE)
		return fox_fail(im->err, FOX_E_BOUND, tok_scan_at(s), "token %llu has %zu bytes, more than %u",
		    (unsigned long long)id, piece.n, FOX_TOK_MAX_PIECE);
	if (t->piece[id].p)
		return fox_fail(im->err, FOX_E_FORMAT, tok_scan_at(s), "'%s' gives id %llu to '%.*s' and '%.*s'",
		    s->name, (unsigned long long)id, FOX_STR_ARG(t->piece[id]), FOX_STR_ARG(piece));
	if (fox_map_put(&im->id_of, piece, (uint32_t)id) != FOX_MAP_NONE)
		return fox_fail(
		    im->err, FOX_E_FORMAT, tok_scan_at(s), "'%s' has '%.*s' twice", s->name, FOX_STR_ARG(piece));
	t->piece[id] = piece;
	t->score[id] = (float)score;
	if (t->exact_score)
		t->exact_score[id] = score;
	t->type[id] = FOX_TOK_NORMAL;
	return FOX_OK;
}

enum fox_status tok_read_vocab(struct tok_import *im, struct tok_scan *s)
{
	struct counts c;
	bool list = im->spec.model == FOX_TOKMODEL_UNIGRAM;
	if (!tok_scan_take(s, list ? '[' : '{'))
		return tok_scan_fail(s, list ? "a list of pieces with scores" : "an object of pieces with ids");
	enum fox_status st = list ? count_list(*s, &c) : count_object(*s, &c);
	if (!st)
		st = make_room(im, &c);
	for (uint64_t i = 0; !st && i < c.n; i++) {
		struct fox_str piece;
		uint64_t id = i;
		double score = 0;
		if (i && !tok_scan_take(s, ','))
			return tok_scan_fail(s, "a comma");
		if (list && !tok_scan_take(s, '['))
			return tok_scan_fail(s, "a piece with its score");
		if ((st = tok_scan_str(s, &piece)))
			return st;
		if (!tok_scan_take(s, list ? ',' : ':'))
			return tok_scan_fail(s, list ? "a comma" : "a colon");
		st = list ? tok_scan_f64(s, &score) : tok_scan_u64(s, &id);
		if (!st && list && !tok_scan_take(s, ']'))
			return tok_scan_fail(s, "a piece with its score");
		if (!st)
			st = add_piece(im, s, id, piece, score);
	}
	if (!st && (!tok_scan_take(s, list ? ']' : '}') || s->i != s->text.n))
		return tok_scan_fail(s, "an end");
	return st;
}

/* ---- merges */

/* "left right": both pieces, and their join one too. */
static enum fox_status check_merge(
    const struct tok_import *im, uint32_t i, struct fox_str left, struct fox_str right)
{
	char joined[2 * FOX_TOK_MAX_PIECE];
	const struct fox_str half[] = {left, right};
	for (int k = 0; k < 2; k++)
		if (fox_map_find(&im->id_of, half[k]) == FOX_MAP_NONE)
			return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
			    "'model.merges[%u]' has '%.*s', which is not in the vocabulary", i, FOX_STR_ARG(half[k]));
	memcpy(joined, left.p, left.n); /* pieces, so they fit */
	memcpy(joined + left.n, right.p, right.n);
	struct fox_str whole = {joined, left.n + right.n};
	if (fox_map_find(&im->id_of, whole) == FOX_MAP_NONE)
		return fox_fail(im->err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'model.merges[%u]' makes '%.*s', which is not in the vocabulary", i, FOX_STR_ARG(whole));
	return FOX_OK;
}

static enum fox_status merges_room(struct tok_import *im, uint64_t n)
{
	struct fox_tokdata *t = im->t;
	if (n > FOX_TOK_MAX)
		return fox_fail(im->err, FOX_E_BOUND, FOX_NOWHERE, "%llu merges, more than %u", (unsigned long long)n,
		    FOX_TOK_MAX);
	t->merge = fox_arena_alloc(&t->arena, n, sizeof *t->merge);
	return t->merge ? FOX_OK : fox_fail_nomem(im->err);
}

static enum fox_status pair(struct tok_import *im, struct tok_scan *s, struct fox_str *out)
{
	struct fox_str left, right;
	enum fox_status st = tok_scan_str(s, &left);
	if (!st && !tok_scan_take(s, ','))
		st = tok_scan_fail(s, "a comma");
	if (!st)
		st = tok_scan_str(s, &right);
	if (!st && !tok_scan_take(s, ']'))
		st = tok_scan_fail(s, "a pair of texts");
	if (st)
		return st;
	if (memchr(left.p, ' ', left.n) || memchr(right.p, ' ', right.n))
		return fox_fail(im->err, FOX_E_UNSUPPORTED, tok_scan_at(s),
		    "'model.merges[%u]' has a blank in a text, which is not handled", im->t->n_merges);
	char *p = fox_arena_alloc(&im->t->arena, left.n + 1 + right.n, 1);
	if (!p)
		return fox_fail_nomem(im->err);
	memcpy(p, left.p, left.n);
	p[left.n] = ' ';
	memcpy(p + left.n + 1, right.p, right.n);
	*out = (struct fox_str){p, left.n + 1 + right.n};
	return FOX_OK;
}

static enum fox_status add_merge(struct tok_import *im, uint64_t at, struct fox_str merge)
{
	struct fox_str left, right;
	uint32_t i = im->t->n_merges;
	if (!fox_tokdata_halves(merge, &left, &right))
		return fox_fail(
		    im->err, FOX_E_FORMAT, at, "'model.merges[%u]' is '%.*s', want two texts", i, FOX_STR_ARG(merge));
	im->t->merge[im->t->n_merges++] = merge;
	return check_merge(im, i, left, right);
}

/* Of equal merges tokenizers heeds the last, llama.cpp the first: only the last is kept, so that both agree. */
static enum fox_status drop_repeated(struct tok_import *im)
{
	struct fox_tokdata *t = im->t;
	struct fox_arena scratch = {0};
	struct fox_map seen = {0};
	uint32_t kept = 0;
	if (!fox_map_init(&seen, &scratch, t->n_merges)) {
		fox_arena_free(&scratch);
		return fox_fail_nomem(im->err);
	}
	for (uint32_t i = t->n_merges; i-- > 0;)
		if (fox_map_put(&seen, t->merge[i], i) != FOX_MAP_NONE)
			t->merge[i].p = NULL;
	for (uint32_t i = 0; i < t->n_merges; i++)
		if (t->merge[i].p)
			t->merge[kept++] = t->merge[i];
	if (kept < t->n_merges)
		tok_tell(im, "%u merges come again later in the list: left out", t->n_merges - kept);
	t->n_merges = kept;
	fox_arena_free(&scratch);
	return FOX_OK;
}

enum fox_status tok_read_merges(struct tok_import *im, struct tok_scan *s)
{
	enum fox_status st;
	uint64_t n = 1;
	if (!tok_scan_take(s, '['))
		return tok_scan_fail(s, "a list");
	for (size_t i = s->i; i < s->text.n; i++) /* commas between merges, and some more: from above */
		n += s->text.p[i] == ',';
	if ((st = merges_room(im, n < FOX_TOK_MAX ? n : FOX_TOK_MAX)))
		return st;
	if (tok_scan_take(s, ']'))
		return s->i == s->text.n ? FOX_OK : tok_scan_fail(s, "an end");
	do {
		struct fox_str merge;
		if (im->t->n_merges == FOX_TOK_MAX)
			return fox_fail(im->err, FOX_E_BOUND, tok_scan_at(s), "more than %u merges", FOX_TOK_MAX);
		st = tok_scan_take(s, '[') ? pair(im, s, &merge) : tok_scan_str(s, &merge);
		if (!st && !fox_str_starts(merge, "#version")) /* the header of a merges.txt */
			st = add_merge(im, tok_scan_at(s), merge);
		if (st)
			return st;
	} while (tok_scan_take(s, ','));
	if (!tok_scan_take(s, ']') || s->i != s->text.n)
		return tok_scan_fail(s, "an end");
	return drop_repeated(im);
}

enum fox_status tok_read_merges_txt(struct tok_import *im, struct fox_str text)
{
	uint64_t n = 1;
	size_t bad = fox_utf8_bad(text);
	if (bad < text.n)
		return fox_fail(im->err, FOX_E_FORMAT, bad, "ill-formed UTF-8");
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	enum fox_status st = merges_room(im, n);
	for (size_t i = 0; !st && i < text.n; i++) {
		const char *end = memchr(text.p + i, '\n', text.n - i);
		struct fox_str line = {text.p + i, end ? (size_t)(end - text.p) - i : text.n - i};
		size_t from = i;
		i += line.n;
		while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' '))
			line.n--;
		if (line.n && !fox_str_starts(line, "#version"))
			st = add_merge(im, from, line);
	}
	return st ? st : drop_repeated(im);
}
