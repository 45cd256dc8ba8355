/* device.cu - which devices there are, opening one, and its memory. */
extern "C" {
#include "format/base/err.h"
}
#include <cuda_runtime.h>
#include <stdio.h>

#include "kernels/cuda/cuda.h"

static enum fox_status refuse(struct fox_err *err, const char *what, int index, cudaError_t e)
{
	cudaGetLastError(); /* an error that was reported must not surface again at the next call */
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "%s CUDA device %d: %s", what, index, cudaGetErrorString(e));
}

extern "C" int fox_cuda_count(void)
{
	int n = 0;
	cudaError_t e = cudaGetDeviceCount(&n);
	if (e != cudaSuccess) {
		cudaGetLastError();
		return 0;
	}
	return n;
}

extern "C" enum fox_status fox_cuda_info(int index, struct fox_cuda_info *out, struct fox_err *err)
{
	cudaDeviceProp prop;
	cudaError_t e = cudaGetDeviceProperties(&prop, index);
	if (e != cudaSuccess)
		return refuse(err, "no", index, e);
	snprintf(out->name, sizeof out->name, "%s", prop.name);
	out->major = prop.major;
	out->minor = prop.minor;
	out->n_sm = prop.multiProcessorCount;
	out->memory_bytes = prop.totalGlobalMem;
	return FOX_OK;
}

extern "C" enum fox_status fox_cuda_open(int index, struct fox_err *err)
{
	cudaError_t e = cudaSetDevice(index);
	if (e == cudaSuccess)
		e = cudaFree(NULL); /* makes the context now, so that its failure is this call's */
	return e == cudaSuccess ? FOX_OK : refuse(err, "cannot open", index, e);
}

extern "C" enum fox_status fox_cuda_free_bytes(uint64_t *out, struct fox_err *err)
{
	size_t unused = 0, total;
	int index = 0;
	cudaError_t e = cudaGetDevice(&index);
	if (e == cudaSuccess)
		e = cudaMemGetInfo(&unused, &total);
	if (e != cudaSuccess)
		return refuse(err, "cannot read the memory of", index, e);
	*out = unused;
	return FOX_OK;
}

extern "C" void fox_cuda_describe(char *out, size_t size)
{
	int n = 0;
	cudaError_t e = cudaGetDeviceCount(&n);
	if (e != cudaSuccess || n == 0) {
		cudaGetLastError();
		snprintf(out, size, "none (%s)", cudaGetErrorString(e == cudaSuccess ? cudaErrorNoDevice : e));
		return;
	}
	size_t at = 0;
	for (int i = 0; i < n && at < size; i++) {
		struct fox_cuda_info d;
		if (fox_cuda_info(i, &d, NULL) != FOX_OK)
			snprintf(d.name, sizeof d.name, "unreadable"), d.major = d.minor = 0, d.memory_bytes = 0;
		int m = snprintf(out + at, size - at, "%s%s, sm_%d%d, %.1f GiB", i ? "; " : "", d.name, d.major,
		    d.minor, (double)d.memory_bytes / (1 << 30));
		at += m < 0 ? size : (size_t)m;
	}
}
