#include "kernels/kernels.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cuda/cuda.h"
#include "kernels/quant.h"

/* Scalar gemv: fast for types of small integers; the others are served by dot. */
static void gemv_scalar(struct fox_kernels *k)
{
	static const struct {
		enum fox_type type;
		fox_gemv_fn *fn;
	} fast[] = {
	    {FOX_Q8_0, fox_gemv_q8_0_scalar},
	    {FOX_Q4_0, fox_gemv_q4_0_scalar},
	    {FOX_Q4_1, fox_gemv_q4_1_scalar},
	    {FOX_Q5_0, fox_gemv_q5_0_scalar},
	    {FOX_Q5_1, fox_gemv_q5_1_scalar},
	    {FOX_IQ4_NL, fox_gemv_iq4_nl_scalar},
	    {FOX_MXFP4, fox_gemv_mxfp4_scalar},
	    {FOX_NVFP4, fox_gemv_nvfp4_scalar},
	    {FOX_Q2_K, fox_gemv_q2_k_scalar},
	    {FOX_Q3_K, fox_gemv_q3_k_scalar},
	    {FOX_Q4_K, fox_gemv_q4_k_scalar},
	    {FOX_Q5_K, fox_gemv_q5_k_scalar},
	    {FOX_Q6_K, fox_gemv_q6_k_scalar},
	    {FOX_IQ4_XS, fox_gemv_iq4_xs_scalar},
	};
	for (size_t i = 0; i < FOX_COUNT(fast); i++)
		k->gemv[FOX_ARITH_FAST][fast[i].type] = (struct fox_gemv){fast[i].fn, FOX_ACTS_Q8, "scalar"};
}

void fox_kernels_init(struct fox_kernels *k, uint32_t isa)
{
	*k = (struct fox_kernels){
	    .dot[FOX_F32] = fox_dot_f32_scalar,
	    .dot[FOX_F16] = fox_dot_f16_scalar,
	    .dot[FOX_BF16] = fox_dot_bf16_scalar,
	    .dot[FOX_Q8_0] = fox_dot_q8_0_scalar,
	    .dot[FOX_Q4_0] = fox_dot_q4_0_scalar,
	    .dot[FOX_Q4_1] = fox_dot_q4_1_scalar,
	    .dot[FOX_Q5_0] = fox_dot_q5_0_scalar,
	    .dot[FOX_Q5_1] = fox_dot_q5_1_scalar,
	    .dot[FOX_Q2_K] = fox_dot_q2_k_scalar,
	    .dot[FOX_Q3_K] = fox_dot_q3_k_scalar,
	    .dot[FOX_Q4_K] = fox_dot_q4_k_scalar,
	    .dot[FOX_Q5_K] = fox_dot_q5_k_scalar,
	    .dot[FOX_Q6_K] = fox_dot_q6_k_scalar,
	    .dot[FOX_IQ4_NL] = fox_dot_iq4_nl_scalar,
	    .dot[FOX_IQ4_XS] = fox_dot_iq4_xs_scalar,
	    .dot[FOX_MXFP4] = fox_dot_mxfp4_scalar,
	    .dot[FOX_NVFP4] = fox_dot_nvfp4_scalar,
	    .dot[FOX_IQ1_S] = fox_dot_iq1_s_scalar,
	    .dot[FOX_IQ1_M] = fox_dot_iq1_m_scalar,
	    .dot[FOX_IQ2_XXS] = fox_dot_iq2_xxs_scalar,
	    .dot[FOX_IQ2_XS] = fox_dot_iq2_xs_scalar,
	    .dot[FOX_IQ2_S] = fox_dot_iq2_s_scalar,
	    .dot[FOX_IQ3_XXS] = fox_dot_iq3_xxs_scalar,
	    .dot[FOX_IQ3_S] = fox_dot_iq3_s_scalar,
	    .dot[FOX_TQ1_0] = fox_dot_tq1_0_scalar,
	    .dot[FOX_TQ2_0] = fox_dot_tq2_0_scalar,
	    .dot[FOX_Q1_0] = fox_dot_q1_0_scalar,
	    .dot[FOX_Q2_0] = fox_dot_q2_0_scalar,
	    .decode[FOX_F32] = fox_decode_f32_scalar,
	    .decode[FOX_F16] = fox_decode_f16_scalar,
	    .decode[FOX_BF16] = fox_decode_bf16_scalar,
	    .decode[FOX_Q8_0] = fox_dequant_q8_0,
	    .decode[FOX_Q4_0] = fox_decode_q4_0_scalar,
	    .decode[FOX_Q4_1] = fox_decode_q4_1_scalar,
	    .decode[FOX_Q5_0] = fox_decode_q5_0_scalar,
	    .decode[FOX_Q5_1] = fox_decode_q5_1_scalar,
	    .decode[FOX_Q2_K] = fox_decode_q2_k_scalar,
	    .decode[FOX_Q3_K] = fox_decode_q3_k_scalar,
	    .decode[FOX_Q4_K] = fox_decode_q4_k_scalar,
	    .decode[FOX_Q5_K] = fox_decode_q5_k_scalar,
	    .decode[FOX_Q6_K] = fox_decode_q6_k_scalar,
	    .decode[FOX_IQ4_NL] = fox_decode_iq4_nl_scalar,
	    .decode[FOX_IQ4_XS] = fox_decode_iq4_xs_scalar,
	    .decode[FOX_MXFP4] = fox_decode_mxfp4_scalar,
	    .decode[FOX_NVFP4] = fox_decode_nvfp4_scalar,
	    .decode[FOX_IQ1_S] = fox_decode_iq1_s_scalar,
	    .decode[FOX_IQ1_M] = fox_decode_iq1_m_scalar,
	    .decode[FOX_IQ2_XXS] = fox_decode_iq2_xxs_scalar,
	    .decode[FOX_IQ2_XS] = fox_decode_iq2_xs_scalar,
	    .decode[FOX_IQ2_S] = fox_decode_iq2_s_scalar,
	    .decode[FOX_IQ3_XXS] = fox_decode_iq3_xxs_scalar,
	    .decode[FOX_IQ3_S] = fox_decode_iq3_s_scalar,
	    .decode[FOX_TQ1_0] = fox_decode_tq1_0_scalar,
	    .decode[FOX_TQ2_0] = fox_decode_tq2_0_scalar,
	    .decode[FOX_Q1_0] = fox_decode_q1_0_scalar,
	    .decode[FOX_Q2_0] = fox_decode_q2_0_scalar,
	    .encode[FOX_F32] = fox_encode_f32_scalar,
	    .encode[FOX_F16] = fox_encode_f16_scalar,
	    .encode[FOX_BF16] = fox_encode_bf16_scalar,
	    .encode[FOX_Q8_0] = fox_quant_q8_0,
	    .encode[FOX_Q4_0] = fox_encode_q4_0_scalar,
	    .encode[FOX_Q4_1] = fox_encode_q4_1_scalar,
	    .encode[FOX_Q5_0] = fox_encode_q5_0_scalar,
	    .encode[FOX_Q5_1] = fox_encode_q5_1_scalar,
	    .encode[FOX_Q2_K] = fox_encode_q2_k_scalar,
	    .encode[FOX_Q3_K] = fox_encode_q3_k_scalar,
	    .encode[FOX_Q4_K] = fox_encode_q4_k_scalar,
	    .encode[FOX_Q5_K] = fox_encode_q5_k_scalar,
	    .encode[FOX_Q6_K] = fox_encode_q6_k_scalar,
	    .encode[FOX_IQ4_NL] = fox_encode_iq4_nl_scalar,
	    .encode[FOX_IQ4_XS] = fox_encode_iq4_xs_scalar,
	    .encode[FOX_MXFP4] = fox_encode_mxfp4_scalar,
	    .encode[FOX_NVFP4] = fox_encode_nvfp4_scalar,
	    .encode_weighted[FOX_Q4_0] = fox_encode_weighted_q4_0_scalar,
	    .encode_weighted[FOX_Q4_1] = fox_encode_weighted_q4_1_scalar,
	    .encode_weighted[FOX_Q5_0] = fox_encode_weighted_q5_0_scalar,
	    .encode_weighted[FOX_Q5_1] = fox_encode_weighted_q5_1_scalar,
	    .encode_weighted[FOX_Q2_K] = fox_encode_weighted_q2_k_scalar,
	    .encode_weighted[FOX_Q3_K] = fox_encode_weighted_q3_k_scalar,
	    .encode_weighted[FOX_Q4_K] = fox_encode_weighted_q4_k_scalar,
	    .encode_weighted[FOX_Q5_K] = fox_encode_weighted_q5_k_scalar,
	    .encode_weighted[FOX_Q6_K] = fox_encode_weighted_q6_k_scalar,
	    .encode_weighted[FOX_IQ4_NL] = fox_encode_weighted_iq4_nl_scalar,
	    .encode_weighted[FOX_IQ4_XS] = fox_encode_weighted_iq4_xs_scalar,
	    .acts[FOX_ACTS_BF16] = fox_acts_bf16_scalar,
	    .acts[FOX_ACTS_BF16X3] = fox_acts_bf16x3_scalar,
	    .acts[FOX_ACTS_Q8] = fox_acts_q8_scalar,
	    .acts[FOX_ACTS_Q16] = fox_acts_q16_scalar,
	    .acts[FOX_ACTS_U8] = fox_acts_u8_scalar,
	    .range = fox_range_scalar,
	    .error = fox_error_scalar,
	    .rmsnorm = fox_rmsnorm_scalar,
	    .silu_mul = fox_silu_mul_scalar,
	    .gelu_mul = fox_gelu_mul_scalar,
	    .layernorm = fox_layernorm_scalar,
	    .softcap = fox_softcap_scalar,
	    .axpy = fox_axpy_scalar,
	    .rope = fox_rope_scalar,
	    .attn =
	        {
	            .cache[FOX_F32] = {fox_attn_mul_f32_scalar, fox_attn_mul_f32_scalar, fox_decode_f32_scalar,
	                fox_decode_f32_scalar},
	            .cache[FOX_F16] = {fox_attn_mul_f16_scalar, fox_attn_mul_f16_scalar, fox_decode_f16_scalar,
	                fox_decode_f16_scalar},
	            .cache[FOX_BF16] = {fox_attn_mul_bf16_scalar, fox_attn_mul_bf16_scalar, fox_decode_bf16_scalar,
	                fox_decode_bf16_scalar},
	            .cache[FOX_Q8_0] = {fox_attn_keys_q8_0_scalar, fox_attn_values_q8_0_scalar,
	                fox_attn_open_keys_q8_0_scalar, fox_attn_open_values_q8_0_scalar},
	            .weigh = fox_attn_weigh_scalar,
	        },
	    .isa = isa,
	};
	for (size_t t = 0; t < FOX_TYPE_LIMIT; t++)
		k->dot_isa[t] = k->dot[t] ? "scalar" : NULL;
	gemv_scalar(k);
	fox_kernels_put_gemm(k, FOX_ARITH_EXACT, fox_gemm_exact_scalar);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_exact_scalar); /* rounding gains nothing here */
#if defined(__x86_64__)
	fox_kernels_init_x86(k, isa);
#endif
}

void fox_kernels_put_gemm(
    struct fox_kernels *k, enum fox_arith arith, const struct fox_gemm from[FOX_TYPE_LIMIT])
{
	for (size_t t = 0; t < FOX_TYPE_LIMIT; t++)
		if (from[t].pack)
			k->gemm[arith][t] = from[t];
}

const struct fox_kernels *fox_kernels(void)
{
	enum { EMPTY, FILLING, READY };
	static struct fox_kernels table;
	static atomic_int state = EMPTY;
	if (atomic_load_explicit(&state, memory_order_acquire) == READY)
		return &table;
	int seen = EMPTY;
	if (atomic_compare_exchange_strong(&state, &seen, FILLING)) {
		fox_kernels_init(&table, fox_cpu_isa());
		atomic_store_explicit(&state, READY, memory_order_release);
	} else {
		/* Another thread is filling it, which takes microseconds. */
		while (atomic_load_explicit(&state, memory_order_acquire) != READY)
			;
	}
	return &table;
}

const char *fox_kernels_describe(void)
{
	static char text[512];
	char cpu[160], cuda[256];
	fox_cpu_describe(cpu, sizeof cpu);
	fox_cuda_describe(cuda, sizeof cuda);
	snprintf(text, sizeof text, "cpu: %s\ncuda: %s\n", cpu, cuda);
	return text;
}
