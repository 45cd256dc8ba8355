/* ver_integrity.c - is this file, or every file of this set, byte for byte the one that was written? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "format/profile.h"
#include "inspect/verify.h"

enum { CHUNK = 8 << 20 }; /* bytes hashed between two looks at the signal flag; also how much stays mapped */

/* What a finding about one file of the model names: of a set the file, else what the caller calls it. */
static const char *whose(const struct fox_verify *v, const struct fox_gguf *part, const char *alone)
{
	const char *path = fox_gguf_path(part), *slash = strrchr(path, '/');
	return fox_gguf_parts(v->g) == 1 ? alone : slash ? slash + 1 : path;
}

struct hashing {
	const struct fox_gguf *g;
	struct fox_hash128 *got; /* [tensors] */
	bool *done;              /* [tensors]: false when out of memory or stopped */
};

static void hash_tensor(void *ctx, size_t i, unsigned worker)
{
	struct hashing *h = ctx;
	struct fox_span d = fox_gguf_tensor(h->g, i)->data;
	(void)worker;
	struct fox_xxh3_state *x = fox_xxh3_open();
	if (!x)
		return;
	bool stopped = false;
	for (size_t at = 0; at < d.n && !(stopped = fox_signal_pending() != 0);) {
		size_t n = d.n - at < CHUNK ? d.n - at : CHUNK;
		fox_xxh3_add(x, d.p + at, n);
		fox_gguf_done_with(h->g, (struct fox_span){d.p + at, n});
		at += n;
	}
	h->got[i] = fox_xxh3_final(x);
	h->done[i] = !stopped;
	fox_xxh3_close(x);
}

/* A hash that is a few bits off is the recorded one damaged: other data would differ in about 64 of 128. */
static bool is_table_hit(const struct fox_hash128 *a, const struct fox_hash128 *b)
{
	int bits = 0;
	for (int i = 0; i < 16; i++)
		bits += __builtin_popcount((unsigned)(a->b[i] ^ b->b[i]));
	return bits <= 8;
}

/* One tensor's hash against the recorded one; root_ok: the header that holds the record is as written. In a set an offset
 * says little without its file. */
static bool judge_tensor(
    struct fox_verify *v, const struct fox_tensor *t, const struct fox_hash128 *is, bool root_ok)
{
	char name[64], got[33], want[33] = "there (the table is gone)";
	const char *file = whose(v, fox_gguf_part(v->g, t->part), "");
	if (t->hash && fox_hash128_eq(is, t->hash))
		return true;
	fox_hex(got, is->b, 16);
	if (t->hash)
		fox_hex(want, t->hash->b, 16);
	memcpy(name, t->name.p, t->name.n); /* the reader admits 63 bytes at most */
	name[t->name.n] = 0;
	if (t->hash && !root_ok && is_table_hit(is, t->hash))
		fox_find_add(&v->found, FOX_NOTE, "hash.tensor", name,
		    "data has XXH3-128 %s, but its record in the damaged header, %s, is a few bits off", got, want);
	else
		fox_find_add(&v->found, FOX_FAIL, "hash.tensor", name, "data at offset %llu%s%s has XXH3-128 %s, not %s",
		    (unsigned long long)t->at, *file ? " of " : "", file, got, want);
	return false;
}

/* root_ok: [parts] */
static enum fox_status check_tensors(struct fox_verify *v, const bool *root_ok, struct fox_err *err)
{
	size_t n = fox_gguf_tensors(v->g), bad = 0;
	struct hashing h = {v->g, calloc(n + 1, sizeof *h.got), calloc(n + 1, sizeof *h.done)};
	enum fox_status s = h.got && h.done ? FOX_OK : fox_fail_nomem(err);
	if (!s)
		fox_pool_run(v->pool, hash_tensor, &h, n);
	for (size_t i = 0; i < n && !s; i++) {
		if (!h.done[i])
			s = fox_cancelled(err) ? FOX_E_CANCELLED : fox_fail_nomem(err);
		else if (!judge_tensor(
		             v, fox_gguf_tensor(v->g, i), &h.got[i], root_ok[fox_gguf_tensor(v->g, i)->part]))
			bad++;
	}
	if (!s && !bad)
		fox_find_add(
		    &v->found, FOX_PASS, "hash.tensor", "", "%zu tensors have the hashes they were written with", n);
	free(h.got);
	free(h.done);
	return s;
}

/* A header's own hash. What keeps it from being computed (a damaged hash key) disproves the file too. */
static enum fox_status check_root(
    struct fox_verify *v, const struct fox_gguf *g, bool *ok, struct fox_err *err)
{
	struct fox_err why = {0};
	struct fox_hash128 got, want;
	const char *where = whose(v, g, "header");
	char a[33], b[33];
	*ok = false;
	if (fox_profile_root(g, &got, &why)) {
		if (why.code == FOX_E_NOMEM)
			return fox_fail_nomem(err);
		fox_find_add(&v->found, FOX_FAIL, "hash.root", where, "the hash keys are damaged: %s", why.text);
		return FOX_OK;
	}
	memcpy(want.b, fox_gguf_find_key(g, FOX_KEY_HASH_ROOT)->raw.p, sizeof want.b);
	fox_hex(a, got.b, 16);
	fox_hex(b, want.b, 16);
	*ok = fox_hash128_eq(&got, &want);
	if (!*ok)
		fox_find_add(&v->found, FOX_FAIL, "hash.root", where, "XXH3-128 is %s, not %s", a, b);
	else if (fox_profile_state(g) != FOX_HASH_OK && !fox_gguf_header(g)->trailing) /* which was told already */
		fox_find_add(&v->found, FOX_FAIL, "hash.set", where,
		    "the file's size or set hash is not the one that was written");
	else if (fox_gguf_parts(v->g) == 1)
		fox_find_add(&v->found, FOX_PASS, "hash.root", "", "header is the one that was written: %s", a);
	return FOX_OK;
}

/* Structure of one file: false when something is outside its place. */
static bool check_structure(struct fox_verify *v, const struct fox_gguf *g, enum fox_hash_state state)
{
	const struct fox_gguf_header *h = fox_gguf_header(g);
	/* a strict file of ours has neither; in files of others nothing says that they must not */
	enum fox_grade grade = state == FOX_HASH_NONE || state == FOX_HASH_FOREIGN ? FOX_NOTE : FOX_FAIL;
	if (h->trailing)
		fox_find_add(&v->found, grade, "structure.trailing", whose(v, g, "end of file"),
		    "%llu bytes follow the last tensor", (unsigned long long)h->trailing);
	if (h->padding_nonzero)
		fox_find_add(&v->found, grade, "structure.padding", whose(v, g, "data"),
		    "bytes between tensors are not zero");
	return !h->trailing && !h->padding_nonzero;
}

static void check_structures(struct fox_verify *v)
{
	const struct fox_gguf_header *h = fox_gguf_header(v->g);
	size_t parts = fox_gguf_parts(v->g);
	char files[32] = "";
	bool good = true;
	for (size_t i = 0; i < parts; i++) {
		const struct fox_gguf *part = fox_gguf_part(v->g, i);
		good &= check_structure(v, part, fox_profile_state(part));
	}
	if (parts > 1)
		snprintf(files, sizeof files, "%zu files, ", parts);
	if (good)
		fox_find_add(&v->found, FOX_PASS, "structure", "",
		    "GGUF v%u, %s-endian, %s%zu keys, %zu tensors, nothing outside its place", h->version,
		    h->big_endian ? "big" : "little", files, fox_gguf_keys(v->g), fox_gguf_tensors(v->g));
}

/* Which files of the model are not as fox wrote them. */
static void tell_foreign(struct fox_verify *v)
{
	for (size_t i = 0; i < fox_gguf_parts(v->g); i++) {
		const struct fox_gguf *part = fox_gguf_part(v->g, i);
		enum fox_hash_state state = fox_profile_state(part);
		if (state == FOX_HASH_NONE)
			fox_find_add(&v->found, FOX_FAIL, "hash.layout", whose(v, part, ""),
			    "no fox.* hashes, and other files of the set have them");
		else if (state != FOX_HASH_OK)
			fox_find_add(&v->found, FOX_FAIL, "hash.layout", whose(v, part, ""),
			    "changed by another tool: keys, tensors or sizes are not those that fox wrote, so its hashes "
			    "no longer apply");
	}
}

/* Every file's header, and of a set what binds them. */
static enum fox_status check_roots(
    struct fox_verify *v, enum fox_hash_state state, bool *ok, struct fox_err *err)
{
	enum fox_status s = FOX_OK;
	size_t parts = fox_gguf_parts(v->g), good = 0, whole = 0;
	for (size_t i = 0; !s && i < parts; i++) {
		const struct fox_gguf *part = fox_gguf_part(v->g, i);
		uint32_t profile;
		s = check_root(v, part, &ok[i], err);
		good += ok[i];
		whole += fox_profile_state(part) == FOX_HASH_OK;
		if (!s && ok[i] && !fox_gguf_u32(part, FOX_KEY_PROFILE, &profile, NULL) && profile != 1) {
			s = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "version %u of fox's profile is not known here", profile);
			fox_in_file(err, fox_gguf_path(part));
		}
	}
	if (s || parts == 1)
		return s;
	if (good == parts)
		fox_find_add(&v->found, FOX_PASS, "hash.root", "", "%zu headers are those that were written", parts);
	if (state == FOX_HASH_OK) {
		char hex[33];
		fox_hex(hex, fox_gguf_find_key(v->g, FOX_KEY_HASH_SET)->raw.p, 16);
		fox_find_add(&v->found, FOX_PASS, "hash.set", "", "%zu files are one set, and all of it: %s", parts, hex);
	} else if (whole == parts) { /* else it is told which file is not as written */
		fox_find_add(&v->found, FOX_FAIL, "hash.set", "", "the set's hash is not that of its headers");
	}
	return FOX_OK;
}

enum fox_status fox_ver_integrity(struct fox_verify *v, struct fox_err *err)
{
	enum fox_hash_state state = fox_profile_state(v->g);
	enum fox_grade absent = v->other_proof ? FOX_NOTE : FOX_FAIL;
	check_structures(v);
	switch (state) {
	case FOX_HASH_NONE:
		fox_find_add(&v->found, absent, "hash.root", "",
		    "no fox.* hashes: nothing in this file says what its bytes should be");
		return FOX_OK;
	case FOX_HASH_FOREIGN:
		tell_foreign(v);
		return FOX_OK;
	case FOX_HASH_OK:
	case FOX_HASH_DAMAGED:
		break;
	}
	bool *root_ok = calloc(fox_gguf_parts(v->g), sizeof *root_ok);
	if (!root_ok)
		return fox_fail_nomem(err);
	enum fox_status s = check_roots(v, state, root_ok, err);
	if (!s)
		s = check_tensors(v, root_ok, err);
	free(root_ok);
	return s;
}
