/* pump.c - two buffers in turn. Items of one round: the hash, each sink, and reading the piece of the next round. */
#include "convert/pump.h"

#include <stdlib.h>

#include "kernels/pool.h"

enum { ITEM_HASH, ITEM_SINK, ITEM_TAKE = ITEM_SINK + FOX_PUMP_SINKS, ITEMS };

struct fox_pump {
	uint8_t *buf[2];
	struct fox_sha256_state *sha;
	struct fox_pool *pool; /* NULL: all in turn */
	fox_pump_progress_fn *progress;
	void *progress_ctx;
	uint64_t done;
};

struct round {
	struct fox_pump *p;
	fox_pump_take_fn *take;
	void *from;
	const struct fox_pump_sink *sinks;
	const uint8_t *now;
	uint8_t *next;
	size_t n_now, n_next;
	enum fox_status status[ITEMS];
	struct fox_err err[ITEMS];
};

enum fox_status fox_pump_open(struct fox_pump **out, unsigned threads, struct fox_err *err)
{
	struct fox_pump *p = calloc(1, sizeof *p);
	*out = NULL;
	if (!p)
		return fox_fail_nomem(err);
	p->buf[0] = malloc(FOX_PUMP_PIECE);
	p->buf[1] = malloc(FOX_PUMP_PIECE);
	p->sha = fox_sha256_open();
	p->pool = threads == 1 ? NULL : fox_pool_open(threads);
	if (!p->buf[0] || !p->buf[1] || !p->sha || (!p->pool && threads != 1)) {
		fox_pump_close(p);
		return fox_fail_nomem(err);
	}
	*out = p;
	return FOX_OK;
}

void fox_pump_close(struct fox_pump *p)
{
	if (!p)
		return;
	fox_pool_close(p->pool);
	fox_sha256_close(p->sha);
	free(p->buf[0]);
	free(p->buf[1]);
	free(p);
}

void fox_pump_tell(struct fox_pump *p, fox_pump_progress_fn *progress, void *ctx)
{
	p->progress = progress;
	p->progress_ctx = ctx;
}

static void run_item(void *ctx, size_t item, unsigned worker)
{
	struct round *r = ctx;
	struct fox_err *err = &r->err[item];
	(void)worker;
	if (item == ITEM_HASH)
		r->status[item] = fox_sha256_add(r->p->sha, r->now, r->n_now, err);
	else if (item == ITEM_TAKE)
		r->status[item] = r->take(r->from, r->next, FOX_PUMP_PIECE, &r->n_next, err);
	else if (r->sinks[item - ITEM_SINK].give)
		r->status[item] =
		    r->sinks[item - ITEM_SINK].give(r->sinks[item - ITEM_SINK].ctx, r->now, r->n_now, err);
}

/* One piece, and the next. */
static enum fox_status run_round(struct round *r, struct fox_err *err)
{
	for (size_t i = 0; i < ITEMS; i++) {
		r->err[i] = (struct fox_err){0};
		r->status[i] = FOX_OK;
	}
	fox_pool_run(r->p->pool, run_item, r, ITEMS);
	for (size_t i = 0; i < ITEMS; i++)
		if (r->status[i]) {
			if (err && !err->code)
				*err = r->err[i];
			return r->status[i];
		}
	return FOX_OK;
}

enum fox_status fox_pump_run(struct fox_pump *p, fox_pump_take_fn *take, void *from,
    const struct fox_pump_sink sinks[FOX_PUMP_SINKS], struct fox_sha256 *sha256, uint64_t *bytes,
    struct fox_err *err)
{
	struct fox_sha256 digest;
	struct round r = {.p = p, .take = take, .from = from, .sinks = sinks, .next = p->buf[0]};
	uint64_t all = 0;
	enum fox_status s = take(from, r.next, FOX_PUMP_PIECE, &r.n_next, err);
	while (!s && r.n_next) {
		r.now = r.next;
		r.n_now = r.n_next;
		r.next = r.now == p->buf[0] ? p->buf[1] : p->buf[0];
		s = fox_cancelled(err);
		if (!s)
			s = run_round(&r, err);
		all += r.n_now;
		p->done += r.n_now;
		if (!s && p->progress)
			p->progress(p->progress_ctx, p->done);
	}
	/* a failed run must not leave its bytes to the next one */
	enum fox_status reset = fox_sha256_final(p->sha, &digest, s ? NULL : err);
	s = s ? s : reset;
	if (!s && sha256)
		*sha256 = digest;
	if (!s && bytes)
		*bytes = all;
	return s;
}

struct file_from {
	const struct fox_file *f;
	uint64_t at;
};

static enum fox_status take_file(void *ctx, void *buf, size_t cap, size_t *n, struct fox_err *err)
{
	struct file_from *from = ctx;
	uint64_t left = from->f->size - from->at;
	*n = left < cap ? (size_t)left : cap;
	enum fox_status s = fox_file_read(from->f, from->at, buf, *n, err);
	from->at += *n;
	return s;
}

enum fox_status fox_pump_file(struct fox_pump *p, const struct fox_file *file,
    const struct fox_pump_sink sinks[FOX_PUMP_SINKS], struct fox_sha256 *sha256, struct fox_err *err)
{
	struct file_from from = {file, 0};
	enum fox_status s = fox_pump_run(p, take_file, &from, sinks, sha256, NULL, err);
	return s ? s : fox_file_unchanged(file, err);
}
