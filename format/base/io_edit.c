/* io_edit.c - files that are changed where they stand. What makes that safe, a journal, is the caller's: head_journal.h. */
#include "format/base/io_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One name, one regular file, one writer. */
static enum fox_status check(struct fox_inplace *f, struct fox_err *err)
{
	struct stat st, named;
	if (fstat(f->fd, &st))
		return fox_fail_errno(err, errno, "cannot stat '%s'", f->path);
	if (!S_ISREG(st.st_mode))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is not a regular file", f->path);
	if (st.st_nlink > 1)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "'%s' has %lu hard links, and all would change: write a new file with -o", f->path,
		    (unsigned long)st.st_nlink);
	f->mode = st.st_mode & 07777;
	if (flock(f->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is locked by another process", f->path);
	/* another writer may have put a new file in its place since it was opened: then this one has no name to change */
	if (lstat(f->path, &named) || named.st_dev != st.st_dev || named.st_ino != st.st_ino)
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "'%s' was replaced by another file just now", f->path);
	return FOX_OK;
}

enum fox_status fox_inplace_open(struct fox_inplace *f, const char *path, struct fox_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t dir_n = slash ? (size_t)(slash - path) + (slash == path) : 0;
	char *dir = dir_n ? strndup(path, dir_n) : strdup(".");
	enum fox_status s = FOX_OK;
	*f = (struct fox_inplace){.fd = -1, .dir = -1, .open = true, .path = strdup(path)};
	if (!dir || !f->path)
		s = fox_fail_nomem(err);
	if (!s) {
		f->fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (f->fd < 0 && errno == ELOOP)
			s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "'%s' is a symbolic link: name the file itself, or write a new one with -o", path);
		else if (f->fd < 0)
			s = fox_fail_errno(err, errno, "cannot open '%s' for writing", path);
	}
	if (!s && (f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		s = fox_fail_errno(err, errno, "cannot open folder '%s'", dir);
	if (!s)
		s = check(f, err);
	free(dir);
	if (s)
		fox_inplace_close(f);
	return s;
}

enum fox_status fox_inplace_write(
    struct fox_inplace *f, uint64_t at, const void *src, size_t n, struct fox_err *err)
{
	const uint8_t *p = src;
	while (n) {
		ssize_t put = pwrite(f->fd, p, n, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fox_fail_errno(err, put ? errno : EIO, "cannot write '%s'", f->path);
		p += put, at += (uint64_t)put, n -= (size_t)put;
	}
	return fox_inplace_sync(f, err);
}

enum fox_status fox_inplace_sync(struct fox_inplace *f, struct fox_err *err)
{
	return fsync(f->fd) ? fox_fail_errno(err, errno, "cannot flush '%s' to disk", f->path) : FOX_OK;
}

enum fox_status fox_inplace_unlink(struct fox_inplace *f, const char *path, struct fox_err *err)
{
	const char *slash = strrchr(path, '/');
	if (unlinkat(f->dir, slash ? slash + 1 : path, 0))
		return fox_fail_errno(err, errno, "cannot remove '%s'", path);
	if (fsync(f->dir) && errno != EINVAL)
		return fox_fail_errno(err, errno, "'%s' is removed, but its folder cannot be flushed", path);
	return FOX_OK;
}

void fox_inplace_close(struct fox_inplace *f)
{
	if (!f->open)
		return;
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	free(f->path);
	*f = (struct fox_inplace){0};
}
