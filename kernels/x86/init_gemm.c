/* init_gemm.c - the ladder of gemm: better sets come later and overwrite. */
#include "kernels/kernels.h"

/* Panels are those of avx2; a wider multiplier takes its place. */
static void widen(struct fox_gemm *g, fox_panel_mul_fn *from, fox_panel_mul_fn *to)
{
	if (g->pack && g->mul == from)
		g->mul = to, g->isa = "avx512";
}

static void init_avx512(struct fox_kernels *k)
{
	for (size_t t = 0; t < FOX_TYPE_LIMIT; t++) {
		struct fox_gemm *exact = &k->gemm[FOX_ARITH_EXACT][t], *fast = &k->gemm[FOX_ARITH_FAST][t];
		widen(exact, fox_gemm_exact_avx2[t].mul, fox_panel_mul_exact_avx512);
		widen(fast, fox_gemm_f32_avx2[t].mul, fox_panel_mul_f32_avx512);
		widen(fast, fox_panel_mul_u8_32_avx2, fox_panel_mul_u8_32_avx512);
		widen(fast, fox_panel_mul_u8_32b_avx2, fox_panel_mul_u8_32b_avx512);
		widen(fast, fox_panel_mul_u8_16_avx2, fox_panel_mul_u8_16_avx512);
		widen(fast, fox_panel_mul_u8_16b_avx2, fox_panel_mul_u8_16b_avx512);
		if (fox_gemm_u8_wide_avx2[t].pack) {
			*fast = fox_gemm_u8_wide_avx2[t];
			fast->mul = fox_panel_mul_u8_32_avx512, fast->isa = "avx512";
		}
	}
}

void fox_kernels_init_gemm_x86(struct fox_kernels *k, uint32_t isa)
{
	if (!(isa & FOX_ISA_AVX2))
		return;
	fox_kernels_put_gemm(k, FOX_ARITH_EXACT, fox_gemm_exact_avx2);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_f32_avx2); /* unless integers do better */
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_u8_avx2);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_i16_avx2);
	k->acts[FOX_ACTS_U8] = fox_acts_u8_avx2;
	if (isa & FOX_ISA_AVX512)
		init_avx512(k);
	if (isa & FOX_ISA_AVX512BF16)
		fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_bf16_avx512bf16);
	if (isa & FOX_ISA_AMX) {
		fox_kernels_put_gemm(k, FOX_ARITH_EXACT, fox_gemm_exact_amx);
		fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_fast_amx);
	}
}
