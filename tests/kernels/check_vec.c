/* check_vec.c - norms, activations, caps, rope and axpy: the scalar kernels against double precision, every
 * ISA subset against the scalar kernels within the bounds that kernels.h states. Heap blocks have their exact
 * size. */
#include "tests/test.h"

#include "tests/kernels/slow.h"

enum { MAX_N = 70 };
static const size_t long_lengths[] = {128, 2048, 2051};

/* |got - want| <= tol, or both NaN, or the same Inf */
static bool within(float got, double want, double tol)
{
	if (isnan(want))
		return isnan(got);
	if (isinf(want))
		return (double)got == want;
	return fabs((double)got - want) <= tol;
}

static float *floats(size_t n)
{
	float *p = malloc(n * sizeof *p + !n);
	assert_non_null(p);
	return p;
}

static float *copy_of(const float *x, size_t n)
{
	float *p = floats(n);
	if (n)
		memcpy(p, x, n * sizeof *p);
	return p;
}

static float *uniform(size_t n, float scale, uint64_t *seed)
{
	float *p = floats(n);
	for (size_t i = 0; i < n; i++)
		p[i] = ((float)test_rand(seed) - 0x1p30f) * 0x1p-30f * scale;
	return p;
}

/* check(k, n) for each subset and length */
static void each(void (*check)(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n))
{
	uint32_t isa = 0;
	struct fox_kernels k, scalar;
	fox_kernels_init(&scalar, 0);
	for (bool first = true; next_subset(&isa, &first);) {
		fox_kernels_init(&k, isa);
		for (size_t n = 0; n <= MAX_N; n++)
			check(&k, &scalar, n);
		for (size_t i = 0; i < FOX_COUNT(long_lengths); i++)
			check(&k, &scalar, long_lengths[i]);
	}
}

static void check_axpy(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n;
	float *y = uniform(n, 100, &seed), *want = copy_of(y, n), *x = uniform(n, 3, &seed), *y0 = copy_of(y, n);
	k->axpy(y, -0.37f, x, n);
	scalar->axpy(want, -0.37f, x, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(slow_bits(y[i]), slow_bits(want[i]));
		assert_int_equal(slow_bits(want[i]), slow_bits(y0[i] + -0.37f * x[i]));
	}
	free(y), free(want), free(x), free(y0);
}

static void check_rmsnorm(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 1;
	static const float scales[] = {1, 1e-12f, 1e18f};
	for (size_t s = 0; s < FOX_COUNT(scales); s++) {
		float *x = uniform(n, scales[s], &seed), *w = uniform(n, 2, &seed), *got = floats(n),
		      *want = floats(n);
		const float eps = 1e-5f;
		double sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += (double)x[i] * x[i];
		scalar->rmsnorm(want, x, w, n, eps);
		k->rmsnorm(got, x, w, n, eps);
		for (size_t i = 0; i < n; i++) {
			double exact = x[i] / sqrt(sum / (double)n + (double)eps) * w[i];
			assert_true(within(want[i], exact, 3e-7 * fabs(exact) + 1e-44));
			assert_true(within(got[i], want[i], 1e-6 * fabs((double)want[i])));
		}
		k->rmsnorm(x, x, w, n, eps); /* in place: the same bits */
		if (n)
			assert_memory_equal(x, got, n * sizeof *x);
		free(x), free(w), free(got), free(want);
	}
}

/* Gates from -120 to 120 in small steps and the values where exp meets the ends of f32. */
static float gate(size_t i, uint64_t *seed)
{
	static const float edge[] = {0.0f, -0.0f, 88.72283f, -88.72283f, -88.72284f, -88.7f, -87.4f, -104.0f,
	    -1000.0f, 1000.0f, 1e-30f, -1e-30f, 0x1p-149f, -3e38f, 3e38f, 87.33f};
	if (i % 5 == 0)
		return edge[i / 5 % FOX_COUNT(edge)];
	return ((float)test_rand(seed) - 0x1p30f) * 0x1p-30f * (i % 2 ? 120.0f : 4.0f);
}

static void check_silu_mul(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 2;
	float *g = floats(n), *u = uniform(n, 5, &seed), *got = floats(n), *want = floats(n);
	for (size_t i = 0; i < n; i++)
		g[i] = gate(i, &seed);
	scalar->silu_mul(want, g, u, n);
	k->silu_mul(got, g, u, n);
	for (size_t i = 0; i < n; i++) {
		double exact = g[i] / (1 + exp(-(double)g[i])) * u[i];
		assert_true(within(want[i], isinf(want[i]) ? (double)want[i] : exact, 4e-7 * fabs(exact) + 1e-30));
		if (!within(got[i], want[i], 1e-6 * fabs((double)want[i]) + 1e-30))
			fail_msg("isa %u: silu(%.9g) * %.9g is %.9g, want %.9g", k->isa, (double)g[i], (double)u[i],
			    (double)got[i], (double)want[i]);
	}
	float *in_g = copy_of(g, n), *in_u = copy_of(u, n);
	k->silu_mul(in_g, in_g, u, n); /* y may be g, and y may be u */
	k->silu_mul(in_u, g, in_u, n);
	if (n) {
		assert_memory_equal(in_g, got, n * sizeof *got);
		assert_memory_equal(in_u, got, n * sizeof *got);
	}
	free(g), free(u), free(got), free(want), free(in_g), free(in_u);
}

static void silu_mul_of_what_is_not_finite(void **state)
{
	(void)state;
	const float g[9] = {NAN, INFINITY, -INFINITY, 1, 2, -NAN, -1, 0, NAN},
	            u[9] = {1, 1, 1, NAN, INFINITY, 1, 1, 1, 1};
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		float y[9];
		k.silu_mul(y, g, u, 9);
		for (size_t i = 0; i < 9; i++) {
			bool nan = i == 0 || i == 2 || i == 3 || i == 5 || i == 8, inf = i == 1 || i == 4;
			assert_int_equal(isnan(y[i]) != 0, nan);
			assert_int_equal(isinf(y[i]) != 0, inf);
		}
	}
}

/* The tanh form in double, as it is written, but for where 1 + tanh cancels. An exponential magnifies the roundings of its
 * argument, of which there are six. */
static void check_gelu_mul(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 5;
	float *g = floats(n), *u = uniform(n, 5, &seed), *got = floats(n), *want = floats(n), *alone = floats(n);
	for (size_t i = 0; i < n; i++)
		g[i] = i % 3 ? gate(i, &seed) : ((float)test_rand(&seed) - 0x1p30f) * 0x1p-30f * 6;
	scalar->gelu_mul(want, g, u, n);
	k->gelu_mul(got, g, u, n);
	k->gelu_mul(alone, g, NULL, n); /* no factor is a factor of 1 */
	for (size_t i = 0; i < n; i++) {
		double x = g[i], t = 0.79788456080286536 * (x + 0.044715 * x * x * x);
		double exact = t < -3 ? x * exp(2 * t) / (1 + exp(2 * t)) : x / 2 * (1 + tanh(t));
		double tol = (4e-7 + 6 * 0x1p-24 * fabs(2 * t)) * fabs(exact) + 1e-30;
		assert_true(within(want[i], exact * u[i], tol * fabs((double)u[i])) || isinf(want[i]));
		assert_true(!isinf(want[i]) || fabs(exact * u[i]) > 3.4e38);
		assert_true(within(alone[i], exact, 2 * tol));
		if (!within(got[i], want[i], 1e-6 * fabs((double)want[i]) + 1e-30))
			fail_msg("isa %u: gelu(%.9g) * %.9g is %.9g, want %.9g", k->isa, (double)g[i], (double)u[i],
			    (double)got[i], (double)want[i]);
	}
	float *in_g = copy_of(g, n), *in_u = copy_of(u, n), *in_alone = copy_of(g, n);
	k->gelu_mul(in_g, in_g, u, n); /* y may be g, and y may be u */
	k->gelu_mul(in_u, g, in_u, n);
	k->gelu_mul(in_alone, in_alone, NULL, n);
	if (n) {
		assert_memory_equal(in_g, got, n * sizeof *got);
		assert_memory_equal(in_u, got, n * sizeof *got);
		assert_memory_equal(in_alone, alone, n * sizeof *got);
	}
	free(g), free(u), free(got), free(want), free(alone), free(in_g), free(in_u), free(in_alone);
}

static void check_layernorm(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 6;
	/* values, and how far from 0 they lie: a mean a thousand times the spread must not eat the spread */
	static const float scales[][2] = {{1, 0}, {1e-12f, 0}, {1e18f, 0}, {1, 1000}, {0.5f, -3}, {0, 7}};
	for (size_t s = 0; s < FOX_COUNT(scales); s++) {
		float *x = uniform(n, scales[s][0], &seed), *w = uniform(n, 2, &seed), *b = uniform(n, 1, &seed),
		      *got = floats(n), *want = floats(n), *bare = floats(n);
		const float eps = 1e-5f;
		double sum = 0, squares = 0;
		for (size_t i = 0; i < n; i++)
			sum += (double)(x[i] += scales[s][1]);
		double mean = sum / (double)n;
		for (size_t i = 0; i < n; i++)
			squares += (x[i] - mean) * (x[i] - mean);
		double scale = 1 / sqrt(squares / (double)n + (double)eps);
		scalar->layernorm(want, x, w, b, n, eps);
		k->layernorm(got, x, w, b, n, eps);
		k->layernorm(bare, x, w, NULL, n, eps);
		for (size_t i = 0; i < n; i++) {
			double exact = (x[i] - mean) * scale * w[i], size = fabs(exact) + fabs((double)b[i]);
			assert_true(within(want[i], exact + b[i], 3e-7 * size + 1e-44));
			assert_true(within(bare[i], exact, 1.3e-6 * fabs(exact) + 1e-44));
			assert_true(within(got[i], want[i], 1e-6 * (fabs((double)want[i]) + fabs((double)b[i]))));
		}
		k->layernorm(x, x, w, b, n, eps); /* in place: the same bits */
		if (n)
			assert_memory_equal(x, got, n * sizeof *x);
		free(x), free(w), free(b), free(got), free(want), free(bare);
	}
}

static void check_softcap(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 7;
	static const float caps[] = {50, 30, 1, 0.125f, 1e6f};
	for (size_t s = 0; s < FOX_COUNT(caps); s++) {
		float cap = caps[s], *x = floats(n);
		for (size_t i = 0; i < n; i++)
			x[i] = gate(i, &seed);
		float *want = copy_of(x, n), *got = copy_of(x, n);
		scalar->softcap(want, n, cap);
		k->softcap(got, n, cap);
		for (size_t i = 0; i < n; i++) {
			double exact = (double)cap * tanh((double)x[i] / (double)cap);
			assert_true(within(want[i], exact, 4e-7 * fabs(exact) + 1e-38));
			assert_true(within(got[i], want[i], 1e-6 * fabs((double)want[i])));
			assert_true(fabsf(got[i]) <= cap);
		}
		free(x), free(want), free(got);
	}
}

/* NaN comes through all three; what is infinite is where the function goes. */
static void of_what_is_not_finite(void **state)
{
	(void)state;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		const float g[4] = {NAN, INFINITY, -INFINITY, 1}, one[4] = {1, 1, 1, 1}, nan[4] = {1, 1, NAN, 1};
		float y[4], cap[4] = {NAN, INFINITY, -INFINITY, 0};
		k.gelu_mul(y, g, NULL, 4);
		assert_true(isnan(y[0]) && isinf(y[1]) && y[1] > 0 && isnan(y[2]) && y[3] > 0.8f);
		k.gelu_mul(y, one, nan, 4);
		assert_true(y[0] > 0.8f && isnan(y[2]));
		k.softcap(cap, 4, 30);
		assert_true(isnan(cap[0]) && cap[1] == 30 && cap[2] == -30 && cap[3] == 0);
		for (int bias = 0; bias < 2; bias++) {
			k.layernorm(y, nan, one, bias ? one : NULL, 4, 1e-5f);
			assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]) && isnan(y[3]));
		}
	}
}

static void check_rope(const struct fox_kernels *k, const struct fox_kernels *scalar, size_t n)
{
	uint64_t seed = n + 4;
	for (int pairs = 0; pairs <= 1; pairs++) {
		float *x = uniform(2 * n, 10, &seed), *want = copy_of(x, 2 * n), *got = copy_of(x, 2 * n),
		      *c = floats(n), *s = floats(n);
		for (size_t i = 0; i < n; i++) {
			double angle = (double)test_rand(&seed) * 1e-5;
			c[i] = (float)cos(angle), s[i] = (float)sin(angle);
		}
		scalar->rope(want, c, s, n, pairs);
		k->rope(got, c, s, n, pairs);
		for (size_t i = 0; i < n; i++) {
			size_t ia = pairs ? 2 * i : i, ib = pairs ? 2 * i + 1 : i + n;
			double a = x[ia], b = x[ib], size = fabs(a) + fabs(b);
			double ra = a * (double)c[i] - b * (double)s[i], rb = a * (double)s[i] + b * (double)c[i];
			assert_true(within(want[ia], ra, 0x1p-24 * fabs(ra) + 1e-44));
			assert_true(within(want[ib], rb, 0x1p-24 * fabs(rb) + 1e-44));
			assert_true(within(got[ia], want[ia], 1e-6 * size));
			assert_true(within(got[ib], want[ib], 1e-6 * size));
		}
		free(x), free(want), free(got), free(c), free(s);
	}
}

/* A row's values do not depend on how long the row is, where that is promised: the tail is the same code path
 * or the same roundings. */
static void tails_equal_bodies(void **state)
{
	(void)state;
	uint64_t seed = 9;
	float *g = uniform(64, 20, &seed), *u = uniform(64, 1, &seed);
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		float whole[64], part[64];
		k.silu_mul(whole, g, u, 64);
		for (size_t n = 0; n <= 64; n++) {
			k.silu_mul(part, g, u, n);
			assert_memory_equal(part, whole, n * sizeof *part);
		}
		k.gelu_mul(whole, g, u, 64);
		for (size_t n = 0; n <= 64; n++) {
			k.gelu_mul(part, g, u, n);
			assert_memory_equal(part, whole, n * sizeof *part);
		}
		k.gelu_mul(whole, g, NULL, 64);
		for (size_t n = 0; n <= 64; n++) {
			k.gelu_mul(part, g, NULL, n);
			assert_memory_equal(part, whole, n * sizeof *part);
		}
	}
	free(g), free(u);
}

static void axpy(void **state)
{
	(void)state;
	each(check_axpy);
}

static void rmsnorm(void **state)
{
	(void)state;
	each(check_rmsnorm);
}

static void silu_mul(void **state)
{
	(void)state;
	each(check_silu_mul);
}

static void gelu_mul(void **state)
{
	(void)state;
	each(check_gelu_mul);
}

static void layernorm(void **state)
{
	(void)state;
	each(check_layernorm);
}

static void softcap(void **state)
{
	(void)state;
	each(check_softcap);
}

static void rope(void **state)
{
	(void)state;
	each(check_rope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(axpy),
	    cmocka_unit_test(rmsnorm),
	    cmocka_unit_test(silu_mul),
	    cmocka_unit_test(silu_mul_of_what_is_not_finite),
	    cmocka_unit_test(gelu_mul),
	    cmocka_unit_test(layernorm),
	    cmocka_unit_test(softcap),
	    cmocka_unit_test(of_what_is_not_finite),
	    cmocka_unit_test(rope),
	    cmocka_unit_test(tails_equal_bodies),
	};
	return cmocka_run_group_tests_name("vec", tests, NULL, NULL);
}
