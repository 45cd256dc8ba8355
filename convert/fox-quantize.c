/* fox-quantize.c - options in, report out; the work is quantize.c's. */
#include <stdlib.h>
#include <unistd.h>

#include "convert/mixture_opts.h"
#include "convert/quantize.h"
#include "format/base/io.h"
#include "format/base/log.h"
#include "kernels/kernels.h"
#include "kernels/ncpu.h"
#include "runtime/imatrix_run.h"

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

/* ---- --calibrate: the runtime's part */

struct calibration {
	const char *text; /* path; NULL: none */
	const char *save; /* path for the importance matrix; NULL: a folder of ours, removed afterwards */
	uint32_t n_ctx, chunks;
	int backend;    /* enum fox_backend_choice */
	uint64_t bytes; /* that it takes: most of it stays until the end */
	struct fox_calib sums;
	struct fox_imatrix *imatrix;
	struct fox_model *model; /* owns the names in sums */
};

static enum fox_status show_chunks(void *ctx, uint32_t chunk, uint32_t n_chunks, struct fox_err *err)
{
	(void)ctx;
	fox_log_progress("calibrating", chunk, n_chunks);
	return fox_cancelled(err);
}

/* An importance matrix is used by way of its file, so that what is recorded of it is the same as with --imatrix. */
static enum fox_status take_imatrix(struct calibration *c, bool replace, struct fox_err *err)
{
	const char *base = getenv("TMPDIR"), *slash = strrchr(c->text, '/');
	struct fox_buf dir = {0}, path = {0};
	enum fox_status s = FOX_OK;
	if (c->save) {
		fox_buf_str(&path, c->save);
	} else {
		fox_buf_fmt(&dir, "%s/fox-imatrix-XXXXXX", base ? base : "/tmp");
		if (dir.failed || !mkdtemp(dir.p))
			s = fox_fail(
			    err, FOX_E_IO, FOX_NOWHERE, "no temporary folder can be made in '%s'", base ? base : "/tmp");
		else
			fox_buf_fmt(&path, "%s/imatrix.gguf", dir.p);
	}
	if (!s && path.failed)
		s = fox_fail_nomem(err);
	if (!s)
		s = fox_calib_write(&c->sums, path.p, replace, fox_str_of(slash ? slash + 1 : c->text), err);
	if (!s)
		s = fox_imatrix_open(&c->imatrix, path.p, err);
	if (!c->save && path.n) {
		unlink(path.p);
		rmdir(dir.p);
	}
	fox_buf_free(&dir);
	fox_buf_free(&path);
	return s;
}

/* Before hours of work end in the kernel's choosing a victim. */
static enum fox_status check_memory(uint64_t need, struct fox_err *err)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	uint64_t have = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
	if (need <= have / 4 * 3)
		return FOX_OK;
	return fox_fail(err, FOX_E_NOMEM, FOX_NOWHERE,
	    "'--search calibrated' takes %llu MiB for this model, this machine has %llu",
	    (unsigned long long)(need >> 20), (unsigned long long)(have >> 20));
}

/* A dry run only finds out what it takes. */
static enum fox_status calibrate(struct calibration *c, struct fox_quantize_options *o, struct fox_err *err)
{
	bool gram = o->types.search == FOX_MIXTURE_CALIBRATED;
	struct fox_map_file text = {0};
	struct fox_pool *pool = fox_pool_open(o->threads ? o->threads : fox_cpu_count());
	struct fox_calib_options how = {.n_ctx = c->n_ctx,
	    .chunks = c->chunks,
	    .gram = gram,
	    .embedding = gram,
	    .output = gram,
	    .pool = pool,
	    .progress = show_chunks};
	enum fox_status s = fox_backend_choose(&how.backend, (enum fox_backend_choice)c->backend, err);
	if (!s)
		s = fox_model_open(&c->model, o->src, err);
	if (!s && how.backend != &fox_cpu_backend) {
		char where[300];
		fox_backend_describe(how.backend, where, sizeof where);
		fox_log_note("calibrating on %s", where);
	}
	if (!s) {
		c->bytes = fox_calib_bytes(c->model, &how) + (gram ? fox_calib_factor_bytes(c->model, &how) : 0);
		s = check_memory(c->bytes, err);
	}
	if (!s)
		s = fox_map_open(&text, c->text, err);
	if (!s && !o->dry_run) {
		s = fox_calibrate(
		    &c->sums, c->model, (struct fox_str){(const char *)text.bytes.p, text.bytes.n}, &how, err);
		fox_in_file(err, c->text);
	}
	fox_map_close(&text);
	fox_log_progress_end();
	if (!s && !o->dry_run)
		s = take_imatrix(c, o->replace, err);
	if (!s && gram && !o->dry_run)
		s = fox_calib_factor(&c->sums, pool, err);
	fox_pool_close(pool);
	o->types.measured = c->imatrix;
	return s;
}

static void forget(struct calibration *c)
{
	fox_imatrix_close(c->imatrix);
	fox_calib_free(&c->sums);
	fox_model_close(c->model);
}

/* ---- the command line */

static enum fox_status check_calibration(
    const struct calibration *c, const struct fox_quantize_options *o, struct fox_err *err)
{
	if (c->text && o->types.imatrix)
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'--calibrate' and '--imatrix' exclude each other");
	if (!c->text && (c->save || c->n_ctx || c->chunks || c->backend != FOX_BACKEND_CPU))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'--%s' goes with '--calibrate'",
		    c->save    ? "save-imatrix"
		    : c->n_ctx ? "context"
		    : c->chunks ? "chunks"
		               : "backend");
	return FOX_OK;
}

/* IN TYPE, or IN with -t; IN alone where only an importance matrix is made. */
static enum fox_status take_arguments(
    struct fox_quantize_options *o, const struct calibration *c, int n, char **args, struct fox_err *err)
{
	if (n > 1 && o->types.types)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "types are given twice: '%s' and '%s'", args[1], o->types.types);
	if (n < 2 && !o->types.types && !(c->text && c->save))
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
	struct calibration cal = {.backend = FOX_BACKEND_CPU};
	static struct fox_mixture_lists lists;
	const struct fox_opt options[] = {
	    {FOX_OPT_STR, 'o', "output", &o.out, "PATH", "file or folder to write to; {type} and {TYPE} expand",
	        NULL, 0, 0},
	    {FOX_OPT_STR, 't', "type", &o.types.types, "TYPE", "types, instead of the second argument", NULL, 0,
	        0},
	    FOX_MIXTURE_ROWS(o.types, lists),
	    {FOX_OPT_STR, 0, "calibrate", &cal.text, "TEXT", "run this text and use the importance it shows",
	        NULL, 0, 0},
	    {FOX_OPT_STR, 0, "save-imatrix", &cal.save, "FILE", "keep what --calibrate found", NULL, 0, 0},
	    {FOX_OPT_U32, 0, "context", &cal.n_ctx, "N", "tokens of a chunk of TEXT (default: 512)", NULL, 2,
	        1u << 20},
	    {FOX_OPT_U32, 0, "chunks", &cal.chunks, "N", "chunks of TEXT at most", NULL, 1, UINT32_MAX},
	    {FOX_OPT_ENUM, 0, "backend", &cal.backend, "NAME",
	        "with --calibrate: where TEXT runs: cpu (default), cuda, auto (a CUDA device if there is one)", fox_backend_names, 0, 0},
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
	if (take_arguments(&o, &cal, argc - first, argv + first, &err) || check_calibration(&cal, &o, &err))
		return fox_log_usage(&err);
	fox_log_quiet(quiet);
	fox_mixture_take(&o.types, &lists);
	o.threads = threads;
	if (cal.text) { /* in a dry run it finds nothing */
		o.types.factor = fox_calib_factor_of;
		o.types.factor_ctx = &cal.sums;
	}
	struct fox_outcome r = {0};
	if (cal.text)
		s = calibrate(&cal, &o, &err);
	if (!s && o.types.types)
		s = fox_quantize(&o, &r, &err);
	r.memory_bytes += cal.bytes;
	fox_log_progress_end();
	if (!s && o.types.types)
		s = fox_outcome_print(&r, o.dry_run, true, &err);
	int code = s ? fox_log_err(&err) : 0;
	fox_outcome_free(&r);
	forget(&cal);
	return code;
}
