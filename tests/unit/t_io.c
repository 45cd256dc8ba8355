/* Files: what is refused, what stays inside its folder, and outputs that appear whole or not at all. */
#include "tests/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/str.h"

static size_t entries(const char *dir)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

static void reads_positions(void **state)
{
	(void)state;
	const char *p = test_path("r");
	char b[4] = {0};
	struct fox_err e = {0}, e2 = {0};
	struct fox_file f = {0};
	test_write(p, "0123456789", 10);
	assert_fox_ok(fox_file_open(&f, p, &e), &e);
	assert_int_equal(f.size, 10);
	assert_fox_ok(fox_file_read(&f, 3, b, 3, &e), &e);
	assert_string_equal(b, "345");
	assert_int_equal(fox_file_read(&f, 8, b, 3, &e), FOX_E_TRUNCATED);
	assert_fox_err(&e, FOX_E_TRUNCATED, 10, "file ends where 1 more bytes were expected");
	assert_fox_ok(fox_file_unchanged(&f, &e2), &e2);
	test_write(p, "0123456789a", 11);
	assert_int_equal(fox_file_unchanged(&f, &e2), FOX_E_IO);
	fox_file_close(&f);
}

/* text: @ stands for the test's folder. */
static void check_text(const struct fox_err *e, enum fox_status code, const char *text)
{
	struct fox_buf want = {0};
	for (const char *p = text; *p; p++)
		if (*p == '@')
			fox_buf_str(&want, test_dir());
		else
			fox_buf_char(&want, *p);
	assert_fox_err(e, code, FOX_NOWHERE, want.p);
	fox_buf_free(&want);
}

static void opens_regular_files_only(void **state)
{
	(void)state;
	const char *fifo = test_path("fifo");
	struct fox_file f = {0};
	struct fox_err e[4] = {0};
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(fox_file_open(&f, fifo, &e[0]), FOX_E_IO);
	check_text(&e[0], FOX_E_IO, "'@/fifo' is a device, FIFO or socket, not a regular file");
	assert_int_equal(fox_file_open(&f, test_dir(), &e[1]), FOX_E_IO);
	check_text(&e[1], FOX_E_IO, "'@' is a folder, not a regular file");
	assert_int_equal(fox_file_open(&f, "/dev/zero", &e[2]), FOX_E_IO);
	assert_int_equal(fox_file_open(&f, test_path("absent"), &e[3]), FOX_E_IO);
	check_text(&e[2], FOX_E_IO, "'/dev/zero' is a device, FIFO or socket, not a regular file");
	check_text(&e[3], FOX_E_IO, "cannot open '@/absent': No such file or directory");
}

static void slurps_within_a_limit(void **state)
{
	(void)state;
	const char *p = test_path("s");
	char *text;
	size_t n;
	struct fox_err e = {0}, e2 = {0};
	test_write(p, "hello", 5);
	assert_fox_ok(fox_path_slurp(p, 5, &text, &n, &e), &e);
	assert_string_equal(text, "hello");
	free(text);
	assert_int_equal(fox_path_slurp(p, 4, &text, &n, &e2), FOX_E_BOUND);
	assert_fox_err(&e2, FOX_E_BOUND, FOX_NOWHERE, "file of 5 bytes, more than 4");
}

#define IN "@/repo/snapshots/abc/"
#define DOTS " has an empty, '.' or '..' component"

static void stays_beneath_the_root(void **state)
{
	(void)state;
	struct fox_file f = {0};
	char root[512], dir[560];
	snprintf(root, sizeof root, "%s", test_path("repo"));
	snprintf(dir, sizeof dir, "%s/snapshots/abc", root);
	mkdir(root, 0700);
	mkdir(test_path("repo/blobs"), 0700);
	mkdir(test_path("repo/snapshots"), 0700);
	mkdir(dir, 0700);
	test_write(test_path("repo/blobs/x"), "blob", 4);
	test_write(test_path("outside"), "no", 2);
	assert_int_equal(symlink("../../blobs/x", test_path("repo/snapshots/abc/good")), 0);
	assert_int_equal(symlink("../../../outside", test_path("repo/snapshots/abc/out")), 0);
	assert_int_equal(symlink("/etc/passwd", test_path("repo/snapshots/abc/abs")), 0);
	assert_int_equal(symlink("loop", test_path("repo/snapshots/abc/loop")), 0);
	mkfifo(test_path("repo/snapshots/abc/fifo"), 0600);
	static const struct {
		const char *name;
		enum fox_status want;
		const char *says;
	} cases[] = {
	    {"good", FOX_OK, ""},
	    {"out", FOX_E_BOUND, "'" IN "out' is a link that leaves '@/repo'"},
	    {"abs", FOX_E_BOUND, "'" IN "abs' is a link that leaves '@/repo'"},
	    {"loop", FOX_E_IO, "cannot open '" IN "loop': Too many levels of symbolic links"},
	    {"fifo", FOX_E_IO, "'" IN "fifo' is a device, FIFO or socket, not a regular file"},
	    {"none", FOX_E_IO, "cannot open '" IN "none': No such file or directory"},
	    {"good/x", FOX_E_IO, "cannot open '" IN "good/x': Not a directory"},
	    {"", FOX_E_FORMAT, "file name '' is empty"},
	    {"/etc/passwd", FOX_E_FORMAT, "file name '/etc/passwd' is absolute"},
	    {"../abc/good", FOX_E_FORMAT, "file name '../abc/good'" DOTS},
	    {"a/../good", FOX_E_FORMAT, "file name 'a/../good'" DOTS},
	    {"a/..", FOX_E_FORMAT, "file name 'a/..'" DOTS},
	    {"a//b", FOX_E_FORMAT, "file name 'a//b'" DOTS},
	    {"a/", FOX_E_FORMAT, "file name 'a/'" DOTS},
	    {".", FOX_E_FORMAT, "file name '.'" DOTS},
	    {"a\\b", FOX_E_FORMAT, "file name 'a\\b' has a backslash"},
	    {"..\\..\\b", FOX_E_FORMAT, "file name '..\\..\\b' has a backslash"},
	    {"a\nb", FOX_E_FORMAT, "file name 'a\nb' has a control character"},
	    {"a\x7F", FOX_E_FORMAT, "file name 'a\x7F' has a control character"},
	    {"a\xFF", FOX_E_FORMAT, "file name 'a\xFF' is not UTF-8"},
	};
	for (int walk = 0; walk < 2; walk++) {
		fox_io_force_walk = walk;
		for (size_t i = 0; i < FOX_COUNT(cases); i++) {
			struct fox_err e = {0};
			enum fox_status got = fox_file_open_beneath(&f, root, dir, fox_str_of(cases[i].name), &e);
			assert_int_equal(got, cases[i].want);
			if (got)
				check_text(&e, cases[i].want, cases[i].says);
			else
				fox_file_close(&f);
		}
		struct fox_err e = {0};
		assert_int_equal(fox_file_open_beneath(&f, dir, root, fox_str_of("x"), &e), FOX_E_BOUND);
	}
	fox_io_force_walk = false;
}

static void output_appears_on_commit_only(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_out *o;
	char dir[512], path[560], *text;
	size_t n;
	snprintf(dir, sizeof dir, "%s", test_path("outdir"));
	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/o", dir);
	assert_fox_ok(fox_out_open(&o, path, false, &e), &e);
	assert_fox_ok(fox_out_reserve(o, 6, &e), &e);
	assert_fox_ok(fox_out_write(o, 3, "def", 3, &e), &e);
	assert_fox_ok(fox_out_write(o, 0, "abc", 3, &e), &e);
	assert_int_equal(access(path, F_OK), -1);
	assert_fox_ok(fox_out_commit(o, &e), &e);
	assert_fox_ok(fox_path_slurp(path, 100, &text, &n, &e), &e);
	assert_string_equal(text, "abcdef");
	free(text);

	struct fox_err exists = {0};
	assert_int_equal(fox_out_open(&o, path, false, &exists), FOX_E_ARG);
	assert_non_null(strstr(exists.text, "exists already"));
	assert_null(o);

	assert_fox_ok(fox_out_open(&o, path, true, &e), &e);
	assert_fox_ok(fox_out_write(o, 0, "new", 3, &e), &e);
	fox_out_abort(o);
	assert_fox_ok(fox_path_slurp(path, 100, &text, &n, &e), &e);
	assert_string_equal(text, "abcdef");
	free(text);

	assert_fox_ok(fox_out_open(&o, path, true, &e), &e);
	struct fox_file in = {0};
	assert_fox_ok(fox_file_open(&in, path, &e), &e);
	assert_true(fox_out_is_input(o, &in));
	fox_file_close(&in);
	assert_fox_ok(fox_out_write(o, 0, "new", 3, &e), &e);
	assert_fox_ok(fox_out_commit(o, &e), &e);
	assert_fox_ok(fox_path_slurp(path, 100, &text, &n, &e), &e);
	assert_string_equal(text, "new");
	free(text);
	assert_int_equal(entries(dir), 1);
}

static void output_refuses_odd_targets(void **state)
{
	(void)state;
	static const struct {
		const char *path; /* beneath the test's folder when it begins with @ */
		enum fox_status code;
		const char *text;
	} cases[] = {
	    {"@/odd/link", FOX_E_ARG, "output '@/odd/link' is a symbolic link, not a regular file"},
	    {"@/odd", FOX_E_ARG, "output '@/odd' is a folder, not a regular file"},
	    {"@/odd/fifo", FOX_E_ARG, "output '@/odd/fifo' is a device, FIFO or socket, not a regular file"},
	    {"/dev/null", FOX_E_ARG, "output '/dev/null' is a device, FIFO or socket, not a regular file"},
	    {"@/odd/no/such/dir", FOX_E_IO,
	        "cannot open output folder '@/odd/no/such': No such file or directory"},
	    {"@/odd/file/x", FOX_E_IO, "cannot open output folder '@/odd/file': Not a directory"},
	    {"@/odd/away/x", FOX_E_IO, "cannot open output folder '@/odd/away': No such file or directory"},
	    {"x/", FOX_E_ARG, "output 'x/' is no file name"},
	    {"", FOX_E_ARG, "output '' is no file name"},
	    {"/", FOX_E_ARG, "output '/' is no file name"},
	    {".", FOX_E_ARG, "output '.' is no file name"},
	    {"odd/..", FOX_E_ARG, "output 'odd/..' is no file name"},
	};
	mkdir(test_path("odd"), 0700);
	test_write(test_path("odd/file"), "x", 1);
	assert_int_equal(mkfifo(test_path("odd/fifo"), 0600), 0);
	assert_int_equal(symlink("nowhere", test_path("odd/link")), 0);
	assert_int_equal(symlink("nowhere", test_path("odd/away")), 0);
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err e = {0};
		struct fox_out *o;
		char path[600];
		bool here = cases[i].path[0] == '@';
		snprintf(path, sizeof path, "%s%s", here ? test_dir() : "", cases[i].path + here);
		assert_int_equal(fox_out_open(&o, path, true, &e), cases[i].code);
		check_text(&e, cases[i].code, cases[i].text);
		assert_null(o);
	}
	assert_int_equal(entries(test_path("odd")), 4);
}

/* A file name may have 255 bytes; the temporary one must not be longer than that. */
static void longest_output_name(void **state)
{
	(void)state;
	char dir[512], path[900], name[257];
	struct fox_err e = {0};
	struct fox_out *o;
	memset(name, 'n', sizeof name);
	name[256] = 0;
	snprintf(dir, sizeof dir, "%s", test_path("longest"));
	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(fox_out_open(&o, path, true, &e), FOX_E_IO);
	assert_non_null(strstr(e.text, "File name too long"));
	path[strlen(path) - 1] = 0;
	for (int replace = 0; replace < 2; replace++) {
		e = (struct fox_err){0};
		assert_fox_ok(fox_out_open(&o, path, replace, &e), &e);
		assert_fox_ok(fox_out_write(o, 0, "x", 1, &e), &e);
		assert_fox_ok(fox_out_commit(o, &e), &e);
		assert_int_equal(entries(dir), 1);
	}
}

/* A target that appears between open and commit is not overwritten without replace. */
static void output_never_overwrites_a_late_comer(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_out *o;
	const char *p = test_path("late");
	char *text;
	size_t n;
	assert_fox_ok(fox_out_open(&o, p, false, &e), &e);
	assert_fox_ok(fox_out_write(o, 0, "mine", 4, &e), &e);
	test_write(p, "theirs", 6);
	assert_int_equal(fox_out_commit(o, &e), FOX_E_ARG);
	struct fox_err e2 = {0};
	assert_fox_ok(fox_path_slurp(p, 100, &text, &n, &e2), &e2);
	assert_string_equal(text, "theirs");
	free(text);
}

static void full_disk_leaves_nothing(void **state)
{
	(void)state;
	char dir[512], path[560];
	snprintf(dir, sizeof dir, "%s", test_path("full"));
	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/o", dir);
	pid_t child = fork();
	if (!child) {
		struct rlimit limit = {4096, 4096};
		struct fox_out *o;
		struct fox_err e = {0};
		char block[4096] = {0};
		fox_signals_init();
		if (setrlimit(RLIMIT_FSIZE, &limit) || fox_out_open(&o, path, false, &e))
			_exit(10);
		if (fox_out_write(o, 0, block, sizeof block, &e) || fox_out_write(o, 4096, block, 1, &e) != FOX_E_IO)
			_exit(11);
		fox_out_abort(o);
		_exit(strstr(e.text, "File too large") ? 0 : 12);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(entries(dir), 0);
}

/* SIGXFSZ with its default action ends the process on the spot, as SIGKILL would: at each write in turn. */
static void death_at_any_write_leaves_the_old_file(void **state)
{
	(void)state;
	char dir[512], path[560], *text;
	size_t n;
	struct fox_err e = {0};
	snprintf(dir, sizeof dir, "%s", test_path("death"));
	mkdir(dir, 0700);
	snprintf(path, sizeof path, "%s/o", dir);
	test_write(path, "old", 3);
	for (rlim_t at = 1; at <= 8; at++) {
		pid_t child = fork();
		if (!child) {
			struct rlimit limit = {at * 512, at * 512}, no_core = {0, 0};
			struct fox_out *o;
			char block[512] = {0};
			signal(SIGXFSZ, SIG_DFL);
			if (setrlimit(RLIMIT_CORE, &no_core) || setrlimit(RLIMIT_FSIZE, &limit) ||
			    fox_out_open(&o, path, true, NULL))
				_exit(10);
			for (uint64_t k = 0; k < 9; k++)
				if (fox_out_write(o, k * sizeof block, block, sizeof block, NULL))
					_exit(11);
			_exit(12);
		}
		int status;
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
		assert_fox_ok(fox_path_slurp(path, 100, &text, &n, &e), &e);
		assert_string_equal(text, "old");
		free(text);
	}
	/* where the file system has O_TMPFILE nothing else is left; elsewhere only dot files that no tool takes for a model */
	DIR *d = opendir(dir);
	for (struct dirent *x; (x = readdir(d));)
		assert_true(x->d_name[0] == '.' || !strcmp(x->d_name, "o"));
	closedir(d);
}

/* What killed processes left beside an output goes; what is locked, or only looks alike, stays. */
static void leftovers_are_taken_away(void **state)
{
	(void)state;
	static const char *const gone[] = {".o.1.part", ".o.999999999.part"};
	static const char *const stay[] = {
	    "o.1.part", ".o.part", ".o.1x.part", ".o.1.parts", ".p.1.part", ".o..part", ".o.2.part"};
	char dir[512], path[560];
	struct fox_err e = {0};
	struct fox_out *o;
	snprintf(dir, sizeof dir, "%s", test_path("leftovers"));
	mkdir(dir, 0700);
	for (size_t i = 0; i < FOX_COUNT(gone) + FOX_COUNT(stay); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, i < FOX_COUNT(gone) ? gone[i] : stay[i - FOX_COUNT(gone)]);
		test_write(path, "x", 1);
	}
	int alive = open(path, O_RDONLY); /* .o.2.part */
	assert_int_equal(flock(alive, LOCK_EX), 0);
	snprintf(path, sizeof path, "%s/o", dir);
	assert_fox_ok(fox_out_open(&o, path, false, &e), &e);
	fox_out_abort(o);
	assert_int_equal(entries(dir), FOX_COUNT(stay));
	for (size_t i = 0; i < FOX_COUNT(stay); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, stay[i]);
		assert_int_equal(access(path, F_OK), 0);
	}
	close(alive);
}

static void output_can_be_read_back(void **state)
{
	(void)state;
	struct fox_err e = {0};
	struct fox_out *o;
	struct fox_map_file m;
	const char *p = test_path("back");
	assert_fox_ok(fox_out_open(&o, p, false, &e), &e);
	assert_string_equal(fox_out_path(o), p);
	assert_fox_ok(fox_out_map(&m, o, &e), &e);
	assert_int_equal(m.bytes.n, 0);
	fox_map_close(&m);
	assert_fox_ok(fox_out_write(o, 2, "abc", 3, &e), &e);
	assert_fox_ok(fox_out_map(&m, o, &e), &e);
	assert_int_equal(m.bytes.n, 5);
	assert_memory_equal(m.bytes.p, "\0\0abc", 5);
	fox_map_close(&m);
	fox_out_abort(o);
	assert_int_equal(access(p, F_OK), -1);
}

/* Another process cuts a mapped input: one line and exit 3, not death by a signal. */
static void a_map_that_is_cut_is_an_error(void **state)
{
	(void)state;
	int says[2], status;
	char path[512], line[200] = {0}, block[20000] = {0};
	snprintf(path, sizeof path, "%s", test_path("mapped"));
	test_write(path, block, sizeof block);
	assert_int_equal(pipe(says), 0);
	pid_t child = fork();
	if (!child) {
		struct fox_map_file m;
		dup2(says[1], 2);
		fox_log_init("tool");
		if (fox_map_open(&m, path, NULL) || truncate(path, 10))
			_exit(10);
		_exit(((volatile const uint8_t *)m.bytes.p)[19999] ? 11 : 12);
	}
	close(says[1]);
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_true(read(says[0], line, sizeof line - 1) > 0);
	assert_string_equal(line, "tool: a mapped file was cut, or its disk failed, while it was read\n");
	close(says[0]);
}

static void signals_become_a_status(void **state)
{
	(void)state;
	pid_t child = fork();
	if (!child) {
		struct fox_err e = {0};
		fox_signals_init();
		if (fox_cancelled(&e))
			_exit(10);
		raise(SIGTERM);
		if (fox_cancelled(&e) != FOX_E_CANCELLED || strcmp(e.text, "stopped by SIGTERM"))
			_exit(11);
		_exit(fox_signal_pending() == SIGTERM ? 0 : 12);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

/* What the caller had ignored stays so: nohup, and the jobs of a shell without job control. */
static void ignored_signals_stay_ignored(void **state)
{
	(void)state;
	pid_t child = fork();
	if (!child) {
		signal(SIGHUP, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		fox_signals_init();
		raise(SIGHUP);
		raise(SIGINT);
		if (fox_signal_pending())
			_exit(10);
		raise(SIGTERM);
		_exit(fox_signal_pending() == SIGTERM ? 0 : 11);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_positions),
	    cmocka_unit_test(opens_regular_files_only),
	    cmocka_unit_test(slurps_within_a_limit),
	    cmocka_unit_test(stays_beneath_the_root),
	    cmocka_unit_test(output_appears_on_commit_only),
	    cmocka_unit_test(output_refuses_odd_targets),
	    cmocka_unit_test(longest_output_name),
	    cmocka_unit_test(output_never_overwrites_a_late_comer),
	    cmocka_unit_test(full_disk_leaves_nothing),
	    cmocka_unit_test(death_at_any_write_leaves_the_old_file),
	    cmocka_unit_test(leftovers_are_taken_away),
	    cmocka_unit_test(output_can_be_read_back),
	    cmocka_unit_test(a_map_that_is_cut_is_an_error),
	    cmocka_unit_test(signals_become_a_status),
	    cmocka_unit_test(ignored_signals_stay_ignored),
	};
	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
