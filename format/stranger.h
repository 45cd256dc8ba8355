/* stranger.h - what lies where a checkpoint's weights should be: Git LFS pointers, and formats that are not
 * read.
 *
 * Only refuses, so that the message says what was found.  spec/sources.md section 4 */
#ifndef FOX_STRANGER_H
#define FOX_STRANGER_H

#include "format/base/io.h"
#include "format/base/str.h"

/* What a file that is none of weights is, told by the end of its name: a phrase after "is". */
const char *fox_stranger_kind(struct fox_str name);

/* Does the name tell more than `best` of what lies there instead of weights? NULL in best: is it of a kind that is known? */
bool fox_stranger_tells(struct fox_str name, struct fox_str best);

/* Fail for `where` ("folder", "archive") without weights of a known name, whose most telling name is `best` (NULL: none). */
enum fox_status fox_stranger_fail(const char *where, struct fox_str best, struct fox_err *err);

/*
 * fox_stranger_name - fail for a folder without weights of a known name, naming what it holds instead
 *
 * Of several files the most telling kind, then the first name by bytes. Never FOX_OK.
 * errors FOX_E_UNSUPPORTED (another format is there), FOX_E_IO (nothing known is, or the folder cannot be
 * read)
 */
enum fox_status fox_stranger_name(const char *dir, struct fox_err *err) FOX_MUST_CHECK;

/* FOX_E_UNSUPPORTED, with oid and size, when f is a Git LFS pointer: the most common broken download. */
enum fox_status fox_stranger_refuse_lfs(const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;

#endif
