/* gemv_k_avx2.c - fast gemv of super-blocks of 256 weights: q2_k to q6_k and iq4_xs.
 *
 * Per 32 weights: codes to bytes, vpmaddubsw with the activations, vpmaddwd with the sub-blocks' integer scales (exact, below
 * 2^24), then one multiplication by d_x; the super-block's own scale comes once per 256. Minima meet the sums of the
 * activations: one vpmaddwd per 256.  Rows go one after the other, as in gemv_block_avx2.c.  spec/kernels.md 4.1 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { LEN = 256, GROUPS = 8 };

/* How far ahead weights are fetched, in bytes: past the end of a row lies the next; past the last it is harmless. */
#ifndef AHEAD
#define AHEAD 2048
#endif

INLINE __m256i load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

INLINE __m128i load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* n bits of each byte from bit `at` on, moved to bit `to`. */
INLINE __m256i field(__m256i bytes, int at, int n, int to)
{
	__m256i moved = at > to ? _mm256_srli_epi16(bytes, at - to) : _mm256_slli_epi16(bytes, to - at);
	return _mm256_and_si256(moved, _mm256_set1_epi8((char)(((1 << n) - 1) << to)));
}

/* Word g of each half of `scales`, sixteen times. */
INLINE __m256i scale_of(__m256i scales, int g)
{
	return _mm256_shuffle_epi8(scales, _mm256_set1_epi16((short)((2 * g + 1) << 8 | 2 * g)));
}

/* As scales of 32 weights each: the same eight words in both halves. */
INLINE __m256i both_halves(__m128i words)
{
	return _mm256_broadcastsi128_si256(words);
}

/* Sixteen scales of 16 weights each: those with even numbers in the low half, the others in the high one. */
INLINE __m128i evens_first(__m128i bytes)
{
	return _mm_shuffle_epi8(bytes, _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
}

/* Codes 0..63 less `zero` times x, by pairs. */
INLINE __m256i offset_pairs(__m256i q, __m256i x, char zero)
{
	return _mm256_sub_epi16(_mm256_maddubs_epi16(q, x), _mm256_maddubs_epi16(_mm256_set1_epi8(zero), x));
}

/* One super-block's sums of scale * q * x, under the scales of x. Even groups and odd ones each have an accumulator. */
struct sums {
	__m256 of[2];
};

INLINE void add_group(struct sums *s, __m256i pairs, __m256i scale, const float *dx, int g)
{
	__m256 eight = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, scale));
	s->of[g % 2] = _mm256_fmadd_ps(_mm256_broadcast_ss(dx + g), eight, s->of[g % 2]);
}

/* Sixteen minima (words) times the sums of the activations, under the scales of x. */
INLINE __m256 minima(__m256i words, const int16_t *sum, const float *dx)
{
	__m256i eight = _mm256_madd_epi16(words, load_32(sum));
	return _mm256_mul_ps(_mm256_cvtepi32_ps(eight), _mm256_loadu_ps(dx));
}

INLINE __m256 f16_everywhere(const void *p)
{
	return _mm256_set1_ps(_cvtsh_ss(fox_load16(p)));
}

/* Activations of one super-block. */
struct x256 {
	const int8_t *q;
	const float *d;
	const int16_t *sum;
};

/* Adds what super-block p comes to. */
typedef __m256 add_fn(__m256 total, const uint8_t *p, struct x256 x);

INLINE __m256 scaled(__m256 total, __m256 d, struct sums s)
{
	return _mm256_fmadd_ps(d, _mm256_add_ps(s.of[0], s.of[1]), total);
}

INLINE __m256 add_q2_k(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	__m128i packed = load_16(p + offsetof(struct fox_q2_k, scales)), four = _mm_set1_epi8(15);
	__m256i scales = _mm256_cvtepu8_epi16(_mm_and_si128(evens_first(packed), four));
	__m256i mins = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(packed, 4), four));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = load_32(p + offsetof(struct fox_q2_k, q) + g / 4 * 32);
		q = field(q, g % 4 * 2, 2, 0);
		add_group(&s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), scale_of(scales, g), x.d, g);
	}
	total = scaled(total, f16_everywhere(p + offsetof(struct fox_q2_k, d)), s);
	return _mm256_fnmadd_ps(
	    f16_everywhere(p + offsetof(struct fox_q2_k, dmin)), minima(mins, x.sum, x.d), total);
}

INLINE __m256 add_q3_k(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	const uint8_t *at = p + offsetof(struct fox_q3_k, scales);
	/* scale i: bits 3..0 in nibble i / 8 of byte i % 8, bits 5 and 4 in pair i / 4 of byte 8 + i % 4 */
	__m128i low = _mm_loadl_epi64((const __m128i *)(const void *)at);
	low = _mm_and_si128(_mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4)), _mm_set1_epi8(15));
	uint32_t pairs = fox_load32(at + 8);
	__m128i high = _mm_set1_epi32((int)pairs);
	high = _mm_srlv_epi32(high, _mm_setr_epi32(0, 2, 4, 6));
	high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
	__m128i bytes = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
	__m256i scales = _mm256_cvtepi8_epi16(evens_first(bytes));
	__m256i third = load_32(p + offsetof(struct fox_q3_k, high));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = load_32(p + offsetof(struct fox_q3_k, q) + g / 4 * 32);
		q = _mm256_or_si256(field(q, g % 4 * 2, 2, 0), field(third, g, 1, 2));
		add_group(&s, offset_pairs(q, load_32(x.q + 32 * g), 4), scale_of(scales, g), x.d, g);
	}
	return scaled(total, f16_everywhere(p + offsetof(struct fox_q3_k, d)), s);
}

/* Eight scales and eight minima of 6 bits: scales in the low half as bytes, minima in the high one. */
INLINE __m128i scales_8x6(const uint8_t *p)
{
	uint32_t a = fox_load32(p), b = fox_load32(p + 4), c = fox_load32(p + 8);
	const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
	uint32_t scale_hi = (c & four) | (a >> 6 & two) << 4, min_hi = (c >> 4 & four) | (b >> 6 & two) << 4;
	return _mm_set_epi64x(
	    (long long)((uint64_t)min_hi << 32 | (b & six)), (long long)((uint64_t)scale_hi << 32 | (a & six)));
}

/* The minima's part of q4_k and q5_k, which begin alike. */
INLINE __m256 take_minima(__m256 total, const uint8_t *p, __m128i bytes, struct x256 x)
{
	__m256i mins = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(bytes, bytes)); /* each for two sums */
	__m256 dmin = f16_everywhere(p + offsetof(struct fox_q4_k, dmin));
	return _mm256_fnmadd_ps(dmin, minima(mins, x.sum, x.d), total);
}

INLINE __m256 add_q4_k(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	__m128i bytes = scales_8x6(p + offsetof(struct fox_q4_k, scales));
	__m256i scales = both_halves(_mm_cvtepu8_epi16(bytes));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q4_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
		add_group(&s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), scale_of(scales, g), x.d, g);
	}
	total = scaled(total, f16_everywhere(p + offsetof(struct fox_q4_k, d)), s);
	return take_minima(total, p, bytes, x);
}

INLINE __m256 add_q5_k(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	__m128i bytes = scales_8x6(p + offsetof(struct fox_q5_k, scales));
	__m256i scales = both_halves(_mm_cvtepu8_epi16(bytes));
	__m256i fifth = load_32(p + offsetof(struct fox_q5_k, high));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q5_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
		q = _mm256_or_si256(q, field(fifth, g, 1, 4));
		add_group(&s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), scale_of(scales, g), x.d, g);
	}
	total = scaled(total, f16_everywhere(p + offsetof(struct fox_q5_k, d)), s);
	return take_minima(total, p, bytes, x);
}

INLINE __m256 add_q6_k(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	__m256i scales = _mm256_cvtepi8_epi16(evens_first(load_16(p + offsetof(struct fox_q6_k, scales))));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = load_32(p + offsetof(struct fox_q6_k, q) + g / 4 * 64 + g % 2 * 32);
		__m256i high = load_32(p + offsetof(struct fox_q6_k, high) + g / 4 * 32);
		q = _mm256_or_si256(field(q, g % 4 / 2 * 4, 4, 0), field(high, g % 4 * 2, 2, 4));
		add_group(&s, offset_pairs(q, load_32(x.q + 32 * g), 32), scale_of(scales, g), x.d, g);
	}
	return scaled(total, f16_everywhere(p + offsetof(struct fox_q6_k, d)), s);
}

INLINE __m256 add_iq4_xs(__m256 total, const uint8_t *p, struct x256 x)
{
	struct sums s = {{_mm256_setzero_ps(), _mm256_setzero_ps()}};
	uint32_t low4 = fox_load32(p + offsetof(struct fox_iq4_xs, scale_low));
	__m128i low = _mm_srlv_epi32(_mm_set1_epi32((int)low4), _mm_setr_epi32(0, 4, 0, 0));
	low = _mm_and_si128(_mm_unpacklo_epi8(low, _mm_srli_si128(low, 4)), _mm_set1_epi8(15));
	__m128i high = _mm_set1_epi16((short)fox_load16(p + offsetof(struct fox_iq4_xs, scale_high)));
	/* bits 2 g and 2 g + 1 to the top, then down to bits 4 and 5 */
	high =
	    _mm_mullo_epi16(high, _mm_setr_epi16(1 << 14, 1 << 12, 1 << 10, 1 << 8, 1 << 6, 1 << 4, 1 << 2, 1));
	high = _mm_slli_epi16(_mm_srli_epi16(high, 14), 4);
	__m128i words = _mm_sub_epi16(_mm_or_si128(_mm_cvtepu8_epi16(low), high), _mm_set1_epi16(32));
	__m256i scales = both_halves(words), values = both_halves(load_16(fox_iq4_value));
	for (int g = 0; g < GROUPS; g++) {
		__m128i both = load_16(p + offsetof(struct fox_iq4_xs, q) + 16 * g);
		__m256i q = _mm256_inserti128_si256(_mm256_castsi128_si256(both), _mm_srli_epi16(both, 4), 1);
		q = _mm256_shuffle_epi8(values, _mm256_and_si256(q, _mm256_set1_epi8(15)));
		__m256i signed_x = _mm256_sign_epi8(load_32(x.q + 32 * g), q);
		add_group(&s, _mm256_maddubs_epi16(_mm256_abs_epi8(q), signed_x), scale_of(scales, g), x.d, g);
	}
	return scaled(total, f16_everywhere(p), s);
}

INLINE float add_up(__m256 v)
{
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

INLINE void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    size_t size, add_fn *add)
{
	assert(n % LEN == 0 && x->kind == FOX_ACTS_Q8);
	for (size_t r = 0; r < rows; r++, w += w_step) {
		__m256 total = _mm256_setzero_ps();
		const uint8_t *p = w;
		for (size_t i = 0; i < n; i += LEN, p += size) {
			for (size_t line = 0; line < size; line += 64)
				_mm_prefetch((const char *)p + AHEAD + line, _MM_HINT_T0);
			struct x256 at = {(const int8_t *)x->q + i, x->d + i / FOX_ACTS_GROUP, x->sum + i / 16};
			total = add(total, p, at);
		}
		y[r] = add_up(total);
	}
}

#define GEMV(T)                                                                                              \
	void fox_gemv_##T##_avx2(                                                                                \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		gemv(y, w, w_step, rows, x, n, sizeof(struct fox_##T), add_##T);                                     \
	}

GEMV(q2_k)
GEMV(q3_k)
GEMV(q4_k)
GEMV(q5_k)
GEMV(q6_k)
GEMV(iq4_xs)
