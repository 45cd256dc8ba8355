/* tok_unigram_path.c - the best path through the pieces of a stretch of text.
 *
 * Viterbi over byte offsets: at each character all pieces that begin there are tried, and the first of the best paths to
 * their ends is kept. Wherever no piece reaches past an offset, everything before it is settled, emitted and forgotten, so
 * memory stays small.   source: sentencepiece src/unigram_model.cc EncodeOptimized, src/sentencepiece_processor.cc
 * EncodeOptimized; tokenizers src/models/unigram/model.rs encode_optimized, tokenize */
#include <math.h>
#include <stdlib.h>

#include "runtime/tok_unigram_in.h"

#define MAX_REACH (FOX_TOK_MAX_PIECE * 3) /* bytes of a piece, or of a character; blanks count as marks */

/* Bytes of a text, where SentencePiece says unknown for a byte that has no piece. */
static void emit_bytes(struct tok_unigram_run *r, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int32_t id = r->u->byte_id[(uint8_t)s.p[i]];
		tok_unigram_emit(r, id >= 0 ? id : r->u->unk);
	}
}

static bool all_bytes(const struct tok_unigram *u, struct fox_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (u->byte_id[(uint8_t)s.p[i]] < 0)
			return false;
	return true;
}

/* HF looks the run up as one text, since its characters are joined by then. */
void tok_unigram_end_unknown_run(struct tok_unigram_run *r, size_t end)
{
	const struct tok_unigram *u = r->u;
	struct fox_str s = {r->text.p + r->unk_from, end - r->unk_from};
	r->unk_from = SIZE_MAX;
	int32_t id = u->kind == TOK_UNIGRAM_HF ? tok_darray_find(&u->pieces, s) : -1;
	bool bytes = u->has_bytes && (u->kind == TOK_UNIGRAM_SPM || all_bytes(u, s));
	if (id < 0 && bytes)
		emit_bytes(r, s);
	else
		tok_unigram_emit(r, id >= 0 ? id : u->unk);
}

/* Emit the path to node `at`, which all paths pass, and make that the new node 0. */
static void settle(struct tok_unigram_run *r)
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
			tok_unigram_end_unknown(r, r->from + i);
			tok_unigram_emit(r, node[i].id);
		} else if (r->unk_from == SIZE_MAX) {
			r->unk_from = r->from + i;
		}
	}
	for (size_t i = 0; i <= r->far; i++)
		node[i].len = 0;
	r->sum = score;
	node[0].score = score;
	r->from += r->at;
	r->at = r->far = 0;
}

static void offer(struct tok_unigram_run *r, size_t len, int32_t id, double score)
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
static void reset_scores(struct tok_unigram_run *r)
{
	struct tok_unigram_node *node = r->w->node;
	float off = (float)node[r->at].score;
	for (size_t i = r->at; i <= r->far; i++)
		if (i == r->at || node[i].len)
			node[i].score = (float)node[i].score - off;
}

static void step(struct tok_unigram_run *r, size_t limit)
{
	const struct tok_unigram *u = r->u;
	size_t begin = r->from + r->at, end = begin;
	bool single = false;
	fox_utf8_next(r->text, &end);
	if (u->kind == TOK_UNIGRAM_SPM && fabs(r->w->node[r->at].score) > TOK_UNIGRAM_RESET_AT)
		reset_scores(r);
	uint32_t unit = 0;
	for (size_t i = begin; i < limit; i++) {
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

void tok_unigram_path(struct tok_unigram_run *r, size_t end)
{
	r->nomem = !reserve(r->w, 0, end - r->from);
	if (r->nomem)
		return;
	r->w->node[0] = (struct tok_unigram_node){.score = r->sum};
	while (!tok_unigram_failed(r) && r->from + r->at < end) {
		if (r->at && r->at == r->far)
			settle(r);
		r->nomem = r->nomem || !reserve(r->w, r->at, end - r->from);
		if (!tok_unigram_failed(r))
			step(r, end);
	}
	if (!tok_unigram_failed(r))
		settle(r);
}
