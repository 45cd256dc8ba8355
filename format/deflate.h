/* deflate.h - one raw deflate stream (RFC 1951, no zlib or gzip around it) into a block of known size, and back.
 *
 * What zlib is used for beside zip files. A state serves one thread, for any number of streams. */
#ifndef FOX_DEFLATE_H
#define FOX_DEFLATE_H

#include "format/base/fox.h"

struct fox_inflate;
struct fox_inflate *fox_inflate_open(void);    /* NULL: out of memory */
void fox_inflate_close(struct fox_inflate *z); /* NULL is fine */

/*
 * fox_inflate_run - unpack a stream that fills dst and ends with src, exactly
 *
 * returns  false: it is no such stream, or zlib is out of memory. dst may have been written then, never behind n; n and n_src
 *          under 2^31
 */
bool fox_inflate_run(struct fox_inflate *z, uint8_t *dst, size_t n, const uint8_t *src, size_t n_src);

struct fox_deflate;
struct fox_deflate *fox_deflate_open(void);
void fox_deflate_close(struct fox_deflate *z);

/* Pack n bytes at zlib's own level. Returns the bytes of the stream; 0: it does not fit `room`. Which bytes come out may
 * depend on the version of zlib. */
size_t fox_deflate_run(struct fox_deflate *z, uint8_t *dst, size_t room, const uint8_t *src, size_t n);

#endif
