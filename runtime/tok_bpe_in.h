/* tok_bpe_in.h - inside tok_bpe: a vocabulary made ready for merging. tok_bpe_open.c makes it, tok_bpe.c merges by it. */
#ifndef FOX_TOK_BPE_IN_H
#define FOX_TOK_BPE_IN_H

#include "format/base/map.h"
#include "runtime/tok_bpe.h"

#define PAIR_BITS 20

struct pair {
	uint64_t key; /* left << 32 | right, plus 1 so that 0 is free */
	uint32_t rank;
	int32_t id;
};

struct tok_bpe {
	const struct fox_tokdata *d;
	const struct fox_tokspec *spec;
	struct fox_arena arena;
	struct fox_map words; /* text of a piece (bytes, with byte_level) -> id */
	struct fox_str *text; /* [d->n] */
	struct pair *pair;
	uint64_t mask;
	int32_t byte_sym[256]; /* byte_level: symbols; else the ASCII characters' pieces, or -1 */
	int32_t fallback[256]; /* <0xNN>, or -1 */
	bool has_fallback;     /* all of them, and in use */
	bool cuts;             /* `adjacent` may cut texts */
	uint64_t *adjacent;    /* bitset of the hashed pairs of characters inside what merges make */
	uint8_t *known;        /* [d->n] certainly the model's own: no added token, or part of a merge */
	int32_t unk;
};

static inline uint64_t pair_hash(uint64_t key)
{
	key *= 0x9E3779B97F4A7C15u;
	return key ^ key >> 32;
}

/* Its entry, or a free one (key 0). */
static inline const struct pair *find_pair(const struct tok_bpe *b, int32_t left, int32_t right)
{
	uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) + 1;
	for (uint64_t i = pair_hash(key) & b->mask;; i = (i + 1) & b->mask)
		if (b->pair[i].key == key || !b->pair[i].key)
			return &b->pair[i];
}

/* The bit of `adjacent` that stands for two characters side by side. */
static inline uint32_t adjacent_bit(uint32_t left, uint32_t right)
{
	return (uint32_t)((((uint64_t)left << 21 | right) * 0x9E3779B97F4A7C15u) >> (64 - PAIR_BITS));
}

static inline int32_t find_word(const struct tok_bpe *b, struct fox_str s)
{
	uint32_t id = fox_map_find(&b->words, s);
	return id == FOX_MAP_NONE ? -1 : (int32_t)id;
}

#endif
