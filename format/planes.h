/* planes.h - the compressed container: its head and table, and which chunk holds which bytes of the GGUF file.
 *
 * Layout only: what the bytes of a chunk become is convert/compress.h's. spec/planes.md
 * Everything that the head and the table say is checked in open: afterwards no chunk lies outside the packed file, none
 * overlaps, and what they expand to is bounded by what they take. */
#ifndef FOX_PLANES_H
#define FOX_PLANES_H

#include "format/base/arena.h"
#include "format/base/io.h"
#include "format/gguf.h"

#define FOX_PLANES_MAGIC "FOXZ"
#define FOX_PLANES_SUFFIX ".foxz"
#define FOX_PLANES_VERSION 1u
#define FOX_PLANES_HEAD_BYTES 64u
#define FOX_PLANES_ROW_BYTES 20u
#define FOX_PLANES_CHUNK_BYTES                                                                               \
	(512u << 10) /* what fox writes: a chunk, its planes and what they become stay in the cache */
#define FOX_PLANES_MIN_CHUNK 256u /* limits of ours: spec/planes.md 7 */
#define FOX_PLANES_MAX_CHUNK (4u << 20)
#define FOX_PLANES_MAX_CHUNKS (1u << 21)
#define FOX_PLANES_MAX_HEADER (1u << 30)
#define FOX_PLANES_RATIO 8u         /* a plane is coded byte by byte, and no code is shorter than a bit */
#define FOX_PLANES_HEAD_RATIO 1032u /* what deflate can do at best */

/* The head, without what is constant. */
struct fox_planes_head {
	uint64_t file_bytes;   /* of the GGUF file */
	uint64_t header_bytes; /* of its header: up to its data section */
	uint32_t chunk_bytes;  /* a power of two */
	uint32_t n_chunks;
	struct fox_hash128 hash; /* of the GGUF file, whole */
};

/* One chunk of the packed file. */
struct fox_planes_row {
	uint64_t at; /* of its bytes in the packed file */
	uint32_t bytes;
	struct fox_hash128 hash; /* of these bytes */
};

/* ---- which chunk is which part of the GGUF file */

#define FOX_PLANES_NO_TENSOR UINT32_MAX

struct
    fox_planes_region; /* the header, a tensor with the padding behind it, or what follows the last one's */
struct fox_planes_layout {
	struct fox_planes_region *regions; /* the arena's */
	size_t n_regions;
	uint32_t n_header_chunks; /* they come first */
	uint32_t n_chunks;
	uint32_t chunk_bytes;
};

struct fox_planes_part {
	uint64_t at; /* in the GGUF file */
	uint32_t bytes;
	unsigned width;                   /* planes: bytes of one number; 1 where there is none to take apart */
	bool header;                      /* deflated with matches */
	bool last;                        /* of its region */
	uint32_t tensor;                  /* or FOX_PLANES_NO_TENSOR */
	uint64_t tensor_at, tensor_bytes; /* where its data begin in the file, and how many, padding excluded */
};

/*
 * fox_planes_plan - cut a GGUF file into chunks
 *
 * g       its header; NULL: of the file only the first header_bytes are known, and only they are cut
 * errors  FOX_E_BOUND: over FOX_PLANES_MAX_CHUNKS or FOX_PLANES_MAX_HEADER; FOX_E_NOMEM
 */
enum fox_status fox_planes_plan(struct fox_planes_layout *out, const struct fox_gguf *g,
    uint64_t header_bytes, uint32_t chunk_bytes, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

struct fox_planes_part fox_planes_part(
    const struct fox_planes_layout *l, uint32_t chunk); /* chunk < n_chunks */

/* Most bytes that a chunk of so many takes: sizes of planes, and planes stored. */
uint32_t fox_planes_bound(uint32_t bytes, unsigned width);

/* ---- the packed file */

struct fox_planes {
	const struct fox_file *file; /* borrowed */
	struct fox_planes_head head;
	struct fox_planes_row *rows; /* [n_chunks]; the arena's */
};

/*
 * fox_planes_open - read and check head and table
 *
 * errors  FOX_E_FORMAT, FOX_E_BOUND, FOX_E_TRUNCATED, FOX_E_UNSUPPORTED (version), FOX_E_MISMATCH (hash of head and table),
 *         FOX_E_IO, FOX_E_NOMEM: spec/planes.md 7
 */
enum fox_status fox_planes_open(struct fox_planes *out, const struct fox_file *f, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

/* Head and table to the front of a packed file; `at` of the rows is not looked at. Returns their bytes. */
enum fox_status fox_planes_put(struct fox_out *out, const struct fox_planes_head *head,
    const struct fox_planes_row *rows, struct fox_err *err) FOX_MUST_CHECK;

#endif
