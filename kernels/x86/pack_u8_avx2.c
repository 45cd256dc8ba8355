/* pack_u8_avx2.c - panels of panel_u8.h out of blocks whose codes have up to six bits, and the table of their gemm.
 *
 * Each type says how 32 of its weights become bytes with a sign, and their scales; eight rows of these are transposed by
 * fours, as dwords. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include "kernels/x86/panel_u8.h"

#define INLINE static inline __attribute__((always_inline))

/* 32 weights: what they are multiplied with, and what is added; the second is of the last 16, where groups are of 16. */
struct scales {
	float a[2], b[2];
};

/* The u-th 32 weights of a row as bytes, and their scales. */
typedef __m256i unpack_fn(struct scales *s, const uint8_t *row, size_t u);

INLINE __m256i load_32(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Bits `at` to `at + n - 1` of each byte; at is known when this is inlined, or n + at is 8 and it costs a register. */
INLINE __m256i field(__m256i bytes, int at, int n)
{
	return _mm256_and_si256(
	    _mm256_srl_epi16(bytes, _mm_cvtsi32_si128(at)), _mm256_set1_epi8((char)((1 << n) - 1)));
}

/* 16 bytes: low nibbles, then high ones */
INLINE __m256i nibbles(const uint8_t *q)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)q);
	__m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1);
	return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* Bit i of four bytes to byte i, as 16 or 0 */
INLINE __m256i fifth_bits(const uint8_t *high)
{
	__m256i all = _mm256_set1_epi32((int)fox_load32(high));
	__m256i spread = _mm256_shuffle_epi8(
	    all, _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
	__m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit), bit);
	return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

/* Blocks lie at any address: their fields are named by their offsets. */
#define AT(T, FIELD) (b + offsetof(struct fox_##T, FIELD))

INLINE float f16_at(const uint8_t *p)
{
	return _cvtsh_ss(fox_load16(p));
}

INLINE __m256i unpack_q4_0(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_q4_0);
	s->a[0] = f16_at(AT(q4_0, d));
	return _mm256_sub_epi8(nibbles(AT(q4_0, q)), _mm256_set1_epi8(8));
}

INLINE __m256i unpack_q4_1(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_q4_1);
	s->a[0] = f16_at(AT(q4_1, d)), s->b[0] = f16_at(AT(q4_1, m));
	return nibbles(AT(q4_1, q));
}

INLINE __m256i unpack_q5_0(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_q5_0);
	s->a[0] = f16_at(AT(q5_0, d));
	return _mm256_sub_epi8(
	    _mm256_or_si256(nibbles(AT(q5_0, q)), fifth_bits(AT(q5_0, high))), _mm256_set1_epi8(16));
}

/* 0 .. 31 is too much for a lane with 16 products, so this goes by 16 */
INLINE __m256i unpack_q5_1(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_q5_1);
	s->a[0] = s->a[1] = f16_at(AT(q5_1, d)), s->b[0] = s->b[1] = f16_at(AT(q5_1, m));
	return _mm256_or_si256(nibbles(AT(q5_1, q)), fifth_bits(AT(q5_1, high)));
}

/* E2M1 doubled; bit 3 is the sign */
INLINE __m256i fp4(__m256i codes)
{
	const __m128i value = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(value), codes);
}

INLINE __m256i unpack_mxfp4(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u * sizeof(struct fox_mxfp4);
	s->a[0] = fox_e8m0_half(*AT(mxfp4, e));
	return fp4(nibbles(AT(mxfp4, q)));
}

INLINE __m256i unpack_nvfp4(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 2 * sizeof(struct fox_nvfp4);
	const uint8_t *d = AT(nvfp4, d) + u % 2 * 2;
	s->a[0] = fox_e4m3_half(d[0]), s->a[1] = fox_e4m3_half(d[1]);
	/* two groups of eight bytes: low nibbles of one, its high nibbles, and so with the other */
	return fp4(_mm256_permute4x64_epi64(nibbles(AT(nvfp4, q) + u % 2 * 16), 0xd8));
}

INLINE __m256i unpack_q2_k(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 8 * sizeof(struct fox_q2_k);
	float d = f16_at(AT(q2_k, d)), m = f16_at(AT(q2_k, dmin));
	const uint8_t *scale = AT(q2_k, scales) + u % 8 * 2;
	for (int g = 0; g < 2; g++)
		s->a[g] = d * (float)(scale[g] & 15), s->b[g] = -(m * (float)(scale[g] >> 4));
	return field(load_32(AT(q2_k, q) + u % 8 / 4 * 32), (int)(u % 4) * 2, 2);
}

INLINE __m256i unpack_q3_k(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 8 * sizeof(struct fox_q3_k);
	float d = f16_at(AT(q3_k, d));
	for (size_t g = 0; g < 2; g++) {
		size_t i = u % 8 * 2 + g;
		int scale =
		    (AT(q3_k, scales)[i % 8] >> i / 8 * 4 & 15) | (AT(q3_k, scales)[8 + i % 4] >> i / 4 * 2 & 3) << 4;
		s->a[g] = d * (float)(scale - 32);
	}
	__m256i third = _mm256_slli_epi16(field(load_32(AT(q3_k, high)), (int)(u % 8), 1), 2);
	__m256i q = _mm256_or_si256(field(load_32(AT(q3_k, q) + u % 8 / 4 * 32), (int)(u % 4) * 2, 2), third);
	return _mm256_sub_epi8(q, _mm256_set1_epi8(4));
}

/* The scale and the minimum of one of eight groups, six bits each. */
INLINE void scales_6(struct scales *s, const uint8_t *in, size_t g, const uint8_t *d, const uint8_t *dmin)
{
	int scale = g < 4 ? in[g] & 63 : (in[g + 4] & 15) | in[g - 4] >> 6 << 4;
	int min = g < 4 ? in[g + 4] & 63 : in[g + 4] >> 4 | in[g] >> 6 << 4;
	s->a[0] = s->a[1] = f16_at(d) * (float)scale;
	s->b[0] = s->b[1] = -(f16_at(dmin) * (float)min);
}

INLINE __m256i unpack_q4_k(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 8 * sizeof(struct fox_q4_k);
	scales_6(s, AT(q4_k, scales), u % 8, AT(q4_k, d), AT(q4_k, dmin));
	return field(load_32(AT(q4_k, q) + u % 8 / 2 * 32), (int)(u % 2) * 4, 4);
}

INLINE __m256i unpack_q5_k(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 8 * sizeof(struct fox_q5_k);
	scales_6(s, AT(q5_k, scales), u % 8, AT(q5_k, d), AT(q5_k, dmin));
	__m256i fifth = _mm256_slli_epi16(field(load_32(AT(q5_k, high)), (int)(u % 8), 1), 4);
	return _mm256_or_si256(field(load_32(AT(q5_k, q) + u % 8 / 2 * 32), (int)(u % 2) * 4, 4), fifth);
}

INLINE __m256i unpack_q6_k(struct scales *s, const uint8_t *row, size_t u)
{
	const uint8_t *b = row + u / 8 * sizeof(struct fox_q6_k);
	float d = f16_at(AT(q6_k, d));
	for (int g = 0; g < 2; g++)
		s->a[g] = d * (float)(int8_t)AT(q6_k, scales)[u % 8 * 2 + (size_t)g];
	__m256i low = field(load_32(AT(q6_k, q) + u % 8 / 4 * 64 + u % 2 * 32), (int)(u % 4 / 2) * 4, 4);
	__m256i top = field(load_32(AT(q6_k, high) + u % 8 / 4 * 32), (int)(u % 4) * 2, 2);
	return _mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(top, 4)), _mm256_set1_epi8(32));
}

/* out[i] dword r = in[r] dword i */
INLINE void transpose(__m256i out[8], const __m256i in[8])
{
	__m256i t[8], u[8];
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_epi32(in[i], in[i + 1]);
		t[i + 1] = _mm256_unpackhi_epi32(in[i], in[i + 1]);
	}
	for (int i = 0; i < 8; i += 4)
		for (int j = 0; j < 2; j++) {
			u[i + 2 * j] = _mm256_unpacklo_epi64(t[i + j], t[i + j + 2]);
			u[i + 2 * j + 1] = _mm256_unpackhi_epi64(t[i + j], t[i + j + 2]);
		}
	for (int i = 0; i < 4; i++) {
		out[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
		out[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
	}
}

/* Eight rows, from `from` of the tile on, of 32 weights each; those from `rows` on count as 0. */
INLINE void pack_8(uint8_t *unit, size_t from, const uint8_t *w, size_t w_step, size_t rows, size_t u,
    unpack_fn *unpack, const int groups, const bool has_b)
{
	struct fox_u8_codes *codes = (void *)unit;
	struct fox_u8_scales *to = (void *)(codes + 1);
	float *b = (void *)(to + groups);
	__m256i row[8], column[8];
	for (size_t r = 0; r < 8; r++) {
		struct scales s = {{0}, {0}};
		row[r] = r < rows ? unpack(&s, w + r * w_step, u) : _mm256_setzero_si256();
		for (int g = 0; g < groups; g++) {
			to[g].a[from + r] = s.a[g];
			if (has_b)
				b[(size_t)g * FOX_U8_TILE + from + r] = s.b[g];
		}
	}
	transpose(column, row);
	__m256i minus = _mm256_setzero_si256();
	for (int i = 0; i < 8; i++) {
		_mm256_store_si256((__m256i *)(void *)codes->code[i][from], column[i]);
		minus = _mm256_sub_epi16(minus, _mm256_maddubs_epi16(_mm256_set1_epi8(1), column[i]));
		if ((i + 1) % (8 / groups) != 0)
			continue;
		_mm256_store_si256((__m256i *)(void *)to[i * groups / 8].minus[from], minus);
		minus = _mm256_setzero_si256();
	}
}

INLINE void pack(uint8_t *panel, const uint8_t *w, size_t w_step, size_t rows, size_t n, unpack_fn *unpack,
    const int groups, const bool has_b)
{
	assert(rows >= 1 && rows <= FOX_U8_ROWS && n % 32 == 0);
	size_t unit = fox_u8_unit((size_t)groups, has_b);
	for (size_t r = 0; r < FOX_U8_ROWS; r += 8) {
		size_t now = r < rows ? rows - r : 0;
		uint8_t *to = panel + r / FOX_U8_TILE * (n / 32 * unit);
		if (now >= 8)
			for (size_t u = 0; u < n / 32; u++)
				pack_8(to + u * unit, r % FOX_U8_TILE, w + r * w_step, w_step, 8, u, unpack, groups, has_b);
		else
			for (size_t u = 0; u < n / 32; u++)
				pack_8(to + u * unit, r % FOX_U8_TILE, w + r * w_step, w_step, now, u, unpack, groups, has_b);
	}
}

/* ISA: who multiplies */
#define TYPE(T, MUL, GROUPS, HAS_B)                                                                          \
	static void pack_##T(void *panel, const void *w, size_t w_step, size_t rows, size_t n)                   \
	{                                                                                                        \
		pack(panel, w, w_step, rows, n, unpack_##T, GROUPS, HAS_B);                                          \
	}                                                                                                        \
	static size_t bytes_##T(size_t n)                                                                        \
	{                                                                                                        \
		return FOX_U8_TILES * (n / 32 * fox_u8_unit(GROUPS, HAS_B));                                         \
	}

#define TYPES(T)                                                                                             \
	T(Q4_0, q4_0, u8_32, 1, 0)                                                                               \
	T(Q4_1, q4_1, u8_32b, 1, 1)                                                                              \
	T(Q5_0, q5_0, u8_32, 1, 0)                                                                               \
	T(Q5_1, q5_1, u8_16b, 2, 1)                                                                              \
	T(MXFP4, mxfp4, u8_32, 1, 0)                                                                             \
	T(NVFP4, nvfp4, u8_16, 2, 0)                                                                             \
	T(Q2_K, q2_k, u8_16b, 2, 1)                                                                              \
	T(Q3_K, q3_k, u8_16, 2, 0)                                                                               \
	T(Q4_K, q4_k, u8_32b, 1, 1)                                                                              \
	T(Q5_K, q5_k, u8_16b, 2, 1)                                                                              \
	T(Q6_K, q6_k, u8_16, 2, 0)

#define PACK(ID, T, MUL, GROUPS, HAS_B) TYPE(T, MUL, GROUPS, HAS_B)
TYPES(PACK)

#define ENTRY(ID, T, MUL, GROUPS, HAS_B)                                                                     \
	[FOX_##ID] = {pack_##T, fox_panel_mul_##MUL##_avx2, bytes_##T, FOX_ACTS_U8, FOX_U8_ROWS, "avx2"},
const struct fox_gemm fox_gemm_u8_avx2[FOX_TYPE_LIMIT] = {TYPES(ENTRY)};
