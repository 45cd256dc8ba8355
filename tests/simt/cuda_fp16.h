/* cuda_fp16.h - half precision for the shim: conversions that round to nearest even, and a little arithmetic. */
#ifndef FOX_SIMT_FP16_H
#define FOX_SIMT_FP16_H

#include <cuda_runtime.h>

#include "kernels/half.h"

struct __half {
	uint16_t bits;
	__half() = default;
	__half(float f) : bits(fox_f32_to_f16(f))
	{
	}
	operator float() const
	{
		return fox_f16_to_f32(bits);
	}
};
typedef __half half;
struct __attribute__((aligned(4))) __half2 {
	__half x, y;
};
typedef __half2 half2;

static inline float __half2float(__half h)
{
	return (float)h;
}
static inline __half __float2half(float f)
{
	return __half(f);
}
static inline __half __float2half_rn(float f)
{
	return __half(f);
}
static inline uint16_t __half_as_ushort(__half h)
{
	return h.bits;
}
static inline __half __ushort_as_half(uint16_t bits)
{
	__half h;
	h.bits = bits;
	return h;
}
static inline float __low2float(__half2 v)
{
	return (float)v.x;
}
static inline float __high2float(__half2 v)
{
	return (float)v.y;
}
static inline float2 __half22float2(__half2 v)
{
	return make_float2((float)v.x, (float)v.y);
}
static inline __half2 __floats2half2_rn(float x, float y)
{
	return __half2{__half(x), __half(y)};
}
static inline __half2 __float22half2_rn(float2 v)
{
	return __floats2half2_rn(v.x, v.y);
}
static inline __half2 __halves2half2(__half x, __half y)
{
	return __half2{x, y};
}
static inline __half2 make_half2(__half x, __half y)
{
	return __half2{x, y};
}
static inline __half2 __half2half2(__half x)
{
	return __half2{x, x};
}
static inline __half __low2half(__half2 v)
{
	return v.x;
}
static inline __half __high2half(__half2 v)
{
	return v.y;
}
static inline __half2 __hadd2(__half2 a, __half2 b)
{
	return __floats2half2_rn((float)a.x + (float)b.x, (float)a.y + (float)b.y);
}
static inline __half2 __hsub2(__half2 a, __half2 b)
{
	return __floats2half2_rn((float)a.x - (float)b.x, (float)a.y - (float)b.y);
}
static inline __half2 __hmul2(__half2 a, __half2 b)
{
	return __floats2half2_rn((float)a.x * (float)b.x, (float)a.y * (float)b.y);
}
/* One rounding: the product of two halves and the sum with a third are exact in double. */
static inline __half2 __hfma2(__half2 a, __half2 b, __half2 c)
{
	return __floats2half2_rn(
	    fmaf((float)a.x, (float)b.x, (float)c.x), fmaf((float)a.y, (float)b.y, (float)c.y));
}

#endif
