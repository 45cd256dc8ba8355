/* lstrip and rstrip of added tokens beside a tokenizer.model: read from tokenizer_config.json, carried in a container, proven,
 * and obeyed. The ids for tests/families/phi3 are those of HF tokenizers 0.23.3 (tests/reference/compare_strip.py). */
#include "tests/vertok_make.h"

#include "tests/gguf_text.h"
#include "tests/tok_read.h"

#define LEFT FOX_KEY_TOK_LSTRIP
#define RIGHT FOX_KEY_TOK_RSTRIP
#define TOKEN(id, text, more) "\"" #id "\":{\"content\":\"" text "\"" more "}"
#define RAW ",\"normalized\":false"
#define ON(side) ",\"" #side "strip\":true"

/* Rows 400 to 409 after the 400 pieces, or less, of the models; the comment says what is listed. */
static const char config[] = "{\"added_tokens_decoder\":{" TOKEN(409, "<r>", RAW ON(r)) /* right */
    "," TOKEN(1, "<s>", ",\"special\":true" ON(l)) /* left: special is raw */
    "," TOKEN(400, "<lr>", RAW ON(l) ON(r))        /* both */
    "," TOKEN(401, "<none>", RAW ",\"lstrip\":false") "," TOKEN(402, "<normal>",
        ",\"normalized\":true,\"special\":true" ON(l) ON(r)) "," TOKEN(403, "<shy>", ON(r)) /* normalized */
    "," TOKEN(404, "<word>", RAW ",\"single_word\":true" ON(l) ON(r)) "," TOKEN(
        405, "<|look|>", RAW ON(r))  /* right, of type CONTROL */
    "," TOKEN(406, "a b", RAW ON(r)) /* right */
    "," TOKEN(410, "<far>", RAW ON(l) ON(r)) "}}";

/* Blanks removed; the same and a character map; Unigram with that map. */
static const char *const files[] = {
    "tests/golden/tok_prefix.model", "tests/golden/tok_mapped.model", "tests/golden/tok_uni.model"};
static char *models[FOX_COUNT(files)];
static struct vertok_source sources[FOX_COUNT(files)];

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(files); i++) {
		struct fox_err e = {0};
		size_t n;
		assert_fox_ok(fox_path_slurp(files[i], 1u << 20, &models[i], &n, &e), &e);
		sources[i] = (struct vertok_source){.config = config, .rows = 410, .model = {models[i], n}};
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(files); i++)
		free(models[i]);
	return 0;
}

/* ---- container */

static void refused(
    const char *kind, const char *key, const char *value, const char *before, const char *after)
{
	char words[512], want[160];
	struct fox_buf bytes = {0};
	struct fox_gguf *g;
	struct fox_tokdata t;
	struct fox_err e = {0};
	snprintf(words, sizeof words,
	    "gguf 3 0 3 kv " T "model 8 str llama arr " T "tokens 8 2 str <unk> str a %s %s %s ", kind, key,
	    value);
	snprintf(want, sizeof want, "%s'%s'%s", before, key, after);
	gguf_from_text(&bytes, words);
	assert_fox_ok(
	    fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)bytes.p, bytes.n}, "test", &e), &e);
	assert_int_equal(fox_tokdata_from_gguf(&t, g, &e), FOX_E_FORMAT);
	assert_fox_err(&e, FOX_E_FORMAT, fox_gguf_find_key(g, key)->at, want);
	fox_tokdata_free(&t);
	fox_gguf_close(g);
	fox_buf_free(&bytes);
}

static void refusals(void **state)
{
	(void)state;
	static const char *const keys[] = {LEFT, RIGHT};
	for (int i = 0; i < 2; i++) {
		refused("arr", keys[i], "4 2 u32 1 u32 1", "element 1 of ", " is not a token id that rises");
		refused("arr", keys[i], "4 1 u32 2", "element 0 of ", " is not a token id that rises");
		refused("arr", keys[i], "4 3 u32 0 u32 1 u32 2", "", " has 3 elements for 2 tokens");
		refused("kv", keys[i], "4 u32 1", "", " is not an array");
	}
}

static void check_lists(const struct fox_tokdata *t)
{
	assert_int_equal(t->n_lstrip, 2);
	assert_true(t->lstrip[0] == 1 && t->lstrip[1] == 400);
	assert_int_equal(t->n_rstrip, 4);
	assert_true(t->rstrip[0] == 400 && t->rstrip[1] == 405 && t->rstrip[2] == 406 && t->rstrip[3] == 409);
}

static void imported(void **state)
{
	(void)state;
	struct vertok x;
	struct fox_verify v;
	struct fox_gguf *g;
	struct fox_tokdata back;
	struct fox_err e = {0};
	vertok_import(&x, &sources[0], "strip");
	check_lists(&x.t);
	assert_true(x.t.type[405] == FOX_TOK_CONTROL && x.t.type[409] == FOX_TOK_USER);
	assert_fox_ok(vertok_judge(&x, &v, &g, true, &e), &e);
	assert_fox_ok(fox_tokdata_from_gguf(&back, g, &e), &e);
	check_lists(&back);
	assert_int_equal(fox_gguf_find_key(g, LEFT)->item, FOX_GGUF_U32);
	fox_tokdata_free(&back);
	fox_findings_free(&v.found);
	fox_gguf_close(g);
	x.t.n_lstrip = x.t.n_rstrip = 0; /* empty lists are not written */
	assert_fox_ok(vertok_judge(&x, &v, &g, true, &e), &e);
	assert_true(!fox_gguf_find_key(g, LEFT) && !fox_gguf_find_key(g, RIGHT));
	fox_findings_free(&v.found);
	fox_gguf_close(g);
	vertok_close(&x);
}

/* ---- fox-verify */

static void proven(void **state)
{
	(void)state;
	static uint32_t more[] = {1, 400, 402};
	struct vertok x;
	vertok_import(&x, &sources[0], "strip");
	vertok_prove(&x, NULL, NULL);
	x.t.lstrip[0] = 2;
	vertok_prove(&x, LEFT, "are not the 2 added tokens of tokenizer_config.json that have lstrip");
	x.t.lstrip = more;
	x.t.n_lstrip = 3;
	vertok_prove(&x, LEFT, "are not the 2 added tokens of tokenizer_config.json that have lstrip");
	x.t.n_lstrip = 0;
	vertok_prove(&x, LEFT, "absent, must list the 2 added tokens of tokenizer_config.json that have lstrip");
	vertok_prove_as(&x, false, NULL, NULL); /* llama.cpp's converter writes no such list */
	x.t.n_lstrip = 2;
	x.t.rstrip[3] = 408;
	vertok_prove(&x, RIGHT, "are not the 4 added tokens of tokenizer_config.json that have rstrip");
	x.t.n_rstrip = 3;
	vertok_prove_as(&x, false, RIGHT, "are not the 4 added tokens of tokenizer_config.json that have rstrip");
	x.t.n_rstrip = 0;
	vertok_prove(&x, RIGHT, "absent, must list the 4 added tokens of tokenizer_config.json that have rstrip");
	vertok_close(&x);
}

/* ---- ids */

struct phi3 {
	struct fox_source *src;
	struct fox_tokdata data;
	struct fox_tok *tok;
	struct fox_buf buf;
};

static void phi3_open(struct phi3 *m)
{
	static const struct fox_hfconfig hf = {.bos = 1, .eos = 336, .pad = -1, .hp.n_vocab = 352};
	struct fox_err e = {0};
	*m = (struct phi3){0};
	assert_fox_ok(fox_source_open(&m->src, "tests/families/phi3", false, &e), &e);
	assert_fox_ok(fox_tok_import(&m->data, m->src, &hf, NULL, NULL, NULL, &e), &e);
}

static void phi3_close(struct phi3 *m)
{
	fox_tok_close(m->tok);
	fox_tokdata_free(&m->data);
	fox_source_close(m->src);
	fox_buf_free(&m->buf);
}

static void phi3_ids(struct phi3 *m, const char *text, uint32_t flags, const char *want)
{
	assert_string_equal(test_tok_ids(m->tok, &m->buf, fox_str_of(text), flags | FOX_TOK_NO_BOS), want);
}

static void right(void **state)
{
	(void)state;
	struct phi3 m;
	struct fox_err e = {0};
	phi3_open(&m);
	assert_true(!m.data.n_lstrip && m.data.n_rstrip == 11 && m.data.rstrip[0] == 2);
	assert_fox_ok(fox_tok_open(&m.tok, &m.data, &e), &e);
	phi3_ids(&m, "<|user|>\nhi<|end|>\n<|assistant|>", FOX_TOK_SPECIAL, "346 282 292 287 343 337");
	phi3_ids(&m, "<|user|>\xE2\x80\x83\xC2\x85 \xE2\x80\x8B hi",
	    FOX_TOK_SPECIAL, /* U+200B is no whitespace */
	    "346 282 229 131 142 282 292 287");
	phi3_ids(&m, "<s> a", FOX_TOK_SPECIAL, "1 259 285"); /* no flag: the blank stays, after a prefix */
	phi3_ids(&m, "<|user|> \n", FOX_TOK_SPECIAL, "346");
	phi3_ids(&m, "<|user|> \n", 0, "282 63 127 296 289 264 127 65 282 13");
	for (int special = 0; special < 2; special++) { /* </s> is none */
		uint32_t flags = special ? FOX_TOK_SPECIAL : 0;
		phi3_ids(&m, "a </s>\n\n b", flags, "262 282 2 282 302");
		phi3_ids(&m, "</s></s> </s>", flags, "2 2 2");
		phi3_ids(&m,
		    "\xFF</s>\xC2\xA0\xFF"
		    "a",
		    flags, "282 242 194 192 2 282 242 194 192 285");
	}
	phi3_close(&m);
}

static void left(void **state)
{
	(void)state;
	static uint32_t eos[] = {2};
	struct phi3 m;
	struct fox_err e = {0};
	phi3_open(&m);
	m.data.lstrip = eos;
	m.data.n_lstrip = 1;
	assert_fox_ok(fox_tok_open(&m.tok, &m.data, &e), &e);
	phi3_ids(&m, "a \n</s> b", 0, "262 2 282 302");
	phi3_ids(&m, " </s> </s>\n", 0, "2 2");
	phi3_ids(&m, "\xFF </s>", 0, "282 242 194 192 2");
	phi3_ids(&m, " \x80</s>", 0, "259 242 194 192 2"); /* the stray byte is no part of the blank before it */
	phi3_close(&m);
}

/* Append the ids of a text of its own. */
static void add_text(struct fox_buf *out, const struct fox_tok *t, const char *text)
{
	struct fox_buf one = {0};
	test_tok_ids(t, &one, fox_str_of(text), FOX_TOK_NO_BOS);
	fox_buf_fmt(out, "%s%s", one.n ? " " : "", one.p);
	fox_buf_free(&one);
}

/* Where blanks are removed, and in Unigram vocabularies, with a character map: stretches are texts of their own there too, and an
 * added token that only normalising makes is none. */
static void other_models(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(files); i++) {
		struct vertok x;
		struct fox_tok *tok;
		struct fox_buf want = {0}, got = {0};
		struct fox_err e = {0};
		vertok_import(&x, &sources[i], "strip");
		assert_fox_ok(fox_tok_open(&tok, &x.t, &e), &e);
		add_text(&want, tok, "the \xE2\x80\x83");
		fox_buf_str(&want, " 409");
		add_text(&want, tok, "then");
		fox_buf_str(&want, " 400 400");
		add_text(&want, tok, "a \n b");
		struct fox_str text = fox_str_of("the \xE2\x80\x83<r>\t\n then\n<lr> \n <lr>\xC2\xA0"
		                                 "a \n b");
		test_tok_ids(tok, &got, text, FOX_TOK_NO_BOS);
		assert_string_equal(got.p, want.p + 1);
		test_tok_ids(tok, &got, fox_str_of("\xEF\xBC\x9Cr>"), FOX_TOK_NO_BOS); /* U+FF1C */
		assert_null(strstr(got.p, "409"));
		test_tok_ids(tok, &got, fox_str_of("a  b"), FOX_TOK_NO_BOS); /* the second blank is removed */
		assert_null(strstr(got.p, "406"));
		assert_non_null(strstr(test_tok_ids(tok, &got, fox_str_of("a b"), FOX_TOK_NO_BOS), "406"));
		fox_buf_free(&want);
		fox_buf_free(&got);
		fox_tok_close(tok);
		vertok_close(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(imported),
	    cmocka_unit_test(proven),
	    cmocka_unit_test(right),
	    cmocka_unit_test(left),
	    cmocka_unit_test(other_models),
	};
	return cmocka_run_group_tests_name("strip", tests, set_up, tear_down);
}
