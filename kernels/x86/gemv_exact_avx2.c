/* gemv_exact_avx2.c - exact gemv of f32, f16, bf16 and q8_0: the bits of fox_dot_fn for each row.
 *
 * A row's 16 partials are two accumulators, whose chains of additions the order prescribes: 16 weights of a row take no less
 * than four cycles, so two rows go at once. What is fetched ahead are the rows that come next, as far as this has got. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/quant.h"

#define INLINE static inline __attribute__((always_inline))

enum { STEP = 32, ROWS = 2 };

/* 32 weights in order: v[0] holds 0..7. */
struct weights {
	__m256 v[4];
};
typedef struct weights load_fn(const uint8_t *p);

INLINE struct weights load_f32(const uint8_t *at)
{
	const float *p = (const float *)(const void *)at;
	return (struct weights){
	    {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), _mm256_loadu_ps(p + 16), _mm256_loadu_ps(p + 24)}};
}

INLINE __m256 widen_f16(const uint8_t *p)
{
	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

INLINE struct weights load_f16(const uint8_t *p)
{
	return (struct weights){{widen_f16(p), widen_f16(p + 16), widen_f16(p + 32), widen_f16(p + 48)}};
}

INLINE __m256 widen_bf16(const uint8_t *p)
{
	__m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
	return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

INLINE struct weights load_bf16(const uint8_t *p)
{
	return (struct weights){{widen_bf16(p), widen_bf16(p + 16), widen_bf16(p + 32), widen_bf16(p + 48)}};
}

INLINE __m256 widen_i8(__m256 d, const uint8_t *q)
{
	__m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)q));
	return _mm256_mul_ps(d, _mm256_cvtepi32_ps(wide));
}

INLINE struct weights load_q8_0(const uint8_t *p)
{
	const uint8_t *q = p + offsetof(struct fox_q8_0, q);
	uint16_t bits;
	memcpy(&bits, p, sizeof bits);
	__m256 d = _mm256_set1_ps(_cvtsh_ss(bits));
	return (struct weights){{widen_i8(d, q), widen_i8(d, q + 8), widen_i8(d, q + 16), widen_i8(d, q + 24)}};
}

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

INLINE void add_32(struct partials *p, struct weights w, const float *x)
{
	p->lo = _mm256_fmadd_ps(w.v[0], _mm256_loadu_ps(x), p->lo);
	p->hi = _mm256_fmadd_ps(w.v[1], _mm256_loadu_ps(x + 8), p->hi);
	p->lo = _mm256_fmadd_ps(w.v[2], _mm256_loadu_ps(x + 16), p->lo);
	p->hi = _mm256_fmadd_ps(w.v[3], _mm256_loadu_ps(x + 24), p->hi);
}

/* R rows, known when this is inlined. Past the last row a fetch is harmless. A rest of fewer than 32 is padded with zeros, which leaves partials as they are; only
 * types of whole bytes can have one. step_bytes: of 32 weights. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const float *x, size_t n, load_fn *load,
    size_t step_bytes, const size_t R)
{
	struct partials p[ROWS];
	for (size_t r = 0; r < R; r++)
		p[r].lo = p[r].hi = _mm256_setzero_ps();
	size_t steps = n / STEP, rest = n % STEP;
	for (size_t s = 0; s < steps; s++)
		for (size_t r = 0; r < R; r++) {
			const uint8_t *at = w + r * w_step + s * step_bytes;
			_mm_prefetch((const char *)at + R * w_step, _MM_HINT_T0);
			if (step_bytes > 64)
				_mm_prefetch((const char *)at + R * w_step + 64, _MM_HINT_T0);
			add_32(&p[r], load(at), x + s * STEP);
		}
	for (size_t r = 0; rest && r < R; r++) {
		uint8_t wr[STEP * 4] = {0};
		float xr[STEP] = {0};
		memcpy(wr, w + r * w_step + steps * step_bytes, rest * (step_bytes / STEP));
		memcpy(xr, x + steps * STEP, rest * sizeof *xr);
		add_32(&p[r], load(wr), xr);
	}
	for (size_t r = 0; r < R; r++)
		y[r] = add_pairwise(p[r]);
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
	void fox_gemv_exact_##T##_avx2(                                                                          \
	    float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n)             \
	{                                                                                                        \
		stream(y, w, w_step, rows, x, n, load_##T, BYTES);                                                   \
	}

STREAM(f32, STEP * 4)
STREAM(f16, STEP * 2)
STREAM(bf16, STEP * 2)
STREAM(q8_0, sizeof(struct fox_q8_0))
