/* .npz: the zip reader and the npy header against well-formed files of every flavour and against liars. */
#include "tests/test.h"

#include <zlib.h>

#include "format/base/num.h"
#include "format/npy.h"
#include "format/zip.h"

/* A zip file built by hand, so that every field can lie. */
struct maker {
	struct fox_buf file, dir;
	unsigned n;
};

struct member {
	const char *name, *local_name; /* local_name NULL: the same */
	const char *data;
	size_t n;
	uint16_t method, flags;
	bool zip64;           /* sizes in the local header through the extra field, as numpy writes them */
	uint32_t crc_xor;     /* damage */
	uint32_t bytes_add;   /* lie about the unpacked size in both places */
	uint32_t local_add;   /* lie in the local header alone */
	uint32_t offset_add;  /* lie about where the local header is */
	uint16_t local_flags; /* flags in the local header alone, beside the others */
	uint32_t local_crc;   /* damage there alone */
	bool streamed; /* the local header has flag 8 and zeros for CRC and sizes, as torch.save writes it */
};

static void u16(struct fox_buf *b, unsigned v)
{
	uint8_t p[2];
	fox_store16(p, (uint16_t)v);
	fox_buf_add(b, p, 2);
}

static void u32(struct fox_buf *b, uint64_t v)
{
	uint8_t p[4];
	fox_store32(p, (uint32_t)v);
	fox_buf_add(b, p, 4);
}

static void u64(struct fox_buf *b, uint64_t v)
{
	uint8_t p[8];
	fox_store64(p, v);
	fox_buf_add(b, p, 8);
}

static void add(struct maker *z, struct member m)
{
	uint8_t packed[4096];
	const void *data = m.data;
	size_t n = m.n;
	const char *local = m.local_name ? m.local_name : m.name;
	if (m.method == 8) {
		z_stream s = {.next_in = (Bytef *)(uintptr_t)m.data,
		    .avail_in = (uInt)m.n,
		    .next_out = packed,
		    .avail_out = sizeof packed};
		assert_int_equal(deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
		assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
		n = sizeof packed - s.avail_out;
		data = packed;
		deflateEnd(&s);
	}
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)m.data, (uInt)m.n) ^ m.crc_xor, at = (uint32_t)z->file.n;
	uint64_t bytes = m.n + m.bytes_add;
	u32(&z->file, 0x04034B50);
	m.flags |= m.streamed ? 8 : 0;
	u16(&z->file, 20), u16(&z->file, m.flags ^ m.local_flags), u16(&z->file, m.method), u32(&z->file, 0);
	u32(&z->file, m.streamed ? 0 : crc ^ m.local_crc), u32(&z->file, m.streamed ? 0
	                                                                 : m.zip64  ? 0xFFFFFFFF
	                                                                            : n);
	u32(&z->file, m.streamed ? 0 : m.zip64 ? 0xFFFFFFFF : bytes + m.local_add);
	u16(&z->file, (unsigned)strlen(local)), u16(&z->file, m.zip64 ? 20 : 0);
	fox_buf_str(&z->file, local);
	if (m.zip64)
		u16(&z->file, 1), u16(&z->file, 16), u64(&z->file, bytes + m.local_add), u64(&z->file, n);
	fox_buf_add(&z->file, data, n);
	if (m.streamed)
		u32(&z->file, 0x08074B50), u32(&z->file, crc), u32(&z->file, n), u32(&z->file, n);
	u32(&z->dir, 0x02014B50);
	u16(&z->dir, 20), u16(&z->dir, 20), u16(&z->dir, m.flags), u16(&z->dir, m.method), u32(&z->dir, 0),
	    u32(&z->dir, crc);
	u32(&z->dir, n), u32(&z->dir, bytes), u16(&z->dir, (unsigned)strlen(m.name));
	u16(&z->dir, 0), u16(&z->dir, 0), u16(&z->dir, 0), u16(&z->dir, 0), u32(&z->dir, 0),
	    u32(&z->dir, at + m.offset_add);
	fox_buf_str(&z->dir, m.name);
	z->n++;
}

static void finish(struct maker *z, const char *path, unsigned count)
{
	uint64_t at = z->file.n;
	fox_buf_add(&z->file, z->dir.p, z->dir.n);
	u32(&z->file, 0x06054B50);
	u16(&z->file, 0), u16(&z->file, 0), u16(&z->file, count), u16(&z->file, count);
	u32(&z->file, z->dir.n), u32(&z->file, at), u16(&z->file, 0);
	test_write(path, z->file.p, z->file.n);
	fox_buf_free(&z->file);
	fox_buf_free(&z->dir);
}

/* Open, read every member into a heap block of its exact size, close. */
static enum fox_status walk(const char *path, struct fox_err *e)
{
	struct fox_file f = {0};
	struct fox_zip *z = NULL;
	enum fox_status s = fox_file_open(&f, path, e);
	if (!s)
		s = fox_zip_open(&z, &f, e);
	for (size_t i = 0; !s && i < fox_zip_members(z); i++) {
		const struct fox_zip_member *m = fox_zip_member(z, i);
		void *p = malloc((size_t)m->bytes + !m->bytes);
		assert_non_null(p);
		s = fox_zip_read(z, m, p, e);
		free(p);
	}
	fox_zip_close(z);
	fox_file_close(&f);
	return s;
}

static void reads_stored_deflated_and_zip64(void **state)
{
	(void)state;
	struct maker m = {0};
	const char *p = test_path("good.zip");
	static char zeros[3000];
	add(&m, (struct member){.name = "a", .data = "hello", .n = 5});
	add(&m, (struct member){.name = "b", .data = zeros, .n = sizeof zeros, .method = 8});
	add(&m, (struct member){.name = "c", .data = "numpy", .n = 5, .zip64 = true});
	add(&m, (struct member){.name = "empty", .data = "", .n = 0});
	add(&m, (struct member){.name = "late", .data = "torch", .n = 5, .streamed = true});
	finish(&m, p, 5);
	struct fox_err e = {0};
	assert_fox_ok(walk(p, &e), &e);
	struct fox_file f = {0};
	struct fox_zip *z;
	char b[6] = {0};
	assert_fox_ok(fox_file_open(&f, p, &e), &e);
	assert_fox_ok(fox_zip_open(&z, &f, &e), &e);
	assert_fox_ok(fox_zip_read(z, fox_zip_find(z, fox_str_of("c")), b, &e), &e);
	assert_string_equal(b, "numpy");
	assert_null(fox_zip_find(z, fox_str_of("d")));
	fox_zip_close(z);
	fox_file_close(&f);
}

/* An offset behind a packed member: how small zlib makes it is its own affair. */
#define PACKED (FOX_NOWHERE - 1)

static void refuses_liars(void **state)
{
	(void)state;
	static char zeros[3000];
	static const struct {
		struct member m[2];
		unsigned count; /* 0: as many as there are */
		enum fox_status code;
		const char *says;
		uint64_t at;
	} cases[] = {
	    {{{.name = "a", .data = "x", .n = 1, .crc_xor = 1}}, 0, FOX_E_MISMATCH,
	        "zip: CRC-32 of member 'a' is 8cdc1683, not 8cdc1682", 31},
	    {{{.name = "a", .data = "x", .n = 1, .flags = 1}}, 0, FOX_E_UNSUPPORTED,
	        "zip: member 'a' is encrypted", 32},
	    {{{.name = "a", .data = "x", .n = 1, .method = 12}}, 0, FOX_E_UNSUPPORTED,
	        "zip: member 'a' uses method 12", 32},
	    {{{.name = "a", .data = "x", .n = 1, .local_name = "b"}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' has another name in its local header", 0},
	    {{{.name = "a", .data = "x", .n = 1, .bytes_add = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' claims 2 bytes out of 1", 32},
	    {{{.name = "a", .data = "x", .n = 1, .local_add = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' contradicts its local header", 0},
	    {{{.name = "a", .data = "x", .n = 1, .local_flags = 0x800}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' contradicts its local header", 0},
	    {{{.name = "a", .data = "x", .n = 1, .local_crc = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' contradicts its local header", 0},
	    {{{.name = "a", .data = "x", .n = 1, .flags = 8, .local_add = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' contradicts its local header", 0},
	    {{{.name = "a", .data = zeros, .n = 3000, .method = 8, .bytes_add = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' does not unpack to its 3001 bytes", 31},
	    {{{.name = "a", .data = zeros, .n = 3000, .method = 8, .bytes_add = 0xFFFFFFFF}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' does not unpack to its 2999 bytes", 31},
	    {{{.name = "a", .data = zeros, .n = 3000, .method = 8, .bytes_add = 1 << 30}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' claims 1073744824 bytes out of ", PACKED},
	    {{{.name = "a", .data = "x", .n = 1, .offset_add = 1}}, 0, FOX_E_FORMAT,
	        "zip: no local header where the central directory points", 1},
	    {{{.name = "a", .data = "x", .n = 1, .offset_add = 1000}}, 0, FOX_E_BOUND,
	        "zip: header of member 'a' lies outside the data", 1000},
	    {{{.name = "a", .data = "x", .n = 1}, {.name = "a", .data = "y", .n = 1}}, 0, FOX_E_FORMAT,
	        "zip: member 'a' repeats", 158},
	    {{{.name = "a", .data = "x", .n = 1}}, 2, FOX_E_FORMAT,
	        "zip: central directory is too small for its members", 79},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct maker m = {0};
		struct fox_err e = {0};
		const char *p = test_path("liar.zip");
		for (size_t k = 0; k < 2 && cases[i].m[k].name; k++)
			add(&m, cases[i].m[k]);
		finish(&m, p, cases[i].count ? cases[i].count : m.n);
		walk(p, &e);
		/* a prefix: how small zlib packs the zeros is its own affair */
		assert_memory_equal(e.text, cases[i].says, strlen(cases[i].says));
		assert_int_equal(e.code, cases[i].code);
		if (cases[i].at != PACKED)
			assert_int_equal(e.at, cases[i].at);
	}
}

/* Two directory entries for one set of bytes: the way 42 kB become petabytes. */
static void refuses_overlap(void **state)
{
	(void)state;
	struct maker m = {0};
	struct fox_err e = {0};
	const char *p = test_path("overlap.zip");
	add(&m, (struct member){.name = "a", .data = "hello world hello world hello world", .n = 35});
	size_t one = m.file.n, dir = m.dir.n;
	add(&m, (struct member){.name = "b", .data = "x", .n = 1});
	/* entry b is moved into the data of a, where a copy of its local header is planted */
	memcpy(m.file.p + 31, m.file.p + one, 32);
	m.file.n = one;
	fox_store32(m.dir.p + dir + 42, 31);
	finish(&m, p, 2);
	assert_int_equal(walk(p, &e), FOX_E_FORMAT);
	assert_string_equal(e.text, "zip: members 'a' and 'b' overlap");
}

static void survives_every_cut_and_flip(void **state)
{
	(void)state;
	struct maker m = {0};
	char *bytes;
	size_t n;
	struct fox_err e = {0};
	const char *p = test_path("whole.zip"), *q = test_path("cut.zip");
	add(&m, (struct member){.name = "a", .data = "hello hello hello", .n = 17, .method = 8});
	add(&m, (struct member){.name = "b", .data = "x", .n = 1, .zip64 = true});
	finish(&m, p, 2);
	assert_fox_ok(fox_path_slurp(p, 1 << 20, &bytes, &n, &e), &e);
	for (size_t i = 0; i < n; i++) {
		struct fox_err cut = {0};
		test_write(q, bytes, i);
		assert_int_not_equal(walk(q, &cut), FOX_OK);
	}
	for (size_t i = 0; i < n; i++) {
		static const uint8_t values[] = {0, 1, 0x7F, 0x80, 0xFF};
		char old = bytes[i];
		for (size_t k = 0; k < sizeof values; k++) {
			struct fox_err any = {0};
			bytes[i] = (char)values[k];
			test_write(q, bytes, n);
			walk(q, &any);
		}
		bytes[i] = old;
	}
	free(bytes);
}

/* A .npy of version 1 with this header text and so many data bytes. */
static enum fox_status npy(
    struct fox_npy *a, struct fox_buf *b, const char *text, size_t data, struct fox_err *e)
{
	fox_buf_clear(b);
	fox_buf_add(b, "\x93NUMPY\1\0", 8);
	u16(b, (unsigned)strlen(text));
	fox_buf_str(b, text);
	for (size_t i = 0; i < data; i++)
		fox_buf_char(b, (char)i);
	*e = (struct fox_err){0};
	return fox_npy_parse(a, (struct fox_span){(const uint8_t *)b->p, b->n}, e);
}

static void reads_npy_headers(void **state)
{
	(void)state;
	struct fox_npy a;
	struct fox_buf b = {0};
	struct fox_err e;
	assert_fox_ok(npy(&a, &b, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }  \n", 8, &e), &e);
	assert_true(a.kind == FOX_NPY_I32 && a.n_dims == 1 && a.n_items == 2);
	assert_int_equal(fox_npy_i64(&a, 1), 0x07060504);
	assert_fox_ok(npy(&a, &b, "{\"shape\":(),\"descr\":\"<f8\",\"fortran_order\":False}", 8, &e), &e);
	assert_true(a.n_dims == 0 && a.n_items == 1);
	assert_fox_ok(npy(&a, &b, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", 0, &e), &e);
	assert_true(a.n_dims == 2 && a.n_items == 0 && a.dim[1] == 3);
	fox_buf_free(&b);
}

static void refuses_npy_liars(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t data;
		enum fox_status code;
		const char *says;
		uint64_t at;
	} cases[] = {
	    {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, FOX_E_UNSUPPORTED,
	        "npy header: dtype '|O', want <f4, <f8, <i4 or <i8", 24},
	    {"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}", 8, FOX_E_UNSUPPORTED,
	        "npy header: structured dtype", 20},
	    {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4, FOX_E_UNSUPPORTED,
	        "npy header: dtype '>f4', want <f4, <f8, <i4 or <i8", 25},
	    {"{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", 4, FOX_E_UNSUPPORTED,
	        "npy header: Fortran order", 48},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, FOX_E_FORMAT,
	        "npy header: shape is not a tuple of whole numbers", 61},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", 8, FOX_E_FORMAT,
	        "npy header: shape is not a tuple of whole numbers", 64},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': 3}", 12, FOX_E_FORMAT,
	        "npy header: shape is no tuple", 60},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': ((((1,", 4, FOX_E_FORMAT,
	        "npy header: shape is not a tuple of whole numbers", 61},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 4, FOX_E_BOUND,
	        "npy header: dimension does not fit 64 bits", 81},
	    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 4, FOX_E_BOUND,
	        "npy shape does not fit 64 bits", 10},
	    {"{'descr': '<f8', 'fortran_order': False, 'shape': (65536, 65536)}", 8, FOX_E_TRUNCATED,
	        "npy data of 34359738368 bytes, 8 are there", 75},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 5, FOX_E_FORMAT,
	        "1 bytes after the npy data", 69},
	    {"{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", 4, FOX_E_FORMAT, "npy header: a key repeats", 34},
	    {"{'descr': '<f4', 'fortran_order': False}", 4, FOX_E_FORMAT,
	        "npy header: descr, fortran_order or shape is missing", 50},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, FOX_E_FORMAT,
	        "npy header: unknown key", 69},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4, FOX_E_FORMAT,
	        "npy header: text after the dictionary", 66},
	    {"{'descr': '<f4", 4, FOX_E_FORMAT, "npy header: string has no end", 20},
	    {"", 4, FOX_E_FORMAT, "npy header: expected '{'", 10},
	    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, FOX_E_FORMAT,
	        "npy header: shape has more than 8 dimensions", 78},
	};
	struct fox_npy a;
	struct fox_buf b = {0};
	struct fox_err e;
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		npy(&a, &b, cases[i].text, cases[i].data, &e);
		assert_fox_err(&e, cases[i].code, cases[i].at, cases[i].says);
	}
	static const struct {
		const char *bytes;
		size_t n;
		enum fox_status code;
		uint64_t at;
		const char *says;
	} heads[] = {
	    {"\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12, FOX_E_BOUND, 8,
	        "npy header of 4294967295 bytes, more than 10000"},
	    {"\x93NUMPY\4\0\1\0{", 11, FOX_E_UNSUPPORTED, 6, "npy version 4.0"},
	    {"\x93NUMPY\1\0\1\0{", 3, FOX_E_TRUNCATED, 3, "npy file ends inside its magic"},
	    {"", 0, FOX_E_TRUNCATED, 0, "npy file ends inside its magic"},
	    {"\x93NUMPY\1\0\5\0{", 11, FOX_E_TRUNCATED, 8, "npy header of 5 bytes ends past the file"},
	    {"\x93NUMPZ\1\0\1\0{", 11, FOX_E_FORMAT, 0, "no npy magic"},
	};
	for (size_t i = 0; i < FOX_COUNT(heads); i++) {
		uint8_t *exact = malloc(heads[i].n + !heads[i].n);
		memcpy(exact, heads[i].bytes, heads[i].n);
		e = (struct fox_err){0};
		assert_int_equal(fox_npy_parse(&a, (struct fox_span){exact, heads[i].n}, &e), heads[i].code);
		assert_fox_err(&e, heads[i].code, heads[i].at, heads[i].says);
		free(exact);
	}
	fox_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_stored_deflated_and_zip64),
	    cmocka_unit_test(refuses_liars),
	    cmocka_unit_test(refuses_overlap),
	    cmocka_unit_test(survives_every_cut_and_flip),
	    cmocka_unit_test(reads_npy_headers),
	    cmocka_unit_test(refuses_npy_liars),
	};
	return cmocka_run_group_tests_name("npz", tests, NULL, NULL);
}
