/* ppl.c - runs chunks through one model or two in lockstep, and keeps a few numbers of each position. */
#include "runtime/ppl.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/ppl_stat.h"

enum { ROWS = 256 };           /* rows of logits at once, where they fit */
#define ROWS_BYTES (64u << 20) /* memory for them, of one model */

struct side {
	const struct fox_model *m;
	struct fox_session *session;
	float *logits; /* [rows][n_vocab] */
};

struct run {
	struct side side[2]; /* the model; the base */
	size_t n_sides;
	const struct fox_chunks *chunks;
	const struct fox_ppl_options *options;
	uint64_t n_vocab;
	uint32_t rows;
	int32_t *ids;        /* [n_ctx] of the chunk in work */
	struct ppl_row *row; /* [all] */
	uint64_t done, all;
	const int32_t *want; /* ids that the rows of this step predict */
	double nll[2], kld;  /* sums so far, for progress */
};

/* ln of the sum of exp, and where the largest is (the lowest id among equals). */
static double log_sum(const float *x, uint64_t n, uint64_t *top)
{
	double sum = 0;
	*top = 0;
	for (uint64_t i = 1; i < n; i++)
		*top = x[i] > x[*top] ? i : *top;
	double most = (double)x[*top];
	for (uint64_t i = 0; i < n; i++)
		sum += exp((double)x[i] - most);
	return most + log(sum);
}

/* sum b (ln b - ln p); what b holds impossible adds nothing, and rounding may not go below 0. */
static double divergence(const float *p, double sum_p, const float *b, double sum_b, uint64_t n)
{
	double kl = 0;
	for (uint64_t i = 0; i < n; i++) {
		double ln_b = (double)b[i] - sum_b, weight = exp(ln_b);
		if (weight != 0)
			kl += weight * (ln_b - ((double)p[i] - sum_p));
	}
	return kl < 0 ? 0 : kl;
}

static void score(void *ctx, size_t i, unsigned worker)
{
	struct run *r = ctx;
	struct ppl_row *row = &r->row[r->done + i];
	double sum[2];
	uint64_t top[2];
	(void)worker;
	for (size_t k = 0; k < r->n_sides; k++) {
		const float *x = r->side[k].logits + i * r->n_vocab;
		sum[k] = log_sum(x, r->n_vocab, &top[k]);
		row->nll[k] = sum[k] - (double)x[r->want[i]];
	}
	if (r->n_sides < 2)
		return;
	row->kld = divergence(
	    r->side[0].logits + i * r->n_vocab, sum[0], r->side[1].logits + i * r->n_vocab, sum[1], r->n_vocab);
	row->same_top = top[0] == top[1];
}

static enum fox_status tell(struct run *r, uint32_t chunk, struct fox_err *err)
{
	if (!r->options->progress)
		return FOX_OK;
	double n = (double)r->done;
	struct fox_ppl_progress p = {.chunk = chunk,
	    .n_chunks = r->chunks->n,
	    .n = r->done,
	    .ppl = exp(r->nll[0] / n),
	    .base_ppl = r->n_sides > 1 ? exp(r->nll[1] / n) : 0,
	    .kld = r->n_sides > 1 ? r->kld / n : 0};
	return r->options->progress(r->options->progress_ctx, &p, err);
}

/* The first half of a chunk: only the cache is wanted. */
static enum fox_status run_context(struct run *r, uint32_t chunk, uint32_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t k = 0; k < r->n_sides && !s; k++)
		s = fox_session_rewind(r->side[k].session, 0, err);
	for (uint32_t at = 0, step; at < n && !s; at += step) {
		step = n - at < ROWS ? n - at : ROWS;
		for (size_t k = 0; k < r->n_sides && !s; k++)
			s = fox_session_step(r->side[k].session, r->ids + at, step, NULL, err);
		s = s ? s : tell(r, chunk, err);
	}
	return s;
}

static enum fox_status run_chunk(struct run *r, uint32_t chunk, struct fox_err *err)
{
	uint32_t n = r->chunks->n_ctx, first = n / 2;
	const int32_t *text = r->chunks->ids + (size_t)chunk * n;
	fox_chunks_get(r->chunks, chunk, r->ids);
	enum fox_status s = run_context(r, chunk, first, err);
	for (uint32_t at = first, step; at < n - 1 && !s; at += step) {
		step = n - 1 - at < r->rows ? n - 1 - at : r->rows;
		for (size_t k = 0; k < r->n_sides && !s; k++) {
			struct fox_session_taps taps = {.logits = r->side[k].logits};
			s = fox_session_step(r->side[k].session, r->ids + at, step, &taps, err);
		}
		if (s)
			return s;
		r->want = text + at + 1;
		fox_pool_run(r->options->pool, score, r, step);
		for (uint64_t i = r->done; i < r->done + step; i++)
			r->nll[0] += r->row[i].nll[0], r->nll[1] += r->row[i].nll[1], r->kld += r->row[i].kld;
		r->done += step;
		s = tell(r, chunk + (at + step == n - 1), err);
	}
	return s;
}

static enum fox_status check_ids(const struct run *r, struct fox_err *err)
{
	const struct fox_chunks *c = r->chunks;
	for (size_t k = 0; k < r->n_sides; k++)
		if (fox_model_hparams(r->side[k].m)->n_vocab != r->n_vocab)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the models have %llu and %u logits a position",
			    (unsigned long long)r->n_vocab, fox_model_hparams(r->side[k].m)->n_vocab);
	for (size_t i = 0; i < (size_t)c->n * c->n_ctx; i++)
		if (c->ids[i] < 0 || (uint64_t)c->ids[i] >= r->n_vocab)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "token id %d of the text, where the model has rows for %llu", c->ids[i],
			    (unsigned long long)r->n_vocab);
	return FOX_OK;
}

static enum fox_status open_run(struct run *r, struct fox_err *err)
{
	const struct fox_chunks *c = r->chunks;
	struct fox_session_options o = {.n_ctx = c->n_ctx,
	    .batch = ROWS,
	    .kv = r->options->kv,
	    .arith = r->options->arith,
	    .pool = r->options->pool,
	    .kernels = r->options->kernels,
	    .backend = r->options->backend};
	r->n_vocab = fox_model_hparams(r->side[0].m)->n_vocab;
	enum fox_status s = check_ids(r, err);
	uint64_t fit = ROWS_BYTES / (r->n_vocab * sizeof(float));
	r->rows = fit > ROWS ? ROWS : fit ? (uint32_t)fit : 1;
	r->all = (uint64_t)c->n * (c->n_ctx - 1 - c->n_ctx / 2);
	for (size_t k = 0; k < r->n_sides && !s; k++) {
		s = fox_session_open(&r->side[k].session, r->side[k].m, &o, err);
		r->side[k].logits = malloc((size_t)(r->rows * r->n_vocab) * sizeof(float));
		if (!s && !r->side[k].logits)
			s = fox_fail_nomem(err);
	}
	r->ids = calloc(c->n_ctx, sizeof *r->ids);
	r->row = calloc((size_t)r->all, sizeof *r->row);
	if (!s && (!r->ids || !r->row))
		s = fox_fail_nomem(err);
	return s;
}

static enum fox_status run_all(struct run *r, struct fox_err *err)
{
	enum fox_status s = open_run(r, err);
	for (uint32_t i = 0; i < r->chunks->n && !s; i++)
		s = run_chunk(r, i, err);
	return s;
}

static void close_run(struct run *r)
{
	for (size_t k = 0; k < r->n_sides; k++) {
		fox_session_close(r->side[k].session);
		free(r->side[k].logits);
	}
	free(r->ids);
	free(r->row);
}

enum fox_status fox_ppl_run(struct fox_ppl *out, const struct fox_model *m, const struct fox_chunks *chunks,
    const struct fox_ppl_options *options, struct fox_err *err)
{
	struct run r = {.side[0].m = m, .n_sides = 1, .chunks = chunks, .options = options};
	enum fox_status s = run_all(&r, err);
	if (!s)
		*out = ppl_stat_one(r.row, r.all, 0, chunks);
	close_run(&r);
	return s;
}

enum fox_status fox_ppl_compare(struct fox_ppl_pair *out, const struct fox_model *m,
    const struct fox_model *base, const struct fox_chunks *chunks, const struct fox_ppl_options *options,
    struct fox_err *err)
{
	struct run r = {.side[0].m = m, .side[1].m = base, .n_sides = 2, .chunks = chunks, .options = options};
	enum fox_status s = run_all(&r, err);
	if (!s)
		s = ppl_stat_pair(out, r.row, r.all, chunks, err);
	close_run(&r);
	return s;
}
