/* fox-convert.c - options in, summary out; the work is convert.c's. */
#include "convert/back.h"
#include "convert/convert.h"
#include "convert/mixture_opts.h"
#include "convert/pack.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "kernels/kernels.h"

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fox_log_note("%s", line);
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	fox_log_progress("converting", done, total);
}

/* --to hf */
static int back(const struct fox_convert_options *o, uint64_t max_shard)
{
	struct fox_err err = {0};
	struct fox_buf report = {0};
	struct fox_back_options b = {.src = o->src, .out = o->out, .type = o->types.types, .max_shard = max_shard,
	    .dry_run = o->dry_run, .allow_lossy = o->allow_lossy, .note = say, .progress = show_progress};
	enum fox_status s;
	if (!o->out)
		s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "--to hf needs a folder: -o DIR");
	else if (o->name || o->tokenizer || o->pre || o->no_pre || o->resume)
		s = fox_fail(&err, FOX_E_ARG, FOX_NOWHERE, "--to hf goes without --name, --tokenizer, --pre and --resume");
	else
		s = fox_back(&b, &report, &err);
	fox_log_progress_end();
	if (!s)
		s = fox_stdout_put(fox_buf_view(&report), &err);
	fox_buf_free(&report);
	return s ? fox_log_err(&err) : 0;
}

static const struct fox_verb verbs[] = {
    {"set", "change keys of a GGUF file", fox_verb_set},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	static const char *const forms[] = {"gguf", "hf", NULL};
	int first, to = 0;
	uint64_t max_shard = (uint64_t)5 << 30;
	uint32_t threads = 0;
	bool quiet = false, no_hash = false, done;
	struct fox_convert_options o = {.note = say, .progress = show_progress};
	static struct fox_mixture_lists lists;
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "PATH", "file or folder to write to; {type} and {TYPE} expand",
	        NULL, 0, 0},
	    {FOX_OPT_STR, 't', "type", &o.types.types, "TYPE",
	        "types of the matrices, separated by commas (default: auto)", NULL, 0, 0},
	    FOX_MIXTURE_ROWS(o.types, lists),
	    {FOX_OPT_ENUM, 0, "to", &to, "FORM", "gguf, or hf: a GGUF file back to a checkpoint folder (-o DIR)", forms, 0, 0},
	    {FOX_OPT_SIZE, 0, "max-shard-size", &max_shard, "SIZE", "with --to hf: tensor data in one file (default: 5G)",
	        NULL, 1, 0},
	    {FOX_OPT_STR, 0, "name", &o.name, "NAME", "the model's name (general.name)", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "tokenizer", &o.tokenizer, "PATH",
	        "take the tokenizer from this folder, archive, repository id or file", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "pre", &o.pre, "NAME", "llama.cpp's name for the pre-tokenizer", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "no-llama-pre", &o.no_pre, NULL,
	        "accept a pre-tokenizer that llama.cpp has no name for", NULL, 0, 0},
	    {FOX_OPT_U32, 'j', "threads", &threads, "N", "threads (default: one per CPU)", NULL, 1,
	        FOX_PIPELINE_MAX_THREADS},
	    {FOX_OPT_FLAG, 'f', "force", &o.replace, NULL, "replace an existing output", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "resume", &o.resume, NULL,
	        "keep what is finished when the work stops (PATH.part), and take up what is kept", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'n', "dry-run", &o.dry_run, NULL,
	        "print the plan, sizes, memory and disk needed; write nothing", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "allow-lossy", &o.allow_lossy, NULL,
	        "accept values that the type turns into Inf, or f16 into 0", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "allow-nonfinite", &o.allow_nonfinite, NULL, "accept NaN and Inf in the source",
	        NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "no-source-hash", &no_hash, NULL,
	        "do not compute or record SHA-256 of the source files", NULL, 0, 0},
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-convert",
	    .summary = "turn a Hugging Face checkpoint into GGUF files, reading it once",
	    .usage = "fox-convert SRC [-o PATH] [-t TYPE] [options]\n"
	             "fox-convert FILE.gguf --to hf -o DIR    back to a checkpoint: safetensors, config.json, tokenizer\n"
	             "fox-convert set KEY=VALUE... FILE       changes keys of a GGUF file: fox-convert set --help",
	    .notes =
	        "SRC is a checkpoint folder, a weight file in one (.safetensors; .bin, .pt or .pth of PyTorch), "
	        "an\n"
	        "archive of a folder (tar, plain or in gzip, zstd or xz; zip), which is not unpacked to disk, or a\n"
	        "repository id (org/name) that the local Hugging Face cache holds. Nothing in a file is ever "
	        "run.\n"
	        "TYPE is auto, the narrowest type that holds every value exactly; f32,\n"
	        "f16, bf16, q8_0; or a mixture as fox-quantize knows it: q4_k_m, q6_k... Several give several "
	        "files.\n"
	        "Norms and other vectors are always f32. Without -o the file is called NAME-SIZE-TYPE.gguf.\n"
	        "\n"
	        "Example: fox-convert Fox-1-1.6B --name 'Fox 1 1.6B' -t bf16,q4_k_m -o 'fox-1-{type}.gguf'",
	    .options = options,
	    .min_args = 1,
	    .max_args = 1,
	    .verbs = verbs,
	};
	struct fox_err err = {0};
	fox_signals_init();
	fox_version_extra = fox_kernels_describe;
	if (argc > 1 && !strcmp(argv[1], verbs[0].name))
		return verbs[0].run(argc - 1, argv + 1);
	fox_log_init(tool.name);
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (s)
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(quiet);
	o.src = argv[first];
	if (to)
		return back(&o, max_shard);
	fox_mixture_take(&o.types, &lists);
	o.threads = threads;
	o.hash_sources = !no_hash;
	struct fox_outcome r = {0};
	s = fox_convert(&o, &r, &err);
	fox_log_progress_end();
	if (!s)
		s = fox_outcome_print(&r, o.dry_run, false, &err);
	int code = s ? fox_log_err(&err) : 0;
	fox_outcome_free(&r);
	return code;
}
