/* pool.h - fork-join over independent items, and turnstiles for what must happen in order. The caller is
 * worker 0. */
#ifndef FOX_POOL_H
#define FOX_POOL_H

#include "format/base/fox.h"

struct fox_pool;
typedef void fox_task_fn(void *ctx, size_t item, unsigned worker);

struct fox_pool *fox_pool_open(unsigned workers); /* 0: fox_cpu_count; NULL when out of memory */
void fox_pool_close(struct fox_pool *p);          /* NULL is fine */
unsigned fox_pool_workers(const struct fox_pool *p);

/*
 * fox_pool_run - call fn(ctx, i, worker) once for each i in [0, items)
 *
 * p       NULL runs everything on the calling thread, in order
 * worker  in [0, fox_pool_workers(p)): index per-worker scratch with it
 *
 * Items must not depend on each other, and no item may split a sum: then the result is
 * the same for every number of workers. Returns when all items are done. Several items may be one worker's, and a worker
 * that is late may get none. One caller at a time; not from within an item.
 *
 * cost    a microsecond where the last round lies less than 50 us back and workers are not more than CPUs: they spin that long
 *         before they sleep. Else waking them takes 10 to 20 us, which the caller does not wait for.
 */
void fox_pool_run(struct fox_pool *p, fox_task_fn *fn, void *ctx, size_t items);

/*
 * fox_turns - n turnstiles, each of which lets one visitor through at a time, in the order of their numbers
 *
 * A hash over a stream is one sum that cannot be split; but who read, converts or writes a piece of it need
 * not be the same worker. Visitor k of turnstile i calls fox_turn_wait(t, i, k), adds its piece, then
 * fox_turn_done(t, i), which admits k + 1. Numbers count from 0. What a visitor did is visible to the next
 * one.
 *
 * Free of deadlock when workers draw their pieces from one common sequence and every turnstile's numbers rise
 * along it: the earliest piece in work then waits for nobody. A worker that failed must still go through its
 * turnstiles.
 */
struct fox_turns;
struct fox_turns *fox_turns_open(size_t n); /* NULL when out of memory */
void fox_turns_close(struct fox_turns *t);  /* NULL is fine; nobody may be waiting */
void fox_turn_wait(struct fox_turns *t, size_t i, uint64_t k);
void fox_turn_done(struct fox_turns *t, size_t i);

#endif
