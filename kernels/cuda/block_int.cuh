/* block_int.cuh - types whose weights are small integers under scales. Part of block.cuh; the bytes are those of
 * format/block.h, prose in spec/quant.md.
 *
 * fox_unpack<T, A>::eight(out, row, g, k)  codes of eight k (0 .. 3) of group g of 32 weights as bytes, unsigned where ZERO is not 0 or the type has
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
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q8_0);
		fox_words<2, FOX_IN(FOX_Q8_0, offsetof(struct fox_q8_0, q))>(
		    out->q, b + offsetof(struct fox_q8_0, q) + k * 8);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q4_0, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q4_0);
		fox_nibbles<FOX_IN(FOX_Q4_0, offsetof(struct fox_q4_0, q))>(
		    out->q, b + offsetof(struct fox_q4_0, q) + k % 2 * 8, k / 2 * 4);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q4_1, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q4_1);
		fox_nibbles<FOX_IN(FOX_Q4_1, offsetof(struct fox_q4_1, q))>(
		    out->q, b + offsetof(struct fox_q4_1, q) + k % 2 * 8, k / 2 * 4);
		out->scale = fox_f16_at(b), out->min = -fox_f16_at(b + offsetof(struct fox_q4_1, m));
	}
};

template <int A> struct fox_unpack<FOX_Q5_0, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q5_0);
		fox_nibbles<FOX_IN(FOX_Q5_0, offsetof(struct fox_q5_0, q))>(
		    out->q, b + offsetof(struct fox_q5_0, q) + k % 2 * 8, k / 2 * 4);
		uint32_t bits = fox_word<FOX_IN(FOX_Q5_0, offsetof(struct fox_q5_0, high))>(
		                    b + offsetof(struct fox_q5_0, high)) >>
		                k * 8;
		out->q[0] |= fox_fifth_bits(bits), out->q[1] |= fox_fifth_bits(bits >> 4);
		out->scale = fox_f16_at(b), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_Q5_1, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q5_1);
		fox_nibbles<FOX_IN(FOX_Q5_1, offsetof(struct fox_q5_1, q))>(
		    out->q, b + offsetof(struct fox_q5_1, q) + k % 2 * 8, k / 2 * 4);
		uint32_t bits = fox_word<FOX_IN(FOX_Q5_1, offsetof(struct fox_q5_1, high))>(
		                    b + offsetof(struct fox_q5_1, high)) >>
		                k * 8;
		out->q[0] |= fox_fifth_bits(bits), out->q[1] |= fox_fifth_bits(bits >> 4);
		out->scale = fox_f16_at(b), out->min = -fox_f16_at(b + offsetof(struct fox_q5_1, m));
	}
};

template <int A> struct fox_unpack<FOX_IQ4_NL, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_iq4_nl);
		fox_nibbles<FOX_IN(FOX_IQ4_NL, offsetof(struct fox_iq4_nl, q))>(
		    out->q, b + offsetof(struct fox_iq4_nl, q) + k % 2 * 8, k / 2 * 4);
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
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_mxfp4);
		fox_nibbles<1>(out->q, b + offsetof(struct fox_mxfp4, q) + k % 2 * 8, k / 2 * 4);
		out->q[0] = fox_lookup<FOX_FP4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_FP4_VALUES>(out->q[1]);
		out->scale = fox_e8m0_half_scale(b[0]), out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_NVFP4, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 2) * sizeof(struct fox_nvfp4);
		fox_nibbles<FOX_IN(FOX_NVFP4, offsetof(struct fox_nvfp4, q))>(
		    out->q, b + offsetof(struct fox_nvfp4, q) + (g % 2 * 2 + k / 2) * 8, k % 2 * 4);
		out->q[0] = fox_lookup<FOX_FP4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_FP4_VALUES>(out->q[1]);
		out->scale = fox_e4m3_half_scale(b[g % 2 * 2 + k / 2]), out->min = 0;
	}
};

/* ---- 256 weights in eight groups */

/* The bits of each byte of w that `mask` has, after all went left by so many places (or right, where less than 0; bits that
 * reach another byte must not be in the mask), over `low`. */
FOX_DEVICE uint32_t fox_above(uint32_t low, uint32_t w, int left, uint32_t mask)
{
	return low | (__funnelshift_l(w, w, (uint32_t)left) & mask);
}

/* Two bits each of eight weights: 128 weights lie in 32 bytes. */
template <int A> FOX_DEVICE void fox_bit_pairs(uint32_t q[2], const uint8_t *p, uint32_t g, uint32_t k)
{
	uint32_t shift = g % 4 * 2;
	fox_words<2, A>(q, p + g % 8 / 4 * 32 + k * 8);
	q[0] = q[0] >> shift & 0x03030303u;
	q[1] = q[1] >> shift & 0x03030303u;
}

template <int A> struct fox_unpack<FOX_Q2_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q2_k);
		uint32_t packed = b[g % 8 * 2 + k / 2];
		fox_bit_pairs<FOX_IN(FOX_Q2_K, offsetof(struct fox_q2_k, q))>(
		    out->q, b + offsetof(struct fox_q2_k, q), g, k);
		out->scale = fox_f16_at(b + offsetof(struct fox_q2_k, d)) * (float)(packed & 15);
		out->min = fox_f16_at(b + offsetof(struct fox_q2_k, dmin)) * (float)(packed >> 4);
	}
};

template <int A> struct fox_unpack<FOX_Q3_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q3_k);
		const uint8_t *scales = b + offsetof(struct fox_q3_k, scales);
		uint32_t t = g % 8 * 2 + k / 2, high[2];
		fox_bit_pairs<FOX_IN(FOX_Q3_K, offsetof(struct fox_q3_k, q))>(
		    out->q, b + offsetof(struct fox_q3_k, q), g, k);
		fox_words<2, FOX_IN(FOX_Q3_K, 0)>(high, b + k * 8);
		out->q[0] = fox_above(out->q[0], high[0], 2 - (int)(g % 8), 0x04040404u);
		out->q[1] = fox_above(out->q[1], high[1], 2 - (int)(g % 8), 0x04040404u);
		uint32_t code = (scales[t % 8] >> t / 8 * 4 & 15u) | (scales[8 + t % 4] >> t / 4 * 2 & 3u) << 4;
		out->scale = fox_f16_at(b + offsetof(struct fox_q3_k, d)) * (float)((int)code - 32), out->min = 0;
	}
};

/* The scale and minimum of group g of q4_k and q5_k: d, dmin and six bits each of eight scales and eight minima begin the
 * block, 16 bytes. */
template <int A> FOX_DEVICE void fox_scale_8x6(fox_eight *out, const uint8_t *b, uint32_t g)
{
	uint32_t w[4], shift = g % 4 * 8;
	fox_words<4, A>(w, b);
	uint32_t near = w[1] >> shift, mid = w[2] >> shift, far = w[3] >> shift;
	uint32_t scale = g % 8 < 4 ? near & 63 : (far & 15) | (near >> 2 & 48);
	uint32_t min = g % 8 < 4 ? mid & 63 : (far >> 4 & 15) | (mid >> 2 & 48);
	out->scale = __half2float(__ushort_as_half((unsigned short)w[0])) * (float)scale;
	out->min = __half2float(__ushort_as_half((unsigned short)(w[0] >> 16))) * (float)min;
}

template <int A> struct fox_unpack<FOX_Q4_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q4_k);
		fox_nibbles<FOX_IN(FOX_Q4_K, offsetof(struct fox_q4_k, q) + 8)>(
		    out->q, b + offsetof(struct fox_q4_k, q) + g % 8 / 2 * 32 + k * 8, g % 2 * 4);
		fox_scale_8x6<FOX_IN(FOX_Q4_K, 0)>(out, b, g);
	}
};

template <int A> struct fox_unpack<FOX_Q5_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q5_k);
		uint32_t high[2];
		fox_nibbles<FOX_IN(FOX_Q5_K, offsetof(struct fox_q5_k, q) + 8)>(
		    out->q, b + offsetof(struct fox_q5_k, q) + g % 8 / 2 * 32 + k * 8, g % 2 * 4);
		fox_words<2, FOX_IN(FOX_Q5_K, offsetof(struct fox_q5_k, high) + 8)>(
		    high, b + offsetof(struct fox_q5_k, high) + k * 8);
		out->q[0] = fox_above(out->q[0], high[0], 4 - (int)(g % 8), 0x10101010u);
		out->q[1] = fox_above(out->q[1], high[1], 4 - (int)(g % 8), 0x10101010u);
		fox_scale_8x6<FOX_IN(FOX_Q5_K, 0)>(out, b, g);
	}
};

template <int A> struct fox_unpack<FOX_Q6_K, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q6_k);
		uint32_t high[2];
		fox_nibbles<FOX_IN(FOX_Q6_K, 0)>(out->q, b + g % 8 / 4 * 64 + g % 2 * 32 + k * 8, g % 4 / 2 * 4);
		fox_words<2, FOX_IN(FOX_Q6_K, offsetof(struct fox_q6_k, high))>(
		    high, b + offsetof(struct fox_q6_k, high) + g % 8 / 4 * 32 + k * 8);
		out->q[0] = fox_above(out->q[0], high[0], 4 - (int)(g % 4 * 2), 0x30303030u);
		out->q[1] = fox_above(out->q[1], high[1], 4 - (int)(g % 4 * 2), 0x30303030u);
		int scale = (int8_t)b[offsetof(struct fox_q6_k, scales) + g % 8 * 2 + k / 2];
		out->scale = fox_f16_at(b + offsetof(struct fox_q6_k, d)) * (float)scale, out->min = 0;
	}
};

template <int A> struct fox_unpack<FOX_IQ4_XS, A> {
	FOX_DEVICE void eight(fox_eight *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_iq4_xs);
		fox_nibbles<FOX_IN(FOX_IQ4_XS, offsetof(struct fox_iq4_xs, q))>(
		    out->q, b + offsetof(struct fox_iq4_xs, q) + g % 8 * 16 + k % 2 * 8, k / 2 * 4);
		out->q[0] = fox_lookup<FOX_IQ4_VALUES>(out->q[0]);
		out->q[1] = fox_lookup<FOX_IQ4_VALUES>(out->q[1]);
		uint32_t low = b[offsetof(struct fox_iq4_xs, scale_low) + g % 8 / 2] >> g % 2 * 4 & 15u;
		uint32_t high = fox_at16(b + offsetof(struct fox_iq4_xs, scale_high)) >> g % 8 * 2 & 3;
		out->scale = fox_f16_at(b) * (float)((int)(low | high << 4) - 32), out->min = 0;
	}
};

/* ---- to f32 */

template <enum fox_type T, int A> struct fox_decoder {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		fox_eight q;
		fox_unpack<T, A>::eight(&q, row, g, k);
		constexpr bool is_signed = fox_block<T>::ZERO == 0 && !fox_block<T>::MINIMUM;
#pragma unroll
		for (int i = 0; i < 8; i++) {
			int code = is_signed ? fox_signed_byte(q.q[i / 4], i % 4)
			                     : fox_byte(q.q[i / 4], i % 4) - fox_block<T>::ZERO;
			out[i] = fox_block<T>::MINIMUM ? __fsub_rn(__fmul_rn(q.scale, (float)code), q.min)
			                               : q.scale * (float)code;
		}
	}
};

/* ---- 32 at once: fewer loads where codes that are not aligned lie in one piece */

/* 32 codes in eight words, and the scales and minima of their halves. */
struct fox_thirty_two {
	uint32_t q[8];
	float scale[2], min[2];
};

template <enum fox_type T, int A> struct fox_unpack_all {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
#pragma unroll
		for (uint32_t k = 0; k < 4; k++) {
			fox_eight eight;
			fox_unpack<T, A>::eight(&eight, row, g, k);
			out->q[2 * k] = eight.q[0], out->q[2 * k + 1] = eight.q[1];
			out->scale[k / 2] = eight.scale, out->min[k / 2] = eight.min;
		}
	}
};

FOX_DEVICE void fox_scale_both(fox_thirty_two *out, float scale, float min)
{
	out->scale[0] = out->scale[1] = scale;
	out->min[0] = out->min[1] = min;
}

/* 16 bytes of nibbles: the first 16 codes are the low ones. */
template <int A> FOX_DEVICE void fox_nibbles_all(uint32_t q[8], const uint8_t *p)
{
	uint32_t w[4];
	fox_words<4, A>(w, p);
#pragma unroll
	for (int i = 0; i < 4; i++)
		q[i] = w[i] & 0x0f0f0f0fu, q[4 + i] = w[i] >> 4 & 0x0f0f0f0fu;
}

template <int A> struct fox_unpack_all<FOX_Q8_0, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q8_0);
		fox_words<8, FOX_IN(FOX_Q8_0, offsetof(struct fox_q8_0, q))>(
		    out->q, b + offsetof(struct fox_q8_0, q));
		fox_scale_both(out, fox_f16_at(b), 0);
	}
};

template <int A> struct fox_unpack_all<FOX_Q4_0, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_q4_0);
		fox_nibbles_all<FOX_IN(FOX_Q4_0, offsetof(struct fox_q4_0, q))>(
		    out->q, b + offsetof(struct fox_q4_0, q));
		fox_scale_both(out, fox_f16_at(b), 0);
	}
};

template <int A> struct fox_unpack_all<FOX_IQ4_NL, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		fox_unpack_all<FOX_Q4_0, A>::group(out, row, g); /* the same block with other values */
#pragma unroll
		for (int i = 0; i < 8; i++)
			out->q[i] = fox_lookup<FOX_IQ4_VALUES>(out->q[i]);
	}
};

template <int A> struct fox_unpack_all<FOX_MXFP4, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		const uint8_t *b = row + (size_t)g * sizeof(struct fox_mxfp4);
		fox_nibbles_all<1>(out->q, b + offsetof(struct fox_mxfp4, q));
#pragma unroll
		for (int i = 0; i < 8; i++)
			out->q[i] = fox_lookup<FOX_FP4_VALUES>(out->q[i]);
		fox_scale_both(out, fox_e8m0_half_scale(b[0]), 0);
	}
};

template <int A> struct fox_unpack_all<FOX_Q4_K, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q4_k);
		uint32_t w[8], shift = g % 2 * 4;
		fox_words<8, FOX_IN(FOX_Q4_K, offsetof(struct fox_q4_k, q))>(
		    w, b + offsetof(struct fox_q4_k, q) + g % 8 / 2 * 32);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out->q[i] = w[i] >> shift & 0x0f0f0f0fu;
		fox_eight scale;
		fox_scale_8x6<FOX_IN(FOX_Q4_K, 0)>(&scale, b, g);
		fox_scale_both(out, scale.scale, scale.min);
	}
};

template <int A> struct fox_unpack_all<FOX_Q6_K, A> {
	FOX_DEVICE void group(fox_thirty_two *out, const uint8_t *row, uint32_t g)
	{
		const uint8_t *b = row + (size_t)(g / 8) * sizeof(struct fox_q6_k),
		              *scales = b + offsetof(struct fox_q6_k, scales);
		uint32_t low[8], high[8], shift = g % 4 / 2 * 4;
		fox_words<8, FOX_IN(FOX_Q6_K, 0)>(low, b + g % 8 / 4 * 64 + g % 2 * 32);
		fox_words<8, FOX_IN(FOX_Q6_K, offsetof(struct fox_q6_k, high))>(
		    high, b + offsetof(struct fox_q6_k, high) + g % 8 / 4 * 32);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out->q[i] = fox_above(low[i] >> shift & 0x0f0f0f0fu, high[i], 4 - (int)(g % 4 * 2), 0x30303030u);
		float d = fox_f16_at(b + offsetof(struct fox_q6_k, d));
		uint32_t both = fox_at16(scales + g % 8 * 2);
		out->scale[0] = d * (float)fox_signed_byte(both, 0),
		out->scale[1] = d * (float)fox_signed_byte(both, 1);
		out->min[0] = out->min[1] = 0;
	}
};

template <enum fox_type T, int A = fox_block<T>::LOOSE>
FOX_DEVICE void fox_unpack32(fox_thirty_two *out, const uint8_t *row, uint32_t g)
{
	fox_unpack_all<T, A>::group(out, row, g);
}

#endif
