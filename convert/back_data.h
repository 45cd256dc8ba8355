/* back_data.h - the data of one tensor of a checkpoint, out of a container: values, the order of rows, 1 + w undone. */
#ifndef FOX_BACK_DATA_H
#define FOX_BACK_DATA_H

#include "convert/back_plan.h"
#include "format/base/io.h"

/*
 * back_source_value - the w of which 1 + w, in f32, is the stored value
 *
 * stored - 1 is exact in f32 where |w| is below 2^24; in the source's dtype the w nearest to it is taken. Where |w| is
 * small, more than one w gives the same sum: the bits that tell them apart are lost.
 *
 * was      dtype of w: FOX_BF16, FOX_F16; any other counts as f32
 * vague    1 more when a neighbour of w in its dtype has the same sum
 * changed  1 more when w + 1 is not stored: no value of the dtype gives it, and stored - 1 itself is returned
 */
float back_source_value(float stored, enum fox_type was, uint64_t *vague, uint64_t *changed);

/*
 * back_data_write - write a tensor's data at st.at of a file; holds 64 MiB at most, or one row where that is more
 *
 * b        its counts are added to
 * checked  the container's tensors must have the hashes that it records
 * done     bytes written so far, of all tensors: counted up
 * progress may be NULL
 * errors   FOX_E_MISMATCH: a hash is another; FOX_E_IO, FOX_E_NOMEM, FOX_E_CANCELLED
 */
enum fox_status back_data_write(struct back_tensor *b, const struct fox_gguf *g, bool checked,
    struct fox_out *out, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
    uint64_t *done, uint64_t total, struct fox_err *err) FOX_MUST_CHECK;

#endif
