/* ver_tokwant.h - the vocabulary that a container must have, out of tokenizer.model and the JSON files beside it.
 *
 * Private to ver_tokwant.c, which reads, and ver_tokenizer.c, which compares. */
#ifndef FOX_VER_TOKWANT_H
#define FOX_VER_TOKWANT_H

#include "inspect/verify.h"

struct fox_want {
	struct fox_arena arena;
	uint32_t n, n_pieces; /* rows of the vocabulary; pieces of tokenizer.model */
	struct fox_str *piece;
	float *score;
	int32_t *type;
	bool *user;                           /* USER_DEFINED in tokenizer.model */
	uint32_t unk;                         /* the unknown piece, or FOX_MAP_NONE */
	bool dummy_prefix, extra_whitespaces; /* add_dummy_prefix, remove_extra_whitespaces */
	struct fox_map by_text;
};

/* The source's JSON files about tokens. */
struct fox_want_docs {
	struct fox_json *tokenizer, *special, *added, *template, *fast; /* NULL: no such file, or not needed */
	const struct fox_value *config;
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
 * errors  FOX_E_FORMAT (no SentencePiece model), FOX_E_NOMEM
 */
enum fox_status fox_want_build(struct fox_want *x, struct fox_str model, const struct fox_want_docs *d,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
