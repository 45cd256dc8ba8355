/* arc_write.h - archives written so that equal contents give equal bytes: .tar, .tar.gz, .tar.zst, .zip.
 *
 * Only regular files, one after the other, each of a size known beforehand. Every one has mode 0644, owner and group 0 and one
 * time. spec/bundle.md 2 */
#ifndef FOX_ARC_WRITE_H
#define FOX_ARC_WRITE_H

#include "format/base/io.h"
#include "format/base/str.h"

enum fox_arc_kind { FOX_ARC_TAR, FOX_ARC_TAR_GZ, FOX_ARC_TAR_ZST, FOX_ARC_ZIP, FOX_ARC_KINDS };

#define FOX_ARC_MAX_TIME UINT32_MAX /* seconds since 1970 */
#define FOX_ARC_ALIGN 4096u         /* of what is stored in a .zip and asked for it: a page */

/* The kind that a path's ending asks for, and the last component without it. False: no such ending, or nothing before it. */
bool fox_arc_kind_of(struct fox_str path, enum fox_arc_kind *kind, struct fox_str *stem);

struct fox_arc;

/*
 * fox_arc_open - begin an archive in an output, from its first byte on
 *
 * out     stays the caller's, to commit or abort
 * mtime   of every member: seconds since 1970, at most FOX_ARC_MAX_TIME. A .zip has none before 1980 and writes UTC
 * errors  FOX_E_NOMEM; FOX_E_UNSUPPORTED: libarchive was built without the compression
 */
enum fox_status fox_arc_open(struct fox_arc **a, struct fox_out *out, enum fox_arc_kind kind, uint64_t mtime,
    struct fox_err *err) FOX_MUST_CHECK;
void fox_arc_close(struct fox_arc *a); /* NULL is fine */

/*
 * fox_arc_begin, fox_arc_data, fox_arc_end - one member
 *
 * name     as fox_name_check wants it; not there yet (the caller's care)
 * aligned  in a .zip its bytes begin at a multiple of FOX_ARC_ALIGN of the file
 * errors   FOX_E_IO: the output's; FOX_E_TRUNCATED: fewer bytes than announced; FOX_E_BOUND: more, or a limit of the format
 */
enum fox_status fox_arc_begin(
    struct fox_arc *a, struct fox_str name, uint64_t bytes, bool aligned, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_arc_data(struct fox_arc *a, const void *p, size_t n, struct fox_err *err) FOX_MUST_CHECK;
enum fox_status fox_arc_end(struct fox_arc *a, struct fox_err *err) FOX_MUST_CHECK;

/* What follows the last member. *bytes: of the archive. The output is whole then. */
enum fox_status fox_arc_finish(struct fox_arc *a, uint64_t *bytes, struct fox_err *err) FOX_MUST_CHECK;

#endif
