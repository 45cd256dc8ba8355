/* arch_gemma3.c - Gemma3ForCausalLM, the text model.
 *
 * As Gemma 2 without the cap on scores, but: queries and keys are normed in each head, five layers in six see a window
 * and rotate by a base of their own, only the others' angles are scaled.  spec/arch.md 8.3
 * source: transformers models/gemma3; llama.cpp conversion/gemma.py and src/models/gemma3.cpp */
#include "format/arch/arch_common.h"

static const struct fox_arch_key keys[] = {
    K_BLOCKS("num_hidden_layers"),
    K_CTX("max_position_embeddings", 131072),
    K_WIDTH("hidden_size"),
    K_FF("intermediate_size", true),
    K_HEADS("num_attention_heads"),
    K_KV_HEADS("num_key_value_heads"),
    K_SCALING,
    {.key = "{arch}.rope.freq_base",
        .type = FOX_K_F32,
        .field = FIELD(rope_theta),
        .config = ROPE_THETA,
        .preset = 1000000},
    {.key = "{arch}.rope.freq_base_swa",
        .type = FOX_K_F32,
        .field = FIELD(rope_theta_local),
        .config = "rope_local_base_freq|rope_parameters.sliding_attention.rope_theta",
        .preset = 10000},
    K_RMS_EPS("rms_norm_eps", 1e-6),
    K_KEY_LENGTH("head_dim", 256),
    K_VALUE_LENGTH("head_dim", 256),
    {.key = "{arch}.final_logit_softcapping",
        .type = FOX_K_F32,
        .field = FIELD(logit_softcap),
        .config = "final_logit_softcapping",
        .quiet = true},
    K_WINDOW,
    K_ATTN_SCALE,
    K_VOCAB_ONLY("vocab_size"),
};

static const struct fox_arch_tensor tensors[] = {
    T_EMBD,
    T_ATTN_NORM(FOX_T_ADD_ONE),
    T_Q(0),
    T_K(0),
    T_V,
    T_Q_NORM(FOX_D_HEAD, FOX_T_ADD_ONE),
    T_K_NORM(FOX_D_HEAD, FOX_T_ADD_ONE),
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
    {"attn_logit_softcapping", "null"},
    {"attention_bias|use_bidirectional_attention", "false|null"},
    {"tie_word_embeddings", "true|null"},
    R_DECODER,
};

const struct fox_arch fox_arch_gemma3 = {
    .name = "gemma3",
    .hf_class = "Gemma3ForCausalLM",
    .hf_types = "gemma3_text",
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
        .window_period = 6,
        .window_default = 4096},
};
