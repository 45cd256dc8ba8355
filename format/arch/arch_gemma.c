/* arch_gemma.c - GemmaForCausalLM: Gemma 1 (2B, 7B), CodeGemma.
 *
 * As Llama, but: the embedding is scaled by sqrt(d_model), norms multiply by 1 + w (stored as that sum), the gate goes
 * through GELU (tanh form), heads have a size of their own, the output is the embedding.  spec/arch.md 8.1
 * source: transformers models/gemma; llama.cpp conversion/gemma.py and src/models/gemma.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_CTX("max_position_embeddings", 8192),
    K_WIDTH("hidden_size"),
    K_BLOCKS("num_hidden_layers"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_RMS_EPS("rms_norm_eps", 1e-6),
    K_KEY_LENGTH("head_dim", 256),
    K_VALUE_LENGTH("head_dim", 256),
    K_THETA_QUIET,
    K_SCALING,
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ATTN_NORM(FOX_T_ADD_ONE),
    T_Q(0),
    T_K(0),
    T_V,
    T_OUT,
    T_FFN_NORM("post_attention_layernorm.weight", FOX_T_ADD_ONE),
    T_FFN,
    T_OUTPUT_NORM(FOX_T_ADD_ONE),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    /* the published files say "gelu" and mean the tanh form: both are computed as it, in transformers too */
    {"hidden_act", "gelu|gelu_pytorch_tanh"},
    {"hidden_activation", "gelu_pytorch_tanh|null"},
    {"attention_bias|use_bidirectional_attention", "false|null"},
    {"tie_word_embeddings", "true|null"}, /* llama.cpp has no other output for this family */
    R_DECODER,
};

const struct fox_arch fox_arch_gemma = {
    .name = "gemma",
    .hf_class = "GemmaForCausalLM",
    .hf_types = "gemma",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .tied_default = true,
    .traits = {.rope = FOX_ROPE_HALVES,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_GELU_TANH,
        .gated = true,
        .embed_scale = true,
        .scalings = 1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN},
};
