/* fox-verify - prove a container: its hashes, its source, its ids, its logits. Parses options, calls one check per
 * proof, prints. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "format/base/io.h"
#include "format/base/log.h"
#include "format/base/opt.h"
#include "inspect/verify.h"
#include "kernels/kernels.h"
#include "kernels/ncpu.h"
#include "runtime/tok.h"

static const char *source, *reference, *tokens, *tokenizer, *text, *against, *manifest;
static struct fox_ver_signed sign;
static uint32_t threads, context, chunks;
static float max_nmse = NAN, max_kld = NAN, max_ratio = NAN; /* not given: an option is never NaN */
static int mode = FOX_ARITH_EXACT, backend = FOX_BACKEND_CPU;
static bool json, quiet;

static const struct fox_opt options[] = {
    {.type = FOX_OPT_STR,
        .short_name = 's',
        .long_name = "source",
        .to = &source,
        .arg = "SRC",
        .help = "prove every tensor and key against this checkpoint"},
    {.type = FOX_OPT_STR,
        .long_name = "tokenizer",
        .to = &tokenizer,
        .arg = "PATH",
        .help = "with --source: the folder or file of the tokenizer, as given to fox-convert"},
    {.type = FOX_OPT_STR,
        .short_name = 'r',
        .long_name = "reference",
        .to = &reference,
        .arg = "FILE",
        .help = "run FILE's ids and compare logits (.npz, .safetensors)"},
    {.type = FOX_OPT_STR,
        .long_name = "tokens",
        .to = &tokens,
        .arg = "FILE",
        .help = "run FILE's texts through the tokenizer and compare ids"},
    {.type = FOX_OPT_F32,
        .long_name = "max-nmse",
        .to = &max_nmse,
        .arg = "X",
        .help = "limit of the logits' NMSE, instead of the container's own"},
    {.type = FOX_OPT_STR,
        .long_name = "text",
        .to = &text,
        .arg = "FILE",
        .help = "measure the perplexity of a text"},
    {.type = FOX_OPT_STR,
        .long_name = "against",
        .to = &against,
        .arg = "BASE",
        .help = "with --text: how far predictions are from this container's"},
    {.type = FOX_OPT_U32,
        .long_name = "context",
        .to = &context,
        .arg = "N",
        .help = "with --text: tokens of a chunk (default: 512)",
        .min = 4,
        .max = 1 << 20},
    {.type = FOX_OPT_U32,
        .long_name = "chunks",
        .to = &chunks,
        .arg = "N",
        .help = "with --text: chunks at most (default: all)",
        .min = 1,
        .max = UINT32_MAX},
    {.type = FOX_OPT_F32,
        .long_name = "max-kld",
        .to = &max_kld,
        .arg = "X",
        .help = "with --against: limit of the mean KL divergence, nats"},
    {.type = FOX_OPT_F32,
        .long_name = "max-ppl-ratio",
        .to = &max_ratio,
        .arg = "X",
        .help = "with --against: limit of the ratio of perplexities"},
    {.type = FOX_OPT_STR,
        .short_name = 'm',
        .long_name = "manifest",
        .to = &manifest,
        .arg = "FILE",
        .help = "compare hashes of tensors with FILE, written by llama-gguf-hash or fox-inspect hash"},
    {.type = FOX_OPT_STR,
        .short_name = 'k',
        .long_name = "key",
        .to = &sign.key,
        .arg = "KEY",
        .help = "prove by a signed SHA256SUMS: public key, allowed_signers or minisign key; or the key itself"},
    {.type = FOX_OPT_STR,
        .long_name = "sums",
        .to = &sign.sums,
        .arg = "FILE",
        .help = "with --key: the list (default: SHA256SUMS beside FILE)"},
    {.type = FOX_OPT_STR,
        .long_name = "signature",
        .to = &sign.signature,
        .arg = "FILE",
        .help = "with --key: its signature (default: SHA256SUMS.sig or .minisig)"},
    {.type = FOX_OPT_STR,
        .long_name = "signer",
        .to = &sign.signer,
        .arg = "NAME",
        .help = "with --key: who must have signed, by allowed_signers"},
    {.type = FOX_OPT_U32,
        .short_name = 'j',
        .long_name = "threads",
        .to = &threads,
        .arg = "N",
        .help = "threads (default: one per CPU allowed)",
        .max = 1024},
    {.type = FOX_OPT_ENUM,
        .long_name = "mode",
        .to = &mode,
        .arg = "MODE",
        .help = "arithmetic: exact (default), or fast as fox-run's",
        .choices = fox_arith_names},
    {.type = FOX_OPT_ENUM,
        .long_name = "backend",
        .to = &backend,
        .arg = "NAME",
        .help = "where models run: cpu (default), cuda, auto (a CUDA device if there is one)",
        .choices = fox_backend_names},
    {.type = FOX_OPT_FLAG, .long_name = "json", .to = &json, .help = "print JSON"},
    {.type = FOX_OPT_FLAG,
        .short_name = 'q',
        .long_name = "quiet",
        .to = &quiet,
        .help = "print only what fails"},
    {0},
};

static const struct fox_tool tool = {
    .name = "fox-verify",
    .summary = "prove that a container is what was written, what it came from, and what it computes",
    .usage = "fox-verify FILE\nfox-verify FILE --source SRC\nfox-verify FILE --reference OUTPUTS.npz\n"
             "fox-verify FILE --tokens IDS.txt\nfox-verify FILE --text TEXT.txt [--against BASE]\n"
             "fox-verify FILE-or-SHA256SUMS --key KEY",
    .notes = "FILE alone: structure and every hash. It may be the first shard of a set, which is then proven whole.\n"
             "Checks by name and their limits: spec/verify.md.\n"
             "Example: fox-verify fox-1.bf16.gguf --source Fox-1-1.6B --reference fox-1.npz",
    .options = options,
    .min_args = 1,
    .max_args = 1,
};

static void show_progress(uint32_t chunk, uint32_t n_chunks)
{
	fox_log_progress_count("text", chunk, n_chunks, "chunks");
}

/* Everything that can be judged is judged; the first thing that cannot ends it. */
static enum fox_status prove(struct fox_verify *v, struct fox_err *err)
{
	struct fox_ver_limits limits = {.given = !isnan(max_nmse), .nmse = (double)max_nmse};
	enum fox_status s = sign.key ? fox_ver_signature(v, &sign, err) : FOX_OK;
	if (!s && v->g)
		s = fox_ver_integrity(v, err);
	if (!s && manifest)
		s = fox_ver_manifest(v, manifest, err);
	if (!s && source)
		s = fox_ver_source(v, source, tokenizer, err);
	if (!s && tokens)
		s = fox_ver_tokens(v, tokens, err);
	if (!s && reference)
		s = fox_ver_logits(v, reference, &limits, err);
	if (!s && text) {
		struct fox_ver_text ask = {.text = text,
		    .against = against,
		    .n_ctx = context,
		    .n_chunks = chunks,
		    .max_kld = (double)max_kld,
		    .max_ratio = (double)max_ratio,
		    .progress = show_progress};
		s = fox_ver_ppl(v, &ask, err);
		fox_log_progress_end();
	}
	if (!s && v->found.failed)
		s = fox_fail_nomem(err);
	return s;
}

static void keep_failures(struct fox_findings *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].grade == FOX_FAIL)
			f->list[n++] = f->list[i];
	f->n = n;
}

/* Only what fails: a report of its own, so that tables of figures stay out. */
static enum fox_status print_failures(struct fox_verify *v, struct fox_err *err)
{
	struct fox_report brief;
	if (!v->found.n_fail)
		return FOX_OK;
	fox_report_init(&brief, tool.name, "verify");
	keep_failures(&v->found);
	fox_report_findings(&brief, &v->found);
	enum fox_status s = fox_report_print(&brief, stdout, false, fox_log_colour(STDOUT_FILENO), err);
	fox_report_free(&brief);
	return s;
}

static enum fox_status print(struct fox_verify *v, const char *path, bool whole, struct fox_err *err)
{
	bool proven = whole && !v->found.n_fail;
	if (quiet && !json)
		return print_failures(v, err);
	fox_report_root(v->report);
	fox_report_findings(v->report, &v->found);
	fox_report_field(v->report, "proven", NULL, fox_cell_bool(proven));
	fox_report_line(v->report, "%s", proven ? "proven" : "NOT proven");
	fox_report_field(v->report, "file", NULL, fox_cell_cstr(path));
	return fox_report_print(v->report, stdout, json, fox_log_colour(STDOUT_FILENO), err);
}

/* What is disproven stays so when a later check could not judge: its reason goes to stderr, the status is 1. */
static int judge(struct fox_verify *v, const char *path)
{
	struct fox_err why = {0}, err = {0};
	int code = 0;
	if (prove(v, &why)) {
		code = fox_log_err(&why);
		if (!v->found.n_fail || why.code == FOX_E_CANCELLED)
			return code;
	}
	if (print(v, path, !why.code, &err))
		return fox_log_err(&err);
	return v->found.n_fail ? 1 : code;
}

/* Options that make no sense alone, and limits below 0. */
static enum fox_status check_options(struct fox_err *err)
{
	const struct {
		const char *name, *with;
		bool given, has_other;
		float limit; /* NaN: none */
	} rule[] = {
	    {"--max-nmse", NULL, false, false, max_nmse},
	    {"--tokenizer", "--source", tokenizer, source, NAN},
	    {"--against", "--text", against, text, NAN},
	    {"--context", "--text", context, text, NAN},
	    {"--chunks", "--text", chunks, text, NAN},
	    {"--max-kld", "--against", !isnan(max_kld), against, max_kld},
	    {"--max-ppl-ratio", "--against", !isnan(max_ratio), against, max_ratio},
	    {"--sums", "--key", sign.sums, sign.key, NAN},
	    {"--signature", "--key", sign.signature, sign.key, NAN},
	    {"--signer", "--key", sign.signer, sign.key, NAN},
	};
	for (size_t i = 0; i < FOX_COUNT(rule); i++) {
		if (rule[i].limit < 0)
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is %g, want 0 or more", rule[i].name,
			    (double)rule[i].limit);
		if (rule[i].given && !rule[i].has_other)
			return fox_fail(
			    err, FOX_E_ARG, FOX_NOWHERE, "'%s' goes with '%s'", rule[i].name, rule[i].with);
	}
	return FOX_OK;
}

/* The container; or none where the argument is a SHA256SUMS. */
static enum fox_status open_model(struct fox_gguf **g, const char *path, struct fox_err *err)
{
	bool model = true;
	enum fox_status s = sign.key ? fox_gguf_is(&model, path, err) : FOX_OK;
	if (!s && model)
		return fox_gguf_open_set(g, path, err);
	if (!s && (source || reference || tokens || text || manifest || sign.sums))
		s = fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "'%s' is no container, and a list of files is proven by '--key' alone", path);
	return s;
}

int main(int argc, char **argv)
{
	struct fox_err err = {0};
	struct fox_report report;
	struct fox_gguf *g = NULL;
	bool done;
	int first, code;
	fox_log_init(tool.name);
	fox_version_extra = fox_kernels_describe;
	fox_version_libraries = fox_tok_versions;
	fox_signals_init();
	if (fox_opt_parse(&tool, argc, argv, &first, &done, &err))
		return fox_log_usage(&err);
	if (done)
		return 0;
	if (check_options(&err))
		return fox_log_usage(&err);
	const struct fox_backend *runs;
	if (fox_backend_choose(&runs, reference || text ? (enum fox_backend_choice)backend : FOX_BACKEND_CPU, &err))
		return fox_log_err(&err);
	sign.path = argv[first];
	sign.now = (int64_t)time(NULL);
	if (open_model(&g, argv[first], &err))
		return fox_log_err(&err);
	fox_report_init(&report, tool.name, "verify");
	struct fox_verify v = {.g = g,
	    .report = &report,
	    /* ids prove no tensor, and a distance none where nothing limits it */
	    .other_proof = source || reference || manifest || sign.key || !isnan(max_kld) || !isnan(max_ratio),
	    .arith = (enum fox_arith)mode,
	    .backend = runs,
	    .pool = fox_pool_open(threads ? threads : fox_cpu_count())};
	code = judge(&v, argv[first]);
	fox_pool_close(v.pool);
	fox_findings_free(&v.found);
	fox_report_free(&report);
	fox_gguf_close(g);
	return code;
}
