/* tok_unigram_word.c - stretches of text that no piece joins with what is beside them, and a cache of their best paths.
 *
 * What is before a stretch has only one effect on its path: rounding. Sums of scores are floats (HF: doubles) that begin at
 * the sum P of all before. An entry is made by exact sums from 0 on, and holds the largest |P| for which rounding cannot
 * change any choice along its path. Proof: let c be the exact sum of a way to a node from the stretch's start, `big` the
 * largest |c|, and u half a unit in the last place of 1. Each addition moves a sum by at most u(|P| + big), but for terms of
 * u^2, and a maximum of sums moves by no more than they do; so after j steps a sum is within j u (|P| + big) of P + c, and
 * the best way to a node of j characters stays the best when it leads by more than twice that. Only choices at nodes of the
 * best path matter. The lead itself is a difference of doubles, whose error is nothing beside a float's u; for HF, u is
 * that of doubles and the lead's own error is the same again. Then the path's scores added one by one to P give the very
 * sum that the algorithm has there. */
#include <float.h>
#include <math.h>

#include "format/base/num.h"
#include "runtime/tok_unigram_in.h"

/* Twice u and the error of the lead, and something on top. */
#define FLOAT_STEP (2.5 * 0x1p-24)
#define DOUBLE_STEP (8 * 0x1p-53)
/* Up to here no score of a stretch comes to RESET_AT by rounding. */
#define RESET_MARGIN 1000.0

/* ---- stretches */

static bool is_mark(const char *p, size_t left)
{
	return left >= 3 && (uint8_t)p[0] == 0xE2 && (uint8_t)p[1] == 0x96 && (uint8_t)p[2] == 0x81;
}

void tok_unigram_join(struct tok_unigram *u, struct fox_str piece)
{
	for (size_t i = 1; i < piece.n; i++) {
		uint8_t before = (uint8_t)piece.p[i - 1], c = (uint8_t)piece.p[i];
		if (is_mark(piece.p + i, piece.n - i))
			u->joins_mark[before] = true;
		else
			u->joined[before][c / 64] |= (uint64_t)1 << c % 64;
	}
}

static size_t end_of(const struct tok_unigram *u, struct fox_str text, size_t from)
{
	for (size_t i = from + 1; i < text.n; i++) {
		uint8_t before = (uint8_t)text.p[i - 1], c = (uint8_t)text.p[i];
		if ((c & 0xC0) == 0x80)
			continue;
		if (c == 0xE2 && is_mark(text.p + i, text.n - i)) {
			if (!u->joins_mark[before])
				return i;
		} else if (!(u->joined[before][c / 64] >> c % 64 & 1)) {
			return i;
		}
	}
	return text.n;
}

/* ---- an entry */

/* The best way to an offset, by exact sums from 0 on. */
struct way {
	double sum, second; /* `second`: of the best of the others */
	int32_t id;
	uint8_t len;   /* bytes of its last piece; 0: no way yet */
	uint8_t chars; /* before it */
};

struct solve {
	const struct tok_unigram *u;
	struct way way[TOK_UNIGRAM_KEY_BYTES + 1];
	double big;
};

static inline void consider(struct solve *v, size_t at, size_t len, int32_t id, double score)
{
	struct way *to = &v->way[at + len];
	double sum = v->way[at].sum + score;
	if (fabs(sum) > v->big)
		v->big = fabs(sum);
	if (to->len && !(sum > to->sum)) {
		to->second = sum > to->second ? sum : to->second;
		return;
	}
	to->second = to->len ? to->sum : -INFINITY;
	to->sum = sum;
	to->id = id;
	to->len = (uint8_t)len;
}

static void find_ways(struct solve *v, struct fox_str s)
{
	const struct tok_unigram *u = v->u;
	for (size_t i = 1; i <= s.n; i++)
		v->way[i].len = 0;
	v->way[0] = (struct way){0};
	v->big = 0;
	uint8_t chars = 0;
	for (size_t at = 0, end = 0; at < s.n; at = end) {
		bool single = false;
		uint32_t unit = 0;
		fox_utf8_next(s, &end);
		for (size_t i = at; i < s.n && (unit = tok_darray_step(&u->pieces, unit, (uint8_t)s.p[i])); i++) {
			int32_t id = u->pieces.unit[unit].id;
			if (id < 0)
				continue;
			consider(v, at, i + 1 - at, id, u->score[id]);
			single |= i + 1 == end;
		}
		if (!single)
			consider(v, at, end - at, u->unk, u->unk_score);
		v->way[end].chars = ++chars;
	}
}

/* Fill an entry but for its key. */
static void solve(const struct tok_unigram *u, struct fox_str s, struct tok_unigram_entry *e)
{
	struct solve v;
	int32_t ids[TOK_UNIGRAM_KEY_BYTES];
	double limit = INFINITY, step = u->kind == TOK_UNIGRAM_HF ? DOUBLE_STEP : FLOAT_STEP;
	size_t n = 0;
	bool known = true;
	v.u = u;
	find_ways(&v, s);
	for (size_t at = s.n; at; at -= v.way[at].len) {
		const struct way *w = &v.way[at];
		double most = (w->sum - w->second) / (step * w->chars);
		limit = most < limit ? most : limit;
		known &= w->id != u->unk;
		ids[n++] = w->id;
	}
	double top = u->kind == TOK_UNIGRAM_HF ? FLT_MAX / 2 : TOK_UNIGRAM_RESET_AT - RESET_MARGIN;
	e->limit = (float)((limit < top ? limit : top) - v.big);
	e->n = 0;
	if (!known || n > TOK_UNIGRAM_KEY_IDS)
		return; /* unknown characters may be joined with those of the neighbours */
	while (n)
		e->ids[e->n++] = ids[--n];
}

/* ---- the cache */

/* The first n bytes of text at p, of which 8 can be read. */
static uint64_t load(const char *p, size_t n)
{
	return n >= 8 ? fox_load64(p) : fox_load64(p) & (((uint64_t)1 << n * 8) - 1);
}

/* The key of s, of at most KEY_BYTES, behind which `left` bytes of text can be read. */
static void load_key(uint64_t key[4], struct fox_str s, size_t left)
{
	char few[TOK_UNIGRAM_KEY_BYTES + 1];
	if (left < sizeof few) {
		memset(few, 0, sizeof few);
		memcpy(few, s.p, s.n);
		s.p = few;
	}
	key[0] = load(s.p, s.n);
	key[1] = key[2] = 0;
	key[3] = (uint64_t)s.n << 56;
	if (s.n <= 8)
		return;
	key[1] = load(s.p + 8, s.n - 8);
	if (s.n <= 16)
		return;
	key[2] = load(s.p + 16, s.n - 16);
	if (s.n > 24)
		key[3] |= load(s.p + 24, s.n - 24);
}

static struct tok_unigram_entry *slot_of(const struct tok_unigram_work *w, const uint64_t key[4])
{
	uint64_t h = (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9E3779B97F4A7C15u ^
	             (key[2] ^ (key[3] << 31 | key[3] >> 33)) * 0xD6E8FEB86659FD93u;
	return &w->cache[(h ^ h >> 29) >> 7 & (((uint64_t)1 << TOK_UNIGRAM_CACHE_BITS) - 1)];
}

size_t tok_unigram_look_ahead(const struct tok_unigram_run *r, struct tok_unigram_stretch *ahead)
{
	size_t n = 0, at = r->from;
	for (; n < TOK_UNIGRAM_AHEAD && at < r->text.n; at = ahead[n++].end) {
		struct tok_unigram_stretch *s = &ahead[n];
		s->end = end_of(r->u, r->text, at);
		s->entry = NULL;
		if (s->end - at > TOK_UNIGRAM_KEY_BYTES)
			continue;
		load_key(s->key, (struct fox_str){r->text.p + at, s->end - at}, r->text.n - at);
		s->entry = slot_of(r->w, s->key);
		FOX_PREFETCH(s->entry);
	}
	return n;
}

bool tok_unigram_cached(struct tok_unigram_run *r, const struct tok_unigram_stretch *s)
{
	const struct tok_unigram *u = r->u;
	struct tok_unigram_entry *e = s->entry;
	if (!e)
		return false;
	if (memcmp(e->key, s->key, sizeof s->key) != 0) {
		memcpy(e->key, s->key, sizeof s->key);
		solve(u, (struct fox_str){r->text.p + r->from, s->end - r->from}, e);
	}
	/* HF begins each text at 0, where nothing is moved by rounding that the entry is not */
	if (!e->n || !(fabs(r->sum) <= (double)e->limit || (u->kind == TOK_UNIGRAM_HF && r->sum == 0)))
		return false;
	tok_unigram_end_unknown(r, r->from);
	for (int32_t i = 0; i < e->n; i++) {
		r->sum += u->score[e->ids[i]];
		if (u->kind == TOK_UNIGRAM_SPM)
			r->sum = (float)r->sum;
		tok_unigram_emit(r, e->ids[i]);
	}
	r->from = s->end;
	return true;
}
