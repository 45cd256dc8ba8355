/* arch.h - the architecture table: per family, its tensors, keys and traits. Data, not code.
 *
 * A row says everything that converter, verifier and runtime need; no second list exists anywhere. Add a
 * family by adding a file arch/arch_<name>.c and a line in arch.c.  spec/arch.md explains each column. */
#ifndef FOX_ARCH_H
#define FOX_ARCH_H

#include "format/base/arena.h"
#include "format/hparam.h"

/* What the graph asks for. Per-layer roles come after FOX_R_PER_LAYER; _B is the bias of the role before it. */
enum fox_role {
	FOX_R_TOKEN_EMBD,
	FOX_R_POS_EMBD,    /* learned positions, added to the embedding */
	FOX_R_EMBD_NORM,   /* layer norm right after the embedding */
	FOX_R_EMBD_NORM_B,
	FOX_R_ROPE_FREQS,  /* what each rotary frequency is divided by; made from config.json, not read */
	FOX_R_ROPE_LONG,   /* likewise, for contexts beyond the original one */
	FOX_R_ROPE_SHORT,  /* likewise, within it */
	FOX_R_OUTPUT_NORM,
	FOX_R_OUTPUT_NORM_B,
	FOX_R_OUTPUT,
	FOX_R_PER_LAYER,
	FOX_R_ATTN_NORM = FOX_R_PER_LAYER,
	FOX_R_ATTN_NORM_B,
	FOX_R_ATTN_QKV, /* Q, K and V in one: query rows, key rows, value rows */
	FOX_R_ATTN_QKV_B,
	FOX_R_ATTN_Q,
	FOX_R_ATTN_Q_B,
	FOX_R_ATTN_K,
	FOX_R_ATTN_K_B,
	FOX_R_ATTN_V,
	FOX_R_ATTN_V_B,
	FOX_R_ATTN_Q_NORM, /* of each head (FOX_D_HEAD) or of all of them together (FOX_D_Q) */
	FOX_R_ATTN_K_NORM,
	FOX_R_ATTN_OUT,
	FOX_R_ATTN_OUT_B,
	FOX_R_ATTN_POST_NORM, /* of what attention adds to the stream */
	FOX_R_FFN_NORM,
	FOX_R_FFN_NORM_B,
	FOX_R_FFN_GATE_UP, /* gate rows, then up rows */
	FOX_R_FFN_GATE,
	FOX_R_FFN_GATE_B,
	FOX_R_FFN_UP,
	FOX_R_FFN_UP_B,
	FOX_R_FFN_DOWN,
	FOX_R_FFN_DOWN_B,
	FOX_R_FFN_POST_NORM, /* of what the feed-forward adds to the stream */
	FOX_R_COUNT
};

/* Sizes that a shape is made of, solved against hparams for a layer. */
enum fox_dim {
	FOX_D_NONE, /* this dimension does not exist (1-D tensors) */
	FOX_D_MODEL,
	FOX_D_VOCAB,
	FOX_D_Q,   /* n_heads * head_dim */
	FOX_D_KV,  /* n_kv_heads * head_dim */
	FOX_D_QKV, /* FOX_D_Q + 2 FOX_D_KV */
	FOX_D_FF,
	FOX_D_FF2,       /* 2 FOX_D_FF */
	FOX_D_HEAD,      /* head_dim */
	FOX_D_CTX,       /* n_ctx */
	FOX_D_ROPE_PAIRS /* rope_dims / 2 */
};

/* How a container's tensor is made of its source. Rows are those of the container unless said otherwise. */
enum fox_how {
	FOX_T_OPTIONAL = 1u << 0, /* may be absent in source and container */
	FOX_T_ROPE_Q = 1u << 1,   /* rows go from split halves to adjacent pairs within each of n_heads heads */
	FOX_T_ROPE_K = 1u << 2,   /* likewise within each of n_kv_heads heads */
	FOX_T_TIED_EMBED =
	    1u << 3, /* when hparams.tied: not written; a source copy must equal the embedding bit for bit */
	FOX_T_KEEP_F32 = 1u << 4,  /* always stored as F32 (norms, 1-D) */
	FOX_T_ADD_ONE = 1u << 5,   /* stored = 1 + source, in f32 */
	FOX_T_FIRST_HALF = 1u << 6,  /* the source has twice the rows: the first half of them */
	FOX_T_SECOND_HALF = 1u << 7, /* likewise the second */
	/* source rows [head][3][head_dim]: all queries, then all keys, then all values in the container */
	FOX_T_QKV_HEADS = 1u << 8,
	FOX_T_TRANSPOSE = 1u << 9, /* the source is [cols][rows] */
	FOX_T_MADE = 1u << 10,     /* has no source: its values follow from hparams and config.json */
	FOX_T_BIAS = 1u << 11,     /* there when hparams.bias_qkv says so, absent otherwise */
	FOX_T_BIAS_OUT = 1u << 12, /* likewise hparams.bias_out */
	FOX_T_BIAS_FFN = 1u << 13, /* likewise hparams.bias_ffn */
	FOX_T_SERIAL = 1u << 14    /* absent when hparams.parallel */
};

struct fox_arch_tensor {
	enum fox_role role;
	const char *name;        /* container: "blk.{l}.attn_q.weight" */
	const char *hf;          /* source:    "model.layers.{l}.self_attn.q_proj.weight"; NULL: FOX_T_MADE */
	enum fox_dim rows, cols; /* container's shape [rows][cols]; 1-D: rows = FOX_D_NONE, cols = length */
	uint32_t how;            /* FOX_T_* */
};

enum fox_key_type {
	FOX_K_U32,
	FOX_K_F32,
	FOX_K_BOOL,
	FOX_K_U32_LAYERS, /* scalar, or array when layers differ */
	/* as FOX_K_U32_LAYERS; config.json has multiples of the model width instead: each product goes to the nearest
	 * multiple of hparams.ff_divisor, and one up when that loses more than a tenth */
	FOX_K_MULTIPLES,
	FOX_K_ROPE_KIND, /* enum fox_rope_scaling as "linear", "yarn", "longrope"; llama3 is told by its tensor alone */
	/* bool for each layer, or a period p that stands for l % p < p - 1; written when it is not the family's own pattern */
	FOX_K_WINDOWED
};

/*
 * One container key that mirrors a field of fox_hparams and a field of config.json.
 *
 * Rows stand in the order in which keys are written; the row of n_layers comes before any row with a number for each
 * layer. Several rows may share a field (key_length and value_length): what they read must agree then. Rows of fields
 * that config.json spells in a way of its own (rotary scaling, windows) have no config: convert/hf_rope.c and
 * convert/hf_window.c fill them, inspect/ver_rope.c proves them.
 */
struct fox_arch_key {
	const char *key; /* "{arch}.attention.head_count"; NULL: in config.json only */
	enum fox_key_type type;
	size_t field; /* offsetof(struct fox_hparams, ...) */
	/* config.json names, '|'-separated, dots for nesting; all that are present (null counts as absent) must agree:
	   "rope_theta|rope_parameters.rope_theta"; NULL: not in config.json */
	const char *config;
	bool required;     /* config.json must have it; when absent and not required the preset applies */
	double preset;     /* default value in config.json and container (0: fox_arch_derive fills it) */
	bool optional_key; /* written only when config.json has one of the names */
	bool quiet;        /* written only when the field differs from the preset (0: when it is not 0) */
	bool zero_key;     /* FOX_K_U32: a container may hold 0, which means "none"; written so unless quiet */
	bool key_required; /* a container must have it */
};

/* The field a row is about: one number, or FOX_MAX_LAYERS of them for FOX_K_U32_LAYERS. type must be the
 * row's. */
static inline uint32_t *fox_arch_u32(struct fox_hparams *h, const struct fox_arch_key *k)
{
	return (uint32_t *)(void *)((char *)h + k->field);
}

static inline float *fox_arch_f32(struct fox_hparams *h, const struct fox_arch_key *k)
{
	return (float *)(void *)((char *)h + k->field);
}

static inline bool *fox_arch_bool(struct fox_hparams *h, const struct fox_arch_key *k)
{
	return (bool *)(void *)((char *)h + k->field);
}

/* Has the row a number for each layer? */
static inline bool fox_arch_per_layer(const struct fox_arch_key *k)
{
	return k->type == FOX_K_U32_LAYERS || k->type == FOX_K_MULTIPLES;
}

enum fox_rope_kind {
	FOX_ROPE_NONE,
	FOX_ROPE_PAIRS,
	FOX_ROPE_HALVES
}; /* layout in the container: NORM, NEOX */
enum fox_norm_kind { FOX_NORM_RMS, FOX_NORM_LAYER };
enum fox_act_kind { FOX_ACT_SILU, FOX_ACT_GELU_TANH };

/* Which layers see only a window, where no key says otherwise. */
enum fox_window_kind {
	FOX_WINDOW_NONE,   /* a window is refused */
	FOX_WINDOW_ALL,    /* all, when config.json has 'sliding_window' */
	FOX_WINDOW_SWITCH, /* 'use_sliding_window', and then layers from 'max_window_layers' on */
	FOX_WINDOW_PERIOD  /* layer l when l % window_period < window_period - 1 */
};

struct fox_traits {
	enum fox_rope_kind rope;
	enum fox_norm_kind norm;
	enum fox_act_kind act;
	bool gated;            /* feed-forward has gate and up */
	bool rope_partial;     /* rope_dims may be less than head_dim */
	bool embed_scale;      /* the embedding is multiplied by sqrt(d_model) */
	bool alibi;            /* scores get a slope for each head times the distance; the largest exponent is 8 */
	uint32_t ff_multiple;  /* d_ff when nobody says: so many times d_model; 0: must be said */
	float rope_partial_default; /* share of the head that is rotated when config.json does not say; 0: all */
	uint32_t scalings;     /* rotary scalings that the family and its readers know: bits 1 << enum fox_rope_scaling */
	enum fox_window_kind window;
	uint32_t window_period;
	uint32_t window_default;  /* positions when config.json does not say; 0: no window then */
	uint32_t query_scalar_default; /* 'query_pre_attn_scalar' when config.json does not say; 0: no such field */
};

/*
 * Config.json fields that change the maths: each must have a value that the family handles, else it is
 * refused by name.
 *
 * accept  '|'-separated: words stand for strings; null, true, false and numbers for themselves; {} for an
 * empty object;
 *         [] for an array whose elements are all accepted; "any number" for every number. Absent counts as accepted.
 */
struct fox_arch_rule {
	/* "attention_bias|mlp_bias" (same path syntax as fox_arch_key.config; each is checked) */
	const char *config;
	const char *accept; /* "silu|swish" */
};

struct fox_arch {
	const char *name;     /* general.architecture: "llama" */
	const char *hf_class; /* '|'-separated entries of config.json "architectures" */
	const char *hf_types; /* '|'-separated "model_type" that go with them */
	const struct fox_arch_key *keys;
	size_t n_keys;
	const struct fox_arch_tensor *tensors;
	size_t n_tensors;
	const struct fox_arch_rule *rules;
	size_t n_rules;
	const char *ignored; /* '|'-separated config.json fields that do not change the maths; any other unknown
	                        one is an error */
	const char *tied;    /* '|'-separated config.json names that say whether the output is the embedding */
	bool tied_default;   /* when config.json does not say */
	/* bools of config.json, '|'-separated: attention (Q, K and V), attention's output, feed-forward; NULL: the
	   family's rows say it all */
	const char *bias_qkv, *bias_out, *bias_ffn;
	/* Some checkpoints have this before every source name; NULL: none. Old saves of the inner model lack it. */
	const char *prefix;
	const char *buffers; /* '|'-separated ends of source names that are no weights, beside those of every family */
	struct fox_traits traits;
};

extern const struct fox_arch fox_arch_llama, fox_arch_mistral, fox_arch_gemma, fox_arch_gemma2, fox_arch_gemma3, fox_arch_qwen2,
    fox_arch_qwen3, fox_arch_stablelm, fox_arch_openelm, fox_arch_phi3, fox_arch_olmo2, fox_arch_bloom, fox_arch_gpt2;

/* All families, in order of listing; NULL past the last. */
const struct fox_arch *fox_arch_at(size_t i);
const struct fox_arch *fox_arch_by_name(struct fox_str name);      /* container name; NULL: unknown */
const struct fox_arch *fox_arch_by_class(struct fox_str hf_class); /* NULL: unknown */

/* Architecture of an open container, by general.architecture. FOX_E_FORMAT: no such key or no string;
 * FOX_E_UNSUPPORTED: a family without a row, with the list of those that have one. */
enum fox_status fox_arch_of(
    const struct fox_arch **out, const struct fox_gguf *g, struct fox_err *err) FOX_MUST_CHECK;

/* Walk a '|'-separated list: *rest starts at the list and ends as NULL; false at the end. */
bool fox_arch_next(const char **rest, struct fox_str *item);

/* True when `item` is one of the '|'-separated items of `list` (NULL: an empty list). */
bool fox_arch_lists(const char *list, struct fox_str item);

/* All classes (hf) or names (!hf) of the table, joined by ", ", for messages. Cut at cap. */
void fox_arch_handled(char *out, size_t cap, bool hf);

/* Give a row's field its preset; does nothing when the preset is 0. */
void fox_arch_preset(struct fox_hparams *h, const struct fox_arch_key *k);

/* Does a layer see only a window by the family's own pattern? (Not by what a container or config.json says.) */
bool fox_arch_windowed(const struct fox_arch *arch, uint32_t layer);

/*
 * fox_arch_derive - fill fields that were not given from those that were: head_dim = d_model / n_heads,
 * rope_dims = head_dim (where anything is rotated), n_kv_heads = n_heads, d_ff by ff_multiple
 *
 * Fields it cannot derive stay 0, for fox_hparams_check to refuse.
 * errors FOX_E_FORMAT when n_heads does not divide d_model, or n_heads differs between layers and head_dim is
 * not given
 */
enum fox_status fox_arch_derive(
    struct fox_hparams *h, const struct fox_arch *arch, struct fox_err *err) FOX_MUST_CHECK;

/* Expand {l} and {arch} in a pattern into out (NUL-terminated, at most cap bytes): false when it does not
 * fit, or the pattern has another placeholder. */
bool fox_arch_expand(char *out, size_t cap, const char *pattern, const struct fox_arch *arch, uint32_t layer);

/* The size a dimension has in a layer; 0 for FOX_D_NONE. */
uint64_t fox_arch_dim(const struct fox_hparams *h, enum fox_dim d, uint32_t layer);

/* One tensor of a concrete model. */
struct fox_slot {
	const struct fox_arch_tensor *row;
	uint32_t layer;      /* 0 for global tensors */
	char name[64];       /* container */
	char hf[192];        /* source; empty for FOX_T_MADE */
	uint64_t rows, cols; /* rows = 1 for 1-D */
	/* the source's name with the family's prefix; where there is none, and for FOX_T_MADE, empty */
	char prefixed[208];
};

/*
 * fox_arch_slots - every tensor the model can have, in canonical order: token_embd, blk.0.*, blk.1.*, ...,
 * output_norm, output
 *
 * That is the order of the family's rows, with its per-layer rows (which stand together) repeated for each
 * layer. Optional rows are included; rows with FOX_T_TIED_EMBED too. Left out are those that h rules out: biases it
 * does not have, the second norm of a parallel block, tables of a rotary scaling that it does not use.
 *
 * h       has passed fox_hparams_check
 * out     memory is the arena's; names are complete and NUL-terminated
 * errors  FOX_E_NOMEM; FOX_E_ARG when a name does not fit its array (a row of the table is wrong)
 */
enum fox_status fox_arch_slots(const struct fox_arch *arch, const struct fox_hparams *h,
    struct fox_arena *arena, struct fox_slot **out, size_t *n, struct fox_err *err) FOX_MUST_CHECK;

/* Parameters of the model: elements of all tensors that are not optional; a tied output counts once, as the
 * embedding. h has passed fox_hparams_check, whose limits keep the sum below 2^63. */
uint64_t fox_arch_params(const struct fox_arch *arch, const struct fox_hparams *h);

#endif
