/* t_archive_files.c - files of archives: the same bytes in any order of reading, checkpoints that convert as from their
 * folder, and what is refused because it does not come in order. */
#include "tests/test.h"

#include <dirent.h>

#include "convert/convert.h"
#include "format/archive_files.h"
#include "format/source.h"
#include "tests/archive_make.h"
#include "tests/unit/t_checkpoint.h"

static uint8_t noise[1 << 20];

static const char *const ways[][2] = {{"pax", "none"}, {"ustar", "gzip"}, {"gnutar", "zstd"}, {"pax", "xz"},
    {"zip", "none"}, {"zip:store", "none"}};

static const struct member files[] = {
    {.name = "m/a", .bytes = noise, .n = 300000},
    {.name = "m/none"},
    {.name = "m/config.json", .bytes = "{}", .n = 2},
    {.name = "m/b", .bytes = noise + 300000, .n = 400001},
    {.name = "m/sub/c", .bytes = noise + 700001, .n = 5},
};

/* Nothing is kept and little is at hand, so that reading back and forth takes passes. */
static void narrow(uint32_t window, uint32_t kept)
{
	fox_archive_window = window;
	fox_archive_most_kept = kept;
}

static int widen(void **state)
{
	(void)state;
	narrow(FOX_ARCHIVE_WINDOW, FOX_ARCHIVE_MAX_KEPT);
	return 0;
}

static void must_read(const struct fox_file *f, const uint8_t *want, uint64_t at, size_t n)
{
	struct fox_err err = {0};
	uint8_t *got = malloc(n + 1);
	assert_fox_ok(fox_file_read(f, at, got, n, &err), &err);
	assert_true(!n || !memcmp(got, want + at, n));
	free(got);
}

static void test_any_order(void **state)
{
	(void)state;
	const char *path = test_path("any");
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		struct fox_archive_files *a;
		struct fox_err err = {0};
		struct fox_file f[2] = {0};
		narrow(1 << 16, 0);
		archive_make(path, ways[i][0], ways[i][1], files, FOX_COUNT(files));
		assert_fox_ok(fox_archive_files_open(&a, path, &err), &err);
		assert_int_equal(fox_archive_files_count(a), FOX_COUNT(files));
		assert_null(fox_archive_files_find(a, fox_str_of("m/a")));
		assert_non_null(fox_archive_files_find(a, fox_str_of("sub/c")));
		const struct fox_archive_member *x = fox_archive_files_find(a, fox_str_of("a")),
		                                *y = fox_archive_files_find(a, fox_str_of("b"));
		assert_fox_ok(fox_archive_files_part(a, x, &f[0], &err), &err);
		assert_fox_ok(fox_archive_files_part(a, y, &f[1], &err), &err);
		assert_int_equal(f[1].size, 400001);
		bool plain = x->plain;
		assert_int_equal(plain, f[0].via == NULL);
		must_read(&f[1], files[3].bytes, 399000, 1001);
		must_read(&f[1], files[3].bytes, 350000, 50001); /* at hand */
		must_read(&f[0], files[0].bytes, 0, 300000);
		must_read(&f[1], files[3].bytes, 5, 7);
		must_read(&f[1], files[3].bytes, 400001, 0);
		uint8_t byte[2];
		assert_int_equal(fox_file_read(&f[1], 400000, byte, 2, &err), FOX_E_TRUNCATED);
		assert_string_equal(err.text, "file ends where 1 more bytes were expected");
		char want[600];
		snprintf(want, sizeof want, "%s/b", path);
		assert_string_equal(err.file, want);
		unsigned passes = 0;
		for (enum fox_status s = FOX_OK; !s && passes < 40; passes++) {
			err = (struct fox_err){0};
			s = fox_file_read(&f[passes % 2], 1, byte, 1, &err);
		}
		assert_int_equal(plain, passes == 40);
		if (!plain)
			assert_string_equal(err.text,
			    "to read it out of its order takes more than 16 passes over the archive: unpack it first");
		assert_fox_ok(fox_file_unchanged(&f[0], NULL), &(struct fox_err){0});
		fox_file_close(&f[0]);
		fox_file_close(&f[1]);
		fox_archive_files_close(a);
	}
}

static void refuse(const struct member *m, size_t n, enum fox_status code, const char *text)
{
	const char *path = test_path("evil");
	struct fox_archive_files *a;
	struct fox_err err = {0};
	archive_make(path, "pax", "gzip", m, n);
	assert_int_equal(fox_archive_files_open(&a, path, &err), code);
	assert_string_equal(err.text, text);
	assert_string_equal(err.file, path);
}

static void test_roots(void **state)
{
	(void)state;
	refuse(NULL, 0, FOX_E_FORMAT, "the archive holds no file");
	refuse((struct member[]){{.name = "a/x"}, {.name = "b/x"}}, 2, FOX_E_FORMAT,
	    "its files lie in several folders, 'a' and 'b': one checkpoint is read, in the root or in one "
	    "folder");
	static const struct member root[] = {{.name = "a/x"}, {.name = "x"}};
	const char *path = test_path("root");
	struct fox_archive_files *a;
	struct fox_err err = {0};
	archive_make(path, "pax", "none", root, 2);
	assert_fox_ok(fox_archive_files_open(&a, path, &err), &err);
	assert_non_null(fox_archive_files_find(a, fox_str_of("a/x")));
	assert_non_null(fox_archive_files_find(a, fox_str_of("x")));
	fox_archive_files_close(a);
}

/* Damage behind what a pass has seen, and another file in place of the first, are found by the next pass. */
static void test_changed(void **state)
{
	(void)state;
	const char *path = test_path("changed");
	struct fox_archive_files *a;
	struct fox_err err = {0};
	struct fox_file f = {0};
	uint8_t byte;
	narrow(1 << 16, 0);
	archive_make(path, "pax", "gzip", files, 4);
	assert_fox_ok(fox_archive_files_open(&a, path, &err), &err);
	assert_fox_ok(fox_archive_files_part(a, fox_archive_files_member(a, 3), &f, &err), &err);
	must_read(&f, files[3].bytes, 300000, 1);
	assert_int_equal(unlink(path), 0);
	archive_make(path, "pax", "gzip", files, 5);
	assert_int_equal(fox_file_read(&f, 0, &byte, 1, &err), FOX_E_IO);
	assert_string_equal(err.text, "file changed while it was read");
	fox_file_close(&f);
	fox_archive_files_close(a);
}

/* ---- checkpoints */

/* An archive of all files in a folder of the tree; the last of `last` goes to the front. */
static const char *pack(const char *dir, const char *format, const char *filter, const char *first)
{
	struct member m[32];
	char names[32][264], from[600];
	size_t n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) && n < FOX_COUNT(m);) {
		char *p;
		size_t size, at = n;
		if (e->d_name[0] == '.')
			continue;
		if (first && !strcmp(e->d_name, first)) { /* the order of folders is any */
			m[n] = m[0], memcpy(names[n], names[0], sizeof names[0]), m[n].name = names[n];
			at = 0;
		}
		snprintf(from, sizeof from, "%s/%s", dir, e->d_name);
		assert_int_equal(fox_path_slurp(from, 1u << 28, &p, &size, NULL), FOX_OK);
		snprintf(names[at], sizeof names[at], "ckpt/%s", e->d_name);
		m[at] = (struct member){.name = names[at], .bytes = p, .n = size};
		n++;
	}
	closedir(d);
	const char *path = test_path("packed");
	archive_make(path, format, filter, m, n);
	while (n--)
		free((void *)m[n].bytes);
	return path;
}

static enum fox_status convert(const char *src, const char *out, struct fox_err *err)
{
	struct fox_convert_options o = {
	    .src = src, .out = out, .types.types = "bf16", .threads = 4, .hash_sources = true, .replace = true};
	struct fox_outcome r = {0};
	*err = (struct fox_err){0};
	enum fox_status s = fox_convert(&o, &r, err);
	fox_outcome_free(&r);
	return s;
}

static void same_file(const char *a, const char *b)
{
	char *p, *q;
	size_t n, k;
	assert_int_equal(fox_path_slurp(a, 1u << 30, &p, &n, NULL), FOX_OK);
	assert_int_equal(fox_path_slurp(b, 1u << 30, &q, &k, NULL), FOX_OK);
	assert_int_equal(n, k);
	assert_memory_equal(p, q, n);
	free(p);
	free(q);
}

/* With a window that little fits into: weights come in order all the same. */
static void test_convert(void **state)
{
	(void)state;
	struct fox_err err;
	const char *want = test_path("want.gguf"), *got = test_path("got.gguf");
	assert_fox_ok(convert("tests/families/llama2", want, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		narrow(1 << 12, 100000);
		const char *path = pack("tests/families/llama2", ways[i][0], ways[i][1], NULL);
		assert_fox_ok(convert(path, got, &err), &err);
		same_file(want, got);
	}
}

static void copy_file(const char *from, const char *dir, const char *name)
{
	char path[1024], *p;
	size_t n;
	snprintf(path, sizeof path, "%s/%s", from, name);
	assert_int_equal(fox_path_slurp(path, 1u << 28, &p, &n, NULL), FOX_OK);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	test_write(path, p, n);
	free(p);
}

/* The weights of a family's folder, every other tensor in the second shard. */
static const char *make_shards(const char *from)
{
	static struct ck c;
	struct fox_source *src;
	struct fox_err err = {0};
	assert_fox_ok(fox_source_open(&src, from, true, &err), &err);
	for (size_t i = 0; i < fox_source_tensors(src); i++) {
		const struct fox_src_tensor *s = fox_source_tensor(src, i);
		uint64_t seed = 1;
		char name[208];
		snprintf(name, sizeof name, "%.*s", FOX_STR_ARG(s->name));
		struct ck_tensor *t =
		    ck_add(&c, name, s->dtype, s->n_dims == 2 ? s->shape[0] : 0, s->shape[s->n_dims - 1], &seed);
		assert_int_equal(t->bytes, s->bytes);
		assert_fox_ok(fox_source_read(src, s, 0, t->data, t->bytes, &err), &err);
		t->shard = (int)(i % 2);
	}
	fox_source_close(src);
	const char *dir = ck_write(&c, "shards", true);
	while (c.n--)
		free(c.t[c.n].data);
	copy_file(from, dir, "config.json");
	copy_file(from, dir, "tokenizer.model");
	return dir;
}

/* The second shard in front of the first; the hashes of both are those of the files. */
static void test_shards(void **state)
{
	(void)state;
	struct fox_err err;
	const char *want = test_path("want.gguf"), *got = test_path("got.gguf"),
	           *dir = make_shards("tests/families/llama2");
	assert_fox_ok(convert(dir, want, &err), &err);
	for (size_t i = 0; i < FOX_COUNT(ways); i++) {
		narrow(1 << 12, 100000);
		const char *path = pack(dir, ways[i][0], ways[i][1], "model-00002-of-00002.safetensors");
		assert_fox_ok(convert(path, got, &err), &err);
		same_file(want, got);
	}
}

/* Transposed and regrouped matrices, and tensors that are cut in parts. */
static void test_gathers(void **state)
{
	(void)state;
	static const char *const dirs[] = {
	    "tests/families/gpt2", "tests/families/bloom", "tests/families/phi3", "tests/families/openelm"};
	struct fox_err err, folder;
	const char *want = test_path("want.gguf"), *got = test_path("got.gguf");
	for (size_t i = 0; i < FOX_COUNT(dirs); i++) {
		enum fox_status s = convert(dirs[i], want, &folder);
		widen(NULL);
		const char *path = pack(dirs[i], "pax", "zstd", NULL);
		assert_int_equal(convert(path, got, &err), s);
		assert_string_equal(err.text, folder.text);
		if (!s)
			same_file(want, got);
	}
	const char *path = pack("tests/families/gpt2", "pax", "zstd", NULL);
	narrow(4096, 1 << 20);
	assert_int_equal(convert(path, got, &err), FOX_E_UNSUPPORTED);
	assert_non_null(strstr(err.text,
	    " changes its order, and of a compressed archive no more than 4096 bytes are at hand: "
	    "unpack it first"));
	path = pack("tests/families/gpt2", "pax", "none", NULL);
	assert_fox_ok(convert("tests/families/gpt2", want, &err), &err);
	assert_fox_ok(convert(path, got, &err), &err);
	same_file(want, got);
}

static void test_torch(void **state)
{
	(void)state;
	struct fox_source *src;
	struct fox_err err = {0};
	struct member m[2] = {{.name = "config.json", .bytes = "{}", .n = 2}, {.name = "pytorch_model.bin"}};
	char *p;
	assert_int_equal(fox_path_slurp("tests/torch/plain.bin", 1 << 24, &p, &m[1].n, NULL), FOX_OK);
	m[1].bytes = p;
	const char *path = test_path("torch");
	archive_make(path, "pax", "xz", m, 2);
	assert_fox_ok(fox_source_open(&src, path, true, &err), &err);
	assert_true(fox_source_streamed(src));
	fox_source_close(src);
	narrow(1 << 16, 100);
	assert_int_equal(fox_source_open(&src, path, true, &err), FOX_E_UNSUPPORTED);
	char text[200];
	snprintf(text, sizeof text,
	    "a PyTorch file of %zu bytes is not read out of a compressed archive: unpack it first", m[1].n);
	assert_string_equal(err.text, text);
	err = (struct fox_err){0};
	archive_make(path, "pax", "none", m, 2);
	assert_fox_ok(fox_source_open(&src, path, true, &err), &err);
	assert_false(fox_source_streamed(src));
	fox_source_close(src);
	free(p);
}

static void test_no_weights(void **state)
{
	(void)state;
	struct fox_source *src;
	struct fox_err err = {0};
	const char *path = test_path("other.zip");
	archive_make(path, "zip", "none",
	    (struct member[]){{.name = "c.json"}, {.name = "x.onnx"}, {.name = "m.gguf"}}, 3);
	assert_int_equal(fox_source_open(&src, path, true, &err), FOX_E_UNSUPPORTED);
	assert_string_equal(err.text,
	    "neither model.safetensors nor pytorch_model.bin in this archive, nor an index of either, "
	    "but 'm.gguf': a container already");
	err = (struct fox_err){0};
	archive_make(path, "zip", "none", (struct member[]){{.name = "c.json"}}, 1);
	assert_int_equal(fox_source_open(&src, path, true, &err), FOX_E_IO);
	assert_string_equal(
	    err.text, "neither model.safetensors nor pytorch_model.bin in this archive, nor an index of either");
	err = (struct fox_err){0};
	assert_int_equal(convert(path, test_path("o.gguf"), &err), FOX_E_IO);
	assert_int_equal(access(test_path("o.gguf"), F_OK), -1);
}

int main(void)
{
	uint64_t seed = 7;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)test_rand(&seed);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_any_order, widen),
	    cmocka_unit_test_teardown(test_roots, widen),
	    cmocka_unit_test_teardown(test_changed, widen),
	    cmocka_unit_test_teardown(test_convert, widen),
	    cmocka_unit_test_teardown(test_shards, widen),
	    cmocka_unit_test_teardown(test_gathers, widen),
	    cmocka_unit_test_teardown(test_torch, widen),
	    cmocka_unit_test_teardown(test_no_weights, widen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
