/* shard_head.c - which keys go to which file of a model; spec/container.md 9. */
#include "convert/shard_head.h"

#include "format/base/arena.h"
#include "format/base/str.h"
#include "format/gguf_set.h"
#include "format/profile.h"

enum { LEAST_ALIGN = 8 }; /* that the writer, and GGUF, admit */

/* Keys about the file they stand in, which the new one has of its own. */
static bool is_own(struct fox_str key)
{
	return fox_str_starts(key, "fox.hash.") || fox_str_is(key, FOX_KEY_PAD) || fox_str_starts(key, "split.");
}

/* Keys that every shard has: they are about the file and the model both. */
static bool is_common(struct fox_str key)
{
	return fox_str_is(key, "general.architecture") || fox_str_is(key, "general.alignment") ||
	       fox_str_is(key, FOX_KEY_PROFILE) || fox_str_is(key, FOX_KEY_VERSION);
}

static enum fox_status put_keys(
    struct fox_gguf_writer *w, const struct fox_shard_head *h, uint32_t no, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	uint32_t align = fox_gguf_header(h->g)->alignment;
	for (size_t i = 0; !s && i < fox_gguf_keys(h->g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(h->g, i);
		if (is_own(kv->key) || (no && !is_common(kv->key)))
			continue;
		if (fox_str_is(kv->key, "general.alignment") && align < LEAST_ALIGN) {
			if (!no)
				fox_note(h->note, h->note_ctx, "alignment %u of the source is below GGUF's least: %u instead",
				    align, FOX_GGUF_ALIGN);
			continue;
		}
		s = fox_gguf_put_copy(w, h->g, kv, err);
	}
	if (!s && h->count)
		s = fox_gguf_put_split(w, no, h->count, (uint32_t)fox_gguf_tensors(h->g), err);
	return s;
}

enum fox_status fox_shard_declare(struct fox_gguf_writer **out, const struct fox_shard_head *h, uint32_t no,
    size_t first, size_t n, struct fox_err *err)
{
	enum fox_status s = fox_gguf_writer_open(out, err);
	if (!s)
		s = put_keys(*out, h, no, err);
	for (size_t i = first; !s && i < first + n; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(h->g, i);
		s = fox_gguf_put_tensor(*out, t->name, t->type, t->n_dims, t->dim, err);
	}
	if (!s)
		s = fox_gguf_freeze(*out, err);
	if (s) {
		fox_gguf_writer_close(*out);
		*out = NULL;
	}
	return s;
}

static bool is_lost(const struct fox_gguf *first, const struct fox_gguf_kv *kv, struct fox_arena *arena)
{
	if (is_own(kv->key) || is_common(kv->key))
		return false;
	const char *name = fox_arena_strdup(arena, kv->key);
	const struct fox_gguf_kv *is = name ? fox_gguf_find_key(first, name) : NULL;
	return !is || is->type != kv->type || is->item != kv->item || is->raw.n != kv->raw.n ||
	       memcmp(is->raw.p, kv->raw.p, kv->raw.n);
}

void fox_shard_tell_lost(const struct fox_shard_head *h)
{
	struct fox_arena arena = {0};
	const struct fox_gguf_kv *one = NULL;
	size_t n = 0, in = 0;
	for (size_t i = 1; i < fox_gguf_parts(h->g); i++) {
		const struct fox_gguf *part = fox_gguf_part(h->g, i);
		for (size_t k = 0; k < fox_gguf_keys(part); k++)
			if (is_lost(h->g, fox_gguf_key(part, k), &arena)) {
				in = n++ ? in : i;
				one = one ? one : fox_gguf_key(part, k);
			}
	}
	if (one)
		fox_note(h->note, h->note_ctx,
		    "%zu key%s of later shards %s not the first shard's, and %s left out: '%.*s' in '%s'%s", n,
		    n == 1 ? "" : "s", n == 1 ? "is" : "are", n == 1 ? "is" : "are", FOX_STR_ARG(one->key),
		    fox_gguf_path(fox_gguf_part(h->g, in)), n == 1 ? "" : "...");
	fox_arena_free(&arena);
}
