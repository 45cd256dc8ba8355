/* t_sums.c - SHA256SUMS: what is written is read again, and what is refused, with its offset. */
#include "tests/test.h"

#include <sys/stat.h>

#include "format/base/io.h"
#include "format/sums.h"

#define HEX_A "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */
#define HEX_E "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of nothing */

static void test_round_trip(void **state)
{
	(void)state;
	struct fox_arena arena = {0};
	struct fox_sums sums;
	struct fox_err err = {0};
	struct fox_buf text = {0};
	struct fox_sha256 a;
	assert_true(fox_unhex(a.b, fox_str_of(HEX_A), sizeof a.b));
	fox_sums_put(&text, fox_str_of("a b.gguf"), &a);
	fox_sums_put(&text, fox_str_of("sub/c"), &a);
	assert_string_equal(text.p, HEX_A "  a b.gguf\n" HEX_A "  sub/c\n");
	assert_int_equal(fox_sums_parse(&sums, fox_buf_view(&text), &arena, &err), FOX_OK);
	assert_int_equal(sums.n, 2);
	assert_true(fox_str_is(sums.list[0].name, "a b.gguf"));
	assert_true(fox_str_is(sums.list[1].name, "sub/c"));
	assert_memory_equal(sums.list[1].sha256.b, a.b, sizeof a.b);
	/* the binary mark, upper case, no last line feed */
	assert_int_equal(fox_sums_parse(&sums, fox_str_of(HEX_E " *x\nBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD  y"),
	                     &arena, &err),
	    FOX_OK);
	assert_int_equal(sums.n, 2);
	assert_true(fox_str_is(sums.list[0].name, "x"));
	assert_memory_equal(sums.list[1].sha256.b, a.b, sizeof a.b);
	fox_buf_free(&text);
	fox_arena_free(&arena);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t at;
		const char *want;
	} rows[] = {
	    {"", 0, "there is no line in it"},
	    {"\n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {HEX_A "  a\n\n", 68, "line is not 64 hex digits, two blanks and a file name"},
	    {HEX_A " a\n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {HEX_A "\t a\n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {HEX_A "  \n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {"x" HEX_A "  a\n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {"\\" HEX_A "  a\\\\b\n", 0, "line is not 64 hex digits, two blanks and a file name"},
	    {HEX_A "  ../a\n", 66, "file name '../a' has an empty, '.' or '..' component"},
	    {HEX_A "  /a\n", 66, "file name '/a' is absolute"},
	    {HEX_A "  a\r\n", 66, "has a control character"},
	    {HEX_A "  a\n" HEX_E "  a\n", 68, "file name 'a' stands twice"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_arena arena = {0};
		struct fox_sums sums;
		struct fox_err err = {0};
		assert_int_equal(fox_sums_parse(&sums, fox_str_of(rows[i].text), &arena, &err), FOX_E_FORMAT);
		assert_non_null(strstr(err.text, rows[i].want));
		assert_int_equal(err.at, rows[i].at);
		fox_arena_free(&arena);
	}
}

static void test_file(void **state)
{
	(void)state;
	struct fox_file f = {0};
	struct fox_err err = {0};
	struct fox_sha256 got, want;
	char path[] = "t_sums_XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(fox_file_open(&f, path, &err), FOX_OK);
	assert_int_equal(fox_sums_file(&got, &f, &err), FOX_OK);
	assert_true(fox_unhex(want.b, fox_str_of(HEX_A), sizeof want.b));
	assert_memory_equal(got.b, want.b, sizeof got.b);
	/* a file that is cut while it is read is an error, not a hash of less */
	assert_int_equal(ftruncate(fd, 1), 0);
	assert_int_equal(fox_sums_file(&got, &f, &err), FOX_E_TRUNCATED);
	fox_file_close(&f);
	close(fd);
	unlink(path);
}

static void test_name(void **state)
{
	(void)state;
	struct fox_buf out = {0};
	struct fox_err err = {0};
	char top[256], sub[300], link[300];
	snprintf(top, sizeof top, "%s", test_dir());
	snprintf(sub, sizeof sub, "%s/sub", top);
	snprintf(link, sizeof link, "%s/link", top);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(symlink("sub", link), 0);
	const struct {
		const char *folder, *file, *want;
	} rows[] = {
	    {top, "a", "a"},
	    {top, "sub/a", "sub/a"},
	    {top, "sub/../a", "a"},
	    {top, "link/a", "sub/a"},
	    {link, "sub/a", "a"},
	    {top, "link", "link"}, /* the file itself is not followed */
	    {"/", "sub/a", NULL},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		char path[600];
		snprintf(path, sizeof path, "%s/%s", top, rows[i].file);
		assert_fox_ok(fox_sums_name(&out, rows[i].folder, path, &err), &err);
		if (rows[i].want)
			assert_string_equal(out.p, rows[i].want);
		else /* all of the real path */
			assert_true(fox_str_ends(fox_buf_view(&out), "/sub/a") && out.p[0] != '/');
	}
	char path[600];
	snprintf(path, sizeof path, "%s/a", top);
	assert_int_equal(fox_sums_name(&out, sub, path, &err), FOX_E_ARG);
	assert_non_null(strstr(err.text, "lies neither in '"));
	memset(&err, 0, sizeof err);
	snprintf(sub, sizeof sub, "%s/su", top); /* a prefix of the name is no folder above */
	assert_int_equal(mkdir(sub, 0700), 0);
	snprintf(path, sizeof path, "%s/sub/a", top);
	assert_int_equal(fox_sums_name(&out, sub, path, &err), FOX_E_ARG);
	memset(&err, 0, sizeof err);
	snprintf(path, sizeof path, "%s/none/a", top);
	assert_int_equal(fox_sums_name(&out, top, path, &err), FOX_E_IO);
	memset(&err, 0, sizeof err);
	snprintf(path, sizeof path, "%s/a\nb", top);
	assert_int_equal(fox_sums_name(&out, top, path, &err), FOX_E_FORMAT);
	fox_sums_folder(&out, "a/b/c");
	assert_string_equal(out.p, "a/b");
	fox_sums_folder(&out, "/c");
	assert_string_equal(out.p, "/");
	fox_sums_folder(&out, "c");
	assert_string_equal(out.p, ".");
	static const char *const beside[][2] = {
	    {"a/b/c", "a/b/SHA256SUMS"}, {"/c", "/SHA256SUMS"}, {"c", "SHA256SUMS"}, {"./c", "./SHA256SUMS"}};
	for (size_t i = 0; i < FOX_COUNT(beside); i++) {
		fox_sums_beside(&out, beside[i][0]);
		assert_string_equal(out.p, beside[i][1]);
	}
	fox_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
