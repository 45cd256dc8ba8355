/* tok_charsmap.h - inside the tokenizer: normalising text with a character map, in SentencePiece's way and in
 * HF tokenizers'.
 *
 * Parse a map with fox_charsmap_parse (format/charsmap.h). spec/tokenizer.md 9 */
#ifndef FOX_TOK_CHARSMAP_H
#define FOX_TOK_CHARSMAP_H

#include "format/charsmap.h"

/*
 * tok_charsmap_prefix - one step of SentencePiece's normaliser: what the text at i turns into
 *
 * The longest key's replacement, else the character itself, else (an ill-formed byte) U+FFFD. *len is the number of bytes
 * of text that it stands for, at least 1. The view points into the map, the text or a constant. m NULL: no map.
 * The caller keeps i < text.n.
 */
struct fox_str tok_charsmap_prefix(const struct fox_charsmap *m, struct fox_str text, size_t i, size_t *len);

/*
 * tok_charsmap_grapheme - append what HF tokenizers' `Precompiled` normaliser makes of one extended grapheme cluster
 *
 * A cluster of up to 5 bytes that begins with a key becomes, as a whole, the replacement of the SHORTEST such key: what
 * follows that key in the cluster is lost. Otherwise each of its characters is replaced by that rule, or kept.
 *
 * Where the clusters end is the caller's: the edition of Unicode does not matter much, since clusters of more than 5 bytes
 * are taken by characters.   source: tokenizers src/normalizers/precompiled.rs; spm_precompiled src/lib.rs `transform`
 *
 * cluster  well-formed UTF-8, not empty; out->failed tells of missing memory
 */
void tok_charsmap_grapheme(const struct fox_charsmap *m, struct fox_buf *out, struct fox_str cluster);

#endif
