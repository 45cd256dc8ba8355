/* values.h - reading any tensor's values as f64, and what can be said about them in one pass. */
#ifndef FOX_VALUES_H
#define FOX_VALUES_H

#include "format/gguf.h"

#define FOX_VALUES_CHUNK 4096u /* values decoded at once: a multiple of every block */

/*
 * fox_values_readable - can this build decode the tensor's type in the byte order of its file?
 *
 * errors FOX_E_UNSUPPORTED naming tensor and type
 */
enum fox_status fox_values_readable(
    const struct fox_tensor *t, bool big_endian, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_values_read - values [first, first + n) of a readable tensor, in the order of the file
 *
 * first   a multiple of FOX_VALUES_CHUNK, < n_elems
 * dst     f64 [FOX_VALUES_CHUNK]; every type's values are exact in it but i64 beyond 2^53
 * returns how many were read: FOX_VALUES_CHUNK, fewer at the end
 */
size_t fox_values_read(const struct fox_tensor *t, bool big_endian, uint64_t first, double *dst);

#define FOX_VALUES_BINS 16u

/* Of all values; min, max, mean and rms over the finite ones only. */
struct fox_stats {
	uint64_t n, zeros, nans, infs, negative;
	double min, max; /* NaN when no value is finite */
	double mean, rms;
	uint64_t bin[FOX_VALUES_BINS]; /* equal widths from min to max; max itself falls into the last */
};

/* Two passes over a readable tensor; sums in f64, chunk by chunk, so that their error stays near one rounding. */
void fox_values_stats(const struct fox_tensor *t, bool big_endian, struct fox_stats *out);

/* How far two tensors of the same shape, both readable, are apart. */
struct fox_distance {
	uint64_t n;       /* values that differ: NaN equals NaN, and -0 equals 0 */
	double max_abs;   /* over pairs of finite values */
	uint64_t max_at;  /* index of the first such value */
	uint64_t n_alien; /* pairs of which exactly one is not finite, or both but different */
	double
	    nmse; /* sum (b - a)^2 / sum a^2 over pairs of finite values; NaN when a is all zero but b is not */
};
void fox_values_distance(const struct fox_tensor *a, bool a_big_endian, const struct fox_tensor *b,
    bool b_big_endian, struct fox_distance *out);

#endif
