/* zip_write.h - .zip files whose members are stored, each in one run of bytes that can be mapped and read in place.
 *
 * libarchive writes the CRC behind the data, which readers of a stream refuse for stored members, and cannot align it. Here
 * the header in front is whole. source: PKWARE APPNOTE 6.3.10 sections 4.3 and 4.5.3; the extra field 0xD935 for alignment is
 * that of Android's zipalign and apksigner */
#ifndef FOX_ZIP_WRITE_H
#define FOX_ZIP_WRITE_H

#include "format/base/io.h"
#include "format/base/str.h"

struct fox_zip_writer;

/* out: written from its first byte on, stays the caller's. mtime: seconds since 1970. FOX_E_NOMEM */
enum fox_status fox_zip_writer_open(
    struct fox_zip_writer **z, struct fox_out *out, uint64_t mtime, struct fox_err *err) FOX_MUST_CHECK;
void fox_zip_writer_close(struct fox_zip_writer *z); /* NULL is fine */

/* A member of so many bytes, which begin at a multiple of align (1, or a power of two up to 32768): its header, then exactly
 * that many bytes in any number of calls, then end. FOX_E_IO, FOX_E_NOMEM, FOX_E_BOUND: a name over 65,535 bytes */
enum fox_status fox_zip_writer_begin(struct fox_zip_writer *z, struct fox_str name, uint64_t bytes,
    uint32_t align, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_zip_writer_data(
    struct fox_zip_writer *z, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_zip_writer_end(struct fox_zip_writer *z, struct fox_err *err) FOX_MUST_CHECK;

/* The central directory. *bytes: of the whole file. */
enum fox_status fox_zip_writer_finish(
    struct fox_zip_writer *z, uint64_t *bytes, struct fox_err *err) FOX_MUST_CHECK;

#endif
