/* fuzz_pickle.c - any bytes as the pickle of a state dict: refused with a reason, or tensors within their storages. */
#include <stdlib.h>

#include "format/torch_pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_arena a = {0};
	struct fox_err err = {0};
	struct fox_torch_entries x;
	if (!fox_torch_pickle_parse(&x, &a, (struct fox_span){data, size}, 0, &err)) {
		for (size_t i = 0; i < x.n; i++) {
			const struct fox_torch_entry *t = &x.list[i];
			uint64_t item = fox_dtypes[t->dtype].bits / 8, n = 1, last = t->first;
			for (uint32_t d = 0; d < t->n_dims; d++) {
				n *= t->shape[d];
				last += t->shape[d] ? (t->shape[d] - 1) * t->stride[d] : 0;
			}
			if (t->n_dims > 8 || n != t->n_elems || n * item != t->bytes || t->bytes > t->storage_bytes)
				abort();
			if (n && (last + 1) * item > t->storage_bytes)
				abort();
		}
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	fox_arena_free(&a);
	return 0;
}
