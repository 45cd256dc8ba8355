/* ordered.c - tickets, one turnstile, and the failure that came first. */
#include "convert/ordered.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "format/base/io.h"

/* A worker stops at its first failure, so one place for it is enough. */
struct worker {
	struct fox_err err;
	uint32_t item;
};

struct run {
	const struct fox_ordered *o;
	struct fox_turns *turns;
	struct worker *workers;
	uint32_t first, end;
	_Atomic uint64_t next;
	_Atomic uint32_t done;
	atomic_bool failed;
};

/* The turnstile is passed whatever happens, or others would wait for ever. */
static enum fox_status carry(struct run *r, uint32_t item, unsigned id)
{
	struct fox_err *err = &r->workers[id].err;
	const struct fox_ordered *o = r->o;
	enum fox_status s = fox_cancelled(err);
	if (!s)
		s = o->before(o->ctx, item, id, err);
	fox_turn_wait(r->turns, 0, item - r->first);
	if (!s && !atomic_load(&r->failed))
		s = o->turn(o->ctx, item, id, err);
	if (s)
		atomic_store(&r->failed, true); /* before the next one passes: it must not build on this one */
	fox_turn_done(r->turns, 0);
	if (!s && o->after && !atomic_load(&r->failed))
		s = o->after(o->ctx, item, id, err);
	return s;
}

static void work(void *ctx, size_t which, unsigned id)
{
	struct run *r = ctx;
	(void)which;
	while (!atomic_load(&r->failed)) {
		uint64_t item = atomic_fetch_add(&r->next, 1);
		if (item >= r->end)
			break;
		r->workers[id].item = (uint32_t)item;
		if (carry(r, (uint32_t)item, id)) {
			atomic_store(&r->failed, true);
			break;
		}
		uint32_t done = atomic_fetch_add(&r->done, 1) + 1;
		if (id == 0 && r->o->progress)
			r->o->progress(r->o->progress_ctx, r->first + done);
	}
}

static enum fox_status first_failure(const struct run *r, unsigned n, struct fox_err *err)
{
	const struct worker *first = NULL;
	for (unsigned i = 0; i < n; i++)
		if (r->workers[i].err.code && (!first || r->workers[i].item < first->item))
			first = &r->workers[i];
	if (!first)
		return FOX_OK;
	if (err && !err->code)
		*err = first->err;
	return first->err.code;
}

enum fox_status fox_ordered_run(
    const struct fox_ordered *o, struct fox_pool *pool, uint32_t first, uint32_t end, struct fox_err *err)
{
	unsigned n = fox_pool_workers(pool);
	struct run r = {.o = o, .first = first, .end = end, .next = first};
	r.turns = fox_turns_open(1);
	r.workers = calloc(n, sizeof *r.workers);
	enum fox_status s = r.turns && r.workers ? FOX_OK : fox_fail_nomem(err);
	if (!s) {
		fox_pool_run(pool, work, &r, n);
		s = first_failure(&r, n, err);
	}
	fox_turns_close(r.turns);
	free(r.workers);
	return s;
}
