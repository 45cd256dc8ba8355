/* init_gemm.c - the ladder of gemm: better sets come later and overwrite. */
#include "kernels/kernels.h"

void fox_kernels_init_gemm_x86(struct fox_kernels *k, uint32_t isa)
{
	if (!(isa & FOX_ISA_AVX2))
		return;
	fox_kernels_put_gemm(k, FOX_ARITH_EXACT, fox_gemm_exact_avx2);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_exact_avx2); /* unless integers do better */
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_u8_avx2);
	fox_kernels_put_gemm(k, FOX_ARITH_FAST, fox_gemm_i16_avx2);
	k->acts[FOX_ACTS_U8] = fox_acts_u8_avx2;
}
