/* t_gguf_write.c - the writer: what it writes opens again with the same keys, tensors and hashes, in the same
 * bytes whatever the order and the number of writers; and what it refuses. */
#include "tests/gguf_sample.h"

#include <dirent.h>
#include <pthread.h>

#include "tests/gguf_text.h"
#include "tests/gguf_walk.h"

static const char *const key_order[] = {"general.architecture", "llama.block_count", "u64", "i32", "f32",
    "yes", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "nothing", "patch", "fox.convert.options",
    "fox.source.sha256", "fox.profile", "fox.version", "fox.hash.layout", "fox.hash.root", "fox.hash.set",
    "fox.hash.tensors", "fox.pad"};

static void check_keys(const struct fox_gguf *g)
{
	struct fox_err err = {0};
	uint32_t u32;
	uint64_t u64, cursor = 0;
	int64_t i64;
	double d;
	float f;
	bool yes;
	struct fox_str s;
	assert_int_equal(fox_gguf_keys(g), FOX_COUNT(key_order));
	for (size_t i = 0; i < FOX_COUNT(key_order); i++)
		assert_true(fox_str_is(fox_gguf_key(g, i)->key, key_order[i]));
	assert_fox_ok(fox_gguf_u32(g, "llama.block_count", &u32, &err), &err);
	assert_int_equal(u32, 2);
	assert_fox_ok(fox_gguf_u64(g, "u64", &u64, &err), &err);
	assert_true(u64 == UINT64_MAX);
	assert_true(fox_gguf_item_i64(g, fox_gguf_find_key(g, "i32"), 0, &i64) && i64 == -5);
	assert_fox_ok(fox_gguf_f32(g, "f32", &f, &err), &err);
	assert_true(f == 1e-5f);
	assert_fox_ok(fox_gguf_bool(g, "yes", &yes, &err), &err);
	assert_true(yes);
	assert_fox_ok(fox_gguf_str(g, "general.architecture", &s, &err), &err);
	assert_true(fox_str_is(s, "llama"));
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	assert_int_equal(tokens->n_items, 3);
	assert_true(fox_gguf_next_str(g, tokens, &cursor, &s) && fox_str_is(s, "<unk>"));
	assert_true(fox_gguf_next_str(g, tokens, &cursor, &s) && !s.n);
	assert_true(fox_gguf_next_str(g, tokens, &cursor, &s) && fox_str_is(s, "\xe2\x96\x81the"));
	assert_true(fox_gguf_item_f64(g, fox_gguf_find_key(g, "tokenizer.ggml.scores"), 1, &d) && d == -1.5);
	assert_fox_ok(fox_gguf_u32(g, FOX_KEY_PROFILE, &u32, &err), &err);
	assert_int_equal(u32, 1);
	assert_fox_ok(fox_gguf_str(g, FOX_KEY_VERSION, &s, &err), &err);
	assert_true(fox_str_is(s, FOX_VERSION));
}

static void check_layout(const struct fox_gguf *g)
{
	const struct fox_gguf_header *h = fox_gguf_header(g);
	const struct fox_gguf_kv *pad = fox_gguf_find_key(g, FOX_KEY_PAD);
	const struct fox_gguf_kv *layout = fox_gguf_find_key(g, FOX_KEY_HASH_LAYOUT);
	const uint64_t want[4] = {fox_gguf_keys(g), fox_gguf_tensors(g), h->data_at, h->file_bytes};
	uint64_t v;
	assert_int_equal(h->version, 3);
	assert_int_equal(h->data_at % 4096, 0);
	assert_int_equal(h->header_end, h->data_at);
	assert_int_equal(h->trailing, 0);
	assert_false(h->padding_nonzero);
	assert_int_equal(h->file_bytes % h->alignment, 0);
	assert_true(pad->n_items >= 16384 && pad->n_items < 16384 + (h->alignment > 4096 ? h->alignment : 4096));
	for (uint64_t i = 0; i < pad->n_items; i++)
		assert_int_equal(pad->raw.p[i], 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_true(fox_gguf_item_u64(g, layout, i, &v) && v == want[i]);
}

/* The hashes as spec/container.md 5 words them, computed over a changed copy of the file. */
static void check_hashes(const struct fox_gguf *g)
{
	const struct fox_gguf_kv *root = fox_gguf_find_key(g, FOX_KEY_HASH_ROOT);
	const struct fox_gguf_kv *set = fox_gguf_find_key(g, FOX_KEY_HASH_SET);
	size_t n = fox_gguf_header(g)->data_at;
	uint8_t *copy = malloc(n);
	memcpy(copy, fox_gguf_bytes(g).p, n);
	memset(copy + root->at, 0, 16);
	memset(copy + set->at, 0, 16);
	struct fox_hash128 want = fox_xxh3(copy, n);
	free(copy);
	assert_memory_equal(root->raw.p, want.b, 16);
	want = fox_xxh3(root->raw.p, 16);
	assert_memory_equal(set->raw.p, want.b, 16);
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		struct fox_hash128 h = fox_xxh3(t->data.p, t->data.n);
		assert_true(fox_hash128_eq(t->hash, &h));
	}
	assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
}

static void round_trip(void **state)
{
	(void)state;
	struct fox_gguf_writer *w = sample_declare(true);
	const char *path = test_path("round.gguf");
	uint64_t bytes = fox_gguf_writer_bytes(w), header = fox_gguf_writer_header_bytes(w), at[SAMPLE_TENSORS];
	for (size_t i = 0; i < SAMPLE_TENSORS; i++)
		at[i] = fox_gguf_writer_tensor_at(w, i);
	sample_write(w, SAMPLE_TENSORS, path, 1000, false);
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_int_equal(fox_gguf_header(g)->file_bytes, bytes);
	assert_int_equal(fox_gguf_header(g)->data_at, header);
	check_keys(g);
	check_layout(g);
	check_hashes(g);
	assert_int_equal(fox_gguf_tensors(g), SAMPLE_TENSORS);
	static const uint64_t want_bytes[] = {60, 136, 14, 128};
	for (size_t i = 0; i < SAMPLE_TENSORS; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		uint8_t *data = sample_data(i, want_bytes[i]);
		assert_int_equal(t->at, at[i]);
		assert_int_equal(t->data.n, want_bytes[i]);
		assert_memory_equal(t->data.p, data, t->data.n);
		free(data);
	}
	assert_int_equal(fox_gguf_tensor(g, 3)->n_dims, 4);
	assert_int_equal(fox_gguf_tensor(g, 3)->dim[3], 2);
	assert_true(fox_str_is(fox_gguf_tensor(g, 1)->name, "b.weight"));
	fox_gguf_close(g);
}

static void assert_same_file(const char *a, const char *b)
{
	size_t na, nb;
	char *pa = sample_slurp(a, &na), *pb = sample_slurp(b, &nb);
	assert_int_equal(na, nb);
	assert_memory_equal(pa, pb, na);
	free(pa);
	free(pb);
}

static void any_order(void **state)
{
	(void)state;
	const char *one = test_path("one.gguf"), *two = test_path("two.gguf");
	sample_write(sample_declare(true), SAMPLE_TENSORS, one, 1000, false);
	sample_write(sample_declare(true), SAMPLE_TENSORS, two, 7, true);
	assert_same_file(one, two);
}

/* Over a file system or an old file with other bytes in it, padding is 0 all the same. */
static void padding_is_written(void **state)
{
	(void)state;
	const char *one = test_path("pad1.gguf"), *two = test_path("pad2.gguf");
	sample_write(sample_declare(true), SAMPLE_TENSORS, one, 1000, false);
	struct fox_gguf_writer *w = sample_declare(true);
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_create(w, two, true, &err), &err);
	uint64_t n = fox_gguf_writer_bytes(w);
	uint8_t *dirt = malloc(n);
	memset(dirt, 0xEE, n);
	assert_fox_ok(fox_out_write(fox_gguf_writer_out(w), 0, dirt, n, &err), &err);
	free(dirt);
	for (size_t i = 0; i < SAMPLE_TENSORS; i++) {
		uint64_t bytes = fox_gguf_writer_tensor_bytes(w, i);
		uint8_t *p = sample_data(i, bytes);
		assert_fox_ok(fox_gguf_write_data(w, i, 0, p, bytes, &err), &err);
		fox_gguf_set_hash(w, i, fox_xxh3(p, bytes));
		free(p);
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_same_file(one, two);
}

enum { THREADS = 4, BIG_TENSORS = 40 };

static struct fox_gguf_writer *declare_big(void)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	for (int i = 0; i < BIG_TENSORS; i++) {
		char name[32];
		uint64_t dim[] = {(uint64_t)(100 + 37 * i)};
		snprintf(name, sizeof name, "blk.%d.weight", i);
		assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(name), FOX_F32, 1, dim, &err), &err);
	}
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	return w;
}

struct worker {
	struct fox_gguf_writer *w;
	size_t first;
	int failed;
};

/* Pieces of all tensors, interleaved with those of the other threads. */
static void *write_share(void *arg)
{
	struct worker *job = arg;
	for (size_t i = 0; i < BIG_TENSORS; i++) {
		uint64_t bytes = fox_gguf_writer_tensor_bytes(job->w, i);
		uint8_t *p = sample_data(i, bytes);
		for (uint64_t at = 64 * job->first; at < bytes; at += 64 * THREADS) {
			uint64_t n = bytes - at < 64 ? bytes - at : 64;
			if (fox_gguf_write_data(job->w, i, at, p + at, n, NULL))
				job->failed = 1;
		}
		if (i % THREADS == job->first)
			fox_gguf_set_hash(job->w, i, fox_xxh3(p, bytes));
		free(p);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	const char *one = test_path("serial.gguf"), *two = test_path("threads.gguf");
	sample_write(declare_big(), BIG_TENSORS, one, 4096, false);
	struct fox_gguf_writer *w = declare_big();
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_create(w, two, false, &err), &err);
	pthread_t id[THREADS];
	struct worker job[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		job[i] = (struct worker){w, i, 0};
		assert_int_equal(pthread_create(&id[i], NULL, write_share, &job[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(id[i], NULL);
		assert_int_equal(job[i].failed, 0);
	}
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_same_file(one, two);
}

static size_t files_in(const char *dir)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

static void abort_leaves_nothing(void **state)
{
	(void)state;
	const char *path = test_path("kept.gguf");
	struct fox_err err = {0};
	test_write(path, "old", 3);
	size_t before = files_in(test_dir()), n;
	struct fox_gguf_writer *w = sample_declare(true);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 0, 0, "1234", 4, &err), &err);
	assert_int_equal(fox_gguf_finish(w, &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "tensor 'a.weight' has no hash");
	fox_gguf_set_hash(w, 0, fox_xxh3("x", 1));
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_finish(w, &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "4 of 60 bytes are written of tensor 'a.weight'");
	fox_gguf_writer_close(w);
	assert_int_equal(files_in(test_dir()), before);
	char *old = sample_slurp(path, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(old, "old", 3);
	free(old);
	w = sample_declare(true); /* not to be replaced: refused before anything is written */
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_create(w, path, false, &err), FOX_E_ARG);
	assert_null(fox_gguf_writer_out(w));
	fox_gguf_writer_close(w);
	fox_gguf_writer_close(NULL);
	assert_int_equal(files_in(test_dir()), before);
}

static void patch(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_gguf_writer *w = sample_declare(false);
	assert_fox_ok(fox_gguf_patch_str(w, "patch", 0, fox_str_of("xyz"), &err), &err);
	assert_fox_ok(fox_gguf_patch_str(w, "fox.source.sha256", 0, fox_str_of("22222222"), &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_patch_str(w, "fox.source.sha256", 1, fox_str_of("33333333"), &err), &err);
	static const struct {
		const char *key;
		uint64_t i;
		const char *v, *text;
	} rows[] = {
	    {"absent", 0, "abc", "no string 0 to replace in key 'absent'"},
	    {"patch", 1, "abc", "no string 1 to replace in key 'patch'"},
	    {"fox.source.sha256", 2, "22222222", "no string 2 to replace in key 'fox.source.sha256'"},
	    {"llama.block_count", 0, "abcd", "no string 0 to replace in key 'llama.block_count'"},
	    {"tokenizer.ggml.scores", 0, "abcd", "no string 0 to replace in key 'tokenizer.ggml.scores'"},
	    {"patch", 0, "abcd", "string of 4 bytes cannot replace one of 3, in key 'patch'"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		err = (struct fox_err){0};
		assert_int_equal(
		    fox_gguf_patch_str(w, rows[i].key, rows[i].i, fox_str_of(rows[i].v), &err), FOX_E_ARG);
		assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, rows[i].text);
	}
	const char *path = test_path("patched.gguf");
	sample_write(w, SAMPLE_TENSORS, path, 1000, false);
	struct fox_gguf *g;
	struct fox_str s;
	uint64_t cursor = 0;
	err = (struct fox_err){0};
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_fox_ok(fox_gguf_str(g, "patch", &s, &err), &err);
	assert_true(fox_str_is(s, "xyz"));
	const struct fox_gguf_kv *sums = fox_gguf_find_key(g, "fox.source.sha256");
	assert_true(fox_gguf_next_str(g, sums, &cursor, &s) && fox_str_is(s, "22222222"));
	assert_true(fox_gguf_next_str(g, sums, &cursor, &s) && fox_str_is(s, "33333333"));
	check_hashes(g);
	fox_gguf_close(g);
}

/* What a declaration refuses; the writer goes on as if it had not been asked. */
static void refuses_keys(void **state)
{
	(void)state;
	struct fox_gguf_writer *w = sample_declare(false);
	struct fox_err err = {0};
	static const uint8_t bools[] = {1, 2};
	struct fox_str large = {"", FOX_GGUF_MAX_STRING + 1};
#define REFUSES(call, want, message)                                                                         \
	do {                                                                                                     \
		err = (struct fox_err){0};                                                                           \
		assert_int_equal(call, want);                                                                        \
		assert_fox_err(&err, want, FOX_NOWHERE, message);                                                    \
	} while (0)
	REFUSES(fox_gguf_put_u32(w, "u64", 1, &err), FOX_E_ARG, "key 'u64' repeats");
	REFUSES(fox_gguf_put_u32(w, "", 1, &err), FOX_E_ARG, "key '' is ill-formed");
	REFUSES(fox_gguf_put_u32(w, "a\xff", 1, &err), FOX_E_ARG, "key 'a\xff' is ill-formed");
	REFUSES(fox_gguf_put_u32(w, "fox.pad", 1, &err), FOX_E_ARG, "key 'fox.pad' is the writer's own");
	REFUSES(fox_gguf_put_str(w, "fox.hash.root", large, &err), FOX_E_ARG,
	    "key 'fox.hash.root' is the writer's own");
	REFUSES(fox_gguf_put_strings(w, "fox.hash.more", NULL, 0, &err), FOX_E_ARG,
	    "key 'fox.hash.more' is the writer's own");
	REFUSES(fox_gguf_put_array(w, "fox.hash.set", FOX_GGUF_U8, bools, 2, &err), FOX_E_ARG,
	    "key 'fox.hash.set' is the writer's own");
	REFUSES(fox_gguf_put_str(w, "large", large, &err), FOX_E_BOUND,
	    "string of 16777217 bytes is over the limit of 16777216, in key 'large'");
	REFUSES(fox_gguf_put_strings(w, "large", &large, 1, &err), FOX_E_BOUND,
	    "string of 16777217 bytes is over the limit of 16777216, in key 'large'");
	REFUSES(fox_gguf_put_array(w, "long", FOX_GGUF_U8, bools, FOX_GGUF_MAX_ITEMS + 1, &err), FOX_E_BOUND,
	    "array of 67108865 elements is over the limit of 67108864, in key 'long'");
	REFUSES(fox_gguf_put_array(w, "bools", FOX_GGUF_BOOL, bools, 2, &err), FOX_E_ARG,
	    "key 'bools' holds a bool other than 0 and 1");
	REFUSES(fox_gguf_put_array(w, "strs", FOX_GGUF_STR, bools, 2, &err), FOX_E_ARG,
	    "key 'strs' is an array of str, want numbers or bool");
	REFUSES(fox_gguf_put_u32(w, "general.alignment", 48, &err), FOX_E_ARG,
	    "alignment 48 is no power of two from 8 to 65536");
	REFUSES(fox_gguf_put_u32(w, "general.alignment", 131072, &err), FOX_E_ARG,
	    "alignment 131072 is no power of two from 8 to 65536");
	REFUSES(fox_gguf_put_u64(w, "general.alignment", 32, &err), FOX_E_ARG,
	    "key 'general.alignment' is u64, want u32");
	REFUSES(fox_gguf_put_str(w, "general.alignment", large, &err), FOX_E_ARG,
	    "key 'general.alignment' is str, want u32");
	assert_fox_ok(fox_gguf_put_u32(w, "general.alignment", 32, NULL), &err);
	REFUSES(fox_gguf_put_u32(w, "general.alignment", 64, &err), FOX_E_ARG, "key 'general.alignment' repeats");
	REFUSES(fox_gguf_create(w, test_path("x"), true, &err), FOX_E_ARG,
	    "file is created once, after the layout is frozen");
	REFUSES(fox_gguf_finish(w, &err), FOX_E_ARG, "no file to finish");
	assert_fox_ok(fox_gguf_freeze(w, NULL), &err);
	REFUSES(fox_gguf_freeze(w, &err), FOX_E_ARG, "layout is frozen already");
	REFUSES(fox_gguf_put_u32(w, "late", 1, &err), FOX_E_ARG, "key 'late' comes after the layout is frozen");
	REFUSES(fox_gguf_write_data(w, 0, 0, "", 1, &err), FOX_E_ARG, "no tensor 0 to write to");
	const char *path = test_path("refused.gguf");
	sample_write(w, SAMPLE_TENSORS, path, 1000, false);
	const char *whole = test_path("whole.gguf"); /* none of it left a trace */
	sample_write(sample_declare(true), SAMPLE_TENSORS, whole, 1000, false);
	assert_same_file(path, whole);
}

static void refuses_tensors(void **state)
{
	(void)state;
	struct fox_gguf_writer *w = sample_declare(false);
	struct fox_err err = {0};
	char name[80];
	memset(name, 'n', sizeof name);
	const uint64_t one[] = {32, 1, 1, 1}, odd[] = {33}, zero[] = {32, 0}, huge[] = {1ull << 40, 1ull << 30};
	const uint64_t half[] = {1ull << 61};
	REFUSES(fox_gguf_put_tensor(w, (struct fox_str){name, 64}, FOX_F32, 1, one, &err), FOX_E_ARG,
	    "tensor name 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' is ill-formed or "
	    "over 63 bytes");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of(""), FOX_F32, 1, one, &err), FOX_E_ARG,
	    "tensor name '' is ill-formed or over 63 bytes");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("a.weight"), FOX_F32, 1, one, &err), FOX_E_ARG,
	    "tensor 'a.weight' repeats");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), (enum fox_type)5, 1, one, &err), FOX_E_ARG,
	    "tensor type 5 is not supported (q4_3, removed from the format), in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 0, one, &err), FOX_E_ARG,
	    "0 dimensions, want 1 to 4, in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 5, one, &err), FOX_E_ARG,
	    "5 dimensions, want 1 to 4, in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 2, zero, &err), FOX_E_ARG,
	    "dimension 1 is 0, which is 0 or too large, in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 2, huge, &err), FOX_E_ARG,
	    "dimension 1 is 1073741824, which is 0 or too large, in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 1, half, &err), FOX_E_ARG,
	    "number of bytes does not fit 63 bits, in tensor 't'");
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_Q8_0, 1, odd, &err), FOX_E_ARG,
	    "row of 33 elements is no multiple of the q8_0 block of 32, in tensor 't'");
	assert_fox_ok(fox_gguf_freeze(w, NULL), &err);
	REFUSES(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_F32, 1, one, &err), FOX_E_ARG,
	    "tensor 't' comes after the layout is frozen");
	assert_fox_ok(fox_gguf_create(w, test_path("bounds.gguf"), true, NULL), &err);
	uint8_t room[64] = {0};
	REFUSES(fox_gguf_write_data(w, 0, 57, room, 4, &err), FOX_E_BOUND,
	    "bytes 57 to 61 lie outside the 60 of tensor 'a.weight'");
	REFUSES(fox_gguf_write_data(w, 0, 61, room, 0, &err), FOX_E_BOUND,
	    "bytes 61 to 61 lie outside the 60 of tensor 'a.weight'");
	REFUSES(fox_gguf_write_data(w, SAMPLE_TENSORS, 0, room, 1, &err), FOX_E_ARG, "no tensor 4 to write to");
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	const uint64_t quarter[] = {1ull << 62};
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("t"), FOX_I8, 1, quarter, &err), &err);
	REFUSES(fox_gguf_freeze(w, &err), FOX_E_BOUND, "end of the data does not fit 62 bits, in tensor 't'");
	fox_gguf_writer_close(w);
}

/* Keys of a big-endian file come out with the same values, and copying a copy changes nothing. */
static void copies(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_gguf *from, *g;
	struct fox_gguf_writer *w;
	gguf_from_text(&b,
	    "be gguf 3 0 12 kv u8 0 u8 250 kv i16 3 u16 -300 kv u32 4 u32 4000000000 kv f32 6 f32 0.15625 "
	    "kv yes 7 u8 1 kv str 8 str hello kv i64 11 u64 -9 kv f64 12 f64 0.1 "
	    "arr a 5 3 u32 1 u32 -2 u32 3 arr s 8 2 str a str - arr none 10 0 "
	    "kv general.alignment 4 u32 128");
	assert_fox_ok(
	    fox_gguf_open_bytes(&from, (struct fox_span){(const uint8_t *)b.p, b.n}, "be.gguf", &err), &err);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	for (size_t i = 0; i < fox_gguf_keys(from); i++)
		assert_fox_ok(fox_gguf_put_copy(w, from, fox_gguf_key(from, i), &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	const char *path = test_path("copy.gguf");
	sample_write(w, 0, path, 1, false);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_false(fox_gguf_header(g)->big_endian);
	assert_int_equal(fox_gguf_header(g)->alignment, 128);
	struct fox_buf want = {0};
	gguf_from_text(&want, "kv u8 0 u8 250 kv i16 3 u16 -300 kv u32 4 u32 4000000000 kv f32 6 f32 0.15625 "
	                      "kv yes 7 u8 1 kv str 8 str hello kv i64 11 u64 -9 kv f64 12 f64 0.1 "
	                      "arr a 5 3 u32 1 u32 -2 u32 3 arr s 8 2 str a str - arr none 10 0 "
	                      "kv general.alignment 4 u32 128");
	assert_memory_equal(fox_gguf_bytes(g).p + 24, want.p, want.n);
	check_hashes(g);
	const char *again = test_path("copy2.gguf");
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	for (size_t i = 0; i < fox_gguf_keys(g); i++)
		if (!fox_str_starts(fox_gguf_key(g, i)->key, "fox.hash.") &&
		    !fox_str_is(fox_gguf_key(g, i)->key, FOX_KEY_PAD))
			assert_fox_ok(fox_gguf_put_copy(w, g, fox_gguf_key(g, i), &err), &err);
	assert_int_equal(fox_gguf_put_copy(w, g, fox_gguf_find_key(g, FOX_KEY_PAD), &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "key 'fox.pad' is the writer's own");
	assert_fox_ok(fox_gguf_freeze(w, NULL), &err);
	sample_write(w, 0, again, 1, false);
	assert_same_file(path, again);
	fox_gguf_close(g);
	fox_gguf_close(from);
	fox_buf_free(&b);
	fox_buf_free(&want);
}

static void alignments(void **state)
{
	(void)state;
	for (uint32_t align = 8; align <= 65536; align *= 2) {
		struct fox_gguf_writer *w = sample_declare(false);
		struct fox_err err = {0};
		struct fox_gguf *g;
		const char *path = test_path("align.gguf");
		assert_fox_ok(fox_gguf_put_u32(w, "general.alignment", align, &err), &err);
		assert_fox_ok(fox_gguf_freeze(w, &err), &err);
		sample_write(w, SAMPLE_TENSORS, path, 1000, true);
		assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
		assert_int_equal(fox_gguf_header(g)->alignment, align);
		assert_int_equal(
		    fox_gguf_find_key(g, "general.alignment") != NULL, align != 32); /* the default is not written */
		for (size_t i = 0; i < SAMPLE_TENSORS; i++)
			assert_int_equal(fox_gguf_tensor(g, i)->at % align, 0);
		check_layout(g);
		check_hashes(g);
		fox_gguf_close(g);
	}
}

/* A vocabulary of Fox-1's size, and many keys and tensors: maps grow, the header is large. */
static void large_header(void **state)
{
	(void)state;
	enum { TOKENS = 256000, MANY = 3000 };
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	struct fox_gguf *g;
	struct fox_str *tokens = calloc(TOKENS, sizeof *tokens);
	const uint64_t dim[] = {1};
	char name[32];
	for (uint32_t i = 0; i < TOKENS; i++)
		tokens[i] = (struct fox_str){"abcdefghijkl", i % 13};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_strings(w, "tokenizer.ggml.tokens", tokens, TOKENS, &err), &err);
	free(tokens);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "key.%u", i);
		assert_fox_ok(fox_gguf_put_u32(w, name, i, &err), &err);
		assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(name), FOX_F16, 1, dim, &err), &err);
	}
	assert_int_equal(fox_gguf_put_u32(w, "key.0", 1, NULL), FOX_E_ARG); /* found after the map has grown */
	assert_int_equal(fox_gguf_put_tensor(w, fox_str_of("key.63"), FOX_F16, 1, dim, NULL), FOX_E_ARG);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	const char *path = test_path("large.gguf");
	sample_write(w, MANY, path, 10, false);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_int_equal(fox_gguf_find_key(g, "tokenizer.ggml.tokens")->n_items, TOKENS);
	gguf_walk(g);
	check_layout(g);
	check_hashes(g);
	fox_gguf_close(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(any_order),
	    cmocka_unit_test(padding_is_written),
	    cmocka_unit_test(threads),
	    cmocka_unit_test(abort_leaves_nothing),
	    cmocka_unit_test(patch),
	    cmocka_unit_test(refuses_keys),
	    cmocka_unit_test(refuses_tensors),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(alignments),
	    cmocka_unit_test(large_header),
	};
	return cmocka_run_group_tests_name("gguf_write", tests, NULL, NULL);
}
