/* gemv_exact_block_avx2.c - exact gemv of block types: the bits of fox_dot_fn for each row.
 *
 * Codes are turned into f32 in registers, 32 at a time, in the steps that spec/quant.md gives; about 30 instructions for 32
 * weights, which is what bounds the speed. Two rows go at once, because the order of additions makes each a chain. The grid
 * types and those of one or two bits are decoded as fox_decode_fn does it, 256 weights of four rows, into the cache. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/quant.h"

#define INLINE static inline __attribute__((always_inline))

enum { GROUP = 32, MOST_GROUPS = 8, ROWS = 2, CHUNK = 256, CHUNK_ROWS = 4 };

INLINE __m128i load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m256i load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

INLINE float f16(const void *p)
{
	return _cvtsh_ss(fox_load16(p));
}

/* Bits `at` to `at` + n - 1 of each byte, moved to bit `to`. */
INLINE __m256i field(__m256i bytes, int at, int n, int to)
{
	__m256i moved = at > to ? _mm256_srli_epi16(bytes, at - to) : _mm256_slli_epi16(bytes, to - at);
	return _mm256_and_si256(moved, _mm256_set1_epi8((char)(((1 << n) - 1) << to)));
}

/* What the halves of the groups of a block are multiplied with, and what is added then. */
struct scales {
	float d[2 * MOST_GROUPS], m[2 * MOST_GROUPS];
};

struct kind {
	void (*scales)(struct scales *s, const uint8_t *p);
	__m256i (*codes)(const uint8_t *p, int g); /* of group g as bytes with a sign */
	size_t size;
	int groups; /* in a block */
	bool has_min;
};

/* ---- one group in a block (nvfp4: two) */

INLINE void all_d(struct scales *s, float d, float m)
{
	s->d[0] = s->d[1] = d;
	s->m[0] = s->m[1] = m;
}

INLINE void scales_f16(struct scales *s, const uint8_t *p)
{
	all_d(s, f16(p), 0);
}

INLINE void scales_min_f16(struct scales *s, const uint8_t *p)
{
	all_d(s, f16(p), f16(p + 2));
}

INLINE void scales_e8m0(struct scales *s, const uint8_t *p)
{
	all_d(s, fox_e8m0_half(p[0]), 0);
}

INLINE void scales_nvfp4(struct scales *s, const uint8_t *p)
{
	for (int i = 0; i < 4; i++)
		s->d[i] = fox_e4m3_half(p[i]);
}

/* 16 bytes of nibbles: low ones first. */
INLINE __m256i nibbles(const uint8_t *p)
{
	__m128i both = load_16(p);
	__m256i wide = _mm256_inserti128_si256(_mm256_castsi128_si256(both), _mm_srli_epi16(both, 4), 1);
	return _mm256_and_si256(wide, _mm256_set1_epi8(15));
}

/* 16 in the bytes whose bit of 32 is set. */
INLINE __m256i fifth_bits(const uint8_t *p)
{
	const __m256i byte = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32((int)fox_load32(p)), byte);
	__m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
	return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

INLINE __m256i look_up(const int8_t *table, __m256i codes)
{
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_16(table)), codes);
}

INLINE __m256i codes_q4_0(const uint8_t *p, int g)
{
	(void)g;
	return _mm256_sub_epi8(nibbles(p + offsetof(struct fox_q4_0, q)), _mm256_set1_epi8(8));
}

INLINE __m256i codes_q4_1(const uint8_t *p, int g)
{
	(void)g;
	return nibbles(p + offsetof(struct fox_q4_1, q));
}

INLINE __m256i codes_q5_0(const uint8_t *p, int g)
{
	(void)g;
	__m256i high = fifth_bits(p + offsetof(struct fox_q5_0, high));
	__m256i q = _mm256_or_si256(nibbles(p + offsetof(struct fox_q5_0, q)), high);
	return _mm256_sub_epi8(q, _mm256_set1_epi8(16));
}

INLINE __m256i codes_q5_1(const uint8_t *p, int g)
{
	(void)g;
	return _mm256_or_si256(
	    nibbles(p + offsetof(struct fox_q5_1, q)), fifth_bits(p + offsetof(struct fox_q5_1, high)));
}

INLINE __m256i codes_iq4_nl(const uint8_t *p, int g)
{
	(void)g;
	return look_up(fox_iq4_value, nibbles(p + offsetof(struct fox_iq4_nl, q)));
}

static const int8_t fp4_value[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

INLINE __m256i codes_mxfp4(const uint8_t *p, int g)
{
	(void)g;
	return look_up(fp4_value, nibbles(p + offsetof(struct fox_mxfp4, q)));
}

INLINE __m256i codes_nvfp4(const uint8_t *p, int g)
{
	__m256i q = nibbles(p + offsetof(struct fox_nvfp4, q) + 16 * g);
	return look_up(fp4_value, _mm256_permute4x64_epi64(q, 0xd8)); /* halves of 8 bytes */
}

/* ---- eight groups in a block */

/* Eight small integers times d, for both halves of their groups. */
INLINE void put_8(float out[16], __m256i codes, float d)
{
	__m256 v = _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(codes));
	__m256 lo = _mm256_unpacklo_ps(v, v), hi = _mm256_unpackhi_ps(v, v);
	_mm256_storeu_ps(out, _mm256_permute2f128_ps(lo, hi, 0x20));
	_mm256_storeu_ps(out + 8, _mm256_permute2f128_ps(lo, hi, 0x31));
}

/* Sixteen bytes with a sign. */
INLINE void put_16(float out[16], __m128i codes, float d)
{
	for (int h = 0; h < 2; h++, codes = _mm_srli_si128(codes, 8))
		_mm256_storeu_ps(
		    out + 8 * h, _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes))));
}

INLINE void scales_q2_k(struct scales *s, const uint8_t *p)
{
	__m128i packed = load_16(p + offsetof(struct fox_q2_k, scales)), four = _mm_set1_epi8(15);
	put_16(s->d, _mm_and_si128(packed, four), f16(p + offsetof(struct fox_q2_k, d)));
	put_16(s->m, _mm_and_si128(_mm_srli_epi16(packed, 4), four), -f16(p + offsetof(struct fox_q2_k, dmin)));
}

INLINE void scales_q3_k(struct scales *s, const uint8_t *p)
{
	/* scale i: bits 3..0 in nibble i / 8 of byte i % 8, bits 5 and 4 in pair i / 4 of byte 8 + i % 4 */
	const uint8_t *at = p + offsetof(struct fox_q3_k, scales);
	__m128i low = _mm_loadl_epi64((const __m128i *)(const void *)at);
	low = _mm_and_si128(_mm_unpacklo_epi64(low, _mm_srli_epi16(low, 4)), _mm_set1_epi8(15));
	__m128i high = _mm_srlv_epi32(_mm_set1_epi32((int)fox_load32(at + 8)), _mm_setr_epi32(0, 2, 4, 6));
	high = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
	put_16(s->d, _mm_sub_epi8(_mm_or_si128(low, high), _mm_set1_epi8(32)),
	    f16(p + offsetof(struct fox_q3_k, d)));
}

/* q4_k and q5_k begin alike. */
INLINE void scales_8x6(struct scales *s, const uint8_t *p)
{
	uint32_t a = fox_load32(p + 4), b = fox_load32(p + 8), c = fox_load32(p + 12);
	const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
	uint32_t scale = (c & four) | (a >> 6 & two) << 4, min = (c >> 4 & four) | (b >> 6 & two) << 4;
	__m128i scales = _mm_setr_epi32((int)(a & six), (int)scale, 0, 0),
	        mins = _mm_setr_epi32((int)(b & six), (int)min, 0, 0);
	put_8(s->d, _mm256_cvtepu8_epi32(scales), f16(p));
	put_8(s->m, _mm256_cvtepu8_epi32(mins), -f16(p + 2));
}

INLINE void scales_q6_k(struct scales *s, const uint8_t *p)
{
	put_16(s->d, load_16(p + offsetof(struct fox_q6_k, scales)), f16(p + offsetof(struct fox_q6_k, d)));
}

INLINE void scales_iq4_xs(struct scales *s, const uint8_t *p)
{
	__m256i low =
	    _mm256_srlv_epi32(_mm256_set1_epi32((int)fox_load32(p + offsetof(struct fox_iq4_xs, scale_low))),
	        _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
	__m256i high =
	    _mm256_srlv_epi32(_mm256_set1_epi32(fox_load16(p + offsetof(struct fox_iq4_xs, scale_high)) << 4),
	        _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14));
	__m256i codes = _mm256_or_si256(
	    _mm256_and_si256(low, _mm256_set1_epi32(15)), _mm256_and_si256(high, _mm256_set1_epi32(0x30)));
	put_8(s->d, _mm256_sub_epi32(codes, _mm256_set1_epi32(32)), f16(p));
}

INLINE __m256i codes_q2_k(const uint8_t *p, int g)
{
	return field(load_32(p + offsetof(struct fox_q2_k, q) + g / 4 * 32), g % 4 * 2, 2, 0);
}

INLINE __m256i codes_q3_k(const uint8_t *p, int g)
{
	__m256i q = field(load_32(p + offsetof(struct fox_q3_k, q) + g / 4 * 32), g % 4 * 2, 2, 0);
	q = _mm256_or_si256(q, field(load_32(p + offsetof(struct fox_q3_k, high)), g, 1, 2));
	return _mm256_sub_epi8(q, _mm256_set1_epi8(4));
}

INLINE __m256i codes_q4_k(const uint8_t *p, int g)
{
	return field(load_32(p + offsetof(struct fox_q4_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
}

INLINE __m256i codes_q5_k(const uint8_t *p, int g)
{
	__m256i q = field(load_32(p + offsetof(struct fox_q5_k, q) + g / 2 * 32), g % 2 * 4, 4, 0);
	return _mm256_or_si256(q, field(load_32(p + offsetof(struct fox_q5_k, high)), g, 1, 4));
}

INLINE __m256i codes_q6_k(const uint8_t *p, int g)
{
	__m256i q = load_32(p + offsetof(struct fox_q6_k, q) + g / 4 * 64 + g % 2 * 32);
	__m256i high = load_32(p + offsetof(struct fox_q6_k, high) + g / 4 * 32);
	q = _mm256_or_si256(field(q, g % 4 / 2 * 4, 4, 0), field(high, g % 4 * 2, 2, 4));
	return _mm256_sub_epi8(q, _mm256_set1_epi8(32));
}

INLINE __m256i codes_iq4_xs(const uint8_t *p, int g)
{
	return look_up(fox_iq4_value, nibbles(p + offsetof(struct fox_iq4_xs, q) + 16 * g));
}

/* ---- sums */

/* The two accumulators of a row. */
struct partials {
	__m256 lo, hi;
};

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(struct partials p)
{
	__m256 p8 = _mm256_add_ps(p.lo, p.hi);
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

INLINE __m256 weights(__m128i codes, float d, float m, bool has_min)
{
	__m256 v = _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes)));
	return has_min ? _mm256_add_ps(v, _mm256_set1_ps(m)) : v;
}

INLINE void add_group(
    struct partials *sum, __m256i codes, const struct scales *s, int g, const float *x, bool has_min)
{
	__m128i half[2] = {_mm256_castsi256_si128(codes), _mm256_extracti128_si256(codes, 1)};
	for (int h = 0; h < 2; h++) {
		float d = s->d[2 * g + h], m = has_min ? s->m[2 * g + h] : 0;
		__m256 a = weights(half[h], d, m, has_min), b = weights(_mm_srli_si128(half[h], 8), d, m, has_min);
		sum->lo = _mm256_fmadd_ps(a, _mm256_loadu_ps(x + 16 * h), sum->lo);
		sum->hi = _mm256_fmadd_ps(b, _mm256_loadu_ps(x + 16 * h + 8), sum->hi);
	}
}

/* R rows, known when this is inlined; what is fetched ahead are the rows that come next. */
INLINE void some_rows(
    float *y, const uint8_t *w, size_t w_step, const float *x, size_t n, const struct kind k, const size_t R)
{
	struct partials sum[ROWS];
	for (size_t r = 0; r < R; r++)
		sum[r].lo = sum[r].hi = _mm256_setzero_ps();
	for (size_t i = 0; i < n; i += (size_t)k.groups * GROUP, w += k.size) {
		struct scales s[ROWS];
		for (size_t r = 0; r < R; r++) {
			for (size_t line = 0; line < k.size; line += 64)
				_mm_prefetch((const char *)w + (r + R) * w_step + line, _MM_HINT_T0);
			k.scales(&s[r], w + r * w_step);
		}
		for (int g = 0; g < k.groups; g++)
			for (size_t r = 0; r < R; r++)
				add_group(&sum[r], k.codes(w + r * w_step, g), &s[r], g, x + i + g * GROUP, k.has_min);
	}
	for (size_t r = 0; r < R; r++)
		y[r] = add_pairwise(sum[r]);
}

INLINE void gemv(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    const struct kind k)
{
	assert(x->kind == FOX_ACTS_F32 && n % ((size_t)k.groups * GROUP) == 0);
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		some_rows(y, w, w_step, x->q, n, k, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		some_rows(y, w, w_step, x->q, n, k, 1);
}

#define GEMV(T, SCALES, GROUPS, MIN)                                                                         \
	void fox_gemv_exact_##T##_avx2(                                                                          \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		const struct kind k = {SCALES, codes_##T, sizeof(struct fox_##T), GROUPS, MIN};                      \
		gemv(y, w, w_step, rows, x, n, k);                                                                   \
	}

GEMV(q4_0, scales_f16, 1, false)
GEMV(q4_1, scales_min_f16, 1, true)
GEMV(q5_0, scales_f16, 1, false)
GEMV(q5_1, scales_min_f16, 1, true)
GEMV(iq4_nl, scales_f16, 1, false)
GEMV(mxfp4, scales_e8m0, 1, false)
GEMV(nvfp4, scales_nvfp4, 2, false)
GEMV(q2_k, scales_q2_k, 8, true)
GEMV(q3_k, scales_q3_k, 8, false)
GEMV(q4_k, scales_8x6, 8, true)
GEMV(q5_k, scales_8x6, 8, true)
GEMV(q6_k, scales_q6_k, 8, false)
GEMV(iq4_xs, scales_iq4_xs, 8, false)

/* ---- by decoding */

/* m weights (a multiple of 16) of R rows that were decoded CHUNK apart. */
INLINE void add_chunk(struct partials *p, const float *w, const float *x, size_t m, const size_t R)
{
	struct partials now[CHUNK_ROWS];
	for (size_t r = 0; r < R; r++)
		now[r] = p[r];
	for (size_t i = 0; i < m; i += 16) {
		__m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
		for (size_t r = 0; r < R; r++) {
			now[r].lo = _mm256_fmadd_ps(_mm256_loadu_ps(w + r * CHUNK + i), a, now[r].lo);
			now[r].hi = _mm256_fmadd_ps(_mm256_loadu_ps(w + r * CHUNK + i + 8), b, now[r].hi);
		}
	}
	for (size_t r = 0; r < R; r++)
		p[r] = now[r];
}

static void by_chunks(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *acts,
    size_t n, fox_decode_fn *decode, size_t chunk_bytes)
{
	assert(acts->kind == FOX_ACTS_F32 && n % 16 == 0);
	const float *x = acts->q;
	for (size_t now; rows > 0; rows -= now, y += now, w += now * w_step) {
		struct partials p[CHUNK_ROWS];
		now = rows < CHUNK_ROWS ? rows : CHUNK_ROWS;
		for (size_t r = 0; r < CHUNK_ROWS; r++)
			p[r].lo = p[r].hi = _mm256_setzero_ps();
		for (size_t at = 0; at < n; at += CHUNK) {
			float wf[CHUNK_ROWS * CHUNK] __attribute__((aligned(32)));
			size_t m = n - at < CHUNK ? n - at : CHUNK;
			for (size_t r = 0; r < now; r++) {
				const uint8_t *in = w + r * w_step + at / CHUNK * chunk_bytes;
				for (size_t line = 0; line < chunk_bytes; line += 64)
					_mm_prefetch((const char *)in + w_step * CHUNK_ROWS + line, _MM_HINT_T0);
				decode(wf + r * CHUNK, in, m);
			}
			if (now == CHUNK_ROWS) {
				add_chunk(p, wf, x + at, m, CHUNK_ROWS);
			} else {
				for (size_t r = 0; r < now; r++)
					add_chunk(p + r, wf + r * CHUNK, x + at, m, 1);
			}
		}
		for (size_t r = 0; r < now; r++)
			y[r] = add_pairwise(p[r]);
	}
}

/* B weights in a struct fox_T, decoded by DECODE. */
#define CHUNKS(T, B, DECODE)                                                                                 \
	void fox_gemv_exact_##T##_avx2(                                                                          \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		assert(n % (B) == 0);                                                                                \
		by_chunks(y, w, w_step, rows, x, n, DECODE, CHUNK / (B) * sizeof(struct fox_##T));                   \
	}

CHUNKS(iq1_s, 256, fox_decode_iq1_s_avx2)
CHUNKS(iq1_m, 256, fox_decode_iq1_m_avx2)
CHUNKS(iq2_xxs, 256, fox_decode_iq2_xxs_avx2)
CHUNKS(iq2_xs, 256, fox_decode_iq2_xs_avx2)
CHUNKS(iq2_s, 256, fox_decode_iq2_s_avx2)
CHUNKS(iq3_xxs, 256, fox_decode_iq3_xxs_avx2)
CHUNKS(iq3_s, 256, fox_decode_iq3_s_avx2)
CHUNKS(tq1_0, 256, fox_decode_tq1_0_scalar)
CHUNKS(tq2_0, 256, fox_decode_tq2_0_scalar)
CHUNKS(q1_0, 128, fox_decode_q1_0_avx2)
CHUNKS(q2_0, 64, fox_decode_q2_0_scalar)
