/* jinja_run.h - values of a template that runs. Private to jinja.c (names, expressions, statements) and jinja_call.c
 * (functions, methods, filters, tests). */
#ifndef FOX_JINJA_RUN_H
#define FOX_JINJA_RUN_H

#include "runtime/jinja_tree.h"

enum { FOX_JINJA_MAX_STEPS = 1 << 20, FOX_JINJA_MAX_OUTPUT = 64 << 20 };

enum fox_jkind {
	FOX_JV_UNDEFINED,
	FOX_JV_NONE,
	FOX_JV_BOOL,
	FOX_JV_INT,
	FOX_JV_STR,
	FOX_JV_LIST,
	FOX_JV_DICT,
	FOX_JV_FUNCTION
};

struct fox_jdict;

struct fox_jval {
	enum fox_jkind kind;
	int64_t n;                    /* FOX_JV_BOOL, FOX_JV_INT; FOX_JV_LIST: elements */
	struct fox_str s;             /* FOX_JV_STR, FOX_JV_FUNCTION: its name */
	const struct fox_jval *items; /* FOX_JV_LIST */
	struct fox_jdict *dict;
};

struct fox_jpair {
	struct fox_str key;
	struct fox_jval value;
	struct fox_jpair *next;
};

struct fox_jdict {
	struct fox_jpair *first;
	bool open; /* a namespace: the only thing that 'set' may change */
};

/* Names in sight, newest first: leaving a scope takes them off again. */
struct fox_jscope {
	struct fox_str name;
	struct fox_jval value;
	const struct fox_jscope *outer;
};

struct fox_jmachine {
	const struct fox_jinja_vars *vars;
	const struct fox_jscope *scope;
	struct fox_arena arena;
	struct fox_buf *out;
	size_t begin; /* bytes that out held before */
	uint64_t steps;
	bool raised;
	enum fox_status status;
	struct fox_err *err;
};

static inline struct fox_jval fox_jr_of_str(struct fox_str s)
{
	return (struct fox_jval){.kind = FOX_JV_STR, .s = s};
}

static inline struct fox_jval fox_jr_of_bool(bool b)
{
	return (struct fox_jval){.kind = FOX_JV_BOOL, .n = b};
}

static inline struct fox_jval fox_jr_of_int(int64_t n)
{
	return (struct fox_jval){.kind = FOX_JV_INT, .n = n};
}

#define FOX_JV_UNDEF ((struct fox_jval){.kind = FOX_JV_UNDEFINED})

/* Record the first refusal: what is not handled, a name that says more (may be empty). They return an undefined value. */
struct fox_jval fox_jr_fail(
    struct fox_jmachine *m, const struct fox_jnode *n, const char *what, struct fox_str name);
struct fox_jval fox_jr_refuse(struct fox_jmachine *m, const struct fox_jnode *n, const char *what);
void *fox_jr_grab(struct fox_jmachine *m, size_t n, size_t size); /* zeroed; NULL: no memory, recorded */
bool fox_jr_stopped(struct fox_jmachine *m); /* a failure, an exception or the bound on steps: do no more */

struct fox_jval fox_jr_eval(struct fox_jmachine *m, const struct fox_jnode *n);
struct fox_jval fox_jr_member(
    struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval of, struct fox_str name);
struct fox_jval *fox_jr_dict_at(const struct fox_jdict *d, struct fox_str key); /* NULL: absent */
void fox_jr_dict_put(struct fox_jmachine *m, struct fox_jdict *d, struct fox_str key, struct fox_jval v);

/* Where part begins in s, or NULL; two texts as one. */
const char *fox_jr_find(struct fox_str s, struct fox_str part);
struct fox_jval fox_jr_join(struct fox_jmachine *m, struct fox_str a, struct fox_str b);

/* FOX_JN_CALL, FOX_JN_FILTER, FOX_JN_TEST */
struct fox_jval fox_jr_call(struct fox_jmachine *m, const struct fox_jnode *n);
struct fox_jval fox_jr_filter(struct fox_jmachine *m, const struct fox_jnode *n);
struct fox_jval fox_jr_test(struct fox_jmachine *m, const struct fox_jnode *n);

#endif
