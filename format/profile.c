/* profile.c - checking a container against the hashes it carries; spec/container.md sections 5 and 6.
 *
 * Reads the header's bytes only. Judges; refuses nothing. */
#include "format/profile.h"

#include "format/gguf_set.h"

enum { LAYOUT_FIGURES = 4, STATES = FOX_HASH_DAMAGED + 1 };

/* The 16 bytes of a hash key, or NULL when it is absent or of another form. */
static const uint8_t *hash_bytes(const struct fox_gguf *g, const char *key)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	return kv && kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_U8 && kv->n_items == 16 ? kv->raw.p : NULL;
}

static enum fox_status want_hash(
    const struct fox_gguf *g, const char *key, const uint8_t **out, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	*out = hash_bytes(g, key);
	if (!kv)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", key);
	if (!*out)
		return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' is not an array of 16 u8", key);
	return FOX_OK;
}

enum fox_status fox_profile_root(const struct fox_gguf *g, struct fox_hash128 *out, struct fox_err *err)
{
	static const uint8_t zeros[16];
	const uint8_t *hole[2];
	enum fox_status st = want_hash(g, FOX_KEY_HASH_ROOT, &hole[0], err);
	if (!st)
		st = want_hash(g, FOX_KEY_HASH_SET, &hole[1], err);
	if (st)
		return st;
	if (hole[0] > hole[1]) {
		const uint8_t *first = hole[1];
		hole[1] = hole[0];
		hole[0] = first;
	}
	struct fox_xxh3_state *s = fox_xxh3_open();
	if (!s)
		return fox_fail_nomem(err);
	const uint8_t *p = fox_gguf_bytes(g).p, *end = p + fox_gguf_header(g)->data_at;
	for (size_t i = 0; i < FOX_COUNT(hole); i++) {
		fox_xxh3_add(s, p, (size_t)(hole[i] - p));
		fox_xxh3_add(s, zeros, sizeof zeros);
		p = hole[i] + sizeof zeros;
	}
	fox_xxh3_add(s, p, (size_t)(end - p));
	*out = fox_xxh3_final(s);
	fox_xxh3_close(s);
	return FOX_OK;
}

/*
 * is_foreign - did another program lay this header out?
 *
 * Damage changes bytes where they stand; a rewrite moves them. fox's header ends exactly at a multiple of
 * 4096, where the data begins (fox.pad sees to it), and fox.hash.layout says what the counts and sizes were.
 * A program that adds, drops or changes keys and keeps fox.pad as it was misses one or the other.
 */
static bool is_foreign(const struct fox_gguf *g)
{
	const struct fox_gguf_header *h = fox_gguf_header(g);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, FOX_KEY_HASH_LAYOUT);
	const uint64_t now[LAYOUT_FIGURES] = {fox_gguf_keys(g), fox_gguf_tensors(g), h->data_at, h->file_bytes};
	bool recorded =
	    kv && kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_U64 && kv->n_items == LAYOUT_FIGURES;
	int bits[LAYOUT_FIGURES] = {0}, differing = 0;
	for (uint64_t i = 0; recorded && i < LAYOUT_FIGURES; i++) {
		uint64_t then = 0;
		fox_gguf_item_u64(g, kv, i, &then);
		bits[i] = __builtin_popcountll(then ^ now[i]);
		differing += bits[i];
	}
	/* The header's own count of tensors hit: the table seems to end early, but a row less would have moved
	 * the data. */
	if (recorded && bits[1] == 1 && !bits[3])
		return false;
	if (h->big_endian || h->header_end != h->data_at || h->data_at % FOX_DATA_ALIGN)
		return true;
	/* All else in its place: no record, or one that is wrong by a single bit, was hit itself. */
	return differing > 1;
}

static enum fox_hash_state state_of_file(const struct fox_gguf *g)
{
	struct fox_hash128 root;
	if (!fox_gguf_find_key(g, FOX_KEY_HASH_ROOT) && !fox_gguf_find_key(g, FOX_KEY_HASH_LAYOUT) &&
	    !fox_gguf_find_key(g, FOX_KEY_PROFILE)) /* three, so that one damaged name does not hide the others */
		return FOX_HASH_NONE;
	const uint8_t *written = hash_bytes(g, FOX_KEY_HASH_ROOT), *set = hash_bytes(g, FOX_KEY_HASH_SET);
	if (!written || !set || fox_profile_root(g, &root, NULL) || memcmp(written, root.b, sizeof root.b))
		return is_foreign(g) ? FOX_HASH_FOREIGN : FOX_HASH_DAMAGED;
	/* The header is as it was written: from here on whatever differs is damage, also bytes cut off or added
	 * behind. */
	uint64_t shards = 1, bytes = 0;
	const struct fox_gguf_kv *layout = fox_gguf_find_key(g, FOX_KEY_HASH_LAYOUT);
	if (!layout || !fox_gguf_item_u64(g, layout, 3, &bytes) || bytes != fox_gguf_header(g)->file_bytes)
		return FOX_HASH_DAMAGED;
	const struct fox_gguf_kv *count = fox_gguf_find_key(g, FOX_KEY_SPLIT_COUNT);
	if (count)
		fox_gguf_item_u64(g, count, 0, &shards);
	struct fox_hash128 alone = fox_xxh3(root.b, sizeof root.b);
	return shards <= 1 && memcmp(set, alone.b, sizeof alone.b) ? FOX_HASH_DAMAGED : FOX_HASH_OK;
}

/* Every shard for itself, and the hash of their roots, which each carries. */
static enum fox_hash_state state_of_set(const struct fox_gguf *g)
{
	size_t n = fox_gguf_parts(g), with[STATES] = {0};
	struct fox_xxh3_state *roots = fox_xxh3_open();
	if (!roots)
		return FOX_HASH_DAMAGED;
	for (size_t i = 0; i < n; i++) {
		const struct fox_gguf *part = fox_gguf_part(g, i);
		enum fox_hash_state state = state_of_file(part);
		with[state]++;
		if (state == FOX_HASH_OK)
			fox_xxh3_add(roots, hash_bytes(part, FOX_KEY_HASH_ROOT), 16);
	}
	struct fox_hash128 set = fox_xxh3_final(roots);
	fox_xxh3_close(roots);
	if (with[FOX_HASH_NONE] == n)
		return FOX_HASH_NONE;
	if (with[FOX_HASH_DAMAGED])
		return FOX_HASH_DAMAGED;
	if (with[FOX_HASH_OK] != n)
		return FOX_HASH_FOREIGN;
	for (size_t i = 0; i < n; i++)
		if (memcmp(hash_bytes(fox_gguf_part(g, i), FOX_KEY_HASH_SET), set.b, sizeof set.b))
			return FOX_HASH_DAMAGED;
	return FOX_HASH_OK;
}

enum fox_hash_state fox_profile_state(const struct fox_gguf *g)
{
	return fox_gguf_parts(g) > 1 ? state_of_set(g) : state_of_file(g);
}
