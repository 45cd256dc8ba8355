/* deflate.c - zlib in one call each way. */
#include "format/deflate.h"

#include <stdlib.h>
#include <zlib.h>

struct fox_inflate {
	z_stream z;
};
struct fox_deflate {
	z_stream z;
};

struct fox_inflate *fox_inflate_open(void)
{
	struct fox_inflate *s = calloc(1, sizeof *s);
	if (s && inflateInit2(&s->z, -MAX_WBITS) != Z_OK) {
		free(s);
		return NULL;
	}
	return s;
}

void fox_inflate_close(struct fox_inflate *s)
{
	if (!s)
		return;
	inflateEnd(&s->z);
	free(s);
}

bool fox_inflate_run(struct fox_inflate *s, uint8_t *dst, size_t n, const uint8_t *src, size_t n_src)
{
	if (inflateReset(&s->z) != Z_OK)
		return false;
	s->z.next_in = (uint8_t *)src; /* zlib's is not const; it only reads */
	s->z.avail_in = (uInt)n_src;
	s->z.next_out = dst;
	s->z.avail_out = (uInt)n;
	return inflate(&s->z, Z_FINISH) == Z_STREAM_END && !s->z.avail_in && !s->z.avail_out;
}

struct fox_deflate *fox_deflate_open(void)
{
	struct fox_deflate *s = calloc(1, sizeof *s);
	if (s &&
	    deflateInit2(&s->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(s);
		return NULL;
	}
	return s;
}

void fox_deflate_close(struct fox_deflate *s)
{
	if (!s)
		return;
	deflateEnd(&s->z);
	free(s);
}

size_t fox_deflate_run(struct fox_deflate *s, uint8_t *dst, size_t room, const uint8_t *src, size_t n)
{
	if (deflateReset(&s->z) != Z_OK)
		return 0;
	s->z.next_in = (uint8_t *)src;
	s->z.avail_in = (uInt)n;
	s->z.next_out = dst;
	s->z.avail_out = (uInt)room;
	return deflate(&s->z, Z_FINISH) == Z_STREAM_END ? room - s->z.avail_out : 0;
}
