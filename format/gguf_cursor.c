/* gguf_cursor.c - the only place where a container's bytes become numbers and text while it is parsed. */
#include "format/gguf_cursor.h"

#include <inttypes.h>
#include <string.h>

#include "format/base/num.h"
#include "format/base/str.h"

enum fox_status fox_cursor_u32(struct fox_cursor *c, const char *what, uint32_t *out)
{
	if (c->n - c->at < 4)
		return fox_fail(c->err, FOX_E_BOUND, c->at, "file ends inside the %s", what);
	uint32_t v = fox_load32(c->p + c->at);
	*out = c->swap ? __builtin_bswap32(v) : v;
	c->at += 4;
	return FOX_OK;
}

enum fox_status fox_cursor_u64(struct fox_cursor *c, const char *what, uint64_t *out)
{
	if (c->n - c->at < 8)
		return fox_fail(c->err, FOX_E_BOUND, c->at, "file ends inside the %s", what);
	uint64_t v = fox_load64(c->p + c->at);
	*out = c->swap ? __builtin_bswap64(v) : v;
	c->at += 8;
	return FOX_OK;
}

enum fox_status fox_cursor_str(struct fox_cursor *c, const char *what, uint64_t limit, struct fox_str *out)
{
	uint64_t from = c->at, n = 0;
	enum fox_status st = fox_cursor_u64(c, what, &n);
	if (st)
		return st;
	if (n > c->n - c->at)
		return fox_fail(c->err, FOX_E_BOUND, from, "%s of %" PRIu64 " bytes ends past the file", what, n);
	if (n > limit)
		return fox_fail(c->err, FOX_E_BOUND, from, "%s of %" PRIu64 " bytes is over the limit of %" PRIu64,
		    what, n, limit);
	*out = (struct fox_str){(const char *)c->p + c->at, n};
	c->at += n;
	return FOX_OK;
}

enum fox_status fox_cursor_name(struct fox_cursor *c, const char *what, uint64_t limit, struct fox_str *out)
{
	uint64_t from = c->at;
	enum fox_status st = fox_cursor_str(c, what, limit, out);
	if (st)
		return st;
	if (!out->n)
		return fox_fail(c->err, FOX_E_FORMAT, from, "%s is empty", what);
	const char *nul = memchr(out->p, 0, out->n);
	if (nul)
		return fox_fail(
		    c->err, FOX_E_FORMAT, (uint64_t)((const uint8_t *)nul - c->p), "%s holds a NUL byte", what);
	size_t bad = fox_utf8_bad(*out);
	if (bad != out->n)
		return fox_fail(c->err, FOX_E_FORMAT, from + 8 + bad, "%s is not well-formed UTF-8", what);
	return FOX_OK;
}
