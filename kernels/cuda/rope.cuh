/* rope.cuh - one rotated element. */
#ifndef FOX_ROPE_CUH
#define FOX_ROPE_CUH

#include <cuda_runtime.h>
#include <stdint.h>

/* Where the two elements of pair i are. */
static __device__ __forceinline__ void fox_rope_places(
    uint32_t *a, uint32_t *b, uint32_t i, uint32_t pairs, bool adjacent)
{
	*a = adjacent ? 2 * i : i;
	*b = adjacent ? 2 * i + 1 : i + pairs;
}

/* (a, b) turned. Products of two f32 are exact in f64, so contraction changes nothing: the CPU's bits. */
static __device__ __forceinline__ float2 fox_rope_turn(float a, float b, float cos, float sin)
{
	return make_float2((float)((double)a * (double)cos - (double)b * (double)sin),
	    (float)((double)a * (double)sin + (double)b * (double)cos));
}

/* Element e of head x, turned by the angles of a position; e from 2 * pairs on stay. */
static __device__ __forceinline__ float fox_rope_element(
    const float *x, uint32_t e, const float *cos, const float *sin, uint32_t pairs, bool adjacent)
{
	if (e >= 2 * pairs)
		return x[e];
	uint32_t a, b, i = adjacent ? e / 2 : e < pairs ? e : e - pairs;
	fox_rope_places(&a, &b, i, pairs, adjacent);
	float2 v = fox_rope_turn(x[a], x[b], cos[i], sin[i]);
	return e == a ? v.x : v.y;
}

#endif
