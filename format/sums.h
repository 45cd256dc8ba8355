/* sums.h - SHA256SUMS: which file has which SHA-256, in the text that sha256sum writes and checks.
 *
 *   64 lower-case hex digits, two blanks (or a blank and '*'), the name, a line feed
 *
 * Names are held to fox_name_check, so that none needs the escapes that sha256sum has for backslashes and line feeds.
 * source: GNU coreutils, "sha2 utilities" */
#ifndef FOX_SUMS_H
#define FOX_SUMS_H

#include "format/base/arena.h"
#include "format/base/hash.h"
#include "format/base/str.h"

#define FOX_SUMS_MAX_BYTES (16u << 20) /* limits of ours */
#define FOX_SUMS_MAX_FILES 100000u

struct fox_sum {
	struct fox_str name; /* relative, '/'-separated, inside the folder: as fox_file_open_beneath wants it */
	struct fox_sha256 sha256;
};

struct fox_sums {
	struct fox_sum *list; /* in the order of the text */
	size_t n;
};

/*
 * fox_sums_parse - read such a text
 *
 * arena   names and list are its
 * errors  FOX_E_FORMAT, at the offset of the line: not such a line, a name twice, a name that leaves the folder; FOX_E_BOUND:
 *         a limit; FOX_E_NOMEM
 */
enum fox_status fox_sums_parse(
    struct fox_sums *out, struct fox_str text, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* Append one line. out may be out of memory afterwards: fox_buf says so. */
void fox_sums_put(struct fox_buf *out, struct fox_str name, const struct fox_sha256 *sha256);

/* SHA-256 of a whole file, in pieces. FOX_E_IO, FOX_E_TRUNCATED, FOX_E_CANCELLED, FOX_E_NOMEM */
struct fox_file;
enum fox_status fox_sums_file(
    struct fox_sha256 *out, const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;

#endif
