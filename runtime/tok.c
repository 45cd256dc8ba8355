/* tok.c - the tokenizer around the merging: lookup structures, control pieces in text, ids back to text.
 *
 * Refuses vocabularies that could not encode every text. spec/tokenizer.md 3 and 4 */
#include "runtime/tok.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/base/num.h"
#include "format/tokpre.h"
#include "runtime/tok_bpe.h"
#include "runtime/tok_hf.h"
#include "runtime/tok_norm.h"
#include "runtime/tok_unigram.h"

/* ---- text of a piece -> id */

static bool table_init(struct tok_table *h, struct fox_arena *a, uint32_t n)
{
	uint64_t slots = 16;
	while (slots < (uint64_t)n * 2)
		slots *= 2;
	h->mask = slots - 1;
	h->cell = fox_arena_alloc(a, slots, sizeof *h->cell);
	h->bits = 4 * slots - 1;
	h->bit = fox_arena_alloc(a, (size_t)(4 * slots / 64), sizeof *h->bit);
	/* where the pieces lie in memory differs from run to run: enough against pieces chosen to collide */
	h->seed = (uint64_t)(uintptr_t)h->cell * 0x9E3779B97F4A7C15u;
	return h->cell && h->bit;
}

/* The cell that holds text, or the free one where it would go. */
static struct tok_cell *table_cell(const struct fox_tok *t, const char *p, size_t n, uint64_t hash)
{
	const struct tok_table *h = &t->table;
	uint32_t tag = (uint32_t)(hash >> 32);
	for (uint64_t i = hash & h->mask;; i = (i + 1) & h->mask) {
		struct tok_cell *c = &h->cell[i];
		if (!c->id_1)
			return c;
		const struct fox_str *s = &t->d->piece[c->id_1 - 1];
		if (c->tag == tag && s->n == n && !memcmp(s->p, p, n))
			return c;
	}
}

int32_t tok_table_find(const struct fox_tok *t, const char *p, size_t n)
{
	const struct tok_table *h = &t->table;
	uint64_t hash = fox_xxh3_64(p, n, h->seed), bit = hash >> 20 & h->bits;
	if (!(h->bit[bit / 64] >> bit % 64 & 1))
		return -1;
	return (int32_t)table_cell(t, p, n, hash)->id_1 - 1;
}

/* Of pieces with one text the last wins, as in llama.cpp, but a mergeable one over one that is not. */
static void table_put(struct fox_tok *t, uint32_t id, uint64_t hash)
{
	struct tok_cell *c = table_cell(t, t->d->piece[id].p, t->d->piece[id].n, hash);
	if (c->id_1 && t->mergeable[c->id_1 - 1] && !t->mergeable[id])
		return;
	*c = (struct tok_cell){id + 1, (uint32_t)(hash >> 32)};
	uint64_t bit = hash >> 20 & t->table.bits;
	t->table.bit[bit / 64] |= (uint64_t)1 << bit % 64;
}

#define AHEAD 16u /* pieces whose cells are on their way from memory: the table of a large vocabulary fits no cache */

static uint64_t hash_ahead(const struct fox_tok *t, uint32_t i)
{
	const struct fox_tokdata *d = t->d;
	uint64_t hash = i < d->n ? fox_xxh3_64(d->piece[i].p, d->piece[i].n, t->table.seed) : 0;
	FOX_PREFETCH(&t->table.cell[hash & t->table.mask]);
	return hash;
}

/* ---- open */

/* Higher scores first; -0 and 0 are one score. */
static uint32_t rank_of(float score)
{
	float f = score == 0 ? 0 : score;
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	uint32_t rising = bits >> 31 ? ~bits : bits | 1u << 31;
	return ~rising;
}

static void note_pairs(struct fox_tok *t, struct fox_str s)
{
	int32_t before = -1;
	for (size_t i = 0; i < s.n;) {
		int32_t code = fox_utf8_next(s, &i);
		if (code >= 0 && before >= 0) {
			uint32_t bit = tok_pair_bit((uint32_t)before, (uint32_t)code);
			t->pair[bit / 64] |= (uint64_t)1 << bit % 64;
		}
		before = code;
	}
}

/* Whether two symbols can meet that make this piece: otherwise its being UNUSED never matters. */
static bool can_be_made(const struct fox_tok *t, struct fox_str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t from = i, end;
		if (fox_utf8_next(s, &i) < 0)
			return false; /* normalised text is well-formed */
		if (i == s.n)
			break;
		end = i;
		bool left = !from || tok_table_find(t, s.p, i) >= 0;
		if (!left)
			continue;
		fox_utf8_next(s, &end);
		if (end == s.n || tok_table_find(t, s.p + i, s.n - i) >= 0)
			return true;
	}
	return false;
}

static bool is_special(const struct fox_tokdata *d, uint32_t i)
{
	return d->type[i] == FOX_TOK_CONTROL || d->type[i] == FOX_TOK_UNKNOWN;
}

static void mark_users(struct fox_tok *t)
{
	const struct fox_tokdata *d = t->d;
	for (uint32_t i = 0; i < d->n; i++)
		if (d->type[i] == FOX_TOK_USER)
			t->is_user[i] = TOK_USER_ADDED;
	for (uint32_t i = 0; i < d->n_lstrip; i++)
		if (d->type[d->lstrip[i]] == FOX_TOK_USER)
			t->is_user[d->lstrip[i]] = TOK_USER_RAW;
	for (uint32_t i = 0; i < d->n_rstrip; i++)
		if (d->type[d->rstrip[i]] == FOX_TOK_USER)
			t->is_user[d->rstrip[i]] = TOK_USER_RAW;
	for (uint32_t i = 0; i < d->n_user; i++)
		if (d->type[d->user[i]] == FOX_TOK_NORMAL || d->type[d->user[i]] == FOX_TOK_USER)
			t->is_user[d->user[i]] = TOK_USER_SPM;
}

static enum fox_status build_table(struct fox_tok *t, struct fox_err *err)
{
	const struct fox_tokdata *d = t->d;
	uint64_t ring[AHEAD];
	for (uint32_t i = 0; i < AHEAD; i++)
		ring[i] = hash_ahead(t, i);
	mark_users(t);
	for (uint32_t i = 0; i < d->n; i++) {
		int32_t type = d->type[i];
		uint64_t hash = ring[i % AHEAD];
		ring[i % AHEAD] = hash_ahead(t, i + AHEAD);
		t->rank[i] = rank_of(d->score[i]);
		if (type == FOX_TOK_BYTE) {
			int byte = fox_tokdata_byte(d->piece[i]);
			if (byte < 0)
				return fox_fail(
				    err, FOX_E_FORMAT, FOX_NOWHERE, "byte token %u is '%.*s'", i, FOX_STR_ARG(d->piece[i]));
			t->byte_id[byte] = (int32_t)i;
			t->has_bytes = true;
		}
		if (type == FOX_TOK_UNKNOWN && t->unk < 0)
			t->unk = (int32_t)i;
		if (t->is_user[i] || !d->piece[i].n || tok_is_filler(d, i))
			continue;
		t->mergeable[i] = type == FOX_TOK_NORMAL ? 1 : type == FOX_TOK_UNUSED ? 2 : 0;
		table_put(t, i, hash);
		if (!t->mergeable[i])
			continue;
		note_pairs(t, d->piece[i]);
		if (t->max_piece < d->piece[i].n)
			t->max_piece = d->piece[i].n;
	}
	for (uint32_t i = 0; i < d->n && !t->has_unused; i++)
		t->has_unused = t->mergeable[i] == 2 && can_be_made(t, d->piece[i]);
	return FOX_OK;
}

/* What is cut out of a raw text, and which whitespace goes with it. */
static bool build_cut(struct fox_tok *t)
{
	const struct fox_tokdata *d = t->d;
	uint32_t n = 0, left = 0, right = 0;
	for (uint32_t i = 0; i < d->n; i++)
		n += is_special(d, i) || t->is_user[i] == TOK_USER_RAW;
	struct fox_added *list = fox_arena_alloc(&t->arena, n, sizeof *list);
	if (!list)
		return false;
	n = 0;
	for (uint32_t i = 0; i < d->n; i++) {
		bool lstrip = left < d->n_lstrip && d->lstrip[left] == i;
		bool rstrip = right < d->n_rstrip && d->rstrip[right] == i;
		left += lstrip;
		right += rstrip;
		if (is_special(d, i) || t->is_user[i] == TOK_USER_RAW)
			list[n++] = (struct fox_added){.id = i,
			    .content = d->piece[i],
			    .lstrip = lstrip,
			    .rstrip = rstrip,
			    .special = is_special(d, i)};
	}
	return tok_added_list(&t->cut, &t->arena, list, n);
}

/* USER pieces that are found within a text. */
static bool in_text(const struct fox_tok *t, uint32_t i)
{
	return t->is_user[i] && t->is_user[i] != TOK_USER_RAW;
}

static bool build_tries(struct fox_tok *t)
{
	const struct fox_tokdata *d = t->d;
	uint64_t user = 0;
	t->plain = !t->charsmap.n_units;
	for (uint32_t i = 0; i < d->n; i++) {
		if (in_text(t, i)) {
			user += d->piece[i].n * 3; /* a blank takes three bytes */
			t->plain = t->plain && !memchr(d->piece[i].p, ' ', d->piece[i].n);
		}
	}
	if (!tok_trie_init(&t->user, &t->arena, user) ||
	    !tok_trie_init(&t->raw_user, &t->arena, t->plain ? 0 : user))
		return false;
	struct fox_buf key = {0};
	for (uint32_t i = 0; i < d->n; i++) {
		if (!in_text(t, i))
			continue;
		fox_buf_clear(&key);
		for (size_t j = 0; j < d->piece[i].n; j++)
			if (d->piece[i].p[j] == ' ' && t->is_user[i] == TOK_USER_ADDED)
				fox_buf_str(&key, "\xE2\x96\x81");
			else
				fox_buf_char(&key, d->piece[i].p[j]);
		tok_trie_put(&t->user, fox_buf_view(&key), (int32_t)i);
		if (!t->plain)
			tok_trie_put(&t->raw_user, d->piece[i], (int32_t)i);
	}
	bool good = !key.failed;
	fox_buf_free(&key);
	return good;
}

static bool all_bytes(const struct fox_tok *t)
{
	for (int i = 0; i < 256; i++)
		if (t->byte_id[i] < 0)
			return false;
	return true;
}

/* A pipeline of tokenizer.json's own, or (containers of others) the one that `pre` names. */
static enum fox_status open_hf(struct fox_tok *t, struct fox_err *err)
{
	const struct fox_tokdata *d = t->d;
	struct fox_buf json = {0};
	enum fox_status s = FOX_OK;
	if (!d->hf_spec.n)
		s = fox_tokpre_spec(&json, d, err);
	if (!s && json.failed)
		s = fox_fail_nomem(err);
	if (!s)
		s = tok_hf_open(&t->hf, d, d->hf_spec.n ? d->hf_spec : fox_buf_view(&json), err);
	fox_buf_free(&json);
	return s;
}

static enum fox_status open_charsmap(struct fox_tok *t, struct fox_err *err)
{
	struct fox_span blob = {(const uint8_t *)t->d->charsmap.p, t->d->charsmap.n};
	enum fox_status s = fox_charsmap_parse(&t->charsmap, blob, err);
	fox_in(err, "in the character map");
	return s;
}

static enum fox_status open_spm(struct fox_tok *t, struct fox_err *err)
{
	const struct fox_tokdata *data = t->d;
	bool unigram = !strcmp(data->model, "t5");
	if (strcmp(data->model, "llama") && !unigram)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tokenizer model '%s', want 'llama', 't5' or 'gpt2'", data->model);
	t->unk = data->unk;
	memset(t->byte_id, 0xff, sizeof t->byte_id);
	t->mergeable = fox_arena_alloc(&t->arena, data->n, 1);
	t->is_user = fox_arena_alloc(&t->arena, data->n, 1);
	t->rank = fox_arena_alloc(&t->arena, data->n, sizeof *t->rank);
	t->pair = fox_arena_alloc(&t->arena, (size_t)1 << (TOK_PAIR_BITS - 6), sizeof *t->pair);
	enum fox_status s = FOX_OK;
	if (!t->mergeable || !t->is_user || !t->rank || !t->pair || !table_init(&t->table, &t->arena, data->n))
		s = fox_fail_nomem(err);
	if (!s)
		s = build_table(t, err);
	if (!s)
		s = open_charsmap(t, err);
	if (!s && (!build_tries(t) || !build_cut(t) || !tok_spm_open_fates(t)))
		s = fox_fail_nomem(err);
	if (!s && t->unk < 0 && !all_bytes(t))
		s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "vocabulary without an unknown token and without byte tokens");
	if (!s && unigram)
		s = tok_unigram_open(&t->unigram, data,
		    &(struct tok_unigram_options){.kind = TOK_UNIGRAM_SPM, .unk = t->unk, .is_user = t->is_user},
		    err);
	return s;
}

enum fox_status fox_tok_open(struct fox_tok **out, const struct fox_tokdata *data, struct fox_err *err)
{
	*out = NULL;
	struct fox_tok *t = calloc(1, sizeof *t);
	if (!t)
		return fox_fail_nomem(err);
	t->d = data;
	bool hf = data->hf_spec.n || !strcmp(data->model, "gpt2");
	enum fox_status s = hf ? open_hf(t, err) : open_spm(t, err);
	if (s) {
		fox_tok_close(t);
		return s;
	}
	*out = t;
	return FOX_OK;
}

void fox_tok_close(struct fox_tok *t)
{
	if (!t)
		return;
	tok_hf_close(t->hf);
	tok_unigram_close(t->unigram);
	fox_arena_free(&t->arena);
	free(t);
}

/* ---- encode */

void fox_tok_ids_free(struct fox_tok_ids *ids)
{
	free(ids->ids);
	*ids = (struct fox_tok_ids){0};
}

bool tok_ids_add(struct fox_tok_ids *ids, int32_t id)
{
	if (ids->n >= INT32_MAX)
		return false;
	if (ids->n == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		int32_t *p = realloc(ids->ids, cap * sizeof *p);
		if (!p)
			return false;
		ids->ids = p;
		ids->cap = cap;
	}
	ids->ids[ids->n++] = id;
	return true;
}

static enum fox_status add(struct fox_tok_ids *out, int32_t id, struct fox_err *err)
{
	if (tok_ids_add(out, id))
		return FOX_OK;
	if (out->n >= INT32_MAX)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "text of more than %d tokens", INT32_MAX);
	return fox_fail_nomem(err);
}

static enum fox_status encode_text(
    const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text, struct fox_err *err)
{
	return t->unigram ? tok_unigram_text(t, out, text, err) : tok_spm_encode(t, out, text, err);
}

/* The text between pieces that are cut out is encoded as texts of their own, each with its own prefix, as
 * llama.cpp and tokenizers do. */
static enum fox_status encode_cut(
    const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text, bool special, struct fox_err *err)
{
	struct tok_added_find find = {.special = special};
	struct tok_found part;
	enum fox_status s = FOX_OK;
	while (!s && tok_added_next(&t->cut, &find, text, &part)) {
		struct fox_str between = {text.p + part.from, part.to - part.from};
		s = part.id < 0 ? encode_text(t, out, between, err) : add(out, part.id, err);
	}
	return s;
}

const char *fox_tok_versions(void)
{
	static char text[160];
	snprintf(text, sizeof text, "%s\n%s\n", fox_regex_version(), tok_norm_version());
	return text;
}

enum fox_status fox_tok_encode(const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text,
    uint32_t flags, struct fox_err *err)
{
	if (t->hf)
		return tok_hf_encode(t->hf, out, text, flags, err);
	const struct fox_tokdata *d = t->d;
	size_t n = out->n;
	bool ends = !(flags & FOX_TOK_NO_BOS);
	enum fox_status s = FOX_OK;
	if (ends && d->add_bos && d->bos >= 0)
		s = add(out, d->bos, err);
	if (!s)
		s = encode_cut(t, out, text, flags & FOX_TOK_SPECIAL, err);
	if (!s && ends && d->add_eos && d->eos >= 0)
		s = add(out, d->eos, err);
	if (s)
		out->n = n;
	return s;
}

/* ---- decode */

static void add_unescaped(struct fox_buf *out, struct fox_str s)
{
	for (size_t i = 0; i < s.n;) {
		if (s.n - i >= 3 && !memcmp(s.p + i, "\xE2\x96\x81", 3)) {
			fox_buf_char(out, ' ');
			i += 3;
		} else {
			fox_buf_char(out, s.p[i++]);
		}
	}
}

/* Take away one blank at the front, which stands in the piece as U+2581 (or ' ', in USER pieces of
 * containers). */
static bool strip_blank(struct fox_str *s)
{
	size_t n = s->n >= 3 && !memcmp(s->p, "\xE2\x96\x81", 3) ? 3 : s->n && *s->p == ' ';
	s->p += n;
	s->n -= n;
	return n;
}

enum fox_status fox_tok_decode(const struct fox_tok *t, struct fox_buf *out, const int32_t *ids, size_t n,
    bool first, uint32_t flags, struct fox_err *err)
{
	if (t->hf)
		return tok_hf_decode(t->hf, out, ids, n, first, flags, err);
	const struct fox_tokdata *d = t->d;
	size_t start = out->n;
	bool strips = d->add_space_prefix || d->remove_extra_whitespaces;
	bool at_front = first && strips;
	for (size_t i = 0; i < n; i++) {
		int32_t id = ids[i];
		if (id < 0 || (uint32_t)id >= d->n) {
			out->n = start;
			return fox_fail(
			    err, FOX_E_BOUND, FOX_NOWHERE, "token %d is outside the vocabulary of %u", id, d->n);
		}
		struct fox_str piece = d->piece[id];
		size_t before = out->n;
		bool stripped = false;
		switch (d->type[id]) {
		case FOX_TOK_CONTROL:
			if (!(flags & FOX_TOK_SPECIAL))
				break;
			fox_buf_add(out, piece.p, piece.n);
			at_front = strips; /* encoding put a blank after it */
			continue;
		case FOX_TOK_UNKNOWN:
			fox_buf_str(out, flags & FOX_TOK_SPECIAL ? "" : " \xE2\x81\x87 "); /* SentencePiece's default */
			if (flags & FOX_TOK_SPECIAL)
				fox_buf_add(out, piece.p, piece.n);
			break;
		case FOX_TOK_BYTE:
			fox_buf_char(out, (char)fox_tokdata_byte(piece));
			break;
		default:
			stripped = at_front && strip_blank(&piece);
			add_unescaped(out, piece);
		}
		/* where extra blanks are removed, every blank before the first text goes */
		if (out->n > before || (stripped && !d->remove_extra_whitespaces))
			at_front = false;
	}
	if (out->failed)
		return fox_fail_nomem(err);
	return FOX_OK;
}
