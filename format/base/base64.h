/* base64.h - base64 with the standard alphabet and padding, strictly: every text that is accepted is the one that its bytes
 * are written as.  source: RFC 4648 section 4, with 3.3 (no other characters) and 3.5 (bits that are padded are zero) */
#ifndef FOX_BASE64_H
#define FOX_BASE64_H

#include "format/base/str.h"

/* Room that decoding n characters may take, and characters that n bytes are written as. */
#define FOX_BASE64_ROOM(n) ((n) / 4 * 3)
#define FOX_BASE64_CHARS(n) (((n) + 2) / 3 * 4)

/*
 * fox_base64_decode - the bytes of a text
 *
 * out      at least FOX_BASE64_ROOM(text.n) bytes; nothing else is written to, so that secrets leave no copies
 * n        bytes written
 * bad      offset of the first character that is wrong, or text.n where the text ends too early; NULL: not asked
 * returns  false when the text is not canonical base64; out then holds what came before
 */
bool fox_base64_decode(uint8_t *out, size_t *n, struct fox_str text, size_t *bad);

/* Append FOX_BASE64_CHARS(n) characters. */
void fox_base64_encode(struct fox_buf *out, const void *p, size_t n);

#endif
