/* gemv_exact_avx512.c - exact gemv of f32, f16, bf16 and q8_0: the bits of fox_dot_fn for each row, whose 16 partials are one
 * vector. It is a chain of additions: four rows go at once. What is fetched ahead are the rows that come next. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "format/base/num.h"
#include "kernels/half.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { STEP = 32, ROWS = 4 };

/* 16 weights from weight i of a row on, those of the mask; the others count as 0. i is a multiple of 16. */
typedef __m512 load_fn(const uint8_t *row, size_t i, __mmask16 mask);

INLINE __m512 load_f32(const uint8_t *row, size_t i, __mmask16 mask)
{
	return _mm512_maskz_loadu_ps(mask, row + 4 * i);
}

INLINE __m512 load_f16(const uint8_t *row, size_t i, __mmask16 mask)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + 2 * i));
}

INLINE __m512 load_bf16(const uint8_t *row, size_t i, __mmask16 mask)
{
	__m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, row + 2 * i));
	return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

INLINE __m512 load_q8_0(const uint8_t *row, size_t i, __mmask16 mask)
{
	const uint8_t *p = row + i / 32 * sizeof(struct fox_q8_0), *q = p + offsetof(struct fox_q8_0, q) + i % 32;
	(void)mask; /* blocks are whole */
	__m512 codes =
	    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)q)));
	return _mm512_mul_ps(_mm512_set1_ps(_cvtsh_ss(fox_load16(p))), codes);
}

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(__m512 p)
{
	__m256 p8 = _mm256_add_ps(_mm512_castps512_ps256(p), _mm512_extractf32x8_ps(p, 1));
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

/* R rows, known when this is inlined. Past the last row a fetch is harmless. step_bytes: of 32 weights. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const float *x, size_t n, load_fn *load,
    size_t step_bytes, const size_t R)
{
	__m512 sum[ROWS];
	size_t i = 0;
	for (size_t r = 0; r < R; r++)
		sum[r] = _mm512_setzero_ps();
	for (; i + STEP <= n; i += STEP)
		for (size_t r = 0; r < R; r++) {
			const uint8_t *row = w + r * w_step;
			for (size_t line = 0; line < step_bytes; line += 64)
				_mm_prefetch((const char *)row + R * w_step + i / STEP * step_bytes + line, _MM_HINT_T0);
			sum[r] = _mm512_fmadd_ps(load(row, i, 0xffff), _mm512_loadu_ps(x + i), sum[r]);
			sum[r] = _mm512_fmadd_ps(load(row, i + 16, 0xffff), _mm512_loadu_ps(x + i + 16), sum[r]);
		}
	for (; i < n; i += 16) { /* zeros leave partials as they are */
		__mmask16 mask = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
		__m512 xi = _mm512_maskz_loadu_ps(mask, x + i);
		for (size_t r = 0; r < R; r++)
			sum[r] = _mm512_fmadd_ps(load(w + r * w_step, i, mask), xi, sum[r]);
	}
	for (size_t r = 0; r < R; r++)
		y[r] = add_pairwise(sum[r]);
}

INLINE void stream(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    load_fn *load, size_t step_bytes)
{
	assert(x->kind == FOX_ACTS_F32 && (step_bytes % STEP == 0 || n % STEP == 0));
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		some_rows(y, w, w_step, x->q, n, load, step_bytes, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		some_rows(y, w, w_step, x->q, n, load, step_bytes, 1);
}

#define STREAM(T, BYTES)                                                                                     \
	void fox_gemv_exact_##T##_avx512(                                                                        \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		stream(y, w, w_step, rows, x, n, load_##T, BYTES);                                                   \
	}

STREAM(f32, STEP * 4)
STREAM(f16, STEP * 2)
STREAM(bf16, STEP * 2)
STREAM(q8_0, sizeof(struct fox_q8_0))
