/* The first test to read: failures keep their first cause, gather context, and map to exit codes. */
#include "tests/test.h"

#include <errno.h>

static void keeps_first_failure(void **state)
{
	(void)state;
	struct fox_err e = {0};
	assert_int_equal(fox_fail(&e, FOX_E_BOUND, 24, "string of %d bytes", 99), FOX_E_BOUND);
	assert_int_equal(fox_fail(&e, FOX_E_IO, 0, "later"), FOX_E_IO);
	fox_in(&e, "in key %d", 3);
	fox_in_file(&e, "a.gguf");
	fox_in_file(&e, "b.gguf");
	assert_fox_err(&e, FOX_E_BOUND, 24, "string of 99 bytes, in key 3");
	assert_string_equal(e.file, "a.gguf");
}

static void names_a_file_once(void **state)
{
	(void)state;
	struct fox_err e = {0}, f = {0};
	fox_fail(&e, FOX_E_IO, FOX_NOWHERE, "cannot open 'a.gguf'");
	fox_in_file(&e, "a.gguf");
	assert_string_equal(e.file, "");
	fox_fail(&f, FOX_E_IO, FOX_NOWHERE, "cannot open 'data.gguf'");
	fox_in_file(&f, "a.gguf");
	assert_string_equal(f.file, "a.gguf");
}

static void survives_null_and_overflow(void **state)
{
	(void)state;
	struct fox_err e = {0};
	assert_int_equal(fox_fail(NULL, FOX_E_ARG, 0, "x"), FOX_E_ARG);
	fox_in(NULL, "x");
	fox_in(&e, "nothing failed");
	assert_string_equal(e.text, "");
	fox_fail(&e, FOX_E_ARG, 0, "%01000d", 1);
	fox_in(&e, "more");
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void tells_errno(void **state)
{
	(void)state;
	struct fox_err e = {0}, m = {0};
	assert_int_equal(fox_fail_errno(&e, ENOENT, "cannot open '%s'", "x"), FOX_E_IO);
	assert_fox_err(&e, FOX_E_IO, FOX_NOWHERE, "cannot open 'x': No such file or directory");
	assert_int_equal(fox_fail_errno(&m, ENOMEM, "cannot map"), FOX_E_NOMEM);
}

static void every_code_has_name_and_exit(void **state)
{
	(void)state;
	static const int exits[FOX_STATUS_COUNT] = {0, 2, 3, 3, 3, 3, 1, 4, 1, 130};
	for (int i = 0; i < FOX_STATUS_COUNT; i++) {
		assert_string_not_equal(fox_status_name((enum fox_status)i), "unknown");
		assert_int_equal(fox_status_exit((enum fox_status)i), exits[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_first_failure),
	    cmocka_unit_test(names_a_file_once),
	    cmocka_unit_test(survives_null_and_overflow),
	    cmocka_unit_test(tells_errno),
	    cmocka_unit_test(every_code_has_name_and_exit),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
