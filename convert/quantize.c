/* quantize.c - the order of things: source, plan, headers, then the data. */
#include "convert/quantize.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "convert/keys.h"
#include "convert/shards.h"
#include "format/gguf_set.h"
#include "format/profile.h"

struct work {
	const struct fox_quantize_options *o;
	struct fox_outcome *r;
	struct fox_arena arena;
	struct fox_gguf *g; /* headers by its map, data by its files: pages that pass through would count as memory */
	const struct fox_file **files; /* of g, [n_files] */
	size_t n_files;
	enum fox_hash_state state;
	char source[FOX_HASH128_HEX + 1]; /* the source's root hash; empty where it has none */
	struct fox_mixtures mixtures;
	struct fox_job job;
};

/* ---- the source */

static enum fox_status check_source(struct work *q, struct fox_err *err)
{
	struct fox_hash128 root;
	if (fox_gguf_header(q->g)->big_endian)
		return fox_fail(err, FOX_E_UNSUPPORTED, 4, "big-endian tensor data is not converted");
	q->state = fox_profile_state(q->g);
	if (q->state == FOX_HASH_DAMAGED)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "the header has not the hash that it records: fox-verify tells more");
	if (q->state == FOX_HASH_FOREIGN)
		fox_note(q->o->note, q->o->note_ctx,
		    "changed by another tool since fox wrote it: the hashes of its tensors are not checked");
	if (q->state != FOX_HASH_OK)
		return FOX_OK;
	/* a set gives the files that the container merged from it does, to the last byte */
	enum fox_status s = q->n_files > 1 ? fox_shards_merged_root(q->g, &root, err) : fox_profile_root(q->g, &root, err);
	if (!s)
		fox_hex(q->source, root.b, sizeof root.b);
	return s;
}

static enum fox_status open_source(struct work *q, struct fox_err *err)
{
	enum fox_status s = fox_gguf_open_set(&q->g, q->o->src, err);
	if (!s) {
		q->n_files = fox_gguf_parts(q->g);
		q->files = fox_arena_alloc(&q->arena, q->n_files, sizeof(struct fox_file *));
		s = q->files ? FOX_OK : fox_fail_nomem(err);
	}
	for (size_t i = 0; !s && i < q->n_files; i++)
		q->files[i] = fox_gguf_file(fox_gguf_part(q->g, i));
	if (!s)
		s = check_source(q, err);
	if (!s)
		s = fox_job_plan_gguf(&q->job, q->g, q->state == FOX_HASH_OK, &q->arena, err);
	if (s)
		fox_in_file(err, q->o->src);
	return s;
}

/* ---- the plan */

static enum fox_status plan(struct work *q, struct fox_err *err)
{
	struct fox_recipe_model model;
	fox_recipe_model_gguf(&model, q->g);
	enum fox_status s =
	    fox_mixtures_choose(&q->mixtures, &q->job, &model, q->o->note, q->o->note_ctx, &q->arena, err);
	if (s)
		fox_in_file(err, q->o->src);
	if (!s)
		s = fox_outputs_init(&q->r->outs, q->job.n_targets, err);
	for (size_t i = 0; !s && i < q->job.n_targets; i++) {
		snprintf(q->r->outs.list[i].type, sizeof q->r->outs.list[i].type, "%s", q->job.targets[i].name);
		q->job.targets[i].plain_errors = true;
	}
	q->r->n_tensors = q->job.n_out;
	q->r->n_params = q->job.n_params;
	q->r->src_bytes = q->job.src_bytes;
	return s;
}

/* ---- where it goes */

/* The bytes at the end of a name that say a type, with what stands before them: "-BF16"; 0: none. */
static size_t type_at_end(struct fox_str name)
{
	size_t most = 0;
	for (size_t i = 0; i < fox_ftypes(); i++) {
		struct fox_str type = fox_str_of(fox_ftype_at(i)->name);
		if (name.n < type.n + 2 || type.n < most || !strchr("-._", name.p[name.n - type.n - 1]))
			continue;
		size_t k = 0;
		while (k < type.n && toupper((unsigned char)name.p[name.n - type.n + k]) == type.p[k])
			k++;
		if (k == type.n)
			most = type.n + 1;
	}
	return most;
}

/* "dir/Model-BF16.gguf" or "dir/Model-BF16-00001-of-00002.gguf" -> "Model-Q4_K_M.gguf": small letters where the old type had them. */
static void add_name(struct fox_buf *b, const struct work *q, const char *type)
{
	const char *src = q->o->src, *slash = strrchr(src, '/');
	struct fox_str stem = fox_str_of(slash ? slash + 1 : src);
	if (q->n_files > 1)
		fox_shard_prefix(&stem, stem, 0, (uint32_t)q->n_files);
	else if (fox_str_ends(stem, ".gguf"))
		stem.n -= strlen(".gguf");
	size_t old = type_at_end(stem), small = 0;
	for (size_t i = stem.n - old; i < stem.n; i++)
		small += stem.p[i] >= 'a' && stem.p[i] <= 'z';
	fox_buf_add(b, stem.p, stem.n - old);
	fox_buf_char(b, old ? stem.p[stem.n - old] : '-');
	for (; *type; type++)
		fox_buf_char(b, small ? *type : (char)toupper((unsigned char)*type));
	fox_buf_str(b, ".gguf");
}

static enum fox_status find_paths(struct work *q, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < q->r->outs.n; i++) {
		struct fox_output *o = &q->r->outs.list[i];
		bool nameless;
		s = fox_output_expand(o, q->o->out, &nameless, err);
		if (!s && nameless)
			add_name(&o->path, q, o->type);
		if (!s && o->path.failed)
			s = fox_fail_nomem(err);
	}
	return s ? s : fox_outputs_distinct(&q->r->outs, err);
}

/* ---- the header */

static bool begins(struct fox_str s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && !memcmp(s.p, with, n);
}

/* Keys of the source that the new file has its own of, or that are about the old one alone. */
static bool is_dropped(const struct work *q, struct fox_str key)
{
	static const char *const own[] = {
	    "fox.hash.", FOX_KEY_PAD, FOX_KEY_PROFILE, FOX_KEY_VERSION, "fox.quantize.", "split."};
	for (size_t i = 0; i < FOX_COUNT(own); i++)
		if (begins(key, own[i]))
			return true;
	return q->mixtures.imatrix && (begins(key, "quantize.imatrix.") || begins(key, "fox.imatrix."));
}

static enum fox_status put_type(struct fox_gguf_writer *w, const char *key, uint32_t v, struct fox_err *err)
{
	return fox_gguf_put_u32(w, key, v, err);
}

/* Those that name the type are set where they stood, or at the end. */
static enum fox_status copy_keys(
    struct work *q, struct fox_gguf_writer *w, const struct fox_ftype *type, struct fox_err *err)
{
	const char *const version = "general.quantization_version", *const file_type = "general.file_type";
	bool keep = type->how & FOX_FTYPE_COPY;
	enum fox_status s = FOX_OK;
	uint32_t align = 0;
	for (size_t i = 0; !s && i < fox_gguf_keys(q->g); i++) {
		const struct fox_gguf_kv *kv = fox_gguf_key(q->g, i);
		if (is_dropped(q, kv->key))
			continue;
		if (!keep && fox_str_is(kv->key, version))
			s = put_type(w, version, FOX_QUANTIZATION_VERSION, err);
		else if (!keep && fox_str_is(kv->key, file_type))
			s = put_type(w, file_type, type->id, err);
		else if (fox_str_is(kv->key, "general.alignment") &&
		         !fox_gguf_u32(q->g, "general.alignment", &align, NULL) && align < 8)
			fox_note(q->o->note, q->o->note_ctx,
			    "alignment %u of the source is below GGUF's least: %u instead", align, FOX_GGUF_ALIGN);
		else
			s = fox_gguf_put_copy(w, q->g, kv, err);
	}
	if (!s && !keep && !fox_gguf_find_key(q->g, version))
		s = put_type(w, version, FOX_QUANTIZATION_VERSION, err);
	if (!s && !keep && !fox_gguf_find_key(q->g, file_type))
		s = put_type(w, file_type, type->id, err);
	return s;
}

/* Tensors whose values were quantized before, and are so again. */
static enum fox_status put_requantized(
    struct work *q, struct fox_gguf_writer *w, const struct fox_target *t, struct fox_err *err)
{
	struct fox_str *names = fox_arena_alloc(&q->arena, q->job.n_out, sizeof *names);
	size_t n = 0;
	if (!names)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < q->job.n_out; i++) {
		const struct fox_step *s = &q->job.steps[i];
		if (fox_type_info(s->x.from)->elems > 1 && t->types[i] != s->x.from)
			names[n++] = s->name;
	}
	return n ? fox_gguf_put_strings(w, FOX_KEY_QUANTIZE_AGAIN, names, n, err) : FOX_OK;
}

static enum fox_status put_origin(struct work *q, struct fox_gguf_writer *w, size_t i, struct fox_err *err)
{
	static const char zeros[] = "00000000000000000000000000000000"; /* until the source has been read: seal */
	struct fox_buf *options = &q->r->outs.list[i].options;
	fox_mixtures_text(&q->mixtures, i, options);
	enum fox_status s = options->failed ? fox_fail_nomem(err) : FOX_OK;
	if (!s)
		s = fox_gguf_put_str(w, FOX_KEY_QUANTIZE_OPTIONS, fox_buf_view(options), err);
	if (!s && q->source[0])
		s = fox_gguf_put_str(w, FOX_KEY_QUANTIZE_ROOT, fox_str_of(q->source), err);
	else if (!s)
		s = fox_gguf_put_str(w, FOX_KEY_QUANTIZE_HASH, fox_str_of(zeros), err);
	if (!s)
		s = put_requantized(q, w, &q->job.targets[i], err);
	return s;
}

static enum fox_status build_header(struct work *q, size_t i, struct fox_err *err)
{
	const struct fox_target *t = &q->job.targets[i];
	struct fox_output *o = &q->r->outs.list[i];
	enum fox_status s = fox_gguf_writer_open(&o->w, err);
	if (!s)
		s = copy_keys(q, o->w, q->mixtures.list[i].recipe.ftype, err);
	if (!s && q->mixtures.imatrix)
		s = fox_imatrix_put_keys(q->mixtures.imatrix, o->w, err);
	if (!s)
		s = put_origin(q, o->w, i, err);
	for (size_t k = 0; !s && k < q->job.n_out; k++) {
		const struct fox_step *step = &q->job.steps[k];
		s = fox_gguf_put_tensor(o->w, step->name, t->types[k], step->n_dims, step->dim, err);
	}
	return s ? s : fox_gguf_freeze(o->w, err);
}

/* ---- the run */

/* What stands for a source that has no root hash: XXH3-128 over its header and the hashes of its tensors' data. */
static enum fox_status hash_source(const struct work *q, const struct fox_results *results,
    char hex[FOX_HASH128_HEX + 1], struct fox_err *err)
{
	struct fox_xxh3_state *sum = fox_xxh3_open();
	if (!sum)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < q->n_files; i++) {
		const struct fox_gguf *part = fox_gguf_part(q->g, i);
		fox_xxh3_add(sum, fox_gguf_bytes(part).p, fox_gguf_header(part)->header_end);
	}
	for (size_t i = 0; i < q->job.n_out; i++)
		fox_xxh3_add(sum, results->raw[i].hash.b, sizeof results->raw[i].hash.b);
	struct fox_hash128 h = fox_xxh3_final(sum);
	fox_hex(hex, h.b, sizeof h.b);
	fox_xxh3_close(sum);
	return FOX_OK;
}

static enum fox_status seal(void *ctx, const struct fox_results *results, struct fox_err *err)
{
	struct work *q = ctx;
	char hex[FOX_HASH128_HEX + 1];
	if (q->source[0])
		return FOX_OK;
	enum fox_status s = hash_source(q, results, hex, err);
	for (size_t i = 0; !s && i < q->r->outs.n; i++)
		s = fox_gguf_patch_str(q->r->outs.list[i].w, FOX_KEY_QUANTIZE_HASH, 0, fox_str_of(hex), err);
	return s;
}

/* What a journal is bound to, beside the plan. */
static void add_identity(const struct work *q, struct fox_buf *b)
{
	for (size_t i = 0; i < q->n_files; i++) {
		const struct fox_gguf *part = fox_gguf_part(q->g, i);
		char hex[FOX_HASH128_HEX + 1];
		struct fox_hash128 head = fox_xxh3(fox_gguf_bytes(part).p, fox_gguf_header(part)->header_end);
		fox_hex(hex, head.b, sizeof head.b);
		fox_buf_fmt(b, "source %llu %lld %s\n", (unsigned long long)q->files[i]->size,
		    (long long)q->files[i]->mtime_ns, q->source[0] ? q->source : hex);
	}
	if (q->mixtures.imatrix) {
		char sha[FOX_SHA256_HEX + 1];
		fox_hex(sha, q->mixtures.imatrix->sha256.b, sizeof q->mixtures.imatrix->sha256.b);
		fox_buf_fmt(b, "imatrix %s\n", sha);
	}
}

static enum fox_status run(struct work *q, struct fox_err *err)
{
	const struct fox_quantize_options *o = q->o;
	size_t n_inputs = q->n_files + q->mixtures.n_files;
	struct fox_output_input *inputs = fox_arena_alloc(&q->arena, n_inputs, sizeof *inputs);
	if (!inputs)
		return fox_fail_nomem(err);
	struct fox_buf identity = {0};
	add_identity(q, &identity);
	enum fox_status s = identity.failed ? fox_fail_nomem(err) : FOX_OK;
	for (size_t i = 0; i < q->n_files; i++)
		inputs[i] = (struct fox_output_input){q->files[i], fox_str_of(fox_gguf_path(fox_gguf_part(q->g, i)))};
	for (size_t i = 0; i < q->mixtures.n_files; i++)
		inputs[q->n_files + i] = (struct fox_output_input){&q->mixtures.files[i], fox_str_of(q->mixtures.paths[i])};
	struct fox_delivery d = {.outs = &q->r->outs,
	    .pipe = {.job = &q->job,
	        .files = q->files,
	        .n_files = q->n_files,
	        .threads = o->threads,
	        .progress = o->progress,
	        .progress_ctx = o->progress_ctx},
	    .rules = {o->allow_lossy, o->allow_nonfinite, o->note, o->note_ctx},
	    .replace = o->replace,
	    .resume = o->resume,
	    .identity = identity.p,
	    .inputs = inputs,
	    .n_inputs = n_inputs,
	    .seal = seal,
	    .seal_ctx = q};
	if (!s)
		s = fox_outputs_deliver(&d, &q->arena, err);
	fox_buf_free(&identity);
	return s;
}

static enum fox_status finish_dry(struct work *q, struct fox_err *err)
{
	q->r->memory_bytes =
	    fox_outputs_memory(&q->r->outs, &q->job, q->o->threads) + fox_gguf_header(q->g)->header_end;
	q->r->disk_free = fox_disk_free(q->r->outs.list[0].path.p);
	return fox_outputs_plan(&q->r->outs, &q->job, err);
}

enum fox_status fox_quantize(
    const struct fox_quantize_options *o, struct fox_outcome *r, struct fox_err *err)
{
	struct work q = {.o = o, .r = r};
	enum fox_status s = fox_mixtures_open(&q.mixtures, &o->types, false, &q.arena, err);
	if (!s)
		s = open_source(&q, err);
	if (!s)
		s = plan(&q, err);
	if (!s)
		s = find_paths(&q, err);
	for (size_t i = 0; !s && i < r->outs.n; i++)
		s = build_header(&q, i, err);
	if (!s)
		s = o->dry_run ? finish_dry(&q, err) : run(&q, err);
	for (size_t i = 0; i < r->outs.n; i++) {
		fox_gguf_writer_close(r->outs.list[i].w);
		r->outs.list[i].w = NULL;
	}
	fox_mixtures_close(&q.mixtures);
	fox_gguf_close(q.g);
	fox_arena_free(&q.arena);
	return s;
}
