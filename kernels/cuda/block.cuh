/* block.cuh - stored weights to f32, eight consecutive ones at a time, and to integers with scales, for every type of
 * gemm_types.h.
 *
 *   fox_decode8<T, A>(out, row, g, k)  eight k (0 .. 3) of group g of 32 weights of a row to f32: the bits of the CPU's decoders
 *                                      (a NaN is a NaN)
 *   fox_decode32<T, A>(out, row, g)    group g: what four fox_decode8 share is computed once
 *   fox_unpack32<T, A>(out, row, g)    the same of types of small integers: packed codes, scales, minima  (block_int.cuh)
 *
 * T    a type of weights; fox_block<T> has its geometry and what can be said of it
 * A    what the row's address is a multiple of: fox_block<T>::LOOSE serves any row, ::TIGHT is as far as the type's own size
 *      lets whole words be loaded. Other powers of two between them do as well.
 * row  shared or device memory. Words are loaded whole: up to 3 bytes before and behind what is asked for are read, never past
 *      the multiple of 4 at which it ends.
 *
 * All of a type's functions are inlined, so that what depends on a constant k costs nothing. */
#ifndef FOX_BLOCK_CUH
#define FOX_BLOCK_CUH

#ifndef _Static_assert
#define _Static_assert static_assert
#endif
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stdint.h>

extern "C" {
#include "format/block.h"
#include "format/type.h"
}
#include "kernels/gemm_types.h"

#define FOX_DEVICE static __device__ __forceinline__

/* Memory is bytes, read as what they are said to be. */
typedef uint16_t __attribute__((may_alias)) fox_bits16;
typedef uint32_t __attribute__((may_alias)) fox_bits32;

/*
 * fox_block - what is known of a type when it is compiled
 *
 * LEN, BYTES  a block; f32, f16 and bf16 count in eights, whole or cut
 * LOOSE       every row's address is a multiple of it
 * TIGHT       and of this, where rows begin at multiples of 16 in memory
 * INTEGER     has fox_unpack8: weight = scale * (code - ZERO) - minimum
 * ZERO        what is to be taken off each code
 * HALVES      a scale for 16 weights, not 32
 * MINIMUM     not all minima are 0
 */
template <enum fox_type T> struct fox_block;

#define FOX_BLOCK(T, len, bytes, loose, tight, integer, zero, halves, minimum)                               \
	template <> struct fox_block<T> {                                                                        \
		enum {                                                                                               \
			LEN = len,                                                                                       \
			BYTES = bytes,                                                                                   \
			LOOSE = loose,                                                                                   \
			TIGHT = tight,                                                                                   \
			INTEGER = integer,                                                                               \
			ZERO = zero,                                                                                     \
			HALVES = halves,                                                                                 \
			MINIMUM = minimum                                                                                \
		};                                                                                                   \
	};
FOX_BLOCK(FOX_F32, 8, 32, 4, 16, 0, 0, 0, 0)
FOX_BLOCK(FOX_F16, 8, 16, 2, 16, 0, 0, 0, 0)
FOX_BLOCK(FOX_BF16, 8, 16, 2, 16, 0, 0, 0, 0)
FOX_BLOCK(FOX_Q8_0, 32, sizeof(struct fox_q8_0), 2, 2, 1, 0, 0, 0)
FOX_BLOCK(FOX_Q4_0, 32, sizeof(struct fox_q4_0), 2, 2, 1, 8, 0, 0)
FOX_BLOCK(FOX_Q4_1, 32, sizeof(struct fox_q4_1), 2, 4, 1, 0, 0, 1)
FOX_BLOCK(FOX_Q5_0, 32, sizeof(struct fox_q5_0), 2, 2, 1, 16, 0, 0)
FOX_BLOCK(FOX_Q5_1, 32, sizeof(struct fox_q5_1), 2, 8, 1, 0, 0, 1)
FOX_BLOCK(FOX_Q2_K, 256, sizeof(struct fox_q2_k), 2, 4, 1, 0, 1, 1)
FOX_BLOCK(FOX_Q3_K, 256, sizeof(struct fox_q3_k), 2, 2, 1, 4, 1, 0)
FOX_BLOCK(FOX_Q4_K, 256, sizeof(struct fox_q4_k), 2, 16, 1, 0, 0, 1)
FOX_BLOCK(FOX_Q5_K, 256, sizeof(struct fox_q5_k), 2, 16, 1, 0, 0, 1)
FOX_BLOCK(FOX_Q6_K, 256, sizeof(struct fox_q6_k), 2, 2, 1, 32, 1, 0)
FOX_BLOCK(FOX_IQ4_NL, 32, sizeof(struct fox_iq4_nl), 2, 2, 1, 0, 0, 0)
FOX_BLOCK(FOX_IQ4_XS, 256, sizeof(struct fox_iq4_xs), 2, 8, 1, 0, 0, 0)
FOX_BLOCK(FOX_MXFP4, 32, sizeof(struct fox_mxfp4), 1, 1, 1, 0, 0, 0)
FOX_BLOCK(FOX_NVFP4, 64, sizeof(struct fox_nvfp4), 2, 4, 1, 0, 1, 0)
FOX_BLOCK(FOX_IQ1_S, 256, sizeof(struct fox_iq1_s), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ1_M, 256, sizeof(struct fox_iq1_m), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ2_XXS, 256, sizeof(struct fox_iq2_xxs), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ2_XS, 256, sizeof(struct fox_iq2_xs), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ2_S, 256, sizeof(struct fox_iq2_s), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ3_XXS, 256, sizeof(struct fox_iq3_xxs), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_IQ3_S, 256, sizeof(struct fox_iq3_s), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_Q1_0, 128, sizeof(struct fox_q1_0), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_TQ1_0, 256, sizeof(struct fox_tq1_0), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_TQ2_0, 256, sizeof(struct fox_tq2_0), 2, 2, 0, 0, 0, 0)
FOX_BLOCK(FOX_Q2_0, 64, sizeof(struct fox_q2_0), 2, 2, 0, 0, 0, 0)
#undef FOX_BLOCK

/* ---- loads */

FOX_DEVICE uint32_t fox_at16(const uint8_t *p)
{
	return *(const fox_bits16 *)p;
}

FOX_DEVICE float fox_f16_at(const uint8_t *p)
{
	return __half2float(__ushort_as_half(*(const fox_bits16 *)p));
}

/* 4 N bytes from p, a multiple of A. Where A is below 4 aligned words are loaded and shifted, which is fewer loads than
 * halves of words. Offsets are taken from p itself, so that the compiler still sees which memory it points to. */
template <int N, int A> FOX_DEVICE void fox_words(uint32_t *out, const uint8_t *p)
{
	if (A >= 16 && N % 4 == 0) {
#pragma unroll
		for (int i = 0; i < N / 4; i++) {
			uint4 v = ((const uint4 *)p)[i];
			out[4 * i] = v.x, out[4 * i + 1] = v.y, out[4 * i + 2] = v.z, out[4 * i + 3] = v.w;
		}
	} else if (A >= 8 && N % 2 == 0) {
#pragma unroll
		for (int i = 0; i < N / 2; i++) {
			uint2 v = ((const uint2 *)p)[i];
			out[2 * i] = v.x, out[2 * i + 1] = v.y;
		}
	} else if (A >= 4) {
#pragma unroll
		for (int i = 0; i < N; i++)
			out[i] = ((const fox_bits32 *)p)[i];
	} else {
		uint32_t off = (uint32_t)(uintptr_t)p & 3;
		const fox_bits32 *word = (const fox_bits32 *)(p - off);
		uint32_t low = word[0];
#pragma unroll
		for (int i = 0; i < N; i++) { /* the last is word N only where a part of it is asked for */
			uint32_t high = word[i < N - 1 || off ? i + 1 : i];
			out[i] = __funnelshift_r(low, high, off * 8);
			low = high;
		}
	}
}

template <int A> FOX_DEVICE uint32_t fox_word(const uint8_t *p)
{
	uint32_t v;
	fox_words<1, A>(&v, p);
	return v;
}

/* What `p + offset` is a multiple of, where p is one of A. */
#define FOX_ALIGN_AT(A, offset)                                                                              \
	((offset) % (A) == 0               ? (A)                                                                 \
	    : (offset) % 8 == 0 && (A) > 8 ? 8                                                                   \
	    : (offset) % 4 == 0 && (A) > 4 ? 4                                                                   \
	    : (offset) % 2 == 0 && (A) > 2 ? 2                                                                   \
	    : (A) < 2                      ? (A)                                                                 \
	                                   : 1)

FOX_DEVICE int fox_byte(uint32_t word, int i)
{
	return (int)(word >> 8 * i & 255);
}

FOX_DEVICE int fox_signed_byte(uint32_t word, int i)
{
	return (int)(int8_t)(word >> 8 * i);
}

/* ---- the three floats */

template <enum fox_type T, int A> struct fox_decoder;

template <int A> struct fox_decoder<FOX_F32, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		uint32_t w[8];
		fox_words<8, A>(w, row + (size_t)g * 128 + k * 32);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = __uint_as_float(w[i]);
	}
};

template <int A> struct fox_decoder<FOX_F16, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		uint32_t w[4];
		fox_words<4, A>(w, row + (size_t)g * 64 + k * 16);
#pragma unroll
		for (int i = 0; i < 8; i++)
			out[i] = __half2float(__ushort_as_half((unsigned short)(w[i / 2] >> i % 2 * 16)));
	}
};

template <int A> struct fox_decoder<FOX_BF16, A> {
	FOX_DEVICE void eight(float *out, const uint8_t *row, uint32_t g, uint32_t k)
	{
		uint32_t w[4];
		fox_words<4, A>(w, row + (size_t)g * 64 + k * 16);
#pragma unroll
		for (int i = 0; i < 4; i++) {
			out[2 * i] = __uint_as_float(w[i] << 16);
			out[2 * i + 1] = __uint_as_float(w[i] & 0xffff0000u);
		}
	}
};

#include "kernels/cuda/block_int.cuh"
#include "kernels/cuda/block_iq.cuh"

/* ---- what others call */

template <enum fox_type T, int A = fox_block<T>::LOOSE>
FOX_DEVICE void fox_decode8(float out[8], const uint8_t *row, uint32_t g, uint32_t k)
{
	fox_decoder<T, A>::eight(out, row, g, k);
}

template <enum fox_type T, int A = fox_block<T>::LOOSE>
FOX_DEVICE void fox_decode32(float out[32], const uint8_t *row, uint32_t g)
{
#pragma unroll
	for (uint32_t k = 0; k < 4; k++)
		fox_decoder<T, A>::eight(out + 8 * k, row, g, k);
}

/* Element i of f32, f16 or bf16: for what is left of a row whose length is no multiple of eight. */
FOX_DEVICE float fox_decode1(enum fox_type type, const uint8_t *row, uint32_t i)
{
	if (type == FOX_F32)
		return __uint_as_float(*(const fox_bits32 *)(row + (size_t)i * 4));
	const uint8_t *p = row + (size_t)i * 2;
	return type == FOX_F16 ? fox_f16_at(p) : __uint_as_float(fox_at16(p) << 16);
}

#endif
