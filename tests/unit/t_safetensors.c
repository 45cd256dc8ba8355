/* t_safetensors.c - every rule of the safetensors header, each with the exact refusal. */
#include "tests/test.h"

#include "format/base/arena.h"
#include "format/safetensors.h"
#include "tests/st_make.h"

/* A header (as the whole of the JSON part) over n_data bytes of data. */
struct bad_case {
	const char *header;
	size_t n_data;
	enum fox_status code;
	uint64_t at;
	const char *text;
};

#define NO FOX_NOWHERE
#define ONE(entry) "{\"t\":" entry "}"
#define T(shape, begin_end) ONE("{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" begin_end "}")
#define N(name, begin, end, bytes)                                                                           \
	"\"" name "\":{\"dtype\":\"U8\",\"shape\":[" #bytes "],\"data_offsets\":[" #begin "," #end "]}"

#include "tests/unit/t_safetensors_cases.h"

static void check_bad(const struct bad_case *c)
{
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_st_tensors ts;
	struct fox_str json = fox_str_of(c->header);
	enum fox_status s = fox_st_parse(&ts, &a, json, 8 + json.n + c->n_data, 0, &err);
	if (s != c->code || err.code != c->code || err.at != c->at || strcmp(err.text, c->text))
		fail_msg("%.200s\n  gives {%s, %lld, \"%s\"}", c->header, fox_status_name(err.code),
		    (long long)err.at, err.text);
	fox_arena_free(&a);
}

static void test_bad_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(bad_cases); i++)
		check_bad(&bad_cases[i]);
}

/* Headers that are right, as the names in the order they must come out. */
static const struct {
	const char *header;
	size_t n_data;
	const char *order;
} good_cases[] = {
    {"{}", 0, ""},
    {"{}      ", 0, ""},
    {"{\"__metadata__\":{\"format\":\"pt\",\"\":\"\"}}", 0, ""},
    {T("[2,3]", "[0,24]"), 24, "t"},
    {T("[]", "[0,4]"), 4, "t"},  /* rank 0: one element */
    {T("[0]", "[0,0]"), 0, "t"}, /* no elements */
    {T("[3,0,7]", "[0,0]"), 0, "t"},
    {T("[0,9223372036854775807,9223372036854775807]", "[0,0]"), 0, "t"},
    {T("[1,1,1,1,1,1,1,1]", "[0,4]"), 4, "t"}, /* rank 8 */
    {"{ \"t\" : {\"data_offsets\":[0,4],\n\"shape\":[1],\"dtype\":\"F32\"}}", 4,
        "t"}, /* any order, any blanks */
    {"{" N("b", 4, 6, 2) "," N("a", 0, 4, 4) "," N("c", 6, 9, 3) "}", 9, "a b c"},
    {"{" N("a", 0, 4, 4) "," N("z", 4, 4, 0) "," N("y", 4, 4, 0) "," N("b", 4, 5, 1) "}", 5, "a y z b"},
    {"{" N("../../etc/passwd", 0, 1, 1) "}", 1, "../../etc/passwd"}, /* a name is a name, never a path */
    {"{\"\\u001b[2J\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "\x1b[2J"},
    {"{\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, ""},
    {"{\"\\ud83e\\udd8a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "\xF0\x9F\xA6\x8A"},
    {ONE("{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}"), 1, "t"},
    {ONE("{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}"), 3, "t"},
};

static void test_good_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < FOX_COUNT(good_cases); i++) {
		struct fox_err err = {0};
		struct fox_arena a = {0};
		struct fox_buf order = {0};
		struct fox_st_tensors ts;
		struct fox_str json = fox_str_of(good_cases[i].header);
		uint64_t next = 8 + json.n;
		assert_fox_ok(fox_st_parse(&ts, &a, json, next + good_cases[i].n_data, 5, &err), &err);
		for (size_t k = 0; k < ts.n; k++) {
			fox_buf_fmt(&order, "%s%.*s", k ? " " : "", FOX_STR_ARG(ts.list[k].name));
			assert_int_equal(ts.list[k].at, next);
			assert_int_equal(ts.list[k].file, 5);
			next += ts.list[k].bytes;
		}
		assert_string_equal(order.p ? order.p : "", good_cases[i].order);
		assert_int_equal(next, 8 + json.n + good_cases[i].n_data);
		fox_buf_free(&order);
		fox_arena_free(&a);
	}
}

static void test_fields(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_st_tensors ts;
	struct fox_str json = fox_str_of(ONE("{\"dtype\":\"BF16\",\"shape\":[5,7,2],\"data_offsets\":[0,140]}"));
	assert_fox_ok(fox_st_parse(&ts, &a, json, 8 + json.n + 140, 0, &err), &err);
	assert_int_equal(ts.n, 1);
	assert_int_equal(ts.list[0].dtype, FOX_DT_BF16);
	assert_int_equal(ts.list[0].n_dims, 3);
	assert_int_equal(ts.list[0].shape[0], 5);
	assert_int_equal(ts.list[0].shape[1], 7);
	assert_int_equal(ts.list[0].shape[2], 2);
	assert_int_equal(ts.list[0].n_elems, 70);
	assert_int_equal(ts.list[0].bytes, 140);
	fox_arena_free(&a);
}

/* Every dtype of the format parses, with the size the format gives it; three of them have a codec. */
static void test_dtypes(void **state)
{
	(void)state;
	static const char codecs[] = "F32 F16 BF16 ";
	struct fox_buf with_codec = {0};
	for (unsigned d = 0; d < FOX_DT_COUNT; d++) {
		struct fox_err err = {0};
		struct fox_arena a = {0};
		struct fox_buf text = {0};
		struct fox_st_tensors ts;
		assert_non_null(fox_dtypes[d].name);
		fox_buf_fmt(&text, "{\"t\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,%u]}}",
		    fox_dtypes[d].name, fox_dtypes[d].bits);
		assert_fox_ok(
		    fox_st_parse(&ts, &a, fox_buf_view(&text), 8 + text.n + fox_dtypes[d].bits, 0, &err), &err);
		assert_int_equal(ts.list[0].dtype, d);
		if (fox_dtypes[d].codec)
			fox_buf_fmt(&with_codec, "%s ", fox_dtypes[d].name);
		fox_buf_free(&text);
		fox_arena_free(&a);
	}
	assert_string_equal(with_codec.p, codecs);
	fox_buf_free(&with_codec);
}

/* Text that only the header's JSON parser can refuse, or that holds bytes no C string does. */
static void test_bad_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		uint64_t at;
		const char *text;
	} cases[] = {
	    {"{\"a\0b\":{}}", 10, 11, "not valid JSON: control character 0x0 near '\"a', in the header"},
	    {"{\"\xC3\x28\":{}}", 9, 10, "not valid JSON: unable to decode byte 0xc3 near '\"', in the header"},
	    {"\xEF\xBB\xBF{}", 5, 8, "header begins with byte 0xEF, want '{'"},
	    {"{}\0", 3, 10, "header ends with byte 0x00, want '}' and blanks"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		struct fox_arena a = {0};
		struct fox_st_tensors ts;
		struct fox_str json = {cases[i].bytes, cases[i].n};
		assert_int_equal(fox_st_parse(&ts, &a, json, 8 + json.n, 0, &err), FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, cases[i].at, cases[i].text);
		fox_arena_free(&a);
	}
}

static void test_deep_json(void **state)
{
	(void)state;
	enum { DEPTH = 100000 };
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_buf text = {0};
	struct fox_st_tensors ts;
	fox_buf_str(&text, "{\"t\":");
	for (int i = 0; i < DEPTH; i++)
		fox_buf_char(&text, '[');
	for (int i = 0; i < DEPTH; i++)
		fox_buf_char(&text, ']');
	fox_buf_char(&text, '}');
	assert_int_equal(fox_st_parse(&ts, &a, fox_buf_view(&text), 8 + text.n, 0, &err), FOX_E_FORMAT);
	assert_fox_err(&err, FOX_E_FORMAT, 8 + 5 + 63, "JSON is nested deeper than 64 levels, in the header");
	fox_buf_free(&text);
	fox_arena_free(&a);
}

static void test_many_dimensions(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_buf text = {0};
	struct fox_st_tensors ts;
	fox_buf_str(&text, "{\"t\":{\"dtype\":\"F32\",\"shape\":[");
	for (int i = 0; i < 10000; i++)
		fox_buf_str(&text, i ? ",1" : "1");
	fox_buf_str(&text, "],\"data_offsets\":[0,4]}}");
	assert_int_equal(fox_st_parse(&ts, &a, fox_buf_view(&text), 8 + text.n + 4, 0, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, FOX_NOWHERE, "10000 dimensions, more than 8, in tensor 't'");
	fox_buf_free(&text);
	fox_arena_free(&a);
}

/* One member as long as a header may be would make a tree of gigabytes. */
static void test_long_member(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_buf text = {0};
	struct fox_st_tensors ts;
	fox_buf_str(&text, "{\"__metadata__\":{\"k\":\"");
	for (int i = 0; i < 4 << 20; i++)
		fox_buf_char(&text, 'v');
	fox_buf_str(&text, "\"}}");
	assert_int_equal(fox_st_parse(&ts, &a, fox_buf_view(&text), 8 + text.n, 0, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 9, "header member of 4194327 bytes, more than 4194304");
	fox_buf_free(&text);
	fox_arena_free(&a);
}

/* The length that comes before the header. */
static void test_bad_lengths(void **state)
{
	(void)state;
	static const struct {
		uint64_t length;
		size_t file_bytes; /* of a file that would be right with length 2 and data 0: 8 + "{}" */
		enum fox_status code;
		uint64_t at;
		const char *text;
	} cases[] = {
	    {2, 0, FOX_E_TRUNCATED, 0, "file of 0 bytes, want 8 for the header's length"},
	    {2, 1, FOX_E_TRUNCATED, 1, "file of 1 bytes, want 8 for the header's length"},
	    {2, 7, FOX_E_TRUNCATED, 7, "file of 7 bytes, want 8 for the header's length"},
	    {0, 8, FOX_E_FORMAT, 0, "header of 0 bytes"},
	    {0, 10, FOX_E_FORMAT, 0, "header of 0 bytes"},
	    {1, 10, FOX_E_FORMAT, 8, "header ends with byte 0x7B, want '}' and blanks"},
	    {2, 8, FOX_E_TRUNCATED, 0, "header of 2 bytes ends past the file of 8"},
	    {3, 10, FOX_E_TRUNCATED, 0, "header of 3 bytes ends past the file of 10"}, /* file - 7 */
	    {100000000, 10, FOX_E_TRUNCATED, 0, "header of 100000000 bytes ends past the file of 10"},
	    {100000001, 10, FOX_E_BOUND, 0, "header of 100000001 bytes, more than 100000000"},
	    {1ull << 63, 10, FOX_E_BOUND, 0, "header of 9223372036854775808 bytes, more than 100000000"},
	    {UINT64_MAX - 4, 10, FOX_E_BOUND, 0, "header of 18446744073709551611 bytes, more than 100000000"},
	    {UINT64_MAX, 10, FOX_E_BOUND, 0, "header of 18446744073709551615 bytes, more than 100000000"},
	};
	for (size_t i = 0; i < FOX_COUNT(cases); i++) {
		struct fox_err err = {0};
		struct fox_arena a = {0};
		struct fox_buf b = {0};
		struct fox_file f = {0};
		struct fox_st_tensors ts;
		const char *path = test_path("length.safetensors");
		st_make_raw(&b, cases[i].length, fox_str_of("{}"), 0);
		test_write(path, b.p, cases[i].file_bytes);
		assert_fox_ok(fox_file_open(&f, path, &err), &err);
		assert_int_equal(fox_st_read_header(&ts, &a, &f, 0, &err), cases[i].code);
		assert_fox_err(&err, cases[i].code, cases[i].at, cases[i].text);
		assert_string_equal(err.file, path);
		fox_file_close(&f);
		fox_buf_free(&b);
		fox_arena_free(&a);
		unlink(path);
	}
}

/* Cut at every length, a file is refused: as cut short, or (within the length's own bytes) as the same. */
static void test_every_truncation(void **state)
{
	(void)state;
	struct fox_buf b = {0};
	const char *path = test_path("cut.safetensors");
	st_make(&b, "{\"__metadata__\":{\"format\":\"pt\"}," N("a", 0, 4, 4) "," N("b", 4, 9, 5) "}", 9);
	for (size_t n = 0; n <= b.n; n++) {
		struct fox_err err = {0};
		struct fox_arena a = {0};
		struct fox_file f = {0};
		struct fox_st_tensors ts;
		test_write(path, b.p, n);
		assert_fox_ok(fox_file_open(&f, path, &err), &err);
		assert_int_equal(fox_st_read_header(&ts, &a, &f, 0, &err), n < b.n ? FOX_E_TRUNCATED : FOX_OK);
		fox_file_close(&f);
		fox_arena_free(&a);
	}
	unlink(path);
	fox_buf_free(&b);
}

/* Any one byte of the file changed: refused, or every byte is still in exactly one tensor. */
static void test_every_byte(void **state)
{
	(void)state;
	static const uint8_t values[] = {0x00, 0x01, 0x20, '"', '0', '9', '}', 0x7F, 0x80, 0xFF};
	struct fox_buf b = {0};
	size_t refused = 0, taken = 0;
	st_make(&b, "{" N("a", 0, 4, 4) "," N("b", 4, 9, 5) "}  ", 9);
	size_t n = b.n - 8 - 9;
	for (size_t i = 0; i < n; i++) {
		char was = b.p[8 + i];
		for (size_t v = 0; v < FOX_COUNT(values); v++) {
			struct fox_err err = {0};
			struct fox_arena a = {0};
			struct fox_st_tensors ts;
			b.p[8 + i] = (char)values[v];
			if (fox_st_parse(&ts, &a, (struct fox_str){b.p + 8, n}, b.n, 0, &err)) {
				assert_int_not_equal(err.code, FOX_OK);
				refused++;
			} else {
				uint64_t next = 8 + n;
				for (size_t k = 0; k < ts.n; k++) {
					assert_int_equal(ts.list[k].at, next);
					next += ts.list[k].bytes;
				}
				assert_int_equal(next, b.n);
				taken++;
			}
			fox_arena_free(&a);
		}
		b.p[8 + i] = was;
	}
	assert_true(refused > 1000 && taken > 30); /* both ways are walked: names and blanks may change */
	fox_buf_free(&b);
}

/* A million tensors: no quadratic step anywhere. Sanitizers, which slow each allocation, see a tenth. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY 100000
#else
#define MANY 1000000
#endif

static void test_million(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_buf text = {0};
	struct fox_st_tensors ts;
	for (unsigned i = 0; i < MANY; i++)
		fox_buf_fmt(&text, "%c\"%u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%u,%u]}",
		    i ? ',' : '{', i, MANY - 1 - i, MANY - i);
	fox_buf_char(&text, '}');
	assert_false(text.failed);
	assert_fox_ok(fox_st_parse(&ts, &a, fox_buf_view(&text), 8 + text.n + MANY, 0, &err), &err);
	assert_int_equal(ts.n, MANY);
	assert_true(fox_str_is(ts.list[0].name, MANY == 1000000 ? "999999" : "99999"));
	assert_true(fox_str_is(ts.list[MANY - 1].name, "0"));
	fox_buf_free(&text);
	fox_arena_free(&a);
}

/* The worked example of spec/sources.md section 1. */
static void test_spec_example(void **state)
{
	(void)state;
	static const uint8_t file[80] = {0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7B, 0x22, 0x77, 0x22,
	    0x3A, 0x7B, 0x22, 0x64,                                                                         /**/
	    0x74, 0x79, 0x70, 0x65, 0x22, 0x3A, 0x22, 0x42, 0x46, 0x31, 0x36, 0x22, 0x2C, 0x22, 0x73, 0x68, /**/
	    0x61, 0x70, 0x65, 0x22, 0x3A, 0x5B, 0x32, 0x2C, 0x32, 0x5D, 0x2C, 0x22, 0x64, 0x61, 0x74, 0x61, /**/
	    0x5F, 0x6F, 0x66, 0x66, 0x73, 0x65, 0x74, 0x73, 0x22, 0x3A, 0x5B, 0x30, 0x2C, 0x38, 0x5D, 0x7D, /**/
	    0x7D, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x80, 0x3F, 0x00, 0x40, 0x40, 0x40, 0x80, 0x40};
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_file f = {0};
	struct fox_st_tensors ts;
	const char *path = test_path("example.safetensors");
	test_write(path, file, sizeof file);
	assert_fox_ok(fox_file_open(&f, path, &err), &err);
	assert_fox_ok(fox_st_read_header(&ts, &a, &f, 0, &err), &err);
	assert_int_equal(ts.n, 1);
	assert_true(fox_str_is(ts.list[0].name, "w"));
	assert_int_equal(ts.list[0].dtype, FOX_DT_BF16);
	assert_int_equal(ts.list[0].at, 72);
	assert_int_equal(ts.list[0].bytes, 8);
	fox_file_close(&f);
	fox_arena_free(&a);
	unlink(path);
}

/* The demo's checkpoint: the numbers that its README states. */
static void test_demo(void **state)
{
	(void)state;
	struct fox_err err = {0};
	struct fox_arena a = {0};
	struct fox_file f = {0};
	struct fox_st_tensors ts;
	uint64_t elems = 0;
	assert_fox_ok(fox_file_open(&f, "tests/demo/model.safetensors", &err), &err);
	assert_fox_ok(fox_st_read_header(&ts, &a, &f, 0, &err), &err);
	assert_int_equal(ts.n, 56); /* embedding, last norm, 6 layers of 9 */
	for (size_t i = 0; i < ts.n; i++) {
		assert_int_equal(ts.list[i].dtype, FOX_DT_BF16);
		elems += ts.list[i].n_elems;
	}
	assert_int_equal(elems, 3869952);
	fox_file_close(&f);
	fox_arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_headers),
	    cmocka_unit_test(test_good_headers),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_dtypes),
	    cmocka_unit_test(test_bad_bytes),
	    cmocka_unit_test(test_deep_json),
	    cmocka_unit_test(test_many_dimensions),
	    cmocka_unit_test(test_long_member),
	    cmocka_unit_test(test_bad_lengths),
	    cmocka_unit_test(test_every_truncation),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_million),
	    cmocka_unit_test(test_spec_example),
	    cmocka_unit_test(test_demo),
	};
	return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
