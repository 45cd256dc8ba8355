/* frontmatter.c - one pass over the text of the front matter, line by line; flow lists and quotes are followed
 * over line ends.
 *
 * The danger is text inside a value that looks like a key (a quote that runs over several lines). So every
 * value is followed, wanted or not, and one that reaches a line at the left margin makes all of it unsure.
 * source: PyYAML 6.0 scanner.py; gguf-py metadata.py load_model_card */
#include "convert/frontmatter.h"

#include "convert/fm_scalar.h"

struct reader {
	struct fox_str t; /* tabs are two blanks, lines end in one \n; so does the last */
	size_t at;
	struct fox_arena *arena;
	const char *broken; /* why nothing can be read; at is then where */
	bool no_memory;
};

/* ---- lines */

static char peek(const struct reader *r)
{
	return r->at < r->t.n ? r->t.p[r->at] : '\n';
}

static void skip_blanks(struct reader *r)
{
	r->at = fox_fm_span(r->t, r->at, " ");
}

static void next_line(struct reader *r)
{
	const char *nl = r->at < r->t.n ? memchr(r->t.p + r->at, '\n', r->t.n - r->at) : NULL;
	r->at = nl ? (size_t)(nl - r->t.p) + 1 : r->t.n;
}

/* From the start of a line: its indent; true when there is anything but blanks and a comment. */
static bool has_content(const struct reader *r, size_t *indent)
{
	size_t i = fox_fm_span(r->t, r->at, " ");
	*indent = i - r->at;
	return i < r->t.n && r->t.p[i] != '\n' && r->t.p[i] != '#';
}

/* Step over empty lines and comments; true when a line follows. */
static bool to_content(struct reader *r, size_t *indent)
{
	while (r->at < r->t.n) {
		if (has_content(r, indent))
			return true;
		next_line(r);
	}
	return false;
}

/* "- " or a '-' that ends the line */
static bool at_dash(const struct reader *r, size_t i)
{
	return i + 1 < r->t.n && r->t.p[i] == '-' && fox_fm_in(r->t.p[i + 1], " \n");
}

/* After a value: only blanks and a comment may be left of the line. Moves to the next line. */
static bool end_of_line(struct reader *r)
{
	size_t from = r->at;
	skip_blanks(r);
	if (peek(r) != '\n' && !(peek(r) == '#' && r->at > from))
		return false;
	next_line(r);
	return true;
}

/* ---- scalars */

static void unsure(struct fox_fm_value *v, const char *why)
{
	if (v->kind != FOX_FM_UNSURE)
		v->why = why;
	v->kind = FOX_FM_UNSURE;
}

/* Past the quote that ends the scalar at at; false when it reaches the left margin or the end. */
static bool step_over_quoted(struct reader *r)
{
	char q = peek(r);
	for (r->at++; r->at < r->t.n; r->at++) {
		char c = r->t.p[r->at];
		if (c == '\n' && r->at + 1 < r->t.n && !fox_fm_in(r->t.p[r->at + 1], " \n"))
			return false;
		if (q == '"' && c == '\\' && r->at + 1 < r->t.n && r->t.p[r->at + 1] != '\n') {
			r->at++;
		} else if (c == q) {
			r->at++;
			if (q == '"' || r->at >= r->t.n || r->t.p[r->at] != q)
				return true;
		}
	}
	return false;
}

/* \xNN, \uNNNN, \UNNNNNNNN at s.p[*i] (the letter); false: ill-formed, or no character that a key may hold */
static bool hex_escape(struct fox_buf *b, struct fox_str s, size_t *i)
{
	size_t n = s.p[*i] == 'x' ? 2 : s.p[*i] == 'u' ? 4 : 8;
	uint32_t code = 0;
	char out[4];
	if (s.n - *i <= n)
		return false;
	for (size_t k = 1; k <= n; k++) {
		char c = s.p[*i + k];
		if (!fox_fm_in(c, "0123456789abcdefABCDEF") || code >> 28)
			return false;
		code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	if (!code || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		return false;
	*i += n;
	fox_buf_add(b, out, fox_utf8_put(out, code));
	return true;
}

static bool unescape(struct fox_buf *b, struct fox_str s)
{
	static const char from[] = "\"\\/ntr ", to[] = "\"\\/\n\t\r ";
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\') {
			fox_buf_char(b, s.p[i]);
			continue;
		}
		const char *known = ++i < s.n && s.p[i] ? strchr(from, s.p[i]) : NULL;
		if (known)
			fox_buf_char(b, to[known - from]);
		else if (i >= s.n || !fox_fm_in(s.p[i], "xuU") || !hex_escape(b, s, &i))
			return false;
	}
	return true;
}

static void keep(struct reader *r, struct fox_fm_value *v, struct fox_str s)
{
	char *p = fox_arena_strdup(r->arena, s);
	r->no_memory |= !p;
	v->kind = FOX_FM_STR;
	v->str = (struct fox_str){p ? p : "", p ? s.n : 0};
}

/* At a quote. False: the text is broken. */
static bool read_quoted(struct reader *r, struct fox_fm_value *v)
{
	char q = peek(r);
	size_t from = r->at + 1;
	if (!step_over_quoted(r)) {
		r->broken = "a quoted text does not end in its value";
		return false;
	}
	struct fox_str s = {r->t.p + from, r->at - 1 - from};
	struct fox_buf b = {0};
	if (memchr(s.p, '\n', s.n)) {
		unsure(v, "runs over several lines");
	} else if (q == '"' && !unescape(&b, s)) {
		unsure(v, "has an escape that is not read");
	} else {
		for (size_t i = 0; q == '\'' && i < s.n; i++) {
			fox_buf_char(&b, s.p[i]);
			i += s.p[i] == '\'';
		}
		r->no_memory |= b.failed;
		keep(r, v, b.p ? fox_buf_view(&b) : (struct fox_str){"", 0});
	}
	fox_buf_free(&b);
	return true;
}

/* A plain scalar of one line; flow: inside [ ]. */
static void read_plain(struct reader *r, struct fox_fm_value *v, bool flow)
{
	size_t from = r->at, end = from;
	const char *why = NULL;
	bool null = false;
	for (; peek(r) != '\n' && !(flow && fox_fm_in(peek(r), ",[]{}")); r->at++) {
		char c = peek(r), next = r->at + 1 < r->t.n ? r->t.p[r->at + 1] : '\n';
		if (c == '#' && r->at > end && r->at > from)
			break;
		if (c == ':' && (fox_fm_in(next, " \n") || (flow && fox_fm_in(next, ",[]{}"))))
			why = "is a mapping, which is not read";
		if (c != ' ')
			end = r->at + 1;
	}
	struct fox_str s = {r->t.p + from, end - from};
	char second = s.n > 1 ? s.p[1] : ' ';
	if (s.n && (fox_fm_in(s.p[0], "&*!|>%@`?:#]}{,") || (s.p[0] == '-' && second == ' ')))
		why = "is not read";
	/* the converter that most files come from takes exactly "- no" for the language */
	bool norway = !flow && fox_str_is(s, "no") && r->at == end && from >= 2 && r->t.p[from - 2] == '-' &&
	              r->t.p[from - 1] == ' ';
	if (!why && !norway)
		why = fox_fm_why_no_text(s, &null);
	r->at = end;
	if (why)
		unsure(v, why);
	else if (null)
		v->kind = FOX_FM_NULL;
	else
		keep(r, v, s);
}

/* ---- lists */

static void add_item(struct reader *r, struct fox_fm_value *v, const struct fox_fm_value *item, size_t *cap)
{
	if (item->kind == FOX_FM_UNSURE || item->kind == FOX_FM_LIST)
		unsure(v, item->kind == FOX_FM_LIST ? "holds a list" : item->why);
	else if (item->kind != FOX_FM_STR)
		unsure(v, "holds null");
	if (v->kind == FOX_FM_UNSURE)
		return;
	if (v->n == *cap) {
		struct fox_str *items = fox_arena_alloc(r->arena, *cap ? 2 * *cap : 8, sizeof *items);
		if (!items) {
			r->no_memory = true;
			return;
		}
		if (v->n)
			memcpy(items, v->items, v->n * sizeof *items);
		v->items = items;
		*cap = *cap ? 2 * *cap : 8;
	}
	v->items[v->n++] = item->str;
}

/* Inside [ ] or { }: to the next character that is neither blank, line end nor comment. False: broken. */
static bool skip_flow_space(struct reader *r)
{
	for (;;) {
		size_t from = r->at;
		skip_blanks(r);
		if (r->at >= r->t.n) {
			r->broken = "a list or mapping is not closed";
			return false;
		}
		if (peek(r) == '#' && (r->at > from || r->t.p[r->at - 1] == '\n' || r->t.p[r->at - 1] == ' '))
			next_line(r);
		else if (peek(r) == '\n')
			r->at++;
		else
			return true;
		if (r->at < r->t.n && !fox_fm_in(r->t.p[r->at], " \n#")) {
			r->broken = "a list or mapping goes on at the left margin";
			return false;
		}
	}
}

/* At '[' or '{': step over it, however deep. Only the quotes and brackets are looked at. */
static bool step_over_flow(struct reader *r)
{
	size_t depth = 0;
	bool start = true; /* of a scalar: only there a quote opens */
	do {
		if (!skip_flow_space(r))
			return false;
		char c = peek(r);
		if (start && fox_fm_in(c, "\"'")) {
			if (!step_over_quoted(r)) {
				r->broken = "a quoted text does not end in its value";
				return false;
			}
			start = false;
			continue;
		}
		if (fox_fm_in(c, "[{"))
			depth++;
		if (fox_fm_in(c, "]}"))
			depth--;
		r->at++;
		start = fox_fm_in(c, "[{,") || (c == ':' && r->at < r->t.n && fox_fm_in(r->t.p[r->at], " \n\"'"));
	} while (depth);
	return true;
}

/* At '['. False: broken. */
static bool read_flow_list(struct reader *r, struct fox_fm_value *v)
{
	size_t start = r->at, cap = 0;
	v->kind = FOX_FM_LIST;
	r->at++;
	while (skip_flow_space(r)) {
		struct fox_fm_value item = {.kind = FOX_FM_ABSENT};
		if (peek(r) == ']') {
			r->at++;
			return true;
		}
		if (fox_fm_in(peek(r), "[{&!*?:|>,}")) {
			unsure(v, "holds more than text");
			break;
		}
		if (fox_fm_in(peek(r), "\"'") && !read_quoted(r, &item))
			return false;
		if (item.kind == FOX_FM_ABSENT)
			read_plain(r, &item, true);
		if (!skip_flow_space(r))
			return false;
		add_item(r, v, &item, &cap);
		if (peek(r) != ',' && peek(r) != ']') {
			unsure(v, "is not read");
			break;
		}
		r->at += peek(r) == ',';
	}
	r->at = start; /* once more, for its end alone */
	return !r->broken && step_over_flow(r);
}

/* ---- what hangs below a key */

/* Step over the rest of a line inside a value that is not read: at its first character, indent columns in.
 * Quotes and lists are followed, literal text below is skipped. */
static bool step_over_line(struct reader *r, size_t line_at)
{
	size_t col = r->at - line_at;
	for (bool again = true; again;) {
		again = false;
		skip_blanks(r);
		while (at_dash(r, r->at)) {
			col = r->at++ - line_at;
			skip_blanks(r);
			if (!fox_fm_in(peek(r), "|>\"'[{\n"))
				col = r->at - line_at;
		}
		char c = peek(r);
		if (fox_fm_in(c, "&!") || (c == '?' && r->at + 1 < r->t.n && r->t.p[r->at + 1] == ' ')) {
			r->broken = "a tag, anchor or complex key";
			return false;
		}
		if (fox_fm_in(c, "|>")) {
			size_t indent;
			next_line(r);
			while (r->at < r->t.n) {
				bool any =
				    has_content(r, &indent) || (r->at + indent < r->t.n && r->t.p[r->at + indent] == '#');
				if (any && indent <= col)
					break;
				next_line(r);
			}
			return true;
		}
		if (fox_fm_in(c, "\"'") && !step_over_quoted(r)) {
			r->broken = "a quoted text does not end in its value";
			return false;
		}
		if (fox_fm_in(c, "[{") && !step_over_flow(r))
			return false;
		while (peek(r) != '\n' && !again) {
			again = peek(r) == ':' && r->at + 1 < r->t.n && fox_fm_in(r->t.p[r->at + 1], " \n");
			if (peek(r) == '#' && r->t.p[r->at - 1] == ' ')
				break;
			r->at++;
		}
	}
	next_line(r);
	return true;
}

/* Step over every line that belongs to the value: indented, or an item at the margin. */
static bool step_over_block(struct reader *r, bool items, bool *any)
{
	size_t indent;
	*any = false;
	while (to_content(r, &indent)) {
		if (!indent && !(items && at_dash(r, r->at)))
			return true;
		*any = true;
		size_t line_at = r->at;
		r->at += indent;
		if (!step_over_line(r, line_at))
			return false;
	}
	return true;
}

/* Lines "- item", all of one indent, after a key without a value on its own line. False: broken. */
static bool read_block_list(struct reader *r, struct fox_fm_value *v)
{
	size_t first = 0, indent, cap = 0, start = r->at;
	bool any = false;
	v->kind = FOX_FM_NULL;
	while (to_content(r, &indent) && (indent || at_dash(r, r->at))) {
		if (!at_dash(r, r->at + indent) || (any && indent != first)) {
			unsure(v, any ? "holds more than text" : "is a mapping, which is not read");
			break;
		}
		struct fox_fm_value item = {.kind = FOX_FM_ABSENT};
		if (!any)
			v->kind = FOX_FM_LIST;
		any = true, first = indent;
		r->at += indent + 1;
		skip_blanks(r);
		if (fox_fm_in(peek(r), "[{"))
			unsure(&item, "holds more than text");
		else if (!fox_fm_in(peek(r), "\"'"))
			read_plain(r, &item, false);
		else if (!read_quoted(r, &item))
			return false;
		add_item(r, v, &item, &cap);
		if (v->kind == FOX_FM_UNSURE)
			break;
		if (!end_of_line(r))
			unsure(v, "is not read");
		if (v->kind == FOX_FM_UNSURE)
			break;
	}
	if (v->kind == FOX_FM_UNSURE)
		r->at = start;
	return v->kind != FOX_FM_UNSURE || step_over_block(r, true, &any);
}

/* Behind "key:". v is NULL for a key that nobody asked for. */
static bool read_value(struct reader *r, struct fox_fm_value *v, size_t line_at)
{
	bool ended = true, more;
	skip_blanks(r);
	char c = peek(r);
	if (c == '\n' || (c == '#' && r->t.p[r->at - 1] == ' ')) {
		next_line(r);
		return v ? read_block_list(r, v) : step_over_block(r, true, &more);
	}
	if (fox_fm_in(c, "&!{|>") || !v) {
		if (v)
			unsure(v, c == '{' ? "is a mapping, which is not read" : "is not read");
		r->at = line_at;
		return step_over_line(r, line_at) && step_over_block(r, false, &more);
	}
	if (c == '[') {
		if (!read_flow_list(r, v))
			return false;
		ended = end_of_line(r);
	} else if (fox_fm_in(c, "\"'")) {
		if (!read_quoted(r, v))
			return false;
		ended = end_of_line(r);
	} else {
		read_plain(r, v, false);
		next_line(r);
	}
	if (!ended) {
		r->broken = "text after a value";
		return false;
	}
	if (!step_over_block(r, false, &more))
		return false;
	if (more)
		unsure(v, "runs over several lines");
	return true;
}

/* At the margin: "key:". */
static bool read_entry(struct reader *r, struct fox_fm_value *values, size_t n, unsigned line)
{
	size_t line_at = r->at, end;
	struct fox_fm_value *v = NULL;
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
	end = r->at = fox_fm_span(r->t, r->at, word);
	skip_blanks(r);
	if (end == line_at || r->t.p[line_at] == '-' || peek(r) != ':' || r->at + 1 >= r->t.n ||
	    !fox_fm_in(r->t.p[r->at + 1], " \n")) {
		r->broken = "a line at the left margin that is no 'key: value'";
		r->at = line_at;
		return false;
	}
	struct fox_str key = {r->t.p + line_at, end - line_at};
	r->at++;
	for (size_t i = 0; i < n && !v; i++)
		if (fox_str_is(key, values[i].key))
			v = &values[i];
	bool twice = v && v->kind != FOX_FM_ABSENT;
	if (v)
		v->line = line;
	if (!read_value(r, v, line_at))
		return false;
	if (twice)
		v->kind = FOX_FM_STR, unsure(v, "is given twice");
	return true;
}

/* ---- the text */

static const char odd[] = "more than text: a control character, or no UTF-8";

/* The lines between the two "---", with one line end and no tabs, in the arena. */
static const char *isolate(struct reader *r, struct fox_str text, unsigned *line)
{
	size_t i = 3, cap = 2 * FOX_FRONTMATTER_MAX_BYTES + 2, n = 0, start = 0;
	char *p = fox_arena_alloc(r->arena, cap, 1);
	r->no_memory = !p;
	if (!p)
		return NULL;
	*line = 2;
	for (i += text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n', i++; i <= text.n; i++) {
		bool end = i == text.n;
		char c = end ? '\n' : text.p[i];
		if (i > FOX_FRONTMATTER_MAX_BYTES)
			return "front matter of more than 64 KiB";
		if (c == '\r') {
			i += i + 1 < text.n && text.p[i + 1] == '\n';
			c = '\n';
		}
		if (c == '\n') {
			if (n - start == 3 && !memcmp(p + start, "---", 3)) {
				r->t = (struct fox_str){p, start};
				return NULL;
			}
			if (end)
				return "front matter without end";
			start = n + 1;
			++*line;
		} else if (c == '\t') {
			p[n++] = ' ';
			c = ' ';
		} else if ((unsigned char)c < 0x20 || c == 0x7f) {
			return odd;
		}
		p[n++] = c;
	}
	return "front matter without end";
}

/* Ill-formed text; and C1 controls, U+2028 and the like, which end lines for some readers and not for others.
 */
static const char *why_odd(struct reader *r)
{
	for (size_t i = 0; i < r->t.n;) {
		r->at = i;
		int32_t c = fox_utf8_next(r->t, &i);
		if (c < 0)
			return odd;
		if ((c >= 0x80 && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF || c == 0xFFFE ||
		    c == 0xFFFF)
			return "a character that ends a line for some readers";
	}
	r->at = 0;
	return NULL;
}

static unsigned line_of(const struct reader *r)
{
	unsigned line = 2;
	for (size_t i = 0; i < r->at && i < r->t.n; i++)
		line += r->t.p[i] == '\n';
	return line;
}

enum fox_status fox_frontmatter_read(struct fox_fm_value *v, size_t n, struct fox_str text,
    struct fox_arena *arena, const char **why, unsigned *line, struct fox_err *err)
{
	struct reader r = {.t = {"", 0}, .arena = arena};
	*why = NULL;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct fox_fm_value){.key = v[i].key};
	if (text.n < 4 || memcmp(text.p, "---", 3) || !fox_fm_in(text.p[3], "\r\n"))
		return FOX_OK;
	*why = isolate(&r, text, line);
	if (!*why && !r.no_memory && (*why = why_odd(&r)))
		*line = line_of(&r);
	size_t indent, seen = 0;
	unsigned at_line = 2;
	while (!*why && !r.no_memory && to_content(&r, &indent)) {
		for (; seen < r.at; seen++)
			at_line += r.t.p[seen] == '\n';
		if (indent)
			r.broken = "the first key is indented";
		if (indent || !read_entry(&r, v, n, at_line)) {
			*why = r.broken ? r.broken : "it is not read";
			*line = line_of(&r);
		}
	}
	for (size_t i = 0; *why && i < n; i++)
		v[i] = (struct fox_fm_value){.key = v[i].key};
	return r.no_memory ? fox_fail_nomem(err) : FOX_OK;
}
