/* attn_step.cu - a step of attention in f32: few rows over a long cache, which is what it costs to read it once.
 *
 * A block has one run of positions of one key head and up to 8 of the query heads that share it. A lane holds eight elements
 * of a position; so many lanes as a head has eights, rounded up to a power of two, make a team with sums of its own, which
 * takes some positions at a time: eight loads of 16 bytes are under way from each lane. Teams meet only at the end. */
#include "kernels/cuda/attn.cuh"

#define WARPS 4u

/* Positions that a team takes at a time. */
template <int TYPE> struct at_once {
	static constexpr int n = TYPE == FOX_F32 ? 2 : 4;
};

/* One team's or warp's sums over what it has seen, of G query heads: this lane's eight elements. */
template <int G> struct sums {
	float max[G], sum[G], o[G][8];
};

/* s[u][g] += q_g k_u over the team; the same in all its lanes. */
template <int G, int TYPE>
static __device__ __forceinline__ void products(float s[at_once<TYPE>::n][G], const float q[G][8],
    const fox_cache8<TYPE> key[at_once<TYPE>::n], uint32_t team)
{
#pragma unroll
	for (int u = 0; u < at_once<TYPE>::n; u++) {
		float k[8];
		key[u].open(k);
#pragma unroll
		for (int g = 0; g < G; g++) {
			s[u][g] = 0;
#pragma unroll
			for (int e = 0; e < 8; e++)
				s[u][g] += q[g][e] * k[e];
			s[u][g] *= key[u].scale();
		}
	}
	for (uint32_t apart = team / 2; apart; apart /= 2) {
#pragma unroll
		for (int u = 0; u < at_once<TYPE>::n; u++)
#pragma unroll
			for (int g = 0; g < G; g++)
				s[u][g] += __shfl_xor_sync(FOX_ALL_LANES, s[u][g], (int)apart);
	}
}

template <int G, int TYPE>
static __device__ __forceinline__ void add_values(
    struct sums<G> *all, const float s[at_once<TYPE>::n][G], const fox_cache8<TYPE> value[at_once<TYPE>::n])
{
	float base[G];
#pragma unroll
	for (int g = 0; g < G; g++) {
		float top = all->max[g];
#pragma unroll
		for (int u = 0; u < at_once<TYPE>::n; u++)
			top = fmaxf(top, s[u][g]);
		base[g] = fox_attn_base(top);
		float keep = fox_ptx_exp2(all->max[g] - base[g]);
		all->max[g] = top;
		all->sum[g] *= keep;
#pragma unroll
		for (int e = 0; e < 8; e++)
			all->o[g][e] *= keep;
	}
#pragma unroll
	for (int u = 0; u < at_once<TYPE>::n; u++) {
		float v[8];
		value[u].open(v);
#pragma unroll
		for (int g = 0; g < G; g++) {
			float w = fox_ptx_exp2(s[u][g] - base[g]);
			all->sum[g] += w;
			w *= value[u].scale();
#pragma unroll
			for (int e = 0; e < 8; e++)
				all->o[g][e] += w * v[e];
		}
	}
}

/* The teams of a warp become one. */
template <int G> static __device__ __forceinline__ void join_teams(struct sums<G> *a, uint32_t team)
{
	for (uint32_t apart = team; apart < 32; apart *= 2) {
#pragma unroll
		for (int g = 0; g < G; g++) {
			float other = __shfl_xor_sync(FOX_ALL_LANES, a->max[g], (int)apart),
			      top = fmaxf(a->max[g], other);
			float mine = fox_ptx_exp2(a->max[g] - fox_attn_base(top)),
			      its = fox_ptx_exp2(other - fox_attn_base(top));
			a->max[g] = top;
			a->sum[g] = a->sum[g] * mine + __shfl_xor_sync(FOX_ALL_LANES, a->sum[g], (int)apart) * its;
#pragma unroll
			for (int e = 0; e < 8; e++)
				a->o[g][e] = a->o[g][e] * mine + __shfl_xor_sync(FOX_ALL_LANES, a->o[g][e], (int)apart) * its;
		}
	}
}

template <int TYPE, int G>
static __global__ void __launch_bounds__(WARPS * 32)
    step(struct fox_attn a, struct fox_attn_parts parts, uint32_t row0, uint32_t passes, uint32_t team)
{
	__shared__ float shared[WARPS][G][FOX_ATTN_DIM];
	__shared__ float2 seen[WARPS][G];
	const uint32_t dim = a.cache.dim, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	const uint32_t kv_head = blockIdx.y / passes, row = row0 + blockIdx.z;
	const uint32_t first_query = blockIdx.y % passes * G, queries = min((uint32_t)G, a.share - first_query);
	const uint32_t head = kv_head * a.share + first_query;
	fox_ptx_let_next();
	fox_attn_prefetch(a, parts, blockIdx.x, row, kv_head);
	fox_ptx_wait_before();
	uint32_t from, to, first, end, n;
	fox_attn_seen(a, row, &from, &to);
	if (!fox_attn_split(&first, &end, &n, blockIdx.x, from, to, parts.splits))
		return;
	const uint32_t element = lane % team * 8, teams = 32 / team;
	const bool there = element < dim;
	float q[G][8], slope[G];
	struct sums<G> all;
#pragma unroll
	for (int g = 0; g < G; g++) {
		const float *asked = a.q + ((uint64_t)row * a.heads + head + g) * dim + element;
		bool mine = there && g < (int)queries;
		slope[g] = a.slopes && g < (int)queries ? a.slopes[head + g] * FOX_LOG2E : 0;
		all.max[g] = -INFINITY, all.sum[g] = 0;
#pragma unroll
		for (int e = 0; e < 8; e++) {
			q[g][e] = mine ? asked[e] * a.q_scale : 0;
			all.o[g][e] = 0;
		}
	}
	/* a warp takes `teams` neighbours at a time, so many times */
	for (uint32_t t0 = first + warp * teams * at_once<TYPE>::n; t0 < end;
	     t0 += WARPS * teams * at_once<TYPE>::n) {
		fox_cache8<TYPE> key[at_once<TYPE>::n], value[at_once<TYPE>::n];
		float s[at_once<TYPE>::n][G];
		uint32_t t = t0 + lane / team;
#pragma unroll
		for (int u = 0; u < at_once<TYPE>::n; u++) {
			uint32_t p = t + u * teams;
			if (there && p < end) {
				uint8_t *page = fox_cache_page(a.cache, p);
				uint32_t at = p % FOX_CUDA_PAGE * dim + element;
				key[u].load(a.cache, fox_cache_head(a.cache, page, 0, kv_head), at);
				value[u].load(a.cache, fox_cache_head(a.cache, page, 1, kv_head), at);
			} else {
				key[u].zero();
				value[u].zero();
			}
		}
		products<G, TYPE>(s, q, key, team);
#pragma unroll
		for (int u = 0; u < at_once<TYPE>::n; u++)
#pragma unroll
			for (int g = 0; g < G; g++) {
				uint32_t p = t + u * teams;
				s[u][g] = p < end ? fox_attn_score(a, s[u][g], slope[g], to - 1 - p) : -INFINITY;
			}
		add_values<G, TYPE>(&all, s, value);
	}
	join_teams<G>(&all, team);
#pragma unroll
	for (int g = 0; g < G; g++) {
		if (lane < team && there) {
			*(float4 *)&shared[warp][g][element] =
			    make_float4(all.o[g][0], all.o[g][1], all.o[g][2], all.o[g][3]);
			*(float4 *)&shared[warp][g][element + 4] =
			    make_float4(all.o[g][4], all.o[g][5], all.o[g][6], all.o[g][7]);
		}
		if (lane == 0)
			seen[warp][g] = make_float2(all.max[g], all.sum[g]);
	}
	fox_attn_leave<WARPS>(a, parts, &shared[0][0][0], &seen[0][0], G, FOX_ATTN_DIM, queries, head);
}

template <int TYPE, int G>
static enum fox_status run(struct fox_cuda *c, const struct fox_attn *a, const struct fox_attn_parts *parts,
    uint32_t row0, uint32_t rows, struct fox_err *err)
{
	uint32_t team = 1, passes = (a->share + G - 1) / G;
	while (team * 8 < a->cache.dim)
		team *= 2;
	return fox_cuda_launch(c, err, "attend", FOX_LAUNCH_EARLY, step<TYPE, G>,
	    dim3(parts->launched, a->cache.kv_heads * passes, rows), dim3(WARPS * 32), 0, *a, *parts, row0,
	    passes, team);
}

template <int TYPE>
static enum fox_status of_share(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err)
{
	if (a->share == 1)
		return run<TYPE, 1>(c, a, parts, row0, rows, err);
	if (a->share == 2)
		return run<TYPE, 2>(c, a, parts, row0, rows, err);
	if (a->share <= 4)
		return run<TYPE, 4>(c, a, parts, row0, rows, err);
	return run<TYPE, 8>(c, a, parts, row0, rows, err);
}

enum fox_status fox_attn_step(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err)
{
	switch (a->cache.type) {
	case FOX_F32:
		return of_share<FOX_F32>(c, a, parts, row0, rows, err);
	case FOX_F16:
		return of_share<FOX_F16>(c, a, parts, row0, rows, err);
	case FOX_BF16:
		return of_share<FOX_BF16>(c, a, parts, row0, rows, err);
	default:
		return of_share<FOX_Q8_0>(c, a, parts, row0, rows, err);
	}
}
