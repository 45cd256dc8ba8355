/* fp4_avx2.c - mxfp4 and nvfp4 to f32 and back; bit for bit what the scalar codecs give.
 *
 * Codes are found by comparing with the seven borders between values, eight weights at a time. Blocks that the plain
 * comparison does not fit (NaN, Inf, scales at the ends of their range) are left to the scalar code. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

enum { MX_LEN = 32, NV_LEN = 64, NV_GROUP = 16 };

static inline __m256 magnitude(__m256 v)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

/* The largest magnitude among n as bits, so that Inf and NaN are larger than all numbers. */
static inline uint32_t max_magnitude(const float *x, int n)
{
	__m256i max = _mm256_setzero_si256();
	for (int i = 0; i < n; i += 8)
		max = _mm256_max_epu32(max, _mm256_castps_si256(magnitude(_mm256_loadu_ps(x + i))));
	__m128i m = _mm_max_epu32(_mm256_castsi256_si128(max), _mm256_extracti128_si256(max, 1));
	m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
	return (uint32_t)_mm_cvtsi128_si32(_mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1)));
}

/* The borders between the values' magnitudes in units of the scale. */
struct borders {
	__m256 at[7];
};

static inline struct borders borders_of(float d)
{
	static const float unit[7] = {0.5f, 1.5f, 2.5f, 3.5f, 5, 7, 10};
	struct borders b;
	for (int i = 0; i < 7; i++)
		b.at[i] = _mm256_set1_ps(unit[i] * d);
	return b;
}

/* Minus the codes of eight magnitudes: how many borders they exceed. */
static inline __m256i minus_codes(__m256 v, const struct borders *b)
{
	__m256i sum = _mm256_setzero_si256();
	for (int i = 0; i < 7; i++)
		sum = _mm256_add_epi32(sum, _mm256_castps_si256(_mm256_cmp_ps(magnitude(v), b->at[i], _CMP_GT_OQ)));
	return sum;
}

/* Codes of 16 weights, one byte each, in two groups of eight bytes: weights 0..3, 8..11 | 4..7, 12..15. */
static inline __m128i codes_of_16(const float *x, const struct borders *b)
{
	__m256 v[2] = {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)};
	__m256i minus = _mm256_packs_epi32(minus_codes(v[0], b), minus_codes(v[1], b));
	__m256i signs = _mm256_packs_epi32(_mm256_castps_si256(v[0]), _mm256_castps_si256(v[1]));
	__m256i code = _mm256_sub_epi16(_mm256_setzero_si256(), minus);
	/* the sign of a zero is dropped: where the code is 0 so is minus */
	__m256i eight =
	    _mm256_and_si256(_mm256_srli_epi16(_mm256_and_si256(signs, minus), 12), _mm256_set1_epi16(8));
	code = _mm256_or_si256(code, eight);
	return _mm_packus_epi16(_mm256_castsi256_si128(code), _mm256_extracti128_si256(code, 1));
}

/* In order of the weights. */
static inline __m128i in_order(__m128i codes)
{
	return _mm_shuffle_epi32(codes, 0xd8);
}

void fox_encode_mxfp4_avx2(void *dst, const float *src, size_t n)
{
	assert(n % MX_LEN == 0);
	uint8_t *out = dst;
	for (; n > 0; n -= MX_LEN, src += MX_LEN, out += sizeof(struct fox_mxfp4)) {
		uint32_t max = max_magnitude(src, MX_LEN);
		if (max >= 0x7f000000 || max < 0x01000000) { /* 2^127, 2^-125 */
			fox_encode_mxfp4_scalar(out, src, MX_LEN);
			continue;
		}
		uint8_t e = fox_f32_to_e8m0(fox_f32_of_bits(max));
		struct borders b = borders_of(fox_e8m0_half(e));
		__m128i low = codes_of_16(src, &b), high = codes_of_16(src + 16, &b);
		out[0] = e;
		_mm_storeu_si128((__m128i *)(void *)(out + offsetof(struct fox_mxfp4, q)),
		    in_order(_mm_or_si128(low, _mm_slli_epi16(high, 4))));
	}
}

void fox_encode_nvfp4_avx2(void *dst, const float *src, size_t n)
{
	assert(n % NV_LEN == 0);
	uint8_t *out = dst;
	for (; n > 0; n -= NV_LEN, src += NV_LEN, out += sizeof(struct fox_nvfp4)) {
		if (max_magnitude(src, NV_LEN) >=
		    0x44800000) { /* 1024, where scales are still far from their largest */
			fox_encode_nvfp4_scalar(out, src, NV_LEN);
			continue;
		}
		for (int g = 0; g < NV_LEN / NV_GROUP; g++) {
			const float *x = src + (ptrdiff_t)g * NV_GROUP;
			uint8_t scale = fox_f32_to_e4m3(fox_f32_of_bits(max_magnitude(x, NV_GROUP)) / 6.0f);
			struct borders b = borders_of(fox_e4m3_half(scale));
			__m128i q = scale ? in_order(codes_of_16(x, &b)) : _mm_setzero_si128();
			out[g] = scale;
			_mm_storel_epi64((__m128i *)(void *)(out + offsetof(struct fox_nvfp4, q) + g * NV_GROUP / 2),
			    _mm_or_si128(q, _mm_slli_epi16(_mm_srli_si128(q, 8), 4)));
		}
	}
}

static inline void put_eight(float *dst, __m128i values, float d)
{
	__m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(values));
	_mm256_storeu_ps(dst, _mm256_mul_ps(_mm256_set1_ps(d), v));
}

/* The values of the low and the high halves of 16 bytes. */
struct fp4_values {
	__m128i low, high;
};

static inline struct fp4_values values_of(__m128i both)
{
	const __m128i value = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
	const __m128i four = _mm_set1_epi8(15);
	return (struct fp4_values){_mm_shuffle_epi8(value, _mm_and_si128(both, four)),
	    _mm_shuffle_epi8(value, _mm_and_si128(_mm_srli_epi16(both, 4), four))};
}

void fox_decode_mxfp4_avx2(float *dst, const void *src, size_t n)
{
	assert(n % MX_LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= MX_LEN, dst += MX_LEN, in += sizeof(struct fox_mxfp4)) {
		float d = fox_e8m0_half(in[0]);
		struct fp4_values v =
		    values_of(_mm_loadu_si128((const __m128i *)(const void *)(in + offsetof(struct fox_mxfp4, q))));
		put_eight(dst, v.low, d);
		put_eight(dst + 8, _mm_srli_si128(v.low, 8), d);
		put_eight(dst + 16, v.high, d);
		put_eight(dst + 24, _mm_srli_si128(v.high, 8), d);
	}
}

void fox_decode_nvfp4_avx2(float *dst, const void *src, size_t n)
{
	assert(n % NV_LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= NV_LEN, dst += NV_LEN, in += sizeof(struct fox_nvfp4))
		for (int pair = 0; pair < 2; pair++) { /* two groups of 16 in 16 bytes */
			struct fp4_values v = values_of(_mm_loadu_si128(
			    (const __m128i *)(const void *)(in + offsetof(struct fox_nvfp4, q) + 16 * pair)));
			float d[2] = {fox_e4m3_half(in[2 * pair]), fox_e4m3_half(in[2 * pair + 1])};
			float *to = dst + (ptrdiff_t)pair * 32;
			put_eight(to, v.low, d[0]);
			put_eight(to + 8, v.high, d[0]);
			put_eight(to + 16, _mm_srli_si128(v.low, 8), d[1]);
			put_eight(to + 24, _mm_srli_si128(v.high, 8), d[1]);
		}
}
