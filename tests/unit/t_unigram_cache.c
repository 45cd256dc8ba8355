/* The cache of Unigram paths: the ids are those of one plain computation over the whole text, and every reason for which
 * the cache must not answer occurs. */
#include "tests/test.h"

#include "kernels/pool.h"
#include "runtime/tok_unigram_in.h"

#define MARK "\xE2\x96\x81"
#define MAX_TOKENS 64

static struct fox_str piece[MAX_TOKENS];
static float score[MAX_TOKENS];
static double exact[MAX_TOKENS];
static int32_t type[MAX_TOKENS];
static struct fox_tokdata data;
static struct tok_unigram *u;
static struct tok_unigram_work work, plain = {.uncached = true};

static void begin(void)
{
	fox_tokdata_init(&data);
	data.piece = piece;
	data.score = score;
	data.exact_score = exact;
	data.type = type;
	data.n = 0;
}

static void token(struct fox_str text, double s)
{
	type[data.n] = data.n ? FOX_TOK_NORMAL : FOX_TOK_UNKNOWN;
	exact[data.n] = s;
	score[data.n] = (float)s;
	piece[data.n++] = text;
}

static void open_as(enum tok_unigram_kind kind)
{
	static const uint8_t no_user[MAX_TOKENS];
	struct fox_err err = {0};
	struct tok_unigram_options o = {.kind = kind, .n_vocab = data.n, .is_user = no_user};
	tok_unigram_close(u);
	assert_fox_ok(tok_unigram_open(&u, &data, &o, &err), &err);
	assert_true(u->may_cache);
}

/* "a", "b", "ab", each with its score; "z" is unknown. */
static void open_ab(enum tok_unigram_kind kind, double ab)
{
	begin();
	token(fox_str_of("<unk>"), 0);
	token(fox_str_of("a"), -1);
	token(fox_str_of("b"), -1);
	token(fox_str_of("ab"), ab);
	open_as(kind);
}

/* Both ways give the same ids; these, if there are any wanted. */
static void same(struct fox_str text, const int32_t *want, size_t n)
{
	struct fox_tok_ids a = {0}, b = {0};
	struct fox_err err = {0};
	assert_fox_ok(tok_unigram_encode(u, &work, &a, text, &err), &err);
	assert_fox_ok(tok_unigram_encode(u, &plain, &b, text, &err), &err);
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
	if (want) {
		assert_int_equal(a.n, n);
		assert_memory_equal(a.ids, want, n * sizeof *want);
	}
	fox_tok_ids_free(&a);
	fox_tok_ids_free(&b);
}

#define SAME(text, ...)                                                                                      \
	same(fox_str_of(text), (const int32_t[]){__VA_ARGS__}, FOX_COUNT(((const int32_t[]){__VA_ARGS__})))

/* Whether the cache answers for a text, of one stretch, after scores that add up to `sum`; and the sum then. */
static bool answers(const char *text, double sum, double *then)
{
	struct fox_tok_ids ids = {0};
	struct fox_err err = {0};
	assert_fox_ok(
	    tok_unigram_encode(u, &work, &ids, fox_str_of(""), &err), &err); /* the cache is of this one */
	struct tok_unigram_run r = {
	    .u = u, .w = &work, .out = &ids, .text = fox_str_of(text), .sum = sum, .unk_from = SIZE_MAX};
	struct tok_unigram_stretch s[TOK_UNIGRAM_AHEAD];
	assert_int_equal(tok_unigram_look_ahead(&r, s), 1);
	assert_int_equal(s[0].end, r.text.n);
	bool yes = tok_unigram_cached(&r, &s[0]);
	assert_int_equal(r.from, yes ? r.text.n : 0);
	assert_int_equal(ids.n > 0, yes);
	fox_tok_ids_free(&ids);
	*then = r.sum;
	return yes;
}

/* "a" and "b" lead "ab" by 0.001, which the floats beyond some thousand cannot be trusted with. */
static void margin(void **state)
{
	(void)state;
	double then;
	open_ab(TOK_UNIGRAM_SPM, -2.001);
	SAME("ab", 1, 2);
	assert_true(answers("ab", -3000, &then));
	assert_true(then == -3002);
	assert_false(answers("ab", -4000, &then));
	assert_false(answers("ab", 4000, &then));
	open_ab(TOK_UNIGRAM_SPM, -2);
	SAME("ab", 3);
	assert_false(answers("ab", -1, &then)); /* of equal ones */
	open_ab(TOK_UNIGRAM_SPM, -1);
	assert_true(answers("ab", -98998, &then));
	assert_true(then == -98999);
	assert_false(answers("ab", -98999, &then)); /* SentencePiece may set scores back to 0 */
	SAME("abz", 3, 0);
	assert_false(answers("z", 0, &then));
}

static void margin_hf(void **state)
{
	(void)state;
	double then;
	open_ab(TOK_UNIGRAM_HF, -2 - 0x1p-40);
	SAME("ab", 1, 2);
	assert_true(answers("ab", 0, &then));
	assert_true(answers("ab", -100, &then));
	assert_false(answers("ab", -10000, &then));
	open_ab(TOK_UNIGRAM_HF, -2);
	SAME("ab", 3);
	assert_true(answers("ab", 0, &then)); /* where a text begins all sums are the same */
	assert_false(answers("ab", -1, &then));
	assert_true(then == -1);
	begin();
	token(fox_str_of("<unk>"), 0);
	token(fox_str_of("a"), 0.1);
	open_as(TOK_UNIGRAM_HF);
	assert_true(answers("a", 0x1p60, &then));
	assert_true(then == 0x1p60);
	assert_true(answers("a", 0.2, &then));
	assert_true(then == 0.1 + 0.2);
}

/* Sums as they are rounded decide: here floats make "ab" the best that exactly is not, and its entry is there already. */
static void far_from_zero(void **state)
{
	(void)state;
	char text[16680] = "ab";
	open_ab(TOK_UNIGRAM_SPM, -2.001);
	for (size_t unknown = 5; unknown < 16676; unknown += unknown < 7000 ? 97 : 1) {
		memset(text + 2, 'z', unknown);
		memcpy(text + 2 + unknown, "ab", 2);
		if (unknown % 641 && unknown < 16600)
			continue;
		same((struct fox_str){text, unknown + 4}, NULL, 0);
	}
	memset(text + 2, 'z', 16665);
	memcpy(text + 16667, "ab", 2);
	same((struct fox_str){text, 16669}, (const int32_t[]){1, 2, 0, 3}, 4);
}

static void cuts(void **state)
{
	(void)state;
	begin();
	token(fox_str_of("<unk>"), 0);
	token(fox_str_of("a"), -3);
	token(fox_str_of("b"), -3);
	token(fox_str_of(MARK), -2);
	token(fox_str_of(MARK "a"), -3);
	open_as(TOK_UNIGRAM_SPM);
	SAME("a" MARK "a" MARK "b" MARK, 1, 4, 3, 2, 3);
	SAME("zz" MARK "zz", 0, 3, 0);
	SAME("z\xE2\x96\x82z", 0);           /* unknown ones of three stretches are one run */
	token(fox_str_of("a" MARK "b"), -1); /* a mark within */
	token(fox_str_of("b\xE2\x96\x82"), -1);
	token(fox_str_of("\xE2\x96\x82\xE2\x96\x82"), -1);
	open_as(TOK_UNIGRAM_SPM);
	SAME("a" MARK "b", 5);
	SAME("a" MARK "a", 1, 4);
	SAME("b\xE2\x96\x82\xE2\x96\x82\xE2\x96\x82", 6, 7);
	open_as(TOK_UNIGRAM_HF);
	SAME("a" MARK "bb\xE2\x96\x82z", 5, 6, 0);
	/* a piece that ends within a character leads nowhere */
	token(fox_str_of("b\xE2"), 9);
	token(fox_str_of("b\xE2\x96"), 9);
	open_as(TOK_UNIGRAM_SPM);
	SAME("b" MARK "a", 2, 4);
	SAME("b\xE2\x96\x82", 6);
}

/* More bytes or ids than an entry has room for, and as many. */
static void sizes(void **state)
{
	(void)state;
	double then;
	char text[40];
	begin();
	token(fox_str_of("<unk>"), 0);
	token(fox_str_of("a"), -3);
	token(fox_str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), -8);
	token(fox_str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), -8);
	open_as(TOK_UNIGRAM_SPM);
	for (size_t n = 1; n < sizeof text; n++) {
		memset(text, 'a', n);
		text[n] = 0;
		same(fox_str_of(text), NULL, 0);
		assert_int_equal(answers(text, 0, &then), n <= 6 || n == TOK_UNIGRAM_KEY_BYTES);
	}
	assert_int_equal(TOK_UNIGRAM_KEY_IDS, 6);
	token((struct fox_str){"a\0", 2}, -1);
	open_as(TOK_UNIGRAM_SPM);
	same((struct fox_str){"a", 1}, (const int32_t[]){1}, 1);
	same((struct fox_str){"a\0", 2}, (const int32_t[]){4},
	    1); /* the same bytes in a key, but for the length */
}

/* What a cache holds of one vocabulary is nothing to another one. */
static void vocabularies(void **state)
{
	(void)state;
	open_ab(TOK_UNIGRAM_SPM, -3);
	SAME("ab", 1, 2);
	open_ab(TOK_UNIGRAM_SPM, -1);
	SAME("ab", 3);
}

static void no_cache(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct tok_unigram_options o = {.kind = TOK_UNIGRAM_HF, .n_vocab = 4, .unk = -1};
	open_ab(TOK_UNIGRAM_HF, -3);
	tok_unigram_close(u);
	assert_fox_ok(tok_unigram_open(&u, &data, &o, &err), &err);
	assert_false(u->may_cache); /* without an unknown token, some texts are refused */
	exact[2] = -1e300;
	o.unk = 0;
	tok_unigram_close(u);
	assert_fox_ok(tok_unigram_open(&u, &data, &o, &err), &err);
	assert_false(u->may_cache);
	SAME("aabz", 1, 3, 0);
}

static void append(char *to, const char *more)
{
	memcpy(to + strlen(to), more, strlen(more) + 1);
}

/* Random vocabularies and texts of words that come again. Scores are multiples of 1/8, so that many sums are equal, or
 * differ by little, or are so large that SentencePiece's sums are often set back to 0, within words too. */
static void random_texts(void **state)
{
	(void)state;
	static char texts[MAX_TOKENS][24], words[40][24], text[6000];
	static const char *const letter[] = {"a", "b", MARK, "c", "\xC3\xA9", "\xE2\x96\x82", "z"};
	uint64_t seed = 3;
	for (size_t round = 0; round < 300; round++) {
		begin();
		token(fox_str_of("<unk>"), 0);
		for (uint32_t i = 1; i < 40; i++) {
			*texts[i] = 0;
			for (size_t k = 1 + test_rand(&seed) % (i < 8 ? 1 : 4); k; k--)
				append(texts[i], letter[test_rand(&seed) % (k == 1 && round % 2 ? 3 : 6)]);
			double s = -(double)(test_rand(&seed) % 64) / 8 - 1;
			if (round % 3 == 1)
				s += (double)(test_rand(&seed) % 3) * 0x1p-14;
			token(fox_str_of(texts[i]), round % 3 == 2 ? s * 500 : s);
		}
		open_as(round % 5 ? TOK_UNIGRAM_SPM : TOK_UNIGRAM_HF);
		for (size_t i = 0; i < FOX_COUNT(words); i++) {
			*words[i] = 0;
			for (size_t k = test_rand(&seed) % 6; k; k--)
				append(words[i], letter[test_rand(&seed) % (i % 8 ? 6 : 7)]);
		}
		size_t n = 0;
		while (n + 30 < sizeof text) {
			const char *w = words[test_rand(&seed) % FOX_COUNT(words)];
			memcpy(text + n, w, strlen(w));
			n += strlen(w);
		}
		same((struct fox_str){text, n}, NULL, 0);
		same((struct fox_str){text, n / 50}, NULL, 0);
	}
}

struct job {
	const struct fox_tok *tok;
	struct fox_tok_ids ids[64];
};

static void encode_item(void *ctx, size_t item, unsigned worker)
{
	(void)worker;
	struct job *j = ctx;
	struct fox_err err = {0};
	const char *text = item % 2 ? "ab a ab" : "b b ab";
	for (int k = 0; k < 50; k++) {
		j->ids[item].n = 0;
		if (fox_tok_encode(j->tok, &j->ids[item], fox_str_of(text), FOX_TOK_NO_BOS, &err))
			return;
	}
}

/* Threads hand working memory to each other, one at a time. */
static void threads(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_tok *tok = NULL;
	struct job j = {0};
	struct fox_pool *pool = fox_pool_open(3);
	begin();
	data.model = "t5";
	data.unk = 0;
	token(fox_str_of("<unk>"), 0);
	token(fox_str_of("a"), -3);
	token(fox_str_of("b"), -3);
	token(fox_str_of("ab"), -4);
	token(fox_str_of(MARK), -1);
	assert_fox_ok(fox_tok_open(&tok, &data, &err), &err);
	j.tok = tok;
	fox_pool_run(pool, encode_item, &j, FOX_COUNT(j.ids));
	for (size_t i = 0; i < FOX_COUNT(j.ids); i++) {
		static const int32_t want[2][6] = {{4, 2, 4, 2, 4, 3}, {4, 3, 4, 1, 4, 3}};
		assert_int_equal(j.ids[i].n, 6);
		assert_memory_equal(j.ids[i].ids, want[i % 2], sizeof *want);
		fox_tok_ids_free(&j.ids[i]);
	}
	fox_tok_close(tok);
	fox_pool_close(pool);
}

static int drop(void **state)
{
	(void)state;
	tok_unigram_close(u);
	tok_unigram_work_free(&work);
	tok_unigram_work_free(&plain);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(margin),
	    cmocka_unit_test(margin_hf),
	    cmocka_unit_test(far_from_zero),
	    cmocka_unit_test(cuts),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(vocabularies),
	    cmocka_unit_test(no_cache),
	    cmocka_unit_test(random_texts),
	    cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("unigram_cache", tests, NULL, drop);
}
