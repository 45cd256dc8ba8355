/* zip.c - the central directory decides; local headers must agree with it. Only user of inflate and CRC-32.
 */
#include "format/zip.h"

#include <stdlib.h>
#include <zlib.h>

#include "format/base/map.h"
#include "format/base/num.h"

enum {
	END_BYTES = 22,
	END64_LOCATOR_BYTES = 20,
	END64_BYTES = 56,
	CENTRAL_BYTES = 46,
	LOCAL_BYTES = 30,
	MAX_COMMENT = 65535,
	MAX_DIRECTORY = 64 << 20
};

struct fox_zip {
	const struct fox_file *file;
	struct fox_arena arena;
	struct fox_map by_name;
	struct fox_zip_member *members;
	size_t n;
};

struct end_record {
	uint64_t count, bytes, at; /* members; size and offset of the central directory */
	uint64_t behind;           /* where it must end */
};

static enum fox_status bad(struct fox_err *err, uint64_t at, const char *what)
{
	return fox_fail(err, FOX_E_FORMAT, at, "zip: %s", what);
}

/* A 64-bit end record with its locator, when they stand before the 32-bit one: some writers put them there though nothing
 * overflows. They fill the room between the central directory and the 32-bit record, and say the same as it: readers differ
 * in which of the two they go by. */
static enum fox_status read_end64(
    const struct fox_file *f, uint64_t end_at, struct end_record *end, struct fox_err *err)
{
	uint8_t loc[END64_LOCATOR_BYTES], rec[END64_BYTES];
	bool far = end->count == 0xFFFF || end->bytes == 0xFFFFFFFF || end->at == 0xFFFFFFFF;
	if (end_at < sizeof loc)
		return far ? bad(err, end_at, "no room for the 64-bit end record") : FOX_OK;
	uint64_t loc_at = end_at - sizeof loc;
	enum fox_status s = fox_file_read(f, loc_at, loc, sizeof loc, err);
	if (s)
		return s;
	if (fox_load32(loc) != 0x07064B50)
		return far ? bad(err, loc_at, "no locator of the 64-bit end record") : FOX_OK;
	uint64_t at = fox_load64(loc + 8);
	if (at > loc_at || loc_at - at < sizeof rec)
		return fox_fail(err, FOX_E_BOUND, loc_at + 8, "zip: 64-bit end record lies outside the file");
	if ((s = fox_file_read(f, at, rec, sizeof rec, err)))
		return s;
	if (fox_load32(rec) != 0x06064B50)
		return bad(err, at, "no 64-bit end record where the locator points");
	if (fox_load64(rec + 4) != loc_at - at - 12)
		return bad(err, at, "other bytes stand between the 64-bit end record and its locator");
	const struct end_record e = {fox_load64(rec + 32), fox_load64(rec + 40), fox_load64(rec + 48), at};
	if ((end->count != 0xFFFF && end->count != e.count) ||
	    (end->bytes != 0xFFFFFFFF && end->bytes != e.bytes) || (end->at != 0xFFFFFFFF && end->at != e.at))
		return bad(err, at, "the two end records contradict each other");
	*end = e;
	return FOX_OK;
}

/* The end record is the last thing in the file but for a comment, so it is searched backwards. A comment that holds what looks
 * like one would be an end of its own to other readers. */
static enum fox_status find_end(
    const struct fox_file *f, struct end_record *end, uint64_t *end_at, struct fox_err *err)
{
	uint64_t tail = f->size < END_BYTES + MAX_COMMENT ? f->size : END_BYTES + MAX_COMMENT;
	if (tail < END_BYTES)
		return fox_fail(err, FOX_E_TRUNCATED, 0, "zip: %llu bytes are too few for an end record",
		    (unsigned long long)f->size);
	uint8_t *buf = malloc((size_t)tail);
	if (!buf)
		return fox_fail_nomem(err);
	enum fox_status s = fox_file_read(f, f->size - tail, buf, (size_t)tail, err);
	const uint8_t *p = NULL;
	for (uint64_t i = tail - END_BYTES + 1; !s && i-- > 0;) {
		if (fox_load32(buf + i) != 0x06054B50)
			continue;
		p = fox_load16(buf + i + 20) == tail - i - END_BYTES ? buf + i : NULL;
		break;
	}
	if (!s && !p)
		s = fox_fail(err, FOX_E_TRUNCATED, FOX_NOWHERE, "zip: no end record: cut off, or no zip file");
	if (!s) {
		*end_at = f->size - tail + (uint64_t)(p - buf);
		*end = (struct end_record){fox_load16(p + 10), fox_load32(p + 12), fox_load32(p + 16), *end_at};
		if (fox_load16(p + 4) || fox_load16(p + 6) || fox_load16(p + 8) != fox_load16(p + 10))
			s = fox_fail(err, FOX_E_UNSUPPORTED, *end_at, "zip: spread over several disks");
		else
			s = read_end64(f, *end_at, end, err);
	}
	free(buf);
	return s;
}

/* Replace the fields of a member that overflowed 32 bits by those of its zip64 extra field. */
static enum fox_status apply_zip64(
    struct fox_span extra, uint64_t where, uint64_t *field[3], struct fox_err *err)
{
	size_t i = 0;
	bool wanted = false;
	for (int k = 0; k < 3; k++)
		wanted |= field[k] && *field[k] == 0xFFFFFFFF;
	if (!wanted)
		return FOX_OK;
	while (extra.n - i >= 4) {
		uint16_t id = fox_load16(extra.p + i), n = fox_load16(extra.p + i + 2);
		i += 4;
		if (n > extra.n - i)
			break;
		if (id == 1) {
			size_t at = i;
			for (int k = 0; k < 3; k++) {
				if (!field[k] || *field[k] != 0xFFFFFFFF)
					continue;
				if (i + n - at < 8)
					return bad(err, where, "64-bit extra field is too short");
				*field[k] = fox_load64(extra.p + at);
				at += 8;
			}
			return FOX_OK;
		}
		i += n;
	}
	return bad(err, where, "a size overflows 32 bits and there is no 64-bit extra field");
}

/* The local header: where the data begin. Name, flags, method, CRC and sizes must be those of the central directory. */
static enum fox_status check_local(struct fox_zip *z, struct fox_zip_member *m, uint64_t at, uint64_t limit,
    const uint8_t *central, struct fox_err *err)
{
	uint8_t h[LOCAL_BYTES];
	enum fox_status s;
	if (at > limit || limit - at < sizeof h)
		return fox_fail(
		    err, FOX_E_BOUND, at, "zip: header of member '%.*s' lies outside the data", FOX_STR_ARG(m->name));
	if ((s = fox_file_read(z->file, at, h, sizeof h, err)))
		return s;
	uint16_t name_n = fox_load16(h + 26), extra_n = fox_load16(h + 28);
	uint64_t rest = (uint64_t)name_n + extra_n;
	if (fox_load32(h) != 0x04034B50)
		return bad(err, at, "no local header where the central directory points");
	if (limit - at - sizeof h < rest)
		return fox_fail(
		    err, FOX_E_BOUND, at, "zip: header of member '%.*s' lies outside the data", FOX_STR_ARG(m->name));
	uint8_t *more = malloc((size_t)rest + 1);
	if (!more)
		return fox_fail_nomem(err);
	s = fox_file_read(z->file, at + sizeof h, more, (size_t)rest, err);
	uint64_t packed = fox_load32(h + 18), bytes = fox_load32(h + 22);
	uint64_t *field[3] = {&bytes, &packed, NULL};
	uint32_t crc = fox_load32(h + 14);
	if (!s)
		s = apply_zip64((struct fox_span){more + name_n, extra_n}, at, field, err);
	if (fox_load16(h + 6) & 8) { /* bit 3: they follow the data, and zeros may stand here; libarchive knows the size */
		bytes = bytes ? bytes : m->bytes;
		packed = packed ? packed : m->packed;
		crc = crc ? crc : m->crc;
	}
	if (!s && !fox_str_eq((struct fox_str){(char *)more, name_n}, m->name))
		s = fox_fail(err, FOX_E_FORMAT, at, "zip: member '%.*s' has another name in its local header",
		    FOX_STR_ARG(m->name));
	if (!s &&
	    (fox_load16(h + 6) != fox_load16(central + 8) || fox_load16(h + 8) != fox_load16(central + 10) ||
	        crc != m->crc || bytes != m->bytes || packed != m->packed))
		s = fox_fail(
		    err, FOX_E_FORMAT, at, "zip: member '%.*s' contradicts its local header", FOX_STR_ARG(m->name));
	m->head = at;
	m->at = at + sizeof h + rest;
	free(more);
	if (!s && (m->at > limit || limit - m->at < m->packed))
		return fox_fail(
		    err, FOX_E_BOUND, at, "zip: data of member '%.*s' lie outside the file", FOX_STR_ARG(m->name));
	return s;
}

static enum fox_status read_member(struct fox_zip *z, struct fox_span dir, size_t *pos,
    const struct end_record *end, struct fox_zip_member *m, struct fox_err *err)
{
	const uint8_t *p = dir.p + *pos;
	uint64_t where = end->at + *pos;
	if (dir.n - *pos < CENTRAL_BYTES || fox_load32(p) != 0x02014B50)
		return bad(err, where, "central directory ends too early");
	uint16_t flags = fox_load16(p + 8), method = fox_load16(p + 10);
	uint64_t name_n = fox_load16(p + 28), extra_n = fox_load16(p + 30),
	         rest = name_n + extra_n + fox_load16(p + 32);
	if (dir.n - *pos - CENTRAL_BYTES < rest)
		return bad(err, where, "central directory ends inside a member");
	m->name = (struct fox_str){
	    fox_arena_strdup(&z->arena, (struct fox_str){(const char *)p + CENTRAL_BYTES, name_n}), name_n};
	if (!m->name.p)
		return fox_fail_nomem(err);
	if (flags & 1)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, where, "zip: member '%.*s' is encrypted", FOX_STR_ARG(m->name));
	if (method != 0 && method != 8)
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, where, "zip: member '%.*s' uses method %u", FOX_STR_ARG(m->name), method);
	m->deflated = method == 8;
	m->crc = fox_load32(p + 16);
	m->packed = fox_load32(p + 20);
	m->bytes = fox_load32(p + 24);
	uint64_t at = fox_load32(p + 42), *field[3] = {&m->bytes, &m->packed, &at};
	enum fox_status s =
	    apply_zip64((struct fox_span){p + CENTRAL_BYTES + name_n, (size_t)extra_n}, where, field, err);
	if (s)
		return s;
	/* deflate cannot do better than 1032 to 1, and stored data are as long as they are */
	if (m->deflated ? m->bytes / 1032 > m->packed : m->bytes != m->packed)
		return fox_fail(err, FOX_E_FORMAT, where, "zip: member '%.*s' claims %llu bytes out of %llu",
		    FOX_STR_ARG(m->name), (unsigned long long)m->bytes, (unsigned long long)m->packed);
	*pos += CENTRAL_BYTES + (size_t)rest;
	return check_local(z, m, at, end->at, p, err);
}

static int by_place(const void *a, const void *b)
{
	const struct fox_zip_member *x = *(struct fox_zip_member *const *)a,
	                            *y = *(struct fox_zip_member *const *)b;
	return (x->head > y->head) - (x->head < y->head);
}

/* Members that share bytes are how a small file unpacks to petabytes; and between two there is room for the sizes of a stream
 * (24 bytes at most), but not for a member that only readers from the front would find. behind: the central directory. */
static enum fox_status check_places(struct fox_zip *z, uint64_t behind, struct fox_err *err)
{
	struct fox_zip_member **order = malloc((z->n + 1) * sizeof *order);
	uint64_t end = 0;
	if (!order)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < z->n; i++)
		order[i] = &z->members[i];
	qsort(order, z->n, sizeof *order, by_place);
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < z->n && !s; i++) {
		if (order[i]->head < end)
			s = fox_fail(err, FOX_E_FORMAT, order[i]->head, "zip: members '%.*s' and '%.*s' overlap",
			    FOX_STR_ARG(order[i - 1]->name), FOX_STR_ARG(order[i]->name));
		else if (order[i]->head - end >= LOCAL_BYTES)
			s = bad(err, end, "bytes that belong to no member");
		end = order[i]->at + order[i]->packed;
	}
	if (!s && behind - end >= LOCAL_BYTES)
		s = bad(err, end, "bytes that belong to no member");
	free(order);
	return s;
}

static enum fox_status load(struct fox_zip *z, struct fox_err *err)
{
	struct end_record end = {0};
	uint64_t end_at = 0;
	enum fox_status s = find_end(z->file, &end, &end_at, err);
	if (s)
		return s;
	if (end.at > end.behind || end.behind - end.at < end.bytes)
		return fox_fail(err, FOX_E_BOUND, end_at, "zip: central directory lies outside the file");
	if (end.behind - end.at != end.bytes) /* two archives in one: other readers go by the second */
		return bad(err, end.at + end.bytes, "other bytes stand between the central directory and its end record");
	if (end.count > FOX_ZIP_MAX_MEMBERS || end.bytes > MAX_DIRECTORY)
		return fox_fail(err, FOX_E_BOUND, end_at, "zip: %llu members are more than %u",
		    (unsigned long long)end.count, FOX_ZIP_MAX_MEMBERS);
	if (end.count > end.bytes / CENTRAL_BYTES)
		return bad(err, end_at, "central directory is too small for its members");
	z->members = fox_arena_alloc(&z->arena, (size_t)end.count, sizeof *z->members);
	uint8_t *dir = malloc((size_t)end.bytes + 1);
	if (!dir || !z->members || !fox_map_init(&z->by_name, &z->arena, (size_t)end.count)) {
		free(dir);
		return fox_fail_nomem(err);
	}
	size_t pos = 0;
	s = fox_file_read(z->file, end.at, dir, (size_t)end.bytes, err);
	for (; !s && z->n < end.count; z->n++) {
		struct fox_zip_member *m = &z->members[z->n];
		s = read_member(z, (struct fox_span){dir, (size_t)end.bytes}, &pos, &end, m, err);
		if (!s && fox_map_put(&z->by_name, m->name, (uint32_t)z->n) != FOX_MAP_NONE)
			s = fox_fail(err, FOX_E_FORMAT, end.at + pos, "zip: member '%.*s' repeats", FOX_STR_ARG(m->name));
	}
	if (!s && pos != end.bytes)
		s = bad(err, end.at + pos, "the central directory has more than the members that it counts");
	free(dir);
	return s ? s : check_places(z, end.at, err);
}

enum fox_status fox_zip_open(struct fox_zip **out, const struct fox_file *f, struct fox_err *err)
{
	*out = NULL;
	struct fox_zip *z = calloc(1, sizeof *z);
	if (!z)
		return fox_fail_nomem(err);
	z->file = f;
	enum fox_status s = load(z, err);
	if (s) {
		fox_zip_close(z);
		return fox_in_file(err, f->path), s;
	}
	*out = z;
	return FOX_OK;
}

void fox_zip_close(struct fox_zip *z)
{
	if (!z)
		return;
	fox_arena_free(&z->arena);
	free(z);
}

size_t fox_zip_members(const struct fox_zip *z)
{
	return z->n;
}

const struct fox_zip_member *fox_zip_member(const struct fox_zip *z, size_t i)
{
	return &z->members[i];
}

const struct fox_zip_member *fox_zip_find(const struct fox_zip *z, struct fox_str name)
{
	uint32_t i = fox_map_find(&z->by_name, name);
	return i == FOX_MAP_NONE ? NULL : &z->members[i];
}

static enum fox_status unpack(
    const struct fox_zip *z, const struct fox_zip_member *m, uint8_t *dst, struct fox_err *err)
{
	enum { CHUNK = 1 << 16 };
	z_stream zs = {0};
	uint8_t *in = malloc(CHUNK);
	if (!in || inflateInit2(&zs, -MAX_WBITS) != Z_OK) {
		free(in);
		return fox_fail_nomem(err);
	}
	enum fox_status s = FOX_OK;
	int r = Z_OK;
	uint64_t taken = 0, made = 0;
	while (!s && r == Z_OK) {
		if (!zs.avail_in) {
			size_t n = m->packed - taken < CHUNK ? (size_t)(m->packed - taken) : CHUNK;
			if (!n && zs.avail_out) /* nothing left to come out either */
				break;
			s = fox_file_read(z->file, m->at + taken, in, n, err);
			zs.next_in = in;
			zs.avail_in = (uInt)n;
			taken += n;
		}
		uint64_t room = m->bytes - made;
		uint8_t spare; /* a stream longer than it claims is found by offering one byte more */
		zs.next_out = room ? dst + made : &spare;
		zs.avail_out = room ? (uInt)(room < (1u << 30) ? room : 1u << 30) : 1;
		uInt offered = zs.avail_out;
		if (!s)
			r = inflate(&zs, Z_NO_FLUSH);
		if (!room && zs.avail_out != offered)
			r = Z_DATA_ERROR;
		made += room ? offered - zs.avail_out : 0;
	}
	if (!s && (r != Z_STREAM_END || made != m->bytes || zs.avail_in || taken != m->packed))
		s = fox_fail(err, FOX_E_FORMAT, m->at, "zip: member '%.*s' does not unpack to its %llu bytes",
		    FOX_STR_ARG(m->name), (unsigned long long)m->bytes);
	inflateEnd(&zs);
	free(in);
	return s;
}

uint32_t fox_zip_crc32(uint32_t crc, const void *p, size_t n)
{
	uLong sum = crc;
	for (size_t i = 0; i < n;) {
		uInt k = n - i < (1u << 30) ? (uInt)(n - i) : 1u << 30;
		sum = crc32(sum, (const uint8_t *)p + i, k);
		i += k;
	}
	return (uint32_t)sum;
}

enum fox_status fox_zip_read(
    const struct fox_zip *z, const struct fox_zip_member *m, void *dst, struct fox_err *err)
{
	enum fox_status s =
	    m->deflated ? unpack(z, m, dst, err) : fox_file_read(z->file, m->at, dst, (size_t)m->bytes, err);
	if (s)
		return fox_in_file(err, z->file->path), s;
	uint32_t crc = fox_zip_crc32(0, dst, (size_t)m->bytes);
	if (crc == m->crc)
		return FOX_OK;
	fox_fail(err, FOX_E_MISMATCH, m->at, "zip: CRC-32 of member '%.*s' is %08x, not %08x",
	    FOX_STR_ARG(m->name), crc, m->crc);
	return fox_in_file(err, z->file->path), FOX_E_MISMATCH;
}
