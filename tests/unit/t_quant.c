/* t_quant.c - q8_0 against another implementation's blocks, and the account of what casts lose. */
#include "tests/test.h"

#include "kernels/quant.h"
#include "tests/kernels/slow.h"

enum { RECORD = 32 * 4 + 34 };

/* tests/golden/q8_0.bin was made by tests/reference/make_quant_golden.py. */
static void golden_blocks(void **state)
{
	(void)state;
	FILE *f = fopen("tests/golden/q8_0.bin", "rb");
	assert_non_null(f);
	uint8_t record[RECORD];
	size_t n = 0;
	for (; fread(record, 1, RECORD, f) == RECORD; n++) {
		float src[32], back[32];
		uint8_t block[34];
		memcpy(src, record, sizeof src);
		fox_quant_q8_0(block, src, 32);
		assert_memory_equal(block, record + sizeof src, 34);
		fox_kernels()->encode[FOX_Q8_0](block, src, 32);
		assert_memory_equal(block, record + sizeof src, 34);
		fox_dequant_q8_0(back, block, 32);
		uint16_t h;
		memcpy(&h, block, 2);
		double d = slow_widen(h, 10, 15);
		for (int i = 0; i < 32; i++)
			assert_true((double)back[i] == d * (double)(int8_t)block[2 + i]);
	}
	fclose(f);
	assert_int_equal(n, 87);
}

static void rules_beyond_the_format(void **state)
{
	(void)state;
	static const float filler[32] = {1, -2, 3};
	static const struct {
		float special;
		uint16_t d;
		int8_t q0, q3;
	} t[] = {
	    {NAN, 0x260c, 42, 0},               /* d is 3 / 127, as if the NaN were 0 */
	    {INFINITY, 0x7c00, 0, 0},           /* d is Inf and nothing is left */
	    {-INFINITY, 0x7c00, 0, 0},          /* */
	    {127 * 65520.0f, 0x7c00, 0, 127},   /* d overflows to Inf */
	    {-127 * 65504.0f, 0x7bff, 0, -127}, /* the largest d */
	    {3.0f, 0x260c, 42, 127},            /* */
	};
	for (size_t i = 0; i < FOX_COUNT(t); i++) {
		float src[32];
		struct fox_q8_0 b;
		memcpy(src, filler, sizeof src);
		src[3] = t[i].special;
		fox_quant_q8_0(&b, src, 32);
		assert_int_equal(b.d, t[i].d);
		assert_int_equal(b.q[0], t[i].q0);
		assert_int_equal(b.q[3], t[i].q3);
	}
	/* the inverse of d is Inf: quotients are not finite and q is 0, not whatever a conversion makes of it */
	float tiny[32] = {0x1p-149f, -0x1p-130f, 0x1p-126f};
	struct fox_q8_0 b;
	fox_quant_q8_0(&b, tiny, 32);
	assert_int_equal(b.d, 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(b.q[i], 0);
}

/* Values under one scale, by hand from the format. */
static size_t unit_of(enum fox_type type)
{
	return type == FOX_F32 || type == FOX_F16 || type == FOX_BF16 ? 1
	       : type == FOX_NVFP4                                    ? 16
	       : type == FOX_IQ4_XS                                   ? 256
	                                                              : 32;
}

/* The definitions of fox_cast_report, element by element from what a cast gives back. */
static struct fox_cast_report by_definition(enum fox_type type, const float *src, const float *back, size_t n)
{
	struct fox_cast_report r = {0};
	size_t unit = unit_of(type);
	for (size_t i = 0; i < n; i++) {
		bool zeros = true;
		for (size_t j = i / unit * unit; j < i / unit * unit + unit; j++)
			zeros &= back[j] == 0;
		r.n_nan += isnan(src[i]) != 0;
		r.n_inf += isinf(src[i]) != 0;
		r.n_overflow += isfinite(src[i]) && !isfinite(back[i]);
		r.n_underflow += isfinite(src[i]) && src[i] != 0 && zeros;
	}
	return r;
}

static void assert_report(const struct fox_cast_report *got, const struct fox_cast_report *want)
{
	assert_int_equal(got->n_nan, want->n_nan);
	assert_int_equal(got->n_inf, want->n_inf);
	assert_int_equal(got->n_overflow, want->n_overflow);
	assert_int_equal(got->n_underflow, want->n_underflow);
}

static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0, FOX_Q4_0, FOX_Q4_1, FOX_Q5_0,
    FOX_Q5_1, FOX_IQ4_NL, FOX_IQ4_XS, FOX_MXFP4, FOX_NVFP4};

/* Any bits at all, with calm stretches between, over several chunks; the report is a running total. */
static void report_counts_by_definition(void **state)
{
	(void)state;
	enum { N = 3 * 2048 + 256 * 3 };
	static float src[N], back[N];
	static uint8_t out[N * 4 + 1];
	uint64_t seed = 21;
	for (unsigned round = 0; round < 12; round++) {
		for (size_t i = 0; i < N; i++) {
			uint32_t r = test_rand(&seed) ^ test_rand(&seed) << 31;
			bool calm = (i / 512 + round) % 3 != 0;
			src[i] = calm ? (float)(int32_t)r * 0x1p-36f : slow_float(r);
			if (!calm && round % 2 && (r & 0x7f800000) == 0x7f800000)
				src[i] = 0;
		}
		if (round % 4 == 3) /* whole blocks whose scale underflows */
			for (size_t i = 64; i < 160; i++)
				src[i] = (float)i * 1e-9f;
		for (size_t t = 0; t < FOX_COUNT(types); t++) {
			struct fox_cast_report got = {0}, want;
			fox_cast(types[t], out + 1, src, N, &got);
			fox_kernels()->decode[types[t]](back, out + 1, N);
			want = by_definition(types[t], src, back, N);
			assert_report(&got, &want);
			fox_cast(types[t], out + 1, src, N, &got);
			want.n_nan *= 2, want.n_inf *= 2, want.n_overflow *= 2, want.n_underflow *= 2;
			assert_report(&got, &want);
			fox_cast(types[t], out + 1, src, N, NULL);
		}
	}
}

/* nvfp4 has a scale per 16 values, and ggml stores none below 2^-10: a group of small values is lost beside one that is not. */
static void report_by_scale(void **state)
{
	(void)state;
	float src[128];
	uint8_t out[72];
	for (size_t i = 0; i < 128; i++)
		src[i] = i / 16 % 2 ? 0.5f : 0.005f; /* 6 * 2^-10 = 0.00586 */
	src[3] = 0;
	struct fox_cast_report got = {0}, want = {.n_underflow = 63};
	fox_cast(FOX_NVFP4, out, src, 128, &got);
	assert_report(&got, &want);
}

/* One odd value among good ones, at each end of the ranges. */
static void report_at_the_limits(void **state)
{
	(void)state;
	static const struct {
		enum fox_type type;
		uint32_t bits;
		uint64_t nan, inf, over, under;
	} t[] = {
	    {FOX_F16, 0x477fefff, 0, 0, 0, 0}, /* just below 65520 */
	    {FOX_F16, 0xc77ff000, 0, 0, 1, 0}, /* -65520 */
	    {FOX_F16, 0x7f7fffff, 0, 0, 1, 0},
	    {FOX_F16, 0x33000001, 0, 0, 0, 0}, /* just above 2^-25 */
	    {FOX_F16, 0xb3000000, 0, 0, 0, 1},
	    {FOX_F16, 0x00000001, 0, 0, 0, 1},
	    {FOX_F16, 0x80000000, 0, 0, 0, 0},
	    {FOX_F16, 0xff800000, 0, 1, 0, 0},
	    {FOX_F16, 0x7f800001, 1, 0, 0, 0},
	    {FOX_BF16, 0x7f7f7fff, 0, 0, 0, 0},
	    {FOX_BF16, 0x7f7f8000, 0, 0, 1, 0},
	    {FOX_BF16, 0x00008001, 0, 0, 0, 0},
	    {FOX_BF16, 0x80008000, 0, 0, 0, 1},
	    {FOX_BF16, 0x7f800000, 0, 1, 0, 0},
	    {FOX_F32, 0x00000001, 0, 0, 0, 0},
	    {FOX_F32, 0x7f7fffff, 0, 0, 0, 0},
	    {FOX_F32, 0x7fc00000, 1, 0, 0, 0},
	    {FOX_Q8_0, 0x00000001, 0, 0, 0, 0}, /* beside 1.0: precision, not range */
	    {FOX_Q8_0, 0x7f800000, 0, 1, 31, 0},
	    {FOX_Q8_0, 0x7fc00000, 1, 0, 0, 0},
	    {FOX_Q8_0, 0x7f7fffff, 0, 0, 32, 0},
	    {FOX_Q4_0, 0x7f7fffff, 0, 0, 32, 0},
	    {FOX_Q4_1, 0x47800000, 0, 0, 0, 0},  /* 65536: a scale of 4369 */
	    {FOX_Q4_1, 0xc7800000, 0, 0, 32, 0}, /* the minimum is beyond f16 */
	    {FOX_MXFP4, 0x7f7fffff, 0, 0, 0, 0}, /* the type reaches as far as f32 does */
	    {FOX_MXFP4, 0x7fc00000, 1, 0, 0, 0},
	};
	for (size_t i = 0; i < FOX_COUNT(t); i++)
		for (size_t at = 0; at < 96; at += 19) {
			float src[96];
			uint8_t out[96 * 4];
			for (size_t j = 0; j < 96; j++)
				src[j] = j % 2 ? 1.0f : -1.0f;
			src[at] = slow_float(t[i].bits);
			struct fox_cast_report got = {0}, want = {t[i].nan, t[i].inf, t[i].over, t[i].under};
			fox_cast(t[i].type, out, src, 96, &got);
			assert_report(&got, &want);
		}
}

static void exactness(void **state)
{
	(void)state;
	static const struct {
		uint32_t bits;
		bool f16, bf16;
	} t[] = {
	    {0x3f800000, true, true},   /* 1 */
	    {0x80000000, true, true},   /* -0 */
	    {0x7f800000, true, true},   /* Inf */
	    {0x7fc00000, true, true},   /* NaN */
	    {0x7fc00001, false, false}, /* NaN with a payload that is lost */
	    {0x7f810000, false, false}, /* signalling */
	    {0x3f802000, true, false},  /* 1 + 2^-10 */
	    {0x3f801000, false, false}, /* 1 + 2^-11 */
	    {0x33800000, true, true},   /* 2^-24 */
	    {0x33000000, false, true},  /* 2^-25 */
	    {0x477fe000, true, false},  /* 65504 */
	    {0x47800000, false, true},  /* 65536 */
	};
	float src[1200];
	for (size_t i = 0; i < FOX_COUNT(t); i++)
		for (size_t at = 0; at < FOX_COUNT(src); at += 599) {
			for (size_t j = 0; j < FOX_COUNT(src); j++)
				src[j] = 0.5f;
			src[at] = slow_float(t[i].bits);
			assert_int_equal(fox_cast_is_exact(FOX_F16, src, FOX_COUNT(src)), t[i].f16);
			assert_int_equal(fox_cast_is_exact(FOX_BF16, src, FOX_COUNT(src)), t[i].bf16);
			assert_true(fox_cast_is_exact(FOX_F32, src, FOX_COUNT(src)));
			assert_true(fox_cast_is_exact(FOX_F16, src, at));
		}
}

/* Rows that were cast one by one add up to the rows cast at once, bit for bit, and to the sums of the definition. */
static void errors_by_row(void **state)
{
	(void)state;
	enum { ROWS = 5, COLS = 2048 + 256 };
	static float src[ROWS * COLS], back[COLS];
	static uint8_t out[ROWS * COLS * 4], one[COLS * 4];
	uint64_t seed = 33;
	for (size_t i = 0; i < ROWS * COLS; i++)
		src[i] = ((float)test_rand(&seed) - 0x1p30f) * 0x1p-30f;
	src[COLS + 40] = NAN;
	for (size_t i = 2 * COLS; i < 2 * COLS + 32; i++)
		src[i] = 1e-9f;
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		struct fox_cast_report report = {0}, sum_of_reports = {0};
		struct fox_cast_error rows[ROWS], row, total = {0};
		fox_cast_rows(types[t], out, src, ROWS, COLS, NULL, &report, rows);
		for (size_t r = 0; r < ROWS; r++) {
			uint64_t row_bytes = 0;
			double error = 0, square = 0, max = 0;
			size_t n = 0;
			assert_true(fox_type_row_bytes(types[t], COLS, &row_bytes));
			fox_cast_rows(types[t], one, src + r * COLS, 1, COLS, NULL, &sum_of_reports, &row);
			assert_memory_equal(one, out + r * row_bytes, row_bytes);
			assert_memory_equal(&row, &rows[r], sizeof row);
			fox_kernels()->decode[types[t]](back, one, COLS);
			for (size_t i = 0; i < COLS; i++) {
				double x = (double)src[r * COLS + i], apart = x - (double)back[i];
				if (!isfinite(apart))
					continue;
				error += apart * apart, square += x * x, n++;
				max = fabs(apart) > max ? fabs(apart) : max;
			}
			assert_true(fabs(row.sum_square_error - error) <= 1e-6 * error);
			assert_true(fabs(row.sum_square - square) <= 1e-12 * square);
			assert_true(fabs(row.max_abs_error - max) <= 1e-6 * max);
			assert_int_equal(row.n, n);
			fox_cast_error_add(&total, &row, 1);
		}
		struct fox_cast_error at_once = {0};
		fox_cast_error_add(&at_once, rows, ROWS);
		assert_memory_equal(&at_once, &total, sizeof total);
		assert_report(&report, &sum_of_reports);
		assert_int_equal(report.n_nan, 1);
		fox_cast_rows(types[t], out, src, ROWS, COLS, NULL, NULL, NULL);
	}
}

/* Importance reaches the types that heed it, a row at a time, and changes nothing for the others. */
static void importance_by_row(void **state)
{
	(void)state;
	enum { ROWS = 3, COLS = 2048 + 256 };
	static float src[ROWS * COLS], w[COLS];
	static uint8_t out[ROWS * COLS * 4], plain[ROWS * COLS * 4], one[COLS * 4];
	const struct fox_kernels *k = fox_kernels();
	const struct fox_cast_how how = {.importance = w};
	size_t n_weighted = 0;
	uint64_t seed = 34;
	for (size_t i = 0; i < ROWS * COLS; i++)
		src[i] = ((float)test_rand(&seed) - 0x1p30f) * 0x1p-30f;
	for (size_t i = 0; i < COLS; i++)
		w[i] = (float)(test_rand(&seed) % 1000);
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		uint64_t row_bytes = 0;
		struct fox_cast_report report = {0};
		struct fox_cast_error rows[ROWS];
		assert_true(fox_type_row_bytes(types[t], COLS, &row_bytes));
		fox_cast_rows(types[t], out, src, ROWS, COLS, &how, &report, rows);
		fox_cast_rows(types[t], plain, src, ROWS, COLS, NULL, NULL, NULL);
		n_weighted += k->encode_weighted[types[t]] != NULL;
		assert_int_equal(memcmp(out, plain, ROWS * row_bytes) != 0, k->encode_weighted[types[t]] != NULL);
		for (size_t r = 0; r < ROWS; r++) {
			assert_int_equal(rows[r].n, COLS);
			if (!k->encode_weighted[types[t]])
				continue;
			k->encode_weighted[types[t]](one, src + r * COLS, w, COLS);
			assert_memory_equal(one, out + r * row_bytes, row_bytes);
		}
	}
	assert_int_equal(n_weighted, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_blocks),
	    cmocka_unit_test(rules_beyond_the_format),
	    cmocka_unit_test(report_counts_by_definition),
	    cmocka_unit_test(report_at_the_limits),
	    cmocka_unit_test(report_by_scale),
	    cmocka_unit_test(exactness),
	    cmocka_unit_test(errors_by_row),
	    cmocka_unit_test(importance_by_row),
	};
	return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
