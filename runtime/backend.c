/* backend.c - which backend runs a model. */
#include "runtime/backend.h"

#include <stdio.h>

#include "kernels/cuda/cuda.h"

#define OLDEST 8 /* compute capability, major: what the kernels of this build are made for */

const char *const fox_backend_names[] = {"auto", "cpu", "cuda", NULL};

enum fox_status fox_backend_choose(
    const struct fox_backend **out, enum fox_backend_choice choice, struct fox_err *err)
{
	struct fox_cuda_info info;
	*out = &fox_cpu_backend;
	if (choice == FOX_BACKEND_CPU || (choice == FOX_BACKEND_AUTO && fox_cuda_count() == 0))
		return FOX_OK;
	enum fox_status st = fox_cuda_info(0, &info, choice == FOX_BACKEND_AUTO ? NULL : err);
	if (choice == FOX_BACKEND_AUTO) {
		*out = !st && info.major >= OLDEST ? &fox_cuda_backend : &fox_cpu_backend;
		return FOX_OK;
	}
	*out = &fox_cuda_backend; /* one that is too old is refused when it is opened, with its name */
	return st;
}

void fox_backend_describe(const struct fox_backend *b, char *out, size_t size)
{
	struct fox_cuda_info info;
	if (b == &fox_cuda_backend && fox_cuda_info(0, &info, NULL) == FOX_OK)
		snprintf(out, size, "cuda (%s)", info.name);
	else
		snprintf(out, size, "%s", b ? b->name : fox_cpu_backend.name);
}
