/* ver_disturb.c - noise at every product and at the embedding.
 *
 * Weights that are off by independent errors of relative size e make each element of w x off by e rms(w) |x| on average,
 * whatever the other weights are; an embedded row by e rms(row). */
#include "inspect/ver_disturb.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/kernels.h"

struct fox_ver_disturb {
	const struct fox_graph *g;
	const struct fox_kernels *k;
	enum fox_arith arith;
	double *size;   /* [n_ops] of products e rms(w), of the embedding e; 0: none */
	uint64_t *rows; /* [n_ops] seen so far: the position of the next */
};

/* Measured on 200 rows of 2,048; types that nothing is quantized to here: from above. source: spec/verify.md 3.9, 5 */
double fox_ver_disturb_cost(enum fox_type type)
{
	static const double cost[FOX_TYPE_LIMIT] = {
	    [FOX_Q8_0] = 0.0054,
	    [FOX_Q8_1] = 0.0054,
	    [FOX_Q8_K] = 0.0065,
	    [FOX_Q6_K] = 0.018,
	    [FOX_Q5_0] = 0.043,
	    [FOX_Q5_1] = 0.038,
	    [FOX_Q5_K] = 0.036,
	    [FOX_Q4_0] = 0.086,
	    [FOX_Q4_1] = 0.079,
	    [FOX_Q4_K] = 0.071,
	    [FOX_IQ4_NL] = 0.076,
	    [FOX_IQ4_XS] = 0.077,
	    [FOX_MXFP4] = 0.114,
	    [FOX_NVFP4] = 0.113,
	    [FOX_Q3_K] = 0.151,
	    [FOX_IQ3_S] = 0.17,
	    [FOX_IQ3_XXS] = 0.2,
	    [FOX_Q2_K] = 0.297,
	    [FOX_IQ2_S] = 0.32,
	    [FOX_IQ2_XS] = 0.35,
	    [FOX_IQ2_XXS] = 0.4,
	    [FOX_IQ1_M] = 0.55,
	    [FOX_IQ1_S] = 0.6,
	    [FOX_TQ1_0] = 0.6,
	    [FOX_TQ2_0] = 0.6,
	    [FOX_Q2_0] = 0.6,
	    [FOX_Q1_0] = 0.65,
	};
	return type < FOX_TYPE_LIMIT ? cost[type] : 0;
}

/* Of activations that fast arithmetic rounds to 8-bit groups, or to bf16 (2^-9 / sqrt(3), uniform within a step). They are farther
 * from normal than weights are: the margin of the limits is for that. */
static double activation_cost(enum fox_arith arith, enum fox_type weights)
{
	if (arith == FOX_ARITH_EXACT)
		return 0;
	return fox_ver_disturb_cost(weights) > 0 ? fox_ver_disturb_cost(FOX_Q8_0) : 0x1p-9 / sqrt(3.0);
}

static double norm2(const float *x, uint64_t n)
{
	double sum = 0;
	for (uint64_t i = 0; i < n; i++)
		sum += (double)x[i] * (double)x[i];
	return sum;
}

static void measure(void *ctx, size_t i, unsigned worker)
{
	struct fox_ver_disturb *d = ctx;
	const struct fox_op *op = &d->g->ops[i];
	const struct fox_weight *w = op->w;
	(void)worker;
	if (op->code == FOX_OP_EMBED)
		d->size[i] = fox_ver_disturb_cost(w->type);
	if (op->code != FOX_OP_MATMUL)
		return;
	double cost = hypot(fox_ver_disturb_cost(w->type), activation_cost(d->arith, w->type));
	if (!(cost > 0))
		return;
	float *row = malloc((size_t)w->cols * sizeof *row);
	double sum = 0;
	for (uint64_t r = 0; row && r < w->rows; r++) {
		d->k->decode[w->type](row, w->data + r * w->row_bytes, (size_t)w->cols);
		sum += norm2(row, w->cols);
	}
	d->size[i] = row ? cost * sqrt(sum / ((double)w->rows * (double)w->cols)) : NAN;
	free(row);
}

enum fox_status fox_ver_disturb_open(
    struct fox_ver_disturb **out, const struct fox_model *m, enum fox_arith arith, struct fox_pool *pool, struct fox_err *err)
{
	struct fox_ver_disturb *d = *out = calloc(1, sizeof *d);
	if (!d)
		return fox_fail_nomem(err);
	d->g = fox_model_graph(m);
	d->k = fox_kernels();
	d->arith = arith;
	d->size = calloc(d->g->n_ops, sizeof *d->size);
	d->rows = calloc(d->g->n_ops, sizeof *d->rows);
	bool ok = d->size && d->rows;
	if (ok)
		fox_pool_run(pool, measure, d, d->g->n_ops);
	for (size_t i = 0; ok && i < d->g->n_ops; i++)
		ok = !isnan(d->size[i]);
	if (ok)
		return FOX_OK;
	fox_ver_disturb_close(d);
	*out = NULL;
	return fox_fail_nomem(err);
}

void fox_ver_disturb_close(struct fox_ver_disturb *d)
{
	if (!d)
		return;
	free(d->size);
	free(d->rows);
	free(d);
}

/* SplitMix64's output for a counter: even, in [-sqrt(3), sqrt(3)), so that its square is 1 on average. */
static double noise(uint64_t at)
{
	uint64_t z = at * 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	z ^= z >> 31;
	return (2 * ((double)(z >> 11) * 0x1p-53) - 1) * sqrt(3.0);
}

void fox_ver_disturb_add(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	struct fox_ver_disturb *d = ctx;
	size_t i = (size_t)(op - d->g->ops);
	uint64_t cols = op->w->cols, n = x ? op->w->rows : cols;
	for (size_t r = 0; r < rows; r++, d->rows[i]++) {
		float *to = y + r * n;
		uint64_t at = ((uint64_t)i << 40) + (d->rows[i] << 20);
		double size = d->size[i] * sqrt(x ? norm2(x + r * cols, cols) : norm2(to, n) / (double)n);
		for (uint64_t k = 0; size > 0 && k < n; k++)
			to[k] += (float)(size * noise(at + k));
	}
}
