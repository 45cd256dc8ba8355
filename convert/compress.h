/* compress.h - a GGUF file to a compressed container and back, bit for bit: spec/planes.md.
 *
 * Chunks are worked on at once; the bytes written do not depend on the number of threads. Memory is bounded whatever the
 * sizes: FOX_CHUNK_MEMORY_BYTES, the GGUF header, and 32 bytes a chunk and 40 a tensor. */
#ifndef FOX_COMPRESS_H
#define FOX_COMPRESS_H

#include "convert/note.h"
#include "format/gguf.h"
#include "format/planes.h"

struct fox_compression {
	const struct fox_file *in; /* open; stays the caller's */
	struct fox_out *out;       /* open and empty; to commit or to abort it is the caller's part */
	unsigned threads;          /* 0: one per CPU */
	uint32_t chunk_bytes;      /* compressing; 0: FOX_PLANES_CHUNK_BYTES, what fox writes */
	fox_note_fn *note;         /* may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done_bytes,
	    uint64_t total_bytes); /* of GGUF, on the calling thread; may be NULL */
	void *progress_ctx;
};

struct fox_compressed {
	uint64_t file_bytes, packed_bytes; /* of the GGUF file, of the container */
	struct fox_hash128 hash;           /* XXH3-128 of the GGUF file: what `xxhsum -H128` says of it */
};

/*
 * fox_compress - write in, compressed, to out
 *
 * g       the header of in, from any map of its bytes
 * errors  FOX_E_MISMATCH: a hash that the file records of itself is wrong; FOX_E_BOUND: over a limit of spec/planes.md 7;
 *         FOX_E_IO (in changed meanwhile), FOX_E_TRUNCATED, FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_compress(const struct fox_compression *c, const struct fox_gguf *g,
    struct fox_compressed *result, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_expand - write the GGUF file in a compressed container to out
 *
 * Everything is proven: each chunk by its hash, the tensors by those of the GGUF file if it has them as written, the whole
 * by its hash.
 * errors  those of fox_planes_open, fox_gguf_open; FOX_E_FORMAT: a chunk does not expand; FOX_E_MISMATCH; FOX_E_IO,
 *         FOX_E_CANCELLED, FOX_E_NOMEM
 */
enum fox_status fox_expand(
    const struct fox_compression *c, struct fox_compressed *result, struct fox_err *err) FOX_MUST_CHECK;

#endif
