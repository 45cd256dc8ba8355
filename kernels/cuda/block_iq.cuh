/* block_iq.cuh - types of two or three values and the grid types. Part of block.cuh; the bytes are those of format/block.h,
 * prose in spec/quant.md. s is the eight's place in its block. */
#ifndef FOX_BLOCK_IQ_CUH
#define FOX_BLOCK_IQ_CUH

#define FOX_GRID static __device__ const
#include "kernels/iq_grid_tab.c"

/* ---- few values */

template <int A> struct fox_decoder<FOX_Q1_0, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 4) * sizeof(struct fox_q1_0);
		float d = fox_f16_at(b);
		uint32_t bits = b[offsetof(struct fox_q1_0, q) + g % 4 * 4 + k];
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = bits >> i & 1 ? d : -d;
	}
};

template <int A> struct fox_decoder<FOX_Q2_0, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 2) * sizeof(struct fox_q2_0);
		float d = fox_f16_at(b);
		uint32_t pairs = fox_at16(b + offsetof(struct fox_q2_0, q) + g % 2 * 8 + k * 2);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = (float)((int)(pairs >> 2 * i & 3) - 1) * d;
	}
};

template <int A> struct fox_decoder<FOX_TQ2_0, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_tq2_0);
		float d = fox_f16_at(b + offsetof(struct fox_tq2_0, d));
		uint32_t q[2];
		fox_bit_pairs < A<2 ? A : 2>(q, b, g, k);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = (float)(fox_byte(q[i / 4], i % 4) - 1) * d;
	}
};

/* Digit i of a byte that is a fraction in base 3, `power` being 3 to the i: what is above the point after one more
 * multiplication. */
FOX_DEVICE int fox_trit(uint32_t fraction, uint32_t power)
{
	return (int)((fraction * power & 255) * 3 >> 8);
}

/* 3 to the i, i in 0 .. 4 */
FOX_DEVICE uint32_t fox_power_of_3(uint32_t i)
{
	return i == 0 ? 1 : i == 1 ? 3 : i == 2 ? 9 : i == 3 ? 27 : 81;
}

/* 160 weights are digits 0 .. 4 of 32 bytes, 80 those of 16 bytes, 16 the digits 0 .. 3 of four. */
template <int A> struct fox_decoder<FOX_TQ1_0, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_tq1_0);
		float d = fox_f16_at(b + offsetof(struct fox_tq1_0, d));
		uint32_t s = g % 8 * 4 + k, q[2], digit, digit_2;
		if (s < 30) {
			fox_words < 2, A<2 ? A : 2>(q, b + (s < 20 ? s % 4 * 8 : 32 + s % 2 * 8));
			digit = digit_2 = s < 20 ? s / 4 : (s - 20) / 2;
		} else {
			q[0] = q[1] = fox_word < A < 2 ? A : 2 > (b + offsetof(struct fox_tq1_0, high));
			digit = (s - 30) * 2, digit_2 = digit + 1;
		}
		uint32_t power = fox_power_of_3(digit), power_2 = fox_power_of_3(digit_2);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = (float)(fox_trit((uint32_t)fox_byte(q[i / 4], i % 4), i < 4 ? power : power_2) - 1) * d;
	}
};

/* ---- grids. A row of codes becomes bytes by a table in a register pair, whose selector it is */

struct fox_table8 {
	uint32_t w[2];
};

template <int... V> __host__ __device__ constexpr fox_table8 fox_table8_of()
{
	const int v[8] = {V...};
	fox_table8 t = {};
	for (int i = 0; i < 8; i++)
		t.w[i / 4] |= (uint32_t)(uint8_t)v[i] << i % 4 * 8;
	return t;
}

/* out[i] = scale * byte i of magnitudes, with bit i of signs as its sign */
FOX_DEVICE void fox_put_signed(float *out, const uint32_t magnitudes[2], uint32_t signs, float scale)
{
#pragma unroll
	for (int i = 0; i < 8; i++) {
		float v = scale * (float)fox_byte(magnitudes[i / 4], i % 4);
		out[i] = __uint_as_float(__float_as_uint(v) ^ (signs >> i & 1) << 31);
	}
}

/* Four codes of two bits to four nibbles. */
FOX_DEVICE uint32_t fox_spread_pairs(uint32_t codes)
{
	codes = (codes | codes << 4) & 0x0f0f;
	return (codes | codes << 2) & 0x3333;
}

FOX_DEVICE void fox_put_iq2(float *out, uint32_t codes, uint32_t signs, float scale)
{
	constexpr fox_table8 t = fox_table8_of<FOX_IQ2_VALUES>();
	uint32_t q[2] = {__byte_perm(t.w[0], 0, fox_spread_pairs(codes & 255)),
	    __byte_perm(t.w[0], 0, fox_spread_pairs(codes >> 8))};
	fox_put_signed(out, q, signs, scale);
}

template <int... V>
FOX_DEVICE void fox_put_iq3(float *out, uint32_t codes, uint32_t codes_2, uint32_t signs, float scale)
{
	constexpr fox_table8 t = fox_table8_of<V...>();
	uint32_t q[2] = {
	    __byte_perm(t.w[0], t.w[1], codes & 0x7777), __byte_perm(t.w[0], t.w[1], codes_2 & 0x7777)};
	fox_put_signed(out, q, signs, scale);
}

FOX_DEVICE void fox_put_iq1(float *out, uint32_t codes, uint32_t down, float scale)
{
	float shift = down ? -0.125f : 0.125f;
#pragma unroll
	for (int i = 0; i < 8; i++)
		out[i] = scale * ((float)((int)(codes >> 2 * i & 3) - 1) + shift);
}

/* Eight signs out of seven bits: the eighth makes their number even. */
FOX_DEVICE uint32_t fox_eight_signs(uint32_t seven)
{
	seven &= 127;
	return seven | (uint32_t)(__popc(seven) & 1) << 7;
}

FOX_DEVICE float fox_half_scale(float d, uint32_t scale, uint32_t half)
{
	return d * (0.5f + (float)(scale >> 4 * half & 15)) * 0.25f;
}

template <int A> struct fox_decoder<FOX_IQ2_XXS, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq2_xxs);
		const uint8_t *q = b + offsetof(struct fox_iq2_xxs, q) + g % 8 * 8;
		uint32_t word = fox_word < A < 2 ? A : 2 > (q + 4);
		fox_put_iq2(out, fox_grid_iq2_xxs[q[k]], fox_eight_signs(word >> 7 * k),
		    fox_f16_at(b) * (0.5f + (float)(word >> 28)) * 0.25f);
	}
};

template <int A> struct fox_decoder<FOX_IQ2_XS, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq2_xs);
		uint32_t s = g % 8 * 4 + k, q = fox_at16(b + offsetof(struct fox_iq2_xs, q) + s * 2);
		fox_put_iq2(out, fox_grid_iq2_xs[q & 511], fox_eight_signs(q >> 9),
		    fox_half_scale(fox_f16_at(b), b[offsetof(struct fox_iq2_xs, scale) + s / 4], s / 2 % 2));
	}
};

template <int A> struct fox_decoder<FOX_IQ2_S, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq2_s);
		uint32_t s = g % 8 * 4 + k, high = b[offsetof(struct fox_iq2_s, high) + s / 4] >> s % 4 * 2 & 3u;
		fox_put_iq2(out, fox_grid_iq2_s[b[offsetof(struct fox_iq2_s, q) + s] | high << 8],
		    b[offsetof(struct fox_iq2_s, sign) + s],
		    fox_half_scale(fox_f16_at(b), b[offsetof(struct fox_iq2_s, scale) + s / 4], s / 2 % 2));
	}
};

template <int A> struct fox_decoder<FOX_IQ3_XXS, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq3_xxs);
		uint32_t s = g % 8 * 4 + k, q = fox_at16(b + offsetof(struct fox_iq3_xxs, q) + s * 2);
		uint32_t word = fox_word < A < 2 ? A : 2 > (b + offsetof(struct fox_iq3_xxs, sign_scale) + s / 4 * 4);
		fox_put_iq3<FOX_IQ3_XXS_VALUES>(out, fox_grid_iq3_xxs[q & 255], fox_grid_iq3_xxs[q >> 8],
		    fox_eight_signs(word >> 7 * (s % 4)), fox_f16_at(b) * (0.5f + (float)(word >> 28)) * 0.5f);
	}
};

template <int A> struct fox_decoder<FOX_IQ3_S, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq3_s);
		uint32_t s = g % 8 * 4 + k, q = fox_at16(b + offsetof(struct fox_iq3_s, q) + s * 2);
		uint32_t high = (uint32_t)b[offsetof(struct fox_iq3_s, high) + s / 4] >> s % 4 * 2;
		uint32_t scale = b[offsetof(struct fox_iq3_s, scale) + s / 8] >> s / 4 % 2 * 4 & 15u;
		fox_put_iq3<FOX_IQ3_S_VALUES>(out, fox_grid_iq3_s[(q & 255) | (high & 1) << 8],
		    fox_grid_iq3_s[q >> 8 | (high >> 1 & 1) << 8], b[offsetof(struct fox_iq3_s, sign) + s],
		    fox_f16_at(b) * (float)(1 + 2 * scale));
	}
};

template <int A> struct fox_decoder<FOX_IQ1_S, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq1_s);
		uint32_t s = g % 8 * 4 + k, high = fox_at16(b + offsetof(struct fox_iq1_s, high) + s / 4 * 2);
		uint32_t index = b[offsetof(struct fox_iq1_s, q) + s] | (high >> s % 4 * 3 & 7) << 8;
		fox_put_iq1(out, fox_grid_iq1[index], high >> 15, fox_f16_at(b) * (float)(2 * (high >> 12 & 7) + 1));
	}
};

template <int A> struct fox_decoder<FOX_IQ1_M, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq1_m);
		const uint8_t *scales = b + offsetof(struct fox_iq1_m, scale);
		uint32_t s = g % 8 * 4 + k, half = s / 2, d16 = 0;
#pragma unroll
		for (int i = 0; i < 4; i++) /* the top four bits of each word */
			d16 |= fox_at16(scales + 2 * i) >> 12 << 4 * i;
		uint32_t code = fox_at16(scales + half / 4 * 2) >> half % 4 * 3 & 7;
		uint32_t high = b[offsetof(struct fox_iq1_m, high) + half] >> s % 2 * 4 & 15u;
		float d = __half2float(__ushort_as_half((unsigned short)d16));
		fox_put_iq1(out, fox_grid_iq1[b[offsetof(struct fox_iq1_m, q) + s] | (high & 7) << 8], high >> 3,
		    d * (float)(2 * code + 1));
	}
};

#endif
