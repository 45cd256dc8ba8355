/* fuzz_gguf.c - any bytes as a container: open refuses, or everything it then offers lies inside the bytes.
 */
#include "tests/gguf_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	enum fox_status st = fox_gguf_open_bytes(&g, (struct fox_span){data, size}, "fuzz", &err);
	if ((st == FOX_OK) != (g != NULL) || st != err.code)
		abort();
	volatile uint64_t sum = g ? gguf_walk(g) : 0;
	(void)sum;
	fox_gguf_close(g);
	return 0;
}
