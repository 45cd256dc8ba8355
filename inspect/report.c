/* report.c - building a report, and handing its rendering to a stream or a buffer. */
#include "inspect/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "inspect/report_node.h"

/* Rendered bytes are handed on in pieces of about this many. */
#define SINK_BYTES 65536u

void fox_report_init(struct fox_report *r, const char *tool, const char *verb)
{
	*r = (struct fox_report){.tool = tool, .verb = verb};
}

void fox_report_free(struct fox_report *r)
{
	fox_arena_free(&r->arena);
	r->first = r->last = NULL;
}

static struct fox_node *node_add(struct fox_report *r, enum fox_node_kind kind)
{
	struct fox_node *node = fox_arena_alloc(&r->arena, 1, sizeof *node);
	if (!node) {
		r->failed = true;
		return NULL;
	}
	node->kind = kind;
	if (r->last)
		r->last->next = node;
	else
		r->first = node;
	r->last = node;
	return node;
}

void fox_report_section(struct fox_report *r, const char *key, const char *title)
{
	struct fox_node *node = node_add(r, FOX_NODE_SECTION);
	if (node) {
		node->key = key;
		node->label = title;
	}
}

void fox_report_root(struct fox_report *r)
{
	node_add(r, FOX_NODE_ROOT);
}

void fox_report_field(struct fox_report *r, const char *key, const char *label, struct fox_cell value)
{
	struct fox_node *node = node_add(r, FOX_NODE_FIELD);
	if (node) {
		node->key = key;
		node->label = label;
		node->cell = value;
	}
}

/* printf into the arena. {"", 0} when memory runs out. */
static FOX_PRINTF(2, 0) struct fox_str format_copy(struct fox_report *r, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	char *p = n < 0 ? NULL : fox_arena_alloc(&r->arena, (size_t)n + 1, 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	else
		r->failed = true;
	va_end(again);
	return p ? (struct fox_str){p, (size_t)n} : (struct fox_str){"", 0};
}

void fox_report_line(struct fox_report *r, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct fox_str s = format_copy(r, fmt, args);
	va_end(args);
	struct fox_node *node = node_add(r, FOX_NODE_LINE);
	if (node)
		node->cell = fox_cell_str(s);
}

void fox_report_block(struct fox_report *r, const char *key, struct fox_str text)
{
	struct fox_node *node = node_add(r, FOX_NODE_BLOCK);
	if (node) {
		node->key = key;
		node->cell = fox_cell_str(text);
	}
}

void fox_report_list(struct fox_report *r, const char *key, const struct fox_list *list, bool lines)
{
	struct fox_cell cell = fox_cell_list(r, list);
	struct fox_node *node = node_add(r, FOX_NODE_LIST);
	if (node) {
		node->key = key;
		node->cell = cell;
		node->lines = lines;
	}
}

struct fox_table *fox_report_table(
    struct fox_report *r, const char *key, const struct fox_column *columns, uint32_t n_columns)
{
	struct fox_table *table = fox_arena_alloc(&r->arena, 1, sizeof *table);
	struct fox_node *node = table ? node_add(r, FOX_NODE_TABLE) : NULL;
	if (!node) {
		r->failed = true;
		return NULL;
	}
	table->columns = columns;
	table->n_columns = n_columns;
	node->key = key;
	node->table = table;
	return table;
}

void fox_report_row(struct fox_report *r, struct fox_table *t, const struct fox_cell *cells)
{
	if (!t)
		return;
	size_t bytes = sizeof(struct fox_cell) * t->n_columns;
	struct fox_row *row = fox_arena_alloc(&r->arena, 1, sizeof *row + bytes);
	if (!row) {
		r->failed = true;
		return;
	}
	memcpy(row->cell, cells, bytes);
	if (t->last)
		t->last->next = row;
	else
		t->first = row;
	t->last = row;
}

void fox_report_findings(struct fox_report *r, const struct fox_findings *f)
{
	struct fox_node *node = node_add(r, FOX_NODE_FINDINGS);
	if (node)
		node->findings = f;
}

const char *fox_grade_name(enum fox_grade g)
{
	return g == FOX_PASS ? "ok" : g == FOX_NOTE ? "note" : "fail";
}

struct fox_cell fox_cell_copy(struct fox_report *r, struct fox_str s)
{
	char *p = fox_arena_strdup(&r->arena, s);
	if (!p)
		r->failed = true;
	return p ? fox_cell_str((struct fox_str){p, s.n}) : fox_cell_none();
}

struct fox_cell fox_cell_fmt(struct fox_report *r, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	struct fox_str s = format_copy(r, fmt, args);
	va_end(args);
	return fox_cell_str(s);
}

/* A copy of n bytes in the arena; NULL when out of memory. */
static const void *keep(struct fox_report *r, const void *p, size_t n)
{
	void *copy = fox_arena_alloc(&r->arena, n, 1);
	if (copy && n)
		memcpy(copy, p, n);
	if (!copy)
		r->failed = true;
	return copy;
}

struct fox_cell fox_cell_hex(struct fox_report *r, const void *p, size_t n)
{
	const uint8_t *copy = keep(r, p, n);
	return copy ? (struct fox_cell){.kind = FOX_CELL_HEX, .n = (uint32_t)n, .hex = copy} : fox_cell_none();
}

struct fox_cell fox_cell_shape(struct fox_report *r, const uint64_t *dim, uint32_t n)
{
	const uint64_t *copy = keep(r, dim, n * sizeof *dim);
	return copy ? (struct fox_cell){.kind = FOX_CELL_SHAPE, .n = n, .dim = copy} : fox_cell_none();
}

struct fox_cell fox_cell_list(struct fox_report *r, const struct fox_list *list)
{
	const struct fox_list *copy = keep(r, list, sizeof *list);
	return copy ? (struct fox_cell){.kind = FOX_CELL_LIST, .list = copy} : fox_cell_none();
}

void fox_sink_drain(struct fox_sink *s, bool now)
{
	if (!s->out || s->buf->failed || (!now && s->buf->n < SINK_BYTES))
		return;
	if (!s->stop && s->buf->n && fwrite(s->buf->p, 1, s->buf->n, s->out) != s->buf->n) {
		s->stop = true;
		s->errnum = errno;
	}
	fox_buf_clear(s->buf);
}

enum fox_status fox_report_print(
    const struct fox_report *r, FILE *out, bool json, bool colour, struct fox_err *err)
{
	if (r->failed)
		return fox_fail_nomem(err);
	struct fox_buf buf = {0};
	struct fox_sink sink = {&buf, out, false, 0};
	errno = 0;
	if (json)
		fox_report_json(r, &sink);
	else
		fox_report_text(r, &sink, colour);
	fox_sink_drain(&sink, true);
	bool failed = buf.failed;
	fox_buf_free(&buf);
	if (failed)
		return fox_fail_nomem(err);
	if (!sink.stop && fflush(out)) {
		sink.stop = true;
		sink.errnum = errno;
	}
	return sink.stop ? fox_fail_errno(err, sink.errnum, "cannot write the output") : FOX_OK;
}

bool fox_report_render(const struct fox_report *r, struct fox_buf *out, bool json, bool colour)
{
	struct fox_sink sink = {out, NULL, false, 0};
	if (r->failed)
		return false;
	if (json)
		fox_report_json(r, &sink);
	else
		fox_report_text(r, &sink, colour);
	return !out->failed;
}
