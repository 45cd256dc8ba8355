/* backend.h - what executes a program: the CPU here, other devices behind the same few functions. */
#ifndef FOX_BACKEND_H
#define FOX_BACKEND_H

#include "kernels/pool.h"
#include "kernels/product.h"
#include "runtime/graph.h"

struct fox_kernels;
struct fox_dev; /* the state of one session on one device: cache, scratch, angles */

/* What a device's state is made for. */
struct fox_dev_ask {
	const struct fox_graph *graph; /* borrowed, like hparams, pool and kernels: outlive the device */
	const struct fox_hparams *hparams;
	uint32_t n_ctx;                    /* positions of the cache; >= 1 */
	uint32_t batch;                    /* most rows of one run; >= 1 */
	enum fox_type kv;                  /* one of fox_kv_types */
	enum fox_arith arith;              /* of products */
	struct fox_pool *pool;             /* NULL: the calling thread alone */
	const struct fox_kernels *kernels; /* NULL: the table of this CPU */
	/* NULL, or an open state of the same backend and graph whose copy of the weights serves this one too; one thread at a
	 * time uses either. It may be closed first. */
	const struct fox_dev *beside;
};

/* Told of each product and of the embedding once it is computed, on the thread that runs the step; products that read the
 * same slot one after the other are told so.
 *
 * op   a FOX_OP_MATMUL or FOX_OP_EMBED of the graph
 * x    what a product read, f32 [rows][op->w->cols]; NULL for the embedding. Gone after the call
 * y    the result with its bias, f32 [rows][op->w->rows], of the embedding [rows][op->w->cols]: may be changed */
typedef void fox_observe_fn(void *ctx, const struct fox_op *op, const float *x, float *y, size_t rows);

/* One run over the program: n rows at positions pos .. pos + n - 1. */
struct fox_batch {
	const int32_t *ids; /* [n], each in [0, n_vocab) */
	uint32_t n, pos;    /* n <= batch; pos + n <= n_ctx */
	uint32_t pick;      /* logits are wanted for rows pick .. n - 1; n: for none */
	float *logits;      /* f32 [n - pick][n_vocab]; written by the run */
	int32_t *best;      /* NULL, or [n - pick]: of each row's first best_of logits the lowest index of the largest; -1: none
	                     * is above -Inf. What logits then holds is not said: a device need not hand them out */
	uint32_t best_of;   /* 1 .. n_vocab */
	float *hidden;      /* NULL, or where row 0 of layer 0 goes: f32 [layer][hidden_rows][d_model] */
	size_t hidden_rows; /* rows between two layers in hidden */
	fox_observe_fn *observe; /* NULL: nobody */
	void *observe_ctx;
};

/* Bytes that a state takes on its device. */
struct fox_dev_bytes {
	uint64_t kv;      /* the key-value cache at n_ctx positions */
	uint64_t scratch; /* activations, attention, angles */
	uint64_t weights; /* a copy of them; 0: none is made, or ask had no graph */
};

struct fox_backend {
	const char *name;
	uint32_t batch; /* rows of one run that suit it */
	/* The memory that open would take. graph may be NULL in ask: widths then come from hparams. FOX_E_ARG,
	 * FOX_E_BOUND. */
	enum fox_status (*need)(struct fox_dev_bytes *out, const struct fox_dev_ask *ask, struct fox_err *err);
	/* FOX_E_ARG, FOX_E_BOUND, FOX_E_NOMEM; FOX_E_UNSUPPORTED: no such device; *out is NULL then. */
	enum fox_status (*open)(struct fox_dev **out, const struct fox_dev_ask *ask, struct fox_err *err);
	/* Runs the whole program. FOX_E_CANCELLED before it or between two layers; else fails only where a device can. */
	enum fox_status (*run)(struct fox_dev *d, const struct fox_batch *s, struct fox_err *err);
	/* The next run begins at pos, not past where the last one ended. Returns where it can begin: pos, or 0 when a windowed
	 * layer no longer holds what a row at pos sees. */
	uint32_t (*rewind)(struct fox_dev *d, uint32_t pos);
	/* Bytes of device memory that the state and its weights hold now. NULL: it has none of its own. */
	uint64_t (*taken)(const struct fox_dev *d);
	void (*close)(struct fox_dev *d); /* NULL is fine */
};

extern const struct fox_backend fox_cpu_backend;
extern const struct fox_backend fox_cuda_backend; /* the first CUDA device: cuda_exec.c, spec/cuda.md */

/* For --backend: "auto", "cpu", "cuda", NULL. */
enum fox_backend_choice { FOX_BACKEND_AUTO, FOX_BACKEND_CPU, FOX_BACKEND_CUDA };
extern const char *const fox_backend_names[];

/* auto: the first CUDA device where there is one that this build can use, else the CPU. FOX_E_UNSUPPORTED, with the reason:
 * cuda was asked for and cannot be had. */
enum fox_status fox_backend_choose(
    const struct fox_backend **out, enum fox_backend_choice choice, struct fox_err *err) FOX_MUST_CHECK;

/* "cpu", or "cuda (NVIDIA H200)": for notes and reports. NULL: the CPU. */
void fox_backend_describe(const struct fox_backend *b, char *out, size_t size);

#endif
