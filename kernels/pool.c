/* pool.c - a round of work is opened by the caller, joined by whoever is awake, closed when its items are taken.
 *
 * The caller waits for those who joined, never for those who are late: a short round costs no wake-up. Both sides spin
 * before they sleep, because between two products of a model lie microseconds, and waking a thread takes tens of them. */
#include "kernels/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/ncpu.h"

#define LINE 64         /* a cache line */
#define SPIN_NS 50000   /* a few times what a wake-up takes: spec/bench.md 6 */
#define SPIN_PAUSES 32u /* between two looks at the clock */
#define OPEN                                                                                                 \
	((uint64_t)1                                                                                             \
	    << 31) /* workers may join; below it stands how many have, above it the number of the round */

struct fox_pool {
	unsigned workers;
	bool spins;
	fox_task_fn *fn; /* this and the next two: written while nobody has joined */
	void *ctx;
	size_t items;
	pthread_mutex_t lock;
	pthread_cond_t start, done;
	_Alignas(LINE) _Atomic uint64_t gate;
	atomic_uint sleepers; /* workers that wait at start; written under lock */
	atomic_bool waiting;  /* the caller waits at done; written under lock */
	atomic_bool stop;
	atomic_int caller_cpu; /* where the round was opened */
	_Alignas(LINE) atomic_size_t next;
	_Alignas(LINE) struct seat {
		struct fox_pool *pool;
		pthread_t thread;
		unsigned id;
	} seats[];
};

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether a worker that has seen a round has something to do. */
static bool called(struct fox_pool *p, uint32_t seen)
{
	uint64_t gate = atomic_load(&p->gate);
	return ((gate & OPEN) && (uint32_t)(gate >> 32) != seen) || atomic_load(&p->stop);
}

static bool all_left(struct fox_pool *p)
{
	return (uint32_t)atomic_load(&p->gate) == 0;
}

/* True: it was called while it span. Not on the caller's own CPU, which the caller needs. */
static bool spin_called(struct fox_pool *p, uint32_t seen)
{
	uint64_t end = p->spins ? now_ns() + SPIN_NS : 0;
	do {
		for (unsigned i = 0; i < SPIN_PAUSES; i++) {
			if (called(p, seen))
				return true;
			pause_cpu();
		}
	} while (p->spins && sched_getcpu() != atomic_load_explicit(&p->caller_cpu, memory_order_relaxed) &&
	         now_ns() < end);
	return false;
}

static bool spin_all_left(struct fox_pool *p)
{
	uint64_t end = p->spins ? now_ns() + SPIN_NS : 0;
	do {
		for (unsigned i = 0; i < SPIN_PAUSES; i++) {
			if (all_left(p))
				return true;
			pause_cpu();
		}
	} while (p->spins && now_ns() < end);
	return false;
}

/* Who sleeps says so before it looks once more, and who wakes looks for sleepers after it has changed what they wait for;
 * both in one total order (sequential consistency), so one of the two sees the other. */
static void await_call(struct fox_pool *p, uint32_t seen)
{
	if (spin_called(p, seen))
		return;
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleepers, 1);
	while (!called(p, seen))
		pthread_cond_wait(&p->start, &p->lock);
	atomic_fetch_sub(&p->sleepers, 1);
	pthread_mutex_unlock(&p->lock);
}

static void await_all_left(struct fox_pool *p)
{
	if (spin_all_left(p))
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->waiting, true);
	while (!all_left(p))
		pthread_cond_wait(&p->done, &p->lock);
	atomic_store(&p->waiting, false);
	pthread_mutex_unlock(&p->lock);
}

static void wake_sleepers(struct fox_pool *p)
{
	if (!atomic_load(&p->sleepers))
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
}

static bool join_round(struct fox_pool *p, uint32_t *seen)
{
	uint64_t gate = atomic_load(&p->gate);
	while (gate & OPEN)
		if (atomic_compare_exchange_weak(&p->gate, &gate, gate + 1)) {
			*seen = (uint32_t)(gate >> 32);
			return true;
		}
	return false;
}

static void leave_round(struct fox_pool *p)
{
	uint64_t gate = atomic_fetch_sub(&p->gate, 1) - 1;
	if ((uint32_t)gate || !atomic_load(&p->waiting))
		return; /* others are in, it is still open, or the caller is awake */
	pthread_mutex_lock(&p->lock);
	pthread_cond_signal(&p->done);
	pthread_mutex_unlock(&p->lock);
}

static void drain(struct fox_pool *p, unsigned worker)
{
	for (size_t i; (i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->items;)
		p->fn(p->ctx, i, worker);
}

static void *seat_main(void *arg)
{
	struct seat *s = arg;
	struct fox_pool *p = s->pool;
	uint32_t seen = 0;
	for (;;) {
		await_call(p, seen);
		if (atomic_load(&p->stop))
			return NULL;
		if (!join_round(p, &seen))
			continue;
		drain(p, s->id);
		leave_round(p);
	}
}

struct fox_pool *fox_pool_open(unsigned workers)
{
	unsigned cpus = fox_cpu_count();
	workers = workers ? workers : cpus;
	size_t bytes = sizeof(struct fox_pool) + workers * sizeof(struct seat);
	struct fox_pool *p = aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
	if (!p)
		return NULL;
	memset(p, 0, bytes);
	p->caller_cpu = -1;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->start, NULL);
	pthread_cond_init(&p->done, NULL);
	p->spins = workers <= cpus; /* else who spins holds the CPU of somebody who has work */
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
	atomic_store(&p->stop, true);
	wake_sleepers(p);
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
	p->fn = fn, p->ctx = ctx, p->items = items;
	atomic_store_explicit(&p->next, 0, memory_order_relaxed);
	atomic_store_explicit(&p->caller_cpu, sched_getcpu(), memory_order_relaxed);
	uint64_t round = (atomic_load(&p->gate) >> 32) + 1;
	atomic_store(&p->gate, (round & UINT32_MAX) << 32 | OPEN);
	wake_sleepers(p);
	drain(p, 0);
	atomic_fetch_and(&p->gate, ~OPEN);
	await_all_left(p);
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
