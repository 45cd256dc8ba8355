/* matvec_exact.cu - the kernels of exact arithmetic: matvec.cuh. */
#include "kernels/cuda/matvec_kernel.cuh"

enum fox_status fox_matvec_exact(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err)
{
	return fox_matvec_choose<FOX_ARITH_EXACT>(c, m, blocks, err);
}
