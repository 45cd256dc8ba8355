/* fuzz_regex.c - an expression, a NUL, a text: the text is cut as it is, or not at all with a reason. Of every way to
 * cut, the pieces come in order and are whole characters; together they are the text, and what Removed takes out
 * is what its inverse keeps. The expression is read as Oniguruma's, then as literal text, whose matches are looked
 * for once more by comparing bytes. */
#include <stdlib.h>

#include "format/base/str.h"
#include "runtime/tok_split.h"

#define LONGEST 128 /* bytes of text: what is cubic in it still ends soon */

struct pieces {
	struct fox_str text;
	size_t end, n; /* of the last piece; bytes in all of them */
	uint8_t in[LONGEST];
};

static enum fox_status take(void *ctx, struct fox_str piece, size_t at, struct fox_err *err)
{
	struct pieces *p = ctx;
	(void)err;
	if (!piece.n || at < p->end || piece.p != p->text.p + at || piece.n > p->text.n - at ||
	    fox_utf8_bad(piece) < piece.n)
		abort();
	p->end = at + piece.n;
	p->n += piece.n;
	memset(p->in + at, 1, piece.n);
	return FOX_OK;
}

static enum fox_status cut(struct pieces *p, const struct fox_regex *re, struct fox_matcher *m,
    enum fox_split_behavior behavior, bool invert, struct fox_str text)
{
	struct fox_err err = {0};
	*p = (struct pieces){.text = text};
	enum fox_status s = tok_split(re, m, behavior, invert, text, take, p, &err);
	if (s && (!err.code || !err.text[0]))
		abort();
	return s;
}

/* Where the pattern stands in the text, from left to right: exactly what its inverse leaves. */
static void check_literal(const struct pieces *kept, struct fox_str pattern, struct fox_str text)
{
	for (size_t i = 0; i < text.n;) {
		bool here = text.n - i >= pattern.n && !memcmp(text.p + i, pattern.p, pattern.n);
		for (size_t k = 0; k < (here ? pattern.n : 1); k++)
			if (kept->in[i++] != here)
				abort();
	}
}

static void run(struct fox_str pattern, struct fox_str text, bool regex)
{
	const struct fox_tokpat pat = {regex, pattern};
	struct fox_err err = {0};
	struct fox_regex *re = NULL;
	struct fox_matcher *m = fox_matcher_open();
	struct pieces p, rest;
	if (!m)
		abort();
	enum fox_status s = tok_regex_open(&re, &pat, &err);
	if (s && (re || !err.code || !err.text[0] || !regex))
		abort(); /* literal text is never refused */
	if (!s && !cut(&p, re, m, FOX_SPLIT_ISOLATED, false, text)) {
		for (int b = FOX_SPLIT_ISOLATED; b <= FOX_SPLIT_CONTIGUOUS; b++)
			for (int invert = 0; invert < 2; invert++)
				if (cut(&p, re, m, (enum fox_split_behavior)b, invert, text) || p.n != text.n)
					abort();
		if (cut(&p, re, m, FOX_SPLIT_REMOVED, false, text) ||
		    cut(&rest, re, m, FOX_SPLIT_REMOVED, true, text))
			abort();
		for (size_t i = 0; i < text.n; i++)
			if (p.in[i] == rest.in[i])
				abort();
		if (!regex)
			check_literal(&rest, pattern, text);
	}
	fox_regex_close(re);
	fox_matcher_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct fox_str pattern = {(const char *)data, n}, text = {(const char *)data + n, size - n};
	if (nul)
		text.p++, text.n--;
	text.n = text.n < LONGEST ? text.n : LONGEST;
	text.n = fox_utf8_bad(text); /* texts and patterns are well-formed where they come from */
	if (!n)
		return 0;
	run(pattern, text, true);
	if (fox_utf8_bad(pattern) == n)
		run(pattern, text, false);
	return 0;
}
