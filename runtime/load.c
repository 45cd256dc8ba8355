/* load.c - see load.h */
#include "runtime/load.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/base/io.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ                                                                                   \
	22 /* Linux 5.14; an older kernel refuses it, and pages are mapped when they are used */
#endif

#define SHARE_BYTES ((size_t)16 << 20)
#define PROBES 8u /* pages of a share that are asked for */

/* The weights of one file, from a page's start. */
struct stretch {
	uintptr_t at, end;
	size_t first, n; /* shares, counted over all files */
};

struct load {
	const struct fox_model *model;
	struct fox_tokdata *data;
	struct fox_tok **tok;
	struct stretch *list; /* of the files of the model */
	size_t n;
	size_t page;
	enum fox_status st;
	struct fox_err *err;
};

/* Whether the page cache holds a share, judged by some of its pages: looking at all costs a fifth of mapping them. */
static bool in_memory(const struct load *l, uintptr_t from, size_t bytes)
{
	for (size_t i = 0; i < PROBES; i++) {
		unsigned char there = 0;
		uintptr_t at = from + bytes / PROBES * i / l->page * l->page;
		if (mincore((void *)at, 1, &there) || !(there & 1))
			return false;
	}
	return true;
}

static void map_share(const struct load *l, size_t i)
{
	const struct stretch *s = l->list;
	while (i >= s->first + s->n)
		s++;
	uintptr_t from = s->at + (i - s->first) * SHARE_BYTES;
	size_t bytes = s->end - from < SHARE_BYTES ? s->end - from : SHARE_BYTES;
	if (!fox_signal_pending() && in_memory(l, from, bytes))
		(void)madvise((void *)from, bytes, MADV_POPULATE_READ);
}

static void tokenizer(struct load *l)
{
	l->st = fox_tokdata_from_gguf(l->data, fox_model_gguf(l->model), l->err);
	if (!l->st)
		l->st = fox_tok_open(l->tok, l->data, l->err);
}

static void item(void *ctx, size_t i, unsigned worker)
{
	struct load *l = ctx;
	(void)worker;
	if (i == 0)
		tokenizer(l);
	else
		map_share(l, i - 1);
}

/* Shares to be mapped; 0: better not. */
static size_t find_shares(struct load *l, const struct fox_pool *pool)
{
	const struct fox_gguf *g = fox_model_gguf(l->model);
	long page = sysconf(_SC_PAGESIZE), pages = sysconf(_SC_PHYS_PAGES);
	size_t shares = 0, most = pages > 0 ? (size_t)pages / 2 : 0, taken = 0;
	if (page <= 0 || fox_pool_workers(pool) < 2 || !(l->list = calloc(fox_gguf_parts(g), sizeof *l->list)))
		return 0;
	l->page = (size_t)page;
	for (size_t i = 0; i < fox_gguf_parts(g); i++) {
		struct fox_span all = fox_gguf_bytes(fox_gguf_part(g, i));
		uint64_t data_at = fox_gguf_header(fox_gguf_part(g, i))->data_at;
		taken += all.n / l->page;
		if (taken > most)
			return 0;
		if (data_at >= all.n)
			continue; /* keys alone */
		struct stretch *s = &l->list[l->n++];
		s->at = ((uintptr_t)all.p + (uintptr_t)data_at) / l->page * l->page;
		s->end = (uintptr_t)all.p + all.n;
		s->first = shares;
		s->n = (s->end - s->at + SHARE_BYTES - 1) / SHARE_BYTES;
		shares += s->n;
	}
	return shares;
}

enum fox_status fox_load(struct fox_model **model, struct fox_tokdata *data, struct fox_tok **tok,
    const char *path, struct fox_pool *pool, struct fox_err *err)
{
	enum fox_status st = fox_model_open(model, path, err);
	if (st)
		return st;
	struct load l = {.model = *model, .data = data, .tok = tok, .err = err};
	size_t shares = find_shares(&l, pool);
	fox_pool_run(pool, item, &l, 1 + shares);
	free(l.list);
	if (l.st)
		fox_in_file(err, path);
	return l.st;
}
