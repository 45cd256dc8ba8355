/* tok_import.h - a checkpoint's tokenizer files to a fox_tokdata. spec/tokenizer.md 1, 2, 11 */
#ifndef FOX_TOK_IMPORT_H
#define FOX_TOK_IMPORT_H

#include "convert/hfconfig.h"
#include "convert/note.h"
#include "format/source.h"
#include "format/tokdata.h"

/* What a person may say about the tokenizer. All zero: nothing. */
struct fox_tok_options {
	struct fox_source
	    *files;       /* where the tokenizer's files are, when not in the checkpoint; must outlive t */
	const char *file; /* the only vocabulary file to look at in it, *.model or *.json */
	const char *pre;  /* tokenizer.ggml.pre, instead of the name that fits; must outlive t */
	bool no_pre;      /* byte-level BPE that llama.cpp has no name for is no error: write no name */
};

/*
 * fox_tok_import - find and read the tokenizer of a checkpoint
 *
 * Reads tokenizer.model, else tokenizer.json, else vocab.json and merges.txt; then added_tokens.json,
 * tokenizer_config.json, special_tokens_map.json, tokenizer.json (beside a tokenizer.model its post_processor
 * only), generation_config.json, chat_template.jinja and chat_template.json where present (through
 * fox_source_read_file, so they join the provenance).
 * bos/eos/pad/unk come from the token strings of tokenizer_config.json / special_tokens_map.json, looked up
 * in the vocabulary; only then from config.json. A contradiction is told through note.
 *
 * t         filled by this call (no init needed); free with fox_tokdata_free, even on failure; its views live as long
 *           as src and options
 * config    hp.n_vocab rows of the embedding: missing ids are filled with "[PAD{i}]" UNUSED, -10000; more pieces than
 *           rows is FOX_E_MISMATCH; arch chooses among llama.cpp's names for one pre-tokenizer
 * options   may be NULL
 * note      called with one line; may be NULL
 * errors    FOX_E_FORMAT (protobuf, JSON, ids), FOX_E_MISMATCH, FOX_E_UNSUPPORTED (no vocabulary; Word and Char models;
 *           what fox does not run of a tokenizer.json or a normalizer; a pre-tokenizer without a name), each naming
 *           file and offset or key path
 */
enum fox_status fox_tok_import(struct fox_tokdata *t, struct fox_source *src,
    const struct fox_hfconfig *config, const struct fox_tok_options *options, fox_note_fn *note,
    void *note_ctx, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_tok_spiece - read a SentencePiece ModelProto alone: pieces, scores, types, flags, spm_spec
 *
 * Types are SentencePiece's own (USER_DEFINED kept, and listed in user); of the ids only unk is set; model is "llama" for BPE, "t5"
 * for Unigram. Views point into proto, which must outlive t.
 *
 * t         filled by this call (no init needed); free with fox_tokdata_free, even on failure
 * errors    FOX_E_FORMAT with offset and field: what breaks protobuf or SentencePiece's own rules; FOX_E_BOUND: our
 *           limits; FOX_E_UNSUPPORTED: Word and Char models, a denormalizer's character map, whitespace as suffix or not
 *           escaped; those of fox_charsmap_parse
 */
enum fox_status fox_tok_spiece(
    struct fox_tokdata *t, struct fox_span proto, struct fox_err *err) FOX_MUST_CHECK;

#endif
