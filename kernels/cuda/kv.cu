/* kv.cu - keys and values into the cache, rounded as the CPU's encoders round; keys and queries rotated on the way, so that a
 * step needs one launch between its projections and attention. A warp has one head of one row. */
#include "kernels/cuda/cache.cuh"
#include "kernels/cuda/lanes.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/rope.cuh"

#define WARPS 4u

extern "C" uint64_t fox_cuda_side_bytes(enum fox_type type, uint32_t kv_heads, uint32_t dim)
{
	uint64_t n = (uint64_t)kv_heads * FOX_CUDA_PAGE * dim;
	return type == FOX_Q8_0 ? n + n / FOX_CACHE_GROUP * 2 : n * (type == FOX_F32 ? 4 : 2);
}

struct put {
	struct fox_cache cache;
	const float *k, *v, *cos, *sin;
	float *q;
	const uint32_t *pos;
	uint32_t rows, heads, pairs;
	bool adjacent;
};

/* Halves away from zero, 0 for NaN and what int8 cannot hold: round_i8 of kernels/quant_legacy.c. */
static __device__ __forceinline__ int8_t round_i8(float v)
{
	if (!(fabsf(v) < 127.5f))
		return 0;
	float whole = truncf(v), rest = v - whole;
	return (int8_t)((int)whole + (rest >= 0.5f) - (rest <= -0.5f));
}

/* Element i of the page's head (32 neighbours together, one a lane): kernels/kernels.h, fox_encode_fn. */
static __device__ __forceinline__ void store(
    const struct fox_cache &c, uint8_t *head, uint32_t i, float f, bool there)
{
	if (c.type == FOX_Q8_0) { /* dim is a multiple of 32: every lane has an element */
		float amax = fox_lanes_max(isnan(f) ? 0 : fabsf(f)), d = __fdiv_rn(amax, 127.0f),
		      id = d != 0 ? __fdiv_rn(1.0f, d) : 0.0f;
		((int8_t *)head)[i] = round_i8(__fmul_rn(f, id));
		if (i % FOX_CACHE_GROUP == 0)
			*fox_cache_scale(c, head, i) = fox_f16_bits(d);
	} else if (!there) {
		return;
	} else if (c.type == FOX_F32) {
		((float *)head)[i] = f;
	} else {
		((uint16_t *)head)[i] = c.type == FOX_F16 ? fox_f16_bits(f) : fox_bf16_bits(f);
	}
}

static __global__ void __launch_bounds__(WARPS * 32) kv_put(struct put a)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	const uint32_t dim = a.cache.dim, lane = threadIdx.x % 32, each = a.cache.kv_heads + (a.q ? a.heads : 0);
	uint64_t at = (uint64_t)blockIdx.x * WARPS + threadIdx.x / 32;
	uint64_t row = at / each;
	uint32_t head = (uint32_t)(at % each), p = *a.pos + (uint32_t)row;
	if (row >= a.rows)
		return;
	const float *cos = a.cos + (uint64_t)p * a.pairs, *sin = a.sin + (uint64_t)p * a.pairs;
	if (head >= a.cache.kv_heads) {
		float *q = a.q + (row * a.heads + head - a.cache.kv_heads) * dim;
		for (uint32_t i = lane; i < a.pairs; i += 32) {
			uint32_t e, f;
			fox_rope_places(&e, &f, i, a.pairs, a.adjacent);
			float2 v = fox_rope_turn(q[e], q[f], cos[i], sin[i]);
			q[e] = v.x;
			q[f] = v.y;
		}
		return;
	}
	uint64_t from = (row * a.cache.kv_heads + head) * dim;
	uint8_t *page = fox_cache_page(a.cache, p);
	uint8_t *keys = fox_cache_head(a.cache, page, 0, head), *values = fox_cache_head(a.cache, page, 1, head);
	uint32_t place = p % FOX_CUDA_PAGE * dim;
	for (uint32_t e = lane; e - lane < dim; e += 32) {
		bool there = e < dim;
		float key = there ? fox_rope_element(a.k + from, e, cos, sin, a.pairs, a.adjacent) : 0;
		float value = there ? a.v[from + e] : 0;
		store(a.cache, keys, place + e, key, there);
		store(a.cache, values, place + e, value, there);
	}
}

extern "C" enum fox_status fox_cuda_kv_put(
    struct fox_cuda *c, const struct fox_cuda_put *put, struct fox_err *err)
{
	struct put a = {};
	a.cache = fox_cache_of(put->cache);
	a.k = put->k;
	a.v = put->v;
	a.pos = put->pos;
	a.rows = put->rows;
	a.heads = put->heads;
	if (put->rope) {
		a.q = put->q;
		a.cos = put->rope->cos;
		a.sin = put->rope->sin;
		a.pairs = put->rope->pairs;
		a.adjacent = put->rope->adjacent;
	}
	uint64_t warps = (uint64_t)put->rows * (a.cache.kv_heads + (a.q ? a.heads : 0));
	return fox_cuda_launch(c, err, "put keys and values", FOX_LAUNCH_EARLY, kv_put,
	    dim3((unsigned)((warps + WARPS - 1) / WARPS)), dim3(WARPS * 32), 0, a);
}
