/* convert.h - a checkpoint to a container, from end to end: what fox-convert does, without options and
 * printing. */
#ifndef FOX_CONVERT_H
#define FOX_CONVERT_H

#include "convert/mixtures.h"
#include "convert/outcome.h"

struct fox_convert_options {
	const char *src;  /* folder, HF repository id, or weight file */
	const char *out;  /* file or folder; {type} and {TYPE} expand; NULL: default name in the working folder */
	const char *name; /* general.name; NULL: see fox_keys_find_name */
	struct fox_mixture_options types; /* .types may have "auto", and is that when NULL */
	const char *tokenizer; /* folder, HF repository id, *.model or *.json; NULL: the checkpoint's own */
	const char *pre;       /* tokenizer.ggml.pre; NULL: the name that fits */
	bool no_pre;           /* no name fits, and none is written */
	unsigned threads;
	bool dry_run, replace;
	bool resume; /* keep what is finished when the run fails, and take up what an earlier one left */
	bool hash_sources;
	bool allow_lossy;     /* finite values that the type turns into Inf, or f16 into 0 */
	bool allow_nonfinite; /* NaN and Inf in the source */
	fox_note_fn *note;    /* lines that a person should know; may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	void *progress_ctx;
};

/*
 * fox_convert - convert to every type that is asked for, reading once; or in a dry run only plan
 *
 * A dry run reads no weights but their headers (unless `auto` has to look at values), and none at all where
 * the folder has none: sizes then follow from config.json. It touches no file.
 *
 * r       zero-initialised; fox_outcome_free afterwards, whatever happened
 * errors  those of fox_source_open, fox_hfconfig_read, fox_tok_import, fox_job_plan, fox_mixtures_open,
 *         fox_mixtures_choose, fox_outputs_deliver;
 *         FOX_E_ARG: output exists and !replace, or is one of the inputs, or llama.cpp does not know pre; FOX_E_MISMATCH: values were lost (all tensors
 *         are named, with counts). The target's old content is untouched then.
 */
enum fox_status fox_convert(
    const struct fox_convert_options *o, struct fox_outcome *r, struct fox_err *err) FOX_MUST_CHECK;

#endif
