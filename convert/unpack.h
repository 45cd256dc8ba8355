/* unpack.h - an archive to a folder, of which nothing appears before all of it is checked. spec/bundle.md 5 */
#ifndef FOX_UNPACK_H
#define FOX_UNPACK_H

#include "convert/bundle_check.h"
#include "convert/pump.h"

struct fox_unpack_options {
	const char *archive;
	const char *out; /* the folder, which must not exist; NULL: the archive's own folder, here */
	struct fox_bundle_signer who;
	unsigned threads;
	fox_pump_progress_fn *progress; /* told bytes that came out; may be NULL */
	void *progress_ctx;
};

struct fox_unpack_done {
	char out[1100]; /* the folder, as it was named */
	size_t n_files;
	uint64_t bytes;
	struct fox_bundle_checked checked;
};

/*
 * fox_unpack - unpack, check, and only then name the folder
 *
 * errors  those of fox_archive_*, fox_outdir_* and fox_bundle_check; FOX_E_FORMAT: members that do not lie in one folder
 */
enum fox_status fox_unpack(
    const struct fox_unpack_options *o, struct fox_unpack_done *done, struct fox_err *err) FOX_MUST_CHECK;

/* Every member's name and size, as the archive says them: nothing is checked but what the reader checks. each: stops the walk
 * by a status that is not FOX_OK. */
typedef enum fox_status fox_unpack_each_fn(
    void *ctx, struct fox_str name, bool folder, uint64_t bytes, struct fox_err *err);
enum fox_status fox_unpack_list(
    const char *archive, fox_unpack_each_fn *each, void *ctx, struct fox_err *err) FOX_MUST_CHECK;

#endif
