/* tokcheck.c - compare ids and texts with what the original tokenizer gave, for files of any length.
 *
 *   tokcheck spm MODEL FILE        lines: text, ids, decoded ids
 *   tokcheck hf MODEL FILE BYTES   lines: normalised text, ids of HF tokenizers' Unigram (BYTES 1: with byte_fallback)
 *   tokcheck map MODEL FILE        lines: grapheme clusters, what HF tokenizers' Precompiled makes of them all
 *
 * Columns are parted by tabs, texts are hex, lists have blanks between. tests/reference/compare_unigram.py makes the files.
 * Prints lines and differences; exit 1 when there are any, 2 when it cannot run. */
#include <stdio.h>
#include <stdlib.h>

#include "convert/tok_import.h"
#include "format/base/io.h"
#include "runtime/tok_unigram.h"

static struct fox_tokdata data;
static struct fox_tok *tok;
static struct tok_unigram *hf;
static struct tok_unigram_work work;
static struct fox_charsmap map;

static void unhex(struct fox_buf *out, struct fox_str hex)
{
	fox_buf_clear(out);
	fox_buf_str(out, "");
	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		uint8_t b = 0;
		if (!fox_unhex(&b, (struct fox_str){hex.p + i, 2}, 1))
			exit(2);
		fox_buf_char(out, (char)b);
	}
}

static struct fox_str column(char **p)
{
	size_t n = strcspn(*p, "\t\n");
	struct fox_str s = {*p, n};
	*p += n + ((*p)[n] != 0);
	return s;
}

static void show_ids(struct fox_buf *out, const struct fox_tok_ids *ids)
{
	fox_buf_clear(out);
	fox_buf_str(out, "");
	for (size_t i = 0; i < ids->n; i++)
		fox_buf_fmt(out, "%s%d", i ? " " : "", ids->ids[i]);
}

static bool same_ids(struct fox_str text, struct fox_str want, struct fox_tok_ids *ids)
{
	static struct fox_buf got;
	struct fox_err err = {0};
	enum fox_status s = hf ? tok_unigram_encode(hf, &work, ids, text, &err)
	                       : fox_tok_encode(tok, ids, text, FOX_TOK_NO_BOS, &err);
	show_ids(&got, ids);
	if (!s && fox_str_eq(fox_buf_view(&got), want))
		return true;
	printf("%s\ngot  %s\nwant %.*s\n", err.text, got.p, (int)want.n, want.p);
	return false;
}

static bool same_text(const struct fox_tok_ids *ids, struct fox_str want)
{
	static struct fox_buf got;
	struct fox_err err = {0};
	fox_buf_clear(&got);
	fox_buf_str(&got, "");
	return !fox_tok_decode(tok, &got, ids->ids, ids->n, true, 0, &err) &&
	       fox_str_eq(fox_buf_view(&got), want);
}

static bool same_map(struct fox_str clusters, struct fox_str want)
{
	static struct fox_buf cluster, got;
	fox_buf_clear(&got);
	fox_buf_str(&got, "");
	while (clusters.n) {
		size_t n = 0;
		while (n < clusters.n && clusters.p[n] != ' ')
			n++;
		unhex(&cluster, (struct fox_str){clusters.p, n});
		tok_charsmap_grapheme(&map, &got, fox_buf_view(&cluster));
		n += n < clusters.n;
		clusters = (struct fox_str){clusters.p + n, clusters.n - n};
	}
	return fox_str_eq(fox_buf_view(&got), want);
}

static bool same(char *line, bool clusters)
{
	static struct fox_buf text, want_text;
	static struct fox_tok_ids ids;
	struct fox_str a = column(&line), b = column(&line);
	unhex(&want_text, clusters ? b : column(&line));
	if (clusters)
		return same_map(a, fox_buf_view(&want_text));
	unhex(&text, a);
	ids.n = 0;
	return same_ids(fox_buf_view(&text), b, &ids) && (hf || same_text(&ids, fox_buf_view(&want_text)));
}

static enum fox_status open_all(int argc, char **argv, struct fox_err *err)
{
	char *bytes;
	size_t n;
	enum fox_status s = fox_path_slurp(argv[2], 64u << 20, &bytes, &n, err);
	if (!s)
		s = fox_tok_spiece(&data, (struct fox_span){(const uint8_t *)bytes, n}, err);
	if (!s)
		s = fox_tok_open(&tok, &data, err);
	if (!s)
		s = fox_charsmap_parse(
		    &map, (struct fox_span){(const uint8_t *)data.charsmap.p, data.charsmap.n}, err);
	struct tok_unigram_options o = {.kind = TOK_UNIGRAM_HF,
	    .n_vocab = data.n,
	    .unk = data.unk,
	    .byte_fallback = argc > 4 && argv[4][0] == '1'};
	if (!s && !strcmp(argv[1], "hf"))
		s = tok_unigram_open(&hf, &data, &o, err);
	return s;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	FILE *f = argc > 3 ? fopen(argv[3], "r") : NULL;
	if (!f || open_all(argc, argv, &err)) {
		fprintf(stderr, "tokcheck: %s\n", f ? err.text : "usage: tokcheck spm|hf|map MODEL FILE [BYTES]");
		return 2;
	}
	char *line = NULL;
	size_t cap = 0, lines = 0, bad = 0;
	while (getline(&line, &cap, f) > 0) {
		lines++;
		if (!same(line, !strcmp(argv[1], "map")) && bad++ < 5)
			printf("line %zu differs\n", lines);
	}
	printf("%zu lines, %zu differences\n", lines, bad);
	return bad > 0;
}
