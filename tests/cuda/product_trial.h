/* product_trial.h - products on a device as check_matvec.c and check_matmul.c try them: parts of any types whose rows begin at even
 * addresses and no better, NaN between and behind them, biases, ends. */
#ifndef FOX_PRODUCT_TRIAL_H
#define FOX_PRODUCT_TRIAL_H

#include "kernels/cuda/ops.h"
#include "tests/cuda/cuda_test.h"
#include "tests/kernels/block_fill.h"

static struct fox_cuda *cuda;
static struct fox_err err;
static struct fox_kernels scalar;

enum norm_kind { NO_NORM, RMS, LAYER, LAYER_NO_BIAS };

struct setup {
	enum fox_arith arith;
	uint32_t rows, cols, n_parts;
	enum fox_type type[FOX_CUDA_PARTS];
	uint32_t w_rows[FOX_CUDA_PARTS];
	size_t shift, gap; /* bytes before the first row, and between rows */
	bool bias;
	enum norm_kind norm;
	enum fox_cuda_end end;
	enum fox_cuda_act act;
	int x_scale; /* matmul: activations are times 2^x_scale */
};

/* A part on both sides, and what is true of it. */
struct part {
	void *block;
	float *dw, *dm;     /* decoded [w_rows][cols]; minima likewise, or NULL */
	float *bias, *y;    /* device */
	float *hbias, *old; /* host: [w_rows]; [rows][w_rows] */
	double *want, *bound;
};

struct trial {
	struct setup s;
	struct part part[FOX_CUDA_PARTS];
	struct fox_cuda_product p;
	float *hx;
	double *x;     /* matvec: [rows][cols]: what the products are held against */
	double *x_off; /* matvec: how far each may be from what the device multiplies */
	void *dx, *dw, *db, *scratch;
	uint64_t seed;
};

static float any(uint64_t *seed)
{
	return ((float)(int32_t)(test_rand(seed) << 1)) * 0x1p-31f;
}

/* The test's own: hx and dx, and what else it holds its products against; want and bound of part i's plain products, bias
 * included. */
static void make_activations(struct trial *t);
static void reckon(struct trial *t, uint32_t i);

static void make_weights(struct trial *t, uint32_t i)
{
	struct part *part = &t->part[i];
	const struct setup *s = &t->s;
	struct fox_cuda_matrix *m = &t->p.part[i].w;
	uint64_t bytes;
	assert_true(fox_type_row_bytes(s->type[i], s->cols, &bytes));
	m->type = s->type[i], m->rows = s->w_rows[i], m->cols = s->cols, m->row_bytes = bytes + s->gap;
	size_t all = s->shift + m->rows * m->row_bytes, n = (size_t)m->rows * s->cols;
	uint8_t *host = malloc(all), *copy = malloc(bytes);
	part->dw = malloc(n * sizeof *part->dw);
	part->dm = malloc(n * sizeof *part->dm);
	bool has = true;
	memset(host, 0xff, all);
	for (size_t r = 0; r < m->rows; r++) {
		uint8_t *row = host + s->shift + r * m->row_bytes;
		fill(row, m->type, s->cols, ANY_CODES, &t->seed);
		scalar.decode[m->type](part->dw + r * s->cols, row, s->cols);
		memcpy(copy, row, bytes);
		has = minima(part->dm + r * s->cols, copy, m->type, s->cols, &scalar);
	}
	if (!has)
		free(part->dm), part->dm = NULL;
	part->block = cuda_test_put(cuda, host, all);
	m->data = (uint8_t *)part->block + s->shift;
	free(host);
	free(copy);
}

static void make_part(struct trial *t, uint32_t i)
{
	const struct setup *s = &t->s;
	struct part *part = &t->part[i];
	size_t n = (size_t)s->rows * s->w_rows[i];
	make_weights(t, i);
	part->hbias = malloc(s->w_rows[i] * sizeof *part->hbias);
	for (size_t k = 0; k < s->w_rows[i]; k++)
		part->hbias[k] = any(&t->seed) * 8;
	part->old = malloc(n * sizeof *part->old);
	for (size_t k = 0; k < n; k++)
		part->old[k] = s->end == FOX_CUDA_ADD ? any(&t->seed) * 8 : NAN;
	part->bias = cuda_test_put(cuda, part->hbias, s->w_rows[i] * sizeof *part->hbias);
	part->y = cuda_test_put(cuda, part->old, n * sizeof *part->old);
	t->p.part[i].bias = s->bias ? part->bias : NULL;
	t->p.part[i].y = s->end == FOX_CUDA_GATE && i == 1 ? NULL : part->y;
	reckon(t, i);
}

static double act_of(enum fox_cuda_act act, double g)
{
	double t = act == FOX_CUDA_SILU ? g : 2 * sqrt(2 / M_PI) * (g + 0.044715 * g * g * g);
	return g / (1 + exp(-t));
}

/* What part i stores at k, and how far it may be off. Both activation functions are steep by 1.13 at most. */
static double wanted(const struct trial *t, uint32_t i, size_t k, double *bound)
{
	double want = t->part[i].want[k];
	*bound = t->part[i].bound[k];
	if (t->s.end == FOX_CUDA_ADD) {
		want += (double)t->part[i].old[k];
		*bound += fabs(want) * 0x1p-23;
	} else if (t->s.end == FOX_CUDA_GATE) {
		double act = act_of(t->s.act, want), up = t->part[1].want[k], up_bound = t->part[1].bound[k];
		*bound = *bound * 1.13 * (fabs(up) + up_bound) + fabs(act) * up_bound + fabs(act * up) * 1e-6 + 1e-30;
		want = act * up;
	}
	return want;
}

static struct trial *prepare(const struct setup *s)
{
	struct trial *t = calloc(1, sizeof *t);
	t->s = *s;
	t->seed = s->cols * 31 + s->rows + s->type[0] * 1000;
	make_activations(t);
	for (uint32_t i = 0; i < s->n_parts; i++)
		make_part(t, i);
	uint64_t bytes = fox_cuda_product_scratch(s->arith, s->rows, s->cols);
	t->scratch = cuda_test_room(cuda, bytes ? bytes : 1);
	t->p.arith = s->arith, t->p.x = t->dx, t->p.rows = s->rows, t->p.cols = s->cols;
	t->p.n_parts = s->n_parts, t->p.end = s->end, t->p.act = s->act, t->p.scratch = t->scratch;
	return t;
}

static void drop(struct trial *t)
{
	for (uint32_t i = 0; i < t->s.n_parts; i++) {
		struct part *p = &t->part[i];
		fox_cuda_free(cuda, p->block), fox_cuda_free(cuda, p->bias), fox_cuda_free(cuda, p->y);
		free(p->dw), free(p->dm), free(p->hbias), free(p->old), free(p->want), free(p->bound);
	}
	fox_cuda_free(cuda, t->dx), fox_cuda_free(cuda, t->dw), fox_cuda_free(cuda, t->db),
	    fox_cuda_free(cuda, t->scratch);
	free(t->hx), free(t->x), free(t->x_off);
	free(t);
}

#endif
