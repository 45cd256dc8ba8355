/* product.cuh - what matvec and matmul share: scratch, and the activation functions of FOX_CUDA_GATE. */
#ifndef FOX_PRODUCT_CUH
#define FOX_PRODUCT_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/cuda/ops.h"

extern "C" {
/* Of fox_cuda_product_scratch, which is the larger: for matmul, and for the few rows of matvec. */
uint64_t fox_cuda_matmul_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols);
uint64_t fox_cuda_matvec_scratch(uint32_t cols);
}

/* As silu_mul and gelu_mul of kernels/scalar/vec_scalar.c with u = 1. */
static __device__ __forceinline__ float fox_cuda_act_of(enum fox_cuda_act act, float g)
{
	const float root = 0.797884560802865356f; /* sqrt(2 / pi) */
	float t = act == FOX_CUDA_SILU ? g : 2 * (root * (g + 0.044715f * (g * g * g)));
	return g / (1 + expf(-t));
}

#endif
