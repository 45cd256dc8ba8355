/* jinja_parse.c - template text to a tree: tags, and the white space rules around them. */
#include <stdlib.h>

#include "runtime/jinja_in.h"

/* ---- text and tags */

/* After the "{%", "{{" or "{#" of a tag. */
static void open_tag(struct fox_jparser *q)
{
	q->at += 2;
	if (q->at < q->n && (q->p[q->at] == '-' || q->p[q->at] == '+'))
		q->at++;
}

/* The end of a tag: "%}", "}}" or "#}" with a sign before it, and the newline after a block. */
static bool close_tag(struct fox_jparser *q, const char *end)
{
	fox_jp_skip(q);
	bool strip = q->at < q->n && q->p[q->at] == '-', keep = q->at < q->n && q->p[q->at] == '+';
	q->at += strip || keep;
	if (!fox_jp_starts(q, end)) {
		fox_jp_fail(q, FOX_E_UNSUPPORTED, q->at, "something that is not handled");
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
static struct fox_jnode *text(struct fox_jparser *q)
{
	size_t from = q->at, to;
	if (q->trim_left)
		while (from < q->n && (fox_jp_blank(q->p[from]) || q->p[from] == '\v' || q->p[from] == '\f'))
			q->line_start = q->p[from++] == '\n';
	for (to = from; to < q->n; to++)
		if (q->p[to] == '{' && to + 1 < q->n && strchr("%{#", q->p[to + 1]))
			break;
	q->at = to;
	char sign = to + 2 < q->n ? q->p[to + 2] : 0;
	if (to < q->n && sign == '-') {
		while (to > from && (fox_jp_blank(q->p[to - 1]) || q->p[to - 1] == '\v' || q->p[to - 1] == '\f'))
			to--;
	} else if (to < q->n && sign != '+' && q->p[to + 1] != '{') {
		size_t line = to;
		while (line > from && (q->p[line - 1] == ' ' || q->p[line - 1] == '\t'))
			line--;
		if (line > from ? q->p[line - 1] == '\n' : q->line_start)
			to = line;
	}
	q->trim_left = q->line_start = false;
	struct fox_jnode *n = to > from ? fox_jp_make(q, FOX_JN_TEXT, from) : NULL;
	if (n)
		n->text = (struct fox_str){q->p + from, to - from};
	return n;
}

static struct fox_jnode *statements(struct fox_jparser *q, struct fox_str *end);

static bool ended(struct fox_jparser *q, struct fox_str end, const char *word)
{
	if (q->status)
		return false;
	if (fox_str_is(end, word))
		return close_tag(q, "%}");
	fox_jp_fail(q, FOX_E_FORMAT, q->at, "a block that is not closed");
	return false;
}

/* After "if" or "elif". */
static struct fox_jnode *if_block(struct fox_jparser *q, size_t at)
{
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_IF, at);
	struct fox_str end;
	if (!n || !fox_jp_enter(q) || !(n->a = fox_jp_expression(q)) || !close_tag(q, "%}"))
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

static struct fox_jnode *for_block(struct fox_jparser *q, size_t at)
{
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_FOR, at);
	struct fox_str end;
	if (!n || !fox_jp_enter(q))
		return NULL;
	n->text = fox_jp_want_name(q);
	while (fox_jp_take(q, ",")) { /* such a loop can be stepped over, not run */
		fox_jp_want_name(q);
		n->n++;
	}
	if (!fox_jp_take_word(q, "in"))
		return fox_jp_fail(q, FOX_E_FORMAT, q->at, "a loop without 'in'");
	n->a = fox_jp_logic(q, true); /* without a condition, whose 'if' would be taken for the loop's */
	if (n->a && fox_jp_take_word(q, "if"))
		n->d = fox_jp_expression(q);
	if (q->status || !close_tag(q, "%}"))
		return NULL;
	n->b = statements(q, &end);
	if (!q->status && fox_str_is(end, "else") && close_tag(q, "%}"))
		n->c = statements(q, &end);
	q->depth--;
	return ended(q, end, "endfor") ? n : NULL;
}

static struct fox_jnode *set_tag(struct fox_jparser *q, size_t at)
{
	struct fox_jnode *n = fox_jp_make(q, FOX_JN_SET, at), *name = fox_jp_make(q, FOX_JN_NAME, q->at);
	if (!n || !name)
		return NULL;
	name->text = fox_jp_want_name(q);
	n->a = fox_jp_postfix(q, name);
	if (n->a && n->a->kind != FOX_JN_NAME && !(n->a->kind == FOX_JN_ATTR && n->a->a->kind == FOX_JN_NAME))
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, at, "'set' of something else than a name");
	if (!fox_jp_take(q, "="))
		return fox_jp_fail(q, FOX_E_UNSUPPORTED, at, "'set' without a value");
	n->b = fox_jp_expression(q);
	return n->b && close_tag(q, "%}") ? n : NULL;
}

/* A "{%" tag. NULL with *end set: a word that ends the block around it, which stands right after that word. */
static struct fox_jnode *block(struct fox_jparser *q, struct fox_str *end)
{
	static const char *const enders[] = {"elif", "else", "endif", "endfor"};
	size_t at = q->at;
	open_tag(q);
	struct fox_str word = fox_jp_want_name(q);
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
	return fox_jp_fail(q, FOX_E_UNSUPPORTED, at, "a tag other than if, for and set");
}

/* Statements up to the end of the text, or up to a word that ends a block (*end; empty at the end of the text). */
static struct fox_jnode *statements(struct fox_jparser *q, struct fox_str *end)
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
				return fox_jp_fail(q, FOX_E_FORMAT, q->at, "a comment without an end");
			q->at = (size_t)(close - q->p);
			q->at -= q->p[q->at - 1] == '-' || q->p[q->at - 1] == '+';
			close_tag(q, "#}");
		} else if (q->p[q->at + 1] == '{') {
			if ((n = fox_jp_make(q, FOX_JN_PRINT, q->at))) {
				open_tag(q);
				n->a = fox_jp_expression(q);
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
	struct fox_jparser q = {.j = j, .p = source.p, .n = source.n, .line_start = true, .err = err};
	q.n -= q.n && q.p[q.n - 1] == '\n'; /* one newline at the end is not part of a template */
	j->text = source;
	j->body = statements(&q, &end);
	if (!q.status && end.n)
		fox_jp_fail(&q, FOX_E_FORMAT, q.at, "the end of a block that did not begin");
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
