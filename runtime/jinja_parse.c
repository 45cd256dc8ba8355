/* jinja_parse.c - template text to a tree: white space rules of blocks, then a descent over expressions.
 *
 * Precedence, loosest first: if-else, or, and, not, comparisons, + -, ~, * %, unary minus, then what follows a value
 * (attribute, index, call, filter, test).  source: Jinja 3.1 jinja2/parser.py's documented order */
#include "runtime/jinja_tree.h"

#include <stdlib.h>

struct parser {
	struct fox_jinja *j;
	const char *p; /* the template */
	size_t n, at;
	uint32_t depth;
	bool trim_left;  /* the tag before ended in '-': blanks and newlines go */
	bool line_start; /* what comes next stands at the start of a line, as far as the tag before it says */
	struct fox_err *err;
	enum fox_status status;
};

static void *fail(struct parser *q, enum fox_status code, size_t at, const char *what)
{
	if (!q->status)
		q->status = fox_fail(q->err, code, FOX_NOWHERE, "chat template: %s at byte %zu", what, at);
	return NULL;
}

static struct fox_jnode *make(struct parser *q, enum fox_jnode_kind kind, size_t at)
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

static bool enter(struct parser *q)
{
	if (++q->depth <= FOX_JINJA_MAX_DEPTH)
		return true;
	fail(q, FOX_E_BOUND, q->at, "nested too deeply");
	return false;
}

/* ---- words inside a tag */

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip(struct parser *q)
{
	while (q->at < q->n && blank(q->p[q->at]))
		q->at++;
}

static bool starts(const struct parser *q, const char *s)
{
	size_t n = strlen(s);
	return q->n - q->at >= n && !memcmp(q->p + q->at, s, n);
}

static bool take(struct parser *q, const char *s)
{
	skip(q);
	if (!starts(q, s))
		return false;
	q->at += strlen(s);
	return true;
}

static struct fox_str peek_word(struct parser *q)
{
	skip(q);
	size_t end = q->at;
	while (end < q->n && word_char(q->p[end]))
		end++;
	return (struct fox_str){q->p + q->at, end - q->at};
}

static bool take_word(struct parser *q, const char *word)
{
	struct fox_str w = peek_word(q);
	if (!fox_str_is(w, word))
		return false;
	q->at += w.n;
	return true;
}

static struct fox_str want_name(struct parser *q)
{
	struct fox_str w = peek_word(q);
	if (!w.n || (w.p[0] >= '0' && w.p[0] <= '9')) {
		fail(q, FOX_E_FORMAT, q->at, "no name");
		return (struct fox_str){"", 0};
	}
	q->at += w.n;
	return w;
}

static bool want(struct parser *q, const char *s)
{
	if (take(q, s))
		return true;
	fail(q, FOX_E_UNSUPPORTED, q->at, "something that is not handled");
	return false;
}

/* ---- expressions */

static struct fox_jnode *expression(struct parser *q);
static struct fox_jnode *unary(struct parser *q);

static struct fox_jnode *string(struct parser *q)
{
	static const char names[] = "ntr\\'\"", bytes[] = "\n\t\r\\'\"";
	struct fox_jnode *n = make(q, FOX_JN_STR, q->at);
	char quote = q->p[q->at++];
	size_t from = q->at, len = 0;
	while (q->at < q->n && q->p[q->at] != quote)
		q->at += q->p[q->at] == '\\' ? 2 : 1;
	if (q->at >= q->n)
		return fail(q, FOX_E_FORMAT, from, "a string without an end");
	char *s = fox_arena_alloc(&q->j->arena, q->at - from + 1, 1);
	if (!n || !s)
		return fail(q, FOX_E_NOMEM, from, "no memory");
	for (size_t i = from; i < q->at; i++) {
		const char *known = NULL;
		if (q->p[i] == '\\' && !(known = memchr(names, q->p[++i], sizeof names - 1)))
			return fail(q, FOX_E_UNSUPPORTED, i - 1, "an escape that is not handled");
		s[len++] = known ? bytes[known - names] : q->p[i];
	}
	q->at++;
	n->text = (struct fox_str){s, len};
	return n;
}

/* Elements up to a closing character, with commas between; pairs: keys and colons before them, not kept. */
static struct fox_jnode *elements(struct parser *q, const char *close, bool pairs)
{
	struct fox_jnode *first = NULL, **tail = &first;
	while (!q->status && !take(q, close)) {
		if (pairs && expression(q) && !want(q, ":"))
			break;
		struct fox_jnode *n = expression(q);
		if (!n)
			break;
		*tail = n;
		tail = &n->next;
		if (!take(q, ",")) {
			want(q, close);
			break;
		}
	}
	return first;
}

/* Arguments after "(", up to ")". */
static struct fox_jnode *arguments(struct parser *q)
{
	struct fox_jnode *first = NULL, **tail = &first;
	while (!q->status && !take(q, ")")) {
		size_t start = q->at;
		struct fox_str w = peek_word(q);
		struct fox_jnode *n = NULL;
		q->at += w.n;
		if (w.n && take(q, "=") && !(q->at < q->n && q->p[q->at] == '=')) {
			if ((n = make(q, FOX_JN_KEYWORD, start))) {
				n->text = w;
				n->a = expression(q);
			}
		} else {
			q->at = start;
			n = expression(q);
		}
		if (!n)
			break;
		*tail = n;
		tail = &n->next;
		if (!take(q, ",")) {
			want(q, ")");
			break;
		}
	}
	return first;
}

static struct fox_jnode *number(struct parser *q, struct fox_str w)
{
	struct fox_jnode *n = make(q, FOX_JN_INT, q->at);
	uint64_t v;
	if (!fox_str_u64(w, &v) || v > INT32_MAX)
		return fail(q, FOX_E_UNSUPPORTED, q->at, "a number that is not handled");
	q->at += w.n;
	if (q->at < q->n && q->p[q->at] == '.')
		return fail(q, FOX_E_UNSUPPORTED, q->at, "a number with a fraction");
	if (n)
		n->n = (int64_t)v;
	return n;
}

static struct fox_jnode *primary(struct parser *q)
{
	struct fox_str w = peek_word(q);
	size_t at = q->at;
	struct fox_jnode *n;
	if (at >= q->n)
		return fail(q, FOX_E_FORMAT, at, "no value");
	if (q->p[at] == '\'' || q->p[at] == '"')
		return string(q);
	if (w.n && w.p[0] >= '0' && w.p[0] <= '9')
		return number(q, w);
	if (take(q, "(")) {
		n = expression(q);
		return want(q, ")") ? n : NULL;
	}
	bool list = take(q, "[");
	if (list || take(q, "{")) {
		if (!(n = make(q, list ? FOX_JN_LIST : FOX_JN_DICT, at)))
			return NULL;
		n->a = elements(q, list ? "]" : "}", !list);
		return n;
	}
	if (!w.n)
		return fail(q, FOX_E_UNSUPPORTED, at, "something that is not handled");
	q->at += w.n;
	bool yes = fox_str_is(w, "true") || fox_str_is(w, "True"),
	     no = fox_str_is(w, "false") || fox_str_is(w, "False"),
	     none = fox_str_is(w, "none") || fox_str_is(w, "None");
	if (!(n = make(q, yes || no ? FOX_JN_BOOL : none ? FOX_JN_NONE : FOX_JN_NAME, at)))
		return NULL;
	n->n = yes;
	n->text = w;
	return n;
}

/* After "[": an index or a slice, up to "]". */
static struct fox_jnode *subscript(struct parser *q, struct fox_jnode *of, size_t at)
{
	struct fox_jnode *part[3] = {NULL, NULL, NULL}, *n;
	int colons = 0;
	for (int i = 0; i < 3; i++) {
		skip(q);
		if (!starts(q, ":") && !starts(q, "]") && !(part[i] = expression(q)))
			return NULL;
		if (i == 2 || !take(q, ":"))
			break;
		colons++;
	}
	if (!want(q, "]") || !(n = make(q, colons ? FOX_JN_SLICE : FOX_JN_INDEX, at)))
		return NULL;
	if (!colons && !part[0])
		return fail(q, FOX_E_FORMAT, at, "an index without a value");
	n->a = of;
	n->b = part[0];
	n->c = part[1];
	n->d = part[2];
	return n;
}

/* .name, [index], (arguments), again and again */
static struct fox_jnode *postfix(struct parser *q, struct fox_jnode *n)
{
	while (n && !q->status) {
		struct fox_jnode *outer;
		skip(q);
		size_t at = q->at;
		if (take(q, "[")) {
			n = subscript(q, n, at);
			continue;
		}
		bool call = take(q, "(");
		if (!call && !take(q, "."))
			break;
		if (!(outer = make(q, call ? FOX_JN_CALL : FOX_JN_ATTR, at)))
			return NULL;
		outer->a = n;
		if (call)
			outer->b = arguments(q);
		else
			outer->text = want_name(q);
		n = outer;
	}
	return q->status ? NULL : n;
}

/* The argument of a test without parentheses ("is divisibleby 2"), if one stands here. */
static bool bare_argument(struct parser *q)
{
	static const char *const others[] = {"else", "or", "and", "if", "in", "not", "is"};
	struct fox_str w = peek_word(q);
	for (size_t i = 0; i < FOX_COUNT(others); i++)
		if (fox_str_is(w, others[i]))
			return false;
	return w.n || starts(q, "'") || starts(q, "\"") || starts(q, "[");
}

static struct fox_jnode *filters_and_tests(struct parser *q, struct fox_jnode *n)
{
	while (n && !q->status) {
		skip(q);
		size_t at = q->at;
		bool filter = starts(q, "|"), negated = false;
		if (!(filter ? take(q, "|") : take_word(q, "is")))
			break;
		if (!filter)
			negated = take_word(q, "not");
		struct fox_jnode *outer = make(q, filter ? FOX_JN_FILTER : FOX_JN_TEST, at), *not ;
		if (!outer)
			return NULL;
		outer->a = n;
		outer->text = want_name(q);
		if (take(q, "("))
			outer->b = arguments(q);
		else if (!filter && bare_argument(q))
			outer->b = postfix(q, primary(q));
		n = outer;
		if (negated && (not = make(q, FOX_JN_NOT, at))) {
			not ->a = n;
			n = not ;
		}
	}
	return q->status ? NULL : n;
}

static struct fox_jnode *unary(struct parser *q)
{
	skip(q);
	size_t at = q->at;
	struct fox_jnode *n;
	if (!enter(q))
		return NULL;
	if (starts(q, "-") && !starts(q, "-%}") && !starts(q, "-}}")) {
		q->at++;
		if ((n = make(q, FOX_JN_NEGATE, at)))
			n->a = unary(q);
	} else {
		n = postfix(q, primary(q));
	}
	n = filters_and_tests(q, n);
	q->depth--;
	return n;
}

static struct fox_jnode *binary(struct parser *q, struct fox_jnode *a, int64_t op, size_t at)
{
	struct fox_jnode *n = make(q, FOX_JN_BINARY, at);
	if (n) {
		n->a = a;
		n->n = op;
	}
	return n;
}

/* Does the tag end here, with a sign before its end or without? */
static bool at_end(const struct parser *q)
{
	static const char *const ends[] = {"%}", "-%}", "+%}", "-}}", "+}}"};
	for (size_t i = 0; i < FOX_COUNT(ends); i++)
		if (starts(q, ends[i]))
			return true;
	return false;
}

/* One of the single-character operators of a level; not when it belongs to the end of the tag. */
static char take_operator(struct parser *q, const char *ops)
{
	skip(q);
	if (q->at >= q->n || !strchr(ops, q->p[q->at]) || at_end(q))
		return 0;
	return q->p[q->at++];
}

/* level 0: + -, 1: ~, 2: * / % */
static struct fox_jnode *arithmetic(struct parser *q, int level)
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

static int64_t comparison(struct parser *q)
{
	static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
	for (size_t i = 0; i < FOX_COUNT(ops); i++)
		if (take(q, ops[i]))
			return FOX_JINJA_OP(ops[i][0], ops[i][1]);
	return take_word(q, "in") ? FOX_JINJA_OP('i', 'n') : 0;
}

static struct fox_jnode *compare(struct parser *q)
{
	struct fox_jnode *n = arithmetic(q, 0), *outer;
	skip(q);
	size_t at = q->at;
	if (!n)
		return NULL;
	bool negated = take_word(q, "not");
	int64_t op = comparison(q);
	if (!op)
		return negated ? fail(q, FOX_E_FORMAT, at, "'not' after a value") : n;
	if ((n = binary(q, n, op, at)))
		n->b = arithmetic(q, 0);
	if (negated && op != FOX_JINJA_OP('i', 'n'))
		return fail(q, FOX_E_FORMAT, at, "'not' after a value");
	if (!q->status && comparison(q))
		return fail(q, FOX_E_UNSUPPORTED, at, "a chain of comparisons");
	if (!negated || !n || !(outer = make(q, FOX_JN_NOT, at)))
		return n;
	outer->a = n;
	return outer;
}

static struct fox_jnode *negation(struct parser *q)
{
	skip(q);
	size_t at = q->at;
	if (!take_word(q, "not"))
		return compare(q);
	struct fox_jnode *n = make(q, FOX_JN_NOT, at);
	if (!n || !enter(q))
		return NULL;
	n->a = negation(q);
	q->depth--;
	return n;
}

static struct fox_jnode *logic(struct parser *q, bool or)
{
	struct fox_jnode *n = or ? logic(q, false) : negation(q), *outer;
	while (n && !q->status && take_word(q, or ? "or" : "and")) {
		if (!(outer = make(q, or ? FOX_JN_OR : FOX_JN_AND, q->at)))
			return NULL;
		outer->a = n;
		outer->b = or ? logic(q, false) : negation(q);
		n = outer;
	}
	return q->status ? NULL : n;
}

static struct fox_jnode *expression(struct parser *q)
{
	if (!enter(q))
		return NULL;
	struct fox_jnode *n = logic(q, true), *outer;
	if (n && take_word(q, "if")) {
		if (!(outer = make(q, FOX_JN_COND, q->at)))
			return NULL;
		outer->b = n;
		outer->a = logic(q, true);
		if (take_word(q, "else"))
			outer->c = expression(q);
		n = outer;
	}
	q->depth--;
	return q->status ? NULL : n;
}

/* ---- text and tags */

/* After the "{%", "{{" or "{#" of a tag. */
static void open_tag(struct parser *q)
{
	q->at += 2;
	if (q->at < q->n && (q->p[q->at] == '-' || q->p[q->at] == '+'))
		q->at++;
}

/* The end of a tag: "%}", "}}" or "#}" with a sign before it, and the newline after a block. */
static bool close_tag(struct parser *q, const char *end)
{
	skip(q);
	bool strip = q->at < q->n && q->p[q->at] == '-', keep = q->at < q->n && q->p[q->at] == '+';
	q->at += strip || keep;
	if (!starts(q, end)) {
		fail(q, FOX_E_UNSUPPORTED, q->at, "something that is not handled");
		return false;
	}
	q->at += 2;
	q->trim_left = strip;
	q->line_start = false;
	if (!strip && !keep && end[0] != '}' && q->at < q->n && q->p[q->at] == '\n') {
		q->at++;
		q->line_start = true;
	}
	return true;
}

/* Text up to the next tag, less what tags take away of it. NULL: there is none. */
static struct fox_jnode *text(struct parser *q)
{
	size_t from = q->at, to;
	if (q->trim_left)
		while (from < q->n && (blank(q->p[from]) || q->p[from] == '\v' || q->p[from] == '\f'))
			q->line_start = q->p[from++] == '\n';
	for (to = from; to < q->n; to++)
		if (q->p[to] == '{' && to + 1 < q->n && strchr("%{#", q->p[to + 1]))
			break;
	q->at = to;
	char sign = to + 2 < q->n ? q->p[to + 2] : 0;
	if (to < q->n && sign == '-') {
		while (to > from && (blank(q->p[to - 1]) || q->p[to - 1] == '\v' || q->p[to - 1] == '\f'))
			to--;
	} else if (to < q->n && sign != '+' && q->p[to + 1] != '{') {
		size_t line = to;
		while (line > from && (q->p[line - 1] == ' ' || q->p[line - 1] == '\t'))
			line--;
		if (line > from ? q->p[line - 1] == '\n' : q->line_start)
			to = line;
	}
	q->trim_left = q->line_start = false;
	struct fox_jnode *n = to > from ? make(q, FOX_JN_TEXT, from) : NULL;
	if (n)
		n->text = (struct fox_str){q->p + from, to - from};
	return n;
}

static struct fox_jnode *statements(struct parser *q, struct fox_str *end);

static bool ended(struct parser *q, struct fox_str end, const char *word)
{
	if (q->status)
		return false;
	if (fox_str_is(end, word))
		return close_tag(q, "%}");
	fail(q, FOX_E_FORMAT, q->at, "a block that is not closed");
	return false;
}

/* After "if" or "elif". */
static struct fox_jnode *if_block(struct parser *q, size_t at)
{
	struct fox_jnode *n = make(q, FOX_JN_IF, at);
	struct fox_str end;
	if (!n || !enter(q) || !(n->a = expression(q)) || !close_tag(q, "%}"))
		return NULL;
	n->b = statements(q, &end);
	if (!q->status && fox_str_is(end, "elif")) {
		n->c = if_block(q, q->at);
		q->depth--;
		return n;
	}
	if (!q->status && fox_str_is(end, "else") && close_tag(q, "%}"))
		n->c = statements(q, &end);
	q->depth--;
	return ended(q, end, "endif") ? n : NULL;
}

static struct fox_jnode *for_block(struct parser *q, size_t at)
{
	struct fox_jnode *n = make(q, FOX_JN_FOR, at);
	struct fox_str end;
	if (!n || !enter(q))
		return NULL;
	n->text = want_name(q);
	while (take(q, ",")) { /* such a loop can be stepped over, not run */
		want_name(q);
		n->n++;
	}
	if (!take_word(q, "in"))
		return fail(q, FOX_E_FORMAT, q->at, "a loop without 'in'");
	n->a = logic(q, true); /* without a condition, whose 'if' would be taken for the loop's */
	if (n->a && take_word(q, "if"))
		n->d = expression(q);
	if (q->status || !close_tag(q, "%}"))
		return NULL;
	n->b = statements(q, &end);
	if (!q->status && fox_str_is(end, "else") && close_tag(q, "%}"))
		n->c = statements(q, &end);
	q->depth--;
	return ended(q, end, "endfor") ? n : NULL;
}

static struct fox_jnode *set_tag(struct parser *q, size_t at)
{
	struct fox_jnode *n = make(q, FOX_JN_SET, at), *name = make(q, FOX_JN_NAME, q->at);
	if (!n || !name)
		return NULL;
	name->text = want_name(q);
	n->a = postfix(q, name);
	if (n->a && n->a->kind != FOX_JN_NAME && !(n->a->kind == FOX_JN_ATTR && n->a->a->kind == FOX_JN_NAME))
		return fail(q, FOX_E_UNSUPPORTED, at, "'set' of something else than a name");
	if (!take(q, "="))
		return fail(q, FOX_E_UNSUPPORTED, at, "'set' without a value");
	n->b = expression(q);
	return n->b && close_tag(q, "%}") ? n : NULL;
}

/* A "{%" tag. NULL with *end set: a word that ends the block around it, which stands right after that word. */
static struct fox_jnode *block(struct parser *q, struct fox_str *end)
{
	static const char *const enders[] = {"elif", "else", "endif", "endfor"};
	size_t at = q->at;
	open_tag(q);
	struct fox_str word = want_name(q);
	for (size_t i = 0; i < FOX_COUNT(enders); i++)
		if (fox_str_is(word, enders[i]))
			*end = word;
	if (end->n || q->status)
		return NULL;
	if (fox_str_is(word, "if"))
		return if_block(q, at);
	if (fox_str_is(word, "for"))
		return for_block(q, at);
	if (fox_str_is(word, "set"))
		return set_tag(q, at);
	return fail(q, FOX_E_UNSUPPORTED, at, "a tag other than if, for and set");
}

/* Statements up to the end of the text, or up to a word that ends a block (*end; empty at the end of the text). */
static struct fox_jnode *statements(struct parser *q, struct fox_str *end)
{
	struct fox_jnode *first = NULL, **tail = &first;
	*end = (struct fox_str){"", 0};
	while (!q->status && q->at < q->n) {
		struct fox_jnode *n = text(q);
		if (n) {
			*tail = n;
			tail = &n->next;
		}
		if (q->at >= q->n || q->status)
			break;
		n = NULL;
		if (q->p[q->at + 1] == '#') {
			const char *close = memmem(q->p + q->at + 2, q->n - q->at - 2, "#}", 2);
			if (!close)
				return fail(q, FOX_E_FORMAT, q->at, "a comment without an end");
			q->at = (size_t)(close - q->p);
			q->at -= q->p[q->at - 1] == '-' || q->p[q->at - 1] == '+';
			close_tag(q, "#}");
		} else if (q->p[q->at + 1] == '{') {
			if ((n = make(q, FOX_JN_PRINT, q->at))) {
				open_tag(q);
				n->a = expression(q);
				if (n->a)
					close_tag(q, "}}");
			}
		} else if (!(n = block(q, end)) && end->n) {
			return first;
		}
		if (n) {
			*tail = n;
			tail = &n->next;
		}
	}
	return first;
}

enum fox_status fox_jinja_open(struct fox_jinja **out, struct fox_str source, struct fox_err *err)
{
	struct fox_str end;
	if (source.n > FOX_JINJA_MAX_BYTES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "chat template of %zu bytes, at most %d are handled",
		    source.n, FOX_JINJA_MAX_BYTES);
	if (source.n && memchr(source.p, '\r', source.n))
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "chat template: a carriage return is not handled");
	struct fox_jinja *j = calloc(1, sizeof *j);
	if (!j)
		return fox_fail_nomem(err);
	struct parser q = {.j = j, .p = source.p, .n = source.n, .line_start = true, .err = err};
	q.n -= q.n && q.p[q.n - 1] == '\n'; /* one newline at the end is not part of a template */
	j->text = source;
	j->body = statements(&q, &end);
	if (!q.status && end.n)
		fail(&q, FOX_E_FORMAT, q.at, "the end of a block that did not begin");
	if (q.status) {
		fox_jinja_close(j);
		return q.status;
	}
	*out = j;
	return FOX_OK;
}

void fox_jinja_close(struct fox_jinja *j)
{
	if (!j)
		return;
	fox_arena_free(&j->arena);
	free(j);
}
