/* product.h - a weight matrix times rows of activations: two arithmetics, and the contracts of their kernels.
 *
 * exact  f32 activations times weights decoded to f32, summed in the order of fox_dot_fn (kernels.h): the same bits for one
 *        row as for many.
 * fast   activations rounded once per row, to bf16 or to 8-bit blocks, where the instruction set gains by it; where it does
 *        not, as exact.
 *
 * One activation row goes through gemv, which streams the weights; several go through gemm, which unpacks a panel of
 * weight rows once and multiplies it with all of them. Both read stored weights in place.  spec/kernels.md 4 */
#ifndef FOX_PRODUCT_H
#define FOX_PRODUCT_H

#include "format/type.h"

enum fox_arith { FOX_ARITH_EXACT, FOX_ARITH_FAST, FOX_ARITH_COUNT };
extern const char *const fox_arith_names[FOX_ARITH_COUNT + 1]; /* "exact", "fast", NULL: for --mode and for reports */

/* How activations lie in memory. */
enum fox_acts_kind {
	FOX_ACTS_F32,    /* q: float, the slot itself */
	FOX_ACTS_BF16,   /* q: bf16, rounded to nearest even */
	FOX_ACTS_BF16X3, /* q: bf16 [3][step]: the rounded value, what it lacks, rounded, and what both lack, which is little */
	FOX_ACTS_Q8,     /* q: int8; d and sum */
	FOX_ACTS_Q16,    /* q: int16 with the values of FOX_ACTS_Q8; d and sum */
	FOX_ACTS_U8,     /* q: uint8, those of FOX_ACTS_Q8 plus 128; d, four for each group */
	FOX_ACTS_COUNT
};

#define FOX_ACTS_GROUP 32u /* activations under one scale */

/*
 * Rows of activations. Each pointer is 64-byte aligned, and so is each row.
 *
 * Q8, Q16: x[i] ~ d[i / 32] * q[i], |q| <= 127: d = max |x| / 127 of 32 activations, q = x * (1 / d) rounded to nearest even;
 * where 1 / d is not finite (all below 2^-119), and where d is not (NaN or Inf among the 32, which give the largest
 * magnitude as bits), q = 0 and d stays: NaN and Inf end as NaN in every product.
 * sum[i / 16] = the sum of 16 q.
 *
 * U8: q is 128 more, for multipliers of unsigned by signed bytes. d[4 * (i / 32)] is the d above, then come d times the sum
 * of the group's 32 q (before 128 is added), of its first 16, of its last 16, each product rounded.
 */
struct fox_acts {
	enum fox_acts_kind kind;
	size_t step; /* elements between rows of q; a multiple of 64. d: step / 32 (U8: step / 8), sum: step / 16 */
	void *q;
	float *d;     /* NULL unless Q8, Q16, U8 */
	int16_t *sum; /* NULL unless Q8, Q16 */
};

/* acts - fill row `row` of a from n f32 (a multiple of 32 for Q8, Q16, U8); no alignment of x needed; what lies between n and
 * step is not touched.
 * bound  bit-equal on every ISA */
typedef void fox_acts_fn(const struct fox_acts *a, size_t row, const float *x, size_t n);

/*
 * gemv - y[r] = sum over i of w[r][i] * x[i], one row of activations
 *
 * w       rows of n weights, w_step bytes apart; no alignment needed
 * x       row 0 of a; its kind is the table's
 * n       a multiple of the type's block, and of 32 for Q8
 * rows    >= 1; a row's value does not depend on how many are asked for at once
 * bound   exact: the bits of dot on the same machine. fast: |y - y_real| <= 2e-6 * S + n * 2^-130, y_real the sum in real
 *         numbers of decoded weights times what a holds, S = sum |w[i] * x[i]|; of types with a minimum S counts both terms,
 *         |d q x| and |m x|, which are added apart. Integer sums are exact. Where bf16 is multiplied as such, numbers below
 *         2^-126 count as 0, weights, activations, parts of them, products and sums: for each this much comes on top.
 */
typedef void fox_gemv_fn(float *y, const void *w, size_t w_step, size_t rows, const struct fox_acts *x, size_t n);

/* pack - unpack `rows` weight rows (at most the gemm's; missing ones count as 0) of n weights into a panel: 64-byte aligned,
 * panel_bytes(n) bytes, laid out as the gemm's own mul wants it. */
typedef void fox_pack_fn(void *panel, const void *w, size_t w_step, size_t rows, size_t n);

/*
 * mul - y[c * y_step + r] = sum over i of panel[r][i] * x[c][i]
 *
 * rows    as packed: only these are written
 * cols    >= 1 rows of activations; a column's value does not depend on the others nor on how many there are
 * bound   `error` of struct fox_gemm says which
 */
typedef void fox_panel_mul_fn(
    float *y, size_t y_step, const void *panel, size_t rows, const struct fox_acts *x, size_t n, size_t cols);

struct fox_gemm {
	fox_pack_fn *pack; /* NULL: the type has no gemm in this arithmetic */
	fox_panel_mul_fn *mul;
	size_t (*panel_bytes)(size_t n);
	enum fox_acts_kind acts;
	uint32_t rows;   /* weight rows of a panel */
	const char *isa; /* who won */
	/* 0: exact has the bits of gemv, fast has its bound. Else |y - y_real| <= error * S, with gemv's y_real (exact: of the
	 * activations themselves) and S; in exact arithmetic one row of activations must then go this way too. */
	float error;
};

struct fox_gemv {
	fox_gemv_fn *fn; /* NULL: the type has none in this arithmetic */
	enum fox_acts_kind acts;
	const char *isa;
};

/* No panel of n weights a row is larger, whatever the machine: 64 rows of 4 bytes a weight, and their scales. */
static inline size_t fox_panel_most(size_t n)
{
	return 64 * ((n + 255) / 256 * 256) * 4 + 65536;
}

/* Bytes of one row of activations of n elements, and where its parts start: fills step, q, d and sum of *a for `rows` rows
 * that begin at `block` (64-byte aligned, or NULL to measure). Returns the bytes of all rows. F32 takes none: q is the
 * caller's to set. */
size_t fox_acts_carve(struct fox_acts *a, enum fox_acts_kind kind, void *block, size_t rows, size_t n);

/* The same activations from a row on. */
static inline struct fox_acts fox_acts_from(const struct fox_acts *a, size_t row)
{
	static const uint8_t element[FOX_ACTS_COUNT] = {4, 2, 6, 1, 2, 1};
	struct fox_acts from = *a;
	from.q = (uint8_t *)a->q + row * a->step * element[a->kind];
	from.d = a->d ? a->d + row * (a->step / FOX_ACTS_GROUP) * (a->kind == FOX_ACTS_U8 ? 4 : 1) : NULL;
	from.sum = a->sum ? a->sum + row * (a->step / 16) : NULL;
	return from;
}

#endif
