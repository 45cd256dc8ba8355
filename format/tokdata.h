/* tokdata.h - a vocabulary in memory and as container keys: pieces, scores, types, special ids, flags.
 *
 * Filled by convert/tok_import.c from tokenizer.model or tokenizer.json and the files beside them, or from a
 * container; written by fox_tokdata_put; run by runtime/tok.c.  spec/tokenizer.md */
#ifndef FOX_TOKDATA_H
#define FOX_TOKDATA_H

#include "format/base/arena.h"
#include "format/base/str.h"
#include "format/gguf.h"

/* tokenizer.ggml.token_type.  source: llama.cpp include/llama.h enum llama_token_type */
enum fox_tok_type {
	FOX_TOK_NORMAL = 1,
	FOX_TOK_UNKNOWN = 2,
	FOX_TOK_CONTROL = 3,
	FOX_TOK_USER = 4,
	FOX_TOK_UNUSED = 5,
	FOX_TOK_BYTE = 6
};

#define FOX_TOK_NONE (-1)
/* Limits of ours: tokens, and bytes of one piece (the longest known has 93). spec/tokenizer.md 7 */
#define FOX_TOK_MAX (4u << 20)
#define FOX_TOK_MAX_PIECE 1024u
/* Score of "[PAD{i}]", which fills a row of the embedding that has no token. */
#define FOX_TOK_FILL_SCORE (-10000.0f)
#define FOX_KEY_TOK_USER "fox.tokenizer.user_defined" /* u32[]: fox_tokdata.user */
#define FOX_KEY_TOK_LSTRIP "fox.tokenizer.lstrip"     /* u32[]: fox_tokdata.lstrip */
#define FOX_KEY_TOK_RSTRIP "fox.tokenizer.rstrip"     /* u32[]: fox_tokdata.rstrip */
#define FOX_KEY_TOK_EXACT "fox.tokenizer.scores"      /* f64[n]: fox_tokdata.exact_score */

struct fox_tokdata {
	/* tokenizer.ggml.model: "llama" = SentencePiece BPE (or BPE with byte fallback), "t5" = Unigram, "gpt2" =
	 * byte-level BPE */
	const char *model;
	const char *pre;       /* tokenizer.ggml.pre: "default", "qwen2", ...; NULL: no name fits, no key */
	uint32_t n;            /* tokens, 1..FOX_TOK_MAX */
	struct fox_str *piece; /* [n] UTF-8, the SentencePiece space U+2581 kept */
	float *score;          /* [n] finite */
	double *
	    exact_score; /* [n] scores that no float holds, of Unigram vocabularies in tokenizer.json; NULL: none */
	int32_t *type;   /* [n] enum fox_tok_type */
	/* Rising ids that tokenizer.model calls USER_DEFINED and type[] mostly calls NORMAL, because llama.cpp's
	 * converter drops that type. The runtime treats them as FOX_TOK_USER, but for blanks in them, which
	 * SentencePiece never finds: in other USER pieces they stand for U+2581. */
	uint32_t *user; /* [n_user] */
	uint32_t n_user;
	/* Rising ids of added tokens that take the whitespace on their left or right with them, when tokenizer.model is
	 * the source: hf_spec says it by itself. */
	uint32_t *lstrip, *rstrip; /* [n_lstrip], [n_rstrip] */
	uint32_t n_lstrip, n_rstrip;
	int32_t bos, eos, unk, pad, eot, sep, mask; /* ids, or FOX_TOK_NONE */
	int32_t prefix, suffix, middle;             /* fill-in-the-middle ids of CodeLlama, or FOX_TOK_NONE */
	bool add_bos, add_eos;
	bool add_bos_given, add_eos_given; /* the source says so; else the value is the default and no key */
	bool add_space_prefix;             /* SentencePiece add_dummy_prefix */
	bool remove_extra_whitespaces;     /* SentencePiece normalizer flag */
	struct fox_str charsmap;      /* SentencePiece's precompiled_charsmap (charsmap.h); {NULL, 0}: none */
	struct fox_str chat_template; /* {NULL, 0}: none */
	struct fox_str spm_spec;      /* ModelProto without pieces; {NULL, 0}: none */
	/* tokenizer.json without model.vocab and model.merges, as compact JSON; {NULL, 0}: none. When it is there, it
	 * says how text is normalized, split, merged, framed and decoded; the pieces say what the ids are. */
	struct fox_str hf_spec;
	struct fox_str
	    *merge; /* [n_merges] "left right" with one blank, best first, no pair twice; tokenizer.ggml.merges */
	uint32_t n_merges;      /* up to FOX_TOK_MAX */
	struct fox_arena arena; /* owns what is not borrowed from the source or container */
};

/* Every id FOX_TOK_NONE and the default flags of SentencePiece BPE models. Overwrites what t held. */
void fox_tokdata_init(struct fox_tokdata *t);

/* Make t one of tokenizer.ggml.model `model`, with llama.cpp's default flags for it. False: no such model here. */
bool fox_tokdata_set_model(struct fox_tokdata *t, struct fox_str model);

/* The two halves of a merge; false when it is not two texts with one blank between them. */
bool fox_tokdata_halves(struct fox_str merge, struct fox_str *left, struct fox_str *right);

/* Frees what t owns and zeroes it; fine on a zeroed one. */
void fox_tokdata_free(struct fox_tokdata *t);

/* The byte that "<0xNN>" stands for, or -1. */
int fox_tokdata_byte(struct fox_str piece);

/*
 * fox_tokdata_from_gguf - read the tokenizer keys of a container; views point into it, so it must outlive t
 *
 * Accepts what llama.cpp accepts of other writers: no scores (all 0), no types (all NORMAL), integers and
 * floats of any width, absent ids and flags (its defaults for each model: spec/tokenizer.md 5).
 *
 * t       filled by this call (no init needed); free with fox_tokdata_free, even on failure
 * errors  FOX_E_FORMAT: lengths of tokens, scores and types differ, ids out of range, ill-formed byte tokens and
 *         merges, scores that are not finite, "gpt2" without merges; FOX_E_BOUND: a limit of ours; FOX_E_UNSUPPORTED:
 *         a tokenizer model other than "llama", "t5" and "gpt2" (named); FOX_E_NOMEM. hf_spec is not looked into:
 *         fox_tokspec_parse does that.
 */
enum fox_status fox_tokdata_from_gguf(
    struct fox_tokdata *t, const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_tokdata_put - declare every tokenizer.* key as llama.cpp expects them, and FOX_KEY_TOK_USER,
 * FOX_KEY_TOK_LSTRIP, FOX_KEY_TOK_RSTRIP, FOX_KEY_SPM_SPEC and FOX_KEY_HF_SPEC (profile.h) where t has them
 *
 * errors as the writer's
 */
enum fox_status fox_tokdata_put(
    const struct fox_tokdata *t, struct fox_gguf_writer *w, struct fox_err *err) FOX_MUST_CHECK;

#endif
