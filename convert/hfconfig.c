/* hfconfig.c - config.json against a family's rows: rules, unknown fields, keys, token ids, name.
 *
 * Refuses, by name and value: families without a row, values that a rule does not accept, fields that no row
 * or list knows, fields that contradict each other.  spec/arch.md 3 */
#include "convert/hfconfig.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "convert/hf_rope.h"
#include "convert/hf_value.h"
#include "convert/hf_window.h"

/* Fields of every family, read by this file itself. */
static const char common[] = "architectures|model_type|bos_token_id|eos_token_id|pad_"
                             "token_id|_name_or_path|name_or_path";

/* ---- which family */

static enum fox_status find_arch(struct fox_hfconfig *out, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *list = fox_json_get(root, "architectures");
	const struct fox_value *type = fox_json_get(root, "model_type");
	struct fox_str name;
	char handled[512];
	if (fox_json_is_null(list))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no 'architectures'");
	if (fox_json_type(list) != FOX_JSON_ARRAY)
		return fox_hf_ill_typed(fox_str_of("architectures"), list, "an array", err);
	if (fox_json_size(list) != 1)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "'architectures' has %zu elements, want 1", fox_json_size(list));
	if (!fox_json_str(fox_json_at(list, 0), &name))
		return fox_hf_ill_typed(fox_str_of("architectures[0]"), fox_json_at(list, 0), "a string", err);
	out->arch = fox_arch_by_class(name);
	if (!out->arch) {
		fox_arch_handled(handled, sizeof handled, true);
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "architecture '%.*s' is not handled (handled: %s)", FOX_STR_ARG(name), handled);
	}
	if (fox_json_is_null(type))
		return FOX_OK;
	if (!fox_json_str(type, &name))
		return fox_hf_ill_typed(fox_str_of("model_type"), type, "a string", err);
	if (!fox_arch_lists(out->arch->hf_types, name))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'model_type' is '%.*s', which contradicts architecture '%s'", FOX_STR_ARG(name),
		    out->arch->hf_class);
	return FOX_OK;
}

/* ---- rules */

/* A string matches its word, unless the word stands for another JSON type. */
static bool accepts_str(const char *accept, struct fox_str s)
{
	double d;
	return fox_arch_lists(accept, s) && !fox_arch_lists("null|true|false|{}|[]", s) && !fox_str_f64(s, &d);
}

static bool accepts_number(const char *accept, double v)
{
	struct fox_str one;
	double d;
	while (fox_arch_next(&accept, &one))
		if (fox_str_is(one, "any number") || (fox_str_f64(one, &d) && d == v))
			return true;
	return false;
}

/* One value that is no array. */
static bool accepts(const char *accept, const struct fox_value *v)
{
	struct fox_str s;
	double d;
	bool b;
	if (fox_json_str(v, &s))
		return accepts_str(accept, s);
	if (fox_json_f64(v, &d))
		return accepts_number(accept, d);
	if (fox_json_bool(v, &b))
		return fox_arch_lists(accept, fox_str_of(b ? "true" : "false"));
	if (fox_json_is_null(v))
		return fox_arch_lists(accept, fox_str_of("null"));
	return fox_json_type(v) == FOX_JSON_OBJECT && !fox_json_size(v) &&
	       fox_arch_lists(accept, fox_str_of("{}"));
}

/* "'hidden_act' is 'gelu', which is not handled (handled: silu, swish)" */
static enum fox_status refuse(
    const char *path, const struct fox_value *v, const char *accept, struct fox_err *err)
{
	char value[256], handled[128];
	struct fox_str one;
	size_t n = 0;
	handled[0] = 0;
	while (n < sizeof handled && fox_arch_next(&accept, &one))
		if (!fox_arch_lists("null|{}|[]", one))
			n += (size_t)snprintf(handled + n, sizeof handled - n, "%s%.*s", n ? ", " : "", FOX_STR_ARG(one));
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "'%s' is %s, which is not handled%s%s%s", path,
	    fox_hf_show(value, v), n ? " (handled: " : "", handled, n ? ")" : "");
}

static enum fox_status check_rule(
    const char *accept, struct fox_str path, const struct fox_value *v, struct fox_err *err)
{
	char text[128];
	if (fox_json_type(v) != FOX_JSON_ARRAY || !fox_arch_lists(accept, fox_str_of("[]"))) {
		snprintf(text, sizeof text, "%.*s", FOX_STR_ARG(path));
		return accepts(accept, v) ? FOX_OK : refuse(text, v, accept, err);
	}
	for (size_t i = 0; i < fox_json_size(v); i++) {
		snprintf(text, sizeof text, "%.*s[%zu]", FOX_STR_ARG(path), i);
		if (!accepts(accept, fox_json_at(v, i)))
			return refuse(text, fox_json_at(v, i), accept, err);
	}
	return FOX_OK;
}

static enum fox_status check_rules(
    const struct fox_arch *arch, const struct fox_value *root, struct fox_err *err)
{
	for (size_t i = 0; i < arch->n_rules; i++) {
		const char *rest = arch->rules[i].config;
		struct fox_str path;
		while (fox_arch_next(&rest, &path)) {
			const struct fox_value *v = fox_hf_at(root, path);
			enum fox_status st = v ? check_rule(arch->rules[i].accept, path, v, err) : FOX_OK;
			if (st)
				return st;
		}
	}
	return FOX_OK;
}

/* ---- unknown fields */

enum known { UNKNOWN, PARENT, KNOWN }; /* PARENT: no field itself, but known ones are inside it */

static enum known known_in(const char *list, struct fox_str path)
{
	enum known found = UNKNOWN;
	struct fox_str one;
	while (fox_arch_next(&list, &one)) {
		if (fox_str_eq(one, path))
			return KNOWN;
		if (one.n > path.n && one.p[path.n] == '.' && !memcmp(one.p, path.p, path.n))
			found = PARENT;
	}
	return found;
}

static enum known known_field(const struct fox_arch *arch, struct fox_str path)
{
	enum known k, most = known_in(common, path);
	for (size_t i = 0; i < arch->n_keys && most != KNOWN; i++)
		if (arch->keys[i].config && (k = known_in(arch->keys[i].config, path)) > most)
			most = k;
	for (size_t i = 0; i < arch->n_rules && most != KNOWN; i++)
		if ((k = known_in(arch->rules[i].config, path)) > most)
			most = k;
	const char *const lists[] = {arch->tied, arch->bias_qkv, arch->bias_out, arch->bias_ffn, arch->ignored};
	for (size_t i = 0; i < FOX_COUNT(lists) && most != KNOWN; i++)
		if ((k = known_in(lists[i], path)) > most)
			most = k;
	return most;
}

/* prefix is "" or ends with a dot. Depth is bounded by the paths of the tables: only a PARENT is entered. */
static enum fox_status check_fields(
    const struct fox_arch *arch, const struct fox_value *object, const char *prefix, struct fox_err *err)
{
	struct fox_str name;
	const struct fox_value *v;
	for (void *it = NULL; fox_json_next(object, &it, &name, &v);) {
		char path[256], value[256];
		/* a name that holds a dot is no path: only the ignored list may have it */
		bool dotted = memchr(name.p, '.', name.n);
		snprintf(path, sizeof path, "%s%.*s", prefix, FOX_STR_ARG(name));
		struct fox_str full = fox_str_of(path);
		enum known k = name.n > 200 ? UNKNOWN
		               : dotted     ? known_in(arch->ignored, full)
		                            : known_field(arch, full);
		if (k == KNOWN || (k == PARENT && !dotted && fox_json_is_null(v)))
			continue;
		if (k == UNKNOWN || dotted)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "unknown field '%s' (%s), which may change what the model computes", path, fox_hf_show(value, v));
		if (fox_json_type(v) != FOX_JSON_OBJECT)
			return fox_hf_ill_typed(full, v, "an object or null", err);
		memcpy(path + full.n, ".", 2);
		enum fox_status st = check_fields(arch, v, path, err);
		if (st)
			return st;
	}
	return FOX_OK;
}

/* ---- keys */

/* The nearest multiple of `divisor` to width times m, and one more when that loses over a tenth.
 * source: corenet math_utils.make_divisible; OpenELM's configuration makes its inner widths so */
static bool divisible(uint32_t *out, double m, uint32_t width, uint32_t divisor)
{
	double v = m * width, n = floor(floor(v + divisor / 2.0) / divisor) * divisor;
	n = n < divisor ? divisor : n;
	n += n < 0.9 * v ? divisor : 0;
	*out = n <= UINT32_MAX ? (uint32_t)n : 0;
	return *out != 0;
}

static enum fox_status set_layer(struct fox_hparams *h, const struct fox_arch_key *row, struct fox_str path,
    const struct fox_value *v, uint32_t *out, struct fox_err *err)
{
	double m;
	if (row->type != FOX_K_MULTIPLES)
		return fox_hf_u32(path, v, out, err);
	enum fox_status st = fox_hf_positive(path, v, &m, err);
	if (!st && !divisible(out, m, h->d_model, h->ff_divisor))
		st = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %g, which times %" PRIu32 " is no width",
		    FOX_STR_ARG(path), m, h->d_model);
	return st;
}

/* One number for all layers, or an array with one for each. */
static enum fox_status set_layers(struct fox_hparams *h, const struct fox_arch_key *row, struct fox_str path,
    const struct fox_value *v, struct fox_err *err)
{
	uint32_t *field = fox_arch_u32(h, row), all = 0;
	if (fox_json_type(v) != FOX_JSON_ARRAY) {
		enum fox_status st = set_layer(h, row, path, v, &all, err);
		for (uint32_t l = 0; l < FOX_MAX_LAYERS && !st; l++)
			field[l] = all;
		return st;
	}
	if (fox_json_size(v) != h->n_layers || h->n_layers > FOX_MAX_LAYERS)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'%.*s' has %zu elements, want one for each of %" PRIu32 " layers", FOX_STR_ARG(path),
		    fox_json_size(v), h->n_layers);
	for (uint32_t l = 0; l < h->n_layers; l++) {
		char at[128];
		snprintf(at, sizeof at, "%.*s[%" PRIu32 "]", FOX_STR_ARG(path), l);
		enum fox_status st = set_layer(h, row, fox_str_of(at), fox_json_at(v, l), &field[l], err);
		if (st)
			return st;
	}
	return FOX_OK;
}

static enum fox_status set_field(struct fox_hparams *h, const struct fox_arch_key *row, struct fox_str path,
    const struct fox_value *v, struct fox_err *err)
{
	double d;
	if (row->type == FOX_K_U32)
		return fox_hf_u32(path, v, fox_arch_u32(h, row), err);
	if (fox_arch_per_layer(row))
		return set_layers(h, row, path, v, err);
	if (row->type == FOX_K_BOOL)
		return fox_json_bool(v, fox_arch_bool(h, row)) ? FOX_OK : fox_hf_ill_typed(path, v, "a boolean", err);
	assert(row->type == FOX_K_F32); /* rows of other types have no spelling in config.json */
	if (!fox_json_f64(v, &d))
		return fox_hf_ill_typed(path, v, "a number", err);
	*fox_arch_f32(h, row) = (float)d;
	return FOX_OK;
}

/* Two spellings of one field must say the same. */
static enum fox_status agree(struct fox_str a, const struct fox_value *va, struct fox_str b,
    const struct fox_value *vb, struct fox_err *err)
{
	char ta[256], tb[256];
	double x, y;
	bool p, q;
	if ((fox_json_f64(va, &x) && fox_json_f64(vb, &y) && x == y) ||
	    (fox_json_bool(va, &p) && fox_json_bool(vb, &q) && p == q))
		return FOX_OK;
	return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "'%.*s' is %s, but '%.*s' is %s", FOX_STR_ARG(a),
	    fox_hf_show(ta, va), FOX_STR_ARG(b), fox_hf_show(tb, vb));
}

static enum fox_status read_key(
    struct fox_hfconfig *out, size_t i, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_arch_key *row = &out->arch->keys[i];
	const char *rest = row->config;
	const struct fox_value *found = NULL;
	struct fox_str path, first = {"", 0};
	enum fox_status st = FOX_OK;
	while (fox_arch_next(&rest, &path) && !st) {
		const struct fox_value *v = fox_hf_at(root, path);
		if (fox_json_is_null(v))
			continue;
		st = found ? agree(first, found, path, v, err) : set_field(&out->hp, row, path, v, err);
		if (!found) {
			found = v;
			first = path;
		}
	}
	if (st || found) {
		out->key_given[i] = found;
		return st;
	}
	if (row->required) {
		const char *name = row->config;
		fox_arch_next(&name, &first);
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no '%.*s'", FOX_STR_ARG(first));
	}
	fox_arch_preset(&out->hp, row);
	return FOX_OK;
}

/* ---- the rest */

/* An id, null or absent; -1 is how early checkpoints say "none". An array (several end tokens) gives its
 * first. */
static enum fox_status read_id(
    const struct fox_value *root, const char *name, int64_t *out, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(root, name);
	*out = -1;
	if (fox_json_type(v) == FOX_JSON_ARRAY)
		v = fox_json_at(v, 0);
	if (fox_json_is_null(v))
		return FOX_OK;
	if (!fox_json_i64(v, out))
		return fox_hf_ill_typed(fox_str_of(name), v, "an integer", err);
	if (*out < -1 || *out > INT32_MAX)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "'%s' is %" PRId64 ", want -1 to 2147483647", name, *out);
	return FOX_OK;
}

/* "org/name" or "name" as the Hub allows them; anything else is a path on somebody's machine. */
static bool is_model_name(struct fox_str s)
{
	size_t part = 0, slashes = 0;
	if (!s.n || s.n > 192)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (c == '/' && part && !slashes) {
			slashes = 1;
			part = 0;
		} else if (alnum || (part && (c == '-' || c == '_' || c == '.'))) {
			part++;
		} else {
			return false;
		}
	}
	return part > 0;
}

/* A bool under any of '|'-separated names, which must agree; NULL names: `preset`. */
static enum fox_status read_flag(
    const struct fox_value *root, const char *names, bool preset, bool *out, struct fox_err *err)
{
	const struct fox_value *found = NULL;
	struct fox_str name, first = {"", 0};
	*out = preset;
	while (fox_arch_next(&names, &name)) {
		const struct fox_value *v = fox_hf_at(root, name);
		if (fox_json_is_null(v))
			continue;
		if (!fox_json_bool(v, out))
			return fox_hf_ill_typed(name, v, "a boolean", err);
		enum fox_status st = found ? agree(first, found, name, v, err) : FOX_OK;
		if (st)
			return st;
		if (!found)
			found = v, first = name;
	}
	return FOX_OK;
}

/* Scores are scaled by 'query_pre_attn_scalar'^-1/2; the field of hparams stays 0 where that is what head_dim gives. */
static enum fox_status read_scale(struct fox_hfconfig *out, const struct fox_value *root, struct fox_err *err)
{
	const char *name = "query_pre_attn_scalar";
	const struct fox_value *v = fox_json_get(root, name);
	double scalar = out->arch->traits.query_scalar_default;
	if (scalar == 0)
		return FOX_OK;
	enum fox_status st = fox_json_is_null(v) ? FOX_OK : fox_hf_positive(fox_str_of(name), v, &scalar, err);
	if (!st && scalar != out->hp.head_dim)
		out->hp.attn_scale = (float)(1 / sqrt(scalar));
	return st;
}

static enum fox_status read_rest(struct fox_hfconfig *out, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_arch *a = out->arch;
	struct fox_hparams *h = &out->hp;
	enum fox_status st;
	if ((st = read_flag(root, a->tied, a->tied_default, &h->tied, err)) ||
	    (st = read_flag(root, a->bias_qkv, false, &h->bias_qkv, err)) ||
	    (st = read_flag(root, a->bias_out, false, &h->bias_out, err)) ||
	    (st = read_flag(root, a->bias_ffn, false, &h->bias_ffn, err)) ||
	    (st = read_id(root, "bos_token_id", &out->bos, err)) ||
	    (st = read_id(root, "eos_token_id", &out->eos, err)) ||
	    (st = read_id(root, "pad_token_id", &out->pad, err)))
		return st;
	out->name = (struct fox_str){"", 0};
	struct fox_str name;
	if (fox_json_str(fox_json_get(root, "_name_or_path"), &name) && is_model_name(name))
		out->name = name;
	return FOX_OK;
}

enum fox_status fox_hfconfig_read(struct fox_hfconfig *out, const struct fox_json *json, struct fox_err *err)
{
	const struct fox_value *root = fox_json_root(json);
	enum fox_status st;
	*out = (struct fox_hfconfig){.name = {"", 0}};
	if (fox_json_type(root) != FOX_JSON_OBJECT)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "the document is %s, want an object",
		    fox_json_type_name(fox_json_type(root)));
	if ((st = find_arch(out, root, err)) || (st = check_rules(out->arch, root, err)) ||
	    (st = check_fields(out->arch, root, "", err)))
		return st;
	assert(out->arch->n_keys <= FOX_COUNT(out->key_given));
	for (size_t i = 0; i < out->arch->n_keys; i++)
		if ((st = read_key(out, i, root, err)))
			return st;
	if ((st = read_rest(out, root, err)) || (st = fox_arch_derive(&out->hp, out->arch, err)) ||
	    (st = read_scale(out, root, err)) || (st = fox_hf_window_read(&out->hp, out->arch, root, err)) ||
	    (st = fox_hf_rope_read(&out->rope, &out->hp, out->arch, root, err)))
		return st;
	return fox_hparams_check(&out->hp, err);
}
