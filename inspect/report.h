/* report.h - what a looking tool has to say, as a document: sections, fields, tables, lists, findings.
 *
 * A tool builds one report and prints it as text for a person or as JSON for a program: both come from the same nodes, so
 * they cannot disagree. Building never fails on the spot: out of memory is remembered and told by the printing. Text from
 * strangers goes in raw; the text renderer escapes it (fox_buf_escaped), the JSON renderer quotes it.  spec/inspect.md */
#ifndef FOX_REPORT_H
#define FOX_REPORT_H

#include <stdio.h>

#include "format/base/hash.h"
#include "format/base/str.h"
#include "format/finding.h"

#define FOX_REPORT_WIDTH 100u /* columns of text that lines are wrapped or cut to */

enum fox_cell_kind {
	FOX_CELL_NONE = 0, /* text "-", JSON null */
	FOX_CELL_STR,
	FOX_CELL_QUOTED, /* text 'x', JSON a string */
	FOX_CELL_U64,    /* text 1665271808 */
	FOX_CELL_COUNT,  /* text 1,665,271,808, JSON a number */
	FOX_CELL_BYTES,  /* text "3.34 GB (3,336,856,448 bytes)", in tables "3,336,856,448"; JSON a number */
	FOX_CELL_I64,
	FOX_CELL_F32, /* fewest digits that read back to the same f32; NaN and Inf: text nan, inf, -inf, JSON null */
	FOX_CELL_F64,   /* a measurement: text has 6 digits; JSON all of them */
	FOX_CELL_EXACT, /* an f64 in the fewest digits that read back to it */
	FOX_CELL_BOOL,  /* text true, false */
	FOX_CELL_HEX,   /* bytes: text and JSON lower-case hex digits */
	FOX_CELL_BEGIN, /* the first of more bytes: as HEX, in text with "..." */
	FOX_CELL_SHAPE, /* text "2048 x 256", JSON [2048, 256] */
	FOX_CELL_LIST   /* text "[1, 2, ...]", JSON an array */
};

struct fox_list;

/* One value. Strings, bytes, shapes and lists are borrowed: they must live as long as the report. */
struct fox_cell {
	enum fox_cell_kind kind;
	uint32_t n; /* bytes of s or hex, dimensions of dim */
	union {
		const char *s;
		const uint8_t *hex;
		uint64_t u;
		int64_t i;
		double f;
		bool b;
		const uint64_t *dim;
		const struct fox_list *list;
	};
};

/* Values made one by one, so that a list of millions costs nothing. *cursor starts at 0 and is the function's own. */
typedef bool fox_list_fn(const void *ctx, uint64_t *cursor, struct fox_cell *out); /* false: no more */

struct fox_list {
	fox_list_fn *next;
	const void *ctx;
	uint64_t n;     /* values there are */
	uint64_t shown; /* values to show; fewer than n: text ends in "...", and JSON holds only these */
};

struct fox_column {
	const char *key;   /* JSON member; NULL: text only */
	const char *title; /* heading; NULL: JSON only */
	bool right;        /* aligned to the right */
	bool cut;          /* cut (with "...") so that the line keeps within the width; last column only */
};

struct fox_node;

struct fox_report {
	struct fox_arena arena;
	struct fox_node *first, *last;
	const char *tool, *verb; /* literals */
	bool failed;             /* out of memory: printing says so */
	bool whole;              /* text: cut nothing */
};

/* tool "fox-inspect", verb "summary": kept by reference. */
void fox_report_init(struct fox_report *r, const char *tool, const char *verb);
void fox_report_free(struct fox_report *r);

/*
 * Cells. fox_cell_str borrows; fox_cell_copy and fox_cell_fmt keep a copy in the report's arena.
 */
struct fox_cell fox_cell_none(void);
struct fox_cell fox_cell_str(struct fox_str s);
struct fox_cell fox_cell_cstr(const char *s); /* NULL gives none */
struct fox_cell fox_cell_quoted(struct fox_str s);
struct fox_cell fox_cell_copy(struct fox_report *r, struct fox_str s);
struct fox_cell fox_cell_fmt(struct fox_report *r, const char *fmt, ...) FOX_PRINTF(2, 3);
struct fox_cell fox_cell_u64(uint64_t v);
struct fox_cell fox_cell_count(uint64_t v);
struct fox_cell fox_cell_bytes(uint64_t v);
struct fox_cell fox_cell_i64(int64_t v);
struct fox_cell fox_cell_f32(float v);
struct fox_cell fox_cell_f64(double v);
struct fox_cell fox_cell_exact(double v);
struct fox_cell fox_cell_bool(bool v);
struct fox_cell fox_cell_hex(struct fox_report *r, const void *p, size_t n);           /* copies */
struct fox_cell fox_cell_shape(struct fox_report *r, const uint64_t *dim, uint32_t n); /* copies */
struct fox_cell fox_cell_list(
    struct fox_report *r, const struct fox_list *list); /* copies the struct, not ctx */

/* Begin a section: JSON member `key` (an object), text heading `title`. Sections do not nest: a new one ends the last.
 * fox_report_root returns to the top level: JSON members of the document itself. */
void fox_report_section(struct fox_report *r, const char *key, const char *title);
void fox_report_root(struct fox_report *r);

/* A value with a name. key NULL: text only; label NULL: JSON only. Both are literals or live as long as the report. */
void fox_report_field(struct fox_report *r, const char *key, const char *label, struct fox_cell value);

/* A line of text of its own, wrapped; not in JSON. Copied. */
void fox_report_line(struct fox_report *r, const char *fmt, ...) FOX_PRINTF(2, 3);

/* Text of several lines: JSON a string; in text mode its newlines and tabs are obeyed, all else is escaped. Borrowed. */
void fox_report_block(struct fox_report *r, const char *key, struct fox_str text);

/* A list of its own: JSON an array; text wrapped to the width, `lines` true: one value a line. ctx is borrowed. */
void fox_report_list(struct fox_report *r, const char *key, const struct fox_list *list, bool lines);

/* A table: JSON an array of objects. columns: a literal array, kept by reference. Rows are copied, in order. */
struct fox_table;
struct fox_table *fox_report_table(
    struct fox_report *r, const char *key, const struct fox_column *columns, uint32_t n_columns);
void fox_report_row(
    struct fox_report *r, struct fox_table *t, const struct fox_cell *cells); /* n_columns; t NULL: nothing */

/*
 * fox_report_findings - every finding, in order: JSON "findings": [{"grade", "check", "where", "text"}], then "n_fail"
 *
 * Text: "fail  check.name  where: text", wrapped. f is borrowed, and may still be empty now and be filled before printing; a
 * list that ran out of memory makes printing fail. Once a section at most, as JSON members must not repeat.
 */
void fox_report_findings(struct fox_report *r, const struct fox_findings *f);

const char *fox_grade_name(enum fox_grade g); /* "ok", "note", "fail" */

/*
 * fox_report_print - the whole report to a stream
 *
 * json    JSON instead of text
 * colour  escape sequences for headings and grades (text only): pass fox_log_colour(fileno(out))
 * errors  FOX_E_NOMEM (building or rendering ran out of memory), FOX_E_IO (the stream)
 */
enum fox_status fox_report_print(
    const struct fox_report *r, FILE *out, bool json, bool colour, struct fox_err *err) FOX_MUST_CHECK;

/* The same into a buffer (tests, other tools). False: out of memory. */
bool fox_report_render(
    const struct fox_report *r, struct fox_buf *out, bool json, bool colour) FOX_MUST_CHECK;

/* Bytes as the text shows them, for messages: "3.34 GB" (powers of 1000). Returns out. */
char *fox_show_bytes(char out[32], uint64_t v);
/* The fewest digits that read back to the same f32 (f64); "nan", "inf", "-inf". */
char *fox_show_f32(char out[32], float v);
char *fox_show_f64(char out[32], double v);

#endif
