/* t_search.c - searches: smaller errors than the format's own quantizers, in blocks that any reader decodes. */
#include "tests/test.h"

#include <math.h>

#include "kernels/feedback.h"
#include "kernels/search.h"

enum { COLS = 512, ROWS = 24, MAX_ROW_BYTES = COLS / 32 * 34 };

static const enum fox_type types[] = {FOX_Q4_0, FOX_Q4_1, FOX_Q5_0, FOX_Q5_1, FOX_Q8_0, FOX_Q2_K, FOX_Q3_K,
    FOX_Q4_K, FOX_Q5_K, FOX_Q6_K, FOX_IQ4_NL, FOX_IQ4_XS};

static float gaussian(uint64_t *seed)
{
	double sum = 0;
	for (int i = 0; i < 12; i++)
		sum += (double)(test_rand(seed) % 65536) / 65536;
	return (float)(sum - 6);
}

static size_t row_bytes(enum fox_type type)
{
	uint64_t n;
	assert_true(fox_type_row_bytes(type, COLS, &n));
	return (size_t)n;
}

/* sum of w * (decoded - x)^2 */
static double error_of(enum fox_type type, const void *blocks, const float *x, const float *w)
{
	float y[COLS];
	double sum = 0;
	fox_kernels()->decode[type](y, blocks, COLS);
	for (int i = 0; i < COLS; i++)
		sum += (w ? (double)w[i] : 1) * ((double)y[i] - (double)x[i]) * ((double)y[i] - (double)x[i]);
	return sum;
}

/* Least part of the encoder's error that the search must take away on Gaussian weights. */
static double least_gain(enum fox_type type)
{
	return type == FOX_Q4_K ? 0.05 : type == FOX_Q3_K ? 0.08 : 0.06;
}

static void wide_lowers_the_error(void **state)
{
	(void)state;
	uint64_t seed = 5;
	static float x[ROWS][COLS];
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < COLS; i++)
			x[r][i] = 0.02f * gaussian(&seed);
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		uint8_t plain[MAX_ROW_BYTES], wide[MAX_ROW_BYTES];
		double was = 0, is = 0;
		assert_true(fox_search_has(types[t]));
		for (int r = 0; r < ROWS; r++) {
			fox_kernels()->encode[types[t]](plain, x[r], COLS);
			fox_search_wide(types[t], wide, x[r], NULL, COLS);
			was += error_of(types[t], plain, x[r], NULL);
			is += error_of(types[t], wide, x[r], NULL);
		}
		if (!(is <= (1 - least_gain(types[t])) * was))
			fail_msg("%s: %g of %g", fox_type_info(types[t])->name, is, was);
	}
	assert_false(fox_search_has(FOX_F16));
	assert_false(fox_search_has(FOX_MXFP4));
}

static void wide_heeds_importance(void **state)
{
	(void)state;
	uint64_t seed = 6;
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		double was = 0, is = 0;
		for (int r = 0; r < 8; r++) {
			float x[COLS], w[COLS];
			uint8_t plain[MAX_ROW_BYTES], wide[MAX_ROW_BYTES];
			for (int i = 0; i < COLS; i++) {
				x[i] = 0.02f * gaussian(&seed);
				w[i] = expf(2 * gaussian(&seed));
			}
			if (fox_kernels()->encode_weighted[types[t]])
				fox_kernels()->encode_weighted[types[t]](plain, x, w, COLS);
			else
				fox_kernels()->encode[types[t]](plain, x, COLS);
			fox_search_wide(types[t], wide, x, w, COLS);
			was += error_of(types[t], plain, x, w);
			is += error_of(types[t], wide, x, w);
		}
		if (!(is < was))
			fail_msg("%s: %g of %g", fox_type_info(types[t])->name, is, was);
	}
}

/* Rows on which searches stumble: never worse than the encoder by more than rounding, never out of range. */
static void odd_rows(void **state)
{
	(void)state;
	uint64_t seed = 7;
	for (int kind = 0; kind < 10; kind++) {
		float x[COLS];
		for (int i = 0; i < COLS; i++) {
			float g = gaussian(&seed);
			x[i] = kind == 0   ? 0
			       : kind == 1 ? 0.25f
			       : kind == 2 ? -0.25f
			       : kind == 3 ? g * 1e-40f
			       : kind == 4 ? g * 1e4f
			       : kind == 5 ? (i == 77 ? 100.0f : g * 1e-3f)
			       : kind == 6 ? fabsf(g)
			       : kind == 7 ? -fabsf(g) - 1
			       : kind == 8 ? (i % 2 ? 1.0f : -1.0f)
			                   : (i / 32 % 2 ? g : 0);
		}
		for (size_t t = 0; t < FOX_COUNT(types); t++) {
			uint8_t plain[MAX_ROW_BYTES], wide[MAX_ROW_BYTES];
			fox_kernels()->encode[types[t]](plain, x, COLS);
			fox_search_wide(types[t], wide, x, NULL, COLS);
			double was = error_of(types[t], plain, x, NULL), is = error_of(types[t], wide, x, NULL);
			if (!(is <= was * (1 + 1e-6)))
				fail_msg("kind %d, %s: %g of %g", kind, fox_type_info(types[t])->name, is, was);
		}
	}
}

/* What is not finite goes the encoder's way. */
static void not_finite(void **state)
{
	(void)state;
	static const float odd[] = {NAN, INFINITY, -INFINITY};
	for (size_t t = 0; t < FOX_COUNT(types); t++)
		for (size_t k = 0; k < FOX_COUNT(odd); k++) {
			float x[COLS];
			uint8_t plain[MAX_ROW_BYTES], wide[MAX_ROW_BYTES];
			uint64_t seed = 8;
			for (int i = 0; i < COLS; i++)
				x[i] = gaussian(&seed);
			x[COLS - 3] = odd[k];
			fox_kernels()->encode[types[t]](plain, x, COLS);
			fox_search_wide(types[t], wide, x, NULL, COLS);
			size_t block = fox_type_info(types[t])->bytes, at = row_bytes(types[t]) - block;
			assert_memory_equal(plain + at, wide + at, block);
			assert_memory_not_equal(plain, wide, at);
		}
}

/* Inputs that share most of what they carry, so that columns can make up for each other. */
static void make_gram(float *gram, size_t n, uint64_t *seed)
{
	enum { SAMPLES = 700 };
	float *input = test_malloc(n * sizeof *input);
	memset(gram, 0, n * n * sizeof *gram);
	for (int s = 0; s < SAMPLES; s++) {
		float common = 2 * gaussian(seed);
		for (size_t i = 0; i < n; i++)
			input[i] = gaussian(seed) + common * (float)((int)(i % 5) - 2);
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++)
				gram[i * n + j] += input[i] * input[j];
	}
	test_free(input);
}

static void factor_is_of_the_inverse(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 7, 64, 65, 200};
	uint64_t seed = 9;
	for (size_t k = 0; k < FOX_COUNT(sizes); k++) {
		size_t n = sizes[k];
		float *gram = test_malloc(n * n * sizeof *gram), *f = test_malloc(n * n * sizeof *f),
		      *g = test_malloc(n * n * sizeof *g);
		make_gram(gram, n, &seed);
		assert_int_equal(fox_feedback_factor(f, gram, n, FOX_FEEDBACK_DAMP, NULL, NULL), FOX_OK);
		struct fox_pool *pool = fox_pool_open(3);
		assert_int_equal(fox_feedback_factor(g, gram, n, FOX_FEEDBACK_DAMP, pool, NULL), FOX_OK);
		fox_pool_close(pool);
		assert_memory_equal(f, g, n * n * sizeof *f);
		double mean = 0, worst = 0;
		for (size_t i = 0; i < n; i++)
			mean += (double)gram[i * (n + 1)] / (double)n;
		/* F A transpose(F) must be 1 */
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++) {
				double sum = 0;
				if (j < i)
					assert_true(f[i * n + j] == 0);
				for (size_t a = i; a < n; a++) {
					double inner = 0;
					for (size_t b = j; b < n; b++)
						inner += ((double)gram[a * n + b] + (a == b ? FOX_FEEDBACK_DAMP * mean : 0)) *
						         (double)f[j * n + b];
					sum += (double)f[i * n + a] * inner;
				}
				worst = fmax(worst, fabs(sum - (i == j)));
			}
		assert_true(worst < 1e-4);
		test_free(gram);
		test_free(f);
		test_free(g);
	}
	float none[9] = {0}, one[9], bad[4] = {1, 2, 2, 1};
	assert_int_equal(fox_feedback_factor(one, none, 3, FOX_FEEDBACK_DAMP, NULL, NULL), FOX_OK);
	for (int i = 0; i < 9; i++)
		assert_true(one[i] == (i % 4 == 0));
	assert_int_equal(fox_feedback_factor(one, bad, 2, FOX_FEEDBACK_DAMP, NULL, NULL), FOX_E_MISMATCH);
	bad[0] = NAN;
	assert_int_equal(fox_feedback_factor(one, bad, 2, FOX_FEEDBACK_DAMP, NULL, NULL), FOX_E_MISMATCH);
}

/* sum over rows of r gram transpose(r), r the rows' errors: what the product loses. */
static double loss_of(
    enum fox_type type, const uint8_t *blocks, const float *x, size_t n_rows, const float *gram)
{
	double sum = 0;
	for (size_t r = 0; r < n_rows; r++) {
		float y[COLS];
		fox_kernels()->decode[type](y, blocks + r * row_bytes(type), COLS);
		for (int i = 0; i < COLS; i++)
			y[i] -= x[r * COLS + (size_t)i];
		for (int i = 0; i < COLS; i++)
			for (int j = 0; j < COLS; j++)
				sum += (double)y[i] * (double)gram[i * COLS + j] * (double)y[j];
	}
	return sum;
}

static void feedback_lowers_the_loss(void **state)
{
	(void)state;
	enum { N = 11 }; /* more than a panel, and no whole number of them */
	uint64_t seed = 10;
	float *gram = test_malloc(COLS * COLS * sizeof *gram), *f = test_malloc(COLS * COLS * sizeof *f);
	float *x = test_malloc(N * COLS * sizeof *x), *work = test_malloc(FOX_SEARCH_ROWS * COLS * sizeof *work);
	make_gram(gram, COLS, &seed);
	for (int i = 0; i < N * COLS; i++)
		x[i] = 0.02f * gaussian(&seed);
	assert_int_equal(fox_feedback_factor(f, gram, COLS, FOX_FEEDBACK_DAMP, NULL, NULL), FOX_OK);
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		static uint8_t wide[N * MAX_ROW_BYTES], fed[N * MAX_ROW_BYTES], alone[N * MAX_ROW_BYTES];
		size_t bytes = row_bytes(types[t]);
		fox_search_wide(types[t], wide, x, NULL, N * COLS);
		fox_search_feedback(types[t], fed, x, N, COLS, f, work);
		double was = loss_of(types[t], wide, x, N, gram), is = loss_of(types[t], fed, x, N, gram);
		if (!(is < 0.8 * was))
			fail_msg("%s: %g of %g", fox_type_info(types[t])->name, is, was);
		for (size_t r = 0; r < N; r++)
			fox_search_feedback(types[t], alone + r * bytes, x + r * COLS, 1, COLS, f, work);
		assert_memory_equal(fed, alone, N * bytes);
	}
	test_free(gram);
	test_free(f);
	test_free(x);
	test_free(work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wide_lowers_the_error),
	    cmocka_unit_test(wide_heeds_importance),
	    cmocka_unit_test(odd_rows),
	    cmocka_unit_test(not_finite),
	    cmocka_unit_test(factor_is_of_the_inverse),
	    cmocka_unit_test(feedback_lowers_the_loss),
	};
	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
