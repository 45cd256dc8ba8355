/* t_ftype.c - names and ids of file types, and what a name that nobody knows is told. */
#include "format/base/near.h"
#include "format/ftype.h"
#include "tests/test.h"

static void names_in_any_case_and_ids(void **state)
{
	static const struct {
		const char *word;
		uint32_t id;
		enum fox_type type;
		uint32_t how;
	} want[] = {
	    {"Q4_K_M", 15, FOX_Q4_K, 0},
	    {"q4_k_m", 15, FOX_Q4_K, 0},
	    {"q4_k", 15, FOX_Q4_K, FOX_FTYPE_ALIAS},
	    {"Q3_K", 12, FOX_Q3_K, FOX_FTYPE_ALIAS},
	    {"Q5_k", 17, FOX_Q5_K, FOX_FTYPE_ALIAS},
	    {"iq4_nl", 25, FOX_IQ4_NL, 0},
	    {"IQ4_XS", 30, FOX_IQ4_XS, 0},
	    {"mxfp4_moe", 38, FOX_MXFP4, FOX_FTYPE_EXPERTS},
	    {"mxfp4", 38, FOX_MXFP4, FOX_FTYPE_ALIAS},
	    {"nvfp4", 39, FOX_NVFP4, 0},
	    {"Q2_K_S", 21, FOX_Q2_K, FOX_FTYPE_IMPORTANCE},
	    {"IQ2_S", 28, FOX_IQ2_XS, FOX_FTYPE_IMPORTANCE},
	    {"IQ3_XS", 22, FOX_IQ3_S, FOX_FTYPE_IMPORTANCE},
	    {"f32", 0, FOX_F32, 0},
	    {"bf16", 32, FOX_BF16, 0},
	    {"copy", 0, FOX_F32, FOX_FTYPE_COPY},
	    {"0", 0, FOX_F32, 0},
	    {"15", 15, FOX_Q4_K, 0},
	    {"38", 38, FOX_MXFP4, FOX_FTYPE_EXPERTS},
	};
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		const struct fox_ftype *f = NULL;
		struct fox_err err = {0};
		assert_fox_ok(fox_ftype_parse(fox_str_of(want[i].word), &f, &err), &err);
		assert_int_equal(f->id, want[i].id);
		assert_int_equal(f->type, want[i].type);
		assert_int_equal(f->how, want[i].how);
	}
	(void)state;
}

static void unknown_names_are_told_what_is_near(void **state)
{
	static const struct {
		const char *word, *text;
	} want[] = {
	    {"Q4_KM", "no file type 'Q4_KM'; near it: Q4_K_M, Q4_K, Q2_K, Q3_K_M"},
	    {"iq4", "no file type 'iq4'; near it: IQ4_XS, IQ4_NL"},
	    {"fp16", "no file type 'fp16'; near it: F16, BF16"},
	    {"5", "no file type '5'; there are IQ1_S, IQ1_M, Q1_0, "},
	    {"", "no file type ''; there are IQ1_S, "},
	    {"Q4_K_M_L_and_a_word_that_is_far_longer_than_any_name", "no file type 'Q4_K_M_L_and_a"},
	};
	for (size_t i = 0; i < FOX_COUNT(want); i++) {
		const struct fox_ftype *f = NULL;
		struct fox_err err = {0};
		assert_int_equal(fox_ftype_parse(fox_str_of(want[i].word), &f, &err), FOX_E_ARG);
		assert_null(f);
		err.text[strlen(want[i].text)] = 0; /* the list of all goes on */
		assert_string_equal(err.text, want[i].text);
	}
	(void)state;
}

static void the_table_agrees_with_itself(void **state)
{
	for (size_t i = 0; i < fox_ftypes(); i++) {
		const struct fox_ftype *f = fox_ftype_at(i), *found = NULL;
		struct fox_err err = {0};
		assert_fox_ok(fox_ftype_parse(fox_str_of(f->name), &found, &err), &err);
		assert_ptr_equal(found, f);
		assert_non_null(fox_type_info(f->type));
		assert_true(f->id < FOX_FTYPE_LIMIT);
		if (f->how & (FOX_FTYPE_ALIAS | FOX_FTYPE_COPY))
			assert_ptr_not_equal(fox_ftype_of_id(f->id), f);
		else
			assert_ptr_equal(fox_ftype_of_id(f->id), f);
		assert_true(f->about[0] && !(f->about[0] >= 'A' && f->about[0] <= 'P'));
	}
	assert_null(fox_ftype_of_id(4));
	assert_null(fox_ftype_of_id(64));
	assert_null(fox_ftype_of_id(UINT64_MAX));
	assert_int_equal(fox_ftype_of_type(FOX_Q8_0)->id, 7);
	assert_int_equal(fox_ftype_of_type(FOX_BF16)->id, 32);
	assert_null(fox_ftype_of_type(FOX_Q3_K)); /* files named Q3_K are Q3_K_M */
	assert_null(fox_ftype_of_type(FOX_I32));
	(void)state;
}

static void labels_for_reports(void **state)
{
	assert_string_equal(fox_ftype_label(15), "Q4_K_M");
	assert_string_equal(fox_ftype_label(15 + FOX_FTYPE_GUESSED), "Q4_K_M");
	assert_string_equal(fox_ftype_label(38), "MXFP4_MOE");
	assert_string_equal(fox_ftype_label(33), "Q4_0_4_4 (removed)");
	assert_string_equal(fox_ftype_label(63), "unknown");
	assert_string_equal(fox_ftype_label(UINT64_MAX), "unknown");
	(void)state;
}

static void nearest_first_and_only_what_is_near(void **state)
{
	static const char *const names[] = {"attn_q", "attn_k", "attn_v", "ffn_up", "attn_output", "attn_kq"};
	struct fox_near near = {.word = fox_str_of("ATTN_KV")};
	char text[80];
	for (size_t i = 0; i < FOX_COUNT(names); i++)
		fox_near_offer(&near, names[i]);
	assert_string_equal(
	    fox_near_text(&near, text, sizeof text), "; near it: attn_k, attn_v, attn_kq, attn_q");
	near = (struct fox_near){.word = fox_str_of("zz")};
	for (size_t i = 0; i < FOX_COUNT(names); i++)
		fox_near_offer(&near, names[i]);
	assert_string_equal(fox_near_text(&near, text, sizeof text), "");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_in_any_case_and_ids),
	    cmocka_unit_test(unknown_names_are_told_what_is_near),
	    cmocka_unit_test(the_table_agrees_with_itself),
	    cmocka_unit_test(labels_for_reports),
	    cmocka_unit_test(nearest_first_and_only_what_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
