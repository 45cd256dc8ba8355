/* job.c - planning: rows against tensors, types, and the list of everything that does not fit. */
#include "convert/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/misfit.h"
#include "format/base/map.h"
#include "format/base/num.h"

/* Names ending so are buffers, not weights.  source: llama.cpp conversion/base.py prepare_tensors */
static const char *const skipped[] = {".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"};

/* What planning needs at hand. */
struct planner {
	struct fox_job *job;
	const struct fox_hparams *hp;
	const struct fox_source *src;
	enum fox_dtype guess;
	struct fox_arena *arena;
	struct fox_map names; /* source name -> index */
	bool *taken;          /* [source tensors] */
	uint64_t layers;      /* that the first n_counted source tensors show */
	size_t n_counted;
	size_t n_misfit;      /* problems other than a dtype without codec */
	bool no_memory;
};

bool fox_job_skips(const struct fox_arch *arch, struct fox_str name)
{
	const char *own = arch->buffers;
	struct fox_str end;
	for (size_t i = 0; i < FOX_COUNT(skipped); i++)
		if (fox_str_ends(name, skipped[i]))
			return true;
	while (fox_arch_next(&own, &end))
		if (name.n >= end.n && !memcmp(name.p + name.n - end.n, end.p, end.n))
			return true;
	return false;
}

/* The first of two rows with one source speaks for both, so that each tensor is told once. */
static bool is_told(const struct fox_slot *slot)
{
	return slot->row->how & FOX_T_SECOND_HALF;
}

/* Take over the line in b as a problem; b is empty afterwards. */
static void problem(struct planner *p, struct fox_buf *b, bool misfit)
{
	char *line = b->failed ? NULL : fox_arena_strdup(p->arena, fox_buf_view(b));
	if (line)
		p->job->problems[p->job->n_problems++] = line;
	else
		p->no_memory = true;
	p->n_misfit += misfit;
	fox_buf_free(b);
}

/* The container's shape. */
static uint32_t slot_shape(const struct fox_slot *slot, uint64_t shape[2])
{
	if (slot->row->rows == FOX_D_NONE) {
		shape[0] = slot->cols;
		return 1;
	}
	shape[0] = slot->rows, shape[1] = slot->cols;
	return 2;
}

/* The shape that the source's tensor must have. */
static uint32_t source_shape(const struct fox_slot *slot, uint64_t shape[2])
{
	uint32_t n = slot_shape(slot, shape);
	uint64_t rows = shape[0];
	if (slot->row->how & (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF))
		shape[0] = 2 * rows;
	if (slot->row->how & FOX_T_TRANSPOSE)
		shape[0] = shape[1], shape[1] = rows;
	return n;
}

static bool shape_fits(const struct fox_slot *slot, const struct fox_src_tensor *t)
{
	uint64_t want[2];
	uint32_t n = source_shape(slot, want);
	return t->n_dims == n && !memcmp(t->shape, want, n * sizeof want[0]);
}

/* Compare a tensor with the row that takes it; what does not fit becomes a problem. */
static bool check_tensor(struct planner *p, const struct fox_slot *slot, const struct fox_src_tensor *t)
{
	struct fox_buf b = {0};
	bool fits = shape_fits(slot, t);
	if (!fits && !is_told(slot)) {
		uint64_t want[2];
		uint32_t n = source_shape(slot, want);
		fox_misfit_shape(&b, &(struct fox_misfit){p->job->arch, p->hp}, slot, t, want, n);
		problem(p, &b, true);
	}
	if (!fits)
		return false;
	if (fox_xform_stored(t->dtype) != FOX_TYPE_LIMIT)
		return true;
	if (!is_told(slot)) {
		fox_buf_fmt(&b, "tensor '%.*s' has dtype %s, which fox does not convert", FOX_STR_ARG(t->name),
		    fox_dtypes[t->dtype].name);
		problem(p, &b, false);
	}
	return false;
}

/* Rows of one head where rows move within heads; of a vector, elements. 0: they stay. */
static uint64_t rows_of_head(const struct planner *p, const struct fox_slot *slot)
{
	uint32_t how = slot->row->how;
	uint64_t rows = slot->row->rows == FOX_D_NONE ? slot->cols : slot->rows;
	if (how & FOX_T_QKV_HEADS)
		return rows / 3 / p->hp->n_heads[slot->layer];
	if (how & FOX_T_ROPE_Q)
		return rows / p->hp->n_heads[slot->layer];
	return how & FOX_T_ROPE_K ? rows / p->hp->n_kv_heads[slot->layer] : 0;
}

static struct fox_origin origin_of(const struct fox_src_tensor *t)
{
	return (struct fox_origin){t->name, fox_dtypes[t->dtype].name, t->file, t->at, t->view, true};
}

/* Name and shape of the container's tensor: columns first. */
static struct fox_step step_of(const struct fox_slot *slot, enum fox_step_kind kind)
{
	uint64_t shape[2];
	struct fox_step s = {.kind = kind, .slot = slot, .name = fox_str_of(slot->name), .dim = {1, 1, 1, 1}};
	s.n_dims = slot_shape(slot, shape);
	for (uint32_t i = 0; i < s.n_dims; i++)
		s.dim[i] = shape[s.n_dims - 1 - i];
	s.keep = s.n_dims == 1 || slot->row->how & FOX_T_KEEP_F32;
	return s;
}

static void plan_write(struct planner *p, const struct fox_slot *slot, const struct fox_src_tensor *t)
{
	struct fox_job *job = p->job;
	uint32_t how = slot->row->how;
	enum fox_dtype from = t ? t->dtype : p->guess;
	uint64_t head = rows_of_head(p, slot);
	bool vector_moves = head && slot->row->rows == FOX_D_NONE;
	if (slot->row->role == FOX_R_TOKEN_EMBD)
		job->embed = job->n_steps;
	uint64_t n = slot->rows * slot->cols; /* checked by fits_64_bits */
	struct fox_step s = step_of(slot, FOX_STEP_WRITE);
	if (t)
		s.src = origin_of(t);
	else
		s.src.type_name = fox_dtypes[from].name;
	s.src_elem = how & FOX_T_SECOND_HALF ? n : 0;
	s.x = (struct fox_xform){.from = fox_xform_stored(from),
	    .head_rows = how & FOX_T_QKV_HEADS ? 0 : head,
	    .cols = vector_moves ? 1 : slot->cols,
	    .add_one = how & FOX_T_ADD_ONE};
	s.gather = how & FOX_T_QKV_HEADS   ? FOX_GATHER_QKV
	           : how & FOX_T_TRANSPOSE ? FOX_GATHER_TRANSPOSE
	                                   : FOX_GATHER_NONE;
	s.head_rows = head;
	s.out = job->n_out++;
	s.n_elems = n;
	s.src_bytes = n * (fox_dtypes[from].bits / 8);
	job->steps[job->n_steps++] = s;
}

static void plan_made(struct planner *p, const struct fox_slot *slot)
{
	struct fox_job *job = p->job;
	struct fox_step s = step_of(slot, FOX_STEP_MADE);
	s.src.type_name = fox_dtypes[FOX_DT_F32].name;
	s.x = (struct fox_xform){.from = FOX_F32, .cols = slot->cols};
	s.keep = true;
	s.out = job->n_out++;
	s.n_elems = slot->cols;
	job->steps[job->n_steps++] = s;
}

static bool fits_64_bits(const struct fox_slot *slot)
{
	uint64_t n;
	return fox_mul(&n, slot->rows, slot->cols) && fox_mul(&n, n, 16); /* f64, and twice the rows */
}

/* A step that writes nothing: a tied copy, or a buffer that is left out. */
static void plan_other(
    struct planner *p, enum fox_step_kind kind, const struct fox_slot *slot, const struct fox_src_tensor *t)
{
	p->job->steps[p->job->n_steps++] = (struct fox_step){.kind = kind,
	    .slot = slot,
	    .src = origin_of(t),
	    .x = {.from = fox_xform_stored(t->dtype)},
	    .n_elems = t->n_elems,
	    .src_bytes = t->bytes};
}

static const struct fox_src_tensor *take(struct planner *p, const struct fox_slot *slot)
{
	uint32_t i = p->src ? fox_map_find(&p->names, fox_str_of(slot->hf)) : FOX_MAP_NONE;
	if (i == FOX_MAP_NONE && p->src && slot->prefixed[0])
		i = fox_map_find(&p->names, fox_str_of(slot->prefixed));
	if (i == FOX_MAP_NONE)
		return NULL;
	p->taken[i] = true;
	return fox_source_tensor(p->src, i);
}

static void plan_tied(struct planner *p, const struct fox_slot *slot, const struct fox_src_tensor *t)
{
	struct fox_job *job = p->job;
	const struct fox_step *embed = job->embed == SIZE_MAX ? NULL : &job->steps[job->embed];
	if (!check_tensor(p, slot, t) || !embed || !fox_step_reads(embed))
		return;
	if (embed->x.from != fox_xform_stored(t->dtype)) {
		struct fox_buf b = {0};
		fox_buf_fmt(&b, "tensor '%.*s' has dtype %s, but '%.*s', to which config.json ties it, has %s",
		    FOX_STR_ARG(t->name), fox_dtypes[t->dtype].name, FOX_STR_ARG(embed->src.name),
		    embed->src.type_name);
		problem(p, &b, true);
		return;
	}
	job->tied = job->n_steps;
	plan_other(p, FOX_STEP_TIED, slot, t);
}

/* Counted once, and only for messages. */
static uint64_t source_layers(struct planner *p)
{
	for (; p->n_counted < fox_source_tensors(p->src); p->n_counted++) {
		uint64_t l = fox_misfit_layer(p->job->arch, fox_source_tensor(p->src, p->n_counted)->name);
		if (l != UINT64_MAX && l >= p->layers)
			p->layers = l + 1;
	}
	return p->layers;
}

static enum fox_status plan_slot(
    struct planner *p, const struct fox_slot *slot, const struct fox_src_tensor **tied, struct fox_err *err)
{
	uint32_t how = slot->row->how;
	if (how & FOX_T_MADE) {
		plan_made(p, slot);
		return FOX_OK;
	}
	const struct fox_src_tensor *t = take(p, slot);
	if (!fits_64_bits(slot))
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "tensor '%s' of %llu rows by %llu columns is too large", slot->hf, (unsigned long long)slot->rows,
		    (unsigned long long)slot->cols);
	if (p->hp->tied && how & FOX_T_TIED_EMBED) {
		*tied = t;
		return FOX_OK;
	}
	if (!t && p->src) {
		if (how & FOX_T_OPTIONAL || is_told(slot))
			return FOX_OK;
		struct fox_buf b = {0};
		fox_misfit_missing(&b, &(struct fox_misfit){p->job->arch, p->hp}, slot, source_layers(p));
		problem(p, &b, true);
		return FOX_OK;
	}
	if (!t && how & FOX_T_OPTIONAL)
		return FOX_OK;
	if (!t || check_tensor(p, slot, t))
		plan_write(p, slot, t);
	return FOX_OK;
}

static void plan_rest(struct planner *p)
{
	for (size_t i = 0; p->src && i < fox_source_tensors(p->src); i++) {
		const struct fox_src_tensor *t = fox_source_tensor(p->src, i);
		if (p->taken[i])
			continue;
		if (fox_job_skips(p->job->arch, t->name)) {
			plan_other(p, FOX_STEP_SKIP, NULL, t);
			continue;
		}
		struct fox_buf b = {0};
		fox_misfit_extra(&b, &(struct fox_misfit){p->job->arch, p->hp}, t->name);
		problem(p, &b, true);
	}
}

/* One error for all: as many lines as the text holds, then how many more there are. */
static enum fox_status judge(const struct planner *p, struct fox_err *err)
{
	const struct fox_job *job = p->job;
	if (p->no_memory)
		return fox_fail_nomem(err);
	if (!job->n_problems)
		return FOX_OK;
	enum fox_status code = p->n_misfit ? FOX_E_MISMATCH : FOX_E_UNSUPPORTED;
	if (job->n_problems == 1)
		return fox_fail(err, code, FOX_NOWHERE, "%s", job->problems[0]);
	struct fox_buf b = {0};
	size_t i = 0;
	for (; i < job->n_problems; i++) {
		if (i && b.n + strlen(job->problems[i]) > 660)
			break;
		fox_buf_fmt(&b, "%s%s", i ? "; " : "", job->problems[i]);
	}
	if (i < job->n_problems)
		fox_buf_fmt(&b, "; and %zu more", job->n_problems - i);
	if (b.failed)
		fox_fail_nomem(err);
	else
		fox_fail(err, code, FOX_NOWHERE, "%zu tensors do not fit: %s", job->n_problems, b.p);
	fox_buf_free(&b);
	return code;
}

static bool prepare(struct planner *p, size_t n_slots)
{
	struct fox_job *job = p->job;
	size_t n_src = p->src ? fox_source_tensors(p->src) : 0;
	job->steps = fox_arena_alloc(p->arena, n_slots + n_src, sizeof *job->steps);
	job->problems = fox_arena_alloc(p->arena, n_slots + n_src, sizeof *job->problems);
	p->taken = fox_arena_alloc(p->arena, n_src, sizeof *p->taken);
	if (!job->steps || !job->problems || !p->taken || !fox_map_init(&p->names, p->arena, n_src))
		return false;
	for (size_t i = 0; i < n_src; i++)
		fox_map_put(&p->names, fox_source_tensor(p->src, i)->name, (uint32_t)i);
	return true;
}

enum fox_status fox_job_plan(struct fox_job *job, const struct fox_arch *arch, const struct fox_hparams *hp,
    const struct fox_source *src, enum fox_dtype guess, enum fox_type type, struct fox_arena *arena,
    struct fox_err *err)
{
	struct fox_slot *slots;
	size_t n_slots;
	*job = (struct fox_job){.arch = arch, .tied = SIZE_MAX, .embed = SIZE_MAX};
	struct planner p = {.job = job, .hp = hp, .src = src, .guess = guess, .arena = arena};
	enum fox_status s = fox_arch_slots(arch, hp, arena, &slots, &n_slots, err);
	if (s)
		return s;
	if (!prepare(&p, n_slots))
		return fox_fail_nomem(err);
	const struct fox_src_tensor *tied = NULL;
	const struct fox_slot *tied_slot = NULL;
	for (size_t i = 0; i < n_slots; i++) {
		const struct fox_src_tensor *copy = NULL;
		s = plan_slot(&p, &slots[i], &copy, err);
		if (s)
			return s;
		if (copy)
			tied = copy, tied_slot = &slots[i];
	}
	if (tied)
		plan_tied(&p, tied_slot, tied);
	plan_rest(&p);
	s = judge(&p, err);
	if (!s)
		s = fox_job_set_targets(job, 1, arena, err);
	if (!s) {
		fox_job_set_plain(job, 0, type);
		fox_job_fit(job);
	}
	return s;
}
