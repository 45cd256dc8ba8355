/* tok_hf_in.h - inside the hf engine: its state, shared by tok_hf.c (text to ids) and tok_hf_text.c (ids to text). */
#ifndef FOX_TOK_HF_IN_H
#define FOX_TOK_HF_IN_H

#include <stdatomic.h>

#include "runtime/tok_added.h"
#include "runtime/tok_bpe.h"
#include "runtime/tok_hf.h"
#include "runtime/tok_split.h"
#include "runtime/tok_unigram.h"

/* One call's working memory, which the tokenizer keeps for the next call. */
struct tok_hf_work {
	struct fox_matcher *matcher;
	struct tok_bpe_work *bpe;
	struct tok_unigram_work unigram;
	struct fox_buf valid;                           /* the text, when it had to be made well-formed */
	struct fox_buf norm[2];                         /* for normalizers */
	struct fox_buf stage[FOX_TOKSPEC_MAX_STEPS][2]; /* for pre-tokenizers that change text */
	struct fox_buf bytes;                           /* characters of the byte alphabet as bytes again */
};

struct tok_hf {
	const struct fox_tokdata *d;
	struct fox_tokspec spec;
	struct fox_arena arena;
	struct tok_norm *norm;
	struct tok_added raw, normalized;            /* added tokens by where they are matched */
	struct fox_regex *re[FOX_TOKSPEC_MAX_STEPS]; /* of pre-tokenizers; NULL: it needs none */
	struct fox_regex *decode_re[FOX_TOKSPEC_MAX_STEPS];
	struct tok_bpe *bpe; /* one of the two */
	struct tok_unigram *unigram;
	bool mapped_at_start; /* a normalizer has turned bytes into characters */
	uint32_t n_raw;       /* pre-tokenizers that see raw bytes: after these, text is in the byte alphabet */
	uint8_t *is_special;  /* [d->n] decode leaves it out */
	uint8_t *is_token;    /* [d->n] decode knows it: no filler */
	struct fox_str *decoded;            /* [d->n] ByteLevel's text of each token; NULL without that decoder */
	uint32_t fuse_at;                   /* decoders before the first Fuse, or all of them */
	_Atomic(struct tok_hf_work *) idle; /* working memory that no call uses now */
};

/* Take working memory, and give it back. NULL: out of memory. */
struct tok_hf_work *tok_hf_take(const struct tok_hf *h);
void tok_hf_give(const struct tok_hf *h, struct tok_hf_work *w);

/* The part of tok_hf_open that concerns decoding. */
enum fox_status tok_hf_open_text(struct tok_hf *h, struct fox_err *err) FOX_MUST_CHECK;

#endif
