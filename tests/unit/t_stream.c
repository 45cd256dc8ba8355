/* t_stream.c - pieces of text made fit to print, however they are cut; and the reading of CPU quotas. */
#include "tests/test.h"

#include "kernels/ncpu.h"
#include "runtime/stream.h"

/* Feed text in pieces of `cut` bytes. After each piece nothing of an unfinished character may be out. */
static void feed(const char *text, size_t n, size_t cut, bool escape, const char *want)
{
	struct fox_stream s = {.escape = escape};
	struct fox_buf out = {0};
	for (size_t i = 0; i < n; i += cut)
		fox_stream_add(&s, &out, (struct fox_str){text + i, n - i < cut ? n - i : cut});
	fox_stream_end(&s, &out);
	assert_string_equal(out.p ? out.p : "", want);
	fox_buf_free(&out);
}

static void whole_characters(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x8a z"; /* a e-acute euro fox z */
	static const size_t ends[] = {0, 1, 3, 6, 10, 11, 12};
	struct fox_stream s = {0};
	struct fox_buf out = {0};
	for (size_t i = 0; i < sizeof text - 1; i++) {
		fox_stream_add(&s, &out, (struct fox_str){text + i, 1});
		size_t k = 0;
		while (ends[k] < i + 1)
			k++;
		assert_int_equal(out.n, ends[k] == i + 1 ? i + 1 : ends[k - 1]);
	}
	assert_int_equal(s.n_held, 0);
	assert_memory_equal(out.p, text, out.n);
	fox_buf_free(&out);
	for (size_t cut = 1; cut < 14; cut++)
		feed(text, sizeof text - 1, cut, false, text);
}

static void ill_formed(void **state)
{
	(void)state;
	/* a lone continuation, a cut character before ASCII, bytes that never occur, a cut end: nothing is lost
	 * or held for ever */
	static const char text[] = "\x80x\xe2\x82y\xff\xc0\xf0\x9f";
	for (size_t cut = 1; cut < 10; cut++) {
		feed(text, sizeof text - 1, cut, false, text);
		feed(text, sizeof text - 1, cut, true, "\\x80x\\xE2\\x82y\\xFF\\xC0\\xF0\\x9F");
	}
}

static void terminal(void **state)
{
	(void)state;
	static const char text[] = "a\\b\tc\n\x1b[31mred\r\x07 \xc3\xa9 \xe2\x80\xae.";
	for (size_t cut = 1; cut < 8; cut++) {
		feed(text, sizeof text - 1, cut, true, "a\\b\tc\n\\x1B[31mred\\r\\x07 \xc3\xa9 \\u{202E}.");
		feed(text, sizeof text - 1, cut, false, text);
	}
	feed("", 0, 1, true, "");
}

static void quotas(void **state)
{
	(void)state;
	assert_int_equal(fox_cpu_quota("200000 100000"), 2);
	assert_int_equal(fox_cpu_quota("150000 100000\n"), 2);
	assert_int_equal(fox_cpu_quota("1000 100000"), 1);
	assert_int_equal(fox_cpu_quota("max 100000"), 0);
	assert_int_equal(fox_cpu_quota("-1 100000"), 0);
	assert_int_equal(fox_cpu_quota("100000"), 0);
	assert_int_equal(fox_cpu_quota("100000 0"), 0);
	assert_int_equal(fox_cpu_quota(""), 0);
	assert_in_range(fox_cpu_count(), 1, 1u << 18);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_characters),
	    cmocka_unit_test(ill_formed),
	    cmocka_unit_test(terminal),
	    cmocka_unit_test(quotas),
	};
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
