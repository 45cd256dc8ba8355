/* back.c - the order of things: container, config, plan, small files, then the data. */
#include "convert/back.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/back_data.h"
#include "convert/back_tok.h"
#include "convert/hfconfig.h"
#include "convert/outdir.h"
#include "convert/pack_say.h"
#include "format/profile.h"
#include "format/source.h"

#define CONFIG FOX_KEY_HF_PREFIX "config"

struct back {
	const struct fox_back_options *o;
	struct fox_gguf *g;
	bool checked; /* tensors must have their hashes */
	struct fox_arena arena;
	struct fox_json *json;
	struct fox_hfconfig config;
	struct back_plan plan;
	struct back_files files;
	struct fox_outdir *dir; /* while it is filled */
	struct fox_buf index;
	uint64_t weights, small; /* bytes of files */
	uint64_t done;
};

static void tell(const struct back *b, const char *line)
{
	fox_note(b->o->note, b->o->note_ctx, "%s", line);
}

/* ---- reading what is small */

static enum fox_status open_container(struct back *b, struct fox_err *err)
{
	enum fox_status s = fox_gguf_open_set(&b->g, b->o->src, err);
	if (s)
		return s;
	b->checked = true;
	for (size_t i = 0; i < fox_gguf_parts(b->g); i++) {
		const struct fox_gguf *part = fox_gguf_part(b->g, i);
		enum fox_hash_state state = fox_profile_state(part);
		b->checked &= state == FOX_HASH_OK;
		if (fox_gguf_header(part)->big_endian)
			s = fox_fail(err, FOX_E_UNSUPPORTED, 4, "big-endian tensor data is not converted");
		else if (state == FOX_HASH_DAMAGED)
			s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "the header has not the hash that it records: fox-verify tells more");
		if (s)
			return fox_in_file(err, fox_gguf_path(part)), s;
		if (state == FOX_HASH_FOREIGN)
			tell(b, "changed by another tool since fox wrote it: the hashes of its tensors are not checked");
	}
	return FOX_OK;
}

static enum fox_status read_config(struct back *b, struct fox_err *err)
{
	struct fox_str text;
	if (!fox_gguf_find_key(b->g, CONFIG))
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no key '" CONFIG "': not written by fox-convert");
	enum fox_status s = fox_gguf_str(b->g, CONFIG, &text, err);
	if (!s &&
	    ((s = fox_json_parse(&b->json, text, err)) || (s = fox_hfconfig_read(&b->config, b->json, err))))
		fox_in(err, "in " CONFIG);
	return s;
}

static enum fox_status read_type(const char *name, enum fox_type *out, struct fox_err *err)
{
	*out = FOX_TYPE_LIMIT;
	if (!name)
		return FOX_OK;
	static const enum fox_type able[] = {FOX_F32, FOX_F16, FOX_BF16};
	for (size_t i = 0; i < FOX_COUNT(able); i++)
		if (!strcmp(name, fox_type_info(able[i])->name))
			return *out = able[i], FOX_OK;
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "type '%s' of a checkpoint is none of f32, f16, bf16", name);
}

/* config.json stays as it was: who reads it would take its word. */
static void tell_dtypes(const struct back *b)
{
	size_t other = 0;
	for (size_t i = 0; i < b->plan.n; i++)
		other += b->plan.list[i].was != FOX_TYPE_LIMIT && b->plan.list[i].was != b->plan.list[i].type;
	if (other)
		tell(b, "tensors have another dtype than their source had, and config.json names the latter: it is "
		        "not changed");
}

/* ---- the weights */

/* The entries of one file, or of all (shard UINT32_MAX). */
static size_t entries(const struct back *b, uint32_t shard, struct fox_st_member **list)
{
	size_t n = 0;
	for (size_t i = 0; i < b->plan.n; i++)
		if (shard == UINT32_MAX || b->plan.list[i].st.shard == shard)
			list[n++] = &b->plan.list[i].st;
	return n;
}

static enum fox_status header_of(struct back *b, uint32_t shard, struct fox_st_member **list,
    struct fox_buf *head, uint64_t *bytes, struct fox_err *err)
{
	fox_buf_clear(head);
	return fox_st_write_header(list, entries(b, shard, list), head, bytes, err);
}

/* Sizes of all files, and the index. */
static enum fox_status measure(struct back *b, struct fox_st_member **list, struct fox_err *err)
{
	struct fox_buf head = {0};
	enum fox_status s = FOX_OK;
	uint64_t bytes;
	for (uint32_t i = 0; i < b->plan.n_shards && !s; i++) {
		s = header_of(b, i, list, &head, &bytes, err);
		b->weights += s ? 0 : bytes;
	}
	fox_buf_free(&head);
	if (!s && b->plan.n_shards > 1)
		s = fox_st_write_index(list, entries(b, UINT32_MAX, list), b->plan.n_shards, &b->index, err);
	for (size_t i = 0; i < b->files.n; i++)
		b->small += back_file_text(&b->files.list[i]).n;
	b->small += b->index.n;
	return s;
}

static enum fox_status write_shard(
    struct back *b, uint32_t shard, struct fox_st_member **list, struct fox_err *err)
{
	struct fox_buf head = {0}, path = {0};
	struct fox_out *out = NULL;
	uint64_t bytes = 0;
	char name[48];
	fox_st_shard_name(name, shard, b->plan.n_shards);
	fox_buf_fmt(&path, "%s/%s", fox_outdir_temp(b->dir), name);
	enum fox_status s = path.failed ? fox_fail_nomem(err) : header_of(b, shard, list, &head, &bytes, err);
	if (!s)
		s = fox_out_open(&out, path.p, false, err);
	if (!s)
		s = fox_out_reserve(out, bytes, err);
	if (!s)
		s = fox_out_write(out, 0, head.p, head.n, err);
	for (size_t i = 0; i < b->plan.n && !s; i++)
		if (b->plan.list[i].st.shard == shard)
			s = back_data_write(&b->plan.list[i], b->g, b->checked, out, b->o->progress, b->o->progress_ctx,
			    &b->done, b->plan.bytes, err);
	fox_buf_free(&head);
	fox_buf_free(&path);
	if (s)
		return fox_out_abort(out), s;
	return fox_out_commit(out, err);
}

/* Some checkpoints have a prefix before every name, others not. The size of the source's file tells, where it is one file
 * that is written again as it was; else the names are those that transformers gives. */
static enum fox_status plan(struct back *b, enum fox_type type, struct fox_err *err)
{
	struct back_source src = back_source_of(b->g, fox_source_names[0]);
	struct fox_buf head = {0};
	bool plain = false, known = b->config.arch->prefix && src.there && type == FOX_TYPE_LIMIT;
	enum fox_status s = back_plan_make(
	    &b->plan, b->g, b->config.arch, &b->config.hp, type, known, b->o->max_shard, &b->arena, err);
	if (known && !s) {
		struct fox_st_member **list = fox_arena_alloc(&b->arena, b->plan.n, sizeof *list);
		uint64_t bytes;
		s = list ? header_of(b, UINT32_MAX, list, &head, &bytes, err) : fox_fail_nomem(err);
		plain = !s && bytes == src.bytes;
	}
	fox_buf_free(&head);
	if (!known || s || plain)
		return s;
	return back_plan_make(
	    &b->plan, b->g, b->config.arch, &b->config.hp, type, false, b->o->max_shard, &b->arena, err);
}

/* ---- what was lost */

/* Lines on 1 + w, and the error on values out of range. */
static enum fox_status judge(const struct back *b, struct fox_err *err)
{
	struct fox_buf lost = {0};
	size_t n_lost = 0;
	uint64_t small = 0;
	for (size_t i = 0; i < b->plan.n; i++) {
		const struct back_tensor *t = &b->plan.list[i];
		small += t->lost.n_underflow;
		if (t->n_vague)
			fox_note(b->o->note, b->o->note_ctx,
			    "tensor '%.*s': %llu of %llu values lost their last bits when 1 was added to them",
			    FOX_STR_ARG(t->st.name), (unsigned long long)t->n_vague,
			    (unsigned long long)t->part[0].t->n_elems);
		if (t->n_changed)
			fox_note(b->o->note, b->o->note_ctx,
			    "tensor '%.*s': %llu of %llu values were none of the source's dtype plus 1",
			    FOX_STR_ARG(t->st.name), (unsigned long long)t->n_changed,
			    (unsigned long long)t->part[0].t->n_elems);
		if (!t->lost.n_overflow)
			continue;
		if (lost.n < 600)
			fox_buf_fmt(&lost, "%s'%.*s' (%llu)", n_lost ? ", " : "", FOX_STR_ARG(t->st.name),
			    (unsigned long long)t->lost.n_overflow);
		n_lost++;
	}
	if (small)
		fox_note(b->o->note, b->o->note_ctx, "%llu values are too small for their dtype and became 0",
		    (unsigned long long)small);
	enum fox_status s = FOX_OK;
	if (lost.failed)
		s = fox_fail_nomem(err);
	else if (n_lost && !b->o->allow_lossy)
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "values become Inf in %zu tensors: %s; --allow-lossy accepts them", n_lost, lost.p);
	else if (n_lost)
		fox_note(b->o->note, b->o->note_ctx, "values became Inf in %zu tensors: %s", n_lost, lost.p);
	fox_buf_free(&lost);
	return s;
}

static enum fox_status deliver(struct back *b, struct fox_st_member **list, struct fox_err *err)
{
	uint64_t room = fox_disk_free(b->o->out), need = b->weights + b->small;
	if (need > room)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "'%s' takes %llu bytes, and %llu are free there",
		    b->o->out, (unsigned long long)need, (unsigned long long)room);
	enum fox_status s = fox_outdir_open(&b->dir, b->o->out, err);
	for (size_t i = 0; i < b->files.n && !s; i++)
		s = fox_outdir_put(b->dir, fox_str_of(b->files.list[i].name), back_file_text(&b->files.list[i]), err);
	if (!s && b->index.n)
		s = fox_outdir_put(b->dir, fox_str_of("model.safetensors.index.json"), fox_buf_view(&b->index), err);
	for (uint32_t i = 0; i < b->plan.n_shards && !s; i++)
		s = write_shard(b, i, list, err);
	if (!s)
		s = judge(b, err);
	if (!s)
		s = fox_cancelled(err);
	if (s)
		return s;
	struct fox_outdir *dir = b->dir;
	b->dir = NULL;
	return fox_outdir_commit(dir, err);
}

/* ---- the report */

static void print(const struct back *b, struct fox_buf *out)
{
	if (b->o->dry_run) {
		back_plan_print(&b->plan, out);
		for (size_t i = 0; i < b->files.n; i++)
			fox_buf_fmt(out, "%s  %zu bytes\n", b->files.list[i].name, back_file_text(&b->files.list[i]).n);
	}
	fox_say_text(out, "output", fox_str_of(b->o->out));
	fox_say_count(out, "tensors", b->plan.n);
	fox_say_count(out, "files", b->plan.n_shards + b->files.n + (b->index.n != 0));
	fox_say_count(out, "bytes", b->weights + b->small);
}

static enum fox_status run(struct back *b, struct fox_buf *report, struct fox_err *err)
{
	enum fox_type type;
	enum fox_status s = read_type(b->o->type, &type, err);
	if (s)
		return s;
	if ((s = open_container(b, err)) || (s = read_config(b, err)) || (s = plan(b, type, err)) ||
	    (s = back_files_make(&b->files, b->g, b->o->note, b->o->note_ctx, err))) {
		fox_in_file(err, b->o->src);
		return s;
	}
	struct fox_st_member **list = fox_arena_alloc(&b->arena, b->plan.n, sizeof *list);
	s = list ? measure(b, list, err) : fox_fail_nomem(err);
	tell_dtypes(b);
	if (!s && !b->o->dry_run)
		s = deliver(b, list, err);
	if (!s)
		print(b, report);
	return !s && report->failed ? fox_fail_nomem(err) : s;
}

enum fox_status fox_back(const struct fox_back_options *o, struct fox_buf *report, struct fox_err *err)
{
	struct back b = {.o = o};
	enum fox_status s = run(&b, report, err);
	fox_outdir_abort(b.dir);
	back_files_free(&b.files);
	fox_buf_free(&b.index);
	fox_json_close(b.json);
	fox_gguf_close(b.g);
	fox_arena_free(&b.arena);
	return s;
}
