/* t_head_journal.c - a header changed in place: what readers see and what recovery makes of every state that a kill can
 * leave, and of journals that are cut, made up, or another file's. */
#include "tests/gguf_sample.h"

#include <sys/stat.h>

#include "convert/edit.h"
#include "format/head_journal.h"

static char *was, *is; /* the file before and after; n bytes each, the first `header` of them differ */
static size_t n, header;
static const char *path, *journal_path;

static const struct fox_edit changes[] = {
    {FOX_EDIT_SET, "patch=a longer value"}, {FOX_EDIT_SET, "f32=2"}, {FOX_EDIT_SET, "new:u8=1"}};

static int make(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_gguf *g;
	size_t n_is;
	path = strdup(test_path("model.gguf"));
	journal_path = strdup(test_path("model.gguf" FOX_HEAD_JOURNAL));
	sample_write(sample_declare(true), SAMPLE_TENSORS, path, 1000, false);
	was = sample_slurp(path, &n);
	struct fox_edit_options o = {.path = path, .edits = changes, .n_edits = FOX_COUNT(changes)};
	struct fox_edit_outcome r = {0};
	if (fox_edit_run(&o, &r, &err) || fox_gguf_open(&g, path, &err))
		return -1;
	fox_buf_free(&r.report);
	header = fox_gguf_header(g)->data_at;
	fox_gguf_close(g);
	is = sample_slurp(path, &n_is);
	return n_is != n || !memcmp(was, is, n) || memcmp(was + header, is + header, n - header);
}

static int clean(void **state)
{
	(void)state;
	free(was);
	free(is);
	free((char *)(uintptr_t)path);
	free((char *)(uintptr_t)journal_path);
	return 0;
}

/* A fresh journal beside whatever the file is. */
static void put_journal(void)
{
	struct fox_err err = {0};
	unlink(journal_path);
	assert_fox_ok(fox_head_journal_write(journal_path, n, (struct fox_span){(uint8_t *)was, header},
	                  (struct fox_span){(uint8_t *)is, header}, 0640, &err),
	    &err);
	struct stat st;
	assert_int_equal(stat(journal_path, &st), 0);
	assert_int_equal(st.st_size, 80 + 2 * header);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* Which header a reader sees: 0 the old, 1 the new, -1 none. */
static int seen(bool *interrupted)
{
	struct fox_gguf *g;
	struct fox_str s;
	struct fox_err err = {0};
	if (fox_gguf_open(&g, path, &err))
		return -1;
	int r = fox_profile_state(g) != FOX_HASH_OK || fox_gguf_str(g, "patch", &s, &err) ? -1
	        : fox_str_is(s, "abc")                                                    ? 0
	                                                                                  : 1;
	*interrupted = fox_gguf_header(g)->interrupted;
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) { /* the data is the file's in any case */
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		struct fox_hash128 h = fox_xxh3(t->data.p, t->data.n);
		assert_true(fox_hash128_eq(&h, t->hash));
	}
	fox_gguf_close(g);
	return r;
}

static int file_is(void)
{
	size_t got;
	char *p = sample_slurp(path, &got);
	int r = got != n ? -1 : !memcmp(p, was, n) ? 0 : !memcmp(p, is, n) ? 1 : -1;
	free(p);
	return r;
}

static enum fox_status recover(enum fox_head_fit *fit, struct fox_err *err)
{
	struct fox_inplace f = {0};
	bool had;
	enum fox_status s = fox_inplace_open(&f, path, err);
	if (!s)
		s = fox_head_recover(&f, &had, fit, err);
	fox_inplace_close(&f);
	return s;
}

/* The first k bytes are new, or the last; a reader sees the new header, and recovery makes it so. */
static void torn(void **state)
{
	(void)state;
	char *mixed = malloc(n);
	enum fox_head_fit fit;
	struct fox_err err = {0};
	bool interrupted;
	size_t seen_torn = 0;
	for (size_t k = 0; k <= header; k += k < 1500 ? 29 : 2003) {
		for (int front = 0; front < 2; front++) {
			memcpy(mixed, front ? is : was, n);
			memcpy(mixed + k, (front ? was : is) + k, header - k);
			int whole = !memcmp(mixed, was, n) ? 0 : !memcmp(mixed, is, n) ? 1 : -1;
			test_write(path, mixed, n);
			put_journal();
			assert_int_equal(seen(&interrupted), whole < 0 ? 1 : whole);
			assert_int_equal(interrupted, whole < 0);
			assert_int_equal(file_is(), whole); /* looking changes nothing */
			seen_torn += whole < 0;
			assert_fox_ok(recover(&fit, &err), &err);
			assert_int_equal(fit, whole < 0 ? FOX_HEAD_TORN : whole ? FOX_HEAD_IS : FOX_HEAD_WAS);
			assert_int_equal(file_is(), whole < 0 ? 1 : whole);
			assert_int_equal(access(journal_path, F_OK), -1);
		}
	}
	assert_true(seen_torn > 40);
	free(mixed);
}

/* The next change finishes the last one first. */
static void next_change(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_edit_outcome r = {0};
	const struct fox_edit one = {FOX_EDIT_SET, "patch=abc"};
	const struct fox_edit_options o = {.path = path, .edits = &one, .n_edits = 1};
	char *mixed = malloc(n);
	memcpy(mixed, was, n);
	memcpy(mixed, is, 700);
	test_write(path, mixed, n);
	put_journal();
	assert_fox_ok(fox_edit_run(&o, &r, &err), &err);
	assert_non_null(strstr(
	    r.report.p, ": the change that was interrupted is done\npatch: str \"a longer value\" -> \"abc\"\n"));
	assert_int_equal(access(journal_path, F_OK), -1);
	bool interrupted;
	assert_int_equal(seen(&interrupted), 0);
	assert_int_equal(file_is(), -1);
	fox_buf_free(&r.report);
	free(mixed);
}

/* A file whose own hash is right is never shown otherwise, whatever the journal says. */
static void whole_file_stands(void **state)
{
	(void)state;
	struct fox_err err = {0};
	enum fox_head_fit fit;
	char *bait = malloc(header);
	bool interrupted;
	memcpy(bait, was, header);
	bait[100] ^= 1; /* every byte of the file is the "old" one or the "new" one */
	char *other = malloc(header);
	memcpy(other, is, header);
	other[100] = was[100]; /* a header with its hash right all the same: nothing changes there */
	test_write(path, was, n);
	unlink(journal_path);
	assert_fox_ok(fox_head_journal_write(journal_path, n, (struct fox_span){(uint8_t *)bait, header},
	                  (struct fox_span){(uint8_t *)other, header}, 0644, &err),
	    &err);
	assert_int_equal(seen(&interrupted), 0);
	assert_false(interrupted);
	assert_int_equal(recover(&fit, &err), FOX_E_MISMATCH);
	assert_non_null(strstr(err.text, "is not of this file: remove it if nothing else needs it"));
	assert_int_equal(file_is(), 0);
	assert_int_equal(access(journal_path, F_OK), 0);
	unlink(journal_path);
	free(bait);
	free(other);
}

/* A file without hashes was never changed in place: a journal made up for it, its new header with right hashes, is not shown;
 * nor is one beside a damaged file whose old header never was a container's. */
static void made_up(void **state)
{
	(void)state;
	struct fox_err err = {0};
	enum fox_head_fit fit;
	char *plain = malloc(n), *bait = malloc(header);
	for (int damaged = 0; damaged < 2; damaged++) {
		memcpy(plain, was, n);
		for (size_t i = 0; !damaged && i + 4 < header; i++)
			if (!memcmp(plain + i, "fox.", 4))
				memcpy(plain + i, "cat.", 4);
		if (damaged)
			plain[8] ^= 1; /* the number of tensors */
		size_t same = 0; /* where the old header may say what it likes */
		memcpy(bait, plain, header);
		while (plain[same] != is[same])
			same++;
		bait[same] ^= 1;
		test_write(path, plain, n);
		unlink(journal_path);
		assert_fox_ok(fox_head_journal_write(journal_path, n, (struct fox_span){(uint8_t *)bait, header},
		                  (struct fox_span){(uint8_t *)is, header}, 0644, &err),
		    &err);
		struct fox_gguf *g = NULL;
		assert_int_equal(fox_gguf_open(&g, path, NULL) == FOX_OK, !damaged);
		if (g)
			assert_int_equal(fox_profile_state(g), FOX_HASH_NONE);
		fox_gguf_close(g);
		assert_int_equal(recover(&fit, &err), FOX_E_MISMATCH);
		size_t got;
		char *p = sample_slurp(path, &got);
		assert_int_equal(got, n);
		assert_memory_equal(p, plain, n);
		free(p);
	}
	unlink(journal_path);
	free(plain);
	free(bait);
}

/* A torn file with a journal that is not its own, or broken, is what it is: damaged. */
static void hostile(void **state)
{
	(void)state;
	struct fox_err err = {0};
	enum fox_head_fit fit;
	bool interrupted;
	size_t m;
	char *mixed = malloc(n);
	memcpy(mixed, was, n);
	memcpy(mixed, is, 700);
	test_write(path, mixed, n);
	put_journal();
	char *j = sample_slurp(journal_path, &m);
	static const struct {
		size_t at;
		enum fox_status want;
		const char *text;
	} rows[] = {
	    {0, FOX_E_FORMAT, "this is no journal of fox"},
	    {8, FOX_E_FORMAT, "checksum of the journal's head is wrong"},
	    {16, FOX_E_FORMAT, "checksum of the journal's head is wrong"},
	    {70, FOX_E_FORMAT, "checksum of the journal's head is wrong"},
	    {80, FOX_E_FORMAT, "checksum of a header in the journal is wrong"},
	};
	for (size_t i = 0; i <= FOX_COUNT(rows); i++) {
		size_t at = i < FOX_COUNT(rows) ? rows[i].at : m - 1;
		j[at] ^= 1;
		test_write(journal_path, j, m);
		j[at] ^= 1;
		assert_true(seen(&interrupted) == -1);
		err = (struct fox_err){0};
		assert_int_equal(recover(&fit, &err), i < FOX_COUNT(rows) ? rows[i].want : FOX_E_FORMAT);
		assert_string_equal(err.text, i < FOX_COUNT(rows) ? rows[i].text : rows[4].text);
		assert_string_equal(err.file, journal_path);
	}
	for (size_t cut = 0; cut < m; cut += cut < 90 ? 1 : 997) {
		test_write(journal_path, j, cut);
		assert_true(seen(&interrupted) == -1);
		err = (struct fox_err){0};
		assert_int_equal(recover(&fit, &err), FOX_E_BOUND);
	}
	mixed[300] ^= 0x40; /* neither header's byte */
	test_write(path, mixed, n);
	test_write(journal_path, j, m);
	assert_true(seen(&interrupted) == -1);
	err = (struct fox_err){0};
	assert_int_equal(recover(&fit, &err), FOX_E_MISMATCH);
	mixed[300] ^= 0x40;
	test_write(path, mixed, n - 1); /* another length */
	assert_true(seen(&interrupted) == -1);
	err = (struct fox_err){0};
	assert_int_equal(recover(&fit, &err), FOX_E_MISMATCH);
	test_write(path, mixed, n);
	assert_int_equal(seen(&interrupted), 1); /* and the good one still serves */
	free(j);
	free(mixed);
	unlink(journal_path);
}

/* Lengths that only a right checksum gets past. */
static void lengths(void **state)
{
	(void)state;
	uint8_t b[96] = "FOXHEAD\n";
	static const struct {
		uint64_t version, file, head, n;
		enum fox_status want;
		const char *text;
	} rows[] = {
	    {2, 8, 8, 96, FOX_E_UNSUPPORTED, "version 2 of the journal is not known here"},
	    {1, 8, UINT64_MAX, 96, FOX_E_BOUND,
	        "journal of two headers of 18446744073709551615 bytes has 96 bytes"},
	    {1, 8, UINT64_C(1) << 63, 96, FOX_E_BOUND,
	        "journal of two headers of 9223372036854775808 bytes has 96 bytes"},
	    {1, 8, 0, 80, FOX_E_BOUND, "header of 0 bytes is none of a file of 8"},
	    {1, 7, 8, 96, FOX_E_BOUND, "header of 8 bytes is none of a file of 7"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_head_journal j = {0};
		struct fox_err err = {0};
		b[8] = (uint8_t)rows[i].version;
		memcpy(b + 16, &rows[i].file, 8);
		memcpy(b + 24, &rows[i].head, 8);
		struct fox_hash128 h = fox_xxh3(b, 64);
		memcpy(b + 64, h.b, 16);
		assert_int_equal(fox_head_journal_parse(&j, (struct fox_span){b, rows[i].n}, &err), rows[i].want);
		assert_string_equal(err.text, rows[i].text);
	}
}

/* spec/edit.md 4 */
static void worked_example(void **state)
{
	(void)state;
	static const uint8_t want[96] = {0x46, 0x4f, 0x58, 0x48, 0x45, 0x41, 0x44, 0x0a, 1, 0, 0, 0, 0, 0, 0, 0,
	    10, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x97, 0xb0, 0xf3, 0x55, 0xaf, 0x16, 0xa4, 0xd5, 0xda,
	    0x94, 0xf6, 0x1a, 0x08, 0xf4, 0x09, 0x27, 0xe0, 0xc4, 0xa4, 0x96, 0x92, 0xd0, 0xde, 0xfd, 0x7e, 0xa0,
	    0x1e, 0xfb, 0x49, 0x4a, 0x74, 0x6f, 0x19, 0xa5, 0xfb, 0x10, 0x09, 0x6d, 0x37, 0x9a, 0x44, 0x25, 0x95,
	    0x91, 0xb0, 0xae, 0xb0, 0x49, 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'b', 'a', 'a', 'a', 'a', 'c', 'c',
	    'c', 'c'};
	struct fox_err err = {0};
	const char *name = test_path("example" FOX_HEAD_JOURNAL);
	size_t got;
	assert_fox_ok(fox_head_journal_write(name, 10, (struct fox_span){(const uint8_t *)"aaaabbbb", 8},
	                  (struct fox_span){(const uint8_t *)"aaaacccc", 8}, 0644, &err),
	    &err);
	char *p = sample_slurp(name, &got);
	assert_int_equal(got, sizeof want);
	assert_memory_equal(p, want, sizeof want);
	struct fox_head_journal j = {0};
	assert_fox_ok(fox_head_journal_parse(&j, (struct fox_span){(uint8_t *)p, got}, &err), &err);
	static const struct {
		const char *file;
		enum fox_head_fit fit;
	} rows[] = {{"aaaabbbbXX", FOX_HEAD_WAS}, {"aaaaccccXX", FOX_HEAD_IS}, {"aaaabccbXX", FOX_HEAD_TORN},
	    {"aaaabbbdXX", FOX_HEAD_OTHER}, {"aaaabbbbX", FOX_HEAD_OTHER}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		assert_int_equal(
		    fox_head_journal_fit(&j, (struct fox_span){(const uint8_t *)rows[i].file, strlen(rows[i].file)}),
		    rows[i].fit);
	free(p);
}

/* One at a time; one name only. */
static void locked(void **state)
{
	(void)state;
	struct fox_inplace a = {0}, b = {0};
	struct fox_err err = {0};
	test_write(path, was, n);
	assert_fox_ok(fox_inplace_open(&a, path, &err), &err);
	assert_int_equal(fox_inplace_open(&b, path, &err), FOX_E_ARG);
	assert_non_null(strstr(err.text, "is locked by another process"));
	fox_inplace_close(&a);
	const char *second = test_path("second.gguf");
	unlink(second);
	assert_int_equal(link(path, second), 0);
	err = (struct fox_err){0};
	assert_int_equal(fox_inplace_open(&b, path, &err), FOX_E_ARG);
	assert_non_null(strstr(err.text, "has 2 hard links, and all would change: write a new file with -o"));
	unlink(second);
	assert_int_equal(symlink(path, second), 0);
	err = (struct fox_err){0};
	assert_int_equal(fox_inplace_open(&b, second, &err), FOX_E_ARG);
	assert_non_null(strstr(err.text, "is a symbolic link"));
}

/* Through a link, a reader finds the journal that lies beside the file itself. */
static void through_a_link(void **state)
{
	(void)state;
	struct fox_gguf *g;
	struct fox_err err = {0};
	char *mixed = malloc(n);
	memcpy(mixed, was, n);
	memcpy(mixed, is, 700);
	test_write(path, mixed, n);
	put_journal();
	const char *name = test_path("second.gguf");
	unlink(name);
	assert_int_equal(symlink(path, name), 0);
	assert_fox_ok(fox_gguf_open(&g, name, &err), &err);
	assert_true(fox_gguf_header(g)->interrupted);
	fox_gguf_close(g);
	unlink(journal_path);
	free(mixed);
}

/* A shard carries the hash of all: it is not changed alone. */
static void shard(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_edit_outcome r = {0};
	const char *name = test_path("shard.gguf");
	const struct fox_edit one = {FOX_EDIT_SET, "patch=xyz"};
	const struct fox_edit_options o = {.path = name, .edits = &one, .n_edits = 1};
	struct fox_gguf_writer *w = sample_declare(false);
	assert_fox_ok(fox_gguf_put_u32(w, "split.count", 2, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	sample_write(w, SAMPLE_TENSORS, name, 1000, false);
	assert_int_equal(fox_edit_run(&o, &r, &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "this is one of 2 shards, and each holds the hash of all: merge them, change the one file, split it "
	    "again");
	fox_buf_free(&r.report);
}

/* The layout into a given length: exact, and refused one byte short. */
static void freeze_at(void **state)
{
	(void)state;
	struct fox_err err = {0};
	bool fits;
	struct fox_gguf_writer *w = sample_declare(false);
	assert_fox_ok(fox_gguf_freeze_at(w, 4096, &fits, &err), &err);
	bool small = fits;
	if (!small)
		assert_fox_ok(fox_gguf_freeze_at(w, 8192, &fits, &err), &err);
	assert_true(fits);
	assert_int_equal(fox_gguf_writer_header_bytes(w), small ? 4096 : 8192);
	assert_int_equal(fox_gguf_seal(w, &err), FOX_E_ARG); /* no hashes of tensors */
	fox_gguf_writer_close(w);
	w = sample_declare(false);
	assert_fox_ok(fox_gguf_freeze_at(w, 32, &fits, &err), &err);
	assert_false(fits);
	assert_fox_ok(fox_gguf_freeze_at(w, 4096 * 5 + 32, &fits, &err), &err);
	assert_false(fits); /* no multiple of 4096 */
	err = (struct fox_err){0};
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	fox_gguf_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(torn),
	    cmocka_unit_test(next_change),
	    cmocka_unit_test(whole_file_stands),
	    cmocka_unit_test(made_up),
	    cmocka_unit_test(hostile),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(locked),
	    cmocka_unit_test(through_a_link),
	    cmocka_unit_test(freeze_at),
	    cmocka_unit_test(shard),
	    cmocka_unit_test(worked_example),
	};
	return cmocka_run_group_tests(tests, make, clean);
}
