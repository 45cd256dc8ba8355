/* pickle_store.h - inside of format/pickle.c: the state of the machine, and what keeps it within its limits. */
#ifndef FOX_PICKLE_STORE_H
#define FOX_PICKLE_STORE_H

#include "format/pickle.h"

#define FOX_PK_MARK FOX_PICKLE_NONE /* on the stack, in place of an object */

/* A list that grows; never more than FOX_PICKLE_MAX_THINGS. */
struct fox_pk_ids {
	uint32_t *p;
	size_t n, cap;
};

struct fox_pickle {
	const struct fox_pickle_rules *rules;
	struct fox_span in;
	size_t at;      /* of the next byte */
	uint64_t base;  /* of the first byte, in the file */
	uint64_t where; /* of the opcode in work, in the file */
	uint8_t op;
	struct fox_pk_obj *objs;
	size_t n_objs, cap_objs;
	struct fox_pk_entry *entries;
	size_t n_entries, cap_entries;
	struct fox_pk_ids items, stack, memo; /* memo: FOX_PK_MARK where nothing is */
	size_t n_memo;                        /* entries that MEMOIZE counts */
	uint32_t root;
};

/* Failures at the opcode in work. Never FOX_OK. */
enum fox_status fox_pk_bad(
    const struct fox_pickle *p, struct fox_err *err, enum fox_status code, const char *what) FOX_MUST_CHECK;
enum fox_status fox_pk_wrong(const struct fox_pickle *p, struct fox_err *err, const struct fox_pk_obj *o,
    const char *want) FOX_MUST_CHECK;

/* All below: FOX_E_FORMAT when the stack does not hold it; FOX_E_BOUND over the limits; FOX_E_NOMEM. */
enum fox_status fox_pk_add_id(
    const struct fox_pickle *p, struct fox_pk_ids *list, uint32_t id, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_pk_add_entry(struct fox_pickle *p, struct fox_pk_obj *dict, uint32_t key, uint32_t value,
    struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_pk_push(struct fox_pickle *p, struct fox_pk_obj o, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_pk_pop(struct fox_pickle *p, uint32_t *out, struct fox_err *err) FOX_MUST_CHECK;
/* The object on top, which stays. */
enum fox_status fox_pk_top(struct fox_pickle *p, uint32_t *out, struct fox_err *err) FOX_MUST_CHECK;
/* Index of the object after the topmost mark. */
enum fox_status fox_pk_find_mark(
    const struct fox_pickle *p, size_t *first, struct fox_err *err) FOX_MUST_CHECK;

#endif
