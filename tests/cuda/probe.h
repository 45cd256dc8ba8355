/* probe.h - kernels that show what threads, warps and the instructions of kernels/cuda/ptx.cuh do: the same on a device and in
 * tests/simt, or tests/simt proves nothing. All pointers are device memory. */
#ifndef FOX_PROBE_H
#define FOX_PROBE_H

#include "kernels/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y[b][i] = x[b][n - 1 - i], blocks of n <= 1024, through dynamic shared memory of `shared` bytes (>= 4 n) */
enum fox_status probe_reverse(struct fox_cuda *c, uint32_t *y, const uint32_t *x, uint32_t n, uint32_t blocks,
    uint32_t shared, struct fox_err *err);

/* One warp; lane l gives x[l] to each operation of PROBE_WARP and writes y[operation][l]. */
enum {
	PROBE_XOR_5,
	PROBE_DOWN_3,
	PROBE_UP_2,
	PROBE_FROM_7,
	PROBE_XOR_1_OF_8,
	PROBE_BALLOT_ODD,
	PROBE_ADD,
	PROBE_MAX,
	PROBE_HALVES,
	PROBE_WARP
};
enum fox_status probe_warp(struct fox_cuda *c, uint32_t *y, const uint32_t *x, struct fox_err *err);

/* d [16][8] = a [16][16] b [16][8], bf16 (half: f16) bits; fragments by their documented places, or by ldmatrix */
enum fox_status probe_mma(struct fox_cuda *c, float *d, const uint16_t *a, const uint16_t *b, bool half,
    bool ldmatrix, struct fox_err *err);
/* d [16][8] = a [16][32] b [32][8] */
enum fox_status probe_mma_s8(
    struct fox_cuda *c, int32_t *d, const int8_t *a, const int8_t *b, struct fox_err *err);

/* 64 threads in two parties: 16 bytes i of y = those of x plus those of x at i ^ 1, through shared memory by asynchronous copies; the last `cut` bytes
 * of x are taken as 0. x, y [256] u32 */
enum fox_status probe_copy(
    struct fox_cuda *c, uint32_t *y, const uint32_t *x, uint32_t cut, struct fox_err *err);

/* *y += 1 by one thread, started early: 100 of them make 100 */
enum fox_status probe_count(struct fox_cuda *c, uint32_t *y, struct fox_err *err);

#ifdef __cplusplus
}
#endif
#endif
