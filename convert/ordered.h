/* ordered.h - items that are worked on at once, with one step of each in the order of their numbers. */
#ifndef FOX_ORDERED_H
#define FOX_ORDERED_H

#include "format/base/err.h"
#include "kernels/pool.h"

typedef enum fox_status fox_ordered_fn(void *ctx, uint32_t item, unsigned worker, struct fox_err *err);

struct fox_ordered {
	fox_ordered_fn *before; /* several at once; worker is below fox_pool_workers */
	fox_ordered_fn *turn;   /* one at a time, item after item, and what it did is visible to the next */
	fox_ordered_fn *after;  /* several at once; NULL: nothing */
	void *ctx;
	void (*progress)(void *ctx, uint32_t done); /* items, on the calling thread; may be NULL */
	void *progress_ctx;
};

/*
 * fox_ordered_run - all items of [first, end)
 *
 * pool    NULL: on the calling thread
 * errors  that of the first item that failed, after which no new one is begun; FOX_E_CANCELLED; FOX_E_NOMEM
 */
enum fox_status fox_ordered_run(const struct fox_ordered *o, struct fox_pool *pool, uint32_t first,
    uint32_t end, struct fox_err *err) FOX_MUST_CHECK;

#endif
