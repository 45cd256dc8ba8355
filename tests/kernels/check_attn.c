/* check_attn.c - attention's kernels: the scalar ones against double precision over panels that the test lays out itself, every
 * ISA subset against the scalar ones, and each row alone against the row among others, bit for bit. Heap blocks have their
 * exact size and begin at odd addresses. */
#include "tests/test.h"

#include "tests/kernels/slow.h"

static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};
enum { ROWS = 14, COLUMNS = 64, DIM_MAX = 160 };

/* One side of a block: its bytes, and element (row, column) as the header of attn.h says. */
struct side {
	enum fox_type type;
	bool keys;
	size_t height, columns, bytes;
	uint8_t *memory, *b; /* b: memory + 1 */
};

static float half_at(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, sizeof h);
	return slow_float(slow_f16_to_f32(h));
}

static double element(const struct side *s, size_t row, size_t column)
{
	size_t panel = column / 16, lane = column % 16, flat = (panel * s->height + row) * 16 + lane;
	float f;
	uint16_t h;
	switch (s->type) {
	case FOX_F32:
		memcpy(&f, s->b + 4 * flat, sizeof f);
		return (double)f;
	case FOX_F16:
		return (double)half_at(s->b + 2 * flat);
	case FOX_BF16:
		memcpy(&h, s->b + 2 * flat, sizeof h);
		return (double)slow_float(slow_bf16_to_f32(h));
	default:
		break;
	}
	if (s->keys) {
		const uint8_t *group = s->b + (panel * (s->height / 32) + row / 32) * 544;
		return (double)half_at(group + 2 * lane) * (int8_t)group[32 + row % 32 * 16 + lane];
	}
	const uint8_t *pair = s->b + panel / 2 * 2176;
	return (double)half_at(pair + 2 * row) * (int8_t)pair[128 + panel % 2 * 1024 + row * 16 + lane];
}

static float uniform(uint64_t *seed)
{
	return ((float)test_rand(seed) - 0x1p30f) * 0x1p-30f;
}

static void fill(struct side *s, enum fox_type type, bool keys, size_t dim, uint64_t *seed)
{
	*s = (struct side){
	    .type = type, .keys = keys, .height = keys ? dim : 64, .columns = keys ? 64 : (dim + 15) / 16 * 16};
	size_t n = s->height * s->columns;
	s->bytes = type == FOX_Q8_0 ? n / 32 * 34 : n * (type == FOX_F32 ? 4 : 2);
	s->memory = malloc(s->bytes + 1);
	assert_non_null(s->memory);
	s->b = s->memory + 1;
	for (size_t i = 0; type == FOX_Q8_0 && i < s->bytes; i++)
		s->b[i] = (uint8_t)test_rand(seed);
	for (size_t i = 0; type != FOX_Q8_0 && i < n; i++) {
		float f = 2 * uniform(seed);
		uint16_t h = type == FOX_F16 ? slow_f32_to_f16(f) : slow_f32_to_bf16(f);
		if (type == FOX_F32)
			memcpy(s->b + 4 * i, &f, 4);
		else
			memcpy(s->b + 2 * i, &h, 2);
	}
	/* scales that are numbers */
	for (size_t at = 0; type == FOX_Q8_0 && at < s->bytes; at += keys ? 544 : 2176)
		for (size_t i = 0; i < (keys ? 16 : 64); i++) {
			uint16_t d = slow_f32_to_f16(uniform(seed) / 64);
			memcpy(s->b + at + 2 * i, &d, 2);
		}
}

static fox_attn_mul_fn *mul_of(const struct fox_kernels *k, const struct side *s)
{
	return s->keys ? k->attn.cache[s->type].keys : k->attn.cache[s->type].values;
}

/* Rows times elements [first, first + k) of the rows of the panels from p0 on. */
static void check_product(const struct fox_kernels *k, const struct fox_kernels *scalar, const struct side *s,
    size_t rows, size_t first, size_t n, size_t p0, bool kept, uint64_t *seed)
{
	size_t panels = s->columns / 16 - p0, width = panels * 16, x_step = n + 3, y_step = width + 5;
	size_t panel_bytes = s->bytes / (s->columns / 16);
	float *x = malloc(rows * x_step * sizeof *x), *keep = malloc(rows * sizeof *keep);
	float *before = malloc(rows * y_step * sizeof *x), *got = malloc(rows * y_step * sizeof *x),
	      *want = malloc(rows * y_step * sizeof *x), *alone = malloc(rows * y_step * sizeof *x);
	for (size_t i = 0; i < rows * x_step; i++)
		x[i] = uniform(seed);
	for (size_t i = 0; i < rows; i++)
		keep[i] = uniform(seed);
	for (size_t i = 0; i < rows * y_step; i++)
		before[i] = got[i] = want[i] = alone[i] = uniform(seed);
	const uint8_t *b = s->b + p0 * panel_bytes;
	mul_of(k, s)(got, y_step, kept ? keep : NULL, x, x_step, rows, b, s->height, first, n, panels);
	mul_of(scalar, s)(want, y_step, kept ? keep : NULL, x, x_step, rows, b, s->height, first, n, panels);
	for (size_t r = 0; r < rows; r++)
		mul_of(k, s)(alone + r * y_step, y_step, kept ? keep + r : NULL, x + r * x_step, x_step, 1, b,
		    s->height, first, n, panels);
	assert_memory_equal(
	    got, alone, rows * y_step * sizeof *got); /* and nothing between the rows has changed */
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < y_step; c++) {
			double sum = 0, size = 0;
			if (c >= width) {
				assert_true(slow_bits(got[r * y_step + c]) == slow_bits(before[r * y_step + c]));
				continue;
			}
			if (kept)
				sum = (double)keep[r] * (double)before[r * y_step + c], size = fabs(sum);
			for (size_t i = 0; i < n; i++) {
				double v = (double)x[r * x_step + i] * element(s, first + i, p0 * 16 + c);
				sum += v, size += fabs(v);
			}
			assert_true(fabs((double)want[r * y_step + c] - sum) <= (double)(n + 2) * 0x1p-24 * size);
			assert_true(fabs((double)got[r * y_step + c] - (double)want[r * y_step + c]) <= 1e-6 * size);
		}
	free(x), free(keep), free(before), free(got), free(want), free(alone);
}

static void each_product(
    const struct fox_kernels *k, const struct fox_kernels *scalar, enum fox_type type, size_t dim)
{
	uint64_t seed = dim + type;
	struct side keys, values;
	fill(&keys, type, true, dim, &seed);
	fill(&values, type, false, dim, &seed);
	for (size_t rows = 1; rows <= ROWS; rows++) {
		for (size_t p0 = 0; p0 < 4; p0++)
			check_product(k, scalar, &keys, rows, 0, dim, p0, rows % 2, &seed);
		static const size_t parts[][2] = {{0, 64}, {0, 1}, {63, 64}, {5, 23}, {17, 64}, {32, 33}};
		for (size_t i = 0; i < FOX_COUNT(parts); i++)
			check_product(
			    k, scalar, &values, rows, parts[i][0], parts[i][1] - parts[i][0], 0, rows % 2, &seed);
	}
	free(keys.memory), free(values.memory);
}

static void products(void **state)
{
	(void)state;
	static const size_t dims[] = {16, 20, 32, 64, 96, 128, DIM_MAX};
	uint32_t isa = 0;
	struct fox_kernels k, scalar;
	fox_kernels_init(&scalar, 0);
	for (bool first = true; next_subset(&isa, &first);) {
		fox_kernels_init(&k, isa);
		for (size_t t = 0; t < FOX_COUNT(types); t++)
			for (size_t d = 0; d < FOX_COUNT(dims); d++)
				if (types[t] != FOX_Q8_0 || dims[d] % 32 == 0)
					each_product(&k, &scalar, types[t], dims[d]);
	}
}

/* Decoded once, in the same places: the bits that the products use. */
static void opened(void **state)
{
	(void)state;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (size_t t = 0; t < FOX_COUNT(types); t++)
			for (int keys = 0; keys < 2; keys++) {
				uint64_t seed = 3;
				struct side s;
				fill(&s, types[t], keys, 96, &seed);
				size_t n = s.height * s.columns;
				float *got = malloc(n * sizeof *got);
				(keys ? k.attn.cache[s.type].open_keys : k.attn.cache[s.type].open_values)(got, s.b, n);
				for (size_t i = 0; i < n; i++) {
					size_t panel = i / 16 / s.height, row = i / 16 % s.height;
					assert_true((double)got[i] == element(&s, row, panel * 16 + i % 16));
				}
				free(got), free(s.memory);
			}
	}
}

/* What a row has added up stays a number when keep is 0; NaN in one row stays there. */
static void rows_do_not_mix(void **state)
{
	(void)state;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		float b[16], x[8] = {1, 1, 1, NAN, 1, 1, 1, 1}, y[8][16] = {{0}};
		for (int i = 0; i < 16; i++)
			b[i] = 1;
		k.attn.cache[FOX_F32].keys(y[0], 16, NULL, x, 1, 8, b, 1, 0, 1, 1);
		for (int r = 0; r < 8; r++)
			for (int c = 0; c < 16; c++)
				assert_true(r == 3 ? isnan(y[r][c]) : y[r][c] == 1);
	}
}

static const struct fox_attn_shape shapes[] = {
    {0.088f, 0, 0}, {1, 0, 0}, {1, 30, 0}, {0.25f, 50, 0.0625f}, {0.5f, 0, 0.5f}, {40, 0, 0}};

static double shaped(const struct fox_attn_shape *shape, double s, uint32_t distance)
{
	double x = s * (double)shape->scale;
	if (shape->cap != 0)
		x = (double)shape->cap * tanh(x / (double)shape->cap);
	return x - (double)shape->slope * distance;
}

static void check_weigh(
    const struct fox_kernels *k, const struct fox_attn_shape *shape, size_t n, uint64_t *seed)
{
	enum { STEPS = 3 };
	double scores[STEPS * 64], want_max = -INFINITY;
	float weights[STEPS * 64];
	struct fox_attn_seen seen = {-INFINITY, 0};
	uint32_t distance = 500;
	size_t at = 0;
	for (int step = 0; step < STEPS; step++) {
		float *s = malloc(n * sizeof *s), before = seen.max;
		for (size_t j = 0; j < n; j++) {
			s[j] = 6 * uniform(seed);
			scores[at + j] = shaped(shape, (double)s[j], distance - (uint32_t)j);
			want_max = scores[at + j] > want_max ? scores[at + j] : want_max;
		}
		float keep = k->attn.weigh(s, n, shape, distance, &seen);
		assert_true(fabs((double)seen.max - want_max) <= 2e-6 * (1 + fabs(want_max) + 250));
		double want_keep = step ? exp((double)before - (double)seen.max) : 0;
		assert_true(fabs((double)keep - want_keep) <= 1e-6 * want_keep + 1e-30);
		for (size_t j = 0; j < at; j++)
			weights[j] *= keep;
		memcpy(weights + at, s, n * sizeof *s);
		at += n, distance -= (uint32_t)n;
		free(s);
	}
	double sum = 0;
	for (size_t j = 0; j < at; j++) {
		double want = exp(scores[j] - (double)seen.max);
		/* a score is off by some roundings of it and of slope * distance */
		double tol = 3e-6 + 4 * 0x1p-24 * (fabs(scores[j]) + 500 * (double)shape->slope + 240);
		if (!(fabs((double)weights[j] - want) <= tol * want + 1e-30))
			fail_msg("isa %u, n %zu: weight %zu is %.9g, want %.9g", k->isa, n, j, (double)weights[j], want);
		sum += (double)weights[j];
	}
	assert_true(fabs(seen.sum - sum) <= 2e-6 * sum);
}

static void weights(void **state)
{
	(void)state;
	uint32_t isa = 0;
	uint64_t seed = 12;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (size_t i = 0; i < FOX_COUNT(shapes); i++)
			for (size_t n = 1; n <= 64; n++)
				check_weigh(&k, &shapes[i], n, &seed);
	}
}

/* The same inputs give every ISA the scalar kernel's weights, where shapes leave the score exact. */
static void weights_of_every_isa(void **state)
{
	(void)state;
	static const struct fox_attn_shape plain = {1, 0, 0};
	uint32_t isa = 0;
	struct fox_kernels k, scalar;
	fox_kernels_init(&scalar, 0);
	for (bool first = true; next_subset(&isa, &first);) {
		uint64_t seed = 5;
		fox_kernels_init(&k, isa);
		for (size_t n = 1; n <= 64; n++) {
			float got[64], want[64];
			struct fox_attn_seen a = {1, 2.5}, b = a;
			for (size_t j = 0; j < n; j++)
				got[j] = want[j] = (j % 7 ? 9 : 90) * uniform(&seed);
			float keep_a = k.attn.weigh(got, n, &plain, 0, &a),
			      keep_b = scalar.attn.weigh(want, n, &plain, 0, &b);
			assert_true(a.max == b.max && fabsf(keep_a - keep_b) <= 1e-6f * keep_b + 1e-30f);
			assert_true(fabs(a.sum - b.sum) <= 2e-6 * b.sum);
			for (size_t j = 0; j < n; j++)
				assert_true(fabsf(got[j] - want[j]) <= 1e-6f * want[j] + 1e-30f);
		}
	}
}

/* Nothing but -Inf weighs nothing; a number after it counts as if it were first; NaN is not lost. */
static void what_is_not_finite(void **state)
{
	(void)state;
	static const struct fox_attn_shape plain = {1, 0, 0};
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (size_t n = 1; n <= 64; n += 21) {
			float s[64];
			struct fox_attn_seen seen = {-INFINITY, 0};
			for (size_t j = 0; j < n; j++)
				s[j] = -INFINITY;
			assert_true(k.attn.weigh(s, n, &plain, 0, &seen) == 0);
			assert_true(seen.sum == 0 && seen.max == -INFINITY);
			for (size_t j = 0; j < n; j++) {
				assert_true(s[j] == 0);
				s[j] = j ? -INFINITY : 5;
			}
			assert_true(k.attn.weigh(s, n, &plain, 0, &seen) == 0);
			assert_true(seen.sum == 1 && seen.max == 5 && s[0] == 1);
			s[n / 2] = NAN;
			(void)k.attn.weigh(s, n, &plain, 0, &seen);
			assert_true(isnan(seen.sum) && isnan(s[n / 2]));
			seen = (struct fox_attn_seen){-INFINITY, 0};
			s[0] = INFINITY;
			(void)k.attn.weigh(s, 1, &plain, 0, &seen);
			assert_true(isnan(seen.sum));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(products),
	    cmocka_unit_test(opened),
	    cmocka_unit_test(rows_do_not_mix),
	    cmocka_unit_test(weights),
	    cmocka_unit_test(weights_of_every_isa),
	    cmocka_unit_test(what_is_not_finite),
	};
	return cmocka_run_group_tests_name("attn", tests, NULL, NULL);
}
