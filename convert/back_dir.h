/* back_dir.h - a folder that appears whole or not at all: made under a name of its own beside its place, then renamed.
 *
 * Only the caller's user can enter it before. A kill that nothing can catch leaves `.NAME.fox-XXXXXX`, which can be deleted. */
#ifndef FOX_BACK_DIR_H
#define FOX_BACK_DIR_H

#include "format/base/io.h"
#include "format/base/str.h"

/* Zero-initialise. */
struct back_dir {
	struct fox_buf final, temp, parent,
	    path; /* without a slash at the end; path: of the last back_dir_path */
	bool made;
};

/*
 * back_dir_check - may a folder appear at this path?
 *
 * errors  FOX_E_ARG: something is there that is no empty folder, or the path has no name of its own; FOX_E_IO; FOX_E_NOMEM
 */
enum fox_status back_dir_check(struct back_dir *d, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/* Make the folder under its first name, after back_dir_check. FOX_E_IO. */
enum fox_status back_dir_open(struct back_dir *d, struct fox_err *err) FOX_MUST_CHECK;

/* Where a file of the folder is now; lives until the next call. NULL when out of memory. */
const char *back_dir_path(struct back_dir *d, const char *name);

/* Flush and rename. FOX_E_IO; FOX_E_ARG when something has come into the way: nothing is left then either. */
enum fox_status back_dir_commit(struct back_dir *d, struct fox_err *err) FOX_MUST_CHECK;

/* Delete the folder if it was not committed, and free d; fine on a zeroed one. */
void back_dir_close(struct back_dir *d);

#endif
