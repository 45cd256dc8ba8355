/* cuda_exec.c - the CUDA backend: memory of one session on the device, and the loop over the program.
 *
 * Position and ids lie in device memory, so a step of one row is the same launches every time: they are recorded once for each
 * power of two of pages and played from then on. */
#include "runtime/cuda_exec.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "format/base/num.h"
#include "runtime/rope.h"

#define ALIGN 256u
#define BATCH_LIMIT 65536u

/* Where each part of the scratch starts. */
struct plan {
	uint64_t slot[FOX_S_COUNT], input, best, cos[2], sin[2], slopes, tables, work, bytes;
	uint32_t head_rows;
};

static bool part(struct plan *p, uint64_t *at, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t n;
	*at = p->bytes;
	return fox_mul(&n, a, b) && fox_mul(&n, n, c) && fox_add(&n, n, p->bytes) &&
	       fox_align_up(&p->bytes, n, ALIGN) && p->bytes <= INT64_MAX;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What products, attention and argmax want beside their operands: one at a time has it. */
static uint64_t work_bytes(const struct fox_dev_ask *ask, uint32_t pages)
{
	const struct fox_hparams *h = ask->hparams;
	const uint32_t rows[] = {1, FOX_CUDA_FEW, FOX_CUDA_FEW + 1, ask->batch};
	uint64_t widest = 0, bytes = FOX_CUDA_ARGMAX_BYTES;
	for (int s = FOX_S_X; s < FOX_S_LOGITS; s++)
		widest = larger(widest, ask->graph->width[s]);
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint32_t n = rows[i] < ask->batch ? rows[i] : ask->batch;
		bytes = larger(bytes, fox_cuda_product_scratch(ask->arith, n, (uint32_t)widest));
		for (uint32_t l = 0; l < h->n_layers; l++)
			bytes = larger(bytes, fox_cuda_attn_scratch(n, h->n_heads[l], h->n_kv_heads[l], h->head_dim, pages));
	}
	return bytes;
}

static bool plan_scratch(struct plan *p, const struct fox_cuda_kv *kv, const struct fox_dev_ask *ask)
{
	const struct fox_hparams *h = ask->hparams;
	const struct fox_graph *g = ask->graph;
	uint64_t pairs = h->rope_dims / 2, positions = (uint64_t)kv->all * FOX_CUDA_PAGE, heads = 0;
	bool ok = true;
	*p = (struct plan){.head_rows = ask->batch / FOX_CUDA_HEAD_SHARE + 1};
	for (int s = FOX_S_X; s < FOX_S_LOGITS; s++)
		ok = ok && part(p, &p->slot[s], g->width[s], ask->batch, sizeof(float));
	ok = ok && part(p, &p->slot[FOX_S_LOGITS], g->width[FOX_S_LOGITS], p->head_rows, sizeof(float)) &&
	     part(p, &p->input, 1 + (uint64_t)ask->batch, sizeof(int32_t), 1) &&
	     part(p, &p->best, p->head_rows, sizeof(int32_t), 1) &&
	     part(p, &p->tables, fox_cuda_kv_table_bytes(kv), 1, 1);
	for (int i = 0; i < (h->rope_theta_local != 0 ? 2 : 1); i++)
		ok = ok && part(p, &p->cos[i], pairs, positions, sizeof(float)) &&
		     part(p, &p->sin[i], pairs, positions, sizeof(float));
	for (uint32_t l = 0; g->traits.alibi && l < h->n_layers; l++)
		heads += h->n_heads[l];
	return ok && part(p, &p->slopes, heads, sizeof(float), 1) &&
	       part(p, &p->work, work_bytes(ask, kv->all), 1, 1);
}

static enum fox_status plan_device(
    struct plan *p, struct fox_cuda_kv *kv, const struct fox_dev_ask *ask, struct fox_err *err)
{
	if (ask->batch == 0 || ask->batch > BATCH_LIMIT)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "a batch of %u rows, want 1 to %u", ask->batch, BATCH_LIMIT);
	enum fox_status st = fox_cuda_kv_plan(kv, ask->hparams, ask->kv, ask->n_ctx, ask->batch, err);
	if (st)
		return st;
	if (ask->graph->max_ctx && ask->n_ctx > ask->graph->max_ctx)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "a context of %u positions, where the model has learned %u", ask->n_ctx, ask->graph->max_ctx);
	if (!plan_scratch(p, kv, ask))
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "the scratch for %u positions does not fit memory", ask->n_ctx);
	return FOX_OK;
}

/* No run has more rows than there are positions. */
static struct fox_dev_ask within(const struct fox_dev_ask *ask)
{
	struct fox_dev_ask a = *ask;
	a.batch = a.batch < a.n_ctx ? a.batch : a.n_ctx;
	return a;
}

static enum fox_status cuda_need(
    struct fox_dev_bytes *out, const struct fox_dev_ask *ask, struct fox_err *err)
{
	struct plan p;
	struct fox_cuda_kv kv;
	struct fox_graph widths = {0};
	struct fox_dev_ask with = within(ask);
	uint64_t weights = 0;
	if (!ask->graph) {
		fox_graph_widths(&widths, ask->hparams);
		with.graph = &widths;
	}
	enum fox_status st = plan_device(&p, &kv, &with, err);
	if (!st && ask->graph && !ask->beside)
		st = fox_cuda_weights_bytes(&weights, ask->graph, err);
	if (!st)
		*out = (struct fox_dev_bytes){
		    .kv = fox_cuda_kv_bytes(&kv), .scratch = p.bytes, .weights = weights};
	return st;
}

/* ---- opening */

static void cuda_close(struct fox_dev *d)
{
	if (!d)
		return;
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < FOX_CUDA_BUCKETS; i++)
			fox_cuda_program_free(d->cuda, d->decode[k][i].program);
		free(d->frequency[k]);
		free(d->seen[k]);
	}
	if (d->cuda) {
		fox_cuda_unpin(d->cuda, d->input);
		fox_cuda_unpin(d->cuda, d->likely);
		fox_cuda_kv_free(&d->kv, d->cuda);
		fox_cuda_free(d->cuda, d->scratch);
	}
	fox_cuda_weights_leave(d->weights);
	free(d);
}

static double gib(uint64_t bytes)
{
	return (double)bytes / (double)(1 << 30);
}

/* Before anything is copied: a model that does not fit is refused at once, in numbers. */
static enum fox_status check_memory(struct fox_cuda *c, const struct fox_dev_ask *ask, struct fox_err *err)
{
	struct fox_dev_bytes need;
	uint64_t left, all;
	enum fox_status st = cuda_need(&need, ask, err);
	if (st || (st = fox_cuda_free_bytes(c, &left, err)))
		return st;
	if (!fox_add(&all, need.kv, need.scratch) || !fox_add(&all, all, need.weights) || all > left)
		return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE,
		    "out of memory on CUDA device 0: %.3f GiB are free, this takes %.3f: weights %.3f, cache of %u "
		    "positions "
		    "%.3f, scratch for %u rows %.3f",
		    gib(left), gib(all), gib(need.weights), ask->n_ctx, gib(need.kv), ask->batch, gib(need.scratch));
	return FOX_OK;
}

/* The weights, and with them the device: another session's, or a copy of its own. */
static enum fox_status take_weights(struct fox_dev *d, struct fox_err *err)
{
	struct fox_cuda *c;
	enum fox_status st;
	if (d->ask.beside) {
		d->weights = d->ask.beside->weights;
		d->weights->users++;
		d->ask.beside = NULL; /* it may be closed before this one */
		d->cuda = d->weights->cuda;
		struct fox_dev_ask ask = d->ask;
		ask.beside = d; /* any: the weights are there */
		return check_memory(d->cuda, &ask, err);
	}
	if ((st = fox_cuda_open(&c, 0, err)))
		return st;
	if ((st = check_memory(c, &d->ask, err))) {
		fox_cuda_close(c);
		return st;
	}
	if (!(st = fox_cuda_weights_open(&d->weights, c, d->ask.graph, err)))
		d->cuda = c;
	return st;
}

static enum fox_status set_slopes(struct fox_dev *d, const struct plan *p, struct fox_err *err)
{
	const struct fox_hparams *h = d->ask.hparams;
	uint32_t n = 0;
	if (!d->ask.graph->traits.alibi)
		return FOX_OK;
	for (uint32_t l = 0; l < h->n_layers; l++) {
		d->slopes_at[l] = n;
		n += h->n_heads[l];
	}
	float *slope = malloc(n * sizeof *slope), *at = slope;
	if (!slope)
		return fox_fail_nomem(err);
	for (uint32_t l = 0; l < h->n_layers; l++)
		for (uint32_t i = 0; i < h->n_heads[l]; i++)
			*at++ = (float)fox_alibi_slope(i, h->n_heads[l]);
	d->slopes = (float *)(void *)(d->scratch + p->slopes);
	enum fox_status st = fox_cuda_upload(d->cuda, d->slopes, slope, n * sizeof *slope, err);
	free(slope);
	return st;
}

static enum fox_status pin(int32_t **out, const struct fox_dev *d, uint32_t n, struct fox_err *err)
{
	void *p;
	enum fox_status st = fox_cuda_pin(d->cuda, &p, n * sizeof **out, err);
	*out = p;
	return st;
}

static enum fox_status carve(struct fox_dev *d, const struct plan *p, struct fox_err *err)
{
	const struct fox_hparams *h = d->ask.hparams;
	const float *table = fox_graph_factors(d->ask.graph, h, d->ask.n_ctx);
	for (int s = FOX_S_X; s <= FOX_S_LOGITS; s++)
		d->slot[s] = (float *)(void *)(d->scratch + p->slot[s]);
	d->head_rows = p->head_rows;
	d->pos = (uint32_t *)(void *)(d->scratch + p->input);
	d->ids = (int32_t *)(void *)(d->pos + 1);
	d->best = (int32_t *)(void *)(d->scratch + p->best);
	d->work = d->scratch + p->work;
	enum fox_status st = pin(&d->input, d, 1 + d->ask.batch, err);
	if (st || (st = pin(&d->likely, d, d->head_rows, err)))
		return st;
	for (int k = 0; k < (h->rope_theta_local != 0 ? 2 : 1); k++) {
		d->cos[k] = (float *)(void *)(d->scratch + p->cos[k]);
		d->sin[k] = (float *)(void *)(d->scratch + p->sin[k]);
		d->frequency[k] = malloc((h->rope_dims / 2 + 1) * sizeof *d->frequency[k]);
		if (!d->frequency[k])
			return fox_fail_nomem(err);
		d->multiplier[k] = fox_rope_frequencies(d->frequency[k], h, k, table);
	}
	st = fox_cuda_kv_init(&d->kv, d->scratch + p->tables, err);
	return st ? st : set_slopes(d, p, err);
}

static enum fox_status cuda_open(struct fox_dev **out, const struct fox_dev_ask *ask, struct fox_err *err)
{
	*out = NULL;
	struct plan p;
	void *scratch;
	struct fox_dev *d = calloc(1, sizeof *d);
	if (!d)
		return fox_fail_nomem(err);
	d->ask = within(ask);
	enum fox_status st = plan_device(&p, &d->kv, &d->ask, err);
	if (!st)
		st = take_weights(d, err);
	if (!st && !(st = fox_cuda_alloc(d->cuda, &scratch, p.bytes, err))) {
		d->scratch = scratch;
		st = carve(d, &p, err);
	}
	if (st) {
		cuda_close(d);
		return st;
	}
	*out = d;
	return FOX_OK;
}

/* ---- a run */

/* Angles of the positions that the pages so far hold: computed here in double, as for the CPU. */
static enum fox_status reach_angles(struct fox_dev *d, uint32_t end, struct fox_err *err)
{
	uint32_t pairs = d->ask.hparams->rope_dims / 2,
	         to = (end + FOX_CUDA_PAGE - 1) / FOX_CUDA_PAGE * FOX_CUDA_PAGE;
	size_t n = (size_t)(to - d->angles) * pairs, at = (size_t)d->angles * pairs;
	enum fox_status st = FOX_OK;
	if (end <= d->angles || d->ask.graph->traits.rope == FOX_ROPE_NONE)
		return FOX_OK;
	float *host = malloc((2 * n + 1) * sizeof *host);
	if (!host)
		return fox_fail_nomem(err);
	for (int k = 0; k < 2 && d->frequency[k] && !st; k++) {
		fox_rope_angles(host, host + n, d->frequency[k], d->multiplier[k], pairs, d->angles, to);
		st = fox_cuda_upload(d->cuda, d->cos[k] + at, host, n * sizeof *host, err);
		if (!st)
			st = fox_cuda_upload(d->cuda, d->sin[k] + at, host + n, n * sizeof *host, err);
	}
	free(host);
	if (!st)
		d->angles = to;
	return st;
}

static size_t pick_of(const struct fox_graph *g)
{
	size_t i = 0;
	while (g->ops[i].code != FOX_OP_PICK)
		i++;
	return i;
}

/* Operations up to the choice of rows. */
static enum fox_status run_layers(struct fox_dev *d, struct fox_err *err)
{
	size_t end = pick_of(d->ask.graph);
	enum fox_status st = FOX_OK;
	d->rows = d->s->n;
	for (size_t i = 0; i < end && !st;) {
		bool layer = d->ask.graph->ops[i].code == FOX_OP_TAP;
		st = fox_cuda_op(d, &i, err);
		if (!st && layer && !d->fuse)
			st = fox_cancelled(err);
	}
	return st;
}

/* Those after it, for `rows` of the chosen rows from `row` on; then the likeliest, if they are wanted. */
static enum fox_status run_head(struct fox_dev *d, uint32_t row, uint32_t rows, struct fox_err *err)
{
	const struct fox_graph *g = d->ask.graph;
	size_t i = pick_of(g);
	const struct fox_op *op = &g->ops[i++];
	uint64_t n_vocab = g->width[FOX_S_LOGITS];
	float *kept = d->slot[op->dst];
	enum fox_status st = FOX_OK;
	d->rows = rows;
	d->slot[op->dst] =
	    d->slot[op->a] + (d->s->pick + row) * g->width[op->a]; /* the rows are used where they lie */
	while (i < g->n_ops && !st)
		st = fox_cuda_op(d, &i, err);
	d->slot[op->dst] = kept;
	for (uint32_t r = 0; r < rows && d->s->best && !st; r++)
		st = fox_cuda_argmax(
		    d->cuda, d->best + r, d->slot[FOX_S_LOGITS] + r * n_vocab, d->s->best_of, d->work, err);
	return st;
}

/* Position and ids, from where the run has put them. */
static enum fox_status send_input(struct fox_dev *d, struct fox_err *err)
{
	return fox_cuda_send(d->cuda, d->pos, d->input, (1 + (uint64_t)d->s->n) * sizeof *d->input, err);
}

/* The likeliest of `rows` rows, on their way to the host. */
static enum fox_status receive_best(struct fox_dev *d, uint32_t rows, struct fox_err *err)
{
	return d->s->best ? fox_cuda_receive(d->cuda, d->likely, d->best, rows * sizeof *d->likely, err) : FOX_OK;
}

/* What the head has left for rows from `row` on, to whoever asked; waits. */
static enum fox_status hand_out(struct fox_dev *d, uint32_t row, uint32_t rows, struct fox_err *err)
{
	uint64_t n_vocab = d->ask.graph->width[FOX_S_LOGITS];
	if (!d->s->best)
		return fox_cuda_fetch(d->cuda, d->s->logits + row * n_vocab, d->slot[FOX_S_LOGITS],
		    rows * n_vocab * sizeof(float), err);
	enum fox_status st = fox_cuda_wait(d->cuda, err);
	if (!st)
		memcpy(d->s->best + row, d->likely, rows * sizeof *d->likely);
	return st;
}

/* One row, as launches: now, or into a program. */
static enum fox_status launch_row(struct fox_dev *d, struct fox_err *err)
{
	enum fox_status st = send_input(d, err);
	if (st || (st = run_layers(d, err)) || (st = run_head(d, 0, 1, err)))
		return st;
	return receive_best(d, 1, err);
}

static enum fox_status record_row(struct fox_dev *d, struct fox_cuda_decode *p, struct fox_err *err)
{
	enum fox_status st = fox_cuda_record_begin(d->cuda, err), end;
	if (st)
		return st;
	st = launch_row(d, err);
	end = fox_cuda_record_end(d->cuda, &p->program, st ? NULL : err);
	p->best_of = d->s->best ? d->s->best_of : 0;
	return st ? st : end;
}

static enum fox_status run_row(struct fox_dev *d, uint32_t bucket, struct fox_err *err)
{
	struct fox_cuda_decode *p = &d->decode[d->s->best != NULL][bucket];
	enum fox_status st;
	if (p->program && d->s->best && p->best_of != d->s->best_of) {
		fox_cuda_program_free(d->cuda, p->program);
		p->program = NULL;
	}
	if (!p->program && p->used && (st = record_row(d, p, err)))
		return st;
	st = p->program ? fox_cuda_play(d->cuda, p->program, err) : launch_row(d, err);
	p->used = true;
	return st ? st : hand_out(d, 0, 1, err);
}

static enum fox_status run_rows(struct fox_dev *d, struct fox_err *err)
{
	uint32_t all = d->s->n - d->s->pick;
	enum fox_status st = send_input(d, err);
	if (!st)
		st = run_layers(d, err);
	for (uint32_t row = 0, n; row < all && !st; row += n) {
		n = all - row < d->head_rows ? all - row : d->head_rows;
		if (!(st = run_head(d, row, n, err)) && !(st = receive_best(d, n, err)))
			st = hand_out(d, row, n, err);
	}
	return st ? st : fox_cuda_wait(d->cuda, err);
}

static enum fox_status cuda_run(struct fox_dev *d, const struct fox_batch *s, struct fox_err *err)
{
	enum fox_status st = fox_cancelled(err);
	uint32_t end = s->pos + s->n, bucket = 0;
	if (st || (st = fox_cuda_kv_reach(&d->kv, d->cuda, end, err)) || (st = reach_angles(d, end, err)))
		return st;
	d->s = s;
	d->fuse = !s->observe;
	d->pages = (end - 1) / FOX_CUDA_PAGE + 1;
	while ((uint64_t)1 << bucket < d->pages)
		bucket++;
	d->input[0] = (int32_t)s->pos; /* nobody reads it any more: each run waits for its end */
	memcpy(d->input + 1, s->ids, s->n * sizeof *s->ids);
	if (s->n == 1 && s->pick == 0 && !s->observe && !s->hidden) {
		uint64_t reach = (uint64_t)1 << bucket;
		d->pages = reach < d->kv.all ? (uint32_t)reach : d->kv.all;
		st = run_row(d, bucket, err);
	} else {
		st = run_rows(d, err);
	}
	d->s = NULL;
	return st;
}

static uint32_t cuda_rewind(struct fox_dev *d, uint32_t pos)
{
	return fox_cuda_kv_rewind(&d->kv, pos);
}

static uint64_t cuda_taken(const struct fox_dev *d)
{
	return fox_cuda_taken(d->cuda);
}

const struct fox_backend fox_cuda_backend = {
    .name = "cuda",
    .batch = 2048,
    .need = cuda_need,
    .open = cuda_open,
    .run = cuda_run,
    .rewind = cuda_rewind,
    .taken = cuda_taken,
    .close = cuda_close,
};
