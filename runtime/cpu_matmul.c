/* cpu_matmul.c - matrix products: rows of weights are shared out, every sum is one call of the dot kernel. */
#include "runtime/cpu_exec.h"

/* Activations kept near while a chunk of weight rows passes: half an L1 cache, or all of a small one. */
#define TILE_BYTES 32768u
#define CHUNK_MIN 8u /* weight rows of one item */
#define CHUNK_MAX 64u

struct part {
	const struct fox_weight *w;
	const float *bias; /* [rows of w], or NULL */
	float *y;
	uint64_t first; /* number of its first item */
};

struct job {
	fox_dot_fn *const *dot;
	struct part part[FOX_MATMUL_GROUP];
	size_t n_parts;
	const float *x;
	size_t x_step, rows, tile;
	uint64_t chunk; /* weight rows of one item */
};

static void item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	(void)worker;
	size_t p = j->n_parts - 1;
	while (j->part[p].first > i)
		p--;
	const struct fox_weight *w = j->part[p].w;
	fox_dot_fn *dot = j->dot[w->type];
	const float *bias = j->part[p].bias;
	uint64_t from = (i - j->part[p].first) * j->chunk;
	uint64_t end = from + j->chunk < w->rows ? from + j->chunk : w->rows;
	for (size_t r = 0; r < j->rows; r += j->tile) {
		size_t n = j->rows - r < j->tile ? j->rows - r : j->tile;
		for (uint64_t o = from; o < end; o++)
			dot(j->part[p].y + r * w->rows + o, w->rows, w->data + o * w->row_bytes, j->x + r * j->x_step,
			    j->x_step, w->cols, n);
		for (size_t k = r; bias && k < r + n; k++)
			for (uint64_t o = from; o < end; o++)
				j->part[p].y[k * w->rows + o] += bias[o];
	}
}

void fox_cpu_matmul(struct fox_dev *d, const struct fox_op *ops, size_t n_ops)
{
	struct job j = {.dot = d->k->dot, .n_parts = n_ops, .rows = d->rows};
	uint64_t all_rows = 0, cols = ops[0].w->cols, items = 0;
	if (j.rows == 0)
		return;
	for (size_t i = 0; i < n_ops; i++)
		all_rows += ops[i].w->rows;
	struct fox_pool *pool = fox_cpu_pool(d, all_rows * cols * j.rows);
	uint64_t chunk = all_rows / (fox_pool_workers(pool) * 8ull);
	j.chunk = chunk < CHUNK_MIN ? CHUNK_MIN : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
	for (size_t i = 0; i < n_ops; i++) {
		const struct fox_weight *w = ops[i].w;
		float *y = ops[i].dst == FOX_S_LOGITS ? d->s->logits : d->slot[ops[i].dst];
		j.part[i] = (struct part){w, ops[i].bias ? ops[i].bias->vec : NULL, y, items};
		items += (w->rows + j.chunk - 1) / j.chunk;
	}
	/* Rows of a slot are as far apart as this product needs, not as the slot is wide: layers may differ. */
	j.x = d->slot[ops[0].a];
	j.x_step = cols;
	j.tile = TILE_BYTES / (cols * sizeof(float));
	j.tile = j.tile < 4 ? 4 : j.tile;
	fox_pool_run(pool, item, &j, items);
}
