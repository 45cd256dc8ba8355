/* simt.h - what simt.cpp (threads) and host.cpp (memory, streams, launches) of the shim know of each other. */
#ifndef FOX_SIMT_H
#define FOX_SIMT_H

#include <cuda_runtime.h>

#define FOX_SIMT_THREADS 1024 /* of a block, at most */

/* Run all blocks of a grid, one after another in a shuffled order; dynamic: bytes of shared memory, filled before each. */
void fox_simt_run(dim3 grid, dim3 block, size_t dynamic, const std::function<void()> &thread);

/* Bytes that nobody wrote: as floats of any width NaN, as indices far outside. */
#define FOX_SIMT_GARBAGE 0xff

uint64_t fox_simt_setting(const char *name, uint64_t otherwise);

#endif
