/* verdict.c - losses counted by the pipeline, tensor by tensor, and the one line that refuses them all. */
#include "convert/verdict.h"

#include <stdio.h>

static void add_count(struct fox_buf *b, uint64_t n, const char *what)
{
	if (n)
		fox_buf_fmt(b, "%s%llu %s", b->n ? ", " : "", (unsigned long long)n, what);
}

/* Counts that are not allowed, as text; empty when all is well. */
static void describe(const struct fox_verdict_rules *rules, enum fox_type type,
    const struct fox_cast_report *r, bool forbidden_only, struct fox_buf *b)
{
	bool ends = !forbidden_only || !rules->allow_lossy, odd = !forbidden_only || !rules->allow_nonfinite;
	bool zero = ends && (!forbidden_only || type == FOX_F16);
	add_count(b, odd ? r->n_nan : 0, "NaN");
	add_count(b, odd ? r->n_inf : 0, "Inf");
	add_count(b, ends ? r->n_overflow : 0, "too large");
	add_count(b, zero ? r->n_underflow : 0, "too small");
}

/* What all tensors together have that is refused. */
struct verdict {
	struct fox_buf list; /* as many tensors as the error's text holds */
	size_t bad, shown;
	bool nonfinite, lossy;
};

/* What all verdicts of one target are about. */
struct court {
	const struct fox_job *job;
	const struct fox_target *target;
	const struct fox_verdict_rules *rules;
};

static void look_at(const struct court *c, size_t i, const struct fox_cast_report *r, struct verdict *v)
{
	const struct fox_step *step = &c->job->steps[i];
	enum fox_type type = c->target->types[step->out];
	struct fox_buf text = {0};
	describe(c->rules, type, r, true, &text);
	if (text.n) {
		bool odd = !c->rules->allow_nonfinite && r->n_nan + r->n_inf;
		v->nonfinite |= odd;
		v->lossy |= !c->rules->allow_lossy && r->n_overflow + (type == FOX_F16 ? r->n_underflow : 0);
		v->bad++;
		if (v->list.n + text.n + step->src.name.n < 480) {
			fox_buf_fmt(&v->list, "%s'%.*s': %s", v->list.n ? "; " : "", FOX_STR_ARG(step->src.name), text.p);
			v->shown++;
		}
	}
	v->list.failed |= text.failed;
	fox_buf_free(&text);
}

static enum fox_status refuse(const struct court *c, const struct verdict *v, struct fox_err *err)
{
	char more[40] = "", what[96];
	if (v->bad > v->shown)
		snprintf(more, sizeof more, "%s%zu more", v->shown ? "; and " : "", v->bad - v->shown);
	snprintf(what, sizeof what, "%s%s%s%s", v->nonfinite ? "NaN or Inf" : "",
	    v->nonfinite && v->lossy ? ", or " : "", v->lossy ? "values out of range of " : "",
	    v->lossy ? c->target->name : "");
	return fox_fail(err, FOX_E_MISMATCH, FOX_NOWHERE, "%s in %zu %s: %s%s (%s%s%s converts all the same)",
	    what, v->bad, v->bad == 1 ? "tensor" : "tensors", v->list.p ? v->list.p : "", more,
	    v->lossy ? "--allow-lossy" : "", v->nonfinite && v->lossy ? " " : "",
	    v->nonfinite ? "--allow-nonfinite" : "");
}

enum fox_status fox_verdict(const struct fox_job *job, size_t target, const struct fox_tally *tally,
    const struct fox_verdict_rules *rules, struct fox_err *err)
{
	const struct court c = {job, &job->targets[target], rules};
	struct fox_buf text = {0};
	struct fox_cast_report sum = {0};
	struct verdict v = {0};
	enum fox_status s = FOX_OK;
	for (size_t i = 0; i < job->n_out; i++) {
		const struct fox_cast_report *loss = &tally[i].loss;
		sum.n_nan += loss->n_nan, sum.n_inf += loss->n_inf;
		sum.n_overflow += loss->n_overflow, sum.n_underflow += loss->n_underflow;
		look_at(&c, i, loss, &v);
	}
	for (size_t i = 0; v.bad > v.shown && i < job->n_out; i++) {
		fox_buf_clear(&text);
		describe(rules, c.target->types[job->steps[i].out], &tally[i].loss, true, &text);
		if (text.n)
			fox_note(rules->note, rules->note_ctx, "tensor '%.*s': %s", FOX_STR_ARG(job->steps[i].src.name),
			    text.p);
	}
	if (v.list.failed)
		s = fox_fail_nomem(err);
	else if (v.bad)
		s = refuse(&c, &v, err);
	else {
		fox_buf_clear(&text);
		describe(rules, FOX_F16, &sum, false, &text);
		if (text.n)
			fox_note(rules->note, rules->note_ctx, "not finite, or out of range of %s: %s", c.target->name,
			    text.p);
	}
	fox_buf_free(&v.list);
	fox_buf_free(&text);
	return s;
}
