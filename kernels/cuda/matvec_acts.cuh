/* matvec_acts.cuh - a row of activations normalized, rounded and laid out for matvec. Private to matvec*.cu. */
#ifndef FOX_MATVEC_ACTS_CUH
#define FOX_MATVEC_ACTS_CUH

#include "kernels/cuda/matvec.cuh"
#include "kernels/cuda/ptx.cuh"

/* Sum over a team of WARPS warps, which may be one of several in a block; all threads of the block call it together. */
template <int WARPS> static __device__ float fox_team_sum(float v, float *shared, uint32_t warp)
{
#pragma unroll
	for (int apart = 16; apart > 0; apart /= 2)
		v += __shfl_xor_sync(0xffffffffu, v, apart);
	if (WARPS == 1)
		return v;
	if (threadIdx.x % 32 == 0)
		shared[warp] = v;
	__syncthreads();
	float sum = 0;
#pragma unroll
	for (uint32_t i = 0; i < WARPS; i++)
		sum += shared[warp / WARPS * WARPS + i];
	__syncthreads();
	return sum;
}

/* Elements i .. i + 3 of n, in one piece where `wide`; what lies past the end is 0. */
static __device__ __forceinline__ float4 fox_load4(const float *x, uint32_t i, uint32_t n, bool wide)
{
	float4 v = make_float4(0, 0, 0, 0);
	if (wide) {
		if (i < n)
			v = *(const float4 *)(x + i);
	} else if (i < n) {
		v.x = x[i];
		v.y = i + 1 < n ? x[i + 1] : 0;
		v.z = i + 2 < n ? x[i + 2] : 0;
		v.w = i + 3 < n ? x[i + 3] : 0;
	}
	return v;
}

/* Write elements i .. i + 3. Q8: the eight lanes of a group call together, as kernels/scalar/acts_scalar.c rounds. */
static __device__ void fox_put4(uint8_t *dst, enum fox_matvec_acts kind, uint32_t cols, uint32_t i, float4 v)
{
	uint32_t units = (cols + 31) / 32;
	if (kind == FOX_MATVEC_F32X8) {
		if (i < 32 * units)
			((float4 *)dst)[i / 4 % 2 * (4 * units) + i / 8] = v;
		return;
	}
	if (kind == FOX_MATVEC_F32X32) {
		if (i < 32 * units)
			((float4 *)dst)[i / 4 % 8 * units + i / 32] = v;
		return;
	}
	uint32_t most = max(max(__float_as_uint(v.x) & 0x7fffffffu, __float_as_uint(v.y) & 0x7fffffffu),
	    max(__float_as_uint(v.z) & 0x7fffffffu, __float_as_uint(v.w) & 0x7fffffffu));
#pragma unroll
	for (int apart = 4; apart > 0; apart /= 2)
		most = max(most, __shfl_xor_sync(0xffffffffu, most, apart));
	float d = __fdiv_rn(__uint_as_float(most), 127.0f), r = __fdiv_rn(1.0f, d);
	bool usable = isfinite(d) && isfinite(r);
	int q[4] = {
	    __float2int_rn(v.x * r), __float2int_rn(v.y * r), __float2int_rn(v.z * r), __float2int_rn(v.w * r)};
	uint32_t packed = 0;
	int sum = 0;
#pragma unroll
	for (int k = 0; k < 4; k++) {
		q[k] = usable ? q[k] : 0;
		packed |= (uint32_t)(q[k] & 255) << 8 * k;
		sum += q[k];
	}
	sum += __shfl_xor_sync(0xffffffffu, sum, 1);
	sum += __shfl_xor_sync(0xffffffffu, sum, 2);
	int other = __shfl_xor_sync(0xffffffffu, sum, 4);
	if (i >= cols)
		return;
	uint32_t u = i / 32;
	((uint32_t *)dst)[i / 16 % 2 * (4 * units) + 4 * u + i / 4 % 4] = packed;
	if (i % 32 == 0)
		((uint2 *)(dst + 32 * units))[u] =
		    make_uint2(__float_as_uint(d), (uint32_t)(sum & 0xffff) | (uint32_t)other << 16);
}

/* What of a row, and of the norm's weights, a thread holds in registers: elements first + k * WARPS * 128 .. + 3 */
enum { FOX_HOLD = 2 };

/* f(k, i, elements i .. i + 3 of x) for all of a thread's, k < 0 where they are not among the held, of which v[k] are the
 * k-th. All lanes of a warp are called for the same k, even where their elements lie past the end. */
template <int WARPS, typename F>
static __device__ __forceinline__ void fox_each4(
    const float4 *v, const float *x, uint32_t cols, bool wide, uint32_t first, F f)
{
#pragma unroll
	for (int k = 0; k < FOX_HOLD; k++)
		if ((first + k * WARPS * 128) / 128 * 128 < cols)
			f(k, first + k * WARPS * 128, v[k]);
	for (uint32_t i = first + FOX_HOLD * WARPS * 128; i / 128 * 128 < cols; i += WARPS * 128)
		f(-1, i, fox_load4(x, i, cols, wide));
}

/* Fill `dst` from one row x: WARPS warps, of which this is number `warp` of the block; w: the norm's weights as
 * fox_hold_norm loaded them. */
template <int WARPS>
static __device__ __forceinline__ void fox_fill_acts(uint8_t *dst, enum fox_matvec_acts kind, const float *x,
    uint32_t cols, bool wide, const struct fox_cuda_norm &norm, const float4 *w, float *shared, uint32_t warp)
{
	uint32_t first = (warp % WARPS * 32 + threadIdx.x % 32) * 4;
	float4 v[FOX_HOLD];
#pragma unroll
	for (int k = 0; k < FOX_HOLD; k++)
		v[k] = fox_load4(x, first + k * WARPS * 128, cols, wide);
	float mean = 0, inverse = 1;
	if (norm.w) {
		float sum = 0;
		if (norm.layer) {
			fox_each4<WARPS>(
			    v, x, cols, wide, first, [&](int, uint32_t, float4 a) { sum += (a.x + a.y) + (a.z + a.w); });
			mean = fox_team_sum<WARPS>(sum, shared, warp) / (float)cols;
			sum = 0;
		}
		fox_each4<WARPS>(v, x, cols, wide, first, [&](int, uint32_t i, float4 a) {
			float p[4] = {a.x - mean, a.y - mean, a.z - mean, a.w - mean};
#pragma unroll
			for (uint32_t j = 0; j < 4; j++)
				sum = i + j < cols ? fmaf(p[j], p[j], sum) : sum;
		});
		inverse = 1.0f / sqrtf(fox_team_sum<WARPS>(sum, shared, warp) / (float)cols + norm.eps);
	}
	fox_each4<WARPS>(v, x, cols, wide, first, [&](int k, uint32_t i, float4 a) {
		if (norm.w) {
			float4 s = k >= 0 ? w[k] : fox_load4(norm.w, i, cols, wide), b = make_float4(0, 0, 0, 0);
			if (norm.bias)
				b = fox_load4(norm.bias, i, cols, wide);
			a.x = i < cols ? (a.x - mean) * inverse * s.x + b.x : 0;
			a.y = i + 1 < cols ? (a.y - mean) * inverse * s.y + b.y : 0;
			a.z = i + 2 < cols ? (a.z - mean) * inverse * s.z + b.z : 0;
			a.w = i + 3 < cols ? (a.w - mean) * inverse * s.w + b.w : 0;
		}
		fox_put4(dst, kind, cols, i, a);
	});
}

/* The norm's weights that fox_fill_acts<WARPS> wants; asks for the rest to come to L2. */
template <int WARPS>
static __device__ void fox_hold_norm(
    float4 *w, const struct fox_cuda_norm &norm, uint32_t cols, bool wide, uint32_t warp)
{
	uint32_t first = (warp % WARPS * 32 + threadIdx.x % 32) * 4;
#pragma unroll
	for (uint32_t k = 0; k < FOX_HOLD; k++)
		w[k] = norm.w ? fox_load4(norm.w, first + k * WARPS * 128, cols, wide) : make_float4(0, 0, 0, 0);
	if (!norm.w)
		return;
	for (uint32_t i = first + FOX_HOLD * WARPS * 128; i < cols; i += WARPS * 128)
		fox_ptx_prefetch(norm.w + i);
	if (norm.bias)
		for (uint32_t i = first; i < cols; i += WARPS * 128)
			fox_ptx_prefetch(norm.bias + i);
}

#endif
