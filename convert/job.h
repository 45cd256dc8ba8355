/* job.h - the plan of a conversion: which source tensor becomes which container tensor, how, and of what
 * type.
 *
 * Pure data, made from the architecture's rows and the source's tensor list before anything is read or
 * written; what
 * --dry-run prints is what fox_pipeline_run does. A source tensor that no row takes, a row that nothing
 * fills, a shape or a dtype that does not fit: all of them are found, then reported together. */
#ifndef FOX_JOB_H
#define FOX_JOB_H

#include "convert/xform.h"
#include "format/arch.h"
#include "format/source.h"

enum fox_step_kind {
	FOX_STEP_WRITE, /* becomes a tensor of the container */
	FOX_STEP_MADE,  /* a tensor of the container whose values stand in the step: no source */
	FOX_STEP_TIED,  /* the output matrix of a tied model: must equal the embedding bit for bit, is not written
	                 */
	FOX_STEP_SKIP   /* a buffer that the maths recomputes: read for the file's SHA-256 alone */
};

/* How the container's order of elements is found in the source, where that is not its own. */
enum fox_gather {
	FOX_GATHER_NONE,
	FOX_GATHER_TRANSPOSE, /* container's [r][c] is source's [c][r] */
	FOX_GATHER_QKV        /* source's rows [head][3][head_rows] become [3][head][head_rows] */
};

struct fox_step {
	enum fox_step_kind kind;
	const struct fox_slot *slot;      /* NULL for SKIP */
	const struct fox_src_tensor *src; /* NULL when planned without weights, and for MADE */
	uint64_t src_elem;                /* where in the source the step begins: elements */
	struct fox_xform x;               /* WRITE: how. Without weights x.from is a guess */
	enum fox_gather gather;           /* WRITE */
	uint64_t head_rows;               /* of FOX_GATHER_QKV */
	const float *made;                /* MADE: f32 [n_elems], the caller's to fill in before the run */
	size_t out;                       /* WRITE, MADE: index of the container's tensor */
	uint64_t n_elems;
	uint64_t src_bytes, out_bytes; /* out_bytes is 0 unless WRITE or MADE */
	bool fell_back;                /* WRITE: a row is no multiple of the type's block, so it became f16 */
};

struct fox_job {
	const struct fox_arch *arch;
	enum fox_type type; /* of matrices; 1-D tensors and norms are f32 */
	/* WRITE and MADE steps first, in canonical order of the container, then the others in source order */
	struct fox_step *steps;
	size_t n_steps, n_out; /* all; WRITE and MADE */
	uint64_t n_params;     /* elements of the source that are written */
	uint64_t out_bytes;    /* tensor data, without padding */
	uint64_t src_bytes;    /* tensor data read */
	size_t tied, embed;    /* steps to compare; SIZE_MAX when the source has no copy */
	const char **problems; /* every tensor that does not fit, one line each; kept when planning fails */
	size_t n_problems;
};

/*
 * fox_job_plan - match the rows of an architecture with the tensors of a source
 *
 * job     overwritten; memory is the arena's. On failure only `problems` means something.
 * src     NULL: plan from the sizes alone (config.json without weights), every source dtype taken to be `guess`
 * type    as for fox_job_set_type
 * errors  FOX_E_MISMATCH: tensors missing, left over, or of another shape: one error that lists them;
 *         FOX_E_UNSUPPORTED: dtypes without codec, likewise; FOX_E_BOUND; FOX_E_NOMEM
 */
enum fox_status fox_job_plan(struct fox_job *job, const struct fox_arch *arch, const struct fox_hparams *hp,
    const struct fox_source *src, enum fox_dtype guess, enum fox_type type, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_job_set_type - choose the type of the matrices anew
 *
 * type    f32, f16, bf16 or q8_0. Kept f32: 1-D tensors and rows marked FOX_T_KEEP_F32. q8_0 where cols is no multiple
 *         of 32 becomes f16. Embedding and output are converted like every other matrix.
 * source  llama.cpp conversion/base.py prepare_tensors; gguf-py quants.py QuantError
 */
void fox_job_set_type(struct fox_job *job, enum fox_type type);

/*
 * fox_job_narrowest - the narrowest of bf16, f16 and f32 that holds every value of every matrix exactly
 *
 * Of two 16-bit types that both do, the one that the source has, else bf16. A source of one 16-bit dtype is
 * decided by its header; otherwise values are read until no 16-bit type is left: for true f32 weights that is the first
 * piece. f64 that f32 cannot hold gives f32.
 *
 * job     planned with src; src NULL: decided by the guess
 * errors  FOX_E_IO, FOX_E_TRUNCATED, FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_job_narrowest(const struct fox_job *job, const struct fox_source *src, enum fox_type *out,
    struct fox_err *err) FOX_MUST_CHECK;

/* True for source tensors that are left out by name: buffers of old checkpoints that the maths recomputes. */
bool fox_job_skips(const struct fox_arch *arch, struct fox_str name);

/* Does the step become a tensor of the container? */
static inline bool fox_step_writes(const struct fox_step *s)
{
	return s->kind == FOX_STEP_WRITE || s->kind == FOX_STEP_MADE;
}

/* Elements that a piece of a WRITE step must hold a whole number of, in the container's order; 0: over 64 bits. */
uint64_t fox_step_unit(const struct fox_step *s);

/* The plan as text, one line per step: container name, dims (columns first), dtype -> type, what is done,
 * bytes. */
void fox_job_print(const struct fox_job *job, struct fox_buf *out);

#endif
