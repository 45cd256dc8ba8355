/* ver_ppl.c - a text under the container's model: its perplexity, and how far the predictions are from another container's.
 *
 * Numbers are runtime/ppl's; here are files, limits and words.  spec/verify.md 9 */
#include <math.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "inspect/verify.h"
#include "runtime/ppl.h"

enum { MAX_TEXT = 1 << 30 };

/* The containers' models, and the text cut for them. */
struct pair {
	struct fox_model *model, *base;
	struct fox_gguf *base_file;
	struct fox_chunks chunks;
};

static enum fox_status told(void *ctx, const struct fox_ppl_progress *p, struct fox_err *err)
{
	const struct fox_ver_text *ask = ctx;
	if (ask->progress)
		ask->progress(p->chunk, p->n_chunks);
	return fox_cancelled(err);
}

/* A vocabulary and a model out of one container. */
static enum fox_status open_side(
    struct fox_model **m, struct fox_tokdata *vocab, const struct fox_gguf *g, struct fox_err *err)
{
	enum fox_status s = fox_tokdata_from_gguf(vocab, g, err);
	if (!s)
		s = fox_model_bind(m, g, err);
	fox_in_file(err, fox_gguf_path(g));
	return s;
}

static uint32_t context(const struct pair *p, uint32_t asked)
{
	uint32_t n = FOX_CHUNKS_CONTEXT, m = fox_model_hparams(p->model)->n_ctx;
	n = m < n ? m : n;
	m = p->base ? fox_model_hparams(p->base)->n_ctx : n;
	return asked ? asked : m < n ? m : n;
}

/* The text cut by the container's tokenizer, and by the other's, which must give the same. */
static enum fox_status cut_text(struct pair *p, const struct fox_ver_text *ask,
    const struct fox_tokdata *vocab, const struct fox_tokdata *other, struct fox_err *err)
{
	struct fox_chunks second = {0};
	struct fox_str text = {NULL, 0};
	char *bytes = NULL;
	uint32_t n = context(p, ask->n_ctx);
	enum fox_status s = fox_path_slurp(ask->text, MAX_TEXT, &bytes, &text.n, err);
	text.p = bytes;
	if (!s && (s = fox_chunks_open(&p->chunks, vocab, text, n, ask->n_chunks, err)))
		fox_in_file(err, ask->text);
	if (!s && other) {
		s = fox_chunks_open(&second, other, text, n, ask->n_chunks, err);
		s = s ? s : fox_chunks_same(&p->chunks, &second, err);
		fox_in_file(err, ask->against);
		fox_chunks_close(&second);
	}
	free(bytes);
	return s;
}

static enum fox_status open_pair(
    struct pair *p, const struct fox_verify *v, const struct fox_ver_text *ask, struct fox_err *err)
{
	struct fox_tokdata vocab = {0}, other = {0};
	enum fox_status s = open_side(&p->model, &vocab, v->g, err);
	if (!s && ask->against)
		s = fox_gguf_open_set(&p->base_file, ask->against, err);
	if (!s && ask->against)
		s = open_side(&p->base, &other, p->base_file, err);
	if (!s && ask->against && (s = fox_chunks_same_vocab(&vocab, &other, err)))
		fox_in_file(err, ask->against);
	if (!s)
		s = cut_text(p, ask, &vocab, ask->against ? &other : NULL, err);
	fox_tokdata_free(&vocab);
	fox_tokdata_free(&other);
	return s;
}

static void close_pair(struct pair *p)
{
	fox_chunks_close(&p->chunks);
	fox_model_close(p->base);
	fox_model_close(p->model);
	fox_gguf_close(p->base_file);
}

/* ---- the report */

void fox_ver_say_backend(struct fox_verify *v)
{
	char where[300];
	fox_backend_describe(v->backend, where, sizeof where);
	fox_report_field(v->report, "backend", v->backend == &fox_cuda_backend ? "ran on" : NULL, fox_cell_copy(v->report, fox_str_of(where)));
}

static void field(struct fox_report *r, const char *key, const char *error_key, const char *label,
    double value, double error)
{
	fox_report_field(r, key, NULL, fox_cell_f64(value));
	fox_report_field(r, error_key, NULL, fox_cell_f64(error));
	fox_report_field(r, NULL, label, fox_cell_fmt(r, "%.6g +- %.2g", value, error));
}

static void section(struct fox_verify *v, const struct pair *p, const struct fox_ppl *ppl)
{
	struct fox_report *r = v->report;
	fox_report_section(r, "text", v->arith == FOX_ARITH_FAST
	                                  ? "Text (fast arithmetic, f32 KV cache; +- one standard error)"
	                                  : "Text (exact arithmetic, f32 KV cache; +- one standard error)");
	fox_report_field(r, "arithmetic", NULL, fox_cell_cstr(fox_arith_names[v->arith]));
	fox_ver_say_backend(v);
	fox_report_field(r, "tokens", "tokens of the text", fox_cell_u64(p->chunks.n_ids));
	fox_report_field(r, "context", "tokens of a chunk", fox_cell_u64(ppl->n_ctx));
	fox_report_field(r, "chunks", "chunks", fox_cell_u64(ppl->n_chunks));
	fox_report_field(r, "scored", "tokens scored", fox_cell_u64(ppl->n));
	field(r, "ppl", "ppl_error", "perplexity", ppl->ppl.value, ppl->ppl.error);
}

static void section_pair(struct fox_verify *v, const struct pair *p, const struct fox_ppl_pair *f)
{
	struct fox_report *r = v->report;
	section(v, p, &f->model);
	field(r, "base_ppl", "base_ppl_error", "perplexity of --against", f->base.ppl.value, f->base.ppl.error);
	field(r, "ln_ppl_ratio", "ln_ppl_ratio_error", "ln of their ratio", f->ln_ratio.value, f->ln_ratio.error);
	field(r, "ppl_ratio", "ppl_ratio_error", "ratio", f->ratio.value, f->ratio.error);
	fox_report_field(r, "correlation", "correlation of ln p", fox_cell_f64(f->correlation));
	field(r, "kld", "kld_error", "mean KL divergence", f->kld.value, f->kld.error);
	fox_report_field(r, "kld_median", "  median", fox_cell_f64(f->kld_median));
	fox_report_field(r, "kld_90", "  90%", fox_cell_f64(f->kld_90));
	fox_report_field(r, "kld_99", "  99%", fox_cell_f64(f->kld_99));
	fox_report_field(r, "kld_99_9", "  99.9%", fox_cell_f64(f->kld_999));
	fox_report_field(r, "kld_max", "  largest", fox_cell_f64(f->kld_max));
	field(r, "delta_p", "delta_p_error", "mean change of p", f->delta_p.value, f->delta_p.error);
	field(r, "delta_p_rms", "delta_p_rms_error", "its root mean square", f->delta_p_rms.value,
	    f->delta_p_rms.error);
	fox_report_field(r, "delta_p_max", "its largest", fox_cell_f64(f->delta_p_max));
	field(r, "same_top", "same_top_error", "same most likely token", f->same_top.value, f->same_top.error);
}

/* ---- verdicts */

static void judge_ppl(struct fox_verify *v, const struct fox_ppl *p, const char *where)
{
	if (isfinite(p->ppl.value))
		fox_find_add(&v->found, FOX_NOTE, "text.ppl", where, "perplexity %.6g +- %.2g over %llu tokens",
		    p->ppl.value, p->ppl.error, (unsigned long long)p->n);
	else
		fox_find_add(&v->found, FOX_FAIL, "text.ppl", where, "perplexity is %g over %llu tokens",
		    p->ppl.value, (unsigned long long)p->n);
}

/* A figure without a limit is told; one that is no number is above every limit. */
static void judge_limit(
    struct fox_verify *v, const char *check, const char *what, const struct fox_ppl_mean *m, double limit)
{
	if (isnan(limit))
		fox_find_add(&v->found, isfinite(m->value) ? FOX_NOTE : FOX_FAIL, check, "", "%s %.6g +- %.2g", what,
		    m->value, m->error);
	else
		fox_find_add(&v->found, m->value <= limit ? FOX_PASS : FOX_FAIL, check, "",
		    "%s %.6g +- %.2g, limit %.6g", what, m->value, m->error, limit);
}

/* Positions past those that training saw are predicted badly by most models, whatever their weights. */
static void judge_context(struct fox_verify *v, const struct pair *p)
{
	uint32_t trained = fox_model_hparams(p->model)->n_ctx;
	if (p->chunks.n_ctx > trained)
		fox_find_add(&v->found, FOX_NOTE, "text.context", "",
		    "chunks have %u tokens, the model was trained on %u", p->chunks.n_ctx, trained);
}

enum fox_status fox_ver_ppl(struct fox_verify *v, const struct fox_ver_text *ask, struct fox_err *err)
{
	struct pair p = {0};
	struct fox_ppl one;
	struct fox_ppl_pair two;
	struct fox_ppl_options o = {.arith = v->arith,
	    .pool = v->pool,
	    .backend = v->backend,
	    .progress = told,
	    .progress_ctx = (void *)ask};
	enum fox_status s = open_pair(&p, v, ask, err);
	if (!s && ask->against)
		s = fox_ppl_compare(&two, p.model, p.base, &p.chunks, &o, err);
	else if (!s)
		s = fox_ppl_run(&one, p.model, &p.chunks, &o, err);
	if (!s) {
		judge_context(v, &p);
		judge_ppl(v, ask->against ? &two.model : &one, "");
		if (ask->against) {
			section_pair(v, &p, &two);
			judge_ppl(v, &two.base, ask->against);
			judge_limit(v, "text.ratio", "ratio of perplexities", &two.ratio, ask->max_ratio);
			judge_limit(v, "text.kld", "mean KL divergence", &two.kld, ask->max_kld);
		} else {
			section(v, &p, &one);
		}
	}
	close_pair(&p);
	return s;
}
