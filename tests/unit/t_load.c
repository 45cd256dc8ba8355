/* t_load.c - a model and its tokenizer at once: what fails names the file, whoever ran it. Success: tests/cli/fox-run-demo.sh, where
 * text is equal on 1 and on 3 threads. */
#include "tests/tiny.h"

#include "runtime/load.h"

static void refused_alike_with_and_without_a_pool(void **state)
{
	(void)state;
	const char *path = tiny_write("load.gguf", TINY);
	for (unsigned workers = 0; workers <= 3; workers++) {
		struct fox_pool *pool = workers ? fox_pool_open(workers) : NULL;
		struct fox_model *m = NULL;
		struct fox_tokdata data = {0};
		struct fox_tok *tok = NULL;
		struct fox_err e = {0};
		enum fox_status st = fox_load(&m, &data, &tok, path, pool, &e);
		assert_int_equal(st, FOX_E_FORMAT); /* the tiny container has no tokenizer */
		assert_non_null(m);
		assert_null(tok);
		assert_string_equal(e.file, path);
		fox_tok_close(tok);
		fox_tokdata_free(&data);
		fox_model_close(m);
		fox_pool_close(pool);
	}
}

static void no_such_file(void **state)
{
	(void)state;
	struct fox_model *m = NULL;
	struct fox_tokdata data = {0};
	struct fox_tok *tok = NULL;
	struct fox_err e = {0};
	assert_int_equal(fox_load(&m, &data, &tok, test_path("absent.gguf"), NULL, &e), FOX_E_IO);
	assert_null(m);
	assert_null(tok);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused_alike_with_and_without_a_pool),
	    cmocka_unit_test(no_such_file),
	};
	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
