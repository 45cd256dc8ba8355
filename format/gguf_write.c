/* gguf_write.c - writing a container: freeze the layout, write data at positions, finish.
 *
 * The whole header lives in memory, twice at most for a moment; tensor data passes through.
 * spec/container.md sections 1, 4 and 5 */
#include <inttypes.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/gguf_set.h"
#include "format/gguf_writer.h"
#include "format/profile.h"

enum fox_status fox_gguf_writer_open(struct fox_gguf_writer **out, struct fox_err *err)
{
	*out = calloc(1, sizeof **out);
	if (!*out)
		return fox_fail_nomem(err);
	(*out)->align = FOX_GGUF_ALIGN;
	return FOX_OK;
}

void fox_gguf_writer_close(struct fox_gguf_writer *w)
{
	if (!w)
		return;
	fox_out_abort(w->out);
	fox_buf_free(&w->plain);
	fox_buf_free(&w->fox);
	fox_buf_free(&w->head);
	free(w->puts);
	free(w->tensors);
	fox_arena_free(&w->arena);
	free(w);
}

/* Offsets within the data section, and its size. */
static enum fox_status place_tensors(struct fox_gguf_writer *w, struct fox_err *err)
{
	uint64_t at = 0;
	for (size_t i = 0; i < w->n_tensors; i++) {
		struct fox_put_tensor *t = &w->tensors[i];
		t->at = at;
		if (!fox_add(&at, at, t->bytes) || !fox_align_up(&at, at, w->align) || at > INT64_MAX / 2)
			return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
			    "end of the data does not fit 62 bits, in tensor '%.*s'", FOX_STR_ARG(t->name));
	}
	w->data_bytes = at;
	return FOX_OK;
}

static void add_zeros(struct fox_buf *b, uint64_t n)
{
	static const uint8_t zeros[4096];
	for (; n > sizeof zeros; n -= sizeof zeros)
		fox_buf_add(b, zeros, sizeof zeros);
	fox_buf_add(b, zeros, n);
}

/* An array key of the writer's own; returns the offset of its elements in head. */
static size_t add_own(struct fox_buf *b, const char *key, enum fox_gguf_type item, uint64_t n)
{
	fox_writer_str(b, fox_str_of(key));
	fox_writer_u32(b, FOX_GGUF_ARR);
	fox_writer_u32(b, item);
	fox_writer_u64(b, n);
	size_t at = b->n;
	add_zeros(b, n * fox_gguf_type_bytes(item));
	return at;
}

static uint64_t table_bytes(const struct fox_gguf_writer *w)
{
	uint64_t n = 0;
	for (size_t i = 0; i < w->n_tensors; i++)
		n += 8 + w->tensors[i].name.n + 4 + 8 * (uint64_t)w->tensors[i].n_dims + 4 + 8;
	return n;
}

static void add_table(struct fox_gguf_writer *w)
{
	for (size_t i = 0; i < w->n_tensors; i++) {
		const struct fox_put_tensor *t = &w->tensors[i];
		fox_writer_str(&w->head, t->name);
		fox_writer_u32(&w->head, t->n_dims);
		for (uint32_t d = 0; d < t->n_dims; d++)
			fox_writer_u64(&w->head, t->dim[d]);
		fox_writer_u32(&w->head, t->type);
		fox_writer_u64(&w->head, t->at);
	}
}

/* The bytes of the header, all but the hashes, which are 0. fox.pad makes it end where the data section
 * begins. */
static enum fox_status build_head(struct fox_gguf_writer *w, struct fox_err *err)
{
	struct fox_buf *h = &w->head;
	/* gguf-py refuses to copy empty arrays, so a file without tensors has no fox.hash.tensors */
	uint64_t n_keys = w->n_puts + FOX_WRITER_OWN_KEYS - !w->n_tensors;
	fox_buf_clear(h); /* of a freeze that failed */
	fox_buf_add(h, "GGUF", 4);
	fox_writer_u32(h, 3);
	fox_writer_u64(h, w->n_tensors);
	fox_writer_u64(h, n_keys);
	fox_buf_add(h, w->plain.p, w->plain.n);
	w->fox_base = h->n;
	fox_buf_add(h, w->fox.p, w->fox.n);
	size_t layout_at = add_own(h, FOX_KEY_HASH_LAYOUT, FOX_GGUF_U64, 4);
	w->root_at = add_own(h, FOX_KEY_HASH_ROOT, FOX_GGUF_U8, 16);
	w->set_at = add_own(h, FOX_KEY_HASH_SET, FOX_GGUF_U8, 16);
	if (w->n_tensors)
		w->hashes_at = add_own(h, FOX_KEY_HASH_TENSORS, FOX_GGUF_U8, 16 * (uint64_t)w->n_tensors);
	uint64_t step = w->align > FOX_DATA_ALIGN ? w->align : FOX_DATA_ALIGN, data_at;
	uint64_t least = h->n + 8 + strlen(FOX_KEY_PAD) + 4 + 4 + 8 + FOX_PAD_MIN + table_bytes(w);
	if (!fox_align_up(&data_at, least, step))
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "header is too large");
	add_own(h, FOX_KEY_PAD, FOX_GGUF_U8, FOX_PAD_MIN + (data_at - least));
	add_table(w);
	if (h->failed)
		return fox_fail_nomem(err);
	const uint64_t layout[4] = {n_keys, w->n_tensors, data_at, data_at + w->data_bytes};
	for (size_t i = 0; i < FOX_COUNT(layout); i++)
		fox_store64(h->p + layout_at + 8 * i, layout[i]);
	return FOX_OK;
}

enum fox_status fox_gguf_freeze(struct fox_gguf_writer *w, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_DECLARING)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "layout is frozen already");
	enum fox_status st = FOX_OK;
	if (fox_map_find(&w->keys.map, fox_str_of(FOX_KEY_PROFILE)) == FOX_MAP_NONE)
		st = fox_gguf_put_u32(w, FOX_KEY_PROFILE, 1, err);
	if (!st && fox_map_find(&w->keys.map, fox_str_of(FOX_KEY_VERSION)) == FOX_MAP_NONE)
		st = fox_gguf_put_str(w, FOX_KEY_VERSION, fox_str_of(FOX_VERSION), err);
	if (!st)
		st = place_tensors(w, err);
	if (!st)
		st = build_head(w, err);
	if (st)
		return st;
	for (size_t i = 0; i < w->n_tensors; i++)
		w->tensors[i].at += w->head.n;
	fox_buf_free(&w->plain);
	fox_buf_free(&w->fox);
	w->stage = FOX_WRITER_FROZEN;
	return FOX_OK;
}

uint64_t fox_gguf_writer_bytes(const struct fox_gguf_writer *w)
{
	return w->head.n + w->data_bytes;
}

uint64_t fox_gguf_writer_header_bytes(const struct fox_gguf_writer *w)
{
	return w->head.n;
}

uint64_t fox_gguf_writer_tensor_at(const struct fox_gguf_writer *w, size_t tensor)
{
	return w->tensors[tensor].at;
}

uint64_t fox_gguf_writer_tensor_bytes(const struct fox_gguf_writer *w, size_t tensor)
{
	return w->tensors[tensor].bytes;
}

static enum fox_status create(
    struct fox_gguf_writer *w, const char *path, bool replace, bool *had, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_FROZEN)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "file is created once, after the layout is frozen");
	enum fox_status st =
	    had ? fox_out_open_part(&w->out, path, replace, had, err) : fox_out_open(&w->out, path, replace, err);
	if (!st)
		st = fox_out_reserve(w->out, fox_gguf_writer_bytes(w), err);
	if (st) {
		fox_out_abort(w->out);
		w->out = NULL;
		return st;
	}
	w->stage = FOX_WRITER_CREATED;
	return FOX_OK;
}

enum fox_status fox_gguf_create(
    struct fox_gguf_writer *w, const char *path, bool replace, struct fox_err *err)
{
	return create(w, path, replace, NULL, err);
}

enum fox_status fox_gguf_create_part(
    struct fox_gguf_writer *w, const char *path, bool replace, bool *had, struct fox_err *err)
{
	return create(w, path, replace, had, err);
}

void fox_gguf_adopt(struct fox_gguf_writer *w, size_t tensor, struct fox_hash128 hash)
{
	struct fox_put_tensor *t = &w->tensors[tensor];
	atomic_store_explicit(&t->written, t->bytes, memory_order_relaxed);
	fox_gguf_set_hash(w, tensor, hash);
}

struct fox_span fox_gguf_writer_head(const struct fox_gguf_writer *w)
{
	return (struct fox_span){(const uint8_t *)w->head.p, w->head.n};
}

struct fox_out *fox_gguf_writer_out(struct fox_gguf_writer *w)
{
	return w->out;
}

/* n bytes at `at` of a tensor: may they be written? */
static enum fox_status check_range(
    const struct fox_gguf_writer *w, size_t tensor, uint64_t at, uint64_t n, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_CREATED || tensor >= w->n_tensors)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no tensor %zu to write to", tensor);
	const struct fox_put_tensor *t = &w->tensors[tensor];
	if (at > t->bytes || n > t->bytes - at)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE,
		    "bytes %" PRIu64 " to %" PRIu64 " lie outside the %" PRIu64 " of tensor '%.*s'", at, at + n,
		    t->bytes, FOX_STR_ARG(t->name));
	return FOX_OK;
}

enum fox_status fox_gguf_write_data(
    struct fox_gguf_writer *w, size_t tensor, uint64_t at, const void *p, size_t n, struct fox_err *err)
{
	enum fox_status st = check_range(w, tensor, at, n, err);
	if (!st)
		st = fox_out_write(w->out, w->tensors[tensor].at + at, p, n, err);
	if (!st)
		atomic_fetch_add_explicit(&w->tensors[tensor].written, n, memory_order_relaxed);
	return st;
}

enum fox_status fox_gguf_copy_data(struct fox_gguf_writer *w, size_t tensor, uint64_t at,
    const struct fox_file *from, uint64_t from_at, uint64_t n, struct fox_err *err)
{
	enum fox_status st = check_range(w, tensor, at, n, err);
	if (!st)
		st = fox_out_copy(w->out, w->tensors[tensor].at + at, from, from_at, n, err);
	if (!st)
		atomic_fetch_add_explicit(&w->tensors[tensor].written, n, memory_order_relaxed);
	return st;
}

void fox_gguf_set_hash(struct fox_gguf_writer *w, size_t tensor, struct fox_hash128 hash)
{
	w->tensors[tensor].hash = hash;
	w->tensors[tensor].hashed = true;
}

/* Every tensor whole and hashed? */
static enum fox_status check_whole(struct fox_gguf_writer *w, struct fox_err *err)
{
	for (size_t i = 0; i < w->n_tensors; i++) {
		struct fox_put_tensor *t = &w->tensors[i];
		uint64_t written = atomic_load_explicit(&t->written, memory_order_relaxed);
		if (!t->hashed)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor '%.*s' has no hash", FOX_STR_ARG(t->name));
		if (written < t->bytes)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "%" PRIu64 " of %" PRIu64 " bytes are written of tensor '%.*s'", written, t->bytes,
			    FOX_STR_ARG(t->name));
	}
	return FOX_OK;
}

static enum fox_status write_padding(struct fox_gguf_writer *w, struct fox_err *err)
{
	static const uint8_t zeros[FOX_GGUF_MAX_ALIGN];
	for (size_t i = 0; i < w->n_tensors; i++) {
		uint64_t end = w->tensors[i].at + w->tensors[i].bytes;
		uint64_t next = i + 1 < w->n_tensors ? w->tensors[i + 1].at : fox_gguf_writer_bytes(w);
		enum fox_status st = next > end ? fox_out_write(w->out, end, zeros, next - end, err) : FOX_OK;
		if (st)
			return st;
	}
	return FOX_OK;
}

/* A container that cannot be read back must not take the place of one that can. */
static enum fox_status read_back(struct fox_gguf_writer *w, struct fox_err *err)
{
	struct fox_map_file m;
	struct fox_gguf *g = NULL;
	enum fox_status st = fox_out_map(&m, w->out, err);
	if (!st)
		st = fox_gguf_open_bytes(&g, m.bytes, fox_out_path(w->out), err);
	fox_gguf_close(g);
	fox_map_close(&m);
	return st;
}

struct fox_hash128 fox_gguf_writer_root(const struct fox_gguf_writer *w)
{
	struct fox_hash128 root = {{0}};
	if (w->stage == FOX_WRITER_FINISHED)
		memcpy(root.b, w->head.p + w->root_at, sizeof root.b);
	return root;
}

/* The tensors' hashes into the header, and the root that they give: root and set in it are 0. */
static struct fox_hash128 take_root(struct fox_gguf_writer *w)
{
	char *h = w->head.p;
	for (size_t i = 0; i < w->n_tensors; i++)
		memcpy(h + w->hashes_at + 16 * i, w->tensors[i].hash.b, 16);
	return fox_xxh3(h, w->head.n);
}

enum fox_status fox_gguf_writer_foresee(
    struct fox_gguf_writer *w, struct fox_hash128 *root, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_FROZEN && w->stage != FOX_WRITER_CREATED)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no frozen layout to hash");
	for (size_t i = 0; i < w->n_tensors; i++)
		if (!w->tensors[i].hashed)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "tensor '%.*s' has no hash",
			    FOX_STR_ARG(w->tensors[i].name));
	*root = take_root(w);
	return FOX_OK;
}

/* All data is there: padding, and the root into the header. */
static enum fox_status seal(struct fox_gguf_writer *w, struct fox_xxh3_state *roots, struct fox_err *err)
{
	if (w->stage != FOX_WRITER_CREATED)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no file to finish");
	enum fox_status st = check_whole(w, err);
	if (!st)
		st = write_padding(w, err);
	if (st)
		return st;
	struct fox_hash128 root = take_root(w);
	memcpy(w->head.p + w->root_at, root.b, sizeof root.b);
	fox_xxh3_add(roots, root.b, sizeof root.b);
	return FOX_OK;
}

static enum fox_status write_head(
    struct fox_gguf_writer *w, const struct fox_hash128 *set, struct fox_err *err)
{
	memcpy(w->head.p + w->set_at, set->b, sizeof set->b);
	w->stage = FOX_WRITER_FINISHED;
	enum fox_status st = fox_out_write(w->out, 0, w->head.p, w->head.n, err);
	return st ? st : read_back(w, err);
}

static enum fox_status commit(struct fox_gguf_writer *const *w, size_t n, struct fox_err *err)
{
	struct fox_out **outs = calloc(n, sizeof(struct fox_out *));
	if (!outs)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		outs[i] = w[i]->out;
		w[i]->out = NULL;
	}
	enum fox_status st = fox_out_commit_all(outs, n, err);
	free(outs);
	return st;
}

enum fox_status fox_gguf_finish_set(struct fox_gguf_writer *const *w, size_t n, struct fox_err *err)
{
	struct fox_xxh3_state *roots = fox_xxh3_open();
	enum fox_status st = roots ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !st && i < n; i++)
		st = seal(w[i], roots, err);
	struct fox_hash128 set = {{0}};
	if (!st)
		set = fox_xxh3_final(roots);
	fox_xxh3_close(roots);
	for (size_t i = 0; !st && i < n; i++)
		st = write_head(w[i], &set, err);
	return st ? st : commit(w, n, err); /* closing the writers aborts */
}

enum fox_status fox_gguf_finish(struct fox_gguf_writer *w, struct fox_err *err)
{
	return fox_gguf_finish_set(&w, 1, err);
}
