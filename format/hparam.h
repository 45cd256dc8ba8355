/* hparam.h - the numbers that define a model, as fields with units, and their range checks.
 *
 * Filled from config.json (convert/hfconfig.c) or from a container's keys (fox_hparams_from_gguf) through the
 * same key table of the architecture (arch.h). */
#ifndef FOX_HPARAM_H
#define FOX_HPARAM_H

#include "format/gguf.h"

#define FOX_MAX_LAYERS 512u /* llama.cpp's LLAMA_MAX_LAYERS */

/* Limits of ours, far above any model, so that no product of sizes leaves 64 bits: spec/arch.md section 5. */
#define FOX_MAX_CTX 0x7FFFFFFFu   /* positions */
#define FOX_MAX_WIDTH (1u << 20)  /* d_model */
#define FOX_MAX_VOCAB (64u << 20) /* tokens: FOX_GGUF_MAX_ITEMS */
#define FOX_MAX_HEAD_DIM (1u << 16)
#define FOX_MAX_INNER (1u << 24) /* d_ff, and n_heads * head_dim */

struct fox_arch;

/* Zero means "not given" for every optional field. Per-layer counts are uniform unless the model says
 * otherwise. */
struct fox_hparams {
	uint32_t n_layers;  /* 1..FOX_MAX_LAYERS */
	uint32_t n_ctx;     /* positions the model was trained for */
	uint32_t d_model;   /* elements of the residual stream */
	uint32_t n_vocab;   /* rows of the embedding */
	uint32_t head_dim;  /* elements of one query or key head; also of a value head */
	uint32_t rope_dims; /* elements of a head that are rotated; <= head_dim, even */
	float rope_theta;   /* base of the angles */
	float norm_eps;
	bool tied;                           /* the output matrix is the embedding */
	uint32_t n_heads[FOX_MAX_LAYERS];    /* query heads */
	uint32_t n_kv_heads[FOX_MAX_LAYERS]; /* divides n_heads */
	uint32_t d_ff[FOX_MAX_LAYERS];       /* elements of the feed-forward's inner width */
};

/*
 * fox_hparams_check - every range and divisibility rule of the fields above, once they are all set
 *
 * errors FOX_E_FORMAT naming the field, its value and the rule
 */
enum fox_status fox_hparams_check(const struct fox_hparams *h, struct fox_err *err) FOX_MUST_CHECK;

/*
 * fox_hparams_from_gguf - read the architecture's keys from a container, apply defaults, check
 *
 * Defaults are llama.cpp's: head_count_kv = head_count, rope.freq_base 10000, key_length = embedding / heads,
 * rope.dimension_count = key_length, vocabulary = vocab_size, else the number of tokens. tied: there is no
 * output tensor.
 *
 * errors FOX_E_FORMAT: a key is missing, of another type or out of range (err->at is the value's offset);
 *        FOX_E_UNSUPPORTED: key and value heads of different sizes, scaled rotary angles (rope.scaling.*,
 * rope_freqs), experts, attention that is not causal; each names its key
 */
enum fox_status fox_hparams_from_gguf(struct fox_hparams *h, const struct fox_arch *arch,
    const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

#endif
