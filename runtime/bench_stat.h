/* bench_stat.h - private to fox-bench: what it counts with: order statistics of repeats, lists of numbers on a command
 * line, the clock. */
#ifndef FOX_BENCH_STAT_H
#define FOX_BENCH_STAT_H

#include "format/base/err.h"

#define FOX_BENCH_REPEATS 100u /* at most */
#define FOX_BENCH_LIST 16u     /* numbers in one list, at most */

/* Of n values; quartiles by linear interpolation between neighbours (Hyndman and Fan 1996, definition 7). */
struct fox_bench_stat {
	double median, q1, q3, min, max;
	uint32_t n;
};

/* x [n], n in [1, FOX_BENCH_REPEATS]: comes back sorted */
struct fox_bench_stat fox_bench_stat_of(double *x, uint32_t n);

struct fox_bench_list {
	uint32_t item[FOX_BENCH_LIST];
	uint32_t n;
};

/*
 * fox_bench_list_parse - "1,16,512": decimal numbers in [min, max], in the order given
 *
 * option  for the message: "--prompt"
 * errors  FOX_E_ARG: empty, not a number, out of range, or more than FOX_BENCH_LIST of them
 */
enum fox_status fox_bench_list_parse(struct fox_bench_list *out, const char *text, const char *option,
    uint32_t min, uint32_t max, struct fox_err *err) FOX_MUST_CHECK;

double fox_bench_now(void); /* seconds of a clock that only rises */

#endif
