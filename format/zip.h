/* zip.h - reading members of a zip file: stored or deflated, sizes and places checked before anything is
 * believed.
 *
 * Made for .npz and .pt files from strangers. Refuses: encryption, other methods, repeated names, members
 * that overlap each other or the central directory, local headers that contradict it, several disks, more
 * than FOX_ZIP_MAX_MEMBERS. Zip64 is read.  source: PKWARE APPNOTE 6.3.10 sections 4.3 and 4.5.3 */
#ifndef FOX_ZIP_H
#define FOX_ZIP_H

#include "format/base/io.h"
#include "format/base/str.h"

#define FOX_ZIP_MAX_MEMBERS 100000u

struct fox_zip; /* borrows the file, which must stay open */

struct fox_zip_member {
	struct fox_str name;
	uint64_t bytes;  /* unpacked */
	uint64_t packed; /* in the file */
	uint64_t head;   /* offset of its local header */
	uint64_t at;     /* offset of the packed bytes */
	bool deflated;
	uint32_t crc; /* CRC-32 of the unpacked bytes */
};

/* errors FOX_E_FORMAT, FOX_E_BOUND, FOX_E_TRUNCATED (no end record), FOX_E_UNSUPPORTED (named), FOX_E_IO,
 * FOX_E_NOMEM */
enum fox_status fox_zip_open(
    struct fox_zip **out, const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;
void fox_zip_close(struct fox_zip *z); /* NULL is fine */

size_t fox_zip_members(const struct fox_zip *z);
const struct fox_zip_member *fox_zip_member(const struct fox_zip *z, size_t i);          /* i < members */
const struct fox_zip_member *fox_zip_find(const struct fox_zip *z, struct fox_str name); /* NULL: absent */

/* Unpack a whole member into dst[m->bytes] and check its CRC. FOX_E_FORMAT (bad stream, other size),
 * FOX_E_MISMATCH (CRC). */
enum fox_status fox_zip_read(
    const struct fox_zip *z, const struct fox_zip_member *m, void *dst, struct fox_err *err) FOX_MUST_CHECK;

/* CRC-32 of zip and gzip, continued: 0 begins one. */
uint32_t fox_zip_crc32(uint32_t crc, const void *p, size_t n);

#endif
