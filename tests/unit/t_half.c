/* t_half.c - f16 and bf16 against the formulas of the standard. */
#include "tests/test.h"

#include "kernels/half.h"
#include "tests/kernels/slow.h"

static void widen_every_pattern(void **state)
{
	(void)state;
	for (uint32_t h = 0; h <= 0xffff; h++) {
		assert_int_equal(fox_f32_bits(fox_f16_to_f32((uint16_t)h)), slow_f16_to_f32((uint16_t)h));
		assert_int_equal(fox_f32_bits(fox_bf16_to_f32((uint16_t)h)), slow_bf16_to_f32((uint16_t)h));
	}
}

static void every_pattern_comes_back(void **state)
{
	(void)state;
	for (uint32_t h = 0; h <= 0xffff; h++) {
		uint32_t quiet16 = (h & 0x7fff) > 0x7c00 ? h | 0x200 : h,
		         quiet_b16 = (h & 0x7fff) > 0x7f80 ? h | 0x40 : h;
		assert_int_equal(fox_f32_to_f16(fox_f16_to_f32((uint16_t)h)), quiet16);
		assert_int_equal(fox_f32_to_bf16(fox_bf16_to_f32((uint16_t)h)), quiet_b16);
	}
}

static void narrow_every_exponent(void **state)
{
	(void)state;
	uint64_t seed = 1;
	enum { PER = 400 };
	for (size_t i = 0; i < 512 * PER; i++) {
		float f = every_exponent(i, PER, &seed);
		if (fox_f32_to_f16(f) != slow_f32_to_f16(f) || fox_f32_to_bf16(f) != slow_f32_to_bf16(f))
			fail_msg("f32 0x%08x: f16 0x%04x, want 0x%04x; bf16 0x%04x, want 0x%04x", fox_f32_bits(f),
			    fox_f32_to_f16(f), slow_f32_to_f16(f), fox_f32_to_bf16(f), slow_f32_to_bf16(f));
	}
}

/* Worked by hand, so that the slow reference is not the only witness. */
static void known_values(void **state)
{
	(void)state;
	static const struct {
		float f;
		uint16_t f16, bf16;
	} t[] = {
	    {0.0f, 0x0000, 0x0000},
	    {-0.0f, 0x8000, 0x8000},
	    {1.0f, 0x3c00, 0x3f80},
	    {-2.0f, 0xc000, 0xc000},
	    {65504.0f, 0x7bff, 0x4780},
	    {65519.996f, 0x7bff, 0x4780},
	    {65520.0f, 0x7c00, 0x4780},
	    {0x1p-14f, 0x0400, 0x3880},
	    {0x1p-24f, 0x0001, 0x3380},
	    {0x1p-25f, 0x0000, 0x3300},
	    {0x1.000002p-25f, 0x0001, 0x3300},
	    {0x1.8p-24f, 0x0002, 0x33c0},
	    {1.0f / 3, 0x3555, 0x3eab},
	    {0x1.fffffep127f, 0x7c00, 0x7f80},
	    {0x1.fep127f, 0x7c00, 0x7f7f},
	    {0x1p-149f, 0x0000, 0x0000},
	    {0x1p-133f, 0x0000, 0x0001},
	};
	for (size_t i = 0; i < FOX_COUNT(t); i++) {
		assert_int_equal(fox_f32_to_f16(t[i].f), t[i].f16);
		assert_int_equal(fox_f32_to_bf16(t[i].f), t[i].bf16);
	}
	assert_int_equal(fox_f32_to_f16(fox_f32_of_bits(0x7f800001)), 0x7e00);
	assert_int_equal(fox_f32_to_bf16(fox_f32_of_bits(0xff800001)), 0xffc0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(widen_every_pattern),
	    cmocka_unit_test(every_pattern_comes_back),
	    cmocka_unit_test(narrow_every_exponent),
	    cmocka_unit_test(known_values),
	};
	return cmocka_run_group_tests_name("half", tests, NULL, NULL);
}
