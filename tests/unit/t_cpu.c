/* t_cpu.c - taking instruction sets away, and saying what is left. */
#include "tests/test.h"

#include "kernels/cpu.h"
#include "kernels/kernels.h"

#define X86_ALL (uint32_t)(FOX_ISA_AVX2 | FOX_ISA_AVX512 | FOX_ISA_AVX512BF16 | FOX_ISA_AMX)

static void takes_away_what_builds_on_it(void **state)
{
	(void)state;
	static const struct {
		uint32_t isa;
		const char *list;
		uint32_t left;
		size_t unknown;
	} t[] = {
	    {X86_ALL, NULL, X86_ALL, 0},
	    {X86_ALL, "", X86_ALL, 0},
	    {X86_ALL, "amx", X86_ALL & ~(uint32_t)FOX_ISA_AMX, 0},
	    {X86_ALL, "avx512", FOX_ISA_AVX2, 0},
	    {X86_ALL, "avx512bf16", FOX_ISA_AVX2 | FOX_ISA_AVX512 | FOX_ISA_AMX, 0},
	    {X86_ALL, "avx2", 0, 0},
	    {X86_ALL, "amx,avx512bf16", FOX_ISA_AVX2 | FOX_ISA_AVX512, 0},
	    {X86_ALL, ",,amx,", X86_ALL & ~(uint32_t)FOX_ISA_AMX, 0},
	    {X86_ALL, "all", 0, 0},
	    {X86_ALL, "avx", X86_ALL, 1},
	    {X86_ALL, "avx25", X86_ALL, 1},
	    {X86_ALL, "AVX2", X86_ALL, 1},
	    {X86_ALL, "sse9,avx512,x", FOX_ISA_AVX2, 2},
	    {FOX_ISA_NEON | FOX_ISA_I8MM, "neon", 0, 0},
	    {FOX_ISA_NEON | FOX_ISA_I8MM, "i8mm", FOX_ISA_NEON, 0},
	    {FOX_ISA_NEON | FOX_ISA_I8MM, "avx2", FOX_ISA_NEON | FOX_ISA_I8MM, 0},
	};
	for (size_t i = 0; i < FOX_COUNT(t); i++) {
		size_t unknown = 99;
		assert_int_equal(fox_cpu_without(t[i].isa, t[i].list, &unknown), t[i].left);
		assert_int_equal(unknown, t[i].unknown);
		assert_int_equal(fox_cpu_without(t[i].isa, t[i].list, NULL), t[i].left);
	}
}

/* Whatever this machine has, a set is never there without the ones it builds on. */
static void detected_set_is_closed(void **state)
{
	(void)state;
	unsetenv("FOX_CPU_DISABLE");
	uint32_t isa = fox_cpu_isa();
	for (size_t i = 0; i < FOX_ISA_ROWS; i++)
		if (isa & fox_isa_rows[i].bit)
			assert_int_equal(fox_isa_rows[i].needs & ~isa, 0);
	assert_int_equal(fox_cpu_isa(), isa);
}

#if defined(__x86_64__)
/* The compiler's run-time library asks the same questions in its own way. */
static void agrees_with_the_compiler(void **state)
{
	(void)state;
	unsetenv("FOX_CPU_DISABLE");
	uint32_t isa = fox_cpu_isa();
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
	              __builtin_cpu_supports("avx512vnni");
	assert_int_equal(!!(isa & FOX_ISA_AVX2), avx2);
	assert_int_equal(!!(isa & FOX_ISA_AVX512), avx512);
}
#endif

static void environment_is_obeyed_and_told(void **state)
{
	(void)state;
	char text[160], cut[8];
	setenv("FOX_CPU_DISABLE", "all", 1);
	assert_int_equal(fox_cpu_isa(), 0);
	fox_cpu_describe(text, sizeof text);
	assert_non_null(strstr(text, ", scalar"));
	setenv("FOX_CPU_DISABLE", "nonsense", 1);
	fox_cpu_describe(text, sizeof text);
	assert_non_null(strstr(text, "(FOX_CPU_DISABLE names an unknown set)"));
	assert_null(strstr(text, "takes some away"));
	fox_cpu_describe(cut, sizeof cut);
	assert_int_equal(strlen(cut), 7);
	assert_memory_equal(cut, text, 7);
	unsetenv("FOX_CPU_DISABLE");
	fox_cpu_describe(text, sizeof text);
	assert_null(strstr(text, "FOX_CPU_DISABLE"));
	uint32_t isa = fox_cpu_isa();
	for (size_t i = 0; i < FOX_ISA_ROWS; i++)
		if (isa & fox_isa_rows[i].bit)
			assert_non_null(strstr(text, fox_isa_rows[i].name));
	const char *both = fox_kernels_describe();
	assert_memory_equal(both, "cpu: ", 5);
	assert_memory_equal(both + 5, text, strlen(text));
	assert_non_null(strstr(both, "\ncuda: "));
	assert_int_equal(both[strlen(both) - 1], '\n');
}

/* The empty set leaves no entry empty and nothing but scalar; a set names who won. */
static void table_is_full(void **state)
{
	(void)state;
	struct fox_kernels k;
	static const enum fox_type types[] = {FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0, FOX_Q4_0, FOX_Q4_1, FOX_Q5_0,
	    FOX_Q5_1, FOX_Q2_K, FOX_Q3_K, FOX_Q4_K, FOX_Q5_K, FOX_Q6_K, FOX_IQ4_NL, FOX_IQ4_XS, FOX_MXFP4, FOX_NVFP4};
	for (int all = 0; all <= 1; all++) {
		fox_kernels_init(&k, all ? fox_cpu_isa() : 0);
		for (size_t i = 0; i < FOX_COUNT(types); i++) {
			assert_true(k.dot[types[i]] && k.decode[types[i]] && k.encode[types[i]] && k.dot_isa[types[i]]);
			if (!all)
				assert_string_equal(k.dot_isa[types[i]], "scalar");
		}
		assert_true(k.axpy && k.attn.weigh && k.attn.cache[FOX_Q8_0].values);
		assert_true(k.range && k.rmsnorm && k.silu_mul && k.rope);
		assert_true(k.gelu_mul && k.layernorm && k.softcap);
		assert_null(k.dot[FOX_Q8_1]);
		assert_null(k.dot_isa[FOX_Q8_1]);
	}
	const struct fox_kernels *mine = fox_kernels();
	assert_ptr_equal(mine, fox_kernels());
	assert_int_equal(mine->isa, fox_cpu_isa());
	assert_ptr_equal(mine->dot[FOX_BF16], k.dot[FOX_BF16]);
#if defined(__x86_64__)
	if (k.isa & FOX_ISA_AVX2)
		assert_ptr_not_equal(k.dot[FOX_BF16], fox_dot_bf16_scalar);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_away_what_builds_on_it),
		cmocka_unit_test(detected_set_is_closed),
#if defined(__x86_64__)
		cmocka_unit_test(agrees_with_the_compiler),
#endif
		cmocka_unit_test(environment_is_obeyed_and_told),
		cmocka_unit_test(table_is_full),
	};
	return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
