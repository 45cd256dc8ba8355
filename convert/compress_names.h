/* compress_names.h - where fox-pack compress and expand write, and how they report. Private to the two verbs. */
#ifndef FOX_COMPRESS_NAMES_H
#define FOX_COMPRESS_NAMES_H

#include "convert/compress.h"
#include "format/base/str.h"

/*
 * fox_compress_name - the path of an output
 *
 * out      at first empty
 * in       path of the input
 * asked    -o: a file; an existing folder, or any path that ends in '/', takes the default name; NULL: beside the input
 * expand   the default name is the input's without FOX_PLANES_SUFFIX; else with it
 * errors   FOX_E_ARG: "-", an empty path, an input without the suffix and no file to write to; FOX_E_NOMEM
 */
enum fox_status fox_compress_name(
    struct fox_buf *out, const char *in, const char *asked, bool expand, struct fox_err *err) FOX_MUST_CHECK;

/* What is the same for both: the table of options is the verb's. */
struct fox_compress_verb {
	const char *progress; /* "compressing" */
	const char *out;      /* -o, or NULL */
	bool expand, replace;
	uint32_t threads;
};

/* One file: open, work, commit, print. The exit status. */
int fox_compress_file(const struct fox_compress_verb *v, const char *path);

/* All of argv, one after the other, up to the first that fails. */
int fox_compress_files(const struct fox_compress_verb *v, int n, char **paths);

#endif
