/* arch_gemma2.c - Gemma2ForCausalLM.
 *
 * As Gemma, but: four norms in a layer, scores and logits soft-capped, every other layer (from the first on) sees only
 * a window, scores are scaled by query_pre_attn_scalar^-1/2.  spec/arch.md 8.2
 * source: transformers models/gemma2; llama.cpp conversion/gemma.py and src/models/gemma2.cpp */
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
    {.key = "{arch}.attn_logit_softcapping",
        .type = FOX_K_F32,
        .field = FIELD(attn_softcap),
        .config = "attn_logit_softcapping",
        .preset = 50},
    {.key = "{arch}.final_logit_softcapping",
        .type = FOX_K_F32,
        .field = FIELD(logit_softcap),
        .config = "final_logit_softcapping",
        .preset = 30},
    K_WINDOW,
    /* not read by llama.cpp, which goes by head_dim (or, for 46 layers, by d_model / heads) */
    K_ATTN_SCALE,
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
    T_NORM(FOX_R_ATTN_POST_NORM, BLK "post_attention_norm.weight", HF "post_attention_layernorm.weight", FOX_T_ADD_ONE),
    T_FFN_NORM("pre_feedforward_layernorm.weight", FOX_T_ADD_ONE),
    T_FFN,
    T_NORM(FOX_R_FFN_POST_NORM, BLK "post_ffw_norm.weight", HF "post_feedforward_layernorm.weight", FOX_T_ADD_ONE),
    T_OUTPUT_NORM(FOX_T_ADD_ONE),
    T_OUTPUT,
};

static const struct fox_arch_rule rules[] = {
    R_PLAIN,
    R_NO_CODE,
    {"hidden_act|hidden_activation", "gelu_pytorch_tanh|null"},
    /* without a cap llama.cpp would still use its own defaults, so a file could not say it */
    {"attn_logit_softcapping|final_logit_softcapping", "any number"},
    {"attention_bias|use_bidirectional_attention", "false|null"},
    {"tie_word_embeddings", "true|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_gemma2 = {
    .name = "gemma2",
    .hf_class = "Gemma2ForCausalLM",
    .hf_types = "gemma2",
    .keys = keys,
    .n_keys = FOX_COUNT(keys),
    .tensors = tensors,
    .n_tensors = FOX_COUNT(tensors),
    .rules = rules,
    .n_rules = FOX_COUNT(rules),
    .ignored = "query_pre_attn_scalar|" ROPE_FIELDS "|" WINDOW_FIELDS "|" IGNORED,
    .tied = "tie_word_embeddings",
    .tied_default = true,
    .traits = {.rope = FOX_ROPE_HALVES,
        .norm = FOX_NORM_RMS,
        .act = FOX_ACT_GELU_TANH,
        .gated = true,
        .embed_scale = true,
        .query_scalar_default = 256,
        .scalings = 1u << FOX_SCALE_LINEAR | 1u << FOX_SCALE_YARN,
        .window = FOX_WINDOW_PERIOD,
        .window_period = 2,
        .window_default = 4096},
};
