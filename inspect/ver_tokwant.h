/* ver_tokwant.h - the vocabulary that a container must have, out of tokenizer.model, tokenizer.json, or vocab.json with
 * merges.txt, and the JSON files beside them.
 *
 * Private to those that read (ver_tokwant.c, ver_tokjson.c, ver_tokgpt2.c, ver_tokpre.c) and those that compare
 * (ver_tokenizer.c, ver_tokids.c). */
#ifndef FOX_VER_TOKWANT_H
#define FOX_VER_TOKWANT_H

#include "inspect/verify.h"

/* Ids on one side of a text. */
struct fox_want_side {
	uint32_t n, id; /* how many; the last of them */
};

struct fox_want {
	struct fox_arena arena;
	const char *model;    /* tokenizer.ggml.model: "llama", "t5" or "gpt2" */
	bool scores;          /* the container has scores */
	bool from_json;       /* the source is no tokenizer.model */
	uint32_t n, n_pieces; /* rows of the vocabulary; pieces of tokenizer.model */
	struct fox_str *piece;
	float *score;
	double *exact; /* scores of which some f32 is not one; NULL: every one is an f32 */
	int32_t *type;
	bool *user;            /* USER_DEFINED in tokenizer.model, and no JSON file says otherwise */
	bool *lstrip, *rstrip; /* added beside tokenizer.model, and take whitespace with them */
	uint32_t unk;          /* the unknown piece, or FOX_MAP_NONE */
	bool dummy_prefix, extra_whitespaces; /* add_dummy_prefix, remove_extra_whitespaces */
	struct fox_map by_text;
	struct fox_map
	    by_source; /* texts as tokenizer.json has them, where added tokens stand otherwise in a container */
	bool byte_level;
	struct fox_want_side before, after;
	struct fox_str *merge; /* [n_merges] */
	size_t n_merges;
	struct fox_str charsmap_base64, charsmap; /* a Unigram model's character map, either way */
};

/* The source's JSON files about tokens. */
struct fox_want_docs {
	struct fox_json *tokenizer, *special, *added, *template, *fast; /* NULL: no such file, or not needed */
	const struct fox_value *config;
	bool whole;            /* read tokenizer.json in any case */
	const char *fast_name; /* NULL: "tokenizer.json" */
};

/* One field of a protobuf message; zero-initialise but for p and end. */
struct fox_wire {
	const uint8_t *p, *end;
	uint32_t field, kind;
	uint64_t number;
	struct fox_str bytes;
};

struct fox_wire fox_wire_of(struct fox_str message);
/* Step to the next field. 1: there is one; 0: the end; -1: no protobuf. */
int fox_wire_next(struct fox_wire *w);

/* The root of a document that may be absent (NULL). */
const struct fox_value *fox_want_root(const struct fox_json *j);

/* Read the JSON files; config is the caller's. Close even after a failure. */
enum fox_status fox_want_open(
    struct fox_want_docs *d, struct fox_source *src, struct fox_err *err) FOX_MUST_CHECK;
void fox_want_close(struct fox_want_docs *d);

/* How many pieces a tokenizer.model has; -1: no protobuf. */
int64_t fox_want_count(struct fox_str model);

/*
 * fox_want_build - every row as it must be: pieces, added tokens, fillers
 *
 * x       zeroed but for n, which is at least fox_want_count(model); free x->arena, even after a failure
 * model   and the documents must outlive x
 * errors  FOX_E_FORMAT (no SentencePiece model), FOX_E_UNSUPPORTED (neither Unigram nor BPE), FOX_E_NOMEM
 */
enum fox_status fox_want_build(struct fox_want *x, struct fox_str model, const struct fox_want_docs *d,
    struct fox_err *err) FOX_MUST_CHECK;

/*
 * Parts of the building, for ver_tokjson.c: room for x->n rows; one row by what a JSON file says (blanks for marks where it is
 * no CONTROL piece, score -1000); "[PAD{id}]" in rows without a piece; x->by_text. False: out of memory.
 */
bool fox_want_room(struct fox_want *x);
bool fox_want_put(struct fox_want *x, uint64_t id, struct fox_str text, int32_t type);
bool fox_want_fill(struct fox_want *x);
bool fox_want_index(struct fox_want *x);
bool fox_want_control(struct fox_str text); /* a CONTROL piece by its look */

/* One past the largest id; 0 when vocab is no vocabulary. */
uint64_t fox_want_json_rows(const struct fox_value *vocab, const struct fox_value *added);

/*
 * fox_want_json - every row by tokenizer.json, its merges, and what its pipeline says for llama.cpp's keys
 *
 * x           zeroed but for n, which is at least fox_want_json_rows; free x->arena, even after a failure
 * root        a tokenizer.json; vocab is its model.vocab, or the root of vocab.json
 * merges_txt  p NULL: model.merges counts
 * errors      FOX_E_FORMAT, FOX_E_UNSUPPORTED (a BPE of neither kind), FOX_E_NOMEM
 */
enum fox_status fox_want_json(struct fox_want *x, const struct fox_value *root, const struct fox_value *vocab,
    struct fox_str merges_txt, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_want_gpt2 - the tokenizer.json that transformers would make of vocab.json and the files beside it
 *
 * out     appended to; without model.vocab and model.merges
 * errors  FOX_E_UNSUPPORTED: another tokenizer_class; FOX_E_NOMEM
 */
enum fox_status fox_want_gpt2(struct fox_buf *out, const struct fox_want_docs *d,
    const struct fox_value *vocab, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_want_same - are two JSON values equal: types, numbers, texts, order of elements and of members
 *
 * a       a tokenizer.json, whose model.vocab and model.merges do not count; b: fox.tokenizer.hf
 * depth   0
 * where   the place of the first difference is left in it (".pre_tokenizer.pattern")
 */
bool fox_want_same(const struct fox_value *a, const struct fox_value *b, int depth, struct fox_buf *where);

enum fox_want_pre { FOX_WANT_PRE_FITS, FOX_WANT_PRE_WRONG, FOX_WANT_PRE_UNKNOWN };

/* Does llama.cpp split as this tokenizer.json does when tokenizer.ggml.pre has this name? */
enum fox_want_pre fox_want_pre_fits(const struct fox_value *tokenizer, struct fox_str name);

/* The text of a special token ("bos_token"): tokenizer_config.json first, then special_tokens_map.json. */
bool fox_want_special(const struct fox_want_docs *d, const char *token, struct fox_str *out);

/* A finding of source.tokenizer about a key. */
void fox_want_fail(struct fox_verify *v, const char *key, const char *fmt, ...) FOX_PRINTF(3, 4);

/* ver_tokids.c: special ids and flags against the container's keys. */
void fox_want_compare_ids(struct fox_verify *v, const struct fox_want *x, const struct fox_want_docs *d);

#endif
