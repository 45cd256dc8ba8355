/* quant_legacy.c - q4_0, q4_1, q5_0, q5_1, q8_0: blocks of 32 with one scale, or a scale and a minimum, in f16.
 *
 * The same bytes as ggml's reference quantizers for finite input. What they leave undefined is defined here: NaN counts
 * for nothing in a block's extremes, and a quotient that is not finite gets code 0. With importance the same bytes as its
 * quantizers with an importance matrix.
 * source: ggml-quants.c quantize_row_qX_Y_ref, quantize_row_qX_Y_impl, dequantize_row_qX_Y */
#include "kernels/quant.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/block_parts.h"
#include "kernels/half.h"
#include "kernels/ksearch.h"

/* Blocks are walked as bytes: rows in a file start where they start. */
enum { LEN = 32, HALF = LEN / 2 };
enum { Q8_0_N = 32, Q8_0_BYTES = sizeof(struct fox_q8_0), Q8_0_Q = offsetof(struct fox_q8_0, q) };

/* Halves away from zero; 0 for NaN and whatever int8 cannot hold. */
static int8_t round_i8(float v)
{
	if (!(fabsf(v) < 127.5f))
		return 0;
	float whole = truncf(v), rest = v - whole; /* both exact */
	return (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

void fox_quant_q8_0(void *dst, const float *src, size_t n)
{
	assert(n % Q8_0_N == 0);
	uint8_t *out = dst;
	for (; n > 0; n -= Q8_0_N, src += Q8_0_N, out += Q8_0_BYTES) {
		float amax = 0;
		for (int i = 0; i < Q8_0_N; i++)
			if (fabsf(src[i]) > amax) /* false for NaN */
				amax = fabsf(src[i]);
		float d = amax / 127.0f, id = d != 0 ? 1.0f / d : 0.0f;
		fox_store16(out, fox_f32_to_f16(d));
		for (int i = 0; i < Q8_0_N; i++)
			out[Q8_0_Q + i] = (uint8_t)round_i8(src[i] * id);
	}
}

void fox_dequant_q8_0(float *dst, const void *src, size_t n)
{
	assert(n % Q8_0_N == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= Q8_0_N, dst += Q8_0_N, in += Q8_0_BYTES) {
		float d = fox_f16_to_f32(fox_load16(in));
		for (int i = 0; i < Q8_0_N; i++)
			dst[i] = d * (float)(int8_t)in[Q8_0_Q + i];
	}
}

/* The value of largest magnitude, the first of several; 0 when there is none. */
static float largest(const float *x)
{
	float max = 0, at = 0;
	for (int i = 0; i < LEN; i++)
		if (max < fabsf(x[i])) {
			max = fabsf(x[i]);
			at = x[i];
		}
	return at;
}

/* The whole part of a quotient that was shifted to lie above 0, at most `top`; 0 for what is not finite. */
static uint8_t code(float v, int top)
{
	if (!(v > 0 && v < 256))
		return 0;
	int whole = (int)v;
	return (uint8_t)(whole < top ? whole : top);
}

/* One scale: codes -top .. top - 1 stored with `top` added, so that -top stands for the largest value whatever its sign. */
static uint16_t symmetric_codes(uint8_t *q, const float *x, int top)
{
	float d = largest(x) / (float)-top, id = d != 0 ? 1.0f / d : 0.0f;
	for (int i = 0; i < LEN; i++)
		q[i] = code(x[i] * id + ((float)top + 0.5f), 2 * top - 1);
	return fox_f32_to_f16(d);
}

/* A scale and a minimum: codes 0 .. top from the smallest value to the largest. */
static void affine_codes(uint8_t *q, uint16_t *d16, uint16_t *m16, const float *x, int top)
{
	float min = FLT_MAX, max = -FLT_MAX;
	for (int i = 0; i < LEN; i++) {
		min = x[i] < min ? x[i] : min;
		max = x[i] > max ? x[i] : max;
	}
	float d = (max - min) / (float)top, id = d != 0 ? 1.0f / d : 0.0f;
	for (int i = 0; i < LEN; i++)
		q[i] = code((x[i] - min) * id + 0.5f, top);
	*d16 = fox_f32_to_f16(d);
	*m16 = fox_f32_to_f16(min);
}

static void unpack_nibbles(uint8_t *q, const uint8_t *in)
{
	for (int i = 0; i < HALF; i++) {
		q[i] = in[i] & 15;
		q[i + HALF] = in[i] >> 4;
	}
}

static void unpack_five_bits(uint8_t *q, const uint8_t *in, const uint8_t *high)
{
	uint32_t bits = fox_load32(high);
	unpack_nibbles(q, in);
	for (int i = 0; i < LEN; i++)
		q[i] = (uint8_t)(q[i] | (bits >> i & 1) << 4);
}

static float f16_at(const uint16_t *h)
{
	return fox_f16_to_f32(fox_load16(h));
}

void fox_encode_q4_0_scalar(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	for (; n > 0; n -= LEN, src += LEN, out += sizeof(struct fox_q4_0)) {
		p.d = symmetric_codes(p.q, src, 8);
		fox_block_pack(FOX_Q4_0, out, &p);
	}
}

void fox_encode_q4_1_scalar(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	for (; n > 0; n -= LEN, src += LEN, out += sizeof(struct fox_q4_1)) {
		affine_codes(p.q, &p.d, &p.min, src, 15);
		fox_block_pack(FOX_Q4_1, out, &p);
	}
}

void fox_encode_q5_0_scalar(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	for (; n > 0; n -= LEN, src += LEN, out += sizeof(struct fox_q5_0)) {
		p.d = symmetric_codes(p.q, src, 16);
		fox_block_pack(FOX_Q5_0, out, &p);
	}
}

void fox_encode_q5_1_scalar(void *dst, const float *src, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	for (; n > 0; n -= LEN, src += LEN, out += sizeof(struct fox_q5_1)) {
		affine_codes(p.q, &p.d, &p.min, src, 31);
		fox_block_pack(FOX_Q5_1, out, &p);
	}
}

/* ---- with importance: the searches of the K types */

static const struct fox_k_steps affine_steps = {-0.9f, 0.05f, 36};

/* The more a value's error counts the larger it is beside the row's others. */
static void weigh(float *w, const float *x, const float *importance, float mean_square)
{
	for (int i = 0; i < LEN; i++)
		w[i] = importance[i] * sqrtf(mean_square + x[i] * x[i]);
}

static float mean_square(const float *x, size_t n)
{
	float sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += x[i] * x[i];
	return sum / (float)n;
}

static void fit_symmetric(
    struct fox_block_parts *p, const float *x, const float *importance, float square, int top)
{
	float w[LEN];
	weigh(w, x, importance, square);
	p->d = fox_f32_to_f16(fox_k_fit_symmetric((int8_t *)p->q, x, w, LEN, top));
}

static void fit_affine(
    struct fox_block_parts *p, const float *x, const float *importance, float square, int top)
{
	float w[LEN];
	weigh(w, x, importance, square);
	struct fox_k_affine a = fox_k_fit_affine(p->q, x, w, LEN, top, &affine_steps, false);
	p->d = fox_f32_to_f16(a.scale);
	p->min = fox_f32_to_f16(-a.min);
}

void fox_encode_weighted_q4_0_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	float square = mean_square(src, n);
	for (; n > 0; n -= LEN, src += LEN, importance += LEN, out += sizeof(struct fox_q4_0)) {
		fit_symmetric(&p, src, importance, square, 8);
		fox_block_pack(FOX_Q4_0, out, &p);
	}
}

void fox_encode_weighted_q4_1_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	float square = mean_square(src, n);
	for (; n > 0; n -= LEN, src += LEN, importance += LEN, out += sizeof(struct fox_q4_1)) {
		fit_affine(&p, src, importance, square, 15);
		fox_block_pack(FOX_Q4_1, out, &p);
	}
}

void fox_encode_weighted_q5_0_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	float square = mean_square(src, n);
	for (; n > 0; n -= LEN, src += LEN, importance += LEN, out += sizeof(struct fox_q5_0)) {
		fit_symmetric(&p, src, importance, square, 16);
		fox_block_pack(FOX_Q5_0, out, &p);
	}
}

void fox_encode_weighted_q5_1_scalar(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % LEN == 0);
	uint8_t *out = dst;
	struct fox_block_parts p;
	float square = mean_square(src, n);
	for (; n > 0; n -= LEN, src += LEN, importance += LEN, out += sizeof(struct fox_q5_1)) {
		fit_affine(&p, src, importance, square, 31);
		fox_block_pack(FOX_Q5_1, out, &p);
	}
}

/* ---- to f32 */

void fox_decode_q4_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	uint8_t q[LEN];
	for (struct fox_q4_0 b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		unpack_nibbles(q, b.q);
		for (int i = 0; i < LEN; i++)
			dst[i] = d * (float)(q[i] - 8);
	}
}

void fox_decode_q4_1_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	uint8_t q[LEN];
	for (struct fox_q4_1 b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d), m = f16_at(&b.m);
		unpack_nibbles(q, b.q);
		for (int i = 0; i < LEN; i++)
			dst[i] = d * (float)q[i] + m;
	}
}

void fox_decode_q5_0_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	uint8_t q[LEN];
	for (struct fox_q5_0 b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d);
		unpack_five_bits(q, b.q, b.high);
		for (int i = 0; i < LEN; i++)
			dst[i] = d * (float)(q[i] - 16);
	}
}

void fox_decode_q5_1_scalar(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	uint8_t q[LEN];
	for (struct fox_q5_1 b; n > 0; n -= LEN, dst += LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = f16_at(&b.d), m = f16_at(&b.m);
		unpack_five_bits(q, b.q, b.high);
		for (int i = 0; i < LEN; i++)
			dst[i] = d * (float)q[i] + m;
	}
}
