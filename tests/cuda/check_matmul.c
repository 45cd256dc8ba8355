/* check_matmul.c - many rows of activations times weights on a device, against sums in double: every type, both arithmetics,
 * tiles that are not full, rows that begin at even addresses and no better, NaN between them, biases, ends, split sums, and
 * weights that are multiplied in several pieces.
 *
 * Bounds, S being the sum of |w x|: kernels/cuda/matmul.cuh says what operands lose; sums of tensor cores are cut off at 2^-23
 * of the largest term, at every 16 columns: n / 16 of them when fast; when exact 8 for each step of 32 columns at most, and
 * those steps are then added with 2^-24 each. */
#include "tests/test.h"

#include "tests/cuda/product_trial.h"

/* What parts of a product may have in common, as in matmul.cuh. */
static bool all_of(const struct setup *s, enum fox_type type)
{
	bool all = true;
	for (uint32_t i = 0; i < s->n_parts; i++)
		all = all && s->type[i] == type;
	return all;
}

/* Rows of very different size, and within them. */
static void make_activations(struct trial *t)
{
	const struct setup *s = &t->s;
	size_t n = (size_t)s->rows * s->cols;
	t->hx = malloc(n * sizeof *t->hx);
	for (size_t i = 0; i < n; i++)
		t->hx[i] =
		    ldexpf(any(&t->seed), s->x_scale + (int)(i / s->cols % 3) * 4 - (i / 32 % 5 == 3 ? 12 : 0));
	t->dx = cuda_test_put(cuda, t->hx, n * sizeof *t->hx);
}

static double largest(const float *v, size_t n)
{
	double most = 0;
	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs((double)v[i]));
	return most;
}

/* want and bound of the plain products, bias included. Fast: against operands rounded as they are said to be. */
static void reckon(struct trial *t, uint32_t i)
{
	const struct setup *s = &t->s;
	struct part *part = &t->part[i];
	size_t n = s->cols, w_rows = s->w_rows[i];
	bool fast = s->arith == FOX_ARITH_FAST, bf16 = all_of(s, FOX_BF16), f16 = all_of(s, FOX_F16);
	double steps = fast ? (double)n / 16 + 2 : 8 + (double)n / 64 + 2, of_sum = steps * 0x1p-23;
	double of_parts = fast || bf16 ? 0 : f16 ? 0x1p-22 : 3 * 0x1p-22;
	float *x = malloc(n * sizeof *x), *w = malloc(w_rows * n * sizeof *w);
	part->want = malloc(s->rows * w_rows * sizeof *part->want);
	part->bound = malloc(s->rows * w_rows * sizeof *part->bound);
	for (size_t j = 0; j < w_rows * n; j++)
		w[j] = fast && !f16 ? slow_float(slow_bf16_to_f32(slow_f32_to_bf16(part->dw[j]))) : part->dw[j];
	for (size_t r = 0; r < s->rows; r++) {
		const float *from = t->hx + r * n;
		double x_most = largest(from, n), x_all = 0;
		int e = 14 - (x_most > 0 ? ilogb(x_most) : 0);
		for (size_t j = 0; j < n; j++) {
			x[j] = !fast  ? from[j]
			       : !f16 ? slow_float(slow_bf16_to_f32(slow_f32_to_bf16(from[j])))
			              : ldexpf(slow_float(slow_f16_to_f32(slow_f32_to_f16(ldexpf(from[j], e)))), -e);
			x_all += fabs((double)x[j]);
		}
		for (size_t k = 0; k < w_rows; k++) {
			double sum = s->bias ? (double)part->hbias[k] : 0, all = 0, w_all = 0;
			for (size_t j = 0; j < n; j++) {
				double product = (double)w[k * n + j] * (double)x[j];
				sum += product, all += fabs(product), w_all += fabs((double)w[k * n + j]);
			}
			double small =
			    fast || bf16 ? 0 : 0x1p-39 * (x_most * w_all + (f16 ? 0 : largest(w + k * n, n) * x_all));
			part->want[r * w_rows + k] = sum;
			part->bound[r * w_rows + k] = all * (of_sum + of_parts) + small + fabs(sum) * 0x1p-23 + 0x1p-130;
		}
	}
	free(x);
	free(w);
}

/* Runs it twice: the same bits; and within the bounds. Exact: the whole error against the whole result, too. */
static void check(const struct setup *s)
{
	struct trial *t = prepare(s);
	uint32_t outputs = s->end == FOX_CUDA_GATE ? 1 : s->n_parts;
	float *got[2][FOX_CUDA_PARTS];
	for (int run = 0; run < 2; run++) {
		for (uint32_t i = 0; i < outputs; i++) {
			size_t bytes = (size_t)s->rows * s->w_rows[i] * sizeof(float);
			assert_fox_ok(fox_cuda_upload(cuda, t->part[i].y, t->part[i].old, bytes, &err), &err);
		}
		assert_fox_ok(fox_cuda_matmul(cuda, &t->p, &err), &err);
		for (uint32_t i = 0; i < outputs; i++)
			got[run][i] = cuda_test_get(cuda, t->part[i].y, (size_t)s->rows * s->w_rows[i] * sizeof(float));
	}
	for (uint32_t i = 0; i < outputs; i++) {
		size_t n = (size_t)s->rows * s->w_rows[i];
		double wrong = 0, whole = 0;
		assert_memory_equal(got[0][i], got[1][i], n * sizeof(float));
		for (size_t k = 0; k < n; k++) {
			double bound, want = wanted(t, i, k, &bound), off = fabs((double)got[0][i][k] - want);
			if (!(off <= bound))
				fail_msg("%s, %s, %u x %u x %u, end %d, part %u: y[%zu][%zu] is %a instead of %a, off by %g "
				         "times the bound",
				    fox_type_info(s->type[i])->name, fox_arith_names[s->arith], s->rows, s->w_rows[i],
				    s->cols, (int)s->end, i, k / s->w_rows[i], k % s->w_rows[i], (double)got[0][i][k], want,
				    off / bound);
			wrong += off * off, whole += want * want;
		}
		if (s->arith == FOX_ARITH_EXACT)
			assert_true(wrong <= 1e-12 * whole);
		free(got[0][i]);
		free(got[1][i]);
	}
	drop(t);
}

static void every_type(void **state)
{
	(void)state;
	uint32_t turn = 0;
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++) {
		const struct fox_type_info *type = fox_type_info(id);
		if (!type || !scalar.decode[id])
			continue;
		size_t two = id == FOX_F32 ? 4 : 2;
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++, turn++) {
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = 17,
			    .cols = 256,
			    .n_parts = 1,
			    .type = {(enum fox_type)id},
			    .w_rows = {37}};
			check(&s);
			if (arith == (int)(turn / 2 % 2))
				continue; /* the rest by turns */
			s.rows = 9 + turn % 5, s.cols = type->elems == 1 ? 77 + turn % 9 : 256 + type->elems % 256,
			s.w_rows[0] = 5;
			s.shift = two * (1 + turn % 3), s.gap = two * (turn % 2);
			s.bias = true, s.end = turn % 2 ? FOX_CUDA_ADD : FOX_CUDA_STORE;
			check(&s);
		}
	}
}

/* One to many rows of activations and of weights: every kernel, tiles with one row or one column, with all but one. */
static void every_size(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_BF16, FOX_F16, FOX_Q4_0};
	static const struct {
		uint32_t rows, w_rows, cols;
	} sizes[] = {{1, 1, 32}, {2, 7, 96}, {31, 129, 64}, {33, 128, 128}, {64, 255, 192}, {65, 127, 64},
	    {127, 257, 64}, {129, 300, 160}, {200, 513, 64}, {40, 2000, 64}, {130, 1030, 32}};
	for (size_t i = 0; i < FOX_COUNT(sizes); i++)
		for (size_t k = 0; k < FOX_COUNT(types); k++) {
			struct setup s = {.arith = (enum fox_arith)((i + k) % 2),
			    .rows = sizes[i].rows,
			    .cols = sizes[i].cols,
			    .n_parts = 1,
			    .type = {types[k]},
			    .w_rows = {sizes[i].w_rows},
			    .end = i % 3 == 2 ? FOX_CUDA_ADD : FOX_CUDA_STORE,
			    .bias = k == i % 3};
			check(&s);
			if (sizes[i].rows * sizes[i].w_rows < 20000) {
				s.arith = (enum fox_arith)((i + k + 1) % 2);
				check(&s);
			}
		}
}

/* Few columns of tiles and many columns of weights: sums are split, and added up. */
static void split_sums(void **state)
{
	(void)state;
	static const enum fox_cuda_end ends[] = {FOX_CUDA_STORE, FOX_CUDA_ADD, FOX_CUDA_GATE};
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
		for (size_t i = 0; i < FOX_COUNT(ends); i++) {
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = 21,
			    .cols = 2048,
			    .n_parts = 1 + (i == 2),
			    .type = {FOX_BF16, FOX_BF16},
			    .w_rows = {35, 35},
			    .end = ends[i],
			    .bias = true};
			check(&s);
			s.type[1] = FOX_Q8_0, s.rows = 9, s.cols = 1024 + 32, s.w_rows[0] = 66,
			s.w_rows[1] = i == 2 ? 66 : 130;
			s.n_parts = 2;
			check(&s);
		}
}

static void parts_of_all_types(void **state)
{
	(void)state;
	static const enum fox_type types[][FOX_CUDA_PARTS] = {{FOX_BF16, FOX_BF16, FOX_BF16, FOX_BF16},
	    {FOX_F16, FOX_F16, FOX_F16, FOX_F16}, {FOX_Q4_K, FOX_Q4_K, FOX_Q6_K, FOX_BF16},
	    {FOX_F16, FOX_BF16, FOX_F32, FOX_Q8_0}};
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = 33,
			    .cols = 256,
			    .n_parts = 4,
			    .w_rows = {130, 1, 40, 63},
			    .bias = true,
			    .x_scale = i == 3 ? 60 : -80};
			memcpy(s.type, types[i], sizeof s.type);
			check(&s);
			s.end = FOX_CUDA_ADD, s.n_parts = 3, s.rows = 11, s.shift = 4, s.gap = 4, s.x_scale = 0;
			check(&s);
		}
}

static void gates(void **state)
{
	(void)state;
	static const enum fox_type types[][2] = {{FOX_BF16, FOX_BF16}, {FOX_F16, FOX_F16}, {FOX_Q4_K, FOX_Q4_K},
	    {FOX_BF16, FOX_Q8_0}, {FOX_Q5_1, FOX_F16}};
	static const uint32_t rows[] = {9, 64, 130}, w_rows[] = {3, 129, 200};
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			size_t k = (i + (size_t)arith) % 3;
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = rows[k],
			    .cols = 256,
			    .n_parts = 2,
			    .type = {types[i][0], types[i][1]},
			    .w_rows = {w_rows[k], w_rows[k]},
			    .bias = i % 2,
			    .end = FOX_CUDA_GATE,
			    .act = i % 2 ? FOX_CUDA_GELU : FOX_CUDA_SILU,
			    .x_scale = -6};
			check(&s);
		}
}

/* More weights than the panel holds: 1 MiB of them where there are so few rows. */
static void several_pieces(void **state)
{
	(void)state;
	struct setup s = {.arith = FOX_ARITH_EXACT,
	    .rows = 3,
	    .cols = 8192,
	    .n_parts = 3,
	    .type = {FOX_Q4_0, FOX_Q4_0, FOX_Q8_0},
	    .w_rows = {20, 70, 5},
	    .bias = true};
	check(&s);
	s.n_parts = 2, s.end = FOX_CUDA_GATE, s.w_rows[0] = s.w_rows[1] = 37, s.x_scale = -14;
	check(&s);
	s.arith = FOX_ARITH_FAST, s.type[0] = FOX_BF16, s.w_rows[0] = s.w_rows[1] = 70;
	check(&s);
	s.cols = 40960, s.w_rows[0] = s.w_rows[1] = 17; /* 16 rows, which is more */
	check(&s);
}

/* A row that holds Inf or NaN gives neither to others. */
static void what_is_not_finite(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_BF16, FOX_F16, FOX_Q4_0};
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = 20,
			    .cols = 64,
			    .n_parts = 1,
			    .type = {types[i]},
			    .w_rows = {40}};
			struct trial *t = prepare(&s);
			for (uint32_t k = 0; k < 64; k++)
				t->hx[2 * 64 + k] = 0;
			t->hx[3 * 64 + 5] = NAN, t->hx[7 * 64 + 63] = -INFINITY;
			assert_fox_ok(fox_cuda_upload(cuda, t->dx, t->hx, 20 * 64 * sizeof(float), &err), &err);
			assert_fox_ok(fox_cuda_matmul(cuda, &t->p, &err), &err);
			float *got = cuda_test_get(cuda, t->part[0].y, 20 * 40 * sizeof(float));
			for (size_t r = 0; r < 20; r++)
				for (size_t k = 0; k < 40; k++) {
					float v = got[r * 40 + k];
					assert_true(r == 3 ? isnan(v) : r == 7 ? !isfinite(v) : r == 2 ? v == 0 : isfinite(v));
				}
			free(got);
			drop(t);
		}
}

static void types_without_weights_are_refused(void **state)
{
	(void)state;
	struct fox_cuda_product p = {
	    .rows = 9, .cols = 64, .n_parts = 1, .part = {{.w = {.type = FOX_I8, .rows = 1, .cols = 64}}}};
	assert_int_equal(fox_cuda_matmul(cuda, &p, &err), FOX_E_UNSUPPORTED);
	assert_string_equal(err.text, "no product of type i8 on CUDA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type),
	    cmocka_unit_test(every_size),
	    cmocka_unit_test(split_sums),
	    cmocka_unit_test(parts_of_all_types),
	    cmocka_unit_test(gates),
	    cmocka_unit_test(several_pieces),
	    cmocka_unit_test(what_is_not_finite),
	    cmocka_unit_test(types_without_weights_are_refused),
	};
	cuda = cuda_test_open();
	fox_kernels_init(&scalar, 0);
	int failed = cmocka_run_group_tests_name("matmul", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
