/* imatrix_run.h - what goes into each matrix while a text is run: the mean square of every column ("importance matrix"),
 * and, when asked, the products of all pairs of columns.
 *
 * Which tensors: every matrix product of a layer ("blk."), as llama-imatrix collects them; of tensors that the program uses
 * in parts (fused queries, keys and values; gate and up) the whole, once. The output matrix only when asked, and not where
 * it is the embedding. Each chunk of the text is run whole from an empty cache, and every position counts.
 * source: llama.cpp tools/imatrix/imatrix.cpp (collect_imatrix, compute_imatrix) */
#ifndef FOX_IMATRIX_RUN_H
#define FOX_IMATRIX_RUN_H

#include "runtime/chunks.h"
#include "runtime/session.h"

/* What several tensors read (queries, keys and values; gate and up): one set of sums. */
struct fox_calib_input {
	uint32_t layer; /* n_layers: what the output matrix reads */
	uint32_t cols;
	uint64_t count; /* rows seen */
	double *sum2;   /* [cols] sum of x^2 over rows, each square and sum in double, rows in rising order */
	/* NULL, or f32 [cols][cols], symmetric: sum over rows of x_i x_j. Products over the rows of one step (up to 64) are
	 * summed by dot[FOX_F32] of the kernels, the steps one after the other in f32. */
	float *gram;
};

struct fox_calib_tensor {
	struct fox_str name; /* in the container, which must stay open */
	uint32_t input;      /* which of fox_calib.inputs */
};

struct fox_calib {
	struct fox_calib_tensor *tensors; /* in the order of the program, each name once */
	size_t n_tensors;
	struct fox_calib_input *inputs;
	size_t n_inputs;
	uint32_t n_chunks, n_ctx; /* of the text: n_chunks * n_ctx rows were seen by every input */
};

/* Told after each step: chunks done of all. Another status than FOX_OK ends the run with it. */
typedef enum fox_status (*fox_calib_fn)(void *ctx, uint32_t chunk, uint32_t n_chunks, struct fox_err *err);

/* Zero-initialise: every zero means the default. */
struct fox_calib_options {
	uint32_t n_ctx;  /* ids of a chunk; 0: 512, or what the model was trained for where that is less */
	uint32_t chunks; /* at most; 0: all there are. Of these two fox_calibrate_chunks makes no use */
	bool output;     /* the output matrix too */
	bool embedding;  /* the embedding as output matrix, where the model ties them; fox_calib_write leaves it out */
	bool gram;       /* pairs of columns too */
	uint32_t layer0,
	    n_layers; /* only inputs of layers [layer0, layer0 + n_layers); n_layers 0: to the last */
	struct fox_pool
	    *pool; /* borrowed; NULL: the calling thread alone. Results are bit-equal for any number */
	const struct fox_kernels *kernels; /* borrowed; NULL: the table of this CPU */
	const struct fox_backend *backend; /* NULL: fox_cpu_backend. Sums are the host's whatever runs the model */
	fox_calib_fn progress;             /* NULL: nobody is told */
	void *progress_ctx;
};

/*
 * fox_calibrate - run a text and collect
 *
 * m       outlives out->tensors[].name
 * text    UTF-8, at least two chunks of it
 * memory  a session of n_ctx positions; per input 8 cols bytes, with gram 4 cols^2 more and once 256 (widest cols) for a
 *         step's columns; with output up to 64 rows of logits but no more than 64 MiB. fox_calib_bytes says it beforehand
 * errors  FOX_E_ARG: layers that the model does not have; FOX_E_MISMATCH: a sum is not finite, naming the tensor; those of
 *         fox_tokdata_from_gguf, fox_chunks_open, fox_session_open, fox_session_step; what progress returns; FOX_E_NOMEM.
 *         *out is zeroed then
 */
enum fox_status fox_calibrate(struct fox_calib *out, const struct fox_model *m, struct fox_str text,
    const struct fox_calib_options *options, struct fox_err *err) FOX_MUST_CHECK;
void fox_calib_free(struct fox_calib *c); /* zeroed is fine */

/* The same over ids: chunks of a text that the caller has cut, for several passes over the layers of one model. */
enum fox_status fox_calibrate_chunks(struct fox_calib *out, const struct fox_model *m,
    const struct fox_chunks *chunks, const struct fox_calib_options *options,
    struct fox_err *err) FOX_MUST_CHECK;

/* Bytes of all sums that fox_calibrate would keep: to choose how many layers to collect at once. */
uint64_t fox_calib_bytes(const struct fox_model *m, const struct fox_calib_options *options);

/*
 * fox_calib_write - the importance matrix of every tensor, as llama-imatrix writes it (format/imatrix.h): sums rounded to f32
 *
 * replace   an existing file
 * dataset   name of the text, for the file; {NULL, 0}: none is named
 * errors    those of fox_imatrix_write; FOX_E_NOMEM
 */
enum fox_status fox_calib_write(const struct fox_calib *c, const char *path, bool replace,
    struct fox_str dataset, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_calib_factor - have each input's gram replaced by the factor that fox_search_feedback takes
 *
 * c       collected with gram
 * errors  those of fox_feedback_factor; FOX_E_CANCELLED
 */
enum fox_status fox_calib_factor(struct fox_calib *c, struct fox_pool *pool, struct fox_err *err) FOX_MUST_CHECK;
/* Bytes that fox_calib_factor takes while it works, beside the sums. */
uint64_t fox_calib_factor_bytes(const struct fox_model *m, const struct fox_calib_options *options);
/* The factor of what a tensor reads, f32 [cols][cols]; NULL: not collected, or of another width. calib: struct fox_calib. */
const float *fox_calib_factor_of(void *calib, struct fox_str name, uint64_t cols);

/* The sums that a tensor reads, or NULL: not collected. */
const struct fox_calib_input *fox_calib_find(const struct fox_calib *c, struct fox_str name);

#endif
