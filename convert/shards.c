/* shards.c - splitting and merging: the plan, then headers, then the data file by file, then all names at once.
 *
 * Refuses sources that are damaged, big-endian or of another profile, outputs that are inputs, and disks that are too full
 * before anything is written.  spec/pack.md, spec/container.md 9 */
#include "convert/shards.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/shard_head.h"
#include "format/base/io.h"
#include "format/base/num.h"
#include "format/gguf_set.h"
#include "format/profile.h"

enum {
	HASH_BYTES = 4 << 20,  /* of a tensor in memory at once, where its hash is computed */
	COPY_BYTES = 64 << 20, /* copied by the kernel between two looks at the signal flag */
	SPARE_FILES = 64
};

struct work {
	const struct fox_shards_options *o;
	struct fox_shards *r;
	struct fox_gguf *g;
	enum fox_hash_state state;
	struct fox_shard_head head;
	struct fox_gguf_writer **w; /* [r->n] */
	uint64_t done_bytes, total_bytes;
	uint8_t *buf; /* HASH_BYTES, where hashes are computed */
};

/* ---- the source */

static enum fox_status check_source(struct work *x, struct fox_err *err)
{
	uint32_t profile = 1;
	if (fox_gguf_header(x->g)->big_endian)
		return fox_fail(err, FOX_E_UNSUPPORTED, 4, "big-endian tensor data is not converted");
	x->state = fox_profile_state(x->g);
	if (x->state == FOX_HASH_DAMAGED)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the header has not the hash that it records: fox-verify tells more");
	if (!fox_gguf_u32(x->g, FOX_KEY_PROFILE, &profile, NULL) && profile != 1)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "version %u of fox's profile is not known here", profile);
	if (x->state == FOX_HASH_FOREIGN)
		fox_note(x->o->note, x->o->note_ctx,
		    "changed by another tool since fox wrote it: its tensors are hashed anew, and not checked");
	x->r->carried = x->state == FOX_HASH_OK;
	for (size_t i = 0; i < fox_gguf_tensors(x->g); i++) {
		x->total_bytes += fox_gguf_tensor(x->g, i)->data.n;
		x->r->carried &= fox_gguf_tensor(x->g, i)->hash != NULL;
	}
	x->r->n_tensors = fox_gguf_tensors(x->g);
	return FOX_OK;
}

static enum fox_status open_source(struct work *x, struct fox_err *err)
{
	enum fox_status s = fox_gguf_open_set(&x->g, x->o->src, err);
	if (!s)
		s = check_source(x, err);
	if (s)
		fox_in_file(err, x->o->src);
	x->head = (struct fox_shard_head){x->g, 0, x->o->note, x->o->note_ctx};
	return s;
}

/* ---- the plan */

static enum fox_status add_shard(struct work *x, size_t *room, size_t first, struct fox_err *err)
{
	struct fox_shards *r = x->r;
	if (r->n == FOX_SHARDS_MAX)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "more than %u shards", FOX_SHARDS_MAX);
	if (r->n == *room) {
		size_t want = *room ? 2 * *room : 16;
		struct fox_shard *list = realloc(r->list, want * sizeof *list);
		if (!list)
			return fox_fail_nomem(err);
		r->list = list;
		*room = want;
	}
	r->list[r->n++] = (struct fox_shard){.first = first};
	return FOX_OK;
}

/* Bytes of a tensor's file beside its data's own: padding, its row of the table, its hash. */
static uint64_t beside(const struct fox_tensor *t, uint32_t align)
{
	return align + 8 + t->name.n + 4 + 8 * (uint64_t)t->n_dims + 4 + 8 + sizeof(struct fox_hash128);
}

/* A file without tensors; with the key of their hashes, and rounding that a first tensor may bring. */
static enum fox_status base_bytes(struct work *x, uint32_t no, uint64_t *out, struct fox_err *err)
{
	struct fox_gguf_writer *w;
	struct fox_shard_head quiet = x->head;
	quiet.count = 1;
	quiet.note = NULL;
	enum fox_status s = fox_shard_declare(&w, &quiet, no, 0, 0, err);
	if (s)
		return s;
	*out = fox_gguf_writer_header_bytes(w) + 8 + strlen(FOX_KEY_HASH_TENSORS) + 4 + 4 + 8 + FOX_DATA_ALIGN +
	       fox_gguf_header(x->g)->alignment;
	fox_gguf_writer_close(w);
	return FOX_OK;
}

/* Tensors in their order, each into the last file as long as that stays within the limits; never none, so that one which is
 * over a limit by itself gets a file for itself. */
static enum fox_status cut(struct work *x, struct fox_err *err)
{
	const struct fox_shards_options *o = x->o;
	size_t room = 0;
	uint64_t base[2], bytes;
	uint32_t align = fox_gguf_header(x->g)->alignment;
	enum fox_status s = base_bytes(x, 0, &base[0], err);
	if (!s)
		s = base_bytes(x, 1, &base[1], err);
	if (!s)
		s = add_shard(x, &room, 0, err);
	bytes = s ? 0 : base[0];
	bool closed = o->first_without;
	for (size_t i = 0; !s && i < x->r->n_tensors; i++) {
		const struct fox_tensor *t = fox_gguf_tensor(x->g, i);
		uint64_t more = t->data.n + beside(t, align);
		struct fox_shard *last = &x->r->list[x->r->n - 1];
		if (closed || (last->n && ((o->max_bytes && bytes + more > o->max_bytes) ||
		                              (o->max_tensors && last->n >= o->max_tensors)))) {
			s = add_shard(x, &room, i, err);
			bytes = base[1];
			closed = false;
		}
		if (!s) {
			x->r->list[x->r->n - 1].n++;
			bytes += more;
		}
	}
	return s;
}

static void tell_large(const struct work *x)
{
	size_t n = 0, first = 0;
	for (size_t i = x->r->n; x->o->max_bytes && i--;)
		if (x->r->list[i].bytes > x->o->max_bytes)
			n++, first = i;
	const struct fox_shard *f = &x->r->list[first];
	if (n && f->n)
		fox_note(x->o->note, x->o->note_ctx,
		    "%zu shard%s than asked for, of one tensor each: shard %zu has %llu bytes, with '%.*s'", n,
		    n == 1 ? " is larger" : "s are larger", first + 1, (unsigned long long)f->bytes,
		    FOX_STR_ARG(fox_gguf_tensor(x->g, f->first)->name));
	else if (n)
		fox_note(x->o->note, x->o->note_ctx,
		    "%zu shard%s than asked for: shard %zu has %llu bytes of keys alone", n,
		    n == 1 ? " is larger" : "s are larger", first + 1, (unsigned long long)f->bytes);
}

/* ---- where it goes */

/* The source's name without what follows the model's: "-00001-of-00003.gguf", ".gguf". */
static struct fox_str stem_of(const struct work *x)
{
	struct fox_str path = fox_str_of(x->o->src), prefix;
	uint32_t count = 0;
	if (!fox_gguf_u32(x->g, FOX_KEY_SPLIT_COUNT, &count, NULL) &&
	    fox_shard_prefix(&prefix, path, 0, count ? count : 1))
		return prefix;
	if (path.n > 5 && fox_str_ends(path, ".gguf"))
		path.n -= 5;
	return path;
}

/* What comes before "-00001-of-..." or ".gguf". */
static enum fox_status find_prefix(const struct work *x, struct fox_buf *b, struct fox_err *err)
{
	struct fox_str stem = stem_of(x), out = fox_str_of(x->o->out ? x->o->out : "");
	if (x->o->out && !out.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the output's name is empty");
	if (fox_str_is(out, "-"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "containers are not written to standard output");
	if (out.n > 5 && fox_str_ends(out, ".gguf"))
		out.n -= 5;
	fox_buf_add(b, out.p, out.n);
	if (!out.n || out.p[out.n - 1] == '/') {
		size_t from = stem.n;
		while (out.n && from && stem.p[from - 1] != '/')
			from--;
		from = out.n ? from : 0;
		fox_buf_add(b, stem.p + from, stem.n - from);
	}
	return b->failed ? fox_fail_nomem(err) : FOX_OK;
}

static enum fox_status find_paths(struct work *x, struct fox_err *err)
{
	struct fox_buf prefix = {0};
	enum fox_status s = FOX_OK;
	if (!x->head.count && x->o->out && !fox_str_ends(fox_str_of(x->o->out), "/") && strcmp(x->o->out, "-"))
		fox_buf_str(&x->r->list[0].path, x->o->out); /* merged, under whatever name */
	else
		s = find_prefix(x, &prefix, err);
	for (size_t i = 0; !s && prefix.n && i < x->r->n; i++) {
		struct fox_buf *path = &x->r->list[i].path;
		if (x->head.count)
			fox_shard_path(path, fox_buf_view(&prefix), (uint32_t)i, x->head.count);
		else
			fox_buf_fmt(path, "%s.gguf", prefix.p);
		if (path->failed)
			s = fox_fail_nomem(err);
	}
	fox_buf_free(&prefix);
	return s;
}

/* ---- the data */

static enum fox_status create(struct work *x, size_t i, struct fox_err *err)
{
	const char *path = x->r->list[i].path.p;
	enum fox_status s = fox_gguf_create(x->w[i], path, x->o->replace, err);
	for (size_t k = 0; !s && k < fox_gguf_parts(x->g); k++)
		if (fox_out_is_input(fox_gguf_writer_out(x->w[i]), fox_gguf_file(fox_gguf_part(x->g, k))))
			s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is an input", path);
	return s;
}

static enum fox_status told(struct work *x, uint64_t bytes, struct fox_err *err)
{
	x->done_bytes += bytes;
	if (x->o->progress)
		x->o->progress(x->o->progress_ctx, x->done_bytes, x->total_bytes);
	return fox_cancelled(err);
}

/* Its bytes go from file to file; its hash is the one that the source's header proves. */
static enum fox_status carry(struct work *x, struct fox_gguf_writer *w, size_t to, const struct fox_tensor *t,
    const struct fox_file *f, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (uint64_t at = 0; !s && at < t->data.n; at += COPY_BYTES) {
		uint64_t n = t->data.n - at < COPY_BYTES ? t->data.n - at : COPY_BYTES;
		s = fox_gguf_copy_data(w, to, at, f, t->at + at, n, err);
		if (!s)
			s = told(x, n, err);
	}
	if (!s)
		fox_gguf_set_hash(w, to, *t->hash);
	return s;
}

/* Its bytes pass through, and give the hash. */
static enum fox_status hash_on_the_way(struct work *x, struct fox_gguf_writer *w, size_t to,
    const struct fox_tensor *t, const struct fox_file *f, struct fox_err *err)
{
	struct fox_xxh3_state *sum = fox_xxh3_open();
	enum fox_status s = sum ? FOX_OK : fox_fail_nomem(err);
	for (uint64_t at = 0; !s && at < t->data.n; at += HASH_BYTES) {
		size_t n = t->data.n - at < HASH_BYTES ? (size_t)(t->data.n - at) : HASH_BYTES;
		s = fox_file_read(f, t->at + at, x->buf, n, err);
		if (s)
			break;
		fox_xxh3_add(sum, x->buf, n);
		s = fox_gguf_write_data(w, to, at, x->buf, n, err);
		if (!s)
			s = told(x, n, err);
	}
	if (!s)
		fox_gguf_set_hash(w, to, fox_xxh3_final(sum));
	fox_xxh3_close(sum);
	return s;
}

static enum fox_status move_data(struct work *x, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	x->buf = x->r->carried ? NULL : malloc(HASH_BYTES);
	if (!x->r->carried && !x->buf)
		return fox_fail_nomem(err);
	for (size_t i = 0; !s && i < x->r->n; i++)
		for (size_t k = 0; !s && k < x->r->list[i].n; k++) {
			const struct fox_tensor *t = fox_gguf_tensor(x->g, x->r->list[i].first + k);
			const struct fox_file *f = fox_gguf_file(fox_gguf_part(x->g, t->part));
			s = x->r->carried ? carry(x, x->w[i], k, t, f, err) : hash_on_the_way(x, x->w[i], k, t, f, err);
		}
	for (size_t i = 0; !s && i < fox_gguf_parts(x->g); i++)
		s = fox_file_unchanged(fox_gguf_file(fox_gguf_part(x->g, i)), err);
	free(x->buf);
	return s;
}

static enum fox_status check_space(const struct work *x, struct fox_err *err)
{
	if (x->r->disk_free >= x->r->bytes)
		return FOX_OK;
	return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no space for '%s': %llu bytes needed, %llu free",
	    x->r->list[0].path.p, (unsigned long long)x->r->bytes, (unsigned long long)x->r->disk_free);
}

static void take_id(struct work *x)
{
	struct fox_xxh3_state *roots = x->r->n > 1 ? fox_xxh3_open() : NULL;
	x->r->id = fox_gguf_writer_root(x->w[0]);
	for (size_t i = 0; roots && i < x->r->n; i++)
		fox_xxh3_add(roots, fox_gguf_writer_root(x->w[i]).b, sizeof x->r->id.b);
	if (roots)
		x->r->id = fox_xxh3_final(roots);
	fox_xxh3_close(roots);
}

static enum fox_status write_all(struct work *x, struct fox_err *err)
{
	enum fox_status s = check_space(x, err);
	fox_files_allow(2 * (uint64_t)x->r->n + fox_gguf_parts(x->g) + SPARE_FILES);
	for (size_t i = 0; !s && i < x->r->n; i++)
		s = create(x, i, err);
	if (!s)
		s = move_data(x, err);
	if (!s)
		s = fox_gguf_finish_set(x->w, x->r->n, err);
	if (!s)
		take_id(x);
	return s;
}

/* ---- the run */

static enum fox_status build(struct work *x, struct fox_err *err)
{
	x->w = calloc(x->r->n, sizeof(struct fox_gguf_writer *));
	enum fox_status s = x->w ? FOX_OK : fox_fail_nomem(err);
	for (size_t i = 0; !s && i < x->r->n; i++) {
		struct fox_shard *f = &x->r->list[i];
		s = fox_shard_declare(&x->w[i], &x->head, (uint32_t)i, f->first, f->n, err);
		if (s)
			fox_in_file(err, x->o->src);
		else
			f->bytes = fox_gguf_writer_bytes(x->w[i]);
		x->r->bytes += f->bytes;
	}
	return s;
}

/* What is planned is known: make it so. */
static enum fox_status carry_out(struct work *x, struct fox_err *err)
{
	enum fox_status s = find_paths(x, err);
	if (!s)
		s = build(x, err);
	if (s)
		return s;
	tell_large(x);
	fox_shard_tell_lost(&x->head);
	x->r->disk_free = fox_disk_free(x->r->list[0].path.p);
	return x->o->dry_run ? FOX_OK : write_all(x, err);
}

static enum fox_status end(struct work *x, enum fox_status s)
{
	for (size_t i = 0; x->w && i < x->r->n; i++)
		fox_gguf_writer_close(x->w[i]);
	free(x->w);
	fox_gguf_close(x->g);
	return s;
}

enum fox_status fox_shards_split(
    const struct fox_shards_options *o, struct fox_shards *out, struct fox_err *err)
{
	struct work x = {.o = o, .r = out};
	if (!o->max_bytes && !o->max_tensors && !o->first_without)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "nothing says where to cut: give '--max-size', '--max-tensors' or '--no-tensor-first-split'");
	enum fox_status s = open_source(&x, err);
	if (!s)
		s = cut(&x, err);
	if (!s) {
		x.head.count = (uint32_t)out->n;
		s = carry_out(&x, err);
	}
	return end(&x, s);
}

enum fox_status fox_shards_merge(
    const struct fox_shards_options *o, struct fox_shards *out, struct fox_err *err)
{
	struct work x = {.o = o, .r = out};
	uint32_t count = 0;
	size_t room = 0;
	enum fox_status s = open_source(&x, err);
	if (!s && (fox_gguf_u32(x.g, FOX_KEY_SPLIT_COUNT, &count, NULL) || !count)) {
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "this is a whole model, not a shard of one");
		fox_in_file(err, o->src);
	}
	if (!s)
		s = add_shard(&x, &room, 0, err);
	if (!s) {
		out->list[0].n = out->n_tensors;
		s = carry_out(&x, err);
	}
	return end(&x, s);
}

void fox_shards_free(struct fox_shards *s)
{
	for (size_t i = 0; i < s->n; i++)
		fox_buf_free(&s->list[i].path);
	free(s->list);
	*s = (struct fox_shards){0};
}

enum fox_status fox_shards_merged_root(
    const struct fox_gguf *g, struct fox_hash128 *root, struct fox_err *err)
{
	const struct fox_shard_head head = {.g = g};
	struct fox_gguf_writer *w;
	size_t n = fox_gguf_tensors(g);
	enum fox_status s = fox_shard_declare(&w, &head, 0, 0, n, err);
	if (s)
		return s;
	for (size_t i = 0; i < n && fox_gguf_tensor(g, i)->hash; i++)
		fox_gguf_set_hash(w, i, *fox_gguf_tensor(g, i)->hash);
	s = fox_gguf_writer_foresee(w, root, err);
	fox_gguf_writer_close(w);
	return s;
}
