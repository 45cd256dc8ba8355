/* t_stats.c - a tensor's values in every type and byte order, their statistics, the distance between two tensors. */
#include "tests/test.h"

#include <math.h>

#include "format/base/num.h"
#include "inspect/values.h"
#include "kernels/kernels.h"

/* A tensor over bytes that the caller keeps. */
static struct fox_tensor over(enum fox_type type, const void *bytes, uint64_t n)
{
	const struct fox_type_info *info = fox_type_info(type);
	struct fox_tensor t = {.name = {"t", 1}, .type = type, .n_dims = 1, .dim = {n, 1, 1, 1}, .n_elems = n};
	t.data = (struct fox_span){bytes, n / info->elems * info->bytes};
	return t;
}

static void swap_all(void *p, size_t size, size_t n)
{
	uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < size / 2; k++) {
			uint8_t keep = b[i * size + k];
			b[i * size + k] = b[i * size + size - 1 - k];
			b[i * size + size - 1 - k] = keep;
		}
}

static void test_small(void **state)
{
	static const float v[] = {-2, 0, 1, 3, NAN, INFINITY, -INFINITY, -0.0f};
	struct fox_tensor t = over(FOX_F32, v, FOX_COUNT(v));
	struct fox_stats s;
	struct fox_err err = {0};
	(void)state;
	assert_fox_ok(fox_values_readable(&t, false, &err), &err);
	fox_values_stats(&t, false, &s);
	assert_int_equal(s.n, 8);
	assert_int_equal(s.zeros, 2);
	assert_int_equal(s.nans, 1);
	assert_int_equal(s.infs, 2);
	assert_int_equal(s.negative, 1);
	assert_true(s.min == -2 && s.max == 3);
	assert_true(s.mean == 2.0 / 5);
	assert_true(s.rms == sqrt(14.0 / 5));
	assert_int_equal(s.bin[0], 1);                   /* -2 */
	assert_int_equal(s.bin[6], 2);                   /* the zeros: 2 / (5 / 16) = 6.4 */
	assert_int_equal(s.bin[9], 1);                   /* 1: 9.6 */
	assert_int_equal(s.bin[FOX_VALUES_BINS - 1], 1); /* 3, the maximum itself */
}

static void test_nothing_finite(void **state)
{
	static const float v[] = {NAN, INFINITY};
	struct fox_tensor t = over(FOX_F32, v, FOX_COUNT(v));
	struct fox_stats s;
	(void)state;
	fox_values_stats(&t, false, &s);
	assert_true(isnan(s.min) && isnan(s.max) && isnan(s.mean) && isnan(s.rms));
	for (size_t i = 0; i < FOX_VALUES_BINS; i++)
		assert_int_equal(s.bin[i], 0);
}

static void test_constant(void **state)
{
	static const double v[] = {1.5, 1.5, 1.5};
	struct fox_tensor t = over(FOX_F64, v, FOX_COUNT(v));
	struct fox_stats s;
	(void)state;
	fox_values_stats(&t, false, &s);
	assert_true(s.min == 1.5 && s.max == 1.5 && s.mean == 1.5 && s.rms == 1.5);
	assert_int_equal(s.bin[0], 3);
}

/* More than one chunk, with a tail; sums against a plain loop in long double. */
static void test_many(void **state)
{
	const size_t n = 3 * FOX_VALUES_CHUNK + 17;
	float *v = malloc(n * sizeof *v);
	uint64_t seed = 3;
	long double sum = 0, squares = 0;
	(void)state;
	assert_non_null(v);
	for (size_t i = 0; i < n; i++) {
		v[i] = (float)test_rand(&seed) / 1e9f - 1;
		sum += (long double)v[i];
		squares += (long double)v[i] * (long double)v[i];
	}
	struct fox_tensor t = over(FOX_F32, v, n);
	struct fox_stats s;
	fox_values_stats(&t, false, &s);
	assert_true(fabs(s.mean - (double)(sum / (long double)n)) < 1e-14);
	assert_true(fabs(s.rms - sqrt((double)(squares / (long double)n))) < 1e-14);
	uint64_t binned = 0;
	for (size_t i = 0; i < FOX_VALUES_BINS; i++)
		binned += s.bin[i];
	assert_int_equal(binned, n);
	double chunk[FOX_VALUES_CHUNK];
	assert_int_equal(fox_values_read(&t, false, 3 * FOX_VALUES_CHUNK, chunk), 17);
	for (size_t i = 0; i < 17; i++)
		assert_true(chunk[i] == (double)v[3 * FOX_VALUES_CHUNK + i]);
	free(v);
}

/* Every type that has values here, little-endian and big-endian: the same numbers. */
static void test_types(void **state)
{
	static const struct {
		enum fox_type type;
		size_t size;
	} types[] = {{FOX_F32, 4}, {FOX_F16, 2}, {FOX_BF16, 2}, {FOX_F64, 8}, {FOX_I8, 1}, {FOX_I16, 2},
	    {FOX_I32, 4}, {FOX_I64, 8}};
	static const double want[] = {-3, -1, 0, 1, 2, 100};
	const size_t n = FOX_COUNT(want);
	(void)state;
	for (size_t k = 0; k < FOX_COUNT(types); k++) {
		uint8_t bytes[sizeof want];
		float f[FOX_COUNT(want)];
		double got[FOX_VALUES_CHUNK];
		for (size_t i = 0; i < n; i++) {
			uint64_t whole = (uint64_t)(int64_t)want[i];
			f[i] = (float)want[i];
			if (types[k].type == FOX_F64)
				memcpy(bytes + 8 * i, &want[i], 8);
			else
				memcpy(bytes + types[k].size * i, &whole, types[k].size);
		}
		if (fox_kernels()->encode[types[k].type])
			fox_kernels()->encode[types[k].type](bytes, f, n);
		for (int big = 0; big < 2; big++) {
			struct fox_tensor t = over(types[k].type, bytes, n);
			struct fox_err err = {0};
			assert_fox_ok(fox_values_readable(&t, big, &err), &err);
			assert_int_equal(fox_values_read(&t, big, 0, got), n);
			for (size_t i = 0; i < n; i++)
				assert_true(got[i] == want[i]);
			swap_all(bytes, types[k].size, n);
		}
	}
}

/* Block types, little-endian and as a big-endian file holds them: 16-bit numbers swapped, where there are some. */
static void test_blocks(void **state)
{
	static const struct {
		enum fox_type type;
		size_t n_words, at[2];
		double bound; /* how far a weight may be from what it was */
	} t[] = {
	    {FOX_Q4_0, 1, {0, 0}, 0.6},
	    {FOX_Q8_0, 1, {0, 0}, 43.0 / 8 / 127},
	    {FOX_Q4_K, 2, {0, 2}, 0.4},
	    {FOX_Q6_K, 1, {208, 0}, 0.2},
	    {FOX_MXFP4, 0, {0, 0}, 1.5},
	    {FOX_NVFP4, 0, {0, 0}, 1.0},
	};
	float f[512];
	double little[FOX_VALUES_CHUNK], big[FOX_VALUES_CHUNK];
	(void)state;
	for (int i = 0; i < 512; i++)
		f[i] = (float)(i % 64 - 20) / 8;
	for (size_t k = 0; k < FOX_COUNT(t); k++) {
		uint8_t bytes[1024];
		const struct fox_type_info *info = fox_type_info(t[k].type);
		struct fox_err err = {0};
		fox_kernels()->encode[t[k].type](bytes, f, 512);
		struct fox_tensor tensor = over(t[k].type, bytes, 512);
		assert_int_equal(fox_values_read(&tensor, false, 0, little), 512);
		for (size_t at = 0; at < 512 / info->elems * info->bytes; at += info->bytes)
			for (size_t w = 0; w < t[k].n_words; w++) {
				uint8_t *p = bytes + at + t[k].at[w], low = p[0];
				p[0] = p[1], p[1] = low;
			}
		assert_fox_ok(fox_values_readable(&tensor, true, &err), &err);
		assert_int_equal(fox_values_read(&tensor, true, 0, big), 512);
		assert_memory_equal(little, big, 512 * sizeof *little);
		for (int i = 0; i < 512; i++)
			assert_true(fabs(little[i] - (double)f[i]) <= t[k].bound);
	}
}

static void test_refused(void **state)
{
	static const uint8_t bytes[256];
	struct fox_tensor t = over(FOX_Q8_K, bytes, 256);
	struct fox_err err = {0};
	(void)state;
	assert_int_equal(fox_values_readable(&t, false, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "values of type q8_k are not read by this build, in tensor 't'");
	t = over(FOX_IQ1_M, bytes, 256);
	assert_fox_ok(fox_values_readable(&t, false, &err), &err);
	err = (struct fox_err){0};
	assert_int_equal(fox_values_readable(&t, true, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "values of type iq1_m in a big-endian file are not read by this build, in tensor 't'");
}

static void test_distance(void **state)
{
	static const float a[] = {1, -2, 0, NAN, INFINITY, 4, NAN, 1};
	static const float b[] = {1, -2.5f, -0.0f, NAN, INFINITY, 4.25f, 7, INFINITY};
	struct fox_tensor x = over(FOX_F32, a, 8), y = over(FOX_F32, b, 8);
	struct fox_distance d;
	(void)state;
	fox_values_distance(&x, false, &x, false, &d);
	assert_true(d.n == 0 && d.n_alien == 0 && d.max_abs == 0 && d.nmse == 0);
	fox_values_distance(&x, false, &y, false, &d);
	assert_int_equal(d.n, 4);
	assert_int_equal(d.n_alien, 2);
	assert_true(d.max_abs == 0.5);
	assert_int_equal(d.max_at, 1);
	assert_true(d.nmse == (0.25 + 0.0625) / (1 + 4 + 0 + 16));
	static const float zero[] = {0, 0}, one[] = {0, 1};
	struct fox_tensor z = over(FOX_F32, zero, 2), o = over(FOX_F32, one, 2);
	fox_values_distance(&z, false, &o, false, &d);
	assert_true(isnan(d.nmse));
	fox_values_distance(&z, false, &z, false, &d);
	assert_true(d.nmse == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_nothing_finite),
	    cmocka_unit_test(test_constant),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_distance),
	};
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
