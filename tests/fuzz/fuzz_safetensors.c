/* fuzz_safetensors.c - any bytes as a safetensors file: refused, or every byte of the data in exactly one
 * tensor. */
#include <stdlib.h>

#include "format/base/num.h"
#include "format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_arena a = {0};
	struct fox_err err = {0};
	struct fox_st_tensors ts;
	if (size < 8)
		return 0;
	/* a length that does not fit takes the whole rest, so that mutations of the length still reach the parser
	 */
	uint64_t n = fox_load64(data);
	if (n > size - 8)
		n = size - 8;
	if (!fox_st_parse(&ts, &a, (struct fox_str){(const char *)data + 8, (size_t)n}, size, 0, &err)) {
		uint64_t next = 8 + n;
		for (size_t i = 0; i < ts.n; i++) {
			const struct fox_src_tensor *t = &ts.list[i];
			if (t->at != next || t->bytes > size - next || t->n_dims > FOX_ST_MAX_DIMS)
				abort();
			next += t->bytes;
		}
		if (next != size)
			abort();
	} else if (!err.code || !err.text[0]) {
		abort();
	}
	fox_arena_free(&a);
	return 0;
}
