/* ver_tensors.c - every tensor against its source, redone without the converter's code.
 *
 * For f32, f16 and bf16 the stored value must be the one that IEEE rounding (nearest, ties to even) gives:
 * this is checked by its definition, through exact doubles and the two neighbours, not by converting again.
 * For q8_0 a stated bound holds, and each weight must be the rounding that the format's reference gives.
 * spec/verify.md 3 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/base/num.h"
#include "inspect/verify.h"

enum { PIECE_BYTES = 4 << 20, MAX_TOLD = 32 };

/* One tensor's comparison; what went wrong is counted, the first place remembered. */
struct proof {
	const struct fox_tensor *t;
	const struct fox_src_tensor *src;
	uint64_t n_wrong, first_row, first_col;
	double first_got, first_want;
	bool first_is_scale;  /* q8_0: what is wrong there first is the scale of its block */
	uint64_t n_unrounded; /* q8_0: within the bound, but not the reference's rounding */
	double max_error;
};

static double source_value(enum fox_dtype d, const uint8_t *p, uint64_t i)
{
	switch (d) {
	case FOX_DT_F64:
		return fox_load_f64(p + 8 * i);
	case FOX_DT_F32:
		return (double)fox_load_f32(p + 4 * i);
	case FOX_DT_F16:
		return fox_ver_f16(fox_load16(p + 2 * i));
	default:
		return fox_ver_bf16(fox_load16(p + 2 * i));
	}
}

/* f32 from a wider or equal source: only f64 can need rounding, and a C cast rounds as IEEE says. */
static bool is_f32_of(double x, const uint8_t *p)
{
	float v = fox_load_f32(p), want = (float)x;
	uint8_t b[4];
	fox_store_f32(b, want);
	return !memcmp(b, p, 4) || (isnan(v) && isnan(want));
}

static void wrong(struct proof *f, uint64_t row, uint64_t col, double got, double want)
{
	if (!f->n_wrong++) {
		f->first_row = row, f->first_col = col;
		f->first_got = got, f->first_want = want;
	}
}

/* ---- one row of the container against one row of the source */

static void row_floats(struct proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	enum fox_type t = f->t->type;
	enum fox_dtype d = f->src->dtype;
	bool same = (t == FOX_F32 && d == FOX_DT_F32) || (t == FOX_F16 && d == FOX_DT_F16) ||
	            (t == FOX_BF16 && d == FOX_DT_BF16);
	if (same) {
		size_t item = t == FOX_F32 ? 4 : 2;
		if (!memcmp(got, src, (size_t)n * item))
			return;
		for (uint64_t i = 0; i < n; i++)
			if (memcmp(got + item * i, src + item * i, item))
				wrong(f, row, i, source_value(d, got, i), source_value(d, src, i));
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		double x = source_value(d, src, i);
		if (t == FOX_F32) {
			if (!is_f32_of(x, got + 4 * i))
				wrong(f, row, i, (double)fox_load_f32(got + 4 * i), x);
		} else {
			uint16_t h = fox_load16(got + 2 * i);
			/* sources wider than f32 pass through f32, as every converter's arithmetic does */
			if (!fox_ver_is_nearest(d == FOX_DT_F64 ? (double)(float)x : x, h, t))
				wrong(f, row, i, t == FOX_F16 ? fox_ver_f16(h) : fox_ver_bf16(h), x);
		}
	}
}

/* Blocks of 32: scale d = f16(max|x| / 127), weights q with |x - d q| within the bound. */
static void row_q8_0(struct proof *f, uint64_t row, const uint8_t *got, const uint8_t *src, uint64_t n)
{
	for (uint64_t b = 0; b < n / 32; b++, got += 34) {
		float x[32], most = 0;
		for (int i = 0; i < 32; i++) {
			x[i] = (float)source_value(f->src->dtype, src, 32 * b + (uint64_t)i);
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		}
		float scale = most / 127, inverse = scale != 0 ? 1 / scale : 0;
		double d = fox_ver_f16(fox_load16(got)), bound = fox_ver_q8_0_bound((double)most);
		if (!fox_ver_is_nearest((double)scale, fox_load16(got), FOX_F16)) {
			wrong(f, row, 32 * b, d, (double)scale); /* the whole block stands on it */
			f->n_wrong += 31;
			f->first_is_scale = f->first_is_scale || f->n_wrong == 32;
			continue;
		}
		for (int i = 0; i < 32; i++) {
			int q = (int8_t)got[2 + i];
			double error = fabs((double)x[i] - d * q);
			f->max_error = error > f->max_error ? error : f->max_error;
			if (!(error <= bound))
				wrong(f, row, 32 * b + (uint64_t)i, d * q, (double)x[i]);
			else if ((float)q != roundf(x[i] * inverse))
				f->n_unrounded++;
		}
	}
}

/* Rows of Q and K, which rotary angles pair. */
static bool rows_move(const struct fox_slot *slot)
{
	return slot->row->how & (FOX_T_ROPE_Q | FOX_T_ROPE_K);
}

/* The row of the source that row r of the container stands for: pairs (2i, 2i + 1) of a head are rows i and i +
 * d/2. */
static uint64_t source_row(const struct fox_slot *slot, uint64_t head_rows, uint64_t r)
{
	if (!rows_move(slot))
		return r;
	uint64_t in_head = r % head_rows;
	return r - in_head + in_head / 2 + (in_head & 1) * (head_rows / 2);
}

/* ---- pieces of tensors, spread over threads */

struct piece {
	size_t slot;
	uint64_t row0, rows; /* of container and source alike: a whole number of heads where rows move */
};

struct proving {
	struct fox_verify *v;
	const struct fox_ver_pair *pair;
	struct proof *proofs; /* one per piece; merged in order, so that threads do not matter */
	const struct piece *pieces;
	struct fox_err *errors; /* one per piece */
};

static void prove_piece(void *ctx, size_t i, unsigned worker)
{
	struct proving *p = ctx;
	const struct piece *piece = &p->pieces[i];
	const struct fox_slot *slot = &p->pair->slots[piece->slot];
	struct proof *f = &p->proofs[i];
	(void)worker;
	uint64_t cols = slot->cols, src_row = cols * fox_dtypes[f->src->dtype].bits / 8, row_bytes;
	if (fox_cancelled(&p->errors[i]))
		return;
	uint8_t *buf = malloc((size_t)(piece->rows * src_row) + 1);
	if (!buf || !fox_type_row_bytes(f->t->type, cols, &row_bytes)) {
		fox_fail_nomem(&p->errors[i]);
		free(buf);
		return;
	}
	if (!fox_source_read(p->pair->src, f->src, piece->row0 * src_row, buf, (size_t)(piece->rows * src_row),
	        &p->errors[i])) {
		for (uint64_t r = piece->row0; r < piece->row0 + piece->rows; r++) {
			const uint8_t *got = f->t->data.p + r * row_bytes;
			const uint8_t *src = buf + (source_row(slot, p->pair->head_dim, r) - piece->row0) * src_row;
			if (f->t->type == FOX_Q8_0)
				row_q8_0(f, r, got, src, cols);
			else
				row_floats(f, r, got, src, cols);
		}
		fox_gguf_done_with(p->v->g,
		    (struct fox_span){f->t->data.p + piece->row0 * row_bytes, (size_t)(piece->rows * row_bytes)});
	}
	free(buf);
}

/* ---- what belongs to what */

static const struct fox_tensor *tensor_of(const struct fox_verify *v, const struct fox_slot *slot)
{
	return fox_gguf_find(v->g, fox_str_of(slot->name));
}

static bool shapes_agree(
    const struct fox_slot *slot, const struct fox_tensor *t, const struct fox_src_tensor *s)
{
	bool vector = slot->row->rows == FOX_D_NONE;
	if (t->dim[0] != slot->cols || t->dim[1] != slot->rows || t->dim[2] != 1 || t->dim[3] != 1)
		return false;
	return vector ? s->n_dims == 1 && s->shape[0] == slot->cols
	              : s->n_dims == 2 && s->shape[0] == slot->rows && s->shape[1] == slot->cols;
}

static bool dtype_is_float(enum fox_dtype d)
{
	return d == FOX_DT_F64 || d == FOX_DT_F32 || d == FOX_DT_F16 || d == FOX_DT_BF16;
}

/* NULL when the pair can be compared; else the check that owns what is wrong, and what that is. */
static const char *incomparable(const struct fox_ver_pair *p, const struct fox_slot *slot,
    const struct fox_tensor *t, const struct fox_src_tensor *s, char text[320])
{
	const char *type = fox_type_info(t->type)->name;
	if (!shapes_agree(slot, t, s)) {
		snprintf(text, 320, "shape is not that of '%s'", slot->hf);
		return "source.shape";
	}
	if (rows_move(slot) && slot->rows % p->head_dim) {
		snprintf(text, 320, "%llu rows are not whole heads of %llu, as config.json has them",
		    (unsigned long long)slot->rows, (unsigned long long)p->head_dim);
		return "source.shape";
	}
	if (!dtype_is_float(s->dtype) ||
	    (t->type != FOX_F32 && t->type != FOX_F16 && t->type != FOX_BF16 && t->type != FOX_Q8_0)) {
		snprintf(text, 320, "no proof of %s from %s is known here", type, fox_dtypes[s->dtype].name);
		return "source.type";
	}
	if ((slot->row->how & FOX_T_KEEP_F32) && t->type != FOX_F32) {
		snprintf(text, 320, "is %s, must be f32", type);
		return "source.type";
	}
	return NULL;
}

/* A source tensor that the container leaves out must be the tied output, equal to the embedding bit for bit.
 */
static enum fox_status check_tied(struct fox_verify *v, struct fox_source *src, const struct fox_slot *slot,
    const struct fox_slot *embd, struct fox_err *err)
{
	const struct fox_src_tensor *a = fox_source_find(src, fox_str_of(slot->hf)),
	                            *b = fox_source_find(src, fox_str_of(embd->hf));
	if (!a || !b)
		return FOX_OK;
	bool same = a->dtype == b->dtype && a->bytes == b->bytes;
	uint8_t *buf = malloc(2 * PIECE_BYTES);
	enum fox_status s = buf ? FOX_OK : fox_fail_nomem(err);
	for (uint64_t at = 0; same && !s && at < a->bytes; at += PIECE_BYTES) {
		size_t n = a->bytes - at < PIECE_BYTES ? (size_t)(a->bytes - at) : PIECE_BYTES;
		s = fox_source_read(src, a, at, buf, n, err);
		if (!s)
			s = fox_source_read(src, b, at, buf + PIECE_BYTES, n, err);
		same = !s && !memcmp(buf, buf + PIECE_BYTES, n);
	}
	free(buf);
	if (!s && !same)
		fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->hf,
		    "config.json ties it to the embedding, but its values differ");
	return s;
}

/* Buffers that old checkpoints carry beside the weights; nothing reads them. */
static bool is_buffer(struct fox_str name)
{
	return fox_str_ends(name, ".rotary_emb.inv_freq") || fox_str_ends(name, ".attention.masked_bias") ||
	       fox_str_ends(name, ".attention.bias");
}

/* One more tensor that the other side has nothing for; after MAX_TOLD they are only counted. */
static void left_over(
    struct fox_verify *v, const char *check, struct fox_str name, const char *text, size_t *n)
{
	char where[201];
	snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(name));
	if ((*n)++ < MAX_TOLD)
		fox_find_add(&v->found, FOX_FAIL, check, where, "%s", text);
}

static enum fox_status check_leftovers(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_map hf = {0};
	size_t there = 0, here = 0;
	if (!fox_map_init(&hf, arena, p->n_slots))
		return fox_fail_nomem(err);
	for (size_t k = 0; k < p->n_slots; k++)
		fox_map_put(&hf, fox_str_of(p->slots[k].hf), 0);
	for (size_t i = 0; i < fox_source_tensors(p->src); i++) {
		struct fox_str name = fox_source_tensor(p->src, i)->name;
		if (!is_buffer(name) && fox_map_find(&hf, name) == FOX_MAP_NONE)
			left_over(v, "source.missing", name,
			    "the source has this tensor, the container nothing made of it", &there);
	}
	for (size_t i = 0; i < fox_gguf_tensors(v->g); i++) {
		struct fox_str name = fox_gguf_tensor(v->g, i)->name;
		if (fox_map_find(&p->by_name, name) == FOX_MAP_NONE)
			left_over(v, "source.extra", name,
			    "the container has this tensor, the source nothing it is made of", &here);
	}
	if (there > MAX_TOLD)
		fox_find_add(&v->found, FOX_FAIL, "source.missing", "", "%zu more tensors", there - MAX_TOLD);
	if (here > MAX_TOLD)
		fox_find_add(&v->found, FOX_FAIL, "source.extra", "", "%zu more tensors", here - MAX_TOLD);
	return FOX_OK;
}

/* ---- the whole */

/* Cut a tensor into pieces of about PIECE_BYTES of source; returns how many, writing them when out is not
 * NULL. */
static size_t cut(const struct fox_slot *slot, const struct fox_src_tensor *s, uint64_t head_dim,
    size_t index, struct piece *out)
{
	uint64_t unit = rows_move(slot) ? head_dim : 1;
	uint64_t row = slot->cols * fox_dtypes[s->dtype].bits / 8, step = PIECE_BYTES / (row * unit) * unit;
	size_t n = 0;
	step = step ? step : unit;
	for (uint64_t r = 0; r < slot->rows; r += step, n++)
		if (out)
			out[n] = (struct piece){index, r, slot->rows - r < step ? slot->rows - r : step};
	return n;
}

static void report_proof(struct fox_verify *v, const struct fox_slot *slot, const struct proof *f)
{
	if (f->n_wrong)
		fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->name,
		    "%llu of %llu values are not those of '%s'; first at row %llu, column %llu: %s%.9g, not %.9g",
		    (unsigned long long)f->n_wrong, (unsigned long long)f->t->n_elems, slot->hf,
		    (unsigned long long)f->first_row, (unsigned long long)f->first_col,
		    f->first_is_scale ? "scale " : "", f->first_got, f->first_want);
	else if (f->n_unrounded)
		fox_find_add(&v->found, FOX_NOTE, "source.tensor", slot->name,
		    "within the bound of q8_0, but %llu weights are not the reference quantizer's",
		    (unsigned long long)f->n_unrounded);
}

struct totals {
	size_t exact, bounded;
	uint64_t elems;
	double max_error;
};

static void merge(struct proof *into, const struct proof *f)
{
	if (f->n_wrong && !into->n_wrong) {
		into->first_row = f->first_row, into->first_col = f->first_col;
		into->first_got = f->first_got, into->first_want = f->first_want;
		into->first_is_scale = f->first_is_scale;
	}
	into->n_wrong += f->n_wrong;
	into->n_unrounded += f->n_unrounded;
	into->max_error = f->max_error > into->max_error ? f->max_error : into->max_error;
}

static enum fox_status judge(struct proving *p, size_t n_pieces, struct totals *sum, struct fox_err *err)
{
	for (size_t i = 0, k; i < n_pieces; i = k) {
		struct proof whole = p->proofs[i];
		for (k = i; k < n_pieces && p->pieces[k].slot == p->pieces[i].slot; k++) {
			if (p->errors[k].code) {
				if (err)
					*err = p->errors[k];
				return p->errors[k].code;
			}
			if (k > i)
				merge(&whole, &p->proofs[k]);
		}
		report_proof(p->v, &p->pair->slots[p->pieces[i].slot], &whole);
		if (!whole.n_wrong) {
			*(whole.t->type == FOX_Q8_0 ? &sum->bounded : &sum->exact) += 1;
			sum->elems += whole.t->n_elems;
			sum->max_error = whole.max_error > sum->max_error ? whole.max_error : sum->max_error;
		}
	}
	return FOX_OK;
}

/* Decide what is compared with what; returns the number of pieces, filling pieces and proofs (and telling of pairs that
 * cannot be compared) when not NULL. */
static size_t plan(struct proving *p, struct piece *pieces, struct proof *proofs)
{
	size_t total = 0;
	for (size_t i = 0; i < p->pair->n_slots; i++) {
		const struct fox_slot *slot = &p->pair->slots[i];
		const struct fox_tensor *t = tensor_of(p->v, slot);
		const struct fox_src_tensor *s = fox_source_find(p->pair->src, fox_str_of(slot->hf));
		char text[320];
		if (!t || !s)
			continue;
		const char *check = incomparable(p->pair, slot, t, s, text);
		if (check) {
			if (pieces)
				fox_find_add(&p->v->found, FOX_FAIL, check, slot->name, "%s", text);
			continue;
		}
		size_t k = cut(slot, s, p->pair->head_dim, i, pieces ? pieces + total : NULL);
		for (size_t j = 0; proofs && j < k; j++)
			proofs[total + j] = (struct proof){.t = t, .src = s};
		total += k;
	}
	return total;
}

static const struct fox_slot *embedding(const struct fox_ver_pair *p)
{
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].row->role == FOX_R_TOKEN_EMBD)
			return &p->slots[i];
	return NULL;
}

static enum fox_status check_absent(struct proving *p, struct fox_err *err)
{
	const struct fox_slot *embd = embedding(p->pair);
	for (size_t i = 0; i < p->pair->n_slots; i++) {
		const struct fox_slot *slot = &p->pair->slots[i];
		bool tied = (slot->row->how & FOX_T_TIED_EMBED) && p->pair->h->tied;
		bool here = tensor_of(p->v, slot), there = fox_source_find(p->pair->src, fox_str_of(slot->hf));
		if (here && there)
			continue;
		if (!here && there && tied && embd) {
			enum fox_status s = check_tied(p->v, p->pair->src, slot, embd, err);
			if (s)
				return s;
		} else if (there) {
			fox_find_add(&p->v->found, FOX_FAIL, "source.missing", slot->name,
			    "the source has '%s', the container nothing made of it", slot->hf);
		} else if (here) {
			fox_find_add(
			    &p->v->found, FOX_FAIL, "source.extra", slot->name, "the source has no '%s'", slot->hf);
		} else if (!tied && !(slot->row->how & FOX_T_OPTIONAL)) {
			fox_find_add(&p->v->found, FOX_FAIL, "source.missing", slot->name,
			    "neither the container nor the source has it, and the model needs it");
		}
	}
	return FOX_OK;
}

static void report_totals(struct fox_verify *v, const struct totals *sum)
{
	if (sum->exact)
		fox_find_add(&v->found, FOX_PASS, "source.tensor", "",
		    "%zu tensors hold exactly the source's values%s", sum->exact,
		    sum->bounded ? "" : ", rounded once where the type is narrower");
	if (sum->bounded)
		fox_find_add(&v->found, FOX_PASS, "source.tensor", "",
		    "%zu q8_0 tensors are within their bound; largest error %.3g", sum->bounded, sum->max_error);
	fox_report_field(v->report, "tensors_proven", NULL, fox_cell_u64(sum->exact + sum->bounded));
	fox_report_field(v->report, "values_proven", NULL, fox_cell_u64(sum->elems));
	fox_report_field(v->report, "q8_0_max_error", NULL, fox_cell_f64(sum->max_error));
}

enum fox_status fox_ver_tensors(struct fox_verify *v, const struct fox_ver_pair *pair, struct fox_err *err)
{
	struct fox_arena arena = {0};
	struct piece *pieces = NULL;
	struct proving p = {.v = v, .pair = pair};
	struct totals sum = {0};
	size_t n_pieces;
	enum fox_status s = check_absent(&p, err);
	if (s || (s = check_leftovers(v, pair, &arena, err)))
		goto out;
	n_pieces = plan(&p, NULL, NULL);
	pieces = calloc(n_pieces + 1, sizeof *pieces);
	p.proofs = calloc(n_pieces + 1, sizeof *p.proofs);
	p.errors = calloc(n_pieces + 1, sizeof *p.errors);
	if (!pieces || !p.proofs || !p.errors) {
		s = fox_fail_nomem(err);
		goto out;
	}
	p.pieces = pieces;
	n_pieces = plan(&p, pieces, p.proofs);
	fox_pool_run(v->pool, prove_piece, &p, n_pieces);
	if (!(s = judge(&p, n_pieces, &sum, err)))
		report_totals(v, &sum);
out:
	free(pieces);
	free(p.proofs);
	free(p.errors);
	fox_arena_free(&arena);
	return s;
}
