/* ptx.cuh - the instructions that C++ has no name for, one function each; nobody else writes assembly. tests/simt has the same
 * functions for the CPU, under the same path.
 *
 * Fragments, of lane l with g = l / 4, t = l % 4 (two 16-bit or four 8-bit elements in a register, the first in the low bits):
 *   m16n8k16 a[0..3]  rows g, g + 8, g, g + 8; columns 2t, 2t + 1 (a[2], a[3]: 8 more)
 *            b[0..1]  column g; rows 2t, 2t + 1 (b[1]: 8 more)
 *   m16n8k32 a[0..3]  rows g, g + 8, g, g + 8; columns 4t .. 4t + 3 (a[2], a[3]: 16 more)
 *            b[0..1]  column g; rows 4t .. 4t + 3 (b[1]: 16 more)
 *   both     d[0..3]  row g columns 2t, 2t + 1; row g + 8 columns 2t, 2t + 1
 * source: PTX ISA 8, mma.m16n8k16, mma.m16n8k32, ldmatrix, cp.async, griddepcontrol */
#ifndef FOX_PTX_CUH
#define FOX_PTX_CUH

#include <cuda_runtime.h>
#include <stdint.h>

/* Pointers into shared memory, as the instructions below want them. */
static __device__ __forceinline__ uint32_t fox_ptx_shared(const void *p)
{
	return (uint32_t)__cvta_generic_to_shared(p);
}

/* d += a b; 16-bit elements, f32 sums */
static __device__ __forceinline__ void fox_ptx_mma_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
	             "{%0,%1,%2,%3};"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __device__ __forceinline__ void fox_ptx_mma_f16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
	             "{%0,%1,%2,%3};"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* d += a b; signed bytes, exact 32-bit sums */
static __device__ __forceinline__ void fox_ptx_mma_s8(int32_t d[4], const uint32_t a[4], const uint32_t b[2])
{
	asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
	             "{%0,%1,%2,%3};"
	             : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
	             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four 8 x 8 matrices of 16-bit elements out of shared memory: lane 8 i + r holds the address (a multiple of 16 bytes) of row
 * r of matrix i. r[i] of lane l: row l / 4, columns 2 (l % 4) and the next; trans: those rows of that column. */
static __device__ __forceinline__ void fox_ptx_ldmatrix4(uint32_t r[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(fox_ptx_shared(row))
	             : "memory");
}

static __device__ __forceinline__ void fox_ptx_ldmatrix4_trans(uint32_t r[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
	             : "r"(fox_ptx_shared(row))
	             : "memory");
}

/* 16 bytes from device memory into shared memory, both multiples of 16, there after a wait and a barrier: `bytes` (0 .. 16) are
 * read, the others become 0. */
static __device__ __forceinline__ void fox_ptx_copy16(void *shared, const void *global, uint32_t bytes)
{
	asm volatile(
	    "cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(fox_ptx_shared(shared)), "l"(global), "r"(bytes)
	    : "memory");
}

/* Close a group of this thread's copies; wait until at most N of the groups closed last are under way. */
static __device__ __forceinline__ void fox_ptx_copy_close()
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int N> static __device__ __forceinline__ void fox_ptx_copy_wait()
{
	asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* 16 bytes that are read once: they need no place in L1. */
static __device__ __forceinline__ uint4 fox_ptx_stream16(const void *p)
{
	uint4 v;
	asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
	             : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
	             : "l"(p));
	return v;
}

/* 2^x: within 2 units of the last place, 0 where the result would be subnormal. */
static __device__ __forceinline__ float fox_ptx_exp2(float x)
{
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}

/* Ask for the line of p to come to L2. */
static __device__ __forceinline__ void fox_ptx_prefetch(const void *p)
{
	asm volatile("prefetch.global.L2 [%0];" ::"l"(p));
}

/* Wait at barrier id (1 .. 15; 0 is __syncthreads) until n threads, a multiple of 32, have come. */
static __device__ __forceinline__ void fox_ptx_barrier(uint32_t id, uint32_t n)
{
	asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(n) : "memory");
}

/* A kernel launched with FOX_LAUNCH_EARLY may start while the one before it still runs: it calls this in every thread before
 * it reads what other kernels wrote, and before it writes anything. In other kernels it does nothing. */
static __device__ __forceinline__ void fox_ptx_wait_before()
{
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* The kernel after this one may start when all blocks have called this or ended. */
static __device__ __forceinline__ void fox_ptx_let_next()
{
#if __CUDA_ARCH__ >= 900
	asm volatile("griddepcontrol.launch_dependents;");
#endif
}

#endif
