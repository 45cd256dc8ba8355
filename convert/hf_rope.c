/* hf_rope.c - rotary scaling. Everything inside the settings must be known for its kind; nothing is skipped. */
#include "convert/hf_rope.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "convert/hf_value.h"

/* The settings of one kind of layer, and where they stand. */
struct settings {
	const struct fox_value *object; /* NULL: none */
	const char *path;               /* "rope_scaling" */
	const struct fox_value *kind;   /* the value of rope_type or type; NULL: none */
	struct fox_str name;            /* its text; "default" */
};

/* Fields that say nothing but what other files of the converter read. */
static const char anywhere[] = "rope_type|type|rope_theta|partial_rotary_factor|original_max_position_embeddings";

static const struct {
	const char *name;
	enum fox_rope_scaling kind;
	const char *fields; /* '|'-separated, beside those of every kind */
} kinds[] = {
    {"default", FOX_SCALE_NONE, "factor"},
    {"linear", FOX_SCALE_LINEAR, "factor"},
    {"yarn", FOX_SCALE_YARN, "factor|attention_factor|beta_fast|beta_slow|truncate|mscale|mscale_all_dim|extrapolation_factor"},
    {"llama3", FOX_SCALE_LLAMA3, "factor|low_freq_factor|high_freq_factor"},
    {"longrope", FOX_SCALE_LONGROPE, "factor|attention_factor|short_factor|long_factor"},
    {"su", FOX_SCALE_LONGROPE, "factor|attention_factor|short_factor|long_factor"}, /* Phi-3's first name for it */
};

static struct fox_str in(const struct settings *s, const char *field, char buf[128])
{
	snprintf(buf, 128, "%s.%s", s->path, field);
	return fox_str_of(buf);
}

/* A required number above 0. */
static enum fox_status want(const struct settings *s, const char *field, double *out, struct fox_err *err)
{
	char path[128];
	const struct fox_value *v = fox_json_get(s->object, field);
	if (fox_json_is_null(v))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no '%.*s'", FOX_STR_ARG(in(s, field, path)));
	return fox_hf_positive(in(s, field, path), v, out, err);
}

/* One that may be absent: *out stays. */
static enum fox_status may(const struct settings *s, const char *field, double *out, struct fox_err *err)
{
	return fox_json_is_null(fox_json_get(s->object, field)) ? FOX_OK : want(s, field, out, err);
}

/* ---- the kind */

static enum fox_status read_kind(struct settings *s, struct fox_err *err)
{
	static const char *const names[] = {"rope_type", "type"};
	struct fox_str text = {"", 0};
	char path[128];
	s->name = fox_str_of("default");
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		const struct fox_value *v = fox_json_get(s->object, names[i]);
		if (fox_json_is_null(v))
			continue;
		if (!fox_json_str(v, &text))
			return fox_hf_ill_typed(in(s, names[i], path), v, "a string", err);
		if (s->kind && !fox_str_eq(text, s->name))
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.rope_type' is '%.*s', but '%s.type' is '%.*s'",
			    s->path, FOX_STR_ARG(s->name), s->path, FOX_STR_ARG(text));
		s->kind = v;
		s->name = text;
	}
	return FOX_OK;
}

/* The row of `kinds`, refused unless the family knows it. */
static enum fox_status find_kind(
    const struct settings *s, const struct fox_arch *arch, size_t *row, struct fox_err *err)
{
	char handled[128] = "default", path[128];
	size_t n = strlen(handled);
	for (*row = 0; *row < FOX_COUNT(kinds); ++*row)
		if (fox_str_is(s->name, kinds[*row].name) &&
		    (!kinds[*row].kind || arch->traits.scalings >> kinds[*row].kind & 1))
			return FOX_OK;
	for (size_t i = 1; i < FOX_COUNT(kinds) && n < sizeof handled; i++)
		if (arch->traits.scalings >> kinds[i].kind & 1)
			n += (size_t)snprintf(handled + n, sizeof handled - n, ", %s", kinds[i].name);
	const char *field = fox_json_is_null(fox_json_get(s->object, "rope_type")) ? "type" : "rope_type";
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%.*s' is '%.*s', which is not handled (handled: %s)",
	    FOX_STR_ARG(in(s, field, path)), FOX_STR_ARG(s->name), handled);
}

static enum fox_status check_fields(const struct settings *s, size_t row, struct fox_err *err)
{
	struct fox_str name;
	const struct fox_value *v;
	for (void *it = NULL; fox_json_next(s->object, &it, &name, &v);) {
		char value[256];
		if (!fox_arch_lists(anywhere, name) && !fox_arch_lists(kinds[row].fields, name))
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "unknown field '%s.%.*s' (%s) for the kind '%.*s', which may change what the model computes", s->path,
			    FOX_STR_ARG(name), fox_hf_show(value, v), FOX_STR_ARG(s->name));
	}
	return FOX_OK;
}

/* ---- lengths */

/* 'original_max_position_embeddings', inside the settings or beside them; *out stays when nobody says. */
static enum fox_status read_orig(
    uint32_t *out, const struct settings *s, const struct fox_value *root, struct fox_err *err)
{
	static const char name[] = "original_max_position_embeddings";
	const struct fox_value *outer = fox_json_get(root, name), *inner = fox_json_get(s->object, name);
	uint32_t a = 0, b = 0;
	char path[128];
	enum fox_status st = FOX_OK;
	if (!fox_json_is_null(outer))
		st = fox_hf_u32(fox_str_of(name), outer, &a, err);
	if (!st && !fox_json_is_null(inner))
		st = fox_hf_u32(in(s, name, path), inner, &b, err);
	if (!st && a && b && a != b)
		st = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %" PRIu32 ", but '%s.%s' is %" PRIu32, name, a, s->path,
		    name, b);
	if (!st && (a || b))
		*out = a ? a : b;
	return st;
}

/* Dimensions that rotate: a share of the head, under three names that must agree. */
static enum fox_status read_partial(struct fox_hparams *h, const struct fox_arch *arch, const struct settings *s,
    const struct fox_value *root, struct fox_err *err)
{
	char inside[128];
	in(s, "partial_rotary_factor", inside);
	const struct {
		const char *path;
		const struct fox_value *v;
	} names[] = {{"partial_rotary_factor", fox_json_get(root, "partial_rotary_factor")},
	    {"rope_pct", fox_json_get(root, "rope_pct")},
	    {inside, fox_json_get(s->object, "partial_rotary_factor")}};
	double share = 0, one;
	for (size_t i = 0; i < FOX_COUNT(names); i++) {
		if (fox_json_is_null(names[i].v))
			continue;
		enum fox_status st = fox_hf_positive(fox_str_of(names[i].path), names[i].v, &one, err);
		if (!st && (one > 1 || (one != 1 && !arch->traits.rope_partial)))
			st = fox_hf_unhandled(fox_str_of(names[i].path), names[i].v, err);
		if (!st && share != 0 && one != share)
			st = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "the share of a head that is rotated is %g in one place, %g in '%s'", share, one, names[i].path);
		if (st)
			return st;
		share = one;
	}
	if (share == 0)
		share = arch->traits.rope_partial_default != 0 ? (double)arch->traits.rope_partial_default : 1;
	h->rope_dims = (uint32_t)(h->head_dim * share);
	return FOX_OK;
}

/* ---- kinds with numbers */

/* Windowed layers have no share of their own. */
static enum fox_status refuse_partial(const struct settings *s, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(s->object, "partial_rotary_factor");
	char path[128];
	double share;
	if (fox_json_is_null(v) || (fox_json_f64(v, &share) && share == 1))
		return FOX_OK;
	return fox_hf_unhandled(in(s, "partial_rotary_factor", path), v, err);
}

static enum fox_status read_default(const struct settings *s, struct fox_err *err)
{
	double factor = 1;
	char path[128];
	enum fox_status st = may(s, "factor", &factor, err);
	if (!st && factor != 1)
		st = fox_hf_unhandled(in(s, "factor", path), fox_json_get(s->object, "factor"), err);
	return st;
}

/* Fields of yarn that change the ramp or the factor in ways that no container key says. */
static enum fox_status refuse_yarn(const struct settings *s, struct fox_err *err)
{
	static const char *const neutral[] = {"truncate", "mscale", "mscale_all_dim", "extrapolation_factor"};
	char path[128];
	for (size_t i = 0; i < FOX_COUNT(neutral); i++) {
		const struct fox_value *v = fox_json_get(s->object, neutral[i]);
		bool b = false;
		double d = 0;
		bool same = i == 0 ? fox_json_bool(v, &b) && b : i == 3 && fox_json_f64(v, &d) && d == 1;
		if (!fox_json_is_null(v) && !same)
			return fox_hf_unhandled(in(s, neutral[i], path), v, err);
	}
	return FOX_OK;
}

/* The container's factor is times 1 + 0.1 ln(factor), which readers of yarn multiply by anyway. */
static enum fox_status read_yarn(struct fox_hparams *h, const struct settings *s, struct fox_err *err)
{
	double factor = 0, attention = 0, fast = 0, slow = 0;
	enum fox_status st;
	if ((st = refuse_yarn(s, err)) || (st = want(s, "factor", &factor, err)) ||
	    (st = may(s, "attention_factor", &attention, err)) || (st = may(s, "beta_fast", &fast, err)) ||
	    (st = may(s, "beta_slow", &slow, err)))
		return st;
	double usual = factor > 1 ? 1 + 0.1 * log(factor) : 1;
	if (!h->rope.orig_ctx)
		h->rope.orig_ctx = h->n_ctx;
	h->rope.factor = (float)factor;
	h->rope.beta_fast = fast == 32 ? 0 : (float)fast;
	h->rope.beta_slow = slow == 1 ? 0 : (float)slow;
	h->rope.attn_factor = attention == 0 || attention == usual ? 0 : (float)(attention / usual);
	return FOX_OK;
}

static enum fox_status read_llama3(
    struct fox_hf_rope *out, struct fox_hparams *h, const struct settings *s, struct fox_err *err)
{
	enum fox_status st;
	if ((st = want(s, "factor", &out->factor, err)) || (st = want(s, "low_freq_factor", &out->low, err)) ||
	    (st = want(s, "high_freq_factor", &out->high, err)))
		return st;
	if (!h->rope.orig_ctx)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no '%s.original_max_position_embeddings'", s->path);
	out->orig_ctx = h->rope.orig_ctx;
	h->rope.orig_ctx = 0; /* is in the table's numbers, and in no key */
	if (out->high > out->low)
		return FOX_OK;
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%s.high_freq_factor' is %g, want more than low_freq_factor %g",
	    s->path, out->high, out->low);
}

static enum fox_status read_factors(const struct fox_value **out, const struct fox_hparams *h,
    const struct settings *s, const char *field, struct fox_err *err)
{
	char path[128], at[160];
	const struct fox_value *list = fox_json_get(s->object, field);
	double d;
	in(s, field, path);
	if (fox_json_type(list) != FOX_JSON_ARRAY)
		return fox_hf_ill_typed(fox_str_of(path), list, "an array", err);
	if (fox_json_size(list) != h->rope_dims / 2)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'%s' has %zu elements, want one for each of %" PRIu32 " frequencies", path, fox_json_size(list),
		    h->rope_dims / 2);
	for (size_t i = 0; i < fox_json_size(list); i++) {
		snprintf(at, sizeof at, "%s[%zu]", path, i);
		enum fox_status st = fox_hf_positive(fox_str_of(at), fox_json_at(list, i), &d, err);
		if (st)
			return st;
	}
	*out = list;
	return FOX_OK;
}

static enum fox_status read_longrope(
    struct fox_hf_rope *out, struct fox_hparams *h, const struct settings *s, struct fox_err *err)
{
	double factor, attention = 0;
	enum fox_status st;
	if (!h->rope.orig_ctx)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no 'original_max_position_embeddings'");
	factor = (double)h->n_ctx / h->rope.orig_ctx;
	if ((st = may(s, "factor", &factor, err)) || (st = may(s, "attention_factor", &attention, err)) ||
	    (st = read_factors(&out->long_factor, h, s, "long_factor", err)) ||
	    (st = read_factors(&out->short_factor, h, s, "short_factor", err)))
		return st;
	if (attention == 0)
		attention = factor > 1 ? sqrt(1 + log(factor) / log(h->rope.orig_ctx)) : 1;
	if (!isfinite(attention))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "an original context of %" PRIu32 " position gives no attention factor", h->rope.orig_ctx);
	h->rope.attn_factor = (float)attention;
	return FOX_OK;
}

/* ---- the whole */

/* Settings that tell layers apart: only the family with a base of its own for windowed layers has them. */
static enum fox_status split(struct settings *global, struct settings *local, const struct fox_hparams *h,
    const struct fox_value *both, struct fox_err *err)
{
	struct fox_str name;
	const struct fox_value *v;
	global->object = fox_json_get(both, "full_attention");
	local->object = fox_json_get(both, "sliding_attention");
	if (!global->object && !local->object) {
		global->object = both;
		global->path = "rope_parameters";
		return FOX_OK;
	}
	if (h->rope_theta_local == 0)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "'rope_parameters' tells kinds of layers apart, which is not handled for this family");
	for (void *it = NULL; fox_json_next(both, &it, &name, &v);)
		if (!fox_arch_lists("full_attention|sliding_attention", name) || fox_json_type(v) != FOX_JSON_OBJECT)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'rope_parameters.%.*s' stands beside settings for kinds of layers, or is no object", FOX_STR_ARG(name));
	return FOX_OK;
}

static enum fox_status find_settings(struct settings *global, struct settings *local, const struct fox_hparams *h,
    const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *v4 = fox_json_get(root, "rope_scaling"), *v5 = fox_json_get(root, "rope_parameters");
	*global = (struct settings){.path = "rope_scaling"};
	*local = (struct settings){.path = "rope_parameters.sliding_attention"};
	if (!fox_json_is_null(v4) && fox_json_type(v4) != FOX_JSON_OBJECT)
		return fox_hf_ill_typed(fox_str_of("rope_scaling"), v4, "an object or null", err);
	if (!fox_json_is_null(v5) && fox_json_type(v5) != FOX_JSON_OBJECT)
		return fox_hf_ill_typed(fox_str_of("rope_parameters"), v5, "an object or null", err);
	if (!fox_json_is_null(v4) && !fox_json_is_null(v5))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'rope_scaling' and 'rope_parameters' are both there");
	if (!fox_json_is_null(v4)) {
		global->object = v4;
		return FOX_OK;
	}
	global->path = "rope_parameters.full_attention";
	return fox_json_is_null(v5) ? FOX_OK : split(global, local, h, v5, err);
}

enum fox_status fox_hf_rope_read(struct fox_hf_rope *out, struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_value *root, struct fox_err *err)
{
	struct settings global, local;
	size_t row, local_row;
	enum fox_status st;
	*out = (struct fox_hf_rope){0};
	if (arch->traits.rope == FOX_ROPE_NONE)
		return FOX_OK;
	if ((st = find_settings(&global, &local, h, root, err)) || (st = read_kind(&global, err)) ||
	    (st = find_kind(&global, arch, &row, err)) || (st = check_fields(&global, row, err)) ||
	    (st = read_kind(&local, err)) || (st = find_kind(&local, arch, &local_row, err)))
		return st;
	if (kinds[local_row].kind != FOX_SCALE_NONE) /* llama.cpp never scales windowed layers */
		return fox_hf_unhandled(fox_str_of("rope_parameters.sliding_attention.rope_type"), local.kind, err);
	if ((st = check_fields(&local, local_row, err)) || (st = read_default(&local, err)) ||
	    (st = refuse_partial(&local, err)) || (st = read_partial(h, arch, &global, root, err)) || (st = read_orig(&h->rope.orig_ctx, &global, root, err)))
		return st;
	h->rope.kind = kinds[row].kind;
	switch (kinds[row].kind) {
	case FOX_SCALE_NONE:
		if (fox_json_is_null(fox_json_get(root, "original_max_position_embeddings")))
			h->rope.orig_ctx = 0; /* what stands inside unscaled settings is nobody's concern */
		return read_default(&global, err);
	case FOX_SCALE_LINEAR: {
		double factor = 0;
		st = want(&global, "factor", &factor, err);
		h->rope.factor = (float)factor;
		h->rope.orig_ctx = 0; /* counts for nothing, and llama.cpp's converter does not write it */
		return st;
	}
	case FOX_SCALE_YARN:
		return read_yarn(h, &global, err);
	case FOX_SCALE_LLAMA3:
		return read_llama3(out, h, &global, err);
	case FOX_SCALE_LONGROPE:
		return read_longrope(out, h, &global, err);
	}
	return FOX_OK;
}

/* source: transformers modeling_rope_utils.py _compute_llama3_parameters; as divisors: llama.cpp conversion/llama.py */
static double llama3_divisor(const struct fox_hf_rope *r, const struct fox_hparams *h, uint32_t i)
{
	double frequency = pow((double)h->rope_theta, -2.0 * i / h->rope_dims);
	double wave = 2 * 3.14159265358979323846 / frequency, orig = r->orig_ctx;
	if (wave < orig / r->high)
		return 1;
	if (wave > orig / r->low)
		return r->factor;
	double smooth = (orig / wave - r->low) / (r->high - r->low);
	return 1 / ((1 - smooth) / r->factor + smooth);
}

void fox_hf_rope_table(
    float *table, enum fox_role role, const struct fox_hf_rope *rope, const struct fox_hparams *h)
{
	const struct fox_value *list = role == FOX_R_ROPE_LONG ? rope->long_factor : rope->short_factor;
	for (uint32_t i = 0; i < h->rope_dims / 2; i++) {
		double d = 1;
		if (role == FOX_R_ROPE_FREQS)
			d = llama3_divisor(rope, h, i);
		else
			fox_json_f64(fox_json_at(list, i), &d);
		table[i] = (float)d;
	}
}
