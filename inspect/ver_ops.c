/* ver_ops.c - which operation a backend computes otherwise than the CPU: every product of the program, one by one.
 *
 * The CPU runs first and its results are kept. Then the backend runs the same ids, and after each product is given the CPU's
 * result to go on with: so what a product reads differs only by what lies between it and the products before, and its result
 * only by itself.  spec/cuda.md 5 */
#include <math.h>
#include <stdlib.h>

#include "inspect/verify.h"
#include "runtime/session.h"

/* Rows at once: as in a prompt, and as in decoding, which devices do in ways of their own. Few, because results of all
 * products are held. */
static const size_t rows_tried[] = {12, 4};
#define EXACT_LIMIT 1e-8
#define FAST_LIMIT 1e-3 /* a single product of activations rounded to 8 bits is off by less: 1e-4 */

/* A product's input and result as the CPU has them. */
struct kept {
	float *x, *y;
};

struct watch {
	const struct fox_graph *g;
	struct kept *kept; /* [n_ops] */
	size_t rows;       /* positions in all */
	bool second;       /* the backend's turn */
	double limit;
	double *x_off, *y_off; /* [n_ops]: NMSE; NaN: nothing was seen */
	bool no_memory;
};

static double nmse(const float *x, const float *ref, size_t n)
{
	double error = 0, sum = 0, square = 0;
	for (size_t i = 0; i < n; i++) {
		double e = (double)x[i] - (double)ref[i];
		error += e * e;
		sum += (double)ref[i];
	}
	for (size_t i = 0; i < n; i++)
		square += ((double)ref[i] - sum / (double)n) * ((double)ref[i] - sum / (double)n);
	return error == 0 ? 0 : square > 0 && isfinite(error) ? error / square : INFINITY;
}

static float *copy_of(struct watch *w, const float *x, size_t n)
{
	float *p = malloc(n * sizeof *p);
	w->no_memory = w->no_memory || !p;
	if (p)
		memcpy(p, x, n * sizeof *p);
	return p;
}

static void look(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	struct watch *w = ctx;
	size_t i = (size_t)(op - w->g->ops);
	struct kept *k = &w->kept[i];
	size_t n_x = x ? rows * (size_t)op->w->cols : 0;
	size_t n_y = rows * (size_t)(op->code == FOX_OP_EMBED ? op->w->cols : op->w->rows);
	if (!w->second) {
		k->x = x ? copy_of(w, x, n_x) : NULL;
		k->y = copy_of(w, y, n_y);
	} else if (k->y) {
		w->x_off[i] = x && k->x ? nmse(x, k->x, n_x) : 0;
		w->y_off[i] = nmse(y, k->y, n_y);
		memcpy(y, k->y, n_y * sizeof *y);
	}
}

/* The CPU runs exact: it is the measure of both arithmetics. */
static enum fox_status run(struct watch *w, const struct fox_model *m, const int32_t *ids,
    const struct fox_verify *v, const struct fox_backend *backend, struct fox_err *err)
{
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = (uint32_t)w->rows,
	    .batch = (uint32_t)w->rows,
	    .arith = w->second ? v->arith : FOX_ARITH_EXACT,
	    .pool = v->pool,
	    .backend = backend};
	struct fox_session_taps taps = {.observe = look, .observe_ctx = w};
	enum fox_status st = fox_session_open(&s, m, &o, err);
	taps.logits = malloc(w->rows * fox_model_hparams(m)->n_vocab * sizeof(float));
	if (!st && !taps.logits)
		st = fox_fail_nomem(err);
	if (!st)
		st = fox_session_step(s, ids, w->rows, &taps, err);
	if (!st && w->no_memory)
		st = fox_fail_nomem(err);
	free(taps.logits);
	fox_session_close(s);
	return st;
}

/* What lies between the products before operation i and i itself, by name. */
static void between(struct fox_buf *out, const struct fox_graph *g, size_t i)
{
	size_t first = i;
	while (first > 0 && g->ops[first - 1].code == FOX_OP_MATMUL && g->ops[first - 1].a == g->ops[i].a)
		first--; /* products that read the same */
	size_t end = first;
	while (first > 0 && g->ops[first - 1].code != FOX_OP_MATMUL && g->ops[first - 1].code != FOX_OP_EMBED)
		first--;
	for (size_t k = first; k < end; k++)
		if (g->ops[k].code != FOX_OP_TAP && g->ops[k].code != FOX_OP_PICK)
			fox_buf_fmt(out, "%s%s", out->n ? ", " : "", fox_op_name((enum fox_op_code)g->ops[k].code));
}

static void judge(struct fox_verify *v, const struct watch *w, const char *who)
{
	size_t off = 0, first = SIZE_MAX, n = 0;
	for (size_t i = 0; i < w->g->n_ops; i++) {
		if (isnan(w->y_off[i]))
			continue;
		n++;
		if (w->x_off[i] > w->limit || w->y_off[i] > w->limit) {
			off++;
			first = first == SIZE_MAX ? i : first;
		}
	}
	if (first == SIZE_MAX) {
		fox_find_add(&v->found, FOX_NOTE, "logits.op", "",
		    "%s computes each of the %zu products of %zu rows as the CPU does, to NMSE %.3g", who, n, w->rows,
		    w->limit);
		return;
	}
	struct fox_buf name = {0}, what = {0};
	const struct fox_op *op = &w->g->ops[first];
	fox_buf_escaped(&name, op->w->name, 100);
	between(&what, w->g, first);
	if (w->x_off[first] > w->limit)
		fox_find_add(&v->found, FOX_FAIL, "logits.op", name.p ? name.p : "",
		    "reads what %s computes otherwise than the CPU: NMSE %.3g after %s; with %zu rows %zu of %zu "
		    "products are off",
		    who, w->x_off[first], what.p ? what.p : "nothing", w->rows, off, n);
	else
		fox_find_add(&v->found, FOX_FAIL, "logits.op", name.p ? name.p : "",
		    "is the first product that %s computes otherwise than the CPU, from the same input: NMSE %.3g; "
		    "with %zu rows "
		    "%zu of %zu are off",
		    who, w->y_off[first], w->rows, off, n);
	fox_buf_free(&name);
	fox_buf_free(&what);
}

static enum fox_status compare(
    struct fox_verify *v, const struct fox_model *m, const int32_t *ids, size_t rows, struct fox_err *err)
{
	const struct fox_graph *g = fox_model_graph(m);
	char who[300];
	struct watch w = {.g = g,
	    .rows = rows,
	    .limit = v->arith == FOX_ARITH_FAST ? FAST_LIMIT : EXACT_LIMIT,
	    .kept = calloc(g->n_ops, sizeof *w.kept),
	    .x_off = calloc(g->n_ops, sizeof *w.x_off),
	    .y_off = calloc(g->n_ops, sizeof *w.y_off)};
	enum fox_status st = w.kept && w.x_off && w.y_off ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; i < g->n_ops && !st; i++)
		w.x_off[i] = w.y_off[i] = NAN;
	if (!st)
		st = run(&w, m, ids, v, &fox_cpu_backend, err);
	w.second = true;
	if (!st)
		st = run(&w, m, ids, v, v->backend, err);
	fox_backend_describe(v->backend, who, sizeof who);
	if (!st)
		judge(v, &w, who);
	for (size_t i = 0; i < g->n_ops && w.kept; i++) {
		free(w.kept[i].x);
		free(w.kept[i].y);
	}
	free(w.kept);
	free(w.x_off);
	free(w.y_off);
	return st;
}

enum fox_status fox_ver_ops(
    struct fox_verify *v, const struct fox_model *m, const int32_t *ids, size_t n, struct fox_err *err)
{
	enum fox_status st = FOX_OK;
	for (size_t i = 0; i < FOX_COUNT(rows_tried) && !st; i++)
		st = compare(v, m, ids, n < rows_tried[i] ? n : rows_tried[i], err);
	return st;
}
