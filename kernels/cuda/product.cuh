/* product.cuh - what matvec and matmul share: scratch, and the activation functions of FOX_CUDA_GATE. */
#ifndef FOX_PRODUCT_CUH
#define FOX_PRODUCT_CUH

#include <stdint.h>

#include "kernels/product.h"

/* The parts of fox_cuda_product_scratch: any rows, or those of matvec. */
uint64_t fox_cuda_matmul_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols);
uint64_t fox_cuda_matvec_scratch(uint32_t cols);

#endif
