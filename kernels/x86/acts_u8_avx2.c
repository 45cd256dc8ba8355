/* acts_u8_avx2.c - activations as bytes without sign: the bits of fox_acts_u8_scalar, 32 at a time. */
#include <assert.h>
#include <immintrin.h>
#include <math.h>

#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* The largest of eight magnitudes as bits, in lane 0. */
INLINE float largest(__m256i bits)
{
	__m128i m = _mm_max_epu32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
	m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
	m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
	return _mm_cvtss_f32(_mm_castsi128_ps(m));
}

void fox_acts_u8_avx2(const struct fox_acts *a, size_t row, const float *x, size_t n)
{
	assert(n % FOX_ACTS_GROUP == 0);
	uint8_t *q = (uint8_t *)a->q + row * a->step;
	float *d = a->d + row * (a->step / FOX_ACTS_GROUP * 4);
	const __m256i magnitude = _mm256_set1_epi32(0x7fffffff),
	              in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	for (size_t g = 0; g < n; g += FOX_ACTS_GROUP, d += 4) {
		__m256 v[4];
		__m256i most = _mm256_setzero_si256(), i[4];
		for (int k = 0; k < 4; k++) {
			v[k] = _mm256_loadu_ps(x + g + 8 * k);
			most = _mm256_max_epu32(most, _mm256_and_si256(_mm256_castps_si256(v[k]), magnitude));
		}
		float scale = largest(most) / 127, r = 1 / scale;
		__m256i valid = _mm256_set1_epi32(isfinite(scale) && isfinite(r) ? -1 : 0);
		for (int k = 0; k < 4; k++)
			i[k] = _mm256_and_si256(_mm256_cvtps_epi32(_mm256_mul_ps(v[k], _mm256_set1_ps(r))), valid);
		__m256i lo = _mm256_packs_epi32(i[0], i[1]), hi = _mm256_packs_epi32(i[2], i[3]);
		__m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(lo, hi), in_order);
		bytes = _mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x80));
		_mm256_store_si256((__m256i *)(void *)(q + g), bytes);
		/* sums of eight bytes, each 128 too large */
		__m256i sad = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
		__m128i s0 = _mm256_castsi256_si128(sad), s1 = _mm256_extracti128_si256(sad, 1);
		int first = _mm_cvtsi128_si32(s0) + _mm_extract_epi32(s0, 2) - 16 * 128;
		int last = _mm_cvtsi128_si32(s1) + _mm_extract_epi32(s1, 2) - 16 * 128;
		d[0] = scale, d[1] = scale * (float)(first + last);
		d[2] = scale * (float)first, d[3] = scale * (float)last;
	}
}
