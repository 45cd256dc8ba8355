/* charsmap.h - SentencePiece's precompiled character map: replacements of byte strings, as a double array.
 *
 * Layout: u32 bytes of the trie, the trie (u32 units, a multiple of 256), the replacements, each up to a NUL. A unit is
 * value (bit 31 set: an offset into the replacements) or edge (label in bits 0 to 7, bit 8: a key ends here, the rest:
 * where its children lie).   source: sentencepiece src/normalizer.cc DecodePrecompiledCharsMap, third_party/darts_clone */
#ifndef FOX_CHARSMAP_H
#define FOX_CHARSMAP_H

#include "format/base/err.h"
#include "format/base/str.h"

/* Views into the bytes it was parsed from, which must outlive it. Zeroed: a map that replaces nothing. */
struct fox_charsmap {
	const uint8_t *unit; /* [n_units] little-endian u32, at any address */
	uint32_t n_units;
	struct fox_str text; /* the replacements; ends in NUL */
};

/*
 * fox_charsmap_parse - check a character map, so that later look-ups need no checks
 *
 * Refuses what SentencePiece refuses (sizes, children or values outside the map), and also what would not end or not
 * give UTF-8: cycles, keys with a NUL in them, replacements that are ill-formed or begin within a character.
 *
 * blob    no bytes: the empty map
 * errors  FOX_E_TRUNCATED, FOX_E_BOUND, FOX_E_FORMAT with the offset within blob; FOX_E_NOMEM
 */
enum fox_status fox_charsmap_parse(
    struct fox_charsmap *m, struct fox_span blob, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_charsmap_longest - the replacement of the longest key that text begins with at i, as SentencePiece chooses it
 *
 * Returns the replacement, which may be empty, and the bytes of its key in *len; p NULL: no key. Of more than 32 keys that
 * match, the first 32 count, as there. The caller keeps i < text.n.
 */
struct fox_str fox_charsmap_longest(const struct fox_charsmap *m, struct fox_str text, size_t i, size_t *len);

/* The same for the shortest key, which HF tokenizers takes for a whole grapheme cluster; p NULL: no key. */
struct fox_str fox_charsmap_shortest(const struct fox_charsmap *m, struct fox_str text);

/*
 * fox_charsmap_begins - whether keys begin with a text, as all of it or as a part
 *
 * replaced  the text is a key itself: its replacement; else p NULL
 * follow    [256] set to 1 for every byte by which a longer key goes on after the text; other items stay
 */
bool fox_charsmap_begins(
    const struct fox_charsmap *m, struct fox_str text, struct fox_str *replaced, uint8_t *follow);

/*
 * fox_charsmap_in_spm - find normalizer_spec.precompiled_charsmap in a ModelProto, with or without its pieces
 *
 * out     a view into proto; p NULL: the model has none
 * errors  FOX_E_FORMAT: bytes that are no such message
 */
enum fox_status fox_charsmap_in_spm(
    struct fox_span *out, struct fox_span proto, struct fox_err *err) FOX_MUST_CHECK;

#endif
