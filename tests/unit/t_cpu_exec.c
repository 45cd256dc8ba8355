/* t_cpu_exec.c - operations that only some families have, on the CPU, against plain loops in double: attention with windows,
 * caps, slopes and scales; learned positions, layer norms, activations without a gate, capped logits. */
#include "tests/test.h"

#include <math.h>

#include "runtime/cpu_exec.h"

enum { DIM = 16, N = 70, HEADS_MAX = 12, VOCAB = 23, WIDTH = 40 };

static float at_random(uint64_t *seed)
{
	return (float)test_rand(seed) / 1073741824.0f - 1;
}

/* ---- attention */

struct setting {
	uint32_t heads, kv_heads, window;
	float scale, cap;
	bool alibi;
	enum fox_type kv;
};

/* Slopes as the ALiBi paper prints them: halves, quarters... for 8 heads; for 12, every second of 16 behind those. */
static double slope(uint32_t head, uint32_t n)
{
	static const double eight[8] = {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625};
	static const double sixteen[4] = {
	    0.70710678118654752, 0.35355339059327376, 0.17677669529663688, 0.08838834764831844};
	static const double four[4] = {0.25, 0.0625, 0.015625, 0.00390625};
	switch (n) {
	case 1:
		return 0.00390625;
	case 4:
		return four[head];
	case 6: /* four, then the first and third of eight */
		return head < 4 ? four[head] : eight[2 * (head - 4)];
	case 8:
		return eight[head];
	case 12:
		return head < 8 ? eight[head] : sixteen[head - 8];
	default:
		fail_msg("no slopes for %u heads", n);
		return 0;
	}
}

/* Keys and values as the cache has them. */
static float stored(float x, enum fox_type type)
{
	uint16_t half;
	if (type == FOX_F32)
		return x;
	fox_kernels()->encode[type](&half, &x, 1);
	fox_kernels()->decode[type](&x, &half, 1);
	return x;
}

static void plain_attention(double *out, const struct setting *t, const float *q, const float *k,
    const float *v, uint32_t pos, uint32_t head)
{
	double score[N], sum = 0, max = -1e300;
	uint32_t kv = head / (t->heads / t->kv_heads);
	for (uint32_t p = 0; p <= pos; p++) {
		score[p] = 0;
		for (uint32_t i = 0; i < DIM; i++)
			score[p] += (double)q[(pos * t->heads + head) * DIM + i] *
			            (double)stored(k[(p * t->kv_heads + kv) * DIM + i], t->kv);
		score[p] *= (double)t->scale;
		if (t->cap != 0)
			score[p] = (double)t->cap * tanh(score[p] / (double)t->cap);
		if (t->alibi)
			score[p] -= slope(head, t->heads) * (pos - p);
		if (t->window && pos - p >= t->window)
			score[p] = -INFINITY;
		max = score[p] > max ? score[p] : max;
	}
	for (uint32_t p = 0; p <= pos; p++)
		sum += score[p] = exp(score[p] - max);
	for (uint32_t i = 0; i < DIM; i++) {
		out[i] = 0;
		for (uint32_t p = 0; p <= pos; p++)
			out[i] += score[p] / sum * (double)stored(v[(p * t->kv_heads + kv) * DIM + i], t->kv);
	}
}

static struct fox_hparams attn_sizes(const struct setting *t)
{
	struct fox_hparams h = {.n_layers = 2,
	    .n_ctx = N,
	    .d_model = 64,
	    .n_vocab = VOCAB,
	    .head_dim = DIM,
	    .rope_dims = DIM,
	    .rope_theta = 10000,
	    .attn_softcap = t->cap,
	    .window = t->window};
	for (int l = 0; l < 2; l++)
		h.n_heads[l] = t->heads, h.n_kv_heads[l] = t->kv_heads, h.d_ff[l] = 96;
	h.windowed[1] = t->window != 0; /* layer 0 sees all whatever the window */
	return h;
}

/* Rows 0..N-1 in steps of `step`, in layer l; got is f32 [N][heads][DIM]. */
static void attend(float *got, const struct setting *t, const float *q, const float *k, const float *v,
    uint16_t l, uint32_t step, struct fox_pool *pool)
{
	struct fox_err err = {0};
	struct fox_hparams h = attn_sizes(t);
	struct fox_graph g = {.traits = {.alibi = t->alibi}};
	struct fox_dev *d;
	fox_graph_widths(&g, &h);
	struct fox_dev_ask ask = {
	    .graph = &g, .hparams = &h, .n_ctx = N, .batch = step, .kv = t->kv, .pool = pool};
	assert_fox_ok(fox_cpu_backend.open(&d, &ask, &err), &err);
	struct fox_op put = {
	    .code = FOX_OP_KV_PUT, .a = FOX_S_K, .b = FOX_S_V, .layer = l, .n = (uint16_t)t->kv_heads};
	struct fox_op attn = {.code = FOX_OP_ATTN,
	    .dst = FOX_S_A,
	    .a = FOX_S_Q,
	    .layer = l,
	    .n = (uint16_t)t->heads,
	    .f = t->scale};
	for (uint32_t at = 0; at < N; at += step) {
		struct fox_batch s = {.pos = at, .n = N - at < step ? N - at : step};
		size_t wide = (size_t)t->heads * DIM, narrow = (size_t)t->kv_heads * DIM;
		d->s = &s, d->rows = s.n;
		memcpy(d->slot[FOX_S_Q], q + at * wide, s.n * wide * sizeof *q);
		memcpy(d->slot[FOX_S_K], k + at * narrow, s.n * narrow * sizeof *k);
		memcpy(d->slot[FOX_S_V], v + at * narrow, s.n * narrow * sizeof *v);
		fox_cpu_kv_put(d, &put);
		fox_cpu_attn(d, &attn);
		memcpy(got + at * wide, d->slot[FOX_S_A], s.n * wide * sizeof *got);
	}
	fox_cpu_backend.close(d);
}

static void check_attention(const struct setting *t, struct fox_pool *pool)
{
	enum { ALL = N * HEADS_MAX * DIM };
	static float q[ALL], k[ALL], v[ALL], got[ALL], again[ALL];
	uint64_t seed = t->heads;
	for (size_t i = 0; i < ALL; i++)
		q[i] = 3 * at_random(&seed), k[i] = 3 * at_random(&seed), v[i] = at_random(&seed);
	for (uint16_t l = 0; l < 2; l++) {
		struct setting here = *t;
		here.window = l ? t->window : 0;
		size_t bytes = (size_t)N * t->heads * DIM * sizeof *got;
		attend(got, t, q, k, v, l, N, NULL);
		for (uint32_t pos = 0; pos < N; pos++)
			for (uint32_t head = 0; head < t->heads; head++) {
				double want[DIM];
				plain_attention(want, &here, q, k, v, pos, head);
				for (uint32_t i = 0; i < DIM; i++) {
					double x = (double)got[(pos * t->heads + head) * DIM + i];
					if (!(fabs(x - want[i]) < 5e-6))
						fail_msg("layer %u, position %u, head %u of %u: %.9g, want %.9g", l, pos, head,
						    t->heads, x, want[i]);
				}
			}
		/* the same bits one at a time, in odd steps, and with workers */
		static const uint32_t steps[] = {1, 7, N};
		for (size_t i = 0; i < FOX_COUNT(steps); i++) {
			attend(again, t, q, k, v, l, steps[i], pool);
			assert_memory_equal(got, again, bytes);
		}
	}
}

static void attention(void **state)
{
	(void)state;
	static const struct setting settings[] = {
	    {4, 2, 0, 0.25f, 0, false, FOX_F32},
	    {4, 2, 0, 0.0625f, 0, false, FOX_F32}, /* a scale that is not the head's */
	    {4, 2, 1, 0.25f, 0, false, FOX_F32},   /* each position sees itself alone */
	    {4, 2, 8, 0.25f, 0, false, FOX_F32}, {6, 2, 8, 0.25f, 0, false, FOX_F16},
	    {4, 1, N - 1, 0.25f, 0, false, FOX_F32}, {4, 1, N, 0.25f, 0, false, FOX_F32},
	    {4, 4, N + 1, 0.25f, 0, false, FOX_F16},
	    {4, 2, 0, 1, 5, false, FOX_F32}, /* scores up to some 60 before the cap */
	    {8, 2, 5, 1, 50, false, FOX_F32}, {1, 1, 0, 0.25f, 0, true, FOX_F32},
	    {4, 4, 0, 0.25f, 0, true, FOX_F32}, {6, 6, 0, 0.25f, 0, true, FOX_F32},
	    {8, 8, 0, 0.25f, 0, true, FOX_F16}, {12, 12, 0, 0.25f, 0, true, FOX_F32},
	    {12, 4, 9, 0.5f, 20, true, FOX_F32}, /* all at once, as no family does */
	};
	struct fox_pool *pool = fox_pool_open(3);
	assert_non_null(pool);
	for (size_t i = 0; i < FOX_COUNT(settings); i++)
		check_attention(&settings[i], pool);
	fox_pool_close(pool);
}

/* ---- whole programs of a few operations */

struct weights {
	float embd[VOCAB][WIDTH], pos[N][WIDTH], w[WIDTH], b[WIDTH], half[WIDTH / 2];
	struct fox_weight embedding, positions, norm, bias, part;
};

static struct fox_weight matrix(const float *p, uint64_t rows)
{
	return (struct fox_weight){.type = FOX_F32,
	    .rows = rows,
	    .cols = WIDTH,
	    .row_bytes = WIDTH * sizeof *p,
	    .data = (const uint8_t *)p};
}

static struct fox_weight vector(const float *p, uint64_t n)
{
	return (struct fox_weight){.type = FOX_F32, .rows = 1, .cols = n, .vec = p};
}

static void fill_row(float row[WIDTH], float scale, uint64_t *seed)
{
	for (size_t i = 0; i < WIDTH; i++)
		row[i] = scale * at_random(seed);
}

static void fill(struct weights *w)
{
	uint64_t seed = 5;
	for (size_t i = 0; i < VOCAB; i++)
		fill_row(w->embd[i], 2, &seed);
	for (size_t i = 0; i < N; i++)
		fill_row(w->pos[i], 1, &seed);
	for (size_t i = 0; i < WIDTH; i++)
		w->w[i] = at_random(&seed), w->b[i] = at_random(&seed), w->half[i / 2] = 1 + at_random(&seed);
	w->embedding = matrix(w->embd[0], VOCAB);
	w->positions = matrix(w->pos[0], N);
	w->norm = vector(w->w, WIDTH);
	w->bias = vector(w->b, WIDTH);
	w->part = vector(w->half, WIDTH / 2);
}

static const int32_t ids[] = {3, 22, 0, 7, 7, 1};
enum { ROWS = FOX_COUNT(ids), FIRST = 11 };

/* Run a program over ids at positions FIRST and on; out is what TAP of layer 0 sees, logits of all rows. */
static void run_ops(
    float out[ROWS][WIDTH], float *logits, const struct fox_op *ops, size_t n, struct fox_traits traits)
{
	struct fox_err err = {0};
	struct fox_hparams h = {.n_layers = 1, .n_ctx = N, .d_model = WIDTH, .n_vocab = VOCAB, .head_dim = 8};
	h.n_heads[0] = h.n_kv_heads[0] = 5, h.d_ff[0] = WIDTH;
	struct fox_graph g = {.ops = ops, .n_ops = n, .traits = traits};
	struct fox_dev *d;
	fox_graph_widths(&g, &h);
	struct fox_dev_ask ask = {.graph = &g, .hparams = &h, .n_ctx = N, .batch = ROWS, .kv = FOX_F32};
	assert_fox_ok(fox_cpu_backend.open(&d, &ask, &err), &err);
	struct fox_batch s = {
	    .ids = ids, .n = ROWS, .pos = FIRST, .logits = logits, .hidden = out[0], .hidden_rows = ROWS};
	assert_fox_ok(fox_cpu_backend.run(d, &s, &err), &err);
	fox_cpu_backend.close(d);
}

static double embedded(const struct weights *w, size_t r, size_t i)
{
	return (double)w->embd[ids[r]][i];
}

static void embedding_times_and_positions(void **state)
{
	(void)state;
	static struct weights w;
	float got[ROWS][WIDTH];
	fill(&w);
	const struct fox_op ops[] = {
	    {.code = FOX_OP_EMBED, .dst = FOX_S_X, .f = 6.5f, .w = &w.embedding},
	    {.code = FOX_OP_ADD_POS, .dst = FOX_S_X, .a = FOX_S_X, .w = &w.positions},
	    {.code = FOX_OP_TAP, .a = FOX_S_X},
	};
	run_ops(got, NULL, ops, FOX_COUNT(ops), (struct fox_traits){0});
	for (size_t r = 0; r < ROWS; r++)
		for (size_t i = 0; i < WIDTH; i++) {
			double want = 6.5 * embedded(&w, r, i) + (double)w.pos[FIRST + r][i];
			assert_true(fabs((double)got[r][i] - want) < 2e-6);
		}
}

/* Over `n` elements at x: layer norm, or the root of the mean square. */
static void plain_norm(
    double *y, const double *x, const float *weight, const float *bias, size_t n, bool layer)
{
	double mean = 0, var = 0;
	for (size_t i = 0; layer && i < n; i++)
		mean += x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		var += (x[i] - mean) * (x[i] - mean) / (double)n;
	for (size_t i = 0; i < n; i++)
		y[i] = (x[i] - mean) / sqrt(var + 1e-5) * (double)weight[i] + (bias ? (double)bias[i] : 0);
}

/* With and without bias, of whole rows and of the two halves of each. */
static void norms(void **state)
{
	(void)state;
	static struct weights w;
	float got[ROWS][WIDTH];
	fill(&w);
	for (int k = 0; k < 8; k++) {
		bool layer = k & 1, bias = k & 2, parts = k & 4;
		if (!layer && bias)
			continue; /* no family has it */
		struct fox_weight half_bias = vector(w.b, WIDTH / 2);
		const struct fox_op ops[] = {
		    {.code = FOX_OP_EMBED, .dst = FOX_S_X, .f = 1, .w = &w.embedding},
		    {.code = FOX_OP_NORM,
		        .dst = FOX_S_N,
		        .a = FOX_S_X,
		        .n = parts ? 2 : 1,
		        .f = 1e-5f,
		        .w = parts ? &w.part : &w.norm,
		        .bias = !bias   ? NULL
		                : parts ? &half_bias
		                        : &w.bias},
		    {.code = FOX_OP_TAP, .a = FOX_S_N},
		};
		run_ops(got, NULL, ops, FOX_COUNT(ops),
		    (struct fox_traits){.norm = layer ? FOX_NORM_LAYER : FOX_NORM_RMS});
		size_t n = parts ? WIDTH / 2 : WIDTH;
		for (size_t r = 0; r < ROWS; r++)
			for (size_t at = 0; at < WIDTH; at += n) {
				double x[WIDTH], want[WIDTH];
				for (size_t i = 0; i < n; i++)
					x[i] = embedded(&w, r, at + i);
				plain_norm(want, x, parts ? w.half : w.w, bias ? w.b : NULL, n, layer);
				for (size_t i = 0; i < n; i++)
					assert_true(fabs((double)got[r][at + i] - want[i]) < 2e-6);
			}
	}
}

/* Without a gate, and with; then the logits, capped. */
static void activations_and_capped_logits(void **state)
{
	(void)state;
	static struct weights w;
	float got[ROWS][WIDTH], logits[ROWS][VOCAB];
	fill(&w);
	for (int gated = 0; gated < 2; gated++) {
		const struct fox_op ops[] = {
		    {.code = FOX_OP_EMBED, .dst = FOX_S_G, .f = 1, .w = &w.embedding},
		    {.code = FOX_OP_EMBED, .dst = FOX_S_U, .f = 2, .w = &w.embedding},
		    {.code = FOX_OP_ACT_MUL, .dst = FOX_S_G, .a = FOX_S_G, .b = gated ? FOX_S_U : FOX_S_NONE},
		    {.code = FOX_OP_TAP, .a = FOX_S_G},
		    {.code = FOX_OP_PICK, .dst = FOX_S_T, .a = FOX_S_G},
		    {.code = FOX_OP_MATMUL, .dst = FOX_S_LOGITS, .a = FOX_S_T, .w = &w.embedding},
		    {.code = FOX_OP_SOFTCAP, .dst = FOX_S_LOGITS, .a = FOX_S_LOGITS, .f = 3},
		};
		run_ops(got, logits[0], ops, FOX_COUNT(ops), (struct fox_traits){.act = FOX_ACT_GELU_TANH});
		for (size_t r = 0; r < ROWS; r++) {
			double want[WIDTH];
			for (size_t i = 0; i < WIDTH; i++) {
				double x = embedded(&w, r, i);
				want[i] = x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
				want[i] *= gated ? 2 * x : 1;
				assert_true(fabs((double)got[r][i] - want[i]) < 2e-6);
			}
			for (size_t o = 0; o < VOCAB; o++) {
				double sum = 0;
				for (size_t i = 0; i < WIDTH; i++)
					sum += want[i] * (double)w.embd[o][i];
				assert_true(fabs((double)logits[r][o] - 3 * tanh(sum / 3)) < 5e-6);
			}
		}
	}
}

/* Learned positions end. */
static void a_context_beyond_the_table(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_hparams h = {.n_layers = 1, .n_ctx = N, .d_model = WIDTH, .n_vocab = VOCAB, .head_dim = 8};
	h.n_heads[0] = h.n_kv_heads[0] = 5, h.d_ff[0] = WIDTH;
	struct fox_graph g = {.max_ctx = N};
	struct fox_dev *d;
	fox_graph_widths(&g, &h);
	struct fox_dev_ask ask = {.graph = &g, .hparams = &h, .n_ctx = N + 1, .batch = 1, .kv = FOX_F32};
	assert_int_equal(fox_cpu_backend.open(&d, &ask, &err), FOX_E_ARG);
	assert_null(d);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "a context of 71 positions, where the model has learned 70");
	err = (struct fox_err){0};
	ask.n_ctx = N;
	assert_fox_ok(fox_cpu_backend.open(&d, &ask, &err), &err);
	fox_cpu_backend.close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(attention),
	    cmocka_unit_test(embedding_times_and_positions),
	    cmocka_unit_test(norms),
	    cmocka_unit_test(activations_and_capped_logits),
	    cmocka_unit_test(a_context_beyond_the_table),
	};
	return cmocka_run_group_tests_name("cpu_exec", tests, NULL, NULL);
}
