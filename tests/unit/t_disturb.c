/* t_disturb.c - noise in a run: none where weights are floats; of the size that weights with random errors would make; the same
 * however steps are cut. */
#include "tests/tiny.h"

#include <math.h>

#include "inspect/ver_disturb.h"

enum { N = 60, VOCAB = 97, D = 64 };

static struct fox_model *model_of(enum fox_type type)
{
	struct fox_err e = {0};
	struct fox_model *m;
	struct tiny t = TINY;
	t.type = type;
	assert_fox_ok(fox_model_open(&m, tiny_write("m.gguf", t), &e), &e);
	return m;
}

static void run(float logits[N][VOCAB], const struct fox_model *m, bool disturbed, size_t step)
{
	struct fox_err e = {0};
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = N};
	struct fox_ver_disturb *d;
	int32_t ids[N];
	uint64_t seed = 4;
	for (int i = 0; i < N; i++)
		ids[i] = (int32_t)(test_rand(&seed) % VOCAB);
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	assert_fox_ok(fox_ver_disturb_open(&d, m, FOX_ARITH_EXACT, NULL, &e), &e);
	for (size_t at = 0; at < N; at += step) {
		struct fox_session_taps taps = {
		    .logits = logits[at], .observe = disturbed ? fox_ver_disturb_add : NULL, .observe_ctx = d};
		assert_fox_ok(fox_session_step(s, ids + at, N - at < step ? N - at : step, &taps, &e), &e);
	}
	fox_ver_disturb_close(d);
	fox_session_close(s);
}

static float a[N][VOCAB], b[N][VOCAB];

static void floats(void **state)
{
	(void)state;
	struct fox_model *m = model_of(FOX_F16);
	run(a, m, false, N);
	run(b, m, true, N);
	assert_memory_equal(a, b, sizeof a);
	fox_model_close(m);
}

static void cut(void **state)
{
	(void)state;
	struct fox_model *m = model_of(FOX_Q8_0);
	run(a, m, true, N);
	for (size_t step = 1; step < N; step += 13) {
		run(b, m, true, step);
		assert_memory_equal(a, b, sizeof a);
	}
	run(b, m, false, N);
	assert_memory_not_equal(a, b, sizeof a);
	fox_model_close(m);
}

/* One product of a session that nobody disturbs, and what is added to a copy of its result. */
struct seen {
	struct fox_ver_disturb *d;
	const struct fox_model *m;
	double got, want; /* sums of squares of the noise; what random errors of the weights would make of it */
};

static void look(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	static float copy[N * 256], row[256];
	struct seen *s = ctx;
	size_t n = x ? (size_t)op->w->rows : (size_t)op->w->cols;
	double w2 = 0, cost = fox_ver_disturb_cost(op->w->type);
	memcpy(copy, y, rows * n * sizeof *y);
	fox_ver_disturb_add(s->d, op, x, copy, rows);
	for (uint64_t r = 0; x && r < op->w->rows; r++) {
		fox_kernels()->decode[op->w->type](row, op->w->data + r * op->w->row_bytes, (size_t)op->w->cols);
		for (uint64_t i = 0; i < op->w->cols; i++)
			w2 += (double)row[i] * (double)row[i];
	}
	for (size_t r = 0; r < rows; r++) {
		double x2 = 0, y2 = 0;
		for (uint64_t i = 0; x && i < op->w->cols; i++)
			x2 += (double)x[r * op->w->cols + i] * (double)x[r * op->w->cols + i];
		for (size_t i = 0; i < n; i++) {
			double e = (double)copy[r * n + i] - (double)y[r * n + i];
			y2 += (double)y[r * n + i] * (double)y[r * n + i];
			s->got += e * e;
		}
		/* each weight off by cost * rms(w): n results of variance cost^2 mean(w^2) |x|^2 */
		s->want += cost * cost * (x ? w2 / (double)op->w->cols * x2 : y2);
	}
}

static void size(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = N};
	struct seen seen = {0};
	static const int32_t ids[N] = {3, 5, 7};
	struct fox_model *m = model_of(FOX_Q8_0);
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	assert_fox_ok(fox_ver_disturb_open(&seen.d, m, FOX_ARITH_EXACT, NULL, &e), &e);
	struct fox_session_taps taps = {.observe = look, .observe_ctx = &seen};
	assert_fox_ok(fox_session_step(s, ids, N, &taps, &e), &e);
	assert_true(seen.want > 0 && fabs(seen.got / seen.want - 1) < 0.02); /* some 30,000 numbers */
	fox_ver_disturb_close(seen.d);
	fox_session_close(s);
	fox_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(floats),
	    cmocka_unit_test(cut),
	    cmocka_unit_test(size),
	};
	return cmocka_run_group_tests_name("disturb", tests, NULL, NULL);
}
