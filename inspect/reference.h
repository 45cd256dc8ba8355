/* reference.h - recorded outputs of the original model: ids, logits at every position, hidden states after
 * every layer.
 *
 * From .npz (numpy.savez) or .safetensors; written by tests/reference/make_reference.py.  spec/verify.md 4 */
#ifndef FOX_REFERENCE_H
#define FOX_REFERENCE_H

#include "format/base/err.h"

struct fox_reference {
	uint64_t n;                 /* positions, 1..2^24 */
	uint64_t n_vocab;           /* logits per position */
	int32_t *ids;               /* [n] */
	float *logits;              /* [n][n_vocab] */
	uint64_t n_layers, d_model; /* 0: no hidden states */
	float *hidden;              /* [n_layers][n][d_model], or NULL */
};

/*
 * fox_reference_open - read a reference file whole
 *
 * input_ids [n] or [1][n], integers that fit int32; logits [n][v] or [1][n][v]; hidden_states [l][n][d]
 * or [1][l][n][d] (optional). Floats are f32 or f64 (rounded to f32); NaN and Inf are refused.
 *
 * errors  FOX_E_FORMAT (an array is not there, values), FOX_E_BOUND (positions), FOX_E_MISMATCH (shapes disagree),
 *         FOX_E_UNSUPPORTED (dtype), FOX_E_ARG (neither .npz nor .safetensors), FOX_E_NOMEM (an array of more than
 *         half of the machine's memory), those of reading. *out is zeroed then
 */
enum fox_status fox_reference_open(
    struct fox_reference *out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_reference_close(struct fox_reference *r); /* zeroed is fine */

#endif
