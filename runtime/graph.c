/* graph.c - builds the program of a model from its family's traits and from which roles it has weights for. */
#include "runtime/graph.h"

#include <math.h>

#define OPS_PER_LAYER 24 /* what emit_layer below writes at most */
#define OPS_GLOBAL 7

void fox_graph_widths(struct fox_graph *g, const struct fox_hparams *h)
{
	uint64_t *w = g->width;
	memset(w, 0, sizeof g->width);
	w[FOX_S_X] = w[FOX_S_N] = w[FOX_S_T] = h->d_model;
	w[FOX_S_LOGITS] = h->n_vocab;
	for (uint32_t l = 0; l < h->n_layers; l++) {
		uint64_t q = fox_arch_dim(h, FOX_D_Q, l), kv = fox_arch_dim(h, FOX_D_KV, l);
		uint64_t ff = fox_arch_dim(h, FOX_D_FF, l);
		w[FOX_S_Q] = w[FOX_S_A] = q > w[FOX_S_Q] ? q : w[FOX_S_Q];
		w[FOX_S_K] = w[FOX_S_V] = kv > w[FOX_S_K] ? kv : w[FOX_S_K];
		w[FOX_S_G] = w[FOX_S_U] = ff > w[FOX_S_G] ? ff : w[FOX_S_G];
	}
}

/* Weights of one layer, and what is being written. */
struct emitter {
	struct fox_op *o;
	const struct fox_arch *arch;
	const struct fox_hparams *h;
	const struct fox_weight *const *w; /* by role - FOX_R_PER_LAYER */
	struct fox_arena *arena;
	bool no_memory;
};

static const struct fox_weight *role(const struct emitter *e, enum fox_role r)
{
	return e->w[r - FOX_R_PER_LAYER];
}

static void add(struct emitter *e, struct fox_op op)
{
	*e->o++ = op;
}

/* `rows` rows of a weight from `first` on; of a vector, elements. NULL of NULL. */
static const struct fox_weight *part(
    struct emitter *e, const struct fox_weight *w, uint64_t first, uint64_t rows)
{
	if (!w)
		return NULL;
	struct fox_weight *v = fox_arena_alloc(e->arena, 1, sizeof *v);
	if (!v) {
		e->no_memory = true;
		return w;
	}
	*v = *w;
	if (w->vec) {
		v->vec = w->vec + first;
		v->cols = rows;
	} else {
		v->data = w->data + first * w->row_bytes;
		v->rows = rows;
	}
	return v;
}

static void norm(struct emitter *e, uint16_t l, int dst, int src, const struct fox_weight *w,
    const struct fox_weight *bias, uint16_t n)
{
	if (w)
		add(e, (struct fox_op){.code = FOX_OP_NORM,
		           .dst = (int8_t)dst,
		           .a = (int8_t)src,
		           .layer = l,
		           .n = n,
		           .f = e->h->norm_eps,
		           .w = w,
		           .bias = bias});
}

static void matmul(
    struct emitter *e, uint16_t l, int dst, int src, const struct fox_weight *w, const struct fox_weight *bias)
{
	add(e, (struct fox_op){.code = FOX_OP_MATMUL,
	           .dst = (int8_t)dst,
	           .a = (int8_t)src,
	           .layer = l,
	           .w = w,
	           .bias = bias});
}

static void simple(struct emitter *e, enum fox_op_code code, uint16_t l, int dst, int a, int b, uint16_t n)
{
	add(e, (struct fox_op){
	           .code = code, .dst = (int8_t)dst, .a = (int8_t)a, .b = (int8_t)b, .layer = l, .n = n});
}

/* Q, K and V: three matrices, or the rows of one. */
static void emit_qkv(struct emitter *e, uint16_t l, int from)
{
	const struct fox_weight *all = role(e, FOX_R_ATTN_QKV), *bias = role(e, FOX_R_ATTN_QKV_B);
	uint64_t q = fox_arch_dim(e->h, FOX_D_Q, l), kv = fox_arch_dim(e->h, FOX_D_KV, l);
	if (!all) {
		matmul(e, l, FOX_S_Q, from, role(e, FOX_R_ATTN_Q), role(e, FOX_R_ATTN_Q_B));
		matmul(e, l, FOX_S_K, from, role(e, FOX_R_ATTN_K), role(e, FOX_R_ATTN_K_B));
		matmul(e, l, FOX_S_V, from, role(e, FOX_R_ATTN_V), role(e, FOX_R_ATTN_V_B));
		return;
	}
	matmul(e, l, FOX_S_Q, from, part(e, all, 0, q), part(e, bias, 0, q));
	matmul(e, l, FOX_S_K, from, part(e, all, q, kv), part(e, bias, q, kv));
	matmul(e, l, FOX_S_V, from, part(e, all, q + kv, kv), part(e, bias, q + kv, kv));
}

/* A norm of queries or keys: of each head when its weight is as long as one, else of all heads together. */
static uint16_t norm_parts(const struct emitter *e, const struct fox_weight *w, uint16_t heads)
{
	return w && w->cols == e->h->head_dim ? heads : 1;
}

static void emit_attention(struct emitter *e, uint16_t l, int from)
{
	const struct fox_hparams *h = e->h;
	const struct fox_weight *q_norm = role(e, FOX_R_ATTN_Q_NORM), *k_norm = role(e, FOX_R_ATTN_K_NORM);
	uint16_t heads = (uint16_t)h->n_heads[l], kv = (uint16_t)h->n_kv_heads[l];
	float scale = h->attn_scale != 0 ? h->attn_scale : (float)(1.0 / sqrt((double)h->head_dim));
	emit_qkv(e, l, from);
	norm(e, l, FOX_S_Q, FOX_S_Q, q_norm, NULL, norm_parts(e, q_norm, heads));
	norm(e, l, FOX_S_K, FOX_S_K, k_norm, NULL, norm_parts(e, k_norm, kv));
	if (e->arch->traits.rope != FOX_ROPE_NONE) {
		simple(e, FOX_OP_ROPE, l, FOX_S_Q, FOX_S_Q, 0, heads);
		simple(e, FOX_OP_ROPE, l, FOX_S_K, FOX_S_K, 0, kv);
	}
	simple(e, FOX_OP_KV_PUT, l, 0, FOX_S_K, FOX_S_V, kv);
	simple(e, FOX_OP_ATTN, l, FOX_S_A, FOX_S_Q, 0, heads);
	e->o[-1].f = scale;
	matmul(e, l, FOX_S_T, FOX_S_A, role(e, FOX_R_ATTN_OUT), role(e, FOX_R_ATTN_OUT_B));
	norm(e, l, FOX_S_T, FOX_S_T, role(e, FOX_R_ATTN_POST_NORM), NULL, 1);
	simple(e, FOX_OP_ADD, l, FOX_S_X, FOX_S_X, FOX_S_T, 0);
}

static void emit_ffn(struct emitter *e, uint16_t l, int from)
{
	const struct fox_weight *both = role(e, FOX_R_FFN_GATE_UP);
	uint64_t ff = fox_arch_dim(e->h, FOX_D_FF, l);
	if (both) {
		matmul(e, l, FOX_S_G, from, part(e, both, 0, ff), NULL);
		matmul(e, l, FOX_S_U, from, part(e, both, ff, ff), NULL);
	} else if (e->arch->traits.gated) {
		matmul(e, l, FOX_S_G, from, role(e, FOX_R_FFN_GATE), role(e, FOX_R_FFN_GATE_B));
		matmul(e, l, FOX_S_U, from, role(e, FOX_R_FFN_UP), role(e, FOX_R_FFN_UP_B));
	} else {
		matmul(e, l, FOX_S_G, from, role(e, FOX_R_FFN_UP), role(e, FOX_R_FFN_UP_B));
	}
	simple(e, FOX_OP_ACT_MUL, l, FOX_S_G, FOX_S_G, e->arch->traits.gated ? FOX_S_U : 0, 0);
	matmul(e, l, FOX_S_T, FOX_S_G, role(e, FOX_R_FFN_DOWN), role(e, FOX_R_FFN_DOWN_B));
	norm(e, l, FOX_S_T, FOX_S_T, role(e, FOX_R_FFN_POST_NORM), NULL, 1);
	simple(e, FOX_OP_ADD, l, FOX_S_X, FOX_S_X, FOX_S_T, 0);
}

/*
 * A transformer block: norm, attention, add; norm, feed-forward, add. Families leave norms out or add others behind; a
 * parallel block feeds both halves from the first norm, whose result nothing overwrites in between.
 */
static void emit_layer(struct emitter *e, uint16_t l)
{
	const struct fox_weight *first = role(e, FOX_R_ATTN_NORM), *second = role(e, FOX_R_FFN_NORM);
	norm(e, l, FOX_S_N, FOX_S_X, first, role(e, FOX_R_ATTN_NORM_B), 1);
	emit_attention(e, l, first ? FOX_S_N : FOX_S_X);
	norm(e, l, FOX_S_N, FOX_S_X, second, role(e, FOX_R_FFN_NORM_B), 1);
	emit_ffn(e, l, second || e->h->parallel ? FOX_S_N : FOX_S_X);
	simple(e, FOX_OP_TAP, l, 0, FOX_S_X, 0, 0);
}

static void emit_embedding(struct emitter *e, const struct fox_weights *weights)
{
	const struct fox_weight *pos = weights->global[FOX_R_POS_EMBD];
	bool scaled = e->arch->traits.embed_scale;
	add(e, (struct fox_op){.code = FOX_OP_EMBED,
	           .dst = FOX_S_X,
	           .f = scaled ? (float)sqrt((double)e->h->d_model) : 1,
	           .w = weights->global[FOX_R_TOKEN_EMBD]});
	if (pos)
		add(e, (struct fox_op){.code = FOX_OP_ADD_POS, .dst = FOX_S_X, .a = FOX_S_X, .w = pos});
	norm(e, 0, FOX_S_X, FOX_S_X, weights->global[FOX_R_EMBD_NORM], weights->global[FOX_R_EMBD_NORM_B], 1);
}

/* The choice of rows comes before the last norm, so that neither it nor the logits are computed for nothing. */
static void emit_head(struct emitter *e, const struct fox_weights *weights)
{
	const struct fox_weight *head = weights->global[FOX_R_OUTPUT];
	uint16_t end = (uint16_t)e->h->n_layers;
	simple(e, FOX_OP_PICK, end, FOX_S_T, FOX_S_X, 0, 0);
	norm(e, end, FOX_S_N, FOX_S_T, weights->global[FOX_R_OUTPUT_NORM], weights->global[FOX_R_OUTPUT_NORM_B], 1);
	matmul(e, end, FOX_S_LOGITS, FOX_S_N, head ? head : weights->global[FOX_R_TOKEN_EMBD], NULL);
	if (e->h->logit_softcap != 0) {
		simple(e, FOX_OP_SOFTCAP, end, FOX_S_LOGITS, FOX_S_LOGITS, 0, 0);
		e->o[-1].f = e->h->logit_softcap;
	}
}

static const float *table_of(const struct fox_weights *weights, enum fox_role r)
{
	return weights->global[r] ? weights->global[r]->vec : NULL;
}

enum fox_status fox_graph_build(struct fox_graph *g, const struct fox_arch *arch, const struct fox_hparams *h,
    const struct fox_weights *weights, struct fox_arena *arena, struct fox_err *err)
{
	*g = (struct fox_graph){.traits = arch->traits,
	    .factors = table_of(weights, FOX_R_ROPE_FREQS),
	    .factors_long = table_of(weights, FOX_R_ROPE_LONG),
	    .factors_short = table_of(weights, FOX_R_ROPE_SHORT)};
	if (arch->traits.act == FOX_ACT_SILU && !arch->traits.gated)
		return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
		    "architecture '%s' cannot be run by this build: it has SiLU without a gate", arch->name);
	for (uint32_t l = 0; l < h->n_layers; l++) {
		if (h->n_heads[l] > UINT16_MAX)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "%u heads in layer %u, want at most %u",
			    h->n_heads[l], l, UINT16_MAX);
	}
	size_t n = OPS_GLOBAL + (size_t)h->n_layers * OPS_PER_LAYER;
	struct fox_op *ops = fox_arena_alloc(arena, n, sizeof *ops);
	if (!ops)
		return fox_fail_nomem(err);
	struct emitter e = {.o = ops, .arch = arch, .h = h, .arena = arena};
	emit_embedding(&e, weights);
	for (uint32_t l = 0; l < h->n_layers; l++) {
		e.w = weights->layer + (size_t)l * FOX_LAYER_ROLES;
		emit_layer(&e, (uint16_t)l);
	}
	emit_head(&e, weights);
	if (e.no_memory)
		return fox_fail_nomem(err);
	fox_graph_widths(g, h);
	g->ops = ops;
	g->n_ops = (size_t)(e.o - ops);
	if (weights->global[FOX_R_POS_EMBD])
		g->max_ctx = h->n_ctx;
	return FOX_OK;
}
