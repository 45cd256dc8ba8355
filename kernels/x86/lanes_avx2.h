/* lanes_avx2.h - groups of weights side by side: lane j of a vector belongs to group j. Static inlines for *_avx2.c alone.
 *
 * A search over one group is a chain of dependent sums whose order is fixed. Eight groups in eight lanes run the same
 * chain at once, each in its own order, so the bits are those of the scalar search. Branches become masks. */
#ifndef FOX_LANES_AVX2_H
#define FOX_LANES_AVX2_H

#include <immintrin.h>

#include "kernels/ksearch.h"

#define LANES_INLINE static inline __attribute__((always_inline))

LANES_INLINE __m256 lanes_abs(__m256 v)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

/* fox_k_nearest */
LANES_INLINE __m256i lanes_nearest(__m256 v)
{
	__m256i sum = _mm256_castps_si256(_mm256_add_ps(v, _mm256_set1_ps(0x1.8p23f)));
	return _mm256_sub_epi32(_mm256_and_si256(sum, _mm256_set1_epi32(0x7fffff)), _mm256_set1_epi32(0x400000));
}

/* The same as a float, where |v| is known to be below 2^22. */
LANES_INLINE __m256 lanes_round(__m256 v)
{
	return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* m ? a : b by the lanes' sign bits */
LANES_INLINE __m256 lanes_pick(__m256 m, __m256 a, __m256 b)
{
	return _mm256_blendv_ps(b, a, m);
}

LANES_INLINE __m256 lanes_less(__m256 a, __m256 b)
{
	return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

/* out[k] lane j = in[j] lane k */
LANES_INLINE void lanes_transpose(__m256 out[8], const __m256 in[8])
{
	__m256 t[8], u[8];
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_ps(in[i], in[i + 1]);
		t[i + 1] = _mm256_unpackhi_ps(in[i], in[i + 1]);
	}
	for (int i = 0; i < 8; i += 4)
		for (int j = 0; j < 2; j++) {
			u[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
			u[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
		}
	for (int i = 0; i < 4; i++) {
		out[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
		out[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
	}
}

/* Eight groups of n (a multiple of 8), `apart` floats from one to the next: out[step * i] is weight i of each. */
LANES_INLINE void lanes_load(__m256 *out, int step, const float *x, size_t apart, int n)
{
	for (int i = 0; i < n; i += 8) {
		__m256 in[8], t[8];
		for (int g = 0; g < 8; g++)
			in[g] = _mm256_loadu_ps(x + (size_t)g * apart + i);
		lanes_transpose(t, in);
		for (int k = 0; k < 8; k++)
			out[step * (i + k)] = t[k];
	}
}

/* 32 of fox_k_nearest, saturated to u8, or to i8, in order. */
LANES_INLINE __m256i lanes_bytes(const __m256 v[4], bool is_signed)
{
	__m256i lo = _mm256_packs_epi32(lanes_nearest(v[0]), lanes_nearest(v[1]));
	__m256i hi = _mm256_packs_epi32(lanes_nearest(v[2]), lanes_nearest(v[3]));
	/* the packs work within 128-bit halves: put the words back in order */
	return _mm256_permutevar8x32_epi32(is_signed ? _mm256_packs_epi16(lo, hi) : _mm256_packus_epi16(lo, hi),
	    _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Four vectors of 2-bit codes, one above the other. */
LANES_INLINE __m256i lanes_pairs(const __m256i q[4])
{
	__m256i lo = _mm256_or_si256(q[0], _mm256_slli_epi16(q[1], 2));
	__m256i hi = _mm256_or_si256(_mm256_slli_epi16(q[2], 4), _mm256_slli_epi16(q[3], 6));
	return _mm256_or_si256(lo, hi);
}

/* Weights of the error under importance: see weigh in quant_k.c */
LANES_INLINE void lanes_weigh(float *w, const float *x, const float *importance, float mean_square)
{
	for (int i = 0; i < FOX_K_LEN; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i);
		__m256 root = _mm256_sqrt_ps(_mm256_add_ps(_mm256_set1_ps(mean_square), _mm256_mul_ps(v, v)));
		_mm256_storeu_ps(w + i, _mm256_mul_ps(_mm256_loadu_ps(importance + i), root));
	}
}

/* Sums of squares of n <= 8 super-blocks, each in its order. */
LANES_INLINE void lanes_sums_of_squares(float sums[8], const float *x, size_t n)
{
	__m256 sum = _mm256_setzero_ps();
	for (int i = 0; i < FOX_K_LEN; i += 8) {
		__m256 in[8], t[8];
		for (size_t b = 0; b < 8; b++)
			in[b] = _mm256_loadu_ps(x + (b < n ? b : 0) * FOX_K_LEN + i);
		lanes_transpose(t, in);
		for (int k = 0; k < 8; k++)
			sum = _mm256_add_ps(sum, _mm256_mul_ps(t[k], t[k]));
	}
	_mm256_storeu_ps(sums, sum);
}

#endif
