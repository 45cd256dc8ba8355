/* tok_hf.h - inside the tokenizer: a tokenizer.json pipeline, run as HF tokenizers runs it.
 *
 * added tokens in the raw text -> normalizers -> added tokens in the normalized text -> pre-tokenizers -> model ->
 * frame; and decoders for the way back.  spec/tokenizer.md 14 */
#ifndef FOX_TOK_HF_H
#define FOX_TOK_HF_H

#include "format/tokspec.h"
#include "runtime/tok.h"

struct tok_hf; /* shareable between threads: each call takes its own working memory */

/*
 * tok_hf_open - compile a pipeline
 *
 * d       must outlive it; json is only read here (d->hf_spec, or what fox_tokpre_spec made)
 * errors  those of fox_tokspec_parse, tok_regex_open, tok_norm_open, tok_added_init, tok_bpe_open;
 *         FOX_E_UNSUPPORTED: components in an order that fox does not run; FOX_E_NOMEM
 */
enum fox_status tok_hf_open(struct tok_hf **out, const struct fox_tokdata *d, struct fox_str json,
    struct fox_err *err) FOX_MUST_CHECK;
void tok_hf_close(struct tok_hf *h); /* NULL is fine */

/* As fox_tok_encode and fox_tok_decode. */
enum fox_status tok_hf_encode(const struct tok_hf *h, struct fox_tok_ids *out, struct fox_str text,
    uint32_t flags, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status tok_hf_decode(const struct tok_hf *h, struct fox_buf *out, const int32_t *ids, size_t n,
    bool first, uint32_t flags, struct fox_err *err) FOX_MUST_CHECK;

#endif
