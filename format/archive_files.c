/* archive_files.c - a list of members from one pass, and a stream over them that goes forward and remembers a little. */
#include "format/archive_files.h"

#include <stdlib.h>

#include "format/base/map.h"
#include "format/base/num.h"

enum { CHUNK = 1 << 18 };

uint32_t fox_archive_window = FOX_ARCHIVE_WINDOW, fox_archive_most_kept = FOX_ARCHIVE_MAX_KEPT;

struct fox_archive_files {
	struct fox_arena arena;
	struct fox_archive *walk; /* of the pass that goes on; NULL: none */
	char *path;
	struct fox_file file;
	struct fox_archive_member *list;
	size_t n, cap, n_kept;
	struct fox_map by_name;
	uint8_t *window;   /* byte i of the stream at i % fox_archive_window */
	uint64_t from, to; /* bytes of the stream that it holds; to: the next that comes */
	size_t member;     /* that the walk is in, or before */
	bool inside;
	unsigned passes;
	struct fox_err broken; /* after a failure there is no going on */
};

/* ---- the first pass */

static struct fox_archive_member *add(struct fox_archive_files *a, const struct fox_archive_entry *e)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 64;
		struct fox_archive_member *list = realloc(a->list, cap * sizeof *list);
		if (!list)
			return NULL;
		a->list = list;
		a->cap = cap;
	}
	struct fox_archive_member *m = &a->list[a->n];
	char *name = fox_arena_strdup(&a->arena, e->name);
	if (!name)
		return NULL;
	*m = (struct fox_archive_member){
	    .name = {name, e->name.n}, .bytes = e->bytes, .plain = e->plain, .at = e->at};
	if (!e->plain) {
		m->at = a->to;
		a->to += e->bytes;
	}
	a->n++;
	return m;
}

/* Bytes from the front of a member to keep: those of a safetensors header, else all or nothing. */
static uint64_t wanted(
    const struct fox_archive_files *a, const struct fox_archive_member *m, const uint8_t *head, size_t n)
{
	uint64_t want = m->bytes, room = a->n_kept < fox_archive_most_kept ? fox_archive_most_kept - a->n_kept : 0;
	size_t depth = 0;
	for (size_t i = 0; i < m->name.n; i++)
		depth += m->name.p[i] == '/';
	if (m->plain || depth > 1)
		return 0;
	if (fox_str_ends(m->name, ".safetensors") && n >= 8 && fox_load64(head) <= m->bytes - 8)
		want = 8 + fox_load64(head);
	return want <= room ? want : 0;
}

static enum fox_status keep(
    struct fox_archive_files *a, struct fox_archive_member *m, uint8_t *chunk, struct fox_err *err)
{
	size_t got;
	enum fox_status s = fox_archive_read(a->walk, chunk, CHUNK, &got, err);
	size_t n = (size_t)wanted(a, m, chunk, got), have = n < got ? n : got;
	if (s || !n)
		return s;
	uint8_t *kept = fox_arena_alloc(&a->arena, n, 1);
	if (!kept)
		return fox_fail_nomem(err);
	memcpy(kept, chunk, have);
	if (have < n) {
		s = fox_archive_read(a->walk, kept + have, n - have, &got, err);
		if (!s && got != n - have)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' ends too early", FOX_STR_ARG(m->name));
	}
	m->kept = kept;
	m->n_kept = n;
	a->n_kept += n;
	return s;
}

static enum fox_status scan(struct fox_archive_files *a, struct fox_err *err)
{
	struct fox_archive_entry e;
	uint8_t *chunk = malloc(CHUNK);
	bool more = true;
	enum fox_status s = chunk ? FOX_OK : fox_fail_nomem(err);
	while (!s && !(s = fox_archive_next(a->walk, &e, &more, err)) && more) {
		size_t got = CHUNK;
		struct fox_archive_member *m = e.folder ? NULL : add(a, &e);
		if (!e.folder && !m)
			s = fox_fail_nomem(err);
		if (s || !m || (m->plain && fox_archive_kind_of(a->walk) == FOX_ARCHIVE_TAR))
			continue; /* nothing in it to check */
		s = keep(a, m, chunk, err);
		while (!s && got)
			s = fox_archive_read(a->walk, chunk, CHUNK, &got, err);
	}
	free(chunk);
	return s;
}

/* The folder that all files lie in: its name's length with the slash; 0: the root. */
static enum fox_status find_root(const struct fox_archive_files *a, size_t *cut, struct fox_err *err)
{
	struct fox_str first = {NULL, 0};
	*cut = 0;
	for (size_t i = 0; i < a->n; i++)
		if (!memchr(a->list[i].name.p, '/', a->list[i].name.n))
			return FOX_OK;
	for (size_t i = 0; i < a->n; i++) {
		struct fox_str s = a->list[i].name;
		s.n = (size_t)((const char *)memchr(s.p, '/', s.n) - s.p);
		if (!first.p)
			first = s;
		if (!fox_str_eq(s, first))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "its files lie in several folders, '%.*s' and '%.*s': one checkpoint is read, in the root or "
			    "in one folder",
			    FOX_STR_ARG(first), FOX_STR_ARG(s));
	}
	*cut = first.n + 1;
	return first.p ? FOX_OK : fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "the archive holds no file");
}

static enum fox_status list(struct fox_archive_files *a, struct fox_err *err)
{
	size_t cut;
	enum fox_status s = scan(a, err);
	if (!s)
		s = find_root(a, &cut, err);
	if (s)
		return s;
	if (!fox_map_init(&a->by_name, &a->arena, a->n))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < a->n; i++) {
		struct fox_str *name = &a->list[i].name;
		*name = (struct fox_str){name->p + cut, name->n - cut};
		fox_map_put(&a->by_name, *name, (uint32_t)i);
	}
	a->to = 0;
	fox_archive_close(a->walk);
	a->walk = NULL;
	return FOX_OK;
}

/* ---- the stream of what does not lie there as it is */

/* The file that is walked is the one whose members are read. */
static enum fox_status check_same(const struct fox_archive_files *a, struct fox_err *err)
{
	const struct fox_file *f = fox_archive_file(a->walk), *g = &a->file;
	if (f->dev != g->dev || f->ino != g->ino || f->size != g->size || f->mtime_ns != g->mtime_ns)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "file changed while it was read");
	return FOX_OK;
}

/* From the front again, in the same file. */
static enum fox_status rewind_walk(struct fox_archive_files *a, struct fox_err *err)
{
	if (a->passes++ == FOX_ARCHIVE_MAX_PASSES)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "to read it out of its order takes more than %u passes over the archive: unpack it first",
		    FOX_ARCHIVE_MAX_PASSES);
	fox_archive_close(a->walk);
	a->walk = NULL;
	a->from = a->to = 0;
	a->member = 0;
	a->inside = false;
	enum fox_status s = fox_archive_open(&a->walk, a->path, err);
	return s ? s : check_same(a, err);
}

/* Into the next member that is in the stream. */
static enum fox_status enter(struct fox_archive_files *a, struct fox_err *err)
{
	struct fox_archive_entry e = {.folder = true};
	bool more = true;
	enum fox_status s = FOX_OK;
	a->member += a->inside;
	while (!s && more && (e.folder || e.plain)) {
		s = fox_archive_next(a->walk, &e, &more, err);
		a->member += !s && more && !e.folder && e.plain;
	}
	if (s)
		return s;
	if (!more || a->member >= a->n || a->list[a->member].at != a->to || a->list[a->member].bytes != e.bytes)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "file changed while it was read");
	a->inside = true;
	return FOX_OK;
}

/* Further by a chunk of the member, or over all of it when what is wanted lies behind. */
static enum fox_status advance(struct fox_archive_files *a, uint64_t want, struct fox_err *err)
{
	const struct fox_archive_member *m = &a->list[a->member];
	uint64_t end = a->inside ? m->at + m->bytes : 0;
	if (!a->inside || a->to == end)
		return enter(a, err);
	if (want >= end) {
		a->from = a->to = end;
		return enter(a, err);
	}
	uint64_t at = a->to % fox_archive_window, room = fox_archive_window - at;
	size_t got, n = room < CHUNK ? (size_t)room : CHUNK;
	enum fox_status s = fox_archive_read(a->walk, a->window + at, n, &got, err);
	a->to += got;
	if (a->to - a->from > fox_archive_window)
		a->from = a->to - fox_archive_window;
	return s;
}

static enum fox_status read_stream(
    struct fox_archive_files *a, uint64_t at, uint8_t *dst, size_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	if (!a->window && !(a->window = malloc(fox_archive_window)))
		return fox_fail_nomem(err);
	while (n && !s) {
		if (at < a->from || !a->walk) {
			s = rewind_walk(a, err);
		} else if (at >= a->to) {
			s = advance(a, at, err);
		} else {
			uint64_t in = at % fox_archive_window, room = fox_archive_window - in, have = a->to - at;
			size_t k = n;
			k = room < k ? (size_t)room : k;
			k = have < k ? (size_t)have : k;
			memcpy(dst, a->window + in, k);
			at += k, dst += k, n -= k;
		}
	}
	return s;
}

/* A member that is read through the stream. */
struct part {
	struct fox_file_via via; /* first, so that it leads back here */
	struct fox_archive_files *files;
	const struct fox_archive_member *member;
};

static enum fox_status read_part(
    struct fox_file_via *via, uint64_t at, void *dst, size_t n, struct fox_err *err)
{
	const struct part *p = (const struct part *)via;
	struct fox_archive_files *a = p->files;
	uint64_t in = at - p->member->at;
	uint8_t *to = dst;
	if (in < p->member->n_kept) {
		size_t k = p->member->n_kept - (size_t)in < n ? p->member->n_kept - (size_t)in : n;
		memcpy(to, p->member->kept + in, k);
		at += k, to += k, n -= k;
	}
	enum fox_status s = n && !a->broken.code ? read_stream(a, at, to, n, &a->broken) : FOX_OK;
	if (!n)
		return FOX_OK;
	if (a->broken.code && err && !err->code)
		*err = a->broken;
	return s ? s : a->broken.code;
}

/* ---- the public face */

enum fox_status fox_archive_files_open(struct fox_archive_files **out, const char *path, struct fox_err *err)
{
	*out = NULL;
	struct fox_archive_files *a = calloc(1, sizeof *a);
	if (!a)
		return fox_fail_nomem(err);
	a->path = fox_arena_strdup(&a->arena, fox_str_of(path));
	enum fox_status s = a->path ? fox_archive_open(&a->walk, path, err) : fox_fail_nomem(err);
	if (!s)
		s = fox_file_open(&a->file, path, err);
	if (!s)
		s = check_same(a, err);
	if (!s)
		s = list(a, err);
	if (s) {
		fox_in_file(err, path);
		fox_archive_files_close(a);
		return s;
	}
	*out = a;
	return FOX_OK;
}

void fox_archive_files_close(struct fox_archive_files *a)
{
	if (!a)
		return;
	fox_archive_close(a->walk);
	fox_file_close(&a->file);
	fox_arena_free(&a->arena);
	free(a->list);
	free(a->window);
	free(a);
}

size_t fox_archive_files_count(const struct fox_archive_files *a)
{
	return a->n;
}

const struct fox_archive_member *fox_archive_files_member(const struct fox_archive_files *a, size_t i)
{
	return &a->list[i];
}

const struct fox_archive_member *fox_archive_files_find(
    const struct fox_archive_files *a, struct fox_str name)
{
	uint32_t i = fox_map_find(&a->by_name, name);
	return i == FOX_MAP_NONE ? NULL : &a->list[i];
}

enum fox_status fox_archive_files_part(
    struct fox_archive_files *a, const struct fox_archive_member *m, struct fox_file *f, struct fox_err *err)
{
	struct part *p = NULL;
	if (!m->plain) {
		if (!(p = fox_arena_alloc(&a->arena, 1, sizeof *p)))
			return fox_fail_nomem(err);
		*p = (struct part){{read_part}, a, m};
	}
	return fox_file_part(f, &a->file, p ? &p->via : NULL, m->at, m->bytes, m->name, err);
}
