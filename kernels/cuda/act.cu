/* act.cu - what is done to elements one by one: add, activation and gate, softcap. Bound by memory: a thread takes four. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/ptx.cuh"

#define THREADS 256u
#define EACH 4u /* elements of a thread */

enum op { ADD, SILU, GELU, CAP };

template <int OP> static __device__ __forceinline__ float one(float a, float b, float cap)
{
	if (OP == ADD)
		return a + b;
	if (OP == SILU || OP == GELU)
		return fox_cuda_act_of(OP == SILU ? FOX_CUDA_SILU : FOX_CUDA_GELU, a) * b;
	return cap * tanhf(a / cap);
}

/* b NULL: 1. wide: all pointers are multiples of 16. */
template <int OP>
static __global__ void __launch_bounds__(THREADS)
    each(float *y, const float *a, const float *b, uint64_t n, float cap, bool wide)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint64_t i = ((uint64_t)blockIdx.x * THREADS + threadIdx.x) * EACH;
	if (wide && i + EACH <= n) {
		float4 u = *(const float4 *)(a + i), v = b ? *(const float4 *)(b + i) : make_float4(1, 1, 1, 1);
		*(float4 *)(y + i) = make_float4(
		    one<OP>(u.x, v.x, cap), one<OP>(u.y, v.y, cap), one<OP>(u.z, v.z, cap), one<OP>(u.w, v.w, cap));
		return;
	}
	for (uint64_t end = i + EACH < n ? i + EACH : n; i < end; i++)
		y[i] = one<OP>(a[i], b ? b[i] : 1, cap);
}

template <int OP>
static enum fox_status run(struct fox_cuda *c, const char *what, float *y, const float *a, const float *b,
    uint64_t n, float cap, struct fox_err *err)
{
	bool wide = (((uintptr_t)y | (uintptr_t)a | (uintptr_t)b) & 15) == 0;
	uint64_t blocks = (n + THREADS * EACH - 1) / (THREADS * EACH);
	if (n == 0)
		return FOX_OK;
	return fox_cuda_launch(c, err, what, FOX_LAUNCH_EARLY, each<OP>, dim3((unsigned)blocks), dim3(THREADS), 0,
	    y, a, b, n, cap, wide);
}

extern "C" enum fox_status fox_cuda_add(
    struct fox_cuda *c, float *y, const float *a, const float *b, uint64_t n, struct fox_err *err)
{
	return run<ADD>(c, "add", y, a, b, n, 0, err);
}

extern "C" enum fox_status fox_cuda_act_mul(struct fox_cuda *c, float *y, const float *gate, const float *up,
    uint64_t n, enum fox_cuda_act act, struct fox_err *err)
{
	return act == FOX_CUDA_SILU ? run<SILU>(c, "activate", y, gate, up, n, 0, err)
	                            : run<GELU>(c, "activate", y, gate, up, n, 0, err);
}

extern "C" enum fox_status fox_cuda_softcap(
    struct fox_cuda *c, float *y, uint64_t n, float cap, struct fox_err *err)
{
	return run<CAP>(c, "cap", y, y, NULL, n, cap, err);
}
