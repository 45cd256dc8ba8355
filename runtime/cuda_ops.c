/* cuda_ops.c - operations of a graph as launches: one each, or several in one where nobody looks in between.
 *
 *   norm, products of what it gave         -> one pass over the weights with the norm in front (few rows)
 *   gate, up, act(gate) * up               -> one pass over both
 *   product, added to the residual stream  -> one pass that adds
 *   rope of Q, rope of K, put into cache   -> one launch */
#include "runtime/cuda_exec.h"

#include <stdlib.h>

static struct fox_cuda_norm norm_of(const struct fox_dev *d, size_t i)
{
	const struct fox_cuda_operand *o = &d->weights->of[i];
	return (struct fox_cuda_norm){.w = o->vec,
	    .bias = o->bias,
	    .eps = d->ask.graph->ops[i].f,
	    .layer = d->ask.graph->traits.norm == FOX_NORM_LAYER};
}

static enum fox_cuda_act act_of(const struct fox_dev *d)
{
	return d->ask.graph->traits.act == FOX_ACT_SILU ? FOX_CUDA_SILU : FOX_CUDA_GELU;
}

static struct fox_cuda_rope rope_of(const struct fox_dev *d, uint32_t layer)
{
	int k = fox_hparams_local(d->ask.hparams, layer);
	return (struct fox_cuda_rope){.cos = d->cos[k],
	    .sin = d->sin[k],
	    .pairs = d->ask.hparams->rope_dims / 2,
	    .adjacent = d->ask.graph->traits.rope == FOX_ROPE_PAIRS};
}

/* Products from i on that read the same slot. */
static size_t group_of(const struct fox_graph *g, size_t i)
{
	size_t n = 1;
	while (n < FOX_CUDA_PARTS && i + n < g->n_ops && g->ops[i + n].code == FOX_OP_MATMUL &&
	       g->ops[i + n].a == g->ops[i].a)
		n++;
	return n;
}

/* Does anything from i on read a slot before it is written anew? */
static bool read_later(const struct fox_graph *g, size_t i, int slot)
{
	for (; i < g->n_ops; i++) {
		if (g->ops[i].a == slot || g->ops[i].b == slot)
			return true;
		if (g->ops[i].dst == slot)
			return false;
	}
	return false;
}

/* Is norm i of use to the products right behind it alone? */
static bool norm_goes_along(const struct fox_dev *d, size_t i)
{
	const struct fox_graph *g = d->ask.graph;
	const struct fox_op *op = &g->ops[i];
	return d->fuse && d->rows <= FOX_CUDA_FEW && op->n == 1 && op->a != op->dst && i + 1 < g->n_ops &&
	       g->ops[i + 1].code == FOX_OP_MATMUL && g->ops[i + 1].a == op->dst &&
	       !read_later(g, i + 1 + group_of(g, i + 1), op->dst);
}

/* What follows the n products from i on and can end with them; *more: operations it takes. */
static enum fox_cuda_end end_of(const struct fox_dev *d, size_t i, size_t n, size_t *more)
{
	const struct fox_graph *g = d->ask.graph;
	const struct fox_op *op = &g->ops[i], *next = i + n < g->n_ops ? &g->ops[i + n] : NULL;
	*more = 1;
	if (d->fuse && next && n == 2 && next->code == FOX_OP_ACT_MUL && next->dst == op->dst &&
	    next->a == op->dst && next->b == op[1].dst && op[0].w->rows == op[1].w->rows)
		return FOX_CUDA_GATE;
	if (d->fuse && next && n == 1 && next->code == FOX_OP_ADD && next->dst == next->a && next->b == op->dst &&
	    !read_later(g, i + n + 1, op->dst))
		return FOX_CUDA_ADD;
	*more = 0;
	return FOX_CUDA_STORE;
}

/* Tell the observer, who may change a result. */
static enum fox_status show(struct fox_dev *d, const struct fox_op *op, struct fox_err *err)
{
	const struct fox_batch *s = d->s;
	uint64_t wide = op->code == FOX_OP_EMBED ? op->w->cols : op->w->rows;
	uint64_t n[2] = {op->code == FOX_OP_EMBED ? 0 : d->rows * op->w->cols, d->rows * wide};
	const float *from[2] = {d->slot[op->a], d->slot[op->dst]};
	enum fox_status st = FOX_OK;
	for (int k = 0; k < 2 && !st; k++) {
		if (n[k] > d->seen_floats[k]) {
			free(d->seen[k]);
			d->seen[k] = malloc((size_t)n[k] * sizeof(float));
			d->seen_floats[k] = d->seen[k] ? (size_t)n[k] : 0;
			if (!d->seen[k])
				return fox_fail_nomem(err);
		}
		if (n[k])
			st = fox_cuda_fetch(d->cuda, d->seen[k], from[k], n[k] * sizeof(float), err);
	}
	if (st)
		return st;
	s->observe(s->observe_ctx, op, n[0] ? d->seen[0] : NULL, d->seen[1], d->rows);
	return fox_cuda_upload(d->cuda, d->slot[op->dst], d->seen[1], n[1] * sizeof(float), err);
}

/* The products from i on; norm: operation that goes in front, or SIZE_MAX. */
static enum fox_status products(struct fox_dev *d, size_t *i, size_t norm, struct fox_err *err)
{
	const struct fox_graph *g = d->ask.graph;
	const struct fox_op *op = &g->ops[*i];
	size_t n = group_of(g, *i), more;
	struct fox_cuda_product p = {.arith = d->ask.arith,
	    .x = d->slot[norm == SIZE_MAX ? op->a : g->ops[norm].a],
	    .rows = d->rows,
	    .cols = (uint32_t)op->w->cols,
	    .n_parts = (uint32_t)n,
	    .end = end_of(d, *i, n, &more),
	    .act = act_of(d),
	    .scratch = d->work};
	if (norm != SIZE_MAX)
		p.norm = norm_of(d, norm);
	for (size_t k = 0; k < n; k++) {
		const struct fox_cuda_operand *o = &d->weights->of[*i + k];
		int to = p.end == FOX_CUDA_ADD ? op[n].dst : op[k].dst;
		p.part[k] = (struct fox_cuda_part){.w = o->w, .bias = o->bias, .y = d->slot[to]};
	}
	enum fox_status st =
	    d->rows <= FOX_CUDA_FEW ? fox_cuda_matvec(d->cuda, &p, err) : fox_cuda_matmul(d->cuda, &p, err);
	for (size_t k = 0; k < n && !st && d->s->observe; k++)
		st = show(d, op + k, err);
	*i += n + more;
	return st;
}

/* Keys and values into the cache; ropes: those of Q and K come first, in the same launch. */
static enum fox_status put(struct fox_dev *d, size_t *i, bool ropes, struct fox_err *err)
{
	const struct fox_op *op = &d->ask.graph->ops[*i], *last = ropes ? op + 2 : op;
	struct fox_cuda_cache cache = fox_cuda_kv_of(&d->kv, d->ask.hparams, last->layer);
	struct fox_cuda_rope rope = rope_of(d, last->layer);
	struct fox_cuda_put p = {.cache = &cache,
	    .k = d->slot[last->a],
	    .v = d->slot[last->b],
	    .rope = ropes ? &rope : NULL,
	    .q = ropes ? d->slot[op->dst] : NULL,
	    .heads = ropes ? op->n : 0,
	    .pos = d->pos,
	    .rows = d->rows};
	*i += ropes ? 3 : 1;
	return fox_cuda_kv_put(d->cuda, &p, err);
}

static bool ropes_go_along(const struct fox_graph *g, size_t i)
{
	return i + 2 < g->n_ops && g->ops[i + 1].code == FOX_OP_ROPE && g->ops[i + 2].code == FOX_OP_KV_PUT &&
	       g->ops[i + 1].dst == g->ops[i + 2].a && g->ops[i + 1].n == g->ops[i + 2].n;
}

static enum fox_status attend(struct fox_dev *d, const struct fox_op *op, struct fox_err *err)
{
	const struct fox_hparams *h = d->ask.hparams;
	struct fox_cuda_cache cache = fox_cuda_kv_of(&d->kv, h, op->layer);
	struct fox_cuda_attn a = {.cache = &cache,
	    .q = d->slot[op->a],
	    .y = d->slot[op->dst],
	    .pos = d->pos,
	    .rows = d->rows,
	    .heads = op->n,
	    .pages = d->pages,
	    .window = fox_hparams_window(h, op->layer),
	    .scale = op->f,
	    .cap = h->attn_softcap,
	    .slopes = d->slopes ? d->slopes + d->slopes_at[op->layer] : NULL,
	    .scratch = d->work,
	    .arith = d->ask.arith};
	return fox_cuda_attn(d->cuda, &a, err);
}

static enum fox_status embed(struct fox_dev *d, size_t i, struct fox_err *err)
{
	const struct fox_op *op = &d->ask.graph->ops[i];
	enum fox_status st =
	    fox_cuda_embed(d->cuda, d->slot[op->dst], &d->weights->of[i].w, d->ids, d->rows, op->f, err);
	return st || !d->s->observe ? st : show(d, op, err);
}

static enum fox_status tap(struct fox_dev *d, const struct fox_op *op, struct fox_err *err)
{
	uint64_t n = d->ask.graph->width[op->a];
	if (!d->s->hidden)
		return FOX_OK;
	return fox_cuda_fetch(d->cuda, d->s->hidden + (size_t)op->layer * d->s->hidden_rows * n, d->slot[op->a],
	    d->rows * n * sizeof(float), err);
}

enum fox_status fox_cuda_op(struct fox_dev *d, size_t *i, struct fox_err *err)
{
	const struct fox_graph *g = d->ask.graph;
	size_t at = *i;
	const struct fox_op *op = &g->ops[at];
	float *y = d->slot[op->dst], *a = d->slot[op->a], *b = op->b ? d->slot[op->b] : NULL;
	uint64_t n = d->rows * g->width[op->dst];
	struct fox_cuda_rope rope;
	struct fox_cuda_norm norm;
	*i = at + 1;
	switch ((enum fox_op_code)op->code) {
	case FOX_OP_EMBED:
		return embed(d, at, err);
	case FOX_OP_ADD_POS:
		return fox_cuda_add_pos(d->cuda, y, a, &d->weights->of[at].w, d->pos, d->rows, err);
	case FOX_OP_NORM:
		if (norm_goes_along(d, at))
			return products(d, i, at, err);
		norm = norm_of(d, at);
		return fox_cuda_norm(d->cuda, y, a, &norm, d->rows * op->n, (uint32_t)op->w->cols, err);
	case FOX_OP_MATMUL:
		*i = at;
		return products(d, i, SIZE_MAX, err);
	case FOX_OP_ROPE:
		if (ropes_go_along(g, at)) {
			*i = at;
			return put(d, i, true, err);
		}
		rope = rope_of(d, op->layer);
		return fox_cuda_rope(d->cuda, y, &rope, d->pos, d->rows, op->n, d->ask.hparams->head_dim, err);
	case FOX_OP_KV_PUT:
		*i = at;
		return put(d, i, false, err);
	case FOX_OP_ATTN:
		return attend(d, op, err);
	case FOX_OP_ADD:
		return fox_cuda_add(d->cuda, y, a, b, n, err);
	case FOX_OP_ACT_MUL:
		return fox_cuda_act_mul(
		    d->cuda, y, a, b, (uint64_t)d->rows * d->ask.hparams->d_ff[op->layer], act_of(d), err);
	case FOX_OP_SOFTCAP:
		return fox_cuda_softcap(d->cuda, y, n, op->f, err);
	case FOX_OP_TAP:
		return tap(d, op, err);
	case FOX_OP_PICK:
	case FOX_OP_COUNT:
		break;
	}
	return FOX_OK;
}
