/* journal.c - lines of text with a checksum each, behind a head that says whose they are. */
#include "convert/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/base/io.h"

#define MAGIC "fox-journal 1"
#define MAX_BYTES (1u << 30) /* of a journal: a million tensors have 300 MB */

struct fox_journal {
	int fd;
	uint64_t at; /* end of what is written */
	struct fox_buf noted;
	char *path;
};

/* ---- lines */

static uint64_t bits_of(double d)
{
	uint64_t u;
	memcpy(&u, &d, sizeof u);
	return u;
}

static double double_of(uint64_t u)
{
	double d;
	memcpy(&d, &u, sizeof d);
	return d;
}

static void add_checksum(struct fox_buf *b, size_t line)
{
	if (!b->failed)
		fox_buf_fmt(b, " %016llx\n", (unsigned long long)fox_xxh3_64(b->p + line, b->n - line, 0));
}

static void add_line(struct fox_buf *b, size_t step, const struct fox_tally *t, const struct fox_raw *raw)
{
	char hash[FOX_HASH128_HEX + 1], source[FOX_HASH128_HEX + 1] = "-";
	size_t line = b->n;
	fox_hex(hash, t->hash.b, sizeof t->hash.b);
	if (raw->known)
		fox_hex(source, raw->hash.b, sizeof raw->hash.b);
	fox_buf_fmt(b, "tensor %zu %s %s %llx %llx %llx %llx %llx %llx %llx %llx", step, hash, source,
	    (unsigned long long)t->loss.n_nan, (unsigned long long)t->loss.n_inf,
	    (unsigned long long)t->loss.n_overflow, (unsigned long long)t->loss.n_underflow,
	    (unsigned long long)bits_of(t->error.sum_square_error),
	    (unsigned long long)bits_of(t->error.sum_square), (unsigned long long)bits_of(t->error.max_abs_error),
	    (unsigned long long)t->error.n);
	add_checksum(b, line);
}

/* The next line of text, without its end; false at the end, and for a line that was cut. */
static bool next_line(struct fox_str *text, struct fox_str *line)
{
	const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	if (!end)
		return false;
	*line = (struct fox_str){text->p, (size_t)(end - text->p)};
	*text = (struct fox_str){end + 1, text->n - line->n - 1};
	return true;
}

/* Takes the line's checksum off; false when it is wrong. */
static bool check_line(struct fox_str *line)
{
	char want[24];
	if (line->n < 17)
		return false;
	snprintf(want, sizeof want, " %016llx", (unsigned long long)fox_xxh3_64(line->p, line->n - 17, 0));
	line->n -= 17;
	return !memcmp(line->p + line->n, want, 17);
}

static void parse_line(
    struct fox_str line, const struct fox_job *job, struct fox_tally *tally, struct fox_raw *raw)
{
	char text[512], hash[40], source[40];
	unsigned long long step, v[8];
	if (line.n >= sizeof text)
		return;
	memcpy(text, line.p, line.n);
	text[line.n] = 0;
	if (sscanf(text, "tensor %llu %39s %39s %llx %llx %llx %llx %llx %llx %llx %llx", &step, hash, source,
	        &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 11)
		return;
	struct fox_tally t = {.done = true,
	    .loss = {v[0], v[1], v[2], v[3]},
	    .error = {.sum_square_error = double_of(v[4]),
	        .sum_square = double_of(v[5]),
	        .max_abs_error = (float)double_of(v[6]),
	        .n = v[7]}};
	if (step >= job->n_steps || job->steps[step].kind != FOX_STEP_WRITE ||
	    !fox_unhex(t.hash.b, fox_str_of(hash), sizeof t.hash.b))
		return;
	if (fox_unhex(raw[step].hash.b, fox_str_of(source), sizeof raw[step].hash.b))
		raw[step].known = true;
	tally[step] = t;
}

/* ---- reading */

/* Both heads line by line. */
static enum fox_status compare_heads(
    struct fox_str *text, struct fox_str want, const char *path, bool *whole, struct fox_err *err)
{
	struct fox_str is, must;
	*whole = false;
	while (next_line(&want, &must)) {
		if (!next_line(text, &is))
			return FOX_OK;
		size_t name = 0;
		while (name < must.n && must.p[name] != ' ')
			name++;
		if (!check_line(&is) || is.n != must.n || memcmp(is.p, must.p, is.n))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
			    "'%s' is of another run, with another '%.*s': without it and the .part the work begins anew",
			    path, (int)name, must.p);
	}
	*whole = true;
	return FOX_OK;
}

static void whole_head(struct fox_buf *b, struct fox_str head)
{
	fox_buf_fmt(b, MAGIC "\nversion %s\n", FOX_VERSION);
	fox_buf_add(b, head.p, head.n);
}

enum fox_status fox_journal_read(const char *path, struct fox_str head, const struct fox_job *job,
    struct fox_tally *tally, struct fox_raw *raw, bool *found, struct fox_err *err)
{
	struct fox_buf want = {0};
	char *bytes = NULL;
	size_t n = 0;
	*found = false;
	if (access(path, F_OK) && errno == ENOENT)
		return FOX_OK;
	enum fox_status s = fox_path_slurp(path, MAX_BYTES, &bytes, &n, err);
	if (s)
		return s;
	struct fox_str text = {bytes, n}, line;
	whole_head(&want, head);
	s = want.failed ? fox_fail_nomem(err) : compare_heads(&text, fox_buf_view(&want), path, found, err);
	while (!s && *found && next_line(&text, &line))
		if (check_line(&line))
			parse_line(line, job, tally, raw);
	fox_buf_free(&want);
	free(bytes);
	return s;
}

/* ---- writing */

static enum fox_status put(struct fox_journal *j, const struct fox_buf *b, struct fox_err *err)
{
	for (size_t done = 0; done < b->n;) {
		ssize_t n = pwrite(j->fd, b->p + done, b->n - done, (off_t)(j->at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fox_fail_errno(err, n ? errno : EIO, "cannot write '%s'", j->path);
		done += (size_t)n;
	}
	j->at += b->n;
	return fdatasync(j->fd) ? fox_fail_errno(err, errno, "cannot flush '%s' to disk", j->path) : FOX_OK;
}

/* A head whose every line has its checksum, too. */
static void add_head(struct fox_buf *b, struct fox_str head)
{
	struct fox_buf plain = {0};
	whole_head(&plain, head);
	struct fox_str text = fox_buf_view(&plain), line;
	while (next_line(&text, &line)) {
		size_t at = b->n;
		fox_buf_add(b, line.p, line.n);
		add_checksum(b, at);
	}
	b->failed |= plain.failed;
	fox_buf_free(&plain);
}

enum fox_status fox_journal_open(struct fox_journal **out, const char *path, struct fox_str head,
    const struct fox_job *job, const struct fox_tally *tally, const struct fox_raw *raw, struct fox_err *err)
{
	struct fox_buf b = {0}, temp = {0};
	struct fox_journal *j = calloc(1, sizeof *j);
	*out = NULL;
	fox_buf_fmt(&temp, "%s.new", path);
	add_head(&b, head);
	for (size_t i = 0; i < job->n_steps; i++)
		if (tally[i].done)
			add_line(&b, i, &tally[i], &raw[i]);
	enum fox_status s = FOX_OK;
	if (!j || !(j->path = strdup(path)) || b.failed || temp.failed)
		s = fox_fail_nomem(err);
	/* beside the old one, which stays good until the new one is whole */
	else if ((j->fd = open(temp.p, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666)) < 0)
		s = fox_fail_errno(err, errno, "cannot create '%s'", temp.p);
	else if ((s = put(j, &b, err)) || rename(temp.p, path)) {
		s = s ? s : fox_fail_errno(err, errno, "cannot rename '%s'", temp.p);
		unlink(temp.p);
		close(j->fd);
	} else
		*out = j;
	if (s && j) {
		free(j->path);
		free(j);
	}
	fox_buf_free(&b);
	fox_buf_free(&temp);
	return s;
}

enum fox_status fox_journal_add(struct fox_journal *j, size_t step, const struct fox_tally *tally,
    const struct fox_raw *raw, struct fox_err *err)
{
	add_line(&j->noted, step, tally, raw);
	return j->noted.failed ? fox_fail_nomem(err) : FOX_OK;
}

enum fox_status fox_journal_flush(struct fox_journal *j, struct fox_out *data, struct fox_err *err)
{
	if (!j->noted.n)
		return FOX_OK;
	enum fox_status s = fox_out_sync(data, err);
	if (!s)
		s = put(j, &j->noted, err);
	if (!s)
		fox_buf_clear(&j->noted);
	return s;
}

void fox_journal_close(struct fox_journal *j, bool remove_it)
{
	if (!j)
		return;
	close(j->fd);
	if (remove_it)
		unlink(j->path);
	fox_buf_free(&j->noted);
	free(j->path);
	free(j);
}
