/* ver_gather.c - where each row of a container lies in the source, and reading it from there.
 *
 * The converter moves rows on their way out; here each row of the container is asked for by its place in the source.
 * Which rows make a head follows from config.json, not from the container.  spec/verify.md 3.1 */
#include <stdio.h>
#include <stdlib.h>

#include "inspect/ver_tensors.h"

enum { MOVES_IN_HEADS = FOX_T_ROPE_Q | FOX_T_ROPE_K, HALVES = FOX_T_FIRST_HALF | FOX_T_SECOND_HALF };

const struct fox_src_tensor *fox_ver_source_of(const struct fox_ver_pair *p, const struct fox_slot *slot)
{
	const struct fox_src_tensor *s = slot->hf[0] ? fox_source_find(p->src, fox_str_of(slot->hf)) : NULL;
	if (!s && slot->prefixed[0])
		s = fox_source_find(p->src, fox_str_of(slot->prefixed));
	return s;
}

static bool source_shape(const struct fox_slot *slot, const struct fox_src_tensor *s)
{
	uint32_t how = slot->row->how;
	uint64_t times = how & HALVES ? 2 : 1;
	if (slot->row->rows == FOX_D_NONE)
		return s->n_dims == 1 && s->shape[0] == times * slot->cols;
	if (how & FOX_T_TRANSPOSE)
		return s->n_dims == 2 && s->shape[0] == slot->cols && s->shape[1] == slot->rows;
	return s->n_dims == 2 && s->shape[0] == times * slot->rows && s->shape[1] == slot->cols;
}

bool fox_ver_shape_of(struct fox_ver_shape *out, const struct fox_ver_pair *p, const struct fox_slot *slot,
    const struct fox_src_tensor *s, char text[320])
{
	uint32_t how = slot->row->how;
	bool column = slot->row->rows == FOX_D_NONE && how & (MOVES_IN_HEADS | FOX_T_QKV_HEADS | HALVES);
	*out = (struct fox_ver_shape){.how = how,
	    .rows = column ? slot->cols : slot->rows,
	    .cols = column ? 1 : slot->cols,
	    .head = how & (MOVES_IN_HEADS | FOX_T_QKV_HEADS) ? p->head_dim : 1,
	    .item = fox_dtypes[s->dtype].bits / 8};
	if (!source_shape(slot, s)) {
		snprintf(text, 320, "shape is not that of '%.*s'", FOX_STR_ARG(s->name));
		return false;
	}
	uint64_t whole = out->head * (how & FOX_T_QKV_HEADS ? 3 : 1);
	if (out->rows % whole) {
		snprintf(text, 320, "%llu rows are not whole heads of %llu, as config.json has them",
		    (unsigned long long)out->rows, (unsigned long long)out->head);
		return false;
	}
	out->third = out->rows / 3;
	return true;
}

uint64_t fox_ver_unit(const struct fox_ver_shape *shape)
{
	return shape->how & MOVES_IN_HEADS ? shape->head : 1;
}

/* Heads: pairs (2i, 2i + 1) of the container are rows i and i + d/2. Grouped Q, K, V: the source has for each head its
 * query rows, its key rows, its value rows. */
uint64_t fox_ver_source_row(const struct fox_ver_shape *shape, uint64_t row)
{
	uint64_t in_head = row % shape->head;
	if (shape->how & MOVES_IN_HEADS)
		return row - in_head + in_head / 2 + (in_head & 1) * (shape->head / 2);
	if (shape->how & FOX_T_QKV_HEADS) {
		uint64_t which = row / shape->third, head = row % shape->third / shape->head;
		return (3 * head + which) * shape->head + in_head;
	}
	return shape->how & FOX_T_SECOND_HALF ? shape->rows + row : row;
}

/* Rows that follow each other in the source too are read at once. */
static enum fox_status gather_runs(const struct fox_ver_shape *shape, struct fox_source *src,
    const struct fox_src_tensor *s, uint64_t row0, uint64_t rows, uint8_t *dst, struct fox_err *err)
{
	uint64_t bytes = shape->cols * shape->item, n;
	enum fox_status st = FOX_OK;
	for (uint64_t r = row0; r < row0 + rows && !st; r += n) {
		uint64_t from = fox_ver_source_row(shape, r);
		for (n = 1; r + n < row0 + rows && fox_ver_source_row(shape, r + n) == from + n;)
			n++;
		st = fox_source_read(src, s, from * bytes, dst + (r - row0) * bytes, (size_t)(n * bytes), err);
	}
	return st;
}

/* Whole heads are read as they stand and their rows picked. */
static enum fox_status gather_heads(const struct fox_ver_shape *shape, struct fox_source *src,
    const struct fox_src_tensor *s, uint64_t row0, uint64_t rows, uint8_t *dst, uint8_t *buf,
    struct fox_err *err)
{
	uint64_t bytes = shape->cols * shape->item;
	enum fox_status st = fox_source_read(src, s, row0 * bytes, buf, (size_t)(rows * bytes), err);
	for (uint64_t r = row0; r < row0 + rows && !st; r++)
		memcpy(dst + (r - row0) * bytes, buf + (fox_ver_source_row(shape, r) - row0) * bytes, (size_t)bytes);
	return st;
}

/* Each source row gives one value to each of the rows asked for: strips of the source, turned. */
static enum fox_status gather_columns(const struct fox_ver_shape *shape, struct fox_source *src,
    const struct fox_src_tensor *s, uint64_t row0, uint64_t rows, uint8_t *dst, uint8_t *buf,
    struct fox_err *err)
{
	uint64_t item = shape->item, strip = rows * item;
	enum fox_status st = FOX_OK;
	bool all = rows == shape->rows; /* then the strips lie end to end */
	if (all)
		st = fox_source_read(src, s, 0, buf, (size_t)(shape->cols * strip), err);
	for (uint64_t c = 0; c < shape->cols && !st && !all; c++)
		st = fox_source_read(src, s, (c * shape->rows + row0) * item, buf + c * strip, (size_t)strip, err);
	for (uint64_t r = 0; r < rows && !st; r++)
		for (uint64_t c = 0; c < shape->cols; c++)
			memcpy(dst + (r * shape->cols + c) * item, buf + c * strip + r * item, (size_t)item);
	return st;
}

enum fox_status fox_ver_gather(const struct fox_ver_shape *shape, struct fox_source *src,
    const struct fox_src_tensor *s, uint64_t row0, uint64_t rows, uint8_t *dst, struct fox_err *err)
{
	bool turn = shape->how & FOX_T_TRANSPOSE;
	if (!turn && !(shape->how & MOVES_IN_HEADS))
		return gather_runs(shape, src, s, row0, rows, dst, err);
	uint8_t *buf = malloc((size_t)(rows * shape->cols * shape->item) + 1);
	if (!buf)
		return fox_fail_nomem(err);
	enum fox_status st = turn ? gather_columns(shape, src, s, row0, rows, dst, buf, err)
	                          : gather_heads(shape, src, s, row0, rows, dst, buf, err);
	free(buf);
	return st;
}
