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

/* How rotary angles grow beyond the context that a model was first trained for.  spec/arch.md 7 */
enum fox_rope_scaling {
	FOX_SCALE_NONE,
	FOX_SCALE_LINEAR,   /* all frequencies / factor */
	FOX_SCALE_YARN,     /* slow frequencies / factor, fast ones kept, a ramp between; cos and sin times attn_factor */
	FOX_SCALE_LONGROPE, /* each frequency / its own number: one table within orig_ctx, one beyond; attn_factor */
	FOX_SCALE_LLAMA3    /* each frequency / its own number (tensor rope_freqs.weight); in no key */
};

struct fox_rope {
	uint32_t kind;      /* enum fox_rope_scaling */
	float factor;       /* linear, yarn: above 0 */
	uint32_t orig_ctx;  /* yarn, longrope: positions; 0: n_ctx */
	float attn_factor;  /* cos and sin are multiplied by it (yarn: by it and by 1 + 0.1 ln factor); 0: 1 */
	float beta_fast, beta_slow; /* yarn: rotations over orig_ctx at the ends of the ramp; 0: 32 and 1 */
};

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
	float rope_theta_local;              /* base in windowed layers, which are never scaled; 0: as elsewhere */
	struct fox_rope rope;                /* of layers without a window of their own base */
	float attn_scale;                    /* of query times key; 0: 1 / sqrt(head_dim) */
	float attn_softcap, logit_softcap;   /* x becomes cap * tanh(x / cap); 0: none */
	uint32_t window;                     /* positions that a windowed layer sees, its own included; 0: none */
	uint32_t ff_divisor;                 /* config.json only: see FOX_K_MULTIPLES */
	bool parallel;                       /* the feed-forward reads attention's norm, both are added at once */
	bool bias_qkv, bias_out, bias_ffn;   /* where the family leaves it to the model: see fox_arch */
	bool tied;                           /* the output matrix is the embedding */
	bool windowed[FOX_MAX_LAYERS];       /* meant when window is not 0 */
	uint32_t n_heads[FOX_MAX_LAYERS];    /* query heads */
	uint32_t n_kv_heads[FOX_MAX_LAYERS]; /* divides n_heads */
	uint32_t d_ff[FOX_MAX_LAYERS];       /* elements of the feed-forward's inner width */
};

/* Positions that layer l sees at most, its own included; 0: all. */
static inline uint32_t fox_hparams_window(const struct fox_hparams *h, uint32_t l)
{
	return h->windowed[l] ? h->window : 0;
}

/* Do layer l's angles have the base of windowed layers, which is never scaled? */
static inline bool fox_hparams_local(const struct fox_hparams *h, uint32_t l)
{
	return h->rope_theta_local != 0 && fox_hparams_window(h, l);
}

/* "none", "linear", "yarn", "longrope" (container's words) or "llama3" (config.json's). */
const char *fox_rope_scaling_name(enum fox_rope_scaling kind);

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
