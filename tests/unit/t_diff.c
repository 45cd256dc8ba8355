/* t_diff.c - two containers that differ in exactly one way each: the comparison names that way and nothing else. */
#include "tests/test.h"

#include "format/base/json.h"
#include "format/base/num.h"
#include "inspect/inspect.h"

/* A container of two f32 tensors and a few keys, as bytes; each field changes one thing. */
struct recipe {
	bool big, v2, other_order;
	const char *name;        /* general.name */
	bool no_name, no_tensor; /* leave it out */
	bool wide;               /* general.count as u64 instead of u32 */
	uint32_t count, item;    /* general.count; the second element of general.list */
	float value;             /* the third value of 'w' */
	uint32_t cols;           /* of 'w' */
	bool half;               /* 'w' as i32 instead of f32 */
	uint32_t alignment;
};

static const struct recipe plain = {
    .name = "a", .count = 7, .item = 2, .value = 3, .cols = 4, .alignment = 32};

struct maker {
	struct fox_buf b;
	bool big;
	uint32_t n_keys;
};

static void put(struct maker *m, uint64_t v, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		fox_buf_char(&m->b, (char)(v >> 8 * (m->big ? bytes - 1 - i : i)));
}

static void put_text(struct maker *m, const char *s)
{
	put(m, strlen(s), 8);
	fox_buf_str(&m->b, s);
}

static void put_key(struct maker *m, const char *key, enum fox_gguf_type type)
{
	put_text(m, key);
	put(m, type, 4);
	m->n_keys++;
}

static void put_keys(struct maker *m, const struct recipe *r)
{
	put_key(m, "general.alignment", FOX_GGUF_U32);
	put(m, r->alignment, 4);
	if (!r->no_name) {
		put_key(m, "general.name", FOX_GGUF_STR);
		put_text(m, r->name);
	}
	put_key(m, "general.count", r->wide ? FOX_GGUF_U64 : FOX_GGUF_U32);
	put(m, r->count, r->wide ? 8 : 4);
	put_key(m, "general.list", FOX_GGUF_ARR);
	put(m, FOX_GGUF_I16, 4);
	put(m, 3, 8);
	put(m, 1, 2);
	put(m, r->item, 2);
	put(m, 0xFFFF, 2);
	put_key(m, "general.words", FOX_GGUF_ARR);
	put(m, FOX_GGUF_STR, 4);
	put(m, 2, 8);
	put_text(m, "fox");
	put_text(m, "den");
}

static void put_info(struct maker *m, const char *name, uint64_t cols, uint32_t type, uint64_t at)
{
	put_text(m, name);
	put(m, 1, 4);
	put(m, cols, 8);
	put(m, type, 4);
	put(m, at, 8);
}

static void pad(struct maker *m, uint32_t to)
{
	while (m->b.n % to)
		fox_buf_char(&m->b, 0);
}

static struct fox_gguf *make(struct maker *m, const struct recipe *r)
{
	const float v[5] = {1, 2, r->value, 4, 5};
	const uint64_t second = r->alignment; /* both tensors fit one unit of alignment */
	struct fox_gguf *g;
	struct fox_err err = {0};
	*m = (struct maker){.big = r->big};
	fox_buf_str(&m->b, "GGUF");
	put(m, r->v2 ? 2 : 3, 4);
	put(m, r->no_tensor ? 1 : 2, 8);
	put(m, r->no_name ? 4 : 5, 8);
	put_keys(m, r);
	put_info(m, r->other_order ? "u" : "w", r->other_order ? 1 : r->cols,
	    r->half && !r->other_order ? FOX_I32 : FOX_F32, 0);
	if (!r->no_tensor)
		put_info(m, r->other_order ? "w" : "u", r->other_order ? r->cols : 1, FOX_F32, second);
	pad(m, r->alignment);
	for (int k = 0; k < (r->no_tensor ? 1 : 2); k++) {
		bool w = (k == 0) != r->other_order;
		for (uint32_t i = 0; i < (w ? r->cols : 1); i++) {
			uint32_t bits;
			memcpy(&bits, &v[i], sizeof bits);
			put(m, r->half && w ? (uint32_t)v[i] : bits, 4);
		}
		pad(m, r->alignment);
	}
	assert_fox_ok(fox_gguf_open_bytes(&g, (struct fox_span){(uint8_t *)m->b.p, m->b.n}, "made", &err), &err);
	return g;
}

/* Compares; the JSON report goes to out. Returns whether they differ. */
static bool compare(const struct recipe *ra, const struct recipe *rb, struct fox_buf *out)
{
	struct maker ma, mb;
	struct fox_look look = {.path = "a", .other_path = "b"};
	struct fox_report r;
	struct fox_err err = {0};
	struct fox_gguf *a = make(&ma, ra), *b = make(&mb, rb);
	look.g = a;
	look.other = b;
	fox_report_init(&r, "fox-test", "diff");
	assert_fox_ok(fox_look_diff(&r, &look, &err), &err);
	fox_buf_clear(out);
	assert_true(fox_report_render(&r, out, true, false));
	fox_report_free(&r);
	fox_gguf_close(a);
	fox_gguf_close(b);
	fox_buf_free(&ma.b);
	fox_buf_free(&mb.b);
	return look.bad;
}

/* Exactly this row is reported, in this list. */
static void expect_row(const struct recipe *change, const char *list, const char *row)
{
	struct fox_buf out = {0}, want = {0};
	assert_true(compare(&plain, change, &out));
	bool key = !strcmp(list, "keys");
	fox_buf_fmt(&want,
	    "{\n  \"tool\": \"fox-test\",\n  \"version\": \"" FOX_VERSION "\",\n  \"verb\": \"diff\",\n"
	    "  \"a\": \"a\",\n  \"b\": \"b\",\n"
	    "  \"keys\": [%s%s%s],\n  \"tensors\": [%s%s%s],\n"
	    "  \"n_keys\": %d,\n  \"n_tensors\": %d,\n  \"equal\": false\n}\n",
	    key ? "\n    " : "", key ? row : "", key ? "\n  " : "", key ? "" : "\n    ", key ? "" : row,
	    key ? "" : "\n  ", key, !key);
	assert_string_equal(out.p, want.p);
	fox_buf_free(&out);
	fox_buf_free(&want);
}

static void test_equal(void **state)
{
	struct recipe others[] = {plain, plain, plain, plain};
	struct fox_buf out = {0};
	(void)state;
	others[1].big = true;
	others[2].v2 = true;
	others[3].other_order = true;
	for (size_t i = 0; i < FOX_COUNT(others); i++) {
		assert_false(compare(&plain, &others[i], &out));
		assert_non_null(strstr(out.p,
		    "\"keys\": [],\n  \"tensors\": [],\n  \"n_keys\": 0,\n  \"n_tensors\": 0,\n  \"equal\": true\n"));
	}
	fox_buf_free(&out);
}

static void test_keys(void **state)
{
	struct recipe c = plain;
	(void)state;
	c.name = "b";
	expect_row(&c, "keys",
	    "{\"key\":\"general.name\",\"in\":\"both\",\"a_type\":\"str\",\"b_type\":\"str\",\"a\":\"a\",\"b\":"
	    "\"b\"}");
	c = plain;
	c.no_name = true;
	expect_row(&c, "keys",
	    "{\"key\":\"general.name\",\"in\":\"a\",\"a_type\":\"str\",\"b_type\":null,\"a\":\"a\",\"b\":null}");
	c = plain;
	c.count = 8;
	expect_row(&c, "keys",
	    "{\"key\":\"general.count\",\"in\":\"both\",\"a_type\":\"u32\",\"b_type\":\"u32\",\"a\":7,\"b\":8}");
	c = plain;
	c.wide = true;
	expect_row(&c, "keys",
	    "{\"key\":\"general.count\",\"in\":\"both\",\"a_type\":\"u32\",\"b_type\":\"u64\",\"a\":7,\"b\":7}");
	c = plain;
	c.item = 0x8000;
	expect_row(&c, "keys",
	    "{\"key\":\"general.list\",\"in\":\"both\",\"a_type\":\"i16[3]\",\"b_type\":\"i16[3]\",\"a\":[1,2,-1]"
	    ",\"b\":[1,-32768,-1]}");
	/* and across byte orders, where bytes cannot be compared */
	c.big = true;
	expect_row(&c, "keys",
	    "{\"key\":\"general.list\",\"in\":\"both\",\"a_type\":\"i16[3]\",\"b_type\":\"i16[3]\",\"a\":[1,2,-1]"
	    ",\"b\":[1,-32768,-1]}");
	c = plain;
	c.big = true;
	c.name = "b";
	expect_row(&c, "keys",
	    "{\"key\":\"general.name\",\"in\":\"both\",\"a_type\":\"str\",\"b_type\":\"str\",\"a\":\"a\",\"b\":"
	    "\"b\"}");
}

static void test_only_in_b(void **state)
{
	struct recipe a = plain;
	struct fox_buf out = {0};
	(void)state;
	a.no_name = a.no_tensor = true;
	assert_true(compare(&a, &plain, &out));
	assert_non_null(strstr(out.p,
	    "{\"key\":\"general.name\",\"in\":\"b\",\"a_type\":null,\"b_type\":\"str\",\"a\":null,\"b\":\"a\"}"));
	assert_non_null(strstr(out.p,
	    "{\"name\":\"u\",\"in\":\"b\",\"a_type\":null,\"b_type\":\"f32\",\"a_shape\":null,\"b_shape\":[1],"));
	fox_buf_free(&out);
}

static void test_tensors(void **state)
{
	struct recipe c = plain;
	(void)state;
	c.value = 3.5f;
	expect_row(&c, "tensors",
	    "{\"name\":\"w\",\"in\":\"both\",\"a_type\":\"f32\",\"b_type\":\"f32\",\"a_shape\":[4],\"b_shape\":["
	    "4],"
	    "\"n_differ\":1,\"max_abs\":0.5,\"max_at\":2,\"n_not_finite\":0,\"nmse\":0.008333333333333333}");
	c.big = true;
	expect_row(&c, "tensors",
	    "{\"name\":\"w\",\"in\":\"both\",\"a_type\":\"f32\",\"b_type\":\"f32\",\"a_shape\":[4],\"b_shape\":["
	    "4],"
	    "\"n_differ\":1,\"max_abs\":0.5,\"max_at\":2,\"n_not_finite\":0,\"nmse\":0.008333333333333333}");
	c = plain;
	c.cols = 5;
	expect_row(&c, "tensors",
	    "{\"name\":\"w\",\"in\":\"both\",\"a_type\":\"f32\",\"b_type\":\"f32\",\"a_shape\":[4],\"b_shape\":["
	    "5],"
	    "\"n_differ\":null,\"max_abs\":null,\"max_at\":null,\"n_not_finite\":null,\"nmse\":null}");
	c = plain;
	c.half = true; /* the same numbers as integers: another type is a difference, the values are not */
	expect_row(&c, "tensors",
	    "{\"name\":\"w\",\"in\":\"both\",\"a_type\":\"f32\",\"b_type\":\"i32\",\"a_shape\":[4],\"b_shape\":["
	    "4],"
	    "\"n_differ\":0,\"max_abs\":0,\"max_at\":null,\"n_not_finite\":0,\"nmse\":0}");
	c = plain;
	c.no_tensor = true;
	expect_row(&c, "tensors",
	    "{\"name\":\"u\",\"in\":\"a\",\"a_type\":\"f32\",\"b_type\":null,\"a_shape\":[1],\"b_shape\":null,"
	    "\"n_differ\":null,\"max_abs\":null,\"max_at\":null,\"n_not_finite\":null,\"nmse\":null}");
}

/* -0 for 0: no value differs, the bytes do, and that is said. */
static void test_bytes_alone(void **state)
{
	struct recipe a = plain, b = plain;
	struct fox_buf out = {0};
	(void)state;
	a.value = 0;
	b.value = -0.0f;
	assert_true(compare(&a, &b, &out));
	assert_non_null(
	    strstr(out.p, "\"n_differ\":0,\"max_abs\":0,\"max_at\":null,\"n_not_finite\":0,\"nmse\":0}"));
	fox_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_only_in_b),
	    cmocka_unit_test(test_tensors),
	    cmocka_unit_test(test_bytes_alone),
	};
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
