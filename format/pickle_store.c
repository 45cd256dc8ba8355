/* pickle_store.c - what a pickle has made so far: objects, the stack and lists that grow within limits. */
#include "format/pickle_store.h"

#include <stdlib.h>

/* ---- failures */

enum fox_status fox_pk_bad(
    const struct fox_pickle *p, struct fox_err *err, enum fox_status code, const char *what)
{
	return fox_fail(err, code, p->where, "pickle: %s (%s)", what, fox_pickle_opcode(p->op));
}

enum fox_status fox_pk_wrong(
    const struct fox_pickle *p, struct fox_err *err, const struct fox_pk_obj *o, const char *want)
{
	return fox_fail(err, FOX_E_FORMAT, p->where, "pickle: %s applied to %s, want %s",
	    fox_pickle_opcode(p->op), fox_pk_kind_name(o), want);
}

const char *fox_pk_kind_name(const struct fox_pk_obj *o)
{
	static const char *const names[] = {[FOX_PK_NONE] = "None",
	    [FOX_PK_BOOL] = "a bool",
	    [FOX_PK_INT] = "an integer",
	    [FOX_PK_FLOAT] = "a float",
	    [FOX_PK_STR] = "a string",
	    [FOX_PK_TUPLE] = "a tuple",
	    [FOX_PK_LIST] = "a list",
	    [FOX_PK_DICT] = "a dict",
	    [FOX_PK_NAME] = "a name",
	    [FOX_PK_MADE] = "a storage or tensor"};
	return names[o->kind];
}

/* ---- objects */

/* Room for one more of `size` bytes; the new list, or NULL with err told. */
static void *grow(
    const struct fox_pickle *p, void *list, size_t n, size_t *cap, size_t size, struct fox_err *err)
{
	if (n < *cap)
		return list;
	if (n >= FOX_PICKLE_MAX_THINGS) {
		fox_fail(err, FOX_E_BOUND, p->where, "pickle: more than %u objects", FOX_PICKLE_MAX_THINGS);
		return NULL;
	}
	size_t more = *cap ? 2 * *cap : 64;
	void *grown = realloc(list, more * size);
	if (grown)
		*cap = more;
	else
		fox_fail_nomem(err);
	return grown;
}

static enum fox_status grow_code(size_t n)
{
	return n >= FOX_PICKLE_MAX_THINGS ? FOX_E_BOUND : FOX_E_NOMEM;
}

enum fox_status fox_pickle_add(struct fox_pickle *p, struct fox_pk_obj o, uint32_t *out, struct fox_err *err)
{
	struct fox_pk_obj *objs = grow(p, p->objs, p->n_objs, &p->cap_objs, sizeof *objs, err);
	if (!objs)
		return grow_code(p->n_objs);
	p->objs = objs;
	objs[p->n_objs] = o;
	*out = (uint32_t)p->n_objs++;
	return FOX_OK;
}

enum fox_status fox_pk_add_id(
    const struct fox_pickle *p, struct fox_pk_ids *list, uint32_t id, struct fox_err *err)
{
	uint32_t *ids = grow(p, list->p, list->n, &list->cap, sizeof *ids, err);
	if (!ids)
		return grow_code(list->n);
	list->p = ids;
	ids[list->n++] = id;
	return FOX_OK;
}

enum fox_status fox_pk_add_entry(
    struct fox_pickle *p, struct fox_pk_obj *dict, uint32_t key, uint32_t value, struct fox_err *err)
{
	struct fox_pk_entry *e = grow(p, p->entries, p->n_entries, &p->cap_entries, sizeof *e, err);
	if (!e)
		return grow_code(p->n_entries);
	p->entries = e;
	e[p->n_entries] = (struct fox_pk_entry){key, value, FOX_PICKLE_NONE};
	if (dict->seq.n++)
		e[dict->seq.last].next = (uint32_t)p->n_entries;
	else
		dict->seq.first = (uint32_t)p->n_entries;
	dict->seq.last = (uint32_t)p->n_entries++;
	return FOX_OK;
}

enum fox_status fox_pk_push(struct fox_pickle *p, struct fox_pk_obj o, struct fox_err *err)
{
	uint32_t id;
	enum fox_status s = fox_pickle_add(p, o, &id, err);
	return s ? s : fox_pk_add_id(p, &p->stack, id, err);
}

enum fox_status fox_pk_pop(struct fox_pickle *p, uint32_t *out, struct fox_err *err)
{
	if (!p->stack.n)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "the stack is empty");
	if (p->stack.p[p->stack.n - 1] == FOX_PK_MARK)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "a mark where an object is wanted");
	*out = p->stack.p[--p->stack.n];
	return FOX_OK;
}

enum fox_status fox_pk_top(struct fox_pickle *p, uint32_t *out, struct fox_err *err)
{
	enum fox_status s = fox_pk_pop(p, out, err);
	p->stack.n += !s;
	return s;
}

enum fox_status fox_pk_find_mark(const struct fox_pickle *p, size_t *first, struct fox_err *err)
{
	size_t i = p->stack.n;
	while (i && p->stack.p[i - 1] != FOX_PK_MARK)
		i--;
	if (!i)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "no mark on the stack");
	*first = i;
	return FOX_OK;
}

void fox_pickle_free(struct fox_pickle *p)
{
	if (!p)
		return;
	free(p->objs);
	free(p->entries);
	free(p->items.p);
	free(p->stack.p);
	free(p->memo.p);
	free(p);
}

uint32_t fox_pickle_root(const struct fox_pickle *p)
{
	return p->root;
}

const struct fox_pk_obj *fox_pickle_at(const struct fox_pickle *p, uint32_t object)
{
	return &p->objs[object];
}

const struct fox_pk_obj *fox_pickle_item(
    const struct fox_pickle *p, const struct fox_pk_obj *tuple, uint32_t i)
{
	return &p->objs[p->items.p[tuple->seq.first + i]];
}

const struct fox_pk_entry *fox_pickle_entry(const struct fox_pickle *p, uint32_t entry)
{
	return &p->entries[entry];
}

uint64_t fox_pickle_where(const struct fox_pickle *p)
{
	return p->where;
}
