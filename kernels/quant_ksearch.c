/* quant_ksearch.c - the scale searches of the K types, in the order of operations that defines them. */
#include "kernels/ksearch.h"

#include <math.h>
#include <string.h>

/* Codes at one inverse scale, and the sums least squares needs: of w q, w q q and w q x. */
struct affine_sums {
	float q, qq, qx;
};

static struct affine_sums affine_codes(
    uint8_t *q, const float *x, const float *w, int n, int top, float inverse, float low)
{
	struct affine_sums s = {0};
	for (int i = 0; i < n; i++) {
		int c = fox_k_clamp(fox_k_nearest(inverse * (x[i] - low)), 0, top);
		float wc = w[i] * (float)c;
		q[i] = (uint8_t)c;
		s.q += wc;
		s.qq += wc * (float)c;
		s.qx += wc * x[i];
	}
	return s;
}

static float affine_error(
    const uint8_t *q, const float *x, const float *w, int n, float scale, float low, bool absolute)
{
	float sum = 0;
	for (int i = 0; i < n; i++) {
		float diff = scale * (float)q[i] + low - x[i];
		sum += w[i] * (absolute ? fabsf(diff) : diff * diff);
	}
	return sum;
}

struct fox_k_affine fox_k_fit_affine(uint8_t *q, const float *x, const float *w, int n, int top,
    const struct fox_k_steps *steps, bool absolute)
{
	float low = x[0], high = x[0], sum_w = w[0], sum_x = w[0] * x[0];
	for (int i = 1; i < n; i++) {
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
		sum_w += w[i];
		sum_x += w[i] * x[i];
	}
	if (low > 0)
		low = 0;
	if (high == low) {
		memset(q, 0, (size_t)n);
		return (struct fox_k_affine){0, -low};
	}
	float inverse = (float)top / (high - low), scale = 1 / inverse;
	affine_codes(q, x, w, n, top, inverse, low);
	float best = affine_error(q, x, w, n, scale, low, absolute);
	for (int i = 0; i <= steps->last; i++) {
		uint8_t tried[32];
		inverse = (steps->first + steps->step * (float)i + (float)top) / (high - low);
		struct affine_sums s = affine_codes(tried, x, w, n, top, inverse, low);
		float det = sum_w * s.qq - s.q * s.q;
		if (!(det > 0))
			continue;
		float a = (sum_w * s.qx - sum_x * s.q) / det, b = (s.qq * sum_x - s.q * s.qx) / det;
		if (b > 0) {
			b = 0;
			a = s.qx / s.qq;
		}
		float error = affine_error(tried, x, w, n, a, b, absolute);
		if (error < best) {
			memcpy(q, tried, (size_t)n);
			best = error, scale = a, low = b;
		}
	}
	return (struct fox_k_affine){scale, -low};
}

float fox_k_largest(const float *x, int n)
{
	float max = 0, at = 0;
	for (int i = 0; i < n; i++)
		if (fabsf(x[i]) > max) {
			max = fabsf(x[i]);
			at = x[i];
		}
	return at;
}

/* Sums of w x q and w q q: x ~ scale * q is best at the quotient, and explains scale * qx of the weighted square. */
struct scale_sums {
	float qx, qq;
};

static float scale_of(struct scale_sums s)
{
	return s.qq > 0 ? s.qx / s.qq : 0;
}

static int symmetric_code(float inverse, float x, int top)
{
	return fox_k_clamp(fox_k_nearest(inverse * x), -top, top - 1);
}

static struct scale_sums symmetric_sums(const float *x, const float *w, int n, int top, float inverse)
{
	struct scale_sums s = {0};
	for (int i = 0; i < n; i++) {
		float c = (float)symmetric_code(inverse, x[i], top), wi = w ? w[i] : x[i] * x[i];
		s.qx += wi * x[i] * c;
		s.qq += wi * c * c;
	}
	return s;
}

float fox_k_fit_symmetric(int8_t *q, const float *x, const float *w, int n, int top)
{
	float max = fox_k_largest(x, n);
	if (fabsf(max) < FOX_K_TINY) {
		memset(q, 0, (size_t)n);
		return 0;
	}
	float inverse = (float)-top / max, chosen = inverse;
	struct scale_sums s = symmetric_sums(x, w, n, top, inverse);
	float scale = s.qq != 0 ? s.qx / s.qq : 0, best = scale * s.qx;
	for (int i = -9; i <= 9; i++) {
		if (i == 0)
			continue;
		inverse = -((float)top + 0.1f * (float)i) / max;
		s = symmetric_sums(x, w, n, top, inverse);
		if (s.qq > 0 && s.qx * s.qx > best * s.qq) {
			scale = s.qx / s.qq, best = scale * s.qx;
			chosen = inverse;
		}
	}
	for (int i = 0; i < n; i++)
		q[i] = (int8_t)(symmetric_code(chosen, x[i], top) + top);
	return scale;
}

/* One code without its own share of the sums: where is it best, and does moving it there explain more? */
static bool move_symmetric(struct scale_sums *s, int8_t *q, float x, int top)
{
	float w = x * x, old = (float)*q;
	struct scale_sums t = {s->qx - w * x * old, 0};
	if (!(t.qx > 0))
		return false;
	t.qq = s->qq - w * old * old;
	int c = fox_k_clamp(fox_k_nearest(x * t.qq / t.qx), -top, top - 1);
	if (c == *q)
		return false;
	t.qx += w * x * (float)c;
	t.qq += w * (float)c * (float)c;
	if (!(t.qq > 0 && t.qx * t.qx * s->qq > s->qx * s->qx * t.qq))
		return false;
	*q = (int8_t)c;
	*s = t;
	return true;
}

float fox_k_refine_symmetric(int8_t *q, const float *x, int n, int top)
{
	float max = fox_k_largest(x, n);
	if (fabsf(max) < FOX_K_TINY) {
		memset(q, 0, (size_t)n);
		return 0;
	}
	float inverse = (float)-top / max;
	struct scale_sums s = symmetric_sums(x, NULL, n, top, inverse);
	for (int i = 0; i < n; i++)
		q[i] = (int8_t)symmetric_code(inverse, x[i], top);
	bool moved = true;
	for (int round = 0; round < 5 && moved; round++) {
		moved = false;
		for (int i = 0; i < n; i++)
			moved |= move_symmetric(&s, &q[i], x[i], top);
	}
	for (int i = 0; i < n; i++)
		q[i] = (int8_t)(q[i] + top);
	return scale_of(s);
}

static int scale_code(float v, int top)
{
	int c = fox_k_nearest(v);
	return c < top ? c : top;
}

static float scales_error(const float *x, const float *w, int n, int top, float inverse, int mask)
{
	float scale = 1 / inverse, sum = 0;
	for (int i = 0; i < n; i++) {
		float diff = x[i] - scale * (float)(scale_code(inverse * x[i], top) & mask);
		sum += w[i] * diff * diff;
	}
	return sum;
}

static bool move_scale(struct scale_sums *s, uint8_t *q, float x, float w, int top)
{
	float old = (float)*q;
	struct scale_sums t = {s->qx - w * x * old, s->qq - w * old * old};
	if (!(t.qx > 0 && t.qq > 0))
		return false;
	int c = scale_code(x * t.qq / t.qx, top);
	if (c == *q)
		return false;
	t.qx += w * x * (float)c;
	t.qq += w * (float)c * (float)c;
	if (!(t.qx * t.qx * s->qq > s->qx * s->qx * t.qq))
		return false;
	*q = (uint8_t)c;
	*s = t;
	return true;
}

float fox_k_fit_scales(uint8_t *q, const float *x, const float *w, int n, int top)
{
	float max = 0;
	for (int i = 0; i < n; i++)
		max = max > x[i] ? max : x[i];
	if (max < FOX_K_TINY) {
		memset(q, 0, (size_t)n);
		return 0;
	}
	/* A value below 0, which a search can leave, has a code below 0. The first candidate sees it as the byte it is
	 * stored in, the others as it is. */
	float inverse = (float)top / max;
	float best = scales_error(x, w, n, top, inverse, 0xff);
	for (int i = -4; i <= 4; i++) {
		float tried = (0.1f * (float)i + (float)top) / max;
		float error = i == 0 ? best : scales_error(x, w, n, top, tried, -1);
		if (error < best)
			best = error, inverse = tried;
	}
	struct scale_sums s = {0};
	for (int i = 0; i < n; i++) {
		int c = scale_code(inverse * x[i], top);
		q[i] = (uint8_t)c;
		s.qx += w[i] * x[i] * (float)c;
		s.qq += w[i] * (float)c * (float)c;
	}
	bool moved = true;
	for (int round = 0; round < 5 && moved; round++) {
		moved = false;
		for (int i = 0; i < n; i++)
			moved |= move_scale(&s, &q[i], x[i], w[i], top);
	}
	return scale_of(s);
}

uint16_t fox_k_plain_scales(uint8_t *codes, const float *x, int n, int top)
{
	float max = 0;
	for (int i = 0; i < n; i++)
		max = x[i] > max ? x[i] : max;
	float inverse = max > 0 ? (float)top / max : 0;
	for (int i = 0; i < n; i++)
		codes[i] = (uint8_t)fox_k_nearest(inverse * x[i]);
	return fox_f32_to_f16(max / (float)top);
}

void fox_k_pack_scales(uint8_t out[12], const uint8_t *scales, const uint8_t *mins)
{
	for (int s = 0; s < 4; s++) {
		out[s] = (uint8_t)(scales[s] | scales[s + 4] >> 4 << 6);
		out[s + 4] = (uint8_t)(mins[s] | mins[s + 4] >> 4 << 6);
		out[s + 8] = (uint8_t)((scales[s + 4] & 15) | mins[s + 4] << 4);
	}
}

void fox_k_unpack_scales(uint8_t *scales, uint8_t *mins, const uint8_t in[12])
{
	for (int s = 0; s < 4; s++) {
		scales[s] = in[s] & 63;
		mins[s] = in[s + 4] & 63;
		scales[s + 4] = (uint8_t)((in[s + 8] & 15) | in[s] >> 6 << 4);
		mins[s + 4] = (uint8_t)(in[s + 8] >> 4 | in[s + 4] >> 6 << 4);
	}
}

float fox_k_symmetric_scales(int8_t *codes, const float *scales, float largest, int top)
{
	float inverse = (float)-top / largest;
	for (int s = 0; s < FOX_K_SUBS; s++) {
		int c = fox_k_nearest(inverse * scales[s]);
		c = (int8_t)(uint8_t)(c < 127 ? c : 127);
		codes[s] = (int8_t)fox_k_clamp(c, -top, top - 1);
	}
	return 1 / inverse;
}
