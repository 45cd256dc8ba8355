#include "kernels/quant.h"

#include <assert.h>
#include <math.h>

#include "format/base/num.h"
#include "kernels/half.h"

/* Blocks are walked as bytes: rows in a file start where they start. */
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
