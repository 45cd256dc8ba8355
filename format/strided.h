/* strided.h - reading a tensor whose elements do not lie in their order: transposed and cut views of PyTorch.
 *
 * A read holds one window of the file at a time, whatever the strides are. */
#ifndef FOX_STRIDED_H
#define FOX_STRIDED_H

#include "format/base/io.h"

#define FOX_STRIDED_MAX_DIMS 8u

/* Element (i0, i1, ...) begins at byte at + (i0 * stride[0] + i1 * stride[1] + ...) * item of the file. No two elements
 * share a byte. */
struct fox_strided {
	uint64_t at;
	uint32_t item; /* bytes of an element: 1, 2, 4 or 8 */
	uint32_t n_dims;
	uint64_t shape[FOX_STRIDED_MAX_DIMS],
	    stride[FOX_STRIDED_MAX_DIMS]; /* outermost first; in elements; shape >= 1 */
};

/*
 * fox_strided_read - elements [elem, elem + n) in row-major order of the shape
 *
 * elem + n  at most the product of the shape
 * dst       n * item bytes
 * errors    those of fox_file_read: FOX_E_IO, FOX_E_TRUNCATED
 */
enum fox_status fox_strided_read(const struct fox_strided *v, const struct fox_file *f, uint64_t elem,
    uint64_t n, void *dst, struct fox_err *err) FOX_MUST_CHECK;

#endif
