#include "kernels/kernels.h"

static void dots(struct fox_kernels *k, const char *isa, fox_dot_fn *f32, fox_dot_fn *f16, fox_dot_fn *bf16,
    fox_dot_fn *q8_0)
{
	k->dot[FOX_F32] = f32, k->dot_isa[FOX_F32] = isa;
	k->dot[FOX_F16] = f16, k->dot_isa[FOX_F16] = isa;
	k->dot[FOX_BF16] = bf16, k->dot_isa[FOX_BF16] = isa;
	k->dot[FOX_Q8_0] = q8_0, k->dot_isa[FOX_Q8_0] = isa;
}

/* The ladder: better sets come later and overwrite; an entry a set leaves out keeps the previous winner. f32
 * codecs stay scalar: they are copies. */
void fox_kernels_init_x86(struct fox_kernels *k, uint32_t isa)
{
	if (!(isa & FOX_ISA_AVX2))
		return;
	fox_kernels_init_gemm_x86(k, isa);
	dots(k, "avx2", fox_dot_f32_avx2, fox_dot_f16_avx2, fox_dot_bf16_avx2, fox_dot_q8_0_avx2);
	k->dot[FOX_Q4_0] = fox_dot_q4_0_avx2, k->dot_isa[FOX_Q4_0] = "avx2";
	k->dot[FOX_Q4_1] = fox_dot_q4_1_avx2, k->dot_isa[FOX_Q4_1] = "avx2";
	k->dot[FOX_Q5_0] = fox_dot_q5_0_avx2, k->dot_isa[FOX_Q5_0] = "avx2";
	k->dot[FOX_Q5_1] = fox_dot_q5_1_avx2, k->dot_isa[FOX_Q5_1] = "avx2";
	k->dot[FOX_Q2_K] = fox_dot_q2_k_avx2, k->dot_isa[FOX_Q2_K] = "avx2";
	k->dot[FOX_Q3_K] = fox_dot_q3_k_avx2, k->dot_isa[FOX_Q3_K] = "avx2";
	k->dot[FOX_Q4_K] = fox_dot_q4_k_avx2, k->dot_isa[FOX_Q4_K] = "avx2";
	k->dot[FOX_Q5_K] = fox_dot_q5_k_avx2, k->dot_isa[FOX_Q5_K] = "avx2";
	k->dot[FOX_Q6_K] = fox_dot_q6_k_avx2, k->dot_isa[FOX_Q6_K] = "avx2";
	k->dot[FOX_IQ4_NL] = fox_dot_iq4_nl_avx2, k->dot_isa[FOX_IQ4_NL] = "avx2";
	k->dot[FOX_IQ4_XS] = fox_dot_iq4_xs_avx2, k->dot_isa[FOX_IQ4_XS] = "avx2";
	k->dot[FOX_MXFP4] = fox_dot_mxfp4_avx2, k->dot_isa[FOX_MXFP4] = "avx2";
	k->dot[FOX_NVFP4] = fox_dot_nvfp4_avx2, k->dot_isa[FOX_NVFP4] = "avx2";
	k->dot[FOX_IQ1_S] = fox_dot_iq1_s_avx2, k->dot_isa[FOX_IQ1_S] = "avx2";
	k->dot[FOX_IQ1_M] = fox_dot_iq1_m_avx2, k->dot_isa[FOX_IQ1_M] = "avx2";
	k->dot[FOX_IQ2_XXS] = fox_dot_iq2_xxs_avx2, k->dot_isa[FOX_IQ2_XXS] = "avx2";
	k->dot[FOX_IQ2_XS] = fox_dot_iq2_xs_avx2, k->dot_isa[FOX_IQ2_XS] = "avx2";
	k->dot[FOX_IQ2_S] = fox_dot_iq2_s_avx2, k->dot_isa[FOX_IQ2_S] = "avx2";
	k->dot[FOX_IQ3_XXS] = fox_dot_iq3_xxs_avx2, k->dot_isa[FOX_IQ3_XXS] = "avx2";
	k->dot[FOX_IQ3_S] = fox_dot_iq3_s_avx2, k->dot_isa[FOX_IQ3_S] = "avx2";
	k->dot[FOX_TQ1_0] = fox_dot_tq1_0_avx2, k->dot_isa[FOX_TQ1_0] = "avx2";
	k->dot[FOX_TQ2_0] = fox_dot_tq2_0_avx2, k->dot_isa[FOX_TQ2_0] = "avx2";
	k->dot[FOX_Q1_0] = fox_dot_q1_0_avx2, k->dot_isa[FOX_Q1_0] = "avx2";
	k->dot[FOX_Q2_0] = fox_dot_q2_0_avx2, k->dot_isa[FOX_Q2_0] = "avx2";
	k->decode[FOX_F16] = fox_decode_f16_avx2;
	k->decode[FOX_BF16] = fox_decode_bf16_avx2;
	k->decode[FOX_Q8_0] = fox_decode_q8_0_avx2;
	k->decode[FOX_Q4_0] = fox_decode_q4_0_avx2;
	k->decode[FOX_Q4_1] = fox_decode_q4_1_avx2;
	k->decode[FOX_Q5_0] = fox_decode_q5_0_avx2;
	k->decode[FOX_Q5_1] = fox_decode_q5_1_avx2;
	k->decode[FOX_Q2_K] = fox_decode_q2_k_avx2;
	k->decode[FOX_Q3_K] = fox_decode_q3_k_avx2;
	k->decode[FOX_Q4_K] = fox_decode_q4_k_avx2;
	k->decode[FOX_Q5_K] = fox_decode_q5_k_avx2;
	k->decode[FOX_Q6_K] = fox_decode_q6_k_avx2;
	k->decode[FOX_IQ4_NL] = fox_decode_iq4_nl_avx2;
	k->decode[FOX_IQ4_XS] = fox_decode_iq4_xs_avx2;
	k->decode[FOX_MXFP4] = fox_decode_mxfp4_avx2;
	k->decode[FOX_NVFP4] = fox_decode_nvfp4_avx2;
	k->decode[FOX_IQ1_S] = fox_decode_iq1_s_avx2;
	k->decode[FOX_IQ1_M] = fox_decode_iq1_m_avx2;
	k->decode[FOX_IQ2_XXS] = fox_decode_iq2_xxs_avx2;
	k->decode[FOX_IQ2_XS] = fox_decode_iq2_xs_avx2;
	k->decode[FOX_IQ2_S] = fox_decode_iq2_s_avx2;
	k->decode[FOX_IQ3_XXS] = fox_decode_iq3_xxs_avx2;
	k->decode[FOX_IQ3_S] = fox_decode_iq3_s_avx2;
	k->decode[FOX_Q1_0] = fox_decode_q1_0_avx2;
	k->encode[FOX_F16] = fox_encode_f16_avx2;
	k->encode[FOX_BF16] = fox_encode_bf16_avx2;
	k->encode[FOX_Q8_0] = fox_encode_q8_0_avx2;
	k->encode[FOX_Q4_0] = fox_encode_q4_0_avx2;
	k->encode[FOX_Q4_1] = fox_encode_q4_1_avx2;
	k->encode[FOX_Q5_0] = fox_encode_q5_0_avx2;
	k->encode[FOX_Q5_1] = fox_encode_q5_1_avx2;
	k->encode[FOX_Q2_K] = fox_encode_q2_k_avx2;
	k->encode[FOX_Q3_K] = fox_encode_q3_k_avx2;
	k->encode[FOX_Q4_K] = fox_encode_q4_k_avx2;
	k->encode[FOX_Q5_K] = fox_encode_q5_k_avx2;
	k->encode[FOX_Q6_K] = fox_encode_q6_k_avx2;
	k->encode[FOX_IQ4_NL] = fox_encode_iq4_nl_avx2;
	k->encode[FOX_IQ4_XS] = fox_encode_iq4_xs_avx2;
	k->encode[FOX_MXFP4] = fox_encode_mxfp4_avx2;
	k->encode[FOX_NVFP4] = fox_encode_nvfp4_avx2;
	k->encode_weighted[FOX_Q4_0] = fox_encode_weighted_q4_0_avx2;
	k->encode_weighted[FOX_Q4_1] = fox_encode_weighted_q4_1_avx2;
	k->encode_weighted[FOX_Q5_0] = fox_encode_weighted_q5_0_avx2;
	k->encode_weighted[FOX_Q5_1] = fox_encode_weighted_q5_1_avx2;
	k->encode_weighted[FOX_Q2_K] = fox_encode_weighted_q2_k_avx2;
	k->encode_weighted[FOX_Q3_K] = fox_encode_weighted_q3_k_avx2;
	k->encode_weighted[FOX_Q4_K] = fox_encode_weighted_q4_k_avx2;
	k->encode_weighted[FOX_Q5_K] = fox_encode_weighted_q5_k_avx2;
	k->encode_weighted[FOX_Q6_K] = fox_encode_weighted_q6_k_avx2;
	k->encode_weighted[FOX_IQ4_NL] = fox_encode_weighted_iq4_nl_avx2;
	k->encode_weighted[FOX_IQ4_XS] = fox_encode_weighted_iq4_xs_avx2;
	k->range = fox_range_avx2;
	k->error = fox_error_avx2;
	fox_kernels_init_vec_x86(k, isa);
	fox_kernels_init_gemv_x86(k, isa);
}
