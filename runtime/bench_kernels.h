/* bench_kernels.h - private to fox-bench: each kernel of a table against the scalar one, on one thread and data that stay
 * in the caches. */
#ifndef FOX_BENCH_KERNELS_H
#define FOX_BENCH_KERNELS_H

#include "format/base/err.h"
#include "kernels/kernels.h"

struct fox_bench_kernel {
	char name[40];   /* "gemv fast q4_0" */
	const char *isa; /* who won, where the table says; else "table" */
	double values;   /* a second: multiplications of a product, else elements */
	double bytes;    /* a second, of stored weights or of f32 */
	double
	    scalar_values; /* of the scalar kernel, for products without one of scalar dot; 0: there is neither */
};

/*
 * fox_bench_kernels_run - measure the kernels whose name holds `filter` (NULL or "": all)
 *
 * Matrices are 16 x 2048, panels meet 32 rows of activations. A kernel runs for about a millisecond, five times; the best counts.
 *
 * out     free() it; in the order of the table
 * errors  FOX_E_ARG no kernel has such a name; FOX_E_NOMEM; FOX_E_CANCELLED
 */
enum fox_status fox_bench_kernels_run(struct fox_bench_kernel **out, size_t *n, const struct fox_kernels *k,
    const char *filter, struct fox_err *err) FOX_MUST_CHECK;

#endif
