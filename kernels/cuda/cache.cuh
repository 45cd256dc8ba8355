/* cache.cuh - the key-value cache on the device: where a position lies, and its elements to f32. ops.h has the layout. */
#ifndef FOX_CACHE_CUH
#define FOX_CACHE_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/cuda/ops.h"

#define FOX_CACHE_GROUP 32u /* elements under one scale of q8_0 */

/* struct fox_cuda_cache as kernels take it. */
struct fox_cache {
	uint8_t *const *pages;
	uint32_t n_pages, kv_heads, dim;
	uint64_t side[2];    /* of keys, of values, in a page */
	uint64_t head_bytes; /* of one head in a side */
	enum fox_type type;
};

static inline struct fox_cache fox_cache_of(const struct fox_cuda_cache *c)
{
	struct fox_cache k;
	k.pages = (uint8_t *const *)c->pages;
	k.n_pages = c->n_pages;
	k.kv_heads = c->kv_heads;
	k.dim = c->dim;
	k.side[0] = c->key_at;
	k.side[1] = c->value_at;
	k.head_bytes = fox_cuda_side_bytes(c->type, 1, c->dim);
	k.type = c->type;
	return k;
}

/* The page of a position. Without a ring no division. */
static __device__ __forceinline__ uint8_t *fox_cache_page(const struct fox_cache &c, uint32_t position)
{
	uint32_t i = position / FOX_CUDA_PAGE;
	return c.pages[i < c.n_pages ? i : i % c.n_pages];
}

/* One head of one side (0: keys, 1: values) of a page: position p's elements lie from p % FOX_CUDA_PAGE times dim on. */
static __device__ __forceinline__ uint8_t *fox_cache_head(
    const struct fox_cache &c, uint8_t *page, int side, uint32_t head)
{
	return page + c.side[side] + head * c.head_bytes;
}

/* Of q8_0: the scale of element i of a head of a page. */
static __device__ __forceinline__ uint16_t *fox_cache_scale(
    const struct fox_cache &c, uint8_t *head, uint32_t i)
{
	return (uint16_t *)(head + FOX_CUDA_PAGE * c.dim) + i / FOX_CACHE_GROUP;
}

static __device__ __forceinline__ float fox_f16_value(uint16_t bits)
{
	return __half2float(__ushort_as_half(bits));
}

static __device__ __forceinline__ float fox_bf16_value(uint16_t bits)
{
	return __uint_as_float((uint32_t)bits << 16);
}

/* To nearest even with the CPU's NaN. */
static __device__ __forceinline__ uint16_t fox_f16_bits(float f)
{
	uint32_t bits = __float_as_uint(f);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)((bits >> 16 & 0x8000) | 0x7e00 | (bits >> 13 & 0x3ff));
	return __half_as_ushort(__float2half_rn(f));
}

static __device__ __forceinline__ uint16_t fox_bf16_bits(float f)
{
	uint32_t bits = __float_as_uint(f);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40);
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Element i of a head of a page (i = position in the page times dim, plus the element's number). */
static __device__ __forceinline__ float fox_cache_element(
    const struct fox_cache &c, uint8_t *head, uint32_t i)
{
	switch (c.type) {
	case FOX_F32:
		return ((const float *)head)[i];
	case FOX_F16:
		return fox_f16_value(((const uint16_t *)head)[i]);
	case FOX_BF16:
		return fox_bf16_value(((const uint16_t *)head)[i]);
	default:
		return fox_f16_value(*fox_cache_scale(c, head, i)) * (float)((const int8_t *)head)[i];
	}
}

/* Eight elements as they are stored, loaded at once: dim is a multiple of 8, i too. Opened they are yet to be multiplied by
 * scale(). */
template <int TYPE> struct fox_cache8;

template <> struct fox_cache8<FOX_F32> {
	float4 lo, hi;
	__device__ __forceinline__ void load(const struct fox_cache &, uint8_t *head, uint32_t i)
	{
		const float4 *p = (const float4 *)(head + 4ull * i);
		lo = p[0], hi = p[1];
	}
	__device__ __forceinline__ void zero()
	{
		lo = hi = make_float4(0, 0, 0, 0);
	}
	__device__ __forceinline__ float scale() const
	{
		return 1;
	}
	__device__ __forceinline__ void open(float v[8]) const
	{
		v[0] = lo.x, v[1] = lo.y, v[2] = lo.z, v[3] = lo.w;
		v[4] = hi.x, v[5] = hi.y, v[6] = hi.z, v[7] = hi.w;
	}
};

/* Of either 16-bit format. */
struct fox_cache8_words {
	uint4 raw;
	__device__ __forceinline__ void load(const struct fox_cache &, uint8_t *head, uint32_t i)
	{
		raw = *(const uint4 *)(head + 2ull * i);
	}
	__device__ __forceinline__ void zero()
	{
		raw = make_uint4(0, 0, 0, 0);
	}
	__device__ __forceinline__ float scale() const
	{
		return 1;
	}
};

template <> struct fox_cache8<FOX_F16> : fox_cache8_words {
	__device__ __forceinline__ void open(float v[8]) const
	{
		const uint32_t w[4] = {raw.x, raw.y, raw.z, raw.w};
		for (int k = 0; k < 4; k++) {
			v[2 * k] = fox_f16_value((uint16_t)w[k]);
			v[2 * k + 1] = fox_f16_value((uint16_t)(w[k] >> 16));
		}
	}
};

template <> struct fox_cache8<FOX_BF16> : fox_cache8_words {
	__device__ __forceinline__ void open(float v[8]) const
	{
		const uint32_t w[4] = {raw.x, raw.y, raw.z, raw.w};
		for (int k = 0; k < 4; k++) {
			v[2 * k] = __uint_as_float(w[k] << 16);
			v[2 * k + 1] = __uint_as_float(w[k] & 0xffff0000u);
		}
	}
};

template <> struct fox_cache8<FOX_Q8_0> {
	uint2 raw;
	uint16_t d;
	__device__ __forceinline__ void load(const struct fox_cache &c, uint8_t *head, uint32_t i)
	{
		raw = *(const uint2 *)(head + i);
		d = *fox_cache_scale(c, head, i);
	}
	__device__ __forceinline__ void zero()
	{
		raw = make_uint2(0, 0), d = 0;
	}
	__device__ __forceinline__ float scale() const
	{
		return fox_f16_value(d);
	}
	__device__ __forceinline__ void open(float v[8]) const
	{
		/* a byte plus 128 as the last bits of 2^23: cheaper than a conversion */
		const uint32_t w[2] = {raw.x ^ 0x80808080u, raw.y ^ 0x80808080u};
		for (int k = 0; k < 8; k++)
			v[k] = __uint_as_float(__byte_perm(w[k / 4], 0x4b000000u, 0x7440 | k % 4)) - 8388736.0f;
	}
};

/* Up to eight elements from i on (left: how many there are); all at once where dim is a multiple of 8. */
static __device__ __forceinline__ void fox_cache_open8(
    const struct fox_cache &c, uint8_t *head, uint32_t i, uint32_t left, float v[8])
{
	if (c.dim % 8 == 0 && c.type == FOX_F32) {
		struct fox_cache8<FOX_F32> x;
		x.load(c, head, i), x.open(v);
	} else if (c.dim % 8 == 0 && c.type == FOX_F16) {
		struct fox_cache8<FOX_F16> x;
		x.load(c, head, i), x.open(v);
	} else if (c.dim % 8 == 0 && c.type == FOX_BF16) {
		struct fox_cache8<FOX_BF16> x;
		x.load(c, head, i), x.open(v);
	} else if (c.dim % 8 == 0) {
		struct fox_cache8<FOX_Q8_0> x;
		x.load(c, head, i), x.open(v);
		for (uint32_t k = 0; k < 8; k++)
			v[k] *= x.scale();
	} else {
		for (uint32_t k = 0; k < 8; k++)
			v[k] = k < left ? fox_cache_element(c, head, i + k) : 0;
	}
}

#endif
