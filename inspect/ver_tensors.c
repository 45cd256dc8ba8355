/* ver_tensors.c - every tensor against its source, redone without the converter's code: which belongs to which, what is
 * left over on either side, and the comparison spread over threads. Values are ver_values.c's, the order of rows
 * ver_gather.c's.  spec/verify.md 3 */
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/profile.h"
#include "inspect/ver_tensors.h"

enum { PIECE_BYTES = 4 << 20, MAX_TOLD = 32 };

/* ---- pieces of tensors, spread over threads */

struct piece {
	size_t slot;
	uint64_t row0, rows; /* of the container: a whole number of heads where rows move within heads */
};

struct proving {
	struct fox_verify *v;
	const struct fox_ver_pair *pair;
	struct fox_ver_proof *proofs; /* one per piece; merged in order, so that threads do not matter */
	const struct piece *pieces;
	struct fox_err *errors; /* one per piece */
	size_t *order;          /* of pieces, as they are read */
};

static void prove_piece(void *ctx, size_t turn, unsigned worker)
{
	struct proving *p = ctx;
	size_t i = p->order[turn];
	const struct piece *piece = &p->pieces[i];
	struct fox_ver_proof *f = &p->proofs[i];
	struct fox_ver_shape shape;
	char text[320];
	uint64_t row_bytes;
	(void)worker;
	if (fox_cancelled(&p->errors[i]) ||
	    !fox_ver_shape_of(&shape, p->pair, &p->pair->slots[piece->slot], f->src, text)) /* plan() saw to it */
		return;
	uint64_t src_row = shape.cols * shape.item;
	uint8_t *buf = malloc((size_t)(piece->rows * src_row) + 1);
	if (!buf || !fox_type_row_bytes(f->t->type, shape.cols, &row_bytes)) {
		fox_fail_nomem(&p->errors[i]);
		free(buf);
		return;
	}
	const uint8_t *got = f->t->data.p + piece->row0 * row_bytes;
	if (!fox_ver_gather(&shape, p->pair->src, f->src, piece->row0, piece->rows, buf, &p->errors[i])) {
		for (uint64_t r = 0; r < piece->rows; r++)
			fox_ver_row(f, piece->row0 + r, got + r * row_bytes, buf + r * src_row, shape.cols);
		fox_gguf_done_with(p->v->g, (struct fox_span){got, (size_t)(piece->rows * row_bytes)});
	}
	free(buf);
}

/* ---- what belongs to what */

static const struct fox_tensor *tensor_of(const struct fox_verify *v, const struct fox_slot *slot)
{
	return fox_gguf_find(v->g, fox_str_of(slot->name));
}

static bool dtype_is_float(enum fox_dtype d)
{
	return d == FOX_DT_F64 || d == FOX_DT_F32 || d == FOX_DT_F16 || d == FOX_DT_BF16;
}

/* NULL when the pair can be compared; else the check that owns what is wrong, and what that is. */
static const char *incomparable(struct fox_ver_shape *shape, const struct fox_ver_pair *p,
    const struct fox_slot *slot, const struct fox_tensor *t, const struct fox_src_tensor *s, char text[320])
{
	const char *type = fox_type_info(t->type)->name;
	if (t->dim[0] != slot->cols || t->dim[1] != slot->rows || t->dim[2] != 1 || t->dim[3] != 1) {
		snprintf(text, 320, "shape is not that of '%.*s'", FOX_STR_ARG(s->name));
		return "source.shape";
	}
	if (!fox_ver_shape_of(shape, p, slot, s, text))
		return "source.shape";
	if (!dtype_is_float(s->dtype) ||
	    (t->type != FOX_F32 && t->type != FOX_F16 && t->type != FOX_BF16 && !fox_ver_block_known(t->type))) {
		snprintf(text, 320, "no proof of %s from %s is known here", type, fox_dtypes[s->dtype].name);
		return "source.type";
	}
	if ((slot->row->how & FOX_T_KEEP_F32 || slot->row->rows == FOX_D_NONE) && t->type != FOX_F32) {
		snprintf(text, 320, "is %s, must be f32", type);
		return "source.type";
	}
	return NULL;
}

/* A source tensor that the container leaves out must be the tied output, equal to the embedding bit for bit. */
static enum fox_status check_tied(struct fox_verify *v, const struct fox_ver_pair *p,
    const struct fox_slot *slot, const struct fox_slot *embd, struct fox_err *err)
{
	const struct fox_src_tensor *a = fox_ver_source_of(p, slot), *b = fox_ver_source_of(p, embd);
	enum fox_status s = FOX_OK;
	if (!a || !b)
		return FOX_OK;
	bool same = a->dtype == b->dtype && a->bytes == b->bytes;
	if (same)
		s = fox_ver_same(p->src, a, b, &same, err);
	if (!s && !same)
		fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->hf,
		    "the container has the embedding in its place, but its values differ");
	return s;
}

/* Buffers that old checkpoints carry beside the weights; nothing reads them. */
static bool is_buffer(const struct fox_arch *arch, struct fox_str name)
{
	const char *ends = arch->buffers;
	char end[64];
	for (struct fox_str one; fox_arch_next(&ends, &one);) {
		snprintf(end, sizeof end, "%.*s", FOX_STR_ARG(one));
		if (one.n && fox_str_ends(name, end))
			return true;
	}
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

/* Names of the source that some slot is made of: of two names for one tensor, only the one that is read. */
static bool map_sources(struct fox_map *m, const struct fox_ver_pair *p, struct fox_arena *arena)
{
	if (!fox_map_init(m, arena, p->n_slots))
		return false;
	for (size_t k = 0; k < p->n_slots; k++) {
		const struct fox_src_tensor *s = fox_ver_source_of(p, &p->slots[k]);
		if (s)
			fox_map_put(m, s->name, 0);
	}
	return true;
}

static enum fox_status check_leftovers(
    struct fox_verify *v, const struct fox_ver_pair *p, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_map hf = {0};
	size_t there = 0, here = 0;
	if (!map_sources(&hf, p, arena))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < fox_source_tensors(p->src); i++) {
		struct fox_str name = fox_source_tensor(p->src, i)->name;
		if (!is_buffer(p->arch, name) && fox_map_find(&hf, name) == FOX_MAP_NONE)
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
static size_t cut(const struct fox_ver_shape *shape, size_t index, struct piece *out)
{
	uint64_t unit = fox_ver_unit(shape), step = PIECE_BYTES / (shape->cols * shape->item * unit) * unit;
	size_t n = 0;
	step = step ? step : unit;
	for (uint64_t r = 0; r < shape->rows; r += step, n++)
		if (out)
			out[n] = (struct piece){index, r, shape->rows - r < step ? shape->rows - r : step};
	return n;
}

/* false: the tensor is not its source; for a quantized one, text then says why. */
static bool is_right(const struct fox_ver_proof *f, char text[320])
{
	return !f->n_wrong && (!f->quant.n || fox_ver_quant_judge(&f->quant, f->t->type, text));
}

static void report_proof(struct fox_verify *v, const struct fox_slot *slot, const struct fox_ver_proof *f)
{
	/* a vector whose elements move was compared as a column */
	uint64_t row = slot->row->rows == FOX_D_NONE ? 0 : f->first_row,
	         col = slot->row->rows == FOX_D_NONE ? f->first_row + f->first_col : f->first_col;
	char text[320];
	if (!is_right(f, text) && !f->n_wrong)
		fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->name, "%s", text);
	else if (f->n_wrong)
		fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->name,
		    "%llu of %llu values are not those of '%.*s'%s; first at row %llu, column %llu: %s%.9g, not %.9g",
		    (unsigned long long)f->n_wrong, (unsigned long long)f->t->n_elems, FOX_STR_ARG(f->src->name),
		    f->add_one ? " plus 1" : "", (unsigned long long)row, (unsigned long long)col,
		    f->first_is_scale ? "scale " : "", f->first_got, f->first_want);
	else if (f->n_unrounded)
		fox_find_add(&v->found, FOX_NOTE, "source.tensor", slot->name,
		    "within the bound of q8_0, but %llu weights are not the reference quantizer's",
		    (unsigned long long)f->n_unrounded);
}

/* What is proven of one quantized type. */
struct type_total {
	size_t tensors;
	uint64_t values, off; /* off: weights that are not the nearest that their scales give */
	uint32_t farthest;
	double error, row; /* the largest */
};

struct totals {
	size_t exact, bounded, quantized;
	uint64_t elems;
	double max_error;
	struct type_total type[FOX_TYPE_LIMIT];
};

static void count_quantized(struct totals *sum, const struct fox_ver_proof *f)
{
	struct type_total *t = &sum->type[f->t->type];
	double error = fox_ver_quant_error(&f->quant);
	sum->quantized++;
	t->tensors++;
	t->values += f->quant.n;
	t->off += f->quant.n_off[0] + f->quant.n_off[1] + f->quant.n_off[2];
	t->farthest = f->quant.farthest > t->farthest ? f->quant.farthest : t->farthest;
	t->error = error > t->error ? error : t->error;
	t->row = f->quant.worst_row > t->row ? f->quant.worst_row : t->row;
}

static void merge(struct fox_ver_proof *into, const struct fox_ver_proof *f)
{
	if (f->n_wrong && !into->n_wrong) {
		into->first_row = f->first_row, into->first_col = f->first_col;
		into->first_got = f->first_got, into->first_want = f->first_want;
		into->first_is_scale = f->first_is_scale;
	}
	into->n_wrong += f->n_wrong;
	into->n_unrounded += f->n_unrounded;
	into->max_error = f->max_error > into->max_error ? f->max_error : into->max_error;
	fox_ver_quant_merge(&into->quant, &f->quant);
}

static enum fox_status judge(struct proving *p, size_t n_pieces, struct totals *sum, struct fox_err *err)
{
	for (size_t i = 0, k; i < n_pieces; i = k) {
		struct fox_ver_proof whole = p->proofs[i];
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
		char text[320];
		if (is_right(&whole, text)) {
			if (whole.quant.n)
				count_quantized(sum, &whole);
			else
				*(whole.t->type == FOX_Q8_0 ? &sum->bounded : &sum->exact) += 1;
			sum->elems += whole.t->n_elems;
			sum->max_error = whole.max_error > sum->max_error ? whole.max_error : sum->max_error;
		}
	}
	return FOX_OK;
}

/* Does the container say that it was made with this option? */
static bool made_with(const struct fox_gguf *g, const char *option)
{
	static const char *const keys[] = {FOX_KEY_QUANTIZE_OPTIONS, FOX_KEY_OPTIONS};
	struct fox_str s;
	for (size_t i = 0; i < FOX_COUNT(keys); i++)
		if (!fox_gguf_str(g, keys[i], &s, NULL) && s.n && memmem(s.p, s.n, option, strlen(option)))
			return true;
	return false;
}

/* How the container says that its weights were rounded. */
static enum fox_ver_rounding rounding_of(const struct fox_gguf *g)
{
	if (made_with(g, ",search=calibrated"))
		return FOX_VER_FED_BACK;
	return fox_gguf_find_key(g, "quantize.imatrix.file") || fox_gguf_find_key(g, "fox.imatrix.sha256")
	           ? FOX_VER_WEIGHTED
	           : FOX_VER_NEAREST;
}

/* Decide what is compared with what; returns the number of pieces, filling pieces and proofs (and telling of pairs that
 * cannot be compared) when not NULL. */
static size_t plan(struct proving *p, struct piece *pieces, struct fox_ver_proof *proofs)
{
	size_t total = 0;
	for (size_t i = 0; i < p->pair->n_slots; i++) {
		const struct fox_slot *slot = &p->pair->slots[i];
		const struct fox_tensor *t = tensor_of(p->v, slot);
		const struct fox_src_tensor *s = fox_ver_source_of(p->pair, slot);
		struct fox_ver_shape shape;
		char text[320];
		if (!t || !s)
			continue;
		const char *check = incomparable(&shape, p->pair, slot, t, s, text);
		if (check) {
			if (pieces)
				fox_find_add(&p->v->found, FOX_FAIL, check, slot->name, "%s", text);
			continue;
		}
		size_t k = cut(&shape, i, pieces ? pieces + total : NULL);
		for (size_t j = 0; proofs && j < k; j++)
			proofs[total + j] = (struct fox_ver_proof){.t = t,
			    .src = s,
			    .add_one = slot->row->how & FOX_T_ADD_ONE,
			    .searched = made_with(p->v->g, ",search="),
			    .quant.how = rounding_of(p->v->g)};
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
		bool here = tensor_of(p->v, slot), there = fox_ver_source_of(p->pair, slot);
		if ((here && there) || slot->row->how & FOX_T_MADE)
			continue;
		if (!here && there && tied && embd) {
			enum fox_status s = check_tied(p->v, p->pair, slot, embd, err);
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

static void tell_type(struct fox_verify *v, uint32_t type, const struct type_total *t)
{
	if (!t->tensors)
		return;
	const char *name = fox_type_info(type)->name;
	fox_find_add(&v->found, FOX_PASS, "source.tensor", "",
	    "%zu %s tensors are within their limits; largest relative error %.3g of a tensor, %.3g of a row",
	    t->tensors, name, t->error, t->row);
	if (t->off)
		fox_find_add(&v->found, FOX_NOTE, "source.tensor", "",
		    "%llu of %llu %s weights are not the nearest that their scales give, the farthest by %u",
		    (unsigned long long)t->off, (unsigned long long)t->values, name, t->farthest);
}

static void report_types(struct fox_verify *v, const struct totals *sum)
{
	static const struct fox_column columns[] = {{"type", NULL, false, false}, {"tensors", NULL, true, false},
	    {"values", NULL, true, false}, {"error", NULL, true, false}, {"row_error", NULL, true, false},
	    {"not_nearest", NULL, true, false}};
	if (!sum->quantized)
		return;
	struct fox_table *table = fox_report_table(v->report, "quantized", columns, FOX_COUNT(columns));
	for (int i = 0; i < FOX_TYPE_LIMIT; i++) {
		const struct type_total *t = &sum->type[i];
		struct fox_cell cells[] = {fox_cell_cstr(t->tensors ? fox_type_info((uint32_t)i)->name : NULL),
		    fox_cell_u64(t->tensors), fox_cell_u64(t->values), fox_cell_f64(t->error), fox_cell_f64(t->row),
		    fox_cell_u64(t->off)};
		if (t->tensors)
			fox_report_row(v->report, table, cells);
	}
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
	for (uint32_t i = 0; i < FOX_TYPE_LIMIT; i++)
		tell_type(v, i, &sum->type[i]);
	fox_report_field(
	    v->report, "tensors_proven", NULL, fox_cell_u64(sum->exact + sum->bounded + sum->quantized));
	fox_report_field(v->report, "values_proven", NULL, fox_cell_u64(sum->elems));
	fox_report_field(v->report, "q8_0_max_error", NULL, fox_cell_f64(sum->max_error));
	report_types(v, sum);
}

static int by_place(const void *a, const void *b, void *ctx)
{
	const uint64_t *place = ctx;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return place[x] != place[y] ? (place[x] < place[y] ? -1 : 1) : x < y ? -1 : x > y;
}

/* Where the source's rows of a piece begin, or the matrix, where it is turned. */
static uint64_t place_of(const struct proving *p, size_t i)
{
	const struct piece *piece = &p->pieces[i];
	const struct fox_src_tensor *s = p->proofs[i].src;
	struct fox_ver_shape shape;
	char text[320];
	uint64_t at = fox_source_place(p->pair->src, s);
	if (s->view || !fox_ver_shape_of(&shape, p->pair, &p->pair->slots[piece->slot], s, text) ||
	    shape.how & FOX_T_TRANSPOSE)
		return at;
	return at + fox_ver_source_row(&shape, piece->row0) * shape.cols * shape.item;
}

/* In the container's order by all threads; out of a stream, by one in that of the source. */
static enum fox_status prove_all(struct proving *p, size_t n_pieces, struct fox_err *err)
{
	bool streamed = fox_source_streamed(p->pair->src);
	uint64_t *place = calloc(n_pieces + 1, sizeof *place);
	p->order = calloc(n_pieces + 1, sizeof *p->order);
	if (!place || !p->order) {
		free(place);
		return fox_fail_nomem(err);
	}
	for (size_t i = 0; i < n_pieces; i++) {
		p->order[i] = i;
		place[i] = streamed ? place_of(p, i) : 0;
	}
	qsort_r(p->order, n_pieces, sizeof *p->order, by_place, place);
	fox_pool_run(streamed ? NULL : p->v->pool, prove_piece, p, n_pieces);
	free(place);
	return FOX_OK;
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
	s = prove_all(&p, n_pieces, err);
	if (!s)
		s = judge(&p, n_pieces, &sum, err);
	for (size_t i = 0; i < pair->n_slots && !s; i++)
		if (pair->slots[i].row->how & FOX_T_MADE)
			fox_ver_made(v, pair, &pair->slots[i], &sum.exact, &sum.elems);
	if (!s)
		report_totals(v, &sum);
out:
	free(pieces);
	free(p.proofs);
	free(p.errors);
	free(p.order);
	fox_arena_free(&arena);
	return s;
}
