/* gemv_block_avx2.c - fast gemv of types whose blocks are 32 weights (nvfp4: 64) under one scale.
 *
 * Two blocks lie side by side in a vector, one in each half: low nibbles of both, then high ones. Two vpmaddubsw and one
 * vpmaddwd make four exact sums of each block, which are scaled by d_weight * d_x and added up in f32. Four rows share what
 * depends on x alone. q8_0 has no nibbles to pair and is slowed by memory alone: one row, one block at a time.
 * spec/kernels.md 4.1 */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/iq4.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = 4, GROUP = FOX_ACTS_GROUP };

/* How far ahead q8_0 is fetched, in bytes: past the end of a row lies the next; past the last it is harmless. */
#define AHEAD 2048

INLINE __m128i load_16(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE __m256i load_32(const void *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}

/* Sixteen bytes of each of two places. The second counts as zeros where there is none. */
INLINE __m256i two(const void *a, const void *b, bool has_b)
{
	__m256i wide = _mm256_zextsi128_si256(load_16(a));
	return has_b ? _mm256_inserti128_si256(wide, load_16(b), 1) : wide;
}

/* 32 weights of two blocks: v[0] holds the first 16 of each, v[1] the others. */
struct codes {
	__m256i v[2];
};

INLINE struct codes nibbles(const uint8_t *a, const uint8_t *b, bool has_b)
{
	const __m256i four = _mm256_set1_epi8(15);
	__m256i both = two(a, b, has_b);
	return (struct codes){{_mm256_and_si256(both, four), _mm256_and_si256(_mm256_srli_epi16(both, 4), four)}};
}

/* 16 in the bytes whose bit is set, of 32 bits each at a and b. */
INLINE struct codes with_fifth_bits(struct codes q, const uint8_t *a, const uint8_t *b, bool has_b)
{
	const __m128i first = _mm_setr_epi32(0, 0, 0x01010101, 0x01010101);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i bits = _mm256_zextsi128_si256(_mm_set1_epi32((int)fox_load32(a)));
	bits = has_b ? _mm256_inserti128_si256(bits, _mm_set1_epi32((int)fox_load32(b)), 1) : bits;
	for (int h = 0; h < 2; h++) {
		__m256i byte = _mm256_broadcastsi128_si256(_mm_add_epi8(first, _mm_set1_epi8((char)(2 * h))));
		__m256i spread = _mm256_shuffle_epi8(bits, byte);
		__m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
		q.v[h] = _mm256_or_si256(q.v[h], _mm256_and_si256(set, _mm256_set1_epi8(16)));
	}
	return q;
}

INLINE struct codes look_up(const void *table, struct codes q)
{
	__m256i values = _mm256_broadcastsi128_si256(load_16(table));
	return (struct codes){{_mm256_shuffle_epi8(values, q.v[0]), _mm256_shuffle_epi8(values, q.v[1])}};
}

/* ---- each type: the codes of blocks a and b */

typedef struct codes codes_fn(const uint8_t *a, const uint8_t *b, bool has_b);

/* Those at byte `at` of a block. */
#define NIBBLES_AT(T) nibbles(a + offsetof(struct fox_##T, q), b + offsetof(struct fox_##T, q), has_b)
#define FIFTH_BITS_AT(T, Q)                                                                                  \
	with_fifth_bits(Q, a + offsetof(struct fox_##T, high), b + offsetof(struct fox_##T, high), has_b)

INLINE struct codes codes_q4_0(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return NIBBLES_AT(q4_0);
}

INLINE struct codes codes_q4_1(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return NIBBLES_AT(q4_1);
}

INLINE struct codes codes_q5_0(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return FIFTH_BITS_AT(q5_0, NIBBLES_AT(q5_0));
}

INLINE struct codes codes_q5_1(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return FIFTH_BITS_AT(q5_1, NIBBLES_AT(q5_1));
}

INLINE struct codes codes_iq4_nl(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return look_up(fox_iq4_value, NIBBLES_AT(iq4_nl));
}

/* E2M1 doubled, and 12 on top, which makes it unsigned. */
enum { FP4_ZERO = 12 };
static const uint8_t fp4_value[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

INLINE struct codes codes_mxfp4(const uint8_t *a, const uint8_t *b, bool has_b)
{
	return look_up(fp4_value, NIBBLES_AT(mxfp4));
}

/* ---- scales of four blocks, `size` bytes apart, n of them there: lanes 0, 4, 1, 5, 0 where there is none. What follows a
 * scale, the minimum or anything, is two lanes further. */

INLINE __m256 scales_f16(const uint8_t *p, size_t size, size_t n)
{
	const __m128i none = _mm_setzero_si128();
	__m128i even = _mm_unpacklo_epi16(_mm_cvtsi32_si128((int)fox_load32(p)), none), odd = none;
	if (n == 2 || n == 3)
		odd = _mm_unpacklo_epi16(_mm_cvtsi32_si128((int)fox_load32(p + size)), none);
	if (n > 2)
		even = _mm_unpacklo_epi16(load_16(p), load_16(p + 2 * size));
	if (n > 3)
		odd = _mm_unpacklo_epi16(load_16(p + size), load_16(p + 3 * size));
	return _mm256_cvtph_ps(_mm_unpacklo_epi64(even, odd));
}

INLINE __m256 scales_e8m0(const uint8_t *p, size_t size, size_t n)
{
	return _mm256_setr_ps(fox_e8m0_half(p[0]), n > 2 ? fox_e8m0_half(p[2 * size]) : 0, 0, 0,
	    n > 1 ? fox_e8m0_half(p[size]) : 0, n > 3 ? fox_e8m0_half(p[3 * size]) : 0, 0, 0);
}

struct kind {
	codes_fn *codes;
	__m256 (*scales)(const uint8_t *p, size_t size, size_t n);
	size_t size;
	char zero;      /* taken off the codes */
	bool is_signed; /* codes are bytes with a sign, -127 at least */
	bool has_min;   /* after the scale */
};

/* Four groups of activations, n of them there, as pairs. */
struct x4 {
	__m256i v[2][2]; /* of each pair what codes.v meets: magnitudes if the codes are signed */
	__m256i as_is[2][2];
	__m256i off[2];   /* zero times the sums of two, of both halves */
	__m256 d, of_sum; /* lanes as those of scales and of minima; 0 in the others */
};

/* Four values to lanes `at`, `at` + 4, `at` + 1, `at` + 5, zeros to the others. */
INLINE __m256 spread(__m128 v, const int at)
{
	const __m256i to =
	    at ? _mm256_setr_epi32(7, 7, 0, 2, 7, 7, 1, 3) : _mm256_setr_epi32(0, 2, 7, 7, 1, 3, 7, 7);
	return _mm256_permutevar8x32_ps(_mm256_zextps128_ps256(v), to);
}

INLINE struct x4 load_x(const struct fox_acts *x, size_t g, size_t n, const struct kind k)
{
	struct x4 out;
	const int8_t *q = (const int8_t *)x->q + g * GROUP;
	float d[4] = {0};
	int16_t sums[8] = {0};
	memcpy(d, x->d + g, n * sizeof *d);
	memcpy(sums, x->sum + 2 * g, 2 * n * sizeof *sums);
	__m128 of_x = _mm_loadu_ps(d);
	__m128 of_sum = _mm_cvtepi32_ps(_mm_madd_epi16(load_16(sums), _mm_set1_epi16(1)));
	out.d = spread(of_x, 0);
	out.of_sum = k.has_min ? spread(_mm_mul_ps(of_x, of_sum), 2) : _mm256_setzero_ps();
	for (size_t p = 0; p < 2 && 2 * p < n; p++) {
		const int8_t *a = q + 2 * p * GROUP, *b = a + GROUP;
		for (size_t h = 0; h < 2; h++) {
			out.as_is[p][h] = two(a + 16 * h, b + 16 * h, 2 * p + 1 < n);
			out.v[p][h] = k.is_signed ? _mm256_abs_epi8(out.as_is[p][h]) : out.as_is[p][h];
		}
		const __m256i zero = _mm256_set1_epi8(k.zero);
		if (k.zero)
			out.off[p] = _mm256_add_epi16(
			    _mm256_maddubs_epi16(zero, out.v[p][0]), _mm256_maddubs_epi16(zero, out.v[p][1]));
	}
	return out;
}

/* Four sums of each of two blocks. */
INLINE __m256 products(struct codes q, const struct x4 *x, size_t p, const struct kind k)
{
	const __m256i ones = _mm256_set1_epi16(1);
	if (k.is_signed) { /* the signs of x go to the codes; four products could exceed 16 bits */
		__m256i a = _mm256_maddubs_epi16(x->v[p][0], _mm256_sign_epi8(q.v[0], x->as_is[p][0]));
		__m256i b = _mm256_maddubs_epi16(x->v[p][1], _mm256_sign_epi8(q.v[1], x->as_is[p][1]));
		return _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)));
	}
	__m256i sum =
	    _mm256_add_epi16(_mm256_maddubs_epi16(q.v[0], x->v[p][0]), _mm256_maddubs_epi16(q.v[1], x->v[p][1]));
	sum = k.zero ? _mm256_sub_epi16(sum, x->off[p]) : sum;
	return _mm256_cvtepi32_ps(_mm256_madd_epi16(sum, ones));
}

/* Adds n <= 4 blocks from p on. n is known when this is inlined. */
INLINE __m256 add_blocks(
    __m256 sum, const uint8_t *p, const struct x4 *x, const size_t n, const struct kind k)
{
	__m256 stored = k.scales(p, k.size, n), d = _mm256_mul_ps(stored, x->d);
	struct codes q = k.codes(p, p + k.size, n > 1);
	sum = _mm256_fmadd_ps(_mm256_permute_ps(d, 0x00), products(q, x, 0, k), sum);
	if (n > 2) {
		q = k.codes(p + 2 * k.size, p + 3 * k.size, n > 3);
		sum = _mm256_fmadd_ps(_mm256_permute_ps(d, 0x55), products(q, x, 1, k), sum);
	}
	if (k.has_min)
		sum = _mm256_fmadd_ps(stored, x->of_sum, sum);
	return sum;
}

INLINE float add_up(__m256 v)
{
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

/* R rows, known when this is inlined; what is fetched ahead are the rows that come next, as far as this has got. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const struct fox_acts *x, size_t n,
    const struct kind k, const size_t R)
{
	__m256 sum[ROWS];
	size_t groups = n / GROUP, g = 0;
	for (size_t r = 0; r < R; r++)
		sum[r] = _mm256_setzero_ps();
	for (; g + 4 <= groups; g += 4) {
		const struct x4 x4 = load_x(x, g, 4, k);
		for (size_t r = 0; r < R; r++) {
			const uint8_t *p = w + r * w_step + g * k.size;
			_mm_prefetch((const char *)p + R * w_step, _MM_HINT_T0);
			_mm_prefetch((const char *)p + R * w_step + 64, _MM_HINT_T0);
			sum[r] = add_blocks(sum[r], p, &x4, 4, k);
		}
	}
#define REST(N)                                                                                              \
	do {                                                                                                     \
		const struct x4 rest = load_x(x, g, N, k);                                                           \
		for (size_t r = 0; r < R; r++)                                                                       \
			sum[r] = add_blocks(sum[r], w + r * w_step + g * k.size, &rest, N, k);                           \
	} while (0)
	if (groups % 4 == 1)
		REST(1);
	if (groups % 4 == 2)
		REST(2);
	if (groups % 4 == 3)
		REST(3);
#undef REST
	for (size_t r = 0; r < R; r++)
		y[r] = add_up(sum[r]);
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
	void fox_gemv_##T##_avx2(                                                                                \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		const struct kind k = {.codes = codes_##T, .size = sizeof(struct fox_##T), __VA_ARGS__};             \
		gemv(y, w, w_step, rows, x, n, k);                                                                   \
	}

GEMV(q4_0, .scales = scales_f16, .zero = 8)
GEMV(q4_1, .scales = scales_f16, .has_min = true)
GEMV(q5_0, .scales = scales_f16, .zero = 16)
GEMV(q5_1, .scales = scales_f16, .has_min = true)
GEMV(iq4_nl, .scales = scales_f16, .is_signed = true)
GEMV(mxfp4, .scales = scales_e8m0, .zero = FP4_ZERO)

/* Four blocks of q8_0 from p and q on, b of them there. |w| is unsigned, its sign goes to x: -128 is allowed. */
INLINE void add_q8_0(__m256 sum[4], const uint8_t *p, const float *dx, const int8_t *q, const size_t n)
{
	const __m256i ones = _mm256_set1_epi16(1);
	for (size_t b = 0; b < n; b++, p += sizeof(struct fox_q8_0)) {
		__m256 d = _mm256_set1_ps(_cvtsh_ss(fox_load16(p)) * dx[b]);
		__m256i w = load_32(p + offsetof(struct fox_q8_0, q)), x = load_32(q + b * GROUP);
		__m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
		sum[b] = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, ones)), sum[b]);
	}
}

void fox_gemv_q8_0_avx2(
    float *y, const void *weights, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)
{
	assert(n % GROUP == 0 && x->kind == FOX_ACTS_Q8);
	const size_t size = sizeof(struct fox_q8_0), groups = n / GROUP;
	const uint8_t *w = weights;
	const int8_t *q = x->q;
	for (size_t r = 0; r < rows; r++, w += w_step) {
		__m256 sum[4];
		size_t g = 0;
		sum[0] = sum[1] = sum[2] = sum[3] = _mm256_setzero_ps();
		for (; g + 4 <= groups; g += 4) {
			const uint8_t *p = w + g * size;
			_mm_prefetch((const char *)p + AHEAD, _MM_HINT_T0);
			_mm_prefetch((const char *)p + AHEAD + 64, _MM_HINT_T0);
			_mm_prefetch((const char *)p + AHEAD + 128, _MM_HINT_T0);
			add_q8_0(sum, p, x->d + g, q + g * GROUP, 4);
		}
		for (; g < groups; g++)
			add_q8_0(sum, w + g * size, x->d + g, q + g * GROUP, 1);
		y[r] = add_up(_mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
	}
}

/* nvfp4: 64 codes in four quarters of 16, each with a scale; 8 bytes hold a quarter as nibbles. Lanes of two sums each, by
 * quarters. Scales as fox_e4m3_half has them: subnormals are counted in steps, the others have their bits where those of f32
 * are. */
INLINE __m256 nvfp4_scales(const uint8_t *p)
{
	__m128i e = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)fox_load32(p)));
	__m128i none = _mm_cmpeq_epi32(e, _mm_set1_epi32(0x7f)), seven = _mm_and_si128(e, _mm_set1_epi32(0x7f));
	__m128i normal = _mm_add_epi32(_mm_slli_epi32(seven, 20), _mm_set1_epi32(119 << 23));
	__m128i steps = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(seven), _mm_set1_ps(0x1p-10f)));
	__m128i bits = _mm_blendv_epi8(normal, steps, _mm_cmplt_epi32(seven, _mm_set1_epi32(8)));
	__m128 d = _mm_castsi128_ps(_mm_andnot_si128(none, bits));
	return _mm256_set_m128(_mm_unpackhi_ps(d, d), _mm_unpacklo_ps(d, d));
}

INLINE void nvfp4_rows(
    float *y, const uint8_t *w, size_t w_step, const struct fox_acts *x, size_t n, const size_t R)
{
	const __m256i zero = _mm256_set1_epi8(FP4_ZERO), ones = _mm256_set1_epi16(1);
	__m256 sum[ROWS];
	for (size_t r = 0; r < R; r++)
		sum[r] = _mm256_setzero_ps();
	for (size_t b = 0; b < n / 64; b++) {
		const int8_t *at = (const int8_t *)x->q + b * 64;
		__m256i a = _mm256_permute4x64_epi64(load_32(at), 0xd8);
		__m256i c = _mm256_permute4x64_epi64(load_32(at + 32), 0xd8);
		__m256i x0 = _mm256_permute2x128_si256(a, c, 0x20), x1 = _mm256_permute2x128_si256(a, c, 0x31);
		__m256i off = _mm256_add_epi16(_mm256_maddubs_epi16(zero, x0), _mm256_maddubs_epi16(zero, x1));
		__m256 dx = _mm256_set_m128(_mm_set1_ps(x->d[2 * b + 1]), _mm_set1_ps(x->d[2 * b]));
		for (size_t r = 0; r < R; r++) {
			const uint8_t *p = w + r * w_step + b * sizeof(struct fox_nvfp4),
			              *q = p + offsetof(struct fox_nvfp4, q);
			_mm_prefetch((const char *)p + R * w_step, _MM_HINT_T0);
			struct codes k = look_up(fp4_value, nibbles(q, q + 16, true));
			__m256i pairs =
			    _mm256_add_epi16(_mm256_maddubs_epi16(k.v[0], x0), _mm256_maddubs_epi16(k.v[1], x1));
			__m256i eight = _mm256_madd_epi16(_mm256_sub_epi16(pairs, off), ones);
			sum[r] = _mm256_fmadd_ps(_mm256_mul_ps(nvfp4_scales(p), dx), _mm256_cvtepi32_ps(eight), sum[r]);
		}
	}
	for (size_t r = 0; r < R; r++)
		y[r] = add_up(sum[r]);
}

void fox_gemv_nvfp4_avx2(
    float *y, const void *weights, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)
{
	assert(n % 64 == 0 && x->kind == FOX_ACTS_Q8);
	const uint8_t *w = weights;
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		nvfp4_rows(y, w, w_step, x, n, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		nvfp4_rows(y, w, w_step, x, n, 1);
}
