/* feedback.c - the factor of an inverse, without the inverse.
 *
 * With A = R transpose(R), R upper triangular, the inverse of A is transpose(inverse(R)) inverse(R), so F = inverse(R): one
 * Cholesky decomposition from the last column to the first, and one triangular inversion. Rows are shared out; every
 * element is one sum in a fixed order. */
#include "kernels/feedback.h"

#include <math.h>
#include <stdlib.h>

enum {
	BLOCK = 64
}; /* columns that are finished together: their rows stay in the cache while all others pass */

struct work {
	double *a;            /* [n][n]: A above the diagonal, and R where finished */
	size_t n, first, end; /* the block at hand: columns first .. end - 1 */
	float *out;
};

static double dot(const double *x, const double *y, size_t n)
{
	double s[8] = {0};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int l = 0; l < 8; l++)
			s[l] += x[i + l] * y[i + l];
	for (int l = 0; i < n; i++, l++)
		s[l] += x[i] * y[i];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Row i of the block's columns: what finished columns take away, from the last of the block to its first. For i in the
 * block itself columns below i are not looked at. */
static void reduce_row(const struct work *w, size_t i, size_t stop)
{
	double *row = w->a + i * w->n;
	for (size_t j = w->end; j-- > stop;) {
		const double *other = w->a + j * w->n;
		double v = row[j] - dot(row + j + 1, other + j + 1, w->n - j - 1);
		row[j] = i == j ? v : v / other[j];
	}
}

static void row_above(void *ctx, size_t item, unsigned worker)
{
	const struct work *w = ctx;
	(void)worker;
	reduce_row(w, item, w->first);
}

/* False when a pivot is not positive. */
static bool decompose(struct work *w, struct fox_pool *pool)
{
	for (w->end = w->n; w->end > 0; w->end = w->first) {
		w->first = w->end > BLOCK ? w->end - BLOCK : 0;
		/* The square on the diagonal, a column at a time since its rows lean on each other, then all rows above. */
		for (size_t j = w->end; j-- > w->first;) {
			double *own = w->a + j * w->n;
			own[j] -= dot(own + j + 1, own + j + 1, w->n - j - 1);
			if (!(own[j] > 0) || isinf(own[j]))
				return false;
			own[j] = sqrt(own[j]);
			for (size_t i = w->first; i < j; i++) {
				double *row = w->a + i * w->n;
				row[j] = (row[j] - dot(row + j + 1, own + j + 1, w->n - j - 1)) / own[j];
			}
		}
		fox_pool_run(pool, row_above, w, w->first);
	}
	return true;
}

/* Column strips of F = inverse(R), from the last row up: row i of F is (1 at i, less R[i][k] times row k of F for k > i) /
 * R[i][i]. */
enum { STRIP = 64 };

static void invert_strip(void *ctx, size_t item, unsigned worker)
{
	const struct work *w = ctx;
	size_t n = w->n, from = item * STRIP, width = n - from < STRIP ? n - from : STRIP;
	double sum[STRIP];
	(void)worker;
	for (size_t i = from + width; i-- > 0;) {
		const double *r = w->a + i * n;
		for (size_t t = 0; t < width; t++)
			sum[t] = from + t == i;
		for (size_t k = i + 1; k < from + width; k++)
			for (size_t t = 0; t < width; t++)
				sum[t] -= r[k] * (double)w->out[k * n + from + t];
		for (size_t t = 0; t < width; t++)
			w->out[i * n + from + t] = (float)(sum[t] / r[i]);
	}
	for (size_t i = from + width; i < n; i++)
		for (size_t t = 0; t < width; t++)
			w->out[i * n + from + t] = 0;
}

enum fox_status fox_feedback_factor(
    float *out, const float *gram, size_t n, double damp, struct fox_pool *pool, struct fox_err *err)
{
	double mean = 0;
	for (size_t i = 0; i < n; i++)
		mean += (double)gram[i * (n + 1)] / (double)n;
	struct work w = {
	    .n = n, .out = out, .a = n <= SIZE_MAX / sizeof(double) / n ? malloc(n * n * sizeof(double)) : NULL};
	if (!w.a)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n * n; i++)
		w.a[i] = (double)gram[i];
	for (size_t i = 0; i < n; i++)
		w.a[i * (n + 1)] += mean > 0 ? damp * mean : 1;
	bool good = isfinite(mean) && decompose(&w, pool);
	if (good)
		fox_pool_run(pool, invert_strip, &w, (n + STRIP - 1) / STRIP);
	free(w.a);
	return good ? FOX_OK
	            : fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
	                  "sums over inputs are not finite, or no sums of squares");
}
