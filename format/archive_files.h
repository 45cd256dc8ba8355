/* archive_files.h - the files of an archive, read as if they lay in a folder, and never unpacked to disk.
 *
 * Members whose bytes lie in the archive as they are (plain tar, stored zip) are read where they lie, in any order and by many
 * threads. Others come out of a stream: small ones and the headers of safetensors files are kept from the one pass that
 * opening takes; what lies up to FOX_ARCHIVE_WINDOW behind the last byte read is at hand; any other step back reads the
 * archive from its front again, which FOX_ARCHIVE_MAX_PASSES bounds.  spec/sources.md 6 */
#ifndef FOX_ARCHIVE_FILES_H
#define FOX_ARCHIVE_FILES_H

#include "format/archive.h"

#define FOX_ARCHIVE_WINDOW (64u << 20)   /* bytes behind the place of reading that are still there */
#define FOX_ARCHIVE_MAX_KEPT (48u << 20) /* bytes of all that is kept */
#define FOX_ARCHIVE_MAX_PASSES 16u       /* beside that of opening */

/* For tests: the two sizes in force. */
extern uint32_t fox_archive_window, fox_archive_most_kept;

struct fox_archive_files; /* opaque */

struct fox_archive_member {
	struct fox_str name; /* beneath the checkpoint's folder */
	uint64_t bytes;
	bool plain;  /* lies in the archive as it is */
	uint64_t at; /* there; else in the stream of all files one behind the other */
	const uint8_t *kept;
	size_t n_kept; /* bytes from its front that need no reading */
};

/*
 * fox_archive_files_open - list the files of an archive, having read all of it but plain members of a tar
 *
 * The checkpoint lies in the archive's root or, when no file lies there, in the one folder that holds all files; those beneath
 * other folders count by their longer names.
 *
 * errors  those of fox_archive_open, fox_archive_next and fox_archive_read; FOX_E_FORMAT: no file, or several folders and no
 *         file beside them
 */
enum fox_status fox_archive_files_open(
    struct fox_archive_files **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_archive_files_close(
    struct fox_archive_files *a); /* NULL is fine; files made of it are closed before */

size_t fox_archive_files_count(const struct fox_archive_files *a);
const struct fox_archive_member *fox_archive_files_member(
    const struct fox_archive_files *a, size_t i); /* in the order of the archive */
const struct fox_archive_member *fox_archive_files_find(
    const struct fox_archive_files *a, struct fox_str name); /* NULL: absent */

/*
 * fox_archive_files_part - a member as a file (zeroed); its path is the archive's, a slash, and its name
 *
 * Reading it may fail as fox_archive_next and fox_archive_read do; FOX_E_UNSUPPORTED: more passes than
 * FOX_ARCHIVE_MAX_PASSES. Files with via of one archive are read by one thread at a time.
 * errors  FOX_E_IO, FOX_E_NOMEM
 */
enum fox_status fox_archive_files_part(struct fox_archive_files *a, const struct fox_archive_member *m,
    struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;

#endif
