/* probe.cu - the kernels of tests/cuda/probe.h. */
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

#include "tests/cuda/probe.h"

static __global__ void reverse(uint32_t *y, const uint32_t *x, uint32_t n)
{
	FOX_SHARED_DYNAMIC;
	uint32_t *s = (uint32_t *)fox_shared_dynamic;
	s[threadIdx.x] = x[blockIdx.x * n + threadIdx.x];
	__syncthreads();
	y[blockIdx.x * n + threadIdx.x] = s[n - 1 - threadIdx.x];
}

extern "C" enum fox_status probe_reverse(struct fox_cuda *c, uint32_t *y, const uint32_t *x, uint32_t n,
    uint32_t blocks, uint32_t shared, struct fox_err *err)
{
	return fox_cuda_launch(
	    c, err, "reverse", FOX_LAUNCH_PLAIN, reverse, dim3(blocks), dim3(n), shared, y, x, n);
}

static __global__ void warp(uint32_t *y, const uint32_t *x)
{
	uint32_t l = threadIdx.x, v = x[l], all = 0xffffffffu;
	y[32 * PROBE_XOR_5 + l] = __shfl_xor_sync(all, v, 5);
	y[32 * PROBE_DOWN_3 + l] = __shfl_down_sync(all, v, 3);
	y[32 * PROBE_UP_2 + l] = __shfl_up_sync(all, v, 2);
	y[32 * PROBE_FROM_7 + l] = __shfl_sync(all, v, 7);
	y[32 * PROBE_XOR_1_OF_8 + l] = __shfl_xor_sync(all, v, 1, 8);
	y[32 * PROBE_BALLOT_ODD + l] = __ballot_sync(all, v & 1);
	y[32 * PROBE_ADD + l] = __reduce_add_sync(all, v);
	y[32 * PROBE_MAX + l] = __reduce_max_sync(all, v);
	uint32_t half = l < 16 ? 0xffffu : 0xffff0000u;
	if (l < 16)
		y[32 * PROBE_HALVES + l] = __reduce_add_sync(half, v);
	else
		y[32 * PROBE_HALVES + l] = __reduce_max_sync(half, v);
}

extern "C" enum fox_status probe_warp(struct fox_cuda *c, uint32_t *y, const uint32_t *x, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "ask a warp", FOX_LAUNCH_PLAIN, warp, dim3(1), dim3(32), 0, y, x);
}

static __device__ uint32_t two(uint16_t low, uint16_t high)
{
	return low | (uint32_t)high << 16;
}

static __global__ void mma(float *d, const uint16_t *a, const uint16_t *b, bool half, bool ldmatrix)
{
	__shared__ uint4 sa[16 * 2], sb[16]; /* rows of 16 and of 8 elements */
	uint32_t l = threadIdx.x, g = l / 4, t = l % 4, fa[4], fb[4];
	float fd[4] = {0, 0, 0, 0};
	if (ldmatrix) {
		sa[l] = ((const uint4 *)a)[l];
		if (l < 16)
			sb[l] = ((const uint4 *)b)[l];
		__syncwarp();
		fox_ptx_ldmatrix4(fa, &sa[l % 16 * 2 + l / 16]);
		fox_ptx_ldmatrix4_trans(fb, &sb[l % 16]);
	} else {
		for (int i = 0; i < 4; i++) {
			const uint16_t *p = a + (g + 8 * (i % 2)) * 16 + 2 * t + 8 * (i / 2);
			fa[i] = two(p[0], p[1]);
		}
		for (int i = 0; i < 2; i++)
			fb[i] = two(b[(2 * t + 8 * i) * 8 + g], b[(2 * t + 1 + 8 * i) * 8 + g]);
	}
	if (half)
		fox_ptx_mma_f16(fd, fa, fb);
	else
		fox_ptx_mma_bf16(fd, fa, fb);
	for (int i = 0; i < 4; i++)
		d[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = fd[i];
}

extern "C" enum fox_status probe_mma(struct fox_cuda *c, float *d, const uint16_t *a, const uint16_t *b,
    bool half, bool ldmatrix, struct fox_err *err)
{
	return fox_cuda_launch(
	    c, err, "multiply", FOX_LAUNCH_PLAIN, mma, dim3(1), dim3(32), 0, d, a, b, half, ldmatrix);
}

static __global__ void mma_s8(int32_t *d, const int8_t *a, const int8_t *b)
{
	uint32_t g = threadIdx.x / 4, t = threadIdx.x % 4, fa[4], fb[2] = {0, 0};
	int32_t fd[4] = {0, 0, 0, 0};
	for (int i = 0; i < 4; i++)
		fa[i] = *(const uint32_t *)(a + (g + 8 * (i % 2)) * 32 + 4 * t + 16 * (i / 2));
	for (int i = 0; i < 8; i++)
		fb[i / 4] |= (uint32_t)(uint8_t)b[(4 * t + i % 4 + 16 * (i / 4)) * 8 + g] << 8 * (i % 4);
	fox_ptx_mma_s8(fd, fa, fb);
	for (int i = 0; i < 4; i++)
		d[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = fd[i];
}

extern "C" enum fox_status probe_mma_s8(
    struct fox_cuda *c, int32_t *d, const int8_t *a, const int8_t *b, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "multiply", FOX_LAUNCH_PLAIN, mma_s8, dim3(1), dim3(32), 0, d, a, b);
}

/* Threads 0 .. 31 bring the first half, the others the second, each party with a barrier of its own. */
static __global__ void copy(uint32_t *y, const uint32_t *x, uint32_t cut)
{
	__shared__ uint4 s[2][32];
	uint32_t party = threadIdx.x / 32, l = threadIdx.x % 32, at = 16 * threadIdx.x, end = 1024 - cut;
	uint32_t bytes = at >= end ? 0 : end - at < 16 ? end - at : 16;
	fox_ptx_copy16(&s[party][31 - l], bytes ? (const uint8_t *)x + at : (const uint8_t *)x, bytes);
	fox_ptx_copy_close();
	fox_ptx_copy_wait<0>();
	fox_ptx_barrier(1 + party, 32);
	const uint32_t *mine = (const uint32_t *)&s[party][31 - l],
	               *other = (const uint32_t *)&s[party][31 - (l ^ 1)];
	for (int i = 0; i < 4; i++)
		y[4 * threadIdx.x + i] = mine[i] + other[i];
}

extern "C" enum fox_status probe_copy(
    struct fox_cuda *c, uint32_t *y, const uint32_t *x, uint32_t cut, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "copy", FOX_LAUNCH_PLAIN, copy, dim3(1), dim3(64), 0, y, x, cut);
}

static __global__ void count(uint32_t *y)
{
	fox_ptx_let_next();
	fox_ptx_wait_before();
	*y += 1;
}

extern "C" enum fox_status probe_count(struct fox_cuda *c, uint32_t *y, struct fox_err *err)
{
	return fox_cuda_launch(c, err, "count", FOX_LAUNCH_EARLY, count, dim3(1), dim3(1), 0, y);
}
