/* archive.c - libarchive with two formats and three filters, and what it does not check: the CRC of gzip, the end of a tar
 * archive, what follows it, and that members lie where their sizes say. Only reader with libarchive.
 *
 * A compressed archive goes through two readers, one that only unpacks and one that only sees a tar stream, so that places in
 * the stream are known and all of it is read to its end. */
#include "format/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "format/archive_names.h"
#include "format/archive_window.h"
#include "format/base/num.h"
#include "format/zip.h"

enum { BLOCK = 512, CHUNK = 128 * BLOCK };

struct fox_archive {
	struct fox_file file;
	enum fox_archive_kind kind;
	struct fox_zip *zip;    /* its central directory; NULL: no zip */
	struct archive *filter; /* unpacks; NULL: nothing to unpack */
	struct archive *walk;   /* the members */
	locale_t
	    utf8; /* in which libarchive makes names of pax; 0: the caller\'s, where others than ASCII may fail */
	struct fox_err inside; /* of a call that libarchive made */
	uint64_t at;           /* of the file: what libarchive reads next */
	uint64_t made;         /* bytes of the tar stream that the walk was given */
	size_t chunk_bytes;    /* the last of them, in chunk */
	uint8_t in[CHUNK], chunk[CHUNK];
	uint32_t crc; /* of what gzip unpacked to */
	struct fox_archive_names names;
	struct fox_archive_entry now;
	uint64_t left;    /* bytes of the member that were not read */
	uint64_t next_at; /* of the tar stream: where the next header must begin */
	uint64_t total;   /* bytes of all members so far */
	size_t n;         /* members so far */
	bool over;        /* the end was seen, or an error */
};

/* ---- what kind it is */

enum fox_status fox_archive_sniff(const struct fox_file *f, enum fox_archive_kind *kind, struct fox_err *err)
{
	uint8_t b[BLOCK] = {0};
	size_t n = f->size < sizeof b ? (size_t)f->size : sizeof b;
	enum fox_status s = fox_file_read(f, 0, b, n, err);
	*kind = FOX_ARCHIVE_NONE;
	if (s)
		return s;
	if (!memcmp(b, "\x1F\x8B", 2))
		*kind = FOX_ARCHIVE_GZIP;
	else if (!memcmp(b, "\x28\xB5\x2F\xFD", 4))
		*kind = FOX_ARCHIVE_ZSTD;
	else if (!memcmp(b, "\xFD\x37zXZ", 6))
		*kind = FOX_ARCHIVE_XZ;
	else if (!memcmp(b, "PK\3\4", 4) || !memcmp(b, "PK\5\6", 4))
		*kind = FOX_ARCHIVE_ZIP;
	else if (!memcmp(b + 257, "ustar", 5))
		*kind = FOX_ARCHIVE_TAR;
	return FOX_OK;
}

/* ---- failures */

/* What libarchive says, or what went wrong in a call that it made. It tells kinds of damage apart by words alone. */
static enum fox_status failed(struct fox_archive *a, struct archive *which, struct fox_err *err)
{
	const char *text = archive_error_string(which);
	enum fox_status s = FOX_E_FORMAT;
	a->over = true;
	if (a->inside.code) {
		if (err && !err->code)
			*err = a->inside;
		return a->inside.code;
	}
	if (!text || strstr(text, "No progress")) /* gzip says nothing, xz that */
		text = a->at < a->file.size ? "unknown damage" : "truncated, or followed by other bytes";
	if (archive_errno(which) == ENOMEM)
		return fox_fail_nomem(err);
	if (strstr(text, "runcated") || strstr(text, "remature end"))
		s = FOX_E_TRUNCATED;
	else if (strstr(text, "CRC") || strstr(text, "hecksum"))
		s = FOX_E_MISMATCH;
	else if (strstr(text, "nrecognized archive format"))
		text = "holds no tar archive";
	return fox_fail(err, s, FOX_NOWHERE, "%s", text);
}

/* Names of members and of the archive go with every message. */
static enum fox_status in_member(
    struct fox_archive *a, enum fox_status s, struct fox_str name, struct fox_err *err)
{
	if (!s)
		return FOX_OK;
	a->over = true;
	if (name.n)
		fox_in(err, "in member '%.*s'", FOX_STR_ARG(name));
	fox_in_file(err, a->file.path);
	return s;
}

/* ---- what libarchive calls */

static la_ssize_t read_file(struct archive *l, void *ctx, const void **bytes)
{
	struct fox_archive *a = ctx;
	size_t n = a->file.size - a->at < CHUNK ? (size_t)(a->file.size - a->at) : CHUNK;
	enum fox_status s = fox_cancelled(&a->inside);
	if (!s)
		s = fox_file_read(&a->file, a->at, a->in, n, &a->inside);
	if (s) {
		archive_set_error(l, -1, "cannot read");
		return ARCHIVE_FATAL;
	}
	a->at += n;
	*bytes = a->in;
	if (l == a->walk && a->kind == FOX_ARCHIVE_TAR)
		a->made = a->at;
	return (la_ssize_t)n;
}

static la_int64_t skip_file(struct archive *l, void *ctx, la_int64_t request)
{
	struct fox_archive *a = ctx;
	uint64_t rest = a->file.size - a->at, n = request < 0 ? 0 : (uint64_t)request;
	(void)l;
	n = n < rest ? n : rest;
	a->at += n;
	return (la_int64_t)n;
}

static la_int64_t seek_file(struct archive *l, void *ctx, la_int64_t offset, int whence)
{
	struct fox_archive *a = ctx;
	int64_t from = whence == SEEK_SET ? 0 : (int64_t)(whence == SEEK_CUR ? a->at : a->file.size), to;
	if (__builtin_add_overflow(from, offset, &to) || to < 0 || (uint64_t)to > a->file.size) {
		archive_set_error(l, -1, "a place outside the file");
		return ARCHIVE_FATAL;
	}
	a->at = (uint64_t)to;
	return to;
}

static bool blown_up(const struct fox_archive *a, uint64_t bytes)
{
	return bytes > FOX_ARCHIVE_FREE_BYTES && bytes / FOX_ARCHIVE_MAX_RATIO > a->file.size;
}

static enum fox_status too_much(const struct fox_archive *a, struct fox_err *err)
{
	return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "unpacks to more than %u times its %llu bytes",
	    FOX_ARCHIVE_MAX_RATIO, (unsigned long long)a->file.size);
}

/* The next chunk of the unpacked stream: full but for the last. */
static enum fox_status unpack_chunk(struct fox_archive *a, struct fox_err *err)
{
	a->chunk_bytes = 0;
	while (a->chunk_bytes < CHUNK) {
		la_ssize_t n = archive_read_data(a->filter, a->chunk + a->chunk_bytes, CHUNK - a->chunk_bytes);
		if (n < 0)
			return failed(a, a->filter, err);
		if (!n)
			break;
		a->chunk_bytes += (size_t)n;
	}
	a->made += a->chunk_bytes;
	if (a->kind == FOX_ARCHIVE_GZIP)
		a->crc = fox_zip_crc32(a->crc, a->chunk, a->chunk_bytes);
	return blown_up(a, a->made) ? too_much(a, err) : FOX_OK;
}

static la_ssize_t read_unpacked(struct archive *l, void *ctx, const void **bytes)
{
	struct fox_archive *a = ctx;
	struct fox_err e = {0};
	if (unpack_chunk(a, &e)) {
		if (!a->inside.code)
			a->inside = e;
		archive_set_error(l, -1, "cannot unpack");
		return ARCHIVE_FATAL;
	}
	*bytes = a->chunk;
	return (la_ssize_t)a->chunk_bytes;
}

/* ---- opening */

static enum fox_status open_filter(struct fox_archive *a, struct fox_err *err)
{
	struct archive_entry *whole;
	if (!(a->filter = archive_read_new()))
		return fox_fail_nomem(err);
	int r = archive_read_support_format_raw(a->filter);
	if (r == ARCHIVE_OK)
		r = a->kind == FOX_ARCHIVE_GZIP   ? archive_read_support_filter_gzip(a->filter)
		    : a->kind == FOX_ARCHIVE_ZSTD ? archive_read_support_filter_zstd(a->filter)
		                                  : archive_read_support_filter_xz(a->filter);
	if (r == ARCHIVE_WARN) /* it would start a program */
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "the libarchive of this machine cannot unpack it");
	if (r == ARCHIVE_OK)
		r = archive_read_open2(a->filter, a, NULL, read_file, skip_file, NULL);
	if (r == ARCHIVE_OK)
		r = archive_read_next_header(a->filter, &whole);
	if (r != ARCHIVE_OK)
		return failed(a, a->filter, err);
	if (archive_filter_count(a->filter) != 2) /* the one, and the file itself */
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "is compressed more than once");
	return FOX_OK;
}

static enum fox_status open_walk(struct fox_archive *a, struct fox_err *err)
{
	bool zip = a->kind == FOX_ARCHIVE_ZIP;
	enum fox_status s = zip ? fox_zip_open(&a->zip, &a->file, err) : fox_archive_check_window(&a->file, err);
	if (!s && !zip && a->kind != FOX_ARCHIVE_TAR)
		s = open_filter(a, err);
	if (s)
		return s;
	if (!(a->walk = archive_read_new()))
		return fox_fail_nomem(err);
	int r =
	    zip ? archive_read_support_format_zip_seekable(a->walk) : archive_read_support_format_tar(a->walk);
	if (r == ARCHIVE_OK)
		r = archive_read_set_read_callback(a->walk, a->filter ? read_unpacked : read_file);
	if (r == ARCHIVE_OK)
		r = archive_read_set_callback_data(a->walk, a);
	if (r == ARCHIVE_OK && !a->filter) {
		archive_read_set_skip_callback(a->walk, skip_file);
		archive_read_set_seek_callback(a->walk, seek_file);
	}
	if (r == ARCHIVE_OK && !(zip && !fox_zip_members(a->zip)))
		r = archive_read_open1(a->walk);
	return r == ARCHIVE_OK ? FOX_OK : failed(a, a->walk, err);
}

enum fox_status fox_archive_open(struct fox_archive **out, const char *path, struct fox_err *err)
{
	*out = NULL;
	struct fox_archive *a = calloc(1, sizeof *a);
	if (!a)
		return fox_fail_nomem(err);
	a->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	enum fox_status s = fox_file_open(&a->file, path, err);
	if (!s)
		s = fox_archive_sniff(&a->file, &a->kind, err);
	if (!s && !a->kind)
		s = fox_fail(
		    err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "no archive: neither tar (plain, gzip, zstd, xz) nor zip");
	if (!s)
		s = open_walk(a, err);
	if (s) {
		fox_in_file(err, path);
		fox_archive_close(a);
		return s;
	}
	*out = a;
	return FOX_OK;
}

void fox_archive_close(struct fox_archive *a)
{
	if (!a)
		return;
	archive_read_free(a->walk);
	archive_read_free(a->filter);
	if (a->utf8)
		freelocale(a->utf8);
	fox_zip_close(a->zip);
	fox_archive_names_free(&a->names);
	fox_file_close(&a->file);
	free(a);
}

enum fox_archive_kind fox_archive_kind_of(const struct fox_archive *a)
{
	return a->kind;
}

const struct fox_file *fox_archive_file(const struct fox_archive *a)
{
	return &a->file;
}

/* ---- the end */

static enum fox_status all_zeros(const uint8_t *p, size_t n, struct fox_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "bytes follow the end of the tar archive");
	return FOX_OK;
}

/* What follows the end-of-archive block from `at` on is padding; reading it makes the decoder check its sums. */
static enum fox_status read_tail(struct fox_archive *a, uint64_t at, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	if (a->filter) {
		uint64_t seen = a->made - at;
		if (seen <= a->chunk_bytes)
			s = all_zeros(a->chunk + a->chunk_bytes - seen, (size_t)seen, err);
		while (!s && a->chunk_bytes)
			if (!(s = unpack_chunk(a, err)))
				s = all_zeros(a->chunk, a->chunk_bytes, err);
		return s;
	}
	for (size_t n; at < a->file.size && !s; at += n) {
		n = a->file.size - at < CHUNK ? (size_t)(a->file.size - at) : CHUNK;
		s = fox_cancelled(err);
		if (!s)
			s = fox_file_read(&a->file, at, a->in, n, err);
		if (!s)
			s = all_zeros(a->in, n, err);
	}
	return s;
}

/* RFC 1952 2.3.1; libarchive does not look at it. */
static enum fox_status check_gzip(const struct fox_archive *a, struct fox_err *err)
{
	uint8_t end[8];
	if (a->file.size < 18)
		return fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "gzip: the file ends within its header");
	enum fox_status s = fox_file_read(&a->file, a->file.size - sizeof end, end, sizeof end, err);
	if (!s && (fox_load32(end) != a->crc || fox_load32(end + 4) != (uint32_t)a->made))
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "gzip: CRC-32 or size are not those at its end (or it is several gzip files in one)");
	return s;
}

static enum fox_status finish(struct fox_archive *a, struct fox_err *err)
{
	a->over = true;
	if (a->zip) {
		if (a->n != fox_zip_members(a->zip))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "zip: %zu members, %zu in the central directory",
			    a->n, fox_zip_members(a->zip));
		return FOX_OK;
	}
	uint64_t from = (uint64_t)archive_read_header_position(a->walk),
	         at = (uint64_t)archive_filter_bytes(a->walk, 0);
	if (at < from + BLOCK)
		return fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "no block of zeros ends the tar archive");
	if (from != a->next_at)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "the last member has not the size that it claims");
	enum fox_status s = read_tail(a, at, err);
	return s || a->kind != FOX_ARCHIVE_GZIP ? s : check_gzip(a, err);
}

/* ---- members */

static const char *kind_refused(struct archive_entry *e)
{
	if (archive_entry_hardlink(e) || archive_entry_hardlink_w(e))
		return "a hard link";
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return archive_entry_sparse_count(e)   ? "a sparse file"
		       : archive_entry_is_encrypted(e) ? "encrypted"
		                                       : NULL;
	case AE_IFDIR:
		return archive_entry_is_encrypted(e) ? "encrypted" : NULL;
	case AE_IFLNK:
		return "a symbolic link";
	case AE_IFCHR:
	case AE_IFBLK:
		return "a device";
	case AE_IFIFO:
		return "a FIFO";
	case AE_IFSOCK:
		return "a socket";
	default:
		return "neither a file nor a folder";
	}
}

/* What the zip reader of our own makes of the same member. */
static enum fox_status place_in_zip(
    struct fox_archive *a, struct fox_str raw, struct fox_archive_entry *e, struct fox_err *err)
{
	const struct fox_zip_member *m = fox_zip_find(a->zip, raw);
	if (!m || m->bytes != e->bytes)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "zip: the central directory does not have it so");
	e->at = m->at;
	e->plain = !m->deflated;
	return FOX_OK;
}

/* Where a tar member's bytes lie in the stream: right behind the header, and the next header behind them. */
static enum fox_status place_in_tar(struct fox_archive *a, struct fox_archive_entry *e, struct fox_err *err)
{
	int format = archive_format(a->walk);
	if (format != ARCHIVE_FORMAT_TAR_USTAR && format != ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE &&
	    format != ARCHIVE_FORMAT_TAR_PAX_RESTRICTED && format != ARCHIVE_FORMAT_TAR_GNUTAR)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "tar: neither ustar, pax nor GNU");
	if ((uint64_t)archive_read_header_position(a->walk) != a->next_at)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "tar: the member before has not the size that it claims");
	e->at = (uint64_t)archive_filter_bytes(a->walk, 0);
	if (e->at % BLOCK)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "tar: its bytes do not begin at a block");
	e->plain = !a->filter;
	a->next_at = (e->at + e->bytes + BLOCK - 1) / BLOCK * BLOCK;
	return FOX_OK;
}

static enum fox_status take_in(
    struct fox_archive *a, struct archive_entry *le, struct fox_str raw, struct fox_err *err)
{
	struct fox_archive_entry *e = &a->now;
	const char *why = kind_refused(le);
	if (why)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "is %s", why);
	*e = (struct fox_archive_entry){.folder = archive_entry_filetype(le) == AE_IFDIR};
	int64_t size = archive_entry_size(le);
	if (size < 0 || (!e->folder && !archive_entry_size_is_set(le)) || (e->folder && size))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "has no size that it can have");
	e->bytes = (uint64_t)size;
	a->total += e->bytes; /* below 2^44 + 2^63 */
	if (a->total > FOX_ARCHIVE_MAX_BYTES)
		return fox_fail(
		    err, FOX_E_BOUND, FOX_NOWHERE, "members take more than %llu bytes", FOX_ARCHIVE_MAX_BYTES);
	if (a->zip && blown_up(a, a->total))
		return too_much(a, err);
	enum fox_status s = a->zip ? place_in_zip(a, raw, e, err) : place_in_tar(a, e, err);
	if (!s && e->plain && (e->at > a->file.size || e->bytes > a->file.size - e->at))
		s = fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "the file ends before its %llu bytes",
		    (unsigned long long)e->bytes);
	return s;
}

/* One header; done: the end. The folder "." comes as an empty name. */
static enum fox_status next_entry(struct fox_archive *a, bool *done, struct fox_err *err)
{
	struct archive_entry *le;
	int r = archive_read_next_header(a->walk, &le);
	*done = r == ARCHIVE_EOF;
	if (*done)
		return in_member(a, finish(a, err), (struct fox_str){NULL, 0}, err);
	const char *name = r == ARCHIVE_OK || r == ARCHIVE_WARN ? archive_entry_pathname(le) : "";
	struct fox_str raw = fox_str_of(name ? name : "");
	enum fox_status s = r == ARCHIVE_OK ? take_in(a, le, raw, err) : failed(a, a->walk, err);
	if (!s)
		s = fox_archive_name_add(&a->names, raw, a->now.folder, &a->now.name, err);
	a->n++;
	a->left = a->now.bytes;
	return in_member(a, s, raw, err);
}

enum fox_status fox_archive_next(
    struct fox_archive *a, struct fox_archive_entry *e, bool *more, struct fox_err *err)
{
	*more = false;
	assert(!a->over);
	if (a->zip && !fox_zip_members(a->zip))
		return finish(a, err);
	locale_t before = a->utf8 ? uselocale(a->utf8) : (locale_t)0;
	enum fox_status s;
	bool done;
	do
		s = next_entry(a, &done, err);
	while (!s && !done && !a->now.name.n);
	if (before)
		uselocale(before);
	if (s || done)
		return s;
	*e = a->now;
	*more = true;
	return FOX_OK;
}

enum fox_status fox_archive_read(struct fox_archive *a, void *dst, size_t n, size_t *got, struct fox_err *err)
{
	uint8_t *to = dst, beyond;
	enum fox_status s = FOX_OK;
	*got = 0;
	n = n < a->left ? n : (size_t)a->left;
	bool last =
	    n && n == a->left; /* then libarchive is asked for a byte more, which makes it check the CRC */
	while (!s && (n || last)) {
		la_ssize_t k = archive_read_data(a->walk, n ? (void *)to : &beyond, n ? n : 1);
		if (k < 0)
			s = failed(a, a->walk, err);
		else if ((k == 0) != (n == 0))
			s = fox_fail(
			    err, k ? FOX_E_FORMAT : FOX_E_TRUNCATED, FOX_NOWHERE, "has not the size that it claims");
		else if (!k)
			last = false;
		else
			to += k, n -= (size_t)k, *got += (size_t)k, a->left -= (uint64_t)k;
	}
	return in_member(a, s, a->now.name, err);
}
