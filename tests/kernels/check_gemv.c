/* check_gemv.c - one row of activations times a matrix, in both arithmetics, on every ISA subset of this machine; and the
 * rounding of activations. Rows lie at odd addresses in heap blocks of their exact size, so that asan sees one byte too far. */
#include "tests/test.h"

#include "tests/kernels/block_fill.h"
#include "tests/kernels/slow.h"

enum { ROWS = 9, GAP = 3 };

struct matrix {
	enum fox_type type;
	size_t n, row_bytes, step;
	uint8_t *block, *w; /* ROWS rows from w, which is odd; the last ends with the heap block */
	float *decoded;     /* [ROWS][n] */
	float *minima;      /* [ROWS][n], or NULL */
};

static struct matrix make(enum fox_type type, size_t n, enum content content, uint64_t *seed)
{
	struct matrix m = {.type = type, .n = n};
	struct fox_kernels scalar;
	uint64_t bytes;
	fox_kernels_init(&scalar, 0);
	assert_true(fox_type_row_bytes(type, n, &bytes));
	m.row_bytes = (size_t)bytes, m.step = m.row_bytes + GAP;
	m.block = malloc(1 + (ROWS - 1) * m.step + m.row_bytes);
	m.decoded = malloc(ROWS * n * sizeof(float) + 1);
	m.minima = malloc(ROWS * n * sizeof(float) + 1);
	uint8_t *copy = malloc(m.row_bytes + 1);
	assert_true(m.block && m.decoded && m.minima && copy);
	m.w = m.block + 1;
	bool has = true;
	for (size_t r = 0; r < ROWS; r++) {
		fill(m.w + r * m.step, type, n, content, seed);
		scalar.decode[type](m.decoded + r * n, m.w + r * m.step, n);
		memcpy(copy, m.w + r * m.step, m.row_bytes);
		has = minima(m.minima + r * n, copy, type, n, &scalar);
	}
	free(copy);
	if (!has)
		free(m.minima), m.minima = NULL;
	return m;
}

static void done(struct matrix m)
{
	free(m.block), free(m.decoded), free(m.minima);
}

/* Activations as a kernel wants them, in a block of their exact size; block is to be freed. */
static struct fox_acts round_acts(
    const struct fox_kernels *k, enum fox_acts_kind kind, const float *x, size_t n, void **block)
{
	struct fox_acts a;
	size_t bytes = fox_acts_carve(&a, kind, NULL, 1, n);
	*block = aligned_alloc(64, bytes + (bytes == 0) * 64);
	assert_non_null(*block);
	fox_acts_carve(&a, kind, *block, 1, n);
	if (kind == FOX_ACTS_F32)
		a.q = (void *)(uintptr_t)x;
	else
		k->acts[kind](&a, 0, x, n);
	return a;
}

/* What they hold. */
static double held(const struct fox_acts *a, size_t i)
{
	switch (a->kind) {
	case FOX_ACTS_F32:
		return (double)((const float *)a->q)[i];
	case FOX_ACTS_BF16:
		return (double)slow_float(slow_bf16_to_f32(((const uint16_t *)a->q)[i]));
	case FOX_ACTS_Q8:
		return (double)a->d[i / 32] * ((const int8_t *)a->q)[i];
	default:
		fail_msg("activations of kind %d", a->kind);
		return 0;
	}
}

/* Every row against real numbers and, in exact arithmetic, against dot; and in any company. */
static void one_matrix(
    const struct fox_kernels *k, enum fox_arith arith, const struct matrix *m, const float *x)
{
	const struct fox_gemv *g = &k->gemv[arith][m->type];
	const char *name = fox_type_info(m->type)->name;
	float alone[ROWS];
	void *block;
	if (!g->fn)
		return;
	struct fox_acts a = round_acts(k, g->acts, x, m->n, &block);
	for (size_t r = 0; r < ROWS; r++) {
		double want = 0, magnitude = 0;
		for (size_t i = 0; i < m->n; i++) {
			double w = (double)m->decoded[r * m->n + i],
			       min = m->minima ? (double)m->minima[r * m->n + i] : 0;
			want += w * held(&a, i);
			magnitude += (fabs(w - min) + fabs(min)) * fabs(held(&a, i));
		}
		g->fn(&alone[r], m->w + r * m->step, m->step, 1, &a, m->n);
		if (!(fabs((double)alone[r] - want) <= 2e-6 * magnitude + (double)m->n * 0x1p-130))
			fail_msg("%s %s by %s, n %zu: %.9g, want %.9g, magnitude %g", fox_arith_names[arith], name,
			    g->isa, m->n, (double)alone[r], want, magnitude);
		if (arith == FOX_ARITH_EXACT) {
			float dot;
			k->dot[m->type](&dot, 1, m->w + r * m->step, x, m->n, m->n, 1);
			if (slow_bits(dot) != slow_bits(alone[r]))
				fail_msg("exact %s by %s, n %zu: %.9g, dot %.9g", name, g->isa, m->n, (double)alone[r],
				    (double)dot);
		}
	}
	for (size_t rows = 1; rows <= ROWS; rows++) {
		float y[ROWS + 2];
		memset(y, 0x5a, sizeof y);
		g->fn(y + 1, m->w + (ROWS - rows) * m->step, m->step, rows, &a, m->n);
		for (size_t i = 0; i < ROWS + 2; i++)
			assert_int_equal(
			    slow_bits(y[i]), i >= 1 && i <= rows ? slow_bits(alone[ROWS - rows + i - 1]) : 0x5a5a5a5a);
	}
	free(block);
}

/* Activations of magnitudes that differ from group to group; some are zero. */
static void fill_x(float *x, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t r = test_rand(seed);
		x[i] = ((float)(r & 0xffffff) - 0x1p23f) * ldexpf(1, -23 + (int)(i / 32 * 7 % 11));
		x[i] = i / 32 % 5 == 4 ? 0 : x[i];
	}
}

static const uint32_t lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11};

static void one_type(enum fox_type type, enum content content, size_t n)
{
	uint64_t seed = n * 64 + type + 4096u * content;
	struct matrix m = make(type, n, content, &seed);
	float *x = malloc(n * sizeof *x + 1);
	assert_non_null(x);
	fill_x(x, n, &seed);
	for (size_t i = 0; content >= ALL_00 && i < n; i++)
		x[i] = i % 7 == 0 || content % 2 ? 1 : -1; /* every code is 127 or -127 */
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
			one_matrix(&k, (enum fox_arith)arith, &m, x);
	}
	free(x);
	done(m);
}

static void every_subset(void **state)
{
	(void)state;
	struct fox_kernels scalar;
	size_t n_types = 0;
	fox_kernels_init(&scalar, 0);
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++) {
		if (!scalar.dot[t])
			continue;
		size_t block = fox_type_info(t)->elems, unit = block == 1 ? 16 : block;
		n_types++;
		for (size_t i = 0; i < FOX_COUNT(lengths); i++)
			one_type((enum fox_type)t, ANY_CODES, lengths[i] * unit);
		one_type((enum fox_type)t, ANY_CODES, 2048);
		for (size_t n = 1; block == 1 && n < 70; n += 5) /* exact alone takes these; fast of 32 and more */
			one_type((enum fox_type)t, ANY_CODES, n);
		for (int c = ZERO_SCALES; block > 1 && c < CONTENTS; c++)
			one_type((enum fox_type)t, (enum content)c, 768);
	}
	assert_true(n_types >= 27);
}

/* The better sets leave no type to the slow way, in either arithmetic. */
static void avx2_has_all(void **state)
{
	(void)state;
	if (!(fox_cpu_isa() & FOX_ISA_AVX2))
		return;
	struct fox_kernels k;
	fox_kernels_init(&k, fox_cpu_isa());
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++)
		for (int arith = 0; k.dot[t] && arith < FOX_ARITH_COUNT; arith++)
			assert_non_null(k.gemv[arith][t].fn);
}

/* NaN and Inf among the activations, or as scales, end as NaN or Inf in every row that meets them. */
static void nan_and_inf_come_through(void **state)
{
	(void)state;
	static const float bad[] = {NAN, INFINITY, -INFINITY};
	enum { N = 512 };
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++)
			for (size_t b = 0; k.dot[t] && b < FOX_COUNT(bad); b++)
				for (int arith = 0; arith < FOX_ARITH_COUNT; arith++) {
					const struct fox_gemv *g = &k.gemv[arith][t];
					uint64_t seed = t + b;
					float x[N], y[ROWS];
					void *block;
					if (!g->fn)
						continue;
					struct matrix m = make((enum fox_type)t, N, ANY_CODES, &seed);
					fill_x(x, N, &seed);
					x[test_rand(&seed) % N] = bad[b];
					struct fox_acts a = round_acts(&k, g->acts, x, N, &block);
					g->fn(y, m.w, m.step, ROWS, &a, N);
					for (size_t r = 0; r < ROWS; r++)
						assert_true(g->acts == FOX_ACTS_Q8 ? isnan(y[r]) : !isfinite(y[r]));
					free(block);
					done(m);
				}
	}
}

/* ---- the rounding of activations */

static const uint32_t odd_bits[] = {0x7fc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, 0, 0x80000000,
    1, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x7f7f8000, 0x03ffffff, 0x04000000,
    0x3f808000, 0x3f818000};

static void acts_equal(const struct fox_kernels *k, enum fox_acts_kind kind, const float *x, size_t n)
{
	struct fox_kernels scalar;
	struct fox_acts want, got;
	fox_kernels_init(&scalar, 0);
	enum { BATCH = 3 };
	size_t bytes = fox_acts_carve(&want, kind, NULL, BATCH, n);
	uint8_t *a = aligned_alloc(64, bytes), *b = aligned_alloc(64, bytes);
	assert_true(a && b);
	memset(a, 0x5a, bytes), memset(b, 0x5a, bytes);
	fox_acts_carve(&want, kind, a, BATCH, n);
	fox_acts_carve(&got, kind, b, BATCH, n);
	for (size_t row = 0; row < BATCH; row += 2) {
		scalar.acts[kind](&want, row, x, n);
		k->acts[kind](&got, row, x, n);
	}
	assert_memory_equal(a, b, bytes); /* with what neither may touch */
	free(a), free(b);
}

static void acts(void **state)
{
	(void)state;
	enum { N = 320 };
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (int kind = FOX_ACTS_BF16; kind < FOX_ACTS_COUNT; kind++) {
			bool groups = kind == FOX_ACTS_Q8 || kind == FOX_ACTS_Q16 || kind == FOX_ACTS_U8;
			uint64_t seed = 5;
			for (size_t turn = 0; turn < 400; turn++) {
				size_t n = groups ? (1 + turn % 10) * 32 : 1 + turn % N;
				float *x = malloc(n * sizeof *x + 1);
				assert_non_null(x);
				/* groups of like magnitudes, from the smallest to the largest; now and then something odd */
				for (size_t i = 0; i < n; i++) {
					uint32_t r = test_rand(&seed),
					         e = (uint32_t)((turn * 5 + i / 32 * 23) % 250 + (r >> 24) % 4);
					x[i] = slow_float((r & 0x807fffff) | e << 23);
					if (turn % 3 == 0 && r % 29 == 0)
						x[i] = slow_float(odd_bits[r / 29 % FOX_COUNT(odd_bits)]);
				}
				acts_equal(&k, (enum fox_acts_kind)kind, x, n);
				free(x);
			}
		}
	}
}

/* What the contract says of Q8, in double precision. */
static void q8_is_the_stated_one(void **state)
{
	(void)state;
	enum { N = 4096 };
	struct fox_kernels k;
	uint64_t seed = 9;
	float x[N];
	void *block;
	fox_kernels_init(&k, fox_cpu_isa());
	for (size_t i = 0; i < N; i++)
		x[i] = slow_float((test_rand(&seed) & 0x807fffff) | (uint32_t)(i / 32 + 60) << 23);
	struct fox_acts a = round_acts(&k, FOX_ACTS_Q8, x, N, &block);
	for (size_t g = 0; g < N / 32; g++) {
		double most = 0;
		int sum = 0;
		for (size_t i = 0; i < 32; i++)
			most = fmax(most, fabs((double)x[g * 32 + i]));
		assert_true(fabs((double)a.d[g] - most / 127) <= most * 0x1p-30);
		for (size_t i = 0; i < 32; i++) {
			int q = ((const int8_t *)a.q)[g * 32 + i];
			assert_true(q >= -127 && q <= 127);
			assert_true(fabs(q - (double)x[g * 32 + i] / (double)a.d[g]) <= 0.50002);
			sum += q;
			if (i % 16 == 15) {
				assert_int_equal(sum, a.sum[(g * 32 + i) / 16]);
				sum = 0;
			}
		}
	}
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_subset),
	    cmocka_unit_test(avx2_has_all),
	    cmocka_unit_test(nan_and_inf_come_through),
	    cmocka_unit_test(acts),
	    cmocka_unit_test(q8_is_the_stated_one),
	};
	return cmocka_run_group_tests_name("gemv", tests, NULL, NULL);
}
