/* convert.c - the order of things: source, config, tokenizer, plan, header, then the data. */
#include "convert/convert.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert/keys.h"
#include "convert/modelcard.h"
#include "convert/naming.h"
#include "format/profile.h"
#include "format/tokpre.h"

#define JSON_MAX_BYTES FOX_GGUF_MAX_STRING

struct conversion {
	const struct fox_convert_options *o;
	struct fox_outcome *r;
	struct fox_arena arena;
	struct fox_source *src;
	struct fox_source *tok_src; /* src, or where --tokenizer points */
	bool weights;               /* false: a dry run over config.json alone */
	struct fox_json *json;
	struct fox_hfconfig config;
	struct fox_tokdata tok;
	struct fox_mixtures mixtures;
	struct fox_job job;
	struct fox_keys_name name;
	struct fox_modelcard card;
};

/* ---- reading what is small */

/* A folder without any weights is enough for a dry run. */
static enum fox_status open_source(struct conversion *c, struct fox_err *err)
{
	struct fox_err first = {0};
	struct fox_str text = {NULL, 0};
	enum fox_status s = fox_source_open(&c->src, c->o->src, true, &first);
	c->weights = !s;
	if (s == FOX_E_IO && c->o->dry_run && !fox_source_open(&c->src, c->o->src, false, NULL)) {
		struct fox_buf path = {0};
		bool any = false;
		for (size_t i = 0; i < FOX_SOURCE_NAMES; i++) {
			fox_buf_clear(&path);
			fox_buf_fmt(&path, "%s/%s", fox_source_dir(c->src), fox_source_names[i]);
			struct stat st;
			any |= path.failed || !lstat(path.p, &st);
		}
		fox_buf_free(&path);
		if (!any && !fox_source_read_file(c->src, "config.json", JSON_MAX_BYTES, &text, NULL) && text.p)
			s = FOX_OK;
	}
	if (s && err && !err->code)
		*err = first;
	return s;
}

/* The one promise of a source that --no-source-hash leaves unchecked. */
static void tell_unchecked(const struct conversion *c)
{
	size_t n = 0;
	for (size_t i = 0; i < fox_source_files(c->src); i++) {
		const struct fox_src_file *f = fox_source_file(c->src, i);
		n += f->weights && f->has_expected;
	}
	if (n && c->weights && !c->o->hash_sources && !c->o->dry_run)
		fox_note(c->o->note, c->o->note_ctx,
		    "weights are not held to the SHA-256 in their blobs' names, for --no-source-hash (files: %zu)",
		    n);
}

static void in_source(const struct conversion *c, const char *name, struct fox_err *err)
{
	struct fox_buf path = {0};
	fox_buf_fmt(&path, "%s/%s", fox_source_dir(c->src), name);
	fox_in_file(err, path.failed ? name : path.p);
	fox_buf_free(&path);
}

static enum fox_status read_config(struct conversion *c, struct fox_err *err)
{
	struct fox_str text;
	enum fox_status s = fox_source_read_file(c->src, "config.json", JSON_MAX_BYTES, &text, err);
	if (s)
		return s;
	if (!text.p)
		s = fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no 'config.json' in '%s'", fox_source_dir(c->src));
	else if ((s = fox_json_parse(&c->json, text, err)) || (s = fox_hfconfig_read(&c->config, c->json, err)))
		in_source(c, "config.json", err);
	if (!s)
		s = fox_keys_find_name(
		    &c->name, c->o->name, &c->config, fox_json_root(c->json), c->src, &c->arena, err);
	c->config.name = c->name.id; /* outlives the JSON tree */
	return s;
}

/* README.md may name the model; --name has the last word. */
static enum fox_status read_card(struct conversion *c, struct fox_err *err)
{
	enum fox_status s = fox_modelcard_load(&c->card, c->src, &c->arena, c->o->note, c->o->note_ctx, err);
	struct fox_str name = fox_modelcard_pick(&c->card, FOX_CARD_NAME, (struct fox_str){"", 0});
	c->name.card = &c->card;
	if (!s && !c->o->name && name.n) {
		c->name.general = c->name.file = name;
		c->name.guessed = false;
	}
	return s;
}

/* --tokenizer names a folder (or what else fox_source_open takes), or one vocabulary file in one. */
static enum fox_status open_tokenizer(struct conversion *c, const char **file, struct fox_err *err)
{
	const char *path = c->o->tokenizer, *slash = path ? strrchr(path, '/') : NULL;
	struct stat st;
	*file = NULL;
	c->tok_src = c->src;
	if (!path)
		return FOX_OK;
	c->tok_src = NULL;
	if (stat(path, &st) || !S_ISREG(st.st_mode) || fox_source_is_archive(path))
		return fox_source_open(&c->tok_src, path, false, err);
	const char *dir =
	    slash ? fox_arena_strdup(&c->arena, (struct fox_str){path, (size_t)(slash - path) + 1}) : ".";
	*file = slash ? slash + 1 : path;
	return dir ? fox_source_open(&c->tok_src, dir, false, err) : fox_fail_nomem(err);
}

static enum fox_status read_tokenizer(struct conversion *c, struct fox_err *err)
{
	static const char *const names[] = {"tokenizer.model", "tokenizer.json", "vocab.json"};
	struct fox_tok_options options = {.pre = c->o->pre, .no_pre = c->o->no_pre};
	enum fox_status s = open_tokenizer(c, &options.file, err);
	bool any = c->weights || options.file;
	if (c->o->pre && !fox_tokpre_known(fox_str_of(c->o->pre)))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "llama.cpp has no pre-tokenizer '%s'", c->o->pre);
	for (size_t i = 0; !s && !any && i < FOX_COUNT(names); i++) {
		struct fox_str text;
		s = fox_source_read_file(c->tok_src, names[i], UINT64_MAX, &text, err);
		any = text.p != NULL;
	}
	if (s)
		return s;
	if (!any) {
		fox_note(c->o->note, c->o->note_ctx, "no tokenizer yet: its keys are not counted");
		return FOX_OK;
	}
	options.files = c->tok_src;
	return fox_tok_import(&c->tok, c->src, &c->config, &options, c->o->note, c->o->note_ctx, err);
}

/* What was asked for and decides the bytes. */
static void options_text(const struct conversion *c, size_t i, struct fox_buf *b)
{
	fox_mixtures_text(&c->mixtures, i, b);
	fox_buf_fmt(b, "%s%s%s%s", c->o->tokenizer ? ",tokenizer" : "", c->o->pre ? ",pre=" : "",
	    c->o->pre ? c->o->pre : "", c->o->no_pre ? ",no-llama-pre" : "");
}

/* ---- the plan */

/* The dtype that config.json claims, for a plan without weights. */
static enum fox_dtype claimed_dtype(const struct fox_json *json)
{
	const struct fox_value *root = fox_json_root(json), *v = fox_json_get(root, "dtype");
	struct fox_str s;
	if (!fox_json_str(v, &s) && !fox_json_str(fox_json_get(root, "torch_dtype"), &s))
		return FOX_DT_F32;
	return fox_str_is(s, "bfloat16") ? FOX_DT_BF16 : fox_str_is(s, "float16") ? FOX_DT_F16 : FOX_DT_F32;
}

/* While config.json's document is at hand. */
static enum fox_status make_tables(struct conversion *c, struct fox_err *err)
{
	for (size_t i = 0; i < c->job.n_out; i++) {
		struct fox_step *step = &c->job.steps[i];
		if (step->kind != FOX_STEP_MADE)
			continue;
		float *table = fox_arena_alloc(&c->arena, (size_t)step->n_elems, sizeof *table);
		if (!table)
			return fox_fail_nomem(err);
		fox_hf_rope_table(table, step->slot->row->role, &c->config.rope, &c->config.hp);
		step->made = table;
	}
	return FOX_OK;
}

static enum fox_status plan(struct conversion *c, struct fox_err *err)
{
	const struct fox_convert_options *o = c->o;
	const struct fox_source *src = c->weights ? c->src : NULL;
	const struct fox_hparams *hp = &c->config.hp;
	enum fox_dtype guess = claimed_dtype(c->json);
	enum fox_type type;
	enum fox_status s = fox_job_plan(&c->job, c->config.arch, hp, src, guess, FOX_F32, &c->arena, err);
	if (s && c->job.n_problems > 1)
		for (size_t i = 0; i < c->job.n_problems; i++)
			fox_note(c->o->note, c->o->note_ctx, "%s", c->job.problems[i]);
	if (!s && fox_mixtures_automatic(&c->mixtures) && !(s = fox_job_narrowest(&c->job, src, &type, err)))
		s = fox_mixtures_settle(&c->mixtures, type, err);
	const struct fox_recipe_model model = {.arch = fox_str_of(c->config.arch->name),
	    .n_layers = hp->n_layers,
	    .n_heads = hp->n_layers ? hp->n_heads[0] : 0,
	    .n_kv_heads = hp->n_layers ? hp->n_kv_heads[0] : 0};
	if (!s)
		s = fox_mixtures_choose(&c->mixtures, &c->job, &model, o->note, o->note_ctx, &c->arena, err);
	if (!s)
		s = make_tables(c, err);
	if (!s)
		s = fox_outputs_init(&c->r->outs, c->job.n_targets, err);
	for (size_t i = 0; !s && i < c->job.n_targets; i++)
		snprintf(c->r->outs.list[i].type, sizeof c->r->outs.list[i].type, "%s", c->job.targets[i].name);
	c->r->n_tensors = c->job.n_out;
	c->r->n_params = c->job.n_params;
	c->r->src_bytes = c->job.src_bytes;
	return s;
}

/* ---- the header */

static enum fox_status put_tensors(
    const struct conversion *c, struct fox_gguf_writer *w, const struct fox_target *t, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < c->job.n_out; i++) {
		const struct fox_step *step = &c->job.steps[i];
		s = fox_gguf_put_tensor(w, step->name, t->types[i], step->n_dims, step->dim, err);
	}
	return s;
}

static enum fox_status build_header(struct conversion *c, size_t i, struct fox_err *err)
{
	struct fox_output *o = &c->r->outs.list[i];
	enum fox_status s = fox_gguf_writer_open(&o->w, err);
	struct fox_gguf_writer *w = o->w;
	options_text(c, i, &o->options);
	if (!s && o->options.failed)
		s = fox_fail_nomem(err);
	if (!s)
		s = fox_hfconfig_put(&c->config, w, err);
	if (!s)
		s = fox_keys_put_general(w, &c->name, &c->job, c->mixtures.list[i].recipe.ftype->id, &c->arena, err);
	if (!s)
		s = fox_modelcard_put(&c->card, c->job.n_params, w, &c->arena, err);
	if (!s)
		s = fox_keys_put_sampling(w, c->src, err);
	if (!s && c->tok.n)
		s = fox_tokdata_put(&c->tok, w, err);
	if (!s && c->mixtures.imatrix)
		s = fox_imatrix_put_keys(c->mixtures.imatrix, w, err);
	if (!s)
		s = fox_keys_put_source(
		    w, c->src, c->tok_src, &c->job, o->options.p, c->o->hash_sources, &c->arena, err);
	if (!s)
		s = put_tensors(c, w, &c->job.targets[i], err);
	if (!s)
		s = fox_gguf_freeze(w, err);
	return s;
}

/* ---- where it goes */

static enum fox_status find_paths(struct conversion *c, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < c->r->outs.n; i++) {
		struct fox_output *o = &c->r->outs.list[i];
		bool nameless;
		s = fox_output_expand(o, c->o->out, &nameless, err);
		if (!s && nameless)
			s = fox_naming_file(&o->path, c->name.file, c->job.n_params, o->type, &c->arena, err);
	}
	return s ? s : fox_outputs_distinct(&c->r->outs, err);
}

/* ---- the run */

static enum fox_status file_done(void *ctx, size_t file, const struct fox_sha256 *sha, struct fox_err *err)
{
	struct conversion *c = ctx;
	return sha ? fox_source_check_digest(c->src, file, sha, err) : FOX_OK;
}

static enum fox_status seal(void *ctx, const struct fox_results *results, struct fox_err *err)
{
	struct conversion *c = ctx;
	enum fox_status s = FOX_OK;
	(void)results;
	for (size_t i = 0; !s && c->o->hash_sources && i < c->r->outs.n; i++)
		s = fox_keys_patch_source(c->r->outs.list[i].w, c->src, &c->arena, err);
	return s;
}

/* What a journal is bound to, beside the plan. */
static void add_identity(const struct conversion *c, size_t n_weights, struct fox_buf *b)
{
	for (size_t i = 0; i < n_weights; i++) {
		const struct fox_src_file *f = fox_source_file(c->src, i);
		fox_buf_str(b, "source ");
		fox_buf_escaped(b, f->name, SIZE_MAX);
		fox_buf_fmt(b, " %llu %lld\n", (unsigned long long)f->bytes, (long long)f->fd.mtime_ns);
	}
}

static enum fox_status run(struct conversion *c, struct fox_err *err)
{
	const struct fox_convert_options *o = c->o;
	size_t n = fox_source_files(c->src), n_weights = 0;
	const struct fox_file **files = fox_arena_alloc(&c->arena, n, sizeof(const struct fox_file *));
	const struct fox_mixtures *m = &c->mixtures;
	struct fox_output_input *inputs = fox_arena_alloc(&c->arena, n + m->n_files, sizeof *inputs);
	struct fox_buf identity = {0};
	if (!files || !inputs)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < n; i++) {
		const struct fox_src_file *f = fox_source_file(c->src, i);
		inputs[i] = (struct fox_output_input){&f->fd, f->name};
		if (f->weights)
			files[n_weights++] = &f->fd;
	}
	for (size_t i = 0; i < m->n_files; i++)
		inputs[n + i] = (struct fox_output_input){&m->files[i], fox_str_of(m->paths[i])};
	add_identity(c, n_weights, &identity);
	struct fox_delivery d = {.outs = &c->r->outs,
	    .pipe = {.job = &c->job,
	        .files = files,
	        .n_files = n_weights,
	        .threads = o->threads,
	        .hash_files = o->hash_sources,
	        .file_done = file_done,
	        .file_ctx = c,
	        .progress = o->progress,
	        .progress_ctx = o->progress_ctx},
	    .rules = {o->allow_lossy, o->allow_nonfinite, o->note, o->note_ctx},
	    .replace = o->replace,
	    .resume = o->resume,
	    .identity = identity.p,
	    .inputs = inputs,
	    .n_inputs = n + m->n_files,
	    .seal = seal,
	    .seal_ctx = c};
	enum fox_status s = identity.failed ? fox_fail_nomem(err) : fox_outputs_deliver(&d, &c->arena, err);
	fox_buf_free(&identity);
	return s;
}

static enum fox_status finish_dry(struct conversion *c, struct fox_err *err)
{
	c->r->memory_bytes = fox_outputs_memory(&c->r->outs, &c->job, c->o->threads);
	c->r->disk_free = fox_disk_free(c->r->outs.list[0].path.p);
	return fox_outputs_plan(&c->r->outs, &c->job, err);
}

enum fox_status fox_convert(
    const struct fox_convert_options *o, struct fox_outcome *r, struct fox_err *err)
{
	struct conversion c = {.o = o, .r = r};
	struct fox_mixture_options types = o->types;
	if (!types.types)
		types.types = "auto";
	enum fox_status s = fox_mixtures_open(&c.mixtures, &types, true, &c.arena, err);
	if (!s)
		s = open_source(&c, err);
	if (!s && !c.weights)
		fox_note(o->note, o->note_ctx, "no weights here: sizes follow from config.json alone");
	if (!s)
		tell_unchecked(&c);
	if (!s)
		s = read_config(&c, err);
	if (!s)
		s = read_card(&c, err);
	if (!s)
		s = read_tokenizer(&c, err);
	if (!s)
		s = plan(&c, err);
	if (!s)
		s = find_paths(&c, err);
	if (!s && c.name.guessed)
		fox_note(o->note, o->note_ctx,
		    "config.json names no model: general.name is '%.*s', --name sets another",
		    FOX_STR_ARG(c.name.general));
	if (!s)
		s = fox_keys_gather(c.src, c.tok_src, err);
	for (size_t i = 0; !s && i < c.r->outs.n; i++)
		s = build_header(&c, i, err);
	fox_tokdata_free(&c.tok); /* a large vocabulary is in the headers by now */
	fox_json_close(c.json);
	if (!s)
		s = o->dry_run ? finish_dry(&c, err) : run(&c, err);
	for (size_t i = 0; i < r->outs.n; i++) {
		fox_gguf_writer_close(r->outs.list[i].w);
		r->outs.list[i].w = NULL;
	}
	fox_mixtures_close(&c.mixtures);
	if (c.tok_src != c.src)
		fox_source_close(c.tok_src);
	fox_source_close(c.src);
	fox_arena_free(&c.arena);
	return s;
}
