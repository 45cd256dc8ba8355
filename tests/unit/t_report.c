/* t_report.c - a report's two renderings, against expected text; what strangers wrote is never obeyed. */
#include "tests/test.h"

#include <fcntl.h>
#include <math.h>

#include "format/base/json.h"
#include "inspect/report.h"

/* The rendering must be exactly this. */
static void expect(const struct fox_report *r, bool json, bool colour, const char *want)
{
	struct fox_buf out = {0};
	assert_true(fox_report_render(r, &out, json, colour));
	assert_string_equal(out.p ? out.p : "", want);
	fox_buf_free(&out);
}

static bool count_to_four(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	(void)ctx;
	if (*cursor >= 4)
		return false;
	*out = fox_cell_u64(++*cursor * 10);
	return true;
}

static bool ramp(const void *ctx, uint64_t *cursor, struct fox_cell *out)
{
	if (*cursor >= *(const uint64_t *)ctx)
		return false;
	*out = fox_cell_count(1000000 + (*cursor)++);
	return true;
}

static void test_numbers(void **state)
{
	char s[32];
	(void)state;
	assert_string_equal(fox_count_text(s, 0), "0");
	assert_string_equal(fox_count_text(s, 999), "999");
	assert_string_equal(fox_count_text(s, 1000), "1,000");
	assert_string_equal(fox_count_text(s, 1665271808), "1,665,271,808");
	assert_string_equal(fox_count_text(s, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(fox_show_bytes(s, 999), "999 bytes");
	assert_string_equal(fox_show_bytes(s, 1000), "1.00 kB");
	assert_string_equal(fox_show_bytes(s, 9994), "9.99 kB");
	assert_string_equal(fox_show_bytes(s, 9996), "10.0 kB");
	assert_string_equal(fox_show_bytes(s, 999499), "999 kB");
	assert_string_equal(fox_show_bytes(s, 999500), "1.00 MB");
	assert_string_equal(fox_show_bytes(s, 3336856448), "3.34 GB");
	assert_string_equal(fox_show_bytes(s, UINT64_MAX), "18.4 EB");
	assert_string_equal(fox_show_f32(s, 1e-5f), "1e-05");
	assert_string_equal(fox_show_f32(s, 0.1f), "0.1");
	assert_string_equal(fox_show_f32(s, 16777217.0f), "16777216");
	assert_string_equal(fox_show_f32(s, 3.40282347e38f), "3.4028235e+38");
	assert_string_equal(fox_show_f32(s, -0.0f), "-0");
	assert_string_equal(fox_show_f32(s, NAN), "nan");
	assert_string_equal(fox_show_f32(s, -INFINITY), "-inf");
	assert_string_equal(fox_show_f64(s, 0.1), "0.1");
	assert_string_equal(fox_show_f64(s, 1.0 / 3), "0.3333333333333333");
	assert_string_equal(fox_show_f64(s, INFINITY), "inf");
}

static void test_f32_digits_read_back(void **state)
{
	uint64_t seed = 7;
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t bits = test_rand(&seed) ^ test_rand(&seed) << 16;
		float v;
		char s[32];
		memcpy(&v, &bits, sizeof v);
		if (v - v != 0)
			continue;
		fox_show_f32(s, v);
		float back = strtof(s, NULL);
		assert_memory_equal(&back, &v, sizeof v);
	}
}

static void test_fields(void **state)
{
	struct fox_report r;
	const uint64_t dim[] = {256, 2048};
	const uint8_t hash[] = {0x00, 0xab, 0xff};
	const struct fox_list list = {count_to_four, NULL, 4, 2};
	(void)state;
	fox_report_init(&r, "fox-test", "demo");
	fox_report_field(&r, "name", "name", fox_cell_cstr("Fox"));
	fox_report_section(&r, "model", "model");
	fox_report_field(&r, "parameters", "parameters", fox_cell_count(1665271808));
	fox_report_field(&r, "bytes", "size", fox_cell_bytes(3336856448));
	fox_report_field(&r, "small", "small", fox_cell_bytes(7));
	fox_report_field(&r, "eps", "epsilon", fox_cell_f32(1e-5f));
	fox_report_field(&r, "mean", "mean", fox_cell_f64(1.0 / 3));
	fox_report_field(&r, "exact", "exact", fox_cell_exact(1.0 / 3));
	fox_report_field(&r, "bad", "bad", fox_cell_f64(NAN));
	fox_report_field(&r, "shape", "shape", fox_cell_shape(&r, dim, 2));
	fox_report_field(&r, "hash", "hash", fox_cell_hex(&r, hash, sizeof hash));
	fox_report_field(&r, "list", "list", fox_cell_list(&r, &list));
	fox_report_field(&r, "least", "least", fox_cell_i64(INT64_MIN));
	fox_report_field(&r, "most", NULL, fox_cell_u64(UINT64_MAX));
	fox_report_field(&r, NULL, "tied", fox_cell_bool(true));
	fox_report_field(&r, "nothing", "nothing", fox_cell_cstr(NULL));
	fox_report_root(&r);
	fox_report_field(&r, "state", "state", fox_cell_fmt(&r, "%s-%d", "ok", 5));
	expect(&r, false, false,
	    "name        Fox\n"
	    "\n"
	    "model\n"
	    "  parameters  1,665,271,808\n"
	    "  size        3.34 GB (3,336,856,448 bytes)\n"
	    "  small       7 bytes\n"
	    "  epsilon     1e-05\n"
	    "  mean        0.333333\n"
	    "  exact       0.3333333333333333\n"
	    "  bad         nan\n"
	    "  shape       256 x 2048\n"
	    "  hash        00abff\n"
	    "  list        [10, 20, ...]\n"
	    "  least       -9223372036854775808\n"
	    "  tied        true\n"
	    "  nothing     -\n"
	    "\n"
	    "state       ok-5\n");
	expect(&r, true, false,
	    "{\n"
	    "  \"tool\": \"fox-test\",\n"
	    "  \"version\": \"" FOX_VERSION "\",\n"
	    "  \"verb\": \"demo\",\n"
	    "  \"name\": \"Fox\",\n"
	    "  \"model\": {\n"
	    "    \"parameters\": 1665271808,\n"
	    "    \"bytes\": 3336856448,\n"
	    "    \"small\": 7,\n"
	    "    \"eps\": 1e-05,\n"
	    "    \"mean\": 0.3333333333333333,\n"
	    "    \"exact\": 0.3333333333333333,\n"
	    "    \"bad\": null,\n"
	    "    \"shape\": [256,2048],\n"
	    "    \"hash\": \"00abff\",\n"
	    "    \"list\": [10,20],\n"
	    "    \"least\": -9223372036854775808,\n"
	    "    \"most\": 18446744073709551615,\n"
	    "    \"nothing\": null\n"
	    "  },\n"
	    "  \"state\": \"ok-5\"\n"
	    "}\n");
	fox_report_free(&r);
}

static void test_table(void **state)
{
	static const struct fox_column columns[] = {
	    {"name", "tensor", false, false},
	    {"bytes", "bytes", true, false},
	    {"at", NULL, false, false},
	    {"note", "note", false, true},
	};
	struct fox_report r;
	char longer[121];
	(void)state;
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	fox_report_init(&r, "fox-test", "table");
	struct fox_table *t = fox_report_table(&r, "tensors", columns, FOX_COUNT(columns));
	struct fox_cell a[] = {
	    fox_cell_cstr("blk.0"), fox_cell_bytes(1234567), fox_cell_u64(64), fox_cell_cstr("\xC3\xA9")};
	struct fox_cell b[] = {fox_cell_cstr("b"), fox_cell_bytes(8), fox_cell_u64(96), fox_cell_cstr(longer)};
	fox_report_row(&r, t, a);
	fox_report_row(&r, t, b);
	struct fox_buf want = {0};
	fox_buf_str(&want, "tensor      bytes  note\n"
	                   "blk.0   1,234,567  \xC3\xA9\n"
	                   "b               8  ");
	fox_buf_add(&want, longer, FOX_REPORT_WIDTH - 19 - 3);
	fox_buf_str(&want, "...\n");
	expect(&r, false, false, want.p);
	fox_buf_free(&want);
	r.whole = true;
	fox_buf_fmt(&want,
	    "tensor      bytes  note\n"
	    "blk.0   1,234,567  \xC3\xA9\n"
	    "b               8  %s\n",
	    longer);
	expect(&r, false, false, want.p);
	fox_buf_free(&want);
	fox_buf_fmt(&want,
	    "{\n"
	    "  \"tool\": \"fox-test\",\n"
	    "  \"version\": \"" FOX_VERSION "\",\n"
	    "  \"verb\": \"table\",\n"
	    "  \"tensors\": [\n"
	    "    {\"name\":\"blk.0\",\"bytes\":1234567,\"at\":64,\"note\":\"\xC3\xA9\"},\n"
	    "    {\"name\":\"b\",\"bytes\":8,\"at\":96,\"note\":\"%s\"}\n"
	    "  ]\n"
	    "}\n",
	    longer);
	expect(&r, true, false, want.p);
	fox_buf_free(&want);
	fox_report_free(&r);
}

static void test_findings(void **state)
{
	struct fox_report r;
	struct fox_findings f = {0};
	(void)state;
	fox_report_init(&r, "fox-test", "verify");
	fox_report_section(&r, "integrity", "integrity");
	fox_report_findings(&r, &f);
	fox_find_add(&f, FOX_PASS, "hash.root", "", "header and %d tensor hashes", 20);
	fox_find_add(&f, FOX_FAIL, "hash.tensor", "blk.0.attn_q.weight",
	    "the hash of the data is 00112233445566778899aabbccddeeff, and ffeeddccbbaa99887766554433221100 is "
	    "written");
	fox_find_add(&f, FOX_NOTE, "key", "\033[31mred\u202e", "two\nlines");
	expect(&r, false, false,
	    "integrity\n"
	    "  ok    hash.root    header and 20 tensor hashes\n"
	    "  fail  hash.tensor  blk.0.attn_q.weight: the hash of the data is "
	    "00112233445566778899aabbccddeeff,\n"
	    "                     and ffeeddccbbaa99887766554433221100 is written\n"
	    "  note  key          \\x1B[31mred\\u{202E}: two\\nlines\n");
	expect(&r, false, true,
	    "\033[1mintegrity\033[0m\n"
	    "  \033[32mok\033[0m    hash.root    header and 20 tensor hashes\n"
	    "  \033[31mfail\033[0m  hash.tensor  blk.0.attn_q.weight: the hash of the data is "
	    "00112233445566778899aabbccddeeff,\n"
	    "                     and ffeeddccbbaa99887766554433221100 is written\n"
	    "  \033[33mnote\033[0m  key          \\x1B[31mred\\u{202E}: two\\nlines\n");
	expect(&r, true, true,
	    "{\n"
	    "  \"tool\": \"fox-test\",\n"
	    "  \"version\": \"" FOX_VERSION "\",\n"
	    "  \"verb\": \"verify\",\n"
	    "  \"integrity\": {\n"
	    "    \"findings\": [\n"
	    "      {\"grade\":\"ok\",\"check\":\"hash.root\",\"where\":\"\",\"text\":\"header and 20 tensor "
	    "hashes\"},\n"
	    "      "
	    "{\"grade\":\"fail\",\"check\":\"hash.tensor\",\"where\":\"blk.0.attn_q.weight\",\"text\":\"the hash "
	    "of the data "
	    "is 00112233445566778899aabbccddeeff, and ffeeddccbbaa99887766554433221100 is written\"},\n"
	    "      "
	    "{\"grade\":\"note\",\"check\":\"key\",\"where\":\"\\u001b[31mred\u202e\",\"text\":\"two\\nlines\"}\n"
	    "    ],\n"
	    "    \"n_fail\": 1\n"
	    "  }\n"
	    "}\n");
	fox_findings_free(&f);
	fox_report_free(&r);
}

/* Everything a stranger can put into a report, in every place for text. */
static void test_escapes(void **state)
{
	static const char evil[] = "a\033]0;t\007\x9b"
	                           "b\xFF\u202e\u2066c\\\r\n\x7f"
	                           "d";
	static const struct fox_column columns[] = {{"k", "k", false, false}, {"v", "v", false, false}};
	const struct fox_str s = {evil, sizeof evil - 1};
	struct fox_report r;
	(void)state;
	fox_report_init(&r, "fox-test", "evil");
	fox_report_field(&r, "str", "str", fox_cell_str(s));
	fox_report_field(&r, "quoted", "quoted", fox_cell_quoted(s));
	fox_report_field(&r, "copy", "copy", fox_cell_copy(&r, s));
	fox_report_line(&r, "line %s", evil);
	fox_report_block(&r, "block", s);
	struct fox_table *t = fox_report_table(&r, "table", columns, FOX_COUNT(columns));
	struct fox_cell row[] = {fox_cell_str(s), fox_cell_quoted(s)};
	fox_report_row(&r, t, row);
	const char *shown = "a\\x1B]0;t\\x07\\x9Bb\\xFF\\u{202E}\\u{2066}c\\\\\\r\\n\\x7Fd";
	struct fox_buf want = {0};
	fox_buf_fmt(&want, "str     %s\nquoted  '%s'\ncopy    %s\nline %s\n\n", shown, shown, shown, shown);
	fox_buf_str(&want, "a\\x1B]0;t\\x07\\x9Bb\\xFF\\u{202E}\\u{2066}c\\\\\\r\n\\x7Fd\n\n");
	fox_buf_fmt(&want, "k%*sv\n%s  '%s'\n", (int)strlen(shown) + 1, "", shown, shown);
	expect(&r, false, false, want.p);
	fox_buf_clear(&want);
	/* ill-formed bytes are U+FFFD in JSON; controls are escapes; a document that parses again */
	const char *json = "a\\u001b]0;t\\u0007\uFFFDb\uFFFD\u202e\u2066c\\\\\\r\\n\\u007fd";
	fox_buf_fmt(&want,
	    "{\n  \"tool\": \"fox-test\",\n  \"version\": \"" FOX_VERSION "\",\n  \"verb\": \"evil\",\n"
	    "  \"str\": \"%s\",\n  \"quoted\": \"%s\",\n  \"copy\": \"%s\",\n  \"block\": \"%s\",\n"
	    "  \"table\": [\n    {\"k\":\"%s\",\"v\":\"%s\"}\n  ]\n}\n",
	    json, json, json, json, json, json);
	expect(&r, true, true, want.p);
	struct fox_json *doc;
	struct fox_err err = {0};
	assert_fox_ok(fox_json_parse(&doc, fox_buf_view(&want), &err), &err);
	fox_json_close(doc);
	fox_buf_free(&want);
	fox_report_free(&r);
}

static void test_lists_and_lines(void **state)
{
	const uint64_t twelve = 12;
	const struct fox_list all = {ramp, &twelve, 12, 12}, some = {ramp, &twelve, 12, 2};
	const struct fox_list none = {ramp, &twelve, 0, 0};
	struct fox_report r;
	(void)state;
	fox_report_init(&r, "fox-test", "list");
	fox_report_line(&r, "%s",
	    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
	    "sixteen seventeen");
	fox_report_list(&r, "all", &all, false);
	fox_report_list(&r, "some", &some, true);
	fox_report_list(&r, "none", &none, true);
	expect(&r, false, false,
	    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen\n"
	    "seventeen\n"
	    "\n"
	    "1,000,000 1,000,001 1,000,002 1,000,003 1,000,004 1,000,005 1,000,006 1,000,007 1,000,008 "
	    "1,000,009\n"
	    "1,000,010 1,000,011\n"
	    "\n"
	    "1,000,000\n"
	    "1,000,001\n"
	    "... 2 of 12\n");
	struct fox_buf out = {0};
	assert_true(fox_report_render(&r, &out, true, false));
	assert_non_null(strstr(out.p, "\n  \"all\": [1000000,1000001,"));
	assert_non_null(strstr(out.p, "\n  \"some\": [1000000,1000001],\n  \"none\": []\n}\n"));
	fox_buf_free(&out);
	fox_report_free(&r);
}

/* Text without blanks breaks at the width, and never inside a code point. */
static void test_long_words(void **state)
{
	struct fox_report r;
	struct fox_buf word = {0}, out = {0};
	(void)state;
	for (int i = 0; i < 150; i++)
		fox_buf_str(&word, "\u2581");
	fox_report_init(&r, "fox-test", "long");
	fox_report_field(&r, "w", "w", fox_cell_str(fox_buf_view(&word)));
	assert_true(fox_report_render(&r, &out, false, false));
	assert_int_equal(fox_utf8_bad(fox_buf_view(&out)), out.n);
	assert_int_equal(out.n, 3 + 97 * 3 + 1 + 3 + 53 * 3 + 1);
	fox_buf_free(&word);
	fox_buf_free(&out);
	fox_report_free(&r);
}

static void test_stream(void **state)
{
	const uint64_t many = 300000;
	const struct fox_list all = {ramp, &many, 300000, 300000};
	struct fox_report r;
	struct fox_err err = {0};
	struct fox_buf out = {0};
	(void)state;
	fox_report_init(&r, "fox-test", "stream");
	fox_report_list(&r, "all", &all, false);
	for (int json = 0; json < 2; json++) {
		const char *path = test_path("stream");
		FILE *f = fopen(path, "w+b");
		assert_non_null(f);
		assert_fox_ok(fox_report_print(&r, f, json, false, &err), &err);
		fox_buf_clear(&out);
		assert_true(fox_report_render(&r, &out, json, false));
		assert_int_equal(ftell(f), out.n);
		char *back = malloc(out.n);
		rewind(f);
		assert_int_equal(fread(back, 1, out.n, f), out.n);
		assert_memory_equal(back, out.p, out.n);
		free(back);
		fclose(f);
		unlink(path);
	}
	fox_buf_free(&out);
	FILE *full = fopen("/dev/full", "wb");
	assert_non_null(full);
	assert_int_equal(fox_report_print(&r, full, false, false, &err), FOX_E_IO);
	assert_fox_err(&err, FOX_E_IO, FOX_NOWHERE, "cannot write the output: No space left on device");
	fclose(full);
	fox_report_free(&r);
}

static void test_out_of_memory(void **state)
{
	struct fox_report r;
	struct fox_err err = {0};
	struct fox_buf out = {0};
	(void)state;
	fox_report_init(&r, "fox-test", "nomem");
	r.failed = true;
	assert_int_equal(fox_report_print(&r, stdout, false, false, &err), FOX_E_NOMEM);
	assert_false(fox_report_render(&r, &out, true, false));
	assert_null(out.p);
	fox_report_row(&r, NULL, NULL);
	/* findings that ran out of memory: the list may lack its failures, so nothing may be shown as proven */
	struct fox_findings cut = {.failed = true};
	r.failed = false;
	fox_report_findings(&r, &cut);
	assert_false(fox_report_render(&r, &out, false, false));
	fox_buf_free(&out);
	assert_false(fox_report_render(&r, &out, true, false));
	fox_buf_free(&out);
	fox_report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_f32_digits_read_back),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_findings),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_lists_and_lines),
	    cmocka_unit_test(test_long_words),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
