/* report_node.h - what a report is made of; for report*.c alone. */
#ifndef FOX_REPORT_NODE_H
#define FOX_REPORT_NODE_H

#include "inspect/report.h"

enum fox_node_kind {
	FOX_NODE_ROOT,
	FOX_NODE_SECTION,
	FOX_NODE_FIELD,
	FOX_NODE_LINE,
	FOX_NODE_BLOCK,
	FOX_NODE_LIST,
	FOX_NODE_TABLE,
	FOX_NODE_FINDINGS
};

struct fox_row {
	struct fox_row *next;
	struct fox_cell cell[]; /* n_columns */
};

struct fox_table {
	const struct fox_column *columns;
	uint32_t n_columns;
	struct fox_row *first, *last;
};

struct fox_node {
	struct fox_node *next;
	enum fox_node_kind kind;
	const char *key, *label;
	struct fox_cell cell; /* FIELD, LINE, BLOCK, LIST */
	bool lines;           /* LIST */
	struct fox_table *table;
	const struct fox_findings *findings;
};

/* Where rendered bytes go: collected in buf, and from there to a stream when there is one. */
struct fox_sink {
	struct fox_buf *buf;
	FILE *out; /* NULL: everything stays in buf */
	bool stop; /* the stream failed: rendering may end early */
	int errnum;
};

/* Hand buf to the stream when it is large (or `now`). Called between lines, so that reports of any size take little memory. */
void fox_sink_drain(struct fox_sink *s, bool now);

void fox_report_text(const struct fox_report *r, struct fox_sink *s, bool colour);
void fox_report_json(const struct fox_report *r, struct fox_sink *s);

#endif
