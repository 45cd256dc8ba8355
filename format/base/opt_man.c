/* opt_man.c - a tool's man page: man(7), without a date, so that equal sources give equal bytes. */
#include "format/base/opt_doc.h"

#include <stdio.h>

/* Text that roff shows as it stands. at_start: a line begins here, where a dot or a quote would be a request. */
static void text_add(struct fox_buf *b, struct fox_str s, bool at_start)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!i && at_start && (c == '.' || c == '\''))
			fox_buf_str(b, "\\&");
		switch (c) {
		case '\\':
			fox_buf_str(b, "\\e");
			break;
		case '-':
			fox_buf_str(b, "\\-");
			break;
		case '\'':
			fox_buf_str(b, "\\(aq");
			break;
		case '"':
			fox_buf_str(b, "\\(dq");
			break;
		case '`':
			fox_buf_str(b, "\\(ga");
			break;
		case '^':
			fox_buf_str(b, "\\(ha");
			break;
		case '~':
			fox_buf_str(b, "\\(ti");
			break;
		default:
			fox_buf_char(b, c);
		}
	}
}

static void line_add(struct fox_buf *b, struct fox_str s)
{
	text_add(b, s, true);
	fox_buf_char(b, '\n');
}

static void section(struct fox_buf *b, const char *macro, const char *title)
{
	fox_buf_fmt(b, "%s \"", macro);
	text_add(b, fox_str_of(title), false);
	fox_buf_str(b, "\"\n");
}

static void bold(struct fox_buf *b, struct fox_str s)
{
	fox_buf_str(b, "\\fB");
	text_add(b, s, false);
	fox_buf_str(b, "\\fR");
}

/* The lines of usage without what is said of them. */
static void synopsis(struct fox_buf *b, const struct fox_tool *t)
{
	const char *line = NULL;
	size_t n = strlen(t->name);
	fox_buf_str(b, ".nf\n");
	for (struct fox_str form, text; fox_doc_next_use(&line, t, &form, &text);) {
		size_t k = fox_str_starts(form, t->name) ? n : 0;
		bold(b, (struct fox_str){form.p, k});
		text_add(b, (struct fox_str){form.p + k, form.n - k}, false);
		fox_buf_char(b, '\n');
	}
	fox_buf_str(b, ".fi\n");
}

/* What is said of the lines of usage. */
static void uses(struct fox_buf *b, const struct fox_tool *t)
{
	const char *line = NULL;
	for (struct fox_str form, text; fox_doc_next_use(&line, t, &form, &text);) {
		if (!text.n)
			continue;
		fox_buf_str(b, ".TP\n");
		bold(b, form);
		fox_buf_char(b, '\n');
		line_add(b, text);
	}
}

/* "Example: fox-run ..." or "Examples: ..." */
static bool is_example(struct fox_str s, struct fox_str *rest)
{
	static const char *const leads[] = {"Example: ", "Examples: "};
	for (size_t i = 0; i < FOX_COUNT(leads); i++) {
		size_t n = strlen(leads[i]);
		if (!fox_str_starts(s, leads[i]))
			continue;
		*rest = (struct fox_str){s.p + n, s.n - n};
		return true;
	}
	return false;
}

static bool next_line(const char **p, struct fox_str *line)
{
	if (!*p || !**p)
		return false;
	line->p = *p;
	line->n = strcspn(*p, "\n");
	*p += line->n + ((*p)[line->n] == '\n');
	return true;
}

/* A line that stands as it is: one that is set in, or that follows an example and is set in under it. */
static void literal(struct fox_buf *b, struct fox_str line)
{
	fox_buf_str(b, ".nf\n");
	while (line.n && *line.p == ' ')
		line.p++, line.n--;
	fox_buf_str(b, ".RS\n");
	line_add(b, line);
	fox_buf_str(b, ".RE\n.fi\n");
}

/* The summary as a sentence, and the notes but for their examples. */
static void description(struct fox_buf *b, const struct fox_tool *t)
{
	struct fox_str line, rest;
	char first = t->summary[0];
	fox_buf_char(b, first >= 'a' && first <= 'z' ? (char)(first - 'a' + 'A') : first);
	text_add(b, fox_str_of(t->summary + 1), false);
	fox_buf_str(b, ".\n");
	bool gap = true, example = false;
	for (const char *p = t->notes; next_line(&p, &line);) {
		example = is_example(line, &rest) || (example && line.n && *line.p == ' ');
		if (example || !line.n) {
			gap = true;
			continue;
		}
		if (gap)
			fox_buf_str(b, ".PP\n");
		gap = false;
		if (*line.p == ' ')
			literal(b, line);
		else
			line_add(b, line);
	}
}

static void examples(struct fox_buf *b, const struct fox_tool *t, const char *macro)
{
	struct fox_str line, rest;
	bool any = false, example = false;
	for (const char *p = t->notes; next_line(&p, &line);) {
		bool lead = is_example(line, &rest);
		example = lead || (example && line.n && *line.p == ' ');
		if (!example)
			continue;
		if (!any)
			fox_buf_fmt(b, "%s\n", macro);
		any = true;
		literal(b, lead ? rest : line);
	}
}

static void option(struct fox_buf *b, const struct fox_opt *o)
{
	fox_buf_str(b, ".TP\n");
	if (o->short_name) {
		bold(b, (struct fox_str){(char[]){'-', o->short_name}, 2});
		fox_buf_str(b, ", ");
	}
	fox_buf_str(b, "\\fB\\-\\-");
	text_add(b, fox_str_of(o->long_name), false);
	fox_buf_str(b, "\\fR");
	if (o->arg) {
		fox_buf_str(b, " \\fI");
		text_add(b, fox_str_of(o->arg), false);
		fox_buf_str(b, "\\fR");
	}
	fox_buf_char(b, '\n');
	text_add(b, fox_str_of(o->help), true);
	for (const char *const *c = o->choices; c && *c; c++) {
		fox_buf_str(b, c == o->choices ? ": " : ", ");
		bold(b, fox_str_of(*c));
	}
	fox_buf_char(b, '\n');
}

/* group: the macro that a heading takes. */
static void options(struct fox_buf *b, const struct fox_opt *rows, const char *group)
{
	for (; rows->type; rows++) {
		if (rows->type == FOX_OPT_GROUP)
			section(b, group, rows->help);
		else
			option(b, rows);
	}
}

static void man_head(struct fox_buf *b, const struct fox_tool *t)
{
	char name[64];
	snprintf(name, sizeof name, "%s", t->name);
	for (char *p = name; (p = strchr(p, ' '));)
		*p = '-';
	fox_buf_str(b, ".\\\" made from the table of options by --generate man\n.TH \"");
	for (const char *p = name; *p; p++)
		fox_buf_char(b, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
	fox_buf_fmt(b, "\" 1 \"\" \"fox %s\" \"User Commands\"\n.SH NAME\n", FOX_VERSION);
	text_add(b, fox_str_of(name), true);
	fox_buf_str(b, " \\- ");
	line_add(b, fox_str_of(t->summary));
	fox_buf_str(b, ".SH SYNOPSIS\n");
	synopsis(b, t);
	fox_buf_str(b, ".SH DESCRIPTION\n");
	description(b, t);
	uses(b, t);
	if (t->verbs && t->verbs->name)
		fox_buf_str(b, ".SH VERBS\n");
}

static void man_verb(struct fox_buf *b, const struct fox_tool *t)
{
	section(b, ".SS", t->name);
	synopsis(b, t);
	fox_buf_str(b, ".PP\n");
	description(b, t);
	uses(b, t);
	options(b, fox_doc_options(t), ".PP\n.B");
	examples(b, t, ".PP\nExample:");
}

static void man_tail(struct fox_buf *b, const struct fox_tool *t, const char *const *also)
{
	fox_buf_str(b, ".SH OPTIONS\n");
	options(b, fox_doc_options(t), ".SS");
	options(b, fox_doc_common, ".SS");
	fox_buf_str(b, ".SH \"EXIT STATUS\"\n");
	for (const struct fox_doc_row *r = fox_doc_statuses; r->name; r++) {
		fox_buf_fmt(b, ".TP\n\\fB%s\\fR\n", r->name);
		line_add(b, fox_str_of(r->text));
	}
	fox_buf_str(b, ".TP\n\\fB128+\\fIn\\fR\nstopped by signal \\fIn\\fR\n.SH ENVIRONMENT\n");
	for (const struct fox_doc_row *r = fox_doc_environment; r->name; r++) {
		fox_buf_fmt(b, ".TP\n\\fB%s\\fR\n", r->name);
		line_add(b, fox_str_of(r->text));
	}
	examples(b, t, ".SH EXAMPLES");
	const char *lead = ".SH \"SEE ALSO\"\n";
	for (; also && *also; also++) {
		if (!strcmp(*also, t->name))
			continue;
		fox_buf_str(b, lead);
		bold(b, fox_str_of(*also));
		fox_buf_str(b, "(1)");
		lead = ",\n";
	}
	if (*lead == ',')
		fox_buf_char(b, '\n');
}

const struct fox_doc_kind fox_doc_man = {"man", man_head, man_verb, man_tail, false};
