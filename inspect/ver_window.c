/* ver_window.c - which layers see only a window, and how scores are scaled: config.json against the container's keys.
 *
 * Compared is what each layer sees, not how it is said: a pattern may be a period or a list, a window that no layer uses
 * may be left out.  spec/verify.md 3.5
 * source: transformers configuration_qwen2.py, configuration_gemma2.py, configuration_gemma3.py, modeling_mistral.py */
#include <math.h>
#include <stdio.h>

#include "inspect/report.h"
#include "inspect/verify.h"

#define FIELD(f) offsetof(struct fox_hparams, f)

enum {
	LAYERS_BEFORE_WINDOWS = 28
}; /* 'max_window_layers' of both Qwen classes when config.json does not say */

static void bad(struct fox_verify *v, const char *field, const char *text)
{
	fox_find_add(&v->found, FOX_FAIL, "source.config", field, "%s", text);
}

/* A whole number from `least` up; absent: otherwise; null or unusable: 0, the latter with a finding. */
static uint64_t number(
    struct fox_verify *v, const struct fox_ver_pair *p, const char *field, uint64_t least, uint64_t otherwise)
{
	const struct fox_value *said = fox_json_get(p->config, field);
	uint64_t n = 0;
	if (!said)
		return otherwise;
	if (!fox_json_is_null(said) && (!fox_json_u64(said, &n) || n < least || n > FOX_MAX_CTX)) {
		bad(v, field, "is no whole number that can be meant");
		return 0;
	}
	return n;
}

static bool given(const struct fox_ver_pair *p, const char *field)
{
	return !fox_json_is_null(fox_json_get(p->config, field));
}

/* Fields of other families: they must say nothing. */
static void refuse(struct fox_verify *v, const struct fox_ver_pair *p, const char *field)
{
	bool b = true;
	if (given(p, field) && !(fox_json_bool(fox_json_get(p->config, field), &b) && !b))
		bad(v, field, "asks for a window that this architecture does not have");
}

static uint64_t period(struct fox_verify *v, const struct fox_ver_pair *p)
{
	uint64_t own = p->arch->traits.window_period, a = number(v, p, "sliding_window_pattern", 1, own),
	         b = number(v, p, "_sliding_window_pattern", 1, a);
	if (a != b)
		bad(v, "_sliding_window_pattern", "contradicts 'sliding_window_pattern'");
	return b ? b : own;
}

/* 'layer_types' names every layer: it wins over patterns. */
static void read_types(struct fox_verify *v, struct fox_ver_pair *p, bool windowed[FOX_MAX_LAYERS])
{
	const struct fox_value *list = fox_json_get(p->config, "layer_types");
	if (fox_json_is_null(list))
		return;
	if (fox_json_type(list) != FOX_JSON_ARRAY || fox_json_size(list) != p->h->n_layers) {
		bad(v, "layer_types", "is no list with one type for each layer");
		return;
	}
	for (uint32_t l = 0; l < p->h->n_layers; l++) {
		struct fox_str type = {"", 0};
		fox_json_str(fox_json_at(list, l), &type);
		bool one = fox_str_is(type, "sliding_attention");
		if (!one && !fox_str_is(type, "full_attention")) {
			fox_find_add(&v->found, FOX_FAIL, "source.config", "layer_types",
			    "layer %u is of type '%.*s', which nothing here computes", l, FOX_STR_ARG(type));
			return;
		}
		if (p->arch->traits.window == FOX_WINDOW_ALL && one != windowed[l]) {
			bad(v, "layer_types",
			    "differs from 'sliding_window', which counts for every layer of this class");
			return;
		}
		windowed[l] = one;
	}
}

void fox_ver_window_read(struct fox_verify *v, struct fox_ver_pair *p)
{
	const struct fox_traits *t = &p->arch->traits;
	bool windowed[FOX_MAX_LAYERS] = {false}, on = false;
	uint64_t from = 0, every = 0;
	p->window = (struct fox_ver_window){0};
	if (!fox_arch_lists(p->arch->ignored, fox_str_of("sliding_window")))
		return; /* then its fields are unknown to fox_ver_config */
	if (t->window == FOX_WINDOW_NONE)
		refuse(v, p, "sliding_window");
	else
		p->window.size = number(v, p, "sliding_window", 1, t->window_default);
	if (t->window == FOX_WINDOW_SWITCH) {
		const struct fox_value *use = fox_json_get(p->config, "use_sliding_window");
		if (!fox_json_is_null(use) && !fox_json_bool(use, &on))
			bad(v, "use_sliding_window", "is neither true nor false");
		from = number(v, p, "max_window_layers", 0, LAYERS_BEFORE_WINDOWS);
		p->window.size = on ? p->window.size : 0;
	} else {
		refuse(v, p, "use_sliding_window");
		refuse(v, p, "max_window_layers");
	}
	if (t->window == FOX_WINDOW_PERIOD) {
		every = period(v, p);
	} else {
		refuse(v, p, "sliding_window_pattern");
		refuse(v, p, "_sliding_window_pattern");
	}
	for (uint32_t l = 0; l < p->h->n_layers; l++)
		windowed[l] = every ? l % every < every - 1 : p->window.size && l >= from;
	read_types(v, p, windowed);
	for (uint32_t l = 0; l < p->h->n_layers; l++) {
		p->window.layer[l] = windowed[l] ? (uint32_t)p->window.size : 0;
		if (windowed[l] && !p->window.size) {
			bad(v, "sliding_window", "is not in use, but some layers are said to have a window");
			return;
		}
	}
}

/* ---- the container's keys */

/* What each layer sees in the container against what it must see. */
static bool check_layers(struct fox_verify *v, const struct fox_ver_pair *p)
{
	const struct fox_gguf_kv *kv = NULL;
	char key[96] = "";
	uint64_t size = p->h->window;
	/* the size first: a wrong one would be found in every layer */
	if (fox_ver_row_of(v, p, FIELD(window), key, &kv) && kv && size && size != p->window.size) {
		if (p->window.size)
			fox_find_add(&v->found, FOX_FAIL, "source.key", key, "is %llu, must be %llu by sliding_window",
			    (unsigned long long)size, (unsigned long long)p->window.size);
		else
			fox_find_add(&v->found, FOX_FAIL, "source.key", key,
			    "is %llu, but config.json has no window in use", (unsigned long long)size);
		return false;
	}
	for (uint32_t l = 0; l < p->h->n_layers; l++) {
		uint64_t got = p->h->windowed[l] ? size : 0, want = p->window.layer[l];
		if (got == want)
			continue;
		if (size)
			fox_ver_row_of(v, p, FIELD(windowed), key, &kv);
		fox_find_add(&v->found, FOX_FAIL, "source.key", key,
		    "layer %u sees %llu positions, must see %llu by config.json (0: all)", l, (unsigned long long)got,
		    (unsigned long long)want);
		return false;
	}
	return true;
}

/* Scores are multiplied by 'query_pre_attn_scalar'^-1/2 where the family has that field; no key means head size^-1/2. */
static bool check_scale(struct fox_verify *v, const struct fox_ver_pair *p, size_t *good)
{
	const struct fox_gguf_kv *kv;
	char key[96], a[32], b[32];
	double scalar = p->arch->traits.query_scalar_default, got = (double)p->h->attn_scale;
	const struct fox_value *said = fox_json_get(p->config, "query_pre_attn_scalar");
	if (scalar == 0 || !fox_ver_row_of(v, p, FIELD(attn_scale), key, &kv))
		return true;
	if (!fox_json_is_null(said) && (!fox_json_f64(said, &scalar) || !(scalar > 0))) {
		bad(v, "query_pre_attn_scalar", "is no number above 0");
		return false;
	}
	double want = 1 / sqrt(scalar);
	if (kv && got != 0 ? fox_ver_is_f32(want, got) : scalar == (double)p->head_dim) {
		*good += kv != NULL;
		return true;
	}
	fox_show_f32(a, got != 0 ? (float)got : (float)(1 / sqrt((double)p->head_dim)));
	fox_show_f32(b, (float)want);
	fox_find_add(&v->found, FOX_FAIL, "source.key", key, "%s %s, must be %s by query_pre_attn_scalar",
	    kv ? "is" : "absent, which means", a, b);
	return false;
}

size_t fox_ver_window(struct fox_verify *v, const struct fox_ver_pair *p)
{
	static const size_t fields[] = {FIELD(window), FIELD(windowed)};
	const struct fox_gguf_kv *kv;
	char key[96];
	size_t good = 0;
	bool right = check_layers(v, p);
	for (size_t i = 0; i < FOX_COUNT(fields); i++)
		good += right && fox_ver_row_of(v, p, fields[i], key, &kv) && kv;
	check_scale(v, p, &good);
	return good;
}
