/* tok_spm.c - SentencePiece BPE: one text to ids, equal to the original's for any bytes.
 *
 * The merge that makes the piece with the highest score goes first, leftmost among equals. The text is cut
 * where no piece holds the two code points that meet: no merge crosses there, so each stretch can be merged
 * alone and the heap stays small.   spec/tokenizer.md 3, source: sentencepiece src/bpe_model.cc,
 * src/normalizer.cc */
#include "runtime/tok_spm.h"

#include <stdlib.h>

struct symbol {
	size_t at;
	uint32_t len;   /* bytes; 0: merged into the one on its left */
	int32_t frozen; /* id of a USER piece, which takes part in no merge; or -1 */
	int32_t prev, next;
};

struct merge {
	uint64_t key; /* rank of the piece, then the left symbol: the least goes first */
	uint32_t right, len;
};

/* One call's working memory. */
struct run {
	const struct fox_tok *t;
	struct fox_tok_ids *out;
	struct fox_buf text; /* normalised */
	struct symbol *sym;
	size_t n_sym, cap_sym;
	struct merge *heap;
	size_t n_heap, cap_heap;
	uint16_t *left; /* [n] bytes of the left half that last made an UNUSED piece; NULL until one is made */
	bool prev_unk;
	bool nomem, full;
};

static void *grown(void *p, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	if (want > SIZE_MAX / 2 / size)
		return NULL;
	p = realloc(p, want * size);
	if (p)
		*cap = want;
	return p;
}

/* ---- merging one stretch */

static void heap_push(struct run *r, struct merge m)
{
	if (r->n_heap == r->cap_heap) {
		struct merge *p = grown(r->heap, &r->cap_heap, sizeof *p);
		if (!p) {
			r->nomem = true;
			return;
		}
		r->heap = p;
	}
	size_t i = r->n_heap++;
	while (i && r->heap[(i - 1) / 2].key > m.key) {
		r->heap[i] = r->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	r->heap[i] = m;
}

static struct merge heap_pop(struct run *r)
{
	struct merge top = r->heap[0], last = r->heap[--r->n_heap];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= r->n_heap)
			break;
		if (child + 1 < r->n_heap && r->heap[child + 1].key < r->heap[child].key)
			child++;
		if (last.key <= r->heap[child].key)
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return top;
}

/* Remember that two neighbours can merge. */
static void consider(struct run *r, int32_t left, int32_t right)
{
	const struct fox_tok *t = r->t;
	if (left < 0 || right < 0)
		return;
	const struct symbol *a = &r->sym[left], *b = &r->sym[right];
	size_t len = (size_t)a->len + b->len;
	if (a->frozen >= 0 || b->frozen >= 0 || len > t->max_piece)
		return;
	int32_t id = tok_table_find(t, r->text.p + a->at, len);
	if (id < 0 || !t->mergeable[id])
		return;
	heap_push(
	    r, (struct merge){(uint64_t)t->rank[id] << 32 | (uint32_t)left, (uint32_t)right, (uint32_t)len});
	if (t->mergeable[id] != 2)
		return;
	if (!r->left && !(r->left = calloc(t->d->n, sizeof *r->left))) {
		r->nomem = true;
		return;
	}
	r->left[id] = (uint16_t)a->len; /* the last one seen counts, as in SentencePiece */
}

static void emit_id(struct run *r, int32_t id)
{
	if (!tok_ids_add(r->out, id))
		*(r->out->n >= INT32_MAX ? &r->full : &r->nomem) = true;
}

/* An unknown symbol: its bytes where the vocabulary has bytes, else one unknown id for a run of them. */
static void emit_unknown(struct run *r, const char *p, size_t n)
{
	const struct fox_tok *t = r->t;
	if (!t->has_bytes && !r->prev_unk)
		emit_id(r, t->unk);
	for (size_t i = 0; t->has_bytes && i < n; i++) {
		int32_t id = t->byte_id[(uint8_t)p[i]];
		emit_id(r, id >= 0 ? id : t->unk);
	}
	r->prev_unk = true;
}

/* Depth is bounded by the bytes of a piece, since both halves are shorter. */
static void emit_text(struct run *r, const char *p, size_t n)
{
	const struct fox_tok *t = r->t;
	int32_t id = tok_table_find(t, p, n);
	if (id < 0 || id == t->unk) {
		emit_unknown(r, p, n);
		return;
	}
	uint16_t half = t->mergeable[id] == 2 && r->left ? r->left[id] : 0;
	if (half && half < n) {
		emit_text(r, p, half);
		emit_text(r, p + half, n - half);
		return;
	}
	if (t->mergeable[id] == 2) {
		emit_unknown(r, p, n); /* nothing to take it apart into, and its own id must not be used */
		return;
	}
	emit_id(r, id);
	r->prev_unk = false;
}

static void merge_all(struct run *r)
{
	r->n_heap = 0;
	for (size_t i = 1; i < r->n_sym; i++)
		consider(r, (int32_t)i - 1, (int32_t)i);
	while (r->n_heap && !r->nomem) {
		struct merge m = heap_pop(r);
		int32_t left = (int32_t)(uint32_t)m.key;
		struct symbol *a = &r->sym[left], *b = &r->sym[m.right];
		if (!a->len || !b->len || a->len + b->len != m.len)
			continue; /* one of them has merged with another since */
		a->len += b->len;
		a->next = b->next;
		if (b->next >= 0)
			r->sym[b->next].prev = left;
		b->len = 0;
		consider(r, a->prev, left);
		consider(r, left, a->next);
	}
}

/* Merge the symbols collected so far, emit them, start afresh. */
static void flush(struct run *r)
{
	if (!r->n_sym)
		return;
	r->sym[r->n_sym - 1].next = -1;
	if (r->n_sym > 1)
		merge_all(r);
	for (int32_t i = 0; i >= 0 && !r->nomem && !r->full; i = r->sym[i].next) {
		const struct symbol *s = &r->sym[i];
		if (s->frozen < 0) {
			emit_text(r, r->text.p + s->at, s->len);
			continue;
		}
		emit_id(r, s->frozen);
		r->prev_unk = false;
	}
	r->n_sym = 0;
}

static void add_symbol(struct run *r, size_t at, size_t len, int32_t frozen)
{
	if (r->n_sym == INT32_MAX) {
		r->full = true;
		return;
	}
	if (r->n_sym == r->cap_sym) {
		struct symbol *p = grown(r->sym, &r->cap_sym, sizeof *p);
		if (!p) {
			r->nomem = true;
			return;
		}
		r->sym = p;
	}
	int32_t i = (int32_t)r->n_sym++;
	r->sym[i] = (struct symbol){at, (uint32_t)len, frozen, i - 1, i + 1};
}

static void encode_normalized(struct run *r)
{
	const struct fox_tok *t = r->t;
	struct fox_str s = fox_buf_view(&r->text);
	int32_t before = -1; /* code point on the left, -1: none or a USER piece */
	size_t len, i = 0;
	while (i < s.n && !r->nomem && !r->full) {
		size_t at = i;
		int32_t user = tok_trie_match(&t->user, s, i, &len);
		int32_t code = -1;
		if (user >= 0)
			i += len;
		else
			code = fox_utf8_next(s, &i);
		/* What UNUSED pieces are taken apart into depends on the order of all merges, so then nothing is cut.
		 */
		bool cut = before < 0 || code < 0;
		if (!cut) {
			uint32_t bit = tok_pair_bit((uint32_t)before, (uint32_t)code);
			cut = !(t->pair[bit / 64] >> bit % 64 & 1);
		}
		if (cut && !t->has_unused)
			flush(r);
		add_symbol(r, at, i - at, user);
		before = code;
	}
	flush(r);
}

enum fox_status tok_spm_encode(
    const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text, struct fox_err *err)
{
	struct run r = {.t = t, .out = out};
	size_t n = out->n;
	tok_spm_normalize(t, &r.text, text);
	if (r.text.failed)
		r.nomem = true;
	else if (r.text.n)
		encode_normalized(&r);
	fox_buf_free(&r.text);
	free(r.sym);
	free(r.heap);
	free(r.left);
	if (!r.nomem && !r.full)
		return FOX_OK;
	out->n = n;
	if (r.full)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "text of more than %d tokens", INT32_MAX);
	return fox_fail_nomem(err);
}
