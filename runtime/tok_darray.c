/* tok_darray.c - building a double array from sorted keys, first fit in the last blocks. */
#include "runtime/tok_darray.h"

#include <stdlib.h>

#define BLOCK 256u
/* Blocks, from the last, in which room is sought: bounds the time for any keys. */
#define OPEN_BLOCKS 16u

/* Keys [lo, hi) share their first `depth` bytes, which lead to a unit. */
struct range {
	uint32_t unit, depth;
	size_t lo, hi;
};

struct build {
	struct tok_darray *d;
	uint16_t *room; /* [cap / BLOCK] free units */
	uint32_t cap;
	const struct tok_key *key;
	struct range *todo;
	size_t n_todo, cap_todo;
	struct fox_err *err;
};

static int by_text(const void *pa, const void *pb)
{
	const struct tok_key *a = pa, *b = pb;
	int order = fox_str_cmp(a->text, b->text);
	return order ? order : (a->id > b->id) - (a->id < b->id);
}

static enum fox_status add_block(struct build *b)
{
	struct tok_darray *d = b->d;
	if (d->n >= 1u << 31)
		return fox_fail(b->err, FOX_E_BOUND, FOX_NOWHERE, "vocabulary of too many bytes");
	if (d->n == b->cap) {
		uint32_t cap = b->cap ? b->cap * 2 : BLOCK * 4;
		struct tok_unit *unit = realloc(d->unit, cap * sizeof *unit);
		if (unit)
			d->unit = unit;
		uint16_t *room = realloc(b->room, cap / BLOCK * sizeof *room);
		if (room)
			b->room = room;
		if (!unit || !room)
			return fox_fail_nomem(b->err);
		b->cap = cap;
	}
	for (uint32_t i = 0; i < BLOCK; i++)
		d->unit[d->n + i] = (struct tok_unit){0, TOK_DARRAY_FREE, -1};
	b->room[d->n / BLOCK] = BLOCK;
	d->n += BLOCK;
	return FOX_OK;
}

static bool fits(const struct tok_darray *d, uint32_t base, const uint8_t *label, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (d->unit[base ^ label[i]].parent != TOK_DARRAY_FREE)
			return false;
	return true;
}

/* A base under which all labels have free units. */
static enum fox_status find_base(struct build *b, const uint8_t *label, uint32_t n, uint32_t *base)
{
	uint32_t blocks = b->d->n / BLOCK;
	for (uint32_t k = blocks > OPEN_BLOCKS ? blocks - OPEN_BLOCKS : 0; k < blocks; k++) {
		if (b->room[k] < n)
			continue;
		for (uint32_t low = 0; low < BLOCK; low++) {
			*base = k * BLOCK + low;
			if (fits(b->d, *base, label, n))
				return FOX_OK;
		}
	}
	*base = b->d->n;
	return add_block(b);
}

static enum fox_status push(struct build *b, struct range r)
{
	if (b->n_todo == b->cap_todo) {
		size_t cap = b->cap_todo ? b->cap_todo * 2 : 1024;
		struct range *p = realloc(b->todo, cap * sizeof *p);
		if (!p)
			return fox_fail_nomem(b->err);
		b->todo = p;
		b->cap_todo = cap;
	}
	b->todo[b->n_todo++] = r;
	return FOX_OK;
}

/* Give the unit of a range its id and children. */
static enum fox_status expand(struct build *b, struct range r)
{
	uint8_t label[BLOCK];
	size_t from[BLOCK + 1];
	uint32_t n = 0, base = 0;
	for (; r.lo < r.hi && b->key[r.lo].text.n == r.depth; r.lo++)
		if (r.depth)
			b->d->unit[r.unit].id = b->key[r.lo].id; /* sorted: the highest comes last */
	for (size_t i = r.lo; i < r.hi; i++) {
		uint8_t c = (uint8_t)b->key[i].text.p[r.depth];
		if (n && label[n - 1] == c)
			continue;
		from[n] = i;
		label[n++] = c;
	}
	if (!n)
		return FOX_OK; /* base 0, whose units have other parents */
	from[n] = r.hi;
	enum fox_status s = find_base(b, label, n, &base);
	if (s)
		return s;
	b->d->unit[r.unit].base = base;
	b->room[base / BLOCK] = (uint16_t)(b->room[base / BLOCK] - n);
	for (uint32_t i = 0; i < n; i++)
		b->d->unit[base ^ label[i]].parent = r.unit;
	for (uint32_t i = n; i-- && !s;)
		s = push(b, (struct range){base ^ label[i], r.depth + 1, from[i], from[i + 1]});
	return s;
}

enum fox_status tok_darray_build(struct tok_darray *d, struct tok_key *keys, size_t n, struct fox_err *err)
{
	*d = (struct tok_darray){0};
	struct build b = {.d = d, .key = keys, .err = err};
	if (n)
		qsort(keys, n, sizeof *keys, by_text);
	enum fox_status s = add_block(&b);
	if (!s) {
		d->unit[0].parent = 0; /* in use; no step leads to it, since 0 means none */
		b.room[0]--;
		s = push(&b, (struct range){0, 0, 0, n});
	}
	while (!s && b.n_todo)
		s = expand(&b, b.todo[--b.n_todo]);
	free(b.todo);
	free(b.room);
	if (s)
		tok_darray_free(d);
	return s;
}

void tok_darray_free(struct tok_darray *d)
{
	free(d->unit);
	*d = (struct tok_darray){0};
}

int32_t tok_darray_find(const struct tok_darray *d, struct fox_str text)
{
	uint32_t at = 0;
	for (size_t i = 0; i < text.n; i++)
		if (!(at = tok_darray_step(d, at, (uint8_t)text.p[i])))
			return -1;
	return at ? d->unit[at].id : -1;
}
