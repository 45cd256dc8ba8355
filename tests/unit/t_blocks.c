/* t_blocks.c - block types against another implementation's blocks, and what they make of NaN and Inf. */
#include "tests/test.h"

#include "kernels/kernels.h"
#include "tests/kernels/slow.h"

enum { MAX_COLS = 1024, MAX_BYTES = MAX_COLS * 2, MAX_TYPES = 16 };

/* Made by tests/reference/make_block_golden.py, which says what is in them. */
static const char *const files[] = {
    "tests/golden/quant_k.bin", "tests/golden/quant_32.bin", "tests/golden/quant_4bit.bin"};

struct head {
	uint32_t id, bytes, weighted;
};

static void must_read(void *p, size_t n, FILE *f)
{
	assert_int_equal(fread(p, 1, n, f), n);
}

/* The next blocks of the file are what these kernels make of x. w NULL: without importance. */
static void one_row(FILE *f, const struct fox_kernels *k, const struct head *h, const float *x,
    const float *w, size_t cols, size_t row)
{
	uint8_t want[MAX_BYTES], got[MAX_BYTES];
	must_read(want, h->bytes, f);
	if (w)
		k->encode_weighted[h->id](got, x, w, cols);
	else
		k->encode[h->id](got, x, cols);
	for (size_t i = 0; i < h->bytes; i++)
		if (got[i] != want[i])
			fail_msg("%s, row %zu, %s importance: byte %zu is %02x, want %02x", fox_type_info(h->id)->name,
			    row, w ? "with" : "no", i, got[i], want[i]);
}

static void one_file(const char *path, const struct fox_kernels *k)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	uint32_t n[3];
	struct head heads[MAX_TYPES];
	static float x[MAX_COLS], w[MAX_COLS];
	must_read(n, sizeof n, f);
	assert_in_range(n[0], 1, MAX_COLS);
	assert_in_range(n[1], 20, 100);
	assert_in_range(n[2], 1, MAX_TYPES);
	must_read(heads, n[2] * sizeof *heads, f);
	must_read(w, n[0] * sizeof *w, f);
	for (size_t row = 0; row < n[1]; row++) {
		must_read(x, n[0] * sizeof *x, f);
		for (size_t t = 0; t < n[2]; t++) {
			uint64_t bytes;
			assert_true(fox_type_row_bytes((enum fox_type)heads[t].id, n[0], &bytes));
			assert_int_equal(heads[t].bytes, bytes);
			assert_int_equal(heads[t].weighted, k->encode_weighted[heads[t].id] != NULL);
			one_row(f, k, &heads[t], x, NULL, n[0], row);
			if (heads[t].weighted)
				one_row(f, k, &heads[t], x, w, n[0], row);
		}
	}
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
}

static void golden_blocks(void **state)
{
	(void)state;
	uint32_t isa = 0;
	for (bool first = true; next_subset(&isa, &first);) {
		struct fox_kernels k;
		fox_kernels_init(&k, isa);
		for (size_t i = 0; i < FOX_COUNT(files); i++)
			one_file(files[i], &k);
	}
}

/* Bytes as make_decode_golden.py makes them. */
static void fill_random(uint8_t *p, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t z = ((id << 32) + i / 8 + 1) * 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		p[i] = (uint8_t)((z ^ z >> 31) >> i % 8 * 8);
	}
}

/* Every block type that is read, over bytes that name every row of its grid or code of its scales. */
static void golden_decoded(void **state)
{
	(void)state;
	enum { BLOCKS = 256 };
	static uint8_t in[BLOCKS * 256];
	static float back[BLOCKS * 256];
	FILE *f = fopen("tests/golden/decode.txt", "r");
	assert_non_null(f);
	char name[16];
	unsigned long long want;
	size_t n = 0, n_types = 0;
	for (uint32_t t = 0; t < FOX_TYPE_LIMIT; t++)
		n_types += fox_kernels()->decode[t] && fox_type_info(t)->elems > 1;
	for (; fscanf(f, "%15s %llx", name, &want) == 2; n++) {
		enum fox_type t;
		struct fox_err err = {0};
		assert_fox_ok(fox_type_parse(fox_str_of(name), &t, &err), &err);
		const struct fox_type_info *info = fox_type_info(t);
		fill_random(in, BLOCKS * info->bytes, t);
		uint32_t isa = 0;
		for (bool first = true; next_subset(&isa, &first);) {
			struct fox_kernels k;
			fox_kernels_init(&k, isa);
			k.decode[t](back, in, BLOCKS * info->elems);
			uint64_t h = 0;
			for (size_t i = 0; i < BLOCKS * info->elems; i++)
				h = (h + (isnan(back[i]) ? 0x7fc00000 : slow_bits(back[i]))) * 0x9e3779b97f4a7c15 + 1;
			if (h != want)
				fail_msg(
				    "isa %u: %s decodes to %016llx, want %016llx", isa, name, (unsigned long long)h, want);
		}
	}
	fclose(f);
	assert_int_equal(n, n_types);
}

/* The blocks printed in spec/quant.md: lines that begin with four blanks under a heading "Test vectors", a type's name, then
 * bytes in hex, then "w[i] VALUE" pairs. */
static void one_vector(const char *name, const char *hex, char *weights)
{
	const struct fox_kernels *k = fox_kernels();
	enum fox_type t;
	assert_int_equal(fox_type_parse(fox_str_of(name), &t, NULL), FOX_OK);
	const size_t n = 256, bytes = n / fox_type_info(t)->elems * fox_type_info(t)->bytes;
	float x[256], back[256];
	uint8_t block[512];
	char text[1025] = "";
	for (size_t i = 0; i < n; i++)
		x[i] = ((float)(73 * i % 256) - 127.5f) / 64;
	k->encode[t](block, x, n);
	for (size_t i = 0; i < bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", block[i]);
	assert_string_equal(text, hex);
	k->decode[t](back, block, n);
	size_t n_weights = 0;
	for (char *p = weights; (p = strstr(p, "w[")); n_weights++) {
		unsigned long i = strtoul(p + 2, &p, 10);
		assert_true(*p == ']' && i < n);
		assert_true(strtof(p + 1, &p) == back[i]);
	}
	assert_true(n_weights >= 3);
}

static void vectors_of_the_spec(void **state)
{
	(void)state;
	FILE *f = fopen("spec/quant.md", "r");
	assert_non_null(f);
	char line[1024], name[sizeof line] = "", hex[1025] = "";
	bool inside = false;
	size_t n_vectors = 0;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			inside = strstr(line, "Test vectors") != NULL;
		if (!inside || strncmp(line, "    ", 4) != 0)
			continue;
		const char *word = line + 4;
		if (!strncmp(word, "w[", 2)) {
			one_vector(name, hex, line);
			hex[0] = 0;
			n_vectors++;
		} else if (strspn(word, "0123456789abcdef") == strlen(word)) {
			size_t at = strlen(hex);
			assert_true(at + strlen(word) < sizeof hex);
			memcpy(hex + at, word, strlen(word) + 1);
		} else {
			snprintf(name, sizeof name, "%s", word);
		}
	}
	fclose(f);
	assert_true(n_vectors >= 14);
}

/* A K block with NaN or Inf anywhere decodes to NaN; its neighbours are as they were. */
static void k_blocks_of_nan_and_inf(void **state)
{
	(void)state;
	static const float odd[] = {NAN, INFINITY, -INFINITY};
	const struct fox_kernels *k = fox_kernels();
	float x[768], w[768], back[768];
	for (size_t i = 0; i < 768; i++)
		x[i] = (float)(i % 37) - 18, w[i] = 1;
	for (uint32_t t = FOX_Q2_K; t <= FOX_Q6_K; t++)
		for (size_t at = 256; at < 512; at += 17)
			for (size_t j = 0; j < FOX_COUNT(odd); j++)
				for (int weighted = 0; weighted < 2; weighted++) {
					uint8_t clean[768], got[768];
					size_t bytes = fox_type_info(t)->bytes;
					float keep = x[at];
					for (int dirty = 0; dirty < 2; dirty++) {
						x[at] = dirty ? odd[j] : keep;
						if (weighted)
							k->encode_weighted[t](dirty ? got : clean, x, w, 768);
						else
							k->encode[t](dirty ? got : clean, x, 768);
					}
					x[at] = keep;
					assert_memory_equal(got, clean, bytes);
					assert_memory_equal(got + 2 * bytes, clean + 2 * bytes, bytes);
					k->decode[t](back, got, 768);
					for (size_t i = 0; i < 768; i++)
						assert_int_equal(isnan(back[i]) != 0, i / 256 == 1);
				}
}

/* Types of 32 weights: NaN leaves the others of its block alone but for iq4, where the group becomes 0; Inf does not pass for a
 * number where the scale can say so. Neighbours are as they were. */
static void small_blocks_of_nan_and_inf(void **state)
{
	(void)state;
	static const enum fox_type t[] = {
	    FOX_Q4_0, FOX_Q4_1, FOX_Q5_0, FOX_Q5_1, FOX_Q8_0, FOX_IQ4_NL, FOX_MXFP4, FOX_NVFP4};
	const struct fox_kernels *k = fox_kernels();
	float x[512], clean[512], back[512];
	uint8_t out[1024];
	for (size_t i = 0; i < 512; i++)
		x[i] = (float)(i * 29 % 64) - 31.5f;
	for (size_t j = 0; j < FOX_COUNT(t); j++) {
		k->encode[t[j]](out, x, 512);
		k->decode[t[j]](clean, out, 512);
		for (size_t at = 64; at < 128; at += 7)
			for (int inf = 0; inf < 2; inf++) {
				float keep = x[at];
				x[at] = inf ? INFINITY : NAN;
				k->encode[t[j]](out, x, 512);
				k->decode[t[j]](back, out, 512);
				x[at] = keep;
				size_t unit = t[j] == FOX_NVFP4 ? 64 : 32, from = at / unit * unit;
				for (size_t i = 0; i < 512; i++) {
					bool same_block = i >= from && i < from + unit;
					if (!same_block)
						assert_true(back[i] == clean[i]);
					else if (t[j] == FOX_IQ4_NL && !inf)
						assert_true(back[i] == 0);
					else if (inf && t[j] != FOX_MXFP4 && t[j] != FOX_NVFP4)
						assert_false(isfinite(back[i]));
					else if (!inf && i != at)
						assert_true(fabsf(back[i] - x[i]) <= 8.5f);
				}
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_blocks),
	    cmocka_unit_test(golden_decoded),
	    cmocka_unit_test(vectors_of_the_spec),
	    cmocka_unit_test(k_blocks_of_nan_and_inf),
	    cmocka_unit_test(small_blocks_of_nan_and_inf),
	};
	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
