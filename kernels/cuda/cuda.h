/* cuda.h - the whole CUDA surface, in C. cuda_stub.c answers when nvcc was not there or CUDA=0 was asked for.
 */
#ifndef FOX_CUDA_H
#define FOX_CUDA_H

#include "format/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct fox_cuda_info {
	char name[256];
	int major, minor; /* compute capability */
	int n_sm;
	uint64_t memory_bytes; /* of the device, used or not */
};

/* How many devices this process can use; 0 when the build, the driver or the machine has none. */
int fox_cuda_count(void);

/* What device `index` is, without opening it. FOX_E_UNSUPPORTED when this build or machine has no such
 * device. */
enum fox_status fox_cuda_info(int index, struct fox_cuda_info *out, struct fox_err *err) FOX_MUST_CHECK;

/* Make device `index` the calling thread's, with its context. FOX_E_UNSUPPORTED as above. */
enum fox_status fox_cuda_open(int index, struct fox_err *err) FOX_MUST_CHECK;

/* Bytes of the open device that are free now. FOX_E_UNSUPPORTED when there is none. */
enum fox_status fox_cuda_free_bytes(uint64_t *out, struct fox_err *err) FOX_MUST_CHECK;

/* For --version, after "cuda: ": "NVIDIA H100, sm_90, 79.6 GiB" (devices joined by "; "), or why there is
 * none. */
void fox_cuda_describe(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
