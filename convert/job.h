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

#define FOX_JOB_MAX_TARGETS 32u /* containers of one run */

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

/* Where a step's bytes lie in the source. */
struct fox_origin {
	struct fox_str name;   /* what the source calls the tensor */
	const char *type_name; /* as the source spells it: "BF16" in a checkpoint, "bf16" in a container */
	uint32_t file;         /* index among the source's weight files */
	uint64_t at;           /* of the tensor's first element in the file */
	const struct fox_strided *view; /* where the others are; NULL: in order, from there */
	bool known;                     /* false: planned without weights, or MADE */
};

struct fox_step {
	enum fox_step_kind kind;
	const struct fox_slot *slot; /* NULL for SKIP, and where the source is a container */
	struct fox_str name;         /* WRITE, MADE: of the container's tensor */
	uint32_t n_dims;             /* likewise, 1 to 4 */
	uint64_t dim[4];             /* dim[0] is contiguous; 1 past n_dims */
	struct fox_origin src;
	uint64_t src_elem;              /* where in the source's tensor the step begins: elements */
	struct fox_xform x;             /* WRITE: how. Without weights x.from is a guess. TIED: x.from only */
	enum fox_gather gather;         /* WRITE */
	uint64_t head_rows;             /* of FOX_GATHER_QKV */
	bool keep;                      /* f32 in every container: a vector or a norm of a checkpoint */
	const float *made;              /* MADE: f32 [n_elems], the caller's to fill in before the run */
	const struct fox_hash128 *want; /* XXH3-128 that the source's bytes must have; NULL: nobody says */
	size_t out;                     /* WRITE, MADE: index of the container's tensor */
	uint64_t n_elems;
	uint64_t span; /* WRITE: elements that are encoded as one row, see fox_xform_run; set by fox_job_fit */
	uint64_t src_bytes; /* 0 for MADE */
};

/* One of the containers that a run writes: what becomes of each tensor there. */
struct fox_target {
	const char *name;            /* of the type as a whole, for messages and file names: "bf16", "q4_k_m" */
	enum fox_type *types;        /* [job->n_out] */
	bool *fell_back;             /* [job->n_out]: a row is no multiple of the block that was asked for */
	struct fox_quant_help *help; /* [job->n_out] */
	bool
	    plain_errors; /* errors of casts to f16 and bf16 are accounted for too, not those of block types alone */
	bool feedback;      /* some help has a factor */
	uint64_t out_bytes; /* tensor data, without padding */
};

struct fox_job {
	const struct fox_arch *arch; /* NULL where the source is a container */
	/* WRITE and MADE steps first, in canonical order of the container, then the others in source order */
	struct fox_step *steps;
	size_t n_steps, n_out; /* all; WRITE and MADE */
	struct fox_target *targets;
	size_t n_targets;
	bool
	    hash_tensors; /* sums over the source's bytes of every tensor are wanted, also where nobody compares them */
	uint64_t n_params;     /* elements of the source that are written */
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
 * type    of the one target that the plan then has: fox_job_set_plain
 * errors  FOX_E_MISMATCH: tensors missing, left over, or of another shape: one error that lists them;
 *         FOX_E_UNSUPPORTED: dtypes without codec, likewise; FOX_E_BOUND; FOX_E_NOMEM
 */
enum fox_status fox_job_plan(struct fox_job *job, const struct fox_arch *arch, const struct fox_hparams *hp,
    const struct fox_source *src, enum fox_dtype guess, enum fox_type type, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

struct fox_gguf;

/*
 * fox_job_plan_gguf - every tensor of a container, in its order
 *
 * job     overwritten; memory is the arena's, names and hashes are g's; without targets: fox_job_set_targets. The files that
 *         origins count are those of fox_gguf_parts.
 * g       little-endian
 * hashed  its tensors must have the hashes that it records
 * errors  FOX_E_NOMEM
 */
enum fox_status fox_job_plan_gguf(struct fox_job *job, const struct fox_gguf *g, bool hashed,
    struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* Have n targets, all of f32, in place of those before. FOX_E_NOMEM. */
enum fox_status fox_job_set_targets(
    struct fox_job *job, size_t n, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_job_set_plain - one type for all matrices of a target
 *
 * type    any that fox encodes. Kept f32: steps marked so. Where cols is no multiple of the block: f16. Embedding and
 *         output are converted like every other matrix.
 * source  llama.cpp conversion/base.py prepare_tensors; gguf-py quants.py QuantError
 */
void fox_job_set_plain(struct fox_job *job, size_t target, enum fox_type type);

/* What follows from the types of all targets: spans, sizes, sums. After any change of types. */
void fox_job_fit(struct fox_job *job);

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

/* Are there bytes of the source to read for the step? */
static inline bool fox_step_reads(const struct fox_step *s)
{
	return s->src.known;
}

/* Elements that a piece of a WRITE step must hold a whole number of, in the container's order, but for the last piece
 * where span is less than a row; 0: over 64 bits. */
uint64_t fox_step_unit(const struct fox_step *s);

/* Bytes of the step's tensor in a target. WRITE and MADE. */
uint64_t fox_step_bytes(const struct fox_step *s, const struct fox_target *t);

/* Are the step's errors in a target accounted for, row by row? */
bool fox_step_has_errors(const struct fox_step *s, const struct fox_target *t);

/* Widths of a table of steps: names, types of the source, types of all targets. */
struct fox_columns {
	size_t name, from, to;
};
struct fox_columns fox_job_columns(const struct fox_job *job);

/* One step of a target as text, without a newline: container name, dims (columns last), type -> type, bytes. */
void fox_step_print(
    const struct fox_step *s, const struct fox_target *t, struct fox_columns c, struct fox_buf *out);

/* The plan of one target, one line per step: the above, and what is done. */
void fox_job_print(const struct fox_job *job, size_t target, struct fox_buf *out);

#endif
