/* hparam.c - the ranges of hyper-parameters, and reading them from a container's keys.
 *
 * Refuses what would divide by zero, overflow a size or index past a layer, and every key of a container that
 * changes the maths in a way that no graph of ours follows.  spec/arch.md 5 and 6 */
#include "format/hparam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "format/arch.h"

static enum fox_status range(const char *what, uint64_t v, uint64_t lo, uint64_t hi, struct fox_err *err)
{
	if (v >= lo && v <= hi)
		return FOX_OK;
	return fox_fail(
	    err, FOX_E_FORMAT, FOX_NOWHERE, "%s is %" PRIu64 ", want %" PRIu64 " to %" PRIu64, what, v, lo, hi);
}

static enum fox_status check_layer(const struct fox_hparams *h, uint32_t l, struct fox_err *err)
{
	uint32_t q = h->n_heads[l], kv = h->n_kv_heads[l];
	enum fox_status st;
	if ((st = range("number of query heads", q, 1, FOX_MAX_INNER / h->head_dim, err)) ||
	    (st = range("number of key-value heads", kv, 1, q, err)) ||
	    (st = range("feed-forward width", h->d_ff[l], 1, FOX_MAX_INNER, err)))
		return fox_in(err, "in layer %" PRIu32, l), st;
	if (q % kv)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "%" PRIu32 " key-value heads do not divide %" PRIu32 " query heads, in layer %" PRIu32, kv, q, l);
	return FOX_OK;
}

enum fox_status fox_hparams_check(const struct fox_hparams *h, struct fox_err *err)
{
	enum fox_status st;
	if ((st = range("number of layers", h->n_layers, 1, FOX_MAX_LAYERS, err)) ||
	    (st = range("context length", h->n_ctx, 1, FOX_MAX_CTX, err)) ||
	    (st = range("model width", h->d_model, 1, FOX_MAX_WIDTH, err)) ||
	    (st = range("vocabulary size", h->n_vocab, 1, FOX_MAX_VOCAB, err)) ||
	    (st = range("number of query heads", h->n_heads[0], 1, FOX_MAX_INNER, err)) ||
	    (st = range("head size", h->head_dim, 2, FOX_MAX_HEAD_DIM, err)) ||
	    (st = range("number of rotated dimensions", h->rope_dims, 2, h->head_dim, err)))
		return st;
	if (h->head_dim % 2)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "head size is %" PRIu32 ", want an even number", h->head_dim);
	if (h->rope_dims % 2)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "number of rotated dimensions is %" PRIu32 ", want an even number", h->rope_dims);
	/* written so that NaN fails */
	if (!(h->rope_theta > 0) || isinf(h->rope_theta))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "rotary base is %g, want a finite number above 0",
		    (double)h->rope_theta);
	if (!(h->norm_eps > 0 && h->norm_eps < 1))
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "norm epsilon is %g, want above 0 and below 1",
		    (double)h->norm_eps);
	for (uint32_t l = 0; l < h->n_layers; l++)
		if ((st = check_layer(h, l, err)))
			return st;
	return FOX_OK;
}

/* One integer of a key, 1 to 2^32 - 1: 0 stands for "not given" in fox_hparams, so a written 0 must not get
 * there. */
static enum fox_status positive(
    const struct fox_gguf_kv *kv, const char *key, uint64_t v, struct fox_err *err)
{
	if (v >= 1 && v <= UINT32_MAX)
		return FOX_OK;
	return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' is %" PRIu64 ", want 1 to 4294967295", key, v);
}

static enum fox_status read_layers(struct fox_hparams *h, const struct fox_arch_key *row,
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, const char *key, struct fox_err *err)
{
	uint32_t *field = fox_arch_u32(h, row);
	enum fox_status st;
	if (kv->n_items != h->n_layers || kv->n_items > FOX_MAX_LAYERS)
		return fox_fail(err, FOX_E_FORMAT, kv->at,
		    "key '%s' has %" PRIu64 " elements, want one for each of %" PRIu32 " layers", key, kv->n_items,
		    h->n_layers);
	for (uint32_t l = 0; l < h->n_layers; l++) {
		uint64_t v;
		if (!fox_gguf_item_u64(g, kv, l, &v))
			return fox_fail(err, FOX_E_FORMAT, kv->at, "key '%s' holds %s, want integers from 1", key,
			    fox_gguf_type_name(kv->item));
		if ((st = positive(kv, key, v, err)))
			return fox_in(err, "in layer %" PRIu32, l), st;
		field[l] = (uint32_t)v;
	}
	return FOX_OK;
}

static enum fox_status read_u32(struct fox_hparams *h, const struct fox_arch_key *row,
    const struct fox_gguf *g, const struct fox_gguf_kv *kv, const char *key, struct fox_err *err)
{
	uint32_t *field = fox_arch_u32(h, row);
	uint32_t v;
	enum fox_status st = fox_gguf_u32(g, key, &v, err);
	if (st || (st = positive(kv, key, v, err)))
		return st;
	if (row->type == FOX_K_U32_LAYERS) {
		for (uint32_t l = 0; l < FOX_MAX_LAYERS; l++)
			field[l] = v;
		return FOX_OK;
	}
	/* two keys, one field: heads whose keys and values differ in size */
	if (*field && *field != v)
		return fox_fail(err, FOX_E_UNSUPPORTED, kv->at,
		    "key '%s' is %" PRIu32 ", but the key before it that must be equal is %" PRIu32, key, v, *field);
	*field = v;
	return FOX_OK;
}

static enum fox_status read_key(struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_arch_key *row, const struct fox_gguf *g, struct fox_err *err)
{
	char key[128];
	if (!row->key)
		return fox_arch_preset(h, row), FOX_OK;
	if (!fox_arch_expand(key, sizeof key, row->key, arch, 0))
		return fox_fail(err, FOX_E_ARG, FOX_NOWHERE, "key pattern '%s' does not fit", row->key);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	if (!kv && row->key_required)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "no key '%s'", key);
	if (!kv)
		return fox_arch_preset(h, row), FOX_OK;
	if (row->type == FOX_K_F32)
		return fox_gguf_f32(g, key, fox_arch_f32(h, row), err);
	if (row->type == FOX_K_U32_LAYERS && kv->type == FOX_GGUF_ARR)
		return read_layers(h, row, g, kv, key, err);
	return read_u32(h, row, g, kv, key, err);
}

/* A number that must be `neutral` (or absent, or 0 as llama.cpp's "not set"): anything else scales rotary
 * angles. */
static enum fox_status want_neutral(
    const struct fox_gguf *g, const char *key, float neutral, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	float v;
	if (!kv)
		return FOX_OK;
	enum fox_status st = fox_gguf_f32(g, key, &v, err);
	if (st)
		return st;
	if (v == neutral || v == 0)
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, kv->at, "key '%s' is %g, which is not handled", key, (double)v);
}

static enum fox_status refuse_scaling_type(
    const struct fox_arch *arch, const struct fox_gguf *g, bool *given, struct fox_err *err)
{
	char key[128];
	struct fox_str kind;
	snprintf(key, sizeof key, "%s.rope.scaling.type", arch->name);
	const struct fox_gguf_kv *type = fox_gguf_find_key(g, key);
	*given = type;
	if (!type)
		return FOX_OK;
	enum fox_status st = fox_gguf_str(g, key, &kind, err);
	if (st || fox_str_is(kind, "none"))
		return st;
	return fox_fail(
	    err, FOX_E_UNSUPPORTED, type->at, "key '%s' is '%.*s', which is not handled", key, FOX_STR_ARG(kind));
}

/* source: llama.cpp src/llama-model.cpp load_hparams and llama-context.cpp: a factor without a type means
 * linear scaling, with type "none" nothing; the other two apply whatever the type */
static enum fox_status refuse_scaling(
    const struct fox_arch *arch, const struct fox_gguf *g, struct fox_err *err)
{
	static const struct {
		const char *key;
		float neutral;
		bool unless_none;
	} numbers[] = {
	    {"rope.scaling.factor", 1, true},
	    {"rope.scale_linear", 1, true},
	    {"rope.scaling.attn_factor", 1, false},
	    {"rope.scaling.alpha", 0, false},
	};
	static const char *const tensors[] = {
	    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"};
	bool none;
	enum fox_status st = refuse_scaling_type(arch, g, &none, err);
	for (size_t i = 0; i < FOX_COUNT(numbers) && !st; i++) {
		char key[128];
		snprintf(key, sizeof key, "%s.%s", arch->name, numbers[i].key);
		if (!none || !numbers[i].unless_none)
			st = want_neutral(g, key, numbers[i].neutral, err);
	}
	for (size_t i = 0; i < FOX_COUNT(tensors) && !st; i++)
		if (fox_gguf_find(g, fox_str_of(tensors[i])))
			st = fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "tensor '%s' scales the rotary angles, which is not handled", tensors[i]);
	return st;
}

static enum fox_status refuse_unhandled(
    const struct fox_arch *arch, const struct fox_gguf *g, struct fox_err *err)
{
	char key[128];
	enum fox_status st;
	snprintf(key, sizeof key, "%s.expert_count", arch->name);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	if (kv) {
		uint32_t experts;
		if ((st = fox_gguf_u32(g, key, &experts, err)))
			return st;
		if (experts)
			return fox_fail(err, FOX_E_UNSUPPORTED, kv->at, "key '%s' is %" PRIu32 ", which is not handled",
			    key, experts);
	}
	snprintf(key, sizeof key, "%s.attention.causal", arch->name);
	kv = fox_gguf_find_key(g, key);
	if (kv) {
		bool causal;
		if ((st = fox_gguf_bool(g, key, &causal, err)))
			return st;
		if (!causal)
			return fox_fail(err, FOX_E_UNSUPPORTED, kv->at, "key '%s' is false, which is not handled", key);
	}
	return refuse_scaling(arch, g, err);
}

/* Is the output matrix the embedding? It is when the container holds no tensor for the output row. */
static bool is_tied(const struct fox_arch *arch, const struct fox_gguf *g)
{
	for (size_t i = 0; i < arch->n_tensors; i++)
		if (arch->tensors[i].how & FOX_T_TIED_EMBED && fox_gguf_find(g, fox_str_of(arch->tensors[i].name)))
			return false;
	return true;
}

enum fox_status fox_hparams_from_gguf(
    struct fox_hparams *h, const struct fox_arch *arch, const struct fox_gguf *g, struct fox_err *err)
{
	enum fox_status st = refuse_unhandled(arch, g, err);
	*h = (struct fox_hparams){0};
	for (size_t i = 0; i < arch->n_keys && !st; i++)
		st = read_key(h, arch, &arch->keys[i], g, err);
	if (st)
		return st;
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	if (!h->n_vocab && tokens && tokens->type == FOX_GGUF_ARR)
		h->n_vocab = (uint32_t)tokens->n_items; /* open refuses more than FOX_GGUF_MAX_ITEMS */
	h->tied = is_tied(arch, g);
	if ((st = fox_arch_derive(h, err)) || (st = fox_hparams_check(h, err)))
		return st;
	if (!arch->traits.rope_partial && h->rope_dims != h->head_dim)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "%" PRIu32 " of %" PRIu32 " head dimensions are rotated, where architecture '%s' rotates all",
		    h->rope_dims, h->head_dim, arch->name);
	return FOX_OK;
}
