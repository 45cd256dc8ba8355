/* t_planes.c - compressed containers: every file comes back bit for bit, equal bytes for any number of threads, what is
 * refused, and the worked example of spec/planes.md. */
#include "tests/test.h"

#include "tests/gguf_sample.h"
#include "tests/gguf_text.h"
#include "tests/planes_make.h"

static struct planes_bytes from_text(const char *words)
{
	struct fox_buf b = {0};
	gguf_from_text(&b, words);
	return (struct planes_bytes){(uint8_t *)b.p, b.n};
}

static struct planes_bytes pack(struct planes_bytes in, uint32_t chunk_bytes, unsigned threads)
{
	struct planes_bytes to;
	struct fox_err err = {0};
	assert_fox_ok(planes_run(&to, in, false, chunk_bytes, threads, test_dir(), &err), &err);
	return to;
}

static void check_round(struct planes_bytes in, uint32_t chunk_bytes)
{
	struct planes_bytes first = pack(in, chunk_bytes, 1), out;
	struct fox_err err = {0};
	for (unsigned threads = 2; threads <= 5; threads++) {
		struct planes_bytes b = pack(in, chunk_bytes, threads);
		assert_int_equal(b.n, first.n);
		assert_memory_equal(b.p, first.p, b.n);
		free(b.p);
	}
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		assert_fox_ok(planes_run(&out, first, true, 0, threads, test_dir(), &err), &err);
		assert_int_equal(out.n, in.n);
		assert_memory_equal(out.p, in.p, in.n);
		free(out.p);
	}
	free(first.p);
}

/* ---- what GGUF files can be */

static const char *const shapes[] = {
    "gguf 3 0 0", "gguf 2 1 1 kv k 4 u32 7 ti t 1 8 0 0 pad 32 fill 1 32",
    "be gguf 3 1 1 kv k 5 u32 -7 ti t 2 2 4 0 0 pad 32 f32 1 f32 -2 f32 3 f32 4 f32 5 f32 6 f32 7 f32 8",
    "be gguf 2 0 1 arr k 8 2 str ab str -", "gguf 3 1 1 kv general.alignment 4 u32 1 ti t 1 8 0 0 fill 3 32",
    "gguf 3 0 1 kv general.alignment 4 u32 65536", "gguf 3 0 0 fill 0 3",        /* cut inside the padding */
    "gguf 3 0 0 pad 32 fill 9 70000",                                            /* and behind it */
    "gguf 3 1 0 ti t 1 8 0 0 pad 32 fill 0 32 raw PK%03%04 fill 0x78 1001",      /* trailing */
    "gguf 3 1 0 ti t 1 1 0 0 pad 32 fill 1 4",                                   /* no last padding */
    "gguf 3 1 0 ti t 1 3 30 0 pad 32 fill 1 7",                                  /* some of it, odd */
    "gguf 3 1 0 ti t 1 3 0 0 pad 32 fill 1 31",                                  /* likewise */
    "gguf 3 1 0 ti t 1 1 28 0 pad 32 fill 1 15",                                 /* f64 */
    "gguf 3 1 0 ti t 1 8 0 0 fill 255 20 pad 32 fill 0 32",                      /* padding that is not 0 */
    "gguf 3 2 0 ti a 1 1 24 0 ti b 1 1 0 32 pad 32 fill 7 1 fill 9 31 fill 7 4", /* likewise, after a tensor */
    "gguf 3 1 1 arr fox.hash.tensors 0 16 fill 7 16 ti t 1 8 0 0 pad 32 fill 0 32", /* a hash that means nothing */
};

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(shapes); i++) {
		struct planes_bytes in = from_text(shapes[i]);
		check_round(in, 256);
		check_round(in, 0);
		free(in.p);
	}
}

/* ---- all types, at every border of chunks */

enum { NOISE, NORMAL, ZEROS, SPECIAL, KINDS };

/* Bytes that as bf16 are like weights: 256 sums of 12 noises, exponents as they come. */
static float normal(uint64_t *seed)
{
	float v = 0;
	for (unsigned k = 0; k < 12; k++)
		v += (float)(test_rand(seed) & 0xffff) / 65536;
	return (v - 6) / 50;
}

static void add_data(struct fox_buf *b, uint32_t type, size_t bytes, unsigned kind, uint64_t *seed)
{
	/* NaN with payloads, denormals, infinities, -0, the largest and the smallest: as bf16, f16 and halves of f32 */
	static const uint16_t special[] = {0x7fc1, 0xffff, 0x7f81, 0x0001, 0x8001, 0x7f80, 0xff80, 0x8000, 0x0000,
	    0x7f7f, 0x7c01, 0xfe55, 0x03ff, 0x7bff};
	for (size_t i = 0; i < bytes; i++) {
		uint16_t v = special[test_rand(seed) % FOX_COUNT(special)];
		char noise = (char)test_rand(seed);
		if (kind == NORMAL && type == FOX_BF16 && i + 1 < bytes) {
			float f = normal(seed);
			fox_buf_add(b, (char *)&f + 2, 2), i++;
		} else if (kind == NORMAL && type == FOX_F32 && i + 3 < bytes) {
			float f = normal(seed);
			fox_buf_add(b, &f, 4), i += 3;
		} else if (kind == SPECIAL && i + 1 < bytes) {
			fox_buf_add(b, &v, 2), i++;
		} else {
			fox_buf_char(b, kind == ZEROS ? 0 : noise);
		}
	}
}

struct row {
	uint32_t type;
	uint64_t blocks;
};

/* A file of vectors; alignment 1, so that regions are as long as data. */
static struct planes_bytes from_rows(const struct row *rows, size_t n, unsigned kind, uint32_t align)
{
	struct fox_buf b = {0};
	char words[200];
	uint64_t at = 0, seed = kind + 1;
	snprintf(words, sizeof words, "gguf 3 %zu 1 kv general.alignment 4 u32 %u", n, align);
	gguf_from_text(&b, words);
	for (size_t i = 0; i < n; i++) {
		const struct fox_type_info *t = fox_type_info(rows[i].type);
		snprintf(words, sizeof words, "ti t%zu 1 %llu %u %llu", i,
		    (unsigned long long)(rows[i].blocks * t->elems), rows[i].type, (unsigned long long)at);
		struct fox_buf row = {0};
		gguf_from_text(&row, words);
		fox_buf_add(&b, row.p, row.n);
		fox_buf_free(&row);
		at = (at + rows[i].blocks * t->bytes + align - 1) / align * align;
	}
	while (b.n % align)
		fox_buf_char(&b, 0);
	for (size_t i = 0, start = b.n; i < n; i++) {
		add_data(&b, rows[i].type, (size_t)rows[i].blocks * fox_type_info(rows[i].type)->bytes, kind, &seed);
		while ((b.n - start) % align)
			fox_buf_char(&b, 0);
	}
	return (struct planes_bytes){(uint8_t *)b.p, b.n};
}

static void test_types(void **state)
{
	(void)state;
	static const uint32_t types[] = {
	    FOX_F32, FOX_F16, FOX_BF16, FOX_F64, FOX_I8, FOX_I16, FOX_I32, FOX_I64, FOX_Q8_0, FOX_Q4_K};
	static const int64_t near[] = {-2, -1, 0, 1, 2};
	struct row rows[FOX_COUNT(types) * 12];
	size_t n = 0;
	for (size_t i = 0; i < FOX_COUNT(types); i++) {
		uint32_t bytes = fox_type_info(types[i])->bytes;
		rows[n++] = (struct row){types[i], 1};
		rows[n++] = (struct row){types[i], 3};
		for (size_t k = 0; k < FOX_COUNT(near); k++)
			for (unsigned chunks = 1; chunks <= 2; chunks++) {
				int64_t blocks = 256 * chunks / bytes + near[k];
				rows[n++] = (struct row){types[i], blocks > 0 ? (uint64_t)blocks : 1};
			}
	}
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct planes_bytes in = from_rows(rows, n, kind, 1), padded = from_rows(rows, n, kind, 32);
		check_round(in, 256);
		check_round(padded, 256);
		check_round(in, 1024);
		free(in.p), free(padded.p);
	}
}

/* At fox's own chunk size, across its border. */
static void test_large(void **state)
{
	(void)state;
	const uint64_t chunk = FOX_PLANES_CHUNK_BYTES;
	const struct row rows[] = {
	    {FOX_BF16, chunk}, {FOX_F32, chunk / 4 + 1}, {FOX_BF16, 1}, {FOX_F16, chunk / 2}};
	struct planes_bytes in = from_rows(rows, FOX_COUNT(rows), NORMAL, 32);
	check_round(in, 0);
	free(in.p);
}

/* ---- how small */

static double ratio_of(uint32_t type, uint64_t blocks, unsigned kind)
{
	const struct row row = {type, blocks};
	struct planes_bytes in = from_rows(&row, 1, kind, 32), to = pack(in, 0, 2);
	double r = (double)to.n / (double)in.n;
	free(in.p), free(to.p);
	return r;
}

static void test_ratio(void **state)
{
	(void)state;
	assert_true(ratio_of(FOX_BF16, 1 << 19, NORMAL) < 0.67); /* 2.6 of 8 bits for exponents, 8 for the rest */
	assert_true(ratio_of(FOX_F32, 1 << 18, NORMAL) < 0.85);
	assert_true(
	    ratio_of(FOX_BF16, 1 << 19, ZEROS) < 0.126); /* a bit a byte: more than that is never claimed */
	assert_true(ratio_of(FOX_BF16, 1 << 19, ZEROS) > 0.125);
	const double noise = ratio_of(FOX_Q4_K, 1 << 12, NOISE);
	assert_true(noise < 1.0003); /* the head, a row and four bytes a chunk */
	assert_true(ratio_of(FOX_BF16, 1 << 19, NOISE) < 1.0003);
}

/* ---- refused: heads and tables */

/* One bf16 tensor of 200 numbers, chunks of 256 bytes: one of header, two of data. */
static struct planes_bytes small(void)
{
	const struct row row = {FOX_BF16, 200};
	struct planes_bytes in = from_rows(&row, 1, NORMAL, 32), to = pack(in, 256, 1);
	free(in.p);
	return to;
}

struct refusal {
	size_t at;      /* of the packed file */
	unsigned width; /* of what is put there; 0: nothing is */
	uint64_t value;
	int64_t longer; /* bytes added, or cut off */
	bool as_is;     /* hashes stay as they were */
	enum fox_status code;
	uint64_t err_at;
	const char *text;
};

static const struct refusal head_rows[] = {
    {0, 1, 'G', 0, false, FOX_E_FORMAT, 0, "this is no compressed container: magic is not 'FOXZ'"},
    {4, 4, 2, 0, false, FOX_E_UNSUPPORTED, 4, "version 2 is not supported, want 1"},
    {24, 4, 0, 0, false, FOX_E_BOUND, 24, "chunks of 0 bytes, want a power of two from 256 to 4194304"},
    {24, 4, 128, 0, false, FOX_E_BOUND, 24, "chunks of 128 bytes, want a power of two from 256 to 4194304"},
    {24, 4, 8 << 20, 0, false, FOX_E_BOUND, 24,
        "chunks of 8388608 bytes, want a power of two from 256 to 4194304"},
    {24, 4, 257, 0, false, FOX_E_BOUND, 24, "chunks of 257 bytes, want a power of two from 256 to 4194304"},
    {16, 8, 0, 0, false, FOX_E_BOUND, 8, "a header of 0 bytes in a file of 512"},
    {16, 8, 513, 0, false, FOX_E_BOUND, 8, "a header of 513 bytes in a file of 512"},
    {8, 8, UINT64_MAX, 0, false, FOX_E_BOUND, 8, "a header of 96 bytes in a file of 18446744073709551615"},
    {8, 8, INT64_MAX, 0, false, FOX_E_BOUND, 28, "3 chunks cannot hold 9223372036854775807 bytes"},
    {28, 4, UINT32_MAX, 0, false, FOX_E_BOUND, 28, "4294967295 chunks are over the limit of 2097152"},
    {28, 4, 1 << 21, 0, false, FOX_E_TRUNCATED, 64, "table of 2097152 chunks ends past the file"},
    {28, 4, 0, 0, false, FOX_E_BOUND, 28, "0 chunks cannot hold 512 bytes"},
    {48, 1, 0, 0, true, FOX_E_MISMATCH, 48, "head and table have not the hash that the file records"},
    {8, 1, 1, 0, true, FOX_E_MISMATCH, 48, "head and table have not the hash that the file records"},
    {32, 1, 1, 0, true, FOX_E_MISMATCH, 48, "head and table have not the hash that the file records"},
    {68, 1, 1, 0, true, FOX_E_MISMATCH, 48, "head and table have not the hash that the file records"},
    {64, 4, 4, 0, false, FOX_E_BOUND, 64, "chunk 0 of 4 bytes"},
    {84, 4, 289, 0, false, FOX_E_BOUND, 84, "chunk 1 of 289 bytes"},
    {0, 0, 0, 1, false, FOX_E_FORMAT, 0, "1 bytes follow the last chunk"},
    {0, 0, 0, -1, false, FOX_E_TRUNCATED, 0, "the last chunk ends 1 bytes past the file"},
    {8, 8, 768, 0, false, FOX_E_BOUND, 0, NULL}, /* more than the GGUF file inside says: in its words */
    {24, 4, 4 << 20, 0, false, FOX_E_FORMAT, 28, "3 chunks, where the GGUF file inside makes 2"},
    {16, 8, 64, 0, false, FOX_E_FORMAT, 0, NULL},
};

static void check_refused(const struct refusal *r)
{
	struct planes_bytes b = small(), out;
	struct fox_err err = {0};
	b.p = realloc(b.p, b.n + 16);
	for (unsigned k = 0; k < r->width; k++)
		b.p[r->at + k] = (uint8_t)(r->value >> 8 * k);
	if (r->longer > 0)
		memset(b.p + b.n, 0, (size_t)r->longer);
	uint64_t end = b.n;
	b.n += (size_t)r->longer;
	if (!r->as_is)
		planes_rehash(b);
	assert_int_not_equal(planes_run(&out, b, true, 0, 2, test_dir(), &err), FOX_OK);
	assert_null(out.p);
	if (r->text)
		assert_fox_err(&err, r->code, r->longer ? (r->longer > 0 ? end : b.n) : r->err_at, r->text);
	assert_string_equal(err.file, "in");
	free(b.p);
}

static void test_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(head_rows); i++)
		check_refused(&head_rows[i]);
}

/* A header over the limit, in a file as large; and one byte less, which then fails for other reasons. */
static void test_large_header(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct planes_bytes b = small(), out;
		struct fox_err err = {0};
		fox_store64(b.p + 8, 1ull << 40);
		fox_store64(b.p + 16, FOX_PLANES_MAX_HEADER + 1ull - k);
		planes_rehash(b);
		assert_int_equal(planes_run(&out, b, true, 0, 1, test_dir(), &err), FOX_E_BOUND);
		if (k)
			assert_fox_err(&err, FOX_E_BOUND, 28, "3 chunks cannot hold 1099511627776 bytes");
		else
			assert_fox_err(
			    &err, FOX_E_BOUND, 16, "a header of 1073741825 bytes is over the limit of 1073741824");
		free(b.p);
	}
}

/* A file that is whole, but for a ratio that no stream of fox's has: refused before anything is expanded. */
static void test_bomb(void **state)
{
	(void)state;
	uint8_t p[64 + 2 * 20 + 2 * 600] = "FOXZ\1";
	struct planes_bytes b = {p, sizeof p}, out;
	struct fox_err err = {0};
	fox_store64(p + 8, 2 << 20);
	fox_store64(p + 16, 1 << 19);
	fox_store32(p + 24, 1 << 20);
	fox_store32(p + 28, 2);
	fox_store32(p + 64, 600);
	fox_store32(p + 84, 600);
	planes_rehash(b);
	assert_int_equal(planes_run(&out, b, true, 0, 1, test_dir(), &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 8, "2097152 bytes cannot come out of chunks of 1304 bytes");
}

/* ---- refused: chunks */

/* Chunk 1 of small(): 128 numbers in two planes. */
static void test_chunks(void **state)
{
	(void)state;
	static const char *const in_1 = ", in chunk 1, from byte 96 of the GGUF file, in tensor 't0'";
	struct planes_bytes good = small(), b = {malloc(good.n), good.n}, out;
	uint64_t at = 64 + 3 * 20 + fox_load32(good.p + 64);
	uint32_t n = fox_load32(good.p + 84), exponents = fox_load32(good.p + at);
	const struct {
		uint64_t at;
		uint32_t value; /* u32 */
		const char *want;
	} rows[] = {
	    {at, 129, "plane 0 of 128 bytes cannot take 129 of "},
	    {at, 15, "plane 0 of 128 bytes cannot take 15 of "},
	    {at, UINT32_MAX, "plane 0 of 128 bytes cannot take 4294967295 of "},
	    {at, exponents - 1, "plane 0 does not expand to its 128 bytes"},
	    {at, exponents + 1, "plane 0 does not expand to its 128 bytes"},
	    {at, 128, "plane 1 of 128 bytes cannot take 128 of "},
	    {at + 4, 127, "plane 1 does not expand to its 128 bytes"},
	    {at + 4, 16, "plane 1 does not expand to its 128 bytes"},
	    {at + 8, 0, "plane 0 does not expand to its 128 bytes"},
	    {at + 8, 0xffffffff, "plane 0 does not expand to its 128 bytes"},
	};
	assert_true(exponents < 128 && n == 8 + exponents + 128);
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		struct fox_err err = {0};
		memcpy(b.p, good.p, b.n);
		fox_store32(b.p + rows[i].at, rows[i].value);
		planes_rehash(b);
		assert_int_equal(planes_run(&out, b, true, 0, 2, test_dir(), &err), FOX_E_FORMAT);
		assert_memory_equal(err.text, rows[i].want, strlen(rows[i].want));
		assert_non_null(strstr(err.text, in_1));
		assert_true(err.at == at);
	}
	/* not rehashed: named before it is looked at */
	struct fox_err err = {0};
	memcpy(b.p, good.p, b.n);
	b.p[at + 20] ^= 1;
	assert_int_equal(planes_run(&out, b, true, 0, 2, test_dir(), &err), FOX_E_MISMATCH);
	assert_fox_err(&err, FOX_E_MISMATCH, at,
	    "data has not the hash that the table records, in chunk 1, from byte 96 of the GGUF file, in tensor "
	    "'t0'");
	/* rehashed, in the plane that is stored: other numbers, which the hash of the whole shows */
	err = (struct fox_err){0};
	memcpy(b.p, good.p, b.n);
	b.p[at + 8 + exponents] ^= 1;
	planes_rehash(b);
	assert_int_equal(planes_run(&out, b, true, 0, 2, test_dir(), &err), FOX_E_MISMATCH);
	assert_true(err.at == 32 && !strncmp(err.text, "the GGUF file has hash ", 23));
	assert_true(planes_adopt_hash(b, &err));
	err = (struct fox_err){0};
	assert_fox_ok(planes_run(&out, b, true, 0, 2, test_dir(), &err), &err);
	free(out.p), free(good.p), free(b.p);
}

/* The header that comes out of the first chunks is a stranger's too. */
static void test_inner_header(void **state)
{
	(void)state;
	struct planes_bytes b = small(), out;
	struct fox_err err = {0};
	uint32_t n = fox_load32(b.p + 64);
	uint64_t at = 64 + 3 * 20;
	/* store another header of 96 bytes: chunk 0 becomes 4 + 96 bytes */
	struct planes_bytes c = {calloc(1, b.n + 100), b.n - n + 100};
	memcpy(c.p, b.p, at);
	memcpy(c.p + at + 100, b.p + at + n, b.n - at - n);
	fox_store32(c.p + 64, 100);
	fox_store32(c.p + at, 96);
	memcpy(c.p + at + 4, "GGUX", 4);
	planes_rehash(c);
	assert_int_equal(planes_run(&out, c, true, 0, 2, test_dir(), &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 0, "magic is not 'GGUF', in the GGUF file inside");
	/* a container in a container is no GGUF file */
	err = (struct fox_err){0};
	memcpy(c.p + at + 4, "FOXZ", 4);
	planes_rehash(c);
	assert_int_equal(planes_run(&out, c, true, 0, 2, test_dir(), &err), FOX_E_UNSUPPORTED);
	/* no tensors: then all is trailing bytes, of another number of planes, and in as many chunks */
	err = (struct fox_err){0};
	memcpy(c.p + at + 4, "GGUF\3\0\0\0", 8);
	planes_rehash(c);
	assert_int_equal(planes_run(&out, c, true, 0, 2, test_dir(), &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 16, "a header of 96 bytes, which the GGUF file ends at 32");
	free(b.p), free(c.p);
}

/* ---- damage anywhere */

static void test_damaged(void **state)
{
	(void)state;
	struct planes_bytes b = small(), out;
	for (size_t i = 0; i < b.n; i++) {
		struct fox_err err = {0};
		b.p[i] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(planes_run(&out, b, true, 0, 1 + i % 3, test_dir(), &err), FOX_OK);
		b.p[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < b.n; n++) {
		struct fox_err err = {0};
		assert_int_not_equal(
		    planes_run(&out, (struct planes_bytes){b.p, n}, true, 0, 1, test_dir(), &err), FOX_OK);
	}
	free(b.p);
}

/* ---- the GGUF file's own hashes */

static struct planes_bytes written(void)
{
	const char *path = test_path("w.gguf");
	sample_write(sample_declare(true), SAMPLE_TENSORS, path, 1000, false);
	struct planes_bytes b;
	b.p = (uint8_t *)sample_slurp(path, &b.n);
	return b;
}

static void test_own_hashes(void **state)
{
	(void)state;
	struct planes_bytes in = written(), to, out;
	struct fox_err err = {0};
	check_round(in, 0);
	check_round(in, 256);
	/* data that is not what the file says: not compressed */
	in.p[in.n - 64] ^= 1; /* of d.weight, f16 */
	assert_int_equal(planes_run(&to, in, false, 0, 2, test_dir(), &err), FOX_E_MISMATCH);
	assert_string_equal(err.text, "data of tensor 'd.weight' has not the hash that the file records");
	in.p[in.n - 64] ^= 1;
	in.p[100] ^= 1;
	err = (struct fox_err){0};
	assert_int_equal(planes_run(&to, in, false, 0, 2, test_dir(), &err), FOX_E_MISMATCH);
	assert_string_equal(err.text, "the header has not the hash that it records: fox-verify tells more");
	in.p[100] ^= 1;
	/* a container whose own hashes are all right, around data that the model's are not of */
	to = pack(in, 0, 1);
	to.p[to.n - 1] ^= 1;
	planes_rehash(to);
	err = (struct fox_err){0};
	assert_int_equal(planes_run(&out, to, true, 0, 2, test_dir(), &err), FOX_E_MISMATCH);
	assert_true(!strcmp(err.text, "data of tensor 'd.weight' has not the hash that the file records") ||
	            !strncmp(err.text, "the GGUF file has hash ", 23));
	free(to.p);
	/* hashes that outlived what they are of: another tool's file, which is taken as it is */
	size_t at = 0;
	while (memcmp(in.p + at, "fox.hash.layout", 15))
		at++;
	in.p[at + 15 + 16] ^= 3; /* type, element type, count; then the number of keys, and of tensors */
	in.p[at + 15 + 16 + 8] ^= 3;
	in.p[in.n - 64] ^= 1;
	struct fox_gguf *g;
	err = (struct fox_err){0};
	assert_fox_ok(fox_gguf_open_bytes(&g, (struct fox_span){in.p, in.n}, "m", &err), &err);
	assert_int_equal(fox_profile_state(g), FOX_HASH_FOREIGN);
	fox_gguf_close(g);
	check_round(in, 0);
	free(in.p);
}

/* Tools that are given a container say what it is. */
static void test_not_gguf(void **state)
{
	(void)state;
	struct planes_bytes b = small(), to;
	struct fox_gguf *g;
	struct fox_err err = {0};
	assert_int_equal(fox_gguf_open_bytes(&g, (struct fox_span){b.p, b.n}, "m", &err), FOX_E_UNSUPPORTED);
	assert_fox_err(&err, FOX_E_UNSUPPORTED, 0, "this is a compressed container: fox-pack expand FILE");
	err = (struct fox_err){0};
	assert_int_equal(planes_run(&to, b, false, 0, 1, test_dir(), &err), FOX_E_UNSUPPORTED);
	free(b.p);
}

/* ---- spec/planes.md 8 */

static const char example_hex[] = "464f585a01000000c00000000000000040000000000000000000080002000000"
                                  "2e51af2c3feb8a10ab871779e84325fd89af22fc9718376edbd2f137a8e67a58"
                                  "1c000000faa0d325f5bbe902228f8fb5ef686e6b67000000245b3294904f384f"
                                  "1d1c7ce453c597391800000073770f756366606060644005307e3988e100e5c8"
                                  "316000001f0000004000000005c0810d80000cc3b0bb81357e1dc9e464f2c9e4"
                                  "64f2cae464f2c9e464f2fc00020406080a0c0e10121416181a1c1e2022242628"
                                  "2a2c2e30323436383a3c3e40424446484a4c4e50525456585a5c5e6062646668"
                                  "6a6c6e70727476787a7c7e";

enum { EXAMPLE = sizeof example_hex / 2 };

static void make_example(uint8_t *p)
{
	assert_true(fox_unhex(p, fox_str_of(example_hex), EXAMPLE));
}

static void test_example(void **state)
{
	(void)state;
	struct fox_err err = {0};
	uint8_t example[EXAMPLE];
	struct planes_bytes b = {example, sizeof example}, out, again;
	make_example(example);
	assert_fox_ok(planes_run(&out, b, true, 0, 1, test_dir(), &err), &err);
	struct planes_bytes want = from_text("gguf 3 1 0 ti w 1 64 30 0 pad 32");
	assert_int_equal(out.n, 192);
	assert_int_equal(want.n, 64);
	assert_memory_equal(out.p, want.p, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fox_load16(out.p + 64 + 2 * i), (127 - __builtin_ctz(i + 1)) << 7 | i);
	/* written again: the tensor's chunk is the same; the header's is what this zlib makes of it */
	again = pack(out, 0, 1);
	assert_memory_equal(again.p + again.n - 103, example + sizeof example - 103, 103);
	assert_memory_equal(again.p + 84, example + 84, 20);
	free(out.p), free(want.p), free(again.p);
}

/* ---- seeds for fuzz_planes */

static void write_seed(const char *dir, const char *name, struct planes_bytes b)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	test_write(path, b.p, b.n);
}

static void write_corpus(const char *dir)
{
	char name[32];
	for (size_t i = 0; i < FOX_COUNT(shapes); i++) {
		struct planes_bytes in = from_text(shapes[i]), to = pack(in, in.n < 4096 ? 256 : 65536, 1);
		snprintf(name, sizeof name, "shape_%02zu", i);
		write_seed(dir, name, to);
		free(in.p), free(to.p);
	}
	const struct row rows[] = {
	    {FOX_BF16, 300}, {FOX_F32, 70}, {FOX_F64, 9}, {FOX_F16, 130}, {FOX_Q8_0, 9}, {FOX_I8, 5}};
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct planes_bytes in = from_rows(rows, FOX_COUNT(rows), kind, 32), to = pack(in, 512, 1);
		snprintf(name, sizeof name, "types_%u", kind);
		write_seed(dir, name, to);
		write_seed(dir, kind ? "cut" : "cut_table", (struct planes_bytes){to.p, kind ? to.n - 7 : 70});
		free(in.p), free(to.p);
	}
	struct planes_bytes in = written(), to = pack(in, 0, 1);
	write_seed(dir, "written", to);
	uint8_t example[EXAMPLE];
	make_example(example);
	write_seed(dir, "example", (struct planes_bytes){example, sizeof example});
	free(in.p), free(to.p);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--corpus"))
		return write_corpus(argv[2]), 0;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shapes),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_ratio),
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_large_header),
	    cmocka_unit_test(test_bomb),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_inner_header),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_own_hashes),
	    cmocka_unit_test(test_not_gguf),
	    cmocka_unit_test(test_example),
	};
	return cmocka_run_group_tests_name("planes", tests, NULL, NULL);
}
