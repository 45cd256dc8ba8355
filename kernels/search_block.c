/* search_block.c - the scales, minima and codes of one block, chosen together.
 *
 * For given codes the best scale and minimum are least squares; for a given scale and minimum the best codes are the
 * nearest ones. Going back and forth between the two settles quickly, but in the nearest hollow, so each sub-block starts
 * from many scales. The block's d and dmin, in whose units the scales are whole numbers, are tried at several values: those
 * for which the sub-blocks' scales come out least rounded. Then sub-blocks try the whole numbers around theirs, and d and
 * dmin are fitted once more by least squares over the whole block.
 *
 * All sums are eight partial sums of every eighth term, added pairwise: one order, which compilers turn into vectors. */
#include "kernels/search_block.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/block_parts.h"
#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/search.h"

enum {
	STARTS = 20, /* scales that a sub-block starts from */
	SETTLE = 4,  /* rounds of codes and least squares from each */
	SCALES = 4,  /* values of d that are tried in full; of dmin one less */
	GRID = 48,   /* values of d or dmin that are compared by rounding alone */
	AROUND = 2,  /* whole numbers on either side of a scale */
	REFITS = 3   /* rounds of d and dmin by least squares */
};

static const struct fox_scheme schemes[] = {
    {FOX_Q4_0, 32, 1, -8, 7, 1, 1, 0, false, false},
    {FOX_Q4_1, 32, 1, 0, 15, 1, 1, 1, true, false},
    {FOX_Q5_0, 32, 1, -16, 15, 1, 1, 0, false, false},
    {FOX_Q5_1, 32, 1, 0, 31, 1, 1, 1, true, false},
    {FOX_Q8_0, 32, 1, -127, 127, 1, 1, 0, false, false},
    {FOX_Q2_K, 16, 16, 0, 3, 0, 15, 15, false, false},
    {FOX_Q3_K, 16, 16, -4, 3, -32, 31, 0, false, false},
    {FOX_Q4_K, 32, 8, 0, 15, 0, 63, 63, false, false},
    {FOX_Q5_K, 32, 8, 0, 31, 0, 63, 63, false, false},
    {FOX_Q6_K, 16, 16, -32, 31, -128, 127, 0, false, false},
    {FOX_IQ4_NL, 32, 1, -127, 113, 1, 1, 0, false, true},
    {FOX_IQ4_XS, 32, 8, -127, 113, -32, 31, 0, false, true},
};

const struct fox_scheme *fox_scheme_of(enum fox_type type)
{
	for (size_t i = 0; i < FOX_COUNT(schemes); i++)
		if (schemes[i].type == type)
			return &schemes[i];
	return NULL;
}

/* ---- values and sums */

/* NaN gives lo. */
static inline float clamp(float v, float lo, float hi)
{
	v = v > lo ? v : lo;
	return v < hi ? v : hi;
}

/* To the nearest whole number, ties to even, for |v| <= 2^22. */
static inline float nearest_whole(float v)
{
	return (v + 0x1.8p23f) - 0x1.8p23f;
}

static inline int whole(float v, int lo, int hi)
{
	return (int)nearest_whole(clamp(v, (float)lo, (float)hi));
}

static inline float in_table(float y)
{
	float v = (float)fox_iq4_value[0];
	for (int i = 0; i < 15; i++)
		v = y >= fox_iq4_border[i] ? (float)fox_iq4_value[i + 1] : v;
	return v;
}

float fox_search_nearest(const struct fox_scheme *c, float y)
{
	return c->table ? in_table(y) : nearest_whole(clamp(y, c->lo, c->hi));
}

static inline float total(const float s[8])
{
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static float to_f16(float v)
{
	return fox_f16_to_f32(fox_f32_to_f16(clamp(v, -65504, 65504)));
}

/* Codes for x ~ s v - b, as values; the weighted error. */
static float choose_codes(
    float *v, const struct fox_scheme *c, float s, float b, const float *x, const float *w)
{
	float inverse = s != 0 ? 1 / s : 0, sum[8] = {0};
	for (int i = 0; i < c->len; i += 8) {
		if (c->table)
			for (int l = 0; l < 8; l++)
				v[i + l] = in_table((x[i + l] + b) * inverse);
		else
			for (int l = 0; l < 8; l++)
				v[i + l] = nearest_whole(clamp((x[i + l] + b) * inverse, c->lo, c->hi));
		for (int l = 0; l < 8; l++) {
			float e = x[i + l] + b - s * v[i + l];
			sum[l] += w[i + l] * e * e;
		}
	}
	return total(sum);
}

/* Weighted sums over a sub-block, for least squares. */
struct sums {
	float w, v, vv, x, vx;
};

static struct sums sums_of(const struct fox_scheme *c, const float *v, const float *x, const float *w)
{
	float s[5][8] = {{0}};
	for (int i = 0; i < c->len; i += 8)
		for (int l = 0; l < 8; l++) {
			float wv = w[i + l] * v[i + l];
			s[0][l] += w[i + l];
			s[1][l] += wv;
			s[2][l] += wv * v[i + l];
			s[3][l] += w[i + l] * x[i + l];
			s[4][l] += wv * x[i + l];
		}
	return (struct sums){total(s[0]), total(s[1]), total(s[2]), total(s[3]), total(s[4])};
}

/* What the error gains as s moves away from its best while b follows, and the reverse: w v^2 and w about their means. */
static void curvature(struct sums t, const struct fox_scheme *c, float *of_s, float *of_b)
{
	float shared = c->min_hi && t.vv > 0 && t.w > 0 ? t.v * t.v / (t.vv * t.w) : 0;
	*of_s = t.vv * (1 - shared);
	*of_b = t.w * (1 - shared);
}

/* s and b by least squares for the codes at hand; b stays at or above 0 unless it may have either sign. */
static void fit(
    const struct fox_scheme *c, const float *v, const float *x, const float *w, float *s, float *b)
{
	struct sums t = sums_of(c, v, x, w);
	float det = t.w * t.vv - t.v * t.v;
	if (c->min_hi && det > 1e-6f * t.w * t.vv) {
		float slope = (t.w * t.vx - t.v * t.x) / det, offset = (t.v * t.vx - t.vv * t.x) / det;
		if (c->free_min || (offset >= 0 && slope >= 0)) {
			*s = slope, *b = offset;
			return;
		}
	}
	if (!c->free_min)
		*b = 0;
	if (t.vv > 0)
		*s = (t.vx + *b * t.v) / t.vv;
	if (c->min_hi && *s < 0)
		*s = 0;
}

/* ---- a sub-block by itself */

struct found {
	float s, b, error;
};

/* Settle from one start. */
static void settle(
    struct found *best, const struct fox_scheme *c, float s, float b, const float *x, const float *w)
{
	float v[FOX_SEARCH_SUB];
	for (int i = 0; i < SETTLE; i++) {
		if (c->scale_hi == 1) /* what is stored is what counts */
			s = to_f16(s), b = to_f16(b);
		float e = choose_codes(v, c, s, b, x, w), was = s;
		if (e < best->error)
			*best = (struct found){s, b, e};
		fit(c, v, x, w, &s, &b);
		if (s == was)
			break;
	}
}

/* Starts are spread over the scales that leave the extremes a little outside (rounding then costs less for all the
 * others) to a little inside. Without a minimum both signs are tried, since codes reach farther on one side. */
static struct found search_alone(const struct fox_scheme *c, const float *x, const float *w)
{
	float lo = 0, hi = 0;
	struct found best = {0, 0, 0};
	for (int i = 0; i < c->len; i++) {
		lo = x[i] < lo || (c->free_min && i == 0) ? x[i] : lo;
		hi = x[i] > hi || (c->free_min && i == 0) ? x[i] : hi;
	}
	float v[FOX_SEARCH_SUB];
	float most = -lo > hi ? lo : hi;
	best.error = choose_codes(v, c, 0, best.b, x, w);
	if (lo == hi) {
		best.b = -lo;
		return best;
	}
	for (int i = 0; i < STARTS; i++) {
		float f = (float)i / (STARTS - 1); /* 0 .. 1 */
		if (c->min_hi) {
			float codes = c->hi * (0.7f + 0.45f * f); /* that the range is spread over */
			settle(&best, c, (hi - lo) / codes, -lo, x, w);
		} else {
			float codes = 0.7f + 0.5f * f;
			settle(&best, c, most / (c->lo * codes), 0, x, w);
			settle(&best, c, most / (c->hi * codes), 0, x, w);
		}
	}
	return best;
}

/* ---- d and dmin */

/* Values for d (of sub-blocks' scales s) that round them least, in units of whole numbers lo..hi: by a * rounding^2.
 * top: what the largest whole number should reach. Returns how many. */
static int pick_units(float *out, int cap, const float *s, const float *a, int n, float top, int lo, int hi)
{
	float unit[GRID], error[GRID];
	int n_units = 0, n_out = 0;
	if (lo == hi) { /* nothing is rounded but the unit itself */
		out[0] = to_f16(top);
		return 1;
	}
	for (int i = 0; i < GRID; i++) {
		float d = to_f16(top * (0.96f + 0.0125f * (float)i)), e = 0;
		if (d == 0 || (n_units && d == unit[n_units - 1]))
			continue;
		for (int j = 0; j < n; j++) {
			float rest = s[j] - d * (float)whole(s[j] / d, lo, hi);
			e += a[j] * rest * rest;
		}
		unit[n_units] = d;
		error[n_units++] = e;
	}
	for (; n_out < cap && n_out < n_units; n_out++) {
		int best = 0;
		for (int i = 1; i < n_units; i++)
			if (error[i] < error[best])
				best = i;
		out[n_out] = unit[best];
		error[best] = FLT_MAX;
	}
	return n_out;
}

/* ---- a sub-block in given units */

/* One scale: minima from the one at hand to where codes and minimum agree, then its neighbours. */
struct trial {
	struct found best;
	int scale, min;
	float v[FOX_SEARCH_SUB];
};

static float try_min(struct trial *t, const struct fox_scheme *c, float d, float dmin, int scale, int min,
    const float *x, const float *w, float *v)
{
	float e = choose_codes(v, c, d * (float)scale, dmin * (float)min, x, w);
	if (e < t->best.error) {
		t->best.error = e;
		t->scale = scale, t->min = min;
		memcpy(t->v, v, sizeof t->v);
	}
	return e;
}

static void try_scale(struct trial *t, const struct fox_scheme *c, float d, float dmin, int scale, int min,
    const float *x, const float *w)
{
	float v[FOX_SEARCH_SUB] = {0};
	if (!c->min_hi || c->free_min || dmin == 0) {
		try_min(t, c, d, dmin, scale, c->free_min ? 1 : 0, x, w, v);
		return;
	}
	int last = -1;
	for (int i = 0; i < SETTLE && min != last; i++) {
		try_min(t, c, d, dmin, scale, min, x, w, v);
		struct sums sum = sums_of(c, v, x, w);
		last = min;
		if (sum.w > 0)
			min = whole((d * (float)scale * sum.v - sum.x) / (sum.w * dmin), 0, c->min_hi);
	}
	for (int step = -1; step <= 1; step += 2)
		if (last + step >= 0 && last + step <= c->min_hi)
			try_min(t, c, d, dmin, scale, last + step, x, w, v);
}

static float search_sub(struct fox_search_block *b, const struct fox_scheme *c, int j, float s, float m,
    const float *x, const float *w)
{
	struct trial t = {.best = {0, 0, FLT_MAX}};
	int scale = b->d != 0 ? whole(s / b->d, c->scale_lo, c->scale_hi) : c->scale_hi == 1;
	int min = b->dmin != 0 ? whole(m / b->dmin, 0, c->min_hi) : 0;
	for (int k = scale - AROUND; k <= scale + AROUND; k++)
		if (k >= c->scale_lo && k <= c->scale_hi)
			try_scale(&t, c, b->d, b->dmin, k, min, x, w);
	b->scale[j] = t.scale;
	b->min[j] = t.min;
	memcpy(b->v + j * c->len, t.v, (size_t)c->len * sizeof *b->v);
	return t.best.error;
}

void fox_search_sub(
    struct fox_search_block *b, const struct fox_scheme *c, int j, const float *x, const float *w)
{
	search_sub(b, c, j, b->d * (float)b->scale[j], b->dmin * (float)b->min[j], x, w);
}

static float search_subs(struct fox_search_block *b, const struct fox_scheme *c, const float *s,
    const float *m, const float *x, const float *w)
{
	float error = 0;
	for (int j = 0; j < c->n; j++)
		error += search_sub(b, c, j, s[j], m[j], x + j * c->len, w + j * c->len);
	return error;
}

/* ---- the block */

/* d and dmin by least squares over the block; false when they stay. */
static bool refit(struct fox_search_block *b, const struct fox_scheme *c, const float *x, const float *w)
{
	double aa = 0, am = 0, mm = 0, ax = 0, mx = 0;
	for (int j = 0; j < c->n; j++) {
		struct sums t = sums_of(c, b->v + j * c->len, x + j * c->len, w + j * c->len);
		double k = b->scale[j], m = b->min[j];
		aa += k * k * (double)t.vv;
		am -= k * m * (double)t.v;
		mm += m * m * (double)t.w;
		ax += k * (double)t.vx;
		mx -= m * (double)t.x;
	}
	float d = b->d, dmin = b->dmin;
	double det = aa * mm - am * am;
	if (mm > 0 && det > 1e-9 * aa * mm) {
		double slope = (mm * ax - am * mx) / det, offset = (aa * mx - am * ax) / det;
		if (c->free_min || (slope >= 0 && offset >= 0))
			d = to_f16((float)slope), dmin = to_f16((float)offset);
	} else if (aa > 0) {
		d = to_f16((float)((ax - am * (double)dmin) / aa));
	}
	bool moved = d != b->d || dmin != b->dmin;
	b->d = d, b->dmin = dmin;
	return moved;
}

float fox_search_block(
    struct fox_search_block *out, const struct fox_scheme *c, const float *x, const float *w)
{
	float s[FOX_SEARCH_SUBS], m[FOX_SEARCH_SUBS], of_s[FOX_SEARCH_SUBS], of_m[FOX_SEARCH_SUBS];
	float most_s = 0, most_m = 0, v[FOX_SEARCH_SUB], d[2 * SCALES], dmin[SCALES], best = FLT_MAX;
	int n_d = 0, n_dmin = 0;
	memset(out, 0, sizeof *out);
	for (int j = 0; j < c->n; j++) {
		const float *xs = x + j * c->len, *ws = w + j * c->len;
		struct found f = search_alone(c, xs, ws);
		s[j] = f.s, m[j] = f.b;
		choose_codes(v, c, f.s, f.b, xs, ws);
		curvature(sums_of(c, v, xs, ws), c, &of_s[j], &of_m[j]);
		most_s = fabsf(s[j]) > fabsf(most_s) ? s[j] : most_s;
		most_m = fabsf(m[j]) > fabsf(most_m) ? m[j] : most_m;
	}
	if (c->scale_lo < 0)
		n_d = pick_units(d, SCALES, s, of_s, c->n, most_s / (float)c->scale_lo, c->scale_lo, c->scale_hi);
	if (c->scale_hi > 1 || !n_d)
		n_d += pick_units(
		    d + n_d, SCALES - n_d / 2, s, of_s, c->n, most_s / (float)c->scale_hi, c->scale_lo, c->scale_hi);
	if (c->min_hi && most_m != 0)
		n_dmin = pick_units(
		    dmin, SCALES - 1, m, of_m, c->n, most_m / (float)c->min_hi, c->free_min ? 1 : 0, c->min_hi);
	if (!n_d)
		d[n_d++] = 0;
	if (!n_dmin)
		dmin[n_dmin++] = 0;
	for (int i = 0; i < n_d; i++)
		for (int k = 0; k < n_dmin; k++) {
			struct fox_search_block b = {.d = d[i], .dmin = dmin[k]};
			float e = search_subs(&b, c, s, m, x, w);
			if (e < best)
				best = e, *out = b;
		}
	for (int i = 0; i < REFITS; i++) {
		struct fox_search_block b = *out;
		if (!refit(&b, c, x, w))
			break;
		for (int j = 0; j < c->n; j++)
			s[j] = b.d * (float)b.scale[j], m[j] = b.dmin * (float)b.min[j];
		float e = search_subs(&b, c, s, m, x, w);
		if (!(e < best))
			break;
		best = e, *out = b;
	}
	return best;
}

/* ---- to bytes */

void fox_search_store(void *dst, const struct fox_scheme *c, const struct fox_search_block *b)
{
	struct fox_block_parts p = {.d = fox_f32_to_f16(b->d)};
	p.min = fox_f32_to_f16(c->free_min ? -b->dmin : b->dmin);
	for (int j = 0; j < c->n; j++) {
		bool biased = c->scale_lo == -32; /* stored with 32 added */
		p.scale[j] = (uint8_t)(b->scale[j] + (biased ? 32 : 0));
		p.mins[j] = (uint8_t)b->min[j];
	}
	for (int i = 0; i < c->n * c->len; i++) {
		int code = 0;
		if (c->table)
			while (code < 15 && (float)fox_iq4_value[code] < b->v[i])
				code++;
		else
			code = (int)b->v[i] - (c->type == FOX_Q8_0 ? 0 : (int)c->lo);
		p.q[i] = (uint8_t)code;
	}
	fox_block_pack(c->type, dst, &p);
}
