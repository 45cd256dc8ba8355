/* cuda_bf16.h - bfloat16 for the shim: conversions that round to nearest even. */
#ifndef FOX_SIMT_BF16_H
#define FOX_SIMT_BF16_H

#include <cuda_runtime.h>

#include "kernels/half.h"

struct __nv_bfloat16 {
	uint16_t bits;
	__nv_bfloat16() = default;
	__nv_bfloat16(float f) : bits(fox_f32_to_bf16(f))
	{
	}
	operator float() const
	{
		return fox_bf16_to_f32(bits);
	}
};
struct __attribute__((aligned(4))) __nv_bfloat162 {
	__nv_bfloat16 x, y;
};

static inline float __bfloat162float(__nv_bfloat16 h)
{
	return (float)h;
}
static inline __nv_bfloat16 __float2bfloat16(float f)
{
	return __nv_bfloat16(f);
}
static inline __nv_bfloat16 __float2bfloat16_rn(float f)
{
	return __nv_bfloat16(f);
}
static inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 h)
{
	return h.bits;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(uint16_t bits)
{
	__nv_bfloat16 h;
	h.bits = bits;
	return h;
}
static inline float2 __bfloat1622float2(__nv_bfloat162 v)
{
	return make_float2((float)v.x, (float)v.y);
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
	return __nv_bfloat162{__nv_bfloat16(x), __nv_bfloat16(y)};
}
static inline __nv_bfloat162 __float22bfloat162_rn(float2 v)
{
	return __floats2bfloat162_rn(v.x, v.y);
}
static inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y)
{
	return __nv_bfloat162{x, y};
}
static inline float __low2float(__nv_bfloat162 v)
{
	return (float)v.x;
}
static inline float __high2float(__nv_bfloat162 v)
{
	return (float)v.y;
}

#endif
