/* npy.h - the header of a NumPy array file (.npy), as strict as its writer is.
 *
 * Only plain little-endian numbers in C order are read; objects (which would be pickles) and structures are
 * refused by name.  source: numpy/lib/format.py, versions 1.0, 2.0, 3.0 */
#ifndef FOX_NPY_H
#define FOX_NPY_H

#include "format/base/err.h"

#define FOX_NPY_MAX_HEADER 10000u /* bytes; numpy's own default limit */

enum fox_npy_kind { FOX_NPY_F32, FOX_NPY_F64, FOX_NPY_I32, FOX_NPY_I64 };

struct fox_npy {
	enum fox_npy_kind kind;
	uint32_t item_bytes;
	uint32_t n_dims; /* 0..8 */
	uint64_t dim[8]; /* outermost first */
	uint64_t n_items;
	struct fox_span data; /* inside the bytes given: exactly n_items * item_bytes */
};

/*
 * fox_npy_parse - check a whole .npy file in memory
 *
 * errors FOX_E_FORMAT (magic, header text, order, trailing bytes), FOX_E_BOUND (header or shape too large),
 *        FOX_E_TRUNCATED (data shorter than the shape), FOX_E_UNSUPPORTED (dtype, version), with the offset
 */
enum fox_status fox_npy_parse(struct fox_npy *out, struct fox_span bytes, struct fox_err *err) FOX_MUST_CHECK;

/* Element i as a number; i < n_items. */
double fox_npy_f64(const struct fox_npy *a, uint64_t i);
int64_t fox_npy_i64(const struct fox_npy *a, uint64_t i); /* integer kinds only */

#endif
