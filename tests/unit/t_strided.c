/* t_strided.c - views against a plain walk over all elements: every stretch of small ones, and large ones whose strides take
 * each way of reading. */
#include "tests/test.h"

#include "format/base/num.h"
#include "format/strided.h"

enum { BEFORE = 5 };

/* A file in which byte i of element e of the storage is e and i mixed. */
static void open_storage(struct fox_file *f, uint64_t elems, uint32_t item)
{
	struct fox_err e = {0};
	size_t n = BEFORE + (size_t)elems * item;
	uint8_t *bytes = malloc(n);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
	test_write(test_path("storage"), bytes, n);
	free(bytes);
	assert_fox_ok(fox_file_open(f, test_path("storage"), &e), &e);
}

/* Elements [from, from + n) by definition. */
static void walk(const struct fox_strided *v, const uint8_t *file, uint64_t from, uint64_t n, uint8_t *out)
{
	for (uint64_t e = from; e < from + n; e++, out += v->item) {
		uint64_t left = e, at = 0;
		for (uint32_t d = v->n_dims; d-- > 0; left /= v->shape[d])
			at += left % v->shape[d] * v->stride[d];
		memcpy(out, file + v->at + at * v->item, v->item);
	}
}

static const struct {
	uint64_t storage; /* elements */
	struct fox_strided v;
} cases[] = {
    {24, {BEFORE, 2, 2, {6, 4}, {1, 6}}},
    {24, {BEFORE, 4, 2, {4, 3}, {6, 2}}},
    {60, {BEFORE, 8, 3, {5, 3, 4}, {1, 20, 5}}},
    {60, {BEFORE + 3, 1, 3, {2, 1, 2}, {15, 1000000, 20}}},
    {7, {BEFORE + 2, 2, 0, {0}, {0}}},
    {200, {BEFORE, 2, 8, {2, 1, 2, 1, 2, 1, 2, 3}, {1, 1, 2, 1, 4, 1, 8, 16}}},
};

static void reads_every_stretch(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		const struct fox_strided *v = &cases[i].v;
		struct fox_file f = {0};
		struct fox_err e = {0};
		char *all;
		size_t n_all;
		uint64_t n = 1;
		open_storage(&f, cases[i].storage, v->item);
		assert_fox_ok(fox_path_slurp(test_path("storage"), 1 << 20, &all, &n_all, &e), &e);
		for (uint32_t d = 0; d < v->n_dims; d++)
			n *= v->shape[d];
		for (uint64_t from = 0; from < n; from++)
			for (uint64_t to = from; to <= n; to++) {
				size_t bytes = (size_t)(to - from) * v->item;
				uint8_t *got = malloc(bytes + !bytes), *want = malloc(bytes + !bytes);
				assert_fox_ok(fox_strided_read(v, &f, from, to - from, got, &e), &e);
				walk(v, (const uint8_t *)all, from, to - from, want);
				assert_memory_equal(got, want, bytes);
				free(got);
				free(want);
			}
		free(all);
		fox_file_close(&f);
	}
}

/* Longer than a window in every dimension: turned, with wide gaps, with narrow gaps, both. */
static void reads_large_views(void **state)
{
	(void)state;
	static const struct {
		uint64_t storage;
		struct fox_strided v;
	} large[] = {
	    {700 * 900, {BEFORE, 2, 2, {700, 900}, {1, 700}}},
	    {700 * 900, {BEFORE, 2, 2, {90, 700}, {1, 900}}},
	    {1 << 20, {BEFORE, 1, 2, {4, 1000}, {1 << 18, 200}}},
	    {1 << 20, {BEFORE, 1, 2, {4, 40000}, {1 << 18, 6}}},
	    {1 << 20, {BEFORE, 4, 3, {3, 50, 900}, {1, 20000, 4}}},
	    {1 << 20, {BEFORE, 1, 2, {1000, 50}, {1, 20000}}},
	    {1 << 20, {BEFORE, 8, 1, {100}, {10000}}},
	};
	for (size_t i = 0; i < FOX_COUNT(large); i++) {
		const struct fox_strided *v = &large[i].v;
		struct fox_file f = {0};
		struct fox_err e = {0};
		char *all;
		size_t n_all;
		uint64_t n = 1, seed = i;
		open_storage(&f, large[i].storage, v->item);
		assert_fox_ok(fox_path_slurp(test_path("storage"), 1 << 25, &all, &n_all, &e), &e);
		for (uint32_t d = 0; d < v->n_dims; d++)
			n *= v->shape[d];
		uint8_t *got = malloc((size_t)n * v->item), *want = malloc((size_t)n * v->item);
		for (int k = 0; k < 4; k++) {
			uint64_t from = k ? test_rand(&seed) % n : 0, m = k ? test_rand(&seed) % (n - from) + 1 : n;
			memset(got, 0xEE, (size_t)n * v->item);
			assert_fox_ok(fox_strided_read(v, &f, from, m, got, &e), &e);
			walk(v, (const uint8_t *)all, from, m, want);
			assert_memory_equal(got, want, (size_t)m * v->item);
		}
		free(got);
		free(want);
		free(all);
		fox_file_close(&f);
	}
}

static void tells_short_files(void **state)
{
	(void)state;
	struct fox_strided v = {BEFORE, 2, 2, {6, 4}, {1, 6}};
	struct fox_file f = {0};
	struct fox_err e = {0};
	uint8_t out[48];
	open_storage(&f, 23, 2);
	assert_int_equal(fox_strided_read(&v, &f, 0, 24, out, &e), FOX_E_TRUNCATED);
	fox_file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_stretch),
	    cmocka_unit_test(reads_large_views),
	    cmocka_unit_test(tells_short_files),
	};
	return cmocka_run_group_tests_name("strided", tests, NULL, NULL);
}
