/* err.c - recording failures: first one wins, context is appended outward. */
#include "format/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* name: for people and tests. exit_code: spec/cli.md section 2. */
static const struct {
	const char *name;
	int exit_code;
} statuses[FOX_STATUS_COUNT] = {
    [FOX_OK] = {"ok", 0},
    [FOX_E_ARG] = {"bad argument", 2},
    [FOX_E_IO] = {"i/o", 3},
    [FOX_E_NOMEM] = {"memory", 3},
    [FOX_E_FORMAT] = {"format", 3},
    [FOX_E_BOUND] = {"bound", 3},
    [FOX_E_TRUNCATED] = {"truncated", 1},
    [FOX_E_UNSUPPORTED] = {"unsupported", 4},
    [FOX_E_MISMATCH] = {"mismatch", 1},
    [FOX_E_CANCELLED] = {"cancelled", 130},
};

const char *fox_status_name(enum fox_status code)
{
	return (unsigned)code < FOX_STATUS_COUNT ? statuses[code].name : "unknown";
}

int fox_status_exit(enum fox_status code)
{
	return (unsigned)code < FOX_STATUS_COUNT ? statuses[code].exit_code : 3;
}

enum fox_status fox_fail(struct fox_err *err, enum fox_status code, uint64_t at, const char *fmt, ...)
{
	if (err && err->code == FOX_OK) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
		err->code = code;
		err->at = at;
	}
	return code;
}

enum fox_status fox_fail_errno(struct fox_err *err, int errnum, const char *fmt, ...)
{
	enum fox_status code = errnum == ENOMEM ? FOX_E_NOMEM : FOX_E_IO;
	if (err && err->code == FOX_OK) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
		size_t n = strlen(err->text);
		char reason[128];
		/* GNU strerror_r may return a constant instead of filling the buffer */
		snprintf(err->text + n, sizeof err->text - n, ": %s", strerror_r(errnum, reason, sizeof reason));
		err->code = code;
		err->at = FOX_NOWHERE;
	}
	return code;
}

enum fox_status fox_fail_nomem(struct fox_err *err)
{
	return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE, "out of memory");
}

void fox_in(struct fox_err *err, const char *fmt, ...)
{
	if (!err || err->code == FOX_OK)
		return;
	size_t n = strlen(err->text);
	if (n + 3 < sizeof err->text) {
		va_list ap;
		memcpy(err->text + n, ", ", 3);
		va_start(ap, fmt);
		vsnprintf(err->text + n + 2, sizeof err->text - n - 2, fmt, ap);
		va_end(ap);
	}
}

/* "cannot open 'x'" names its file already. */
static bool names(const char *text, const char *path)
{
	size_t n = strlen(path);
	for (const char *at = strstr(text, path); at && n; at = strstr(at + 1, path))
		if (at > text && at[-1] == '\'' && at[n] == '\'')
			return true;
	return false;
}

void fox_in_file(struct fox_err *err, const char *path)
{
	if (!err || err->code == FOX_OK)
		return;
	if (!err->file[0] && !names(err->text, path))
		snprintf(err->file, sizeof err->file, "%s", path);
}
