/* lanes.cuh - sums and maxima over the lanes of a warp: each lane gets the result, by a fixed order of steps. */
#ifndef FOX_LANES_CUH
#define FOX_LANES_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#define FOX_ALL_LANES 0xffffffffu

/* Over groups of `width` lanes, a power of two. The two sides of a step add the same pair, so all lanes get the same bits. */
template <typename T> static __device__ __forceinline__ T fox_lanes_sum(T v, int width = 32)
{
	for (int apart = width / 2; apart; apart /= 2)
		v += __shfl_xor_sync(FOX_ALL_LANES, v, apart);
	return v;
}

/* NaN counts for nothing. */
static __device__ __forceinline__ float fox_lanes_max(float v, int width = 32)
{
	for (int apart = width / 2; apart; apart /= 2)
		v = fmaxf(v, __shfl_xor_sync(FOX_ALL_LANES, v, apart));
	return v;
}

#endif
