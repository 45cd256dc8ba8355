/* verb_split.c - fox-pack split: a container as a set of shards. */
#include "convert/pack.h"
#include "convert/verb_shards.h"
#include "format/base/log.h"
#include "format/base/opt.h"

int fox_verb_split(int argc, char **argv)
{
	struct fox_shards_options o = {0};
	struct fox_shards shards = {0};
	struct fox_err err = {0};
	bool quiet = false, done;
	int first;
	const struct fox_opt options[] = {
	    {.type = FOX_OPT_SIZE,
	        .short_name = 's',
	        .long_name = "max-size",
	        .to = &o.max_bytes,
	        .arg = "SIZE",
	        .help = "most bytes of a shard's file: 2G, 512M",
	        .min = 1},
	    {.type = FOX_OPT_U64,
	        .long_name = "max-tensors",
	        .to = &o.max_tensors,
	        .arg = "N",
	        .help = "most tensors in a shard",
	        .min = 1},
	    {.type = FOX_OPT_FLAG,
	        .long_name = "no-tensor-first-split",
	        .to = &o.first_without,
	        .help = "the first shard holds the keys alone"},
	    {.type = FOX_OPT_STR,
	        .short_name = 'o',
	        .long_name = "output",
	        .to = &o.out,
	        .arg = "PREFIX",
	        .help = "what the shards' names begin with, or a folder with '/' behind it"},
	    {.type = FOX_OPT_FLAG,
	        .short_name = 'f',
	        .long_name = "force",
	        .to = &o.replace,
	        .help = "replace existing files"},
	    {.type = FOX_OPT_FLAG,
	        .short_name = 'n',
	        .long_name = "dry-run",
	        .to = &o.dry_run,
	        .help = "print the plan and write nothing"},
	    {.type = FOX_OPT_FLAG,
	        .short_name = 'q',
	        .long_name = "quiet",
	        .to = &quiet,
	        .help = "no notes and no progress"},
	    {.type = FOX_OPT_END},
	};
	const struct fox_tool tool = {
	    .name = "fox-pack split",
	    .summary = "write a container as a set of shards",
	    .usage = "fox-pack split -s SIZE FILE [-o PREFIX] [options]",
	    .notes = "The shards are called PREFIX-00001-of-00003.gguf and so on, as other GGUF programs expect; "
	             "every tool "
	             "takes\nthe first of them as the model. Tensors keep their order; one that is larger than "
	             "SIZE gets a "
	             "shard for\nitself. FILE may be the first shard of a set.\n\n"
	             "Example: fox-pack split -s 2G fox-1-bf16.gguf -o shards/",
	    .options = options,
	    .min_args = 1,
	    .max_args = 1,
	};
	fox_log_init(tool.name);
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(quiet);
	o.src = argv[first];
	fox_verb_shards_tell(&o);
	enum fox_status s = fox_shards_split(&o, &shards, &err);
	fox_log_progress_end();
	if (!s)
		s = fox_verb_shards_print(&o, &shards, &err);
	fox_shards_free(&shards);
	return s ? fox_log_err(&err) : 0;
}
