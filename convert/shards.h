/* shards.h - one model, other files: a container split into a set of shards, and a set merged into one container.
 *
 * Tensors keep their order, bytes and hashes; only headers are made anew. What a set is: spec/container.md 9; how it is cut:
 * spec/pack.md */
#ifndef FOX_SHARDS_H
#define FOX_SHARDS_H

#include "convert/note.h"
#include "format/base/str.h"
#include "format/gguf.h"

struct fox_shards_options {
	const char *src; /* a container, or the first shard of a set */
	const char *
	    out; /* NULL: beside src, called as it is. Split: a prefix, or a folder with a '/' behind. Merge: a file */
	uint64_t max_bytes;   /* split: of a shard's whole file; 0: no limit */
	uint64_t max_tensors; /* split: in a shard; 0: no limit */
	bool first_without;   /* split: the first shard has the keys and no tensors */
	bool replace, dry_run;
	fox_note_fn *note; /* lines that a person should know; may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done_bytes, uint64_t total_bytes); /* may be NULL */
	void *progress_ctx;
};

/* A file that was, or would be, written. */
struct fox_shard {
	struct fox_buf path;
	size_t first, n; /* tensors of the source, counted over all its files */
	uint64_t bytes;  /* of the file */
};

/* Zero-initialise; fox_shards_free afterwards, whatever happened. */
struct fox_shards {
	struct fox_shard *list;
	size_t n, n_tensors;
	uint64_t bytes;     /* of all files */
	uint64_t disk_free; /* UINT64_MAX: unknown */
	bool carried; /* tensors' hashes are the source's: its header proves them. Else they were computed */
	struct fox_hash128 id; /* of a set its set hash, of one file its root hash; zeros in a dry run */
};

/*
 * fox_shards_split - write a model as a set
 *
 * errors  those of fox_gguf_open_set, fox_gguf_create, fox_gguf_finish_set; FOX_E_ARG: no limit and not first_without, more
 *         than 65,535 shards, an output that is an input or exists and !replace; FOX_E_MISMATCH: the source's header is damaged;
 *         FOX_E_UNSUPPORTED: big-endian, or of another profile; FOX_E_IO: not enough space; FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_shards_split(
    const struct fox_shards_options *o, struct fox_shards *out, struct fox_err *err) FOX_MUST_CHECK;

/* Write a set as one container. Errors as above; FOX_E_ARG also when the source is no set. */
enum fox_status fox_shards_merge(
    const struct fox_shards_options *o, struct fox_shards *out, struct fox_err *err) FOX_MUST_CHECK;

void fox_shards_free(struct fox_shards *s);

/* Root hash of the container that merging g, a set that is as written, would give: from headers alone. FOX_E_NOMEM, and
 * those of the writer. */
enum fox_status fox_shards_merged_root(
    const struct fox_gguf *g, struct fox_hash128 *root, struct fox_err *err) FOX_MUST_CHECK;

#endif
