/* bundle_check.h - is what was unpacked what was packed? SHA256SUMS, manifest.json and the model's own hashes, against files that
 * were hashed while they were unpacked. spec/bundle.md 5 */
#ifndef FOX_BUNDLE_CHECK_H
#define FOX_BUNDLE_CHECK_H

#include "format/base/arena.h"
#include "format/base/hash.h"
#include "format/base/str.h"
#include "format/signature.h"

struct fox_unpacked_file {
	struct fox_str name; /* in the folder, '/'-separated */
	uint64_t bytes;
	struct fox_sha256 sha256;
	/* fox_bundle_check's own: */
	bool is_model; /* the manifest says so, or, where there is none, the name ends in .gguf */
	bool has_root;
	struct fox_hash128 root; /* as the manifest has it */
};

struct fox_unpacked {
	struct fox_unpacked_file *list; /* [n], malloc'd by whoever fills it; no name twice */
	size_t n;
	const char *folder; /* where the files are: private, and as they were hashed */
};

/* Who must have signed SHA256SUMS: as struct fox_signature_ask has it. */
struct fox_bundle_signer {
	const char *key;    /* NULL: nobody need have */
	const char *signer; /* NULL: whoever the key allows */
	int64_t now;        /* seconds since 1970 */
};

struct fox_bundle_checked {
	bool signed_by; /* it is, by that key: then signature is filled */
	struct fox_signature signature;
	bool manifest;             /* there is one of ours, and it agrees */
	size_t n_models, n_hashed; /* containers, and those whose own hashes were checked too */
	struct fox_sha256 sums;    /* of SHA256SUMS */
};

/*
 * fox_bundle_check - all of it
 *
 * errors  those of fox_signature_verify; FOX_E_MISMATCH: a signature is asked for and not there or not right; a file that is missing, that is not listed, or that is not what a list says; a container that is not what
 *         its own hashes say, or no part of the set; FOX_E_FORMAT: no SHA256SUMS, or one of the texts cannot be read;
 *         FOX_E_UNSUPPORTED: a later version of the manifest; those of fox_gguf_open_set; FOX_E_IO, FOX_E_NOMEM, FOX_E_CANCELLED
 */
enum fox_status fox_bundle_check(struct fox_bundle_checked *out, const struct fox_unpacked *u,
    const struct fox_bundle_signer *who, struct fox_err *err) FOX_MUST_CHECK;

#endif
