/* strided.c - a stretch of elements becomes a few boxes; a box is read in the order of the file, window by window. */
#include "format/strided.h"

#include <string.h>

enum {
	WINDOW = 32 << 10,
	NEAR = 4 << 10, /* bytes that are as cheap to read as to leave out */
	WASTE = 8       /* of a larger window, at most so many bytes are read for one that is wanted */
};

/* A box of elements, its dimensions in the order of the file: longest stride first. */
struct box {
	uint64_t at; /* of the first element, in the file */
	uint64_t extent[FOX_STRIDED_MAX_DIMS];
	uint64_t stride[FOX_STRIDED_MAX_DIMS]; /* in the file, bytes */
	uint64_t out[FOX_STRIDED_MAX_DIMS];    /* in what is made, bytes */
	uint32_t n_dims, item;
};

/* One row of elements; `item` is a number that the compiler knows. */
static inline void copy_row(
    uint8_t *dst, uint64_t to, const uint8_t *src, uint64_t from, uint64_t n, uint32_t item)
{
	for (uint64_t i = 0; i < n; i++)
		memcpy(dst + i * to, src + i * from, item);
}

/* Elements of dimensions d and later, all of which lie in the window. */
static void scatter(const struct box *b, uint32_t d, const uint8_t *window, uint8_t *dst)
{
	uint64_t n = d < b->n_dims ? b->extent[d] : 1, from = d < b->n_dims ? b->stride[d] : 0,
	         to = d < b->n_dims ? b->out[d] : 0;
	if (d + 1 < b->n_dims) {
		for (uint64_t i = 0; i < n; i++)
			scatter(b, d + 1, window + i * from, dst + i * to);
		return;
	}
	if (from == b->item && to == b->item) {
		memcpy(dst, window, (size_t)(n * b->item));
		return;
	}
	switch (b->item) {
	case 1:
		copy_row(dst, to, window, from, n, 1);
		break;
	case 2:
		copy_row(dst, to, window, from, n, 2);
		break;
	case 4:
		copy_row(dst, to, window, from, n, 4);
		break;
	default:
		copy_row(dst, to, window, from, n, 8);
	}
}

/* Bytes from the first to the end of the last element of dimensions d and later, and how many of them are wanted. */
static uint64_t span_of(const struct box *b, uint32_t d, uint64_t *wanted)
{
	uint64_t span = b->item;
	*wanted = b->item;
	for (; d < b->n_dims; d++) {
		span += (b->extent[d] - 1) * b->stride[d];
		*wanted *= b->extent[d];
	}
	return span;
}

static enum fox_status read_box(const struct box *b, uint32_t d, const struct fox_file *f, uint64_t at,
    uint8_t *dst, uint8_t *window, struct fox_err *err)
{
	uint64_t wanted, span = span_of(b, d, &wanted);
	enum fox_status s = FOX_OK;
	if (span <= NEAR || (span <= WINDOW && span / WASTE <= wanted)) {
		s = fox_file_read(f, at, window, (size_t)span, err);
		if (!s)
			scatter(b, d, window, dst);
		return s;
	}
	/* as many steps of this dimension at once as a window holds, or each by itself */
	uint64_t inner = span_of(b, d + 1, &wanted), stride = b->stride[d], k = 1;
	uint64_t most = stride / WASTE <= wanted ? WINDOW : NEAR;
	if (inner < most)
		k += (most - inner) / stride;
	for (uint64_t i = 0; i < b->extent[d] && !s; i += k) {
		uint64_t from = at + i * stride;
		uint8_t *out = dst + i * b->out[d];
		if (k == 1) {
			s = read_box(b, d + 1, f, from, out, window, err);
			continue;
		}
		struct box part = *b;
		part.extent[d] = b->extent[d] - i < k ? b->extent[d] - i : k;
		s = fox_file_read(f, from, window, (size_t)span_of(&part, d, &wanted), err);
		if (!s)
			scatter(&part, d, window, out);
	}
	return s;
}

/* Dimensions by stride, longest first; those of one element are left out. */
static void sort_dims(struct box *b, const struct fox_strided *v, const uint64_t extent[FOX_STRIDED_MAX_DIMS])
{
	uint64_t out = v->item;
	for (uint32_t d = v->n_dims; d-- > 0; out *= extent[d]) {
		uint32_t i = b->n_dims;
		if (extent[d] == 1)
			continue;
		for (b->n_dims++; i && b->stride[i - 1] < v->stride[d] * v->item; i--) {
			b->extent[i] = b->extent[i - 1];
			b->stride[i] = b->stride[i - 1];
			b->out[i] = b->out[i - 1];
		}
		b->extent[i] = extent[d];
		b->stride[i] = v->stride[d] * v->item;
		b->out[i] = out;
	}
}

enum fox_status fox_strided_read(const struct fox_strided *v, const struct fox_file *f, uint64_t elem,
    uint64_t n, void *dst, struct fox_err *err)
{
	uint8_t window[WINDOW], *out = dst;
	enum fox_status s = FOX_OK;
	while (n && !s) {
		/* the largest box that begins at elem: whole inner dimensions, then steps of the next one */
		struct box b = {.at = v->at, .item = v->item};
		uint64_t extent[FOX_STRIDED_MAX_DIMS], left = elem, count = 1;
		bool whole = true;
		for (uint32_t d = v->n_dims; d-- > 0;) {
			uint64_t i = left % v->shape[d], room = v->shape[d] - i;
			left /= v->shape[d];
			b.at += i * v->stride[d] * v->item;
			extent[d] = !whole ? 1 : room < n / count ? room : n / count;
			count *= extent[d];
			whole = whole && extent[d] == v->shape[d];
		}
		sort_dims(&b, v, extent);
		s = read_box(&b, 0, f, b.at, out, window, err);
		elem += count, n -= count, out += count * v->item;
	}
	return s;
}
