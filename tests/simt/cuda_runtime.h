/* cuda_runtime.h - found before CUDA's own by -Itests/simt, so that the unchanged .cu files become programs of this CPU: a
 * thread of a block is a fiber, blocks run one after another, device memory is memory. What CUDA leaves open is made hostile:
 * fibers run in a shuffled order between two points where they meet (FOX_SIMT_SEED), so do blocks; memory nobody wrote holds
 * NaN; a launch that a device would refuse is refused; threads that never meet end the program with a word.
 *
 * Environment: FOX_SIMT_SEED, FOX_SIMT_MEMORY (bytes the device has), FOX_SIMT_DEVICES (1; 0: none). simt.cpp */
#ifndef FOX_SIMT_CUDA_RUNTIME_H
#define FOX_SIMT_CUDA_RUNTIME_H

#include <cmath>
#include <functional>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
/* One block runs at a time. Where no sanitizer guards the arrays they lie in a section that is filled before each block. */
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
#else
#define __shared__ static __attribute__((section("fox_simt_shared")))
#endif
#define FOX_SHARED_DYNAMIC uint4 *const fox_shared_dynamic = (uint4 *)fox_simt_dynamic

/* ---- vectors */
#define FOX_SIMT_VECTORS(type, name, a2, a4)                                                                 \
	struct __attribute__((aligned(a2))) name##2                                                              \
	{                                                                                                        \
		type x, y;                                                                                           \
	};                                                                                                       \
	struct name##3                                                                                           \
	{                                                                                                        \
		type x, y, z;                                                                                        \
	};                                                                                                       \
	struct __attribute__((aligned(a4))) name##4                                                              \
	{                                                                                                        \
		type x, y, z, w;                                                                                     \
	};                                                                                                       \
	static inline name##2 make_##name##2(type x, type y)                                                     \
	{                                                                                                        \
		return name##2 {x, y};                                                                               \
	}                                                                                                        \
	static inline name##3 make_##name##3(type x, type y, type z)                                             \
	{                                                                                                        \
		return name##3 {x, y, z};                                                                            \
	}                                                                                                        \
	static inline name##4 make_##name##4(type x, type y, type z, type w)                                     \
	{                                                                                                        \
		return name##4 {x, y, z, w};                                                                         \
	}
FOX_SIMT_VECTORS(int8_t, char, 2, 4)
FOX_SIMT_VECTORS(uint8_t, uchar, 2, 4)
FOX_SIMT_VECTORS(int16_t, short, 4, 8)
FOX_SIMT_VECTORS(uint16_t, ushort, 4, 8)
FOX_SIMT_VECTORS(int, int, 8, 16)
FOX_SIMT_VECTORS(unsigned, uint, 8, 16)
FOX_SIMT_VECTORS(float, float, 8, 16)
FOX_SIMT_VECTORS(double, double, 16, 16)
FOX_SIMT_VECTORS(long long, longlong, 16, 16)
FOX_SIMT_VECTORS(unsigned long long, ulonglong, 16, 16)

struct dim3 {
	unsigned x, y, z;
	constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
	{
	}
};

/* ---- threads */
struct fox_simt_op;
struct fox_simt_fiber {
	void *sp; /* where it was left */
	uint3 thread;
	unsigned lane, warp;
	fox_simt_op *op; /* what it waits in, with its warp */
	bool done;
};
extern fox_simt_fiber *fox_simt_self;
extern dim3 fox_simt_block, fox_simt_block_dim, fox_simt_grid_dim;
extern void *fox_simt_dynamic;
#define threadIdx (fox_simt_self->thread)
#define blockIdx fox_simt_block
#define blockDim fox_simt_block_dim
#define gridDim fox_simt_grid_dim
static constexpr int warpSize = 32;

/* An operation of a whole warp: lanes of the mask wait until the last of them has come, which then calls meet, once, for all.
 * lane[i] is NULL of lanes that the mask does not name or that have ended. */
struct fox_simt_op {
	void (*meet)(fox_simt_op *const *lane);
	unsigned mask;
};
void fox_simt_meet(fox_simt_op *op);
/* Wait at barrier `id` (0 .. 15) until n threads have come (0: all that have not ended). votes: in, out: how many were not 0 */
void fox_simt_barrier(unsigned id, unsigned n, unsigned *votes);
[[noreturn]] void fox_simt_die(const char *what);

static inline void __syncthreads()
{
	fox_simt_barrier(0, 0, nullptr);
}
static inline int __syncthreads_count(int p)
{
	unsigned v = p != 0;
	return fox_simt_barrier(0, 0, &v), (int)v;
}
static inline int __syncthreads_or(int p)
{
	return __syncthreads_count(p) != 0;
}
static inline int __syncthreads_and(int p)
{
	return __syncthreads_count(!p) == 0;
}

static inline void fox_simt_meet_nothing(fox_simt_op *const *)
{
}
static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
	fox_simt_op op = {fox_simt_meet_nothing, mask};
	fox_simt_meet(&op);
}

struct fox_simt_move : fox_simt_op {
	uint64_t value, result;
	unsigned from; /* lane */
};
static inline void fox_simt_meet_move(fox_simt_op *const *lane)
{
	for (int i = 0; i < 32; i++) {
		fox_simt_move *to = (fox_simt_move *)lane[i];
		if (!to)
			continue;
		fox_simt_move *from = (fox_simt_move *)lane[to->from];
		if (!from)
			fox_simt_die("a shuffle reads a lane that is not in it");
		to->result = from->value;
	}
}
template <typename T> static inline T fox_simt_shuffle(unsigned mask, T value, unsigned from)
{
	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
	fox_simt_move op = {{fox_simt_meet_move, mask}, 0, 0, from};
	memcpy(&op.value, &value, sizeof value);
	fox_simt_meet(&op);
	memcpy(&value, &op.result, sizeof value);
	return value;
}
template <typename T> static inline T __shfl_sync(unsigned mask, T v, int from, int width = 32)
{
	unsigned lane = fox_simt_self->lane, base = lane & ~(unsigned)(width - 1);
	return fox_simt_shuffle(mask, v, base + ((unsigned)from & (unsigned)(width - 1)));
}
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32)
{
	unsigned lane = fox_simt_self->lane, from = lane ^ (unsigned)x;
	return fox_simt_shuffle(mask, v, from / (unsigned)width > lane / (unsigned)width ? lane : from);
}
template <typename T> static inline T __shfl_down_sync(unsigned mask, T v, unsigned n, int width = 32)
{
	unsigned lane = fox_simt_self->lane, from = lane + n;
	return fox_simt_shuffle(mask, v, from / (unsigned)width != lane / (unsigned)width ? lane : from);
}
template <typename T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned n, int width = 32)
{
	unsigned lane = fox_simt_self->lane;
	return fox_simt_shuffle(mask, v, lane % (unsigned)width < n ? lane : lane - n);
}

enum fox_simt_fold {
	FOX_SIMT_ADD,
	FOX_SIMT_MIN,
	FOX_SIMT_MAX,
	FOX_SIMT_AND,
	FOX_SIMT_OR,
	FOX_SIMT_XOR,
	FOX_SIMT_BALLOT
};
template <typename T> struct fox_simt_reduce : fox_simt_op {
	fox_simt_fold fold;
	T value, result;
};
template <typename T> static inline void fox_simt_meet_reduce(fox_simt_op *const *lane)
{
	T all = 0;
	bool first = true;
	for (unsigned i = 0; i < 32; i++) {
		fox_simt_reduce<T> *r = (fox_simt_reduce<T> *)lane[i];
		if (!r)
			continue;
		T v = r->fold == FOX_SIMT_BALLOT ? (T)((unsigned)(r->value != 0) << i) : r->value;
		switch (first ? FOX_SIMT_BALLOT : r->fold) {
		case FOX_SIMT_ADD:
			all = all + v;
			break;
		case FOX_SIMT_MIN:
			all = v < all ? v : all;
			break;
		case FOX_SIMT_MAX:
			all = v > all ? v : all;
			break;
		case FOX_SIMT_AND:
			all = all & v;
			break;
		case FOX_SIMT_XOR:
			all = all ^ v;
			break;
		default:
			all = all | v;
			break;
		}
		first = false;
	}
	for (unsigned i = 0; i < 32; i++) {
		if (lane[i])
			((fox_simt_reduce<T> *)lane[i])->result = all;
	}
}
template <typename T> static inline T fox_simt_reduced(unsigned mask, T value, fox_simt_fold fold)
{
	fox_simt_reduce<T> op = {{fox_simt_meet_reduce<T>, mask}, fold, value, 0};
	fox_simt_meet(&op);
	return op.result;
}
static inline unsigned __ballot_sync(unsigned mask, int p)
{
	return fox_simt_reduced<unsigned>(mask, p != 0, FOX_SIMT_BALLOT);
}
static inline int __any_sync(unsigned mask, int p)
{
	return __ballot_sync(mask, p) != 0;
}
static inline int __all_sync(unsigned mask, int p)
{
	return __ballot_sync(mask, !p) == 0;
}
#define FOX_SIMT_REDUCE(name, fold)                                                                          \
	static inline unsigned __reduce_##name##_sync(unsigned mask, unsigned v)                                 \
	{                                                                                                        \
		return fox_simt_reduced(mask, v, fold);                                                              \
	}                                                                                                        \
	static inline int __reduce_##name##_sync(unsigned mask, int v)                                           \
	{                                                                                                        \
		return fox_simt_reduced(mask, v, fold);                                                              \
	}
FOX_SIMT_REDUCE(add, FOX_SIMT_ADD)
FOX_SIMT_REDUCE(min, FOX_SIMT_MIN)
FOX_SIMT_REDUCE(max, FOX_SIMT_MAX)
FOX_SIMT_REDUCE(and, FOX_SIMT_AND)
FOX_SIMT_REDUCE(or, FOX_SIMT_OR)
FOX_SIMT_REDUCE(xor, FOX_SIMT_XOR)

static inline void __threadfence()
{
}
static inline void __threadfence_block()
{
}

#include "tests/simt/host.h"
#include "tests/simt/intrinsics.h"

#endif
