/* verb_bundle.c - fox-pack bundle: options in, report out. */
#include <stdlib.h>

#include "convert/bundle.h"
#include "convert/pack.h"
#include "convert/pack_say.h"
#include "format/base/log.h"
#include "format/base/opt.h"

static void show_progress(void *ctx, uint64_t done)
{
	const struct fox_bundle_done *b = ctx;
	fox_log_progress("packing", done, b->bytes_in);
}

/* SOURCE_DATE_EPOCH, as reproducible builds have it; 0 where it is not set. */
static enum fox_status member_time(uint64_t *out, struct fox_err *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	*out = 0;
	if (!text || (fox_str_u64(fox_str_of(text), out) && *out <= FOX_ARC_MAX_TIME))
		return FOX_OK;
	return fox_fail(err, FOX_E_ARG, FOX_NOWHERE,
	    "SOURCE_DATE_EPOCH is '%s', not a number of seconds up to %u", text, FOX_ARC_MAX_TIME);
}

static enum fox_status report(
    const struct fox_bundle_options *o, const struct fox_bundle_done *d, struct fox_err *err)
{
	struct fox_buf b = {0};
	char hex[FOX_SHA256_HEX + 1];
	fox_hex(hex, d->sums.b, sizeof d->sums.b);
	fox_say_text(&b, "output", fox_str_of(o->out));
	fox_say_count(&b, "files", d->n_files);
	fox_say_count(&b, "bytes in", d->bytes_in);
	fox_say_count(&b, "bytes", d->bytes);
	fox_say_text(&b, "sums", fox_str_of(hex));
	return fox_say_print(&b, err);
}

int fox_verb_bundle(int argc, char **argv)
{
	int first;
	uint32_t threads = 0;
	bool quiet = false, done;
	struct fox_bundle_done d = {0};
	struct fox_bundle_options o = {.progress = show_progress, .progress_ctx = &d};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "NAME.EXT", "archive to write: .tar, .tar.gz, .tar.zst or .zip",
	        NULL, 0, 0},
	    {FOX_OPT_STR, 0, "license", &o.license, "FILE",
	        "text of the licence (default: LICENSE or COPYING beside MODEL)", NULL, 0, 0},
	    {FOX_OPT_STR, 'k', "key", &o.key, "KEY", "OpenSSH private key that signs SHA256SUMS in the archive",
	        NULL, 0, 0},
	    {FOX_OPT_U32, 'j', "threads", &threads, "N", "threads (default: one per CPU)", NULL, 1, 64},
	    {FOX_OPT_FLAG, 'f', "force", &o.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack bundle",
	    .summary = "put a model and all that belongs to it into one reproducible archive",
	    .usage = "fox-pack bundle MODEL [FILE...] -o NAME.tar|NAME.tar.gz|NAME.tar.zst|NAME.zip",
	    .notes = "The archive holds a folder NAME with MODEL (all its shards), LICENSE, README.md (a model "
	             "card made from the\n"
	             "model's own facts), the FILEs, manifest.json and SHA256SUMS. Equal inputs give equal "
	             "bytes: every time is 0, or\n"
	             "$SOURCE_DATE_EPOCH. A model that is damaged is not packed. spec/bundle.md\n"
	             "\n"
	             "Example: fox-pack bundle fox-1-q8_0.gguf -o fox-1-q8_0.tar",
	    .options = options,
	    .min_args = 1,
	    .max_args = UINT32_MAX,
	};
	struct fox_err err = {0};
	fox_log_init(tool.name);
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (!s && done)
		return 0;
	if (!s && !o.out)
		s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "no output is given: -o NAME.tar");
	if (s)
		return fox_log_usage(&err);
	if (member_time(&o.mtime, &err))
		return fox_log_err(&err);
	fox_log_quiet(quiet);
	o.model = argv[first];
	o.extra = (const char *const *)argv + first + 1;
	o.n_extra = (size_t)(argc - first - 1);
	o.threads = threads;
	s = fox_bundle(&o, &d, &err);
	fox_log_progress_end();
	if (s)
		return fox_log_err(&err);
	if (!d.license)
		fox_log_note("no text of a licence is beside the model: --license FILE adds one");
	if (!d.hashes)
		fox_log_note("the model carries no hashes of fox's, or another tool changed it since: only "
		             "SHA256SUMS covers it");
	return report(&o, &d, &err) ? fox_log_err(&err) : 0;
}
