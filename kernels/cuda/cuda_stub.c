/* cuda_stub.c - the answers of kernels/cuda/cuda.h and ops.h in a build without CUDA. */
#include "kernels/cuda/cuda.h"

#include <stdio.h>

static enum fox_status none(struct fox_err *err)
{
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no CUDA device: built without CUDA");
}

int fox_cuda_count(void)
{
	return 0;
}

enum fox_status fox_cuda_info(int index, struct fox_cuda_info *out, struct fox_err *err)
{
	(void)out;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no CUDA device %d: built without CUDA", index);
}

void fox_cuda_describe(char *out, size_t size)
{
	snprintf(out, size, "none (built without CUDA)");
}

enum fox_status fox_cuda_open(struct fox_cuda **out, int index, struct fox_err *err)
{
	*out = NULL;
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "cannot open CUDA device %d: built without CUDA", index);
}

void fox_cuda_close(struct fox_cuda *c)
{
	(void)c;
}

/* Nothing below is reached: there is no open device. */
const struct fox_cuda_info *fox_cuda_device(const struct fox_cuda *c)
{
	(void)c;
	return NULL;
}

uint64_t fox_cuda_taken(const struct fox_cuda *c)
{
	(void)c;
	return 0;
}

void fox_cuda_free(struct fox_cuda *c, void *p)
{
	(void)c, (void)p;
}

void fox_cuda_program_free(struct fox_cuda *c, struct fox_cuda_program *p)
{
	(void)c, (void)p;
}

enum fox_status fox_cuda_free_bytes(struct fox_cuda *c, uint64_t *out, struct fox_err *err)
{
	(void)c, (void)out;
	return none(err);
}

enum fox_status fox_cuda_alloc(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)out, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_upload(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)dst, (void)src, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_fetch(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)dst, (void)src, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_copy(
    struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)dst, (void)src, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_zero(struct fox_cuda *c, void *dst, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)dst, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_pin(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)out, (void)bytes;
	return none(err);
}

void fox_cuda_unpin(struct fox_cuda *c, void *p)
{
	(void)c, (void)p;
}

enum fox_status fox_cuda_send(
    struct fox_cuda *c, void *dst, const void *pinned, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)dst, (void)pinned, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_receive(
    struct fox_cuda *c, void *pinned, const void *src, uint64_t bytes, struct fox_err *err)
{
	(void)c, (void)pinned, (void)src, (void)bytes;
	return none(err);
}

enum fox_status fox_cuda_wait(struct fox_cuda *c, struct fox_err *err)
{
	(void)c;
	return none(err);
}

enum fox_status fox_cuda_record_begin(struct fox_cuda *c, struct fox_err *err)
{
	(void)c;
	return none(err);
}

enum fox_status fox_cuda_record_end(struct fox_cuda *c, struct fox_cuda_program **out, struct fox_err *err)
{
	(void)c, (void)out;
	return none(err);
}

enum fox_status fox_cuda_play(struct fox_cuda *c, struct fox_cuda_program *p, struct fox_err *err)
{
	(void)c, (void)p;
	return none(err);
}

enum fox_status fox_cuda_mark(struct fox_cuda *c, int mark, struct fox_err *err)
{
	(void)c, (void)mark;
	return none(err);
}

enum fox_status fox_cuda_between(struct fox_cuda *c, double *seconds, struct fox_err *err)
{
	(void)c, (void)seconds;
	return none(err);
}
