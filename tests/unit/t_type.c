/* t_type.c - the table of tensor types: geometry, names, refusals. */
#include "tests/test.h"

#include "format/type.h"

/* name, id, weights per block, bytes per block, decoded here; by hand from the format, not from the table */
static const struct {
	const char *name;
	uint32_t id, elems, bytes;
	bool codec;
} rows[] = {
    {"f32", 0, 1, 4, true},
    {"f16", 1, 1, 2, true},
    {"q4_0", 2, 32, 18, true},
    {"q4_1", 3, 32, 20, true},
    {"q5_0", 6, 32, 22, true},
    {"q5_1", 7, 32, 24, true},
    {"q8_0", 8, 32, 34, true},
    {"q8_1", 9, 32, 36, false},
    {"q2_k", 10, 256, 84, true},
    {"q3_k", 11, 256, 110, true},
    {"q4_k", 12, 256, 144, true},
    {"q5_k", 13, 256, 176, true},
    {"q6_k", 14, 256, 210, true},
    {"q8_k", 15, 256, 292, false},
    {"iq2_xxs", 16, 256, 66, true},
    {"iq2_xs", 17, 256, 74, true},
    {"iq3_xxs", 18, 256, 98, true},
    {"iq1_s", 19, 256, 50, true},
    {"iq4_nl", 20, 32, 18, true},
    {"iq3_s", 21, 256, 110, true},
    {"iq2_s", 22, 256, 82, true},
    {"iq4_xs", 23, 256, 136, true},
    {"i8", 24, 1, 1, false},
    {"i16", 25, 1, 2, false},
    {"i32", 26, 1, 4, false},
    {"i64", 27, 1, 8, false},
    {"f64", 28, 1, 8, false},
    {"iq1_m", 29, 256, 56, true},
    {"bf16", 30, 1, 2, true},
    {"tq1_0", 34, 256, 54, true},
    {"tq2_0", 35, 256, 66, true},
    {"mxfp4", 39, 32, 17, true},
    {"nvfp4", 40, 64, 36, true},
    {"q1_0", 41, 128, 18, true},
    {"q2_0", 42, 64, 18, true},
};

static void geometry(void **state)
{
	(void)state;
	size_t known = 0;
	for (size_t i = 0; i < FOX_COUNT(rows); i++) {
		const struct fox_type_info *info = fox_type_info(rows[i].id);
		assert_non_null(info);
		assert_string_equal(info->name, rows[i].name);
		assert_int_equal(info->elems, rows[i].elems);
		assert_int_equal(info->bytes, rows[i].bytes);
		assert_int_equal(info->codec, rows[i].codec);
		enum fox_type t;
		struct fox_err err = {0};
		assert_fox_ok(fox_type_parse(fox_str_of(rows[i].name), &t, &err), &err);
		assert_int_equal(t, rows[i].id);
	}
	for (uint32_t id = 0; id < 2 * FOX_TYPE_LIMIT; id++)
		known += fox_type_info(id) != NULL;
	assert_int_equal(known, FOX_COUNT(rows));
	assert_null(fox_type_info(UINT32_MAX));
}

static void refusals(void **state)
{
	(void)state;
	assert_string_equal(fox_type_refusal(4), "q4_2, removed from the format");
	assert_string_equal(fox_type_refusal(5), "q4_3, removed from the format");
	assert_string_equal(fox_type_refusal(31), "q4_0_4_4, removed from the format");
	assert_string_equal(fox_type_refusal(33), "q4_0_8_8, removed from the format");
	assert_string_equal(
	    fox_type_refusal(38), "iq4_nl_8_8, removed from the format, or tl1, a type of bitnet.cpp");
	assert_string_equal(fox_type_refusal(97), "q8_0_x4, a type of ik_llama.cpp");
	assert_string_equal(fox_type_refusal(139), "iq4_k, a type of ik_llama.cpp");
	assert_string_equal(fox_type_refusal(158), "iq1_kt, a type of ik_llama.cpp");
	assert_string_equal(fox_type_refusal(399), "q8_k_r8, a type of ik_llama.cpp");
	assert_string_equal(fox_type_refusal(400), "unknown");
	assert_string_equal(fox_type_refusal(43), "unknown");
	assert_string_equal(fox_type_refusal(UINT32_MAX), "unknown");
	enum fox_type t = FOX_F16;
	struct fox_err err = {0};
	assert_int_equal(fox_type_parse(fox_str_of("Q8_0"), &t, &err), FOX_E_ARG);
	assert_fox_err(&err, FOX_E_ARG, FOX_NOWHERE, "no tensor type 'Q8_0'");
	err = (struct fox_err){0};
	assert_int_equal(fox_type_parse(fox_str_of("iq4_ks"), &t, &err), FOX_E_ARG);
	assert_fox_err(
	    &err, FOX_E_ARG, FOX_NOWHERE, "tensor type 'iq4_ks' is not supported (a type of ik_llama.cpp)");
	err = (struct fox_err){0};
	assert_int_equal(fox_type_parse(fox_str_of("q4_0_8_8"), &t, &err), FOX_E_ARG);
	assert_fox_err(
	    &err, FOX_E_ARG, FOX_NOWHERE, "tensor type 'q4_0_8_8' is not supported (removed from the format)");
	assert_int_equal(fox_type_parse(fox_str_of("iq4"), &t, NULL), FOX_E_ARG);
	assert_int_equal(t, FOX_F16);
	/* no id and no name is both known and refused */
	for (uint32_t id = 0; id < 500; id++) {
		const char *why = fox_type_refusal(id);
		char name[32];
		if (!strcmp(why, "unknown"))
			continue;
		assert_null(fox_type_info(id));
		snprintf(name, sizeof name, "%.*s", (int)strcspn(why, ","), why);
		assert_int_equal(fox_type_parse(fox_str_of(name), &t, NULL), FOX_E_ARG);
	}
}

static void row_bytes(void **state)
{
	(void)state;
	uint64_t n;
	assert_true(fox_type_row_bytes(FOX_Q8_0, 64, &n));
	assert_int_equal(n, 68);
	assert_true(fox_type_row_bytes(FOX_Q4_K, 0, &n));
	assert_int_equal(n, 0);
	assert_true(fox_type_row_bytes(FOX_F16, INT64_MAX, &n));
	assert_true(n == UINT64_MAX - 1);
	assert_false(fox_type_row_bytes(FOX_F16, UINT64_MAX, &n)); /* wraps */
	assert_false(fox_type_row_bytes(FOX_Q8_0, 33, &n));
	assert_false(fox_type_row_bytes(FOX_Q6_K, 32, &n));
	assert_false(fox_type_row_bytes((enum fox_type)4, 32, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(geometry),
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(row_bytes),
	};
	return cmocka_run_group_tests_name("type", tests, NULL, NULL);
}
