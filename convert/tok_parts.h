/* tok_parts.h - what the files of the tokenizer import share. Only convert/tok_*.c include it, and fuzz_tokjson.c. */
#ifndef FOX_TOK_PARTS_H
#define FOX_TOK_PARTS_H

#include "convert/tok_hfjson.h"
#include "convert/tok_import.h"
#include "format/base/json.h"
#include "format/base/map.h"
#include "format/tokspec.h"

#define TOK_JSON_LIMIT (16u << 20)
#define TOK_FILE_LIMIT (256u << 20) /* tokenizer.json, vocab.json, merges.txt */

/* The small JSON files beside a vocabulary. */
enum tok_doc { TOK_ADDED, TOK_CONFIG, TOK_SPECIAL_MAP, TOK_GENERATION, TOK_TEMPLATE, TOK_DOCS };
extern const char *const tok_doc_name[TOK_DOCS];

struct tok_import {
	struct fox_tokdata *t;
	struct fox_source *src;   /* config.json and its like */
	struct fox_source *files; /* the tokenizer's: src, or that of --tokenizer */
	const struct fox_hfconfig *config;
	const struct fox_tok_options *options; /* never NULL */
	fox_note_fn *note;
	void *note_ctx;
	struct fox_json *doc[TOK_DOCS]; /* NULL: no such file */
	struct fox_map id_of;           /* final texts to ids */
	struct fox_tokspec spec;        /* of t->hf_spec; unused for tokenizer.model */
	uint32_t n_more, more_end;      /* added tokens: at most how many, one past their largest id */
	struct fox_err *err;            /* never NULL */
};

/* A line for a person. */
void tok_tell(const struct tok_import *im, const char *fmt, ...) FOX_PRINTF(2, 3);

/* The top of a file, or NULL. */
const struct fox_value *tok_root(const struct tok_import *im, enum tok_doc d);

/* A copy of text in t's arena; false when out of memory. */
bool tok_copy(struct tok_import *im, struct fox_str *s);

/* Added tokens that some publishers forgot to mark special.   source: llama.cpp conversion/base.py */
bool tok_looks_special(struct fox_str s);

/* s with U+2581 as blanks, cleared into out first: llama.cpp matches USER pieces in text whose blanks are blanks. */
void tok_blanks(struct fox_buf *out, struct fox_str s);

/* "[PAD{i}]" for every row that has no piece (p NULL). */
enum fox_status tok_fill_rows(struct tok_import *im) FOX_MUST_CHECK;

/* tok_special.c: ids, flags and the chat template out of the JSON files. */
bool tok_special_text(const struct tok_import *im, const char *name, struct fox_str *text);
enum fox_status tok_read_special(struct tok_import *im) FOX_MUST_CHECK;
enum fox_status tok_read_flags(struct tok_import *im) FOX_MUST_CHECK; /* of tokenizer.model */
enum fox_status tok_read_chat_template(struct tok_import *im) FOX_MUST_CHECK;

/* tok_vocab.c: model.vocab and model.merges.
 * read_vocab makes t->n, piece, score, type (NORMAL; holes p NULL) and id_of with room for the added tokens;
 * merges are left in t->merge, with those dropped that a later one repeats. */
enum fox_status tok_read_vocab(struct tok_import *im, struct tok_scan *s) FOX_MUST_CHECK;
enum fox_status tok_read_merges(struct tok_import *im, struct tok_scan *s) FOX_MUST_CHECK;
enum fox_status tok_read_merges_txt(struct tok_import *im, struct fox_str text) FOX_MUST_CHECK;

/* tok_json.c: with t->hf_spec, spec, vocabulary and merges there, everything that follows from them. */
enum fox_status tok_from_json(struct tok_import *im, struct fox_str text) FOX_MUST_CHECK;
enum fox_status tok_set_spec(struct tok_import *im, struct fox_str json) FOX_MUST_CHECK;
enum fox_status tok_settle(struct tok_import *im) FOX_MUST_CHECK;
/* After tok_read_special: what llama.cpp's keys say of the frame. */
enum fox_status tok_settle_flags(struct tok_import *im) FOX_MUST_CHECK;

/* tok_gpt2.c: vocab.json and merges.txt. */
enum fox_status tok_from_vocab_json(
    struct tok_import *im, struct fox_str vocab, struct fox_str merges) FOX_MUST_CHECK;

#endif
