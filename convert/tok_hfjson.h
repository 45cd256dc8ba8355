/* tok_hfjson.h - tokenizer.json as text: members found and cut out without building its tree, whose vocabulary can
 * be 20 MB of text, and a reader for that vocabulary. Linear, no recursion. */
#ifndef FOX_TOK_HFJSON_H
#define FOX_TOK_HFJSON_H

#include "format/base/arena.h"
#include "format/base/str.h"

/*
 * tok_json_member - the text of a top-level member of a JSON object, found by counting brackets
 *
 * key     as it stands in the file (keys written with escapes are not found)
 * value   view into text, to be parsed by fox_json_parse; of several members with the key, the first
 * Returns false when there is no such member or the brackets do not match: the text is not checked otherwise.
 */
bool tok_json_member(struct fox_str text, const char *key, struct fox_str *value);

/*
 * tok_json_split - tokenizer.json into fox_tokdata.hf_spec, and the two members that it leaves out
 *
 * The rest is every byte of the text in its order but blanks outside strings and model.vocab and model.merges with
 * their commas: numbers and strings keep their spelling.
 *
 * rest    appended to
 * vocab, merges  views into text; {NULL, 0}: absent
 * errors  FOX_E_FORMAT at the offset where brackets or quotes go wrong, or of a second vocab or merges; what else is
 *         wrong with rest is found by fox_json_parse
 */
enum fox_status tok_json_split(struct fox_str text, struct fox_buf *rest, struct fox_str *vocab,
    struct fox_str *merges, struct fox_err *err) FOX_MUST_CHECK;

/* A cursor over JSON text that is part of a file. */
struct tok_scan {
	struct fox_str file, text; /* text lies in file */
	size_t i;                  /* in text */
	const char *name;          /* of the value, for errors: "model.vocab" */
	struct fox_arena *arena;   /* for strings that have escapes */
	struct fox_err *err;
};

/* The offset of the cursor in the file. */
uint64_t tok_scan_at(const struct tok_scan *s);

/* True and stepped over when c is next, blanks aside. */
bool tok_scan_take(struct tok_scan *s, char c);

/*
 * tok_scan_str, tok_scan_u64, tok_scan_f64 - the next value, which must be of that kind
 *
 * out     a string is a view into the file, or into the arena when it has escapes; it may hold NULs
 * errors  FOX_E_FORMAT with the offset in the file; FOX_E_NOMEM
 */
enum fox_status tok_scan_str(struct tok_scan *s, struct fox_str *out) FOX_MUST_CHECK;
enum fox_status tok_scan_u64(struct tok_scan *s, uint64_t *out) FOX_MUST_CHECK;
enum fox_status tok_scan_f64(struct tok_scan *s, double *out) FOX_MUST_CHECK;

/* FOX_E_FORMAT at the cursor: "<name>: want <what>". */
enum fox_status tok_scan_fail(const struct tok_scan *s, const char *what);

/* Past a string or a simple value without looking at it; false at the end of the text. */
bool tok_scan_skip(struct tok_scan *s);

#endif
