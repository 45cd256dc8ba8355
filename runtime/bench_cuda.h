/* bench_cuda.h - private to fox-bench: a CUDA device measured by its own copies, and its memory. */
#ifndef FOX_BENCH_CUDA_H
#define FOX_BENCH_CUDA_H

#include "format/base/err.h"

struct fox_bench_cuda; /* device 0, open beside the sessions that are measured */

/* FOX_E_UNSUPPORTED, FOX_E_NOMEM; *out is NULL then. */
enum fox_status fox_bench_cuda_open(struct fox_bench_cuda **out, struct fox_err *err) FOX_MUST_CHECK;
void fox_bench_cuda_close(struct fox_bench_cuda *b); /* NULL is fine */

/* Bytes a second, read and written, that the device's own copies reach between two large pieces of its memory: the best of
 * ten. FOX_E_NOMEM, FOX_E_IO */
enum fox_status fox_bench_cuda_copy(
    struct fox_bench_cuda *b, double *rate, struct fox_err *err) FOX_MUST_CHECK;

/* Bytes of the device that are no longer free since open: what everybody together took. 0 when it cannot be read. */
uint64_t fox_bench_cuda_lost(struct fox_bench_cuda *b);

#endif
