/* planes.c - regions to chunks, head and table to bytes and back.
 *
 * Refuses what spec/planes.md 7 lists: counts and sizes that contradict each other or the file, all before memory is taken
 * or a byte is expanded. */
#include "format/planes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"

struct fox_planes_region {
	uint64_t at, bytes;
	uint64_t data_bytes; /* of the tensor's data; the rest is padding */
	uint32_t first;      /* chunk */
	uint32_t tensor;
	uint8_t width;
};

/* ---- regions */

static uint64_t chunks_of(uint64_t bytes, uint32_t chunk_bytes)
{
	return bytes / chunk_bytes + (bytes % chunk_bytes != 0);
}

/* Bytes of the numbers that a type is made of; 1 where blocks are, or where the bytes stand the other way round. */
static uint8_t width_of(enum fox_type type, bool big_endian)
{
	const struct fox_type_info *t = fox_type_info(type);
	return (uint8_t)(t->elems == 1 && !big_endian ? t->bytes : 1);
}

static enum fox_status add_region(
    struct fox_planes_layout *l, struct fox_planes_region r, uint64_t *n_chunks, struct fox_err *err)
{
	if (!r.bytes)
		return FOX_OK;
	r.first = (uint32_t)*n_chunks;
	*n_chunks += chunks_of(r.bytes, l->chunk_bytes);
	l->regions[l->n_regions++] = r;
	if (*n_chunks > FOX_PLANES_MAX_CHUNKS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "file makes more than the limit of %u chunks of %" PRIu32 " bytes", FOX_PLANES_MAX_CHUNKS,
		    l->chunk_bytes);
	return FOX_OK;
}

/* Header bytes may be many times those of their chunks, so that they are bounded by themselves. */
static enum fox_status check_header(uint64_t bytes, uint64_t at, struct fox_err *err)
{
	if (bytes <= FOX_PLANES_MAX_HEADER)
		return FOX_OK;
	return fox_fail(err, FOX_E_BOUND, at, "a header of %" PRIu64 " bytes is over the limit of %u", bytes,
	    FOX_PLANES_MAX_HEADER);
}

enum fox_status fox_planes_plan(struct fox_planes_layout *out, const struct fox_gguf *g,
    uint64_t header_bytes, uint32_t chunk_bytes, struct fox_arena *arena, struct fox_err *err)
{
	size_t n_tensors = g ? fox_gguf_tensors(g) : 0;
	struct fox_planes_layout l = {.chunk_bytes = chunk_bytes};
	uint64_t n_chunks = 0;
	enum fox_status s = check_header(header_bytes, FOX_NOWHERE, err);
	if (s)
		return s;
	l.regions = fox_arena_alloc(arena, n_tensors + 2, sizeof *l.regions);
	if (!l.regions)
		return fox_fail_nomem(err);
	s = add_region(&l,
	    (struct fox_planes_region){.bytes = header_bytes, .width = 1, .tensor = FOX_PLANES_NO_TENSOR},
	    &n_chunks, err);
	l.n_header_chunks = (uint32_t)n_chunks;
	for (size_t i = 0; !s && i < n_tensors; i++) {
		const struct fox_gguf_header *h = fox_gguf_header(g);
		const struct fox_tensor *t = fox_gguf_tensor(g, i);
		uint64_t end = i + 1 < n_tensors ? fox_gguf_tensor(g, i + 1)->at : h->file_bytes - h->trailing;
		s = add_region(&l,
		    (struct fox_planes_region){.at = t->at,
		        .bytes = end - t->at,
		        .data_bytes = t->data.n,
		        .width = width_of(t->type, h->big_endian),
		        .tensor = (uint32_t)i},
		    &n_chunks, err);
	}
	if (!s && g) {
		const struct fox_gguf_header *h = fox_gguf_header(g);
		uint64_t at = h->file_bytes - h->trailing;
		s = add_region(&l,
		    (struct fox_planes_region){
		        .at = at, .bytes = h->trailing, .width = 1, .tensor = FOX_PLANES_NO_TENSOR},
		    &n_chunks, err);
	}
	l.n_chunks = (uint32_t)n_chunks;
	if (!s)
		*out = l;
	return s;
}

struct fox_planes_part fox_planes_part(const struct fox_planes_layout *l, uint32_t chunk)
{
	size_t lo = 0, hi = l->n_regions; /* the last region that begins at or before the chunk */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->regions[mid].first <= chunk)
			lo = mid;
		else
			hi = mid;
	}
	const struct fox_planes_region *r = &l->regions[lo];
	uint64_t from = (uint64_t)(chunk - r->first) * l->chunk_bytes, left = r->bytes - from;
	return (struct fox_planes_part){.at = r->at + from,
	    .bytes = (uint32_t)(left < l->chunk_bytes ? left : l->chunk_bytes),
	    .width = r->width,
	    .header = chunk < l->n_header_chunks,
	    .last = left <= l->chunk_bytes,
	    .tensor = r->tensor,
	    .tensor_at = r->at,
	    .tensor_bytes = r->data_bytes};
}

uint32_t fox_planes_bound(uint32_t bytes, unsigned width)
{
	return bytes + 4 * width;
}

/* ---- head and table */

static void store_head(uint8_t *p, const struct fox_planes_head *h)
{
	memcpy(p, FOX_PLANES_MAGIC, 4);
	fox_store32(p + 4, FOX_PLANES_VERSION);
	fox_store64(p + 8, h->file_bytes);
	fox_store64(p + 16, h->header_bytes);
	fox_store32(p + 24, h->chunk_bytes);
	fox_store32(p + 28, h->n_chunks);
	memcpy(p + 32, h->hash.b, 16);
}

/* XXH3-128 of the head but for its last field, then of the table. */
static enum fox_status hash_all(
    struct fox_hash128 *out, const uint8_t *head, const uint8_t *table, size_t n, struct fox_err *err)
{
	struct fox_xxh3_state *x = fox_xxh3_open();
	if (!x)
		return fox_fail_nomem(err);
	fox_xxh3_add(x, head, FOX_PLANES_HEAD_BYTES - 16);
	fox_xxh3_add(x, table, n);
	*out = fox_xxh3_final(x);
	fox_xxh3_close(x);
	return FOX_OK;
}

enum fox_status fox_planes_put(struct fox_out *out, const struct fox_planes_head *head,
    const struct fox_planes_row *rows, struct fox_err *err)
{
	size_t n = (size_t)head->n_chunks * FOX_PLANES_ROW_BYTES;
	uint8_t *p = malloc(FOX_PLANES_HEAD_BYTES + n), *table = p + FOX_PLANES_HEAD_BYTES;
	struct fox_hash128 check;
	if (!p)
		return fox_fail_nomem(err);
	store_head(p, head);
	for (uint32_t i = 0; i < head->n_chunks; i++) {
		fox_store32(table + (size_t)i * FOX_PLANES_ROW_BYTES, rows[i].bytes);
		memcpy(table + (size_t)i * FOX_PLANES_ROW_BYTES + 4, rows[i].hash.b, 16);
	}
	enum fox_status s = hash_all(&check, p, table, n, err);
	if (!s) {
		memcpy(p + 48, check.b, 16);
		s = fox_out_write(out, 0, p, FOX_PLANES_HEAD_BYTES + n, err);
	}
	free(p);
	return s;
}

static enum fox_status take_head(
    struct fox_planes_head *h, const uint8_t *p, uint64_t size, struct fox_err *err)
{
	if (memcmp(p, FOX_PLANES_MAGIC, 4))
		return fox_fail(
		    err, FOX_E_FORMAT, 0, "this is no compressed container: magic is not '%s'", FOX_PLANES_MAGIC);
	if (fox_load32(p + 4) != FOX_PLANES_VERSION)
		return fox_fail(err, FOX_E_UNSUPPORTED, 4, "version %" PRIu32 " is not supported, want %u",
		    fox_load32(p + 4), FOX_PLANES_VERSION);
	*h = (struct fox_planes_head){
	    fox_load64(p + 8), fox_load64(p + 16), fox_load32(p + 24), fox_load32(p + 28), {{0}}};
	memcpy(h->hash.b, p + 32, 16);
	if (!fox_is_pow2(h->chunk_bytes) || h->chunk_bytes < FOX_PLANES_MIN_CHUNK ||
	    h->chunk_bytes > FOX_PLANES_MAX_CHUNK)
		return fox_fail(err, FOX_E_BOUND, 24,
		    "chunks of %" PRIu32 " bytes, want a power of two from %u to %u", h->chunk_bytes,
		    FOX_PLANES_MIN_CHUNK, FOX_PLANES_MAX_CHUNK);
	if (!h->header_bytes || h->header_bytes > h->file_bytes || h->file_bytes > INT64_MAX)
		return fox_fail(err, FOX_E_BOUND, 8, "a header of %" PRIu64 " bytes in a file of %" PRIu64,
		    h->header_bytes, h->file_bytes);
	if (check_header(h->header_bytes, 16, err))
		return FOX_E_BOUND;
	if (h->n_chunks > FOX_PLANES_MAX_CHUNKS)
		return fox_fail(err, FOX_E_BOUND, 28, "%" PRIu32 " chunks are over the limit of %u", h->n_chunks,
		    FOX_PLANES_MAX_CHUNKS);
	if ((size - FOX_PLANES_HEAD_BYTES) / FOX_PLANES_ROW_BYTES < h->n_chunks)
		return fox_fail(err, FOX_E_TRUNCATED, FOX_PLANES_HEAD_BYTES,
		    "table of %" PRIu32 " chunks ends past the file", h->n_chunks);
	if (h->file_bytes > (uint64_t)h->n_chunks * h->chunk_bytes ||
	    chunks_of(h->header_bytes, h->chunk_bytes) > h->n_chunks)
		return fox_fail(err, FOX_E_BOUND, 28, "%" PRIu32 " chunks cannot hold %" PRIu64 " bytes", h->n_chunks,
		    h->file_bytes);
	return FOX_OK;
}

/* Places, and what can come out of them at most. */
static enum fox_status take_rows(struct fox_planes *p, const uint8_t *table, struct fox_err *err)
{
	const struct fox_planes_head *h = &p->head;
	uint64_t at = FOX_PLANES_HEAD_BYTES + (uint64_t)h->n_chunks * FOX_PLANES_ROW_BYTES, most_header = 0,
	         most_data = 0;
	uint64_t n_header = chunks_of(h->header_bytes, h->chunk_bytes);
	for (uint32_t i = 0; i < h->n_chunks; i++) {
		struct fox_planes_row *r = &p->rows[i];
		const uint8_t *q = table + (size_t)i * FOX_PLANES_ROW_BYTES;
		r->at = at;
		r->bytes = fox_load32(q);
		memcpy(r->hash.b, q + 4, 16);
		if (r->bytes < 5 || r->bytes > fox_planes_bound(h->chunk_bytes, 8))
			return fox_fail(err, FOX_E_BOUND, FOX_PLANES_HEAD_BYTES + (uint64_t)i * FOX_PLANES_ROW_BYTES,
			    "chunk %" PRIu32 " of %" PRIu32 " bytes", i, r->bytes);
		at += r->bytes;
		if (i < n_header)
			most_header += (uint64_t)r->bytes * FOX_PLANES_HEAD_RATIO;
		else
			most_data += (uint64_t)r->bytes * FOX_PLANES_RATIO;
	}
	if (at > p->file->size)
		return fox_fail(err, FOX_E_TRUNCATED, p->file->size,
		    "the last chunk ends %" PRIu64 " bytes past the file", at - p->file->size);
	if (at < p->file->size)
		return fox_fail(err, FOX_E_FORMAT, at, "%" PRIu64 " bytes follow the last chunk", p->file->size - at);
	if (h->header_bytes > most_header || h->file_bytes - h->header_bytes > most_data)
		return fox_fail(err, FOX_E_BOUND, 8,
		    "%" PRIu64 " bytes cannot come out of chunks of %" PRIu64 " bytes", h->file_bytes, p->file->size);
	return FOX_OK;
}

enum fox_status fox_planes_open(
    struct fox_planes *out, const struct fox_file *f, struct fox_arena *arena, struct fox_err *err)
{
	uint8_t head[FOX_PLANES_HEAD_BYTES];
	struct fox_planes p = {.file = f};
	struct fox_hash128 check;
	uint64_t n = f->size < sizeof head ? f->size : sizeof head;
	enum fox_status s = fox_file_read(f, 0, head, (size_t)n, err);
	if (!s && n < sizeof head)
		s = n < 4 || memcmp(head, FOX_PLANES_MAGIC, 4)
		        ? fox_fail(err, FOX_E_FORMAT, 0, "this is no compressed container: magic is not '%s'",
		              FOX_PLANES_MAGIC)
		        : fox_fail(err, FOX_E_TRUNCATED, n, "file ends inside the head");
	if (!s)
		s = take_head(&p.head, head, f->size, err);
	if (s)
		return s;
	size_t n_table = (size_t)p.head.n_chunks * FOX_PLANES_ROW_BYTES;
	uint8_t *table = malloc(n_table + 1);
	p.rows = fox_arena_alloc(arena, p.head.n_chunks, sizeof *p.rows);
	if (!table || !p.rows)
		s = fox_fail_nomem(err);
	if (!s)
		s = fox_file_read(f, FOX_PLANES_HEAD_BYTES, table, n_table, err);
	if (!s)
		s = hash_all(&check, head, table, n_table, err);
	if (!s && memcmp(check.b, head + 48, 16))
		s = fox_fail(err, FOX_E_MISMATCH, 48, "head and table have not the hash that the file records");
	if (!s)
		s = take_rows(&p, table, err);
	free(table);
	if (!s)
		*out = p;
	return s;
}
