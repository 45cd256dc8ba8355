/* archive_names.h - the names of an archive's members: each once, within limits, and none both a file and a folder.
 * Internal to format/archive.c. */
#ifndef FOX_ARCHIVE_NAMES_H
#define FOX_ARCHIVE_NAMES_H

#include "format/base/err.h"
#include "format/base/map.h"

/* Zero-initialise. */
struct fox_archive_names {
	struct fox_arena text, slots;
	struct fox_map by_folded; /* key: ASCII letters in lower case; value: index into list */
	struct fox_archive_name {
		struct fox_str exact, folded;
		enum {
			FOX_NAME_IMPLIED,
			FOX_NAME_FOLDER,
			FOX_NAME_FILE
		} what; /* implied: a folder, by a name beneath it */
	} * list;
	size_t n, cap;
	uint64_t bytes;
	size_t entries;
};

/*
 * fox_archive_name_add - take a member's name in
 *
 * raw     as the archive has it
 * name    out: without "./" before and '/' behind, NUL-terminated, lives until free; empty: the folder "." itself
 * errors  FOX_E_FORMAT (fox_name_check, repeated, differing in case alone, a file that is a folder), FOX_E_BOUND (the limits
 *         in archive.h), FOX_E_NOMEM
 */
enum fox_status fox_archive_name_add(struct fox_archive_names *names, struct fox_str raw, bool folder,
    struct fox_str *name, struct fox_err *err) FOX_MUST_CHECK;
void fox_archive_names_free(struct fox_archive_names *names);

#endif
