/* fox.h - the words every file uses: status, span, string view, macros. Includes only libc. */
#ifndef FOX_H
#define FOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOX_VERSION "0.1.0"
#define FOX_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FOX_MUST_CHECK __attribute__((warn_unused_result))
#define FOX_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FOX_PREFETCH(p) __builtin_prefetch(p)

/* Every fallible function returns one of these; 0 is success. Values are pinned in spec/cli.md. */
enum fox_status {
	FOX_OK = 0,
	FOX_E_ARG = 1,         /* the caller asked for something impossible */
	FOX_E_IO = 2,          /* the operating system refused; errno text is in the message */
	FOX_E_NOMEM = 3,       /* an allocation failed */
	FOX_E_FORMAT = 4,      /* the input breaks its own format */
	FOX_E_BOUND = 5,       /* the input points outside itself, or past a limit of ours */
	FOX_E_TRUNCATED = 6,   /* the input ends before the data that its header declares */
	FOX_E_UNSUPPORTED = 7, /* valid, but not handled by this build */
	FOX_E_MISMATCH = 8,    /* two things that must agree do not; a hash that is not the one written */
	FOX_E_CANCELLED = 9,   /* a signal asked the program to stop */
	FOX_STATUS_COUNT
};

/* Borrowed bytes. Whoever lends them says for how long. */
struct fox_span {
	const uint8_t *p;
	size_t n; /* bytes */
};

/* Borrowed text: UTF-8 unless said otherwise, not NUL-terminated. p is non-NULL even when n is 0. */
struct fox_str {
	const char *p;
	size_t n; /* bytes */
};

#endif
