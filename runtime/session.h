/* session.h - one timeline of a model: its cache, its position, its last logits. Mutable; one thread at a
 * time.
 *
 * Logits do not depend on the number of threads: they are bit-equal. In exact arithmetic they do not depend on how tokens
 * are split into steps and batches either; in fast arithmetic a row alone and a row among others may differ by
 * roundings. They do depend on the cache's type. spec/runtime.md 4 and 5. */
#ifndef FOX_SESSION_H
#define FOX_SESSION_H

#include "runtime/backend.h"
#include "runtime/model.h"

struct fox_session;

/* Zero-initialise: every zero means the default. */
struct fox_session_options {
	uint32_t n_ctx;                    /* positions; 0: what the model was trained for */
	uint32_t batch;                    /* rows at once; 0: what suits the backend */
	enum fox_type kv;                  /* of the cache: one of fox_kv_types (kv.h); FOX_F32 is 0, so the default */
	enum fox_arith arith;              /* FOX_ARITH_EXACT (the default) or FOX_ARITH_FAST: spec/runtime.md 5 */
	struct fox_pool *pool;             /* borrowed; NULL: the calling thread alone */
	const struct fox_kernels *kernels; /* borrowed; NULL: the table of this CPU */
	const struct fox_backend *backend; /* NULL: fox_cpu_backend */
	const struct fox_session *share;   /* an open session of this model and backend: where the backend copies weights to a
	                                    * device, its copy serves both. One thread at a time uses either; any closes first */
};

/*
 * fox_session_open - take the memory of a timeline and stand at position 0
 *
 * m       outlives the session
 * errors  FOX_E_ARG a cache type, batch or context that cannot be; FOX_E_BOUND, FOX_E_NOMEM with the size
 */
enum fox_status fox_session_open(struct fox_session **out, const struct fox_model *m,
    const struct fox_session_options *options, struct fox_err *err) FOX_MUST_CHECK;
void fox_session_close(struct fox_session *s); /* NULL is fine */

/* What a step hands out beside the last logits. Each may be NULL. */
struct fox_session_taps {
	float *logits; /* f32 [n][n_vocab]: at every position of the step */
	float *hidden; /* f32 [n_layers][n][d_model]: the residual stream after each layer */
	fox_observe_fn *observe; /* told of each product, batch by batch; that of the output: only rows whose
	                          * logits are computed */
	void *observe_ctx;
};

/*
 * fox_session_step - run n tokens at the next n positions
 *
 * ids     [n], n >= 1
 * taps    NULL: only the logits after the last token are computed
 * errors  FOX_E_BOUND an id outside the vocabulary, or more tokens than positions left: nothing has changed
 * then; what the backend reports: the session is then at the position before the failed batch
 */
enum fox_status fox_session_step(struct fox_session *s, const int32_t *ids, size_t n,
    const struct fox_session_taps *taps, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_session_likeliest - run n tokens, and hand out the likeliest next one instead of its logits
 *
 * among   1 .. n_vocab: of the first so many ids
 * best    the lowest id among those of the largest logit; -1 when none is above -inf (fox_likeliest)
 * errors  as fox_session_step. fox_session_logits gives NULL afterwards
 */
enum fox_status fox_session_likeliest(struct fox_session *s, const int32_t *ids, size_t n, uint32_t among,
    int32_t *best, struct fox_err *err) FOX_MUST_CHECK;

/* f32 [n_vocab] after the last token; valid until the next step; NULL before the first and after a rewind. */
const float *fox_session_logits(const struct fox_session *s);

uint32_t fox_session_position(const struct fox_session *s); /* tokens run so far */
uint32_t fox_session_context(const struct fox_session *s);  /* positions in all */

/*
 * fox_session_rewind - go back and forget what came after
 *
 * Layers with a sliding window keep what their window and a batch can touch, no more. Where they no longer hold what
 * `position` sees, the session goes back to 0 instead: fox_session_position tells. What lies less than a batch before the
 * furthest position, and 0, is always reached; everything is where no layer has a window, or the context is not larger than it.
 *
 * errors  FOX_E_ARG the position lies ahead
 */
enum fox_status fox_session_rewind(
    struct fox_session *s, uint32_t position, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_session_reuse - go back to where what was run and what shall be run part
 *
 * ids     [n], n >= 1: a whole sequence, from position 0 on
 * returns how many of its first tokens need not be run again: at most n - 1, so that the step which must follow gives the
 *         logits after the last. The session's position is that.
 */
uint32_t fox_session_reuse(struct fox_session *s, const int32_t *ids, size_t n);

/* Bytes of a device's memory that the session holds now, weights in them; 0 where it runs in the host's own. */
uint64_t fox_session_taken(const struct fox_session *s);

/* Memory of one model with one session, in bytes. */
struct fox_memory {
	uint64_t weights; /* tensor data: in place in the map, or a device's copy */
	uint64_t kv;      /* the cache, filled to the last position */
	uint64_t scratch; /* activations, attention, angles, ids */
	uint64_t logits;  /* of one position */
	uint64_t total;
};

/*
 * fox_session_memory - what running takes, from sizes alone: no model is opened, no memory taken
 *
 * h         checked
 * weights   bytes of tensor data in the container
 * options   as for fox_session_open
 * errors    FOX_E_ARG, FOX_E_BOUND as there
 */
enum fox_status fox_session_memory(struct fox_memory *out, const struct fox_hparams *h, uint64_t weights,
    const struct fox_session_options *options, struct fox_err *err) FOX_MUST_CHECK;

#endif
