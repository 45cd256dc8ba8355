/* cuda_exec.h - the CUDA device's state, private to its source files.  spec/cuda.md */
#ifndef FOX_CUDA_EXEC_H
#define FOX_CUDA_EXEC_H

#include "kernels/cuda/ops.h"
#include "runtime/backend.h"

/* An operation's weights on the device. */
struct fox_cuda_operand {
	struct fox_cuda_matrix w; /* of products and look-ups */
	const float *vec, *bias;  /* of norms; of norms and products, or NULL */
};

/* A model's weights on the device, and the device: shared by sessions of one graph, gone with the last of them. */
struct fox_cuda_weights {
	unsigned users;
	struct fox_cuda *cuda;
	struct fox_cuda_operand *of; /* [n_ops of the graph] */
};

/* Bytes of device memory that fox_cuda_weights_open takes. FOX_E_NOMEM: of the host, while counting. */
enum fox_status fox_cuda_weights_bytes(
    uint64_t *out, const struct fox_graph *g, struct fox_err *err) FOX_MUST_CHECK;
/* Copy them to an open device, which is theirs from then on, also when this fails. FOX_E_NOMEM, FOX_E_IO; *out is NULL then. */
enum fox_status fox_cuda_weights_open(struct fox_cuda_weights **out, struct fox_cuda *cuda,
    const struct fox_graph *g, struct fox_err *err) FOX_MUST_CHECK;
void fox_cuda_weights_leave(struct fox_cuda_weights *w); /* one user less; NULL is fine */

/* The cache: layers that see all positions ([0]) and layers with a window ([1]) have pages of their own, since the latter keep
 * only as many as a window and a batch can touch. A page holds 256 positions of all layers of its kind. */
enum { FOX_CUDA_KINDS = 2 };
struct fox_cuda_kv {
	enum fox_type type;
	uint32_t window, oldest; /* oldest: from this position on windowed layers hold what was put */
	uint32_t all;            /* pages of n_ctx positions */
	struct {
		uint32_t n_pages, have; /* of a ring; taken so far */
		uint64_t page_bytes;    /* 0: no layer is of this kind */
		void **page;            /* [n_pages], host */
		void **table;           /* [n_pages], device */
	} kind[FOX_CUDA_KINDS];
	uint64_t key_at[FOX_MAX_LAYERS], value_at[FOX_MAX_LAYERS];
	uint8_t kind_of[FOX_MAX_LAYERS];
};

/* Sizes; no memory is taken. Errors as fox_kv_plan's. */
enum fox_status fox_cuda_kv_plan(struct fox_cuda_kv *kv, const struct fox_hparams *h, enum fox_type type,
    uint32_t n_ctx, uint32_t batch, struct fox_err *err) FOX_MUST_CHECK;
uint64_t fox_cuda_kv_bytes(const struct fox_cuda_kv *kv); /* of all pages */
uint64_t fox_cuda_kv_table_bytes(
    const struct fox_cuda_kv *kv); /* of the tables, which are the caller's scratch */
/* Take the tables' place at `tables` and what the host needs. FOX_E_NOMEM */
enum fox_status fox_cuda_kv_init(struct fox_cuda_kv *kv, void *tables, struct fox_err *err) FOX_MUST_CHECK;
/* Positions below `end` are about to be put: take the pages that are not there. FOX_E_NOMEM, FOX_E_IO */
enum fox_status fox_cuda_kv_reach(
    struct fox_cuda_kv *kv, struct fox_cuda *c, uint32_t end, struct fox_err *err) FOX_MUST_CHECK;
uint32_t fox_cuda_kv_rewind(struct fox_cuda_kv *kv, uint32_t pos); /* as fox_kv_rewind */
void fox_cuda_kv_free(struct fox_cuda_kv *kv, struct fox_cuda *c);
struct fox_cuda_cache fox_cuda_kv_of(
    const struct fox_cuda_kv *kv, const struct fox_hparams *h, uint32_t layer);

#define FOX_CUDA_BUCKETS 24u   /* powers of two of pages: 2^31 positions */
#define FOX_CUDA_HEAD_SHARE 32u /* of a batch's rows this part has logits at once: a row of a large vocabulary takes a megabyte */

/* The step of one row, recorded for up to 2^bucket pages. */
struct fox_cuda_decode {
	struct fox_cuda_program *program;
	bool used;        /* has run once without being recorded, so that every kernel is loaded */
	uint32_t best_of; /* 0: the program hands out logits */
};

struct fox_dev {
	struct fox_dev_ask ask;
	struct fox_cuda_weights *weights;
	struct fox_cuda *cuda; /* the weights' */
	struct fox_cuda_kv kv;
	uint8_t *scratch; /* one piece of device memory, carved into what follows */
	float *slot[FOX_S_COUNT];
	uint32_t *pos; /* of row 0; [batch] ids are right behind it */
	int32_t *ids, *best;
	float *cos[2],
	    *sin[2];   /* [positions][rope_dims / 2]: of most layers, of windowed ones with a base of their own */
	float *slopes; /* ALiBi: [heads] of layer 0, 1, .. */
	void *work;    /* scratch of products, attention, argmax */
	uint32_t head_rows;
	/* host */
	double *frequency[2]; /* [rope_dims / 2] */
	double multiplier[2];
	uint32_t angles; /* positions whose angles are there */
	uint32_t slopes_at[FOX_MAX_LAYERS];
	int32_t *input;  /* [1 + batch]: position, ids; pinned, as the next */
	int32_t *likely; /* [head_rows]: best, for the host */
	float *seen[2]; /* observers: what a product read, and its result */
	size_t seen_floats[2];
	struct fox_cuda_decode decode[2][FOX_CUDA_BUCKETS]; /* [1]: hands out the likeliest */
	/* the run in progress */
	const struct fox_batch *s;
	uint32_t rows;  /* that operations run over */
	uint32_t pages; /* how far attention reaches */
	bool fuse;      /* products with their neighbours; not when somebody observes them */
};

/* Run operation i of the graph and those after it that go with it; *i becomes the next. PICK is the caller's. cuda_ops.c */
enum fox_status fox_cuda_op(struct fox_dev *d, size_t *i, struct fox_err *err) FOX_MUST_CHECK;

#endif
