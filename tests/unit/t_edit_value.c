/* t_edit_value.c - KEY:TYPE=VALUE as bytes: every type, its limits, and what is refused with which words. */
#include "tests/gguf_sample.h"

#include "convert/edit_value.h"

static struct fox_gguf *g;
static struct fox_arena arena;

static int open_sample(void **state)
{
	(void)state;
	struct fox_err err = {0};
	const char *path = test_path("sample.gguf");
	sample_write(sample_declare(true), SAMPLE_TENSORS, path, 1000, false);
	return fox_gguf_open(&g, path, &err) ? -1 : 0;
}

static int close_sample(void **state)
{
	(void)state;
	fox_gguf_close(g);
	fox_arena_free(&arena);
	return 0;
}

/* The bytes in hexadecimal, before them the type. */
static const char *value(const char *text)
{
	static char out[1024];
	struct fox_gguf_kv kv;
	struct fox_err err = {0};
	enum fox_status s = fox_edit_value(&kv, text, g, &arena, &err);
	assert_int_equal(s, err.code);
	if (s) {
		snprintf(out, sizeof out, "%d %s", (int)s, err.text);
		return out;
	}
	int n = snprintf(out, sizeof out, "%s %s %d ", fox_gguf_type_name(kv.type), fox_gguf_type_name(kv.item),
	    (int)kv.n_items);
	for (size_t i = 0; i < kv.raw.n; i++)
		n += snprintf(out + n, sizeof out - (size_t)n, "%02x", kv.raw.p[i]);
	return out;
}

static void scalars(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"a:u8=0", "u8 u8 1 00"},
	    {"a:u8=255", "u8 u8 1 ff"},
	    {"a:i8=-128", "i8 i8 1 80"},
	    {"a:i8=127", "i8 i8 1 7f"},
	    {"a:u16=65535", "u16 u16 1 ffff"},
	    {"a:i16=-32768", "i16 i16 1 0080"},
	    {"a:u32=4294967295", "u32 u32 1 ffffffff"},
	    {"a:i32=-2147483648", "i32 i32 1 00000080"},
	    {"a:u64=18446744073709551615", "u64 u64 1 ffffffffffffffff"},
	    {"a:i64=-9223372036854775808", "i64 i64 1 0000000000000080"},
	    {"a:i64=-0", "i64 i64 1 0000000000000000"},
	    {"a:u32=-0", "u32 u32 1 00000000"},
	    {"a:f32=1", "f32 f32 1 0000803f"},
	    {"a:f32=-0.5", "f32 f32 1 000000bf"},
	    {"a:f32=1e6", "f32 f32 1 00247449"},
	    {"a:f32=0.1", "f32 f32 1 cdcccc3d"},
	    {"a:f64=0.1", "f64 f64 1 9a9999999999b93f"},
	    {"a:bool=true", "bool bool 1 01"},
	    {"a:bool=false", "bool bool 1 00"},
	    {"a:str=x=y", "str str 1 0300000000000000783d79"},
	    {"a:str=", "str str 1 0000000000000000"},
	    {"a:str=@@x", "str str 1 02000000000000004078"},
	    /* types that keys have already */
	    {"llama.block_count=7", "u32 u32 1 07000000"},
	    {"u64=8", "u64 u64 1 0800000000000000"},
	    {"i32=-9", "i32 i32 1 f7ffffff"},
	    {"yes=false", "bool bool 1 00"},
	    {"patch=5", "str str 1 010000000000000035"},
	    {"tokenizer.ggml.scores=[1]", "arr f32 1 0000803f"},
	    {"u64:u8=8", "u8 u8 1 08"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		assert_string_equal(value(rows[i][0]), rows[i][1]);
}

static void arrays(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"a:arr[u32]=[1, 2]", "arr u32 2 0100000002000000"},
	    {"a:arr[i8]=[-1,127]", "arr i8 2 ff7f"},
	    {"a:arr[bool]=[true,false]", "arr bool 2 0100"},
	    {"a:arr[f64]=[2, 0.5]", "arr f64 2 0000000000000040000000000000e03f"},
	    {"a:arr[str]=[\"\", \"\\u00e9\"]", "arr str 2 00000000000000000200000000000000c3a9"},
	    {"a:arr[u64]=[9223372036854775807]", "arr u64 1 ffffffffffffff7f"},
	    {"a:arr[u8]=[256]", "1 element 0 of key 'a' is no u8, or out of its range: '256'"},
	    {"a:arr[u8]=[1,\"2\"]", "1 element 1 of key 'a' is no u8, or out of its range: 'a string'"},
	    {"a:arr[u8]=[1.5]", "1 element 0 of key 'a' is no u8, or out of its range: 'a fraction'"},
	    {"a:arr[str]=[1]", "1 element 0 of key 'a' is no str, or out of its range: '1'"},
	    {"a:arr[u8]=[]", "1 key 'a': some programs cannot read an empty array; remove the key"},
	    {"a:arr[u8]={}", "1 key 'a' wants a JSON array, not an object"},
	    {"a:arr[arr]=[1]",
	        "1 type 'arr[arr]' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]"},
	    {"a:arr[u8=[1]",
	        "1 type 'arr[u8' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]"},
	    {"a:arr=[1]", "1 type 'arr' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		assert_string_equal(value(rows[i][0]), rows[i][1]);
	assert_memory_equal(value("a:arr[u8]=[1"), "1 ", 2); /* the parser's own words follow */
}

static void refused(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"a:u8=256", "1 key 'a' is no u8, or out of its range: '256'"},
	    {"a:u8=-1", "1 key 'a' is no u8, or out of its range: '-1'"},
	    {"a:i8=128", "1 key 'a' is no i8, or out of its range: '128'"},
	    {"a:i8=-129", "1 key 'a' is no i8, or out of its range: '-129'"},
	    {"a:u64=18446744073709551616", "1 key 'a' is no u64, or out of its range: '18446744073709551616'"},
	    {"a:i64=9223372036854775808", "1 key 'a' is no i64, or out of its range: '9223372036854775808'"},
	    {"a:u32=", "1 key 'a' is no u32, or out of its range: ''"},
	    {"a:u32=1x", "1 key 'a' is no u32, or out of its range: '1x'"},
	    {"a:u32=1.0", "1 key 'a' is no u32, or out of its range: '1.0'"},
	    {"a:i32=--1", "1 key 'a' is no i32, or out of its range: '--1'"},
	    {"a:f32=1e39", "1 key 'a' is no f32, or out of its range: '1e39'"},
	    {"a:f32=1e-60", "1 key 'a' is no f32, or out of its range: '1e-60'"},
	    {"a:f64=nan", "1 key 'a' is no f64, or out of its range: 'nan'"},
	    {"a:f64=inf", "1 key 'a' is no f64, or out of its range: 'inf'"},
	    {"a:bool=1", "1 key 'a' is no bool, or out of its range: '1'"},
	    {"a:str=\xff", "1 value is not well-formed UTF-8, in key 'a'"},
	    {"a", "1 'a' is no KEY=VALUE"},
	    {"=a", "1 '=a' is no KEY=VALUE"},
	    {"", "1 '' is no KEY=VALUE"},
	    {":u8=1", "1 key '' is empty"},
	    {"a b:u8=1", "1 key 'a b' has a blank, a control character or '='"},
	    {"\xff:u8=1", "1 key '\xff' is not UTF-8"},
	    {"absent=1", "1 no key 'absent': to add one, name its type: absent:TYPE=VALUE"},
	    {"a:u128=1", "1 type 'u128' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]"},
	    {"a:=1", "1 type '' is none of u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str arr[...]"},
	};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		assert_string_equal(value(rows[i][0]), rows[i][1]);
}

static void files(void **state)
{
	(void)state;
	char text[600];
	const char *path = test_path("value");
	test_write(path, "a\n", 2);
	snprintf(text, sizeof text, "a:str=@%s", path);
	assert_string_equal(value(text), "str str 1 0200000000000000610a"); /* as it stands */
	test_write(path, "12\n", 3);
	snprintf(text, sizeof text, "a:u8=@%s", path);
	assert_string_equal(value(text), "u8 u8 1 0c");
	test_write(path, "a\0b", 3);
	snprintf(text, sizeof text, "a:str=@%s", path);
	assert_string_equal(value(text), "1 value holds a NUL byte, in key 'a'");
	char *large = calloc(1, FOX_GGUF_MAX_STRING + 1);
	memset(large, 'x', FOX_GGUF_MAX_STRING + 1);
	test_write(path, large, FOX_GGUF_MAX_STRING + 1);
	free(large);
	assert_string_equal(value(text), "5 string of 16777217 bytes is over the limit of 16777216, in key 'a'");
	assert_memory_equal(value("a:str=@/nonexistent"), "2 cannot open '/nonexistent'", 28);
}

static void shown(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"u64", "18446744073709551615"},
	    {"i32", "-5"},
	    {"f32", "9.99999975e-06"},
	    {"yes", "true"},
	    {"patch", "\"abc\""},
	    {"nothing", "[]"},
	    {"tokenizer.ggml.scores", "[0, -1.5, 3]"},
	    {"tokenizer.ggml.tokens", "[\"<unk>\", \"\", \"\xe2\x96\x81the\"]"},
	};
	struct fox_buf b = {0};
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		fox_buf_clear(&b);
		fox_edit_show(&b, g, fox_gguf_find_key(g, rows[i][0]));
		assert_string_equal(b.p, rows[i][1]);
	}
	fox_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scalars),
	    cmocka_unit_test(arrays),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(files),
	    cmocka_unit_test(shown),
	};
	return cmocka_run_group_tests(tests, open_sample, close_sample);
}
