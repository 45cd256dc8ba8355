/* back_data.c - containers' rows to the checkpoint's, a few MiB at a time. */
#include "convert/back_data.h"

#include <math.h>
#include <stdlib.h>

#include "convert/xform.h"
#include "format/base/num.h"
#include "kernels/half.h"

enum { TILE = 2048, BLOCK = 256 }; /* elements: a multiple of every block; such a multiple */
#define PIECE ((size_t)4 << 20)    /* bytes written at once */
#define TURN ((size_t)32 << 20)    /* bytes of a tile that is transposed */
#define HASH_PIECE ((size_t)8 << 20)

/* ---- 1 + w */

/* The value of a dtype with these bits, and back. */
static float widen(uint32_t bits, enum fox_type was)
{
	return was == FOX_BF16  ? fox_bf16_to_f32((uint16_t)bits)
	       : was == FOX_F16 ? fox_f16_to_f32((uint16_t)bits)
	                        : fox_f32_of_bits(bits);
}

static uint32_t narrow(float w, enum fox_type was)
{
	return was == FOX_BF16 ? fox_f32_to_bf16(w) : was == FOX_F16 ? fox_f32_to_f16(w) : fox_f32_bits(w);
}

float back_source_value(float stored, enum fox_type was, uint64_t *vague, uint64_t *changed)
{
	float exact = stored - 1;
	uint32_t bits = narrow(exact, was);
	float w = widen(bits, was);
	if (isnan(stored) || isinf(stored))
		return exact;
	for (uint32_t i = 0; i < 2 && w + 1 != stored; i++) /* beyond 2^24 a difference of 1 is rounded too */
		if (widen(bits + 1 - 2 * i, was) + 1 == stored)
			w = widen(bits += 1 - 2 * i, was);
	if (w + 1 != stored) {
		++*changed;
		return exact;
	}
	/* of zero, the smallest value of either sign stands for both neighbours */
	bool same = widen(bits + 1, was) + 1 == stored || (w != 0 && widen(bits - 1, was) + 1 == stored);
	*vague += same;
	return w;
}

/* ---- values */

struct run {
	struct back_tensor *b;
	const struct back_part *part;
	const struct fox_gguf *file; /* that holds the part */
	struct fox_out *out;
	uint64_t at;  /* in the file: of the next byte */
	uint8_t *buf; /* [PIECE] */
	size_t fill;  /* bytes in it */
	size_t item;  /* bytes of an element */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	uint64_t *done, total;
	struct fox_err *err;
};

static void encode(struct run *r, uint8_t *to, const float *from, size_t n)
{
	if (r->b->type != FOX_F64) {
		fox_cast(r->b->type, to, from, n, &r->b->lost);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fox_store_f64(to + 8 * i, from[i]);
}

/* n elements of the part from elem on, in the container's order: whole blocks. */
static void fetch(struct run *r, uint64_t elem, size_t n, uint8_t *to)
{
	const struct fox_tensor *t = r->part->t;
	const struct fox_type_info *info = fox_type_info(t->type);
	const uint8_t *from = (const uint8_t *)t->data.p + elem / info->elems * info->bytes;
	bool less_one = r->b->how & FOX_T_ADD_ONE;
	float tile[TILE];
	if (t->type == r->b->type && !less_one) {
		memcpy(to, from, n * r->item);
		return;
	}
	for (size_t m; n; n -= m, to += m * r->item, from += m / info->elems * info->bytes) {
		m = n < TILE ? n : TILE;
		fox_kernels()->decode[t->type](tile, from, m);
		for (size_t i = 0; less_one && i < m; i++)
			tile[i] = back_source_value(tile[i], r->b->was, &r->b->n_vague, &r->b->n_changed);
		encode(r, to, tile, m);
	}
}

/* ---- writing in order */

static enum fox_status put(struct run *r, uint64_t at, const void *p, size_t n)
{
	enum fox_status s = fox_cancelled(r->err);
	if (!s)
		s = fox_out_write(r->out, at, p, n, r->err);
	*r->done += n;
	if (r->progress)
		r->progress(r->ctx, *r->done, r->total);
	return s;
}

static enum fox_status flush(struct run *r)
{
	enum fox_status s = r->fill ? put(r, r->at, r->buf, r->fill) : FOX_OK;
	r->at += r->fill;
	r->fill = 0;
	fox_gguf_done_with(r->file, r->part->t->data);
	return s;
}

/* The same as fetch, to the file. */
static enum fox_status append(struct run *r, uint64_t elem, uint64_t n)
{
	while (n) {
		size_t room = (PIECE - r->fill) / r->item, m = n < room ? (size_t)n : room / BLOCK * BLOCK;
		if (!m) {
			enum fox_status s = flush(r);
			if (s)
				return s;
			continue;
		}
		fetch(r, elem, m, r->buf + r->fill);
		r->fill += m * r->item;
		elem += m, n -= m;
	}
	return FOX_OK;
}

/* The container's row that is row `row` of the checkpoint. */
static uint64_t row_of(const struct run *r, uint64_t row)
{
	uint64_t d = r->part->head_rows;
	if (r->b->how & FOX_T_QKV_HEADS) {
		uint64_t unit = row / d, heads = r->part->rows / d / 3;
		return (unit % 3 * heads + unit / 3) * d + row % d;
	}
	uint64_t in = row % d, half = in >= d / 2;
	return row - in + 2 * (in - half * (d / 2)) + half;
}

static enum fox_status in_order(struct run *r)
{
	const struct back_part *p = r->part;
	enum fox_status s = p->head_rows ? FOX_OK : append(r, 0, p->t->n_elems);
	for (uint64_t row = 0; p->head_rows && row < p->rows && !s; row++)
		s = append(r, row_of(r, row) * p->cols, p->cols);
	return s ? s : flush(r);
}

/* The checkpoint's [cols][rows]: as many rows of the container as fit in a tile become columns of it. */
static enum fox_status turned(struct run *r)
{
	const struct back_part *p = r->part;
	size_t cols = (size_t)p->cols, item = r->item;
	uint64_t most = TURN / item / cols;
	size_t wide = (size_t)(most < 1 ? 1 : most < p->rows ? most : p->rows);
	uint8_t *row = malloc(cols * item), *tile = row ? malloc(cols * item * wide) : NULL;
	enum fox_status s = tile ? FOX_OK : fox_fail_nomem(r->err);
	for (uint64_t first = 0; first < p->rows && !s; first += wide) {
		size_t k = p->rows - first < wide ? (size_t)(p->rows - first) : wide;
		for (size_t i = 0; i < k; i++) {
			fetch(r, (first + i) * cols, cols, row);
			for (size_t c = 0; c < cols; c++)
				memcpy(tile + (c * k + i) * item, row + c * item, item);
		}
		if (k == p->rows)
			s = put(r, r->at, tile, cols * k * item);
		for (size_t c = 0; c < cols && k < p->rows && !s; c++)
			s = put(r, r->at + (c * p->rows + first) * item, tile + c * k * item, k * item);
		fox_gguf_done_with(r->file, p->t->data);
	}
	free(row);
	free(tile);
	r->at += p->rows * cols * item;
	return s;
}

/* ---- damage */

static enum fox_status check_hash(const struct run *r)
{
	const struct fox_tensor *t = r->part->t;
	struct fox_xxh3_state *x = fox_xxh3_open();
	enum fox_status s = x ? FOX_OK : fox_fail_nomem(r->err);
	for (size_t at = 0, m; !s && at < t->data.n; at += m) {
		struct fox_span piece = {
		    (const uint8_t *)t->data.p + at, m = t->data.n - at < HASH_PIECE ? t->data.n - at : HASH_PIECE};
		fox_xxh3_add(x, piece.p, piece.n);
		fox_gguf_done_with(r->file, piece);
		s = fox_cancelled(r->err);
	}
	if (!s) {
		struct fox_hash128 h = fox_xxh3_final(x);
		if (!fox_hash128_eq(&h, t->hash))
			s = fox_fail(r->err, FOX_E_MISMATCH, t->at,
			    "tensor '%.*s' has not the hash that the file records", FOX_STR_ARG(t->name));
	}
	fox_xxh3_close(x);
	return s;
}

enum fox_status back_data_write(struct back_tensor *b, const struct fox_gguf *g, bool checked,
    struct fox_out *out, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
    uint64_t *done, uint64_t total, struct fox_err *err)
{
	struct run r = {.b = b,
	    .out = out,
	    .at = b->st.at,
	    .item = fox_type_info(b->type)->bytes,
	    .buf = malloc(PIECE),
	    .progress = progress,
	    .ctx = ctx,
	    .done = done,
	    .total = total,
	    .err = err};
	enum fox_status s = r.buf ? FOX_OK : fox_fail_nomem(err);
	for (uint32_t i = 0; i < b->n_parts && !s; i++) {
		r.part = &b->part[i];
		r.file = fox_gguf_part(g, r.part->t->part);
		if (checked && r.part->t->hash)
			s = check_hash(&r);
		if (!s)
			s = b->how & FOX_T_TRANSPOSE ? turned(&r) : in_order(&r);
	}
	free(r.buf);
	return s;
}
