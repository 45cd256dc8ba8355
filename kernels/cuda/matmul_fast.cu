/* matmul_fast.cu - matmul's kernels of fast arithmetic. */
#include "kernels/cuda/matmul_kernel.cuh"

template <enum fox_matmul_form F>
static enum fox_status launch(
    struct fox_cuda *c, enum fox_matmul_kind kind, const struct fox_matmul *g, struct fox_err *err)
{
	switch (kind) {
	case FOX_MATMUL_HUGE:
		return fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_HUGE, false>>(c, g, err);
	case FOX_MATMUL_LARGE:
		return fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_LARGE, false>>(c, g, err);
	case FOX_MATMUL_MIDDLE:
		return fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_MIDDLE, false>>(c, g, err);
	default:
		return fox_matmul_launch<F, fox_matmul_cut<FOX_MATMUL_SMALL, false>>(c, g, err);
	}
}

enum fox_status fox_matmul_fast(struct fox_cuda *c, enum fox_matmul_form form, enum fox_matmul_kind kind,
    const struct fox_matmul *g, struct fox_err *err)
{
	return form == FOX_MATMUL_F16 ? launch<FOX_MATMUL_F16>(c, kind, g, err)
	                              : launch<FOX_MATMUL_BF16>(c, kind, g, err);
}
