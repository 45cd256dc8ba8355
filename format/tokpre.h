/* tokpre.h - llama.cpp's names of pre-tokenizers (tokenizer.ggml.pre) and what they stand for.
 *
 * One table, read in both directions: a pipeline to the name under which llama.cpp splits text like it, and the
 * name in a container of another writer to a pipeline that fox can run.
 * source: llama.cpp src/llama-vocab.cpp (names, expressions, flags), spec/tokenizer.md 13 */
#ifndef FOX_TOKPRE_H
#define FOX_TOKPRE_H

#include "format/tokdata.h"
#include "format/tokspec.h"

/*
 * fox_tokpre_name - the name under which llama.cpp splits like this pipeline, or NULL
 *
 * Compares the pre-tokenizers' kinds, expressions and flags, ignore_merges, and that no normalizer but NFC
 * changes the text (llama.cpp has none). Static storage.
 *
 * arch    general.architecture, which chooses among names that stand for the same pipeline; may be NULL
 */
const char *fox_tokpre_name(const struct fox_tokspec *spec, const char *arch);

/* Whether llama.cpp knows the name (for --pre). */
bool fox_tokpre_known(struct fox_str name);

/* Whether llama.cpp's reader puts bos first for this name when tokenizer.ggml.add_bos_token is absent. */
bool fox_tokpre_adds_bos(struct fox_str name);

/*
 * fox_tokpre_spec - the tokenizer.json pipeline (as in fox_tokdata.hf_spec) of a container that carries none
 *
 * For tokenizer.ggml.model "gpt2": added tokens from the types (CONTROL: special; USER_DEFINED: not), the
 * pre-tokenizers of t->pre, BPE, the ByteLevel decoder, and a template from add_bos and add_eos.
 *
 * json    JSON text is appended; pass it to fox_tokspec_parse
 * errors  FOX_E_UNSUPPORTED: pre is absent, "default" or a name that this build does not know (named); FOX_E_NOMEM
 */
enum fox_status fox_tokpre_spec(
    struct fox_buf *json, const struct fox_tokdata *t, struct fox_err *err) FOX_MUST_CHECK;

#endif
