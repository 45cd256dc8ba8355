/* ppl_stat.c - means, standard errors and percentiles over positions.
 *
 * Two passes each: sums of squares less squares of sums would lose the small spread of one model against itself. The
 * figures are the same as llama-perplexity's formulas define.  spec/verify.md 9 */
#include "runtime/ppl_stat.h"

#include <math.h>
#include <stdlib.h>

/* What is averaged. */
typedef double value_fn(const struct ppl_row *row);

static double of_model(const struct ppl_row *row)
{
	return row->nll[0];
}

static double of_base(const struct ppl_row *row)
{
	return row->nll[1];
}

static double of_ratio(const struct ppl_row *row)
{
	return row->nll[0] - row->nll[1];
}

static double of_kld(const struct ppl_row *row)
{
	return row->kld;
}

static double of_delta(const struct ppl_row *row)
{
	return exp(-row->nll[0]) - exp(-row->nll[1]);
}

static double of_delta2(const struct ppl_row *row)
{
	return of_delta(row) * of_delta(row);
}

static double mean_of(const struct ppl_row *rows, uint64_t n, value_fn *value)
{
	double sum = 0;
	for (uint64_t i = 0; i < n; i++)
		sum += value(&rows[i]);
	return sum / (double)n;
}

/* mean of (a - mean a)(b - mean b) */
static double covariance(const struct ppl_row *rows, uint64_t n, value_fn *a, value_fn *b)
{
	double ma = mean_of(rows, n, a), mb = mean_of(rows, n, b), sum = 0;
	for (uint64_t i = 0; i < n; i++)
		sum += (a(&rows[i]) - ma) * (b(&rows[i]) - mb);
	return sum / (double)n;
}

static struct fox_ppl_mean mean(const struct ppl_row *rows, uint64_t n, value_fn *value)
{
	struct fox_ppl_mean m = {.value = mean_of(rows, n, value)};
	if (n > 1)
		m.error = sqrt(covariance(rows, n, value, value) / (double)(n - 1));
	return m;
}

/* exp of a mean; to first order its error grows by the same factor. */
static struct fox_ppl_mean exp_of(struct fox_ppl_mean ln)
{
	return (struct fox_ppl_mean){exp(ln.value), exp(ln.value) * ln.error};
}

struct fox_ppl ppl_stat_one(const struct ppl_row *rows, uint64_t n, int side, const struct fox_chunks *chunks)
{
	struct fox_ppl p = {.n = n, .n_chunks = chunks->n, .n_ctx = chunks->n_ctx};
	p.ln = mean(rows, n, side ? of_base : of_model);
	p.ppl = exp_of(p.ln);
	return p;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double percentile(const double *sorted, uint64_t n, double share)
{
	double at = share * (double)(n - 1);
	uint64_t i = (uint64_t)at, next = i + 1 < n ? i + 1 : i;
	double rest = at - (double)i;
	return (1 - rest) * sorted[i] + rest * sorted[next];
}

static void percentiles(struct fox_ppl_pair *p, const double *sorted, uint64_t n)
{
	p->kld_min = sorted[0];
	p->kld_median = percentile(sorted, n, 0.5);
	p->kld_90 = percentile(sorted, n, 0.9);
	p->kld_99 = percentile(sorted, n, 0.99);
	p->kld_999 = percentile(sorted, n, 0.999);
	p->kld_max = sorted[n - 1];
}

static struct fox_ppl_mean share(const struct ppl_row *rows, uint64_t n)
{
	uint64_t same = 0;
	for (uint64_t i = 0; i < n; i++)
		same += rows[i].same_top;
	struct fox_ppl_mean m = {.value = (double)same / (double)n};
	if (n > 1)
		m.error = sqrt(m.value * (1 - m.value) / (double)(n - 1));
	return m;
}

static void deltas(struct fox_ppl_pair *p, const struct ppl_row *rows, uint64_t n)
{
	struct fox_ppl_mean square = mean(rows, n, of_delta2);
	p->delta_p = mean(rows, n, of_delta);
	p->delta_p_rms.value = sqrt(square.value);
	p->delta_p_rms.error = square.value > 0 ? square.error / (2 * p->delta_p_rms.value) : 0;
	for (uint64_t i = 0; i < n; i++) {
		double d = fabs(of_delta(&rows[i]));
		p->delta_p_max = !(d <= p->delta_p_max) ? d : p->delta_p_max; /* NaN stays */
	}
}

enum fox_status ppl_stat_pair(struct fox_ppl_pair *out, const struct ppl_row *rows, uint64_t n,
    const struct fox_chunks *chunks, struct fox_err *err)
{
	struct fox_ppl_pair p = {0};
	double *kld = malloc((size_t)n * sizeof *kld);
	bool finite = true;
	if (!kld)
		return fox_fail_nomem(err);
	for (uint64_t i = 0; i < n; i++) {
		kld[i] = rows[i].kld;
		finite = finite && isfinite(kld[i]);
	}
	p.model = ppl_stat_one(rows, n, 0, chunks);
	p.base = ppl_stat_one(rows, n, 1, chunks);
	p.correlation = covariance(rows, n, of_model, of_base) /
	                sqrt(covariance(rows, n, of_model, of_model) * covariance(rows, n, of_base, of_base));
	p.ln_ratio = mean(rows, n, of_ratio);
	p.ratio = exp_of(p.ln_ratio);
	p.kld = mean(rows, n, of_kld);
	p.same_top = share(rows, n);
	deltas(&p, rows, n);
	qsort(kld, (size_t)n, sizeof *kld, rising);
	if (finite)
		percentiles(&p, kld, n);
	else /* there is no order among what is no number */
		p.kld_min = p.kld_median = p.kld_90 = p.kld_99 = p.kld_999 = p.kld_max = NAN;
	free(kld);
	*out = p;
	return FOX_OK;
}
