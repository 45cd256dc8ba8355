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

uint64_t fox_step_unit(const struct fox_step *s)
{
	uint64_t unit;
	switch (s->gather) {
	case FOX_GATHER_NONE:
		break;
	case FOX_GATHER_TRANSPOSE:
		return s->x.cols;
	case FOX_GATHER_QKV:
		return fox_mul(&unit, s->head_rows, s->x.cols) ? unit : 0;
	}
	return fox_xform_unit(&s->x);
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
	if (fox_dtypes[t->dtype].codec && fox_xform_able(t->dtype, FOX_F32))
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
	job->steps[job->n_steps++] = (struct fox_step){
	    .kind = FOX_STEP_WRITE,
	    .slot = slot,
	    .src = t,
	    .src_elem = how & FOX_T_SECOND_HALF ? n : 0,
	    .x = {.from = from,
	        .head_rows = how & FOX_T_QKV_HEADS ? 0 : head,
	        .cols = vector_moves ? 1 : slot->cols,
	        .add_one = how & FOX_T_ADD_ONE},
	    .gather = how & FOX_T_QKV_HEADS   ? FOX_GATHER_QKV
	              : how & FOX_T_TRANSPOSE ? FOX_GATHER_TRANSPOSE
	                                      : FOX_GATHER_NONE,
	    .head_rows = head,
	    .out = job->n_out++,
	    .n_elems = n,
	    .src_bytes = n * (fox_dtypes[from].bits / 8),
	};
}

static void plan_made(struct planner *p, const struct fox_slot *slot)
{
	struct fox_job *job = p->job;
	job->steps[job->n_steps++] = (struct fox_step){.kind = FOX_STEP_MADE,
	    .slot = slot,
	    .x = {.from = FOX_DT_F32, .to = FOX_F32, .cols = slot->cols},
	    .out = job->n_out++,
	    .n_elems = slot->cols,
	    .out_bytes = slot->cols * 4};
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
	p->job->steps[p->job->n_steps++] =
	    (struct fox_step){.kind = kind, .slot = slot, .src = t, .n_elems = t->n_elems, .src_bytes = t->bytes};
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
	const struct fox_src_tensor *embed = job->embed == SIZE_MAX ? NULL : job->steps[job->embed].src;
	if (!check_tensor(p, slot, t) || !embed)
		return;
	if (embed->dtype != t->dtype) {
		struct fox_buf b = {0};
		fox_buf_fmt(&b, "tensor '%.*s' has dtype %s, but '%.*s', to which config.json ties it, has %s",
		    FOX_STR_ARG(t->name), fox_dtypes[t->dtype].name, FOX_STR_ARG(embed->name),
		    fox_dtypes[embed->dtype].name);
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
		fox_job_set_type(job, type);
	return s;
}

void fox_job_set_type(struct fox_job *job, enum fox_type type)
{
	job->type = type;
	job->n_params = job->out_bytes = job->src_bytes = 0;
	for (size_t i = 0; i < job->n_steps; i++) {
		struct fox_step *s = &job->steps[i];
		job->src_bytes += s->src_bytes;
		job->out_bytes += s->kind == FOX_STEP_MADE ? s->out_bytes : 0;
		if (s->kind != FOX_STEP_WRITE)
			continue;
		bool keep = s->slot->row->rows == FOX_D_NONE || s->slot->row->how & FOX_T_KEEP_F32;
		uint64_t row_bytes = 0;
		s->x.to = keep ? FOX_F32 : type;
		s->fell_back = !fox_type_row_bytes(s->x.to, s->slot->cols, &row_bytes);
		if (s->fell_back) {
			s->x.to = FOX_F16;
			row_bytes = s->slot->cols * 2;
		}
		s->out_bytes = row_bytes * s->slot->rows;
		job->out_bytes += s->out_bytes;
		job->n_params += s->n_elems;
	}
}

static enum fox_type of_dtype(enum fox_dtype d)
{
	return d == FOX_DT_BF16 ? FOX_BF16 : d == FOX_DT_F16 ? FOX_F16 : FOX_F32;
}

static bool is_matrix(const struct fox_step *s)
{
	return s->kind == FOX_STEP_WRITE && s->slot->row->rows != FOX_D_NONE &&
	       !(s->slot->row->how & FOX_T_KEEP_F32);
}

struct narrow {
	bool bf16, f16; /* still hold everything seen */
};

static enum fox_status scan_tensor(const struct fox_source *src, const struct fox_src_tensor *t, uint8_t *buf,
    size_t cap, struct narrow *can, struct fox_err *err)
{
	for (uint64_t at = 0; at < t->bytes && (can->bf16 || can->f16);) {
		size_t n = t->bytes - at < cap ? (size_t)(t->bytes - at) : cap;
		enum fox_status s = fox_cancelled(err);
		if (!s)
			s = fox_source_read(src, t, at, buf, n, err);
		if (s)
			return s;
		size_t elems = n / (fox_dtypes[t->dtype].bits / 8);
		can->bf16 = can->bf16 && fox_xform_exact(t->dtype, FOX_BF16, buf, elems);
		can->f16 = can->f16 && fox_xform_exact(t->dtype, FOX_F16, buf, elems);
		at += n;
	}
	return FOX_OK;
}

enum fox_status fox_job_narrowest(
    const struct fox_job *job, const struct fox_source *src, enum fox_type *out, struct fox_err *err)
{
	enum { CAP = 1 << 20 };
	uint32_t dtypes = 0;
	const uint32_t f16 = 1u << FOX_DT_F16, bf16 = 1u << FOX_DT_BF16;
	for (size_t i = 0; i < job->n_steps; i++)
		if (is_matrix(&job->steps[i]))
			dtypes |= 1u << job->steps[i].x.from;
	*out = dtypes == f16 ? FOX_F16 : dtypes == bf16 ? FOX_BF16 : FOX_F32;
	if (!src || dtypes == f16 || dtypes == bf16 || !dtypes)
		return FOX_OK;
	uint8_t *buf = malloc(CAP);
	if (!buf)
		return fox_fail_nomem(err);
	struct narrow can = {true, true};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < job->n_steps && (can.bf16 || can.f16); i++)
		if (is_matrix(&job->steps[i]))
			s = scan_tensor(src, job->steps[i].src, buf, CAP, &can, err);
	free(buf);
	if (can.bf16 && can.f16)
		*out = dtypes & f16 && !(dtypes & bf16) ? FOX_F16 : FOX_BF16;
	else if (can.bf16 || can.f16)
		*out = can.bf16 ? FOX_BF16 : FOX_F16;
	return s;
}

static const char *what_is_done(const struct fox_step *s)
{
	if (s->kind == FOX_STEP_TIED)
		return "compared with the embedding, not written";
	if (s->kind == FOX_STEP_SKIP)
		return "left out";
	if (s->kind == FOX_STEP_MADE)
		return "made from config.json";
	if (s->x.head_rows)
		return of_dtype(s->x.from) == s->x.to ? "rope pairs" : "cast, rope pairs";
	if (s->x.add_one)
		return "1 + w";
	if (s->gather)
		return s->gather == FOX_GATHER_QKV ? "q, k, v apart" : "transposed";
	if (s->slot->row->how & (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF))
		return s->slot->row->how & FOX_T_FIRST_HALF ? "first half" : "second half";
	if (s->fell_back)
		return "cast; rows are no multiple of 32, so not q8_0";
	return fox_xform_is_copy(&s->x) ? "copy" : "cast";
}

void fox_job_print(const struct fox_job *job, struct fox_buf *out)
{
	size_t width = 0;
	for (size_t i = 0; i < job->n_out; i++)
		if (strlen(job->steps[i].slot->name) > width)
			width = strlen(job->steps[i].slot->name);
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct fox_step *s = &job->steps[i];
		enum fox_dtype from = fox_step_writes(s) ? s->x.from : s->src->dtype;
		struct fox_buf dims = {0}, name = {0};
		uint64_t dim[2];
		if (fox_step_writes(s) && slot_shape(s->slot, dim) == 2)
			fox_buf_fmt(&dims, "%llu x %llu", (unsigned long long)dim[0], (unsigned long long)dim[1]);
		else
			fox_buf_fmt(&dims, "%llu", (unsigned long long)s->n_elems);
		if (fox_step_writes(s))
			fox_buf_str(&name, s->slot->name);
		else
			fox_buf_escaped(&name, s->src->name, 200);
		fox_buf_fmt(out, "%-*s  %15s  %4s -> %-4s  %11llu  %s\n", (int)width, name.p ? name.p : "",
		    dims.p ? dims.p : "", fox_dtypes[from].name,
		    fox_step_writes(s) ? fox_type_info(s->x.to)->name : "-", (unsigned long long)s->out_bytes,
		    what_is_done(s));
		out->failed |= dims.failed || name.failed;
		fox_buf_free(&dims);
		fox_buf_free(&name);
	}
}
