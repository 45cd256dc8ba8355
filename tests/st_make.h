/* st_make.h - safetensors files for tests: a buffer out of header text and a pattern of data bytes. */
#ifndef FOX_ST_MAKE_H
#define FOX_ST_MAKE_H

#include "format/base/num.h"
#include "format/base/str.h"

#define ST_MAKE_DATA_BYTE(i) ((uint8_t)((i)*7 + 3))

/*
 * Append a file to b: `length` as the header's length, the header, n_data bytes ST_MAKE_DATA_BYTE(0), (1)...
 * A true file has length == header.n.
 */
static inline void st_make_raw(struct fox_buf *b, uint64_t length, struct fox_str header, size_t n_data)
{
	uint8_t n[8];
	fox_store64(n, length);
	fox_buf_add(b, n, sizeof n);
	fox_buf_add(b, header.p, header.n);
	for (size_t i = 0; i < n_data; i++)
		fox_buf_char(b, (char)ST_MAKE_DATA_BYTE(i));
}

static inline void st_make(struct fox_buf *b, const char *header, size_t n_data)
{
	st_make_raw(b, strlen(header), fox_str_of(header), n_data);
}

#endif
