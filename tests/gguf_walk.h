/* gguf_walk.h - touch everything an open container offers, so that a sanitizer sees any view that points
 * outside. */
#ifndef FOX_TEST_GGUF_WALK_H
#define FOX_TEST_GGUF_WALK_H

#include <stdlib.h>

#include "format/gguf.h"
#include "format/profile.h"

static inline uint64_t gguf_walk_key(const struct fox_gguf *g, const struct fox_gguf_kv *kv)
{
	uint64_t sum = 0, u, cursor = 0;
	int64_t s;
	double d;
	bool b;
	struct fox_str str;
	for (uint64_t i = 0; i < kv->n_items; i++) {
		if (fox_gguf_item_u64(g, kv, i, &u))
			sum += u;
		if (fox_gguf_item_i64(g, kv, i, &s))
			sum += (uint64_t)s;
		if (fox_gguf_item_f64(g, kv, i, &d))
			sum += d > 0;
		if (fox_gguf_item_bool(g, kv, i, &b))
			sum += b;
	}
	uint64_t n = 0;
	for (; fox_gguf_next_str(g, kv, &cursor, &str); n++)
		sum += str.n ? (uint8_t)str.p[0] + (uint8_t)str.p[str.n - 1] : 1;
	if (kv->item == FOX_GGUF_STR && n != kv->n_items)
		abort(); /* a walk sees as many strings as the header says */
	return sum;
}

/* A sum over all, so that nothing is optimised away. */
static inline uint64_t gguf_walk(const struct fox_gguf *g)
{
	uint64_t sum = (uint64_t)fox_profile_state(g);
	for (size_t i = 0; i < fox_gguf_keys(g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(g, i);
		sum += (uint8_t)kv->key.p[kv->key.n - 1] + gguf_walk_key(g, kv);
	}
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		if (fox_gguf_find(g, t->name) != t || !t->data.n)
			abort();
		sum += t->data.p[0] + t->data.p[t->data.n - 1] + (t->hash ? t->hash->b[15] : 0);
	}
	return sum;
}

#endif
