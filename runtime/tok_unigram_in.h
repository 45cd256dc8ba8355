/* tok_unigram_in.h - inside the Unigram model: its state, shared by tok_unigram.c (open, whole texts), tok_unigram_path.c
 * (the best path) and tok_unigram_word.c (stretches of text, and the cache of them). */
#ifndef FOX_TOK_UNIGRAM_IN_H
#define FOX_TOK_UNIGRAM_IN_H

#include <stdatomic.h>

#include "runtime/tok_darray.h"
#include "runtime/tok_unigram.h"

#define TOK_UNIGRAM_RESET_AT 100000.0 /* SentencePiece then takes the score off every open path */

struct tok_unigram {
	struct tok_darray pieces;
	double *score; /* [n] */
	enum tok_unigram_kind kind;
	double unk_score;
	int32_t unk;
	bool has_bytes;
	int32_t byte_id[256]; /* or -1 */
	/* Which two bytes stand side by side in some piece, the second not within a character, as bits; and after which bytes a
	 * mark stands in some piece, since the mark's first byte alone would say little. */
	uint64_t joined[256][4];
	bool joins_mark[256];
	bool may_cache;  /* finite scores of common size, and an unknown token where HF's rules need one */
	uint64_t serial; /* of all that were opened: tells caches apart */
	struct fox_arena arena;
	_Atomic(struct tok_unigram_work *) idle; /* working memory that no call uses now */
};

/* The best path that ends at an offset; while emitting, the piece that begins there. */
struct tok_unigram_node {
	double score;
	int32_t id;
	uint32_t len; /* bytes of its last piece; 0: no path yet */
};

/* One call of tok_unigram_encode. */
struct tok_unigram_run {
	const struct tok_unigram *u;
	struct tok_unigram_work *w;
	struct fox_tok_ids *out;
	struct fox_str text;
	double sum;      /* of the scores up to `from`, as they are rounded */
	size_t from;     /* offset of node 0: all before it is emitted */
	size_t at, far;  /* nodes: the character at hand, and the farthest that a path ends at */
	size_t unk_from; /* offset in text of the run of unknown characters that ends here; SIZE_MAX: none */
	bool full, nomem, stuck;
};

static inline bool tok_unigram_failed(const struct tok_unigram_run *r)
{
	return r->full || r->nomem || r->stuck;
}

/* tok_unigram_path.c: the best path over [from, end), which no piece leaves; from becomes end. */
void tok_unigram_path(struct tok_unigram_run *r, size_t end);
void tok_unigram_end_unknown_run(struct tok_unigram_run *r, size_t end);

/* A run of unknown characters, if there is one, ends before `end`. */
static inline void tok_unigram_end_unknown(struct tok_unigram_run *r, size_t end)
{
	if (r->unk_from != SIZE_MAX)
		tok_unigram_end_unknown_run(r, end);
}

static inline void tok_unigram_emit(struct tok_unigram_run *r, int32_t id)
{
	struct fox_tok_ids *out = r->out;
	if (out->n < out->cap && out->n < INT32_MAX)
		out->ids[out->n++] = id;
	else if (!tok_ids_add(out, id))
		*(out->n >= INT32_MAX ? &r->full : &r->nomem) = true;
}

#define TOK_UNIGRAM_AHEAD                                                                                    \
	16 /* stretches that are found before the first of them is looked up, so that memory is there */

struct tok_unigram_stretch {
	size_t end;
	struct tok_unigram_entry *entry; /* the only one that may hold it; NULL: it is too long */
	uint64_t key[4];
};

/* tok_unigram_word.c: note which characters a piece joins; find the next stretches from `from` on, and how many; one of them
 * by the cache, where false means that the cache cannot tell and nothing was done. */
void tok_unigram_join(struct tok_unigram *u, struct fox_str piece);
size_t tok_unigram_look_ahead(const struct tok_unigram_run *r, struct tok_unigram_stretch *ahead);
bool tok_unigram_cached(struct tok_unigram_run *r, const struct tok_unigram_stretch *s);

#endif
