/* launch.cuh - what every .cu file begins with: the C headers, an open device from inside, and the one way to start a kernel. */
#ifndef FOX_LAUNCH_CUH
#define FOX_LAUNCH_CUH

extern "C" {
#include "format/base/err.h"
#include "format/type.h"
#include "kernels/product.h"
}
#include <cuda_runtime.h>
#include <stdint.h>

#include "kernels/cuda/cuda.h"
#include "kernels/cuda/ops.h"

/* In a kernel: names its dynamic shared memory, `uint4 fox_shared_dynamic[]`. */
#ifndef FOX_SHARED_DYNAMIC
#define FOX_SHARED_DYNAMIC extern __shared__ uint4 fox_shared_dynamic[]
#endif

#define FOX_STAGES 2                 /* pinned buffers: one is filled while the other is on its way */
#define FOX_STAGE_BYTES (8ull << 20) /* of each */

struct fox_cuda {
	cudaStream_t stream;
	int index;
	struct fox_cuda_info info;
	uint64_t shared_bytes; /* dynamic shared memory that one block can have */
	uint64_t taken;
	struct fox_cuda_block *blocks; /* what fox_cuda_alloc gave out */
	void *stage[FOX_STAGES];
	cudaEvent_t staged[FOX_STAGES]; /* the copy out of it is done */
	cudaEvent_t mark[2];
	bool recording;
	bool
	    kernel_last; /* what came last on the stream is a kernel: only such a one can be started early behind */
};

/* FOX_OK, or "cannot WHAT on CUDA device N: CUDA's words" as FOX_E_IO (FOX_E_NOMEM of its memory). */
enum fox_status fox_cuda_check(
    const struct fox_cuda *c, cudaError_t e, const char *what, struct fox_err *err);

enum fox_cuda_launch_flags {
	FOX_LAUNCH_PLAIN = 0,
	FOX_LAUNCH_EARLY =
	    1 /* may start before the kernel in front has ended: every thread calls fox_ptx_wait_before() */
};

/*
 * fox_cuda_launch - start a kernel on the device's stream, or record it
 *
 * what     for the message: "multiply"
 * shared   dynamic bytes; more than 48 KiB are asked for here
 */
template <typename... P, typename... A>
static inline enum fox_status fox_cuda_launch(struct fox_cuda *c, struct fox_err *err, const char *what,
    int flags, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, A... args)
{
	cudaError_t e = cudaSuccess;
	if (shared > 48u << 10)
		e = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
	cudaLaunchAttribute early = {};
	early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
	early.val.programmaticStreamSerializationAllowed = 1;
	cudaLaunchConfig_t config = {};
	config.gridDim = grid;
	config.blockDim = block;
	config.dynamicSmemBytes = shared;
	config.stream = c->stream;
	config.attrs = &early;
	config.numAttrs = (flags & FOX_LAUNCH_EARLY) && c->info.major >= 9 && c->kernel_last ? 1 : 0;
	if (e == cudaSuccess)
		e = cudaLaunchKernelEx(&config, kernel, (P)args...);
	c->kernel_last = e == cudaSuccess;
	return e == cudaSuccess ? FOX_OK : fox_cuda_check(c, e, what, err);
}

#endif
