/* fox-convert.c - options in, summary out; the work is convert.c's. */
#include <stdio.h>

#include "convert/convert.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "kernels/kernels.h"

static const char *const type_names[] = {"auto", "f32", "f16", "bf16", "q8_0", NULL};
static const enum fox_type types[] = {FOX_F32, FOX_F32, FOX_F16, FOX_BF16, FOX_Q8_0};

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

/* 1665271808 -> "1,665,271,808". */
static const char *grouped(char out[32], uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v), k = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	out[k] = 0;
	return out;
}

static void print_number(const char *what, uint64_t v)
{
	char text[32];
	printf("%-12s%s\n", what, grouped(text, v));
}

static int print_result(const struct fox_convert_result *r, bool dry)
{
	struct fox_buf path = {0};
	fox_buf_escaped(&path, fox_buf_view(&r->path), SIZE_MAX);
	if (dry)
		printf("%s\n", r->plan.p ? r->plan.p : "");
	printf("%-12s%s\n", "output", path.p ? path.p : "");
	printf("%-12s%s\n", "type", fox_type_info(r->type)->name);
	print_number("tensors", r->n_tensors);
	print_number("parameters", r->n_params);
	print_number("bytes", r->bytes);
	if (dry) {
		print_number("to read", r->src_bytes);
		print_number("memory", r->memory_bytes);
		if (r->disk_free != UINT64_MAX)
			print_number("disk free", r->disk_free);
		if (r->disk_free < r->bytes)
			fox_log_note("the output's file system has not enough space");
	} else {
		char root[FOX_HASH128_HEX + 1];
		fox_hex(root, r->root.b, sizeof r->root.b);
		printf("%-12s%s\n", "root hash", root);
	}
	fox_buf_free(&path);
	struct fox_err err = {0};
	return fox_stdout_flush(&err) ? fox_log_err(&err) : 0;
}

int main(int argc, char **argv)
{
	int type = 0, first;
	uint32_t threads = 0;
	bool quiet = false, no_hash = false, done;
	struct fox_convert_options o = {.note = say, .progress = show_progress};
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "PATH", "file or folder to write to; {type} and {TYPE} expand",
	        NULL, 0, 0},
	    {FOX_OPT_ENUM, 't', "type", &type, "TYPE", "type of the matrices", type_names, 0, 0},
	    {FOX_OPT_STR, 0, "name", &o.name, "NAME", "the model's name (general.name)", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "tokenizer", &o.tokenizer, "PATH",
	        "take the tokenizer from this folder, repository id or file", NULL, 0, 0},
	    {FOX_OPT_STR, 0, "pre", &o.pre, "NAME", "llama.cpp's name for the pre-tokenizer", NULL, 0, 0},
	    {FOX_OPT_FLAG, 0, "no-llama-pre", &o.no_pre, NULL,
	        "accept a pre-tokenizer that llama.cpp has no name for", NULL, 0, 0},
	    {FOX_OPT_U32, 'j', "threads", &threads, "N", "threads (default: one per CPU)", NULL, 1,
	        FOX_PIPELINE_MAX_THREADS},
	    {FOX_OPT_FLAG, 'f', "force", &o.replace, NULL, "replace an existing output", NULL, 0, 0},
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
	    .summary = "turn a Hugging Face checkpoint into one GGUF file",
	    .usage = "fox-convert SRC [-o PATH] [-t TYPE] [options]",
	    .notes =
	        "SRC is a checkpoint folder, a .safetensors file in one, or a repository id (org/name) that the\n"
	        "local Hugging Face cache holds. auto is the narrowest type that holds every value exactly.\n"
	        "Norms and other vectors are always f32. Without -o the file is called NAME-SIZE-TYPE.gguf.\n"
	        "\n"
	        "Example: fox-convert Fox-1-1.6B --name 'Fox 1 1.6B' -o 'fox-1-{type}.gguf'",
	    .options = options,
	    .min_args = 1,
	    .max_args = 1,
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
	fox_log_quiet(quiet);
	o.src = argv[first];
	o.auto_type = type == 0;
	o.type = types[type];
	o.threads = threads;
	o.hash_sources = !no_hash;
	struct fox_convert_result r = {0};
	s = fox_convert(&o, &r, &err);
	fox_log_progress_end();
	int code = s ? fox_log_err(&err) : print_result(&r, o.dry_run);
	fox_convert_free(&r);
	return code;
}
