/* chunks.h - a text as ids, cut into chunks of equal length, as llama.cpp's perplexity and imatrix tools cut it.
 *
 * One newline at the end of the text is dropped; the text is encoded with control tokens unrecognised, bos in front where
 * the model adds it, and no eos. Chunk i is ids [i n_ctx, (i + 1) n_ctx); what is left over is not used. Where the model
 * adds bos, it stands in place of each chunk's first id when the chunk is run; ids that are predicted are the text's.
 * source: llama.cpp common/arg.cpp (--file), tools/perplexity/perplexity.cpp, tools/imatrix/imatrix.cpp.  spec/verify.md 9 */
#ifndef FOX_CHUNKS_H
#define FOX_CHUNKS_H

#include "format/tokdata.h"

#define FOX_CHUNKS_CONTEXT 512u /* ids of a chunk unless told otherwise, as llama.cpp's tools have it */

struct fox_chunks {
	int32_t *ids; /* [n_ids] of the whole text */
	size_t n_ids;
	uint32_t n_ctx; /* ids of a chunk */
	uint32_t n;     /* chunks */
	int32_t bos;    /* what stands first in each chunk, or FOX_TOK_NONE: its own first id */
};

/*
 * fox_chunks_open - encode a text and cut it
 *
 * vocab   the tokenizer of the container; need not outlive the chunks
 * text    UTF-8
 * n_ctx   >= 4; 0: FOX_CHUNKS_CONTEXT
 * most    chunks at most; 0: all there are
 * errors  FOX_E_FORMAT: the text is empty or not UTF-8 (with the byte), or has fewer than 2 n_ctx ids; FOX_E_ARG: n_ctx;
 *         FOX_E_MISMATCH: the model adds bos and has none; those of fox_tok_open and fox_tok_encode. *out is zeroed then
 */
enum fox_status fox_chunks_open(struct fox_chunks *out, const struct fox_tokdata *vocab, struct fox_str text,
    uint32_t n_ctx, uint32_t most, struct fox_err *err) FOX_MUST_CHECK;
void fox_chunks_close(struct fox_chunks *c); /* zeroed is fine */

/* The ids that chunk i runs: [n_ctx], bos in its place. */
void fox_chunks_get(const struct fox_chunks *c, uint32_t i, int32_t *ids);

/*
 * fox_chunks_same_vocab - do ids mean the same in two containers: as many tokens, of the same texts?
 *
 * Types, scores and flags may differ, as converters do in them: fox_chunks_same tells whether that matters.
 * errors  FOX_E_MISMATCH naming the first token that differs
 */
enum fox_status fox_chunks_same_vocab(
    const struct fox_tokdata *a, const struct fox_tokdata *b, struct fox_err *err) FOX_MUST_CHECK;

/* One text cut by two tokenizers: FOX_E_MISMATCH naming the first difference, bos included. */
enum fox_status fox_chunks_same(
    const struct fox_chunks *a, const struct fox_chunks *b, struct fox_err *err) FOX_MUST_CHECK;

#endif
