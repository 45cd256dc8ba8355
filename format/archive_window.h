/* archive_window.h - what a decoder of xz or zstd would take: libarchive puts no bound of ours to it.
 * Internal to format/archive.c. */
#ifndef FOX_ARCHIVE_WINDOW_H
#define FOX_ARCHIVE_WINDOW_H

#include "format/base/io.h"

/* FOX_E_UNSUPPORTED when the first block or frame of f looks back over more than FOX_ARCHIVE_MAX_WINDOW; later ones are not
 * looked at: zstd's may then take 128 MiB. Other files pass. FOX_E_IO. */
enum fox_status fox_archive_check_window(const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;

#endif
