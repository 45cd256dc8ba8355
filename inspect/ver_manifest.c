/* ver_manifest.c - a manifest of hashes against a model: manifest.hash, manifest.tensor, manifest.missing, manifest.file
 *
 * Every line is judged, and every tensor must be vouched for: by a line of its own, or by one of the whole file.
 * spec/verify.md 10 */
#include <stdio.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "inspect/tenhash.h"
#include "inspect/verify.h"

/* One file of the model. Hashes are those of the kinds that lines about it name. */
struct part {
	const struct fox_gguf *g;
	struct fox_str base; /* file name without folders */
	unsigned kinds;      /* bits */
	size_t n_lines;
	uint8_t (*tensor)[FOX_LIST_KINDS][FOX_HASHLIST_HASH]; /* [tensors] */
	uint8_t whole[FOX_LIST_KINDS][FOX_HASHLIST_HASH];
	bool *named;   /* [tensors]: a line is about it */
	bool whole_ok; /* a line about the whole file is right */
};

struct manifest {
	struct fox_verify *v;
	struct fox_hashlist list;
	struct part *part;
	size_t n_parts, n_other, n_right;
	bool any_name; /* one file each: what it is called does not matter */
};

static struct fox_str base_of(struct fox_str path)
{
	size_t at = path.n;
	while (at && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
		at--;
	return (struct fox_str){path.p + at, path.n - at};
}

/* The file that a line is about; NULL: none of this model. */
static struct part *part_of(struct manifest *m, const struct fox_hashline *line)
{
	if (m->any_name)
		return m->part;
	for (size_t i = 0; i < m->n_parts; i++)
		if (fox_str_eq(m->part[i].base, base_of(line->file)))
			return &m->part[i];
	return NULL;
}

static size_t index_of(const struct part *p, const struct fox_tensor *t)
{
	return (size_t)(t - fox_gguf_tensor(p->g, 0));
}

static void keep(void *ctx, enum fox_hashlist_kind kind, const struct fox_tensor *t, const uint8_t *hash)
{
	struct part *p = ctx;
	memcpy(t ? p->tensor[index_of(p, t)][kind] : p->whole[kind], hash, fox_hashlist_bytes(kind));
}

static enum fox_status hash_parts(struct manifest *m, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < m->list.n; i++) {
		struct part *p = part_of(m, &m->list.list[i]);
		if (!p)
			continue;
		p->kinds |= 1u << m->list.list[i].kind;
		p->n_lines++;
	}
	for (size_t i = 0; i < m->n_parts && !s; i++) {
		struct part *p = &m->part[i];
		size_t n = fox_gguf_tensors(p->g);
		p->tensor = calloc(n + 1, sizeof *p->tensor);
		p->named = calloc(n + 1, sizeof *p->named);
		if (!p->tensor || !p->named)
			s = fox_fail_nomem(err);
		else if (p->kinds)
			s = fox_tenhash(p->g, p->kinds, m->v->pool, keep, p, err);
	}
	return s;
}

/* ---- verdicts */

static void judge_line(struct manifest *m, const struct fox_hashline *line)
{
	char where[128], got[2 * FOX_HASHLIST_HASH + 1], want[2 * FOX_HASHLIST_HASH + 1];
	struct part *p = part_of(m, line);
	const uint8_t *is;
	if (!p) {
		m->n_other++;
		return;
	}
	const struct fox_tensor *t = line->tensor.n ? fox_gguf_find(p->g, line->tensor) : NULL;
	if (line->tensor.n && !t) {
		snprintf(where, sizeof where, "line %u", line->number);
		fox_find_add(&m->v->found, FOX_FAIL, "manifest.tensor", where,
		    "names the tensor '%.*s', which '%.*s' does not have", FOX_STR_ARG(line->tensor),
		    FOX_STR_ARG(p->base));
		return;
	}
	is = t ? p->tensor[index_of(p, t)][line->kind] : p->whole[line->kind];
	if (t)
		p->named[index_of(p, t)] = true;
	if (!memcmp(is, line->hash, fox_hashlist_bytes(line->kind))) {
		p->whole_ok |= !t;
		m->n_right++;
		return;
	}
	struct fox_str about = t ? t->name : p->base;
	snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(about));
	fox_find_add(&m->v->found, FOX_FAIL, "manifest.hash", where, "%s is %s, not %s of line %u",
	    fox_hashlist_names[line->kind], fox_hashlist_show(got, line->kind, is),
	    fox_hashlist_show(want, line->kind, line->hash), line->number);
}

/* Lines may have been left out: what no line is about is not proven. */
static void judge_missing(struct manifest *m, const struct part *p)
{
	size_t n = fox_gguf_tensors(p->g), absent = 0, first = 0;
	char where[256];
	snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(p->base));
	for (size_t i = n; i-- > 0;)
		if (!p->named[i]) {
			absent++;
			first = i;
		}
	if (!p->n_lines)
		fox_find_add(&m->v->found, FOX_FAIL, "manifest.file", where, "no line is about this file");
	else if (absent && !p->whole_ok)
		fox_find_add(&m->v->found, FOX_FAIL, "manifest.missing", where,
		    "no line is about %zu of %zu tensors, the first of them '%.*s', nor is a right one about the "
		    "whole file",
		    absent, n, FOX_STR_ARG(fox_gguf_tensor(p->g, first)->name));
	else if (absent && absent < n)
		fox_find_add(&m->v->found, FOX_NOTE, "manifest.missing", where,
		    "no line is about %zu of %zu tensors, the first of them '%.*s'; one about the whole file is "
		    "right",
		    absent, n, FOX_STR_ARG(fox_gguf_tensor(p->g, first)->name));
}

static void judge(struct manifest *m, const char *path)
{
	struct fox_report *r = m->v->report;
	size_t before = m->v->found.n_fail;
	for (size_t i = 0; i < m->list.n; i++)
		judge_line(m, &m->list.list[i]);
	for (size_t i = 0; i < m->n_parts; i++)
		judge_missing(m, &m->part[i]);
	if (m->n_other)
		fox_find_add(&m->v->found, FOX_NOTE, "manifest.file", "", "%zu of %zu lines are about other files",
		    m->n_other, m->list.n);
	else if (m->any_name && !fox_str_eq(m->part->base, base_of(m->list.list[0].file)))
		fox_find_add(&m->v->found, FOX_NOTE, "manifest.file", "", "lines call the file '%.*s'",
		    FOX_STR_ARG(base_of(m->list.list[0].file)));
	if (m->v->found.n_fail == before)
		fox_find_add(
		    &m->v->found, FOX_PASS, "manifest.hash", "", "%zu hashes are those of the manifest", m->n_right);
	fox_report_section(r, "manifest", "manifest");
	fox_report_field(r, "list", "list", fox_cell_cstr(path));
	fox_report_field(r, "lines", "lines", fox_cell_count(m->list.n));
	fox_report_field(r, "right", "right", fox_cell_count(m->n_right));
}

static enum fox_status open_parts(struct manifest *m, struct fox_err *err)
{
	m->n_parts = fox_gguf_parts(m->v->g);
	m->part = calloc(m->n_parts, sizeof *m->part);
	if (!m->part)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < m->n_parts; i++) {
		m->part[i].g = fox_gguf_part(m->v->g, i);
		m->part[i].base = base_of(fox_str_of(fox_gguf_path(m->part[i].g)));
	}
	m->any_name = m->n_parts == 1;
	for (size_t i = 1; i < m->list.n && m->any_name; i++)
		m->any_name = fox_str_eq(base_of(m->list.list[i].file), base_of(m->list.list[0].file));
	return FOX_OK;
}

enum fox_status fox_ver_manifest(struct fox_verify *v, const char *path, struct fox_err *err)
{
	struct manifest m = {.v = v};
	struct fox_arena arena = {0};
	char *text = NULL;
	size_t n = 0;
	enum fox_status s = fox_path_slurp(path, FOX_HASHLIST_MAX_BYTES, &text, &n, err);
	if (!s)
		s = fox_hashlist_parse(&m.list, (struct fox_str){text, n}, &arena, err);
	if (s)
		fox_in_file(err, path);
	if (!s)
		s = open_parts(&m, err);
	if (!s)
		s = hash_parts(&m, err);
	if (!s)
		judge(&m, path);
	for (size_t i = 0; m.part && i < m.n_parts; i++) {
		free(m.part[i].tensor);
		free(m.part[i].named);
	}
	free(m.part);
	free(text);
	fox_arena_free(&arena);
	return s;
}
