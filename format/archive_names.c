/* archive_names.c - a set of names and of the folders that they imply. */
#include "format/archive_names.h"

#include <stdlib.h>

#include "format/archive.h"

/* Room for one name more: the map cannot grow, so a larger one takes its place. */
static bool grow(struct fox_archive_names *names)
{
	if (names->n < names->cap)
		return true;
	size_t cap = names->cap ? 2 * names->cap : 64;
	struct fox_archive_name *list = realloc(names->list, cap * sizeof *list);
	if (!list)
		return false;
	names->list = list;
	names->cap = cap;
	fox_arena_free(&names->slots);
	names->by_folded = (struct fox_map){0};
	if (!fox_map_init(&names->by_folded, &names->slots, cap))
		return false;
	for (size_t i = 0; i < names->n; i++)
		fox_map_put(&names->by_folded, list[i].folded, (uint32_t)i);
	return true;
}

static enum fox_status clash(
    const struct fox_archive_name *old, struct fox_str name, int what, struct fox_err *err)
{
	if (!fox_str_eq(old->exact, name))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "member '%.*s' differs from '%.*s' in case alone",
		    FOX_STR_ARG(name), FOX_STR_ARG(old->exact));
	if (old->what != FOX_NAME_FILE && what != FOX_NAME_FILE)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "folder '%.*s' repeats", FOX_STR_ARG(name));
	if (old->what == FOX_NAME_FILE && what == FOX_NAME_FILE)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "member '%.*s' repeats", FOX_STR_ARG(name));
	return fox_fail(
	    err, FOX_E_FORMAT, FOX_NOWHERE, "member '%.*s' is a file and a folder", FOX_STR_ARG(name));
}

static enum fox_status put(struct fox_archive_names *names, struct fox_str exact, struct fox_str folded,
    int what, struct fox_err *err)
{
	if (!grow(names))
		return fox_fail_nomem(err);
	uint32_t i = fox_map_put(&names->by_folded, folded, (uint32_t)names->n);
	if (i == FOX_MAP_NONE) {
		names->list[names->n++] = (struct fox_archive_name){exact, folded, what};
		return FOX_OK;
	}
	struct fox_archive_name *old = &names->list[i];
	bool same = fox_str_eq(old->exact, exact);
	if (same && what == FOX_NAME_IMPLIED && old->what != FOX_NAME_FILE)
		return FOX_OK;
	if (same && what == FOX_NAME_FOLDER && old->what == FOX_NAME_IMPLIED) {
		old->what = FOX_NAME_FOLDER;
		return FOX_OK;
	}
	return clash(old, exact, what, err);
}

/* What tar writes for members of ".", and at the end of a folder's name. */
static struct fox_str stripped(struct fox_str raw, bool folder)
{
	while (fox_str_starts(raw, "./"))
		raw.p += 2, raw.n -= 2;
	if (folder && raw.n && raw.p[raw.n - 1] == '/')
		raw.n--;
	if (folder && fox_str_is(raw, "."))
		raw.n = 0;
	return raw;
}

static enum fox_status check_limits(
    struct fox_archive_names *names, struct fox_str name, size_t depth, struct fox_err *err)
{
	if (depth > FOX_ARCHIVE_MAX_DEPTH)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "member '%.*s' lies %zu folders deep, more than %u",
		    FOX_STR_ARG(name), depth - 1, FOX_ARCHIVE_MAX_DEPTH - 1);
	names->bytes += name.n;
	if (names->bytes > FOX_ARCHIVE_MAX_NAMES)
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "names of members take more than %u bytes", FOX_ARCHIVE_MAX_NAMES);
	return FOX_OK;
}

enum fox_status fox_archive_name_add(struct fox_archive_names *names, struct fox_str raw, bool folder,
    struct fox_str *name, struct fox_err *err)
{
	struct fox_str s = stripped(raw, folder);
	size_t depth = 1;
	if (names->entries++ == FOX_ARCHIVE_MAX_ENTRIES)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "more than %u members", FOX_ARCHIVE_MAX_ENTRIES);
	*name = (struct fox_str){"", 0};
	if (folder && !s.n && raw.n && raw.p[0] == '.')
		return FOX_OK;
	enum fox_status st = fox_name_check(s, err);
	if (st)
		return st;
	for (size_t i = 0; i < s.n; i++)
		depth += s.p[i] == '/';
	if ((st = check_limits(names, s, depth, err)))
		return st;
	char *exact = fox_arena_strdup(&names->text, s), *folded = fox_arena_strdup(&names->text, s);
	if (!exact || !folded)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < s.n; i++)
		if (folded[i] >= 'A' && folded[i] <= 'Z')
			folded[i] = (char)(folded[i] - 'A' + 'a');
	for (size_t i = 0; i < s.n && !st; i++)
		if (s.p[i] == '/')
			st = put(names, (struct fox_str){exact, i}, (struct fox_str){folded, i}, FOX_NAME_IMPLIED, err);
	*name = (struct fox_str){exact, s.n};
	return st ? st
	          : put(names, *name, (struct fox_str){folded, s.n}, folder ? FOX_NAME_FOLDER : FOX_NAME_FILE,
	                err);
}

void fox_archive_names_free(struct fox_archive_names *names)
{
	fox_arena_free(&names->text);
	fox_arena_free(&names->slots);
	free(names->list);
	*names = (struct fox_archive_names){0};
}
