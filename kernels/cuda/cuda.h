/* cuda.h - a CUDA device, in C: what there is, opening one, its memory, its stream, captured programs. Operations on it are
 * ops.h. cuda_stub.c answers when nvcc was not there or CUDA=0 was asked for.
 *
 * An open device has one stream; everything below and in ops.h is ordered on it and returns before it is done, unless said.
 * One thread at a time uses it. A failure of work under way is reported by whichever call comes next; the device is of no
 * use after it.  spec/cuda.md */
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
	uint64_t l2_bytes;
};

/* How many devices this process can use; 0 when the build, the driver or the machine has none. */
int fox_cuda_count(void);

/* What device `index` is, without opening it. FOX_E_UNSUPPORTED when this build or machine has no such
 * device. */
enum fox_status fox_cuda_info(int index, struct fox_cuda_info *out, struct fox_err *err) FOX_MUST_CHECK;

/* For --version, after "cuda: ": "NVIDIA H100, sm_90, 79.6 GiB" (devices joined by "; "), or why there is
 * none. */
void fox_cuda_describe(char *out, size_t size);

struct fox_cuda; /* an open device */

/* Open device `index`: context, stream, pinned buffers for uploads. FOX_E_UNSUPPORTED as above, or too old for this build
 * (below sm_80); FOX_E_NOMEM. *out is NULL then. */
enum fox_status fox_cuda_open(struct fox_cuda **out, int index, struct fox_err *err) FOX_MUST_CHECK;
void fox_cuda_close(struct fox_cuda *c); /* NULL is fine; waits */

const struct fox_cuda_info *fox_cuda_device(const struct fox_cuda *c);

/* Bytes of the device that are free now. */
enum fox_status fox_cuda_free_bytes(struct fox_cuda *c, uint64_t *out, struct fox_err *err) FOX_MUST_CHECK;

/* Bytes that this process took by fox_cuda_alloc and has not given back. */
uint64_t fox_cuda_taken(const struct fox_cuda *c);

/* Device memory: starts at a multiple of 256. FOX_E_NOMEM, with what was asked and what is free. Not zeroed. CUDA hands out
 * multiples of 2 MiB: what is a little more wastes most of one. */
enum fox_status fox_cuda_alloc(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
void fox_cuda_free(struct fox_cuda *c, void *p); /* NULL is fine; waits */

/* Host to device; src may be pageable (a map), is read in pieces through pinned buffers, and is free on return. */
enum fox_status fox_cuda_upload(struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
/* Device to host; waits. */
enum fox_status fox_cuda_fetch(struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_copy(struct fox_cuda *c, void *dst, const void *src, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_zero(struct fox_cuda *c, void *dst, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
/* Host memory that the device reads and writes by itself; send and receive move bytes between it and device memory without
 * waiting, and can be recorded: what is played then moves what lies there by then. FOX_E_NOMEM */
enum fox_status fox_cuda_pin(struct fox_cuda *c, void **out, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
void fox_cuda_unpin(struct fox_cuda *c, void *p); /* NULL is fine; waits */
enum fox_status fox_cuda_send(
    struct fox_cuda *c, void *dst, const void *pinned, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_receive(
    struct fox_cuda *c, void *pinned, const void *src, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_wait(struct fox_cuda *c, struct fox_err *err) FOX_MUST_CHECK;

/* Operations between begin and end are not run but recorded, with the pointers and sizes they were given. Play runs them. */
struct fox_cuda_program;
enum fox_status fox_cuda_record_begin(struct fox_cuda *c, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_record_end(struct fox_cuda *c, struct fox_cuda_program **out, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_play(struct fox_cuda *c, struct fox_cuda_program *p, struct fox_err *err) FOX_MUST_CHECK;
void fox_cuda_program_free(struct fox_cuda *c, struct fox_cuda_program *p); /* NULL is fine */

/* Device time: mark 0 and mark 1 are points of the stream; between waits for mark 1 and gives the seconds from 0 to 1. */
enum fox_status fox_cuda_mark(struct fox_cuda *c, int mark, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_cuda_between(struct fox_cuda *c, double *seconds, struct fox_err *err) FOX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
