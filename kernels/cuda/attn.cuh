/* attn.cuh - what the kernels of attention share. attn.cu chooses between them.
 *
 * Scores are kept times log2(e), so that a weight is one exponential of base 2. */
#ifndef FOX_ATTN_CUH
#define FOX_ATTN_CUH

#include "kernels/cuda/cache.cuh"
#include "kernels/cuda/lanes.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#define FOX_LOG2E 1.44269504088896341f
#define FOX_ATTN_DIM 256u /* elements of a head that kernels hold in registers; more: attn_any.cu */

/* struct fox_cuda_attn as kernels take it. */
struct fox_attn {
	struct fox_cache cache;
	const float *q, *slopes;
	float *y;
	const uint32_t *pos;
	uint32_t rows, heads, share; /* share: query heads that read one key head */
	uint32_t window;
	float q_scale; /* of q: q k is then a score; with a cap, 2 log2(e) / cap times one */
	float cap;     /* times log2(e); 0: none */
};

/* Positions that row r sees, row 0 being at pos: from .. to - 1. */
static __device__ __forceinline__ void fox_attn_seen_at(
    const struct fox_attn &a, uint32_t pos, uint32_t row, uint32_t *from, uint32_t *to)
{
	*to = pos + row + 1;
	*from = a.window && *to > a.window ? *to - a.window : 0;
}

static __device__ __forceinline__ void fox_attn_seen(
    const struct fox_attn &a, uint32_t row, uint32_t *from, uint32_t *to)
{
	fox_attn_seen_at(a, *a.pos, row, from, to);
}

/* A product of q_scale q and k to a score. slope: ALiBi's times log2(e). */
static __device__ __forceinline__ float fox_attn_score(
    const struct fox_attn &a, float s, float slope, uint32_t distance)
{
	if (a.cap !=
	    0) /* tanh x = 1 - 2 / (1 + exp 2x): off by some 2^-23, as the product with a cap would be anyway */
		s = a.cap * (1 - __fdividef(2, 1 + fox_ptx_exp2(s)));
	return s - slope * (float)distance;
}

/* What to take from scores before the exponential: 0 where nothing was seen, so that no Inf - Inf becomes NaN. */
static __device__ __forceinline__ float fox_attn_base(float max)
{
	return max == -INFINITY ? 0 : max;
}

/*
 * A step (few rows): the positions of a row are cut into pieces of 32, by absolute number, and these into at most `splits`
 * runs, each one block's; the runs' sums go to `part` and are then added in rising order (fox_attn_merge).
 *
 * part   [row][head]: o [launched][dim4], then, of all, {max, sum} [launched]
 */
#define FOX_ATTN_PIECE 32u
struct fox_attn_parts {
	float *o;
	float2 *seen;
	uint32_t dim4, splits, launched; /* launched <= splits: as many as `pages` can need */
};

/* The positions of split i, or false where the row has no such split. */
static __device__ __forceinline__ bool fox_attn_split(
    uint32_t *first, uint32_t *end, uint32_t *n, uint32_t i, uint32_t from, uint32_t to, uint32_t splits)
{
	uint32_t p0 = from / FOX_ATTN_PIECE, pieces = (to + FOX_ATTN_PIECE - 1) / FOX_ATTN_PIECE - p0;
	*n = pieces < splits ? pieces : splits;
	if (i >= *n)
		return false;
	*first = (p0 + i * pieces / *n) * FOX_ATTN_PIECE;
	*end = (p0 + (i + 1) * pieces / *n) * FOX_ATTN_PIECE;
	*first = *first < from ? from : *first;
	*end = *end > to ? to : *end;
	return true;
}

/* Before fox_ptx_wait_before: ask for the lines of run i of row `row`, so that they come while the kernel in front ends. What
 * is read for that may be of the step before, and must not stay in L1: after the wait it is read again. */
static __device__ __forceinline__ void fox_attn_prefetch(
    const struct fox_attn &a, const struct fox_attn_parts &parts, uint32_t i, uint32_t row, uint32_t kv_head)
{
	const uint32_t line = 128,
	               most = 256; /* lines of a side: a block asks for 64 KiB at most, all of them for 16 MiB */
	const struct fox_cache &c = a.cache;
	uint32_t from, to, first, end, n;
	fox_attn_seen_at(a, __ldcg(a.pos), row, &from, &to);
	if (!fox_attn_split(&first, &end, &n, i, from, to, parts.splits) || n > parts.launched)
		return;
	const uint32_t bytes = c.dim * (c.type == FOX_F32 ? 4 : c.type == FOX_Q8_0 ? 1 : 2);
	const uint32_t lines = min(((end - first) * bytes + line - 1) / line, most);
#pragma unroll 1 /* it is not worth a register of what follows */
	for (uint32_t l = threadIdx.x; l < 2 * lines; l += blockDim.x) {
		uint32_t side = l / lines, at = l % lines * line, p = first + at / bytes, page = p / FOX_CUDA_PAGE;
		const uint8_t *head = (const uint8_t *)__ldcg((const unsigned long long *)c.pages + page % c.n_pages);
		fox_ptx_prefetch(head + (side ? c.side[1] : c.side[0]) + kv_head * c.head_bytes +
		                 p % FOX_CUDA_PAGE * bytes + at % bytes);
	}
}

/* The end of a block's run: warps' sums o [warp][query][dims] of what each has {max, sum} seen [warp][query] become the run's. */
template <int WARPS>
static __device__ __forceinline__ void fox_attn_leave(const struct fox_attn &a,
    const struct fox_attn_parts &parts, const float *o, const float2 *seen, uint32_t most_queries,
    uint32_t dims, uint32_t queries, uint32_t head)
{
	const uint32_t dim = a.cache.dim;
	__syncthreads();
	for (uint32_t i = threadIdx.x; i < queries * dim; i += WARPS * 32) {
		uint32_t g = i / dim, e = i % dim;
		float max = -INFINITY, sum = 0, v = 0;
#pragma unroll
		for (uint32_t w = 0; w < WARPS; w++)
			max = fmaxf(max, seen[w * most_queries + g].x);
#pragma unroll
		for (uint32_t w = 0; w < WARPS; w++) {
			float2 one = seen[w * most_queries + g];
			float keep = fox_ptx_exp2(one.x - fox_attn_base(max));
			sum += keep * one.y;
			v += keep * o[(w * most_queries + g) * dims + e];
		}
		uint64_t at = ((uint64_t)blockIdx.z * a.heads + head + g) * parts.launched + blockIdx.x;
		parts.o[at * parts.dim4 + e] = v;
		if (e == 0)
			parts.seen[at] = make_float2(max, sum);
	}
}

/* Rows row0 .. row0 + rows - 1, at most FOX_CUDA_FEW of them: in f32; by tensor cores over a cache in f16 or bf16. */
enum fox_status fox_attn_step(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err);
enum fox_status fox_attn_step_mma(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err);
/* The same for heads of any size. */
enum fox_status fox_attn_any(struct fox_cuda *c, const struct fox_attn *a, const struct fox_attn_parts *parts,
    uint32_t row0, uint32_t rows, struct fox_err *err);
enum fox_status fox_attn_merge(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err);

/* Many rows, dim <= FOX_ATTN_DIM. direct: 16-bit caches as they lie; fast: the other types rounded to bf16; both want a dim that
 * is a multiple of 8. exact: all types and sizes in parts of bf16. */
enum fox_status fox_attn_prompt_direct(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err);
enum fox_status fox_attn_prompt_fast(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err);
enum fox_status fox_attn_prompt_exact(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err);

#endif
