#include "kernels/cuda/cuda.h"

#include <stdio.h>

int fox_cuda_count(void)
{
	return 0;
}

enum fox_status fox_cuda_info(int index, struct fox_cuda_info *out, struct fox_err *err)
{
	(void)out;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no CUDA device %d: built without CUDA", index);
}

enum fox_status fox_cuda_open(int index, struct fox_err *err)
{
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "cannot open CUDA device %d: built without CUDA", index);
}

enum fox_status fox_cuda_free_bytes(uint64_t *out, struct fox_err *err)
{
	(void)out;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no CUDA device: built without CUDA");
}

void fox_cuda_describe(char *out, size_t size)
{
	snprintf(out, size, "none (built without CUDA)");
}
