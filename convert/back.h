/* back.h - a container back to a Hugging Face checkpoint: what `fox-convert --to hf` does, without options and printing.
 * spec/convert.md 8 */
#ifndef FOX_BACK_H
#define FOX_BACK_H

#include "convert/note.h"
#include "format/base/err.h"
#include "format/base/str.h"

struct fox_back_options {
	const char *src;  /* container that fox-convert wrote, or fox-quantize of one; a set by its first shard */
	const char *out;  /* folder to appear: absent or empty */
	const char *type; /* "f32", "f16" or "bf16" for all tensors; NULL: of each what its source had */
	uint64_t max_shard; /* bytes of tensor data in one file, at least 1 */
	bool dry_run;
	bool allow_lossy;  /* finite values that the dtype turns into Inf */
	fox_note_fn *note; /* lines that a person should know; may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
	void *progress_ctx;
};

/*
 * fox_back - write the folder, whole or not at all; or in a dry run only plan
 *
 * report  the plan of a dry run, then the summary: lines of text, appended
 * errors  FOX_E_UNSUPPORTED: no key 'fox.hf.config', big-endian, a type without codec; FOX_E_MISMATCH: tensors that do not
 *         fit fox.hf.config, a hash that is not the recorded one, values lost (all tensors are named); FOX_E_ARG: type, or
 *         an output that exists; those of fox_gguf_open_set, fox_hfconfig_read, back_files_make, back_data_write
 */
enum fox_status fox_back(
    const struct fox_back_options *o, struct fox_buf *report, struct fox_err *err) FOX_MUST_CHECK;

#endif
