/* gemv_bf16_avx512bf16.c - fast gemv of bf16 weights: 32 products with bf16 activations in one instruction, which halves what is
 * read of x beside the weights. vdpbf16ps takes subnormals for 0. */
#include <assert.h>
#include <immintrin.h>

#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

enum { STEP = 32, ROWS = 4 };

INLINE __m512bh load(const void *p, __mmask32 mask)
{
	return (__m512bh)_mm512_maskz_loadu_epi16(mask, p);
}

/* R rows, known when this is inlined. What is fetched ahead are the rows that come next; past the last it is harmless. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const uint16_t *x, size_t n, const size_t R)
{
	__m512 sum[ROWS];
	for (size_t r = 0; r < R; r++)
		sum[r] = _mm512_setzero_ps();
	for (size_t i = 0; i < n; i += STEP) {
		__mmask32 mask = n - i < STEP ? (__mmask32)((1u << (n - i)) - 1) : 0xffffffff;
		__m512bh xi = load(x + i, mask);
		for (size_t r = 0; r < R; r++) {
			const uint8_t *at = w + r * w_step + 2 * i;
			_mm_prefetch((const char *)at + R * w_step, _MM_HINT_T0);
			sum[r] = _mm512_dpbf16_ps(sum[r], load(at, mask), xi);
		}
	}
	for (size_t r = 0; r < R; r++)
		y[r] = _mm512_reduce_add_ps(sum[r]);
}

void fox_gemv_bf16_avx512bf16(
    float *y, const void *weights, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)
{
	assert(x->kind == FOX_ACTS_BF16);
	const uint8_t *w = weights;
	for (; rows >= ROWS; rows -= ROWS, y += ROWS, w += ROWS * w_step)
		some_rows(y, w, w_step, x->q, n, ROWS);
	for (; rows > 0; rows--, y++, w += w_step)
		some_rows(y, w, w_step, x->q, n, 1);
}
