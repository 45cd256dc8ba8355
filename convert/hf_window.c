/* hf_window.c - windows. Refuses what a family's class does not compute, and lists that contradict the other fields. */
#include "convert/hf_window.h"

#include <inttypes.h>
#include <stdio.h>

#include "convert/hf_value.h"

/* 'max_window_layers' when config.json does not say.  source: transformers configuration_qwen2.py */
#define MAX_WINDOW_LAYERS 28u

/* The field as a number from 1 up; null gives 0, absence the preset. */
static enum fox_status number(const struct fox_value *root, const char *name, uint32_t preset, uint32_t *out,
    bool zero, struct fox_err *err)
{
	const struct fox_value *v = fox_json_get(root, name);
	int64_t i;
	*out = v ? 0 : preset;
	if (fox_json_is_null(v) || (zero && fox_json_i64(v, &i) && i == 0))
		return FOX_OK;
	return fox_hf_u32(fox_str_of(name), v, out, err);
}

/* Fields that must be null or absent (or, booleans, false) in this family. */
static enum fox_status refuse_all(const struct fox_value *root, const char *names, struct fox_err *err)
{
	struct fox_str name;
	bool b;
	while (fox_arch_next(&names, &name)) {
		const struct fox_value *v = fox_hf_at(root, name);
		if (!fox_json_is_null(v) && !(fox_json_bool(v, &b) && !b))
			return fox_hf_unhandled(name, v, err);
	}
	return FOX_OK;
}

/* 'layer_types' over what was found so far. has_list: whether it is there. */
static enum fox_status read_types(
    struct fox_hparams *h, const struct fox_value *root, bool *has_list, struct fox_err *err)
{
	const struct fox_value *list = fox_json_get(root, "layer_types");
	*has_list = !fox_json_is_null(list);
	if (!*has_list)
		return FOX_OK;
	if (fox_json_type(list) != FOX_JSON_ARRAY)
		return fox_hf_ill_typed(fox_str_of("layer_types"), list, "an array", err);
	if (fox_json_size(list) != h->n_layers || h->n_layers > FOX_MAX_LAYERS)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'layer_types' has %zu elements, want one for each of %" PRIu32 " layers", fox_json_size(list),
		    h->n_layers);
	for (uint32_t l = 0; l < h->n_layers; l++) {
		const struct fox_value *v = fox_json_at(list, l);
		struct fox_str type = {"", 0};
		char path[64], value[256];
		snprintf(path, sizeof path, "layer_types[%" PRIu32 "]", l);
		if (!fox_json_str(v, &type) ||
		    (!fox_str_is(type, "full_attention") && !fox_str_is(type, "sliding_attention")))
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "'%s' is %s, which is not handled (handled: full_attention, sliding_attention)", path,
			    fox_hf_show(value, v));
		h->windowed[l] = fox_str_is(type, "sliding_attention");
	}
	return FOX_OK;
}

static bool any_windowed(const struct fox_hparams *h)
{
	for (uint32_t l = 0; l < h->n_layers && l < FOX_MAX_LAYERS; l++) /* nobody has checked n_layers yet */
		if (h->windowed[l])
			return true;
	return false;
}

/* Qwen: a switch, and the first layer that it counts for. */
static enum fox_status read_switch(struct fox_hparams *h, const struct fox_value *root, struct fox_err *err)
{
	const struct fox_value *use = fox_json_get(root, "use_sliding_window");
	uint32_t from;
	bool on = false;
	if (!fox_json_is_null(use) && !fox_json_bool(use, &on))
		return fox_hf_ill_typed(fox_str_of("use_sliding_window"), use, "a boolean", err);
	enum fox_status st = number(root, "max_window_layers", MAX_WINDOW_LAYERS, &from, true, err);
	if (!on)
		h->window = 0;
	for (uint32_t l = 0; l < h->n_layers && l < FOX_MAX_LAYERS; l++)
		h->windowed[l] = h->window && l >= from;
	return st;
}

static enum fox_status read_period(
    struct fox_hparams *h, const struct fox_arch *arch, const struct fox_value *root, struct fox_err *err)
{
	uint32_t a, b, period = arch->traits.window_period;
	enum fox_status st = number(root, "sliding_window_pattern", period, &a, false, err);
	if (!st)
		st = number(root, "_sliding_window_pattern", a, &b, false, err);
	if (!st && (a != b || !a))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "'_sliding_window_pattern' is %" PRIu32 ", but 'sliding_window_pattern' is %" PRIu32, b, a);
	for (uint32_t l = 0; !st && l < h->n_layers && l < FOX_MAX_LAYERS; l++)
		h->windowed[l] = l % a < a - 1;
	return st;
}

/* Read by the traits; other fields of this file must not be there. */
static enum fox_status read_kind(
    struct fox_hparams *h, const struct fox_arch *arch, const struct fox_value *root, struct fox_err *err)
{
	static const char pattern[] = "sliding_window_pattern|_sliding_window_pattern";
	enum fox_status st;
	if (arch->traits.window != FOX_WINDOW_PERIOD && (st = refuse_all(root, pattern, err)))
		return st;
	if (arch->traits.window != FOX_WINDOW_SWITCH &&
	    (st = refuse_all(root, "use_sliding_window|max_window_layers", err)))
		return st;
	switch (arch->traits.window) {
	case FOX_WINDOW_NONE:
		return refuse_all(root, "sliding_window", err);
	case FOX_WINDOW_SWITCH:
		return read_switch(h, root, err);
	case FOX_WINDOW_PERIOD:
		return read_period(h, arch, root, err);
	case FOX_WINDOW_ALL:
		for (uint32_t l = 0; l < FOX_MAX_LAYERS; l++)
			h->windowed[l] = h->window != 0;
		break;
	}
	return FOX_OK;
}

enum fox_status fox_hf_window_read(struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_value *root, struct fox_err *err)
{
	uint32_t preset = arch->traits.window_default;
	bool by_period = arch->traits.window == FOX_WINDOW_PERIOD, has_list;
	enum fox_status st = FOX_OK;
	memset(h->windowed, 0, sizeof h->windowed);
	if (arch->traits.window != FOX_WINDOW_NONE)
		st = number(root, "sliding_window", preset, &h->window, false, err);
	if (st || (st = read_kind(h, arch, root, err)) || (st = read_types(h, root, &has_list, err)))
		return st;
	if (h->window && arch->traits.window == FOX_WINDOW_ALL && has_list)
		for (uint32_t l = 0; l < h->n_layers; l++)
			if (!h->windowed[l])
				return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
				    "'layer_types[%" PRIu32 "]' is 'full_attention', but this class has its window in every layer", l);
	if (any_windowed(h) && !h->window)
		return fox_fail(err, by_period ? FOX_E_UNSUPPORTED : FOX_E_FORMAT, FOX_NOWHERE,
		    "layers with 'sliding_attention', but no 'sliding_window' is in use");
	if (!any_windowed(h))
		h->window = 0;
	return FOX_OK;
}
