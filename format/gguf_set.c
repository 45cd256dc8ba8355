/* gguf_set.c - a model in several files: found from the first one's name, checked against each other, handed out as one.
 *
 * Refuses sets that are not whole, shards out of place, of another model or of another conversion, and tensors that two
 * shards have. Every file is checked on its own by gguf_read.c before.  spec/container.md 9 */
#include "format/gguf_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/gguf_in.h"
#include "format/profile.h"

enum { SPARE_FILES = 64 }; /* descriptors for everything but the shards */

/* ---- names */

static void add_suffix(struct fox_buf *b, uint32_t no, uint32_t count)
{
	fox_buf_fmt(b, "-%05" PRIu32 "-of-%05" PRIu32 ".gguf", no + 1, count);
}

void fox_shard_path(struct fox_buf *out, struct fox_str prefix, uint32_t no, uint32_t count)
{
	fox_buf_add(out, prefix.p, prefix.n);
	add_suffix(out, no, count);
}

bool fox_shard_prefix(struct fox_str *prefix, struct fox_str path, uint32_t no, uint32_t count)
{
	struct fox_buf suffix = {0};
	add_suffix(&suffix, no, count);
	bool fits = !suffix.failed && path.n > suffix.n && fox_str_ends(path, suffix.p) &&
	            path.p[path.n - suffix.n - 1] != '/';
	if (fits)
		*prefix = (struct fox_str){path.p, path.n - suffix.n};
	fox_buf_free(&suffix);
	return fits;
}

/* ---- one shard */

/* A key of split.*: an integer from 0 to most. absent: what stands for it, or UINT32_MAX where it must be there. */
static enum fox_status split_key(const struct fox_gguf *g, const char *key, uint32_t most, uint32_t absent,
    uint32_t *out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	uint64_t v = absent;
	enum fox_status s = FOX_OK;
	if (!kv && absent == UINT32_MAX)
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", key);
	else if (kv && (kv->type == FOX_GGUF_ARR || !fox_gguf_item_u64(g, kv, 0, &v)))
		s = fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' is %s, want an integer from 0 up", key,
		    fox_gguf_type_name(kv->type));
	else if (kv && v > most)
		s = fox_fail(err, FOX_E_BOUND, kv->at, "%s is %" PRIu64 ", over the limit of %" PRIu32, key, v, most);
	fox_in_file(err, g->path);
	*out = (uint32_t)v;
	return s;
}

static enum fox_status mismatch(const struct fox_gguf *part, const char *key, uint32_t is, uint32_t want,
    enum fox_status code, struct fox_err *err)
{
	fox_fail(err, code, fox_gguf_find_key(part, key)->at, "%s is %" PRIu32 ", want %" PRIu32, key, is, want);
	return fox_in_file(err, part->path), code;
}

static bool same_file(const struct fox_gguf *a, const struct fox_gguf *b)
{
	return a->map.file.dev == b->map.file.dev && a->map.file.ino == b->map.file.ino;
}

/* Its place in the set. One file under two names is told as that: its number is wrong in one of them. */
static enum fox_status check_place(
    const struct fox_gguf *set, const struct fox_gguf *part, uint32_t i, struct fox_err *err)
{
	uint32_t no = 0, count = 0, tensors = 0, want = 0;
	enum fox_status s = split_key(part, FOX_KEY_SPLIT_NO, FOX_SHARDS_MAX, UINT32_MAX, &no, err);
	for (size_t k = 0; !s && no != i && k < i; k++)
		if (same_file(part, set->parts[k])) {
			s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "is the same file as '%s'", set->parts[k]->path);
			fox_in_file(err, part->path);
		}
	if (!s && no != i)
		s = mismatch(part, FOX_KEY_SPLIT_NO, no, i, FOX_E_FORMAT, err);
	if (!s)
		s = split_key(part, FOX_KEY_SPLIT_COUNT, FOX_SHARDS_MAX, UINT32_MAX, &count, err);
	if (!s && count != set->n_parts)
		s = mismatch(part, FOX_KEY_SPLIT_COUNT, count, (uint32_t)set->n_parts, FOX_E_MISMATCH, err);
	if (!s)
		s = split_key(set->parts[0], FOX_KEY_SPLIT_TENSORS, INT32_MAX, UINT32_MAX, &want, err);
	if (!s)
		s = split_key(part, FOX_KEY_SPLIT_TENSORS, INT32_MAX, want, &tensors, err);
	if (!s && tensors != want)
		s = mismatch(part, FOX_KEY_SPLIT_TENSORS, tensors, want, FOX_E_MISMATCH, err);
	return s;
}

/* What must be the same in all. Other programs name the architecture in the first shard alone. */
static enum fox_status check_alike(
    const struct fox_gguf *first, const struct fox_gguf *part, struct fox_err *err)
{
	static const char key[] = "general.architecture";
	struct fox_str a, b;
	enum fox_status s = FOX_OK;
	if (part->header.big_endian != first->header.big_endian)
		s = fox_fail(err, FOX_E_MISMATCH, 4, "is %s-endian, and the first shard is not",
		    part->header.big_endian ? "big" : "little");
	else if (fox_gguf_find_key(part, key) &&
	         (fox_gguf_str(first, key, &a, NULL) || fox_gguf_str(part, key, &b, NULL) || !fox_str_eq(a, b)))
		s = fox_fail(err, FOX_E_MISMATCH, fox_gguf_find_key(part, key)->at,
		    "'%s' is not that of the first shard", key);
	fox_in_file(err, part->path);
	return s;
}

/* ---- the set */

static enum fox_status open_parts(struct fox_gguf *set, struct fox_str prefix, struct fox_err *err)
{
	struct fox_buf path = {0};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < set->n_parts; i++) {
		if (i) {
			fox_buf_clear(&path);
			fox_shard_path(&path, prefix, (uint32_t)i, (uint32_t)set->n_parts);
			s = path.failed ? fox_fail_nomem(err) : fox_gguf_open(&set->parts[i], path.p, err);
			fox_in(err, "in shard %zu of %zu", i + 1, set->n_parts);
		}
		if (!s)
			s = check_place(set, set->parts[i], (uint32_t)i, err);
		if (!s)
			s = check_alike(set->parts[0], set->parts[i], err);
	}
	fox_buf_free(&path);
	return s;
}

/* All tensors in one list, by name: one that two shards have would be two things to two readers. */
static enum fox_status join_tensors(struct fox_gguf *set, struct fox_err *err)
{
	uint64_t n = 0;
	uint32_t want = 0;
	enum fox_status s = split_key(set->parts[0], FOX_KEY_SPLIT_TENSORS, INT32_MAX, UINT32_MAX, &want, err);
	if (s)
		return s;
	for (size_t i = 0; i < set->n_parts; i++)
		n += set->parts[i]->n_tensors;
	if (n != want)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "%s is %" PRIu32 ", and the shards have %" PRIu64 " tensors", FOX_KEY_SPLIT_TENSORS, want, n);
	if (n > FOX_GGUF_MAX_TENSORS)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "%" PRIu64 " tensors are over the limit of %u", n,
		    FOX_GGUF_MAX_TENSORS);
	set->tensors = fox_arena_alloc(&set->arena, (size_t)n, sizeof *set->tensors);
	if (!set->tensors || !fox_map_init(&set->tensor_map, &set->arena, (size_t)n))
		return fox_fail_nomem(err);
	for (size_t i = 0; i < set->n_parts; i++)
		for (size_t k = 0; k < set->parts[i]->n_tensors; k++) {
			struct fox_tensor *t = &set->tensors[set->n_tensors];
			*t = set->parts[i]->tensors[k];
			t->part = (uint32_t)i;
			uint32_t first = fox_map_put(&set->tensor_map, t->name, (uint32_t)set->n_tensors++);
			if (first == FOX_MAP_NONE)
				continue;
			fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "tensor '%.*s' is in '%s' too", FOX_STR_ARG(t->name),
			    set->parts[set->tensors[first].part]->path);
			return fox_in_file(err, set->parts[i]->path), FOX_E_MISMATCH;
		}
	return FOX_OK;
}

/* Shards that are whole, each for itself, must also be of one set. Damaged and rewritten ones are the verifier's to tell. */
static enum fox_status check_hashes(const struct fox_gguf *set, struct fox_err *err)
{
	const struct fox_gguf *known = NULL, *part;
	size_t whole = 0;
	for (size_t i = 0; i < set->n_parts; i++) {
		part = set->parts[i];
		if (fox_profile_state(part) != FOX_HASH_OK)
			continue;
		whole++;
		if (!known)
			known = part;
		const struct fox_gguf_kv *is = fox_gguf_find_key(part, FOX_KEY_HASH_SET);
		if (!memcmp(is->raw.p, fox_gguf_find_key(known, FOX_KEY_HASH_SET)->raw.p, 16))
			continue;
		fox_fail(err, FOX_E_MISMATCH, is->at, "%s is not that of '%s': shards of two sets", FOX_KEY_HASH_SET,
		    known->path);
		return fox_in_file(err, part->path), FOX_E_MISMATCH;
	}
	if (whole != set->n_parts || fox_profile_state(set) == FOX_HASH_OK)
		return FOX_OK;
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "%s is not the hash of the roots of these %zu shards",
	    FOX_KEY_HASH_SET, set->n_parts);
}

/* Takes first over, whatever happens. */
static enum fox_status open_set(
    struct fox_gguf **out, struct fox_gguf *first, uint32_t count, struct fox_str prefix, struct fox_err *err)
{
	struct fox_gguf *set = calloc(1, sizeof *set);
	if (set)
		set->parts = fox_arena_alloc(&set->arena, count, sizeof(struct fox_gguf *));
	if (!set || !set->parts) {
		fox_gguf_close(set);
		fox_gguf_close(first);
		return fox_fail_nomem(err);
	}
	set->n_parts = count;
	set->parts[0] = first;
	set->header = first->header;
	set->bytes = first->bytes;
	set->path = first->path;
	set->keys = first->keys;
	set->n_keys = first->n_keys;
	set->key_map = first->key_map;
	fox_files_allow(count + SPARE_FILES);
	enum fox_status s = open_parts(set, prefix, err);
	if (!s)
		s = join_tensors(set, err);
	if (!s)
		s = check_hashes(set, err);
	if (s) {
		fox_in_file(err, first->path);
		fox_gguf_close(set);
		return s;
	}
	*out = set;
	return FOX_OK;
}

/* A later shard: say which file is the model. */
static enum fox_status refuse_later(const char *path, uint32_t no, uint32_t count, struct fox_err *err)
{
	struct fox_str prefix;
	struct fox_buf first = {0};
	if (fox_shard_prefix(&prefix, fox_str_of(path), no, count))
		fox_shard_path(&first, prefix, 0, count);
	fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
	    "this is shard %" PRIu32 " of %" PRIu32 ": a set is opened by its first%s%s%s", no + 1, count,
	    first.n && !first.failed ? ", '" : "", first.n && !first.failed ? first.p : "",
	    first.n && !first.failed ? "'" : "");
	fox_buf_free(&first);
	return fox_in_file(err, path), FOX_E_ARG;
}

enum fox_status fox_gguf_open_set(struct fox_gguf **out, const char *path, struct fox_err *err)
{
	struct fox_err own = {0};
	struct fox_gguf *first;
	struct fox_str prefix = {"", 0};
	uint32_t count = 0, no = 0;
	*out = NULL;
	if (!err)
		err = &own;
	enum fox_status s = fox_gguf_open(&first, path, err);
	if (s)
		return s;
	s = split_key(first, FOX_KEY_SPLIT_COUNT, FOX_SHARDS_MAX, 0, &count, err);
	if (!s && count <= 1) {
		*out = first;
		return FOX_OK;
	}
	if (!s)
		s = split_key(first, FOX_KEY_SPLIT_NO, FOX_SHARDS_MAX, UINT32_MAX, &no, err);
	if (!s && no)
		s = refuse_later(path, no, count, err);
	if (!s && !fox_shard_prefix(&prefix, fox_str_of(path), 0, count)) {
		struct fox_buf want = {0};
		fox_shard_path(&want, fox_str_of("NAME"), 0, count);
		s = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "this is the first of %" PRIu32 " shards, but is not called '%s': the others cannot be found",
		    count, want.p ? want.p : "");
		fox_buf_free(&want);
		fox_in_file(err, path);
	}
	if (s) {
		fox_gguf_close(first);
		return s;
	}
	return open_set(out, first, count, prefix, err);
}

size_t fox_gguf_parts(const struct fox_gguf *g)
{
	return g->parts ? g->n_parts : 1;
}

const struct fox_gguf *fox_gguf_part(const struct fox_gguf *g, size_t i)
{
	return g->parts ? g->parts[i] : g;
}

enum fox_status fox_gguf_settled(const struct fox_gguf *g, struct fox_err *err)
{
	for (size_t i = 0; i < fox_gguf_parts(g); i++) {
		const struct fox_gguf *part = fox_gguf_part(g, i);
		if (!fox_gguf_header(part)->interrupted)
			continue;
		fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "a change of keys was interrupted, and the header is half of each: 'fox-convert set --recover' finishes it");
		fox_in_file(err, fox_gguf_path(part));
		return FOX_E_MISMATCH;
	}
	return FOX_OK;
}
