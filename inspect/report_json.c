/* report_json.c - a report for a program: one object, members in the order of the report.  spec/inspect.md 2 */
#include "inspect/report_node.h"

#include <math.h>
#include <stdlib.h>

#include "format/base/json.h"

static void json_cell(struct fox_json_writer *w, const struct fox_cell *c);

static void json_list(struct fox_json_writer *w, struct fox_sink *s, const struct fox_list *list)
{
	struct fox_cell item;
	uint64_t cursor = 0;
	bool compact = w->compact;
	fox_jw_array(w);
	w->compact = true;
	for (uint64_t i = 0; i < list->shown && list->next(list->ctx, &cursor, &item); i++) {
		json_cell(w, &item);
		if (s)
			fox_sink_drain(s, false);
		if (s && s->stop)
			break;
	}
	fox_jw_end_array(w);
	w->compact = compact;
}

/* An f32 in its own fewest digits: shorter than the double it equals, and the same f32 again. */
static void json_f32(struct fox_json_writer *w, double v)
{
	char digits[32];
	if (isfinite(v))
		fox_jw_f64(w, strtod(fox_show_f32(digits, (float)v), NULL));
	else
		fox_jw_null(w);
}

static void json_cell(struct fox_json_writer *w, const struct fox_cell *c)
{
	static const char digit[] = "0123456789abcdef";
	struct fox_buf hex = {0};
	switch (c->kind) {
	case FOX_CELL_NONE:
		fox_jw_null(w);
		break;
	case FOX_CELL_STR:
	case FOX_CELL_QUOTED:
		fox_jw_str(w, (struct fox_str){c->s, c->n});
		break;
	case FOX_CELL_U64:
	case FOX_CELL_COUNT:
	case FOX_CELL_BYTES:
		fox_jw_u64(w, c->u);
		break;
	case FOX_CELL_I64:
		fox_jw_i64(w, c->i);
		break;
	case FOX_CELL_F32:
		json_f32(w, c->f);
		break;
	case FOX_CELL_F64:
	case FOX_CELL_EXACT:
		fox_jw_f64(w, c->f);
		break;
	case FOX_CELL_BOOL:
		fox_jw_bool(w, c->b);
		break;
	case FOX_CELL_HEX:
	case FOX_CELL_BEGIN:
		for (uint32_t i = 0; i < c->n; i++) {
			fox_buf_char(&hex, digit[c->hex[i] >> 4]);
			fox_buf_char(&hex, digit[c->hex[i] & 15]);
		}
		if (hex.failed)
			w->out->failed = true;
		fox_jw_str(w, hex.p ? fox_buf_view(&hex) : fox_str_of(""));
		fox_buf_free(&hex);
		break;
	case FOX_CELL_SHAPE:
		fox_jw_array(w);
		for (uint32_t i = 0; i < c->n; i++)
			fox_jw_u64(w, c->dim[i]);
		fox_jw_end_array(w);
		break;
	case FOX_CELL_LIST:
		json_list(w, NULL, c->list);
		break;
	}
}

/* One value on one line, whatever it is made of. */
static void json_member(struct fox_json_writer *w, const char *key, const struct fox_cell *c)
{
	fox_jw_key(w, key);
	w->compact = true;
	json_cell(w, c);
	w->compact = false;
}

/* Each row on a line of its own. */
static void json_table(struct fox_json_writer *w, struct fox_sink *s, const struct fox_table *table)
{
	fox_jw_array(w);
	for (const struct fox_row *row = table->first; row && !s->stop; row = row->next) {
		fox_jw_object(w);
		w->compact = true;
		for (uint32_t c = 0; c < table->n_columns; c++) {
			if (!table->columns[c].key)
				continue;
			fox_jw_key(w, table->columns[c].key);
			json_cell(w, &row->cell[c]);
		}
		fox_jw_end_object(w);
		w->compact = false;
		fox_sink_drain(s, false);
	}
	fox_jw_end_array(w);
}

static void json_findings(struct fox_json_writer *w, struct fox_sink *s, const struct fox_findings *f)
{
	fox_jw_key(w, "findings");
	fox_jw_array(w);
	for (size_t i = 0; i < f->n && !s->stop; i++) {
		const struct fox_finding *x = &f->list[i];
		fox_jw_object(w);
		w->compact = true;
		fox_jw_key(w, "grade");
		fox_jw_cstr(w, fox_grade_name(x->grade));
		fox_jw_key(w, "check");
		fox_jw_cstr(w, x->check);
		fox_jw_key(w, "where");
		fox_jw_cstr(w, x->where);
		fox_jw_key(w, "text");
		fox_jw_cstr(w, x->text);
		fox_jw_end_object(w);
		w->compact = false;
		fox_sink_drain(s, false);
	}
	fox_jw_end_array(w);
	if (f->failed)
		w->out->failed = true; /* a list that is not whole must not look like one */
	fox_jw_key(w, "n_fail");
	fox_jw_u64(w, f->n_fail);
}

/* Writes a node; `open` says whether a section's object is open. */
static void json_node(struct fox_json_writer *w, struct fox_sink *s, const struct fox_node *node, bool *open)
{
	switch (node->kind) {
	case FOX_NODE_ROOT:
	case FOX_NODE_SECTION:
		if (node->kind == FOX_NODE_SECTION && !node->key)
			break;
		if (*open)
			fox_jw_end_object(w);
		*open = node->kind == FOX_NODE_SECTION;
		if (*open) {
			fox_jw_key(w, node->key);
			fox_jw_object(w);
		}
		break;
	case FOX_NODE_FIELD:
	case FOX_NODE_BLOCK:
		if (node->key)
			json_member(w, node->key, &node->cell);
		break;
	case FOX_NODE_LINE:
		break;
	case FOX_NODE_LIST:
		if (node->key && node->cell.kind == FOX_CELL_LIST) {
			fox_jw_key(w, node->key);
			json_list(w, s, node->cell.list);
		}
		break;
	case FOX_NODE_TABLE:
		if (node->key) {
			fox_jw_key(w, node->key);
			json_table(w, s, node->table);
		}
		break;
	case FOX_NODE_FINDINGS:
		json_findings(w, s, node->findings);
		break;
	}
}

void fox_report_json(const struct fox_report *r, struct fox_sink *s)
{
	struct fox_json_writer w = {.out = s->buf};
	bool open = false;
	fox_jw_object(&w);
	fox_jw_key(&w, "tool");
	fox_jw_cstr(&w, r->tool);
	fox_jw_key(&w, "version");
	fox_jw_cstr(&w, FOX_VERSION);
	fox_jw_key(&w, "verb");
	fox_jw_cstr(&w, r->verb);
	for (const struct fox_node *node = r->first; node && !s->stop; node = node->next) {
		json_node(&w, s, node, &open);
		fox_sink_drain(s, false);
	}
	if (open)
		fox_jw_end_object(&w);
	fox_jw_end_object(&w); /* the writer ends the last line itself */
}
