/* t_journal - what is recorded comes back bit for bit; cut and changed lines do not; another run's journal is refused by the
 * line that differs. */
#include "tests/test.h"

#include "convert/journal.h"
#include "format/base/io.h"

enum { STEPS = 5 };

static const char head[] = "source 100 7\noptions type=q4_0\nplan abc\n";

struct fixture {
	struct fox_step steps[STEPS];
	struct fox_job job;
	struct fox_tally tally[STEPS];
	struct fox_raw raw[STEPS];
	struct fox_err err;
};

static void init(struct fixture *f)
{
	*f = (struct fixture){.job = {.n_steps = STEPS}};
	f->job.steps = f->steps;
	for (size_t i = 0; i < STEPS; i++)
		f->steps[i].kind = i == 3 ? FOX_STEP_SKIP : FOX_STEP_WRITE;
}

static struct fox_tally some_tally(size_t i)
{
	struct fox_tally t = {.loss = {i, 2 * i, UINT64_MAX, 3},
	    .error = {.sum_square_error = 1.0 / 3 * (double)i,
	        .sum_square = 1e300 / 7,
	        .max_abs_error = 0.1f * (float)i,
	        .n = 1ull << 40},
	    .done = true};
	memset(t.hash.b, (int)(17 * i + 1), sizeof t.hash.b);
	return t;
}

static void write_journal(struct fixture *f, const char *path, const char *with)
{
	struct fox_journal *j;
	struct fox_out *out;
	init(f);
	assert_fox_ok(fox_out_open(&out, test_path("data"), true, &f->err), &f->err);
	assert_fox_ok(fox_journal_open(&j, path, fox_str_of(with), &f->job, f->tally, f->raw, &f->err), &f->err);
	for (size_t i = 0; i < STEPS; i++) {
		struct fox_tally t = some_tally(i);
		struct fox_raw raw = {{{(uint8_t)i}}, i != 2};
		if (i != 1 && i != 3)
			assert_fox_ok(fox_journal_add(j, i, &t, &raw, &f->err), &f->err);
	}
	assert_fox_ok(fox_journal_flush(j, out, &f->err), &f->err);
	fox_journal_close(j, false);
	fox_out_abort(out);
}

static void what_is_written_comes_back(void **state)
{
	(void)state;
	static struct fixture f;
	bool found;
	const char *path = test_path("journal");
	write_journal(&f, path, head);
	init(&f);
	assert_fox_ok(fox_journal_read(path, fox_str_of(head), &f.job, f.tally, f.raw, &found, &f.err), &f.err);
	assert_true(found);
	for (size_t i = 0; i < STEPS; i++) {
		struct fox_tally t = some_tally(i);
		assert_int_equal(f.tally[i].done, i != 1 && i != 3);
		if (!f.tally[i].done)
			continue;
		assert_memory_equal(&f.tally[i].hash, &t.hash, sizeof t.hash);
		assert_memory_equal(&f.tally[i].loss, &t.loss, sizeof t.loss);
		assert_true(f.tally[i].error.sum_square_error == t.error.sum_square_error &&
		            f.tally[i].error.sum_square == t.error.sum_square &&
		            f.tally[i].error.max_abs_error == t.error.max_abs_error &&
		            f.tally[i].error.n == t.error.n);
		assert_int_equal(f.raw[i].known, i != 2);
		assert_int_equal(f.raw[i].hash.b[0], i == 2 ? 0 : i);
	}
	/* begun anew it holds the same */
	struct fox_journal *j;
	assert_fox_ok(fox_journal_open(&j, path, fox_str_of(head), &f.job, f.tally, f.raw, &f.err), &f.err);
	fox_journal_close(j, false);
	init(&f);
	assert_fox_ok(fox_journal_read(path, fox_str_of(head), &f.job, f.tally, f.raw, &found, &f.err), &f.err);
	assert_true(found && f.tally[0].done && !f.tally[1].done && f.tally[4].done);
	assert_int_not_equal(access(test_path("journal.new"), F_OK), 0);
	/* and goes when asked to */
	assert_fox_ok(fox_journal_open(&j, path, fox_str_of(head), &f.job, f.tally, f.raw, &f.err), &f.err);
	fox_journal_close(j, true);
	assert_fox_ok(fox_journal_read(path, fox_str_of(head), &f.job, f.tally, f.raw, &found, &f.err), &f.err);
	assert_false(found);
}

/* Cut at every byte, and changed at every byte: never an error but for a head, never more than was written. */
static void damage_only_forgets(void **state)
{
	(void)state;
	static struct fixture f;
	const char *path = test_path("damaged");
	char *p;
	size_t n;
	bool found;
	write_journal(&f, path, head);
	assert_int_equal(fox_path_slurp(path, 1u << 20, &p, &n, NULL), FOX_OK);
	char *tensors = strstr(p, "\ntensor ") + 1, *last = strstr(p, "\ntensor 4") + 1;
	for (size_t cut = 0; cut <= n; cut++) {
		init(&f);
		test_write(path, p, cut);
		assert_fox_ok(
		    fox_journal_read(path, fox_str_of(head), &f.job, f.tally, f.raw, &found, &f.err), &f.err);
		assert_int_equal(found, p + cut >= tensors);
		assert_int_equal(f.tally[4].done, cut == n);
		assert_int_equal(f.tally[2].done, p + cut >= last);
		assert_false(f.tally[1].done || f.tally[3].done);
	}
	for (char *at = tensors; at < p + n; at++) {
		init(&f);
		*at ^= 1;
		test_write(path, p, n);
		assert_fox_ok(
		    fox_journal_read(path, fox_str_of(head), &f.job, f.tally, f.raw, &found, &f.err), &f.err);
		*at ^= 1;
		size_t done = 0;
		for (size_t i = 0; i < STEPS; i++)
			done += f.tally[i].done;
		assert_true(found && done <= 2); /* one line is lost; with its end, the next as well */
	}
	free(p);
}

static void other_runs_are_named(void **state)
{
	(void)state;
	static struct fixture f;
	static const struct {
		const char *head, *name;
	} others[] = {{"source 100 8\noptions type=q4_0\nplan abc\n", "source"},
	    {"source 100 7\noptions type=q4_1\nplan abc\n", "options"},
	    {"source 100 7\noptions type=q4_0\nplan abd\n", "plan"},
	    {"source 100 7\nimatrix 1\noptions type=q4_0\nplan abc\n", "imatrix"}};
	const char *path = test_path("other");
	bool found;
	write_journal(&f, path, head);
	for (size_t i = 0; i < FOX_COUNT(others); i++) {
		char want[900];
		init(&f);
		assert_int_equal(
		    fox_journal_read(path, fox_str_of(others[i].head), &f.job, f.tally, f.raw, &found, &f.err),
		    FOX_E_ARG);
		snprintf(want, sizeof want,
		    "'%s' is of another run, with another '%s': without it and the .part the work begins anew", path,
		    others[i].name);
		assert_string_equal(f.err.text, want);
		assert_false(f.tally[0].done);
	}
}

/* The file beside an output that stays behind, and is taken up. */
static void a_part_stays_until_it_is_the_output(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_out *out, *second;
	bool had;
	char text[4] = "", *p;
	size_t n;
	const char *path = test_path("kept");
	assert_fox_ok(fox_out_open_part(&out, path, false, &had, &err), &err);
	assert_false(had);
	assert_fox_ok(fox_out_reserve(out, 100, &err), &err);
	assert_fox_ok(fox_out_write(out, 10, "abc", 3, &err), &err);
	assert_int_equal(fox_out_open_part(&second, path, false, &had, &err), FOX_E_ARG);
	assert_non_null(strstr(err.text, "is being written by another process"));
	err = (struct fox_err){0};
	assert_fox_ok(fox_out_sync(out, &err), &err);
	fox_out_abort(out);
	assert_int_equal(access(path, F_OK), -1);
	assert_fox_ok(fox_out_open_part(&out, path, false, &had, &err), &err);
	assert_true(had);
	assert_fox_ok(fox_out_reserve(out, 50, &err), &err); /* of a shorter plan: what lies behind goes */
	assert_fox_ok(fox_out_read(out, 10, text, 3, &err), &err);
	assert_string_equal(text, "abc");
	assert_int_equal(fox_out_read(out, 48, text, 3, &err), FOX_E_TRUNCATED);
	err = (struct fox_err){0};
	assert_fox_ok(fox_out_commit(out, &err), &err);
	assert_int_equal(fox_path_slurp(path, 1000, &p, &n, NULL), FOX_OK);
	assert_int_equal(n, 50);
	free(p);
	/* the target exists now; a link in the part's place is not followed */
	assert_int_equal(fox_out_open_part(&out, path, false, &had, &err), FOX_E_ARG);
	err = (struct fox_err){0};
	char link[600];
	snprintf(link, sizeof link, "%s.part", path);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(fox_out_open_part(&out, path, true, &had, &err), FOX_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_comes_back),
	    cmocka_unit_test(damage_only_forgets),
	    cmocka_unit_test(other_runs_are_named),
	    cmocka_unit_test(a_part_stays_until_it_is_the_output),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
