/* tok_split.c - the tokenizer's expressions, and the five ways to cut text at matches. See tok_split.h. */
#include "runtime/tok_split.h"

#include "runtime/tok_onig.h"

/* ---- compiling */

enum fox_status tok_regex_open(struct fox_regex **out, const struct fox_tokpat *pattern, struct fox_err *err)
{
	struct fox_buf text = {0};
	*out = NULL;
	if (!pattern->regex)
		return fox_regex_open(out, pattern->text, FOX_REGEX_LITERAL, err);
	enum fox_status s = tok_onig_translate(&text, pattern->text, err);
	if (!s && text.failed)
		s = fox_fail_nomem(err);
	if (!s)
		s = fox_regex_open(out, text.p ? fox_buf_view(&text) : fox_str_of(""), FOX_REGEX_MULTILINE, err);
	fox_buf_free(&text);
	return s;
}

/* Rust's \w has the two joiners besides.   source: Unicode TR18 annex C, regex-syntax PERL_WORD */
#define RUST_WORD TOK_WORD "\\x{200c}\\x{200d}"

enum fox_status tok_regex_open_set(struct fox_regex **out, enum tok_charset set, struct fox_err *err)
{
	static const char *const text[] = {
	    [TOK_CS_WHITESPACE_WORDS] = "[" RUST_WORD "]+|[^" RUST_WORD TOK_SPACE "]+",
	    [TOK_CS_SPACE] = "[" TOK_SPACE "]",
	    [TOK_CS_NUMERIC] = "\\p{N}",
	    /* U+2E43 and on came after the table of unicode_categories 0.1.1, which tokenizers uses */
	    [TOK_CS_PUNCTUATION] = "(?![\\x{2e43}-\\x{2e5d}])[!-/:-@\\[-`{-~\\p{P}]",
	};
	return fox_regex_open(out, fox_str_of(text[set]), 0, err);
}

/* ---- matching */

enum fox_status tok_regex_next(const struct fox_regex *re, struct fox_matcher *m, struct fox_str text,
    struct tok_find *f, struct fox_err *err)
{
	while (f->at <= text.n) {
		bool found;
		size_t from, to;
		enum fox_status s = fox_regex_find(re, m, text, f->at, &found, &from, &to, err);
		if (s)
			return s;
		if (!found)
			break;
		if (from == to && f->had && to == f->last) {
			size_t i = f->at;
			if (i < text.n)
				fox_utf8_next(text, &i);
			else
				i++;
			f->at = i;
			continue;
		}
		f->from = from;
		f->to = to;
		f->at = f->last = to;
		f->had = true;
		return FOX_OK;
	}
	f->over = true;
	return FOX_OK;
}

/* ---- cutting */

struct cut {
	tok_piece_fn fn;
	void *ctx;
	enum fox_split_behavior behavior;
	struct fox_str text;
	bool held, held_match; /* a span that may still grow, and for MERGED_WITH_NEXT: that waits */
	size_t from, to;
};

static enum fox_status hand(struct cut *c, size_t from, size_t to, struct fox_err *err)
{
	return from == to ? FOX_OK : c->fn(c->ctx, (struct fox_str){c->text.p + from, to - from}, from, err);
}

static enum fox_status hand_held(struct cut *c, struct fox_err *err)
{
	bool held = c->held;
	c->held = false;
	return held ? hand(c, c->from, c->to, err) : FOX_OK;
}

/* One stretch of the text, a match or what lies between: all of them come in order and cover the text. */
static enum fox_status stretch(struct cut *c, size_t from, size_t to, bool match, struct fox_err *err)
{
	bool grows = false;
	enum fox_status s;
	switch (c->behavior) {
	case FOX_SPLIT_REMOVED:
		return match ? FOX_OK : hand(c, from, to, err);
	case FOX_SPLIT_ISOLATED:
		return hand(c, from, to, err);
	case FOX_SPLIT_CONTIGUOUS:
		grows = match == c->held_match;
		break;
	case FOX_SPLIT_MERGED_WITH_PREVIOUS:
		grows = match && !c->held_match;
		break;
	case FOX_SPLIT_MERGED_WITH_NEXT:
		grows = !match && c->held_match;
		break;
	}
	c->held_match = match;
	if (grows && c->held) {
		c->to = to;
		return FOX_OK;
	}
	s = hand_held(c, err);
	c->held = true;
	c->from = from;
	c->to = to;
	return s;
}

enum fox_status tok_split(const struct fox_regex *re, struct fox_matcher *m, enum fox_split_behavior behavior,
    bool invert, struct fox_str text, tok_piece_fn fn, void *ctx, struct fox_err *err)
{
	struct cut c = {.fn = fn, .ctx = ctx, .behavior = behavior, .text = text};
	struct tok_find f = {0};
	size_t before = 0;
	enum fox_status s = FOX_OK;
	while (!s && text.n) {
		s = tok_regex_next(re, m, text, &f, err);
		if (s || f.over)
			break;
		/* the find must not be disturbed by what fn does with the same matcher: f holds all of it */
		size_t from = f.from, to = f.to;
		if (before != from)
			s = stretch(&c, before, from, invert, err);
		if (!s)
			s = stretch(&c, from, to, !invert, err);
		before = to;
	}
	if (!s && before != text.n)
		s = stretch(&c, before, text.n, invert, err);
	return s ? s : hand_held(&c, err);
}
