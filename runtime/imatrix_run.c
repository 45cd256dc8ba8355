/* imatrix_run.c - listens to the products of a program while chunks of a text are run. */
#include "runtime/imatrix_run.h"

#include <math.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/imatrix.h"
#include "kernels/feedback.h"
#include "kernels/kernels.h"

enum {
	ROWS = 64, /* of one observation at most */
	SPAN = 64                 /* columns of one parallel item */
};
#define NO_INPUT UINT32_MAX
#define ROWS_BYTES (64u << 20) /* memory for rows of logits, which only the output matrix needs */

struct calib {
	const struct fox_model *m;
	const struct fox_graph *g;
	const struct fox_kernels *k;
	struct fox_pool *pool;
	struct fox_calib *out;
	uint32_t *input_of; /* [n_ops] the input that this product is the first reader of, or NO_INPUT */
	/* The observation at hand. */
	struct fox_calib_input *in;
	const float *x;
	size_t rows;
	float *turned; /* [widest cols][ROWS]: its columns, each in one piece */
	float *part;   /* [workers][widest cols]: products of one column with those from it on */
	size_t widest;
};

/* ---- what is read by what */

static bool wanted(const struct calib *c, const struct fox_op *op, const struct fox_calib_options *o)
{
	uint32_t end = o->n_layers ? o->layer0 + o->n_layers : fox_model_hparams(c->m)->n_layers;
	if (op->code != FOX_OP_MATMUL)
		return false;
	if (fox_str_starts(op->w->name, "blk."))
		return op->layer >= o->layer0 && op->layer < end;
	bool tied = op->dst == FOX_S_LOGITS && !fox_str_is(op->w->name, "output.weight");
	return (o->output && fox_str_is(op->w->name, "output.weight")) || (o->embedding && tied);
}

/* Nothing stands between two products that read the same slot, so it holds the same. */
static bool same_input(const struct fox_graph *g, size_t i)
{
	return i > 0 && g->ops[i - 1].code == FOX_OP_MATMUL && g->ops[i - 1].a == g->ops[i].a;
}

/* A part of a fused tensor has the name of the whole. */
static bool is_known(const struct fox_calib *c, struct fox_str name)
{
	for (size_t t = 0; t < c->n_tensors; t++)
		if (fox_str_eq(c->tensors[t].name, name))
			return true;
	return false;
}

static void plan(struct calib *c, const struct fox_calib_options *o)
{
	struct fox_calib *out = c->out;
	for (size_t i = 0; i < c->g->n_ops; i++) {
		const struct fox_op *op = &c->g->ops[i];
		c->input_of[i] = NO_INPUT;
		if (!wanted(c, op, o))
			continue;
		if (!out->n_inputs || !same_input(c->g, i) || !wanted(c, op - 1, o)) {
			struct fox_calib_input *in = &out->inputs[out->n_inputs];
			*in = (struct fox_calib_input){.layer = op->layer, .cols = (uint32_t)op->w->cols};
			c->input_of[i] = (uint32_t)out->n_inputs++;
			c->widest = in->cols > c->widest ? in->cols : c->widest;
		}
		if (!is_known(out, op->w->name))
			out->tensors[out->n_tensors++] =
			    (struct fox_calib_tensor){op->w->name, (uint32_t)out->n_inputs - 1};
	}
}

/* ---- sums */

static void add_squares(void *ctx, size_t item, unsigned worker)
{
	const struct calib *c = ctx;
	size_t cols = c->in->cols, from = item * SPAN, end = from + SPAN < cols ? from + SPAN : cols;
	(void)worker;
	for (size_t r = 0; r < c->rows; r++)
		for (size_t i = from; i < end; i++) {
			double x = (double)c->x[r * cols + i];
			c->in->sum2[i] += x * x;
		}
}

static void turn(void *ctx, size_t item, unsigned worker)
{
	const struct calib *c = ctx;
	size_t cols = c->in->cols, from = item * SPAN, end = from + SPAN < cols ? from + SPAN : cols;
	(void)worker;
	for (size_t r = 0; r < c->rows; r++)
		for (size_t i = from; i < end; i++)
			c->turned[i * c->rows + r] = c->x[r * cols + i];
}

/* One row of the upper triangle. Long rows come first, so that workers end together. */
static void add_pairs(void *ctx, size_t i, unsigned worker)
{
	const struct calib *c = ctx;
	size_t cols = c->in->cols, n = cols - i;
	float *part = c->part + worker * c->widest, *row = c->in->gram + i * cols + i;
	c->k->dot[FOX_F32](part, 1, c->turned + i * c->rows, c->turned + i * c->rows, c->rows, c->rows, n);
	for (size_t j = 0; j < n; j++)
		row[j] += part[j];
}

static void observe(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	struct calib *c = ctx;
	uint32_t i = c->input_of[op - c->g->ops];
	(void)y;
	if (i == NO_INPUT)
		return;
	c->in = &c->out->inputs[i];
	c->x = x;
	c->rows = rows;
	c->in->count += rows;
	size_t spans = (c->in->cols + SPAN - 1) / SPAN;
	fox_pool_run(c->pool, add_squares, c, spans);
	if (c->in->gram) {
		fox_pool_run(c->pool, turn, c, spans);
		fox_pool_run(c->pool, add_pairs, c, c->in->cols);
	}
}

static void mirror(struct fox_calib_input *in)
{
	size_t n = in->cols;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			in->gram[i * n + j] = in->gram[j * n + i];
}

/* ---- the whole */

static enum fox_status check_sums(const struct fox_calib *c, struct fox_err *err)
{
	for (size_t t = 0; t < c->n_tensors; t++) {
		const struct fox_calib_input *in = &c->inputs[c->tensors[t].input];
		for (uint32_t i = 0; i < in->cols; i++)
			if (!isfinite(in->sum2[i]) || (in->gram && !isfinite(in->gram[(size_t)i * in->cols + i])))
				return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
				    "what goes into '%.*s' is not finite, first at column %u",
				    FOX_STR_ARG(c->tensors[t].name), i);
	}
	return FOX_OK;
}

static enum fox_status run_chunk(struct calib *c, struct fox_session *session,
    const struct fox_chunks *chunks, uint32_t chunk, int32_t *ids, float *logits, uint32_t rows,
    const struct fox_calib_options *o, struct fox_err *err)
{
	struct fox_session_taps taps = {.logits = logits, .observe = observe, .observe_ctx = c};
	fox_chunks_get(chunks, chunk, ids);
	enum fox_status s = fox_session_rewind(session, 0, err);
	for (uint32_t at = 0, n; at < chunks->n_ctx && !s; at += n) {
		n = chunks->n_ctx - at < rows ? chunks->n_ctx - at : rows;
		s = fox_session_step(session, ids + at, n, &taps, err);
		if (!s && o->progress)
			s = o->progress(o->progress_ctx, chunk + (at + n == chunks->n_ctx), chunks->n, err);
	}
	return s;
}

static enum fox_status run(
    struct calib *c, const struct fox_chunks *chunks, const struct fox_calib_options *o, struct fox_err *err)
{
	struct fox_session *session = NULL;
	struct fox_session_options so = {
	    .n_ctx = chunks->n_ctx, .batch = ROWS, .pool = o->pool, .kernels = o->kernels, .backend = o->backend};
	uint64_t n_vocab = fox_model_hparams(c->m)->n_vocab, fit = ROWS_BYTES / (n_vocab * sizeof(float));
	bool head = o->output || o->embedding;
	uint32_t rows = !head || fit > ROWS ? ROWS : fit ? (uint32_t)fit : 1;
	enum fox_status s = fox_session_open(&session, c->m, &so, err);
	if (s)
		return s;
	int32_t *ids = calloc(chunks->n_ctx, sizeof *ids);
	float *logits = head ? malloc((size_t)(rows * n_vocab) * sizeof *logits) : NULL;
	if (!ids || (head && !logits))
		s = fox_fail_nomem(err);
	for (uint32_t i = 0; i < chunks->n && !s; i++)
		s = run_chunk(c, session, chunks, i, ids, logits, rows, o, err);
	free(ids);
	free(logits);
	fox_session_close(session);
	return s;
}

static enum fox_status take_memory(struct calib *c, const struct fox_calib_options *o, struct fox_err *err)
{
	bool ok = true;
	for (size_t i = 0; i < c->out->n_inputs; i++) {
		struct fox_calib_input *in = &c->out->inputs[i];
		in->sum2 = calloc(in->cols, sizeof *in->sum2);
		in->gram = o->gram ? calloc((size_t)in->cols * in->cols, sizeof *in->gram) : NULL;
		ok = ok && in->sum2 && (in->gram || !o->gram);
	}
	if (o->gram) {
		c->turned = malloc(c->widest * ROWS * sizeof *c->turned);
		c->part = malloc(c->widest * fox_pool_workers(o->pool) * sizeof *c->part);
		ok = ok && c->turned && c->part;
	}
	return ok ? FOX_OK : fox_fail_nomem(err);
}

static enum fox_status open_calib(struct calib *c, const struct fox_model *m, struct fox_calib *out,
    const struct fox_calib_options *o, struct fox_err *err)
{
	uint32_t layers = fox_model_hparams(m)->n_layers;
	*c = (struct calib){.m = m,
	    .g = fox_model_graph(m),
	    .k = o->kernels ? o->kernels : fox_kernels(),
	    .pool = o->pool,
	    .out = out};
	*out = (struct fox_calib){0};
	if (o->layer0 >= layers || o->n_layers > layers - o->layer0)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "layers %u and up to %u more, where the model has %u",
		    o->layer0, o->n_layers, layers);
	c->input_of = calloc(c->g->n_ops, sizeof *c->input_of);
	out->tensors = calloc(c->g->n_ops, sizeof *out->tensors);
	out->inputs = calloc(c->g->n_ops, sizeof *out->inputs);
	if (!c->input_of || !out->tensors || !out->inputs)
		return fox_fail_nomem(err);
	plan(c, o);
	return FOX_OK;
}

static enum fox_status open_chunks(struct fox_chunks *chunks, const struct fox_model *m, struct fox_str text,
    const struct fox_calib_options *o, struct fox_err *err)
{
	struct fox_tokdata vocab;
	uint32_t trained = fox_model_hparams(m)->n_ctx,
	         n = trained < FOX_CHUNKS_CONTEXT ? trained : FOX_CHUNKS_CONTEXT;
	*chunks = (struct fox_chunks){0};
	enum fox_status s = fox_tokdata_from_gguf(&vocab, fox_model_gguf(m), err);
	if (!s)
		s = fox_chunks_open(chunks, &vocab, text, o->n_ctx ? o->n_ctx : n, o->chunks, err);
	fox_tokdata_free(&vocab);
	return s;
}

enum fox_status fox_calibrate_chunks(struct fox_calib *out, const struct fox_model *m,
    const struct fox_chunks *chunks, const struct fox_calib_options *options, struct fox_err *err)
{
	struct calib c;
	enum fox_status s = open_calib(&c, m, out, options, err);
	if (!s)
		s = take_memory(&c, options, err);
	if (!s)
		s = run(&c, chunks, options, err);
	for (size_t i = 0; i < out->n_inputs && !s && options->gram; i++)
		mirror(&out->inputs[i]);
	if (!s)
		s = check_sums(out, err);
	out->n_chunks = chunks->n;
	out->n_ctx = chunks->n_ctx;
	free(c.input_of);
	free(c.turned);
	free(c.part);
	if (s)
		fox_calib_free(out);
	return s;
}

enum fox_status fox_calibrate(struct fox_calib *out, const struct fox_model *m, struct fox_str text,
    const struct fox_calib_options *options, struct fox_err *err)
{
	struct fox_chunks chunks;
	*out = (struct fox_calib){0};
	enum fox_status s = open_chunks(&chunks, m, text, options, err);
	if (!s)
		s = fox_calibrate_chunks(out, m, &chunks, options, err);
	fox_chunks_close(&chunks);
	return s;
}

void fox_calib_free(struct fox_calib *c)
{
	for (size_t i = 0; i < c->n_inputs; i++) {
		free(c->inputs[i].sum2);
		free(c->inputs[i].gram);
	}
	free(c->inputs);
	free(c->tensors);
	*c = (struct fox_calib){0};
}

uint64_t fox_calib_bytes(const struct fox_model *m, const struct fox_calib_options *options)
{
	struct fox_calib out;
	struct calib c;
	uint64_t bytes = 0;
	if (!open_calib(&c, m, &out, options, NULL)) {
		for (size_t i = 0; i < out.n_inputs; i++) {
			uint64_t cols = out.inputs[i].cols;
			bytes += cols * sizeof(double) + (options->gram ? cols * cols * sizeof(float) : 0);
		}
		bytes += options->gram ? c.widest * sizeof(float) * (ROWS + fox_pool_workers(options->pool)) : 0;
	}
	free(c.input_of);
	fox_calib_free(&out);
	return bytes;
}

const struct fox_calib_input *fox_calib_find(const struct fox_calib *c, struct fox_str name)
{
	for (size_t t = 0; t < c->n_tensors; t++)
		if (fox_str_eq(c->tensors[t].name, name))
			return &c->inputs[c->tensors[t].input];
	return NULL;
}

enum fox_status fox_calib_factor(struct fox_calib *c, struct fox_pool *pool, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < c->n_inputs && !s; i++) {
		struct fox_calib_input *in = &c->inputs[i];
		s = fox_feedback_factor(in->gram, in->gram, in->cols, FOX_FEEDBACK_DAMP, pool, err);
		if (!s)
			s = fox_cancelled(err);
	}
	return s;
}

uint64_t fox_calib_factor_bytes(const struct fox_model *m, const struct fox_calib_options *options)
{
	struct fox_calib out;
	struct calib c;
	uint64_t bytes = 0;
	if (!open_calib(&c, m, &out, options, NULL))
		bytes = (uint64_t)c.widest * c.widest * sizeof(double);
	free(c.input_of);
	fox_calib_free(&out);
	return bytes;
}

const float *fox_calib_factor_of(void *calib, struct fox_str name, uint64_t cols)
{
	const struct fox_calib_input *in = fox_calib_find(calib, name);
	return in && in->cols == cols ? in->gram : NULL;
}

/* Tensors that share an input share its numbers here, too. */
enum fox_status fox_calib_write(
    const struct fox_calib *c, const char *path, bool replace, struct fox_str dataset, struct fox_err *err)
{
	struct fox_imatrix_sum *sums = calloc(c->n_tensors + 1, sizeof *sums);
	float **values = calloc(c->n_inputs + 1, sizeof *values),
	      *counts = calloc(c->n_inputs + 1, sizeof *counts);
	bool ok = sums && values && counts;
	for (size_t i = 0; ok && i < c->n_inputs; i++) {
		const struct fox_calib_input *in = &c->inputs[i];
		ok = (values[i] = malloc(in->cols * sizeof *values[i])) != NULL;
		counts[i] = (float)in->count;
		for (uint32_t k = 0; ok && k < in->cols; k++)
			values[i][k] = (float)in->sum2[k];
	}
	size_t n = 0;
	for (size_t t = 0; ok && t < c->n_tensors; t++) {
		uint32_t i = c->tensors[t].input;
		if (fox_str_is(c->tensors[t].name, "token_embd.weight"))
			continue;
		sums[n++] = (struct fox_imatrix_sum){c->tensors[t].name, c->inputs[i].cols, 1, values[i], &counts[i]};
	}
	enum fox_status s = ok ? fox_imatrix_write(path, replace, sums, n, &dataset, dataset.n > 0,
	                             c->n_chunks, c->n_ctx, err)
	                       : fox_fail_nomem(err);
	for (size_t i = 0; values && i < c->n_inputs; i++)
		free(values[i]);
	free(values);
	free(counts);
	free(sums);
	return s;
}
