/* tok_unigram.h - inside the tokenizer: Unigram vocabularies, and the best-scored way to cut a text into pieces, as
 * SentencePiece and as HF tokenizers find it.  spec/tokenizer.md 10 */
#ifndef FOX_TOK_UNIGRAM_H
#define FOX_TOK_UNIGRAM_H

#include "runtime/tok_spm.h"

struct
    tok_unigram; /* immutable after open, but for memory that calls leave to each other: shareable between threads */

/* Whose ids are wanted. They differ so:
 *
 *                    SentencePiece                               HF tokenizers
 *   sums of scores   float, set back to 0 beyond 100000          double
 *   pieces           normal, and user-defined by length          every token of model.vocab, "<s>" and "<0x41>" too
 *   unknown costs    least score of the normal pieces - 10       least score of all tokens - 10
 *   unknown run      bytes, else one unknown id; each character  bytes if all exist, else one id; looked up whole first
 *                    of it on its own, missing bytes unknown
 */
enum tok_unigram_kind { TOK_UNIGRAM_SPM, TOK_UNIGRAM_HF };

struct tok_unigram_options {
	enum tok_unigram_kind kind;
	uint32_t
	    n_vocab; /* HF: tokens 0..n_vocab-1 are model.vocab; the others are never found in text. SPM: ignored */
	int32_t unk;            /* HF: model.unk_id or -1; SPM: the unknown piece or -1 */
	bool byte_fallback;     /* HF: model.byte_fallback. SPM: ignored, byte pieces say it */
	const uint8_t *is_user; /* SPM: [n] enum tok_user, for this call. HF: ignored */
};

/*
 * tok_unigram_open - index a vocabulary
 *
 * data    pieces, scores (HF: exact_score where there) and types; must outlive u
 * memory  12 bytes a unit of tok_darray, 8 bytes a token, 8 kB
 * errors  FOX_E_NOMEM, FOX_E_BOUND
 */
enum fox_status tok_unigram_open(struct tok_unigram **u, const struct fox_tokdata *data,
    const struct tok_unigram_options *options, struct fox_err *err) FOX_MUST_CHECK;
void tok_unigram_close(struct tok_unigram *u); /* NULL is fine */

#define TOK_UNIGRAM_CACHE_BITS 15 /* entries of one cache */
#define TOK_UNIGRAM_KEY_BYTES 31  /* longest stretch of text in it */
#define TOK_UNIGRAM_KEY_IDS 6

/* A stretch of text and its best path. Its ids are certain where the sum of all scores before it is at most `limit`. */
struct tok_unigram_entry {
	uint64_t key[4]; /* bytes of text, then their number */
	float limit;
	int32_t n; /* 0: the cache cannot tell */
	int32_t ids[TOK_UNIGRAM_KEY_IDS];
};

/* Working memory, to be kept from call to call by one thread. Zero-initialise. */
struct tok_unigram_work {
	struct tok_unigram_node *node;
	size_t cap;
	struct tok_unigram_entry *cache; /* [1 << CACHE_BITS], whole lines of memory within cache_memory */
	void *cache_memory;
	uint64_t serial;     /* of the vocabulary whose stretches the cache holds */
	struct fox_buf text; /* for tok_unigram_text */
	bool uncached;       /* neither cut texts nor cache anything: the same ids, slowly */
};
void tok_unigram_work_free(struct tok_unigram_work *w);

/*
 * tok_unigram_encode - append the ids of one normalised text (HF: of one pre-token)
 *
 * text    well-formed UTF-8, blanks as U+2581 where the model wants them
 * time    linear in the text, times the longest piece. Memory: 2 MiB, and 16 bytes for each byte of the longest stretch
 *         that pieces overlap without a gap
 * errors  FOX_E_UNSUPPORTED: a character without a token, and no unknown token (HF only); FOX_E_NOMEM, FOX_E_BOUND; out then
 *         holds what it held before
 */
enum fox_status tok_unigram_encode(const struct tok_unigram *u, struct tok_unigram_work *w,
    struct fox_tok_ids *out, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;

/* Append the ids of a raw text without control pieces: tok_spm_normalize, then tok_unigram_encode with t->unigram. */
enum fox_status tok_unigram_text(const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
