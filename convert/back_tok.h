/* back_tok.h - the small files of a checkpoint out of a container's keys: config.json and its like as they stood, and the
 * tokenizer's, put together again.  spec/convert.md 8.3 */
#ifndef FOX_BACK_TOK_H
#define FOX_BACK_TOK_H

#include "convert/note.h"
#include "format/gguf.h"
#include "format/tokdata.h"

#define BACK_FILES 24u

struct back_file {
	char name[80];        /* no path */
	char source[80];      /* of a made one: what the source called it */
	struct fox_str fixed; /* p not NULL: the contents are the container's */
	struct fox_buf made;  /* else */
};

/* What fox.source.* says about a file of the source. */
struct back_source {
	bool there, has_sha;
	uint64_t bytes;
	char sha[65]; /* 64 digits */
};

/* The file of that name, which may lie under tokenizer/. */
struct back_source back_source_of(const struct fox_gguf *g, const char *name);

/* Zero-initialise. */
struct back_files {
	struct back_file list[BACK_FILES];
	size_t n;
	struct fox_tokdata tok;
};

static inline struct fox_str back_file_text(const struct back_file *f)
{
	return f->fixed.p ? f->fixed : fox_buf_view(&f->made);
}

/*
 * back_files_make - every small file that the container can give
 *
 * What cannot be the source's byte for byte (its SHA-256 is in fox.source.sha256) is told by a note.
 *
 * f       back_files_free afterwards, whatever happened; views of g, which must outlive it
 * errors  FOX_E_FORMAT, FOX_E_UNSUPPORTED: keys that make no tokenizer; FOX_E_BOUND; FOX_E_NOMEM
 */
enum fox_status back_files_make(struct back_files *f, const struct fox_gguf *g, fox_note_fn *note,
    void *note_ctx, struct fox_err *err) FOX_MUST_CHECK;
void back_files_free(struct back_files *f);

/* ---- its parts: each makes one text */

/* bytes of the source's file decide where the keys leave a choice; without it (not there) the usual form is taken. */
enum fox_status back_spiece(struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src,
    struct fox_err *err) FOX_MUST_CHECK;
enum fox_status back_tokjson(struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src,
    struct fox_err *err) FOX_MUST_CHECK;
enum fox_status back_vocabjson(struct fox_buf *out, const struct fox_tokdata *t,
    const struct back_source *src, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status back_merges(struct fox_buf *out, const struct fox_tokdata *t, const struct back_source *src,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
