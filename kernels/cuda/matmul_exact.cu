/* matmul_exact.cu - matmul's kernels of exact arithmetic. */
#include "kernels/cuda/matmul_kernel.cuh"

template <enum fox_matmul_form F>
static enum fox_status launch(
    struct fox_cuda *c, enum fox_matmul_kind kind, const struct fox_matmul *g, struct fox_err *err)
{
	return kind == FOX_MATMUL_SMALL ? fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_SMALL, true>>(c, g, err)
	                                : fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_LARGE, true>>(c, g, err);
}

enum fox_status fox_matmul_exact(struct fox_cuda *c, enum fox_matmul_form form, enum fox_matmul_kind kind,
    const struct fox_matmul *g, struct fox_err *err)
{
	switch (form) {
	case FOX_MATMUL_BF16X3:
		return launch<FOX_MATMUL_BF16X3>(c, kind, g, err);
	case FOX_MATMUL_F16X2:
		return launch<FOX_MATMUL_F16X2>(c, kind, g, err);
	default:
		return launch<FOX_MATMUL_F16X22>(c, kind, g, err);
	}
}
