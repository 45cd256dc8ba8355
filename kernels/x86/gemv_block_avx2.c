/* gemv_block_avx2.c - fast gemv of types whose blocks are 32 weights (nvfp4: 64) under one scale.
 *
 * Per block: codes to 32 bytes, one vpmaddubsw and one vpmaddwd make eight exact sums, which are scaled by d_weight * d_x
 * and added up in f32. Four blocks' scales are made together. Rows go one after the other, so that memory is read straight
 * on, and it is memory that bounds the speed; four accumulators a row keep additions out of the way.  spec/kernels.md 4.1 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* How far ahead weights are fetched, in bytes: past the end of a row lies the next; past the last it is harmless. */
#ifndef AHEAD
#define AHEAD 2048
#endif

INLINE __m256i load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

/* 16 bytes of nibbles: low ones first. */
INLINE __m256i nibbles(const uint8_t *p)
{
	__m128i both = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m256i wide = _mm256_inserti128_si256(_mm256_castsi128_si256(both), _mm_srli_epi16(both, 4), 1);
	return _mm256_and_si256(wide, _mm256_set1_epi8(15));
}

/* 16 in the bytes whose bit of 32 is set. */
INLINE __m256i fifth_bits(const uint8_t *p)
{
	uint32_t bits;
	memcpy(&bits, p, sizeof bits);
	const __m256i byte = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), byte);
	__m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
	return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

/* Codes 0..63 less `zero`, times x, added by pairs: exact in 16 bits. */
INLINE __m256i offset_pairs(__m256i q, __m256i x, char zero)
{
	return _mm256_sub_epi16(_mm256_maddubs_epi16(q, x), _mm256_maddubs_epi16(_mm256_set1_epi8(zero), x));
}

/* Codes -128..127 times x: |q| as unsigned, its sign goes to x. 2 * 128 * 127 fits 16 bits. */
INLINE __m256i signed_pairs(__m256i q, __m256i x)
{
	return _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q));
}

INLINE __m256i look_up(const int8_t *table, __m256i codes)
{
	__m128i values = _mm_loadu_si128((const __m128i *)(const void *)table);
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), codes);
}

/* ---- each type: sums of 16 pairs of products of the block at p */

typedef __m256i pairs_fn(const uint8_t *p, __m256i x);

INLINE __m256i pairs_q8_0(const uint8_t *p, __m256i x)
{
	return signed_pairs(load_32(p + offsetof(struct fox_q8_0, q)), x);
}

INLINE __m256i pairs_q4_0(const uint8_t *p, __m256i x)
{
	return offset_pairs(nibbles(p + offsetof(struct fox_q4_0, q)), x, 8);
}

INLINE __m256i pairs_q4_1(const uint8_t *p, __m256i x)
{
	return _mm256_maddubs_epi16(nibbles(p + offsetof(struct fox_q4_1, q)), x);
}

INLINE __m256i pairs_q5_0(const uint8_t *p, __m256i x)
{
	__m256i high = fifth_bits(p + offsetof(struct fox_q5_0, high));
	return offset_pairs(_mm256_or_si256(nibbles(p + offsetof(struct fox_q5_0, q)), high), x, 16);
}

INLINE __m256i pairs_q5_1(const uint8_t *p, __m256i x)
{
	__m256i high = fifth_bits(p + offsetof(struct fox_q5_1, high));
	return _mm256_maddubs_epi16(_mm256_or_si256(nibbles(p + offsetof(struct fox_q5_1, q)), high), x);
}

INLINE __m256i pairs_iq4_nl(const uint8_t *p, __m256i x)
{
	return signed_pairs(look_up(fox_iq4_value, nibbles(p + offsetof(struct fox_iq4_nl, q))), x);
}

static const int8_t fp4_value[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

INLINE __m256i pairs_mxfp4(const uint8_t *p, __m256i x)
{
	return signed_pairs(look_up(fp4_value, nibbles(p + offsetof(struct fox_mxfp4, q))), x);
}

/* ---- scales of n <= 4 blocks, `size` bytes apart */

typedef __m128 scales_fn(const uint8_t *p, size_t size, size_t n);

INLINE __m128 scales_f16(const uint8_t *p, size_t size, size_t n)
{
	__m128i d = _mm_cvtsi32_si128(fox_load16(p));
	d = n > 1 ? _mm_insert_epi16(d, fox_load16(p + size), 1) : d;
	d = n > 2 ? _mm_insert_epi16(d, fox_load16(p + 2 * size), 2) : d;
	d = n > 3 ? _mm_insert_epi16(d, fox_load16(p + 3 * size), 3) : d;
	return _mm_cvtph_ps(d);
}

INLINE __m128 scales_e8m0(const uint8_t *p, size_t size, size_t n)
{
	float d[4] = {0};
	for (size_t b = 0; b < n; b++)
		d[b] = fox_e8m0_half(p[b * size]);
	return _mm_loadu_ps(d);
}

struct kind {
	pairs_fn *pairs;
	scales_fn *scales;
	size_t size;
	bool has_min; /* an f16 after the scale */
};

INLINE float add_up(__m256 v)
{
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

/* What a row has come to; block b goes to sum[b % 4]. */
struct sums {
	__m256 sum[4];
	__m128 min; /* lane b % 4 */
};

/* n <= 4 blocks, known when this is inlined, from group g of x. */
INLINE void add_blocks(
    struct sums *s, const uint8_t *p, const struct fox_acts *x, size_t g, const size_t n, const struct kind k)
{
	float dx[4] = {0};
	memcpy(dx, x->d + g, n * sizeof *dx);
	__m128 of_x = _mm_loadu_ps(dx), d = _mm_mul_ps(k.scales(p, k.size, n), of_x);
	const int8_t *q = (const int8_t *)x->q + g * FOX_ACTS_GROUP;
	float ds[4];
	_mm_storeu_ps(ds, d);
	for (size_t b = 0; b < n; b++) {
		__m256i pairs = k.pairs(p + b * k.size, load_32(q + b * FOX_ACTS_GROUP));
		__m256 eight = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
		s->sum[b] = _mm256_fmadd_ps(_mm256_set1_ps(ds[b]), eight, s->sum[b]);
	}
	if (k.has_min) {
		__m128i words = _mm_setzero_si128();
		for (size_t b = 0; b < n; b++) {
			int32_t two;
			memcpy(&two, x->sum + 2 * (g + b), sizeof two);
			words = b == 0   ? _mm_insert_epi32(words, two, 0)
			        : b == 1 ? _mm_insert_epi32(words, two, 1)
			        : b == 2 ? _mm_insert_epi32(words, two, 2)
			                 : _mm_insert_epi32(words, two, 3);
		}
		__m128 of_sum = _mm_cvtepi32_ps(_mm_madd_epi16(words, _mm_set1_epi16(1)));
		__m128 m = _mm_mul_ps(scales_f16(p + 2, k.size, n), of_x);
		s->min = _mm_fmadd_ps(m, of_sum, s->min);
	}
}

INLINE void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    const struct kind k)
{
	assert(n % FOX_ACTS_GROUP == 0 && x->kind == FOX_ACTS_Q8);
	size_t groups = n / FOX_ACTS_GROUP;
	for (size_t r = 0; r < rows; r++, w += w_step) {
		struct sums s;
		const uint8_t *p = w;
		s.min = _mm_setzero_ps();
		s.sum[0] = s.sum[1] = s.sum[2] = s.sum[3] = _mm256_setzero_ps();
		size_t g = 0;
		for (; g + 4 <= groups; g += 4, p += 4 * k.size) {
			_mm_prefetch((const char *)p + AHEAD, _MM_HINT_T0);
			if (k.size > 16)
				_mm_prefetch((const char *)p + AHEAD + 64, _MM_HINT_T0);
			if (k.size > 32)
				_mm_prefetch((const char *)p + AHEAD + 128, _MM_HINT_T0);
			add_blocks(&s, p, x, g, 4, k);
		}
		for (size_t b = 0; b < 3 && g + b < groups; b++) {
			struct sums one = {.sum = {s.sum[b]}, .min = s.min};
			add_blocks(&one, p + b * k.size, x, g + b, 1, k);
			s.sum[b] = one.sum[0], s.min = one.min;
		}
		__m256 all = _mm256_add_ps(_mm256_add_ps(s.sum[0], s.sum[1]), _mm256_add_ps(s.sum[2], s.sum[3]));
		y[r] = add_up(k.has_min ? _mm256_add_ps(all, _mm256_zextps128_ps256(s.min)) : all);
	}
}

#define GEMV(T, SCALES, MIN)                                                                                 \
	void fox_gemv_##T##_avx2(                                                                                \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		const struct kind k = {pairs_##T, SCALES, sizeof(struct fox_##T), MIN};                              \
		gemv(y, w, w_step, rows, x, n, k);                                                                   \
	}

GEMV(q8_0, scales_f16, false)
GEMV(q4_0, scales_f16, false)
GEMV(q4_1, scales_f16, true)
GEMV(q5_0, scales_f16, false)
GEMV(q5_1, scales_f16, true)
GEMV(iq4_nl, scales_f16, false)
GEMV(mxfp4, scales_e8m0, false)

/* nvfp4: 16 codes under one scale; 8 bytes hold them as nibbles. The halves of a vector have scales of their own. */
void fox_gemv_nvfp4_avx2(
    float *y, const void *weights, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)
{
	assert(n % 64 == 0 && x->kind == FOX_ACTS_Q8);
	const uint8_t *w = weights;
	for (size_t r = 0; r < rows; r++, w += w_step) {
		const uint8_t *p = w;
		__m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
		for (size_t g = 0; g < n / FOX_ACTS_GROUP; g += 2, p += sizeof(struct fox_nvfp4)) {
			_mm_prefetch((const char *)p + AHEAD, _MM_HINT_T0);
			for (size_t h = 0; h < 2; h++) {
				__m256i q = nibbles(p + offsetof(struct fox_nvfp4, q) + 16 * h);
				q = look_up(fp4_value, _mm256_permute4x64_epi64(q, 0xd8));
				__m256i pairs = signed_pairs(q, load_32((const int8_t *)x->q + (g + h) * FOX_ACTS_GROUP));
				__m256 eight = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
				float dx = x->d[g + h];
				__m128 a = _mm_set1_ps(fox_e4m3_half(p[2 * h]) * dx);
				__m128 b = _mm_set1_ps(fox_e4m3_half(p[2 * h + 1]) * dx);
				sum[h] = _mm256_fmadd_ps(_mm256_set_m128(b, a), eight, sum[h]);
			}
		}
		y[r] = add_up(_mm256_add_ps(sum[0], sum[1]));
	}
}
