/* verb_set.c - fox-convert set: other values for a container's keys. The work is edit.c's. */
#include <stdlib.h>

#include "convert/edit.h"
#include "convert/pack.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"

enum { MAX_EDITS = 4096 };

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fox_log_note("%s", line);
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	fox_log_progress("writing", done, total);
}

/* Options and arguments as one list. */
static size_t take_edits(struct fox_edit *to, const struct fox_opt_list *removes,
    const struct fox_opt_list *renames, char **sets, size_t n_sets)
{
	size_t n = 0;
	for (size_t i = 0; i < removes->n; i++)
		to[n++] = (struct fox_edit){FOX_EDIT_REMOVE, removes->item[i]};
	for (size_t i = 0; i < renames->n; i++)
		to[n++] = (struct fox_edit){FOX_EDIT_RENAME, renames->item[i]};
	for (size_t i = 0; i < n_sets; i++)
		to[n++] = (struct fox_edit){FOX_EDIT_SET, sets[i]};
	return n;
}

static int finish(enum fox_status s, const struct fox_edit_outcome *r, const char *path, struct fox_err *err)
{
	fox_log_progress_end();
	if (r->begun && s)
		fox_log_note("the change is not finished: fox-convert set --recover '%s' ends it", path);
	if (!s && r->report.n)
		s = fox_stdout_put(fox_buf_view(&r->report), err);
	return s ? fox_log_err(err) : 0;
}

static const char notes[] =
    "KEY=VALUE keeps the type that KEY has; KEY:TYPE=VALUE gives it one, and adds a key that is not there. "
    "TYPE is\n"
    "u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool str, or arr[u32], arr[str]... with a JSON array as VALUE.\n"
    "VALUE @PATH is what that file holds; @@ stands for an @ at the beginning.\n"
    "FILE is changed where it stands when fox wrote it and its header has the room; else it is written anew, "
    "whole or\n"
    "not at all. Programs that have it open see the new keys at once. What kills a change in place loses "
    "nothing:\n"
    "the next one, or --recover, finishes it.\n"
    "\n"
    "Example: fox-convert set general.name='Fox 1' tokenizer.chat_template=@chat.jinja fox-1.gguf";

int fox_verb_set(int argc, char **argv)
{
	static struct fox_opt_list removes, renames;
	static struct fox_edit edits[MAX_EDITS + 2 * FOX_OPT_LIST_MAX];
	bool quiet = false, recover = false, done;
	int first;
	struct fox_edit_options o = {.edits = edits, .note = say, .progress = show_progress};
	const struct fox_opt options[] = {
	    {FOX_OPT_LIST, 'd', "remove", &removes, "KEY", "remove a key; may be given several times", NULL, 0,
	        0},
	    {FOX_OPT_LIST, 0, "rename", &renames, "OLD=NEW", "give a key another name; likewise", NULL, 0, 0},
	    {FOX_OPT_STR, 'o', "output", &o.out, "PATH", "write a new file and leave FILE as it is", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'f', "force", &o.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'n', "dry-run", &o.dry_run, NULL, "say what would change, and how; write nothing",
	        NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "allow-breaking", &o.breaking, NULL,
	        "change keys, too, that must agree with the weights or the vocabulary", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "recover", &recover, NULL, "only finish a change that was interrupted", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-convert set",
	    .summary = "change keys of a GGUF file",
	    .usage = "fox-convert set KEY[:TYPE]=VALUE... [options] FILE\nfox-convert set --recover FILE",
	    .notes = notes,
	    .options = options,
	    .min_args = 1,
	    .max_args = MAX_EDITS + 1,
	};
	struct fox_err err = {0};
	struct fox_edit_outcome r = {0};
	fox_log_init(tool.name);
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (!s && done)
		return 0;
	o.path = argv[argc - 1];
	if (!s) {
		o.n_edits = take_edits(edits, &removes, &renames, argv + first, (size_t)(argc - 1 - first));
		if (!o.n_edits != recover)
			s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE,
			    recover ? "--recover goes with no change" : "want a change: KEY=VALUE, --remove or --rename");
		else if (recover && (o.out || o.dry_run))
			s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "--recover goes with neither --output nor --dry-run");
	}
	if (s)
		return fox_log_usage(&err);
	fox_log_quiet(quiet);
	s = recover ? fox_edit_recover(o.path, &r, &err) : fox_edit_run(&o, &r, &err);
	int code = finish(s, &r, o.path, &err);
	fox_buf_free(&r.report);
	return code;
}
