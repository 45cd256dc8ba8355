/* ver_made.c - tensors that no source holds: what rotary frequencies are divided by, worked out of config.json again.
 *
 * Factors that config.json lists must be those numbers in f32. llama3's follow from a formula that converters evaluate in
 * f32; here it is evaluated in double, and how far an f32 evaluation may be off is worked out beside.  spec/verify.md 3.8
 * source: llama.cpp conversion/llama.py generate_extra_tensors; transformers _compute_llama3_parameters */
#include <math.h>

#include "format/base/num.h"
#include "inspect/ver_tensors.h"

#define U 0x1p-24 /* half a step of f32, relative */

/*
 * llama3: frequency i of d/2 is base^(-2i/d), its wavelength 2 pi over that; x = orig / wavelength says how often it turns
 * within the original context. Above `high` turns it is kept, below `low` divided by `factor`, in between 1 / ((1 - s) /
 * factor + s) with s = (x - low) / (high - low).
 *
 * *slack  how far the same in f32 may be off, each operation adding at most U relative. The exponent 2i/d is off by U of
 *         itself, hence the power by U ln(base) 2i/d; power (2 U, that of a good library), reciprocal, 2 pi, quotient,
 *         orig over it: 6 U more. So x is off by e = (ln(base) 2i/d + 6) U of itself, s by x e / (high - low) and, for its
 *         own two operations and their two constants, 4 U s. The result r moves by r^2 (1 - 1/factor) times that, and its
 *         own four operations add 4 U r. Where the kinds of frequency meet the formula is continuous, so that falling on
 *         the other side costs no more.
 */
static double llama3_factor(const struct fox_ver_pair *p, double base, uint64_t i, double *slack)
{
	const struct fox_ver_rope *o = &p->rope;
	double exponent = 2 * (double)i / (double)o->dims;
	double x = o->orig * pow(base, -exponent) / 6.283185307179586;
	double off = (fabs(log(base)) * exponent + 6) * U, width = o->high - o->low;
	double s = width > 0 ? (x - o->low) / width : x > o->high;
	bool outside = !(s >= 0 && s <= 1);
	s = s < 0 ? 0 : s > 1 ? 1 : s;
	double r = 1 / ((1 - s) / o->factor + s);
	*slack = 0;
	if (outside && (x * (1 + off) < o->low || x * (1 - off) > o->high))
		return (double)(float)r; /* nothing is mixed: 1, or the factor itself */
	*slack = r * r * fabs(1 - 1 / o->factor) * (width > 0 ? x * off / width + 4 * U * s : 1) + 5 * U * r;
	return r;
}

static void prove_llama3(const struct fox_ver_pair *p, struct fox_ver_proof *f)
{
	double base = fox_ver_field(p, offsetof(struct fox_hparams, rope_theta), 0), slack;
	for (uint64_t i = 0; i < p->rope.dims / 2; i++) {
		double want = llama3_factor(p, base, i, &slack), got = (double)fox_load_f32(f->t->data.p + 4 * i);
		if (!(fabs(got - want) <= slack))
			fox_ver_wrong(f, 0, i, got, want);
	}
}

static void prove_list(const struct fox_ver_pair *p, const struct fox_value *list, struct fox_ver_proof *f)
{
	double want = 0;
	for (uint64_t i = 0; i < p->rope.dims / 2; i++) {
		float got = fox_load_f32(f->t->data.p + 4 * i);
		fox_json_f64(fox_json_at(list, i), &want); /* fox_ver_rope_read has seen numbers */
		if (got != (float)want)
			fox_ver_wrong(f, 0, i, (double)got, want);
	}
}

void fox_ver_made(struct fox_verify *v, const struct fox_ver_pair *p, const struct fox_slot *slot,
    size_t *proven, uint64_t *elems)
{
	const struct fox_tensor *t = fox_gguf_find(v->g, fox_str_of(slot->name));
	const struct fox_ver_rope *o = &p->rope;
	bool freqs = slot->row->role == FOX_R_ROPE_FREQS;
	const struct fox_value *list = slot->row->role == FOX_R_ROPE_LONG ? o->long_factor : o->short_factor;
	struct fox_ver_proof f = {.t = t};
	if (o->kind != (freqs ? FOX_SCALE_LLAMA3 : FOX_SCALE_LONGROPE)) {
		if (t)
			fox_find_add(&v->found, FOX_FAIL, "source.extra", slot->name,
			    "config.json scales the rotary angles as '%s', which has no such factors",
			    fox_rope_scaling_name(o->kind));
		return;
	}
	if (!t) {
		fox_find_add(&v->found, FOX_FAIL, "source.missing", slot->name,
		    "config.json asks for these factors of the rotary frequencies");
		return;
	}
	if (t->type != FOX_F32 || t->n_elems != o->dims / 2 || t->dim[0] != t->n_elems) {
		fox_find_add(&v->found, FOX_FAIL, t->type != FOX_F32 ? "source.type" : "source.shape", slot->name,
		    "is %s with %llu values, must be f32 with %llu", fox_type_info(t->type)->name,
		    (unsigned long long)t->n_elems, (unsigned long long)(o->dims / 2));
		return;
	}
	if (freqs ? o->factor == 0 || o->low == 0 || o->high == 0 : !list)
		return; /* source.config has said what is missing */
	if (freqs)
		prove_llama3(p, &f);
	else
		prove_list(p, list, &f);
	if (!f.n_wrong) {
		*proven += 1;
		*elems += t->n_elems;
		return;
	}
	fox_find_add(&v->found, FOX_FAIL, "source.tensor", slot->name,
	    "%llu of %llu values are not what config.json makes them; first at %llu: %.9g, not %.9g",
	    (unsigned long long)f.n_wrong, (unsigned long long)t->n_elems, (unsigned long long)f.first_col,
	    f.first_got, f.first_want);
}
