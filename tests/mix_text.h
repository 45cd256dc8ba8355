/* mix_text.h - descriptions of models and the types their tensors get, as text: tests/golden/mixes.txt, and what
 * tests/gen/mixes prints.
 *
 *   m NAME ARCH LAYERS EXPERTS HEADS KV_HEADS   a model; ARCH and numbers as fox_recipe_model has them
 *   t NAME TYPE DIM DIM..                       a tensor, or one per layer: "blk.*." is all, "blk.3-7." some
 *   r FTYPE OPTION.. ; FB I=TYPES I=TYPES..     a run: how many tensors fell back, and the types of the t-th line (from
 *                                               0), one letter per layer or one for all; left out: the base type
 * Options: imp pure leave out=TYPE emb=TYPE rule=REGEX=TYPE. A letter is the type's id: A is 0, a is 26. */
#ifndef MIX_TEXT_H
#define MIX_TEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "convert/recipe.h"
#include "format/base/arena.h"

#define MIX_TENSORS 8192u
#define MIX_LINES 4096u

struct mix_model {
	struct fox_arena arena;
	char name[64];
	struct fox_recipe_model facts;
	struct fox_recipe_tensor t[MIX_TENSORS];
	struct fox_recipe_choice c[MIX_TENSORS];
	size_t n, first[MIX_LINES + 1], n_lines; /* tensors of line i: first[i] up to first[i + 1] */
};

static void mix_die(const char *what, const char *line)
{
	fprintf(stderr, "%s: %s\n", what, line);
	exit(3);
}

static struct fox_str mix_copy(struct mix_model *m, const char *p)
{
	const char *copy = fox_arena_strdup(&m->arena, fox_str_of(p));
	if (!copy)
		mix_die("out of memory", p);
	return fox_str_of(copy);
}

static void mix_begin(struct mix_model *m, const char *line)
{
	char arch[64];
	unsigned long long v[4];
	fox_arena_free(&m->arena);
	m->n = m->n_lines = 0;
	if (sscanf(line, "m %63s %63s %llu %llu %llu %llu", m->name, arch, &v[0], &v[1], &v[2], &v[3]) != 6)
		mix_die("not a model", line);
	m->facts = (struct fox_recipe_model){.arch = mix_copy(m, strcmp(arch, "-") ? arch : ""),
	    .n_layers = v[0],
	    .n_experts = v[1],
	    .n_heads = v[2],
	    .n_kv_heads = v[3],
	    .heads_given = arch[0] != '-'};
}

static void mix_add(
    struct mix_model *m, const char *name, enum fox_type type, const uint64_t dim[4], int n_dims)
{
	if (m->n == MIX_TENSORS)
		mix_die("too many tensors", name);
	struct fox_recipe_tensor *t = &m->t[m->n++];
	*t = (struct fox_recipe_tensor){.name = mix_copy(m, name), .type = type, .n_dims = (uint32_t)n_dims};
	memcpy(t->dim, dim, sizeof t->dim);
}

static void mix_tensor(struct mix_model *m, const char *line)
{
	char name[128], type[16], full[160];
	const char *rest;
	unsigned long long d[4] = {1, 1, 1, 1};
	unsigned from, to;
	int end = 0,
	    n = sscanf(line, "t %127s %15s %llu %llu %llu %llu", name, type, &d[0], &d[1], &d[2], &d[3]) - 2;
	uint64_t dim[4] = {d[0], d[1], d[2], d[3]};
	enum fox_type ty;
	if (n < 1 || m->n_lines == MIX_LINES || fox_type_parse(fox_str_of(type), &ty, NULL))
		mix_die("not a tensor", line);
	m->first[m->n_lines++] = m->n;
	if (!strncmp(name, "blk.*.", 6)) {
		rest = name + 6;
		from = 0;
		to = (unsigned)m->facts.n_layers - 1;
	} else if (sscanf(name, "blk.%u-%u.%n", &from, &to, &end) == 2 && end) {
		rest = name + end;
	} else {
		mix_add(m, name, ty, dim, n);
		m->first[m->n_lines] = m->n;
		return;
	}
	for (unsigned i = from; i <= to; i++) {
		snprintf(full, sizeof full, "blk.%u.%s", i, rest);
		mix_add(m, full, ty, dim, n);
	}
	m->first[m->n_lines] = m->n;
}

static char mix_letter(enum fox_type t)
{
	return (char)(t < 26 ? 'A' + t : 'a' + (t - 26));
}

static void mix_option(struct fox_recipe *r, struct fox_rules *rules, const char *word, const char *line)
{
	struct fox_err err = {0};
	enum fox_status s = FOX_OK;
	if (!strcmp(word, "imp"))
		r->has_importance = true;
	else if (!strcmp(word, "pure"))
		r->pure = true;
	else if (!strcmp(word, "leave"))
		r->leave_output = true;
	else if (!strncmp(word, "out=", 4))
		s = fox_recipe_parse_type(fox_str_of(word + 4), &r->output_type, &err);
	else if (!strncmp(word, "emb=", 4))
		s = fox_recipe_parse_type(fox_str_of(word + 4), &r->embed_type, &err);
	else if (!strncmp(word, "rule=", 5))
		s = fox_rules_add(rules, fox_str_of(word + 5), &err);
	else
		mix_die("no such option", line);
	if (s)
		mix_die(err.text, line);
}

/* The line of a run with what the recipe chooses behind the ';' : `line` up to it, and the result. */
static void mix_run(struct mix_model *m, struct fox_buf *out, const char *line)
{
	char word[256];
	int at = 0, n;
	const struct fox_ftype *ftype;
	struct fox_err err = {0};
	struct fox_rules *rules;
	struct fox_recipe_count count;
	if (sscanf(line, "r %255s%n", word, &at) != 1 || fox_ftype_parse(fox_str_of(word), &ftype, &err))
		mix_die(err.text, line);
	struct fox_recipe r = fox_recipe_of(ftype);
	if (fox_rules_open(&rules, &err))
		mix_die(err.text, line);
	r.rules = rules;
	fox_buf_fmt(out, "r %s", word);
	for (; sscanf(line + at, " %255s%n", word, &n) == 1 && strcmp(word, ";"); at += n) {
		mix_option(&r, rules, word, line);
		fox_buf_fmt(out, " %s", word);
	}
	if (fox_recipe_types(m->c, &count, &r, &m->facts, m->t, m->n, &err))
		mix_die(err.text, line);
	fox_buf_fmt(out, " ; %zu", count.fell_back);
	for (size_t l = 0; l < m->n_lines; l++) {
		bool one = true;
		enum fox_type t = m->c[m->first[l]].type;
		for (size_t i = m->first[l]; i < m->first[l + 1]; i++)
			one = one && m->c[i].type == t;
		if (one && t == ftype->type && !(ftype->how & FOX_FTYPE_COPY))
			continue;
		fox_buf_fmt(out, " %zu=", l);
		for (size_t i = m->first[l]; i < m->first[l + 1] && (!one || i == m->first[l]); i++)
			fox_buf_char(out, mix_letter(m->c[i].type));
	}
	fox_rules_close(rules);
}

#endif
