/* tok_read.h - for tests: a tokenizer out of a tokenizer.model, and ids as text. */
#ifndef FOX_TEST_TOK_READ_H
#define FOX_TEST_TOK_READ_H

#include "convert/tok_import.h"
#include "format/base/io.h"
#include "runtime/tok.h"

struct test_tok {
	char *bytes; /* the file */
	struct fox_tokdata data;
	struct fox_tok *tok;
};

/* As SentencePiece runs the file: types untouched, no bos. */
static inline void test_tok_open(struct test_tok *m, const char *path)
{
	struct fox_err err = {0};
	size_t n;
	*m = (struct test_tok){0};
	assert_fox_ok(fox_path_slurp(path, 1u << 20, &m->bytes, &n, &err), &err);
	assert_fox_ok(fox_tok_spiece(&m->data, (struct fox_span){(const uint8_t *)m->bytes, n}, &err), &err);
	assert_fox_ok(fox_tok_open(&m->tok, &m->data, &err), &err);
}

static inline void test_tok_close(struct test_tok *m)
{
	fox_tok_close(m->tok);
	fox_tokdata_free(&m->data);
	free(m->bytes);
}

/* "2 17 5" into buf. */
static inline const char *test_tok_ids(
    const struct fox_tok *t, struct fox_buf *buf, struct fox_str text, uint32_t flags)
{
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	fox_buf_clear(buf);
	fox_buf_str(buf, "");
	assert_fox_ok(fox_tok_encode(t, &ids, text, flags, &err), &err);
	for (size_t i = 0; i < ids.n; i++)
		fox_buf_fmt(buf, "%s%d", i ? " " : "", ids.ids[i]);
	fox_tok_ids_free(&ids);
	return buf->p;
}

#endif
