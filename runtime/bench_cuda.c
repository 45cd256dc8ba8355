/* bench_cuda.c - see bench_cuda.h */
#include "runtime/bench_cuda.h"

#include <stdlib.h>

#include "kernels/cuda/cuda.h"

#define PIECE_MOST (1ull << 30) /* far more than any L2 */
#define PASSES 10

struct fox_bench_cuda {
	struct fox_cuda *cuda;
	uint64_t free_at_first;
};

enum fox_status fox_bench_cuda_open(struct fox_bench_cuda **out, struct fox_err *err)
{
	*out = NULL;
	struct fox_bench_cuda *b = calloc(1, sizeof *b);
	if (!b)
		return fox_fail_nomem(err);
	enum fox_status st = fox_cuda_open(&b->cuda, 0, err);
	if (!st)
		st = fox_cuda_free_bytes(b->cuda, &b->free_at_first, err);
	if (st) {
		fox_bench_cuda_close(b);
		return st;
	}
	*out = b;
	return FOX_OK;
}

void fox_bench_cuda_close(struct fox_bench_cuda *b)
{
	if (!b)
		return;
	fox_cuda_close(b->cuda);
	free(b);
}

uint64_t fox_bench_cuda_lost(struct fox_bench_cuda *b)
{
	uint64_t left;
	if (fox_cuda_free_bytes(b->cuda, &left, NULL) || left > b->free_at_first)
		return 0;
	return b->free_at_first - left;
}

static enum fox_status copy_once(
    struct fox_bench_cuda *b, void *to, const void *from, uint64_t n, double *rate, struct fox_err *err)
{
	double seconds = 0;
	enum fox_status st;
	if ((st = fox_cuda_mark(b->cuda, 0, err)) || (st = fox_cuda_copy(b->cuda, to, from, n, err)) ||
	    (st = fox_cuda_mark(b->cuda, 1, err)) || (st = fox_cuda_between(b->cuda, &seconds, err)))
		return st;
	double now = seconds > 0 ? 2 * (double)n / seconds : 0;
	*rate = now > *rate ? now : *rate;
	return FOX_OK;
}

enum fox_status fox_bench_cuda_copy(struct fox_bench_cuda *b, double *rate, struct fox_err *err)
{
	void *from = NULL, *to = NULL;
	uint64_t left, n;
	enum fox_status st = fox_cuda_free_bytes(b->cuda, &left, err);
	*rate = 0;
	n = left / 4 < PIECE_MOST ? left / 4 : PIECE_MOST;
	if (!st && !(st = fox_cuda_alloc(b->cuda, &from, n, err)))
		st = fox_cuda_alloc(b->cuda, &to, n, err);
	if (!st)
		st = fox_cuda_zero(b->cuda, from, n, err);
	for (int i = 0; i < PASSES && !st; i++)
		st = copy_once(b, to, from, n, rate, err);
	fox_cuda_free(b->cuda, from);
	fox_cuda_free(b->cuda, to);
	return st;
}
