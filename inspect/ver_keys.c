/* ver_keys.c - the container's keys against config.json and generation_config.json.
 *
 * A key's expected value comes from the spelling that config.json has, else from the family's default, else by
 * the rule of the family (heads divide the width). A key that is absent is judged by what a reader then assumes.
 * Keys that no row expects must not be there; keys that no check here can vouch for are named.
 * spec/verify.md 3.5 */
#include <stdio.h>

#include "format/ftype.h"
#include "format/profile.h"
#include "inspect/verify.h"

enum { MAX_JSON = 64 << 20, MAX_TOLD = 32 };

#define FIELD(f) offsetof(struct fox_hparams, f)

/* Fields that other checks own: fox_ver_rope, fox_ver_window, check_parallel. */
static bool is_special(size_t field)
{
	static const size_t special[] = {FIELD(rope.kind), FIELD(rope.factor), FIELD(rope.orig_ctx),
	    FIELD(rope.attn_factor), FIELD(rope.beta_fast), FIELD(rope.beta_slow), FIELD(rope_dims),
	    FIELD(window), FIELD(windowed), FIELD(attn_scale), FIELD(parallel)};
	for (size_t i = 0; i < FOX_COUNT(special); i++)
		if (special[i] == field)
			return true;
	return false;
}

/* What a reader computes with when the key is not there. */
static double assumed(const struct fox_arch_key *row, const struct fox_ver_pair *p, uint64_t layer)
{
	struct fox_hparams *h = (struct fox_hparams *)(uintptr_t)p->h; /* only read */
	if (row->type == FOX_K_F32)
		return (double)*fox_arch_f32(h, row);
	return (double)fox_arch_u32(h, row)[fox_arch_per_layer(row) ? layer : 0];
}

/*
 * A family's default may be fox's alone: other readers go by one rule for all families, and where the two differ a file
 * without the key is read in two ways. `ours` passes where there is no such rule.  source: llama.cpp
 * src/llama-model.cpp load_hparams
 */
static double assumed_elsewhere(const struct fox_arch_key *row, const struct fox_ver_pair *p, double ours)
{
	if (row->field == FIELD(rope_theta))
		return 10000;
	return row->field == FIELD(head_dim) ? (double)(p->h->d_model / p->h->n_heads[0]) : ours;
}

static bool check_row(struct fox_verify *v, const struct fox_ver_pair *p, const struct fox_arch_key *row)
{
	char key[96];
	if (!row->key || is_special(row->field) || !fox_arch_expand(key, sizeof key, row->key, p->arch, 0))
		return false;
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	uint64_t layers = fox_arch_per_layer(row) ? p->h->n_layers : 1;
	for (uint64_t l = 0; l < layers; l++) {
		double want = 0, got = 0;
		struct fox_str by;
		bool any = fox_ver_want(p, row, l, &want, &by), is = true;
		if (kv)
			is = fox_ver_item(v->g, kv, kv->n_items == layers ? l : 0, &got);
		else
			got = assumed(row, p, l);
		if (!any && !kv && got == 0 && !row->required)
			return false; /* neither side has it */
		if (row->type == FOX_K_F32)
			want = (double)(float)want;
		if (!kv && got == want)
			got = assumed_elsewhere(row, p, got);
		if (any && is && got == want)
			continue;
		char a[32], b[32];
		bool real = row->type == FOX_K_F32;
		if (real)
			fox_show_f32(a, (float)got), fox_show_f32(b, (float)want);
		else
			fox_show_f64(a, got), fox_show_f64(b, want);
		if (!is)
			fox_find_add(
			    &v->found, FOX_FAIL, "source.key", key, "is %s, no number", fox_gguf_type_name(kv->type));
		else if (any)
			fox_find_add(&v->found, FOX_FAIL, "source.key", key, "%s %s, must be %s by %.*s",
			    kv ? "is" : "absent, which means", a, b, FOX_STR_ARG(by));
		else
			fox_find_add(
			    &v->found, FOX_FAIL, "source.key", key, "is %s, but config.json gives no such number", a);
		return false;
	}
	return kv != NULL;
}

/* What the first of config.json's names says that is there; all must say the same. */
static bool flag(struct fox_verify *v, const struct fox_ver_pair *p, const char *names, bool otherwise)
{
	struct fox_str name, first = {"", 0};
	bool b, found = otherwise;
	while (fox_arch_next(&names, &name)) {
		const struct fox_value *said = fox_ver_dig(p->config, name);
		char where[96];
		snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(name));
		if (said && !fox_json_bool(said, &b))
			fox_find_add(&v->found, FOX_FAIL, "source.config", where, "is neither true nor false");
		else if (said && first.n && b != found)
			fox_find_add(
			    &v->found, FOX_FAIL, "source.config", where, "contradicts '%.*s'", FOX_STR_ARG(first));
		else if (said)
			first = name, found = b;
	}
	return found;
}

/* Whether the output is tied shows in the tensors: config.json must say the same. */
static void check_tie(struct fox_verify *v, const struct fox_ver_pair *p)
{
	struct fox_str name = {"", 0};
	const char *names = p->arch->tied;
	bool tied = flag(v, p, names, p->arch->tied_default);
	while (fox_arch_next(&names, &name) && !fox_ver_dig(p->config, name))
		;
	if (tied && !p->h->tied)
		fox_find_add(&v->found, FOX_FAIL, "source.key", "output.weight",
		    "is there, but '%.*s' says that the embedding serves as output", FOX_STR_ARG(name));
	else if (!tied && p->h->tied)
		fox_find_add(&v->found, FOX_FAIL, "source.key", "output.weight",
		    "absent, but '%.*s' says that the output has weights of its own", FOX_STR_ARG(name));
}

/* Biases that the family leaves to the model show in the tensors, too. */
static void check_biases(struct fox_verify *v, const struct fox_ver_pair *p)
{
	const struct {
		const char *names, *where;
		bool here;
	} biases[] = {{p->arch->bias_qkv, "blk.0.attn_q.bias", p->h->bias_qkv},
	    {p->arch->bias_out, "blk.0.attn_output.bias", p->h->bias_out},
	    {p->arch->bias_ffn, "blk.0.ffn_up.bias", p->h->bias_ffn}};
	for (size_t i = 0; i < FOX_COUNT(biases); i++)
		if (biases[i].names && flag(v, p, biases[i].names, false) != biases[i].here)
			fox_find_add(&v->found, FOX_FAIL, "source.key", biases[i].where,
			    biases[i].here ? "is there, but '%s' does not say so" : "absent, but '%s' is true",
			    biases[i].names);
}

/*
 * Whether attention and feed-forward stand side by side shows in the tensors, which readers go by; the key must say the
 * same. llama.cpp's converter writes true where config.json does not say: a file without fox.profile may have that.
 */
static bool check_parallel(struct fox_verify *v, const struct fox_ver_pair *p)
{
	const struct fox_gguf_kv *kv;
	char key[96];
	const struct fox_arch_key *row = fox_ver_row_of(v, p, FIELD(parallel), key, &kv);
	double got;
	if (!row)
		return false;
	bool want = flag(v, p, row->config, false), said = false;
	const char *names = row->config;
	for (struct fox_str name; fox_arch_next(&names, &name);)
		said |= fox_ver_dig(p->config, name) != NULL;
	if (p->h->parallel != want)
		fox_find_add(&v->found, FOX_FAIL, "source.key", "blk.0.ffn_norm.weight",
		    want ? "is there, but '%s' is true" : "absent, but '%s' is not true", row->config);
	if (!kv || (!said && !p->fox))
		return false;
	if (kv->type == FOX_GGUF_BOOL && fox_ver_item(v->g, kv, 0, &got) && (got != 0) == want)
		return true;
	fox_find_add(&v->found, FOX_FAIL, "source.key", key, "is not %s, as '%s' has it", want ? "true" : "false",
	    row->config);
	return false;
}

/* No key need say how many tokens there are: the list of tokens does. */
static void check_vocab(struct fox_verify *v, const struct fox_ver_pair *p)
{
	double want = fox_ver_field(p, FIELD(n_vocab), 0);
	if (p->h->n_vocab != want)
		fox_find_add(&v->found, FOX_FAIL, "source.key", "vocab_size",
		    "the container has %u tokens, config.json %.0f", p->h->n_vocab, want);
}

/* ---- general.sampling.*, from generation_config.json */

static const struct sampling {
	const char *key, *config; /* behind "general.sampling."; in generation_config.json */
	enum fox_gguf_type type;
} samplings[] = {
    {"sequence", "sequence", FOX_GGUF_STR},
    {"top_k", "top_k", FOX_GGUF_I32},
    {"top_p", "top_p", FOX_GGUF_F32},
    {"min_p", "min_p", FOX_GGUF_F32},
    {"xtc_probability", "xtc_probability", FOX_GGUF_F32},
    {"xtc_threshold", "xtc_threshold", FOX_GGUF_F32},
    {"temp", "temperature", FOX_GGUF_F32},
    {"penalty_last_n", "penalty_last_n", FOX_GGUF_I32},
    {"penalty_repeat", "penalty_repeat", FOX_GGUF_F32},
    {"mirostat", "mirostat", FOX_GGUF_I32},
    {"mirostat_tau", "mirostat_tau", FOX_GGUF_F32},
    {"mirostat_eta", "mirostat_eta", FOX_GGUF_F32},
};

/* Does generation_config.json give this setting a value of its kind; and if so, is the key that value? */
static void check_sampling(
    struct fox_verify *v, const struct sampling *row, const struct fox_value *generation)
{
	char key[64];
	struct fox_str text = {"", 0}, got_text;
	int64_t i = 0, got_i;
	double d = 0, got_d;
	const struct fox_value *said = fox_json_get(generation, row->config);
	snprintf(key, sizeof key, "general.sampling.%s", row->key);
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, key);
	bool any = row->type == FOX_GGUF_STR   ? fox_json_str(said, &text)
	           : row->type == FOX_GGUF_I32 ? fox_json_i64(said, &i) && i >= INT32_MIN && i <= INT32_MAX
	                                       : fox_json_f64(said, &d);
	if (!kv && !any)
		return;
	bool same =
	    kv && any && kv->type != FOX_GGUF_ARR &&
	    (row->type == FOX_GGUF_STR ? !fox_gguf_str(v->g, key, &got_text, NULL) && fox_str_eq(text, got_text)
	        : row->type == FOX_GGUF_I32
	            ? fox_gguf_item_i64(v->g, kv, 0, &got_i) && got_i == i
	            : fox_gguf_item_f64(v->g, kv, 0, &got_d) && got_d == (double)(float)d);
	if (!same)
		fox_find_add(&v->found, FOX_FAIL, "source.key", key,
		    !kv    ? "absent, but generation_config.json has '%s'"
		    : !any ? "is there, but generation_config.json has no '%s'"
		           : "is not '%s' of generation_config.json",
		    row->config);
}

static enum fox_status check_samplings(struct fox_verify *v, struct fox_source *src, struct fox_err *err)
{
	struct fox_json *json = NULL;
	struct fox_str text;
	enum fox_status s = fox_source_read_file(src, "generation_config.json", MAX_JSON, &text, err);
	if (!s && text.p && (s = fox_json_parse(&json, text, err)))
		return fox_in_file(err, "generation_config.json"), s;
	for (size_t i = 0; i < FOX_COUNT(samplings) && !s; i++)
		check_sampling(v, &samplings[i], json ? fox_json_root(json) : NULL);
	fox_json_close(json);
	return s;
}

/* ---- what the tensors themselves say */

#define KEY_FILE_TYPE "general.file_type"

/*
 * A file type of floats: matrices have its type, but any may be f32 instead, as the names in llama.h begin with MOSTLY; some
 * matrix must have the type named.
 */
static void check_floats(struct fox_verify *v, enum fox_type want)
{
	const struct fox_tensor *other = NULL;
	size_t fitting = 0;
	for (size_t i = 0; i < fox_gguf_tensors(v->g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(v->g, i);
		if (t->n_dims < 2)
			continue;
		fitting += t->type == want;
		if (t->type != want && (!other || (other->type == FOX_F32 && t->type != FOX_F32)))
			other = t; /* the first, but one that is no f32 says more */
	}
	if (other && (other->type != FOX_F32 || !fitting))
		fox_find_add(&v->found, FOX_FAIL, "source.key", KEY_FILE_TYPE, "says %s, but '%.*s' is %s",
		    fox_type_info(want)->name, FOX_STR_ARG(other->name), fox_type_info(other->type)->name);
}

/* A quantized one names a mixture, and users may choose types by tensor: but where rows fit its base type's blocks, some
 * matrix must have that. */
static void check_mixture(struct fox_verify *v, enum fox_type want)
{
	size_t fitting = 0, there = 0;
	for (size_t i = 0; i < fox_gguf_tensors(v->g); i++) {
		const struct fox_tensor *t = fox_gguf_tensor(v->g, i);
		fitting += t->n_dims > 1 && t->dim[0] % fox_type_info(want)->elems == 0;
		there += t->n_dims > 1 && t->type == want;
	}
	if (fitting && !there)
		fox_find_add(&v->found, FOX_FAIL, "source.key", KEY_FILE_TYPE, "says mostly %s, but no matrix is",
		    fox_type_info(want)->name);
}

static void check_file_type(struct fox_verify *v)
{
	const struct fox_gguf_kv *kv = fox_gguf_find_key(v->g, KEY_FILE_TYPE);
	const struct fox_ftype *f;
	uint64_t id;
	if (!kv)
		return;
	if (!fox_gguf_item_u64(v->g, kv, 0, &id) || !(f = fox_ftype_of_id(id)))
		fox_find_add(&v->found, FOX_FAIL, "source.key", KEY_FILE_TYPE, "names no file type");
	else if (f->type == FOX_F32 || f->type == FOX_F16 || f->type == FOX_BF16)
		check_floats(v, f->type);
	else if (!(f->how & FOX_FTYPE_EXPERTS)) /* models here have none */
		check_mixture(v, f->type);
}

/* ---- keys that nothing above looks at */

static bool is_row(const struct fox_ver_pair *p, struct fox_str key)
{
	char name[96];
	for (size_t i = 0; i < p->arch->n_keys; i++)
		if (p->arch->keys[i].key && fox_arch_expand(name, sizeof name, p->arch->keys[i].key, p->arch, 0) &&
		    fox_str_is(key, name))
			return true;
	return false;
}

static bool is_sampling(struct fox_str key)
{
	static const char prefix[] = "general.sampling.";
	if (!fox_str_starts(key, prefix))
		return false;
	struct fox_str rest = {key.p + sizeof prefix - 1, key.n - (sizeof prefix - 1)};
	for (size_t i = 0; i < FOX_COUNT(samplings); i++)
		if (fox_str_is(rest, samplings[i].key))
			return true;
	return false;
}

/* Keys that other checks own; split.* those of a set when it was opened. */
static bool is_elsewhere(const struct fox_verify *v, struct fox_str key)
{
	static const char *const names[] = {
	    "general.architecture", "general.alignment", KEY_FILE_TYPE, FOX_KEY_PROFILE, FOX_KEY_PAD};
	static const char *const prefixes[] = {
	    "tokenizer.", "fox.hash.", "fox.source.", "fox.hf.", "fox.tokenizer."};
	for (size_t i = 0; i < FOX_COUNT(names); i++)
		if (fox_str_is(key, names[i]))
			return true;
	for (size_t i = 0; i < FOX_COUNT(prefixes); i++)
		if (fox_str_starts(key, prefixes[i]))
			return true;
	return fox_gguf_parts(v->g) > 1 && fox_str_starts(key, "split.");
}

/* Below "<arch>." every key is maths, so one that no row knows is a claim that config.json does not make. */
static enum fox_status check_others(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	struct fox_buf list = {0};
	size_t n = 0, bad = 0, arch_n = strlen(p->arch->name);
	for (size_t i = 0; i < fox_gguf_keys(v->g); i++) {
		struct fox_str key = fox_gguf_key(v->g, i)->key;
		char where[201];
		if (is_elsewhere(v, key) || is_row(p, key) || is_sampling(key))
			continue;
		if (fox_str_starts(key, p->arch->name) && key.n > arch_n && key.p[arch_n] == '.') {
			snprintf(where, sizeof where, "%.*s", FOX_STR_ARG(key));
			if (bad++ < MAX_TOLD)
				fox_find_add(&v->found, FOX_FAIL, "source.key", where, "nothing in config.json says this");
		} else if (n++ < MAX_TOLD) {
			fox_buf_fmt(&list, "%s%.*s", n > 1 ? ", " : "", FOX_STR_ARG(key));
		}
	}
	if (bad > MAX_TOLD)
		fox_find_add(&v->found, FOX_FAIL, "source.key", "", "%zu more keys like these", bad - MAX_TOLD);
	if (n > MAX_TOLD)
		fox_buf_fmt(&list, " and %zu more", n - MAX_TOLD);
	if (n && !list.failed)
		fox_find_add(
		    &v->found, FOX_NOTE, "source.unproven", "", "no check says where these come from: %s", list.p);
	enum fox_status s = list.failed ? fox_fail_nomem(err) : FOX_OK;
	fox_buf_free(&list);
	return s;
}

enum fox_status fox_ver_keys(struct fox_verify *v, const struct fox_ver_pair *p, struct fox_err *err)
{
	size_t good = 0, before = v->found.n_fail;
	const struct fox_gguf_kv *kv;
	char key[96];
	for (size_t i = 0; i < p->arch->n_keys; i++)
		good += check_row(v, p, &p->arch->keys[i]);
	good += fox_ver_rope(v, p) + fox_ver_window(v, p) + check_parallel(v, p);
	if (!fox_ver_row_of(v, p, FIELD(n_vocab), key, &kv)) /* else check_row has seen it */
		check_vocab(v, p);
	check_tie(v, p);
	check_biases(v, p);
	check_file_type(v);
	enum fox_status s = check_samplings(v, p->src, err);
	if (!s)
		s = check_others(v, p, err);
	if (!s && v->found.n_fail == before)
		fox_find_add(&v->found, FOX_PASS, "source.key", "", "%zu keys are what config.json says", good);
	return s;
}
