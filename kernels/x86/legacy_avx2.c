/* legacy_avx2.c - q4_0, q4_1, q5_0, q5_1 to f32 and back; bit for bit what the scalar codecs give.
 *
 * Encoding takes eight blocks at once: their extremes are found side by side, so that there is one division and one
 * conversion to f16 for eight scales. What bounds it is reading the weights. */
#include <assert.h>
#include <float.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"
#include "kernels/x86/legacy_avx2.h"

enum { LEN = 32, BATCH = 8 };

static inline __m256 extreme(bool max, __m256 a, __m256 b)
{
	return max ? _mm256_max_ps(a, b) : _mm256_min_ps(a, b); /* b where a is NaN */
}

/* The extreme of a block's values in each of eight lanes, starting from `start`; NaN counts for nothing. */
static inline __m256 block_extreme(bool max, const float *x, __m256 start)
{
	for (int i = 0; i < LEN; i += 8)
		start = extreme(max, _mm256_loadu_ps(x + i), start);
	return start;
}

/* Lane i of the result: the extreme of v[i]'s lanes. */
static inline __m256 across(bool max, const __m256 v[BATCH])
{
	__m256 pair[4], four[2];
	for (int i = 0; i < 4; i++)
		pair[i] = extreme(
		    max, _mm256_unpacklo_ps(v[2 * i], v[2 * i + 1]), _mm256_unpackhi_ps(v[2 * i], v[2 * i + 1]));
	for (int i = 0; i < 2; i++) {
		__m256d a = _mm256_castps_pd(pair[2 * i]), b = _mm256_castps_pd(pair[2 * i + 1]);
		four[i] = extreme(
		    max, _mm256_castpd_ps(_mm256_unpacklo_pd(a, b)), _mm256_castpd_ps(_mm256_unpackhi_pd(a, b)));
	}
	return extreme(
	    max, _mm256_permute2f128_ps(four[0], four[1], 0x20), _mm256_permute2f128_ps(four[0], four[1], 0x31));
}

static inline __m256 extremes(bool max, const float *x, float start)
{
	__m256 v[BATCH];
	for (int b = 0; b < BATCH; b++)
		v[b] = block_extreme(max, x + b * LEN, _mm256_set1_ps(start));
	return across(max, v);
}

/* Bit i: x[i] is v, of either sign of zero. */
static inline uint32_t where(const float *x, float v)
{
	uint32_t bits = 0;
	for (int i = 0; i < LEN; i += 8)
		bits |=
		    (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(v), _CMP_EQ_OQ))
		    << i;
	return bits;
}

/* 1 / d, and 0 for 0 */
static inline __m256 inverse(__m256 d)
{
	__m256 not_zero = _mm256_cmp_ps(d, _mm256_setzero_ps(), _CMP_NEQ_UQ);
	return _mm256_and_ps(not_zero, _mm256_div_ps(_mm256_set1_ps(1), d));
}

/* Of each block the value of largest magnitude, of several the first; 0 when there is none. */
static inline void largest(float out[BATCH], const float *x)
{
	__m256 max = extremes(true, x, 0), min = extremes(false, x, 0);
	__m256 minus = _mm256_xor_ps(min, _mm256_set1_ps(-0.0f)), zero = _mm256_setzero_ps();
	__m256 v = _mm256_blendv_ps(min, max, _mm256_cmp_ps(max, minus, _CMP_GT_OQ));
	__m256 tie = _mm256_and_ps(_mm256_cmp_ps(max, minus, _CMP_EQ_OQ), _mm256_cmp_ps(max, zero, _CMP_NEQ_OQ));
	_mm256_storeu_ps(out, _mm256_add_ps(v, zero)); /* -0 to 0 */
	for (uint32_t ties = (uint32_t)_mm256_movemask_ps(tie); ties; ties &= ties - 1) {
		int b = __builtin_ctz(ties);
		if (__builtin_ctz(where(x + b * LEN, -out[b])) < __builtin_ctz(where(x + b * LEN, out[b])))
			out[b] = -out[b];
	}
}

/* The 32 codes of a block, in order: (x - low) * scale + shift, cut to whole numbers from 0 to top; what is not finite
 * becomes 0, by way of INT32_MIN. */
static inline __m256i codes(const float *x, bool shifted, float low, float scale, float shift, int top)
{
	__m256i q[4];
	for (int i = 0; i < 4; i++) {
		__m256 v = _mm256_loadu_ps(x + 8 * i);
		v = shifted ? _mm256_sub_ps(v, _mm256_set1_ps(low)) : v;
		q[i] = _mm256_cvttps_epi32(
		    _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(scale)), _mm256_set1_ps(shift)));
	}
	return _mm256_min_epu8(bytes_of(q), _mm256_set1_epi8((char)top));
}

/* Eight blocks of q4_0 (top 8) or q5_0 (top 16), `bytes` apart. */
static inline void encode_symmetric(uint8_t *out, const float *x, int top, size_t bytes)
{
	float max[BATCH], id[BATCH];
	uint16_t d16[BATCH];
	largest(max, x);
	__m256 d = _mm256_mul_ps(_mm256_loadu_ps(max), _mm256_set1_ps(-1 / (float)top)); /* a power of two */
	put_halves(d16, d);
	_mm256_storeu_ps(id, inverse(d));
	for (int b = 0; b < BATCH; b++, out += bytes, x += LEN) {
		__m256i q = codes(x, false, 0, id[b], (float)top + 0.5f, 2 * top - 1);
		memcpy(out, &d16[b], sizeof d16[b]);
		if (top == 16) {
			put_fifth_bits(out + offsetof(struct fox_q5_0, high), q);
			put_nibbles(out + offsetof(struct fox_q5_0, q), q, true);
		} else
			put_nibbles(out + offsetof(struct fox_q4_0, q), q, false);
	}
}

/* Eight blocks of q4_1 (top 15) or q5_1 (top 31). */
static inline void encode_affine(uint8_t *out, const float *x, int top, size_t bytes)
{
	float low[BATCH], id[BATCH];
	uint16_t d16[BATCH], m16[BATCH];
	__m256 max = extremes(true, x, -FLT_MAX), min = extremes(false, x, FLT_MAX), zero = _mm256_setzero_ps();
	_mm256_storeu_ps(low, min);
	/* a smallest value of 0 has the sign of the first such value */
	uint32_t zeros = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(min, zero, _CMP_EQ_OQ));
	for (; zeros; zeros &= zeros - 1) {
		int b = __builtin_ctz(zeros);
		low[b] = x[b * LEN + __builtin_ctz(where(x + b * LEN, 0))];
	}
	/* adding 0 makes 0 of -0, which is what two zeros of different sign may give here */
	__m256 range = _mm256_add_ps(_mm256_sub_ps(max, min), zero);
	__m256 d = _mm256_div_ps(range, _mm256_set1_ps((float)top));
	put_halves(d16, d);
	put_halves(m16, _mm256_loadu_ps(low));
	_mm256_storeu_ps(id, inverse(d));
	for (int b = 0; b < BATCH; b++, out += bytes, x += LEN) {
		__m256i q = codes(x, true, low[b], id[b], 0.5f, top);
		memcpy(out, &d16[b], sizeof d16[b]);
		memcpy(out + offsetof(struct fox_q4_1, m), &m16[b], sizeof m16[b]);
		if (top == 31) {
			put_fifth_bits(out + offsetof(struct fox_q5_1, high), q);
			put_nibbles(out + offsetof(struct fox_q5_1, q), q, true);
		} else
			put_nibbles(out + offsetof(struct fox_q4_1, q), q, false);
	}
}

void fox_encode_q4_0_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (; n >= BATCH * LEN; n -= BATCH * LEN, src += BATCH * LEN, out += BATCH * sizeof(struct fox_q4_0))
		encode_symmetric(out, src, 8, sizeof(struct fox_q4_0));
	fox_encode_q4_0_scalar(out, src, n);
}

void fox_encode_q5_0_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (; n >= BATCH * LEN; n -= BATCH * LEN, src += BATCH * LEN, out += BATCH * sizeof(struct fox_q5_0))
		encode_symmetric(out, src, 16, sizeof(struct fox_q5_0));
	fox_encode_q5_0_scalar(out, src, n);
}

void fox_encode_q4_1_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (; n >= BATCH * LEN; n -= BATCH * LEN, src += BATCH * LEN, out += BATCH * sizeof(struct fox_q4_1))
		encode_affine(out, src, 15, sizeof(struct fox_q4_1));
	fox_encode_q4_1_scalar(out, src, n);
}

void fox_encode_q5_1_avx2(void *dst, const float *src, size_t n)
{
	uint8_t *out = dst;
	for (; n >= BATCH * LEN; n -= BATCH * LEN, src += BATCH * LEN, out += BATCH * sizeof(struct fox_q5_1))
		encode_affine(out, src, 31, sizeof(struct fox_q5_1));
	fox_encode_q5_1_scalar(out, src, n);
}

static inline float half_at(const uint8_t *p)
{
	uint16_t h;
	memcpy(&h, p, sizeof h);
	return _cvtsh_ss(h);
}

/* Codes of 4 bits, in order. */
static inline __m256i get_nibbles(const uint8_t *in)
{
	__m128i both = _mm_loadu_si128((const __m128i *)(const void *)in);
	__m256i q = _mm256_set_m128i(_mm_srli_epi16(both, 4), both);
	return _mm256_and_si256(q, _mm256_set1_epi8(15));
}

/* 16 in each byte whose bit of the 32 is set */
static inline __m256i get_fifth_bits(const uint8_t *in)
{
	const __m256i spread = _mm256_setr_epi8(
	    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)fox_load32(in)), spread);
	__m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
	return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

/* d * (q - below) + m, the second sum only where the type has it */
static inline void put_weights(float *dst, __m256i q, int below, float d, bool has_m, float m)
{
	__m128i half[2];
	q = _mm256_sub_epi8(q, _mm256_set1_epi8((char)below));
	half[0] = _mm256_castsi256_si128(q), half[1] = _mm256_extracti128_si256(q, 1);
	for (int i = 0; i < 4; i++) {
		__m128i eight = i % 2 ? _mm_srli_si128(half[i / 2], 8) : half[i / 2];
		__m256 v = _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight)));
		_mm256_storeu_ps(dst + 8 * i, has_m ? _mm256_add_ps(v, _mm256_set1_ps(m)) : v);
	}
}

void fox_decode_q4_0_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= LEN, dst += LEN, in += sizeof(struct fox_q4_0))
		put_weights(dst, get_nibbles(in + offsetof(struct fox_q4_0, q)), 8, half_at(in), false, 0);
}

void fox_decode_q4_1_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= LEN, dst += LEN, in += sizeof(struct fox_q4_1))
		put_weights(dst, get_nibbles(in + offsetof(struct fox_q4_1, q)), 0, half_at(in), true,
		    half_at(in + offsetof(struct fox_q4_1, m)));
}

void fox_decode_q5_0_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= LEN, dst += LEN, in += sizeof(struct fox_q5_0)) {
		__m256i q = _mm256_or_si256(get_nibbles(in + offsetof(struct fox_q5_0, q)),
		    get_fifth_bits(in + offsetof(struct fox_q5_0, high)));
		put_weights(dst, q, 16, half_at(in), false, 0);
	}
}

void fox_decode_q5_1_avx2(float *dst, const void *src, size_t n)
{
	assert(n % LEN == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= LEN, dst += LEN, in += sizeof(struct fox_q5_1)) {
		__m256i q = _mm256_or_si256(get_nibbles(in + offsetof(struct fox_q5_1, q)),
		    get_fifth_bits(in + offsetof(struct fox_q5_1, high)));
		put_weights(dst, q, 0, half_at(in), true, half_at(in + offsetof(struct fox_q5_1, m)));
	}
}
