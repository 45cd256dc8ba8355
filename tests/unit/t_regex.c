/* Expressions of a tokenizer.json: options that hold to the end, and tokenizers that leave nothing of a text. */
#include "tests/test.h"

#include "runtime/tok.h"
#include "runtime/tok_split.h"

static enum fox_status open_text(struct tok_regex **re, const char *text, struct fox_err *err)
{
	const struct fox_tokpat pat = {true, fox_str_of(text)};
	*err = (struct fox_err){0};
	return tok_regex_open(re, &pat, err);
}

static void options_to_the_end(void **state)
{
	static const struct {
		const char *pattern, *text; /* text NULL: it opens */
	} cases[] = {
	    {"(?i)don't", NULL},
	    {"(?i:d)[a]", NULL},
	    {"(?i)[a]", "regex: a set under (?i) at byte 4 is not handled"},
	    {"(?i)\xC3\xA9", "regex: a character past ASCII under (?i) at byte 4 is not handled"},
	    /* under these the same would be let through, if only (?i) itself were known to hold on */
	    {"(?im)[a]", "regex: a group of this kind at byte 0 is not handled"},
	    {"(?ii)[a]", "regex: a group of this kind at byte 0 is not handled"},
	    {"(?m)a", "regex: a group of this kind at byte 0 is not handled"},
	    {"a(?i)b", "regex: a group of this kind at byte 1 is not handled"},
	};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct tok_regex *re = NULL;
		struct fox_err err;
		enum fox_status s = open_text(&re, cases[i].pattern, &err);
		if (cases[i].text)
			assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, cases[i].text);
		else
			assert_fox_ok(s, &err);
		tok_regex_close(re);
	}
}

/* BPE of "a" alone with a decoder of Fuse and Strip. */
static const char spec[] =
    "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[],\"normalizer\":null,"
    "\"pre_tokenizer\":null,\"post_processor\":null,\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{"
    "\"type\":"
    "\"Fuse\"},{\"type\":\"Strip\",\"content\":\"a\",\"start\":1,\"stop\":0}]},\"model\":{\"type\":\"BPE\","
    "\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
    "\"fuse_unk\":false,\"byte_fallback\":true,\"ignore_merges\":false}}";

static void nothing_left(void **state)
{
	struct fox_str piece[] = {fox_str_of("a")};
	float score[] = {0};
	int32_t type[] = {FOX_TOK_NORMAL}, four[] = {0, 0, 0, 0};
	struct fox_tokdata d;
	struct fox_tok *tok;
	struct fox_tok_ids ids = {0};
	struct fox_buf back = {0};
	struct fox_err err = {0};
	(void)state;
	fox_tokdata_init(&d);
	d.model = "llama", d.n = 1, d.piece = piece, d.score = score, d.type = type;
	d.hf_spec = fox_str_of(spec);
	assert_fox_ok(fox_tok_open(&tok, &d, &err), &err);
	/* no token holds this, and none is there for what is unknown; neither list nor buffer has memory yet */
	assert_fox_ok(fox_tok_encode(tok, &ids, fox_str_of("b"), 0, &err), &err);
	assert_int_equal(ids.n, 0);
	assert_fox_ok(fox_tok_decode(tok, &back, ids.ids, 0, true, 0, &err), &err);
	assert_int_equal(back.n, 0);
	assert_fox_ok(fox_tok_decode(tok, &back, four, 4, true, 0, &err), &err);
	assert_int_equal(back.n, 3);
	assert_string_equal(back.p, "aaa");
	fox_tok_ids_free(&ids);
	fox_buf_free(&back);
	fox_tok_close(tok);
	fox_tokdata_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options_to_the_end),
	    cmocka_unit_test(nothing_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
