/* arena.h - a bump allocator: many small allocations, freed whole. Not thread-safe. */
#ifndef FOX_ARENA_H
#define FOX_ARENA_H

#include "format/base/fox.h"

struct fox_arena_chunk;

/* Zero-initialise; fox_arena_free returns it to that state. */
struct fox_arena {
	struct fox_arena_chunk *chunks; /* newest first */
	size_t used, size;              /* bytes in the newest chunk */
	uint64_t total;                 /* bytes held from the system, for reports */
};

/*
 * fox_arena_alloc - n * size zeroed bytes, aligned for any object; NULL when out of memory or n * size
 * overflows
 *
 * Valid until fox_arena_free. n * size may be 0: the result is then a valid pointer to nothing.
 */
void *fox_arena_alloc(struct fox_arena *a, size_t n, size_t size);

/* A NUL-terminated copy of s (which may itself hold NULs); NULL when out of memory. */
char *fox_arena_strdup(struct fox_arena *a, struct fox_str s);

void fox_arena_free(struct fox_arena *a);

#endif
