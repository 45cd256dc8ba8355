/* archive_make.h - archives for tests, by libarchive's writer: also those that no honest program makes. Include after test.h. */
#ifndef FOX_ARCHIVE_MAKE_H
#define FOX_ARCHIVE_MAKE_H

#include <archive.h>
#include <archive_entry.h>

/* A member; type 0: a regular file. */
struct member {
	const char *name;
	unsigned type;
	const char *target; /* of a symbolic link; of a hard link where hard is set */
	bool hard;
	const void *bytes;
	size_t n;
	int64_t hole; /* bytes before `bytes` that are a hole; 0: none */
};

/* format "ustar", "pax", "gnutar", "zip", "zip:store"; filter "none", "gzip", "zstd", "xz" */
static inline void archive_make(
    const char *path, const char *format, const char *filter, const struct member *m, size_t n)
{
	struct archive *a = archive_write_new();
	bool zip = !strncmp(format, "zip", 3);
	if (archive_write_set_format_by_name(a, zip ? "zip" : format) ||
	    (!strcmp(format, "zip:store") && archive_write_set_options(a, "zip:compression=store")) ||
	    (strcmp(filter, "none") && archive_write_add_filter_by_name(a, filter)) ||
	    archive_write_open_filename(a, path))
		abort();
	for (size_t i = 0; i < n; i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, m[i].name);
		archive_entry_set_filetype(e, m[i].type ? m[i].type : AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_mtime(e, 1, 0);
		archive_entry_set_size(e, m[i].hole + (int64_t)m[i].n);
		if (m[i].hole)
			archive_entry_sparse_add_entry(e, m[i].hole, (int64_t)m[i].n);
		if (m[i].target && m[i].hard)
			archive_entry_set_hardlink(e, m[i].target);
		else if (m[i].target)
			archive_entry_set_symlink(e, m[i].target);
		if (archive_write_header(a, e) < ARCHIVE_WARN)
			abort();
		static const char zeros[4096];
		for (int64_t at = 0; at < m[i].hole; at += (int64_t)sizeof zeros)
			archive_write_data(a, zeros, sizeof zeros);
		if (m[i].n && archive_write_data(a, m[i].bytes, m[i].n) != (la_ssize_t)m[i].n)
			abort();
		archive_entry_free(e);
	}
	if (archive_write_close(a) || archive_write_free(a))
		abort();
}

#endif
