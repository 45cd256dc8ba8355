/* verb_compress.c - fox-pack compress: options in, report out. */
#include "convert/compress_names.h"
#include "convert/pack.h"
#include "convert/pipeline.h"
#include "format/base/log.h"
#include "format/base/opt.h"

int fox_verb_compress(int argc, char **argv)
{
	int first;
	bool quiet = false, done;
	struct fox_compress_verb v = {.progress = "compressing"};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &v.out, "PATH", "file or folder to write to (default: FILE.foxz)", NULL,
	        0, 0},
	    {FOX_OPT_U32, 'j', "threads", &v.threads, "N", "threads (default: one per CPU)", NULL, 1,
	        FOX_PIPELINE_MAX_THREADS},
	    {FOX_OPT_FLAG, 'f', "force", &v.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack compress",
	    .summary = "make a GGUF file smaller without loss: a bf16 model by a third",
	    .usage = "fox-pack compress FILE.gguf... [-o PATH] [options]",
	    .notes = "Each FILE, a shard of a set too, becomes a file of its own, and stays. 'fox-pack expand' "
	             "makes it again, bit for\n"
	             "bit. Quantized types hardly shrink.\n"
	             "\n"
	             "Example: fox-pack compress fox-1-bf16.gguf -o /backup/",
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
