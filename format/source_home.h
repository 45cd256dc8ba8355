/* source_home.h - where a checkpoint lies, before any file of it is opened.
 *
 * Private to source.c and source_home.c. */
#ifndef FOX_SOURCE_HOME_H
#define FOX_SOURCE_HOME_H

#include "format/archive_files.h"
#include "format/hfcache.h"

struct fox_source_home {
	struct fox_arena *arena;           /* whose the texts are */
	struct fox_hf_place hf;            /* a plain folder is its own root */
	bool cached;                       /* in an HF cache: links into blobs/ are followed and checked */
	struct fox_archive_files *archive; /* NULL: none; else hf.dir is its path. The caller closes it, also after a failure */
	const char *one_file;              /* path of the one weight file that the caller named, or NULL */
	bool torch;                        /* that is PyTorch's, not safetensors */
};

/* errors  FOX_E_IO: nothing there, or a device; FOX_E_UNSUPPORTED: a file that is no source; those of fox_hf_find,
 * fox_hf_locate and fox_archive_files_open; FOX_E_NOMEM */
enum fox_status fox_source_locate(struct fox_source_home *p, const char *path, struct fox_arena *arena,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
