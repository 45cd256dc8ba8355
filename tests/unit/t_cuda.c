/* t_cuda.c - the CUDA seam answers in C, with or without a device. */
#include "tests/test.h"

#include "kernels/cuda/cuda.h"

static void no_such_device(void **state)
{
	(void)state;
	static const int wrong[] = {-1, 1000};
	for (size_t i = 0; i < FOX_COUNT(wrong); i++) {
		struct fox_err err = {0};
		struct fox_cuda_info info;
		char start[64];
		assert_int_equal(fox_cuda_info(wrong[i], &info, &err), FOX_E_UNSUPPORTED);
		snprintf(start, sizeof start, "no CUDA device %d: ", wrong[i]);
		assert_memory_equal(err.text, start, strlen(start));
		assert_true(err.at == FOX_NOWHERE);
		err = (struct fox_err){0};
		struct fox_cuda *c = (struct fox_cuda *)&err;
		assert_int_equal(fox_cuda_open(&c, wrong[i], &err), FOX_E_UNSUPPORTED);
		assert_null(c);
		snprintf(start, sizeof start, "cannot open CUDA device %d: ", wrong[i]);
		assert_memory_equal(err.text, start, strlen(start));
	}
}

static void describes_what_there_is(void **state)
{
	(void)state;
	char text[256], cut[4];
	fox_cuda_describe(text, sizeof text);
	assert_true(strlen(text) > 0);
	assert_null(strchr(text, '\n'));
	assert_int_equal(!strncmp(text, "none (", 6), fox_cuda_count() == 0);
	fox_cuda_describe(cut, sizeof cut);
	assert_int_equal(strlen(cut), 3);
}

/* Needs a device; without one there is nothing to open. */
static void opens_the_first(void **state)
{
	(void)state;
	if (fox_cuda_count() == 0) {
		printf("SKIP opens_the_first: no CUDA device\n");
		skip();
	}
	struct fox_err err = {0};
	struct fox_cuda_info info;
	struct fox_cuda *c;
	uint64_t unused;
	assert_fox_ok(fox_cuda_info(0, &info, &err), &err);
	assert_fox_ok(fox_cuda_open(&c, 0, &err), &err);
	assert_string_equal(fox_cuda_device(c)->name, info.name);
	assert_true(fox_cuda_device(c)->memory_bytes == info.memory_bytes);
	assert_fox_ok(fox_cuda_free_bytes(c, &unused, &err), &err);
	assert_true(strlen(info.name) > 0 && info.major >= 1 && info.n_sm >= 1);
	assert_true(unused > 0 && unused <= info.memory_bytes);
	assert_int_equal(fox_cuda_taken(c), 0);
	fox_cuda_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_such_device),
	    cmocka_unit_test(describes_what_there_is),
	    cmocka_unit_test(opens_the_first),
	};
	return cmocka_run_group_tests_name("cuda", tests, NULL, NULL);
}
