/* pickle.h - Python's pickle as data: the opcodes that build plain containers, and nothing that runs.
 *
 * A pickle is a program for a stack machine, and Python's own reader imports and calls whatever the program names. This
 * one imports nothing and calls nothing: objects are plain values, and the names that a program may use, with what
 * becomes of them, are the caller's rules. Every other opcode and name is refused. Memory is bounded by
 * FOX_PICKLE_MAX_THINGS of a kind, time by the bytes of the pickle.
 * source: CPython Lib/pickletools.py (opcodes and their arguments, protocols 2 to 5) */
#ifndef FOX_PICKLE_H
#define FOX_PICKLE_H

#include "format/base/err.h"

#define FOX_PICKLE_MAX_BYTES (64u << 20)
#define FOX_PICKLE_MAX_THINGS                                                                                \
	(8u << 20) /* objects, elements of tuples, entries of dicts, depth of the stack, memo */
#define FOX_PICKLE_NONE UINT32_MAX /* no object, no entry */

enum fox_pk_kind {
	FOX_PK_NONE,
	FOX_PK_BOOL,  /* i */
	FOX_PK_INT,   /* i; wider integers are refused */
	FOX_PK_FLOAT, /* f */
	FOX_PK_STR,   /* s: UTF-8, not checked; borrowed from the pickle */
	FOX_PK_TUPLE, /* seq: fox_pickle_item */
	FOX_PK_LIST,  /* what is in it is not kept */
	FOX_PK_DICT,  /* seq.first, then fox_pickle_entry.next; keys may repeat and be of any kind */
	FOX_PK_NAME,  /* made: the number that a rule gave a name */
	FOX_PK_MADE,  /* tag, made: what a rule made out of others */
};

struct fox_pk_obj {
	uint8_t kind, tag;
	uint32_t made;
	union {
		int64_t i;
		double f;
		struct fox_str s;
		struct {
			uint32_t first, last, n;
		} seq;
	};
};

struct fox_pk_entry {
	uint32_t key, value, next; /* objects; the next entry, or FOX_PICKLE_NONE */
};

struct fox_pickle; /* opaque handle */

/* What names mean. Each function may refuse; *out is an object, by fox_pickle_add for new ones. */
struct fox_pickle_rules {
	void *ctx;
	/* the number of a name that may be used; false: refuse it */
	bool (*find)(void *ctx, struct fox_str module, struct fox_str name, uint32_t *number);
	/* what `name` makes of a tuple of arguments */
	enum fox_status (*reduce)(struct fox_pickle *p, void *ctx, uint32_t name, const struct fox_pk_obj *args,
	    uint32_t *out, struct fox_err *err);
	/* what a persistent id stands for */
	enum fox_status (*persistent)(
	    struct fox_pickle *p, void *ctx, const struct fox_pk_obj *id, uint32_t *out, struct fox_err *err);
};

/*
 * fox_pickle_run - run a whole pickle
 *
 * bytes   must outlive *out
 * base    offset of the first byte in the file, for messages
 * errors  FOX_E_FORMAT, FOX_E_TRUNCATED, FOX_E_BOUND, FOX_E_UNSUPPORTED (an opcode or a name, named), FOX_E_NOMEM, those of
 *         the rules
 */
enum fox_status fox_pickle_run(struct fox_pickle **out, struct fox_span bytes, uint64_t base,
    const struct fox_pickle_rules *rules, struct fox_err *err) FOX_MUST_CHECK;
void fox_pickle_free(struct fox_pickle *p); /* NULL is fine */

uint32_t fox_pickle_root(const struct fox_pickle *p); /* the object that the pickle is */
/* Valid until the next fox_pickle_add. */
const struct fox_pk_obj *fox_pickle_at(const struct fox_pickle *p, uint32_t object);
const struct fox_pk_obj *fox_pickle_item(
    const struct fox_pickle *p, const struct fox_pk_obj *tuple, uint32_t i);
const struct fox_pk_entry *fox_pickle_entry(const struct fox_pickle *p, uint32_t entry);
const char *fox_pk_kind_name(const struct fox_pk_obj *o); /* with article: "a tuple" */

/* For rules. A new object; FOX_E_BOUND, FOX_E_NOMEM. The offset in the file of the opcode in work. */
enum fox_status fox_pickle_add(
    struct fox_pickle *p, struct fox_pk_obj o, uint32_t *out, struct fox_err *err) FOX_MUST_CHECK;
uint64_t fox_pickle_where(const struct fox_pickle *p);

/* Name of an opcode as pickletools spells it; "unknown" for bytes that are none. */
const char *fox_pickle_opcode(uint8_t code);

#endif
