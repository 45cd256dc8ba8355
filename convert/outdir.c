/* outdir.c - the folder is private until it is renamed, so what is found in it is what was put there. */
#include "convert/outdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_DEPTH = 64
}; /* of folders, when they are removed: fox_name_check allows 512 at most, archives fewer */

struct fox_outdir {
	int parent, dir;
	bool made; /* the temporary folder is there */
	char *path, *base, *temp, *temp_path;
};

/* Remove name in dir with all that is in it; never through a link. */
static void remove_tree(int dir, const char *name, int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	for (int round = 0; d && depth < MAX_DEPTH && round < 3; round++) {
		for (struct dirent *e; (e = readdir(d));) {
			if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
				continue;
			if (unlinkat(fd, e->d_name, 0) && (errno == EISDIR || errno == EPERM))
				remove_tree(fd, e->d_name, depth + 1);
		}
		if (!unlinkat(dir, name, AT_REMOVEDIR) || errno != ENOTEMPTY)
			break;
		rewinddir(d); /* some file systems pass over entries while others go */
	}
	if (d)
		closedir(d);
}

static void release(struct fox_outdir *d)
{
	if (d->made)
		remove_tree(d->parent, d->temp, 0);
	if (d->dir >= 0)
		close(d->dir);
	if (d->parent >= 0)
		close(d->parent);
	free(d->path);
	free(d->base);
	free(d->temp);
	free(d->temp_path);
	free(d);
}

/* What killed runs left of this very output. What is locked is being filled. */
static void sweep(const struct fox_outdir *d)
{
	char stem[300];
	size_t n = (size_t)snprintf(stem, sizeof stem, ".%.200s.", d->base);
	int fd = openat(d->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t digits = strncmp(e->d_name, stem, n) ? 0 : strspn(e->d_name + n, "0123456789");
		if (!digits || strcmp(e->d_name + n + digits, ".part"))
			continue;
		int old = openat(d->parent, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (old >= 0 && !flock(old, LOCK_EX | LOCK_NB))
			remove_tree(d->parent, e->d_name, 0);
		if (old >= 0)
			close(old);
	}
	if (dir)
		closedir(dir);
}

/* path without slashes at its end, cut into the folder that it lies in and its last component. */
static enum fox_status split_path(struct fox_outdir *d, char **folder, const char *path, struct fox_err *err)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	d->path = strndup(path, n);
	if (!d->path)
		return fox_fail_nomem(err);
	char *slash = strrchr(d->path, '/');
	d->base = strdup(slash ? slash + 1 : d->path);
	*folder = slash ? strndup(d->path, (size_t)(slash - d->path) + (slash == d->path)) : strdup(".");
	if (!d->base || !*folder)
		return fox_fail_nomem(err);
	if (!d->base[0] || !strcmp(d->base, ".") || !strcmp(d->base, "..") || !strcmp(d->path, "-"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is no name for a new folder", path);
	return FOX_OK;
}

static enum fox_status make_temp(struct fox_outdir *d, const char *folder, struct fox_err *err)
{
	struct fox_buf name = {0}, full = {0};
	fox_buf_fmt(&name, ".%.200s.%ld.part", d->base, (long)getpid());
	fox_buf_fmt(&full, "%s/%s", folder, name.p ? name.p : "");
	d->temp = name.p; /* malloc'd, as ours are */
	d->temp_path = full.p;
	if (name.failed || full.failed)
		return fox_fail_nomem(err);
	sweep(d);
	if (mkdirat(d->parent, d->temp, 0700))
		return fox_fail_errno(err, errno, "cannot make a folder beside '%s'", d->path);
	d->made = true;
	d->dir = openat(d->parent, d->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->dir < 0)
		return fox_fail_errno(err, errno, "cannot open the folder made beside '%s'", d->path);
	(void)!flock(d->dir, LOCK_EX | LOCK_NB); /* where there are no locks, nothing is swept either */
	return FOX_OK;
}

enum fox_status fox_outdir_open(struct fox_outdir **out, const char *path, struct fox_err *err)
{
	struct stat st;
	char *folder = NULL;
	struct fox_outdir *d = calloc(1, sizeof *d);
	*out = NULL;
	if (!d)
		return fox_fail_nomem(err);
	d->parent = d->dir = -1;
	enum fox_status s = split_path(d, &folder, path, err);
	if (!s && (d->parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		s = fox_fail_errno(err, errno, "cannot open folder '%s'", folder);
	if (!s && !fstatat(d->parent, d->base, &st, AT_SYMLINK_NOFOLLOW))
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists already", d->path);
	else if (!s && errno != ENOENT) /* a name too long: now, and not when all is done */
		s = fox_fail_errno(err, errno, "cannot look for '%s'", d->path);
	if (!s)
		s = make_temp(d, folder, err);
	free(folder);
	if (s)
		release(d);
	else
		*out = d;
	return s;
}

const char *fox_outdir_path(const struct fox_outdir *d)
{
	return d->path;
}

const char *fox_outdir_temp(const struct fox_outdir *d)
{
	return d->temp_path;
}

/* The folder that holds name's last component, made where it is missing: a descriptor to close, or -1. */
static int folder_of(const struct fox_outdir *d, char *name, char **last)
{
	int at = dup(d->dir);
	*last = name;
	for (char *slash; at >= 0 && (slash = strchr(*last, '/')); *last = slash + 1) {
		*slash = 0;
		int next = mkdirat(at, *last, 0777) && errno != EEXIST
		               ? -1
		               : openat(at, *last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int e = errno;
		close(at);
		*slash = '/';
		errno = e;
		at = next;
	}
	return at;
}

/* An earlier failure than that of the last write; not where the file system cannot reserve. */
static enum fox_status reserve(const struct fox_outfile *f, uint64_t bytes, struct fox_err *err)
{
	int r;
	if (!bytes || bytes > INT64_MAX)
		return FOX_OK;
	do
		r = fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
	while (r && errno == EINTR);
	if (!r || errno == EOPNOTSUPP || errno == ENOSYS)
		return FOX_OK;
	return fox_fail_errno(
	    err, errno, "cannot reserve %llu bytes for '%s'", (unsigned long long)bytes, f->name);
}

enum fox_status fox_outdir_create(
    struct fox_outdir *d, struct fox_outfile *f, struct fox_str name, uint64_t bytes, struct fox_err *err)
{
	char *copy = NULL, *last;
	enum fox_status s = fox_name_check(name, err);
	*f = (struct fox_outfile){0};
	if (s)
		return s;
	if (!(copy = strndup(name.p, name.n)))
		return fox_fail_nomem(err);
	snprintf(f->name, sizeof f->name, "%s", copy);
	int at = folder_of(d, copy, &last), e = errno;
	f->fd = at < 0 ? -1 : openat(at, last, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
	f->open = f->fd >= 0;
	e = at < 0 ? e : errno;
	if (at >= 0)
		close(at);
	free(copy);
	if (!f->open)
		return fox_fail_errno(err, e, "cannot create '%s' in '%s'", f->name, d->path);
	s = reserve(f, bytes, err);
	if (s)
		fox_outfile_abort(f);
	return s;
}

enum fox_status fox_outfile_write(struct fox_outfile *f, const void *src, size_t n, struct fox_err *err)
{
	const uint8_t *p = src;
	while (n) {
		ssize_t put = pwrite(f->fd, p, n, (off_t)f->at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fox_fail_errno(err, put ? errno : EIO, "cannot write '%s'", f->name);
		p += put, f->at += (uint64_t)put, n -= (size_t)put;
	}
	return FOX_OK;
}

enum fox_status fox_outfile_finish(struct fox_outfile *f, struct fox_err *err)
{
	bool bad = fsync(f->fd) != 0;
	int e = errno;
	f->open = false;
	if (close(f->fd) && !bad) {
		bad = true;
		e = errno;
	}
	return bad ? fox_fail_errno(err, e, "cannot flush '%s' to disk", f->name) : FOX_OK;
}

void fox_outfile_abort(struct fox_outfile *f)
{
	if (f->open)
		close(f->fd);
	f->open = false;
}

enum fox_status fox_outdir_put(
    struct fox_outdir *d, struct fox_str name, struct fox_str text, struct fox_err *err)
{
	struct fox_outfile f;
	enum fox_status s = fox_outdir_create(d, &f, name, text.n, err);
	if (!s)
		s = fox_outfile_write(&f, text.p, text.n, err);
	if (!s)
		s = fox_outfile_finish(&f, err);
	fox_outfile_abort(&f);
	return s;
}

enum fox_status fox_outdir_rename(struct fox_outdir *d, const char *from, const char *to, struct fox_err *err)
{
	return renameat(d->dir, from, d->dir, to)
	           ? fox_fail_errno(err, errno, "cannot rename '%s' in '%s'", from, d->path)
	           : FOX_OK;
}

enum fox_status fox_outdir_link(
    struct fox_outdir *d, const struct fox_file *f, const char *name, struct fox_err *err)
{
	char self[64], *last;
	char *copy = strdup(name);
	if (!copy)
		return fox_fail_nomem(err);
	snprintf(self, sizeof self, "/proc/self/fd/%d", f->fd);
	int at = folder_of(d, copy, &last);
	bool ok = at >= 0 && (!linkat(AT_FDCWD, self, at, last, AT_SYMLINK_FOLLOW) || errno == EEXIST);
	int e = errno;
	if (at >= 0)
		close(at);
	free(copy);
	return ok ? FOX_OK : fox_fail_errno(err, e, "cannot link '%s' into '%s'", f->path, d->path);
}

/* No other program's folder is replaced, not even an empty one. */
static int name_it(const struct fox_outdir *d)
{
	struct stat st;
	int r = renameat2(d->parent, d->temp, d->parent, d->base, RENAME_NOREPLACE);
	if (!r || (errno != EINVAL && errno != ENOSYS))
		return r;
	if (!fstatat(d->parent, d->base, &st, AT_SYMLINK_NOFOLLOW)) { /* NFS has no such rename */
		errno = EEXIST;
		return -1;
	}
	return renameat(d->parent, d->temp, d->parent, d->base);
}

/* Every folder inside, so that the names in it are on disk too. */
static bool sync_tree(int dir, int depth)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool ok = d != NULL;
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; ok && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue; /* a file, flushed already */
		ok = depth < MAX_DEPTH && sync_tree(sub, depth + 1);
		close(sub);
	}
	if (ok)
		ok = !fsync(fd) || errno == EINVAL;
	if (d)
		closedir(d);
	return ok;
}

enum fox_status fox_outdir_commit(struct fox_outdir *d, struct fox_err *err)
{
	mode_t mask = umask(0);
	umask(mask);
	enum fox_status s = fox_cancelled(err);
	if (!s && fchmod(d->dir, 0777 & ~mask))
		s = fox_fail_errno(err, errno, "cannot open folder '%s' to others", d->path);
	if (!s && !sync_tree(d->dir, 0))
		s = fox_fail_errno(err, errno, "cannot flush '%s' to disk", d->path);
	if (!s && name_it(d))
		s = errno == EEXIST ? fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists already", d->path)
		                    : fox_fail_errno(err, errno, "cannot name output '%s'", d->path);
	if (!s) {
		d->made = false;
		if (fsync(d->parent) && errno != EINVAL)
			s = fox_fail_errno(err, errno, "'%s' is written, but its folder cannot be flushed", d->path);
	}
	release(d);
	return s;
}

void fox_outdir_abort(struct fox_outdir *d)
{
	if (d)
		release(d);
}
