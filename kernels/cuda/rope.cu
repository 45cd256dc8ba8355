/* rope.cu - rotation of heads in place, a thread a pair. */
#include "kernels/cuda/rope.cuh"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#define THREADS 128u

static __global__ void __launch_bounds__(THREADS) rope(float *x, const float *cos, const float *sin,
    const uint32_t *pos, uint32_t pairs, bool adjacent, uint32_t rows, uint32_t heads, uint32_t dim)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint64_t at = (uint64_t)blockIdx.x * THREADS + threadIdx.x;
	if (at >= (uint64_t)rows * heads * pairs)
		return;
	uint32_t i = (uint32_t)(at % pairs), a, b;
	uint64_t vector = at / pairs, angle = ((uint64_t)*pos + vector / heads) * pairs + i;
	x += vector * dim;
	fox_rope_places(&a, &b, i, pairs, adjacent);
	float2 v = fox_rope_turn(x[a], x[b], cos[angle], sin[angle]);
	x[a] = v.x;
	x[b] = v.y;
}

extern "C" enum fox_status fox_cuda_rope(struct fox_cuda *c, float *x, const struct fox_cuda_rope *r,
    const uint32_t *pos, uint32_t rows, uint32_t heads, uint32_t dim, struct fox_err *err)
{
	uint64_t n = (uint64_t)rows * heads * r->pairs;
	if (n == 0)
		return FOX_OK;
	return fox_cuda_launch(c, err, "rotate", FOX_LAUNCH_EARLY, rope,
	    dim3((unsigned)((n + THREADS - 1) / THREADS)), dim3(THREADS), 0, x, r->cos, r->sin, pos, r->pairs,
	    r->adjacent, rows, heads, dim);
}
