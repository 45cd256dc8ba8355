/* check_model.c - whole models on a CUDA device against the CPU backend: every cache type, batches, decoding from recorded
 * programs, windows, rewinds, observers, memory. Families with their references: tests/families.sh over the tools. */
#include "tests/tiny.h"

#include <math.h>

#include "kernels/cuda/cuda.h"
#include "runtime/kv.h"
#include "runtime/session.h"
#include "tests/cuda/cuda_test.h"

enum { MOST = 1200, VOCAB = 97, D = 128, LAYERS = 2 };

#define EXACT_NMSE 1e-8 /* spec/cuda.md 4 */
#define FAST_NMSE 2e-3  /* of activations in 8-bit groups over models this narrow */

static int32_t ids[MOST];

static struct fox_model *model_of(struct tiny t)
{
	struct fox_err e = {0};
	struct fox_model *m;
	uint64_t seed = 77;
	for (int i = 0; i < MOST; i++)
		ids[i] = (int32_t)(test_rand(&seed) % VOCAB);
	assert_fox_ok(fox_model_open(&m, tiny_write("m.gguf", t), &e), &e);
	return m;
}

/* Heads of 32 elements, so that a cache in q8_0 is possible. */
static struct tiny tiny_of(enum fox_type type)
{
	struct tiny t = TINY;
	t.layers = LAYERS, t.d_model = D, t.ff = 160, t.type = type, t.ctx = MOST;
	if (type == FOX_Q4_K || type == FOX_Q6_K)
		t.d_model = 256, t.heads = 8, t.kv_heads = 4, t.ff = 512;
	return t;
}

static struct fox_session *session_of(const struct fox_model *m, struct fox_session_options o, bool cuda)
{
	struct fox_err e = {0};
	struct fox_session *s;
	o.backend = cuda ? &fox_cuda_backend : &fox_cpu_backend;
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	return s;
}

/* Logits at all n positions, in steps of `step` tokens; hidden [LAYERS][n][d_model], or NULL. The caller frees. */
static float *run_on(struct fox_session *s, const struct fox_model *m, size_t n, size_t step, float *hidden)
{
	struct fox_err e = {0};
	size_t d = fox_model_hparams(m)->d_model;
	float *logits = malloc(n * VOCAB * sizeof *logits), *part = malloc(LAYERS * step * d * sizeof *part);
	assert_true(logits && part);
	for (size_t at = 0, now; at < n; at += now) {
		now = n - at < step ? n - at : step;
		struct fox_session_taps taps = {.logits = logits + at * VOCAB, .hidden = hidden ? part : NULL};
		assert_fox_ok(fox_session_step(s, ids + at, now, &taps, &e), &e);
		for (size_t l = 0; hidden && l < LAYERS; l++)
			memcpy(hidden + (l * n + at) * d, part + l * now * d, now * d * sizeof *part);
	}
	free(part);
	return logits;
}

static float *run_new(
    const struct fox_model *m, struct fox_session_options o, bool cuda, size_t n, size_t step, float *hidden)
{
	struct fox_session *s = session_of(m, o, cuda);
	float *logits = run_on(s, m, n, step, hidden);
	fox_session_close(s);
	return logits;
}

/* Step by step, one token each, without taps: what is recorded and played. */
static float *decode_on(struct fox_session *s, size_t from, size_t n)
{
	struct fox_err e = {0};
	float *logits = malloc(n * VOCAB * sizeof *logits);
	assert_non_null(logits);
	for (size_t i = 0; i < n; i++) {
		assert_fox_ok(fox_session_step(s, ids + from + i, 1, NULL, &e), &e);
		memcpy(logits + i * VOCAB, fox_session_logits(s), VOCAB * sizeof *logits);
	}
	return logits;
}

static double nmse(const float *x, const float *ref, size_t n)
{
	double error = 0, sum = 0, square = 0;
	for (size_t i = 0; i < n; i++) {
		error += ((double)x[i] - (double)ref[i]) * ((double)x[i] - (double)ref[i]);
		sum += (double)ref[i];
		square += (double)ref[i] * (double)ref[i];
	}
	return error / (square - sum * sum / (double)n);
}

static void assert_near(const float *x, const float *ref, size_t n, double limit)
{
	double e = nmse(x, ref, n);
	if (!(e <= limit))
		fail_msg("NMSE %.3g, limit %.3g", e, limit);
}

/* ---- results */

static void exact_is_near_the_cpu(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F32, FOX_BF16, FOX_F16, FOX_Q8_0, FOX_Q4_0, FOX_Q4_K, FOX_Q6_K};
	for (size_t i = 0; i < FOX_COUNT(types); i++) {
		enum { N = 24, STEPS = 6 };
		struct fox_model *m = model_of(tiny_of(types[i]));
		struct fox_session_options o = {.n_ctx = N, .batch = 16};
		size_t d = fox_model_hparams(m)->d_model, n_hidden = LAYERS * N * d;
		float *hidden[2] = {malloc(n_hidden * sizeof(float)), malloc(n_hidden * sizeof(float))};
		float *want = run_new(m, o, false, N, N, hidden[0]), *got = run_new(m, o, true, N, 20, hidden[1]);
		assert_near(got, want, N * VOCAB, EXACT_NMSE);
		assert_near(hidden[1], hidden[0], n_hidden, EXACT_NMSE);
		struct fox_session *s = session_of(m, o, true);
		free(got);
		got = decode_on(s, 0, STEPS);
		assert_near(got, want, STEPS * VOCAB, EXACT_NMSE);
		fox_session_close(s);
		free(got), free(want), free(hidden[0]), free(hidden[1]);
		fox_model_close(m);
	}
}

static void fast_is_as_near_as_rounding_allows(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F32, FOX_BF16, FOX_Q8_0, FOX_Q4_0, FOX_Q4_K, FOX_Q6_K};
	for (size_t i = 0; i < FOX_COUNT(types); i++) {
		enum { N = 24, STEPS = 6 };
		struct fox_model *m = model_of(tiny_of(types[i]));
		struct fox_session_options o = {.n_ctx = N, .batch = 32, .kv = FOX_F16};
		float *want = run_new(m, o, false, N, N, NULL);
		o.arith = FOX_ARITH_FAST;
		float *got = run_new(m, o, true, N, N, NULL);
		assert_near(got, want, N * VOCAB, FAST_NMSE);
		free(got);
		struct fox_session *s = session_of(m, o, true);
		got = decode_on(s, 0, STEPS);
		assert_near(got, want, STEPS * VOCAB, FAST_NMSE);
		fox_session_close(s);
		free(got), free(want);
		fox_model_close(m);
	}
}

/* Over more than one page, in batches and then row by row. */
static void every_cache_type(void **state)
{
	(void)state;
	enum { PROMPT = 270, N = 274 };
	struct fox_model *m = model_of(tiny_of(FOX_F32));
	for (size_t k = 0; k < FOX_KV_TYPES; k++) {
		struct fox_session_options o = {.n_ctx = N, .batch = 140, .kv = fox_kv_types[k]};
		float *want = run_new(m, o, false, N, N, NULL);
		struct fox_session *s = session_of(m, o, true);
		float *got = run_on(s, m, PROMPT, PROMPT, NULL), *tail = decode_on(s, PROMPT, N - PROMPT);
		/* a key that lies between two codes may fall to either: one step of the cache's type, for few of them */
		double limit = fox_kv_types[k] == FOX_F32 ? EXACT_NMSE : 1e-6;
		assert_near(got, want, PROMPT * VOCAB, limit);
		assert_near(tail, want + PROMPT * VOCAB, (N - PROMPT) * VOCAB, limit);
		fox_session_close(s);
		free(got), free(tail), free(want);
	}
	fox_model_close(m);
}

/* Equal steps give equal bits: launched, recorded, played, after a rewind, in another session beside the first. */
static void repeats_bit_for_bit(void **state)
{
	(void)state;
	enum { PROMPT = 250, N = 10 };
	struct fox_model *m = model_of(tiny_of(FOX_Q8_0));
	struct fox_err e = {0};
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++) {
		struct fox_session_options o = {
		    .n_ctx = PROMPT + N, .batch = 130, .kv = FOX_F16, .arith = (enum fox_arith)arith};
		struct fox_session *s = session_of(m, o, true);
		assert_fox_ok(fox_session_step(s, ids, PROMPT, NULL, &e), &e);
		float *once = decode_on(s, PROMPT, N);
		assert_fox_ok(fox_session_rewind(s, PROMPT, &e), &e);
		assert_int_equal(fox_session_position(s), PROMPT);
		float *again = decode_on(s, PROMPT, N);
		assert_memory_equal(once, again, N * VOCAB * sizeof *once);
		free(again);
		uint64_t before = fox_session_taken(s);
		o.share = s;
		struct fox_session *t = session_of(m, o, true);
		assert_true(fox_session_taken(t) < 2 * before); /* of both: the weights are there once */
		fox_session_close(s);                           /* the second goes on without the first */
		assert_fox_ok(fox_session_step(t, ids, PROMPT, NULL, &e), &e);
		again = decode_on(t, PROMPT, N);
		assert_memory_equal(once, again, N * VOCAB * sizeof *once);
		free(again);
		/* the likeliest is that of the same logits */
		assert_fox_ok(fox_session_rewind(t, PROMPT, &e), &e);
		for (int i = 0; i < N; i++) {
			int32_t best = -1, want = 0;
			for (int k = 0; k < 60; k++)
				want = once[i * VOCAB + k] > once[i * VOCAB + want] ? k : want;
			assert_fox_ok(fox_session_likeliest(t, ids + PROMPT + i, 1, 60, &best, &e), &e);
			assert_int_equal(best, want);
		}
		fox_session_close(t);
		free(once);
	}
	fox_model_close(m);
}

/* A ring of pages that is gone round, and what can be gone back to. */
static void windows_in_rings(void **state)
{
	(void)state;
	enum { N = 700, STEP = 130, WINDOW = 40 };
	struct fox_err e = {0};
	struct tiny t = tiny_of(FOX_F32);
	t.key = "llama.attention.sliding_window", t.key_value = WINDOW;
	struct fox_model *m = model_of(t);
	struct fox_session_options o = {.n_ctx = N, .batch = STEP};
	float *want = run_new(m, o, false, N, N, NULL);
	struct fox_session *s = session_of(m, o, true);
	float *got = run_on(s, m, N - 10, STEP, NULL), *tail = decode_on(s, N - 10, 10);
	assert_near(got, want, (N - 10) * VOCAB, EXACT_NMSE);
	assert_near(tail, want + (N - 10) * VOCAB, 10 * VOCAB, EXACT_NMSE);
	free(got), free(tail);
	assert_fox_ok(fox_session_rewind(s, N - 20, &e), &e);
	assert_int_equal(fox_session_position(s), N - 20);
	tail = decode_on(s, N - 20, 20);
	assert_near(tail, want + (N - 20) * VOCAB, 20 * VOCAB, EXACT_NMSE);
	assert_fox_ok(fox_session_rewind(s, 280, &e), &e);
	assert_int_equal(fox_session_position(s), 0); /* 280 sees what the ring has let go */
	fox_session_close(s);
	free(tail), free(want);
	fox_model_close(m);
}

/* ---- observers */

struct seen {
	const struct fox_graph *g;
	double x[64], y[64]; /* sums by operation */
	size_t rows[64], changed;
};

static void look(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows)
{
	struct seen *s = ctx;
	size_t i = (size_t)(op - s->g->ops), wide = op->code == FOX_OP_EMBED ? op->w->cols : op->w->rows;
	assert_true(i < FOX_COUNT(s->x));
	assert_int_equal(x == NULL, op->code == FOX_OP_EMBED);
	for (size_t k = 0; x && k < rows * op->w->cols; k++)
		s->x[i] += fabs((double)x[k]);
	for (size_t k = 0; k < rows * wide; k++) {
		s->y[i] += fabs((double)y[k]);
		if (i == s->changed)
			y[k] = -y[k];
	}
	s->rows[i] += rows;
}

static void observers_see_and_change_products(void **state)
{
	(void)state;
	enum { N = 14 };
	struct fox_model *m = model_of(tiny_of(FOX_BF16));
	const struct fox_graph *g = fox_model_graph(m);
	struct fox_err e = {0};
	for (size_t op = 0; op < g->n_ops; op++) {
		struct seen seen[2] = {{.g = g, .changed = op}, {.g = g, .changed = op}};
		float *logits[2];
		if (g->ops[op].code != FOX_OP_MATMUL && g->ops[op].code != FOX_OP_EMBED)
			continue;
		for (int k = 0; k < 2; k++) {
			struct fox_session *s = session_of(m, (struct fox_session_options){.n_ctx = N, .batch = 13}, k);
			logits[k] = malloc(N * VOCAB * sizeof(float));
			struct fox_session_taps taps = {.logits = logits[k], .observe = look, .observe_ctx = &seen[k]};
			assert_fox_ok(fox_session_step(s, ids, N, &taps, &e), &e);
			fox_session_close(s);
		}
		assert_near(logits[1], logits[0], N * VOCAB, EXACT_NMSE);
		for (size_t i = 0; i < g->n_ops; i++) {
			assert_int_equal(seen[0].rows[i], seen[1].rows[i]);
			assert_true(fabs(seen[0].x[i] - seen[1].x[i]) <= 1e-4 * seen[0].x[i]);
			assert_true(fabs(seen[0].y[i] - seen[1].y[i]) <= 1e-4 * seen[0].y[i]);
		}
		free(logits[0]), free(logits[1]);
	}
	fox_model_close(m);
}

/* ---- memory */

/* What need says is what is taken, to the byte, once the context is full; pages come as they are reached. */
static void memory_is_as_planned(void **state)
{
	(void)state;
	enum { N = 530 };
	struct fox_err e = {0};
	struct tiny t = tiny_of(FOX_F32);
	for (int window = 0; window < 2; window++) {
		t.key = window ? "llama.attention.sliding_window" : NULL, t.key_value = 20;
		struct fox_model *m = model_of(t);
		struct fox_session_options o = {.n_ctx = N, .batch = 200, .kv = FOX_BF16};
		struct fox_dev_ask ask = {.graph = fox_model_graph(m),
		    .hparams = fox_model_hparams(m),
		    .n_ctx = N,
		    .batch = 200,
		    .kv = FOX_BF16};
		struct fox_dev_bytes need;
		assert_fox_ok(fox_cuda_backend.need(&need, &ask, &e), &e);
		struct fox_session *s = session_of(m, o, true);
		assert_true(fox_session_taken(s) == need.weights + need.scratch);
		assert_fox_ok(fox_session_step(s, ids, 100, NULL, &e), &e);
		uint64_t one = fox_session_taken(s) - need.weights - need.scratch;
		assert_true(one > 0 && one <= need.kv / (window ? 2 : 3));
		assert_fox_ok(fox_session_step(s, ids + 100, N - 100, NULL, &e), &e);
		assert_true(fox_session_taken(s) == need.weights + need.scratch + need.kv);
		fox_session_close(s);
		fox_model_close(m);
	}
}

/* tests/simt has as much memory as it is told to have; a device's cannot be chosen. */
static void refuses_what_does_not_fit(void **state)
{
	(void)state;
	struct fox_cuda_info info;
	struct fox_err e = {0};
	assert_fox_ok(fox_cuda_info(0, &info, &e), &e);
	if (!strstr(info.name, "no GPU"))
		skip();
	struct fox_model *m = model_of(tiny_of(FOX_F32));
	struct fox_session *s;
	struct fox_session_options o = {.n_ctx = MOST, .batch = 100, .backend = &fox_cuda_backend};
	setenv("FOX_SIMT_MEMORY", "1000000", 1);
	assert_int_equal(fox_session_open(&s, m, &o, &e), FOX_E_NOMEM);
	assert_null(s);
	struct fox_dev_ask ask = {
	    .graph = fox_model_graph(m), .hparams = fox_model_hparams(m), .n_ctx = MOST, .batch = 100};
	struct fox_dev_bytes need;
	struct fox_err unused = {0};
	char want_text[300];
	const double g = 1 << 30;
	assert_fox_ok(fox_cuda_backend.need(&need, &ask, &unused), &unused);
	snprintf(want_text, sizeof want_text,
	    "out of memory on CUDA device 0: %.3f GiB are free, this takes %.3f: weights %.3f, cache of 1200 "
	    "positions "
	    "%.3f, scratch for 100 rows %.3f",
	    1000000 / g, (double)(need.weights + need.kv + need.scratch) / g, (double)need.weights / g,
	    (double)need.kv / g, (double)need.scratch / g);
	assert_string_equal(e.text, want_text);
	/* somebody else takes what was free when the session was opened */
	e = (struct fox_err){0};
	setenv("FOX_SIMT_MEMORY", "100000000", 1);
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	assert_fox_ok(fox_session_step(s, ids, 200, NULL, &e), &e);
	setenv("FOX_SIMT_MEMORY", "1000", 1);
	assert_int_equal(fox_session_step(s, ids + 200, 100, NULL, &e), FOX_E_NOMEM);
	assert_non_null(strstr(e.text, " bytes asked for, 0 are free, for position 299 of the key-value cache"));
	assert_int_equal(fox_session_position(s), 200);
	unsetenv("FOX_SIMT_MEMORY");
	e = (struct fox_err){0};
	assert_fox_ok(fox_session_step(s, ids + 200, 100, NULL, &e), &e);
	float *want = run_new(m, (struct fox_session_options){.n_ctx = 300}, false, 300, 300, NULL);
	assert_near(fox_session_logits(s), want + 299 * VOCAB, VOCAB, EXACT_NMSE);
	free(want);
	fox_session_close(s);
	fox_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exact_is_near_the_cpu),
	    cmocka_unit_test(fast_is_as_near_as_rounding_allows),
	    cmocka_unit_test(every_cache_type),
	    cmocka_unit_test(repeats_bit_for_bit),
	    cmocka_unit_test(windows_in_rings),
	    cmocka_unit_test(observers_see_and_change_products),
	    cmocka_unit_test(memory_is_as_planned),
	    cmocka_unit_test(refuses_what_does_not_fit),
	};
	fox_cuda_close(cuda_test_open());
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
