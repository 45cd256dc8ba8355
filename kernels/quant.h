/* quant.h - f32 to stored types and back by row, and an account of what a cast loses. */
#ifndef FOX_QUANT_H
#define FOX_QUANT_H

#include "kernels/kernels.h"

/*
 * fox_quant_q8_0 - the meaning of encode[FOX_Q8_0]
 *
 *   d = max |x| / 127     id = d != 0 ? 1 / d : 0     q[i] = x[i] * id, rounded, halves away from zero
 *
 * dst     n / 32 blocks (struct fox_q8_0); no alignment needed
 * n       a multiple of 32
 * d       is stored as f16, to nearest even; q comes from d in f32, before that rounding. |q| <= 127
 * beyond  NaN counts as 0 in max |x|. A quotient that is not finite gives q = 0: a block with Inf has d = Inf
 *         and q = 0, and decodes to NaN. A block whose d is below f16's range decodes to 0. fox_cast counts
 *         all of these.
 * source  ggml-quants.c quantize_row_q8_0_ref (same results for finite input)
 */
void fox_quant_q8_0(void *dst, const float *src, size_t n);

/* dst[i] = d * q[i], exact in f32: 11 and 7 bits make at most 18. The meaning of decode[FOX_Q8_0]. */
void fox_dequant_q8_0(float *dst, const void *src, size_t n);

/* What a cast from f32 did not carry over. Zero-initialise; casts add to it, so chunks may be counted
 * separately. */
struct fox_cast_report {
	uint64_t n_nan;       /* source values that are NaN */
	uint64_t n_inf;       /* source values that are +Inf or -Inf */
	uint64_t n_overflow;  /* finite source values whose cast is not finite */
	uint64_t n_underflow; /* non-zero finite source values whose cast is zero because the type's range ends
	                       * there: for f16 and bf16 below half the smallest subnormal (or equal to it), for
	                       * block types every non-zero value of a block (nvfp4: of 16 values under one scale)
	                       * that is all zeros because its scale became 0. A value that rounds to 0 beside
	                       * larger neighbours, or that loses bits as an f16 subnormal, is precision lost, not
	                       * range, and is not counted. */
};

/*
 * fox_cast - encode n f32 as `type` with this CPU's kernels, and account for the losses
 *
 * type    one that fox_kernels()->encode has an entry for
 * dst     n elements of type; no alignment needed; must not overlap src
 * n       a multiple of the type's block
 * report  is added to; NULL when nobody asks
 */
void fox_cast(enum fox_type type, void *dst, const float *src, size_t n, struct fox_cast_report *report);

/* How rows are encoded. Zeroed: plainly. A type without encode_weighted, or that fox_search_has not, takes no notice of
 * what concerns these. */
struct fox_cast_how {
	const float *importance; /* [cols], >= 0 and finite, for encode_weighted; NULL: encode */
	bool wide;               /* fox_search_wide in their place, with the same importance */
	const float *factor;     /* [cols][cols], for fox_search_feedback in place of all; NULL: none */
	float *work;             /* f32 [FOX_SEARCH_ROWS][cols] of scratch, with factor */
};

/*
 * fox_cast_rows - encode rows of f32, weigh errors by column, and account for losses and errors
 *
 * type        as for fox_cast
 * dst         n_rows rows of cols / elems blocks, one after the other; no alignment needed; must not overlap src
 * src         f32 [n_rows][cols]
 * cols        a whole row, a multiple of the type's block
 * how         NULL: plainly
 * report      is added to; NULL when nobody asks
 * error       [n_rows], written: the error of each row, decoded by this CPU's kernels; NULL when nobody asks. A row's
 *             figures depend on that row alone. Sums in f64 depend on the order of their terms, so totals that must not
 *             depend on how rows were shared among threads add rows one by one: fox_cast_error_add.
 */
void fox_cast_rows(enum fox_type type, void *dst, const float *src, size_t n_rows, size_t cols,
    const struct fox_cast_how *how, struct fox_cast_report *report, struct fox_cast_error *error);

/* Add n_rows rows to a total (zero-initialised), in rising order. To be called in the order of the tensor's rows. */
void fox_cast_error_add(struct fox_cast_error *sum, const struct fox_cast_error *rows, size_t n_rows);

/* True when a cast to f32, f16 or bf16 keeps every bit of all n values (Inf and -0 do; NaN when its payload
 * does). */
bool fox_cast_is_exact(enum fox_type type, const float *src, size_t n);

#endif
