/* tokfile.h - recorded ids: texts, what they must become, and what the ids must say again.
 *
 * Lines of UTF-8; written by tests/reference/make_tokens.py.  spec/verify.md 6 */
#ifndef FOX_TOKFILE_H
#define FOX_TOKFILE_H

#include "format/base/str.h"

/* One text. Views live until the next call of fox_tokfile_next. */
struct fox_tokfile_record {
	uint64_t line;       /* from 1 */
	struct fox_str text; /* any bytes */
	const int32_t *ids;  /* [n_ids] 0 and up; what the text must become */
	size_t n_ids;
	bool special; /* special tokens written in the text are recognised */
	bool add;     /* ids that the tokenizer puts around a text are among them */
	bool keep;    /* special tokens are written in `decoded` */
	bool has_decoded;
	struct fox_str decoded; /* what the ids must say */
};

/* A reader over bytes that outlive it; free with fox_tokfile_end, also after an error. */
struct fox_tokfile {
	struct fox_str rest;
	uint64_t line; /* lines read so far */
	struct fox_buf text, decoded;
	int32_t *ids;
	size_t cap;
};

/*
 * fox_tokfile_begin - read the first line, "fox-tokens 1"
 *
 * errors  FOX_E_FORMAT (another first line), FOX_E_UNSUPPORTED (another version)
 */
enum fox_status fox_tokfile_begin(
    struct fox_tokfile *f, struct fox_str bytes, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_tokfile_next - the next record
 *
 * more    false: the end; *out is then untouched
 * errors  FOX_E_FORMAT with the line (fields, flags, escapes, ill-formed UTF-8, ids), FOX_E_NOMEM
 */
enum fox_status fox_tokfile_next(
    struct fox_tokfile *f, struct fox_tokfile_record *out, bool *more, struct fox_err *err) FOX_MUST_CHECK;
void fox_tokfile_end(struct fox_tokfile *f); /* zeroed is fine */

#endif
