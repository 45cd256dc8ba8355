/* t_turns - turnstiles: order, visibility, and no worker left waiting. */
#include "tests/test.h"

#include <stdatomic.h>

#include "kernels/pool.h"

enum { STREAMS = 37, PIECES = 4000 };

struct ctx {
	struct fox_turns *turns;
	atomic_size_t next;
	uint64_t sum[STREAMS]; /* plain: only the turnstile protects them */
};

/* Order matters to this sum: sum = sum * 31 + piece. */
static void work(void *p, size_t item, unsigned worker)
{
	struct ctx *c = p;
	(void)item;
	(void)worker;
	for (size_t t; (t = atomic_fetch_add(&c->next, 1)) < PIECES;) {
		size_t s = t * t % STREAMS;
		uint64_t turn = 0; /* pieces of this stream before it */
		for (size_t k = 0; k < t; k++)
			turn += k * k % STREAMS == s;
		fox_turn_wait(c->turns, s, turn);
		c->sum[s] = c->sum[s] * 31 + t;
		fox_turn_done(c->turns, s);
	}
}

static void streams_grow_in_order_whatever_the_workers(void **state)
{
	(void)state;
	uint64_t want[STREAMS] = {0};
	for (size_t t = 0; t < PIECES; t++) {
		size_t s = t * t % STREAMS;
		want[s] = want[s] * 31 + t;
	}
	static const unsigned workers[] = {1, 2, 5, 16};
	for (size_t i = 0; i < FOX_COUNT(workers); i++) {
		struct fox_pool *pool = fox_pool_open(workers[i]);
		struct ctx c = {.turns = fox_turns_open(STREAMS)};
		assert_non_null(c.turns);
		fox_pool_run(pool, work, &c, fox_pool_workers(pool));
		assert_memory_equal(c.sum, want, sizeof want);
		fox_turns_close(c.turns);
		fox_pool_close(pool);
	}
	fox_turns_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(streams_grow_in_order_whatever_the_workers),
	};
	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
