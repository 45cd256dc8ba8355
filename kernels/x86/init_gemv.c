#include "kernels/kernels.h"

struct entry {
	enum fox_type type;
	fox_gemv_fn *fn;
};

static void fill(
    struct fox_gemv *table, const struct entry *e, size_t n, enum fox_acts_kind acts, const char *isa)
{
	for (size_t i = 0; i < n; i++)
		table[e[i].type] = (struct fox_gemv){e[i].fn, acts, isa};
}

static void avx2(struct fox_kernels *k)
{
	static const struct entry fast[] = {
	    {FOX_Q8_0, fox_gemv_q8_0_avx2},
	    {FOX_Q4_0, fox_gemv_q4_0_avx2},
	    {FOX_Q4_1, fox_gemv_q4_1_avx2},
	    {FOX_Q5_0, fox_gemv_q5_0_avx2},
	    {FOX_Q5_1, fox_gemv_q5_1_avx2},
	    {FOX_IQ4_NL, fox_gemv_iq4_nl_avx2},
	    {FOX_MXFP4, fox_gemv_mxfp4_avx2},
	    {FOX_NVFP4, fox_gemv_nvfp4_avx2},
	    {FOX_Q2_K, fox_gemv_q2_k_avx2},
	    {FOX_Q3_K, fox_gemv_q3_k_avx2},
	    {FOX_Q4_K, fox_gemv_q4_k_avx2},
	    {FOX_Q5_K, fox_gemv_q5_k_avx2},
	    {FOX_Q6_K, fox_gemv_q6_k_avx2},
	    {FOX_IQ4_XS, fox_gemv_iq4_xs_avx2},
	};
	static const struct entry exact[] = {
	    {FOX_F32, fox_gemv_exact_f32_avx2},
	    {FOX_F16, fox_gemv_exact_f16_avx2},
	    {FOX_BF16, fox_gemv_exact_bf16_avx2},
	    {FOX_Q8_0, fox_gemv_exact_q8_0_avx2},
	    {FOX_Q4_0, fox_gemv_exact_q4_0_avx2},
	    {FOX_Q4_1, fox_gemv_exact_q4_1_avx2},
	    {FOX_Q5_0, fox_gemv_exact_q5_0_avx2},
	    {FOX_Q5_1, fox_gemv_exact_q5_1_avx2},
	    {FOX_IQ4_NL, fox_gemv_exact_iq4_nl_avx2},
	    {FOX_MXFP4, fox_gemv_exact_mxfp4_avx2},
	    {FOX_NVFP4, fox_gemv_exact_nvfp4_avx2},
	    {FOX_Q2_K, fox_gemv_exact_q2_k_avx2},
	    {FOX_Q3_K, fox_gemv_exact_q3_k_avx2},
	    {FOX_Q4_K, fox_gemv_exact_q4_k_avx2},
	    {FOX_Q5_K, fox_gemv_exact_q5_k_avx2},
	    {FOX_Q6_K, fox_gemv_exact_q6_k_avx2},
	    {FOX_IQ4_XS, fox_gemv_exact_iq4_xs_avx2},
	    {FOX_IQ1_S, fox_gemv_exact_iq1_s_avx2},
	    {FOX_IQ1_M, fox_gemv_exact_iq1_m_avx2},
	    {FOX_IQ2_XXS, fox_gemv_exact_iq2_xxs_avx2},
	    {FOX_IQ2_XS, fox_gemv_exact_iq2_xs_avx2},
	    {FOX_IQ2_S, fox_gemv_exact_iq2_s_avx2},
	    {FOX_IQ3_XXS, fox_gemv_exact_iq3_xxs_avx2},
	    {FOX_IQ3_S, fox_gemv_exact_iq3_s_avx2},
	    {FOX_TQ1_0, fox_gemv_exact_tq1_0_avx2},
	    {FOX_TQ2_0, fox_gemv_exact_tq2_0_avx2},
	    {FOX_Q1_0, fox_gemv_exact_q1_0_avx2},
	    {FOX_Q2_0, fox_gemv_exact_q2_0_avx2},
	};
	/* what the first list has not is served by the second in both arithmetics */
	fill(k->gemv[FOX_ARITH_EXACT], exact, FOX_COUNT(exact), FOX_ACTS_F32, "avx2");
	fill(k->gemv[FOX_ARITH_FAST], exact, FOX_COUNT(exact), FOX_ACTS_F32, "avx2");
	fill(k->gemv[FOX_ARITH_FAST], fast, FOX_COUNT(fast), FOX_ACTS_Q8, "avx2");
	k->acts[FOX_ACTS_BF16] = fox_acts_bf16_avx2;
	k->acts[FOX_ACTS_BF16X3] = fox_acts_bf16x3_avx2;
	k->acts[FOX_ACTS_Q8] = fox_acts_q8_avx2;
	k->acts[FOX_ACTS_Q16] = fox_acts_q16_avx2;
}

static void avx512(struct fox_kernels *k)
{
	static const struct entry fast[] = {
	    {FOX_Q8_0, fox_gemv_q8_0_avx512},
	    {FOX_Q4_0, fox_gemv_q4_0_avx512},
	    {FOX_Q4_1, fox_gemv_q4_1_avx512},
	    {FOX_Q5_0, fox_gemv_q5_0_avx512},
	    {FOX_Q5_1, fox_gemv_q5_1_avx512},
	    {FOX_IQ4_NL, fox_gemv_iq4_nl_avx512},
	    {FOX_MXFP4, fox_gemv_mxfp4_avx512},
	    {FOX_Q2_K, fox_gemv_q2_k_avx512},
	    {FOX_Q3_K, fox_gemv_q3_k_avx512},
	    {FOX_Q4_K, fox_gemv_q4_k_avx512},
	    {FOX_Q5_K, fox_gemv_q5_k_avx512},
	    {FOX_Q6_K, fox_gemv_q6_k_avx512},
	    {FOX_IQ4_XS, fox_gemv_iq4_xs_avx512},
	};
	static const struct entry exact[] = {
	    {FOX_F32, fox_gemv_exact_f32_avx512},
	    {FOX_F16, fox_gemv_exact_f16_avx512},
	    {FOX_BF16, fox_gemv_exact_bf16_avx512},
	    {FOX_Q8_0, fox_gemv_exact_q8_0_avx512},
	};
	fill(k->gemv[FOX_ARITH_EXACT], exact, FOX_COUNT(exact), FOX_ACTS_F32, "avx512");
	fill(k->gemv[FOX_ARITH_FAST], exact, FOX_COUNT(exact), FOX_ACTS_F32, "avx512");
	fill(k->gemv[FOX_ARITH_FAST], fast, FOX_COUNT(fast), FOX_ACTS_Q8, "avx512");
	k->acts[FOX_ACTS_BF16] = fox_acts_bf16_avx512;
	k->acts[FOX_ACTS_BF16X3] = fox_acts_bf16x3_avx512;
	k->acts[FOX_ACTS_Q8] = fox_acts_q8_avx512;
	k->acts[FOX_ACTS_Q16] = fox_acts_q16_avx512;
}

/* The ladder of gemv and of the rounding of activations. */
void fox_kernels_init_gemv_x86(struct fox_kernels *k, uint32_t isa)
{
	if (isa & FOX_ISA_AVX2)
		avx2(k);
	if (isa & FOX_ISA_AVX512)
		avx512(k);
	if (isa & FOX_ISA_AVX512BF16)
		k->gemv[FOX_ARITH_FAST][FOX_BF16] =
		    (struct fox_gemv){fox_gemv_bf16_avx512bf16, FOX_ACTS_BF16, "avx512bf16"};
}
