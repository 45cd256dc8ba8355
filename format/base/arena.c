/* arena.c - bump allocation out of chunks that double up to a limit. */
#include "format/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"

struct fox_arena_chunk {
	struct fox_arena_chunk *next;
	max_align_t bytes[];
};

enum { FIRST_CHUNK = 4096, LARGEST_STEP = 1 << 20 };

static bool grow(struct fox_arena *a, uint64_t want)
{
	uint64_t size = a->size ? (uint64_t)a->size * 2 : FIRST_CHUNK, bytes;
	if (size > LARGEST_STEP)
		size = LARGEST_STEP;
	if (size < want)
		size = want;
	if (!fox_add(&bytes, size, sizeof(struct fox_arena_chunk)) || bytes > SIZE_MAX)
		return false;
	struct fox_arena_chunk *c = malloc((size_t)bytes);
	if (!c)
		return false;
	c->next = a->chunks;
	a->chunks = c;
	a->used = 0;
	a->size = (size_t)size;
	a->total += bytes;
	return true;
}

void *fox_arena_alloc(struct fox_arena *a, size_t n, size_t size)
{
	uint64_t bytes, rounded;
	if (!fox_mul(&bytes, n, size) || !fox_align_up(&rounded, bytes, _Alignof(max_align_t)))
		return NULL;
	if (!a->chunks || rounded > a->size - a->used) {
		if (!grow(a, rounded))
			return NULL;
	}
	void *p = (char *)a->chunks->bytes + a->used;
	a->used += (size_t)rounded;
	memset(p, 0, (size_t)bytes);
	return p;
}

char *fox_arena_strdup(struct fox_arena *a, struct fox_str s)
{
	if (s.n == SIZE_MAX)
		return NULL;
	char *p = fox_arena_alloc(a, s.n + 1, 1);
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

void fox_arena_free(struct fox_arena *a)
{
	for (struct fox_arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct fox_arena){0};
}
