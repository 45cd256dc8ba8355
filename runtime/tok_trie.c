/* tok_trie.c - longest prefix: edges of a trie in one hash table. See tok_trie.h. */
#include "runtime/tok_trie.h"

static uint64_t trie_slot(const struct tok_trie *t, uint64_t edge)
{
	uint64_t i = edge * 0x9E3779B97F4A7C15u;
	for (i = (i ^ i >> 29) & t->mask; t->edge[i] && t->edge[i] != edge; i = (i + 1) & t->mask)
		;
	return i;
}

bool tok_trie_init(struct tok_trie *t, struct fox_arena *a, uint64_t bytes)
{
	uint64_t slots = 16;
	if (bytes >= UINT32_MAX)
		return false;
	while (slots < bytes * 2)
		slots *= 2;
	t->mask = slots - 1;
	t->edge = fox_arena_alloc(a, slots, sizeof *t->edge);
	t->to = fox_arena_alloc(a, slots, sizeof *t->to);
	t->id = fox_arena_alloc(a, bytes + 1, sizeof *t->id);
	if (!t->edge || !t->to || !t->id)
		return false;
	t->id[0] = -1;
	t->n_nodes = 1;
	return true;
}

void tok_trie_put(struct tok_trie *t, struct fox_str key, int32_t id)
{
	uint32_t node = 0;
	for (size_t i = 0; i < key.n; i++) {
		uint64_t edge = ((uint64_t)node << 8 | (uint8_t)key.p[i]) + 1, s = trie_slot(t, edge);
		if (!t->edge[s]) {
			t->edge[s] = edge;
			t->to[s] = t->n_nodes;
			t->id[t->n_nodes++] = -1;
			if (!i)
				t->root[(uint8_t)key.p[0]] = t->to[s];
		}
		node = t->to[s];
	}
	if (node)
		t->id[node] = id;
}

int32_t tok_trie_match(const struct tok_trie *t, struct fox_str text, size_t i, size_t *len)
{
	int32_t id = -1;
	uint32_t node = t->root[(uint8_t)text.p[i]];
	for (size_t n = 1; node; n++) {
		if (t->id[node] >= 0) {
			id = t->id[node];
			*len = n;
		}
		if (i + n == text.n)
			break;
		/* a free slot leads to node 0 */
		node = t->to[trie_slot(t, ((uint64_t)node << 8 | (uint8_t)text.p[i + n]) + 1)];
	}
	return id;
}
