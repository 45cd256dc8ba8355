/* job_gguf.c - a container as the source of a plan: every tensor is a step, in the order of the file, of any architecture. */
#include "convert/job.h"
#include "format/gguf.h"

static void plan_tensor(struct fox_job *job, const struct fox_tensor *t, bool hashed)
{
	struct fox_step s = {.kind = FOX_STEP_WRITE,
	    .name = t->name,
	    .n_dims = t->n_dims,
	    .src = {t->name, fox_type_info(t->type)->name, t->part, t->at, NULL, true},
	    .x = {.from = t->type, .cols = t->dim[0]},
	    .want = hashed ? t->hash : NULL,
	    .out = job->n_out++,
	    .n_elems = t->n_elems,
	    .src_bytes = t->data.n};
	memcpy(s.dim, t->dim, sizeof s.dim);
	job->steps[job->n_steps++] = s;
}

enum fox_status fox_job_plan_gguf(
    struct fox_job *job, const struct fox_gguf *g, bool hashed, struct fox_arena *arena, struct fox_err *err)
{
	size_t n = fox_gguf_tensors(g);
	*job = (struct fox_job){.tied = SIZE_MAX, .embed = SIZE_MAX, .hash_tensors = true};
	job->steps = fox_arena_alloc(arena, n, sizeof *job->steps);
	if (!job->steps)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++)
		plan_tensor(job, fox_gguf_tensor(g, i), hashed);
	return FOX_OK;
}
