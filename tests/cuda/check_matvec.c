/* check_matvec.c - few rows of activations times weights on a device, against sums in double: every type, both arithmetics, rows
 * that begin at even addresses and no better, NaN between them, norms, biases and ends.
 *
 * Bounds, S being the sum of |w x| (terms of minima apart) and u = 2^-24: a lane adds at most n / 32 + 4 products or groups, five
 * steps add the lanes, each rounding once. What a norm rounds moves each x by a few u more. Fast products are held against
 * what scalar rounding makes of the activations; after a norm, whose last bits are the device's own, against the
 * activations themselves, half a step of each group away. */
#include "tests/test.h"

#include "tests/cuda/product_trial.h"

static bool rounded(const struct setup *s, uint32_t part)
{
	return s->arith == FOX_ARITH_FAST && scalar.gemv[FOX_ARITH_FAST][s->type[part]].fn != NULL;
}

static void make_activations(struct trial *t)
{
	const struct setup *s = &t->s;
	size_t n = (size_t)s->rows * s->cols;
	t->hx = malloc(n * sizeof *t->hx);
	t->x = malloc(n * sizeof *t->x);
	t->x_off = calloc(n, sizeof *t->x_off);
	for (size_t i = 0; i < n; i++) {
		t->hx[i] = any(&t->seed) * (i / 32 % 5 == 3 ? 0x1p-20f : 1) + (s->norm >= LAYER ? 0.5f : 0);
		t->x[i] = (double)t->hx[i];
	}
	t->dx = cuda_test_put(cuda, t->hx, n * sizeof *t->hx);
	if (s->norm == NO_NORM)
		return;
	float *w = malloc(s->cols * sizeof *w), *b = malloc(s->cols * sizeof *b);
	for (uint32_t i = 0; i < s->cols; i++)
		w[i] = 1 + any(&t->seed), b[i] = any(&t->seed);
	t->dw = cuda_test_put(cuda, w, s->cols * sizeof *w);
	t->db = cuda_test_put(cuda, b, s->cols * sizeof *b);
	t->p.norm = (struct fox_cuda_norm){t->dw, s->norm == LAYER ? t->db : NULL, 1e-5f, s->norm >= LAYER};
	for (uint32_t r = 0; r < s->rows; r++) {
		double *x = t->x + (size_t)r * s->cols, *off = t->x_off + (size_t)r * s->cols, mean = 0, square = 0;
		for (uint32_t i = 0; i < s->cols; i++)
			mean += s->norm >= LAYER ? x[i] / s->cols : 0;
		for (uint32_t i = 0; i < s->cols; i++)
			square += (x[i] - mean) * (x[i] - mean) / s->cols;
		double inverse = 1 / sqrt(square + (double)1e-5f);
		for (uint32_t i = 0; i < s->cols; i++) {
			double scaled = (x[i] - mean) * inverse * (double)w[i];
			off[i] = ((fabs(x[i]) + fabs(mean)) * inverse * fabs((double)w[i]) * (s->cols / 512 + 8) + 1) *
			         0x1p-24;
			x[i] = scaled + (s->norm == LAYER ? (double)b[i] : 0);
		}
	}
	free(w);
	free(b);
}

/* The activations of a part as its arithmetic holds them, and how far the device may be from them. */
static void held(const struct trial *t, uint32_t i, double *x, double *off)
{
	const struct setup *s = &t->s;
	size_t n = (size_t)s->rows * s->cols;
	memcpy(x, t->x, n * sizeof *x);
	memcpy(off, t->x_off, n * sizeof *off);
	if (!rounded(s, i))
		return;
	if (s->norm != NO_NORM) {
		for (size_t g = 0; g < n; g += 32) {
			double most = 0;
			for (size_t j = g; j < g + 32; j++)
				most = fmax(most, fabs(x[j]) + off[j]);
			for (size_t j = g; j < g + 32; j++)
				off[j] += most / 127 * (0.5 + 1e-6 * 127);
		}
		return;
	}
	struct fox_acts a;
	void *room = aligned_alloc(64, (fox_acts_carve(&a, FOX_ACTS_Q8, NULL, s->rows, s->cols) + 63) / 64 * 64);
	fox_acts_carve(&a, FOX_ACTS_Q8, room, s->rows, s->cols);
	for (uint32_t r = 0; r < s->rows; r++) {
		scalar.acts[FOX_ACTS_Q8](&a, r, t->hx + (size_t)r * s->cols, s->cols);
		for (size_t j = 0; j < s->cols; j++)
			x[r * s->cols + j] =
			    (double)((int8_t *)a.q)[r * a.step + j] * (double)a.d[r * a.step / 32 + j / 32];
	}
	free(room);
}

/* want and bound of the plain products, bias included. */
static void reckon(struct trial *t, uint32_t i)
{
	const struct setup *s = &t->s;
	struct part *part = &t->part[i];
	size_t w_rows = s->w_rows[i], n = s->cols;
	double *x = malloc(s->rows * n * sizeof *x), *off = malloc(s->rows * n * sizeof *off);
	part->want = malloc(s->rows * w_rows * sizeof *part->want);
	part->bound = malloc(s->rows * w_rows * sizeof *part->bound);
	held(t, i, x, off);
	for (size_t r = 0; r < s->rows; r++)
		for (size_t k = 0; k < w_rows; k++) {
			const float *w = part->dw + k * n;
			double sum = 0, all = 0, from_x = 0;
			for (size_t j = 0; j < n; j++) {
				double v = x[r * n + j], min = part->dm && rounded(s, i) ? (double)part->dm[k * n + j] : 0;
				sum += (double)w[j] * v;
				all += fabs(((double)w[j] - min) * v) + fabs(min * v);
				from_x += fabs((double)w[j]) * off[r * n + j];
			}
			double bias = s->bias ? (double)part->hbias[k] : 0;
			part->want[r * w_rows + k] = sum + bias;
			part->bound[r * w_rows + k] =
			    all * ((double)n / 32 + 12) * 0x1p-24 + from_x + fabs(sum + bias) * 0x1p-23 + 0x1p-120;
		}
	free(x);
	free(off);
}

/* Run it and return part i's result. */
static float *result(struct trial *t, uint32_t i)
{
	size_t n = (size_t)t->s.rows * t->s.w_rows[i];
	return cuda_test_get(cuda, t->part[i].y, n * sizeof(float));
}

static void check(const struct setup *s)
{
	struct trial *t = prepare(s);
	assert_fox_ok(fox_cuda_matvec(cuda, &t->p, &err), &err);
	for (uint32_t i = 0; i < (s->end == FOX_CUDA_GATE ? 1 : s->n_parts); i++) {
		float *y = result(t, i);
		for (size_t k = 0; k < (size_t)s->rows * s->w_rows[i]; k++) {
			double bound, want = wanted(t, i, k, &bound);
			if (!(fabs((double)y[k] - want) <= bound))
				fail_msg("%s %s, %u rows of %u, part %u of %u: row %zu, weight row %zu: %.9g instead of "
				         "%.9g, bound %.3g",
				    fox_arith_names[s->arith], fox_type_info(s->type[i])->name, s->rows, s->cols, i,
				    s->n_parts, k / s->w_rows[i], k % s->w_rows[i], (double)y[k], want, bound);
		}
		free(y);
	}
	drop(t);
}

/* ---- what is checked */

static bool next_type(enum fox_type *type)
{
	uint32_t id = (uint32_t)*type + 1;
	while (id < FOX_TYPE_LIMIT && !(fox_type_info(id) && scalar.decode[id]))
		id++;
	*type = (enum fox_type)id;
	return id < FOX_TYPE_LIMIT;
}

static void every_type(void **state)
{
	(void)state;
	for (enum fox_type type = (enum fox_type) - 1; next_type(&type);) {
		uint32_t elems = fox_type_info(type)->elems, block = elems == 1 ? 100 : elems < 32 ? 32 : elems;
		size_t two = type == FOX_F32 ? 4 : 2;
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++) {
			struct setup s = {
			    .arith = (enum fox_arith)arith, .rows = 1, .cols = block, .n_parts = 1, .type = {type}};
			s.w_rows[0] = 1;
			check(&s);
			s.cols = 2048 + block, s.w_rows[0] = 19, s.bias = true;
			check(&s);
			s.rows = 3, s.shift = two, s.gap = 2 * two;
			check(&s);
			s.rows = 8, s.shift = 4, s.gap = 0, s.w_rows[0] = 6, s.bias = false;
			check(&s);
		}
	}
}

static void every_number_of_rows(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_BF16, FOX_Q8_0, FOX_Q4_K, FOX_IQ3_S};
	for (size_t k = 0; k < FOX_COUNT(types); k++)
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
			for (uint32_t rows = 1; rows <= FOX_CUDA_FEW; rows++)
				check(&(struct setup){.arith = (enum fox_arith)arith,
				    .rows = rows,
				    .cols = 768,
				    .n_parts = 1,
				    .type = {types[k]},
				    .w_rows = {7},
				    .end = rows % 2 ? FOX_CUDA_STORE : FOX_CUDA_ADD});
}

static void odd_lengths(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16};
	static const uint32_t cols[] = {1, 7, 8, 9, 31, 33, 255, 513, 1023, 2050};
	for (size_t k = 0; k < FOX_COUNT(types); k++)
		for (size_t i = 0; i < FOX_COUNT(cols); i++)
			for (int norm = 0; norm <= LAYER; norm++)
				check(&(struct setup){.arith = i % 2 ? FOX_ARITH_FAST : FOX_ARITH_EXACT,
				    .rows = 1 + (uint32_t)i % 3,
				    .cols = cols[i],
				    .n_parts = 1,
				    .type = {types[k]},
				    .w_rows = {5},
				    .shift = 4,
				    .norm = (enum norm_kind)norm,
				    .bias = true});
}

static void norms(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F16, FOX_Q4_0, FOX_Q6_K};
	static const uint32_t cols[] = {256, 2304, 4864}; /* the last is more than registers hold */
	for (size_t k = 0; k < FOX_COUNT(types); k++)
		for (size_t i = 0; i < FOX_COUNT(cols); i++)
			for (int norm = RMS; norm <= LAYER_NO_BIAS; norm++)
				for (uint32_t rows = 1; rows <= FOX_CUDA_FEW; rows = rows * 2 + 1)
					check(&(struct setup){.arith = (k + i) % 2 ? FOX_ARITH_FAST : FOX_ARITH_EXACT,
					    .rows = rows,
					    .cols = cols[i],
					    .n_parts = 1,
					    .type = {types[k]},
					    .w_rows = {4},
					    .norm = (enum norm_kind)norm});
}

static void several_parts(void **state)
{
	(void)state;
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
		for (uint32_t rows = 1; rows <= 4; rows += 3) {
			check(&(struct setup){.arith = (enum fox_arith)arith,
			    .rows = rows,
			    .cols = 512,
			    .n_parts = 3,
			    .type = {FOX_BF16, FOX_BF16, FOX_BF16},
			    .w_rows = {67, 33, 1},
			    .norm = RMS,
			    .bias = true});
			check(&(struct setup){.arith = (enum fox_arith)arith,
			    .rows = rows,
			    .cols = 512,
			    .n_parts = 4,
			    .type = {FOX_Q4_K, FOX_Q6_K, FOX_F32, FOX_TQ1_0},
			    .w_rows = {35, 18, 3, 16},
			    .norm = LAYER,
			    .end = FOX_CUDA_ADD});
		}
}

static void gates(void **state)
{
	(void)state;
	static const enum fox_type pairs[][2] = {{FOX_BF16, FOX_BF16}, {FOX_Q8_0, FOX_Q8_0}, {FOX_Q4_K, FOX_Q6_K},
	    {FOX_IQ2_S, FOX_IQ2_S}, {FOX_F16, FOX_Q4_1}};
	for (size_t k = 0; k < FOX_COUNT(pairs); k++)
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++)
			for (int act = FOX_CUDA_SILU; act <= FOX_CUDA_GELU; act++)
				for (uint32_t rows = 1; rows <= FOX_CUDA_FEW; rows += 4)
					check(&(struct setup){.arith = (enum fox_arith)arith,
					    .rows = rows,
					    .cols = 512,
					    .n_parts = 2,
					    .type = {pairs[k][0], pairs[k][1]},
					    .w_rows = {21, 21},
					    .bias = act == FOX_CUDA_GELU,
					    .norm = k % 2 ? RMS : NO_NORM,
					    .end = FOX_CUDA_GATE,
					    .act = (enum fox_cuda_act)act});
}

/* More rows of weights than all blocks take at once, and activations that shared memory does not hold. */
static void many_and_long(void **state)
{
	(void)state;
	for (int arith = 0; arith < FOX_ARITH_COUNT; arith++) {
		check(&(struct setup){.arith = (enum fox_arith)arith,
		    .rows = 1,
		    .cols = 96,
		    .n_parts = 2,
		    .type = {FOX_Q8_0, FOX_F32},
		    .w_rows = {7001, 1203},
		    .norm = RMS});
		check(&(struct setup){.arith = (enum fox_arith)arith,
		    .rows = 7,
		    .cols = 20480,
		    .n_parts = 2,
		    .type = {FOX_Q4_1, FOX_BF16},
		    .w_rows = {3, 2},
		    .norm = RMS,
		    .bias = true});
		check(&(struct setup){.arith = (enum fox_arith)arith,
		    .rows = 1,
		    .cols = 53248,
		    .n_parts = 1,
		    .type = {FOX_BF16},
		    .w_rows = {3},
		    .norm = LAYER});
	}
}

/* Again, and a row alone instead of among others: the same bits. */
static void repeats(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_F16, FOX_Q5_K, FOX_Q4_0, FOX_IQ1_M};
	for (size_t k = 0; k < FOX_COUNT(types); k++)
		for (int arith = 0; arith < FOX_ARITH_COUNT; arith++) {
			struct setup s = {.arith = (enum fox_arith)arith,
			    .rows = 8,
			    .cols = 2304,
			    .n_parts = 1,
			    .type = {types[k]},
			    .w_rows = {9},
			    .bias = true};
			struct trial *t = prepare(&s);
			assert_fox_ok(fox_cuda_matvec(cuda, &t->p, &err), &err);
			float *y = result(t, 0), *again, *alone = cuda_test_room(cuda, 9 * sizeof *alone), *one;
			assert_fox_ok(fox_cuda_matvec(cuda, &t->p, &err), &err);
			again = result(t, 0);
			assert_memory_equal(y, again, 72 * sizeof *y);
			t->p.rows = 1, t->p.part[0].y = alone;
			for (uint32_t r = 0; r < s.rows; r++) {
				t->p.x = (float *)t->dx + (size_t)r * s.cols;
				assert_fox_ok(fox_cuda_matvec(cuda, &t->p, &err), &err);
				one = cuda_test_get(cuda, alone, 9 * sizeof *one);
				assert_memory_equal(one, y + r * 9, 9 * sizeof *one);
				free(one);
			}
			free(y), free(again);
			fox_cuda_free(cuda, alone);
			drop(t);
		}
}

/* Activations that are not numbers end in what depends on them, and nowhere else. */
static void strange_activations(void **state)
{
	(void)state;
	static const enum fox_type types[] = {FOX_BF16, FOX_Q8_0, FOX_Q4_K};
	static const float odd[] = {NAN, INFINITY, -INFINITY};
	for (size_t k = 0; k < FOX_COUNT(types); k++)
		for (size_t o = 0; o < FOX_COUNT(odd); o++) {
			struct setup s = {.arith = o % 2 ? FOX_ARITH_EXACT : FOX_ARITH_FAST,
			    .rows = 3,
			    .cols = 512,
			    .n_parts = 1,
			    .type = {types[k]},
			    .w_rows = {5}};
			struct trial *t = prepare(&s);
			assert_fox_ok(
			    fox_cuda_upload(cuda, (float *)t->dx + 512 + 77, &odd[o], sizeof odd[o], &err), &err);
			assert_fox_ok(fox_cuda_matvec(cuda, &t->p, &err), &err);
			float *y = result(t, 0);
			for (size_t i = 0; i < 15; i++)
				assert_int_equal(isfinite(y[i]) != 0, i / 5 != 1);
			free(y);
			drop(t);
		}
}

static void refuses_what_it_cannot_read(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_cuda_product p = {.rows = 1, .cols = 32, .n_parts = 1};
	p.part[0].w = (struct fox_cuda_matrix){.type = FOX_I32, .rows = 1, .cols = 32, .row_bytes = 128};
	assert_int_equal(fox_cuda_matvec(cuda, &p, &e), FOX_E_UNSUPPORTED);
	assert_fox_err(&e, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "no product with weights of type i32 and 32 columns on a CUDA device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type),
	    cmocka_unit_test(every_number_of_rows),
	    cmocka_unit_test(odd_lengths),
	    cmocka_unit_test(norms),
	    cmocka_unit_test(several_parts),
	    cmocka_unit_test(gates),
	    cmocka_unit_test(many_and_long),
	    cmocka_unit_test(repeats),
	    cmocka_unit_test(strange_activations),
	    cmocka_unit_test(refuses_what_it_cannot_read),
	};
	cuda = cuda_test_open();
	fox_kernels_init(&scalar, 0);
	int failed = cmocka_run_group_tests_name("matvec", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
