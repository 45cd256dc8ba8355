/* ver_same.c - are two tensors of a source the same, byte by byte? */
#include <stdlib.h>
#include <string.h>

#include "inspect/ver_tensors.h"

enum { PIECE_BYTES = 1 << 20 };

static enum fox_status same_bytes(struct fox_source *src, const struct fox_src_tensor *a,
    const struct fox_src_tensor *b, bool *same, struct fox_err *err)
{
	uint8_t *buf = malloc(2 * PIECE_BYTES);
	enum fox_status s = buf ? FOX_OK : fox_fail_nomem(err);
	*same = true;
	for (uint64_t at = 0; *same && !s && at < a->bytes; at += PIECE_BYTES) {
		size_t n = a->bytes - at < PIECE_BYTES ? (size_t)(a->bytes - at) : PIECE_BYTES;
		s = fox_source_read(src, a, at, buf, n, err);
		if (!s)
			s = fox_source_read(src, b, at, buf + PIECE_BYTES, n, err);
		*same = !s && !memcmp(buf, buf + PIECE_BYTES, n);
	}
	free(buf);
	return s;
}

static enum fox_status hash_of(
    struct fox_source *src, const struct fox_src_tensor *t, struct fox_hash128 *hash, struct fox_err *err)
{
	struct fox_xxh3_state *state = fox_xxh3_open();
	uint8_t *buf = malloc(PIECE_BYTES);
	enum fox_status s = state && buf ? FOX_OK : fox_fail_nomem(err);
	for (uint64_t at = 0; !s && at < t->bytes; at += PIECE_BYTES) {
		size_t n = t->bytes - at < PIECE_BYTES ? (size_t)(t->bytes - at) : PIECE_BYTES;
		if (!(s = fox_cancelled(err)) && !(s = fox_source_read(src, t, at, buf, n, err)))
			fox_xxh3_add(state, buf, n);
	}
	if (!s)
		*hash = fox_xxh3_final(state);
	fox_xxh3_close(state);
	free(buf);
	return s;
}

static enum fox_status same_hash(struct fox_source *src, const struct fox_src_tensor *a,
    const struct fox_src_tensor *b, bool *same, struct fox_err *err)
{
	bool swap = fox_source_place(src, b) < fox_source_place(src, a);
	struct fox_hash128 x, y;
	enum fox_status s = hash_of(src, swap ? b : a, &x, err);
	if (!s)
		s = hash_of(src, swap ? a : b, &y, err);
	*same = !s && fox_hash128_eq(&x, &y);
	return s;
}

enum fox_status fox_ver_same(struct fox_source *src, const struct fox_src_tensor *a,
    const struct fox_src_tensor *b, bool *same, struct fox_err *err)
{
	return (fox_source_streamed(src) ? same_hash : same_bytes)(src, a, b, same, err);
}
