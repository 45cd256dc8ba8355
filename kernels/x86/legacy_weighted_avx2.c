/* legacy_weighted_avx2.c - q4_0, q4_1, q5_0, q5_1 out of f32 with importance: the bytes of quant_legacy.c.
 *
 * Eight blocks side by side, one in each lane: the searches of ksearch.h, branches become masks. Rows with NaN or Inf are
 * left to the scalar code. */
#include <assert.h>
#include <string.h>

#include "kernels/x86/lanes_avx2.h"
#include "kernels/x86/legacy_avx2.h"

enum { LEN = 32, BATCH = 8 };

/* Weight i of each block, and what its error counts. */
struct eight_blocks {
	__m256 x[LEN], w[LEN];
};

static bool all_finite(const float *x, size_t n)
{
	__m256 max = _mm256_setzero_ps();
	for (size_t i = 0; i < n; i += 8) /* integers: NaN and Inf are the largest */
		max = _mm256_castsi256_ps(_mm256_max_epi32(
		    _mm256_castps_si256(max), _mm256_castps_si256(lanes_abs(_mm256_loadu_ps(x + i)))));
	__m256i inf = _mm256_set1_epi32(0x7f7fffff);
	return !_mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_castps_si256(max), inf));
}

static float mean_square(const float *x, size_t n)
{
	float sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum / (float)n;
}

static void load(struct eight_blocks *b, const float *x, const float *importance, float square)
{
	lanes_load(b->x, 1, x, LEN, LEN);
	lanes_load(b->w, 1, importance, LEN, LEN);
	for (int i = 0; i < LEN; i++) {
		__m256 root = _mm256_sqrt_ps(_mm256_add_ps(_mm256_set1_ps(square), _mm256_mul_ps(b->x[i], b->x[i])));
		b->w[i] = _mm256_mul_ps(b->w[i], root);
	}
}

static inline __m256 code(__m256 v, int least, int most)
{
	__m256i c = _mm256_max_epi32(lanes_nearest(v), _mm256_set1_epi32(least));
	return _mm256_cvtepi32_ps(_mm256_min_epi32(c, _mm256_set1_epi32(most)));
}

/* The codes of one block, with `add` added. */
static inline __m256i block_codes(const float *x, float inverse, float low, int least, int most, int add)
{
	__m256i q[4];
	for (int i = 0; i < 4; i++) {
		__m256 v = _mm256_sub_ps(_mm256_loadu_ps(x + 8 * i), _mm256_set1_ps(low));
		__m256i c = lanes_nearest(_mm256_mul_ps(_mm256_set1_ps(inverse), v));
		c = _mm256_min_epi32(_mm256_max_epi32(c, _mm256_set1_epi32(least)), _mm256_set1_epi32(most));
		q[i] = _mm256_add_epi32(c, _mm256_set1_epi32(add));
	}
	return bytes_of(q);
}

/* ---- fox_k_fit_symmetric */

struct symmetric {
	__m256 scale, inverse, tiny; /* tiny: all codes are 0 */
};

static struct symmetric fit_symmetric(const struct eight_blocks *b, int top)
{
	__m256 zero = _mm256_setzero_ps(), max = zero, largest = zero, best = zero;
	for (int i = 0; i < LEN; i++) {
		__m256 more = lanes_less(max, lanes_abs(b->x[i]));
		max = lanes_pick(more, lanes_abs(b->x[i]), max);
		largest = lanes_pick(more, b->x[i], largest);
	}
	struct symmetric r = {zero, zero, lanes_less(max, _mm256_set1_ps(FOX_K_TINY))};
	for (int try = 0; try <= 18; try++) {
		int step = try == 0 ? 0 : try <= 9 ? try - 10 : try - 9;
		float numerator = try == 0 ? (float)-top : -((float)top + 0.1f * (float)step);
		__m256 inverse = _mm256_div_ps(_mm256_set1_ps(numerator), largest), qx = zero, qq = zero;
		for (int i = 0; i < LEN; i++) {
			__m256 x = b->x[i], w = b->w[i], c = code(_mm256_mul_ps(inverse, x), -top, top - 1);
			qx = _mm256_add_ps(qx, _mm256_mul_ps(_mm256_mul_ps(w, x), c));
			qq = _mm256_add_ps(qq, _mm256_mul_ps(_mm256_mul_ps(w, c), c));
		}
		__m256 scale = _mm256_div_ps(qx, qq), better;
		if (try == 0) {
			scale = _mm256_and_ps(scale, _mm256_cmp_ps(qq, zero, _CMP_NEQ_UQ));
			better = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
		} else
			better = _mm256_and_ps(
			    lanes_less(zero, qq), lanes_less(_mm256_mul_ps(best, qq), _mm256_mul_ps(qx, qx)));
		r.scale = lanes_pick(better, scale, r.scale);
		best = lanes_pick(better, _mm256_mul_ps(scale, qx), best);
		r.inverse = lanes_pick(better, inverse, r.inverse);
	}
	r.scale = _mm256_andnot_ps(r.tiny, r.scale);
	return r;
}

/* Eight blocks of q4_0 (top 8) or q5_0 (top 16). */
static inline void encode_symmetric(
    uint8_t *out, const float *x, const float *importance, float square, int top, size_t bytes)
{
	struct eight_blocks b;
	uint16_t d16[BATCH];
	float inverse[BATCH];
	load(&b, x, importance, square);
	struct symmetric r = fit_symmetric(&b, top);
	unsigned tiny = (unsigned)_mm256_movemask_ps(r.tiny);
	put_halves(d16, r.scale);
	_mm256_storeu_ps(inverse, r.inverse);
	for (int g = 0; g < BATCH; g++, out += bytes, x += LEN) {
		__m256i q = block_codes(x, inverse[g], 0, -top, top - 1, top);
		q = tiny >> g & 1 ? _mm256_setzero_si256() : q;
		memcpy(out, &d16[g], sizeof d16[g]);
		if (top == 16) {
			put_fifth_bits(out + offsetof(struct fox_q5_0, high), q);
			put_nibbles(out + offsetof(struct fox_q5_0, q), q, true);
		} else
			put_nibbles(out + offsetof(struct fox_q4_0, q), q, false);
	}
}

/* ---- fox_k_fit_affine */

struct affine {
	__m256 scale, low;               /* what is stored */
	__m256 inverse, code_low, error; /* of the codes; the best error so far */
};

static inline __m256 affine_error(const struct eight_blocks *b, const __m256 *q, __m256 scale, __m256 low)
{
	__m256 sum = _mm256_setzero_ps();
	for (int i = 0; i < LEN; i++) {
		__m256 diff = _mm256_sub_ps(_mm256_add_ps(_mm256_mul_ps(scale, q[i]), low), b->x[i]);
		sum = _mm256_add_ps(sum, _mm256_mul_ps(b->w[i], _mm256_mul_ps(diff, diff)));
	}
	return sum;
}

struct affine_fixed {
	__m256 high, sum_w, sum_x;
};

static void try_affine(
    struct affine *r, const struct eight_blocks *b, const struct affine_fixed *f, int top, float steps)
{
	__m256 q[LEN], zero = _mm256_setzero_ps(), sq = zero, qq = zero, qx = zero;
	__m256 inverse = _mm256_div_ps(_mm256_set1_ps(steps), _mm256_sub_ps(f->high, r->low));
	for (int i = 0; i < LEN; i++) {
		q[i] = code(_mm256_mul_ps(inverse, _mm256_sub_ps(b->x[i], r->low)), 0, top);
		__m256 wc = _mm256_mul_ps(b->w[i], q[i]);
		sq = _mm256_add_ps(sq, wc);
		qq = _mm256_add_ps(qq, _mm256_mul_ps(wc, q[i]));
		qx = _mm256_add_ps(qx, _mm256_mul_ps(wc, b->x[i]));
	}
	__m256 det = _mm256_sub_ps(_mm256_mul_ps(f->sum_w, qq), _mm256_mul_ps(sq, sq));
	__m256 scale =
	    _mm256_div_ps(_mm256_sub_ps(_mm256_mul_ps(f->sum_w, qx), _mm256_mul_ps(f->sum_x, sq)), det);
	__m256 low = _mm256_div_ps(_mm256_sub_ps(_mm256_mul_ps(qq, f->sum_x), _mm256_mul_ps(sq, qx)), det);
	__m256 above = lanes_less(zero, low);
	low = _mm256_andnot_ps(above, low);
	scale = lanes_pick(above, _mm256_div_ps(qx, qq), scale);
	__m256 error = affine_error(b, q, scale, low);
	__m256 better = _mm256_and_ps(lanes_less(zero, det), lanes_less(error, r->error));
	r->error = lanes_pick(better, error, r->error);
	r->scale = lanes_pick(better, scale, r->scale);
	r->inverse = lanes_pick(better, inverse, r->inverse);
	r->code_low = lanes_pick(better, r->low, r->code_low);
	r->low = lanes_pick(better, low, r->low);
}

static struct affine fit_affine(const struct eight_blocks *b, int top)
{
	__m256 q[LEN], least = b->x[0], zero = _mm256_setzero_ps();
	struct affine_fixed f = {b->x[0], b->w[0], _mm256_mul_ps(b->w[0], b->x[0])};
	for (int i = 1; i < LEN; i++) {
		least = _mm256_min_ps(b->x[i], least);
		f.high = _mm256_max_ps(b->x[i], f.high);
		f.sum_w = _mm256_add_ps(f.sum_w, b->w[i]);
		f.sum_x = _mm256_add_ps(f.sum_x, _mm256_mul_ps(b->w[i], b->x[i]));
	}
	struct affine r = {.low = lanes_pick(lanes_less(zero, least), zero, least)};
	__m256 start = r.low, flat = _mm256_cmp_ps(f.high, r.low, _CMP_EQ_OQ);
	r.code_low = r.low;
	r.inverse = _mm256_div_ps(_mm256_set1_ps((float)top), _mm256_sub_ps(f.high, r.low));
	r.scale = _mm256_div_ps(_mm256_set1_ps(1), r.inverse);
	for (int i = 0; i < LEN; i++)
		q[i] = code(_mm256_mul_ps(r.inverse, _mm256_sub_ps(b->x[i], r.low)), 0, top);
	r.error = affine_error(b, q, r.scale, r.low);
	for (int try = 0; try <= 36; try++)
		try_affine(&r, b, &f, top, -0.9f + 0.05f * (float)try + (float)top);
	/* without range: scale and codes 0, which an inverse of 0 gives */
	r.scale = _mm256_andnot_ps(flat, r.scale);
	r.inverse = _mm256_andnot_ps(flat, r.inverse);
	r.low = lanes_pick(flat, start, r.low);
	return r;
}

/* Eight blocks of q4_1 (top 15) or q5_1 (top 31). */
static inline void encode_affine(
    uint8_t *out, const float *x, const float *importance, float square, int top, size_t bytes)
{
	struct eight_blocks b;
	uint16_t d16[BATCH], m16[BATCH];
	float inverse[BATCH], low[BATCH];
	load(&b, x, importance, square);
	struct affine r = fit_affine(&b, top);
	put_halves(d16, r.scale);
	put_halves(m16, r.low);
	_mm256_storeu_ps(inverse, r.inverse);
	_mm256_storeu_ps(low, r.code_low);
	for (int g = 0; g < BATCH; g++, out += bytes, x += LEN) {
		__m256i q = block_codes(x, inverse[g], low[g], 0, top, 0);
		memcpy(out, &d16[g], sizeof d16[g]);
		memcpy(out + offsetof(struct fox_q4_1, m), &m16[g], sizeof m16[g]);
		if (top == 31) {
			put_fifth_bits(out + offsetof(struct fox_q5_1, high), q);
			put_nibbles(out + offsetof(struct fox_q5_1, q), q, true);
		} else
			put_nibbles(out + offsetof(struct fox_q4_1, q), q, false);
	}
}

/* ---- rows */

typedef void encode_eight_fn(
    uint8_t *out, const float *x, const float *importance, float square, int top, size_t bytes);

/* The last blocks of a row go by eight too, since the mean is the row's: with zeros after them. */
static inline void encode_row(encode_eight_fn *encode, uint8_t *out, const float *x, const float *importance,
    size_t n, int top, size_t bytes)
{
	float square = mean_square(x, n);
	for (; n >= BATCH * LEN;
	     n -= BATCH * LEN, x += BATCH * LEN, importance += BATCH * LEN, out += BATCH * bytes)
		encode(out, x, importance, square, top, bytes);
	if (n == 0)
		return;
	float last_x[BATCH * LEN] = {0}, last_importance[BATCH * LEN] = {0};
	uint8_t last[BATCH * sizeof(struct fox_q5_1)];
	memcpy(last_x, x, n * sizeof *x);
	memcpy(last_importance, importance, n * sizeof *importance);
	encode(last, last_x, last_importance, square, top, bytes);
	memcpy(out, last, n / LEN * bytes);
}

void fox_encode_weighted_q4_0_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	if (all_finite(src, n))
		encode_row(encode_symmetric, dst, src, importance, n, 8, sizeof(struct fox_q4_0));
	else
		fox_encode_weighted_q4_0_scalar(dst, src, importance, n);
}

void fox_encode_weighted_q5_0_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	if (all_finite(src, n))
		encode_row(encode_symmetric, dst, src, importance, n, 16, sizeof(struct fox_q5_0));
	else
		fox_encode_weighted_q5_0_scalar(dst, src, importance, n);
}

void fox_encode_weighted_q4_1_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	if (all_finite(src, n))
		encode_row(encode_affine, dst, src, importance, n, 15, sizeof(struct fox_q4_1));
	else
		fox_encode_weighted_q4_1_scalar(dst, src, importance, n);
}

void fox_encode_weighted_q5_1_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	if (all_finite(src, n))
		encode_row(encode_affine, dst, src, importance, n, 31, sizeof(struct fox_q5_1));
	else
		fox_encode_weighted_q5_1_scalar(dst, src, importance, n);
}
