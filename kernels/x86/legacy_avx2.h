/* legacy_avx2.h - how blocks of 32 codes are packed. Static inlines for legacy_*_avx2.c alone. */
#ifndef FOX_LEGACY_AVX2_H
#define FOX_LEGACY_AVX2_H

#include <immintrin.h>

#include "format/base/num.h"

/* The low bytes of 32 numbers, in order; what is below 0 becomes 0. */
static inline __m256i bytes_of(const __m256i q[4])
{
	/* the packs work within 128-bit halves */
	__m256i mixed = _mm256_packus_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
	return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Low four bits: code i in the low half of byte i, code i + 16 in the high half. */
static inline void put_nibbles(uint8_t *out, __m256i q, bool five_bits)
{
	q = five_bits ? _mm256_and_si256(q, _mm256_set1_epi8(15)) : q;
	__m128i low = _mm256_castsi256_si128(q), high = _mm256_extracti128_si256(q, 1);
	_mm_storeu_si128((__m128i *)(void *)out, _mm_or_si128(low, _mm_slli_epi16(high, 4)));
}

static inline void put_fifth_bits(uint8_t *out, __m256i q)
{
	fox_store32(out, (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(q, 3)));
}

static inline void put_halves(uint16_t out[8], __m256 v)
{
	_mm_storeu_si128(
	    (__m128i *)(void *)out, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#endif
