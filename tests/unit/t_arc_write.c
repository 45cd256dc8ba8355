/* t_arc_write.c - archives: kinds by their endings, members that are not what was announced, sizes that need more digits. */
#include "tests/test.h"

#include <archive.h>
#include <archive_entry.h>

#include "convert/arc_write.h"

static void test_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		int kind; /* -1: none */
		const char *stem;
	} rows[] = {
	    {"a.tar", FOX_ARC_TAR, "a"},
	    {"x/y.z/a.b.tar.gz", FOX_ARC_TAR_GZ, "a.b"},
	    {"./m.tar.zst", FOX_ARC_TAR_ZST, "m"},
	    {"m.zip", FOX_ARC_ZIP, "m"},
	    {".tar", -1, NULL},
	    {"x/.zip", -1, NULL},
	    {"tar", -1, NULL},
	    {"a.tar.xz", -1, NULL},
	    {"a.TAR", -1, NULL},
	    {"a.tar/", -1, NULL},
	    {"", -1, NULL},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		enum fox_arc_kind kind;
		struct fox_str stem;
		assert_int_equal(fox_arc_kind_of(fox_str_of(rows[i].path), &kind, &stem), rows[i].kind >= 0);
		if (rows[i].kind < 0)
			continue;
		assert_int_equal(kind, rows[i].kind);
		assert_true(fox_str_is(stem, rows[i].stem));
	}
}

static struct fox_arc *begin(struct fox_out **out, enum fox_arc_kind kind)
{
	struct fox_err err = {0};
	struct fox_arc *a;
	assert_fox_ok(fox_out_open(out, test_path("a"), true, &err), &err);
	assert_fox_ok(fox_arc_open(&a, *out, kind, 0, &err), &err);
	return a;
}

static void test_sizes_are_kept(void **state)
{
	(void)state;
	for (int k = 0; k < FOX_ARC_KINDS; k++) {
		struct fox_out *out;
		struct fox_err err = {0}, other = {0}, third = {0};
		struct fox_arc *a = begin(&out, (enum fox_arc_kind)k);
		assert_fox_ok(fox_arc_begin(a, fox_str_of("d/m"), 4, false, &err), &err);
		assert_fox_ok(fox_arc_data(a, "abc", 3, &err), &err);
		assert_int_equal(fox_arc_end(a, &err), FOX_E_TRUNCATED);
		assert_fox_err(&err, FOX_E_TRUNCATED, FOX_NOWHERE, "member 'd/m' lacks 1 bytes");
		assert_int_equal(fox_arc_data(a, "de", 2, &other), FOX_E_BOUND);
		assert_fox_err(&other, FOX_E_BOUND, FOX_NOWHERE, "member 'd/m' has more bytes than were announced");
		assert_int_equal(fox_arc_begin(a, fox_str_of("../m"), 4, false, &third), FOX_E_FORMAT);
		fox_arc_close(a);
		fox_out_abort(out);
	}
}

/* A member of 9 GiB is announced; what stands in its header is read back. */
static void test_tar_large(void **state)
{
	(void)state;
	const uint64_t bytes = 9ull << 30;
	struct fox_out *out;
	struct fox_err err = {0};
	struct fox_arc *a = begin(&out, FOX_ARC_TAR);
	uint8_t head[512];
	assert_fox_ok(fox_arc_begin(a, fox_str_of("d/large.gguf"), bytes, true, &err), &err);
	assert_fox_ok(fox_out_read(out, 0, head, sizeof head, &err), &err);
	struct archive *r = archive_read_new();
	struct archive_entry *e;
	assert_int_equal(archive_read_support_format_gnutar(r), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(r, head, sizeof head), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(r, &e), ARCHIVE_OK);
	assert_string_equal(archive_entry_pathname(e), "d/large.gguf");
	assert_true((uint64_t)archive_entry_size(e) == bytes);
	assert_int_equal(archive_entry_perm(e), 0644);
	assert_int_equal(archive_entry_mtime(e), 0);
	assert_int_equal(archive_entry_uid(e), 0);
	archive_read_free(r);
	fox_arc_close(a);
	fox_out_abort(out);
}

/* Names of any length and script, in the C locale; and the same bytes when the same is written again. */
static void test_tar_names(void **state)
{
	(void)state;
	char name[] = "d/\xe6\xa8\xa1\xe5\x9e\x8b-"
	              "0123456789012345678901234567890123456789012345678901234567890123456789"
	              "0123456789012345678901234567890123456789.gguf";
	uint8_t *first = NULL;
	size_t n = 0;
	for (int turn = 0; turn < 2; turn++) {
		struct fox_out *out;
		struct fox_err err = {0};
		struct fox_arc *a = begin(&out, FOX_ARC_TAR);
		uint64_t bytes;
		assert_fox_ok(fox_arc_begin(a, fox_str_of(name), 3, true, &err), &err);
		assert_fox_ok(fox_arc_data(a, "abc", 3, &err), &err);
		assert_fox_ok(fox_arc_end(a, &err), &err);
		assert_fox_ok(fox_arc_finish(a, &bytes, &err), &err);
		uint8_t *all = malloc(bytes);
		assert_non_null(all);
		assert_fox_ok(fox_out_read(out, 0, all, bytes, &err), &err);
		fox_arc_close(a);
		fox_out_abort(out);
		if (first) {
			assert_int_equal(bytes, n);
			assert_memory_equal(all, first, n);
			free(all);
		} else {
			first = all;
			n = bytes;
		}
	}
	struct archive *r = archive_read_new();
	struct archive_entry *e;
	assert_int_equal(archive_read_support_format_gnutar(r), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(r, first, n), ARCHIVE_OK);
	assert_int_equal(archive_read_next_header(r, &e), ARCHIVE_OK);
	assert_string_equal(archive_entry_pathname(e), name);
	archive_read_free(r);
	free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_sizes_are_kept),
	    cmocka_unit_test(test_tar_large),
	    cmocka_unit_test(test_tar_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
