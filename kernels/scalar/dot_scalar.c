/* dot_scalar.c - the dot product every other ISA is measured against: 16 partial sums, in the order of
 * fox_dot_fn. */
#include <assert.h>
#include <string.h>

#include "kernels/quant.h"

enum { LANES = 16, CHUNK = 256, COLS = 4 }; /* CHUNK: a multiple of LANES and of every block */

/* x has no alignment to rely on, and its own byte order. */
static float load_x(const float *x)
{
	float v;
	memcpy(&v, x, sizeof v);
	return v;
}

static float add_pairwise(float p[LANES])
{
	for (int apart = LANES / 2; apart > 0; apart /= 2)
		for (int j = 0; j < apart; j++)
			p[j] += p[j + apart];
	return p[0];
}

/* Decode a chunk of the row once and use it for up to COLS columns. Chunks start at multiples of 16, so
 * element i of a chunk belongs to partial i % 16. */
static void dot_columns(float *y, size_t y_step, fox_decode_fn *decode, const uint8_t *w, size_t chunk_bytes,
    const float *x, size_t x_step, size_t n, size_t cols)
{
	float p[COLS][LANES] = {{0}};
	float wf[CHUNK];
	for (size_t at = 0; at < n; at += CHUNK, w += chunk_bytes) {
		size_t m = n - at < CHUNK ? n - at : CHUNK;
		decode(wf, w, m);
		for (size_t c = 0; c < cols; c++)
			for (size_t i = 0; i < m; i++)
				p[c][i % LANES] += wf[i] * load_x(x + c * x_step + at + i);
	}
	for (size_t c = 0; c < cols; c++)
		y[c * y_step] = add_pairwise(p[c]);
}

static void dot(float *y, size_t y_step, fox_decode_fn *decode, const void *w, size_t chunk_bytes,
    const float *x, size_t x_step, size_t n, size_t cols)
{
	assert(cols >= 1);
	for (size_t c = 0; c < cols; c += COLS) {
		size_t m = cols - c < COLS ? cols - c : COLS;
		dot_columns(y + c * y_step, y_step, decode, w, chunk_bytes, x + c * x_step, x_step, n, m);
	}
}

void fox_dot_f32_scalar(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, fox_decode_f32_scalar, w, CHUNK * sizeof(float), x, x_step, n, cols);
}

void fox_dot_f16_scalar(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, fox_decode_f16_scalar, w, CHUNK * sizeof(uint16_t), x, x_step, n, cols);
}

void fox_dot_bf16_scalar(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	dot(y, y_step, fox_decode_bf16_scalar, w, CHUNK * sizeof(uint16_t), x, x_step, n, cols);
}

void fox_dot_q8_0_scalar(
    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)
{
	assert(n % 32 == 0);
	dot(y, y_step, fox_dequant_q8_0, w, CHUNK / 32 * sizeof(struct fox_q8_0), x, x_step, n, cols);
}

/* Block types: B weights in a struct fox_T. */
#define BLOCK_DOT(T, B)                                                                                      \
	void fox_dot_##T##_scalar(                                                                               \
	    float *y, size_t y_step, const void *w, const float *x, size_t x_step, size_t n, size_t cols)        \
	{                                                                                                        \
		assert(n % (B) == 0);                                                                                \
		dot(y, y_step, fox_decode_##T##_scalar, w, CHUNK / (B) * sizeof(struct fox_##T), x, x_step, n,       \
		    cols);                                                                                           \
	}

BLOCK_DOT(q2_k, 256)
BLOCK_DOT(q3_k, 256)
BLOCK_DOT(q4_k, 256)
BLOCK_DOT(q5_k, 256)
BLOCK_DOT(q6_k, 256)
BLOCK_DOT(q4_0, 32)
BLOCK_DOT(q4_1, 32)
BLOCK_DOT(q5_0, 32)
BLOCK_DOT(q5_1, 32)
BLOCK_DOT(iq4_nl, 32)
BLOCK_DOT(iq4_xs, 256)
BLOCK_DOT(mxfp4, 32)
BLOCK_DOT(nvfp4, 64)
BLOCK_DOT(iq1_s, 256)
BLOCK_DOT(iq1_m, 256)
BLOCK_DOT(iq2_xxs, 256)
BLOCK_DOT(iq2_xs, 256)
BLOCK_DOT(iq2_s, 256)
BLOCK_DOT(iq3_xxs, 256)
BLOCK_DOT(iq3_s, 256)
BLOCK_DOT(tq1_0, 256)
BLOCK_DOT(tq2_0, 256)
BLOCK_DOT(q1_0, 128)
BLOCK_DOT(q2_0, 64)
