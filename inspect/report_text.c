/* report_text.c - a report for a person: aligned, at most FOX_REPORT_WIDTH columns where blanks allow, nothing obeyed that
 * a stranger wrote. One code point counts as one column. */
#include "inspect/report_node.h"

#include <inttypes.h>

#define MAX_FIELD 1000u /* bytes of a string that a field shows */
#define MAX_CELL 160u   /* in a table or a list */
#define MAX_LABEL 24u   /* columns of the widest label that others are aligned with */
#define MIN_CUT 16u     /* columns that a cut column gets at least */
#define MAX_COLUMNS 12u /* of a table */

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

struct text {
	struct fox_sink *sink;
	struct fox_buf *out;
	struct fox_buf tmp; /* one value */
	size_t label;       /* columns of the label column */
	size_t indent;
	bool colour, whole;
	bool begun; /* something stands above: what comes next keeps a blank line from it */
	bool apart; /* the next field or line keeps one too: a section has ended */
};

/* Columns of escaped text: its code points. */
static size_t columns(const char *p, size_t n)
{
	size_t c = 0;
	for (size_t i = 0; i < n; i++)
		c += ((unsigned char)p[i] & 0xc0) != 0x80;
	return c;
}

/* Bytes of the first `want` columns. */
static size_t bytes_of(const char *p, size_t n, size_t want)
{
	size_t i = 0;
	for (size_t c = 0; i < n; i++) {
		c += ((unsigned char)p[i] & 0xc0) != 0x80;
		if (c > want)
			break;
	}
	return i;
}

static void blanks(struct fox_buf *b, size_t n)
{
	while (n--)
		fox_buf_char(b, ' ');
}

static void coloured(struct text *t, const char *colour, const char *s)
{
	fox_buf_str(t->out, t->colour ? colour : "");
	fox_buf_str(t->out, s);
	fox_buf_str(t->out, t->colour ? PLAIN : "");
}

static void put_cell(struct fox_buf *b, const struct fox_cell *c, size_t limit, bool whole, bool table);

static void put_list(struct fox_buf *b, const struct fox_list *list, bool whole)
{
	struct fox_cell item;
	uint64_t cursor = 0, i = 0;
	fox_buf_char(b, '[');
	for (; i < list->shown && list->next(list->ctx, &cursor, &item); i++) {
		fox_buf_str(b, i ? ", " : "");
		put_cell(b, &item, MAX_CELL, whole, true);
	}
	fox_buf_str(b, i < list->n ? i ? ", ...]" : "...]" : "]");
}

/* The text of one value. table: sizes without their short form. */
static void put_cell(struct fox_buf *b, const struct fox_cell *c, size_t limit, bool whole, bool table)
{
	char num[32];
	struct fox_str s = {c->s, c->n};
	switch (c->kind) {
	case FOX_CELL_NONE:
		fox_buf_char(b, '-');
		break;
	case FOX_CELL_STR:
		fox_buf_escaped(b, s, whole ? s.n : limit);
		break;
	case FOX_CELL_QUOTED:
		fox_buf_char(b, '\'');
		fox_buf_escaped(b, s, whole ? s.n : limit);
		fox_buf_char(b, '\'');
		break;
	case FOX_CELL_U64:
		fox_buf_fmt(b, "%" PRIu64, c->u);
		break;
	case FOX_CELL_COUNT:
		fox_buf_str(b, fox_count_text(num, c->u));
		break;
	case FOX_CELL_BYTES:
		if (!table && c->u >= 1000)
			fox_buf_fmt(b, "%s (", fox_show_bytes(num, c->u));
		fox_buf_str(b, fox_count_text(num, c->u));
		if (!table)
			fox_buf_str(b, c->u >= 1000 ? " bytes)" : " bytes");
		break;
	case FOX_CELL_I64:
		fox_buf_fmt(b, "%" PRId64, c->i);
		break;
	case FOX_CELL_F32:
		fox_buf_str(b, fox_show_f32(num, (float)c->f));
		break;
	case FOX_CELL_F64:
		if (c->f - c->f == 0)
			fox_buf_fmt(b, "%.6g", c->f);
		else
			fox_buf_str(b, fox_show_f64(num, c->f));
		break;
	case FOX_CELL_EXACT:
		fox_buf_str(b, fox_show_f64(num, c->f));
		break;
	case FOX_CELL_BOOL:
		fox_buf_str(b, c->b ? "true" : "false");
		break;
	case FOX_CELL_HEX:
	case FOX_CELL_BEGIN:
		for (uint32_t i = 0; i < c->n; i++)
			fox_buf_fmt(b, "%02x", c->hex[i]);
		fox_buf_str(b, c->kind == FOX_CELL_BEGIN ? "..." : "");
		break;
	case FOX_CELL_SHAPE:
		for (uint32_t i = 0; i < c->n; i++)
			fox_buf_fmt(b, "%s%" PRIu64, i ? " x " : "", c->dim[i]);
		break;
	case FOX_CELL_LIST:
		put_list(b, c->list, whole);
		break;
	}
}

/* The value as text in t->tmp, valid until the next call. Never NULL. */
static struct fox_str show(struct text *t, const struct fox_cell *c, size_t limit, bool table)
{
	fox_buf_clear(&t->tmp);
	put_cell(&t->tmp, c, limit, t->whole, table);
	if (t->tmp.failed)
		t->out->failed = true;
	return t->tmp.p && !t->tmp.failed ? fox_buf_view(&t->tmp) : (struct fox_str){"", 0};
}

/* Text that starts at column `at` of the current line and goes on at column `left` of the next; then a newline. */
static void put_wrapped(struct text *t, struct fox_str s, size_t at, size_t left)
{
	const char *p = s.p;
	size_t n = s.n;
	for (;;) {
		size_t room = FOX_REPORT_WIDTH > at + MIN_CUT ? FOX_REPORT_WIDTH - at : MIN_CUT;
		size_t fit = t->whole ? n : bytes_of(p, n, room);
		if (fit < n && p[fit] != ' ') { /* go back to a blank, when one is in the second half of the line */
			size_t k = fit;
			while (k > fit / 2 && p[k - 1] != ' ')
				k--;
			fit = k > fit / 2 ? k : fit;
		}
		size_t trimmed = fit;
		while (fit < n && trimmed && p[trimmed - 1] == ' ')
			trimmed--;
		fox_buf_add(t->out, p, trimmed);
		fox_buf_char(t->out, '\n');
		p += fit;
		n -= fit;
		while (n && fit && *p == ' ') {
			p++;
			n--;
		}
		if (!n)
			return;
		blanks(t->out, left);
		at = left;
	}
}

/* The blank line before a table, a list, a heading. */
static void gap(struct text *t)
{
	if (t->begun)
		fox_buf_char(t->out, '\n');
	t->begun = true;
	t->apart = false;
}

/* The start of a field or a line of text. */
static void begin_line(struct text *t)
{
	if (t->apart)
		fox_buf_char(t->out, '\n');
	t->begun = true;
	t->apart = false;
	blanks(t->out, t->indent);
}

static void text_field(struct text *t, const struct fox_node *node)
{
	if (!node->label)
		return;
	size_t left = t->indent + t->label + 2;
	begin_line(t);
	struct fox_cell name = fox_cell_cstr(node->label); /* may be a stranger's: a part of a key */
	struct fox_str label = show(t, &name, MAX_CELL, true);
	size_t used = columns(label.p, label.n);
	fox_buf_add(t->out, label.p, label.n);
	blanks(t->out, used < t->label ? t->label - used + 2 : 2);
	put_wrapped(
	    t, show(t, &node->cell, MAX_FIELD, false), used < t->label ? left : t->indent + used + 2, left);
}

/* Lines of a stranger's text: newline and tab are obeyed, the rest of each line is escaped. */
static void text_block(struct text *t, struct fox_str s)
{
	size_t i = 0;
	gap(t);
	while (i < s.n) {
		size_t end = i;
		while (end < s.n && s.p[end] != '\n' && s.p[end] != '\t')
			end++;
		fox_buf_escaped(t->out, (struct fox_str){s.p + i, end - i}, end - i);
		if (end < s.n)
			fox_buf_char(t->out, s.p[end]);
		i = end + 1;
	}
	if (!s.n || s.p[s.n - 1] != '\n')
		fox_buf_char(t->out, '\n');
}

static void text_list(struct text *t, const struct fox_list *list, bool lines)
{
	struct fox_cell item;
	uint64_t cursor = 0, i = 0;
	size_t at = t->indent;
	if (!list->n)
		return;
	gap(t);
	blanks(t->out, list->shown ? t->indent : 0);
	for (; i < list->shown && !t->sink->stop && list->next(list->ctx, &cursor, &item); i++) {
		struct fox_str s = show(t, &item, MAX_CELL, true);
		size_t wide = columns(s.p, s.n);
		if (i && (lines || at + 1 + wide > FOX_REPORT_WIDTH)) {
			fox_buf_char(t->out, '\n');
			blanks(t->out, t->indent);
			at = t->indent;
		} else if (i) {
			fox_buf_char(t->out, ' ');
			at++;
		}
		fox_buf_add(t->out, s.p, s.n);
		at += wide;
		fox_sink_drain(t->sink, false);
	}
	if (i)
		fox_buf_char(t->out, '\n');
	if (i < list->n) {
		char shown[32], all[32];
		blanks(t->out, t->indent);
		fox_buf_fmt(t->out, "... %s of %s\n", fox_count_text(shown, i), fox_count_text(all, list->n));
	}
}

/* One cell, padded to its column; the last one of a line is not padded on the right. */
static void table_cell(
    struct text *t, struct fox_str s, const struct fox_column *col, size_t width, bool last)
{
	size_t wide = columns(s.p, s.n);
	if (col->cut && !t->whole && wide > width) {
		fox_buf_add(t->out, s.p, bytes_of(s.p, s.n, width - 3));
		fox_buf_str(t->out, "...");
		return;
	}
	size_t pad = wide < width ? width - wide : 0;
	if (col->right)
		blanks(t->out, pad);
	fox_buf_add(t->out, s.p, s.n);
	if (!col->right && !last)
		blanks(t->out, pad);
}

/* Columns that each column of the table takes; 0 for JSON only. Returns the index of the last shown, or n_columns. */
static uint32_t table_widths(struct text *t, const struct fox_table *table, size_t *width)
{
	uint32_t last = table->n_columns;
	size_t used = t->indent;
	for (uint32_t c = 0; c < table->n_columns; c++) {
		const struct fox_column *col = &table->columns[c];
		width[c] = 0;
		if (!col->title)
			continue;
		last = c;
		width[c] = strlen(col->title);
		for (const struct fox_row *row = table->first; row && !col->cut; row = row->next) {
			struct fox_str s = show(t, &row->cell[c], MAX_CELL, true);
			size_t wide = columns(s.p, s.n);
			width[c] = wide > width[c] ? wide : width[c];
		}
		if (col->cut)
			width[c] = used + MIN_CUT < FOX_REPORT_WIDTH ? FOX_REPORT_WIDTH - used : MIN_CUT;
		used += width[c] + 2;
	}
	return last;
}

/* Ends a line of a table: an empty last cell leaves no blanks. */
static void end_row(struct fox_buf *b)
{
	while (b->n && b->p[b->n - 1] == ' ')
		b->n--;
	fox_buf_char(b, '\n');
}

static void text_table(struct text *t, const struct fox_table *table)
{
	size_t width[MAX_COLUMNS];
	if (table->n_columns > MAX_COLUMNS || !table->first)
		return;
	uint32_t last = table_widths(t, table, width);
	if (last == table->n_columns)
		return; /* JSON only */
	gap(t);
	blanks(t->out, t->indent);
	fox_buf_str(t->out, t->colour ? BOLD : "");
	for (uint32_t c = 0; c <= last; c++) {
		if (!table->columns[c].title)
			continue;
		struct fox_column head = table->columns[c];
		head.cut = false;
		table_cell(t, fox_str_of(head.title), &head, width[c], c == last);
		fox_buf_str(t->out, c == last ? "" : "  ");
	}
	fox_buf_str(t->out, t->colour ? PLAIN "\n" : "\n");
	for (const struct fox_row *row = table->first; row && !t->sink->stop; row = row->next) {
		blanks(t->out, t->indent);
		for (uint32_t c = 0; c <= last; c++) {
			if (!table->columns[c].title)
				continue;
			table_cell(t, show(t, &row->cell[c], MAX_CELL, true), &table->columns[c], width[c], c == last);
			fox_buf_str(t->out, c == last ? "" : "  ");
		}
		end_row(t->out);
		fox_sink_drain(t->sink, false);
	}
}

static void text_findings(struct text *t, const struct fox_findings *f)
{
	static const char *const colour[] = {[FOX_PASS] = GREEN, [FOX_NOTE] = YELLOW, [FOX_FAIL] = RED};
	size_t width = 0;
	if (f->failed)
		t->out->failed = true; /* a list that is not whole must not look like one */
	if (!f->n)
		return;
	for (size_t i = 0; i < f->n; i++)
		width = strlen(f->list[i].check) > width ? strlen(f->list[i].check) : width;
	gap(t);
	for (size_t i = 0; i < f->n && !t->sink->stop; i++) {
		const struct fox_finding *x = &f->list[i];
		const char *grade = fox_grade_name(x->grade);
		blanks(t->out, t->indent);
		coloured(t, colour[x->grade], grade);
		blanks(t->out, 6 - strlen(grade));
		fox_buf_str(t->out, x->check);
		blanks(t->out, width - strlen(x->check) + 2);
		fox_buf_clear(&t->tmp);
		fox_buf_escaped(&t->tmp, fox_str_of(x->where), MAX_FIELD);
		fox_buf_str(&t->tmp, x->where[0] ? ": " : "");
		fox_buf_escaped(&t->tmp, fox_str_of(x->text), MAX_FIELD);
		if (t->tmp.failed)
			t->out->failed = true;
		else
			put_wrapped(t, fox_buf_view(&t->tmp), t->indent + 6 + width + 2, t->indent + 6 + width + 2);
		fox_sink_drain(t->sink, false);
	}
}

static void text_node(struct text *t, const struct fox_node *node)
{
	switch (node->kind) {
	case FOX_NODE_ROOT:
		t->apart = t->indent && t->begun;
		t->indent = 0;
		break;
	case FOX_NODE_SECTION:
		if (!node->label)
			break;
		t->indent = 0;
		gap(t);
		coloured(t, BOLD, node->label);
		fox_buf_char(t->out, '\n');
		t->indent = 2;
		t->apart = false;
		t->begun = false; /* what follows belongs to the heading: no blank line between */
		break;
	case FOX_NODE_FIELD:
		text_field(t, node);
		break;
	case FOX_NODE_LINE:
		begin_line(t);
		put_wrapped(t, show(t, &node->cell, SIZE_MAX, false), t->indent, t->indent);
		break;
	case FOX_NODE_BLOCK:
		text_block(t, (struct fox_str){node->cell.s, node->cell.n});
		break;
	case FOX_NODE_LIST:
		if (node->cell.kind == FOX_CELL_LIST)
			text_list(t, node->cell.list, node->lines);
		break;
	case FOX_NODE_TABLE:
		text_table(t, node->table);
		break;
	case FOX_NODE_FINDINGS:
		text_findings(t, node->findings);
		break;
	}
}

void fox_report_text(const struct fox_report *r, struct fox_sink *s, bool colour)
{
	struct text t = {.sink = s, .out = s->buf, .colour = colour, .whole = r->whole};
	for (const struct fox_node *node = r->first; node; node = node->next)
		if (node->kind == FOX_NODE_FIELD && node->label) {
			size_t n = strlen(node->label);
			t.label = n > t.label && n <= MAX_LABEL ? n : t.label;
		}
	for (const struct fox_node *node = r->first; node && !s->stop; node = node->next) {
		text_node(&t, node);
		fox_sink_drain(s, false);
	}
	fox_buf_free(&t.tmp);
}
