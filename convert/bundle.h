/* bundle.h - a model and all that belongs to it in one archive, of the same bytes whenever and wherever it is made.
 * spec/bundle.md */
#ifndef FOX_BUNDLE_H
#define FOX_BUNDLE_H

#include "convert/arc_write.h"
#include "convert/payload.h"

#define FOX_BUNDLE_FORMAT "fox-bundle" /* manifest.json */
#define FOX_BUNDLE_VERSION 1

struct fox_bundle_options {
	const char *model;
	const char *const *extra; /* [n_extra] */
	size_t n_extra;
	const char *license; /* NULL: beside the model */
	const char *out;     /* its ending says which kind of archive, its name that of the folder inside */
	const char *key;     /* OpenSSH private key that signs SHA256SUMS; NULL: nothing is signed */
	bool replace;
	uint64_t mtime; /* of all members */
	unsigned threads;
	fox_pump_progress_fn
	    *progress; /* may be NULL; total: fox_bundle_done.bytes_in is set before the first call */
	void *progress_ctx;
};

struct fox_bundle_done {
	uint64_t bytes;    /* of the archive */
	uint64_t bytes_in; /* of the files in it */
	size_t n_files;
	struct fox_sha256 sums; /* of SHA256SUMS: stands for all that is in the archive */
	bool license;           /* there is one */
	bool hashes;            /* every file of the model carries fox's hashes */
};

/*
 * fox_bundle - write it
 *
 * errors  those of fox_payload_*, fox_arc_*, fox_out_* and fox_ssh_private_load; FOX_E_ARG: an ending that is none of fox_arc_kind_of. Nothing is
 *         left then
 */
enum fox_status fox_bundle(
    const struct fox_bundle_options *o, struct fox_bundle_done *done, struct fox_err *err) FOX_MUST_CHECK;

/* manifest.json of a payload that has been sent: name, files with bytes and SHA-256, hashes of the model. */
void fox_bundle_manifest(struct fox_buf *out, const struct fox_payload *p);

#endif
