/* job_types.c - what each target makes of each step: types, spans, sizes; the narrowest type; and the plan as text. */
#include <stdlib.h>

#include "convert/job.h"
#include "format/base/num.h"

/* Rows longer than this are encoded in parts where the types allow it, so that a vector of any length streams. A multiple
 * of every block. */
#define LONGEST_SPAN 65536u

/* Shorter rows have no account of their own: it would take more room than they. */
#define SHORTEST_ACCOUNT 32u

enum fox_status fox_job_set_targets(
    struct fox_job *job, size_t n, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_target *t = fox_arena_alloc(arena, n, sizeof *t);
	if (!t)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		t[i].types = fox_arena_alloc(arena, job->n_out, sizeof *t[i].types);
		t[i].fell_back = fox_arena_alloc(arena, job->n_out, sizeof *t[i].fell_back);
		t[i].help = fox_arena_alloc(arena, job->n_out, sizeof *t[i].help);
		if (!t[i].types || !t[i].fell_back || !t[i].help)
			return fox_fail_nomem(err);
		t[i].name = fox_type_info(FOX_F32)->name;
	}
	job->targets = t;
	job->n_targets = n;
	return FOX_OK;
}

void fox_job_set_plain(struct fox_job *job, size_t target, enum fox_type type)
{
	struct fox_target *t = &job->targets[target];
	t->name = fox_type_info(type)->name;
	for (size_t i = 0; i < job->n_out; i++) {
		const struct fox_step *s = &job->steps[i];
		uint64_t bytes;
		t->types[s->out] = s->keep ? FOX_F32 : type;
		t->fell_back[s->out] = !fox_type_row_bytes(t->types[s->out], s->dim[0], &bytes);
		if (t->fell_back[s->out])
			t->types[s->out] = FOX_F16;
	}
}

/* Long rows may be cut where nothing but single values is cast, and nothing moves. */
static uint64_t span_of(const struct fox_job *job, const struct fox_step *s)
{
	if (s->x.cols <= LONGEST_SPAN || s->x.head_rows || s->gather)
		return s->x.cols;
	for (size_t i = 0; i < job->n_targets; i++) {
		enum fox_type to = job->targets[i].types[s->out];
		if (to != s->x.from && fox_type_info(to)->elems > 1)
			return s->x.cols;
	}
	return LONGEST_SPAN;
}

void fox_job_fit(struct fox_job *job)
{
	job->n_params = job->src_bytes = 0;
	for (size_t i = 0; i < job->n_targets; i++)
		job->targets[i].out_bytes = 0;
	for (size_t i = 0; i < job->n_steps; i++) {
		struct fox_step *s = &job->steps[i];
		job->src_bytes += s->src_bytes;
		job->n_params += s->kind == FOX_STEP_WRITE ? s->n_elems : 0;
		for (size_t k = 0; k < job->n_targets && fox_step_writes(s); k++)
			job->targets[k].out_bytes += fox_step_bytes(s, &job->targets[k]);
		if (s->kind == FOX_STEP_WRITE)
			s->span = span_of(job, s);
	}
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
	if (!s->x.head_rows)
		return s->span;
	return fox_mul(&unit, s->x.head_rows, s->x.cols) ? unit : 0;
}

uint64_t fox_step_bytes(const struct fox_step *s, const struct fox_target *t)
{
	const struct fox_type_info *info = fox_type_info(t->types[s->out]);
	return s->n_elems / info->elems * info->bytes;
}

bool fox_step_has_errors(const struct fox_step *s, const struct fox_target *t)
{
	if (s->kind != FOX_STEP_WRITE || s->span < SHORTEST_ACCOUNT)
		return false;
	enum fox_type to = t->types[s->out];
	return fox_xform_loses(s->x.from, to) && (t->plain_errors || fox_type_info(to)->elems > 1);
}

/* ---- the narrowest type */

static bool is_matrix(const struct fox_step *s)
{
	return s->kind == FOX_STEP_WRITE && !s->keep;
}

struct narrow {
	bool bf16, f16; /* still hold everything seen */
};

static enum fox_status scan_tensor(const struct fox_source *src, const struct fox_src_tensor *t, uint8_t *buf,
    size_t cap, struct narrow *can, struct fox_err *err)
{
	enum fox_type from = fox_xform_stored(t->dtype);
	for (uint64_t at = 0; at < t->bytes && (can->bf16 || can->f16);) {
		size_t n = t->bytes - at < cap ? (size_t)(t->bytes - at) : cap;
		enum fox_status s = fox_cancelled(err);
		if (!s)
			s = fox_source_read(src, t, at, buf, n, err);
		if (s)
			return s;
		size_t elems = n / (fox_dtypes[t->dtype].bits / 8);
		can->bf16 = can->bf16 && fox_xform_exact(from, FOX_BF16, buf, elems);
		can->f16 = can->f16 && fox_xform_exact(from, FOX_F16, buf, elems);
		at += n;
	}
	return FOX_OK;
}

struct placed {
	const struct fox_src_tensor *t;
	uint64_t at;
};

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

/* All matrices until nothing is left to find out: in their order, or in that of the stream that they come out of. */
static enum fox_status scan_all(
    const struct fox_job *job, const struct fox_source *src, struct narrow *can, struct fox_err *err)
{
	enum { CAP = 1 << 20 };
	struct placed *list = calloc(job->n_steps + 1, sizeof *list);
	uint8_t *buf = malloc(CAP);
	size_t n = 0;
	enum fox_status s = list && buf ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !s && i < job->n_steps; i++)
		if (is_matrix(&job->steps[i])) {
			const struct fox_src_tensor *t = fox_source_find(src, job->steps[i].src.name);
			list[n++] = (struct placed){t, fox_source_place(src, t)};
		}
	if (!s && fox_source_streamed(src))
		qsort(list, n, sizeof *list, by_place);
	for (size_t i = 0; !s && i < n && (can->bf16 || can->f16); i++)
		s = scan_tensor(src, list[i].t, buf, CAP, can, err);
	free(list);
	free(buf);
	return s;
}

enum fox_status fox_job_narrowest(
    const struct fox_job *job, const struct fox_source *src, enum fox_type *out, struct fox_err *err)
{
	bool f64 = false, f32 = false, f16 = false, bf16 = false;
	for (size_t i = 0; i < job->n_steps; i++)
		if (is_matrix(&job->steps[i])) {
			enum fox_type from = job->steps[i].x.from;
			f64 |= from == FOX_F64, f32 |= from == FOX_F32, f16 |= from == FOX_F16, bf16 |= from == FOX_BF16;
		}
	bool one = f64 + f32 + f16 + bf16 == 1 && (f16 || bf16);
	*out = one && f16 ? FOX_F16 : one ? FOX_BF16 : FOX_F32;
	if (!src || one || !(f64 || f32 || f16 || bf16))
		return FOX_OK;
	struct narrow can = {true, true};
	enum fox_status s = scan_all(job, src, &can, err);
	if (can.bf16 && can.f16)
		*out = f16 && !bf16 ? FOX_F16 : FOX_BF16;
	else if (can.bf16 || can.f16)
		*out = can.bf16 ? FOX_BF16 : FOX_F16;
	return s;
}

/* ---- as text */

static const char *what_is_done(const struct fox_step *s, const struct fox_target *t)
{
	if (s->kind == FOX_STEP_TIED)
		return "compared with the embedding, not written";
	if (s->kind == FOX_STEP_SKIP)
		return "left out";
	if (s->kind == FOX_STEP_MADE)
		return "made from config.json";
	enum fox_type to = t->types[s->out];
	if (s->x.head_rows)
		return s->x.from == to ? "rope pairs" : "cast, rope pairs";
	if (s->x.add_one)
		return "1 + w";
	if (s->gather)
		return s->gather == FOX_GATHER_QKV ? "q, k, v apart" : "transposed";
	if (s->slot && s->slot->row->how & (FOX_T_FIRST_HALF | FOX_T_SECOND_HALF))
		return s->slot->row->how & FOX_T_FIRST_HALF ? "first half" : "second half";
	if (t->fell_back[s->out])
		return "cast; rows are no multiple of the block, so another type";
	return fox_xform_is_copy(&s->x, to) ? "copy" : "cast";
}

/* "2048 x 64", the contiguous dimension last. */
static void add_dims(struct fox_buf *b, const struct fox_step *s)
{
	if (!fox_step_writes(s))
		fox_buf_fmt(b, "%llu", (unsigned long long)s->n_elems);
	for (uint32_t i = s->n_dims; fox_step_writes(s) && i-- > 0;)
		fox_buf_fmt(b, "%llu%s", (unsigned long long)s->dim[i], i ? " x " : "");
}

struct fox_columns fox_job_columns(const struct fox_job *job)
{
	struct fox_columns c = {0, 4, 4};
	for (size_t i = 0; i < job->n_out; i++) {
		const struct fox_step *s = &job->steps[i];
		size_t from = strlen(s->src.type_name);
		c.name = s->name.n > c.name ? s->name.n : c.name;
		c.from = from > c.from ? from : c.from;
		for (size_t k = 0; k < job->n_targets; k++) {
			size_t n = strlen(fox_type_info(job->targets[k].types[i])->name);
			c.to = n > c.to ? n : c.to;
		}
	}
	return c;
}

void fox_step_print(
    const struct fox_step *s, const struct fox_target *t, struct fox_columns c, struct fox_buf *out)
{
	struct fox_buf dims = {0}, name = {0};
	add_dims(&dims, s);
	fox_buf_escaped(&name, fox_step_writes(s) ? s->name : s->src.name, 200);
	fox_buf_fmt(out, "%-*s  %15s  %*s -> %-*s  %11llu", (int)c.name, name.p ? name.p : "",
	    dims.p ? dims.p : "", (int)c.from, s->src.type_name, (int)c.to,
	    fox_step_writes(s) ? fox_type_info(t->types[s->out])->name : "-",
	    (unsigned long long)(fox_step_writes(s) ? fox_step_bytes(s, t) : 0));
	out->failed |= dims.failed || name.failed;
	fox_buf_free(&dims);
	fox_buf_free(&name);
}

void fox_job_print(const struct fox_job *job, size_t target, struct fox_buf *out)
{
	struct fox_columns c = fox_job_columns(job);
	for (size_t i = 0; i < job->n_steps; i++) {
		fox_step_print(&job->steps[i], &job->targets[target], c, out);
		fox_buf_fmt(out, "  %s\n", what_is_done(&job->steps[i], &job->targets[target]));
	}
}
