/* t_session.c - logits bit for bit: against a plain computation in double, across batch splits, threads and
 * rewinds. */
#include "tests/tiny.h"

#include <math.h>

#include "runtime/kv.h"
#include "runtime/session.h"

enum { N = 90, VOCAB = 97, D = 64, LAYERS = 3 };

static int32_t ids[N];

static struct fox_model *model_of(struct tiny t)
{
	struct fox_err e = {0};
	struct fox_model *m;
	uint64_t seed = 77;
	for (int i = 0; i < N; i++)
		ids[i] = (int32_t)(test_rand(&seed) % VOCAB);
	assert_fox_ok(fox_model_open(&m, tiny_write("m.gguf", t), &e), &e);
	return m;
}

static struct fox_session *session_of(const struct fox_model *m, struct fox_session_options o)
{
	struct fox_err e = {0};
	struct fox_session *s;
	assert_fox_ok(fox_session_open(&s, m, &o, &e), &e);
	return s;
}

struct result {
	float logits[N][VOCAB];
	float hidden[LAYERS][N][D];
};

/* Run all ids in steps of `step` tokens, with everything tapped. Hidden rows of a step lie apart by the
 * step's size. */
static void run_all(struct result *r, const struct fox_model *m, struct fox_session_options o, size_t step)
{
	static float hidden[LAYERS * N * D];
	struct fox_err e = {0};
	struct fox_session *s = session_of(m, o);
	for (size_t at = 0; at < N; at += step) {
		size_t n = N - at < step ? N - at : step;
		struct fox_session_taps taps = {.logits = r->logits[at], .hidden = hidden};
		assert_fox_ok(fox_session_step(s, ids + at, n, &taps, &e), &e);
		for (int l = 0; l < LAYERS; l++)
			memcpy(r->hidden[l][at], hidden + (size_t)l * n * D, n * D * sizeof(float));
		assert_memory_equal(fox_session_logits(s), r->logits[at + n - 1], sizeof r->logits[0]);
	}
	assert_int_equal(fox_session_position(s), N);
	fox_session_close(s);
}

/* The same model in plain double arithmetic, with loops as in a textbook. */
struct plain {
	const struct fox_model *m;
	const struct fox_hparams *h;
	double k[LAYERS][N][D], v[LAYERS][N][D];
};

static void plain_mul(double *y, const struct fox_weight *w, const double *x)
{
	static float row[4096];
	for (uint64_t o = 0; o < w->rows; o++) {
		fox_kernels()->decode[w->type](row, w->data + o * w->row_bytes, (size_t)w->cols);
		y[o] = 0;
		for (uint64_t i = 0; i < w->cols; i++)
			y[o] += (double)row[i] * x[i];
	}
}

static void plain_norm(double *y, const double *x, const struct fox_weight *w, double eps)
{
	double sum = 0;
	for (uint64_t i = 0; i < w->cols; i++)
		sum += x[i] * x[i];
	for (uint64_t i = 0; i < w->cols; i++)
		y[i] = x[i] / sqrt(sum / (double)w->cols + eps) * (double)w->vec[i];
}

static void plain_rope(double *x, const struct fox_hparams *h, uint32_t heads, uint32_t pos)
{
	for (uint32_t i = 0; i < heads * h->head_dim; i += 2) {
		double angle = pos / pow((double)h->rope_theta, (double)(i % h->head_dim) / h->head_dim);
		double a = x[i], b = x[i + 1];
		x[i] = a * cos(angle) - b * sin(angle);
		x[i + 1] = a * sin(angle) + b * cos(angle);
	}
}

static void plain_attention(struct plain *p, double *out, const double *q, uint32_t l, uint32_t pos)
{
	uint32_t dim = p->h->head_dim, share = p->h->n_heads[l] / p->h->n_kv_heads[l];
	for (uint32_t head = 0; head < p->h->n_heads[l]; head++) {
		double score[N], sum = 0;
		uint32_t kv = head / share * dim;
		for (uint32_t t = 0; t <= pos; t++) {
			score[t] = 0;
			for (uint32_t i = 0; i < dim; i++)
				score[t] += q[head * dim + i] * p->k[l][t][kv + i];
			sum += score[t] = exp(score[t] / sqrt(dim));
		}
		for (uint32_t i = 0; i < dim; i++) {
			out[head * dim + i] = 0;
			for (uint32_t t = 0; t <= pos; t++)
				out[head * dim + i] += score[t] / sum * p->v[l][t][kv + i];
		}
	}
}

static void plain_token(struct plain *p, double *logits, double hidden[LAYERS][D], int32_t id, uint32_t pos)
{
	const struct fox_hparams *h = p->h;
	double x[D], n[D], q[D], a[D], t[D], g[128], u[128];
	const struct fox_weight *embd = fox_model_weight(p->m, FOX_R_TOKEN_EMBD, 0);
	float row[D];
	fox_kernels()->decode[embd->type](row, embd->data + (uint64_t)id * embd->row_bytes, D);
	for (int i = 0; i < D; i++)
		x[i] = (double)row[i];
	for (uint32_t l = 0; l < h->n_layers; l++) {
		plain_norm(n, x, fox_model_weight(p->m, FOX_R_ATTN_NORM, l), (double)h->norm_eps);
		plain_mul(q, fox_model_weight(p->m, FOX_R_ATTN_Q, l), n);
		plain_mul(p->k[l][pos], fox_model_weight(p->m, FOX_R_ATTN_K, l), n);
		plain_mul(p->v[l][pos], fox_model_weight(p->m, FOX_R_ATTN_V, l), n);
		plain_rope(q, h, h->n_heads[l], pos);
		plain_rope(p->k[l][pos], h, h->n_kv_heads[l], pos);
		plain_attention(p, a, q, l, pos);
		plain_mul(t, fox_model_weight(p->m, FOX_R_ATTN_OUT, l), a);
		for (int i = 0; i < D; i++)
			x[i] += t[i];
		plain_norm(n, x, fox_model_weight(p->m, FOX_R_FFN_NORM, l), (double)h->norm_eps);
		plain_mul(g, fox_model_weight(p->m, FOX_R_FFN_GATE, l), n);
		plain_mul(u, fox_model_weight(p->m, FOX_R_FFN_UP, l), n);
		for (uint32_t i = 0; i < h->d_ff[l]; i++)
			g[i] = g[i] / (1 + exp(-g[i])) * u[i];
		plain_mul(t, fox_model_weight(p->m, FOX_R_FFN_DOWN, l), g);
		for (int i = 0; i < D; i++)
			hidden[l][i] = x[i] += t[i];
	}
	plain_norm(n, x, fox_model_weight(p->m, FOX_R_OUTPUT_NORM, 0), (double)h->norm_eps);
	plain_mul(logits, fox_model_weight(p->m, FOX_R_OUTPUT, 0), n);
}

static double nmse(const float *x, const double *want, size_t n)
{
	double mean = 0, err = 0, var = 0;
	for (size_t i = 0; i < n; i++)
		mean += want[i] / (double)n;
	for (size_t i = 0; i < n; i++) {
		err += ((double)x[i] - want[i]) * ((double)x[i] - want[i]);
		var += (want[i] - mean) * (want[i] - mean);
	}
	return err / var;
}

/* limit is for the logits as a whole; the worst single row of the stream is some ten times worse than the
 * mean, as random weights magnify a rounding of f32 (2^-24) about thirtyfold. A wrong eps, angle or scale
 * shows above 1e-8. */
static void against_plain(struct tiny t, enum fox_type kv, double limit)
{
	static struct plain p;
	static struct result r;
	static double logits[N][VOCAB], hidden[LAYERS][D];
	struct fox_model *m = model_of(t);
	p.m = m, p.h = fox_model_hparams(m);
	run_all(&r, m, (struct fox_session_options){.kv = kv}, 32);
	for (uint32_t i = 0; i < N; i++) {
		plain_token(&p, logits[i], hidden, ids[i], i);
		for (int l = 0; l < LAYERS; l++)
			assert_true(nmse(r.hidden[l][i], hidden[l], D) < 20 * limit);
	}
	double got = nmse(r.logits[0], logits[0], (size_t)N * VOCAB);
	assert_true(got < limit);
	/* and it is not the same by way of being constant: a rounding did happen */
	assert_true(got > 0);
	fox_model_close(m);
}

static void plain_double(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
	for (size_t i = 0; i < FOX_COUNT(types); i++) {
		struct tiny t = TINY;
		t.type = types[i];
		t.output = i % 2;
		against_plain(t, FOX_F32, 1e-12);
		against_plain(t, FOX_F16, 2e-6); /* 2^-12 per key and value, squared, magnified likewise */
	}
	struct tiny mqa = TINY, mha = TINY;
	mqa.kv_heads = 1, mha.kv_heads = 4;
	against_plain(mqa, FOX_F32, 1e-12);
	against_plain(mha, FOX_F32, 1e-12);
}

static void splits_and_threads(void **state)
{
	(void)state;
	static const struct {
		unsigned workers;
		uint32_t batch;
		size_t step;
	} ways[] = {
	    {0, 1, 1}, {0, 64, N}, {0, 7, N}, {1, 64, 13}, {2, 64, N}, {2, 3, 1}, {3, 5, 17}, {5, 128, N}};
	static struct result first, other;
	struct tiny t = TINY;
	t.d_model = D, t.ff = 128, t.heads = 2, t.kv_heads = 1; /* heads of 32, so that q8_0 fits */
	struct fox_model *m = model_of(t);
	for (int kv = 0; kv < FOX_KV_TYPES; kv++) {
		for (size_t i = 0; i < FOX_COUNT(ways); i++) {
			struct fox_pool *pool = ways[i].workers ? fox_pool_open(ways[i].workers) : NULL;
			struct fox_session_options o = {
			    .kv = fox_kv_types[kv], .pool = pool, .batch = ways[i].batch};
			run_all(i ? &other : &first, m, o, ways[i].step);
			if (i)
				assert_memory_equal(&first, &other, sizeof first);
			fox_pool_close(pool);
		}
	}
	fox_model_close(m);
}

/* A vocabulary so large that products are shared out between workers even for one row. */
static void threads_on_large_rows(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.vocab = 5000, t.layers = 1;
	struct fox_model *m = model_of(t);
	static float want[5000];
	for (unsigned w = 1; w < 6; w++) {
		struct fox_pool *pool = fox_pool_open(w);
		struct fox_session *s = session_of(m, (struct fox_session_options){.pool = pool, .kv = FOX_F16});
		assert_fox_ok(fox_session_step(s, ids, 9, NULL, &e), &e);
		if (w == 1)
			memcpy(want, fox_session_logits(s), sizeof want);
		assert_memory_equal(want, fox_session_logits(s), sizeof want);
		fox_session_close(s);
		fox_pool_close(pool);
	}
	fox_model_close(m);
}

static void last_only(void **state)
{
	(void)state;
	static struct result r;
	struct fox_err e = {0};
	struct fox_model *m = model_of(TINY);
	run_all(&r, m, (struct fox_session_options){0}, N);
	struct fox_session *s = session_of(m, (struct fox_session_options){.batch = 8});
	assert_null(fox_session_logits(s));
	assert_fox_ok(fox_session_step(s, ids, 50, NULL, &e), &e);
	assert_memory_equal(fox_session_logits(s), r.logits[49], sizeof r.logits[0]);
	fox_session_close(s);
	fox_model_close(m);
}

static void rewinds(void **state)
{
	(void)state;
	static struct result r;
	struct fox_err e = {0};
	struct fox_model *m = model_of(TINY);
	run_all(&r, m, (struct fox_session_options){0}, N);
	struct fox_session *s = session_of(m, (struct fox_session_options){0});
	const int32_t other[] = {5, 6, 7, 8, 9};
	assert_fox_ok(fox_session_step(s, ids, 40, NULL, &e), &e);
	assert_fox_ok(fox_session_rewind(s, 40, &e), &e);
	assert_non_null(fox_session_logits(s)); /* going nowhere keeps them */
	assert_fox_ok(fox_session_step(s, other, 5, NULL, &e), &e);
	assert_fox_ok(fox_session_rewind(s, 30, &e), &e);
	assert_null(fox_session_logits(s));
	assert_int_equal(fox_session_position(s), 30);
	assert_fox_ok(fox_session_step(s, ids + 30, 60, NULL, &e), &e);
	assert_memory_equal(fox_session_logits(s), r.logits[N - 1], sizeof r.logits[0]);
	assert_int_equal(fox_session_rewind(s, 91, &e), FOX_E_ARG);
	assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, "position 91 lies ahead of 90");
	fox_session_close(s);
	fox_model_close(m);
}

/* Windowed layers forget: the session goes where it can, and what it computes from there is right. */
static void rewinds_with_windows(void **state)
{
	(void)state;
	enum { LONG = 190 };
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.key = "llama.attention.sliding_window", t.key_value = 30;
	struct fox_model *m = model_of(t);
	int32_t all[LONG];
	for (int i = 0; i < LONG; i++)
		all[i] = ids[i % N];
	float want[VOCAB];
	struct fox_session *s = session_of(m, (struct fox_session_options){.batch = 8});
	assert_fox_ok(fox_session_step(s, all, LONG, NULL, &e), &e);
	memcpy(want, fox_session_logits(s), sizeof want);
	static const uint32_t asked[] = {189, 180, 160, 60, 0}, reached[] = {189, 180, 160, 0, 0};
	for (size_t i = 0; i < FOX_COUNT(asked); i++) {
		assert_fox_ok(fox_session_rewind(s, asked[i], &e), &e);
		uint32_t at = fox_session_position(s);
		assert_int_equal(at, reached[i]);
		assert_fox_ok(fox_session_step(s, all + at, LONG - at, NULL, &e), &e);
		assert_memory_equal(fox_session_logits(s), want, sizeof want);
	}
	fox_session_close(s);
	fox_model_close(m);
}

/* What two sequences share is run once; the last token is always left to run. */
static void reuse(void **state)
{
	(void)state;
	static struct result r;
	struct fox_err e = {0};
	struct fox_model *m = model_of(TINY);
	run_all(&r, m, (struct fox_session_options){0}, N);
	struct fox_session *s = session_of(m, (struct fox_session_options){0});
	assert_int_equal(fox_session_reuse(s, ids, N), 0);
	assert_fox_ok(fox_session_step(s, ids, 50, NULL, &e), &e);
	assert_int_equal(fox_session_reuse(s, ids, N), 50);
	assert_int_equal(fox_session_position(s), 50);
	assert_int_equal(fox_session_reuse(s, ids, 50), 49);
	int32_t other[N];
	memcpy(other, ids, sizeof other);
	other[20] ^= 1;
	assert_fox_ok(fox_session_step(s, ids + 49, 1, NULL, &e), &e);
	assert_int_equal(fox_session_reuse(s, other, N), 20);
	assert_fox_ok(fox_session_step(s, other + 20, 5, NULL, &e), &e);
	assert_int_equal(fox_session_reuse(s, ids, N), 20); /* what was forgotten does not count */
	assert_fox_ok(fox_session_step(s, ids + 20, N - 20, NULL, &e), &e);
	assert_memory_equal(fox_session_logits(s), r.logits[N - 1], sizeof r.logits[0]);
	assert_int_equal(fox_session_reuse(s, other, 1), 0);
	assert_int_equal(fox_session_position(s), 0);
	fox_session_close(s);
	fox_model_close(m);
}

/* The likeliest token in place of logits: the same that a look at all of them finds, among as many ids as are allowed. */
static void likeliest(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_session *s = session_of(m, (struct fox_session_options){.batch = 7});
	struct fox_session *t = session_of(m, (struct fox_session_options){.batch = 7, .share = s});
	struct fox_err e = {0};
	static const uint32_t among[] = {VOCAB, 5, 1, 60};
	for (size_t i = 0, at = 0; i < FOX_COUNT(among); i++, at += 20) {
		int32_t best = -9;
		assert_fox_ok(fox_session_step(s, ids + at, 20, NULL, &e), &e);
		const float *x = fox_session_logits(s);
		assert_fox_ok(fox_session_likeliest(t, ids + at, 20, among[i], &best, &e), &e);
		assert_null(fox_session_logits(t));
		assert_true(best >= 0 && (uint32_t)best < among[i]);
		for (uint32_t k = 0; k < among[i]; k++)
			assert_true(x[k] < x[best] || (x[k] == x[best] && (int32_t)k >= best));
	}
	assert_int_equal(fox_session_taken(s), 0); /* the weights are used where they are */
	fox_session_close(s);
	fox_session_close(t);
	fox_model_close(m);
}

static void names_backends(void **state)
{
	(void)state;
	char text[64], cut[3];
	struct fox_err e = {0};
	const struct fox_backend *b;
	assert_fox_ok(fox_backend_choose(&b, FOX_BACKEND_CPU, &e), &e);
	assert_ptr_equal(b, &fox_cpu_backend);
	fox_backend_describe(b, text, sizeof text);
	assert_string_equal(text, "cpu");
	fox_backend_describe(NULL, cut, sizeof cut);
	assert_string_equal(cut, "cp");
	assert_fox_ok(fox_backend_choose(&b, FOX_BACKEND_AUTO, &e), &e); /* whatever is there */
	assert_string_equal(fox_backend_names[FOX_BACKEND_AUTO], "auto");
	assert_string_equal(fox_backend_names[FOX_BACKEND_CUDA], fox_cuda_backend.name);
}

static void limits(void **state)
{
	(void)state;
	struct fox_model *m = model_of(TINY);
	struct fox_session *s = session_of(m, (struct fox_session_options){.n_ctx = 12});
	struct fox_err e = {0};
	assert_int_equal(fox_session_context(s), 12);
	assert_int_equal(fox_session_step(s, ids, 13, NULL, &e), FOX_E_BOUND);
	assert_fox_err(&e, FOX_E_BOUND, FOX_NOWHERE, "13 tokens at position 0 do not fit the context of 12");
	assert_int_equal(fox_session_position(s), 0);
	e = (struct fox_err){0};
	assert_fox_ok(fox_session_step(s, ids, 12, NULL, &e), &e);
	const float *before = fox_session_logits(s);
	assert_int_equal(fox_session_step(s, ids, 1, NULL, &e), FOX_E_BOUND);
	assert_fox_err(&e, FOX_E_BOUND, FOX_NOWHERE, "1 token at position 12 does not fit the context of 12");
	assert_ptr_equal(fox_session_logits(s), before); /* nothing has changed */
	e = (struct fox_err){0};
	assert_fox_ok(fox_session_rewind(s, 3, &e), &e);
	static const struct {
		int32_t id;
		const char *text;
	} bad[] = {{-1, "token id -1 is outside the vocabulary of 97"},
	    {97, "token id 97 is outside the vocabulary of 97"}};
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		const int32_t two[2] = {0, bad[i].id};
		e = (struct fox_err){0};
		assert_int_equal(fox_session_step(s, two, 2, NULL, &e), FOX_E_BOUND);
		assert_fox_err(&e, FOX_E_BOUND, FOX_NOWHERE, bad[i].text);
		assert_int_equal(fox_session_position(s), 3);
	}
	e = (struct fox_err){0};
	assert_int_equal(fox_session_step(s, ids, 0, NULL, &e), FOX_E_ARG);
	assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, "no tokens to run");
	fox_session_close(s);
	fox_session_close(NULL);
	fox_model_close(m);
}

static void bad_options(void **state)
{
	(void)state;
	static const struct {
		struct fox_session_options o;
		const char *text;
	} bad[] = {
	    {{.kv = FOX_Q4_0}, "a key-value cache is f32, f16, bf16 or q8_0"},
	    {{.kv = FOX_Q8_0}, "a key-value cache in q8_0 wants heads of a multiple of 32 elements, these have 16"},
	    {{.n_ctx = 3000000000u}, "a context of 3000000000 positions, want at most 2147483647"},
	    {{.batch = 100000}, "a batch of 100000 rows, want 1 to 65536"},
	};
	struct fox_model *m = model_of(TINY);
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		struct fox_err e = {0};
		struct fox_session *s;
		assert_int_equal(fox_session_open(&s, m, &bad[i].o, &e), FOX_E_ARG);
		assert_null(s);
		assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, bad[i].text);
	}
	fox_model_close(m);
}

/* The figures of Fox-1's shape: 65,536 bytes of f16 cache per position. */
static void memory(void **state)
{
	(void)state;
	static struct fox_hparams h = {.n_layers = 32,
	    .n_ctx = 8192,
	    .d_model = 2048,
	    .n_vocab = 256000,
	    .head_dim = 128,
	    .rope_dims = 128,
	    .rope_theta = 10000,
	    .norm_eps = 1e-5f};
	for (int l = 0; l < 32; l++)
		h.n_heads[l] = 16, h.n_kv_heads[l] = 4, h.d_ff[l] = 4096;
	struct fox_err e = {0};
	struct fox_memory mem;
	struct fox_session_options o = {.kv = FOX_F16};
	assert_fox_ok(fox_session_memory(&mem, &h, 3330543616u, &o, &e), &e);
	assert_true(mem.kv == 65536u * 8192u);
	assert_true(mem.logits == 1024000);
	/* 512 rows of x, n, t (2048), q, a (2048), k, v (512), g, u (4096), and of the widest in three bf16 parts (64 more elements
	 * a row); a panel; angles 2 x 64 x 8192; ids 8192. Attention's: of the
	 * worker 128 queries, their scores of a block and two numbers each, one block's keys and values, two states of 128; of
	 * all, 64 states of 16 heads; a key and a value. */
	uint64_t queries = 128 * 128 + 128 * 64 + 2 * 128, sums = 128 + 16;
	uint64_t attention = queries + 2 * 64 * 128 + 2 * 128 * sums + 64 * 16 * sums + 2 * 128;
	uint64_t scratch = 4 * (512 * (3 * 2048 + 2 * 2048 + 2 * 512 + 2 * 4096) + 2 * 64 * 8192 + 8192) + 8 * 64 +
	                   512 * 6 * (4096 + 64) + 64 * 4096 * 4 + 65536;
	assert_true(mem.scratch == scratch + 4 * attention);
	/* fast: bf16; 8 bits, 16 bits and 8 unsigned bits in rows of a multiple of 512; two times a scale for 32 and a sum for 16,
	 * once four scales for 32 */
	o.arith = FOX_ARITH_FAST;
	struct fox_memory fast;
	assert_fox_ok(fox_session_memory(&fast, &h, 3330543616u, &o, &e), &e);
	assert_true(fast.scratch == mem.scratch - 512 * 6 * 4160 +
	                                512 * (2 * 4160 + 4 * 4608 + 2 * (4608 / 32 * 4 + 4608 / 16 * 2) + 4608 / 32 * 16));
	o.arith = FOX_ARITH_EXACT;
	uint64_t before = mem.scratch;
	o.n_ctx = 65536; /* of what grows with the context there are angles and ids alone */
	assert_fox_ok(fox_session_memory(&mem, &h, 0, &o, &e), &e);
	assert_true(mem.scratch - before == (65536 - 8192) * (2 * 64 + 1) * 4ull);
	o.n_ctx = 8192, h.window = 1024;
	for (int l = 0; l < 32; l++)
		h.windowed[l] = l % 2;
	assert_fox_ok(fox_session_memory(&mem, &h, 3330543616u, &o, &e), &e);
	assert_true(mem.kv == 65536u / 2 * (8192u + 25 * 64)); /* a window and a batch touch 25 blocks */
	h.window = 0;
	assert_fox_ok(fox_session_memory(&mem, &h, 3330543616u, &o, &e), &e);
	assert_true(mem.total == 3330543616u + mem.kv + mem.scratch + mem.logits);
	o.kv = FOX_F32, o.n_ctx = 1;
	assert_fox_ok(fox_session_memory(&mem, &h, 0, &o, &e), &e);
	assert_true(mem.kv == 131072 * 64); /* a whole block */
	o.n_ctx = INT32_MAX;
	assert_fox_ok(fox_session_memory(&mem, &h, 0, &o, &e), &e);
	assert_true(mem.kv == (uint64_t)131072 * ((uint64_t)INT32_MAX + 1));
	for (int l = 0; l < 32; l++)
		h.n_kv_heads[l] = h.n_heads[l] = 1u << 30;
	assert_int_equal(fox_session_memory(&mem, &h, 0, &o, &e), FOX_E_BOUND);
	assert_fox_err(
	    &e, FOX_E_BOUND, FOX_NOWHERE, "the key-value cache of 2147483647 positions does not fit memory");
}

/* NaN in the weights: no crash, no hang, and the logits say so. */
static void not_a_number(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct tiny t = TINY;
	t.nan = "blk.1.attn_k.weight";
	struct fox_model *m = model_of(t);
	struct fox_session *s = session_of(m, (struct fox_session_options){.kv = FOX_F16});
	assert_fox_ok(fox_session_step(s, ids, N, NULL, &e), &e);
	assert_true(isnan(fox_session_logits(s)[0]));
	fox_session_close(s);
	fox_model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_double),
	    cmocka_unit_test(splits_and_threads),
	    cmocka_unit_test(threads_on_large_rows),
	    cmocka_unit_test(last_only),
	    cmocka_unit_test(rewinds),
	    cmocka_unit_test(rewinds_with_windows),
	    cmocka_unit_test(reuse),
	    cmocka_unit_test(likeliest),
	    cmocka_unit_test(names_backends),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(bad_options),
	    cmocka_unit_test(memory),
	    cmocka_unit_test(not_a_number),
	};
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
