/* gather.c - strided reads. The pages that they touch are read soon after (or before) for the file's SHA-256, so they
 * cost little more than copying. */
#include "convert/gather.h"

#include "format/strided.h"

/* Elements in the order of the source's tensor. */
static enum fox_status read_elems(const struct fox_step *step, const struct fox_file *file, uint64_t elem, size_t n,
    uint8_t *out, struct fox_err *err)
{
	size_t bytes = fox_type_info(step->x.from)->bytes;
	elem += step->src_elem;
	if (step->src.view)
		return fox_strided_read(step->src.view, file, elem, n, out, err);
	return fox_file_read(file, step->src.at + elem * bytes, out, n * bytes, err);
}

/* The source is [cols][rows]: of each of its rows, the stretch that belongs to the wanted rows of the container. */
static enum fox_status transposed(const struct fox_step *step, const struct fox_file *file, uint64_t elem, size_t n,
    uint8_t *out, uint8_t *spare, struct fox_err *err)
{
	size_t bytes = fox_type_info(step->x.from)->bytes, cols = (size_t)step->x.cols, k = n / cols;
	uint64_t rows = step->n_elems / cols, first = elem / cols;
	for (size_t c = 0; c < cols; c++) {
		enum fox_status st = read_elems(step, file, c * rows + first, k, spare, err);
		if (st)
			return st;
		for (size_t r = 0; r < k; r++)
			memcpy(out + (r * cols + c) * bytes, spare + r * bytes, bytes);
	}
	return FOX_OK;
}

/* Container's head h of part p is source's (h, p): head_rows rows in one piece on both sides. */
static enum fox_status regrouped(const struct fox_step *step, const struct fox_file *file, uint64_t elem, size_t n,
    uint8_t *out, struct fox_err *err)
{
	size_t bytes = fox_type_info(step->x.from)->bytes;
	uint64_t unit = fox_step_unit(step), heads = step->n_elems / unit / 3;
	for (uint64_t i = elem / unit; i < (elem + n) / unit; i++, out += unit * bytes) {
		uint64_t from = (i % heads) * 3 + i / heads;
		enum fox_status st = read_elems(step, file, from * unit, (size_t)unit, out, err);
		if (st)
			return st;
	}
	return FOX_OK;
}

enum fox_status fox_gather_read(const struct fox_step *step, const struct fox_file *file, uint64_t elem, size_t n,
    uint8_t *out, uint8_t *spare, struct fox_err *err)
{
	switch (step->gather) {
	case FOX_GATHER_TRANSPOSE:
		return transposed(step, file, elem, n, out, spare, err);
	case FOX_GATHER_QKV:
		return regrouped(step, file, elem, n, out, err);
	default:
		return read_elems(step, file, elem, n, out, err);
	}
}
