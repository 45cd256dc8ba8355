/* graph_print.c - a program as text, for people and for comparing two of them. */
#include "runtime/graph.h"

static const char *const op_names[FOX_OP_COUNT] = {
    [FOX_OP_EMBED] = "embed",
    [FOX_OP_ADD_POS] = "add_pos",
    [FOX_OP_NORM] = "norm",
    [FOX_OP_MATMUL] = "matmul",
    [FOX_OP_ROPE] = "rope",
    [FOX_OP_KV_PUT] = "kv_put",
    [FOX_OP_ATTN] = "attn",
    [FOX_OP_ADD] = "add",
    [FOX_OP_ACT_MUL] = "act_mul",
    [FOX_OP_SOFTCAP] = "softcap",
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

const char *fox_op_name(enum fox_op_code code)
{
	return (unsigned)code < FOX_OP_COUNT ? op_names[code] : "?";
}

const char *fox_slot_name(enum fox_slot_id slot)
{
	return (unsigned)slot < FOX_S_COUNT ? slot_names[slot] : "?";
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

static void print_rope(
    const struct fox_graph *g, const struct fox_hparams *h, const struct fox_op *o, struct fox_buf *out)
{
	bool local = fox_hparams_local(h, o->layer);
	fox_buf_fmt(out, "%s, %u heads of %u, first %u by %s, theta %g", fox_slot_name(o->dst), o->n, h->head_dim,
	    h->rope_dims, g->traits.rope == FOX_ROPE_PAIRS ? "pairs" : "halves",
	    (double)(local ? h->rope_theta_local : h->rope_theta));
	if (h->rope.kind && !local)
		fox_buf_fmt(out, ", scaled by %s", fox_rope_scaling_name(h->rope.kind));
}

static void print_op(
    const struct fox_graph *g, const struct fox_hparams *h, const struct fox_op *o, struct fox_buf *out)
{
	const char *dst = fox_slot_name(o->dst), *a = fox_slot_name(o->a), *b = fox_slot_name(o->b);
	bool layer = g->traits.norm == FOX_NORM_LAYER;
	fox_buf_fmt(out, "%-8s ", fox_op_name(o->code));
	switch ((enum fox_op_code)o->code) {
	case FOX_OP_EMBED:
		fox_buf_fmt(out, "%s = ids", dst);
		if (o->f != 1)
			fox_buf_fmt(out, " times %.9g", (double)o->f);
		break;
	case FOX_OP_ADD_POS:
		fox_buf_fmt(out, "%s = %s, positions", dst, a);
		break;
	case FOX_OP_NORM:
		fox_buf_fmt(out, "%s = %s, %s, eps %g", dst, a, layer ? "layer" : "rms", (double)o->f);
		if (o->n > 1)
			fox_buf_fmt(out, ", %u heads", o->n);
		break;
	case FOX_OP_MATMUL:
	case FOX_OP_PICK:
		fox_buf_fmt(out, "%s = %s", dst, a);
		break;
	case FOX_OP_ROPE:
		print_rope(g, h, o, out);
		break;
	case FOX_OP_KV_PUT:
		fox_buf_fmt(out, "cache[%u] = %s, %s, %u heads of %u", o->layer, a, b, o->n, h->head_dim);
		break;
	case FOX_OP_ATTN:
		fox_buf_fmt(out, "%s = %s, cache[%u], %u heads of %u over %u, scale %.9g", dst, a, o->layer, o->n,
		    h->head_dim, h->n_kv_heads[o->layer], (double)o->f);
		if (h->attn_softcap != 0)
			fox_buf_fmt(out, ", capped at %g", (double)h->attn_softcap);
		if (fox_hparams_window(h, o->layer))
			fox_buf_fmt(out, ", window %u", h->window);
		fox_buf_str(out, g->traits.alibi ? ", slopes" : "");
		break;
	case FOX_OP_ADD:
		fox_buf_fmt(out, "%s = %s, %s", dst, a, b);
		break;
	case FOX_OP_ACT_MUL:
		fox_buf_fmt(out, "%s = %s(%s)", dst, g->traits.act == FOX_ACT_SILU ? "silu" : "gelu", a);
		if (o->b)
			fox_buf_fmt(out, ", %s", b);
		break;
	case FOX_OP_SOFTCAP:
		fox_buf_fmt(out, "%s, capped at %g", dst, (double)o->f);
		break;
	case FOX_OP_TAP:
		fox_buf_fmt(out, "%s, layer %u", a, o->layer);
		break;
	case FOX_OP_COUNT:
		break;
	}
	if (o->w)
		print_weight(o->w, out);
	if (o->bias)
		print_weight(o->bias, out);
	fox_buf_char(out, '\n');
}

void fox_graph_print(const struct fox_graph *g, const struct fox_hparams *h, struct fox_buf *out)
{
	for (size_t i = 0; i < g->n_ops; i++)
		print_op(g, h, &g->ops[i], out);
}
