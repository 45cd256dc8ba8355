/* check_block.c - every type of weights decoded by a device, against the scalar decoders bit for bit: rows of an embedding in
 * any order, with and without a scale, and rows of positions. */
#include "tests/test.h"

#include "kernels/cuda/ops.h"
#include "tests/cuda/cuda_test.h"
#include "tests/kernels/block_fill.h"

enum { ROWS = 7, ASKED = 9 };

static struct fox_cuda *cuda;
static struct fox_err err;
static struct fox_kernels scalar;

/* Rows of a matrix on both sides. The device's begin `shift` bytes behind a multiple of 256 and have `gap` bytes between. */
struct rows {
	struct fox_cuda_matrix m;
	void *block;
	float *decoded; /* [ROWS][cols] */
};

static struct rows make(
    enum fox_type type, uint32_t cols, size_t shift, size_t gap, bool any_bytes, uint64_t *seed)
{
	struct rows r = {.m = {.type = type, .rows = ROWS, .cols = cols}};
	uint64_t bytes;
	assert_true(fox_type_row_bytes(type, cols, &bytes));
	r.m.row_bytes = bytes + gap;
	r.decoded = malloc((size_t)ROWS * cols * sizeof *r.decoded);
	size_t all = shift + ROWS * r.m.row_bytes;
	uint8_t *host = malloc(all);
	memset(host, 0xff, all); /* gaps are NaN, whatever the type */
	for (size_t i = 0; i < ROWS; i++) {
		uint8_t *row = host + shift + i * r.m.row_bytes;
		fill(row, type, cols, ANY_CODES, seed);
		for (size_t b = 0; any_bytes && b < bytes; b++)
			row[b] = (uint8_t)(test_rand(seed) >> 8);
		scalar.decode[type](r.decoded + i * cols, row, cols);
	}
	r.block = cuda_test_put(cuda, host, all);
	r.m.data = (uint8_t *)r.block + shift;
	free(host);
	return r;
}

static void drop(struct rows *r)
{
	fox_cuda_free(cuda, r->block);
	free(r->decoded);
}

static void same_bits(const float *got, const float *want, size_t n, enum fox_type type)
{
	for (size_t i = 0; i < n; i++)
		if (slow_bits(got[i]) != slow_bits(want[i]) && !(isnan(got[i]) && isnan(want[i])))
			fail_msg("%s, weight %zu: %a instead of %a", fox_type_info(type)->name, i, (double)got[i],
			    (double)want[i]);
}

static void check_embed(const struct rows *r, float scale)
{
	static const int32_t ids[ASKED] = {3, 0, 6, 6, 1, 5, 2, 4, 0};
	size_t cols = r->m.cols, n = ASKED * cols;
	int32_t *at = cuda_test_put(cuda, ids, sizeof ids);
	float *y = cuda_test_room(cuda, n * sizeof *y), *want = malloc(n * sizeof *want);
	for (size_t i = 0; i < ASKED; i++)
		for (size_t j = 0; j < cols; j++)
			want[i * cols + j] = r->decoded[(size_t)ids[i] * cols + j] * scale;
	assert_fox_ok(fox_cuda_embed(cuda, y, &r->m, at, ASKED, scale, &err), &err);
	float *got = cuda_test_get(cuda, y, n * sizeof *y);
	same_bits(got, want, n, r->m.type);
	free(got);
	free(want);
	fox_cuda_free(cuda, at);
	fox_cuda_free(cuda, y);
}

static void check_positions(const struct rows *r, uint32_t pos, uint32_t rows)
{
	size_t cols = r->m.cols, n = rows * cols;
	uint64_t seed = 5;
	float *a = malloc(n * sizeof *a), *want = malloc(n * sizeof *want);
	for (size_t i = 0; i < n; i++) {
		a[i] = (float)(int32_t)test_rand(&seed) * 0x1p-30f;
		want[i] = a[i] + r->decoded[pos * cols + i];
	}
	uint32_t *at = cuda_test_put(cuda, &pos, sizeof pos);
	float *da = cuda_test_put(cuda, a, n * sizeof *a), *y = cuda_test_room(cuda, n * sizeof *y);
	assert_fox_ok(fox_cuda_add_pos(cuda, y, da, &r->m, at, rows, &err), &err);
	float *got = cuda_test_get(cuda, y, n * sizeof *y);
	same_bits(got, want, n, r->m.type);
	free(got);
	free(want);
	free(a);
	fox_cuda_free(cuda, at);
	fox_cuda_free(cuda, da);
	fox_cuda_free(cuda, y);
}

static void every_type_decodes(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++) {
		const struct fox_type_info *t = fox_type_info(id);
		if (!t || !scalar.decode[id])
			continue;
		size_t two = id == FOX_F32 ? 4 : 2;
		struct rows r = make((enum fox_type)id, 512, 0, 0, false, &seed);
		check_embed(&r, 1);
		drop(&r);
		for (size_t shift = two; shift <= 14; shift += 4) { /* any bytes: NaN and Inf too */
			r = make(
			    (enum fox_type)id, t->elems == 1 ? 8 * 257 : 2 * t->elems + 512, shift, 3 * two, true, &seed);
			check_embed(&r, 1);
			drop(&r);
		}
		r = make((enum fox_type)id, 256, two, two, false, &seed);
		check_embed(&r, 0.3f);
		check_positions(&r, 2, 4);
		check_positions(&r, 0, ROWS);
		drop(&r);
	}
}

/* Blocks that say the same everywhere: each code, each bit, in each place. */
static void every_byte_decodes(void **state)
{
	(void)state;
	enum { WIDE = 256 };
	for (uint32_t id = 0; id < FOX_TYPE_LIMIT; id++) {
		const struct fox_type_info *t = fox_type_info(id);
		if (!t || !scalar.decode[id] || t->elems == 1)
			continue;
		uint64_t bytes;
		assert_true(fox_type_row_bytes((enum fox_type)id, WIDE, &bytes));
		uint8_t *host = malloc(256 * bytes);
		int32_t ids[256];
		float *want = malloc((size_t)256 * WIDE * sizeof *want);
		for (int v = 0; v < 256; v++) {
			ids[v] = v;
			memset(host + (size_t)v * bytes, v, bytes);
			scalar.decode[id](want + v * WIDE, host + (size_t)v * bytes, WIDE);
		}
		void *block = cuda_test_put(cuda, host, 256 * bytes), *at = cuda_test_put(cuda, ids, sizeof ids);
		float *y = cuda_test_room(cuda, (size_t)256 * WIDE * sizeof *y);
		struct fox_cuda_matrix m = {block, (enum fox_type)id, 256, WIDE, bytes};
		assert_fox_ok(fox_cuda_embed(cuda, y, &m, at, 256, 1, &err), &err);
		float *got = cuda_test_get(cuda, y, (size_t)256 * WIDE * sizeof *y);
		same_bits(got, want, (size_t)256 * WIDE, (enum fox_type)id);
		free(host);
		free(want);
		free(got);
		fox_cuda_free(cuda, block);
		fox_cuda_free(cuda, at);
		fox_cuda_free(cuda, y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_decodes),
	    cmocka_unit_test(every_byte_decodes),
	};
	cuda = cuda_test_open();
	fox_kernels_init(&scalar, 0);
	int failed = cmocka_run_group_tests_name("block", tests, NULL, NULL);
	fox_cuda_close(cuda);
	return failed;
}
