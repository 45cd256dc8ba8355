/* ver_quant.c - each weight against the values that its block can hold; each block, row and tensor against what rounding
 * costs.  spec/verify.md 3.9 */
#include "inspect/ver_quant.h"

#include <math.h>
#include <stdio.h>

#include "inspect/ver_block.h"

/* What rounding costs by type, measured: spec/verify.md 3.9 has the figures and their margin. */
struct limit {
	double error; /* relative error of a tensor; a row may have twice that */
	double norm;  /* how far |y| / |x| of a tensor may be from 1 */
	bool
	    kept; /* with importance, weights stay as a search chose them; the scale is fitted to them afterwards */
	double
	    block; /* of a block's e2 / x2. 1: zeros are as far; where 0 is a value nothing else can be farther */
};
static const struct limit limits[FOX_TYPE_LIMIT] = {
    [FOX_Q8_0] = {0.016, 0.001, false, 1},
    [FOX_Q4_0] = {0.20, 0.015, true, 1},
    [FOX_Q4_1] = {0.18, 0.015, true, 1.5},
    [FOX_Q5_0] = {0.10, 0.005, true, 1},
    [FOX_Q5_1] = {0.09, 0.005, true, 1.5},
    [FOX_Q2_K] = {0.50, 0.100, false, 1.5},
    [FOX_Q3_K] = {0.30, 0.040, false, 1},
    [FOX_Q4_K] = {0.15, 0.005, false, 1.5},
    [FOX_Q5_K] = {0.08, 0.003, false, 1.5},
    [FOX_Q6_K] = {0.045, 0.002, false, 1},
    [FOX_IQ4_NL] = {0.16, 0.010, false, 1.1}, /* its value nearest to 0 is 1 */
    [FOX_IQ4_XS] = {0.16, 0.010, false, 1.1},
    [FOX_MXFP4] = {0.25, 0.100, false, 1},
    [FOX_NVFP4] = {0.25, 0.100, false, 1},
};

/* Where columns are weighed, those without importance may be lost wholly: what is left is that zeros, let alone other weights,
 * are farther. |y| / |x| is never farther from 1 than the error; some of that is left for it. */
#define MOST 0.95
#define WEIGHTED_NORM 3
#define WEIGHTED_SHARE 0.6
#define WEIGHTED_BLOCK 4

static double magnitude(const struct fox_ver_group *g)
{
	return fmax(fabs((double)g->value[0]), fabs((double)g->value[g->n_values - 1]));
}

/* What it costs a weight that scales end at a least step. */
static double range_cost(const struct fox_ver_group *g)
{
	return g->step_a * magnitude(g) + g->step_b;
}

/* By how much the scales that a quantizer went by may differ, in the weight: rounded to f16 afterwards, or only by its f32
 * arithmetic. */
static double slack(const struct fox_ver_group *g)
{
	double most = fabs(g->a) * magnitude(g) + fabs(g->b);
	return g->early ? 0x1p-11 * most + range_cost(g) : 0x1p-18 * most;
}

static double value_of(const struct fox_ver_group *g, uint32_t rank)
{
	return g->a * g->value[rank] + g->b;
}

/* The value nearest to x that the group can hold. */
static uint32_t nearest(const struct fox_ver_group *g, double x)
{
	double t = (x - g->b) / g->a; /* in units of the table, which rises */
	uint32_t low = 0, high = g->n_values - 1;
	while (low < high) { /* the first value that is not below t, or the last */
		uint32_t middle = (low + high) / 2;
		if (g->value[middle] < t)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && fabs(t - g->value[low - 1]) < fabs(t - g->value[low]) ? low - 1 : low;
}

/* How many values away from the nearest a weight is; ties, and what slack excuses, are none. */
static uint32_t places_off(const struct fox_ver_group *g, uint32_t rank, double x, double may)
{
	if (!(g->a < 0) && !(g->a > 0))
		return 0; /* all values are one */
	uint32_t best = nearest(g, x);
	if (rank == best || fabs(x - value_of(g, rank)) <= fabs(x - value_of(g, best)) + 2 * may)
		return 0;
	return rank > best ? rank - best : best - rank;
}

struct block_sums {
	double x2, y2, e2, range2;
};

static void add_group(struct fox_ver_quant *q, struct block_sums *s, const struct fox_ver_group *g,
    const double *x, uint64_t row, uint64_t col)
{
	double may = slack(g), range = range_cost(g);
	for (uint32_t i = 0; i < g->n; i++) {
		double y = value_of(g, g->rank[i]), e = x[i] - y;
		uint32_t off = places_off(g, g->rank[i], x[i], may);
		if (off && !q->farthest)
			q->off_row = row, q->off_col = col + i;
		if (off)
			q->n_off[off < 3 ? off - 1 : 2]++;
		q->farthest = off > q->farthest ? off : q->farthest;
		s->x2 += x[i] * x[i], s->y2 += y * y, s->e2 += e * e;
	}
	s->range2 += g->n * range * range;
}

void fox_ver_quant_blocks(struct fox_ver_quant *q, enum fox_type type, uint64_t row, uint64_t col,
    const uint8_t *got, const double *x, uint64_t n)
{
	const struct fox_type_info *info = fox_type_info(type);
	struct fox_ver_group group[FOX_VER_BLOCK_GROUPS];
	double most = q->how ? WEIGHTED_BLOCK : limits[type].block;
	for (uint64_t at = 0; at < n; at += info->elems, got += info->bytes) {
		struct block_sums s = {0};
		uint32_t n_groups = fox_ver_block(type, got, group);
		for (uint64_t k = 0, in = at; k < n_groups; in += group[k++].n)
			add_group(q, &s, &group[k], x + in, row, col + in);
		if (!(s.e2 <= most * (s.x2 + s.range2)) && !q->n_blocks_off++)
			q->block_row = row, q->block_col = col + at;
		q->row_x2 += s.x2, q->row_e2 += s.e2, q->row_range2 += s.range2;
		q->y2 += s.y2;
	}
	q->n += n;
}

/* Relative, less what the range of scales may have cost. */
static double error_of(double e2, double range2, double x2)
{
	double rest = e2 - range2;
	if (isnan(e2) || isnan(x2))
		return INFINITY;
	return rest > 0 ? x2 > 0 ? sqrt(rest / x2) : INFINITY : 0;
}

void fox_ver_quant_end_row(struct fox_ver_quant *q, uint64_t row)
{
	double error = error_of(q->row_e2, q->row_range2, q->row_x2);
	if (error > q->worst_row)
		q->worst_row = error, q->worst_row_at = row;
	q->x2 += q->row_x2, q->e2 += q->row_e2, q->range2 += q->row_range2;
	q->row_x2 = q->row_e2 = q->row_range2 = 0;
}

void fox_ver_quant_merge(struct fox_ver_quant *into, const struct fox_ver_quant *from)
{
	if (from->n_blocks_off && !into->n_blocks_off)
		into->block_row = from->block_row, into->block_col = from->block_col;
	if (from->farthest && !into->farthest)
		into->off_row = from->off_row, into->off_col = from->off_col;
	if (from->worst_row > into->worst_row)
		into->worst_row = from->worst_row, into->worst_row_at = from->worst_row_at;
	for (int i = 0; i < 3; i++)
		into->n_off[i] += from->n_off[i];
	into->farthest = from->farthest > into->farthest ? from->farthest : into->farthest;
	into->n += from->n;
	into->x2 += from->x2, into->y2 += from->y2, into->e2 += from->e2, into->range2 += from->range2;
	into->n_blocks_off += from->n_blocks_off;
}

double fox_ver_quant_error(const struct fox_ver_quant *q)
{
	return error_of(q->e2, 0, q->x2);
}

/* ---- verdicts */

static uint64_t n_off(const struct fox_ver_quant *q)
{
	return q->n_off[0] + q->n_off[1] + q->n_off[2];
}

/* |y| / |x|: a factor on a tensor shows here when it is too small to show as an error. Few weights scatter, and scales below
 * f16's range are no factor. */
static bool norm_is_off(const struct fox_ver_quant *q, double *limit, double error, double *norm)
{
	*limit = q->how ? WEIGHTED_NORM * *limit + WEIGHTED_SHARE * error : *limit;
	*norm = q->x2 > 0 ? sqrt(q->y2 / q->x2) : q->y2 > 0 ? INFINITY : 1;
	double scatter = 4 * error / sqrt((double)q->n),
	       range = q->x2 > 0 ? 2 * sqrt(q->range2 / q->x2) : INFINITY;
	return !(fabs(*norm - 1) <= *limit + scatter + range);
}

bool fox_ver_quant_judge(const struct fox_ver_quant *q, enum fox_type type, char text[320])
{
	const struct limit *l = &limits[type];
	const char *name = fox_type_info(type)->name;
	double most = q->how ? MOST : l->error, factor = l->norm;
	double row = q->how ? 1 : fmin(2 * l->error, MOST);
	double error = error_of(q->e2, q->range2, q->x2), norm;
	bool excused = q->how == FOX_VER_FED_BACK || (q->how == FOX_VER_WEIGHTED && l->kept);
	if (q->n_blocks_off)
		snprintf(text, 320,
		    "%llu blocks are farther from the source than rounding to %s puts them; first at row %llu, "
		    "column %llu",
		    (unsigned long long)q->n_blocks_off, name, (unsigned long long)q->block_row,
		    (unsigned long long)q->block_col);
	else if (!(error <= most))
		snprintf(text, 320, "the relative error is %.3g, where rounding to %s costs up to %.3g", error, name,
		    most);
	else if (!(q->worst_row <= row))
		snprintf(text, 320, "the relative error of row %llu is %.3g, where rounding to %s costs up to %.3g",
		    (unsigned long long)q->worst_row_at, q->worst_row, name, row);
	else if (norm_is_off(q, &factor, error, &norm))
		snprintf(text, 320,
		    "weights are %.4g times as large as the source's, where rounding to %s keeps to 1 within %.3g",
		    norm, name, factor);
	else if (!excused && n_off(q))
		snprintf(text, 320,
		    "%llu of %llu weights are not the nearest that their scales give, the farthest by %u; first at "
		    "row %llu, "
		    "column %llu",
		    (unsigned long long)n_off(q), (unsigned long long)q->n, q->farthest,
		    (unsigned long long)q->off_row, (unsigned long long)q->off_col);
	else
		return true;
	return false;
}
