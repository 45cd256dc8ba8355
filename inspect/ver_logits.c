/* ver_logits.c - run the reference's ids and compare what comes out: logits at every position, hidden states
 * after every layer.
 *
 * Sums are in double and in a fixed order, so figures repeat to the last digit.  spec/verify.md 4 and 5 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "format/base/io.h"
#include "format/profile.h"
#include "inspect/reference.h"
#include "inspect/ver_disturb.h"
#include "inspect/verify.h"
#include "runtime/session.h"

enum { STEP = 64 };            /* positions at once, where their logits fit */
#define STEP_BYTES (32u << 20) /* memory for those, of one run */

/* What a container's types let one expect. Floats, worst tensor first; limits: spec/verify.md 5 says how each was measured. */
static const struct kind {
	const char *name;
	double nmse, layer; /* of logits; of the hidden states after a layer */
} kinds[] = {
    {"exact", 1e-12, 1e-12},          /* every tensor holds the source's values */
    {"narrowed to f16", 1e-7, 2e-7},  /* 11 bits */
    {"narrowed to bf16", 1e-5, 2e-5}, /* 8 bits */
};

/* What a CUDA device may be off by beside that: products of bf16 parts, sums in another order. spec/cuda.md 4 */
#define CUDA_NMSE 1e-8
enum { EXACT, TO_F16, TO_BF16 };

/* Quantized tensors are allowed so many times what noise of their types' size does to this model; at 1 nothing is left. */
#define QUANTIZED_MARGIN 4.0
#define QUANTIZED_MOST 0.5

struct expected {
	const struct kind *floats;
	enum fox_type worst; /* the quantized type that costs most; FOX_F32: none */
};

struct sums {
	double error2, max_abs; /* sum of (x - ref)^2; largest |x - ref| */
	double spread;          /* sum of (ref - mean ref)^2 */
};

static void add(struct sums *s, const float *x, const float *ref, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		double e = (double)x[i] - (double)ref[i];
		s->error2 += e * e;
		s->max_abs = !(fabs(e) <= s->max_abs) ? fabs(e) : s->max_abs; /* NaN stays */
	}
}

/* In two passes: one would lose a small spread around a large mean. */
static double spread(const float *ref, uint64_t n)
{
	double sum = 0, square = 0;
	for (uint64_t i = 0; i < n; i++)
		sum += (double)ref[i];
	double mean = sum / (double)n;
	for (uint64_t i = 0; i < n; i++)
		square += ((double)ref[i] - mean) * ((double)ref[i] - mean);
	return square;
}

/* sum (x - ref)^2 / sum (ref - mean ref)^2; Inf when the reference is constant and x is not it, or x is not finite. */
static double nmse(const struct sums *s)
{
	if (!isfinite(s->error2))
		return INFINITY;
	return s->error2 == 0 ? 0 : s->spread > 0 ? s->error2 / s->spread : INFINITY;
}

/* Kullback-Leibler divergence of softmax(x) from softmax(ref), in nats. */
static double divergence(const float *x, const float *ref, uint64_t n)
{
	double mx = -INFINITY, mr = -INFINITY, sx = 0, sr = 0, kl = 0;
	for (uint64_t i = 0; i < n; i++) {
		mx = (double)x[i] > mx ? (double)x[i] : mx;
		mr = (double)ref[i] > mr ? (double)ref[i] : mr;
	}
	for (uint64_t i = 0; i < n; i++) {
		sx += exp((double)x[i] - mx);
		sr += exp((double)ref[i] - mr);
	}
	double lx = mx + log(sx), lr = mr + log(sr);
	for (uint64_t i = 0; i < n; i++) {
		double log_ref = (double)ref[i] - lr;
		kl += exp(log_ref) * (log_ref - ((double)x[i] - lx));
	}
	return kl > 0 ? kl : isnan(kl) ? INFINITY : 0; /* rounding can give a small negative sum */
}

static uint64_t top(const float *x, uint64_t n)
{
	uint64_t best = 0;
	for (uint64_t i = 1; i < n; i++)
		best = x[i] > x[best] ? i : best;
	return best;
}

/* One way of running the ids: logits, and hidden states where the reference has them. */
struct side {
	struct fox_session *session;
	struct fox_session_taps taps;
};

struct run {
	const struct fox_reference *ref;
	size_t step; /* positions at once */
	struct sums logits, *layers; /* against the reference; layers: [n_layers], NULL without hidden states */
	struct sums noise, *noise_layers; /* likewise of a disturbed run against the undisturbed one */
	double kl_sum, kl_max;
	uint64_t same_top, first_other_top;
};

static void compare_step(struct run *r, const float *logits, const float *hidden, uint64_t at, uint64_t n)
{
	const struct fox_reference *ref = r->ref;
	for (uint64_t i = 0; i < n; i++) {
		const float *x = logits + i * ref->n_vocab, *want = ref->logits + (at + i) * ref->n_vocab;
		double kl = divergence(x, want, ref->n_vocab);
		add(&r->logits, x, want, ref->n_vocab);
		r->kl_sum += kl;
		r->kl_max = kl > r->kl_max ? kl : r->kl_max;
		if (top(x, ref->n_vocab) == top(want, ref->n_vocab))
			r->same_top++;
		else if (r->first_other_top > at + i)
			r->first_other_top = at + i;
	}
	for (uint64_t l = 0; hidden && l < ref->n_layers; l++)
		add(&r->layers[l], hidden + l * n * ref->d_model, ref->hidden + (l * ref->n + at) * ref->d_model,
		    n * ref->d_model);
}

/* The same steps with noise in them. */
static void compare_noise(struct run *r, const struct side *s, const struct side *noisy, uint64_t n)
{
	const struct fox_reference *ref = r->ref;
	uint64_t wide = n * ref->d_model;
	add(&r->noise, noisy->taps.logits, s->taps.logits, n * ref->n_vocab);
	for (uint64_t l = 0; s->taps.hidden && l < ref->n_layers; l++)
		add(&r->noise_layers[l], noisy->taps.hidden + l * wide, s->taps.hidden + l * wide, wide);
}

/* beside: another side of the same model, or NULL. */
static enum fox_status open_side(struct side *s, const struct run *r, const struct fox_verify *v,
    const struct fox_model *m, const struct side *beside, struct fox_err *err)
{
	const struct fox_reference *ref = r->ref;
	struct fox_session_options options = {
	    .n_ctx = (uint32_t)ref->n,
	    .batch = (uint32_t)r->step,
	    .kv = FOX_F32,
	    .arith = v->arith,
	    .pool = v->pool,
	    .backend = v->backend,
	    .share = beside ? beside->session : NULL};
	enum fox_status st = fox_session_open(&s->session, m, &options, err);
	if (st)
		return st;
	s->taps.logits = calloc((size_t)(r->step * ref->n_vocab), sizeof(float));
	s->taps.hidden =
	    ref->hidden ? calloc((size_t)(ref->n_layers * r->step * ref->d_model), sizeof(float)) : NULL;
	if (!s->taps.logits || (ref->hidden && !s->taps.hidden))
		return fox_fail_nomem(err);
	return FOX_OK;
}

static void close_side(struct side *s)
{
	free(s->taps.logits);
	free(s->taps.hidden);
	fox_session_close(s->session);
}

static enum fox_status run_steps(struct run *r, struct side *s, struct side *noisy, struct fox_err *err)
{
	const struct fox_reference *ref = r->ref;
	enum fox_status st = FOX_OK;
	for (uint64_t at = 0; at < ref->n && !st; at += r->step) {
		size_t n = ref->n - at < r->step ? (size_t)(ref->n - at) : r->step;
		st = fox_session_step(s->session, ref->ids + at, n, &s->taps, err);
		if (!st)
			compare_step(r, s->taps.logits, s->taps.hidden, at, n);
		if (!st && noisy && !(st = fox_session_step(noisy->session, ref->ids + at, n, &noisy->taps, err)))
			compare_noise(r, s, noisy, n);
		if (!st)
			st = fox_cancelled(err);
	}
	return st;
}

/* disturbed: a second run measures what noise does to the model. */
static enum fox_status run_model(
    struct fox_verify *v, const struct fox_model *m, struct run *r, bool disturbed, struct fox_err *err)
{
	const struct fox_reference *ref = r->ref;
	struct side s = {0}, noisy = {0};
	struct fox_ver_disturb *disturb = NULL;
	r->logits.spread = r->noise.spread = spread(ref->logits, ref->n * ref->n_vocab);
	for (uint64_t l = 0; l < ref->n_layers; l++)
		r->layers[l].spread = r->noise_layers[l].spread =
		    spread(ref->hidden + l * ref->n * ref->d_model, ref->n * ref->d_model);
	enum fox_status st = open_side(&s, r, v, m, NULL, err);
	if (!st && disturbed && !(st = open_side(&noisy, r, v, m, &s, err)))
		st = fox_ver_disturb_open(&disturb, m, v->arith, v->pool, err);
	noisy.taps.observe = fox_ver_disturb_add;
	noisy.taps.observe_ctx = disturb;
	if (!st)
		st = run_steps(r, &s, disturbed ? &noisy : NULL, err);
	fox_ver_disturb_close(disturb);
	close_side(&noisy);
	close_side(&s);
	return st;
}

/* ---- what may be expected */

/* The type that holds exactly what a source dtype does; f32 for all wider ones. */
static enum fox_type recorded_type(struct fox_str dtype)
{
	return fox_str_is(dtype, "BF16") ? FOX_BF16 : fox_str_is(dtype, "F16") ? FOX_F16 : FOX_F32;
}

/* Widest tolerance that any tensor needs. Without a record 16-bit tensors count as the source's own. */
static struct expected expected_of(const struct fox_gguf *g)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, FOX_KEY_SRC_DTYPES);
	bool known =
	    kv && kv->type == FOX_GGUF_ARR && kv->item == FOX_GGUF_STR && kv->n_items == fox_gguf_tensors(g);
	uint64_t cursor = 0;
	int floats = EXACT;
	struct expected e = {.worst = FOX_F32};
	for (size_t i = 0; i < fox_gguf_tensors(g); i++) {
		enum fox_type t = fox_gguf_tensor(g, i)->type, from = t;
		struct fox_str dtype;
		if (known && fox_gguf_next_str(g, kv, &cursor, &dtype))
			from = recorded_type(dtype);
		else
			known = false;
		int kind = t == from || t == FOX_F32 ? EXACT
		           : t == FOX_F16            ? TO_F16
		           : t == FOX_BF16           ? TO_BF16
		                                     : EXACT;
		floats = kind > floats ? kind : floats;
		e.worst = fox_ver_disturb_cost(t) > fox_ver_disturb_cost(e.worst) ? t : e.worst;
	}
	e.floats = &kinds[floats];
	return e;
}

/* What is allowed where noise does this, and floats may be off by `floats` beside it. */
static double limit_of(const struct sums *noise, double floats)
{
	double limit = QUANTIZED_MARGIN * nmse(noise) + floats;
	return limit < QUANTIZED_MOST ? limit : QUANTIZED_MOST; /* where noise leaves no number, too */
}

/* ---- verdicts */

static bool on_cuda(const struct fox_verify *v)
{
	return v->backend == &fox_cuda_backend;
}

static void judge_logits(struct fox_verify *v, const struct run *r, const struct expected *x, double limit)
{
	bool quantized = x->worst != FOX_F32;
	bool exact = !quantized && x->floats == &kinds[EXACT] && v->arith == FOX_ARITH_EXACT;
	char where[300];
	fox_backend_describe(v->backend, where, sizeof where);
	double e = nmse(&r->logits);
	uint64_t n = r->ref->n;
	fox_find_add(&v->found, e <= limit ? FOX_PASS : FOX_FAIL, "logits.nmse", "",
	    "NMSE %.3g over %llu positions, limit %.3g (%s%s%s%s)", e, (unsigned long long)n, limit,
	    quantized ? fox_type_info(x->worst)->name : x->floats->name,
	    v->arith == FOX_ARITH_FAST ? "; fast arithmetic" : "", on_cuda(v) ? "; on " : "", on_cuda(v) ? where : "");
	if (r->same_top == n)
		fox_find_add(&v->found, FOX_PASS, "logits.top1", "",
		    "the most likely token is the reference's at all %llu positions", (unsigned long long)n);
	else
		fox_find_add(&v->found, exact ? FOX_FAIL : FOX_NOTE, "logits.top1", "",
		    "the most likely token is the reference's at %llu of %llu positions; first other one at position "
		    "%llu",
		    (unsigned long long)r->same_top, (unsigned long long)n, (unsigned long long)r->first_other_top);
}

/* The first layer after which the stream is off; later ones only carry its error on. */
static void judge_layers(
    struct fox_verify *v, const struct run *r, const struct expected *x, const struct fox_ver_limits *limits)
{
	double most = 0;
	for (uint64_t l = 0; l < r->ref->n_layers; l++) {
		double e = nmse(&r->layers[l]), limit = x->floats->layer;
		char where[32];
		limit += on_cuda(v) ? CUDA_NMSE : 0;
		limit = limits->given                        ? limits->nmse
		        : x->worst != FOX_F32 || v->arith ? limit_of(&r->noise_layers[l], limit)
		                                          : limit;
		most = limit > most ? limit : most;
		if (e <= limit)
			continue;
		snprintf(where, sizeof where, "layer %llu", (unsigned long long)l);
		fox_find_add(&v->found, FOX_FAIL, "logits.layer", where,
		    "is the first to diverge: NMSE %.3g of its hidden states, limit %.3g", e, limit);
		return;
	}
	if (r->ref->n_layers)
		fox_find_add(&v->found, FOX_PASS, "logits.layer", "",
		    "hidden states of all %llu layers are within %.3g", (unsigned long long)r->ref->n_layers, most);
}

static void report_figures(struct fox_verify *v, const struct run *r, double limit)
{
	static const struct fox_column columns[] = {
	    {"layer", "layer", true, false}, {"nmse", "NMSE of hidden states", true, false}};
	fox_report_section(v->report, "logits", v->arith == FOX_ARITH_FAST
	                                            ? "Logits against the reference (fast arithmetic, f32 KV cache)"
	                                            : "Logits against the reference (exact arithmetic, f32 KV cache)");
	fox_report_field(v->report, "arithmetic", NULL, fox_cell_cstr(fox_arith_names[v->arith]));
	fox_ver_say_backend(v);
	fox_report_field(v->report, "positions", "positions", fox_cell_u64(r->ref->n));
	fox_report_field(v->report, "nmse", "NMSE", fox_cell_f64(nmse(&r->logits)));
	fox_report_field(v->report, "nmse_limit", "NMSE limit", fox_cell_f64(limit));
	if (r->noise.error2 > 0)
		fox_report_field(v->report, "nmse_of_noise", "NMSE that noise of the types' size makes",
		    fox_cell_f64(nmse(&r->noise)));
	fox_report_field(v->report, "max_abs_error", "largest error", fox_cell_f64(r->logits.max_abs));
	fox_report_field(v->report, "mean_kl", "mean KL divergence", fox_cell_f64(r->kl_sum / (double)r->ref->n));
	fox_report_field(v->report, "max_kl", "largest KL divergence", fox_cell_f64(r->kl_max));
	fox_report_field(v->report, "top1_agreement", "same most likely token",
	    fox_cell_f64((double)r->same_top / (double)r->ref->n));
	if (!r->ref->n_layers)
		return;
	struct fox_table *t = fox_report_table(v->report, "layers", columns, FOX_COUNT(columns));
	for (uint64_t l = 0; l < r->ref->n_layers; l++) {
		struct fox_cell cells[2] = {fox_cell_u64(l), fox_cell_f64(nmse(&r->layers[l]))};
		fox_report_row(v->report, t, cells);
	}
}

static enum fox_status check_shapes(
    const struct fox_reference *ref, const struct fox_hparams *h, struct fox_err *err)
{
	for (uint64_t i = 0; i < ref->n; i++)
		if ((uint32_t)ref->ids[i] >= h->n_vocab)
			return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
			    "reference has id %d at position %llu, the model %u tokens", ref->ids[i],
			    (unsigned long long)i, h->n_vocab);
	if (ref->n_vocab != h->n_vocab)
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "reference has %llu logits per position, the model %u tokens", (unsigned long long)ref->n_vocab,
		    h->n_vocab);
	if (ref->n_layers && (ref->n_layers != h->n_layers || ref->d_model != h->d_model))
		return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE,
		    "reference has hidden states [%llu][%llu][%llu], the model %u layers of width %u",
		    (unsigned long long)ref->n_layers, (unsigned long long)ref->n, (unsigned long long)ref->d_model,
		    h->n_layers, h->d_model);
	return FOX_OK;
}

enum fox_status fox_ver_logits(
    struct fox_verify *v, const char *path, const struct fox_ver_limits *limits, struct fox_err *err)
{
	struct fox_reference ref;
	struct fox_model *m = NULL;
	struct run r = {.ref = &ref, .first_other_top = UINT64_MAX};
	enum fox_status s = fox_reference_open(&ref, path, err);
	if (s)
		return s;
	if (!(s = fox_model_bind(&m, v->g, err)) && (s = check_shapes(&ref, fox_model_hparams(m), err)))
		fox_in_file(err, path);
	if (!s && ref.n_layers && !(r.layers = calloc(2 * (size_t)ref.n_layers, sizeof *r.layers)))
		s = fox_fail_nomem(err);
	r.noise_layers = r.layers ? r.layers + ref.n_layers : NULL;
	uint64_t fit = ref.n_vocab ? STEP_BYTES / (ref.n_vocab * sizeof(float)) : 1;
	r.step = fit > STEP ? STEP : fit ? (size_t)fit : 1;
	struct expected x = expected_of(v->g);
	bool by_noise = (x.worst != FOX_F32 || v->arith == FOX_ARITH_FAST) && !limits->given;
	if (!s)
		s = run_model(v, m, &r, by_noise, err);
	if (!s) {
		double floats = x.floats->nmse + (on_cuda(v) ? CUDA_NMSE : 0);
		double limit = limits->given ? limits->nmse : by_noise ? limit_of(&r.noise, floats) : floats;
		report_figures(v, &r, limit);
		judge_logits(v, &r, &x, limit);
		judge_layers(v, &r, &x, limits);
	}
	free(r.layers);
	fox_model_close(m);
	fox_reference_close(&ref);
	return s;
}
