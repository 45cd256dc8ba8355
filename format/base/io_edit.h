/* io_edit.h - a file that is changed where it stands, by one process at a time. */
#ifndef FOX_IO_EDIT_H
#define FOX_IO_EDIT_H

#include "format/base/io.h"

/* An open file to be changed in place. Zero-initialise; close is fine on a zeroed one. */
struct fox_inplace {
	int fd, dir; /* the file, and the folder it is in; valid while open */
	bool open;
	uint32_t mode; /* permission bits, to be given to what takes its place */
	char *path;
};

/*
 * fox_inplace_open - open for reading and writing, and hold an exclusive lock (flock) until close
 *
 * errors  FOX_E_ARG  a symbolic link, no regular file, several hard links (the other names would change as well), or locked
 *                    by another process; FOX_E_IO; FOX_E_NOMEM
 */
enum fox_status fox_inplace_open(struct fox_inplace *f, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/* All n bytes at `at`, then to disk. FOX_E_IO: any of them may be written. */
enum fox_status fox_inplace_write(
    struct fox_inplace *f, uint64_t at, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_inplace_sync(struct fox_inplace *f, struct fox_err *err) FOX_MUST_CHECK;
/* Remove a file of the same folder, by the last component of its path, and have that on disk. FOX_E_IO. */
enum fox_status fox_inplace_unlink(
    struct fox_inplace *f, const char *path, struct fox_err *err) FOX_MUST_CHECK;
void fox_inplace_close(struct fox_inplace *f);

#endif
