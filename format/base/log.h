/* log.h - the only writer to stderr: errors, notes, progress. stdout is data, stderr is talk. */
#ifndef FOX_LOG_H
#define FOX_LOG_H

#include "format/base/err.h"

/* Name the tool once, first thing in main. quiet silences notes and progress, never errors. */
/* From then on SIGBUS (a mapped input cut or unreadable) is one line and exit 3 too. */
void fox_log_init(const char *tool);
void fox_log_quiet(bool quiet);

/* "fox-x: file: offset N: text", escaped, one line. Returns the exit status for err->code. */
int fox_log_err(const struct fox_err *err);
/* As fox_log_err for what fox_opt_parse returns: a wrong command line gets the line "try 'fox-x --help'". */
int fox_log_usage(const struct fox_err *err);
/* "fox-x: note: ..." */
void fox_log_note(const char *fmt, ...) FOX_PRINTF(1, 2);

/* Progress, only when stderr is a terminal: rewritten at most 6 times a second. what: a short phrase. */
void fox_log_progress(const char *what, uint64_t done_bytes, uint64_t total_bytes);
/* The same of things that are counted: "fox-x: text: 3 of 64 chunks". */
void fox_log_progress_count(const char *what, uint64_t done, uint64_t total, const char *things);
void fox_log_progress_end(void); /* clears the line */

/* May colour go to this stream? A terminal, and neither NO_COLOR nor TERM=dumb. */
bool fox_log_colour(int fd);

#endif
