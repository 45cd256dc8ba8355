/* chunk.h - the bytes of one chunk of a compressed container: spec/planes.md 4. */
#ifndef FOX_CHUNK_H
#define FOX_CHUNK_H

#include "format/planes.h"

#define FOX_CHUNK_MEMORY_BYTES (96u << 20) /* of all workers' buffers */

/* What one worker needs. */
struct fox_chunk_coder {
	uint8_t *raw;    /* [chunk_bytes]: of the GGUF file */
	uint8_t *packed; /* what they become */
	uint8_t *planes; /* scratch */
	struct fox_inflate *inflate;
	struct fox_deflate *deflate;
};

/* How many of them fit FOX_CHUNK_MEMORY_BYTES: at most `threads` (0: one per CPU), at least 1. */
unsigned fox_chunk_coders(uint32_t chunk_bytes, unsigned threads);

/* n coders in one block: free() it after fox_chunk_close. NULL: out of memory. */
struct fox_chunk_coder *fox_chunk_open(unsigned n, uint32_t chunk_bytes);
void fox_chunk_close(struct fox_chunk_coder *c, unsigned n); /* NULL is fine */

/* c->raw to c->packed. Returns the bytes that it takes, at most fox_planes_bound. */
uint32_t fox_chunk_pack(struct fox_chunk_coder *c, const struct fox_planes_part *part);

/* n bytes in c->packed (under 2^23) to the part->bytes in c->raw. FOX_E_FORMAT, in words that go before "chunk N". */
enum fox_status fox_chunk_unpack(struct fox_chunk_coder *c, uint32_t n, const struct fox_planes_part *part,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
