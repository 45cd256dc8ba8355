/* head_journal.h - how the header of a container is changed in place: FILE.fox-journal, and what readers make of it.
 *
 * The journal holds the old header and the new one, of equal lengths. It appears whole, on disk, before the first byte of the
 * file changes, and goes when the last one is on disk. Only files that carry hashes are changed so: whether a header is whole
 * is what its root hash says, and a file whose root hash is right, or that is whole and has none, stands for itself, whatever
 * lies beside it. spec/edit.md 4 */
#ifndef FOX_HEAD_JOURNAL_H
#define FOX_HEAD_JOURNAL_H

#include "format/base/io_edit.h"

#define FOX_HEAD_JOURNAL ".fox-journal" /* behind the file's name */

/* An open journal; the spans are views of its map. */
struct fox_head_journal {
	struct fox_map_file map;
	uint64_t file_bytes;     /* of the container */
	struct fox_span was, is; /* the header before and after; of equal lengths */
};

/* How the beginning of a file stands to a journal. */
enum fox_head_fit {
	FOX_HEAD_OTHER, /* the journal is not of this file */
	FOX_HEAD_WAS,   /* the header is the old one */
	FOX_HEAD_IS,    /* the header is the new one */
	FOX_HEAD_TORN   /* every byte is the old or the new one, and both occur */
};

/* The journal's path for a container, links resolved: free(). NULL: none such can be, as there is no such file, or no memory. */
char *fox_head_journal_path(const char *container);

/*
 * fox_head_journal_parse - bytes as a journal; borrowed
 *
 * errors  FOX_E_FORMAT  magic, a checksum; FOX_E_UNSUPPORTED  version; FOX_E_BOUND  lengths that are not those of the bytes
 */
enum fox_status fox_head_journal_parse(
    struct fox_head_journal *j, struct fox_span bytes, struct fox_err *err) FOX_MUST_CHECK;
/* The same of a file. Zero-initialise j; close it also after a failure. *found: false when there is none, which is FOX_OK. */
enum fox_status fox_head_journal_open(
    struct fox_head_journal *j, const char *path, bool *found, struct fox_err *err) FOX_MUST_CHECK;
void fox_head_journal_close(struct fox_head_journal *j);

enum fox_head_fit fox_head_journal_fit(const struct fox_head_journal *j, struct fox_span file);

/* Write a journal: whole and on disk, or not there. was and is have equal lengths. FOX_E_IO; FOX_E_ARG: there is one. */
enum fox_status fox_head_journal_write(const char *path, uint64_t file_bytes, struct fox_span was,
    struct fox_span is, uint32_t mode, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_head_map_open - map a container as readers must see it
 *
 * As fox_map_open; but where a journal lies beside a file whose own header is not as written, and fits it, the map shows the
 * new header in its place (m->overlaid): in memory, so that it works where nothing can be written. A journal that does not fit
 * is passed over.
 *
 * errors  those of fox_map_open; FOX_E_IO: the file is not as written and its journal cannot be read
 */
enum fox_status fox_head_map_open(
    struct fox_map_file *m, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_head_recover - finish what was interrupted: f is locked by us
 *
 * had     there was a journal. A torn header becomes the new one; one that is whole stays; then the journal goes.
 * fit     what was found; FOX_HEAD_WAS: the change did not happen
 * errors  FOX_E_MISMATCH  the journal is not of this file: both stay; those of fox_head_journal_parse; FOX_E_IO
 */
enum fox_status fox_head_recover(
    struct fox_inplace *f, bool *had, enum fox_head_fit *fit, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_head_replace - put a header of the same length in place of the old, through a journal
 *
 * file    the container's bytes as they are
 * is      the new header
 * errors  FOX_E_IO. *begun: the journal is there, and the file may be torn until fox_head_recover is done with it
 */
enum fox_status fox_head_replace(struct fox_inplace *f, struct fox_span file, struct fox_span is, bool *begun,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
