/* tok_split.c - PCRE2 behind one door, and the five ways to cut text at matches. See tok_split.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/tok_split.h"

#include <pcre2.h>
#include <stdlib.h>

#include "runtime/tok_onig.h"

/* The JIT's stack: what a group that repeats needs per turn. Published expressions need next to nothing. */
#define JIT_STACK_MAX (16u << 20)
#define STEPS_MIN 10000000u /* PCRE2's own default limit; longer texts get more */

struct tok_regex {
	pcre2_code *code;
	bool jit;
};

struct tok_matcher {
	pcre2_match_data *data;
	pcre2_match_context *ctx;
	pcre2_jit_stack *stack;
	uint32_t limit; /* steps now allowed */
};

/* ---- compiling */

static enum fox_status compile(
    struct tok_regex **out, struct fox_str text, uint32_t flags, struct fox_err *err)
{
	int code;
	PCRE2_SIZE at;
	struct tok_regex *re = calloc(1, sizeof *re);
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	enum fox_status s = FOX_OK;
	if (!re || !ctx || pcre2_set_newline(ctx, PCRE2_NEWLINE_LF)) {
		s = fox_fail_nomem(err);
	} else {
		flags |= PCRE2_UTF | (flags & PCRE2_LITERAL ? 0 : PCRE2_NEVER_BACKSLASH_C);
		re->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, flags, &code, &at, ctx);
		if (!re->code) {
			PCRE2_UCHAR why[160] = {0};
			pcre2_get_error_message(code, why, sizeof why);
			s = code == PCRE2_ERROR_HEAP_FAILED
			        ? fox_fail_nomem(err)
			        : fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "regex: %s", (const char *)why);
		}
	}
	pcre2_compile_context_free(ctx);
	if (s) {
		free(re);
		return s;
	}
	/* without JIT (a system that forbids code in memory) matching is slower and finds the same */
	re->jit = !pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
	*out = re;
	return FOX_OK;
}

enum fox_status tok_regex_open(struct tok_regex **out, const struct fox_tokpat *pattern, struct fox_err *err)
{
	struct fox_buf text = {0};
	*out = NULL;
	if (!pattern->regex)
		return compile(out, pattern->text, PCRE2_LITERAL, err);
	enum fox_status s = tok_onig_translate(&text, pattern->text, err);
	if (!s && text.failed)
		s = fox_fail_nomem(err);
	if (!s)
		s = compile(out, text.p ? fox_buf_view(&text) : fox_str_of(""), PCRE2_MULTILINE, err);
	fox_buf_free(&text);
	return s;
}

/* Rust's \w has the two joiners besides.   source: Unicode TR18 annex C, regex-syntax PERL_WORD */
#define RUST_WORD TOK_WORD "\\x{200c}\\x{200d}"

enum fox_status tok_regex_open_set(struct tok_regex **out, enum tok_charset set, struct fox_err *err)
{
	static const char *const text[] = {
	    [TOK_CS_WHITESPACE_WORDS] = "[" RUST_WORD "]+|[^" RUST_WORD TOK_SPACE "]+",
	    [TOK_CS_SPACE] = "[" TOK_SPACE "]",
	    [TOK_CS_NUMERIC] = "\\p{N}",
	    /* U+2E43 and on came after the table of unicode_categories 0.1.1, which tokenizers uses */
	    [TOK_CS_PUNCTUATION] = "(?![\\x{2e43}-\\x{2e5d}])[!-/:-@\\[-`{-~\\p{P}]",
	};
	*out = NULL;
	return compile(out, fox_str_of(text[set]), 0, err);
}

void tok_regex_close(struct tok_regex *re)
{
	if (!re)
		return;
	pcre2_code_free(re->code);
	free(re);
}

const char *tok_regex_version(void)
{
	static char text[80] = "PCRE2: ";
	if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= 64)
		pcre2_config(PCRE2_CONFIG_VERSION, text + strlen("PCRE2: "));
	return text;
}

/* ---- matching */

struct tok_matcher *tok_matcher_open(void)
{
	struct tok_matcher *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->data = pcre2_match_data_create(1, NULL);
	m->ctx = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(32u << 10, JIT_STACK_MAX, NULL);
	if (!m->data || !m->ctx || !m->stack) {
		tok_matcher_close(m);
		return NULL;
	}
	pcre2_jit_stack_assign(m->ctx, NULL, m->stack);
	return m;
}

void tok_matcher_close(struct tok_matcher *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->ctx);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

static enum fox_status match_error(int code, struct fox_err *err)
{
	PCRE2_UCHAR why[160] = {0};
	if (code == PCRE2_ERROR_NOMEMORY)
		return fox_fail_nomem(err);
	pcre2_get_error_message(code, why, sizeof why);
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "regex: gave up on this text (%s)", (const char *)why);
}

/* A run of blanks is walked back once, so the steps allowed grow with the text; what is exponential still ends. */
static void allow_steps(struct tok_matcher *m, size_t n)
{
	uint32_t limit = n > (UINT32_MAX - STEPS_MIN) / 16 ? UINT32_MAX : STEPS_MIN + 16 * (uint32_t)n;
	if (limit == m->limit)
		return;
	m->limit = limit;
	pcre2_set_match_limit(m->ctx, limit);
}

enum fox_status tok_regex_next(const struct tok_regex *re, struct tok_matcher *m, struct fox_str text,
    struct tok_find *f, struct fox_err *err)
{
	if (!f->had && !f->at)
		allow_steps(m, text.n);
	while (f->at <= text.n) {
		int rc = re->jit ? pcre2_jit_match(re->code, (PCRE2_SPTR)text.p, text.n, f->at, PCRE2_NO_UTF_CHECK,
		                       m->data, m->ctx)
		                 : pcre2_match(re->code, (PCRE2_SPTR)text.p, text.n, f->at, PCRE2_NO_UTF_CHECK,
		                       m->data, m->ctx);
		if (rc == PCRE2_ERROR_NOMATCH)
			break;
		if (rc < 0)
			return match_error(rc, err);
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m->data);
		if (v[0] == v[1] && f->had && v[1] == f->last) {
			size_t i = f->at;
			if (i < text.n)
				fox_utf8_next(text, &i);
			else
				i++;
			f->at = i;
			continue;
		}
		f->from = v[0];
		f->to = v[1];
		f->at = f->last = v[1];
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

enum fox_status tok_split(const struct tok_regex *re, struct tok_matcher *m, enum fox_split_behavior behavior,
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
