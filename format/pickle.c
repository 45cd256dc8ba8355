/* pickle.c - a stack machine that only builds values. What Python would import or call is a rule of the caller's, or refused.
 */
#include "format/pickle_store.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"
#include "format/base/str.h"

/* ---- reading arguments */

static enum fox_status push_int(struct fox_pickle *p, int64_t i, struct fox_err *err)
{
	return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_INT, .i = i}, err);
}

static enum fox_status take(struct fox_pickle *p, uint64_t n, const uint8_t **out, struct fox_err *err)
{
	if (n > p->in.n - p->at)
		return fox_fail(err, FOX_E_TRUNCATED, p->where,
		    "pickle: %s of %llu bytes, but the pickle ends after %zu", fox_pickle_opcode(p->op),
		    (unsigned long long)n, p->in.n - p->at);
	*out = p->in.p + p->at;
	p->at += (size_t)n;
	return FOX_OK;
}

/* A length or index of 1, 4 or 8 bytes. */
static enum fox_status take_size(struct fox_pickle *p, unsigned bytes, uint64_t *out, struct fox_err *err)
{
	const uint8_t *b = NULL;
	enum fox_status s = take(p, bytes, &b, err);
	if (!s)
		*out = bytes == 1 ? b[0] : bytes == 2 ? fox_load16(b) : bytes == 4 ? fox_load32(b) : fox_load64(b);
	return s;
}

static enum fox_status do_string(struct fox_pickle *p, unsigned bytes, struct fox_err *err)
{
	uint64_t n = 0;
	const uint8_t *text = NULL;
	enum fox_status s = take_size(p, bytes, &n, err);
	if (!s)
		s = take(p, n, &text, err);
	if (s)
		return s;
	struct fox_str str = {(const char *)text, (size_t)n};
	return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_STR, .s = str}, err);
}

/* Two's complement of any length; what 64 bits do not hold is refused. */
static enum fox_status do_long(struct fox_pickle *p, unsigned bytes, struct fox_err *err)
{
	uint64_t n = 0, v = 0;
	const uint8_t *b = NULL;
	enum fox_status s = take_size(p, bytes, &n, err);
	if (!s && n > 8 && n <= INT32_MAX)
		return fox_fail(err, FOX_E_BOUND, p->where, "pickle: integer of %llu bytes, more than 8 (%s)",
		    (unsigned long long)n, fox_pickle_opcode(p->op));
	if (!s && n > 8)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "negative length");
	if (!s)
		s = take(p, n, &b, err);
	if (s)
		return s;
	for (unsigned i = 0; i < 8; i++)
		v |= (uint64_t)(i < n ? b[i] : n && b[n - 1] & 0x80 ? 0xFF : 0) << 8 * i;
	int64_t i;
	memcpy(&i, &v, sizeof i);
	return push_int(p, i, err);
}

static enum fox_status do_float(struct fox_pickle *p, struct fox_err *err)
{
	const uint8_t *b = NULL;
	uint8_t little[8];
	enum fox_status s = take(p, 8, &b, err);
	if (s)
		return s;
	for (int i = 0; i < 8; i++)
		little[i] = b[7 - i];
	return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_FLOAT, .f = fox_load_f64(little)}, err);
}

/* ---- the memo */

static enum fox_status put(struct fox_pickle *p, uint64_t index, struct fox_err *err)
{
	uint32_t id;
	enum fox_status s = fox_pk_top(p, &id, err);
	if (s)
		return s;
	/* writers count up by one; a gap may come of a pickle that was tidied, but never more than the pickle has bytes */
	if (index >= p->in.n || index >= FOX_PICKLE_MAX_THINGS)
		return fox_fail(err, FOX_E_BOUND, p->where, "pickle: memo index %llu in a pickle of %zu bytes (%s)",
		    (unsigned long long)index, p->in.n, fox_pickle_opcode(p->op));
	while (p->memo.n <= index)
		if ((s = fox_pk_add_id(p, &p->memo, FOX_PK_MARK, err)))
			return s;
	p->n_memo += p->memo.p[index] == FOX_PK_MARK;
	p->memo.p[index] = id;
	return FOX_OK;
}

static enum fox_status get(struct fox_pickle *p, uint64_t index, struct fox_err *err)
{
	if (index >= p->memo.n || p->memo.p[index] == FOX_PK_MARK)
		return fox_fail(err, FOX_E_FORMAT, p->where, "pickle: nothing is in the memo at %llu (%s)",
		    (unsigned long long)index, fox_pickle_opcode(p->op));
	return fox_pk_add_id(p, &p->stack, p->memo.p[index], err);
}

static enum fox_status do_memo(struct fox_pickle *p, unsigned bytes, bool is_put, struct fox_err *err)
{
	uint64_t index = p->n_memo; /* MEMOIZE */
	enum fox_status s = bytes ? take_size(p, bytes, &index, err) : FOX_OK;
	return s ? s : is_put ? put(p, index, err) : get(p, index, err);
}

/* ---- containers */

/* The objects from `first` to the top become a tuple; a mark before them goes too. */
static enum fox_status make_tuple(struct fox_pickle *p, size_t first, bool marked, struct fox_err *err)
{
	struct fox_pk_obj o = {
	    .kind = FOX_PK_TUPLE, .seq = {(uint32_t)p->items.n, 0, (uint32_t)(p->stack.n - first)}};
	for (size_t i = first; i < p->stack.n; i++) {
		enum fox_status s = fox_pk_add_id(p, &p->items, p->stack.p[i], err);
		if (s)
			return s;
	}
	p->stack.n = first - marked;
	return fox_pk_push(p, o, err);
}

static enum fox_status do_tuple(struct fox_pickle *p, size_t n, struct fox_err *err)
{
	if (n > p->stack.n)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "the stack is empty");
	for (size_t i = 0; i < n; i++)
		if (p->stack.p[p->stack.n - 1 - i] == FOX_PK_MARK)
			return fox_pk_bad(p, err, FOX_E_FORMAT, "a mark where an object is wanted");
	return make_tuple(p, p->stack.n - n, false, err);
}

/* Keys and values from `first` to the top go into the dict below them. */
static enum fox_status set_items(struct fox_pickle *p, size_t first, bool marked, struct fox_err *err)
{
	size_t n = p->stack.n - first;
	const uint32_t *pairs = p->stack.p + first;
	uint32_t id;
	p->stack.n = first - marked;
	enum fox_status s = fox_pk_top(p, &id, err);
	if (s)
		return s;
	if (p->objs[id].kind != FOX_PK_DICT)
		return fox_pk_wrong(p, err, &p->objs[id], "a dict");
	if (n % 2)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "a key without a value");
	for (size_t i = 0; i < n && !s; i += 2)
		s = fox_pk_add_entry(p, &p->objs[id], pairs[i], pairs[i + 1], err);
	return s;
}

static enum fox_status do_set_item(struct fox_pickle *p, struct fox_err *err)
{
	uint32_t key, value;
	enum fox_status s;
	if ((s = fox_pk_pop(p, &value, err)) || (s = fox_pk_pop(p, &key, err)))
		return s;
	p->stack.n += 2;
	return set_items(p, p->stack.n - 2, false, err);
}

/* Elements of lists are dropped: nothing of a checkpoint is in one. */
static enum fox_status do_append(struct fox_pickle *p, bool marked, struct fox_err *err)
{
	size_t first;
	uint32_t id;
	enum fox_status s = marked ? fox_pk_find_mark(p, &first, err) : fox_pk_pop(p, &id, err);
	if (s)
		return s;
	if (marked)
		p->stack.n = first - 1;
	if ((s = fox_pk_top(p, &id, err)))
		return s;
	return p->objs[id].kind == FOX_PK_LIST ? FOX_OK : fox_pk_wrong(p, err, &p->objs[id], "a list");
}

/* Attributes of a dict, which hold nothing that is looked at. */
static enum fox_status do_build(struct fox_pickle *p, struct fox_err *err)
{
	uint32_t state, id;
	enum fox_status s;
	if ((s = fox_pk_pop(p, &state, err)) || (s = fox_pk_top(p, &id, err)))
		return s;
	if (p->objs[id].kind != FOX_PK_DICT)
		return fox_pk_wrong(p, err, &p->objs[id], "a dict");
	return p->objs[state].kind == FOX_PK_DICT ? FOX_OK : fox_pk_wrong(p, err, &p->objs[state], "a dict");
}

/* ---- names */

static enum fox_status use_name(
    struct fox_pickle *p, struct fox_str module, struct fox_str name, struct fox_err *err)
{
	struct fox_pk_obj o = {.kind = FOX_PK_NAME};
	if (!p->rules->find(p->rules->ctx, module, name, &o.made))
		return fox_fail(err, FOX_E_UNSUPPORTED, p->where,
		    "pickle: the name '%.*s.%.*s' is none of those that weights need, so nothing is done with it",
		    FOX_STR_ARG(module), FOX_STR_ARG(name));
	return fox_pk_push(p, o, err);
}

static enum fox_status take_line(struct fox_pickle *p, struct fox_str *out, struct fox_err *err)
{
	const uint8_t *from = p->in.p + p->at, *end = memchr(from, '\n', p->in.n - p->at);
	if (!end)
		return fox_pk_bad(p, err, FOX_E_TRUNCATED, "the pickle ends within a name");
	*out = (struct fox_str){(const char *)from, (size_t)(end - from)};
	p->at += out->n + 1;
	return FOX_OK;
}

static enum fox_status do_global(struct fox_pickle *p, struct fox_err *err)
{
	struct fox_str module = {NULL, 0}, name = {NULL, 0};
	enum fox_status s;
	if ((s = take_line(p, &module, err)) || (s = take_line(p, &name, err)))
		return s;
	return use_name(p, module, name, err);
}

static enum fox_status do_stack_global(struct fox_pickle *p, struct fox_err *err)
{
	uint32_t module, name;
	enum fox_status s;
	if ((s = fox_pk_pop(p, &name, err)) || (s = fox_pk_pop(p, &module, err)))
		return s;
	const struct fox_pk_obj *m = &p->objs[module], *n = &p->objs[name];
	if (m->kind != FOX_PK_STR || n->kind != FOX_PK_STR)
		return fox_pk_wrong(p, err, m->kind == FOX_PK_STR ? n : m, "a string");
	return use_name(p, m->s, n->s, err);
}

static enum fox_status do_reduce(struct fox_pickle *p, struct fox_err *err)
{
	uint32_t args, name, made;
	enum fox_status s;
	if ((s = fox_pk_pop(p, &args, err)) || (s = fox_pk_pop(p, &name, err)))
		return s;
	if (p->objs[name].kind != FOX_PK_NAME)
		return fox_pk_wrong(p, err, &p->objs[name], "a name");
	if (p->objs[args].kind != FOX_PK_TUPLE)
		return fox_pk_wrong(p, err, &p->objs[args], "a tuple");
	struct fox_pk_obj tuple = p->objs[args]; /* objects move when there are more */
	if ((s = p->rules->reduce(p, p->rules->ctx, p->objs[name].made, &tuple, &made, err)))
		return s;
	return fox_pk_add_id(p, &p->stack, made, err);
}

static enum fox_status do_persistent(struct fox_pickle *p, struct fox_err *err)
{
	uint32_t id, made;
	enum fox_status s = fox_pk_pop(p, &id, err);
	if (s)
		return s;
	struct fox_pk_obj o = p->objs[id];
	if ((s = p->rules->persistent(p, p->rules->ctx, &o, &made, err)))
		return s;
	return fox_pk_add_id(p, &p->stack, made, err);
}

/* ---- the machine */

static enum fox_status do_frame(struct fox_pickle *p, struct fox_err *err)
{
	uint64_t n = 0;
	enum fox_status s = take_size(p, 8, &n, err);
	if (!s && n > p->in.n - p->at)
		return fox_fail(err, FOX_E_TRUNCATED, p->where,
		    "pickle: FRAME of %llu bytes, but the pickle ends after %zu", (unsigned long long)n,
		    p->in.n - p->at);
	return s;
}

static enum fox_status do_marked(struct fox_pickle *p, struct fox_err *err)
{
	size_t first;
	enum fox_status s = fox_pk_find_mark(p, &first, err);
	if (s)
		return s;
	return p->op == 't' ? make_tuple(p, first, true, err) : set_items(p, first, true, err);
}

static enum fox_status do_int(struct fox_pickle *p, unsigned bytes, struct fox_err *err)
{
	uint64_t v = 0;
	enum fox_status s = take_size(p, bytes, &v, err);
	if (s)
		return s;
	return push_int(p, bytes == 4 && v > INT32_MAX ? (int64_t)v - (1ll << 32) : (int64_t)v, err);
}

/* One opcode but for PROTO and STOP. */
static enum fox_status step(struct fox_pickle *p, struct fox_err *err)
{
	switch (p->op) {
	case '(':
		return fox_pk_add_id(p, &p->stack, FOX_PK_MARK, err);
	case 'N':
		return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_NONE}, err);
	case 0x88:
	case 0x89:
		return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_BOOL, .i = p->op == 0x88}, err);
	case 'J':
		return do_int(p, 4, err);
	case 'K':
		return do_int(p, 1, err);
	case 'M':
		return do_int(p, 2, err);
	case 0x8A:
		return do_long(p, 1, err);
	case 0x8B:
		return do_long(p, 4, err);
	case 'G':
		return do_float(p, err);
	case 0x8C:
		return do_string(p, 1, err);
	case 'X':
		return do_string(p, 4, err);
	case 0x8D:
		return do_string(p, 8, err);
	case ')':
		return make_tuple(p, p->stack.n, false, err);
	case 0x85:
	case 0x86:
	case 0x87:
		return do_tuple(p, p->op - 0x84u, err);
	case 't':
	case 'u':
		return do_marked(p, err);
	case ']':
		return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_LIST}, err);
	case 'a':
	case 'e':
		return do_append(p, p->op == 'e', err);
	case '}':
		return fox_pk_push(p, (struct fox_pk_obj){.kind = FOX_PK_DICT, .seq = {FOX_PICKLE_NONE, 0, 0}}, err);
	case 's':
		return do_set_item(p, err);
	case 'b':
		return do_build(p, err);
	case 'q':
		return do_memo(p, 1, true, err);
	case 'r':
		return do_memo(p, 4, true, err);
	case 0x94:
		return do_memo(p, 0, true, err);
	case 'h':
		return do_memo(p, 1, false, err);
	case 'j':
		return do_memo(p, 4, false, err);
	case 'c':
		return do_global(p, err);
	case 0x93:
		return do_stack_global(p, err);
	case 'R':
		return do_reduce(p, err);
	case 'Q':
		return do_persistent(p, err);
	case 0x95:
		return do_frame(p, err);
	default:
		return fox_fail(err, FOX_E_UNSUPPORTED, p->where,
		    "pickle: opcode 0x%02X (%s) is none of those that weights need", p->op, fox_pickle_opcode(p->op));
	}
}

static enum fox_status next_op(struct fox_pickle *p, struct fox_err *err)
{
	p->where = p->base + p->at;
	if (p->at == p->in.n)
		return fox_fail(err, FOX_E_TRUNCATED, p->where, "pickle: ends without STOP");
	p->op = p->in.p[p->at++];
	return FOX_OK;
}

static enum fox_status run(struct fox_pickle *p, struct fox_err *err)
{
	uint64_t version = 0;
	enum fox_status s = next_op(p, err);
	if (!s && p->op != 0x80)
		return fox_fail(err, FOX_E_FORMAT, p->where, "pickle: begins with 0x%02X, not with PROTO", p->op);
	if (!s)
		s = take_size(p, 1, &version, err);
	if (!s && (version < 2 || version > 5))
		return fox_fail(err, FOX_E_UNSUPPORTED, p->where, "pickle: protocol %llu, want 2 to 5",
		    (unsigned long long)version);
	while (!s && !(s = next_op(p, err)) && p->op != '.')
		s = step(p, err);
	if (s)
		return s;
	if ((s = fox_pk_pop(p, &p->root, err)))
		return s;
	if (p->stack.n)
		return fox_pk_bad(p, err, FOX_E_FORMAT, "more than one object is left on the stack");
	if (p->at != p->in.n)
		return fox_fail(err, FOX_E_FORMAT, p->base + p->at, "pickle: %zu bytes after STOP", p->in.n - p->at);
	return FOX_OK;
}

enum fox_status fox_pickle_run(struct fox_pickle **out, struct fox_span bytes, uint64_t base,
    const struct fox_pickle_rules *rules, struct fox_err *err)
{
	*out = NULL;
	if (bytes.n > FOX_PICKLE_MAX_BYTES)
		return fox_fail(
		    err, FOX_E_BOUND, base, "pickle: %zu bytes, more than %u", bytes.n, FOX_PICKLE_MAX_BYTES);
	struct fox_pickle *p = calloc(1, sizeof *p);
	if (!p)
		return fox_fail_nomem(err);
	p->rules = rules, p->in = bytes, p->base = base;
	enum fox_status s = run(p, err);
	if (s) {
		fox_pickle_free(p);
		return s;
	}
	*out = p;
	return FOX_OK;
}
