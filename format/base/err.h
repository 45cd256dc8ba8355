/* err.h - what went wrong, where, and on the way to what. */
#ifndef FOX_ERR_H
#define FOX_ERR_H

#include "format/base/fox.h"

#define FOX_NOWHERE UINT64_MAX

/* Lives on the caller's stack; zero-initialise it. Never allocates. */
struct fox_err {
	enum fox_status code;
	uint64_t at;    /* byte offset in the input, or FOX_NOWHERE */
	char file[256]; /* the input it is about; empty when the caller knows */
	char text[768]; /* one line, no full stop, innermost first; not yet escaped for a terminal */
};

/*
 * fox_fail - record a failure and return its code, so that `return fox_fail(...)` reads well
 *
 * err    may be NULL: the code is still returned. A code already recorded is kept.
 */
enum fox_status fox_fail(struct fox_err *err, enum fox_status code, uint64_t at, const char *fmt, ...)
    FOX_PRINTF(4, 5);

/* As fox_fail, with ": <text of errno>" appended and FOX_E_IO (FOX_E_NOMEM for ENOMEM) as the code. */
enum fox_status fox_fail_errno(struct fox_err *err, int errnum, const char *fmt, ...) FOX_PRINTF(3, 4);

/* The one spelling of "out of memory". */
enum fox_status fox_fail_nomem(struct fox_err *err);

/* Append ", <context>" to a recorded failure; does nothing on success or without err. A caller returns its own status. */
void fox_in(struct fox_err *err, const char *fmt, ...) FOX_PRINTF(2, 3);

/* Name the input a recorded failure is about, unless one is named already (the text may do so: 'path'). */
void fox_in_file(struct fox_err *err, const char *path);

const char *fox_status_name(enum fox_status code);

/* The exit status of a program that ends with this code: spec/cli.md section 2. */
int fox_status_exit(enum fox_status code);

#endif
