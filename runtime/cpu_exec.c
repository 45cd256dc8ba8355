/* cpu_exec.c - the CPU backend: memory of one session and the loop over the program. */
#include "runtime/cpu_exec.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "format/base/num.h"
#include "runtime/rope.h"
#include "runtime/sample.h"

#define ALIGN 64u             /* a cache line, so that no two workers' scratch share one */
#define POOL_FLOOR (1u << 16) /* multiplications, 2 to 5 us of them: below, a round of the pool costs more than it gives */
#define BATCH_LIMIT 65536u    /* rows; far past what pays */

struct fox_pool *fox_cpu_pool(const struct fox_dev *d, uint64_t multiplications)
{
	return multiplications < POOL_FLOOR ? NULL : d->ask.pool;
}

/* Where each part of the scratch block starts. */
struct plan {
	uint64_t slot[FOX_S_COUNT], attn_worker, attn_shared, encoded, encoded_step, inv_freq[2], cos[2], sin[2], acts, panels, bytes;
	struct fox_cpu_attn_sizes attn;
};

static bool plan_part(struct plan *p, uint64_t *at, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t n;
	*at = p->bytes;
	return fox_mul(&n, a, b) && fox_mul(&n, n, c) && fox_add(&n, n, p->bytes) &&
	       fox_align_up(&p->bytes, n, ALIGN) && p->bytes <= INT64_MAX;
}

static bool plan_all(struct plan *p, const struct fox_dev_ask *ask)
{
	const struct fox_hparams *h = ask->hparams;
	*p = (struct plan){0};
	for (int s = FOX_S_X; s < FOX_S_LOGITS; s++)
		if (!plan_part(p, &p->slot[s], ask->graph->width[s], ask->batch, sizeof(float)))
			return false;
	uint64_t pairs = h->rope_dims / 2, workers = fox_pool_workers(ask->pool);
	fox_cpu_attn_sizes(&p->attn, h);
	bool ok = plan_part(p, &p->attn_worker, p->attn.worker_floats, workers, sizeof(float)) &&
	          plan_part(p, &p->attn_shared, p->attn.shared_floats, 1, sizeof(float)) &&
	          fox_align_up(&p->encoded_step, 2 * sizeof(float) * (uint64_t)h->head_dim, 2 * ALIGN) &&
	          plan_part(p, &p->encoded, p->encoded_step, workers, 1) &&
	          plan_part(p, &p->acts, fox_cpu_acts_bytes(ask), ask->batch, 1) &&
	          plan_part(p, &p->panels, fox_cpu_panel_bytes(ask), workers, 1);
	for (int i = 0; i < (h->rope_theta_local != 0 ? 2 : 1); i++)
		ok = ok && plan_part(p, &p->inv_freq[i], pairs, 1, sizeof(double)) &&
		     plan_part(p, &p->cos[i], pairs, ask->n_ctx, sizeof(float)) &&
		     plan_part(p, &p->sin[i], pairs, ask->n_ctx, sizeof(float));
	return ok;
}

static enum fox_status plan_device(
    struct plan *p, struct fox_kv *kv, const struct fox_dev_ask *ask, struct fox_err *err)
{
	if (ask->batch == 0 || ask->batch > BATCH_LIMIT)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "a batch of %u rows, want 1 to %u", ask->batch, BATCH_LIMIT);
	enum fox_status st = fox_kv_plan(kv, ask->hparams, ask->kv, ask->n_ctx, ask->batch, err);
	if (st)
		return st;
	if (ask->graph->max_ctx && ask->n_ctx > ask->graph->max_ctx)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "a context of %u positions, where the model has learned %u", ask->n_ctx, ask->graph->max_ctx);
	if (!plan_all(p, ask))
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "the scratch for %u positions does not fit memory", ask->n_ctx);
	return FOX_OK;
}

static enum fox_status cpu_need(struct fox_dev_bytes *out, const struct fox_dev_ask *ask, struct fox_err *err)
{
	struct plan p;
	struct fox_kv kv;
	struct fox_graph widths = {0};
	struct fox_dev_ask with = *ask;
	if (!ask->graph) {
		fox_graph_widths(&widths, ask->hparams);
		with.graph = &widths;
	}
	enum fox_status st = plan_device(&p, &kv, &with, err);
	if (!st)
		*out = (struct fox_dev_bytes){.kv = kv.bytes, .scratch = p.bytes};
	return st;
}

static void cpu_close(struct fox_dev *d)
{
	if (!d)
		return;
	fox_kv_free(&d->kv);
	free(d->scratch);
	free(d);
}

static void carve(struct fox_dev *d, const struct plan *p)
{
	const struct fox_hparams *h = d->ask.hparams;
	for (int s = FOX_S_X; s < FOX_S_LOGITS; s++)
		d->slot[s] = (float *)(void *)(d->scratch + p->slot[s]);
	d->attn_sizes = p->attn;
	d->attn_worker = (float *)(void *)(d->scratch + p->attn_worker);
	d->attn_shared = (float *)(void *)(d->scratch + p->attn_shared);
	d->encoded = d->scratch + p->encoded;
	d->encoded_step = (size_t)p->encoded_step;
	d->acts = d->scratch + p->acts;
	d->panels = d->scratch + p->panels;
	d->panel_step = (size_t)fox_cpu_panel_bytes(&d->ask);
	const float *table = fox_graph_factors(d->ask.graph, h, d->ask.n_ctx);
	for (int i = 0; i < (h->rope_theta_local != 0 ? 2 : 1); i++) {
		d->inv_freq[i] = (double *)(void *)(d->scratch + p->inv_freq[i]);
		d->cos[i] = (float *)(void *)(d->scratch + p->cos[i]);
		d->sin[i] = (float *)(void *)(d->scratch + p->sin[i]);
		d->multiplier[i] = fox_rope_frequencies(d->inv_freq[i], h, i, table);
	}
}

static enum fox_status cpu_open(struct fox_dev **out, const struct fox_dev_ask *ask, struct fox_err *err)
{
	*out = NULL;
	struct plan p;
	struct fox_dev *d = calloc(1, sizeof *d);
	if (!d)
		return fox_fail_nomem(err);
	d->ask = *ask;
	d->k = ask->kernels ? ask->kernels : fox_kernels();
	enum fox_status st = plan_device(&p, &d->kv, ask, err);
	if (!st)
		st = fox_kv_init(&d->kv, err);
	void *block = NULL;
	if (!st && posix_memalign(&block, ALIGN, (size_t)p.bytes))
		st = fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE,
		    "out of memory: the scratch for %u positions takes %llu bytes", ask->n_ctx,
		    (unsigned long long)p.bytes);
	if (st) {
		cpu_close(d);
		return st;
	}
	d->scratch = block;
	carve(d, &p);
	*out = d;
	return FOX_OK;
}

static float *result_of(const struct fox_dev *d, const struct fox_op *op)
{
	return op->dst == FOX_S_LOGITS ? d->s->logits : d->slot[op->dst];
}

static void run_tap(struct fox_dev *d, const struct fox_op *op)
{
	size_t n = (size_t)fox_cpu_width(d, op->a);
	if (d->s->hidden)
		memcpy(d->s->hidden + (size_t)op->layer * d->s->hidden_rows * n, d->slot[op->a],
		    d->rows * n * sizeof(float));
}

static void run_pick(struct fox_dev *d, const struct fox_op *op)
{
	size_t n = (size_t)fox_cpu_width(d, op->a);
	d->rows = d->s->n - d->s->pick;
	memcpy(d->slot[op->dst], d->slot[op->a] + d->s->pick * n, d->rows * n * sizeof(float));
}

/* How many products from here on read the same slot and write others: they run as one pass. */
static size_t matmul_group(const struct fox_graph *g, size_t at)
{
	size_t n = 1;
	while (n < FOX_MATMUL_GROUP && at + n < g->n_ops && g->ops[at + n].code == FOX_OP_MATMUL &&
	       g->ops[at + n].a == g->ops[at].a)
		n++;
	return n;
}

static enum fox_status cpu_run(struct fox_dev *d, const struct fox_batch *s, struct fox_err *err)
{
	const struct fox_graph *g = d->ask.graph;
	d->s = s;
	d->rows = s->n;
	enum fox_status st = FOX_OK; /* sizes were checked when the device was opened */
	fox_cpu_angles(d, s->pos + s->n);
	fox_kv_filled(&d->kv, s->pos + s->n);
	for (size_t i = 0; i < g->n_ops && !st; i++) {
		const struct fox_op *op = &g->ops[i];
		switch ((enum fox_op_code)op->code) {
		case FOX_OP_EMBED:
			fox_cpu_embed(d, op);
			if (s->observe)
				s->observe(s->observe_ctx, op, NULL, d->slot[op->dst], d->rows);
			break;
		case FOX_OP_ADD_POS:
			fox_cpu_add_pos(d, op);
			break;
		case FOX_OP_NORM:
			fox_cpu_norm(d, op);
			break;
		case FOX_OP_MATMUL: {
			size_t n = matmul_group(g, i);
			fox_cpu_matmul(d, op, n);
			for (size_t k = 0; s->observe && k < n && d->rows; k++)
				s->observe(s->observe_ctx, op + k, d->slot[op->a], result_of(d, op + k), d->rows);
			i += n - 1;
			break;
		}
		case FOX_OP_ROPE:
			fox_cpu_rope(d, op);
			break;
		case FOX_OP_KV_PUT:
			fox_cpu_kv_put(d, op);
			break;
		case FOX_OP_ATTN:
			fox_cpu_attn(d, op);
			break;
		case FOX_OP_ADD:
			fox_cpu_add(d, op);
			break;
		case FOX_OP_ACT_MUL:
			fox_cpu_act_mul(d, op);
			break;
		case FOX_OP_SOFTCAP:
			fox_cpu_softcap(d, op);
			break;
		case FOX_OP_TAP:
			run_tap(d, op);
			st = fox_cancelled(err); /* a long prompt takes seconds */
			break;
		case FOX_OP_PICK:
			run_pick(d, op);
			break;
		case FOX_OP_COUNT:
			break;
		}
	}
	for (size_t i = 0; s->best && !st && i < s->n - s->pick; i++)
		s->best[i] = fox_likeliest(s->logits + i * g->width[FOX_S_LOGITS], s->best_of);
	d->s = NULL;
	return st;
}

static uint32_t cpu_rewind(struct fox_dev *d, uint32_t pos)
{
	return fox_kv_rewind(&d->kv, pos);
}

const struct fox_backend fox_cpu_backend = {
    .name = "cpu",
    .batch = 512, /* past this a product gains little and scratch grows */
    .need = cpu_need,
    .open = cpu_open,
    .run = cpu_run,
    .rewind = cpu_rewind,
    .close = cpu_close,
};
