/* arc_write.c - tar through libarchive, in GNU's dialect; .zip is zip_write.c's.
 *
 * GNU's, because its headers hold any name and any size without the extended records of pax, in which libarchive would convert
 * names by the locale. Compression has one level and one thread, so that the bytes depend on nothing but the library's version. */
#include "convert/arc_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "convert/zip_write.h"

/* Freeing an archive compresses zeros for what a member lacks: above this many it is not worth the time, and libarchive keeps
 * a few hundred kilobytes of a program that is about to end. */
enum { MAX_ENDING = 64 << 20 };

struct fox_arc {
	enum fox_arc_kind kind;
	struct fox_out *out;
	uint64_t mtime;
	uint64_t at;   /* bytes of the output so far */
	uint64_t left; /* of the open member */
	struct fox_zip_writer *zip;
	struct archive *tar;
	struct archive_entry *entry;
	bool abandoned;
	struct fox_err write_err; /* what the output said, inside libarchive's callback */
	char name[1025];
};

static const char *const endings[FOX_ARC_KINDS] = {[FOX_ARC_TAR] = ".tar",
    [FOX_ARC_TAR_GZ] = ".tar.gz",
    [FOX_ARC_TAR_ZST] = ".tar.zst",
    [FOX_ARC_ZIP] = ".zip"};

bool fox_arc_kind_of(struct fox_str path, enum fox_arc_kind *kind, struct fox_str *stem)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	struct fox_str last = slash ? (struct fox_str){slash + 1, path.n - (size_t)(slash + 1 - path.p)} : path;
	for (int k = 0; k < FOX_ARC_KINDS; k++) {
		size_t n = strlen(endings[k]);
		if (last.n > n && fox_str_ends(last, endings[k])) {
			*kind = (enum fox_arc_kind)k;
			*stem = (struct fox_str){last.p, last.n - n};
			return true;
		}
	}
	return false;
}

/* ---- tar */

/* Never fails as libarchive sees it: after an error of a client it frees less than it took. */
static la_ssize_t put(struct archive *tar, void *ctx, const void *p, size_t n)
{
	struct fox_arc *a = ctx;
	(void)tar;
	if (!a->abandoned && !a->write_err.code && !fox_out_write(a->out, a->at, p, n, &a->write_err))
		a->at += n;
	return (la_ssize_t)n;
}

/* What came of a call: what the output said, or else libarchive. */
static enum fox_status came_of(struct fox_arc *a, bool ok, struct fox_err *err)
{
	if (a->write_err.code) {
		if (err && !err->code)
			*err = a->write_err;
		return a->write_err.code;
	}
	if (ok)
		return FOX_OK;
	const char *why = archive_error_string(a->tar);
	return fox_fail(err, archive_errno(a->tar) == ENOMEM ? FOX_E_NOMEM : FOX_E_IO, FOX_NOWHERE,
	    "cannot write the archive: %s", why ? why : "no reason given");
}

static enum fox_status open_tar(struct fox_arc *a, struct fox_err *err)
{
	int r = ARCHIVE_OK;
	a->tar = archive_write_new();
	a->entry = archive_entry_new();
	if (!a->tar || !a->entry)
		return fox_fail_nomem(err);
	if (archive_write_set_format_gnutar(a->tar) != ARCHIVE_OK)
		return came_of(a, false, err);
	if (a->kind == FOX_ARC_TAR_GZ) {
		r = archive_write_add_filter_gzip(a->tar);
		if (!r && (archive_write_set_filter_option(a->tar, "gzip", "timestamp", NULL) ||
		              archive_write_set_filter_option(a->tar, "gzip", "compression-level", "6")))
			r = ARCHIVE_FAILED;
	} else if (a->kind == FOX_ARC_TAR_ZST) {
		r = archive_write_add_filter_zstd(a->tar);
		if (!r && archive_write_set_filter_option(a->tar, "zstd", "compression-level", "3"))
			r = ARCHIVE_FAILED;
	}
	if (r != ARCHIVE_OK) /* a warning: it would run another program */
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "libarchive was built without '%s'", endings[a->kind]);
	archive_write_set_bytes_per_block(a->tar, 0); /* pieces go straight to the output */
	archive_write_set_bytes_in_last_block(a->tar, 1);
	return came_of(a, archive_write_open(a->tar, a, NULL, put, NULL) == ARCHIVE_OK, err);
}

static enum fox_status begin_tar(struct fox_arc *a, uint64_t bytes, struct fox_err *err)
{
	archive_entry_clear(a->entry);
	archive_entry_copy_pathname(a->entry, a->name);
	archive_entry_set_filetype(a->entry, AE_IFREG);
	archive_entry_set_perm(a->entry, 0644);
	archive_entry_set_size(a->entry, (la_int64_t)bytes);
	archive_entry_set_mtime(a->entry, (time_t)a->mtime, 0);
	return came_of(a, archive_write_header(a->tar, a->entry) == ARCHIVE_OK, err);
}

static enum fox_status data_tar(struct fox_arc *a, const uint8_t *p, size_t n, struct fox_err *err)
{
	while (n) {
		la_ssize_t put_n = archive_write_data(a->tar, p, n);
		if (put_n <= 0 || a->write_err.code)
			return came_of(a, false, err);
		p += put_n;
		n -= (size_t)put_n;
	}
	return FOX_OK;
}

/* ---- either */

enum fox_status fox_arc_open(
    struct fox_arc **out, struct fox_out *o, enum fox_arc_kind kind, uint64_t mtime, struct fox_err *err)
{
	struct fox_arc *a = calloc(1, sizeof *a);
	*out = NULL;
	if (!a)
		return fox_fail_nomem(err);
	*a = (struct fox_arc){.kind = kind, .out = o, .mtime = mtime};
	enum fox_status s = kind == FOX_ARC_ZIP ? fox_zip_writer_open(&a->zip, o, mtime, err) : open_tar(a, err);
	if (s)
		fox_arc_close(a);
	else
		*out = a;
	return s;
}

void fox_arc_close(struct fox_arc *a)
{
	if (!a)
		return;
	if (a->tar) {
		a->abandoned = true; /* what failed gets no end */
		if (a->left > MAX_ENDING && a->kind != FOX_ARC_TAR)
			archive_write_fail(a->tar);
		archive_write_free(a->tar);
	}
	archive_entry_free(a->entry);
	fox_zip_writer_close(a->zip);
	free(a);
}

enum fox_status fox_arc_begin(
    struct fox_arc *a, struct fox_str name, uint64_t bytes, bool aligned, struct fox_err *err)
{
	enum fox_status s = fox_name_check(name, err);
	if (s)
		return s;
	if (bytes > INT64_MAX)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "a member of %llu bytes", (unsigned long long)bytes);
	memcpy(a->name, name.p, name.n);
	a->name[name.n] = 0;
	a->left = bytes;
	return a->zip ? fox_zip_writer_begin(a->zip, name, bytes, aligned ? FOX_ARC_ALIGN : 1, err)
	              : begin_tar(a, bytes, err);
}

enum fox_status fox_arc_data(struct fox_arc *a, const void *p, size_t n, struct fox_err *err)
{
	if (n > a->left)
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "member '%s' has more bytes than were announced", a->name);
	a->left -= n;
	return a->zip ? fox_zip_writer_data(a->zip, p, n, err) : data_tar(a, p, n, err);
}

enum fox_status fox_arc_end(struct fox_arc *a, struct fox_err *err)
{
	if (a->left)
		return fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "member '%s' lacks %llu bytes", a->name,
		    (unsigned long long)a->left);
	if (a->zip)
		return fox_zip_writer_end(a->zip, err);
	return came_of(a, archive_write_finish_entry(a->tar) == ARCHIVE_OK, err);
}

enum fox_status fox_arc_finish(struct fox_arc *a, uint64_t *bytes, struct fox_err *err)
{
	if (a->zip)
		return fox_zip_writer_finish(a->zip, bytes, err);
	enum fox_status s = came_of(a, archive_write_close(a->tar) == ARCHIVE_OK, err);
	*bytes = a->at;
	return s;
}
