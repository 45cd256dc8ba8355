/* matvec_fast.cu - the kernels of fast arithmetic: matvec.cuh. */
#include "kernels/cuda/matvec_kernel.cuh"

enum fox_status fox_matvec_fast(
    struct fox_cuda *c, const struct fox_matvec *m, uint32_t blocks, struct fox_err *err)
{
	return fox_matvec_choose<FOX_ARITH_FAST>(c, m, blocks, err);
}
