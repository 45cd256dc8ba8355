/* t_gguf_set.c - sets of shards: whole ones as one model, and every way in which files that claim to be one are not; written
 * all at once or not at all. Runs in its own folder, so that names in messages are short. */
#include "tests/gguf_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "format/gguf_set.h"
#include "tests/gguf_text.h"

#define SHARD(no, count) "s-0000" #no "-of-0000" #count ".gguf"
#define KEYS(arch, no, count, tensors)                                                                       \
	"kv general.architecture 8 str " arch " kv split.no 2 u16 " no " kv split.count 2 u16 " count            \
	" kv split.tensors.count 5 u32 " tensors
#define DATA(name) " ti " name " 1 8 0 0 pad 32 fill 7 32"
#define FIRST "gguf 3 1 4 " KEYS("llama", "0", "3", "3") DATA("a")
#define SECOND "gguf 3 1 4 " KEYS("llama", "1", "3", "3") DATA("b")
#define THIRD "gguf 3 1 4 " KEYS("llama", "2", "3", "3") DATA("c")

static void put(const char *path, const char *words)
{
	struct fox_buf b = {0};
	unlink(path);
	if (words) {
		gguf_from_text(&b, words);
		test_write(path, b.p, b.n);
	}
	fox_buf_free(&b);
}

static void put_all(void)
{
	put(SHARD(1, 3), FIRST);
	put(SHARD(2, 3), SECOND);
	put(SHARD(3, 3), THIRD);
}

/* Opening must fail so; file: what the error names, "" where the text does. */
static void refused(const char *path, enum fox_status code, const char *file, const char *text)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	if (fox_gguf_open_set(&g, path, &err) == FOX_OK)
		fail_msg("opened, want: %s", text);
	assert_null(g);
	assert_string_equal(err.text, text);
	assert_string_equal(err.file, file);
	assert_int_equal(err.code, code);
}

/* The default set with other bytes in one place. */
static void refused_with(
    const char *path, const char *words, enum fox_status code, const char *file, const char *text)
{
	put_all();
	put(path, words);
	refused(SHARD(1, 3), code, file, text);
}

static void whole(void **state)
{
	(void)state;
	struct fox_gguf *g;
	struct fox_err err = {0};
	put_all();
	assert_fox_ok(fox_gguf_open_set(&g, SHARD(1, 3), &err), &err);
	assert_int_equal(fox_gguf_parts(g), 3);
	assert_int_equal(fox_gguf_tensors(g), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		assert_int_equal(t->name.p[0], "abc"[i]);
		assert_int_equal(t->part, i);
		assert_ptr_equal(fox_gguf_find(g, t->name), t);
		assert_ptr_equal(t->data.p, fox_gguf_bytes(fox_gguf_part(g, i)).p + t->at);
		assert_int_equal(fox_gguf_tensors(fox_gguf_part(g, i)), 1);
		assert_int_equal(fox_gguf_parts(fox_gguf_part(g, i)), 1);
		assert_non_null(fox_gguf_file(fox_gguf_part(g, i)));
		fox_gguf_done_with(g, t->data);
		assert_int_equal(t->data.p[31], 7);
	}
	assert_string_equal(fox_gguf_path(g), SHARD(1, 3));
	assert_int_equal(fox_gguf_keys(g), 4);
	assert_non_null(fox_gguf_find_key(g, "split.no"));
	assert_int_equal(fox_profile_state(g), FOX_HASH_NONE);
	fox_gguf_close(g);
}

/* What other programs write: later shards without an architecture, a first without tensors; and what is no set. */
static void accepted(void **state)
{
	(void)state;
	struct fox_gguf *g;
	struct fox_err err = {0};
	put(SHARD(1, 2), "gguf 3 0 4 " KEYS("llama", "0", "2", "1"));
	put(SHARD(2, 2),
	    "gguf 3 1 3 kv split.no 4 u32 1 kv split.count 10 u64 2 kv split.tensors.count 5 u32 1" DATA("b"));
	assert_fox_ok(fox_gguf_open_set(&g, SHARD(1, 2), &err), &err);
	assert_int_equal(fox_gguf_tensors(g), 1);
	assert_int_equal(fox_gguf_tensor(g, 0)->part, 1);
	fox_gguf_close(g);
	static const char *const alone[] = {"gguf 3 1 0" DATA("a"),
	    "gguf 3 1 4 " KEYS("llama", "0", "0", "9") DATA("a"),
	    "gguf 3 1 4 " KEYS("llama", "0", "1", "1") DATA("a")};
	for (size_t i = 0; i < FOX_COUNT(alone); i++) {
		put("m.gguf", alone[i]);
		assert_fox_ok(fox_gguf_open_set(&g, "m.gguf", &err), &err);
		assert_int_equal(fox_gguf_parts(g), 1);
		assert_ptr_equal(fox_gguf_part(g, 0), g);
		fox_gguf_close(g);
	}
	assert_int_equal(mkdir("x", 0755), 0);
	put("x/" SHARD(1, 2), "gguf 3 0 4 " KEYS("llama", "0", "2", "1"));
	assert_int_equal(symlink("../" SHARD(2, 2), "x/" SHARD(2, 2)), 0); /* as a repository cache has them */
	assert_fox_ok(fox_gguf_open_set(&g, "x/" SHARD(1, 2), &err), &err);
	fox_gguf_close(g);
}

static void missing_or_no_file(void **state)
{
	(void)state;
	refused_with(SHARD(2, 3), NULL, FOX_E_IO, SHARD(1, 3),
	    "cannot open '" SHARD(2, 3) "': No such file or directory, in shard 2 of 3");
	put_all();
	unlink(SHARD(3, 3));
	assert_int_equal(mkfifo(SHARD(3, 3), 0644), 0);
	refused(SHARD(1, 3), FOX_E_IO, SHARD(1, 3),
	    "'" SHARD(3, 3) "' is a device, FIFO or socket, not a regular file, in shard 3 of 3");
	put_all();
	unlink(SHARD(3, 3));
	assert_int_equal(symlink(SHARD(3, 3), SHARD(3, 3)), 0);
	refused(SHARD(1, 3), FOX_E_IO, SHARD(1, 3),
	    "cannot open '" SHARD(3, 3) "': Too many levels of symbolic links, in shard 3 of 3");
	put_all();
	unlink(SHARD(3, 3));
	assert_int_equal(mkdir(SHARD(3, 3), 0755), 0);
	refused(SHARD(1, 3), FOX_E_IO, SHARD(1, 3),
	    "'" SHARD(3, 3) "' is a folder, not a regular file, in shard 3 of 3");
	assert_int_equal(rmdir(SHARD(3, 3)), 0);
	refused_with(
	    SHARD(2, 3), "raw GGU", FOX_E_BOUND, SHARD(2, 3), "file ends inside the magic, in shard 2 of 3");
	refused_with(SHARD(2, 3), "gguf 3 1 4 " KEYS("llama", "1", "3", "3") " ti b 1 8 0 0 pad 32 fill 7 31",
	    FOX_E_TRUNCATED, SHARD(2, 3), "data of tensor 'b' ends 1 bytes past the file, in shard 2 of 3");
}

static void same_file_twice(void **state)
{
	(void)state;
	put_all();
	unlink(SHARD(2, 3));
	assert_int_equal(link(SHARD(1, 3), SHARD(2, 3)), 0);
	refused(SHARD(1, 3), FOX_E_MISMATCH, SHARD(2, 3), "is the same file as '" SHARD(1, 3) "'");
	put_all();
	unlink(SHARD(3, 3));
	assert_int_equal(symlink(SHARD(2, 3), SHARD(3, 3)), 0);
	refused(SHARD(1, 3), FOX_E_MISMATCH, SHARD(3, 3), "is the same file as '" SHARD(2, 3) "'");
	unlink(SHARD(3, 3));
}

static void names(void **state)
{
	(void)state;
	put_all();
	refused(SHARD(2, 3), FOX_E_ARG, SHARD(2, 3),
	    "this is shard 2 of 3: a set is opened by its first, '" SHARD(1, 3) "'");
	put("other.gguf", SECOND);
	refused("other.gguf", FOX_E_ARG, "other.gguf", "this is shard 2 of 3: a set is opened by its first");
	put("other.gguf", FIRST);
	refused("other.gguf", FOX_E_FORMAT, "other.gguf",
	    "this is the first of 3 shards, but is not called 'NAME-00001-of-00003.gguf': the others cannot be "
	    "found");
	put(SHARD(1, 4), FIRST);
	refused(SHARD(1, 4), FOX_E_FORMAT, SHARD(1, 4),
	    "this is the first of 3 shards, but is not called 'NAME-00001-of-00003.gguf': the others cannot be "
	    "found");
	put("-00001-of-00003.gguf", FIRST);
	refused("-00001-of-00003.gguf", FOX_E_FORMAT, "-00001-of-00003.gguf",
	    "this is the first of 3 shards, but is not called 'NAME-00001-of-00003.gguf': the others cannot be "
	    "found");
	struct fox_str prefix;
	struct fox_buf b = {0};
	fox_shard_path(&b, fox_str_of("dir/m"), 1, 12);
	assert_string_equal(b.p, "dir/m-00002-of-00012.gguf");
	assert_true(fox_shard_prefix(&prefix, fox_buf_view(&b), 1, 12) && fox_str_is(prefix, "dir/m"));
	assert_false(fox_shard_prefix(&prefix, fox_buf_view(&b), 0, 12));
	assert_false(fox_shard_prefix(&prefix, fox_str_of("dir/-00002-of-00012.gguf"), 1, 12));
	fox_buf_free(&b);
}

static void keys(void **state)
{
	(void)state;
	refused_with(SHARD(1, 3), "gguf 3 1 1 kv split.count 2 u16 3" DATA("a"), FOX_E_FORMAT, SHARD(1, 3),
	    "no key 'split.no'");
	refused_with(SHARD(1, 3), "gguf 3 1 2 kv split.count 2 u16 3 kv split.no 2 u16 0" DATA("a"), FOX_E_FORMAT,
	    SHARD(1, 3), "no key 'split.tensors.count'");
	refused_with(SHARD(1, 3), "gguf 3 1 1 kv split.count 8 str 3" DATA("a"), FOX_E_FORMAT, SHARD(1, 3),
	    "key 'split.count' is str, want an integer from 0 up");
	refused_with(SHARD(1, 3), "gguf 3 1 1 arr split.count 2 1 u16 3" DATA("a"), FOX_E_FORMAT, SHARD(1, 3),
	    "key 'split.count' is arr, want an integer from 0 up");
	refused_with(SHARD(1, 3), "gguf 3 1 1 kv split.count 5 u32 -1" DATA("a"), FOX_E_FORMAT, SHARD(1, 3),
	    "key 'split.count' is i32, want an integer from 0 up");
	refused_with(SHARD(1, 3), "gguf 3 1 1 kv split.count 4 u32 65536" DATA("a"), FOX_E_BOUND, SHARD(1, 3),
	    "split.count is 65536, over the limit of 65535");
	refused_with(SHARD(2, 3), "gguf 3 1 0" DATA("b"), FOX_E_FORMAT, SHARD(2, 3), "no key 'split.no'");
	refused_with(SHARD(2, 3), "gguf 3 1 1 kv split.no 2 u16 1" DATA("b"), FOX_E_FORMAT, SHARD(2, 3),
	    "no key 'split.count'");
	refused_with(SHARD(2, 3), THIRD, FOX_E_FORMAT, SHARD(2, 3), "split.no is 2, want 1");
	refused_with(SHARD(2, 3), "gguf 3 1 4 " KEYS("llama", "7", "3", "3") DATA("b"), FOX_E_FORMAT, SHARD(2, 3),
	    "split.no is 7, want 1");
	refused_with(SHARD(2, 3), "gguf 3 1 4 " KEYS("llama", "1", "4", "3") DATA("b"), FOX_E_MISMATCH,
	    SHARD(2, 3), "split.count is 4, want 3");
	refused_with(SHARD(2, 3), "gguf 3 1 4 " KEYS("llama", "1", "3", "4") DATA("b"), FOX_E_MISMATCH,
	    SHARD(2, 3), "split.tensors.count is 4, want 3");
	refused_with(SHARD(3, 3),
	    "gguf 3 2 4 " KEYS("llama", "2", "3", "3") " ti c 1 8 0 0 ti d 1 8 0 32 pad 32 fill 7 64",
	    FOX_E_MISMATCH, SHARD(1, 3), "split.tensors.count is 3, and the shards have 4 tensors");
}

static void disagreement(void **state)
{
	(void)state;
	refused_with(SHARD(3, 3), "gguf 3 1 4 " KEYS("llama", "2", "3", "3") DATA("a"), FOX_E_MISMATCH,
	    SHARD(3, 3), "tensor 'a' is in '" SHARD(1, 3) "' too");
	refused_with(SHARD(2, 3), "gguf 3 1 4 " KEYS("gemma", "1", "3", "3") DATA("b"), FOX_E_MISMATCH,
	    SHARD(2, 3), "'general.architecture' is not that of the first shard");
	refused_with(SHARD(2, 3), "be gguf 3 1 4 " KEYS("llama", "1", "3", "3") DATA("b"), FOX_E_MISMATCH,
	    SHARD(2, 3), "is big-endian, and the first shard is not");
}

/* ---- sets that fox writes */

/* Shard no of two: the sample's first or last two tensors; seed: another conversion. */
static struct fox_gguf_writer *declare(uint32_t no, const char *name)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	const uint64_t dim[] = {64, 2};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.name", fox_str_of(name), &err), &err);
	assert_fox_ok(fox_gguf_put_split(w, no, 2, 2, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of(no ? "b" : "a"), FOX_F16, 2, dim, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	return w;
}

static void fill(struct fox_gguf_writer *w, const char *path, bool replace)
{
	static uint8_t data[256] = {1, 2, 3};
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_create(w, path, replace, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 0, 0, data, sizeof data, &err), &err);
	fox_gguf_set_hash(w, 0, fox_xxh3(data, sizeof data));
}

static void write_set(const char *first, const char *second, const char *name)
{
	struct fox_err err = {0};
	struct fox_gguf_writer *w[2] = {declare(0, name), declare(1, name)};
	fill(w[0], first, true);
	fill(w[1], second, true);
	struct fox_hash128 foreseen, root;
	assert_fox_ok(fox_gguf_writer_foresee(w[1], &foreseen, &err), &err);
	assert_fox_ok(fox_gguf_finish_set(w, 2, &err), &err);
	root = fox_gguf_writer_root(w[1]);
	assert_true(fox_hash128_eq(&foreseen, &root));
	fox_gguf_writer_close(w[0]);
	fox_gguf_writer_close(w[1]);
}

static void change_byte(const char *path, long at)
{
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	int c = fgetc(f);
	assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
	fputc(c ^ 1, f);
	assert_int_equal(fclose(f), 0);
}

static int state_of(const char *path)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_fox_ok(fox_gguf_open_set(&g, path, &err), &err);
	int state = (int)fox_profile_state(g);
	fox_gguf_close(g);
	return state;
}

static void hashes(void **state)
{
	(void)state;
	struct fox_gguf *g, *other;
	struct fox_err err = {0};
	write_set(SHARD(1, 2), SHARD(2, 2), "one");
	assert_fox_ok(fox_gguf_open_set(&g, SHARD(1, 2), &err), &err);
	assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
	uint8_t roots[32];
	struct fox_hash128 set;
	for (size_t i = 0; i < 2; i++) {
		struct fox_hash128 root;
		assert_fox_ok(fox_profile_root(fox_gguf_part(g, i), &root, &err), &err);
		memcpy(roots + 16 * i, root.b, 16);
	}
	set = fox_xxh3(roots, sizeof roots);
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(fox_gguf_find_key(fox_gguf_part(g, i), FOX_KEY_HASH_SET)->raw.p, set.b, 16);
	assert_non_null(fox_gguf_tensor(g, 1)->hash);
	fox_gguf_close(g);
	/* whole shards of another conversion, which differ in one key */
	write_set("t-00001-of-00002.gguf", "t-00002-of-00002.gguf", "two");
	assert_int_equal(rename("t-00002-of-00002.gguf", SHARD(2, 2)), 0);
	refused(SHARD(1, 2), FOX_E_MISMATCH, SHARD(2, 2),
	    "fox.hash.set is not that of '" SHARD(1, 2) "': shards of two sets");
	/* both claim one set, and are not it */
	write_set(SHARD(1, 2), SHARD(2, 2), "one");
	assert_fox_ok(fox_gguf_open(&g, SHARD(1, 2), &err), &err);
	assert_fox_ok(fox_gguf_open(&other, SHARD(2, 2), &err), &err);
	long at[2] = {(long)fox_gguf_find_key(g, FOX_KEY_HASH_SET)->at,
	    (long)fox_gguf_find_key(other, FOX_KEY_HASH_SET)->at};
	fox_gguf_close(g);
	fox_gguf_close(other);
	change_byte(SHARD(1, 2), at[0]);
	change_byte(SHARD(2, 2), at[1]);
	refused(SHARD(1, 2), FOX_E_MISMATCH, SHARD(1, 2),
	    "fox.hash.set is not the hash of the roots of these 2 shards");
	/* damage in a header, and other programs' work, are told by the state */
	write_set(SHARD(1, 2), SHARD(2, 2), "one");
	change_byte(SHARD(2, 2), 101);
	assert_int_equal(state_of(SHARD(1, 2)), FOX_HASH_DAMAGED);
	put(SHARD(2, 2), "gguf 3 1 4 " KEYS("llama", "1", "2", "2") DATA("b"));
	assert_int_equal(state_of(SHARD(1, 2)), FOX_HASH_FOREIGN);
}

/* ---- written whole or not at all */

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

static void write_fails(void **state)
{
	(void)state;
	struct fox_err err = {0};
	/* one has not all its data */
	struct fox_gguf_writer *w[2] = {declare(0, "w"), declare(1, "w")};
	fill(w[0], "w-00001-of-00002.gguf", false);
	assert_fox_ok(fox_gguf_create(w[1], "w-00002-of-00002.gguf", false, &err), &err);
	assert_int_equal(fox_gguf_finish_set(w, 2, &err), FOX_E_ARG);
	assert_string_equal(err.text, "tensor 'b' has no hash");
	fox_gguf_writer_close(w[0]);
	fox_gguf_writer_close(w[1]);
	assert_false(is_there("w-00001-of-00002.gguf") || is_there("w-00002-of-00002.gguf"));
	/* the first one's name is taken meanwhile: the second, named before it, goes again */
	w[0] = declare(0, "w"), w[1] = declare(1, "w");
	fill(w[0], "w-00001-of-00002.gguf", false);
	fill(w[1], "w-00002-of-00002.gguf", false);
	put("w-00001-of-00002.gguf", FIRST);
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_finish_set(w, 2, &err), FOX_E_ARG);
	assert_string_equal(err.text, "output 'w-00001-of-00002.gguf' exists already");
	fox_gguf_writer_close(w[0]);
	fox_gguf_writer_close(w[1]);
	assert_true(is_there("w-00001-of-00002.gguf") && !is_there("w-00002-of-00002.gguf"));
}

static void copies(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_gguf_writer *w = declare(0, "copy");
	struct fox_file f = {0};
	uint8_t data[300], back[256];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	test_write("bytes", data, sizeof data);
	assert_fox_ok(fox_file_open(&f, "bytes", &err), &err);
	assert_fox_ok(fox_gguf_create(w, "copy.gguf", true, &err), &err);
	assert_fox_ok(fox_gguf_copy_data(w, 0, 0, &f, 44, 100, &err), &err);
	assert_fox_ok(fox_gguf_copy_data(w, 0, 100, &f, 144, 156, &err), &err);
	assert_fox_ok(
	    fox_out_read(fox_gguf_writer_out(w), fox_gguf_writer_tensor_at(w, 0), back, sizeof back, &err), &err);
	assert_memory_equal(back, data + 44, sizeof back);
	assert_int_equal(fox_gguf_copy_data(w, 0, 200, &f, 0, 57, &err), FOX_E_BOUND);
	assert_string_equal(err.text, "bytes 200 to 257 lie outside the 256 of tensor 'a'");
	err = (struct fox_err){0};
	assert_int_equal(fox_gguf_copy_data(w, 0, 0, &f, 100, 256, &err), FOX_E_TRUNCATED);
	assert_string_equal(err.text, "file ends where 56 more bytes were expected");
	fox_file_close(&f);
	fox_gguf_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(accepted),
	    cmocka_unit_test(missing_or_no_file),
	    cmocka_unit_test(same_file_twice),
	    cmocka_unit_test(names),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(disagreement),
	    cmocka_unit_test(hashes),
	    cmocka_unit_test(write_fails),
	    cmocka_unit_test(copies),
	};
	if (chdir(test_dir()))
		return 3;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
