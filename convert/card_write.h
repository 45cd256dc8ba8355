/* card_write.h - the README.md of a package: a model card made from what the container says, and from nothing else. */
#ifndef FOX_CARD_WRITE_H
#define FOX_CARD_WRITE_H

#include "convert/payload.h"

/*
 * fox_card_write - append the card of a payload whose files are open
 *
 * Texts out of the container are escaped: none can end a table, open a tag or a link, or steer a terminal.
 * how_to_check   lines of Markdown that end it
 * out            may be out of memory afterwards: fox_buf says so
 */
void fox_card_write(struct fox_buf *out, const struct fox_payload *p, const char *how_to_check);

/* Append text so that Markdown shows it and obeys none of it. At most max_bytes of s; a cut is shown by "...". */
void fox_card_text(struct fox_buf *out, struct fox_str s, size_t max_bytes);

#endif
