/* jinja_tree.h - the tree of a parsed template. Private to jinja_parse.c, which makes it, and jinja.c, which runs it. */
#ifndef FOX_JINJA_TREE_H
#define FOX_JINJA_TREE_H

#include "runtime/jinja.h"

enum { FOX_JINJA_MAX_DEPTH = 64, FOX_JINJA_MAX_BYTES = 1 << 20 };

enum fox_jnode_kind {
	/* statements, chained by next */
	FOX_JN_TEXT,  /* text */
	FOX_JN_PRINT, /* a */
	FOX_JN_IF,    /* a: condition, b: body, c: else */
	FOX_JN_FOR,   /* text: variable, a: list, b: body, c: else, d: condition */
	FOX_JN_SET,   /* a: NAME or ATTR, b: value */
	/* expressions */
	FOX_JN_STR,  /* text */
	FOX_JN_INT,  /* n */
	FOX_JN_BOOL, /* n */
	FOX_JN_NONE,
	FOX_JN_LIST,    /* a: elements, chained by next */
	FOX_JN_NAME,    /* text */
	FOX_JN_ATTR,    /* a, text */
	FOX_JN_INDEX,   /* a[b] */
	FOX_JN_SLICE,   /* a[b:c:d], each of b, c, d may be NULL */
	FOX_JN_CALL,    /* a(b...); b: arguments, chained; one given by name is a FOX_JN_KEYWORD */
	FOX_JN_KEYWORD, /* text = a */
	FOX_JN_FILTER,  /* a | text(b...) */
	FOX_JN_TEST,    /* a is text(b...) */
	FOX_JN_NOT,     /* a */
	FOX_JN_NEGATE,  /* a */
	FOX_JN_BINARY,  /* a op b, n: the operator's first two characters, or 'in' */
	FOX_JN_AND,
	FOX_JN_OR,
	FOX_JN_COND, /* b if a else c; c NULL: undefined */
	FOX_JN_DICT, /* parsed, never run */
};

struct fox_jnode {
	enum fox_jnode_kind kind;
	uint32_t at; /* byte of the template */
	int64_t n;
	struct fox_str text;
	struct fox_jnode *a, *b, *c, *d, *next;
};

#define FOX_JINJA_OP(x, y) ((x) | (y) << 8) /* '=' '=' and so on; a single character has y = 0 */

struct fox_jinja {
	struct fox_arena arena;
	struct fox_str text;
	struct fox_jnode *body;
};

#endif
