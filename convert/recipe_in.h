/* recipe_in.h - inside the recipe: what a tensor is by its name, and what a mixture makes of it. */
#ifndef FOX_RECIPE_IN_H
#define FOX_RECIPE_IN_H

#include "convert/recipe.h"

/* What mixtures tell apart. source: llama-quant.cpp tensor_get_category */
enum recipe_role {
	ROLE_EMBED,
	ROLE_OUTPUT,
	ROLE_ATTN_Q,
	ROLE_ATTN_K,
	ROLE_ATTN_V, /* also fused Q, K and V, and MLA's K and V */
	ROLE_ATTN_OUT,
	ROLE_FFN_GATE,
	ROLE_FFN_UP,
	ROLE_FFN_DOWN,
	ROLE_OTHER,
	ROLE_COUNT
};

/* The model as mixtures see it, and how far the walk over its tensors has come. */
struct recipe_walk {
	const struct fox_recipe *r;
	struct fox_str arch;
	uint64_t n_layers, n_experts, n_gqa; /* n_gqa: query heads for each key head, rounded down */
	bool shares_v;                       /* a model that quantizes V wider: llama.cpp's LLM_TYPE_70B */
	bool falcon;
	bool tied;                   /* there is no output.weight */
	uint64_t n_role[ROLE_COUNT]; /* tensors of a role; n_layers for the feed-forward's */
	uint64_t seen[ROLE_COUNT];   /* of them, those that a mixture has decided */
};

enum recipe_role recipe_role(struct fox_str name);

/* Is it quantized at all? FOX_WHY_BASE when it is, else why not. */
enum fox_recipe_why recipe_keeps(const struct recipe_walk *w, const struct fox_recipe_tensor *t);

/* The number N of "blk.N.", or -1. */
int64_t recipe_layer(struct fox_str name);

/* Dimension i, 1 past n_dims. */
static inline uint64_t recipe_dim(const struct fox_recipe_tensor *t, uint32_t i)
{
	return i < t->n_dims ? t->dim[i] : 1;
}

/* The type that the mixture gives a tensor which no rule and no option names; counts it. */
enum fox_type recipe_mix(struct recipe_walk *w, const struct fox_recipe_tensor *t, enum recipe_role role);

/* `wanted`, or what stands in for it where columns are no multiple of its block. */
enum fox_type recipe_fitting(enum fox_type wanted, uint64_t cols);

/* Must a tensor of this type not be quantized without importance? */
bool recipe_needs_importance(const struct fox_recipe *r, enum recipe_role role, enum fox_type type);

#endif
