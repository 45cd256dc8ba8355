/* unpack.c - members are written and hashed as they come; the folder is private until everything agrees. */
#include "convert/unpack.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/outdir.h"
#include "format/archive.h"

struct unpacking {
	struct fox_archive *a;
	struct fox_outdir *dir;
	struct fox_pump *pump;
	struct fox_arena arena;
	struct fox_unpacked u;
	size_t cap;
	struct fox_str top; /* the folder that all members lie in */
	bool ended;         /* of the member being read */
};

static enum fox_status take(void *ctx, void *buf, size_t cap, size_t *n, struct fox_err *err)
{
	struct unpacking *w = ctx;
	*n = 0;
	if (w->ended)
		return FOX_OK;
	enum fox_status s = fox_archive_read(w->a, buf, cap, n, err);
	w->ended = *n < cap;
	return s;
}

static enum fox_status give(void *ctx, const void *p, size_t n, struct fox_err *err)
{
	return fox_outfile_write(ctx, p, n, err);
}

static struct fox_unpacked_file *next_slot(struct unpacking *w)
{
	if (w->u.n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 16;
		struct fox_unpacked_file *list = realloc(w->u.list, cap * sizeof *list);
		if (!list)
			return NULL;
		w->u.list = list;
		w->cap = cap;
	}
	w->u.list[w->u.n] = (struct fox_unpacked_file){0};
	return &w->u.list[w->u.n];
}

/* "m/sub/a" is "sub/a" in the folder "m", which the first member decides. *rest empty: the folder itself. */
static enum fox_status inside(
    struct unpacking *w, const struct fox_archive_entry *e, struct fox_str *rest, struct fox_err *err)
{
	const char *slash = memchr(e->name.p, '/', e->name.n);
	size_t n = slash ? (size_t)(slash - e->name.p) : e->name.n;
	if (!slash && !e->folder)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "member '%.*s' lies in no folder", FOX_STR_ARG(e->name));
	if (w->top.n && !fox_str_eq(w->top, (struct fox_str){e->name.p, n}))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "member '%.*s' does not lie in the folder '%.*s', as the others do", FOX_STR_ARG(e->name),
		    FOX_STR_ARG(w->top));
	if (!w->top.n) {
		char *copy = fox_arena_strdup(&w->arena, (struct fox_str){e->name.p, n});
		if (!copy)
			return fox_fail_nomem(err);
		w->top = (struct fox_str){copy, n};
	}
	*rest = slash ? (struct fox_str){slash + 1, e->name.n - n - 1} : (struct fox_str){"", 0};
	return FOX_OK;
}

static enum fox_status unpack_file(
    struct unpacking *w, struct fox_str name, uint64_t bytes, struct fox_err *err)
{
	struct fox_outfile f;
	struct fox_unpacked_file *slot = next_slot(w);
	const struct fox_pump_sink sinks[FOX_PUMP_SINKS] = {{give, &f}};
	char *copy = fox_arena_strdup(&w->arena, name);
	if (!slot || !copy)
		return fox_fail_nomem(err);
	slot->name = (struct fox_str){copy, name.n};
	enum fox_status s = fox_outdir_create(w->dir, &f, name, bytes, err);
	w->ended = false;
	if (!s)
		s = fox_pump_run(w->pump, take, w, sinks, &slot->sha256, &slot->bytes, err);
	if (!s && slot->bytes != bytes) /* the reader sees to it */
		s = fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "member '%s' has %llu bytes, not %llu", copy,
		    (unsigned long long)slot->bytes, (unsigned long long)bytes);
	if (!s)
		s = fox_outfile_finish(&f, err);
	fox_outfile_abort(&f);
	w->u.n++;
	return s;
}

static enum fox_status open_folder(struct unpacking *w, const struct fox_unpack_options *o,
    struct fox_unpack_done *done, struct fox_err *err)
{
	enum fox_status s = fox_outdir_open(&w->dir, o->out ? o->out : w->top.p, err);
	if (s)
		return s;
	snprintf(done->out, sizeof done->out, "%s", fox_outdir_path(w->dir));
	w->u.folder = fox_outdir_temp(w->dir);
	return FOX_OK;
}

static enum fox_status unpack_all(struct unpacking *w, const struct fox_unpack_options *o,
    struct fox_unpack_done *done, struct fox_err *err)
{
	struct fox_archive_entry e;
	struct fox_str rest;
	bool more = true;
	enum fox_status s = FOX_OK;
	while (!s) {
		s = fox_archive_next(w->a, &e, &more, err);
		if (s || !more)
			break;
		s = inside(w, &e, &rest, err);
		if (s)
			fox_in_file(err, o->archive);
		if (!s && !w->dir)
			s = open_folder(w, o, done, err);
		if (!s && !e.folder) /* folders come with the files in them */
			s = unpack_file(w, rest, e.bytes, err);
	}
	if (!s && !w->dir) {
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "nothing is in it");
		fox_in_file(err, o->archive);
	}
	return s;
}

enum fox_status fox_unpack(
    const struct fox_unpack_options *o, struct fox_unpack_done *done, struct fox_err *err)
{
	struct unpacking w = {0};
	*done = (struct fox_unpack_done){0};
	enum fox_status s = fox_archive_open(&w.a, o->archive, err);
	if (!s)
		s = fox_pump_open(&w.pump, o->threads, err);
	if (!s) {
		fox_pump_tell(w.pump, o->progress, o->progress_ctx);
		s = unpack_all(&w, o, done, err);
	}
	if (!s && (s = fox_bundle_check(&done->checked, &w.u, &o->who, err)))
		fox_in_file(err, o->archive);
	done->n_files = w.u.n;
	for (size_t i = 0; i < w.u.n; i++)
		done->bytes += w.u.list[i].bytes;
	fox_archive_close(w.a);
	fox_pump_close(w.pump);
	free(w.u.list);
	fox_arena_free(&w.arena);
	if (s) {
		fox_outdir_abort(w.dir);
		return s;
	}
	return fox_outdir_commit(w.dir, err);
}

enum fox_status fox_unpack_list(const char *archive, fox_unpack_each_fn *each, void *ctx, struct fox_err *err)
{
	struct fox_archive *a;
	struct fox_archive_entry e;
	bool more = true;
	enum fox_status s = fox_archive_open(&a, archive, err);
	if (s)
		return s;
	while (!s) {
		s = fox_archive_next(a, &e, &more, err);
		if (s || !more)
			break;
		s = each(ctx, e.name, e.folder, e.bytes, err);
	}
	fox_archive_close(a);
	return s;
}
