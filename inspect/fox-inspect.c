/* fox-inspect - look inside a container: any GGUF v2 or v3 file.  spec/inspect.md */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "format/hashlist.h"
#include "inspect/inspect.h"
#include "kernels/kernels.h"

/* Options that a verb takes, beside --json. */
enum {
	OPT_A = 1u << 0,
	OPT_N = 1u << 1,
	OPT_C = 1u << 2,
	OPT_E = 1u << 3,
	OPT_D = 1u << 4,
	OPT_S = 1u << 5,
	OPT_B = 1u << 6,
	OPT_H = 1u << 7
};

struct verb {
	const char *name;
	uint32_t n_files;     /* containers that it opens: the first arguments */
	uint32_t least, most; /* further arguments */
	uint32_t options;     /* OPT_* */
	fox_look_fn *look;
};

static const struct verb verbs[] = {
    {"summary", 1, 0, 0, 0, fox_look_summary},
    {"keys", 1, 0, 1, OPT_A | OPT_N, fox_look_keys},
    {"tensors", 1, 0, 0, 0, fox_look_tensors},
    {"tensor", 1, 1, 1, OPT_A | OPT_N, fox_look_tensor},
    {"tok", 1, 0, 0, OPT_E | OPT_D | OPT_S | OPT_B, fox_look_tok},
    {"memory", 1, 0, 0, OPT_C, fox_look_memory},
    {"diff", 2, 0, 0, 0, fox_look_diff},
    {"hash", 1, 0, 0, OPT_H, fox_look_hash},
    {"cpu", 0, 0, 0, 0, fox_look_cpu},
    {"arch", 0, 0, 1, 0, fox_look_arch},
};

static struct fox_look look = {.count = FOX_LOOK_UNSET, .n_ctx = FOX_LOOK_UNSET, .algorithm = -1};

static const struct fox_opt options[] = {
    {.type = FOX_OPT_FLAG, .long_name = "json", .to = &look.json, .help = "print JSON"},
    {.type = FOX_OPT_FLAG,
        .short_name = 'a',
        .long_name = "all",
        .to = &look.all,
        .help = "abbreviate nothing (keys, tensor)"},
    {.type = FOX_OPT_U64,
        .short_name = 'n',
        .long_name = "count",
        .to = &look.count,
        .arg = "N",
        .help = "values to show (keys, tensor)",
        .max = UINT64_MAX - 1},
    {.type = FOX_OPT_U64,
        .short_name = 'c',
        .long_name = "context",
        .to = &look.n_ctx,
        .arg = "N",
        .help = "positions (memory); default: the model's",
        .min = 1,
        .max = UINT32_MAX},
    {.type = FOX_OPT_STR,
        .short_name = 'e',
        .long_name = "encode",
        .to = &look.text,
        .arg = "TEXT",
        .help = "show the ids of a text (tok)"},
    {.type = FOX_OPT_STR,
        .short_name = 'd',
        .long_name = "decode",
        .to = &look.ids,
        .arg = "IDS",
        .help = "show the text of ids: 2,651,7 (tok)"},
    {.type = FOX_OPT_FLAG,
        .short_name = 's',
        .long_name = "special",
        .to = &look.special,
        .help = "control pieces count in texts (tok)"},
    {.type = FOX_OPT_FLAG,
        .short_name = 'b',
        .long_name = "bare",
        .to = &look.plain,
        .help = "add no bos or eos (tok)"},
    {.type = FOX_OPT_ENUM,
        .long_name = "algorithm",
        .to = &look.algorithm,
        .arg = "NAME",
        .help = "xxh64 (default), sha1, sha256, uuid, all (hash)",
        .choices = fox_hashlist_names},
    {.type = FOX_OPT_END},
};

static const struct fox_tool tool = {
    .name = "fox-inspect",
    .summary = "look inside a model container (any GGUF file)",
    .usage = "fox-inspect FILE                what it is: model, types, tokenizer, hashes, sources\n"
             "fox-inspect keys FILE [KEY]     keys and values, or one value whole\n"
             "fox-inspect tensors FILE        names, types, shapes\n"
             "fox-inspect tensor FILE NAME    values and statistics of one tensor\n"
             "fox-inspect tok FILE            the tokenizer; -e TEXT and -d IDS run it\n"
             "fox-inspect memory FILE         memory that running takes\n"
             "fox-inspect diff A B            what differs: keys, tensors, values\n"
             "fox-inspect hash FILE           hashes of tensor data, as llama-gguf-hash writes them\n"
             "fox-inspect cpu                 instruction sets, kernels, CUDA\n"
             "fox-inspect arch [NAME]         the architecture table",
    .notes = "A file that is called like a verb: fox-inspect ./keys\n"
             "Example: fox-inspect tensor model.gguf blk.0.attn_q.weight -n 8",
    .options = options,
    .min_args = 1,
    .max_args = 3,
};

/* The verb of these arguments, which begin after it at *first. A lone argument that names no verb is a file. */
static const struct verb *find_verb(int argc, char **argv, int *first)
{
	for (size_t i = 0; i < FOX_COUNT(verbs); i++)
		if (!strcmp(argv[*first], verbs[i].name)) {
			++*first;
			return &verbs[i];
		}
	return argc - *first == 1 ? &verbs[0] : NULL;
}

/* Arguments and options that do not belong to the verb are refused rather than ignored. */
static enum fox_status check_use(const struct verb *v, int n_args, struct fox_err *err)
{
	const struct {
		uint32_t bit;
		bool given;
		const char *name;
	} given[] = {
	    {OPT_A, look.all, "all"},
	    {OPT_N, look.count != FOX_LOOK_UNSET, "count"},
	    {OPT_C, look.n_ctx != FOX_LOOK_UNSET, "context"},
	    {OPT_E, look.text, "encode"},
	    {OPT_D, look.ids, "decode"},
	    {OPT_S, look.special, "special"},
	    {OPT_B, look.plain, "bare"},
	    {OPT_H, look.algorithm >= 0, "algorithm"},
	};
	for (size_t i = 0; i < FOX_COUNT(given); i++)
		if (given[i].given && !(v->options & given[i].bit))
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "option '--%s' does not belong to '%s'", given[i].name, v->name);
	uint32_t n = (uint32_t)n_args;
	if (n < v->n_files + v->least)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' wants more arguments", v->name);
	if (n > v->n_files + v->most)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' wants fewer arguments", v->name);
	return FOX_OK;
}

/* A model; or a later shard of one, which is shown alone, as no model is opened by it. */
static enum fox_status open_file(struct fox_gguf **out, const char *path, struct fox_err *err)
{
	enum fox_status s = fox_gguf_open_set(out, path, err);
	if (s != FOX_E_ARG)
		return s;
	struct fox_err later = *err;
	*err = (struct fox_err){0};
	s = fox_gguf_open(out, path, err);
	if (!s)
		fox_log_note("%s: %s; this file alone is shown", path, later.text);
	return s;
}

/* Look and print. Returns the exit status. */
static int run(const struct verb *v, struct fox_gguf **files, struct fox_err *err)
{
	struct fox_report report;
	fox_report_init(&report, tool.name, v->name);
	enum fox_status st = v->look(&report, &look, err);
	if (st && look.g)
		fox_in_file(err, look.path);
	if (!st && look.lines.n)
		st = fox_stdout_put(fox_buf_view(&look.lines), err);
	else if (!st)
		st = fox_report_print(&report, stdout, look.json, fox_log_colour(STDOUT_FILENO), err);
	fox_report_free(&report);
	fox_buf_free(&look.lines);
	fox_gguf_close(files[0]);
	fox_gguf_close(files[1]);
	return st ? fox_log_err(err) : look.bad;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_gguf *files[2] = {NULL, NULL};
	bool done;
	int first;
	fox_log_init(tool.name);
	fox_version_extra = fox_kernels_describe;
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	const struct verb *v = find_verb(argc, argv, &first);
	if (!v)
		fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "unknown verb '%s'", argv[first]);
	if (!v || check_use(v, argc - first, &err))
		return fox_log_usage(&err);
	const char *paths[2] = {v->n_files > 0 ? argv[first] : NULL, v->n_files > 1 ? argv[first + 1] : NULL};
	look.path = paths[0];
	look.other_path = paths[1];
	look.name = argc - first > (int)v->n_files ? argv[first + (int)v->n_files] : NULL;
	for (uint32_t i = 0; i < v->n_files; i++)
		if (open_file(&files[i], paths[i], &err)) {
			fox_in_file(&err, paths[i]);
			fox_gguf_close(files[0]);
			return fox_log_err(&err);
		}
	if (look.algorithm < 0)
		look.algorithm = FOX_LIST_XXH64;
	look.g = files[0];
	look.other = files[1];
	return run(v, files, &err);
}
