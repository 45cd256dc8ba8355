/* source.c - finding a checkpoint, opening its files beneath the root, and reading tensors by name.
 *
 * Refuses Git LFS pointers, folders without safetensors (naming what they hold instead), and files whose
 * bytes are not those that a blob's name promises.  spec/sources.md */
#include "format/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "format/base/map.h"
#include "format/base/num.h"
#include "format/safetensors.h"
#include "format/source_home.h"
#include "format/st_index.h"
#include "format/stranger.h"
#include "format/strided.h"
#include "format/torch.h"

/* What a name in fox_source_names is.  source: transformers modeling_utils.py, the order that it looks in */
static const struct {
	const char *suffix; /* of shards */
	bool index, torch;
} kinds[FOX_SOURCE_NAMES] = {
    {".safetensors", false, false},
    {".safetensors", true, false},
    {".bin", false, true},
    {".bin", true, true},
};
const char *const fox_source_names[FOX_SOURCE_NAMES] = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"};

/* A small file that was read: a list in order of reading. */
struct small_file {
	struct small_file *next;
	struct fox_src_file file;
	char *text; /* malloc'd */
	size_t n;
};

struct fox_source {
	struct fox_arena arena;
	struct fox_source_home at;
	bool torch; /* weights are PyTorch's, not safetensors */
	struct fox_src_file *weights;
	size_t n_weights;
	struct small_file *small;
	size_t n_small;
	struct fox_src_tensor *tensors;
	size_t n_tensors;
	struct fox_map by_name;
};

/* ---- opening files */

/* A name that the archive may not have. */
static enum fox_status open_archived(
    struct fox_source *s, struct fox_str name, struct fox_file *f, struct fox_err *err)
{
	const struct fox_archive_member *m = fox_archive_files_find(s->at.archive, name);
	if (!m)
		return fox_fail_errno(err, ENOENT, "cannot open '%s/%.*s'", s->at.hf.dir, FOX_STR_ARG(name));
	return fox_archive_files_part(s->at.archive, m, f, err);
}

/* Fills f (zeroed) with an open member of the checkpoint. */
static enum fox_status open_member(
    struct fox_source *s, struct fox_str name, struct fox_src_file *f, struct fox_err *err)
{
	enum fox_status st;
	const struct fox_hf_place *p = &s->at.hf;
	f->name = (struct fox_str){fox_arena_strdup(&s->arena, name), name.n};
	if (!f->name.p)
		return fox_fail_nomem(err);
	if (s->at.archive)
		st = open_archived(s, name, &f->fd, err);
	else if (s->at.cached)
		st = fox_hf_open(&f->fd, p, name, &f->has_expected, &f->expected, err);
	else
		st = fox_file_open_beneath(&f->fd, p->root, p->dir, name, err);
	if (st)
		return st;
	f->bytes = f->fd.size;
	if ((st = fox_stranger_refuse_lfs(&f->fd, err)))
		fox_file_close(&f->fd);
	return st;
}

/* A link without a target counts as present: it is a broken download, not an absent file. */
static enum fox_status member_exists(
    const struct fox_source *s, const char *name, bool *exists, struct fox_err *err)
{
	struct fox_buf path = {0};
	struct stat st;
	enum fox_status result = FOX_OK;
	if (s->at.archive) {
		*exists = fox_archive_files_find(s->at.archive, fox_str_of(name)) != NULL;
		return FOX_OK;
	}
	fox_buf_fmt(&path, "%s/%s", s->at.hf.dir, name);
	*exists = !path.failed && !lstat(path.p, &st);
	if (path.failed)
		result = fox_fail_nomem(err);
	else if (!*exists && errno != ENOENT && errno != ENOTDIR)
		result = fox_fail_errno(err, errno, "cannot stat '%s'", path.p);
	fox_buf_free(&path);
	return result;
}

/* ---- small files */

static enum fox_status sha256_of(struct fox_sha256 *out, const void *p, size_t n, struct fox_err *err)
{
	struct fox_sha256_state *state = fox_sha256_open();
	if (!state)
		return fox_fail_nomem(err);
	enum fox_status s = fox_sha256_add(state, p, n, err);
	if (!s)
		s = fox_sha256_final(state, out, err);
	fox_sha256_close(state);
	return s;
}

static enum fox_status check_expected(const struct fox_src_file *f, struct fox_err *err)
{
	char want[FOX_SHA256_HEX + 1], got[FOX_SHA256_HEX + 1];
	if (!f->has_expected || !memcmp(f->sha256.b, f->expected.b, sizeof f->sha256.b))
		return FOX_OK;
	fox_hex(want, f->expected.b, sizeof f->expected.b);
	fox_hex(got, f->sha256.b, sizeof f->sha256.b);
	enum fox_status s =
	    fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "SHA-256 is %s, the blob's name says %s", got, want);
	fox_in_file(err, f->fd.path);
	return s;
}

static enum fox_status read_small(
    struct fox_source *s, const char *name, uint64_t limit, struct small_file *m, struct fox_err *err)
{
	struct fox_src_file *f = &m->file;
	enum fox_status st = open_member(s, fox_str_of(name), f, err);
	if (st)
		return st;
	st = fox_file_slurp(&f->fd, limit, &m->text, &m->n, err);
	if (!st)
		st = fox_file_unchanged(&f->fd, err);
	if (!st)
		st = sha256_of(&f->sha256, m->text, m->n, err);
	if (!st) {
		f->has_sha256 = true;
		st = check_expected(f, err);
	}
	fox_file_close(&f->fd);
	if (st) {
		free(m->text);
		m->text = NULL;
	}
	return st;
}

enum fox_status fox_source_read_file(
    struct fox_source *s, const char *name, uint64_t limit, struct fox_str *text, struct fox_err *err)
{
	struct small_file **end = &s->small;
	bool exists;
	*text = (struct fox_str){NULL, 0};
	for (; *end; end = &(*end)->next) {
		struct small_file *m = *end;
		if (!fox_str_is(m->file.name, name))
			continue;
		if (m->n > limit)
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "file '%s' of %zu bytes, more than %llu", name,
			    m->n, (unsigned long long)limit);
		*text = (struct fox_str){m->text, m->n};
		return FOX_OK;
	}
	enum fox_status st = member_exists(s, name, &exists, err);
	if (st || !exists)
		return st;
	struct small_file *m = fox_arena_alloc(&s->arena, 1, sizeof *m);
	if (!m)
		return fox_fail_nomem(err);
	if ((st = read_small(s, name, limit, m, err)))
		return st;
	*end = m;
	s->n_small++;
	*text = (struct fox_str){m->text, m->n};
	return FOX_OK;
}

enum fox_status fox_source_adopt(
    struct fox_source *s, const struct fox_source *other, const char *prefix, struct fox_err *err)
{
	struct small_file **end = &s->small;
	while (*end)
		end = &(*end)->next;
	for (const struct small_file *from = other->small; from; from = from->next) {
		size_t n = strlen(prefix) + 1 + from->file.name.n;
		struct small_file *m = fox_arena_alloc(&s->arena, 1, sizeof *m);
		char *name = fox_arena_alloc(&s->arena, n + 1, 1);
		if (!m || !name)
			return fox_fail_nomem(err);
		snprintf(name, n + 1, "%s/%.*s", prefix, (int)from->file.name.n, from->file.name.p);
		m->file = from->file;
		m->file.name = (struct fox_str){name, n};
		*end = m;
		end = &m->next;
		s->n_small++;
	}
	return FOX_OK;
}

/* ---- weights */

/* Room for the weight files: all zeroed, so that close may run over any of them. */
static enum fox_status make_weights(struct fox_source *s, size_t n, struct fox_err *err)
{
	s->weights = fox_arena_alloc(&s->arena, n, sizeof *s->weights);
	if (!s->weights)
		return fox_fail_nomem(err);
	s->n_weights = n;
	for (size_t i = 0; i < n; i++)
		s->weights[i].weights = true;
	return FOX_OK;
}

/* The one file that the caller named: links are the caller's own, except inside a cache. */
static enum fox_status open_named(struct fox_source *s, struct fox_err *err)
{
	struct fox_src_file *f = &s->weights[0];
	const char *slash = strrchr(s->at.one_file, '/');
	struct fox_str name = fox_str_of(slash ? slash + 1 : s->at.one_file);
	if (s->at.cached)
		return open_member(s, name, f, err);
	f->name = name;
	enum fox_status st = fox_file_open(&f->fd, s->at.one_file, err);
	f->bytes = f->fd.size;
	return st ? st : fox_stranger_refuse_lfs(&f->fd, err);
}

/* Names to indices. Repeats can only come from two files: within one its reader refuses them. */
static enum fox_status map_names(struct fox_source *s, struct fox_err *err)
{
	if (s->n_tensors >= FOX_MAP_NONE)
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "%zu tensors, more than 32 bits can count", s->n_tensors);
	if (!fox_map_init(&s->by_name, &s->arena, s->n_tensors))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < s->n_tensors; i++) {
		const struct fox_src_tensor *t = &s->tensors[i];
		uint32_t other = fox_map_put(&s->by_name, t->name, (uint32_t)i);
		if (other != FOX_MAP_NONE)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "tensor '%.*s' is in '%.*s' and in '%.*s'",
			    FOX_STR_ARG(t->name), FOX_STR_ARG(s->weights[s->tensors[other].file].name),
			    FOX_STR_ARG(s->weights[t->file].name));
	}
	return FOX_OK;
}

/* The pickle of a PyTorch file is at its front, and what says where things are at its end. */
static enum fox_status check_torch(const struct fox_source *s, const struct fox_src_file *f, struct fox_err *err)
{
	if (!f->fd.via || fox_archive_files_find(s->at.archive, f->name)->n_kept == f->bytes)
		return FOX_OK;
	fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "a PyTorch file of %llu bytes is not read out of a compressed archive: unpack it first",
	    (unsigned long long)f->bytes);
	return fox_in_file(err, f->fd.path), FOX_E_UNSUPPORTED;
}

/* Headers of all open weight files, one after the other, as one list. */
static enum fox_status list_tensors(struct fox_source *s, struct fox_err *err)
{
	struct fox_st_tensors *lists = fox_arena_alloc(&s->arena, s->n_weights, sizeof *lists);
	size_t n = 0;
	if (!lists)
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < s->n_weights; i++) {
		enum fox_status st = s->torch ? check_torch(s, &s->weights[i], err) : FOX_OK;
		if (!st)
			st = (s->torch ? fox_torch_read : fox_st_read_header)(
			    &lists[i], &s->arena, &s->weights[i].fd, i, err);
		if (st)
			return st;
		n += lists[i].n;
	}
	s->n_tensors = n;
	if (s->n_weights == 1) {
		s->tensors = lists[0].list;
		return map_names(s, err);
	}
	s->tensors = fox_arena_alloc(&s->arena, n, sizeof *s->tensors);
	if (!s->tensors)
		return fox_fail_nomem(err);
	n = 0;
	for (size_t i = 0; i < s->n_weights; i++) {
		memcpy(s->tensors + n, lists[i].list, lists[i].n * sizeof *s->tensors);
		n += lists[i].n;
	}
	return map_names(s, err);
}

static enum fox_status open_shards(struct fox_source *s, const struct fox_st_index *x, struct fox_err *err)
{
	enum fox_status st = make_weights(s, x->n_shards, err);
	for (size_t i = 0; i < x->n_shards && !st; i++) {
		st = open_member(s, x->shards[i], &s->weights[i], err);
		if (st)
			fox_in(err, "named in 'weight_map'");
	}
	if (!st)
		st = list_tensors(s, err);
	return st ? st : fox_st_index_check(x, s->tensors, s->n_tensors, &s->by_name, err);
}

static enum fox_status open_index(
    struct fox_source *s, const char *name, const char *suffix, struct fox_err *err)
{
	struct fox_str text;
	struct fox_st_index x;
	struct fox_buf path = {0};
	enum fox_status st = fox_source_read_file(s, name, FOX_ST_MAX_INDEX, &text, err);
	if (st)
		return st;
	st = fox_st_index_parse(&x, &s->arena, text, suffix, err);
	if (!st)
		st = open_shards(s, &x, err);
	if (st) {
		fox_buf_fmt(&path, "%s/%s", s->at.hf.dir, name);
		fox_in_file(err, path.failed ? name : path.p);
		fox_buf_free(&path);
	}
	return st;
}

/* No weights of a name that is known: what there is instead. */
static enum fox_status name_stranger(const struct fox_source *s, struct fox_err *err)
{
	struct fox_str best = {NULL, 0};
	if (!s->at.archive)
		return fox_stranger_name(s->at.hf.dir, err);
	for (size_t i = 0; i < fox_archive_files_count(s->at.archive); i++) {
		struct fox_str name = fox_archive_files_member(s->at.archive, i)->name;
		if (!memchr(name.p, '/', name.n) && fox_stranger_tells(name, best))
			best = name;
	}
	enum fox_status st = fox_stranger_fail("archive", best, err);
	return fox_in_file(err, s->at.hf.dir), st;
}

static enum fox_status open_weights(struct fox_source *s, struct fox_err *err)
{
	enum fox_status st;
	bool found = false;
	size_t i = 0;
	for (; !s->at.one_file && !found && i < FOX_SOURCE_NAMES; i += !found)
		if ((st = member_exists(s, fox_source_names[i], &found, err)))
			return st;
	if (!s->at.one_file && !found)
		return name_stranger(s, err);
	if (found)
		s->torch = kinds[i].torch;
	if (found && kinds[i].index)
		return open_index(s, fox_source_names[i], kinds[i].suffix, err);
	if ((st = make_weights(s, 1, err)))
		return st;
	st = found ? open_member(s, fox_str_of(fox_source_names[i]), &s->weights[0], err) : open_named(s, err);
	return st ? st : list_tensors(s, err);
}

/* ---- the public face */

enum fox_status fox_source_open(struct fox_source **out, const char *path, bool weights, struct fox_err *err)
{
	*out = NULL;
	struct fox_source *s = calloc(1, sizeof *s);
	if (!s)
		return fox_fail_nomem(err);
	enum fox_status st = fox_source_locate(&s->at, path, &s->arena, err);
	s->torch = s->at.torch;
	if (!st && weights)
		st = open_weights(s, err);
	if (st) {
		fox_source_close(s);
		return st;
	}
	*out = s;
	return FOX_OK;
}

void fox_source_close(struct fox_source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_weights; i++)
		fox_file_close(&s->weights[i].fd);
	for (struct small_file *m = s->small; m; m = m->next)
		free(m->text);
	fox_archive_files_close(s->at.archive);
	fox_arena_free(&s->arena);
	free(s);
}

const char *fox_source_kind(const struct fox_source *s)
{
	return s->torch ? "pytorch" : "safetensors";
}

const char *fox_source_revision(const struct fox_source *s)
{
	return s->at.hf.revision;
}

const char *fox_source_repo(const struct fox_source *s)
{
	return s->at.hf.repo;
}

const char *fox_source_dir(const struct fox_source *s)
{
	return s->at.hf.dir;
}

bool fox_source_streamed(const struct fox_source *s)
{
	for (size_t i = 0; i < s->n_weights; i++)
		if (s->weights[i].fd.via)
			return true;
	return false;
}

uint64_t fox_source_place(const struct fox_source *s, const struct fox_src_tensor *t)
{
	return s->weights[t->file].fd.base + t->at;
}

size_t fox_source_tensors(const struct fox_source *s)
{
	return s->n_tensors;
}

const struct fox_src_tensor *fox_source_tensor(const struct fox_source *s, size_t i)
{
	return &s->tensors[i];
}

const struct fox_src_tensor *fox_source_find(const struct fox_source *s, struct fox_str name)
{
	uint32_t i = fox_map_find(&s->by_name, name);
	return i == FOX_MAP_NONE ? NULL : &s->tensors[i];
}

size_t fox_source_files(const struct fox_source *s)
{
	return s->n_weights + s->n_small;
}

struct fox_src_file *fox_source_file(struct fox_source *s, size_t i)
{
	if (i < s->n_weights)
		return &s->weights[i];
	struct small_file *m = s->small;
	for (i -= s->n_weights; i; i--)
		m = m->next;
	return &m->file;
}

/* Any bytes of a view: whole elements as they are gathered, and the rest of those that are cut. */
static enum fox_status read_view(const struct fox_src_tensor *t, const struct fox_file *f, uint64_t at,
    uint8_t *dst, size_t n, struct fox_err *err)
{
	uint32_t item = t->view->item;
	enum fox_status st = FOX_OK;
	while (n && !st) {
		uint8_t one[8];
		size_t skip = (size_t)(at % item), whole = n / item * item;
		if (!skip && whole) {
			st = fox_strided_read(t->view, f, at / item, whole / item, dst, err);
		} else {
			whole = item - skip < n ? item - skip : n;
			st = fox_strided_read(t->view, f, at / item, 1, one, err);
			if (!st)
				memcpy(dst, one + skip, whole);
		}
		at += whole, dst += whole, n -= whole;
	}
	return st;
}

enum fox_status fox_source_read(const struct fox_source *s, const struct fox_src_tensor *t, uint64_t at,
    void *dst, size_t n, struct fox_err *err)
{
	if (at > t->bytes || n > t->bytes - at)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "%zu bytes at %llu are not part of tensor '%.*s'", n,
		    (unsigned long long)at, FOX_STR_ARG(t->name));
	const struct fox_file *f = &s->weights[t->file].fd;
	return t->view ? read_view(t, f, at, dst, n, err) : fox_file_read(f, t->at + at, dst, n, err);
}

enum fox_status fox_source_check_digest(
    struct fox_source *s, size_t file, const struct fox_sha256 *sha, struct fox_err *err)
{
	if (file >= s->n_weights)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "file %zu is no weight file", file);
	struct fox_src_file *f = &s->weights[file];
	enum fox_status st = fox_file_unchanged(&f->fd, err);
	if (st)
		return st;
	f->sha256 = *sha;
	f->has_sha256 = true;
	return check_expected(f, err);
}
