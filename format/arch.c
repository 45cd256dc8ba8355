/* arch.c - looking up families, expanding their name patterns, solving their shapes. Knows no family but by
 * its row. */
#include "format/arch.h"

#include <inttypes.h>
#include <stdio.h>

#include "format/base/num.h"

static const struct fox_arch *const families[] = {
    &fox_arch_llama,
    &fox_arch_mistral, /* after llama, which reads containers of both */
    &fox_arch_gemma,
    &fox_arch_gemma2,
    &fox_arch_gemma3,
    &fox_arch_qwen2,
    &fox_arch_qwen3,
    &fox_arch_stablelm,
    &fox_arch_openelm,
    &fox_arch_phi3,
    &fox_arch_olmo2,
    &fox_arch_bloom,
    &fox_arch_gpt2,
};

const struct fox_arch *fox_arch_at(size_t i)
{
	return i < FOX_COUNT(families) ? families[i] : NULL;
}

const struct fox_arch *fox_arch_by_name(struct fox_str name)
{
	for (size_t i = 0; i < FOX_COUNT(families); i++)
		if (fox_str_is(name, families[i]->name))
			return families[i];
	return NULL;
}

const struct fox_arch *fox_arch_by_class(struct fox_str hf_class)
{
	for (size_t i = 0; i < FOX_COUNT(families); i++)
		if (fox_arch_lists(families[i]->hf_class, hf_class))
			return families[i];
	return NULL;
}

enum fox_status fox_arch_of(const struct fox_arch **out, const struct fox_gguf *g, struct fox_err *err)
{
	struct fox_str name;
	char handled[256];
	enum fox_status st = fox_gguf_str(g, "general.architecture", &name, err);
	if (st)
		return st;
	const struct fox_arch *arch = fox_arch_by_name(name);
	if (!arch) {
		fox_arch_handled(handled, sizeof handled, false);
		return fox_fail(err, FOX_E_UNSUPPORTED, fox_gguf_find_key(g, "general.architecture")->at,
		    "architecture '%.*s' is not handled (handled: %s)", FOX_STR_ARG(name), handled);
	}
	*out = arch;
	return FOX_OK;
}

bool fox_arch_next(const char **rest, struct fox_str *item)
{
	if (!*rest)
		return false;
	const char *bar = strchr(*rest, '|');
	item->p = *rest;
	item->n = bar ? (size_t)(bar - *rest) : strlen(*rest);
	*rest = bar ? bar + 1 : NULL;
	return true;
}

bool fox_arch_lists(const char *list, struct fox_str item)
{
	struct fox_str one;
	while (fox_arch_next(&list, &one))
		if (one.n && fox_str_eq(one, item))
			return true;
	return false;
}

void fox_arch_handled(char *out, size_t cap, bool hf)
{
	size_t n = 0;
	out[0] = 0;
	for (size_t i = 0; i < FOX_COUNT(families); i++) {
		const char *rest = hf ? families[i]->hf_class : families[i]->name;
		struct fox_str one;
		if (!hf && fox_arch_by_name(fox_str_of(families[i]->name)) != families[i])
			continue; /* a second class of one container name */
		while (n < cap && fox_arch_next(&rest, &one))
			n += (size_t)snprintf(out + n, cap - n, "%s%.*s", n ? ", " : "", FOX_STR_ARG(one));
	}
}

void fox_arch_preset(struct fox_hparams *h, const struct fox_arch_key *k)
{
	uint32_t n = fox_arch_per_layer(k) ? FOX_MAX_LAYERS : 1;
	if (k->preset == 0)
		return;
	if (k->type == FOX_K_F32)
		*fox_arch_f32(h, k) = (float)k->preset;
	else
		for (uint32_t l = 0; l < n; l++)
			fox_arch_u32(h, k)[l] = (uint32_t)k->preset;
}

bool fox_arch_windowed(const struct fox_arch *arch, uint32_t layer)
{
	const struct fox_traits *t = &arch->traits;
	return t->window != FOX_WINDOW_PERIOD || layer % t->window_period < t->window_period - 1;
}

enum fox_status fox_arch_derive(struct fox_hparams *h, const struct fox_arch *arch, struct fox_err *err)
{
	uint32_t heads = h->n_heads[0];
	uint64_t ff = (uint64_t)h->d_model * arch->traits.ff_multiple;
	for (uint32_t l = 0; l < FOX_MAX_LAYERS; l++) {
		if (!h->n_kv_heads[l])
			h->n_kv_heads[l] = h->n_heads[l];
		if (!h->d_ff[l] && ff <= UINT32_MAX)
			h->d_ff[l] = (uint32_t)ff;
	}
	if (!h->head_dim && heads) {
		for (uint32_t l = 1; l < h->n_layers && l < FOX_MAX_LAYERS; l++)
			if (h->n_heads[l] != heads)
				return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
				    "head size is not given, and the layers have different numbers of query heads");
		if (h->d_model % heads)
			return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
			    "head size is not given, and %" PRIu32 " query heads do not divide the model width %" PRIu32,
			    heads, h->d_model);
		h->head_dim = h->d_model / heads;
	}
	if (!h->rope_dims && arch->traits.rope != FOX_ROPE_NONE)
		h->rope_dims = h->head_dim;
	return FOX_OK;
}

bool fox_arch_expand(char *out, size_t cap, const char *pattern, const struct fox_arch *arch, uint32_t layer)
{
	char number[12];
	size_t n = 0;
	snprintf(number, sizeof number, "%" PRIu32, layer);
	for (const char *p = pattern; *p;) {
		struct fox_str part = {p, 1};
		size_t step = 1;
		if (!strncmp(p, "{l}", 3)) {
			part = fox_str_of(number);
			step = 3;
		} else if (!strncmp(p, "{arch}", 6)) {
			part = fox_str_of(arch->name);
			step = 6;
		} else if (*p == '{') {
			return false;
		}
		if (part.n >= cap - n)
			return false;
		memcpy(out + n, part.p, part.n);
		n += part.n;
		p += step;
	}
	if (n >= cap)
		return false;
	out[n] = 0;
	return true;
}

uint64_t fox_arch_dim(const struct fox_hparams *h, enum fox_dim d, uint32_t layer)
{
	switch (d) {
	case FOX_D_NONE:
		break;
	case FOX_D_MODEL:
		return h->d_model;
	case FOX_D_VOCAB:
		return h->n_vocab;
	case FOX_D_Q:
		return (uint64_t)h->n_heads[layer] * h->head_dim;
	case FOX_D_KV:
		return (uint64_t)h->n_kv_heads[layer] * h->head_dim;
	case FOX_D_QKV:
		return ((uint64_t)h->n_heads[layer] + 2 * (uint64_t)h->n_kv_heads[layer]) * h->head_dim;
	case FOX_D_FF:
		return h->d_ff[layer];
	case FOX_D_FF2:
		return 2 * (uint64_t)h->d_ff[layer];
	case FOX_D_HEAD:
		return h->head_dim;
	case FOX_D_CTX:
		return h->n_ctx;
	case FOX_D_ROPE_PAIRS:
		return h->rope_dims / 2;
	}
	return 0;
}

static bool per_layer(const struct fox_arch_tensor *row)
{
	return row->role >= FOX_R_PER_LAYER;
}

/* Rows of a 1-D tensor count as one. */
static uint64_t slot_rows(const struct fox_hparams *h, const struct fox_arch_tensor *row, uint32_t layer)
{
	return row->rows == FOX_D_NONE ? 1 : fox_arch_dim(h, row->rows, layer);
}

/* Does h say that a model of these sizes has no such tensor? */
static bool ruled_out(const struct fox_arch_tensor *row, const struct fox_hparams *h)
{
	if (row->how & FOX_T_MADE)
		return h->rope.kind != (row->role == FOX_R_ROPE_FREQS ? FOX_SCALE_LLAMA3 : FOX_SCALE_LONGROPE);
	return (row->how & FOX_T_BIAS && !h->bias_qkv) || (row->how & FOX_T_BIAS_OUT && !h->bias_out) ||
	       (row->how & FOX_T_BIAS_FFN && !h->bias_ffn) || (row->how & FOX_T_SERIAL && h->parallel);
}

static bool fill_slot(struct fox_slot *s, const struct fox_arch *arch, const struct fox_hparams *h,
    const struct fox_arch_tensor *row, uint32_t layer)
{
	s->row = row;
	s->layer = layer;
	s->rows = slot_rows(h, row, layer);
	s->cols = fox_arch_dim(h, row->cols, layer);
	if (!fox_arch_expand(s->name, sizeof s->name, row->name, arch, layer))
		return false;
	if (!row->hf)
		return true;
	if (arch->prefix && snprintf(s->prefixed, sizeof s->prefixed, "%s", arch->prefix) < 0)
		return false;
	size_t n = strlen(s->prefixed);
	return fox_arch_expand(s->hf, sizeof s->hf, row->hf, arch, layer) &&
	       (!n || fox_arch_expand(s->prefixed + n, sizeof s->prefixed - n, row->hf, arch, layer));
}

static bool add_slot(struct fox_slot *slots, size_t *n, const struct fox_arch *arch, const struct fox_hparams *h,
    const struct fox_arch_tensor *row, uint32_t layer)
{
	return ruled_out(row, h) || fill_slot(&slots[(*n)++], arch, h, row, layer);
}

/* The run of per-layer rows is [*first, *past). */
static void layer_rows(const struct fox_arch *arch, size_t *first, size_t *past)
{
	for (*first = 0; *first < arch->n_tensors && !per_layer(&arch->tensors[*first]);)
		++*first;
	for (*past = *first; *past < arch->n_tensors && per_layer(&arch->tensors[*past]);)
		++*past;
}

enum fox_status fox_arch_slots(const struct fox_arch *arch, const struct fox_hparams *h,
    struct fox_arena *arena, struct fox_slot **out, size_t *n, struct fox_err *err)
{
	size_t first, past, k = 0;
	bool ok = true;
	layer_rows(arch, &first, &past);
	size_t count = arch->n_tensors - (past - first) + (past - first) * (size_t)h->n_layers;
	struct fox_slot *s = fox_arena_alloc(arena, count, sizeof *s);
	if (!s)
		return fox_fail_nomem(err);
	for (size_t i = 0; i < first; i++)
		ok &= add_slot(s, &k, arch, h, &arch->tensors[i], 0);
	for (uint32_t l = 0; l < h->n_layers; l++)
		for (size_t i = first; i < past; i++)
			ok &= add_slot(s, &k, arch, h, &arch->tensors[i], l);
	for (size_t i = past; i < arch->n_tensors; i++)
		ok &= add_slot(s, &k, arch, h, &arch->tensors[i], 0);
	if (!ok)
		return fox_fail(
		    err, FOX_E_ARG, FOX_NOWHERE, "a tensor name of architecture '%s' does not fit", arch->name);
	*out = s;
	*n = k;
	return FOX_OK;
}

uint64_t fox_arch_params(const struct fox_arch *arch, const struct fox_hparams *h)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < arch->n_tensors; i++) {
		const struct fox_arch_tensor *row = &arch->tensors[i];
		if (row->how & (FOX_T_OPTIONAL | FOX_T_MADE) || (row->how & FOX_T_TIED_EMBED && h->tied) ||
		    ruled_out(row, h))
			continue;
		for (uint32_t l = 0; l < (per_layer(row) ? h->n_layers : 1); l++)
			sum += slot_rows(h, row, l) * fox_arch_dim(h, row->cols, l);
	}
	return sum;
}
