/* quant_symmetric_avx2.c - q3_k and q6_k blocks out of f32: the bytes of quant_k.c, a super-block's sixteen sub-blocks at a time.
 *
 * q6_k: 19 inverse scales, about 10 operations per weight and scale. q3_k without importance moves single codes, each
 * decided by a division that waits for the one before: two super-blocks at once hide some of that. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/x86/lanes_avx2.h"

enum { LEN = FOX_K_LEN, SUBS = FOX_K_SUBS, BATCH = FOX_K_BATCH, SUB = 16 };

/* Sixteen sub-blocks, or eight, in V vectors. */
struct groups {
	__m256 x[SUB][2], w[SUB][2];
};

/* The value of largest magnitude, the first among equals. Returns the magnitude; with NaN or Inf something that is not below
 * Inf. `apart`: from one value of a group to its next. */
LANES_INLINE __m256 largest(__m256 *at, const __m256 *x, int apart)
{
	__m256 max = _mm256_setzero_ps(), bits = _mm256_setzero_ps();
	*at = max;
	for (int i = 0; i < SUB; i++) {
		__m256 xi = x[i * apart], abs = lanes_abs(xi), more = lanes_less(max, abs);
		bits = _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(bits), _mm256_castps_si256(abs)));
		max = lanes_pick(more, abs, max);
		*at = lanes_pick(more, xi, *at);
	}
	return bits;
}

/* Lanes whose magnitude asks for the scalar search. */
LANES_INLINE __m256 too_large(__m256 magnitude)
{
	return _mm256_cmp_ps(magnitude, _mm256_set1_ps(0x1p100f), _CMP_NLE_UQ);
}

struct sums {
	__m256 qx, qq;
};

/* -top / largest; 1 where there is no largest to speak of. */
LANES_INLINE __m256 inverse_of(float top, __m256 largest_x, __m256 none)
{
	return _mm256_div_ps(_mm256_set1_ps(-top), lanes_pick(none, _mm256_set1_ps(1), largest_x));
}

/* Which bounds codes can cross when the inverse scale is -(top + i / 10) / largest: rounding reaches top from i = -5 on,
 * and less than -top from i = 5 on. What cannot happen is not guarded against. */
enum crosses { NONE, UPPER, BOTH };

LANES_INLINE __m256 code(__m256 x, __m256 inverse, int top, enum crosses crosses)
{
	__m256 c = lanes_round(_mm256_mul_ps(inverse, x));
	if (crosses != NONE)
		c = _mm256_min_ps(c, _mm256_set1_ps((float)(top - 1)));
	return crosses == BOTH ? _mm256_max_ps(c, _mm256_set1_ps((float)-top)) : c;
}

/* The sums of V vectors at their inverse scales; wx holds w * x. */
LANES_INLINE void sums_at(struct sums s[2], const struct groups *g, const __m256 wx[SUB][2],
    const __m256 inverse[2], const int V, int top, enum crosses crosses)
{
	for (int v = 0; v < V; v++)
		s[v].qx = s[v].qq = _mm256_setzero_ps();
	for (int i = 0; i < SUB; i++)
		for (int v = 0; v < V; v++) {
			__m256 c = code(g->x[i][v], inverse[v], top, crosses);
			s[v].qx = _mm256_add_ps(s[v].qx, _mm256_mul_ps(wx[i][v], c));
			s[v].qq = _mm256_add_ps(s[v].qq, _mm256_mul_ps(_mm256_mul_ps(g->w[i][v], c), c));
		}
}

/* What a search has found so far. */
struct best {
	__m256 scale, inverse, explained;
};

/* The candidates from..to, and whether they explain more. */
LANES_INLINE void try_scales(struct best b[2], const struct groups *g, const __m256 wx[SUB][2],
    const __m256 max[2], const __m256 none[2], const int V, int top, int from, int to, enum crosses crosses)
{
	const __m256 zero = _mm256_setzero_ps();
	for (int i = from; i <= to; i++) {
		__m256 tried[2];
		struct sums s[2];
		if (i == 0)
			continue;
		for (int v = 0; v < V; v++)
			tried[v] = inverse_of((float)top + 0.1f * (float)i, max[v], none[v]);
		sums_at(s, g, wx, tried, V, top, crosses);
		for (int v = 0; v < V; v++) {
			__m256 now = _mm256_div_ps(s[v].qx, s[v].qq), square = _mm256_mul_ps(s[v].qx, s[v].qx);
			__m256 better = lanes_less(_mm256_mul_ps(b[v].explained, s[v].qq), square);
			better = _mm256_and_ps(better, lanes_less(zero, s[v].qq));
			b[v].scale = lanes_pick(better, now, b[v].scale);
			b[v].explained = lanes_pick(better, _mm256_mul_ps(now, s[v].qx), b[v].explained);
			b[v].inverse = lanes_pick(better, tried[v], b[v].inverse);
		}
	}
}

/* fox_k_fit_symmetric for 8 V groups. inverse: of the chosen codes, NaN where there is none and codes are to be 0, which
 * stands for -top. Returns true when some need the scalar search. */
LANES_INLINE bool fit(__m256 scale[2], __m256 inverse[2], const struct groups *g, const int V, int top)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 max[2], none[2], wx[SUB][2], odd = zero;
	struct best b[2];
	struct sums s[2];
	for (int v = 0; v < V; v++) {
		__m256 magnitude = largest(&max[v], &g->x[0][v], 2);
		odd = _mm256_or_ps(odd, too_large(magnitude));
		none[v] = lanes_less(magnitude, _mm256_set1_ps(FOX_K_TINY));
		inverse[v] = inverse_of((float)top, max[v], none[v]);
		for (int i = 0; i < SUB; i++)
			wx[i][v] = _mm256_mul_ps(g->w[i][v], g->x[i][v]);
	}
	if (_mm256_movemask_ps(odd))
		return true;
	sums_at(s, g, wx, inverse, V, top, UPPER);
	for (int v = 0; v < V; v++) {
		__m256 some = _mm256_cmp_ps(s[v].qq, zero, _CMP_NEQ_UQ);
		b[v].scale = _mm256_and_ps(some, _mm256_div_ps(s[v].qx, s[v].qq));
		b[v].explained = _mm256_mul_ps(b[v].scale, s[v].qx);
		b[v].inverse = inverse[v];
	}
	try_scales(b, g, wx, max, none, V, top, -9, -6, NONE);
	try_scales(b, g, wx, max, none, V, top, -5, 4, UPPER);
	try_scales(b, g, wx, max, none, V, top, 5, 9, BOTH);
	for (int v = 0; v < V; v++) {
		scale[v] = _mm256_andnot_ps(none[v], b[v].scale);
		inverse[v] = _mm256_or_ps(none[v], b[v].inverse);
	}
	return false;
}

/* One code q of each lane, with the sums of all others: moved where that explains more. Returns the lanes that did. */
LANES_INLINE __m256 move_code(struct sums *s, __m256 *q, struct sums others, __m256 x, int top)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 w = _mm256_mul_ps(x, x), qx = others.qx, qq = others.qq, valid = lanes_less(zero, qx);
	__m256i n = lanes_nearest(_mm256_div_ps(_mm256_mul_ps(x, qq), qx));
	n = _mm256_max_epi32(_mm256_min_epi32(n, _mm256_set1_epi32(top - 1)), _mm256_set1_epi32(-top));
	__m256 c = _mm256_cvtepi32_ps(n);
	valid = _mm256_and_ps(valid, _mm256_cmp_ps(c, *q, _CMP_NEQ_OQ));
	qx = _mm256_add_ps(qx, _mm256_mul_ps(_mm256_mul_ps(w, x), c));
	qq = _mm256_add_ps(qq, _mm256_mul_ps(_mm256_mul_ps(w, c), c));
	__m256 now = _mm256_mul_ps(_mm256_mul_ps(s->qx, s->qx), qq);
	__m256 better = lanes_less(now, _mm256_mul_ps(_mm256_mul_ps(qx, qx), s->qq));
	better = _mm256_and_ps(_mm256_and_ps(better, lanes_less(zero, qq)), valid);
	*q = lanes_pick(better, c, *q);
	s->qx = lanes_pick(better, qx, s->qx);
	s->qq = lanes_pick(better, qq, s->qq);
	return better;
}

LANES_INLINE struct sums without(const struct sums *s, __m256 q, __m256 x)
{
	__m256 w = _mm256_mul_ps(x, x);
	return (struct sums){_mm256_sub_ps(s->qx, _mm256_mul_ps(_mm256_mul_ps(w, x), q)),
	    _mm256_sub_ps(s->qq, _mm256_mul_ps(_mm256_mul_ps(w, q), q))};
}

/* The lanes where a code could move. It moves to the nearest of x qq / qx (sums of the others) within its bounds; it stays when
 * the distance of x qq from q qx is below qx / 2, which a division need not tell: 0.4999 leaves room for the roundings
 * of both sides, which are below 10^-6. NaN counts as could. */
LANES_INLINE __m256 could_move(const struct sums *others, __m256 q, __m256 x, int top)
{
	__m256 away = _mm256_sub_ps(_mm256_mul_ps(x, others->qq), _mm256_mul_ps(q, others->qx));
	__m256 stay = _mm256_mul_ps(others->qx, _mm256_set1_ps(0.4999f));
	__m256 up = _mm256_and_ps(
	    _mm256_cmp_ps(away, stay, _CMP_NLE_UQ), lanes_less(q, _mm256_set1_ps((float)(top - 1))));
	__m256 down = _mm256_and_ps(_mm256_cmp_ps(_mm256_add_ps(away, stay), _mm256_setzero_ps(), _CMP_NGE_UQ),
	    lanes_less(_mm256_set1_ps((float)-top), q));
	return _mm256_and_ps(_mm256_or_ps(up, down), lanes_less(_mm256_setzero_ps(), others->qx));
}

/* A round over the codes of one vector. Returns the lanes where any moved. */
LANES_INLINE __m256 move_codes(
    struct sums *s, __m256 q[SUB][4], __m256 x[SUB][4], int v, __m256 none, int top)
{
	__m256 moved = _mm256_setzero_ps();
	for (int i = 0; i < SUB; i++) {
		struct sums others = without(s, q[i][v], x[i][v]);
		__m256 could = _mm256_andnot_ps(none, could_move(&others, q[i][v], x[i][v], top));
		if (_mm256_movemask_ps(could))
			moved = _mm256_or_ps(moved, move_code(s, &q[i][v], others, x[i][v], top));
	}
	return _mm256_andnot_ps(none, moved);
}

/* fox_k_refine_symmetric for 32 groups. Returns true when some need the scalar search. */
LANES_INLINE bool refine(__m256 scale[4], __m256 q[SUB][4], __m256 x[SUB][4], int top)
{
	const __m256 zero = _mm256_setzero_ps();
	__m256 odd = zero, none[4];
	struct sums s[4];
	for (int v = 0; v < 4; v++) {
		__m256 max, magnitude = largest(&max, &x[0][v], 4);
		odd = _mm256_or_ps(odd, too_large(magnitude));
		none[v] = lanes_less(magnitude, _mm256_set1_ps(FOX_K_TINY));
		__m256 inverse = inverse_of((float)top, max, none[v]);
		s[v].qx = s[v].qq = zero;
		for (int i = 0; i < SUB; i++) {
			__m256 xi = x[i][v], c = code(xi, inverse, top, UPPER), w = _mm256_mul_ps(xi, xi);
			q[i][v] = c;
			s[v].qx = _mm256_add_ps(s[v].qx, _mm256_mul_ps(_mm256_mul_ps(w, xi), c));
			s[v].qq = _mm256_add_ps(s[v].qq, _mm256_mul_ps(_mm256_mul_ps(w, c), c));
		}
	}
	if (_mm256_movemask_ps(odd))
		return true;
	/* The first round moves in most vectors: all take every step, side by side. Later most codes stay. */
	__m256 moved[4] = {zero, zero, zero, zero};
	for (int i = 0; i < SUB; i++)
		for (int v = 0; v < 4; v++) {
			struct sums others = without(&s[v], q[i][v], x[i][v]);
			moved[v] = _mm256_or_ps(moved[v], move_code(&s[v], &q[i][v], others, x[i][v], top));
		}
	for (int v = 0; v < 4; v++)
		for (int round = 1; round < 5 && _mm256_movemask_ps(_mm256_andnot_ps(none[v], moved[v])); round++)
			moved[v] = move_codes(&s[v], q, x, v, none[v], top);
	for (int v = 0; v < 4; v++) {
		scale[v] = _mm256_and_ps(lanes_less(zero, s[v].qq), _mm256_div_ps(s[v].qx, s[v].qq));
		scale[v] = _mm256_andnot_ps(none[v], scale[v]);
		for (int i = 0; i < SUB; i++)
			q[i][v] = lanes_pick(none[v], _mm256_set1_ps((float)-top), q[i][v]);
	}
	return false;
}

/* ---- codes anew, and packing */

/* Up to eight super-blocks on their way. */
struct batch {
	float scale[BATCH][SUBS], sum_w[BATCH][SUBS];
	float kept[BATCH][LEN]; /* the search's codes, where it keeps them: weight i of sub-block s at 16 i + s */
	float inverse[BATCH][SUBS];
	int8_t code[BATCH][SUBS]; /* of q3_k's scales, 0..63 */
	float d[BATCH];
	bool slow[BATCH];
};

/* The search's code of weight i, for a sub-block whose scale became 0. */
static float kept_code(const float *inverse, const float *kept, const float *x, int i, int top)
{
	if (kept)
		return kept[16 * (i % 16) + i / 16];
	float at = inverse[i / 16];
	return at != at ? (float)-top : (float)fox_k_nearest(at * x[i]);
}

/* The codes of 32 weights from i on, 0 .. 2 top - 1: to nearest at their sub-block's scale d. kept: NULL when codes follow
 * from inverse. */
LANES_INLINE __m256i codes_32(
    const float *x, const float *d, const float *inverse, const float *kept, int i, int top)
{
	__m256 v[4];
	for (int k = 0; k < 4; k++) {
		int at = i + 8 * k;
		if (d[at / 16] != 0) {
			v[k] = _mm256_div_ps(_mm256_loadu_ps(x + at), _mm256_set1_ps(d[at / 16]));
		} else {
			float c[8];
			for (int j = 0; j < 8; j++)
				c[j] = kept_code(inverse, kept, x, at + j, top);
			v[k] = _mm256_loadu_ps(c);
		}
	}
	__m256i q = _mm256_min_epi8(lanes_bytes(v, true), _mm256_set1_epi8((char)(top - 1)));
	return _mm256_add_epi8(_mm256_max_epi8(q, _mm256_set1_epi8((char)-top)), _mm256_set1_epi8((char)top));
}

LANES_INLINE void store_32(uint8_t *out, __m256i v)
{
	_mm256_storeu_si256((__m256i *)(void *)out, v);
}

static void finish_q3_k(uint8_t *out, const float *x, const struct batch *r, size_t b, bool keeps)
{
	struct fox_q3_k k = {.d = fox_f32_to_f16(r->d[b])};
	float d[16], d0 = fox_f16_to_f32(k.d);
	__m256i high = _mm256_setzero_si256();
	for (int s = 0; s < 16; s++) {
		int c = r->code[b][s];
		k.scales[s % 8] |= (uint8_t)((c & 15) << s / 8 * 4);
		k.scales[8 + s % 4] |= (uint8_t)(c >> 4 << s / 4 * 2);
		d[s] = d0 * (float)(c - 32);
	}
	for (int i = 0; i < LEN; i += 128) {
		__m256i q[4];
		for (int j = 0; j < 4; j++) {
			q[j] = codes_32(x, d, r->inverse[b], keeps ? r->kept[b] : NULL, i + 32 * j, 4);
			/* the third bit goes in at the top and moves down a place with each 32 weights */
			__m256i third = _mm256_slli_epi16(_mm256_and_si256(q[j], _mm256_set1_epi8(4)), 5);
			high =
			    _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(high, 1), _mm256_set1_epi8(0x7f)), third);
			q[j] = _mm256_and_si256(q[j], _mm256_set1_epi8(3));
		}
		store_32(k.q + i / 4, lanes_pairs(q));
	}
	store_32(k.high, high);
	memcpy(out, &k, sizeof k);
}

static void finish_q6_k(uint8_t *out, const float *x, const struct batch *r, size_t b)
{
	const __m256i low = _mm256_set1_epi8(15), high = _mm256_set1_epi8(0x30);
	struct fox_q6_k k = {0};
	float max = fox_k_largest(r->scale[b], 16), d[16];
	if (!(fabsf(max) < FOX_K_TINY)) {
		k.d = fox_f32_to_f16(fox_k_symmetric_scales(k.scales, r->scale[b], max, 128));
		float d0 = fox_f16_to_f32(k.d);
		for (int s = 0; s < 16; s++)
			d[s] = d0 * (float)k.scales[s];
		for (int i = 0; i < LEN; i += 128) {
			__m256i q[4], top[4];
			for (int j = 0; j < 4; j++) {
				q[j] = codes_32(x, d, r->inverse[b], NULL, i + 32 * j, 32);
				top[j] = _mm256_srli_epi16(_mm256_and_si256(q[j], high), 4);
				q[j] = _mm256_and_si256(q[j], low);
			}
			store_32(k.q + i / 2, _mm256_or_si256(q[0], _mm256_slli_epi16(q[2], 4)));
			store_32(k.q + i / 2 + 32, _mm256_or_si256(q[1], _mm256_slli_epi16(q[3], 4)));
			store_32(k.high + i / 4, lanes_pairs(top));
		}
	}
	memcpy(out, &k, sizeof k);
}

/* ---- rows */

/* Search one super-block of either type; w: [256] weights, NULL: x * x. */
LANES_INLINE void fit_block(struct batch *r, size_t b, const float *x, const float *w, int top)
{
	struct groups g;
	__m256 scale[2], inverse[2];
	for (int v = 0; v < 2; v++) {
		lanes_load(&g.x[0][v], 2, x + 128 * v, SUB, SUB);
		if (w)
			lanes_load(&g.w[0][v], 2, w + 128 * v, SUB, SUB);
		for (int i = 0; i < SUB && !w; i++)
			g.w[i][v] = _mm256_mul_ps(g.x[i][v], g.x[i][v]);
	}
	r->slow[b] = fit(scale, inverse, &g, 2, top);
	for (int v = 0; v < 2 && !r->slow[b]; v++) {
		__m256 sum = _mm256_setzero_ps();
		for (int i = 0; i < SUB; i++)
			sum = _mm256_add_ps(sum, g.w[i][v]);
		_mm256_storeu_ps(&r->sum_w[b][8 * v], sum);
		_mm256_storeu_ps(&r->scale[b][8 * v], scale[v]);
		_mm256_storeu_ps(&r->inverse[b][8 * v], inverse[v]);
	}
}

LANES_INLINE void encode_q6_k(uint8_t *out, const float *x, const float *importance, size_t n)
{
	struct batch r;
	for (; n > 0; n -= LEN, x += LEN, out += sizeof(struct fox_q6_k)) {
		fit_block(&r, 0, x, importance, 32);
		if (!r.slow[0])
			finish_q6_k(out, x, &r, 0);
		else if (importance)
			fox_encode_weighted_q6_k_scalar(out, x, importance, LEN);
		else
			fox_encode_q6_k_scalar(out, x, LEN);
		importance += importance ? LEN : 0;
	}
}

void fox_encode_q6_k_avx2(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	encode_q6_k(dst, src, NULL, n);
}

void fox_encode_weighted_q6_k_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	encode_q6_k(dst, src, importance, n);
}

/* Two super-blocks, or one twice. */
static void refine_blocks(struct batch *r, const float *x, size_t n)
{
	__m256 v[SUB][4], q[SUB][4], scale[4];
	for (int k = 0; k < 4; k++)
		lanes_load(&v[0][k], 4, x + (k / 2 && n > 1 ? LEN : 0) + k % 2 * 128, SUB, SUB);
	r->slow[0] = r->slow[1] = refine(scale, q, v, 4);
	for (size_t b = 0; b < 2 && !r->slow[0]; b++) {
		for (int k = 0; k < 2; k++) {
			_mm256_storeu_ps(&r->scale[b][8 * k], scale[2 * b + (size_t)k]);
			for (int i = 0; i < SUB; i++)
				_mm256_storeu_ps(&r->kept[b][16 * i + 8 * k], q[i][2 * b + (size_t)k]);
		}
	}
}

void fox_encode_q3_k_avx2(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct batch r;
	for (size_t left = n / LEN; left > 0;) {
		size_t now = left < 2 ? left : 2;
		refine_blocks(&r, src, now);
		for (size_t b = 0; b < now; b++, out += sizeof(struct fox_q3_k), src += LEN) {
			if (r.slow[b]) {
				fox_encode_q3_k_scalar(out, src, LEN);
				continue;
			}
			float max = fox_k_largest(r.scale[b], 16);
			memset(r.code[b], 0, sizeof r.code[b]);
			r.d[b] = 0;
			if (max != 0) {
				r.d[b] = fox_k_symmetric_scales(r.code[b], r.scale[b], max, 32);
				for (int s = 0; s < 16; s++)
					r.code[b][s] = (int8_t)(r.code[b][s] + 32);
			}
			finish_q3_k(out, src, &r, b, true);
		}
		left -= now;
	}
}

/* The scales of eight super-blocks, lane b of a vector for super-block b. */
static void fit_scales(struct batch *r)
{
	struct groups g;
	__m256 scale[2], inverse[2];
	lanes_load(&g.x[0][0], 2, r->scale[0], SUBS, SUBS);
	lanes_load(&g.w[0][0], 2, r->sum_w[0], SUBS, SUBS);
	if (fit(scale, inverse, &g, 1, 32)) {
		memset(r->slow, 1, sizeof r->slow);
		return;
	}
	_mm256_storeu_ps(r->d, scale[0]);
	for (int s = 0; s < 16; s++) {
		int32_t lane[BATCH];
		__m256 c = code(g.x[s][0], inverse[0], 32, BOTH);
		c = lanes_pick(_mm256_cmp_ps(inverse[0], inverse[0], _CMP_UNORD_Q), _mm256_set1_ps(-32), c);
		_mm256_storeu_si256((__m256i *)(void *)lane, _mm256_cvtps_epi32(c));
		for (int b = 0; b < BATCH; b++)
			r->code[b][s] = (int8_t)(lane[b] + 32);
	}
}

void fox_encode_weighted_q3_k_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct batch r;
	for (size_t left = n / LEN; left > 0;) {
		size_t now = left < BATCH ? left : BATCH;
		float sums[BATCH], w[LEN];
		memset(r.scale, 0, sizeof r.scale), memset(r.sum_w, 0, sizeof r.sum_w);
		lanes_sums_of_squares(sums, src, now);
		for (size_t b = 0; b < now; b++) {
			lanes_weigh(w, src + b * LEN, importance + b * LEN, 2 * sums[b] / LEN);
			fit_block(&r, b, src + b * LEN, w, 4);
		}
		fit_scales(&r);
		for (size_t b = 0; b < now; b++, out += sizeof(struct fox_q3_k), src += LEN, importance += LEN)
			if (r.slow[b])
				fox_encode_weighted_q3_k_scalar(out, src, importance, LEN);
			else
				finish_q3_k(out, src, &r, b, false);
		left -= now;
	}
}
