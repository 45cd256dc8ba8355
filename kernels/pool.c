#include "kernels/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct fox_pool {
	pthread_mutex_t lock;
	pthread_cond_t start, done;
	unsigned workers, busy, round; /* under lock */
	bool stop;                     /* under lock */
	fox_task_fn *fn;               /* set before round moves on */
	void *ctx;
	size_t items;
	atomic_size_t next;
	struct seat {
		struct fox_pool *pool;
		pthread_t thread;
		unsigned id;
	} seats[];
};

static void drain(struct fox_pool *p, unsigned worker)
{
	for (size_t i; (i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->items;)
		p->fn(p->ctx, i, worker);
}

static void *seat_main(void *arg)
{
	struct seat *s = arg;
	struct fox_pool *p = s->pool;
	unsigned seen = 0;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->round == seen && !p->stop)
			pthread_cond_wait(&p->start, &p->lock);
		if (p->stop)
			break;
		seen = p->round;
		pthread_mutex_unlock(&p->lock);
		drain(p, s->id);
		pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct fox_pool *fox_pool_open(unsigned workers)
{
	if (workers == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);
		workers = n > 0 ? (unsigned)n : 1;
	}
	struct fox_pool *p = calloc(1, sizeof *p + workers * sizeof p->seats[0]);
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->start, NULL);
	pthread_cond_init(&p->done, NULL);
	p->workers = 1;
	for (unsigned i = 1; i < workers; i++) { /* fewer threads than asked for is not an error */
		p->seats[i] = (struct seat){.pool = p, .id = i};
		if (pthread_create(&p->seats[i].thread, NULL, seat_main, &p->seats[i]))
			break;
		p->workers++;
	}
	return p;
}

void fox_pool_close(struct fox_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 1; i < p->workers; i++)
		pthread_join(p->seats[i].thread, NULL);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->start);
	pthread_cond_destroy(&p->done);
	free(p);
}

unsigned fox_pool_workers(const struct fox_pool *p)
{
	return p ? p->workers : 1;
}

void fox_pool_run(struct fox_pool *p, fox_task_fn *fn, void *ctx, size_t items)
{
	if (!p || p->workers == 1 || items < 2) {
		for (size_t i = 0; i < items; i++)
			fn(ctx, i, 0);
		return;
	}
	pthread_mutex_lock(&p->lock);
	p->fn = fn, p->ctx = ctx, p->items = items;
	atomic_store_explicit(&p->next, 0, memory_order_relaxed);
	p->busy = p->workers - 1;
	p->round++;
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
	drain(p, 0);
	pthread_mutex_lock(&p->lock);
	while (p->busy)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

enum { GATES = 16 }; /* a turnstile sleeps at gate i % GATES: few locks, and few sleepers woken for nothing */

struct fox_turns {
	struct gate {
		pthread_mutex_t lock;
		pthread_cond_t moved;
	} gates[GATES];
	_Atomic uint64_t next[]; /* written under the gate's lock */
};

struct fox_turns *fox_turns_open(size_t n)
{
	if (n > SIZE_MAX / 2 / sizeof(uint64_t))
		return NULL;
	struct fox_turns *t = calloc(1, sizeof *t + n * sizeof t->next[0]);
	if (!t)
		return NULL;
	for (size_t i = 0; i < GATES; i++) {
		pthread_mutex_init(&t->gates[i].lock, NULL);
		pthread_cond_init(&t->gates[i].moved, NULL);
	}
	return t;
}

void fox_turns_close(struct fox_turns *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < GATES; i++) {
		pthread_mutex_destroy(&t->gates[i].lock);
		pthread_cond_destroy(&t->gates[i].moved);
	}
	free(t);
}

void fox_turn_wait(struct fox_turns *t, size_t i, uint64_t k)
{
	if (atomic_load_explicit(&t->next[i], memory_order_acquire) == k)
		return;
	struct gate *g = &t->gates[i % GATES];
	pthread_mutex_lock(&g->lock);
	while (atomic_load_explicit(&t->next[i], memory_order_acquire) != k)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void fox_turn_done(struct fox_turns *t, size_t i)
{
	struct gate *g = &t->gates[i % GATES];
	pthread_mutex_lock(&g->lock);
	atomic_fetch_add_explicit(&t->next[i], 1, memory_order_release);
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}
