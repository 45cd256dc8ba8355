/* t_sample.c - the choice of tokens: edges exactly, distributions by chi-square with fixed seeds. */
#include "tests/test.h"

#include <math.h>

#include "runtime/sample.h"

static struct fox_sampler *open_ok(struct fox_sample_options o, uint32_t n)
{
	struct fox_err e = {0};
	struct fox_sampler *s;
	assert_fox_ok(fox_sampler_open(&s, &o, n, &e), &e);
	return s;
}

static void rng_vectors(void **state)
{
	(void)state;
	/* seed 1234567: the published test vector of SplitMix64 */
	uint64_t s = 1234567;
	assert_true(fox_rng_next(&s) == 6457827717110365317u);
	assert_true(fox_rng_next(&s) == 3203168211198807973u);
	assert_true(fox_rng_next(&s) == 9817491932198370423u);
}

static void greedy(void **state)
{
	(void)state;
	struct fox_sampler *s = open_ok((struct fox_sample_options){.top_p = 1}, 6);
	const float ties[6] = {1, 3, 2, 3, -INFINITY, 3};
	assert_int_equal(fox_sampler_next(s, ties), 1); /* equal logits: the lowest id */
	const float nans[6] = {NAN, -5, NAN, -4, -INFINITY, NAN};
	assert_int_equal(fox_sampler_next(s, nans), 3);
	const float inf[6] = {1, 2, INFINITY, 3, INFINITY, 4};
	assert_int_equal(fox_sampler_next(s, inf), 2);
	const float none[6] = {NAN, NAN, -INFINITY, NAN, -INFINITY, NAN};
	assert_int_equal(fox_sampler_next(s, none), -1);
	fox_sampler_close(s);
	fox_sampler_close(NULL);
}

static void hard_logits_with_temperature(void **state)
{
	(void)state;
	struct fox_sampler *s = open_ok((struct fox_sample_options){.temperature = 1, .top_p = 1, .seed = 3}, 4);
	const float inf[4] = {1, INFINITY, NAN, INFINITY}, none[4] = {NAN, NAN, NAN, NAN};
	const float one[4] = {NAN, -INFINITY, -80, NAN};
	assert_int_equal(fox_sampler_next(s, inf), 1);
	assert_int_equal(fox_sampler_next(s, none), -1);
	for (int i = 0; i < 50; i++)
		assert_int_equal(fox_sampler_next(s, one), 2);
	fox_sampler_close(s);
	/* a temperature so low that every other weight underflows */
	s = open_ok((struct fox_sample_options){.temperature = 1e-30f, .top_p = 1, .seed = 3}, 4);
	const float near[4] = {1, 1.0001f, 1, 1};
	for (int i = 0; i < 50; i++)
		assert_int_equal(fox_sampler_next(s, near), 1);
	fox_sampler_close(s);
}

/* Draw often and compare with the wanted probabilities: chi-square below its 99.99 % point for 9 degrees
 * (33.7). */
static void distribution(struct fox_sample_options o, const float *logits, const double *want, uint32_t n)
{
	enum { DRAWS = 100000 };
	uint32_t count[16] = {0};
	struct fox_sampler *s = open_ok(o, n);
	for (int i = 0; i < DRAWS; i++) {
		int32_t id = fox_sampler_next(s, logits);
		assert_in_range(id, 0, n - 1);
		count[id]++;
	}
	double chi = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (want[i] == 0)
			assert_int_equal(count[i], 0);
		else
			chi += pow(count[i] - want[i] * DRAWS, 2) / (want[i] * DRAWS);
	}
	assert_true(chi < 33.7);
	fox_sampler_close(s);
}

static const float logits[10] = {0.5f, 2, -1, 1.5f, 0, 2, -3, 1, 0.25f, -0.5f};
/* ids from likeliest to least; of the equal 1 and 5 the lower first */
static const int order[10] = {1, 5, 3, 7, 0, 8, 4, 9, 2, 6};

/* Probabilities when the first `keep` of the order stay. */
static void wanted(double *p, double temperature, int keep)
{
	double sum = 0;
	memset(p, 0, 10 * sizeof *p);
	for (int i = 0; i < keep; i++)
		sum += p[order[i]] = exp((double)logits[order[i]] / temperature);
	for (int i = 0; i < 10; i++)
		p[i] /= sum;
}

static void distributions(void **state)
{
	(void)state;
	double p[10];
	wanted(p, 1, 10);
	distribution((struct fox_sample_options){1, 0, 1, 11}, logits, p, 10);
	distribution((struct fox_sample_options){1, 10, 1, 12}, logits, p, 10);
	distribution((struct fox_sample_options){1, 4000000000u, 1, 13}, logits, p, 10);
	wanted(p, 0.5, 10);
	distribution((struct fox_sample_options){0.5f, 0, 1, 14}, logits, p, 10);
	wanted(p, 2, 3);
	distribution((struct fox_sample_options){2, 3, 1, 15}, logits, p, 10);
	wanted(p, 1, 1);
	distribution((struct fox_sample_options){1, 1, 1, 16}, logits, p, 10);
	distribution((struct fox_sample_options){1, 0, 0, 17}, logits, p, 10);
	distribution((struct fox_sample_options){1, 5, 0, 18}, logits, p, 10);
}

/* top-p: the fewest whose probability reaches p; p just below and just above a boundary. */
static void top_p(void **state)
{
	(void)state;
	double all[10], p[10], reach = 0;
	wanted(all, 1, 10);
	for (int keep = 1; keep <= 6; keep++) {
		reach += all[order[keep - 1]];
		wanted(p, 1, keep);
		distribution(
		    (struct fox_sample_options){1, 0, (float)(reach - 1e-4), 20 + (uint64_t)keep}, logits, p, 10);
		wanted(p, 1, keep + 1);
		distribution(
		    (struct fox_sample_options){1, 0, (float)(reach + 1e-4), 30 + (uint64_t)keep}, logits, p, 10);
	}
	/* after top-k the probabilities are those within the k: of 2 equal ones, 0.5 - e keeps one, 0.5 + e both
	 */
	wanted(p, 1, 1);
	distribution((struct fox_sample_options){1, 2, 0.499f, 40}, logits, p, 10);
	wanted(p, 1, 2);
	distribution((struct fox_sample_options){1, 2, 0.501f, 41}, logits, p, 10);
}

static void seeds(void **state)
{
	(void)state;
	int32_t first[64];
	struct fox_sample_options o = {1, 0, 1, 7};
	for (int turn = 0; turn < 3; turn++) {
		o.seed = turn == 2 ? 8 : 7;
		struct fox_sampler *s = open_ok(o, 10);
		int same = 0;
		for (int i = 0; i < 64; i++) {
			int32_t id = fox_sampler_next(s, logits);
			same += turn && id == first[i];
			first[i] = turn ? first[i] : id;
		}
		assert_true(turn == 0 || (turn == 1 ? same == 64 : same < 40));
		fox_sampler_close(s);
	}
}

/* The heap against a plain sort, at a real vocabulary's size. */
static void large(void **state)
{
	(void)state;
	enum { N = 256000 };
	float *l = malloc(N * sizeof *l);
	uint64_t seed = 5;
	assert_non_null(l);
	for (int i = 0; i < N; i++)
		l[i] = (float)(test_rand(&seed) % 4096) / 256; /* many ties */
	float top = 0;
	for (int i = 0; i < N; i++)
		top = l[i] > top ? l[i] : top;
	int first[8], n = 0;
	for (int i = 0; i < N && n < 8; i++)
		if (l[i] == top)
			first[n++] = i;
	assert_int_equal(n, 8);
	struct fox_sampler *s = open_ok((struct fox_sample_options){1, 8, 1, 9}, N);
	uint32_t seen = 0;
	for (int i = 0; i < 400; i++) {
		int32_t id = fox_sampler_next(s, l), k = 0;
		while (k < 8 && first[k] != id)
			k++;
		assert_true(k < 8);
		seen |= 1u << k;
	}
	assert_int_equal(seen, 255);
	fox_sampler_close(s);
	free(l);
}

static void bad_options(void **state)
{
	(void)state;
	struct {
		struct fox_sample_options o;
		uint32_t n;
		const char *text;
	} bad[] = {
	    {{-0.5f, 0, 1, 0}, 4, "temperature -0.5, want 0 or more"},
	    {{INFINITY, 0, 1, 0}, 4, "temperature inf, want 0 or more"},
	    {{1, 0, 1.5f, 0}, 4, "top-p 1.5, want 0 to 1"},
	    {{1, 0, -0.25f, 0}, 4, "top-p -0.25, want 0 to 1"},
	    {{1, 0, 1, 0}, 0, "a vocabulary of 0 tokens to choose from"},
	};
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		struct fox_err e = {0};
		struct fox_sampler *s;
		assert_int_equal(fox_sampler_open(&s, &bad[i].o, bad[i].n, &e), FOX_E_ARG);
		assert_null(s);
		assert_fox_err(&e, FOX_E_ARG, FOX_NOWHERE, bad[i].text);
	}
	struct fox_sampler *s;
	assert_int_equal(fox_sampler_open(&s, &(struct fox_sample_options){NAN, 0, 1, 0}, 4, NULL), FOX_E_ARG);
	assert_int_equal(fox_sampler_open(&s, &(struct fox_sample_options){1, 0, NAN, 0}, 4, NULL), FOX_E_ARG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rng_vectors),
	    cmocka_unit_test(greedy),
	    cmocka_unit_test(hard_logits_with_temperature),
	    cmocka_unit_test(distributions),
	    cmocka_unit_test(top_p),
	    cmocka_unit_test(seeds),
	    cmocka_unit_test(large),
	    cmocka_unit_test(bad_options),
	};
	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
