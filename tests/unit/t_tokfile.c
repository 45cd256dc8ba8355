/* Recorded ids: what a record may look like, and every line that is refused. */
#include "tests/test.h"

#include "inspect/tokfile.h"

#define HEAD "fox-tokens 1\n"

static void reads_records(void **state)
{
	(void)state;
	static const char text[] = HEAD "# a comment\n"
	                                "-\tplain text\t1 2 3\n"
	                                "special,add,keep\t\\\\ \\n\\t\\r\\x00\\xff\xC3\xA9#\t2147483647\t\\x0a\n"
	                                "add\t\t\n"
	                                "keep\t\\x5C\t0\t";
	struct fox_err e = {0};
	struct fox_tokfile f;
	struct fox_tokfile_record r;
	bool more;
	assert_fox_ok(fox_tokfile_begin(&f, (struct fox_str){text, sizeof text - 1}, &e), &e);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_true(more && r.line == 3 && fox_str_is(r.text, "plain text"));
	assert_true(r.n_ids == 3 && r.ids[0] == 1 && r.ids[2] == 3);
	assert_true(!r.special && !r.add && !r.keep && !r.has_decoded);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_true(more && r.special && r.add && r.keep && r.has_decoded);
	assert_true(fox_str_eq(r.text, (struct fox_str){"\\ \n\t\r\0\xFF\xC3\xA9#", 10}));
	assert_true(r.n_ids == 1 && r.ids[0] == 2147483647 && fox_str_is(r.decoded, "\n"));
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_true(more && r.add && !r.text.n && r.text.p && !r.n_ids && !r.has_decoded);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_true(more && r.line == 6 && r.keep && fox_str_is(r.text, "\\") && r.has_decoded && !r.decoded.n);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_false(more);
	fox_tokfile_end(&f);
}

/* The list of ids grows; a later record does not see ids of an earlier one. */
static void reads_long_lists(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_err e = {0};
	struct fox_tokfile f;
	struct fox_tokfile_record r;
	bool more;
	fox_buf_str(&b, HEAD "-\ta\t0");
	for (int i = 1; i < 5000; i++)
		fox_buf_fmt(&b, " %d", i);
	fox_buf_str(&b, "\n-\tb\t7\n");
	assert_fox_ok(fox_tokfile_begin(&f, fox_buf_view(&b), &e), &e);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_int_equal(r.n_ids, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(r.ids[i], i);
	assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
	assert_true(r.n_ids == 1 && r.ids[0] == 7);
	fox_tokfile_end(&f);
	fox_buf_free(&b);
}

static void refuses_other_files(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum fox_status code;
		const char *says;
	} cases[] = {
	    {"", FOX_E_FORMAT, "does not begin with the line 'fox-tokens 1'"},
	    {"-\ta\t1\n", FOX_E_FORMAT, "does not begin with the line 'fox-tokens 1'"},
	    {"fox-tokens 2\n", FOX_E_UNSUPPORTED, "version '2' of recorded ids is not known here"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err e = {0};
		struct fox_tokfile f;
		assert_int_equal(fox_tokfile_begin(&f, fox_str_of(cases[i].text), &e), cases[i].code);
		assert_fox_err(&e, cases[i].code, FOX_NOWHERE, cases[i].says);
		fox_tokfile_end(&f);
	}
}

static void refuses_records(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} cases[] = {
	    {"", "fewer than the three fields flags, text and ids"},
	    {"-\ta", "fewer than the three fields flags, text and ids"},
	    {"-\ta\t1\tb\tc", "more than the four fields flags, text, ids and decoded text"},
	    {"\ta\t1", "the flags are neither '-' nor some of special,add,keep"},
	    {"none\ta\t1", "the flags are neither '-' nor some of special,add,keep"},
	    {"add,add\ta\t1", "the flags are neither '-' nor some of special,add,keep"},
	    {"add,\ta\t1", "the flags are neither '-' nor some of special,add,keep"},
	    {"-\ta\xFF\t1", "ill-formed UTF-8"},
	    {"-\ta\t1\t\xC3", "ill-formed UTF-8"},
	    {"-\ta\r\t1", "a control character that is not escaped"},
	    {"-\ta\x7F\\n\t1", "a control character that is not escaped"},
	    {"-\ta\\\t1", "an escape is none of \\\\, \\n, \\t, \\r and \\xNN"},
	    {"-\t\\x1\t1", "an escape is none of \\\\, \\n, \\t, \\r and \\xNN"},
	    {"-\t\\q\t1", "an escape is none of \\\\, \\n, \\t, \\r and \\xNN"},
	    {"-\ta\t1  2", "ids are not numbers up to 2147483647 with one blank between"},
	    {"-\ta\t1 ", "ids are not numbers up to 2147483647 with one blank between"},
	    {"-\ta\t-1", "ids are not numbers up to 2147483647 with one blank between"},
	    {"-\ta\t2147483648", "ids are not numbers up to 2147483647 with one blank between"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err e = {0};
		struct fox_tokfile f;
		struct fox_tokfile_record r;
		struct fox_buf b = {0};
		char want[128];
		bool more;
		fox_buf_fmt(&b, HEAD "-\ta\t1\n%s\n", cases[i].line);
		snprintf(want, sizeof want, "line 3: %s", cases[i].says);
		assert_fox_ok(fox_tokfile_begin(&f, fox_buf_view(&b), &e), &e);
		assert_fox_ok(fox_tokfile_next(&f, &r, &more, &e), &e);
		assert_int_equal(fox_tokfile_next(&f, &r, &more, &e), FOX_E_FORMAT);
		assert_fox_err(&e, FOX_E_FORMAT, FOX_NOWHERE, want);
		fox_tokfile_end(&f);
		fox_buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_records),
	    cmocka_unit_test(reads_long_lists),
	    cmocka_unit_test(refuses_other_files),
	    cmocka_unit_test(refuses_records),
	};
	return cmocka_run_group_tests_name("tokfile", tests, NULL, NULL);
}
