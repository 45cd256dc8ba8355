/* convert.c - the order of things: source, config, tokenizer, plan, header, then the data. */
#include "convert/convert.h"

#include <stdarg.h>
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
	struct fox_convert_result *r;
	struct fox_arena arena;
	struct fox_source *src;
	struct fox_source *tok_src; /* src, or where --tokenizer points */
	bool weights;               /* false: a dry run over config.json alone */
	struct fox_json *json;
	struct fox_hfconfig config;
	struct fox_tokdata tok;
	struct fox_job job;
	struct fox_keys_name name;
	struct fox_modelcard card;
	struct fox_gguf_writer *w;
};

static void note(const struct conversion *c, const char *fmt, ...) FOX_PRINTF(2, 3);
static void note(const struct conversion *c, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (!c->o->note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	c->o->note(c->o->note_ctx, line);
}

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
		static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
		for (size_t i = 0; i < FOX_COUNT(names); i++) {
			fox_buf_clear(&path);
			fox_buf_fmt(&path, "%s/%s", fox_source_dir(c->src), names[i]);
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
		note(c,
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
		s = fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no 'config.json' in folder '%s'", fox_source_dir(c->src));
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

/* --tokenizer names a folder, or one vocabulary file in one. */
static enum fox_status open_tokenizer(struct conversion *c, const char **file, struct fox_err *err)
{
	const char *path = c->o->tokenizer, *slash = path ? strrchr(path, '/') : NULL;
	struct stat st;
	*file = NULL;
	c->tok_src = c->src;
	if (!path)
		return FOX_OK;
	c->tok_src = NULL;
	if (stat(path, &st) || !S_ISREG(st.st_mode))
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
		note(c, "no tokenizer yet: its keys are not counted");
		return FOX_OK;
	}
	options.files = c->tok_src;
	return fox_tok_import(&c->tok, c->src, &c->config, &options, c->o->note, c->o->note_ctx, err);
}

/* What was asked for and decides the bytes. */
static const char *options_text(const struct conversion *c, char text[256])
{
	snprintf(text, 256, "type=%s%s%s%.100s%s", fox_type_info(c->job.type)->name,
	    c->o->tokenizer ? ",tokenizer" : "", c->o->pre ? ",pre=" : "", c->o->pre ? c->o->pre : "",
	    c->o->no_pre ? ",no-llama-pre" : "");
	return text;
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
	enum fox_dtype guess = claimed_dtype(c->json);
	enum fox_type type = o->auto_type ? FOX_F32 : o->type;
	enum fox_status s =
	    fox_job_plan(&c->job, c->config.arch, &c->config.hp, src, guess, type, &c->arena, err);
	if (s && c->job.n_problems > 1)
		for (size_t i = 0; i < c->job.n_problems; i++)
			note(c, "%s", c->job.problems[i]);
	if (!s && o->auto_type) {
		s = fox_job_narrowest(&c->job, src, &type, err);
		fox_job_set_type(&c->job, type);
	}
	if (!s)
		s = make_tables(c, err);
	size_t fell_back = 0;
	for (size_t i = 0; !s && i < c->job.n_out; i++)
		fell_back += c->job.steps[i].fell_back;
	if (fell_back)
		note(c, "%zu tensors have rows that are no multiple of 32: f16 instead of q8_0", fell_back);
	c->r->type = type;
	c->r->n_tensors = c->job.n_out;
	c->r->n_params = c->job.n_params;
	c->r->src_bytes = c->job.src_bytes;
	return s;
}

/* ---- the header */

static enum fox_status put_tensors(struct conversion *c, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < c->job.n_out; i++) {
		const struct fox_step *step = &c->job.steps[i];
		const uint64_t dim[2] = {step->slot->cols, step->slot->rows};
		uint32_t n = step->slot->row->rows == FOX_D_NONE ? 1 : 2;
		s = fox_gguf_put_tensor(c->w, fox_str_of(step->slot->name), step->x.to, n, dim, err);
	}
	return s;
}

static enum fox_status build_header(struct conversion *c, struct fox_err *err)
{
	struct fox_gguf_writer *w;
	char options[256];
	enum fox_status s = fox_gguf_writer_open(&c->w, err);
	if (s)
		return s;
	w = c->w;
	s = fox_hfconfig_put(&c->config, w, err);
	if (!s)
		s = fox_keys_put_general(w, &c->name, &c->job, &c->arena, err);
	if (!s)
		s = fox_modelcard_put(&c->card, c->job.n_params, w, &c->arena, err);
	if (!s)
		s = fox_keys_put_sampling(w, c->src, err);
	if (!s && c->tok.n)
		s = fox_tokdata_put(&c->tok, w, err);
	if (!s)
		s = fox_keys_put_source(
		    w, c->src, c->tok_src, &c->job, options_text(c, options), c->o->hash_sources, &c->arena, err);
	if (!s)
		s = put_tensors(c, err);
	if (!s)
		s = fox_gguf_freeze(w, err);
	if (!s)
		c->r->bytes = fox_gguf_writer_bytes(w);
	return s;
}

/* ---- where it goes */

static enum fox_status find_path(struct conversion *c, struct fox_err *err)
{
	const char *type = fox_type_info(c->job.type)->name, *out = c->o->out;
	struct fox_buf *path = &c->r->path;
	struct stat st;
	if (out && !strcmp(out, "-"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "a container cannot be written to standard output");
	if (out)
		fox_naming_expand(path, out, type);
	bool folder = out && !path->failed && path->n &&
	              (path->p[path->n - 1] == '/' || (!stat(path->p, &st) && S_ISDIR(st.st_mode)));
	if (folder && path->p[path->n - 1] != '/')
		fox_buf_char(path, '/');
	if (!out || folder)
		return fox_naming_file(path, c->name.file, c->job.n_params, type, &c->arena, err);
	if (path->failed)
		return fox_fail_nomem(err);
	return path->n ? FOX_OK : fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output has an empty name");
}

static enum fox_status create(struct conversion *c, struct fox_err *err)
{
	struct fox_err local = {0};
	enum fox_status s = fox_gguf_create(c->w, c->r->path.p, c->o->replace, &local);
	if (s == FOX_E_ARG && !c->o->replace && strstr(local.text, "exists already"))
		fox_in(&local, "--force replaces it");
	for (size_t i = 0; !s && i < fox_source_files(c->src); i++) {
		const struct fox_src_file *f = fox_source_file(c->src, i);
		if (fox_out_is_input(fox_gguf_writer_out(c->w), &f->fd))
			s = fox_fail(&local, FOX_E_ARG, FOX_NOWHERE, "output '%.200s' is the input '%.*s'", c->r->path.p,
			    FOX_STR_ARG(f->name));
	}
	if (s && err && !err->code)
		*err = local;
	return s;
}

/* ---- what was lost */

static void add_count(struct fox_buf *b, uint64_t n, const char *what)
{
	if (n)
		fox_buf_fmt(b, "%s%llu %s", b->n ? ", " : "", (unsigned long long)n, what);
}

/* Counts that are not allowed, as text; empty when all is well. */
static void describe(const struct conversion *c, const struct fox_step *step, const struct fox_cast_report *r,
    bool forbidden_only, struct fox_buf *b)
{
	bool ends = !forbidden_only || !c->o->allow_lossy, odd = !forbidden_only || !c->o->allow_nonfinite;
	bool zero = ends && (!forbidden_only || step->x.to == FOX_F16);
	add_count(b, odd ? r->n_nan : 0, "NaN");
	add_count(b, odd ? r->n_inf : 0, "Inf");
	add_count(b, ends ? r->n_overflow : 0, "too large");
	add_count(b, zero ? r->n_underflow : 0, "too small");
}

/* What all tensors together have that is refused. */
struct verdict {
	struct fox_buf list; /* as many tensors as the error's text holds */
	size_t bad, shown;
	bool nonfinite, lossy;
};

static void look_at(const struct conversion *c, size_t i, const struct fox_cast_report *r, struct verdict *v)
{
	const struct fox_step *step = &c->job.steps[i];
	struct fox_buf text = {0};
	describe(c, step, r, true, &text);
	if (text.n) {
		bool odd = !c->o->allow_nonfinite && r->n_nan + r->n_inf;
		v->nonfinite |= odd;
		v->lossy |= !c->o->allow_lossy && r->n_overflow + (step->x.to == FOX_F16 ? r->n_underflow : 0);
		v->bad++;
		if (v->list.n + text.n + step->src->name.n < 480) {
			fox_buf_fmt(
			    &v->list, "%s'%.*s': %s", v->list.n ? "; " : "", FOX_STR_ARG(step->src->name), text.p);
			v->shown++;
		}
	}
	v->list.failed |= text.failed;
	fox_buf_free(&text);
}

static enum fox_status refuse(const struct conversion *c, const struct verdict *v, struct fox_err *err)
{
	const char *type = fox_type_info(c->job.type)->name;
	char more[40] = "", what[64];
	if (v->bad > v->shown)
		snprintf(more, sizeof more, "%s%zu more", v->shown ? "; and " : "", v->bad - v->shown);
	snprintf(what, sizeof what, "%s%s%s%s", v->nonfinite ? "NaN or Inf" : "",
	    v->nonfinite && v->lossy ? ", or " : "", v->lossy ? "values out of range of " : "",
	    v->lossy ? type : "");
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "%s in %zu %s: %s%s (%s%s%s converts all the same)",
	    what, v->bad, v->bad == 1 ? "tensor" : "tensors", v->list.p ? v->list.p : "", more,
	    v->lossy ? "--allow-lossy" : "", v->nonfinite && v->lossy ? " " : "",
	    v->nonfinite ? "--allow-nonfinite" : "");
}

/* One error for all tensors; when it cannot hold them, each in a note as well. What is accepted is told in one note. */
static enum fox_status judge(
    const struct conversion *c, const struct fox_cast_report *loss, struct fox_err *err)
{
	struct fox_buf text = {0};
	struct fox_cast_report sum = {0};
	struct verdict v = {0};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < c->job.n_out; i++) {
		sum.n_nan += loss[i].n_nan, sum.n_inf += loss[i].n_inf;
		sum.n_overflow += loss[i].n_overflow, sum.n_underflow += loss[i].n_underflow;
		look_at(c, i, &loss[i], &v);
	}
	for (size_t i = 0; v.bad > v.shown && i < c->job.n_out; i++) {
		fox_buf_clear(&text);
		describe(c, &c->job.steps[i], &loss[i], true, &text);
		if (text.n)
			note(c, "tensor '%.*s': %s", FOX_STR_ARG(c->job.steps[i].src->name), text.p);
	}
	if (v.list.failed)
		s = fox_fail_nomem(err);
	else if (v.bad)
		s = refuse(c, &v, err);
	else {
		const struct fox_step any = {.x = {.to = FOX_F16}};
		fox_buf_clear(&text);
		describe(c, &any, &sum, false, &text);
		if (text.n)
			note(c, "not finite, or out of range of %s: %s", fox_type_info(c->job.type)->name, text.p);
	}
	fox_buf_free(&v.list);
	fox_buf_free(&text);
	return s;
}

/* ---- the run */

static enum fox_status run(struct conversion *c, struct fox_err *err)
{
	const struct fox_convert_options *o = c->o;
	struct fox_cast_report *loss = fox_arena_alloc(&c->arena, c->job.n_steps, sizeof *loss);
	if (!loss)
		return fox_fail_nomem(err);
	struct fox_pipeline p = {.job = &c->job,
	    .src = c->src,
	    .out = c->w,
	    .threads = o->threads,
	    .hash_sources = o->hash_sources,
	    .progress = o->progress,
	    .progress_ctx = o->progress_ctx};
	enum fox_status s = fox_pipeline_run(&p, loss, err);
	if (!s)
		s = judge(c, loss, err);
	if (!s && o->hash_sources)
		s = fox_keys_patch_source(c->w, c->src, &c->arena, err);
	if (!s)
		s = fox_gguf_finish(c->w, err);
	if (!s)
		c->r->root = fox_gguf_writer_root(c->w);
	return s;
}

/* Most that a run holds. Header and tokenizer are several times in memory while the one is made from the other: pieces,
 * tables, the keys, the whole header (7 was seen with 256,000 tokens); then come the buffers, sums and threads. */
static uint64_t memory_needed(const struct conversion *c)
{
	struct fox_pipeline_size size = fox_pipeline_size(&c->job, c->o->threads);
	return size.buffer_bytes + 7 * fox_gguf_writer_header_bytes(c->w) + c->job.n_steps * 2048 +
	       c->job.src_bytes / size.piece_bytes * 256 + size.workers * (64u << 10) + (16u << 20);
}

static enum fox_status finish_dry(struct conversion *c, struct fox_err *err)
{
	fox_job_print(&c->job, &c->r->plan);
	c->r->memory_bytes = memory_needed(c);
	c->r->disk_free = fox_disk_free(c->r->path.p);
	return c->r->plan.failed ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_convert(
    const struct fox_convert_options *o, struct fox_convert_result *r, struct fox_err *err)
{
	struct conversion c = {.o = o, .r = r};
	enum fox_status s = open_source(&c, err);
	if (!s && !c.weights)
		note(&c, "no weights here: sizes follow from config.json alone");
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
		s = find_path(&c, err);
	if (!s && c.name.guessed)
		note(&c, "config.json names no model: general.name is '%.*s', --name sets another",
		    FOX_STR_ARG(c.name.general));
	if (!s)
		s = build_header(&c, err);
	fox_tokdata_free(&c.tok); /* a large vocabulary is in the header by now */
	fox_json_close(c.json);
	if (!s && o->dry_run)
		s = finish_dry(&c, err);
	if (!s && !o->dry_run)
		s = create(&c, err);
	if (!s && !o->dry_run)
		s = run(&c, err);
	fox_gguf_writer_close(c.w);
	if (c.tok_src != c.src)
		fox_source_close(c.tok_src);
	fox_source_close(c.src);
	fox_arena_free(&c.arena);
	return s;
}

void fox_convert_free(struct fox_convert_result *r)
{
	fox_buf_free(&r->path);
	fox_buf_free(&r->plan);
}
