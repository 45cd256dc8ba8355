/* note.h - lines that a person should know, handed to whoever prints them. */
#ifndef FOX_NOTE_H
#define FOX_NOTE_H

#include "format/base/fox.h"

typedef void fox_note_fn(void *ctx, const char *line);

/* Format a line of at most 1023 bytes and hand it over; note may be NULL. */
void fox_note(fox_note_fn *note, void *ctx, const char *fmt, ...) FOX_PRINTF(3, 4);

#endif
