/* attn_step_mma.cu - a step of attention over a cache in f16 or bf16 by tensor cores: not for their speed, but because the
 * products of 8 query heads then cost next to nothing beside the reading of the cache.
 *
 * A warp takes 16 positions at a time. Scores are q (8 heads, and in the 8 rows that would be idle what q lacks when it is
 * rounded) times keys; out of that product weights come as the next one wants them, values transposed times weights. Which
 * element of a head counts as which column is free as long as both sides agree: so each lane loads 16 bytes of a key and
 * of a value straight from the cache, and nothing goes through shared memory. Weights go in two parts. */
#include "kernels/cuda/attn.cuh"

#define WARPS 4u
#define QUERIES 8u
#define TAKE 16u /* positions of a warp */

template <int TYPE> static __device__ __forceinline__ uint32_t pack(float lo, float hi)
{
	if (TYPE == FOX_F16)
		return __half_as_ushort(__float2half_rn(lo)) | (uint32_t)__half_as_ushort(__float2half_rn(hi)) << 16;
	return __bfloat16_as_ushort(__float2bfloat16_rn(lo)) |
	       (uint32_t)__bfloat16_as_ushort(__float2bfloat16_rn(hi)) << 16;
}

/* What two numbers lack when they are packed, packed. */
template <int TYPE> static __device__ __forceinline__ uint32_t pack_rest(float lo, float hi, uint32_t packed)
{
	if (TYPE == FOX_F16)
		return pack<TYPE>(lo - fox_f16_value((uint16_t)packed), hi - fox_f16_value((uint16_t)(packed >> 16)));
	return pack<TYPE>(lo - __uint_as_float(packed << 16), hi - __uint_as_float(packed & 0xffff0000u));
}

template <int TYPE>
static __device__ __forceinline__ void add(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	if (TYPE == FOX_F16)
		fox_ptx_mma_f16(d, a, b);
	else
		fox_ptx_mma_bf16(d, a, b);
}

static __device__ __forceinline__ void load(uint32_t to[4], const uint8_t *from, bool there)
{
	uint4 v = there ? *(const uint4 *)from : make_uint4(0, 0, 0, 0);
	to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}

/* Lane (g, t): query head g, of 32 elements the eight from 8 t on. */
template <int TYPE, int DIM>
static __device__ __forceinline__ void take_q(
    uint32_t q[DIM / 16][4], const struct fox_attn &a, const float *asked, bool there, uint32_t t)
{
#pragma unroll
	for (int s = 0; s < DIM / 32; s++)
#pragma unroll
		for (int i = 0; i < 4; i++) {
			uint32_t e = s * 32 + t * 8 + i * 2;
			float lo = there && e < a.cache.dim ? asked[e] * a.q_scale : 0,
			      hi = there && e < a.cache.dim ? asked[e + 1] * a.q_scale : 0;
			uint32_t *to = q[s * 2 + i / 2] + i % 2 * 2;
			to[0] = pack<TYPE>(lo, hi);
			to[1] = pack_rest<TYPE>(lo, hi, to[0]);
		}
}

template <int TYPE, int DIM>
static __global__ void __launch_bounds__(WARPS * 32, DIM <= 64    ? 4
                                                     : DIM <= 128 ? 3
                                                                  : 2)
    step(struct fox_attn a, struct fox_attn_parts parts, uint32_t row0, uint32_t passes)
{
	__shared__ float shared[WARPS][QUERIES][DIM];
	__shared__ float2 seen[WARPS][QUERIES];
	const uint32_t dim = a.cache.dim, warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
	const uint32_t kv_head = blockIdx.y / passes, row = row0 + blockIdx.z;
	const uint32_t first_query = blockIdx.y % passes * QUERIES, queries = min(QUERIES, a.share - first_query);
	const uint32_t head = kv_head * a.share + first_query;
	fox_ptx_let_next();
	fox_attn_prefetch(a, parts, blockIdx.x, row, kv_head);
	fox_ptx_wait_before();
	uint32_t from, to, first, end, n;
	fox_attn_seen(a, row, &from, &to);
	if (!fox_attn_split(&first, &end, &n, blockIdx.x, from, to, parts.splits))
		return;
	uint32_t q[DIM / 16][4];
	take_q<TYPE, DIM>(q, a, a.q + ((uint64_t)row * a.heads + head + g) * dim, g < queries, t);
	const float slope = a.slopes && g < queries ? a.slopes[head + g] * FOX_LOG2E : 0;
	float o[DIM / 16][4], max = -INFINITY, sum = 0; /* of head g, over this lane's positions */
#pragma unroll
	for (int i = 0; i < DIM / 16; i++)
		o[i][0] = o[i][1] = o[i][2] = o[i][3] = 0;
	for (uint32_t t0 = first / TAKE * TAKE + warp * TAKE; t0 < end; t0 += WARPS * TAKE) {
		uint8_t *page = fox_cache_page(a.cache, t0); /* all 16 lie in it */
		const uint64_t place = (uint64_t)(t0 % FOX_CUDA_PAGE) * dim * 2;
		const uint8_t *keys = fox_cache_head(a.cache, page, 0, kv_head) + place;
		const uint8_t *values = fox_cache_head(a.cache, page, 1, kv_head) + place;
		uint32_t k[2][DIM / 32][4], v[4][(DIM + 63) / 64][4];
		float s[2][4];
#pragma unroll
		for (int h = 0; h < 2; h++) /* key g, key g + 8 */
#pragma unroll
			for (int i = 0; i < DIM / 32; i++) {
				uint32_t p = t0 + h * 8 + g, e = i * 32 + t * 8;
				load(k[h][i], keys + ((h * 8 + g) * dim + e) * 2, p >= first && p < end && e < dim);
			}
		auto load_values = [&]() {
#pragma unroll
			for (int h = 0; h < 4; h++) /* values 2t, 2t + 1, and 8 more */
#pragma unroll
				for (int i = 0; i < (DIM + 63) / 64; i++) {
					uint32_t r = h / 2 * 8 + t * 2 + h % 2, p = t0 + r, e = i * 64 + g * 8;
					load(v[h][i], values + (r * dim + e) * 2, p >= first && p < end && e < dim);
				}
		};
		if (DIM <= 128) /* else registers do not hold both sides */
			load_values();
		float top = max;
#pragma unroll
		for (int h = 0; h < 2; h++) {
			s[h][0] = s[h][1] = s[h][2] = s[h][3] = 0;
#pragma unroll
			for (int i = 0; i < DIM / 16; i++)
				add<TYPE>(s[h], q[i], &k[h][i / 2][i % 2 * 2]);
#pragma unroll
			for (int i = 0; i < 2; i++) {
				uint32_t p = t0 + h * 8 + t * 2 + i;
				float x = fox_attn_score(a, s[h][i] + s[h][i + 2], slope, to - 1 - p);
				s[h][i] = p >= first && p < end ? x : -INFINITY;
				top = fmaxf(top, s[h][i]);
			}
		}
		if (DIM > 128)
			load_values();
		top = fox_lanes_max(top, 4);
		const float base = fox_attn_base(top), keep = fox_ptx_exp2(max - base);
		uint32_t w[2], rest[2];
		max = top;
		sum *= keep;
#pragma unroll
		for (int h = 0; h < 2; h++) {
			float lo = fox_ptx_exp2(s[h][0] - base), hi = fox_ptx_exp2(s[h][1] - base);
			sum += lo + hi;
			w[h] = pack<TYPE>(lo, hi);
			rest[h] = pack_rest<TYPE>(lo, hi, w[h]);
		}
		if (__any_sync(FOX_ALL_LANES, keep != 1)) { /* this lane's sums are those of heads 2t and 2t + 1 */
			float keep0 = __shfl_sync(FOX_ALL_LANES, keep, (int)t * 8),
			      keep1 = __shfl_sync(FOX_ALL_LANES, keep, (int)t * 8 + 4);
#pragma unroll
			for (int i = 0; i < DIM / 16; i++)
				o[i][0] *= keep0, o[i][1] *= keep1, o[i][2] *= keep0, o[i][3] *= keep1;
		}
#pragma unroll
		for (int i = 0; i < DIM / 16; i++) { /* elements 8g + 2 (i % 4) and the next, of each 64 */
			uint32_t x[4];
#pragma unroll
			for (int h = 0; h < 2; h++) {
				uint32_t one = v[2 * h][i / 4][i % 4], two = v[2 * h + 1][i / 4][i % 4];
				x[2 * h] = __byte_perm(one, two, 0x5410);
				x[2 * h + 1] = __byte_perm(one, two, 0x7632);
			}
			add<TYPE>(o[i], x, rest);
			add<TYPE>(o[i], x, w);
		}
	}
	sum = fox_lanes_sum(sum, 4);
	if (t == 0)
		seen[warp][g] = make_float2(max, sum);
#pragma unroll
	for (int i = 0; i < DIM / 16; i++) {
		uint32_t e = i / 4 * 64 + g * 8 + i % 4 * 2;
		*(float2 *)&shared[warp][2 * t][e] = make_float2(o[i][0], o[i][2]);
		*(float2 *)&shared[warp][2 * t + 1][e] = make_float2(o[i][1], o[i][3]);
	}
	fox_attn_leave<WARPS>(a, parts, &shared[0][0][0], &seen[0][0], QUERIES, DIM, queries, head);
}

template <int TYPE, int DIM>
static enum fox_status run(struct fox_cuda *c, const struct fox_attn *a, const struct fox_attn_parts *parts,
    uint32_t row0, uint32_t rows, struct fox_err *err)
{
	uint32_t passes = (a->share + QUERIES - 1) / QUERIES;
	return fox_cuda_launch(c, err, "attend", FOX_LAUNCH_EARLY, step<TYPE, DIM>,
	    dim3(parts->launched, a->cache.kv_heads * passes, rows), dim3(WARPS * 32), 0, *a, *parts, row0,
	    passes);
}

template <int TYPE>
static enum fox_status of_size(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err)
{
	if (a->cache.dim <= 64)
		return run<TYPE, 64>(c, a, parts, row0, rows, err);
	if (a->cache.dim <= 128)
		return run<TYPE, 128>(c, a, parts, row0, rows, err);
	return run<TYPE, 256>(c, a, parts, row0, rows, err);
}

enum fox_status fox_attn_step_mma(struct fox_cuda *c, const struct fox_attn *a,
    const struct fox_attn_parts *parts, uint32_t row0, uint32_t rows, struct fox_err *err)
{
	return a->cache.type == FOX_F16 ? of_size<FOX_F16>(c, a, parts, row0, rows, err)
	                                : of_size<FOX_BF16>(c, a, parts, row0, rows, err);
}
