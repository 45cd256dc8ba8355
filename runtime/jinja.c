/* jinja.c - runs a parsed template: values, scopes, the functions, filters, tests and methods of the subset.
 *
 * Semantics are those of Jinja 3.1 with Python's values; whatever is not written out here is refused where it is met, not
 * where it stands, so that branches about tools do not matter to a conversation without tools. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/jinja_tree.h"

enum { MAX_STEPS = 1 << 20, MAX_OUTPUT = 64 << 20 };

enum kind { UNDEFINED, NONE, BOOL, INT, STR, LIST, DICT, FUNCTION };

struct dict;

struct val {
	enum kind kind;
	int64_t n;               /* BOOL, INT; LIST: elements */
	struct fox_str s;        /* STR, FUNCTION: its name */
	const struct val *items; /* LIST */
	struct dict *dict;
};

struct pair {
	struct fox_str key;
	struct val value;
	struct pair *next;
};

struct dict {
	struct pair *first;
	bool open; /* a namespace: the only thing that 'set' may change */
};

/* Names in sight, newest first: leaving a scope takes them off again. */
struct scope {
	struct fox_str name;
	struct val value;
	const struct scope *outer;
};

struct machine {
	const struct fox_jinja_vars *vars;
	const struct scope *scope;
	struct fox_arena arena;
	struct fox_buf *out;
	size_t begin; /* bytes that out held before */
	uint64_t steps;
	bool raised;
	enum fox_status status;
	struct fox_err *err;
};

static const struct val undefined = {.kind = UNDEFINED}, none = {.kind = NONE};

static struct val fail(struct machine *m, const struct fox_jnode *n, const char *what, struct fox_str name)
{
	if (!m->status && !m->raised)
		m->status = fox_fail(m->err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "chat template: %s%s%.*s%s at byte %u",
		    what, name.n ? " '" : "", FOX_STR_ARG(name), name.n ? "'" : "", n->at);
	return undefined;
}

static struct val refuse(struct machine *m, const struct fox_jnode *n, const char *what)
{
	return fail(m, n, what, (struct fox_str){"", 0});
}

static void *grab(struct machine *m, size_t n, size_t size)
{
	void *p = fox_arena_alloc(&m->arena, n, size);
	if (!p && !m->status)
		m->status = fox_fail_nomem(m->err);
	return p;
}

static bool stopped(struct machine *m)
{
	if (!m->status && !m->raised && ++m->steps > MAX_STEPS)
		m->status =
		    fox_fail(m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: more than %d steps", MAX_STEPS);
	return m->status || m->raised;
}

static struct val of_str(struct fox_str s)
{
	return (struct val){.kind = STR, .s = s};
}

static struct val of_bool(bool b)
{
	return (struct val){.kind = BOOL, .n = b};
}

static struct val of_int(int64_t n)
{
	return (struct val){.kind = INT, .n = n};
}

/* ---- text */

/* source: Python 3 str.isspace: bidirectional type WS, B or S, or category Zs */
static bool is_space(int32_t c)
{
	return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
	       c == 0x3000;
}

/* Is a code point among those that strip() takes away? */
static bool stripped(int32_t c, const struct fox_str *set)
{
	if (!set)
		return is_space(c);
	for (size_t i = 0; i < set->n;)
		if (fox_utf8_next(*set, &i) == c)
			return true;
	return false;
}

static struct fox_str strip(struct fox_str s, const struct fox_str *set, bool left, bool right)
{
	while (left && s.n) {
		size_t i = 0;
		if (!stripped(fox_utf8_next(s, &i), set))
			break;
		s = (struct fox_str){s.p + i, s.n - i};
	}
	while (right && s.n) {
		size_t at = s.n - 1, i;
		while (at && ((uint8_t)s.p[at] & 0xC0) == 0x80)
			at--;
		i = at;
		if (!stripped(fox_utf8_next(s, &i), set) || i != s.n)
			break;
		s.n = at;
	}
	return s;
}

struct fox_str fox_jinja_strip(struct fox_str s)
{
	return strip(s, NULL, true, true);
}

static const char *find(struct fox_str s, struct fox_str part)
{
	return part.n ? memmem(s.p, s.n, part.p, part.n) : s.p;
}

static struct val join(struct machine *m, struct fox_str a, struct fox_str b)
{
	if (a.n + b.n > MAX_OUTPUT) {
		if (!m->status)
			m->status =
			    fox_fail(m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: a text of more than 64 MiB");
		return undefined;
	}
	char *p = grab(m, a.n + b.n + 1, 1);
	if (!p)
		return undefined;
	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	return of_str((struct fox_str){p, a.n + b.n});
}

/* What printing a value writes. */
static struct fox_str shown(struct machine *m, const struct fox_jnode *n, struct val v)
{
	char *p;
	switch (v.kind) {
	case STR:
		return v.s;
	case UNDEFINED:
		return (struct fox_str){"", 0};
	case NONE:
		return fox_str_of("None");
	case BOOL:
		return fox_str_of(v.n ? "True" : "False");
	case INT:
		if ((p = grab(m, 24, 1)))
			snprintf(p, 24, "%lld", (long long)v.n);
		return fox_str_of(p ? p : "");
	default:
		refuse(m, n, "printing a list or an object");
		return (struct fox_str){"", 0};
	}
}

/* ---- names */

static struct val *dict_at(const struct dict *d, struct fox_str key)
{
	for (struct pair *p = d->first; p; p = p->next)
		if (fox_str_eq(p->key, key))
			return &p->value;
	return NULL;
}

static void dict_put(struct machine *m, struct dict *d, struct fox_str key, struct val v)
{
	struct val *there = dict_at(d, key);
	if (there) {
		*there = v;
		return;
	}
	struct pair *p = grab(m, 1, sizeof *p);
	if (!p)
		return;
	*p = (struct pair){key, v, d->first};
	d->first = p;
}

static void bind(struct machine *m, struct fox_str name, struct val v)
{
	struct scope *s = grab(m, 1, sizeof *s);
	if (!s)
		return;
	*s = (struct scope){name, v, m->scope};
	m->scope = s;
}

static struct val lookup(struct machine *m, const struct fox_jnode *n)
{
	/* transformers hands these out where a tokenizer has them; what fox's tokenizer says of them is not enough */
	static const char *const kept[] = {"unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
	    "additional_special_tokens", "range", "dict", "lipsum", "cycler", "joiner"};
	static const char *const functions[] = {"raise_exception", "strftime_now", "namespace"};
	for (const struct scope *s = m->scope; s; s = s->outer)
		if (fox_str_eq(s->name, n->text))
			return s->value;
	for (size_t i = 0; i < FOX_COUNT(functions); i++)
		if (fox_str_is(n->text, functions[i]))
			return (struct val){.kind = FUNCTION, .s = n->text};
	for (size_t i = 0; i < FOX_COUNT(kept); i++)
		if (fox_str_is(n->text, kept[i]))
			return fail(m, n, "the name", n->text);
	return undefined;
}

/* ---- expressions */

static struct val eval(struct machine *m, const struct fox_jnode *n);

static bool truth(struct val v)
{
	switch (v.kind) {
	case UNDEFINED:
	case NONE:
		return false;
	case BOOL:
	case INT:
	case LIST:
		return v.n;
	case STR:
		return v.s.n;
	case DICT:
		return v.dict->first;
	case FUNCTION:
		break;
	}
	return true;
}

/* Python's ==, for values where it is plain. */
static bool equal(struct machine *m, const struct fox_jnode *n, struct val a, struct val b)
{
	bool numbers = (a.kind == INT || a.kind == BOOL) && (b.kind == INT || b.kind == BOOL);
	if (numbers)
		return a.n == b.n;
	if (a.kind != b.kind)
		return false;
	if (a.kind == STR)
		return fox_str_eq(a.s, b.s);
	if (a.kind == LIST || a.kind == DICT || a.kind == FUNCTION)
		refuse(m, n, "comparing lists or objects");
	return true;
}

static struct val contains(struct machine *m, const struct fox_jnode *n, struct val a, struct val b)
{
	if (b.kind == STR && a.kind == STR)
		return of_bool(find(b.s, a.s) != NULL);
	if (b.kind == DICT && a.kind == STR)
		return of_bool(dict_at(b.dict, a.s) != NULL);
	if (b.kind == LIST) {
		for (int64_t i = 0; i < b.n; i++)
			if (equal(m, n, a, b.items[i]))
				return of_bool(true);
		return of_bool(false);
	}
	return refuse(m, n, "'in' between these types");
}

static struct val calculate(struct machine *m, const struct fox_jnode *n, struct val a, struct val b)
{
	int64_t op = n->n;
	if (op == FOX_JINJA_OP('+', 0) && a.kind == STR && b.kind == STR)
		return join(m, a.s, b.s);
	if (a.kind != INT || b.kind != INT)
		return refuse(m, n, "arithmetic between these types");
	/* numbers are small: they begin below 2^31, and each step adds or subtracts once */
	if (op == FOX_JINJA_OP('+', 0))
		return of_int(a.n + b.n);
	if (op == FOX_JINJA_OP('-', 0))
		return of_int(a.n - b.n);
	if (op == FOX_JINJA_OP('%', 0) && b.n > 0 && a.n >= 0)
		return of_int(a.n % b.n);
	if (op == FOX_JINJA_OP('<', 0))
		return of_bool(a.n < b.n);
	if (op == FOX_JINJA_OP('>', 0))
		return of_bool(a.n > b.n);
	if (op == FOX_JINJA_OP('<', '='))
		return of_bool(a.n <= b.n);
	if (op == FOX_JINJA_OP('>', '='))
		return of_bool(a.n >= b.n);
	return refuse(m, n, "this arithmetic");
}

static struct val binary(struct machine *m, const struct fox_jnode *n)
{
	struct val a = eval(m, n->a), b = eval(m, n->b);
	int64_t op = n->n;
	if (stopped(m))
		return undefined;
	if (op == FOX_JINJA_OP('=', '=') || op == FOX_JINJA_OP('!', '='))
		return of_bool(equal(m, n, a, b) == (op == FOX_JINJA_OP('=', '=')));
	if (op == FOX_JINJA_OP('i', 'n'))
		return contains(m, n, a, b);
	if (op == FOX_JINJA_OP('~', 0))
		return join(m, shown(m, n, a), shown(m, n, b));
	return calculate(m, n, a, b);
}

/* value.name or value['name'] */
static struct val member(struct machine *m, const struct fox_jnode *n, struct val of, struct fox_str name)
{
	const struct val *there;
	if (of.kind == DICT)
		return (there = dict_at(of.dict, name)) ? *there : undefined;
	if (of.kind == UNDEFINED)
		return fail(m, n, "undefined value asked for", name);
	return fail(m, n, "this type asked for", name);
}

static struct val subscript(struct machine *m, const struct fox_jnode *n)
{
	struct val of = eval(m, n->a), at = eval(m, n->b);
	if (stopped(m))
		return undefined;
	if (at.kind == STR)
		return member(m, n, of, at.s);
	if (of.kind != LIST || at.kind != INT)
		return refuse(m, n, "an index between these types");
	int64_t i = at.n < 0 ? at.n + of.n : at.n;
	return i >= 0 && i < of.n ? of.items[i] : undefined;
}

/* list[from:to:step] with steps of 1 and -1; bounds only without a step. */
static struct val slice(struct machine *m, const struct fox_jnode *n)
{
	struct val of = eval(m, n->a), from = n->b ? eval(m, n->b) : of_int(0),
	           to = n->c ? eval(m, n->c) : of_int(INT32_MAX), step = n->d ? eval(m, n->d) : of_int(1);
	if (stopped(m))
		return undefined;
	bool back = step.kind == INT && step.n == -1 && !n->b && !n->c;
	if (of.kind != LIST || from.kind != INT || to.kind != INT || step.kind != INT || (step.n != 1 && !back))
		return refuse(m, n, "this slice");
	int64_t a = from.n < 0 ? from.n + of.n : from.n, b = to.n < 0 ? to.n + of.n : to.n;
	a = a < 0 ? 0 : a > of.n ? of.n : a;
	b = b < a ? a : b > of.n ? of.n : b;
	struct val *items = grab(m, (size_t)(b - a), sizeof *items);
	for (int64_t i = a; items && i < b; i++)
		items[i - a] = of.items[back ? of.n - 1 - i : i];
	return (struct val){.kind = LIST, .n = b - a, .items = items};
}

static struct val list(struct machine *m, const struct fox_jnode *n)
{
	int64_t count = 0;
	for (const struct fox_jnode *x = n->a; x; x = x->next)
		count++;
	struct val *items = grab(m, (size_t)count, sizeof *items);
	count = 0;
	for (const struct fox_jnode *x = n->a; x && items; x = x->next)
		items[count++] = eval(m, x);
	return (struct val){.kind = LIST, .n = count, .items = items};
}

/* Arguments that are texts, at most max of them; -1 (and a refusal) otherwise. */
static int texts(struct machine *m, const struct fox_jnode *n, struct fox_str *out, int max)
{
	int count = 0;
	for (const struct fox_jnode *x = n->b; x; x = x->next) {
		struct val v = x->kind == FOX_JN_KEYWORD ? undefined : eval(m, x);
		if (stopped(m))
			return -1;
		if (v.kind != STR || count == max) {
			refuse(m, n, "these arguments");
			return -1;
		}
		out[count++] = v.s;
	}
	return count;
}

static struct val split(struct machine *m, struct fox_str s, struct fox_str by)
{
	int64_t n = 1, i = 0;
	struct fox_str rest = s;
	for (const char *at; (at = find(rest, by)); n++)
		rest = (struct fox_str){at + by.n, (size_t)(s.p + s.n - at) - by.n};
	struct val *items = grab(m, (size_t)n, sizeof *items);
	rest = s;
	for (const char *at; items && i < n; i++) {
		at = find(rest, by);
		items[i] = of_str((struct fox_str){rest.p, at ? (size_t)(at - rest.p) : rest.n});
		if (at)
			rest = (struct fox_str){at + by.n, (size_t)(s.p + s.n - at) - by.n};
	}
	return (struct val){.kind = LIST, .n = n, .items = items};
}

static struct val method(struct machine *m, const struct fox_jnode *n)
{
	struct fox_str name = n->a->text, arg[2];
	struct val of = eval(m, n->a->a), *there;
	int given = stopped(m) ? -1 : texts(m, n, arg, 2);
	if (given < 0)
		return undefined;
	if (of.kind == DICT && fox_str_is(name, "get") && given == 1)
		return (there = dict_at(of.dict, arg[0])) ? *there : none;
	if (of.kind != STR)
		return fail(m, n, "the method", name);
	bool left = fox_str_is(name, "lstrip"), right = fox_str_is(name, "rstrip");
	if ((left || right || fox_str_is(name, "strip")) && given < 2)
		return of_str(strip(of.s, given ? arg : NULL, !right, !left));
	if (fox_str_is(name, "split") && given == 1 && arg[0].n)
		return split(m, of.s, arg[0]);
	if (fox_str_is(name, "startswith") && given == 1)
		return of_bool(of.s.n >= arg[0].n && !memcmp(of.s.p, arg[0].p, arg[0].n));
	if (fox_str_is(name, "endswith") && given == 1)
		return of_bool(of.s.n >= arg[0].n && !memcmp(of.s.p + of.s.n - arg[0].n, arg[0].p, arg[0].n));
	return fail(m, n, "the method", name);
}

static struct val make_namespace(struct machine *m, const struct fox_jnode *n)
{
	struct dict *d = grab(m, 1, sizeof *d);
	if (d)
		d->open = true;
	for (const struct fox_jnode *x = n->b; x && d; x = x->next) {
		if (x->kind != FOX_JN_KEYWORD)
			return refuse(m, n, "these arguments");
		dict_put(m, d, x->text, eval(m, x->a));
	}
	return d ? (struct val){.kind = DICT, .dict = d} : undefined;
}

static struct val call(struct machine *m, const struct fox_jnode *n)
{
	struct fox_str arg;
	if (n->a->kind == FOX_JN_ATTR)
		return method(m, n);
	struct val f = eval(m, n->a);
	if (stopped(m))
		return undefined;
	if (f.kind != FUNCTION)
		return refuse(m, n, "a call of something that is no function");
	if (fox_str_is(f.s, "namespace"))
		return make_namespace(m, n);
	if (texts(m, n, &arg, 1) != 1)
		return refuse(m, n, "these arguments");
	if (fox_str_is(f.s, "raise_exception")) {
		m->raised = true;
		return undefined;
	}
	if (fox_str_is(arg, "%d %b %Y"))
		return of_str(m->vars->date);
	return fail(m, n, "the form of date", arg);
}

/* list | selectattr("name", "equalto", "text") */
static struct val select_attribute(struct machine *m, const struct fox_jnode *n, struct val of)
{
	struct fox_str arg[3];
	if (texts(m, n, arg, 3) != 3 || of.kind != LIST ||
	    !(fox_str_is(arg[1], "equalto") || fox_str_is(arg[1], "==")))
		return refuse(m, n, "this selectattr");
	struct val *items = grab(m, (size_t)of.n, sizeof *items);
	int64_t count = 0;
	for (int64_t i = 0; items && i < of.n; i++) {
		struct val v = member(m, n, of.items[i], arg[0]);
		if (v.kind == STR && fox_str_eq(v.s, arg[2]))
			items[count++] = of.items[i];
	}
	return (struct val){.kind = LIST, .n = count, .items = items};
}

static int64_t characters(struct fox_str s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.n; n++)
		(void)fox_utf8_next(s, &i);
	return n;
}

static struct val filter(struct machine *m, const struct fox_jnode *n)
{
	struct val of = eval(m, n->a);
	if (stopped(m))
		return undefined;
	if (fox_str_is(n->text, "selectattr"))
		return select_attribute(m, n, of);
	if (n->b)
		return fail(m, n, "the filter", n->text);
	if (fox_str_is(n->text, "trim") && of.kind == STR)
		return of_str(fox_jinja_strip(of.s));
	if (fox_str_is(n->text, "length") || fox_str_is(n->text, "count")) {
		if (of.kind == STR)
			return of_int(characters(of.s));
		if (of.kind == LIST)
			return of_int(of.n);
	}
	if (fox_str_is(n->text, "list") && of.kind == LIST)
		return of;
	if (of.kind == LIST && (fox_str_is(n->text, "first") || fox_str_is(n->text, "last")))
		return of.n ? of.items[fox_str_is(n->text, "first") ? 0 : of.n - 1] : undefined;
	return fail(m, n, "the filter", n->text);
}

static struct val test(struct machine *m, const struct fox_jnode *n)
{
	struct val v = eval(m, n->a);
	enum kind k = v.kind;
	const struct {
		const char *name;
		bool holds;
	} tests[] = {
	    {"defined", k != UNDEFINED},
	    {"undefined", k == UNDEFINED},
	    {"none", k == NONE},
	    {"string", k == STR},
	    {"mapping", k == DICT},
	    {"sequence", k == STR || k == LIST || k == DICT || k == UNDEFINED},
	    {"iterable", k == STR || k == LIST || k == DICT || k == UNDEFINED},
	    {"number", k == INT || k == BOOL},
	    {"boolean", k == BOOL},
	    {"true", k == BOOL && v.n},
	    {"false", k == BOOL && !v.n},
	};
	if (stopped(m))
		return undefined;
	for (size_t i = 0; i < FOX_COUNT(tests) && !n->b; i++)
		if (fox_str_is(n->text, tests[i].name))
			return of_bool(tests[i].holds);
	return fail(m, n, "the test", n->text);
}

static struct val eval(struct machine *m, const struct fox_jnode *n)
{
	struct val v;
	if (stopped(m) || !n)
		return undefined;
	switch (n->kind) {
	case FOX_JN_STR:
		return of_str(n->text);
	case FOX_JN_INT:
		return of_int(n->n);
	case FOX_JN_BOOL:
		return of_bool(n->n);
	case FOX_JN_NONE:
		return none;
	case FOX_JN_LIST:
		return list(m, n);
	case FOX_JN_NAME:
		return lookup(m, n);
	case FOX_JN_ATTR:
		v = eval(m, n->a);
		return stopped(m) ? undefined : member(m, n, v, n->text);
	case FOX_JN_INDEX:
		return subscript(m, n);
	case FOX_JN_SLICE:
		return slice(m, n);
	case FOX_JN_CALL:
		return call(m, n);
	case FOX_JN_FILTER:
		return filter(m, n);
	case FOX_JN_TEST:
		return test(m, n);
	case FOX_JN_NOT:
		return of_bool(!truth(eval(m, n->a)));
	case FOX_JN_NEGATE:
		v = eval(m, n->a);
		return v.kind == INT ? of_int(-v.n) : refuse(m, n, "a minus before this type");
	case FOX_JN_BINARY:
		return binary(m, n);
	case FOX_JN_AND:
		v = eval(m, n->a);
		return truth(v) ? eval(m, n->b) : v;
	case FOX_JN_OR:
		v = eval(m, n->a);
		return truth(v) ? v : eval(m, n->b);
	case FOX_JN_COND:
		return truth(eval(m, n->a)) ? eval(m, n->b) : eval(m, n->c);
	default:
		return refuse(m, n, "an expression that is not handled");
	}
}

/* ---- statements */

static void run(struct machine *m, const struct fox_jnode *n);

static void print(struct machine *m, struct fox_str s)
{
	if (m->out->n - m->begin + s.n > MAX_OUTPUT && !m->status)
		m->status = fox_fail(m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: more than 64 MiB of output");
	if (!m->status && !m->raised)
		fox_buf_add(m->out, s.p, s.n);
}

/* The elements that the loop's own condition lets pass. */
static struct val loop_items(struct machine *m, const struct fox_jnode *n)
{
	struct val of = eval(m, n->a);
	const struct scope *outer = m->scope;
	if (stopped(m))
		return undefined;
	if (of.kind != LIST || n->n)
		return refuse(m, n, "a loop over something else than a list");
	if (!n->d)
		return of;
	struct val *items = grab(m, (size_t)of.n, sizeof *items);
	int64_t count = 0;
	for (int64_t i = 0; items && i < of.n && !stopped(m); i++) {
		bind(m, n->text, of.items[i]);
		if (truth(eval(m, n->d)))
			items[count++] = of.items[i];
		m->scope = outer;
	}
	return (struct val){.kind = LIST, .n = count, .items = items};
}

static void loop(struct machine *m, const struct fox_jnode *n)
{
	struct val of = loop_items(m, n);
	const struct scope *outer = m->scope;
	for (int64_t i = 0; of.kind == LIST && i < of.n && !stopped(m); i++) {
		struct dict *d = grab(m, 1, sizeof *d);
		if (!d)
			return;
		dict_put(m, d, fox_str_of("index0"), of_int(i));
		dict_put(m, d, fox_str_of("index"), of_int(i + 1));
		dict_put(m, d, fox_str_of("first"), of_bool(i == 0));
		dict_put(m, d, fox_str_of("last"), of_bool(i == of.n - 1));
		dict_put(m, d, fox_str_of("length"), of_int(of.n));
		bind(m, n->text, of.items[i]);
		bind(m, fox_str_of("loop"), (struct val){.kind = DICT, .dict = d});
		run(m, n->b);
		m->scope = outer; /* what is set in a loop ends with the round */
	}
	if (of.kind == LIST && !of.n)
		run(m, n->c);
	m->scope = outer;
}

static void set(struct machine *m, const struct fox_jnode *n)
{
	struct val v = eval(m, n->b), of;
	if (stopped(m))
		return;
	if (n->a->kind == FOX_JN_NAME) {
		bind(m, n->a->text, v);
		return;
	}
	of = lookup(m, n->a->a);
	if (of.kind != DICT || !of.dict->open)
		refuse(m, n, "'set' in something that is no namespace");
	else
		dict_put(m, of.dict, n->a->text, v);
}

static void run(struct machine *m, const struct fox_jnode *n)
{
	for (; n && !stopped(m); n = n->next) {
		struct val v;
		switch (n->kind) {
		case FOX_JN_TEXT:
			print(m, n->text);
			break;
		case FOX_JN_PRINT:
			v = eval(m, n->a);
			if (!stopped(m))
				print(m, shown(m, n, v));
			break;
		case FOX_JN_IF:
			v = eval(m, n->a);
			if (!stopped(m))
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

static void bind_conversation(struct machine *m)
{
	const struct fox_jinja_vars *x = m->vars;
	struct val *items = grab(m, x->n_messages, sizeof *items);
	for (size_t i = 0; i < x->n_messages && items; i++) {
		struct dict *d = grab(m, 1, sizeof *d);
		if (!d)
			return;
		dict_put(m, d, fox_str_of("role"), of_str(x->messages[i].role));
		dict_put(m, d, fox_str_of("content"), of_str(x->messages[i].content));
		items[i] = (struct val){.kind = DICT, .dict = d};
	}
	bind(m, fox_str_of("messages"), (struct val){.kind = LIST, .n = (int64_t)x->n_messages, .items = items});
	bind(m, fox_str_of("add_generation_prompt"), of_bool(x->add_generation_prompt));
	bind(m, fox_str_of("tools"), none);
	bind(m, fox_str_of("documents"), none);
	if (x->bos_token.p)
		bind(m, fox_str_of("bos_token"), of_str(x->bos_token));
	if (x->eos_token.p)
		bind(m, fox_str_of("eos_token"), of_str(x->eos_token));
}

enum fox_status fox_jinja_render(const struct fox_jinja *j, struct fox_buf *out,
    const struct fox_jinja_vars *vars, bool *raised, struct fox_err *err)
{
	struct machine m = {.vars = vars, .out = out, .begin = out->n, .err = err};
	bind_conversation(&m);
	run(&m, j->body);
	fox_arena_free(&m.arena);
	*raised = m.raised;
	if (!m.status && out->failed)
		m.status = fox_fail_nomem(err);
	return m.status;
}
