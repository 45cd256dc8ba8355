/* head_journal.c - the journal of a header that is changed in place. spec/edit.md 4 */
#include "format/head_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/base/num.h"
#include "format/base/str.h"
#include "format/profile.h"

enum {
	HEAD = 80,
	VERSION = 1,
	AT_VERSION = 8,
	AT_FILE = 16,
	AT_HEADER = 24,
	AT_WAS = 32,
	AT_IS = 48,
	AT_SUM = 64
};

static const char magic[8] = "FOXHEAD\n";

char *fox_head_journal_path(const char *container)
{
	char *real = realpath(container, NULL);
	struct fox_buf b = {0};
	if (real)
		fox_buf_fmt(&b, "%s%s", real, FOX_HEAD_JOURNAL);
	free(real);
	if (b.failed)
		fox_buf_free(&b);
	return b.p;
}

static bool sum_is(const void *p, size_t n, const uint8_t *sum)
{
	struct fox_hash128 h = fox_xxh3(p, n);
	return !memcmp(h.b, sum, sizeof h.b);
}

enum fox_status fox_head_journal_parse(struct fox_head_journal *j, struct fox_span bytes, struct fox_err *err)
{
	const uint8_t *p = bytes.p;
	if (bytes.n < HEAD)
		return fox_fail(err, FOX_E_BOUND, 0, "journal of %zu bytes is shorter than its head", bytes.n);
	if (memcmp(p, magic, sizeof magic))
		return fox_fail(err, FOX_E_FORMAT, 0, "this is no journal of fox");
	if (!sum_is(p, AT_SUM, p + AT_SUM))
		return fox_fail(err, FOX_E_FORMAT, AT_SUM, "checksum of the journal's head is wrong");
	if (fox_load32(p + AT_VERSION) != VERSION)
		return fox_fail(err, FOX_E_UNSUPPORTED, AT_VERSION,
		    "version %" PRIu32 " of the journal is not known here", fox_load32(p + AT_VERSION));
	uint64_t header = fox_load64(p + AT_HEADER), want;
	if (!fox_mul(&want, header, 2) || !fox_add(&want, want, HEAD) || want != bytes.n)
		return fox_fail(err, FOX_E_BOUND, AT_HEADER,
		    "journal of two headers of %" PRIu64 " bytes has %zu bytes", header, bytes.n);
	if (!header || header > fox_load64(p + AT_FILE))
		return fox_fail(err, FOX_E_BOUND, AT_HEADER,
		    "header of %" PRIu64 " bytes is none of a file of %" PRIu64, header, fox_load64(p + AT_FILE));
	if (!sum_is(p + HEAD, (size_t)header, p + AT_WAS) ||
	    !sum_is(p + HEAD + header, (size_t)header, p + AT_IS))
		return fox_fail(err, FOX_E_FORMAT, HEAD, "checksum of a header in the journal is wrong");
	j->file_bytes = fox_load64(p + AT_FILE);
	j->was = (struct fox_span){p + HEAD, (size_t)header};
	j->is = (struct fox_span){p + HEAD + header, (size_t)header};
	return FOX_OK;
}

enum fox_status fox_head_journal_open(
    struct fox_head_journal *j, const char *path, bool *found, struct fox_err *err)
{
	*j = (struct fox_head_journal){0};
	*found = !access(path, F_OK) || (errno != ENOENT && errno != ENAMETOOLONG);
	if (!*found)
		return FOX_OK;
	enum fox_status s = fox_map_open(&j->map, path, err);
	if (!s)
		s = fox_head_journal_parse(j, j->map.bytes, err);
	if (s)
		fox_in_file(err, path);
	return s;
}

void fox_head_journal_close(struct fox_head_journal *j)
{
	fox_map_close(&j->map);
	*j = (struct fox_head_journal){0};
}

enum fox_head_fit fox_head_journal_fit(const struct fox_head_journal *j, struct fox_span file)
{
	if (file.n != j->file_bytes)
		return FOX_HEAD_OTHER;
	if (!memcmp(file.p, j->is.p, j->is.n))
		return FOX_HEAD_IS;
	if (!memcmp(file.p, j->was.p, j->was.n))
		return FOX_HEAD_WAS;
	for (size_t i = 0; i < j->is.n; i++)
		if (file.p[i] != j->was.p[i] && file.p[i] != j->is.p[i])
			return FOX_HEAD_OTHER;
	return FOX_HEAD_TORN;
}

enum fox_status fox_head_journal_write(const char *path, uint64_t file_bytes, struct fox_span was,
    struct fox_span is, uint32_t mode, struct fox_err *err)
{
	uint8_t head[HEAD] = {0};
	struct fox_hash128 a = fox_xxh3(was.p, was.n), b = fox_xxh3(is.p, is.n);
	memcpy(head, magic, sizeof magic);
	fox_store32(head + AT_VERSION, VERSION);
	fox_store64(head + AT_FILE, file_bytes);
	fox_store64(head + AT_HEADER, was.n);
	memcpy(head + AT_WAS, a.b, sizeof a.b);
	memcpy(head + AT_IS, b.b, sizeof b.b);
	struct fox_hash128 sum = fox_xxh3(head, AT_SUM);
	memcpy(head + AT_SUM, sum.b, sizeof sum.b);
	struct fox_out *out;
	enum fox_status s = fox_out_open(&out, path, false, err);
	if (s)
		return s;
	s = fox_out_set_mode(out, mode, err);
	if (!s)
		s = fox_out_reserve(out, HEAD + was.n + is.n, err);
	if (!s)
		s = fox_out_write(out, 0, head, sizeof head, err);
	if (!s)
		s = fox_out_write(out, HEAD, was.p, was.n, err);
	if (!s)
		s = fox_out_write(out, HEAD + was.n, is.p, is.n, err);
	if (!s)
		return fox_out_commit(out, err);
	fox_out_abort(out);
	return s;
}

/* Does the container open, and is its header the one that was written? */
static bool is_whole(struct fox_span bytes)
{
	struct fox_gguf *g;
	bool whole = !fox_gguf_open_bytes(&g, bytes, "", NULL) && fox_profile_state(g) == FOX_HASH_OK;
	fox_gguf_close(g);
	return whole;
}

/* A file that needs no journal: its hash is right, or it is whole and of a program that writes no hashes, so that fox never
 * changed its header in place. */
static bool stands(struct fox_span bytes)
{
	struct fox_gguf *g;
	enum fox_hash_state state = FOX_HASH_DAMAGED;
	if (!fox_gguf_open_bytes(&g, bytes, "", NULL))
		state = fox_profile_state(g);
	fox_gguf_close(g);
	return state == FOX_HASH_OK || state == FOX_HASH_NONE;
}

/* Put the new header over m. *good: both headers are as written; an old one that never was a container's vouches for nothing. */
static enum fox_status lay_over(
    struct fox_map_file *m, const struct fox_head_journal *j, bool *good, struct fox_err *err)
{
	enum fox_status s = fox_map_overlay(m, j->was, err);
	*good = !s && is_whole(m->bytes);
	if (!s)
		s = fox_map_overlay(m, j->is, err);
	*good = *good && !s && is_whole(m->bytes);
	return s;
}

/* There is something of the journal's name beside the file that m maps. */
static enum fox_status overlay(struct fox_map_file *m, const char *path, struct fox_err *err)
{
	struct fox_head_journal j;
	struct fox_err why = {0};
	bool found, good = true;
	if (stands(m->bytes))
		return FOX_OK;
	enum fox_status s = fox_head_journal_open(&j, path, &found, &why);
	if (!s && found && fox_head_journal_fit(&j, m->bytes) == FOX_HEAD_TORN)
		s = lay_over(m, &j, &good, err);
	else if (s == FOX_E_IO || s == FOX_E_NOMEM)
		fox_fail(err, s, FOX_NOWHERE,
		    "changing its header was interrupted, and the journal is unreadable: %s", why.text);
	else
		s = FOX_OK; /* no journal, or none of this file: what is wrong with the file is for others to say */
	fox_head_journal_close(&j);
	if (!s && !good) /* made up: never believed */
		return fox_map_close(m), fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		                             "the journal beside it holds a header that is not as written");
	return s;
}

enum fox_status fox_head_map_open(struct fox_map_file *m, const char *path, struct fox_err *err)
{
	enum fox_status s = fox_map_open(m, path, err);
	if (s)
		return s;
	char *journal = fox_head_journal_path(path);
	if (journal && (!access(journal, F_OK) || (errno != ENOENT && errno != ENAMETOOLONG)))
		s = overlay(m, journal, err);
	free(journal);
	if (s) {
		fox_map_close(m);
		fox_in_file(err, path);
	}
	return s;
}

static enum fox_status recover(struct fox_inplace *f, const char *path, const struct fox_head_journal *j,
    enum fox_head_fit *fit, struct fox_err *err)
{
	struct fox_map_file m;
	bool good;
	enum fox_status s = fox_map_open(&m, f->path, err);
	if (s)
		return s;
	*fit = fox_head_journal_fit(j, m.bytes);
	if (*fit == FOX_HEAD_TORN && stands(m.bytes)) /* it stands for itself */
		*fit = FOX_HEAD_OTHER;
	if (*fit == FOX_HEAD_TORN) { /* never write what would not be a container */
		s = lay_over(&m, j, &good, err);
		if (!s && !good)
			*fit = FOX_HEAD_OTHER;
	}
	fox_map_close(&m);
	if (!s && *fit == FOX_HEAD_OTHER)
		s = fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "'%s' is not of this file: remove it if nothing else needs it", path);
	if (!s && *fit == FOX_HEAD_TORN)
		s = fox_inplace_write(f, 0, j->is.p, j->is.n, err);
	else if (!s && *fit == FOX_HEAD_IS)
		s = fox_inplace_sync(f, err);
	return s ? s : fox_inplace_unlink(f, path, err);
}

enum fox_status fox_head_recover(
    struct fox_inplace *f, bool *had, enum fox_head_fit *fit, struct fox_err *err)
{
	struct fox_head_journal j = {0};
	char *path = fox_head_journal_path(f->path);
	*fit = FOX_HEAD_OTHER;
	if (!path)
		return fox_fail_nomem(err);
	enum fox_status s = fox_head_journal_open(&j, path, had, err);
	if (!s && *had)
		s = recover(f, path, &j, fit, err);
	fox_head_journal_close(&j);
	free(path);
	return s;
}

enum fox_status fox_head_replace(
    struct fox_inplace *f, struct fox_span file, struct fox_span is, bool *begun, struct fox_err *err)
{
	char *path = fox_head_journal_path(f->path);
	*begun = false;
	if (!path)
		return fox_fail_nomem(err);
	enum fox_status s =
	    fox_head_journal_write(path, file.n, (struct fox_span){file.p, is.n}, is, f->mode, err);
	*begun = !s || !access(path, F_OK);
	if (!s)
		s = fox_inplace_write(f, 0, is.p, is.n, err);
	if (!s)
		s = fox_inplace_unlink(f, path, err);
	free(path);
	return s;
}
