/* verb_unpack.c - fox-pack unpack: options in, report out. */
#include <time.h>

#include "convert/pack.h"
#include "convert/pack_say.h"
#include "convert/unpack.h"
#include "format/base/log.h"
#include "format/base/opt.h"

static void show_progress(void *ctx, uint64_t done)
{
	const struct fox_file *archive = ctx; /* what comes out is at least what goes in, more or less */
	fox_log_progress("unpacking", done, done > archive->size ? done : archive->size);
}

static enum fox_status add_line(
    void *ctx, struct fox_str name, bool folder, uint64_t bytes, struct fox_err *err)
{
	struct fox_buf *b = ctx, number = {0};
	if (!folder)
		fox_buf_count(&number, bytes);
	fox_buf_fmt(b, "%18s  ", number.p ? number.p : "");
	fox_buf_escaped(b, name, SIZE_MAX);
	fox_buf_str(b, folder ? "/\n" : "\n");
	fox_buf_free(&number);
	return b->failed ? fox_fail_nomem(err) : FOX_OK;
}

static int list(const char *archive)
{
	struct fox_err err = {0};
	struct fox_buf b = {0};
	enum fox_status s = fox_unpack_list(archive, add_line, &b, &err);
	if (!s && b.n)
		s = fox_say_print(&b, &err);
	fox_buf_free(&b);
	return s ? fox_log_err(&err) : 0;
}

static enum fox_status report(const struct fox_unpack_done *d, struct fox_err *err)
{
	struct fox_buf b = {0};
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, d->checked.sums.b, sizeof d->checked.sums.b);
	fox_say_text(&b, "output", fox_str_of(d->out));
	fox_say_count(&b, "files", d->n_files);
	fox_say_count(&b, "bytes", d->bytes);
	fox_say_text(&b, "sums", fox_str_of(hex));
	if (d->checked.signed_by)
		fox_say_text(&b, "signed by", fox_str_of(d->checked.signature.key));
	return fox_say_print(&b, err);
}

int fox_verb_unpack(int argc, char **argv)
{
	int first;
	uint32_t threads = 0;
	bool quiet = false, only_list = false, done;
	struct fox_file archive = {0};
	struct fox_unpack_done d;
	struct fox_unpack_options o = {.progress = show_progress, .progress_ctx = &archive};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "DIR",
	        "folder to make; it must not exist (default: the archive's own)", NULL, 0, 0},
	    {FOX_OPT_STR, 'k', "key", &o.who.key, "PUB",
	        "SHA256SUMS must be signed by this key (of ssh or minisign, or allowed_signers)", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "signer", &o.who.signer, "NAME", "with --key: by this one of allowed_signers", NULL,
	        0, 0},
	    {FOX_OPT_FLAG, 'l', "list", &only_list, NULL, "print the members; check and write nothing", NULL, 0,
	        0},
	    {FOX_OPT_U32, 'j', "threads", &threads, "N", "threads (default: one per CPU)", NULL, 1, 64},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack unpack",
	    .summary = "unpack an archive into a new folder, which appears when everything in it is proven",
	    .usage = "fox-pack unpack ARCHIVE [-o DIR]\nfox-pack unpack ARCHIVE --list",
	    .notes = "Every file must be in the archive's SHA256SUMS and be what it says, none may be missing; "
	             "so with manifest.json,\n"
	             "and every model against the hashes in it; with --key also who signed it. Else nothing is "
	             "left. An archive without "
	             "SHA256SUMS is not unpacked:\n"
	             "tar and unzip do that. spec/bundle.md\n"
	             "\n"
	             "Example: fox-pack unpack fox-1-q8_0.tar",
	    .options = options,
	    .min_args = 1,
	    .max_args = 1,
	};
	struct fox_err err = {0};
	fox_log_init(tool.name);
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (!s && done)
		return 0;
	if (!s && only_list && (o.out || o.who.key))
		s = fox_fail(
		    &err, FOX_E_ARG, FOX_NOWHERE, "'--list' and '--%s' exclude each other", o.out ? "output" : "key");
	if (!s && o.who.signer && !o.who.key)
		s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "'--signer' goes with '--key'");
	o.who.now = (int64_t)time(NULL);
	if (s)
		return fox_log_usage(&err);
	fox_log_quiet(quiet);
	if (only_list)
		return list(argv[first]);
	o.archive = argv[first];
	o.threads = threads;
	s = fox_file_open(&archive, o.archive, &err);
	fox_file_close(&archive); /* its size is known */
	if (!s)
		s = fox_unpack(&o, &d, &err);
	fox_log_progress_end();
	if (s)
		return fox_log_err(&err);
	if (!d.checked.manifest)
		fox_log_note("no manifest.json of fox's is in it: files were held against SHA256SUMS only");
	if (d.checked.n_hashed < d.checked.n_models)
		fox_log_note("%zu of %zu models carry no hashes of fox's, or another tool changed them since",
		    d.checked.n_models - d.checked.n_hashed, d.checked.n_models);
	return report(&d, &err) ? fox_log_err(&err) : 0;
}
