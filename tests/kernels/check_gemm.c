/* check_gemm.c - every gemm of every ISA subset of this machine against sums in double: of decoded weights and of what the
 * rounded activations hold. Weights lie at odd addresses in heap blocks of their exact size; what must not be read is NaN,
 * what must not be written is watched. */
#include "tests/test.h"

#include "tests/kernels/slow.h"

enum { MOST_COLS = 40 };

/* One matrix, one set of activations. */
struct problem {
	enum fox_type type;
	size_t n, rows, cols, w_step;
	uint8_t *w;   /* rows of weights, odd address, ends with the heap block */
	double *wd;   /* [rows][n] decoded */
	float *x;     /* [cols][n] */
	double *held; /* [cols][n] what a holds */
	struct fox_acts a;
	void *a_block;
	const struct fox_kernels *k;
	const struct fox_gemm *g;
	enum fox_arith arith;
};

static void *aligned(size_t bytes)
{
	void *p;
	assert_int_equal(posix_memalign(&p, 64, bytes ? bytes : 1), 0);
	memset(p, 0xff, bytes); /* NaN, and -1 */
	return p;
}

static float small_float(uint64_t *seed)
{
	uint32_t r = test_rand(seed);
	return slow_float((r & 0x807fffff) | (r >> 24 & 7) << 23 | 120u << 23); /* 2^-7 to 2 */
}

/* Are a block's weights finite, and none so large that sums are not? */
static bool is_sane(const struct fox_kernels *scalar, enum fox_type type, const uint8_t *block)
{
	float f[256];
	size_t n = fox_type_info(type)->elems;
	scalar->decode[type](f, block, n);
	for (size_t i = 0; i < n; i++)
		if (!(fabsf(f[i]) < 0x1p60f))
			return false;
	return true;
}

/* How weights are chosen: what the encoder makes of random ones, or of extreme ones; any bytes; encoded, then partly
 * overwritten with bits that are all ones or all zeros. */
enum mode { RANDOM, EXTREME, BYTES, SPLAT, MODES };

static void fill_block(
    uint8_t *w, const struct fox_kernels *scalar, enum fox_type type, enum mode mode, uint64_t *seed)
{
	size_t n = fox_type_info(type)->elems, bytes = fox_type_info(type)->bytes;
	float f[256];
	for (size_t i = 0; i < n; i++) {
		f[i] = small_float(seed);
		f[i] = mode == EXTREME ? (test_rand(seed) % 8 == 0 ? 0.5f : 1) * copysignf(1, f[i]) : f[i];
	}
	bool encoded = scalar->encode[type] != NULL;
	if (encoded && mode != BYTES)
		scalar->encode[type](w, f, n);
	if (mode == SPLAT && encoded) {
		uint8_t was[256 * 4];
		size_t from = test_rand(seed) % bytes, len = 1 + test_rand(seed) % (bytes - from);
		memcpy(was, w, bytes);
		memset(w + from, (int)(uint8_t[]){0xff, 0, 0x80, 0x77}[test_rand(seed) % 4], len);
		if (!is_sane(scalar, type, w))
			memcpy(w, was, bytes);
	}
	if (mode == BYTES || !encoded)
		do
			for (size_t i = 0; i < bytes; i++)
				w[i] = (uint8_t)test_rand(seed);
		while (!is_sane(scalar, type, w));
}

static void fill_weights(struct problem *p, enum mode mode, uint64_t *seed)
{
	const struct fox_type_info *info = fox_type_info(p->type);
	size_t row_bytes = p->n / info->elems * info->bytes;
	p->w_step = row_bytes + 3;
	uint8_t *block = malloc(p->rows * p->w_step - 3 + 1);
	float *f = malloc(p->n * sizeof *f + 1);
	p->wd = malloc(p->rows * p->n * sizeof *p->wd + 1);
	assert_true(block && f && p->wd);
	p->w = block + 1;
	struct fox_kernels scalar;
	fox_kernels_init(&scalar, 0);
	for (size_t r = 0; r < p->rows; r++) {
		uint8_t *row = p->w + r * p->w_step;
		for (size_t b = 0; b < p->n / info->elems; b++)
			fill_block(row + b * info->bytes, &scalar, p->type, mode, seed);
		scalar.decode[p->type](f, row, p->n);
		for (size_t i = 0; i < p->n; i++)
			p->wd[r * p->n + i] = (double)f[i];
	}
	free(f);
}

/* Activations that follow the signs of a row of weights make the largest sums there are. */
static void fill_activations(struct problem *p, enum mode mode, uint64_t *seed)
{
	p->x = malloc(p->cols * p->n * sizeof *p->x);
	assert_non_null(p->x);
	for (size_t c = 0; c < p->cols; c++)
		for (size_t i = 0; i < p->n; i++) {
			double w = p->wd[c % p->rows * p->n + i];
			float v = small_float(seed);
			if (mode != RANDOM && c % 3 == 0)
				v = w < 0 ? -1 : 1;
			if (mode != RANDOM && c % 3 == 1)
				v = 1;
			if (c % 4 == 2 && i / 32 % 4 == 1) /* too small to be divided by */
				v *= 0x1p-130f;
			p->x[c * p->n + i] = v;
		}
}

static double holds(const struct fox_acts *a, size_t c, size_t i)
{
	size_t at = c * a->step + i;
	double sum = 0;
	switch (a->kind) {
	case FOX_ACTS_BF16:
		return (double)slow_float(slow_bf16_to_f32(((const uint16_t *)a->q)[at]));
	case FOX_ACTS_BF16X3:
		for (size_t part = 0; part < 3; part++)
			sum += (double)slow_float(slow_bf16_to_f32(((const uint16_t *)a->q)[(3 * c + part) * a->step + i]));
		return sum;
	case FOX_ACTS_Q8:
		return (double)a->d[at / 32] * ((const int8_t *)a->q)[at];
	case FOX_ACTS_Q16:
		return (double)a->d[at / 32] * ((const int16_t *)a->q)[at];
	case FOX_ACTS_U8:
		return (double)a->d[at / 32 * 4] * (((const uint8_t *)a->q)[at] - 128);
	case FOX_ACTS_F32:
		return (double)((const float *)a->q)[at];
	case FOX_ACTS_COUNT:
		break;
	}
	fail_msg("a kind of activations this test does not know: %d", (int)a->kind);
	return 0;
}

static void round_activations(struct problem *p)
{
	size_t bytes = fox_acts_carve(&p->a, p->g->acts, NULL, p->cols, p->n);
	p->a_block = aligned(bytes);
	(void)fox_acts_carve(&p->a, p->g->acts, p->a_block, p->cols, p->n);
	if (p->a.kind == FOX_ACTS_F32)
		p->a.q = p->x;
	else
		for (size_t c = 0; c < p->cols; c++)
			p->k->acts[p->a.kind](&p->a, c, p->x + c * p->n, p->n);
	p->held = malloc(p->cols * p->n * sizeof *p->held);
	assert_non_null(p->held);
	for (size_t c = 0; c < p->cols; c++)
		for (size_t i = 0; i < p->n; i++)
			p->held[c * p->n + i] =
			    p->arith == FOX_ARITH_EXACT ? (double)p->x[c * p->n + i] : holds(&p->a, c, i);
}

/* The activations from column c on. */
static struct fox_acts from_column(const struct fox_acts *a, size_t c)
{
	static const size_t element[FOX_ACTS_COUNT] = {[FOX_ACTS_F32] = 4,
	    [FOX_ACTS_BF16] = 2,
	    [FOX_ACTS_BF16X3] = 6,
	    [FOX_ACTS_Q8] = 1,
	    [FOX_ACTS_Q16] = 2,
	    [FOX_ACTS_U8] = 1};
	struct fox_acts b = *a;
	b.q = (uint8_t *)a->q + c * a->step * element[a->kind];
	b.d = a->d ? a->d + c * (a->step / (a->kind == FOX_ACTS_U8 ? 8 : 32)) : NULL;
	b.sum = a->sum ? a->sum + c * (a->step / 16) : NULL;
	return b;
}

static void problem_free(struct problem *p)
{
	free(p->w - 1), free(p->wd), free(p->x), free(p->held), free(p->a_block);
}

static const char *name(const struct problem *p)
{
	static char text[128];
	snprintf(text, sizeof text, "%s %s by %s, n %zu, %zu rows", p->arith ? "fast" : "exact",
	    fox_type_info(p->type)->name, p->g->isa, p->n, p->rows);
	return text;
}

/* Pack `rows` rows and multiply `cols` columns from c on; y [cols][rows]. Nothing else may be written. */
static void run(const struct problem *p, float *y, size_t rows, size_t c, size_t cols)
{
	const struct fox_gemm *g = p->g;
	size_t bytes = g->panel_bytes(p->n), y_step = rows + 3,
	       guard = rows % 2 ? 64 : 0; /* none: asan watches */
	uint8_t *panel = aligned(bytes + guard);
	float *out = malloc(((cols - 1) * y_step + rows) * sizeof *out);
	assert_non_null(out);
	memset(out, 0x5a, ((cols - 1) * y_step + rows) * sizeof *out);
	struct fox_acts a = from_column(&p->a, c);
	g->pack(panel, p->w, p->w_step, rows, p->n);
	uint8_t *was = malloc(bytes + 1);
	assert_non_null(was);
	memcpy(was, panel, bytes);
	g->mul(out, y_step, panel, rows, &a, p->n, cols);
	assert_memory_equal(was, panel, bytes);
	for (size_t i = 0; i < guard; i++)
		assert_int_equal(panel[bytes + i], 0xff);
	for (size_t i = 0; i < (cols - 1) * y_step + rows; i++)
		if (i % y_step < rows)
			y[i / y_step * rows + i % y_step] = out[i];
		else
			assert_int_equal(slow_bits(out[i]), 0x5a5a5a5a);
	free(panel), free(out), free(was);
}

static void check_value(const struct problem *p, float y, size_t r, size_t c)
{
	double sum = 0, magnitude = 0, tiny = 0;
	for (size_t i = 0; i < p->n; i++) {
		double w = p->wd[r * p->n + i], x = p->held[c * p->n + i];
		sum += w * x, magnitude += fabs(w * x);
		/* multipliers of bf16 count as 0 what is below 2^-126: weights, activations, their second parts, products, sums */
		tiny += 2 * (fabs(w) + fabs(x) + 1) * 0x1p-126;
	}
	double error = p->g->error != 0 ? (double)p->g->error : p->arith == FOX_ARITH_FAST ? 2e-6 : 1e-6;
	double bound = error * magnitude + (p->a.kind == FOX_ACTS_BF16 || p->a.kind == FOX_ACTS_BF16X3 ? tiny : 0);
	if (!(fabs((double)y - sum) <= bound))
		fail_msg("%s: row %zu, column %zu: %.9g, want %.9g, off by %.3g of %.3g", name(p), r, c, (double)y,
		    sum, fabs((double)y - sum) / magnitude, bound / magnitude);
}

/* exact, where sums keep their order: the bits of dot */
static void check_dot_bits(const struct problem *p, const float *y)
{
	float dot[MOST_COLS];
	for (size_t r = 0; r < p->rows; r++) {
		p->k->dot[p->type](dot, 1, p->w + r * p->w_step, p->x, p->n, p->n, p->cols);
		for (size_t c = 0; c < p->cols; c++)
			if (slow_bits(dot[c]) != slow_bits(y[c * p->rows + r]))
				fail_msg("%s: row %zu, column %zu of %zu: %.9g, not dot's %.9g", name(p), r, c, p->cols,
				    (double)y[c * p->rows + r], (double)dot[c]);
	}
}

/* Any part of the rows, and any run of columns, gives the bits it has in the whole. */
static void check_company(const struct problem *p, const float *y, size_t rows, size_t c, size_t cols)
{
	float part[MOST_COLS * 256];
	run(p, part, rows, c, cols);
	for (size_t i = 0; i < rows * cols; i++)
		if (slow_bits(part[i]) != slow_bits(y[(c + i / rows) * p->rows + i % rows]))
			fail_msg("%s: row %zu, column %zu differs among %zu rows, %zu columns", name(p), i % rows,
			    c + i / rows, rows, cols);
}

static void one(
    const struct fox_kernels *k, enum fox_arith arith, enum fox_type type, size_t n, enum mode mode)
{
	uint64_t seed = n * 1024 + type * 8 + (uint64_t)mode;
	struct problem p = {.type = type, .n = n, .k = k, .g = &k->gemm[arith][type], .arith = arith};
	p.rows = p.g->rows;
	p.cols = n > 600 ? 7 : MOST_COLS;
	assert_true(p.rows <= 256);
	fill_weights(&p, mode, &seed);
	fill_activations(&p, mode, &seed);
	round_activations(&p);
	float *y = malloc(p.rows * p.cols * sizeof *y);
	assert_non_null(y);
	run(&p, y, p.rows, 0, p.cols);
	for (size_t c = 0; c < p.cols; c++)
		for (size_t r = 0; r < p.rows; r++)
			check_value(&p, y[c * p.rows + r], r, c);
	if (arith == FOX_ARITH_EXACT && p.g->error == 0)
		check_dot_bits(&p, y);
	for (size_t i = 0; i < 12; i++) {
		size_t c = test_rand(&seed) % p.cols,
		       cols = 1 + (i < 4 ? i % (p.cols - c) : test_rand(&seed) % (p.cols - c));
		check_company(&p, y, 1 + (i < 4 ? i % p.rows : test_rand(&seed) % p.rows), c, cols);
	}
	free(y);
	problem_free(&p);
}

/* Tables to test: those of every subset of this machine, then one with the tiles of plain_amx_avx2.c. */
extern const struct fox_gemm fox_gemm_fast_plain_avx2[FOX_TYPE_LIMIT], fox_gemm_exact_plain_avx2[FOX_TYPE_LIMIT];
struct tables {
	uint32_t isa;
	bool first, plain;
};

static bool next_table(struct tables *t, struct fox_kernels *k)
{
	if (t->plain)
		return false;
	if (next_subset(&t->isa, &t->first)) {
		fox_kernels_init(k, t->isa);
		return true;
	}
	if (!(fox_cpu_isa() & FOX_ISA_AVX2))
		return false;
	t->plain = true;
	fox_kernels_init(k, FOX_ISA_AVX2);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_fast_plain_avx2);
	fox_kernels_put_gemm(k, FOX_ARITH_EXACT, fox_gemm_exact_plain_avx2);
	return true;
}

/* Subsets share most of their kernels: has a test (0, 1) seen this one, with its way of rounding? */
static bool seen(int test, const struct fox_kernels *k, enum fox_arith arith, enum fox_type type)
{
	static struct {
		struct fox_gemm g;
		fox_acts_fn *acts;
	} tested[2][FOX_ARITH_COUNT][FOX_TYPE_LIMIT][16], (*had)[FOX_TYPE_LIMIT][16];
	had = tested[test];
	const struct fox_gemm *g = &k->gemm[arith][type];
	for (size_t i = 0; i < FOX_COUNT(had[0][0]); i++) {
		struct fox_gemm *h = &had[arith][type][i].g;
		if (!h->pack) {
			*h = *g, had[arith][type][i].acts = k->acts[g->acts];
			return false;
		}
		if (h->pack == g->pack && h->mul == g->mul && had[arith][type][i].acts == k->acts[g->acts])
			return true;
	}
	return false;
}

static void every_subset(void **state)
{
	(void)state;
	uint32_t n_gemms = 0;
	struct fox_kernels k;
	for (struct tables tables = {.first = true}; next_table(&tables, &k);) {
		for (uint32_t i = 0; i < FOX_ARITH_COUNT * FOX_TYPE_LIMIT; i++) {
			enum fox_arith arith = i % FOX_ARITH_COUNT;
			enum fox_type t = (enum fox_type)(i / FOX_ARITH_COUNT);
			if (!k.gemm[arith][t].pack || seen(0, &k, arith, t))
				continue;
			n_gemms++;
			size_t elems = fox_type_info(t)->elems;
			for (size_t m = 1; m <= (elems == 1 ? 67 : elems < 256 ? 5 : 2); m += elems == 1 ? 6 : 1)
				one(&k, arith, t, m * elems, m % MODES);
			for (enum mode mode = RANDOM; mode < MODES; mode++)
				one(&k, arith, t, elems > 1 ? elems < 256 ? 4 * elems : elems : 96, mode);
			one(&k, arith, t, 1280, elems == 1 ? RANDOM : EXTREME);
			if (elems == 1)
				one(&k, arith, t, 1074, RANDOM);
		}
	}
	assert_true(n_gemms >= 2 * 28);
}

/* A weight matrix is multiplied with one damaged activation among good ones: its column is NaN, or not finite, and no other
 * column changes. */
static void damage_shows(void **state)
{
	(void)state;
	struct fox_kernels k;
	for (struct tables tables = {.first = true}; next_table(&tables, &k);) {
		for (uint32_t i = 0; i < FOX_ARITH_COUNT * FOX_TYPE_LIMIT; i++) {
			enum fox_arith arith = i % FOX_ARITH_COUNT;
			enum fox_type t = (enum fox_type)(i / FOX_ARITH_COUNT);
			if (!k.gemm[arith][t].pack || seen(1, &k, arith, t))
				continue;
			uint64_t seed = i;
			struct problem p = {
			    .type = t, .n = 256, .cols = 9, .k = &k, .g = &k.gemm[arith][t], .arith = arith};
			p.rows = p.g->rows;
			float y[9 * 256], bad[9 * 256];
			fill_weights(&p, RANDOM, &seed);
			fill_activations(&p, RANDOM, &seed);
			round_activations(&p);
			run(&p, y, p.rows, 0, p.cols);
			for (size_t at = 0; at < p.n; at += 37) {
				float *x = p.x + 4 * p.n + at, was = *x;
				*x = at % 2 ? NAN : INFINITY;
				free(p.held), free(p.a_block);
				round_activations(&p);
				run(&p, bad, p.rows, 0, p.cols);
				for (size_t j = 0; j < p.cols * p.rows; j++)
					if (j / p.rows != 4)
						assert_int_equal(slow_bits(bad[j]), slow_bits(y[j]));
					else if (isfinite(bad[j]) || (at % 2 && !isnan(bad[j])))
						fail_msg("%s: row %zu of a column with %g at %zu is %g", name(&p), j % p.rows,
						    (double)*x, at, (double)bad[j]);
				*x = was;
			}
			problem_free(&p);
		}
	}
}

/* U8 is Q8 with 128 added, and d times sums of the same q. */
static void unsigned_activations(void **state)
{
	(void)state;
	enum { N = 320 };
	uint64_t seed = 5;
	float x[N];
	for (size_t i = 0; i < N; i++)
		x[i] = ldexpf(small_float(&seed), i / 32 % 3 == 1 ? -130 : 0);
	x[70] = INFINITY;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		struct fox_acts q8, u8;
		void *b8 = aligned(fox_acts_carve(&q8, FOX_ACTS_Q8, NULL, 2, N));
		void *bu = aligned(fox_acts_carve(&u8, FOX_ACTS_U8, NULL, 2, N));
		(void)fox_acts_carve(&q8, FOX_ACTS_Q8, b8, 2, N), (void)fox_acts_carve(&u8, FOX_ACTS_U8, bu, 2, N);
		k.acts[FOX_ACTS_Q8](&q8, 1, x, N), k.acts[FOX_ACTS_U8](&u8, 1, x, N);
		for (size_t i = 0; i < N; i++)
			assert_int_equal(((uint8_t *)u8.q)[u8.step + i], ((int8_t *)q8.q)[q8.step + i] + 128);
		for (size_t g = 0; g < N / 32; g++) {
			float *d = u8.d + u8.step / 8 + 4 * g, d8 = q8.d[q8.step / 32 + g];
			int16_t *sum = q8.sum + q8.step / 16 + 2 * g;
			float want[4] = {d8, d8 * (float)(sum[0] + sum[1]), d8 * (float)sum[0], d8 * (float)sum[1]};
			for (size_t j = 0; j < 4; j++)
				assert_true(isnan(want[j]) ? isnan(d[j]) : slow_bits(d[j]) == slow_bits(want[j]));
		}
		free(b8), free(bu);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_subset),
	    cmocka_unit_test(damage_shows),
	    cmocka_unit_test(unsigned_activations),
	};
	return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
