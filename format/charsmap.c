/* charsmap.c - SentencePiece's precompiled character map: checked once, then searched without checks.
 *
 * Refuses sizes that do not fit, units that lead outside, cycles, keys with a NUL, and replacements that are not UTF-8.
 * spec/tokenizer.md 9 */
#include "format/charsmap.h"

#include <stdlib.h>

#include "format/base/num.h"

/* A limit of ours: the map of nmt_nfkc_cf, the largest that SentencePiece ships, has less than 400 kB. */
#define CHARSMAP_MAX (16u << 20)
/* Matches that SentencePiece looks at. source: src/normalizer.h kMaxTrieResultsSize */
#define MAX_MATCHES 32
#define HEAD 4u    /* bytes before the trie */
#define BLOCK 256u /* units */
#define VALUE (1u << 31)
#define NONE UINT32_MAX

static uint32_t unit_at(const struct fox_charsmap *m, uint32_t i)
{
	return fox_load32(m->unit + (size_t)i * 4);
}

/* Of an edge its label; of a value more than 0xff. */
static uint32_t label_of(uint32_t unit)
{
	return unit & (VALUE | 0xff);
}

static bool ends_key(uint32_t unit)
{
	return unit >> 8 & 1;
}

/* Where the children of the edge i lie: at this number, each with its label's bits flipped. */
static uint32_t base_of(uint32_t i, uint32_t unit)
{
	return i ^ (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/* ---- parse */

static uint64_t offset(uint32_t i)
{
	return HEAD + (uint64_t)i * 4;
}

static enum fox_status read_sizes(struct fox_charsmap *m, struct fox_span blob, struct fox_err *err)
{
	if (blob.n <= HEAD)
		return fox_fail(err, FOX_E_TRUNCATED, 0, "character map of %zu bytes", blob.n);
	if (blob.n > CHARSMAP_MAX)
		return fox_fail(
		    err, FOX_E_BOUND, 0, "character map of %zu bytes, more than %u", blob.n, CHARSMAP_MAX);
	uint32_t n = fox_load32(blob.p);
	if (n >= blob.n - HEAD)
		return fox_fail(err, FOX_E_TRUNCATED, 0, "trie of %u bytes in a character map of %zu", n, blob.n);
	if (!n || n % (BLOCK * 4))
		return fox_fail(err, FOX_E_FORMAT, 0, "trie of %u bytes, want a multiple of %u", n, BLOCK * 4);
	*m = (struct fox_charsmap){blob.p + HEAD, n / 4, {(const char *)blob.p + HEAD + n, blob.n - HEAD - n}};
	if (m->text.p[m->text.n - 1])
		return fox_fail(err, FOX_E_FORMAT, blob.n - 1, "replacements do not end in NUL");
	size_t bad = fox_utf8_bad(m->text);
	if (bad < m->text.n)
		return fox_fail(err, FOX_E_FORMAT, HEAD + n + (uint64_t)bad, "replacements are ill-formed UTF-8");
	return FOX_OK;
}

/* Every unit, in use or not, leads to units and replacements that exist: SentencePiece's own check. */
static enum fox_status check_units(const struct fox_charsmap *m, struct fox_err *err)
{
	uint32_t root = unit_at(m, 0);
	if (label_of(root) || ends_key(root) || !base_of(0, root))
		return fox_fail(err, FOX_E_FORMAT, HEAD, "first unit of the trie is not a root");
	for (uint32_t i = 0; i < m->n_units; i++) {
		uint32_t unit = unit_at(m, i);
		if (unit & VALUE) {
			uint32_t to = unit & ~VALUE;
			if (to >= m->text.n)
				return fox_fail(err, FOX_E_BOUND, offset(i), "replacement at %u of %zu bytes", to, m->text.n);
			continue;
		}
		uint32_t base = base_of(i, unit);
		if ((base | (BLOCK - 1)) >= m->n_units)
			return fox_fail(
			    err, FOX_E_BOUND, offset(i), "unit %u has children at %u of %u", i, base, m->n_units);
		if (ends_key(unit) && !(unit_at(m, base) & VALUE))
			return fox_fail(err, FOX_E_FORMAT, offset(i), "unit %u ends a key without a replacement", i);
	}
	return FOX_OK;
}

/* A walk over what the root leads to. Units share their children where keys end alike, so what is walked are bases. */
struct walk {
	const struct fox_charsmap *m;
	uint32_t *child, *next; /* [n_units] by base: its first child; by unit: the next child of the same base */
	uint32_t *path;         /* bases from the root */
	uint8_t *state;         /* [n_units] by base: 1 on the path, 2 done */
	uint32_t depth;
};

static void list_children(struct walk *w)
{
	memset(w->child, 0xff, w->m->n_units * sizeof *w->child);
	for (uint32_t i = w->m->n_units; i-- > 1;) {
		uint32_t label = label_of(unit_at(w->m, i));
		if (!label || label > 0xff)
			continue;
		w->next[i] = w->child[i ^ label];
		w->child[i ^ label] = i;
	}
}

static enum fox_status enter(struct walk *w, uint32_t base, struct fox_err *err)
{
	/* a text may hold a NUL, the keys that SentencePiece compiles cannot */
	if (!label_of(unit_at(w->m, base)))
		return fox_fail(err, FOX_E_FORMAT, offset(base), "key with a NUL in it, at unit %u", base);
	w->state[base] = 1;
	w->path[w->depth++] = base;
	return FOX_OK;
}

static enum fox_status walk_keys(struct walk *w, struct fox_err *err)
{
	const struct fox_charsmap *m = w->m;
	enum fox_status s = enter(w, base_of(0, unit_at(m, 0)), err);
	while (!s && w->depth) {
		uint32_t at = w->path[w->depth - 1], i = w->child[at];
		if (i == NONE) {
			w->state[at] = 2;
			w->depth--;
			continue;
		}
		w->child[at] = w->next[i];
		uint32_t unit = unit_at(m, i), base = base_of(i, unit);
		if (ends_key(unit) && (m->text.p[unit_at(m, base) & ~VALUE] & 0xC0) == 0x80)
			return fox_fail(err, FOX_E_FORMAT, offset(base), "replacement begins within a character");
		if (w->state[base] == 1)
			return fox_fail(err, FOX_E_FORMAT, offset(i), "unit %u leads back to itself", i);
		if (!w->state[base])
			s = enter(w, base, err);
	}
	return s;
}

static enum fox_status check_keys(const struct fox_charsmap *m, struct fox_err *err)
{
	uint32_t *words = malloc((size_t)m->n_units * 3 * sizeof *words);
	uint8_t *state = calloc(m->n_units, 1);
	enum fox_status s = FOX_OK;
	if (words && state) {
		struct walk w = {m, words, words + m->n_units, words + (size_t)m->n_units * 2, state, 0};
		list_children(&w);
		s = walk_keys(&w, err);
	} else {
		s = fox_fail_nomem(err);
	}
	free(words);
	free(state);
	return s;
}

enum fox_status fox_charsmap_parse(struct fox_charsmap *m, struct fox_span blob, struct fox_err *err)
{
	struct fox_charsmap got = {0};
	*m = got;
	if (!blob.n)
		return FOX_OK;
	enum fox_status s = read_sizes(&got, blob, err);
	if (!s)
		s = check_units(&got, err);
	if (!s)
		s = check_keys(&got, err);
	if (!s)
		*m = got;
	return s;
}

/* ---- search */

static struct fox_str replacement(const struct fox_charsmap *m, uint32_t base)
{
	const char *p = m->text.p + (unit_at(m, base) & ~VALUE);
	return (struct fox_str){p, strlen(p)};
}

struct fox_str fox_charsmap_longest(const struct fox_charsmap *m, struct fox_str text, size_t i, size_t *len)
{
	uint32_t base = base_of(0, unit_at(m, 0)), found = NONE;
	int matches = 0;
	for (size_t at = i; at < text.n && matches < MAX_MATCHES; at++) {
		uint32_t c = (uint8_t)text.p[at], unit = unit_at(m, base ^ c);
		if (label_of(unit) != c)
			break;
		base = base_of(base ^ c, unit);
		if (!ends_key(unit))
			continue;
		matches++;
		found = base;
		*len = at - i + 1;
	}
	return found == NONE ? (struct fox_str){NULL, 0} : replacement(m, found);
}

struct fox_str fox_charsmap_shortest(const struct fox_charsmap *m, struct fox_str text)
{
	if (!m->n_units)
		return (struct fox_str){NULL, 0};
	uint32_t base = base_of(0, unit_at(m, 0));
	for (size_t at = 0; at < text.n; at++) {
		uint32_t c = (uint8_t)text.p[at], unit = unit_at(m, base ^ c);
		if (label_of(unit) != c)
			break;
		base = base_of(base ^ c, unit);
		if (ends_key(unit))
			return replacement(m, base);
	}
	return (struct fox_str){NULL, 0};
}

bool fox_charsmap_begins(
    const struct fox_charsmap *m, struct fox_str text, struct fox_str *replaced, uint8_t *follow)
{
	*replaced = (struct fox_str){NULL, 0};
	if (!m->n_units)
		return false;
	uint32_t i = 0, base = base_of(0, unit_at(m, 0));
	for (size_t at = 0; at < text.n; at++) {
		uint32_t c = (uint8_t)text.p[at];
		i = base ^ c;
		if (label_of(unit_at(m, i)) != c)
			return false;
		base = base_of(i, unit_at(m, i));
	}
	if (ends_key(unit_at(m, i)))
		*replaced = replacement(m, base);
	for (uint32_t c = 1; c < 256; c++)
		follow[c] |= label_of(unit_at(m, base ^ c)) == c;
	return true;
}

/* ---- find it in a model */

static bool varint(struct fox_span *s, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && s->n; shift += 7) {
		uint8_t b = *s->p++;
		s->n--;
		*out |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* The last field `want` of bytes in a message, as protobuf takes the last; p NULL: absent. False: no such message. */
static bool find_bytes(struct fox_span msg, uint32_t want, struct fox_span *out)
{
	*out = (struct fox_span){NULL, 0};
	while (msg.n) {
		uint64_t tag, n;
		if (!varint(&msg, &tag))
			return false;
		switch (tag & 7) {
		case 0:
			if (!varint(&msg, &n))
				return false;
			continue;
		case 1:
			n = 8;
			break;
		case 2:
			if (!varint(&msg, &n))
				return false;
			break;
		case 5:
			n = 4;
			break;
		default:
			return false;
		}
		if (n > msg.n)
			return false;
		if (tag >> 3 == want && (tag & 7) == 2)
			*out = (struct fox_span){msg.p, (size_t)n};
		msg.p += n;
		msg.n -= n;
	}
	return true;
}

enum fox_status fox_charsmap_in_spm(struct fox_span *out, struct fox_span proto, struct fox_err *err)
{
	struct fox_span spec;
	*out = (struct fox_span){NULL, 0};
	if (find_bytes(proto, 3, &spec) && find_bytes(spec, 2, out))
		return FOX_OK;
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "SentencePiece model is not a protobuf message");
}
