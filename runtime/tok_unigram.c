/* tok_unigram.c - the best path through a text's pieces, by the sum of their scores.
 *
 * Viterbi over byte offsets: at each character all pieces that begin there are tried, and the first of the best paths to
 * their ends is kept. Wherever no piece reaches past an offset, everything before it is settled, emitted and forgotten, so
 * memory stays small.   source: sentencepiece src/unigram_model.cc EncodeOptimized, src/sentencepiece_processor.cc
 * EncodeOptimized; tokenizers src/models/unigram/model.rs encode_optimized, tokenize */
#include "runtime/tok_unigram.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/tok_darray.h"

#define UNK_PENALTY 10.0f
#define RESET_AT 100000.0                 /* SentencePiece then takes the score off every open path */
#define MAX_REACH (FOX_TOK_MAX_PIECE * 3) /* bytes of a piece, or of a character; blanks count as marks */

struct tok_unigram {
	struct tok_darray pieces;
	double *score; /* [n] */
	enum tok_unigram_kind kind;
	double unk_score;
	int32_t unk;
	bool has_bytes;
	int32_t byte_id[256]; /* or -1 */
	struct fox_arena arena;
};

/* The best path that ends at an offset; while emitting, the piece that begins there. */
struct tok_unigram_node {
	double score;
	int32_t id;
	uint32_t len; /* bytes of its last piece; 0: no path yet */
};

/* ---- open */

/* Blanks of an added piece as marks, as in normalised text. */
static struct fox_str escaped(struct fox_arena *a, struct fox_str s)
{
	if (!memchr(s.p, ' ', s.n))
		return s;
	char *p = fox_arena_alloc(a, s.n, 3);
	struct fox_str out = {p, 0};
	for (size_t i = 0; p && i < s.n; i++) {
		bool blank = s.p[i] == ' ';
		memcpy(p + out.n, blank ? "\xE2\x96\x81" : s.p + i, blank ? 3 : 1);
		out.n += blank ? 3 : 1;
	}
	return out;
}

/* 0.1 for each byte after the first, so that they beat all others and longer ones beat their parts. */
static double user_score(size_t len)
{
	return (float)(0.1 * (double)(len - 1));
}

static enum fox_status add_keys_spm(struct tok_unigram *u, const struct fox_tokdata *d, const uint8_t *user,
    struct tok_key *key, size_t *n, struct fox_err *err)
{
	double least = FLT_MAX;
	for (uint32_t i = 0; i < d->n; i++) {
		u->score[i] = d->score[i];
		if (d->type[i] == FOX_TOK_BYTE && fox_tokdata_byte(d->piece[i]) >= 0) {
			u->byte_id[fox_tokdata_byte(d->piece[i])] = (int32_t)i;
			u->has_bytes = true;
		}
		if (d->type[i] == FOX_TOK_NORMAL && !user[i])
			least = u->score[i] < least ? u->score[i] : least;
		if (!d->piece[i].n || (d->type[i] != FOX_TOK_NORMAL && !user[i]))
			continue; /* UNUSED pieces take no part either */
		struct fox_str text = user[i] == TOK_USER_ADDED ? escaped(&u->arena, d->piece[i]) : d->piece[i];
		if (!text.p)
			return fox_fail_nomem(err);
		if (user[i])
			u->score[i] = user_score(text.n);
		key[(*n)++] = (struct tok_key){text, (int32_t)i};
	}
	u->unk_score = (float)(least - UNK_PENALTY);
	return FOX_OK;
}

static void add_keys_hf(
    struct tok_unigram *u, const struct fox_tokdata *d, uint32_t n_vocab, struct tok_key *key, size_t *n)
{
	double least = INFINITY;
	for (uint32_t i = 0; i < n_vocab; i++) {
		u->score[i] = d->exact_score ? d->exact_score[i] : (double)d->score[i];
		least = u->score[i] < least ? u->score[i] : least;
		if (d->piece[i].n)
			key[(*n)++] = (struct tok_key){d->piece[i], (int32_t)i};
	}
	u->unk_score = least - (double)UNK_PENALTY;
}

static void find_bytes(struct tok_unigram *u)
{
	static const char hex[] = "0123456789ABCDEF";
	u->has_bytes = true;
	for (int i = 0; i < 256; i++) {
		const char name[] = {'<', '0', 'x', hex[i / 16], hex[i % 16], '>'};
		u->byte_id[i] = tok_darray_find(&u->pieces, (struct fox_str){name, sizeof name});
	}
}

enum fox_status tok_unigram_open(struct tok_unigram **out, const struct fox_tokdata *d,
    const struct tok_unigram_options *o, struct fox_err *err)
{
	*out = NULL;
	struct tok_unigram *u = calloc(1, sizeof *u);
	struct tok_key *key = malloc(d->n * sizeof *key);
	size_t n = 0;
	enum fox_status s = FOX_OK;
	if (u) {
		u->kind = o->kind;
		u->unk = o->unk;
		memset(u->byte_id, 0xff, sizeof u->byte_id);
		u->score = fox_arena_alloc(&u->arena, d->n, sizeof *u->score);
	}
	if (!u || !key || !u->score)
		s = fox_fail_nomem(err);
	else if (u->kind == TOK_UNIGRAM_HF)
		add_keys_hf(u, d, o->n_vocab < d->n ? o->n_vocab : d->n, key, &n);
	else
		s = add_keys_spm(u, d, o->is_user, key, &n, err);
	if (!s)
		s = tok_darray_build(&u->pieces, key, n, err);
	if (!s && u->kind == TOK_UNIGRAM_HF && o->byte_fallback)
		find_bytes(u);
	free(key);
	if (s) {
		tok_unigram_close(u);
		return s;
	}
	*out = u;
	return FOX_OK;
}

void tok_unigram_close(struct tok_unigram *u)
{
	if (!u)
		return;
	tok_darray_free(&u->pieces);
	fox_arena_free(&u->arena);
	free(u);
}

void tok_unigram_work_free(struct tok_unigram_work *w)
{
	free(w->node);
	*w = (struct tok_unigram_work){0};
}

/* ---- encode */

struct run {
	const struct tok_unigram *u;
	struct tok_unigram_work *w;
	struct fox_tok_ids *out;
	struct fox_str text;
	size_t from;     /* offset of node 0: all before it is emitted */
	size_t at, far;  /* nodes: the character at hand, and the farthest that a path ends at */
	size_t unk_from; /* offset in text of the run of unknown characters that ends here; SIZE_MAX: none */
	bool full, nomem, stuck;
};

static void emit(struct run *r, int32_t id)
{
	if (!tok_ids_add(r->out, id))
		*(r->out->n >= INT32_MAX ? &r->full : &r->nomem) = true;
}

/* Bytes of a text, where SentencePiece says unknown for a byte that has no piece. */
static void emit_bytes(struct run *r, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int32_t id = r->u->byte_id[(uint8_t)s.p[i]];
		emit(r, id >= 0 ? id : r->u->unk);
	}
}

static bool all_bytes(const struct tok_unigram *u, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (u->byte_id[(uint8_t)s.p[i]] < 0)
			return false;
	return true;
}

/* A run of unknown characters ends before `end`. HF looks it up as one text, since its characters are joined by then. */
static void end_unknown(struct run *r, size_t end)
{
	const struct tok_unigram *u = r->u;
	if (r->unk_from == SIZE_MAX)
		return;
	struct fox_str s = {r->text.p + r->unk_from, end - r->unk_from};
	r->unk_from = SIZE_MAX;
	int32_t id = u->kind == TOK_UNIGRAM_HF ? tok_darray_find(&u->pieces, s) : -1;
	bool bytes = u->has_bytes && (u->kind == TOK_UNIGRAM_SPM || all_bytes(u, s));
	if (id < 0 && bytes)
		emit_bytes(r, s);
	else
		emit(r, id >= 0 ? id : u->unk);
}

/* Emit the path to node `at`, which all paths pass, and make that the new node 0. */
static void settle(struct run *r)
{
	struct tok_unigram_node *node = r->w->node, last = node[r->at];
	double score = last.score;
	/* turn the links round: a node then tells of the piece that begins there */
	for (size_t end = r->at; end;) {
		size_t start = end - last.len;
		struct tok_unigram_node before = node[start];
		node[start] = last;
		last = before;
		end = start;
	}
	for (size_t i = 0; i < r->at && !r->full && !r->nomem; i += node[i].len) {
		if (node[i].id != r->u->unk) {
			end_unknown(r, r->from + i);
			emit(r, node[i].id);
		} else if (r->unk_from == SIZE_MAX) {
			r->unk_from = r->from + i;
		}
	}
	for (size_t i = 0; i <= r->far; i++)
		node[i].len = 0;
	node[0].score = score;
	r->from += r->at;
	r->at = r->far = 0;
}

static void offer(struct run *r, size_t len, int32_t id, double score)
{
	struct tok_unigram_node *to = &r->w->node[r->at + len];
	double sum = r->w->node[r->at].score + score;
	if (r->u->kind == TOK_UNIGRAM_SPM)
		sum = (float)sum; /* of two floats: rounding twice equals rounding once */
	if (r->far < r->at + len)
		r->far = r->at + len;
	if (to->len && !(sum > to->score))
		return;
	*to = (struct tok_unigram_node){sum, id, (uint32_t)len};
	r->stuck |= id < 0 && r->u->kind == TOK_UNIGRAM_HF;
}

/* All sums less the one here, as SentencePiece does when floats would grow coarse. */
static void reset_scores(struct run *r)
{
	struct tok_unigram_node *node = r->w->node;
	float off = (float)node[r->at].score;
	for (size_t i = r->at; i <= r->far; i++)
		if (i == r->at || node[i].len)
			node[i].score = (float)node[i].score - off;
}

static void step(struct run *r)
{
	const struct tok_unigram *u = r->u;
	size_t begin = r->from + r->at, end = begin;
	bool single = false;
	fox_utf8_next(r->text, &end);
	if (u->kind == TOK_UNIGRAM_SPM && fabs(r->w->node[r->at].score) > RESET_AT)
		reset_scores(r);
	uint32_t unit = 0;
	for (size_t i = begin; i < r->text.n; i++) {
		unit = tok_darray_step(&u->pieces, unit, (uint8_t)r->text.p[i]);
		if (!unit)
			break;
		int32_t id = u->pieces.unit[unit].id;
		if (id < 0)
			continue;
		offer(r, i + 1 - begin, id, u->score[id]);
		single |= i + 1 == end;
	}
	if (!single)
		offer(r, end - begin, u->unk, u->unk_score);
	r->at += end - begin;
}

/* Room for all that the pieces at node `at` can reach in the `left` bytes from node 0. */
static bool reserve(struct tok_unigram_work *w, size_t at, size_t left)
{
	size_t nodes = (left < at + MAX_REACH ? left : at + MAX_REACH) + 1, cap = w->cap ? w->cap : 64;
	if (nodes <= w->cap)
		return true;
	while (cap < nodes)
		cap *= 2;
	struct tok_unigram_node *p = realloc(w->node, cap * sizeof *p);
	if (!p)
		return false;
	memset(p + w->cap, 0, (cap - w->cap) * sizeof *p);
	w->node = p;
	w->cap = cap;
	return true;
}

enum fox_status tok_unigram_encode(const struct tok_unigram *u, struct tok_unigram_work *w,
    struct fox_tok_ids *out, struct fox_str text, struct fox_err *err)
{
	struct run r = {.u = u, .w = w, .out = out, .text = text, .unk_from = SIZE_MAX};
	size_t n = out->n;
	r.nomem = !reserve(w, 0, text.n);
	if (!r.nomem)
		w->node[0] = (struct tok_unigram_node){0};
	while (!r.nomem && !r.full && !r.stuck && r.from + r.at < text.n) {
		if (r.at && r.at == r.far)
			settle(&r);
		r.nomem = r.nomem || !reserve(w, r.at, text.n - r.from);
		if (!r.nomem)
			step(&r);
	}
	if (!r.nomem && !r.full && !r.stuck && text.n) {
		settle(&r);
		end_unknown(&r, text.n);
	}
	if (!r.nomem && !r.full && !r.stuck)
		return FOX_OK;
	out->n = n;
	if (w->node)
		memset(w->node, 0, w->cap * sizeof *w->node);
	if (r.stuck)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "text with a character that no token holds, in a vocabulary without an unknown token");
	if (r.full)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "text of more than %d tokens", INT32_MAX);
	return fox_fail_nomem(err);
}

enum fox_status tok_unigram_text(
    const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text, struct fox_err *err)
{
	struct fox_buf buf = {0};
	struct tok_unigram_work work = {0};
	tok_spm_normalize(t, &buf, text);
	enum fox_status s = buf.failed ? fox_fail_nomem(err) : FOX_OK;
	if (!s && buf.n)
		s = tok_unigram_encode(t->unigram, &work, out, fox_buf_view(&buf), err);
	tok_unigram_work_free(&work);
	fox_buf_free(&buf);
	return s;
}
