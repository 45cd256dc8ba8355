/* selfcheck.c - tensors lie in the file in the order of the table, so one hash at a time is enough. */
#include "format/selfcheck.h"

#include <stdlib.h>
#include <string.h>

struct fox_selfcheck {
	const struct fox_gguf *g;
	enum fox_hash_state state;
	struct fox_xxh3_state *hash;
	uint64_t at;   /* bytes fed */
	size_t tensor; /* the first one that is not finished */
};

static enum fox_status in_file(const struct fox_gguf *g, struct fox_err *err)
{
	fox_in_file(err, fox_gguf_path(g));
	return FOX_E_MISMATCH;
}

enum fox_status fox_selfcheck_open(struct fox_selfcheck **out, const struct fox_gguf *g, struct fox_err *err)
{
	const struct fox_gguf_header *h = fox_gguf_header(g);
	enum fox_hash_state state = fox_profile_state(g);
	*out = NULL;
	if (state == FOX_HASH_DAMAGED || (state == FOX_HASH_OK && (h->padding_nonzero || h->trailing))) {
		fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "%s",
		    state == FOX_HASH_DAMAGED ? "the header or the length is not what was written"
		                              : "bytes between or behind tensors are not what was written");
		return in_file(g, err);
	}
	struct fox_selfcheck *c = calloc(1, sizeof *c);
	if (c)
		*c = (struct fox_selfcheck){.g = g, .state = state, .hash = fox_xxh3_open()};
	if (!c || !c->hash) {
		fox_selfcheck_close(c);
		return fox_fail_nomem(err);
	}
	*out = c;
	return FOX_OK;
}

void fox_selfcheck_close(struct fox_selfcheck *c)
{
	if (c)
		fox_xxh3_close(c->hash);
	free(c);
}

/* The part of [at, at + n) that lies in [from, to). */
static bool overlap(uint64_t at, size_t n, uint64_t from, uint64_t to, size_t *skip, size_t *len)
{
	uint64_t a = at > from ? at : from, b = at + n < to ? at + n : to;
	if (a >= b)
		return false;
	*skip = (size_t)(a - at);
	*len = (size_t)(b - a);
	return true;
}

static enum fox_status judge(struct fox_selfcheck *c, const struct fox_tensor *t, struct fox_err *err)
{
	char got[FOX_HASH128_HEX + 1], want[FOX_HASH128_HEX + 1] = "on record";
	struct fox_hash128 is = fox_xxh3_final(c->hash);
	if (t->hash && fox_hash128_eq(&is, t->hash))
		return FOX_OK;
	fox_hex(got, is.b, sizeof is.b);
	if (t->hash)
		fox_hex(want, t->hash->b, sizeof t->hash->b);
	fox_fail(err, FOX_E_MISMATCH, t->at, "data of tensor '%.*s' has XXH3-128 %s, not %s",
	    FOX_STR_ARG(t->name), got, want);
	return in_file(c->g, err);
}

static enum fox_status feed_tensors(struct fox_selfcheck *c, const uint8_t *p, size_t n, struct fox_err *err)
{
	for (; c->tensor < fox_gguf_tensors(c->g); c->tensor++) {
		const struct fox_tensor *t = fox_gguf_tensor(c->g, c->tensor);
		uint64_t end = t->at + t->data.n;
		size_t skip, len;
		if (overlap(c->at, n, t->at, end, &skip, &len))
			fox_xxh3_add(c->hash, p + skip, len);
		if (end > c->at + n)
			return FOX_OK;
		enum fox_status s = judge(c, t, err);
		if (s)
			return s;
		fox_xxh3_reset(c->hash);
	}
	return FOX_OK;
}

enum fox_status fox_selfcheck_feed(struct fox_selfcheck *c, const void *bytes, size_t n, struct fox_err *err)
{
	const uint8_t *p = bytes;
	size_t skip, len;
	if (overlap(c->at, n, 0, fox_gguf_header(c->g)->data_at, &skip, &len) &&
	    memcmp(p + skip, fox_gguf_bytes(c->g).p + c->at + skip, len)) {
		fox_fail(err, FOX_E_MISMATCH, c->at + skip,
		    "the header is not the one that was checked: the file changed");
		return in_file(c->g, err);
	}
	enum fox_status s = c->state == FOX_HASH_OK ? feed_tensors(c, p, n, err) : FOX_OK;
	c->at += n;
	return s;
}

enum fox_status fox_selfcheck_end(struct fox_selfcheck *c, enum fox_hash_state *state, struct fox_err *err)
{
	if (c->at != fox_gguf_header(c->g)->file_bytes) {
		fox_fail(err, FOX_E_TRUNCATED, c->at, "file has %llu bytes, not the %llu that were checked",
		    (unsigned long long)c->at, (unsigned long long)fox_gguf_header(c->g)->file_bytes);
		fox_in_file(err, fox_gguf_path(c->g));
		return FOX_E_TRUNCATED;
	}
	*state = c->state;
	return FOX_OK;
}

enum fox_status fox_selfcheck_set(const struct fox_gguf *g, struct fox_err *err)
{
	if (fox_gguf_parts(g) < 2 || fox_profile_state(g) != FOX_HASH_DAMAGED)
		return FOX_OK;
	for (size_t i = 0; i < fox_gguf_parts(g); i++)
		if (fox_profile_state(fox_gguf_part(g, i)) == FOX_HASH_DAMAGED)
			return FOX_OK; /* told when its bytes are checked */
	fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "its shards are whole, but not one set: the set hash is another");
	return in_file(g, err);
}
