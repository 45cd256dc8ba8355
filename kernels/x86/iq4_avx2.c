/* iq4_avx2.c - iq4_nl and iq4_xs to f32 and back; bit for bit what the scalar codecs give.
 *
 * The sixteen inverse scales that are tried run side by side, in two vectors: each lane keeps its own sums in rising order.
 * What bounds it is finding the nearest of sixteen values, about twenty operations for eight quotients. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/iq4.h"

enum { GROUP = FOX_IQ4_GROUP, XS_LEN = FOX_IQ4_XS_LEN, XS_GROUPS = FOX_IQ4_XS_GROUPS };

/* Values and borders four apart, for vpermilps. A quarter k = 0 .. 3 of the table is looked up at -k mod 4. */
#define QUARTERS(t, i)                                                                                       \
	_mm256_setr_ps(t[i], t[i + 12], t[i + 8], t[i + 4], t[i], t[i + 12], t[i + 8], t[i + 4])

static inline __m256 reaches(__m256 v, __m256 border)
{
	return _mm256_cmp_ps(v, border, _CMP_NLT_UQ); /* true for NaN */
}

/* -k for v in quarter k */
static inline __m256i minus_quarter(__m256 v)
{
	__m256i a = _mm256_castps_si256(reaches(v, _mm256_set1_ps(fox_iq4_border[3])));
	__m256i b = _mm256_castps_si256(reaches(v, _mm256_set1_ps(fox_iq4_border[7])));
	__m256i c = _mm256_castps_si256(reaches(v, _mm256_set1_ps(fox_iq4_border[11])));
	return _mm256_add_epi32(_mm256_add_epi32(a, b), c);
}

/* Does v reach the borders within its quarter? */
struct within {
	__m256 low, middle, high;
};

static inline struct within reaches_within(__m256 v, __m256i minus_k)
{
	return (struct within){
	    reaches(v, _mm256_permutevar_ps(QUARTERS(fox_iq4_border, 0), minus_k)),
	    reaches(v, _mm256_permutevar_ps(QUARTERS(fox_iq4_border, 1), minus_k)),
	    reaches(v, _mm256_permutevar_ps(QUARTERS(fox_iq4_border, 2), minus_k)),
	};
}

static inline __m256 nearest_value(__m256 v)
{
	__m256i minus_k = minus_quarter(v);
	struct within r = reaches_within(v, minus_k);
	__m256 q = _mm256_permutevar_ps(QUARTERS(fox_iq4_value, 0), minus_k);
	q = _mm256_blendv_ps(q, _mm256_permutevar_ps(QUARTERS(fox_iq4_value, 1), minus_k), r.low);
	q = _mm256_blendv_ps(q, _mm256_permutevar_ps(QUARTERS(fox_iq4_value, 2), minus_k), r.middle);
	return _mm256_blendv_ps(q, _mm256_permutevar_ps(QUARTERS(fox_iq4_value, 3), minus_k), r.high);
}

static inline __m256i nearest_code(__m256 v)
{
	__m256i minus_k = minus_quarter(v);
	struct within r = reaches_within(v, minus_k);
	__m256i minus = _mm256_slli_epi32(minus_k, 2);
	minus = _mm256_add_epi32(minus, _mm256_castps_si256(r.low));
	minus = _mm256_add_epi32(minus, _mm256_castps_si256(r.middle));
	minus = _mm256_add_epi32(minus, _mm256_castps_si256(r.high));
	return _mm256_sub_epi32(_mm256_setzero_si256(), minus);
}

static inline __m256 magnitude(__m256 v)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

/* The value of largest magnitude, the first of several; NaN counts for nothing. */
static inline float largest(const float *x)
{
	__m256 max = _mm256_setzero_ps();
	for (int i = 0; i < GROUP; i += 8)
		max = _mm256_max_ps(magnitude(_mm256_loadu_ps(x + i)), max);
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(max), _mm256_extractf128_ps(max, 1));
	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	__m256 all = _mm256_set1_ps(_mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m))));
	uint32_t bits = 0;
	for (int i = 0; i < GROUP; i += 8)
		bits |=
		    (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(magnitude(_mm256_loadu_ps(x + i)), all, _CMP_EQ_OQ))
		    << i;
	return bits ? x[__builtin_ctz(bits)] : 0; /* none where all are NaN */
}

/* importance NULL: x * x */
static inline void weigh(float *w, const float *x, const float *importance, float mean_square)
{
	for (int i = 0; i < GROUP; i += 8) {
		__m256 v = _mm256_loadu_ps(x + i), square = _mm256_mul_ps(v, v);
		if (importance) {
			__m256 root = _mm256_sqrt_ps(_mm256_add_ps(_mm256_set1_ps(mean_square), square));
			square = _mm256_mul_ps(_mm256_loadu_ps(importance + i), root);
		}
		_mm256_storeu_ps(w + i, square);
	}
}

static float fit_scale(const float *x, const float *importance, float mean_square)
{
	float w[GROUP];
	float max = largest(x), inverse[FOX_IQ4_TRIES], sum_qx[FOX_IQ4_TRIES], sum_qq[FOX_IQ4_TRIES];
	if ((max < 0 ? -max : max) < FOX_IQ4_TINY)
		return 0;
	weigh(w, x, importance, mean_square);
	for (int try = 0; try < FOX_IQ4_TRIES; try++)
		inverse[try] = fox_iq4_inverse(max, try);
	__m256 id[2] = {_mm256_loadu_ps(inverse), _mm256_loadu_ps(inverse + 8)};
	__m256 qx[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()}, qq[2] = {qx[0], qx[0]};
	for (int i = 0; i < GROUP; i++) {
		__m256 xi = _mm256_broadcast_ss(x + i), wi = _mm256_broadcast_ss(w + i);
		for (int v = 0; v < 2; v++) {
			__m256 q = nearest_value(_mm256_mul_ps(id[v], xi)), wq = _mm256_mul_ps(wi, q);
			qx[v] = _mm256_add_ps(qx[v], _mm256_mul_ps(wq, xi));
			qq[v] = _mm256_add_ps(qq[v], _mm256_mul_ps(wq, q));
		}
	}
	for (int v = 0; v < 2; v++) {
		_mm256_storeu_ps(sum_qx + 8 * v, qx[v]);
		_mm256_storeu_ps(sum_qq + 8 * v, qq[v]);
	}
	float scale = 0, best = 0;
	for (int try = 0; try < FOX_IQ4_TRIES; try++)
		fox_iq4_choose(try, sum_qx[try], sum_qq[try], &scale, &best);
	return scale;
}

static inline void pack_group(uint8_t *out, const float *x, float inverse)
{
	__m256i q[4];
	for (int i = 0; i < 4; i++)
		q[i] = nearest_code(_mm256_mul_ps(_mm256_set1_ps(inverse), _mm256_loadu_ps(x + 8 * i)));
	/* codes i and i + 16 in one lane; the packs work within 128-bit halves */
	__m256i a = _mm256_or_si256(q[0], _mm256_slli_epi32(q[2], 4));
	__m256i b = _mm256_or_si256(q[1], _mm256_slli_epi32(q[3], 4)), mixed = _mm256_packs_epi32(a, b);
	__m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(mixed), _mm256_extracti128_si256(mixed, 1));
	_mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi32(bytes, 0xd8));
}

static const struct fox_iq4_ways ways = {fit_scale, pack_group};

void fox_encode_iq4_nl_avx2(void *dst, const float *src, size_t n)
{
	assert(n % GROUP == 0);
	fox_iq4_encode_nl(dst, src, NULL, n, ways);
}

void fox_encode_weighted_iq4_nl_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % GROUP == 0);
	fox_iq4_encode_nl(dst, src, importance, n, ways);
}

void fox_encode_iq4_xs_avx2(void *dst, const float *src, size_t n)
{
	assert(n % XS_LEN == 0);
	fox_iq4_encode_xs(dst, src, NULL, n, ways);
}

void fox_encode_weighted_iq4_xs_avx2(void *dst, const float *src, const float *importance, size_t n)
{
	assert(n % XS_LEN == 0);
	fox_iq4_encode_xs(dst, src, importance, n, ways);
}

static inline void decode_group(float *dst, const uint8_t *q, float d)
{
	const __m128i value = _mm_loadu_si128((const __m128i *)(const void *)fox_iq4_value);
	__m128i both = _mm_loadu_si128((const __m128i *)(const void *)q), four = _mm_set1_epi8(15);
	__m128i half[2] = {_mm_shuffle_epi8(value, _mm_and_si128(both, four)),
	    _mm_shuffle_epi8(value, _mm_and_si128(_mm_srli_epi16(both, 4), four))};
	for (int i = 0; i < 4; i++) {
		__m128i eight = i % 2 ? _mm_srli_si128(half[i / 2], 8) : half[i / 2];
		__m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight));
		_mm256_storeu_ps(dst + 8 * i, _mm256_mul_ps(_mm256_set1_ps(d), v));
	}
}

void fox_decode_iq4_nl_avx2(float *dst, const void *src, size_t n)
{
	assert(n % GROUP == 0);
	const uint8_t *in = src;
	for (; n > 0; n -= GROUP, dst += GROUP, in += sizeof(struct fox_iq4_nl))
		decode_group(dst, in + offsetof(struct fox_iq4_nl, q), _cvtsh_ss(fox_load16(in)));
}

void fox_decode_iq4_xs_avx2(float *dst, const void *src, size_t n)
{
	assert(n % XS_LEN == 0);
	const uint8_t *in = src;
	for (struct fox_iq4_xs b; n > 0; n -= XS_LEN, dst += XS_LEN, in += sizeof b) {
		memcpy(&b, in, sizeof b);
		float d = _cvtsh_ss(fox_load16(&b.d));
		unsigned high = fox_load16(&b.scale_high);
		for (int g = 0; g < XS_GROUPS; g++) {
			int code = (b.scale_low[g / 2] >> g % 2 * 4 & 15) | (int)(high >> 2 * g & 3) << 4;
			decode_group(dst + (ptrdiff_t)g * GROUP, b.q + g * GROUP / 2, d * (float)(code - 32));
		}
	}
}
