/* jinja_word.c - words and expressions of templates, by descent.
 *
 * Precedence, loosest first: if-else, or, and, not, comparisons, + -, ~, * %, unary minus, then what follows a value
 * (attribute, index, call, filter, test).  source: Jinja 3.1 jinja2/parser.py's documented order */
#include "runtime/jinja_in.h"

void *fox_jp_fail(struct fox_jparser *q, enum fox_status code, size_t at, const char *what)
{
	if (!q->status)
		q->status = fox_fail(q->err, code, FOX_NOWHERE, "chat template: %s at byte %zu", what, at);
	return NULL;
}

struct fox_jnode *fox_jp_make(struct fox_jparser *q, enum fox_jnode_kind kind, size_t at)
{
	struct fox_jnode *n = fox_arena_alloc(&q->j->arena, 1, sizeof *n);
	if (!n) {
		if (!q->status)
			q->status = fox_fail_nomem(q->err);
		return NULL;
	}
	n->kind = kind;
	n->at = (uint32_t)at;
	return n;
}

bool fox_jp_enter(struct fox_jparser *q)
{
	if (++q->depth <= FOX_JINJA_MAX_DEPTH)
		return true;
	fox_jp_fail(q, FOX_E_BOUND, q->at, "nested too deeply");
	return false;
}

/* ---- words inside a tag */

bool fox_jp_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void fox_jp_skip(struct fox_jparser *q)
{
	while (q->at < q->n && fox_jp_blank(q->p[q->at]))
		q->at++;
}

bool fox_jp_starts(const struct fox_jparser *q, const char *s)
{
	size_t n = strlen(s);
	return q->n - q->at >= n && !memcmp(q->p + q->at, s, n);
}

bool fox_jp_take(struct fox_jparser *q, const char *s)
{
	fox_jp_skip(q);
	if (!fox_jp_starts(q, s))
		return false;
	q->at += strlen(s);
	return true;
}

struct fox_str fox_jp_peek_word(struct fox_jparser *q)
{
	fox_jp_skip(q);
	size_t end = q->at;
	while (end < q->n && word_char(q->p[end]))
		end++;
	return (struct fox_str){q->p + q->at, end - q->at};
}

bool fox_jp_take_word(struct fox_jparser *q, const char *word)
{
	struct fox_str w = fox_jp_peek_word(q);
	if (!fox_str_is(w, word))
		return false;
	q->at += w.n;
	return true;
}

struct fox_str fox_jp_want_name(struct fox_jparser *q)
{
	struct fox_str w = fox_jp_peek_word(q);
	if (!w.n || (w.p[0] >= '0' && w.p[0] <= '9')) {
		fox_jp_fail(q, FOX_E_FORMAT, q->at, "no name");
		return (struct fox_str){"", 0};
	}
	q->at += w.n;
	return w;
}

bool fox_jp_want(struct fox_jparser *q, const char *s)
{
	if (fox_jp_take(q, s))
		return true;
	fox_jp_fail(q, FOX_E_UNSUPPORTED, q->at, "something that is not handled");
	return false;
}

/* ---- expressions */

static struct fox_jnode *string(struct fox_jparser *q)
{
	static const char names[] = "ntr\\'\"", bytes[] = "\n\t\r\\'\"";
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_STR, q->at);
	char quote = q->p[q->at++];
	size_t from = q->at, len = 0;
	while (q->at < q->n && q->p[q->at] != quote)
		q->at += q->p[q->at] == '\\' ? 2 : 1;
	if (q->at >= q->n)
		return fox_jp_fail(q, FOX_E_FORMAT, from, "a string without an end");
	char *s = fox_arena_alloc(&q->j->arena, q->at - from + 1, 1);
	if (!n || !s)
		return fox_jp_fail(q, FOX_E_NOMEM, from, "no memory");
	for (size_t i = from; i < q->at; i++) {
		const char *known = NULL;
		if (q->p[i] == '\\' && !(known = memchr(names, q->p[++i], sizeof names - 1)))
			return fox_jp_fail(q, FOX_E_UNSUPPORTED, i - 1, "an escape that is not handled");
		s[len++] = known ? bytes[known - names] : q->p[i];
	}
	q->at++;
	n->text = (struct fox_str){s, len};
	return n;
}

/* Elements up to a closing character, with commas between; pairs: keys and colons before them, not kept. */
static struct fox_jnode *elements(struct fox_jparser *q, const char *close, bool pairs)
{
	struct fox_jnode *first = NULL, **tail = &first;
	while (!q->status && !fox_jp_take(q, close)) {
		if (pairs && fox_jp_expression(q) && !fox_jp_want(q, ":"))
			break;
		struct fox_jnode *n = fox_jp_expression(q);
		if (!n)
			break;
		*tail = n;
		tail = &n->next;
		if (!fox_jp_take(q, ",")) {
			fox_jp_want(q, close);
			break;
		}
	}
	return first;
}

/* Arguments after "(", up to ")". */
static struct fox_jnode *arguments(struct fox_jparser *q)
{
	struct fox_jnode *first = NULL, **tail = &first;
	while (!q->status && !fox_jp_take(q, ")")) {
		size_t start = q->at;
		struct fox_str w = fox_jp_peek_word(q);
		struct fox_jnode *n = NULL;
		q->at += w.n;
		if (w.n && fox_jp_take(q, "=") && !(q->at < q->n && q->p[q->at] == '=')) {
			if ((n = fox_jp_make(q, FOX_JN_KEYWORD, start))) {
				n->text = w;
				n->a = fox_jp_expression(q);
			}
		} else {
			q->at = start;
			n = fox_jp_expression(q);
		}
		if (!n)
			break;
		*tail = n;
		tail = &n->next;
		if (!fox_jp_take(q, ",")) {
			fox_jp_want(q, ")");
			break;
		}
	}
	return first;
}

static struct fox_jnode *number(struct fox_jparser *q, struct fox_str w)
{
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_INT, q->at);
	uint64_t v;
	if (!fox_str_u64(w, &v) || v > INT32_MAX)
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, q->at, "a number that is not handled");
	q->at += w.n;
	if (q->at < q->n && q->p[q->at] == '.')
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, q->at, "a number with a fraction");
	if (n)
		n->n = (int64_t)v;
	return n;
}

static struct fox_jnode *primary(struct fox_jparser *q)
{
	struct fox_str w = fox_jp_peek_word(q);
	size_t at = q->at;
	struct fox_jnode *n;
	if (at >= q->n)
		return fox_jp_fail(q, FOX_E_FORMAT, at, "no value");
	if (q->p[at] == '\'' || q->p[at] == '"')
		return string(q);
	if (w.n && w.p[0] >= '0' && w.p[0] <= '9')
		return number(q, w);
	if (fox_jp_take(q, "(")) {
		n = fox_jp_expression(q);
		return fox_jp_want(q, ")") ? n : NULL;
	}
	bool list = fox_jp_take(q, "[");
	if (list || fox_jp_take(q, "{")) {
		if (!(n = fox_jp_make(q, list ? FOX_JN_LIST : FOX_JN_DICT, at)))
			return NULL;
		n->a = elements(q, list ? "]" : "}", !list);
		return n;
	}
	if (!w.n)
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, at, "something that is not handled");
	q->at += w.n;
	bool yes = fox_str_is(w, "true") || fox_str_is(w, "True"),
	     no = fox_str_is(w, "false") || fox_str_is(w, "False"),
	     none = fox_str_is(w, "none") || fox_str_is(w, "None");
	if (!(n = fox_jp_make(q, yes || no ? FOX_JN_BOOL : none ? FOX_JN_NONE : FOX_JN_NAME, at)))
		return NULL;
	n->n = yes;
	n->text = w;
	return n;
}

/* After "[": an index or a slice, up to "]". */
static struct fox_jnode *subscript(struct fox_jparser *q, struct fox_jnode *of, size_t at)
{
	struct fox_jnode *part[3] = {NULL, NULL, NULL}, *n;
	int colons = 0;
	for (int i = 0; i < 3; i++) {
		fox_jp_skip(q);
		if (!fox_jp_starts(q, ":") && !fox_jp_starts(q, "]") && !(part[i] = fox_jp_expression(q)))
			return NULL;
		if (i == 2 || !fox_jp_take(q, ":"))
			break;
		colons++;
	}
	if (!fox_jp_want(q, "]") || !(n = fox_jp_make(q, colons ? FOX_JN_SLICE : FOX_JN_INDEX, at)))
		return NULL;
	if (!colons && !part[0])
		return fox_jp_fail(q, FOX_E_FORMAT, at, "an index without a value");
	n->a = of;
	n->b = part[0];
	n->c = part[1];
	n->d = part[2];
	return n;
}

/* .name, [index], (arguments), again and again */
struct fox_jnode *fox_jp_postfix(struct fox_jparser *q, struct fox_jnode *n)
{
	while (n && !q->status) {
		struct fox_jnode *outer;
		fox_jp_skip(q);
		size_t at = q->at;
		if (fox_jp_take(q, "[")) {
			n = subscript(q, n, at);
			continue;
		}
		bool call = fox_jp_take(q, "(");
		if (!call && !fox_jp_take(q, "."))
			break;
		if (!(outer = fox_jp_make(q, call ? FOX_JN_CALL : FOX_JN_ATTR, at)))
			return NULL;
		outer->a = n;
		if (call)
			outer->b = arguments(q);
		else
			outer->text = fox_jp_want_name(q);
		n = outer;
	}
	return q->status ? NULL : n;
}

/* The argument of a test without parentheses ("is divisibleby 2"), if one stands here. */
static bool bare_argument(struct fox_jparser *q)
{
	static const char *const others[] = {"else", "or", "and", "if", "in", "not", "is"};
	struct fox_str w = fox_jp_peek_word(q);
	for (size_t i = 0; i < FOX_COUNT(others); i++)
		if (fox_str_is(w, others[i]))
			return false;
	return w.n || fox_jp_starts(q, "'") || fox_jp_starts(q, "\"") || fox_jp_starts(q, "[");
}

static struct fox_jnode *filters_and_tests(struct fox_jparser *q, struct fox_jnode *n)
{
	while (n && !q->status) {
		fox_jp_skip(q);
		size_t at = q->at;
		bool filter = fox_jp_starts(q, "|"), negated = false;
		if (!(filter ? fox_jp_take(q, "|") : fox_jp_take_word(q, "is")))
			break;
		if (!filter)
			negated = fox_jp_take_word(q, "not");
		struct fox_jnode *outer = fox_jp_make(q, filter ? FOX_JN_FILTER : FOX_JN_TEST, at), *not ;
		if (!outer)
			return NULL;
		outer->a = n;
		outer->text = fox_jp_want_name(q);
		if (fox_jp_take(q, "("))
			outer->b = arguments(q);
		else if (!filter && bare_argument(q))
			outer->b = fox_jp_postfix(q, primary(q));
		n = outer;
		if (negated && (not = fox_jp_make(q, FOX_JN_NOT, at))) {
			not ->a = n;
			n = not ;
		}
	}
	return q->status ? NULL : n;
}

static struct fox_jnode *unary(struct fox_jparser *q)
{
	fox_jp_skip(q);
	size_t at = q->at;
	struct fox_jnode *n;
	if (!fox_jp_enter(q))
		return NULL;
	if (fox_jp_starts(q, "-") && !fox_jp_starts(q, "-%}") && !fox_jp_starts(q, "-}}")) {
		q->at++;
		if ((n = fox_jp_make(q, FOX_JN_NEGATE, at)))
			n->a = unary(q);
	} else {
		n = fox_jp_postfix(q, primary(q));
	}
	n = filters_and_tests(q, n);
	q->depth--;
	return n;
}

static struct fox_jnode *binary(struct fox_jparser *q, struct fox_jnode *a, int64_t op, size_t at)
{
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_BINARY, at);
	if (n) {
		n->a = a;
		n->n = op;
	}
	return n;
}

/* Does the tag end here, with a sign before its end or without? */
static bool at_end(const struct fox_jparser *q)
{
	static const char *const ends[] = {"%}", "-%}", "+%}", "-}}", "+}}"};
	for (size_t i = 0; i < FOX_COUNT(ends); i++)
		if (fox_jp_starts(q, ends[i]))
			return true;
	return false;
}

/* One of the single-character operators of a level; not when it belongs to the end of the tag. */
static char take_operator(struct fox_jparser *q, const char *ops)
{
	fox_jp_skip(q);
	if (q->at >= q->n || !strchr(ops, q->p[q->at]) || at_end(q))
		return 0;
	return q->p[q->at++];
}

/* level 0: + -, 1: ~, 2: * / % */
static struct fox_jnode *arithmetic(struct fox_jparser *q, int level)
{
	static const char *const ops[] = {"+-", "~", "*/%"};
	struct fox_jnode *n = level < 2 ? arithmetic(q, level + 1) : unary(q);
	while (n && !q->status) {
		size_t at = q->at;
		char op = take_operator(q, ops[level]);
		if (!op)
			break;
		if ((n = binary(q, n, FOX_JINJA_OP(op, 0), at)))
			n->b = level < 2 ? arithmetic(q, level + 1) : unary(q);
	}
	return q->status ? NULL : n;
}

static int64_t comparison(struct fox_jparser *q)
{
	static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
	for (size_t i = 0; i < FOX_COUNT(ops); i++)
		if (fox_jp_take(q, ops[i]))
			return FOX_JINJA_OP(ops[i][0], ops[i][1]);
	return fox_jp_take_word(q, "in") ? FOX_JINJA_OP('i', 'n') : 0;
}

static struct fox_jnode *compare(struct fox_jparser *q)
{
	struct fox_jnode *n = arithmetic(q, 0), *outer;
	fox_jp_skip(q);
	size_t at = q->at;
	if (!n)
		return NULL;
	bool negated = fox_jp_take_word(q, "not");
	int64_t op = comparison(q);
	if (!op)
		return negated ? fox_jp_fail(q, FOX_E_FORMAT, at, "'not' after a value") : n;
	if ((n = binary(q, n, op, at)))
		n->b = arithmetic(q, 0);
	if (negated && op != FOX_JINJA_OP('i', 'n'))
		return fox_jp_fail(q, FOX_E_FORMAT, at, "'not' after a value");
	if (!q->status && comparison(q))
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, at, "a chain of comparisons");
	if (!negated || !n || !(outer = fox_jp_make(q, FOX_JN_NOT, at)))
		return n;
	outer->a = n;
	return outer;
}

static struct fox_jnode *negation(struct fox_jparser *q)
{
	fox_jp_skip(q);
	size_t at = q->at;
	if (!fox_jp_take_word(q, "not"))
		return compare(q);
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_NOT, at);
	if (!n || !fox_jp_enter(q))
		return NULL;
	n->a = negation(q);
	q->depth--;
	return n;
}

struct fox_jnode *fox_jp_logic(struct fox_jparser *q, bool or)
{
	struct fox_jnode *n = or ? fox_jp_logic(q, false) : negation(q), *outer;
	while (n && !q->status && fox_jp_take_word(q, or ? "or" : "and")) {
		if (!(outer = fox_jp_make(q, or ? FOX_JN_OR : FOX_JN_AND, q->at)))
			return NULL;
		outer->a = n;
		outer->b = or ? fox_jp_logic(q, false) : negation(q);
		n = outer;
	}
	return q->status ? NULL : n;
}

struct fox_jnode *fox_jp_expression(struct fox_jparser *q)
{
	if (!fox_jp_enter(q))
		return NULL;
	struct fox_jnode *n = fox_jp_logic(q, true), *outer;
	if (n && fox_jp_take_word(q, "if")) {
		if (!(outer = fox_jp_make(q, FOX_JN_COND, q->at)))
			return NULL;
		outer->b = n;
		outer->a = fox_jp_logic(q, true);
		if (fox_jp_take_word(q, "else"))
			outer->c = fox_jp_expression(q);
		n = outer;
	}
	q->depth--;
	return q->status ? NULL : n;
}
