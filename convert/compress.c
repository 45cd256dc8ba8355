/* compress.c - read, pack, hash in order, and give each chunk the place behind the one before. */
#include "convert/compress.h"

#include <stdlib.h>

#include "convert/chunk.h"
#include "convert/ordered.h"
#include "convert/sums_turn.h"
#include "format/profile.h"

struct run {
	const struct fox_compression *c;
	const struct fox_gguf *g;
	bool check; /* the tensors' hashes */
	struct fox_planes_layout layout;
	struct fox_planes_row *rows;
	struct fox_chunk_coder *coders;
	struct fox_sums_turn sums;
	uint64_t end; /* of what is placed */
};

static enum fox_status pack(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	struct fox_chunk_coder *c = &r->coders[worker];
	struct fox_planes_part part = fox_planes_part(&r->layout, item);
	enum fox_status s = fox_file_read(r->c->in, part.at, c->raw, part.bytes, err);
	if (s)
		return s;
	r->rows[item].bytes = fox_chunk_pack(c, &part);
	r->rows[item].hash = fox_xxh3(c->packed, r->rows[item].bytes);
	return FOX_OK;
}

static enum fox_status place(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	struct fox_planes_part part = fox_planes_part(&r->layout, item);
	r->rows[item].at = r->end;
	r->end += r->rows[item].bytes;
	return fox_sums_turn_add(&r->sums, &part, r->coders[worker].raw, r->check ? r->g : NULL, err);
}

static enum fox_status put(void *ctx, uint32_t item, unsigned worker, struct fox_err *err)
{
	struct run *r = ctx;
	const struct fox_planes_row *row = &r->rows[item];
	return fox_out_write(r->c->out, row->at, r->coders[worker].packed, row->bytes, err);
}

static void tell(void *ctx, uint32_t done)
{
	struct run *r = ctx;
	uint64_t total = fox_gguf_header(r->g)->file_bytes, bytes = (uint64_t)done * r->layout.chunk_bytes;
	r->c->progress(r->c->progress_ctx, bytes < total ? bytes : total, total);
}

static enum fox_status check_state(struct run *r, struct fox_err *err)
{
	enum fox_hash_state state = fox_profile_state(r->g);
	if (state == FOX_HASH_DAMAGED)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the header has not the hash that it records: fox-verify tells more");
	if (state == FOX_HASH_FOREIGN)
		fox_note(r->c->note, r->c->note_ctx,
		    "changed by another tool since fox wrote it: the hashes of its tensors are not checked");
	r->check = state == FOX_HASH_OK;
	return FOX_OK;
}

static enum fox_status run(struct run *r, unsigned workers, struct fox_err *err)
{
	struct fox_ordered o = {.before = pack, .turn = place, .after = put, .ctx = r, .progress_ctx = r};
	o.progress = r->c->progress ? tell : NULL;
	struct fox_pool *pool = fox_pool_open(workers);
	r->coders = fox_chunk_open(workers, r->layout.chunk_bytes);
	enum fox_status s = pool && r->coders && fox_sums_turn_open(&r->sums) ? FOX_OK : fox_fail_nomem(err);
	if (!s)
		s = fox_ordered_run(&o, pool, 0, r->layout.n_chunks, err);
	fox_pool_close(pool);
	fox_chunk_close(r->coders, workers);
	return s;
}

static enum fox_status compress(
    struct run *r, struct fox_compressed *result, struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_gguf_header *h = fox_gguf_header(r->g);
	uint32_t chunk_bytes = r->c->chunk_bytes ? r->c->chunk_bytes : FOX_PLANES_CHUNK_BYTES;
	enum fox_status s = check_state(r, err);
	if (!s)
		s = fox_planes_plan(&r->layout, r->g, h->data_at, chunk_bytes, arena, err);
	if (s)
		return s;
	r->rows = fox_arena_alloc(arena, r->layout.n_chunks, sizeof *r->rows);
	if (!r->rows)
		return fox_fail_nomem(err);
	r->end = FOX_PLANES_HEAD_BYTES + (uint64_t)r->layout.n_chunks * FOX_PLANES_ROW_BYTES;
	s = run(r, fox_chunk_coders(chunk_bytes, r->c->threads), err);
	if (!s)
		s = fox_file_unchanged(r->c->in, err);
	if (s)
		return s;
	struct fox_planes_head head = {.file_bytes = h->file_bytes,
	    .header_bytes = h->data_at,
	    .chunk_bytes = chunk_bytes,
	    .n_chunks = r->layout.n_chunks,
	    .hash = fox_xxh3_final(r->sums.file)};
	s = fox_planes_put(r->c->out, &head, r->rows, err);
	if (!s)
		*result = (struct fox_compressed){h->file_bytes, r->end, head.hash};
	return s;
}

enum fox_status fox_compress(const struct fox_compression *c, const struct fox_gguf *g,
    struct fox_compressed *result, struct fox_err *err)
{
	struct fox_arena arena = {0};
	struct run r = {.c = c, .g = g};
	enum fox_status s = compress(&r, result, &arena, err);
	fox_sums_turn_close(&r.sums);
	fox_arena_free(&arena);
	return s;
}
