/* Character maps: keys found as SentencePiece and as HF tokenizers find them, and every refusal. */
#include "tests/test.h"

#include "format/base/io.h"
#include "runtime/tok_charsmap.h"
#include "tests/charsmap_make.h"

static struct test_charsmap sample;
static struct fox_buf bytes;

/* An exact copy of what `bytes` holds, so that a read past the end is seen. */
static enum fox_status parse(struct fox_charsmap *m, uint8_t **exact, size_t n, struct fox_err *err)
{
	*err = (struct fox_err){0};
	*exact = malloc(n + !n);
	if (n)
		memcpy(*exact, bytes.p, n);
	return fox_charsmap_parse(m, (struct fox_span){*exact, n}, err);
}

static void refused(enum fox_status code, uint64_t at, const char *text)
{
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	assert_int_equal(parse(&m, &exact, bytes.n, &err), code);
	assert_fox_err(&err, code, at, text);
	assert_int_equal(m.n_units, 0);
	free(exact);
}

/* The sample with a change is refused so; then it is as before. */
static void sample_refused(enum fox_status code, uint64_t at, const char *text)
{
	charsmap_bytes(&sample, &bytes);
	refused(code, at, text);
	charsmap_sample(&sample);
}

static void check_step(
    const struct fox_charsmap *m, struct fox_str text, size_t i, const char *want, size_t want_len)
{
	size_t len = 0;
	struct fox_str got = tok_charsmap_prefix(m, text, i, &len);
	assert_true(fox_str_is(got, want));
	assert_int_equal(len, want_len);
}

static void prefixes(void **state)
{
	(void)state;
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	charsmap_sample(&sample);
	charsmap_bytes(&sample, &bytes);
	assert_fox_ok(parse(&m, &exact, bytes.n, &err), &err);
	struct fox_str t = {"aab\xC3\xA9\xC3\xA8\xC3\0a\xE2\x96", 13};
	check_step(&m, t, 0, "x", 1);
	check_step(&m, t, 1, "", 2); /* the longest key, although its replacement is empty */
	check_step(&m, t, 2, "b", 1);
	check_step(&m, t, 3, "e ", 2);
	check_step(&m, t, 5, "\xC3\xA8", 2);
	check_step(&m, t, 7, "\xEF\xBF\xBD", 1);
	size_t len;
	assert_int_equal(*tok_charsmap_prefix(&m, t, 8, &len).p, 0);
	assert_int_equal(len, 1);
	check_step(&m, t, 10, "\xEF\xBF\xBD", 1);
	check_step(&m, (struct fox_str){"a", 1}, 0, "x", 1);
	check_step(NULL, t, 0, "a", 1);
	struct fox_charsmap none;
	assert_fox_ok(fox_charsmap_parse(&none, (struct fox_span){NULL, 0}, &err), &err);
	check_step(&none, t, 0, "a", 1);
	assert_null(fox_charsmap_shortest(&none, t).p);
	free(exact);
}

static void check_cluster(const struct fox_charsmap *m, const char *cluster, const char *want)
{
	struct fox_buf out = {0};
	fox_buf_str(&out, "");
	tok_charsmap_grapheme(m, &out, fox_str_of(cluster));
	assert_string_equal(out.p, want);
	fox_buf_free(&out);
}

/* A short cluster that begins with a key is replaced whole; what follows the key is lost. */
static void clusters(void **state)
{
	(void)state;
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	charsmap_sample(&sample);
	charsmap_bytes(&sample, &bytes);
	assert_fox_ok(parse(&m, &exact, bytes.n, &err), &err);
	check_cluster(&m, "a", "x");
	check_cluster(&m, "ab", "x");                                  /* not "", which the longer key gives */
	check_cluster(&m, "a\xCC\x81\xCC\x81", "x");                   /* five bytes */
	check_cluster(&m, "a\xCC\x81\xCC\x81z", "x\xCC\x81\xCC\x81z"); /* six: by characters */
	check_cluster(&m, "\xC3\xA9\xCC\x81", "e ");
	check_cluster(&m, "z\xCC\x81", "z\xCC\x81");
	check_cluster(&m, "za", "zx");
	free(exact);
}

/* As SentencePiece, which looks at 32 matches. */
static void many_matches(void **state)
{
	(void)state;
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	char text[41];
	memset(text, 'a', sizeof text);
	sample = (struct test_charsmap){.n = 43 * 256, .text = "x\0y", .n_text = 4};
	for (uint32_t i = 0; i < sample.n; i++)
		charsmap_edge(&sample, i, (uint8_t)(i ^ 0xfe), false, i ^ 1);
	charsmap_edge(&sample, 0, 0, false, 256);
	for (uint32_t i = 1; i <= 41; i++) {
		charsmap_edge(&sample, (i * 256) ^ 'a', 'a', true, (i + 1) * 256);
		charsmap_value(&sample, (i + 1) * 256, i == 32 ? 2 : 0);
	}
	charsmap_bytes(&sample, &bytes);
	assert_fox_ok(parse(&m, &exact, bytes.n, &err), &err);
	check_step(&m, (struct fox_str){text, 41}, 0, "y", 32);
	check_step(&m, (struct fox_str){text, 31}, 0, "x", 31);
	free(exact);
}

static void bad_sizes(void **state)
{
	(void)state;
	charsmap_sample(&sample);
	charsmap_bytes(&sample, &bytes);
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	for (size_t n = 1; n < bytes.n; n++) { /* the replacements begin at 6148; the last one no key uses */
		enum fox_status s = parse(&m, &exact, n, &err);
		assert_true(n <= 6148 ? s == FOX_E_TRUNCATED : (s == FOX_OK) == (n == 6154));
		free(exact);
	}
	bytes.n = 4;
	refused(FOX_E_TRUNCATED, 0, "character map of 4 bytes");
	bytes.n = 6148;
	refused(FOX_E_TRUNCATED, 0, "trie of 6144 bytes in a character map of 6148");
	bytes.n = 6149;
	refused(FOX_E_FORMAT, 6148, "replacements do not end in NUL");
	sample.n = 6 * 256 - 1;
	sample_refused(FOX_E_FORMAT, 0, "trie of 6140 bytes, want a multiple of 1024");
	sample.n = 0;
	sample_refused(FOX_E_FORMAT, 0, "trie of 0 bytes, want a multiple of 1024");
	sample.text = "x\0\xff";
	sample.n_text = 4;
	sample_refused(FOX_E_FORMAT, 6150, "replacements are ill-formed UTF-8");
	uint8_t *big = calloc(1, (16u << 20) + 1);
	err = (struct fox_err){0};
	assert_int_equal(fox_charsmap_parse(&m, (struct fox_span){big, (16u << 20) + 1}, &err), FOX_E_BOUND);
	assert_fox_err(&err, FOX_E_BOUND, 0, "character map of 16777217 bytes, more than 16777216");
	free(big);
}

static void bad_units(void **state)
{
	(void)state;
	charsmap_sample(&sample);
	static const char no_root[] = "first unit of the trie is not a root";
	charsmap_edge(&sample, 0, 1, false, 256);
	sample_refused(FOX_E_FORMAT, 4, no_root);
	charsmap_edge(&sample, 0, 0, true, 256);
	sample_refused(FOX_E_FORMAT, 4, no_root);
	charsmap_edge(&sample, 0, 0, false, 0);
	sample_refused(FOX_E_FORMAT, 4, no_root);
	charsmap_edge(&sample, 0, 0, false, 6 * 256);
	sample_refused(FOX_E_BOUND, 4, "unit 0 has children at 1536 of 1536");
	charsmap_edge(&sample, 1535, 1, false, 8 * 256);
	sample_refused(FOX_E_BOUND, 4 + 1535 * 4, "unit 1535 has children at 2048 of 1536");
	sample.unit[700] = 0x7fffff01u | 1u << 9; /* the farthest base there is */
	sample.unit[700] &= ~(1u << 8);
	sample_refused(FOX_E_BOUND, 4 + 700 * 4, "unit 700 has children at 536870332 of 1536");
	charsmap_value(&sample, 600, 9);
	sample_refused(FOX_E_BOUND, 4 + 600 * 4, "replacement at 9 of 9 bytes");
	charsmap_edge(&sample, 768, 7, false, 256);
	sample_refused(FOX_E_FORMAT, 4 + (512 ^ 'b') * 4, "unit 610 ends a key without a replacement");
}

/* What is well-formed unit by unit and still must not be used. */
static void bad_keys(void **state)
{
	(void)state;
	charsmap_sample(&sample);
	charsmap_value(&sample, 768, 7);
	sample_refused(FOX_E_FORMAT, 4 + 768 * 4, "replacement begins within a character");
	charsmap_edge(&sample, 512 ^ 'b', 'b', false, 256); /* "ab" leads back to the children of the root */
	sample_refused(FOX_E_FORMAT, 4 + (512 ^ 'b') * 4, "unit 610 leads back to itself");
	charsmap_edge(&sample, 256 ^ 'c', 'c', false, 256);
	sample_refused(FOX_E_FORMAT, 4 + (256 ^ 'c') * 4, "unit 355 leads back to itself");
	charsmap_edge(&sample, 1024, 0, false, 256);
	sample_refused(FOX_E_FORMAT, 4 + 1024 * 4, "key with a NUL in it, at unit 1024");
	charsmap_edge(&sample, 256 ^ 'c', 'c', false, 0); /* the root, which any NUL would then lead to */
	sample_refused(FOX_E_FORMAT, 4, "key with a NUL in it, at unit 0");
	/* two keys that go on alike may share their units: darts-clone makes such tries */
	struct fox_charsmap m;
	struct fox_err err;
	uint8_t *exact;
	charsmap_edge(&sample, 256 ^ 'c', 'c', true, 512);
	charsmap_bytes(&sample, &bytes);
	assert_fox_ok(parse(&m, &exact, bytes.n, &err), &err);
	check_step(&m, fox_str_of("cb"), 0, "", 2);
	free(exact);
}

static void in_model(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80", "\x1a\x05\x12\x01m", "\x1a\x02\x12\x01", "\x1b", "\x0d\x01",
	    "\x09\x01", "\x08\xff", "\x1a\x03\x12\xff\x7f", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
	struct fox_span map;
	struct fox_err err = {0};
	struct fox_str good = fox_str_of("\x12\x01\x12\x1a\x09\x0a\x02id\x12\x01m\x18\x01\x08\x07");
	assert_fox_ok(fox_charsmap_in_spm(&map, (struct fox_span){(const uint8_t *)good.p, good.n}, &err), &err);
	assert_true(map.n == 1 && *map.p == 'm');
	assert_fox_ok(fox_charsmap_in_spm(&map, (struct fox_span){(const uint8_t *)good.p, 3}, &err), &err);
	assert_null(map.p);
	for (size_t i = 0; i < FOX_COUNT(bad); i++) {
		err = (struct fox_err){0};
		struct fox_span s = {(const uint8_t *)bad[i], strlen(bad[i])};
		assert_int_equal(fox_charsmap_in_spm(&map, s, &err), FOX_E_FORMAT);
		assert_fox_err(&err, FOX_E_FORMAT, FOX_NOWHERE, "SentencePiece model is not a protobuf message");
	}
}

static int drop(void **state)
{
	(void)state;
	fox_buf_free(&bytes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(clusters),
	    cmocka_unit_test(many_matches),
	    cmocka_unit_test(bad_sizes),
	    cmocka_unit_test(bad_units),
	    cmocka_unit_test(bad_keys),
	    cmocka_unit_test(in_model),
	};
	return cmocka_run_group_tests_name("charsmap", tests, NULL, drop);
}
