/* pack_u8_avx2.c - panels of panel_u8.h, and the table of their gemm: unpack_avx2.h makes bytes with a sign, eight rows of
 * which are transposed by fours, as dwords. */
#include <assert.h>

#include "kernels/x86/panel_u8.h"
#include "kernels/x86/unpack_avx2.h"

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
	T(Q5_1, q5_1, u8_32b, 1, 1)                                                                              \
	T(MXFP4, mxfp4, u8_32, 1, 0)                                                                             \
	T(NVFP4, nvfp4, u8_16, 2, 0)                                                                             \
	T(Q2_K, q2_k, u8_16b, 2, 1)                                                                              \
	T(Q3_K, q3_k, u8_16, 2, 0)                                                                               \
	T(Q4_K, q4_k, u8_32b, 1, 1)                                                                              \
	T(Q5_K, q5_k, u8_32b, 1, 1)                                                                              \
	T(Q6_K, q6_k, u8_16, 2, 0)

#define PACK(ID, T, MUL, GROUPS, HAS_B) TYPE(T, MUL, GROUPS, HAS_B)
TYPES(PACK)

#define ENTRY(ID, T, MUL, GROUPS, HAS_B)                                                                     \
	[FOX_##ID] = {pack_##T, fox_panel_mul_##MUL##_avx2, bytes_##T, FOX_ACTS_U8, FOX_U8_ROWS, "avx2"},
const struct fox_gemm fox_gemm_u8_avx2[FOX_TYPE_LIMIT] = {TYPES(ENTRY)};

/* For multipliers that bear codes of eight bits, vpdpbusd: mul is theirs. */
#define WIDE_TYPES(T) T(Q8_0, q8_0, 0, 1, 0) T(IQ4_NL, iq4_nl, 0, 1, 0) T(IQ4_XS, iq4_xs, 0, 1, 0)
WIDE_TYPES(PACK)

#define WIDE_ENTRY(ID, T, MUL, GROUPS, HAS_B)                                                                \
	[FOX_##ID] = {pack_##T, NULL, bytes_##T, FOX_ACTS_U8, FOX_U8_ROWS, NULL},
const struct fox_gemm fox_gemm_u8_wide_avx2[FOX_TYPE_LIMIT] = {WIDE_TYPES(WIDE_ENTRY)};
