/* t_finding.c - the list of findings. */
#include "tests/test.h"

#include "format/finding.h"

static void collects(void **state)
{
	(void)state;
	struct fox_findings f = {0};
	char where[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(where, sizeof where, "blk.%d", i);
		fox_find_add(&f, i % 3 == 2 ? FOX_FAIL : (enum fox_grade)(i % 3), "hash.tensor", where,
		    "want %d, have '%s'", i, "x");
	}
	assert_false(f.failed);
	assert_int_equal(f.n, 1000);
	assert_int_equal(f.n_fail, 333);
	assert_string_equal(f.list[0].where, "blk.0"); /* copied: the buffer has other text by now */
	assert_string_equal(f.list[999].text, "want 999, have 'x'");
	assert_string_equal(f.list[999].check, "hash.tensor");
	assert_int_equal(f.list[1].grade, FOX_NOTE);
	fox_findings_free(&f);
	assert_int_equal(f.n, 0);
	assert_null(f.list);
}

static void long_text(void **state)
{
	(void)state;
	struct fox_findings f = {0};
	char text[5000];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = 0;
	fox_find_add(&f, FOX_PASS, "c", "", "%s", text);
	assert_string_equal(f.list[0].text, text);
	assert_string_equal(f.list[0].where, "");
	fox_findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(collects),
	    cmocka_unit_test(long_text),
	};
	return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
