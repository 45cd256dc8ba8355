/* block_int.cuh - types whose weights are small integers under scales. Part of block.cuh; the bytes are those of
 * format/block.h, prose in spec/quant.md.
 *
 * fox_unpack<T, A>::eight(q, row, e)  codes of weights 8e .. 8e + 7 as bytes, unsigned where ZERO is not 0 or the type has
 *                                     minima, else signed; scale and minimum they are under
 *
 * Products of these scales, codes and minima are exact in f32 (11 + 7 + 5 bits at most), so that the one rounding left is that
 * of the difference: the order in which the CPU multiplies does not matter. */
#ifndef FOX_BLOCK_INT_CUH
#define FOX_BLOCK_INT_CUH

#include "kernels/code_values.h"

struct fox_eight {
	uint32_t q[2];
	float scale, min;
};

template <enum fox_type T, int A> struct fox_unpack;

/* Row's address may be a multiple of 16; that of a field is one of: */
#define FOX_IN(T, field) FOX_ALIGN_AT((A < fox_block<T>::TIGHT ? A : (int)fox_block<T>::TIGHT), field)

/* ---- tables of 16 signed bytes, looked up four codes at a time */

struct fox_table16 {
	uint32_t w[4];
};

template <int... V> __host__ __device__ constexpr fox_table16 fox_table_of()
{
	const int v[16] = {V...};
	fox_table16 t = {};
	for (int i = 0; i < 16; i++)
		t.w[i / 4] |= (uint32_t)(uint8_t)v[i] << i % 4 * 8;
	return t;
}

/* The values of four codes, one in each byte. */
template <int... V> FOX_DEVICE uint32_t fox_lookup(uint32_t codes)
{
	constexpr fox_table16 t = fox_table_of<V...>();
	uint32_t pairs = codes | codes >> 4; /* bytes 0 and 2 hold two codes each */
	uint32_t select = __byte_perm(pairs, 0, 0x4420), low3 = select & 0x7777;
	uint32_t low = __byte_perm(t.w[0], t.w[1], low3), high = __byte_perm(t.w[2], t.w[3], low3);
	return __byte_perm(low, high, 0x3210 | (select & 0x8888) >> 1); /* byte i of that half of the table */
}

/* ---- nibbles: w and the other half of its group in the same bytes */

template <int A> FOX_DEVICE void fox_nibbles(uint32_t q[2], const uint8_t *p, uint32_t shift)
{
	fox_words<2, A>(q, p);
	q[0] = q[0] >> shift & 0x0f0f0f0fu;
	q[1] = q[1] >> shift & 0x0f0f0f0fu;
}

/* Bit i of `bits` to bit 4 of byte i. */
FOX_DEVICE uint32_t fox_fifth_bits(uint32_t bits)
{
	return ((bits & 15) * 0x00204081u & 0x01010101u) << 4;
}

/* ---- 32 weights under one f16 */

template <int A> struct fox_unpack<FOX_Q8_0, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_q8_0);
		fox_words<2, FOX_IN(FOX_Q8_0, offsetof(struct fox_q8_0, q))>(
		    out->q, b + offsetof(struct fox_q8_0, q) + e % 4 * 8);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q4_0, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_q4_0);
		fox_nibbles<FOX_IN(FOX_Q4_0, offsetof(struct fox_q4_0, q))>(
		    out->q, b + offsetof(struct fox_q4_0, q) + e % 2 * 8, e % 4 / 2 * 4);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q4_1, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_q4_1);
		fox_nibbles<FOX_IN(FOX_Q4_1, offsetof(struct fox_q4_1, q))>(
		    out->q, b + offsetof(struct fox_q4_1, q) + e % 2 * 8, e % 4 / 2 * 4);
		out->scale = fox_f16_at(b), out->min = -fox_f16_at(b + offsetof(struct fox_q4_1, m));
	}
};

template <int A> struct fox_unpack<FOX_Q5_0, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_q5_0);
		fox_nibbles<FOX_IN(FOX_Q5_0, offsetof(struct fox_q5_0, q))>(
		    out->q, b + offsetof(struct fox_q5_0, q) + e % 2 * 8, e % 4 / 2 * 4);
		uint32_t bits = fox_word<FOX_IN(FOX_Q5_0, offsetof(struct fox_q5_0, high))>(
		                    b + offsetof(struct fox_q5_0, high)) >>
		                e % 4 * 8;
		out->q[0] |= fox_fifth_bits(bits), out->q[1] |= fox_fifth_bits(bits >> 4);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q5_1, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_q5_1);
		fox_nibbles<FOX_IN(FOX_Q5_1, offsetof(struct fox_q5_1, q))>(
		    out->q, b + offsetof(struct fox_q5_1, q) + e % 2 * 8, e % 4 / 2 * 4);
		uint32_t bits = fox_word<FOX_IN(FOX_Q5_1, offsetof(struct fox_q5_1, high))>(
		                    b + offsetof(struct fox_q5_1, high)) >>
		                e % 4 * 8;
		out->q[0] |= fox_fifth_bits(bits), out->q[1] |= fox_fifth_bits(bits >> 4);
		out->scale = fox_f16_at(b), out->min = -fox_f16_at(b + offsetof(struct fox_q5_1, m));
	}
};

template <int A> struct fox_unpack<FOX_IQ4_NL, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_iq4_nl);
		fox_nibbles<FOX_IN(FOX_IQ4_NL, offsetof(struct fox_iq4_nl, q))>(
		    out->q, b + offsetof(struct fox_iq4_nl, q) + e % 2 * 8, e % 4 / 2 * 4);
		out->q[0] = fox_lookup<FOX_IQ4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_IQ4_VALUES>(out->q[1]);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

/* ---- E2M1 under 8-bit scales, those of kernels/half.h */

FOX_DEVICE float fox_e8m0_half_scale(uint32_t e)
{
	return __uint_as_float(e < 2 ? 0x00200000u << e : (e - 1) << 23);
}

FOX_DEVICE float fox_e4m3_half_scale(uint32_t x)
{
	uint32_t exponent = x >> 3 & 15, fraction = x & 7;
	float subnormal = (float)fraction * 0x1p-10f;
	float normal = __uint_as_float((exponent + 119) << 23 | fraction << 20);
	return x == 0x7f ? 0.0f : exponent == 0 ? subnormal : normal;
}

template <int A> struct fox_unpack<FOX_MXFP4, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 4) * sizeof(struct fox_mxfp4);
		fox_nibbles<1>(out->q, b + offsetof(struct fox_mxfp4, q) + e % 2 * 8, e % 4 / 2 * 4);
		out->q[0] = fox_lookup<FOX_FP4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_FP4_VALUES>(out->q[1]);
		out->scale = fox_e8m0_half_scale(b[0]), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_NVFP4, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 8) * sizeof(struct fox_nvfp4);
		fox_nibbles<FOX_IN(FOX_NVFP4, offsetof(struct fox_nvfp4, q))>(
		    out->q, b + offsetof(struct fox_nvfp4, q) + e % 8 / 2 * 8, e % 2 * 4);
		out->q[0] = fox_lookup<FOX_FP4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_FP4_VALUES>(out->q[1]);
		out->scale = fox_e4m3_half_scale(b[e % 8 / 2]), out->min = 0;
	}
};

/* ---- 256 weights: s is the eight's place in its block */

/* Two bits each of eight weights: 128 weights lie in 32 bytes. */
template <int A> FOX_DEVICE void fox_bit_pairs(uint32_t q[2], const uint8_t *p, uint32_t s)
{
	uint32_t shift = s % 16 / 4 * 2;
	fox_words<2, A>(q, p + s / 16 * 32 + s % 4 * 8);
	q[0] = q[0] >> shift & 0x03030303u;
	q[1] = q[1] >> shift & 0x03030303u;
}

template <int A> struct fox_unpack<FOX_Q2_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_q2_k);
		uint32_t s = e % 32, packed = b[s / 2];
		fox_bit_pairs<FOX_IN(FOX_Q2_K, offsetof(struct fox_q2_k, q))>(
		    out->q, b + offsetof(struct fox_q2_k, q), s);
		out->scale = fox_f16_at(b + offsetof(struct fox_q2_k, d)) * (float)(packed & 15);
		out->min = fox_f16_at(b + offsetof(struct fox_q2_k, dmin)) * (float)(packed >> 4);
	}
};

template <int A> struct fox_unpack<FOX_Q3_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_q3_k);
		const uint8_t *scales = b + offsetof(struct fox_q3_k, scales);
		uint32_t s = e % 32, t = s / 2, high[2];
		fox_bit_pairs<FOX_IN(FOX_Q3_K, offsetof(struct fox_q3_k, q))>(
		    out->q, b + offsetof(struct fox_q3_k, q), s);
		fox_words<2, FOX_IN(FOX_Q3_K, 0)>(high, b + s % 4 * 8);
		out->q[0] |= (high[0] >> s / 4 & 0x01010101u) << 2;
		out->q[1] |= (high[1] >> s / 4 & 0x01010101u) << 2;
		uint32_t code = (scales[t % 8] >> t / 8 * 4 & 15u) | (scales[8 + t % 4] >> t / 4 * 2 & 3u) << 4;
		out->scale = fox_f16_at(b + offsetof(struct fox_q3_k, d)) * (float)((int)code - 32), out->min = 0;
	}
};

/* Six bits each of eight scales and eight minima. */
FOX_DEVICE void fox_scale_8x6(fox_eight *out, const uint8_t *in, uint32_t s, float d, float dmin)
{
	uint32_t near = in[s % 4], mid = in[s % 4 + 4]; /* read whatever s is: no branch */
	uint32_t far = in[s % 4 + 8];
	uint32_t scale = s < 4 ? near & 63 : (far & 15) | near >> 6 << 4;
	uint32_t min = s < 4 ? mid & 63 : far >> 4 | mid >> 6 << 4;
	out->scale = d * (float)scale, out->min = dmin * (float)min;
}

template <int A> struct fox_unpack<FOX_Q4_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_q4_k);
		uint32_t s = e % 32, d = fox_word<FOX_IN(FOX_Q4_K, 0)>(b);
		fox_nibbles<FOX_IN(FOX_Q4_K, offsetof(struct fox_q4_k, q) + 8)>(
		    out->q, b + offsetof(struct fox_q4_k, q) + s / 8 * 32 + s % 4 * 8, s % 8 / 4 * 4);
		fox_scale_8x6(out, b + offsetof(struct fox_q4_k, scales), s / 4,
		    __half2float(__ushort_as_half((unsigned short)d)),
		    __half2float(__ushort_as_half((unsigned short)(d >> 16))));
	}
};

template <int A> struct fox_unpack<FOX_Q5_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_q5_k);
		uint32_t s = e % 32, d = fox_word<FOX_IN(FOX_Q5_K, 0)>(b), high[2];
		fox_nibbles<FOX_IN(FOX_Q5_K, offsetof(struct fox_q5_k, q) + 8)>(
		    out->q, b + offsetof(struct fox_q5_k, q) + s / 8 * 32 + s % 4 * 8, s % 8 / 4 * 4);
		fox_words<2, FOX_IN(FOX_Q5_K, offsetof(struct fox_q5_k, high) + 8)>(
		    high, b + offsetof(struct fox_q5_k, high) + s % 4 * 8);
		out->q[0] |= (high[0] >> s / 4 & 0x01010101u) << 4;
		out->q[1] |= (high[1] >> s / 4 & 0x01010101u) << 4;
		fox_scale_8x6(out, b + offsetof(struct fox_q5_k, scales), s / 4,
		    __half2float(__ushort_as_half((unsigned short)d)),
		    __half2float(__ushort_as_half((unsigned short)(d >> 16))));
	}
};

template <int A> struct fox_unpack<FOX_Q6_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_q6_k);
		uint32_t s = e % 32, high[2];
		fox_nibbles<FOX_IN(FOX_Q6_K, 0)>(out->q, b + s / 16 * 64 + s % 8 * 8, s % 16 / 8 * 4);
		fox_bit_pairs<FOX_IN(FOX_Q6_K, offsetof(struct fox_q6_k, high))>(
		    high, b + offsetof(struct fox_q6_k, high), s);
		out->q[0] |= high[0] << 4, out->q[1] |= high[1] << 4;
		int scale = (int8_t)b[offsetof(struct fox_q6_k, scales) + s / 2];
		out->scale = fox_f16_at(b + offsetof(struct fox_q6_k, d)) * (float)scale, out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_IQ4_XS, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t e)
	{
		const uint8_t *b = row + (size_t)(e / 32) * sizeof(struct fox_iq4_xs);
		uint32_t s = e % 32, g = s / 4;
		fox_nibbles<FOX_IN(FOX_IQ4_XS, offsetof(struct fox_iq4_xs, q))>(
		    out->q, b + offsetof(struct fox_iq4_xs, q) + g * 16 + s % 2 * 8, s % 4 / 2 * 4);
		out->q[0] = fox_lookup<FOX_IQ4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_IQ4_VALUES>(out->q[1]);
		uint32_t low = b[offsetof(struct fox_iq4_xs, scale_low) + g / 2] >> g % 2 * 4 & 15u;
		uint32_t high = fox_at16(b + offsetof(struct fox_iq4_xs, scale_high)) >> 2 * g & 3;
		out->scale = fox_f16_at(b) * (float)((int)(low | high << 4) - 32), out->min = 0;
	}
};

/* ---- to f32 */

template <enum fox_type T, int A> struct fox_decoder {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t e)
	{
		fox_eight k;
		fox_unpack<T, A>::eight(&k, row, e);
		constexpr bool is_signed = fox_block<T>::ZERO == 0 && !fox_block<T>::MINIMUM;
#pragma unroll
		for (int i = 0; i < 8; i++) {
			int code = is_signed ? fox_signed_byte(k.q[i / 4], i % 4)
			                     : fox_byte(k.q[i / 4], i % 4) - fox_block<T>::ZERO;
			out[i] = fox_block<T>::MINIMUM ? __fsub_rn(__fmul_rn(k.scale, (float)code), k.min)
			                               : k.scale * (float)code;
		}
	}
};

/* 32 codes in eight words, and the scales and minima of their halves. */
struct fox_thirty_two {
	uint32_t q[8];
	float scale[2], min[2];
};

template <enum fox_type T, int A = fox_block<T>::LOOSE>
FOX_DEVICE void fox_unpack32(fox_thirty_two *out, const uint8_t *row, uint32_t g)
{
#pragma unroll
	for (uint32_t k = 0; k < 4; k++) {
		fox_eight eight;
		fox_unpack<T, A>::eight(&eight, row, 4 * g + k);
		out->q[2 * k] = eight.q[0], out->q[2 * k + 1] = eight.q[1];
		out->scale[k / 2] = eight.scale, out->min[k / 2] = eight.min;
	}
}

#endif
