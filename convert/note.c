/* note.c - formatting of notes. */
#include "convert/note.h"

#include <stdarg.h>
#include <stdio.h>

void fox_note(fox_note_fn *note, void *ctx, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (!note)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	note(ctx, line);
}
