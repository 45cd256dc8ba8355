/* cpu_exec.h - the CPU device's state, private to its source files. */
#ifndef FOX_CPU_EXEC_H
#define FOX_CPU_EXEC_H

#include "kernels/kernels.h"
#include "runtime/backend.h"
#include "runtime/kv.h"

/* Scratch of attention, none of which grows with the context: see cpu_attn.c. */
struct fox_cpu_attn_sizes {
	uint32_t vectors;       /* query vectors of one item, at most */
	uint64_t worker_floats; /* of each worker */
	uint64_t shared_floats; /* of all together */
};
void fox_cpu_attn_sizes(struct fox_cpu_attn_sizes *out, const struct fox_hparams *h);

struct fox_dev {
	struct fox_dev_ask ask;
	const struct fox_kernels *k;
	struct fox_kv kv;
	uint8_t *scratch; /* one block, carved into what follows */
	float *slot[FOX_S_COUNT];
	struct fox_cpu_attn_sizes attn_sizes;
	float *attn_worker, *attn_shared;
	uint8_t *encoded; /* [workers][encoded_step]: a key and a value on their way to the cache */
	size_t encoded_step;
	uint8_t *acts;   /* rounded activations of the product in work */
	uint8_t *panels; /* [workers][panel_step]: unpacked weights */
	size_t panel_step;
	/* Angles: [0] of most layers, [1] of windowed ones where these have a base of their own. */
	double *inv_freq[2];      /* [rope_dims / 2] */
	double multiplier[2];     /* of cos and sin */
	float *cos[2], *sin[2];   /* [n_ctx][rope_dims / 2] */
	uint32_t angles;          /* positions whose angles are there */
	const struct fox_batch *s; /* the run in progress */
	uint32_t rows;            /* rows that operations run over: s->n, after PICK fewer */
};

/* y = x w^T for up to FOX_MATMUL_GROUP operations that read the same slot, as one parallel pass. */
#define FOX_MATMUL_GROUP 4
void fox_cpu_matmul(struct fox_dev *d, const struct fox_op *ops, size_t n_ops);

/* What products need beside the slots, at the widths of ask->graph: rounded activations a row of a batch, and one worker's
 * panel. The same on every machine. */
uint64_t fox_cpu_acts_bytes(const struct fox_dev_ask *ask);
uint64_t fox_cpu_panel_bytes(const struct fox_dev_ask *ask);

void fox_cpu_attn(struct fox_dev *d, const struct fox_op *op);

/* Operations that take each row by itself: cpu_rows.c */
void fox_cpu_embed(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_add_pos(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_norm(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_rope(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_kv_put(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_add(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_act_mul(struct fox_dev *d, const struct fox_op *op);
void fox_cpu_softcap(struct fox_dev *d, const struct fox_op *op);

/* Compute the angles of positions below `end` that are not there yet. */
void fox_cpu_angles(struct fox_dev *d, uint32_t end);

/* The pool, or NULL when the work is too small to share: waking a thread costs some microseconds. Results are
 * the same. */
struct fox_pool *fox_cpu_pool(const struct fox_dev *d, uint64_t multiplications);

/* Elements of a slot's row. LOGITS has no buffer here: it lies with the step. */
static inline uint64_t fox_cpu_width(const struct fox_dev *d, int slot)
{
	return d->ask.graph->width[slot];
}

#endif
