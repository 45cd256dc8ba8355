/* map.h - a hash map from text to an index; linear time however hostile the keys are few or many. */
#ifndef FOX_MAP_H
#define FOX_MAP_H

#include "format/base/arena.h"

#define FOX_MAP_NONE UINT32_MAX

struct fox_map_slot {
	struct fox_str key;
	uint64_t hash;
	uint32_t value;
	bool used;
};

/* Zero-initialise, then fox_map_init. Memory is the arena's; keys are borrowed and must outlive the map. */
struct fox_map {
	struct fox_map_slot *slots;
	size_t n, mask; /* entries; slot count - 1 */
	uint64_t seed;  /* random per process, so that nobody can choose colliding keys */
};

/* Make room for n_keys entries: no more than that may be put. False when out of memory. */
bool fox_map_init(struct fox_map *m, struct fox_arena *a, size_t n_keys);

/* Put key -> value. Returns FOX_MAP_NONE when it was new, else the value already there (which stays). */
uint32_t fox_map_put(struct fox_map *m, struct fox_str key, uint32_t value);

/* The value of a key, or FOX_MAP_NONE. */
uint32_t fox_map_find(const struct fox_map *m, struct fox_str key);

#endif
