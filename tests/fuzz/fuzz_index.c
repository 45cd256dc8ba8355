/* fuzz_index.c - any bytes as model.safetensors.index.json: refused, or a sorted list of shards that entries
 * point into. */
#include <stdlib.h>

#include "format/st_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_arena a = {0};
	struct fox_err err = {0};
	struct fox_st_index x;
	if (!fox_st_index_parse(&x, &a, (struct fox_str){(const char *)data, size}, ".safetensors", &err)) {
		if (!x.n_entries || !x.n_shards)
			abort();
		for (size_t i = 0; i < x.n_shards; i++) {
			if (!fox_str_ends(x.shards[i], ".safetensors"))
				abort();
			if (i && fox_str_cmp(x.shards[i - 1], x.shards[i]) >= 0)
				abort();
		}
		for (size_t i = 0; i < x.n_entries; i++) {
			if (x.entries[i].shard >= x.n_shards || !x.entries[i].tensor.p)
				abort();
		}
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	fox_arena_free(&a);
	return 0;
}
