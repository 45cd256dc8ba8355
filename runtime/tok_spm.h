/* tok_spm.h - inside the tokenizer: lookup structures (tok.c builds them) and the merging of one text
 * (tok_spm.c). */
#ifndef FOX_TOK_SPM_H
#define FOX_TOK_SPM_H

#include "runtime/tok.h"
#include "runtime/tok_added.h"
#include "runtime/tok_charsmap.h"
#include "runtime/tok_trie.h"

/* Text of a piece -> id: open addressing at no more than half load. */
struct tok_table {
	struct tok_cell {
		uint32_t id_1; /* id + 1; 0: free */
		uint32_t tag;  /* high half of the hash: most strangers are told apart without a look at their text */
	} *cell;
	uint64_t mask; /* cells - 1 */
	uint64_t *bit; /* one in eight is set, by pieces' hashes: most strangers stop here, in a cache that the cells do not fit */
	uint64_t bits; /* their number - 1 */
	uint64_t seed;
};

#define TOK_PAIR_BITS 22

/* SentencePiece's USER_DEFINED pieces (fox_tokdata.user), tokens that were added to a vocabulary, and those of them
 * that are cut out of raw text (fox_tokdata.lstrip and rstrip). */
enum tok_user { TOK_USER_NOT, TOK_USER_SPM, TOK_USER_ADDED, TOK_USER_RAW };

/* What normalising does to a character. Only characters below U+10000 are looked up here. */
enum tok_fate {
	TOK_LOOK,        /* look it up in the map and among the USER pieces */
	TOK_STAYS,       /* it stays, whatever comes next */
	TOK_STAYS_ALONE, /* it stays, unless a byte of `follow` comes next */
	TOK_BLANK_ALONE, /* it is or becomes one blank, unless a byte of `follow` comes next */
};

struct tok_fates {
	uint8_t of[0x10000]; /* enum tok_fate */
	uint8_t follow[256]; /* bytes by which some key goes on after its first character */
};

struct fox_tok {
	const struct fox_tokdata *d;
	struct tok_hf *hf; /* a pipeline runs it; then nothing below is there */
	struct fox_arena arena;
	struct tok_table table; /* every piece but USER ones and fillers */
	/* USER pieces but TOK_USER_RAW, blanks of added ones as U+2581: matched in normalized text */
	struct tok_trie user;
	struct tok_trie raw_user; /* the same as they are: kept as they are in raw text. Empty when plain */
	struct tok_added cut;     /* matched in raw text: TOK_USER_RAW; on demand CONTROL and UNKNOWN pieces */
	uint8_t *mergeable;       /* [n] 1: a merge may make it; 2: and it is UNUSED, so taken apart again */
	uint8_t *is_user;         /* [n] enum tok_user */
	uint32_t *rank;           /* [n] rises as the score falls */
	/* bitset of adjacent code points within mergeable pieces, hashed: absent = no merge crosses */
	uint64_t *pair;
	int32_t byte_id[256]; /* or -1 */
	bool has_bytes, has_unused;
	int32_t unk;      /* or -1 */
	size_t max_piece; /* bytes of the longest mergeable piece */
	struct fox_charsmap charsmap;
	bool plain;                  /* no character map and no blank in a USER piece: raw_user is not needed */
	struct tok_fates *fates;     /* made from these two */
	struct tok_unigram *unigram; /* NULL: pieces are merged */
};

/* Pieces equal to a text: an id, or -1. */
int32_t tok_table_find(const struct fox_tok *t, const char *p, size_t n);

/* One bit of fox_tok.pair. */
static inline uint32_t tok_pair_bit(uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 21 | b) * 0x9E3779B97F4A7C15u;
	return (uint32_t)(h >> (64 - TOK_PAIR_BITS));
}

/* Append one id. False when out of memory or past 2^31 - 1 ids. */
bool tok_ids_add(struct fox_tok_ids *ids, int32_t id);

/*
 * tok_spm_normalize - append a raw text as SentencePiece normalises it: character map, blanks, prefix, marks
 *
 * USER pieces in it stay as they are. out->failed tells of missing memory.   source: src/normalizer.cc Normalize
 */
void tok_spm_normalize(const struct fox_tok *t, struct fox_buf *out, struct fox_str text);

/* Fill t->fates, once charsmap and raw_user are there. False when out of memory. */
bool tok_spm_open_fates(struct fox_tok *t);

/*
 * tok_spm_encode - append the ids of a raw text without control pieces: normalise, match USER pieces, merge,
 * fall back
 *
 * errors FOX_E_NOMEM, FOX_E_BOUND
 */
enum fox_status tok_spm_encode(const struct fox_tok *t, struct fox_tok_ids *out, struct fox_str text,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
