/* intrinsics.h - device functions that kernels call by CUDA's names. Included by cuda_runtime.h. */
#ifndef FOX_SIMT_INTRINSICS_H
#define FOX_SIMT_INTRINSICS_H

using std::isfinite;
using std::isinf;
using std::isnan;
using std::signbit;

#define FOX_SIMT_LOAD(name)                                                                                  \
	template <typename T> static inline T name(const T *p)                                                   \
	{                                                                                                        \
		return *p;                                                                                           \
	}
FOX_SIMT_LOAD(__ldg)
FOX_SIMT_LOAD(__ldcs)
FOX_SIMT_LOAD(__ldca)
FOX_SIMT_LOAD(__ldcg)
FOX_SIMT_LOAD(__ldlu)
FOX_SIMT_LOAD(__ldcv)
#define FOX_SIMT_KEEP(name)                                                                                  \
	template <typename T> static inline void name(T *p, T v)                                                 \
	{                                                                                                        \
		*p = v;                                                                                              \
	}
FOX_SIMT_KEEP(__stcs)
FOX_SIMT_KEEP(__stcg)
FOX_SIMT_KEEP(__stwb)
FOX_SIMT_KEEP(__stwt)

template <typename A, typename B> static inline auto min(A a, B b)
{
	using T = std::common_type_t<A, B>;
	return (T)a < (T)b ? (T)a : (T)b;
}
template <typename A, typename B> static inline auto max(A a, B b)
{
	using T = std::common_type_t<A, B>;
	return (T)a > (T)b ? (T)a : (T)b;
}
static inline float min(float a, float b)
{
	return fminf(a, b);
}
static inline float max(float a, float b)
{
	return fmaxf(a, b);
}

template <typename To, typename From> static inline To fox_simt_bits(From v)
{
	static_assert(sizeof(To) == sizeof(From), "same size");
	To r;
	memcpy(&r, &v, sizeof r);
	return r;
}
#define __float_as_uint(v) fox_simt_bits<unsigned, float>(v)
#define __float_as_int(v) fox_simt_bits<int, float>(v)
#define __uint_as_float(v) fox_simt_bits<float, unsigned>(v)
#define __int_as_float(v) fox_simt_bits<float, int>(v)
#define __double_as_longlong(v) fox_simt_bits<long long, double>(v)
#define __longlong_as_double(v) fox_simt_bits<double, long long>(v)

/* Macros, where libc has functions of that name, or may come to have them. */
static inline float fox_simt_rsqrtf(float x)
{
	return (float)(1 / sqrt((double)x));
}
#define rsqrtf(x) fox_simt_rsqrtf(x)
#define __frsqrt_rn(x) fox_simt_rsqrtf(x)
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)

static inline float __fdividef(float a, float b)
{
	return a / b;
}
static inline float __frcp_rn(float x)
{
	return 1 / x;
}
static inline float __fsqrt_rn(float x)
{
	return sqrtf(x);
}
static inline float __fadd_rn(float a, float b)
{
	return a + b;
}
static inline float __fsub_rn(float a, float b)
{
	return a - b;
}
static inline float __fmul_rn(float a, float b)
{
	return a * b;
}
static inline float __fdiv_rn(float a, float b)
{
	return a / b;
}
static inline float __fmaf_rn(float a, float b, float c)
{
	return fmaf(a, b, c);
}
static inline float __saturatef(float x)
{
	return x > 0 ? x < 1 ? x : 1 : 0;
}
/* NaN becomes 0, what is out of range the nearest number, as on the device. */
static inline int __float2int_rn(float x)
{
	return std::isnan(x)         ? 0
	       : x >= 2147483648.0f  ? INT32_MAX
	       : x <= -2147483648.0f ? INT32_MIN
	                             : (int)rintf(x);
}
static inline int __float2int_rz(float x)
{
	return __float2int_rn(truncf(x));
}
static inline int __float2int_rd(float x)
{
	return __float2int_rn(floorf(x));
}
static inline float __int2float_rn(int x)
{
	return (float)x;
}
static inline float __uint2float_rn(unsigned x)
{
	return (float)x;
}

static inline int __popc(unsigned x)
{
	return __builtin_popcount(x);
}
static inline int __popcll(unsigned long long x)
{
	return __builtin_popcountll(x);
}
static inline int __clz(int x)
{
	return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __ffs(int x)
{
	return __builtin_ffs(x);
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
	return (unsigned)((uint64_t)a * b >> 32);
}
static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n)
{
	return (unsigned)(((uint64_t)hi << 32 | lo) >> (n & 31));
}
static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n)
{
	return (unsigned)(((uint64_t)hi << 32 | lo) << (n & 31) >> 32);
}
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned select)
{
	uint64_t all = (uint64_t)b << 32 | a;
	unsigned r = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned s = select >> 4 * i & 15, byte = (unsigned)(all >> 8 * (s & 7)) & 255;
		r |= (s & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * i;
	}
	return r;
}

static inline int __dp4a(int a, int b, int c)
{
	for (int i = 0; i < 4; i++)
		c = (int)((unsigned)c + (unsigned)((int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i)));
	return c;
}
static inline unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
	for (int i = 0; i < 4; i++)
		c += (a >> 8 * i & 255) * (b >> 8 * i & 255);
	return c;
}
/* Four bytes, or two halves, at once. */
template <typename F> static inline unsigned fox_simt_bytes(unsigned a, unsigned b, F f)
{
	unsigned r = 0;
	for (int i = 0; i < 32; i += 8)
		r |= (unsigned)(uint8_t)f((uint8_t)(a >> i), (uint8_t)(b >> i)) << i;
	return r;
}
static inline unsigned __vadd4(unsigned a, unsigned b)
{
	return fox_simt_bytes(a, b, [](uint8_t x, uint8_t y) { return x + y; });
}
static inline unsigned __vsub4(unsigned a, unsigned b)
{
	return fox_simt_bytes(a, b, [](uint8_t x, uint8_t y) { return x - y; });
}
static inline unsigned __vsubss4(unsigned a, unsigned b)
{
	return fox_simt_bytes(a, b, [](uint8_t x, uint8_t y) {
		int d = (int8_t)x - (int8_t)y;
		return d > 127 ? 127 : d < -128 ? -128 : d;
	});
}
static inline unsigned __vcmpeq4(unsigned a, unsigned b)
{
	return fox_simt_bytes(a, b, [](uint8_t x, uint8_t y) { return x == y ? 255 : 0; });
}
static inline unsigned __vcmpne4(unsigned a, unsigned b)
{
	return ~__vcmpeq4(a, b);
}

/* Blocks do not run at the same time, nor do fibers: nothing can come between. */
template <typename T, typename V> static inline T atomicAdd(T *p, V v)
{
	T old = *p;
	*p = old + (T)v;
	return old;
}
template <typename T, typename V> static inline T atomicMax(T *p, V v)
{
	T old = *p;
	*p = old > (T)v ? old : (T)v;
	return old;
}
template <typename T, typename V> static inline T atomicMin(T *p, V v)
{
	T old = *p;
	*p = old < (T)v ? old : (T)v;
	return old;
}
template <typename T, typename V> static inline T atomicExch(T *p, V v)
{
	T old = *p;
	*p = (T)v;
	return old;
}
template <typename T> static inline T atomicCAS(T *p, T want, T v)
{
	T old = *p;
	if (old == want)
		*p = v;
	return old;
}
/* Counts up to `last`, then starts at 0. */
static inline unsigned atomicInc(unsigned *p, unsigned last)
{
	unsigned old = *p;
	*p = old >= last ? 0 : old + 1;
	return old;
}

#endif
