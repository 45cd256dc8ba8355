/* archive.h - walking a tar or zip archive of a stranger, member by member, from front to back; nothing is unpacked to disk.
 *
 * Read are tar (ustar, pax, GNU) as it is or in gzip, zstd or xz, and zip (stored, deflated); which of them a file is, its
 * bytes say. Members are regular files and folders: links, devices, FIFOs, sockets, sparse files and encrypted members are
 * refused by name, and so are names that fox_name_check refuses, names that repeat or differ in case alone (ASCII), a file
 * that is also a folder, archives in which a size says otherwise than the places of members, and what exceeds the limits
 * below. The checksums of gzip, zstd, xz and zip are checked.
 * source: POSIX.1-2017 pax, PKWARE APPNOTE 6.3.10, RFC 1952, RFC 8878, xz file format 1.2   spec/sources.md 6 */
#ifndef FOX_ARCHIVE_H
#define FOX_ARCHIVE_H

#include "format/base/io.h"
#include "format/base/str.h"

#define FOX_ARCHIVE_MAX_ENTRIES 100000u
#define FOX_ARCHIVE_MAX_DEPTH 32u          /* components of a name */
#define FOX_ARCHIVE_MAX_NAMES (16u << 20)  /* bytes of all names together */
#define FOX_ARCHIVE_MAX_BYTES (1ull << 44) /* of all members */
#define FOX_ARCHIVE_MAX_RATIO 1000u /* bytes that come out of one, beyond the first FOX_ARCHIVE_FREE_BYTES */
#define FOX_ARCHIVE_FREE_BYTES (64ull << 20)
#define FOX_ARCHIVE_MAX_WINDOW                                                                               \
	(64ull << 20) /* that xz or zstd looks back over, as the first block or frame says */

enum fox_archive_kind {
	FOX_ARCHIVE_NONE, /* no archive that is read */
	FOX_ARCHIVE_TAR,
	FOX_ARCHIVE_GZIP,
	FOX_ARCHIVE_ZSTD,
	FOX_ARCHIVE_XZ,
	FOX_ARCHIVE_ZIP,
};

/* What the first bytes of f say. FOX_E_IO. A compressed file may yet hold something else than a tar archive. */
enum fox_status fox_archive_sniff(
    const struct fox_file *f, enum fox_archive_kind *kind, struct fox_err *err) FOX_MUST_CHECK;

struct fox_archive; /* opaque; one thread at a time */

struct fox_archive_entry {
	struct fox_str
	    name; /* as fox_name_check wants it: "./" before and '/' behind are gone; lives until close; NUL-terminated */
	bool folder;
	uint64_t bytes; /* 0 for a folder */
	bool plain;     /* the bytes lie in the archive file as they are, at `at` */
	uint64_t at;
};

/*
 * fox_archive_open - open an archive at its first member
 *
 * errors  FOX_E_IO; FOX_E_UNSUPPORTED (no archive, compressed twice, a window above FOX_ARCHIVE_MAX_WINDOW); those of
 *         fox_zip_open, which reads the central directory of a zip file first; FOX_E_NOMEM. err->file is set, here and below.
 */
enum fox_status fox_archive_open(
    struct fox_archive **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_archive_close(struct fox_archive *a); /* NULL is fine */

enum fox_archive_kind fox_archive_kind_of(const struct fox_archive *a);
const struct fox_file *fox_archive_file(const struct fox_archive *a); /* open until close */

/*
 * fox_archive_next - go to the next member, over what is left of this one
 *
 * more    false at the end, when all that follows the last member was read and checked too; e is then left alone
 * errors  FOX_E_FORMAT, FOX_E_BOUND (limits), FOX_E_UNSUPPORTED (members that are neither files nor folders, sparse,
 *         encrypted), FOX_E_TRUNCATED, FOX_E_MISMATCH (checksums), FOX_E_CANCELLED, FOX_E_IO, FOX_E_NOMEM; the text names the member.
 *         After an error there is no going on.
 */
enum fox_status fox_archive_next(
    struct fox_archive *a, struct fox_archive_entry *e, bool *more, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_archive_read - the next n bytes of the member, or as many as are left
 *
 * got     less than n at the end alone. The CRC of a zip member is checked when its last byte is read.
 * errors  as above
 */
enum fox_status fox_archive_read(
    struct fox_archive *a, void *dst, size_t n, size_t *got, struct fox_err *err) FOX_MUST_CHECK;

#endif
