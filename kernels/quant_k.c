/* quant_k.c - q2_k, q3_k, q4_k, q5_k, q6_k: f32 to blocks, with and without importance.
 *
 * A block is made in four steps: fit each sub-block alone (quant_ksearch.c), give the sub-blocks' scales codes of their own,
 * quantize the weights anew to the scales these codes stand for, pack. A sub-block whose scale became 0 keeps the codes
 * of its fit. A super-block with NaN or Inf gets the scale NaN and nothing else, so that it decodes to NaN throughout.
 * Finite input gives the same bytes as ggml's quantizers.  source: ggml-quants.c quantize_row_qX_K_ref, _impl */
#include "kernels/block_parts.h"
#include "kernels/ksearch.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "format/base/num.h"

enum { LEN = FOX_K_LEN, F16_NAN = 0x7e00 };

static float sum_of_squares(const float *x, int n)
{
	float sum = 0;
	for (int i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum;
}

/* Importance, and the more of it the larger the weight is beside the block's others. */
static void weigh(float *w, float *sums, const float *x, const float *importance, int len, float mean_square)
{
	for (int i = 0; i < LEN; i++)
		w[i] = importance[i] * sqrtf(mean_square + x[i] * x[i]);
	for (int s = 0; s < LEN / len; s++) {
		float sum = 0;
		for (int i = 0; i < len; i++)
			sum += w[s * len + i];
		sums[s] = sum;
	}
}

/* ---- q2_k, q4_k, q5_k: scale and minimum */

/* What distinguishes them. */
struct affine_type {
	int len, top, scale_top; /* of a sub-block; of a code; of a scale's code */
	struct fox_k_steps plain, weighted;
	float
	    plain_rms; /* 1: weights of the error are rms + |x|, and it is squared; 0: |x|, and it is absolute */
	float mean_factor; /* times the mean square, beside x * x, under importance */
};

static const struct affine_type q2_k = {16, 3, 15, {-0.5f, 0.1f, 15}, {-0.9f, 0.05f, 36}, 0, 1};
static const struct affine_type q4_k = {32, 15, 63, {-1, 0.1f, 20}, {-0.9f, 0.05f, 36}, 1, 2};
static const struct affine_type q5_k = {32, 31, 63, {-0.5f, 0.1f, 15}, {-0.9f, 0.05f, 36}, 1, 2};

/* p: what is not packed yet, scales and minima as codes of 8 bits, not yet cut to the field's. */
static void fit_affine(
    struct fox_block_parts *p, const struct affine_type *t, const float *x, const float *importance)
{
	const int n = LEN / t->len;
	float w[LEN], scales[FOX_K_SUBS], mins[FOX_K_SUBS], sums[FOX_K_SUBS];
	if (importance) {
		weigh(w, sums, x, importance, t->len, t->mean_factor * sum_of_squares(x, LEN) / LEN);
	} else {
		for (int s = 0; s < n; s++) {
			float rms = t->plain_rms != 0 ? sqrtf(sum_of_squares(x + s * t->len, t->len) / (float)t->len) : 0;
			for (int i = s * t->len; i < (s + 1) * t->len; i++)
				w[i] = rms + fabsf(x[i]);
		}
	}
	for (int s = 0; s < n; s++) {
		struct fox_k_affine fit = fox_k_fit_affine(p->q + s * t->len, x + s * t->len, w + s * t->len, t->len,
		    t->top, importance ? &t->weighted : &t->plain, !importance && t->plain_rms == 0);
		scales[s] = fit.scale, mins[s] = fit.min;
	}
	if (importance) {
		p->d = fox_f32_to_f16(fox_k_fit_scales(p->scale, scales, sums, n, t->scale_top));
		p->min = fox_f32_to_f16(fox_k_fit_scales(p->mins, mins, sums, n, t->scale_top));
	} else {
		p->d = fox_k_plain_scales(p->scale, scales, n, t->scale_top);
		p->min = fox_k_plain_scales(p->mins, mins, n, t->scale_top);
	}
}

/* x to codes of d * q - m, unless d is 0. */
static void requantize_affine(uint8_t *q, const float *x, int n, int top, float d, float m)
{
	for (int i = 0; d != 0 && i < n; i++)
		q[i] = (uint8_t)fox_k_clamp(fox_k_nearest((x[i] + m) / d), 0, top);
}

static void encode_q2_k(void *out, const float *x, const float *importance)
{
	struct fox_block_parts p;
	fit_affine(&p, &q2_k, x, importance);
	float d = fox_f16_to_f32(p.d), dmin = fox_f16_to_f32(p.min);
	for (int s = 0; s < 16; s++) {
		unsigned both = p.scale[s] | (unsigned)p.mins[s] << 4; /* the byte that will hold them */
		requantize_affine(
		    p.q + 16 * s, x + 16 * s, 16, q2_k.top, d * (float)(both & 15), dmin * (float)(both >> 4 & 15));
	}
	fox_block_pack(FOX_Q2_K, out, &p);
}

/* cap: scales' codes are held at 63; only a code that was below 0, and so is near 255, can tell. */
static void encode_8x32(void *out, enum fox_type type, const struct affine_type *t, const float *x,
    const float *importance, bool cap)
{
	struct fox_block_parts p;
	fit_affine(&p, t, x, importance);
	for (int s = 0; s < 8 && cap; s++) {
		p.scale[s] = p.scale[s] < 63 ? p.scale[s] : 63;
		p.mins[s] = p.mins[s] < 63 ? p.mins[s] : 63;
	}
	uint8_t packed[12], scales[8], mins[8];
	fox_k_pack_scales(packed, p.scale, p.mins);
	fox_k_unpack_scales(scales, mins, packed);
	float d = fox_f16_to_f32(p.d), dmin = fox_f16_to_f32(p.min);
	for (int s = 0; s < 8; s++)
		requantize_affine(p.q + 32 * s, x + 32 * s, 32, t->top, d * (float)scales[s], dmin * (float)mins[s]);
	fox_block_pack(type, out, &p);
}

static void encode_q4_k(void *out, const float *x, const float *importance)
{
	encode_8x32(out, FOX_Q4_K, &q4_k, x, importance, !importance);
}

static void encode_q5_k(void *out, const float *x, const float *importance)
{
	encode_8x32(out, FOX_Q5_K, &q5_k, x, importance, true);
}

/* ---- q3_k, q6_k: a scale alone */

/* x to codes of d * (q - top), unless d is 0. */
static void requantize_symmetric(int8_t *q, const float *x, int top, float d)
{
	for (int i = 0; d != 0 && i < 16; i++)
		q[i] = (int8_t)(fox_k_clamp(fox_k_nearest(x[i] / d), -top, top - 1) + top);
}

/* Scales' codes 0..63, for -32..31; returns the block's own scale. */
static float q3_k_scales(int8_t *codes, int8_t *q, const float *x, const float *importance)
{
	float scales[16];
	if (importance) {
		float w[LEN], sums[16];
		weigh(w, sums, x, importance, 16, 2 * sum_of_squares(x, LEN) / LEN);
		for (int s = 0; s < 16; s++)
			scales[s] = fox_k_fit_symmetric(q + 16 * s, x + 16 * s, w + 16 * s, 16, 4);
		return fox_k_fit_symmetric(codes, scales, sums, 16, 32);
	}
	for (int s = 0; s < 16; s++)
		scales[s] = fox_k_refine_symmetric(q + 16 * s, x + 16 * s, 16, 4);
	float max = fox_k_largest(scales, 16);
	memset(codes, 0, 16);
	if (!(max != 0))
		return 0;
	float d = fox_k_symmetric_scales(codes, scales, max, 32);
	for (int s = 0; s < 16; s++)
		codes[s] = (int8_t)(codes[s] + 32);
	return d;
}

static void encode_q3_k(void *out, const float *x, const float *importance)
{
	struct fox_block_parts p;
	int8_t *q = (int8_t *)p.q, *codes = (int8_t *)p.scale;
	p.d = fox_f32_to_f16(q3_k_scales(codes, q, x, importance));
	float d = fox_f16_to_f32(p.d);
	for (int s = 0; s < 16; s++)
		requantize_symmetric(q + 16 * s, x + 16 * s, 4, d * (float)(codes[s] - 32));
	fox_block_pack(FOX_Q3_K, out, &p);
}

static void encode_q6_k(void *out, const float *x, const float *importance)
{
	struct fox_block_parts p;
	int8_t *q = (int8_t *)p.q;
	float scales[16];
	for (int s = 0; s < 16; s++)
		scales[s] =
		    fox_k_fit_symmetric(q + 16 * s, x + 16 * s, importance ? importance + 16 * s : NULL, 16, 32);
	float max = fox_k_largest(scales, 16);
	if (fabsf(max) < FOX_K_TINY) {
		memset(out, 0, sizeof(struct fox_q6_k));
		return;
	}
	int8_t *codes = (int8_t *)p.scale;
	p.d = fox_f32_to_f16(fox_k_symmetric_scales(codes, scales, max, 128));
	float d = fox_f16_to_f32(p.d);
	for (int s = 0; s < 16; s++)
		requantize_symmetric(q + 16 * s, x + 16 * s, 32, d * (float)codes[s]);
	fox_block_pack(FOX_Q6_K, out, &p);
}

/* ---- rows */

typedef void encode_block_fn(void *out, const float *x, const float *importance);

/* bytes: of a block; at_d: where in it its scale stands. */
static void encode_row(void *dst, const float *src, const float *importance, size_t n,
    encode_block_fn *encode, size_t bytes, size_t at_d)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	for (size_t i = 0; i < n; i += LEN, out += bytes) {
		if (fox_all_finite(src + i, LEN)) {
			encode(out, src + i, importance ? importance + i : NULL);
		} else {
			memset(out, 0, bytes);
			fox_store16(out + at_d, F16_NAN);
		}
	}
}

void fox_encode_q2_k_scalar(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, encode_q2_k, sizeof(struct fox_q2_k), offsetof(struct fox_q2_k, d));
}

void fox_encode_weighted_q2_k_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, encode_q2_k, sizeof(struct fox_q2_k), offsetof(struct fox_q2_k, d));
}

void fox_encode_q3_k_scalar(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, encode_q3_k, sizeof(struct fox_q3_k), offsetof(struct fox_q3_k, d));
}

void fox_encode_weighted_q3_k_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, encode_q3_k, sizeof(struct fox_q3_k), offsetof(struct fox_q3_k, d));
}

void fox_encode_q4_k_scalar(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, encode_q4_k, sizeof(struct fox_q4_k), offsetof(struct fox_q4_k, d));
}

void fox_encode_weighted_q4_k_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, encode_q4_k, sizeof(struct fox_q4_k), offsetof(struct fox_q4_k, d));
}

void fox_encode_q5_k_scalar(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, encode_q5_k, sizeof(struct fox_q5_k), offsetof(struct fox_q5_k, d));
}

void fox_encode_weighted_q5_k_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, encode_q5_k, sizeof(struct fox_q5_k), offsetof(struct fox_q5_k, d));
}

void fox_encode_q6_k_scalar(void *dst, const float *src, size_t n)
{
	encode_row(dst, src, NULL, n, encode_q6_k, sizeof(struct fox_q6_k), offsetof(struct fox_q6_k, d));
}

void fox_encode_weighted_q6_k_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	encode_row(dst, src, importance, n, encode_q6_k, sizeof(struct fox_q6_k), offsetof(struct fox_q6_k, d));
}
