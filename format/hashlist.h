/* hashlist.h - the manifest of llama-gguf-hash: hashes of each tensor's data and of all data of a file. spec/inspect.md 4
 *
 *   ALGORITHM, blanks up to column 8, two blanks, HASH, two blanks, FILE[:TENSOR], a line feed
 *
 * source: llama.cpp examples/gguf-hash */
#ifndef FOX_HASHLIST_H
#define FOX_HASHLIST_H

#include "format/base/arena.h"
#include "format/base/hash.h"
#include "format/base/str.h"

#define FOX_HASHLIST_MAX_BYTES (64u << 20) /* limits of ours */
#define FOX_HASHLIST_MAX_LINES (1u << 20)
#define FOX_HASHLIST_HASH 32u /* bytes of the longest */

enum fox_hashlist_kind { FOX_LIST_XXH64, FOX_LIST_SHA1, FOX_LIST_SHA256, FOX_LIST_UUID, FOX_LIST_KINDS };

extern const char
    *const fox_hashlist_names[FOX_LIST_KINDS + 2];        /* "xxh64", "sha1", "sha256", "uuid", "all", NULL */
uint32_t fox_hashlist_bytes(enum fox_hashlist_kind kind); /* 8, 20, 32, 16 */
/* The digest that a kind is: for uuid SHA-1, begun with the namespace below and cut to 16 bytes by fox_hashlist_uuid. */
enum fox_digest fox_hashlist_digest(enum fox_hashlist_kind kind);

/* uuid5(NAMESPACE_URL, "en.wikipedia.org/wiki/Llama.cpp") = ef001206-dadc-5f6d-a15f-3359e577d4e5 */
extern const uint8_t fox_hashlist_space[16];
/* A SHA-1 as a UUID of version 5, in place: 16 bytes count.  source: RFC 9562 section 5.5 */
void fox_hashlist_uuid(uint8_t sha1[20]);

/* One hash as the manifest writes it: hex digits, of a UUID with dashes; returns out. */
char *fox_hashlist_show(
    char out[2 * FOX_HASHLIST_HASH + 1], enum fox_hashlist_kind kind, const uint8_t *hash);

/* Append a line. tensor: n 0 for the file's own. */
void fox_hashlist_put(struct fox_buf *out, enum fox_hashlist_kind kind, const uint8_t *hash,
    struct fox_str file, struct fox_str tensor);

struct fox_hashline {
	enum fox_hashlist_kind kind;
	uint8_t hash[FOX_HASHLIST_HASH];
	struct fox_str file, tensor; /* borrowed from the text; tensor: n 0 for the file's own line */
	uint32_t number;             /* counted from 1 */
};

struct fox_hashlist {
	struct fox_hashline *list; /* in the order of the text */
	size_t n;                  /* at least 1 */
};

/*
 * fox_hashlist_parse - read a manifest
 *
 * The name is split behind the last ".gguf" that a ':' follows; else, unless it ends in ".gguf", at its last ':'. Lines of uuid are a
 * file's own. Blank lines count for nothing.
 *
 * arena   list is its; text must outlive out
 * errors  FOX_E_FORMAT: not such a line, at its offset; FOX_E_UNSUPPORTED: another algorithm, likewise; FOX_E_BOUND: a limit;
 *         FOX_E_NOMEM
 */
enum fox_status fox_hashlist_parse(struct fox_hashlist *out, struct fox_str text, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
