/* gemm_scalar.c - several rows of activations, exact: a panel is weight rows decoded to f32, and each of its rows goes
 * through the f32 dot, whose order is that of every type. */
#include <assert.h>
#include <string.h>

#include "kernels/gemm_types.h"
#include "kernels/quant.h"

enum { ROWS = 8 };

static size_t panel_bytes(size_t n)
{
	return ROWS * n * sizeof(float);
}

static void pack(fox_decode_fn *decode, float *panel, const uint8_t *w, size_t w_step, size_t rows, size_t n)
{
	assert(rows >= 1 && rows <= ROWS);
	for (size_t r = 0; r < rows; r++)
		decode(panel + r * n, w + r * w_step, n);
	memset(panel + rows * n, 0, (ROWS - rows) * n * sizeof *panel);
}

static void mul(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *x, size_t n, size_t cols)
{
	for (size_t r = 0; r < rows; r++)
		fox_dot_f32_scalar(y + r, y_step, (const float *)panel + r * n, x->q, x->step, n, cols);
}

#define fox_decode_q8_0_scalar fox_dequant_q8_0
#define PACK(ID, T)                                                                                          \
	static void pack_##T(void *panel, const void *w, size_t w_step, size_t rows, size_t n)                   \
	{                                                                                                        \
		pack(fox_decode_##T##_scalar, panel, w, w_step, rows, n);                                            \
	}
#define ENTRY(ID, T) [FOX_##ID] = {pack_##T, mul, panel_bytes, FOX_ACTS_F32, ROWS, "scalar"},

FOX_GEMM_TYPES(PACK, PACK)

const struct fox_gemm fox_gemm_exact_scalar[FOX_TYPE_LIMIT] = {FOX_GEMM_TYPES(ENTRY, ENTRY)};
