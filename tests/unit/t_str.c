/* Text: comparison, numbers, UTF-8 (every code point and every ill-formed kind), the buffer, escaping. */
#include "tests/test.h"

#include "format/base/str.h"

static struct fox_str view(const char *p, size_t n)
{
	return (struct fox_str){p, n};
}

static void orders_by_bytes(void **state)
{
	(void)state;
	assert_true(fox_str_cmp(fox_str_of("a"), fox_str_of("b")) < 0);
	assert_true(fox_str_cmp(fox_str_of("ab"), fox_str_of("a")) > 0);
	assert_true(fox_str_cmp(fox_str_of("\xC3"), fox_str_of("z")) > 0);
	assert_true(fox_str_cmp(view("a\0b", 3), view("a\0c", 3)) < 0);
	assert_int_equal(fox_str_cmp(fox_str_of(""), fox_str_of("")), 0);
	assert_true(fox_str_starts(fox_str_of("blk.0"), "blk.") && !fox_str_starts(fox_str_of("bl"), "blk."));
	assert_true(fox_str_ends(fox_str_of("a.weight"), ".weight") && !fox_str_ends(fox_str_of("t"), "at"));
}

static void reads_whole_numbers_only(void **state)
{
	(void)state;
	static const char *const bad_u64[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616"};
	static const char *const bad_f64[] = {"", " 1", "1 ", "inf", "nan", "0x1p3", "1e999", "1,5", "--1"};
	uint64_t u = 7;
	double d = 7;
	for (size_t i = 0; i < FOX_COUNT(bad_u64); i++)
		assert_false(fox_str_u64(fox_str_of(bad_u64[i]), &u));
	for (size_t i = 0; i < FOX_COUNT(bad_f64); i++)
		assert_false(fox_str_f64(fox_str_of(bad_f64[i]), &d));
	assert_true(u == 7 && d == 7);
	assert_true(fox_str_u64(fox_str_of("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_true(fox_str_f64(fox_str_of("-1.5e3"), &d) && d == -1500);
}

static void utf8_round_trips(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		char b[4];
		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		size_t n = fox_utf8_put(b, c), i = 0;
		if (fox_utf8_next(view(b, n), &i) != (int32_t)c || i != n)
			fail_msg("U+%04X", c);
	}
}

static void utf8_refuses_ill_formed(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE0\x9F\xBF",
	    "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
	    "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3\x28", "\xE2\x28\xA1"};
	for (size_t k = 0; k < FOX_COUNT(bad); k++) {
		size_t i = 0;
		assert_int_equal(fox_utf8_next(fox_str_of(bad[k]), &i), -1);
		assert_int_equal(i, 1);
	}
	assert_int_equal(fox_utf8_bad(fox_str_of("ok \xE2\x82\xAC \xC3(")), 7);
	assert_int_equal(fox_utf8_bad(fox_str_of("ok")), 2);
}

static void buffer_grows(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	assert_string_equal(fox_buf_view(&b).p, "");
	for (int i = 0; i < 1000; i++)
		fox_buf_fmt(&b, "%03d", i);
	assert_int_equal(b.n, 3000);
	assert_memory_equal(b.p + 2997, "999", 4);
	fox_buf_add(&b, b.p, SIZE_MAX / 2);
	assert_true(b.failed);
	fox_buf_str(&b, "ignored");
	assert_int_equal(b.n, 3000);
	fox_buf_clear(&b);
	fox_buf_char(&b, 'x');
	assert_string_equal(b.p, "x");
	fox_buf_free(&b);
}

static void escapes_what_terminals_obey(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
		size_t max;
	} cases[] = {
	    {"plain \xC3\xA9 \xF0\x9F\xA6\x8A", "plain \xC3\xA9 \xF0\x9F\xA6\x8A", 100},
	    {"a\x1b[2J", "a\\x1B[2J", 100},
	    {"\x1b]52;c;ZXZpbA==\x07", "\\x1B]52;c;ZXZpbA==\\x07", 100},
	    {"a\nb\tc\rd\\", "a\\nb\\tc\\rd\\\\", 100},
	    {"\x7F", "\\x7F", 100},
	    {"\xC2\x9B", "\\u{009B}", 100},
	    {"\xE2\x80\xAE", "\\u{202E}", 100},
	    {"\xEF\xBB\xBF", "\\u{FEFF}", 100},
	    {"\xFF\xC3", "\\xFF\\xC3", 100},
	    {"caf\xC3\xA9", "caf...", 4},
	    {"abc", "abc", 3},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_buf b = {0};
		fox_buf_escaped(&b, fox_str_of(cases[i].in), cases[i].max);
		assert_string_equal(b.p, cases[i].out);
		fox_buf_free(&b);
	}
}

static void test_line(void **state)
{
	(void)state;
	static const char *const want[] = {"a", "", "b\r", "c\rd", "", "e"};
	const struct fox_str text = fox_str_of("a\n\nb\r\r\nc\rd\r\n\r\ne");
	size_t at = 0, n = 0;
	while (at < text.n) {
		struct fox_str line = fox_str_line(text, &at);
		assert_true(n < FOX_COUNT(want) && fox_str_is(line, want[n]));
		n++;
	}
	assert_int_equal(n, FOX_COUNT(want));
	at = 0;
	assert_true(fox_str_is(fox_str_line(fox_str_of("x\n"), &at), "x"));
	assert_int_equal(at, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_line),
	    cmocka_unit_test(orders_by_bytes),
	    cmocka_unit_test(reads_whole_numbers_only),
	    cmocka_unit_test(utf8_round_trips),
	    cmocka_unit_test(utf8_refuses_ill_formed),
	    cmocka_unit_test(buffer_grows),
	    cmocka_unit_test(escapes_what_terminals_obey),
	};
	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
