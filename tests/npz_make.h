/* npz_make.h - .npz files for tests: arrays stored, not packed, with any header text, true or not. */
#ifndef FOX_NPZ_MAKE_H
#define FOX_NPZ_MAKE_H

#include <zlib.h>

#include "format/base/num.h"
#include "format/base/str.h"
#include "tests/test.h"

/* Zero-initialise; npz_save empties it. */
struct npz {
	struct fox_buf file, dir;
	unsigned n;
};

static inline void npz_u16(struct fox_buf *b, unsigned v)
{
	uint8_t p[2];
	fox_store16(p, (uint16_t)v);
	fox_buf_add(b, p, 2);
}

static inline void npz_u32(struct fox_buf *b, uint64_t v)
{
	uint8_t p[4];
	fox_store32(p, (uint32_t)v);
	fox_buf_add(b, p, 4);
}

/* Any bytes as a member. */
static inline void npz_member(struct npz *z, const char *name, const void *p, size_t n)
{
	uint32_t crc = (uint32_t)crc32(0, p, (uInt)n);
	size_t at = z->file.n;
	for (int central = 0; central < 2; central++) {
		struct fox_buf *b = central ? &z->dir : &z->file;
		npz_u32(b, central ? 0x02014B50 : 0x04034B50);
		if (central)
			npz_u16(b, 20);
		npz_u16(b, 20), npz_u16(b, 0), npz_u16(b, 0), npz_u32(b, 0), npz_u32(b, crc);
		npz_u32(b, n), npz_u32(b, n), npz_u16(b, (unsigned)strlen(name)), npz_u16(b, 0);
		if (central)
			npz_u16(b, 0), npz_u16(b, 0), npz_u16(b, 0), npz_u32(b, 0), npz_u32(b, at);
		fox_buf_str(b, name);
		if (!central)
			fox_buf_add(b, p, n);
	}
	z->n++;
}

/* name.npy: descr "<f4", shape as Python writes it, "2, 3" or "4,". */
static inline void npz_add(
    struct npz *z, const char *name, const char *descr, const char *shape, const void *p, size_t n)
{
	struct fox_buf b = {0}, text = {0};
	char file[64];
	fox_buf_fmt(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr, shape);
	fox_buf_add(&b, "\x93NUMPY\1\0", 8);
	npz_u16(&b, (unsigned)text.n);
	fox_buf_add(&b, text.p, text.n);
	fox_buf_add(&b, p, n);
	snprintf(file, sizeof file, "%s.npy", name);
	npz_member(z, file, b.p, b.n);
	fox_buf_free(&b);
	fox_buf_free(&text);
}

static inline void npz_save(struct npz *z, const char *path)
{
	uint64_t at = z->file.n;
	fox_buf_add(&z->file, z->dir.p, z->dir.n);
	npz_u32(&z->file, 0x06054B50);
	npz_u16(&z->file, 0), npz_u16(&z->file, 0), npz_u16(&z->file, z->n), npz_u16(&z->file, z->n);
	npz_u32(&z->file, z->dir.n), npz_u32(&z->file, at), npz_u16(&z->file, 0);
	test_write(path, z->file.p, z->file.n);
	fox_buf_free(&z->file);
	fox_buf_free(&z->dir);
	z->n = 0;
}

#endif
