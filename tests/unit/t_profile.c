/* t_profile.c - what a container's hashes say about it: written by fox, rewritten by others, or damaged; and
 * the worked example of spec/container.md, byte for byte. */
#include "tests/gguf_sample.h"

#include "tests/gguf_text.h"

static struct fox_gguf *reopen(const char *p, size_t n)
{
	struct fox_gguf *g;
	struct fox_err err = {0};
	return fox_gguf_open_bytes(&g, (struct fox_span){(const uint8_t *)p, n}, "p.gguf", &err) ? NULL : g;
}

/* -1 when it does not open. */
static int state_of(const char *p, size_t n)
{
	struct fox_gguf *g = reopen(p, n);
	int s = g ? (int)fox_profile_state(g) : -1;
	fox_gguf_close(g);
	return s;
}

static char *sample_bytes(size_t *n)
{
	const char *path = test_path("sample.gguf");
	sample_write(sample_declare(true), SAMPLE_TENSORS, path, 1000, false);
	return sample_slurp(path, n);
}

static void none(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	struct fox_err err = {0};
	struct fox_hash128 root;
	gguf_from_text(&b, "gguf 3 1 1 kv general.name 8 str x ti t 1 8 0 0 pad 32 fill 0 32");
	struct fox_gguf *g = reopen(b.p, b.n);
	assert_int_equal(fox_profile_state(g), FOX_HASH_NONE);
	assert_int_equal(fox_profile_root(g, &root, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, "no key 'fox.hash.root'");
	fox_gguf_close(g);
	fox_buf_clear(&b);
	gguf_from_text(&b, "gguf 3 0 1 arr fox.hash.root 0 15 fill 0 15");
	g = reopen(b.p, b.n);
	err = (struct fox_err){0};
	assert_int_equal(fox_profile_root(g, &root, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 61, "key 'fox.hash.root' is not an array of 16 u8");
	assert_int_equal(fox_profile_state(g), FOX_HASH_FOREIGN);
	fox_gguf_close(g);
	fox_buf_free(&b);
}

static void root_is_the_files(void **state)
{
	(void)state;
	size_t n;
	char *p = sample_bytes(&n);
	struct fox_gguf *g = reopen(p, n);
	struct fox_hash128 root;
	struct fox_err err = {0};
	assert_fox_ok(fox_profile_root(g, &root, &err), &err);
	assert_memory_equal(root.b, fox_gguf_find_key(g, FOX_KEY_HASH_ROOT)->raw.p, 16);
	assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
	fox_gguf_close(g);
	free(p);
}

/* Any single bit of the header (of the padding key, one byte in 61): never OK, never "not a fox file", never
 * "another tool". Bits of the data are the tensor hashes' business. */
static void every_bit(void **state)
{
	(void)state;
	size_t n, damaged = 0, refused = 0;
	char *p = sample_bytes(&n);
	struct fox_gguf *g = reopen(p, n);
	const struct fox_gguf_kv *pad = fox_gguf_find_key(g, FOX_KEY_PAD);
	size_t header = fox_gguf_header(g)->data_at, from = pad->at, to = pad->at + pad->n_items;
	fox_gguf_close(g);
	for (size_t i = 0; i < header; i++) {
		if (i > from && i < to && i % 61)
			continue;
		for (int bit = 0; bit < 8; bit++) {
			p[i] = (char)(p[i] ^ 1 << bit);
			int s = state_of(p, n);
			if (s != -1 && s != FOX_HASH_DAMAGED)
				fail_msg("byte %zu bit %d: state %d", i, bit, s);
			damaged += s == FOX_HASH_DAMAGED;
			refused += s == -1;
			p[i] = (char)(p[i] ^ 1 << bit);
		}
	}
	assert_true(damaged > 1000 && refused > 1000);
	assert_int_equal(state_of(p, n), FOX_HASH_OK);
	free(p);
}

static void data_is_not_read(void **state)
{
	(void)state;
	size_t n;
	char *p = sample_bytes(&n);
	struct fox_gguf *g = reopen(p, n);
	uint64_t at = fox_gguf_tensor(g, 1)->at;
	fox_gguf_close(g);
	p[at] ^= 1;
	assert_int_equal(state_of(p, n), FOX_HASH_OK);
	free(p);
}

static void cut_and_added_behind(void **state)
{
	(void)state;
	size_t n;
	char *p = sample_bytes(&n), *more = malloc(n + 100);
	memcpy(more, p, n);
	memset(more + n, 'x', 100);
	assert_int_equal(state_of(more, n + 1), FOX_HASH_DAMAGED);
	assert_int_equal(state_of(more, n + 100), FOX_HASH_DAMAGED);
	memset(p + n - 32, 0, 32);
	assert_int_equal(state_of(p, n - 1), -1); /* the last tensor has no padding here: data is missing */
	free(more);
	free(p);
}

/* The file as another program would write it again after a change of keys: `cut` bytes at `at` become `add`,
 * the number of keys changes by `keys`, the rest is carried over, the header is padded to 32. */
static struct fox_buf rewrite(const char *p, size_t n, size_t at, size_t cut, struct fox_str add, int keys)
{
	struct fox_gguf *g = reopen(p, n);
	size_t end = fox_gguf_header(g)->header_end, data = fox_gguf_header(g)->data_at;
	struct fox_buf b = {0};
	fox_buf_add(&b, p, at);
	fox_buf_add(&b, add.p, add.n);
	fox_buf_add(&b, p + at + cut, end - at - cut);
	while (b.n % 32)
		fox_buf_char(&b, 0);
	fox_buf_add(&b, p + data, n - data);
	fox_store64(b.p + 16, fox_gguf_keys(g) + (uint64_t)(int64_t)keys);
	fox_gguf_close(g);
	return b;
}

static void rewritten_elsewhere(void **state)
{
	(void)state;
	size_t n;
	char *p = sample_bytes(&n);
	struct fox_gguf *g = reopen(p, n);
	const struct fox_gguf_kv *arch = fox_gguf_find_key(g, "general.architecture");
	size_t at = arch->at, first = at - 8 - arch->key.n - 4;
	for (size_t len = 0; len <= 100; len++) { /* general.architecture of another length */
		struct fox_buf value = {0};
		struct gguf_text t = {.out = &value};
		gguf_add(&t, len, 8);
		for (size_t i = 0; i < len; i++)
			fox_buf_char(&value, 'y');
		struct fox_buf b = rewrite(p, n, at, arch->raw.n, fox_buf_view(&value), 0);
		int want =
		    len == 5 ? FOX_HASH_DAMAGED : FOX_HASH_FOREIGN; /* in place, at equal length: not to be told */
		assert_int_equal(state_of(b.p, b.n), want);
		fox_buf_free(&value);
		fox_buf_free(&b);
	}
	struct fox_buf key = {0};
	gguf_from_text(&key, "kv added 4 u32 1");
	struct fox_buf b = rewrite(p, n, first, 0, fox_buf_view(&key), 1);
	assert_int_equal(state_of(b.p, b.n), FOX_HASH_FOREIGN);
	fox_buf_free(&b);
	const char *const dropped[] = {
	    "yes", "patch", FOX_KEY_HASH_LAYOUT, FOX_KEY_HASH_SET, FOX_KEY_HASH_ROOT, FOX_KEY_PAD};
	for (size_t i = 0; i < FOX_COUNT(dropped); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_find_key(g, dropped[i]);
		size_t head = 8 + kv->key.n + 4 + (kv->type == FOX_GGUF_ARR ? 12 : 0);
		b = rewrite(p, n, kv->at - head, head + kv->raw.n, (struct fox_str){"", 0}, -1);
		assert_int_equal(state_of(b.p, b.n), FOX_HASH_FOREIGN);
		fox_buf_free(&b);
	}
	fox_gguf_close(g);
	fox_buf_free(&key);
	free(p);
}

/* Data of other types: the header keeps its length, the file does not. And the other byte order. */
static void requantised_and_swapped(void **state)
{
	(void)state;
	size_t n;
	char *p = sample_bytes(&n);
	struct fox_gguf *g = reopen(p, n);
	size_t type_at = fox_gguf_header(g)->header_end - 12; /* of the last tensor: f16 becomes i8 */
	fox_gguf_close(g);
	fox_store32(p + type_at, FOX_I8);
	assert_int_equal(state_of(p, n), FOX_HASH_DAMAGED);      /* the type alone */
	assert_int_equal(state_of(p, n - 64), FOX_HASH_FOREIGN); /* and with it the size */
	free(p);
	p = sample_bytes(&n);
	fox_store32(p + type_at, FOX_F64);
	p = realloc(p, n + 384);
	memset(p + n, 0, 384);
	assert_int_equal(state_of(p, n + 384), FOX_HASH_FOREIGN);
	free(p);
	struct fox_buf b = {0};
	gguf_from_text(&b, "be gguf 3 0 3 arr fox.hash.root 0 16 fill 1 16 arr fox.hash.set 0 16 fill 1 16 "
	                   "arr fox.hash.layout 10 4 u64 3 u64 0 u64 0 u64 0");
	assert_int_equal(state_of(b.p, b.n), FOX_HASH_FOREIGN);
	fox_buf_free(&b);
}

/* The set hash is the root's own hash in a file that stands alone, and not checked in one of several shards.
 */
static void sets(void **state)
{
	(void)state;
	for (uint32_t shards = 1; shards <= 2; shards++) {
		struct fox_gguf_writer *w = sample_declare(false);
		struct fox_err err = {0};
		const char *path = test_path("set.gguf");
		size_t n;
		assert_fox_ok(fox_gguf_put_u32(w, "split.count", shards, &err), &err);
		assert_fox_ok(fox_gguf_freeze(w, &err), &err);
		sample_write(w, SAMPLE_TENSORS, path, 1000, false);
		char *p = sample_slurp(path, &n);
		struct fox_gguf *g = reopen(p, n);
		size_t at = fox_gguf_find_key(g, FOX_KEY_HASH_SET)->at;
		fox_gguf_close(g);
		assert_int_equal(state_of(p, n), FOX_HASH_OK);
		p[at] ^= 1;
		assert_int_equal(state_of(p, n), shards == 1 ? FOX_HASH_DAMAGED : FOX_HASH_OK);
		free(p);
	}
}

/* The file of spec/container.md section 8. */
static void write_example(const char *path)
{
	struct fox_gguf_writer *w;
	struct fox_err err = {0};
	static const float a[] = {1, -2, 0.5f};
	static const uint16_t b[] = {0x3C00, 0xC000, 0x3800, 0x0000};
	const uint64_t dim_a[] = {3}, dim_b[] = {2, 2};
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, "general.architecture", fox_str_of("llama"), &err), &err);
	assert_fox_ok(fox_gguf_put_u32(w, FOX_KEY_PROFILE, 1, &err), &err);
	assert_fox_ok(fox_gguf_put_str(w, FOX_KEY_VERSION, fox_str_of("0.1.0"), &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("a"), FOX_F32, 1, dim_a, &err), &err);
	assert_fox_ok(fox_gguf_put_tensor(w, fox_str_of("b"), FOX_F16, 2, dim_b, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_write_data(w, 0, 0, a, sizeof a, &err), &err);
	fox_gguf_set_hash(w, 0, fox_xxh3(a, sizeof a));
	assert_fox_ok(fox_gguf_write_data(w, 1, 0, b, sizeof b, &err), &err);
	fox_gguf_set_hash(w, 1, fox_xxh3(b, sizeof b));
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
}

/* Read "OFFSET  XX XX ..." rows of 16; "*" repeats the row before up to the next offset. */
static struct fox_buf read_dump(const char *text, const char *end)
{
	struct fox_buf b = {0};
	bool repeat = false;
	while (text < end) {
		const char *line = text;
		text = memchr(line, '\n', (size_t)(end - line));
		text = text ? text + 1 : end;
		if (*line == '*') {
			repeat = true;
			continue;
		}
		char *p;
		size_t at = strtoul(line, &p, 16);
		while (repeat && b.n < at) {
			char row[16];
			memcpy(row, b.p + b.n - 16, 16);
			fox_buf_add(&b, row, 16);
		}
		repeat = false;
		assert_int_equal(b.n, at);
		for (int i = 0; i < 16 && *p != '\n'; i++) {
			char *next;
			unsigned long v = strtoul(p, &next, 16);
			if (next == p || next > text)
				break;
			fox_buf_char(&b, (char)v);
			p = next;
		}
	}
	return b;
}

static void spec_example(void **state)
{
	(void)state;
	const char *path = test_path("example.gguf");
	size_t n, n_spec;
	write_example(path);
	char *spec = sample_slurp("spec/container.md", &n_spec), *file = sample_slurp(path, &n);
	char *from = strstr(spec, "\n00000000  47 47 55 46");
	assert_non_null(from);
	char *to = strstr(from, "```");
	assert_non_null(to);
	struct fox_buf dump = read_dump(from + 1, to);
	assert_int_equal(dump.n, n);
	for (size_t i = 0; i < n; i++)
		if (dump.p[i] != file[i])
			fail_msg("byte %zu: spec %02x, file %02x", i, (uint8_t)dump.p[i], (uint8_t)file[i]);
	assert_int_equal(state_of(dump.p, dump.n), FOX_HASH_OK);
	fox_buf_free(&dump);
	free(spec);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(none),
	    cmocka_unit_test(root_is_the_files),
	    cmocka_unit_test(every_bit),
	    cmocka_unit_test(data_is_not_read),
	    cmocka_unit_test(cut_and_added_behind),
	    cmocka_unit_test(rewritten_elsewhere),
	    cmocka_unit_test(requantised_and_swapped),
	    cmocka_unit_test(sets),
	    cmocka_unit_test(spec_example),
	};
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
