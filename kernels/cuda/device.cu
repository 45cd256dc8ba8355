/* device.cu - which devices there are, opening one, its memory, and programs recorded on its stream. */
#include "kernels/cuda/launch.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fox_cuda_block {
	struct fox_cuda_block *next;
	void *p;
	uint64_t bytes;
};

struct fox_cuda_program {
	cudaGraphExec_t exec;
};

static enum fox_status refuse(struct fox_err *err, const char *what, int index, cudaError_t e)
{
	cudaGetLastError(); /* an error that was reported must not surface again at the next call */
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "%s CUDA device %d: %s", what, index, cudaGetErrorString(e));
}

enum fox_status fox_cuda_check(const struct fox_cuda *c, cudaError_t e, const char *what, struct fox_err *err)
{
	if (e == cudaSuccess)
		return FOX_OK;
	cudaGetLastError();
	return fox_fail(err, e == cudaErrorMemoryAllocation ? FOX_E_NOMEM : FOX_E_IO, FOX_NOWHERE,
	    "cannot %s on CUDA device %d: %s", what, c->index, cudaGetErrorString(e));
}

/* Something else than a kernel goes to the stream. */
static cudaStream_t no_kernel(struct fox_cuda *c)
{
	c->kernel_last = false;
	return c->stream;
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
	out->l2_bytes = (uint64_t)prop.l2CacheSize;
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

/* ---- opening */
static cudaError_t make_parts(struct fox_cuda *c, const char **what)
{
	cudaError_t e = cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking);
	*what = "make a stream";
	for (int i = 0; i < 2 && e == cudaSuccess; i++)
		e = cudaEventCreate(&c->mark[i]);
	for (int i = 0; i < FOX_STAGES && e == cudaSuccess; i++) {
		e = cudaEventCreateWithFlags(&c->staged[i], cudaEventDisableTiming);
		if (e == cudaSuccess) {
			*what = "pin memory for uploads";
			e = cudaMallocHost(&c->stage[i], FOX_STAGE_BYTES);
		}
	}
	return e;
}

extern "C" enum fox_status fox_cuda_open(struct fox_cuda **out, int index, struct fox_err *err)
{
	*out = NULL;
	struct fox_cuda_info info;
	cudaDeviceProp prop;
	cudaError_t e = cudaSetDevice(index);
	if (e == cudaSuccess)
		e = cudaFree(NULL); /* makes the context now, so that its failure is this call's */
	if (e == cudaSuccess)
		e = cudaGetDeviceProperties(&prop, index);
	if (e != cudaSuccess)
		return refuse(err, "cannot open", index, e);
	enum fox_status st = fox_cuda_info(index, &info, err);
	if (st != FOX_OK)
		return st;
	if (info.major < 8)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "cannot open CUDA device %d: '%s' is sm_%d%d, this build wants sm_80 or newer", index, info.name,
		    info.major, info.minor);
	struct fox_cuda *c = (struct fox_cuda *)calloc(1, sizeof *c);
	if (!c)
		return fox_fail_nomem(err);
	c->index = index;
	c->info = info;
	c->shared_bytes = prop.sharedMemPerBlockOptin;
	const char *what;
	e = make_parts(c, &what);
	if (e != cudaSuccess) {
		st = fox_cuda_check(c, e, what, err);
		fox_cuda_close(c);
		return st;
	}
	*out = c;
	return FOX_OK;
}

extern "C" void fox_cuda_close(struct fox_cuda *c)
{
	if (!c)
		return;
	if (c->stream)
		cudaStreamSynchronize(c->stream);
	while (c->blocks)
		fox_cuda_free(c, c->blocks->p);
	for (int i = 0; i < FOX_STAGES; i++) {
		if (c->stage[i])
			cudaFreeHost(c->stage[i]);
		if (c->staged[i])
			cudaEventDestroy(c->staged[i]);
	}
	for (int i = 0; i < 2; i++) {
		if (c->mark[i])
			cudaEventDestroy(c->mark[i]);
	}
	if (c->stream)
		cudaStreamDestroy(c->stream);
	cudaGetLastError();
	free(c);
}

extern "C" const struct fox_cuda_info *fox_cuda_device(const struct fox_cuda *c)
{
	return &c->info;
}

/* ---- memory */
extern "C" enum fox_status fox_cuda_free_bytes(struct fox_cuda *c, uint64_t *out, struct fox_err *err)
{
	size_t unused = 0, total;
	cudaError_t e = cudaMemGetInfo(&unused, &total);
	*out = unused;
	return fox_cuda_check(c, e, "read the free memory", err);
}

extern "C" uint64_t fox_cuda_taken(const struct fox_cuda *c)
{
	return c->taken;
}

extern "C" enum fox_status fox_cuda_alloc(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err)
{
	*out = NULL;
	struct fox_cuda_block *b = (struct fox_cuda_block *)malloc(sizeof *b);
	if (!b)
		return fox_fail_nomem(err);
	void *p = NULL;
	cudaError_t e = cudaMalloc(&p, bytes);
	if (e == cudaErrorMemoryAllocation) {
		uint64_t unused = 0;
		cudaGetLastError();
		free(b);
		if (fox_cuda_free_bytes(c, &unused, NULL) != FOX_OK)
			unused = 0;
		return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE,
		    "out of memory on CUDA device %d: %llu bytes asked for, %llu are free", c->index,
		    (unsigned long long)bytes, (unsigned long long)unused);
	}
	if (e != cudaSuccess) {
		free(b);
		return fox_cuda_check(c, e, "take memory", err);
	}
	b->p = *out = p;
	b->bytes = bytes;
	b->next = c->blocks;
	c->blocks = b;
	c->taken += b->bytes;
	return FOX_OK;
}

extern "C" void fox_cuda_free(struct fox_cuda *c, void *p)
{
	for (struct fox_cuda_block **at = &c->blocks; p && *at; at = &(*at)->next) {
		struct fox_cuda_block *b = *at;
		if (b->p != p)
			continue;
		*at = b->next;
		c->taken -= b->bytes;
		cudaStreamSynchronize(c->stream);
		cudaFree(p);
		free(b);
		return;
	}
}

extern "C" enum fox_status fox_cuda_upload(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	cudaError_t e = cudaSuccess;
	int turn = 0;
	for (uint64_t at = 0; at < bytes && e == cudaSuccess; turn = (turn + 1) % FOX_STAGES) {
		uint64_t n = bytes - at < FOX_STAGE_BYTES ? bytes - at : FOX_STAGE_BYTES;
		e = cudaEventSynchronize(c->staged[turn]);
		if (e != cudaSuccess)
			break;
		memcpy(c->stage[turn], (const char *)src + at, n);
		e = cudaMemcpyAsync((char *)dst + at, c->stage[turn], n, cudaMemcpyHostToDevice, no_kernel(c));
		if (e == cudaSuccess)
			e = cudaEventRecord(c->staged[turn], c->stream);
		at += n;
	}
	return fox_cuda_check(c, e, "upload", err);
}

extern "C" enum fox_status fox_cuda_fetch(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	cudaError_t e = cudaSuccess;
	for (uint64_t at = 0; at < bytes && e == cudaSuccess;) {
		uint64_t n = bytes - at < FOX_STAGE_BYTES ? bytes - at : FOX_STAGE_BYTES;
		e = cudaMemcpyAsync(c->stage[0], (const char *)src + at, n, cudaMemcpyDeviceToHost, no_kernel(c));
		if (e == cudaSuccess)
			e = cudaStreamSynchronize(c->stream);
		if (e == cudaSuccess)
			memcpy((char *)dst + at, c->stage[0], n);
		at += n;
	}
	return fox_cuda_check(c, e, "fetch", err);
}

extern "C" enum fox_status fox_cuda_copy(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	return fox_cuda_check(
	    c, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, no_kernel(c)), "copy", err);
}

extern "C" enum fox_status fox_cuda_zero(struct fox_cuda *c, void *dst, uint64_t bytes, struct fox_err *err)
{
	return fox_cuda_check(c, cudaMemsetAsync(dst, 0, bytes, no_kernel(c)), "clear memory", err);
}

extern "C" enum fox_status fox_cuda_pin(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err)
{
	*out = NULL;
	return fox_cuda_check(c, cudaMallocHost(out, bytes), "pin memory", err);
}

extern "C" void fox_cuda_unpin(struct fox_cuda *c, void *p)
{
	if (!p)
		return;
	cudaStreamSynchronize(c->stream);
	cudaFreeHost(p);
}

extern "C" enum fox_status fox_cuda_send(
    struct fox_cuda *c, void *dst, const void *pinned, uint64_t bytes, struct fox_err *err)
{
	return fox_cuda_check(
	    c, cudaMemcpyAsync(dst, pinned, bytes, cudaMemcpyHostToDevice, no_kernel(c)), "send", err);
}

extern "C" enum fox_status fox_cuda_receive(
    struct fox_cuda *c, void *pinned, const void *src, uint64_t bytes, struct fox_err *err)
{
	return fox_cuda_check(
	    c, cudaMemcpyAsync(pinned, src, bytes, cudaMemcpyDeviceToHost, no_kernel(c)), "receive", err);
}

extern "C" enum fox_status fox_cuda_wait(struct fox_cuda *c, struct fox_err *err)
{
	return fox_cuda_check(c, cudaStreamSynchronize(c->stream), "finish", err);
}

/* ---- programs */
extern "C" enum fox_status fox_cuda_record_begin(struct fox_cuda *c, struct fox_err *err)
{
	cudaError_t e = cudaStreamBeginCapture(no_kernel(c), cudaStreamCaptureModeThreadLocal);
	c->recording = e == cudaSuccess;
	return fox_cuda_check(c, e, "record a program", err);
}

extern "C" enum fox_status fox_cuda_record_end(
    struct fox_cuda *c, struct fox_cuda_program **out, struct fox_err *err)
{
	*out = NULL;
	cudaGraph_t graph = NULL;
	struct fox_cuda_program *p = (struct fox_cuda_program *)calloc(1, sizeof *p);
	cudaError_t e = cudaStreamEndCapture(no_kernel(c), &graph);
	c->recording = false;
	if (e == cudaSuccess && p)
		e = cudaGraphInstantiate(&p->exec, graph, 0);
	if (graph)
		cudaGraphDestroy(graph);
	if (!p)
		return fox_fail_nomem(err);
	if (e == cudaSuccess)
		e = cudaGraphUpload(p->exec, c->stream);
	if (e != cudaSuccess) {
		fox_cuda_program_free(c, p);
		return fox_cuda_check(c, e, "record a program", err);
	}
	*out = p;
	return FOX_OK;
}

extern "C" enum fox_status fox_cuda_play(struct fox_cuda *c, struct fox_cuda_program *p, struct fox_err *err)
{
	return fox_cuda_check(c, cudaGraphLaunch(p->exec, no_kernel(c)), "play a program", err);
}

extern "C" void fox_cuda_program_free(struct fox_cuda *c, struct fox_cuda_program *p)
{
	if (!p)
		return;
	cudaStreamSynchronize(c->stream);
	if (p->exec)
		cudaGraphExecDestroy(p->exec);
	free(p);
}

/* ---- time */
extern "C" enum fox_status fox_cuda_mark(struct fox_cuda *c, int mark, struct fox_err *err)
{
	return fox_cuda_check(c, cudaEventRecord(c->mark[mark], no_kernel(c)), "mark a time", err);
}

extern "C" enum fox_status fox_cuda_between(struct fox_cuda *c, double *seconds, struct fox_err *err)
{
	float ms = 0;
	cudaError_t e = cudaEventSynchronize(c->mark[1]);
	if (e == cudaSuccess)
		e = cudaEventElapsedTime(&ms, c->mark[0], c->mark[1]);
	*seconds = (double)ms * 1e-3;
	return fox_cuda_check(c, e, "read a time", err);
}
