/* zip_write.c - stored members. 64-bit fields are there exactly where 32 bits do not hold the number. */
#include "convert/zip_write.h"

#include <stdlib.h>

#include "format/base/num.h"
#include "format/zip.h"

enum {
	LOCAL = 0x04034b50,
	CENTRAL = 0x02014b50,
	END = 0x06054b50,
	END64 = 0x06064b50,
	LOCATOR64 = 0x07064b50,
	LOCAL_BYTES = 30,
	CRC_AT = 14, /* in a local header */
	VERSION = 20,
	VERSION64 = 45,
	UNIX = 3 << 8,
	UTF8 = 1 << 11,
	EXTRA64 = 0x0001,
	EXTRA_ALIGN = 0xD935,
	EXTRA_ALIGN_MIN = 6,
};

struct fox_zip_writer {
	struct fox_out *out;
	uint16_t date, time;
	uint64_t at;         /* bytes of the output so far */
	uint64_t member;     /* offset of the open member's header */
	uint64_t bytes;      /* of the open member */
	struct fox_str name; /* of the open member; the caller's until end, so kept in names */
	struct fox_buf names, central;
	uint64_t n;
	uint32_t crc;
};

/* MS-DOS's date and time, two seconds apart, from 1980 on; in UTC, so that no clock's zone matters. */
static void dos_time(uint64_t t, uint16_t *date, uint16_t *time)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	const uint64_t from = 315532800, day = 86400; /* 1980-01-01 */
	uint64_t days = t < from ? 0 : (t - from) / day, sec = t < from ? 0 : (t - from) % day;
	uint32_t year = 0, month = 11;
	for (uint32_t n; days >= (n = year % 4 || year == 120 ? 365 : 366); year++) /* 2100 is none */
		days -= n;
	bool leap = year % 4 == 0 && year != 120;
	while (days < before[month] + (leap && month > 1 ? 1u : 0u))
		month--;
	uint64_t d = days - before[month] - (leap && month > 1 ? 1 : 0);
	*date = (uint16_t)(year << 9 | (month + 1) << 5 | (uint32_t)(d + 1));
	*time = (uint16_t)(sec / 3600 << 11 | sec / 60 % 60 << 5 | sec % 60 / 2);
}

static void put16(struct fox_buf *b, uint64_t v)
{
	uint8_t raw[2];
	fox_store16(raw, (uint16_t)v);
	fox_buf_add(b, raw, sizeof raw);
}

static void put32(struct fox_buf *b, uint64_t v)
{
	uint8_t raw[4];
	fox_store32(raw, (uint32_t)v);
	fox_buf_add(b, raw, sizeof raw);
}

static void put64(struct fox_buf *b, uint64_t v)
{
	uint8_t raw[8];
	fox_store64(raw, v);
	fox_buf_add(b, raw, sizeof raw);
}

/* As a 32-bit field has it: all ones send the reader to the 64-bit one. */
static uint32_t cut(uint64_t v)
{
	return v >= UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static enum fox_status write_all(struct fox_zip_writer *z, const struct fox_buf *b, struct fox_err *err)
{
	enum fox_status s = b->failed ? fox_fail_nomem(err) : fox_out_write(z->out, z->at, b->p, b->n, err);
	z->at += b->n;
	return s;
}

enum fox_status fox_zip_writer_open(
    struct fox_zip_writer **out, struct fox_out *o, uint64_t mtime, struct fox_err *err)
{
	struct fox_zip_writer *z = calloc(1, sizeof *z);
	*out = z;
	if (!z)
		return fox_fail_nomem(err);
	z->out = o;
	dos_time(mtime, &z->date, &z->time);
	return FOX_OK;
}

void fox_zip_writer_close(struct fox_zip_writer *z)
{
	if (!z)
		return;
	fox_buf_free(&z->names);
	fox_buf_free(&z->central);
	free(z);
}

/* The fields that both headers have from the flags to the extra field's length. crc: 0 in front, until it is known. */
static void put_common(struct fox_buf *b, const struct fox_zip_writer *z, uint32_t crc, size_t extra)
{
	put16(b, UTF8);
	put16(b, 0); /* stored */
	put16(b, z->time);
	put16(b, z->date);
	put32(b, crc);
	put32(b, cut(z->bytes));
	put32(b, cut(z->bytes));
	put16(b, z->name.n);
	put16(b, extra);
}

enum fox_status fox_zip_writer_begin(
    struct fox_zip_writer *z, struct fox_str name, uint64_t bytes, uint32_t align, struct fox_err *err)
{
	bool large = bytes >= UINT32_MAX;
	size_t extra = large ? 20 : 0;
	if (name.n > UINT16_MAX)
		return fox_fail(err, FOX_E_BOUND, FOX_NOWHERE, "a name of %zu bytes", name.n);
	fox_buf_clear(&z->names);
	fox_buf_add(&z->names, name.p, name.n);
	if (z->names.failed)
		return fox_fail_nomem(err);
	z->name = fox_buf_view(&z->names);
	z->member = z->at;
	z->bytes = bytes;
	z->crc = 0;
	uint64_t data = z->at + LOCAL_BYTES + name.n + extra;
	size_t pad = 0;
	if (data % align) { /* the smallest field that can say so is longer than some gaps */
		data += EXTRA_ALIGN_MIN;
		pad = (size_t)((align - data % align) % align);
		extra += EXTRA_ALIGN_MIN + pad;
	}
	struct fox_buf b = {0};
	put32(&b, LOCAL);
	put16(&b, large ? VERSION64 : VERSION);
	put_common(&b, z, 0, extra);
	fox_buf_add(&b, name.p, name.n);
	if (large) {
		put16(&b, EXTRA64);
		put16(&b, 16);
		put64(&b, bytes);
		put64(&b, bytes);
	}
	if (extra > (large ? 20u : 0u)) {
		put16(&b, EXTRA_ALIGN);
		put16(&b, 2 + pad);
		put16(&b, align);
		for (size_t i = 0; i < pad; i++)
			fox_buf_char(&b, 0);
	}
	enum fox_status s = write_all(z, &b, err);
	fox_buf_free(&b);
	return s;
}

enum fox_status fox_zip_writer_data(struct fox_zip_writer *z, const void *p, size_t n, struct fox_err *err)
{
	enum fox_status s = fox_out_write(z->out, z->at, p, n, err);
	z->crc = fox_zip_crc32(z->crc, p, n);
	z->at += n;
	return s;
}

enum fox_status fox_zip_writer_end(struct fox_zip_writer *z, struct fox_err *err)
{
	uint8_t raw[4];
	struct fox_buf *c = &z->central;
	bool far = z->member >= UINT32_MAX, large = z->bytes >= UINT32_MAX;
	size_t extra = (far || large ? 4 : 0) + (large ? 16 : 0) + (far ? 8 : 0);
	put32(c, CENTRAL);
	put16(c, UNIX | VERSION64);
	put16(c, far || large ? VERSION64 : VERSION);
	put_common(c, z, z->crc, extra);
	put16(c, 0); /* comment */
	put16(c, 0); /* disk */
	put16(c, 0); /* internal attributes */
	put32(c, (uint64_t)0100644 << 16);
	put32(c, cut(z->member));
	fox_buf_add(c, z->name.p, z->name.n);
	if (extra) {
		put16(c, EXTRA64);
		put16(c, extra - 4);
		if (large) {
			put64(c, z->bytes);
			put64(c, z->bytes);
		}
		if (far)
			put64(c, z->member);
	}
	z->n++;
	fox_store32(raw, z->crc);
	return c->failed ? fox_fail_nomem(err) : fox_out_write(z->out, z->member + CRC_AT, raw, sizeof raw, err);
}

enum fox_status fox_zip_writer_finish(struct fox_zip_writer *z, uint64_t *bytes, struct fox_err *err)
{
	uint64_t from = z->at, size = z->central.n, end = from + size;
	struct fox_buf b = {0};
	if (z->n >= UINT16_MAX || from >= UINT32_MAX || size >= UINT32_MAX) {
		put32(&b, END64);
		put64(&b, 44); /* bytes that follow */
		put16(&b, UNIX | VERSION64);
		put16(&b, VERSION64);
		put32(&b, 0);
		put32(&b, 0);
		put64(&b, z->n);
		put64(&b, z->n);
		put64(&b, size);
		put64(&b, from);
		put32(&b, LOCATOR64);
		put32(&b, 0);
		put64(&b, end);
		put32(&b, 1);
	}
	put32(&b, END);
	put16(&b, 0);
	put16(&b, 0);
	put16(&b, z->n >= UINT16_MAX ? UINT16_MAX : z->n);
	put16(&b, z->n >= UINT16_MAX ? UINT16_MAX : z->n);
	put32(&b, cut(size));
	put32(&b, cut(from));
	put16(&b, 0);
	enum fox_status s = write_all(z, &z->central, err);
	if (!s)
		s = write_all(z, &b, err);
	fox_buf_free(&b);
	*bytes = z->at;
	return s;
}
