/* back_dir.c - mkdtemp beside the target, fsync, rename. */
#include "convert/back_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	bool empty = dir != NULL;
	for (struct dirent *e; dir && (e = readdir(dir));)
		empty &= is_dots(e->d_name);
	if (dir)
		closedir(dir);
	return empty;
}

enum fox_status back_dir_check(struct back_dir *d, const char *path, struct fox_err *err)
{
	size_t n = strlen(path);
	struct stat st;
	while (n > 1 && path[n - 1] == '/')
		n--;
	fox_buf_add(&d->final, path, n);
	if (d->final.failed)
		return fox_fail_nomem(err);
	const char *slash = n ? strrchr(d->final.p, '/') : NULL, *name = slash ? slash + 1 : n ? d->final.p : "";
	if (!name[0] || is_dots(name) || !strcmp(name, "-"))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' cannot be a new folder", path);
	if (!slash)
		fox_buf_str(&d->parent, ".");
	else
		fox_buf_add(&d->parent, d->final.p, slash == d->final.p ? 1 : (size_t)(slash - d->final.p));
	fox_buf_fmt(&d->temp, "%s/.%.200s.fox-XXXXXX", d->parent.failed ? "" : d->parent.p, name);
	if (d->temp.failed || d->parent.failed)
		return fox_fail_nomem(err);
	if (lstat(d->final.p, &st))
		return errno == ENOENT ? FOX_OK : fox_fail_errno(err, errno, "cannot look at '%s'", d->final.p);
	if (!S_ISDIR(st.st_mode))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists and is no folder", d->final.p);
	return is_empty(d->final.p)
	           ? FOX_OK
	           : fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
	                 "output '%s' exists and is not empty: no folder is replaced", d->final.p);
}

enum fox_status back_dir_open(struct back_dir *d, struct fox_err *err)
{
	if (!mkdtemp(d->temp.p))
		return fox_fail_errno(err, errno, "cannot make a folder in '%s'", d->parent.p);
	d->made = true;
	return FOX_OK;
}

const char *back_dir_path(struct back_dir *d, const char *name)
{
	fox_buf_clear(&d->path);
	fox_buf_fmt(&d->path, "%s/%s", d->temp.p, name);
	return d->path.failed ? NULL : d->path.p;
}

static enum fox_status flush(const char *path, struct fox_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum fox_status s = FOX_OK;
	if (fd < 0 || (fsync(fd) && errno != EINVAL))
		s = fox_fail_errno(err, errno, "cannot flush folder '%s' to disk", path);
	if (fd >= 0)
		close(fd);
	return s;
}

enum fox_status back_dir_commit(struct back_dir *d, struct fox_err *err)
{
	mode_t mask = umask(0);
	umask(mask);
	enum fox_status s = flush(d->temp.p, err);
	if (!s && chmod(d->temp.p, 0777 & ~mask))
		s = fox_fail_errno(err, errno, "cannot open folder '%s' to others", d->temp.p);
	if (s)
		return s;
	if (renameat(AT_FDCWD, d->temp.p, AT_FDCWD, d->final.p)) {
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "output '%s' exists by now", d->final.p);
		return fox_fail_errno(err, errno, "cannot rename '%s' to '%s'", d->temp.p, d->final.p);
	}
	d->made = false;
	return flush(d->parent.p, err);
}

static void delete_all(const char *path)
{
	DIR *dir = opendir(path);
	if (dir) {
		int fd = dirfd(dir);
		for (struct dirent *e; (e = readdir(dir));)
			if (!is_dots(e->d_name))
				unlinkat(fd, e->d_name, 0);
		closedir(dir);
	}
	rmdir(path);
}

void back_dir_close(struct back_dir *d)
{
	if (d->made)
		delete_all(d->temp.p);
	fox_buf_free(&d->final);
	fox_buf_free(&d->temp);
	fox_buf_free(&d->parent);
	fox_buf_free(&d->path);
	*d = (struct back_dir){0};
}
