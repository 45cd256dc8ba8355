/* pipeline.c - the workers that carry pieces, their turns, and the sums over files and tensors. */
#include "convert/pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "convert/gather.h"
#include "convert/pieces.h"
#include "format/archive_files.h"
#include "kernels/pool.h"

/* Sums in progress; touched only in their turn. */
struct file_sum {
	struct fox_sha256_state *state;
	struct fox_sha256 sha;
};
struct step_sum {
	struct fox_xxh3_state *raw;  /* of the source's bytes, where they are compared or asked for */
	struct fox_xxh3_state **out; /* [targets], of what is written */
	_Atomic uint64_t left;       /* pieces that are not written yet */
};

/* A worker stops at its first failure, so one place for it is enough. */
struct worker {
	uint8_t *in, *out; /* out: [targets][piece] */
	float *scratch;
	struct fox_cast_error *errors; /* [targets][rows] */
	struct fox_cast_report *loss;  /* [targets], of the piece in work */
	struct fox_err err;
	size_t ticket; /* of the piece that failed */
};

struct run {
	const struct fox_pipeline *p;
	const struct fox_job *job;
	struct fox_results *res;
	struct fox_pieces pieces; /* in the order of tickets */
	struct file_sum *files;
	struct step_sum *steps;
	struct fox_turns *turns; /* one per file, then one per step, then one for reading */
	struct worker *workers;
	uint64_t piece_bytes, n_rows; /* of a buffer; rows of a piece whose errors are accounted for, at most */
	uint8_t *buffers;
	bool *done; /* [steps] that nobody has to read */
	atomic_size_t next;
	_Atomic uint64_t done_bytes;
	atomic_bool failed;
};

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
	const struct fox_file *file = r->p->files[p->file];
	if (p->aside)
		s = fox_gather_read(step_of(r, p), file, p->elem, p->n_elems, w->in, w->out, &w->err);
	else
		s = fox_file_read(file, p->at, w->in, p->bytes, &w->err);
	if (s && p->step != FOX_NO_STEP)
		fox_in(&w->err, "in tensor '%.*s'", FOX_STR_ARG(step_of(r, p)->src.name));
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

/* Is the sum over the source's bytes of a step wanted? */
static bool wants_raw(const struct fox_job *job, size_t step)
{
	const struct fox_step *s = &job->steps[step];
	if (s->kind != FOX_STEP_WRITE && s->kind != FOX_STEP_TIED)
		return false;
	return job->hash_tensors || s->want ||
	       (job->tied != SIZE_MAX && (step == job->tied || step == job->embed));
}

static struct fox_tally *tally_of(const struct run *r, size_t target, const struct fox_piece *p)
{
	return &r->res->tally[target][p->step];
}

/* Is there something to write of a piece to a target? */
static bool is_live(const struct run *r, size_t target, const struct fox_piece *p)
{
	return step_of(r, p)->kind == FOX_STEP_WRITE && !tally_of(r, target, p)->done;
}

static struct fox_cast_error *errors_of(const struct run *r, const struct worker *w, size_t target)
{
	return w->errors + target * r->n_rows;
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

static enum fox_status hash_raw(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *step = step_of(r, p);
	struct fox_raw *raw = &r->res->raw[p->step];
	if (!hash_add(&r->steps[p->step].raw, &raw->hash, p, w->in, p->bytes))
		return fox_fail_nomem(&w->err);
	if (!p->last_of_step)
		return FOX_OK;
	raw->known = true;
	if (!step->want || fox_hash128_eq(step->want, &raw->hash))
		return FOX_OK;
	fox_fail(&w->err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "data of tensor '%.*s' has not the hash that the file records", FOX_STR_ARG(step->src.name));
	fox_in_file(&w->err, r->p->files[p->file]->path);
	return FOX_E_MISMATCH;
}

/* What one target gets of a piece. */
struct part {
	const uint8_t *bytes;
	size_t at, n;
};

static struct part part_of(
    const struct run *r, const struct fox_piece *p, const struct worker *w, size_t target)
{
	const struct fox_step *s = step_of(r, p);
	enum fox_type type = r->job->targets[target].types[s->out];
	const struct fox_type_info *to = fox_type_info(type);
	const uint8_t *out = w->out + target * r->piece_bytes;
	return (struct part){fox_xform_is_copy(&s->x, type) ? w->in : out,
	    (size_t)(p->elem / to->elems * to->bytes), (size_t)(p->n_elems / to->elems * to->bytes)};
}

/* In the piece's turn: every sum that it is part of. */
static enum fox_status sum_up(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *s = step_of(r, p);
	bool raw = wants_raw(r->job, p->step);
	enum fox_status st = raw ? hash_raw(r, p, w) : FOX_OK;
	for (size_t i = 0; !st && i < r->job->n_targets; i++) {
		struct fox_tally *t = tally_of(r, i, p);
		const struct fox_cast_report *loss = &w->loss[i];
		if (!is_live(r, i, p))
			continue;
		struct part part = part_of(r, p, w, i);
		if (raw && part.bytes == w->in)
			t->hash = r->res->raw[p->step].hash;
		else if (!hash_add(&r->steps[p->step].out[i], &t->hash, p, part.bytes, part.n))
			return fox_fail_nomem(&w->err);
		t->loss.n_nan += loss->n_nan, t->loss.n_inf += loss->n_inf;
		t->loss.n_overflow += loss->n_overflow, t->loss.n_underflow += loss->n_underflow;
		if (fox_step_has_errors(s, &r->job->targets[i]))
			fox_cast_error_add(&t->error, errors_of(r, w, i), (size_t)((p->n_elems + s->span - 1) / s->span));
	}
	return st;
}

/* A piece as each target wants it; copies stay where they were read. */
static void convert(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *s = step_of(r, p);
	struct fox_xform_out outs[FOX_JOB_MAX_TARGETS];
	size_t n = 0;
	for (size_t i = 0; i < r->job->n_targets; i++) {
		const struct fox_target *t = &r->job->targets[i];
		w->loss[i] = (struct fox_cast_report){0};
		if (!is_live(r, i, p))
			continue;
		if (fox_xform_is_copy(&s->x, t->types[s->out])) {
			fox_xform_count(s->x.from, w->in, (size_t)p->n_elems, &w->loss[i]);
			continue;
		}
		outs[n++] = (struct fox_xform_out){.type = t->types[s->out],
		    .bytes = w->out + i * r->piece_bytes,
		    .help = &t->help[s->out],
		    .report = &w->loss[i],
		    .error = fox_step_has_errors(s, t) ? errors_of(r, w, i) : NULL};
	}
	if (n)
		fox_xform_run(&s->x, outs, n, w->in, (size_t)p->n_elems, s->span, p->elem / s->span, w->scratch);
}

static enum fox_status write_piece(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *s = step_of(r, p);
	enum fox_status st = FOX_OK;
	for (size_t i = 0; !st && i < r->job->n_targets; i++) {
		if (!is_live(r, i, p))
			continue;
		struct part part = part_of(r, p, w, i);
		if (p->last_of_step)
			fox_gguf_set_hash(r->p->outs[i], s->out, tally_of(r, i, p)->hash);
		st = fox_gguf_write_data(r->p->outs[i], s->out, part.at, part.bytes, part.n, &w->err);
	}
	if (!st && atomic_fetch_sub(&r->steps[p->step].left, 1) == 1 && r->p->step_done)
		st = r->p->step_done(r->p->step_ctx, p->step, &w->err);
	return st;
}

/* Out of a stream in the order of tickets, whatever they are of. */
static enum fox_status read_in_turn(struct run *r, const struct fox_piece *p, struct worker *w)
{
	enum fox_status s = FOX_OK;
	size_t turnstile = r->p->n_files + r->job->n_steps;
	if (!r->pieces.serial)
		return read_piece(r, p, w);
	fox_turn_wait(r->turns, turnstile, (uint64_t)(p - r->pieces.list));
	if (!atomic_load(&r->failed))
		s = read_piece(r, p, w);
	if (s) /* before the next is let in: there is no reading on */
		atomic_store(&r->failed, true);
	fox_turn_done(r->turns, turnstile);
	return s;
}

/* Everything about one piece. Turnstiles are passed whatever happens, or others would wait for ever. */
static enum fox_status carry(struct run *r, const struct fox_piece *p, struct worker *w)
{
	const struct fox_step *step = step_of(r, p);
	enum fox_status s = read_in_turn(r, p, w);
	if (r->p->hash_files) {
		fox_turn_wait(r->turns, p->file, p->file_turn);
		if (!s && !atomic_load(&r->failed))
			s = hash_source(r, p, w);
		fox_turn_done(r->turns, p->file);
	}
	if (!step)
		return s;
	if (!s)
		convert(r, p, w);
	fox_turn_wait(r->turns, r->p->n_files + p->step, p->step_turn);
	if (!s && !atomic_load(&r->failed))
		s = sum_up(r, p, w);
	fox_turn_done(r->turns, r->p->n_files + p->step);
	if (!s && step->kind == FOX_STEP_WRITE && !atomic_load(&r->failed))
		s = write_piece(r, p, w);
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
	const struct fox_hash128 *a = &r->res->raw[job->tied].hash, *b = &r->res->raw[job->embed].hash;
	if (fox_hash128_eq(a, b))
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
	    "tensor '%.*s' differs from '%.*s', to which config.json ties it",
	    FOX_STR_ARG(job->steps[job->tied].src.name), FOX_STR_ARG(job->steps[job->embed].src.name));
}

static enum fox_status check_files(const struct run *r, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < r->p->n_files; i++) {
		if (r->p->file_done)
			s = r->p->file_done(r->p->file_ctx, i, r->p->hash_files ? &r->files[i].sha : NULL, err);
		if (!s)
			s = fox_file_unchanged(r->p->files[i], err);
	}
	return s;
}

static void release(struct run *r)
{
	for (size_t i = 0; r->files && i < r->p->n_files; i++)
		fox_sha256_close(r->files[i].state);
	for (size_t i = 0; r->steps && i < r->job->n_steps; i++) {
		fox_xxh3_close(r->steps[i].raw);
		for (size_t k = 0; r->steps[i].out && k < r->job->n_targets; k++)
			fox_xxh3_close(r->steps[i].out[k]);
	}
	if (r->steps)
		free(r->steps[0].out);
	if (r->workers)
		free(r->workers[0].loss);
	fox_turns_close(r->turns);
	fox_pieces_free(&r->pieces);
	free(r->files);
	free(r->steps);
	free(r->workers);
	free(r->buffers);
	free(r->done);
}

/* Small: written at once, before the workers begin. */
static enum fox_status write_made(const struct run *r, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < r->job->n_out * r->job->n_targets && !s; i++) {
		const struct fox_step *step = &r->job->steps[i % r->job->n_out];
		size_t target = i / r->job->n_out, n = (size_t)step->n_elems * 4;
		if (step->kind != FOX_STEP_MADE)
			continue;
		fox_gguf_set_hash(r->p->outs[target], step->out, fox_xxh3(step->made, n));
		s = fox_gguf_write_data(r->p->outs[target], step->out, 0, step->made, n, err);
	}
	return s;
}

/* Steps that are whole in every container already, and whose bytes nobody asks for. */
static bool find_done(struct run *r)
{
	r->done = calloc(r->job->n_steps + 1, sizeof *r->done);
	for (size_t i = 0; r->done && i < r->job->n_steps; i++) {
		bool all = r->job->steps[i].kind == FOX_STEP_WRITE;
		for (size_t k = 0; k < r->job->n_targets; k++)
			all &= r->res->tally[k][i].done;
		r->done[i] = all && (!wants_raw(r->job, i) || r->res->raw[i].known);
	}
	return r->done != NULL;
}

/* What is gathered from all over a tensor must find it in the stream's window. */
static enum fox_status check_gathers(const struct run *r, struct fox_err *err)
{
	for (size_t i = 0; i < r->pieces.n; i++) {
		const struct fox_piece *p = &r->pieces.list[i];
		const struct fox_file *f = r->p->files[p->file];
		if (!p->aside || !f->via || step_of(r, p)->src_bytes <= fox_archive_window)
			continue;
		fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tensor '%.*s' of %llu bytes changes its order, and of a compressed archive no more than %u bytes are at hand: "
		    "unpack it first",
		    FOX_STR_ARG(step_of(r, p)->src.name), (unsigned long long)step_of(r, p)->src_bytes, fox_archive_window);
		return fox_in_file(err, f->path), FOX_E_UNSUPPORTED;
	}
	return FOX_OK;
}

static bool prepare(struct run *r, struct fox_pipeline_size size)
{
	size_t n_steps = r->job->n_steps, n_targets = r->job->n_targets;
	r->turns = fox_turns_open(r->p->n_files + n_steps + 1);
	r->files = calloc(r->p->n_files + 1, sizeof *r->files);
	r->steps = calloc(n_steps + 1, sizeof *r->steps);
	r->workers = calloc(size.workers, sizeof *r->workers);
	r->buffers = aligned_alloc(FOX_PAGE_BYTES, size.buffer_bytes);
	if (!r->turns || !r->files || !r->steps || !r->workers || !r->buffers)
		return false;
	struct fox_xxh3_state **sums = calloc(n_steps * n_targets + 1, sizeof(struct fox_xxh3_state *));
	struct fox_cast_report *loss = calloc(size.workers * n_targets + 1, sizeof *loss);
	r->steps[0].out = sums, r->workers[0].loss = loss;
	if (!sums || !loss)
		return false;
	r->piece_bytes = size.piece_bytes;
	r->n_rows = size.error_rows;
	for (size_t i = 0; i < n_steps; i++)
		r->steps[i].out = sums + i * n_targets;
	for (size_t i = 0; i < r->pieces.n; i++)
		if (r->pieces.list[i].step != FOX_NO_STEP)
			r->steps[r->pieces.list[i].step].left++;
	uint8_t *at = r->buffers;
	for (unsigned i = 0; i < size.workers; i++) {
		struct worker *w = &r->workers[i];
		w->loss = loss + i * n_targets;
		w->in = at;
		w->out = at + size.piece_bytes;
		at += (1 + n_targets) * size.piece_bytes;
		w->errors = (void *)at;
		w->scratch = (void *)(at + fox_whole_pages(r->n_rows * n_targets * sizeof *w->errors));
		at += size.scratch_bytes;
	}
	return true;
}

enum fox_status fox_pipeline_run(
    const struct fox_pipeline *p, struct fox_results *results, struct fox_err *err)
{
	struct fox_pipeline_size size = fox_pipeline_size(p->job, p->threads);
	struct run r = {.p = p, .job = p->job, .res = results};
	struct fox_pool *pool = NULL;
	if (size.buffer_bytes > FOX_PIPELINE_MOST_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "the largest row or head takes %llu bytes of memory, more than %llu",
		    (unsigned long long)size.buffer_bytes, FOX_PIPELINE_MOST_BYTES);
	enum fox_status s = find_done(&r) ? FOX_OK : fox_fail_nomem(err);
	struct fox_cut cut = {.job = p->job,
	    .files = p->files,
	    .n_files = p->n_files,
	    .done = r.done,
	    .piece_bytes = size.piece_bytes,
	    .workers = size.workers,
	    .all = p->hash_files};
	if (!s)
		s = fox_pieces_cut(&r.pieces, &cut, err);
	if (!s)
		s = check_gathers(&r, err);
	fox_kernels(); /* filled once, before there are threads */
	if (!s && !prepare(&r, size))
		s = fox_fail_nomem(err);
	if (!s && !(pool = fox_pool_open(size.workers)))
		s = fox_fail_nomem(err);
	if (!s)
		s = write_made(&r, err);
	if (!s) {
		fox_pool_run(pool, work, &r, fox_pool_workers(pool));
		s = first_failure(&r, size.workers, err);
	}
	if (!s)
		s = check_files(&r, err);
	if (!s)
		s = check_tied(&r, err);
	fox_pool_close(pool);
	release(&r);
	return s;
}
