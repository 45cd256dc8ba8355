/* edit.h - other values for a container's keys: in place where fox.pad has the room, else written anew. spec/edit.md */
#ifndef FOX_EDIT_H
#define FOX_EDIT_H

#include "convert/note.h"
#include "format/base/str.h"
#include "format/gguf.h"

/* What to do with one key. */
struct fox_edit {
	enum { FOX_EDIT_SET, FOX_EDIT_REMOVE, FOX_EDIT_RENAME } what;
	const char *text; /* KEY[:TYPE]=VALUE; KEY; OLD=NEW */
};

struct fox_edit_options {
	const char *path;
	const char *out; /* NULL: path itself is changed */
	const struct fox_edit *edits;
	size_t n_edits;
	bool breaking;     /* keys that weights and vocabulary must agree with are changed too */
	bool replace;      /* out may exist */
	bool dry_run;      /* say what would be done */
	fox_note_fn *note; /* may be NULL */
	void *note_ctx;
	void (*progress)(void *ctx, uint64_t done, uint64_t total); /* may be NULL */
};

struct fox_edit_outcome {
	struct fox_buf report; /* what is changed, and how: lines; free with fox_buf_free */
	bool begun;            /* after a failure: the journal lies beside the file */
};

/*
 * fox_edit_run - change keys, or refuse and leave all as it was
 *
 * An interrupted change of the same file is finished first. Removals come first, then renames, then new values.
 *
 * errors  those of fox_gguf_open, fox_edit_value, fox_inplace_open, fox_head_recover, the writer
 *         FOX_E_ARG          no such key; a key named twice; a key that is fox's own or the format's; one that weights or the
 *                            vocabulary must agree with, unless breaking; out is path
 *         FOX_E_MISMATCH     the header, or data that is to be copied, has not the hash recorded
 *         FOX_E_UNSUPPORTED  big-endian; one of several shards
 *         FOX_E_CANCELLED
 */
enum fox_status fox_edit_run(
    const struct fox_edit_options *o, struct fox_edit_outcome *r, struct fox_err *err) FOX_MUST_CHECK;

/* Finish what was interrupted, and say in the report how the file stands. FOX_OK also when there is nothing to do. */
enum fox_status fox_edit_recover(
    const char *path, struct fox_edit_outcome *r, struct fox_err *err) FOX_MUST_CHECK;

#endif
