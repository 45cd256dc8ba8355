/* t_run.h - for tests of the pipeline: a plan run into a container, and the SHA-256 of a file in one go. */
#ifndef T_RUN_H
#define T_RUN_H

#include "tests/unit/t_checkpoint.h"

#include "convert/pipeline.h"

struct fixture {
	struct fox_source *src;
	struct fox_arena arena;
	struct fox_hparams hp;
	struct fox_job job;
	struct fox_gguf_writer *w;
	struct fox_results res;
	struct fox_err err;
};

static inline void declare(struct fixture *f)
{
	assert_fox_ok(fox_gguf_writer_open(&f->w, &f->err), &f->err);
	for (size_t i = 0; i < f->job.n_out; i++) {
		const struct fox_step *s = &f->job.steps[i];
		assert_fox_ok(fox_gguf_put_tensor(f->w, s->name, f->job.targets[0].types[i], s->n_dims, s->dim, &f->err),
		    &f->err);
	}
	assert_fox_ok(fox_gguf_freeze(f->w, &f->err), &f->err);
}

static inline enum fox_status file_done(
    void *ctx, size_t file, const struct fox_sha256 *sha, struct fox_err *err)
{
	return sha ? fox_source_check_digest(ctx, file, sha, err) : FOX_OK;
}

/* The plan into f->w, which is created. */
static inline enum fox_status fill(struct fixture *f, unsigned threads, bool hash)
{
	const struct fox_file *files[16];
	struct fox_pipeline p = {.job = &f->job,
	    .files = files,
	    .outs = &f->w,
	    .threads = threads,
	    .hash_files = hash,
	    .file_done = file_done,
	    .file_ctx = f->src};
	for (; p.n_files < fox_source_files(f->src) && fox_source_file(f->src, p.n_files)->weights; p.n_files++)
		files[p.n_files] = &fox_source_file(f->src, p.n_files)->fd;
	assert_fox_ok(fox_results_init(&f->res, &f->job, &f->arena, &f->err), &f->err);
	return fox_pipeline_run(&p, &f->res, &f->err);
}

static inline enum fox_status run(struct fixture *f, const char *out, unsigned threads, bool hash)
{
	declare(f);
	enum fox_status s = fox_gguf_create(f->w, out, true, &f->err);
	if (!s)
		s = fill(f, threads, hash);
	if (!s)
		s = fox_gguf_finish(f->w, &f->err);
	fox_gguf_writer_close(f->w);
	f->w = NULL;
	return s;
}

static inline void done(struct fixture *f)
{
	fox_source_close(f->src);
	fox_arena_free(&f->arena);
	*f = (struct fixture){0};
}

static inline struct fox_sha256 sha_of(const char *path)
{
	char *p;
	size_t n;
	struct fox_sha256 sha;
	struct fox_sha256_state *s = fox_sha256_open();
	assert_int_equal(fox_path_slurp(path, 1u << 30, &p, &n, NULL), FOX_OK);
	assert_int_equal(fox_sha256_add(s, p, n, NULL), FOX_OK);
	assert_int_equal(fox_sha256_final(s, &sha, NULL), FOX_OK);
	fox_sha256_close(s);
	free(p);
	return sha;
}

#endif
