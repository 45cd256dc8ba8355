/* graph.h - a model as a program: a flat list of operations over named slots. Built once per model,
 * printable, comparable.
 *
 * No DAG and no shapes to infer: slots have a fixed width per row, an operation runs over all rows of the
 * batch, and the next one starts when it is done. What each operation computes, and in which order it sums:
 * spec/runtime.md 2. */
#ifndef FOX_GRAPH_H
#define FOX_GRAPH_H

#include "format/base/arena.h"
#include "format/arch.h"

/* One tensor as the program uses it. Immutable. */
struct fox_weight {
	struct fox_str name; /* in the container */
	enum fox_type type;
	uint64_t rows, cols; /* rows = 1 for vectors */
	uint64_t row_bytes;
	const uint8_t *data; /* rows * row_bytes, borrowed from the container's map */
	const float *vec;    /* vectors: f32[cols], decoded by the model; NULL for matrices */
};

/* Weights by role. layer[l * FOX_LAYER_ROLES + (role - FOX_R_PER_LAYER)]; NULL where the model has none. */
#define FOX_LAYER_ROLES (FOX_R_COUNT - FOX_R_PER_LAYER)
struct fox_weights {
	const struct fox_weight *global[FOX_R_PER_LAYER];
	const struct fox_weight **layer;
};

/* Buffers of f32 [row][width]. */
enum fox_slot_id {
	FOX_S_NONE,
	FOX_S_X,      /* residual stream, d_model */
	FOX_S_N,      /* after a norm, d_model */
	FOX_S_Q,      /* query heads */
	FOX_S_K,      /* key heads */
	FOX_S_V,      /* value heads */
	FOX_S_A,      /* attention's result, as wide as Q */
	FOX_S_T,      /* what a block adds to the stream, d_model */
	FOX_S_G,      /* gate of the feed-forward */
	FOX_S_U,      /* up of the feed-forward */
	FOX_S_LOGITS, /* n_vocab; lies where the caller of a step wants it */
	FOX_S_COUNT
};

enum fox_op_code {
	FOX_OP_EMBED,   /* dst = row of w for each token id, times f */
	FOX_OP_ADD_POS, /* dst = a + row of w for each position */
	FOX_OP_NORM,    /* dst = norm(a) * w + bias; f = eps; n vectors of w's length in a row */
	FOX_OP_MATMUL,  /* dst = a w^T + bias */
	FOX_OP_ROPE,    /* dst rotated in place by each row's position: n heads */
	FOX_OP_KV_PUT,  /* rows of a (keys) and b (values) go into the layer's cache: n heads */
	FOX_OP_ATTN, /* dst = causal attention of a over the layer's cache: n query heads; f = scale of the scores
	              */
	FOX_OP_ADD,     /* dst = a + b */
	FOX_OP_ACT_MUL, /* dst = act(a) * b; without b: act(a) */
	FOX_OP_SOFTCAP, /* dst = f * tanh(dst / f) */
	FOX_OP_TAP,      /* a is the residual stream after the layer: handed to whoever asked for it */
	FOX_OP_PICK, /* dst = those rows of a whose logits are wanted; later operations run over these rows only
	              */
	FOX_OP_COUNT
};

struct fox_op {
	uint8_t code; /* enum fox_op_code */
	int8_t dst;   /* enum fox_slot_id */
	int8_t a, b;  /* likewise */
	uint16_t layer;
	uint16_t n; /* heads, where the operation has them */
	float f;
	const struct fox_weight *w;
	const struct fox_weight *bias; /* vector, or NULL */
};

struct fox_graph {
	const struct fox_op *ops;
	size_t n_ops;
	uint64_t width[FOX_S_COUNT]; /* f32 per row: the widest any layer needs */
	struct fox_traits traits;
	uint32_t max_ctx; /* rows of a table of positions: a session cannot have more; 0: no such table */
	/* what each rotary frequency is divided by, f32 [rope_dims / 2]; NULL: by 1. factors: always; or _long in
	 * sessions of more than rope.orig_ctx positions and _short in others. */
	const float *factors, *factors_long, *factors_short;
};

/* The table of frequency factors for a session of n_ctx positions; NULL: none. */
static inline const float *fox_graph_factors(
    const struct fox_graph *g, const struct fox_hparams *h, uint32_t n_ctx)
{
	return g->factors ? g->factors : n_ctx > h->rope.orig_ctx ? g->factors_long : g->factors_short;
}

const char *fox_op_name(enum fox_op_code code);
const char *fox_slot_name(enum fox_slot_id slot);

/*
 * fox_graph_build - the program of a family's traits and a model's sizes
 *
 * h        checked (fox_hparams_check)
 * weights  every required role of the family is there; output falls back to token_embd. Borrowed: outlive the graph.
 *          Fused tensors (QKV, gate and up) are used by their rows, through views that the arena owns.
 * arena    owns the operations
 * errors   FOX_E_UNSUPPORTED a trait that this build does not compute, named; FOX_E_NOMEM
 */
enum fox_status fox_graph_build(struct fox_graph *g, const struct fox_arch *arch, const struct fox_hparams *h,
    const struct fox_weights *weights, struct fox_arena *arena, struct fox_err *err) FOX_MUST_CHECK;

/* Only the slots' widths: what a plan of memory needs. */
void fox_graph_widths(struct fox_graph *g, const struct fox_hparams *h);

/* Append the program as text, one operation a line; names from the container are escaped. */
void fox_graph_print(const struct fox_graph *g, const struct fox_hparams *h, struct fox_buf *out);

#endif
