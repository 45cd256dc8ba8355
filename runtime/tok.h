/* tok.h - running a tokenizer: text to ids and back, exactly as the original does.  spec/tokenizer.md */
#ifndef FOX_TOK_H
#define FOX_TOK_H

#include "format/tokdata.h"

struct fox_tok; /* immutable after open: shareable between threads */

/*
 * fox_tok_open - build the lookup structures; data must outlive the tokenizer
 *
 * errors FOX_E_UNSUPPORTED: another model than "llama", "t5" and "gpt2", what tok_hf_open refuses, or neither an unknown token nor byte pieces; those of
 * fox_charsmap_parse; FOX_E_NOMEM
 */
enum fox_status fox_tok_open(
    struct fox_tok **out, const struct fox_tokdata *data, struct fox_err *err) FOX_MUST_CHECK;
void fox_tok_close(struct fox_tok *t); /* NULL is fine */

/* Lines for --version: what PCRE2 and utf8proc the expressions and normal forms are run by. Not for several threads. */
const char *fox_tok_versions(void);

struct fox_tok_ids {
	int32_t *ids; /* free with fox_tok_ids_free */
	size_t n, cap;
};
void fox_tok_ids_free(struct fox_tok_ids *ids);

enum fox_tok_flags {
	FOX_TOK_SPECIAL = 1u << 0, /* CONTROL and UNKNOWN pieces in the text are recognised (decode: written) */
	FOX_TOK_NO_BOS = 1u << 1,  /* leave out bos/eos even where the model adds them */
};

/*
 * fox_tok_encode - append the ids of a text
 *
 * text    any bytes: ill-formed UTF-8 is treated as SentencePiece does (U+FFFD per bad byte)
 * out     zero-initialise before the first call; on failure it holds what it held before
 * time    O(n log n); 1 MB of blanks is fine. Memory while it runs: up to 3 bytes per byte of text, plus 56 per character
 *         of the longest stretch that pieces may join (Unigram: 16 per byte of the longest that they bridge without a gap). Up to
 *         4 MiB of it stay with the tokenizer for later calls
 * errors  FOX_E_NOMEM, FOX_E_BOUND (more than 2^31 - 1 ids)
 */
enum fox_status fox_tok_encode(const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text,
    uint32_t flags, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_tok_decode - append the text of ids to a buffer
 *
 * Byte pieces give raw bytes (SentencePiece would put U+FFFD for ill-formed ones, which cannot be streamed);
 * UNKNOWN gives " \u2047 "; CONTROL pieces give nothing unless FOX_TOK_SPECIAL; U+2581 becomes a blank; the
 * blank that add_space_prefix put first is taken away again when `first` (the ids begin the text). errors
 * FOX_E_BOUND an id outside the vocabulary
 */
enum fox_status fox_tok_decode(const struct fox_tok *t, struct fox_buf *out, const int32_t *ids, size_t n,
    bool first, uint32_t flags, struct fox_err *err) FOX_MUST_CHECK;

#endif
