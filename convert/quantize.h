/* quantize.h - a container to containers of other types, from end to end: what fox-quantize does, without options and
 * printing. */
#ifndef FOX_QUANTIZE_H
#define FOX_QUANTIZE_H

#include "convert/mixtures.h"
#include "convert/outputs.h"

struct fox_quantize_options {
	const char *src; /* GGUF v2 or v3, little-endian, of any architecture */
	const char *
	    out; /* file or folder; {type} and {TYPE} expand; NULL: the source's name with the type in place of its own,
	                    in the working folder */
	struct fox_mixture_options types;
	unsigned threads;
	bool dry_run, replace;
	bool resume;          /* keep what is finished when the run fails, and take up what an earlier one left */
	bool allow_lossy;     /* finite values that the type turns into Inf, or f16 into 0 */
	bool allow_nonfinite; /* NaN and Inf in the source */
	fox_note_fn *note;    /* lines that a person should know; may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	void *progress_ctx;
};

/* Zero-initialise; fox_quantize_free afterwards, whatever happened. */
struct fox_quantize_result {
	struct fox_outputs outs; /* one per type */
	uint64_t n_tensors, n_params;
	uint64_t src_bytes;    /* tensor data of the source */
	uint64_t memory_bytes; /* dry run: most that a run will hold; an estimate from above */
	uint64_t disk_free;    /* dry run: where the first output goes; UINT64_MAX when unknown */
};

/*
 * fox_quantize - make every type that is asked for, reading once; or in a dry run only plan
 *
 * The source's own hashes are checked on the way. A dry run reads no tensor data and touches no file.
 *
 * errors  those of fox_gguf_open, fox_mixtures_open, fox_mixtures_choose, fox_outputs_deliver; FOX_E_UNSUPPORTED: a
 *         big-endian file, a part of a file that is split; FOX_E_MISMATCH: the source is damaged, or values were lost
 *         (all tensors are named, with counts). The target's old content is untouched then.
 */
enum fox_status fox_quantize(
    const struct fox_quantize_options *o, struct fox_quantize_result *r, struct fox_err *err) FOX_MUST_CHECK;
void fox_quantize_free(struct fox_quantize_result *r);

#endif
