/* fox-quantize.c - options in, report out; the work is quantize.c's. */
#include "convert/mixture_opts.h"
#include "convert/quantize.h"
#include "convert/outcome.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "kernels/kernels.h"

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fox_log_note("%s", line);
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	fox_log_progress("quantizing", done, total);
}

static int print_result(const struct fox_quantize_result *r, bool dry)
{
	struct fox_buf text = {0};
	struct fox_err err = {0};
	struct fox_outcome s = {.outs = &r->outs,
	    .n_tensors = r->n_tensors,
	    .n_params = r->n_params,
	    .src_bytes = r->src_bytes,
	    .memory_bytes = r->memory_bytes,
	    .disk_free = r->disk_free,
	    .dry = dry,
	    .tables = true};
	fox_outcome_add(&s, &text);
	if (dry && r->disk_free < fox_outcome_bytes(&s))
		fox_log_note("the output's file system has not enough space");
	enum fox_status st = text.failed ? fox_fail_nomem(&err) : fox_stdout_put(fox_buf_view(&text), &err);
	fox_buf_free(&text);
	return st ? fox_log_err(&err) : 0;
}

/* IN TYPE, or IN with -t. */
static enum fox_status take_arguments(struct fox_quantize_options *o, int n, char **args, struct fox_err *err)
{
	if (n > 1 && o->types.types)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "types are given twice: '%s' and '%s'", args[1], o->types.types);
	if (n < 2 && !o->types.types)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "no type is given");
	o->src = args[0];
	o->types.types = n > 1 ? args[1] : o->types.types;
	return FOX_OK;
}

int main(int argc, char **argv)
{
	int first;
	uint32_t threads = 0;
	bool quiet = false, done;
	struct fox_quantize_options o = {.note = say, .progress = show_progress};
	static struct fox_mixture_lists lists;
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "PATH", "file or folder to write to; {type} and {TYPE} expand",
	        NULL, 0, 0},
	    {FOX_OPT_STR, 't', "type", &o.types.types, "TYPE", "types, instead of the second argument", NULL, 0,
	        0},
	    FOX_MIXTURE_ROWS(o.types, lists),
	    {FOX_OPT_FLAG, 0, "allow-requantize", &o.types.allow_requantize, NULL,
	        "quantize what is quantized already; it loses more than quantizing once", NULL, 0, 0},
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
	    {FOX_OPT_FLAG, 'q', "quiet", &quiet, NULL, "no notes, no progress", NULL, 0, 0},
	    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
	};
	const struct fox_tool tool = {
	    .name = "fox-quantize",
	    .summary = "turn a GGUF file into smaller ones, reading it once",
	    .usage = "fox-quantize IN.gguf [-o PATH] TYPE[,TYPE...] [options]",
	    .notes = "TYPE is a mixture as llama-quantize knows it, in any case: q4_k_m, q6_k, q8_0, iq4_xs, "
	             "mxfp4_moe, f16...;\n"
	             "copy keeps every tensor and hashes it anew. Prints what became of each tensor: rmse, and "
	             "error, the root\n"
	             "of the squared errors over the squared values.\n"
	             "\n"
	             "Example: fox-quantize fox-1-bf16.gguf q8_0,q4_k_m -o 'fox-1-{type}.gguf'",
	    .options = options,
	    .min_args = 1,
	    .max_args = 2,
	};
	struct fox_err err = {0};
	fox_log_init(tool.name);
	fox_signals_init();
	fox_version_extra = fox_kernels_describe;
	enum fox_status s = fox_opt_parse(&tool, argc, argv, &first, &done, &err);
	if (s)
		return fox_log_usage(&err);
	if (done)
		return 0;
	if (take_arguments(&o, argc - first, argv + first, &err))
		return fox_log_usage(&err);
	fox_log_quiet(quiet);
	fox_mixture_take(&o.types, &lists);
	o.threads = threads;
	struct fox_quantize_result r = {0};
	s = fox_quantize(&o, &r, &err);
	fox_log_progress_end();
	int code = s ? fox_log_err(&err) : print_result(&r, o.dry_run);
	fox_quantize_free(&r);
	return code;
}
