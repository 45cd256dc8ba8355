/* t_chunks.c - a text cut into chunks, texts that cannot be, and vocabularies that are not one. */
#include "tests/tiny.h"

#include "runtime/chunks.h"

static struct fox_gguf *file;
static struct fox_tokdata words;

static int open_words(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.words = true;
	assert_fox_ok(fox_gguf_open(&file, tiny_write("words.gguf", t), &e), &e);
	assert_fox_ok(fox_tokdata_from_gguf(&words, file, &e), &e);
	return 0;
}

static int close_words(void **state)
{
	(void)state;
	fox_tokdata_free(&words);
	fox_gguf_close(file);
	return 0;
}

static void cut(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_chunks c;
	int32_t ids[5];
	/* with bos 12 ids; the newline is dropped */
	assert_fox_ok(fox_chunks_open(&c, &words, fox_str_of("!\"#$%&'()*+\n"), 5, 0, &e), &e);
	assert_int_equal(c.n_ids, 12);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.n_ctx, 5);
	const int32_t want[] = {1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	assert_memory_equal(c.ids, want, sizeof want);
	fox_chunks_get(&c, 0, ids);
	assert_memory_equal(ids, want, sizeof ids);
	fox_chunks_get(&c, 1, ids);
	const int32_t second[] = {1, 8, 9, 10, 11}; /* bos where 7 was */
	assert_memory_equal(ids, second, sizeof ids);
	fox_chunks_close(&c);
	assert_fox_ok(fox_chunks_open(&c, &words, fox_str_of("!\"#$%&'()*+"), 5, 1, &e), &e);
	assert_int_equal(c.n, 1);
	fox_chunks_close(&c);
	assert_null(c.ids);
}

/* Without bos nothing is put in front, nor in place of a chunk's first id. Special tokens in the text are text. */
static void without_bos(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_chunks c;
	struct fox_tokdata d = words;
	int32_t ids[4];
	d.add_bos = false, d.add_eos = true;
	assert_fox_ok(fox_chunks_open(&c, &d, fox_str_of("<s></s>!"), 4, 0, &e), &e);
	assert_int_equal(c.n_ids, 8);
	fox_chunks_get(&c, 1, ids);
	const int32_t want[] = {'/' - 30, 's' - 30, '>' - 30, '!' - 30};
	assert_memory_equal(ids, want, sizeof want);
	fox_chunks_close(&c);
}

static void refused(void **state)
{
	(void)state;
	struct fox_tokdata no_bos = words;
	no_bos.bos = FOX_TOK_NONE;
	const struct {
		const struct fox_tokdata *d;
		const char *text;
		uint32_t n_ctx;
		enum fox_status code;
		uint64_t at;
		const char *why;
	} bad[] = {
	    {&words, "", 4, FOX_E_FORMAT, FOX_NOWHERE, "the text is empty"},
	    {&words, "\n", 4, FOX_E_FORMAT, FOX_NOWHERE, "the text is empty"},
	    {&words,
	        "abc\xff"
	        "defghijkl",
	        4, FOX_E_FORMAT, 3, "the text is not UTF-8"},
	    {&words, "abcdefghijkl\xe2\x82", 4, FOX_E_FORMAT, 12, "the text is not UTF-8"},
	    {&words, "abcdefgh", 3, FOX_E_ARG, FOX_NOWHERE, "chunks of 3 tokens, want at least 4"},
	    {&words, "abcdef", 4, FOX_E_FORMAT, FOX_NOWHERE,
	        "the text has 7 tokens, want at least 8: two chunks of 4"},
	    {&words, "abcdef", 0, FOX_E_FORMAT, FOX_NOWHERE,
	        "the text has 7 tokens, want at least 1024: two chunks of 512"},
	    {&words, "abcdef", UINT32_MAX, FOX_E_FORMAT, FOX_NOWHERE,
	        "the text has 7 tokens, want at least 8589934590: two chunks of 4294967295"},
	    {&no_bos, "abcdefgh", 4, FOX_E_MISMATCH, FOX_NOWHERE, "the model adds a bos token but has none"},
	};
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		struct fox_err e = {0};
		struct fox_chunks c;
		assert_int_equal(
		    fox_chunks_open(&c, bad[i].d, fox_str_of(bad[i].text), bad[i].n_ctx, 0, &e), bad[i].code);
		assert_fox_err(&e, bad[i].code, bad[i].at, bad[i].why);
		assert_null(c.ids);
	}
}

static void vocabularies(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_tokdata d = words;
	struct fox_str piece[97];
	memcpy(piece, words.piece, sizeof piece);
	d.chat_template = fox_str_of("x"), d.add_eos = true, d.unk = 5;
	assert_fox_ok(fox_chunks_same_vocab(&words, &d, &e), &e);
	d.n = 96;
	assert_int_equal(fox_chunks_same_vocab(&words, &d, &e), FOX_E_MISMATCH);
	assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: 97 and 96 tokens");
	piece[96] = fox_str_of("xyz"), d = words, d.piece = piece, e = (struct fox_err){0};
	assert_int_equal(fox_chunks_same_vocab(&words, &d, &e), FOX_E_MISMATCH);
	assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE, "the two vocabularies differ: token 96 is '~' and 'xyz'");
}

static void same_text(void **state)
{
	(void)state;
	int32_t ids[] = {1, 4, 5, 6, 7, 8, 9, 10}, other[] = {1, 4, 5, 6, 7, 9, 9, 10};
	struct fox_chunks a = {.ids = ids, .n_ids = 8, .n_ctx = 4, .n = 2, .bos = 1};
	struct {
		struct fox_chunks b;
		const char *why;
	} bad[] = {
	    {{.ids = ids, .n_ids = 8, .bos = FOX_TOK_NONE},
	        "the two tokenizers begin a chunk differently: with token 1 and -1 (-1: its own first)"},
	    {{.ids = other, .n_ids = 8, .bos = 1},
	        "the two tokenizers cut the text differently: token 5 of it is 8 and 9"},
	    {{.ids = ids, .n_ids = 7, .bos = 1},
	        "the two tokenizers cut the text differently: into 8 and 7 tokens"},
	};
	struct fox_err e = {0};
	assert_fox_ok(fox_chunks_same(&a, &a, &e), &e);
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		e = (struct fox_err){0};
		assert_int_equal(fox_chunks_same(&a, &bad[i].b, &e), FOX_E_MISMATCH);
		assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE, bad[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cut),
	    cmocka_unit_test(without_bos),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(vocabularies),
	    cmocka_unit_test(same_text),
	};
	return cmocka_run_group_tests_name("chunks", tests, open_words, close_words);
}
