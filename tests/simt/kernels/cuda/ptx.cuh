/* ptx.cuh - kernels/cuda/ptx.cuh for the shim: what the PTX ISA says of each instruction, in C++. -Itests/simt comes first, so
 * the kernels find this one.
 *
 * Where a device is free to be later, this is as late as it may be: a copy into shared memory leaves garbage until the wait.
 * Sums of the tensor cores are cut off, not rounded to nearest, as on a device; products are not aligned to the largest before
 * they are added, by which a device loses a little more. */
#ifndef FOX_PTX_CUH
#define FOX_PTX_CUH

#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/half.h"

struct fox_simt_mma : fox_simt_op {
	void *d;
	const uint32_t *a, *b;
};

static inline float fox_simt_bf16(uint32_t two, unsigned i)
{
	return fox_bf16_to_f32((uint16_t)(two >> 16 * i));
}
static inline float fox_simt_f16(uint32_t two, unsigned i)
{
	return fox_f16_to_f32((uint16_t)(two >> 16 * i));
}
static inline int32_t fox_simt_s8(uint32_t four, unsigned i)
{
	return (int8_t)(four >> 8 * i);
}

/* What a tensor core makes of a sum that does not fit: the number nearer to 0. */
static inline int32_t fox_simt_cut(int64_t sum)
{
	return (int32_t)sum;
}
static inline float fox_simt_cut(double sum)
{
	float f = (float)sum;
	return fabs((double)f) > fabs(sum) ? nextafterf(f, 0) : f;
}

/* Per: elements in a register. Element k of row r of a lies with lane 4 (r % 8) + k / Per % 4. */
template <typename T, typename Sum, unsigned Per, T (*At)(uint32_t, unsigned)>
static inline void fox_simt_meet_mma(fox_simt_op *const *lane)
{
	const fox_simt_mma *of[32];
	for (int i = 0; i < 32; i++) {
		of[i] = (const fox_simt_mma *)lane[i];
		if (!of[i])
			fox_simt_die("a tensor instruction without all lanes of the warp");
	}
	constexpr unsigned depth = 8 * Per;
	Sum a[16][depth], b[depth][8]; /* each element once: there are 8 and 16 products of it */
	for (unsigned k = 0; k < depth; k++) {
		unsigned t = k / Per % 4, half = k / (4 * Per);
		for (unsigned r = 0; r < 16; r++)
			a[r][k] = At(of[4 * (r % 8) + t]->a[r / 8 + 2 * half], k % Per);
		for (unsigned c = 0; c < 8; c++)
			b[k][c] = At(of[4 * c + t]->b[half], k % Per);
	}
	for (unsigned r = 0; r < 16; r++) {
		Sum sum[8];
		for (unsigned c = 0; c < 8; c++)
			sum[c] = ((T *)of[4 * (r % 8) + c / 2]->d)[2 * (r / 8) + c % 2];
		for (unsigned k = 0; k < depth; k++)
			for (unsigned c = 0; c < 8; c++)
				sum[c] += a[r][k] * b[k][c];
		for (unsigned c = 0; c < 8; c++)
			((T *)of[4 * (r % 8) + c / 2]->d)[2 * (r / 8) + c % 2] = fox_simt_cut(sum[c]);
	}
}

static inline void fox_ptx_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	fox_simt_mma op = {{fox_simt_meet_mma<float, double, 2, fox_simt_bf16>, 0xffffffffu}, d, a, b};
	fox_simt_meet(&op);
}

static inline void fox_ptx_mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	fox_simt_mma op = {{fox_simt_meet_mma<float, double, 2, fox_simt_f16>, 0xffffffffu}, d, a, b};
	fox_simt_meet(&op);
}

static inline void fox_ptx_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2])
{
	fox_simt_mma op = {{fox_simt_meet_mma<int32_t, int64_t, 4, fox_simt_s8>, 0xffffffffu}, d, a, b};
	fox_simt_meet(&op);
}

struct fox_simt_matrix : fox_simt_op {
	uint32_t *r;
	const uint16_t *row;
};
template <bool Trans> static inline void fox_simt_meet_matrix(fox_simt_op *const *lane)
{
	for (unsigned l = 0; l < 32; l++) {
		if (!lane[l])
			fox_simt_die("a tensor instruction without all lanes of the warp");
		for (unsigned i = 0; i < 4; i++) {
			uint16_t e[2];
			for (unsigned k = 0; k < 2; k++) {
				unsigned r = Trans ? l % 4 * 2 + k : l / 4, c = Trans ? l / 4 : l % 4 * 2 + k;
				e[k] = ((const fox_simt_matrix *)lane[8 * i + r])->row[c];
			}
			((fox_simt_matrix *)lane[l])->r[i] = e[0] | (uint32_t)e[1] << 16;
		}
	}
}
template <bool Trans> static inline void fox_simt_ldmatrix(uint32_t r[4], const void *row)
{
	if ((uintptr_t)row % 16)
		fox_simt_die("a row of a matrix is not aligned to 16 bytes");
	fox_simt_matrix op = {{fox_simt_meet_matrix<Trans>, 0xffffffffu}, r, (const uint16_t *)row};
	fox_simt_meet(&op);
}
static inline void fox_ptx_ldmatrix4(uint32_t r[4], const void *row)
{
	fox_simt_ldmatrix<false>(r, row);
}
static inline void fox_ptx_ldmatrix4_trans(uint32_t r[4], const void *row)
{
	fox_simt_ldmatrix<true>(r, row);
}

void fox_simt_copy(void *shared, const void *global, uint32_t bytes); /* 16 bytes, seen after the wait */
void fox_simt_copy_close();
void fox_simt_copy_wait(unsigned left);
static inline void fox_ptx_copy16(void *shared, const void *global, uint32_t bytes)
{
	if ((uintptr_t)shared % 16 || (uintptr_t)global % 16 || bytes > 16)
		fox_simt_die("a copy to shared memory is not aligned to 16 bytes");
	fox_simt_copy(shared, global, bytes);
}
static inline void fox_ptx_copy_close()
{
	fox_simt_copy_close();
}
template <int N> static inline void fox_ptx_copy_wait()
{
	fox_simt_copy_wait(N);
}

static inline float fox_ptx_exp2(float x)
{
	return x < -126 ? 0 : exp2f(x);
}

static inline uint4 fox_ptx_stream16(const void *p)
{
	if ((uintptr_t)p % 16)
		fox_simt_die("a load of 16 bytes is not aligned");
	return *(const uint4 *)p;
}
static inline void fox_ptx_prefetch(const void *)
{
}
static inline void fox_ptx_barrier(uint32_t id, uint32_t n)
{
	if (n == 0 || n % 32)
		fox_simt_die("a barrier of a part of a warp");
	fox_simt_barrier(id, n, nullptr);
}
extern bool fox_simt_waited; /* some thread of this launch has waited for the kernel in front */
static inline void fox_ptx_wait_before()
{
	fox_simt_waited = true;
}
static inline void fox_ptx_let_next()
{
}

#endif
