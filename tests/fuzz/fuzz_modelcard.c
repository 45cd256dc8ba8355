/* fuzz_modelcard.c - a README.md from anybody: it is never an error, and what comes out is text that a
 * container holds. */
#include <stdlib.h>

#include "convert/modelcard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_notes;

static void count(void *ctx, const char *line)
{
	(void)ctx;
	n_notes += line[0] != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fox_err err = {0};
	struct fox_arena arena = {0};
	struct fox_modelcard card;
	struct fox_gguf_writer *w;
	n_notes = 0;
	if (fox_modelcard_parse(&card, (struct fox_str){(const char *)data, size}, &arena, count, NULL, &err))
		abort();
	if (n_notes > 64)
		abort(); /* one per key at most */
	for (size_t i = 0; i < FOX_CARD_FIELDS; i++) {
		struct fox_str s = card.field[i];
		if (s.p && (fox_utf8_bad(s) != s.n || s.n > 2 * size || memchr(s.p, 0, s.n)))
			abort();
	}
	if (fox_gguf_writer_open(&w, &err) || fox_modelcard_put(&card, 1000000, w, &arena, &err))
		abort();
	if (fox_gguf_freeze(w, &err) && err.code != FOX_E_ARG)
		abort();
	fox_gguf_writer_close(w);
	fox_arena_free(&arena);
	return 0;
}
