/* host.cpp - CUDA's runtime for the shim: one device, whose work is done at the moment it is asked for. */
#include "tests/simt/simt.h"

#include <kernels/cuda/ptx.cuh>

#include <map>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vector>

struct fox_simt_graph {
	std::vector<std::function<void()>> steps;
};
struct fox_simt_graph_exec {
	std::vector<std::function<void()>> steps;
};
struct fox_simt_stream {
	fox_simt_graph *capture; /* NULL: work runs */
};
struct fox_simt_event {
	double seconds;
	bool timed, recorded;
};

static std::map<uintptr_t, size_t> device_memory, pinned;
static std::map<const void *, int> dynamic_limit;
static size_t taken;
static cudaError_t last;
bool fox_simt_waited;

static cudaError_t give(cudaError_t e)
{
	if (e != cudaSuccess)
		last = e;
	return e;
}

const char *cudaGetErrorString(cudaError_t e)
{
	switch (e) {
	case cudaSuccess:
		return "no error";
	case cudaErrorInvalidValue:
		return "invalid argument";
	case cudaErrorMemoryAllocation:
		return "out of memory";
	case cudaErrorInvalidConfiguration:
		return "invalid configuration argument";
	case cudaErrorNoDevice:
		return "no CUDA-capable device is detected";
	case cudaErrorInvalidDevice:
		return "invalid device ordinal";
	case cudaErrorStreamCaptureUnsupported:
		return "operation not permitted when stream is capturing";
	default:
		return "unknown error";
	}
}

cudaError_t cudaGetLastError()
{
	cudaError_t e = last;
	last = cudaSuccess;
	return e;
}

cudaError_t cudaPeekAtLastError()
{
	return last;
}

/* ---- the device */
static size_t memory_bytes()
{
	return fox_simt_setting("FOX_SIMT_MEMORY", (size_t)4 << 30);
}

cudaError_t cudaGetDeviceCount(int *n)
{
	*n = (int)fox_simt_setting("FOX_SIMT_DEVICES", 1);
	return *n ? cudaSuccess : give(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int index)
{
	int n;
	if (cudaGetDeviceCount(&n) != cudaSuccess)
		return cudaErrorNoDevice;
	return index >= 0 && index < n ? cudaSuccess : give(cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int *index)
{
	*index = 0;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int index)
{
	cudaError_t e = cudaSetDevice(index);
	if (e != cudaSuccess)
		return e;
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "SIMT on the CPU, no GPU");
	out->totalGlobalMem = memory_bytes();
	out->sharedMemPerBlock = 48u << 10;
	out->sharedMemPerBlockOptin = 227u << 10;
	out->sharedMemPerMultiprocessor = 228u << 10;
	out->regsPerBlock = out->regsPerMultiprocessor = 65536;
	out->warpSize = 32;
	out->maxThreadsPerBlock = FOX_SIMT_THREADS;
	out->maxThreadsPerMultiProcessor = 2048;
	out->major = 9;
	out->multiProcessorCount = 4;
	out->l2CacheSize = 1 << 20;
	return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize()
{
	return cudaSuccess;
}

/* ---- memory */
cudaError_t cudaMemGetInfo(size_t *unused, size_t *total)
{
	*total = memory_bytes();
	*unused = taken < *total ? *total - taken : 0;
	return cudaSuccess;
}

static void *take(std::map<uintptr_t, size_t> *from, size_t n)
{
	void *p = nullptr;
	if (posix_memalign(&p, 256, n)) /* not rounded up, so that a sanitizer sees the end */
		return nullptr;
	memset(p, FOX_SIMT_GARBAGE, n);
	(*from)[(uintptr_t)p] = n;
	return p;
}

cudaError_t fox_simt_malloc(void **out, size_t n)
{
	*out = nullptr;
	if (n == 0)
		return cudaSuccess;
	if (taken + n > memory_bytes() || !(*out = take(&device_memory, n)))
		return give(cudaErrorMemoryAllocation);
	taken += n;
	return cudaSuccess;
}

cudaError_t fox_simt_malloc_host(void **out, size_t n)
{
	*out = take(&pinned, n);
	return *out ? cudaSuccess : give(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *p)
{
	if (!p)
		return cudaSuccess;
	auto at = device_memory.find((uintptr_t)p);
	if (at == device_memory.end())
		return give(cudaErrorInvalidValue);
	taken -= at->second;
	device_memory.erase(at);
	free(p);
	return cudaSuccess;
}

cudaError_t cudaFreeHost(void *p)
{
	if (p && !pinned.erase((uintptr_t)p))
		return give(cudaErrorInvalidValue);
	free(p);
	return cudaSuccess;
}

static bool within(const std::map<uintptr_t, size_t> *blocks, const void *p, size_t n)
{
	auto at = blocks->upper_bound((uintptr_t)p);
	if (at == blocks->begin())
		return false;
	--at;
	return (uintptr_t)p + n <= at->first + at->second;
}

/* ---- streams, events, graphs */
static cudaError_t work(cudaStream_t s, std::function<void()> f)
{
	if (s && s->capture)
		s->capture->steps.push_back(std::move(f));
	else
		f();
	return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t n, cudaMemcpyKind kind, cudaStream_t s)
{
	bool to = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
	bool from = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
	if (within(&device_memory, dst, n) != to || within(&device_memory, src, n) != from)
		return give(cudaErrorInvalidValue);
	return work(s, [=] { memmove(dst, src, n); });
}

cudaError_t cudaMemsetAsync(void *dst, int byte, size_t n, cudaStream_t s)
{
	if (!within(&device_memory, dst, n))
		return give(cudaErrorInvalidValue);
	return work(s, [=] { memset(dst, byte, n); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned)
{
	*out = new fox_simt_stream{nullptr};
	return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *out)
{
	return cudaStreamCreateWithFlags(out, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
	delete s->capture;
	delete s;
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
	return s->capture ? give(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

static double now()
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
	*out = new fox_simt_event{0, !(flags & cudaEventDisableTiming), false};
	return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *out)
{
	return cudaEventCreateWithFlags(out, 0);
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
	delete e;
	return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
	if (s->capture)
		return give(cudaErrorStreamCaptureUnsupported); /* allowed by CUDA, but not what anyone here means */
	e->seconds = now();
	e->recorded = true;
	return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t)
{
	return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t)
{
	return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b)
{
	if (!a->timed || !b->timed || !a->recorded || !b->recorded)
		return give(cudaErrorInvalidValue);
	*ms = (float)((b->seconds - a->seconds) * 1e3);
	return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
	if (s->capture)
		return give(cudaErrorInvalidValue);
	s->capture = new fox_simt_graph;
	return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out)
{
	*out = s->capture;
	s->capture = nullptr;
	return *out ? cudaSuccess : give(cudaErrorInvalidValue);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t g, unsigned long long)
{
	*out = new fox_simt_graph_exec{g->steps};
	return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t)
{
	return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t s)
{
	if (s->capture)
		return give(cudaErrorStreamCaptureUnsupported);
	for (const std::function<void()> &f : e->steps)
		f();
	return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
	delete g;
	return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e)
{
	delete e;
	return cudaSuccess;
}

/* ---- launches, refused where a device refuses them */
cudaError_t fox_simt_attribute(const void *kernel, cudaFuncAttribute a, int value)
{
	if (a == cudaFuncAttributeMaxDynamicSharedMemorySize) {
		if (value < 0 || value > 227 << 10)
			return give(cudaErrorInvalidValue);
		dynamic_limit[kernel] = value;
	}
	return cudaSuccess;
}

cudaError_t fox_simt_launch(const cudaLaunchConfig_t *c, const void *kernel, std::function<void()> thread)
{
	dim3 grid = c->gridDim, block = c->blockDim;
	size_t dynamic = c->dynamicSmemBytes;
	if (!grid.x || !grid.y || !grid.z || grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535 || !block.x ||
	    !block.y || !block.z || block.z > 64 || (uint64_t)block.x * block.y * block.z > FOX_SIMT_THREADS)
		return give(cudaErrorInvalidConfiguration);
	auto limit = dynamic_limit.find(kernel);
	if (dynamic > (limit == dynamic_limit.end() ? 48u << 10 : (size_t)limit->second))
		return give(cudaErrorInvalidValue);
	bool early = c->numAttrs && c->attrs[0].id == cudaLaunchAttributeProgrammaticStreamSerialization &&
	             c->attrs[0].val.programmaticStreamSerializationAllowed;
	return work(c->stream, [=] {
		fox_simt_waited = false;
		fox_simt_run(grid, block, dynamic, thread);
		/* the kernel behind would take its end for the end of all that came before */
		if (early && !fox_simt_waited)
			fox_simt_die("a kernel that starts early ends without having waited for the one in front");
	});
}
