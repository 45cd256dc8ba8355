/* cuda_weights.c - a model's weights in device memory, each once, whoever else uses it. */
#include "runtime/cuda_exec.h"

#include <stdlib.h>

#include "format/base/num.h"

#define ALIGN                                                                                                \
	256u /* of each, so that kernels may load 16 bytes at a time wherever a row's length allows it */

/* Bytes of the host that go to the device as one piece. */
struct piece {
	const void *from;
	uint64_t bytes, at;
};

static int by_place(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	if (x->from != y->from)
		return (uintptr_t)x->from < (uintptr_t)y->from ? -1 : 1;
	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static const void *data_of(const struct fox_op *op)
{
	return op->code == FOX_OP_NORM ? (const void *)op->w->vec : op->w->data;
}

/* Every weight of the graph, sorted, each once, with its place; *bytes: of all. */
static enum fox_status plan(
    struct piece **out, size_t *n_out, uint64_t *bytes, const struct fox_graph *g, struct fox_err *err)
{
	size_t n = 0, kept = 0;
	struct piece *p = malloc((2 * g->n_ops + 1) * sizeof *p);
	*out = p;
	*bytes = 0;
	if (!p)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < g->n_ops; i++) {
		const struct fox_op *op = &g->ops[i];
		if (op->w)
			p[n++] = (struct piece){data_of(op),
			    op->code == FOX_OP_NORM ? op->w->cols * sizeof(float) : op->w->rows * op->w->row_bytes, 0};
		if (op->bias)
			p[n++] = (struct piece){op->bias->vec, op->bias->cols * sizeof(float), 0};
	}
	qsort(p, n, sizeof *p, by_place);
	for (size_t i = 0; i < n; i++) {
		if (kept && p[kept - 1].from == p[i].from && p[kept - 1].bytes == p[i].bytes)
			continue; /* an embedding that is the output too */
		p[kept] = p[i];
		p[kept].at = *bytes;
		if (!fox_add(bytes, *bytes, p[i].bytes) || !fox_align_up(bytes, *bytes, ALIGN))
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "the weights do not fit 64 bits");
		kept++;
	}
	*n_out = kept;
	return FOX_OK;
}

enum fox_status fox_cuda_weights_bytes(uint64_t *out, const struct fox_graph *g, struct fox_err *err)
{
	struct piece *p;
	size_t n;
	enum fox_status st = plan(&p, &n, out, g, err);
	*out += FOX_CUDA_PAD;
	free(p);
	return st;
}

static const void *find(
    const struct piece *p, size_t n, const uint8_t *base, const void *from, uint64_t bytes)
{
	struct piece key = {from, bytes, 0};
	const struct piece *at = bsearch(&key, p, n, sizeof *p, by_place);
	return base + at->at; /* every weight of the graph is there */
}

static void point(struct fox_cuda_operand *to, const struct fox_op *op, const struct piece *p, size_t n,
    const uint8_t *base)
{
	const struct fox_weight *w = op->w;
	if (op->bias)
		to->bias = find(p, n, base, op->bias->vec, op->bias->cols * sizeof(float));
	if (!w)
		return;
	if (op->code == FOX_OP_NORM)
		to->vec = find(p, n, base, w->vec, w->cols * sizeof(float));
	else
		to->w = (struct fox_cuda_matrix){.data = find(p, n, base, w->data, w->rows * w->row_bytes),
		    .type = w->type,
		    .rows = (uint32_t)w->rows,
		    .cols = (uint32_t)w->cols,
		    .row_bytes = w->row_bytes};
}

static enum fox_status copy(struct fox_cuda_weights *w, const struct fox_graph *g, struct fox_err *err)
{
	struct piece *p;
	size_t n;
	uint64_t bytes;
	void *base;
	enum fox_status st = plan(&p, &n, &bytes, g, err);
	if (!st)
		st = fox_cuda_alloc(w->cuda, &base, bytes + FOX_CUDA_PAD, err);
	for (size_t i = 0; i < n && !st; i++)
		st = fox_cuda_upload(w->cuda, (uint8_t *)base + p[i].at, p[i].from, p[i].bytes, err);
	for (size_t i = 0; i < g->n_ops && !st; i++)
		point(&w->of[i], &g->ops[i], p, n, base);
	free(p);
	return st;
}

enum fox_status fox_cuda_weights_open(
    struct fox_cuda_weights **out, struct fox_cuda *cuda, const struct fox_graph *g, struct fox_err *err)
{
	*out = NULL;
	struct fox_cuda_weights *w = calloc(1, sizeof *w);
	if (w) {
		w->users = 1;
		w->cuda = cuda;
		w->of = calloc(g->n_ops, sizeof *w->of);
	} else {
		fox_cuda_close(cuda);
	}
	enum fox_status st = w && w->of ? copy(w, g, err) : fox_fail_nomem(err);
	if (st) {
		fox_cuda_weights_leave(w);
		return st;
	}
	*out = w;
	return FOX_OK;
}

void fox_cuda_weights_leave(struct fox_cuda_weights *w)
{
	if (!w || --w->users)
		return;
	fox_cuda_close(w->cuda); /* gives back all memory of it */
	free(w->of);
	free(w);
}
