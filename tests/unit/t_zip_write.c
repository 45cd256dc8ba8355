/* t_zip_write.c - written .zip files as another reader of ours sees them: places, 64-bit fields, times. */
#include "tests/test.h"

#include <sys/stat.h>

#include "convert/zip_write.c" /* so that members of gigabytes need not be written */

static const uint64_t huge = 5ull << 30;

static struct fox_zip_writer *begin(struct fox_out **out, const char *path, uint64_t mtime)
{
	struct fox_err err = {0};
	struct fox_zip_writer *z;
	assert_fox_ok(fox_out_open(out, path, true, &err), &err);
	assert_fox_ok(fox_zip_writer_open(&z, *out, mtime, &err), &err);
	return z;
}

static void add(struct fox_zip_writer *z, const char *name, const char *text, uint32_t align)
{
	struct fox_err err = {0};
	assert_fox_ok(fox_zip_writer_begin(z, fox_str_of(name), strlen(text), align, &err), &err);
	assert_fox_ok(fox_zip_writer_data(z, text, strlen(text) / 2, &err), &err);
	assert_fox_ok(
	    fox_zip_writer_data(z, text + strlen(text) / 2, strlen(text) - strlen(text) / 2, &err), &err);
	assert_fox_ok(fox_zip_writer_end(z, &err), &err);
}

static uint64_t finish(struct fox_zip_writer *z, struct fox_out *out)
{
	struct fox_err err = {0};
	uint64_t bytes;
	assert_fox_ok(fox_zip_writer_finish(z, &bytes, &err), &err);
	assert_fox_ok(fox_out_commit(out, &err), &err);
	fox_zip_writer_close(z);
	return bytes;
}

static void expect(const struct fox_zip *z, const char *name, const char *text, uint64_t align)
{
	struct fox_err err = {0};
	char got[64] = {0};
	const struct fox_zip_member *m = fox_zip_find(z, fox_str_of(name));
	assert_non_null(m);
	assert_int_equal(m->bytes, strlen(text));
	assert_false(m->deflated);
	assert_int_equal(m->at % align, 0);
	assert_fox_ok(fox_zip_read(z, m, got, &err), &err);
	assert_string_equal(got, text);
}

static void test_small(void **state)
{
	(void)state;
	const char *path = test_path("small.zip");
	struct fox_out *out;
	struct fox_zip_writer *w = begin(&out, path, 0);
	add(w, "d/a", "first", 1);
	add(w, "d/b", "aligned to a page", 4096);
	add(w, "d/c", "next to it", 4096);
	add(w, "d/\xc3\xa9", "", 1);
	uint64_t bytes = finish(w, out);
	struct fox_file f = {0};
	struct fox_zip *z;
	struct fox_err err = {0};
	assert_fox_ok(fox_file_open(&f, path, &err), &err);
	assert_int_equal(f.size, bytes);
	assert_fox_ok(fox_zip_open(&z, &f, &err), &err);
	assert_int_equal(fox_zip_members(z), 4);
	expect(z, "d/a", "first", 1);
	expect(z, "d/b", "aligned to a page", 4096);
	expect(z, "d/c", "next to it", 4096);
	expect(z, "d/\xc3\xa9", "", 1);
	fox_zip_close(z);
	fox_file_close(&f);
	unlink(path);
}

/* Sizes and places past 4 GiB: the reader compares both headers, and finds what lies behind. */
static void test_large(void **state)
{
	(void)state;
	const char *path = test_path("large.zip");
	struct fox_out *out;
	struct fox_err err = {0};
	struct fox_zip_writer *w = begin(&out, path, 0);
	add(w, "before", "small", 1);
	assert_fox_ok(fox_zip_writer_begin(w, fox_str_of("huge"), huge, 4096, &err), &err);
	assert_int_equal(w->at % 4096, 0);
	w->at += huge; /* a hole */
	assert_fox_ok(fox_zip_writer_end(w, &err), &err);
	add(w, "behind", "far away", 4096);
	finish(w, out);
	struct fox_file f = {0};
	struct fox_zip *z;
	assert_fox_ok(fox_file_open(&f, path, &err), &err);
	assert_fox_ok(fox_zip_open(&z, &f, &err), &err);
	const struct fox_zip_member *m = fox_zip_find(z, fox_str_of("huge"));
	assert_non_null(m);
	assert_true(m->bytes == huge && m->packed == huge);
	assert_true(fox_zip_find(z, fox_str_of("behind"))->at > huge);
	expect(z, "before", "small", 1);
	expect(z, "behind", "far away", 4096);
	fox_zip_close(z);
	fox_file_close(&f);
	unlink(path);
}

/* The least size that 32 bits do not hold, and the greatest that they do. */
static void test_edges(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {UINT32_MAX - 1ull, UINT32_MAX, UINT32_MAX + 1ull};
	for (size_t i = 0; i < FOX_COUNT(sizes); i++) {
		const char *path = test_path("edge.zip");
		struct fox_out *out;
		struct fox_err err = {0};
		struct fox_zip_writer *w = begin(&out, path, 0);
		assert_fox_ok(fox_zip_writer_begin(w, fox_str_of("m"), sizes[i], 1, &err), &err);
		w->at += sizes[i];
		assert_fox_ok(fox_zip_writer_end(w, &err), &err);
		finish(w, out);
		struct fox_file f = {0};
		struct fox_zip *z;
		assert_fox_ok(fox_file_open(&f, path, &err), &err);
		assert_fox_ok(fox_zip_open(&z, &f, &err), &err);
		assert_true(fox_zip_find(z, fox_str_of("m"))->bytes == sizes[i]);
		fox_zip_close(z);
		fox_file_close(&f);
		unlink(path);
	}
}

static void test_many(void **state)
{
	(void)state;
	const char *path = test_path("many.zip");
	struct fox_out *out;
	struct fox_err err = {0};
	struct fox_zip_writer *w = begin(&out, path, 0);
	for (int i = 0; i < 65535; i++) { /* one more than the 16-bit field tells from "see elsewhere" */
		char name[16];
		snprintf(name, sizeof name, "%d", i);
		assert_fox_ok(fox_zip_writer_begin(w, fox_str_of(name), 0, 1, &err), &err);
		assert_fox_ok(fox_zip_writer_end(w, &err), &err);
	}
	finish(w, out);
	struct fox_file f = {0};
	struct fox_zip *z;
	assert_fox_ok(fox_file_open(&f, path, &err), &err);
	assert_fox_ok(fox_zip_open(&z, &f, &err), &err);
	assert_int_equal(fox_zip_members(z), 65535);
	fox_zip_close(z);
	fox_file_close(&f);
	unlink(path);
}

static void test_times(void **state)
{
	(void)state;
	/* seconds since 1970; year, month, day, hour, minute, second as the format counts them (`date -u -d @...`) */
	static const struct {
		uint64_t t;
		unsigned y, mo, d, h, mi, s;
	} rows[] = {
	    {0, 1980, 1, 1, 0, 0, 0},
	    {315532799, 1980, 1, 1, 0, 0, 0},
	    {315532800, 1980, 1, 1, 0, 0, 0},
	    {320716799, 1980, 2, 29, 23, 59, 58},
	    {320716800, 1980, 3, 1, 0, 0, 0},
	    {347155200, 1981, 1, 1, 0, 0, 0},
	    {1709210096, 2024, 2, 29, 12, 34, 56},
	    {1735689599, 2024, 12, 31, 23, 59, 58},
	    {4107542399, 2100, 2, 28, 23, 59, 58},
	    {4107542400, 2100, 3, 1, 0, 0, 0},
	    {UINT32_MAX, 2106, 2, 7, 6, 28, 14},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		uint16_t date, time;
		dos_time(rows[i].t, &date, &time);
		assert_int_equal((date >> 9) + 1980, rows[i].y);
		assert_int_equal(date >> 5 & 15, rows[i].mo);
		assert_int_equal(date & 31, rows[i].d);
		assert_int_equal(time >> 11, rows[i].h);
		assert_int_equal(time >> 5 & 63, rows[i].mi);
		assert_int_equal((time & 31) * 2, rows[i].s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
