/* pipeline_size.c - how large buffers are: as large as the plan needs, as small as the limit on memory asks for. */
#include <unistd.h>

#include "convert/pieces.h"
#include "convert/pipeline.h"

enum fox_status fox_results_init(
    struct fox_results *r, const struct fox_job *job, struct fox_arena *arena, struct fox_err *err)
{
	r->tally = fox_arena_alloc(arena, job->n_targets, sizeof *r->tally);
	r->raw = fox_arena_alloc(arena, job->n_steps, sizeof *r->raw);
	if (!r->tally || !r->raw)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < job->n_targets; i++)
		if (!(r->tally[i] = fox_arena_alloc(arena, job->n_steps, sizeof *r->tally[i])))
			return fox_fail_nomem(err);
	return FOX_OK;
}

/* Rows of a piece whose errors are accounted for, at most over all steps. */
static uint64_t rows_accounted(const struct fox_job *job, uint64_t piece_bytes)
{
	uint64_t most = 0;
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct fox_step *s = &job->steps[i];
		bool any = false;
		for (size_t k = 0; k < job->n_targets && s->kind == FOX_STEP_WRITE; k++)
			any |= fox_step_has_errors(s, &job->targets[k]);
		uint64_t rows = any ? fox_piece_elems(job, s, piece_bytes) / s->span : 0;
		most = rows > most ? rows : most;
	}
	return most;
}

struct fox_pipeline_size fox_pipeline_size(const struct fox_job *job, unsigned threads)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t workers = threads ? threads : cpus > 0 ? (uint64_t)cpus : 1, least = FOX_PAGE_BYTES, span = 1;
	uint64_t buffers = 1 + job->n_targets;
	bool feedback = false;
	for (size_t i = 0; i < job->n_targets; i++)
		feedback |= job->targets[i].feedback;
	if (workers > FOX_PIPELINE_MAX_THREADS)
		workers = FOX_PIPELINE_MAX_THREADS;
	for (size_t i = 0; i < job->n_steps; i++) {
		const struct fox_step *s = &job->steps[i];
		uint64_t unit = s->kind == FOX_STEP_WRITE ? fox_piece_bytes(job, s, fox_step_unit(s)) : 0;
		least = unit > least ? unit : least;
		span = s->span > span ? s->span : span;
	}
	least = fox_whole_pages(least);
	uint64_t scratch = fox_whole_pages(fox_xform_scratch(span, feedback) * sizeof(float)),
	         room = FOX_PIPELINE_MEMORY_BYTES / workers;
	uint64_t piece = room > scratch ? (room - scratch) / buffers / FOX_PAGE_BYTES * FOX_PAGE_BYTES : 0;
	if (piece > FOX_PIPELINE_PIECE_BYTES)
		piece = FOX_PIPELINE_PIECE_BYTES;
	if (piece < least) {
		piece = least;
		uint64_t fit = FOX_PIPELINE_MEMORY_BYTES / buffers / piece;
		workers = workers < fit ? workers : fit ? fit : 1;
	}
	uint64_t rows = rows_accounted(job, piece);
	scratch += fox_whole_pages(rows * job->n_targets * sizeof(struct fox_cast_error));
	return (struct fox_pipeline_size){
	    (unsigned)workers, piece, rows, scratch, workers * (buffers * piece + scratch)};
}
