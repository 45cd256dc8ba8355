/* map.c - open addressing with linear probing at no more than half load; XXH3 with a per-process seed. */
#include "format/base/map.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "format/base/hash.h"
#include "format/base/str.h"

static uint64_t fresh_seed(void)
{
	uint64_t seed = 0;
	/* results never depend on the seed; without entropy only the protection against chosen keys is lost */
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
		seed = (uint64_t)time(NULL) * 0x9E3779B97F4A7C15u;
	return seed;
}

bool fox_map_init(struct fox_map *m, struct fox_arena *a, size_t n_keys)
{
	size_t want = 16;
	while (want < n_keys * 2) {
		if (want > SIZE_MAX / 4)
			return false;
		want *= 2;
	}
	m->slots = fox_arena_alloc(a, want, sizeof *m->slots);
	m->n = 0;
	m->mask = want - 1;
	m->seed = fresh_seed();
	return m->slots != NULL;
}

static struct fox_map_slot *slot_of(const struct fox_map *m, struct fox_str key, uint64_t hash)
{
	for (size_t i = (size_t)hash & m->mask;; i = (i + 1) & m->mask) {
		struct fox_map_slot *s = &m->slots[i];
		if (!s->used || (s->hash == hash && fox_str_eq(s->key, key)))
			return s;
	}
}

uint32_t fox_map_put(struct fox_map *m, struct fox_str key, uint32_t value)
{
	uint64_t hash = fox_xxh3_64(key.p, key.n, m->seed);
	struct fox_map_slot *s = slot_of(m, key, hash);
	if (s->used)
		return s->value;
	*s = (struct fox_map_slot){key, hash, value, true};
	m->n++;
	return FOX_MAP_NONE;
}

uint32_t fox_map_find(const struct fox_map *m, struct fox_str key)
{
	if (!m->slots)
		return FOX_MAP_NONE;
	const struct fox_map_slot *s = slot_of(m, key, fox_xxh3_64(key.p, key.n, m->seed));
	return s->used ? s->value : FOX_MAP_NONE;
}
