/* tok_onig.h - inside the tokenizer: an expression written for Oniguruma, as PCRE2 has to be given it. */
#ifndef FOX_TOK_ONIG_H
#define FOX_TOK_ONIG_H

#include "format/base/str.h"

/* Unicode White_Space: what Oniguruma's \s and Rust's char::is_whitespace mean. PCRE2's \s has U+180E besides. */
#define TOK_SPACE                                                                                            \
	"\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"     \
	"3000}"
/* Oniguruma's \w. PCRE2 10.42's lacks marks and has numbers that are no digits. */
#define TOK_WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"

/*
 * tok_onig_translate - append the same expression in PCRE2's syntax, for PCRE2_UTF | PCRE2_MULTILINE
 *
 * Oniguruma as tokenizers compiles it: Ruby's syntax, UTF-8. Groups become ones that capture nothing, since what
 * would look at captures is refused. What the two libraries read alike stays as it is; what they do not is
 * written out (\s \w \d \h \b \v, scripts, sets in sets and their intersections, (?m) for dots, {,n}).
 *
 * errors  FOX_E_UNSUPPORTED: a construct that is neither, by name, with its byte offset in the message;
 *         FOX_E_NOMEM
 * source  oniguruma 6.9.10 doc/RE, doc/SYNTAX.md; pcre2pattern(3) of 10.42
 */
enum fox_status tok_onig_translate(
    struct fox_buf *out, struct fox_str pattern, struct fox_err *err) FOX_MUST_CHECK;

#endif
