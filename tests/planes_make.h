/* planes_make.h - compress and expand over bytes in memory, for t_planes.c and fuzz_planes.c. */
#ifndef FOX_TEST_PLANES_MAKE_H
#define FOX_TEST_PLANES_MAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "convert/compress.h"
#include "format/base/num.h"

struct planes_bytes {
	uint8_t *p; /* from malloc; NULL after a failure */
	size_t n;
};

/* An open file with these bytes, called "in" in messages. */
static inline struct fox_file planes_file(struct planes_bytes in)
{
	struct fox_file f = {0};
	char path[64];
	int fd = memfd_create("planes", MFD_CLOEXEC);
	if (fd < 0 || write(fd, in.p, in.n) != (ssize_t)in.n)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fox_file_open(&f, path, NULL))
		abort();
	close(fd);
	snprintf(f.path, sizeof f.path, "in");
	return f;
}

/* expand, or compress with this chunk size. The output is never named: dir only says where it may lie meanwhile. */
static inline enum fox_status planes_run(struct planes_bytes *to, struct planes_bytes in, bool expand,
    uint32_t chunk_bytes, unsigned threads, const char *dir, struct fox_err *err)
{
	char path[300];
	struct fox_gguf *g = NULL;
	struct fox_out *out = NULL;
	struct fox_map_file map = {0};
	struct fox_compressed r;
	struct fox_file f = planes_file(in);
	*to = (struct planes_bytes){NULL, 0};
	snprintf(path, sizeof path, "%s/out", dir);
	if (fox_out_open(&out, path, true, err))
		abort();
	struct fox_compression c = {.in = &f, .out = out, .threads = threads, .chunk_bytes = chunk_bytes};
	enum fox_status s = expand ? FOX_OK : fox_gguf_open_bytes(&g, (struct fox_span){in.p, in.n}, "in", err);
	if (!s)
		s = expand ? fox_expand(&c, &r, err) : fox_compress(&c, g, &r, err);
	if (!s) {
		if (fox_out_map(&map, out, err))
			abort();
		to->n = map.bytes.n;
		to->p = malloc(to->n + 1);
		memcpy(to->p, map.bytes.p, to->n);
		fox_map_close(&map);
		if ((expand ? r.file_bytes : r.packed_bytes) != to->n ||
		    (expand ? r.packed_bytes : r.file_bytes) != in.n)
			abort();
	}
	fox_out_abort(out);
	fox_gguf_close(g);
	fox_file_close(&f);
	return s;
}

/* Make the hashes of a packed file right again after it was changed, as far as the table can be believed. */
static inline void planes_rehash(struct planes_bytes b)
{
	if (b.n < FOX_PLANES_HEAD_BYTES)
		return;
	uint32_t n = fox_load32(b.p + 28);
	if (n > (b.n - FOX_PLANES_HEAD_BYTES) / FOX_PLANES_ROW_BYTES)
		return;
	uint8_t *row = b.p + FOX_PLANES_HEAD_BYTES, *at = row + (size_t)n * FOX_PLANES_ROW_BYTES;
	size_t head_table = (size_t)(at - b.p);
	for (uint32_t i = 0; i < n; i++, row += FOX_PLANES_ROW_BYTES) {
		size_t left = (size_t)(b.p + b.n - at), bytes = fox_load32(row);
		bytes = bytes < left ? bytes : left;
		struct fox_hash128 h = fox_xxh3(at, bytes);
		memcpy(row + 4, h.b, 16);
		at += bytes;
	}
	uint8_t *copy = malloc(head_table); /* the field itself is not hashed */
	memcpy(copy, b.p, 48);
	memcpy(copy + 48, b.p + FOX_PLANES_HEAD_BYTES, head_table - FOX_PLANES_HEAD_BYTES);
	struct fox_hash128 h = fox_xxh3(copy, head_table - 16);
	memcpy(b.p + 48, h.b, 16);
	free(copy);
}

/* The hash that the expanded file turned out to have becomes the one that the head records; false: err is about something else. */
static inline bool planes_adopt_hash(struct planes_bytes b, const struct fox_err *err)
{
	const char *at = strstr(err->text, "the GGUF file has hash ");
	if (err->code != FOX_E_MISMATCH || !at ||
	    !fox_unhex(b.p + 32, (struct fox_str){at + strlen("the GGUF file has hash "), 32}, 16))
		return false;
	planes_rehash(b);
	return true;
}

#endif
