/* ver_rope.c - rotary angles: what config.json's settings say, and whether the container's keys say the same.
 *
 * The settings stand in 'rope_scaling' (transformers 4), in 'rope_parameters' (5), or there for each type of layer. All of
 * them are read here, and every field inside is judged by the kind of scaling: one that the kind does not have may change
 * what the model computes.  spec/verify.md 3.4 and 3.5
 * source: transformers modeling_rope_utils.py; llama.cpp src/llama-context.cpp, ggml-cpu/ops.cpp rope_yarn */
#include <math.h>
#include <stdio.h>

#include "inspect/report.h"
#include "inspect/verify.h"

#define FIELD(f) offsetof(struct fox_hparams, f)

/* What every kind may have. */
#define ANY "rope_type|type|rope_theta|partial_rotary_factor|original_max_position_embeddings|factor"
#define YARN "|attention_factor|beta_fast|beta_slow|mscale|mscale_all_dim|truncate|extrapolation_factor"
#define LONGROPE "|attention_factor|long_factor|short_factor"

static const struct kind {
	const char *name;
	enum fox_rope_scaling kind;
	const char *fields;
} kinds[] = {
    {"default", FOX_SCALE_NONE, ANY}, {"linear", FOX_SCALE_LINEAR, ANY}, {"yarn", FOX_SCALE_YARN, ANY YARN},
    {"llama3", FOX_SCALE_LLAMA3, ANY "|low_freq_factor|high_freq_factor"},
    {"longrope", FOX_SCALE_LONGROPE, ANY LONGROPE},
    {"su", FOX_SCALE_LONGROPE, ANY LONGROPE}, /* what Phi-3 called it first */
};

enum { MAX_PLACES = 3 };

/* Objects that give settings of the angles, and where they stand. */
struct reading {
	struct fox_verify *v;
	struct fox_ver_pair *p;
	struct place {
		const char *path;
		const struct fox_value *object;
	} places[MAX_PLACES];
	size_t n;
};

static void bad(struct fox_verify *v, const char *path, const char *field, const char *text)
{
	char where[128];
	snprintf(where, sizeof where, "%s%s%s", path, *path ? "." : "", field);
	fox_find_add(&v->found, FOX_FAIL, "source.config", where, "%s", text);
}

/* ---- numbers that may stand in several places */

/* A number above 0 that the settings give a name; where several do, they must agree. outer: config.json itself may have
 * it too. */
static double number(const struct reading *r, const char *name, bool outer, double otherwise)
{
	double found = 0, d;
	for (size_t i = 0; i < r->n + outer; i++) {
		struct place at = i < r->n ? r->places[i] : (struct place){"", r->p->config};
		const struct fox_value *v = fox_json_get(at.object, name);
		if (fox_json_is_null(v))
			continue;
		if (!fox_json_f64(v, &d) || !(d > 0) || isinf(d))
			bad(r->v, at.path, name, "is no number above 0");
		else if (found != 0 && d != found)
			bad(r->v, at.path, name, "contradicts the same field elsewhere");
		else
			found = d;
	}
	return found != 0 ? found : otherwise;
}

static double wanted(const struct reading *r, const char *name)
{
	double d = number(r, name, false, 0);
	if (d == 0)
		bad(r->v, r->n ? r->places[0].path : "", name, "is not there, and this kind of scaling needs it");
	return d;
}

/* ---- which kind */

/* 'rope_type', or 'type' as it was called; NULL: what nothing here computes. */
static const struct kind *kind_of(const struct reading *r, const struct place *at)
{
	static const char *const names[] = {"rope_type", "type"};
	const struct kind *found = NULL;
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		const struct fox_value *v = fox_json_get(at->object, names[i]);
		const struct kind *k = NULL;
		struct fox_str text = {"", 0};
		if (fox_json_is_null(v))
			continue;
		fox_json_str(v, &text);
		for (size_t j = 0; j < FOX_COUNT(kinds); j++)
			if (fox_str_is(text, kinds[j].name) &&
			    (!kinds[j].kind || r->p->arch->traits.scalings >> kinds[j].kind & 1))
				k = &kinds[j];
		if (!k)
			fox_find_add(&r->v->found, FOX_FAIL, "source.config", at->path,
			    "'%s' is '%.*s', which architecture '%s' does not compute", names[i], FOX_STR_ARG(text),
			    r->p->arch->name);
		else if (found && found->kind != k->kind)
			bad(r->v, at->path, "type", "contradicts 'rope_type'");
		found = k ? k : &kinds[0];
	}
	return found ? found : &kinds[0];
}

static void check_fields(const struct reading *r, const struct place *at, const char *fields)
{
	struct fox_str name;
	const struct fox_value *v;
	char field[96];
	for (void *it = NULL; fox_json_next(at->object, &it, &name, &v);) {
		snprintf(field, sizeof field, "%.*s", (int)(name.n < 90 ? name.n : 90), name.p);
		if (!fox_json_is_null(v) && !fox_arch_lists(fields, name))
			bad(r->v, at->path, field,
			    "nothing here accounts for this field: it may change what the model computes");
	}
}

static void choose_kind(struct reading *r)
{
	const struct kind *found = NULL;
	for (size_t i = 0; i < r->n; i++) {
		const struct kind *k = kind_of(r, &r->places[i]);
		bool said = !fox_json_is_null(fox_json_get(r->places[i].object, "rope_type")) ||
		            !fox_json_is_null(fox_json_get(r->places[i].object, "type"));
		check_fields(r, &r->places[i], k->fields);
		if (said && found && found->kind != k->kind)
			bad(r->v, r->places[i].path, "rope_type", "contradicts the same field elsewhere");
		found = said ? k : found;
	}
	r->p->rope.kind = found ? found->kind : FOX_SCALE_NONE;
}

/* ---- where settings stand */

static void add_place(struct reading *r, const char *path)
{
	const struct fox_value *v = fox_ver_dig(r->p->config, fox_str_of(path));
	if (v && fox_json_type(v) != FOX_JSON_OBJECT)
		bad(r->v, "", path, "is no object");
	else if (v && r->n < MAX_PLACES)
		r->places[r->n++] = (struct place){path, v};
}

/* Layers with a window rotate by their own base and are never scaled. */
static void check_local(struct reading *r)
{
	struct reading local = {.v = r->v, .p = r->p};
	add_place(&local, "rope_parameters.sliding_attention");
	if (!local.n)
		return;
	const struct kind *k = kind_of(&local, &local.places[0]);
	if (k->kind)
		bad(r->v, local.places[0].path, "rope_type",
		    "scales layers with a window, which nothing here computes");
	check_fields(&local, &local.places[0], kinds[0].fields);
	if (number(&local, "factor", false, 1) != 1 || number(&local, "partial_rotary_factor", false, 1) != 1)
		bad(r->v, "", local.places[0].path, "has a factor that nothing here computes");
}

static void find_places(struct reading *r)
{
	static const char nested[] = "full_attention|sliding_attention";
	const struct fox_value *all = fox_json_get(r->p->config, "rope_parameters");
	bool by_type = !fox_json_is_null(fox_json_get(all, "full_attention")) ||
	               !fox_json_is_null(fox_json_get(all, "sliding_attention"));
	char key[96];
	const struct fox_gguf_kv *kv;
	bool local = fox_ver_row_of(r->v, r->p, FIELD(rope_theta_local), key, &kv) != NULL;
	add_place(r, by_type && local ? "rope_parameters.full_attention" : "rope_parameters");
	add_place(r, "rope_scaling");
	if (by_type && local)
		check_fields(r, &(struct place){"rope_parameters", all}, nested);
	if (local)
		check_local(r);
	else if (!fox_json_is_null(fox_json_get(r->p->config, "rope_local_base_freq")))
		bad(r->v, "", "rope_local_base_freq",
		    "is a base for some layers, which this architecture does not have");
}

/* ---- what the kinds need */

/* transformers multiplies cos and sin by A; readers of a container multiply by 1 + 0.1 ln(factor) and by the key. */
static void read_yarn(struct reading *r, struct fox_ver_rope *o)
{
	double factor = o->factor = wanted(r, "factor");
	double attention = number(r, "attention_factor", false, 0);
	double a = number(r, "mscale", false, 0), b = number(r, "mscale_all_dim", false, 0);
	double grown = factor > 1 ? log(factor) / 10 : 0; /* each as get_mscale() has it */
	bool truncate = true;
	o->beta_fast = number(r, "beta_fast", false, 32);
	o->beta_slow = number(r, "beta_slow", false, 1);
	if (factor == 0)
		return;
	if (attention != 0)
		o->attn_factor = attention / (1 + log(factor) / 10);
	else if (a != 0 && b != 0)
		o->attn_factor = (1 + a * grown) / (1 + b * grown) / (1 + log(factor) / 10);
	else
		o->attn_factor = (1 + grown) / (1 + log(factor) / 10);
	for (size_t i = 0; i < r->n; i++) {
		const struct fox_value *v = fox_json_get(r->places[i].object, "truncate");
		if (!fox_json_is_null(v) && (!fox_json_bool(v, &truncate) || !truncate))
			bad(r->v, r->places[i].path, "truncate",
			    "is not true: nothing here computes a ramp with broken ends");
	}
	if (number(r, "extrapolation_factor", false, 1) != 1)
		bad(r->v, r->places[0].path, "extrapolation_factor", "is not 1, which nothing here computes");
}

static const struct fox_value *read_list(struct reading *r, const char *name)
{
	const struct fox_value *found = NULL;
	for (size_t i = 0; i < r->n; i++) {
		const struct fox_value *v = fox_json_get(r->places[i].object, name);
		double d;
		if (fox_json_is_null(v))
			continue;
		bool good = fox_json_type(v) == FOX_JSON_ARRAY && fox_json_size(v) == r->p->rope.dims / 2;
		for (size_t k = 0; good && k < fox_json_size(v); k++)
			good = fox_json_f64(fox_json_at(v, k), &d) && d > 0;
		if (!good)
			bad(r->v, r->places[i].path, name,
			    "is no list of one number above 0 for each pair of rotated dimensions");
		else if (found)
			bad(r->v, r->places[i].path, name, "is there a second time");
		else
			found = v;
	}
	if (!found)
		bad(r->v, r->n ? r->places[0].path : "", name, "is needed by this kind of scaling");
	return found;
}

static void read_longrope(struct reading *r, struct fox_ver_rope *o)
{
	double times = number(r, "factor", false, fox_ver_field(r->p, FIELD(n_ctx), 0) / o->orig);
	double attention = number(r, "attention_factor", false, 0);
	o->long_factor = read_list(r, "long_factor");
	o->short_factor = read_list(r, "short_factor");
	if (attention != 0)
		o->attn_factor = attention;
	else if (times > 1)
		o->attn_factor = sqrt(1 + log(times) / log(o->orig));
}

/* How many dimensions of a head rotate: a share of them, cut to a whole number. */
static void read_dims(struct reading *r, struct fox_ver_rope *o)
{
	const struct fox_traits *t = &r->p->arch->traits;
	double share = number(r, "partial_rotary_factor", true, 0), d;
	const struct fox_value *old = fox_json_get(r->p->config, "rope_pct"); /* its name before */
	if (!fox_json_is_null(old) && (!fox_json_f64(old, &d) || !(d > 0) || (share != 0 && d != share)))
		bad(r->v, "", "rope_pct", "is no number above 0, or contradicts 'partial_rotary_factor'");
	else if (!fox_json_is_null(old))
		share = d;
	if (share == 0)
		share = t->rope_partial_default != 0 ? (double)t->rope_partial_default : 1;
	if (share > 1 || (share < 1 && !t->rope_partial)) {
		bad(r->v, "", "partial_rotary_factor",
		    "leaves part of a head unrotated, which this architecture does not compute");
		share = 1;
	}
	o->dims = (uint64_t)((double)r->p->head_dim * share);
}

void fox_ver_rope_read(struct fox_verify *v, struct fox_ver_pair *p)
{
	struct reading r = {.v = v, .p = p};
	struct fox_ver_rope *o = &p->rope;
	*o = (struct fox_ver_rope){.attn_factor = 1, .beta_fast = 32, .beta_slow = 1};
	if (p->arch->traits.rope == FOX_ROPE_NONE)
		return; /* its fields are unknown to fox_ver_config, then */
	if (!fox_arch_lists(p->arch->ignored, fox_str_of("rope_scaling"))) {
		o->dims = p->head_dim;
		return; /* likewise */
	}
	find_places(&r);
	choose_kind(&r);
	read_dims(&r, o);
	o->orig = number(&r, "original_max_position_embeddings", true, 0);
	bool needs = o->kind == FOX_SCALE_YARN || o->kind == FOX_SCALE_LONGROPE || o->kind == FOX_SCALE_LLAMA3;
	if (needs && o->orig == 0)
		o->orig = fox_ver_field(p, FIELD(n_ctx), 0);
	if (o->kind == FOX_SCALE_LINEAR || o->kind == FOX_SCALE_LLAMA3)
		o->factor = wanted(&r, "factor");
	if (o->kind == FOX_SCALE_LLAMA3) {
		o->low = wanted(&r, "low_freq_factor");
		o->high = wanted(&r, "high_freq_factor");
	}
	if (o->kind == FOX_SCALE_YARN)
		read_yarn(&r, o);
	if (o->kind == FOX_SCALE_LONGROPE)
		read_longrope(&r, o);
	if (o->kind == FOX_SCALE_NONE && number(&r, "factor", false, 1) != 1)
		bad(v, r.places[0].path, "factor", "is not 1, but no kind of scaling is named");
}

/* ---- the container's keys */

/* One number: what a reader takes for it against what config.json makes it. True when the key is there and right. */
static bool compare(
    struct fox_verify *v, const struct fox_ver_pair *p, size_t field, double want, double absent)
{
	const struct fox_gguf_kv *kv;
	char key[96], a[32], b[32];
	double got = absent;
	const struct fox_arch_key *row = fox_ver_row_of(v, p, field, key, &kv);
	if (!row)
		return false;
	if (kv && !fox_ver_item(v->g, kv, 0, &got)) {
		fox_find_add(
		    &v->found, FOX_FAIL, "source.key", key, "is %s, no number", fox_gguf_type_name(kv->type));
		return false;
	}
	if (kv && got == 0)
		got = absent; /* "not set" to every reader */
	bool real = row->type == FOX_K_F32;
	if (real && kv ? fox_ver_is_f32(want, got) : fabs(got - want) <= fabs(want) * 0x1p-40)
		return kv != NULL;
	if (real)
		fox_show_f32(a, (float)got), fox_show_f32(b, (float)want);
	else
		fox_show_f64(a, got), fox_show_f64(b, want);
	fox_find_add(&v->found, FOX_FAIL, "source.key", key, "%s %s, must be %s by config.json's rotary settings",
	    kv ? "is" : "absent, which means", a, b);
	return false;
}

/* The kind shows in a key, or (llama3 always, longrope in some families) in a tensor. */
static bool compare_kind(struct fox_verify *v, const struct fox_ver_pair *p, size_t *good)
{
	const struct fox_gguf_kv *kv = NULL;
	char key[96];
	const struct fox_arch_key *row = fox_ver_row_of(v, p, FIELD(rope.kind), key, &kv);
	if (p->h->rope.kind == p->rope.kind) {
		*good += kv != NULL;
		return true;
	}
	if (!row || p->rope.kind == FOX_SCALE_LLAMA3)
		snprintf(key, sizeof key, "%s",
		    p->rope.kind == FOX_SCALE_LLAMA3 ? "rope_freqs.weight" : "rope_factors_long.weight");
	fox_find_add(&v->found, FOX_FAIL, "source.key", key,
	    "rotary angles are scaled as '%s', must be '%s' by config.json",
	    fox_rope_scaling_name(p->h->rope.kind), fox_rope_scaling_name(p->rope.kind));
	return false;
}

size_t fox_ver_rope(struct fox_verify *v, const struct fox_ver_pair *p)
{
	const struct fox_ver_rope *o = &p->rope;
	size_t good = 0;
	if (p->arch->traits.rope == FOX_ROPE_NONE)
		return 0;
	good += compare(v, p, FIELD(rope_dims), (double)o->dims, (double)p->h->rope_dims);
	if (!compare_kind(v, p, &good))
		return good; /* numbers of another kind say nothing */
	bool divides = o->kind == FOX_SCALE_LINEAR || o->kind == FOX_SCALE_YARN;
	bool starts = o->kind == FOX_SCALE_YARN || o->kind == FOX_SCALE_LONGROPE;
	good += compare(v, p, FIELD(rope.factor), divides ? o->factor : 1, 1);
	/* where the kind has no use for it, a container may leave it out */
	good += compare(v, p, FIELD(rope.orig_ctx), o->orig, starts ? p->h->n_ctx : o->orig);
	good += compare(v, p, FIELD(rope.attn_factor), o->attn_factor, 1);
	good += compare(v, p, FIELD(rope.beta_fast), o->beta_fast, 32);
	good += compare(v, p, FIELD(rope.beta_slow), o->beta_slow, 1);
	return good;
}
