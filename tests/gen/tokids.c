/* tokids.c - ids of many texts, for comparisons with other tokenizers.
 *
 * usage: tokids TOKENIZER.json|CONTAINER.gguf [special] [bos] < LINES
 * Each line is a text in hex; out come its ids with blanks between, a tab, and the text they decode to, in hex. With
 * "special", special tokens in texts are recognised and written; with "bos" texts are framed. A text that cannot be
 * tokenized gives "error: ..." instead. */
#include <stdio.h>

#include "format/base/hash.h"
#include "format/gguf.h"
#include "tests/tokjson_read.h"

static void line(const struct fox_tok *t, struct fox_str hex, uint32_t flags, struct fox_buf *text)
{
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	fox_buf_clear(text);
	fox_buf_str(text, "");
	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		uint8_t b;
		if (!fox_unhex(&b, (struct fox_str){hex.p + i, 2}, 1))
			abort();
		fox_buf_char(text, (char)b);
	}
	enum fox_status s = fox_tok_encode(t, &ids, fox_buf_view(text), flags, &err);
	for (size_t i = 0; i < ids.n && !s; i++)
		printf("%s%d", i ? " " : "", ids.ids[i]);
	putchar('\t');
	fox_buf_clear(text);
	if (!s)
		s = fox_tok_decode(t, text, ids.ids, ids.n, true, flags, &err);
	if (s)
		printf("error: %s", err.text);
	for (size_t i = 0; i < text->n && !s; i++)
		printf("%02x", (uint8_t)text->p[i]);
	putchar('\n');
	fox_tok_ids_free(&ids);
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct test_tokjson m = {0};
	struct fox_gguf *g = NULL;
	struct fox_buf text = {0};
	uint32_t flags = FOX_TOK_NO_BOS;
	size_t cap = 0;
	ssize_t n;
	char *buf = NULL;
	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++)
		flags = !strcmp(argv[i], "special") ? flags | FOX_TOK_SPECIAL : flags & ~(uint32_t)FOX_TOK_NO_BOS;
	enum fox_status s = FOX_OK;
	if (fox_str_ends(fox_str_of(argv[1]), ".gguf")) {
		s = fox_gguf_open(&g, argv[1], &err);
		if (!s)
			s = fox_tokdata_from_gguf(&m.data, g, &err);
		if (!s)
			s = fox_tok_open(&m.tok, &m.data, &err);
	} else {
		s = test_tokjson_open(&m, argv[1], &err);
	}
	if (s) {
		fprintf(stderr, "tokids: %s: %s\n", argv[1], err.text);
		return 3;
	}
	while ((n = getline(&buf, &cap, stdin)) > 0)
		line(m.tok, (struct fox_str){buf, (size_t)n - (buf[n - 1] == '\n')}, flags, &text);
	free(buf);
	fox_buf_free(&text);
	test_tokjson_close(&m);
	fox_gguf_close(g);
	return 0;
}
