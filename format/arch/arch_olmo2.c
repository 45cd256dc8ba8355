/* arch_olmo2.c - Olmo2ForCausalLM.
 *
 * No norm before attention and feed-forward, one after each instead; queries and keys are normed over all heads
 * together before they rotate.  spec/arch.md 8.9
 * source: transformers models/olmo2; llama.cpp conversion/olmo.py and src/models/olmo2.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_hidden_layers"),
    K_CTX("max_position_embeddings", 2048),
    K_WIDTH("hidden_size"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_SCALING,
    K_THETA,
    K_RMS_EPS("rms_norm_eps", 1e-5),
    K_HEAD_DIM_IF_GIVEN,
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_Q(0),
    T_K(0),
    T_V,
    T_Q_NORM(FOX_D_Q, 0),
    T_K_NORM(FOX_D_KV, 0),
    T_OUT,
    T_NORM(FOX_R_ATTN_POST_NORM, BLK "post_attention_norm.weight", HF "post_attention_layernorm.weight", 0),
    T_FFN,
    T_NORM(FOX_R_FFN_POST_NORM, BLK "post_ffw_norm.weight", HF "post_feedforward_layernorm.weight", 0),
    T_OUTPUT_NORM(0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"hidden_act", "silu|swish"},
    {"attention_bias", "false|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_olmo2 = {
    .name = "olmo2",
    .hf_class = "Olmo2ForCausalLM",
    .hf_types = "olmo2",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .traits = {.rope = FOX_ROPE_HALVES,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_SILU,
        .gated = true,
        .scalings = 1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN},
};
