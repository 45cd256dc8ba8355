/* norm.cu - rms and layer norm. Sums in f64 as on the CPU, so that only their order differs; short vectors (heads) get a warp
 * each, long ones a block. */
#include "kernels/cuda/lanes.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#define LONG_WARPS 8u /* of the block that has a long vector */
#define SHORT 1024u   /* elements up to which a warp has a vector for itself */
#define SHORT_PER 4u  /* vectors of a block then */

/* The sum over the threads that share a vector, for each of them. `warps`: how many warps these are. */
template <int WARPS> static __device__ __forceinline__ double sum_of(double v, double *shared)
{
	v = fox_lanes_sum(v);
	if (WARPS == 1)
		return v;
	__syncthreads(); /* what the sum before left is read by now */
	if (threadIdx.x % 32 == 0)
		shared[threadIdx.x / 32] = v;
	__syncthreads();
	v = 0;
	for (int i = 0; i < WARPS; i++)
		v += shared[i];
	return v;
}

template <bool LAYER, int WARPS>
static __global__ void __launch_bounds__(256)
    norm(float *y, const float *x, const float *w, const float *bias, float eps, uint32_t n, uint32_t cols)
{
	__shared__ double shared[WARPS];
	const uint32_t step = WARPS * 32, at = threadIdx.x % step;
	uint32_t vector = WARPS == 1 ? blockIdx.x * SHORT_PER + threadIdx.x / 32 : blockIdx.x;
	fox_ptx_let_next();
	fox_ptx_wait_before();
	if (WARPS == 1 && vector >= n)
		return;
	x += (uint64_t)vector * cols;
	y += (uint64_t)vector * cols;
	double mean = 0, squares = 0;
	if (LAYER) {
		for (uint32_t i = at; i < cols; i += step)
			mean += (double)x[i];
		mean = sum_of<WARPS>(mean, shared) / cols;
	}
	for (uint32_t i = at; i < cols; i += step) {
		double v = (double)x[i] - mean;
		squares += v * v;
	}
	squares = sum_of<WARPS>(squares, shared);
	double scale = 1 / sqrt(squares / cols + (double)eps);
	for (uint32_t i = at; i < cols; i += step) {
		if (LAYER) {
			float v = (float)(((double)x[i] - mean) * scale) * w[i];
			y[i] = bias ? v + bias[i] : v;
		} else {
			y[i] = x[i] * (float)scale * w[i];
		}
	}
}

template <bool LAYER>
static enum fox_status run(struct fox_cuda *c, float *y, const float *x, const struct fox_cuda_norm *m,
    uint32_t n, uint32_t cols, struct fox_err *err)
{
	if (cols <= SHORT)
		return fox_cuda_launch(c, err, "norm", FOX_LAUNCH_EARLY, norm<LAYER, 1>,
		    dim3((n + SHORT_PER - 1) / SHORT_PER), dim3(SHORT_PER * 32), 0, y, x, m->w, m->bias, m->eps, n,
		    cols);
	return fox_cuda_launch(c, err, "norm", FOX_LAUNCH_EARLY, norm<LAYER, LONG_WARPS>, dim3(n),
	    dim3(LONG_WARPS * 32), 0, y, x, m->w, m->bias, m->eps, n, cols);
}

extern "C" enum fox_status fox_cuda_norm(struct fox_cuda *c, float *y, const float *x,
    const struct fox_cuda_norm *m, uint32_t n, uint32_t cols, struct fox_err *err)
{
	return m->layer ? run<true>(c, y, x, m, n, cols, err) : run<false>(c, y, x, m, n, cols, err);
}
