/* attn.cu - which kernel attention takes, and the adding up of the runs of a step.
 *
 * A step reads the cache once for all query heads that share a key head and is bound by that; a prompt is bound by products. */
#include "kernels/cuda/attn.cuh"

#define MERGE_WARPS 8u
#define MOST_SPLITS 256u
#define BLOCKS 256u /* of one row, about: two for each multiprocessor of the largest devices */

/* Runs that one row's positions are cut into, at most: by the model alone, so that the sums are too. */
static uint32_t splits_of(uint32_t kv_heads)
{
	uint32_t n = BLOCKS / (kv_heads ? kv_heads : 1);
	return n < 8 ? 8 : n > MOST_SPLITS ? MOST_SPLITS : n;
}

static uint32_t launched_of(uint32_t splits, uint32_t pages)
{
	uint64_t pieces = (uint64_t)(pages ? pages : 1) * (FOX_CUDA_PAGE / FOX_ATTN_PIECE);
	return pieces < splits ? (uint32_t)pieces : splits;
}

static uint32_t up4(uint32_t n)
{
	return (n + 3) / 4 * 4;
}

extern "C" uint64_t fox_cuda_attn_scratch(
    uint32_t rows, uint32_t heads, uint32_t kv_heads, uint32_t dim, uint32_t pages)
{
	uint64_t few = rows < FOX_CUDA_FEW ? rows : FOX_CUDA_FEW;
	return few * heads * launched_of(splits_of(kv_heads), pages) * (up4(dim) + 2) * sizeof(float);
}

/* Split i of all is warp i / (n / MERGE_WARPS)'s, then warp 0 .. are added: the order is fixed by n. */
static __global__ void __launch_bounds__(MERGE_WARPS * 32)
    merge(struct fox_attn a, struct fox_attn_parts parts, uint32_t row0)
{
	__shared__ float4 shared[MERGE_WARPS][32];
	__shared__ float sums[MERGE_WARPS];
	const uint32_t head = blockIdx.x, row = row0 + blockIdx.y, warp = threadIdx.x / 32,
	               lane = threadIdx.x % 32;
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint32_t from, to, first, end, n;
	fox_attn_seen(a, row, &from, &to);
	fox_attn_split(&first, &end, &n, 0, from, to, parts.splits);
	n = n < parts.launched ? n : parts.launched;
	uint64_t at = ((uint64_t)blockIdx.y * a.heads + head) * parts.launched;
	const float2 *seen = parts.seen + at;
	const float *o = parts.o + at * parts.dim4;
	float max = -INFINITY;
	for (uint32_t i = lane; i < n; i += 32)
		max = fmaxf(max, seen[i].x);
	const float base = fox_attn_base(fox_lanes_max(max));
	first = warp * n / MERGE_WARPS, end = (warp + 1) * n / MERGE_WARPS;
	for (uint32_t d0 = 0; d0 < parts.dim4; d0 += 128) {
		const bool there = d0 + lane * 4 < parts.dim4;
		float4 sum = make_float4(0, 0, 0, 0);
		float l = 0;
#pragma unroll 8
		for (uint32_t i = first; i < end; i++) {
			float2 s = seen[i];
			float4 v = there ? *(const float4 *)(o + (uint64_t)i * parts.dim4 + d0 + lane * 4) : sum;
			float w = fox_ptx_exp2(s.x - base);
			sum.x += w * v.x, sum.y += w * v.y, sum.z += w * v.z, sum.w += w * v.w;
			l += w * s.y;
		}
		__syncthreads(); /* the 128 before are read by now */
		shared[warp][lane] = sum;
		sums[warp] = l;
		__syncthreads();
		if (threadIdx.x < 128 && d0 + threadIdx.x < a.cache.dim) {
			float all = 0, total = 0;
			for (uint32_t w = 0; w < MERGE_WARPS; w++) {
				all += ((const float *)shared[w])[threadIdx.x];
				total += sums[w];
			}
			a.y[((uint64_t)row * a.heads + head) * a.cache.dim + d0 + threadIdx.x] = all * (1 / total);
		}
	}
}

enum fox_status fox_attn_merge(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "add up attention", FOX_LAUNCH_EARLY, merge, dim3(a->heads, rows),
	    dim3(MERGE_WARPS * 32), 0, *a, *parts, row0);
}

/* A few rows at a time, so that the scratch is theirs. */
static enum fox_status steps(
    struct fox_cuda *c, const struct fox_attn *a, const struct fox_cuda_attn *ask, struct fox_err *err)
{
	uint32_t few = a->rows < FOX_CUDA_FEW ? a->rows : FOX_CUDA_FEW;
	struct fox_attn_parts p = {};
	p.dim4 = up4(a->cache.dim);
	p.splits = splits_of(a->cache.kv_heads);
	p.launched = launched_of(p.splits, ask->pages);
	p.o = (float *)ask->scratch;
	p.seen = (float2 *)(p.o + (uint64_t)few * a->heads * p.launched * p.dim4);
	bool any = a->cache.dim > FOX_ATTN_DIM || a->cache.dim % 8;
	bool mma = ask->arith == FOX_ARITH_FAST && (a->cache.type == FOX_F16 || a->cache.type == FOX_BF16);
	for (uint32_t row = 0; row < a->rows; row += few) {
		uint32_t n = a->rows - row < few ? a->rows - row : few;
		enum fox_status st = any   ? fox_attn_any(c, a, &p, row, n, err)
		                     : mma ? fox_attn_step_mma(c, a, &p, row, n, err)
		                           : fox_attn_step(c, a, &p, row, n, err);
		if (!st)
			st = fox_attn_merge(c, a, &p, row, n, err);
		if (st)
			return st;
	}
	return FOX_OK;
}

extern "C" enum fox_status fox_cuda_attn(
    struct fox_cuda *c, const struct fox_cuda_attn *ask, struct fox_err *err)
{
	struct fox_attn a = {};
	a.cache = fox_cache_of(ask->cache);
	a.q = ask->q;
	a.y = ask->y;
	a.pos = ask->pos;
	a.slopes = ask->slopes;
	a.rows = ask->rows;
	a.heads = ask->heads;
	a.share = ask->heads / a.cache.kv_heads;
	a.window = ask->window;
	a.q_scale = (ask->cap != 0 ? 2 * ask->scale / ask->cap : ask->scale) * FOX_LOG2E;
	a.cap = ask->cap * FOX_LOG2E;
	if (a.rows <= FOX_CUDA_FEW || a.cache.dim > FOX_ATTN_DIM)
		return steps(c, &a, ask, err);
	/* heads of odd sizes are rare and small: rounding would show more, and speed is not asked of them */
	if (ask->arith == FOX_ARITH_EXACT || a.cache.dim % 8)
		return fox_attn_prompt_exact(c, &a, err);
	if (a.cache.type == FOX_F16 || a.cache.type == FOX_BF16)
		return fox_attn_prompt_direct(c, &a, err);
	return fox_attn_prompt_fast(c, &a, err);
}
