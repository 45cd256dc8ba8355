/* verb_oci.c - fox-pack oci: options in, report out. */
#include "convert/oci.h"
#include "convert/pack.h"
#include "convert/pack_say.h"
#include "format/base/log.h"
#include "format/base/opt.h"

static void show_progress(void *ctx, uint64_t done)
{
	const struct fox_oci_done *d = ctx;
	fox_log_progress("packing", done, d->bytes_in);
}

static enum fox_status report(
    const struct fox_oci_options *o, const struct fox_oci_done *d, struct fox_err *err)
{
	struct fox_buf b = {0};
	char digest[8 + FOX_SHA256_HEX] = "sha256:";
	fox_hex(digest + 7, d->manifest.b, sizeof d->manifest.b);
	fox_say_text(&b, "output", fox_str_of(o->out));
	fox_say_text(&b, "tag", fox_str_of(o->tag));
	fox_say_count(&b, "layers", d->n_layers);
	fox_say_count(&b, "bytes", d->bytes_in);
	fox_say_text(&b, "manifest", fox_str_of(digest));
	return fox_say_print(&b, err);
}

int fox_verb_oci(int argc, char **argv)
{
	int first;
	uint32_t threads = 0;
	bool quiet = false, done;
	struct fox_oci_done d = {0};
	struct fox_oci_options o = {.tag = "latest", .progress = show_progress, .progress_ctx = &d};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "DIR", "folder to write; it must not exist", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "tag", &o.tag, "NAME", "name of the image in the layout (default: latest)", NULL, 0,
	        0},
	    {FOX_OPT_STR, 0, "license", &o.license, "FILE",
	        "text of the licence (default: LICENSE or COPYING beside MODEL)", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "link", &o.link, NULL,
	        "blobs are hard links to the files: no copy; the same file system", NULL, 0, 0},
	    {FOX_OPT_U32, 'j', "threads", &threads, "N", "threads (default: one per CPU)", NULL, 1, 64},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack oci",
	    .summary = "write a model as an OCI image layout, for registries",
	    .usage = "fox-pack oci MODEL [FILE...] -o DIR [--tag NAME]",
	    .notes = "The layers are MODEL (all its shards), LICENSE, README.md (a model card made from the "
	             "model's own facts) and the\n"
	             "FILEs, each as it is, in the media types of CNCF's ModelPack. Equal inputs give equal "
	             "digests. No network is\n"
	             "needed; skopeo, oras or modctl push what is written. spec/bundle.md\n"
	             "\n"
	             "Example: fox-pack oci fox-1-q8_0.gguf -o fox-1 --tag q8_0 && skopeo copy oci:fox-1:q8_0 "
	             "docker://HOST/fox-1:q8_0",
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
		s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "no output is given: -o DIR");
	if (s)
		return fox_log_usage(&err);
	fox_log_quiet(quiet);
	o.model = argv[first];
	o.extra = (const char *const *)argv + first + 1;
	o.n_extra = (size_t)(argc - first - 1);
	o.threads = threads;
	s = fox_oci(&o, &d, &err);
	fox_log_progress_end();
	if (s)
		return fox_log_err(&err);
	if (!d.license)
		fox_log_note("no text of a licence is beside the model: --license FILE adds one");
	return report(&o, &d, &err) ? fox_log_err(&err) : 0;
}
