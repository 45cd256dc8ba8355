/* init_vec.c - the ladder of attention and of what is done to activations between the products. */
#include "kernels/kernels.h"

void fox_kernels_init_vec_x86(struct fox_kernels *k, uint32_t isa)
{
	struct fox_attn *a = &k->attn;
	if (!(isa & FOX_ISA_AVX2))
		return;
	a->cache[FOX_F32].keys = a->cache[FOX_F32].values = fox_attn_mul_f32_avx2;
	a->cache[FOX_F16].keys = a->cache[FOX_F16].values = fox_attn_mul_f16_avx2;
	a->cache[FOX_BF16].keys = a->cache[FOX_BF16].values = fox_attn_mul_bf16_avx2;
	a->cache[FOX_Q8_0].keys = fox_attn_keys_q8_0_avx2;
	a->cache[FOX_Q8_0].values = fox_attn_values_q8_0_avx2;
	a->cache[FOX_F16].open_keys = a->cache[FOX_F16].open_values = fox_decode_f16_avx2;
	a->cache[FOX_BF16].open_keys = a->cache[FOX_BF16].open_values = fox_decode_bf16_avx2;
	a->cache[FOX_Q8_0].open_keys = fox_attn_open_keys_q8_0_avx2;
	a->cache[FOX_Q8_0].open_values = fox_attn_open_values_q8_0_avx2;
	a->weigh = fox_attn_weigh_avx2;
	k->rmsnorm = fox_rmsnorm_avx2;
	k->layernorm = fox_layernorm_avx2;
	k->silu_mul = fox_silu_mul_avx2;
	k->gelu_mul = fox_gelu_mul_avx2;
	k->softcap = fox_softcap_avx2;
	k->axpy = fox_axpy_avx2;
	k->rope = fox_rope_avx2;
	if (!(isa & FOX_ISA_AVX512))
		return;
	a->cache[FOX_F32].keys = a->cache[FOX_F32].values = fox_attn_mul_f32_avx512;
	a->cache[FOX_F16].keys = a->cache[FOX_F16].values = fox_attn_mul_f16_avx512;
	a->cache[FOX_BF16].keys = a->cache[FOX_BF16].values = fox_attn_mul_bf16_avx512;
	a->cache[FOX_Q8_0].keys = fox_attn_keys_q8_0_avx512;
	a->cache[FOX_Q8_0].values = fox_attn_values_q8_0_avx512;
	a->weigh = fox_attn_weigh_avx512;
	k->rmsnorm = fox_rmsnorm_avx512;
	k->layernorm = fox_layernorm_avx512;
	k->silu_mul = fox_silu_mul_avx512;
	k->gelu_mul = fox_gelu_mul_avx512;
	k->softcap = fox_softcap_avx512;
	k->axpy = fox_axpy_avx512;
	k->rope = fox_rope_avx512;
}
