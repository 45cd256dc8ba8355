/* t_xform - casts and row order against a plain reference, every dtype to every type. */
#include "tests/test.h"

#include <math.h>

#include "convert/xform.h"
#include "format/base/num.h"
#include "kernels/half.h"

static const enum fox_dtype dtypes[] = {FOX_DT_F64, FOX_DT_F32, FOX_DT_F16, FOX_DT_BF16};
static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};

/* --- the reference: one value at a time, by arithmetic in double, not by bits
 * ------------------------------------ */

static double ref_load(enum fox_dtype d, const uint8_t *p, size_t i)
{
	if (d == FOX_DT_F64)
		return fox_load_f64(p + 8 * i);
	if (d == FOX_DT_F32)
		return fox_load_f32(p + 4 * i);
	uint16_t h = fox_load16(p + 2 * i);
	unsigned mant_bits = d == FOX_DT_F16 ? 10 : 7, exp_bits = 15 - mant_bits;
	int bias = (1 << (exp_bits - 1)) - 1;
	unsigned e = (h & 0x7fff) >> mant_bits, m = h & ((1u << mant_bits) - 1);
	double v;
	if (e == (1u << exp_bits) - 1)
		v = m ? NAN : INFINITY;
	else if (e)
		v = ldexp((double)(m | 1u << mant_bits), (int)e - bias - (int)mant_bits);
	else
		v = ldexp((double)m, 1 - bias - (int)mant_bits);
	return h & 0x8000 ? -v : v;
}

/* Round to a binary format with p bits of significand and least exponent emin, ties to even. */
static double ref_round(double v, int p, int emin, double max)
{
	if (v == 0 || !isfinite(v))
		return v;
	int e;
	frexp(v, &e);
	e -= p;
	if (e < emin - p + 1)
		e = emin - p + 1;
	double r = ldexp(nearbyint(ldexp(v, -e)), e);
	return fabs(r) > max ? copysign(INFINITY, r) : r;
}

static double ref_cast(enum fox_type t, double v)
{
	v = ref_round(v, 24, -126, 3.4028234663852886e38);
	if (t == FOX_F16)
		return ref_round(v, 11, -14, 65504);
	if (t == FOX_BF16)
		return ref_round(v, 8, -126, 3.3895313892515355e38);
	return v;
}

static void ref_q8_0(struct fox_q8_0 *out, const double *v)
{
	float amax = 0;
	for (int i = 0; i < 32; i++)
		amax = fmaxf(amax, fabsf((float)v[i]));
	float d = amax / 127.0f, id = d != 0 ? 1.0f / d : 0.0f;
	out->d = fox_f32_to_f16(d);
	for (int i = 0; i < 32; i++)
		out->q[i] = (int8_t)roundf((float)v[i] * id);
}

/* --- helpers
 * ------------------------------------------------------------------------------------------------------ */

static void store(enum fox_dtype d, uint8_t *p, size_t i, double v)
{
	switch (d) {
	case FOX_DT_F64:
		fox_store_f64(p + 8 * i, v);
		break;
	case FOX_DT_F32:
		fox_store_f32(p + 4 * i, (float)v);
		break;
	case FOX_DT_F16:
		fox_store16(p + 2 * i, fox_f32_to_f16((float)v));
		break;
	default:
		fox_store16(p + 2 * i, fox_f32_to_bf16((float)v));
	}
}

static double noise(uint64_t *seed)
{
	double u = (double)test_rand(seed) / 4294967296.0 - 0.25;
	return ldexp(u, (int)(test_rand(seed) % 12) - 6);
}

static double out_value(enum fox_type t, const uint8_t *p, size_t i)
{
	return ref_load(t == FOX_F32 ? FOX_DT_F32 : t == FOX_F16 ? FOX_DT_F16 : FOX_DT_BF16, p, i);
}

static size_t out_bytes(enum fox_type t, size_t n)
{
	return n / fox_type_info(t)->elems * fox_type_info(t)->bytes;
}

/* One target, rows of x->cols. */
static void run_to(
    const struct fox_xform *x, enum fox_type to, void *out, const void *in, size_t n, struct fox_cast_report *r)
{
	const struct fox_xform_out o = {.type = to, .bytes = out, .report = r};
	float *scratch = malloc(fox_xform_scratch(x->cols, false) * sizeof *scratch);
	fox_xform_run(x, &o, 1, in, n, x->cols, 0, scratch);
	free(scratch);
}

static void check_pair(enum fox_dtype from, enum fox_type to)
{
	enum { N = 32 * 211 }; /* several tiles and a rest */
	uint64_t seed = 7 + (uint64_t)from * 31 + (uint64_t)to;
	uint8_t *in = malloc(8 * N), *out = malloc(4 * N);
	for (size_t i = 0; i < N; i++)
		store(from, in, i, noise(&seed));
	struct fox_xform x = {.from = fox_xform_stored(from), .cols = 32};
	struct fox_cast_report r = {0};
	run_to(&x, to, out, in, N, &r);
	assert_int_equal(r.n_nan + r.n_inf + r.n_overflow + r.n_underflow, 0);
	if (to == FOX_Q8_0) {
		for (size_t b = 0; b < N / 32; b++) {
			double v[32];
			struct fox_q8_0 want;
			for (size_t i = 0; i < 32; i++)
				v[i] = ref_load(from, in, b * 32 + i);
			ref_q8_0(&want, v);
			assert_memory_equal(out + b * sizeof want, &want, sizeof want);
		}
	} else {
		for (size_t i = 0; i < N; i++)
			assert_true(out_value(to, out, i) == ref_cast(to, ref_load(from, in, i)));
	}
	free(in);
	free(out);
}

static void every_pair_equals_the_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++)
		for (size_t j = 0; j < FOX_COUNT(types); j++) {
			assert_true(fox_xform_able(fox_xform_stored(dtypes[i]), types[j]));
			check_pair(dtypes[i], types[j]);
		}
	assert_int_equal(fox_xform_stored(FOX_DT_I32), FOX_TYPE_LIMIT);
	assert_int_equal(fox_xform_stored(FOX_DT_F8_E4M3), FOX_TYPE_LIMIT);
	assert_false(fox_xform_able(FOX_I32, FOX_F32));
	assert_true(fox_xform_able(FOX_I32, FOX_I32)); /* a copy */
	assert_false(fox_xform_able(FOX_F32, FOX_Q8_K));
	assert_false(fox_xform_able(FOX_TYPE_LIMIT, FOX_BF16));
}

/* out[h][2i+j] = in[h][j d/2 + i], and the inverse written the other way round gives the source again. */
static void rope_rows_go_to_pairs_and_back(void **state)
{
	(void)state;
	enum { HEADS = 3, D = 10, COLS = 64, N = HEADS * D * COLS };
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++)
		for (size_t j = 0; j < FOX_COUNT(types); j++) {
			enum fox_dtype from = dtypes[i];
			enum fox_type to = types[j];
			size_t in_row = COLS * fox_dtypes[from].bits / 8, out_row = out_bytes(to, COLS);
			uint8_t *in = malloc(HEADS * D * in_row), *plain = malloc(HEADS * D * out_row),
			        *out = malloc(HEADS * D * out_row);
			uint64_t seed = 3;
			for (size_t k = 0; k < N; k++)
				store(from, in, k, noise(&seed));
			struct fox_cast_report r = {0};
			struct fox_xform x = {.from = fox_xform_stored(from), .cols = COLS};
			run_to(&x, to, plain, in, N, &r);
			x.head_rows = D;
			assert_false(fox_xform_is_copy(&x, to));
			run_to(&x, to, out, in, N, &r);
			size_t moved = 0;
			for (size_t row = 0; row < HEADS * D; row++) { /* the inverse: a container row's source row */
				size_t h = row / D, k = row % D, src = h * D + (k % 2) * (D / 2) + k / 2;
				assert_memory_equal(out + row * out_row, plain + src * out_row, out_row);
				moved += src != row;
			}
			assert_int_equal(moved, HEADS * (D - 2));
			free(in);
			free(plain);
			free(out);
		}
}

static void losses_are_counted(void **state)
{
	(void)state;
	/* NaN, two Inf, overflow twice, underflow once (2^-25, a tie to zero), then harmless values */
	const double v[32] = {NAN, INFINITY, -INFINITY, 65520, -1e30, 0x1p-25, 0x1.8p-25, 65519, -0.0, 1};
	uint8_t in[8 * 32], out[4 * 32];
	for (size_t j = 0; j < FOX_COUNT(dtypes); j++) {
		enum fox_dtype from = dtypes[j];
		if (from == FOX_DT_F16 || from == FOX_DT_BF16)
			continue; /* 65519 is not one of their values */
		for (size_t i = 0; i < 32; i++)
			store(from, in, i, v[i]);
		struct fox_cast_report r = {0};
		struct fox_xform x = {.from = fox_xform_stored(from), .cols = 32};
		run_to(&x, FOX_F16, out, in, 32, &r);
		assert_int_equal(r.n_nan, 1);
		assert_int_equal(r.n_inf, 2);
		assert_int_equal(r.n_overflow, 2);
		assert_int_equal(r.n_underflow, 1);
	}
	/* f64 beyond f32 is overflow, not an Inf of the source; below f32's subnormals is underflow */
	const double w[4] = {1e300, -1e300, 1e-300, INFINITY};
	memset(in, 0, sizeof in);
	for (size_t i = 0; i < 4; i++)
		store(FOX_DT_F64, in, i, w[i]);
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		struct fox_cast_report r = {0};
		struct fox_xform x = {.from = FOX_F64, .cols = types[t] == FOX_Q8_0 ? 32 : 4};
		run_to(&x, types[t], out, in, x.cols, &r);
		assert_int_equal(r.n_nan, 0);
		assert_int_equal(r.n_inf, 1);
		/* an Inf takes its whole q8_0 block with it */
		assert_int_equal(r.n_overflow, types[t] == FOX_Q8_0 ? 31 : 2);
		assert_int_equal(r.n_underflow, 1);
	}
}

/* Plain copies count by integer compares: planted values at every position of a vector must be found. */
static void copies_are_counted_too(void **state)
{
	(void)state;
	enum { N = 70000 };
	uint8_t *in = calloc(N, 8), *out = malloc(N * 8);
	for (size_t j = 0; j < FOX_COUNT(dtypes); j++) {
		enum fox_dtype d = dtypes[j];
		memset(in, 0, N * 8);
		for (size_t i = 0; i < N; i++)
			store(d, in, i, i % 3 ? 0.5 : -65504);
		for (size_t i = 0; i < 100; i++)
			store(d, in, i * 619, i % 4 == 0 ? -NAN : i % 2 ? INFINITY : -INFINITY);
		struct fox_cast_report r = {0};
		fox_xform_count(fox_xform_stored(d), in, N, &r);
		assert_int_equal(r.n_nan, 25);
		assert_int_equal(r.n_inf, 75);
		enum fox_type to = d == FOX_DT_F16 ? FOX_F16 : d == FOX_DT_F32 ? FOX_F32 : FOX_BF16;
		struct fox_xform x = {.from = fox_xform_stored(d), .cols = 1};
		assert_int_equal(fox_xform_is_copy(&x, to), d != FOX_DT_F64);
		run_to(&x, to, out, in, N, &r);
		assert_int_equal(r.n_nan, 50);
		assert_int_equal(r.n_inf, 150);
		if (d != FOX_DT_F64)
			assert_memory_equal(in, out, N * fox_dtypes[d].bits / 8);
	}
	/* all special: the 16-bit sums must not wrap */
	memset(in, 0xff, N * 2);
	struct fox_cast_report r = {0};
	fox_xform_count(FOX_BF16, in, N, &r);
	assert_int_equal(r.n_nan, N);
	assert_int_equal(r.n_inf, 0);
	free(in);
	free(out);
}

static void exactness_is_by_value(void **state)
{
	(void)state;
	uint8_t in[8 * 4];
	const struct {
		double v;
		bool f16, bf16, f32;
	} cases[] = {
	    {0.5, true, true, true},
	    {-0.0, true, true, true},
	    {1.0 + 0x1p-7, true, true, true},
	    {1.0 + 0x1p-8, true, false, true},
	    {1e6 - 576, false, true, true}, /* 999424 = 61 * 2^14 */
	    {1.0 + 0x1p-20, false, false, true},
	    {0x1p-24, true, true, true},
	    {0x1p-25, false, true, true},
	    {1.0 + 0x1p-40, false, false, false},
	    {1e300, false, false, false},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		for (size_t k = 0; k < 4; k++)
			store(FOX_DT_F64, in, k, k == 2 ? cases[i].v : 0.25);
		assert_int_equal(fox_xform_exact(FOX_F64, FOX_F16, in, 4), cases[i].f16);
		assert_int_equal(fox_xform_exact(FOX_F64, FOX_BF16, in, 4), cases[i].bf16);
		assert_int_equal(fox_xform_exact(FOX_F64, FOX_F32, in, 4), cases[i].f32);
	}
	store(FOX_DT_BF16, in, 0, 0x1p-30);
	assert_false(fox_xform_exact(FOX_BF16, FOX_F16, in, 1));
	assert_true(fox_xform_exact(FOX_BF16, FOX_BF16, in, 1));
	assert_true(fox_xform_exact(FOX_BF16, FOX_F32, in, 1));
}

/* Norms of Gemma: 1 + w, the sum rounded to f32; what is not finite stays so and is counted. */
static void one_is_added_in_f32(void **state)
{
	(void)state;
	enum { N = 5000 }; /* two tiles and a rest */
	uint8_t *in = malloc(8 * N), *out = malloc(4 * N + 4);
	for (size_t j = 0; j < FOX_COUNT(dtypes); j++) {
		enum fox_dtype from = dtypes[j];
		struct fox_xform x = {.from = fox_xform_stored(from), .cols = N, .add_one = true};
		struct fox_cast_report r = {0};
		uint64_t seed = 11;
		assert_false(fox_xform_is_copy(&x, FOX_F32));
		for (size_t i = 0; i < N; i++)
			store(from, in, i, noise(&seed));
		static const double edge[] = {-1, 0, -0.0, 0x1p-23, 0x1p-24, 0x1.8p-24, -0x1p-24, 60000, -60000, 0x1p-14};
		for (size_t i = 0; i < FOX_COUNT(edge); i++)
			store(from, in, 2040 + i, edge[i]); /* over the end of the first tile */
		memset(out, 0xee, 4 * N + 4);
		run_to(&x, FOX_F32, out, in, N, &r);
		for (size_t i = 0; i < N; i++) {
			float want = (float)ref_cast(FOX_F32, ref_load(from, in, i)) + 1.0f;
			assert_true(fox_load_f32(out + 4 * i) == want);
		}
		assert_int_equal(fox_load32(out + 4 * N), 0xeeeeeeee);
		assert_true(fox_load_f32(out + 4 * 2040) == 0);          /* 1 - 1 */
		assert_int_equal(fox_load32(out + 4 * 2042), 0x3f800000); /* 1 - 0 */
		assert_int_equal(r.n_nan + r.n_inf + r.n_overflow, 0);

		memset(in, 0, 8 * N);
		store(from, in, 0, NAN), store(from, in, 1, INFINITY), store(from, in, 4999, -INFINITY);
		r = (struct fox_cast_report){0};
		run_to(&x, FOX_F32, out, in, N, &r);
		assert_int_equal(r.n_nan, 1);
		assert_int_equal(r.n_inf, 2);
		assert_true(isnan(fox_load_f32(out)) && fox_load_f32(out + 4) == INFINITY);
		assert_true(fox_load_f32(out + 4 * 4999) == -INFINITY && fox_load_f32(out + 8) == 1);
	}
	/* f64: rounded to f32 first, so 1e300 overflows before the sum, and 1 + 2^-60 is 1 */
	struct fox_xform x = {.from = FOX_F64, .cols = 3, .add_one = true};
	struct fox_cast_report r = {0};
	store(FOX_DT_F64, in, 0, 1e300), store(FOX_DT_F64, in, 1, 0x1p-60);
	store(FOX_DT_F64, in, 2, 0x1p-24 + 0x1p-50); /* f32: 2^-24, whose sum with 1 is a tie; f64's would go up */
	run_to(&x, FOX_F32, out, in, 3, &r);
	assert_int_equal(r.n_overflow, 1);
	assert_int_equal(r.n_inf, 0);
	assert_true(fox_load_f32(out) == INFINITY && fox_load_f32(out + 4) == 1 && fox_load_f32(out + 8) == 1);
	free(in);
	free(out);
}

/* Two types and a copy out of one reading: each as if it were alone; errors by rows, in the container's order. */
static void several_targets_at_once(void **state)
{
	(void)state;
	enum { HEADS = 2, D = 6, COLS = 96, ROWS = HEADS * D, N = ROWS * COLS };
	static const enum fox_type to[] = {FOX_Q8_0, FOX_BF16, FOX_F32, FOX_Q4_0};
	uint8_t *in = malloc(4 * N), *alone = malloc(4 * N), *out[4];
	float scratch[2048];
	uint64_t seed = 21;
	for (size_t i = 0; i < N; i++)
		store(FOX_DT_F32, in, i, noise(&seed));
	for (size_t moved = 0; moved < 2; moved++) {
		struct fox_xform x = {.from = FOX_F32, .cols = COLS, .head_rows = moved ? D : 0};
		struct fox_cast_report r[4] = {{0}}, one = {0};
		struct fox_cast_error errors[4][ROWS];
		struct fox_xform_out outs[4];
		for (size_t i = 0; i < 4; i++) {
			out[i] = malloc(4 * N);
			outs[i] = (struct fox_xform_out){.type = to[i], .bytes = out[i], .report = &r[i], .error = errors[i]};
		}
		assert_int_equal(fox_xform_scratch(COLS, false), 2048);
		fox_xform_run(&x, outs, 4, in, N, COLS, 0, scratch);
		for (size_t i = 0; i < 4; i++) {
			run_to(&x, to[i], alone, in, N, &one);
			assert_memory_equal(alone, out[i], out_bytes(to[i], N));
		}
		for (size_t i = 0; i < 4; i += 3)
			for (size_t row = 0; row < ROWS; row++) {
				size_t h = row / D, k = row % D, src = moved ? h * D + (k % 2) * (D / 2) + k / 2 : row;
				double sum = 0;
				float back[COLS];
				fox_kernels()->decode[to[i]](back, out[i] + row * out_bytes(to[i], COLS), COLS);
				for (size_t c = 0; c < COLS; c++) {
					double e = (double)back[c] - ref_load(FOX_DT_F32, in, src * COLS + c);
					sum += e * e;
				}
				assert_true(fabs(errors[i][row].sum_square_error - sum) <= 1e-12 * sum);
				assert_int_equal(errors[i][row].n, COLS);
			}
		for (size_t i = 0; i < 4; i++)
			free(out[i]);
	}
	free(in);
	free(alone);
}

/* Experts: each matrix has its own importance, whichever row a piece begins with. */
static void importance_goes_by_matrix(void **state)
{
	(void)state;
	enum { MATS = 3, ROWS = 4, COLS = 256, N = MATS * ROWS * COLS };
	float *in = malloc(N * sizeof *in), *importance = malloc(MATS * COLS * sizeof *importance), scratch[2048];
	size_t row_bytes = out_bytes(FOX_Q4_0, COLS);
	uint8_t *whole = malloc(MATS * ROWS * row_bytes), *want = malloc(row_bytes), *part = malloc(MATS * ROWS * row_bytes);
	uint64_t seed = 5;
	for (size_t i = 0; i < N; i++)
		in[i] = (float)noise(&seed);
	for (size_t i = 0; i < MATS * COLS; i++)
		importance[i] = (float)(1 + test_rand(&seed) % 1000);
	const struct fox_quant_help help = {.importance = importance, .matrix_rows = ROWS};
	const struct fox_xform x = {.from = FOX_F32, .cols = COLS};
	struct fox_cast_report r = {0};
	struct fox_xform_out o = {.type = FOX_Q4_0, .bytes = whole, .help = &help, .report = &r};
	fox_xform_run(&x, &o, 1, in, N, COLS, 0, scratch);
	for (size_t row = 0; row < MATS * ROWS; row++) {
		const struct fox_cast_how how = {.importance = importance + row / ROWS * COLS};
		fox_cast_rows(FOX_Q4_0, want, in + row * COLS, 1, COLS, &how, &r, NULL);
		assert_memory_equal(want, whole + row * row_bytes, row_bytes);
	}
	o.bytes = part;
	for (size_t first = 1; first < MATS * ROWS; first++) {
		fox_xform_run(&x, &o, 1, in + first * COLS, N - first * COLS, COLS, first, scratch);
		assert_memory_equal(part, whole + first * row_bytes, (MATS * ROWS - first) * row_bytes);
	}
	free(in);
	free(importance);
	free(whole);
	free(want);
	free(part);
}

/* A container's blocks as a source: decoded, cast; or copied as they are, rows moved or not. */
static void blocks_are_a_source_too(void **state)
{
	(void)state;
	enum { D = 4, COLS = 64, ROWS = 8, N = ROWS * COLS };
	float wide[N], back[N];
	uint8_t q[ROWS * 68], out[4 * N];
	uint64_t seed = 8;
	for (size_t i = 0; i < N; i++)
		wide[i] = (float)noise(&seed);
	fox_kernels()->encode[FOX_Q8_0](q, wide, N);
	fox_kernels()->decode[FOX_Q8_0](back, q, N);
	struct fox_xform x = {.from = FOX_Q8_0, .cols = COLS};
	struct fox_cast_report r = {0};
	run_to(&x, FOX_F32, out, q, N, &r);
	assert_memory_equal(out, back, sizeof back);
	assert_true(fox_xform_is_copy(&x, FOX_Q8_0));
	assert_true(fox_xform_loses(FOX_Q8_0, FOX_F16) && !fox_xform_loses(FOX_Q8_0, FOX_F32));
	x.head_rows = D;
	run_to(&x, FOX_Q8_0, out, q, N, &r);
	for (size_t row = 0; row < ROWS; row++) {
		size_t src = row / D * D + row % D % 2 * (D / 2) + row % D / 2;
		assert_memory_equal(out + row * 68, q + src * 68, 68);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_pair_equals_the_reference),
	    cmocka_unit_test(rope_rows_go_to_pairs_and_back),
	    cmocka_unit_test(losses_are_counted),
	    cmocka_unit_test(copies_are_counted_too),
	    cmocka_unit_test(exactness_is_by_value),
	    cmocka_unit_test(one_is_added_in_f32),
	    cmocka_unit_test(several_targets_at_once),
	    cmocka_unit_test(importance_goes_by_matrix),
	    cmocka_unit_test(blocks_are_a_source_too),
	};
	return cmocka_run_group_tests_name("xform", tests, NULL, NULL);
}
