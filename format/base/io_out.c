/* io_out.c - outputs that appear whole or not at all, and free space.
 *
 * The file is written without a name (O_TMPFILE) where the file system can, so that a process killed at its work leaves
 * nothing; else, and for the moment between naming and replacing, as ".NAME.PID.part" beside the target, locked: a
 * left-over is unlocked, and the next output of that name takes it away. A failed fsync is final: Linux reports it once
 * and forgets the pages.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/str.h"

enum { COPY_BYTES = 1 << 20 };

struct fox_out {
	int fd, dir;
	bool named;   /* the temporary file has a name that must go */
	bool kept;    /* ... or stay, unless it becomes the output */
	bool replace; /* may take the place of an existing target */
	bool target_exists;
	uint64_t target_dev, target_ino;
	char *path; /* as asked for */
	char *base; /* last component */
	char *temp; /* name in dir while named */
};

static void release(struct fox_out *o)
{
	if (o->named && !o->kept)
		unlinkat(o->dir, o->temp, 0);
	if (o->fd >= 0)
		close(o->fd);
	if (o->dir >= 0)
		close(o->dir);
	free(o->path);
	free(o->base);
	free(o->temp);
	free(o);
}

static enum fox_status look_at_target(struct fox_out *o, struct fox_err *err)
{
	struct stat st;
	if (fstatat(o->dir, o->base, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return FOX_OK;
		return fox_fail_errno(err, errno, "cannot stat '%s'", o->path);
	}
	if (!S_ISREG(st.st_mode))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is %s, not a regular file", o->path,
		    S_ISDIR(st.st_mode)   ? "a folder"
		    : S_ISLNK(st.st_mode) ? "a symbolic link"
		                          : "a device, FIFO or socket");
	o->target_exists = true;
	o->target_dev = st.st_dev;
	o->target_ino = st.st_ino;
	if (!o->replace)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists already", o->path);
	return FOX_OK;
}

/* Where /proc shows the open file: the only name by which an unprivileged process can link it. */
static void self_path(char out[64], int fd)
{
	snprintf(out, 64, "/proc/self/fd/%d", fd);
}

/* What killed runs left of this very output: their locks went with them. What is locked is being written. */
static void sweep(const struct fox_out *o)
{
	char stem[256];
	size_t n = (size_t)snprintf(stem, sizeof stem, ".%.200s.", o->base);
	int fd = openat(o->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strncmp(e->d_name, stem, n))
			continue;
		size_t digits = strspn(e->d_name + n, "0123456789");
		if (!digits || strcmp(e->d_name + n + digits, ".part"))
			continue;
		int old = openat(o->dir, e->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (old >= 0 && !flock(old, LOCK_EX | LOCK_NB))
			unlinkat(o->dir, e->d_name, 0);
		if (old >= 0)
			close(old);
	}
	if (d)
		closedir(d);
}

/* An advisory lock that tells sweep() we live; where there are no locks, nothing is swept either. */
static void lock_temp(const struct fox_out *o)
{
	(void)!flock(o->fd, LOCK_EX | LOCK_NB);
}

static enum fox_status open_temp(struct fox_out *o, struct fox_err *err)
{
	char self[64];
	sweep(o);
	o->fd = openat(o->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (o->fd < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		return fox_fail_errno(err, errno, "cannot create a file beside '%s'", o->path);
	if (o->fd >= 0) {
		self_path(self, o->fd);
		if (!access(self, F_OK)) {
			lock_temp(o);
			return FOX_OK;
		}
		close(o->fd); /* without /proc it could never be named */
	}
	o->fd = openat(o->dir, o->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
	if (o->fd < 0)
		return fox_fail_errno(err, errno, "cannot create '%s' beside '%s'", o->temp, o->path);
	o->named = true;
	lock_temp(o);
	return FOX_OK;
}

/* PATH.part: taken up or made, and locked for as long as it is open. */
static enum fox_status open_part(struct fox_out *o, bool *had, struct fox_err *err)
{
	struct stat st;
	o->kept = true;
	o->fd = openat(o->dir, o->temp, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	*had = o->fd >= 0;
	if (o->fd < 0 && errno == ENOENT)
		o->fd = openat(o->dir, o->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
	if (o->fd < 0)
		return fox_fail_errno(err, errno, "cannot open '%s' beside '%s'", o->temp, o->path);
	if (fstat(o->fd, &st) || !S_ISREG(st.st_mode))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' beside '%s' is not a regular file", o->temp, o->path);
	if (flock(o->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is being written by another process", o->path);
	o->named = true;
	return FOX_OK;
}

/* had: NULL for a temporary file that goes when the work fails. */
static enum fox_status open_output(
    struct fox_out **out, const char *path, bool replace, bool *had, struct fox_err *err)
{
	*out = NULL;
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t dir_n = slash ? (size_t)(slash - path) + (slash == path) : 0;
	if (!base[0] || !strcmp(base, ".") || !strcmp(base, ".."))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' is no file name", path);
	struct fox_out *o = calloc(1, sizeof *o);
	if (!o)
		return fox_fail_nomem(err);
	o->fd = o->dir = -1;
	o->replace = replace;
	struct fox_buf temp = {0};
	if (had)
		fox_buf_fmt(&temp, "%s.part", base);
	else /* a name may have 255 bytes: a long one is cut, the process id keeps it apart */
		fox_buf_fmt(&temp, ".%.200s.%ld.part", base, (long)getpid());
	o->temp = temp.p;
	o->path = strdup(path);
	o->base = strdup(base);
	char *dir = dir_n ? strndup(path, dir_n) : strdup(".");
	enum fox_status s = FOX_OK;
	if (!o->temp || !o->path || !o->base || !dir)
		s = fox_fail_nomem(err);
	else if ((o->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		s = fox_fail_errno(err, errno, "cannot open output folder '%s'", dir);
	if (!s)
		s = look_at_target(o, err);
	if (!s)
		s = had ? open_part(o, had, err) : open_temp(o, err);
	free(dir);
	if (s) {
		release(o);
		return s;
	}
	*out = o;
	return FOX_OK;
}

enum fox_status fox_out_open(struct fox_out **out, const char *path, bool replace, struct fox_err *err)
{
	return open_output(out, path, replace, NULL, err);
}

enum fox_status fox_out_open_part(
    struct fox_out **out, const char *path, bool replace, bool *had, struct fox_err *err)
{
	return open_output(out, path, replace, had, err);
}

enum fox_status fox_out_set_mode(struct fox_out *o, uint32_t mode, struct fox_err *err)
{
	return fchmod(o->fd, mode) ? fox_fail_errno(err, errno, "cannot set the mode of '%s'", o->path) : FOX_OK;
}

/* tmpfs hands out zeroed pages one by one in fallocate: as slow as writing them, and on one thread. */
static bool reserving_is_cheap(int fd)
{
	struct statfs fs;
	return !fstatfs(fd, &fs) && fs.f_type != TMPFS_MAGIC;
}

enum fox_status fox_out_reserve(struct fox_out *o, uint64_t bytes, struct fox_err *err)
{
	struct statvfs v;
	struct stat st = {0};
	if (o->kept && !fstat(o->fd, &st) && (uint64_t)st.st_size > bytes && ftruncate(o->fd, (off_t)bytes))
		return fox_fail_errno(err, errno, "cannot cut '%s'", o->temp);
	if (!fstatvfs(o->fd, &v) && v.f_frsize) {
		/* what an earlier run took is ours already */
		uint64_t left = (uint64_t)v.f_bavail * v.f_frsize + (uint64_t)st.st_blocks * 512;
		if (left < bytes)
			return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "no space for '%s': %llu bytes needed, %llu free",
			    o->path, (unsigned long long)bytes, (unsigned long long)left);
	}
	if (bytes && reserving_is_cheap(o->fd)) {
		int r;
		do
			r = fallocate(o->fd, 0, 0, (off_t)bytes);
		while (r && errno == EINTR);
		if (!r)
			return FOX_OK;
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return fox_fail_errno(
			    err, errno, "cannot reserve %llu bytes for '%s'", (unsigned long long)bytes, o->path);
	}
	if (ftruncate(o->fd, (off_t)bytes))
		return fox_fail_errno(
		    err, errno, "cannot size '%s' to %llu bytes", o->path, (unsigned long long)bytes);
	return FOX_OK;
}

enum fox_status fox_out_write(struct fox_out *o, uint64_t at, const void *src, size_t n, struct fox_err *err)
{
	const uint8_t *p = src;
	while (n) {
		ssize_t put = pwrite(o->fd, p, n, (off_t)at);
		if (put < 0) {
			if (errno == EINTR)
				continue;
			return fox_fail_errno(err, errno, "cannot write '%s'", o->path);
		}
		if (!put) /* never for a regular file on Linux; but without end if it were */
			return fox_fail_errno(err, EIO, "cannot write '%s'", o->path);
		p += put, at += (uint64_t)put, n -= (size_t)put;
	}
	return FOX_OK;
}

/* Where the kernel does not copy: other file systems, other kernels, sandboxes. */
static enum fox_status copy_by_buffer(
    struct fox_out *o, uint64_t at, const struct fox_file *f, uint64_t from, uint64_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	uint8_t *buf = n ? malloc(COPY_BYTES) : NULL;
	if (n && !buf)
		return fox_fail_nomem(err);
	while (n && !s) {
		size_t part = n < COPY_BYTES ? (size_t)n : COPY_BYTES;
		s = fox_file_read(f, from, buf, part, err);
		if (!s)
			s = fox_out_write(o, at, buf, part, err);
		from += part, at += part, n -= part;
	}
	free(buf);
	return s;
}

enum fox_status fox_out_copy(
    struct fox_out *o, uint64_t at, const struct fox_file *f, uint64_t from, uint64_t n, struct fox_err *err)
{
	while (n) {
		off_t in = (off_t)from, out = (off_t)at;
		ssize_t put = copy_file_range(f->fd, &in, o->fd, &out, n < SSIZE_MAX ? (size_t)n : SSIZE_MAX, 0);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) /* errors of the disk come again, with words that say which of the two files */
			break;
		from += (uint64_t)put, at += (uint64_t)put, n -= (uint64_t)put;
	}
	return copy_by_buffer(o, at, f, from, n, err);
}

enum fox_status fox_out_read(const struct fox_out *o, uint64_t at, void *dst, size_t n, struct fox_err *err)
{
	uint8_t *p = dst;
	while (n) {
		ssize_t got = pread(o->fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fox_fail_errno(err, errno, "cannot read '%s' back", o->path);
		if (!got)
			return fox_fail(err, FOX_E_TRUNCATED, at, "'%s' ends here", o->path);
		p += got, at += (uint64_t)got, n -= (size_t)got;
	}
	return FOX_OK;
}

enum fox_status fox_out_sync(struct fox_out *o, struct fox_err *err)
{
	return fdatasync(o->fd) ? fox_fail_errno(err, errno, "cannot flush '%s' to disk", o->path) : FOX_OK;
}

enum fox_status fox_out_map(struct fox_map_file *m, struct fox_out *o, struct fox_err *err)
{
	struct stat st;
	*m = (struct fox_map_file){.bytes = {(const uint8_t *)"", 0}};
	if (fstat(o->fd, &st))
		return fox_fail_errno(err, errno, "cannot stat '%s'", o->path);
	if (!st.st_size)
		return FOX_OK;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, o->fd, 0);
	if (p == MAP_FAILED)
		return fox_fail_errno(err, errno, "cannot map '%s'", o->path);
	m->bytes = (struct fox_span){p, (size_t)st.st_size};
	return FOX_OK;
}

const char *fox_out_path(const struct fox_out *o)
{
	return o->path;
}

bool fox_out_is_input(const struct fox_out *o, const struct fox_file *f)
{
	return o->target_exists && o->target_dev == f->dev && o->target_ino == f->ino;
}

/* Give the nameless file its temporary name; linkat cannot replace, so a rename follows. */
static int name_it(struct fox_out *o, const char *name)
{
	char self[64];
	self_path(self, o->fd);
	return linkat(AT_FDCWD, self, o->dir, name, AT_SYMLINK_FOLLOW);
}

/* The final name, where there must be none: atomically, so that a target which appeared meanwhile stays. */
static int name_new(struct fox_out *o)
{
	if (!o->named)
		return name_it(o, o->base);
	int r = renameat2(o->dir, o->temp, o->dir, o->base, RENAME_NOREPLACE);
	if (!r || (errno != EINVAL && errno != ENOSYS))
		return r;
	/* NFS has no such rename; a link does not replace either */
	r = linkat(o->dir, o->temp, o->dir, o->base, 0);
	if (!r)
		unlinkat(o->dir, o->temp, 0);
	return r;
}

/* The temporary name, where there is none yet: what then still can fail is a rename. */
static enum fox_status name_temp(struct fox_out *o, struct fox_err *err)
{
	if (o->named)
		return FOX_OK;
	int r = name_it(o, o->temp);
	if (r && errno == EEXIST) { /* left by a killed process that had our id */
		unlinkat(o->dir, o->temp, 0);
		r = name_it(o, o->temp);
	}
	if (r)
		return fox_fail_errno(err, errno, "cannot name output '%s'", o->path);
	o->named = true;
	return FOX_OK;
}

static enum fox_status put_in_place(struct fox_out *o, struct fox_err *err)
{
	if (!o->replace) {
		if (!name_new(o)) {
			o->named = false;
			return FOX_OK;
		}
		if (errno == EEXIST)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists already", o->path);
		return fox_fail_errno(err, errno, "cannot name output '%s'", o->path);
	}
	enum fox_status s = name_temp(o, err);
	if (s)
		return s;
	if (renameat(o->dir, o->temp, o->dir, o->base))
		return fox_fail_errno(err, errno, "cannot rename to '%s'", o->path);
	o->named = false;
	return FOX_OK;
}

static enum fox_status flush_folder(struct fox_out *o, struct fox_err *err)
{
	if (fsync(o->dir) && errno != EINVAL)
		return fox_fail_errno(err, errno, "'%s' is written, but its folder cannot be flushed", o->path);
	return FOX_OK;
}

static enum fox_status close_file(struct fox_out *o, struct fox_err *err)
{
	int fd = o->fd;
	o->fd = -1;
	return close(fd) ? fox_fail_errno(err, errno, "cannot close '%s'", o->path) : FOX_OK;
}

/* All names, from the last to the first, which must not be seen before the others are. */
static enum fox_status name_all(struct fox_out *const *o, size_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK, flushed = FOX_OK;
	size_t from = n;
	for (size_t i = 0; !s && n > 1 && i < n; i++)
		s = o[i]->replace ? name_temp(o[i], err) : FOX_OK;
	while (!s && from) {
		if (from == 1 && n > 1) /* too late to stop: told in the end */
			flushed = flush_folder(o[1], err);
		s = put_in_place(o[from - 1], err);
		from -= !s;
	}
	for (size_t i = from; s && i < n; i++)
		if (!o[i]->target_exists)
			unlinkat(o[i]->dir, o[i]->base, 0);
	return s ? s : flushed;
}

enum fox_status fox_out_commit_all(struct fox_out *const *o, size_t n, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	for (size_t i = 0; !s && i < n; i++)
		if (fsync(o[i]->fd))
			s = fox_fail_errno(err, errno, "cannot flush '%s' to disk", o[i]->path);
	if (!s)
		s = fox_cancelled(err);
	if (!s)
		s = name_all(o, n, err);
	for (size_t i = 0; !s && i < n; i++)
		s = close_file(o[i], err);
	if (!s && n)
		s = flush_folder(o[0], err);
	for (size_t i = 0; i < n; i++)
		release(o[i]);
	return s;
}

enum fox_status fox_out_commit(struct fox_out *o, struct fox_err *err)
{
	return fox_out_commit_all(&o, 1, err);
}

void fox_out_abort(struct fox_out *o)
{
	if (o)
		release(o);
}

enum fox_status fox_stdout_flush(struct fox_err *err)
{
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		return fox_fail_errno(err, errno ? errno : EIO, "cannot write to standard output");
	return FOX_OK;
}

enum fox_status fox_stdout_put(struct fox_str text, struct fox_err *err)
{
	errno = 0;
	if (text.n && fwrite(text.p, 1, text.n, stdout) != text.n) /* a long text is not buffered: its error is told here */
		return fox_fail_errno(err, errno ? errno : EIO, "cannot write to standard output");
	return fox_stdout_flush(err);
}

uint64_t fox_disk_free(const char *path)
{
	struct statvfs v;
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
	uint64_t left = UINT64_MAX;
	if (dir && !statvfs(dir, &v))
		left = (uint64_t)v.f_bavail * v.f_frsize;
	free(dir);
	return left;
}

void fox_files_allow(uint64_t n)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= n)
		return;
	limit.rlim_cur = limit.rlim_max < n ? limit.rlim_max : n;
	setrlimit(RLIMIT_NOFILE, &limit); /* refused: an opening will say so */
}
