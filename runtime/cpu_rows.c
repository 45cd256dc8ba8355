/* cpu_rows.c - operations that take each row by itself: looked up, normed, rotated, put into the cache, added, activated. */
#include "runtime/cpu_exec.h"

#include <string.h>

#include "runtime/rope.h"

#define CHUNKS_PER_WORKER 4u /* items, so that a worker that comes late finds less to do */

/* Rows [r, end) of an operation. */
typedef void rows_fn(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker);

struct job {
	struct fox_dev *d;
	const struct fox_op *op;
	rows_fn *fn;
	size_t rows, chunk;
};

static void item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	size_t r = i * j->chunk, end = r + j->chunk < j->rows ? r + j->chunk : j->rows;
	j->fn(j->d, j->op, r, end, worker);
}

/* cost: of one row, in multiplications. */
static void run(struct fox_dev *d, const struct fox_op *op, rows_fn *fn, size_t rows, uint64_t cost)
{
	struct fox_pool *pool = fox_cpu_pool(d, rows * cost);
	struct job j = {d, op, fn, rows, rows / (CHUNKS_PER_WORKER * fox_pool_workers(pool)) + 1};
	fox_pool_run(pool, item, &j, (rows + j.chunk - 1) / j.chunk);
}

static float *row_of(const struct fox_dev *d, int slot, size_t r, size_t width)
{
	return (slot == FOX_S_LOGITS ? d->s->logits : d->slot[slot]) + r * width;
}

void fox_cpu_angles(struct fox_dev *d, uint32_t end)
{
	uint32_t pairs = d->ask.hparams->rope_dims / 2;
	for (int k = 0; k < 2 && d->inv_freq[k] && d->angles < end; k++) {
		size_t at = (size_t)d->angles * pairs;
		fox_rope_angles(d->cos[k] + at, d->sin[k] + at, d->inv_freq[k], d->multiplier[k], pairs, d->angles, end);
	}
	if (end > d->angles)
		d->angles = end;
}

static void embed(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	const struct fox_weight *w = op->w;
	(void)worker;
	for (; r < end; r++) {
		float *y = row_of(d, op->dst, r, w->cols);
		d->k->decode[w->type](y, w->data + (uint64_t)d->s->ids[r] * w->row_bytes, (size_t)w->cols);
		for (size_t i = 0; op->f != 1 && i < w->cols; i++)
			y[i] *= op->f;
	}
}

void fox_cpu_embed(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, embed, d->rows, op->w->cols);
}

/* The table's row is decoded through the same row of N, which is free this early. */
static void add_pos(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	const struct fox_weight *w = op->w;
	(void)worker;
	for (; r < end; r++) {
		float *y = row_of(d, op->dst, r, w->cols), *row = row_of(d, FOX_S_N, r, w->cols);
		const float *a = row_of(d, op->a, r, w->cols);
		d->k->decode[w->type](row, w->data + (uint64_t)(d->s->pos + r) * w->row_bytes, (size_t)w->cols);
		for (size_t i = 0; i < w->cols; i++)
			y[i] = a[i] + row[i];
	}
}

void fox_cpu_add_pos(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, add_pos, d->rows, 2 * op->w->cols);
}

static void norm(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	size_t n = (size_t)op->w->cols;
	const float *bias = op->bias ? op->bias->vec : NULL;
	(void)worker;
	for (r *= op->n, end *= op->n; r < end; r++) {
		float *y = row_of(d, op->dst, r, n);
		const float *x = row_of(d, op->a, r, n);
		if (d->ask.graph->traits.norm == FOX_NORM_LAYER)
			d->k->layernorm(y, x, op->w->vec, bias, n, op->f);
		else
			d->k->rmsnorm(y, x, op->w->vec, n, op->f);
	}
}

void fox_cpu_norm(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, norm, d->rows, 4 * op->n * op->w->cols);
}

static void rope(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	const struct fox_hparams *h = d->ask.hparams;
	size_t pairs = h->rope_dims / 2;
	bool adjacent = d->ask.graph->traits.rope == FOX_ROPE_PAIRS;
	int k = fox_hparams_local(h, op->layer);
	(void)worker;
	for (; r < end; r++) {
		float *x = row_of(d, op->dst, r, (size_t)op->n * h->head_dim);
		size_t at = (size_t)(d->s->pos + r) * pairs;
		for (uint32_t i = 0; i < op->n; i++, x += h->head_dim)
			d->k->rope(x, d->cos[k] + at, d->sin[k] + at, pairs, adjacent);
	}
}

void fox_cpu_rope(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, rope, d->rows, 4ull * op->n * d->ask.hparams->rope_dims);
}

static void kv_put(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	size_t dim = d->ask.hparams->head_dim, width = op->n * dim;
	fox_encode_fn *encode = d->k->encode[d->kv.type];
	uint8_t *key = d->encoded + worker * d->encoded_step, *value = key + d->encoded_step / 2;
	for (; r < end; r++) {
		const float *k = row_of(d, op->a, r, width), *v = row_of(d, op->b, r, width);
		for (uint32_t i = 0; i < op->n; i++, k += dim, v += dim) {
			encode(key, k, dim);
			encode(value, v, dim);
			fox_kv_put(&d->kv, op->layer, i, d->s->pos + (uint32_t)r, key, value);
		}
	}
}

void fox_cpu_kv_put(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, kv_put, d->rows, 8ull * op->n * d->ask.hparams->head_dim);
}

static void add(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	size_t width = (size_t)fox_cpu_width(d, op->dst), n = (end - r) * width;
	float *y = row_of(d, op->dst, r, width);
	const float *a = row_of(d, op->a, r, width), *b = row_of(d, op->b, r, width);
	(void)worker;
	for (size_t i = 0; i < n; i++)
		y[i] = a[i] + b[i];
}

void fox_cpu_add(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, add, d->rows, 2 * fox_cpu_width(d, op->dst));
}

static void act_mul(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	size_t width = d->ask.hparams->d_ff[op->layer], n = (end - r) * width;
	const float *gate = row_of(d, op->a, r, width), *up = op->b ? row_of(d, op->b, r, width) : NULL;
	(void)worker;
	if (d->ask.graph->traits.act == FOX_ACT_SILU)
		d->k->silu_mul(row_of(d, op->dst, r, width), gate, up, n);
	else
		d->k->gelu_mul(row_of(d, op->dst, r, width), gate, up, n);
}

void fox_cpu_act_mul(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, act_mul, d->rows, 8ull * d->ask.hparams->d_ff[op->layer]);
}

static void softcap(struct fox_dev *d, const struct fox_op *op, size_t r, size_t end, unsigned worker)
{
	size_t width = (size_t)fox_cpu_width(d, op->dst);
	(void)worker;
	d->k->softcap(row_of(d, op->dst, r, width), (end - r) * width, op->f);
}

void fox_cpu_softcap(struct fox_dev *d, const struct fox_op *op)
{
	run(d, op, softcap, d->rows, 8 * fox_cpu_width(d, op->dst));
}
