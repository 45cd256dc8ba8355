/* logits.cu - the choice of the likeliest token, so that a step that needs no more brings 4 bytes to the host.
 *
 * Each logit becomes a number whose order is the choice's: the bits of the logit made monotonous, above the bits of its index
 * turned round. The largest one does not depend on who looks first. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#define THREADS 256u
#define BLOCKS (FOX_CUDA_ARGMAX_BYTES / 8) /* at most: one number each in scratch */

/* 0: it is not to be chosen. */
static __device__ __forceinline__ uint64_t order_of(float logit, uint32_t i)
{
	if (!(logit > -INFINITY)) /* NaN too */
		return 0;
	uint32_t bits = __float_as_uint(logit == 0 ? 0.0f : logit); /* both zeros are equal */
	bits = bits >> 31 ? ~bits : bits | 0x80000000u;
	return (uint64_t)bits << 32 | (0xffffffffu - i);
}

/* The largest of the block's, for thread 0. */
static __device__ __forceinline__ uint64_t block_max(uint64_t best)
{
	__shared__ uint64_t shared[THREADS / 32];
	for (int apart = 16; apart; apart /= 2) {
		uint64_t other = __shfl_xor_sync(0xffffffffu, best, apart);
		best = other > best ? other : best;
	}
	if (threadIdx.x % 32 == 0)
		shared[threadIdx.x / 32] = best;
	__syncthreads();
	for (uint32_t i = 0; i < THREADS / 32; i++)
		best = shared[i] > best ? shared[i] : best;
	return best;
}

static __global__ void __launch_bounds__(THREADS) look(uint64_t *found, const float *logits, uint32_t n)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint64_t best = 0;
#pragma unroll 4
	for (uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x; i < n;
	     i += (uint64_t)gridDim.x * THREADS) {
		uint64_t o = order_of(logits[i], (uint32_t)i);
		best = o > best ? o : best;
	}
	best = block_max(best);
	if (threadIdx.x == 0)
		found[blockIdx.x] = best;
}

static __global__ void __launch_bounds__(THREADS) choose(int32_t *best, const uint64_t *found, uint32_t n)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint64_t all = block_max(threadIdx.x < n ? found[threadIdx.x] : 0);
	if (threadIdx.x == 0)
		*best = all ? (int32_t)(0xffffffffu - (uint32_t)all) : -1;
}

extern "C" enum fox_status fox_cuda_argmax(
    struct fox_cuda *c, int32_t *best, const float *logits, uint32_t n, void *scratch, struct fox_err *err)
{
	uint32_t blocks = (uint32_t)(((uint64_t)n + 4 * THREADS - 1) / (4 * THREADS));
	blocks = blocks > BLOCKS ? BLOCKS : blocks == 0 ? 1 : blocks;
	enum fox_status st = fox_cuda_launch(c, err, "look for the largest logit", FOX_LAUNCH_EARLY, look,
	    dim3(blocks), dim3(THREADS), 0, (uint64_t *)scratch, logits, n);
	if (st)
		return st;
	return fox_cuda_launch(c, err, "choose the largest logit", FOX_LAUNCH_EARLY, choose, dim3(1),
	    dim3(THREADS), 0, best, (const uint64_t *)scratch, blocks);
}
