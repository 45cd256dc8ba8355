/* chunk.c - planes of one chunk, each deflated where that pays. */
#include "convert/chunk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/num.h"
#include "format/deflate.h"
#include "kernels/huffman.h"
#include "kernels/interleave.h"
#include "kernels/ncpu.h"

/* A plane that shrinks by less takes longer to expand than it takes to read. */
static size_t worth(size_t n)
{
	return n - n / 64 - 1;
}

static size_t packed_room(uint32_t chunk_bytes)
{
	return fox_planes_bound(chunk_bytes, FOX_PLANES_MAX) + FOX_HUFFMAN_SLACK;
}

static size_t coder_bytes(uint32_t chunk_bytes)
{
	return (2 * (size_t)chunk_bytes + packed_room(chunk_bytes) + 63) / 64 * 64;
}

unsigned fox_chunk_coders(uint32_t chunk_bytes, unsigned threads)
{
	size_t fit = FOX_CHUNK_MEMORY_BYTES / coder_bytes(chunk_bytes);
	unsigned n = threads ? threads : fox_cpu_count();
	return n < fit ? n : (unsigned)fit;
}

struct fox_chunk_coder *fox_chunk_open(unsigned n, uint32_t chunk_bytes)
{
	size_t each = coder_bytes(chunk_bytes);
	struct fox_chunk_coder *c = calloc(n, sizeof *c);
	uint8_t *p = aligned_alloc(64, n * each);
	bool ok = c && p;
	for (unsigned i = 0; ok && i < n; i++, p += each) {
		c[i] = (struct fox_chunk_coder){
		    .raw = p, .planes = p + chunk_bytes, .packed = p + 2 * (size_t)chunk_bytes};
		c[i].inflate = fox_inflate_open();
		c[i].deflate = fox_deflate_open();
		ok = c[i].inflate && c[i].deflate;
	}
	if (ok)
		return c;
	if (!c)
		free(p);
	fox_chunk_close(c, n);
	return NULL;
}

void fox_chunk_close(struct fox_chunk_coder *c, unsigned n)
{
	if (!c)
		return;
	for (unsigned i = 0; i < n; i++) {
		fox_inflate_close(c[i].inflate);
		fox_deflate_close(c[i].deflate);
	}
	free(c[0].raw); /* of all */
	free(c);
}

static size_t deflate_plane(
    struct fox_chunk_coder *c, const struct fox_planes_part *part, uint8_t *dst, const uint8_t *src, size_t n)
{
	if (n < 2)
		return 0;
	return part->header ? fox_deflate_run(c->deflate, dst, n - 1, src, n)
	                    : fox_huffman_deflate(dst, worth(n), src, n);
}

uint32_t fox_chunk_pack(struct fox_chunk_coder *c, const struct fox_planes_part *part)
{
	size_t n = part->bytes / part->width, rest = part->bytes % part->width;
	uint8_t *plane[FOX_PLANES_MAX], *to = c->packed + 4 * part->width;
	for (unsigned k = 0; k < part->width; k++)
		plane[k] = part->width == 1 ? c->raw : c->planes + k * n;
	if (part->width > 1)
		fox_planes_split(plane, c->raw, n, part->width);
	for (unsigned k = 0; k < part->width; k++) {
		size_t bytes = deflate_plane(c, part, to, plane[k], n);
		if (!bytes)
			memcpy(to, plane[k], bytes = n);
		fox_store32(c->packed + 4 * k, (uint32_t)bytes);
		to += bytes;
	}
	memcpy(to, c->raw + part->bytes - rest, rest);
	return (uint32_t)(to + rest - c->packed);
}

/* Streams that fox writes take the short way; any other deflate stream is as good. */
static bool inflate_plane(struct fox_chunk_coder *c, const struct fox_planes_part *part, uint8_t *dst,
    size_t n, const uint8_t *src, size_t n_src)
{
	return (!part->header && fox_huffman_inflate(dst, n, src, n_src)) ||
	       fox_inflate_run(c->inflate, dst, n, src, n_src);
}

enum fox_status fox_chunk_unpack(
    struct fox_chunk_coder *c, uint32_t n, const struct fox_planes_part *part, struct fox_err *err)
{
	uint32_t w = part->width, each = part->bytes / w, rest = part->bytes % w;
	uint32_t ratio = part->header ? FOX_PLANES_HEAD_RATIO : FOX_PLANES_RATIO;
	const uint8_t *plane[FOX_PLANES_MAX];
	uint64_t at = 4 * w;
	for (uint32_t k = 0; k < w; k++) {
		uint32_t bytes = n < 4 * w ? 0 : fox_load32(c->packed + 4 * k);
		if (bytes > each || at + bytes + rest > n || (uint64_t)bytes * ratio < each)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "plane %" PRIu32 " of %" PRIu32 " bytes cannot take %" PRIu32 " of %" PRIu32, k, each, bytes,
			    n);
		plane[k] = c->packed + at;
		at += bytes;
		if (bytes == each)
			continue;
		uint8_t *to = w == 1 ? c->raw : c->planes + (size_t)k * each;
		if (!inflate_plane(c, part, to, each, plane[k], bytes))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "plane %" PRIu32 " does not expand to its %" PRIu32 " bytes", k, each);
		plane[k] = to;
	}
	if (at + rest != n)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "%" PRIu64 " bytes follow the last plane", n - at - rest);
	if (plane[0] != c->raw)
		fox_planes_join(c->raw, plane, each, w);
	memcpy(c->raw + part->bytes - rest, c->packed + at, rest);
	return FOX_OK;
}
