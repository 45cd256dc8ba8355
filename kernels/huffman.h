/* huffman.h - bytes to a deflate stream of one block that has literals only, as zlib's Z_HUFFMAN_ONLY makes them, and back:
 * several times as fast as zlib, and the same bytes whatever its version.
 *
 * Any inflate reads such a stream.  source: RFC 1951 section 3.2; the lengths are Huffman's, by the two queues of J. van
 * Leeuwen (1976) */
#ifndef FOX_HUFFMAN_H
#define FOX_HUFFMAN_H

#include "format/base/fox.h"

#define FOX_HUFFMAN_SLACK 8u /* bytes behind `room` that are written over */

/*
 * fox_huffman_deflate - encode n bytes, unless that takes more than `room`
 *
 * dst      room + FOX_HUFFMAN_SLACK bytes
 * src      1 to 2^30 bytes
 * returns  bytes of the stream; 0: it does not fit, and dst is as it was
 */
size_t fox_huffman_deflate(uint8_t *dst, size_t room, const uint8_t *src, size_t n);

/*
 * fox_huffman_inflate - decode a stream that is one such block, fills dst and ends with src, exactly
 *
 * returns  false: it is not, though it may be deflate: ask zlib. dst may have been written then, never behind n. What this
 *          accepts, zlib accepts, and makes the same bytes of it.
 */
bool fox_huffman_inflate(uint8_t *dst, size_t n, const uint8_t *src, size_t n_src);

#endif
