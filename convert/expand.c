/* expand.c - the header first, since it says what the rest must be; then every chunk to its place. */
#include <inttypes.h>
#include <stdlib.h>

#include "convert/chunk.h"
#include "convert/compress.h"
#include "convert/ordered.h"
#include "convert/sums_turn.h"
#include "format/profile.h"

struct run {
	const struct fox_compression *c;
	struct fox_planes planes;
	struct fox_planes_layout layout; /* of the header alone, at first */
	struct fox_chunk_coder *coders;
	struct fox_sums_turn sums;
	struct fox_map_file map; /* of what is written: the header is read there */
	struct fox_gguf *g;      /* NULL: not read yet */
	bool check;              /* the tensors' hashes */
};

/* "..., in chunk 17, bytes 8912896 on of the GGUF file, tensor 'blk.0.attn_q.weight'" */
static void in_chunk(
    const struct run *r, uint32_t item, const struct fox_planes_part *part, struct fox_err *err)
{
	fox_in(err, "in chunk %" PRIu32 ", from byte %" PRIu64 " of the GGUF file", item, part->at);
	if (part->header)
		fox_in(err, "in its header");
	else if (part->tensor != FOX_PLANES_NO_TENSOR)
		fox_in(err, "in tensor '%.*s'", FOX_STR_ARG(fox_gguf_tensor(r->g, part->tensor)->name));
}

static enum fox_status unpack(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	struct fox_chunk_coder *c = &r->coders[worker];
	const struct fox_planes_row *row = &r->planes.rows[item];
	struct fox_planes_part part = fox_planes_part(&r->layout, item);
	if (row->bytes > fox_planes_bound(part.bytes, part.width)) {
		fox_fail(err, FOX_E_FORMAT, row->at, "%" PRIu32 " bytes for %" PRIu32, row->bytes, part.bytes);
		return in_chunk(r, item, &part, err), FOX_E_FORMAT;
	}
	enum fox_status s = fox_file_read(r->planes.file, row->at, c->packed, row->bytes, err);
	if (s)
		return s;
	struct fox_hash128 h = fox_xxh3(c->packed, row->bytes);
	if (!fox_hash128_eq(&h, &row->hash)) {
		fox_fail(err, FOX_E_MISMATCH, row->at, "data has not the hash that the table records");
		return in_chunk(r, item, &part, err), FOX_E_MISMATCH;
	}
	s = fox_chunk_unpack(c, row->bytes, &part, err);
	if (s && err->at == FOX_NOWHERE)
		err->at = row->at;
	if (s)
		in_chunk(r, item, &part, err);
	return s;
}

static enum fox_status hash(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	struct fox_planes_part part = fox_planes_part(&r->layout, item);
	return fox_sums_turn_add(&r->sums, &part, r->coders[worker].raw, r->check ? r->g : NULL, err);
}

static enum fox_status put(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	struct fox_planes_part part = fox_planes_part(&r->layout, item);
	return fox_out_write(r->c->out, part.at, r->coders[worker].raw, part.bytes, err);
}

static void tell(void *ctx, uint32_t done)
{
	struct run *r = ctx;
	const struct fox_planes_head *h = &r->planes.head;
	uint64_t bytes = (uint64_t)done * h->chunk_bytes;
	r->c->progress(r->c->progress_ctx, bytes < h->file_bytes ? bytes : h->file_bytes, h->file_bytes);
}

/* The header is there: what it declares must be what the packed file holds, to the byte. */
static enum fox_status read_header(struct run *r, struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_planes_head *h = &r->planes.head;
	enum fox_status s = fox_out_map(&r->map, r->c->out, err);
	if (!s)
		s = fox_gguf_open_bytes(&r->g, r->map.bytes, r->c->in->path, err);
	if (s)
		return fox_in(err, "in the GGUF file inside"), s;
	if (fox_gguf_header(r->g)->data_at != h->header_bytes)
		return fox_fail(err, FOX_E_FORMAT, 16,
		    "a header of %" PRIu64 " bytes, which the GGUF file ends at %" PRIu64, h->header_bytes,
		    fox_gguf_header(r->g)->data_at);
	r->check = fox_profile_state(r->g) == FOX_HASH_OK;
	s = fox_planes_plan(&r->layout, r->g, h->header_bytes, h->chunk_bytes, arena, err);
	if (!s && r->layout.n_chunks != h->n_chunks)
		s = fox_fail(err, FOX_E_FORMAT, 28, "%" PRIu32 " chunks, where the GGUF file inside makes %" PRIu32,
		    h->n_chunks, r->layout.n_chunks);
	return s;
}

static enum fox_status check_whole(const struct run *r, struct fox_err *err)
{
	char have[FOX_HASH128_HEX + 1], want[FOX_HASH128_HEX + 1];
	struct fox_hash128 h = fox_xxh3_final(r->sums.file);
	if (fox_hash128_eq(&h, &r->planes.head.hash))
		return FOX_OK;
	fox_hex(have, h.b, sizeof h.b);
	fox_hex(want, r->planes.head.hash.b, sizeof h.b);
	return fox_fail(err, FOX_E_MISMATCH, 32, "the GGUF file has hash %s, not %s", have, want);
}

static enum fox_status expand(
    struct run *r, struct fox_pool *pool, struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_planes_head *h = &r->planes.head;
	struct fox_ordered o = {.before = unpack, .turn = hash, .after = put, .ctx = r, .progress_ctx = r};
	o.progress = r->c->progress ? tell : NULL;
	enum fox_status s = fox_planes_plan(&r->layout, NULL, h->header_bytes, h->chunk_bytes, arena, err);
	if (!s)
		s = fox_out_reserve(r->c->out, h->file_bytes, err);
	if (!s)
		s = fox_ordered_run(&o, pool, 0, r->layout.n_header_chunks, err);
	if (!s)
		s = read_header(r, arena, err);
	if (!s)
		s = fox_ordered_run(&o, pool, r->layout.n_header_chunks, r->layout.n_chunks, err);
	if (!s)
		s = fox_file_unchanged(r->planes.file, err);
	return s ? s : check_whole(r, err);
}

enum fox_status fox_expand(
    const struct fox_compression *c, struct fox_compressed *result, struct fox_err *err)
{
	struct fox_arena arena = {0};
	struct run r = {.c = c};
	unsigned workers = 0;
	struct fox_pool *pool = NULL;
	enum fox_status s = fox_planes_open(&r.planes, c->in, &arena, err);
	if (!s) {
		workers = fox_chunk_coders(r.planes.head.chunk_bytes, c->threads);
		pool = fox_pool_open(workers);
		r.coders = fox_chunk_open(workers, r.planes.head.chunk_bytes);
		s = pool && r.coders && fox_sums_turn_open(&r.sums) ? expand(&r, pool, &arena, err)
		                                                    : fox_fail_nomem(err);
	}
	if (!s)
		*result = (struct fox_compressed){r.planes.head.file_bytes, c->in->size, r.planes.head.hash};
	else
		fox_in_file(err, c->in->path);
	fox_pool_close(pool);
	fox_chunk_close(r.coders, workers);
	fox_gguf_close(r.g);
	fox_map_close(&r.map);
	fox_sums_turn_close(&r.sums);
	fox_arena_free(&arena);
	return s;
}
