/* stream.h - text that arrives in pieces, made fit to print: whole UTF-8 characters, and nothing a terminal
 * would obey. */
#ifndef FOX_STREAM_H
#define FOX_STREAM_H

#include "format/base/str.h"

/* Zero-initialise; set escape when the text goes to a terminal. */
struct fox_stream {
	bool escape; /* controls other than \n and \t, bidirectional overrides and ill-formed bytes are shown, not
	                sent */
	char held[4];
	size_t n_held; /* bytes of a character that is not whole yet */
};

/* Append to out what of `bytes` (after what was held) is ready; an unfinished character at the end is held.
 */
void fox_stream_add(struct fox_stream *s, struct fox_buf *out, struct fox_str bytes);

/* Append what is still held: the text ended within a character. */
void fox_stream_end(struct fox_stream *s, struct fox_buf *out);

#endif
