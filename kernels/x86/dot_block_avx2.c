/* dot_block_avx2.c - fox_dot_fn of block types: decode 256 weights, multiply them with every column, and on.
 *
 * The weights of a chunk stay in the first-level cache; a column's 16 partials are two accumulators, kept in memory between
 * chunks. Columns go by six, as in dot_avx2.c; up to 24 share one decoding, which costs about as much as six
 * columns. */
#include <assert.h>
#include <immintrin.h>
#include <string.h>

#include "kernels/quant.h"

#define INLINE static inline __attribute__((always_inline))

enum { CHUNK = 256, COLS = 24, AHEAD = 1024 };

/* The two accumulators of a column. */
struct partials {
	__m256 lo, hi;
};

/* m weights (a multiple of 16) on C columns, known when this is inlined. */
INLINE void add_columns(
    struct partials *p, const float *w, const float *x, size_t x_step, size_t m, const size_t C)
{
	__m256 lo[6], hi[6];
	for (size_t c = 0; c < C; c++)
		lo[c] = p[c].lo, hi[c] = p[c].hi;
	for (size_t i = 0; i < m; i += 16) {
		__m256 a = _mm256_loadu_ps(w + i), b = _mm256_loadu_ps(w + i + 8);
		for (size_t c = 0; c < C; c++) {
			lo[c] = _mm256_fmadd_ps(a, _mm256_loadu_ps(x + c * x_step + i), lo[c]);
			hi[c] = _mm256_fmadd_ps(b, _mm256_loadu_ps(x + c * x_step + i + 8), hi[c]);
		}
	}
	for (size_t c = 0; c < C; c++)
		p[c].lo = lo[c], p[c].hi = hi[c];
}

static void add_chunk(
    struct partials *p, const float *w, const float *x, size_t x_step, size_t m, size_t cols)
{
	for (; cols >= 6; cols -= 6, p += 6, x += 6 * x_step)
		add_columns(p, w, x, x_step, m, 6);
	if (cols >= 3) {
		add_columns(p, w, x, x_step, m, 3);
		cols -= 3, p += 3, x += 3 * x_step;
	}
	if (cols == 2)
		add_columns(p, w, x, x_step, m, 2);
	else if (cols == 1)
		add_columns(p, w, x, x_step, m, 1);
}

/* 8, 4, 2, 1 apart */
INLINE float add_pairwise(struct partials p)
{
	__m256 p8 = _mm256_add_ps(p.lo, p.hi);
	__m128 p4 = _mm_add_ps(_mm256_castps256_ps128(p8), _mm256_extractf128_ps(p8, 1));
	__m128 p2 = _mm_add_ps(p4, _mm_movehl_ps(p4, p4));
	return _mm_cvtss_f32(_mm_add_ss(p2, _mm_movehdup_ps(p2)));
}

static void dot(float *y, size_t y_step, fox_decode_fn *decode, const void *w, size_t chunk_bytes,
    const float *x, size_t x_step, size_t n, size_t cols)
{
	assert(cols >= 1 && n % 16 == 0);
	for (size_t now; cols > 0; cols -= now, y += now * y_step, x += now * x_step) {
		struct partials p[COLS];
		const uint8_t *in = w;
		now = cols < COLS ? cols : COLS;
		for (size_t c = 0; c < now; c++)
			p[c].lo = p[c].hi = _mm256_setzero_ps();
		for (size_t at = 0; at < n; at += CHUNK, in += chunk_bytes) {
			float wf[CHUNK];
			size_t m = n - at < CHUNK ? n - at : CHUNK;
			/* past the end of a row lies the next; past the last it is harmless */
			_mm_prefetch((const char *)in + AHEAD, _MM_HINT_T0);
			_mm_prefetch((const char *)in + AHEAD + 64, _MM_HINT_T0);
			decode(wf, in, m);
			add_chunk(p, wf, x + at, x_step, m, now);
		}
		for (size_t c = 0; c < now; c++)
			y[c * y_step] = add_pairwise(p[c]);
	}
}

/* B weights in a struct fox_T, decoded by DECODE. */
#define BLOCK_DOT(T, B, DECODE)                                                                              \
	void fox_dot_##T##_avx2(                                                                                 \
	    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)        \
	{                                                                                                        \
		assert(n % (B) == 0);                                                                                \
		dot(y, y_step, DECODE, w, CHUNK / (B) * sizeof(struct fox_##T), x, x_step, n, cols);                 \
	}

BLOCK_DOT(q2_k, 256, fox_decode_q2_k_avx2)
BLOCK_DOT(q3_k, 256, fox_decode_q3_k_avx2)
BLOCK_DOT(q4_k, 256, fox_decode_q4_k_avx2)
BLOCK_DOT(q5_k, 256, fox_decode_q5_k_avx2)
BLOCK_DOT(q6_k, 256, fox_decode_q6_k_avx2)
BLOCK_DOT(q4_0, 32, fox_decode_q4_0_avx2)
BLOCK_DOT(q4_1, 32, fox_decode_q4_1_avx2)
BLOCK_DOT(q5_0, 32, fox_decode_q5_0_avx2)
BLOCK_DOT(q5_1, 32, fox_decode_q5_1_avx2)
BLOCK_DOT(iq4_nl, 32, fox_decode_iq4_nl_avx2)
BLOCK_DOT(iq4_xs, 256, fox_decode_iq4_xs_avx2)
BLOCK_DOT(mxfp4, 32, fox_decode_mxfp4_avx2)
BLOCK_DOT(nvfp4, 64, fox_decode_nvfp4_avx2)
BLOCK_DOT(iq1_s, 256, fox_decode_iq1_s_avx2)
BLOCK_DOT(iq1_m, 256, fox_decode_iq1_m_avx2)
BLOCK_DOT(iq2_xxs, 256, fox_decode_iq2_xxs_avx2)
BLOCK_DOT(iq2_xs, 256, fox_decode_iq2_xs_avx2)
BLOCK_DOT(iq2_s, 256, fox_decode_iq2_s_avx2)
BLOCK_DOT(iq3_xxs, 256, fox_decode_iq3_xxs_avx2)
BLOCK_DOT(iq3_s, 256, fox_decode_iq3_s_avx2)
BLOCK_DOT(tq1_0, 256, fox_decode_tq1_0_scalar)
BLOCK_DOT(tq2_0, 256, fox_decode_tq2_0_scalar)
BLOCK_DOT(q1_0, 128, fox_decode_q1_0_avx2)
BLOCK_DOT(q2_0, 64, fox_decode_q2_0_scalar)
