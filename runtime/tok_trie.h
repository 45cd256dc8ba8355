/* tok_trie.h - inside the tokenizer: the longest of many keys that a text begins with. */
#ifndef FOX_TOK_TRIE_H
#define FOX_TOK_TRIE_H

#include "format/base/arena.h"
#include "format/base/str.h"

/* Bytes -> id, longest prefix first: edges (node, byte) -> node in one hash table; node 0 is the root. */
struct tok_trie {
	uint64_t *edge; /* (node << 8 | byte) + 1, 0: free */
	uint32_t *to;
	int32_t *id; /* [n_nodes] piece that ends here, or -1 */
	uint64_t mask;
	uint32_t n_nodes;
	uint32_t root[256]; /* first step without hashing; 0: none */
};

/* Room for keys of `bytes` bytes in all. False when out of memory. */
bool tok_trie_init(struct tok_trie *t, struct fox_arena *a, uint64_t bytes);

/* Of equal keys the last counts; an empty one is left out. */
void tok_trie_put(struct tok_trie *t, struct fox_str key, int32_t id);

/* Longest key of the trie that text starts with at i: its id and *len, or -1. */
int32_t tok_trie_match(const struct tok_trie *t, struct fox_str text, size_t i, size_t *len);

#endif
