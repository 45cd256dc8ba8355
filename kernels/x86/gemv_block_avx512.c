/* gemv_block_avx512.c - fast gemv of types whose blocks are 32 weights under one scale, by vpdpbusd.
 *
 * Four blocks lie side by side in a vector, one in each quarter: the first 16 weights of each, then the others. Codes are
 * unsigned; what that puts on top of them is taken off through the sums of x, exactly, before the products are added: four
 * rows share it. About five instructions a block: memory bounds the speed.  spec/kernels.md 4.1 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, GROUP = FOX_ACTS_GROUP };

INLINE __m128i load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* 16 bytes of each of n <= 4 places, `apart` bytes from one to the next; zeros where there is none. */
INLINE __m512i four(const uint8_t *p, size_t apart, size_t n)
{
	__m512i v = _mm512_zextsi128_si512(load_16(p));
	v = n > 1 ? _mm512_inserti32x4(v, load_16(p + apart), 1) : v;
	v = n > 2 ? _mm512_inserti32x4(v, load_16(p + 2 * apart), 2) : v;
	return n > 3 ? _mm512_inserti32x4(v, load_16(p + 3 * apart), 3) : v;
}

/* Weights of four blocks: v[0] holds the first 16 of each, v[1] the others. */
struct codes {
	__m512i v[2];
};

INLINE struct codes nibbles(const uint8_t *p, size_t apart, size_t n)
{
	const __m512i low = _mm512_set1_epi8(15);
	__m512i both = four(p, apart, n);
	return (struct codes){{_mm512_and_si512(both, low), _mm512_and_si512(_mm512_srli_epi16(both, 4), low)}};
}

/* Puts 16 on the codes whose bit is set, of 32 bits at p, p + apart, .. */
INLINE struct codes with_fifth_bits(struct codes q, const uint8_t *p, size_t apart, size_t n)
{
	uint32_t bits[4] = {0};
	for (size_t b = 0; b < n; b++)
		bits[b] = fox_load32(p + b * apart);
	uint64_t first = (bits[0] & 0xffff) | (uint64_t)(bits[1] & 0xffff) << 16 |
	                 (uint64_t)(bits[2] & 0xffff) << 32 | (uint64_t)(bits[3] & 0xffff) << 48;
	uint64_t other = bits[0] >> 16 | (bits[1] & 0xffff0000) | (uint64_t)(bits[2] >> 16) << 32 |
	                 (uint64_t)(bits[3] >> 16) << 48;
	const __m512i sixteen = _mm512_set1_epi8(16);
	q.v[0] = _mm512_mask_add_epi8(q.v[0], first, q.v[0], sixteen);
	q.v[1] = _mm512_mask_add_epi8(q.v[1], other, q.v[1], sixteen);
	return q;
}

/* Values of a table, `zero` on top of them. */
INLINE struct codes look_up(const int8_t *table, int zero, struct codes q)
{
	__m512i values = _mm512_broadcast_i32x4(_mm_add_epi8(load_16(table), _mm_set1_epi8((char)zero)));
	return (struct codes){{_mm512_shuffle_epi8(values, q.v[0]), _mm512_shuffle_epi8(values, q.v[1])}};
}

/* ---- each type: the codes of n <= 4 blocks from p on */

typedef struct codes codes_fn(const uint8_t *p, size_t n);

INLINE struct codes codes_q8_0(const uint8_t *p, size_t n)
{
	const __m512i top = _mm512_set1_epi8(-128);
	const uint8_t *q = p + offsetof(struct fox_q8_0, q);
	__m512i a = four(q, sizeof(struct fox_q8_0), n), b = four(q + 16, sizeof(struct fox_q8_0), n);
	return (struct codes){{_mm512_xor_si512(a, top), _mm512_xor_si512(b, top)}};
}

INLINE struct codes codes_q4_0(const uint8_t *p, size_t n)
{
	return nibbles(p + offsetof(struct fox_q4_0, q), sizeof(struct fox_q4_0), n);
}

INLINE struct codes codes_q4_1(const uint8_t *p, size_t n)
{
	return nibbles(p + offsetof(struct fox_q4_1, q), sizeof(struct fox_q4_1), n);
}

INLINE struct codes codes_q5_0(const uint8_t *p, size_t n)
{
	struct codes q = nibbles(p + offsetof(struct fox_q5_0, q), sizeof(struct fox_q5_0), n);
	return with_fifth_bits(q, p + offsetof(struct fox_q5_0, high), sizeof(struct fox_q5_0), n);
}

INLINE struct codes codes_q5_1(const uint8_t *p, size_t n)
{
	struct codes q = nibbles(p + offsetof(struct fox_q5_1, q), sizeof(struct fox_q5_1), n);
	return with_fifth_bits(q, p + offsetof(struct fox_q5_1, high), sizeof(struct fox_q5_1), n);
}

enum { IQ4_ZERO = 128, FP4_ZERO = 12 };

INLINE struct codes codes_iq4_nl(const uint8_t *p, size_t n)
{
	return look_up(
	    fox_iq4_value, IQ4_ZERO, nibbles(p + offsetof(struct fox_iq4_nl, q), sizeof(struct fox_iq4_nl), n));
}

static const int8_t fp4_value[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

INLINE struct codes codes_mxfp4(const uint8_t *p, size_t n)
{
	return look_up(
	    fp4_value, FP4_ZERO, nibbles(p + offsetof(struct fox_mxfp4, q), sizeof(struct fox_mxfp4), n));
}

/* ---- scales of n <= 4 blocks, `size` bytes apart, in lanes 0..3; lanes 4..7 hold what follows them: minima or anything.
 * 0 where there is none */

INLINE __m256 scales_f16(const uint8_t *p, size_t size, size_t n)
{
	const __m128i none = _mm_setzero_si128();
	__m128i word[4];
	for (size_t b = 0; b < 4; b++)
		word[b] = b >= n   ? none
		          : n == 4 ? load_16(p + b * size)
		                   : _mm_cvtsi32_si128((int)fox_load32(p + b * size));
	return _mm256_cvtph_ps(
	    _mm_unpacklo_epi32(_mm_unpacklo_epi16(word[0], word[1]), _mm_unpacklo_epi16(word[2], word[3])));
}

INLINE __m256 scales_e8m0(const uint8_t *p, size_t size, size_t n)
{
	float d[8] = {0};
	for (size_t b = 0; b < n; b++)
		d[b] = fox_e8m0_half(p[b * size]);
	return _mm256_loadu_ps(d);
}

struct kind {
	codes_fn *codes;
	__m256 (*scales)(const uint8_t *p, size_t size, size_t n);
	size_t size;
	int zero;     /* on top of the codes */
	bool has_min; /* after the scale */
};

/* Four groups of activations, n of them there. */
struct x4 {
	__m512i v[2];     /* what codes.v meets */
	__m512i off;      /* minus zero times the sums of eight, four of each half */
	__m128 d, of_sum; /* 0 where there is none */
};

INLINE struct x4 load_x(const struct fox_acts *x, size_t g, size_t n, const struct kind k)
{
	struct x4 out = {.off = _mm512_setzero_si512(), .of_sum = _mm_setzero_ps()};
	const uint8_t *q = (const uint8_t *)x->q + g * GROUP;
	for (size_t h = 0; h < 2; h++)
		out.v[h] = four(q + 16 * h, GROUP, n);
	if (k.zero) {
		const __m512i zero = _mm512_set1_epi8((char)k.zero);
		__m512i sums = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(out.off, zero, out.v[0]), zero, out.v[1]);
		out.off = _mm512_sub_epi32(out.off, sums);
	}
	out.d = _mm_maskz_loadu_ps((__mmask8)((1u << n) - 1), x->d + g);
	if (k.has_min) {
		__m128i sums = _mm_maskz_loadu_epi32((__mmask8)((1u << n) - 1), x->sum + 2 * g);
		sums = _mm_madd_epi16(sums, _mm_set1_epi16(1));
		out.of_sum = _mm_mul_ps(out.d, _mm_cvtepi32_ps(sums));
	}
	return out;
}

/* What a row has come to. */
struct sums {
	__m512 products;
	__m128 minima;
};

/* Adds n <= 4 blocks from p on. n is known when this is inlined. */
INLINE void add_blocks(
    struct sums *s, const uint8_t *p, const struct x4 *x, const size_t n, const struct kind k)
{
	const __m512i quarter = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
	struct codes q = k.codes(p, n);
	__m512i sum = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(x->off, q.v[0], x->v[0]), q.v[1], x->v[1]);
	__m256 stored = k.scales(p, k.size, n);
	__m128 d = _mm_mul_ps(_mm256_castps256_ps128(stored), x->d);
	__m512 all = _mm512_permutexvar_ps(quarter, _mm512_castps128_ps512(d));
	s->products = _mm512_fmadd_ps(all, _mm512_cvtepi32_ps(sum), s->products);
	if (k.has_min)
		s->minima = _mm_fmadd_ps(_mm256_extractf128_ps(stored, 1), x->of_sum, s->minima);
}

/* R rows, known when this is inlined; what is fetched ahead are the rows that come next, as far as this has got. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const struct fox_acts *x, size_t n,
    const struct kind k, const size_t R)
{
	struct sums s[ROWS];
	size_t groups = n / GROUP, g = 0;
	for (size_t r = 0; r < R; r++)
		s[r] = (struct sums){_mm512_setzero_ps(), _mm_setzero_ps()};
	for (; g + 4 <= groups; g += 4) {
		const struct x4 x4 = load_x(x, g, 4, k);
		for (size_t r = 0; r < R; r++) {
			const uint8_t *p = w + r * w_step + g * k.size;
			for (size_t line = 0; line < 4 * k.size; line += 64)
				_mm_prefetch((const char *)p + R * w_step + line, _MM_HINT_T0);
			add_blocks(&s[r], p, &x4, 4, k);
		}
	}
#define REST(N)                                                                                              \
	do {                                                                                                     \
		const struct x4 rest = load_x(x, g, N, k);                                                           \
		for (size_t r = 0; r < R; r++)                                                                       \
			add_blocks(&s[r], w + r * w_step + g * k.size, &rest, N, k);                                     \
	} while (0)
	if (groups % 4 == 1)
		REST(1);
	if (groups % 4 == 2)
		REST(2);
	if (groups % 4 == 3)
		REST(3);
#undef REST
	for (size_t r = 0; r < R; r++)
		y[r] = _mm512_reduce_add_ps(_mm512_add_ps(s[r].products, _mm512_zextps128_ps512(s[r].minima)));
}

INLINE void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    const struct kind k)
{
	assert(n % GROUP == 0 && x->kind == FOX_ACTS_Q8);
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		some_rows(y, w, w_step, x, n, k, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		some_rows(y, w, w_step, x, n, k, 1);
}

#define GEMV(T, ...)                                                                                         \
	void fox_gemv_##T##_avx512(                                                                              \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		const struct kind k = {.codes = codes_##T, .size = sizeof(struct fox_##T), __VA_ARGS__};             \
		gemv(y, w, w_step, rows, x, n, k);                                                                   \
	}

GEMV(q8_0, .scales = scales_f16, .zero = 128)
GEMV(q4_0, .scales = scales_f16, .zero = 8)
GEMV(q4_1, .scales = scales_f16, .has_min = true)
GEMV(q5_0, .scales = scales_f16, .zero = 16)
GEMV(q5_1, .scales = scales_f16, .has_min = true)
GEMV(iq4_nl, .scales = scales_f16, .zero = IQ4_ZERO)
GEMV(mxfp4, .scales = scales_e8m0, .zero = FP4_ZERO)
