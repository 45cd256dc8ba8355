/* finding.c - the list of what checks found. */
#include "format/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/str.h"

static struct fox_finding *next_slot(struct fox_findings *f)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		struct fox_finding *list = realloc(f->list, cap * sizeof *list);
		if (!list)
			return NULL;
		f->list = list;
		f->cap = cap;
	}
	return &f->list[f->n];
}

void fox_find_add(
    struct fox_findings *f, enum fox_grade grade, const char *check, const char *where, const char *fmt, ...)
{
	if (grade == FOX_FAIL)
		f->n_fail++; /* counted even when there is no memory to say more: a failure must not get lost */
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	struct fox_finding *slot = len < 0 ? NULL : next_slot(f);
	char *text = slot ? fox_arena_alloc(&f->arena, (size_t)len + 1, 1) : NULL;
	char *copy = text ? fox_arena_strdup(&f->arena, fox_str_of(where)) : NULL;
	if (copy) {
		vsnprintf(text, (size_t)len + 1, fmt, again);
		*slot = (struct fox_finding){grade, check, copy, text};
		f->n++;
	} else {
		f->failed = true;
	}
	va_end(again);
	va_end(ap);
}

void fox_findings_free(struct fox_findings *f)
{
	free(f->list);
	fox_arena_free(&f->arena);
	*f = (struct fox_findings){0};
}
