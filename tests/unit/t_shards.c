/* t_shards.c - splitting and merging beside the command line: alignments, keys that get lost, roots foreseen, limits kept. */
#include "tests/gguf_sample.h"

#include "convert/shards.h"
#include "format/gguf_set.h"
#include "tests/gguf_text.h"

static char notes[2048];

static void take_note(void *ctx, const char *line)
{
	(void)ctx;
	size_t n = strlen(notes);
	snprintf(notes + n, sizeof notes - n, "%s\n", line);
}

static void split(const char *src, const char *prefix, uint64_t max_bytes, uint64_t max_tensors)
{
	struct fox_shards s = {0};
	struct fox_err err = {0};
	struct fox_shards_options o = {.src = src,
	    .out = prefix,
	    .max_bytes = max_bytes,
	    .max_tensors = max_tensors,
	    .replace = true,
	    .note = take_note};
	notes[0] = 0;
	assert_fox_ok(fox_shards_split(&o, &s, &err), &err);
	for (size_t i = 0; i < s.n; i++)
		assert_true(!max_bytes || s.list[i].n == 1 || s.list[i].bytes <= max_bytes);
	fox_shards_free(&s);
}

static struct fox_hash128 merge(const char *first, const char *out)
{
	struct fox_shards s = {0};
	struct fox_err err = {0};
	const struct fox_shards_options o = {.src = first, .out = out, .replace = true, .note = take_note};
	notes[0] = 0;
	assert_fox_ok(fox_shards_merge(&o, &s, &err), &err);
	struct fox_hash128 id = s.id;
	fox_shards_free(&s);
	return id;
}

static void same(const char *a, const char *b)
{
	size_t n, m;
	char *p = sample_slurp(a, &n), *q = sample_slurp(b, &m);
	assert_int_equal(n, m);
	assert_memory_equal(p, q, n);
	free(p);
	free(q);
}

/* Every alignment that fox writes, through shards of two tensors and back, and the root known before. */
static void alignments(void **state)
{
	(void)state;
	for (uint32_t align = 8; align <= 8192; align *= 4) {
		struct fox_err err = {0};
		struct fox_gguf_writer *w = sample_declare(false);
		struct fox_gguf *g;
		struct fox_hash128 root, merged;
		assert_fox_ok(fox_gguf_put_u32(w, "general.alignment", align, &err), &err);
		assert_fox_ok(fox_gguf_freeze(w, &err), &err);
		sample_write(w, SAMPLE_TENSORS, "in.gguf", 1000, false);
		split("in.gguf", "s", 0, 2);
		assert_fox_ok(fox_gguf_open_set(&g, "s-00001-of-00002.gguf", &err), &err);
		assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
		assert_int_equal(fox_gguf_header(fox_gguf_part(g, 1))->alignment, align);
		assert_int_equal(fox_gguf_header(fox_gguf_part(g, 1))->data_at % 4096, 0);
		assert_fox_ok(fox_shards_merged_root(g, &root, &err), &err);
		fox_gguf_close(g);
		merged = merge("s-00001-of-00002.gguf", "out.gguf");
		assert_true(fox_hash128_eq(&root, &merged));
		same("in.gguf", "out.gguf");
		assert_string_equal(notes, "");
	}
}

/* A limit on bytes holds for whole files, whatever stands in it. */
static void limits(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	fox_buf_str(&b, "gguf 3 40 1 kv general.architecture 8 str llama");
	for (int i = 0; i < 40; i++)
		fox_buf_fmt(&b, " ti blk.%d.some_weight 1 1024 0 %d", i, 4096 * i);
	fox_buf_fmt(&b, " pad 32 fill 1 %d", 40 * 4096);
	struct fox_buf bytes = {0};
	gguf_from_text(&bytes, b.p);
	test_write("many.gguf", bytes.p, bytes.n);
	for (uint64_t most = 20000; most < 200000; most += 7001) {
		split("many.gguf", "m", most, 0);
		if (most >= 40000)
			assert_string_equal(notes, "");
	}
	split("many.gguf", "m", 100, 0);
	assert_string_equal(notes, "40 shards are larger than asked for, of one tensor each: shard 1 has 24576 "
	                           "bytes, with 'blk.0.some_weight'\n");
	fox_buf_free(&b);
	fox_buf_free(&bytes);
}

static void small_alignment(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	gguf_from_text(&b, "gguf 3 2 2 kv general.architecture 8 str llama kv general.alignment 4 u32 4 "
	                   "ti a 1 3 0 0 ti b 1 3 0 12 pad 4 fill 1 24");
	test_write("small.gguf", b.p, b.n);
	split("small.gguf", "small", 0, 1);
	assert_string_equal(notes, "alignment 4 of the source is below GGUF's least: 32 instead\n");
	fox_buf_free(&b);
}

static void lost_keys(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	gguf_from_text(&b,
	    "gguf 3 1 4 kv x 4 u32 1 kv split.no 2 u16 0 kv split.count 2 u16 2 kv split.tensors.count 5 u32 2 "
	    "ti a 1 8 0 0 pad 32 fill 7 32");
	test_write("l-00001-of-00002.gguf", b.p, b.n);
	fox_buf_clear(&b);
	gguf_from_text(&b, "gguf 3 1 5 kv x 4 u32 2 kv y 8 str z kv split.no 2 u16 1 kv split.count 2 u16 2 "
	                   "kv split.tensors.count 5 u32 2 ti b 1 8 0 0 pad 32 fill 7 32");
	test_write("l-00002-of-00002.gguf", b.p, b.n);
	merge("l-00001-of-00002.gguf", "l.gguf");
	assert_string_equal(notes, "2 keys of later shards are not the first shard's, and are left out: 'x' in "
	                           "'l-00002-of-00002.gguf'...\n");
	struct fox_gguf *g;
	struct fox_err err = {0};
	uint32_t x = 0;
	assert_fox_ok(fox_gguf_open(&g, "l.gguf", &err), &err);
	assert_fox_ok(fox_gguf_u32(g, "x", &x, &err), &err);
	assert_int_equal(x, 1);
	assert_null(fox_gguf_find_key(g, "split.count"));
	assert_int_equal(fox_profile_state(g), FOX_HASH_OK);
	fox_gguf_close(g);
	fox_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alignments),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(small_alignment),
	    cmocka_unit_test(lost_keys),
	};
	if (chdir(test_dir()))
		return 3;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
