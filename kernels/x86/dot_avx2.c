/* dot_avx2.c - fox_dot_fn with eight f32 lanes: the 16 partials of a column are two accumulators.
 *
 * Per 32 weights: decode once into four vectors, then four FMAs per column straight from x. Columns go by
 * six, which with their 12 accumulators fill the registers; one column alone is bound by the two FMA chains
 * its order prescribes. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/kernels.h"

#define INLINE static inline __attribute__((always_inline))

/* Weights per turn of the loop; how far ahead of it weights are fetched, in bytes: with several columns the
 * hardware's own fetching falls behind. Past the end of a row lies the next; past the last, it is harmless.
 */
enum { STEP = 32, AHEAD = 1024 };

/* 32 weights in order: v[0] holds 0..7. */
struct weights {
	__m256 v[4];
};
typedef struct weights load_fn(const uint8_t *w, size_t step);

INLINE struct weights load_f32(const uint8_t *w, size_t step)
{
	const float *p = (const float *)(const void *)(w + step * STEP * 4);
	return (struct weights){
	    {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), _mm256_loadu_ps(p + 16), _mm256_loadu_ps(p + 24)}};
}

INLINE __m256 widen_f16(const uint8_t *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE struct weights load_f16(const uint8_t *w, size_t step)
{
	const uint8_t *p = w + step * STEP * 2;
	return (struct weights){{widen_f16(p), widen_f16(p + 16), widen_f16(p + 32), widen_f16(p + 48)}};
}

INLINE __m256 widen_bf16(const uint8_t *p)
{
	__m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
	return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

INLINE struct weights load_bf16(const uint8_t *w, size_t step)
{
	const uint8_t *p = w + step * STEP * 2;
	return (struct weights){{widen_bf16(p), widen_bf16(p + 16), widen_bf16(p + 32), widen_bf16(p + 48)}};
}

INLINE __m256 widen_i8(__m256 d, const uint8_t *q)
{
	__m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)q));
	return _mm256_mul_ps(d, _mm256_cvtepi32_ps(wide));
}

INLINE struct weights load_q8_0(const uint8_t *w, size_t step)
{
	const uint8_t *p = w + step * sizeof(struct fox_q8_0), *q = p + offsetof(struct fox_q8_0, q);
	uint16_t bits;
	memcpy(&bits, p, sizeof bits);
	__m256 d = _mm256_set1_ps(_cvtsh_ss(bits));
	return (struct weights){{widen_i8(d, q), widen_i8(d, q + 8), widen_i8(d, q + 16), widen_i8(d, q + 24)}};
}

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(__m256 lo, __m256 hi)
{
	__m256 p8 = _mm256_add_ps(lo, hi);
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

/* C columns, known when this is inlined. A rest of fewer than 32 is padded with zeros, which leaves partials
 * as they are; only types of whole bytes can have one. step_bytes: of 32 weights. */
INLINE void columns(float *y, size_t y_step, const uint8_t *w, load_fn *load, size_t step_bytes,
    const float *x, size_t x_step, size_t n, const size_t C)
{
	__m256 lo[6], hi[6];
	for (size_t c = 0; c < C; c++)
		lo[c] = hi[c] = _mm256_setzero_ps();
	size_t steps = n / STEP, rest = n % STEP;
	for (size_t s = 0; s < steps; s++) {
		struct weights k = load(w, s);
		_mm_prefetch((const char *)w + s * step_bytes + AHEAD, _MM_HINT_T0);
		const float *xs = x + s * STEP;
		for (size_t c = 0; c < C; c++) {
			const float *xc = xs + c * x_step;
			lo[c] = _mm256_fmadd_ps(k.v[0], _mm256_loadu_ps(xc), lo[c]);
			hi[c] = _mm256_fmadd_ps(k.v[1], _mm256_loadu_ps(xc + 8), hi[c]);
			lo[c] = _mm256_fmadd_ps(k.v[2], _mm256_loadu_ps(xc + 16), lo[c]);
			hi[c] = _mm256_fmadd_ps(k.v[3], _mm256_loadu_ps(xc + 24), hi[c]);
		}
	}
	if (rest) {
		uint8_t wr[STEP * 4] = {0};
		memcpy(wr, w + steps * step_bytes, rest * (step_bytes / STEP));
		struct weights k = load(wr, 0);
		for (size_t c = 0; c < C; c++) {
			float xr[STEP] = {0};
			memcpy(xr, x + c * x_step + steps * STEP, rest * sizeof *xr);
			lo[c] = _mm256_fmadd_ps(k.v[0], _mm256_loadu_ps(xr), lo[c]);
			hi[c] = _mm256_fmadd_ps(k.v[1], _mm256_loadu_ps(xr + 8), hi[c]);
			lo[c] = _mm256_fmadd_ps(k.v[2], _mm256_loadu_ps(xr + 16), lo[c]);
			hi[c] = _mm256_fmadd_ps(k.v[3], _mm256_loadu_ps(xr + 24), hi[c]);
		}
	}
	for (size_t c = 0; c < C; c++)
		y[c * y_step] = add_pairwise(lo[c], hi[c]);
}

INLINE void dot(float *y, size_t y_step, const void *weights, load_fn *load, size_t step_bytes,
    const float *x, size_t x_step, size_t n, size_t cols)
{
	const uint8_t *w = weights;
	assert(cols >= 1 && (step_bytes % STEP == 0 || n % STEP == 0));
	for (; cols >= 6; cols -= 6, y += 6 * y_step, x += 6 * x_step)
		columns(y, y_step, w, load, step_bytes, x, x_step, n, 6);
	if (cols >= 3) {
		columns(y, y_step, w, load, step_bytes, x, x_step, n, 3);
		cols -= 3, y += 3 * y_step, x += 3 * x_step;
	}
	if (cols == 2)
		columns(y, y_step, w, load, step_bytes, x, x_step, n, 2);
	else if (cols == 1)
		columns(y, y_step, w, load, step_bytes, x, x_step, n, 1);
}

void fox_dot_f32_avx2(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, w, load_f32, STEP * 4, x, x_step, n, cols);
}

void fox_dot_f16_avx2(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, w, load_f16, STEP * 2, x, x_step, n, cols);
}

void fox_dot_bf16_avx2(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, w, load_bf16, STEP * 2, x, x_step, n, cols);
}

void fox_dot_q8_0_avx2(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, w, load_q8_0, sizeof(struct fox_q8_0), x, x_step, n, cols);
}
