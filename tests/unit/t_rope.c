/* t_rope.c - rotary frequencies of every kind of scaling against numbers worked out by hand, and as a device takes them. */
#include "tests/test.h"

#include <math.h>

#include "runtime/cpu_exec.h"
#include "runtime/rope.h"

enum { DIMS = 16, PAIRS = DIMS / 2 };

static struct fox_hparams sizes(void)
{
	struct fox_hparams h = {.n_layers = 2,
	    .n_ctx = 4096,
	    .d_model = 64,
	    .n_vocab = 10,
	    .head_dim = DIMS,
	    .rope_dims = DIMS,
	    .rope_theta = 10000,
	    .norm_eps = 1e-5f};
	for (int l = 0; l < 2; l++)
		h.n_heads[l] = 4, h.n_kv_heads[l] = 2, h.d_ff[l] = 96;
	return h;
}

static bool is(double got, double want)
{
	return fabs(got - want) <= 1e-14 * fabs(want);
}

/* Each frequency, the multiplier, and that nothing is written behind the last pair. */
static void check(
    const struct fox_hparams *h, bool local, const float *table, const double *want, double multiplier)
{
	double f[DIMS];
	uint32_t pairs = h->rope_dims / 2;
	f[pairs] = -7;
	double got = fox_rope_frequencies(f, h, local, table);
	if (!is(got, multiplier))
		fail_msg("the multiplier is %.17g, want %.17g", got, multiplier);
	for (uint32_t i = 0; i < pairs; i++)
		if (!is(f[i], want[i]))
			fail_msg("frequency %u is %.17g, want %.17g", i, f[i], want[i]);
	assert_true(f[pairs] == -7);
}

#define R 0.31622776601683794 /* 1 / sqrt(10) */

/* 10000^(-2 i / 16) is the square root of 10 to the power -i. */
static void plain(void **state)
{
	(void)state;
	static const double want[PAIRS] = {1, R, 0.1, 0.1 * R, 0.01, 0.01 * R, 0.001, 0.001 * R};
	struct fox_hparams h = sizes();
	check(&h, false, NULL, want, 1);
	/* a part of the head: the exponent counts the part's elements */
	static const double part[2] = {1, 0.01};
	h.rope_dims = 4;
	check(&h, false, NULL, part, 1);
	/* nothing is rotated */
	h.rope_dims = 0;
	check(&h, false, NULL, NULL, 1);
}

static void linear(void **state)
{
	(void)state;
	static const double want[PAIRS] = {0.4, 0.4 * R, 0.04, 0.04 * R, 0.004, 0.004 * R, 0.0004, 0.0004 * R};
	struct fox_hparams h = sizes();
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LINEAR, .factor = 2.5f};
	check(&h, false, NULL, want, 1);
}

/*
 * Over 1024 positions pair i turns 1024 f_i / 2 pi times: 32 times at i = 8 ln(1024 / 64 pi) / ln 10000 = 1.41, once at
 * 4.42. The ramp goes from 1 to 5: a quarter of pair 2 is divided by 4, a half of pair 3, three quarters of pair 4.
 */
static void yarn(void **state)
{
	(void)state;
	static const double want[PAIRS] = {1, R, 0.1 * 0.8125, 0.1 * R * 0.625, 0.01 * 0.4375, 0.0025 * R,
	    0.00025, 0.00025 * R},
	                    multiplier = 1.1386294361119891; /* 1 + 0.1 ln 4 */
	struct fox_hparams h = sizes();
	h.rope = (struct fox_rope){.kind = FOX_SCALE_YARN, .factor = 4, .orig_ctx = 1024};
	check(&h, false, NULL, want, multiplier);
	h.rope.beta_fast = 32, h.rope.beta_slow = 1; /* as when nobody says */
	check(&h, false, NULL, want, multiplier);
	h.rope.attn_factor = 0.5f;
	check(&h, false, NULL, want, 0.5 * multiplier);

	/* 10^6: pair i is 10^(-3 i / 4). Over 32768 positions 16 turns at 3.35, 2 at 4.56: from 3 to 5 */
	h.rope_theta = 1000000;
	h.rope = (struct fox_rope){
	    .kind = FOX_SCALE_YARN, .factor = 4, .orig_ctx = 32768, .beta_fast = 16, .beta_slow = 2};
	static const double wide[PAIRS] = {1, 0.17782794100389228, 0.1 * R, 0.0056234132519034910, 0.001 * 0.625,
	    0.00017782794100389228 / 4, 0.0001 * R / 4, 5.6234132519034908e-6 / 4};
	check(&h, false, NULL, wide, multiplier);

	/* a factor of at most 1 does not change the size of scores */
	static const double twice[PAIRS] = {
	    1, R, 0.1 * 1.25, 0.1 * R * 1.5, 0.01 * 1.75, 0.02 * R, 0.002, 0.002 * R};
	h = sizes();
	h.rope = (struct fox_rope){.kind = FOX_SCALE_YARN, .factor = 0.5f, .orig_ctx = 1024};
	check(&h, false, NULL, twice, 1);

	/* five positions are less than one turn of the fastest pair: both ends of the ramp are 0, all others are stretched */
	static const double step[PAIRS] = {1, R / 4, 0.025, 0.025 * R, 0.0025, 0.0025 * R, 0.00025, 0.00025 * R};
	h.rope = (struct fox_rope){.kind = FOX_SCALE_YARN, .factor = 4, .orig_ctx = 5};
	check(&h, false, NULL, step, multiplier);
}

/* Fast waves kept, slow ones through 8, one between: as t_hf_rope.c derives the table. */
static void llama3(void **state)
{
	(void)state;
	static const float table[4] = {1, 1, 3.25f, 8};
	static const double want[4] = {1, 0.1, 0.01 / 3.25, 0.001 / 8};
	struct fox_hparams h = sizes();
	h.rope_dims = h.head_dim = 8;
	h.rope.kind = FOX_SCALE_LLAMA3;
	check(&h, false, table, want, 1);
	/* a container of a family with the table and no key for it */
	h.rope.kind = FOX_SCALE_NONE;
	check(&h, false, table, want, 1);
}

static void longrope(void **state)
{
	(void)state;
	static const float table[4] = {1, 1.25f, 2, 64};
	static const double want[4] = {1, 0.08, 0.005, 0.001 / 64};
	struct fox_hparams h = sizes();
	h.rope_dims = 8;
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 1024, .attn_factor = 1.1875f};
	check(&h, false, table, want, 1.1875);
	h.rope.attn_factor = 0;
	check(&h, false, table, want, 1);
}

/* Layers with a base of their own: neither factor nor table nor multiplier. */
static void local(void **state)
{
	(void)state;
	static const float table[PAIRS] = {2, 2, 2, 2, 2, 2, 2, 2};
	static const double want[PAIRS] = {1, R, 0.1, 0.1 * R, 0.01, 0.01 * R, 0.001, 0.001 * R};
	static const enum fox_rope_scaling kinds[] = {
	    FOX_SCALE_LINEAR, FOX_SCALE_YARN, FOX_SCALE_LONGROPE, FOX_SCALE_LLAMA3};
	struct fox_hparams h = sizes();
	h.rope_theta = 1000000, h.rope_theta_local = 10000;
	for (size_t i = 0; i < FOX_COUNT(kinds); i++) {
		h.rope = (struct fox_rope){.kind = kinds[i], .factor = 8, .orig_ctx = 1024, .attn_factor = 2};
		check(&h, true, table, want, 1);
	}
}

/* ---- what a session makes of them */

static struct fox_dev *device(const struct fox_graph *g, const struct fox_hparams *h, uint32_t n_ctx)
{
	struct fox_err err = {0};
	struct fox_dev *d;
	struct fox_dev_ask ask = {.graph = g, .hparams = h, .n_ctx = n_ctx, .batch = 4, .kv = FOX_F32};
	assert_fox_ok(fox_cpu_backend.open(&d, &ask, &err), &err);
	return d;
}

/* One table within the original context, the other beyond; by the session's length, not the position. */
static void long_and_short(void **state)
{
	(void)state;
	static const float lo[PAIRS] = {4, 4, 4, 4, 4, 4, 4, 4}, sh[PAIRS] = {2, 2, 2, 2, 2, 2, 2, 2};
	struct fox_hparams h = sizes();
	struct fox_graph g = {.traits = fox_arch_phi3.traits, .factors_long = lo, .factors_short = sh};
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 64, .attn_factor = 1.5f};
	fox_graph_widths(&g, &h);
	static const struct {
		uint32_t n_ctx;
		double first;
	} cases[] = {{1, 0.5}, {64, 0.5}, {65, 0.25}, {4096, 0.25}};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_dev *d = device(&g, &h, cases[i].n_ctx);
		assert_true(is(d->inv_freq[0][0], cases[i].first));
		assert_true(d->multiplier[0] == 1.5);
		assert_null(d->inv_freq[1]);
		fox_cpu_backend.close(d);
	}
}

/* The elements of a head after fox_cpu_rope at position 1000 + row, as double arithmetic has them. */
static void check_rotation(
    struct fox_dev *d, uint32_t layer, bool adjacent, double theta, double divisor, double times)
{
	enum { ROWS = 3, HEADS = 4 };
	const struct fox_hparams *h = d->ask.hparams;
	struct fox_batch s = {.n = ROWS, .pos = 1000};
	struct fox_op op = {
	    .code = FOX_OP_ROPE, .dst = FOX_S_Q, .a = FOX_S_Q, .layer = (uint16_t)layer, .n = HEADS};
	uint32_t dim = h->head_dim, pairs = h->rope_dims / 2;
	float x[ROWS * HEADS * DIMS], *q = d->slot[FOX_S_Q];
	uint64_t seed = layer + 1;
	for (size_t i = 0; i < FOX_COUNT(x); i++)
		x[i] = q[i] = (float)test_rand(&seed) / 2147483648.0f - 0.5f;
	d->s = &s, d->rows = ROWS;
	fox_cpu_angles(d, s.pos + ROWS);
	fox_cpu_rope(d, &op);
	for (uint32_t r = 0; r < ROWS; r++)
		for (uint32_t k = 0; k < HEADS; k++)
			for (uint32_t i = 0; i < dim; i++) {
				const float *head = x + (r * HEADS + k) * dim;
				double want = (double)head[i];
				if (i < 2 * pairs) {
					uint32_t p = adjacent ? i / 2 : i % pairs, second = adjacent ? i % 2 : i / pairs;
					double angle = (s.pos + r) * pow(theta, -2.0 * p / h->rope_dims) / divisor;
					double a = (double)head[adjacent ? 2 * p : p],
					       b = (double)head[adjacent ? 2 * p + 1 : p + pairs];
					want =
					    times * (second ? a * sin(angle) + b * cos(angle) : a * cos(angle) - b * sin(angle));
				}
				assert_true(fabs((double)q[(r * HEADS + k) * dim + i] - want) < 2e-7);
			}
}

/* Whole heads and parts of them, by pairs and by halves, layers with a base of their own. */
static void rotation(void **state)
{
	(void)state;
	struct fox_hparams h = sizes();
	struct fox_graph g = {.traits = fox_arch_llama.traits};
	fox_graph_widths(&g, &h);
	for (int halves = 0; halves < 2; halves++)
		for (uint32_t dims = 4; dims <= DIMS; dims += 12) {
			g.traits.rope = halves ? FOX_ROPE_HALVES : FOX_ROPE_PAIRS;
			h.rope_dims = dims;
			struct fox_dev *d = device(&g, &h, 1100);
			check_rotation(d, 0, !halves, 10000, 1, 1);
			fox_cpu_backend.close(d);
		}
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LINEAR, .factor = 8};
	h.rope_theta_local = 500;
	h.window = 32, h.windowed[1] = true;
	struct fox_dev *d = device(&g, &h, 1100);
	check_rotation(d, 0, false, 10000, 8, 1);
	check_rotation(d, 1, false, 500, 1, 1);
	fox_cpu_backend.close(d);
	static const float table[PAIRS] = {4, 4, 4, 4, 4, 4, 4, 4};
	h.rope = (struct fox_rope){.kind = FOX_SCALE_LONGROPE, .orig_ctx = 64, .attn_factor = 1.5f};
	g.factors_long = g.factors_short = table;
	d = device(&g, &h, 1100);
	check_rotation(d, 0, false, 10000, 4, 1.5);
	check_rotation(d, 1, false, 500, 1, 1);
	fox_cpu_backend.close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain),
	    cmocka_unit_test(linear),
	    cmocka_unit_test(yarn),
	    cmocka_unit_test(llama3),
	    cmocka_unit_test(longrope),
	    cmocka_unit_test(local),
	    cmocka_unit_test(long_and_short),
	    cmocka_unit_test(rotation),
	};
	return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
