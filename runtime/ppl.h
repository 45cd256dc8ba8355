/* ppl.h - how likely a model finds a text, and how far another model's predictions are from its own.
 *
 * Each chunk starts from an empty cache; its first half is context, and of the second half every id but the chunk's first
 * scored position's is predicted from all before it: rows n_ctx / 2 .. n_ctx - 2 predict ids n_ctx / 2 + 1 .. n_ctx - 1.
 * All figures are computed in double, sums over positions in rising order: bit-equal for any number of threads.
 * source: llama.cpp tools/perplexity/perplexity.cpp (what is scored, every formula); spec/verify.md 9 has them */
#ifndef FOX_PPL_H
#define FOX_PPL_H

#include "runtime/chunks.h"
#include "runtime/session.h"

/* A mean (or what is made of one) and its standard error; the error is 0 where fewer than 2 positions are scored. */
struct fox_ppl_mean {
	double value, error;
};

struct fox_ppl {
	uint64_t n; /* ids predicted */
	uint32_t n_chunks, n_ctx;
	struct fox_ppl_mean ln;  /* mean of -ln p(id), nats */
	struct fox_ppl_mean ppl; /* exp(ln.value), and that times ln.error */
};

/* Model against base, p and b their probabilities over the vocabulary. Not finite where a model's logits are not. */
struct fox_ppl_pair {
	struct fox_ppl model, base;
	double correlation; /* of ln p(id) and ln b(id) over positions; NaN when one of them is constant */
	struct fox_ppl_mean ln_ratio; /* of model.ppl / base.ppl: mean of ln b(id) - ln p(id) */
	struct fox_ppl_mean ratio;    /* exp(ln_ratio.value), and that times ln_ratio.error */
	struct fox_ppl_mean kld;      /* mean over positions of sum b (ln b - ln p), nats, >= 0 */
	double kld_min, kld_median, kld_90, kld_99, kld_999, kld_max; /* percentiles: linear between neighbours */
	struct fox_ppl_mean delta_p;                                  /* mean of p(id) - b(id) */
	struct fox_ppl_mean delta_p_rms;                              /* square root of the mean of its square */
	double delta_p_max;                                           /* largest |p(id) - b(id)| */
	struct fox_ppl_mean
	    same_top; /* share of positions whose likeliest id is the same; of equal ones the lowest id */
};

/* How far a run is. */
struct fox_ppl_progress {
	uint32_t chunk, n_chunks;  /* chunks done, of all */
	uint64_t n;                /* positions scored so far */
	double ppl, base_ppl, kld; /* of those; base_ppl and kld 0 without a base. NaN while n is 0 */
};

/* Called on the calling thread after each step of at most 256 rows. Another status than FOX_OK ends the run with it: so a
 * run is cancelled. */
typedef enum fox_status (*fox_ppl_fn)(void *ctx, const struct fox_ppl_progress *p, struct fox_err *err);

/* Zero-initialise: every zero means the default. */
struct fox_ppl_options {
	enum fox_type kv;                  /* of the caches: one of fox_kv_types */
	enum fox_arith arith;              /* of products; FOX_ARITH_EXACT is the default */
	struct fox_pool *pool;             /* borrowed; NULL: the calling thread alone */
	const struct fox_kernels *kernels; /* borrowed; NULL: the table of this CPU */
	const struct fox_backend *backend; /* NULL: fox_cpu_backend */
	fox_ppl_fn progress;               /* NULL: nobody is told */
	void *progress_ctx;
};

/*
 * fox_ppl_run - perplexity of the chunks under one model
 *
 * memory  a session of n_ctx positions, up to 256 rows of logits but no more than 64 MiB (at least one), 32 bytes a position
 * errors  FOX_E_MISMATCH: an id that the model has no row for; those of fox_session_open and fox_session_step; what
 *         progress returns; FOX_E_NOMEM
 */
enum fox_status fox_ppl_run(struct fox_ppl *out, const struct fox_model *m, const struct fox_chunks *chunks,
    const struct fox_ppl_options *options, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_ppl_compare - two models over the same chunks, in lockstep: no logits are kept
 *
 * m, base  of equal vocabularies: the caller's to see to (fox_chunks_same_vocab, fox_chunks_same)
 * memory   twice that of fox_ppl_run
 * errors   as fox_ppl_run; FOX_E_MISMATCH: rows of logits of different length
 */
enum fox_status fox_ppl_compare(struct fox_ppl_pair *out, const struct fox_model *m,
    const struct fox_model *base, const struct fox_chunks *chunks, const struct fox_ppl_options *options,
    struct fox_err *err) FOX_MUST_CHECK;

#endif
