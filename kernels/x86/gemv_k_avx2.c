/* gemv_k_avx2.c - fast gemv of super-blocks of 256 weights: q2_k to q6_k and iq4_xs.
 *
 * Per 32 weights: codes to bytes, vpmaddubsw with the activations, vpmaddwd to eight exact sums, which are scaled and
 * added up in f32; the eight scales of a super-block, times its own and times d_x, are made in one vector. Minima meet the sums of the
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

/* Activations of one super-block. */
struct x256 {
	const int8_t *q;
	const float *d;
	const int16_t *sum;
};

/* Scales of the eight groups, under those of x: v[0] has groups 0..3, v[1] 4..7. Lane i of the low half meets the first 16
 * weights of a group, that of the high half the others. */
struct scales {
	__m256 v[2];
};

INLINE __m256 f16_everywhere(const void *p)
{
	return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(fox_load16(p))));
}

/* One scale for each group. */
INLINE struct scales scales_32(__m256i codes, __m256 d, struct x256 x)
{
	__m256 s = _mm256_mul_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(codes), d), _mm256_loadu_ps(x.d));
	return (struct scales){{_mm256_permute2f128_ps(s, s, 0x00), _mm256_permute2f128_ps(s, s, 0x11)}};
}

/* Two: those of the first halves, and those of the others. */
INLINE struct scales scales_16(__m256i first, __m256i other, __m256 d, struct x256 x)
{
	d = _mm256_mul_ps(d, _mm256_loadu_ps(x.d));
	__m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(first), d), b = _mm256_mul_ps(_mm256_cvtepi32_ps(other), d);
	return (struct scales){{_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31)}};
}

/* What a row has come to: chains of additions that do not wait for each other. */
struct sums {
	__m256 of[4];
};

/* Adds group g, whose products come by pairs. g is known when this is inlined. */
INLINE void add_group(struct sums *s, __m256i pairs, const struct scales *scales, const int g)
{
	__m256 eight = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
	__m256 four = scales->v[g / 4];
	__m256 d = g % 4 == 0   ? _mm256_permute_ps(four, 0x00)
	           : g % 4 == 1 ? _mm256_permute_ps(four, 0x55)
	           : g % 4 == 2 ? _mm256_permute_ps(four, 0xaa)
	                        : _mm256_permute_ps(four, 0xff);
	s->of[g % 4] = _mm256_fmadd_ps(d, eight, s->of[g % 4]);
}

/* Takes off sixteen minima (words) times the sums of the activations. */
INLINE void take_minima(struct sums *s, __m256i words, __m256 dmin, struct x256 x)
{
	__m256i eight = _mm256_madd_epi16(words, load_32(x.sum));
	__m256 m = _mm256_mul_ps(_mm256_cvtepi32_ps(eight), _mm256_loadu_ps(x.d));
	s->of[0] = _mm256_fnmadd_ps(dmin, m, s->of[0]);
}

/* Adds what super-block p comes to. */
typedef void add_fn(struct sums *s, const uint8_t *p, struct x256 x);

INLINE void add_q2_k(struct sums *s, const uint8_t *p, struct x256 x)
{
	__m128i packed = load_16(p + offsetof(struct fox_q2_k, scales)), four = _mm_set1_epi8(15);
	__m128i bytes = _mm_and_si128(evens_first(packed), four);
	struct scales scales = scales_16(_mm256_cvtepu8_epi32(bytes),
	    _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)), f16_everywhere(p + offsetof(struct fox_q2_k, d)), x);
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q2_k, q) + g / 4 * 32), g % 4 * 2, 2, 0);
		add_group(s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), &scales, g);
	}
	__m256i mins = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(packed, 4), four));
	take_minima(s, mins, f16_everywhere(p + offsetof(struct fox_q2_k, dmin)), x);
}

INLINE void add_q3_k(struct sums *s, const uint8_t *p, struct x256 x)
{
	/* scale i: bits 3..0 in nibble i / 8 of byte i % 8, bits 5 and 4 in pair i / 4 of byte 8 + i % 4 */
	const uint8_t *at = p + offsetof(struct fox_q3_k, scales);
	__m128i low = _mm_loadl_epi64((const __m128i *)(const void *)at);
	low = _mm_and_si128(_mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4)), _mm_set1_epi8(15));
	__m128i high = _mm_srlv_epi32(_mm_set1_epi32((int)fox_load32(at + 8)), _mm_setr_epi32(0, 2, 4, 6));
	high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
	__m128i bytes = evens_first(_mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32)));
	struct scales scales = scales_16(_mm256_cvtepi8_epi32(bytes),
	    _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)), f16_everywhere(p + offsetof(struct fox_q3_k, d)), x);
	__m256i third = load_32(p + offsetof(struct fox_q3_k, high));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q3_k, q) + g / 4 * 32), g % 4 * 2, 2, 0);
		q = _mm256_or_si256(q, field(third, g, 1, 2));
		add_group(s, offset_pairs(q, load_32(x.q + 32 * g), 4), &scales, g);
	}
}

/* The head of q4_k and q5_k: d, dmin, eight scales and eight minima of 6 bits; 16 bytes, of which three words of four each:
 * a has the lower four scales and two bits of the upper ones, b the same of the minima, c four bits of both. */
struct head {
	__m256i mins; /* words, each for two sums */
	struct scales scales;
	__m256 dmin;
};

INLINE struct head head_8x6(const uint8_t *p, struct x256 x)
{
	__m128i head = load_16(p), d = _mm_castps_si128(_mm_cvtph_ps(head));
	__m128i part =
	    _mm_shuffle_epi8(head, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
	__m128i top =
	    _mm_shuffle_epi8(head, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11));
	part = _mm_and_si128(_mm_srlv_epi32(part, _mm_setr_epi32(0, 0, 0, 4)),
	    _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
	top = _mm_and_si128(_mm_srli_epi16(top, 2), _mm_set1_epi8(0x30));
	__m128i codes = _mm_or_si128(part, top); /* scales, then minima */
	__m256 d_all = _mm256_broadcastss_ps(_mm_castsi128_ps(d));
	return (struct head){
	    .mins = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(codes, codes)),
	    .scales = scales_32(_mm256_cvtepu8_epi32(codes), d_all, x),
	    .dmin = _mm256_broadcastss_ps(_mm_castsi128_ps(_mm_shuffle_epi32(d, 0x55))),
	};
}

INLINE void add_q4_k(struct sums *s, const uint8_t *p, struct x256 x)
{
	struct head head = head_8x6(p, x);
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q4_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
		add_group(s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), &head.scales, g);
	}
	take_minima(s, head.mins, head.dmin, x);
}

INLINE void add_q5_k(struct sums *s, const uint8_t *p, struct x256 x)
{
	struct head head = head_8x6(p, x);
	__m256i fifth = load_32(p + offsetof(struct fox_q5_k, high));
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = field(load_32(p + offsetof(struct fox_q5_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
		q = _mm256_or_si256(q, field(fifth, g, 1, 4));
		add_group(s, _mm256_maddubs_epi16(q, load_32(x.q + 32 * g)), &head.scales, g);
	}
	take_minima(s, head.mins, head.dmin, x);
}

INLINE void add_q6_k(struct sums *s, const uint8_t *p, struct x256 x)
{
	__m128i bytes = evens_first(load_16(p + offsetof(struct fox_q6_k, scales)));
	struct scales scales = scales_16(_mm256_cvtepi8_epi32(bytes),
	    _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)), f16_everywhere(p + offsetof(struct fox_q6_k, d)), x);
	for (int g = 0; g < GROUPS; g++) {
		__m256i q = load_32(p + offsetof(struct fox_q6_k, q) + g / 4 * 64 + g % 2 * 32);
		__m256i high = load_32(p + offsetof(struct fox_q6_k, high) + g / 4 * 32);
		q = _mm256_or_si256(field(q, g % 4 / 2 * 4, 4, 0), field(high, g % 4 * 2, 2, 4));
		add_group(s, offset_pairs(q, load_32(x.q + 32 * g), 32), &scales, g);
	}
}

INLINE void add_iq4_xs(struct sums *s, const uint8_t *p, struct x256 x)
{
	/* scale g: nibble g of scale_low, bits 2 g and 2 g + 1 of scale_high */
	__m256i low =
	    _mm256_srlv_epi32(_mm256_set1_epi32((int)fox_load32(p + offsetof(struct fox_iq4_xs, scale_low))),
	        _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
	__m256i high =
	    _mm256_srlv_epi32(_mm256_set1_epi32(fox_load16(p + offsetof(struct fox_iq4_xs, scale_high)) << 4),
	        _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
	__m256i codes = _mm256_or_si256(
	    _mm256_and_si256(low, _mm256_set1_epi32(15)), _mm256_and_si256(high, _mm256_set1_epi32(0x30)));
	struct scales scales = scales_32(_mm256_sub_epi32(codes, _mm256_set1_epi32(32)), f16_everywhere(p), x);
	__m256i values = _mm256_broadcastsi128_si256(load_16(fox_iq4_value));
	for (int g = 0; g < GROUPS; g++) {
		__m128i both = load_16(p + offsetof(struct fox_iq4_xs, q) + 16 * g);
		__m256i q = _mm256_inserti128_si256(_mm256_castsi128_si256(both), _mm_srli_epi16(both, 4), 1);
		q = _mm256_shuffle_epi8(values, _mm256_and_si256(q, _mm256_set1_epi8(15)));
		__m256i signed_x = _mm256_sign_epi8(load_32(x.q + 32 * g), q);
		add_group(s, _mm256_maddubs_epi16(_mm256_abs_epi8(q), signed_x), &scales, g);
	}
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
		struct sums s;
		const uint8_t *p = w;
		s.of[0] = s.of[1] = s.of[2] = s.of[3] = _mm256_setzero_ps();
		for (size_t i = 0; i < n; i += LEN, p += size) {
			for (size_t line = 0; line < size; line += 64)
				_mm_prefetch((const char *)p + AHEAD + line, _MM_HINT_T0);
			add(&s, p, (struct x256){(const int8_t *)x->q + i, x->d + i / FOX_ACTS_GROUP, x->sum + i / 16});
		}
		y[r] = add_up(_mm256_add_ps(_mm256_add_ps(s.of[0], s.of[1]), _mm256_add_ps(s.of[2], s.of[3])));
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
