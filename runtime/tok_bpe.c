/* tok_bpe.c - merging one word: the pair of least rank first, leftmost among equals. See tok_bpe.h.
 *
 * Words go through a cache whose entries are one line of memory. Short words are merged in place, long ones with a
 * heap; where pieces are characters, long texts are cut first wherever no merge can cross. spec/tokenizer.md 14 */
#include <stdlib.h>

#include "format/base/num.h"
#include "runtime/tok_bpe_in.h"

#define NO_RANK UINT32_MAX
#define SHORT 48      /* symbols merged in place; more go through the heap */
#define CACHE_BITS 15 /* entries of one cache */
#define KEY_BYTES 23  /* longest word in it */
#define KEY_IDS 9

struct cached {
	uint64_t key[3]; /* KEY_BYTES of text, then its length */
	int32_t n;
	int32_t ids[KEY_IDS];
};

struct symbol {
	int32_t id, prev, next; /* next -1: the last; prev -2: merged away */
	uint32_t rank;          /* of the pair with the next one, or NO_RANK */
	int32_t whole;          /* and what that pair makes */
};

struct heap_item {
	uint64_t key; /* rank << 32 | symbol */
};

struct tok_bpe_work {
	struct cached *cache;
	struct symbol *sym;
	struct heap_item *heap;
	int32_t *ids; /* symbols of a word before merging */
	size_t n_heap, cap_sym, cap_heap, cap_ids;
};

struct tok_bpe_work *tok_bpe_work_open(const struct tok_bpe *b)
{
	(void)b;
	struct tok_bpe_work *w = calloc(1, sizeof *w);
	if (w && !(w->cache = calloc((size_t)1 << CACHE_BITS, sizeof *w->cache))) {
		free(w);
		return NULL;
	}
	return w;
}

void tok_bpe_work_close(struct tok_bpe_work *w)
{
	if (!w)
		return;
	free(w->cache);
	free(w->sym);
	free(w->heap);
	free(w->ids);
	free(w);
}

/* ---- merging */

static bool room(void *pp, size_t *cap, size_t want, size_t size)
{
	void **p = pp;
	if (want <= *cap)
		return true;
	size_t n = *cap ? *cap : 256;
	while (n < want)
		n *= 2;
	void *q = realloc(*p, n * size);
	if (!q)
		return false;
	*p = q;
	*cap = n;
	return true;
}

/* In place: ids[n] shrinks to the result, whose length is returned. */
static size_t merge_short(const struct tok_bpe *b, int32_t *ids, size_t n)
{
	uint32_t rank[SHORT];
	int32_t whole[SHORT];
	for (size_t i = 0; i + 1 < n; i++) {
		const struct pair *p = find_pair(b, ids[i], ids[i + 1]);
		rank[i] = p->key ? p->rank : NO_RANK;
		whole[i] = p->id;
	}
	while (n > 1) {
		size_t best = 0;
		for (size_t i = 1; i + 1 < n; i++)
			if (rank[i] < rank[best])
				best = i;
		if (rank[best] == NO_RANK)
			break;
		ids[best] = whole[best];
		n--;
		for (size_t i = best + 1; i < n; i++) {
			ids[i] = ids[i + 1];
			rank[i - 1] = rank[i];
			whole[i - 1] = whole[i];
		}
		for (size_t i = best ? best - 1 : 0; i <= best && i + 1 < n; i++) {
			const struct pair *p = find_pair(b, ids[i], ids[i + 1]);
			rank[i] = p->key ? p->rank : NO_RANK;
			whole[i] = p->id;
		}
	}
	return n;
}

static bool push(struct tok_bpe_work *w, uint64_t key)
{
	if (!room(&w->heap, &w->cap_heap, w->n_heap + 1, sizeof *w->heap))
		return false;
	size_t i = w->n_heap++;
	while (i && w->heap[(i - 1) / 2].key > key) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i].key = key;
	return true;
}

static uint64_t pop(struct tok_bpe_work *w)
{
	uint64_t top = w->heap[0].key, last = w->heap[--w->n_heap].key;
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && w->heap[child + 1].key < w->heap[child].key)
			child++;
		if (last <= w->heap[child].key)
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i].key = last;
	return top;
}

/* Note the pair that symbol i makes with its next one. */
static bool consider(const struct tok_bpe *b, struct tok_bpe_work *w, int32_t i)
{
	struct symbol *s = &w->sym[i];
	s->rank = NO_RANK;
	if (s->next < 0)
		return true;
	const struct pair *p = find_pair(b, s->id, w->sym[s->next].id);
	if (!p->key)
		return true;
	s->rank = p->rank;
	s->whole = p->id;
	return push(w, (uint64_t)p->rank << 32 | (uint32_t)i);
}

/* With a heap: w->ids[n] shrinks to the result. False: out of memory. */
static bool merge_long(const struct tok_bpe *b, struct tok_bpe_work *w, size_t *n)
{
	if (!room(&w->sym, &w->cap_sym, *n, sizeof *w->sym))
		return false;
	w->n_heap = 0;
	for (size_t i = 0; i < *n; i++)
		w->sym[i] = (struct symbol){w->ids[i], (int32_t)i - 1, i + 1 < *n ? (int32_t)i + 1 : -1, NO_RANK, 0};
	for (size_t i = 0; i + 1 < *n; i++)
		if (!consider(b, w, (int32_t)i))
			return false;
	while (w->n_heap) {
		uint64_t key = pop(w);
		int32_t i = (int32_t)(uint32_t)key;
		struct symbol *s = &w->sym[i];
		if (s->prev == -2 || s->rank != key >> 32)
			continue; /* one of the two has merged with another since */
		struct symbol *right = &w->sym[s->next];
		s->id = s->whole;
		s->next = right->next;
		right->prev = -2;
		if (s->next >= 0)
			w->sym[s->next].prev = i;
		if (!consider(b, w, i) || (s->prev >= 0 && !consider(b, w, s->prev)))
			return false;
	}
	size_t to = 0;
	for (int32_t i = 0; i >= 0; i = w->sym[i].next)
		w->ids[to++] = w->sym[i].id;
	*n = to;
	return true;
}

/* ---- one word */

/* The symbols of a word of characters. An unknown one that waits is put before the next known one only, so bytes go
 * past it, as in tokenizers.   source: tokenizers src/models/bpe/model.rs merge_word */
static size_t symbols(const struct tok_bpe *b, int32_t *ids, struct fox_str word)
{
	size_t n = 0;
	bool waiting = false;
	for (size_t i = 0; i < word.n;) {
		size_t from = i;
		int32_t id;
		if (!(word.p[i] & 0x80)) {
			id = b->byte_sym[(uint8_t)word.p[i++]];
		} else {
			fox_utf8_next(word, &i);
			id = find_word(b, (struct fox_str){word.p + from, i - from});
		}
		if (id >= 0) {
			if (waiting)
				ids[n++] = b->unk;
			waiting = false;
			ids[n++] = id;
			continue;
		}
		bool bytes = b->spec->byte_fallback;
		for (size_t k = from; k < i && bytes; k++)
			bytes = b->fallback[(uint8_t)word.p[k]] >= 0;
		for (size_t k = from; k < i && bytes; k++)
			ids[n++] = b->fallback[(uint8_t)word.p[k]];
		if (bytes || b->unk < 0)
			continue;
		if (waiting && !b->spec->fuse_unk)
			ids[n++] = b->unk;
		waiting = true;
	}
	if (waiting)
		ids[n++] = b->unk;
	return n;
}

static size_t byte_symbols(const struct tok_bpe *b, int32_t *ids, struct fox_str word)
{
	size_t n = 0, waiting = 0;
	for (size_t i = 0; i < word.n; i++) {
		int32_t id = b->byte_sym[(uint8_t)word.p[i]];
		if (id >= 0) {
			for (; waiting; waiting--)
				ids[n++] = b->unk;
			ids[n++] = id;
		} else if (b->unk >= 0) {
			waiting = b->spec->fuse_unk ? 1 : waiting + 1;
		}
	}
	for (; waiting; waiting--)
		ids[n++] = b->unk;
	return n;
}

static enum fox_status put_ids(struct fox_tok_ids *out, const int32_t *ids, size_t n, struct fox_err *err)
{
	if (n > (size_t)INT32_MAX - out->n)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "text of more than %d tokens", INT32_MAX);
	if (out->cap - out->n < n && !room(&out->ids, &out->cap, out->n + n, sizeof *out->ids))
		return fox_fail_nomem(err);
	if (n) /* out->ids may be NULL */
		memcpy(out->ids + out->n, ids, n * sizeof *ids);
	out->n += n;
	return FOX_OK;
}

/* With ignore_merges: the piece that is this word, or -1. */
static int32_t whole_word(const struct tok_bpe *b, struct fox_str word)
{
	int32_t id = b->spec->ignore_merges ? find_word(b, word) : -1;
	return id >= 0 && b->known[id] ? id : -1;
}

/* Not in the cache: merge it, into w->ids[*n]. */
static enum fox_status merge(
    const struct tok_bpe *b, struct tok_bpe_work *w, struct fox_str word, size_t *n, struct fox_err *err)
{
	if (word.n > INT32_MAX)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "word of more than %d bytes", INT32_MAX);
	if (!room(&w->ids, &w->cap_ids, word.n + 1, sizeof *w->ids))
		return fox_fail_nomem(err);
	*n = 1;
	if (!b->cuts && (w->ids[0] = whole_word(b, word)) >= 0)
		return FOX_OK;
	*n = b->spec->byte_level ? byte_symbols(b, w->ids, word) : symbols(b, w->ids, word);
	if (*n <= SHORT)
		*n = *n ? merge_short(b, w->ids, *n) : 0;
	else if (!merge_long(b, w, n))
		return fox_fail_nomem(err);
	return FOX_OK;
}

static enum fox_status merged_word(const struct tok_bpe *b, struct tok_bpe_work *w, struct fox_tok_ids *out,
    struct fox_str word, struct fox_err *err)
{
	size_t n;
	if (word.n > KEY_BYTES) {
		enum fox_status s = merge(b, w, word, &n, err);
		return s ? s : put_ids(out, w->ids, n, err);
	}
	uint64_t key[3] = {0};
	memcpy(key, word.p, word.n);
	((uint8_t *)key)[KEY_BYTES] = (uint8_t)word.n;
	uint64_t h =
	    (key[0] ^ (key[1] << 23 | key[1] >> 41) ^ key[2] * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u;
	struct cached *c = &w->cache[(h ^ h >> 29) >> 7 & (((uint64_t)1 << CACHE_BITS) - 1)];
	if (c->key[0] == key[0] && c->key[1] == key[1] && c->key[2] == key[2])
		return put_ids(out, c->ids, (size_t)c->n, err);
	enum fox_status s = merge(b, w, word, &n, err);
	if (s)
		return s;
	if (n <= KEY_IDS) {
		memcpy(c->key, key, sizeof key);
		c->n = (int32_t)n;
		memcpy(c->ids, w->ids, n * sizeof *w->ids);
	}
	return put_ids(out, w->ids, n, err);
}

enum fox_status tok_bpe_word(const struct tok_bpe *b, struct tok_bpe_work *w, struct fox_tok_ids *out,
    struct fox_str word, struct fox_err *err)
{
	if (!word.n)
		return FOX_OK;
	if (!b->cuts)
		return merged_word(b, w, out, word, err);
	int32_t whole = whole_word(b, word);
	if (whole >= 0)
		return put_ids(out, &whole, 1, err);
	int32_t before = -1;
	size_t from = 0;
	for (size_t i = 0; i < word.n;) {
		size_t at = i;
		int32_t c = (uint8_t)word.p[i] < 0x80 ? word.p[i++] : fox_utf8_next(word, &i);
		uint32_t bit = adjacent_bit((uint32_t)before, (uint32_t)c);
		if (before >= 0 && !(b->adjacent[bit / 64] >> bit % 64 & 1)) {
			enum fox_status s = merged_word(b, w, out, (struct fox_str){word.p + from, at - from}, err);
			if (s)
				return s;
			from = at;
		}
		before = c;
	}
	return merged_word(b, w, out, (struct fox_str){word.p + from, word.n - from}, err);
}
