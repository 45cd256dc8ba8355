/* Normalising as SentencePiece does, against one step after the other with no table of what stays. */
#include "tests/test.h"

#include "runtime/tok_spm.h"
#include "tests/charsmap_make.h"

#define MARK "\xE2\x96\x81"

static struct test_charsmap map;
static struct fox_buf map_bytes;
static struct fox_tokdata data;
static struct fox_str piece[5];
static float score[5];
static int32_t type[5];
static struct fox_tok *tok;

/* The sample, a tab that becomes a blank, and keys that begin with what is no key: c, and a blank, before an accent. */
static void make_map(void)
{
	charsmap_sample(&map);
	for (uint32_t i = map.n; i < 13 * 256; i++)
		charsmap_edge(&map, i, (uint8_t)(i ^ 0xfe), false, i ^ 1);
	map.n = 13 * 256;
	charsmap_edge(&map, 256 ^ '\t', '\t', true, 6 * 256);
	charsmap_value(&map, 6 * 256, 4);
	for (uint32_t k = 0; k < 2; k++) {
		uint32_t first = (7 + k * 3) * 256;
		uint8_t c = k ? ' ' : 'c';
		charsmap_edge(&map, 256 ^ c, c, false, first);
		charsmap_edge(&map, first ^ 0xCC, 0xCC, false, first + 256);
		charsmap_edge(&map, (first + 256) ^ 0x81, 0x81, true, first + 512);
		charsmap_value(&map, first + 512, k ? 0 : 6);
	}
	charsmap_bytes(&map, &map_bytes);
}

static void open_with(bool mapped, const char *const *user, size_t n_user, bool squeeze, bool prefix)
{
	struct fox_err err = {0};
	fox_tokdata_init(&data);
	data.model = "t5";
	data.add_space_prefix = prefix;
	data.remove_extra_whitespaces = squeeze;
	data.piece = piece;
	data.score = score;
	data.type = type;
	data.n = 1 + (uint32_t)n_user;
	data.unk = 0;
	piece[0] = fox_str_of("<unk>");
	type[0] = FOX_TOK_UNKNOWN;
	for (size_t i = 0; i < n_user; i++) {
		piece[1 + i] = fox_str_of(user[i]);
		type[1 + i] = FOX_TOK_USER;
	}
	if (mapped)
		data.charsmap = fox_buf_view(&map_bytes);
	fox_tok_close(tok);
	assert_fox_ok(fox_tok_open(&tok, &data, &err), &err);
}

static struct fox_str step(struct fox_str s, size_t i, size_t *len)
{
	*len = 0;
	for (uint32_t k = 1; k < data.n; k++)
		if (piece[k].n > *len && piece[k].n <= s.n - i && !memcmp(s.p + i, piece[k].p, piece[k].n))
			*len = piece[k].n;
	return *len ? (struct fox_str){s.p + i, *len} : tok_charsmap_prefix(&tok->charsmap, s, i, len);
}

static void expected(struct fox_buf *out, struct fox_str s)
{
	bool squeeze = data.remove_extra_whitespaces, after_blank = squeeze;
	size_t i = 0, len = 0;
	fox_buf_clear(out);
	for (; squeeze && i < s.n; i += len) {
		struct fox_str to = step(s, i, &len);
		if (!fox_str_is(to, " "))
			break;
	}
	if (i < s.n && data.add_space_prefix)
		fox_buf_str(out, MARK);
	for (; i < s.n; i += len) {
		struct fox_str to = step(s, i, &len);
		for (size_t k = 0; k < to.n; k++) {
			bool blank = to.p[k] == ' ';
			if (blank && after_blank && squeeze)
				continue; /* no replacement has two blanks side by side */
			fox_buf_add(out, blank ? MARK : to.p + k, blank ? 3 : 1);
			after_blank = blank;
		}
	}
	while (squeeze && out->n >= 3 && !memcmp(out->p + out->n - 3, MARK, 3))
		out->n -= 3;
}

static void check(struct fox_str text)
{
	struct fox_buf got = {0}, want = {0};
	tok_spm_normalize(tok, &got, text);
	expected(&want, text);
	assert_false(got.failed);
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
	fox_buf_free(&got);
	fox_buf_free(&want);
}

static void random_texts(void **state)
{
	(void)state;
	static const struct fox_str part[] = {{"a", 1}, {"b", 1}, {"c", 1}, {" ", 1}, {"\t", 1}, {"\xCC\x81", 2},
	    {"\xC3\xA9", 2}, {"\xC3\xA8", 2}, {"\xC3", 1}, {"\xF0\x9F\x98\x80", 4}, {MARK, 3}, {"\0", 1},
	    {"z", 1}, {"\xE3\x80\x80", 3}};
	static const char *const user[] = {"b c", "\xC3\xA8\t", "zz\t", "za"};
	char text[4000];
	uint64_t seed = 11;
	make_map();
	for (uint32_t round = 0; round < 1000; round++) {
		size_t n = 0, most = test_rand(&seed) % 8 ? test_rand(&seed) % 40 : sizeof text - 4;
		open_with(round & 1, user, round & 2 ? 4 : 0, round & 4, round & 8);
		while (n < most) {
			/* runs without blanks, and long ones, too */
			const struct fox_str *p = &part[test_rand(&seed) % FOX_COUNT(part)];
			size_t times = test_rand(&seed) % 50 ? 1 : 700;
			for (; times && n + p->n <= sizeof text; times--, n += p->n)
				memcpy(text + n, p->p, p->n);
		}
		check((struct fox_str){text, n});
	}
}

static void is(const char *text, const char *want)
{
	struct fox_buf got = {0};
	tok_spm_normalize(tok, &got, fox_str_of(text));
	assert_true(fox_str_is(fox_buf_view(&got), want));
	fox_buf_free(&got);
}

static void examples(void **state)
{
	(void)state;
	make_map();
	open_with(true, NULL, 0, true, true);
	is("  c c\xCC\x81\t \tz ", MARK "c" MARK "\xC3\xA9" MARK "z");
	is("z \xCC\x81z", MARK "zxz");
	is("aab\xC3\xA9 ", MARK "xe");
	is("\t \t", "");
	open_with(true, NULL, 0, false, false);
	is(" \xC3\xA9\t z", MARK "e" MARK MARK MARK "z");
}

static void begins(void **state)
{
	(void)state;
	struct fox_charsmap m;
	struct fox_err err = {0};
	struct fox_str to;
	uint8_t follow[256] = {0};
	make_map();
	assert_fox_ok(
	    fox_charsmap_parse(&m, (struct fox_span){(const uint8_t *)map_bytes.p, map_bytes.n}, &err), &err);
	assert_false(fox_charsmap_begins(&m, fox_str_of("z"), &to, follow));
	assert_null(to.p);
	assert_true(fox_charsmap_begins(&m, fox_str_of("a"), &to, follow));
	assert_true(fox_str_is(to, "x"));
	assert_true(fox_charsmap_begins(&m, fox_str_of("c"), &to, follow));
	assert_null(to.p);
	assert_true(fox_charsmap_begins(&m, fox_str_of("\xC3\xA9"), &to, follow));
	assert_true(fox_str_is(to, "e "));
	for (int c = 0; c < 256; c++)
		assert_int_equal(follow[c], c == 'b' || c == 0xCC);
	assert_false(fox_charsmap_begins(&(struct fox_charsmap){0}, fox_str_of("a"), &to, follow));
}

static int drop(void **state)
{
	(void)state;
	fox_tok_close(tok);
	fox_buf_free(&map_bytes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples),
	    cmocka_unit_test(begins),
	    cmocka_unit_test(random_texts),
	};
	return cmocka_run_group_tests_name("spm_norm", tests, NULL, drop);
}
