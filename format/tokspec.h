/* tokspec.h - the pipeline of a tokenizer.json as plain structs: what happens to a text before and after the
 * model. This is THE list of components and fields that fox handles; whatever is not in it is refused by name.
 *
 * The text is fox_tokdata.hf_spec: a tokenizer.json, with or without model.vocab and model.merges (which are
 * stepped over). Both the importer (to refuse early) and the runtime (to run) parse it with this file.
 * Nested Sequences are flattened, since a sequence in a sequence runs in the same order.
 * spec/tokenizer.md 12; source of types, fields and defaults: tokenizers 0.23 (its own (de)serialisation). */
#ifndef FOX_TOKSPEC_H
#define FOX_TOKSPEC_H

#include "format/base/arena.h"
#include "format/base/str.h"

#define FOX_TOKSPEC_MAX_STEPS 64u /* normalizers, pre-tokenizers, decoders: each after flattening */

/* {"String": text} is literal, {"Regex": text} is in Oniguruma's syntax, unchecked here. Never empty. */
struct fox_tokpat {
	bool regex;
	struct fox_str text;
};

enum fox_normalizer_kind {
	FOX_NORM_NFC,
	FOX_NORM_NFD,
	FOX_NORM_NFKC,
	FOX_NORM_NFKD,
	FOX_NORM_LOWERCASE,
	FOX_NORM_STRIP, /* left, right */
	FOX_NORM_STRIP_ACCENTS,
	FOX_NORM_PREPEND,     /* content; nothing is put before an empty text */
	FOX_NORM_REPLACE,     /* pattern, content */
	FOX_NORM_PRECOMPILED, /* charsmap */
	FOX_NORM_NMT,
	FOX_NORM_BYTE_LEVEL /* every byte as one character of GPT-2's alphabet */
};

struct fox_norm {
	enum fox_normalizer_kind kind;
	bool left, right;
	struct fox_tokpat pattern;
	struct fox_str content;
	struct fox_span charsmap; /* decoded from base64; n is 0 for an empty map, which changes nothing */
};

/* What becomes of a match of Split or Punctuation. */
enum fox_split_behavior {
	FOX_SPLIT_REMOVED,
	FOX_SPLIT_ISOLATED,
	FOX_SPLIT_MERGED_WITH_PREVIOUS,
	FOX_SPLIT_MERGED_WITH_NEXT,
	FOX_SPLIT_CONTIGUOUS
};

/* When Metaspace puts its replacement before a stretch of text. */
enum fox_prepend {
	FOX_PREPEND_ALWAYS,
	FOX_PREPEND_NEVER,
	FOX_PREPEND_FIRST /* only before the stretch that begins at the text's start */
};

enum fox_pretok_kind {
	FOX_PRETOK_SPLIT,       /* pattern, behavior, invert */
	FOX_PRETOK_BYTE_LEVEL,  /* add_prefix_space, use_regex (GPT-2's own expression, FOX_GPT2_REGEX) */
	FOX_PRETOK_METASPACE,   /* replacement, prepend, split */
	FOX_PRETOK_DIGITS,      /* individual_digits; Unicode "numeric", as Rust's char::is_numeric: Nd, Nl, No */
	FOX_PRETOK_PUNCTUATION, /* behavior; ASCII punctuation and every Unicode P* */
	FOX_PRETOK_WHITESPACE,  /* the expression \w+|[^\w\s]+ ; the rest is removed */
	FOX_PRETOK_WHITESPACE_SPLIT
};

/* The expressions of two published tokenizers that more than one file needs. */
#define FOX_GPT2_REGEX "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define FOX_QWEN2_REGEX                                                                                      \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"      \
	"\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

struct fox_pretok {
	enum fox_pretok_kind kind;
	struct fox_tokpat pattern;
	enum fox_split_behavior behavior;
	bool invert;
	bool add_prefix_space, use_regex;
	struct fox_str replacement; /* Metaspace: one character */
	enum fox_prepend prepend;
	bool split; /* Metaspace: cut before each replacement; false: the stretch stays whole */
	bool individual_digits;
};

enum fox_decode_kind {
	FOX_DECODE_BYTE_LEVEL,
	FOX_DECODE_METASPACE, /* replacement, prepend: unless NEVER, one replacement at the start of the first token goes */
	FOX_DECODE_REPLACE,       /* pattern, content: in every token */
	FOX_DECODE_BYTE_FALLBACK, /* runs of <0xNN> to UTF-8; each byte of an ill-formed run becomes U+FFFD */
	FOX_DECODE_FUSE,
	FOX_DECODE_STRIP /* content (one character): up to start of them at the left, stop at the right, of every token */
};

struct fox_decode {
	enum fox_decode_kind kind;
	struct fox_tokpat pattern;
	struct fox_str content, replacement;
	enum fox_prepend prepend;
	uint32_t start, stop;
};

enum fox_tokmodel { FOX_TOKMODEL_BPE, FOX_TOKMODEL_UNIGRAM };

struct fox_added {
	uint32_t id;
	struct fox_str content; /* never empty */
	bool single_word, lstrip, rstrip;
	bool
	    normalized; /* matched in the normalized text (its own content normalized too), else in the raw text before */
	bool special; /* skipped by decode with skip_special_tokens */
};

struct fox_tokspec {
	struct fox_norm *norm; /* [n_norm], first runs first */
	uint32_t n_norm;
	struct fox_pretok *pretok; /* [n_pretok] */
	uint32_t n_pretok;
	struct fox_decode *decode; /* [n_decode]; none: tokens joined with a blank between them, as HF does */
	uint32_t n_decode;
	struct fox_added *added; /* [n_added] in the order of the file, which is that of matching equal lengths */
	uint32_t n_added;

	enum fox_tokmodel model;
	struct fox_str unk_token; /* BPE; n is 0: none, so a symbol that is no token is dropped */
	int64_t unk_id;           /* Unigram; -1: none, so a text that needs it is an error */
	bool byte_fallback, ignore_merges, fuse_unk;

	/* The post-processors as one frame around a single text: ids before and after it. */
	uint32_t *before, *after; /* [n_before], [n_after] */
	uint32_t n_before, n_after;
	bool has_template; /* some post-processor says what frames a text, even when that is nothing */

	bool byte_level; /* a normalizer or pre-tokenizer is ByteLevel: pieces are in GPT-2's byte alphabet */
	struct fox_arena arena; /* owns all of it */
};

/*
 * fox_tokspec_parse - read and check a pipeline
 *
 * Fields that only concern offsets, padding or truncation (trim_offsets, truncation, padding, type_id, pair) are
 * accepted and left out. RobertaProcessing and BertProcessing become before = {cls}, after = {sep}.
 *
 * out       filled by this call (no init needed), independent of json; free with fox_tokspec_free, even on failure
 * n_tokens  ids in added_tokens and post_processor must be below
 * errors    FOX_E_UNSUPPORTED: a type, field or value that fox does not run; FOX_E_FORMAT: no such tokenizer.json;
 *           FOX_E_BOUND: a limit of ours. Each names the JSON path, as in
 *           "'pre_tokenizer.pretokenizers[1].type' is 'X', which is not handled"
 */
enum fox_status fox_tokspec_parse(
    struct fox_tokspec *out, struct fox_str json, uint32_t n_tokens, struct fox_err *err) FOX_MUST_CHECK;

/* Frees what s owns and zeroes it; fine on a zeroed one. */
void fox_tokspec_free(struct fox_tokspec *s);

#endif
