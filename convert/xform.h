/* xform.h - a piece of a source tensor to the bytes of the container: cast, and the order of rows that rope
 * wants.
 *
 * Pure functions over buffers of the caller; no state, any thread. What a cast loses is counted, never judged
 * here. */
#ifndef FOX_XFORM_H
#define FOX_XFORM_H

#include "format/source.h"
#include "format/type.h"
#include "kernels/quant.h"

struct fox_xform {
	enum fox_dtype from; /* F64, F32, F16 or BF16 */
	enum fox_type to;    /* f32, f16, bf16 or q8_0 */
	uint64_t head_rows;  /* 0: rows keep their order; else rows of one head, even: see fox_xform_run */
	uint64_t cols;       /* elements of a row */
	bool add_one;        /* 1 is added to each value, in f32; `to` is f32 then */
};

/* Can this build make `to` out of `from`? */
bool fox_xform_able(enum fox_dtype from, enum fox_type to);

/* The container's bytes are the source's: nothing to do but to count. */
bool fox_xform_is_copy(const struct fox_xform *x);

/* Elements that a piece must hold a whole number of: a head, a block, or 1. 0 when that does not fit 64 bits.
 */
uint64_t fox_xform_unit(const struct fox_xform *x);

/*
 * fox_xform_run - convert n elements
 *
 *   head_rows = 0:  out[i] = cast(in[i])
 *   else, d = head_rows, for each head h of the piece, each j < 2, i < d / 2, each column c:
 *                   out[h][2 i + j][c] = cast(in[h][j d / 2 + i][c])
 *   that is: the two halves that rotate together become neighbours, as llama.cpp's NORM rope expects them.
 *   add_one:  cast(in[i]) + 1 in place of cast(in[i])
 *
 * out     n elements of x->to; no alignment needed; must not overlap in
 * in      n elements of x->from, little-endian, no alignment needed; the piece begins at a multiple of the unit
 * n       a multiple of fox_xform_unit(x)
 * report  is added to: NaN and Inf of the source, and finite values that the target cannot hold. Not NULL.
 * source  transformers convert_llama_weights_to_hf.py permute(), of which this is the inverse; spec/arch.md
 */
void fox_xform_run(
    const struct fox_xform *x, void *out, const void *in, size_t n, struct fox_cast_report *report);

/* Count NaN and Inf among n elements of a float dtype, without converting. */
void fox_xform_count(enum fox_dtype dtype, const void *in, size_t n, struct fox_cast_report *report);

/* True when every one of n elements of `from` is a value of `to` (f16, bf16, f32): sign of zero and NaN bits
 * included. */
bool fox_xform_exact(enum fox_dtype from, enum fox_type to, const void *in, size_t n);

#endif
