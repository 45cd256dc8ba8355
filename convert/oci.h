/* oci.h - a model as an OCI image layout on disk, in the media types of CNCF's ModelPack: what tools push to registries as it
 * is. spec/bundle.md 6
 *
 * source: OCI image-spec 1.1 image-layout.md, manifest.md, descriptor.md; modelpack/model-spec docs/spec.md, config.md,
 * annotations.md */
#ifndef FOX_OCI_H
#define FOX_OCI_H

#include "convert/payload.h"

struct fox_oci_options {
	const char *model;
	const char *const *extra; /* [n_extra] */
	size_t n_extra;
	const char *license; /* NULL: beside the model */
	const char *out;     /* the folder; must not exist */
	const char *tag;     /* [A-Za-z0-9_][A-Za-z0-9._-]*, at most 128 bytes */
	bool link;           /* blobs of files are further names of these (hard links) instead of copies */
	unsigned threads;
	fox_pump_progress_fn *progress; /* may be NULL; fox_oci_done.bytes_in is set before the first call */
	void *progress_ctx;
};

struct fox_oci_done {
	uint64_t bytes_in; /* of all layers */
	size_t n_layers;
	struct fox_sha256 manifest; /* the digest that names the whole */
	bool license;
};

/* errors: those of fox_payload_* and fox_outdir_*; FOX_E_ARG: the tag. Nothing is left then. */
enum fox_status fox_oci(
    const struct fox_oci_options *o, struct fox_oci_done *done, struct fox_err *err) FOX_MUST_CHECK;

#endif
