/* io.h - files: safe opening, positioned reads, a read-only map, and an output that appears whole or not at
 * all. */
#ifndef FOX_IO_H
#define FOX_IO_H

#include "format/base/err.h"

/* The rule for names that a stranger chose: relative, '/'-separated, of at most 1024 bytes; no component empty, "." or "..",
 * no backslash, no control character, well-formed UTF-8. FOX_E_FORMAT. */
enum fox_status fox_name_check(struct fox_str name, struct fox_err *err) FOX_MUST_CHECK;

/* An open regular file, read with pread. Zero-initialise; close is fine on a zeroed one. */
struct fox_file {
	int fd; /* valid while open */
	bool open;
	uint64_t size; /* bytes, when opened */
	uint64_t dev, ino;
	int64_t mtime_ns;
	char path[512]; /* as asked for; cut when longer (for messages only) */
};

/*
 * fox_file_open - open a regular file for reading
 *
 * Refuses directories, devices, FIFOs and sockets without blocking on them (FOX_E_IO, named). Follows
 * symlinks: use fox_file_open_beneath for names that a stranger chose.
 * errors  FOX_E_IO
 */
enum fox_status fox_file_open(struct fox_file *f, const char *path, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_file_open_beneath - open dir/name so that neither name nor any symlink on the way leaves `root`
 *
 * root   directory that bounds every symlink (an HF cache's repository folder); dir must lie inside it
 * name   relative, '/'-separated; refused when empty, absolute, or with an empty, "." or ".." component, a backslash
 *        or a control character (FOX_E_FORMAT)
 * errors FOX_E_IO (absent, not regular), FOX_E_BOUND (leaves root)
 * source openat2(2) RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS; a component walk of ours where the kernel lacks it
 */
enum fox_status fox_file_open_beneath(struct fox_file *f, const char *root, const char *dir,
    struct fox_str name, struct fox_err *err) FOX_MUST_CHECK;

/* For tests: take the component walk even where the kernel has openat2. */
extern bool fox_io_force_walk;

/* Read exactly n bytes at `at`. FOX_E_TRUNCATED when the file ends before; FOX_E_IO otherwise. Thread-safe.
 */
enum fox_status fox_file_read(
    const struct fox_file *f, uint64_t at, void *dst, size_t n, struct fox_err *err) FOX_MUST_CHECK;

/* FOX_E_IO when size, mtime or inode are no longer those of the opening: the input changed under us. */
enum fox_status fox_file_unchanged(const struct fox_file *f, struct fox_err *err) FOX_MUST_CHECK;
void fox_file_close(struct fox_file *f);

/* Read a whole small file (at most `limit` bytes, else FOX_E_BOUND) into malloc'd, NUL-terminated memory:
 * free(). */
enum fox_status fox_file_slurp(
    struct fox_file *f, uint64_t limit, char **out, size_t *n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_path_slurp(
    const char *path, uint64_t limit, char **out, size_t *n, struct fox_err *err) FOX_MUST_CHECK;

/* A read-only shared map of a whole file. An empty file maps to an empty span. */
struct fox_map_file {
	struct fox_span bytes;
	struct fox_file file;
};
enum fox_status fox_map_open(struct fox_map_file *m, const char *path, struct fox_err *err) FOX_MUST_CHECK;
/* Let the whole pages inside part (of the map) leave memory; they come back from the file when touched. */
void fox_map_done_with(const struct fox_map_file *m, struct fox_span part);
void fox_map_close(struct fox_map_file *m);

/*
 * fox_out - an output file: written under no name (O_TMPFILE) or a temporary one beside the target, then
 * named
 *
 * Positioned writes may come from several threads at once. Until fox_out_commit the target's old content is
 * untouched; commit = fsync, rename over the target, fsync of the folder. fox_out_abort (or a failed commit)
 * leaves nothing behind.
 */
struct fox_out;
enum fox_status fox_out_open(struct fox_out **out, const char *path, bool replace, struct fox_err *err)
    FOX_MUST_CHECK; /* FOX_E_ARG: exists and !replace, or is not a regular file; FOX_E_IO */
/*
 * fox_out_open_part - the same, but what is written so far outlives a failure: as PATH.part, which a later call takes up
 *
 * had     there was such a file: its bytes are still in it
 * errors  FOX_E_ARG also when another process writes it, or it is no regular file
 */
enum fox_status fox_out_open_part(
    struct fox_out **out, const char *path, bool replace, bool *had, struct fox_err *err) FOX_MUST_CHECK;
/* Reserve the final size now, so that a full disk fails before work is done. FOX_E_IO with the bytes missing.
 */
enum fox_status fox_out_reserve(struct fox_out *o, uint64_t bytes, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_out_write(
    struct fox_out *o, uint64_t at, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
/* Bytes of an open file, by copy_file_range where the kernel can, else through a buffer: data is not shown to the program, and
 * a file system that shares blocks may share these. FOX_E_IO, FOX_E_TRUNCATED (f ends before), FOX_E_NOMEM. */
enum fox_status fox_out_copy(struct fox_out *o, uint64_t at, const struct fox_file *f, uint64_t from, uint64_t n,
    struct fox_err *err) FOX_MUST_CHECK;
/* Read what was written, n bytes at `at`. FOX_E_TRUNCATED when the file ends before. */
enum fox_status fox_out_read(
    const struct fox_out *o, uint64_t at, void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
/* All data written so far is on disk when this returns FOX_OK. */
enum fox_status fox_out_sync(struct fox_out *o, struct fox_err *err) FOX_MUST_CHECK;
/* What has been written so far, to be read back before it is named: fox_map_close it before the commit. */
enum fox_status fox_out_map(struct fox_map_file *m, struct fox_out *o, struct fox_err *err) FOX_MUST_CHECK;
const char *fox_out_path(const struct fox_out *o); /* as asked for */
/* True when f is the very file that a commit would replace (same device and inode). */
bool fox_out_is_input(const struct fox_out *o, const struct fox_file *f);
enum fox_status fox_out_commit(
    struct fox_out *o, struct fox_err *err) FOX_MUST_CHECK; /* frees o, even on failure */
/*
 * fox_out_commit_all - commit outputs that are one thing, in one folder: all, or as little as a file system allows
 *
 * All are on disk before the first name changes. Names are given from the last to the first, so that who finds the first
 * finds all. An error takes away again what was named and replaced nothing; what replaced a file stays (only a failing rename
 * can come to that). SIGKILL in between leaves later outputs without, or with the old, first one.
 */
enum fox_status fox_out_commit_all(
    struct fox_out *const *o, size_t n, struct fox_err *err) FOX_MUST_CHECK; /* frees all, even on failure */
void fox_out_abort(struct fox_out *o);                      /* NULL is fine */

/* All that was printed is written; else FOX_E_IO: a report on a full disk must not pass for a whole one. */
enum fox_status fox_stdout_flush(struct fox_err *err) FOX_MUST_CHECK;
/* Print a text of any length, and flush. FOX_E_IO as above. */
enum fox_status fox_stdout_put(struct fox_str text, struct fox_err *err) FOX_MUST_CHECK;

/* Free bytes on the file system that holds (or will hold) path; UINT64_MAX when unknown. */
uint64_t fox_disk_free(const char *path);

/* Let the process have n files open at once, as far as its hard limit goes: the usual soft limit, 1024, is less than some
 * models have shards. */
void fox_files_allow(uint64_t n);

/* SIGINT, SIGTERM and SIGHUP ask for a stop, unless the caller had them ignored (nohup); SIGXFSZ and SIGPIPE become
 * errors. Call once, first thing in main. */
void fox_signals_init(void);
int fox_signal_pending(void); /* the signal's number, or 0; cheap */
/* FOX_E_CANCELLED, naming the signal, when one is pending; FOX_OK otherwise. */
enum fox_status fox_cancelled(struct fox_err *err) FOX_MUST_CHECK;

#endif
