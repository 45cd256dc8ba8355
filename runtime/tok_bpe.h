/* tok_bpe.h - inside the tokenizer: BPE by ranked merges over token ids, as HF tokenizers' models::bpe runs it. */
#ifndef FOX_TOK_BPE_H
#define FOX_TOK_BPE_H

#include "format/tokspec.h"
#include "runtime/tok.h"
#include "runtime/tok_norm.h"

struct tok_bpe;      /* immutable after open: shareable between threads */
struct tok_bpe_work; /* one thread's cache and working memory */

/*
 * tok_bpe_open - tables out of pieces and merges
 *
 * d, spec  must outlive it. With spec->byte_level words are bytes and the pieces GPT-2's byte alphabet.
 * errors   FOX_E_FORMAT: a merge whose halves or whole are no tokens; FOX_E_UNSUPPORTED: an unk_token that
 *          is no token; FOX_E_NOMEM
 */
enum fox_status tok_bpe_open(struct tok_bpe **out, const struct fox_tokdata *d,
    const struct fox_tokspec *spec, struct fox_err *err) FOX_MUST_CHECK;
void tok_bpe_close(struct tok_bpe *b); /* NULL is fine */

/* Working memory for calls with b; NULL: out of memory. */
struct tok_bpe_work *tok_bpe_work_open(const struct tok_bpe *b);
void tok_bpe_work_close(struct tok_bpe_work *w); /* NULL is fine */

/*
 * tok_bpe_word - append the ids of one word (a piece of a text that merges do not leave)
 *
 * time    a word seen before: one look-up; else O(n log n)
 * errors  FOX_E_NOMEM, FOX_E_BOUND (more than 2^31 - 1 ids)
 */
enum fox_status tok_bpe_word(const struct tok_bpe *b, struct tok_bpe_work *w, struct fox_tok_ids *out,
    struct fox_str word, struct fox_err *err) FOX_MUST_CHECK;

/* Whether a row is "[PAD{own id}]", which no tokenizer has: it fills up the embedding. */
bool tok_is_filler(const struct fox_tokdata *d, uint32_t id);

#endif
