/* t_gather.c - strided reads against a plain loop over the whole tensor: transposed, and Q, K and V apart, for every size
 * of element and at every cut between pieces. */
#include "tests/test.h"

#include "convert/gather.h"
#include "format/base/io.h"
#include "format/strided.h"

enum { BEFORE = 13, MAX = 4096 };

/* A file of BEFORE bytes and the tensor, each of whose elements is another. */
struct fixture {
	struct fox_file file;
	struct fox_slot slot;
	struct fox_step step;
	uint8_t data[MAX], want[MAX];
	size_t n, size; /* elements, bytes of one */
};

static void open_file(struct fixture *f, enum fox_dtype dtype, size_t n, size_t cut)
{
	struct fox_err err = {0};
	uint8_t all[BEFORE + MAX];
	f->size = fox_dtypes[dtype].bits / 8;
	f->n = n;
	assert_true(n * f->size <= MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t b = 0; b < f->size; b++)
			f->data[i * f->size + b] = (uint8_t)(b == 0 ? i : b == 1 ? i >> 8 : 7 * i + b);
	memset(all, 0xff, sizeof all);
	memcpy(all + BEFORE, f->data, n * f->size);
	test_write(test_path("tensor"), all, BEFORE + n * f->size - cut);
	assert_fox_ok(fox_file_open(&f->file, test_path("tensor"), &err), &err);
	f->step = (struct fox_step){.kind = FOX_STEP_WRITE,
	    .slot = &f->slot,
	    .src = {.at = BEFORE, .known = true},
	    .x = {.from = fox_xform_stored(dtype)},
	    .n_elems = n};
}

static void transposed(struct fixture *f, enum fox_dtype dtype, size_t rows, size_t cols, size_t cut)
{
	open_file(f, dtype, rows * cols, cut);
	f->step.gather = FOX_GATHER_TRANSPOSE;
	f->step.x.cols = cols;
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			memcpy(f->want + (r * cols + c) * f->size, f->data + (c * rows + r) * f->size, f->size);
}

/* cols 1: a bias. */
static void regrouped(
    struct fixture *f, enum fox_dtype dtype, size_t heads, size_t head_rows, size_t cols, size_t cut)
{
	size_t unit = head_rows * cols;
	open_file(f, dtype, 3 * heads * unit, cut);
	f->step.gather = FOX_GATHER_QKV;
	f->step.head_rows = head_rows;
	f->step.x.cols = cols;
	for (size_t p = 0; p < 3; p++)
		for (size_t h = 0; h < heads; h++)
			for (size_t r = 0; r < head_rows; r++)
				for (size_t c = 0; c < cols; c++)
					memcpy(f->want + (((p * heads + h) * head_rows + r) * cols + c) * f->size,
					    f->data + (((h * 3 + p) * head_rows + r) * cols + c) * f->size, f->size);
}

/* Every stretch of whole units; buffers of exactly the stretch, so that asan sees a byte too many. */
static void check(struct fixture *f)
{
	struct fox_err err = {0};
	size_t unit = (size_t)fox_step_unit(&f->step);
	assert_true(unit && f->n % unit == 0);
	for (size_t from = 0; from < f->n; from += unit)
		for (size_t to = from + unit; to <= f->n; to += unit) {
			size_t bytes = (to - from) * f->size;
			uint8_t *out = malloc(bytes), *spare = malloc(bytes);
			assert_fox_ok(fox_gather_read(&f->step, &f->file, from, to - from, out, spare, &err), &err);
			assert_memory_equal(out, f->want + from * f->size, bytes);
			free(out);
			free(spare);
		}
	fox_file_close(&f->file);
}

static const enum fox_dtype dtypes[] = {FOX_DT_F64, FOX_DT_F32, FOX_DT_F16, FOX_DT_BF16};

static void transposes(void **state)
{
	(void)state;
	static struct fixture f;
	static const size_t shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {5, 3}, {3, 5}, {8, 8}, {12, 20}};
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++)
		for (size_t k = 0; k < FOX_COUNT(shapes); k++) {
			transposed(&f, dtypes[i], shapes[k][0], shapes[k][1], 0);
			assert_int_equal(fox_step_unit(&f.step), shapes[k][1]); /* whole rows of the container */
			check(&f);
		}
}

static void takes_q_k_and_v_apart(void **state)
{
	(void)state;
	static struct fixture f;
	static const size_t shapes[][3] = {{1, 1, 1}, {1, 2, 3}, {3, 2, 1}, {3, 4, 1}, {2, 4, 5}, {6, 2, 4}};
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++)
		for (size_t k = 0; k < FOX_COUNT(shapes); k++) {
			regrouped(&f, dtypes[i], shapes[k][0], shapes[k][1], shapes[k][2], 0);
			assert_int_equal(fox_step_unit(&f.step), shapes[k][1] * shapes[k][2]); /* a head */
			check(&f);
		}
}

/* The same source tensor, but stored column by column, and one element late: what fox_gather_read gives is the same. */
static void view_of(struct fixture *f, struct fox_strided *v, size_t rows, size_t cols)
{
	struct fox_err err = {0};
	uint8_t all[BEFORE + MAX + 8];
	fox_file_close(&f->file);
	memset(all, 0xff, sizeof all);
	*v = (struct fox_strided){BEFORE + f->size, (uint32_t)f->size, 2, {rows, cols}, {1, rows}};
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			memcpy(all + v->at + (c * rows + r) * f->size, f->data + (r * cols + c) * f->size, f->size);
	test_write(test_path("tensor"), all, BEFORE + (f->n + 1) * f->size);
	assert_fox_ok(fox_file_open(&f->file, test_path("tensor"), &err), &err);
	f->step.src.view = v;
	f->step.src.at = v->at;
}

static void reads_views(void **state)
{
	(void)state;
	static struct fixture f;
	struct fox_strided v;
	for (size_t i = 0; i < FOX_COUNT(dtypes); i++) {
		transposed(&f, dtypes[i], 12, 20, 0);
		view_of(&f, &v, 20, 12);
		check(&f);
		regrouped(&f, dtypes[i], 3, 2, 4, 0);
		view_of(&f, &v, 18, 4);
		check(&f);
		/* no gather: the second half of a tensor */
		open_file(&f, dtypes[i], 24, 0);
		view_of(&f, &v, 4, 6);
		f.step.x.cols = 6;
		f.step.span = 6;
		f.step.src_elem = 12;
		f.step.n_elems = f.n = 12;
		memcpy(f.want, f.data + 12 * f.size, 12 * f.size);
		check(&f);
	}
}

static void units(void **state)
{
	(void)state;
	struct fox_step s = {.x = {.from = FOX_F16, .cols = 64}, .span = 64};
	assert_int_equal(fox_step_unit(&s), 64); /* a row */
	s.x.head_rows = 6;
	assert_int_equal(fox_step_unit(&s), 6 * 64); /* a head */
	s.x.head_rows = UINT64_MAX / 2;
	assert_int_equal(fox_step_unit(&s), 0); /* more than 64 bits */
	s.gather = FOX_GATHER_TRANSPOSE;
	assert_int_equal(fox_step_unit(&s), 64);
	s.gather = FOX_GATHER_QKV, s.head_rows = 8;
	assert_int_equal(fox_step_unit(&s), 512);
	s.head_rows = UINT64_MAX / 2;
	assert_int_equal(fox_step_unit(&s), 0); /* more than 64 bits */
}

static void a_file_that_shrank(void **state)
{
	(void)state;
	static struct fixture f;
	uint8_t out[MAX], spare[MAX];
	for (int k = 0; k < 2; k++) {
		struct fox_err err = {0};
		if (k)
			regrouped(&f, FOX_DT_F32, 2, 4, 5, 1);
		else
			transposed(&f, FOX_DT_F32, 5, 3, 1);
		assert_int_equal(fox_gather_read(&f.step, &f.file, 0, f.n, out, spare, &err), FOX_E_TRUNCATED);
		/* the part before the cut is there */
		err = (struct fox_err){0};
		size_t n = (size_t)fox_step_unit(&f.step);
		assert_fox_ok(fox_gather_read(&f.step, &f.file, 0, n, out, spare, &err), &err);
		assert_memory_equal(out, f.want, n * f.size);
		fox_file_close(&f.file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(transposes),
	    cmocka_unit_test(takes_q_k_and_v_apart),
	    cmocka_unit_test(reads_views),
	    cmocka_unit_test(units),
	    cmocka_unit_test(a_file_that_shrank),
	};
	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
