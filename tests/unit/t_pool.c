/* t_pool.c - every item once, whatever the number of workers. */
#include "tests/test.h"

#include "kernels/ncpu.h"
#include "kernels/pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

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
	assert_in_range(fox_pool_workers(p), 1, fox_cpu_count());
	fox_pool_close(p);
}

struct sums {
	uint64_t sum[64]; /* by item: plain writes, which the caller must see */
};

static void add_item(void *ctx, size_t i, unsigned worker)
{
	struct sums *s = ctx;
	(void)worker;
	s->sum[i] += i + 1;
}

/* Rounds at once, rounds that meet spinning workers, rounds that meet sleeping ones; fewer items than workers and more. */
static void rounds_with_and_without_pauses(void **state)
{
	(void)state;
	static const long pauses_ns[] = {0, 3000, 40000, 60000, 1000000};
	for (unsigned w = 2; w <= 9; w += 7) {
		struct fox_pool *p = fox_pool_open(w);
		assert_non_null(p);
		for (size_t k = 0; k < FOX_COUNT(pauses_ns); k++) {
			struct sums s = {{0}};
			uint64_t rounds = pauses_ns[k] ? 60 : 3000, want[64] = {0};
			for (uint64_t r = 0; r < rounds; r++) {
				size_t items = 2 + r % 63;
				struct timespec t = {0, pauses_ns[k]};
				fox_pool_run(p, add_item, &s, items);
				for (size_t i = 0; i < items; i++)
					want[i] += i + 1;
				assert_memory_equal(s.sum, want, sizeof want);
				if (t.tv_nsec)
					nanosleep(&t, NULL);
			}
		}
		fox_pool_close(p);
	}
}

/* Workers spin, are about to sleep, or have not yet begun when the pool is closed. */
static void close_at_any_moment(void **state)
{
	(void)state;
	for (long i = 0; i < 200; i++) {
		struct sums s = {{0}};
		struct timespec t = {0, i % 10 * 10000};
		struct fox_pool *p = fox_pool_open(2 + (unsigned)i % 3);
		assert_non_null(p);
		if (i % 2)
			fox_pool_run(p, add_item, &s, 64);
		if (t.tv_nsec)
			nanosleep(&t, NULL);
		fox_pool_close(p);
		assert_int_equal(s.sum[63], i % 2 ? 64 : 0);
	}
}

struct flag_pair {
	_Atomic int arrived;
};

static void wait_for_the_other(void *ctx, size_t i, unsigned worker)
{
	struct flag_pair *f = ctx;
	(void)i, (void)worker;
	atomic_fetch_add(&f->arrived, 1);
	while (atomic_load(&f->arrived) < 2)
		sched_yield();
}

/* A long item of the caller's does not keep the others out: the second item is another worker's, even one that slept. */
static void sleepers_join(void **state)
{
	(void)state;
	struct fox_pool *p = fox_pool_open(2);
	assert_non_null(p);
	if (fox_pool_workers(p) == 2)
		for (int i = 0; i < 20; i++) {
			struct flag_pair f = {0};
			struct timespec t = {0, 200000};
			nanosleep(&t, NULL);
			fox_pool_run(p, wait_for_the_other, &f, 2);
			assert_int_equal(f.arrived, 2);
		}
	fox_pool_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_item_once),
	    cmocka_unit_test(no_pool_runs_in_order),
	    cmocka_unit_test(zero_means_one_per_cpu),
	    cmocka_unit_test(rounds_with_and_without_pauses),
	    cmocka_unit_test(close_at_any_moment),
	    cmocka_unit_test(sleepers_join),
	};
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
