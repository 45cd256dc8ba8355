/* t_imatrix.c - importance matrices: llama-imatrix's own files, broken ones, what tensors find, and writing. */
#include "tests/test.h"

#include <math.h>

#include "format/base/io.h"
#include "format/imatrix.h"
#include "tests/gguf_text.h"

static struct fox_imatrix *open_ok(const char *path)
{
	struct fox_imatrix *im;
	struct fox_err err = {0};
	assert_fox_ok(fox_imatrix_open(&im, path, &err), &err);
	return im;
}

static struct fox_imatrix *open_text(const char *words, struct fox_err *err)
{
	struct fox_buf b = {0};
	struct fox_imatrix *im;
	gguf_from_text(&b, words);
	uint8_t *exact = malloc(b.n + !b.n); /* asan sees one byte too far */
	if (b.n)
		memcpy(exact, b.p, b.n);
	enum fox_status s = fox_imatrix_open_bytes(&im, (struct fox_span){exact, b.n}, "x", err);
	assert_int_equal(s, err->code);
	assert_true((s == FOX_OK) == (im != NULL));
	if (s)
		assert_string_equal(err->file, "x");
	free(exact);
	fox_buf_free(&b);
	return im;
}

static const struct fox_imatrix_entry *find(const struct fox_imatrix *im, const char *name)
{
	return fox_imatrix_find(im, fox_str_of(name));
}

/* ---- files that llama-imatrix wrote: tests/reference/make_imatrix_golden.py */

static void check_line(const struct fox_imatrix *im, char *rest, const char *name)
{
	const struct fox_imatrix_entry *e = find(im, name);
	assert_non_null(e);
	assert_int_equal(e->n_values, strtoull(rest, &rest, 10));
	assert_int_equal(e->n_mats, strtoull(rest, &rest, 10));
	assert_int_equal(e->n_unseen, strtoull(rest, &rest, 10));
	for (uint64_t i = 0; i < e->n_values; i++) {
		uint32_t bits;
		memcpy(&bits, &e->means[i], sizeof bits);
		assert_int_equal(bits, strtoul(rest, &rest, 16));
	}
}

static void both_forms(void **state)
{
	struct fox_imatrix *gguf = open_ok("tests/golden/imatrix.gguf"),
	                   *dat = open_ok("tests/golden/imatrix.dat");
	static char line[1u << 14];
	char form[8], name[64];
	int at = 0;
	size_t lines = 0;
	FILE *f = fopen("tests/golden/imatrix.txt", "rb");
	assert_non_null(f);
	for (; fgets(line, sizeof line, f); lines++) {
		assert_int_equal(sscanf(line, "%7s %63s%n", form, name, &at), 2);
		check_line(form[0] == 'g' ? gguf : dat, line + at, name);
	}
	fclose(f);
	assert_int_equal(lines, 8);
	assert_int_equal(gguf->n_entries, 4);
	assert_int_equal(gguf->n_datasets, 2);
	assert_true(fox_str_is(gguf->datasets[1], "texts/second.txt"));
	assert_int_equal(gguf->n_chunks, 3);
	assert_int_equal(gguf->chunk_size, 32);
	assert_false(gguf->legacy);
	assert_string_equal(gguf->path, "tests/golden/imatrix.gguf");
	assert_true(find(gguf, "blk.1.ffn_down_exps.weight")->counts[0] == 50);
	assert_int_equal(dat->n_entries, 4);
	assert_int_equal(dat->n_datasets, 1);
	assert_true(fox_str_is(dat->datasets[0], "texts/second.txt"));
	assert_int_equal(dat->n_chunks, 3);
	assert_int_equal(dat->chunk_size, 0);
	assert_true(dat->legacy);
	assert_null(find(dat, "output.weight")->counts);
	assert_int_equal(find(dat, "output.weight")->calls, 1);
	fox_imatrix_close(gguf);
	fox_imatrix_close(dat);
	(void)state;
}

static void the_hash_is_the_files(void **state)
{
	struct fox_imatrix *im = open_ok("tests/golden/imatrix.dat");
	struct fox_sha256_state *sha = fox_sha256_open();
	struct fox_map_file m = {0};
	struct fox_sha256 want;
	struct fox_err err = {0};
	assert_fox_ok(fox_map_open(&m, "tests/golden/imatrix.dat", &err), &err);
	assert_fox_ok(fox_sha256_add(sha, m.bytes.p, m.bytes.n, &err), &err);
	assert_fox_ok(fox_sha256_final(sha, &want, &err), &err);
	assert_memory_equal(&want, &im->sha256, sizeof want);
	fox_map_close(&m);
	fox_sha256_close(sha);
	fox_imatrix_close(im);
	(void)state;
}

/* ---- by hand */

/* Two entries' tables, then the data: a: 4 values, 1 count; b: 2 x 2 values, 2 counts (the second 0). */
#define HEAD                                                                                                 \
	"gguf 3 4 0 ti a.in_sum2 1 4 0 0 ti a.counts 1 1 0 32 ti b.in_sum2 2 2 2 0 64 ti b.counts 2 1 2 0 96 "   \
	"pad 32 "
#define DATA                                                                                                 \
	"f32 2 f32 4 f32 0 f32 1e30 pad 32 f32 4 pad 32 f32 3 f32 6 f32 0 f32 0 pad 32 f32 2.6 f32 0.4 pad 32"

static void means_and_unseen(void **state)
{
	struct fox_err err = {0};
	for (int big = 0; big < 2; big++) {
		struct fox_imatrix *im = open_text(big ? "be " HEAD DATA : HEAD DATA, &err);
		assert_fox_ok(err.code, &err);
		const struct fox_imatrix_entry *a = find(im, "a"), *b = find(im, "b");
		assert_true(a->means[0] == 0.5f && a->means[1] == 1 && a->means[2] == 0 && a->means[3] == 2.5e29f);
		assert_true(b->means[0] == 1 && b->means[1] == 2 && b->means[2] == 1 && b->means[3] == 1);
		assert_true(b->counts[0] == 3 && b->counts[1] == 0); /* whole rows, as llama.cpp rounds them */
		assert_int_equal(b->n_unseen, 1);
		assert_int_equal(im->n_chunks, 0);
		assert_int_equal(im->n_datasets, 0);
		assert_null(find(im, "c"));
		assert_null(find(im, ""));
		fox_imatrix_close(im);
	}
	(void)state;
}

static void dat_without_an_end_and_without_calls(void **state)
{
	struct fox_err err = {0};
	struct fox_imatrix *im =
	    open_text("u32 2 u32 1 raw b u32 4 u32 2 f32 8 f32 1 u32 1 raw a u32 0 u32 1 f32 7", &err);
	assert_fox_ok(err.code, &err);
	assert_true(fox_str_is(im->entries[0].name, "a")); /* sorted */
	assert_true(find(im, "a")->means[0] == 7);
	assert_true(find(im, "b")->means[0] == 2 && find(im, "b")->means[1] == 0.25f);
	assert_int_equal(im->n_datasets, 0);
	fox_imatrix_close(im);
	(void)state;
}

#define ONE "u32 1 u32 1 raw a u32 1 u32 1 f32 1 "
#define PAIR "gguf 3 2 0 ti a.in_sum2 1 4 0 0 ti a.counts 1 "
#define TAIL " pad 32 f32 1 f32 1 f32 1 f32 1 pad 32 f32 1 pad 32"

static void refused(void **state)
{
	static const struct {
		const char *words;
		enum fox_status code;
		uint64_t at;
		const char *text;
	} want[] = {
	    {"", FOX_E_FORMAT, FOX_NOWHERE, "no importance matrix: neither GGUF nor a .dat with entries"},
	    {"u32 0", FOX_E_FORMAT, FOX_NOWHERE, "no importance matrix: neither GGUF nor a .dat with entries"},
	    {"u32 -1 fill 0 99", FOX_E_BOUND, 0,
	        "no importance matrix: the number of entries is -1; there may be 1 to 1048576"},
	    {"raw %7fELF fill 0 99", FOX_E_BOUND, 0,
	        "no importance matrix: the number of entries is 1179403647; there may be 1 to 1048576"},
	    {"u32 1000 fill 0 99", FOX_E_TRUNCATED, 4,
	        "the least data of the entries of 13000 bytes ends past the file"},
	    {"u32 1 u32 0 fill 0 99", FOX_E_BOUND, 4, "the length of a name is 0; there may be 1 to 256"},
	    {"u32 1 u32 257 fill 97 300", FOX_E_BOUND, 4, NULL},
	    {"u32 1 u32 -5 fill 97 300", FOX_E_BOUND, 4, NULL},
	    {"u32 1 u32 20 fill 97 10", FOX_E_TRUNCATED, 8, "a name of 20 bytes ends past the file"},
	    {"u32 1 u32 2 raw a%00 fill 0 20", FOX_E_FORMAT, 8, NULL},
	    {"u32 1 u32 1 raw %ff fill 0 20", FOX_E_FORMAT, 8, NULL},
	    {"u32 1 u32 1 raw a u32 -1 u32 1 f32 1", FOX_E_BOUND, 9,
	        "the number of evaluations is -1; there may be 0 to 2147483647, in the entry 'a'"},
	    {"u32 1 u32 1 raw a u32 1 u32 0 f32 1", FOX_E_BOUND, 13,
	        "the number of values is 0; there may be 1 to 2147483647, in the entry 'a'"},
	    {"u32 1 u32 1 raw a u32 1 u32 0x7fffffff f32 1", FOX_E_TRUNCATED, 17,
	        "the data of 8589934588 bytes ends past the file, in the entry 'a'"},
	    {"u32 1 u32 1 raw a u32 1 u32 2 f32 1 f32 -1", FOX_E_FORMAT, 21,
	        "value 1 of 'a' is negative, in the entry 'a'"},
	    {"u32 1 u32 1 raw a u32 1 u32 1 u32 0x7fc00000", FOX_E_FORMAT, 17,
	        "value 0 of 'a' is NaN, in the entry 'a'"},
	    {"u32 1 u32 1 raw a u32 1 u32 1 u32 0x7f800000", FOX_E_FORMAT, 17,
	        "value 0 of 'a' is infinite, in the entry 'a'"},
	    {"u32 2 u32 1 raw a u32 1 u32 1 f32 1 u32 1 raw a u32 1 u32 1 f32 2", FOX_E_FORMAT, FOX_NOWHERE,
	        "two entries 'a'"},
	    {"u32 2 u32 1 raw a u32 1 u32 3 f32 1 f32 1 f32 1 u32 1", FOX_E_TRUNCATED, 33, NULL},
	    {ONE "u8 1", FOX_E_TRUNCATED, 21, "the number of chunks of 4 bytes ends past the file"},
	    {ONE "u32 -1 u32 0", FOX_E_BOUND, 21, "the number of chunks is -1; there may be 0 to 2147483647"},
	    {ONE "u32 1 u32 9 raw abc", FOX_E_TRUNCATED, 29, "the dataset's name of 9 bytes ends past the file"},
	    {ONE "u32 1 u32 1 raw %ff", FOX_E_FORMAT, 29, "the dataset's name is not UTF-8"},
	    {ONE "u32 1 u32 1 raw a raw bc", FOX_E_FORMAT, 30, "2 bytes behind the end"},
	    {"gguf 3 0 0 pad 32", FOX_E_FORMAT, FOX_NOWHERE,
	        "no importance matrix: no tensor's name ends with '.in_sum2'"},
	    {"gguf 3 0 1 kv general.type 8 str model pad 32", FOX_E_FORMAT, FOX_NOWHERE,
	        "no importance matrix: general.type is 'model'"},
	    {"gguf 3 1 0 ti a.in_sum2 1 4 0 0 pad 32 fill 0 32", FOX_E_FORMAT, FOX_NOWHERE,
	        "'a' has sums and no 'a.counts'"},
	    {"gguf 3 1 0 ti a.counts 1 4 0 0 pad 32 fill 0 32", FOX_E_FORMAT, FOX_NOWHERE,
	        "'a' has counts and no 'a.in_sum2'"},
	    {"gguf 3 2 0 ti .in_sum2 1 4 0 0 ti .counts 1 1 0 32" TAIL, FOX_E_FORMAT, FOX_NOWHERE,
	        "an entry without a name"},
	    {PAIR "3 0 32" TAIL " pad 32", FOX_E_FORMAT, FOX_NOWHERE, "'a' has 4 values for 3 matrices"},
	    {PAIR "8 0 32" TAIL " pad 32", FOX_E_FORMAT, FOX_NOWHERE, "'a' has 4 values for 8 matrices"},
	    {PAIR "1 1 32" TAIL, FOX_E_FORMAT, FOX_NOWHERE, "'a.counts' is f16; sums and counts are f32"},
	    {"gguf 3 2 0 ti a.in_sum2 1 4 1 0 ti a.counts 1 1 0 32" TAIL, FOX_E_FORMAT, FOX_NOWHERE,
	        "'a.in_sum2' is f16; sums and counts are f32"},
	    {PAIR "1 0 32 pad 32 f32 1 f32 1 f32 -3 f32 1 pad 32 f32 1 pad 32", FOX_E_FORMAT, 136,
	        "value 2 of 'a.in_sum2' is negative"},
	    {PAIR "1 0 32 pad 32 f32 1 u32 0xff800000 f32 0 f32 1 pad 32 f32 1 pad 32", FOX_E_FORMAT, 132,
	        "value 1 of 'a.in_sum2' is infinite"},
	    {PAIR "1 0 32 pad 32 f32 1 f32 1 f32 0 f32 1 pad 32 u32 0x7fc00001 pad 32", FOX_E_FORMAT, 160,
	        "value 0 of 'a.counts' is NaN"},
	    {PAIR "1 0 32 pad 32 f32 1 f32 1 f32 0 f32 1 pad 32 f32 -1 pad 32", FOX_E_FORMAT, 160,
	        "value 0 of 'a.counts' is negative"},
	    {PAIR "1 0 32 pad 32 f32 1 f32 1 f32 0 f32 1 pad 32 f32 1e20 pad 32", FOX_E_BOUND, 160,
	        "value 0 of 'a.counts' is over 2^53"},
	    {"gguf 3 0 1 kv imatrix.chunk_count 8 str many pad 32", FOX_E_FORMAT, 55,
	        "key 'imatrix.chunk_count' is str, want u64"},
	};
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		struct fox_err err = {0};
		assert_null(open_text(want[i].words, &err));
		if (want[i].text && strcmp(err.text, want[i].text))
			fail_msg("%s\n%s", want[i].words, err.text);
		assert_int_equal(err.code, want[i].code);
		if (err.at != want[i].at)
			fail_msg("%s\n%s at %llu", want[i].words, err.text, (unsigned long long)err.at);
	}
	(void)state;
}

/* Every file that is cut short is refused, or is one that lacks no more than its end. */
static void cut_short(void **state)
{
	struct fox_map_file m = {0};
	struct fox_err none = {0};
	size_t good = 0;
	assert_fox_ok(fox_map_open(&m, "tests/golden/imatrix.dat", &none), &none);
	for (size_t n = 0; n < m.bytes.n; n++) {
		struct fox_imatrix *im;
		struct fox_err err = {0};
		uint8_t *exact = malloc(n + !n);
		memcpy(exact, m.bytes.p, n);
		good += !fox_imatrix_open_bytes(&im, (struct fox_span){exact, n}, "x", &err);
		fox_imatrix_close(im);
		free(exact);
	}
	assert_int_equal(good, 1); /* before the number of chunks */
	fox_map_close(&m);
	(void)state;
}

/* ---- filters and tensors */

static void filters(void **state)
{
	struct fox_imatrix *im = open_ok("tests/golden/imatrix.gguf");
	struct fox_err err = {0};
	const struct fox_str ffn[] = {fox_str_of("ffn"), fox_str_of("output")}, q[] = {fox_str_of("attn_q")};
	const struct fox_str absent[] = {fox_str_of("attn_q"), fox_str_of("attn_kv")};
	assert_int_equal(fox_imatrix_filter(im, true, absent, 2, &err), FOX_E_ARG);
	assert_fox_err(
	    &err, FOX_E_ARG, FOX_NOWHERE, "'tests/golden/imatrix.gguf': no entry's name holds 'attn_kv'");
	assert_int_equal(im->n_kept, 4);
	err = (struct fox_err){0};
	assert_fox_ok(fox_imatrix_filter(im, true, NULL, 0, &err), &err);
	assert_int_equal(im->n_kept, 4);
	assert_fox_ok(fox_imatrix_filter(im, false, q, 1, &err), &err);
	assert_int_equal(im->n_kept, 3);
	assert_null(find(im, "blk.0.attn_q.weight"));
	assert_non_null(find(im, "output.weight"));
	fox_imatrix_close(im);
	im = open_ok("tests/golden/imatrix.gguf");
	assert_fox_ok(fox_imatrix_filter(im, true, ffn, 2, &err), &err);
	assert_int_equal(im->n_kept, 3);
	assert_null(find(im, "blk.0.attn_q.weight"));
	fox_imatrix_close(im);
	(void)state;
}

static const float *importance(struct fox_imatrix *im, const char *name, uint64_t cols, uint64_t mats)
{
	struct fox_err err = {0};
	const float *p = NULL;
	assert_fox_ok(fox_imatrix_for(im, &p, fox_str_of(name), cols, mats, &err), &err);
	return p;
}

static void what_tensors_find(void **state)
{
	struct fox_imatrix *im = open_ok("tests/golden/imatrix.gguf");
	struct fox_err err = {0};
	const float *p;
	assert_fox_ok(fox_imatrix_covers_some(im, &err), &err); /* nobody has asked */
	assert_null(importance(im, "blk.7.attn_q.weight", 24, 1));
	assert_int_equal(fox_imatrix_covers_some(im, &err), FOX_E_MISMATCH);
	assert_fox_err(&err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "'tests/golden/imatrix.gguf': none of its 4 entries is of a tensor that is quantized; the first is "
	    "'blk.0.attn_q.weight': made with another model");
	assert_ptr_equal(importance(im, "blk.0.attn_q.weight", 24, 1), find(im, "blk.0.attn_q.weight")->means);
	assert_non_null(importance(im, "blk.1.ffn_down_exps.weight", 8, 4));
	err = (struct fox_err){0};
	assert_fox_ok(fox_imatrix_covers_some(im, &err), &err);
	assert_true(fox_str_is(fox_imatrix_unused(im, 0)->name, "blk.0.ffn_down.weight"));
	assert_true(fox_str_is(fox_imatrix_unused(im, 1)->name, "output.weight"));
	assert_null(fox_imatrix_unused(im, 2));
	assert_true(fox_str_is(fox_imatrix_unused(im, 0)->name, "blk.0.ffn_down.weight"));
	assert_non_null(importance(im, "blk.0.ffn_down.weight", 40, 1));
	assert_true(fox_str_is(fox_imatrix_unused(im, 0)->name, "output.weight"));
	assert_int_equal(fox_imatrix_for(im, &p, fox_str_of("output.weight"), 32, 1, &err), FOX_E_MISMATCH);
	assert_fox_err(&err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "'tests/golden/imatrix.gguf': 24 values for 'output.weight', which has 32 columns in each of 1 "
	    "matrices: made with "
	    "another model");
	assert_null(p);
	/* as many values, but cut into matrices otherwise */
	assert_int_equal(
	    fox_imatrix_for(im, &p, fox_str_of("blk.1.ffn_down_exps.weight"), 16, 2, NULL), FOX_E_MISMATCH);
	assert_int_equal(
	    fox_imatrix_for(im, &p, fox_str_of("output.weight"), UINT64_MAX / 2, 4, NULL), FOX_E_MISMATCH);
	fox_imatrix_close(im);
	/* .dat does not say how many matrices there are; one count for all fits any */
	im = open_ok("tests/golden/imatrix.dat");
	assert_non_null(importance(im, "blk.1.ffn_down_exps.weight", 16, 2));
	fox_imatrix_close(im);
	err = (struct fox_err){0};
	im = open_text(HEAD DATA, &err);
	assert_non_null(importance(im, "a", 2, 2));
	fox_imatrix_close(im);
	(void)state;
}

static void embeddings_of_another_size_are_passed_over(void **state)
{
	struct fox_err err = {0};
	struct fox_imatrix *im = open_text("u32 1 u32 17 raw token_embd.weight u32 1 u32 2 f32 1 f32 1", &err);
	assert_fox_ok(err.code, &err);
	assert_null(importance(im, "token_embd.weight", 64, 1));
	assert_false(find(im, "token_embd.weight")->used);
	assert_non_null(importance(im, "token_embd.weight", 2, 1));
	assert_true(find(im, "token_embd.weight")->used);
	fox_imatrix_close(im);
	(void)state;
}

/* ---- writing */

static const float sums[] = {1, 2, 3, 4, 5, 6}, counts[] = {2, 0, 4};

static void written_and_read_back(void **state)
{
	const struct fox_imatrix_sum in[] = {
	    {fox_str_of("z.weight"), 2, 3, sums, counts}, {fox_str_of("a.weight"), 6, 1, sums, counts}};
	const struct fox_str texts[] = {fox_str_of("some.txt"), fox_str_of("more.txt")};
	const char *path = test_path("out.gguf");
	struct fox_err err = {0};
	struct fox_gguf *g;
	assert_fox_ok(fox_imatrix_write(path, false, in, 2, texts, 2, 7, 512, &err), &err);
	struct fox_imatrix *im = open_ok(path);
	assert_int_equal(im->n_entries, 2);
	assert_int_equal(im->n_chunks, 7);
	assert_int_equal(im->chunk_size, 512);
	assert_true(im->n_datasets == 2 && fox_str_is(im->datasets[0], "some.txt"));
	const struct fox_imatrix_entry *z = find(im, "z.weight");
	assert_int_equal(z->n_mats, 3);
	assert_int_equal(z->n_unseen, 1);
	assert_true(z->means[0] == 0.5f && z->means[3] == 1 && z->means[5] == 1.5f);
	fox_imatrix_close(im);
	/* llama-imatrix's order of tensors, and the profile's hashes */
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_true(fox_str_is(fox_gguf_tensor(g, 0)->name, "a.weight.in_sum2"));
	assert_true(fox_str_is(fox_gguf_tensor(g, 3)->name, "z.weight.counts"));
	const struct fox_tensor *t = fox_gguf_tensor(g, 2);
	assert_true(t->n_dims == 2 && t->dim[0] == 2 && t->dim[1] == 3);
	struct fox_hash128 hash = fox_xxh3(t->data.p, t->data.n);
	assert_true(fox_hash128_eq(t->hash, &hash));
	fox_gguf_close(g);
	assert_int_equal(fox_imatrix_write(path, false, in, 2, texts, 2, 7, 512, NULL), FOX_E_ARG);
	assert_fox_ok(fox_imatrix_write(path, true, in, 1, texts, 1, 7, 512, &err), &err);
	(void)state;
}

static void writing_refused(void **state)
{
	static const float bad[] = {1, -2}, nan_count[] = {NAN};
	static const char longest[] = "12345678901234567890123456789012345678901234567890.weight";
	const struct fox_str text = fox_str_of("t");
	const struct {
		struct fox_imatrix_sum in[2];
		size_t n, n_datasets;
		const char *text;
	} want[] = {
	    {{{{"", 0}, 0, 0, NULL, NULL}}, 0, 1, "an importance matrix without entries"},
	    {{{fox_str_of("a"), 1, 1, sums, counts}}, 1, 0, "an importance matrix without datasets"},
	    {{{fox_str_of(longest), 1, 1, sums, counts}}, 1, 1,
	        "the name '12345678901234567890123456789012345678901234567890.weight' has 57 bytes; 1 to 55 fit"},
	    {{{fox_str_of("a"), 0, 1, sums, counts}}, 1, 1, "'a' has no values, or too many"},
	    {{{fox_str_of("a"), UINT64_MAX / 2, 2, sums, counts}}, 1, 1, "'a' has no values, or too many"},
	    {{{fox_str_of("a"), 2, 1, bad, counts}}, 1, 1, "sum 1 of 'a' is negative"},
	    {{{fox_str_of("a"), 2, 1, sums, nan_count}}, 1, 1, "count 0 of 'a' is not finite"},
	    {{{fox_str_of("a"), 2, 1, sums, counts}, {fox_str_of("a"), 1, 1, sums, counts}}, 2, 1,
	        "two entries 'a'"},
	};
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		struct fox_err err = {0};
		const char *path = test_path("never.gguf");
		assert_int_equal(
		    fox_imatrix_write(path, true, want[i].in, want[i].n, &text, want[i].n_datasets, 1, 1, &err),
		    FOX_E_ARG);
		assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, want[i].text);
		assert_int_equal(access(path, F_OK), -1);
	}
	(void)state;
}

static void keys_of_a_quantized_file(void **state)
{
	struct fox_imatrix *im = open_ok("tests/golden/imatrix.gguf");
	const char *path = test_path("keys.gguf");
	const struct fox_str parts[] = {fox_str_of("blk")};
	char hex[FOX_SHA256_HEX + 1];
	struct fox_gguf_writer *w;
	struct fox_gguf *g;
	struct fox_err err = {0};
	struct fox_str s;
	uint32_t n;
	assert_fox_ok(fox_imatrix_filter(im, true, parts, 1, &err), &err);
	assert_fox_ok(fox_gguf_writer_open(&w, &err), &err);
	assert_fox_ok(fox_imatrix_put_keys(im, w, &err), &err);
	assert_fox_ok(fox_gguf_freeze(w, &err), &err);
	assert_fox_ok(fox_gguf_create(w, path, true, &err), &err);
	assert_fox_ok(fox_gguf_finish(w, &err), &err);
	fox_gguf_writer_close(w);
	assert_fox_ok(fox_gguf_open(&g, path, &err), &err);
	assert_fox_ok(fox_gguf_str(g, "quantize.imatrix.file", &s, &err), &err);
	assert_true(fox_str_is(s, "imatrix.gguf")); /* without its folder */
	assert_fox_ok(fox_gguf_str(g, "quantize.imatrix.dataset", &s, &err), &err);
	assert_true(fox_str_is(s, "first.txt"));
	assert_fox_ok(fox_gguf_u32(g, "quantize.imatrix.entries_count", &n, &err), &err);
	assert_int_equal(n, 3);
	assert_fox_ok(fox_gguf_u32(g, "quantize.imatrix.chunks_count", &n, &err), &err);
	assert_int_equal(n, 3);
	assert_fox_ok(fox_gguf_str(g, "fox.imatrix.sha256", &s, &err), &err);
	fox_hex(hex, im->sha256.b, sizeof im->sha256.b);
	assert_true(fox_str_is(s, hex));
	assert_int_equal(fox_gguf_find_key(g, "fox.imatrix.datasets")->n_items, 2);
	fox_gguf_close(g);
	fox_imatrix_close(im);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_forms),
	    cmocka_unit_test(the_hash_is_the_files),
	    cmocka_unit_test(means_and_unseen),
	    cmocka_unit_test(dat_without_an_end_and_without_calls),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(filters),
	    cmocka_unit_test(what_tensors_find),
	    cmocka_unit_test(embeddings_of_another_size_are_passed_over),
	    cmocka_unit_test(written_and_read_back),
	    cmocka_unit_test(writing_refused),
	    cmocka_unit_test(keys_of_a_quantized_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
