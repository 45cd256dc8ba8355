/* attn_any.cu - a step of attention for heads of any size: one query head a block, elements read one by one. */
#include "kernels/cuda/attn.cuh"

#define WARPS 4u

/* Shared memory: q [dim], then each warp's sums [dim]. A lane has elements lane, lane + 32, ... of all of them. */
static __global__ void __launch_bounds__(WARPS * 32)
    any(struct fox_attn a, struct fox_attn_parts parts, uint32_t row0)
{
	FOX_SHARED_DYNAMIC;
	__shared__ float2 all[WARPS];
	const uint32_t dim = a.cache.dim, head = blockIdx.y, row = row0 + blockIdx.z;
	const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	float *q = (float *)fox_shared_dynamic, *o = q + dim * (1 + warp);
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint32_t from, to, first, end, n;
	fox_attn_seen(a, row, &from, &to);
	if (!fox_attn_split(&first, &end, &n, blockIdx.x, from, to, parts.splits))
		return;
	const float *asked = a.q + ((uint64_t)row * a.heads + head) * dim;
	for (uint32_t i = threadIdx.x; i < dim; i += WARPS * 32)
		q[i] = asked[i] * a.q_scale;
	for (uint32_t i = lane; i < dim; i += 32)
		o[i] = 0;
	__syncthreads();
	const float slope = a.slopes ? a.slopes[head] * FOX_LOG2E : 0;
	float max = -INFINITY, sum = 0;
	for (uint32_t t = first + warp; t < end; t += WARPS) {
		uint8_t *page = fox_cache_page(a.cache, t);
		uint8_t *keys = fox_cache_head(a.cache, page, 0, head / a.share),
		        *values = fox_cache_head(a.cache, page, 1, head / a.share);
		uint32_t at = t % FOX_CUDA_PAGE * dim;
		float s = 0;
		for (uint32_t i = lane; i < dim; i += 32)
			s += q[i] * fox_cache_element(a.cache, keys, at + i);
		float x = fox_attn_score(a, fox_lanes_sum(s), slope, to - 1 - t), top = fmaxf(max, x);
		float keep = fox_ptx_exp2(max - fox_attn_base(top)), w = fox_ptx_exp2(x - fox_attn_base(top));
		max = top;
		sum = sum * keep + w;
		for (uint32_t i = lane; i < dim; i += 32)
			o[i] = o[i] * keep + w * fox_cache_element(a.cache, values, at + i);
	}
	if (lane == 0)
		all[warp] = make_float2(max, sum);
	__syncthreads();
	max = -INFINITY, sum = 0;
	for (uint32_t w = 0; w < WARPS; w++)
		max = fmaxf(max, all[w].x);
	float keep[WARPS];
	for (uint32_t w = 0; w < WARPS; w++) {
		keep[w] = fox_ptx_exp2(all[w].x - fox_attn_base(max));
		sum += keep[w] * all[w].y;
	}
	uint64_t at = ((uint64_t)blockIdx.z * a.heads + head) * parts.launched + blockIdx.x;
	for (uint32_t i = threadIdx.x; i < dim; i += WARPS * 32) {
		float v = 0;
		for (uint32_t w = 0; w < WARPS; w++)
			v += keep[w] * q[dim * (1 + w) + i];
		parts.o[at * parts.dim4 + i] = v;
	}
	if (threadIdx.x < parts.dim4 - dim) /* merge reads whole fours */
		parts.o[at * parts.dim4 + dim + threadIdx.x] = 0;
	if (threadIdx.x == 0)
		parts.seen[at] = make_float2(max, sum);
}

enum fox_status fox_attn_any(struct fox_cuda *c, const struct fox_attn *a, const struct fox_attn_parts *parts,
    uint32_t row0, uint32_t rows, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "attend", FOX_LAUNCH_EARLY, any, dim3(parts->launched, a->heads, rows),
	    dim3(WARPS * 32), (1 + WARPS) * a->cache.dim * sizeof(float), *a, *parts, row0);
}
