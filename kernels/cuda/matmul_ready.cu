/* matmul_ready.cu - operands of matmul as tensor cores take them: activations rounded into parts, weights decoded into a panel.
 *
 * One launch for both: the first blocks take a row of activations each, the others a row of weights a warp, eight weights a
 * lane. Rows end in zeros up to a multiple of FOX_MATMUL_STEP. */
#include "kernels/cuda/block.cuh"
#include "kernels/cuda/matmul.cuh"
#include "kernels/cuda/ptx.cuh"

#include <cuda_bf16.h>

enum { THREADS = 256, WARPS = THREADS / 32 };

/* ---- eight values into parts */

static __device__ __forceinline__ uint32_t two_bf16(float a, float b)
{
	__nv_bfloat162 v = __floats2bfloat162_rn(a, b);
	return *(const fox_bits32 *)&v;
}

static __device__ __forceinline__ uint32_t two_f16(float a, float b)
{
	__half2 v = __floats2half2_rn(a, b);
	return *(const fox_bits32 *)&v;
}

static __device__ __forceinline__ float bf16_of(uint32_t two, int i)
{
	return __uint_as_float(i ? two & 0xffff0000u : two << 16);
}

static __device__ __forceinline__ float f16_of(uint32_t two, int i)
{
	return __half2float(__ushort_as_half((unsigned short)(two >> 16 * i)));
}

/* What the part left of v. What rounds to Inf, and NaN, is all in the first part: the others must not make NaN of Inf. */
static __device__ __forceinline__ float rest_of(float v, float part)
{
	return isfinite(part) ? v - part : 0;
}

template <bool IS_F16, int PARTS>
static __device__ __forceinline__ void put_eight(uint8_t *to, uint64_t part_bytes, const float in[8])
{
	float v[8];
#pragma unroll
	for (int i = 0; i < 8; i++)
		v[i] = in[i];
#pragma unroll
	for (int p = 0; p < PARTS; p++) {
		uint32_t w[4];
#pragma unroll
		for (int i = 0; i < 4; i++) {
			w[i] = IS_F16 ? two_f16(v[2 * i], v[2 * i + 1]) : two_bf16(v[2 * i], v[2 * i + 1]);
#pragma unroll
			for (int k = 0; k < 2; k++)
				v[2 * i + k] = rest_of(v[2 * i + k], IS_F16 ? f16_of(w[i], k) : bf16_of(w[i], k));
		}
		*(uint4 *)(to + p * part_bytes) = make_uint4(w[0], w[1], w[2], w[3]);
	}
}

/* ---- the power of two that brings a magnitude to 2^14; Inf and NaN stay as they are */

static __device__ __forceinline__ int scale_of(uint32_t largest_bits)
{
	int exponent = (int)(largest_bits >> 23) - 127;
	return exponent == 128 || largest_bits == 0 ? 0 : 14 - exponent;
}

/* v * 2^e: two steps, for 2^e alone may be no f32. Where the first result is subnormal, so is the value below 2^-112 of any
 * that matter: e is positive unless values are large. */
static __device__ __forceinline__ void scale_eight(float v[8], int e)
{
	float a = __int_as_float((e / 2 + 127) << 23), b = __int_as_float((e - e / 2 + 127) << 23);
#pragma unroll
	for (int i = 0; i < 8; i++)
		v[i] = v[i] * a * b;
}

static __device__ __forceinline__ uint32_t larger_of_eight(uint32_t most, const float v[8])
{
#pragma unroll
	for (int i = 0; i < 8; i++)
		most = max(most, __float_as_uint(v[i]) & 0x7fffffffu);
	return most;
}

/* ---- activations */

static __device__ __forceinline__ void load_eight(float v[8], const float *x, uint32_t e, uint32_t cols)
{
	const float *from = x + 8 * e;
	if (8 * e + 8 <= cols && (uintptr_t)from % 16 == 0) {
		float4 a = *(const float4 *)from, b = *(const float4 *)(from + 4);
		v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w, v[4] = b.x, v[5] = b.y, v[6] = b.z, v[7] = b.w;
		return;
	}
#pragma unroll
	for (uint32_t i = 0; i < 8; i++)
		v[i] = 8 * e + i < cols ? from[i] : 0;
}

template <enum fox_matmul_form F>
static __device__ void ready_x(const struct fox_matmul_prepare *p, uint32_t row)
{
	__shared__ uint32_t most[WARPS];
	const float *x = p->x + (uint64_t)row * p->cols;
	int e = 0;
	float v[8];
	if (fox_matmul_parts<F>::IS_F16) {
		uint32_t largest = 0;
		for (uint32_t i = threadIdx.x; i < (p->cols + 7) / 8; i += THREADS) {
			load_eight(v, x, i, p->cols);
			largest = larger_of_eight(largest, v);
		}
		largest = __reduce_max_sync(0xffffffffu, largest);
		if (threadIdx.x % 32 == 0)
			most[threadIdx.x / 32] = largest;
		__syncthreads();
		for (int i = 0; i < WARPS; i++)
			largest = max(largest, most[i]);
		e = scale_of(largest);
		if (threadIdx.x == 0)
			p->x_scale[row] = e;
	}
	for (uint32_t i = threadIdx.x; i < p->padded / 8; i += THREADS) {
		load_eight(v, x, i, p->cols);
		if (fox_matmul_parts<F>::IS_F16)
			scale_eight(v, e);
		put_eight<fox_matmul_parts<F>::IS_F16, fox_matmul_parts<F>::X>(
		    p->xq + (uint64_t)row * p->padded * 2 + i * 16, p->x_part_bytes, v);
	}
}

/* ---- weights */

template <enum fox_type T, int A>
static __device__ __forceinline__ void decode_eight(float v[8], const uint8_t *row, uint32_t e, uint32_t cols)
{
	if (8 * e + 8 <= cols) {
		fox_decode8<T, A>(v, row, e / 4, e % 4);
		return;
	}
#pragma unroll
	for (uint32_t i = 0; i < 8; i++)
		v[i] = fox_block<T>::LEN == 8 && 8 * e + i < cols ? fox_decode1(T, row, 8 * e + i) : 0;
}

template <enum fox_matmul_form F, enum fox_type T, int A>
static __device__ __forceinline__ void ready_row(
    const struct fox_matmul_prepare *p, const uint8_t *row, uint32_t at)
{
	constexpr bool SCALED = F == FOX_MATMUL_F16X22;
	uint32_t lane = threadIdx.x % 32;
	int e = 0;
	float v[8];
	if (SCALED) {
		uint32_t largest = 0;
		for (uint32_t i = lane; i < (p->cols + 7) / 8; i += 32) {
			decode_eight<T, A>(v, row, i, p->cols);
			largest = larger_of_eight(largest, v);
		}
		e = scale_of(__reduce_max_sync(0xffffffffu, largest));
		if (lane == 0)
			p->w_scale[at] = e;
	}
	uint8_t *to = p->panel + (uint64_t)at * p->padded * 2;
	for (uint32_t i = lane; i < p->padded / 8; i += 32) {
		decode_eight<T, A>(v, row, i, p->cols);
		if (SCALED)
			scale_eight(v, e);
		put_eight<fox_matmul_parts<F>::IS_F16, fox_matmul_parts<F>::W>(to + i * 16, p->w_part_bytes, v);
	}
}

/* Row `at` of the panel. */
template <enum fox_matmul_form F>
static __device__ void ready_w(const struct fox_matmul_prepare *p, uint32_t at)
{
	uint32_t s = 0;
	while (s + 1 < p->n_sources && at >= p->source[s + 1].first)
		s++;
	const struct fox_matmul_source *from = &p->source[s];
	const uint8_t *row = from->w + (uint64_t)(at - from->first) * from->row_bytes;
	bool tight = ((uintptr_t)from->w | from->row_bytes) % 16 == 0;
#define READY(ID, name)                                                                                      \
	case FOX_##ID:                                                                                           \
		if (fox_block<FOX_##ID>::TIGHT != fox_block<FOX_##ID>::LOOSE && tight)                               \
			ready_row<F, FOX_##ID, fox_block<FOX_##ID>::TIGHT>(p, row, at);                                  \
		else                                                                                                 \
			ready_row<F, FOX_##ID, fox_block<FOX_##ID>::LOOSE>(p, row, at);                                  \
		break;
	if (F == FOX_MATMUL_F16 || F == FOX_MATMUL_F16X2)
		ready_row<F, FOX_F16, 2>(p, row, at);
	else if (F == FOX_MATMUL_BF16X3)
		ready_row<F, FOX_BF16, 2>(p, row, at);
	else
		switch (from->type) {
			FOX_GEMM_TYPES(READY, READY)
		default:
			break;
		}
#undef READY
}

template <enum fox_matmul_form F>
static __global__ void __launch_bounds__(THREADS)
    ready_kernel(const __grid_constant__ struct fox_matmul_prepare p)
{
	fox_ptx_let_next();
	fox_ptx_wait_before(); /* the panel is read until the product before this one ends */
	uint32_t x_blocks = p.x ? p.x_rows : 0;
	if (blockIdx.x < x_blocks) {
		ready_x<F>(&p, blockIdx.x);
		return;
	}
	uint32_t at = (blockIdx.x - x_blocks) * WARPS + threadIdx.x / 32;
	if (at < p.w_rows)
		ready_w<F>(&p, at);
}

template <enum fox_matmul_form F>
static enum fox_status ready(struct fox_cuda *c, const struct fox_matmul_prepare *p, struct fox_err *err)
{
	uint32_t blocks = (p->x ? p->x_rows : 0) + (p->w_rows + WARPS - 1) / WARPS;
	return fox_cuda_launch(
	    c, err, "round operands", FOX_LAUNCH_EARLY, ready_kernel<F>, dim3(blocks), dim3(THREADS), 0, *p);
}

enum fox_status fox_matmul_ready(
    struct fox_cuda *c, enum fox_matmul_form form, const struct fox_matmul_prepare *p, struct fox_err *err)
{
	if (!p->x && p->w_rows == 0)
		return FOX_OK;
	switch (form) {
	case FOX_MATMUL_BF16:
		return ready<FOX_MATMUL_BF16>(c, p, err);
	case FOX_MATMUL_F16:
		return ready<FOX_MATMUL_F16>(c, p, err);
	case FOX_MATMUL_BF16X3:
		return ready<FOX_MATMUL_BF16X3>(c, p, err);
	case FOX_MATMUL_F16X2:
		return ready<FOX_MATMUL_F16X2>(c, p, err);
	default:
		return ready<FOX_MATMUL_F16X22>(c, p, err);
	}
}
