/* pipeline.h - running a plan: read, hash, convert, hash, write, all at once and in bounded memory.
 *
 * Source files are cut into pieces; workers take them in one fixed order. A piece is read once and goes to every container
 * of the run. Only the sums that cannot be split wait for their turn: the SHA-256 of a source file, the XXH3 of a tensor,
 * the errors of its rows. The result does not depend on the number of threads. Refuses nothing: what the plan says is done;
 * what was lost on the way is reported. */
#ifndef FOX_PIPELINE_H
#define FOX_PIPELINE_H

#include "convert/job.h"
#include "format/gguf.h"

#define FOX_PIPELINE_PIECE_BYTES (1u << 20) /* a piece and its result then stay in the second-level cache */
#define FOX_PIPELINE_MEMORY_BYTES                                                                            \
	(96u << 20) /* of all buffers, unless one head or row of one matrix is larger */
#define FOX_PIPELINE_MOST_BYTES (4ull << 30) /* of all buffers in any case: a larger row or head is refused */
#define FOX_PIPELINE_MAX_THREADS 256u

/* What became of one step in one container. */
struct fox_tally {
	struct fox_cast_report loss;
	struct fox_cast_error error; /* zeros where fox_step_has_errors says no */
	struct fox_hash128 hash;     /* of the tensor's data as written */
	bool done;                   /* before a run: the data is in the file, and the rest above is about it */
};

/* XXH3-128 of the source's bytes of one step. */
struct fox_raw {
	struct fox_hash128 hash;
	bool known;
};

struct fox_results {
	struct fox_tally **tally; /* [targets][steps] */
	struct fox_raw *raw;      /* [steps]; known after the run for those that were compared or asked for */
};

/* Zeros for every step; memory is the arena's. FOX_E_NOMEM. */
enum fox_status fox_results_init(struct fox_results *r, const struct fox_job *job, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

struct fox_pipeline {
	const struct fox_job *job;
	const struct fox_file *const *files; /* open: those that the steps' origins count */
	size_t n_files;
	struct fox_gguf_writer *const
	    *outs;        /* [targets], created; tensors declared in the order of the writing steps */
	unsigned threads; /* 0: one per CPU */
	bool hash_files;  /* every byte of every file is read and hashed, also those that nothing becomes of */
	/* Called in the order of files when all is written. sha: NULL without hash_files. May refuse. NULL: not called. */
	enum fox_status (*file_done)(void *ctx, size_t file, const struct fox_sha256 *sha, struct fox_err *err);
	/* A step's data is written, to each target that was not done before; on any thread, for one step after the other or at
	 * once. May fail. NULL: not called. */
	enum fox_status (*step_done)(void *ctx, size_t step, struct fox_err *err);
	void (*progress)(
	    void *ctx, uint64_t done_bytes, uint64_t total_bytes); /* on the calling thread; may be NULL */
	void *file_ctx, *step_ctx, *progress_ctx;
};

struct fox_pipeline_size {
	unsigned workers;
	uint64_t piece_bytes;   /* of one buffer: one for what is read, one for each target */
	uint64_t error_rows;    /* rows of a piece whose errors are accounted for, at most */
	uint64_t scratch_bytes; /* of one worker beside them: a row in f32, and the errors of a piece's rows */
	uint64_t buffer_bytes;  /* of all */
};

/* What a run will take. threads as above. */
struct fox_pipeline_size fox_pipeline_size(const struct fox_job *job, unsigned threads);

/*
 * fox_pipeline_run - do it
 *
 * results  from fox_results_init; a tally that is done already makes its step be left alone in that container, and a step
 *          that is done everywhere is not read, unless the source's bytes are hashed
 * errors   FOX_E_BOUND: a row or head that no buffer of ours holds; FOX_E_IO, FOX_E_TRUNCATED (a file shrank), FOX_E_CANCELLED, FOX_E_NOMEM; FOX_E_MISMATCH: a tied output matrix
 *          differs from the embedding, or a step's bytes have not the hash that they must have; those of the callbacks
 *
 * Afterwards every tensor of every writer has its data and hash.
 */
enum fox_status fox_pipeline_run(
    const struct fox_pipeline *p, struct fox_results *results, struct fox_err *err) FOX_MUST_CHECK;

#endif
