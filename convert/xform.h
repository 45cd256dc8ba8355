/* xform.h - a piece of a source tensor to the bytes of containers: values to f32 rows, the order of rows that rope wants,
 * and each row to every type that is asked for.
 *
 * Pure functions over buffers of the caller; no state, any thread. What a cast loses is counted, never judged
 * here. */
#ifndef FOX_XFORM_H
#define FOX_XFORM_H

#include "format/source.h"
#include "format/type.h"
#include "kernels/quant.h"

/* Where values come from and in which order they go; not what becomes of them. */
struct fox_xform {
	enum fox_type from; /* as stored; FOX_TYPE_LIMIT when fox cannot read it */
	uint64_t head_rows; /* 0: rows keep their order; else rows of one head, even: see fox_xform_run */
	uint64_t cols;      /* elements of a row */
	bool add_one;       /* 1 is added to each value, in f32 */
};

/* What one encoder of one row may know beside its values. */
struct fox_quant_help {
	const float *importance; /* [matrices][cols], >= 0 and finite; NULL: every column counts the same */
	uint64_t matrix_rows;    /* rows of one matrix: of one expert, where a tensor holds several */
	bool wide;               /* kernels/search.h: look for smaller errors */
	const float *factor;     /* likewise: hand errors on to later columns. [cols][cols]; NULL: no */
};

/* One of the containers that a piece goes to. */
struct fox_xform_out {
	enum fox_type type;
	void *bytes; /* n elements of type; no alignment needed; must not overlap the input */
	const struct fox_quant_help *help; /* NULL: none */
	struct fox_cast_report
	    *report; /* added to: NaN and Inf of the source, finite values that type cannot hold */
	struct fox_cast_error
	    *error; /* [rows of the piece], in the container's order, written; NULL: nobody asks */
};

/* The stored type with the same bits: f64, f32, f16, bf16; FOX_TYPE_LIMIT when there is none that fox reads. */
enum fox_type fox_xform_stored(enum fox_dtype d);

/* Can this build read `from` and write `to`? Equal types always can: they are copied. */
bool fox_xform_able(enum fox_type from, enum fox_type to);

/* The container's bytes are the source's: nothing to do but to count. */
bool fox_xform_is_copy(const struct fox_xform *x, enum fox_type to);

/* Does a value of from change, or may it, on the way to another type? False: `to` holds every value of `from`. */
bool fox_xform_loses(enum fox_type from, enum fox_type to);

/* f32 elements of the scratch that fox_xform_run needs for rows of `span` elements. feedback: some help has a factor. */
size_t fox_xform_scratch(uint64_t span, bool feedback);

/*
 * fox_xform_run - convert n elements, to each of n_outs types
 *
 *   head_rows = 0:  out[i] = cast(in[i])
 *   else, d = head_rows, for each head h of the piece, each j < 2, i < d / 2, each column c:
 *                   out[h][2 i + j][c] = cast(in[h][j d / 2 + i][c])
 *   that is: the two halves that rotate together become neighbours, as llama.cpp's NORM rope expects them.
 *   add_one:  cast(in[i] + 1) in place of cast(in[i])
 *
 * in       n elements of x->from, little-endian, no alignment needed
 * n        whole rows; whole heads where rows move
 * span     elements that are encoded as one row: x->cols; or less where no type asked for knows rows (plain types,
 *          rows in their order), and then n is any number
 * first    row of the tensor that the piece begins with, in the container's order
 * scratch  fox_xform_scratch(span, any factor) floats
 * source   transformers convert_llama_weights_to_hf.py permute(), of which this is the inverse; spec/arch.md
 */
void fox_xform_run(const struct fox_xform *x, const struct fox_xform_out *outs, size_t n_outs, const void *in,
    size_t n, uint64_t span, uint64_t first, float *scratch);

/* Count NaN and Inf among n stored elements, without converting. Types that are neither f64, f32, f16 nor bf16 have
 * none that can be seen without decoding: nothing is counted. */
void fox_xform_count(enum fox_type type, const void *in, size_t n, struct fox_cast_report *report);

/* True when every one of n elements of `from` (f64, f32, f16, bf16) is a value of `to` (f16, bf16, f32): sign of zero and
 * NaN bits included. */
bool fox_xform_exact(enum fox_type from, enum fox_type to, const void *in, size_t n);

#endif
