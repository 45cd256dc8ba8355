/* matmul.cuh - many rows of activations times weights: what the files of matmul share. Private to matmul*.
 *
 * Tensor cores multiply 16-bit numbers, so a product is made of parts: activations are rounded into one to three of them by a
 * small kernel, weights too where they are not stored so already. What is multiplied then has one shape: rows at multiples of
 * 16 bytes, of columns up to a multiple of 64, zeros behind the last.
 *
 *   form      activations           weights               products   error, of S = sum |w x|
 *   BF16      bf16                  bf16                  1          2^-8 of each rounded operand
 *   F16       f16 times 2^e         f16 as stored         1          2^-11
 *   BF16X3    bf16, three parts     bf16 as stored        3          none but what f32 sums round
 *   F16X2     f16, two, times 2^e   f16 as stored         2          2^-22, likewise
 *   F16X22    f16, two, times 2^e   f16, two, times 2^e   3          3 * 2^-22, likewise
 *
 * BF16 and F16 are fast, the others exact. One form serves a whole product: the weights' own where all parts agree, else BF16
 * or F16X22. f16 has three bits more than bf16 for the same price, but not its range: so each row of activations, and of
 * weights that are split, is scaled by the power of two that brings its largest magnitude to 2^14. Below 2^-29 of the largest
 * a part is then no longer rounded to its own digits but to steps of 2^-39 of the largest, which the bounds above do not
 * count: |y - y_real| has a term of 2^-39 * (max |x| * sum |w| + max |w| * sum |x|) more. Activations rounded to f16 so are
 * nearer than in bf16, hence f16 weights need no splitting when fast.
 *
 * Weights that are not stored as wanted are decoded into a panel in scratch, FOX_MATMUL_PANEL bytes at most at a time, and
 * multiplied out of it. Decoding on the way into shared memory would save 4 bytes of L2 traffic a weight, about a tenth of the
 * time of a prompt of 2048; it would cost every block of rows its own decoding, and a kernel per type. */
#ifndef FOX_MATMUL_CUH
#define FOX_MATMUL_CUH

#include "kernels/cuda/launch.cuh"

enum fox_matmul_form {
	FOX_MATMUL_BF16,
	FOX_MATMUL_F16,
	FOX_MATMUL_BF16X3,
	FOX_MATMUL_F16X2,
	FOX_MATMUL_F16X22
};

template <enum fox_matmul_form F> struct fox_matmul_parts {
	enum {
		IS_F16 = F == FOX_MATMUL_F16 || F == FOX_MATMUL_F16X2 || F == FOX_MATMUL_F16X22,
		X = F == FOX_MATMUL_BF16X3                            ? 3
		    : F == FOX_MATMUL_F16X2 || F == FOX_MATMUL_F16X22 ? 2
		                                                      : 1,
		W = F == FOX_MATMUL_F16X22 ? 2 : 1,
		EXACT = F >= FOX_MATMUL_BF16X3
	};
};

enum {
	FOX_MATMUL_STEP = 64,          /* columns are padded to a multiple */
	FOX_MATMUL_PANEL = 32 << 20,   /* bytes: stays in the L2 of a large card, holds most matrices whole */
	FOX_MATMUL_PANEL_ROWS = 16,    /* it holds so many rows, however wide */
	FOX_MATMUL_PARTIAL = 16 << 20, /* bytes of sums of a product that is split over columns */
	FOX_MATMUL_LITTLE = 1 << 20,   /* bytes of each for so few rows that matvec is meant to serve them */
	FOX_MATMUL_BAND = 2048,        /* rows of activations that go with each weight row before the next */
	FOX_MATMUL_SPLITS = 16
};

/* Rows of weights that one launch multiplies: a whole matrix, or what the panel holds of it. */
struct fox_matmul_piece {
	const uint8_t *w; /* part 0 of row 0 */
	uint64_t row_bytes, part_bytes;
	uint32_t rows;
	const int32_t *scale; /* row's values are times 2^-scale[row]; NULL: 0 */
	const float *bias;    /* or NULL */
	float *y;
	uint32_t y_cols;     /* between rows of y */
	uint32_t first_tile; /* in columns of tiles */
};

struct fox_matmul {
	const uint8_t *x;
	uint64_t x_row_bytes, x_part_bytes;
	const int32_t *scale; /* of rows of x, as above */
	uint32_t rows;
	uint32_t steps, split_steps; /* of 64 columns: all; those of a split */
	uint32_t splits;
	struct fox_matmul_piece piece[FOX_CUDA_PARTS];
	uint32_t n_pieces; /* GATE: two, whose rows alternate in a tile by eights */
	enum fox_cuda_end end;
	enum fox_cuda_act act;
	uint32_t m_tiles, n_tiles;
	float *partial; /* [n_tiles * m_tiles][splits][BM][BN], unscaled; splits 1: none */
};

/* What a panel is made of. */
struct fox_matmul_source {
	const uint8_t *w;
	uint64_t row_bytes;
	enum fox_type type;
	uint32_t first, rows; /* of the panel */
};

struct fox_matmul_prepare {
	const float *x; /* NULL: activations are there already */
	uint8_t *xq;
	int32_t *x_scale;
	uint32_t x_rows;
	uint32_t cols, padded;
	uint64_t x_part_bytes, w_part_bytes;
	uint8_t *panel;
	int32_t *w_scale;
	struct fox_matmul_source source[FOX_CUDA_PARTS];
	uint32_t n_sources, w_rows;
};

/* The kernels that matmul chooses from, by the size of their tiles: matmul_tiles.cuh. */
enum fox_matmul_kind {
	FOX_MATMUL_HUGE,
	FOX_MATMUL_LARGE,
	FOX_MATMUL_MIDDLE,
	FOX_MATMUL_SMALL,
	FOX_MATMUL_KINDS
};

/* Fill x and the panel. */
enum fox_status fox_matmul_ready(
    struct fox_cuda *c, enum fox_matmul_form form, const struct fox_matmul_prepare *p, struct fox_err *err);
/* Of every piece its product: g is ready, and kind one that the arithmetic has. */
enum fox_status fox_matmul_fast(struct fox_cuda *c, enum fox_matmul_form form, enum fox_matmul_kind kind,
    const struct fox_matmul *g, struct fox_err *err);
enum fox_status fox_matmul_exact(struct fox_cuda *c, enum fox_matmul_form form, enum fox_matmul_kind kind,
    const struct fox_matmul *g, struct fox_err *err);

#endif
