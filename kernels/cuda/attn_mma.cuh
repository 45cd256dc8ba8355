/* attn_mma.cuh - attention of many rows by tensor cores: a template, whose kinds are instantiated in attn_direct.cu and
 * attn_parts.cu.
 *
 * A block takes 16 MT WARPS query vectors that share a key head (all heads of a row, then the next row) and goes over the
 * positions they see, KEYS at a time, with a running maximum for each vector. Scores and weights live in registers: what
 * comes out of the first product as sums is, packed, what goes into the second.
 *
 *   DIRECT_F16, DIRECT_BF16  the cache as it lies, copied while the product before is under way; q and weights rounded to its type
 *   FAST                     any cache, rounded to bf16 on the way
 *   EXACT                    f32 in parts of bf16: three of q and of keys (products down to 2^-24 of the largest), two of
 *                            weights and values (2^-17)
 *
 * A vector's result does not depend on the tile it is in: tiles of which it sees nothing change nothing. */
#ifndef FOX_ATTN_MMA_CUH
#define FOX_ATTN_MMA_CUH

#include "kernels/cuda/attn.cuh"

enum fox_attn_kind { FOX_DIRECT_F16, FOX_DIRECT_BF16, FOX_FAST_BF16, FOX_EXACT_BF16 };

template <int KIND, int DIM, int MT, int WARPS, int KEYS> struct fox_mma {
	static constexpr bool direct = KIND == FOX_DIRECT_F16 || KIND == FOX_DIRECT_BF16;
	static constexpr int score_parts = KIND == FOX_EXACT_BF16 ? 3 : 1; /* of q, of keys */
	static constexpr int value_parts = KIND == FOX_EXACT_BF16 ? 2 : 1; /* of weights, of values */
	static constexpr int rows = 16 * MT * WARPS;                       /* query vectors */
	static constexpr int threads = 32 * WARPS;
	static constexpr int step =
	    DIM + 8; /* elements between rows in shared memory: 8 rows lie in different banks */
	static constexpr int q_part = rows * step, kv_part = KEYS * step;
	static constexpr size_t shared_bytes =
	    2 * (size_t)(score_parts * (q_part + kv_part) + value_parts * kv_part);
};

template <int KIND>
static __device__ __forceinline__ void fox_mma_add(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	if (KIND == FOX_DIRECT_F16)
		fox_ptx_mma_f16(d, a, b);
	else
		fox_ptx_mma_bf16(d, a, b);
}

/* Two neighbours in one register, rounded; what they lack then. */
template <int KIND> static __device__ __forceinline__ uint32_t fox_mma_pack(float lo, float hi)
{
	if (KIND == FOX_DIRECT_F16)
		return __half_as_ushort(__float2half_rn(lo)) | (uint32_t)__half_as_ushort(__float2half_rn(hi)) << 16;
	return __bfloat16_as_ushort(__float2bfloat16_rn(lo)) |
	       (uint32_t)__bfloat16_as_ushort(__float2bfloat16_rn(hi)) << 16;
}

static __device__ __forceinline__ void fox_mma_lack(float *lo, float *hi, uint32_t bf16)
{
	*lo -= __uint_as_float(bf16 << 16);
	*hi -= __uint_as_float(bf16 & 0xffff0000u);
}

/* Eight elements to shared memory, in parts that lie part_step apart. */
template <int KIND, int PARTS>
static __device__ __forceinline__ void fox_mma_store8(uint16_t *to, int part_step, float v[8])
{
#pragma unroll
	for (int part = 0; part < PARTS; part++) {
		uint32_t w[4];
#pragma unroll
		for (int k = 0; k < 4; k++) {
			w[k] = fox_mma_pack<KIND>(v[2 * k], v[2 * k + 1]);
			if (part + 1 < PARTS)
				fox_mma_lack(&v[2 * k], &v[2 * k + 1], w[k]);
		}
		*(uint4 *)(to + part * part_step) = make_uint4(w[0], w[1], w[2], w[3]);
	}
}

/* Row r of the tile is query vector r: heads of the share within rows. NULL past the last. */
static __device__ __forceinline__ uint64_t fox_mma_vector(
    const struct fox_attn &a, uint32_t v, uint32_t kv_head)
{
	return (uint64_t)(v / a.share) * a.heads + kv_head * a.share + v % a.share;
}

template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static __device__ __forceinline__ void fox_mma_take_q(
    uint16_t *q, const struct fox_attn &a, uint32_t v0, uint32_t kv_head)
{
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	const uint32_t dim = a.cache.dim, n = a.rows * a.share;
	for (uint32_t i = threadIdx.x; i < T::rows * (DIM / 8); i += T::threads) {
		uint32_t r = i / (DIM / 8), e = i % (DIM / 8) * 8;
		float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
		if (v0 + r < n) {
			const float *from = a.q + fox_mma_vector(a, v0 + r, kv_head) * dim + e;
			if (dim % 4 == 0 && e + 8 <= dim) {
				float4 lo = *(const float4 *)from, hi = *(const float4 *)(from + 4);
				v[0] = lo.x, v[1] = lo.y, v[2] = lo.z, v[3] = lo.w, v[4] = hi.x, v[5] = hi.y, v[6] = hi.z,
				v[7] = hi.w;
			} else {
#pragma unroll
				for (uint32_t k = 0; k < 8; k++)
					v[k] = e + k < dim ? from[k] : 0;
			}
		}
#pragma unroll
		for (int k = 0; k < 8; k++)
			v[k] *= a.q_scale;
		fox_mma_store8<KIND, T::score_parts>(q + r * T::step + e, T::q_part, v);
	}
}

/* Begin to copy KEYS positions from t0 on of one side; positions from `to` on count as 0, or NaN nobody wrote would be weighed
 * with 0. The KEYS lie in one page. */
template <int DIM, int THREADS, int KEYS>
static __device__ __forceinline__ void fox_mma_copy(
    uint16_t *dst, const struct fox_attn &a, int side, uint32_t kv_head, uint32_t t0, uint32_t to)
{
	const uint32_t dim = a.cache.dim;
	const uint8_t *from = fox_cache_head(a.cache, fox_cache_page(a.cache, t0), side, kv_head);
	from += (uint64_t)(t0 % FOX_CUDA_PAGE) * dim * 2;
#pragma unroll
	for (uint32_t i = threadIdx.x; i < KEYS * (DIM / 8); i += THREADS) {
		uint32_t r = i / (DIM / 8), e = i % (DIM / 8) * 8;
		bool there = t0 + r < to && e < dim;
		fox_ptx_copy16(dst + r * (DIM + 8) + e, from + (there ? (r * dim + e) * 2 : 0), there ? 16 : 0);
	}
}

/* The same from any type, in parts of bf16, at once. */
template <int KIND, int PARTS, int DIM, int THREADS, int KEYS>
static __device__ __forceinline__ void fox_mma_open(
    uint16_t *dst, const struct fox_attn &a, int side, uint32_t kv_head, uint32_t t0, uint32_t to)
{
	const uint32_t dim = a.cache.dim;
	uint8_t *from = fox_cache_head(a.cache, fox_cache_page(a.cache, t0), side, kv_head);
	for (uint32_t i = threadIdx.x; i < KEYS * (DIM / 8); i += THREADS) {
		uint32_t r = i / (DIM / 8), e = i % (DIM / 8) * 8, at = (t0 + r) % FOX_CUDA_PAGE * dim + e;
		float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
		if (t0 + r < to && e < dim)
			fox_cache_open8(a.cache, from, at, dim - e, v);
		fox_mma_store8<KIND, PARTS>(dst + r * (DIM + 8) + e, KEYS * (DIM + 8), v);
	}
}

/* Where lane l's row of the four 8 x 8 matrices is, for ldmatrix: a 16 x 16 tile with matrices side by side (0 1 / 2 3 as rows
 * then columns, or columns then rows). */
static __device__ __forceinline__ int fox_mma_rows_first(uint32_t lane, int step)
{
	return (int)(lane % 16) * step +
	       (int)(lane / 16) * 8; /* 0: top left, 1: bottom left, 2: top right, 3: bottom right */
}
static __device__ __forceinline__ int fox_mma_columns_first(uint32_t lane, int step)
{
	return (int)(lane % 8 + lane / 16 * 8) * step +
	       (int)(lane / 8 % 2) * 8; /* 1: top right, 2: bottom left */
}

/* In how many parts a type's elements have what f32 has. */
template <int PARTS> static __device__ __forceinline__ int fox_mma_parts_of(enum fox_type type)
{
	int n = type == FOX_BF16 ? 1 : type == FOX_F16 ? 2 : PARTS;
	return n < PARTS ? n : PARTS;
}

/* s = q k, this warp's 16 MT vectors by KEYS positions */
template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static __device__ __forceinline__ void fox_mma_scores(
    float s[MT][KEYS / 8][4], const uint16_t *q, const uint16_t *keys, int parts, uint32_t lane)
{
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	constexpr int P = T::score_parts;
	q += fox_mma_rows_first(lane, T::step);
	keys += fox_mma_columns_first(lane, T::step);
	float low[MT][KEYS / 8][4]; /* of parts but the first */
#pragma unroll
	for (int m = 0; m < MT; m++)
#pragma unroll
		for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
			for (int k = 0; k < 4; k++)
				s[m][n][k] = low[m][n][k] = 0;
#pragma unroll
	for (int d = 0; d < DIM; d += 16) {
		uint32_t x[P][MT][4];
#pragma unroll
		for (int p = 0; p < P; p++)
#pragma unroll
			for (int m = 0; m < MT; m++)
				fox_ptx_ldmatrix4(x[p][m], q + p * T::q_part + m * 16 * T::step + d);
#pragma unroll
		for (int n = 0; n < KEYS / 16; n++) {
#pragma unroll
			for (int j = P - 1; j >= 0; j--) {
				uint32_t y[4];
				if (P > 1 && j >= parts)
					continue;
				fox_ptx_ldmatrix4(y, keys + j * T::kv_part + n * 16 * T::step + d);
#pragma unroll
				for (int p = P - 1 - j; p >= 0; p--)
#pragma unroll
					for (int m = 0; m < MT; m++) {
						float(*to)[4] = p + j ? low[m] : s[m];
						fox_mma_add<KIND>(to[2 * n], x[p][m], y);
						fox_mma_add<KIND>(to[2 * n + 1], x[p][m], y + 2);
					}
			}
		}
	}
	if (P > 1) {
#pragma unroll
		for (int m = 0; m < MT; m++)
#pragma unroll
			for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
				for (int k = 0; k < 4; k++)
					s[m][n][k] += low[m][n][k];
	}
}

/* w = weights s, packed in parts for the positions from 16 k on */
template <int KIND, int MT, int KEYS, int P>
static __device__ __forceinline__ void fox_mma_take_weights(
    uint32_t w[P][MT][4], float s[MT][KEYS / 8][4], int k)
{
#pragma unroll
	for (int m = 0; m < MT; m++)
#pragma unroll
		for (int p = 0; p < P; p++)
#pragma unroll
			for (int i = 0; i < 4; i++) {
				float *two = &s[m][2 * k + i / 2][i % 2 * 2];
				w[p][m][i] = fox_mma_pack<KIND>(two[0], two[1]);
				if (p + 1 < P)
					fox_mma_lack(&two[0], &two[1], w[p][m][i]);
			}
}

/* o += weights v */
template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static __device__ __forceinline__ void fox_mma_values(
    float o[MT][DIM / 8][4], float s[MT][KEYS / 8][4], const uint16_t *values, uint32_t lane)
{
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	values += fox_mma_rows_first(lane, T::step);
#pragma unroll
	for (int k = 0; k < KEYS / 16; k++) {
		uint32_t w[1][MT][4];
		fox_mma_take_weights<KIND, MT, KEYS, 1>(w, s, k);
#pragma unroll
		for (int n = 0; n < DIM / 16; n++) {
			uint32_t y[4];
			fox_ptx_ldmatrix4_trans(y, values + k * 16 * T::step + n * 16);
#pragma unroll
			for (int m = 0; m < MT; m++) {
				fox_mma_add<KIND>(o[m][2 * n], w[0][m], y);
				fox_mma_add<KIND>(o[m][2 * n + 1], w[0][m], y + 2);
			}
		}
	}
}

/* The same in parts. Tensor cores cut sums where others round them, so a sum over all positions would drift: the tile is summed
 * for itself, then added. */
template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static __device__ __forceinline__ void fox_mma_values_in_parts(
    float o[MT][DIM / 8][4], float s[MT][KEYS / 8][4], const uint16_t *values, int parts, uint32_t lane)
{
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	constexpr int P = T::value_parts;
	uint32_t w[KEYS / 16][P][MT][4];
	values += fox_mma_rows_first(lane, T::step);
#pragma unroll
	for (int k = 0; k < KEYS / 16; k++)
		fox_mma_take_weights<KIND, MT, KEYS, P>(w[k], s, k);
#pragma unroll
	for (int n = 0; n < DIM / 16; n++) {
		float sum[MT][2][4] = {};
#pragma unroll
		for (int j = P - 1; j >= 0; j--) { /* small products first */
			if (j >= parts)
				continue;
#pragma unroll
			for (int k = 0; k < KEYS / 16; k++) {
				uint32_t y[4];
				fox_ptx_ldmatrix4_trans(y, values + j * T::kv_part + k * 16 * T::step + n * 16);
#pragma unroll
				for (int p = P - 1 - j; p >= 0; p--)
#pragma unroll
					for (int m = 0; m < MT; m++) {
						fox_mma_add<KIND>(sum[m][0], w[k][p][m], y);
						fox_mma_add<KIND>(sum[m][1], w[k][p][m], y + 2);
					}
			}
		}
#pragma unroll
		for (int m = 0; m < MT; m++)
#pragma unroll
			for (int i = 0; i < 4; i++) {
				o[m][2 * n][i] += sum[m][0][i];
				o[m][2 * n + 1][i] += sum[m][1][i];
			}
	}
}

/* What this thread knows of its rows: g and g + 8 of each 16. */
template <int MT> struct fox_mma_rows {
	uint32_t to[MT][2]; /* positions below are seen */
	float max[MT][2], sum[MT][2];
};

/* Scores to weights; sums before are kept by what the new maximum leaves of them. masked: not all rows see all KEYS. */
template <int DIM, int MT, int KEYS>
static __device__ __forceinline__ void fox_mma_weigh(float o[MT][DIM / 8][4], float s[MT][KEYS / 8][4],
    struct fox_mma_rows<MT> *rows, const struct fox_attn &a, const float *slopes, uint32_t mine, uint32_t t0,
    bool masked, uint32_t lane)
{
	if (a.cap != 0 || slopes) {
#pragma unroll
		for (int m = 0; m < MT; m++)
#pragma unroll
			for (int h = 0; h < 2; h++) {
				uint32_t v = mine + m * 16 + h * 8 + lane / 4;
				float slope = slopes ? slopes[v % a.share] * FOX_LOG2E : 0;
#pragma unroll
				for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
					for (int k = 0; k < 2; k++) {
						uint32_t t = t0 + n * 8 + lane % 4 * 2 + k;
						float *x = &s[m][n][2 * h + k];
						*x = fox_attn_score(a, *x, slope, rows->to[m][h] - 1 - t);
					}
			}
	}
#pragma unroll
	for (int m = 0; m < MT; m++) {
#pragma unroll
		for (int h = 0; h < 2; h++) {
			float top = rows->max[m][h];
			const uint32_t to = rows->to[m][h], from = a.window && to > a.window ? to - a.window : 0;
#pragma unroll
			for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
				for (int k = 0; k < 2; k++) {
					float *x = &s[m][n][2 * h + k];
					uint32_t t = t0 + n * 8 + lane % 4 * 2 + k;
					if (masked)
						*x = t >= from && t < to ? *x : -INFINITY;
					top = fmaxf(top, *x);
				}
			top = fox_lanes_max(top, 4);
			const float base = fox_attn_base(top), keep = fox_ptx_exp2(rows->max[m][h] - base);
			float sum = 0;
#pragma unroll
			for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
				for (int k = 0; k < 2; k++) {
					float *x = &s[m][n][2 * h + k];
					*x = fox_ptx_exp2(*x - base);
					sum += *x;
				}
			rows->max[m][h] = top;
			rows->sum[m][h] = rows->sum[m][h] * keep + sum;
			if (!__any_sync(FOX_ALL_LANES, keep != 1)) /* times 1 */
				continue;
#pragma unroll
			for (int n = 0; n < DIM / 8; n++) {
				o[m][n][2 * h] *= keep;
				o[m][n][2 * h + 1] *= keep;
			}
		}
	}
}

template <int DIM, int MT>
static __device__ __forceinline__ void fox_mma_finish(float o[MT][DIM / 8][4],
    const struct fox_mma_rows<MT> *rows, const struct fox_attn &a, uint32_t v0, uint32_t kv_head,
    uint32_t lane)
{
	const uint32_t dim = a.cache.dim;
#pragma unroll
	for (int m = 0; m < MT; m++)
#pragma unroll
		for (int h = 0; h < 2; h++) {
			uint32_t v = v0 + m * 16 + h * 8 + lane / 4;
			float by = 1 / fox_lanes_sum(rows->sum[m][h], 4);
			if (v >= a.rows * a.share)
				continue;
			float *y = a.y + fox_mma_vector(a, v, kv_head) * dim;
#pragma unroll
			for (int n = 0; n < DIM / 8; n++)
#pragma unroll
				for (int k = 0; k < 2; k++) {
					uint32_t e = n * 8 + lane % 4 * 2 + k;
					if (e < dim)
						y[e] = o[m][n][2 * h + k] * by;
				}
		}
}

/* Tiles are ranked by what they see, the last rows first, so that the longest begin first. Where all blocks of the grid are on
 * the device at once, two on each multiprocessor, those from `turn` on (the second ones) go the other way: long with short. */
template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static __global__ void __launch_bounds__(32 * WARPS) fox_mma_attend(struct fox_attn a, uint32_t turn)
{
	FOX_SHARED_DYNAMIC;
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	uint16_t *q = (uint16_t *)fox_shared_dynamic, *keys = q + T::score_parts * T::q_part,
	         *values = keys + T::score_parts * T::kv_part;
	const uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	const uint32_t rank = blockIdx.x < turn ? blockIdx.x : gridDim.x - 1 - (blockIdx.x - turn);
	const uint32_t kv_head = rank % a.cache.kv_heads;
	const uint32_t v0 = (gridDim.x / a.cache.kv_heads - 1 - rank / a.cache.kv_heads) * T::rows;
	const uint32_t last = min(v0 + T::rows, a.rows * a.share) - 1, mine = v0 + warp * 16 * MT;
	fox_ptx_let_next();
	fox_ptx_wait_before();
	uint32_t from, to, ends, begins;
	fox_attn_seen(a, v0 / a.share, &from, &ends);
	fox_attn_seen(a, last / a.share, &begins, &to);
	const float *slopes = a.slopes ? a.slopes + kv_head * a.share : NULL;
	struct fox_mma_rows<MT> rows;
	float o[MT][DIM / 8][4], s[MT][KEYS / 8][4];
#pragma unroll
	for (int m = 0; m < MT; m++) {
#pragma unroll
		for (int h = 0; h < 2; h++) {
			uint32_t v = min(mine + m * 16 + h * 8 + lane / 4, last);
			rows.to[m][h] = ends + v / a.share - v0 / a.share;
			rows.max[m][h] = -INFINITY, rows.sum[m][h] = 0;
		}
#pragma unroll
		for (int n = 0; n < DIM / 8; n++)
#pragma unroll
			for (int k = 0; k < 4; k++)
				o[m][n][k] = 0;
	}
	const int key_parts = fox_mma_parts_of<T::score_parts>(a.cache.type),
	          value_parts = fox_mma_parts_of<T::value_parts>(a.cache.type);
	uint32_t t0 = from / KEYS * KEYS;
	if (T::direct) {
		fox_mma_copy<DIM, T::threads, KEYS>(keys, a, 0, kv_head, t0, to);
		fox_ptx_copy_close();
	}
	fox_mma_take_q<KIND, DIM, MT, WARPS, KEYS>(q, a, v0, kv_head);
	for (; t0 < to; t0 += KEYS) {
		/* keys have come; nobody reads the values before any more */
		if (T::direct) {
			fox_ptx_copy_wait<0>();
			__syncthreads();
			fox_mma_copy<DIM, T::threads, KEYS>(values, a, 1, kv_head, t0, to);
			fox_ptx_copy_close();
		} else {
			__syncthreads();
			fox_mma_open<KIND, T::score_parts, DIM, T::threads, KEYS>(keys, a, 0, kv_head, t0, to);
			fox_mma_open<KIND, T::value_parts, DIM, T::threads, KEYS>(values, a, 1, kv_head, t0, to);
			__syncthreads();
		}
		fox_mma_scores<KIND, DIM, MT, WARPS, KEYS>(s, q + warp * 16 * MT * T::step, keys, key_parts, lane);
		if (T::direct) { /* values have come; nobody reads the keys any more */
			fox_ptx_copy_wait<0>();
			__syncthreads();
			if (t0 + KEYS < to)
				fox_mma_copy<DIM, T::threads, KEYS>(keys, a, 0, kv_head, t0 + KEYS, to);
			fox_ptx_copy_close();
		}
		fox_mma_weigh<DIM, MT, KEYS>(o, s, &rows, a, slopes, mine, t0, t0 + KEYS > ends || t0 < begins, lane);
		if (T::value_parts > 1)
			fox_mma_values_in_parts<KIND, DIM, MT, WARPS, KEYS>(o, s, values, value_parts, lane);
		else
			fox_mma_values<KIND, DIM, MT, WARPS, KEYS>(o, s, values, lane);
	}
	fox_mma_finish<DIM, MT>(o, &rows, a, mine, kv_head, lane);
}

template <int KIND, int DIM, int MT, int WARPS, int KEYS>
static enum fox_status fox_mma_run(struct fox_cuda *c, const struct fox_attn *a, struct fox_err *err)
{
	using T = fox_mma<KIND, DIM, MT, WARPS, KEYS>;
	uint32_t n = (a->rows * a->share + T::rows - 1) / T::rows * a->cache.kv_heads,
	         at_once = (uint32_t)c->info.n_sm;
	return fox_cuda_launch(c, err, "attend", FOX_LAUNCH_EARLY, fox_mma_attend<KIND, DIM, MT, WARPS, KEYS>,
	    dim3(n), dim3(T::threads), T::shared_bytes, *a, n > at_once && n <= 2 * at_once ? at_once : n);
}

#endif
