/* session.c - splits steps into batches for a backend and keeps the position. */
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"

struct fox_session {
	const struct fox_model *m;
	const struct fox_hparams *h;
	const struct fox_backend *backend;
	struct fox_dev *dev;
	struct fox_dev_ask ask;
	float *logits; /* [n_vocab]: where the last row goes */
	int32_t *ids;  /* [n_ctx]: what was run at the positions before pos */
	bool has_logits;
	uint32_t pos;
};

static enum fox_status fill_ask(struct fox_dev_ask *ask, const struct fox_hparams *h,
    const struct fox_graph *g, const struct fox_session_options *o, struct fox_err *err)
{
	const struct fox_backend *backend = o->backend ? o->backend : &fox_cpu_backend;
	*ask = (struct fox_dev_ask){
	    .graph = g,
	    .hparams = h,
	    .n_ctx = o->n_ctx ? o->n_ctx : h->n_ctx,
	    .batch = o->batch ? o->batch : backend->batch,
	    .kv = o->kv,
	    .arith = o->arith,
	    .pool = o->pool,
	    .kernels = o->kernels,
	    .beside = o->share ? o->share->dev : NULL,
	};
	if (ask->n_ctx > INT32_MAX)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "a context of %u positions, want at most %d", ask->n_ctx, INT32_MAX);
	return FOX_OK;
}

enum fox_status fox_session_open(struct fox_session **out, const struct fox_model *m,
    const struct fox_session_options *options, struct fox_err *err)
{
	*out = NULL;
	struct fox_session *s = calloc(1, sizeof *s);
	if (!s)
		return fox_fail_nomem(err);
	s->m = m;
	s->h = fox_model_hparams(m);
	s->backend = options->backend ? options->backend : &fox_cpu_backend;
	enum fox_status st = fill_ask(&s->ask, s->h, fox_model_graph(m), options, err);
	if (!st)
		st = s->backend->open(&s->dev, &s->ask, err);
	if (!st && (!(s->logits = malloc((size_t)s->h->n_vocab * sizeof *s->logits)) ||
	               !(s->ids = malloc((size_t)s->ask.n_ctx * sizeof *s->ids))))
		st = fox_fail_nomem(err);
	if (st) {
		fox_session_close(s);
		return st;
	}
	*out = s;
	return FOX_OK;
}

void fox_session_close(struct fox_session *s)
{
	if (!s)
		return;
	if (s->dev)
		s->backend->close(s->dev);
	free(s->logits);
	free(s->ids);
	free(s);
}

static enum fox_status check_step(
    const struct fox_session *s, const int32_t *ids, size_t n, struct fox_err *err)
{
	uint32_t left = s->ask.n_ctx - s->pos;
	if (n == 0)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tokens to run");
	if (n > left)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "%zu token%s at position %u do%s not fit the context of %u", n, n == 1 ? "" : "s", s->pos,
		    n == 1 ? "es" : "", s->ask.n_ctx);
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || (uint32_t)ids[i] >= s->h->n_vocab)
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "token id %d is outside the vocabulary of %u",
			    ids[i], s->h->n_vocab);
	return FOX_OK;
}

/* best: NULL, or where the likeliest after the last token goes. */
static enum fox_status run_batches(struct fox_session *s, const int32_t *ids, size_t n,
    const struct fox_session_taps *taps, uint32_t among, int32_t *best, struct fox_err *err)
{
	enum fox_status st;
	s->has_logits = false;
	for (size_t done = 0; done < n;) {
		uint32_t rows = n - done < s->ask.batch ? (uint32_t)(n - done) : s->ask.batch;
		bool last = done + rows == n;
		struct fox_batch step = {
		    .ids = ids + done,
		    .n = rows,
		    .pos = s->pos,
		    .pick = taps->logits ? 0
		            : last       ? rows - 1
		                         : rows,
		    .logits = taps->logits ? taps->logits + done * s->h->n_vocab : s->logits,
		    .hidden = taps->hidden ? taps->hidden + done * s->h->d_model : NULL,
		    .hidden_rows = n,
		    .best = last ? best : NULL,
		    .best_of = among,
		    .observe = taps->observe,
		    .observe_ctx = taps->observe_ctx,
		};
		if ((st = s->backend->run(s->dev, &step, err)))
			return st;
		memcpy(s->ids + s->pos, ids + done, rows * sizeof *ids);
		s->pos += rows;
		done += rows;
	}
	return FOX_OK;
}

enum fox_status fox_session_step(struct fox_session *s, const int32_t *ids, size_t n,
    const struct fox_session_taps *taps, struct fox_err *err)
{
	static const struct fox_session_taps none = {0};
	enum fox_status st = check_step(s, ids, n, err);
	taps = taps ? taps : &none;
	if (st || (st = run_batches(s, ids, n, taps, 0, NULL, err)))
		return st;
	if (taps->logits)
		memcpy(s->logits, taps->logits + (n - 1) * s->h->n_vocab, (size_t)s->h->n_vocab * sizeof *s->logits);
	s->has_logits = true;
	return FOX_OK;
}

enum fox_status fox_session_likeliest(struct fox_session *s, const int32_t *ids, size_t n, uint32_t among,
    int32_t *best, struct fox_err *err)
{
	static const struct fox_session_taps none = {0};
	enum fox_status st = check_step(s, ids, n, err);
	return st ? st : run_batches(s, ids, n, &none, among, best, err);
}

const float *fox_session_logits(const struct fox_session *s)
{
	return s->has_logits ? s->logits : NULL;
}

uint32_t fox_session_position(const struct fox_session *s)
{
	return s->pos;
}

uint32_t fox_session_context(const struct fox_session *s)
{
	return s->ask.n_ctx;
}

uint64_t fox_session_taken(const struct fox_session *s)
{
	return s->backend->taken ? s->backend->taken(s->dev) : 0;
}

enum fox_status fox_session_rewind(struct fox_session *s, uint32_t position, struct fox_err *err)
{
	if (position > s->pos)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "position %u lies ahead of %u", position, s->pos);
	if (position < s->pos) {
		s->has_logits = false;
		s->pos = s->backend->rewind(s->dev, position);
	}
	return FOX_OK;
}

uint32_t fox_session_reuse(struct fox_session *s, const int32_t *ids, size_t n)
{
	uint32_t same = 0;
	while (same < s->pos && same + 1 < n && s->ids[same] == ids[same])
		same++;
	if (same < s->pos && fox_session_rewind(s, same, NULL) == FOX_OK)
		same = s->pos;
	return same;
}

enum fox_status fox_session_memory(struct fox_memory *out, const struct fox_hparams *h, uint64_t weights,
    const struct fox_session_options *options, struct fox_err *err)
{
	const struct fox_backend *backend = options->backend ? options->backend : &fox_cpu_backend;
	struct fox_dev_ask ask;
	struct fox_dev_bytes dev;
	enum fox_status st = fill_ask(&ask, h, NULL, options, err);
	if (st || (st = backend->need(&dev, &ask, err)))
		return st;
	struct fox_memory m = {.weights = weights, /* a device's copy is as large, but for gaps */
	    .kv = dev.kv,
	    .scratch = dev.scratch + (uint64_t)ask.n_ctx * sizeof(int32_t),
	    .logits = (uint64_t)h->n_vocab * sizeof(float)};
	if (!fox_add(&m.total, m.weights, m.kv) || !fox_add(&m.total, m.total, m.scratch) ||
	    !fox_add(&m.total, m.total, m.logits))
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "the memory for %u positions does not fit 64 bits", ask.n_ctx);
	*out = m;
	return FOX_OK;
}
