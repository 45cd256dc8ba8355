/* tok_bpe_open.c - the tables that merging goes by, from pieces and merges. See tok_bpe.h.  spec/tokenizer.md 14 */
#include <stdlib.h>

#include "runtime/tok_bpe_in.h"

bool tok_is_filler(const struct fox_tokdata *d, uint32_t i)
{
	struct fox_str s = d->piece[i];
	if (d->type[i] != FOX_TOK_UNUSED || s.n < 7 || memcmp(s.p, "[PAD", 4) || s.p[s.n - 1] != ']')
		return false;
	uint64_t v;
	return fox_str_u64((struct fox_str){s.p + 4, s.n - 5}, &v) && v == i;
}

/* Every neighbouring pair of characters in what a merge makes. */
static void note_adjacent(struct tok_bpe *b, struct fox_str s)
{
	int32_t before = -1;
	for (size_t i = 0; i < s.n;) {
		int32_t c = fox_utf8_next(s, &i);
		if (before >= 0 && c >= 0) {
			uint32_t bit = adjacent_bit((uint32_t)before, (uint32_t)c);
			b->adjacent[bit / 64] |= (uint64_t)1 << bit % 64;
		}
		before = c;
	}
}

/* Pieces by their text. An added token is put only where no other piece has it: whether the model knows it too cannot
 * be seen here, and merges that need it find it. */
static enum fox_status put_words(struct tok_bpe *b, struct fox_err *err)
{
	const struct fox_tokdata *d = b->d;
	struct fox_buf bytes = {0};
	b->text = fox_arena_alloc(&b->arena, d->n, sizeof *b->text);
	b->known = fox_arena_alloc(&b->arena, d->n, 1);
	if (!b->text || !b->known || !fox_map_init(&b->words, &b->arena, d->n))
		return fox_fail_nomem(err);
	for (int added = 0; added < 2; added++)
		for (uint32_t i = 0; i < d->n; i++) {
			bool is_added = d->type[i] == FOX_TOK_CONTROL || d->type[i] == FOX_TOK_USER;
			if (is_added != (added == 1))
				continue;
			b->text[i] = d->piece[i];
			b->known[i] = !added;
			fox_buf_clear(&bytes);
			if (b->spec->byte_level) {
				if (!tok_is_filler(d, i) && d->piece[i].n && tok_chars_as_bytes(&bytes, d->piece[i])) {
					char *copy = fox_arena_strdup(&b->arena, fox_buf_view(&bytes));
					if (!copy || bytes.failed) {
						fox_buf_free(&bytes);
						return fox_fail_nomem(err);
					}
					b->text[i] = (struct fox_str){copy, bytes.n};
				} else {
					b->text[i].n = 0; /* no text can be this piece */
				}
			}
			if (b->text[i].n && !tok_is_filler(d, i))
				fox_map_put(&b->words, b->text[i], i);
		}
	fox_buf_free(&bytes);
	return FOX_OK;
}

/* The ids of "left right": in pieces of characters a half may hold a blank, so every blank is tried. */
static bool merge_parts(const struct tok_bpe *b, struct fox_str m, struct fox_buf *tmp, uint32_t id[3])
{
	for (size_t i = 1; i + 1 < m.n; i++) {
		if (m.p[i] != ' ')
			continue;
		struct fox_str left = {m.p, i}, right = {m.p + i + 1, m.n - i - 1};
		fox_buf_clear(tmp);
		if (b->spec->byte_level) {
			if (!tok_chars_as_bytes(tmp, left))
				return false;
			size_t n = tmp->n;
			if (!tok_chars_as_bytes(tmp, right))
				return false;
			left = (struct fox_str){tmp->p, n};
			right = (struct fox_str){tmp->p + n, tmp->n - n};
		} else {
			fox_buf_add(tmp, left.p, left.n);
			fox_buf_add(tmp, right.p, right.n);
		}
		if (tmp->failed)
			return false;
		id[0] = fox_map_find(&b->words, left);
		id[1] = fox_map_find(&b->words, right);
		id[2] = fox_map_find(&b->words, fox_buf_view(tmp));
		if (id[0] != FOX_MAP_NONE && id[1] != FOX_MAP_NONE && id[2] != FOX_MAP_NONE)
			return true;
	}
	return false;
}

static enum fox_status put_merges(struct tok_bpe *b, struct fox_err *err)
{
	const struct fox_tokdata *d = b->d;
	struct fox_buf tmp = {0};
	uint64_t slots = 16;
	while (slots < (uint64_t)d->n_merges * 2)
		slots *= 2;
	b->mask = slots - 1;
	b->pair = fox_arena_alloc(&b->arena, slots, sizeof *b->pair);
	b->adjacent = fox_arena_alloc(&b->arena, (size_t)1 << (PAIR_BITS - 6), sizeof *b->adjacent);
	if (!b->pair || !b->adjacent)
		return fox_fail_nomem(err);
	b->cuts = b->has_fallback;
	for (uint32_t i = 0; i < d->n_merges; i++) {
		uint32_t id[3];
		if (!merge_parts(b, d->merge[i], &tmp, id)) {
			bool nomem = tmp.failed;
			fox_buf_free(&tmp);
			return nomem ? fox_fail_nomem(err)
			             : fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "merge %u, '%.*s', is not of tokens", i,
			                   FOX_STR_ARG(d->merge[i]));
		}
		/* of equal pairs the last counts, as in tokenizers */
		struct pair *p = (struct pair *)(uintptr_t)find_pair(b, (int32_t)id[0], (int32_t)id[1]);
		*p = (struct pair){((uint64_t)id[0] << 32 | id[1]) + 1, i, (int32_t)id[2]};
		for (int k = 0; k < 3; k++)
			b->known[id[k]] = 1;
		for (int k = 0; k < 2; k++)
			b->cuts &= fox_tokdata_byte(b->text[id[k]]) < 0;
		note_adjacent(b, b->text[id[2]]);
	}
	fox_buf_free(&tmp);
	return FOX_OK;
}

static enum fox_status put_symbols(struct tok_bpe *b, struct fox_err *err)
{
	const struct fox_tokspec *spec = b->spec;
	b->has_fallback = spec->byte_fallback && !spec->byte_level;
	for (int i = 0; i < 256; i++) {
		static const char hex[] = "0123456789ABCDEF";
		char c = (char)i, name[] = {'<', '0', 'x', hex[i / 16], hex[i % 16], '>'};
		b->byte_sym[i] = i < 0x80 || spec->byte_level ? find_word(b, (struct fox_str){&c, 1}) : -1;
		b->fallback[i] = find_word(b, (struct fox_str){name, sizeof name});
		b->has_fallback &= b->fallback[i] >= 0;
	}
	b->unk = -1;
	if (!spec->unk_token.n)
		return FOX_OK;
	for (uint32_t i = 0; i < b->d->n && b->unk < 0; i++)
		if (fox_str_eq(b->d->piece[i], spec->unk_token))
			b->unk = (int32_t)i;
	if (b->unk < 0)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "model.unk_token '%.*s' is no token",
		    FOX_STR_ARG(spec->unk_token));
	return FOX_OK;
}

enum fox_status tok_bpe_open(
    struct tok_bpe **out, const struct fox_tokdata *d, const struct fox_tokspec *spec, struct fox_err *err)
{
	*out = NULL;
	struct tok_bpe *b = calloc(1, sizeof *b);
	if (!b)
		return fox_fail_nomem(err);
	b->d = d;
	b->spec = spec;
	enum fox_status s = put_words(b, err);
	if (!s)
		s = put_symbols(b, err);
	if (!s)
		s = put_merges(b, err);
	if (s) {
		tok_bpe_close(b);
		return s;
	}
	*out = b;
	return FOX_OK;
}

void tok_bpe_close(struct tok_bpe *b)
{
	if (!b)
		return;
	fox_arena_free(&b->arena);
	free(b);
}
