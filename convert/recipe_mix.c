/* recipe_mix.c - llama-quantize's mixtures as tables: which names are kept, which role a name has, and which type a
 * role gets under a file type. spec/recipe.md 3 to 5; source: llama-quant.cpp */
#include "convert/recipe_in.h"

static bool holds(struct fox_str name, const char *part)
{
	return memmem(name.p, name.n, part, strlen(part)) != NULL;
}

/* ---- roles */

enum recipe_role recipe_role(struct fox_str name)
{
	/* in this order: the first part that a name holds decides */
	static const struct {
		const char *part;
		enum recipe_role role;
	} parts[] = {
	    {"attn_qkv.weight", ROLE_ATTN_V},
	    {"attn_kv_b.weight", ROLE_ATTN_V},
	    {"attn_v.weight", ROLE_ATTN_V},
	    {"attn_k.weight", ROLE_ATTN_K},
	    {"attn_q.weight", ROLE_ATTN_Q},
	    {"attn_output.weight", ROLE_ATTN_OUT},
	    {"ffn_up", ROLE_FFN_UP},
	    {"ffn_gate", ROLE_FFN_GATE},
	    {"ffn_down", ROLE_FFN_DOWN},
	};
	if (fox_str_is(name, "output.weight"))
		return ROLE_OUTPUT;
	if (fox_str_is(name, "token_embd.weight") || fox_str_is(name, "per_layer_token_embd.weight"))
		return ROLE_EMBED;
	for (size_t i = 0; i < FOX_COUNT(parts); i++)
		if (holds(name, parts[i].part))
			return parts[i].role;
	return ROLE_OTHER;
}

int64_t recipe_layer(struct fox_str name)
{
	int64_t n = 0;
	size_t i = 4;
	if (!fox_str_starts(name, "blk."))
		return -1;
	for (; i < name.n && name.p[i] >= '0' && name.p[i] <= '9' && n < 100000000; i++)
		n = 10 * n + (name.p[i] - '0');
	return i == 4 ? -1 : n;
}

/* ---- what is kept */

enum recipe_kept_by { BY_PART, BY_NAME, BY_PART_GLM5 };

static const struct {
	const char *text;
	enum recipe_kept_by by;
} small[] = {
    /* which expert a token goes to */
    {"ffn_gate_inp.weight", BY_PART},
    {"ffn_gate_tid2eid.weight", BY_PART},
    {"altup", BY_PART},
    {"laurel", BY_PART},
    {"per_layer_model_proj", BY_PART},
    /* positions and token types as tables */
    {"position_embd.weight", BY_NAME},
    {"token_types.weight", BY_NAME},
    {"attn_rel_b.weight", BY_PART},
    /* convolutions over a few positions */
    {"ssm_conv1d", BY_PART},
    {"shortconv.conv.weight", BY_PART},
    {"indexer.k_proj.weight", BY_PART},
    {"indexer.q_proj.weight", BY_PART},
    /* RWKV's thin matrices */
    {"time_mix_first.weight", BY_PART},
    {"time_mix_w0.weight", BY_PART},
    {"time_mix_w1.weight", BY_PART},
    {"time_mix_w2.weight", BY_PART},
    {"time_mix_v0.weight", BY_PART},
    {"time_mix_v1.weight", BY_PART},
    {"time_mix_v2.weight", BY_PART},
    {"time_mix_a0.weight", BY_PART},
    {"time_mix_a1.weight", BY_PART},
    {"time_mix_a2.weight", BY_PART},
    {"time_mix_g1.weight", BY_PART},
    {"time_mix_g2.weight", BY_PART},
    {"time_mix_decay_w1.weight", BY_PART},
    {"time_mix_decay_w2.weight", BY_PART},
    {"time_mix_lerp_fused.weight", BY_PART},
    /* pictures and sound */
    {".position_embd", BY_PART},
    {"sam.pos_embd", BY_PART},
    {"sam.neck.", BY_PART},
    {"sam.net_", BY_PART},
    {".rel_pos", BY_PART},
    {".patch_embd", BY_PART},
    {".patch_merger", BY_PART},
    {"a.rvq.codebook", BY_PART},
    {"mm.a.code_embd", BY_PART},
    /* one architecture's own */
    {"hc_", BY_PART_GLM5},
    {"indexer.attn_q_b", BY_PART_GLM5},
    {"indexer.attn_k", BY_PART_GLM5},
    {"indexer.proj", BY_PART_GLM5},
    {"indexer_compressor_gate", BY_PART_GLM5},
    {"indexer_compressor_ape", BY_PART_GLM5},
    {"ssm_f_a.weight", BY_PART_GLM5},
    {"ssm_f_b.weight", BY_PART_GLM5},
    {"ssm_g_a.weight", BY_PART_GLM5},
    {"ssm_g_b.weight", BY_PART_GLM5},
    {"ssm_beta.weight", BY_PART_GLM5},
    {"attn_kv_a_mqa.weight", BY_PART_GLM5},
    {"attn_k_b.weight", BY_PART_GLM5},
    {"attn_v_b.weight", BY_PART_GLM5},
};

static bool is_glm5(const struct recipe_walk *w)
{
	return fox_str_is(w->arch, "glm5-next");
}

enum fox_recipe_why recipe_keeps(const struct recipe_walk *w, const struct fox_recipe_tensor *t)
{
	if (w->r->ftype->how & FOX_FTYPE_COPY)
		return FOX_WHY_COPY;
	if (recipe_dim(t, 1) <= 1 && recipe_dim(t, 2) <= 1 && recipe_dim(t, 3) <= 1)
		return FOX_WHY_VECTOR;
	if (!fox_str_ends(t->name, "weight") || holds(t->name, "_norm.weight"))
		return FOX_WHY_NAME;
	if (w->r->leave_output && fox_str_is(t->name, "output.weight"))
		return FOX_WHY_LEFT;
	for (size_t i = 0; i < FOX_COUNT(small); i++) {
		if (small[i].by == BY_PART_GLM5 && !is_glm5(w))
			continue;
		if (small[i].by == BY_NAME ? fox_str_is(t->name, small[i].text) : holds(t->name, small[i].text))
			return FOX_WHY_SMALL;
	}
	return FOX_WHY_BASE;
}

/* ---- the mixtures */

#define F(name) (UINT64_C(1) << FOX_FT_##name)
#define TINY (F(IQ1_S) | F(IQ1_M) | F(IQ2_XXS) | F(IQ2_XS) | F(IQ2_S) | F(IQ2_M))

/* Conditions of a row: all bits that are set must hold. i counts tensors of the role from 0, n is how many there are; in
 * models with experts i is the layer for the feed-forward's roles. */
enum {
	IF_GQA4 = 1 << 0,     /* at least 4 query heads for each key head */
	IF_EXPERTS4 = 1 << 1, /* at least 4 experts */
	IF_EXPERTS8 = 1 << 2, /* 8 experts exactly */
	IF_NOT_EXPERTS8 = 1 << 3,
	IF_FALCON = 1 << 4,
	IF_NOT_FALCON = 1 << 5,
	IF_NO_IMPORTANCE = 1 << 6,
	IF_IMPORTANCE = 1 << 7,
	IF_I_BELOW_2 = 1 << 8,
	IF_I_BELOW_4 = 1 << 9,
	IF_FIRST_8TH = 1 << 10,  /* i < n / 8 */
	IF_FIRST_16TH = 1 << 11, /* i < n / 16 */
	IF_MIDDLE = 1 << 12,     /* n / 8 <= i < 7 n / 8 */
	IF_SPREAD = 1 << 13,     /* the first and last eighth, and every third between */
	IF_SEEN_8TH = 1 << 14    /* as IF_FIRST_8TH, i the count also in models with experts */
};

struct mix_row {
	uint64_t ftypes;
	enum recipe_role role;
	uint32_t when;
	enum fox_type type;
};

/* The first row that fits decides; none: the base type. */
static const struct mix_row mix[] = {
    /* file types of 1 and 2 bits */
    {TINY, ROLE_ATTN_V, IF_GQA4, FOX_Q4_K},
    {TINY, ROLE_ATTN_V, IF_EXPERTS4, FOX_Q4_K},
    {F(IQ2_S) | F(IQ2_M), ROLE_ATTN_V, 0, FOX_IQ3_S},
    {TINY, ROLE_ATTN_V, 0, FOX_Q2_K},
    {TINY, ROLE_ATTN_K, IF_EXPERTS8, FOX_Q4_K},
    {F(IQ2_S) | F(IQ2_M), ROLE_FFN_DOWN, IF_SEEN_8TH, FOX_IQ3_S},
    {TINY, ROLE_FFN_DOWN, IF_SEEN_8TH, FOX_Q2_K},
    {TINY, ROLE_ATTN_OUT, IF_EXPERTS8, FOX_Q5_K},
    {F(IQ1_S) | F(IQ1_M), ROLE_ATTN_OUT, 0, FOX_IQ2_XXS},
    {F(IQ2_S) | F(IQ2_M), ROLE_ATTN_OUT, 0, FOX_IQ3_S},
    {F(IQ1_S) | F(IQ1_M) | F(IQ2_XXS) | F(IQ2_XS), ROLE_EMBED, 0, FOX_Q2_K},
    {F(IQ2_S) | F(IQ2_M) | F(IQ3_XXS), ROLE_EMBED, 0, FOX_IQ3_S},
    {F(TQ1_0) | F(TQ2_0) | F(Q2_0), ROLE_EMBED, 0, FOX_Q4_K},

    /* V: small, and what it loses is not made good */
    {F(Q2_K) | F(Q2_K_S), ROLE_ATTN_V, IF_GQA4, FOX_Q4_K},
    {F(Q2_K), ROLE_ATTN_V, 0, FOX_Q3_K},
    {F(IQ3_XXS) | F(IQ3_XS) | F(IQ3_S), ROLE_ATTN_V, IF_GQA4, FOX_Q4_K},
    {F(IQ3_XXS), ROLE_ATTN_V, IF_NO_IMPORTANCE, FOX_IQ3_S},
    {F(IQ3_M), ROLE_ATTN_V, 0, FOX_Q4_K},
    {F(Q3_K_M), ROLE_ATTN_V, IF_I_BELOW_2, FOX_Q5_K},
    {F(Q3_K_M), ROLE_ATTN_V, 0, FOX_Q4_K},
    {F(Q3_K_L), ROLE_ATTN_V, 0, FOX_Q5_K},
    {F(IQ4_NL) | F(IQ4_XS), ROLE_ATTN_V, IF_GQA4, FOX_Q5_K},
    {F(Q4_K_M) | F(Q5_K_M), ROLE_ATTN_V, IF_SPREAD, FOX_Q6_K},
    {F(Q4_K_S), ROLE_ATTN_V, IF_I_BELOW_4, FOX_Q5_K},

    {~TINY, ROLE_ATTN_K, IF_EXPERTS8, FOX_Q8_0},
    {F(IQ3_XS), ROLE_ATTN_K, 0, FOX_IQ3_XXS},
    {F(IQ3_XXS), ROLE_ATTN_K, 0, FOX_IQ2_S},
    {F(IQ3_XS), ROLE_ATTN_Q, 0, FOX_IQ3_XXS},
    {F(IQ3_XXS), ROLE_ATTN_Q, 0, FOX_IQ2_S},

    {F(Q2_K), ROLE_FFN_DOWN, 0, FOX_Q3_K},
    {F(Q2_K_S), ROLE_FFN_DOWN, IF_FIRST_8TH, FOX_Q4_K},
    {F(IQ3_XXS), ROLE_FFN_DOWN, IF_NO_IMPORTANCE | IF_FIRST_8TH, FOX_Q4_K},
    {F(IQ3_XXS), ROLE_FFN_DOWN, IF_NO_IMPORTANCE, FOX_Q3_K},
    {F(Q3_K_M), ROLE_FFN_DOWN, IF_FIRST_16TH, FOX_Q5_K},
    {F(Q3_K_M), ROLE_FFN_DOWN, IF_NOT_FALCON, FOX_Q4_K},
    {F(Q3_K_M), ROLE_FFN_DOWN, IF_SPREAD, FOX_Q4_K},
    {F(IQ3_M), ROLE_FFN_DOWN, IF_FIRST_8TH, FOX_Q4_K},
    {F(IQ3_M), ROLE_FFN_DOWN, IF_EXPERTS8 | IF_SPREAD, FOX_Q4_K},
    {F(Q3_K_L), ROLE_FFN_DOWN, IF_FALCON, FOX_Q4_K},
    {F(Q3_K_L), ROLE_FFN_DOWN, 0, FOX_Q5_K},
    {F(Q4_K_M), ROLE_FFN_DOWN, IF_FIRST_16TH, FOX_Q6_K},
    {F(Q4_K_M), ROLE_FFN_DOWN, IF_FALCON | IF_SPREAD, FOX_Q5_K},
    {F(Q4_K_M) | F(Q5_K_M), ROLE_FFN_DOWN, IF_SPREAD, FOX_Q6_K},
    {F(IQ4_NL) | F(IQ4_XS), ROLE_FFN_DOWN, IF_NO_IMPORTANCE | IF_FIRST_8TH, FOX_Q5_K},
    {F(Q4_K_S), ROLE_FFN_DOWN, IF_NOT_FALCON | IF_FIRST_8TH, FOX_Q5_K},
    {F(Q4_0), ROLE_FFN_DOWN, IF_IMPORTANCE | IF_FIRST_8TH, FOX_Q4_1},
    {F(Q5_0), ROLE_FFN_DOWN, IF_IMPORTANCE | IF_FIRST_8TH, FOX_Q5_1},

    {F(Q2_K) | F(Q3_K_S) | F(Q3_K_M) | F(Q4_K_S) | F(Q4_K_M) | F(IQ3_XXS) | F(IQ3_XS) | F(IQ3_S) | F(IQ3_M) |
            F(IQ4_NL) | F(IQ4_XS),
        ROLE_ATTN_OUT, IF_EXPERTS8 | IF_NOT_FALCON, FOX_Q5_K},
    {F(Q2_K), ROLE_ATTN_OUT, IF_NOT_FALCON, FOX_Q3_K},
    {F(IQ3_XXS), ROLE_ATTN_OUT, IF_NOT_FALCON, FOX_IQ3_S},
    {F(Q3_K_M) | F(IQ3_M), ROLE_ATTN_OUT, IF_NOT_FALCON, FOX_Q4_K},
    {F(Q3_K_L), ROLE_ATTN_OUT, IF_NOT_EXPERTS8 | IF_NOT_FALCON, FOX_Q5_K},
    {F(Q3_K_L), ROLE_ATTN_OUT, IF_FALCON, FOX_Q4_K},

    {F(IQ3_XS), ROLE_FFN_GATE, IF_MIDDLE, FOX_IQ3_XXS},
    {F(IQ3_XS), ROLE_FFN_UP, IF_MIDDLE, FOX_IQ3_XXS},
};

/* Which conditions hold for this tensor. */
static uint32_t holding(const struct recipe_walk *w, const struct fox_recipe_tensor *t, enum recipe_role role)
{
	uint64_t i = w->seen[role], n = w->n_role[role];
	uint32_t c = n / 8 > i ? IF_SEEN_8TH : 0;
	int64_t layer = recipe_layer(t->name);
	bool ffn = role == ROLE_FFN_DOWN || role == ROLE_FFN_GATE || role == ROLE_FFN_UP;
	if (ffn && w->n_experts > 1 && layer >= 0)
		i = (uint64_t)layer; /* experts' tensors need not stand one per layer */
	c |= w->n_gqa >= 4 ? IF_GQA4 : 0;
	c |= w->n_experts >= 4 ? IF_EXPERTS4 : 0;
	c |= w->n_experts == 8 ? IF_EXPERTS8 : IF_NOT_EXPERTS8;
	c |= w->falcon ? IF_FALCON : IF_NOT_FALCON;
	c |= w->r->has_importance ? IF_IMPORTANCE : IF_NO_IMPORTANCE;
	c |= i < 2 ? IF_I_BELOW_2 : 0;
	c |= i < 4 ? IF_I_BELOW_4 : 0;
	c |= i < n / 8 ? IF_FIRST_8TH : 0;
	c |= i < n / 16 ? IF_FIRST_16TH : 0;
	c |= i >= n / 8 && i < 7 * n / 8 ? IF_MIDDLE : 0;
	c |= i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2 ? IF_SPREAD : 0;
	return c;
}

static enum fox_type by_table(
    const struct recipe_walk *w, const struct fox_recipe_tensor *t, enum recipe_role role)
{
	uint64_t ftype = UINT64_C(1) << w->r->ftype->id;
	uint32_t c = holding(w, t, role);
	for (size_t i = 0; i < FOX_COUNT(mix); i++)
		if ((mix[i].ftypes & ftype) && mix[i].role == role && !(mix[i].when & ~c))
			return mix[i].type;
	return w->r->ftype->type;
}

/* The output matrix, and the embedding of a model that has none of its own: every error in it reaches the result. */
static enum fox_type of_output(const struct recipe_walk *w, uint64_t cols)
{
	enum fox_type base = w->r->ftype->type;
	uint64_t ftype = UINT64_C(1) << w->r->ftype->id;
	if (w->r->output_type < FOX_TYPE_LIMIT)
		return w->r->output_type;
	if ((w->r->ftype->how & FOX_FTYPE_EXPERTS) || w->falcon || cols % fox_type_info(base)->elems)
		return FOX_Q8_0;
	if (ftype & (TINY | F(IQ3_XXS)))
		return FOX_Q5_K;
	return base == FOX_Q8_0 ? FOX_Q8_0 : FOX_Q6_K;
}

/* Experts' tensors get the base type, all others q8_0. */
static enum fox_type of_experts(
    const struct recipe_walk *w, const struct fox_recipe_tensor *t, enum recipe_role role)
{
	bool expert = recipe_dim(t, 2) > 1;
	if (fox_str_is(w->arch, "bailingmoe3")) /* has 3-D tensors in attention too */
		expert = expert && (role == ROLE_FFN_UP || role == ROLE_FFN_GATE || role == ROLE_FFN_DOWN);
	return expert ? w->r->ftype->type : FOX_Q8_0;
}

enum fox_type recipe_mix(struct recipe_walk *w, const struct fox_recipe_tensor *t, enum recipe_role role)
{
	if (is_glm5(w) &&
	    (holds(t->name, "attn_q_a") || holds(t->name, "attn_q_b") || holds(t->name, "nextn.eh_proj")))
		return FOX_Q8_0;
	if (role == ROLE_OUTPUT || (role == ROLE_EMBED && w->tied))
		return of_output(w, recipe_dim(t, 0));
	if (w->r->ftype->how & FOX_FTYPE_EXPERTS)
		return of_experts(w, t, role);
	enum fox_type type = by_table(w, t, role);
	w->seen[role]++;
	if (role != ROLE_ATTN_V || ((UINT64_C(1) << w->r->ftype->id) & TINY))
		return type;
	if (w->n_experts == 8)
		return FOX_Q8_0;
	/* eight heads share each V: it is an eighth of Q, and width costs little */
	return w->shares_v && (type == FOX_Q3_K || type == FOX_Q4_K) ? FOX_Q5_K : type;
}

/* ---- shapes and importance */

enum fox_type recipe_fitting(enum fox_type wanted, uint64_t cols)
{
	enum fox_type type = wanted;
	if (cols % fox_type_info(wanted)->elems == 0)
		return wanted;
	switch (wanted) {
	case FOX_IQ1_S:
	case FOX_IQ1_M:
	case FOX_IQ2_XXS:
	case FOX_IQ2_XS:
	case FOX_IQ2_S:
	case FOX_IQ3_XXS:
	case FOX_IQ3_S:
	case FOX_IQ4_XS:
	case FOX_NVFP4: /* ours: the same 4.5 bits */
		type = FOX_IQ4_NL;
		break;
	case FOX_Q1_0: /* ours */
	case FOX_Q2_0:
	case FOX_Q2_K:
	case FOX_Q3_K:
	case FOX_TQ1_0:
	case FOX_TQ2_0:
		type = FOX_Q4_0;
		break;
	case FOX_Q4_K:
		type = FOX_Q5_0;
		break;
	case FOX_Q5_K:
		type = FOX_Q5_1;
		break;
	case FOX_Q6_K:
		type = FOX_Q8_0;
		break;
	default:
		break;
	}
	return cols % fox_type_info(type)->elems ? FOX_F16 : type;
}

bool recipe_needs_importance(const struct fox_recipe *r, enum recipe_role role, enum fox_type type)
{
	if (role == ROLE_EMBED || role == ROLE_OUTPUT)
		return false;
	switch (type) {
	case FOX_IQ1_S:
	case FOX_IQ1_M:
	case FOX_IQ2_XXS:
	case FOX_IQ2_XS:
	case FOX_IQ2_S:
	case FOX_IQ3_XXS:
		return true;
	default:
		return type == FOX_Q2_K && r->ftype->id == FOX_FT_Q2_K_S;
	}
}
