/* mixtures.c - names to recipes, recipes to the types of a plan, and what forbids them. */
#include "convert/mixtures.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/search.h"

/* ---- options */

static const char *lower(const char *name, struct fox_arena *arena)
{
	char *out = fox_arena_strdup(arena, fox_str_of(name));
	for (char *p = out; p && *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

static enum fox_status refuse_repeat(const struct fox_mixtures *m, size_t i, struct fox_err *err)
{
	for (size_t k = 0; k < m->n; k++)
		if (k != i && !strcmp(m->list[k].name, m->list[i].name))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "type '%s' is asked for twice", m->list[i].name);
	return FOX_OK;
}

/* One name of the list. */
static enum fox_status add_name(
    struct fox_mixtures *m, struct fox_str name, bool automatic, struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_ftype *ftype = NULL;
	struct fox_mixture *mix = &m->list[m->n];
	if (!name.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "an empty name among the types '%s'", m->options->types);
	if (m->n == FOX_JOB_MAX_TARGETS)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "more than %u types", FOX_JOB_MAX_TARGETS);
	bool is_auto = automatic && fox_str_is(name, "auto");
	enum fox_status s = is_auto ? FOX_OK : fox_ftype_parse(name, &ftype, err);
	if (s)
		return s;
	if (ftype)
		mix->recipe = fox_recipe_of(ftype);
	mix->name = lower(is_auto ? "auto" : ftype->name, arena);
	if (!mix->name)
		return fox_fail_nomem(err);
	return refuse_repeat(m, m->n++, err);
}

static enum fox_status add_names(
    struct fox_mixtures *m, bool automatic, struct fox_arena *arena, struct fox_err *err)
{
	struct fox_str left = fox_str_of(m->options->types);
	m->list = fox_arena_alloc(arena, FOX_JOB_MAX_TARGETS, sizeof *m->list);
	if (!m->list)
		return fox_fail_nomem(err);
	for (;;) {
		const char *comma = left.n ? memchr(left.p, ',', left.n) : NULL;
		struct fox_str name = {left.p, comma ? (size_t)(comma - left.p) : left.n};
		enum fox_status s = add_name(m, name, automatic, arena, err);
		if (s || !comma)
			return s;
		left = (struct fox_str){comma + 1, left.n - name.n - 1};
	}
}

static enum fox_status add_rules(struct fox_mixtures *m, struct fox_err *err)
{
	const struct fox_mixture_options *o = m->options;
	enum fox_status s = fox_rules_open(&m->rules, err);
	for (size_t i = 0; !s && i < o->rules.n; i++)
		s = fox_rules_add(m->rules, fox_str_of(o->rules.item[i]), err);
	if (!s && o->rules_file)
		s = fox_rules_add_file(m->rules, o->rules_file, err);
	return s;
}

static enum fox_status filter(struct fox_imatrix *im, bool include, struct fox_mixture_texts texts,
    struct fox_arena *arena, struct fox_err *err)
{
	struct fox_str *parts = fox_arena_alloc(arena, texts.n, sizeof *parts);
	if (!parts)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < texts.n; i++)
		parts[i] = fox_str_of(texts.item[i]);
	return texts.n ? fox_imatrix_filter(im, include, parts, texts.n, err) : FOX_OK;
}

static enum fox_status open_imatrix(struct fox_mixtures *m, struct fox_arena *arena, struct fox_err *err)
{
	const struct fox_mixture_options *o = m->options;
	enum fox_status s = FOX_OK;
	m->imatrix = o->measured;
	if (!m->imatrix && o->imatrix && !(s = fox_imatrix_open(&m->imatrix, o->imatrix, err)))
		m->own_imatrix = true;
	if (!s && !m->imatrix && o->include.n + o->exclude.n)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "--%s-weights chooses entries of an importance matrix, and there is none",
		    o->include.n ? "include" : "exclude");
	if (!s && o->include.n && o->exclude.n)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "--include-weights and --exclude-weights exclude each other");
	if (!s && m->imatrix)
		s = filter(m->imatrix, true, o->include, arena, err);
	if (!s && m->imatrix)
		s = filter(m->imatrix, false, o->exclude, arena, err);
	return s;
}

static enum fox_status hold_file(struct fox_mixtures *m, const char *path, struct fox_err *err)
{
	if (!path)
		return FOX_OK;
	m->paths[m->n_files] = path;
	return fox_file_open(&m->files[m->n_files++], path, err);
}

static enum fox_status parse_type(
    const char *option, const char *name, enum fox_type *out, struct fox_err *err)
{
	*out = FOX_TYPE_LIMIT;
	enum fox_status s = name ? fox_recipe_parse_type(fox_str_of(name), out, err) : FOX_OK;
	if (s)
		fox_in(err, "in option '%s'", option);
	return s;
}

enum fox_status fox_mixtures_open(struct fox_mixtures *m, const struct fox_mixture_options *options,
    bool automatic, struct fox_arena *arena, struct fox_err *err)
{
	enum fox_type output = FOX_TYPE_LIMIT, embed = FOX_TYPE_LIMIT;
	*m = (struct fox_mixtures){.options = options};
	if (options->search == FOX_MIXTURE_CALIBRATED && !options->factor)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "'--search calibrated' needs a text: fox-quantize --calibrate TEXT");
	enum fox_status s = add_names(m, automatic, arena, err);
	if (!s)
		s = parse_type("--output-tensor-type", options->output_type, &output, err);
	if (!s)
		s = parse_type("--token-embedding-type", options->embed_type, &embed, err);
	if (!s)
		s = hold_file(m, options->rules_file, err);
	if (!s)
		s = hold_file(m, options->measured ? NULL : options->imatrix, err);
	if (!s)
		s = add_rules(m, err);
	if (!s)
		s = open_imatrix(m, arena, err);
	for (size_t i = 0; !s && i < m->n; i++) {
		struct fox_recipe *r = &m->list[i].recipe;
		*r = (struct fox_recipe){r->ftype, options->pure, options->leave_output, m->imatrix != NULL, output,
		    embed, fox_rules_count(m->rules) ? m->rules : NULL};
		s = r->ftype ? fox_recipe_check(r, err) : FOX_OK;
	}
	if (s)
		fox_mixtures_close(m);
	return s;
}

void fox_mixtures_close(struct fox_mixtures *m)
{
	fox_rules_close(m->rules);
	for (size_t i = 0; i < m->n_files; i++)
		fox_file_close(&m->files[i]);
	if (m->own_imatrix)
		fox_imatrix_close(m->imatrix);
	*m = (struct fox_mixtures){0};
}

bool fox_mixtures_automatic(const struct fox_mixtures *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->list[i].recipe.ftype)
			return true;
	return false;
}

enum fox_status fox_mixtures_settle(struct fox_mixtures *m, enum fox_type type, struct fox_err *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->list[i].recipe.ftype) {
			m->list[i].recipe.ftype = fox_ftype_of_type(type);
			m->list[i].name = fox_type_info(type)->name;
			return refuse_repeat(m, i, err);
		}
	return FOX_OK;
}

const char *const fox_mixture_searches[] = {"none", "wide", "calibrated", NULL};

void fox_mixtures_text(const struct fox_mixtures *m, size_t i, struct fox_buf *out)
{
	const struct fox_recipe *r = &m->list[i].recipe;
	const struct fox_mixture_options *o = m->options;
	fox_buf_fmt(out, "type=%s%s%s", m->list[i].name, r->pure ? ",pure" : "",
	    r->leave_output ? ",leave-output-tensor" : "");
	if (r->output_type != FOX_TYPE_LIMIT)
		fox_buf_fmt(out, ",output-tensor-type=%s", fox_type_info(r->output_type)->name);
	if (r->embed_type != FOX_TYPE_LIMIT)
		fox_buf_fmt(out, ",token-embedding-type=%s", fox_type_info(r->embed_type)->name);
	for (size_t k = 0; k < fox_rules_count(m->rules); k++)
		fox_buf_fmt(out, ",tensor-type=%.*s", FOX_STR_ARG(fox_rules_text(m->rules, k)));
	for (size_t k = 0; k < o->include.n; k++)
		fox_buf_fmt(out, ",include-weights=%s", o->include.item[k]);
	for (size_t k = 0; k < o->exclude.n; k++)
		fox_buf_fmt(out, ",exclude-weights=%s", o->exclude.item[k]);
	if (o->search != FOX_MIXTURE_PLAIN)
		fox_buf_fmt(out, ",search=%s", fox_mixture_searches[o->search]);
}

/* ---- choice */

struct chooser {
	struct fox_mixtures *m;
	struct fox_job *job;
	fox_note_fn *note;
	void *note_ctx;
	struct fox_recipe_tensor *tensors; /* [n_out] */
	struct fox_recipe_choice *choices; /* likewise */
};

/* The type that a tensor has where nothing is quantized: of a checkpoint's vectors and norms f32. */
static enum fox_type kept_type(const struct fox_job *job, const struct fox_step *s)
{
	return s->keep || (job->arch && s->x.from == FOX_F64) ? FOX_F32 : s->x.from;
}

/* Without any option a checkpoint's matrices all become one plain type. */
static bool is_plain(const struct fox_job *job, const struct fox_mixture *mix)
{
	const struct fox_recipe *r = &mix->recipe;
	uint32_t id = r->ftype->id;
	bool plain = id == FOX_FT_F32 || id == FOX_FT_F16 || id == FOX_FT_BF16 || id == FOX_FT_Q8_0;
	return job->arch && plain && !(r->ftype->how & FOX_FTYPE_COPY) && !r->leave_output && !r->rules &&
	       r->output_type == FOX_TYPE_LIMIT && r->embed_type == FOX_TYPE_LIMIT;
}

static bool is_block(enum fox_type type)
{
	return fox_type_info(type)->elems > 1;
}

/* What forbids a choice, tensor by tensor; the first one is told, the others are counted. */
struct objections {
	const struct fox_step *unread, *again, *unknown; /* cannot be read; quantized already; needs importance */
	enum fox_type to[3];
	size_t n_again;
};

static void object(
    struct objections *o, const struct fox_step *s, enum fox_type to, bool may_again, bool lacks)
{
	if (s->kind != FOX_STEP_WRITE || s->x.from == to)
		return;
	if (!fox_xform_able(s->x.from, to) && !o->unread)
		o->unread = s, o->to[0] = to;
	if (is_block(s->x.from) && !may_again && !o->n_again++)
		o->again = s, o->to[1] = to;
	if (lacks && !o->unknown)
		o->unknown = s, o->to[2] = to;
}

static enum fox_status judge(const struct objections *o, struct fox_err *err)
{
	if (o->again)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "tensor '%.*s' is quantized already, %s to %s loses more: --allow-requantize does it all the "
		    "same (tensors: "
		    "%zu)",
		    FOX_STR_ARG(o->again->src.name), fox_type_info(o->again->x.from)->name,
		    fox_type_info(o->to[1])->name, o->n_again);
	if (o->unread)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tensor '%.*s' has type %s, of which fox makes no %s", FOX_STR_ARG(o->unread->src.name),
		    fox_type_info(o->unread->x.from)->name, fox_type_info(o->to[0])->name);
	if (o->unknown)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "tensor '%.*s' must not become %s without an importance matrix: --imatrix",
		    FOX_STR_ARG(o->unknown->name), fox_type_info(o->to[2])->name);
	return FOX_OK;
}

/* The importance of a tensor that changes into a block type. */
static enum fox_status find_help(struct chooser *c, const struct fox_step *s, enum fox_type to,
    struct fox_quant_help *help, struct fox_err *err)
{
	const struct fox_mixture_options *o = c->m->options;
	*help = (struct fox_quant_help){.matrix_rows = s->n_dims > 2 ? s->dim[1] : 0};
	if (s->kind != FOX_STEP_WRITE || s->x.from == to || !is_block(to))
		return FOX_OK;
	help->wide = o->search != FOX_MIXTURE_PLAIN;
	if (o->search == FOX_MIXTURE_CALIBRATED && o->factor && s->n_dims == 2 && fox_search_has(to))
		help->factor = o->factor(o->factor_ctx, s->name, s->dim[0]);
	if (!c->m->imatrix)
		return FOX_OK;
	return fox_imatrix_for(c->m->imatrix, &help->importance, s->name, s->dim[0], s->dim[2] * s->dim[3], err);
}

/* Types and importance of one target. */
static enum fox_status fill(
    struct chooser *c, size_t i, const struct fox_recipe_model *model, struct fox_err *err)
{
	const struct fox_mixture *mix = &c->m->list[i];
	struct fox_job *job = c->job;
	struct fox_target *t = &job->targets[i];
	struct objections o = {0};
	size_t fell_back = 0, blind = 0;
	enum fox_status s = FOX_OK;
	bool copy = mix->recipe.ftype->how & FOX_FTYPE_COPY, plain = is_plain(job, mix);
	if (copy && job->arch)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "type copy is for containers: a checkpoint is converted");
	if (plain)
		fox_job_set_plain(job, i, mix->recipe.ftype->type);
	else
		s = fox_recipe_types(c->choices, NULL, &mix->recipe, model, c->tensors, job->n_out, err);
	t->name = mix->name;
	for (size_t k = 0; !s && k < job->n_out; k++) {
		const struct fox_step *step = &job->steps[k];
		const struct fox_recipe_choice *choice = &c->choices[k];
		if (!plain && (copy || step->keep))
			t->types[k] = c->tensors[k].type;
		else if (!plain) {
			t->types[k] = choice->type;
			t->fell_back[k] = choice->type != choice->wanted;
		}
		s = find_help(c, step, t->types[k], &t->help[k], err);
		t->feedback |= t->help[k].factor != NULL;
		bool changes = step->kind == FOX_STEP_WRITE && is_block(t->types[k]) && step->x.from != t->types[k];
		blind += c->m->imatrix && changes && !t->help[k].importance;
		fell_back += t->fell_back[k];
		object(&o, step, t->types[k], c->m->options->allow_requantize,
		    !plain && !copy && choice->needs_importance && !t->help[k].importance);
	}
	if (!s)
		s = judge(&o, err);
	if (!s && fell_back)
		fox_note(c->note, c->note_ctx,
		    "%s: %zu tensors have rows that are no multiple of the block: another type", t->name, fell_back);
	if (!s && blind)
		fox_note(
		    c->note, c->note_ctx, "%s: %zu tensors have no entry in the importance matrix", t->name, blind);
	return s;
}

enum fox_status fox_mixtures_choose(struct fox_mixtures *m, struct fox_job *job,
    const struct fox_recipe_model *model, fox_note_fn *note, void *note_ctx, struct fox_arena *arena,
    struct fox_err *err)
{
	struct chooser c = {m, job, note, note_ctx, fox_arena_alloc(arena, job->n_out, sizeof *c.tensors),
	    fox_arena_alloc(arena, job->n_out, sizeof *c.choices)};
	if (!c.tensors || !c.choices)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < job->n_out; i++) {
		const struct fox_step *s = &job->steps[i];
		c.tensors[i] = (struct fox_recipe_tensor){
		    s->name, kept_type(job, s), s->n_dims, {s->dim[0], s->dim[1], s->dim[2], s->dim[3]}};
	}
	enum fox_status s = fox_job_set_targets(job, m->n, arena, err);
	for (size_t i = 0; !s && i < m->n; i++)
		s = fill(&c, i, model, err);
	if (!s && m->imatrix)
		s = fox_imatrix_covers_some(m->imatrix, err);
	if (!s)
		fox_job_fit(job);
	return s;
}
