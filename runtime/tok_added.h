/* tok_added.h - inside the tokenizer: added tokens in a text, as HF tokenizers' AddedVocabulary finds them. */
#ifndef FOX_TOK_ADDED_H
#define FOX_TOK_ADDED_H

#include "runtime/tok_norm.h"
#include "runtime/tok_trie.h"

/* One of the two sets: tokens matched in the raw text, or tokens matched after the normalizers. */
struct tok_added {
	const struct fox_added *list; /* the pipeline's, all of them */
	struct tok_trie trie;         /* content (normalized) -> index in list */
	bool starts[256];             /* bytes that a key begins with */
	uint32_t n;
	bool all_special;
};

/*
 * tok_added_init - the tokens of one set; n may come out as 0
 *
 * errors  FOX_E_UNSUPPORTED: a token whose normalized text is empty, or that of another; FOX_E_NOMEM; those of
 *         tok_norm_run
 */
enum fox_status tok_added_init(struct tok_added *t, struct fox_arena *arena, const struct fox_tokspec *spec,
    bool normalized, const struct tok_norm *norm, struct fox_matcher *m, struct fox_err *err) FOX_MUST_CHECK;

/* A list as it stands, all of it for raw text. An empty content is never found; of equal ones the last counts.
 * False: out of memory. */
bool tok_added_list(
    struct tok_added *t, struct fox_arena *arena, const struct fox_added *list, uint32_t n) FOX_MUST_CHECK;

/* What a text is cut into: id -1 for text between tokens. */
struct tok_found {
	size_t from, to;
	int32_t id;
};

/* Zero-initialise, with special as FOX_TOK_SPECIAL says. */
struct tok_added_find {
	bool special;
	size_t at;                /* the search goes on here */
	size_t done;              /* end of the last token */
	struct tok_found waiting; /* a token behind the text that was handed out */
	bool has_waiting;
};

/* The next stretch of text or token; false at the end. Empty texts have none. */
bool tok_added_next(
    const struct tok_added *t, struct tok_added_find *f, struct fox_str text, struct tok_found *out);

#endif
