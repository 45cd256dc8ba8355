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

#define FOX_SUMS_FILE "SHA256SUMS" /* what such a text is called by custom */

/* Where such a text is beside the file at `path`: "a/b" gives "a/SHA256SUMS", "b" gives "SHA256SUMS". Clears out first. */
void fox_sums_beside(struct fox_buf *out, const char *path);

/* The folder of a path, for messages and to join with: "a/b" gives "a", "b" gives ".", "/b" gives "/". Clears out first. */
void fox_sums_folder(struct fox_buf *out, const char *path);

/*
 * fox_sums_name - the name by which a SHA256SUMS in `folder` lists the file at `path`
 *
 * Links among the folders on the way are followed, so that both are compared by where they are; a file that is a link itself keeps
 * its own name. out is cleared first.
 * errors  FOX_E_ARG: the file lies neither in the folder nor below it; FOX_E_FORMAT: fox_name_check refuses the name; FOX_E_IO;
 *         FOX_E_NOMEM
 */
enum fox_status fox_sums_name(
    struct fox_buf *out, const char *folder, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/* SHA-256 of a whole file, in pieces. FOX_E_IO, FOX_E_TRUNCATED, FOX_E_CANCELLED, FOX_E_NOMEM */
struct fox_file;
enum fox_status fox_sums_file(
    struct fox_sha256 *out, const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;

#endif
