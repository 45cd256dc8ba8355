/* outdir.h - a folder as an output: it appears under its name whole, or not at all.
 *
 * It is filled as .NAME.PID.part beside the target, which only its owner can enter and which is locked while it is being
 * filled: a folder that a killed process left is unlocked, and the next one of that name takes it away. */
#ifndef FOX_OUTDIR_H
#define FOX_OUTDIR_H

#include "format/base/io.h"
#include "format/base/str.h"

struct fox_outdir;

/* errors FOX_E_ARG: path exists, whatever it is, or names no folder that could be made ("", "/", "."); FOX_E_IO, FOX_E_NOMEM */
enum fox_status fox_outdir_open(
    struct fox_outdir **out, const char *path, struct fox_err *err) FOX_MUST_CHECK;

const char *fox_outdir_path(const struct fox_outdir *d); /* as asked for */
/* The path of the folder while it is being filled: to read back what was written. */
const char *fox_outdir_temp(const struct fox_outdir *d);

/* One file of it. Zero-initialise. */
struct fox_outfile {
	int fd; /* valid while open */
	bool open;
	uint64_t at;    /* bytes written */
	char name[512]; /* cut when longer: for messages only */
};

/*
 * fox_outdir_create - a new file inside, and the folders on the way to it
 *
 * name    as fox_name_check wants it; not there yet
 * bytes   what it will have, reserved now; 0: not known
 * errors  FOX_E_FORMAT: the name; FOX_E_IO: also when there is such a file, or a file where a folder must be
 */
enum fox_status fox_outdir_create(struct fox_outdir *d, struct fox_outfile *f, struct fox_str name,
    uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_outfile_write(
    struct fox_outfile *f, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_outfile_finish(
    struct fox_outfile *f, struct fox_err *err) FOX_MUST_CHECK; /* flushed to disk, closed */
void fox_outfile_abort(struct fox_outfile *f); /* fine on a closed one; the file stays in the folder */

/* A small file in one go. */
enum fox_status fox_outdir_put(
    struct fox_outdir *d, struct fox_str name, struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;
/* Give a finished file another name inside; there is none of that name, or one of the same content, which is replaced. */
enum fox_status fox_outdir_rename(
    struct fox_outdir *d, const char *from, const char *to, struct fox_err *err) FOX_MUST_CHECK;
/* A further name for an open file outside (a hard link), and the folders on the way to it; one that is there stays. FOX_E_IO:
 * another file system, or not allowed. */
enum fox_status fox_outdir_link(
    struct fox_outdir *d, const struct fox_file *f, const char *name, struct fox_err *err) FOX_MUST_CHECK;

/* Flush, open to whom the umask allows, and rename. Frees d, even on failure; FOX_E_ARG: the name was taken meanwhile. */
enum fox_status fox_outdir_commit(struct fox_outdir *d, struct fox_err *err) FOX_MUST_CHECK;
void fox_outdir_abort(struct fox_outdir *d); /* NULL is fine; nothing stays */

#endif
