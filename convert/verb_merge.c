/* verb_merge.c - fox-pack merge: a set of shards as one container. */
#include "convert/pack.h"
#include "convert/verb_shards.h"
#include "format/base/log.h"
#include "format/base/opt.h"

int fox_verb_merge(int argc, char **argv)
{
	struct fox_shards_options o = {0};
	struct fox_shards shards = {0};
	struct fox_err err = {0};
	bool quiet = false, done;
	int first;
	const struct fox_opt options[] = {
	    {.type = FOX_OPT_STR,
	        .short_name = 'o',
	        .long_name = "output",
	        .to = &o.out,
	        .arg = "OUT",
	        .help = "the file to write, or a folder with '/' behind it"},
	    {.type = FOX_OPT_FLAG,
	        .short_name = 'f',
	        .long_name = "force",
	        .to = &o.replace,
	        .help = "replace an existing file"},
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
	    .name = "fox-pack merge",
	    .summary = "write a set of shards as one container",
	    .usage = "fox-pack merge FIRST [-o OUT] [options]",
	    .notes = "FIRST is the shard called ...-00001-of-N.gguf; the others lie beside it. A set that was "
	             "split from a fox "
	             "file\ngives that very file. No shard is changed, removed or overwritten.\n\n"
	             "Example: fox-pack merge fox-1-bf16-00001-of-00002.gguf -o fox-1-bf16.gguf",
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
	enum fox_status s = fox_shards_merge(&o, &shards, &err);
	fox_log_progress_end();
	if (!s)
		s = fox_verb_shards_print(&o, &shards, &err);
	fox_shards_free(&shards);
	return s ? fox_log_err(&err) : 0;
}
