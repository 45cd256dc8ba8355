/* recipe.c - choosing a type for every tensor: facts, order, options, rules. See recipe.h; the mixtures: recipe_mix.c. */
#include "convert/recipe.h"

#include <stdio.h>
#include <stdlib.h>

#include "convert/recipe_in.h"
#include "kernels/kernels.h"

struct fox_recipe fox_recipe_of(const struct fox_ftype *ftype)
{
	return (struct fox_recipe){.ftype = ftype, .output_type = FOX_TYPE_LIMIT, .embed_type = FOX_TYPE_LIMIT};
}

/* ---- what this build makes */

bool fox_recipe_makes(enum fox_type type)
{
	return type < FOX_TYPE_LIMIT && fox_kernels()->encode[type];
}

static enum fox_status check_type(
    enum fox_type type, const char *what, struct fox_str name, struct fox_err *err)
{
	if (fox_recipe_makes(type))
		return FOX_OK;
	const struct fox_type_info *info = fox_type_info(type);
	fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "%s: fox %sdoes not quantize to it", info->name,
	    info->codec ? "reads it but " : "");
	fox_in(err, "in %s%.*s%s", what, FOX_STR_ARG(name), name.n ? "'" : "");
	return FOX_E_UNSUPPORTED;
}

enum fox_status fox_recipe_check(const struct fox_recipe *r, struct fox_err *err)
{
	struct fox_str none = fox_str_of("");
	enum fox_status s = FOX_OK;
	if (!(r->ftype->how & FOX_FTYPE_COPY))
		s = check_type(r->ftype->type, "file type '", fox_str_of(r->ftype->name), err);
	if (!s && r->output_type < FOX_TYPE_LIMIT)
		s = check_type(r->output_type, "the type of the output tensor", none, err);
	if (!s && r->embed_type < FOX_TYPE_LIMIT)
		s = check_type(r->embed_type, "the type of the token embeddings", none, err);
	for (size_t i = 0; i < fox_rules_count(r->rules) && !s; i++)
		s = check_type(fox_rules_type(r->rules, i), "rule '", fox_rules_text(r->rules, i), err);
	return s;
}

/* ---- facts */

/* The first element of an integer key of the architecture: some models have one number per layer. */
static bool arch_u64(const struct fox_gguf *g, struct fox_str arch, const char *what, uint64_t *out)
{
	char key[256];
	int n = snprintf(key, sizeof key, "%.*s.%s", FOX_STR_ARG(arch), what);
	const struct fox_gguf_kv *kv = n > 0 && (size_t)n < sizeof key ? fox_gguf_find_key(g, key) : NULL;
	return kv && kv->n_items && fox_gguf_item_u64(g, kv, 0, out);
}

void fox_recipe_model_gguf(struct fox_recipe_model *out, const struct fox_gguf *g)
{
	*out = (struct fox_recipe_model){.arch = {"", 0}};
	if (fox_gguf_str(g, "general.architecture", &out->arch, NULL))
		return;
	(void)arch_u64(g, out->arch, "block_count", &out->n_layers);
	(void)arch_u64(g, out->arch, "expert_count", &out->n_experts);
	out->heads_given = arch_u64(g, out->arch, "attention.head_count", &out->n_heads);
	if (!arch_u64(g, out->arch, "attention.head_count_kv", &out->n_kv_heads))
		out->n_kv_heads = out->n_heads;
}

/* Query heads for each key head, from the rows of the first layer that has both: exact where heads are of one size. */
static uint64_t gqa_of_rows(const struct fox_recipe_tensor *t, size_t n)
{
	const struct fox_recipe_tensor *q = NULL, *k = NULL;
	for (size_t i = 0; i < n; i++) {
		enum recipe_role role = recipe_role(t[i].name);
		const struct fox_recipe_tensor **to = role == ROLE_ATTN_Q ? &q : role == ROLE_ATTN_K ? &k : NULL;
		if (to && recipe_layer(t[i].name) >= 0 &&
		    (!*to || recipe_layer(t[i].name) < recipe_layer((*to)->name)))
			*to = &t[i];
	}
	return q && k && recipe_dim(k, 1) ? recipe_dim(q, 1) / recipe_dim(k, 1) : 0;
}

/* Models whose V is a small part of attention.
 * source: llama.cpp src/models/{llama,qwen2,deci,olmo,jais2}.cpp load_arch_hparams, where they choose LLM_TYPE_70B */
static bool shares_v(const struct recipe_walk *w, bool one_to_one)
{
	static const struct {
		const char *arch;
		uint64_t n_layers;
		bool grouped; /* only where key heads are fewer than query heads */
	} rows[] = {{"llama", 80, true}, {"llama-embed", 80, true}, {"qwen2", 80, false}, {"deci", 80, false},
	    {"olmo", 80, false}, {"jais2", 68, false}};
	for (size_t i = 0; i < FOX_COUNT(rows); i++)
		if (fox_str_is(w->arch, rows[i].arch) && w->n_layers == rows[i].n_layers)
			return !rows[i].grouped || !one_to_one;
	return false;
}

static void learn(
    struct recipe_walk *w, const struct fox_recipe_model *m, const struct fox_recipe_tensor *t, size_t n)
{
	uint64_t layers = 0, experts = 0;
	w->arch = m->arch.p ? m->arch : fox_str_of("");
	w->tied = true;
	for (size_t i = 0; i < n; i++) {
		enum recipe_role role = recipe_role(t[i].name);
		uint64_t layer = (uint64_t)(recipe_layer(t[i].name) + 1);
		w->n_role[role]++;
		w->tied = w->tied && role != ROLE_OUTPUT;
		layers = layer > layers ? layer : layers;
		if (memmem(t[i].name.p, t[i].name.n, "_exps.", 6) && recipe_dim(&t[i], 2) > experts)
			experts = recipe_dim(&t[i], 2);
	}
	w->n_layers = m->n_layers ? m->n_layers : layers;
	w->n_experts = m->n_experts ? m->n_experts : experts > 1 ? experts : 0;
	w->n_role[ROLE_FFN_GATE] = w->n_role[ROLE_FFN_UP] = w->n_role[ROLE_FFN_DOWN] = w->n_layers;
	if (m->heads_given || m->n_heads)
		w->n_gqa = m->n_kv_heads ? m->n_heads / m->n_kv_heads : 0;
	else
		w->n_gqa = gqa_of_rows(t, n);
	w->falcon = fox_str_is(w->arch, "falcon");
	w->shares_v = shares_v(w, m->heads_given || m->n_heads ? m->n_heads == m->n_kv_heads : w->n_gqa == 1);
}

/* ---- order */

struct place {
	int64_t layer;
	const struct fox_recipe_tensor *t;
};

static int by_layer_and_name(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	int c = fox_str_cmp(x->t->name, y->t->name);
	return c ? c : (x->t > y->t) - (x->t < y->t);
}

static struct place *in_order(const struct fox_recipe_tensor *t, size_t n)
{
	struct place *p = malloc((n + !n) * sizeof *p);
	for (size_t i = 0; i < n && p; i++)
		p[i] = (struct place){recipe_layer(t[i].name), &t[i]};
	if (p)
		qsort(p, n, sizeof *p, by_layer_and_name);
	return p;
}

/* ---- choice */

static bool quantized(enum fox_type t)
{
	return fox_type_info(t)->elems > 1;
}

/* Options before rules before the mixture. source: llama_tensor_get_type */
static enum fox_status choose(struct recipe_walk *w, struct fox_recipe_choice *c,
    const struct fox_recipe_tensor *t, enum recipe_role role, struct fox_err *err)
{
	const struct fox_recipe *r = w->r;
	size_t rule;
	enum fox_status s = fox_rules_find(r->rules, t->name, &rule, err);
	if (s)
		return fox_in(err, "in tensor '%.*s'", FOX_STR_ARG(t->name)), s;
	/* the second table of some models follows the option for embeddings unless a rule names it */
	bool named = rule != SIZE_MAX && fox_str_is(t->name, "per_layer_token_embd.weight");
	if (role == ROLE_EMBED && r->embed_type < FOX_TYPE_LIMIT && !named) {
		c->why = FOX_WHY_EMBED;
		c->wanted = r->embed_type;
	} else if (role == ROLE_OUTPUT && r->output_type < FOX_TYPE_LIMIT) {
		c->why = FOX_WHY_OUTPUT;
		c->wanted = r->output_type;
	} else if (rule != SIZE_MAX) {
		c->why = FOX_WHY_RULE;
		c->rule = rule;
		c->wanted = fox_rules_type(r->rules, rule);
	} else if (r->pure || !quantized(r->ftype->type)) {
		c->wanted = r->ftype->type;
	} else {
		bool output = role == ROLE_EMBED && w->tied && r->output_type < FOX_TYPE_LIMIT;
		c->wanted = recipe_mix(w, t, role);
		c->why = output ? FOX_WHY_OUTPUT : c->wanted == r->ftype->type ? FOX_WHY_BASE : FOX_WHY_MIX;
	}
	c->type = recipe_fitting(c->wanted, recipe_dim(t, 0));
	c->needs_importance = recipe_needs_importance(r, role, c->type);
	return FOX_OK;
}

static void tally(
    struct fox_recipe_count *count, const struct fox_recipe_choice *c, const struct fox_recipe_tensor *t)
{
	count->kept += c->why < FOX_WHY_BASE;
	count->fell_back += c->type != c->wanted;
	count->needs_importance += c->needs_importance && c->type != t->type;
	count->by_rule += c->why == FOX_WHY_RULE;
}

enum fox_status fox_recipe_types(struct fox_recipe_choice *out, struct fox_recipe_count *count,
    const struct fox_recipe *r, const struct fox_recipe_model *model, const struct fox_recipe_tensor *t,
    size_t n, struct fox_err *err)
{
	struct recipe_walk w = {.r = r};
	struct fox_recipe_count sum = {0};
	struct place *order = in_order(t, n);
	enum fox_status s = order ? FOX_OK : fox_fail_nomem(err);
	if (!s)
		learn(&w, model, t, n);
	for (size_t i = 0; i < n && !s; i++) {
		const struct fox_recipe_tensor *at = order[i].t;
		struct fox_recipe_choice *c = &out[at - t];
		*c = (struct fox_recipe_choice){.type = at->type, .wanted = at->type, .rule = SIZE_MAX};
		c->why = recipe_keeps(&w, at);
		if (c->why == FOX_WHY_BASE)
			s = choose(&w, c, at, recipe_role(at->name), err);
		if (!s)
			tally(&sum, c, at);
	}
	free(order);
	if (!s && count)
		*count = sum;
	return s;
}

const char *fox_recipe_why_text(
    const struct fox_recipe *r, const struct fox_recipe_choice *c, char *buf, size_t n)
{
	static const char *const text[FOX_WHY_COUNT] = {
	    [FOX_WHY_COPY] = "kept: copied",
	    [FOX_WHY_VECTOR] = "kept: no matrix",
	    [FOX_WHY_NAME] = "kept: bias, norm or the like",
	    [FOX_WHY_SMALL] = "kept: small or sensitive",
	    [FOX_WHY_LEFT] = "kept: output tensor left",
	    [FOX_WHY_BASE] = "base type",
	    [FOX_WHY_MIX] = "mixture",
	    [FOX_WHY_RULE] = "rule",
	    [FOX_WHY_OUTPUT] = "type of the output tensor",
	    [FOX_WHY_EMBED] = "type of the token embeddings",
	};
	int len = c->why == FOX_WHY_RULE
	              ? snprintf(buf, n, "rule '%.*s'", FOX_STR_ARG(fox_rules_text(r->rules, c->rule)))
	              : snprintf(buf, n, "%s", text[c->why]);
	if (c->type != c->wanted && len > 0 && (size_t)len < n)
		snprintf(buf + len, n - (size_t)len, "; in place of %s, whose blocks hold %u",
		    fox_type_info(c->wanted)->name, (unsigned)fox_type_info(c->wanted)->elems);
	return buf;
}
