/* compress_names.c - what fox-pack compress and expand share: names, the order of opening and committing, the report. */
#include "convert/compress_names.h"

#include <stdio.h>
#include <sys/stat.h>

#include "format/base/log.h"

static bool is_folder(const char *path)
{
	struct stat st;
	size_t n = strlen(path);
	return (n && path[n - 1] == '/') || (!stat(path, &st) && S_ISDIR(st.st_mode));
}

enum fox_status fox_compress_name(
    struct fox_buf *out, const char *in, const char *asked, bool expand, struct fox_err *err)
{
	const char *slash = strrchr(in, '/');
	bool folder = asked && *asked && is_folder(asked);
	struct fox_str name =
	    fox_str_of(asked && slash ? slash + 1 : in); /* beside the input, unless a folder is given */
	if (asked && (!*asked || !strcmp(asked, "-")))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'-o' wants a file or folder, not '%s'", asked);
	if (asked && !folder)
		name = (struct fox_str){asked, strlen(asked)};
	else if (expand && (!fox_str_ends(name, FOX_PLANES_SUFFIX) || name.n == strlen(FOX_PLANES_SUFFIX)))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
		    "name '%s' does not end in '%s': '-o' names the file to write", in, FOX_PLANES_SUFFIX);
	else if (expand)
		name.n -= strlen(FOX_PLANES_SUFFIX);
	if (folder) {
		fox_buf_str(out, asked);
		if (asked[strlen(asked) - 1] != '/')
			fox_buf_char(out, '/');
	}
	fox_buf_add(out, name.p, name.n);
	if (!expand && (!asked || folder))
		fox_buf_str(out, FOX_PLANES_SUFFIX);
	return out->failed ? fox_fail_nomem(err) : FOX_OK;
}

/* ---- the work */

static void say(void *ctx, const char *line)
{
	fox_log_note("%s: %s", (const char *)ctx, line);
}

static void show(void *ctx, uint64_t done, uint64_t total)
{
	const struct fox_compress_verb *v = ctx;
	fox_log_progress(v->progress, done, total);
}

static enum fox_status work(const struct fox_compress_verb *v, const char *path, struct fox_out *out,
    struct fox_compressed *r, struct fox_err *err)
{
	struct fox_gguf *g = NULL;
	struct fox_file packed = {0};
	enum fox_status s = v->expand ? fox_file_open(&packed, path, err) : fox_gguf_open(&g, path, err);
	const struct fox_file *in = g ? fox_gguf_file(g) : &packed;
	if (!s && fox_out_is_input(out, in))
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "the output is the input");
	if (!s && g)
		s = fox_gguf_settled(g, err);
	struct fox_compression c = {.in = in,
	    .out = out,
	    .threads = v->threads,
	    .note = say,
	    .note_ctx = (void *)path,
	    .progress = show,
	    .progress_ctx = (void *)v};
	if (!s)
		s = v->expand ? fox_expand(&c, r, err) : fox_compress(&c, g, r, err);
	if (s)
		fox_in_file(err, path);
	fox_gguf_close(g);
	fox_file_close(&packed);
	return s;
}

static enum fox_status report(const char *path, const struct fox_compressed *r, struct fox_err *err)
{
	char hex[FOX_HASH128_HEX + 1];
	struct fox_buf b = {0};
	fox_hex(hex, r->hash.b, sizeof r->hash.b);
	fox_buf_str(&b, "output      ");
	fox_buf_escaped(&b, fox_str_of(path), SIZE_MAX);
	fox_buf_fmt(&b, "\nbytes       %llu\ncompressed  %llu\nratio       %.4f\nxxh3-128    %s\n",
	    (unsigned long long)r->file_bytes, (unsigned long long)r->packed_bytes,
	    (double)r->packed_bytes / (double)r->file_bytes, hex);
	enum fox_status s = b.failed ? fox_fail_nomem(err) : fox_stdout_put(fox_buf_view(&b), err);
	fox_buf_free(&b);
	return s;
}

int fox_compress_file(const struct fox_compress_verb *v, const char *path)
{
	struct fox_err err = {0};
	struct fox_buf name = {0};
	struct fox_out *out = NULL;
	struct fox_compressed r;
	enum fox_status s = fox_compress_name(&name, path, v->out, v->expand, &err);
	if (!s)
		s = fox_out_open(&out, name.p, v->replace, &err);
	if (!s)
		s = work(v, path, out, &r, &err);
	fox_log_progress_end();
	if (s)
		fox_out_abort(out);
	else
		s = fox_out_commit(out, &err);
	if (!s)
		s = report(name.p, &r, &err);
	fox_buf_free(&name);
	return s ? fox_log_err(&err) : 0;
}

int fox_compress_files(const struct fox_compress_verb *v, int n, char **paths)
{
	struct fox_err err = {0};
	if (n > 1 && v->out && !is_folder(v->out)) {
		fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "'-o' wants a folder for %d files", n);
		return fox_log_usage(&err);
	}
	int code = 0;
	for (int i = 0; i < n && !code; i++)
		code = fox_compress_file(v, paths[i]);
	return code;
}
