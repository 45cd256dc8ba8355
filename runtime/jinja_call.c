/* jinja_call.c - what templates call: raise_exception, strftime_now, namespace, methods of texts, filters, tests. */
#include "runtime/jinja_run.h"

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

const char *fox_jr_find(struct fox_str s, struct fox_str part)
{
	return part.n ? memmem(s.p, s.n, part.p, part.n) : s.p;
}

struct fox_jval fox_jr_join(struct fox_jmachine *m, struct fox_str a, struct fox_str b)
{
	if (a.n + b.n > FOX_JINJA_MAX_OUTPUT) {
		if (!m->status)
			m->status =
			    fox_fail(m->err, FOX_E_BOUND, FOX_NOWHERE, "chat template: a text of more than 64 MiB");
		return FOX_JV_UNDEF;
	}
	char *p = fox_jr_grab(m, a.n + b.n + 1, 1);
	if (!p)
		return FOX_JV_UNDEF;
	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	return fox_jr_of_str((struct fox_str){p, a.n + b.n});
}

/* Arguments that are texts, at most max of them; -1 (and a refusal) otherwise. */
static int texts(struct fox_jmachine *m, const struct fox_jnode *n, struct fox_str *out, int max)
{
	int count = 0;
	for (const struct fox_jnode *x = n->b; x; x = x->next) {
		struct fox_jval v = x->kind == FOX_JN_KEYWORD ? FOX_JV_UNDEF : fox_jr_eval(m, x);
		if (fox_jr_stopped(m))
			return -1;
		if (v.kind != FOX_JV_STR || count == max) {
			fox_jr_refuse(m, n, "these arguments");
			return -1;
		}
		out[count++] = v.s;
	}
	return count;
}

static struct fox_jval split(struct fox_jmachine *m, struct fox_str s, struct fox_str by)
{
	int64_t n = 1, i = 0;
	struct fox_str rest = s;
	for (const char *at; (at = fox_jr_find(rest, by)); n++)
		rest = (struct fox_str){at + by.n, (size_t)(s.p + s.n - at) - by.n};
	struct fox_jval *items = fox_jr_grab(m, (size_t)n, sizeof *items);
	rest = s;
	for (const char *at; items && i < n; i++) {
		at = fox_jr_find(rest, by);
		items[i] = fox_jr_of_str((struct fox_str){rest.p, at ? (size_t)(at - rest.p) : rest.n});
		if (at)
			rest = (struct fox_str){at + by.n, (size_t)(s.p + s.n - at) - by.n};
	}
	return (struct fox_jval){.kind = FOX_JV_LIST, .n = n, .items = items};
}

static struct fox_jval method(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_str name = n->a->text, arg[2];
	struct fox_jval of = fox_jr_eval(m, n->a->a), *there;
	int given = fox_jr_stopped(m) ? -1 : texts(m, n, arg, 2);
	if (given < 0)
		return FOX_JV_UNDEF;
	if (of.kind == FOX_JV_DICT && fox_str_is(name, "get") && given == 1)
		return (there = fox_jr_dict_at(of.dict, arg[0])) ? *there : (struct fox_jval){.kind = FOX_JV_NONE};
	if (of.kind != FOX_JV_STR)
		return fox_jr_fail(m, n, "the method", name);
	bool left = fox_str_is(name, "lstrip"), right = fox_str_is(name, "rstrip");
	if ((left || right || fox_str_is(name, "strip")) && given < 2)
		return fox_jr_of_str(strip(of.s, given ? arg : NULL, !right, !left));
	if (fox_str_is(name, "split") && given == 1 && arg[0].n)
		return split(m, of.s, arg[0]);
	if (fox_str_is(name, "startswith") && given == 1)
		return fox_jr_of_bool(of.s.n >= arg[0].n && !memcmp(of.s.p, arg[0].p, arg[0].n));
	if (fox_str_is(name, "endswith") && given == 1)
		return fox_jr_of_bool(of.s.n >= arg[0].n && !memcmp(of.s.p + of.s.n - arg[0].n, arg[0].p, arg[0].n));
	return fox_jr_fail(m, n, "the method", name);
}

static struct fox_jval make_namespace(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jdict *d = fox_jr_grab(m, 1, sizeof *d);
	if (d)
		d->open = true;
	for (const struct fox_jnode *x = n->b; x && d; x = x->next) {
		if (x->kind != FOX_JN_KEYWORD)
			return fox_jr_refuse(m, n, "these arguments");
		fox_jr_dict_put(m, d, x->text, fox_jr_eval(m, x->a));
	}
	return d ? (struct fox_jval){.kind = FOX_JV_DICT, .dict = d} : FOX_JV_UNDEF;
}

struct fox_jval fox_jr_call(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_str arg;
	if (n->a->kind == FOX_JN_ATTR)
		return method(m, n);
	struct fox_jval f = fox_jr_eval(m, n->a);
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	if (f.kind != FOX_JV_FUNCTION)
		return fox_jr_refuse(m, n, "a call of something that is no function");
	if (fox_str_is(f.s, "namespace"))
		return make_namespace(m, n);
	if (texts(m, n, &arg, 1) != 1)
		return fox_jr_refuse(m, n, "these arguments");
	if (fox_str_is(f.s, "raise_exception")) {
		m->raised = true;
		return FOX_JV_UNDEF;
	}
	if (fox_str_is(arg, "%d %b %Y"))
		return fox_jr_of_str(m->vars->date);
	return fox_jr_fail(m, n, "the form of date", arg);
}

/* list | selectattr("name", "equalto", "text") */
static struct fox_jval select_attribute(struct fox_jmachine *m, const struct fox_jnode *n, struct fox_jval of)
{
	struct fox_str arg[3];
	if (texts(m, n, arg, 3) != 3 || of.kind != FOX_JV_LIST ||
	    !(fox_str_is(arg[1], "equalto") || fox_str_is(arg[1], "==")))
		return fox_jr_refuse(m, n, "this selectattr");
	struct fox_jval *items = fox_jr_grab(m, (size_t)of.n, sizeof *items);
	int64_t count = 0;
	for (int64_t i = 0; items && i < of.n; i++) {
		struct fox_jval v = fox_jr_member(m, n, of.items[i], arg[0]);
		if (v.kind == FOX_JV_STR && fox_str_eq(v.s, arg[2]))
			items[count++] = of.items[i];
	}
	return (struct fox_jval){.kind = FOX_JV_LIST, .n = count, .items = items};
}

static int64_t characters(struct fox_str s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.n; n++)
		(void)fox_utf8_next(s, &i);
	return n;
}

struct fox_jval fox_jr_filter(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval of = fox_jr_eval(m, n->a);
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	if (fox_str_is(n->text, "selectattr"))
		return select_attribute(m, n, of);
	if (n->b)
		return fox_jr_fail(m, n, "the filter", n->text);
	if (fox_str_is(n->text, "trim") && of.kind == FOX_JV_STR)
		return fox_jr_of_str(fox_jinja_strip(of.s));
	if (fox_str_is(n->text, "length") || fox_str_is(n->text, "count")) {
		if (of.kind == FOX_JV_STR)
			return fox_jr_of_int(characters(of.s));
		if (of.kind == FOX_JV_LIST)
			return fox_jr_of_int(of.n);
	}
	if (fox_str_is(n->text, "list") && of.kind == FOX_JV_LIST)
		return of;
	if (of.kind == FOX_JV_LIST && (fox_str_is(n->text, "first") || fox_str_is(n->text, "last")))
		return of.n ? of.items[fox_str_is(n->text, "first") ? 0 : of.n - 1] : FOX_JV_UNDEF;
	return fox_jr_fail(m, n, "the filter", n->text);
}

struct fox_jval fox_jr_test(struct fox_jmachine *m, const struct fox_jnode *n)
{
	struct fox_jval v = fox_jr_eval(m, n->a);
	enum fox_jkind k = v.kind;
	const struct {
		const char *name;
		bool holds;
	} tests[] = {
	    {"defined", k != FOX_JV_UNDEFINED},
	    {"undefined", k == FOX_JV_UNDEFINED},
	    {"none", k == FOX_JV_NONE},
	    {"string", k == FOX_JV_STR},
	    {"mapping", k == FOX_JV_DICT},
	    {"sequence", k == FOX_JV_STR || k == FOX_JV_LIST || k == FOX_JV_DICT || k == FOX_JV_UNDEFINED},
	    {"iterable", k == FOX_JV_STR || k == FOX_JV_LIST || k == FOX_JV_DICT || k == FOX_JV_UNDEFINED},
	    {"number", k == FOX_JV_INT || k == FOX_JV_BOOL},
	    {"boolean", k == FOX_JV_BOOL},
	    {"true", k == FOX_JV_BOOL && v.n},
	    {"false", k == FOX_JV_BOOL && !v.n},
	};
	if (fox_jr_stopped(m))
		return FOX_JV_UNDEF;
	for (size_t i = 0; i < FOX_COUNT(tests) && !n->b; i++)
		if (fox_str_is(n->text, tests[i].name))
			return fox_jr_of_bool(tests[i].holds);
	return fox_jr_fail(m, n, "the test", n->text);
}
