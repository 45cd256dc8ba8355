/* check_vec.c - what is done to activations between the products, and the cache's filling: against double precision with the
 * bounds of kernels/kernels.h, against the CPU's encoders byte for byte. */
#include "tests/test.h"

#include "kernels/cuda/ops.h"
#include "kernels/quant.h"
#include "tests/cuda/cuda_test.h"
#include "tests/kernels/slow.h"

static struct fox_cuda *cuda;
static struct fox_err err;

static float uniform(uint64_t *seed)
{
	return ((float)test_rand(seed) - 0x1p30f) * 0x1p-30f;
}

static float *numbers(size_t n, float scale, uint64_t *seed)
{
	float *x = malloc((n + 1) * sizeof *x);
	assert_non_null(x);
	for (size_t i = 0; i < n; i++)
		x[i] = scale * uniform(seed);
	return x;
}

static void check_norm(uint32_t n, uint32_t cols, bool layer, bool bias, bool in_place)
{
	uint64_t seed = n * 7 + cols;
	float *x = numbers((size_t)n * cols, 3, &seed), *w = numbers(cols, 2, &seed),
	      *b = numbers(cols, 1, &seed);
	for (size_t i = 0; i < (size_t)n * cols; i++)
		x[i] += layer ? 40 : 0; /* a mean that is large against the deviation */
	struct fox_cuda_norm norm = {.eps = 1e-5f, .layer = layer};
	float *dx = cuda_test_put(cuda, x, (size_t)n * cols * 4),
	      *dy = in_place ? dx : cuda_test_room(cuda, (size_t)n * cols * 4);
	float *dw = cuda_test_put(cuda, w, cols * 4), *db = cuda_test_put(cuda, b, cols * 4);
	norm.w = dw;
	norm.bias = bias ? db : NULL;
	assert_fox_ok(fox_cuda_norm(cuda, dy, dx, &norm, n, cols, &err), &err);
	float *y = cuda_test_get(cuda, dy, (size_t)n * cols * 4);
	for (size_t r = 0; r < n; r++) {
		const float *v = x + r * cols;
		double mean = 0, squares = 0;
		for (size_t i = 0; layer && i < cols; i++)
			mean += (double)v[i] / cols;
		for (size_t i = 0; i < cols; i++)
			squares += ((double)v[i] - mean) * ((double)v[i] - mean) / cols;
		double scale = 1 / sqrt(squares + (double)norm.eps);
		for (size_t i = 0; i < cols; i++) {
			double shift = bias ? (double)b[i] : 0,
			       want = ((double)v[i] - mean) * scale * (double)w[i] + shift;
			double got = (double)y[r * cols + i];
			if (!(fabs(got - want) <= 1e-6 * (fabs(want) + fabs(shift)) + 1e-12))
				fail_msg("%u x %u: element %zu of %zu is %.9g, want %.9g", n, cols, i, r, got, want);
		}
	}
	fox_cuda_free(cuda, dx);
	if (!in_place)
		fox_cuda_free(cuda, dy);
	fox_cuda_free(cuda, dw), fox_cuda_free(cuda, db);
	free(x), free(w), free(b), free(y);
}

static void norms(void **state)
{
	(void)state;
	static const uint32_t cols[] = {1, 7, 31, 64, 128, 1000, 1024, 1025, 2048, 4099};
	for (size_t i = 0; i < FOX_COUNT(cols); i++)
		for (uint32_t n = 1; n <= 5; n += 2)
			for (int kind = 0; kind < 3; kind++)
				check_norm(n, cols[i], kind > 0 && cols[i] > 1, kind == 2 && cols[i] > 1, n == 3);
}

static double silu(double g)
{
	return g / (1 + exp(-g));
}

static double gelu_t(double g)
{
	return sqrt(2 / 3.14159265358979323846) * (g + 0.044715 * g * g * g);
}

enum what { ADD, SILU, SILU_ALONE, GELU, GELU_ALONE, CAP, WHATS };

/* shift: elements by which the operands are off a multiple of 16 bytes; alias: 0 none, 1 y is a, 2 y is b */
static void check_elements(enum what what, size_t n, size_t shift, int alias)
{
	uint64_t seed = n + what;
	float *a = numbers(n + shift, 12, &seed), *b = numbers(n + shift, 2, &seed), cap = 5;
	static const float edges[] = {0, -0.0f, 100, -100, 1e30f, -1e30f, INFINITY, 1e-20f, -1e-20f, 60000, -200};
	for (size_t i = 0; i < FOX_COUNT(edges) && i < n && what != ADD; i++)
		a[shift + i] = edges[i];
	float *da = cuda_test_put(cuda, a, (n + shift) * 4), *db = cuda_test_put(cuda, b, (n + shift) * 4);
	bool alone = what == SILU_ALONE || what == GELU_ALONE;
	float *dy = alias == 1 || what == CAP ? da
	            : alias == 2 && !alone    ? db
	                                      : cuda_test_room(cuda, (n + shift) * 4);
	float *ya = dy + shift, *aa = da + shift, *bb = alone ? NULL : db + shift;
	if (what == ADD)
		assert_fox_ok(fox_cuda_add(cuda, ya, aa, bb, n, &err), &err);
	else if (what == CAP)
		assert_fox_ok(fox_cuda_softcap(cuda, ya, n, cap, &err), &err);
	else
		assert_fox_ok(fox_cuda_act_mul(cuda, ya, aa, bb, n,
		                  what == SILU || what == SILU_ALONE ? FOX_CUDA_SILU : FOX_CUDA_GELU, &err),
		    &err);
	float *y = cuda_test_get(cuda, dy, (n + shift) * 4);
	for (size_t i = 0; i < n; i++) {
		double g = (double)a[shift + i], u = alone ? 1 : (double)b[shift + i], want, tol = 1e-6;
		double got = (double)y[shift + i];
		if (what == ADD) {
			assert_true(slow_bits(y[shift + i]) == slow_bits(a[shift + i] + b[shift + i]));
			continue;
		} else if (what == CAP) {
			want = (double)cap * tanh(g / (double)cap);
		} else if (what == SILU || what == SILU_ALONE) {
			want = silu(g) * u;
		} else { /* t is rounded some times before its exponential */
			want = g > 40 ? g * u : g < -40 ? 0 : g / (1 + exp(-2 * gelu_t(g))) * u;
			tol += 8 * 0x1p-24 * fabs(gelu_t(g));
		}
		if (isinf(want) ? got != want : !(fabs(got - want) <= tol * fabs(want) + 1e-30))
			fail_msg("%d: element %zu of %zu, of %.9g, is %.9g, want %.9g", what, i, n, g, got, want);
	}
	fox_cuda_free(cuda, da), fox_cuda_free(cuda, db);
	if (dy != da && dy != db)
		fox_cuda_free(cuda, dy);
	free(a), free(b), free(y);
}

static void elements(void **state)
{
	(void)state;
	static const size_t n[] = {1, 2, 3, 4, 5, 1023, 1024, 1025, 5000};
	for (enum what what = ADD; what < WHATS; what++)
		for (size_t i = 0; i < FOX_COUNT(n); i++)
			for (size_t shift = 0; shift < 2; shift++)
				for (int alias = 0; alias < 3; alias++)
					check_elements(what, n[i], shift, alias);
}

/* As fox_sample's greedy choice, written here once more. */
static int32_t likeliest(const float *x, size_t n)
{
	int32_t best = -1;
	for (size_t i = 0; i < n; i++)
		if (x[i] > -INFINITY && (best < 0 || x[i] > x[best]))
			best = (int32_t)i;
	return best;
}

static void check_choice(const float *x, uint32_t n)
{
	float *dx = cuda_test_put(cuda, x, n * sizeof *x);
	int32_t got, *best = cuda_test_room(cuda, sizeof got);
	void *scratch = cuda_test_room(cuda, FOX_CUDA_ARGMAX_BYTES);
	assert_fox_ok(fox_cuda_argmax(cuda, best, dx, n, scratch, &err), &err);
	assert_fox_ok(fox_cuda_fetch(cuda, &got, best, sizeof got, &err), &err);
	if (got != likeliest(x, n))
		fail_msg("of %u: %d, want %d", n, got, likeliest(x, n));
	fox_cuda_free(cuda, dx), fox_cuda_free(cuda, best), fox_cuda_free(cuda, scratch);
}

static void choices(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 2, 31, 255, 256, 257, 1024, 1025, 40000, 151936};
	for (size_t i = 0; i < FOX_COUNT(sizes); i++) {
		uint32_t n = sizes[i];
		uint64_t seed = n;
		float *x = numbers(n, 10, &seed);
		check_choice(x, n);
		x[n - 1] = 11;
		check_choice(x, n);
		x[test_rand(&seed) % n] = x[test_rand(&seed) % n] = 11; /* the lowest of equal ones */
		check_choice(x, n);
		x[0] = NAN;
		x[n / 2] = -NAN;
		check_choice(x, n);
		for (uint32_t k = 0; k < n; k++)
			x[k] = -fabsf(x[k]) - 1;
		check_choice(x, n);
		x[n / 3] = -0.0f, x[n - 1] = 0; /* equal */
		check_choice(x, n);
		x[n / 2] = INFINITY;
		check_choice(x, n);
		for (uint32_t k = 0; k < n; k++)
			x[k] = k % 2 ? NAN : -INFINITY;
		check_choice(x, n);
		x[n - 1] = -3e38f;
		check_choice(x, n);
		free(x);
	}
}

/* cos, sin [positions][pairs] of any angles */
struct angles {
	float *cos, *sin;
	struct fox_cuda_rope rope;
};

static struct angles angles_of(uint32_t positions, uint32_t pairs, bool adjacent, uint64_t *seed)
{
	struct angles a;
	a.cos = numbers((size_t)positions * pairs, 1, seed);
	a.sin = numbers((size_t)positions * pairs, 1, seed);
	a.rope = (struct fox_cuda_rope){cuda_test_put(cuda, a.cos, (size_t)positions * pairs * 4),
	    cuda_test_put(cuda, a.sin, (size_t)positions * pairs * 4), pairs, adjacent};
	return a;
}

static void forget_angles(struct angles *a)
{
	fox_cuda_free(cuda, (void *)(uintptr_t)a->rope.cos);
	fox_cuda_free(cuda, (void *)(uintptr_t)a->rope.sin);
	free(a->cos), free(a->sin);
}

/* Products are exact in double: one value is right. */
static void turn(float *x, const struct angles *a, uint32_t position)
{
	uint32_t pairs = a->rope.pairs;
	for (uint32_t i = 0; i < pairs; i++) {
		float *p = &x[a->rope.adjacent ? 2 * i : i], *q = &x[a->rope.adjacent ? 2 * i + 1 : i + pairs];
		double c = (double)a->cos[position * pairs + i], s = (double)a->sin[position * pairs + i],
		       u = (double)*p, v = (double)*q;
		*p = (float)(u * c - v * s);
		*q = (float)(u * s + v * c);
	}
}

static void rotations(void **state)
{
	(void)state;
	static const uint32_t shapes[][4] = {/* rows, heads, dim, pairs */
	    {1, 4, 128, 64}, {3, 5, 80, 16}, {7, 1, 8, 4}, {2, 3, 20, 5}, {4, 2, 6, 1}, {2, 2, 64, 0}};
	for (size_t i = 0; i < FOX_COUNT(shapes); i++)
		for (int adjacent = 0; adjacent < 2; adjacent++) {
			uint32_t rows = shapes[i][0], heads = shapes[i][1], dim = shapes[i][2], pos = 9;
			uint64_t seed = i;
			size_t n = (size_t)rows * heads * dim;
			struct angles a = angles_of(pos + rows, shapes[i][3], adjacent, &seed);
			float *x = numbers(n, 4, &seed), *dx = cuda_test_put(cuda, x, n * 4);
			uint32_t *dpos = cuda_test_put(cuda, &pos, 4);
			assert_fox_ok(fox_cuda_rope(cuda, dx, &a.rope, dpos, rows, heads, dim, &err), &err);
			for (uint32_t r = 0; r < rows * heads; r++)
				turn(x + (size_t)r * dim, &a, pos + r / heads);
			float *y = cuda_test_get(cuda, dx, n * 4);
			assert_memory_equal(y, x, n * 4);
			free(x), free(y);
			fox_cuda_free(cuda, dx), fox_cuda_free(cuda, dpos);
			forget_angles(&a);
		}
}

/* What q8_0 stores for 32 values; what the other types store for one. */
static void encode(uint8_t *page, enum fox_type type, size_t dim, size_t head, size_t at, const float *x)
{
	static const uint8_t bytes[FOX_TYPE_LIMIT] = {[FOX_F32] = 4, [FOX_F16] = 2, [FOX_BF16] = 2};
	if (type != FOX_Q8_0) {
		uint8_t *to = page + (head * FOX_CUDA_PAGE + at) * dim * bytes[type];
		(type == FOX_F32      ? fox_encode_f32_scalar
		    : type == FOX_F16 ? fox_encode_f16_scalar
		                      : fox_encode_bf16_scalar)(to, x, dim);
		return;
	}
	uint8_t *q = page + head * FOX_CUDA_PAGE * dim / 32 * 34, block[34];
	for (size_t g = 0; g < dim / 32; g++) {
		fox_quant_q8_0(block, x + g * 32, 32);
		memcpy(q + FOX_CUDA_PAGE * dim + (at * (dim / 32) + g) * 2, block, 2);
		memcpy(q + at * dim + g * 32, block + 2, 32);
	}
}

enum { PAGES = 2, PAD = 512 };

static void check_put(enum fox_type type, uint32_t rows, uint32_t kv_heads, uint32_t heads, uint32_t dim,
    uint32_t pos, uint32_t pairs, bool adjacent, bool strange)
{
	uint64_t seed = dim + pos, side = fox_cuda_side_bytes(type, kv_heads, dim);
	size_t n = (size_t)rows * kv_heads * dim, nq = (size_t)rows * heads * dim, bytes = 2 * side + 2 * PAD;
	struct angles a = angles_of(pos + rows, pairs, adjacent, &seed);
	float *k = numbers(n, 3, &seed), *v = numbers(n, 3, &seed), *q = numbers(nq, 3, &seed);
	for (size_t i = 0; strange && i < n; i++) {
		v[i] = slow_float(test_rand(&seed) * 4 + test_rand(&seed) % 4);
		if (i / 32 % 3)
			v[i] = every_exponent(test_rand(&seed) % (512 * 8), 8, &seed);
		if (i / 32 % 4 == 3) /* of q8_0 the scale is 1: halves are ties */
			v[i] = i % 32 == 5 ? -127 : (float)(int)(test_rand(&seed) % 508 - 254) / 2;
	}
	uint8_t *want[PAGES];
	void *pages[PAGES];
	for (int i = 0; i < PAGES; i++) {
		want[i] = malloc(bytes);
		memset(want[i], 0xa5, bytes);
		pages[i] = cuda_test_put(cuda, want[i], bytes);
	}
	void **dpages = cuda_test_put(cuda, pages, sizeof pages);
	struct fox_cuda_cache cache = {dpages, PAGES, PAD, PAD + side, type, kv_heads, dim};
	uint32_t *dpos = cuda_test_put(cuda, &pos, 4);
	float *dk = cuda_test_put(cuda, k, n * 4), *dv = cuda_test_put(cuda, v, n * 4),
	      *dq = cuda_test_put(cuda, q, nq * 4);
	struct fox_cuda_put put = {&cache, dk, dv, pairs ? &a.rope : NULL, pairs ? dq : NULL, heads, dpos, rows};
	assert_fox_ok(fox_cuda_kv_put(cuda, &put, &err), &err);
	float *same = cuda_test_get(cuda, dk, n * 4);
	assert_memory_equal(same, k, n * 4);
	for (uint32_t r = 0; r < rows; r++) {
		uint32_t p = pos + r;
		uint8_t *page = want[p / FOX_CUDA_PAGE % PAGES] + PAD;
		for (uint32_t h = 0; h < kv_heads; h++) {
			float *key = k + ((size_t)r * kv_heads + h) * dim;
			turn(key, &a, p);
			encode(page, type, dim, h, p % FOX_CUDA_PAGE, key);
			encode(page + side, type, dim, h, p % FOX_CUDA_PAGE, v + ((size_t)r * kv_heads + h) * dim);
		}
		for (uint32_t h = 0; h < heads; h++)
			turn(q + ((size_t)r * heads + h) * dim, &a, p);
	}
	float *turned = cuda_test_get(cuda, dq, nq * 4);
	assert_memory_equal(turned, q, nq * 4);
	for (int i = 0; i < PAGES; i++) {
		uint8_t *got = cuda_test_get(cuda, pages[i], bytes);
		assert_memory_equal(got, want[i], bytes); /* and nothing beside it has changed */
		free(got), free(want[i]);
		fox_cuda_free(cuda, pages[i]);
	}
	fox_cuda_free(cuda, dpages), fox_cuda_free(cuda, dpos), fox_cuda_free(cuda, dk), fox_cuda_free(cuda, dv);
	fox_cuda_free(cuda, dq);
	forget_angles(&a);
	free(k), free(v), free(q), free(same), free(turned);
}

static void puts_keys_and_values(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
	static const uint32_t shapes[][5] = {/* rows, kv_heads, heads, dim, pairs */
	    {1, 4, 16, 128, 64}, {3, 1, 3, 32, 8}, {5, 2, 2, 64, 0}, {2, 3, 6, 96, 48}, {4, 2, 4, 20, 10},
	    {2, 1, 1, 5, 2}};
	static const uint32_t positions[] = {0, 254, 511, 700};
	for (size_t t = 0; t < FOX_COUNT(types); t++) {
		assert_true(fox_cuda_side_bytes(types[t], 3, 96) % 256 == 0);
		for (size_t s = 0; s < FOX_COUNT(shapes); s++)
			for (size_t p = 0; p < FOX_COUNT(positions); p++)
				if (types[t] != FOX_Q8_0 || shapes[s][3] % 32 == 0)
					check_put(types[t], shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3], positions[p],
					    shapes[s][4], p % 2, p > 1);
	}
	assert_true(fox_cuda_side_bytes(FOX_F32, 2, 64) == 2 * 256 * 64 * 4);
	assert_true(fox_cuda_side_bytes(FOX_Q8_0, 2, 64) == 2 * 256 * (64 + 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(norms),
	    cmocka_unit_test(elements),
	    cmocka_unit_test(choices),
	    cmocka_unit_test(rotations),
	    cmocka_unit_test(puts_keys_and_values),
	};
	cuda = cuda_test_open();
	int failed = cmocka_run_group_tests_name("cuda vec", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
