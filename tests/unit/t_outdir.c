/* t_outdir.c - a folder as an output: whole or not at all, private until then, never through a link. */
#include "tests/test.h"

#include <dirent.h>
#include <sys/stat.h>

#include "convert/outdir.h"

static size_t n_entries(const char *path)
{
	size_t n = 0;
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static char *parent(void)
{
	char *p = strdup(test_path("p"));
	assert_non_null(p);
	assert_int_equal(mkdir(p, 0700), 0);
	return p;
}

static char *inside(const char *dir, const char *name)
{
	static char path[4][700];
	static unsigned turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	return p;
}

static void test_commit(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_outdir *d;
	struct fox_outfile f;
	struct stat st;
	char *dir = parent(), *text;
	size_t n;
	umask(022);
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "new//"), &err), &err);
	assert_int_equal(stat(fox_outdir_temp(d), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_fox_ok(fox_outdir_create(d, &f, fox_str_of("a/b/c"), 6, &err), &err);
	assert_fox_ok(fox_outfile_write(&f, "abc", 3, &err), &err);
	assert_fox_ok(fox_outfile_write(&f, "def", 3, &err), &err);
	assert_fox_ok(fox_outfile_finish(&f, &err), &err);
	assert_fox_ok(fox_outdir_put(d, fox_str_of("a/d"), fox_str_of("x"), &err), &err);
	assert_fox_ok(fox_outdir_rename(d, "a/d", "a/e", &err), &err);
	assert_int_equal(access(inside(dir, "new"), F_OK), -1);
	assert_fox_ok(fox_outdir_commit(d, &err), &err);
	assert_int_equal(n_entries(dir), 1);
	assert_int_equal(stat(inside(dir, "new"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0755);
	assert_fox_ok(fox_path_slurp(inside(dir, "new/a/b/c"), 100, &text, &n, &err), &err);
	assert_string_equal(text, "abcdef");
	free(text);
	assert_int_equal(access(inside(dir, "new/a/e"), F_OK), 0);
	/* what is there is not replaced */
	assert_int_equal(fox_outdir_open(&d, inside(dir, "new"), &err), FOX_E_ARG);
	assert_null(d);
	assert_int_equal(n_entries(dir), 1);
	free(dir);
}

static void test_abort(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_outdir *d;
	struct fox_outfile f;
	char *dir = strdup(test_path("q")), *outside = strdup(test_path("outside"));
	assert_int_equal(mkdir(dir, 0700), 0);
	test_write(outside, "kept", 4);
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "x"), &err), &err);
	for (int i = 0; i < 300; i++) {
		char name[32];
		snprintf(name, sizeof name, "d%d/e/f%d", i % 7, i);
		assert_fox_ok(fox_outdir_put(d, fox_str_of(name), fox_str_of("x"), &err), &err);
	}
	/* links in it, which nobody of ours makes, are removed and not followed */
	assert_int_equal(symlink(dir, inside(fox_outdir_temp(d), "link")), 0);
	assert_int_equal(symlink(outside, inside(fox_outdir_temp(d), "d0/link")), 0);
	assert_fox_ok(fox_outdir_create(d, &f, fox_str_of("open"), 0, &err), &err);
	fox_outfile_abort(&f);
	fox_outdir_abort(d);
	assert_int_equal(n_entries(dir), 0);
	assert_int_equal(access(outside, F_OK), 0);
	fox_outdir_abort(NULL);
	free(dir);
	free(outside);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"../a", "/a", "a//b", "a/./b", "", "a/../../b", "a\nb", "a\\b"};
	struct fox_outdir *d;
	struct fox_outfile f;
	struct fox_err err = {0}, second = {0}, third = {0}, fourth = {0};
	char *dir = strdup(test_path("r"));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "x"), &err), &err);
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		struct fox_err e = {0};
		assert_int_equal(fox_outdir_create(d, &f, fox_str_of(names[i]), 0, &e), FOX_E_FORMAT);
	}
	assert_fox_ok(fox_outdir_put(d, fox_str_of("file"), fox_str_of("x"), &err), &err);
	assert_int_equal(fox_outdir_create(d, &f, fox_str_of("file"), 0, &second), FOX_E_IO);
	assert_int_equal(fox_outdir_create(d, &f, fox_str_of("file/in"), 0, &third), FOX_E_IO);
	assert_int_equal(symlink("/", inside(fox_outdir_temp(d), "link")), 0);
	assert_int_equal(fox_outdir_create(d, &f, fox_str_of("link/tmp/fox-outdir-escaped"), 0, &fourth), FOX_E_IO);
	assert_int_equal(access("/tmp/fox-outdir-escaped", F_OK), -1);
	fox_outdir_abort(d);
	/* a name that the folder could never get is refused before the work */
	char long_name[301] = {0};
	struct fox_err fifth = {0};
	memset(long_name, 'n', sizeof long_name - 1);
	assert_int_equal(fox_outdir_open(&d, inside(dir, long_name), &fifth), FOX_E_IO);
	assert_int_equal(n_entries(dir), 0);
	free(dir);
}

/* A name that is taken while the folder is being filled stays what it is; so does the folder of another that works. */
static void test_races(void **state)
{
	(void)state;
	struct fox_outdir *d, *second;
	struct fox_err err = {0};
	char *dir = strdup(test_path("s"));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "x"), &err), &err);
	assert_int_equal(rename(fox_outdir_temp(d), inside(dir, ".x.99999.part")), 0); /* as if it were another's */
	assert_fox_ok(fox_outdir_open(&second, inside(dir, "x"), &err), &err);
	assert_int_equal(n_entries(dir), 2);
	assert_int_equal(mkdir(inside(dir, "x"), 0700), 0);
	assert_int_equal(fox_outdir_commit(second, &err), FOX_E_ARG);
	assert_int_equal(n_entries(dir), 2);
	fox_outdir_abort(d); /* unlocks it: its name is not the one it was given */
	assert_int_equal(rmdir(inside(dir, "x")), 0);
	struct fox_err e = {0};
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "x"), &e), &e);
	assert_int_equal(n_entries(dir), 1); /* the one left behind is gone */
	fox_outdir_abort(d);
	free(dir);
}

static void test_link(void **state)
{
	(void)state;
	struct fox_outdir *d;
	struct fox_err err = {0};
	struct fox_file f = {0};
	struct stat st;
	char *dir = strdup(test_path("t")), *src = strdup(test_path("src"));
	assert_int_equal(mkdir(dir, 0700), 0);
	test_write(src, "text", 4);
	assert_fox_ok(fox_file_open(&f, src, &err), &err);
	assert_fox_ok(fox_outdir_open(&d, inside(dir, "x"), &err), &err);
	assert_fox_ok(fox_outdir_link(d, &f, "a/b", &err), &err);
	assert_fox_ok(fox_outdir_link(d, &f, "a/b", &err), &err);
	assert_fox_ok(fox_outdir_commit(d, &err), &err);
	assert_int_equal(stat(inside(dir, "x/a/b"), &st), 0);
	assert_int_equal(st.st_ino, f.ino);
	fox_file_close(&f);
	free(dir);
	free(src);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commit),
	    cmocka_unit_test(test_abort),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_races),
	    cmocka_unit_test(test_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
