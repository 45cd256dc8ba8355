/* verb_expand.c - fox-pack expand: options in, report out. */
#include "convert/compress_names.h"
#include "convert/pack.h"
#include "convert/pipeline.h"
#include "format/base/log.h"
#include "format/base/opt.h"

int fox_verb_expand(int argc, char **argv)
{
	int first;
	bool quiet = false, done;
	struct fox_compress_verb v = {.progress = "expanding", .expand = true};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &v.out, "PATH",
	        "file or folder to write to (default: FILE without .foxz)", NULL, 0, 0},
	    {FOX_OPT_U32, 'j', "threads", &v.threads, "N", "threads (default: one per CPU)", NULL, 1,
	        FOX_PIPELINE_MAX_THREADS},
	    {FOX_OPT_FLAG, 'f', "force", &v.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack expand",
	    .summary = "make the GGUF file again that fox-pack compress was given",
	    .usage = "fox-pack expand FILE.gguf.foxz... [-o PATH] [options]",
	    .notes = "Each FILE becomes a file of its own, and stays. Every chunk, every tensor and the whole "
	             "file are checked against\n"
	             "their hashes; a file that fails is not written.\n"
	             "\n"
	             "Example: fox-pack expand /backup/fox-1-bf16.gguf.foxz -o models/",
	    .options = options,
	    .min_args = 1,
	    .max_args = UINT32_MAX,
	};
	struct fox_err err = {0};
	fox_log_init(tool.name);
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(quiet);
	return fox_compress_files(&v, argc - first, argv + first);
}
