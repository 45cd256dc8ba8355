/* graph.c - builds and prints the program of a model. Refuses traits that no operation computes. */
#include "runtime/graph.h"

#include <math.h>

static const char *const op_names[FOX_OP_COUNT] = {
    [FOX_OP_EMBED] = "embed",
    [FOX_OP_RMSNORM] = "rmsnorm",
    [FOX_OP_MATMUL] = "matmul",
    [FOX_OP_ROPE] = "rope",
    [FOX_OP_KV_PUT] = "kv_put",
    [FOX_OP_ATTN] = "attn",
    [FOX_OP_ADD] = "add",
    [FOX_OP_SILU_MUL] = "silu_mul",
    [FOX_OP_TAP] = "tap",
    [FOX_OP_PICK] = "pick",
};

static const char *const slot_names[FOX_S_COUNT] = {
    [FOX_S_NONE] = "-",
    [FOX_S_X] = "x",
    [FOX_S_N] = "n",
    [FOX_S_Q] = "q",
    [FOX_S_K] = "k",
    [FOX_S_V] = "v",
    [FOX_S_A] = "a",
    [FOX_S_T] = "t",
    [FOX_S_G] = "g",
    [FOX_S_U] = "u",
    [FOX_S_LOGITS] = "logits",
};

#define OPS_PER_LAYER 17 /* what emit_layer below writes */
#define OPS_GLOBAL 4

const char *fox_op_name(enum fox_op_code code)
{
	return (unsigned)code < FOX_OP_COUNT ? op_names[code] : "?";
}

const char *fox_slot_name(enum fox_slot_id slot)
{
	return (unsigned)slot < FOX_S_COUNT ? slot_names[slot] : "?";
}

static enum fox_status check_traits(const struct fox_arch *arch, struct fox_err *err)
{
	const struct fox_traits *t = &arch->traits;
	const char *what = NULL;
	if (t->norm != FOX_NORM_RMS)
		what = "layer norm";
	else if (t->rope == FOX_ROPE_NONE)
		what = "attention without rotary positions";
	else if (!t->gated || t->act != FOX_ACT_SILU)
		what = "a feed-forward other than gated SiLU";
	if (!what)
		return FOX_OK;
	return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE,
	    "architecture '%s' cannot be run by this build: it has %s", arch->name, what);
}

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

/* The transformer block of the llama family: norm, attention, add; norm, gated feed-forward, add. */
static struct fox_op *emit_layer(
    struct fox_op *o, const struct fox_hparams *h, const struct fox_weight *const *w, uint16_t l)
{
#define W(role) w[(role)-FOX_R_PER_LAYER]
	uint16_t heads = (uint16_t)h->n_heads[l], kv = (uint16_t)h->n_kv_heads[l];
	float eps = h->norm_eps, scale = (float)(1.0 / sqrt((double)h->head_dim));
	*o++ = (struct fox_op){FOX_OP_RMSNORM, FOX_S_N, FOX_S_X, 0, l, 0, eps, W(FOX_R_ATTN_NORM)};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_Q, FOX_S_N, 0, l, 0, 0, W(FOX_R_ATTN_Q)};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_K, FOX_S_N, 0, l, 0, 0, W(FOX_R_ATTN_K)};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_V, FOX_S_N, 0, l, 0, 0, W(FOX_R_ATTN_V)};
	*o++ = (struct fox_op){FOX_OP_ROPE, FOX_S_Q, FOX_S_Q, 0, l, heads, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_ROPE, FOX_S_K, FOX_S_K, 0, l, kv, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_KV_PUT, 0, FOX_S_K, FOX_S_V, l, kv, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_ATTN, FOX_S_A, FOX_S_Q, 0, l, heads, scale, NULL};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_T, FOX_S_A, 0, l, 0, 0, W(FOX_R_ATTN_OUT)};
	*o++ = (struct fox_op){FOX_OP_ADD, FOX_S_X, FOX_S_X, FOX_S_T, l, 0, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_RMSNORM, FOX_S_N, FOX_S_X, 0, l, 0, eps, W(FOX_R_FFN_NORM)};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_G, FOX_S_N, 0, l, 0, 0, W(FOX_R_FFN_GATE)};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_U, FOX_S_N, 0, l, 0, 0, W(FOX_R_FFN_UP)};
	*o++ = (struct fox_op){FOX_OP_SILU_MUL, FOX_S_G, FOX_S_G, FOX_S_U, l, 0, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_T, FOX_S_G, 0, l, 0, 0, W(FOX_R_FFN_DOWN)};
	*o++ = (struct fox_op){FOX_OP_ADD, FOX_S_X, FOX_S_X, FOX_S_T, l, 0, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_TAP, 0, FOX_S_X, 0, l, 0, 0, NULL};
#undef W
	return o;
}

enum fox_status fox_graph_build(struct fox_graph *g, const struct fox_arch *arch, const struct fox_hparams *h,
    const struct fox_weights *weights, struct fox_arena *arena, struct fox_err *err)
{
	*g = (struct fox_graph){.rope = arch->traits.rope};
	if (check_traits(arch, err))
		return FOX_E_UNSUPPORTED;
	for (uint32_t l = 0; l < h->n_layers; l++) {
		if (h->n_heads[l] > UINT16_MAX)
			return fox_fail(err, FOX_E_UNSUPPORTED, FOX_NOWHERE, "%u heads in layer %u, want at most %u",
			    h->n_heads[l], l, UINT16_MAX);
	}
	size_t n = OPS_GLOBAL + (size_t)h->n_layers * OPS_PER_LAYER;
	struct fox_op *ops = fox_arena_alloc(arena, n, sizeof *ops), *o = ops;
	if (!ops)
		return fox_fail_nomem(err);
	const struct fox_weight *embd = weights->global[FOX_R_TOKEN_EMBD];
	const struct fox_weight *head = weights->global[FOX_R_OUTPUT];
	const struct fox_weight *norm = weights->global[FOX_R_OUTPUT_NORM];
	uint16_t end = (uint16_t)h->n_layers;
	*o++ = (struct fox_op){FOX_OP_EMBED, FOX_S_X, 0, 0, 0, 0, 0, embd};
	for (uint32_t l = 0; l < h->n_layers; l++)
		o = emit_layer(o, h, weights->layer + (size_t)l * FOX_LAYER_ROLES, (uint16_t)l);
	/* The choice of rows comes before the last norm, so that neither it nor the logits are computed for
	 * nothing. */
	*o++ = (struct fox_op){FOX_OP_PICK, FOX_S_T, FOX_S_X, 0, end, 0, 0, NULL};
	*o++ = (struct fox_op){FOX_OP_RMSNORM, FOX_S_N, FOX_S_T, 0, end, 0, h->norm_eps, norm};
	*o++ = (struct fox_op){FOX_OP_MATMUL, FOX_S_LOGITS, FOX_S_N, 0, end, 0, 0, head ? head : embd};
	fox_graph_widths(g, h);
	g->ops = ops;
	g->n_ops = (size_t)(o - ops);
	return FOX_OK;
}

static void print_weight(const struct fox_weight *w, struct fox_buf *out)
{
	const struct fox_type_info *t = fox_type_info(w->type);
	fox_buf_str(out, "  ");
	fox_buf_escaped(out, w->name, 200);
	if (w->vec)
		fox_buf_fmt(out, " %s [%llu]", t ? t->name : "?", (unsigned long long)w->cols);
	else
		fox_buf_fmt(out, " %s [%llu x %llu]", t ? t->name : "?", (unsigned long long)w->rows,
		    (unsigned long long)w->cols);
}

static void print_op(
    const struct fox_graph *g, const struct fox_hparams *h, const struct fox_op *o, struct fox_buf *out)
{
	const char *dst = fox_slot_name(o->dst), *a = fox_slot_name(o->a), *b = fox_slot_name(o->b);
	fox_buf_fmt(out, "%-8s ", fox_op_name(o->code));
	switch ((enum fox_op_code)o->code) {
	case FOX_OP_EMBED:
		fox_buf_fmt(out, "%s = ids", dst);
		break;
	case FOX_OP_RMSNORM:
		fox_buf_fmt(out, "%s = %s, eps %g", dst, a, (double)o->f);
		break;
	case FOX_OP_MATMUL:
	case FOX_OP_PICK:
		fox_buf_fmt(out, "%s = %s", dst, a);
		break;
	case FOX_OP_ROPE:
		fox_buf_fmt(out, "%s, %u heads of %u, first %u by %s, theta %g", dst, o->n, h->head_dim, h->rope_dims,
		    g->rope == FOX_ROPE_PAIRS ? "pairs" : "halves", (double)h->rope_theta);
		break;
	case FOX_OP_KV_PUT:
		fox_buf_fmt(out, "cache[%u] = %s, %s, %u heads of %u", o->layer, a, b, o->n, h->head_dim);
		break;
	case FOX_OP_ATTN:
		fox_buf_fmt(out, "%s = %s, cache[%u], %u heads of %u over %u, scale %.9g", dst, a, o->layer, o->n,
		    h->head_dim, h->n_kv_heads[o->layer], (double)o->f);
		break;
	case FOX_OP_ADD:
	case FOX_OP_SILU_MUL:
		fox_buf_fmt(out, "%s = %s, %s", dst, a, b);
		break;
	case FOX_OP_TAP:
		fox_buf_fmt(out, "%s, layer %u", a, o->layer);
		break;
	case FOX_OP_COUNT:
		break;
	}
	if (o->w)
		print_weight(o->w, out);
	fox_buf_char(out, '\n');
}

void fox_graph_print(const struct fox_graph *g, const struct fox_hparams *h, struct fox_buf *out)
{
	for (size_t i = 0; i < g->n_ops; i++)
		print_op(g, h, &g->ops[i], out);
}
