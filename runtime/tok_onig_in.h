/* tok_onig_in.h - inside tok_onig: where a translation stands, and what both of its files read. */
#ifndef FOX_TOK_ONIG_IN_H
#define FOX_TOK_ONIG_IN_H

#include "runtime/tok_onig.h"

#define ONIG_HEX "0-9A-Fa-f"
#define ONIG_MAX_DEPTH 32 /* of groups, and of sets in sets */

struct onig {
	struct fox_str s;
	size_t i; /* next byte to read */
	bool icase;
	int depth;
	struct fox_err *err; /* never NULL */
};

/* FOX_E_UNSUPPORTED: what stands at byte `at`. */
enum fox_status onig_refuse(struct onig *o, size_t at, const char *what) FOX_MUST_CHECK;

/* The byte so far ahead, or -1 past the end. */
int onig_peek(const struct onig *o, size_t ahead);

/* Step over the word if it is what comes next. */
bool onig_eats(struct onig *o, const char *word);

bool onig_is_letter(int c); /* ASCII */
bool onig_is_digit(int c);

/* A code point, so that PCRE2 takes it for itself wherever it stands. */
void onig_put_code(struct fox_buf *out, uint32_t code);

/* After a backslash: a character by its code or letter, or (is_char false, nothing is read) something else. */
enum fox_status onig_escaped_char(struct onig *o, uint32_t *code, bool *is_char) FOX_MUST_CHECK;

/* After \p or \P. */
enum fox_status onig_property(struct onig *o, struct fox_buf *out, bool negative) FOX_MUST_CHECK;

/* After a [ : the whole set, written as something that matches one character. */
enum fox_status onig_set(struct onig *o, struct fox_buf *out) FOX_MUST_CHECK;

#endif
