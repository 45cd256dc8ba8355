/* arch_stablelm.c - StableLmForCausalLM: StableLM-2-1.6B, StableLM-3B.
 *
 * Layer norms with bias, biases on Q, K and V where the file says so, a share of each head rotated, gated SiLU; in some
 * models attention and feed-forward side by side.  spec/arch.md 8.6
 * source: transformers models/stablelm; llama.cpp conversion/stablelm.py and src/models/stablelm.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_hidden_layers"),
    K_CTX("max_position_embeddings", 4096),
    K_WIDTH("hidden_size"),
    K_FF("intermediate_size", true),
    K_ROPE_DIMS,
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    /* written as it is: llama.cpp's converter writes true when config.json does not say, and nobody reads it */
    {.key = "{arch}.use_parallel_residual",
        .type = FOX_K_BOOL,
        .field = FIELD(parallel),
        .config = "use_parallel_residual"},
    K_NORM_EPS("layer_norm_eps|norm_eps", 1e-5),
    K_THETA_QUIET,
    K_SCALING,
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ATTN_NORM(0),
    T_NORM(FOX_R_ATTN_NORM_B, BLK "attn_norm.bias", HF "input_layernorm.bias", 0),
    T_Q(0),
    T_Q_B(FOX_T_BIAS),
    T_K(0),
    T_K_B(FOX_T_BIAS),
    T_V,
    T_V_B(FOX_T_BIAS),
    T_OUT,
    T_FFN_NORM("post_attention_layernorm.weight", FOX_T_SERIAL),
    T_NORM(FOX_R_FFN_NORM_B, BLK "ffn_norm.bias", HF "post_attention_layernorm.bias", FOX_T_SERIAL),
    T_FFN,
    T_OUTPUT_NORM(0),
    T_NORM(FOX_R_OUTPUT_NORM_B, "output_norm.bias", "model.norm.bias", 0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"hidden_act", "silu|swish"},
    {"qk_layernorm", "false|null"}, /* StableLM-2-12B: each head's norms are tensors of their own */
    {"rotary_scaling_factor", "1|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_stablelm = {
    .name = "stablelm",
    .hf_class = "StableLmForCausalLM",
    .hf_types = "stablelm",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .bias_qkv = "use_qkv_bias",
    .traits = {.rope = FOX_ROPE_HALVES,
        .norm = FOX_NORM_LAYER,
        .act = FOX_ACT_SILU,
        .gated = true,
        .rope_partial = true,
        .rope_partial_default = 0.25f,
        .scalings = 1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN},
};
