/* tok_split.h - inside the tokenizer: its regular expressions, and cutting text by them.
 *
 * Texts are well-formed UTF-8, NULs included.  spec/tokenizer.md 14 */
#ifndef FOX_TOK_SPLIT_H
#define FOX_TOK_SPLIT_H

#include "format/base/regex.h"
#include "format/tokspec.h"

/* Rust's regex \w+|[^\w\s]+ (the pre-tokenizer Whitespace), and what the predicates of the others accept. */
enum tok_charset { TOK_CS_WHITESPACE_WORDS, TOK_CS_SPACE, TOK_CS_NUMERIC, TOK_CS_PUNCTUATION };

/*
 * tok_regex_open - compile an expression: Oniguruma's syntax, or literal text
 *
 * errors  FOX_E_UNSUPPORTED: a construct that is not handled (tok_onig.h), or one that PCRE2 refuses, named;
 *         FOX_E_NOMEM
 */
enum fox_status tok_regex_open(
    struct fox_regex **out, const struct fox_tokpat *pattern, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status tok_regex_open_set(
    struct fox_regex **out, enum tok_charset set, struct fox_err *err) FOX_MUST_CHECK;

/* Where a search of a text stands. Zero-initialise; like onig's find_iter, an empty match right behind the last match
 * does not count. */
struct tok_find {
	size_t at, last; /* next byte to look at; end of the last match */
	bool had, over;
	size_t from, to; /* the match found */
};

/*
 * tok_regex_next - the next match of re in text, or f->over
 *
 * errors  FOX_E_UNSUPPORTED: a limit of PCRE2 on steps or memory was reached, so that the text cannot be cut as it
 *         should; never a silent split. FOX_E_NOMEM
 */
enum fox_status tok_regex_next(const struct fox_regex *re, struct fox_matcher *m, struct fox_str text,
    struct tok_find *f, struct fox_err *err) FOX_MUST_CHECK;

/* What a piece is handed to. `at` is its offset in the text that was cut. */
typedef enum fox_status (*tok_piece_fn)(void *ctx, struct fox_str piece, size_t at, struct fox_err *err);

/*
 * tok_split - cut text at the matches of re, and hand over every piece that is not empty, in order
 *
 * As tokenizers' NormalizedString::split: invert swaps matches and what lies between them. An error of fn ends it.
 * errors  those of tok_regex_next and of fn
 */
enum fox_status tok_split(const struct fox_regex *re, struct fox_matcher *m, enum fox_split_behavior behavior,
    bool invert, struct fox_str text, tok_piece_fn fn, void *ctx, struct fox_err *err) FOX_MUST_CHECK;

#endif
