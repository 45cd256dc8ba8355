/* bench_stat.c - see bench_stat.h */
#include "runtime/bench_stat.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/str.h"

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double quantile(const double *x, uint32_t n, double q)
{
	double at = q * (n - 1);
	uint32_t i = (uint32_t)at;
	return i + 1 < n ? x[i] + (at - i) * (x[i + 1] - x[i]) : x[n - 1];
}

struct fox_bench_stat fox_bench_stat_of(double *x, uint32_t n)
{
	qsort(x, n, sizeof *x, rising);
	return (struct fox_bench_stat){.median = quantile(x, n, 0.5),
	    .q1 = quantile(x, n, 0.25),
	    .q3 = quantile(x, n, 0.75),
	    .min = x[0],
	    .max = x[n - 1],
	    .n = n};
}

enum fox_status fox_bench_list_parse(struct fox_bench_list *out, const char *text, const char *option,
    uint32_t min, uint32_t max, struct fox_err *err)
{
	*out = (struct fox_bench_list){.n = 0};
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ",");
		uint64_t v;
		if (out->n == FOX_BENCH_LIST)
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "option '%s': more than %u numbers", option, FOX_BENCH_LIST);
		if (!fox_str_u64((struct fox_str){p, n}, &v) || v < min || v > max)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "option '%s': '%s' is not a list of whole numbers from %u to %u (as in 1,16)", option, text,
			    min, max);
		out->item[out->n++] = (uint32_t)v;
		p += n;
		if (!*p)
			return FOX_OK;
	}
}

double fox_bench_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
