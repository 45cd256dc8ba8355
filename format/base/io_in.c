/* io_in.c - opening and reading inputs: regular files only, bounded to a folder where a stranger chose the
 * name. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/str.h"

bool fox_io_force_walk;

/* Takes over fd. O_NONBLOCK at the opening kept a FIFO from blocking; regular files ignore it. */
static enum fox_status adopt(struct fox_file *f, int fd, const char *path, struct fox_err *err)
{
	struct stat st;
	if (fstat(fd, &st)) {
		int e = errno;
		close(fd);
		return fox_fail_errno(err, e, "cannot stat '%s'", path);
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return fox_fail(err, FOX_E_IO, FOX_NOWHERE, "'%s' is %s, not a regular file", path,
		    S_ISDIR(st.st_mode) ? "a folder" : "a device, FIFO or socket");
	}
	*f = (struct fox_file){.fd = fd,
	    .open = true,
	    .size = (uint64_t)st.st_size,
	    .dev = st.st_dev,
	    .ino = st.st_ino,
	    .mtime_ns = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
	snprintf(f->path, sizeof f->path, "%s", path);
	return FOX_OK;
}

enum fox_status fox_file_open(struct fox_file *f, const char *path, struct fox_err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fox_fail_errno(err, errno, "cannot open '%s'", path);
	return adopt(f, fd, path, err);
}

/* A name that may be joined to a folder: spec/sources.md section 2. */
enum fox_status fox_name_check(struct fox_str name, struct fox_err *err)
{
	const char *why = NULL;
	size_t part = 0;
	if (!name.n)
		why = "is empty";
	else if (name.n > 1024)
		why = "is longer than 1024 bytes";
	else if (name.p[0] == '/')
		why = "is absolute";
	for (size_t i = 0; i <= name.n && !why; i++) {
		if (i < name.n && name.p[i] != '/') {
			if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F)
				why = "has a control character";
			else if (name.p[i] == '\\')
				why = "has a backslash";
			continue;
		}
		struct fox_str c = {name.p + part, i - part};
		if (!c.n || fox_str_is(c, ".") || fox_str_is(c, ".."))
			why = "has an empty, '.' or '..' component";
		part = i + 1;
	}
	if (!why && fox_utf8_bad(name) != name.n)
		why = "is not UTF-8";
	if (why)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "file name '%.*s' %s", FOX_STR_ARG(name), why);
	return FOX_OK;
}

/* Is path the folder root itself, or beneath it? Both canonical. */
static const char *beneath(const char *root, const char *path)
{
	size_t n = strlen(root);
	if (!strcmp(root, "/"))
		return path + 1;
	if (strncmp(root, path, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : path + n;
}

static int open_by_kernel(const char *root, const char *rel)
{
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	long fd = syscall(SYS_openat2, dir, rel, &how, sizeof how);
	int e = errno;
	close(dir);
	errno = e;
	return (int)fd;
}

/* Where openat2 is missing (Linux before 5.6, or a sandbox): resolve every link, then ask where that led. */
static int open_by_walk(const char *root, const char *path)
{
	char *real = realpath(path, NULL);
	if (!real)
		return -1;
	int fd = -1, e = EXDEV;
	if (beneath(root, real)) {
		fd = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
		e = errno;
	}
	free(real);
	errno = e;
	return fd;
}

enum fox_status fox_file_open_beneath(
    struct fox_file *f, const char *root, const char *dir, struct fox_str name, struct fox_err *err)
{
	struct fox_buf rel = {0}, full = {0};
	char *real_root = NULL, *real_dir = NULL;
	enum fox_status s = fox_name_check(name, err);
	if (s)
		return s;
	fox_buf_fmt(&full, "%s/%.*s", dir, (int)name.n, name.p);
	if (!(real_root = realpath(root, NULL)) || !(real_dir = realpath(dir, NULL))) {
		s = fox_fail_errno(err, errno, "cannot open folder '%s'", real_root ? dir : root);
		goto out;
	}
	const char *inside = beneath(real_root, real_dir);
	if (!inside) {
		s = fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "folder '%s' is not inside '%s'", dir, root);
		goto out;
	}
	fox_buf_fmt(&rel, "%s%s%.*s", inside, inside[0] ? "/" : "", (int)name.n, name.p);
	if (full.failed || rel.failed) {
		s = fox_fail_nomem(err);
		goto out;
	}
	int fd = -1;
	errno = ENOSYS;
	if (!fox_io_force_walk)
		fd = open_by_kernel(real_root, rel.p);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open_by_walk(real_root, full.p);
	if (fd >= 0)
		s = adopt(f, fd, full.p, err);
	else if (errno == EXDEV)
		s = fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "'%s' is a link that leaves '%s'", full.p, root);
	else
		s = fox_fail_errno(err, errno, "cannot open '%s'", full.p);
out:
	free(real_root);
	free(real_dir);
	fox_buf_free(&rel);
	fox_buf_free(&full);
	return s;
}

enum fox_status fox_file_part(struct fox_file *part, const struct fox_file *whole, struct fox_file_via *via, uint64_t at,
    uint64_t bytes, struct fox_str name, struct fox_err *err)
{
	int fd = fcntl(whole->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fox_fail_errno(err, errno, "cannot open '%s' once more", whole->path);
	*part = *whole;
	part->fd = fd;
	part->size = bytes;
	part->part = true;
	part->base = at;
	part->whole = whole->size;
	part->via = via;
	size_t n = strlen(part->path);
	snprintf(part->path + n, sizeof part->path - n, "/%.*s", FOX_STR_ARG(name));
	return FOX_OK;
}

static enum fox_status read_fd(const struct fox_file *f, uint64_t at, uint8_t *p, size_t n, struct fox_err *err)
{
	while (n) {
		ssize_t got = pread(f->fd, p, n, (off_t)(f->base + at));
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return fox_fail_errno(err, errno, "cannot read");
		}
		if (got == 0)
			return fox_fail(err, FOX_E_TRUNCATED, at, "file ends where %zu more bytes were expected", n);
		p += got, at += (uint64_t)got, n -= (size_t)got;
	}
	return FOX_OK;
}

enum fox_status fox_file_read(const struct fox_file *f, uint64_t at, void *dst, size_t n, struct fox_err *err)
{
	enum fox_status s;
	uint64_t rest = at < f->size ? f->size - at : 0;
	if (f->part && n > rest)
		s = fox_fail(err, FOX_E_TRUNCATED, at + rest, "file ends where %zu more bytes were expected",
		    n - (size_t)rest);
	else if (f->via)
		s = f->via->read(f->via, f->base + at, dst, n, err);
	else
		s = read_fd(f, at, dst, n, err);
	if (s)
		fox_in_file(err, f->path);
	return s;
}

enum fox_status fox_file_unchanged(const struct fox_file *f, struct fox_err *err)
{
	struct stat st;
	if (fstat(f->fd, &st)) {
		fox_fail_errno(err, errno, "cannot stat");
		return fox_in_file(err, f->path), FOX_E_IO;
	}
	if ((uint64_t)st.st_size != (f->part ? f->whole : f->size) ||
	    st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec != f->mtime_ns) {
		fox_fail(err, FOX_E_IO, FOX_NOWHERE, "file changed while it was read");
		return fox_in_file(err, f->path), FOX_E_IO;
	}
	return FOX_OK;
}

void fox_file_close(struct fox_file *f)
{
	if (f->open)
		close(f->fd);
	f->open = false;
}

enum fox_status fox_file_slurp(struct fox_file *f, uint64_t limit, char **out, size_t *n, struct fox_err *err)
{
	*out = NULL;
	*n = 0;
	if (f->size > limit) {
		fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "file of %llu bytes, more than %llu",
		    (unsigned long long)f->size, (unsigned long long)limit);
		return fox_in_file(err, f->path), FOX_E_BOUND;
	}
	char *p = malloc((size_t)f->size + 1);
	if (!p)
		return fox_fail_nomem(err);
	enum fox_status s = fox_file_read(f, 0, p, (size_t)f->size, err);
	if (s) {
		free(p);
		return s;
	}
	p[f->size] = 0;
	*out = p;
	*n = (size_t)f->size;
	return FOX_OK;
}

enum fox_status fox_path_slurp(const char *path, uint64_t limit, char **out, size_t *n, struct fox_err *err)
{
	struct fox_file f = {0};
	enum fox_status s = fox_file_open(&f, path, err);
	if (s)
		return s;
	s = fox_file_slurp(&f, limit, out, n, err);
	fox_file_close(&f);
	return s;
}

enum fox_status fox_map_open(struct fox_map_file *m, const char *path, struct fox_err *err)
{
	*m = (struct fox_map_file){0};
	enum fox_status s = fox_file_open(&m->file, path, err);
	if (s)
		return s;
	if (m->file.size > SIZE_MAX) {
		fox_file_close(&m->file);
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "file is larger than the address space");
	}
	m->bytes = (struct fox_span){(const uint8_t *)"", 0};
	if (!m->file.size)
		return FOX_OK;
	void *p = mmap(NULL, (size_t)m->file.size, PROT_READ, MAP_SHARED, m->file.fd, 0);
	if (p == MAP_FAILED) {
		s = fox_fail_errno(err, errno, "cannot map '%s'", path);
		fox_file_close(&m->file);
		return s;
	}
	m->bytes = (struct fox_span){p, (size_t)m->file.size};
	return FOX_OK;
}

enum fox_status fox_map_overlay(struct fox_map_file *m, struct fox_span head, struct fox_err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (head.n + page - 1) / page * page;
	void *at = (void *)(uintptr_t)m->bytes.p;
	void *p = mmap(at, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, m->file.fd, 0);
	if (p == MAP_FAILED)
		return fox_fail_errno(err, errno, "cannot map '%s'", m->file.path);
	memcpy(p, head.p, head.n);
	if (mprotect(p, n, PROT_READ))
		return fox_fail_errno(err, errno, "cannot protect the map of '%s'", m->file.path);
	m->overlaid = true;
	return FOX_OK;
}

void fox_map_done_with(const struct fox_map_file *m, struct fox_span part)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)part.p + page - 1) / page * page,
	          to = ((uintptr_t)part.p + part.n) / page * page;
	if (m->bytes.n && to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

void fox_map_close(struct fox_map_file *m)
{
	if (m->bytes.n)
		munmap((void *)(uintptr_t)m->bytes.p, m->bytes.n);
	fox_file_close(&m->file);
	*m = (struct fox_map_file){0};
}
