/* fox-bench.c - main: how fast models run here, and how much of the machine that is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "kernels/ncpu.h"
#include "runtime/bench_text.h"
#include "runtime/kv.h"
#include "runtime/tok.h"

#define MOST_FILES 64u

static struct args {
	const char *prompt, *decode, *depth, *threads, *filter;
	uint32_t repeats, batch;
	int mode, kv, backend, format;
	bool kernels, quiet;
} args = {.prompt = "512", .decode = "64", .depth = "0", .repeats = 5, .mode = FOX_ARITH_FAST};

static const struct fox_opt options[] = {
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Tests", NULL, 0, 0},
    {FOX_OPT_STR, 'p', "prompt", &args.prompt, "N,..", "tokens of a prompt (512); 0: no such test", NULL, 0,
        0},
    {FOX_OPT_STR, 'n', "tokens", &args.decode, "N,..", "tokens to decode one by one (64); 0: no such test",
        NULL, 0, 0},
    {FOX_OPT_STR, 'd', "depth", &args.depth, "N,..", "positions in the cache before decoding (0)", NULL, 0,
        0},
    {FOX_OPT_U32, 'r', "repeats", &args.repeats, "N", "runs of each test that count (5)", NULL, 1,
        FOX_BENCH_REPEATS},
    {FOX_OPT_FLAG, 0, "kernels", &args.kernels, NULL, "measure kernels, not models: no FILE", NULL, 0, 0},
    {FOX_OPT_STR, 0, "filter", &args.filter, "TEXT", "with --kernels: those whose name holds TEXT", NULL, 0,
        0},
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Machine", NULL, 0, 0},
    {FOX_OPT_STR, 't', "threads", &args.threads, "N,..", "threads; default: the CPUs this process may use",
        NULL, 0, 0},
    {FOX_OPT_U32, 'b', "batch", &args.batch, "N",
        "tokens of a prompt that run at once, at most; fewer take less memory (cpu 512, cuda 2048)", NULL, 1,
        65536},
    {FOX_OPT_ENUM, 0, "backend", &args.backend, "NAME",
        "what is measured: auto (default: a CUDA device if there is one), cpu, cuda", fox_backend_names, 0,
        0},
    {FOX_OPT_ENUM, 0, "kv", &args.kv, "TYPE", "type of the key-value cache", fox_kv_names, 0, 0},
    {FOX_OPT_ENUM, 0, "mode", &args.mode, "MODE",
        "arithmetic: fast (default) rounds activations, exact does not", fox_arith_names, 0, 0},
    {FOX_OPT_GROUP, 0, NULL, NULL, NULL, "Output", NULL, 0, 0},
    {FOX_OPT_ENUM, 'o', "output", &args.format, "FORMAT", "md (default): tables", fox_bench_format_names, 0,
        0},
    {FOX_OPT_FLAG, 'q', "quiet", &args.quiet, NULL, "no progress on standard error", NULL, 0, 0},
    {FOX_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, 0, 0},
};

static const struct fox_tool tool = {
    .name = "fox-bench",
    .summary = "measure how fast models run on this machine",
    .usage = "fox-bench [options] FILE...\nfox-bench [options] --kernels",
    .notes = "A test runs once uncounted (a prompt: its first 32 tokens; decoding: one token), then "
             "--repeats times. The\n"
             "table gives the median, quartiles and extremes of tokens a second. Tokens are drawn at random; "
             "a prompt counts\n"
             "all its tokens and computes the logits of the last one.\n"
             "GB/s read: the weights and the half-filled cache that one token reads, times tokens a second; "
             "of GB/s: what as\n"
             "many threads read of the same file in memory, the best of five passes with prefetches.\n"
             "The first token is timed from opening the file, as the page cache has it, to the logits after "
             "four tokens.\n"
             "Memory is the process's largest resident set so far, mapped weights in it. spec/bench.md 4\n"
             "On a CUDA device the bandwidth is what its own copies read and write, measured then and there; "
             "TFLOP/s "
             "counts products.\n\n"
             "Example: fox-bench model.gguf -p 128,512 -n 64 -d 0,4096",
    .options = options,
    .min_args = 0,
    .max_args = MOST_FILES,
};

static enum fox_status read_args(struct fox_bench_ask *ask, int n_files, struct fox_err *err)
{
	enum fox_status st;
	*ask = (struct fox_bench_ask){.repeats = args.repeats,
	    .batch = args.batch,
	    .arith = (enum fox_arith)args.mode,
	    .kv = fox_kv_types[args.kv]};
	if ((st = fox_bench_list_parse(&ask->prompt, args.prompt, "--prompt", 0, INT32_MAX, err)) ||
	    (st = fox_bench_list_parse(&ask->decode, args.decode, "--tokens", 0, INT32_MAX, err)) ||
	    (st = fox_bench_list_parse(&ask->depth, args.depth, "--depth", 0, INT32_MAX, err)))
		return st;
	if (args.threads)
		st = fox_bench_list_parse(&ask->threads, args.threads, "--threads", 1, 1024, err);
	else
		ask->threads = (struct fox_bench_list){.item = {fox_cpu_count()}, .n = 1};
	if (!st && n_files)
		st = fox_backend_choose(&ask->backend, (enum fox_backend_choice)args.backend, err);
	if (!st && args.kernels != !n_files)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "want files, or '--kernels' and none");
	if (!st && args.filter && !args.kernels)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'--filter' goes with '--kernels'");
	return st;
}

struct progress {
	const char *path;
	size_t done, total;
};

static void told(void *ctx, const struct fox_bench_row *row)
{
	struct progress *p = ctx;
	(void)row;
	fox_log_progress_count(p->path, ++p->done, p->total, "tests");
}

/* The first line of what --version says of the machine. */
static const char *cpu_line(void)
{
	static char line[200];
	static const char head[] = "cpu: ";
	const char *text = fox_kernels_describe();
	snprintf(line, sizeof line, "%s", text + (strncmp(text, head, sizeof head - 1) ? 0 : sizeof head - 1));
	line[strcspn(line, "\n")] = 0;
	return line;
}

static enum fox_status bench_models(
    struct fox_buf *out, const struct fox_bench_ask *ask, char **paths, size_t n, struct fox_err *err)
{
	static struct fox_bench_model models[MOST_FILES];
	size_t done = 0;
	enum fox_status st = FOX_OK;
	for (; done < n && !st; done += !st) {
		struct progress p = {.path = paths[done],
		    .total = (ask->prompt.n + (size_t)ask->decode.n * ask->depth.n) * ask->threads.n};
		st = fox_bench_model_run(&models[done], paths[done], ask, told, &p, err);
		fox_log_progress_end();
	}
	if (!st)
		fox_bench_print_models(out, (enum fox_bench_format)args.format, cpu_line(), models, n);
	for (size_t i = 0; i < done; i++)
		fox_bench_model_free(&models[i]);
	return st;
}

static enum fox_status bench_kernels(struct fox_buf *out, struct fox_err *err)
{
	struct fox_bench_kernel *list;
	size_t n;
	enum fox_status st = fox_bench_kernels_run(&list, &n, fox_kernels(), args.filter, err);
	if (st)
		return st;
	fox_bench_print_kernels(out, (enum fox_bench_format)args.format, cpu_line(), list, n);
	free(list);
	return FOX_OK;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_bench_ask ask;
	struct fox_buf out = {0};
	int first;
	bool done;
	fox_log_init(tool.name);
	fox_signals_init();
	fox_version_extra = fox_kernels_describe;
	fox_version_libraries = fox_tok_versions;
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	fox_log_quiet(args.quiet);
	if (read_args(&ask, argc - first, &err))
		return fox_log_usage(&err);
	enum fox_status st = args.kernels ? bench_kernels(&out, &err)
	                                  : bench_models(&out, &ask, argv + first, (size_t)(argc - first), &err);
	if (!st && out.failed)
		st = fox_fail_nomem(&err);
	if (!st)
		st = fox_stdout_put(fox_buf_view(&out), &err);
	fox_buf_free(&out);
	return st ? fox_log_err(&err) : 0;
}
