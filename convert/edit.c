/* edit.c - the order of things: lock, finish what was interrupted, plan, then the header in place or the whole file anew. */
#include "convert/edit.h"

#include <inttypes.h>

#include "convert/edit_plan.h"
#include "format/head_journal.h"
#include "format/profile.h"

enum { CHUNK = 8 << 20 }; /* bytes copied between two looks at the signal flag; also how much stays mapped */

struct work {
	const struct fox_edit_options *o;
	struct fox_edit_outcome *r;
	struct fox_inplace file; /* open and locked when o->path itself is changed */
	struct fox_map_file map;
	struct fox_gguf *g;
	enum fox_hash_state state;
	struct fox_arena arena;
	struct fox_edit_plan plan;
	struct fox_gguf_writer *w;
};

/* ---- the file as it is */

static void tell_recovered(struct fox_edit_outcome *r, const char *path, enum fox_head_fit fit)
{
	fox_buf_escaped(&r->report, fox_str_of(path), SIZE_MAX);
	fox_buf_str(&r->report, fit == FOX_HEAD_WAS ? ": as it was before the change that was interrupted\n"
	                                            : ": the change that was interrupted is done\n");
}

static enum fox_status open_own(struct work *e, struct fox_err *err)
{
	bool had = false;
	enum fox_head_fit fit;
	enum fox_status s = fox_inplace_open(&e->file, e->o->path, err);
	if (!s && !e->o->dry_run)
		s = fox_head_recover(&e->file, &had, &fit, err);
	if (!s && had)
		tell_recovered(e->r, e->o->path, fit);
	return s;
}

static enum fox_status check_source(struct work *e, struct fox_err *err)
{
	uint32_t parts = 1;
	if (fox_gguf_header(e->g)->big_endian)
		return fox_fail(err, FOX_E_UNSUPPORTED, 4, "big-endian containers are not written");
	if (!fox_gguf_u32(e->g, "split.count", &parts, NULL) && parts > 1)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "this is one of %u shards, and each holds the hash of all: merge them, change the one file, "
		    "split it again",
		    parts);
	e->state = fox_profile_state(e->g);
	if (e->state == FOX_HASH_DAMAGED)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the header has not the hash that it records: fox-verify tells more");
	if (e->state == FOX_HASH_FOREIGN)
		fox_note(e->o->note, e->o->note_ctx,
		    "changed by another tool since fox wrote it: the hashes of its tensors are not checked");
	return FOX_OK;
}

static enum fox_status open_source(struct work *e, struct fox_err *err)
{
	enum fox_status s = e->o->out ? FOX_OK : open_own(e, err);
	if (!s)
		s = fox_head_map_open(&e->map, e->o->path, err);
	if (!s)
		s = fox_gguf_open_bytes(&e->g, e->map.bytes, e->o->path, err);
	if (!s)
		s = check_source(e, err);
	if (s)
		fox_in_file(err, e->o->path);
	return s;
}

/* ---- in place */

/* The pad's elements in a header. */
static uint64_t pad_of(const struct fox_gguf *g)
{
	const struct fox_gguf_kv *pad = fox_gguf_find_key(g, FOX_KEY_PAD);
	return pad ? pad->n_items : 0;
}

/* Read the file as it will be, before anything is written. */
static enum fox_status try_header(struct work *e, struct fox_span head, uint64_t *pad, struct fox_err *err)
{
	struct fox_map_file m;
	struct fox_gguf *g = NULL;
	enum fox_status s = fox_map_open(&m, e->o->path, err);
	if (!s && m.bytes.n != e->map.bytes.n)
		s = fox_fail(err, FOX_E_IO, FOX_NOWHERE, "file changed while it was read");
	if (!s)
		s = fox_map_overlay(&m, head, err);
	if (!s)
		s = fox_gguf_open_bytes(&g, m.bytes, e->o->path, err);
	if (!s && fox_profile_state(g) != FOX_HASH_OK)
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "the new header does not hold together");
	if (!s)
		*pad = pad_of(g);
	fox_gguf_close(g);
	fox_map_close(&m);
	return s;
}

static enum fox_status in_place(struct work *e, struct fox_err *err)
{
	uint64_t pad = 0;
	enum fox_status s = fox_gguf_seal(e->w, err);
	struct fox_span head = fox_gguf_writer_head(e->w);
	if (!s)
		s = try_header(e, head, &pad, err);
	if (s)
		return s;
	fox_buf_fmt(&e->r->report, "in place: a header of %zu bytes, %" PRIu64 " of them left for changes\n",
	    head.n, pad);
	if (e->o->dry_run)
		return FOX_OK;
	s = fox_file_unchanged(&e->map.file, err);
	if (!s)
		s = fox_cancelled(err);
	return s ? s : fox_head_replace(&e->file, e->map.bytes, head, &e->r->begun, err);
}

/* ---- anew */

static enum fox_status copy_tensor(
    struct work *e, size_t i, struct fox_xxh3_state *x, uint64_t *moved, struct fox_err *err)
{
	const struct fox_tensor *t = fox_gguf_tensor(e->g, i);
	fox_xxh3_reset(x);
	for (size_t at = 0; at < t->data.n;) {
		size_t n = t->data.n - at < CHUNK ? t->data.n - at : CHUNK;
		enum fox_status s = fox_cancelled(err);
		if (!s)
			s = fox_gguf_write_data(e->w, i, at, t->data.p + at, n, err);
		if (s)
			return s;
		fox_xxh3_add(x, t->data.p + at, n);
		fox_map_done_with(&e->map, (struct fox_span){t->data.p + at, n});
		at += n;
		*moved += n;
		if (e->o->progress)
			e->o->progress(e->o->note_ctx, *moved, e->map.bytes.n);
	}
	struct fox_hash128 h = fox_xxh3_final(x);
	if (e->state == FOX_HASH_OK && t->hash && !fox_hash128_eq(&h, t->hash)) {
		fox_fail(err, FOX_E_MISMATCH, t->at, "data of tensor '%.*s' has not the hash that is recorded for it",
		    FOX_STR_ARG(t->name));
		return fox_in_file(err, e->o->path), FOX_E_MISMATCH;
	}
	fox_gguf_set_hash(e->w, i, h);
	return FOX_OK;
}

static enum fox_status copy_data(struct work *e, struct fox_err *err)
{
	uint64_t moved = 0;
	struct fox_xxh3_state *x = fox_xxh3_open();
	enum fox_status s = x ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !s && i < fox_gguf_tensors(e->g); i++)
		s = copy_tensor(e, i, x, &moved, err);
	fox_xxh3_close(x);
	return s ? s : fox_file_unchanged(&e->map.file, err);
}

static enum fox_status anew(struct work *e, struct fox_err *err)
{
	enum fox_status s = fox_gguf_freeze(e->w, err);
	if (s)
		return s;
	fox_buf_str(&e->r->report, e->o->out ? "written to " : "written anew: ");
	fox_buf_escaped(&e->r->report, fox_str_of(e->o->out ? e->o->out : e->o->path), SIZE_MAX);
	fox_buf_fmt(&e->r->report, ", %" PRIu64 " bytes\n", fox_gguf_writer_bytes(e->w));
	if (e->o->dry_run)
		return FOX_OK;
	s = fox_gguf_create(e->w, e->o->out ? e->o->out : e->o->path, !e->o->out || e->o->replace, err);
	if (!s && e->o->out && fox_out_is_input(fox_gguf_writer_out(e->w), &e->map.file))
		s = fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is the input: leave out -o to change it", e->o->out);
	if (!s && !e->o->out)
		s = fox_out_set_mode(fox_gguf_writer_out(e->w), e->file.mode, err);
	if (!s)
		s = copy_data(e, err);
	return s ? s : fox_gguf_finish(e->w, err);
}

/* ---- all of it */

static enum fox_status change(struct work *e, struct fox_err *err)
{
	bool fits = false, as_written = e->state == FOX_HASH_OK;
	enum fox_status s = fox_edit_plan(&e->plan, e->g, e->o, &e->arena, err);
	if (s)
		return s;
	fox_edit_plan_show(&e->r->report, &e->plan);
	if (!e->plan.changed && !e->o->out) {
		fox_buf_str(&e->r->report, "nothing to change\n");
		return FOX_OK;
	}
	s = fox_gguf_writer_open(&e->w, err);
	if (!s)
		s = fox_edit_declare(e->w, &e->plan, as_written, err);
	if (!s && as_written && !e->o->out)
		s = fox_gguf_freeze_at(e->w, fox_gguf_header(e->g)->data_at, &fits, err);
	if (s)
		return s;
	return fits ? in_place(e, err) : anew(e, err);
}

enum fox_status fox_edit_run(
    const struct fox_edit_options *o, struct fox_edit_outcome *r, struct fox_err *err)
{
	struct work e = {.o = o, .r = r};
	enum fox_status s = open_source(&e, err);
	if (!s)
		s = change(&e, err);
	if (!s && r->report.failed)
		s = fox_fail_nomem(err);
	fox_gguf_writer_close(e.w);
	fox_gguf_close(e.g);
	fox_map_close(&e.map);
	fox_inplace_close(&e.file);
	fox_arena_free(&e.arena);
	return s;
}

enum fox_status fox_edit_recover(const char *path, struct fox_edit_outcome *r, struct fox_err *err)
{
	struct fox_inplace f = {0};
	bool had = false;
	enum fox_head_fit fit;
	enum fox_status s = fox_inplace_open(&f, path, err);
	if (!s)
		s = fox_head_recover(&f, &had, &fit, err);
	if (!s && had)
		tell_recovered(r, path, fit);
	else if (!s)
		fox_buf_fmt(&r->report, "no change was interrupted\n");
	if (!s && r->report.failed)
		s = fox_fail_nomem(err);
	if (s)
		fox_in_file(err, path);
	fox_inplace_close(&f);
	return s;
}
