/* log.c - stderr. Lines are built whole and written at once, so that two threads do not mix them. */
#include "format/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/str.h"

static const char *tool = "fox";
static bool quiet, progress_shown;

static char bus_line[160];

/* Inputs are mapped. Another process that cuts one while it is read, or a disk that fails, raises SIGBUS at the next
 * touch; nothing read so far can be trusted then. */
static void on_bus(int sig)
{
	(void)sig;
	(void)!write(2, bus_line, strlen(bus_line));
	_exit(fox_status_exit(FOX_E_IO));
}

/*
 * A standard stream that the caller closed would lend its number to the next file that is opened: a note would land in
 * a container, or a model be read as the prompt. A path to nothing takes the number; reading and writing fail on it.
 */
static void hold_streams(void)
{
	int fd;
	do
		fd = open("/", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void fox_log_init(const char *name)
{
	struct sigaction bus = {.sa_handler = on_bus};
	tool = name;
	hold_streams();
	snprintf(bus_line, sizeof bus_line, "%s: a mapped file was cut, or its disk failed, while it was read\n",
	    name);
	sigaction(SIGBUS, &bus, NULL);
}

void fox_log_quiet(bool on)
{
	quiet = on;
}

static void line(const struct fox_buf *b)
{
	fox_log_progress_end();
	fwrite(b->p ? b->p : "", 1, b->n, stderr);
	fflush(stderr);
}

int fox_log_err(const struct fox_err *err)
{
	struct fox_buf b = {0};
	fox_buf_fmt(&b, "%s: ", tool);
	if (err->file[0]) {
		fox_buf_escaped(&b, fox_str_of(err->file), SIZE_MAX);
		fox_buf_str(&b, ": ");
	}
	if (err->at != FOX_NOWHERE)
		fox_buf_fmt(&b, "offset %llu: ", (unsigned long long)err->at);
	fox_buf_escaped(&b, fox_str_of(err->text), SIZE_MAX);
	fox_buf_char(&b, '\n');
	line(&b);
	fox_buf_free(&b);
	if (err->code == FOX_E_CANCELLED)
		return 128 + fox_signal_pending();
	return fox_status_exit(err->code);
}

int fox_log_usage(const struct fox_err *err)
{
	int code = fox_log_err(err);
	struct fox_buf b = {0};
	if (err->code != FOX_E_ARG)
		return code;
	fox_buf_fmt(&b, "try '%s --help'\n", tool);
	line(&b);
	fox_buf_free(&b);
	return code;
}

void fox_log_note(const char *fmt, ...)
{
	char text[1024];
	struct fox_buf b = {0};
	va_list ap;
	if (quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fox_buf_fmt(&b, "%s: note: ", tool);
	fox_buf_escaped(&b, fox_str_of(text), SIZE_MAX);
	fox_buf_char(&b, '\n');
	line(&b);
	fox_buf_free(&b);
}

/* Is it time for another line? The last one always is. */
static bool progress_due(bool last_one)
{
	static struct timespec last;
	struct timespec now;
	if (quiet || !isatty(2))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double since = (double)(now.tv_sec - last.tv_sec) + (double)(now.tv_nsec - last.tv_nsec) * 1e-9;
	if (since < 1.0 / 6 && !last_one)
		return false;
	last = now;
	return progress_shown = true;
}

void fox_log_progress(const char *what, uint64_t done, uint64_t total)
{
	if (!progress_due(done >= total))
		return;
	fprintf(stderr, "\r%s: %s %5.1f%% of %.2f GB\033[K", tool, what,
	    total ? 100.0 * (double)done / (double)total : 100.0, (double)total / 1e9);
	fflush(stderr);
}

void fox_log_progress_count(const char *what, uint64_t done, uint64_t total, const char *things)
{
	if (!progress_due(done >= total))
		return;
	fprintf(stderr, "\r%s: %s: %llu of %llu %s\033[K", tool, what, (unsigned long long)done,
	    (unsigned long long)total, things);
	fflush(stderr);
}

void fox_log_progress_end(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress_shown = false;
}

bool fox_log_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}
