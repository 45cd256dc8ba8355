/* Expressions of a tokenizer.json: what is refused by name, what is written out for PCRE2, options that hold to the end, an
 * expression that gives up, and tokenizers that leave nothing of a text.   spec/tokenizer.md 14.1 */
#include "tests/test.h"

#include "runtime/tok.h"
#include "runtime/tok_split.h"

static enum fox_status open_text(struct fox_regex **re, const char *text, struct fox_err *err)
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
		struct fox_regex *re = NULL;
		struct fox_err err;
		enum fox_status s = open_text(&re, cases[i].pattern, &err);
		if (cases[i].text)
			assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, cases[i].text);
		else
			assert_fox_ok(s, &err);
		fox_regex_close(re);
	}
}

/* A construct that the two libraries may read differently, and the byte at which it stands. */
static void refused_by_name(void **state)
{
	static const char *const cases[][2] = {
	    {"(a)\\1", "a back reference or octal escape at byte 3"},
	    {"a\\Kb", "\\K at byte 1"},
	    {"\\R", "\\R at byte 0"},
	    {"\\X", "\\X at byte 0"},
	    {"\\G", "\\G at byte 0"},
	    {"\\g<1>", "\\g at byte 0"},
	    {"(?~ab)", "a group of this kind at byte 0"},
	    {"(?(1)a)", "a group of this kind at byte 0"},
	    {"[[:alpha:]]", "a POSIX bracket at byte 1"},
	    {"\\x80", "\\xHH from 80 on at byte 2"},
	    {"a{2}?", "{n}? or {n,m}+ at byte 1"},
	    {"a{1,2}+", "{n}? or {n,m}+ at byte 1"},
	    {"a++*", "a quantifier of a quantifier at byte 1"},
	    {"*a", "a quantifier of nothing at byte 0"},
	    {"a{x}", "a brace that is no quantifier at byte 1"},
	    {"(a", "a group without an end at byte 1"},
	    {"a)", "a ) without ( at byte 1"},
	    {"[a", "a set without an end at byte 0"},
	    {"[a&&]", "&& without an operand at byte 4"},
	    {"(?i)ss", "two letters under (?i) that fold to one character at byte 4"},
	    {"(?i)\\p{Lu}", "\\p under (?i) at byte 4"},
	};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_regex *re = NULL;
		struct fox_err err;
		char text[160];
		assert_int_equal(open_text(&re, cases[i][0], &err), FOX_E_UNSUPPORTED);
		snprintf(text, sizeof text, "regex: %s is not handled", cases[i][1]);
		assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE, text);
	}
}

/* The first match, as Oniguruma has it (by tokenizers 0.23.3: Split with behavior "removed" and invert). */
static void written_out(void **state)
{
	static const struct {
		const char *pattern, *text, *match; /* match NULL: there is none */
	} cases[] = {
	    {"\\s", "a\xE1\xA0\x8E", NULL},       /* U+180E is no blank */
	    {"\\s", "a\xC2\x85", "\xC2\x85"},     /* U+0085 is one */
	    {"\\w+", "+a\xCC\x81+", "a\xCC\x81"}, /* marks belong to words */
	    {"\\w", "\xC2\xB2", NULL},            /* superscript two does not */
	    {"\\d", "\xD9\xA3", "\xD9\xA3"},      /* Arabic three */
	    {"\\h+", "gfaG", "fa"},               /* hexadecimal digits, no blanks */
	    {"[a-z&&[^aeiou]]+", "aebcdi", "bcd"},
	    {"[^a&&b]", "b", "b"}, /* not both */
	    {"(?m:.)", "\n", "\n"},
	    {".", "\n", NULL},
	    {"a$", "a\nb", "a"},
	    {"^b", "a\nb", "b"},
	    {"a{,2}b", "aaab", "aab"},
	    {"\\bb", "ab b", "b"},
	    {"(?<name>a)b", "ab", "ab"},
	    {"[[a-c]x]+", "zxb", "xb"},
	};
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_regex *re = NULL;
		struct fox_matcher *m = fox_matcher_open();
		struct tok_find f = {0};
		struct fox_err err;
		struct fox_str text = fox_str_of(cases[i].text);
		assert_non_null(m);
		assert_fox_ok(open_text(&re, cases[i].pattern, &err), &err);
		assert_fox_ok(tok_regex_next(re, m, text, &f, &err), &err);
		assert_int_equal(f.over, !cases[i].match);
		if (cases[i].match)
			assert_true(fox_str_is((struct fox_str){text.p + f.from, f.to - f.from}, cases[i].match));
		fox_regex_close(re);
		fox_matcher_close(m);
	}
}

/* A limit reached is an error, never a cut that happens to be found so far. */
static void gives_up(void **state)
{
	struct fox_regex *re = NULL;
	struct fox_matcher *m = fox_matcher_open();
	struct tok_find f = {0};
	struct fox_err err;
	static char text[4001];
	(void)state;
	memset(text, 'a', sizeof text - 1);
	assert_non_null(m);
	assert_fox_ok(open_text(&re, "(?:a|a)*(?:a|a)*c|b", &err), &err);
	assert_int_equal(tok_regex_next(re, m, fox_str_of(text), &f, &err), FOX_E_UNSUPPORTED);
	assert_true(strstr(err.text, "regex: gave up on this text (match limit exceeded)") != NULL);
	fox_regex_close(re);
	fox_matcher_close(m);
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
	    cmocka_unit_test(refused_by_name),
	    cmocka_unit_test(written_out),
	    cmocka_unit_test(gives_up),
	    cmocka_unit_test(options_to_the_end),
	    cmocka_unit_test(nothing_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
