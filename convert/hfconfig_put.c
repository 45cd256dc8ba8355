/* hfconfig_put.c - a family's rows to a container's {arch}.* keys, as llama.cpp's converter writes them.  spec/arch.md 3 */
#include "convert/hfconfig.h"

/* One number when all layers have the same, else an i32 array, as gguf-py writes a list of integers. */
static enum fox_status put_layers(
    struct fox_gguf_writer *w, const char *key, const uint32_t *field, uint32_t n_layers, struct fox_err *err)
{
	int32_t items[FOX_MAX_LAYERS];
	bool same = true;
	for (uint32_t l = 0; l < n_layers; l++) {
		items[l] = (int32_t)field[l]; /* fox_hparams_check keeps it far below 2^31 */
		same &= field[l] == field[0];
	}
	if (same)
		return fox_gguf_put_u32(w, key, field[0], err);
	return fox_gguf_put_array(w, key, FOX_GGUF_I32, items, n_layers, err);
}

static enum fox_status put_windowed(
    struct fox_gguf_writer *w, const char *key, const bool *windowed, uint32_t n_layers, struct fox_err *err)
{
	uint8_t items[FOX_MAX_LAYERS];
	for (uint32_t l = 0; l < n_layers; l++)
		items[l] = windowed[l];
	return fox_gguf_put_array(w, key, FOX_GGUF_BOOL, items, n_layers, err);
}

/* Does a quiet row say no more than a reader assumes anyway? */
static bool goes_unsaid(struct fox_hparams *h, const struct fox_arch *arch, const struct fox_arch_key *row)
{
	bool own = true;
	switch (row->type) {
	case FOX_K_F32:
		return *fox_arch_f32(h, row) == (float)row->preset;
	case FOX_K_ROPE_KIND:
		return h->rope.kind == FOX_SCALE_NONE || h->rope.kind == FOX_SCALE_LLAMA3;
	case FOX_K_WINDOWED:
		for (uint32_t l = 0; l < h->n_layers; l++)
			own &= h->windowed[l] == fox_arch_windowed(arch, l);
		return own || !h->window;
	case FOX_K_BOOL:
		return *fox_arch_bool(h, row) == (row->preset != 0);
	default:
		return *fox_arch_u32(h, row) == (uint32_t)row->preset;
	}
}

static enum fox_status put_row(struct fox_gguf_writer *w, const char *key, const struct fox_arch_key *row,
    struct fox_hparams *h, struct fox_err *err)
{
	switch (row->type) {
	case FOX_K_F32:
		return fox_gguf_put_f32(w, key, *fox_arch_f32(h, row), err);
	case FOX_K_U32:
		return fox_gguf_put_u32(w, key, *fox_arch_u32(h, row), err);
	case FOX_K_BOOL:
		return fox_gguf_put_bool(w, key, *fox_arch_bool(h, row), err);
	case FOX_K_ROPE_KIND:
		return fox_gguf_put_str(w, key, fox_str_of(fox_rope_scaling_name(h->rope.kind)), err);
	case FOX_K_WINDOWED:
		return put_windowed(w, key, h->windowed, h->n_layers, err);
	case FOX_K_U32_LAYERS:
	case FOX_K_MULTIPLES:
		break;
	}
	return put_layers(w, key, fox_arch_u32(h, row), h->n_layers, err);
}

enum fox_status fox_hfconfig_put(const struct fox_hfconfig *c, struct fox_gguf_writer *w, struct fox_err *err)
{
	struct fox_hparams h = c->hp; /* fox_arch_u32 wants it writable */
	enum fox_status st = fox_gguf_put_str(w, "general.architecture", fox_str_of(c->arch->name), err);
	for (size_t i = 0; i < c->arch->n_keys && !st; i++) {
		const struct fox_arch_key *row = &c->arch->keys[i];
		char key[128];
		if (!row->key || (row->optional_key && !c->key_given[i]) || (row->quiet && goes_unsaid(&h, c->arch, row)))
			continue;
		if (!fox_arch_expand(key, sizeof key, row->key, c->arch, 0))
			return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key pattern '%s' does not fit", row->key);
		st = put_row(w, key, row, &h, err);
	}
	return st;
}
