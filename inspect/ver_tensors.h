/* ver_tensors.h - what the files that compare tensors share: one comparison, the way from a container's row to its source.
 *
 * Private to ver_tensors.c (what belongs to what), ver_gather.c (rows of the source in the container's order),
 * ver_values.c (values and rounding), ver_made.c (tensors without a source) and ver_same.c (two tensors of the source). */
#ifndef FOX_VER_TENSORS_H
#define FOX_VER_TENSORS_H

#include "inspect/ver_block.h"
#include "inspect/ver_quant.h"
#include "inspect/verify.h"

/* One tensor's comparison, or a piece of it; what went wrong is counted, the first place remembered. */
struct fox_ver_proof {
	const struct fox_tensor *t;
	const struct fox_src_tensor *src; /* NULL: made, not read */
	bool add_one;                     /* the values wanted are 1 + source */
	uint64_t n_wrong, first_row, first_col;
	double first_got, first_want;
	bool first_is_scale;  /* q8_0: what is wrong there first is the scale of its block */
	uint64_t n_unrounded; /* q8_0: within the bound, but not the reference's rounding */
	double max_error;
	bool searched;              /* scales are not what the format's reference quantizer takes */
	struct fox_ver_quant quant; /* types of ver_block.h; q8_0 only where scales were searched for */
};

/* Count a wrong value. */
void fox_ver_wrong(struct fox_ver_proof *f, uint64_t row, uint64_t col, double got, double want);

/*
 * fox_ver_row - one row of the container against its source
 *
 * row     for messages only
 * got     n values of f->t->type: f32, f16, bf16, or one that fox_ver_block_known; n a multiple of its block
 * src     n values of f->src->dtype: F64, F32, F16 or BF16
 */
void fox_ver_row(struct fox_ver_proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n);

/*
 * How a container's tensor lies over its source. Rows and columns are the container's; a vector whose elements move is
 * seen as one column.
 */
struct fox_ver_shape {
	uint32_t how; /* FOX_T_* */
	uint64_t rows, cols;
	uint64_t head;  /* rows of a head, by config.json; only where rows move within heads */
	uint64_t third; /* FOX_T_QKV_HEADS: rows of all queries together, as many as keys, as many as values */
	uint64_t item;  /* bytes of a source value */
};

/*
 * fox_ver_shape_of - the way between the two, or NULL in *wrong; the reason as text otherwise
 *
 * s       the source's tensor; its shape is checked against the slot's
 * returns false with text (at most 320 bytes) when shapes do not agree, or rows are no whole heads
 */
bool fox_ver_shape_of(struct fox_ver_shape *out, const struct fox_ver_pair *p, const struct fox_slot *slot,
    const struct fox_src_tensor *s, char text[320]);

/* Rows that are read together: a whole number of heads where rows move within heads, else 1. */
uint64_t fox_ver_unit(const struct fox_ver_shape *shape);

/* The row of the source that a row of the container is made of; not for FOX_T_TRANSPOSE. */
uint64_t fox_ver_source_row(const struct fox_ver_shape *shape, uint64_t row);

/*
 * fox_ver_gather - source values of `rows` rows of the container from row0 on, in the container's order
 *
 * row0, rows  multiples of fox_ver_unit, but for the end of the tensor
 * dst         rows * cols * item bytes
 * errors      those of fox_source_read; FOX_E_NOMEM. Needs as much memory as dst again where rows move or columns
 *             become rows
 */
enum fox_status fox_ver_gather(const struct fox_ver_shape *shape, struct fox_source *src,
    const struct fox_src_tensor *s, uint64_t row0, uint64_t rows, uint8_t *dst,
    struct fox_err *err) FOX_MUST_CHECK;

/* A slot's tensor in the source, under the name with the family's prefix or the one without; NULL: neither. */
const struct fox_src_tensor *fox_ver_source_of(const struct fox_ver_pair *p, const struct fox_slot *slot);

/* Are two tensors of one size the same? Read side by side; out of a stream one after the other, told apart by XXH3-128.
 * Errors of fox_source_read; FOX_E_CANCELLED, FOX_E_NOMEM. */
enum fox_status fox_ver_same(struct fox_source *src, const struct fox_src_tensor *a, const struct fox_src_tensor *b,
    bool *same, struct fox_err *err) FOX_MUST_CHECK;

/* One tensor that is made from config.json alone (FOX_T_MADE); adds to *proven and *elems when it is right. */
void fox_ver_made(struct fox_verify *v, const struct fox_ver_pair *p, const struct fox_slot *slot,
    size_t *proven, uint64_t *elems);

#endif
