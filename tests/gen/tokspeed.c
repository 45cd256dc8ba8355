/* tokspeed.c - how fast texts become ids: fox's side of tests/reference/bench_tokenizers.py.
 *
 * usage: tokspeed CONTAINER.gguf DOCUMENTS
 * DOCUMENTS holds texts with a NUL after each. For every line on standard input all texts are encoded once, each by a
 * call of its own, on one thread; out comes "SECONDS IDS SUM", SUM being the sum of id x (1 + its place among all ids)
 * modulo 2^64, so that the peer can see that the ids are the same. Reading the files is not timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/io.h"
#include "format/gguf.h"
#include "runtime/tok.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static enum fox_status round_of(
    const struct fox_tok *t, struct fox_str texts, struct fox_tok_ids *ids, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	uint64_t sum = 0, n = 0;
	double spent = 0;
	while (texts.n && !s) {
		const char *end = memchr(texts.p, 0, texts.n);
		size_t len = end ? (size_t)(end - texts.p) : texts.n;
		ids->n = 0;
		double start = now();
		s = fox_tok_encode(t, ids, (struct fox_str){texts.p, len}, FOX_TOK_NO_BOS, err);
		spent += now() - start;
		for (size_t i = 0; i < ids->n; i++)
			sum += (uint64_t)ids->ids[i] * ++n;
		len += end != NULL;
		texts = (struct fox_str){texts.p + len, texts.n - len};
	}
	printf("%.6f %llu %llu\n", spent, (unsigned long long)n, (unsigned long long)sum);
	fflush(stdout);
	return s;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_gguf *g = NULL;
	struct fox_tokdata data = {0};
	struct fox_tok *tok = NULL;
	char *texts = NULL;
	size_t n = 0;
	struct fox_tok_ids ids = {0};
	char line[16];
	if (argc != 3)
		return 2;
	enum fox_status s = fox_gguf_open(&g, argv[1], &err);
	if (!s)
		s = fox_tokdata_from_gguf(&data, g, &err);
	if (!s)
		s = fox_tok_open(&tok, &data, &err);
	if (!s)
		s = fox_path_slurp(argv[2], (uint64_t)1 << 30, &texts, &n, &err);
	while (!s && fgets(line, sizeof line, stdin))
		s = round_of(tok, (struct fox_str){texts, n}, &ids, &err);
	if (s)
		fprintf(stderr, "tokspeed: %s\n", err.text);
	fox_tok_ids_free(&ids);
	free(texts);
	fox_tok_close(tok);
	fox_tokdata_free(&data);
	fox_gguf_close(g);
	return s ? 3 : 0;
}
