/* back_tokjson.c - tokenizer.json, vocab.json and merges.txt out of a container: the pipeline's text with vocabulary and merges
 * put back into it.
 *
 * What the keys leave open - which added tokens model.vocab has too, whether merges are texts or pairs - changes
 * nothing about the tokenizer; the form that gives the source's size is taken.
 * source: tokenizers 0.23 (serde_json's layout); Python's json.dumps for vocab.json */
#include <stdio.h>
#include <stdlib.h>

#include "convert/back_tok.h"
#include "format/tokspec.h"

enum style { STYLE_SERDE, STYLE_PYTHON, STYLE_ASCII }; /* how strings are escaped */

static void put_code(struct fox_buf *b, uint32_t c)
{
	if (c < 0x10000) {
		fox_buf_fmt(b, "\\u%04x", c);
		return;
	}
	c -= 0x10000;
	fox_buf_fmt(b, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

static void put_char(struct fox_buf *b, struct fox_str s, size_t at, size_t end, int32_t c, enum style style)
{
	static const char plain[] = "\b\t\n\f\r", letter[] = "btnfr";
	const char *short_form = c > 0 && c < 0x20 ? strchr(plain, c) : NULL;
	if (c == '"' || c == '\\')
		fox_buf_fmt(b, "\\%c", (char)c);
	else if (short_form)
		fox_buf_fmt(b, "\\%c", letter[short_form - plain]);
	else if (c < 0x20 || (style == STYLE_ASCII && c > 0x7e))
		put_code(b, (uint32_t)c);
	else
		fox_buf_add(b, s.p + at, end - at);
}

static void put_text(struct fox_buf *b, struct fox_str s, enum style style)
{
	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		int32_t c = fox_utf8_next(s, &i);
		put_char(b, s, at, i, c < 0 ? 0xfffd : c, style);
	}
}

static void put_quoted(struct fox_buf *b, struct fox_str s, enum style style)
{
	fox_buf_char(b, '"');
	put_text(b, s, style);
	fox_buf_char(b, '"');
}

/* As serde_json: the shortest that reads back equal, and never without a point or an exponent. */
static void put_real(struct fox_buf *b, double v)
{
	char text[40];
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	fox_buf_str(b, text);
	if (!strpbrk(text, ".en"))
		fox_buf_str(b, ".0");
}

/* Layouts of JSON: serde_json's and Python's. */
static const struct form {
	const char *comma, *colon;
	bool lines; /* a line for each member, indented by two blanks */
} forms[] = {{",", ": ", true}, {",", ":", false}, {", ", ": ", false}};

static void put_line(struct fox_buf *b, const struct form *f, unsigned depth)
{
	if (!f->lines)
		return;
	fox_buf_char(b, '\n');
	for (unsigned i = 0; i < depth; i++)
		fox_buf_str(b, "  ");
}

/* ---- what the vocabulary has */

struct vocab {
	const struct fox_tokdata *t;
	struct fox_tokspec spec;
	struct fox_str *piece; /* [t->n] as the source has it; p NULL: a row without a piece */
	uint32_t top, least,
	    n; /* one past the last piece; where added tokens at the end begin; ids below n are written */
	bool pairs, ends; /* merges as pairs; a newline at the end */
	const struct form *form;
};

static bool is_filled(const struct fox_tokdata *t, uint32_t i)
{
	char name[24];
	snprintf(name, sizeof name, "[PAD%u]", i);
	return t->type[i] == FOX_TOK_UNUSED && fox_str_is(t->piece[i], name);
}

static enum fox_status vocab_open(struct vocab *v, const struct fox_tokdata *t, struct fox_err *err)
{
	*v = (struct vocab){.t = t};
	enum fox_status s = fox_tokspec_parse(&v->spec, t->hf_spec, t->n, err);
	if (s)
		return s;
	struct fox_arena *a = &v->spec.arena;
	bool *added = fox_arena_alloc(a, t->n, sizeof *added);
	v->piece = fox_arena_alloc(a, t->n, sizeof *v->piece);
	if (!added || !v->piece)
		return fox_fail_nomem(err);
	for (uint32_t i = 0; i < t->n; i++)
		if (!is_filled(t, i))
			v->piece[i] = t->piece[i], v->top = i + 1;
	for (uint32_t i = 0; i < v->spec.n_added; i++) { /* texts with their marks */
		uint32_t id = v->spec.added[i].id;
		v->piece[id] = v->spec.added[i].content;
		added[id] = true;
		v->top = id >= v->top ? id + 1 : v->top;
	}
	v->least = v->top;
	while (v->least && added[v->least - 1])
		v->least--;
	v->n = v->least;
	return FOX_OK;
}

/* ---- tokenizer.json */

/* A list of two: [a, b] at a depth. */
static void open_pair(struct fox_buf *b, const struct form *f)
{
	fox_buf_char(b, '[');
	put_line(b, f, 4);
}

static void half_pair(struct fox_buf *b, const struct form *f)
{
	fox_buf_str(b, f->comma);
	put_line(b, f, 4);
}

static void close_pair(struct fox_buf *b, const struct form *f)
{
	put_line(b, f, 3);
	fox_buf_char(b, ']');
}

/* One of model.vocab, with the comma before it. */
static void put_member(struct fox_buf *b, const struct vocab *v, uint32_t i, bool comma)
{
	bool list = v->spec.model == FOX_TOKMODEL_UNIGRAM;
	if (comma)
		fox_buf_str(b, v->form->comma);
	put_line(b, v->form, 3);
	if (list)
		open_pair(b, v->form);
	put_quoted(b, v->piece[i], STYLE_SERDE);
	if (!list) {
		fox_buf_fmt(b, "%s%u", v->form->colon, i);
		return;
	}
	half_pair(b, v->form);
	put_real(b, v->t->exact_score ? v->t->exact_score[i] : (double)v->t->score[i]);
	close_pair(b, v->form);
}

static void put_key(struct fox_buf *b, const struct vocab *v, const char *key, char bracket)
{
	fox_buf_fmt(b, "\"%s\"%s%c", key, v->form->colon, bracket);
}

static void put_vocab(struct fox_buf *b, const struct vocab *v)
{
	bool list = v->spec.model == FOX_TOKMODEL_UNIGRAM, any = false;
	put_key(b, v, "vocab", list ? '[' : '{');
	for (uint32_t i = 0; i < v->n; i++)
		if (v->piece[i].p) {
			put_member(b, v, i, any);
			any = true;
		}
	if (any)
		put_line(b, v->form, 2);
	fox_buf_char(b, list ? ']' : '}');
}

static void put_merge(struct fox_buf *b, const struct vocab *v, uint32_t i, bool pairs)
{
	struct fox_str left, right;
	if (!pairs || !fox_tokdata_halves(v->t->merge[i], &left, &right)) {
		put_quoted(b, v->t->merge[i], STYLE_SERDE);
		return;
	}
	open_pair(b, v->form);
	put_quoted(b, left, STYLE_SERDE);
	half_pair(b, v->form);
	put_quoted(b, right, STYLE_SERDE);
	close_pair(b, v->form);
}

static void put_merges(struct fox_buf *b, const struct vocab *v)
{
	put_key(b, v, "merges", '[');
	for (uint32_t i = 0; i < v->t->n_merges; i++) {
		if (i)
			fox_buf_str(b, v->form->comma);
		put_line(b, v->form, 3);
		put_merge(b, v, i, v->pairs);
	}
	if (v->t->n_merges)
		put_line(b, v->form, 2);
	fox_buf_char(b, ']');
}

static void put_parts(struct fox_buf *b, const struct vocab *v)
{
	put_vocab(b, v);
	if (v->spec.model == FOX_TOKMODEL_UNIGRAM)
		return;
	fox_buf_str(b, v->form->comma);
	put_line(b, v->form, 2);
	put_merges(b, v);
}

/* Layout of the kept text, which is valid JSON without blanks (fox_tokspec_parse read it). */
struct layout {
	struct fox_buf *b;
	const struct vocab *v;
	struct fox_str s;
	size_t i;
	unsigned depth;
	bool object[72], empty; /* by depth; nothing since the last bracket */
	bool key;               /* a string here is a key */
	bool in_model, model_next, after_id,
	    done; /* within "model"; its value comes; after the value of unk_id; put */
};

static void line(struct layout *l)
{
	put_line(l->b, l->v->form, l->depth);
}

static void put_comma(struct layout *l)
{
	fox_buf_str(l->b, l->v->form->comma);
	line(l);
}

static void put_here(struct layout *l)
{
	put_parts(l->b, l->v);
	l->done = true;
}

static void string(struct layout *l)
{
	size_t from = l->i++;
	while (l->i < l->s.n && l->s.p[l->i] != '"')
		l->i += l->s.p[l->i] == '\\' ? 2 : 1;
	l->i = l->i < l->s.n ? l->i + 1 : l->s.n;
	struct fox_str text = {l->s.p + from, l->i - from};
	fox_buf_add(l->b, text.p, text.n);
	if (!l->key)
		return;
	l->key = false;
	l->model_next = l->depth == 1 && fox_str_is(text, "\"model\"");
	l->after_id = l->depth == 2 && l->in_model && fox_str_is(text, "\"unk_id\"");
}

static void open_bracket(struct layout *l, char c)
{
	fox_buf_char(l->b, c);
	l->in_model = l->in_model || (l->depth == 1 && l->model_next);
	l->object[++l->depth] = c == '{';
	l->key = c == '{';
	l->empty = true;
}

static void close_bracket(struct layout *l, char c)
{
	bool model = l->in_model && l->depth == 2;
	if (model && !l->done) {
		if (l->empty)
			line(l);
		else
			put_comma(l);
		put_here(l);
		l->empty = false;
	}
	l->in_model = l->in_model && !model;
	if (model)
		l->model_next = false;
	l->depth--;
	if (!l->empty)
		line(l);
	fox_buf_char(l->b, c);
	l->empty = false;
}

static void comma(struct layout *l)
{
	put_comma(l);
	l->key = l->object[l->depth];
	/* where Unigram models have their vocabulary: behind unk_id */
	if (l->after_id && l->depth == 2 && l->v->spec.model == FOX_TOKMODEL_UNIGRAM && !l->done) {
		put_here(l);
		put_comma(l);
	}
}

static void lay_out(struct fox_buf *b, const struct vocab *v)
{
	fox_buf_clear(b);
	struct layout l = {.b = b, .v = v, .s = v->t->hf_spec};
	while (l.i < l.s.n && !b->failed) {
		char c = l.s.p[l.i];
		bool closes = c == '}' || c == ']';
		if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
			l.i++;
			continue;
		}
		if (l.empty && !closes) {
			line(&l);
			l.empty = false;
		}
		if (c == '"') {
			string(&l);
			continue;
		}
		l.i++;
		if (closes && l.depth)
			close_bracket(&l, c);
		else if ((c == '{' || c == '[') && l.depth + 1 < FOX_COUNT(l.object))
			open_bracket(&l, c);
		else if (c == ',')
			comma(&l);
		else if (c == ':')
			fox_buf_str(b, v->form->colon);
		else
			fox_buf_char(b, c);
	}
}

/* ---- choosing */

/* Bytes that one more member of model.vocab takes, comma included. */
static uint64_t member_bytes(const struct vocab *v, uint32_t id)
{
	struct fox_buf b = {0};
	if (v->piece[id].p)
		put_member(&b, v, id, true);
	uint64_t n = b.n;
	fox_buf_free(&b);
	return n;
}

/* Bytes that a pair takes more than a text: the same for each merge. */
static uint64_t pair_bytes(const struct vocab *v)
{
	struct fox_buf text = {0}, pair = {0};
	if (v->t->n_merges) {
		put_merge(&text, v, 0, false);
		put_merge(&pair, v, 0, true);
	}
	uint64_t n = pair.n - text.n;
	fox_buf_free(&text);
	fox_buf_free(&pair);
	return n;
}

/* The form that has `want` bytes, from the one with fewest members and merges as texts, which has `have`. */
static bool choose(struct vocab *v, uint64_t have, uint64_t want)
{
	uint64_t more = pair_bytes(v) * v->t->n_merges;
	for (uint32_t n = v->least;; n++) {
		for (unsigned i = 0; i < 4; i++)
			if (have + (i & 1 ? more : 0) + (i >> 1) == want) {
				v->n = n;
				v->pairs = i & 1;
				v->ends = i >> 1;
				return true;
			}
		if (n == v->top)
			return false;
		have += member_bytes(v, n);
	}
}

enum fox_status back_tokjson(
    struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src, struct fox_err *err)
{
	struct vocab v;
	bool found = false;
	enum fox_status s = vocab_open(&v, t, err);
	for (size_t i = 0; i < FOX_COUNT(forms) && !s && !found && !out->failed && src->there; i++) {
		v.form = &forms[i];
		lay_out(out, &v);
		found = choose(&v, out->n, src->bytes);
	}
	if (!found)
		v.form = &forms[0];
	if (!s && !out->failed)
		lay_out(out, &v);
	if (v.ends)
		fox_buf_char(out, '\n');
	fox_tokspec_free(&v.spec);
	return s ? s : out->failed ? fox_fail_nomem(err) : FOX_OK;
}

/* ---- vocab.json, merges.txt */

static void flat_vocab(struct fox_buf *b, const struct vocab *v, enum style style)
{
	bool any = false;
	fox_buf_clear(b);
	fox_buf_char(b, '{');
	for (uint32_t i = 0; i < v->n; i++)
		if (v->piece[i].p) {
			fox_buf_str(b, any ? ", " : "");
			any = true;
			put_quoted(b, v->piece[i], style);
			fox_buf_fmt(b, ": %u", i);
		}
	fox_buf_char(b, '}');
}

/* The source's size with one of the forms that Python writes, or all pieces in the form that transformers writes. */
enum fox_status back_vocabjson(
    struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src, struct fox_err *err)
{
	struct vocab v;
	bool found = false;
	enum fox_status s = vocab_open(&v, t, err);
	uint32_t n[2] = {v.top, v.least};
	for (int i = 0; i < 4 && !s && !found && src->there && !out->failed; i++) {
		v.n = n[i / 2];
		flat_vocab(out, &v, i % 2 ? STYLE_ASCII : STYLE_PYTHON);
		found = out->n == src->bytes || out->n + 1 == src->bytes;
		if (out->n + 1 == src->bytes)
			fox_buf_char(out, '\n');
	}
	if (!s && !found) {
		v.n = v.top;
		flat_vocab(out, &v, STYLE_PYTHON);
	}
	fox_tokspec_free(&v.spec);
	return s ? s : out->failed ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status back_merges(
    struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src, struct fox_err *err)
{
	static const char head[] = "#version: 0.2\n";
	uint64_t n = 0;
	for (uint32_t i = 0; i < t->n_merges; i++)
		n += t->merge[i].n + 1;
	if (!src->there || src->bytes != n)
		fox_buf_str(out, head);
	for (uint32_t i = 0; i < t->n_merges; i++) {
		fox_buf_add(out, t->merge[i].p, t->merge[i].n);
		fox_buf_char(out, '\n');
	}
	if (src->there && out->n == src->bytes + 1)
		out->n--; /* a file whose last line does not end */
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}
