/* gguf_cursor.h - stepping through a container's header; private to its parser.
 *
 * Refuses to step past the end of the bytes: FOX_E_BOUND "file ends inside the <what>". */
#ifndef FOX_GGUF_CURSOR_H
#define FOX_GGUF_CURSOR_H

#include "format/base/err.h"

/* Where the parse stands: at <= n always. */
struct fox_cursor {
	const uint8_t *p;
	uint64_t n, at;
	bool swap; /* the file is big-endian */
	struct fox_err *err;
};

enum fox_status fox_cursor_u32(struct fox_cursor *c, const char *what, uint32_t *out) FOX_MUST_CHECK;
enum fox_status fox_cursor_u64(struct fox_cursor *c, const char *what, uint64_t *out) FOX_MUST_CHECK;

/* A length and that many bytes, at most `limit`: a view. A failure's offset is the length's. FOX_E_BOUND. */
enum fox_status fox_cursor_str(
    struct fox_cursor *c, const char *what, uint64_t limit, struct fox_str *out) FOX_MUST_CHECK;

/* A key or a tensor's name: text that every program reads as the same text. FOX_E_FORMAT when it is empty,
 * holds a NUL or is not well-formed UTF-8 (the offset is the byte's). */
enum fox_status fox_cursor_name(
    struct fox_cursor *c, const char *what, uint64_t limit, struct fox_str *out) FOX_MUST_CHECK;

#endif
