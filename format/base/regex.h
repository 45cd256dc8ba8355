/* regex.h - regular expressions: the only user of PCRE2.
 *
 * Expressions and texts are well-formed UTF-8, NULs included. Compiled by the JIT where the system allows it; without
 * it matching is slower and finds the same. */
#ifndef FOX_REGEX_H
#define FOX_REGEX_H

#include "format/base/str.h"

enum {
	FOX_REGEX_LITERAL = 1,   /* the text itself, no expression */
	FOX_REGEX_MULTILINE = 2, /* ^ and $ match at newlines (LF) */
	FOX_REGEX_ECMA =
	    4 /* the readings of ECMAScript: \uHHHH, [^], $ at the very end only, unset groups match "" */
};

struct fox_regex;   /* compiled; immutable, shareable between threads */
struct fox_matcher; /* one thread's working memory for matching, with any expression */

/*
 * fox_regex_open - compile an expression
 *
 * flags   FOX_REGEX_*
 * errors  FOX_E_UNSUPPORTED: PCRE2 refuses it, with its reason ("regex: missing closing parenthesis");
 *         FOX_E_NOMEM
 */
enum fox_status fox_regex_open(
    struct fox_regex **out, struct fox_str text, uint32_t flags, struct fox_err *err) FOX_MUST_CHECK;
void fox_regex_close(struct fox_regex *re); /* NULL is fine */

/* "PCRE2: 10.42 ..." for --version. */
const char *fox_regex_version(void);

struct fox_matcher *fox_matcher_open(void); /* NULL: out of memory */
void fox_matcher_close(struct fox_matcher *m);

/*
 * fox_regex_find - the first match at or behind byte `at` of text
 *
 * found   false: none; from and to are then unchanged
 * errors  FOX_E_UNSUPPORTED: a limit of PCRE2 on steps or memory was reached, so that nothing is known; the steps
 *         allowed grow with the text, what is exponential still ends. FOX_E_NOMEM
 */
enum fox_status fox_regex_find(const struct fox_regex *re, struct fox_matcher *m, struct fox_str text,
    size_t at, bool *found, size_t *from, size_t *to, struct fox_err *err) FOX_MUST_CHECK;

#endif
