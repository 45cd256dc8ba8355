/* tok_unigram.c - Unigram vocabularies: opening them, and whole texts. See tok_unigram.h.
 *
 * A text is cut wherever no piece holds the two characters that meet, since every path has an end there. Short stretches go
 * through a cache (tok_unigram_word.c), the others along the best path (tok_unigram_path.c). */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/tok_unigram_in.h"

#define UNK_PENALTY 10.0f
/* Bytes of normalised text, and nodes, that working memory keeps from call to call. */
#define KEEP_TEXT (1u << 20)
#define KEEP_NODES (1u << 16)

static _Atomic uint64_t opened;

/* ---- working memory */

void tok_unigram_work_free(struct tok_unigram_work *w)
{
	free(w->node);
	free(w->cache_memory);
	fox_buf_free(&w->text);
	*w = (struct tok_unigram_work){0};
}

static void work_close(struct tok_unigram_work *w)
{
	if (w)
		tok_unigram_work_free(w);
	free(w);
}

static struct tok_unigram_work *take(const struct tok_unigram *u)
{
	struct tok_unigram *own = (struct tok_unigram *)(uintptr_t)u; /* `idle` alone changes, and atomically */
	struct tok_unigram_work *w = atomic_exchange(&own->idle, NULL);
	return w ? w : calloc(1, sizeof *w);
}

static void give(const struct tok_unigram *u, struct tok_unigram_work *w)
{
	struct tok_unigram *own = (struct tok_unigram *)(uintptr_t)u;
	if (w->text.cap > KEEP_TEXT)
		fox_buf_free(&w->text);
	if (w->cap > KEEP_NODES) {
		free(w->node);
		w->node = NULL;
		w->cap = 0;
	}
	work_close(atomic_exchange(&own->idle, w));
}

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
		if (!d->piece[i].n || (d->type[i] != FOX_TOK_NORMAL && !user[i]) || user[i] == TOK_USER_RAW)
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

/* Finite, and so small that no sum of them leaves the range of a float by itself. */
static bool even_scores(const struct tok_unigram *u, const struct tok_key *key, size_t n)
{
	bool even = fabs(u->unk_score) < 1e30;
	for (size_t i = 0; i < n && even; i++)
		even = fabs(u->score[key[i].id]) < 1e30;
	return even;
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
	for (size_t i = 0; !s && i < n; i++)
		tok_unigram_join(u, key[i].text);
	if (!s) {
		u->may_cache = even_scores(u, key, n) && (u->kind == TOK_UNIGRAM_SPM || u->unk >= 0);
		u->serial = atomic_fetch_add(&opened, 1) + 1;
	}
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
	work_close(atomic_load(&u->idle));
	tok_darray_free(&u->pieces);
	fox_arena_free(&u->arena);
	free(u);
}

/* ---- encode */

/* A cache there is, and what it holds is of this vocabulary. */
static bool own_cache(const struct tok_unigram *u, struct tok_unigram_work *w)
{
	const size_t size = sizeof(struct tok_unigram_entry) << TOK_UNIGRAM_CACHE_BITS, line = 64;
	if (!w->cache_memory) {
		w->cache_memory = calloc(1, size + line);
		w->cache =
		    (struct tok_unigram_entry *)(((uintptr_t)w->cache_memory + line - 1) & ~(uintptr_t)(line - 1));
	} else if (w->serial != u->serial) {
		memset(w->cache, 0, size);
	}
	w->serial = u->serial;
	return w->cache_memory;
}

enum fox_status tok_unigram_encode(const struct tok_unigram *u, struct tok_unigram_work *w,
    struct fox_tok_ids *out, struct fox_str text, struct fox_err *err)
{
	struct tok_unigram_run r = {.u = u, .w = w, .out = out, .text = text, .unk_from = SIZE_MAX};
	size_t n = out->n;
	bool cut = u->may_cache && !w->uncached;
	r.nomem = cut && !own_cache(u, w);
	if (!cut && text.n)
		tok_unigram_path(&r, text.n);
	while (!tok_unigram_failed(&r) && r.from < text.n) {
		struct tok_unigram_stretch ahead[TOK_UNIGRAM_AHEAD];
		size_t found = tok_unigram_look_ahead(&r, ahead);
		for (size_t i = 0; i < found && !tok_unigram_failed(&r); i++)
			if (!tok_unigram_cached(&r, &ahead[i]))
				tok_unigram_path(&r, ahead[i].end);
	}
	if (!tok_unigram_failed(&r))
		tok_unigram_end_unknown(&r, text.n);
	if (!tok_unigram_failed(&r))
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
	struct tok_unigram_work *w = take(t->unigram);
	if (!w)
		return fox_fail_nomem(err);
	fox_buf_clear(&w->text);
	tok_spm_normalize(t, &w->text, text);
	enum fox_status s = w->text.failed ? fox_fail_nomem(err) : FOX_OK;
	if (!s && w->text.n)
		s = tok_unigram_encode(t->unigram, w, out, fox_buf_view(&w->text), err);
	give(t->unigram, w);
	return s;
}
