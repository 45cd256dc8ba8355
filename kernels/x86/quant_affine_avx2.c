/* quant_affine_avx2.c - q2_k, q4_k and q5_k blocks out of f32: the bytes of quant_k.c, sixteen sub-blocks at a time.
 *
 * Two vectors of eight sub-blocks (two super-blocks of q4_k or q5_k, one of q2_k) go through the search together, which
 * hides the latency of its sums: about 17 operations per weight and step, no multiply-add, since that would round
 * once where the format's definition rounds twice. Rare values (not finite, or so extreme that codes could leave the
 * range where rounding is plain) are left to the scalar code, a super-block at a time. */
#include <assert.h>
#include <string.h>

#include "kernels/x86/lanes_avx2.h"

enum { LEN = FOX_K_LEN, SUBS = FOX_K_SUBS, BATCH = FOX_K_BATCH, MAX_LEN = 32 };

/* See quant_k.c. */
struct affine_type {
	int len, top, scale_top, n_subs;
	bool rms; /* weights without importance: rms + |x|, squared error; else |x|, absolute error */
	float mean_factor;
	struct fox_k_steps plain, weighted;
	size_t bytes;
};

/* Up to eight super-blocks on their way. Arrays by super-block and sub-block. */
struct batch {
	float scale[BATCH][SUBS], min[BATCH][SUBS], sum_w[BATCH][SUBS];
	float inverse[BATCH][SUBS], low[BATCH][SUBS]; /* of the best candidate's codes */
	uint8_t scale_code[BATCH][SUBS], min_code[BATCH][SUBS];
	uint16_t d[BATCH], dmin[BATCH];
	bool slow[BATCH];
};

/* The pair of vectors a search runs on. */
struct groups {
	__m256 x[MAX_LEN][2], w[MAX_LEN][2], q[MAX_LEN][2];
};

struct best {
	__m256 error, scale, low, inverse, code_low;
};

/* What does not change during a search. */
struct fixed {
	__m256 high, least, sum_w, sum_x, flat;
};

/* Smallest, largest, sums of w and w x. Returns the lanes this code is not made for. */
LANES_INLINE __m256 survey(struct fixed *f, __m256 *low, const struct groups *g, int v, int len)
{
	__m256 least = g->x[0][v], most = least, sum_w = g->w[0][v], sum_x = _mm256_mul_ps(sum_w, least);
	__m256 huge = lanes_abs(least);
	for (int i = 1; i < len; i++) {
		__m256 x = g->x[i][v], w = g->w[i][v];
		/* the second operand where one is NaN: harmless, huge tells */
		least = _mm256_min_ps(x, least);
		most = _mm256_max_ps(x, most);
		huge = _mm256_castsi256_ps(
		    _mm256_max_epi32(_mm256_castps_si256(huge), _mm256_castps_si256(lanes_abs(x))));
		sum_w = _mm256_add_ps(sum_w, w);
		sum_x = _mm256_add_ps(sum_x, _mm256_mul_ps(w, x));
	}
	*low = _mm256_min_ps(_mm256_setzero_ps(), least); /* -0 stays */
	__m256 range = _mm256_sub_ps(most, *low);
	f->high = most, f->least = least, f->sum_w = sum_w, f->sum_x = sum_x;
	f->flat = _mm256_cmp_ps(most, *low, _CMP_EQ_OQ);
	__m256 tiny = _mm256_andnot_ps(f->flat, lanes_less(range, _mm256_set1_ps(0x1p-100f)));
	return _mm256_or_ps(tiny, _mm256_cmp_ps(huge, _mm256_set1_ps(0x1p100f), _CMP_NLE_UQ));
}

/* The codes at an inverse scale. Rounding may stay below 0 only where low is above the least weight, and above top only
 * where the range is cut finer than top: what cannot happen is not guarded against. */
LANES_INLINE __m256 code(__m256 x, __m256 inverse, __m256 low, int top, bool below, bool above)
{
	__m256 c = lanes_round(_mm256_mul_ps(inverse, _mm256_sub_ps(x, low)));
	if (below)
		c = _mm256_max_ps(c, _mm256_setzero_ps());
	return above ? _mm256_min_ps(c, _mm256_set1_ps((float)top)) : c;
}

LANES_INLINE __m256 error_of(__m256 q, __m256 x, __m256 w, __m256 scale, __m256 low, bool squared)
{
	__m256 diff = _mm256_sub_ps(_mm256_add_ps(_mm256_mul_ps(scale, q), low), x);
	return _mm256_mul_ps(w, squared ? _mm256_mul_ps(diff, diff) : lanes_abs(diff));
}

/* top / range; where all weights are equal and 0 or below, codes are 0 at any scale. */
LANES_INLINE __m256 inverse_of(float top, const struct fixed *f, __m256 low)
{
	__m256 range = lanes_pick(f->flat, _mm256_set1_ps(1), _mm256_sub_ps(f->high, low));
	return _mm256_div_ps(_mm256_set1_ps(top), range);
}

/* What least squares needs: sums of w q, w q q and w q x. */
struct sums {
	__m256 q, qq, qx;
};

LANES_INLINE void sums_at(struct sums s[2], struct groups *g, const __m256 inverse[2], const __m256 low[2],
    int len, int top, bool below, bool above)
{
	for (int v = 0; v < 2; v++)
		s[v].q = s[v].qq = s[v].qx = _mm256_setzero_ps();
	for (int i = 0; i < len; i++)
		for (int v = 0; v < 2; v++) {
			__m256 x = g->x[i][v], c = code(x, inverse[v], low[v], top, below, above);
			__m256 wc = _mm256_mul_ps(g->w[i][v], c);
			g->q[i][v] = c;
			s[v].q = _mm256_add_ps(s[v].q, wc);
			s[v].qq = _mm256_add_ps(s[v].qq, _mm256_mul_ps(wc, c));
			s[v].qx = _mm256_add_ps(s[v].qx, _mm256_mul_ps(wc, x));
		}
}

/* One step of fox_k_fit_affine for both vectors, at the inverse scale top_now / range. Returns lanes whose codes
 * might lie beyond plain rounding. */
LANES_INLINE __m256 step_affine(struct best b[2], struct groups *g, const struct fixed f[2], float top_now,
    bool above, int len, int top, bool squared)
{
	__m256 inverse[2], low[2], odd = _mm256_setzero_ps(), below = odd;
	struct sums s[2];
	for (int v = 0; v < 2; v++) {
		low[v] = b[v].low;
		inverse[v] = inverse_of(top_now, &f[v], low[v]);
		__m256 first = _mm256_mul_ps(inverse[v], _mm256_sub_ps(f[v].least, low[v]));
		below = _mm256_or_ps(below, lanes_less(first, _mm256_set1_ps(-0.49f)));
		odd = _mm256_or_ps(odd, _mm256_cmp_ps(first, _mm256_set1_ps(-0x1p21f), _CMP_NGE_UQ));
		odd = _mm256_or_ps(odd, _mm256_cmp_ps(inverse[v], _mm256_set1_ps(0x1p105f), _CMP_NLE_UQ));
		odd = _mm256_or_ps(odd, _mm256_cmp_ps(inverse[v], _mm256_setzero_ps(), _CMP_NGT_UQ));
	}
	if (_mm256_movemask_ps(below))
		sums_at(s, g, inverse, low, len, top, true, above);
	else
		sums_at(s, g, inverse, low, len, top, false, above);
	__m256 a[2], m[2], valid[2], error[2];
	for (int v = 0; v < 2; v++) {
		__m256 det = _mm256_sub_ps(_mm256_mul_ps(f[v].sum_w, s[v].qq), _mm256_mul_ps(s[v].q, s[v].q));
		valid[v] = lanes_less(_mm256_setzero_ps(), det);
		a[v] = _mm256_sub_ps(_mm256_mul_ps(f[v].sum_w, s[v].qx), _mm256_mul_ps(f[v].sum_x, s[v].q));
		m[v] = _mm256_sub_ps(_mm256_mul_ps(s[v].qq, f[v].sum_x), _mm256_mul_ps(s[v].q, s[v].qx));
		a[v] = _mm256_div_ps(a[v], det);
		m[v] = _mm256_div_ps(m[v], det);
		__m256 positive = lanes_less(_mm256_setzero_ps(), m[v]);
		if (_mm256_movemask_ps(positive)) {
			a[v] = lanes_pick(positive, _mm256_div_ps(s[v].qx, s[v].qq), a[v]);
			m[v] = _mm256_andnot_ps(positive, m[v]);
		}
		error[v] = _mm256_setzero_ps();
	}
	for (int i = 0; i < len; i++)
		for (int v = 0; v < 2; v++)
			error[v] =
			    _mm256_add_ps(error[v], error_of(g->q[i][v], g->x[i][v], g->w[i][v], a[v], m[v], squared));
	for (int v = 0; v < 2; v++) {
		__m256 better = _mm256_and_ps(valid[v], lanes_less(error[v], b[v].error));
		b[v].error = lanes_pick(better, error[v], b[v].error);
		b[v].scale = lanes_pick(better, a[v], b[v].scale);
		b[v].low = lanes_pick(better, m[v], b[v].low);
		b[v].inverse = lanes_pick(better, inverse[v], b[v].inverse);
		b[v].code_low = lanes_pick(better, low[v], b[v].code_low);
	}
	return odd;
}

/* fox_k_fit_affine for sixteen groups. Returns true when some need the scalar search. */
LANES_INLINE bool fit_affine(struct best b[2], struct fixed f[2], struct groups *g, int len, int top,
    const struct fox_k_steps *steps, bool squared)
{
	__m256 odd = _mm256_setzero_ps();
	for (int v = 0; v < 2; v++) {
		odd = _mm256_or_ps(odd, survey(&f[v], &b[v].low, g, v, len));
		b[v].code_low = b[v].low;
		b[v].inverse = inverse_of((float)top, &f[v], b[v].low);
		b[v].scale = _mm256_div_ps(_mm256_set1_ps(1), b[v].inverse);
		b[v].error = _mm256_setzero_ps();
	}
	if (_mm256_movemask_ps(odd))
		return true;
	for (int i = 0; i < len; i++)
		for (int v = 0; v < 2; v++) {
			__m256 c = code(g->x[i][v], b[v].inverse, b[v].low, top, false, false);
			b[v].error =
			    _mm256_add_ps(b[v].error, error_of(c, g->x[i][v], g->w[i][v], b[v].scale, b[v].low, squared));
		}
	for (int i = 0; i <= steps->last; i++) {
		float finer = steps->first + steps->step * (float)i, top_now = finer + (float)top;
		if (finer > 0.45f) /* rounding to more than top begins at 0.5, less what rounding itself adds */
			odd = _mm256_or_ps(odd, step_affine(b, g, f, top_now, true, len, top, squared));
		else
			odd = _mm256_or_ps(odd, step_affine(b, g, f, top_now, false, len, top, squared));
	}
	for (int v = 0; v < 2; v++) {
		b[v].scale = _mm256_andnot_ps(f[v].flat, b[v].scale);
		b[v].inverse = _mm256_andnot_ps(f[v].flat, b[v].inverse);
	}
	return _mm256_movemask_ps(odd) != 0;
}

/* The three searches there are, compiled once each. */
static bool fit_32(
    struct best b[2], struct fixed f[2], struct groups *g, int top, const struct fox_k_steps *steps)
{
	return fit_affine(b, f, g, 32, top, steps, true);
}

static bool fit_16(
    struct best b[2], struct fixed f[2], struct groups *g, int top, const struct fox_k_steps *steps)
{
	return fit_affine(b, f, g, 16, top, steps, true);
}

static bool fit_16_absolute(
    struct best b[2], struct fixed f[2], struct groups *g, int top, const struct fox_k_steps *steps)
{
	return fit_affine(b, f, g, 16, top, steps, false);
}

/* Weights without importance. */
LANES_INLINE void weigh_plain(struct groups *g, int v, int len, bool rms)
{
	__m256 base = _mm256_setzero_ps();
	if (rms) {
		for (int i = 0; i < len; i++)
			base = _mm256_add_ps(base, _mm256_mul_ps(g->x[i][v], g->x[i][v]));
		base = _mm256_sqrt_ps(_mm256_div_ps(base, _mm256_set1_ps((float)len)));
	}
	for (int i = 0; i < len; i++)
		g->w[i][v] = _mm256_add_ps(base, lanes_abs(g->x[i][v]));
}

/* The search over super-blocks at and, where sub-blocks of 32 leave room in the lanes, at + 1. */
LANES_INLINE void fit_blocks(struct batch *r, size_t at, size_t n, const float *x, const float *importance,
    const float *sums, const struct affine_type *t)
{
	struct groups g;
	struct best b[2];
	struct fixed f[2];
	float w[LEN];
	const bool two = t->n_subs == 8;
	for (int v = 0; v < 2; v++) {
		size_t block = two ? at + (size_t)v < n ? at + (size_t)v : at : at;
		size_t sub = two ? 0 : (size_t)v * 8 * (size_t)t->len;
		lanes_load(&g.x[0][v], 2, x + block * LEN + sub, (size_t)t->len, t->len);
		if (!importance) {
			weigh_plain(&g, v, t->len, t->rms);
			continue;
		}
		lanes_weigh(w, x + block * LEN, importance + block * LEN, t->mean_factor * sums[block] / LEN);
		lanes_load(&g.w[0][v], 2, w + sub, (size_t)t->len, t->len);
	}
	const struct fox_k_steps *steps = importance ? &t->weighted : &t->plain;
	bool slow;
	if (t->len == 32)
		slow = fit_32(b, f, &g, t->top, steps);
	else if (importance)
		slow = fit_16(b, f, &g, t->top, steps);
	else
		slow = fit_16_absolute(b, f, &g, t->top, steps);
	for (int v = 0; v < 2; v++) {
		size_t block = two ? at + (size_t)v : at, sub = two ? 0 : (size_t)v * 8;
		if (block >= BATCH)
			break;
		r->slow[block] = slow;
		_mm256_storeu_ps(&r->scale[block][sub], b[v].scale);
		_mm256_storeu_ps(&r->min[block][sub], _mm256_xor_ps(b[v].low, _mm256_set1_ps(-0.0f)));
		_mm256_storeu_ps(&r->sum_w[block][sub], f[v].sum_w);
		_mm256_storeu_ps(&r->inverse[block][sub], b[v].inverse);
		_mm256_storeu_ps(&r->low[block][sub], b[v].code_low);
	}
}

/* ---- codes anew, and packing */

/* Where one super-block stands in its batch. */
struct place {
	const struct batch *r;
	size_t b;
};

/* The codes of 32 weights from i on: to nearest at scale d and minimum m of their sub-block, or, where d is 0, those the
 * search left. q2_k has two sub-blocks there. */
LANES_INLINE __m256i codes_32(
    const struct place *p, const float *x, const float *d, const float *m, int i, const struct affine_type *t)
{
	__m256 v[4];
	for (int k = 0; k < 4; k++) {
		int s = (i + 8 * k) / t->len;
		__m256 xs = _mm256_loadu_ps(x + i + 8 * k);
		if (d[s] != 0)
			v[k] = _mm256_div_ps(_mm256_add_ps(xs, _mm256_set1_ps(m[s])), _mm256_set1_ps(d[s]));
		else
			v[k] = _mm256_mul_ps(_mm256_set1_ps(p->r->inverse[p->b][s]),
			    _mm256_sub_ps(xs, _mm256_set1_ps(p->r->low[p->b][s])));
	}
	return _mm256_min_epu8(lanes_bytes(v, false), _mm256_set1_epi8((char)t->top));
}

LANES_INLINE void store_32(uint8_t *out, __m256i v)
{
	_mm256_storeu_si256((__m256i *)(void *)out, v);
}

typedef void finish_fn(uint8_t *out, const struct place *p, const float *x, const struct affine_type *t);

LANES_INLINE void finish_q2_k(
    uint8_t *out, const struct place *p, const float *x, const struct affine_type *t)
{
	struct fox_q2_k k;
	float d[16], m[16], d0 = fox_f16_to_f32(p->r->d[p->b]), m0 = fox_f16_to_f32(p->r->dmin[p->b]);
	for (int s = 0; s < 16; s++) {
		k.scales[s] = (uint8_t)(p->r->scale_code[p->b][s] | p->r->min_code[p->b][s] << 4);
		d[s] = d0 * (float)(k.scales[s] & 15);
		m[s] = m0 * (float)(k.scales[s] >> 4);
	}
	for (int i = 0; i < LEN; i += 128) {
		__m256i q[4];
		for (int j = 0; j < 4; j++)
			q[j] = codes_32(p, x, d, m, i + 32 * j, t);
		store_32(k.q + i / 4, lanes_pairs(q));
	}
	k.d = p->r->d[p->b], k.dmin = p->r->dmin[p->b];
	memcpy(out, &k, sizeof k);
}

/* Packs the scales and says what they stand for. */
LANES_INLINE void scales_8x32(uint8_t packed[12], float d[8], float m[8], const struct place *p)
{
	uint8_t scales[8], mins[8];
	float d0 = fox_f16_to_f32(p->r->d[p->b]), m0 = fox_f16_to_f32(p->r->dmin[p->b]);
	fox_k_pack_scales(packed, p->r->scale_code[p->b], p->r->min_code[p->b]);
	fox_k_unpack_scales(scales, mins, packed);
	for (int s = 0; s < 8; s++) {
		d[s] = d0 * (float)scales[s];
		m[s] = m0 * (float)mins[s];
	}
}

LANES_INLINE void finish_q4_k(
    uint8_t *out, const struct place *p, const float *x, const struct affine_type *t)
{
	struct fox_q4_k k;
	float d[8], m[8];
	scales_8x32(k.scales, d, m, p);
	for (int i = 0; i < LEN; i += 64) {
		__m256i lo = codes_32(p, x, d, m, i, t), hi = codes_32(p, x, d, m, i + 32, t);
		store_32(k.q + i / 2, _mm256_or_si256(lo, _mm256_slli_epi16(hi, 4)));
	}
	k.d = p->r->d[p->b], k.dmin = p->r->dmin[p->b];
	memcpy(out, &k, sizeof k);
}

LANES_INLINE void finish_q5_k(
    uint8_t *out, const struct place *p, const float *x, const struct affine_type *t)
{
	const __m256i low = _mm256_set1_epi8(15), fifth = _mm256_set1_epi8(16);
	struct fox_q5_k k;
	float d[8], m[8];
	__m256i high = _mm256_setzero_si256();
	scales_8x32(k.scales, d, m, p);
	for (int i = 0; i < LEN; i += 64) {
		__m256i a = codes_32(p, x, d, m, i, t), b = codes_32(p, x, d, m, i + 32, t);
		store_32(k.q + i / 2,
		    _mm256_or_si256(_mm256_and_si256(a, low), _mm256_slli_epi16(_mm256_and_si256(b, low), 4)));
		/* each turn's two bits go in at the top and move down two places a turn */
		high = _mm256_srli_epi16(high, 2);
		high = _mm256_or_si256(high, _mm256_slli_epi16(_mm256_and_si256(a, fifth), 2));
		high = _mm256_or_si256(high, _mm256_slli_epi16(_mm256_and_si256(b, fifth), 3));
	}
	store_32(k.high, high);
	k.d = p->r->d[p->b], k.dmin = p->r->dmin[p->b];
	memcpy(out, &k, sizeof k);
}

/* ---- rows */

/* n <= 8 super-blocks up to the codes of their scales. */
LANES_INLINE void fit_batch(
    struct batch *r, const float *x, const float *importance, size_t n, const struct affine_type *t)
{
	float sums[BATCH];
	if (importance)
		lanes_sums_of_squares(sums, x, n);
	for (size_t b = 0; b < n; b += t->n_subs == 8 ? 2 : 1)
		fit_blocks(r, b, n, x, importance, sums, t);
	if (importance) {
		fox_k_fit_scales_avx2(r->scale_code, r->d, r->scale, r->sum_w, t->n_subs, t->scale_top);
		fox_k_fit_scales_avx2(r->min_code, r->dmin, r->min, r->sum_w, t->n_subs, t->scale_top);
	}
	for (size_t b = 0; b < n && !importance; b++) {
		r->d[b] = fox_k_plain_scales(r->scale_code[b], r->scale[b], t->n_subs, t->scale_top);
		r->dmin[b] = fox_k_plain_scales(r->min_code[b], r->min[b], t->n_subs, t->scale_top);
	}
}

LANES_INLINE void encode_row(uint8_t *out, const float *x, const float *importance, size_t n,
    const struct affine_type *t, finish_fn *finish, bool cap, fox_encode_fn *slow,
    fox_encode_weighted_fn *slow_weighted)
{
	assert(n % LEN == 0);
	for (size_t left = n / LEN; left > 0;) {
		struct batch r;
		size_t now = left < BATCH ? left : BATCH;
		memset(r.scale, 0, sizeof r.scale), memset(r.min, 0, sizeof r.min),
		    memset(r.sum_w, 0, sizeof r.sum_w);
		fit_batch(&r, x, importance, now, t);
		for (size_t b = 0; b < now; b++, out += t->bytes, x += LEN, importance += importance ? LEN : 0) {
			struct place p = {&r, b};
			for (int s = 0; s < t->n_subs && cap; s++) {
				r.scale_code[b][s] = r.scale_code[b][s] < 63 ? r.scale_code[b][s] : 63;
				r.min_code[b][s] = r.min_code[b][s] < 63 ? r.min_code[b][s] : 63;
			}
			if (!r.slow[b])
				finish(out, &p, x, t);
			else if (importance)
				slow_weighted(out, x, importance, LEN);
			else
				slow(out, x, LEN);
		}
		left -= now;
	}
}

static const struct affine_type q2_k = {
    16, 3, 15, 16, false, 1, {-0.5f, 0.1f, 15}, {-0.9f, 0.05f, 36}, sizeof(struct fox_q2_k)};
static const struct affine_type q4_k = {
    32, 15, 63, 8, true, 2, {-1, 0.1f, 20}, {-0.9f, 0.05f, 36}, sizeof(struct fox_q4_k)};
static const struct affine_type q5_k = {
    32, 31, 63, 8, true, 2, {-0.5f, 0.1f, 15}, {-0.9f, 0.05f, 36}, sizeof(struct fox_q5_k)};

void fox_encode_q2_k_avx2(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, &q2_k, finish_q2_k, false, fox_encode_q2_k_scalar,
	    fox_encode_weighted_q2_k_scalar);
}

void fox_encode_weighted_q2_k_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, &q2_k, finish_q2_k, false, fox_encode_q2_k_scalar,
	    fox_encode_weighted_q2_k_scalar);
}

void fox_encode_q4_k_avx2(void *dst, const float *src, size_t n)
{
	encode_row(
	    dst, src, NULL, n, &q4_k, finish_q4_k, true, fox_encode_q4_k_scalar, fox_encode_weighted_q4_k_scalar);
}

void fox_encode_weighted_q4_k_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, &q4_k, finish_q4_k, false, fox_encode_q4_k_scalar,
	    fox_encode_weighted_q4_k_scalar);
}

void fox_encode_q5_k_avx2(void *dst, const float *src, size_t n)
{
	encode_row(
	    dst, src, NULL, n, &q5_k, finish_q5_k, true, fox_encode_q5_k_scalar, fox_encode_weighted_q5_k_scalar);
}

void fox_encode_weighted_q5_k_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, &q5_k, finish_q5_k, true, fox_encode_q5_k_scalar,
	    fox_encode_weighted_q5_k_scalar);
}
