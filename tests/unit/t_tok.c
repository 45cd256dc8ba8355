/* The tokenizer against ids that SentencePiece gave (tests/reference/make_token_golden.py), control pieces,
 * decoding. */
#include "tests/test.h"

#include "tests/tok_read.h"

/* One column of a golden line, up to a tab or line end. */
static struct fox_str column(const char **p)
{
	const char *from = *p;
	while (**p && **p != '\t' && **p != '\n')
		++*p;
	struct fox_str s = {from, (size_t)(*p - from)};
	if (**p)
		++*p;
	return s;
}

static void unhex(struct fox_buf *out, struct fox_str hex)
{
	fox_buf_clear(out);
	fox_buf_str(out, "");
	for (size_t i = 0; i + 1 < hex.n; i += 2) {
		uint8_t b;
		assert_true(fox_unhex(&b, (struct fox_str){hex.p + i, 2}, 1));
		fox_buf_char(out, (char)b);
	}
}

static void check_ids(struct fox_str text, const char *got, struct fox_str want)
{
	if (strlen(got) == want.n && !memcmp(got, want.p, want.n))
		return;
	struct fox_buf shown = {0};
	fox_buf_escaped(&shown, text, 200);
	fail_msg("'%s': ids %s, want %.*s", shown.p, got, (int)want.n, want.p);
}

static void check_decoded(const struct fox_tok *t, struct fox_str ids, struct fox_str want)
{
	struct fox_err err = {0};
	struct fox_buf out = {0};
	int32_t list[4096];
	size_t n = 0;
	const char *p = ids.p;
	while (p < ids.p + ids.n) {
		assert_true(n < FOX_COUNT(list));
		list[n++] = (int32_t)strtol(p, (char **)&p, 10);
	}
	fox_buf_str(&out, "");
	assert_fox_ok(fox_tok_decode(t, &out, list, n, true, 0, &err), &err);
	assert_int_equal(out.n, want.n);
	assert_memory_equal(out.p, want.p, want.n);
	fox_buf_free(&out);
}

static bool holds(struct fox_str s, const char *word)
{
	return memmem(s.p, s.n, word, strlen(word)) != NULL;
}

/* Every line of a golden file; `skip_turns` leaves out texts with pieces that a container calls CONTROL. */
static void check_golden(const struct fox_tok *t, const char *path, bool skip_turns, size_t want_lines)
{
	struct fox_err err = {0};
	struct fox_buf text = {0}, ids = {0}, decoded = {0};
	char *golden;
	size_t n, lines = 0;
	assert_fox_ok(fox_path_slurp(path, 1u << 20, &golden, &n, &err), &err);
	for (const char *p = golden; *p; lines++) {
		struct fox_str hex = column(&p), want = column(&p), back = column(&p);
		unhex(&text, hex);
		struct fox_str s = fox_buf_view(&text);
		if (skip_turns && (holds(s, "<start_of_turn>") || holds(s, "<end_of_turn>")))
			continue;
		check_ids(s, test_tok_ids(t, &ids, s, FOX_TOK_NO_BOS), want);
		unhex(&decoded, back);
		check_decoded(t, want, fox_buf_view(&decoded));
	}
	assert_int_equal(lines, want_lines);
	fox_buf_free(&text);
	fox_buf_free(&ids);
	fox_buf_free(&decoded);
	free(golden);
}

static void demo(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/demo/tokenizer.model");
	check_golden(m.tok, "tests/golden/tok_demo.txt", false, 720);
	test_tok_close(&m);
}

/* Dummy prefix, extra blanks removed, no byte pieces: runs of unknown symbols share one id. */
static void prefix_and_unknown(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/golden/tok_prefix.model");
	check_golden(m.tok, "tests/golden/tok_prefix.txt", false, 721);
	test_tok_close(&m);
}

/* UNUSED pieces are taken apart by the merge that made them last; many equal scores. */
static void unused_and_ties(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/golden/tok_unused.model");
	check_golden(m.tok, "tests/golden/tok_unused.txt", false, 721);
	test_tok_close(&m);
}

/* The demo as a container holds it: turn markers are CONTROL there, "\n" NORMAL but listed in `user`. */
struct imported {
	struct fox_source *src;
	struct fox_tokdata data;
	struct fox_tok *tok;
};

static void import_demo(struct imported *m)
{
	static struct fox_hfconfig config = {.bos = 1, .eos = 2, .pad = -1, .hp.n_vocab = 2048};
	struct fox_err err = {0};
	*m = (struct imported){0};
	assert_fox_ok(fox_source_open(&m->src, "tests/demo", false, &err), &err);
	assert_fox_ok(fox_tok_import(&m->data, m->src, &config, NULL, NULL, NULL, &err), &err);
	assert_fox_ok(fox_tok_open(&m->tok, &m->data, &err), &err);
}

static void drop_demo(struct imported *m)
{
	fox_tok_close(m->tok);
	fox_tokdata_free(&m->data);
	fox_source_close(m->src);
}

/* A character map; USER pieces in raw text, also with blanks, which then match nothing. */
static void mapped(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/golden/tok_mapped.model");
	check_golden(m.tok, "tests/golden/tok_mapped.txt", false, 260);
	test_tok_close(&m);
}

static void unigram_mapped(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/golden/tok_uni.model");
	check_golden(m.tok, "tests/golden/tok_uni.txt", false, 260);
	test_tok_close(&m);
}

/* Bytes for unknown characters, UNUSED pieces, many equal scores. */
static void unigram_bytes(void **state)
{
	(void)state;
	struct test_tok m;
	test_tok_open(&m, "tests/golden/tok_unibytes.model");
	check_golden(m.tok, "tests/golden/tok_unibytes.txt", false, 240);
	test_tok_close(&m);
}

static void demo_imported(void **state)
{
	(void)state;
	struct imported m;
	import_demo(&m);
	check_golden(m.tok, "tests/golden/tok_demo.txt", true, 720);
	drop_demo(&m);
}

static void control_pieces(void **state)
{
	(void)state;
	struct imported m;
	struct fox_buf buf = {0};
	import_demo(&m);
	struct fox_str turn = fox_str_of("<bos>\n<start_of_turn>a<end_of_turn><unk><eos>");
	/* from SentencePiece, with the turn markers' type set to CONTROL in the model */
	const char *as_text =
	    "2046 1968 413 2041 6 2046 321 471 2018 454 2018 1950 941 2041 1951 2046 435 2018 454 2018 1950 "
	    "941 2041 2046 334 1973 2041 2046 1949 413 2041";
	assert_string_equal(
	    test_tok_ids(m.tok, &buf, turn, FOX_TOK_SPECIAL | FOX_TOK_NO_BOS), "2 6 4 1951 5 3 1");
	assert_string_equal(test_tok_ids(m.tok, &buf, turn, FOX_TOK_SPECIAL), "2 2 6 4 1951 5 3 1");
	assert_string_equal(test_tok_ids(m.tok, &buf, turn, FOX_TOK_NO_BOS), as_text);
	assert_string_equal(test_tok_ids(m.tok, &buf, fox_str_of(""), 0), "2");
	assert_string_equal(test_tok_ids(m.tok, &buf, fox_str_of(""), FOX_TOK_NO_BOS), "");
	m.data.add_eos = true;
	assert_string_equal(test_tok_ids(m.tok, &buf, fox_str_of(""), 0), "2 1");
	fox_buf_free(&buf);
	drop_demo(&m);
}

/* After a control piece a text starts anew, with its own prefix; decoding takes each away again. */
static void prefix_after_control(void **state)
{
	(void)state;
	struct test_tok m;
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	struct fox_buf out = {0};
	struct fox_str text = fox_str_of("the<ctl>the the<ctl>");
	test_tok_open(&m, "tests/golden/tok_prefix.model");
	assert_fox_ok(fox_tok_encode(m.tok, &ids, text, FOX_TOK_SPECIAL, &err), &err);
	assert_fox_ok(fox_tok_decode(m.tok, &out, ids.ids, ids.n, true, FOX_TOK_SPECIAL, &err), &err);
	assert_string_equal(out.p, "the<ctl>the the<ctl>");
	fox_buf_clear(&out);
	assert_fox_ok(fox_tok_decode(m.tok, &out, ids.ids, ids.n, true, 0, &err), &err);
	assert_string_equal(out.p, "the the the"); /* only the first prefix goes, as in SentencePiece */
	fox_buf_clear(&out);
	assert_fox_ok(fox_tok_decode(m.tok, &out, ids.ids, 2, false, 0, &err), &err);
	assert_string_equal(out.p, " the");
	fox_tok_ids_free(&ids);
	fox_buf_free(&out);
	test_tok_close(&m);
}

static void decode_bytes(void **state)
{
	(void)state;
	struct test_tok m;
	struct fox_err err = {0};
	struct fox_buf out = {0};
	test_tok_open(&m, "tests/demo/tokenizer.model");
	int32_t bytes[] = {8 + 0xf0, 8 + 0x9f, 8 + 0, 8 + 0xff}; /* <0xF0> is token 8 + 0xf0 */
	assert_fox_ok(fox_tok_decode(m.tok, &out, bytes, 4, true, 0, &err), &err);
	assert_int_equal(out.n, 4);
	assert_memory_equal(out.p, "\xf0\x9f\0\xff", 4);
	int32_t bad[] = {8, 2048};
	assert_int_equal(fox_tok_decode(m.tok, &out, bad, 2, true, 0, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, "token 2048 is outside the vocabulary of 2048");
	assert_int_equal(out.n, 4);
	err = (struct fox_err){0};
	bad[1] = -1;
	assert_int_equal(fox_tok_decode(m.tok, &out, bad, 2, true, 0, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, "token -1 is outside the vocabulary of 2048");
	int32_t special[] = {2, 3, 1};
	fox_buf_clear(&out);
	assert_fox_ok(fox_tok_decode(m.tok, &out, special, 3, true, 0, &err), &err);
	assert_string_equal(out.p, " \xE2\x81\x87 ");
	fox_buf_clear(&out);
	assert_fox_ok(fox_tok_decode(m.tok, &out, special, 3, true, FOX_TOK_SPECIAL, &err), &err);
	assert_string_equal(out.p, "<bos><unk><eos>");
	fox_buf_free(&out);
	test_tok_close(&m);
}

/* A million blanks, and ten million bytes, in time that grows with n log n: a quadratic run would not end. */
static void long_runs(void **state)
{
	(void)state;
	struct test_tok m;
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	size_t n = 10u << 20;
	char *text = malloc(n);
	test_tok_open(&m, "tests/demo/tokenizer.model");
	memset(text, ' ', 1000000);
	assert_fox_ok(fox_tok_encode(m.tok, &ids, (struct fox_str){text, 1000000}, FOX_TOK_NO_BOS, &err), &err);
	assert_int_equal(ids.n, 62500); /* the longest run of blanks in the vocabulary is 16 */
	ids.n = 0;
	uint64_t seed = 1;
	for (size_t i = 0; i < n; i++)
		text[i] = "etaoin shrdlu\n\xff"[test_rand(&seed) % 15];
	assert_fox_ok(fox_tok_encode(m.tok, &ids, (struct fox_str){text, n}, FOX_TOK_NO_BOS, &err), &err);
	struct fox_buf out = {0};
	assert_fox_ok(fox_tok_decode(m.tok, &out, ids.ids, ids.n, true, 0, &err), &err);
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		bool bad = text[i] == '\xff';
		assert_true(bad ? !memcmp(out.p + at, "\xEF\xBF\xBD", 3) : out.p[at] == text[i]);
		at += bad ? 3 : 1;
	}
	assert_int_equal(at, out.n);
	fox_buf_free(&out);
	fox_tok_ids_free(&ids);
	free(text);
	test_tok_close(&m);
}

/* Vocabularies of other writers: fillers never match, missing bytes become unknown, nothing to fall back on
 * is refused. */
static void odd_vocabularies(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_tok *tok;
	struct fox_buf buf = {0};
	struct fox_str piece[] = {fox_str_of("<unk>"), fox_str_of("[PAD"), fox_str_of("2]"), fox_str_of("[PAD3]"),
	    fox_str_of("<0x41>"), fox_str_of("[P"), fox_str_of("AD"), fox_str_of(""), fox_str_of("  ")};
	float score[] = {0, -2, -1, -10000, 0, -1, -1, 0, 0};
	int32_t type[] = {FOX_TOK_UNKNOWN, FOX_TOK_NORMAL, FOX_TOK_NORMAL, FOX_TOK_UNUSED, FOX_TOK_BYTE,
	    FOX_TOK_NORMAL, FOX_TOK_NORMAL, FOX_TOK_NORMAL, FOX_TOK_USER};
	struct fox_tokdata d;
	fox_tokdata_init(&d);
	d.n = FOX_COUNT(piece);
	d.piece = piece;
	d.score = score;
	d.type = type;
	d.add_space_prefix = false;
	assert_fox_ok(fox_tok_open(&tok, &d, &err), &err);
	assert_string_equal(test_tok_ids(tok, &buf, fox_str_of("[PAD2]A   "), 0), "1 2 4 8 0 0 0");
	fox_tok_close(tok);
	type[0] = FOX_TOK_NORMAL;
	assert_int_equal(fox_tok_open(&tok, &d, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(
	    &err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "vocabulary without an unknown token and without byte tokens");
	assert_null(tok);
	err = (struct fox_err){0};
	d.model = "gpt2";
	assert_int_equal(fox_tok_open(&tok, &d, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "tokenizer model 'gpt2', want 'llama' or 't5'");
	fox_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(demo),
	    cmocka_unit_test(prefix_and_unknown),
	    cmocka_unit_test(unused_and_ties),
	    cmocka_unit_test(mapped),
	    cmocka_unit_test(unigram_mapped),
	    cmocka_unit_test(unigram_bytes),
	    cmocka_unit_test(demo_imported),
	    cmocka_unit_test(control_pieces),
	    cmocka_unit_test(prefix_after_control),
	    cmocka_unit_test(decode_bytes),
	    cmocka_unit_test(long_runs),
	    cmocka_unit_test(odd_vocabularies),
	};
	return cmocka_run_group_tests_name("tok", tests, NULL, NULL);
}
