/* arch_qwen2.c - Qwen2ForCausalLM: Qwen1.5, Qwen2, Qwen2.5.
 *
 * As Llama, but with biases on Q, K and V, halves that rotate together, and a window that some files switch on.
 * spec/arch.md 8.4
 * source: transformers models/qwen2; llama.cpp conversion/qwen.py and src/models/qwen2.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_hidden_layers"),
    K_CTX("max_position_embeddings", 32768),
    K_WIDTH("hidden_size"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_SCALING,
    K_THETA,
    K_RMS_EPS("rms_norm_eps", 1e-6),
    K_HEAD_DIM_IF_GIVEN,
    K_WINDOW, /* not read by llama.cpp, which sees everything */
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ATTN_NORM(0),
    T_Q(0),
    T_Q_B(0),
    T_K(0),
    T_K_B(0),
    T_V,
    T_V_B(0),
    T_OUT,
    T_FFN_NORM("post_attention_layernorm.weight", 0),
    T_FFN,
    T_OUTPUT_NORM(0),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"hidden_act", "silu|swish"},
    {"attention_bias", "true|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_qwen2 = {
    .name = "qwen2",
    .hf_class = "Qwen2ForCausalLM",
    .hf_types = "qwen2",
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
        .scalings = 1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN,
        .window = FOX_WINDOW_SWITCH,
        .window_default = 4096},
};
