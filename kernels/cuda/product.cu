/* product.cu - what a product of any kind needs beside its operands. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/product.cuh"

extern "C" uint64_t fox_cuda_product_scratch(enum fox_arith arith, uint32_t rows, uint32_t cols)
{
	uint64_t matvec = fox_cuda_matvec_scratch(cols), matmul = fox_cuda_matmul_scratch(arith, rows, cols);
	return matvec > matmul ? matvec : matmul;
}
