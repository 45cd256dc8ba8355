/* t_pool.c - every item once, whatever the number of workers. */
#include "tests/test.h"

#include "kernels/pool.h"

struct tally {
	unsigned hit[1000];
	unsigned workers;
	bool worker_out_of_range[1000]; /* per item, so that no two threads write the same place */
};

static void mark(void *ctx, size_t i, unsigned worker)
{
	struct tally *t = ctx;
	t->hit[i]++;
	t->worker_out_of_range[i] = worker >= t->workers;
}

static void each_item_once(void **state)
{
	(void)state;
	static struct tally t;
	static const size_t counts[] = {0, 1, 2, 7, 1000};
	for (unsigned w = 0; w <= 5; w++) {
		struct fox_pool *p = w ? fox_pool_open(w) : NULL;
		assert_true(w == 0 || p);
		assert_in_range(fox_pool_workers(p), 1, w ? w : 1);
		for (size_t round = 0; round < 50; round++) {
			size_t items = counts[round % FOX_COUNT(counts)];
			memset(&t, 0, sizeof t);
			t.workers = fox_pool_workers(p);
			fox_pool_run(p, mark, &t, items);
			for (size_t i = 0; i < FOX_COUNT(t.hit); i++) {
				assert_int_equal(t.hit[i], i < items);
				assert_false(t.worker_out_of_range[i]);
			}
		}
		fox_pool_close(p);
	}
}

static void no_pool_runs_in_order(void **state)
{
	(void)state;
	static struct tally t;
	memset(&t, 0, sizeof t);
	t.workers = 1;
	fox_pool_run(NULL, mark, &t, 10);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(t.hit[i], i < 10);
	fox_pool_close(NULL);
}

static void zero_means_one_per_cpu(void **state)
{
	(void)state;
	struct fox_pool *p = fox_pool_open(0);
	assert_non_null(p);
	assert_in_range(fox_pool_workers(p), 1, (unsigned long)sysconf(_SC_NPROCESSORS_ONLN));
	fox_pool_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_item_once),
	    cmocka_unit_test(no_pool_runs_in_order),
	    cmocka_unit_test(zero_means_one_per_cpu),
	};
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
