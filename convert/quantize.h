/* quantize.h - a container to containers of other types, from end to end: what fox-quantize does, without options and
 * printing. */
#ifndef FOX_QUANTIZE_H
#define FOX_QUANTIZE_H

#include "convert/mixtures.h"
#include "convert/outcome.h"

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

/*
 * fox_quantize - make every type that is asked for, reading once; or in a dry run only plan
 *
 * The source's own hashes are checked on the way. A dry run reads no tensor data and touches no file.
 *
 * r       zero-initialised; fox_outcome_free afterwards, whatever happened
 * errors  those of fox_gguf_open_set, fox_mixtures_open, fox_mixtures_choose, fox_outputs_deliver; FOX_E_UNSUPPORTED: a
 *         big-endian file; FOX_E_MISMATCH: the source is damaged, or values were lost
 *         (all tensors are named, with counts). The target's old content is untouched then.
 */
enum fox_status fox_quantize(
    const struct fox_quantize_options *o, struct fox_outcome *r, struct fox_err *err) FOX_MUST_CHECK;

#endif
