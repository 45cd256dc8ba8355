/* gemv_exact_avx2.c - exact gemv: the bits of fox_dot_fn for each row.
 *
 * A row's 16 partials are two accumulators, whose chains of additions the order prescribes: 16 weights take no less than
 * four cycles. Types of 8 bits and more stream slower than that from memory: one row after the other. Of the smaller ones four rows
 * are decoded into the first-level cache and multiplied together. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/half.h"
#include "kernels/quant.h"

#define INLINE static inline __attribute__((always_inline))

enum { STEP = 32, CHUNK = 256, ROWS = 4 };

/* How far ahead weights are fetched, in bytes: past the end of a row lies the next; past the last it is harmless. */
#ifndef AHEAD
#define AHEAD 2048
#endif

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

/* R rows, known when this is inlined. A rest of fewer than 32 is padded with zeros, which leaves partials as they are; only
 * types of whole bytes can have one. step_bytes: of 32 weights. */
INLINE void some_rows(float *y, const uint8_t *w, size_t w_step, const float *x, size_t n, load_fn *load,
    size_t step_bytes, const size_t R)
{
	struct partials p[4];
	for (size_t r = 0; r < R; r++)
		p[r].lo = p[r].hi = _mm256_setzero_ps();
	size_t steps = n / STEP, rest = n % STEP;
	for (size_t s = 0; s < steps; s++)
		for (size_t r = 0; r < R; r++) {
			const uint8_t *at = w + r * w_step + s * step_bytes;
			_mm_prefetch((const char *)at + AHEAD, _MM_HINT_T0);
			if (step_bytes > 64)
				_mm_prefetch((const char *)at + AHEAD + 64, _MM_HINT_T0);
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

#ifndef NROWS
#define NROWS 1
#endif
INLINE void stream(float *y, const uint8_t *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n,
    load_fn *load, size_t step_bytes)
{
	assert(x->kind == FOX_ACTS_F32 && (step_bytes % STEP == 0 || n % STEP == 0));
	size_t r = 0;
	for (; r + NROWS <= rows; r += NROWS)
		some_rows(y + r, w + r * w_step, w_step, x->q, n, load, step_bytes, NROWS);
	for (; r < rows; r++)
		some_rows(y + r, w + r * w_step, w_step, x->q, n, load, step_bytes, 1);
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

/* m weights (a multiple of 16) of R rows that were decoded CHUNK apart. */
INLINE void add_chunk(struct partials *p, const float *w, const float *x, size_t m, const size_t R)
{
	struct partials now[ROWS];
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
		struct partials p[ROWS];
		now = rows < ROWS ? rows : ROWS;
		for (size_t r = 0; r < ROWS; r++)
			p[r].lo = p[r].hi = _mm256_setzero_ps();
		for (size_t at = 0; at < n; at += CHUNK) {
			float wf[ROWS * CHUNK] __attribute__((aligned(32)));
			size_t m = n - at < CHUNK ? n - at : CHUNK;
			for (size_t r = 0; r < now; r++) {
				const uint8_t *in = w + r * w_step + at / CHUNK * chunk_bytes;
				for (size_t line = 0; line < chunk_bytes; line += 64)
					_mm_prefetch((const char *)in + AHEAD + line, _MM_HINT_T0);
				decode(wf + r * CHUNK, in, m);
			}
			if (now == ROWS) {
				add_chunk(p, wf, x + at, m, ROWS);
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

CHUNKS(q4_0, 32, fox_decode_q4_0_avx2)
CHUNKS(q4_1, 32, fox_decode_q4_1_avx2)
CHUNKS(q5_0, 32, fox_decode_q5_0_avx2)
CHUNKS(q5_1, 32, fox_decode_q5_1_avx2)
CHUNKS(q2_k, 256, fox_decode_q2_k_avx2)
CHUNKS(q3_k, 256, fox_decode_q3_k_avx2)
CHUNKS(q4_k, 256, fox_decode_q4_k_avx2)
CHUNKS(q5_k, 256, fox_decode_q5_k_avx2)
CHUNKS(q6_k, 256, fox_decode_q6_k_avx2)
CHUNKS(iq4_nl, 32, fox_decode_iq4_nl_avx2)
CHUNKS(iq4_xs, 256, fox_decode_iq4_xs_avx2)
CHUNKS(mxfp4, 32, fox_decode_mxfp4_avx2)
CHUNKS(nvfp4, 64, fox_decode_nvfp4_avx2)
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
