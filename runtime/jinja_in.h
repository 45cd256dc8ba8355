/* jinja_in.h - the parser's state and the words it reads. Private to jinja_word.c (words and expressions) and jinja_parse.c
 * (text and tags). */
#ifndef FOX_JINJA_IN_H
#define FOX_JINJA_IN_H

#include "runtime/jinja_tree.h"

struct fox_jparser {
	struct fox_jinja *j;
	const char *p; /* the template */
	size_t n, at;
	uint32_t depth;
	bool trim_left;  /* the tag before ended in '-': blanks and newlines go */
	bool line_start; /* what comes next stands at the start of a line, as far as the tag before it says */
	struct fox_err *err;
	enum fox_status status;
};

/* Record the first failure: what is wrong, and the byte. Returns NULL. */
void *fox_jp_fail(struct fox_jparser *q, enum fox_status code, size_t at, const char *what);
struct fox_jnode *fox_jp_make(
    struct fox_jparser *q, enum fox_jnode_kind kind, size_t at); /* NULL: no memory */
bool fox_jp_enter(struct fox_jparser *q); /* one level deeper; the caller counts depth down again */

/* Blanks; the text that stands here; a text or a whole word, stepped over when it is there (take) or must be (want). */
bool fox_jp_blank(char c);
void fox_jp_skip(struct fox_jparser *q);
bool fox_jp_starts(const struct fox_jparser *q, const char *s);
struct fox_str fox_jp_peek_word(struct fox_jparser *q);
bool fox_jp_take(struct fox_jparser *q, const char *s);
bool fox_jp_take_word(struct fox_jparser *q, const char *word);
struct fox_str fox_jp_want_name(struct fox_jparser *q);
bool fox_jp_want(struct fox_jparser *q, const char *s);

/* A whole expression; one without if-else outside parentheses; what may follow the value n. NULL: a failure. */
struct fox_jnode *fox_jp_expression(struct fox_jparser *q);
struct fox_jnode *fox_jp_logic(struct fox_jparser *q, bool or);
struct fox_jnode *fox_jp_postfix(struct fox_jparser *q, struct fox_jnode *n);

#endif
