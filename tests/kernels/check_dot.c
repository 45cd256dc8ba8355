/* check_dot.c - every ISA subset of this machine against the scalar dot, and the scalar dot against its own
 * definition. Rows lie at odd addresses in heap blocks of their exact size, so that asan sees one byte too
 * far. */
#include "tests/test.h"

#include "tests/kernels/slow.h"

static size_t row_bytes(enum fox_type type, size_t n)
{
	uint64_t bytes;
	assert_true(fox_type_row_bytes(type, n, &bytes));
	return (size_t)bytes;
}

/* Finite weights of every magnitude that keeps products and sums finite; the scalar decoder says what they are. Block types
 * get what their encoder makes, q8_0 any bytes and any finite scale. */
static void fill(uint8_t *w, enum fox_type type, size_t n, uint64_t *seed)
{
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	const size_t block = fox_type_info(type)->elems;
	float *f = malloc(n * sizeof *f + 1);
	assert_non_null(f);
	for (size_t i = 0; i < n; i++) {
		uint32_t r = test_rand(seed);
		f[i] = slow_float((r & 0x807fffff) | (r >> 24 & 31) << 23 | 100u << 23); /* 2^-27 to 2^5 */
	}
	scalar.encode[type](w, f, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t r = test_rand(seed);
		uint16_t h = (uint16_t)(r % 0x7c00); /* subnormal too */
		if (type == FOX_F16) {
			h |= r >> 8 & 0x8000;
			memcpy(w + 2 * i, &h, 2);
		} else if (type == FOX_Q8_0) {
			uint8_t *at = w + i / block * sizeof(struct fox_q8_0);
			memcpy(at, &h, 2);
			at[2 + i % block] = (uint8_t)(r >> 16);
		}
	}
	free(f);
}

/* A block of n bytes whose use starts one byte in: never aligned, and ends where the heap block ends. */
static uint8_t *odd_alloc(size_t n)
{
	uint8_t *p = malloc(n + 1);
	assert_non_null(p);
	return p + 1;
}

static void odd_free(void *p)
{
	free((uint8_t *)p - 1);
}

/* The sum as fox_dot_fn states it, and the sum of magnitudes that its bound is made of. */
static float by_definition(const float *w, const float *x, size_t n, double *magnitude)
{
	float p[16] = {0};
	*magnitude = 0;
	for (size_t i = 0; i < n; i++) {
		p[i % 16] += w[i] * x[i];
		*magnitude += fabs((double)w[i] * x[i]);
	}
	for (int apart = 8; apart; apart /= 2)
		for (int j = 0; j < apart; j++)
			p[j] += p[j + apart];
	return p[0];
}

enum { COLS = 13 };

static void one_length(const struct fox_kernels *k, enum fox_type type, size_t n)
{
	uint64_t seed = n * 64 + type;
	uint8_t *w = odd_alloc(row_bytes(type, n)), *x = odd_alloc(COLS * n * sizeof(float));
	float *wf = malloc(n * sizeof *wf + 1), *xf = malloc(n * sizeof *xf + 1), alone[COLS];
	assert_true(wf && xf);
	fill(w, type, n, &seed);
	for (size_t i = 0; i < COLS * n; i++) {
		float v = ((float)test_rand(&seed) - 0x1p30f) * 0x1p-28f;
		memcpy(x + i * sizeof v, &v, sizeof v);
	}
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	scalar.decode[type](wf, w, n);
	for (size_t c = 0; c < COLS; c++) {
		double magnitude;
		float want;
		memcpy(xf, x + c * n * sizeof *xf, n * sizeof *xf);
		float defined = by_definition(wf, xf, n, &magnitude);
		scalar.dot[type](&want, 1, w, (const float *)(const void *)(x + c * n * sizeof(float)), n, n, 1);
		assert_int_equal(slow_bits(want), slow_bits(defined));
		k->dot[type](&alone[c], 1, w, (const float *)(const void *)(x + c * n * sizeof(float)), n, n, 1);
		if (!(fabs((double)alone[c] - (double)want) <= 1e-6 * magnitude))
			fail_msg("%s by %s, n %zu: %.9g, want %.9g, magnitude %g", fox_type_info(type)->name,
			    k->dot_isa[type], n, (double)alone[c], (double)want, magnitude);
	}
	/* a column is the same bits in any company, and nothing is written between the steps of y */
	for (size_t cols = 1; cols <= COLS; cols++) {
		float y[COLS * 3];
		memset(y, 0x5a, sizeof y);
		k->dot[type](y, 3, w, (const float *)(const void *)x, n, n, cols);
		for (size_t i = 0; i < FOX_COUNT(y); i++)
			assert_int_equal(
			    slow_bits(y[i]), i % 3 == 0 && i / 3 < cols ? slow_bits(alone[i / 3]) : 0x5a5a5a5a);
	}
	odd_free(w), odd_free(x);
	free(wf), free(xf);
}

static void every_subset(void **state)
{
	(void)state;
	uint32_t isa = 0, n_types = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
			if (!k.dot[t] || !k.encode[t])
				continue;
			size_t block = fox_type_info(t)->elems, most = block < 256 ? 70 : 9;
			n_types++;
			for (size_t blocks = 0; blocks <= most; blocks++)
				one_length(&k, (enum fox_type)t, blocks * block);
			one_length(&k, (enum fox_type)t, 2048);
			if (block == 1)
				one_length(&k, (enum fox_type)t, 2079);
		}
	}
	assert_true(n_types >= 9);
}

/* Weights that are powers of two make every product exact, so that FMA changes nothing and any ISA that keeps
 * the stated order gives the same bits; activations of many magnitudes make any other order give others. */
static void order_is_the_stated_one(void **state)
{
	(void)state;
	enum { N = 331 };
	uint64_t seed = 17;
	size_t differ = 0;
	for (size_t n = 1; n <= N; n++) {
		float w[N], x[N], straight = 0;
		uint16_t w16[N];
		for (size_t i = 0; i < n; i++) {
			uint32_t r = test_rand(&seed);
			w[i] = ldexpf(r & 1 ? -1 : 1, (int)(r >> 1 & 7));
			w16[i] = slow_f32_to_bf16(w[i]);
			x[i] = slow_float((test_rand(&seed) & 0x7fffff) | (127 + (r >> 5) % 12) << 23);
			straight += w[i] * x[i];
		}
		double magnitude;
		float want = by_definition(w, x, n, &magnitude);
		differ += want != straight;
		uint32_t isa = 0;
		for (bool first = true; next_subset(&isa, &first);) {
			struct fox_kernels k;
			fox_kernels_init(&k, isa);
			float got;
			k.dot[FOX_F32](&got, 1, w, x, n, n, 1);
			assert_int_equal(slow_bits(got), slow_bits(want));
			k.dot[FOX_BF16](&got, 1, w16, x, n, n, 1);
			assert_int_equal(slow_bits(got), slow_bits(want));
		}
	}
	assert_true(differ > N / 2);
}

/* Damaged weights must show, on every ISA alike. */
static void nan_and_inf_come_through(void **state)
{
	(void)state;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (size_t at = 0; at < 70; at++) {
			uint16_t w[70] = {0};
			float x[70], y;
			for (size_t i = 0; i < 70; i++)
				x[i] = 1;
			w[at] = 0x7f80;
			k.dot[FOX_BF16](&y, 1, w, x, 70, 70, 1);
			assert_true(isinf(y) && y > 0);
			w[at] = 0x7fc0;
			k.dot[FOX_BF16](&y, 1, w, x, 70, 70, 1);
			assert_true(isnan(y));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_subset),
	    cmocka_unit_test(order_is_the_stated_one),
	    cmocka_unit_test(nan_and_inf_come_through),
	};
	return cmocka_run_group_tests_name("dot", tests, NULL, NULL);
}
