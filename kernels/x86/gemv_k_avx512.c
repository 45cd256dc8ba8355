/* gemv_k_avx512.c - fast gemv of super-blocks of 256 weights, q2_k to q6_k and iq4_xs, by vpdpbusd.
 *
 * A super-block is four vectors of 64 codes. Each makes sixteen exact sums of four products, which are multiplied with the
 * scales of their sub-blocks of 16 (times the super-block's and d_x, sixteen in one vector) and added up in f32. Codes are unsigned;
 * what that puts on top of them is taken off through the sums of x, which four rows share.  spec/kernels.md 4.1 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { LEN = 256, ROWS = 4, VECTORS = 4 };

INLINE __m128i load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m256i load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

INLINE __m512i load_64(const void *p)
{
	return _mm512_loadu_si512(p);
}

/* n bits of each byte from bit `at` on. */
INLINE __m512i field(__m512i bytes, int at, int n)
{
	__m512i moved = _mm512_srlv_epi16(bytes, _mm512_set1_epi16((short)at));
	return _mm512_and_si512(moved, _mm512_set1_epi8((char)((1 << n) - 1)));
}

/* 32 bytes, twice. */
INLINE __m512i twice(const void *p)
{
	return _mm512_broadcast_i64x4(load_32(p));
}

/* Which weights lie in vector v: 32 of group first[v] and 32 of group second[v]; or by sixteens (iq4_xs): the first, or the
 * second, 16 of groups 0..3 or 4..7. */
enum order { NEIGHBOURS, STRIDE_2, STRIDE_4, SIXTEENS };

INLINE int first_group(enum order o, int v)
{
	return o == NEIGHBOURS ? 2 * v : o == STRIDE_2 ? v / 2 * 4 + v % 2 : v;
}

INLINE int second_group(enum order o, int v)
{
	return first_group(o, v) + (o == NEIGHBOURS ? 1 : o == STRIDE_2 ? 2 : 4);
}

/* The activations that vector v meets. */
INLINE __m512i x_of(enum order o, const int8_t *q, int v)
{
	if (o == SIXTEENS) {
		__m512i a = load_64(q + v / 2 * 128), b = load_64(q + v / 2 * 128 + 64);
		return v % 2 ? _mm512_shuffle_i64x2(a, b, 0xdd) : _mm512_shuffle_i64x2(a, b, 0x88);
	}
	__m512i low = _mm512_castsi256_si512(load_32(q + 32 * first_group(o, v)));
	return _mm512_inserti64x4(low, load_32(q + 32 * second_group(o, v)), 1);
}

/* The sub-blocks of its sixteen lanes. */
INLINE __m512i sub_blocks(enum order o, int v)
{
	const __m512i quarter = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
	if (o == SIXTEENS) /* both halves of a group have one scale */
		return _mm512_add_epi32(_mm512_slli_epi32(quarter, 1), _mm512_set1_epi32(v / 2 * 8));
	int a = 2 * first_group(o, v), b = 2 * second_group(o, v) - 2;
	return _mm512_add_epi32(
	    quarter, _mm512_mask_blend_epi32(0xff00, _mm512_set1_epi32(a), _mm512_set1_epi32(b)));
}

/* A super-block's scales, by sub-blocks of 16, and its minima, as words. */
struct head {
	__m512 scale;
	__m256i mins;
	float dmin;
};

struct kind {
	struct head (*head)(const uint8_t *p);
	__m512i (*codes)(const uint8_t *p, int v);
	size_t size;
	enum order order;
	int zero; /* on top of the codes */
	bool has_min;
};

INLINE float f16(const void *p)
{
	return _cvtsh_ss(fox_load16(p));
}

/* Sixteen bytes with a sign, times d. */
INLINE __m512 scale_16(__m128i codes, float d)
{
	return _mm512_mul_ps(_mm512_set1_ps(d), _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes)));
}

INLINE struct head head_q2_k(const uint8_t *p)
{
	__m128i packed = load_16(p + offsetof(struct fox_q2_k, scales)), low = _mm_set1_epi8(15);
	return (struct head){
	    .scale = scale_16(_mm_and_si128(packed, low), f16(p + offsetof(struct fox_q2_k, d))),
	    .mins = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(packed, 4), low)),
	    .dmin = f16(p + offsetof(struct fox_q2_k, dmin)),
	};
}

INLINE struct head head_q3_k(const uint8_t *p)
{
	/* scale i: bits 3..0 in nibble i / 8 of byte i % 8, bits 5 and 4 in pair i / 4 of byte 8 + i % 4 */
	const uint8_t *at = p + offsetof(struct fox_q3_k, scales);
	__m128i low = _mm_loadl_epi64((const __m128i *)(const void *)at);
	low = _mm_and_si128(_mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4)), _mm_set1_epi8(15));
	__m128i high = _mm_srlv_epi32(_mm_set1_epi32((int)fox_load32(at + 8)), _mm_setr_epi32(0, 2, 4, 6));
	high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
	__m128i codes = _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32));
	return (struct head){.scale = scale_16(codes, f16(p + offsetof(struct fox_q3_k, d)))};
}

/* q4_k and q5_k begin alike: d, dmin, then three words of four bytes: lower scales with two bits of the upper ones, the same
 * of the minima, four bits of the upper ones of both. */
INLINE struct head head_8x6(const uint8_t *p)
{
	__m128i head = load_16(p);
	__m128i part =
	    _mm_shuffle_epi8(head, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
	__m128i top =
	    _mm_shuffle_epi8(head, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11));
	part = _mm_and_si128(_mm_srlv_epi32(part, _mm_setr_epi32(0, 0, 0, 4)),
	    _mm_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
	top = _mm_and_si128(_mm_srli_epi16(top, 2), _mm_set1_epi8(0x30));
	__m128i codes = _mm_or_si128(part, top); /* scales, then minima: each serves two sub-blocks of 16 */
	return (struct head){
	    .scale = scale_16(_mm_unpacklo_epi8(codes, codes), f16(p)),
	    .mins = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(codes, codes)),
	    .dmin = f16(p + 2),
	};
}

INLINE struct head head_q6_k(const uint8_t *p)
{
	return (struct head){.scale = scale_16(load_16(p + offsetof(struct fox_q6_k, scales)),
	                         f16(p + offsetof(struct fox_q6_k, d)))};
}

INLINE struct head head_iq4_xs(const uint8_t *p)
{
	/* scale g: nibble g of scale_low, bits 2 g and 2 g + 1 of scale_high; here each twice */
	__m512i low =
	    _mm512_srlv_epi32(_mm512_set1_epi32((int)fox_load32(p + offsetof(struct fox_iq4_xs, scale_low))),
	        _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28));
	__m512i high =
	    _mm512_srlv_epi32(_mm512_set1_epi32(fox_load16(p + offsetof(struct fox_iq4_xs, scale_high)) << 4),
	        _mm512_setr_epi32(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14));
	__m512i codes = _mm512_or_si512(
	    _mm512_and_si512(low, _mm512_set1_epi32(15)), _mm512_and_si512(high, _mm512_set1_epi32(0x30)));
	__m512 scale = _mm512_cvtepi32_ps(_mm512_sub_epi32(codes, _mm512_set1_epi32(32)));
	return (struct head){.scale = _mm512_mul_ps(_mm512_set1_ps(f16(p)), scale)};
}

INLINE __m512i codes_q2_k(const uint8_t *p, int v)
{
	return field(load_64(p + offsetof(struct fox_q2_k, q)), 2 * v, 2);
}

INLINE __m512i codes_q3_k(const uint8_t *p, int v)
{
	__m512i q = field(load_64(p + offsetof(struct fox_q3_k, q)), 2 * v, 2);
	__m512i bit =
	    _mm512_mask_blend_epi64(0xf0, _mm512_set1_epi8((char)(1 << v)), _mm512_set1_epi8((char)(16 << v)));
	__mmask64 set = _mm512_test_epi8_mask(twice(p + offsetof(struct fox_q3_k, high)), bit);
	return _mm512_mask_add_epi8(q, set, q, _mm512_set1_epi8(4));
}

INLINE __m512i codes_q4_k(const uint8_t *p, int v)
{
	return field(load_64(p + offsetof(struct fox_q4_k, q) + v / 2 * 64), v % 2 * 4, 4);
}

INLINE __m512i codes_q5_k(const uint8_t *p, int v)
{
	__m512i q = field(load_64(p + offsetof(struct fox_q5_k, q) + v / 2 * 64), v % 2 * 4, 4);
	int a = first_group(STRIDE_2, v), b = second_group(STRIDE_2, v);
	__m512i bit =
	    _mm512_mask_blend_epi64(0xf0, _mm512_set1_epi8((char)(1 << a)), _mm512_set1_epi8((char)(1 << b)));
	__mmask64 set = _mm512_test_epi8_mask(twice(p + offsetof(struct fox_q5_k, high)), bit);
	return _mm512_mask_add_epi8(q, set, q, _mm512_set1_epi8(16));
}

INLINE __m512i codes_q6_k(const uint8_t *p, int v)
{
	__m512i q = field(load_64(p + offsetof(struct fox_q6_k, q) + v / 2 * 64), v % 2 * 4, 4);
	/* bits 4 v % 8 and the two that follow, of the second half those after: to bits 4 and 5 */
	__m512i high = twice(p + offsetof(struct fox_q6_k, high) + v / 2 * 32);
	const __m512i to_4 = _mm512_mask_blend_epi64(0xf0, _mm512_set1_epi16(4), _mm512_set1_epi16(2));
	const __m512i from_4 = _mm512_mask_blend_epi64(0xf0, _mm512_setzero_si512(), _mm512_set1_epi16(2));
	high = v % 2 ? _mm512_srlv_epi16(high, from_4) : _mm512_sllv_epi16(high, to_4);
	return _mm512_or_si512(q, _mm512_and_si512(high, _mm512_set1_epi8(0x30)));
}

enum { IQ4_ZERO = 128 };

INLINE __m512i codes_iq4_xs(const uint8_t *p, int v)
{
	__m512i q = field(load_64(p + offsetof(struct fox_iq4_xs, q) + v / 2 * 64), v % 2 * 4, 4);
	__m128i values = _mm_xor_si128(load_16(fox_iq4_value), _mm_set1_epi8(-128));
	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), q);
}

/* What a row has come to: two chains of additions that do not wait for each other, and the minima. */
struct sums {
	__m512 of[2];
	__m256 minima;
};

/* R rows, known when this is inlined; what is fetched ahead are the rows that come next, as far as this has got. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const struct fox_acts *x, size_t n,
    const struct kind k, const size_t R)
{
	const __m512i pairs = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
	const __m512i none = _mm512_setzero_si512(), zero = _mm512_set1_epi8((char)k.zero);
	struct sums s[ROWS];
	for (size_t r = 0; r < R; r++)
		s[r] = (struct sums){{_mm512_setzero_ps(), _mm512_setzero_ps()}, _mm256_setzero_ps()};
	for (size_t i = 0; i < n; i += LEN, w += k.size) {
		const int8_t *q = (const int8_t *)x->q + i;
		__m256 dx = _mm256_loadu_ps(x->d + i / FOX_ACTS_GROUP);
		__m512 dx_16 = _mm512_permutexvar_ps(pairs, _mm512_castps256_ps512(dx));
		__m512 scale[ROWS];
		for (size_t r = 0; r < R; r++) {
			for (size_t line = 0; line < k.size; line += 64)
				_mm_prefetch((const char *)w + (r + R) * w_step + line, _MM_HINT_T0);
			struct head head = k.head(w + r * w_step);
			scale[r] = _mm512_mul_ps(head.scale, dx_16);
			if (k.has_min) {
				__m256i eight = _mm256_madd_epi16(head.mins, load_32(x->sum + i / 16));
				__m256 m = _mm256_mul_ps(_mm256_cvtepi32_ps(eight), dx);
				s[r].minima = _mm256_fmadd_ps(_mm256_set1_ps(head.dmin), m, s[r].minima);
			}
		}
		for (int v = 0; v < VECTORS; v++) {
			__m512i xv = x_of(k.order, q, v), at = sub_blocks(k.order, v);
			__m512i off = k.zero ? _mm512_sub_epi32(none, _mm512_dpbusd_epi32(none, zero, xv)) : none;
			for (size_t r = 0; r < R; r++) {
				__m512i sum = _mm512_dpbusd_epi32(off, k.codes(w + r * w_step, v), xv);
				s[r].of[v % 2] = _mm512_fmadd_ps(
				    _mm512_permutexvar_ps(at, scale[r]), _mm512_cvtepi32_ps(sum), s[r].of[v % 2]);
			}
		}
	}
	for (size_t r = 0; r < R; r++) {
		__m512 minima = _mm512_zextps256_ps512(s[r].minima);
		y[r] = _mm512_reduce_add_ps(_mm512_sub_ps(_mm512_add_ps(s[r].of[0], s[r].of[1]), minima));
	}
}

INLINE void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    const struct kind k)
{
	assert(n % LEN == 0 && x->kind == FOX_ACTS_Q8);
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		some_rows(y, w, w_step, x, n, k, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		some_rows(y, w, w_step, x, n, k, 1);
}

#define GEMV(T, HEAD, ORDER, ZERO, MIN)                                                                      \
	void fox_gemv_##T##_avx512(                                                                              \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		const struct kind k = {HEAD, codes_##T, sizeof(struct fox_##T), ORDER, ZERO, MIN};                   \
		gemv(y, w, w_step, rows, x, n, k);                                                                   \
	}

GEMV(q2_k, head_q2_k, STRIDE_4, 0, true)
GEMV(q3_k, head_q3_k, STRIDE_4, 4, false)
GEMV(q4_k, head_8x6, STRIDE_2, 0, true)
GEMV(q5_k, head_8x6, STRIDE_2, 0, true)
GEMV(q6_k, head_q6_k, NEIGHBOURS, 32, false)
GEMV(iq4_xs, head_iq4_xs, SIXTEENS, IQ4_ZERO, false)
