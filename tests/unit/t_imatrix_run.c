/* t_imatrix_run.c - what goes into each matrix: sums against the same sums over observed rows, and against what is known of
 * them without observing; which tensors share them; threads; fused tensors. */
#include "tests/tiny.h"

#include <math.h>

#include "format/imatrix.h"
#include "kernels/feedback.h"
#include "runtime/imatrix_run.h"

enum { CTX = 80, CHUNKS = 2, D = 64, FF = 96, ROWS = CTX * CHUNKS };

static const char *long_text(void)
{
	static char text[CTX * CHUNKS + 1];
	uint64_t seed = 3;
	for (int i = 0; i < CTX * CHUNKS; i++)
		text[i] = (char)('!' + test_rand(&seed) % 94);
	return text;
}

static struct fox_model *model_of(struct tiny t)
{
	struct fox_err e = {0};
	struct fox_model *m;
	t.words = true;
	assert_fox_ok(fox_model_open(&m, tiny_write("m.gguf", t), &e), &e);
	return m;
}

static struct fox_calib calib_of(const struct fox_model *m, struct fox_calib_options o)
{
	struct fox_err e = {0};
	struct fox_calib c;
	o.n_ctx = CTX;
	assert_fox_ok(fox_calibrate(&c, m, fox_str_of(long_text()), &o, &e), &e);
	return c;
}

/* ---- rows as a session tells of them, kept whole */

struct kept {
	float x[64][ROWS][FF]; /* by product, in the order of the program */
	size_t rows[64];
	const struct fox_graph *g;
};

static void keep(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	if (op->code != FOX_OP_MATMUL) {
		assert_null(x); /* the embedding */
		return;
	}
	assert_non_null(y);
	struct kept *k = ctx;
	size_t n = 0, cols = (size_t)op->w->cols;
	for (const struct fox_op *o = k->g->ops; o < op; o++)
		n += o->code == FOX_OP_MATMUL;
	for (size_t r = 0; r < rows; r++)
		memcpy(k->x[n][k->rows[n] + r], x + r * cols, cols * sizeof *x);
	k->rows[n] += rows;
}

static struct kept *observe(const struct fox_model *m)
{
	static struct kept k;
	struct fox_err e = {0};
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = CTX, .batch = 7};
	struct fox_session_taps taps = {.observe = keep, .observe_ctx = &k};
	int32_t ids[CTX];
	memset(&k, 0, sizeof k);
	k.g = fox_model_graph(m);
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	for (int c = 0; c < CHUNKS; c++) {
		ids[0] = 1; /* bos stands before the text, and in place of the second chunk's first id */
		for (int i = 1; i < CTX; i++)
			ids[i] = long_text()[c * CTX + i - 1] - 30;
		assert_fox_ok(fox_session_rewind(s, 0, &e), &e);
		assert_fox_ok(fox_session_step(s, ids, CTX, &taps, &e), &e);
	}
	fox_session_close(s);
	return &k;
}

static const struct {
	const char *name;
	uint32_t input, product; /* within the layer */
} of_layer[] = {{"attn_q", 0, 0}, {"attn_k", 0, 1}, {"attn_v", 0, 2}, {"attn_output", 1, 3},
    {"ffn_gate", 2, 4}, {"ffn_up", 2, 5}, {"ffn_down", 3, 6}};

static void sums(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_calib c = calib_of(m, (struct fox_calib_options){.gram = true});
	struct kept *k = observe(m);
	assert_int_equal(c.n_chunks, CHUNKS);
	assert_int_equal(c.n_ctx, CTX);
	assert_int_equal(c.n_tensors, 3 * FOX_COUNT(of_layer));
	assert_int_equal(c.n_inputs, 3 * 4);
	for (size_t t = 0; t < c.n_tensors; t++) {
		size_t l = t / FOX_COUNT(of_layer), i = t % FOX_COUNT(of_layer), p = l * 7 + of_layer[i].product;
		const struct fox_calib_input *in = &c.inputs[c.tensors[t].input];
		char name[64];
		snprintf(name, sizeof name, "blk.%zu.%s.weight", l, of_layer[i].name);
		assert_true(fox_str_is(c.tensors[t].name, name));
		assert_int_equal(c.tensors[t].input, l * 4 + of_layer[i].input);
		assert_ptr_equal(fox_calib_find(&c, fox_str_of(name)), in);
		assert_int_equal(in->layer, l);
		assert_int_equal(in->cols, of_layer[i].input == 3 ? FF : D);
		assert_int_equal(in->count, ROWS);
		assert_int_equal(k->rows[p], ROWS);
		for (uint32_t a = 0; a < in->cols; a++) {
			double sum2 = 0;
			for (int r = 0; r < ROWS; r++)
				sum2 += (double)k->x[p][r][a] * (double)k->x[p][r][a];
			assert_true(sum2 >= in->sum2[a] && sum2 <= in->sum2[a]); /* the same order: bit-equal */
			for (uint32_t b = 0; b < in->cols; b++) {
				double sum = 0, size = 0;
				for (int r = 0; r < ROWS; r++) {
					sum += (double)k->x[p][r][a] * (double)k->x[p][r][b];
					size += fabs((double)k->x[p][r][a] * (double)k->x[p][r][b]);
				}
				if (!(fabs((double)in->gram[a * in->cols + b] - sum) <= 1e-6 * size))
					fail_msg("%s %u %u: %g, want %g", name, a, b, (double)in->gram[a * in->cols + b], sum);
				assert_true(in->gram[a * in->cols + b] == in->gram[b * in->cols + a]);
			}
		}
	}
	fox_calib_free(&c);
	fox_model_close(m);
}

/* What norm gives has a mean square of about 1 before the weight: in layer 0 sum x^2 / w^2 over columns is rows * D. */
static void known(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_calib c = calib_of(m, (struct fox_calib_options){0});
	const struct fox_calib_input *in = fox_calib_find(&c, fox_str_of("blk.0.attn_q.weight"));
	const float *w = fox_model_weight(m, FOX_R_ATTN_NORM, 0)->vec;
	double sum = 0;
	assert_null(in->gram);
	for (uint32_t i = 0; i < D; i++)
		sum += in->sum2[i] / ((double)w[i] * (double)w[i]);
	assert_true(fabs(sum / (ROWS * D) - 1) < 1e-3); /* epsilon takes a little */
	assert_null(fox_calib_find(&c, fox_str_of("output.weight")));
	assert_null(fox_calib_find(&c, fox_str_of("token_embd.weight")));
	fox_calib_free(&c);
	fox_model_close(m);
}

static void same(const struct fox_calib *a, const struct fox_calib *b)
{
	assert_int_equal(a->n_inputs, b->n_inputs);
	for (size_t i = 0; i < a->n_inputs; i++) {
		size_t n = a->inputs[i].cols;
		assert_memory_equal(a->inputs[i].sum2, b->inputs[i].sum2, n * sizeof(double));
		assert_memory_equal(a->inputs[i].gram, b->inputs[i].gram, n * n * sizeof(float));
	}
}

static void threads(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_calib want = calib_of(m, (struct fox_calib_options){.gram = true});
	for (unsigned n = 2; n <= 5; n++) {
		struct fox_pool *pool = fox_pool_open(n);
		struct fox_calib got = calib_of(m, (struct fox_calib_options){.gram = true, .pool = pool});
		same(&want, &got);
		fox_calib_free(&got);
		fox_pool_close(pool);
	}
	fox_calib_free(&want);
	fox_model_close(m);
}

/* Some layers only: the same sums of these; and the memory is what was said. */
static void some_layers(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_calib_options o = {.gram = true, .layer0 = 1, .n_layers = 1};
	struct fox_calib all = calib_of(m, (struct fox_calib_options){.gram = true}), c = calib_of(m, o);
	assert_int_equal(c.n_tensors, 7);
	assert_int_equal(c.n_inputs, 4);
	for (size_t i = 0; i < c.n_inputs; i++) {
		assert_int_equal(c.inputs[i].layer, 1);
		assert_memory_equal(
		    c.inputs[i].gram, all.inputs[4 + i].gram, sizeof(float) * c.inputs[i].cols * c.inputs[i].cols);
	}
	assert_true(fox_calib_bytes(m, &o) == 3 * (8 * D + 4 * D * D) + 8 * FF + 4 * FF * FF + 4 * FF * (64 + 1));
	o.gram = false, o.n_layers = 0; /* to the last */
	assert_true(fox_calib_bytes(m, &o) == 2 * (3 * 8 * D + 8 * FF));
	fox_calib_free(&all);
	fox_calib_free(&c);
	fox_model_close(m);
}

/* The output matrix when asked, every position of it; where it is the embedding, not. */
static void output(void **state)
{
	(void)state;
	struct tiny t = TINY;
	t.output = true;
	struct fox_model *m = model_of(t);
	struct fox_calib c = calib_of(m, (struct fox_calib_options){.output = true});
	const struct fox_calib_input *in = fox_calib_find(&c, fox_str_of("output.weight"));
	assert_non_null(in);
	assert_int_equal(in->count, ROWS);
	assert_int_equal(in->layer, 3);
	fox_calib_free(&c);
	fox_model_close(m);
	m = model_of(TINY);
	c = calib_of(m, (struct fox_calib_options){.output = true});
	assert_int_equal(c.n_tensors, 21);
	fox_calib_free(&c);
	fox_model_close(m);
}

/* The embedding, where it is the output matrix too: collected when asked, turned into its factor, not written. */
static void embedding(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_str name = fox_str_of("token_embd.weight");
	struct fox_model *m = model_of(TINY);
	struct fox_calib c = calib_of(m, (struct fox_calib_options){.embedding = true, .gram = true});
	const struct fox_calib_input *in = fox_calib_find(&c, name);
	struct fox_imatrix *im;
	static float want[D * D];
	assert_int_equal(c.n_tensors, 22);
	assert_non_null(in);
	assert_int_equal(in->count, ROWS);
	for (int i = 0; i < D; i++) /* sums in f32 and in f64 */
		assert_true(fabs((double)in->gram[i * (D + 1)] - in->sum2[i]) <= 1e-5 * in->sum2[i]);
	assert_fox_ok(fox_feedback_factor(want, in->gram, D, FOX_FEEDBACK_DAMP, NULL, &e), &e);
	assert_fox_ok(fox_calib_factor(&c, NULL, &e), &e);
	assert_memory_equal(fox_calib_factor_of(&c, name, D), want, sizeof want);
	assert_null(fox_calib_factor_of(&c, name, D + 1));
	assert_null(fox_calib_factor_of(&c, fox_str_of("output.weight"), D));
	const char *path = test_path("embd.gguf");
	assert_fox_ok(fox_calib_write(&c, path, false, fox_str_of("text.txt"), &e), &e);
	assert_fox_ok(fox_imatrix_open(&im, path, &e), &e);
	assert_int_equal(im->n_entries, 21);
	fox_imatrix_close(im);
	fox_calib_free(&c);
	fox_model_close(m);
}

static enum fox_status stop(void *ctx, uint32_t chunk, uint32_t n_chunks, struct fox_err *err)
{
	(void)ctx;
	assert_int_equal(n_chunks, CHUNKS);
	return chunk == 1 ? fox_fail(err, FOX_E_CANCELLED, FOX_NOWHERE, "stopped") : FOX_OK;
}

static void refused(void **state)
{
	(void)state;
	struct tiny nan = TINY;
	nan.nan = "blk.1.attn_k.weight";
	struct fox_err e = {0};
	struct fox_calib c;
	struct fox_model *m = model_of(TINY);
	struct fox_calib_options o = {.n_ctx = CTX, .layer0 = 2, .n_layers = 2};
	assert_int_equal(fox_calibrate(&c, m, fox_str_of(long_text()), &o, &e), FOX_E_ARG);
	assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, "layers 2 and up to 2 more, where the model has 3");
	assert_null(c.inputs);
	e = (struct fox_err){0};
	o = (struct fox_calib_options){.n_ctx = CTX, .progress = stop};
	assert_int_equal(fox_calibrate(&c, m, fox_str_of(long_text()), &o, &e), FOX_E_CANCELLED);
	assert_null(c.inputs);
	e = (struct fox_err){0};
	o = (struct fox_calib_options){0}; /* chunks as long as the model's context, 200 */
	assert_int_equal(fox_calibrate(&c, m, fox_str_of(long_text()), &o, &e), FOX_E_FORMAT);
	assert_fox_err(
	    &e, FOX_E_FORMAT, FOX_NOWHERE, "the text has 161 tokens, want at least 400: two chunks of 200");
	fox_model_close(m);
	m = model_of(nan);
	e = (struct fox_err){0};
	o.n_ctx = CTX;
	assert_int_equal(fox_calibrate(&c, m, fox_str_of(long_text()), &o, &e), FOX_E_MISMATCH);
	assert_fox_err(&e, FOX_E_MISMATCH, FOX_NOWHERE,
	    "what goes into 'blk.1.attn_output.weight' is not finite, first at column 0");
	assert_null(c.inputs);
	fox_model_close(m);
}

/* What was written is read back: every tensor, means of columns, counts, the name of the text. */
static void written(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_model *m = model_of(TINY);
	struct fox_calib c = calib_of(m, (struct fox_calib_options){0});
	struct fox_imatrix *im;
	const char *path = test_path("im.gguf");
	assert_fox_ok(fox_calib_write(&c, path, false, fox_str_of("text.txt"), &e), &e);
	assert_fox_ok(fox_imatrix_open(&im, path, &e), &e);
	assert_int_equal(im->n_entries, c.n_tensors);
	assert_int_equal(im->n_chunks, CHUNKS);
	assert_int_equal(im->chunk_size, CTX);
	assert_int_equal(im->n_datasets, 1);
	assert_true(fox_str_is(im->datasets[0], "text.txt"));
	for (size_t t = 0; t < c.n_tensors; t++) {
		const struct fox_calib_input *in = &c.inputs[c.tensors[t].input];
		const struct fox_imatrix_entry *entry = fox_imatrix_find(im, c.tensors[t].name);
		assert_non_null(entry);
		assert_int_equal(entry->n_values, in->cols);
		assert_int_equal((int)entry->counts[0], ROWS);
		for (uint32_t i = 0; i < in->cols; i++)
			assert_true(entry->means[i] == (float)in->sum2[i] / (float)ROWS);
	}
	fox_imatrix_close(im);
	assert_int_equal(
	    fox_calib_write(&c, path, false, fox_str_of("text.txt"), &e), FOX_E_ARG); /* it is there */
	fox_calib_free(&c);
	fox_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sums),
	    cmocka_unit_test(known),
	    cmocka_unit_test(threads),
	    cmocka_unit_test(some_layers),
	    cmocka_unit_test(output),
	    cmocka_unit_test(embedding),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(written),
	};
	return cmocka_run_group_tests_name("imatrix_run", tests, NULL, NULL);
}
