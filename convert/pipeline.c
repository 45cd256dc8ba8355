/* pipeline.c - the workers that carry pieces, their turns, and the sums over files and tensors. */
#include "convert/pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "convert/gather.h"
#include "convert/pieces.h"
#include "kernels/pool.h"

#define PAGE_BYTES 4096u

/* Sums in progress; touched only in their turn. */
struct file_sum {
	struct fox_sha256_state *state;
	struct fox_sha256 sha;
};
struct step_sum {
	struct fox_xxh3_state *state; /* of what is written */
	struct fox_xxh3_state *raw;   /* of the source's bytes, for the two that are compared */
	struct fox_hash128 hash, raw_hash;
};

/* A worker stops at its first failure, so one place for it is enough. */
struct worker {
	uint8_t *in, *out;
	struct fox_err err;
	size_t ticket; /* of the piece that failed */
};

struct run {
	const struct fox_pipeline *p;
	const struct fox_job *job;
	struct fox_cast_report *loss;
	struct fox_pieces pieces; /* in the order of tickets */
	struct file_sum *files;
	struct step_sum *steps;
	size_t n_files;
	struct fox_turns *turns; /* one per file, then one per step */
	struct worker *workers;
	atomic_size_t next;
	_Atomic uint64_t done_bytes;
	atomic_bool failed;
};

/* ---- sizes */

struct fox_pipeline_size fox_pipeline_size(const struct fox_job *job, unsigned threads)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t workers = threads ? threads : cpus > 0 ? (uint64_t)cpus : 1, least = PAGE_BYTES;
	if (workers > FOX_PIPELINE_MAX_THREADS)
		workers = FOX_PIPELINE_MAX_THREADS;
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct fox_step *s = &job->steps[i];
		uint64_t unit = s->kind == FOX_STEP_WRITE ? fox_piece_bytes(s, fox_step_unit(s)) : 0;
		if (unit > least)
			least = unit;
	}
	least = (least + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	uint64_t piece = FOX_PIPELINE_MEMORY_BYTES / 2 / workers / PAGE_BYTES * PAGE_BYTES;
	if (piece > FOX_PIPELINE_PIECE_BYTES)
		piece = FOX_PIPELINE_PIECE_BYTES;
	if (piece < least) {
		piece = least;
		uint64_t fit = FOX_PIPELINE_MEMORY_BYTES / 2 / piece;
		workers = workers < fit ? workers : fit ? fit : 1;
	}
	return (struct fox_pipeline_size){(unsigned)workers, piece, 2 * piece * workers};
}

/* ---- what a worker does with a piece */

static const struct fox_step *step_of(const struct run *r, const struct fox_piece *p)
{
	return p->step == FOX_NO_STEP ? NULL : &r->job->steps[p->step];
}

static enum fox_status read_piece(struct run *r, const struct fox_piece *p, struct worker *w)
{
	enum fox_status s = fox_cancelled(&w->err);
	if (s)
		return s;
	const struct fox_file *file = &fox_source_file(r->p->src, p->file)->fd;
	if (p->aside)
		s = fox_gather_read(step_of(r, p), file, p->elem, p->bytes / fox_piece_elem_bytes(step_of(r, p)), w->in,
		    w->out, &w->err);
	else
		s = fox_file_read(file, p->at, w->in, p->bytes, &w->err);
	if (s && p->step != FOX_NO_STEP)
		fox_in(&w->err, "in tensor '%.*s'", FOX_STR_ARG(step_of(r, p)->src->name));
	return s;
}

static enum fox_status hash_source(struct run *r, const struct fox_piece *p, struct worker *w)
{
	struct file_sum *f = &r->files[p->file];
	if (!f->state && !(f->state = fox_sha256_open()))
		return fox_fail_nomem(&w->err);
	enum fox_status s = p->aside ? FOX_OK : fox_sha256_add(f->state, w->in, p->bytes, &w->err);
	if (!s && p->last_of_file)
		s = fox_sha256_final(f->state, &f->sha, &w->err);
	return s;
}

static bool is_raw(const struct run *r, size_t step)
{
	return r->job->tied != SIZE_MAX && (step == r->job->tied || step == r->job->embed);
}

/* Add n bytes to a sum that may be one piece or many. */
static bool hash_add(struct fox_xxh3_state **state, struct fox_hash128 *hash, const struct fox_piece *p,
    const void *bytes, size_t n)
{
	if (!p->step_turn && p->last_of_step) {
		*hash = fox_xxh3(bytes, n);
		return true;
	}
	if (!*state && !(*state = fox_xxh3_open()))
		return false;
	fox_xxh3_add(*state, bytes, n);
	if (p->last_of_step) {
		*hash = fox_xxh3_final(*state);
		fox_xxh3_close(*state);
		*state = NULL;
	}
	return true;
}

static enum fox_status hash_result(struct run *r, const struct fox_piece *p, struct worker *w, const void *bytes,
    size_t n, const struct fox_cast_report *loss)
{
	struct step_sum *s = &r->steps[p->step];
	struct fox_cast_report *sum = &r->loss[p->step];
	if (is_raw(r, p->step) && !hash_add(&s->raw, &s->raw_hash, p, w->in, p->bytes))
		return fox_fail_nomem(&w->err);
	if (step_of(r, p)->kind == FOX_STEP_WRITE && !hash_add(&s->state, &s->hash, p, bytes, n))
		return fox_fail_nomem(&w->err);
	sum->n_nan += loss->n_nan;
	sum->n_inf += loss->n_inf;
	sum->n_overflow += loss->n_overflow;
	sum->n_underflow += loss->n_underflow;
	return FOX_OK;
}

/* The bytes of the container that a piece becomes; they stay in one of the worker's buffers. */
static const uint8_t *convert(const struct fox_step *s, const struct fox_piece *p, struct worker *w, size_t *n,
    struct fox_cast_report *loss)
{
	*n = p->bytes;
	if (s->kind != FOX_STEP_WRITE)
		return w->in;
	size_t elems = p->bytes / (fox_dtypes[s->x.from].bits / 8);
	if (fox_xform_is_copy(&s->x)) {
		fox_xform_count(s->x.from, w->in, elems, loss);
		return w->in;
	}
	const struct fox_type_info *to = fox_type_info(s->x.to);
	fox_xform_run(&s->x, w->out, w->in, elems, loss);
	*n = elems / to->elems * to->bytes;
	return w->out;
}

static enum fox_status write_piece(
    struct run *r, const struct fox_piece *p, struct worker *w, const void *bytes, size_t n)
{
	const struct fox_step *s = step_of(r, p);
	const struct fox_type_info *to = fox_type_info(s->x.to);
	if (p->last_of_step)
		fox_gguf_set_hash(r->p->out, s->out, r->steps[p->step].hash);
	return fox_gguf_write_data(r->p->out, s->out, p->elem / to->elems * to->bytes, bytes, n, &w->err);
}

/* Everything about one piece. Turnstiles are passed whatever happens, or others would wait for ever. */
static enum fox_status carry(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *step = step_of(r, p);
	enum fox_status s = read_piece(r, p, w);
	if (r->p->hash_sources) {
		fox_turn_wait(r->turns, p->file, p->file_turn);
		if (!s && !atomic_load(&r->failed))
			s = hash_source(r, p, w);
		fox_turn_done(r->turns, p->file);
	}
	if (!step)
		return s;
	struct fox_cast_report loss = {0};
	const uint8_t *bytes = NULL;
	size_t n = 0;
	if (!s)
		bytes = convert(step, p, w, &n, &loss);
	fox_turn_wait(r->turns, r->n_files + p->step, p->step_turn);
	if (!s && !atomic_load(&r->failed))
		s = hash_result(r, p, w, bytes, n, &loss);
	fox_turn_done(r->turns, r->n_files + p->step);
	if (!s && step->kind == FOX_STEP_WRITE)
		s = write_piece(r, p, w, bytes, n);
	return s;
}

static void work(void *ctx, size_t item, unsigned id)
{
	struct run *r = ctx;
	struct worker *w = &r->workers[id];
	(void)item;
	while (!atomic_load(&r->failed)) {
		size_t ticket = atomic_fetch_add(&r->next, 1);
		if (ticket >= r->pieces.n)
			break;
		const struct fox_piece *p = &r->pieces.list[ticket];
		if (carry(r, p, w)) {
			w->ticket = ticket;
			atomic_store(&r->failed, true);
			break;
		}
		uint64_t done = atomic_fetch_add(&r->done_bytes, p->bytes) + p->bytes;
		if (id == 0 && r->p->progress)
			r->p->progress(r->p->progress_ctx, done, r->pieces.total_bytes);
	}
}

/* ---- before and after */

/* The failure of the earliest piece: which one that is hardly depends on chance. */
static enum fox_status first_failure(const struct run *r, unsigned n, struct fox_err *err)
{
	const struct worker *first = NULL;
	for (unsigned i = 0; i < n; i++)
		if (r->workers[i].err.code && (!first || r->workers[i].ticket < first->ticket))
			first = &r->workers[i];
	if (!first)
		return FOX_OK;
	if (err && !err->code)
		*err = first->err;
	return first->err.code;
}

static enum fox_status check_tied(const struct run *r, struct fox_err *err)
{
	const struct fox_job *job = r->job;
	if (job->tied == SIZE_MAX)
		return FOX_OK;
	const struct fox_hash128 *a = &r->steps[job->tied].raw_hash, *b = &r->steps[job->embed].raw_hash;
	if (fox_hash128_eq(a, b))
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor '%.*s' differs from '%.*s', to which config.json ties it",
	    FOX_STR_ARG(job->steps[job->tied].src->name), FOX_STR_ARG(job->steps[job->embed].src->name));
}

static enum fox_status check_files(const struct run *r, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < r->n_files; i++)
		s = r->p->hash_sources ? fox_source_check_digest(r->p->src, i, &r->files[i].sha, err)
		                       : fox_file_unchanged(&fox_source_file(r->p->src, i)->fd, err);
	return s;
}

static size_t count_weights(struct fox_source *src)
{
	size_t n = 0;
	while (n < fox_source_files(src) && fox_source_file(src, n)->weights)
		n++;
	return n;
}

static void release(struct run *r, uint8_t *buffers)
{
	for (size_t i = 0; r->files && i < r->n_files; i++)
		fox_sha256_close(r->files[i].state);
	for (size_t i = 0; r->steps && i < r->job->n_steps; i++) {
		fox_xxh3_close(r->steps[i].state);
		fox_xxh3_close(r->steps[i].raw);
	}
	fox_turns_close(r->turns);
	fox_pieces_free(&r->pieces);
	free(r->files);
	free(r->steps);
	free(r->workers);
	free(buffers);
}

/* Small: written at once, before the workers begin. */
static enum fox_status write_made(const struct fox_pipeline *p, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < p->job->n_out && !s; i++) {
		const struct fox_step *step = &p->job->steps[i];
		if (step->kind != FOX_STEP_MADE)
			continue;
		fox_gguf_set_hash(p->out, step->out, fox_xxh3(step->made, (size_t)step->out_bytes));
		s = fox_gguf_write_data(p->out, step->out, 0, step->made, (size_t)step->out_bytes, err);
	}
	return s;
}

enum fox_status fox_pipeline_run(
    const struct fox_pipeline *p, struct fox_cast_report *loss, struct fox_err *err)
{
	struct fox_pipeline_size size = fox_pipeline_size(p->job, p->threads);
	struct run r = {.p = p, .job = p->job, .loss = loss, .n_files = count_weights(p->src)};
	struct fox_cut cut = {.job = p->job,
	    .src = p->src,
	    .n_files = r.n_files,
	    .piece_bytes = size.piece_bytes,
	    .workers = size.workers,
	    .all = p->hash_sources};
	struct fox_pool *pool = NULL;
	uint8_t *buffers = NULL;
	enum fox_status s = fox_pieces_cut(&r.pieces, &cut, err);
	if (s)
		goto out;
	fox_kernels(); /* filled once, before there are threads */
	pool = fox_pool_open(size.workers);
	buffers = aligned_alloc(PAGE_BYTES, size.buffer_bytes);
	r.turns = fox_turns_open(r.n_files + p->job->n_steps);
	r.files = calloc(r.n_files + 1, sizeof *r.files);
	r.steps = calloc(p->job->n_steps + 1, sizeof *r.steps);
	r.workers = calloc(size.workers, sizeof *r.workers);
	if (!pool || !buffers || !r.turns || !r.files || !r.steps || !r.workers) {
		s = fox_fail_nomem(err);
		goto out;
	}
	for (unsigned i = 0; i < size.workers; i++) {
		r.workers[i].in = buffers + 2 * i * size.piece_bytes;
		r.workers[i].out = r.workers[i].in + size.piece_bytes;
	}
	if ((s = write_made(p, err)))
		goto out;
	fox_pool_run(pool, work, &r, fox_pool_workers(pool));
	s = first_failure(&r, size.workers, err);
	if (!s)
		s = check_files(&r, err);
	if (!s)
		s = check_tied(&r, err);
out:
	fox_pool_close(pool);
	release(&r, buffers);
	return s;
}
