/* jinja.c - runs a parsed template: names and scopes, expressions, statements.
 *
 * Semantics are those of Jinja 3.1 with Python's values; whatever is not written out here or in jinja_call.c is refused where it
 * is met, not where it stands, so that branches about tools do not matter to a conversation without tools. */
#include <stdio.h>

#include "runtime/jinja_run.h"

struct fox_jval fox_jr_fail(
    struct fox_jmachine *m, const struct fox_jnode *n, const char *what, struct fox_str name)
{
	if (!m->status && !m->raised)
		m->status = fox_fail(m->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "chat template: %s%s%.*s%s at byte %u",
		    what, name.n ? " '" : "", FOX_STR_ARG(name), name.n ? "'" : "", n->at);
	return FOX_JV_UNDEF;
}

struct fox_jval fox_jr_refuse(struct fox_jmachine *m, const struct fox_jnode *n, const char *what)
{
	return fox_jr_fail(m, n, what, (struct fox_str){"", 0});
}

void *fox_jr_grab(struct fox_jmachine *m, size_t n, size_t size)
{
	void *p = fox_arena_alloc(&m->arena, n, size);
	if (!p && !m->status)
		m->status = fox_fail_nomem(m->err);
	return p;
}

bool fox_jr_stopped(struct fox_jmachine *m)
{
	if (!m->status && !m->raised && ++m->steps > FOX_JINJA_MAX_STEPS)
		m->status = fox_fail(
		    m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: more than %d steps", FOX_JINJA_MAX_STEPS);
	return m->status || m->raised;
}

/* What printing a value writes. */
static struct fox_str shown(struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval v)
{
	char *p;
	switch (v.kind) {
	case FOX_JV_STR:
		return v.s;
	case FOX_JV_UNDEFINED:
		return (struct fox_str){"", 0};
	case FOX_JV_NONE:
		return fox_str_of("None");
	case FOX_JV_BOOL:
		return fox_str_of(v.n ? "True" : "False");
	case FOX_JV_INT:
		if ((p = fox_jr_grab(m, 24, 1)))
			snprintf(p, 24, "%lld", (long long)v.n);
		return fox_str_of(p ? p : "");
	default:
		fox_jr_refuse(m, n, "printing a list or an object");
		return (struct fox_str){"", 0};
	}
}

/* ---- names */

struct fox_jval *fox_jr_dict_at(const struct fox_jdict *d, struct fox_str key)
{
	for (struct fox_jpair *p = d->first; p; p = p->next)
		if (fox_str_eq(p->key, key))
			return &p->value;
	return NULL;
}

void fox_jr_dict_put(struct fox_jmachine *m, struct fox_jdict *d, struct fox_str key, struct fox_jval v)
{
	struct fox_jval *there = fox_jr_dict_at(d, key);
	if (there) {
		*there = v;
		return;
	}
	struct fox_jpair *p = fox_jr_grab(m, 1, sizeof *p);
	if (!p)
		return;
	*p = (struct fox_jpair){key, v, d->first};
	d->first = p;
}

static void bind(struct fox_jmachine *m, struct fox_str name, struct fox_jval v)
{
	struct fox_jscope *s = fox_jr_grab(m, 1, sizeof *s);
	if (!s)
		return;
	*s = (struct fox_jscope){name, v, m->scope};
	m->scope = s;
}

static struct fox_jval lookup(struct fox_jmachine *m, const struct fox_jnode *n)
{
	/* transformers hands these out where a tokenizer has them; what fox's tokenizer says of them is not enough */
	static const char *const kept[] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
	    "additional_special_tokens", "range", "dict", "lipsum", "cycler", "joiner"};
	static const char *const functions[] = {"raise_exception", "strftime_now", "namespace"};
	for (const struct fox_jscope *s = m->scope; s; s = s->outer)
		if (fox_str_eq(s->name, n->text))
			return s->value;
	for (size_t i = 0; i < FOX_COUNT(functions); i++)
		if (fox_str_is(n->text, functions[i]))
			return (struct fox_jval){.kind = FOX_JV_FUNCTION, .s = n->text};
	for (size_t i = 0; i < FOX_COUNT(kept); i++)
		if (fox_str_is(n->text, kept[i]))
			return fox_jr_fail(m, n, "the name", n->text);
	return FOX_JV_UNDEF;
}

/* ---- expressions */

static bool truth(struct fox_jval v)
{
	switch (v.kind) {
	case FOX_JV_UNDEFINED:
	case FOX_JV_NONE:
		return false;
	case FOX_JV_BOOL:
	case FOX_JV_INT:
	case FOX_JV_LIST:
		return v.n;
	case FOX_JV_STR:
		return v.s.n;
	case FOX_JV_DICT:
		return v.dict->first;
	case FOX_JV_FUNCTION:
		break;
	}
	return true;
}

/* Python's ==, for values where it is plain. */
static bool equal(struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval a, struct fox_jval b)
{
	bool numbers =
	    (a.kind == FOX_JV_INT || a.kind == FOX_JV_BOOL) && (b.kind == FOX_JV_INT || b.kind == FOX_JV_BOOL);
	if (numbers)
		return a.n == b.n;
	if (a.kind != b.kind)
		return false;
	if (a.kind == FOX_JV_STR)
		return fox_str_eq(a.s, b.s);
	if (a.kind == FOX_JV_LIST || a.kind == FOX_JV_DICT || a.kind == FOX_JV_FUNCTION)
		fox_jr_refuse(m, n, "comparing lists or objects");
	return true;
}

static struct fox_jval contains(
    struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval a, struct fox_jval b)
{
	if (b.kind == FOX_JV_STR && a.kind == FOX_JV_STR)
		return fox_jr_of_bool(fox_jr_find(b.s, a.s) != NULL);
	if (b.kind == FOX_JV_DICT && a.kind == FOX_JV_STR)
		return fox_jr_of_bool(fox_jr_dict_at(b.dict, a.s) != NULL);
	if (b.kind == FOX_JV_LIST) {
		for (int64_t i = 0; i < b.n; i++)
			if (equal(m, n, a, b.items[i]))
				return fox_jr_of_bool(true);
		return fox_jr_of_bool(false);
	}
	return fox_jr_refuse(m, n, "'in' between these types");
}

static struct fox_jval calculate(
    struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval a, struct fox_jval b)
{
	int64_t op = n->n;
	if (op == FOX_JINJA_OP('+', 0) && a.kind == FOX_JV_STR && b.kind == FOX_JV_STR)
		return fox_jr_join(m, a.s, b.s);
	if (a.kind != FOX_JV_INT || b.kind != FOX_JV_INT)
		return fox_jr_refuse(m, n, "arithmetic between these types");
	/* numbers are small: they begin below 2^31, and each step adds or subtracts once */
	if (op == FOX_JINJA_OP('+', 0))
		return fox_jr_of_int(a.n + b.n);
	if (op == FOX_JINJA_OP('-', 0))
		return fox_jr_of_int(a.n - b.n);
	if (op == FOX_JINJA_OP('%', 0) && b.n > 0 && a.n >= 0)
		return fox_jr_of_int(a.n % b.n);
	if (op == FOX_JINJA_OP('<', 0))
		return fox_jr_of_bool(a.n < b.n);
	if (op == FOX_JINJA_OP('>', 0))
		return fox_jr_of_bool(a.n > b.n);
	if (op == FOX_JINJA_OP('<', '='))
		return fox_jr_of_bool(a.n <= b.n);
	if (op == FOX_JINJA_OP('>', '='))
		return fox_jr_of_bool(a.n >= b.n);
	return fox_jr_refuse(m, n, "this arithmetic");
}

static struct fox_jval binary(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval a = fox_jr_eval(m, n->a), b = fox_jr_eval(m, n->b);
	int64_t op = n->n;
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	if (op == FOX_JINJA_OP('=', '=') || op == FOX_JINJA_OP('!', '='))
		return fox_jr_of_bool(equal(m, n, a, b) == (op == FOX_JINJA_OP('=', '=')));
	if (op == FOX_JINJA_OP('i', 'n'))
		return contains(m, n, a, b);
	if (op == FOX_JINJA_OP('~', 0))
		return fox_jr_join(m, shown(m, n, a), shown(m, n, b));
	return calculate(m, n, a, b);
}

/* value.name or value['name'] */
struct fox_jval fox_jr_member(
    struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval of, struct fox_str name)
{
	const struct fox_jval *there;
	if (of.kind == FOX_JV_DICT)
		return (there = fox_jr_dict_at(of.dict, name)) ? *there : FOX_JV_UNDEF;
	if (of.kind == FOX_JV_UNDEFINED)
		return fox_jr_fail(m, n, "undefined value asked for", name);
	return fox_jr_fail(m, n, "this type asked for", name);
}

static struct fox_jval subscript(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval of = fox_jr_eval(m, n->a), at = fox_jr_eval(m, n->b);
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	if (at.kind == FOX_JV_STR)
		return fox_jr_member(m, n, of, at.s);
	if (of.kind != FOX_JV_LIST || at.kind != FOX_JV_INT)
		return fox_jr_refuse(m, n, "an index between these types");
	int64_t i = at.n < 0 ? at.n + of.n : at.n;
	return i >= 0 && i < of.n ? of.items[i] : FOX_JV_UNDEF;
}

/* list[from:to:step] with steps of 1 and -1; bounds only without a step. */
static struct fox_jval slice(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval of = fox_jr_eval(m, n->a), from = n->b ? fox_jr_eval(m, n->b) : fox_jr_of_int(0),
	                to = n->c ? fox_jr_eval(m, n->c) : fox_jr_of_int(INT32_MAX),
	                step = n->d ? fox_jr_eval(m, n->d) : fox_jr_of_int(1);
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	bool back = step.kind == FOX_JV_INT && step.n == -1 && !n->b && !n->c;
	if (of.kind != FOX_JV_LIST || from.kind != FOX_JV_INT || to.kind != FOX_JV_INT ||
	    step.kind != FOX_JV_INT || (step.n != 1 && !back))
		return fox_jr_refuse(m, n, "this slice");
	int64_t a = from.n < 0 ? from.n + of.n : from.n, b = to.n < 0 ? to.n + of.n : to.n;
	a = a < 0 ? 0 : a > of.n ? of.n : a;
	b = b < a ? a : b > of.n ? of.n : b;
	struct fox_jval *items = fox_jr_grab(m, (size_t)(b - a), sizeof *items);
	for (int64_t i = a; items && i < b; i++)
		items[i - a] = of.items[back ? of.n - 1 - i : i];
	return (struct fox_jval){.kind = FOX_JV_LIST, .n = b - a, .items = items};
}

static struct fox_jval list(struct fox_jmachine *m, const struct fox_jnode *n)
{
	int64_t count = 0;
	for (const struct fox_jnode *x = n->a; x; x = x->next)
		count++;
	struct fox_jval *items = fox_jr_grab(m, (size_t)count, sizeof *items);
	count = 0;
	for (const struct fox_jnode *x = n->a; x && items; x = x->next)
		items[count++] = fox_jr_eval(m, x);
	return (struct fox_jval){.kind = FOX_JV_LIST, .n = count, .items = items};
}

struct fox_jval fox_jr_eval(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval v;
	if (fox_jr_stopped(m) || !n)
		return FOX_JV_UNDEF;
	switch (n->kind) {
	case FOX_JN_STR:
		return fox_jr_of_str(n->text);
	case FOX_JN_INT:
		return fox_jr_of_int(n->n);
	case FOX_JN_BOOL:
		return fox_jr_of_bool(n->n);
	case FOX_JN_NONE:
		return (struct fox_jval){.kind = FOX_JV_NONE};
	case FOX_JN_LIST:
		return list(m, n);
	case FOX_JN_NAME:
		return lookup(m, n);
	case FOX_JN_ATTR:
		v = fox_jr_eval(m, n->a);
		return fox_jr_stopped(m) ? FOX_JV_UNDEF : fox_jr_member(m, n, v, n->text);
	case FOX_JN_INDEX:
		return subscript(m, n);
	case FOX_JN_SLICE:
		return slice(m, n);
	case FOX_JN_CALL:
		return fox_jr_call(m, n);
	case FOX_JN_FILTER:
		return fox_jr_filter(m, n);
	case FOX_JN_TEST:
		return fox_jr_test(m, n);
	case FOX_JN_NOT:
		return fox_jr_of_bool(!truth(fox_jr_eval(m, n->a)));
	case FOX_JN_NEGATE:
		v = fox_jr_eval(m, n->a);
		return v.kind == FOX_JV_INT ? fox_jr_of_int(-v.n) : fox_jr_refuse(m, n, "a minus before this type");
	case FOX_JN_BINARY:
		return binary(m, n);
	case FOX_JN_AND:
		v = fox_jr_eval(m, n->a);
		return truth(v) ? fox_jr_eval(m, n->b) : v;
	case FOX_JN_OR:
		v = fox_jr_eval(m, n->a);
		return truth(v) ? v : fox_jr_eval(m, n->b);
	case FOX_JN_COND:
		return truth(fox_jr_eval(m, n->a)) ? fox_jr_eval(m, n->b) : fox_jr_eval(m, n->c);
	default:
		return fox_jr_refuse(m, n, "an expression that is not handled");
	}
}

/* ---- statements */

static void run(struct fox_jmachine *m, const struct fox_jnode *n);

static void print(struct fox_jmachine *m, struct fox_str s)
{
	if (m->out->n - m->begin + s.n > FOX_JINJA_MAX_OUTPUT && !m->status)
		m->status = fox_fail(m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: more than 64 MiB of output");
	if (!m->status && !m->raised)
		fox_buf_add(m->out, s.p, s.n);
}

/* The elements that the loop's own condition lets pass. */
static struct fox_jval loop_items(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval of = fox_jr_eval(m, n->a);
	const struct fox_jscope *outer = m->scope;
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	if (of.kind != FOX_JV_LIST || n->n)
		return fox_jr_refuse(m, n, "a loop over something else than a list");
	if (!n->d)
		return of;
	struct fox_jval *items = fox_jr_grab(m, (size_t)of.n, sizeof *items);
	int64_t count = 0;
	for (int64_t i = 0; items && i < of.n && !fox_jr_stopped(m); i++) {
		bind(m, n->text, of.items[i]);
		if (truth(fox_jr_eval(m, n->d)))
			items[count++] = of.items[i];
		m->scope = outer;
	}
	return (struct fox_jval){.kind = FOX_JV_LIST, .n = count, .items = items};
}

static void loop(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval of = loop_items(m, n);
	const struct fox_jscope *outer = m->scope;
	for (int64_t i = 0; of.kind == FOX_JV_LIST && i < of.n && !fox_jr_stopped(m); i++) {
		struct fox_jdict *d = fox_jr_grab(m, 1, sizeof *d);
		if (!d)
			return;
		fox_jr_dict_put(m, d, fox_str_of("index0"), fox_jr_of_int(i));
		fox_jr_dict_put(m, d, fox_str_of("index"), fox_jr_of_int(i + 1));
		fox_jr_dict_put(m, d, fox_str_of("first"), fox_jr_of_bool(i == 0));
		fox_jr_dict_put(m, d, fox_str_of("last"), fox_jr_of_bool(i == of.n - 1));
		fox_jr_dict_put(m, d, fox_str_of("length"), fox_jr_of_int(of.n));
		bind(m, n->text, of.items[i]);
		bind(m, fox_str_of("loop"), (struct fox_jval){.kind = FOX_JV_DICT, .dict = d});
		run(m, n->b);
		m->scope = outer; /* what is set in a loop ends with the round */
	}
	if (of.kind == FOX_JV_LIST && !of.n)
		run(m, n->c);
	m->scope = outer;
}

static void set(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval v = fox_jr_eval(m, n->b), of;
	if (fox_jr_stopped(m))
		return;
	if (n->a->kind == FOX_JN_NAME) {
		bind(m, n->a->text, v);
		return;
	}
	of = lookup(m, n->a->a);
	if (of.kind != FOX_JV_DICT || !of.dict->open)
		fox_jr_refuse(m, n, "'set' in something that is no namespace");
	else
		fox_jr_dict_put(m, of.dict, n->a->text, v);
}

static void run(struct fox_jmachine *m, const struct fox_jnode *n)
{
	for (; n && !fox_jr_stopped(m); n = n->next) {
		struct fox_jval v;
		switch (n->kind) {
		case FOX_JN_TEXT:
			print(m, n->text);
			break;
		case FOX_JN_PRINT:
			v = fox_jr_eval(m, n->a);
			if (!fox_jr_stopped(m))
				print(m, shown(m, n, v));
			break;
		case FOX_JN_IF:
			v = fox_jr_eval(m, n->a);
			if (!fox_jr_stopped(m))
				run(m, truth(v) ? n->b : n->c);
			break;
		case FOX_JN_FOR:
			loop(m, n);
			break;
		default:
			set(m, n);
		}
	}
}

/* ---- a conversation as values */

static void bind_conversation(struct fox_jmachine *m)
{
	const struct fox_jinja_vars *x = m->vars;
	struct fox_jval *items = fox_jr_grab(m, x->n_messages, sizeof *items);
	for (size_t i = 0; i < x->n_messages && items; i++) {
		struct fox_jdict *d = fox_jr_grab(m, 1, sizeof *d);
		if (!d)
			return;
		fox_jr_dict_put(m, d, fox_str_of("role"), fox_jr_of_str(x->messages[i].role));
		fox_jr_dict_put(m, d, fox_str_of("content"), fox_jr_of_str(x->messages[i].content));
		items[i] = (struct fox_jval){.kind = FOX_JV_DICT, .dict = d};
	}
	bind(m, fox_str_of("messages"),
	    (struct fox_jval){.kind = FOX_JV_LIST, .n = (int64_t)x->n_messages, .items = items});
	bind(m, fox_str_of("add_generation_prompt"), fox_jr_of_bool(x->add_generation_prompt));
	bind(m, fox_str_of("tools"), (struct fox_jval){.kind = FOX_JV_NONE});
	bind(m, fox_str_of("documents"), (struct fox_jval){.kind = FOX_JV_NONE});
	if (x->bos_token.p)
		bind(m, fox_str_of("bos_token"), fox_jr_of_str(x->bos_token));
	if (x->eos_token.p)
		bind(m, fox_str_of("eos_token"), fox_jr_of_str(x->eos_token));
}

enum fox_status fox_jinja_render(const struct fox_jinja *j, struct fox_buf *out,
    const struct fox_jinja_vars *vars, bool *raised, struct fox_err *err)
{
	struct fox_jmachine m = {.vars = vars, .out = out, .begin = out->n, .err = err};
	bind_conversation(&m);
	run(&m, j->body);
	fox_arena_free(&m.arena);
	*raised = m.raised;
	if (!m.status && out->failed)
		m.status = fox_fail_nomem(err);
	return m.status;
}
