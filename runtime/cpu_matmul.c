/* cpu_matmul.c - matrix products: rows of weights are shared out, every sum is one worker's.
 *
 * Which kernel: a panel product where there are rows enough to pay for unpacking, else one row of activations after the
 * other over a piece of the weights that stays near, else (types without these) the dot product.  spec/kernels.md 4 */
#include "runtime/cpu_exec.h"

#define PIECE_BYTES (256u << 10) /* weights of one item of gemv: long enough to stream, short enough to share out */
#define PIECE_MIN 8u            /* rows */
#define GEMM_MIN 4u             /* rows of activations from which unpacking a panel pays */

/* Activations kept near while a piece of weights passes by dot: half an L1 cache, or all of a small one. */
#define TILE_BYTES 32768u

enum how { BY_DOT, BY_GEMV, BY_GEMM };

/* One weight matrix of the group. */
struct part {
	const struct fox_weight *w;
	const float *bias; /* [rows of w], or NULL */
	float *y;
	enum how how;
	const struct fox_acts *acts;
	uint64_t rows;  /* weight rows of one item */
	uint64_t first; /* number of its first item */
};

struct job {
	struct fox_dev *d;
	struct part part[FOX_MATMUL_GROUP];
	size_t n_parts;
	struct fox_acts acts[FOX_ACTS_COUNT]; /* the group's input, as each kernel wants it; step 0: not made */
	size_t rows, tile;                    /* of activations; tile: those that dot takes at once */
};

static void add_bias(const struct part *p, uint64_t from, uint64_t end, size_t rows)
{
	for (size_t r = 0; p->bias && r < rows; r++)
		for (uint64_t o = from; o < end; o++)
			p->y[r * p->w->rows + o] += p->bias[o];
}

static void item(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	size_t k = j->n_parts - 1;
	while (j->part[k].first > i)
		k--;
	const struct part *p = &j->part[k];
	const struct fox_weight *w = p->w;
	const struct fox_kernels *kernels = j->d->k;
	enum fox_arith arith = j->d->ask.arith;
	uint64_t from = (i - p->first) * p->rows, end = from + p->rows < w->rows ? from + p->rows : w->rows;
	const uint8_t *data = w->data + from * w->row_bytes;
	size_t n = (size_t)w->cols, n_rows = (size_t)(end - from);
	if (p->how == BY_GEMM) {
		const struct fox_gemm *g = &kernels->gemm[arith][w->type];
		uint8_t *panel = j->d->panels + worker * j->d->panel_step;
		g->pack(panel, data, (size_t)w->row_bytes, n_rows, n);
		g->mul(p->y + from, (size_t)w->rows, panel, n_rows, p->acts, n, j->rows);
	} else if (p->how == BY_GEMV) {
		for (size_t r = 0; r < j->rows; r++) {
			struct fox_acts one = fox_acts_from(p->acts, r);
			kernels->gemv[arith][w->type].fn(
			    p->y + r * w->rows + from, data, (size_t)w->row_bytes, n_rows, &one, n);
		}
	} else {
		const float *x = p->acts->q;
		for (size_t r = 0; r < j->rows; r += j->tile) {
			size_t now = j->rows - r < j->tile ? j->rows - r : j->tile;
			for (uint64_t o = from; o < end; o++)
				kernels->dot[w->type](p->y + r * w->rows + o, (size_t)w->rows, w->data + o * w->row_bytes,
				    x + r * n, n, n, now);
		}
	}
	add_bias(p, from, end, j->rows);
}

static void round_row(void *ctx, size_t i, unsigned worker)
{
	const struct job *j = ctx;
	const struct fox_acts *x = &j->acts[FOX_ACTS_F32];
	(void)worker;
	for (size_t k = 0; k < FOX_ACTS_COUNT; k++)
		if (k != FOX_ACTS_F32 && j->acts[k].step)
			j->d->k->acts[k](&j->acts[k], i, (const float *)x->q + i * x->step, x->step);
}

/* The kernel of a matrix, and its activations: made once for all matrices of the group that want the same. */
static void choose(struct job *j, struct part *p, uint8_t **free_at)
{
	const struct fox_kernels *k = j->d->k;
	enum fox_arith arith = j->d->ask.arith;
	enum fox_type type = p->w->type;
	enum fox_acts_kind kind = FOX_ACTS_F32;
	const struct fox_gemm *gemm = &k->gemm[arith][type];
	/* Exact panels that do not have gemv's bits serve every number of rows, so that no row's value depends on its company. */
	if (gemm->pack && (j->rows >= GEMM_MIN || (arith == FOX_ARITH_EXACT && gemm->error != 0)))
		p->how = BY_GEMM, kind = gemm->acts;
	else if (k->gemv[arith][type].fn)
		p->how = BY_GEMV, kind = k->gemv[arith][type].acts;
	else
		p->how = BY_DOT;
	p->acts = &j->acts[kind];
	if (!j->acts[kind].step)
		*free_at += fox_acts_carve(&j->acts[kind], kind, *free_at, j->rows, (size_t)p->w->cols);
}

static uint64_t share(const struct job *j, const struct part *p, unsigned workers)
{
	const struct fox_weight *w = p->w;
	if (p->how == BY_GEMM)
		return j->d->k->gemm[j->d->ask.arith][w->type].rows;
	uint64_t rows = PIECE_BYTES / w->row_bytes, most = w->rows / (workers * 8ull);
	rows = rows > most ? most : rows;
	return rows < PIECE_MIN ? PIECE_MIN : rows;
}

void fox_cpu_matmul(struct fox_dev *d, const struct fox_op *ops, size_t n_ops)
{
	struct job j = {.d = d, .n_parts = n_ops, .rows = d->rows};
	uint64_t all_rows = 0, cols = ops[0].w->cols, items = 0;
	uint8_t *free_at = d->acts;
	if (j.rows == 0)
		return;
	for (size_t i = 0; i < n_ops; i++)
		all_rows += ops[i].w->rows;
	struct fox_pool *pool = fox_cpu_pool(d, all_rows * cols * j.rows);
	/* Rows of a slot are as far apart as this product needs, not as the slot is wide: layers may differ. */
	j.acts[FOX_ACTS_F32] = (struct fox_acts){.kind = FOX_ACTS_F32, .step = (size_t)cols, .q = d->slot[ops[0].a]};
	j.tile = TILE_BYTES / (cols * sizeof(float));
	j.tile = j.tile < 4 ? 4 : j.tile;
	for (size_t i = 0; i < n_ops; i++) {
		float *y = ops[i].dst == FOX_S_LOGITS ? d->s->logits : d->slot[ops[i].dst];
		j.part[i] = (struct part){.w = ops[i].w, .bias = ops[i].bias ? ops[i].bias->vec : NULL, .y = y};
		choose(&j, &j.part[i], &free_at);
		j.part[i].rows = share(&j, &j.part[i], fox_pool_workers(pool));
		j.part[i].first = items;
		items += (ops[i].w->rows + j.part[i].rows - 1) / j.part[i].rows;
	}
	if (free_at != d->acts)
		fox_pool_run(fox_cpu_pool(d, j.rows * cols * 16), round_row, &j, j.rows);
	fox_pool_run(pool, item, &j, items);
}

static uint64_t widest(const struct fox_graph *g)
{
	uint64_t most = 0;
	for (int s = FOX_S_X; s < FOX_S_LOGITS; s++)
		most = g->width[s] > most ? g->width[s] : most;
	return most;
}

/* Every kind that the arithmetic can ask for, on any machine: so the plan does not depend on the one at hand. */
uint64_t fox_cpu_acts_bytes(const struct fox_dev_ask *ask)
{
	static const enum fox_acts_kind kinds[FOX_ARITH_COUNT][4] = {
	    [FOX_ARITH_EXACT] = {FOX_ACTS_BF16X3},
	    [FOX_ARITH_FAST] = {FOX_ACTS_BF16, FOX_ACTS_Q8, FOX_ACTS_Q16, FOX_ACTS_U8},
	};
	uint64_t n = widest(ask->graph), bytes = 0;
	struct fox_acts a;
	for (size_t i = 0; i < 4; i++)
		bytes += fox_acts_carve(&a, kinds[ask->arith][i], NULL, 1, (size_t)n);
	/* parts end at multiples of 64, whatever the number of rows: one row's bytes times rows is enough */
	return bytes;
}

uint64_t fox_cpu_panel_bytes(const struct fox_dev_ask *ask)
{
	return fox_panel_most((size_t)widest(ask->graph));
}
