/* hparam.c - the ranges of hyper-parameters, and reading them from a container's keys.
 *
 * Refuses what would divide by zero, overflow a size or index past a layer, and every key of a container that
 * changes the maths in a way that no graph of ours follows.  spec/arch.md 5 and 6 */
#include "format/hparam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "format/arch.h"

const char *fox_rope_scaling_name(enum fox_rope_scaling kind)
{
	static const char *const names[] = {
	    [FOX_SCALE_NONE] = "none",
	    [FOX_SCALE_LINEAR] = "linear",
	    [FOX_SCALE_YARN] = "yarn",
	    [FOX_SCALE_LONGROPE] = "longrope",
	    [FOX_SCALE_LLAMA3] = "llama3",
	};
	return (unsigned)kind < FOX_COUNT(names) ? names[kind] : "?";
}

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

/* Written so that NaN fails. */
static enum fox_status positive_real(const char *what, float v, bool or_zero, struct fox_err *err)
{
	if ((v > 0 && !isinf(v)) || (or_zero && v == 0))
		return FOX_OK;
	return fox_fail(
	    err, FOX_E_FORMAT, FOX_NOWHERE, "%s is %g, want a finite number above 0", what, (double)v);
}

/* Nothing is rotated when neither a base nor dimensions are given, as in families without rotary angles. */
static enum fox_status check_rotary(const struct fox_hparams *h, struct fox_err *err)
{
	const struct fox_rope *r = &h->rope;
	enum fox_status st;
	if (!h->rope_dims && h->rope_theta == 0)
		return FOX_OK;
	if ((st = range("number of rotated dimensions", h->rope_dims, 2, h->head_dim, err)))
		return st;
	if (h->rope_dims % 2)
		return fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE,
		    "number of rotated dimensions is %" PRIu32 ", want an even number", h->rope_dims);
	if ((st = positive_real("rotary base", h->rope_theta, false, err)) ||
	    (st = positive_real("rotary base of windowed layers", h->rope_theta_local, true, err)) ||
	    (st = positive_real("rotary attention factor", r->attn_factor, true, err)) ||
	    (st = positive_real("fast end of the yarn ramp", r->beta_fast, true, err)) ||
	    (st = positive_real("slow end of the yarn ramp", r->beta_slow, true, err)))
		return st;
	if (r->kind == FOX_SCALE_LINEAR || r->kind == FOX_SCALE_YARN)
		st = positive_real("rotary scaling factor", r->factor, false, err);
	if (!st && (r->kind == FOX_SCALE_YARN || r->kind == FOX_SCALE_LONGROPE))
		st = range("original context length", r->orig_ctx, 1, FOX_MAX_CTX, err);
	if (!st && r->kind == FOX_SCALE_YARN && h->rope_theta == 1)
		st = fox_fail(err, FOX_E_FORMAT, FOX_NOWHERE, "rotary base is 1, which yarn cannot scale");
	return st;
}

static enum fox_status check_limits(const struct fox_hparams *h, struct fox_err *err)
{
	enum fox_status st;
	if ((st = positive_real("scale of the scores", h->attn_scale, true, err)) ||
	    (st = positive_real("soft cap of the scores", h->attn_softcap, true, err)) ||
	    (st = positive_real("soft cap of the logits", h->logit_softcap, true, err)))
		return st;
	return h->window ? range("window", h->window, 1, FOX_MAX_CTX, err) : FOX_OK;
}

enum fox_status fox_hparams_check(const struct fox_hparams *h, struct fox_err *err)
{
	enum fox_status st;
	if ((st = range("number of layers", h->n_layers, 1, FOX_MAX_LAYERS, err)) ||
	    (st = range("context length", h->n_ctx, 1, FOX_MAX_CTX, err)) ||
	    (st = range("model width", h->d_model, 1, FOX_MAX_WIDTH, err)) ||
	    (st = range("vocabulary size", h->n_vocab, 1, FOX_MAX_VOCAB, err)) ||
	    (st = range("number of query heads", h->n_heads[0], 1, FOX_MAX_INNER, err)) ||
	    (st = range("head size", h->head_dim, 2, FOX_MAX_HEAD_DIM, err)))
		return st;
	if (h->head_dim % 2)
		return fox_fail(
		    err, FOX_E_FORMAT, FOX_NOWHERE, "head size is %" PRIu32 ", want an even number", h->head_dim);
	if ((st = check_rotary(h, err)) || (st = check_limits(h, err)))
		return st;
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
	if (st || (!(row->zero_key && v == 0) && (st = positive(kv, key, v, err))))
		return st;
	if (fox_arch_per_layer(row)) {
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

/* "linear", "yarn", "longrope"; "none" is what others write where nothing is scaled.
 * source: llama.cpp src/llama-model.cpp LLAMA_ROPE_SCALING_TYPES */
static enum fox_status read_kind(struct fox_hparams *h, const struct fox_gguf *g, const struct fox_gguf_kv *kv,
    const char *key, const struct fox_arch *arch, struct fox_err *err)
{
	struct fox_str name;
	enum fox_status st = fox_gguf_str(g, key, &name, err);
	if (st || fox_str_is(name, "none"))
		return st;
	for (uint32_t k = FOX_SCALE_LINEAR; k <= FOX_SCALE_LONGROPE; k++)
		if (fox_str_is(name, fox_rope_scaling_name(k)) && arch->traits.scalings >> k & 1) {
			h->rope.kind = k;
			return FOX_OK;
		}
	return fox_fail(err, FOX_E_UNSUPPORTED, kv->at, "key '%s' is '%.*s', which is not handled", key, FOX_STR_ARG(name));
}

/* One bool for each layer, or a period. */
static enum fox_status read_windowed(struct fox_hparams *h, const struct fox_gguf *g, const struct fox_gguf_kv *kv,
    const char *key, struct fox_err *err)
{
	uint32_t period;
	if (kv->type != FOX_GGUF_ARR) {
		enum fox_status st = fox_gguf_u32(g, key, &period, err);
		for (uint32_t l = 0; l < FOX_MAX_LAYERS && !st; l++)
			h->windowed[l] = period == 0 || l % period < period - 1;
		return st;
	}
	if (kv->n_items != h->n_layers)
		return fox_fail(err, FOX_E_FORMAT, kv->at,
		    "key '%s' has %" PRIu64 " elements, want one for each of %" PRIu32 " layers", key, kv->n_items,
		    h->n_layers);
	for (uint32_t l = 0; l < h->n_layers && l < FOX_MAX_LAYERS; l++)
		if (!fox_gguf_item_bool(g, kv, l, &h->windowed[l]))
			return fox_fail(
			    err, FOX_E_FORMAT, kv->at, "key '%s' holds %s, want bools", key, fox_gguf_type_name(kv->item));
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
	if (row->type == FOX_K_BOOL)
		return fox_gguf_bool(g, key, fox_arch_bool(h, row), err);
	if (row->type == FOX_K_ROPE_KIND)
		return read_kind(h, g, kv, key, arch, err);
	if (row->type == FOX_K_WINDOWED)
		return read_windowed(h, g, kv, key, err);
	if (fox_arch_per_layer(row) && kv->type == FOX_GGUF_ARR)
		return read_layers(h, row, g, kv, key, err);
	return read_u32(h, row, g, kv, key, err);
}

/* Has the family a row for a key? */
static bool has_row(const struct fox_arch *arch, const char *key)
{
	char name[128];
	for (size_t i = 0; i < arch->n_keys; i++)
		if (arch->keys[i].key && fox_arch_expand(name, sizeof name, arch->keys[i].key, arch, 0) && !strcmp(name, key))
			return true;
	return false;
}

/* A number that must be `neutral` (or absent, or 0 as llama.cpp's "not set"), unless the family reads it: anything
 * else scales rotary angles. */
static enum fox_status want_neutral(const struct fox_arch *arch, const struct fox_gguf *g, const char *key,
    float neutral, struct fox_err *err)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(g, key);
	float v;
	if (!kv || has_row(arch, key))
		return FOX_OK;
	enum fox_status st = fox_gguf_f32(g, key, &v, err);
	if (st)
		return st;
	if (v == neutral || v == 0)
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, kv->at, "key '%s' is %g, which is not handled", key, (double)v);
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
	    {"rope.scaling.yarn_log_multiplier", 0, false},
	};
	char key[128];
	struct fox_str kind = {"", 0};
	enum fox_status st = FOX_OK;
	snprintf(key, sizeof key, "%s.rope.scaling.type", arch->name);
	const struct fox_gguf_kv *type = fox_gguf_find_key(g, key);
	if (type && (st = fox_gguf_str(g, key, &kind, err)))
		return st;
	bool none = fox_str_is(kind, "none");
	if (type && !none && !has_row(arch, key))
		return fox_fail(
		    err, FOX_E_UNSUPPORTED, type->at, "key '%s' is '%.*s', which is not handled", key, FOX_STR_ARG(kind));
	for (size_t i = 0; i < FOX_COUNT(numbers) && !st; i++) {
		snprintf(key, sizeof key, "%s.%s", arch->name, numbers[i].key);
		if (!none || !numbers[i].unless_none)
			st = want_neutral(arch, g, key, numbers[i].neutral, err);
	}
	return st;
}

/* What the rows read, made one: a factor without a kind is linear scaling; factors that only some readers write but
 * that change nothing are dropped; llama3 shows in its tensor. */
static enum fox_status settle_scaling(
    struct fox_hparams *h, const struct fox_arch *arch, const struct fox_gguf *g, struct fox_err *err)
{
	static const char *const tensors[] = {
	    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"};
	struct fox_rope *r = &h->rope;
	char key[128];
	snprintf(key, sizeof key, "%s.rope.scaling.type", arch->name);
	if (!r->kind && !fox_gguf_find_key(g, key) && r->factor != 0 && r->factor != 1)
		r->kind = FOX_SCALE_LINEAR;
	for (uint32_t i = 0; i < 2 && !r->kind; i++) { /* llama.cpp's converter names no kind for either */
		enum fox_rope_scaling shown = i ? FOX_SCALE_LONGROPE : FOX_SCALE_LLAMA3;
		if (fox_gguf_find(g, fox_str_of(tensors[i])) && arch->traits.scalings >> shown & 1)
			r->kind = shown;
	}
	for (size_t i = 0; i < FOX_COUNT(tensors); i++)
		if (fox_gguf_find(g, fox_str_of(tensors[i])) && r->kind != (i ? FOX_SCALE_LONGROPE : FOX_SCALE_LLAMA3))
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
			    "tensor '%s' scales the rotary angles, which is not handled", tensors[i]);
	if (r->kind != FOX_SCALE_LINEAR && r->kind != FOX_SCALE_YARN)
		r->factor = 0;
	if (r->attn_factor == 1)
		r->attn_factor = 0;
	if (!r->kind && r->attn_factor != 0)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "key '%s.rope.scaling.attn_factor' is %g, but nothing is scaled", arch->name, (double)r->attn_factor);
	if (!r->orig_ctx && (r->kind == FOX_SCALE_YARN || r->kind == FOX_SCALE_LONGROPE))
		r->orig_ctx = h->n_ctx;
	return FOX_OK;
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

/* Whether layer 0 has any tensor of a flag; h says nothing of it beforehand. */
static bool has_flagged(const struct fox_arch *arch, const struct fox_gguf *g, uint32_t flag)
{
	char name[64];
	for (size_t i = 0; i < arch->n_tensors; i++)
		if (arch->tensors[i].how & flag && fox_arch_expand(name, sizeof name, arch->tensors[i].name, arch, 0) &&
		    fox_gguf_find(g, fox_str_of(name)))
			return true;
	return false;
}

static bool knows_flag(const struct fox_arch *arch, uint32_t flag)
{
	for (size_t i = 0; i < arch->n_tensors; i++)
		if (arch->tensors[i].how & flag)
			return true;
	return false;
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
	for (uint32_t l = 0; l < FOX_MAX_LAYERS; l++)
		h->windowed[l] = fox_arch_windowed(arch, l);
	for (size_t i = 0; i < arch->n_keys && !st; i++)
		st = read_key(h, arch, &arch->keys[i], g, err);
	if (st || (st = settle_scaling(h, arch, g, err)))
		return st;
	h->bias_qkv = has_flagged(arch, g, FOX_T_BIAS);
	h->bias_out = has_flagged(arch, g, FOX_T_BIAS_OUT);
	h->bias_ffn = has_flagged(arch, g, FOX_T_BIAS_FFN);
	/* the key is not to be believed: llama.cpp's converter writes true for models whose blocks are serial */
	h->parallel = knows_flag(arch, FOX_T_SERIAL) && !has_flagged(arch, g, FOX_T_SERIAL);
	const struct fox_gguf_kv *tokens = fox_gguf_find_key(g, "tokenizer.ggml.tokens");
	if (!h->n_vocab && tokens && tokens->type == FOX_GGUF_ARR)
		h->n_vocab = (uint32_t)tokens->n_items; /* open refuses more than FOX_GGUF_MAX_ITEMS */
	h->tied = is_tied(arch, g);
	if ((st = fox_arch_derive(h, arch, err)) || (st = fox_hparams_check(h, err)))
		return st;
	if (arch->traits.rope != FOX_ROPE_NONE && !arch->traits.rope_partial && h->rope_dims != h->head_dim)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "%" PRIu32 " of %" PRIu32 " head dimensions are rotated, where architecture '%s' rotates all",
		    h->rope_dims, h->head_dim, arch->name);
	return FOX_OK;
}
