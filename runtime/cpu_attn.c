/* cpu_attn.c - rotary angles, the key-value cache, and causal attention over it. */
#include "runtime/cpu_exec.h"

#include <math.h>
#include <string.h>

void fox_cpu_angles(struct fox_dev *d, uint32_t end)
{
	uint32_t pairs = d->ask.hparams->rope_dims / 2;
	for (uint32_t pos = d->angles; pos < end; pos++) {
		for (uint32_t i = 0; i < pairs; i++) {
			double angle = (double)pos * d->inv_freq[i];
			d->cos[(size_t)pos * pairs + i] = (float)cos(angle);
			d->sin[(size_t)pos * pairs + i] = (float)sin(angle);
		}
	}
	if (end > d->angles)
		d->angles = end;
}

void fox_cpu_rope(struct fox_dev *d, const struct fox_op *op)
{
	const struct fox_hparams *h = d->ask.hparams;
	size_t pairs = h->rope_dims / 2;
	bool adjacent = d->ask.graph->rope == FOX_ROPE_PAIRS;
	float *x = d->slot[op->dst];
	for (uint32_t r = 0; r < d->rows; r++) {
		size_t at = (size_t)(d->s->pos + r) * pairs;
		for (uint32_t i = 0; i < op->n; i++, x += h->head_dim)
			d->k->rope(x, d->cos + at, d->sin + at, pairs, adjacent);
	}
}

void fox_cpu_kv_put(struct fox_dev *d, const struct fox_op *op)
{
	size_t dim = d->ask.hparams->head_dim;
	fox_encode_fn *encode = d->k->encode[d->kv.type];
	const float *k = d->slot[op->a], *v = d->slot[op->b];
	for (uint32_t r = 0; r < d->rows; r++) {
		for (uint32_t i = 0; i < op->n; i++, k += dim, v += dim) {
			encode(fox_kv_key(&d->kv, op->layer, i, d->s->pos + r), k, dim);
			encode(fox_kv_value(&d->kv, op->layer, i, d->s->pos + r), v, dim);
		}
	}
}

struct job {
	struct fox_dev *d;
	const struct fox_op *op;
	uint32_t share; /* query heads that read one key head */
	uint32_t group; /* of them, how many one item computes; divides share */
};

/* One row, `group` query heads of one key head. Scores, weights and values go over the positions in rising
 * order. */
static void item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	struct fox_dev *d = j->d;
	const struct fox_op *op = j->op;
	const struct fox_kv *kv = &d->kv;
	size_t dim = d->ask.hparams->head_dim;
	uint32_t per_row = op->n / j->group;
	uint32_t row = (uint32_t)(i / per_row), head = (uint32_t)(i % per_row) * j->group;
	uint32_t n_pos = d->s->pos + row + 1, kv_head = head / j->share;
	const float *q = d->slot[op->a] + ((size_t)row * op->n + head) * dim;
	float *y = d->slot[op->dst] + ((size_t)row * op->n + head) * dim;
	float *scores = d->scores + worker * d->scores_step;
	fox_dot_fn *dot = d->k->dot[kv->type];
	fox_axpy_fn *axpy = d->k->axpy[kv->type];

	const uint8_t *key = fox_kv_key(kv, op->layer, kv_head, 0);
	for (uint32_t t = 0; t < n_pos; t++, key += kv->row_bytes)
		dot(scores + t, n_pos, key, q, dim, dim, j->group);
	for (size_t s = 0; s < (size_t)j->group * n_pos; s++)
		scores[s] *= op->f;
	for (uint32_t g = 0; g < j->group; g++)
		d->k->softmax(scores + (size_t)g * n_pos, n_pos);
	memset(y, 0, j->group * dim * sizeof *y);
	const uint8_t *value = fox_kv_value(kv, op->layer, kv_head, 0);
	for (uint32_t t = 0; t < n_pos; t++, value += kv->row_bytes)
		for (uint32_t g = 0; g < j->group; g++)
			axpy(y + g * dim, scores[(size_t)g * n_pos + t], value, dim);
}

void fox_cpu_attn(struct fox_dev *d, const struct fox_op *op)
{
	const struct fox_hparams *h = d->ask.hparams;
	uint64_t work = 2ull * d->rows * op->n * h->head_dim * (d->s->pos + d->rows);
	struct fox_pool *pool = fox_cpu_pool(d, work);
	uint32_t kv_heads = h->n_kv_heads[op->layer];
	struct job j = {.d = d, .op = op, .share = op->n / kv_heads};
	/* Reading a key once for all heads that share it is cheaper, unless that leaves workers idle. */
	bool enough = (uint64_t)d->rows * kv_heads >= fox_pool_workers(pool);
	j.group = enough ? j.share : 1;
	fox_pool_run(pool, item, &j, (size_t)d->rows * (op->n / j.group));
}
