/* Unigram vocabularies at their edges: ids that SentencePiece 0.2.3 and HF tokenizers 0.23.3 gave for vocabularies made
 * here, and texts that must neither take quadratic time nor much memory. Whole vocabularies: t_tok.c. */
#include "tests/test.h"

#include "runtime/tok_darray.h"
#include "runtime/tok_unigram.h"

struct token {
	const char *text;
	double score;
	int32_t type;
};

#define MAX_TOKENS 32

struct vocabulary {
	struct fox_str piece[MAX_TOKENS];
	float score[MAX_TOKENS];
	double exact[MAX_TOKENS];
	int32_t type[MAX_TOKENS];
	struct fox_tokdata d;
};

static struct vocabulary voc;
static struct tok_unigram *hf;
static struct fox_tok *tok;

/* Tokens up to one without a text. */
static void fill(const struct token *t)
{
	fox_tokdata_init(&voc.d);
	voc.d.model = "t5";
	voc.d.add_bos = voc.d.add_space_prefix = false;
	voc.d.piece = voc.piece;
	voc.d.score = voc.score;
	voc.d.exact_score = voc.exact;
	voc.d.type = voc.type;
	for (uint32_t n = voc.d.n = 0; t[n].text; voc.d.n = ++n) {
		voc.piece[n] = fox_str_of(t[n].text);
		voc.exact[n] = t[n].score;
		voc.score[n] = (float)t[n].score;
		voc.type[n] = t[n].type ? t[n].type : FOX_TOK_NORMAL;
		if (voc.type[n] == FOX_TOK_UNKNOWN)
			voc.d.unk = (int32_t)n;
	}
}

static void open_hf(const struct token *t, int32_t unk, bool bytes)
{
	struct fox_err err = {0};
	fill(t);
	struct tok_unigram_options o = {
	    .kind = TOK_UNIGRAM_HF, .n_vocab = voc.d.n, .unk = unk, .byte_fallback = bytes};
	tok_unigram_close(hf);
	assert_fox_ok(tok_unigram_open(&hf, &voc.d, &o, &err), &err);
}

static void open_spm(const struct token *t)
{
	struct fox_err err = {0};
	fill(t);
	fox_tok_close(tok);
	assert_fox_ok(fox_tok_open(&tok, &voc.d, &err), &err);
}

static void same_ids(struct fox_tok_ids *ids, struct fox_str text, const char *want)
{
	struct fox_buf got = {0};
	fox_buf_str(&got, "");
	for (size_t i = 0; i < ids->n; i++)
		fox_buf_fmt(&got, "%s%d", i ? " " : "", ids->ids[i]);
	if (strcmp(got.p, want))
		fail_msg("'%.*s': ids %s, want %s", FOX_STR_ARG(text), got.p, want);
	fox_buf_free(&got);
	fox_tok_ids_free(ids);
}

static void is_hf(struct fox_str text, const char *want)
{
	static struct tok_unigram_work work; /* what an earlier text leaves must not matter */
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	assert_fox_ok(tok_unigram_encode(hf, &work, &ids, text, &err), &err);
	same_ids(&ids, text, want);
}

static void is_spm(struct fox_str text, uint32_t flags, const char *want)
{
	struct fox_err err = {0};
	struct fox_tok_ids ids = {0};
	assert_fox_ok(fox_tok_encode(tok, &ids, text, flags, &err), &err);
	same_ids(&ids, text, want);
}

#define HF(text, want) is_hf((struct fox_str){text, sizeof text - 1}, want)
#define SPM(text, want) is_spm((struct fox_str){text, sizeof text - 1}, FOX_TOK_NO_BOS, want)

/* Unknown characters are joined, looked up, taken apart into bytes if all of these exist, else unknown. */
static void hf_unknown(void **state)
{
	(void)state;
	static const struct token t[] = {{"<unk>", 50, 0}, {"ab", 31, 0}, {"c", 40, 0}, {"<0x64>", 33, 0},
	    {"<0x65>", 34, 0}, {"x", 32, 0}, {NULL, 0, 0}};
	open_hf(t, 0, true);
	HF("ab", "1");
	HF("abab", "0");
	HF("cab", "2 1");
	HF("d", "3");
	HF("de", "3 4");
	HF("def", "0");
	HF("<unk>", "0"); /* found in the text, and joined with its neighbours like an unknown character */
	HF("<unk>d", "0");
	HF("d<unk>", "0");
	HF("<0x64>", "0 5 0"); /* the unknown "<0" costs less here than the piece gives */
	HF("xaby", "5 0");
	HF("", "");
	open_hf(t, 0, false);
	HF("de", "0");
}

static void hf_no_unknown(void **state)
{
	(void)state;
	static const struct token t[] = {{"a", -1, 0}, {"ab", -2, 0}, {NULL, 0, 0}};
	struct tok_unigram_work work = {0};
	struct fox_tok_ids ids = {0};
	struct fox_err err = {0};
	open_hf(t, -1, false);
	HF("aab", "0 1");
	HF("ab", "1");
	assert_int_equal(tok_unigram_encode(hf, &work, &ids, fox_str_of("aabb"), &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "text with a character that no token holds, in a vocabulary without an unknown token");
	assert_int_equal(ids.n, 0);
	err = (struct fox_err){0};
	assert_fox_ok(
	    tok_unigram_encode(hf, &work, &ids, fox_str_of("aab"), &err), &err); /* the memory is clean again */
	same_ids(&ids, fox_str_of("aab"), "0 1");
	tok_unigram_work_free(&work);
}

/* Scores that no float holds decide; of equal paths the one found first stays; of equal tokens the last counts. */
static void hf_doubles(void **state)
{
	(void)state;
	struct token t[] = {{"<unk>", 0, 0}, {"a", -1, 0}, {"b", -1, 0}, {"ab", -2 - 0x1p-40, 0}, {NULL, 0, 0}};
	open_hf(t, 0, false);
	HF("ab", "1 2");
	t[3].score = -2 + 0x1p-40;
	open_hf(t, 0, false);
	HF("ab", "3");
	t[3].score = -2;
	open_hf(t, 0, false);
	HF("ab", "3");
	static const struct token twice[] = {{"<unk>", 0, 0}, {"a", -3, 0}, {"b", -1, 0}, {"ab", -4.5, 0},
	    {"ab", -3.5, 0}, {"", -1, 0}, {NULL, 0, 0}};
	open_hf(twice, 0, false);
	HF("ab", "4");
	HF("a\0a", "1 0 1");
	voc.d.exact_score = NULL; /* without exact scores those of the container count */
	voc.score[4] = -4.25f;
	struct tok_unigram_options o = {.kind = TOK_UNIGRAM_HF, .n_vocab = 4};
	struct fox_err err = {0};
	tok_unigram_close(hf);
	assert_fox_ok(tok_unigram_open(&hf, &voc.d, &o, &err), &err);
	HF("ab", "1 2"); /* token 4 is past model.vocab, 3 scores -4.5 */
}

static const struct token spm_tokens[] = {{"<unk>", 0, FOX_TOK_UNKNOWN}, {"<s>", 0, FOX_TOK_CONTROL},
    {"a", -1, 0}, {"b", -1, 0}, {"ab", -2.001, 0}, {"abc", -.5, FOX_TOK_UNUSED}, {"<u>", -7, FOX_TOK_USER},
    {"<u><u>", -9, FOX_TOK_USER}, {"u", -3, 0}, {"\xE2\x96\x81", -4, 0}, {"q", 5, FOX_TOK_UNUSED},
    {NULL, 0, 0}};

static void spm_types(void **state)
{
	(void)state;
	open_spm(spm_tokens);
	SPM("ab", "2 3");
	SPM("abc", "2 3 0");
	SPM("<u>", "6");
	SPM("<u><u><u>", "6 7"); /* equal sums: the path whose last piece begins first */
	SPM("<s>ab", "0 2 3");
	SPM("<unk>", "0 8 0");
	SPM("xyab zz", "0 2 3 9 0");
	SPM("q", "0");
	SPM("qq<u>u", "0 6 8");
	SPM("zz<u>zz", "0 6 0");
	is_spm(fox_str_of("a<s>b"), FOX_TOK_NO_BOS | FOX_TOK_SPECIAL, "2 1 3");
	voc.d.eos = 1;
	is_spm(fox_str_of("a"), 0, "2"); /* add_eos as set */
	voc.d.add_eos = true;
	is_spm(fox_str_of("a"), 0, "2 1");
	/* without a normal piece there is no least score, and unknown costs nothing */
	static const struct token none[] = {
	    {"<unk>", 0, FOX_TOK_UNKNOWN}, {"<u>", 0, FOX_TOK_USER}, {NULL, 0, 0}};
	open_spm(none);
	SPM("<u>x<u>xx", "0");
}

/* A blank in an added token stands for a mark; in SentencePiece's own piece it is never found. */
static void spm_blanks(void **state)
{
	(void)state;
	static const struct token t[] = {{"<unk>", 0, FOX_TOK_UNKNOWN}, {"a", -1, 0}, {"\xE2\x96\x81", -2, 0},
	    {"a a", 0, FOX_TOK_USER}, {NULL, 0, 0}};
	uint32_t user = 3;
	struct fox_err err = {0};
	open_spm(t);
	SPM("aa aa", "1 3 1");
	voc.d.user = &user;
	voc.d.n_user = 1;
	fox_tok_close(tok);
	assert_fox_ok(fox_tok_open(&tok, &voc.d, &err), &err);
	SPM("aa aa", "1 1 2 1 1");
	voc.d.user = NULL;
	voc.d.n_user = 0;
}

static void spm_bytes(void **state)
{
	(void)state;
	static const struct token t[] = {{"<unk>", 0, FOX_TOK_UNKNOWN}, {"a", -1, 0}, {"<0xC3>", 0, FOX_TOK_BYTE},
	    {"<0xA9>", 0, FOX_TOK_BYTE}, {NULL, 0, 0}};
	open_spm(t);
	SPM("a\xC3\xA9\xC3\xA9", "1 2 3 2 3");
	SPM("\xC3\xA8", "2 0"); /* a byte without a piece: foreign containers only */
	SPM("<0xC3>", "0 0 0 0 0 0");
}

/* Beyond 100000 SentencePiece takes the score off, and small differences count again. */
static void spm_reset(void **state)
{
	(void)state;
	static const struct token t[] = {{"<unk>", 0, FOX_TOK_UNKNOWN}, {"<s>", 0, FOX_TOK_CONTROL}, {"a", -1, 0},
	    {"b", -1, 0}, {"ab", -2.001, 0}, {NULL, 0, 0}};
	static const struct {
		size_t unknown;
		const char *want;
	} c[] = {{8334, "0 2 3"}, {16667, "0 4"}, {16668, "0 2 3"}};
	char text[16672];
	memset(text, 'z', sizeof text);
	open_spm(t);
	for (size_t i = 0; i < FOX_COUNT(c); i++) {
		memcpy(text + c[i].unknown, "ab", 2);
		is_spm((struct fox_str){text, c[i].unknown + 2}, FOX_TOK_NO_BOS, c[i].want);
		memcpy(text + c[i].unknown, "zz", 2);
	}
}

/* A million blanks or unknown characters: quadratic time would not end, and what is settled is not kept. */
static void long_runs(void **state)
{
	(void)state;
	static const struct token t[] = {{"<unk>", 0, FOX_TOK_UNKNOWN}, {"\xE2\x96\x81", -2, 0},
	    {"\xE2\x96\x81\xE2\x96\x81", -3, 0}, {NULL, 0, 0}};
	const size_t n = 1u << 20;
	char *text = malloc(n);
	struct fox_tok_ids ids = {0};
	struct fox_err err = {0};
	struct tok_unigram_work work = {0};
	open_spm(t);
	memset(text, ' ', n);
	assert_fox_ok(fox_tok_encode(tok, &ids, (struct fox_str){text, n}, FOX_TOK_NO_BOS, &err), &err);
	assert_int_equal(ids.n, n / 2);
	fox_tok_ids_free(&ids);
	memset(text, 'z', n);
	assert_fox_ok(tok_unigram_encode(tok->unigram, &work, &ids, (struct fox_str){text, n}, &err), &err);
	assert_int_equal(ids.n, 1);
	assert_true(work.cap <= 4 * FOX_TOK_MAX_PIECE * 3);
	fox_tok_ids_free(&ids);
	tok_unigram_work_free(&work);
	free(text);
}

static void check_find(const struct tok_darray *d, const struct tok_key *key, size_t n, struct fox_str s)
{
	int32_t want = -1;
	for (size_t i = 0; i < n; i++)
		if (fox_str_eq(key[i].text, s) && s.n && key[i].id > want)
			want = key[i].id;
	assert_int_equal(tok_darray_find(d, s), want);
}

/* Against a search one by one: few letters, so that many keys share beginnings, and all bytes after one. */
static void double_array(void **state)
{
	(void)state;
	enum { N = 3000 };
	static char texts[N][8];
	static struct tok_key key[N];
	struct fox_err err = {0};
	struct tok_darray d;
	uint64_t seed = 5;
	for (size_t i = 0; i < N; i++) {
		size_t len = test_rand(&seed) % 8;
		for (size_t j = 0; j < len; j++)
			texts[i][j] = i % 3 ? "ab\0\xff"[test_rand(&seed) % 4] : (char)test_rand(&seed);
		key[i] = (struct tok_key){{texts[i], len}, (int32_t)i};
	}
	assert_fox_ok(tok_darray_build(&d, key, N, &err), &err);
	assert_int_equal(d.n % 256, 0);
	for (size_t i = 0; i < N; i++) {
		check_find(&d, key, N, key[i].text);
		char other[8];
		memcpy(other, key[i].text.p, key[i].text.n);
		if (key[i].text.n)
			other[test_rand(&seed) % key[i].text.n] ^= (char)(1 + test_rand(&seed) % 255);
		check_find(&d, key, N, (struct fox_str){other, key[i].text.n});
	}
	tok_darray_free(&d);
	assert_fox_ok(tok_darray_build(&d, NULL, 0, &err), &err);
	assert_int_equal(tok_darray_find(&d, (struct fox_str){"\0", 1}), -1);
	assert_int_equal(tok_darray_find(&d, fox_str_of("a")), -1);
	tok_darray_free(&d);
}

static int drop(void **state)
{
	(void)state;
	tok_unigram_close(hf);
	fox_tok_close(tok);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hf_unknown),
	    cmocka_unit_test(hf_no_unknown),
	    cmocka_unit_test(hf_doubles),
	    cmocka_unit_test(spm_types),
	    cmocka_unit_test(spm_blanks),
	    cmocka_unit_test(spm_bytes),
	    cmocka_unit_test(spm_reset),
	    cmocka_unit_test(long_runs),
	    cmocka_unit_test(double_array),
	};
	return cmocka_run_group_tests_name("unigram", tests, NULL, drop);
}
