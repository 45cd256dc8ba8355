/* pipeline.h - running a plan: read, hash, convert, hash, write, all at once and in bounded memory.
 *
 * Source files are cut into pieces; workers take them in one fixed order. Only the two kinds of sum that
 * cannot be split wait for their turn: the SHA-256 of a source file and the XXH3 of a container tensor. The
 * result does not depend on the number of threads. Refuses nothing: what the plan says is done; what was lost
 * on the way is reported. */
#ifndef FOX_PIPELINE_H
#define FOX_PIPELINE_H

#include "convert/job.h"
#include "format/gguf.h"

#define FOX_PIPELINE_PIECE_BYTES (1u << 20)   /* a piece and its result then stay in the second-level cache */
#define FOX_PIPELINE_MEMORY_BYTES (96u << 20) /* of all buffers, unless one head of one matrix is larger */
#define FOX_PIPELINE_MAX_THREADS 256u

struct fox_pipeline {
	const struct fox_job *job;
	struct fox_source *src;
	struct fox_gguf_writer *out; /* created; tensors declared in the order of the job's WRITE steps */
	unsigned threads;            /* 0: one per CPU */
	bool hash_sources; /* every byte of every weight file is read, also those that nothing becomes of */
	void (*progress)(
	    void *ctx, uint64_t done_bytes, uint64_t total_bytes); /* on the calling thread; may be NULL */
	void *progress_ctx;
};

struct fox_pipeline_size {
	unsigned workers;
	uint64_t piece_bytes;  /* of one buffer */
	uint64_t buffer_bytes; /* of all: two per worker */
};

/* What a run will take. threads as above. */
struct fox_pipeline_size fox_pipeline_size(const struct fox_job *job, unsigned threads);

/*
 * fox_pipeline_run - do it
 *
 * loss    [job->n_steps], zeroed by the caller: what each step's cast did not carry over. To be judged by the caller.
 * errors  FOX_E_IO, FOX_E_TRUNCATED (a file shrank), FOX_E_CANCELLED, FOX_E_NOMEM; FOX_E_MISMATCH: a tied output matrix
 *         differs from the embedding, or a weight file has not the SHA-256 that its blob's name promises
 *
 * Afterwards every tensor of the writer has its data and hash, and every weight file its SHA-256 (with hash_sources).
 */
enum fox_status fox_pipeline_run(
    const struct fox_pipeline *p, struct fox_cast_report *loss, struct fox_err *err) FOX_MUST_CHECK;

#endif
