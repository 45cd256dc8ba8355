/* cpu_attn.c - rotary angles, the key-value cache, and causal attention over it. */
#include "runtime/cpu_exec.h"

#include <math.h>
#include <string.h>

void fox_cpu_angles(struct fox_dev *d, uint32_t end)
{
	uint32_t pairs = d->ask.hparams->rope_dims / 2;
	for (int k = 0; k < 2 && d->inv_freq[k]; k++) {
		for (uint32_t pos = d->angles; pos < end; pos++) {
			for (uint32_t i = 0; i < pairs; i++) {
				double angle = (double)pos * d->inv_freq[k][i];
				d->cos[k][(size_t)pos * pairs + i] = (float)(d->multiplier[k] * cos(angle));
				d->sin[k][(size_t)pos * pairs + i] = (float)(d->multiplier[k] * sin(angle));
			}
		}
	}
	if (end > d->angles)
		d->angles = end;
}

void fox_cpu_rope(struct fox_dev *d, const struct fox_op *op)
{
	const struct fox_hparams *h = d->ask.hparams;
	size_t pairs = h->rope_dims / 2;
	bool adjacent = d->ask.graph->traits.rope == FOX_ROPE_PAIRS;
	int k = fox_hparams_local(h, op->layer);
	float *x = d->slot[op->dst];
	for (uint32_t r = 0; r < d->rows; r++) {
		size_t at = (size_t)(d->s->pos + r) * pairs;
		for (uint32_t i = 0; i < op->n; i++, x += h->head_dim)
			d->k->rope(x, d->cos[k] + at, d->sin[k] + at, pairs, adjacent);
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

/*
 * How much a score falls per position of distance: 2^(-8 (h + 1) / c) for the first c heads, c the largest power of two
 * among n; the rest lie halfway between, 2^(-4 (2 (h - c) + 1) / c).  source: Press et al. 2022, and for other numbers of
 * heads transformers modeling_bloom.py build_alibi_tensor
 */
static double alibi_slope(uint32_t head, uint32_t n)
{
	uint32_t c = 1;
	while (2 * c <= n)
		c *= 2;
	return head < c ? exp2(-8.0 * (head + 1) / c) : exp2(-4.0 * (2 * (head - c) + 1) / c);
}

/* From products to what softmax takes: scaled, capped, sloped. s[t] is of the position t before the last. */
static void shape_scores(const struct fox_dev *d, const struct fox_op *op, uint32_t head, float *s, uint32_t n)
{
	float cap = d->ask.hparams->attn_softcap;
	for (uint32_t t = 0; t < n; t++)
		s[t] *= op->f;
	if (cap != 0)
		d->k->softcap(s, n, cap);
	if (!d->ask.graph->traits.alibi)
		return;
	double slope = alibi_slope(head, op->n);
	for (uint32_t t = 0; t < n; t++)
		s[t] = (float)((double)s[t] - slope * (n - 1 - t));
}

struct job {
	struct fox_dev *d;
	const struct fox_op *op;
	uint32_t share; /* query heads that read one key head */
	uint32_t group; /* of them, how many one item computes; divides share */
};

/* One row, `group` query heads of one key head. Scores, weights and values go over the positions in rising
 * order, from the first that the layer's window shows. */
static void item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	struct fox_dev *d = j->d;
	const struct fox_op *op = j->op;
	const struct fox_kv *kv = &d->kv;
	size_t dim = d->ask.hparams->head_dim;
	uint32_t per_row = op->n / j->group;
	uint32_t row = (uint32_t)(i / per_row), head = (uint32_t)(i % per_row) * j->group;
	uint32_t end = d->s->pos + row + 1, kv_head = head / j->share, window = fox_hparams_window(d->ask.hparams, op->layer);
	uint32_t first = window && end > window ? end - window : 0, n_pos = end - first;
	const float *q = d->slot[op->a] + ((size_t)row * op->n + head) * dim;
	float *y = d->slot[op->dst] + ((size_t)row * op->n + head) * dim;
	float *scores = d->scores + worker * d->scores_step;
	fox_dot_fn *dot = d->k->dot[kv->type];
	fox_axpy_fn *axpy = d->k->axpy[kv->type];

	const uint8_t *key = fox_kv_key(kv, op->layer, kv_head, first);
	for (uint32_t t = 0; t < n_pos; t++, key += kv->row_bytes)
		dot(scores + t, n_pos, key, q, dim, dim, j->group);
	for (uint32_t g = 0; g < j->group; g++) {
		shape_scores(d, op, head + g, scores + (size_t)g * n_pos, n_pos);
		d->k->softmax(scores + (size_t)g * n_pos, n_pos);
	}
	memset(y, 0, j->group * dim * sizeof *y);
	const uint8_t *value = fox_kv_value(kv, op->layer, kv_head, first);
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
