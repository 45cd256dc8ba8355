/* back_plan.c - slots against tensors: grouped by the source's name, checked, given a dtype and a file. */
#include "convert/back_plan.h"

#include <stdio.h>

#include "convert/xform.h"
#include "format/base/map.h"
#include "format/base/num.h"
#include "format/profile.h"

#define HALVES (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF)

struct planner {
	struct back_plan *p;
	const struct fox_gguf *g;
	const struct fox_hparams *hp;
	enum fox_type type;
	bool plain;
	struct fox_arena *arena;
	struct fox_map tensors, made; /* container name -> index; source name -> index in p->list */
	bool *used;                   /* [tensors] */
	enum fox_dtype *dtypes; /* [tensors], FOX_DT_COUNT where unknown; NULL: the container does not say */
};

static enum fox_dtype dtype_of(enum fox_type t)
{
	return t == FOX_F64 ? FOX_DT_F64 : t == FOX_F32 ? FOX_DT_F32 : t == FOX_F16 ? FOX_DT_F16 : FOX_DT_BF16;
}

/* fox.source.dtypes, where it has one for each tensor. */
static enum fox_status read_dtypes(struct planner *w, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(w->g, FOX_KEY_SRC_DTYPES);
	size_t n = fox_gguf_tensors(w->g);
	struct fox_str name;
	uint64_t cursor = 0;
	if (!kv || kv->type != FOX_GGUF_ARR || kv->item != FOX_GGUF_STR || kv->n_items != n)
		return FOX_OK;
	w->dtypes = fox_arena_alloc(w->arena, n, sizeof *w->dtypes);
	if (!w->dtypes)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n && fox_gguf_next_str(w->g, kv, &cursor, &name); i++) {
		w->dtypes[i] = FOX_DT_COUNT;
		for (int d = 0; d < FOX_DT_COUNT; d++)
			if (fox_str_is(name, fox_dtypes[d].name))
				w->dtypes[i] = (enum fox_dtype)d;
	}
	return FOX_OK;
}

static enum fox_status check_shape(
    const struct fox_slot *slot, const struct fox_tensor *t, struct fox_err *err)
{
	bool vector = slot->row->rows == FOX_D_NONE;
	bool fits =
	    t->n_dims == (vector ? 1u : 2u) && t->dim[0] == slot->cols && (vector || t->dim[1] == slot->rows);
	if (fits)
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor '%s' has %llu x %llu values, where fox.hf.config asks for %llu x %llu", slot->name,
	    (unsigned long long)t->dim[0], (unsigned long long)t->dim[1], (unsigned long long)slot->cols,
	    (unsigned long long)slot->rows);
}

static struct back_part part_of(
    const struct planner *w, const struct fox_slot *slot, const struct fox_tensor *t)
{
	uint32_t how = slot->row->how;
	bool vector = slot->row->rows == FOX_D_NONE;
	uint64_t rows = vector ? slot->cols : slot->rows, head = 0;
	if (how & FOX_T_QKV_HEADS)
		head = rows / 3 / w->hp->n_heads[slot->layer];
	else if (how & FOX_T_ROPE_Q)
		head = rows / w->hp->n_heads[slot->layer];
	else if (how & FOX_T_ROPE_K)
		head = rows / w->hp->n_kv_heads[slot->layer];
	if (vector && !head)
		return (struct back_part){t, 1, slot->cols, 0};
	return (struct back_part){t, rows, vector ? 1 : slot->cols, head};
}

/* Shape in the checkpoint, for one part; halves add their rows. */
static void set_shape(struct fox_st_member *st, const struct fox_slot *slot)
{
	bool vector = slot->row->rows == FOX_D_NONE, turned = slot->row->how & FOX_T_TRANSPOSE;
	st->n_dims = vector ? 1 : 2;
	st->shape[0] = vector || turned ? slot->cols : slot->rows;
	st->shape[1] = turned ? slot->rows : slot->cols;
}

static enum fox_status check_types(
    const struct back_tensor *b, const struct back_part *part, struct fox_err *err)
{
	enum fox_type t = part->t->type;
	bool plain = fox_type_info(t)->elems == 1, moves = part->head_rows && part->cols == 1;
	bool pairs = b->how & (FOX_T_ROPE_Q | FOX_T_ROPE_K);
	bool able =
	    t == b->type || (fox_kernels()->decode[t] && (b->type == FOX_F64 || fox_kernels()->encode[b->type]));
	uint64_t group = b->how & FOX_T_QKV_HEADS ? 3 * part->head_rows : part->head_rows;
	bool headed = pairs || b->how & FOX_T_QKV_HEADS;
	if (headed && (!group || part->rows % group || (pairs && group % 2)))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "tensor '%.*s' of %llu rows has no whole heads of %llu", FOX_STR_ARG(part->t->name),
		    (unsigned long long)part->rows, (unsigned long long)part->head_rows);
	if (able && (plain || !moves))
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "tensor '%.*s' of type %s cannot become %s",
	    FOX_STR_ARG(part->t->name), fox_type_info(t)->name, fox_type_info(b->type)->name);
}

/* As transformers names it: with the family's prefix, but for the output matrix, which stands beside the inner model. */
static const char *name_of(const struct planner *w, const struct fox_slot *slot)
{
	return slot->prefixed[0] && !w->plain && !(slot->row->how & FOX_T_TIED_EMBED) ? slot->prefixed : slot->hf;
}

static enum fox_status add_part(
    struct planner *w, const struct fox_slot *slot, const struct fox_tensor *t, size_t i, struct fox_err *err)
{
	struct back_plan *p = w->p;
	enum fox_type was =
	    w->dtypes && w->dtypes[i] != FOX_DT_COUNT ? fox_xform_stored(w->dtypes[i]) : FOX_TYPE_LIMIT;
	struct fox_str name = fox_str_of(name_of(w, slot));
	uint32_t at = fox_map_find(&w->made, name);
	struct back_tensor *b;
	if (at == FOX_MAP_NONE) {
		b = &p->list[p->n];
		fox_map_put(&w->made, name, (uint32_t)p->n++);
		*b = (struct back_tensor){.st.name = name, .was = was, .how = slot->row->how & ~HALVES};
		b->type = w->type != FOX_TYPE_LIMIT ? w->type : was != FOX_TYPE_LIMIT ? was : FOX_BF16;
		b->st.dtype = dtype_of(b->type);
		set_shape(&b->st, slot);
	} else {
		b = &p->list[at];
		if (b->n_parts == 2 || !(slot->row->how & FOX_T_SECOND_HALF) ||
		    b->st.shape[b->st.n_dims - 1] != slot->cols)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "tensor '%s' does not belong to the others of '%.*s'", slot->name, FOX_STR_ARG(name));
		b->st.shape[0] += slot->row->rows == FOX_D_NONE ? slot->cols : slot->rows;
	}
	b->part[b->n_parts] = part_of(w, slot, t);
	return check_types(b, &b->part[b->n_parts++], err);
}

static enum fox_status add_slot(struct planner *w, const struct fox_slot *slot, struct fox_err *err)
{
	uint32_t how = slot->row->how, i = fox_map_find(&w->tensors, fox_str_of(slot->name));
	if (w->hp->tied && how & FOX_T_TIED_EMBED)
		return FOX_OK;
	if (i == FOX_MAP_NONE) {
		if (how & (FOX_T_OPTIONAL | FOX_T_MADE))
			return FOX_OK;
		return fox_fail(
		    err, FOX_E_MISMATCH, FOX_NOWHERE, "no tensor '%s', which fox.hf.config asks for", slot->name);
	}
	const struct fox_tensor *t = fox_gguf_tensor(w->g, i);
	enum fox_status s = check_shape(slot, t, err);
	w->used[i] = true;
	return s || how & FOX_T_MADE ? s : add_part(w, slot, t, i, err);
}

/* Halves that lack each other, and tensors that nothing takes. */
static enum fox_status check_rest(
    const struct planner *w, const struct fox_slot *slots, size_t n, struct fox_err *err)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t at = slots[i].row->how & HALVES ? fox_map_find(&w->made, fox_str_of(name_of(w, &slots[i])))
		                                         : FOX_MAP_NONE;
		if (at != FOX_MAP_NONE && w->p->list[at].n_parts != 2)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "one half of '%s' is not there", slots[i].hf);
	}
	for (size_t i = 0; i < fox_gguf_tensors(w->g); i++)
		if (!w->used[i])
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "tensor '%.*s' has no place in the model of fox.hf.config",
			    FOX_STR_ARG(fox_gguf_tensor(w->g, i)->name));
	return FOX_OK;
}

/* Files are filled in turn, as transformers does.  source: huggingface_hub split_state_dict_into_shards_factory */
static enum fox_status share(struct back_plan *p, uint64_t max_shard, struct fox_err *err)
{
	uint64_t filled = 0;
	uint32_t shard = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct back_tensor *b = &p->list[i];
		uint64_t n = 1;
		for (uint32_t d = 0; d < b->st.n_dims; d++)
			if (!fox_mul(&n, n, b->st.shape[d]))
				n = UINT64_MAX / 16;
		if (!fox_mul(&b->st.bytes, n, fox_dtypes[b->st.dtype].bits / 8) ||
		    !fox_add(&p->bytes, p->bytes, b->st.bytes))
			return fox_fail(
			    err, FOX_E_BOUND, FOX_NOWHERE, "tensor '%.*s' is too large", FOX_STR_ARG(b->st.name));
		if (filled && (b->st.bytes > max_shard || filled > max_shard - b->st.bytes))
			shard++, filled = 0;
		b->st.shard = shard;
		filled += b->st.bytes;
	}
	p->n_shards = shard + 1;
	return FOX_OK;
}

enum fox_status back_plan_make(struct back_plan *p, const struct fox_gguf *g, const struct fox_arch *arch,
    const struct fox_hparams *hp, enum fox_type type, bool plain, uint64_t max_shard, struct fox_arena *arena,
    struct fox_err *err)
{
	struct planner w = {.p = p, .g = g, .hp = hp, .type = type, .plain = plain, .arena = arena};
	struct fox_slot *slots;
	size_t n_slots, n = fox_gguf_tensors(g);
	enum fox_status s = fox_arch_slots(arch, hp, arena, &slots, &n_slots, err);
	if (s)
		return s;
	*p = (struct back_plan){.list = fox_arena_alloc(arena, n_slots, sizeof *p->list)};
	w.used = fox_arena_alloc(arena, n, sizeof *w.used);
	if (!p->list || !w.used || !fox_map_init(&w.tensors, arena, n) || !fox_map_init(&w.made, arena, n_slots))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		fox_map_put(&w.tensors, fox_gguf_tensor(g, i)->name, (uint32_t)i);
	s = read_dtypes(&w, err);
	for (size_t i = 0; i < n_slots && !s; i++)
		s = add_slot(&w, &slots[i], err);
	if (!s)
		s = check_rest(&w, slots, n_slots, err);
	return s ? s : share(p, max_shard, err);
}

void back_plan_print(const struct back_plan *p, struct fox_buf *out)
{
	static const struct {
		uint32_t how;
		const char *text;
	} undone[] = {{FOX_T_ROPE_Q | FOX_T_ROPE_K, "heads to halves"}, {FOX_T_QKV_HEADS, "Q, K and V by heads"},
	    {FOX_T_TRANSPOSE, "transposed"}, {FOX_T_ADD_ONE, "less 1"}};
	for (size_t i = 0; i < p->n; i++) {
		const struct back_tensor *b = &p->list[i];
		fox_buf_escaped(out, b->st.name, 256);
		fox_buf_str(out, "  [");
		for (uint32_t d = 0; d < b->st.n_dims; d++)
			fox_buf_fmt(out, "%s%llu", d ? ", " : "", (unsigned long long)b->st.shape[d]);
		fox_buf_fmt(out, "]  %s  from", fox_dtypes[b->st.dtype].name);
		for (uint32_t k = 0; k < b->n_parts; k++)
			fox_buf_fmt(out, "%s %.*s %s", k ? "," : "", FOX_STR_ARG(b->part[k].t->name),
			    fox_type_info(b->part[k].t->type)->name);
		for (size_t k = 0; k < FOX_COUNT(undone); k++)
			if (b->how & undone[k].how)
				fox_buf_fmt(out, ", %s", undone[k].text);
		fox_buf_char(out, '\n');
	}
}
