/* t_plan.h - for tests of planning: a checkpoint written, opened and planned. */
#ifndef T_PLAN_H
#define T_PLAN_H

#include "tests/unit/t_checkpoint.h"

#include "convert/job.h"

struct fixture {
	struct fox_source *src;
	struct fox_arena arena;
	struct fox_hparams hp;
	struct fox_job job;
	struct fox_err err;
};

/* Write the checkpoint into a folder, open it, plan it for the sizes in f->hp. */
static inline enum fox_status plan_as(
    struct fixture *f, const struct fox_arch *arch, const struct ck *c, const char *name, enum fox_type type)
{
	assert_fox_ok(fox_source_open(&f->src, ck_write(c, name, false), true, &f->err), &f->err);
	return fox_job_plan(&f->job, arch, &f->hp, f->src, FOX_DT_F32, type, &f->arena, &f->err);
}

/* In a folder of its own. */
static inline enum fox_status plan(struct fixture *f, const struct fox_arch *arch, const struct ck *c)
{
	static int n;
	char name[32];
	snprintf(name, sizeof name, "plan%d", n++);
	return plan_as(f, arch, c, name, FOX_F16);
}

static inline void done(struct fixture *f)
{
	fox_source_close(f->src);
	fox_arena_free(&f->arena);
	*f = (struct fixture){0};
}

static inline const struct fox_step *step(const struct fox_job *job, const char *name)
{
	for (size_t i = 0; i < job->n_out; i++)
		if (fox_str_is(job->steps[i].name, name))
			return &job->steps[i];
	fail_msg("no step for '%s'", name);
	return NULL;
}

/* Of the first target. */
static inline enum fox_type type_of(const struct fox_job *job, const struct fox_step *s)
{
	return job->targets[0].types[s->out];
}

static inline uint64_t out_bytes(const struct fox_job *job, const struct fox_step *s)
{
	return fox_step_bytes(s, &job->targets[0]);
}

static inline void set_type(struct fox_job *job, enum fox_type type)
{
	fox_job_set_plain(job, 0, type);
	fox_job_fit(job);
}

#endif
